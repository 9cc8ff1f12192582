#include "hlc/hlc.h"

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

enum { DRIFT_MS = 500 };

static struct hlc_clock clock_at(uint64_t floor)
{
    struct hlc_clock c;
    hlc_clock_init(&c, (struct hlc){floor}, DRIFT_MS);
    return c;
}

/* A moving wall clock gives its own milliseconds with counter zero; a standing one counts. */
static void test_tick_follows_wall(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(0);
    assert_true(hlc_tick(&c, 1000).v == hlc_of_ms(1000).v);
    assert_true(hlc_tick(&c, 1000).v == hlc_of_ms(1000).v + 1);
    assert_true(hlc_tick(&c, 1001).v == hlc_of_ms(1001).v);
}

/* A wall clock that goes back, stands still or jumps never makes two stamps equal or out of order.
 */
static void test_tick_monotone(void **state)
{
    (void)state;
    struct prng p = prng_seeded(7);
    struct hlc_clock c = clock_at(0);
    uint64_t now = 1700000000000;
    struct hlc before = {0};
    for (int i = 0; i < 200000; i++) {
        uint64_t jump = prng_below(&p, 100);
        if (jump == 0) {
            now -= 3600 * 1000;
        } else if (jump == 1) {
            now += 3600 * 1000;
        } else if (jump < 30) {
            now++;
        }
        struct hlc h = hlc_tick(&c, now);
        assert_true(h.v > before.v);
        assert_true(hlc_ms(h) >= now);
        before = h;
    }
}

/* The 65,537th stamp of a frozen millisecond carries into the next one. */
static void test_counter_carries(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(0);
    struct hlc h = hlc_tick(&c, 42);
    for (int i = 0; i < 65535; i++) {
        h = hlc_tick(&c, 42);
    }
    assert_int_equal(hlc_ms(h), 42);
    assert_int_equal(h.v & 0xffff, 0xffff);
    h = hlc_tick(&c, 42);
    assert_true(h.v == hlc_of_ms(43).v);
    h = hlc_tick(&c, 43);
    assert_true(h.v == hlc_of_ms(43).v + 1);
}

/* A write after an observation beats what was observed, though the own clock is behind. */
static void test_observe_then_tick_wins(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(0);
    struct hlc remote = {hlc_of_ms(1400).v + 9};
    assert_int_equal(hlc_observe(&c, remote, 1000), OK);
    assert_true(hlc_tick(&c, 1000).v > remote.v);
}

/* Observing an older stamp changes nothing. */
static void test_observe_old(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(hlc_of_ms(2000).v);
    assert_int_equal(hlc_observe(&c, hlc_of_ms(1999), 2000), OK);
    assert_true(c.last.v == hlc_of_ms(2000).v);
}

/* A stamp at the edge of the allowed drift is taken; one millisecond more is refused, and the clock
 * stays. */
static void test_drift_refused(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(0);
    struct hlc own = hlc_tick(&c, 1000);
    assert_int_equal(hlc_observe(&c, hlc_of_ms(1000 + DRIFT_MS + 1), 1000), ERR_CLOCK_DRIFT);
    assert_true(c.last.v == own.v);
    assert_int_equal(hlc_observe(&c, (struct hlc){UINT64_MAX}, 1000), ERR_CLOCK_DRIFT);
    assert_true(c.last.v == own.v);
    struct hlc edge = {hlc_of_ms(1000 + DRIFT_MS).v + 0xffff};
    assert_int_equal(hlc_observe(&c, edge, 1000), OK);
    assert_true(c.last.v == edge.v);
    assert_true(hlc_tick(&c, 1000).v == edge.v + 1);
}

/* After a restart stamps start above the durable ceiling, whatever the wall clock says. */
static void test_floor(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(hlc_of_ms(5000).v);
    assert_true(hlc_tick(&c, 1000).v == hlc_of_ms(5000).v + 1);
}

/* A wall clock far past 48 bits of milliseconds neither wraps stamps nor lets the greatest stamp
 * in. */
static void test_absurd_wall_clock(void **state)
{
    (void)state;
    struct hlc_clock c = clock_at(0);
    struct hlc a = hlc_tick(&c, UINT64_MAX);
    assert_int_equal(hlc_ms(a), (UINT64_C(1) << 48) - 1);
    assert_true(hlc_tick(&c, UINT64_MAX).v > a.v);
    assert_int_equal(hlc_observe(&c, (struct hlc){UINT64_MAX}, UINT64_MAX), ERR_CLOCK_DRIFT);
}

/* Versions are totally ordered: by stamp, then by region id, and equal only when both are. */
static void test_version_order(void **state)
{
    (void)state;
    struct version v[4] = {
        {{1}, {9}},
        {{2}, {1}},
        {{2}, {UINT64_MAX}},
        {{UINT64_MAX}, {0}},
    };
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) {
            assert_int_equal(version_cmp(v[i], v[j]), (i > j) - (i < j));
            assert_int_equal(version_eq(v[i], v[j]), i == j);
        }
    }
}

/* Between a version and its successor there is none, also behind the last region id. */
static void test_version_next(void **state)
{
    (void)state;
    struct version a = version_next((struct version){{5}, {9}});
    assert_true(a.hlc.v == 5 && a.region.v == 10);
    struct version b = version_next((struct version){{5}, {UINT64_MAX}});
    assert_true(b.hlc.v == 6 && b.region.v == 1);
    assert_int_equal(version_cmp(b, (struct version){{5}, {UINT64_MAX}}), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tick_follows_wall),
        cmocka_unit_test(test_tick_monotone),
        cmocka_unit_test(test_counter_carries),
        cmocka_unit_test(test_observe_then_tick_wins),
        cmocka_unit_test(test_observe_old),
        cmocka_unit_test(test_drift_refused),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_absurd_wall_clock),
        cmocka_unit_test(test_version_order),
        cmocka_unit_test(test_version_next),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
