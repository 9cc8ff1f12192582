/* Slices and bounded buffers. */
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"

int bytes_cmp(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n == 0 ? 0 : memcmp(a.base, b.base, n);
    if (c != 0) {
        return c;
    }
    return (a.len > b.len) - (a.len < b.len);
}

bool bytes_has_prefix(struct bytes b, struct bytes prefix)
{
    return b.len >= prefix.len && (prefix.len == 0 || memcmp(b.base, prefix.base, prefix.len) == 0);
}

bool bytes_contains(struct bytes hay, struct bytes needle)
{
    if (needle.len == 0) {
        return true;
    }
    return hay.len >= needle.len && memmem(hay.base, hay.len, needle.base, needle.len) != NULL;
}

struct bytes bytes_from(struct bytes b, size_t from)
{
    if (from >= b.len) {
        return (struct bytes){b.base, 0};
    }
    return (struct bytes){b.base + from, b.len - from};
}

struct bytes bytes_dup(struct arena *a, struct bytes b)
{
    if (b.len == 0) {
        return BYTES_NONE;
    }
    uint8_t *copy = arena_alloc_bytes(a, b.len);
    if (copy == NULL) {
        return BYTES_NONE;
    }
    memcpy(copy, b.base, b.len);
    return (struct bytes){copy, b.len};
}

char *bytes_cstr(struct arena *a, struct bytes b)
{
    char *copy = (char *)arena_alloc_bytes(a, b.len + 1);
    if (copy == NULL) {
        return NULL;
    }
    if (b.len > 0) {
        memcpy(copy, b.base, b.len);
    }
    copy[b.len] = '\0';
    return copy;
}

struct bytes bytes_join(struct arena *a, const struct bytes *parts, size_t n, char between)
{
    size_t len = n > 0 ? n - 1 : 0;
    for (size_t i = 0; i < n; i++) {
        len += parts[i].len;
    }
    uint8_t *to = arena_alloc_bytes(a, len + 1);
    if (to == NULL) {
        return BYTES_NONE;
    }
    uint8_t *at = to;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            *at++ = (uint8_t)between;
        }
        if (parts[i].len > 0) {
            memcpy(at, parts[i].base, parts[i].len);
            at += parts[i].len;
        }
    }
    return bytes_of(to, len);
}

struct bytes bytes_fmt(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *text = (char *)arena_alloc_bytes(a, (size_t)n + 1);
    if (text == NULL) {
        return BYTES_NONE;
    }
    va_start(ap, fmt);
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return bytes_of(text, (size_t)n);
}

enum err bytes_u64(struct bytes b, uint64_t *ret)
{
    if (b.len == 0) {
        return ERR_SYNTAX;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++) {
        if (b.base[i] < '0' || b.base[i] > '9') {
            return ERR_SYNTAX;
        }
        if (__builtin_mul_overflow(v, 10U, &v) ||
            __builtin_add_overflow(v, (uint64_t)(b.base[i] - '0'), &v)) {
            return ERR_TOO_BIG;
        }
    }
    *ret = v;
    return OK;
}

void buf_init(struct buf *b, size_t len_max)
{
    *b = (struct buf){.len_max = len_max};
}

void buf_done(struct buf *b)
{
    free(b->base);
    *b = (struct buf){.len_max = b->len_max};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->err = OK;
}

uint8_t *buf_reserve(struct buf *b, size_t n)
{
    if (b->err != OK) {
        return NULL;
    }
    if (n > b->len_max - b->len) {
        b->err = ERR_TOO_BIG;
        return NULL;
    }
    if (n > b->cap - b->len) {
        size_t cap = b->cap < 128 ? 256 : b->cap * 2;
        if (cap < b->len + n) {
            cap = b->len + n;
        }
        if (cap > b->len_max) {
            cap = b->len_max;
        }
        uint8_t *grown = realloc(b->base, cap);
        ASSERT(grown != NULL);
        b->base = grown;
        b->cap = cap;
    }
    return b->base + b->len;
}

void buf_put_slowly(struct buf *b, const void *p, size_t n)
{
    if (n == 0) {
        return;
    }
    uint8_t *to = buf_reserve(b, n);
    if (to != NULL) {
        memcpy(to, p, n);
        b->len += n;
    }
}

void buf_putf(struct buf *b, const char *fmt, ...)
{
    /* Printed where it goes, if it fits there; else once more, when it is known how long it is. */
    size_t room = b->err == OK ? b->cap - b->len : 0;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(room > 0 ? (char *)b->base + b->len : NULL, room, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    if ((size_t)n < room) {
        b->len += (size_t)n;
        return;
    }
    /* vsnprintf wants room for its NUL; the NUL is not counted in `len`. */
    uint8_t *to = buf_reserve(b, (size_t)n + 1);
    if (to == NULL) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf((char *)to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}
