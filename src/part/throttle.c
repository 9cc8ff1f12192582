/* Provisioned write capacity: each table and each global index with a rate has a bucket, which
 * lives with the writer like everything that writes change.
 *
 * A write is let in while its table's bucket, and that of every global index it touches, has
 * anything left, and then takes what it costs, also more than is left: as DynamoDB serves a write
 * larger than a second's worth. What peers send is never held up. Buckets are not stored: after a
 * start, and when a rate is set for the first time, they are full. */
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

bool part_throttle_indexes(
    struct part *p, struct part_tstate *t, const struct value *old, const struct value *item)
{
    for (size_t i = 0; i < t->n_istates; i++) {
        struct bucket *b = &t->istates[i].bucket;
        const struct part_index *x = &t->schema->indexes[i];
        bool due = b->units > 0 && (touches(x, old) || touches(x, item));
        if (due && !bucket_has(b, p->now_ms)) {
            return true;
        }
    }
    return false;
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
    size_t bytes = op->old_bytes > op->new_bytes ? op->old_bytes : op->new_bytes;
    uint64_t units = bytes == 0 ? 1 : (bytes + 1023) / 1024;
    bucket_take(&t->bucket, units * 2 * times);
    size_t n_max = sizeof op->index_units / sizeof op->index_units[0];
    for (size_t i = 0; i < t->n_istates && i < n_max && op->err == OK; i++) {
        bucket_take(&t->istates[i].bucket, (uint64_t)op->index_units[i] * 2);
    }
}
