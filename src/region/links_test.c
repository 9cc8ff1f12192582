#include "region/test_util.h"

enum { US = 1001, EU = 2001, CROWD = 500 };

struct world {
    struct tracer tracer; /* first */
    size_t n_told;
    int64_t times; /* as told last */
    struct engine *engine;
    struct region *region;
    uint64_t hung_up[CROWD + 1]; /* the dialed link is one more */
    size_t n_hung_up;
    size_t n_dialed;
};

static bool submit(void *ctx, struct part_cmd *cmd)
{
    (void)ctx;
    (void)cmd;
    return false;
}

static void send_frame(void *ctx, uint64_t link, struct bytes frame)
{
    (void)ctx;
    (void)link;
    assert_true(frame.len > 0);
}

static void hang_up(void *ctx, uint64_t link)
{
    struct world *w = ctx;
    w->hung_up[w->n_hung_up++] = link;
}

static void dial(void *ctx, uint64_t link, struct bytes region, struct bytes address)
{
    struct world *w = ctx;
    (void)link;
    (void)region;
    (void)address;
    w->n_dialed++;
}

static void hear(struct tracer *t, const struct trace_event *ev)
{
    struct world *w = (struct world *)t;
    if (strcmp(ev->event, "link refused") == 0) {
        w->n_told++;
        w->times = ev->fields[2].number;
    }
}

static void start(struct world *w)
{
    *w = (struct world){.tracer = {.emit = hear}, .engine = engine_mem_new()};
    const struct region_seed_peer eu = {BYTES_LIT("eu"), {EU}, BYTES_LIT("127.0.0.1:9001")};
    const struct region_ops ops = {
        .dial = dial, .submit = submit, .send = send_frame, .hang_up = hang_up};
    w->region = us_new(US, w->engine, &eu, 1, &ops, &w->tracer, w);
}

/* However many connect and say nothing, the latest are listened to, the oldest go first, and a peer
 * is dialed all the same. */
static void test_72_crowd_of_strangers(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    uint64_t first = region_next_link(w.region);
    uint64_t last = 0;
    for (size_t i = 0; i < CROWD; i++) {
        uint64_t expected = region_next_link(w.region);
        last = region_link_accepted(w.region, /* now_ms= */ 1000);
        assert_true(last == expected);
        assert_non_null(link_find(w.region, last));
    }
    assert_int_equal(w.n_dialed, 1);
    assert_int_equal(w.region->n_links, STRANGERS_MAX + 1);
    assert_true(w.hung_up[0] == first);
    for (size_t i = 1; i < w.n_hung_up; i++) {
        assert_true(w.hung_up[i] > w.hung_up[i - 1]);
    }
    /* Those that stayed go when their time to prove themselves is over. */
    region_timeout(w.region, 1000 + w.region->config.knobs.handshake_ms);
    assert_null(link_find(w.region, last));
    region_free(w.region);
    engine_close(w.engine);
}

/* Strangers that are refused one after the other are told of once a second, with their number. */
static void test_72_refusals_are_summed(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t link = region_link_accepted(w.region, 1000 + i);
        region_link_frame(w.region, link, BYTES_LIT("GET / HTTP/1.1"), 1000 + i);
        assert_null(link_find(w.region, link));
    }
    assert_int_equal(w.n_told, 1);
    assert_int_equal(w.times, 1);
    uint64_t link = region_link_accepted(w.region, 1000 + REFUSAL_TELL_MS);
    region_link_frame(w.region, link, BYTES_LIT("GET / HTTP/1.1"), 1000 + REFUSAL_TELL_MS);
    assert_int_equal(w.n_told, 2);
    assert_int_equal(w.times, 50);
    region_free(w.region);
    engine_close(w.engine);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_72_refusals_are_summed),
        cmocka_unit_test(test_72_crowd_of_strangers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
