/* What the open batch holds and the engine does not yet: an open-addressed table of engine keys
 * whose entries live in the batch's arena. Emptied with the batch; the slots stay for the next one.
 */
#include <stdlib.h>

#include "part/impl.h"

enum { SLOTS_FIRST = 256, SLOTS_KEPT = 1 << 12 };

void overlay_clear(struct overlay *o)
{
    if (o->n_slots > SLOTS_KEPT) {
        overlay_done(o);
    } else if (o->n > 0) {
        memset(o->slots, 0, o->n_slots * sizeof *o->slots);
        o->n = 0;
    }
}

void overlay_done(struct overlay *o)
{
    free(o->slots);
    *o = (struct overlay){0};
}

struct overlay_entry *overlay_find(const struct overlay *o, struct bytes key, uint64_t hash)
{
    if (o->n == 0) {
        return NULL;
    }
    size_t mask = o->n_slots - 1;
    for (size_t i = hash & mask; o->slots[i] != NULL; i = (i + 1) & mask) {
        if (o->slots[i]->hash == hash && bytes_eq(o->slots[i]->key, key)) {
            return o->slots[i];
        }
    }
    return NULL;
}

static void place(struct overlay *o, struct overlay_entry *e)
{
    size_t mask = o->n_slots - 1;
    size_t i = e->hash & mask;
    while (o->slots[i] != NULL) {
        i = (i + 1) & mask;
    }
    o->slots[i] = e;
}

static void grow(struct overlay *o)
{
    struct overlay larger = {.n_slots = o->n_slots == 0 ? SLOTS_FIRST : o->n_slots * 2, .n = o->n};
    larger.slots = calloc(larger.n_slots, sizeof *larger.slots);
    ASSERT(larger.slots != NULL);
    for (size_t i = 0; i < o->n_slots; i++) {
        if (o->slots[i] != NULL) {
            place(&larger, o->slots[i]);
        }
    }
    free(o->slots);
    *o = larger;
}

struct overlay_entry *overlay_need(
    struct overlay *o, struct arena *a, struct bytes key, uint64_t hash)
{
    struct overlay_entry *e = overlay_find(o, key, hash);
    if (e != NULL) {
        return e;
    }
    if ((o->n + 1) * 2 > o->n_slots) {
        grow(o);
    }
    e = ARENA_NEW(a, struct overlay_entry);
    ASSERT(e != NULL);
    e->key = bytes_dup(a, key);
    e->hash = hash;
    place(o, e);
    o->n++;
    return e;
}
