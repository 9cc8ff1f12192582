#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/impl.h"
#include "part/test_util.h"

#include <cmocka.h>

enum { KEYS = 24, STEPS = 4000 };

static uint64_t hash_of(struct bytes key)
{
    return hash64(key, 0);
}

static bool holds(struct row_cache *c, const char *key, const char *value)
{
    struct bytes k = bytes_str(key);
    struct bytes found;
    bool present;
    return row_cache_find(c, k, hash_of(k), &present, &found) && present == (value != NULL) &&
           (value == NULL || bytes_eq(found, bytes_str(value)));
}

static void put(struct row_cache *c, const char *key, const char *value)
{
    struct bytes k = bytes_str(key);
    struct bytes v = value == NULL ? BYTES_NONE : bytes_str(value);
    row_cache_put(c, k, hash_of(k), value != NULL, v);
}

/* The last of what was put under a key is found, be it shorter, longer or that there is nothing;
 * what was forgotten is not, nor another key that leads to the same slot. */
static void test_last_put(void **state)
{
    (void)state;
    struct row_cache c = {0};
    assert_false(holds(&c, "a", "1"));
    put(&c, "a", "1");
    put(&c, "b", NULL);
    assert_true(holds(&c, "a", "1"));
    assert_true(holds(&c, "b", NULL));
    put(&c, "a", "a longer one");
    assert_true(holds(&c, "a", "a longer one"));
    put(&c, "a", "2");
    assert_true(holds(&c, "a", "2"));
    row_cache_put(&c, BYTES_LIT("z"), hash_of(BYTES_LIT("a")), true, BYTES_LIT("3"));
    assert_false(holds(&c, "a", "2"));
    row_cache_forget(&c, BYTES_LIT("b"), hash_of(BYTES_LIT("b")));
    assert_false(holds(&c, "b", NULL));
    put(&c, "b", "4");
    row_cache_clear(&c);
    assert_false(holds(&c, "b", "4"));
    assert_int_equal(c.bytes, 0);
    row_cache_done(&c);
}

/* A row too large for the cache takes with it what stood there for its key; and however much is
 * put, no more than the bound and one row stays. */
static void test_bounds(void **state)
{
    (void)state;
    struct row_cache c = {0};
    static uint8_t large[64 << 10];
    struct bytes key = BYTES_LIT("a");
    put(&c, "a", "1");
    row_cache_put(&c, key, hash_of(key), true, bytes_of(large, sizeof large));
    assert_false(holds(&c, "a", "1"));
    for (uint64_t i = 0; i < 100000; i++) {
        struct bytes k = bytes_of((const uint8_t *)&i, sizeof i);
        row_cache_put(&c, k, hash_of(k), true, bytes_of(large, 8000));
        assert_true(c.bytes <= (8 << 20) + 16384);
    }
    row_cache_done(&c);
}

static const struct value *thing(struct region *r, int64_t sk, const char *note)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), "note", str(note));
}

/* How many rows the cache knows, each of them as the engine has it. */
static size_t agree(struct region *r, struct row_cache *c)
{
    size_t known = 0;
    struct buf row;
    struct buf stored;
    buf_init(&row, 4096);
    buf_init(&stored, 4096);
    for (int64_t i = 0; i < KEYS; i++) {
        struct value key = *item_of(&r->arena, "pk", str("p"), "sk", num(i), NULL, num(0));
        buf_clear(&row);
        buf_clear(&stored);
        assert_true(
            layout_data_key(&row, TABLE, key_in(&r->arena, part_find_table(r->part, TABLE), &key)));
        struct bytes found;
        bool present;
        if (row_cache_find(c, buf_bytes(&row), hash_of(buf_bytes(&row)), &present, &found)) {
            enum err e = engine_get(r->engine, NULL, buf_bytes(&row), &stored);
            assert_int_equal(e, present ? OK : ERR_NOT_FOUND);
            assert_true(!present || bytes_eq(found, buf_bytes(&stored)));
            known++;
        }
    }
    buf_done(&row);
    buf_done(&stored);
    return known;
}

/* Whatever is done to a table, writes that fail their condition, sweeps and drops among it, the
 * cache never says anything else than the engine, and does know rows. */
static void test_equals_engine(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    uint32_t random = 1;
    size_t known = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        random = random * 1664525 + 1013904223;
        int64_t sk = (random >> 8) % KEYS;
        unsigned what = (random >> 20) % 100;
        r.now_ms += 1;
        if (what < 55) {
            const char *note = step % 3 == 0 ? "short" : "something that takes more room than that";
            assert_int_equal(put_item(&r, TABLE, thing(&r, sk, note)), OK);
        } else if (what < 90) {
            assert_int_equal(delete_item(&r, TABLE, thing(&r, sk, "")), OK);
        } else if (what < 99) {
            struct part_cmd sweep = {
                .kind = PART_CMD_SWEEP,
                .sweep = {.below = hlc_of_ms(r.now_ms - 5), .tombstones_max = 4},
            };
            assert_int_equal(commit_one(&r, &sweep), OK);
        } else {
            empty_test_table(&r);
        }
        known += agree(&r, &r.part->rows);
        if (step % 100 == 0) {
            arena_clear(&r.arena);
        }
    }
    assert_true(known > STEPS);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_last_put),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_equals_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
