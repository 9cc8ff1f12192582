#include "load/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Percentiles of small values are exact, and an empty histogram has none. */
static void test_small(void **state)
{
    (void)state;
    struct histogram h = {0};
    assert_int_equal(histogram_at(&h, 500), 0);
    for (uint64_t v = 1; v <= 10; v++) {
        histogram_add(&h, v);
    }
    assert_int_equal(histogram_at(&h, 500), 5);
    assert_int_equal(histogram_at(&h, 900), 9);
    assert_int_equal(histogram_at(&h, 1000), 10);
    assert_int_equal(h.sum, 55);
}

/* Of large values a percentile is never too low, at most a sixteenth too high, and never above the
 * greatest value. */
static void test_large(void **state)
{
    (void)state;
    for (uint64_t v = 1; v < UINT64_MAX / 3; v = v * 3 + 1) {
        struct histogram h = {0};
        histogram_add(&h, v);
        histogram_add(&h, v * 2);
        uint64_t half = histogram_at(&h, 500);
        assert_true(half >= v);
        assert_true(half <= v + v / 16);
        assert_int_equal(histogram_at(&h, 1000), v * 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_small),
        cmocka_unit_test(test_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
