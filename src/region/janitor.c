/* Heartbeats, waiting for peers, and forgetting: the log behind the slowest member and the oldest
 * record of a stream, tombstones everybody has. */
#include <stdlib.h>

#include "region/inside.h"

enum { REMOVED_WAIT_MS = 24 * 3600 * 1000 };

/* ---- heartbeats ---- */

static bool submit_mark(struct region *r, uint64_t link, uint64_t sync_id)
{
    struct errand *e = errand_new(r, ERRAND_MARK, PART_CMD_MARK);
    e->link = link;
    e->sync_id = sync_id;
    return errand_submit(e);
}

/* Changes with every transaction that any region's log has more of here. */
static uint64_t positions_sum(const struct region *r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < r->marks.n; i++) {
        sum += r->marks.marks[i].pos.v;
    }
    return sum;
}

/* Whether a promise of stamps is due. It costs a synced write, and tells peers what they need to
 * forget tombstones and to learn how far records they do not get go: things that stand still when
 * nobody writes. */
static bool promise_due(struct region *r)
{
    uint64_t sum = positions_sum(r);
    if (sum == r->promise_sum && ++r->quiet_beats < QUIET_BEATS_MAX) {
        return false;
    }
    r->promise_sum = sum;
    r->quiet_beats = 0;
    return true;
}

void heartbeat_tick(struct region *r, uint64_t now_ms)
{
    if (now_ms < r->heartbeat_ms) {
        return;
    }
    r->heartbeat_ms = now_ms + r->config.knobs.heartbeat_ms;
    bool anyone = false;
    for (size_t i = 0; i < r->n_links; i++) {
        r->links[i]->ack_due |= r->links[i]->ready;
        anyone |= r->links[i]->ready;
    }
    if (anyone && !r->marking && promise_due(r)) {
        r->marking = submit_mark(r, 0, 0);
    }
}

void marked(struct region *r, struct errand *e)
{
    if (e->sync_id == 0) {
        r->marking = false;
    }
    if (e->cmd.err != OK) {
        return;
    }
    r->promise = (struct part_mark){
        .region = r->config.id, .pos = {e->cmd.mark.pos.v}, .hlc = e->cmd.mark.hlc};
    (void)repl_vector_raise(
        &r->marks, (struct repl_mark){r->config.id, r->promise.pos, r->promise.hlc});
    if (e->sync_id == 0) {
        for (size_t i = 0; i < r->n_links; i++) {
            r->links[i]->heartbeat_due = true;
        }
        return;
    }
    struct link *l = link_find(r, e->link);
    if (l != NULL && l->ready) {
        l->heartbeat_due = true;
        feed_pump(r, l); /* what the answer speaks of goes first */
        link_send(
            r,
            l,
            &(struct repl_frame){
                .type = REPL_SYNCED, .sync = {.id = e->sync_id, .pos = r->promise.pos}});
    }
}

/* ---- waiting until we know what others knew ---- */

static void sync_ask(struct region *r, const struct sync_wait *w, struct link *l)
{
    link_send(r, l, &(struct repl_frame){.type = REPL_SYNC, .sync = {.id = w->id}});
}

void region_sync(
    struct region *r,
    const struct bytes *regions,
    size_t n,
    void *token,
    uint64_t deadline_ms,
    uint64_t now_ms)
{
    struct sync_wait *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    *w = (struct sync_wait){.token = token, .id = r->next_sync++, .deadline_ms = deadline_ms};
    bool known = n <= CORE_REGIONS_MAX && r->n_syncs < SYNCS_MAX;
    for (size_t i = 0; i < n && known; i++) {
        if (bytes_eq(regions[i], r->config.name)) {
            continue;
        }
        struct peer *p = r->peers;
        while (p != NULL && (!bytes_eq_str(regions[i], p->name) || p->removed)) {
            p = p->next;
        }
        known = p != NULL && p->id.v != 0;
        if (known) {
            w->of[w->n++].region = p->id;
        }
    }
    if (!known) {
        free(w);
        r->config.ops.synced(r->config.ctx, token, ERR_UNAVAILABLE);
        return;
    }
    r->syncs[r->n_syncs++] = w;
    for (size_t i = 0; i < w->n; i++) {
        struct link *l = link_of(r, w->of[i].region);
        if (l != NULL) {
            sync_ask(r, w, l);
        }
    }
    settle(r, now_ms);
}

void syncs_resend(struct region *r, struct link *l)
{
    for (size_t i = 0; i < r->n_syncs; i++) {
        for (size_t j = 0; j < r->syncs[i]->n; j++) {
            if (r->syncs[i]->of[j].region.v == l->peer->id.v && !r->syncs[i]->of[j].answered) {
                sync_ask(r, r->syncs[i], l);
            }
        }
    }
}

void syncs_asked(struct region *r, struct link *l, const struct repl_frame *f)
{
    if (f->sync.id != 0) {
        (void)submit_mark(r, l->id, f->sync.id);
    }
}

void syncs_answered(struct region *r, struct link *l, const struct repl_frame *f)
{
    for (size_t i = 0; i < r->n_syncs; i++) {
        struct sync_wait *w = r->syncs[i];
        for (size_t j = 0; j < w->n && w->id == f->sync.id; j++) {
            if (w->of[j].region.v == l->peer->id.v) {
                w->of[j].answered = true;
                w->of[j].pos = f->sync.pos;
            }
        }
    }
}

static bool sync_over(const struct region *r, const struct sync_wait *w)
{
    for (size_t i = 0; i < w->n; i++) {
        const struct repl_mark *m = repl_vector_find(&r->marks, w->of[i].region);
        uint64_t have = m == NULL ? 0 : m->pos.v;
        if (!w->of[i].answered || have < w->of[i].pos.v) {
            return false;
        }
    }
    return true;
}

void syncs_check(struct region *r, uint64_t now_ms)
{
    for (size_t i = 0; i < r->n_syncs;) {
        struct sync_wait *w = r->syncs[i];
        bool over = sync_over(r, w);
        if (!over && now_ms < w->deadline_ms) {
            i++;
            continue;
        }
        r->syncs[i] = r->syncs[--r->n_syncs];
        r->config.ops.synced(r->config.ctx, w->token, over ? OK : ERR_UNAVAILABLE);
        free(w);
    }
}

/* ---- forgetting ---- */

/* How far every member that is still to be served has applied our log. */
static uint64_t acked_by_all(const struct region *r)
{
    uint64_t least = UINT64_MAX;
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        if (p->removed || p->fenced) {
            continue;
        }
        const struct repl_mark *m = repl_vector_find(&p->marks, r->config.id);
        uint64_t pos = m == NULL ? 0 : m->pos.v;
        least = pos < least ? pos : least;
    }
    return least;
}

/* The position with about `keep` bytes of log behind it. */
static uint64_t position_behind(
    const struct region *r, uint64_t first, uint64_t tail, uint64_t keep)
{
    uint64_t lo = first - 1;
    uint64_t hi = tail;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo + 1) / 2;
        uint64_t bytes =
            part_log_bytes(&r->reader, (struct local_pos){mid}, (struct local_pos){tail});
        if (bytes >= keep) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

/* How far streams let the log go. Notes that do not read hold everything: the quota still bounds
 * it.
 */
static uint64_t wanted_by_streams(const struct region *r)
{
    struct core_feed feed;
    enum err e = core_feed_read(&r->reader, &feed);
    if (e == ERR_NOT_FOUND) {
        return UINT64_MAX;
    }
    return e == OK ? feed.epochs[0].first.v - 1 : 0;
}

/* A peer that is left behind is news each time; that streams reach back less far is a state, and
 * told once. */
static void tell_quota(struct region *r, uint64_t forced, uint64_t acked)
{
    if (forced > acked) {
        TRACE(
            r->config.tracer,
            TRACE_WARN,
            "region",
            "log quota reached, a peer is left behind",
            TRACE_NUM("acked", acked),
            TRACE_NUM("trimmed_to", forced));
    } else if (!r->streams_cut) {
        r->streams_cut = true;
        TRACE(
            r->config.tracer,
            TRACE_WARN,
            "region",
            "log quota reached, streams do not reach back as far as they should",
            TRACE_NUM("trimmed_to", forced));
    }
}

static void trim(struct region *r)
{
    struct local_pos first;
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    if (own == NULL || r->trimming || part_log_first(&r->reader, &first) != OK) {
        return;
    }
    struct local_pos before = {first.v - 1};
    struct local_pos tail = {own->pos.v};
    uint64_t bytes = part_log_bytes(&r->reader, before, tail);
    r->status.log_first = first;
    r->status.log_bytes = bytes;
    if (bytes <= r->config.knobs.log_keep_bytes) {
        return;
    }
    uint64_t upto = position_behind(r, first.v, tail.v, r->config.knobs.log_keep_bytes);
    uint64_t acked = acked_by_all(r);
    uint64_t free = wanted_by_streams(r);
    upto = acked < upto ? acked : upto;
    upto = free < upto ? free : upto;
    uint64_t past = wanted_by_recovery(r, first.v, tail.v, hlc_ms(own->hlc));
    upto = past < upto ? past : upto;
    if (bytes > r->config.knobs.log_bytes_max) {
        uint64_t forced = position_behind(r, first.v, tail.v, r->config.knobs.log_bytes_max);
        if (forced > upto) {
            tell_quota(r, forced, acked);
            upto = forced;
        }
    }
    if (upto < first.v) {
        return;
    }
    struct errand *e = errand_new(r, ERRAND_TRIM, PART_CMD_TRIM);
    e->cmd.trim.upto.v = upto;
    r->trimming = errand_submit(e);
}

/* Deleted rows stay on disk until the engine rewrites the files they lie in, which only further
 * writes bring about: when any were deleted, it is asked. Deletions that leave no tombstone are
 * known by nothing but our log's growth, for which it is asked less often. */
static void reclaim(struct region *r, uint64_t now_ms)
{
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    uint64_t tail = own == NULL ? 0 : own->pos.v;
    bool wrote = tail != r->reclaim_tail && now_ms >= r->reclaim_ms + RECLAIM_WRITES_MS;
    if (r->config.ops.reclaim != NULL && now_ms >= r->reclaim_ms && (!r->reclaimed || wrote)) {
        r->config.ops.reclaim(r->config.ctx);
        r->reclaimed = true;
        r->reclaim_ms = now_ms + RECLAIM_MS;
        r->reclaim_tail = tail;
    }
}

static bool is_removed(struct region *r, struct region_id id)
{
    const struct peer *p = peer_find(r, id);
    return p != NULL && p->removed;
}

/* Until when nothing of a removed region can still come: what it had told some of us goes round by
 * relays, and when all who have any of its log have as much, that was all. Who cannot get the rest,
 * since nobody who has it holds the same tables, is waited for no longer than a day. */
static uint64_t removed_stamp(const struct region *r, const struct repl_mark *m)
{
    bool all = true;
    for (const struct peer *p = r->peers; p != NULL && all; p = p->next) {
        const struct repl_mark *theirs = repl_vector_find(&p->marks, m->region);
        all = p->removed || p->fenced || theirs == NULL || theirs->pos.v == m->pos.v;
    }
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    uint64_t day_ago = own == NULL || hlc_ms(own->hlc) < REMOVED_WAIT_MS
                           ? 0
                           : hlc_of_ms(hlc_ms(own->hlc) - REMOVED_WAIT_MS).v;
    uint64_t waited = m->hlc.v > day_ago ? m->hlc.v : day_ago;
    return all ? UINT64_MAX : waited;
}

/* Everything stamped at or below this has been applied by every member, so no older version of
 * anything can still arrive and no member lacks a tombstone from before it. */
static uint64_t stable_stamp(struct region *r)
{
    if (r->n_needs > 0) {
        return 0; /* our positions run ahead of our data until it is seeded */
    }
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < r->marks.n; i++) {
        const struct repl_mark *m = &r->marks.marks[i];
        uint64_t stamp = is_removed(r, m->region) ? removed_stamp(r, m) : m->hlc.v;
        least = stamp < least ? stamp : least;
    }
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        if (p->removed) {
            continue;
        }
        if (repl_vector_find(&r->marks, p->id) == NULL) {
            return 0; /* nothing is known of what it wrote */
        }
        for (size_t i = 0; i < r->marks.n && !p->fenced; i++) {
            const struct repl_mark *m = repl_vector_find(&p->marks, r->marks.marks[i].region);
            uint64_t stamp = m == NULL ? 0 : m->hlc.v;
            bool counts = !is_removed(r, r->marks.marks[i].region);
            least = counts && stamp < least ? stamp : least;
        }
    }
    return least == UINT64_MAX ? 0 : least;
}

static void sweep(struct region *r)
{
    uint64_t grace = (uint64_t)r->config.knobs.tombstone_grace_ms << 16;
    uint64_t stable = stable_stamp(r);
    if (r->sweeping || stable <= grace) {
        return;
    }
    struct errand *e = errand_new(r, ERRAND_SWEEP, PART_CMD_SWEEP);
    e->cmd.sweep.below.v = stable - grace;
    e->cmd.sweep.tombstones_max = SWEEP_MAX;
    r->sweeping = errand_submit(e);
}

void janitor_tick(struct region *r, uint64_t now_ms)
{
    if (r->sweep_more && now_ms >= r->sweep_ms) {
        r->sweep_more = false;
        sweep(r);
    }
    if (now_ms < r->janitor_ms) {
        return;
    }
    r->janitor_ms = now_ms + r->config.knobs.janitor_ms;
    trim(r);
    reclaim(r, now_ms);
    sweep(r);
}
