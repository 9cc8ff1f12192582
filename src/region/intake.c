/* The other regions' logs coming in: one subscription per origin, to the origin itself while a link
 * to it is up, to whoever has more of its log when it has been out of reach for a while. Stretches
 * must join end to end; the writer checks that again against what is durable, so nothing is applied
 * twice or skipped. */
#include "region/inside.h"

static const uint32_t latency_bounds_ms[REGION_LATENCY_BUCKETS] = {
    1,   2,   5,   10,  15,  20,  25,   30,   40,   50,    60,    75,
    100, 125, 150, 200, 300, 500, 1000, 2000, 5000, 10000, 60000, UINT32_MAX,
};

uint64_t region_latency_bound_ms(unsigned bucket)
{
    ASSERT(bucket < REGION_LATENCY_BUCKETS);
    return latency_bounds_ms[bucket];
}

static void latency_add(struct region_latency *lat, uint64_t ms)
{
    unsigned i = 0;
    while (ms > latency_bounds_ms[i] && i + 1 < REGION_LATENCY_BUCKETS) {
        i++;
    }
    lat->buckets[i]++;
    lat->count++;
    lat->sum_ms += ms;
    lat->last_ms = ms;
}

static struct peer_pos have(const struct region *r, struct region_id origin)
{
    const struct repl_mark *m = repl_vector_find(&r->marks, origin);
    return m == NULL ? (struct peer_pos){0} : m->pos;
}

static void subscribe_at(struct region *r, struct intake *in, struct link *l)
{
    bool nothing = repl_vector_find(&r->marks, in->origin) == NULL;
    in->link = l->id;
    in->relayed = l->peer->id.v != in->origin.v;
    in->expected = have(r, in->origin);
    in->hold_ms = 0;
    link_send(
        r,
        l,
        &(struct repl_frame){
            .type = REPL_SUBSCRIBE,
            .subscribe = {.origin = in->origin, .from = in->expected, .from_nothing = nothing}});
}

/* Whether a region has all of a table; one that is itself being built has only what it wrote. */
static bool has_all(const struct region *r, uint64_t table, struct region_id region)
{
    const struct bytes name = region_name_of(r, region);
    const struct core_group *g = catalog_group_by_table(r->catalog, table);
    const struct core_replica *replica = g == NULL ? NULL : core_group_replica(g, name);
    return table == PART_TABLE_CATALOG || (replica != NULL && replica->status == CORE_ACTIVE);
}

/* Whether a relay has said of itself that it has every table we share with an origin, or may have
 * shared with one that was removed. It may not know yet of a group that we are in, so its own word
 * is not enough. */
static bool relay_has_all(const struct region *r, struct region_id origin, struct region_id relay)
{
    struct bytes after = BYTES_NONE;
    for (;;) {
        const struct core_group *g = catalog_group_after(r->catalog, after);
        if (g == NULL) {
            return true;
        }
        after = g->name;
        bool shared = may_have_held(r, g->table, origin) && region_holds(r, g->table, r->config.id);
        if (shared && !has_all(r, g->table, relay)) {
            return false;
        }
    }
}

/* A linked peer that has more of the origin's log than we do, or NULL: of those that have all
 * our tables, if there are such, the one that has most. */
static struct link *relay_for(struct region *r, const struct intake *in)
{
    struct link *best = NULL;
    uint64_t ours = have(r, in->origin).v;
    uint64_t best_pos = 0;
    bool best_whole = false;
    for (struct peer *p = r->peers; p != NULL; p = p->next) {
        const struct repl_mark *m = repl_vector_find(&p->marks, in->origin);
        bool more = m != NULL && m->pos.v > ours && p->id.v != in->origin.v;
        if (!more || p->link == NULL || !p->link->ready) {
            continue;
        }
        bool whole = relay_has_all(r, in->origin, p->id);
        if (best == NULL || whole > best_whole || (whole == best_whole && m->pos.v > best_pos)) {
            best = p->link;
            best_pos = m->pos.v;
            best_whole = whole;
        }
    }
    return best;
}

static bool somebody_has_more(const struct region *r, struct region_id origin)
{
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        const struct repl_mark *m = repl_vector_find(&p->marks, origin);
        if (!p->removed && m != NULL && m->pos.v > have(r, origin).v) {
            return true;
        }
    }
    return false;
}

static void intake_place(struct region *r, struct intake *in, struct peer *origin, uint64_t now_ms)
{
    struct link *direct = link_of(r, in->origin);
    if (direct != NULL && in->link != 0 && in->link != direct->id) {
        struct link *relay = link_find(r, in->link);
        if (relay != NULL && relay->ready) {
            link_send(
                r,
                relay,
                &(struct repl_frame){
                    .type = REPL_UNSUBSCRIBE, .subscribe = {.origin = in->origin}});
        }
        in->link = 0;
    }
    in->hold_ms = in->hold_ms <= now_ms ? 0 : in->hold_ms;
    /* While batches are still at the writer our mark is about to move; subscribing now would ask
     * for them again. */
    if (in->link != 0 || in->hold_ms != 0 || in->applying > 0) {
        return;
    }
    if (direct != NULL) {
        subscribe_at(r, in, direct);
        return;
    }
    bool long_gone = origin == NULL ||
                     (origin->lost_ms != 0 && now_ms >= origin->lost_ms + r->config.knobs.relay_ms);
    struct link *relay = long_gone ? relay_for(r, in) : NULL;
    if (relay != NULL) {
        subscribe_at(r, in, relay);
    }
}

static void resubscribe_later(
    struct region *r, struct intake *in, uint64_t wait_ms, uint64_t now_ms)
{
    struct link *l = in->link == 0 ? NULL : link_find(r, in->link);
    if (l != NULL && l->ready) {
        link_send(
            r,
            l,
            &(struct repl_frame){.type = REPL_UNSUBSCRIBE, .subscribe = {.origin = in->origin}});
    }
    in->link = 0;
    in->hold_ms = now_ms + wait_ms;
}

/* Nothing more of a removed region's log is to be had: its place is for another's. */
static void intake_end(struct region *r, struct region_id origin, uint64_t now_ms)
{
    for (size_t i = 0; i < r->n_intakes; i++) {
        struct intake *in = &r->intakes[i];
        if (in->origin.v == origin.v && in->link != 0 && in->applying == 0) {
            resubscribe_later(r, in, /* wait_ms= */ 0, now_ms);
            in->hold_ms = 0; /* nobody waits for the end of this pause */
        }
    }
}

void intake_subscribe(struct region *r, uint64_t now_ms)
{
    for (unsigned removed = 0; removed < 2; removed++) {
        for (struct peer *p = r->peers; p != NULL; p = p->next) {
            if (p->id.v == 0 || p->removed != (removed == 1)) {
                continue;
            }
            /* There is no link to one that was removed: what is missing of its log can only come by
             * a relay. */
            if (p->removed && !somebody_has_more(r, p->id)) {
                intake_end(r, p->id, now_ms);
                continue;
            }
            struct intake *in = intake_of(r, p->id);
            if (in != NULL) {
                intake_place(r, in, p, now_ms);
            }
        }
    }
}

void intake_lost(struct region *r, struct link *l)
{
    for (size_t i = 0; i < r->n_intakes; i++) {
        if (r->intakes[i].link == l->id) {
            r->intakes[i].link = 0;
        }
    }
}

/* ---- fenced: the origin's log no longer reaches back to us ---- */

/* What the writer is to do: it runs beside us, so it gets copies and none of our catalog. */
struct fence {
    struct region_id origin;
    struct peer_pos mark_to;
    struct core_seed_need *needs;
    size_t n;
};

static enum err fence_run(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    const struct fence *f = arg;
    enum err e = OK;
    if (f->mark_to.v != 0) {
        part_stage_mark(s, (struct part_mark){.region = f->origin, .pos = f->mark_to});
        relay_floor_stage(s, f->origin, f->mark_to);
    }
    for (size_t i = 0; i < f->n && e == OK; i++) {
        e = core_seed_progress(s, &f->needs[i], /* done= */ false);
    }
    return e;
}

/* The tables we share with a region, the catalog first. */
static size_t shared_tables(struct region *r, struct region_id with, uint64_t *ret, size_t max)
{
    size_t n = 0;
    ret[n++] = PART_TABLE_CATALOG;
    struct bytes after = BYTES_NONE;
    while (n < max) {
        const struct core_group *g = catalog_group_after(r->catalog, after);
        if (g == NULL) {
            break;
        }
        after = g->name;
        bool shared = region_holds(r, g->table, with) && region_holds(r, g->table, r->config.id);
        if (shared) {
            ret[n++] = g->table;
        }
    }
    return n;
}

size_t fence_prepare(
    struct region *r, struct errand *e, struct region_id from, struct peer_pos mark_to)
{
    struct fence *fence = ARENA_NEW(&e->arena, struct fence);
    uint64_t *tables = ARENA_ARRAY(&e->arena, uint64_t, CORE_TABLES_MAX + 1);
    size_t n = tables == NULL ? 0 : shared_tables(r, from, tables, CORE_TABLES_MAX + 1);
    struct core_seed_need *needs = ARENA_ARRAY(&e->arena, struct core_seed_need, n);
    if (fence == NULL || needs == NULL) {
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        needs[i] = (struct core_seed_need){
            .table = tables[i],
            .from = from,
            .whole = has_all(r, tables[i], from),
        };
    }
    *fence = (struct fence){.origin = from, .mark_to = mark_to, .needs = needs, .n = n};
    e->origin = from;
    e->mark_to = mark_to;
    e->cmd.call.run = fence_run;
    e->cmd.call.arg = fence;
    return n;
}

void intake_start(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms)
{
    struct intake *in = intake_of(r, f->start.origin);
    if (in == NULL || in->link != l->id || !f->start.fenced) {
        return;
    }
    in->expected = f->start.pos;
    /* A seed under way began before this fence and lacks what the fence leaves out. */
    seed_in_stop(r, l, now_ms);
    struct errand *e = errand_new(r, ERRAND_FENCE, PART_CMD_CALL);
    e->link = l->id;
    size_t n = fence_prepare(r, e, in->origin, f->start.pos);
    ASSERT(n > 0);
    TRACE(
        r->config.tracer,
        TRACE_WARN,
        "region",
        "fell behind a peer's log, seeding anew",
        TRACE_TEXT("peer", bytes_str(l->peer->name)),
        TRACE_NUM("tables", n));
    in->applying++;
    in->fencing++;
    if (!errand_submit(e)) {
        in->applying--;
        in->fencing--;
        in->link = 0;
        in->hold_ms = now_ms + r->config.knobs.hold_ms;
    }
}

void intake_fenced(struct region *r, struct errand *e, uint64_t now_ms)
{
    struct intake *in = intake_of(r, e->origin);
    ASSERT(in != NULL);
    in->applying--;
    in->fencing--;
    r->needs_dirty = true;
    if (e->cmd.err != OK) {
        in->link = 0;
        in->hold_ms = now_ms + r->config.knobs.hold_ms;
        return;
    }
    /* Nobody may take our word any more for having all up to the new mark. */
    feed_relay_stop(r, e->origin, now_ms);
    (void)repl_vector_raise(&r->marks, (struct repl_mark){.region = e->origin, .pos = e->mark_to});
}

/* ---- transactions ---- */

void intake_txns(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms)
{
    struct intake *in = intake_of(r, f->txns.origin);
    if (in == NULL || in->link != l->id) {
        return; /* of a subscription we gave up */
    }
    if (f->txns.from.v > in->expected.v) {
        resubscribe_later(r, in, 0, now_ms);
        return;
    }
    /* A stretch of an earlier subscription may have come before those of this one, so one that is
     * known in part is taken: the writer leaves out what it has. */
    bool known = f->txns.from.v < in->expected.v && f->txns.to.v <= in->expected.v;
    if (known) {
        return;
    }
    struct errand *e = errand_new(r, ERRAND_APPLY, PART_CMD_APPLY);
    e->link = l->id;
    e->origin = in->origin;
    e->bytes = f->txns.txns.len;
    e->mark_to = f->txns.to;
    e->hlc_to_ms = hlc_ms(f->txns.hlc_to);
    e->cmd.apply.origin = f->txns.origin;
    e->cmd.apply.from = f->txns.from;
    e->cmd.apply.to = f->txns.to;
    e->cmd.apply.hlc_to = f->txns.hlc_to;
    e->cmd.apply.partial =
        f->txns.partial || (in->relayed && !relay_has_all(r, in->origin, l->peer->id));
    e->cmd.apply.txns = bytes_dup(&e->arena, f->txns.txns);
    in->expected = f->txns.to;
    in->applying++;
    if (!errand_submit(e)) {
        in->applying--;
        resubscribe_later(r, in, r->config.knobs.hold_ms, now_ms);
    }
}

/* A stretch is asked for again however often it fails: nothing may be left out. That is told when
 * it begins and, while it goes on, now and then. */
static void count_failure(struct region *r, struct intake *in, enum err e, uint64_t now_ms)
{
    in->failures++;
    in->failed++;
    if (in->failed > 1 && now_ms < in->tell_ms) {
        return;
    }
    in->tell_ms = now_ms + FAILURE_TELL_MS;
    TRACE(
        r->config.tracer,
        TRACE_ERROR,
        "region",
        "a stretch of a peer's log does not apply, asking for it again",
        TRACE_TEXT("peer", region_name_of(r, in->origin)),
        TRACE_NUM("applied", have(r, in->origin).v),
        TRACE_TEXT("err", bytes_str(err_name(e))),
        TRACE_NUM("failures", in->failed));
}

static void apply_failed(struct region *r, struct intake *in, enum err e, uint64_t now_ms)
{
    if (e == ERR_CLOCK_DRIFT && !in->drifting) {
        TRACE(
            r->config.tracer,
            TRACE_ERROR,
            "region",
            "stamps lie too far ahead, holding them back",
            TRACE_NUM("origin", in->origin.v));
    }
    in->drifting = e == ERR_CLOCK_DRIFT;
    /* What follows a stretch that failed finds a gap. */
    if (e != ERR_CLOCK_DRIFT && e != ERR_GAP) {
        count_failure(r, in, e, now_ms);
    }
    if (in->link != 0) {
        resubscribe_later(r, in, e == ERR_GAP ? 0 : r->config.knobs.hold_ms, now_ms);
    }
}

void intake_applied(struct region *r, struct errand *e, uint64_t now_ms, uint64_t wall_ms)
{
    struct intake *in = intake_of(r, e->origin);
    ASSERT(in != NULL);
    ASSERT(in->applying > 0);
    in->applying--;
    if (e->cmd.err != OK) {
        apply_failed(r, in, e->cmd.err, now_ms);
        return;
    }
    in->drifting = false;
    in->failed = 0;
    in->applied_txns += e->cmd.apply.n_applied;
    in->conflicts += e->cmd.apply.n_conflicts;
    r->status.conflicts += e->cmd.apply.n_conflicts;
    r->status.quarantined += e->cmd.apply.n_quarantined;
    if (e->cmd.apply.n_applied > 0) {
        latency_add(&in->latency, wall_ms > e->hlc_to_ms ? wall_ms - e->hlc_to_ms : 0);
    }
    /* Our log first: a mark must not cover what lies in it further than we know it to go, for a
     * relay would vouch to others for records that it has not read. */
    (void)repl_vector_raise(
        &r->marks, (struct repl_mark){.region = r->config.id, .pos = {e->cmd.apply.tail.v}});
    if (!e->cmd.apply.partial) {
        (void)repl_vector_raise(
            &r->marks,
            (struct repl_mark){.region = e->origin, .pos = e->mark_to, .hlc = e->cmd.apply.hlc_to});
    }
    shipped_tell(r, e, wall_ms);
    struct link *l = link_find(r, e->link);
    if (l != NULL) {
        l->ack_due = true;
    }
}

/* Our marks as peers may know them. While data is still to be seeded, positions run ahead of what
 * we hold; then we vouch for no stamp, so that nobody forgets a tombstone we may yet need. */
static struct repl_vector marks_to_tell(const struct region *r)
{
    struct repl_vector v = r->marks;
    for (size_t i = 0; i < v.n && r->n_needs > 0; i++) {
        v.marks[i].hlc.v = 0;
    }
    return v;
}

void acks_flush(struct region *r)
{
    const struct repl_vector marks = marks_to_tell(r);
    for (size_t i = 0; i < r->n_links; i++) {
        struct link *l = r->links[i];
        if (l->ready && l->ack_due) {
            l->ack_due = false;
            link_send(
                r,
                l,
                &(struct repl_frame){
                    .type = REPL_MARKS, .marks = {.marks = marks.marks, .n = marks.n}});
        }
    }
}
