/* What scrubbing compares, and what it takes for a divergence. */
#include "region/test_util.h"

enum { US = 1001, EU = 2001, LINK = 11, TABLE = PART_TABLE_FIRST };

#define NOW_MS UINT64_C(1700000000000)

struct world {
    struct engine *engine;
    struct part *part;
    struct region *region;
    struct link link; /* to eu */
    struct repl_frame wanted;
    unsigned n_repairs;
    struct arena mem;
};

static bool submit(void *ctx, struct part_cmd *cmd)
{
    (void)ctx;
    (void)cmd;
    return false;
}

static void send_frame(void *ctx, uint64_t link, struct bytes frame)
{
    struct world *w = ctx;
    assert_int_equal(link, LINK);
    struct repl_frame f;
    assert_int_equal(repl_frame_decode(&w->mem, frame, &f), OK);
    if (f.type == REPL_SEED_WANT) {
        w->wanted = f;
        w->n_repairs += f.seed_want.purpose == REPL_PURPOSE_REPAIR ? 1U : 0U;
    }
}

static void open_part(struct world *w)
{
    const struct part_config config = {
        .region = {US},
        .engine = w->engine,
        .drift_ms_max = 500,
        .batch_bytes_max = 1 << 20,
        .conflicts_max = 1000,
    };
    assert_int_equal(part_open(&config, NOW_MS, &w->part), OK);
    const struct part_table table = {
        .id = TABLE,
        .name = BYTES_LIT("things"),
        .keys = {.hash = {BYTES_LIT("pk"), VALUE_STRING}},
        .replicated = true,
    };
    part_set_table(w->part, &table);
}

static void start(struct world *w)
{
    *w = (struct world){.engine = engine_mem_new()};
    arena_init(&w->mem, SIZE_MAX / 2);
    open_part(w);
    const struct region_seed_peer peers[] = {{BYTES_LIT("eu"), {EU}, BYTES_NONE}};
    const struct region_ops ops = {.submit = submit, .send = send_frame};
    w->region = us_new(US, w->engine, peers, 1, &ops, /* tracer= */ NULL, w);
    us_link(w->region, &w->link, LINK, EU);
}

static void stop(struct world *w)
{
    us_free(w->region);
    part_close(w->part);
    engine_close(w->engine);
    arena_done(&w->mem);
}

/* Puts the item, here; its key, and its version in *ret. */
static struct bytes put_thing(struct world *w, struct version *ret)
{
    struct member pk = {
        BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("that expires")}};
    struct value item = {.type = VALUE_MAP, .map = {&pk, 1}};
    struct buf key;
    struct bytes attr;
    buf_init(&key, 4096);
    const struct part_table *t = part_find_table(w->part, TABLE);
    assert_int_equal(part_key_of(&t->keys, &item, &key, &attr), OK);
    struct part_op op = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = bytes_dup(&w->mem, buf_bytes(&key)),
        .item = &item,
    };
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .arena = &w->mem, .write = {.ops = &op, .n = 1}};
    part_submit(w->part, &cmd);
    while (part_waiting(w->part) > 0) {
        assert_int_equal(part_commit(w->part, NOW_MS), OK);
    }
    assert_ptr_equal(part_take_done(w->part), &cmd);
    assert_int_equal(op.err, OK);
    buf_done(&key);
    *ret = cmd.write.version;
    return op.key;
}

/* Eu's version of one record comes, asked for because of digests: the last record of its scan or
 * one of many. */
static void look_at(
    struct world *w,
    struct bytes key,
    bool live,
    struct version version,
    bool equal_vectors,
    bool last)
{
    const struct repl_record record = {.key = key, .live = live, .version = version};
    const struct repl_frame f = {
        .type = REPL_SEED_CHUNK,
        .seed_chunk =
            {
                .purpose = REPL_PURPOSE_SCRUB,
                .mode = REPL_SEED_VERSIONS,
                .table = TABLE,
                .last = last,
                .records = &record,
                .n = 1,
            },
    };
    w->link.scrubbing = true;
    w->link.repairing = false;
    w->link.scrub_equal = equal_vectors;
    scrub_chunk(w->region, &w->link, &f);
}

/* Likewise in a scan of its own. */
static void look(
    struct world *w, struct bytes key, bool live, struct version version, bool equal_vectors)
{
    w->link.scrub_scan++;
    look_at(w, key, live, version, equal_vectors, /* last= */ true);
}

/* The end of an item whose time was over came to a peer and not to us, where the item goes on. No
 * position says that we should have it. Once it has been missed, and then twice again although we
 * had applied all that the peer had, it is fetched. While we may lack some of the log it is not. */
static void test_missed_end(void **state)
{
    (void)state;
    struct world w;
    struct version v;
    start(&w);
    struct bytes key = put_thing(&w, &v);
    const struct version end = {v.hlc, {v.region.v + 1}};
    for (unsigned i = 0; i < 5; i++) {
        look(&w, key, /* live= */ false, end, /* equal_vectors= */ false);
    }
    assert_int_equal(w.n_repairs, 0);
    look(&w, key, false, end, true);
    assert_int_equal(w.n_repairs, 0);
    look(&w, key, false, end, true);
    assert_int_equal(w.n_repairs, 1);
    assert_int_equal(w.wanted.seed_want.table, TABLE);
    stop(&w);
}

/* Of many ends that were missed each is fetched in the end, though few are remembered at a time. */
static void test_many_missed_ends(void **state)
{
    (void)state;
    enum { ENDS = 5000, TURNS_MAX = 400 };
    static bool mended[ENDS];
    struct world w;
    struct version v;
    unsigned left = ENDS;
    start(&w);
    struct bytes key = put_thing(&w, &v);
    for (unsigned turn = 0; left > 0; turn++) {
        assert_true(turn < TURNS_MAX);
        w.link.scrub_scan++;
        for (unsigned i = 0; i < ENDS; i++) {
            unsigned before = w.n_repairs;
            if (!mended[i]) {
                const struct version end = {{v.hlc.v + 1 + i}, {v.region.v + 1}};
                look_at(&w, key, false, end, /* equal_vectors= */ true, /* last= */ false);
                mended[i] = w.n_repairs > before;
                left -= mended[i] ? 1U : 0U;
            }
        }
    }
    stop(&w);
}

/* The vectors are equal and so are the digests. */
static void prove_equal(struct world *w)
{
    struct errand e = {.kind = ERRAND_COMPARE, .region = w->region, .link = LINK};
    e.digest.digest.table = TABLE;
    e.theirs.digest.table = TABLE;
    w->link.scrubbing = false;
    scrub_compare_done(w->region, &e);
    assert_false(w->link.scrubbing);
}

/* Ends that were on their way and have come do not keep a place from one that is lost, whether a
 * scan of their bucket does not find them any more or its digests are equal. */
static void test_missed_no_longer(void **state)
{
    (void)state;
    for (int digests = 0; digests < 2; digests++) {
        struct world w;
        struct version v;
        start(&w);
        struct bytes key = put_thing(&w, &v);
        w.link.scrub_bucket = digests == 1 ? 1 : 0;
        w.link.scrub_scan++;
        for (unsigned i = 0; i < SUSPECTS * 20; i++) {
            const struct version end = {{v.hlc.v + 1 + i}, {v.region.v + 1}};
            look_at(&w, key, false, end, /* equal_vectors= */ false, /* last= */ false);
        }
        if (digests == 1) {
            prove_equal(&w);
        }
        w.link.scrub_bucket = 0;
        const struct version lost = {v.hlc, {v.region.v + 1}};
        for (unsigned i = 0; i < 4; i++) {
            look(&w, key, false, lost, true);
        }
        assert_int_equal(w.n_repairs, 1);
        stop(&w);
    }
}

/* An end that is older than what stands here, and a version that a region we have not heard of
 * wrote, are no divergence however often they are seen. */
static void test_nothing_missed(void **state)
{
    (void)state;
    struct world w;
    struct version v;
    start(&w);
    struct bytes key = put_thing(&w, &v);
    const struct version older = {{v.hlc.v - 1}, {v.region.v + 1}};
    const struct version later = {{v.hlc.v + 1}, {EU + 5}};
    for (unsigned i = 0; i < 5; i++) {
        look(&w, key, false, older, true);
        look(&w, key, true, later, true);
    }
    assert_int_equal(w.n_repairs, 0);
    stop(&w);
}

static unsigned bucket_wanted(struct world *w, unsigned a, unsigned b)
{
    struct errand e = {.kind = ERRAND_COMPARE, .region = w->region, .link = LINK};
    e.digest.digest.table = TABLE;
    e.theirs.digest.table = TABLE;
    e.theirs.digest.buckets[a].lo = 1;
    e.theirs.digest.buckets[b].hi = 1;
    w->link.scrubbing = false;
    scrub_compare_done(w->region, &e);
    assert_true(w->link.scrubbing);
    return w->wanted.seed_want.hash_lo / (UINT32_MAX / REPL_DIGEST_BUCKETS + 1);
}

/* Of several buckets that differ each has its turn, whether or not the others are mended. */
static void test_buckets_take_turns(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    unsigned n[REPL_DIGEST_BUCKETS] = {0};
    for (unsigned i = 0; i < REPL_DIGEST_BUCKETS; i++) {
        n[bucket_wanted(&w, 3, 40)]++;
    }
    assert_true(n[3] > 0);
    assert_true(n[40] > 0);
    assert_int_equal(n[3] + n[40], REPL_DIGEST_BUCKETS);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_missed_end),
        cmocka_unit_test(test_many_missed_ends),
        cmocka_unit_test(test_missed_no_longer),
        cmocka_unit_test(test_nothing_missed),
        cmocka_unit_test(test_buckets_take_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
