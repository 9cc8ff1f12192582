/* The region object: its life, its events, and the commands it has at the writer. Every public
 * event ends in settle(), which does whatever the new state calls for; so each event handler only
 * records what it learned. */
#include "region/region.h"

#include <stdio.h>
#include <stdlib.h>

#include "region/inside.h"

struct region_knobs region_knobs_default(void)
{
    return (struct region_knobs){
        .heartbeat_ms = 1000,
        .dead_ms = 5000,
        .handshake_ms = 3000,
        .redial_ms_min = 100,
        .redial_ms_max = 1000,
        .relay_ms = 3000,
        .hold_ms = 100,
        .scrub_ms = 30000,
        .janitor_ms = 5000,
        .tombstone_grace_ms = 3600 * 1000,
        .frame_bytes = 256 * 1024,
        .window_bytes = 8 * 1024 * 1024,
        .seed_bytes = 256 * 1024,
        .log_keep_bytes = UINT64_C(64) << 20,
        .log_bytes_max = UINT64_C(4) << 30,
    };
}

static void peer_add(struct region *r, const struct region_seed_peer *p, uint64_t now_ms)
{
    struct peer *peer = calloc(1, sizeof *peer);
    ASSERT(peer != NULL);
    peer->id = p->id;
    peer->configured = true;
    peer->redial_ms = now_ms;
    peer->lost_ms = now_ms == 0 ? 1 : now_ms;
    (void)snprintf(peer->name, sizeof peer->name, "%.*s", BYTES_FMT(p->name));
    (void)snprintf(peer->address, sizeof peer->address, "%.*s", BYTES_FMT(p->address));
    peer->next = r->peers;
    r->peers = peer;
}

static enum err read_state(struct region *r)
{
    const struct part_mark *marks;
    size_t n;
    enum err e = part_read_marks(&r->reader, &r->scratch, &marks, &n);
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < n; i++) {
        (void)repl_vector_raise(
            &r->marks, (struct repl_mark){marks[i].region, marks[i].pos, marks[i].hlc});
    }
    arena_clear(&r->scratch);
    return OK;
}

enum err region_new(const struct region_config *config, uint64_t now_ms, struct region **ret)
{
    ASSERT(config->id.v != 0);
    ASSERT(config->name.len <= REPL_REGION_NAME_MAX);
    struct region *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    r->config = *config;
    memcpy(r->name, config->name.base, config->name.len);
    r->config.name = bytes_str(r->name);
    buf_init(&r->secret, 4096);
    buf_put_bytes(&r->secret, config->secret);
    r->reader = (struct part_reader){.engine = config->engine};
    r->catalog = catalog_new(r->config.name);
    r->prng = prng_seeded(config->seed);
    r->next_link = 1;
    r->next_sync = 1;
    r->needs_dirty = true;
    r->heartbeat_ms = now_ms;
    r->janitor_ms = now_ms + config->knobs.janitor_ms;
    r->scrub_ms = now_ms + config->knobs.scrub_ms;
    arena_init(&r->scratch, REPL_FRAME_BYTES_MAX * 4);
    arena_init(&r->needs_arena, 16 << 20);
    buf_init(&r->frame, REPL_FRAME_BYTES_MAX);
    for (size_t i = 0; i < config->n_peers; i++) {
        peer_add(r, &config->peers[i], now_ms);
    }
    enum err e = read_state(r);
    if (e != OK) {
        region_free(r);
        return e;
    }
    *ret = r;
    return OK;
}

void region_free(struct region *r)
{
    if (r == NULL) {
        return;
    }
    for (size_t i = 0; i < r->n_links; i++) {
        link_free(r->links[i]);
    }
    for (struct peer *p = r->peers; p != NULL;) {
        struct peer *next = p->next;
        free(p);
        p = next;
    }
    for (size_t i = 0; i < r->n_syncs; i++) {
        free(r->syncs[i]);
    }
    catalog_free(r->catalog);
    buf_done(&r->secret);
    buf_done(&r->frame);
    arena_done(&r->scratch);
    arena_done(&r->needs_arena);
    free(r);
}

size_t region_outstanding(const struct region *r)
{
    return r->outstanding;
}

struct peer *peer_find(struct region *r, struct region_id id)
{
    for (struct peer *p = r->peers; p != NULL; p = p->next) {
        if (p->id.v == id.v) {
            return p;
        }
    }
    return NULL;
}

struct bytes region_name_of(const struct region *r, struct region_id id)
{
    const struct core_member *m = catalog_member_by_id(r->catalog, id);
    if (id.v == r->config.id.v || m != NULL) {
        return m == NULL ? r->config.name : m->region;
    }
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        if (p->id.v == id.v) {
            return bytes_str(p->name);
        }
    }
    return BYTES_NONE;
}

bool region_holds(const struct region *r, uint64_t table, struct region_id id)
{
    return catalog_replicates_to_name(r->catalog, table, region_name_of(r, id));
}

bool may_have_held(const struct region *r, uint64_t table, struct region_id id)
{
    const struct core_member *m = catalog_member_by_id(r->catalog, id);
    return (m != NULL && m->removed) || region_holds(r, table, id);
}

struct intake *intake_of(struct region *r, struct region_id origin)
{
    struct intake *in = NULL;
    for (size_t i = 0; i < r->n_intakes; i++) {
        if (r->intakes[i].origin.v == origin.v) {
            return &r->intakes[i];
        }
        const struct peer *p = peer_find(r, r->intakes[i].origin);
        bool idle = r->intakes[i].link == 0 && r->intakes[i].applying == 0;
        in = p != NULL && p->removed && idle ? &r->intakes[i] : in;
    }
    if (r->n_intakes < CORE_REGIONS_MAX) {
        in = &r->intakes[r->n_intakes++];
    }
    if (in != NULL) {
        *in = (struct intake){.origin = origin}; /* perhaps in the place of one that is gone */
    }
    return in;
}

/* ---- errands ---- */

struct errand *errand_new(struct region *r, enum errand_kind kind, enum part_cmd_kind cmd)
{
    struct errand *e = calloc(1, sizeof *e);
    ASSERT(e != NULL);
    arena_init(&e->arena, REPL_FRAME_BYTES_MAX * 8);
    e->kind = kind;
    e->region = r;
    e->cmd.kind = cmd;
    e->cmd.arena = &e->arena;
    e->cmd.owner = e;
    return e;
}

void errand_free(struct errand *e)
{
    arena_done(&e->arena);
    free(e);
}

bool errand_submit(struct errand *e)
{
    struct region *r = e->region;
    if (r->failed || !r->config.ops.submit(r->config.ctx, &e->cmd)) {
        errand_free(e);
        return false;
    }
    r->outstanding++;
    return true;
}

/* An errand's work is over; what it changed is taken in. */
static void errand_finish(struct region *r, struct errand *e, uint64_t now_ms, uint64_t wall_ms)
{
    switch (e->kind) {
    case ERRAND_APPLY:
        intake_applied(r, e, now_ms, wall_ms);
        return;
    case ERRAND_FENCE:
        intake_fenced(r, e, now_ms);
        return;
    case ERRAND_SEED:
    case ERRAND_SEED_NOTE:
        seed_noted(r, e, now_ms);
        return;
    case ERRAND_MARK:
        marked(r, e);
        return;
    case ERRAND_TRIM:
        r->trimming = false;
        r->reclaimed &= e->cmd.err != OK;
        return;
    case ERRAND_SWEEP:
        r->sweeping = false;
        r->reclaimed &= e->cmd.sweep.n == 0;
        r->sweep_more = e->cmd.err == OK && !e->cmd.sweep.done;
        r->sweep_ms = now_ms + SWEEP_PAUSE_MS;
        return;
    case ERRAND_DIGEST:
        scrub_digest_done(r, e);
        return;
    case ERRAND_COMPARE:
        scrub_compare_done(r, e);
        return;
    case ERRAND_REPAIR:
        r->status.repaired += e->cmd.err == OK ? e->cmd.seed.n_applied : 0;
        return;
    case ERRAND_REWOUND_SEED:
        rewound_seeding(r, e);
        return;
    case ERRAND_REWOUND_SKIP:
        rewound_skipped(r, e, now_ms);
        return;
    }
    UNREACHABLE();
}

void region_done(struct region *r, struct part_cmd *cmd, uint64_t now_ms, uint64_t wall_ms)
{
    struct errand *e = cmd->owner;
    ASSERT(e->region == r);
    ASSERT(r->outstanding > 0);
    r->outstanding--;
    bool writer_failed = cmd->err == ERR_FAILED || cmd->err == ERR_IO;
    if (writer_failed && !r->failed) {
        r->failed = true;
        TRACE(
            r->config.tracer,
            TRACE_ERROR,
            "region",
            "writer failed, replication stops",
            TRACE_TEXT("err", bytes_str(err_name(cmd->err))));
    }
    errand_finish(r, e, now_ms, wall_ms);
    errand_free(e);
    settle(r, now_ms);
}

/* ---- events ---- */

/* Keeps the peer list in step with the catalog's members. */
static void members_sync(struct region *r, uint64_t now_ms)
{
    struct bytes after = BYTES_NONE;
    for (;;) {
        const struct core_member *m = catalog_member_after(r->catalog, after);
        if (m == NULL) {
            return;
        }
        after = m->region;
        if (m->id.v == r->config.id.v) {
            continue;
        }
        struct peer *p = peer_find(r, m->id);
        for (struct peer *q = r->peers; q != NULL && p == NULL; q = q->next) {
            /* A configured peer whose id nobody knew yet. */
            p = q->id.v == 0 && bytes_eq_str(m->region, q->name) ? q : NULL;
        }
        if (p == NULL) {
            peer_add(r, &(struct region_seed_peer){m->region, m->id, m->link_address}, now_ms);
            p = r->peers;
            p->configured = false;
        }
        p->id = m->id;
        p->member = true;
        p->removed = m->removed;
        (void)snprintf(p->name, sizeof p->name, "%.*s", BYTES_FMT(m->region));
        if (m->link_address.len > 0) {
            (void)snprintf(p->address, sizeof p->address, "%.*s", BYTES_FMT(m->link_address));
        }
        if (p->removed && p->link != NULL) {
            link_drop(r, p->link, now_ms);
        }
    }
}

void region_catalog_row(
    struct region *r, const struct value *key, const struct value *item, uint64_t now_ms)
{
    enum err e = catalog_apply(r->catalog, key, item);
    if (e != OK) {
        TRACE(
            r->config.tracer,
            TRACE_WARN,
            "region",
            "catalog row does not decode, ignoring",
            TRACE_TEXT("err", bytes_str(err_name(e))));
        return;
    }
    members_sync(r, now_ms);
    r->needs_dirty = true;
    r->reclaimed = false; /* a table or an index may be gone */
    settle(r, now_ms);
}

void region_needs_changed(struct region *r, uint64_t now_ms)
{
    r->needs_dirty = true;
    settle(r, now_ms);
}

void region_committed(struct region *r, struct local_pos tail, uint64_t now_ms)
{
    (void)repl_vector_raise(&r->marks, (struct repl_mark){.region = r->config.id, .pos = {tail.v}});
    settle(r, now_ms);
}

void region_timeout(struct region *r, uint64_t now_ms)
{
    r->again = false;
    settle(r, now_ms);
}

void settle(struct region *r, uint64_t now_ms)
{
    if (r->failed) {
        return;
    }
    links_expire(r, now_ms);
    links_dial(r, now_ms);
    heartbeat_tick(r, now_ms);
    intake_subscribe(r, now_ms);
    seeds_start(r, now_ms);
    for (size_t i = 0; i < r->n_links; i++) {
        if (r->links[i]->ready) {
            feed_pump(r, r->links[i]);
            seed_pump(r, r->links[i]);
        }
    }
    acks_flush(r);
    syncs_check(r, now_ms);
    janitor_tick(r, now_ms);
    scrub_tick(r, now_ms);
    arena_clear(&r->scratch);
}

static void earlier(uint64_t *deadline, uint64_t at)
{
    *deadline = at < *deadline ? at : *deadline;
}

uint64_t region_deadline(const struct region *r)
{
    if (r->failed) {
        return UINT64_MAX;
    }
    if (r->again) {
        return 0;
    }
    uint64_t at = UINT64_MAX;
    earlier(&at, r->heartbeat_ms);
    earlier(&at, r->janitor_ms);
    earlier(&at, r->sweep_more ? r->sweep_ms : UINT64_MAX);
    if (r->config.knobs.scrub_ms > 0) {
        earlier(&at, r->scrub_ms);
    }
    for (size_t i = 0; i < r->n_links; i++) {
        earlier(&at, r->links[i]->deadline_ms);
        if (r->links[i]->stall_ms > 0) {
            earlier(&at, r->links[i]->stall_ms);
        }
        if (r->links[i]->seed_in.retry_ms > 0) {
            earlier(&at, r->links[i]->seed_in.retry_ms);
        }
    }
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        if (links_awaits_dial(r, p)) {
            earlier(&at, p->redial_ms);
        }
    }
    for (size_t i = 0; i < r->n_intakes; i++) {
        if (r->intakes[i].link == 0 && r->intakes[i].hold_ms > 0) {
            earlier(&at, r->intakes[i].hold_ms);
        }
    }
    for (size_t i = 0; i < r->n_syncs; i++) {
        earlier(&at, r->syncs[i]->deadline_ms);
    }
    return at;
}
