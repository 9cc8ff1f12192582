/* The links thread: the region object, its connections to other regions, and development-mode
 * faults on them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/inside.h"

/* The region's deadline in the loop's timer. Called after everything that may have moved it. */
static void rearm(struct links *l)
{
    uint64_t at_ms = region_deadline(l->region);
    if (at_ms == UINT64_MAX) {
        io_timer_disarm(&l->timer);
        io_timer_disarm(&l->sample_timer);
    } else {
        io_timer_arm_at(&l->timer, at_ms * 1000000);
    }
}

static void timer_fired(struct io_timer *t)
{
    struct links *l = (struct links *)((char *)t - offsetof(struct links, timer));
    region_timeout(l->region, mono_ms());
    rearm(l);
}

/* ---- connections ---- */

static struct link_slot *slot_by_id(struct links *l, uint64_t id)
{
    struct link_slot *s = l->slots;
    while (s != NULL && s->id != id) {
        s = s->next;
    }
    return s;
}

static struct link_slot *slot_by_link(struct links *l, const struct io_link *link)
{
    struct link_slot *s = l->slots;
    while (s != NULL && s->link != link) {
        s = s->next;
    }
    return s;
}

/* What the wire carried to and from a region that has told its name: links of today, and gone ones.
 */
struct io_link_bytes links_wire(const struct links *l, size_t fault_index)
{
    struct io_link_bytes sum = l->wire[fault_index];
    for (const struct link_slot *s = l->slots; s != NULL; s = s->next) {
        if (strcmp(s->region, l->fault_names[fault_index]) == 0) {
            struct io_link_bytes n = io_link_bytes(s->link);
            sum.sent += n.sent;
            sum.received += n.received;
        }
    }
    return sum;
}

static void slot_drop(struct links *l, struct link_slot *slot)
{
    for (size_t i = 0; i < l->n_faults; i++) {
        if (strcmp(slot->region, l->fault_names[i]) == 0) {
            struct io_link_bytes n = io_link_bytes(slot->link);
            l->wire[i].sent += n.sent;
            l->wire[i].received += n.received;
        }
    }
    for (struct link_slot **at = &l->slots; *at != NULL; at = &(*at)->next) {
        if (*at == slot) {
            *at = slot->next;
            break;
        }
    }
    io_link_free(slot->link);
    free(slot);
}

static void on_connect(void *arg, struct io_link *link, enum err e)
{
    struct links *l = arg;
    struct link_slot *s = slot_by_link(l, link);
    ASSERT(s != NULL);
    uint64_t id = s->id;
    if (e == OK) {
        region_link_opened(l->region, id, mono_ms());
    } else {
        slot_drop(l, s);
        region_link_closed(l->region, id, mono_ms());
    }
    rearm(l);
}

static void on_frame(void *arg, struct io_link *link, struct bytes frame)
{
    struct links *l = arg;
    const struct link_slot *s = slot_by_link(l, link);
    ASSERT(s != NULL);
    region_link_frame(l->region, s->id, frame, mono_ms());
    rearm(l);
}

static void on_close(void *arg, struct io_link *link, enum err e)
{
    (void)e; /* whatever ended it, the region dials again */
    struct links *l = arg;
    struct link_slot *s = slot_by_link(l, link);
    ASSERT(s != NULL);
    uint64_t id = s->id;
    slot_drop(l, s);
    region_link_closed(l->region, id, mono_ms());
    rearm(l);
}

static const struct io_link_events link_events = {
    .on_connect = on_connect,
    .on_frame = on_frame,
    .on_close = on_close,
};

/* ---- faults ---- */

static struct io_fault *fault_of(struct links *l, struct bytes region)
{
    for (size_t i = 0; i < l->n_faults; i++) {
        if (bytes_eq_str(region, l->fault_names[i])) {
            return &l->faults[i];
        }
    }
    if (l->n_faults == CORE_REGIONS_MAX || region.len > REPL_REGION_NAME_MAX) {
        return NULL;
    }
    struct io_fault *f = &l->faults[l->n_faults];
    *f = (struct io_fault){0};
    (void)snprintf(
        l->fault_names[l->n_faults], REPL_REGION_NAME_MAX + 1, "%.*s", BYTES_FMT(region));
    l->n_faults++;
    return f;
}

/* The delay every link to that region has by configuration. */
static double base_delay(const struct links *l, const char *region)
{
    const struct server_config *c = l->server->config;
    for (size_t i = 0; i < c->n_peers; i++) {
        if (bytes_eq_str(c->peers[i].name, region)) {
            return c->peers[i].delay_ms;
        }
    }
    return 0;
}

static void fault_change(struct links *l, const struct fault *change, size_t i)
{
    struct io_fault *f = &l->faults[i];
    if (change->heal) {
        *f = (struct io_fault){.delay_ms = base_delay(l, l->fault_names[i])};
    }
    f->delay_ms = change->has_delay ? change->delay_ms : f->delay_ms;
    f->jitter_ms = change->has_jitter ? change->jitter_ms : f->jitter_ms;
    f->loss_per_mille = change->has_loss ? change->loss_per_mille : f->loss_per_mille;
    f->bytes_per_s = change->has_bandwidth ? change->bytes_per_s : f->bytes_per_s;
    f->blackhole = change->has_cut ? change->cut : f->blackhole;
    for (struct link_slot *s = l->slots; s != NULL; s = s->next) {
        if (strcmp(s->region, l->fault_names[i]) == 0) {
            io_link_set_fault(s->link, f);
        }
    }
}

static void fault_apply(struct links *l, const struct fault *change)
{
    if (change->peer.len > 0) {
        (void)fault_of(l, change->peer);
    }
    for (size_t i = 0; i < l->n_faults; i++) {
        if (change->peer.len == 0 || bytes_eq_str(change->peer, l->fault_names[i])) {
            fault_change(l, change, i);
        }
    }
    if (change->has_skew) {
        l->clock.skew_ms = change->skew_ms;
    }
}

/* ---- what the region asks for ---- */

static void slot_add(struct links *l, uint64_t id, struct io_link *link, struct bytes region)
{
    struct link_slot *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->id = id;
    s->link = link;
    (void)snprintf(s->region, sizeof s->region, "%.*s", BYTES_FMT(region));
    s->next = l->slots;
    l->slots = s;
}

/* The end of a link that we notice inside a call of the region's is reported from the loop: events
 * never nest. */
struct ending {
    struct io_timer timer;
    struct links *links;
    uint64_t id;
};

static void ending_fire(struct io_timer *t)
{
    struct ending *end = (struct ending *)((char *)t - offsetof(struct ending, timer));
    struct links *l = end->links;
    uint64_t id = end->id;
    free(end);
    region_link_closed(l->region, id, mono_ms());
    rearm(l);
}

static void report_end(struct links *l, uint64_t id)
{
    struct ending *end = calloc(1, sizeof *end);
    ASSERT(end != NULL);
    end->links = l;
    end->id = id;
    io_timer_init(&end->timer, l->loop, ending_fire);
    io_timer_arm_ms(&end->timer, 0);
}

static void op_dial(void *ctx, uint64_t id, struct bytes region, struct bytes address)
{
    struct links *l = ctx;
    char host[256];
    uint16_t port;
    struct io_link *link = NULL;
    struct io_fault *fault = fault_of(l, region);
    struct io_link_config config = {
        .events = &link_events,
        .arg = l,
        .seed = id,
    };
    if (fault != NULL) {
        config.fault = *fault;
    }
    enum err e = ERR_INVALID;
    if (address_split(address, host, sizeof host, &port)) {
        e = io_link_connect(l->loop, host, port, &config, &link);
    }
    if (e == OK) {
        slot_add(l, id, link, region);
        return;
    }
    report_end(l, id);
}

static void op_send(void *ctx, uint64_t id, struct bytes frame)
{
    struct links *l = ctx;
    struct link_slot *s = slot_by_id(l, id);
    if (s != NULL && io_link_send(s->link, frame) != OK) {
        /* A frame may be lost only together with its link. */
        slot_drop(l, s);
        report_end(l, id);
    }
}

static void op_hang_up(void *ctx, uint64_t id)
{
    struct link_slot *s = slot_by_id(ctx, id);
    if (s != NULL) {
        slot_drop(ctx, s);
    }
}

static void op_named(void *ctx, uint64_t id, struct bytes region)
{
    struct links *l = ctx;
    struct link_slot *s = slot_by_id(l, id);
    const struct io_fault *f = fault_of(l, region);
    if (s == NULL) {
        return;
    }
    io_link_trust(s->link);
    if (f != NULL) {
        (void)snprintf(s->region, sizeof s->region, "%.*s", BYTES_FMT(region));
        io_link_set_fault(s->link, f);
    }
}

static bool op_submit(void *ctx, struct part_cmd *cmd)
{
    struct links *l = ctx;
    struct msg *m = msg_new(MSG_JOB);
    m->cmd = cmd;
    m->home = l->inbox;
    if (mailbox_post(l->server->writer.inbox, &m->mail) != OK) {
        msg_free(m);
        return false;
    }
    return true;
}

static void op_synced(void *ctx, void *token, enum err err)
{
    (void)ctx;
    struct msg *m = token;
    m->err = err;
    msg_post(m->home, m);
}

static void op_reclaim(void *ctx)
{
    struct links *l = ctx;
    msg_post(l->server->jobs.inbox, msg_new(MSG_RECLAIM));
}

/* ---- meters ---- */

static void op_arrived(
    void *ctx, struct bytes table, struct bytes peer, const struct region_arrival *a)
{
    struct links *l = ctx;
    uint64_t now = io_loop_now_ms(l->loop);
    const struct cw_stat stat = {(double)a->n, a->sum_ms, a->min_ms, a->max_ms};
    cw_add(cw_meter_table(l->meter, table, now), CW_REPLICATION_LATENCY, peer, now, &stat);
}

static void take_pending(void *ctx, struct bytes table, struct bytes peer, uint64_t n)
{
    struct links *l = ctx;
    uint64_t now = io_loop_now_ms(l->loop);
    const struct cw_stat stat = cw_one((double)n);
    cw_add(cw_meter_table(l->meter, table, now), CW_PENDING_REPLICATION, peer, now, &stat);
}

static void take_expired(struct links *l, const struct msg *m)
{
    uint64_t now = io_loop_now_ms(l->loop);
    struct bytes table = bytes_of(m->row, m->row_len);
    double n = (double)m->number;
    const struct cw_stat stat = {n, n, 1, 1};
    cw_add(cw_meter_table(l->meter, table, now), CW_TTL_DELETES, BYTES_NONE, now, &stat);
    l->n_expired += m->number;
}

static void take_arrived(struct links *l, const struct msg *m)
{
    uint64_t now = io_loop_now_ms(l->loop);
    struct bytes table = bytes_of(m->row, m->key_len);
    struct bytes index = bytes_of(m->row + m->key_len, m->row_len - m->key_len);
    const struct part_arrived *a = &m->arrived;
    const struct cw_stat stat = {
        (double)a->writes, (double)a->units, (double)a->units_min, (double)a->units_max};
    cw_add(cw_meter_table(l->meter, table, now), CW_CONSUMED_WRITE, index, now, &stat);
}

void links_sample(struct links *l)
{
    region_pending(l->region, take_pending, l);
}

static void sample_fired(struct io_timer *t)
{
    struct links *l = (struct links *)((char *)t - offsetof(struct links, sample_timer));
    links_sample(l);
    io_timer_arm_ms(&l->sample_timer, SAMPLE_MS);
}

static void on_accepted(void *arg, struct io_link *link)
{
    struct links *l = arg;
    if (l->stopping) {
        io_link_free(link);
        return;
    }
    /* Our first frame goes out before the peer has a name, so before its delay is known. */
    const struct io_link_config config = {.events = &link_events, .arg = l, .seed = io_now_ns()};
    io_link_accept(link, &config);
    /* The region sends from inside the call that makes the id, so the slot must be found by what
     * comes next. */
    uint64_t id = region_next_link(l->region);
    slot_add(l, id, link, BYTES_NONE);
    uint64_t made = region_link_accepted(l->region, mono_ms());
    if (made != id) {
        slot_drop(l, slot_by_link(l, link));
    }
    rearm(l);
}

/* ---- messages ---- */

static void take_row(void *ctx, const struct value *key, const struct value *item)
{
    struct links *l = ctx;
    region_catalog_row(l->region, key, item, mono_ms());
}

static void take_message(struct links *l, struct msg *m)
{
    switch (m->kind) {
    case MSG_JOB: {
        struct part_cmd *cmd = m->cmd;
        msg_free(m);
        region_done(l->region, cmd, mono_ms(), io_clock_now_ms(&l->clock));
        return;
    }
    case MSG_ROW:
        msg_row_take(m, take_row, l);
        break;
    case MSG_COMMITTED:
        region_committed(l->region, (struct local_pos){m->number}, mono_ms());
        break;
    case MSG_EXPIRED:
        take_expired(l, m);
        break;
    case MSG_ARRIVED:
        take_arrived(l, m);
        break;
    case MSG_LOOKED:
        region_needs_changed(l->region, mono_ms());
        break;
    case MSG_SYNC:
        region_sync(l->region, m->regions, m->n_regions, m, mono_ms() + SYNC_MS_MAX, mono_ms());
        return;
    case MSG_ASK:
        if (m->ask->kind == ASK_FAULT) {
            fault_apply(l, &m->ask->fault);
        }
        admin_on_links(l, m->ask);
        admin_forward(l->server, m->ask);
        return;
    case MSG_SCALING:
        scaling_on_links(l, m);
        return;
    case MSG_FAULT:
    case MSG_WAKE:
    case MSG_RECLAIM:
    case MSG_FAILED:
    case MSG_REVIVED:
        break;
    case MSG_STOP:
        l->stopping = true;
        break;
    }
    msg_free(m);
}

static void receive(void *arg, struct mail *batch)
{
    struct links *l = arg;
    for (struct mail *next; batch != NULL; batch = next) {
        next = batch->next;
        take_message(l, msg_of(batch));
    }
    if (l->stopping && region_outstanding(l->region) == 0) {
        io_loop_stop(l->loop);
    }
    rearm(l);
}

/* ---- life ---- */

enum err links_open(struct server *s)
{
    struct links *l = &s->links;
    const struct server_config *c = s->config;
    l->server = s;
    l->meter = cw_meter_new();
    enum err e = io_loop_new(&l->loop);
    if (e != OK) {
        return e;
    }
    struct region_seed_peer peers[CORE_REGIONS_MAX];
    for (size_t i = 0; i < c->n_peers; i++) {
        peers[i] = (struct region_seed_peer){
            .name = c->peers[i].name, .id = c->peers[i].id, .address = c->peers[i].link_address};
        struct io_fault *f = fault_of(l, c->peers[i].name);
        ASSERT(f != NULL);
        f->delay_ms = c->peers[i].delay_ms;
    }
    const struct region_config config = {
        .name = c->name,
        .id = c->id,
        .secret = c->secret,
        .engine = s->engine,
        .peers = peers,
        .n_peers = c->n_peers,
        .knobs = c->knobs,
        .seed = io_random_seed(),
        .tracer = &s->logger.tracer,
        .ops =
            {
                .dial = op_dial,
                .send = op_send,
                .hang_up = op_hang_up,
                .named = op_named,
                .submit = op_submit,
                .synced = op_synced,
                .arrived = op_arrived,
                .reclaim = op_reclaim,
            },
        .ctx = l,
    };
    io_timer_init(&l->timer, l->loop, timer_fired);
    io_timer_init(&l->sample_timer, l->loop, sample_fired);
    e = region_new(&config, mono_ms(), &l->region);
    if (e != OK) {
        return e;
    }
    char host[256];
    uint16_t port;
    if (!address_split(c->link_address, host, sizeof host, &port)) {
        return ERR_INVALID;
    }
    e = io_link_listen(l->loop, host, port, on_accepted, l, &l->listener);
    if (e == OK) {
        s->link_port = io_link_listener_port(l->listener);
    }
    return e;
}

static void links_run(void *arg)
{
    struct links *l = arg;
    enum err e = mailbox_attach(l->inbox, l->loop, receive, l);
    ASSERT(e == OK);
    /* Existing rows come from the store; those that change meanwhile are in the inbox behind them.
     */
    e = catalog_load(l->server->engine, take_row, l);
    if (e != OK) {
        TRACE(
            &l->server->logger.tracer,
            TRACE_ERROR,
            "server",
            "catalog does not read",
            TRACE_TEXT("err", bytes_str(err_name(e))));
    }
    region_timeout(l->region, mono_ms());
    rearm(l);
    io_timer_arm_ms(&l->sample_timer, SAMPLE_MS);
    io_loop_run(l->loop);
    /* Here, on the thread of the loop: H2O keeps buffers of its own for each thread, and a socket's
     * go back to where they came from. */
    io_link_listener_free(l->listener);
    while (l->slots != NULL) {
        slot_drop(l, l->slots);
    }
    io_timer_disarm(&l->timer);
    io_timer_disarm(&l->sample_timer);
}

enum err links_start(struct server *s)
{
    return io_thread_spawn("links", links_run, &s->links, &s->links.thread);
}

void links_stop(struct server *s)
{
    struct links *l = &s->links;
    if (l->thread != NULL) {
        msg_post(l->inbox, msg_new(MSG_STOP));
        io_thread_join(l->thread);
        l->thread = NULL;
    }
    region_free(l->region);
    l->region = NULL;
    cw_meter_free(l->meter);
    l->meter = NULL;
}
