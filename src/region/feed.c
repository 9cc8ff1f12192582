/* Our log going out to peers that subscribed to it, and what we hold of a lost origin's log on
 * behalf of others.
 *
 * A stretch of our own log is named by our positions; of another origin's by that origin's
 * positions, found in our log by the sparse origin index. Records of tables the peer does not hold
 * are left out. */
#include <stdlib.h>

#include "region/inside.h"

bool replicates_to(const struct region *r, uint64_t table, const struct peer *p)
{
    /* The catalog goes to whoever proved the secret: a region is in the catalog only after it was
     * told of it. */
    return table == PART_TABLE_CATALOG ||
           (table >= PART_TABLE_FIRST &&
            catalog_replicates_to_name(r->catalog, table, bytes_str(p->name)));
}

static struct repl_sender *sender_of(struct link *l, struct region_id origin)
{
    for (size_t i = 0; i < l->n_senders; i++) {
        if (l->senders[i]->origin.v == origin.v) {
            return l->senders[i];
        }
    }
    if (l->n_senders == SENDERS_MAX) {
        return NULL;
    }
    struct repl_sender *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->origin = origin;
    l->senders[l->n_senders++] = s;
    return s;
}

static uint64_t mark_pos(const struct region *r, struct region_id id)
{
    const struct repl_mark *m = repl_vector_find(&r->marks, id);
    return m == NULL ? 0 : m->pos.v;
}

static void send_start(struct region *r, struct link *l, struct region_id origin, uint64_t pos)
{
    link_send(
        r,
        l,
        &(struct repl_frame){
            .type = REPL_START, .start = {.origin = origin, .pos = {pos}, .fenced = true}});
}

/* A subscription to our own log: from where the peer is, or, when that is gone from the log, from
 * the tail, with the peer told to seed itself anew. */
static void subscribe_own(struct region *r, struct link *l, const struct repl_frame *f)
{
    struct repl_sender *s = sender_of(l, r->config.id);
    struct local_pos first;
    if (s == NULL || part_log_first(&r->reader, &first) != OK) {
        return;
    }
    uint64_t tail = mark_pos(r, r->config.id);
    uint64_t from = f->subscribe.from.v;
    l->peer->ahead = from > tail;
    if (from > tail) {
        TRACE(
            r->config.tracer,
            TRACE_ERROR,
            "region",
            "peer has more of our log than we have, our store is an older copy; coming forward",
            TRACE_TEXT("peer", bytes_str(l->peer->name)),
            TRACE_NUM("peer_has", from),
            TRACE_NUM("we_have", tail));
        repl_sender_stop(s);
        rewound_begin(r, l, f->subscribe.from);
        return;
    }
    bool fenced = from + 1 < first.v;
    l->peer->fenced = fenced;
    if (fenced) {
        send_start(r, l, r->config.id, tail);
        from = tail;
    }
    shipped_clear(l);
    repl_sender_start(s, r->config.id, (struct local_pos){from}, (struct peer_pos){from});
}

/* ---- relaying ---- */

static struct bytes relay_floor_name(struct region_id origin, uint8_t to[32])
{
    static const char prefix[] = "relay floor ";
    memcpy(to, prefix, sizeof prefix - 1);
    store_u64_be(to + sizeof prefix - 1, origin.v);
    return bytes_of(to, sizeof prefix - 1 + sizeof origin.v);
}

void relay_floor_stage(struct part_stage *s, struct region_id origin, struct peer_pos floor)
{
    uint8_t name[32];
    uint8_t value[8];
    store_u64_be(value, floor.v);
    part_stage_note(s, relay_floor_name(origin, name), bytes_of(value, sizeof value));
}

void relay_floors_stage(struct part_stage *s)
{
    size_t n;
    const struct part_mark *marks = part_marks(part_stage_part(s), &n);
    for (size_t i = 1; i < n; i++) {
        relay_floor_stage(s, marks[i].region, marks[i].pos);
    }
}

/* Whether our log has all of the origin's that peers may ask for, from a position on. */
static bool may_relay(const struct region *r, struct region_id origin, struct peer_pos from)
{
    uint8_t name[32];
    struct buf value;
    buf_init(&value, 64);
    enum err e = part_note(&r->reader, relay_floor_name(origin, name), &value);
    bool may =
        e == ERR_NOT_FOUND || (e == OK && value.len == 8 && load_u64_be(value.base) <= from.v);
    buf_done(&value);
    return may;
}

/* A subscription to what we have of a third region's log. Silence is an answer: the peer asks
 * elsewhere. */
static void subscribe_relay(struct region *r, struct link *l, const struct repl_frame *f)
{
    struct region_id origin = f->subscribe.origin;
    struct local_pos at;
    struct local_pos first;
    enum err e = part_log_find_origin(&r->reader, origin, f->subscribe.from, &at);
    bool whole = e == OK && may_relay(r, origin, f->subscribe.from);
    if (!whole || part_log_first(&r->reader, &first) != OK || at.v + 1 < first.v) {
        return;
    }
    struct repl_sender *s = sender_of(l, origin);
    if (s != NULL) {
        repl_sender_start(s, origin, at, f->subscribe.from);
    }
}

void feed_subscribe(struct region *r, struct link *l, const struct repl_frame *f)
{
    if (f->subscribe.origin.v == r->config.id.v) {
        subscribe_own(r, l, f);
    } else if (f->subscribe.origin.v != l->peer->id.v) {
        subscribe_relay(r, l, f);
    }
}

void feed_unsubscribe(struct link *l, struct region_id origin)
{
    struct repl_sender *s = sender_of(l, origin);
    if (s != NULL) {
        repl_sender_stop(s);
    }
}

void feed_relay_stop(struct region *r, struct region_id origin, uint64_t now_ms)
{
    for (size_t i = r->n_links; i > 0; i--) {
        struct link *l = r->links[i - 1];
        bool relays = false;
        for (size_t j = 0; j < l->n_senders; j++) {
            relays = relays || (l->senders[j]->active && l->senders[j]->origin.v == origin.v);
        }
        if (relays) {
            link_drop(r, l, now_ms);
        }
    }
}

void feed_marks(struct region *r, struct link *l, const struct repl_frame *f)
{
    for (size_t i = 0; i < f->marks.n; i++) {
        const struct repl_mark *m = &f->marks.marks[i];
        (void)repl_vector_raise(&l->peer->marks, *m);
        if (m->region.v == r->config.id.v) {
            shipped_acked(l, m->pos);
        }
        for (size_t j = 0; j < l->n_senders; j++) {
            struct repl_sender *s = l->senders[j];
            if (s->origin.v != m->region.v) {
                continue;
            }
            /* Whoever has applied past the point where it was fenced off counts again. */
            bool own = m->region.v == r->config.id.v;
            if (own && s->active && m->pos.v >= s->acked.v) {
                l->peer->fenced = false;
            }
            repl_sender_acked(s, m->pos);
        }
    }
}

/* Whether we hold every table that both the origin and the peer hold: then what we relay is all of
 * it. */
static bool relay_is_complete(const struct region *r, struct region_id origin, const struct peer *p)
{
    struct bytes after = BYTES_NONE;
    for (;;) {
        const struct core_group *g = catalog_group_after(r->catalog, after);
        if (g == NULL) {
            return true;
        }
        after = g->name;
        bool both = may_have_held(r, g->table, origin) && region_holds(r, g->table, p->id);
        if (both && !region_holds(r, g->table, r->config.id)) {
            return false;
        }
    }
}

/* One frame in the making. */
struct stretch {
    struct region *r;
    struct link *l;
    struct repl_sender *s;
    struct buf txns;
    struct arena arena;
    struct shipped shipped; /* of our own log */
    struct local_pos read;
    struct peer_pos to;
    struct hlc hlc_to;
    uint32_t n_txns;
    bool at_end;
    bool gap; /* the log was trimmed under us */
};

/* Of our own log it counts what we were when the change was made; of another region's we hold what
 * it sent to us as a member of the table's group. */
static bool keep_table(void *ctx, uint64_t table)
{
    const struct stretch *st = ctx;
    bool own = st->s->origin.v == st->r->config.id.v;
    return own && table >= PART_TABLE_FIRST
               ? catalog_ships(st->r->catalog, table, st->read, bytes_str(st->l->peer->name))
               : replicates_to(st->r, table, st->l->peer);
}

static enum err append_txn(struct stretch *st, struct bytes stored)
{
    struct change_txn t;
    struct bytes wire;
    arena_clear(&st->arena);
    enum err e = change_txn_wire(stored, &wire);
    if (e == OK) {
        e = change_txn_decode(&st->arena, wire, /* wire_only= */ true, &t);
    }
    if (e != OK) {
        return e;
    }
    size_t kept = 0;
    for (size_t i = 0; i < t.n_changes; i++) {
        if (!keep_table(st, t.changes[i].table)) {
            continue;
        }
        kept++;
        if (t.origin.v == st->r->config.id.v && t.changes[i].table >= PART_TABLE_FIRST) {
            shipped_note(&st->shipped, t.changes[i].table, hlc_ms(t.hlc));
        }
    }
    if (kept == 0) {
        return OK;
    }
    if (kept < t.n_changes) {
        struct buf some;
        buf_init(&some, CHANGE_TXN_BYTES_MAX);
        size_t n;
        e = change_txn_filter(&some, &st->arena, stored, keep_table, st, &n);
        put_lenbytes(&st->txns, buf_bytes(&some));
        buf_done(&some);
    } else {
        put_lenbytes(&st->txns, wire);
    }
    st->n_txns++;
    return e;
}

/* Takes the log record at `pos` into the stretch, if it belongs there. */
static enum err stretch_take(struct stretch *st, struct local_pos pos, struct bytes stored)
{
    struct change_txn t;
    enum err e = change_txn_peek(stored, &t);
    if (e != OK) {
        return e;
    }
    bool own = st->s->origin.v == st->r->config.id.v;
    st->gap = pos.v != st->read.v + 1;
    if (st->gap) {
        return OK;
    }
    st->read = pos;
    if (own) {
        st->to.v = pos.v;
    }
    /* A seeded record stands in our log with position 0 of its origin: it is nobody's to ship. */
    bool wanted = t.origin.v == st->s->origin.v && t.origin_pos.v > st->s->sent.v;
    if (!wanted) {
        return OK;
    }
    st->to = t.origin_pos;
    st->hlc_to = t.hlc;
    return append_txn(st, stored);
}

/* Reads no further than we were told the log goes: what lies behind may rest on catalog rows that
 * we were not told of yet, and would be left out for peers that hold its tables. */
static enum err stretch_read(struct stretch *st)
{
    struct part_log_cursor *c = part_log_open(&st->r->reader, st->read);
    uint64_t tail = mark_pos(st->r, st->r->config.id);
    enum err e = OK;
    for (unsigned scanned = 0; !st->gap && e == OK; scanned++) {
        if (st->txns.len >= st->r->config.knobs.frame_bytes || scanned == LOG_SCAN_MAX) {
            st->r->again = true;
            break;
        }
        struct local_pos pos;
        struct bytes stored;
        e = part_log_next(c, &pos, &stored);
        if (e == OK && pos.v > tail) {
            e = ERR_NOT_FOUND;
        }
        if (e == OK) {
            e = stretch_take(st, pos, stored);
        }
    }
    part_log_close(c);
    st->at_end = e == ERR_NOT_FOUND;
    struct local_pos first;
    if (st->at_end && st->read.v < tail && part_log_first(&st->r->reader, &first) == OK) {
        st->gap |= first.v > st->read.v + 1; /* trimmed to its end */
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

/* At the end of the log more can be said than the last record says: how far the whole log is
 * covered, and until when nothing else was stamped. */
static void stretch_finish(struct stretch *st, struct repl_mark known)
{
    if (!st->at_end) {
        return;
    }
    if (st->s->origin.v == st->r->config.id.v) {
        const struct part_mark *promise = &st->r->promise;
        if (st->to.v >= promise->pos.v && promise->hlc.v > st->hlc_to.v) {
            st->hlc_to = promise->hlc;
        }
        return;
    }
    st->to.v = known.pos.v > st->to.v ? known.pos.v : st->to.v;
    st->hlc_to.v = known.hlc.v > st->hlc_to.v ? known.hlc.v : st->hlc_to.v;
}

static void stretch_send(struct stretch *st)
{
    struct repl_sender *s = st->s;
    bool own = s->origin.v == st->r->config.id.v;
    struct repl_frame f = {
        .type = REPL_TXNS,
        .txns = {
            .origin = s->origin,
            .from = s->sent,
            .to = st->to,
            .hlc_to = st->hlc_to,
            .partial = !own && !relay_is_complete(st->r, s->origin, st->l->peer),
            .txns = buf_bytes(&st->txns),
        }};
    link_send(st->r, st->l, &f);
    shipped_add(st->l, &st->shipped, st->to);
    repl_sender_sent(s, st->to, st->hlc_to, st->txns.len, st->n_txns);
}

/* Sends one frame of the subscription; false when there is nothing to send now. */
static bool pump_once(struct region *r, struct link *l, struct repl_sender *s)
{
    const struct repl_mark *m = repl_vector_find(&r->marks, s->origin);
    bool own = s->origin.v == r->config.id.v;
    struct stretch st = {
        .r = r,
        .l = l,
        .s = s,
        .read = s->read,
        /* Of our own log what was read and left out is covered too. */
        .to = own ? (struct peer_pos){s->read.v} : s->sent,
        .hlc_to = s->sent_hlc,
    };
    struct repl_mark known = m == NULL ? (struct repl_mark){0} : *m;
    buf_init(&st.txns, REPL_FRAME_BYTES_MAX - 1024);
    arena_init(&st.arena, CHANGE_TXN_BYTES_MAX);
    enum err e = stretch_read(&st);
    bool sent = false;
    if (e != OK || st.txns.err != OK) {
        TRACE(
            r->config.tracer,
            TRACE_ERROR,
            "region",
            "log does not read, subscription stopped",
            TRACE_TEXT("err", bytes_str(err_name(e))));
        repl_sender_stop(s);
    } else if (st.gap && !own) {
        repl_sender_stop(s);
    } else if (st.gap) {
        uint64_t tail = mark_pos(r, r->config.id);
        l->peer->fenced = true;
        send_start(r, l, s->origin, tail);
        repl_sender_start(s, s->origin, (struct local_pos){tail}, (struct peer_pos){tail});
    } else {
        s->read = st.read;
        stretch_finish(&st, known);
        bool worth = st.n_txns > 0 || l->heartbeat_due || st.to.v > s->sent.v + LOG_SCAN_MAX;
        if (worth && st.to.v >= s->sent.v) {
            stretch_send(&st);
            sent = st.n_txns > 0 || !st.at_end;
        }
    }
    buf_done(&st.txns);
    arena_done(&st.arena);
    return sent;
}

void feed_pump(struct region *r, struct link *l)
{
    uint64_t tail = mark_pos(r, r->config.id);
    for (size_t i = 0; i < l->n_senders; i++) {
        struct repl_sender *s = l->senders[i];
        bool beat = l->heartbeat_due;
        for (unsigned frames = 0; frames < 8; frames++) {
            bool due = s->read.v < tail || beat;
            if (!due || !repl_sender_may_send(s, r->config.knobs.window_bytes)) {
                break;
            }
            beat = false;
            if (!pump_once(r, l, s)) {
                break;
            }
        }
        r->again |=
            s->active && s->read.v < tail && repl_sender_may_send(s, r->config.knobs.window_bytes);
    }
    l->heartbeat_due = false;
}
