#pragma once

/* Slices, and buffers that grow up to a bound.
 *
 * A slice borrows: it never owns and is never freed. Storing one past its owner's life is a bug;
 * copy it with bytes_dup() into the arena that outlives the use. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct arena;

struct bytes {
    const uint8_t *base;
    size_t len;
};

#define BYTES_LIT(s) ((struct bytes){(const uint8_t *)("" s), sizeof(s) - 1})
#define BYTES_NONE   ((struct bytes){NULL, 0})
/* For printf's "%.*s", which wants a pointer even for no bytes. */
#define BYTES_FMT(b) (int)(b).len, (b).base != NULL ? (const char *)(b).base : ""

static inline struct bytes bytes_of(const void *base, size_t len)
{
    return (struct bytes){(const uint8_t *)base, len};
}

static inline struct bytes bytes_str(const char *s)
{
    return (struct bytes){(const uint8_t *)s, strlen(s)};
}

static inline bool bytes_eq(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.base, b.base, a.len) == 0);
}

static inline bool bytes_eq_str(struct bytes a, const char *s)
{
    return bytes_eq(a, bytes_str(s));
}

/* Unsigned bytewise order, a prefix before its extensions: <0, 0, >0. */
int bytes_cmp(struct bytes a, struct bytes b);
bool bytes_has_prefix(struct bytes b, struct bytes prefix);
/* Whether `needle` occurs in `hay`; the empty needle always does. */
bool bytes_contains(struct bytes hay, struct bytes needle);
/* The part of `b` from `from` (clamped) to its end. */
struct bytes bytes_from(struct bytes b, size_t from);
/* A copy that lives as long as `a`. `base` is NULL only if the arena's cap was reached and len > 0.
 */
struct bytes bytes_dup(struct arena *a, struct bytes b);
/* A NUL-terminated copy in `a`, or NULL at the arena's cap. */
char *bytes_cstr(struct arena *a, struct bytes b);
/* The parts with `between` in their gaps, in the arena. `base` is NULL at the arena's cap. */
struct bytes bytes_join(struct arena *a, const struct bytes *parts, size_t n, char between);
/* printf into the arena. `base` is NULL at the arena's cap. */
struct bytes bytes_fmt(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A decimal unsigned integer that fills `b` entirely: OK, ERR_SYNTAX (not digits, empty),
 * ERR_TOO_BIG. */
MUST_CHECK enum err bytes_u64(struct bytes b, uint64_t *ret);

/* A growable heap buffer. Errors are sticky: after the bound is hit every append is a no-op, and
 * the caller checks `err` once at the end, so encoders read straight down. */
struct buf {
    uint8_t *base;
    size_t len;
    size_t cap;
    size_t len_max;
    enum err err; /* OK or ERR_TOO_BIG */
};

/* No memory is taken until the first append. */
void buf_init(struct buf *b, size_t len_max);
void buf_done(struct buf *b);
/* Empties the buffer and forgives its error; the memory stays for reuse. */
void buf_clear(struct buf *b);
/* Makes room for `n` more bytes and returns where to write them, or NULL (and sticky ERR_TOO_BIG).
 * The caller then adds what it wrote to `len`. */
uint8_t *buf_reserve(struct buf *b, size_t n);
/* As buf_put(), for when there is no room, or nothing to put. */
void buf_put_slowly(struct buf *b, const void *p, size_t n);
static inline void buf_put(struct buf *b, const void *p, size_t n)
{
    if (n > 0 && n <= b->cap - b->len && b->err == OK) {
        memcpy(b->base + b->len, p, n);
        b->len += n;
    } else {
        buf_put_slowly(b, p, n);
    }
}

static inline void buf_put_bytes(struct buf *b, struct bytes s)
{
    buf_put(b, s.base, s.len);
}

static inline void buf_put_str(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_putf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline void buf_put_u8(struct buf *b, uint8_t v)
{
    if (b->len < b->cap) {
        b->base[b->len++] = v;
    } else {
        buf_put(b, &v, 1);
    }
}

static inline struct bytes buf_bytes(const struct buf *b)
{
    return (struct bytes){b->base, b->len};
}
