#pragma once

/* A hash map from byte strings to pointers that iterates in order of insertion, so nothing visible
 * ever depends on hash layout. Keys are copied into the map; values are the caller's. */

#include "base/bytes.h"

struct map_entry {
    struct bytes key; /* base NULL: removed */
    void *value;
    uint64_t hash;
};

struct map {
    struct map_entry *entries;
    size_t n_entries; /* used slots of `entries`, removed ones included */
    size_t entries_cap;
    size_t n_live;
    uint32_t *slots; /* index + 1 into `entries`, 0 when free */
    size_t n_slots;
};

void map_init(struct map *m);
/* Frees the map's own memory, not the values. */
void map_done(struct map *m);
/* The value, or NULL. */
void *map_get(const struct map *m, struct bytes key);
/* Adds or replaces; returns the value replaced, or NULL. `value` is not NULL. */
void *map_put(struct map *m, struct bytes key, void *value);
/* Removes; returns the value removed, or NULL. Legal while iterating. */
void *map_remove(struct map *m, struct bytes key);
static inline size_t map_count(const struct map *m)
{
    return m->n_live;
}
/* The next live entry at or after `*at` (start at 0; `*at` moves past it), or NULL at the end. */
struct map_entry *map_next(const struct map *m, size_t *at);

#define MAP_FOREACH(m, entry)                                                         \
    for (struct { size_t at; } entry##_pos = {0}; entry##_pos.at != SIZE_MAX;         \
         entry##_pos.at = SIZE_MAX)                                                   \
        for (struct map_entry *entry = map_next((m), &entry##_pos.at); entry != NULL; \
             entry = map_next((m), &entry##_pos.at))
