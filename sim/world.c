/* Virtual time: a heap of events ordered by time and then by the order they were made in, the loop
 * that runs them, and the two phases of a history. First anything may fail and only safety is asked
 * for; then all faults end, and within a bounded virtual time everything must come to rest equal.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "sim/sim.h"

enum {
    SETTLE_MS_MAX = 60000, /* virtual, beyond what the clocks ran ahead and links must carry */
    SETTLE_POLL_MS = 100,
    EVENTS_MAX = 5 * 1000 * 1000,
};

uint64_t sim_rand(struct sim *s, uint64_t lo, uint64_t hi)
{
    return prng_between(&s->prng, lo, hi);
}

bool sim_chance(struct sim *s, unsigned per_mille)
{
    return prng_chance(&s->prng, per_mille);
}

void *sim_alloc(struct sim *s, size_t n)
{
    void *p = arena_calloc(&s->arena, 1, n);
    ASSERT(p != NULL);
    return p;
}

void sim_hash(struct sim *s, const void *p, size_t n)
{
    s->result.hash = hash64(bytes_of(p, n), s->result.hash);
}

void sim_hash_u64(struct sim *s, uint64_t v)
{
    sim_hash(s, &v, sizeof v);
}

__attribute__((format(printf, 2, 0))) static void tell(struct sim *s, const char *fmt, va_list args)
{
    char *line = s->story[s->n_story++ % SIM_STORY_MAX];
    int n = snprintf(
        line,
        SIM_STORY_BYTES,
        "%8llu.%03llu ",
        (unsigned long long)(s->now_us / 1000),
        (unsigned long long)(s->now_us % 1000));
    ASSERT(n > 0);
    (void)vsnprintf(line + n, SIM_STORY_BYTES - (size_t)n, fmt, args);
    if (s->config.trace) {
        (void)fprintf(s->out, "%s\n", line);
    }
}

void sim_tell(struct sim *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(s, fmt, args);
    va_end(args);
}

void sim_fail(struct sim *s, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!s->result.failed) {
        s->result.failed = true;
        (void)vsnprintf(s->result.reason, sizeof s->result.reason, fmt, args);
        sim_tell(s, "FAILED %s", s->result.reason);
    }
    va_end(args);
}

/* ---- the heap ---- */

static bool before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us < b->at_us || (a->at_us == b->at_us && a->seq < b->seq);
}

void sim_push(
    struct sim *s,
    uint64_t at_us,
    enum sim_event_kind kind,
    unsigned node,
    uint64_t number,
    void *ptr)
{
    if (s->n_heap == s->heap_cap) {
        s->heap_cap = s->heap_cap == 0 ? 1024 : s->heap_cap * 2;
        s->heap = realloc(s->heap, s->heap_cap * sizeof *s->heap);
        ASSERT(s->heap != NULL);
    }
    struct sim_event ev = {
        .at_us = at_us < s->now_us ? s->now_us : at_us,
        .seq = s->seq++,
        .kind = kind,
        .node = node,
        .life = s->nodes[node].life,
        .number = number,
        .ptr = ptr,
    };
    size_t i = s->n_heap++;
    while (i > 0 && before(&ev, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = ev;
}

static struct sim_event pop(struct sim *s)
{
    struct sim_event top = s->heap[0];
    struct sim_event last = s->heap[--s->n_heap];
    size_t i = 0;
    for (;;) {
        size_t kid = i * 2 + 1;
        if (kid >= s->n_heap) {
            break;
        }
        kid += kid + 1 < s->n_heap && before(&s->heap[kid + 1], &s->heap[kid]) ? 1 : 0;
        if (!before(&s->heap[kid], &last)) {
            break;
        }
        s->heap[i] = s->heap[kid];
        i = kid;
    }
    if (s->n_heap > 0) {
        s->heap[i] = last;
    }
    return top;
}

/* ---- running ---- */

/* Events of the world itself; the others belong to one life of a node. */
static bool is_worldly(enum sim_event_kind kind)
{
    return kind == EV_FRAME || kind == EV_DIAL || kind == EV_CLIENT || kind == EV_ADMIN ||
           kind == EV_FAULT || kind == EV_HEAL || kind == EV_SAMPLE || kind == EV_ANSWER;
}

static void timer_event(struct node *n, const struct sim_event *ev)
{
    if (ev->at_us != n->timer_us) {
        return; /* rearmed meanwhile */
    }
    n->timer_us = UINT64_MAX;
    region_timeout(n->region, node_mono_ms(n));
    node_rearm(n);
}

static void sample_event(struct sim *s)
{
    reads_sample(s);
    struct node *n = &s->nodes[s->result.events % s->n_nodes];
    if (n->up && !part_failed(core_part(n->core))) {
        mirror_check(n);
    }
    if (!s->healed) {
        sim_push(s, s->now_us + sim_rand(s, 1000, 100000), EV_SAMPLE, 0, 0, NULL);
    }
}

static void handle(struct sim *s, const struct sim_event *ev)
{
    struct node *n = &s->nodes[ev->node];
    switch (ev->kind) {
    case EV_FRAME:
        net_frame_arrives(s, ev);
        return;
    case EV_DIAL:
        net_dial_arrives(s, ev);
        return;
    case EV_REFUSED:
        net_dial_refused(s, ev);
        return;
    case EV_TIMER:
        timer_event(n, ev);
        return;
    case EV_WRITER:
        if (ev->at_us == n->writer_us) {
            n->writer_us = UINT64_MAX;
            node_writer_turn(n);
        }
        return;
    case EV_NEWS:
        node_news(n);
        return;
    case EV_ANSWER:
        workload_answer(s, ev->ptr);
        return;
    case EV_CLIENT:
        workload_client(s, ev->node);
        return;
    case EV_ADMIN:
        admin_try(s);
        return;
    case EV_FAULT:
        faults_make(s);
        return;
    case EV_HEAL:
        faults_end(s, ev);
        return;
    case EV_START:
        node_start(n);
        return;
    case EV_SAMPLE:
        sample_event(s);
        return;
    }
    UNREACHABLE();
}

/* One event; false when there is none before `until_us`. */
static bool step(struct sim *s, uint64_t until_us)
{
    if (s->n_heap == 0 || s->heap[0].at_us > until_us || s->result.failed) {
        return false;
    }
    struct sim_event ev = pop(s);
    s->now_us = ev.at_us;
    bool stale = !is_worldly(ev.kind) && ev.life != s->nodes[ev.node].life;
    bool down = !stale && ev.kind != EV_START && !is_worldly(ev.kind) && !s->nodes[ev.node].up;
    if (stale || down) {
        return true;
    }
    s->result.events++;
    if (s->result.events > EVENTS_MAX) {
        sim_fail(
            s,
            "more than %d events: %d at node %u runs in circles",
            EVENTS_MAX,
            (int)ev.kind,
            ev.node);
        return false;
    }
    sim_hash_u64(s, ev.at_us);
    sim_hash_u64(s, (uint64_t)ev.kind << 8 | ev.node);
    handle(s, &ev);
    return true;
}

static void run_until(struct sim *s, uint64_t until_us)
{
    while (step(s, until_us)) {
    }
    s->now_us = until_us > s->now_us && !s->result.failed ? until_us : s->now_us;
}

/* How far stamps lie ahead of the healed wall clocks. */
static uint64_t ahead_ms(struct sim *s)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        uint64_t wall = node_wall_ms(&s->nodes[i]);
        for (unsigned k = 0; k < s->n_nodes; k++) {
            uint64_t ms = s->nodes[k].hlc_max >> 16;
            most = ms > wall && ms - wall > most ? ms - wall : most;
        }
    }
    return most;
}

/* How long the way with most to bring needs if its window lets out no more than one transaction for
 * each round trip. */
static uint64_t backlog_ms(struct sim *s)
{
    uint64_t most = 0;
    for (unsigned to = 0; to < s->n_nodes; to++) {
        const struct node *n = &s->nodes[to];
        for (unsigned from = 0; from < s->n_nodes; from++) {
            const struct repl_mark *m =
                n->up ? repl_vector_find(region_marks(n->region), s->nodes[from].id) : NULL;
            uint64_t has = m == NULL ? 0 : m->pos.v;
            uint64_t tail = s->nodes[from].ingested;
            uint64_t round_us = s->delay_us[from][to] + s->delay_us[to][from] + 2 * s->jitter_us;
            uint64_t ms = tail > has ? (tail - has) * round_us / 1000 : 0;
            most = ms > most ? ms : most;
        }
    }
    return most;
}

static void settle_down(struct sim *s)
{
    s->healed = true;
    sim_tell(s, "all faults end");
    faults_heal_all(s);
    uint64_t began = s->now_us;
    uint64_t limit = began + (ahead_ms(s) + backlog_ms(s) + SETTLE_MS_MAX) * 1000;
    unsigned calm = 0;
    while (calm < 3 && !s->result.failed) {
        run_until(s, s->now_us + SETTLE_POLL_MS * 1000);
        calm = check_settled(s) ? calm + 1 : 0;
        if (s->now_us > limit) {
            check_describe(s);
            check_describe_damage(s);
            sim_fail(
                s,
                "not at rest %llu ms after all faults ended: %s %s",
                (unsigned long long)((s->now_us - began) / 1000),
                s->nodes[s->unsettled_node].name,
                s->unsettled);
        }
    }
    s->result.converge_ms = (s->now_us - began) / 1000;
}

static void choose_knobs(struct sim *s)
{
    struct region_knobs k = region_knobs_default();
    k.heartbeat_ms = (uint32_t)sim_rand(s, 50, 300);
    k.dead_ms = (uint32_t)sim_rand(s, 600, 2000);
    k.handshake_ms = (uint32_t)sim_rand(s, 500, 1500);
    k.redial_ms_min = (uint32_t)sim_rand(s, 10, 100);
    k.redial_ms_max = (uint32_t)sim_rand(s, 100, 500);
    k.relay_ms = (uint32_t)sim_rand(s, 200, 2000);
    k.hold_ms = (uint32_t)sim_rand(s, 10, 100);
    k.scrub_ms = (uint32_t)sim_rand(s, 50, 1000);
    k.janitor_ms = (uint32_t)sim_rand(s, 30, 500);
    k.tombstone_grace_ms = (uint32_t)sim_rand(s, 0, 1000);
    k.frame_bytes = (uint32_t)sim_rand(s, 100, 4000);
    k.window_bytes = (uint32_t)sim_rand(s, 500, 20000);
    k.seed_bytes = (uint32_t)sim_rand(s, 100, 3000);
    k.log_keep_bytes = sim_rand(s, 0, 20000);
    bool tight = sim_chance(s, 400);
    k.log_bytes_max = tight ? k.log_keep_bytes + sim_rand(s, 5000, 60000) : SIM_LOG_BYTES_AMPLE;
    s->knobs = k;
    s->drift_ms_max = 500;
    /* Not drawn: seeds from before there were streams keep their histories. */
    uint64_t draw = hash64(bytes_of(&s->config.seed, sizeof s->config.seed), /* seed= */ 1);
    s->stream_retention_ms = (uint32_t)(100 + draw % 9900);
    s->stream_shard_ms = (uint32_t)(10 + (draw >> 32) % s->stream_retention_ms);
    s->batch_bytes_max = sim_chance(s, 500) ? sim_rand(s, 100, 4000) : 4 << 20;
}

static void choose_network(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        for (unsigned k = 0; k < s->n_nodes; k++) {
            s->delay_us[i][k] = i < k ? sim_rand(s, 200, 120000) : s->delay_us[k][i];
        }
    }
    s->jitter_us = sim_chance(s, 300) ? 0 : sim_rand(s, 0, 30000);
}

static void print_story(struct sim *s)
{
    size_t first = s->n_story > SIM_STORY_MAX ? s->n_story - SIM_STORY_MAX : 0;
    for (size_t i = first; i < s->n_story && !s->config.trace; i++) {
        (void)fprintf(s->out, "%s\n", s->story[i % SIM_STORY_MAX]);
    }
}

static void world_begin(struct sim *s)
{
    s->prng = prng_seeded(s->config.seed);
    arena_init(&s->arena, SIZE_MAX / 2);
    s->n_nodes = s->config.regions != 0 ? s->config.regions : (unsigned)sim_rand(s, 3, 5);
    s->wall_base_ms = UINT64_C(1700000000000) + sim_rand(s, 0, 1000000);
    s->next_conn = 1;
    choose_knobs(s);
    choose_network(s);
    for (unsigned i = 0; i < s->n_nodes; i++) {
        node_init(s, i);
    }
    faults_init(s);
    workload_init(s);
    transact_init(s);
    expiry_init(s);
    for (unsigned i = 0; i < s->n_nodes; i++) {
        sim_push(s, sim_rand(s, 0, 20000), EV_START, i, 0, NULL);
    }
    sim_push(s, 50000, EV_SAMPLE, 0, 0, NULL);
}

static void world_end(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        node_done(&s->nodes[i]);
    }
    workload_done(s);
    net_done(s);
    free(s->heap);
    free(s->ops);
    arena_done(&s->arena);
}

struct sim_result sim_run(const struct sim_config *config, FILE *out)
{
    struct sim *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->config = *config;
    s->out = out;
    world_begin(s);
    while (s->calls_made < s->config.steps && step(s, UINT64_MAX)) {
    }
    if (!s->result.failed) {
        settle_down(s);
    }
    if (!s->result.failed) {
        check_final(s);
        if (s->result.failed) {
            check_describe(s);
        }
    }
    s->result.virtual_ms = s->now_us / 1000;
    if (s->result.failed) {
        print_story(s);
    }
    world_end(s);
    struct sim_result result = s->result;
    free(s);
    return result;
}
