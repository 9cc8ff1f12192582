/* Counters of indexes: how many rows each holds and their bytes. A log record does not tell what an
 * item looked like in an index before, so these cannot be replayed; they are stored, of the indexes
 * that changed, in each batch instead.
 *
 * Invariants
 *  1. A stored counter is exact in every commit.
 *  2. Of an index that is being built, exactly the items at or before the position its backfill has
 * reached are counted: those behind it are counted when it comes to them, whatever wrote their rows
 * meanwhile.
 *  3. An index whose counters are not stored belongs to a store that was written before they were
 * kept: its rows are counted once, and its backfill begins anew. */
#include <stdlib.h>

#include "part/impl.h"

static void mark_dirty(struct part *p, struct part_tstate *t)
{
    if (t->index_dirty || t->n_istates == 0) {
        return;
    }
    p->index_dirty = part_grow(
        p->index_dirty, p->n_index_dirty, &p->index_dirty_cap, sizeof(struct part_tstate *));
    p->index_dirty[p->n_index_dirty++] = t;
    t->index_dirty = true;
}

void part_istates_free(struct part_tstate *t)
{
    for (size_t i = 0; i < t->n_istates; i++) {
        buf_done(&t->istates[i].reached);
    }
    free(t->istates);
    t->istates = NULL;
    t->n_istates = 0;
}

void part_istates_zero(struct part *p, struct part_tstate *t)
{
    for (size_t i = 0; i < t->n_istates; i++) {
        t->istates[i].counts = (struct part_counts){0};
    }
    mark_dirty(p, t);
}

/* ---- reading what is stored ---- */

static enum err read_checked(
    struct part *p, struct bytes key, struct buf *value, struct reader *ret)
{
    buf_clear(value);
    enum err e = engine_get(p->config.engine, NULL, key, value);
    return e == OK ? layout_checked_open(buf_bytes(value), ret) : e;
}

static enum err count_rows(struct part *p, uint64_t table, uint32_t index, struct part_counts *ret)
{
    struct buf lo;
    struct buf hi;
    buf_init(&lo, LAYOUT_INDEX_PREFIX);
    buf_init(&hi, LAYOUT_INDEX_PREFIX);
    layout_index_prefix(&lo, table, index);
    layout_index_prefix(&hi, table, index);
    layout_prefix_end(&hi, 0);
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    struct engine_iter *it =
        engine_iter_open_once(p->config.engine, NULL, buf_bytes(&lo), buf_bytes(&hi));
    struct part_counts n = {0};
    enum err e = OK;
    for (bool on = engine_iter_first(it); on && e == OK; on = engine_iter_next(it)) {
        struct value item;
        struct bytes stored = engine_iter_value(it);
        arena_clear(&a);
        e = stored.len > 0 ? value_decode(&a, bytes_from(stored, 1), &item) : ERR_CORRUPT;
        if (e == OK) {
            n.items++;
            n.bytes += item_size(&item);
        }
    }
    e = e == OK ? engine_iter_err(it) : e;
    engine_iter_close(it);
    arena_done(&a);
    buf_done(&lo);
    buf_done(&hi);
    *ret = n;
    return e;
}

/* What is not stored: nothing to count where there is nothing, else the rows. */
static enum err recount(struct part *p, struct part_tstate *t, struct part_istate *s)
{
    mark_dirty(p, t);
    if (s->building) {
        struct buf key;
        buf_init(&key, LAYOUT_INDEX_PREFIX);
        layout_backfill_key(&key, t->id, s->id);
        engine_batch_delete(p->batch, buf_bytes(&key));
        buf_done(&key);
        return OK;
    }
    if (t->counts.items == 0) {
        return OK;
    }
    t->recollect = t->collected; /* collections' sizes came with these counters */
    return count_rows(p, t->id, s->id, &s->counts);
}

static enum err load_reached(struct part *p, struct part_tstate *t, struct part_istate *s)
{
    struct buf key;
    struct buf value;
    struct reader r;
    buf_init(&key, LAYOUT_INDEX_PREFIX);
    buf_init(&value, SIZE_MAX / 2);
    layout_backfill_key(&key, t->id, s->id);
    enum err e = read_checked(p, buf_bytes(&key), &value, &r);
    if (e == OK) {
        buf_put_bytes(&s->reached, get_bytes(&r, reader_left(&r)));
    }
    buf_done(&key);
    buf_done(&value);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err load(struct part *p, struct part_tstate *t, struct part_istate *s)
{
    if (part_is_dropped(p, t->id)) {
        mark_dirty(p, t);
        return OK;
    }
    struct buf key;
    struct buf value;
    struct reader r;
    buf_init(&key, LAYOUT_INDEX_PREFIX);
    buf_init(&value, 256);
    layout_index_counts_key(&key, t->id, s->id);
    enum err e = read_checked(p, buf_bytes(&key), &value, &r);
    if (e == OK) {
        s->counts.items = get_varint(&r);
        s->counts.bytes = get_varint(&r);
        e = r.bad || reader_left(&r) != 0 ? ERR_CORRUPT : OK;
        e = e == OK && s->building ? load_reached(p, t, s) : e;
    } else if (e == ERR_NOT_FOUND) {
        e = recount(p, t, s);
    }
    buf_done(&key);
    buf_done(&value);
    return e;
}

static const struct part_istate *known(const struct part_istate *list, size_t n, uint32_t id)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i].id == id) {
            return &list[i];
        }
    }
    return NULL;
}

static void give_up(struct part *p, enum err e)
{
    TRACE(
        p->config.tracer,
        TRACE_ERROR,
        "part",
        "counters of an index cannot be read",
        TRACE_TEXT("err", bytes_str(err_name(e))));
    p->failed = true;
}

static void settle_one(
    struct part *p, struct part_tstate *t, struct part_istate *s, const struct part_istate *old)
{
    buf_init(&s->reached, SIZE_MAX / 2);
    if (old != NULL) {
        s->counts = old->counts;
        buf_put_bytes(&s->reached, buf_bytes(&old->reached));
        return;
    }
    enum err e = load(p, t, s);
    if (e != OK) {
        give_up(p, e);
    }
}

void part_istates_settle(struct part *p, struct part_tstate *t)
{
    const struct part_table *schema = t->schema;
    t->collected = part_is_collected(schema);
    if (schema->n_indexes == 0 && t->n_istates == 0) {
        return;
    }
    struct part_tstate was = *t;
    t->n_istates = schema->n_indexes;
    t->istates = calloc(schema->n_indexes + 1, sizeof *t->istates);
    ASSERT(t->istates != NULL);
    for (size_t i = 0; i < schema->n_indexes; i++) {
        struct part_istate *s = &t->istates[i];
        s->id = schema->indexes[i].id;
        s->building = schema->indexes[i].building;
        const struct part_istate *before = known(was.istates, was.n_istates, s->id);
        s->bucket = before == NULL ? (struct bucket){0} : before->bucket;
        s->arrived = before == NULL ? (struct part_arrived){0} : before->arrived;
        settle_one(p, t, s, known(was.istates, was.n_istates, s->id));
    }
    part_istates_free(&was);
    if (t->recollect) {
        t->recollect = false;
        enum err e = part_collections_rebuild(p, schema);
        if (e != OK) {
            give_up(p, e);
        }
    }
}

/* ---- counting ---- */

static void count(
    struct part *p,
    struct part_tstate *t,
    size_t i,
    const struct index_row *before,
    const struct index_row *after)
{
    struct part_counts *n = &t->istates[i].counts;
    if (before->there) {
        n->items--;
        n->bytes -= before->size;
    }
    if (after->there) {
        n->items++;
        n->bytes += after->size;
    }
    mark_dirty(p, t);
}

void part_istate_count(
    struct part *p,
    struct part_tstate *t,
    size_t i,
    struct bytes position,
    const struct index_row *before,
    const struct index_row *after)
{
    ASSERT(i < t->n_istates);
    const struct part_istate *s = &t->istates[i];
    bool covered = !s->building || bytes_cmp(position, buf_bytes(&s->reached)) <= 0;
    if (covered && (before->there || after->there)) {
        count(p, t, i, before, after);
    }
}

/* Greater than every storage position: no encoded key begins with this byte. */
static const uint8_t past_all[] = {0xff, 0xff, 0xff, 0xff, 0xff};

void part_istate_reach(
    struct part *p,
    struct part_tstate *t,
    size_t i,
    struct bytes position,
    const struct index_row *row)
{
    ASSERT(i < t->n_istates);
    struct part_istate *s = &t->istates[i];
    const struct index_row none = {.there = false};
    if (row->there && s->building) {
        count(p, t, i, &none, row);
    }
    buf_clear(&s->reached);
    buf_put_bytes(&s->reached, position.len > 0 ? position : bytes_of(past_all, sizeof past_all));
}

static void put_counts(struct part *p, const struct part_tstate *t, const struct part_istate *s)
{
    buf_clear(&p->key_buf);
    layout_index_counts_key(&p->key_buf, t->id, s->id);
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    put_varint(&p->meta_buf, s->counts.items);
    put_varint(&p->meta_buf, s->counts.bytes);
    layout_checked_end(&p->meta_buf, start);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(&p->meta_buf));
}

void part_istates_put(struct part *p)
{
    for (size_t k = 0; k < p->n_index_dirty; k++) {
        struct part_tstate *t = p->index_dirty[k];
        for (size_t i = 0; i < t->n_istates; i++) {
            put_counts(p, t, &t->istates[i]);
        }
        t->index_dirty = false;
    }
    p->n_index_dirty = 0;
}

/* ---- asked from above ---- */

struct part_counts part_index_counts(const struct part *p, uint64_t table, uint32_t index)
{
    const struct part_tstate *t = part_tstate_find(p, table);
    const struct part_istate *s = t == NULL ? NULL : known(t->istates, t->n_istates, index);
    return s == NULL ? (struct part_counts){0} : s->counts;
}
