/* A region and the shell around it, joined as the server joins them, with events in place of
 * threads: commands take a while to the writer, its rows, tails and answers come back in order and
 * take a while too, and a crash may fall anywhere between. */
#include <stdlib.h>

#include "sim/sim.h"

enum {
    INBOX_MAX = 64,
    WRITER_POLL_MS = 500, /* the wall clock may jump over a deadline unseen */
    MONO_APART_MS = 1000000,
};

uint64_t node_mono_ms(const struct node *n)
{
    return n->sim->now_us / 1000 + (n->index + 1) * (uint64_t)MONO_APART_MS;
}

uint64_t node_wall_ms(struct node *n)
{
    struct sim *s = n->sim;
    int64_t ms = (int64_t)(s->now_us / 1000);
    int64_t wall = (int64_t)s->wall_base_ms + ms + ms * n->ppm / 1000000 + n->skew_ms;
    uint64_t now = n->frozen_ms != 0 ? n->frozen_ms : (uint64_t)wall;
    s->wall_max_ms = now > s->wall_max_ms ? now : s->wall_max_ms;
    return now;
}

struct node *node_named(struct sim *s, struct region_id id)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        if (s->nodes[i].id.v == id.v) {
            return &s->nodes[i];
        }
    }
    return NULL;
}

static void emit(struct tracer *t, const struct trace_event *ev)
{
    struct node *n = (struct node *)((char *)t - offsetof(struct node, tracer));
    char line[SIM_STORY_BYTES];
    int at = snprintf(line, sizeof line, "%s %s: %s", n->name, ev->room, ev->event);
    for (size_t i = 0; i < ev->n_fields && at > 0 && (size_t)at < sizeof line; i++) {
        const struct trace_field *f = &ev->fields[i];
        size_t left = sizeof line - (size_t)at;
        at += f->text.base != NULL
                  ? snprintf(line + at, left, " %s=%.*s", f->name, BYTES_FMT(f->text))
                  : snprintf(line + at, left, " %s=%lld", f->name, (long long)f->number);
    }
    sim_tell(n->sim, "%s", line);
    if (strcmp(ev->event, "seeding a table") == 0) {
        n->seeding = true;
    } else if (strcmp(ev->event, "fell behind a peer's log, seeding anew") == 0) {
        n->sim->result.fenced++;
    } else if (strcmp(ev->event, "found divergent records, repairing") == 0) {
        n->sim->repairs++;
    }
}

void node_init(struct sim *s, unsigned index)
{
    struct node *n = &s->nodes[index];
    n->sim = s;
    n->index = index;
    n->life = 1;
    n->id.v = sim_rand(s, 1, UINT64_MAX);
    n->engine = engine_mem_new();
    n->tracer.emit = emit;
    n->timer_us = UINT64_MAX;
    n->writer_us = UINT64_MAX;
    n->inbox_tail = &n->inbox;
    n->news_tail = &n->news;
    n->n_clients = (size_t)sim_rand(s, 1, 3);
    map_init(&n->fold);
    for (unsigned i = 0; i < SIM_TABLES_MAX; i++) {
        map_init(&n->followers[i].copy);
    }
    map_init(&n->peer_pos);
    map_init(&n->ended);
    (void)snprintf(n->name, sizeof n->name, "r%u", index);
    (void)snprintf(n->address, sizeof n->address, "sim:%u", index);
}

/* ---- what the region asks for ---- */

static void op_dial(void *ctx, uint64_t link, struct bytes region, struct bytes address)
{
    (void)region;
    struct node *n = ctx;
    if (!n->dying) {
        net_dial(n, link, address);
    }
}

static void op_send(void *ctx, uint64_t link, struct bytes frame)
{
    net_send(ctx, link, frame);
}

static void op_hang_up(void *ctx, uint64_t link)
{
    struct node *n = ctx;
    if (!n->dying) {
        net_hang_up(n, link);
    }
}

static void op_named(void *ctx, uint64_t link, struct bytes region)
{
    (void)ctx;
    (void)link;
    (void)region;
}

static void kick_writer(struct node *n, uint64_t at_us)
{
    if (at_us < n->writer_us) {
        n->writer_us = at_us;
        sim_push(n->sim, at_us, EV_WRITER, n->index, 0, NULL);
    }
}

void node_submit(struct node *n, struct part_cmd *cmd)
{
    if (cmd->kind == PART_CMD_APPLY && cmd->apply.partial) {
        reads_partial(n, cmd->apply.origin, cmd->apply.to.v);
    }
    cmd->next = NULL;
    *n->inbox_tail = cmd;
    n->inbox_tail = &cmd->next;
    n->n_inbox++;
    kick_writer(n, n->sim->now_us + sim_rand(n->sim, 5, 500));
}

static bool op_submit(void *ctx, struct part_cmd *cmd)
{
    struct node *n = ctx;
    bool full = n->n_inbox >= INBOX_MAX || (!n->sim->healed && sim_chance(n->sim, 5));
    if (n->dying || full) {
        return false;
    }
    node_submit(n, cmd);
    return true;
}

static void op_synced(void *ctx, void *token, enum err err)
{
    (void)ctx;
    (void)token;
    (void)err;
}

void node_rearm(struct node *n)
{
    if (!n->up) {
        return;
    }
    uint64_t deadline = region_deadline(n->region);
    uint64_t base = (n->index + 1) * (uint64_t)MONO_APART_MS;
    uint64_t at = UINT64_MAX;
    if (deadline != UINT64_MAX) {
        uint64_t soon = n->sim->now_us + 20; /* nothing takes no time at all */
        at = deadline <= base ? 0 : (deadline - base) * 1000;
        at = at < soon ? soon : at;
    }
    if (at != n->timer_us) {
        n->timer_us = at;
        if (at != UINT64_MAX) {
            sim_push(n->sim, at, EV_TIMER, n->index, 0, NULL);
        }
    }
}

/* ---- news: from the writer to the region, in order ---- */

static struct news *news_new(struct node *n, enum news_kind kind)
{
    struct news *m = calloc(1, sizeof *m);
    ASSERT(m != NULL);
    m->kind = kind;
    *n->news_tail = m;
    n->news_tail = &m->next;
    uint64_t at = n->sim->now_us + sim_rand(n->sim, 1, 300);
    n->news_us = at > n->news_us ? at : n->news_us;
    sim_push(n->sim, n->news_us, EV_NEWS, n->index, 0, NULL);
    return m;
}

static void tell_row(void *ctx, const struct value *key, const struct value *item)
{
    struct node *n = ctx;
    struct news *m = news_new(n, NEWS_ROW);
    buf_init(&m->row, SIZE_MAX / 2);
    value_encode(&m->row, key);
    m->key_len = m->row.len;
    if (item != NULL) {
        value_encode(&m->row, item);
    }
}

static void take_row(struct node *n, const struct news *m)
{
    struct arena a;
    struct value key;
    struct value item;
    arena_init(&a, SIZE_MAX / 2);
    struct bytes row = buf_bytes(&m->row);
    enum err e = value_decode(&a, bytes_of(row.base, m->key_len), &key);
    ASSERT(e == OK);
    bool gone = row.len == m->key_len;
    if (!gone) {
        e = value_decode(&a, bytes_from(row, m->key_len), &item);
        ASSERT(e == OK);
    }
    region_catalog_row(n->region, &key, gone ? NULL : &item, node_mono_ms(n));
    arena_done(&a);
}

static void take_news(struct node *n)
{
    struct news *m = n->news;
    n->news = m->next;
    if (m->next == NULL) {
        n->news_tail = &n->news;
    }
    switch (m->kind) {
    case NEWS_ROW:
        take_row(n, m);
        buf_done(&m->row);
        break;
    case NEWS_COMMITTED:
        region_committed(n->region, (struct local_pos){m->tail}, node_mono_ms(n));
        break;
    case NEWS_DONE:
        region_done(n->region, m->cmd, node_mono_ms(n), node_wall_ms(n));
        break;
    }
    free(m);
}

void node_news(struct node *n)
{
    if (n->news != NULL) {
        take_news(n);
        node_rearm(n);
    }
}

/* ---- the writer's turn ---- */

static struct call *call_of(struct sim *s, const struct part_cmd *cmd)
{
    struct call *c = s->calls;
    while (c != NULL && &c->cmd != cmd) {
        c = c->next;
    }
    return c;
}

static void give_back(struct node *n)
{
    for (struct part_cmd *cmd; (cmd = core_take_done(n->core)) != NULL;) {
        struct call *c = call_of(n->sim, cmd);
        if (c == NULL) {
            news_new(n, NEWS_DONE)->cmd = cmd;
            continue;
        }
        c->returned = true;
        sim_push(n->sim, n->sim->now_us + sim_rand(n->sim, 1, 2000), EV_ANSWER, n->index, 0, c);
    }
}

static void take_inbox(struct node *n)
{
    while (n->inbox != NULL) {
        struct part_cmd *cmd = n->inbox;
        n->inbox = cmd->next;
        part_submit(core_part(n->core), cmd);
    }
    n->inbox_tail = &n->inbox;
    n->n_inbox = 0;
}

static void plan_next_turn(struct node *n)
{
    struct sim *s = n->sim;
    if (part_waiting(core_part(n->core)) > 0 || n->inbox != NULL) {
        kick_writer(n, s->now_us + sim_rand(s, 1, 200));
        return;
    }
    uint64_t deadline = core_deadline(n->core);
    uint64_t wall = node_wall_ms(n);
    if (deadline == UINT64_MAX) {
        return;
    }
    uint64_t wait = deadline > wall ? deadline - wall : 0;
    wait = wait > WRITER_POLL_MS ? WRITER_POLL_MS : wait;
    kick_writer(n, s->now_us + 20 + wait * 1000);
}

void node_writer_turn(struct node *n)
{
    struct sim *s = n->sim;
    take_inbox(n);
    plant_before_commit(n);
    struct hlc floor = part_gc_floor(core_part(n->core));
    enum err e = core_commit(n->core, node_wall_ms(n));
    sim_hash_u64(s, part_tail(core_part(n->core)).v);
    ledger_ingest(n);
    plant_after_commit(n);
    reads_glance(n);
    if (s->config.trace && part_gc_floor(core_part(n->core)).v != floor.v) {
        sim_tell(
            s,
            "%s forgets tombstones below %llx",
            n->name,
            (unsigned long long)part_gc_floor(core_part(n->core)).v);
    }
    if (n->hit_after_commit && e == OK) {
        n->hit_after_commit = false;
        node_crash(n, sim_chance(s, 500));
        return;
    }
    uint64_t tail = part_tail(core_part(n->core)).v;
    if (e == OK && tail != n->announced) {
        n->announced = tail;
        news_new(n, NEWS_COMMITTED)->tail = tail;
    }
    give_back(n);
    if (part_failed(core_part(n->core))) {
        sim_tell(s, "%s: writer failed", n->name);
        sim_push(s, s->now_us + sim_rand(s, 100, 50000), EV_HEAL, n->index, n->life, NULL);
        return;
    }
    plan_next_turn(n);
}

/* ---- life ---- */

enum err node_rows(
    struct node *n,
    void (*take)(struct node *n, void *ctx, const struct value *key, const struct value *item),
    void *ctx)
{
    const struct part_table table = {
        .id = PART_TABLE_CATALOG,
        .name = BYTES_LIT("catalog"),
        .keys =
            {.hash = {BYTES_LIT("kind"), VALUE_STRING}, .range = {BYTES_LIT("name"), VALUE_STRING}},
    };
    const struct part_reader reader = {.engine = n->engine};
    const struct part_range range = {.hash_hi = UINT32_MAX};
    struct part_cursor *c;
    struct arena a;
    struct buf encoded;
    arena_init(&a, SIZE_MAX / 2);
    buf_init(&encoded, SIZE_MAX / 2);
    enum err e = part_cursor_open(&reader, &table, &range, &c);
    while (e == OK) {
        struct value item;
        struct value key;
        size_t size;
        struct bytes attr;
        e = part_cursor_next(c, &a, &item, &size);
        if (e != OK) {
            break;
        }
        buf_clear(&encoded);
        e = part_key_of(&table.keys, &item, &encoded, &attr);
        if (e == OK) {
            e = part_key_attrs(&a, &table.keys, buf_bytes(&encoded), &key);
        }
        if (e == OK) {
            take(n, ctx, &key, &item);
        }
    }
    part_cursor_close(c);
    arena_done(&a);
    buf_done(&encoded);
    return e == ERR_NOT_FOUND ? OK : e;
}

static void load_row(struct node *n, void *ctx, const struct value *key, const struct value *item)
{
    (void)ctx;
    region_catalog_row(n->region, key, item, node_mono_ms(n));
}

static enum err open_core(struct node *n)
{
    struct sim *s = n->sim;
    const struct core_config config = {
        .part =
            {
                .region = n->id,
                .engine = n->engine,
                .drift_ms_max = s->drift_ms_max,
                .tracer = &n->tracer,
                .batch_bytes_max = s->batch_bytes_max,
                .conflicts_max = 20,
            },
        .region = bytes_str(n->name),
        .seed = s->config.seed,
        .stream_retention_ms = s->stream_retention_ms,
        .stream_shard_ms = s->stream_shard_ms,
        .ttl_sweep_ms = s->ttl_sweep_ms,
        .catalog_row = tell_row,
        .ctx = n,
    };
    return core_open(&config, node_wall_ms(n), &n->core);
}

static enum err open_region(struct node *n)
{
    struct sim *s = n->sim;
    struct region_seed_peer peers[SIM_REGIONS_MAX];
    size_t n_peers = 0;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct node *p = &s->nodes[i];
        if (i != n->index) {
            /* Some know each other's ids beforehand, others learn them. */
            struct region_id id =
                (s->config.seed + i + n->index) % 3 == 0 ? (struct region_id){0} : p->id;
            peers[n_peers++] =
                (struct region_seed_peer){bytes_str(p->name), id, bytes_str(p->address)};
        }
    }
    const struct region_config config = {
        .name = bytes_str(n->name),
        .id = n->id,
        .secret = BYTES_LIT("between us"),
        .engine = n->engine,
        .peers = peers,
        .n_peers = n_peers,
        .knobs = s->knobs,
        .seed = sim_rand(s, 0, UINT64_MAX),
        .tracer = &n->tracer,
        .ops =
            {
                .dial = op_dial,
                .send = op_send,
                .hang_up = op_hang_up,
                .named = op_named,
                .submit = op_submit,
                .synced = op_synced,
            },
        .ctx = n,
    };
    return region_new(&config, node_mono_ms(n), &n->region);
}

void node_start(struct node *n)
{
    struct sim *s = n->sim;
    if (n->up) {
        return;
    }
    sim_tell(s, "%s starts", n->name);
    enum err e = open_core(n);
    if (e != OK) {
        sim_fail(s, "%s does not open: %s", n->name, err_name(e));
        return;
    }
    ledger_ingest(n);
    plant_after_start(n);
    n->announced = part_tail(core_part(n->core)).v;
    e = open_region(n);
    if (e != OK) {
        sim_fail(s, "%s: replication does not open: %s", n->name, err_name(e));
        core_close(n->core);
        return;
    }
    n->up = true;
    n->dying = false;
    e = node_rows(n, load_row, NULL);
    if (e != OK) {
        sim_fail(s, "%s: catalog does not read: %s", n->name, err_name(e));
    }
    admin_join(n);
    kick_writer(n, s->now_us + 100);
    region_timeout(n->region, node_mono_ms(n));
    node_rearm(n);
}

/* Whatever is under way at the writer comes back undone, for its memory's sake. */
static void drain(struct node *n)
{
    take_inbox(n);
    engine_mem_fail_write(n->engine, 1, /* for_ever= */ true, /* applied= */ false);
    while (part_waiting(core_part(n->core)) > 0) {
        enum err e = core_commit(n->core, node_wall_ms(n));
        (void)e; /* nothing of it is seen any more */
    }
    for (struct part_cmd *cmd; (cmd = core_take_done(n->core)) != NULL;) {
        if (call_of(n->sim, cmd) == NULL) {
            region_done(n->region, cmd, node_mono_ms(n), node_wall_ms(n));
        }
    }
    while (n->news != NULL) {
        take_news(n);
    }
}

static void stop(struct node *n, bool drop_frames)
{
    n->dying = true;
    drain(n);
    ASSERT(region_outstanding(n->region) == 0);
    region_free(n->region);
    n->region = NULL;
    core_close(n->core);
    n->core = NULL;
    net_drop_node(n, drop_frames);
    engine_mem_fail_write(n->engine, 0, false, false);
    engine_mem_crash(n->engine);
    n->up = false;
    n->life++;
    n->timer_us = UINT64_MAX;
    n->writer_us = UINT64_MAX;
    n->hit_after_commit = false;
    workload_forget(n->sim, n->index);
}

void node_crash(struct node *n, bool drop_frames)
{
    struct sim *s = n->sim;
    if (!n->up) {
        return;
    }
    sim_tell(s, "%s crashes", n->name);
    s->result.crashes++;
    stop(n, drop_frames);
    plant_after_crash(n);
    sim_push(s, s->now_us + sim_rand(s, 1000, 3000000), EV_START, n->index, 0, NULL);
}

void node_done(struct node *n)
{
    if (n->up) {
        stop(n, true);
    }
    ledger_done(n);
    for (unsigned i = 0; i < SIM_TABLES_MAX; i++) {
        map_done(&n->followers[i].copy);
    }
    engine_close(n->engine);
    if (n->before != NULL) {
        engine_close(n->before);
    }
}
