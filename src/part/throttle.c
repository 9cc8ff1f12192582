/* Write capacity, provisioned or at most on demand: each table and each global index with a rate
 * has a bucket, which lives with the writer like everything that writes change.
 *
 * A write is let in while its table's bucket, and that of every global index it touches, has
 * anything left, and then takes what it costs, also more than is left: as DynamoDB serves a write
 * larger than a second's worth. What a local index costs is its table's. What peers send is never
 * held up, but takes what it costs here (arrival.c). Buckets are not stored: after a start, and
 * when a rate is set for the first time, they are full. */
#include "part/impl.h"

static bool touches(const struct part_index *x, const struct value *item)
{
    return item != NULL && value_find(item, x->keys.hash.name) != NULL;
}

void part_throttle_settle(struct part *p, struct part_tstate *t)
{
    if (!p->config.throttle) {
        return;
    }
    bucket_set(&t->bucket, t->schema->write_units, p->now_ms);
    for (size_t i = 0; i < t->n_istates; i++) {
        bucket_set(&t->istates[i].bucket, t->schema->indexes[i].write_units, p->now_ms);
    }
}

bool part_throttle_table(struct part *p, struct part_tstate *t)
{
    return !bucket_has(&t->bucket, p->now_ms);
}

const struct part_index *part_throttle_index(
    struct part *p, struct part_tstate *t, const struct value *old, const struct value *item)
{
    for (size_t i = 0; i < t->n_istates; i++) {
        struct bucket *b = &t->istates[i].bucket;
        const struct part_index *x = &t->schema->indexes[i];
        bool due = b->units > 0 && (touches(x, old) || touches(x, item));
        if (due && !bucket_has(b, p->now_ms)) {
            return x;
        }
    }
    return NULL;
}

void part_throttle_take(struct part *p, const struct part_op *op, unsigned times)
{
    if (!p->config.throttle || (op->err != OK && op->err != ERR_CONDITION)) {
        return;
    }
    struct part_tstate *t = part_tstate_find(p, op->table);
    if (t == NULL || t->schema == NULL) {
        return;
    }
    uint64_t units = part_write_units(op->old_bytes, op->new_bytes) * times + op->stamp_units;
    size_t n_max = sizeof op->index_units / sizeof op->index_units[0];
    for (size_t i = 0; i < t->n_istates && i < n_max && op->err == OK; i++) {
        if (t->schema->indexes[i].local) {
            units += op->index_units[i];
        } else {
            bucket_take(&t->istates[i].bucket, (uint64_t)op->index_units[i] * 2);
        }
    }
    bucket_take(&t->bucket, units * 2);
}
