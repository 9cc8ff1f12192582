#pragma once

/* Arena: memory that is freed all at once.
 *
 * A request has one arena, born with it and gone with it; an applied replication batch has one too.
 * Each has a byte cap: at the cap arena_alloc() returns NULL, which the caller reports as
 * ERR_TOO_BIG. Running out of the machine's memory stops the process instead.
 *
 * Not thread-safe; ownership of a whole arena may move between threads through a mailbox. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena_block;
struct arena_cleanup;

struct arena {
    struct arena_block *blocks; /* newest first */
    struct arena_cleanup *cleanups;
    char *at;
    char *end;
    size_t bytes_used;
    size_t bytes_max;
    size_t first_bytes; /* of the first block */
    bool is_fixed;      /* in memory of the caller's, without blocks */
};

/* Takes no memory until the first allocation. `bytes_max` bounds the sum of all allocations. */
void arena_init(struct arena *a, size_t bytes_max);
/* As arena_init(), for one of many that live long: its first block has `first_bytes`. */
void arena_init_sized(struct arena *a, size_t bytes_max, size_t first_bytes);
/* The arena of the `n` bytes at `memory`, 16-byte aligned, and of no more: NULL when they are used
 * up. The memory stays the caller's; arena_clear() and arena_done() give nothing back. */
void arena_init_in(struct arena *a, void *memory, size_t n);
/* What the same allocations would take of memory in one piece, at most. */
size_t arena_taken(const struct arena *a);
/* Runs the cleanups, last registered first, then frees every block. Legal twice. */
void arena_done(struct arena *a);
/* As arena_done(), but one block stays for reuse. */
void arena_clear(struct arena *a);
/* `n` bytes, 16-byte aligned, not zeroed; NULL at the cap. `n` may be 0. */
void *arena_alloc(struct arena *a, size_t n);
/* As arena_alloc(), but aligned for bytes only. */
uint8_t *arena_alloc_bytes(struct arena *a, size_t n);
/* As arena_alloc() for `count` elements of `size`, zeroed; NULL at the cap or on overflow. */
void *arena_calloc(struct arena *a, size_t count, size_t size);
/* Calls `run(arg)` when the arena is cleared or done. false at the cap (nothing registered). */
bool arena_on_clear(struct arena *a, void (*run)(void *arg), void *arg);

#define ARENA_NEW(a, type)      ((type *)arena_calloc((a), 1, sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_calloc((a), (n), sizeof(type)))
