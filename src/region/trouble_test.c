/* What a region does, and says, while something fails again and again. */
#include "region/test_util.h"

enum { US = 1001, EU = 2001, LINK = 11, TABLES = 3 };

struct world {
    struct tracer tracer; /* first */
    unsigned told;        /* warnings and errors */
    struct engine *engine;
    struct region *region;
    struct part_cmd *cmd;    /* the latest one for the writer */
    uint64_t wanted[TABLES]; /* how often a seed of each table was asked for */
    struct link link;        /* to eu */
    struct arena mem;
};

static void hear(struct tracer *t, const struct trace_event *ev)
{
    struct world *w = (struct world *)t;
    w->told += ev->level >= TRACE_WARN ? 1U : 0U;
}

static bool submit(void *ctx, struct part_cmd *cmd)
{
    struct world *w = ctx;
    w->cmd = cmd;
    return true;
}

static void send_frame(void *ctx, uint64_t link, struct bytes frame)
{
    struct world *w = ctx;
    struct repl_frame f;
    assert_int_equal(link, LINK);
    assert_int_equal(repl_frame_decode(&w->mem, frame, &f), OK);
    if (f.type == REPL_SEED_WANT) {
        w->wanted[f.seed_want.table - PART_TABLE_FIRST]++;
    }
}

static void start(struct world *w)
{
    *w = (struct world){.tracer = {.emit = hear}, .engine = engine_mem_new()};
    arena_init(&w->mem, SIZE_MAX / 2);
    const struct region_seed_peer peers[] = {{BYTES_LIT("eu"), {EU}, BYTES_NONE}};
    const struct region_ops ops = {.submit = submit, .send = send_frame};
    w->region = us_new(US, w->engine, peers, 1, &ops, &w->tracer, w);
    us_link(w->region, &w->link, LINK, EU);
}

static void stop(struct world *w)
{
    us_free(w->region);
    engine_close(w->engine);
    arena_done(&w->mem);
}

/* A stretch of eu's log comes back from the writer with this error. */
static void apply(struct world *w, enum err err, uint64_t now_ms)
{
    struct region *r = w->region;
    struct intake *in = intake_of(r, (struct region_id){EU});
    in->link = LINK;
    struct repl_frame f = {
        .type = REPL_TXNS,
        .txns = {.origin = {EU}, .from = in->expected, .to = {in->expected.v + 1}},
    };
    intake_txns(r, &w->link, &f, now_ms);
    assert_non_null(w->cmd);
    assert_int_equal(w->cmd->kind, PART_CMD_APPLY);
    w->cmd->err = err;
    intake_applied(r, w->cmd->owner, now_ms, now_ms);
    errand_free(w->cmd->owner);
    w->cmd = NULL;
}

/* Stretches that do not apply are told when that begins and then once a minute, and counted each;
 * stamps that lie ahead and gaps are no failures. After one that applies the next that does not is
 * news. */
static void test_failing_stretch(void **state)
{
    (void)state;
    struct world w;
    struct region_peer_status st;
    start(&w);
    apply(&w, ERR_GAP, 1000);
    assert_int_equal(w.told, 0);
    for (uint64_t i = 0; i < 50; i++) {
        apply(&w, ERR_CORRUPT, 2000 + i * 100);
    }
    assert_int_equal(w.told, 1);
    apply(&w, ERR_CORRUPT, 2000 + FAILURE_TELL_MS);
    assert_int_equal(w.told, 2);
    apply(&w, OK, 3000 + FAILURE_TELL_MS);
    apply(&w, ERR_LIMIT, 4000 + FAILURE_TELL_MS);
    assert_int_equal(w.told, 3);
    assert_int_equal(region_peers(w.region, &st, 1, 5000), 1);
    assert_int_equal(st.apply_failures, 52);
    stop(&w);
}

/* A peer refuses the seed of one table for ever. It goes on being asked for, and told ever more
 * rarely; the seeds of the others are asked for all the same. */
static void test_refused_seed(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    struct region *r = w.region;
    for (uint64_t i = 0; i < TABLES; i++) {
        r->needs[r->n_needs++] = (struct core_seed_need){
            .table = PART_TABLE_FIRST + i, .from = {EU}, .cursor = BYTES_NONE};
    }
    assert_non_null(intake_of(r, (struct region_id){EU}));
    uint64_t now_ms = 1000;
    for (unsigned i = 0; i < 300; i++) {
        now_ms += r->config.knobs.hold_ms;
        seeds_start(r, now_ms);
        assert_true(w.link.seed_in.active);
        struct repl_frame f = {
            .type = REPL_SEED_REFUSE,
            .seed_refuse = {.table = w.link.seed_in.need.table, .reason = BYTES_LIT("not yet")},
        };
        seed_refused(r, &w.link, &f, now_ms);
    }
    for (unsigned i = 0; i < TABLES; i++) {
        assert_int_equal(w.wanted[i], 100);
    }
    assert_int_equal(w.told, 3); /* after 64, 128 and 256 */
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failing_stretch),
        cmocka_unit_test(test_refused_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
