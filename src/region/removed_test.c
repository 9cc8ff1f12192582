#include "region/test_util.h"

enum { US = 1001, EU = 2001, AP = 3001, GONE = 4001, DAY_MS = 24 * 3600 * 1000 };

#define NOW_MS UINT64_C(1700000000000)

/* A region with links to two others, and what it asks of its writer and sends. */
struct world {
    struct engine *engine;
    struct region *region;
    struct part_cmd *swept; /* the latest command to forget tombstones */
    uint64_t asked;         /* link on which the gone region's log was asked for; 0: none */
    uint64_t from;          /* and from where */
    uint64_t ended;         /* link on which it was asked for no more; 0: none */
    struct link links[2];   /* of eu and ap */
    struct arena mem;
};

static bool submit(void *ctx, struct part_cmd *cmd)
{
    struct world *w = ctx;
    w->swept = cmd->kind == PART_CMD_SWEEP ? cmd : w->swept;
    return true;
}

static void send_frame(void *ctx, uint64_t link, struct bytes frame)
{
    struct world *w = ctx;
    struct repl_frame f;
    assert_int_equal(repl_frame_decode(&w->mem, frame, &f), OK);
    if (f.type == REPL_SUBSCRIBE && f.subscribe.origin.v == GONE) {
        w->asked = link;
        w->from = f.subscribe.from.v;
    }
    if (f.type == REPL_UNSUBSCRIBE && f.subscribe.origin.v == GONE) {
        w->ended = link;
    }
}

static void dial(void *ctx, uint64_t link, struct bytes region, struct bytes address)
{
    (void)ctx;
    (void)link;
    (void)region;
    (void)address;
}

static void start(struct world *w)
{
    *w = (struct world){.engine = engine_mem_new()};
    arena_init(&w->mem, SIZE_MAX / 2);
    const struct region_seed_peer peers[] = {
        {BYTES_LIT("eu"), {EU}, BYTES_NONE},
        {BYTES_LIT("ap"), {AP}, BYTES_NONE},
        {BYTES_LIT("gone"), {GONE}, BYTES_NONE},
    };
    const struct region_ops ops = {.dial = dial, .submit = submit, .send = send_frame};
    w->region = us_new(US, w->engine, peers, 3, &ops, /* tracer= */ NULL, w);
    struct region *r = w->region;
    r->config.knobs.tombstone_grace_ms = 1;
    us_link(r, &w->links[0], 11, EU);
    us_link(r, &w->links[1], 12, AP);
    peer_find(r, (struct region_id){GONE})->removed = true;
}

static void stop(struct world *w)
{
    if (w->swept != NULL) {
        errand_free(w->swept->owner);
    }
    us_free(w->region);
    engine_close(w->engine);
    arena_done(&w->mem);
}

/* What `at` has applied of `of`, as we know it. */
static void mark(struct world *w, uint64_t at, uint64_t of, uint64_t pos, uint64_t ms)
{
    struct repl_vector *v =
        at == US ? &w->region->marks : &peer_find(w->region, (struct region_id){at})->marks;
    assert_true(repl_vector_raise(
        v, (struct repl_mark){.region = {of}, .pos = {pos}, .hlc = hlc_of_ms(ms)}));
}

static void mark_living(struct world *w, uint64_t ms)
{
    const uint64_t ids[] = {US, EU, AP};
    for (unsigned i = 0; i < 9; i++) {
        mark(w, ids[i / 3], ids[i % 3], ms, ms);
    }
}

/* Below which time tombstones are forgotten now; 0: none are. */
static uint64_t forgotten_ms(struct world *w)
{
    if (w->swept != NULL) {
        errand_free(w->swept->owner);
        w->swept = NULL;
    }
    w->region->sweeping = false;
    w->region->janitor_ms = 0;
    janitor_tick(w->region, /* now_ms= */ 1000000);
    return w->swept == NULL ? 0 : hlc_ms(w->swept->sweep.below);
}

/* A region was removed. What it had told some of the others only goes round among them, so until
 * all have as much of it its last tombstones are kept, but for a day at most; then it is waited for
 * no longer. One that never had any of its log, having come later, is not waited for. */
static void test_tombstones_go_on(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    mark(&w, US, GONE, 50, NOW_MS);
    mark(&w, EU, GONE, 40, NOW_MS - 100);
    mark_living(&w, NOW_MS + 1000);
    assert_int_equal(forgotten_ms(&w), NOW_MS - 1);
    mark_living(&w, NOW_MS + DAY_MS + 5000);
    assert_int_equal(forgotten_ms(&w), NOW_MS + 4999);
    mark(&w, EU, GONE, 50, NOW_MS);
    assert_int_equal(forgotten_ms(&w), NOW_MS + DAY_MS + 4999);
    stop(&w);
}

/* What a removed region had told another one and not us is asked for there, and when we have it
 * nothing is asked for any more. */
static void test_rest_is_relayed(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    mark_living(&w, NOW_MS);
    mark(&w, US, GONE, 40, NOW_MS - 100);
    mark(&w, EU, GONE, 40, NOW_MS - 100);
    intake_subscribe(w.region, /* now_ms= */ 1000000);
    assert_int_equal(w.asked, 0);
    assert_int_equal(w.region->n_intakes, 2);
    mark(&w, AP, GONE, 50, NOW_MS);
    intake_subscribe(w.region, 1000000);
    assert_int_equal(w.asked, 12);
    assert_int_equal(w.from, 40);
    stop(&w);
}

/* Once we have what there is of a removed region's log it is asked for no more, and its place is
 * another region's: removed ones never keep a new one's log out. */
static void test_place_is_given_back(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    mark_living(&w, NOW_MS);
    mark(&w, US, GONE, 40, NOW_MS - 100);
    mark(&w, AP, GONE, 50, NOW_MS);
    intake_subscribe(w.region, /* now_ms= */ 1000000);
    assert_int_equal(w.asked, 12);
    while (w.region->n_intakes < CORE_REGIONS_MAX) {
        struct region_id id = {5000 + w.region->n_intakes};
        assert_non_null(intake_of(w.region, id));
    }
    assert_null(intake_of(w.region, (struct region_id){4999}));
    assert_int_equal(w.ended, 0);
    mark(&w, US, GONE, 50, NOW_MS);
    intake_subscribe(w.region, 1000000);
    assert_int_equal(w.ended, 12);
    for (size_t i = 0; i < w.region->n_intakes; i++) {
        assert_int_equal(w.region->intakes[i].hold_ms, 0);
    }
    assert_non_null(intake_of(w.region, (struct region_id){4999}));
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tombstones_go_on),
        cmocka_unit_test(test_rest_is_relayed),
        cmocka_unit_test(test_place_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
