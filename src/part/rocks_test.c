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

enum { BIG_ITEMS = 400, BIG_BYTES = 100000 };

/* Noise, for compression would make it small. */
static void put_big(struct region *r, struct prng *rng, int64_t i)
{
    uint8_t *noise = arena_alloc(&r->arena, BIG_BYTES);
    for (size_t at = 0; at < BIG_BYTES; at += 8) {
        uint64_t v = prng_u64(rng);
        memcpy(noise + at, &v, 8);
    }
    struct value note = {.type = VALUE_BINARY, .bytes = bytes_of(noise, BIG_BYTES)};
    assert_int_equal(
        put_item(r, TABLE, item_of(&r->arena, "pk", str("a"), "sk", num(i), "note", note)), OK);
}

static void trim_and_sweep(struct region *r)
{
    struct part_cmd trim = {.kind = PART_CMD_TRIM, .trim = {.upto = {part_tail(r->part).v}}};
    assert_int_equal(commit_one(r, &trim), OK);
    struct part_cmd sweep = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(r->now_ms + 60000), .tombstones_max = 1000},
    };
    assert_int_equal(commit_one(r, &sweep), OK);
}

static uint64_t disk_after_reclaim(struct region *r)
{
    struct engine_stats stats;
    part_reclaim(&(struct part_reader){.engine = r->engine});
    engine_stats(r->engine, &stats);
    return stats.disk_bytes;
}

/* Nobody writes any more, and yet what was trimmed, deleted and dropped leaves the disk, also when
 * the store was opened anew meanwhile, so that nobody counted the rows of its files. */
static void test_space(void **state)
{
    struct prng rng = prng_seeded(1);
    for (int round = 0; round < 2; round++) {
        struct region r = {.now_ms = NOW_MS};
        arena_init(&r.arena, SIZE_MAX / 2);
        r.config = (struct part_config){.region = {7}, .batch_bytes_max = 1 << 20};
        open_rocks(&r, *state);
        empty_test_table(&r);
        for (int64_t i = 0; i < BIG_ITEMS; i++) {
            put_big(&r, &rng, i);
        }
        if (round == 1) {
            part_close(r.part);
            engine_close(r.engine);
            open_rocks(&r, *state);
        }
        const uint64_t all = (uint64_t)BIG_ITEMS * BIG_BYTES;
        for (int64_t i = 0; i < BIG_ITEMS; i += 2) {
            const struct value *key = item_of(&r.arena, "pk", str("a"), "sk", num(i), NULL, num(0));
            assert_int_equal(delete_item(&r, TABLE, key), OK);
        }
        trim_and_sweep(&r);
        uint64_t disk = disk_after_reclaim(&r);
        assert_true(disk > all / 2 && disk < all / 2 + all / 20);
        assert_int_equal(part_table_counts(r.part, TABLE).items, BIG_ITEMS / 2);
        assert_int_equal(part_check(r.part), OK);
        empty_test_table(&r);
        trim_and_sweep(&r);
        assert_true(disk_after_reclaim(&r) < all / 20);
        region_stop(&r);
    }
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
