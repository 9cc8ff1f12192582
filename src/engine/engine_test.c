#include "engine/engine.h"

#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

enum { DIR_LEN = 64, SNAPS = 3 };

struct both {
    char dir[DIR_LEN];
    struct engine *mem;
    struct engine *rocks;
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum err open_rocks(const char *dir, struct engine **ret)
{
    struct arena a;
    arena_init(&a, 4096);
    struct bytes msg = BYTES_NONE;
    const struct engine_rocks_config config = {
        .path = dir,
        .cache_bytes = 1 << 20,
        .write_buffer_bytes = 64 << 10, /* so that flushes and compactions take part */
        .rows_kept = 'a',
    };
    enum err e = engine_rocks_open(&config, &a, ret, &msg);
    assert_int_equal(e != OK, msg.len > 0);
    arena_done(&a);
    return e;
}

static void make_dir(char dir[DIR_LEN])
{
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(dir, DIR_LEN, "%s/godwit-engine-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(dir));
}

static int setup(void **state)
{
    struct both *b = calloc(1, sizeof *b);
    make_dir(b->dir);
    b->mem = engine_mem_new();
    assert_int_equal(open_rocks(b->dir, &b->rocks), OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct both *b = *state;
    engine_close(b->mem);
    engine_close(b->rocks);
    remove_tree(b->dir);
    free(b);
    return 0;
}

static void put_one(struct engine *e, const char *key, const char *value, bool sync)
{
    struct engine_batch *b = engine_batch_new(e);
    engine_batch_put(b, bytes_str(key), bytes_str(value));
    assert_int_equal(engine_write(e, b, sync), OK);
    engine_batch_free(b);
}

static bool has(struct engine *e, struct engine_snapshot *s, const char *key)
{
    struct buf got;
    buf_init(&got, 4000);
    enum err err = engine_get(e, s, bytes_str(key), &got);
    assert_true(err == OK || err == ERR_NOT_FOUND);
    buf_done(&got);
    return err == OK;
}

/* ---- differential: random operations on both makers, compared all the way ---- */

struct key {
    uint8_t text[4];
    size_t len;
};

/* Few enough keys that everything collides; prefixes of each other, with 0x00 and 0xff among the
 * bytes. */
static struct bytes random_key(struct prng *p, struct key *k)
{
    static const uint8_t alphabet[] = {0x00, 0x01, 'a', 'b', 0xff};
    k->len = prng_below(p, 50) == 0 ? 0 : prng_between(p, 1, sizeof k->text);
    for (size_t i = 0; i < k->len; i++) {
        k->text[i] = alphabet[prng_below(p, sizeof alphabet)];
    }
    return bytes_of(k->text, k->len);
}

static void random_write(struct prng *p, struct both *b)
{
    struct engine_batch *to[2] = {engine_batch_new(b->mem), engine_batch_new(b->rocks)};
    uint64_t n = prng_below(p, 12);
    for (uint64_t i = 0; i < n; i++) {
        struct key k1;
        struct key k2;
        uint8_t value[300];
        uint64_t what = prng_below(p, 20);
        struct bytes lo = random_key(p, &k1);
        struct bytes hi = random_key(p, &k2);
        struct bytes v = bytes_of(value, prng_below(p, sizeof value));
        memset(value, (int)prng_below(p, 256), sizeof value);
        for (int e = 0; e < 2; e++) {
            if (what < 13) {
                engine_batch_put(to[e], lo, v);
            } else if (what < 18) {
                engine_batch_delete(to[e], lo);
            } else if (hi.len > 0) {
                engine_batch_delete_range(to[e], lo, hi);
            }
        }
    }
    bool sync = prng_chance(p, 100);
    assert_int_equal(engine_batch_count(to[0]), engine_batch_count(to[1]));
    assert_int_equal(engine_write(b->mem, to[0], sync), OK);
    assert_int_equal(engine_write(b->rocks, to[1], sync), OK);
    engine_batch_free(to[0]);
    engine_batch_free(to[1]);
}

static void compare_get(
    struct prng *p, struct both *b, struct engine_snapshot *sm, struct engine_snapshot *sr)
{
    struct key k;
    struct bytes key = random_key(p, &k);
    struct buf vm;
    struct buf vr;
    buf_init(&vm, 1000);
    buf_init(&vr, 1000);
    for (int read = 0; read < 3; read++) { /* the third may come from the rows that are kept */
        buf_clear(&vm);
        buf_clear(&vr);
        assert_int_equal(engine_get(b->mem, sm, key, &vm), engine_get(b->rocks, sr, key, &vr));
        assert_true(bytes_eq(buf_bytes(&vm), buf_bytes(&vr)));
    }
    buf_done(&vm);
    buf_done(&vr);
}

static bool random_move(struct engine_iter *it, unsigned what, struct bytes key)
{
    switch (what) {
    case 0:
        return engine_iter_first(it);
    case 1:
        return engine_iter_last(it);
    case 2:
    case 3:
        return engine_iter_seek(it, key);
    case 4:
    case 5:
        return engine_iter_seek_back(it, key);
    case 6:
    case 7:
    case 8:
        return engine_iter_prev(it);
    default:
        return engine_iter_next(it);
    }
}

/* Walks two iterators in step; writes that fall in between must not show. */
static void compare_walk(
    struct prng *p, struct both *b, struct engine_snapshot *sm, struct engine_snapshot *sr)
{
    struct key k1;
    struct key k2;
    struct bytes lo = prng_chance(p, 300) ? BYTES_NONE : random_key(p, &k1);
    struct bytes hi = prng_chance(p, 300) ? BYTES_NONE : random_key(p, &k2);
    struct engine_iter *im = engine_iter_open(b->mem, sm, lo, hi);
    struct engine_iter *ir = engine_iter_open(b->rocks, sr, lo, hi);
    memset(&k1, 0xee, sizeof k1); /* bounds are the iterator's own by now */
    memset(&k2, 0xee, sizeof k2);
    uint64_t n = prng_below(p, 60);
    for (uint64_t i = 0; i < n; i++) {
        struct key k;
        struct bytes key = random_key(p, &k);
        unsigned what = (unsigned)prng_below(p, 14);
        bool on = random_move(im, what, key);
        assert_int_equal(random_move(ir, what, key), on);
        if (on) {
            assert_true(bytes_eq(engine_iter_key(im), engine_iter_key(ir)));
            assert_true(bytes_eq(engine_iter_value(im), engine_iter_value(ir)));
        }
        assert_int_equal(engine_iter_err(im), OK);
        assert_int_equal(engine_iter_err(ir), OK);
        if (i % 16 == 15) {
            random_write(p, b);
        }
    }
    engine_iter_close(im);
    engine_iter_close(ir);
}

static void compare_all(struct both *b)
{
    struct engine_iter *im = engine_iter_open(b->mem, NULL, BYTES_NONE, BYTES_NONE);
    struct engine_iter *ir = engine_iter_open(b->rocks, NULL, BYTES_NONE, BYTES_NONE);
    for (;;) {
        bool on = engine_iter_next(im);
        assert_int_equal(engine_iter_next(ir), on);
        if (!on) {
            break;
        }
        assert_true(bytes_eq(engine_iter_key(im), engine_iter_key(ir)));
        assert_true(bytes_eq(engine_iter_value(im), engine_iter_value(ir)));
    }
    engine_iter_close(im);
    engine_iter_close(ir);
}

static void renew_snapshot(
    struct prng *p,
    struct both *b,
    struct engine_snapshot *sm[SNAPS],
    struct engine_snapshot *sr[SNAPS])
{
    uint64_t i = prng_below(p, SNAPS);
    engine_snapshot_close(sm[i]);
    engine_snapshot_close(sr[i]);
    bool open = prng_chance(p, 800);
    sm[i] = open ? engine_snapshot_open(b->mem) : NULL;
    sr[i] = open ? engine_snapshot_open(b->rocks) : NULL;
}

static void run_differential(struct both *b, uint64_t seed, int steps)
{
    struct prng p = prng_seeded(seed);
    struct engine_snapshot *sm[SNAPS] = {NULL};
    struct engine_snapshot *sr[SNAPS] = {NULL};
    for (int i = 0; i < steps; i++) {
        uint64_t what = prng_below(&p, 10);
        uint64_t s = prng_below(&p, SNAPS);
        if (what < 5) {
            random_write(&p, b);
        } else if (what < 7) {
            compare_get(&p, b, sm[s], sr[s]);
        } else if (what < 9) {
            compare_walk(&p, b, sm[s], sr[s]);
        } else {
            renew_snapshot(&p, b, sm, sr);
        }
    }
    for (int i = 0; i < SNAPS; i++) {
        engine_snapshot_close(sm[i]);
        engine_snapshot_close(sr[i]);
    }
    compare_all(b);
}

/* The same random history in memory and in RocksDB reads the same everywhere, also after reopening.
 */
static void test_differential(void **state)
{
    struct both *b = *state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        run_differential(b, seed, 1000);
        engine_close(b->rocks);
        assert_int_equal(open_rocks(b->dir, &b->rocks), OK);
        compare_all(b);
    }
}

/* Later operations of a batch win over earlier ones, ranges included; a cleared batch starts anew.
 */
static void check_batch_order(struct engine *e)
{
    struct engine_batch *b = engine_batch_new(e);
    engine_batch_put(b, BYTES_LIT("x"), BYTES_LIT("1"));
    engine_batch_clear(b);
    assert_int_equal(engine_batch_count(b), 0);
    engine_batch_put(b, BYTES_LIT("a"), BYTES_LIT("1"));
    engine_batch_put(b, BYTES_LIT("b"), BYTES_LIT("1"));
    engine_batch_delete_range(b, BYTES_LIT("a"), BYTES_LIT("b"));
    engine_batch_delete_range(b, BYTES_LIT("b"), BYTES_LIT("a")); /* nothing */
    engine_batch_put(b, BYTES_LIT("c"), BYTES_LIT("1"));
    engine_batch_delete(b, BYTES_LIT("c"));
    assert_int_equal(engine_batch_count(b), 5);
    assert_true(engine_batch_bytes(b) >= 10);
    assert_int_equal(engine_write(e, b, true), OK);
    assert_int_equal(engine_batch_count(b), 5);
    engine_batch_free(b);
    assert_false(has(e, NULL, "x"));
    assert_false(has(e, NULL, "a"));
    assert_true(has(e, NULL, "b"));
    assert_false(has(e, NULL, "c"));
}

/* Later operations of a batch win over earlier ones, ranges included; a cleared batch starts anew.
 */
static void test_batch_order(void **state)
{
    struct both *b = *state;
    check_batch_order(b->mem);
    check_batch_order(b->rocks);
}

/* A value that does not fit the caller's buffer is an error, not a cut value. */
static void test_get_bound(void **state)
{
    struct both *b = *state;
    struct engine *engines[] = {b->mem, b->rocks};
    for (int i = 0; i < 2; i++) {
        put_one(engines[i], "k", "too long", true);
        struct buf got;
        buf_init(&got, 3);
        assert_int_equal(engine_get(engines[i], NULL, BYTES_LIT("k"), &got), ERR_TOO_BIG);
        buf_done(&got);
    }
}

/* ---- memory only ---- */

/* A crash takes back what was not synced, and what was open before it reads as lost. */
static void test_mem_crash(void **state)
{
    struct engine *e = ((struct both *)*state)->mem;
    put_one(e, "a", "1", true);
    put_one(e, "b", "1", false);
    struct engine_snapshot *s = engine_snapshot_open(e);
    struct engine_iter *it = engine_iter_open(e, NULL, BYTES_NONE, BYTES_NONE);
    struct engine_iter *never_closed = engine_iter_open(e, s, BYTES_NONE, BYTES_NONE);
    assert_true(engine_iter_first(it));
    assert_true(engine_iter_first(never_closed));
    engine_mem_crash(e);
    assert_true(has(e, NULL, "a"));
    assert_false(has(e, NULL, "b"));
    assert_false(engine_iter_next(it));
    assert_int_equal(engine_iter_err(it), ERR_IO);
    assert_false(engine_iter_first(it));
    struct buf got;
    buf_init(&got, 10);
    assert_int_equal(engine_get(e, s, BYTES_LIT("a"), &got), ERR_IO);
    buf_done(&got);
    engine_iter_close(it);
    put_one(e, "b", "2", false);
    put_one(e, "c", "2", true); /* a sync covers what was written before it */
    engine_mem_crash(e);
    assert_true(has(e, NULL, "b"));
    assert_true(has(e, NULL, "c"));
}

static enum err try_put(struct engine *e, const char *key)
{
    struct engine_batch *b = engine_batch_new(e);
    engine_batch_put(b, bytes_str(key), BYTES_LIT("v"));
    enum err err = engine_write(e, b, true);
    engine_batch_free(b);
    return err;
}

/* The n-th write fails, once or for ever, and its batch is there after a restart only if `applied`.
 */
static void test_mem_write_fault(void **state)
{
    struct engine *e = ((struct both *)*state)->mem;
    engine_mem_fail_write(e, 2, /* for_ever= */ false, /* applied= */ false);
    assert_int_equal(try_put(e, "a"), OK);
    assert_int_equal(try_put(e, "b"), ERR_IO);
    assert_int_equal(try_put(e, "c"), OK);
    engine_mem_fail_write(e, 1, /* for_ever= */ true, /* applied= */ true);
    assert_int_equal(try_put(e, "d"), ERR_IO);
    assert_int_equal(try_put(e, "e"), ERR_IO);
    engine_mem_fail_write(e, 0, false, false);
    assert_int_equal(try_put(e, "f"), OK);
    engine_mem_crash(e);
    assert_true(has(e, NULL, "a"));
    assert_false(has(e, NULL, "b"));
    assert_true(has(e, NULL, "c"));
    assert_true(has(e, NULL, "d"));
    assert_true(has(e, NULL, "e"));
    assert_true(has(e, NULL, "f"));
}

/* Memory's sizes are exact: all bytes of keys and values in the range. */
static void test_mem_sizes(void **state)
{
    struct engine *e = ((struct both *)*state)->mem;
    put_one(e, "a", "12345", true);
    put_one(e, "b", "123", true);
    put_one(e, "c", "1", true);
    put_one(e, "b", "1234", true);
    assert_int_equal(engine_range_bytes(e, BYTES_NONE, BYTES_NONE), 13);
    assert_int_equal(engine_range_bytes(e, BYTES_LIT("b"), BYTES_LIT("c")), 5);
    assert_int_equal(engine_range_bytes(e, BYTES_LIT("b"), BYTES_NONE), 7);
    assert_int_equal(engine_range_bytes(e, BYTES_LIT("c"), BYTES_LIT("b")), 0);
    struct engine_stats stats;
    engine_stats(e, &stats);
    assert_int_equal(stats.memory_bytes, 13);
    assert_int_equal(engine_checkpoint(e, "/nowhere"), ERR_INVALID);
}

/* ---- RocksDB only ---- */

/* A second opening of the same directory is refused by name. */
static void test_rocks_in_use(void **state)
{
    struct both *b = *state;
    struct engine *second = NULL;
    assert_int_equal(open_rocks(b->dir, &second), ERR_IN_USE);
    assert_null(second);
}

/* A directory that cannot be made is an I/O error with a reason. */
static void test_rocks_no_directory(void **state)
{
    (void)state;
    struct engine *e = NULL;
    assert_int_equal(open_rocks("/proc/nowhere/db", &e), ERR_IO);
    assert_null(e);
}

/* A checkpoint opens as a store of its own with the state of its moment, and is never written over
 * another. */
static void test_rocks_checkpoint(void **state)
{
    struct both *b = *state;
    char path[DIR_LEN + 8];
    (void)snprintf(path, sizeof path, "%s-copy", b->dir);
    put_one(b->rocks, "before", "1", false);
    assert_int_equal(engine_checkpoint(b->rocks, path), OK);
    assert_int_equal(engine_checkpoint(b->rocks, path), ERR_EXISTS);
    put_one(b->rocks, "after", "1", true);
    struct engine *copy;
    assert_int_equal(open_rocks(path, &copy), OK);
    assert_true(has(copy, NULL, "before"));
    assert_false(has(copy, NULL, "after"));
    engine_close(copy);
    remove_tree(path);
}

/* Rows that lie in files go on taking space when they are deleted; reclaiming gives it back, leaves
 * the rows around them, and is not needed by memory. */
static void test_reclaim(void **state)
{
    struct both *b = *state;
    const struct bytes lo = BYTES_LIT("l");
    const struct bytes hi = BYTES_LIT("m");
    char key[16];
    char value[1001];
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 500; i++) {
        (void)snprintf(key, sizeof key, "l%06d", i);
        put_one(b->rocks, key, value, true);
    }
    put_one(b->rocks, "d", "1", true);
    put_one(b->rocks, "m", "1", true);
    struct engine_batch *batch = engine_batch_new(b->rocks);
    engine_batch_delete_range(batch, lo, hi);
    assert_int_equal(engine_write(b->rocks, batch, true), OK);
    engine_batch_free(batch);
    assert_true(engine_range_bytes(b->rocks, lo, hi) > 100000);
    engine_reclaim(b->rocks, lo, hi);
    assert_int_equal(engine_range_bytes(b->rocks, lo, hi), 0);
    assert_true(has(b->rocks, NULL, "d"));
    assert_true(has(b->rocks, NULL, "m"));
    engine_reclaim(b->mem, lo, hi);
    engine_reclaim_stop(b->rocks);
    engine_reclaim(b->rocks, lo, hi);
}

/* ---- rows that are kept ---- */

static uint64_t memory_of(struct engine *e)
{
    struct engine_stats stats;
    engine_stats(e, &stats);
    return stats.memory_bytes;
}

/* A row of the kind that is kept is, once it was read twice; deleted by itself or with a range, it
 * is gone at once. Rows of other kinds are not kept. */
static void test_rows_kept(void **state)
{
    struct both *b = *state;
    char value[2000];
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    for (int round = 0; round < 2; round++) {
        const char *key = round == 0 ? "ab" : "ac";
        put_one(b->rocks, key, value, true);
        put_one(b->rocks, "xb", value, true);
        uint64_t before = memory_of(b->rocks);
        assert_true(has(b->rocks, NULL, "xb") && has(b->rocks, NULL, "xb"));
        assert_int_equal(memory_of(b->rocks), before);
        assert_true(has(b->rocks, NULL, key) && has(b->rocks, NULL, key));
        assert_true(memory_of(b->rocks) > before + sizeof value);
        assert_true(has(b->rocks, NULL, key));
        struct engine_batch *batch = engine_batch_new(b->rocks);
        if (round == 0) {
            engine_batch_delete(batch, bytes_str(key));
        } else {
            engine_batch_delete_range(batch, BYTES_LIT("aa"), BYTES_LIT("b"));
        }
        assert_int_equal(engine_write(b->rocks, batch, true), OK);
        engine_batch_free(batch);
        assert_false(has(b->rocks, NULL, key));
    }
}

/* ---- many reading while one writes ---- */

enum { KEYS = 4, READERS = 2, WRITES = 20000 };

struct race {
    struct engine *engine;
    _Atomic uint64_t written[KEYS]; /* what was acknowledged */
    atomic_bool over;
    atomic_bool wrong;
};

static struct bytes race_key(char text[2], uint64_t i)
{
    text[0] = 'a'; /* whose rows are kept */
    text[1] = (char)('0' + i);
    return bytes_of(text, 2);
}

static void *read_on(void *arg)
{
    struct race *race = arg;
    uint64_t seen[KEYS] = {0};
    for (uint64_t i = 0; !race->over; i++) {
        char text[2];
        struct buf b;
        uint64_t got = 0;
        uint64_t least = race->written[i % KEYS];
        buf_init(&b, sizeof got);
        enum err e = engine_get(race->engine, NULL, race_key(text, i % KEYS), &b);
        if (e == OK && b.len == sizeof got) {
            memcpy(&got, b.base, sizeof got);
        }
        buf_done(&b);
        least = seen[i % KEYS] > least ? seen[i % KEYS] : least;
        if (got < least || (e != OK && e != ERR_NOT_FOUND)) {
            race->wrong = true;
        }
        seen[i % KEYS] = got;
    }
    return NULL;
}

/* Nobody reads less than what was acknowledged before it asked, nor than what it read before. */
static void test_race(void **state)
{
    struct both *both = *state;
    struct race race = {.engine = both->rocks};
    pthread_t readers[READERS];
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &race), 0);
    }
    struct engine_batch *b = engine_batch_new(race.engine);
    for (uint64_t i = 1; i <= WRITES; i++) {
        char text[2];
        engine_batch_clear(b);
        engine_batch_put(b, race_key(text, i % KEYS), bytes_of(&i, sizeof i));
        assert_int_equal(engine_write(race.engine, b, /* sync= */ false), OK);
        race.written[i % KEYS] = i;
    }
    race.over = true;
    for (int i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i], NULL), 0);
    }
    assert_false(race.wrong);
    engine_batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_differential, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batch_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_get_bound, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mem_crash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mem_write_fault, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mem_sizes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rocks_in_use, setup, teardown),
        cmocka_unit_test(test_rocks_no_directory),
        cmocka_unit_test_setup_teardown(test_rocks_checkpoint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reclaim, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_race, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
