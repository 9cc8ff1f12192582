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

enum { BIG_ITEMS = 100, BIG_BYTES = 100000, RECLAIM_MIN = 1 << 20, NAME_BYTES = 300 };

static const uint64_t all = (uint64_t)BIG_ITEMS * BIG_BYTES;

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

/* Until nothing is worth it any more, or a snapshot is in the way; how many spans were rewritten.
 */
static unsigned reclaim_all(struct region *r, struct part_reclaimer *rc, bool *ret_later)
{
    const struct part_reader reader = {.engine = r->engine};
    struct part_reclaimed found = {.what = PART_RECLAIM_SOME};
    unsigned n = 0;
    *ret_later = part_reclaim_must_wait(rc, &reader);
    while (found.what == PART_RECLAIM_SOME && !*ret_later) {
        struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = part_reclaim_prepare}};
        assert_int_equal(commit_one(r, &cmd), OK);
        found = part_reclaim(rc, &reader);
        n += found.what == PART_RECLAIM_SOME;
        assert_true(n < 20);
        *ret_later = part_reclaim_must_wait(rc, &reader);
    }
    return n;
}

static void reclaim(struct region *r, struct part_reclaimer *rc)
{
    bool later;
    (void)reclaim_all(r, rc, &later);
    assert_false(later);
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

static void start_big(struct region *r, const char *path)
{
    *r = (struct region){.now_ms = NOW_MS};
    arena_init(&r->arena, SIZE_MAX / 2);
    r->config = (struct part_config){.region = {7}, .batch_bytes_max = 1 << 20};
    open_rocks(r, path);
    empty_test_table(r);
    struct prng rng = prng_seeded(1);
    for (int64_t i = 0; i < BIG_ITEMS; i++) {
        put_big(r, &rng, i);
    }
}

static void delete_half(struct region *r)
{
    for (int64_t i = 0; i < BIG_ITEMS; i += 2) {
        const struct value *key = item_of(&r->arena, "pk", str("a"), "sk", num(i), NULL, num(0));
        assert_int_equal(delete_item(r, TABLE, key), OK);
    }
    sweep(r);
}

static void stop_big(struct region *r, struct part_reclaimer *rc)
{
    part_reclaimer_free(rc);
    empty_test_table(r);
    trim(r);
    region_stop(r);
}

/* Nobody writes any more, and yet what was deleted, trimmed and dropped, an index too, leaves the
 * disk, also when the store was opened anew meanwhile; what is alive stays. */
static void test_space(void **state)
{
    for (int round = 0; round < 2; round++) {
        struct region r;
        struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN);
        start_big(&r, *state);
        delete_half(&r);
        if (round == 1) {
            reopen(&r, *state);
        }
        reclaim(&r, rc);
        assert_in_range(bytes_of_kind(&r, 'd'), all * 4 / 10, all * 8 / 10);
        assert_in_range(bytes_of_kind(&r, 'i'), all * 4 / 10, all * 8 / 10);
        assert_true(bytes_of_kind(&r, 'l') > all);
        trim(&r);
        reclaim(&r, rc);
        assert_true(bytes_of_kind(&r, 'l') < 2 * RECLAIM_MIN);
        assert_int_equal(part_table_counts(r.part, TABLE).items, BIG_ITEMS / 2);
        assert_int_equal(part_check(r.part), OK);
        if (round == 0) {
            drop_index(&r);
            reclaim(&r, rc);
            assert_true(bytes_of_kind(&r, 'i') < 2 * RECLAIM_MIN);
            assert_true(bytes_of_kind(&r, 'd') > all * 4 / 10);
            assert_int_equal(part_check(r.part), OK);
        }
        empty_test_table(&r);
        reclaim(&r, rc);
        assert_true(bytes_of_kind(&r, 'd') < 2 * RECLAIM_MIN);
        assert_true(bytes_of_kind(&r, 'i') < 2 * RECLAIM_MIN);
        stop_big(&r, rc);
    }
}

/* A snapshot holds what was deleted or dropped after it was opened: what was tried in vain
 * meanwhile is tried again when it is closed, and no more while it is open. When the first is
 * closed, the engine gets to it before we do, as it may; that is not held against the second. */
static void test_space_held(void **state)
{
    struct region r;
    struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN);
    start_big(&r, *state);
    struct engine_snapshot *snap = engine_snapshot_open(r.engine);
    delete_half(&r);
    bool later;
    (void)reclaim_all(&r, rc, &later);
    assert_true(later);
    assert_int_equal(reclaim_all(&r, rc, &later), 0);
    assert_true(later);
    assert_true(bytes_of_kind(&r, 'd') > all * 9 / 10);
    engine_snapshot_close(snap);
    engine_reclaim(r.engine, BYTES_LIT("d"), BYTES_LIT("e"));
    reclaim(&r, rc);
    assert_in_range(bytes_of_kind(&r, 'd'), all * 4 / 10, all * 8 / 10);
    snap = engine_snapshot_open(r.engine);
    empty_test_table(&r);
    (void)reclaim_all(&r, rc, &later);
    assert_true(later);
    assert_true(bytes_of_kind(&r, 'd') > all * 4 / 10);
    engine_snapshot_close(snap);
    reclaim(&r, rc);
    assert_true(bytes_of_kind(&r, 'd') < 2 * RECLAIM_MIN);
    stop_big(&r, rc);
}

/* A few deletions, however often, do not have a table rewritten again and again. */
static void test_reclaim_rests(void **state)
{
    struct region r;
    struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN);
    start_big(&r, *state);
    trim(&r);
    reclaim(&r, rc);
    for (int64_t round = 0; round < 10; round++) {
        for (int64_t i = 0; i < 20; i++) {
            const struct value *small =
                item_of(&r.arena, "pk", str("tiny"), "sk", num(i), NULL, num(0));
            assert_int_equal(put_item(&r, TABLE, small), OK);
            assert_int_equal(delete_item(&r, TABLE, small), OK);
        }
        sweep(&r);
        bool later;
        assert_int_equal(reclaim_all(&r, rc, &later), 0);
        assert_false(later);
    }
    stop_big(&r, rc);
}

/* A key that compression does not make small. */
static const struct value *noisy_key(struct region *r, struct prng *rng)
{
    uint8_t *name = arena_alloc(&r->arena, NAME_BYTES);
    for (size_t i = 0; i < NAME_BYTES; i++) {
        name[i] = (uint8_t)prng_between(rng, 'A', 'z');
    }
    struct value pk = {.type = VALUE_STRING, .bytes = bytes_of(name, NAME_BYTES)};
    return item_of(&r->arena, "pk", pk, "sk", num(1), NULL, num(0));
}

/* Tombstones are in no counter. A queue that is often empty, with many of them in their grace, is
 * not rewritten each time it is. */
static void test_tombstones_rest(void **state)
{
    struct region r;
    struct part_reclaimer *rc = part_reclaimer_new(RECLAIM_MIN / 16);
    struct prng rng = prng_seeded(3);
    start_big(&r, *state);
    empty_test_table(&r);
    for (int64_t i = 0; i < 800; i++) {
        const struct value *key = noisy_key(&r, &rng);
        assert_int_equal(put_item(&r, TABLE, key), OK);
        assert_int_equal(delete_item(&r, TABLE, key), OK);
    }
    trim(&r);
    reopen(&r, *state); /* what is in memory only takes no space in files */
    reclaim(&r, rc);
    assert_true(bytes_of_kind(&r, 'd') > 2 * RECLAIM_MIN / 16);
    const struct value *one = noisy_key(&r, &rng);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(i % 2 == 0 ? put_item(&r, TABLE, one) : delete_item(&r, TABLE, one), OK);
        bool later;
        assert_int_equal(reclaim_all(&r, rc, &later), 0);
    }
    stop_big(&r, rc);
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
        cmocka_unit_test_prestate(test_space_held, argv[1]),
        cmocka_unit_test_prestate(test_reclaim_rests, argv[1]),
        cmocka_unit_test_prestate(test_tombstones_rest, argv[1]),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
