/* Read capacity, provisioned or at most on demand, and what is said of capacity that is used up.
 *
 * Reads run on every loop thread and share nothing, so each thread keeps buckets of its own, with
 * its share of the rate. A read is let in while anything is left, and takes what it cost once that
 * is known: a page of a Query may leave a debt, which the next reads wait for. */
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
    if (d->read_shares == 0) {
        return NULL;
    }
    bool global = index != NULL && !index->part.local;
    uint64_t units = core_read_bound(t, global ? &index->throughput : &t->throughput);
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

/* ---- what is said ---- */

struct spent spent_read(const struct core_table *t, const struct core_index *index)
{
    bool global = index != NULL && !index->part.local;
    return (struct spent){
        .table = t->part.name,
        .index = global ? index->part.name : BYTES_LIT(""),
        .on_demand = t->on_demand};
}

struct spent spent_write(
    struct dynamo_call *c, struct bytes table_name_or_arn, const struct part_op *op)
{
    struct bytes name = table_name_of(table_name_or_arn);
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    bool of_index = op->fault == PART_FAULT_INDEX_THROTTLED;
    return (struct spent){
        .table = name,
        .index = of_index ? op->fault_index : BYTES_LIT(""),
        .write = true,
        .on_demand = t != NULL && t->on_demand};
}

bool op_throttled(const struct part_op *op)
{
    return op->fault == PART_FAULT_THROTTLED || op->fault == PART_FAULT_INDEX_THROTTLED;
}

static struct bytes words(const struct spent *s)
{
    if (s->on_demand) {
        return BYTES_LIT(
            "Throughput exceeds the maximum OnDemandThroughput configured on table or index");
    }
    return s->index.len > 0
               ? BYTES_LIT("The level of configured provisioned throughput for one or more global "
                           "secondary indexes of the table was exceeded. Consider increasing your "
                           "provisioning level for the under-provisioned global secondary indexes "
                           "with the UpdateTable API")
               : BYTES_LIT("The level of configured provisioned throughput for the table was "
                           "exceeded. Consider increasing your provisioning level with the "
                           "UpdateTable API.");
}

bool call_fail_spent(struct dynamo_call *c, const struct spent *s)
{
    struct buf arn;
    buf_init(&arn, 4096);
    put_table_arn(&arn, c->d->region, s->table);
    if (s->index.len > 0) {
        buf_put_str(&arn, "/index/");
        buf_put_bytes(&arn, s->index);
    }
    struct bytes reason = bytes_fmt(
        c->arena,
        "%s%s%sThroughputExceeded",
        s->index.len > 0 ? "Index" : "Table",
        s->write ? "Write" : "Read",
        s->on_demand ? "MaxOnDemand" : "Provisioned");
    (void)call_fail_throttling(
        c,
        s->on_demand ? AWS_THROTTLING : AWS_THROUGHPUT_EXCEEDED,
        words(s),
        reason,
        buf_bytes(&arn)); /* answers */
    buf_done(&arn);
    return false;
}

bool fail_throttled(struct dynamo_call *c, const struct spent *s)
{
    usage_refused(c, s);
    return call_fail_spent(c, s);
}

struct cancel_reason throttled_reason(struct dynamo_call *c, const struct spent *s)
{
    usage_refused(c, s);
    return (struct cancel_reason){
        .code = s->on_demand ? "ThrottlingError" : "ProvisionedThroughputExceeded",
        .msg = words(s)};
}
