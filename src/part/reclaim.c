/* Giving back the space of rows that are gone.
 *
 * A deletion is a row of its own until the engine merges its file with those that hold what it
 * hides, and only further writes make the engine do so: a table that was dropped, or half of whose
 * items were deleted, would keep its space until others have written as much. So spans of keys are
 * looked for that take much more space than what is alive in them: the rows of one table, or of one
 * index, beside their counters; what lies between those, which is of tables and indexes that were
 * dropped; the trimmed part of the log; and the other kinds of rows, of which nobody counts any.
 *
 * What rows take beside what is counted of them is guessed, compression hides some, and tombstones
 * are in no counter. So what a span took beyond what was expected, after it was rewritten, is
 * expected from then on, or less when less is found later. A wrong guess is made twice, and again
 * only when the span has grown by half or the process was started anew; so what is written stays
 * within a few times what was written or deleted.
 *
 * Recursion: the spans are halved, so its depth is bounded by the logarithm of their number. */
#include <stdlib.h>

#include "part/impl.h"

enum {
    LOG_SHARE = 8,   /* the log's one in so many bytes of the store */
    ROW_BYTES = 150, /* of a row beside what is counted: keys, version, the engine's own */
    VAIN_MAX = 2,    /* rewritings with too little effect: a full disk or a snapshot may be why */
};

/* What was found of a span that was rewritten. */
struct note {
    struct buf lo;
    uint64_t beside; /* bytes beyond what is alive, as far as is known */
    unsigned vain;   /* rewritings in a row that left it worth another by what is alive */
    uint64_t look;   /* that found it last */
};

struct part_reclaimer {
    uint64_t bytes_min;
    struct note *notes;
    size_t n;
    size_t cap;
    uint64_t look;
    uint64_t writes; /* of the engine when it was looked at last */
    size_t next;     /* kind that the next look begins with */
    bool partial;    /* the look could not see all there is */
};

/* The rows of a table, or of an index of it, by the row that counts them. */
struct span {
    uint64_t table;
    uint32_t index;
    uint64_t alive; /* bytes that are */
};

/* One look at all spans of one kind, in the order of their keys. */
struct look {
    struct part_reclaimer *of;
    struct engine *engine;
    struct part_reclaimed *found; /* ends the look */
    uint8_t kind;                 /* of the rows */
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
        buf_done(&rc->notes[i].lo);
    }
    free(rc->notes);
    free(rc);
}

/* ---- one span ---- */

static struct note *note_find(struct part_reclaimer *rc, struct bytes lo)
{
    for (size_t i = 0; i < rc->n; i++) {
        if (bytes_eq(buf_bytes(&rc->notes[i].lo), lo)) {
            return &rc->notes[i];
        }
    }
    return NULL;
}

static struct note *note_need(struct part_reclaimer *rc, struct bytes lo)
{
    struct note *n = note_find(rc, lo);
    if (n == NULL) {
        rc->notes = part_grow(rc->notes, rc->n, &rc->cap, sizeof *rc->notes);
        n = &rc->notes[rc->n++];
        *n = (struct note){.look = rc->look};
        buf_init(&n->lo, 64);
        buf_put_bytes(&n->lo, lo);
    }
    return n;
}

/* Forgets spans that a look at all of them did not come by. */
static void notes_prune(struct part_reclaimer *rc)
{
    size_t kept = 0;
    for (size_t i = 0; i < rc->n; i++) {
        if (rc->notes[i].look == rc->look) {
            rc->notes[kept++] = rc->notes[i];
        } else {
            buf_done(&rc->notes[i].lo);
        }
    }
    rc->n = kept;
}

static uint64_t beyond(uint64_t bytes, uint64_t alive)
{
    return bytes > alive ? bytes - alive : 0;
}

static bool is_much(const struct part_reclaimer *rc, uint64_t bytes, uint64_t expected)
{
    return bytes >= expected + rc->bytes_min && bytes / 3 >= expected / 2;
}

/* A look came by. Of what does not read 0 is told, which says nothing. What is in order, also when
 * the engine saw to it, was not rewritten in vain. */
static void note_see(struct part_reclaimer *rc, struct bytes lo, uint64_t bytes, uint64_t alive)
{
    struct note *n = note_find(rc, lo);
    if (n == NULL) {
        return;
    }
    n->look = rc->look;
    if (bytes > 0) {
        uint64_t now = beyond(bytes, alive);
        n->beside = now < n->beside ? now : n->beside;
        n->vain = is_much(rc, bytes, alive) ? n->vain : 0;
    }
}

static bool is_worth_it(struct part_reclaimer *rc, struct bytes lo, uint64_t bytes, uint64_t alive)
{
    const struct note *n = note_find(rc, lo);
    bool counts = n != NULL && (n->vain == 0 || n->vain >= VAIN_MAX);
    return is_much(rc, bytes, alive + (counts ? n->beside : 0));
}

static void reclaim_span(
    struct part_reclaimer *rc,
    struct engine *e,
    struct bytes lo,
    struct bytes hi,
    uint64_t alive,
    struct part_reclaimed *ret)
{
    if (bytes_eq(lo, hi)) {
        return; /* nothing between two neighbours; the note of that place is the second one's */
    }
    uint64_t before = engine_range_bytes(e, lo, hi);
    note_see(rc, lo, before, alive);
    if (!is_worth_it(rc, lo, before, alive)) {
        return;
    }
    engine_reclaim(e, lo, hi);
    uint64_t after = engine_range_bytes(e, lo, hi);
    struct note *n = note_need(rc, lo);
    n->beside = beyond(after, alive);
    n->vain = is_much(rc, after, alive) ? n->vain + 1 : 0;
    *ret = (struct part_reclaimed){
        .what = PART_RECLAIM_SOME,
        .bytes_before = before,
        .bytes_after = after,
    };
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
static void look_at(struct look *l, size_t from, size_t to)
{
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    put_start(l, from, &lo);
    put_start(l, to, &hi);
    if (to - from == 1) {
        uint64_t alive = from % 2 == 0 ? 0 : l->spans[from / 2].alive;
        reclaim_span(l->of, l->engine, buf_bytes(&lo), buf_bytes(&hi), alive, l->found);
    } else if (engine_range_bytes(l->engine, buf_bytes(&lo), buf_bytes(&hi)) >= l->of->bytes_min) {
        size_t middle = from + (to - from) / 2;
        look_at(l, from, middle);
        if (l->found->what == PART_RECLAIM_NONE) {
            look_at(l, middle, to);
        }
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
static void reclaim_counted(
    struct part_reclaimer *rc,
    const struct part_reader *r,
    uint8_t kind,
    uint8_t counters,
    struct part_reclaimed *ret)
{
    const uint8_t past = (uint8_t)(counters + 1);
    struct look l = {.of = rc, .engine = r->engine, .found = ret, .kind = kind};
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
        look_at(&l, 0, 2 * l.n + 1);
    } else {
        rc->partial = true;
    }
    free(l.spans);
}

/* ---- the rest ---- */

/* All of the trimmed part is gone. */
static void reclaim_log(
    struct part_reclaimer *rc, const struct part_reader *r, struct part_reclaimed *ret)
{
    struct local_pos first;
    struct engine_stats stats;
    if (part_log_first(r, &first) != OK) {
        rc->partial = true;
        return; /* readers of the log will find out why */
    }
    uint64_t dead = part_log_bytes(r, (struct local_pos){0}, (struct local_pos){first.v - 1});
    engine_stats(r->engine, &stats);
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    layout_log_key(&lo, (struct local_pos){0});
    layout_log_key(&hi, first);
    if (dead >= stats.disk_bytes / LOG_SHARE) {
        reclaim_span(rc, r->engine, buf_bytes(&lo), buf_bytes(&hi), /* alive= */ 0, ret);
    } else {
        note_see(rc, buf_bytes(&lo), dead, /* alive= */ 0);
    }
    buf_done(&lo);
    buf_done(&hi);
}

/* A kind whose rows nobody counts, of which there are not many: rewritten once, and again when it
 * has grown by half since. */
static void reclaim_uncounted(
    struct part_reclaimer *rc,
    const struct part_reader *r,
    uint8_t kind,
    struct part_reclaimed *ret)
{
    const uint8_t past = (uint8_t)(kind + 1);
    reclaim_span(rc, r->engine, bytes_of(&kind, 1), bytes_of(&past, 1), /* alive= */ 0, ret);
}

/* What is counted of a table's items is more than their rows of expiry and of collections take. */
static const struct {
    uint8_t kind;
    uint8_t counters; /* 0: none */
} kinds[] = {
    {ROW_DATA, ROW_COUNTS},
    {ROW_INDEX, ROW_INDEX_COUNTS},
    {ROW_EXPIRY, ROW_COUNTS},
    {ROW_COLLECTION, ROW_COUNTS},
    {ROW_LOG, 0},
    {ROW_TOMBSTONE, 0},
    {ROW_ORIGIN, 0},
    {ROW_CONFLICT, 0},
    {ROW_TOKEN, 0},
    {ROW_TOKEN_END, 0},
};
enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

bool part_reclaim_must_wait(const struct part_reclaimer *rc, const struct part_reader *r)
{
    struct engine_stats stats;
    engine_stats(r->engine, &stats);
    return stats.oldest_snapshot != 0 && stats.oldest_snapshot < rc->writes;
}

struct part_reclaimed part_reclaim(struct part_reclaimer *rc, const struct part_reader *r)
{
    struct part_reclaimed ret = {.what = PART_RECLAIM_NONE};
    struct engine_stats stats;
    engine_stats(r->engine, &stats);
    rc->writes = stats.writes;
    rc->look++;
    rc->partial = false;
    for (size_t i = 0; i < N_KINDS && ret.what == PART_RECLAIM_NONE; i++) {
        size_t at = rc->next++ % N_KINDS; /* whichever is busy, all have their turn */
        if (kinds[at].kind == ROW_LOG) {
            reclaim_log(rc, r, &ret);
        } else if (kinds[at].counters != 0) {
            reclaim_counted(rc, r, kinds[at].kind, kinds[at].counters, &ret);
        } else {
            reclaim_uncounted(rc, r, kinds[at].kind, &ret);
        }
    }
    if (ret.what == PART_RECLAIM_NONE && !rc->partial) {
        notes_prune(rc);
    }
    return ret;
}

enum err part_reclaim_prepare(void *arg, struct part_stage *s, struct arena *a)
{
    (void)arg;
    (void)a;
    struct part *p = part_stage_part(s);
    p->checkpoint_must |= p->log_bytes_since > 0; /* an idle store stays idle */
    return OK;
}
