#include "io/test_net.h"

struct fixture {
    struct io_loop *loop;
    struct http_server *server;
    struct http_request *held; /* the last request to /hold */
    size_t n_handled;
    size_t n_cleared; /* arenas freed */
};

static void on_clear(void *arg)
{
    (*(size_t *)arg)++;
}

/* Answers "METHOD target body"; /hold is kept, /big answers 8 MiB. */
static void handle(void *arg, struct http_request *req)
{
    struct fixture *f = arg;
    f->n_handled++;
    assert_true(arena_on_clear(req->arena, on_clear, &f->n_cleared));
    if (bytes_eq_str(req->path, "/hold")) {
        f->held = req;
        return;
    }
    if (bytes_eq_str(req->path, "/big")) {
        size_t n = (size_t)8 << 20;
        uint8_t *big = arena_alloc(req->arena, n);
        memset(big, 'x', n);
        http_respond_body(req, 200, NULL, bytes_of(big, n));
        return;
    }
    struct bytes body = bytes_fmt(
        req->arena,
        "<%.*s %.*s ?%.*s %zu:%.*s>",
        BYTES_FMT(req->method),
        BYTES_FMT(req->path),
        BYTES_FMT(req->query),
        req->body.len,
        (int)(req->body.len < 64 ? req->body.len : 64),
        (const char *)req->body.base);
    http_respond_body(req, 200, "text/plain", body);
}

static void start(struct fixture *f, struct http_server_config config)
{
    *f = (struct fixture){0};
    assert_int_equal(io_loop_new(&f->loop), OK);
    config.handler = handle;
    config.arg = f;
    assert_int_equal(http_server_new(f->loop, &config, &f->server), OK);
}

static void stop(struct fixture *f)
{
    http_server_free(f->server);
    io_loop_free(f->loop);
}

static int client(struct fixture *f, struct raw_reader *r)
{
    int fd = raw_connect(http_server_port(f->server));
    raw_reader_init(r, fd);
    return fd;
}

/* Sends `text` on a fresh connection and reads to its end. */
static struct raw_reader one_shot(struct fixture *f, const char *text)
{
    struct raw_reader r;
    int fd = client(f, &r);
    raw_send_str(f->loop, fd, text);
    raw_read_to_eof(f->loop, &r);
    return r;
}

static bool starts_with(const struct raw_reader *r, const char *text)
{
    return bytes_has_prefix(buf_bytes(&r->in), bytes_str(text));
}

static bool contains(const struct raw_reader *r, const char *text)
{
    return bytes_contains(buf_bytes(&r->in), bytes_str(text));
}

/* Two requests on one connection: two answers, and the connection stays. */
static void test_keep_alive(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_read_until(f.loop, &r, "<GET /a ?b=c 0:>", 1), 1);
    raw_send_str(f.loop, fd, "POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
    assert_int_equal(raw_read_until(f.loop, &r, "<POST /d ? 2:hi>", 1), 1);
    assert_false(r.eof);
    assert_true(contains(&r, "Date: "));
    assert_false(contains(&r, "Connection: close"));
    LOOP_UNTIL(f.loop, f.n_cleared == 2);
    raw_reader_done(&r);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    stop(&f);
}

/* Fifty requests sent at once: fifty answers in order. */
static void test_pipelined(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    struct buf all;
    buf_init(&all, 1 << 20);
    for (int i = 0; i < 50; i++) {
        buf_putf(&all, "PUT /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n%d", i, i % 10);
    }
    raw_send(f.loop, fd, all.base, all.len);
    assert_int_equal(raw_read_until(f.loop, &r, "<PUT", 50), 50);
    const uint8_t *at = r.in.base;
    for (int i = 0; i < 50; i++) {
        char want[64];
        (void)snprintf(want, sizeof want, "<PUT /%d ? 1:%d>", i, i % 10);
        at = memmem(at, (size_t)(r.in.base + r.in.len - at), want, strlen(want));
        assert_non_null(at);
    }
    buf_done(&all);
    raw_reader_done(&r);
    stop(&f);
}

/* A request that arrives byte by byte is the same request. */
static void test_byte_by_byte(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    const char *text = "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n";
    for (const char *at = text; *at != '\0'; at++) {
        raw_send(f.loop, fd, at, 1);
        io_loop_turn(f.loop, 0);
    }
    assert_int_equal(raw_read_until(f.loop, &r, "<POST /slow ? 5:abcde>", 1), 1);
    raw_send_str(f.loop, fd, "GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_read_until(f.loop, &r, "<GET /next ? 0:>", 1), 1);
    raw_reader_done(&r);
    stop(&f);
}

/* What is malformed or ambiguous is refused, and never reaches the handler. */
static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        const char *answer;
    } cases[] = {
        {"nonsense\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "HTTP/1.1 400 "},
        {" / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"G(T / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n folded\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
         "0\r\n\r\n",
         "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
         "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 501 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n", "HTTP/1.1 417 "},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "HTTP/1.1 413 "},
    };
    struct fixture f;
    start(&f, (struct http_server_config){.body_bytes_max = 1000});
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct raw_reader r;
        int fd = client(&f, &r);
        raw_send_str(f.loop, fd, cases[i].request);
        assert_int_equal(raw_read_until(f.loop, &r, "\r\n\r\n", 1), 1);
        if (!starts_with(&r, cases[i].answer)) {
            fail_msg("%s was answered %.*s", cases[i].request, BYTES_FMT(buf_bytes(&r.in)));
        }
        assert_true(contains(&r, "Connection: close"));
        raw_read_to_eof(f.loop, &r);
        raw_reader_done(&r);
    }
    assert_int_equal(f.n_handled, 0);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    stop(&f);
}

/* A head of more than 64 KiB is refused, and so is a chunked body past the limit. */
static void test_too_large(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){.body_bytes_max = 1000});
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_put_str(&text, "GET / HTTP/1.1\r\nHost: x\r\n");
    while (text.len < 70000) {
        buf_putf(&text, "a-%zu: %0100d\r\n", text.len, 0);
    }
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send(f.loop, fd, text.base, text.len);
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 431 "));
    raw_reader_done(&r);

    buf_clear(&text);
    buf_put_str(&text, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++) {
        buf_putf(&text, "64\r\n%0100d\r\n", 0);
    }
    fd = client(&f, &r);
    raw_send(f.loop, fd, text.base, text.len);
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 413 "));
    raw_reader_done(&r);
    assert_int_equal(f.n_handled, 0);
    buf_done(&text);
    stop(&f);
}

/* A hundred that ask in one turn of the loop are all answered, each with its own answer, also when
 * some of them are gone before theirs is sent. */
static void test_many_at_once(void **state)
{
    (void)state;
    enum { CLIENTS = 100 };
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r[CLIENTS];
    for (int turn = 0; turn < 2; turn++) {
        for (int i = 0; i < CLIENTS; i++) {
            if (turn == 0) {
                (void)client(&f, &r[i]);
            }
            char text[64];
            (void)snprintf(text, sizeof text, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
            raw_send_str(f.loop, r[i].fd, text);
            if (turn == 1 && i % 3 == 0) {
                raw_reader_done(&r[i]);
            }
        }
        for (int i = 0; i < CLIENTS; i++) {
            char text[64];
            (void)snprintf(text, sizeof text, "<GET /%d ? 0:>", i);
            if (turn == 0 || i % 3 != 0) {
                assert_int_equal(raw_read_until(f.loop, &r[i], text, 1), 1);
                buf_clear(&r[i].in);
            }
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (i % 3 != 0) {
            raw_reader_done(&r[i]);
        }
    }
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    assert_int_equal(f.n_handled, f.n_cleared);
    stop(&f);
}

/* Of what all bodies together may take, one that is announced has its part until it was answered;
 * one that finds no room is refused, chunked or not, and a small one never is. */
static void test_bodies_limit(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){.bodies_bytes_max = 100000});
    struct raw_reader r[2];
    const char *announced =
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 80000\r\nExpect: 100-continue\r\n\r\n";
    int first = client(&f, &r[0]);
    raw_send_str(f.loop, first, announced);
    assert_int_equal(raw_read_until(f.loop, &r[0], "HTTP/1.1 100 ", 1), 1);
    static char body[80000];
    memset(body, 'x', sizeof body);
    for (int chunked = 0; chunked < 2; chunked++) {
        int fd = client(&f, &r[1]);
        raw_send_str(f.loop, fd, "POST /b HTTP/1.1\r\nHost: x\r\n");
        raw_send_str(
            f.loop,
            fd,
            chunked ? "Transfer-Encoding: chunked\r\n\r\n13880\r\n"
                    : "Content-Length: 80000\r\n\r\n");
        raw_send(f.loop, fd, body, sizeof body);
        (void)raw_read_until(f.loop, &r[1], "\r\n\r\n", 1);
        assert_true(starts_with(&r[1], "HTTP/1.1 503 "));
        raw_reader_done(&r[1]);
        fd = client(&f, &r[1]);
        raw_send_str(f.loop, fd, "POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
        assert_int_equal(raw_read_until(f.loop, &r[1], "<POST /c ? 2:hi>", 1), 1);
        raw_reader_done(&r[1]);
    }
    for (int turn = 0; turn < 3; turn++) {
        raw_send(f.loop, first, body, sizeof body);
        assert_int_equal(raw_read_until(f.loop, &r[0], "<POST /a ? 80000:x", 1), 1);
        buf_clear(&r[0].in);
        raw_send_str(f.loop, first, announced);
        assert_int_equal(raw_read_until(f.loop, &r[0], "HTTP/1.1 100 ", 1), 1);
    }
    raw_reader_done(&r[0]);
    stop(&f);
}

/* A client that sends all of a refused 20 MB body still reads the refusal. */
static void test_refusal_is_seen(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n");
    static char junk[100000];
    for (int i = 0; i < 200; i++) {
        raw_send(f.loop, fd, junk, sizeof junk);
    }
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 413 "));
    raw_reader_done(&r);
    stop(&f);
}

/* A client that waits for "100 Continue" gets it and then its answer; one that does not wait gets
 * only the answer. */
static void test_expect_continue(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    const char *head =
        "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    raw_send_str(f.loop, fd, head);
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 100 Continue\r\n\r\n"));
    assert_int_equal(f.n_handled, 0);
    raw_send_str(f.loop, fd, "abc");
    assert_int_equal(raw_read_until(f.loop, &r, "<PUT / ? 3:abc>", 1), 1);
    buf_clear(&r.in);
    struct buf both;
    buf_init(&both, 1000);
    buf_putf(&both, "%sdef", head);
    raw_send(f.loop, fd, both.base, both.len);
    assert_int_equal(raw_read_until(f.loop, &r, "<PUT / ? 3:def>", 1), 1);
    assert_true(starts_with(&r, "HTTP/1.1 200 "));
    buf_done(&both);
    raw_reader_done(&r);
    stop(&f);
}

/* The server's end of a connection, which is in this process too. */
static int other_end(int fd)
{
    struct sockaddr_in ours = {0};
    socklen_t len = sizeof ours;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ours, &len), 0);
    for (int at = 0; at < 1024; at++) {
        struct sockaddr_in theirs = {0};
        len = sizeof theirs;
        if (getpeername(at, (struct sockaddr *)&theirs, &len) == 0 &&
            theirs.sin_port == ours.sin_port) {
            return at;
        }
    }
    fail_msg("the connection has no other end");
    return -1;
}

/* Leaves a socket no room for a single byte: what is left after large pieces goes in small ones. */
static void fill(struct io_loop *loop, int fd)
{
    static const char junk[65536];
    size_t n = sizeof junk;
    for (int full = 0; full < 20;) {
        ssize_t sent = send(fd, junk, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        assert_true(sent > 0 || errno == EAGAIN);
        full = sent > 0 ? 0 : full + 1;
        if (full == 10) {
            n = 1;
        }
        if (sent < 0) {
            io_loop_turn(loop, 1); /* the kernel goes on moving it to the client */
        }
    }
}

/* A client that reads nothing, so that not even "100 Continue" leaves, and whose body is refused or
 * answered meanwhile: the connection ends in time and takes nobody with it. */
static void test_blocked_continue(void **state)
{
    (void)state;
    static const char *const bodies[] = {"zz\r\n", "1\r\na\r\n0\r\n\r\n", ""};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct fixture f;
        start(&f, (struct http_server_config){.body_ms_max = 20, .send_ms_max = 40});
        struct raw_reader r;
        int fd = client(&f, &r);
        LOOP_UNTIL(f.loop, http_server_connections(f.server) == 1);
        fill(f.loop, other_end(fd));
        raw_send_str(
            f.loop,
            fd,
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
            "Expect: 100-continue\r\n\r\n");
        io_loop_turn(f.loop, 1);
        raw_send_str(f.loop, fd, bodies[i]);
        LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
        assert_int_equal(f.n_handled, i == 1 ? 1 : 0);
        raw_reader_done(&r);
        stop(&f);
    }
}

/* HEAD: the length of the body and no body. HTTP/1.0: closed after the answer unless asked
 * otherwise. */
static void test_head_and_old_clients(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r = one_shot(&f, "HEAD /h HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_true(contains(&r, "Content-Length: 14\r\n"));
    assert_false(contains(&r, "<HEAD"));
    raw_reader_done(&r);
    r = one_shot(&f, "GET /old HTTP/1.0\r\n\r\n");
    assert_true(contains(&r, "<GET /old ? 0:>"));
    raw_reader_done(&r);
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "GET /1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(raw_read_until(f.loop, &r, "<GET /1 ", 1), 1);
    assert_true(contains(&r, "Connection: keep-alive\r\n"));
    raw_send_str(f.loop, fd, "GET http://x/2?q HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_read_until(f.loop, &r, "<GET /2 ?q ", 1), 1);
    raw_reader_done(&r);
    stop(&f);
}

/* A client that vanishes before its answer, or half way through a large one: the answer is harmless
 * and the arena is freed. */
static void test_disconnects(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    LOOP_UNTIL(f.loop, f.held != NULL);
    assert_true(http_request_connected(f.held));
    struct linger now = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
    raw_reader_done(&r); /* resets */
    LOOP_UNTIL(f.loop, !http_request_connected(f.held));
    assert_int_equal(http_server_connections(f.server), 0);
    assert_int_equal(f.n_cleared, 0);
    http_respond_body(f.held, 200, NULL, BYTES_LIT("late"));
    assert_int_equal(f.n_cleared, 1);

    fd = client(&f, &r);
    raw_send_str(f.loop, fd, "GET /big HTTP/1.1\r\nHost: x\r\n\r\n");
    LOOP_UNTIL(f.loop, f.n_handled == 2);
    assert_int_equal(f.n_cleared, 1); /* 8 MiB do not fit the socket's buffers */
    raw_reader_done(&r);
    LOOP_UNTIL(f.loop, f.n_cleared == 2);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);

    fd = client(&f, &r);
    raw_send_str(f.loop, fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 1);
    raw_reader_done(&r);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    assert_int_equal(f.n_handled, 2);
    stop(&f);
}

/* A client that closes only its sending side still gets its answer. */
static void test_half_close(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    LOOP_UNTIL(f.loop, f.held != NULL);
    io_loop_turn(f.loop, 1);
    io_loop_turn(f.loop, 1);
    http_respond_body(f.held, 200, NULL, BYTES_LIT("still here"));
    raw_read_to_eof(f.loop, &r);
    assert_true(contains(&r, "still here"));
    raw_reader_done(&r);
    stop(&f);
}

/* A chunked body of exactly the limit is taken, in chunks as large as one may be. */
static void test_big_chunked_body(void **state)
{
    (void)state;
    struct fixture f;
    size_t n = 3000000;
    start(&f, (struct http_server_config){.body_bytes_max = n});
    struct raw_reader r;
    int fd = client(&f, &r);
    char *body = test_malloc(n);
    memset(body, 'z', n);
    raw_send_str(f.loop, fd, "POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    raw_send_str(f.loop, fd, "1\r\nz\r\n2DC6BF\r\n");
    raw_send(f.loop, fd, body, n - 1);
    raw_send_str(f.loop, fd, "\r\n0\r\n\r\nGET /after HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(raw_read_until(f.loop, &r, "<GET /after ", 1), 1);
    assert_true(contains(&r, "<POST /c ? 3000000:zzzz"));
    test_free(body);
    raw_reader_done(&r);
    stop(&f);
}

/* A 16 MB body arrives whole, and 8 MiB go back. */
static void test_big_bodies(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader r;
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "POST /in HTTP/1.1\r\nHost: x\r\nContent-Length: 16000000\r\n\r\n");
    static char chunk[100000];
    memset(chunk, 'y', sizeof chunk);
    for (int i = 0; i < 160; i++) {
        raw_send(f.loop, fd, chunk, sizeof chunk);
    }
    assert_int_equal(raw_read_until(f.loop, &r, "<POST /in ? 16000000:yyy", 1), 1);
    raw_send_str(f.loop, fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    raw_read_to_eof(f.loop, &r);
    assert_true(r.in.len > (size_t)8 << 20);
    raw_reader_done(&r);
    stop(&f);
}

/* Idle connections are closed, a head or a body that dawdles is refused with 408. */
static void test_timeouts(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){.idle_ms_max = 20, .head_ms_max = 10, .body_ms_max = 10});
    struct raw_reader r = one_shot(&f, "");
    assert_int_equal(r.in.len, 0);
    raw_reader_done(&r);
    r = one_shot(&f, "GET / HT");
    raw_reader_done(&r);
    int fd = client(&f, &r);
    raw_send_str(f.loop, fd, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 408 "));
    raw_reader_done(&r);
    fd = client(&f, &r);
    raw_send_str(f.loop, fd, "POST / HT");
    (void)raw_read_until(f.loop, &r, "\r\n\r\n", 1);
    assert_true(starts_with(&r, "HTTP/1.1 408 "));
    raw_reader_done(&r);
    stop(&f);
}

/* The connection after the last one allowed is told 503. */
static void test_connection_limit(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){.connections_max = 2});
    struct raw_reader a;
    struct raw_reader b;
    (void)client(&f, &a);
    (void)client(&f, &b);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 2);
    struct raw_reader c = one_shot(&f, "");
    assert_true(starts_with(&c, "HTTP/1.1 503 "));
    raw_reader_done(&c);
    raw_reader_done(&a);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 1);
    (void)client(&f, &a);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 2);
    raw_reader_done(&a);
    raw_reader_done(&b);
    stop(&f);
}

/* Draining closes idle connections and lets the busy one finish; freeing the server with a request
 * in the handler's hands leaves that request valid. */
static void test_drain_and_free(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct raw_reader idle;
    struct raw_reader busy;
    (void)client(&f, &idle);
    int fd = client(&f, &busy);
    raw_send_str(f.loop, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    LOOP_UNTIL(f.loop, f.held != NULL && http_server_connections(f.server) == 2);
    http_server_drain(f.server);
    raw_read_to_eof(f.loop, &idle);
    assert_int_equal(http_server_connections(f.server), 1);
    http_respond_body(f.held, 200, NULL, BYTES_LIT("last"));
    raw_read_to_eof(f.loop, &busy);
    assert_true(contains(&busy, "Connection: close"));
    assert_true(contains(&busy, "last"));
    raw_reader_done(&idle);
    raw_reader_done(&busy);
    http_server_free(f.server);

    struct http_server_config config = {.handler = handle, .arg = &f};
    assert_int_equal(http_server_new(f.loop, &config, &f.server), OK);
    f.held = NULL;
    fd = client(&f, &busy);
    raw_send_str(f.loop, fd, "GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
    LOOP_UNTIL(f.loop, f.held != NULL);
    http_server_free(f.server);
    assert_false(http_request_connected(f.held));
    http_respond_body(f.held, 200, NULL, BYTES_NONE);
    raw_reader_done(&busy);
    io_loop_free(f.loop);
}

/* A second server on a port is refused unless it means to join; a name is not an address. */
static void test_listening(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct http_server *second;
    struct http_server_config config = {
        .handler = handle,
        .arg = &f,
        .port = http_server_port(f.server),
    };
    assert_int_equal(http_server_new(f.loop, &config, &second), ERR_IN_USE);
    config.port_joined = true;
    assert_int_equal(http_server_new(f.loop, &config, &second), OK);
    assert_int_equal(http_server_port(second), http_server_port(f.server));
    http_server_free(second);
    config.addr = "localhost";
    assert_int_equal(http_server_new(f.loop, &config, &second), ERR_INVALID);
    http_server_free(NULL);
    stop(&f);
}

/* A second loop in a thread of its own, which says by mail where it listens and is told by mail to
 * stop. */
struct second_loop {
    struct mail mail; /* first */
    struct mailbox *ready;
    struct mailbox *orders;
    uint16_t port;
    struct fixture f;
};

static void on_order(void *arg, struct mail *batch)
{
    struct second_loop *s = arg;
    assert_ptr_equal(batch, &s->mail);
    io_loop_stop(s->f.loop);
}

static void run_second_loop(void *arg)
{
    struct second_loop *s = arg;
    start(&s->f, (struct http_server_config){.port = s->port, .port_joined = true});
    assert_int_equal(mailbox_attach(s->orders, s->f.loop, on_order, s), OK);
    assert_int_equal(mailbox_post(s->ready, &s->mail), OK);
    io_loop_run(s->f.loop);
    mailbox_detach(s->orders);
    stop(&s->f);
}

/* Two loops in two threads share a port: every request is answered, by one or the other. */
static void test_two_loops(void **state)
{
    (void)state;
    enum { CLIENTS = 40 };
    struct fixture f;
    start(&f, (struct http_server_config){0});
    struct second_loop s = {.port = http_server_port(f.server)};
    s.ready = mailbox_new(1);
    s.orders = mailbox_new(1);
    struct io_thread *thread;
    assert_int_equal(io_thread_spawn("second loop", run_second_loop, &s, &thread), OK);
    assert_true(mailbox_wait(s.ready, -1));
    assert_ptr_equal(mailbox_take_all(s.ready), &s.mail);
    for (int i = 0; i < CLIENTS; i++) {
        struct raw_reader r;
        int fd = client(&f, &r);
        raw_send_str(f.loop, fd, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_int_equal(raw_read_until(f.loop, &r, "<GET /x ", 1), 1);
        raw_reader_done(&r);
    }
    assert_int_equal(mailbox_post(s.orders, &s.mail), OK);
    io_thread_join(thread);
    assert_int_equal(f.n_handled + s.f.n_handled, CLIENTS);
    mailbox_free(s.ready);
    mailbox_free(s.orders);
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_pipelined),
        cmocka_unit_test(test_byte_by_byte),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_bodies_limit),
        cmocka_unit_test(test_refusal_is_seen),
        cmocka_unit_test(test_expect_continue),
        cmocka_unit_test(test_blocked_continue),
        cmocka_unit_test(test_head_and_old_clients),
        cmocka_unit_test(test_disconnects),
        cmocka_unit_test(test_half_close),
        cmocka_unit_test(test_big_chunked_body),
        cmocka_unit_test(test_big_bodies),
        cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_connection_limit),
        cmocka_unit_test(test_drain_and_free),
        cmocka_unit_test(test_listening),
        cmocka_unit_test(test_two_loops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
