/* Links: dialing, the handshake, frames to their handlers, and noticing silence.
 *
 * Of two regions the one with the smaller id dials; a configured peer whose id is unknown is dialed
 * by both, and of two links between the same pair the newer one stays.
 *
 * Anybody can connect. Whoever has not proved the secret yet is a stranger, and of too many
 * strangers the one that has waited longest goes: a member proves itself in a few flight times,
 * while idle connections would otherwise keep all others out. */
#include <stdlib.h>

#include "region/inside.h"

struct link *link_find(struct region *r, uint64_t id)
{
    for (size_t i = 0; i < r->n_links; i++) {
        if (r->links[i]->id == id) {
            return r->links[i];
        }
    }
    return NULL;
}

struct link *link_of(struct region *r, struct region_id peer)
{
    struct peer *p = peer_find(r, peer);
    return p != NULL && p->link != NULL && p->link->ready ? p->link : NULL;
}

static void link_send_bytes(struct region *r, struct link *l)
{
    ASSERT(r->frame.err == OK);
    if (l->peer != NULL) {
        l->peer->sent_bytes += r->frame.len;
    }
    r->config.ops.send(r->config.ctx, l->id, buf_bytes(&r->frame));
}

void link_send(struct region *r, struct link *l, const struct repl_frame *f)
{
    buf_clear(&r->frame);
    repl_frame_encode(&r->frame, f);
    link_send_bytes(r, l);
    if (r->frame.cap > (4U << 20)) {
        buf_done(&r->frame);
    }
}

static struct link *link_new(struct region *r, uint64_t now_ms)
{
    if (r->n_links == LINKS_MAX) {
        return NULL;
    }
    struct link *l = calloc(1, sizeof *l);
    ASSERT(l != NULL);
    l->id = r->next_link++;
    l->began_ms = now_ms;
    l->deadline_ms = now_ms + r->config.knobs.handshake_ms;
    buf_init(&l->seed_out.position, 1 << 20);
    buf_init(&l->seed_in.cursor, 1 << 20);
    r->links[r->n_links++] = l;
    return l;
}

void link_free(struct link *l)
{
    seed_out_stop(&l->seed_out);
    shipped_clear(l);
    buf_done(&l->seed_out.position);
    buf_done(&l->seed_in.cursor);
    for (size_t i = 0; i < l->n_senders; i++) {
        free(l->senders[i]);
    }
    free(l);
}

/* Forgets a link that is already closed, or about to be. */
static void link_forget(struct region *r, struct link *l, uint64_t now_ms)
{
    intake_lost(r, l);
    struct peer *p = l->peer;
    if (p != NULL && p->link == l) {
        p->link = NULL;
        uint32_t min = r->config.knobs.redial_ms_min;
        uint32_t max = r->config.knobs.redial_ms_max;
        p->backoff_ms = l->ready || p->backoff_ms == 0 ? min : p->backoff_ms * 2;
        p->backoff_ms = p->backoff_ms > max ? max : p->backoff_ms;
        /* From the attempt's beginning: one that waited for an answer has waited long enough, and a
         * network that comes back should find us knocking. */
        uint64_t from_ms = l->ready ? now_ms : l->began_ms;
        p->redial_ms = from_ms + p->backoff_ms / 2 + prng_below(&r->prng, p->backoff_ms / 2 + 1);
        if (l->ready) {
            p->lost_ms = now_ms == 0 ? 1 : now_ms;
            TRACE(
                r->config.tracer,
                TRACE_WARN,
                "region",
                "link down",
                TRACE_TEXT("peer", bytes_str(p->name)));
        }
    }
    for (size_t i = 0; i < r->n_links; i++) {
        if (r->links[i] == l) {
            r->links[i] = r->links[--r->n_links];
            break;
        }
    }
    link_free(l);
}

void link_drop(struct region *r, struct link *l, uint64_t now_ms)
{
    r->config.ops.hang_up(r->config.ctx, l->id);
    link_forget(r, l, now_ms);
}

/* Strangers may be refused as fast as they come, so what comes in between is only counted. */
static void tell_refusal(
    struct region *r, const struct link *l, const char *reason, uint64_t now_ms)
{
    r->refusals++;
    if (now_ms < r->refusal_tell_ms) {
        return;
    }
    const char *claimed = l->handshake.peer_name[0] == '\0' ? "?" : l->handshake.peer_name;
    TRACE(
        r->config.tracer,
        TRACE_WARN,
        "region",
        "link refused",
        TRACE_TEXT("peer", bytes_str(l->peer == NULL ? claimed : l->peer->name)),
        TRACE_TEXT("reason", bytes_str(reason)),
        TRACE_NUM("times", r->refusals));
    r->refusals = 0;
    r->refusal_tell_ms = now_ms + REFUSAL_TELL_MS;
}

static void refuse(struct region *r, struct link *l, const char *reason, uint64_t now_ms)
{
    tell_refusal(r, l, reason, now_ms);
    link_send(r, l, &(struct repl_frame){.type = REPL_BYE, .bye = {.reason = bytes_str(reason)}});
    link_drop(r, l, now_ms);
}

bool links_awaits_dial(const struct region *r, const struct peer *p)
{
    bool ours = p->id.v == 0 || r->config.id.v < p->id.v;
    return ours && !p->removed && p->link == NULL && p->address[0] != '\0';
}

void links_dial(struct region *r, uint64_t now_ms)
{
    for (struct peer *p = r->peers; p != NULL; p = p->next) {
        if (!links_awaits_dial(r, p) || p->redial_ms > now_ms) {
            continue;
        }
        struct link *l = link_new(r, now_ms);
        if (l == NULL) {
            return;
        }
        l->dialed = true;
        l->peer = p;
        p->link = l;
        r->config.ops.dial(r->config.ctx, l->id, bytes_str(p->name), bytes_str(p->address));
    }
}

void links_expire(struct region *r, uint64_t now_ms)
{
    for (size_t i = 0; i < r->n_links;) {
        struct link *l = r->links[i];
        if (l->deadline_ms <= now_ms) {
            link_drop(r, l, now_ms); /* another takes its place in the array */
        } else {
            i++;
        }
    }
}

static void begin_handshake(struct region *r, struct link *l)
{
    uint8_t nonce[REPL_NONCE_BYTES];
    uint64_t a = prng_u64(&r->prng);
    uint64_t b = prng_u64(&r->prng);
    memcpy(nonce, &a, sizeof a);
    memcpy(nonce + sizeof a, &b, sizeof b);
    l->opened = true;
    buf_clear(&r->frame);
    repl_handshake_begin(
        &l->handshake, buf_bytes(&r->secret), r->config.id, r->config.name, nonce, &r->frame);
    link_send_bytes(r, l);
}

uint64_t region_next_link(const struct region *r)
{
    return r->next_link;
}

/* The stranger that has waited longest, or NULL; *ret_n says how many there are. */
static struct link *oldest_stranger(struct region *r, size_t *ret_n)
{
    struct link *oldest = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < r->n_links; i++) {
        struct link *l = r->links[i];
        if (l->dialed || l->ready) {
            continue;
        }
        oldest = oldest == NULL || l->id < oldest->id ? l : oldest;
        ++*ret_n;
    }
    return oldest;
}

uint64_t region_link_accepted(struct region *r, uint64_t now_ms)
{
    size_t n_strangers;
    struct link *oldest = oldest_stranger(r, &n_strangers);
    if (n_strangers >= STRANGERS_MAX) {
        link_drop(r, oldest, now_ms);
    }
    struct link *l = link_new(r, now_ms);
    if (l == NULL) {
        return 0;
    }
    uint64_t id = l->id;
    begin_handshake(r, l);
    settle(r, now_ms);
    return id;
}

void region_link_opened(struct region *r, uint64_t link, uint64_t now_ms)
{
    struct link *l = link_find(r, link);
    if (l != NULL && !l->opened) {
        begin_handshake(r, l);
    }
    settle(r, now_ms);
}

void region_link_closed(struct region *r, uint64_t link, uint64_t now_ms)
{
    struct link *l = link_find(r, link);
    if (l != NULL) {
        link_forget(r, l, now_ms);
    }
    settle(r, now_ms);
}

/* The peer this link's handshake named, if it may talk to us. */
static struct peer *admit(struct region *r, const struct link *l)
{
    struct peer *p = peer_find(r, l->handshake.peer);
    for (struct peer *q = r->peers; q != NULL && p == NULL; q = q->next) {
        p = q->id.v == 0 && strcmp(q->name, l->handshake.peer_name) == 0 ? q : NULL;
    }
    if (p == NULL || p->removed || (l->peer != NULL && l->peer != p)) {
        return NULL;
    }
    return strcmp(p->name, l->handshake.peer_name) == 0 ? p : NULL;
}

static void link_ready(struct region *r, struct link *l, uint64_t now_ms)
{
    struct peer *p = admit(r, l);
    if (p == NULL) {
        refuse(r, l, "not a member of this cluster", now_ms);
        return;
    }
    struct link *old = p->link;
    l->peer = p;
    p->link = l;
    if (old != NULL && old != l) {
        link_drop(r, old, now_ms);
    }
    p->id = l->handshake.peer;
    p->backoff_ms = 0;
    p->lost_ms = 0;
    l->ready = true;
    l->deadline_ms = now_ms + r->config.knobs.dead_ms;
    l->ack_due = true;
    r->config.ops.named(r->config.ctx, l->id, bytes_str(p->name));
    TRACE(
        r->config.tracer, TRACE_INFO, "region", "link up", TRACE_TEXT("peer", bytes_str(p->name)));
    syncs_resend(r, l);
    r->needs_dirty = true;
    r->quiet_beats = QUIET_BEATS_MAX; /* the peer knows of no promise yet */
}

static void take_handshake(
    struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms)
{
    buf_clear(&r->frame);
    enum err e = repl_handshake_step(&l->handshake, f, &r->frame);
    if (e != OK) {
        refuse(r, l, err_text(e), now_ms);
        return;
    }
    if (r->frame.len > 0) {
        link_send_bytes(r, l);
    }
    if (l->handshake.state == REPL_HANDSHAKE_DONE) {
        link_ready(r, l, now_ms);
    }
}

/* A frame of a link that is ready. May drop the link. */
static void take_frame(
    struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms)
{
    switch (f->type) {
    case REPL_HELLO:
    case REPL_PROOF:
        refuse(r, l, "handshake frame out of turn", now_ms);
        return;
    case REPL_BYE:
        TRACE(
            r->config.tracer,
            TRACE_WARN,
            "region",
            "peer hung up",
            TRACE_TEXT("peer", bytes_str(l->peer->name)),
            TRACE_TEXT("reason", f->bye.reason));
        link_drop(r, l, now_ms);
        return;
    case REPL_SUBSCRIBE:
        feed_subscribe(r, l, f);
        return;
    case REPL_UNSUBSCRIBE:
        feed_unsubscribe(l, f->subscribe.origin);
        return;
    case REPL_START:
        intake_start(r, l, f, now_ms);
        return;
    case REPL_TXNS:
        intake_txns(r, l, f, now_ms);
        return;
    case REPL_APPLIED:
        shipped_applied(r, l, f);
        return;
    case REPL_MARKS:
        feed_marks(r, l, f);
        return;
    case REPL_SYNC:
        syncs_asked(r, l, f);
        return;
    case REPL_SYNCED:
        syncs_answered(r, l, f);
        return;
    case REPL_SEED_WANT:
        seed_want(r, l, f);
        return;
    case REPL_SEED_CHUNK:
        if (f->seed_chunk.purpose == REPL_PURPOSE_SEED) {
            seed_chunk(r, l, f);
        } else {
            scrub_chunk(r, l, f);
        }
        return;
    case REPL_SEED_MORE:
        l->seed_out.credit += l->seed_out.credit < SEED_CREDIT ? 1 : 0;
        return;
    case REPL_SEED_REFUSE:
        seed_refused(r, l, f, now_ms);
        return;
    case REPL_DIGEST:
        scrub_digest(r, l, f);
        return;
    }
    UNREACHABLE();
}

void region_link_frame(struct region *r, uint64_t link, struct bytes frame, uint64_t now_ms)
{
    struct link *l = link_find(r, link);
    if (l == NULL) {
        return;
    }
    struct repl_frame f;
    enum err e = repl_frame_decode(&r->scratch, frame, &f);
    if (e != OK) {
        refuse(r, l, err_text(e), now_ms);
    } else if (!l->ready) {
        take_handshake(r, l, &f, now_ms);
    } else {
        l->deadline_ms = now_ms + r->config.knobs.dead_ms;
        l->peer->received_bytes += frame.len;
        take_frame(r, l, &f, now_ms);
    }
    settle(r, now_ms);
}
