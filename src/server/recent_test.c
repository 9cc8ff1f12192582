#include "server/recent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool rounds_at(struct recent *r, uint64_t now_ms)
{
    int status;
    struct bytes body;
    return !recent_take(r, now_ms, &status, &body);
}

/* A hundred ask in every millisecond of a second, and a round takes thirty: there are some eight of
 * them, never two at a time, and everybody else gets the answer of the latest. */
static void test_flood(void **state)
{
    (void)state;
    struct recent r;
    recent_init(&r);
    assert_true(rounds_at(&r, 4999));
    recent_keep(&r, 5000, 200, BYTES_LIT("fine"));
    unsigned rounds = 0;
    uint64_t ends_ms = 0;
    for (uint64_t now_ms = 5000; now_ms < 6000; now_ms++) {
        for (unsigned i = 0; i < 100; i++) {
            int status = 0;
            struct bytes body = BYTES_NONE;
            if (recent_take(&r, now_ms, &status, &body)) {
                assert_int_equal(status, 200);
                assert_true(bytes_eq_str(body, "fine"));
            } else {
                assert_int_equal(ends_ms, 0);
                ends_ms = now_ms + 30;
                rounds++;
            }
        }
        if (now_ms == ends_ms) {
            recent_keep(&r, now_ms, 200, BYTES_LIT("fine"));
            ends_ms = 0;
        }
    }
    assert_int_equal(rounds, 7);
    recent_done(&r);
}

/* While a round hangs nobody is told for long what was true before it. */
static void test_hanging(void **state)
{
    (void)state;
    struct recent r;
    recent_init(&r);
    assert_true(rounds_at(&r, 1000));
    recent_keep(&r, 1010, 200, BYTES_LIT("fine"));
    assert_false(rounds_at(&r, 1109));
    assert_true(rounds_at(&r, 1110)); /* and does not come back */
    assert_false(rounds_at(&r, 2009));
    assert_true(rounds_at(&r, 2010));
    recent_keep(&r, 9000, 503, BYTES_LIT("failed"));
    int status;
    struct bytes body;
    assert_true(recent_take(&r, 9001, &status, &body));
    assert_int_equal(status, 503);
    assert_true(bytes_eq_str(body, "failed"));
    recent_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_hanging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
