/* Item collections: the items of one partition key and their rows in local indexes. Of tables with
 * local indexes the bytes of each collection are kept, to be told and to be limited; other tables
 * have no collections and pay nothing.
 *
 * Invariants
 *  1. A collection's stored sum is exact in every commit; one without bytes is not stored.
 *  2. The sum is in the overlay before a change of the collection is staged, so that closing the
 * transaction, which cannot fail, need not read.
 * Not promised: that the limit holds to the byte. Changes of the same transaction do not see each
 * other's growth, and what came from elsewhere is not refused. */
#include "part/impl.h"

enum { REBUILD_BATCH_BYTES = 1024 * 1024 };

bool part_is_collected(const struct part_table *t)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].local) {
            return true;
        }
    }
    return false;
}

/* ---- sums ---- */

static void put_sum(struct buf *b, uint64_t bytes)
{
    buf_clear(b);
    size_t start = layout_checked_begin(b);
    put_varint(b, bytes);
    layout_checked_end(b, start);
}

static enum err sum_of(struct bytes stored, uint64_t *ret)
{
    struct reader r;
    enum err e = layout_checked_open(stored, &r);
    if (e != OK) {
        return e;
    }
    *ret = get_varint(&r);
    return r.bad || reader_left(&r) != 0 ? ERR_CORRUPT : OK;
}

uint64_t part_collection_bytes(const struct overlay_entry *e)
{
    uint64_t bytes = 0;
    if (e->state == OVERLAY_PRESENT) {
        enum err err = sum_of(e->value, &bytes);
        ASSERT(err == OK); /* checked when it came in */
    }
    return bytes;
}

enum err part_collection_need(
    struct part *p, uint64_t table, struct bytes key, struct overlay_entry **ret)
{
    buf_clear(&p->key_buf);
    layout_collection_key(&p->key_buf, table, key);
    struct bytes row_key = buf_bytes(&p->key_buf);
    struct overlay_entry *e =
        overlay_need(&p->overlay, &p->batch_arena, row_key, hash64(row_key, 0));
    *ret = e;
    if (e->state != OVERLAY_UNKNOWN) {
        return OK;
    }
    struct bytes stored;
    enum err err = part_stage_read(p, e->key, &stored);
    uint64_t bytes;
    if (err == OK) {
        err = sum_of(stored, &bytes);
    }
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    e->value = err == OK ? bytes_dup(&p->batch_arena, stored) : BYTES_NONE;
    e->state = err == OK ? OVERLAY_PRESENT : OVERLAY_ABSENT;
    return OK;
}

void part_collection_add(struct part *p, const struct staged *s, uint64_t plus, uint64_t minus)
{
    struct overlay_entry *e = s->collection;
    uint64_t bytes = part_collection_bytes(e) + plus - minus;
    if (s->collection_bytes != NULL) {
        *s->collection_bytes = bytes;
    }
    if (bytes == 0) {
        e->state = OVERLAY_ABSENT;
        e->value = BYTES_NONE;
        engine_batch_delete(p->batch, e->key);
        return;
    }
    put_sum(&p->meta_buf, bytes);
    e->state = OVERLAY_PRESENT;
    e->value = bytes_dup(&p->batch_arena, buf_bytes(&p->meta_buf));
    engine_batch_put(p->batch, e->key, e->value);
}

/* ---- the limit ---- */

/* The bytes of an item and its rows in local indexes. */
static enum err weigh(
    struct part *p,
    struct arena *a,
    const struct part_table *t,
    struct bytes key,
    const struct value *item,
    uint64_t size,
    uint64_t *ret)
{
    uint64_t bytes = size;
    for (size_t i = 0; i < t->n_indexes && item != NULL; i++) {
        if (!t->indexes[i].local) {
            continue;
        }
        enum err e = part_index_row(a, t, &t->indexes[i], key, item, BYTES_NONE, &p->row_new);
        if (e != OK) {
            return e;
        }
        bytes += p->row_new.size;
    }
    *ret = bytes;
    return OK;
}

enum err part_collection_check(struct part *p, struct part_op *op, const struct staged *s)
{
    uint64_t max = p->config.collection_bytes_max;
    if (max == 0) {
        max = (uint64_t)PART_COLLECTION_GB_MAX << 30;
    }
    const struct part_table *t = s->table->schema;
    /* Almost always there is room for whatever the rows may come to. */
    if (op->collection_bytes + s->size * (1 + t->n_indexes) <= max) {
        return OK;
    }
    uint64_t before = 0;
    uint64_t after = 0;
    enum err e = weigh(p, &p->batch_arena, t, s->key, s->item, s->size, &after);
    if (e == OK && s->old.live) {
        e = weigh(p, &p->batch_arena, t, s->key, s->old_item, s->old.size, &before);
    }
    if (e != OK || after <= before || op->collection_bytes + after - before <= max) {
        return e;
    }
    op->fault = PART_FAULT_COLLECTION;
    return ERR_LIMIT;
}

/* ---- made anew ---- */

struct rebuild {
    struct part *part;
    const struct part_table *table;
    struct engine_batch *batch;
    struct buf key; /* of the collection that is being summed; empty: none yet */
    struct buf sum;
    uint64_t bytes;
    struct arena a;
};

static enum err flush(struct rebuild *r, size_t bytes_max)
{
    if (r->key.len > 0 && r->bytes > 0) {
        put_sum(&r->sum, r->bytes);
        engine_batch_put(r->batch, buf_bytes(&r->key), buf_bytes(&r->sum));
        r->bytes = 0;
    }
    if (engine_batch_bytes(r->batch) < bytes_max) {
        return OK;
    }
    enum err e = engine_write(r->part->config.engine, r->batch, /* sync= */ true);
    engine_batch_clear(r->batch);
    return e;
}

static enum err add_record(struct rebuild *r, const struct part_raw *raw)
{
    struct part *p = r->part;
    arena_clear(&r->a);
    struct value item;
    uint64_t bytes;
    enum err e = value_decode(&r->a, raw->item, &item);
    if (e == OK) {
        e = weigh(p, &r->a, r->table, raw->key, &item, item_size(&item), &bytes);
    }
    if (e != OK) {
        return e;
    }
    buf_clear(&p->key_buf);
    layout_collection_key(&p->key_buf, r->table->id, raw->key);
    if (!bytes_eq(buf_bytes(&p->key_buf), buf_bytes(&r->key))) {
        e = flush(r, REBUILD_BATCH_BYTES);
        buf_clear(&r->key);
        buf_put_bytes(&r->key, buf_bytes(&p->key_buf));
    }
    r->bytes += bytes;
    return e;
}

enum err part_collections_rebuild(struct part *p, const struct part_table *t)
{
    struct rebuild r = {.part = p, .table = t, .batch = engine_batch_new(p->config.engine)};
    buf_init(&r.key, SIZE_MAX / 2);
    buf_init(&r.sum, 64);
    arena_init(&r.a, SIZE_MAX / 2);
    struct part_reader reader = {.engine = p->config.engine};
    struct part_raw_cursor *c = part_raw_open(&reader, t->id, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    enum err e = part_raw_next(c, &raw);
    while (e == OK) {
        e = raw.live ? add_record(&r, &raw) : OK;
        e = e == OK ? part_raw_next(c, &raw) : e;
    }
    part_raw_close(c);
    e = e == ERR_NOT_FOUND ? flush(&r, /* bytes_max= */ 0) : e;
    engine_batch_free(r.batch);
    buf_done(&r.key);
    buf_done(&r.sum);
    arena_done(&r.a);
    return e;
}
