/* The event loop: H2O's epoll loop for sockets, and a heap of timers of our own beside it.
 *
 * H2O 2.2 keeps timeouts in lists of equal length with millisecond steps measured on the wall
 * clock. Links that model a 25 ms ocean need finer steps, and development mode moves wall clocks,
 * so timers here are a heap ordered by monotonic ns whose head is handed to one timerfd that the
 * loop watches like any socket.
 *
 * Invariants: 1. a timer's heap_at is its index + 1 while armed, else 0; 2. when the loop sleeps
 * with timers armed, the timerfd is set to the head's time or to an earlier one. */
#include "io/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_MS = 1000000, HEAP_CAP_FIRST = 64 };
static const uint64_t ns_per_s = 1000000000;

uint64_t io_clock_now_ms(const struct io_clock *clock)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_REALTIME, &ts);
    ASSERT(rc == 0);
    int64_t ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / NS_PER_MS + clock->skew_ms;
    return ms < 0 ? 0 : (uint64_t)ms;
}

uint64_t io_now_ns(void)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_MONOTONIC, &ts);
    ASSERT(rc == 0);
    return (uint64_t)ts.tv_sec * ns_per_s + (uint64_t)ts.tv_nsec;
}

uint64_t io_loop_now_ms(const struct io_loop *loop)
{
    return io_clock_now_ms(&loop->clock);
}

void io_loop_skew(struct io_loop *loop, int64_t skew_ms)
{
    loop->clock.skew_ms = skew_ms;
}

const char *loop_http_date(struct io_loop *loop)
{
    uint64_t now_s = io_loop_now_ms(loop) / 1000;
    if (now_s != loop->date_s) {
        time_t t = (time_t)now_s;
        struct tm tm;
        if (gmtime_r(&t, &tm) == NULL ||
            strftime(loop->date, sizeof loop->date, "%a, %d %b %Y %H:%M:%S GMT", &tm) == 0) {
            /* A clock skewed past the year 9999 has no HTTP date. */
            (void)snprintf(loop->date, sizeof loop->date, "Thu, 01 Jan 1970 00:00:00 GMT");
        }
        loop->date_s = now_s;
    }
    return loop->date;
}

/* ---- timers ---- */

static bool timer_before(const struct io_timer *a, const struct io_timer *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->seq < b->seq;
}

static void heap_set(struct io_loop *loop, size_t at, struct io_timer *t)
{
    loop->heap[at] = t;
    t->heap_at = at + 1;
}

static void heap_up(struct io_loop *loop, size_t at, struct io_timer *t)
{
    while (at > 0) {
        size_t parent = (at - 1) / 2;
        if (!timer_before(t, loop->heap[parent])) {
            break;
        }
        heap_set(loop, at, loop->heap[parent]);
        at = parent;
    }
    heap_set(loop, at, t);
}

static void heap_down(struct io_loop *loop, size_t at, struct io_timer *t)
{
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= loop->heap_len) {
            break;
        }
        if (child + 1 < loop->heap_len && timer_before(loop->heap[child + 1], loop->heap[child])) {
            child++;
        }
        if (!timer_before(loop->heap[child], t)) {
            break;
        }
        heap_set(loop, at, loop->heap[child]);
        at = child;
    }
    heap_set(loop, at, t);
}

void io_timer_init(struct io_timer *t, struct io_loop *loop, void (*fire)(struct io_timer *t))
{
    ASSERT(fire != NULL);
    *t = (struct io_timer){.loop = loop, .fire = fire};
}

void io_timer_disarm(struct io_timer *t)
{
    if (t->heap_at == 0) {
        return;
    }
    struct io_loop *loop = t->loop;
    size_t at = t->heap_at - 1;
    ASSERT(at < loop->heap_len);
    ASSERT(loop->heap[at] == t);
    t->heap_at = 0;
    struct io_timer *last = loop->heap[--loop->heap_len];
    if (last == t) {
        return;
    }
    if (timer_before(last, t)) {
        heap_up(loop, at, last);
    } else {
        heap_down(loop, at, last);
    }
}

void io_timer_arm_at(struct io_timer *t, uint64_t at_ns)
{
    io_timer_disarm(t);
    struct io_loop *loop = t->loop;
    if (loop->heap_len == loop->heap_cap) {
        loop->heap_cap = loop->heap_cap == 0 ? HEAP_CAP_FIRST : loop->heap_cap * 2;
        loop->heap = realloc(loop->heap, loop->heap_cap * sizeof *loop->heap);
        ASSERT(loop->heap != NULL);
    }
    t->at_ns = at_ns;
    t->seq = loop->timer_seq++;
    loop->heap_len++;
    heap_up(loop, loop->heap_len - 1, t);
}

void io_timer_arm_ms(struct io_timer *t, uint64_t in_ms)
{
    uint64_t in_ns;
    uint64_t at_ns;
    if (__builtin_mul_overflow(in_ms, (uint64_t)NS_PER_MS, &in_ns) ||
        __builtin_add_overflow(in_ns, io_now_ns(), &at_ns)) {
        at_ns = UINT64_MAX;
    }
    io_timer_arm_at(t, at_ns);
}

/* Fires what is due, but not what the fired ones arm, so that a turn ends. */
static void run_timers(struct io_loop *loop)
{
    if (loop->heap_len == 0) {
        return;
    }
    uint64_t now_ns = io_now_ns();
    uint64_t seq_end = loop->timer_seq;
    while (loop->heap_len > 0) {
        struct io_timer *t = loop->heap[0];
        if (t->at_ns > now_ns || t->seq >= seq_end) {
            break;
        }
        io_timer_disarm(t);
        t->fire(t);
    }
}

/* How long the loop may sleep on epoll; the timerfd wakes it for the finer part. */
static int32_t prepare_sleep(struct io_loop *loop, uint32_t wait_ms_max)
{
    int32_t wait_ms = wait_ms_max > INT32_MAX ? INT32_MAX : (int32_t)wait_ms_max;
    if (loop->stop) {
        return 0;
    }
    if (loop->heap_len == 0) {
        return wait_ms;
    }
    uint64_t at_ns = loop->heap[0]->at_ns;
    if (at_ns <= io_now_ns()) {
        return 0;
    }
    if (at_ns < loop->armed_ns) {
        struct itimerspec its = {
            .it_value = {(time_t)(at_ns / ns_per_s), (long)(at_ns % ns_per_s)},
        };
        int rc =
            timerfd_settime(h2o_socket_get_fd(loop->timer_sock), TFD_TIMER_ABSTIME, &its, NULL);
        ASSERT(rc == 0);
        loop->armed_ns = at_ns;
    }
    return wait_ms;
}

static void timer_ready(h2o_socket_t *sock, const char *err)
{
    (void)err; /* the timers are looked at in any case */
    struct io_loop *loop = sock->data;
    uint64_t expirations;
    ssize_t n = read(h2o_socket_get_fd(sock), &expirations, sizeof expirations);
    (void)n; /* EAGAIN: set anew since it became readable */
    loop->armed_ns = UINT64_MAX;
}

/* ---- the loop ---- */

h2o_socket_t *loop_watch(struct io_loop *loop, int fd, h2o_socket_cb ready, void *data)
{
    h2o_socket_t *sock = h2o_evloop_socket_create(loop->h2o, fd, H2O_SOCKET_FLAG_DONT_READ);
    ASSERT(sock != NULL);
    sock->data = data;
    h2o_socket_read_start(sock, ready);
    return sock;
}

void loop_release_input(h2o_socket_t *sock)
{
    ASSERT(sock->input->size == 0);
    h2o_buffer_dispose(&sock->input);
    h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
}

enum err io_loop_new(struct io_loop **ret)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    struct io_loop *loop = malloc(sizeof *loop);
    ASSERT(loop != NULL);
    *loop = (struct io_loop){.h2o = h2o_evloop_create(), .armed_ns = UINT64_MAX};
    ASSERT(loop->h2o != NULL);
    loop->timer_sock = loop_watch(loop, fd, timer_ready, loop);
    *ret = loop;
    return OK;
}

/* H2O keeps up to 16 freed buffers a thread for reuse and has no call to let them go. */
static void release_spare_buffers(void)
{
    h2o_mem_recycle_t *spare = &h2o_socket_buffer_prototype.allocator;
    while (spare->cnt > 0) {
        free(h2o_mem_alloc_recycle(spare, /* sz= */ 1));
    }
}

/* Timers, and whoever wrote or closed something between turns, may have left callbacks that wait.
 * H2O must not sleep on them, nor ask epoll about their sockets: it takes for granted that none is
 * pending when a turn begins, frees closed sockets that are still queued, and aborts over one that
 * is writable with nothing to write. This is the call by which its own timeouts avoid that. */
static void run_pending(struct io_loop *loop)
{
    h2o_timeout__do_post_callback(loop->h2o);
}

void io_loop_free(struct io_loop *loop)
{
    if (loop == NULL) {
        return;
    }
    ASSERT(loop->heap_len == 0);
    h2o_socket_close(loop->timer_sock);
    /* One turn lets H2O free the sockets that were closed since the last. */
    run_pending(loop);
    (void)h2o_evloop_run(loop->h2o, /* max_wait= */ 0);
    h2o_evloop_destroy(loop->h2o);
    release_spare_buffers();
    free(loop->heap);
    free(loop);
}

void io_loop_turn(struct io_loop *loop, uint32_t wait_ms_max)
{
    loop->n_turns++;
    run_pending(loop); /* may arm timers, or stop the loop: so before the sleep is measured */
    int32_t wait_ms = prepare_sleep(loop, wait_ms_max);
    int rc = h2o_evloop_run(loop->h2o, wait_ms);
    /* A signal handler of somebody else's may interrupt the wait; nothing is lost by going on. */
    ASSERT(rc == 0 || errno == EINTR);
    run_timers(loop);
}

uint64_t io_loop_turns(const struct io_loop *loop)
{
    return loop->n_turns;
}

void io_loop_run(struct io_loop *loop)
{
    loop->stop = false;
    while (!loop->stop) {
        io_loop_turn(loop, INT32_MAX);
    }
}

void io_loop_stop(struct io_loop *loop)
{
    loop->stop = true;
}
