#include "region/test_util.h"

enum { US = 1001, START_MS = 100000 };

/* A region alone that is swept, and how often it wants space back. */
struct world {
    struct engine *engine;
    struct region *region;
    struct part_cmd *sweep; /* at the writer; NULL: none */
    unsigned asked;
};

static bool submit(void *ctx, struct part_cmd *cmd)
{
    struct world *w = ctx;
    assert_int_equal(cmd->kind, PART_CMD_SWEEP);
    w->sweep = cmd;
    return true;
}

static void reclaim(void *ctx)
{
    ((struct world *)ctx)->asked++;
}

static void tick(struct world *w, uint64_t now_ms, size_t swept)
{
    janitor_tick(w->region, now_ms);
    assert_non_null(w->sweep);
    struct part_cmd *cmd = w->sweep;
    w->sweep = NULL;
    cmd->err = OK;
    cmd->sweep.n = swept;
    cmd->sweep.done = true;
    region_done(w->region, cmd, now_ms, now_ms);
}

static void grow_log(struct world *w, uint64_t tail)
{
    assert_true(repl_vector_raise(
        &w->region->marks, (struct repl_mark){{US}, {tail}, hlc_of_ms(UINT64_C(1700000000000))}));
}

static void start(struct world *w, uint32_t janitor_ms)
{
    const struct region_ops ops = {.submit = submit, .reclaim = reclaim};
    *w = (struct world){.engine = engine_mem_new()};
    w->region = us_new(US, w->engine, NULL, 0, &ops, /* tracer= */ NULL, w);
    w->region->config.knobs.tombstone_grace_ms = 1;
    w->region->config.knobs.janitor_ms = janitor_ms;
    grow_log(w, 5);
}

static void stop(struct world *w)
{
    us_free(w->region);
    engine_close(w->engine);
}

/* A turn of the janitor, whose sweep looked at so many; how often space was asked for by then. */
static void expect_asked(struct world *w, uint64_t now_ms, size_t swept, unsigned asked)
{
    tick(w, now_ms, swept);
    assert_int_equal(w->asked, asked);
}

static void trimmed(struct world *w, uint64_t now_ms, enum err err)
{
    struct errand *e = errand_new(w->region, ERRAND_TRIM, PART_CMD_TRIM);
    e->cmd.err = err;
    w->region->outstanding++;
    region_done(w->region, &e->cmd, now_ms, now_ms);
}

static void catalog_row_gone(struct world *w, uint64_t now_ms)
{
    struct member attrs[] = {
        {BYTES_LIT("kind"), {.type = VALUE_STRING, .bytes = BYTES_LIT("table")}},
        {BYTES_LIT("name"), {.type = VALUE_STRING, .bytes = BYTES_LIT("us/things")}},
    };
    const struct value key = {.type = VALUE_MAP, .map = {attrs, 2}};
    region_catalog_row(w->region, &key, NULL, now_ms);
}

/* Once at the start, for nobody knows what an earlier run left; then only when something went
 * since: items, log, or a row of the catalog; and no more often than every ten seconds. When our
 * log has only grown, after a minute. */
static void test_reclaim_is_asked(void **state)
{
    (void)state;
    struct world w;
    start(&w, /* janitor_ms= */ 1000);
    expect_asked(&w, START_MS, 0, 1);
    expect_asked(&w, START_MS + 20000, 3, 1); /* asked before it swept */
    expect_asked(&w, START_MS + 21000, 3, 2);
    expect_asked(&w, START_MS + 30999, 0, 2);
    expect_asked(&w, START_MS + 31999, 0, 3);
    expect_asked(&w, START_MS + 60000, 0, 3);
    trimmed(&w, START_MS + 60000, ERR_BUSY);
    expect_asked(&w, START_MS + 61000, 0, 3);
    trimmed(&w, START_MS + 61000, OK);
    expect_asked(&w, START_MS + 62000, 0, 4);
    catalog_row_gone(&w, START_MS + 80000);
    expect_asked(&w, START_MS + 81000, 0, 5);
    grow_log(&w, 6);
    expect_asked(&w, START_MS + 139999, 0, 5);
    expect_asked(&w, START_MS + 140999, 0, 6);
    expect_asked(&w, START_MS + 300000, 0, 6);
    stop(&w);
}

/* When more may be forgotten than one sweep takes, the next follows after a short pause, not at the
 * janitor's next turn; when all is, it does. */
static void test_sweep_goes_on(void **state)
{
    (void)state;
    struct world w;
    start(&w, /* janitor_ms= */ 5000);
    janitor_tick(w.region, START_MS);
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t now_ms = START_MS + i * SWEEP_PAUSE_MS;
        struct part_cmd *cmd = w.sweep;
        assert_non_null(cmd);
        w.sweep = NULL;
        cmd->err = OK;
        cmd->sweep.n = SWEEP_MAX;
        cmd->sweep.done = i == 2;
        region_done(w.region, cmd, now_ms, now_ms);
        assert_null(w.sweep);
        region_timeout(w.region, now_ms + SWEEP_PAUSE_MS - 1);
        assert_null(w.sweep);
        region_timeout(w.region, now_ms + SWEEP_PAUSE_MS);
    }
    assert_null(w.sweep);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reclaim_is_asked),
        cmocka_unit_test(test_sweep_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
