/* Query and scan cursors. Everything a cursor may return lies in one stretch [lo, hi) of engine
 * keys, so opening one is working out the two bounds; an exclusive start moves one of them. */
#include <stdlib.h>

#include "part/impl.h"

struct part_cursor {
    struct engine_iter *it;
    bool of_index;
    bool backward;
    bool started;
};

/* The bounds under construction. */
struct bounds {
    struct buf lo;
    struct buf hi;
    size_t prefix; /* length of kind, table and index at the front of both */
};

static void put_prefix(struct buf *b, const struct part_table *t, const struct part_index *ix)
{
    if (ix != NULL) {
        layout_index_prefix(b, t->id, ix->id);
    } else {
        layout_data_prefix(b, t->id);
    }
}

/* Prefix, ring position, encoded partition key and what the first range attributes must equal. */
static void put_partition(
    struct buf *b,
    const struct part_table *t,
    const struct part_index *ix,
    const struct expr_key_cond *q)
{
    size_t n_hash = ix == NULL ? 1 : expr_keys_hashes(&ix->keys);
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    key_encode(&key, &q->hash);
    for (size_t i = 0; i + 1 < n_hash; i++) {
        key_encode(&key, &q->more[i]);
    }
    put_prefix(b, t, ix);
    layout_put_u32_be(b, key_partition_hash(buf_bytes(&key)));
    for (size_t i = n_hash - 1; i < q->n_more; i++) {
        key_encode(&key, &q->more[i]);
    }
    buf_put_bytes(b, buf_bytes(&key));
    buf_done(&key);
}

/* Replaces everything behind the partition with the sort key `v`. */
static void put_sort(struct buf *b, size_t partition, const struct value *v, bool after)
{
    b->len = partition;
    key_encode(b, v);
    if (after) {
        layout_prefix_end(b, 0);
    }
}

/* The end of all strings that begin with `prefix`: the next string of the same length, or (all
 * bytes 0xff) nothing, and then the partition's end stands. */
static void put_begins_end(struct buf *b, size_t partition, const struct value *prefix)
{
    struct buf next;
    buf_init(&next, SIZE_MAX / 2);
    buf_put_bytes(&next, prefix->bytes);
    while (next.len > 0 && next.base[next.len - 1] == 0xff) {
        next.len--;
    }
    if (next.len > 0) {
        next.base[next.len - 1]++;
        struct value end = {.type = prefix->type, .bytes = buf_bytes(&next)};
        put_sort(b, partition, &end, false);
    }
    buf_done(&next);
}

static void narrow(struct bounds *b, size_t partition, const struct expr_key_cond *q)
{
    switch (q->op) {
    case EXPR_RANGE_ALL:
        break;
    case EXPR_RANGE_EQ:
        put_sort(&b->lo, partition, &q->lo, false);
        put_sort(&b->hi, partition, &q->lo, true);
        break;
    case EXPR_RANGE_LT:
        put_sort(&b->hi, partition, &q->lo, false);
        break;
    case EXPR_RANGE_LE:
        put_sort(&b->hi, partition, &q->lo, true);
        break;
    case EXPR_RANGE_GT:
        put_sort(&b->lo, partition, &q->lo, true);
        break;
    case EXPR_RANGE_GE:
        put_sort(&b->lo, partition, &q->lo, false);
        break;
    case EXPR_RANGE_BETWEEN:
        put_sort(&b->lo, partition, &q->lo, false);
        put_sort(&b->hi, partition, &q->hi, true);
        break;
    case EXPR_RANGE_BEGINS_WITH:
        put_sort(&b->lo, partition, &q->lo, false);
        put_begins_end(&b->hi, partition, &q->lo);
        break;
    }
}

static bool query_fits(const struct expr_key_schema *keys, const struct expr_key_cond *q)
{
    size_t n = expr_keys_count(keys);
    if (q->hash.type != keys->hash.type || q->n_more + 1 < expr_keys_hashes(keys) ||
        q->n_more + 1 > n) {
        return false;
    }
    for (size_t i = 0; i < q->n_more; i++) {
        if (q->more[i].type != expr_keys_at(keys, i + 1)->type) {
            return false;
        }
    }
    if (q->op == EXPR_RANGE_ALL) {
        return true;
    }
    if (q->n_more + 1 == n) {
        return false;
    }
    enum value_type type = expr_keys_at(keys, q->n_more + 1)->type;
    if (q->lo.type != type || (q->op == EXPR_RANGE_BETWEEN && q->hi.type != type)) {
        return false;
    }
    return q->op != EXPR_RANGE_BEGINS_WITH || q->lo.type != VALUE_NUMBER;
}

static enum err query_bounds(
    struct bounds *b, const struct part_table *t, const struct part_range *range)
{
    const struct expr_key_schema *keys = range->index != NULL ? &range->index->keys : &t->keys;
    if (!query_fits(keys, range->query)) {
        return ERR_INVALID;
    }
    put_partition(&b->lo, t, range->index, range->query);
    size_t partition = b->lo.len;
    /* The end's bytes up to the partition stay as they are while the end of the partition itself is
     * another string, so a bound on the sort key begins from the partition again. */
    buf_put_bytes(&b->hi, buf_bytes(&b->lo));
    narrow(b, partition, range->query);
    if (b->hi.len == partition && memcmp(b->hi.base, b->lo.base, partition) == 0) {
        layout_prefix_end(&b->hi, 0);
    }
    return OK;
}

static void scan_bounds(
    struct bounds *b, const struct part_table *t, const struct part_range *range)
{
    put_prefix(&b->lo, t, range->index);
    layout_put_u32_be(&b->lo, range->hash_lo);
    put_prefix(&b->hi, t, range->index);
    layout_put_u32_be(&b->hi, range->hash_hi);
    layout_prefix_end(&b->hi, 0);
}

/* The engine key of the item whose key attributes are `after`. */
static enum err after_key(
    struct buf *b,
    const struct part_table *t,
    const struct part_range *range,
    const struct value *after)
{
    struct buf key;
    struct bytes attr;
    buf_init(&key, SIZE_MAX / 2);
    const struct expr_key_schema *keys = range->index != NULL ? &range->index->keys : &t->keys;
    enum err e = after->type == VALUE_MAP ? part_key_of(keys, after, &key, &attr) : ERR_INVALID;
    if (e == OK) {
        size_t first = 0;
        for (size_t i = 0; i < expr_keys_hashes(keys); i++) {
            first += key_first_len(bytes_from(buf_bytes(&key), first));
        }
        put_prefix(b, t, range->index);
        layout_put_u32_be(b, key_partition_hash((struct bytes){key.base, first}));
        buf_put_bytes(b, buf_bytes(&key));
    }
    if (e == OK && range->index != NULL) {
        e = part_key_of(&t->keys, after, b, &attr);
    }
    buf_done(&key);
    return e == OK ? OK : ERR_INVALID;
}

static enum err move_start(
    struct bounds *b, const struct part_table *t, const struct part_range *range)
{
    struct buf at;
    buf_init(&at, SIZE_MAX / 2);
    enum err e = after_key(&at, t, range, range->after);
    bool inside = e == OK && bytes_cmp(buf_bytes(&at), buf_bytes(&b->lo)) >= 0 &&
                  bytes_cmp(buf_bytes(&at), buf_bytes(&b->hi)) < 0;
    struct buf *bound = range->backward ? &b->hi : &b->lo;
    if (inside) {
        buf_clear(bound);
        buf_put_bytes(bound, buf_bytes(&at));
        if (!range->backward) {
            buf_put_u8(bound, 0); /* the smallest key greater than that item's */
        }
    }
    buf_done(&at);
    return inside ? OK : ERR_INVALID;
}

enum err part_cursor_open(
    const struct part_reader *r,
    const struct part_table *t,
    const struct part_range *range,
    struct part_cursor **ret)
{
    ASSERT(range->query != NULL || !range->backward);
    struct bounds b = {0};
    buf_init(&b.lo, SIZE_MAX / 2);
    buf_init(&b.hi, SIZE_MAX / 2);
    enum err e = OK;
    if (range->query != NULL) {
        e = query_bounds(&b, t, range);
    } else {
        scan_bounds(&b, t, range);
    }
    if (e == OK && range->after != NULL) {
        e = move_start(&b, t, range);
    }
    if (e == OK) {
        if (bytes_cmp(buf_bytes(&b.lo), buf_bytes(&b.hi)) > 0) {
            /* BETWEEN with its bounds crossed: nothing. */
            buf_clear(&b.hi);
            buf_put_bytes(&b.hi, buf_bytes(&b.lo));
        }
        struct part_cursor *c = calloc(1, sizeof *c);
        ASSERT(c != NULL);
        struct bytes lo = buf_bytes(&b.lo);
        struct bytes hi = buf_bytes(&b.hi);
        c->it = range->once ? engine_iter_open_once(r->engine, r->snap, lo, hi)
                            : engine_iter_open(r->engine, r->snap, lo, hi);
        c->of_index = range->index != NULL;
        c->backward = range->backward;
        *ret = c;
    }
    buf_done(&b.lo);
    buf_done(&b.hi);
    return e;
}

void part_cursor_close(struct part_cursor *c)
{
    if (c != NULL) {
        engine_iter_close(c->it);
        free(c);
    }
}

static bool step(struct part_cursor *c)
{
    if (c->started) {
        return c->backward ? engine_iter_prev(c->it) : engine_iter_next(c->it);
    }
    c->started = true;
    return c->backward ? engine_iter_last(c->it) : engine_iter_first(c->it);
}

static enum err index_item(struct bytes stored, struct bytes *ret)
{
    if (stored.len < 1 || stored.base[0] != LAYOUT_FORMAT) {
        return ERR_CORRUPT;
    }
    *ret = bytes_from(stored, 1);
    return OK;
}

enum err part_cursor_next(
    struct part_cursor *c, struct arena *a, struct value *ret, size_t *ret_bytes)
{
    struct record rec = {0};
    while (!rec.live) {
        if (!step(c)) {
            enum err e = engine_iter_err(c->it);
            return e == OK ? ERR_NOT_FOUND : e;
        }
        struct bytes stored = engine_iter_value(c->it);
        rec.live = c->of_index;
        enum err e = c->of_index ? index_item(stored, &rec.item) : layout_record_get(stored, &rec);
        if (e != OK) {
            return e;
        }
    }
    struct bytes item = bytes_dup(a, rec.item);
    if (item.base == NULL) {
        return ERR_TOO_BIG;
    }
    struct value v;
    enum err e = value_decode(a, item, &v);
    if (e == OK) {
        *ret = v;
        *ret_bytes = c->of_index ? item_size(&v) : rec.size;
    }
    return e;
}
