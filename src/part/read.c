/* Reading without the writer: single items, raw records, notes and the bookkeeping any thread may
 * ask for. */
#include <stdlib.h>

#include "part/impl.h"

enum err part_get(
    const struct part_reader *r,
    const struct part_table *t,
    struct bytes key,
    struct arena *a,
    struct value *ret,
    struct version *ret_version)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    /* The key and then the record in one buffer: one allocation for most reads. */
    if (!layout_data_key(&b, t->id, key)) {
        buf_done(&b);
        return ERR_NOT_FOUND;
    }
    struct bytes row_key = bytes_dup(a, buf_bytes(&b));
    enum err e = row_key.base == NULL ? ERR_TOO_BIG : OK;
    if (e == OK) {
        buf_clear(&b);
        e = engine_get(r->engine, r->snap, row_key, &b);
    }
    struct record rec;
    if (e == OK) {
        e = layout_record_get(buf_bytes(&b), &rec);
    }
    if (e == OK && !rec.live) {
        e = ERR_NOT_FOUND;
    }
    if (e == OK) {
        struct bytes item = bytes_dup(a, rec.item);
        e = item.base == NULL ? ERR_TOO_BIG : value_decode(a, item, ret);
    }
    if (e == OK && ret_version != NULL) {
        *ret_version = rec.version;
    }
    buf_done(&b);
    return e;
}

/* ---- raw records ---- */

struct part_raw_cursor {
    struct engine_iter *it;
    bool started;
};

enum err part_raw_position(struct buf *b, struct bytes key)
{
    size_t first = key_first_len(key);
    if (first == 0) {
        return ERR_INVALID;
    }
    layout_put_u32_be(b, key_partition_hash(bytes_of(key.base, first)));
    buf_put_bytes(b, key);
    return b->err;
}

struct part_raw_cursor *part_raw_open(
    const struct part_reader *r,
    uint64_t table,
    uint32_t hash_lo,
    uint32_t hash_hi,
    struct bytes from)
{
    struct part_raw_cursor *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    struct buf lo;
    struct buf hi;
    buf_init(&lo, SIZE_MAX / 2);
    buf_init(&hi, SIZE_MAX / 2);
    layout_data_prefix(&lo, table);
    if (from.len > 0) {
        buf_put_bytes(&lo, from);
        buf_put_u8(&lo, 0); /* the smallest key greater than `from` */
    } else {
        layout_put_u32_be(&lo, hash_lo);
    }
    layout_data_prefix(&hi, table);
    layout_put_u32_be(&hi, hash_hi);
    layout_prefix_end(&hi, 0);
    if (bytes_cmp(buf_bytes(&lo), buf_bytes(&hi)) > 0) {
        buf_clear(&lo);
        buf_put_bytes(&lo, buf_bytes(&hi));
    }
    c->it = engine_iter_open_once(r->engine, r->snap, buf_bytes(&lo), buf_bytes(&hi));
    buf_done(&lo);
    buf_done(&hi);
    return c;
}

void part_raw_close(struct part_raw_cursor *c)
{
    if (c != NULL) {
        engine_iter_close(c->it);
        free(c);
    }
}

enum err part_raw_next(struct part_raw_cursor *c, struct part_raw *ret)
{
    bool on = c->started ? engine_iter_next(c->it) : engine_iter_first(c->it);
    c->started = true;
    *ret = (struct part_raw){0};
    if (!on) {
        enum err e = engine_iter_err(c->it);
        return e == OK ? ERR_NOT_FOUND : e;
    }
    struct bytes key = engine_iter_key(c->it);
    ret->position = bytes_from(key, LAYOUT_DATA_PREFIX);
    struct record rec;
    enum err e = layout_record_get(engine_iter_value(c->it), &rec);
    if (e != OK) {
        return e;
    }
    if (key.len <= LAYOUT_DATA_PREFIX + LAYOUT_HASH_BYTES) {
        return ERR_CORRUPT;
    }
    *ret = (struct part_raw){
        .position = ret->position,
        .key = bytes_from(key, LAYOUT_DATA_PREFIX + LAYOUT_HASH_BYTES),
        .live = rec.live,
        .expired = !rec.live && rec.buried.v != rec.version.hlc.v,
        .version = rec.version,
        .item = rec.item,
    };
    return OK;
}

/* ---- bookkeeping ---- */

static enum err read_meta(const struct part_reader *r, const char *name, struct buf *ret)
{
    struct buf key;
    buf_init(&key, 256);
    layout_meta_key(&key, name);
    enum err e = engine_get(r->engine, r->snap, buf_bytes(&key), ret);
    buf_done(&key);
    return e;
}

static enum err decode_marks(
    struct bytes row, struct arena *a, const struct part_mark **ret, size_t *ret_n)
{
    struct reader r;
    if (layout_checked_open(row, &r) != OK) {
        return ERR_CORRUPT;
    }
    size_t n = reader_left(&r) / 24;
    struct part_mark *marks = ARENA_ARRAY(a, struct part_mark, n);
    if (marks == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        marks[i].region.v = get_u64(&r);
        marks[i].pos.v = get_u64(&r);
        marks[i].hlc.v = get_u64(&r);
    }
    if (r.bad || reader_left(&r) != 0) {
        return ERR_CORRUPT;
    }
    *ret = marks;
    *ret_n = n;
    return OK;
}

enum err part_read_marks(
    const struct part_reader *r, struct arena *a, const struct part_mark **ret, size_t *ret_n)
{
    struct buf row;
    buf_init(&row, SIZE_MAX / 2);
    enum err e = read_meta(r, "marks", &row);
    if (e == OK) {
        e = decode_marks(buf_bytes(&row), a, ret, ret_n);
    } else if (e == ERR_NOT_FOUND) {
        *ret = NULL;
        *ret_n = 0;
        e = OK;
    }
    buf_done(&row);
    return e;
}

enum err part_read_gc_floor(const struct part_reader *r, struct hlc *ret)
{
    struct buf row;
    buf_init(&row, 256);
    enum err e = read_meta(r, "gc_floor", &row);
    struct reader payload;
    if (e == OK && layout_checked_open(buf_bytes(&row), &payload) != OK) {
        e = ERR_CORRUPT;
    }
    if (e == OK) {
        uint64_t v = get_u64(&payload);
        e = payload.bad ? ERR_CORRUPT : OK;
        ret->v = e == OK ? v : ret->v;
    } else if (e == ERR_NOT_FOUND) {
        ret->v = 0;
        e = OK;
    }
    buf_done(&row);
    return e;
}

enum err part_note(const struct part_reader *r, struct bytes name, struct buf *ret)
{
    struct buf key;
    buf_init(&key, SIZE_MAX / 2);
    layout_note_key(&key, name);
    enum err e = engine_get(r->engine, r->snap, buf_bytes(&key), ret);
    buf_done(&key);
    return e;
}

enum err part_notes(
    const struct part_reader *r,
    struct bytes prefix,
    struct bytes after,
    bool (*each)(void *ctx, struct bytes name, struct bytes value),
    void *ctx)
{
    struct buf lo;
    struct buf hi;
    buf_init(&lo, SIZE_MAX / 2);
    buf_init(&hi, SIZE_MAX / 2);
    layout_note_key(&hi, prefix);
    layout_note_key(&lo, bytes_cmp(after, prefix) < 0 ? prefix : after);
    layout_prefix_end(&hi, 0);
    struct engine_iter *it = engine_iter_open(r->engine, r->snap, buf_bytes(&lo), buf_bytes(&hi));
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct bytes name = bytes_from(engine_iter_key(it), 1);
        bool past = bytes_cmp(name, after) > 0;
        if (past && !each(ctx, name, engine_iter_value(it))) {
            break;
        }
    }
    enum err e = engine_iter_err(it);
    engine_iter_close(it);
    buf_done(&lo);
    buf_done(&hi);
    return e;
}
