#pragma once

/* Rows read lately, in front of the engine's own files and memory. Private to the room.
 *
 * Any number of threads read, one at a time writes; nobody waits for anybody. Each key belongs to a
 * stripe, which has an age: odd while a write to one of its keys is under way, and greater after
 * each write. A row is kept together with the age that was read before the row was, and counts only
 * while that is the stripe's age. So what is found here was, when it was looked for, what the
 * engine would have said; and a reader that is slow fills in what nobody will believe. */

#include "base/base.h"

struct read_cache;

/* At most about `bytes_max` bytes of memory, touched as rows come. */
struct read_cache *read_cache_new(size_t bytes_max);
/* NULL is legal. Nobody reads or writes any more. */
void read_cache_free(struct read_cache *c);
/* Taken now, the sets included, touched or not. Any thread. */
size_t read_cache_bytes(const struct read_cache *c);

/* ---- any thread ---- */

/* What a look remembers for read_cache_fill(). */
struct read_look {
    uint64_t hash;
    uint64_t age;
    bool wanted; /* the row was asked for before: keep it when it is found */
};

/* Appends the row's value to `ret` (whose bound is its own to tell) and returns true; false when
 * the row is not here. */
bool read_cache_find(
    struct read_cache *c, struct bytes key, struct read_look *ret_look, struct buf *ret);
/* The engine's answer to a look that found nothing and whose `wanted` is true; the look came before
 * the engine was asked. Rows that are large are not kept. */
void read_cache_fill(
    struct read_cache *c, const struct read_look *look, struct bytes key, struct bytes value);

/* ---- the one that writes ---- */

/* By what a written key is told. */
uint64_t read_cache_hash(struct bytes key);
/* Before the engine writes rows with these hashes, and after it did. Of a write whose outcome is
 * unknown no end is told, and no other write follows: its rows are not kept any more. */
void read_cache_begin(struct read_cache *c, const uint64_t *hashes, size_t n);
void read_cache_end(struct read_cache *c, const uint64_t *hashes, size_t n);
/* The same for any row there is. */
void read_cache_begin_all(struct read_cache *c);
void read_cache_end_all(struct read_cache *c);
