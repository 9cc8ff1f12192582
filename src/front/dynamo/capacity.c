/* Consumed capacity: what DynamoDB would have counted. Units are kept in halves, so that eventually
 * consistent reads stay whole numbers. What is told here is told whether or not it is enforced.
 * Source: "DynamoDB read and write operations", "Read and write capacity units" in the developer
 * guide. */
#include "front/dynamo/dynamo_internal.h"

bool field_capacity(
    struct dynamo_call *c, struct checks *k, const struct json *in, enum return_capacity *ret)
{
    struct bytes text;
    if (!field_string(c, in, "ReturnConsumedCapacity", &text)) {
        return false;
    }
    check_enum(k, "returnConsumedCapacity", text, "INDEXES, TOTAL, NONE");
    *ret = bytes_eq_str(text, "INDEXES") ? CAPACITY_INDEXES
           : bytes_eq_str(text, "TOTAL") ? CAPACITY_TOTAL
                                         : CAPACITY_NONE;
    return true;
}

struct capacity *capacity_new(struct arena *a, const struct core_table *t, struct bytes given)
{
    size_t n = t->n_indexes;
    struct capacity *cap = ARENA_NEW(a, struct capacity);
    struct bytes *names = ARENA_ARRAY(a, struct bytes, n);
    bool *local = ARENA_ARRAY(a, bool, n);
    uint64_t *halves = ARENA_ARRAY(a, uint64_t, n);
    struct bytes table = bytes_dup(a, given);
    if (cap == NULL || names == NULL || local == NULL || halves == NULL || table.base == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        names[i] = bytes_dup(a, t->indexes[i].part.name);
        local[i] = t->indexes[i].part.local;
        if (names[i].base == NULL) {
            return NULL;
        }
    }
    *cap = (struct capacity){
        .table = table,
        .index_names = names,
        .index_local = local,
        .index_halves = halves,
        .n_indexes = n};
    return cap;
}

uint64_t capacity_read_halves(size_t bytes, bool consistent)
{
    uint64_t units = bytes == 0 ? 1 : (bytes + 4095) / 4096;
    return consistent ? units * 2 : units;
}

uint64_t capacity_fetched_halves(const struct core_page *page, bool consistent)
{
    return page->units_fetched * (consistent ? 2 : 1);
}

static void add_op(struct capacity *cap, const struct part_op *op, unsigned times)
{
    cap->halves += part_write_units(op->old_bytes, op->new_bytes) * 2 * times;
    size_t n_max = sizeof op->index_units / sizeof op->index_units[0];
    for (size_t i = 0; i < cap->n_indexes && i < n_max; i++) {
        cap->index_halves[i] += (uint64_t)op->index_units[i] * 2;
    }
}

void capacity_add_op(struct capacity *cap, const struct part_op *op)
{
    add_op(cap, op, 1);
}

void capacity_add_transacted(struct capacity *cap, const struct part_op *op)
{
    add_op(cap, op, 2);
}

/* "CapacityUnits":1.5 as DynamoDB writes it, and 2 as 2.0. Transactions say which kind of units
 * these are; nothing else does. */
static void put_units(struct buf *b, const struct capacity *cap, uint64_t halves)
{
    unsigned long long whole = halves / 2;
    char tenths = halves % 2 == 0 ? '0' : '5';
    buf_putf(b, "\"CapacityUnits\":%llu.%c", whole, tenths);
    if (cap->kind != NULL) {
        buf_putf(b, ",\"%s\":%llu.%c", cap->kind, whole, tenths);
    }
}

/* ,"LocalSecondaryIndexes":{"name":{"CapacityUnits":1.0},…}: only indexes that cost anything. */
static void put_index_part(struct buf *b, const struct capacity *cap, bool local)
{
    size_t n = 0;
    for (size_t i = 0; i < cap->n_indexes; i++) {
        if (cap->index_local[i] != local || cap->index_halves[i] == 0) {
            continue;
        }
        if (n == 0) {
            buf_put_str(
                b, local ? ",\"LocalSecondaryIndexes\":{" : ",\"GlobalSecondaryIndexes\":{");
        } else {
            buf_put_u8(b, ',');
        }
        json_put_string(b, cap->index_names[i]);
        buf_put_str(b, ":{");
        put_units(b, cap, cap->index_halves[i]);
        buf_put_u8(b, '}');
        n++;
    }
    if (n > 0) {
        buf_put_u8(b, '}');
    }
}

void capacity_put(struct buf *b, const struct capacity *cap, enum return_capacity want)
{
    ASSERT(want != CAPACITY_NONE);
    uint64_t total = cap->halves;
    for (size_t i = 0; i < cap->n_indexes; i++) {
        total += cap->index_halves[i];
    }
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, cap->table);
    buf_put_u8(b, ',');
    put_units(b, cap, total);
    if (want == CAPACITY_INDEXES) {
        buf_put_str(b, ",\"Table\":{");
        put_units(b, cap, cap->halves);
        buf_put_u8(b, '}');
        put_index_part(b, cap, true);
        put_index_part(b, cap, false);
    }
    buf_put_u8(b, '}');
}
