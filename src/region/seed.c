/* Seeding: a new replica, or one that fell behind a log, gets each table's records in storage order
 * from a snapshot, tombstones included, while the log goes on flowing beside it. Records carry
 * their versions, so it does not matter which of the two brings a change first.
 *
 * One source sends everything; every other region sends what it wrote last itself and had not yet
 * shipped when it learned of the new replica. What is still needed, and how far it has come, stands
 * in the store (core's seed needs), so a crash resumes it. */
#include <stdlib.h>

#include "region/inside.h"

/* Why a seed is refused: for good, or because we have not heard of the replica yet and the peer
 * shall ask again. */
static const struct bytes seed_reason_void = {(const uint8_t *)"no replica here", 15};
static const struct bytes seed_reason_early = {(const uint8_t *)"not yet", 7};

/* ---- the sending end ---- */

void seed_out_stop(struct seed_out *s)
{
    if (!s->active) {
        return;
    }
    part_raw_close(s->cursor);
    engine_snapshot_close(s->snap);
    s->active = false;
}

bool seed_is_open(const struct region *r, uint64_t table)
{
    for (size_t i = 0; i < r->n_needs; i++) {
        if (r->needs[i].table == table || r->needs[i].table == PART_TABLE_CATALOG) {
            return true;
        }
    }
    return r->n_needs == NEEDS_MAX; /* perhaps one that found no room */
}

/* A table's seed waits until the peer's own word that it joined is here. Nothing is proved or
 * repaired by a region that knows it lacks data of the table itself. */
static bool may_serve(const struct region *r, const struct repl_frame *f, const struct peer *p)
{
    uint64_t table = f->seed_want.table;
    if (f->seed_want.purpose != REPL_PURPOSE_SEED) {
        return replicates_to(r, table, p) && !seed_is_open(r, table);
    }
    if (table == PART_TABLE_CATALOG) {
        return true;
    }
    return catalog_serves_seed(r->catalog, table, p->id, f->seed_want.mode == REPL_SEED_WHOLE);
}

void seed_want(struct region *r, struct link *l, const struct repl_frame *f)
{
    struct seed_out *s = &l->seed_out;
    seed_out_stop(s);
    bool known_mode =
        f->seed_want.mode >= REPL_SEED_WHOLE && f->seed_want.mode <= REPL_SEED_VERSIONS;
    bool known_purpose =
        f->seed_want.purpose >= REPL_PURPOSE_SEED && f->seed_want.purpose <= REPL_PURPOSE_REPAIR;
    bool ours = f->seed_want.table == PART_TABLE_CATALOG ||
                catalog_replicates_to(r->catalog, f->seed_want.table, r->config.id);
    bool allowed = known_mode && known_purpose && ours && may_serve(r, f, l->peer);
    struct engine_snapshot *snap = engine_snapshot_open(r->config.engine);
    struct part_reader reader = {.engine = r->config.engine, .snap = snap};
    struct hlc floor = {0};
    if (!allowed || part_read_gc_floor(&reader, &floor) != OK) {
        engine_snapshot_close(snap);
        link_send(
            r,
            l,
            &(struct repl_frame){
                .type = REPL_SEED_REFUSE,
                .seed_refuse = {
                    .table = f->seed_want.table,
                    .reason = ours ? seed_reason_early : seed_reason_void}});
        return;
    }
    s->active = true;
    s->want = *f;
    s->snap = snap;
    s->gc_floor = floor;
    s->credit = SEED_CREDIT;
    buf_clear(&s->position);
    buf_put_bytes(&s->position, f->seed_want.from);
    s->want.seed_want.from = BYTES_NONE;
    s->cursor = part_raw_open(
        &reader,
        f->seed_want.table,
        f->seed_want.hash_lo,
        f->seed_want.hash_hi,
        buf_bytes(&s->position));
}

/* Fills `f` with the next chunk; its records live in the scratch arena. */
static enum err chunk_read(struct region *r, struct seed_out *s, struct repl_frame *f)
{
    enum { RECORDS_PER_CHUNK = 4096 };
    struct repl_record *records = ARENA_ARRAY(&r->scratch, struct repl_record, RECORDS_PER_CHUNK);
    if (records == NULL) {
        return ERR_TOO_BIG;
    }
    f->seed_chunk.from = bytes_dup(&r->scratch, buf_bytes(&s->position));
    size_t bytes = 0;
    size_t n = 0;
    size_t seen = 0;
    enum err e = OK;
    while (n < RECORDS_PER_CHUNK && seen < RECORDS_PER_CHUNK * 4 &&
           bytes < r->config.knobs.seed_bytes) {
        struct part_raw raw;
        e = part_raw_next(s->cursor, &raw);
        if (e != OK) {
            break;
        }
        seen++;
        buf_clear(&s->position);
        buf_put_bytes(&s->position, raw.position);
        bool ours = raw.version.region.v == r->config.id.v || raw.expired;
        bool skip = s->want.seed_want.mode == REPL_SEED_OWN && !ours;
        if (skip) {
            continue;
        }
        bool bare = s->want.seed_want.mode == REPL_SEED_VERSIONS;
        records[n++] = (struct repl_record){
            .key = bytes_dup(&r->scratch, raw.key),
            .version = raw.version,
            .live = raw.live,
            .item = bare ? BYTES_NONE : bytes_dup(&r->scratch, raw.item),
        };
        bytes += raw.key.len + raw.item.len + 32;
    }
    f->seed_chunk.last = e == ERR_NOT_FOUND;
    f->seed_chunk.to =
        f->seed_chunk.last ? BYTES_NONE : bytes_dup(&r->scratch, buf_bytes(&s->position));
    f->seed_chunk.records = records;
    f->seed_chunk.n = n;
    return e == ERR_NOT_FOUND ? OK : e;
}

void seed_pump(struct region *r, struct link *l)
{
    struct seed_out *s = &l->seed_out;
    while (s->active && s->credit > 0) {
        struct repl_frame f = {
            .type = REPL_SEED_CHUNK,
            .seed_chunk = {
                .purpose = s->want.seed_want.purpose,
                .mode = s->want.seed_want.mode,
                .table = s->want.seed_want.table,
                .gc_floor = s->gc_floor,
            }};
        enum err e = chunk_read(r, s, &f);
        if (e != OK) {
            TRACE(
                r->config.tracer,
                TRACE_ERROR,
                "region",
                "seed does not read, stopped",
                TRACE_TEXT("err", bytes_str(err_name(e))));
            seed_out_stop(s);
            return;
        }
        link_send(r, l, &f);
        s->credit--;
        if (f.seed_chunk.last) {
            seed_out_stop(s);
        }
    }
}

/* ---- the receiving end ---- */

struct needs_scan {
    struct region *r;
};

static void need_take(void *ctx, const struct core_seed_need *need)
{
    struct needs_scan *scan = ctx;
    struct region *r = scan->r;
    if (r->n_needs < NEEDS_MAX) {
        struct core_seed_need *to = &r->needs[r->n_needs++];
        *to = *need;
        to->cursor = bytes_dup(&r->needs_arena, need->cursor);
    }
}

static void needs_refresh(struct region *r)
{
    if (!r->needs_dirty) {
        return;
    }
    r->needs_dirty = false;
    r->n_needs = 0;
    arena_clear(&r->needs_arena);
    struct needs_scan scan = {r};
    enum err e = core_seed_needs(&r->reader, need_take, &scan);
    if (e != OK) {
        TRACE(
            r->config.tracer,
            TRACE_ERROR,
            "region",
            "seed needs do not read",
            TRACE_TEXT("err", bytes_str(err_name(e))));
    }
    r->status.seeds_open = r->n_needs;
}

static bool has_whole_need(const struct region *r, uint64_t table)
{
    for (size_t i = 0; i < r->n_needs; i++) {
        if (r->needs[i].table == table && r->needs[i].whole) {
            return true;
        }
    }
    return false;
}

static bool being_seeded(const struct region *r, uint64_t table)
{
    for (size_t i = 0; i < r->n_links; i++) {
        if (r->links[i]->seed_in.active && r->links[i]->seed_in.need.table == table) {
            return true;
        }
    }
    return false;
}

/* The catalog comes before tables, and those that were not refused last before the one that was: a
 * need that nobody can meet, yet or ever, keeps no other from being met. */
static unsigned rank(const struct seed_in *in, const struct core_seed_need *n)
{
    return n->table == PART_TABLE_CATALOG ? 0 : n->table > in->refused_table ? 1 : 2;
}

/* What to ask this peer for next: everything before what is merely late. */
static const struct core_seed_need *next_need(
    const struct region *r, const struct peer *p, const struct seed_in *in)
{
    const struct core_seed_need *best = NULL;
    for (size_t i = 0; i < r->n_needs; i++) {
        const struct core_seed_need *n = &r->needs[i];
        bool ready = n->from.v == p->id.v && !being_seeded(r, n->table) &&
                     (n->whole || !has_whole_need(r, n->table));
        if (ready && (best == NULL || rank(in, n) < rank(in, best) ||
                      (rank(in, n) == rank(in, best) && n->table < best->table))) {
            best = n;
        }
    }
    return best;
}

/* Chunks of an earlier request may be mistaken for those of the present one, which then do not
 * join: what stands still for long begins again. */
static void watch_stall(struct region *r, struct link *l, uint64_t now_ms)
{
    struct seed_in *in = &l->seed_in;
    if (!in->active && !l->scrubbing) {
        l->stall_ms = 0;
    } else if (l->stall_ms == 0 || l->stall_progress != in->progress) {
        l->stall_ms = now_ms + r->config.knobs.dead_ms;
        l->stall_progress = in->progress;
    } else if (l->stall_ms <= now_ms) {
        l->stall_ms = 0;
        l->scrubbing = false;
        if (in->active) {
            seed_in_stop(r, l, now_ms);
        }
    }
}

static void seed_begin(struct region *r, struct link *l, const struct core_seed_need *need)
{
    struct seed_in *in = &l->seed_in;
    in->active = true;
    in->progress++;
    in->retry_ms = 0;
    buf_clear(&in->cursor);
    buf_put_bytes(&in->cursor, need->cursor);
    in->need = *need;
    in->need.cursor = buf_bytes(&in->cursor);
    link_send(
        r,
        l,
        &(struct repl_frame){
            .type = REPL_SEED_WANT,
            .seed_want = {
                .purpose = REPL_PURPOSE_SEED,
                .mode = need->whole ? REPL_SEED_WHOLE : REPL_SEED_OWN,
                .table = need->table,
                .hash_lo = 0,
                .hash_hi = UINT32_MAX,
                .from = in->need.cursor,
            }});
    if (in->refusals > 0) {
        return; /* told when it was asked for first */
    }
    TRACE(
        r->config.tracer,
        TRACE_INFO,
        "region",
        "seeding a table",
        TRACE_TEXT("from", bytes_str(l->peer->name)),
        TRACE_NUM("table", need->table),
        TRACE_NUM("whole", need->whole));
}

void seeds_start(struct region *r, uint64_t now_ms)
{
    for (size_t i = 0; i < r->n_links; i++) {
        struct seed_in *in = &r->links[i]->seed_in;
        watch_stall(r, r->links[i], now_ms);
        in->retry_ms = in->retry_ms <= now_ms ? 0 : in->retry_ms;
    }
    needs_refresh(r);
    if (r->n_needs == 0) {
        return;
    }
    for (size_t i = 0; i < r->n_links; i++) {
        struct link *l = r->links[i];
        const struct intake *origin = l->ready ? intake_of(r, l->peer->id) : NULL;
        bool idle = origin != NULL && origin->fencing == 0 && !l->seed_in.active &&
                    l->seed_in.retry_ms == 0 && !l->scrubbing;
        const struct core_seed_need *need = idle ? next_need(r, l->peer, &l->seed_in) : NULL;
        if (need != NULL) {
            seed_begin(r, l, need);
        }
    }
}

void seed_send_more(struct region *r, struct link *l, uint64_t table)
{
    link_send(r, l, &(struct repl_frame){.type = REPL_SEED_MORE, .seed_refuse = {.table = table}});
}

static enum err note_run(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    const struct errand *e = arg;
    if (e->last && !e->is_void) {
        relay_floors_stage(s);
    }
    return e->is_void ? core_seed_void(s, &e->need) : core_seed_progress(s, &e->need, e->last);
}

/* Whether we once had everything of a table: not while it is being built. */
bool seed_is_settled(const struct region *r, uint64_t table)
{
    const struct core_group *g = catalog_group_by_table(r->catalog, table);
    const struct core_replica *own = g == NULL ? NULL : core_group_replica(g, r->config.name);
    return table == PART_TABLE_CATALOG || (own != NULL && own->status == CORE_ACTIVE);
}

bool seed_submit_records(struct region *r, struct link *l, const struct repl_frame *f)
{
    struct errand *e = errand_new(
        r, f->seed_chunk.purpose == REPL_PURPOSE_SEED ? ERRAND_SEED : ERRAND_REPAIR, PART_CMD_SEED);
    struct part_raw *records = ARENA_ARRAY(&e->arena, struct part_raw, f->seed_chunk.n);
    if (records == NULL) {
        errand_free(e);
        return false;
    }
    struct buf position;
    buf_init(&position, 1 << 20);
    enum err err = OK;
    for (size_t i = 0; i < f->seed_chunk.n && err == OK; i++) {
        const struct repl_record *from = &f->seed_chunk.records[i];
        buf_clear(&position);
        err = part_raw_position(&position, from->key);
        records[i] = (struct part_raw){
            .position = bytes_dup(&e->arena, buf_bytes(&position)),
            .key = bytes_dup(&e->arena, from->key),
            .live = from->live,
            .version = from->version,
            .item = bytes_dup(&e->arena, from->item),
        };
    }
    buf_done(&position);
    if (err != OK) {
        errand_free(e); /* a key no writer makes */
        return false;
    }
    e->link = l->id;
    e->serial = l->seed_in.serial;
    e->last = f->seed_chunk.last;
    e->need = l->seed_in.need;
    e->need.cursor = bytes_dup(&e->arena, f->seed_chunk.to);
    e->cmd.seed.table = f->seed_chunk.table;
    e->cmd.seed.from = bytes_dup(&e->arena, f->seed_chunk.from);
    e->cmd.seed.to = bytes_dup(&e->arena, f->seed_chunk.to);
    e->cmd.seed.complete =
        f->seed_chunk.mode == REPL_SEED_WHOLE && f->seed_chunk.purpose == REPL_PURPOSE_SEED;
    e->cmd.seed.gc_floor = f->seed_chunk.gc_floor;
    e->cmd.seed.settled = e->cmd.seed.complete && seed_is_settled(r, f->seed_chunk.table);
    e->cmd.seed.records = records;
    e->cmd.seed.n = f->seed_chunk.n;
    return errand_submit(e);
}

/* Notes how far a seed has come, once a chunk's records are on disk. */
static bool submit_note(struct region *r, const struct errand *chunk)
{
    struct errand *e = errand_new(r, ERRAND_SEED_NOTE, PART_CMD_CALL);
    e->link = chunk->link;
    e->last = chunk->last;
    e->need = chunk->need;
    e->need.cursor = bytes_dup(&e->arena, chunk->need.cursor);
    e->cmd.call.run = note_run;
    e->cmd.call.arg = e;
    return errand_submit(e);
}

/* The peer has no such table; whether that ends the need is for core to say. */
static bool submit_void(struct region *r, struct link *l)
{
    struct errand *e = errand_new(r, ERRAND_SEED_NOTE, PART_CMD_CALL);
    e->link = l->id;
    e->is_void = true;
    e->last = true;
    e->need = l->seed_in.need;
    e->need.cursor = BYTES_NONE;
    e->cmd.call.run = note_run;
    e->cmd.call.arg = e;
    return errand_submit(e);
}

void seed_chunk(struct region *r, struct link *l, const struct repl_frame *f)
{
    struct seed_in *in = &l->seed_in;
    bool expected = in->active && f->seed_chunk.table == in->need.table &&
                    bytes_eq(f->seed_chunk.from, buf_bytes(&in->cursor));
    if (!expected) {
        return;
    }
    if (!seed_submit_records(r, l, f)) {
        seed_in_stop(r, l, 1); /* begins again from the last note */
        return;
    }
    buf_clear(&in->cursor);
    buf_put_bytes(&in->cursor, f->seed_chunk.to);
    in->refusals = 0;
}

/* Told ever more rarely, the longer nothing comes of asking. */
static void count_refusal(struct region *r, struct link *l, const struct repl_frame *f)
{
    uint64_t n = ++l->seed_in.refusals;
    l->seed_in.refused_table = f->seed_refuse.table;
    if (n >= REFUSALS_TOLD && (n & (n - 1)) == 0) {
        TRACE(
            r->config.tracer,
            TRACE_WARN,
            "region",
            "a seed is refused again and again, asking on",
            TRACE_TEXT("peer", bytes_str(l->peer->name)),
            TRACE_NUM("table", f->seed_refuse.table),
            TRACE_TEXT("reason", f->seed_refuse.reason),
            TRACE_NUM("refusals", n));
    }
}

void seed_refused(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms)
{
    l->scrubbing = false;
    if (!l->seed_in.active || f->seed_refuse.table != l->seed_in.need.table) {
        return;
    }
    count_refusal(r, l, f);
    if (bytes_eq(f->seed_refuse.reason, seed_reason_void)) {
        (void)submit_void(r, l); /* if it finds no room, the next answer will */
    }
    l->seed_in.active = false;
    l->seed_in.retry_ms = now_ms + r->config.knobs.hold_ms;
}

void seed_in_stop(struct region *r, struct link *l, uint64_t at_ms)
{
    l->seed_in.active = false;
    l->seed_in.retry_ms = at_ms;
    l->seed_in.serial++;
    r->needs_dirty = true;
}

static void note_done(struct region *r, struct errand *e, uint64_t now_ms)
{
    struct link *l = link_find(r, e->link);
    r->needs_dirty |= e->last || e->cmd.err != OK;
    if (l == NULL) {
        return;
    }
    l->seed_in.progress++;
    if (e->cmd.err != OK) {
        seed_in_stop(r, l, now_ms + r->config.knobs.hold_ms);
    } else if (e->last) {
        l->seed_in.active = false;
    } else if (l->seed_in.active) {
        seed_send_more(r, l, e->need.table);
    }
}

/* A chunk's records are dealt with. Only if they and all before them are on disk is that progress.
 */
static void chunk_done(struct region *r, struct errand *e, uint64_t now_ms)
{
    struct link *l = link_find(r, e->link);
    if (l == NULL || l->seed_in.serial != e->serial) {
        return;
    }
    if (e->cmd.err != OK || !submit_note(r, e)) {
        seed_in_stop(r, l, now_ms + r->config.knobs.hold_ms);
    }
}

void seed_noted(struct region *r, struct errand *e, uint64_t now_ms)
{
    if (e->kind == ERRAND_SEED_NOTE) {
        note_done(r, e, now_ms);
    } else {
        chunk_done(r, e, now_ms);
    }
}

bool seed_send_want(struct region *r, struct link *l, const struct repl_frame *want)
{
    if (l->seed_in.active) {
        return false;
    }
    link_send(r, l, want);
    return true;
}
