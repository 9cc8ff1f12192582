/* Sets of four rows; which set is the hash's low bits. A set is held by whoever looks into it, and
 * who finds it held does as if it were empty: a lookup is never worth waiting for.
 *
 * A row is kept when it is asked for a second time, of the last two that were missed in its set:
 * rows that are read once, as a walk through a large table does, cost no copy and displace nothing.
 */
#include "engine/read_cache.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

enum {
    STRIPES = 1 << 13, /* few, for a deletion of a range turns them all */
    WAYS = 4,
    MISSED = 2,
    SET_SHARE = 1 << 10,     /* one set for so many bytes of the bound */
    ROW_BYTES_MAX = 4 << 10, /* of larger ones the copy is what costs */
    MALLOC_BYTES = 16,       /* what an allocation takes beside what it gives */
    VICTIMS_MAX = 8,         /* sets emptied to make room for one row */
};

struct row {
    uint32_t key_len;
    uint32_t value_len;
    uint8_t bytes[]; /* key, value */
};

struct way {
    uint64_t hash;
    struct row *row;
    uint64_t age;
};

struct set {
    atomic_bool held;
    uint8_t next_way;    /* that is given to another row */
    uint8_t next_missed; /* likewise */
    uint32_t missed[MISSED];
    struct way ways[WAYS];
};

struct read_cache {
    _Atomic uint64_t ages[STRIPES];
    struct set *sets;
    size_t n_sets;
    size_t bytes_max;
    atomic_size_t bytes; /* of sets and rows */
    atomic_size_t hand;  /* set that is emptied next when there is no room */
};

struct read_cache *read_cache_new(size_t bytes_max)
{
    struct read_cache *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->n_sets = 1;
    while (c->n_sets * SET_SHARE < bytes_max) {
        c->n_sets *= 2;
    }
    c->bytes_max = bytes_max;
    c->bytes = c->n_sets * sizeof *c->sets;
    c->sets = calloc(c->n_sets, sizeof *c->sets);
    ASSERT(c->sets != NULL);
    return c;
}

static size_t row_bytes(size_t key_len, size_t value_len)
{
    return MALLOC_BYTES + sizeof(struct row) + key_len + value_len;
}

static void empty(struct read_cache *c, struct way *w)
{
    if (w->row != NULL) {
        atomic_fetch_sub_explicit(
            &c->bytes, row_bytes(w->row->key_len, w->row->value_len), memory_order_relaxed);
        free(w->row);
        w->row = NULL;
    }
}

static void empty_set(struct read_cache *c, struct set *s)
{
    for (size_t i = 0; i < WAYS; i++) {
        empty(c, &s->ways[i]);
    }
}

void read_cache_free(struct read_cache *c)
{
    if (c == NULL) {
        return;
    }
    for (size_t i = 0; i < c->n_sets; i++) {
        empty_set(c, &c->sets[i]);
    }
    free(c->sets);
    free(c);
}

size_t read_cache_bytes(const struct read_cache *c)
{
    return atomic_load_explicit(&c->bytes, memory_order_relaxed);
}

/* ---- reading ---- */

static bool hold(struct set *s)
{
    return !atomic_exchange_explicit(&s->held, true, memory_order_acquire);
}

static void let_go(struct set *s)
{
    atomic_store_explicit(&s->held, false, memory_order_release);
}

static struct set *set_of(struct read_cache *c, uint64_t hash)
{
    return &c->sets[hash % c->n_sets];
}

static _Atomic uint64_t *age_of(struct read_cache *c, uint64_t hash)
{
    return &c->ages[hash % STRIPES];
}

static bool is_writing(uint64_t age)
{
    return age % 2 == 1;
}

static struct way *find_way(struct set *s, struct bytes key, uint64_t hash)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct way *w = &s->ways[i];
        if (w->row != NULL && w->hash == hash &&
            bytes_eq(bytes_of(w->row->bytes, w->row->key_len), key)) {
            return w;
        }
    }
    return NULL;
}

/* The way for another row: one that holds none, or one that nobody believes any more, if there is.
 */
static struct way *free_way(struct read_cache *c, struct set *s)
{
    for (size_t i = 0; i < WAYS; i++) {
        struct way *w = &s->ways[i];
        if (w->row == NULL ||
            atomic_load_explicit(age_of(c, w->hash), memory_order_relaxed) != w->age) {
            return w;
        }
    }
    return &s->ways[s->next_way++ % WAYS];
}

/* Whether it was missed before, lately. */
static bool note_missed(struct set *s, uint64_t hash)
{
    uint32_t mark = (uint32_t)(hash >> 32);
    for (size_t i = 0; i < MISSED; i++) {
        if (s->missed[i] == mark) {
            return true;
        }
    }
    s->missed[s->next_missed++ % MISSED] = mark;
    return false;
}

bool read_cache_find(
    struct read_cache *c, struct bytes key, struct read_look *ret_look, struct buf *ret)
{
    uint64_t hash = read_cache_hash(key);
    uint64_t age = atomic_load_explicit(age_of(c, hash), memory_order_acquire);
    struct set *s = set_of(c, hash);
    *ret_look = (struct read_look){.hash = hash, .age = age};
    if (is_writing(age) || !hold(s)) {
        return false;
    }
    const struct way *w = find_way(s, key, hash);
    bool found = w != NULL && w->age == age;
    if (found) {
        buf_put(ret, w->row->bytes + w->row->key_len, w->row->value_len);
    } else {
        ret_look->wanted = w != NULL || note_missed(s, hash);
    }
    let_go(s);
    return found;
}

/* Other sets' rows go, whichever comes next, until there is room; false when there is still none.
 */
static bool make_room(struct read_cache *c, size_t need)
{
    for (size_t i = 0; i < VICTIMS_MAX; i++) {
        if (atomic_load_explicit(&c->bytes, memory_order_relaxed) + need <= c->bytes_max) {
            return true;
        }
        size_t at = atomic_fetch_add_explicit(&c->hand, 1, memory_order_relaxed);
        struct set *s = &c->sets[at % c->n_sets];
        if (hold(s)) {
            empty_set(c, s);
            let_go(s);
        }
    }
    return false;
}

void read_cache_fill(
    struct read_cache *c, const struct read_look *look, struct bytes key, struct bytes value)
{
    struct set *s = set_of(c, look->hash);
    size_t need = row_bytes(key.len, value.len);
    bool late = atomic_load_explicit(age_of(c, look->hash), memory_order_relaxed) != look->age;
    if (late || need > ROW_BYTES_MAX || !make_room(c, need) || !hold(s)) {
        return;
    }
    struct way *w = find_way(s, key, look->hash);
    w = w != NULL ? w : free_way(c, s);
    empty(c, w);
    w->row = malloc(need - MALLOC_BYTES);
    ASSERT(w->row != NULL);
    w->row->key_len = (uint32_t)key.len;
    w->row->value_len = (uint32_t)value.len;
    memcpy(w->row->bytes, key.base, key.len);
    if (value.len > 0) {
        memcpy(w->row->bytes + key.len, value.base, value.len);
    }
    w->hash = look->hash;
    w->age = look->age;
    atomic_fetch_add_explicit(&c->bytes, need, memory_order_relaxed);
    let_go(s);
}

/* ---- writing ---- */

uint64_t read_cache_hash(struct bytes key)
{
    return hash64(key, 0);
}

/* Only the one that writes changes ages. What it stores before it writes is seen by whoever sees
 * what it wrote, for the engine publishes that later. */
static void grow_older(_Atomic uint64_t *age, bool writing)
{
    uint64_t v = atomic_load_explicit(age, memory_order_relaxed);
    if (is_writing(v) != writing) {
        atomic_store_explicit(age, v + 1, memory_order_release);
    }
}

void read_cache_begin(struct read_cache *c, const uint64_t *hashes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        grow_older(age_of(c, hashes[i]), true);
    }
}

void read_cache_end(struct read_cache *c, const uint64_t *hashes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        grow_older(age_of(c, hashes[i]), false);
    }
}

void read_cache_begin_all(struct read_cache *c)
{
    for (size_t i = 0; i < STRIPES; i++) {
        grow_older(&c->ages[i], true);
    }
}

void read_cache_end_all(struct read_cache *c)
{
    for (size_t i = 0; i < STRIPES; i++) {
        grow_older(&c->ages[i], false);
    }
}
