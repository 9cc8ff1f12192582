/* Provisioned read capacity. Reads run on every loop thread and share nothing, so each thread keeps
 * buckets of its own, with its share of the rate.
 *
 * A read is let in while anything is left, and takes what it cost once that is known: a page of a
 * Query may leave a debt, which the next reads wait for. Tables on demand are never looked at. */
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

enum {
    BUCKETS_MAX = 16384
}; /* beyond it the thread forgets them all: most are of dropped tables */

void throttles_free(struct dynamo *d)
{
    MAP_FOREACH (&d->read_buckets, e) {
        free(e->value);
    }
    map_done(&d->read_buckets);
    map_init(&d->read_buckets);
}

/* The bucket of a table (its local indexes included) or global index, or NULL: not bounded. */
static struct bucket *bucket_of(
    struct dynamo_call *c, const struct core_table *t, const struct core_index *index)
{
    struct dynamo *d = c->d;
    if (d->read_shares == 0 || t->on_demand) {
        return NULL;
    }
    bool global = index != NULL && !index->part.local;
    uint64_t units = global ? index->throughput.read_units : t->throughput.read_units;
    if (units == 0) {
        return NULL;
    }
    uint64_t share = (units + d->read_shares - 1) / d->read_shares;
    uint64_t key[2] = {t->part.id, global ? index->part.id : 0};
    struct bucket *b = map_get(&d->read_buckets, bytes_of(key, sizeof key));
    if (b == NULL) {
        if (map_count(&d->read_buckets) >= BUCKETS_MAX) {
            throttles_free(d);
        }
        b = malloc(sizeof *b);
        ASSERT(b != NULL);
        *b = bucket_full(share, c->now_ms);
        (void)map_put(&d->read_buckets, bytes_of(key, sizeof key), b);
    }
    if (b->units != share) {
        bucket_set(b, share, c->now_ms);
    }
    return b;
}

bool throttled(struct dynamo_call *c, const struct core_table *t, const struct core_index *index)
{
    struct bucket *b = bucket_of(c, t, index);
    return b != NULL && !bucket_has(b, c->now_ms);
}

void throttle_take(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct core_index *index,
    uint64_t halves)
{
    struct bucket *b = bucket_of(c, t, index);
    if (b != NULL) {
        bucket_take(b, halves);
    }
}

struct bytes throttle_words(bool index)
{
    return index
               ? BYTES_LIT("The level of configured provisioned throughput for one or more global "
                           "secondary indexes of the table was exceeded. Consider increasing your "
                           "provisioning level for the under-provisioned global secondary indexes "
                           "with the UpdateTable API")
               : BYTES_LIT("The level of configured provisioned throughput for the table was "
                           "exceeded. Consider increasing your provisioning level with the "
                           "UpdateTable API.");
}

bool fail_throttled(struct dynamo_call *c, bool index)
{
    return call_fail(c, AWS_THROUGHPUT_EXCEEDED, throttle_words(index));
}
