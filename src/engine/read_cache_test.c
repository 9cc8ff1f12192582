#include "engine/read_cache.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

enum { CACHE_BYTES = 64 << 10, ONE_SET_BYTES = 1 << 10 };

/* Whether the row is here, and if not what the look says. */
static bool look_for(
    struct read_cache *c, const char *key, struct read_look *ret, const char *value)
{
    struct buf b;
    buf_init(&b, 1000);
    bool found = read_cache_find(c, bytes_str(key), ret, &b);
    assert_true(!found || bytes_eq(buf_bytes(&b), bytes_str(value)));
    buf_done(&b);
    return found;
}

static void keep(struct read_cache *c, const char *key, const char *value)
{
    struct read_look look;
    assert_false(look_for(c, key, &look, ""));
    assert_false(look_for(c, key, &look, ""));
    assert_true(look.wanted);
    read_cache_fill(c, &look, bytes_str(key), bytes_str(value));
}

/* A row is wanted when it was asked for twice, is found with its value, that of another key of its
 * set is not taken for it, and an empty value is one. */
static void test_second_read(void **state)
{
    (void)state;
    struct read_cache *c = read_cache_new(CACHE_BYTES);
    struct read_look look;
    assert_false(look_for(c, "a", &look, ""));
    assert_false(look.wanted);
    keep(c, "a", "one");
    keep(c, "b", "");
    assert_true(look_for(c, "a", &look, "one"));
    assert_true(look_for(c, "b", &look, ""));
    assert_true(read_cache_bytes(c) > 0);
    read_cache_free(c);
    read_cache_free(NULL);
}

/* A write to the row, or of a range, hides it from its beginning on, and what was read before or
 * during the write is believed by nobody. */
static void test_writes_hide(void **state)
{
    (void)state;
    struct read_cache *c = read_cache_new(CACHE_BYTES);
    uint64_t hash = read_cache_hash(BYTES_LIT("a"));
    for (int range = 0; range < 2; range++) {
        struct read_look before;
        struct read_look during;
        struct read_look look;
        keep(c, "a", "old");
        assert_true(look_for(c, "a", &look, "old"));
        range == 1 ? read_cache_begin_all(c) : read_cache_begin(c, &hash, 1);
        range == 1 ? read_cache_begin_all(c) : read_cache_begin(c, &hash, 1); /* twice in a batch */
        assert_false(look_for(c, "a", &during, ""));
        assert_false(during.wanted);
        before = look;
        before.wanted = true;
        read_cache_fill(c, &before, BYTES_LIT("a"), BYTES_LIT("old"));
        assert_false(look_for(c, "a", &look, ""));
        range == 1 ? read_cache_end_all(c) : read_cache_end(c, &hash, 1);
        assert_false(look_for(c, "a", &look, ""));
        read_cache_fill(c, &before, BYTES_LIT("a"), BYTES_LIT("old"));
        read_cache_fill(c, &during, BYTES_LIT("a"), BYTES_LIT("old"));
        assert_false(look_for(c, "a", &look, ""));
        read_cache_fill(c, &look, BYTES_LIT("a"), BYTES_LIT("new"));
        assert_true(look_for(c, "a", &look, "new"));
        read_cache_begin(c, &hash, 1);
        read_cache_end(c, &hash, 1);
    }
    read_cache_free(c);
}

/* As many rows as a set has ways are found side by side, however they came in. */
static void test_all_ways(void **state)
{
    (void)state;
    struct read_cache *c = read_cache_new(ONE_SET_BYTES);
    const char *keys[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        keep(c, keys[i], keys[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        struct read_look look;
        assert_true(look_for(c, keys[i], &look, keys[i]));
    }
    read_cache_free(c);
}

/* However many rows come, they take no more than their bound; large ones are not kept; and rows
 * that come late still find a place. */
static void test_bounds(void **state)
{
    (void)state;
    struct read_cache *c = read_cache_new(CACHE_BYTES);
    char value[5000];
    char key[16];
    size_t found = 0;
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < 3000; i++) {
        struct bytes v = bytes_of(value, i % 7 == 0 ? sizeof value : i % 1000);
        struct bytes k = bytes_of(key, (size_t)snprintf(key, sizeof key, "key-%zu", i));
        struct read_look look;
        struct buf b;
        buf_init(&b, sizeof value);
        for (int read = 0; read < 3; read++) {
            if (read_cache_find(c, k, &look, &b)) {
                assert_true(bytes_eq(buf_bytes(&b), v));
                assert_true(v.len < sizeof value);
                found += i > 2000;
            } else if (look.wanted) {
                read_cache_fill(c, &look, k, v);
            }
        }
        buf_done(&b);
        assert_in_range(read_cache_bytes(c), 0, CACHE_BYTES);
    }
    assert_true(found > 500);
    read_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_read),
        cmocka_unit_test(test_writes_hide),
        cmocka_unit_test(test_all_ways),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
