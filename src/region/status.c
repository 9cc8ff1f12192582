/* What a region knows of its peers, for the operator. */
#include "region/inside.h"

static uint64_t pending_of(const struct region *r, const struct link *l, uint64_t acked)
{
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    uint64_t tail = own == NULL ? 0 : own->pos.v;
    for (size_t i = 0; l != NULL && i < l->n_senders; i++) {
        const struct repl_sender *s = l->senders[i];
        if (s->origin.v == r->config.id.v && s->active) {
            return s->flight_txns + (tail > s->read.v ? tail - s->read.v : 0);
        }
    }
    return tail > acked ? tail - acked : 0;
}

static void fill_peer(
    const struct region *r, const struct peer *p, struct region_peer_status *st, uint64_t now_ms)
{
    const struct repl_mark *acked = repl_vector_find(&p->marks, r->config.id);
    const struct repl_mark *applied = repl_vector_find(&r->marks, p->id);
    bool up = p->link != NULL && p->link->ready;
    *st = (struct region_peer_status){
        .name = p->name,
        .id = p->id,
        .address = p->address,
        .member = p->member && !p->removed,
        .connected = up,
        .fenced = p->fenced,
        .ahead = p->ahead,
        .acked = acked == NULL ? (struct peer_pos){0} : acked->pos,
        .applied = applied == NULL ? (struct peer_pos){0} : applied->pos,
        .behind_ms = up || p->lost_ms == 0 || now_ms < p->lost_ms ? 0 : now_ms - p->lost_ms,
        .sent_bytes = p->sent_bytes,
        .received_bytes = p->received_bytes,
    };
    st->pending = pending_of(r, up ? p->link : NULL, st->acked.v);
    for (size_t i = 0; i < r->n_intakes; i++) {
        const struct intake *in = &r->intakes[i];
        if (in->origin.v != p->id.v || p->id.v == 0) {
            continue;
        }
        st->subscribed = in->link != 0;
        st->relayed = in->link != 0 && in->relayed;
        st->drifting = in->drifting;
        st->applied_txns = in->applied_txns;
        st->apply_failures = in->failures;
        st->conflicts = in->conflicts;
        st->latency = in->latency;
    }
}

size_t region_peers(
    const struct region *r, struct region_peer_status *ret, size_t max, uint64_t now_ms)
{
    size_t n = 0;
    for (const struct peer *p = r->peers; p != NULL && n < max; p = p->next) {
        if (!p->removed) {
            fill_peer(r, p, &ret[n++], now_ms);
        }
    }
    return n;
}

struct region_status region_status(const struct region *r)
{
    struct region_status st = r->status;
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    st.tail.v = own == NULL ? 0 : own->pos.v;
    return st;
}

const struct catalog *region_catalog(const struct region *r)
{
    return r->catalog;
}

const struct repl_vector *region_marks(const struct region *r)
{
    return &r->marks;
}
