#include <signal.h>

#include "io/test_net.h"

struct fixture {
    struct io_loop *loop;
    int order[64];
    size_t n_fired;
};

struct probe {
    struct io_timer timer; /* first */
    struct fixture *f;
    int id;
    int again;
    struct io_timer *disarms;
};

static void on_fire(struct io_timer *t)
{
    struct probe *p = (struct probe *)t;
    assert_false(io_timer_armed(t));
    p->f->order[p->f->n_fired++] = p->id;
    if (p->again > 0) {
        p->again--;
        io_timer_arm_at(t, 0);
    }
    if (p->disarms != NULL) {
        io_timer_disarm(p->disarms);
    }
}

static void start(struct fixture *f)
{
    *f = (struct fixture){0};
    assert_int_equal(io_loop_new(&f->loop), OK);
}

static void probe_init(struct probe *p, struct fixture *f, int id)
{
    *p = (struct probe){.f = f, .id = id};
    io_timer_init(&p->timer, f->loop, on_fire);
}

/* Timers fire in order of time, and of arming where times are equal; a disarmed or moved one obeys.
 */
static void test_timer_order(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    struct probe p[6];
    for (int i = 0; i < 6; i++) {
        probe_init(&p[i], &f, i);
    }
    uint64_t now_ns = io_now_ns();
    io_timer_arm_at(&p[0].timer, now_ns + 3000000);
    io_timer_arm_at(&p[1].timer, now_ns + 1500000);
    io_timer_arm_at(&p[2].timer, now_ns + 1500000);
    io_timer_arm_at(&p[3].timer, now_ns);
    io_timer_arm_at(&p[4].timer, now_ns + 1);
    io_timer_arm_ms(&p[5].timer, 1);
    io_timer_disarm(&p[4].timer);
    io_timer_disarm(&p[4].timer);
    io_timer_arm_at(&p[5].timer, now_ns + 3500000);
    assert_int_equal(f.n_fired, 0);
    LOOP_UNTIL(f.loop, f.n_fired == 5);
    assert_true(io_now_ns() >= now_ns + 3500000);
    static const int want[] = {3, 1, 2, 0, 5};
    assert_memory_equal(f.order, want, sizeof want);
    io_loop_free(f.loop);
}

/* A timer that arms itself for the past fires once a turn; one disarmed by another's callback does
 * not fire. */
static void test_timer_reentry(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    struct probe a;
    struct probe b;
    probe_init(&a, &f, 1);
    probe_init(&b, &f, 2);
    a.again = 2;
    a.disarms = &b.timer;
    io_timer_arm_at(&a.timer, 0);
    io_timer_arm_at(&b.timer, 0);
    io_loop_turn(f.loop, 0);
    assert_int_equal(f.n_fired, 1);
    io_loop_turn(f.loop, 1000);
    io_loop_turn(f.loop, 1000);
    assert_int_equal(f.n_fired, 3);
    assert_int_equal(f.order[2], 1);
    assert_false(io_timer_armed(&b.timer));
    io_loop_free(f.loop);
}

struct ordered {
    struct io_timer timer; /* first */
    uint64_t *last_ns;
    size_t *n_fired;
};

static void on_ordered(struct io_timer *t)
{
    struct ordered *o = (struct ordered *)t;
    assert_true(t->at_ns >= *o->last_ns);
    *o->last_ns = t->at_ns;
    (*o->n_fired)++;
}

/* Thousands of timers armed, moved and disarmed at random: those left fire in order, each once. */
static void test_timer_heap(void **state)
{
    (void)state;
    enum { N = 3000 };
    struct fixture f;
    start(&f);
    struct ordered *all = test_calloc(N, sizeof *all);
    struct prng prng = prng_seeded(5);
    uint64_t last_ns = 0;
    size_t n_fired = 0;
    for (int i = 0; i < N; i++) {
        all[i] = (struct ordered){.last_ns = &last_ns, .n_fired = &n_fired};
        io_timer_init(&all[i].timer, f.loop, on_ordered);
    }
    for (int i = 0; i < 5 * N; i++) {
        struct io_timer *t = &all[prng_below(&prng, N)].timer;
        if (prng_chance(&prng, 300)) {
            io_timer_disarm(t);
        } else {
            io_timer_arm_at(t, 1 + prng_below(&prng, 1000));
        }
    }
    size_t n_armed = 0;
    for (int i = 0; i < N; i++) {
        n_armed += io_timer_armed(&all[i].timer);
    }
    assert_in_range(n_armed, N / 4, N - 1);
    io_loop_turn(f.loop, 0);
    assert_int_equal(n_fired, n_armed);
    test_free(all);
    io_loop_free(f.loop);
}

/* The skew moves the loop's wall clock, and a clock before 1970 reads 0. */
static void test_skew(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    uint64_t now_ms = io_loop_now_ms(f.loop);
    io_loop_skew(f.loop, 3600000);
    assert_true(io_loop_now_ms(f.loop) >= now_ms + 3600000);
    io_loop_skew(f.loop, -3600000);
    assert_true(io_loop_now_ms(f.loop) < now_ms);
    io_loop_skew(f.loop, INT64_MIN / 2);
    assert_int_equal(io_loop_now_ms(f.loop), 0);
    struct io_clock clock = {0};
    assert_true(io_clock_now_ms(&clock) >= now_ms);
    io_loop_free(f.loop);
}

struct signals_seen {
    struct io_loop *loop;
    int n_int;
    int n_term;
};

static void on_signal(void *arg, int signo)
{
    struct signals_seen *seen = arg;
    seen->n_int += signo == SIGINT;
    seen->n_term += signo == SIGTERM;
    if (signo == SIGTERM) {
        io_loop_stop(seen->loop);
    }
}

/* SIGINT and SIGTERM reach the loop; writing to a closed pipe does not kill. */
static void test_signals(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    struct signals_seen seen = {.loop = f.loop};
    io_signals_block();
    struct io_signals *signals;
    assert_int_equal(io_signals_open(f.loop, on_signal, &seen, &signals), OK);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    (void)close(ends[1]);
    assert_int_equal(kill(getpid(), SIGINT), 0);
    assert_int_equal(kill(getpid(), SIGTERM), 0);
    io_loop_run(f.loop);
    LOOP_UNTIL(f.loop, seen.n_int == 1);
    assert_int_equal(seen.n_term, 1);
    io_signals_close(signals);
    io_loop_free(f.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timer_order),
        cmocka_unit_test(test_timer_reentry),
        cmocka_unit_test(test_timer_heap),
        cmocka_unit_test(test_skew),
        cmocka_unit_test(test_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
