/* What writes of other regions cost here: replicated write units, which a replica pays for every
 * write of the group, wherever it was made.
 *
 * A received change costs what the write would have cost here, by the larger of the item before and
 * after; also one that loses against what stands here, as a condition that does not hold costs a
 * client. Where items carry stamps (2017.11.29 global tables), AWS replicates in two steps what is
 * new or deleted here: twice the units. An index costs what its rows do. The end of an item whose
 * time was over costs nothing where it was over already.
 *
 * Nothing here ever refuses. A bucket is emptied but gets no debt, so that clients are let in again
 * as soon as the others' writes leave them anything. */
#include "part/impl.h"

struct arrival part_arrival_of(struct part *p, const struct staged *s, bool applies)
{
    const struct part_table *schema = s->table->schema;
    bool expiry = (s->flags & CHANGE_ON_BASE) != 0;
    if (schema->id < PART_TABLE_FIRST || (expiry && !applies)) {
        return (struct arrival){0};
    }
    uint64_t before = s->old_item == NULL ? 0 : s->old.size;
    uint64_t after = s->size;
    if (schema->stamp != NULL) {
        before = part_unstamped_size(schema->stamp, s->old_item);
        after = part_unstamped_size(schema->stamp, s->item);
    }
    uint64_t units = part_write_units(before, after);
    bool twice = schema->stamp != NULL && applies && (s->old_item == NULL || s->item == NULL);
    struct arrival a = {.table = s->table, .units = twice ? units * 2 : units};
    if (applies && schema->n_indexes > 0) {
        a.index_units = ARENA_ARRAY(&p->batch_arena, uint32_t, schema->n_indexes);
        ASSERT(a.index_units != NULL);
    }
    return a;
}

static void count(struct part_arrived *to, uint64_t units)
{
    bool first = to->writes == 0;
    to->units_min = first || units < to->units_min ? units : to->units_min;
    to->units_max = first || units > to->units_max ? units : to->units_max;
    to->units += units;
    to->writes++;
}

void part_arrival_add(struct part *p, const struct arrival *a)
{
    struct part_tstate *t = a->table;
    uint64_t units = a->units;
    for (size_t i = 0; a->index_units != NULL && i < t->n_istates; i++) {
        if (t->schema->indexes[i].local) {
            units += a->index_units[i];
        } else if (a->index_units[i] > 0) {
            count(&t->istates[i].arrived, a->index_units[i]);
            bucket_drain(&t->istates[i].bucket, (uint64_t)a->index_units[i] * 2, p->now_ms);
        }
    }
    count(&t->arrived, units);
    bucket_drain(&t->bucket, units * 2, p->now_ms);
    if (!t->has_arrived) {
        t->has_arrived = true;
        p->arrived = part_grow(p->arrived, p->n_arrived, &p->arrived_cap, sizeof *p->arrived);
        p->arrived[p->n_arrived++] = t;
    }
}

void part_take_arrived(
    struct part *p,
    void (*take)(
        void *ctx, struct bytes table, struct bytes index, const struct part_arrived *what),
    void *ctx)
{
    for (size_t i = 0; i < p->n_arrived; i++) {
        struct part_tstate *t = p->arrived[i];
        struct part_arrived own = t->arrived;
        t->has_arrived = false;
        t->arrived = (struct part_arrived){0};
        if (t->schema == NULL) {
            continue; /* dropped meanwhile */
        }
        take(ctx, t->schema->name, BYTES_NONE, &own);
        for (size_t k = 0; k < t->n_istates; k++) {
            struct part_arrived of_index = t->istates[k].arrived;
            t->istates[k].arrived = (struct part_arrived){0};
            if (of_index.writes > 0) {
                take(ctx, t->schema->name, t->schema->indexes[k].name, &of_index);
            }
        }
    }
    p->n_arrived = 0;
}
