/* Entries in an array in insertion order; an open-addressed index of slots points into it. The
 * index is rebuilt, and removed entries squeezed out, when slots run short. */
#include "base/map.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_done(struct map *m)
{
    for (size_t i = 0; i < m->n_entries; i++) {
        free((void *)(uintptr_t)m->entries[i].key.base);
    }
    free(m->entries);
    free(m->slots);
    *m = (struct map){0};
}

/* The slot that holds `key`, or the free slot where the search for it ended. */
static uint32_t *find_slot(const struct map *m, struct bytes key, uint64_t hash)
{
    size_t mask = m->n_slots - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        uint32_t s = m->slots[i];
        if (s == 0) {
            return &m->slots[i];
        }
        const struct map_entry *e = &m->entries[s - 1];
        if (e->hash == hash && e->key.base != NULL && bytes_eq(e->key, key)) {
            return &m->slots[i];
        }
    }
}

static void rebuild(struct map *m)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n_entries; i++) {
        if (m->entries[i].key.base != NULL) {
            m->entries[kept++] = m->entries[i];
        }
    }
    m->n_entries = kept;
    ASSERT(kept == m->n_live);
    size_t n_slots = 16;
    while (n_slots < (kept + 1) * 3) {
        n_slots *= 2;
    }
    free(m->slots);
    m->slots = calloc(n_slots, sizeof *m->slots);
    ASSERT(m->slots != NULL);
    m->n_slots = n_slots;
    m->entries_cap = n_slots / 2;
    m->entries = realloc(m->entries, m->entries_cap * sizeof *m->entries);
    ASSERT(m->entries != NULL);
    for (size_t i = 0; i < kept; i++) {
        size_t at = m->entries[i].hash & (n_slots - 1);
        while (m->slots[at] != 0) {
            at = (at + 1) & (n_slots - 1);
        }
        m->slots[at] = (uint32_t)i + 1;
    }
}

void *map_get(const struct map *m, struct bytes key)
{
    if (m->n_live == 0) {
        return NULL;
    }
    uint32_t s = *find_slot(m, key, hash64(key, 0));
    return s == 0 ? NULL : m->entries[s - 1].value;
}

void *map_put(struct map *m, struct bytes key, void *value)
{
    ASSERT(value != NULL);
    if (m->n_entries == m->entries_cap) {
        rebuild(m);
    }
    uint64_t hash = hash64(key, 0);
    uint32_t *slot = find_slot(m, key, hash);
    if (*slot != 0) {
        struct map_entry *e = &m->entries[*slot - 1];
        void *old = e->value;
        e->value = value;
        return old;
    }
    /* One byte more, so that even an empty key has an address. */
    uint8_t *copy = malloc(key.len + 1);
    ASSERT(copy != NULL);
    if (key.len > 0) {
        memcpy(copy, key.base, key.len);
    }
    m->entries[m->n_entries++] =
        (struct map_entry){.key = {copy, key.len}, .value = value, .hash = hash};
    *slot = (uint32_t)m->n_entries;
    m->n_live++;
    return NULL;
}

void *map_remove(struct map *m, struct bytes key)
{
    if (m->n_live == 0) {
        return NULL;
    }
    uint32_t s = *find_slot(m, key, hash64(key, 0));
    if (s == 0) {
        return NULL;
    }
    struct map_entry *e = &m->entries[s - 1];
    void *old = e->value;
    /* The slot stays taken, so searches still walk past it; rebuild() squeezes it out. */
    free((void *)(uintptr_t)e->key.base);
    *e = (struct map_entry){0};
    m->n_live--;
    return old;
}

struct map_entry *map_next(const struct map *m, size_t *at)
{
    while (*at < m->n_entries) {
        struct map_entry *e = &m->entries[(*at)++];
        if (e->key.base != NULL) {
            return e;
        }
    }
    return NULL;
}
