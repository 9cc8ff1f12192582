/* Giving back the space of rows that are gone.
 *
 * A deletion is a row of its own until the engine merges its file with those that hold what it
 * hides, and only further writes make the engine do so: a table that was dropped, or half of whose
 * items were deleted, would keep its space until others have written as much. So spans of keys are
 * looked for that take much more space than what is alive in them:
 *  - the trimmed part of the log, in which nothing is;
 *  - the rows of one table, or of one index, beside their counters;
 *  - what lies between those, which is of tables and indexes that were dropped.
 *
 * What rows take beside what is counted of them is guessed, compression hides some, and a snapshot
 * holds what is gone. So what a span came to when it was last rewritten is remembered, beside what
 * was alive in it, and it is rewritten again only when it takes half as much again in proportion:
 * what is written is never more than a few times what was written or deleted before.
 *
 * Recursion: the spans are halved, so its depth is bounded by the logarithm of their number. */
#include <stdlib.h>

#include "part/impl.h"

enum {
    LOG_SHARE = 8,   /* the log's one in so many bytes of the store */
    ROW_BYTES = 150, /* of a row beside what is counted: keys, version, the engine's own */
};

/* The rows of a table, or of an index of it, by the rows that count them. */
struct span {
    uint64_t table;
    uint32_t index;
    uint64_t alive; /* bytes that are */
};

/* What a span came to. */
struct rewritten {
    struct buf lo;
    uint64_t bytes;
    uint64_t alive;
};

struct part_reclaimer {
    uint64_t bytes_min;
    struct rewritten *rewritten;
    size_t n;
    size_t cap;
    size_t n_now; /* spans rewritten by this call */
};

/* One look: all spans of one kind, in the order of their keys. */
struct look {
    struct part_reclaimer *of;
    struct engine *engine;
    uint8_t kind; /* of the rows */
    struct span *spans;
    size_t n;
    size_t cap;
};

struct part_reclaimer *part_reclaimer_new(uint64_t bytes_min)
{
    struct part_reclaimer *rc = calloc(1, sizeof *rc);
    ASSERT(rc != NULL);
    rc->bytes_min = bytes_min;
    return rc;
}

void part_reclaimer_free(struct part_reclaimer *rc)
{
    if (rc == NULL) {
        return;
    }
    for (size_t i = 0; i < rc->n; i++) {
        buf_done(&rc->rewritten[i].lo);
    }
    free(rc->rewritten);
    free(rc);
}

/* ---- one span ---- */

static struct rewritten *find_rewritten(struct part_reclaimer *rc, struct bytes lo)
{
    for (size_t i = 0; i < rc->n; i++) {
        if (bytes_eq(buf_bytes(&rc->rewritten[i].lo), lo)) {
            return &rc->rewritten[i];
        }
    }
    return NULL;
}

static void note_rewritten(
    struct part_reclaimer *rc, struct bytes lo, uint64_t bytes, uint64_t alive)
{
    struct rewritten *w = find_rewritten(rc, lo);
    if (w == NULL) {
        rc->rewritten = part_grow(rc->rewritten, rc->n, &rc->cap, sizeof *rc->rewritten);
        w = &rc->rewritten[rc->n++];
        buf_init(&w->lo, 64);
        buf_put_bytes(&w->lo, lo);
    }
    w->bytes = bytes;
    w->alive = alive;
}

/* What a span would come to, rewritten now. */
static double expected(struct part_reclaimer *rc, struct bytes lo, uint64_t alive)
{
    const struct rewritten *w = find_rewritten(rc, lo);
    if (w == NULL || w->bytes <= w->alive) {
        return (double)alive;
    }
    if (w->alive == 0) {
        return alive == 0 ? (double)w->bytes : (double)alive;
    }
    return (double)alive * (double)w->bytes / (double)w->alive;
}

static void reclaim_span(struct look *l, struct bytes lo, struct bytes hi, uint64_t alive)
{
    double bytes = (double)engine_range_bytes(l->engine, lo, hi);
    double least = expected(l->of, lo, alive);
    if (bytes >= least + (double)l->of->bytes_min && bytes >= least * 1.5) {
        engine_reclaim(l->engine, lo, hi);
        l->of->n_now++;
        note_rewritten(l->of, lo, engine_range_bytes(l->engine, lo, hi), alive);
    }
}

/* ---- all of one kind ---- */

/* Spans and what lies between them alternate, beginning with what lies before the first: where the
 * i-th of these begins. */
static void put_start(const struct look *l, size_t i, struct buf *b)
{
    buf_clear(b);
    buf_put_u8(b, l->kind);
    if (i == 0) {
        put_u64_be(b, PART_TABLE_FIRST);
        return;
    }
    if (i == 2 * l->n + 1) {
        layout_prefix_end(b, 0);
        return;
    }
    const struct span *s = &l->spans[(i - 1) / 2];
    put_u64_be(b, s->table);
    if (l->kind == ROW_INDEX) {
        layout_put_u32_be(b, s->index);
    }
    if (i % 2 == 0) {
        layout_prefix_end(b, 0);
    }
}

/* Those from `from` up to `to`. Halved where they take enough to be looked at, so that thousands of
 * small tables are told in a few steps. */
static void reclaim_some(struct look *l, size_t from, size_t to)
{
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    put_start(l, from, &lo);
    put_start(l, to, &hi);
    if (to - from == 1) {
        uint64_t alive = from % 2 == 0 ? 0 : l->spans[from / 2].alive;
        reclaim_span(l, buf_bytes(&lo), buf_bytes(&hi), alive);
    } else if (engine_range_bytes(l->engine, buf_bytes(&lo), buf_bytes(&hi)) >= l->of->bytes_min) {
        size_t middle = from + (to - from) / 2;
        reclaim_some(l, from, middle);
        reclaim_some(l, middle, to);
    }
    buf_done(&lo);
    buf_done(&hi);
}

/* A counters row's span; false when it does not read. */
static bool read_span(const struct look *l, struct bytes key, struct bytes value, struct span *ret)
{
    struct reader r;
    size_t len = l->kind == ROW_INDEX ? 1 + 8 + 4 : 1 + 8;
    if (key.len != len || layout_checked_open(value, &r) != OK) {
        return false;
    }
    uint64_t rows = get_varint(&r);
    uint64_t bytes = get_varint(&r);
    *ret = (struct span){.table = load_u64_be(key.base + 1), .alive = bytes + rows * ROW_BYTES};
    if (l->kind == ROW_INDEX) {
        ret->index = load_u32_be(key.base + 9);
    }
    return !r.bad && ret->table >= PART_TABLE_FIRST;
}

/* By the rows that count rows of that kind. */
static void reclaim_kind(
    struct part_reclaimer *rc, const struct part_reader *r, uint8_t kind, uint8_t counters)
{
    const uint8_t past = (uint8_t)(counters + 1);
    struct look l = {.of = rc, .engine = r->engine, .kind = kind};
    struct engine_iter *it =
        engine_iter_open_once(r->engine, NULL, bytes_of(&counters, 1), bytes_of(&past, 1));
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct span s;
        if (read_span(&l, engine_iter_key(it), engine_iter_value(it), &s)) {
            l.spans = part_grow(l.spans, l.n, &l.cap, sizeof *l.spans);
            l.spans[l.n++] = s;
        }
    }
    bool all = engine_iter_err(it) == OK;
    engine_iter_close(it);
    if (all) {
        reclaim_some(&l, 0, 2 * l.n + 1);
    }
    free(l.spans);
}

/* ---- the log ---- */

static void reclaim_log(struct part_reclaimer *rc, const struct part_reader *r)
{
    struct local_pos first;
    struct engine_stats stats;
    if (part_log_first(r, &first) != OK) {
        return; /* readers of the log will find out why */
    }
    uint64_t dead = part_log_bytes(r, (struct local_pos){0}, (struct local_pos){first.v - 1});
    engine_stats(r->engine, &stats);
    if (dead < rc->bytes_min || dead < stats.disk_bytes / LOG_SHARE) {
        return;
    }
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    layout_log_key(&lo, (struct local_pos){0});
    layout_log_key(&hi, first);
    engine_reclaim(r->engine, buf_bytes(&lo), buf_bytes(&hi));
    rc->n_now++;
    buf_done(&lo);
    buf_done(&hi);
}

size_t part_reclaim(struct part_reclaimer *rc, const struct part_reader *r)
{
    rc->n_now = 0;
    reclaim_log(rc, r);
    reclaim_kind(rc, r, ROW_DATA, ROW_COUNTS);
    reclaim_kind(rc, r, ROW_INDEX, ROW_INDEX_COUNTS);
    return rc->n_now;
}
