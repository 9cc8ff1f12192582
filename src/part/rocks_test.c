#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

static void open_rocks(struct region *r, const char *path)
{
    const struct engine_rocks_config config = {
        .path = path,
        .cache_bytes = 8 << 20,
        .write_buffer_bytes = 1 << 20,
        .rows_kept = PART_ROWS_KEPT,
    };
    struct bytes msg;
    assert_int_equal(engine_rocks_open(&config, &r->arena, &r->engine, &msg), OK);
    region_open(r);
    set_test_table(r, true);
}

/* The directory may hold what an earlier run left: that is dropped, and its positions go on. */
/* On RocksDB, as on the memory engine: writes, deletes, index rows, trims and sweeps survive
 * closing and opening, with and without the checkpoint of a clean close, and everything recounts.
 */
static void test_rocks(void **state)
{
    const char *path = *state;
    struct region r = {.now_ms = NOW_MS};
    arena_init(&r.arena, SIZE_MAX / 2);
    r.config = (struct part_config){
        .region = {7},
        .drift_ms_max = 500,
        .batch_bytes_max = 1 << 20,
        .conflicts_max = 10,
    };
    open_rocks(&r, path);
    empty_test_table(&r);
    uint64_t tail = part_tail(r.part).v;
    for (int round = 0; round < 4; round++) {
        for (int64_t i = 0; i < 300; i++) {
            const struct value *item = item_of(
                &r.arena,
                "pk",
                str(i % 3 == 0 ? "a" : "b"),
                "sk",
                num(i),
                i % 2 == 0 ? "gi" : "at",
                str(round % 2 == 0 ? "x" : "y"));
            enum err e =
                (i + round) % 5 == 0 ? delete_item(&r, TABLE, item) : put_item(&r, TABLE, item);
            assert_int_equal(e, OK);
        }
        struct part_cmd trim = {.kind = PART_CMD_TRIM, .trim = {.upto = {tail}}};
        assert_int_equal(commit_one(&r, &trim), OK);
        struct part_cmd sweep = {
            .kind = PART_CMD_SWEEP,
            .sweep = {.below = hlc_of_ms(r.now_ms), .tombstones_max = 1000},
        };
        assert_int_equal(commit_one(&r, &sweep), OK);
        tail = part_tail(r.part).v;
        r.now_ms += 100;
        if (round % 2 == 0) {
            part_close(r.part);
        } else {
            part_abandon(r.part);
        }
        engine_close(r.engine);
        open_rocks(&r, path);
        assert_int_equal(part_tail(r.part).v, tail);
        assert_int_equal(part_table_counts(r.part, TABLE).items, 240);
        assert_int_equal(part_check(r.part), OK);
    }
    region_stop(&r);
}

enum { BIG_ITEMS = 100, BIG_BYTES = 100000, RECLAIM_MIN = 1 << 20 };

static enum err drop_test_index(void *arg, struct part_stage *s, struct arena *a)
{
    (void)arg;
    (void)a;
    part_stage_drop_index(s, TABLE, /* index= */ 1);
    return OK;
}

/* Noise, for compression would make it small. */
static void put_big(struct region *r, struct prng *rng, int64_t i)
{
    uint8_t *noise = arena_alloc(&r->arena, BIG_BYTES);
    for (size_t at = 0; at < BIG_BYTES; at += 8) {
        uint64_t v = prng_u64(rng);
        memcpy(noise + at, &v, 8);
    }
    struct member attrs[] = {
        {BYTES_LIT("gi"), str("g")}, /* so that it is in the global index, and its note too */
        {BYTES_LIT("note"), {.type = VALUE_BINARY, .bytes = bytes_of(noise, BIG_BYTES)}},
        {BYTES_LIT("pk"), str("a")},
        {BYTES_LIT("sk"), num(i)},
    };
    const struct value big = {
        .type = VALUE_MAP,
        .map = {.members = attrs, .n = sizeof attrs / sizeof attrs[0]},
    };
    assert_int_equal(put_item(r, TABLE, &big), OK);
}

static void trim(struct region *r)
{
    struct part_cmd cmd = {.kind = PART_CMD_TRIM, .trim = {.upto = {part_tail(r->part).v}}};
    assert_int_equal(commit_one(r, &cmd), OK);
}

static void sweep(struct region *r)
{
    struct part_cmd cmd = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(r->now_ms + 60000), .tombstones_max = 1000},
    };
    assert_int_equal(commit_one(r, &cmd), OK);
    assert_true(cmd.sweep.done);
}

/* What the rows of one kind take in files. */
static uint64_t bytes_of_kind(struct region *r, uint8_t kind)
{
    uint8_t past = (uint8_t)(kind + 1);
    return engine_range_bytes(r->engine, bytes_of(&kind, 1), bytes_of(&past, 1));
}

static void reopen(struct region *r, const char *path)
{
    part_close(r->part);
    engine_close(r->engine);
    open_rocks(r, path);
}

static void drop_index(struct region *r)
{
    struct part_table t = *part_find_table(r->part, TABLE);
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = drop_test_index}};
    assert_int_equal(commit_one(r, &cmd), OK);
    t.indexes++; /* what is left is the local one */
    t.n_indexes--;
    part_set_table(r->part, &t);
}

/* Nobody writes any more, and yet what was deleted, trimmed and dropped, an index too, leaves the
 * disk, also when the store was opened anew meanwhile; what is alive stays. */
static void test_space(void **state)
{
    const uint64_t all = (uint64_t)BIG_ITEMS * BIG_BYTES;
    struct prng rng = prng_seeded(1);
    for (int round = 0; round < 2; round++) {
        struct region r = {.now_ms = NOW_MS};
        struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN);
        arena_init(&r.arena, SIZE_MAX / 2);
        r.config = (struct part_config){.region = {7}, .batch_bytes_max = 1 << 20};
        open_rocks(&r, *state);
        empty_test_table(&r);
        for (int64_t i = 0; i < BIG_ITEMS; i++) {
            put_big(&r, &rng, i);
        }
        for (int64_t i = 0; i < BIG_ITEMS; i += 2) {
            const struct value *key = item_of(&r.arena, "pk", str("a"), "sk", num(i), NULL, num(0));
            assert_int_equal(delete_item(&r, TABLE, key), OK);
        }
        sweep(&r);
        reopen(&r, *state);
        const struct part_reader reader = {.engine = r.engine};
        (void)part_reclaim(rc, &reader);
        assert_in_range(bytes_of_kind(&r, 'd'), all * 4 / 10, all * 8 / 10);
        assert_in_range(bytes_of_kind(&r, 'i'), all * 4 / 10, all * 8 / 10);
        assert_true(bytes_of_kind(&r, 'l') > all);
        trim(&r);
        (void)part_reclaim(rc, &reader);
        assert_true(bytes_of_kind(&r, 'l') < 2 * RECLAIM_MIN);
        assert_int_equal(part_table_counts(r.part, TABLE).items, BIG_ITEMS / 2);
        assert_int_equal(part_check(r.part), OK);
        if (round == 0) {
            drop_index(&r);
            (void)part_reclaim(rc, &reader);
            assert_true(bytes_of_kind(&r, 'i') < 2 * RECLAIM_MIN);
            assert_true(bytes_of_kind(&r, 'd') > all * 4 / 10);
            assert_int_equal(part_check(r.part), OK);
        }
        empty_test_table(&r);
        (void)part_reclaim(rc, &reader);
        assert_true(bytes_of_kind(&r, 'd') < 2 * RECLAIM_MIN);
        assert_true(bytes_of_kind(&r, 'i') < 2 * RECLAIM_MIN);
        part_reclaimer_free(rc);
        region_stop(&r);
    }
}

/* A few deletions, however often, do not have a table rewritten again and again. */
static void test_reclaim_rests(void **state)
{
    struct prng rng = prng_seeded(2);
    struct region r = {.now_ms = NOW_MS};
    struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN);
    arena_init(&r.arena, SIZE_MAX / 2);
    r.config = (struct part_config){.region = {7}, .batch_bytes_max = 1 << 20};
    open_rocks(&r, *state);
    empty_test_table(&r);
    for (int64_t i = 0; i < BIG_ITEMS; i++) {
        put_big(&r, &rng, i);
    }
    trim(&r);
    const struct part_reader reader = {.engine = r.engine};
    (void)part_reclaim(rc, &reader);
    for (int64_t round = 0; round < 10; round++) {
        for (int64_t i = 0; i < 20; i++) {
            const struct value *small =
                item_of(&r.arena, "pk", str("tiny"), "sk", num(i), NULL, num(0));
            assert_int_equal(put_item(&r, TABLE, small), OK);
            assert_int_equal(delete_item(&r, TABLE, small), OK);
        }
        sweep(&r);
        assert_int_equal(part_reclaim(rc, &reader), 0);
    }
    part_reclaimer_free(rc);
    empty_test_table(&r);
    region_stop(&r);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        print_error("usage: part_rocks_test DIRECTORY\n");
        return 2;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_rocks, argv[1]),
        cmocka_unit_test_prestate(test_space, argv[1]),
        cmocka_unit_test_prestate(test_reclaim_rests, argv[1]),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
