#include "server/alone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

/* The eighth request in a row is the first that may, and another client's begins the count anew. */
static void test_in_a_row(void **state)
{
    (void)state;
    struct alone a = {0};
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 1; i < ALONE_MIN; i++) {
            alone_asked(&a, 5);
            assert_false(alone_may(&a, 1, ms));
        }
        alone_asked(&a, 5);
        assert_true(alone_may(&a, 1, ms));
        alone_asked(&a, 5);
        assert_true(alone_may(&a, 1, ms));
        alone_asked(&a, 6);
        assert_false(alone_may(&a, 1, ms));
    }
}

/* One write a turn, and none for a second after one that took ten milliseconds. */
static void test_bounds(void **state)
{
    (void)state;
    struct alone a = {0};
    for (unsigned i = 0; i < ALONE_MIN; i++) {
        alone_asked(&a, 5);
    }
    assert_true(alone_may(&a, 1, 100 * ms));
    alone_did(&a, 1, 100 * ms, 101 * ms);
    assert_false(alone_may(&a, 1, 101 * ms));
    assert_true(alone_may(&a, 2, 101 * ms));
    alone_did(&a, 2, 101 * ms, 111 * ms);
    assert_false(alone_may(&a, 3, 111 * ms));
    assert_false(alone_may(&a, 4, 1111 * ms - 1));
    assert_true(alone_may(&a, 4, 1111 * ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_a_row),
        cmocka_unit_test(test_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
