/* The change log: appending, walking, finding an origin's stretch, asking what a writer had seen,
 * trimming.
 *
 * Invariants
 *  1. Positions are consecutive: the log is the stretch [first, tail] and nothing is missing inside
 * it.
 *  2. Every received stretch has one origin row, at its first transaction; rows of one origin grow
 * in both positions together, so the last row at or before a position bounds where to look for it.
 */
#include <stdlib.h>

#include "part/impl.h"

enum err part_log_append(struct part *p, const struct change_txn *t)
{
    struct local_pos pos = p->stage.pos;
    size_t at = pos.v - p->batch_tail.v - 1;
    p->log_ends = part_grow(p->log_ends, at, &p->log_ends_cap, sizeof *p->log_ends);
    size_t start = p->log.len;
    change_txn_encode(&p->log, t);
    if (p->log.err != OK) {
        p->log.err = OK;
        p->log.len = start;
        return ERR_TOO_BIG;
    }
    p->log_ends[at] = p->log.len;
    p->log_bytes_since += p->log.len - start;
    return OK;
}

/* The stored transaction at `pos`, which is of this batch. */
static struct bytes gathered_txn(const struct part *p, struct local_pos pos)
{
    size_t at = pos.v - p->batch_tail.v - 1;
    size_t start = at == 0 ? 0 : p->log_ends[at - 1];
    return bytes_of(p->log.base + start, p->log_ends[at] - start);
}

void part_log_put(struct part *p)
{
    for (struct local_pos pos = {p->batch_tail.v + 1}; pos.v <= p->tail.v; pos.v++) {
        buf_clear(&p->key_buf);
        layout_log_key(&p->key_buf, pos);
        engine_batch_put(p->batch, buf_bytes(&p->key_buf), gathered_txn(p, pos));
    }
}

/* The stored transaction at `pos`, of this batch or the engine, copied into the batch's arena. */
static enum err stored_txn(struct part *p, struct local_pos pos, struct bytes *ret)
{
    if (pos.v > p->batch_tail.v) {
        if (pos.v > p->tail.v) {
            return ERR_CORRUPT;
        }
        *ret = bytes_dup(&p->batch_arena, gathered_txn(p, pos));
        return OK;
    }
    buf_clear(&p->key_buf);
    layout_log_key(&p->key_buf, pos);
    buf_clear(&p->read_buf);
    enum err e = engine_get(p->config.engine, NULL, buf_bytes(&p->key_buf), &p->read_buf);
    if (e == OK) {
        *ret = bytes_dup(&p->batch_arena, buf_bytes(&p->read_buf));
    }
    return e;
}

enum err part_log_sight(struct part *p, const struct record *r, struct merge_sight *ret)
{
    *ret = (struct merge_sight){.known = false, .writer = r->version.region};
    struct bytes stored;
    enum err e = stored_txn(p, r->pos, &stored);
    if (e == ERR_NOT_FOUND) {
        return OK; /* trimmed */
    }
    struct change_txn t;
    if (e == OK) {
        e = change_txn_decode(&p->batch_arena, stored, /* wire_only= */ false, &t);
    }
    if (e != OK) {
        return e;
    }
    /* A seeded record's transaction was made here, so it says nothing of what its writer had seen.
     */
    bool seeded = t.origin_pos.v == 0 && t.n_seen == 0;
    ret->known = !seeded && t.hlc.v == r->version.hlc.v && t.origin.v == r->version.region.v;
    ret->seen = t.seen;
    ret->n_seen = t.n_seen;
    return OK;
}

/* ---- trimming ---- */

/* Deletes the origin rows of one region that lead to trimmed positions only: a row goes when a
 * later one of the same region also lies at or before `upto`. Leaves the iterator past the region.
 */
static void trim_origin(
    struct part *p, struct engine_iter *it, struct region_id region, struct local_pos upto)
{
    struct buf last;
    buf_init(&last, 64);
    bool on = true;
    while (on) {
        struct bytes key = engine_iter_key(it);
        bool same = key.len == 17 && load_u64_be(key.base + 1) == region.v;
        struct reader r = reader_of(engine_iter_value(it));
        if (!same || get_u64(&r) > upto.v) {
            break;
        }
        if (last.len > 0) {
            engine_batch_delete(p->batch, buf_bytes(&last));
        }
        buf_clear(&last);
        buf_put_bytes(&last, key);
        on = engine_iter_next(it);
    }
    buf_done(&last);
}

static enum err trim_origins(struct part *p, struct local_pos upto)
{
    const uint8_t lo[] = {ROW_ORIGIN};
    const uint8_t hi[] = {ROW_ORIGIN + 1};
    struct engine_iter *it =
        engine_iter_open(p->config.engine, NULL, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
    for (size_t i = 1; i < p->n_marks; i++) {
        buf_clear(&p->key_buf);
        layout_origin_key(&p->key_buf, p->marks[i].region, (struct peer_pos){0});
        if (engine_iter_seek(it, buf_bytes(&p->key_buf))) {
            trim_origin(p, it, p->marks[i].region, upto);
        }
    }
    enum err e = engine_iter_err(it);
    engine_iter_close(it);
    return e;
}

enum err part_log_trim(struct part *p, struct local_pos upto)
{
    if (upto.v > p->tail.v) {
        upto = p->tail;
    }
    if (upto.v == 0) {
        return OK;
    }
    enum err e = trim_origins(p, upto);
    if (e != OK) {
        return e;
    }
    if (p->checkpoint.v < upto.v) {
        p->checkpoint_must = true;
    }
    struct buf hi;
    buf_init(&hi, 64);
    layout_log_key(&hi, (struct local_pos){upto.v + 1});
    buf_clear(&p->key_buf);
    layout_log_key(&p->key_buf, (struct local_pos){0});
    engine_batch_delete_range(p->batch, buf_bytes(&p->key_buf), buf_bytes(&hi));
    buf_done(&hi);
    return OK;
}

/* ---- reading ---- */

struct part_log_cursor {
    struct engine_iter *it;
    bool started;
    struct local_pos at; /* 0: nothing read yet */
};

struct part_log_cursor *part_log_open(const struct part_reader *r, struct local_pos after)
{
    struct part_log_cursor *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    struct buf lo;
    buf_init(&lo, 64);
    layout_log_key(&lo, (struct local_pos){after.v == UINT64_MAX ? after.v : after.v + 1});
    const uint8_t hi[] = {ROW_LOG + 1};
    c->it = engine_iter_open(r->engine, r->snap, buf_bytes(&lo), bytes_of(hi, sizeof hi));
    buf_done(&lo);
    return c;
}

void part_log_close(struct part_log_cursor *c)
{
    if (c != NULL) {
        engine_iter_close(c->it);
        free(c);
    }
}

enum err part_log_next(
    struct part_log_cursor *c, struct local_pos *ret_pos, struct bytes *ret_stored)
{
    bool on = c->started ? engine_iter_next(c->it) : engine_iter_first(c->it);
    c->started = true;
    if (!on) {
        enum err e = engine_iter_err(c->it);
        return e == OK ? ERR_NOT_FOUND : e;
    }
    struct bytes key = engine_iter_key(c->it);
    if (key.len != 9) {
        return ERR_CORRUPT;
    }
    struct local_pos pos = {load_u64_be(key.base + 1)};
    if (c->at.v != 0 && pos.v != c->at.v + 1) {
        return ERR_CORRUPT;
    }
    c->at = pos;
    *ret_pos = pos;
    *ret_stored = engine_iter_value(c->it);
    return OK;
}

static enum err read_tail(const struct part_reader *r, struct part_mark *ret)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct part_mark *marks;
    size_t n;
    enum err e = part_read_marks(r, &a, &marks, &n);
    if (e == OK) {
        *ret = n > 0 ? marks[0] : (struct part_mark){0};
    }
    arena_done(&a);
    return e;
}

enum err part_log_first(const struct part_reader *r, struct local_pos *ret)
{
    /* The tail first: if the log is empty when looked at, it was already trimmed to at least there.
     */
    struct part_mark own;
    enum err e = read_tail(r, &own);
    if (e != OK) {
        return e;
    }
    struct part_log_cursor *c = part_log_open(r, (struct local_pos){0});
    struct bytes stored;
    e = part_log_next(c, ret, &stored);
    part_log_close(c);
    if (e == ERR_NOT_FOUND) {
        *ret = (struct local_pos){own.pos.v + 1};
        return OK;
    }
    return e;
}

/* The first local position an origin row under the iterator speaks of. */
static enum err origin_row(
    const struct engine_iter *it, struct region_id origin, struct local_pos *ret)
{
    struct bytes key = engine_iter_key(it);
    struct reader r = reader_of(engine_iter_value(it));
    ret->v = get_u64(&r);
    if (r.bad || ret->v == 0 || key.len != 17 || load_u64_be(key.base + 1) != origin.v) {
        return ERR_CORRUPT;
    }
    return OK;
}

enum err part_log_find_origin(
    const struct part_reader *r,
    struct region_id origin,
    struct peer_pos after,
    struct local_pos *ret)
{
    struct part_mark own;
    enum err e = read_tail(r, &own);
    if (e != OK) {
        return e;
    }
    if (own.region.v == origin.v) {
        ret->v = after.v;
        return OK;
    }
    struct buf lo;
    struct buf hi;
    struct buf at;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    buf_init(&at, 64);
    layout_origin_key(&lo, origin, (struct peer_pos){0});
    layout_origin_key(&hi, origin, (struct peer_pos){UINT64_MAX});
    uint64_t wanted = after.v == UINT64_MAX ? after.v : after.v + 1;
    layout_origin_key(&at, origin, (struct peer_pos){wanted});
    struct engine_iter *it = engine_iter_open(r->engine, r->snap, buf_bytes(&lo), buf_bytes(&hi));
    bool on = engine_iter_seek_back(it, buf_bytes(&at));
    if (!on && engine_iter_err(it) == OK) {
        on = engine_iter_first(it);
    }
    struct local_pos first = {own.pos.v + 1};
    e = on ? origin_row(it, origin, &first) : engine_iter_err(it);
    if (e == OK) {
        ret->v = first.v - 1;
    }
    engine_iter_close(it);
    buf_done(&lo);
    buf_done(&hi);
    buf_done(&at);
    return e;
}

uint64_t part_log_bytes(const struct part_reader *r, struct local_pos from, struct local_pos to)
{
    if (to.v <= from.v) {
        return 0;
    }
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    layout_log_key(&lo, (struct local_pos){from.v + 1});
    layout_log_key(&hi, (struct local_pos){to.v + 1});
    uint64_t n = engine_range_bytes(r->engine, buf_bytes(&lo), buf_bytes(&hi));
    buf_done(&lo);
    buf_done(&hi);
    return n;
}
