/* Token buckets. */
#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* A fresh bucket holds five minutes' worth, then gives what a second brings. */
static void test_burst(void **state)
{
    (void)state;
    struct bucket b = bucket_full(10, 1000);
    for (int i = 0; i < 3000; i++) {
        assert_true(bucket_has(&b, 1000));
        bucket_take(&b, 2);
    }
    assert_false(bucket_has(&b, 1000));
    assert_false(bucket_has(&b, 1000));
    for (int i = 0; i < 10; i++) {
        assert_true(bucket_has(&b, 2000));
        bucket_take(&b, 2);
    }
    assert_false(bucket_has(&b, 2000));
    assert_true(bucket_has(&b, UINT64_C(1) << 50));
    assert_int_equal(b.level, 10 * 300 * 1000);
}

/* A large withdrawal is served and then paid off; clocks that go back change nothing. */
static void test_debt(void **state)
{
    (void)state;
    struct bucket b = bucket_full(1, 5000);
    bucket_take(&b, 2 * 310);
    assert_false(bucket_has(&b, 5000));
    assert_false(bucket_has(&b, 15000));
    assert_false(bucket_has(&b, 4000));
    assert_true(bucket_has(&b, 15001));
}

/* Without a rate there is no bound; a first rate brings a full bucket, a lower one keeps what fits.
 */
static void test_rates(void **state)
{
    (void)state;
    struct bucket b = {0};
    bucket_take(&b, 1000);
    assert_true(bucket_has(&b, 1));
    bucket_set(&b, 2, 10);
    assert_int_equal(b.level, 2 * 300 * 1000);
    bucket_take(&b, 2 * 500);
    bucket_set(&b, 4, 10);
    assert_int_equal(b.level, 100 * 1000);
    bucket_set(&b, 1, UINT64_C(1) << 40);
    assert_int_equal(b.level, 300 * 1000);
    bucket_set(&b, 0, UINT64_C(1) << 40);
    assert_true(bucket_has(&b, UINT64_C(1) << 40));
}

/* Draining empties the bucket, with what has flown in until then, and leaves no debt nor pays one.
 */
static void test_drain(void **state)
{
    (void)state;
    struct bucket b = {0};
    bucket_drain(&b, 1000, 1);
    assert_int_equal(b.level, 0);
    b = bucket_full(1, 0);
    bucket_drain(&b, 2 * 100, 0);
    assert_int_equal(b.level, 200 * 1000);
    bucket_drain(&b, 2 * 1000, 50 * 1000);
    assert_int_equal(b.level, 0);
    assert_false(bucket_has(&b, 50 * 1000));
    assert_true(bucket_has(&b, 51 * 1000));
    bucket_take(&b, 2 * 11);
    bucket_drain(&b, 2, 51 * 1000);
    assert_int_equal(b.level, -10 * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst),
        cmocka_unit_test(test_debt),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
