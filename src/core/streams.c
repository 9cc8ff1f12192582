/* The life of streams, on the writer's side.
 *
 * A stream is a stretch of our log as one table's changes: it begins at the transaction that turns
 * it on and ends before the one that turns it off, so writes before and after are told apart
 * exactly. What is known of streams lies in notes, which readers on any thread read, and in memory
 * here. For all streams together the log is cut into epochs, from which shards are made: an epoch
 * is what retention forgets, whole, when its end is old enough.
 *
 * Invariants
 *  1. Every table of ours with a stream has exactly one open stream, under the table row's label;
 * it changes in the batch of the row that says so.
 *  2. Notes and memory agree after every commit.
 *  3. There is an epoch while there is a stream, and no stream needs what lies before the first
 * one.
 *  4. Of the streams that have ended at most CORE_STREAMS_ENDED_MAX are known, those that ended
 * last.
 */
#include "core/streams.h"

#include <stdlib.h>

#include "core/impl.h"

enum { STREAM_BYTES = 128 }; /* what one mostly takes */

/* A stream in memory; `of` is rebuilt whole in `mem` when it changes. */
struct stream_entry {
    struct arena mem;
    struct core_stream of;
    struct bytes note;
};

static struct local_pos next_pos(struct part_stage *s)
{
    return (struct local_pos){part_tail(part_stage_part(s)).v + 1};
}

/* ---- memory ---- */

static void entry_free(struct stream_entry *e)
{
    if (e != NULL) {
        arena_done(&e->mem);
        free(e);
    }
}

static bool load_one(void *ctx, struct bytes name, struct bytes value)
{
    struct core *c = ctx;
    struct arena measure;
    struct core_stream measured;
    arena_init(&measure, SIZE_MAX / 2);
    (void)bytes_dup(&measure, name);
    c->streams_err = stream_get(&measure, value, &measured);
    if (c->streams_err != OK) {
        arena_done(&measure);
        return false;
    }
    struct stream_entry *e = calloc(1, sizeof *e);
    ASSERT(e != NULL);
    arena_init_sized(&e->mem, SIZE_MAX / 2, arena_taken(&measure));
    arena_done(&measure);
    e->note = bytes_dup(&e->mem, name);
    c->streams_err = stream_get(&e->mem, value, &e->of);
    if (c->streams_err != OK) {
        entry_free(e);
        return false;
    }
    (void)map_put(&c->streams, name, e);
    if (e->of.ended_ms == 0) {
        (void)map_put(&c->streams_open, e->of.table, e);
    }
    return true;
}

enum err streams_load(struct core *c)
{
    const struct part_reader r = {.engine = c->engine};
    enum err err = part_notes(&r, BYTES_LIT(CORE_STREAM_NOTES), BYTES_NONE, load_one, c);
    if (err == OK) {
        err = c->streams_err;
    }
    if (err == OK) {
        err = core_feed_read(&r, &c->feed);
        c->has_feed = err == OK;
    }
    if (err == ERR_NOT_FOUND) {
        err = map_count(&c->streams) == 0 ? OK : ERR_CORRUPT;
    }
    if (c->has_feed) {
        core_mark(c, CORE_NAME_STREAMS);
    }
    return err;
}

void streams_done(struct core *c)
{
    MAP_FOREACH (&c->streams, entry) {
        entry_free(entry->value);
    }
    map_done(&c->streams);
    map_done(&c->streams_open);
}

/* ---- notes ---- */

static void note_stream(struct part_stage *s, const struct stream_entry *e)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    stream_put(&b, &e->of);
    part_stage_note(s, e->note, buf_bytes(&b));
    buf_done(&b);
}

static void note_feed(struct core *c, struct part_stage *s)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    if (c->has_feed) {
        feed_put(&b, &c->feed);
    }
    part_stage_note(s, BYTES_LIT(CORE_FEED_NOTE), buf_bytes(&b));
    buf_done(&b);
}

/* ---- epochs ---- */

static struct core_epoch *last_epoch(struct core *c)
{
    return &c->feed.epochs[c->feed.n_epochs - 1];
}

static void feed_begin(struct core *c, struct part_stage *s)
{
    if (c->has_feed) {
        return;
    }
    c->feed = (struct core_feed){.n_epochs = 1};
    c->feed.epochs[0] = (struct core_epoch){next_pos(s), part_stage_now_ms(s)};
    for (size_t i = 0; i < sizeof c->feed.secret; i++) {
        c->feed.secret[i] = (uint8_t)prng_u64(&c->prng);
    }
    c->has_feed = true;
    note_feed(c, s);
}

static void drop_epoch(struct core *c)
{
    struct core_feed *f = &c->feed;
    f->before = f->epochs[0].first;
    f->n_epochs--;
    memmove(&f->epochs[0], &f->epochs[1], f->n_epochs * sizeof f->epochs[0]);
}

/* Whether some stream holds records of the first epoch. */
static bool first_epoch_wanted(const struct core *c)
{
    MAP_FOREACH (&c->streams, entry) {
        const struct stream_entry *e = entry->value;
        if (e->of.first.v < c->feed.epochs[1].first.v) {
            return true;
        }
    }
    return false;
}

/* A new epoch when the last one is old and holds something. Where too many wait to be forgotten it
 * goes on instead. */
static bool epoch_roll(struct core *c, struct part_stage *s)
{
    uint64_t now_ms = part_stage_now_ms(s);
    struct local_pos pos = next_pos(s);
    bool due = last_epoch(c)->began_ms + c->stream_shard_ms <= now_ms &&
               last_epoch(c)->first.v < pos.v && c->feed.n_epochs < CORE_EPOCHS_MAX &&
               map_count(&c->streams_open) > 0;
    if (due) {
        c->feed.epochs[c->feed.n_epochs++] = (struct core_epoch){pos, now_ms};
    }
    return due;
}

static bool epochs_forget(struct core *c, uint64_t now_ms)
{
    bool any = false;
    while (c->feed.n_epochs > 1 && (c->feed.epochs[1].began_ms + c->stream_retention_ms <= now_ms ||
                                    !first_epoch_wanted(c))) {
        drop_epoch(c);
        any = true;
    }
    return any;
}

/* When something of the above is due. */
static void schedule(struct core *c, uint64_t now_ms)
{
    if (!c->has_feed) {
        core_unmark_at(c, CORE_NAME_STREAMS);
        return;
    }
    uint64_t at = UINT64_MAX;
    if (map_count(&c->streams_open) > 0) {
        at = last_epoch(c)->began_ms + c->stream_shard_ms;
        at =
            at <= now_ms ? now_ms + c->stream_shard_ms : at; /* it was empty, or there is no room */
    }
    if (c->feed.n_epochs > 1) {
        uint64_t forget = c->feed.epochs[1].began_ms + c->stream_retention_ms;
        at = forget < at ? forget : at;
    }
    MAP_FOREACH (&c->streams, entry) {
        const struct stream_entry *e = entry->value;
        uint64_t end = e->of.ended_ms + c->stream_retention_ms;
        at = e->of.ended_ms != 0 && end < at ? end : at;
    }
    core_mark_at(c, CORE_NAME_STREAMS, at);
}

/* ---- streams ---- */

static void stream_forget(struct core *c, struct part_stage *s, struct stream_entry *e)
{
    part_stage_note(s, e->note, BYTES_NONE);
    (void)map_remove(&c->streams, e->note);
    entry_free(e);
}

/* Turning streams on and off costs a client nothing: of those that ended, only so many are kept. */
static void forget_oldest(struct core *c, struct part_stage *s)
{
    if (map_count(&c->streams) - map_count(&c->streams_open) <= CORE_STREAMS_ENDED_MAX) {
        return;
    }
    struct stream_entry *oldest = NULL;
    MAP_FOREACH (&c->streams, entry) {
        struct stream_entry *e = entry->value;
        bool older = oldest == NULL || e->of.last.v < oldest->of.last.v;
        oldest = e->of.ended_ms != 0 && older ? e : oldest;
    }
    ASSERT(oldest != NULL);
    stream_forget(c, s, oldest);
}

static void stream_end(struct core *c, struct part_stage *s, struct stream_entry *e)
{
    e->of.last.v = next_pos(s).v - 1;
    e->of.ended_ms = part_stage_now_ms(s);
    (void)map_remove(&c->streams_open, e->of.table);
    note_stream(s, e);
    forget_oldest(c, s);
}

static struct bytes key_name(struct arena *a, struct bytes name)
{
    if (name.base == NULL) {
        return BYTES_NONE; /* no sort key */
    }
    struct bytes copy = bytes_dup(a, name);
    ASSERT(copy.len == name.len);
    return copy;
}

static void stream_begin(struct core *c, struct part_stage *s, const struct core_table *t)
{
    feed_begin(c, s);
    struct stream_entry *e = calloc(1, sizeof *e);
    ASSERT(e != NULL);
    arena_init_sized(&e->mem, SIZE_MAX / 2, STREAM_BYTES);
    struct core_stream_span *span = ARENA_NEW(&e->mem, struct core_stream_span);
    ASSERT(span != NULL);
    *span = (struct core_stream_span){t->part.id, next_pos(s)};
    e->of = (struct core_stream){
        .table = key_name(&e->mem, t->part.name),
        .created_ms = t->stream_created_ms,
        .view = t->stream,
        .keys = t->part.keys,
        .first = next_pos(s),
        .last = {UINT64_MAX},
        .spans = span,
        .n_spans = 1,
    };
    e->of.keys.hash.name = key_name(&e->mem, t->part.keys.hash.name);
    e->of.keys.range.name = key_name(&e->mem, t->part.keys.range.name);
    e->note = stream_note_name(&e->mem, e->of.table, e->of.created_ms);
    ASSERT(e->note.base != NULL);
    entry_free(map_put(&c->streams, e->note, e));
    (void)map_put(&c->streams_open, e->of.table, e);
    note_stream(s, e);
}

/* A table that joins a group takes the group's id: its stream goes on under both. */
static void stream_rebind(struct part_stage *s, struct stream_entry *e, uint64_t table)
{
    struct core_stream_span *spans =
        ARENA_ARRAY(&e->mem, struct core_stream_span, e->of.n_spans + 1);
    ASSERT(spans != NULL);
    memcpy(spans, e->of.spans, e->of.n_spans * sizeof *spans);
    spans[e->of.n_spans] = (struct core_stream_span){table, next_pos(s)};
    e->of.spans = spans;
    e->of.n_spans++;
    note_stream(s, e);
}

void streams_agree(struct core *c, struct part_stage *s, struct bytes table)
{
    const struct core_table *t = catalog_table(c->catalog, table);
    bool on = t != NULL && t->stream != CORE_STREAM_NONE;
    struct stream_entry *e = map_get(&c->streams_open, table);
    bool same = on && e != NULL && e->of.created_ms == t->stream_created_ms;
    if (!on && e == NULL) {
        return;
    }
    if (same && e->of.spans[e->of.n_spans - 1].table == t->part.id) {
        return;
    }
    if (same) {
        stream_rebind(s, e, t->part.id);
        return;
    }
    if (e != NULL) {
        stream_end(c, s, e);
    }
    if (on) {
        stream_begin(c, s, t);
    }
    schedule(c, part_stage_now_ms(s));
}

uint64_t streams_label_ms(const struct core *c, struct bytes table, uint64_t now_ms)
{
    uint64_t label = now_ms;
    MAP_FOREACH (&c->streams, entry) {
        const struct stream_entry *e = entry->value;
        if (bytes_eq(e->of.table, table) && e->of.created_ms >= label) {
            label = e->of.created_ms + 1;
        }
    }
    return label;
}

static bool streams_forget(struct core *c, struct part_stage *s)
{
    bool any = false;
    MAP_FOREACH (&c->streams, entry) {
        struct stream_entry *e = entry->value;
        bool over =
            e->of.ended_ms != 0 && e->of.ended_ms + c->stream_retention_ms <= part_stage_now_ms(s);
        if (over) {
            stream_forget(c, s, e);
            any = true;
        }
    }
    return any;
}

void streams_tend(struct core *c, struct part_stage *s)
{
    if (!c->has_feed) {
        return;
    }
    bool changed = streams_forget(c, s);
    if (map_count(&c->streams) == 0) {
        c->has_feed = false;
        changed = true;
    } else {
        changed |= epoch_roll(c, s);
        changed |= epochs_forget(c, part_stage_now_ms(s));
    }
    if (changed) {
        note_feed(c, s);
    }
    schedule(c, part_stage_now_ms(s));
}
