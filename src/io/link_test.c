#include "io/test_net.h"

enum { ENDS_MAX = 4 };

/* One end of a link and what happened to it. */
struct end {
    struct io_link *link;
    struct buf got; /* frames, each followed by '\n' if short */
    size_t n_frames;
    size_t bytes;
    int n_connected;
    int n_drained;
    int n_closed;
    enum err err;
    bool echo;
    bool free_on_frame;
};

struct fixture {
    struct io_loop *loop;
    struct io_link_listener *listener;
    struct io_link_config accept_config;
    struct end a; /* connects */
    struct end b; /* accepts */
};

static void on_connect(void *arg, struct io_link *link, enum err e)
{
    struct end *end = arg;
    assert_ptr_equal(end->link, link);
    end->n_connected++;
    end->err = e;
}

static void on_frame(void *arg, struct io_link *link, struct bytes frame)
{
    struct end *end = arg;
    assert_ptr_equal(end->link, link);
    end->n_frames++;
    end->bytes += frame.len;
    if (frame.len < 100) {
        buf_put_bytes(&end->got, frame);
        buf_put_u8(&end->got, '\n');
    }
    if (end->echo) {
        assert_int_equal(io_link_send(link, frame), OK);
    }
    if (end->free_on_frame) {
        io_link_free(link);
        end->link = NULL;
    }
}

static void on_drain(void *arg, struct io_link *link)
{
    struct end *end = arg;
    assert_ptr_equal(end->link, link);
    end->n_drained++;
}

static void on_close(void *arg, struct io_link *link, enum err e)
{
    struct end *end = arg;
    assert_ptr_equal(end->link, link);
    assert_int_equal(io_link_send(link, BYTES_LIT("late")), ERR_UNAVAILABLE);
    end->n_closed++;
    end->err = e;
}

static const struct io_link_events events = {on_connect, on_frame, on_drain, on_close};

static void on_accepted(void *arg, struct io_link *link)
{
    struct fixture *f = arg;
    assert_null(f->b.link);
    f->b.link = link;
    struct io_link_config config = f->accept_config;
    config.events = &events;
    config.arg = &f->b;
    io_link_accept(link, &config);
}

static void start(struct fixture *f)
{
    *f = (struct fixture){0};
    buf_init(&f->a.got, 1 << 20);
    buf_init(&f->b.got, 1 << 20);
    assert_int_equal(io_loop_new(&f->loop), OK);
    assert_int_equal(io_link_listen(f->loop, "127.0.0.1", 0, on_accepted, f, &f->listener), OK);
}

static void stop(struct fixture *f)
{
    io_link_free(f->a.link);
    io_link_free(f->b.link);
    io_link_listener_free(f->listener);
    buf_done(&f->a.got);
    buf_done(&f->b.got);
    io_loop_free(f->loop);
}

static void dial(struct fixture *f, struct io_link_config config)
{
    config.events = &events;
    config.arg = &f->a;
    assert_int_equal(
        io_link_connect(
            f->loop, "127.0.0.1", io_link_listener_port(f->listener), &config, &f->a.link),
        OK);
}

static void dial_and_wait(struct fixture *f, struct io_link_config config)
{
    dial(f, config);
    LOOP_UNTIL(f->loop, f->a.n_connected == 1 && f->b.link != NULL);
    assert_int_equal(f->a.err, OK);
}

static void send_number(struct io_link *link, int i)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d", i);
    assert_int_equal(io_link_send(link, bytes_of(text, (size_t)n)), OK);
}

static void assert_numbers(const struct end *end, int n)
{
    struct buf want;
    buf_init(&want, 1 << 20);
    for (int i = 0; i < n; i++) {
        buf_putf(&want, "%d\n", i);
    }
    assert_int_equal(end->got.len, want.len);
    assert_memory_equal(end->got.base, want.base, want.len);
    buf_done(&want);
}

/* Frames both ways, empty ones included; when one end goes the other is told once. */
static void test_frames(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    f.b.echo = true;
    dial_and_wait(&f, (struct io_link_config){0});
    assert_int_equal(strncmp(io_link_peer(f.a.link), "127.0.0.1:", 10), 0);
    for (int i = 0; i < 1000; i++) {
        send_number(f.a.link, i);
    }
    assert_int_equal(io_link_send(f.a.link, BYTES_NONE), OK);
    LOOP_UNTIL(f.loop, f.a.n_frames == 1001);
    assert_int_equal(io_link_queued(f.a.link), 0);
    f.a.got.len--; /* the empty frame's line */
    assert_numbers(&f.a, 1000);
    io_link_free(f.a.link);
    f.a.link = NULL;
    LOOP_UNTIL(f.loop, f.b.n_closed == 1);
    assert_int_equal(f.b.err, OK);
    stop(&f);
}

/* From somebody trusted a frame of 32 MiB arrives whole; one byte more is refused by the sender,
 * and by the receiver of a sender that does not care. */
static void test_frame_limit(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){.queue_bytes_max = 1});
    io_link_trust(f.b.link);
    size_t n = IO_FRAME_BYTES_MAX;
    uint8_t *big = test_calloc(n + 1, 1);
    assert_int_equal(io_link_send(f.a.link, bytes_of(big, n + 1)), ERR_TOO_BIG);
    assert_int_equal(io_link_send(f.a.link, bytes_of(big, n)), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == 1);
    assert_int_equal(f.b.bytes, n);
    assert_int_equal(io_link_send(f.a.link, bytes_of(big, 100000)), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == 2);
    test_free(big);
    io_link_free(f.a.link);
    f.a.link = NULL;
    LOOP_UNTIL(f.loop, f.b.n_closed == 1);
    io_link_free(f.b.link);
    f.b = (struct end){.got = f.b.got};

    int fd = raw_connect(io_link_listener_port(f.listener));
    LOOP_UNTIL(f.loop, f.b.link != NULL);
    io_link_trust(f.b.link);
    static const uint8_t header[4] = {1, 0, 0, 2};
    raw_send(f.loop, fd, header, sizeof header);
    LOOP_UNTIL(f.loop, f.b.n_closed == 1);
    assert_int_equal(f.b.err, ERR_TOO_BIG);
    (void)close(fd);
    stop(&f);
}

/* A stranger's frames may be 64 KiB long and no longer. */
static void test_stranger_limit(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){0});
    static const uint8_t frame[IO_STRANGER_FRAME_BYTES_MAX + 1];
    assert_int_equal(io_link_send(f.a.link, bytes_of(frame, sizeof frame - 1)), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == 1);
    assert_int_equal(f.b.bytes, sizeof frame - 1);
    assert_int_equal(io_link_send(f.a.link, bytes_of(frame, sizeof frame)), OK);
    LOOP_UNTIL(f.loop, f.b.n_closed == 1);
    assert_int_equal(f.b.err, ERR_TOO_BIG);
    assert_int_equal(f.b.n_frames, 1);
    stop(&f);
}

/* Connecting to a port nobody listens on, and to a name. */
static void test_refused(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    struct io_link_listener *gone;
    assert_int_equal(io_link_listen(f.loop, "127.0.0.1", 0, on_accepted, &f, &gone), OK);
    uint16_t port = io_link_listener_port(gone);
    struct io_link_listener *second;
    assert_int_equal(
        io_link_listen(f.loop, "127.0.0.1", port, on_accepted, &f, &second), ERR_IN_USE);
    io_link_listener_free(gone);
    struct io_link_config config = {.events = &events, .arg = &f.a};
    assert_int_equal(io_link_connect(f.loop, "nowhere", port, &config, &f.a.link), ERR_INVALID);
    assert_int_equal(io_link_connect(f.loop, "127.0.0.1", port, &config, &f.a.link), OK);
    assert_int_equal(f.a.n_connected, 0);
    LOOP_UNTIL(f.loop, f.a.n_connected == 1);
    assert_int_equal(f.a.err, ERR_UNAVAILABLE);
    stop(&f);
}

/* A full queue refuses, and tells when it has room. */
static void test_backpressure(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){.queue_bytes_max = 16 << 20});
    io_link_trust(f.b.link);
    static uint8_t chunk[1 << 20];
    size_t n_sent = 0;
    while (io_link_send(f.a.link, bytes_of(chunk, sizeof chunk)) == OK) {
        n_sent++;
        assert_true(n_sent < 1000);
    }
    assert_true(n_sent >= 15);
    assert_true(io_link_queued(f.a.link) <= (size_t)16 << 20);
    assert_int_equal(f.a.n_drained, 0);
    LOOP_UNTIL(f.loop, f.a.n_drained == 1);
    assert_int_equal(io_link_send(f.a.link, bytes_of(chunk, sizeof chunk)), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == n_sent + 1);
    assert_int_equal(f.a.n_drained, 1);
    stop(&f);
}

/* Delay, jitter, loss and a bandwidth limit together: everything arrives, in order. */
static void test_faults_keep_order(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    f.accept_config.fault = (struct io_fault){.delay_ms = 1};
    f.b.echo = true;
    struct io_fault fault = {
        .delay_ms = 2,
        .jitter_ms = 3,
        .loss_per_mille = 20,
        .bytes_per_s = 1000000,
    };
    dial_and_wait(&f, (struct io_link_config){.fault = fault, .seed = 3});
    for (int i = 0; i < 300; i++) {
        send_number(f.a.link, i);
        if (i % 10 == 0) {
            io_loop_turn(f.loop, 0);
        }
    }
    LOOP_UNTIL(f.loop, f.a.n_frames == 300);
    assert_numbers(&f.a, 300);
    assert_numbers(&f.b, 300);
    stop(&f);
}

/* A delayed frame is not there when one sent later the other way already is. */
static void test_delay_is_per_direction(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){.fault = {.delay_ms = 200}});
    send_number(f.a.link, 0);
    assert_int_equal(io_link_queued(f.a.link), 5);
    send_number(f.b.link, 0);
    LOOP_UNTIL(f.loop, f.a.n_frames == 1);
    assert_int_equal(f.b.n_frames, 0);
    LOOP_UNTIL(f.loop, f.b.n_frames == 1);
    assert_int_equal(io_link_queued(f.a.link), 0);
    stop(&f);
}

/* Cut one way: nothing gets through that way, the other works, and nobody is told. Healed: all
 * arrives. */
static void test_partition_and_heal(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){0});
    send_number(f.a.link, 0);
    LOOP_UNTIL(f.loop, f.b.n_frames == 1);
    io_link_set_fault(f.a.link, &(struct io_fault){.blackhole = true});
    for (int i = 1; i < 50; i++) {
        send_number(f.a.link, i);
        send_number(f.b.link, i - 1);
        io_loop_turn(f.loop, 0);
    }
    LOOP_UNTIL(f.loop, f.a.n_frames == 49);
    assert_int_equal(f.b.n_frames, 1);
    assert_int_equal(f.a.n_closed, 0);
    assert_int_equal(f.b.n_closed, 0);
    io_link_set_fault(f.a.link, &(struct io_fault){0});
    LOOP_UNTIL(f.loop, f.b.n_frames == 50);
    assert_numbers(&f.b, 50);
    /* Closing a cut link loses what it held. */
    io_link_set_fault(f.a.link, &(struct io_fault){.blackhole = true});
    send_number(f.a.link, 50);
    io_link_free(f.a.link);
    f.a.link = NULL;
    LOOP_UNTIL(f.loop, f.b.n_closed == 1);
    assert_int_equal(f.b.n_frames, 50);
    stop(&f);
}

/* Connecting into a blackhole times out, or succeeds once it heals. */
static void test_connect_in_blackhole(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial(&f, (struct io_link_config){.fault = {.blackhole = true}, .connect_ms_max = 10});
    LOOP_UNTIL(f.loop, f.a.n_connected == 1);
    assert_int_equal(f.a.err, ERR_TIMEOUT);
    assert_null(f.b.link);
    io_link_free(f.a.link);
    f.a.n_connected = 0;
    dial(&f, (struct io_link_config){.fault = {.blackhole = true}});
    io_loop_turn(f.loop, 0);
    assert_int_equal(f.a.n_connected, 0);
    io_link_set_fault(f.a.link, &(struct io_fault){0});
    LOOP_UNTIL(f.loop, f.a.n_connected == 1 && f.b.link != NULL);
    assert_int_equal(f.a.err, OK);
    stop(&f);
}

/* Freeing a link from inside its own on_frame, with more frames in the buffer, is safe. */
static void test_free_in_callback(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    f.b.free_on_frame = true;
    dial_and_wait(&f, (struct io_link_config){0});
    for (int i = 0; i < 10; i++) {
        send_number(f.a.link, i);
    }
    LOOP_UNTIL(f.loop, f.a.n_closed == 1);
    assert_int_equal(f.b.n_frames, 1);
    stop(&f);
}

/* Compressed frames of any length arrive whole and in order, and repetition costs little. */
static void test_compressed(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){0});
    assert_int_equal(io_link_send(f.a.link, BYTES_LIT("plain")), OK);
    io_link_trust(f.a.link);
    io_link_trust(f.b.link);
    static uint8_t noise[200 * 1024];
    struct prng prng = prng_seeded(1);
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (uint8_t)prng_below(&prng, 256);
    }
    for (int i = 0; i < 20; i++) {
        noise[1000 + i] ^= 1;
        assert_int_equal(io_link_send(f.a.link, bytes_of(noise, sizeof noise)), OK);
        send_number(f.a.link, i);
    }
    assert_int_equal(io_link_send(f.a.link, BYTES_LIT("")), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == 42);
    assert_int_equal(f.b.bytes, 5 + 20 * sizeof noise + (f.b.got.len - 5 - 22));
    assert_true(bytes_has_prefix(buf_bytes(&f.b.got), BYTES_LIT("plain\n0\n1\n2\n")));
    assert_true(io_link_bytes(f.a.link).sent < 2 * sizeof noise);
    assert_int_equal(io_link_bytes(f.a.link).sent, io_link_bytes(f.b.link).received);
    stop(&f);
}

/* The longest frame arrives also where compression makes it longer. */
static void test_compressed_limit(void **state)
{
    (void)state;
    struct fixture f;
    start(&f);
    dial_and_wait(&f, (struct io_link_config){0});
    io_link_trust(f.a.link);
    io_link_trust(f.b.link);
    size_t n = IO_FRAME_BYTES_MAX;
    uint8_t *noise = test_malloc(n);
    struct prng prng = prng_seeded(1);
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t v = prng_u64(&prng);
        memcpy(noise + i, &v, sizeof v);
    }
    assert_int_equal(io_link_send(f.a.link, bytes_of(noise, n)), OK);
    LOOP_UNTIL(f.loop, f.b.n_frames == 1 || f.b.n_closed == 1);
    assert_int_equal(f.b.bytes, n);
    assert_true(io_link_bytes(f.a.link).sent > n + IO_FRAME_HEADER_BYTES);
    test_free(noise);
    stop(&f);
}

/* A compressed frame from a peer that has not proved who it is ends the link, and so does one that
 * does not decompress. */
static void test_compressed_refused(void **state)
{
    (void)state;
    for (int proved = 0; proved < 2; proved++) {
        struct fixture f;
        start(&f);
        int fd = raw_connect(io_link_listener_port(f.listener));
        LOOP_UNTIL(f.loop, f.b.link != NULL);
        if (proved == 1) {
            io_link_trust(f.b.link);
        }
        static const uint8_t frame[] = {4, 0, 0, 0x80, 1, 2, 3, 4};
        raw_send(f.loop, fd, frame, sizeof frame);
        LOOP_UNTIL(f.loop, f.b.n_closed == 1);
        assert_int_equal(f.b.err, ERR_CORRUPT);
        assert_int_equal(f.b.n_frames, 0);
        (void)close(fd); /* of a connection that has ended */
        stop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_frame_limit),
        cmocka_unit_test(test_stranger_limit),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_backpressure),
        cmocka_unit_test(test_faults_keep_order),
        cmocka_unit_test(test_delay_is_per_direction),
        cmocka_unit_test(test_partition_and_heal),
        cmocka_unit_test(test_connect_in_blackhole),
        cmocka_unit_test(test_free_in_callback),
        cmocka_unit_test(test_compressed),
        cmocka_unit_test(test_compressed_limit),
        cmocka_unit_test(test_compressed_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
