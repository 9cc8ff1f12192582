#include "io/hold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint64_t ms = 1000000;

static void push(struct hold *h, uint64_t now_ns, uint8_t tag)
{
    hold_push(h, now_ns, BYTES_LIT("HEAD"), bytes_of(&tag, 1));
}

/* The tag of the next due frame, or -1. */
static int pop(struct hold *h, uint64_t now_ns)
{
    struct held *f = hold_pop(h, now_ns);
    if (f == NULL) {
        return -1;
    }
    assert_int_equal(f->len, 5);
    assert_memory_equal(f->bytes, "HEAD", 4);
    int tag = f->bytes[4];
    free(f);
    return tag;
}

/* Without faults there is nothing to hold back, until a frame waits. */
static void test_needed(void **state)
{
    (void)state;
    struct hold h;
    hold_init(&h, &(struct io_fault){0}, 1);
    assert_false(hold_needed(&h));
    assert_true(hold_due_ns(&h) == UINT64_MAX);
    push(&h, 5, 1);
    assert_true(hold_needed(&h));
    assert_int_equal(pop(&h, 5), 1);
    assert_false(hold_needed(&h));
    hold_done(&h);
}

/* A delay of 25.5 ms means exactly that, counted from the sending. */
static void test_delay(void **state)
{
    (void)state;
    struct hold h;
    hold_init(&h, &(struct io_fault){.delay_ms = 25.5}, 1);
    push(&h, 10 * ms, 1);
    push(&h, 11 * ms, 2);
    uint64_t due_ns = 10 * ms + 25500000;
    assert_true(hold_due_ns(&h) == due_ns);
    assert_int_equal(pop(&h, due_ns - 1), -1);
    assert_int_equal(pop(&h, due_ns), 1);
    assert_int_equal(pop(&h, due_ns), -1);
    assert_int_equal(pop(&h, due_ns + ms), 2);
    hold_done(&h);
}

/* Jitter and loss spread the delays and never change the order; one seed is one history. */
static void test_jitter_and_loss(void **state)
{
    (void)state;
    struct io_fault fault = {.delay_ms = 40, .jitter_ms = 30, .loss_per_mille = 100};
    struct hold a;
    struct hold b;
    hold_init(&a, &fault, 7);
    hold_init(&b, &fault, 7);
    uint64_t late = 0;
    for (unsigned i = 0; i < 200; i++) {
        /* Far apart, so that one frame's loss does not hold up the next. */
        uint64_t now_ns = (uint64_t)i * 1000 * ms;
        push(&a, now_ns, (uint8_t)i);
        push(&b, now_ns, (uint8_t)i);
        uint64_t due_ns = hold_due_ns(&a);
        assert_true(due_ns == hold_due_ns(&b));
        assert_true(due_ns >= now_ns + 40 * ms);
        assert_true(due_ns <= now_ns + (40 + 30 + 80) * ms);
        late += due_ns > now_ns + 70 * ms;
        assert_int_equal(pop(&a, due_ns), (int)i);
        assert_int_equal(pop(&b, due_ns), (int)i);
    }
    assert_in_range(late, 1, 60);
    uint64_t last_ns = 0;
    for (unsigned i = 0; i < 200; i++) {
        push(&a, 300000 * ms + i, (uint8_t)i);
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_true(hold_due_ns(&a) >= last_ns);
        last_ns = hold_due_ns(&a);
        assert_int_equal(pop(&a, UINT64_MAX - 1), (int)i);
    }
    hold_done(&a);
    hold_done(&b);
}

/* At 1000 bytes/s a 5-byte frame takes 5 ms on the wire, and the next starts when it ends. */
static void test_bandwidth(void **state)
{
    (void)state;
    struct hold h;
    hold_init(&h, &(struct io_fault){.delay_ms = 10, .bytes_per_s = 1000}, 1);
    push(&h, 0, 1);
    push(&h, 0, 2);
    assert_true(hold_due_ns(&h) == 15 * ms);
    assert_int_equal(pop(&h, 15 * ms), 1);
    assert_true(hold_due_ns(&h) == 20 * ms);
    push(&h, 100 * ms, 3);
    assert_int_equal(pop(&h, 20 * ms), 2);
    assert_true(hold_due_ns(&h) == 115 * ms);
    hold_done(&h);
}

/* In a blackhole nothing is ever due; when it heals, what waited leaves in order, one delay later.
 */
static void test_blackhole(void **state)
{
    (void)state;
    struct hold h;
    hold_init(&h, &(struct io_fault){.delay_ms = 10}, 1);
    push(&h, 0, 1);
    hold_set_fault(&h, ms, &(struct io_fault){.delay_ms = 10, .blackhole = true});
    push(&h, 2 * ms, 2);
    assert_true(hold_due_ns(&h) == UINT64_MAX);
    assert_int_equal(pop(&h, UINT64_MAX - 1), -1);
    hold_set_fault(&h, 1000 * ms, &(struct io_fault){.delay_ms = 3});
    assert_true(hold_due_ns(&h) == 1003 * ms);
    assert_int_equal(pop(&h, 1003 * ms), 1);
    assert_int_equal(pop(&h, 1003 * ms), 2);
    hold_done(&h);
}

/* A shorter delay does not let later frames overtake those already on their way. */
static void test_change_keeps_order(void **state)
{
    (void)state;
    struct hold h;
    hold_init(&h, &(struct io_fault){.delay_ms = 100}, 1);
    push(&h, 0, 1);
    hold_set_fault(&h, ms, &(struct io_fault){0});
    assert_true(hold_needed(&h));
    push(&h, ms, 2);
    assert_int_equal(pop(&h, 99 * ms), -1);
    assert_int_equal(pop(&h, 100 * ms), 1);
    assert_int_equal(pop(&h, 100 * ms), 2);
    assert_false(hold_needed(&h));
    push(&h, 200 * ms, 3);
    hold_done(&h); /* with a frame inside */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_needed),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_jitter_and_loss),
        cmocka_unit_test(test_bandwidth),
        cmocka_unit_test(test_blackhole),
        cmocka_unit_test(test_change_keeps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
