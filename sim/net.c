/* The network: connections that deliver whole frames in order or not at all. A frame is late by the
 * way's delay, jitter and whatever clogs the way; while the way is cut it waits, as bytes that are
 * sent again and again do; it is lost only together with its connection. A connection whose ends
 * cannot reach each other stays half open until somebody gives up. */
#include <stdlib.h>

#include "sim/sim.h"

static uint64_t way_us(struct sim *s, unsigned from, unsigned to)
{
    uint64_t jitter = s->jitter_us == 0 ? 0 : sim_rand(s, 0, s->jitter_us);
    return s->delay_us[from][to] + jitter + s->clog_us[from][to];
}

static struct conn *conn_by_id(struct sim *s, uint64_t id)
{
    struct conn *c = s->conns;
    while (c != NULL && c->id != id) {
        c = c->next;
    }
    return c;
}

static struct conn *conn_by_link(struct node *n, uint64_t link, unsigned *ret_side)
{
    for (struct conn *c = n->sim->conns; c != NULL; c = c->next) {
        for (unsigned side = 0; side < 2; side++) {
            bool mine = c->node[side] == n->index && c->life[side] == n->life && c->open[side] &&
                        c->link[side] == link;
            if (mine) {
                *ret_side = side;
                return c;
            }
        }
    }
    return NULL;
}

static void queue_clear(struct conn *c, unsigned side)
{
    for (struct packet *p = c->head[side]; p != NULL;) {
        struct packet *next = p->next;
        free(p);
        p = next;
    }
    c->head[side] = NULL;
    c->tail[side] = &c->head[side];
    c->stalled[side] = 0;
}

static void conn_free(struct sim *s, struct conn *c)
{
    for (struct conn **at = &s->conns; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    queue_clear(c, 0);
    queue_clear(c, 1);
    free(c);
}

static void conn_maybe_free(struct sim *s, struct conn *c)
{
    if (!c->open[0] && !c->open[1]) {
        conn_free(s, c);
    }
}

static void put_packet(
    struct sim *s, struct conn *c, unsigned side, enum packet_kind kind, struct bytes data)
{
    struct packet *p = malloc(sizeof *p + data.len);
    ASSERT(p != NULL);
    *p = (struct packet){.kind = kind, .len = data.len};
    if (data.len > 0) {
        memcpy(p->data, data.base, data.len);
    }
    *c->tail[side] = p;
    c->tail[side] = &p->next;
    uint64_t at = s->now_us + way_us(s, c->node[side], c->node[1 - side]);
    at = at > c->last_us[side] ? at : c->last_us[side];
    c->last_us[side] = at;
    sim_push(s, at, EV_FRAME, c->node[1 - side], c->id << 1 | side, NULL);
}

static unsigned address_node(const struct sim *s, struct bytes address)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (bytes_eq_str(address, s->nodes[i].address)) {
            return i;
        }
    }
    return s->n_nodes;
}

void net_dial(struct node *n, uint64_t link, struct bytes address)
{
    struct sim *s = n->sim;
    unsigned to = address_node(s, address);
    if (to == s->n_nodes) {
        sim_push(s, s->now_us, EV_REFUSED, n->index, link, NULL);
        return;
    }
    struct conn *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->id = s->next_conn++;
    c->node[0] = n->index;
    c->node[1] = to;
    c->life[0] = n->life;
    c->link[0] = link;
    c->open[0] = true;
    c->tail[0] = &c->head[0];
    c->tail[1] = &c->head[1];
    c->next = s->conns;
    s->conns = c;
    sim_push(s, s->now_us + way_us(s, n->index, to), EV_DIAL, to, c->id, NULL);
}

void net_dial_arrives(struct sim *s, const struct sim_event *ev)
{
    struct conn *c = conn_by_id(s, ev->number);
    if (c == NULL || s->cut[c->node[0]][c->node[1]]) {
        return; /* nobody hears it; the dialer gives up by itself */
    }
    struct node *n = &s->nodes[c->node[1]];
    if (!n->up) {
        put_packet(s, c, 1, PACKET_FIN, BYTES_NONE);
        return;
    }
    c->life[1] = n->life;
    c->open[1] = true;
    put_packet(s, c, 1, PACKET_OPENED, BYTES_NONE);
    n->accepting = c;
    uint64_t link = region_link_accepted(n->region, node_mono_ms(n));
    if (n->accepting == c) {
        c->link[1] = link; /* it has not said anything yet */
    }
    n->accepting = NULL;
    node_rearm(n);
}

void net_dial_refused(struct sim *s, const struct sim_event *ev)
{
    struct node *n = &s->nodes[ev->node];
    region_link_closed(n->region, ev->number, node_mono_ms(n));
    node_rearm(n);
}

void net_send(struct node *n, uint64_t link, struct bytes frame)
{
    struct sim *s = n->sim;
    unsigned side = 1;
    struct conn *c = conn_by_link(n, link, &side);
    if (c == NULL && n->accepting != NULL) {
        c = n->accepting;
        c->link[1] = link;
        n->accepting = NULL;
    }
    if (c == NULL || n->dying) {
        return;
    }
    sim_hash(s, frame.base, frame.len);
    put_packet(s, c, side, PACKET_DATA, frame);
}

/* One end goes; what it sent before may still arrive. */
static void end_side(struct sim *s, struct conn *c, unsigned side, bool drop_frames)
{
    c->open[side] = false;
    if (drop_frames) {
        queue_clear(c, side);
    }
    queue_clear(c, 1 - side);
    if (c->open[1 - side]) {
        put_packet(s, c, side, PACKET_FIN, BYTES_NONE);
    } else {
        conn_free(s, c);
    }
}

void net_hang_up(struct node *n, uint64_t link)
{
    unsigned side;
    struct conn *c = conn_by_link(n, link, &side);
    if (c != NULL) {
        end_side(n->sim, c, side, /* drop_frames= */ false);
    }
}

void net_drop_node(struct node *n, bool drop_frames)
{
    struct sim *s = n->sim;
    for (struct conn *c = s->conns, *next; c != NULL; c = next) {
        next = c->next;
        for (unsigned side = 0; side < 2; side++) {
            if (c->node[side] == n->index && c->life[side] == n->life && c->open[side]) {
                end_side(s, c, side, drop_frames);
                break;
            }
        }
    }
}

static void side_closed(struct sim *s, struct conn *c, unsigned side)
{
    struct node *n = &s->nodes[c->node[side]];
    uint64_t link = c->link[side];
    c->open[side] = false;
    conn_maybe_free(s, c);
    region_link_closed(n->region, link, node_mono_ms(n));
    node_rearm(n);
}

/* In a trace, what goes over the links that moves positions. */
static void tell_frame(
    struct sim *s, const struct node *from, const struct node *to, struct bytes frame)
{
    struct arena a;
    struct repl_frame f;
    arena_init(&a, SIZE_MAX / 2);
    if (repl_frame_decode(&a, frame, &f) != OK) {
        sim_tell(s, "%s>%s: not a frame", from->name, to->name);
    } else if (f.type == REPL_TXNS) {
        const struct node *origin = node_named(s, f.txns.origin);
        sim_tell(
            s,
            "%s>%s: log of %s %llu..%llu, %zu bytes%s",
            from->name,
            to->name,
            origin->name,
            (unsigned long long)f.txns.from.v,
            (unsigned long long)f.txns.to.v,
            f.txns.txns.len,
            f.txns.partial ? ", partial" : "");
    } else if (f.type == REPL_SUBSCRIBE || f.type == REPL_UNSUBSCRIBE || f.type == REPL_START) {
        const struct node *origin = node_named(s, f.subscribe.origin);
        uint64_t at = f.type == REPL_START ? f.start.pos.v : f.subscribe.from.v;
        sim_tell(
            s,
            "%s>%s: %s of %s at %llu",
            from->name,
            to->name,
            f.type == REPL_SUBSCRIBE ? "subscribe"
            : f.type == REPL_START   ? "start"
                                     : "unsubscribe",
            origin->name,
            (unsigned long long)at);
    } else if (f.type == REPL_SEED_WANT) {
        sim_tell(
            s,
            "%s>%s: want %04llx purpose %d mode %d from %zu",
            from->name,
            to->name,
            (unsigned long long)f.seed_want.table & 0xffff,
            (int)f.seed_want.purpose,
            (int)f.seed_want.mode,
            f.seed_want.from.len);
    } else if (f.type == REPL_SEED_CHUNK) {
        sim_tell(
            s,
            "%s>%s: chunk of %04llx, %zu records, purpose %d mode %d%s%s",
            from->name,
            to->name,
            (unsigned long long)f.seed_chunk.table & 0xffff,
            f.seed_chunk.n,
            (int)f.seed_chunk.purpose,
            (int)f.seed_chunk.mode,
            f.seed_chunk.from.len == 0 ? ", first" : "",
            f.seed_chunk.last ? ", last" : "");
    } else if (f.type == REPL_SEED_REFUSE) {
        sim_tell(
            s,
            "%s>%s: refuses %04llx: %.*s",
            from->name,
            to->name,
            (unsigned long long)f.seed_refuse.table & 0xffff,
            BYTES_FMT(f.seed_refuse.reason));
    }
    arena_done(&a);
}

static void take_packet(struct sim *s, struct conn *c, unsigned side, struct packet *p)
{
    struct node *n = &s->nodes[c->node[side]];
    switch (p->kind) {
    case PACKET_OPENED:
        region_link_opened(n->region, c->link[side], node_mono_ms(n));
        node_rearm(n);
        return;
    case PACKET_DATA: {
        struct buf b;
        buf_init(&b, SIZE_MAX / 2);
        struct node *from = &s->nodes[c->node[1 - side]];
        struct bytes frame = plant_frame(s, from, n, bytes_of(p->data, p->len), &b);
        if (s->config.trace) {
            tell_frame(s, from, n, frame);
        }
        region_link_frame(n->region, c->link[side], frame, node_mono_ms(n));
        buf_done(&b);
        node_rearm(n);
        return;
    }
    case PACKET_FIN:
        side_closed(s, c, side);
        return;
    }
    UNREACHABLE();
}

void net_frame_arrives(struct sim *s, const struct sim_event *ev)
{
    struct conn *c = conn_by_id(s, ev->number >> 1);
    unsigned from = ev->number & 1;
    if (c == NULL || c->head[from] == NULL) {
        return;
    }
    unsigned to = 1 - from;
    if (s->cut[c->node[from]][c->node[to]]) {
        c->stalled[from]++;
        return;
    }
    struct packet *p = c->head[from];
    c->head[from] = p->next;
    if (p->next == NULL) {
        c->tail[from] = &c->head[from];
    }
    struct node *n = &s->nodes[c->node[to]];
    bool heard = c->open[to] && n->up && c->life[to] == n->life;
    if (heard) {
        take_packet(s, c, to, p);
    } else if (p->kind == PACKET_FIN) {
        c->open[to] = false;
        conn_maybe_free(s, c);
    }
    free(p);
}

void net_heal(struct sim *s, unsigned from, unsigned to)
{
    s->cut[from][to] = false;
    for (struct conn *c = s->conns; c != NULL; c = c->next) {
        for (unsigned side = 0; side < 2; side++) {
            bool this_way = c->node[side] == from && c->node[1 - side] == to;
            while (this_way && c->stalled[side] > 0) {
                c->stalled[side]--;
                uint64_t at = s->now_us + way_us(s, from, to);
                c->last_us[side] = at > c->last_us[side] ? at : c->last_us[side];
                sim_push(s, c->last_us[side], EV_FRAME, to, c->id << 1 | side, NULL);
            }
        }
    }
}

/* A connection breaks under both ends, and what was on it is lost. */
void net_reset_some(struct sim *s)
{
    size_t n = 0;
    for (struct conn *c = s->conns; c != NULL; c = c->next) {
        n += c->open[0] && c->open[1] ? 1 : 0;
    }
    if (n == 0) {
        return;
    }
    size_t which = sim_rand(s, 0, n - 1);
    struct conn *c = s->conns;
    while (!(c->open[0] && c->open[1]) || which-- > 0) {
        c = c->next;
    }
    sim_tell(s, "reset %s-%s", s->nodes[c->node[0]].name, s->nodes[c->node[1]].name);
    for (unsigned side = 0; side < 2; side++) {
        queue_clear(c, side);
        put_packet(s, c, side, PACKET_FIN, BYTES_NONE);
    }
}

void net_done(struct sim *s)
{
    while (s->conns != NULL) {
        conn_free(s, s->conns);
    }
}
