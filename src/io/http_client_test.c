#include "io/test_net.h"

/* A server of ours, a client, and what the last call brought. */
struct fixture {
    struct io_loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct http_request *held;
    int n_done;
    enum err err;
    int status;
    size_t body_len;
    char body[256];
    char header[64];
    bool has_date;
};

static void handle(void *arg, struct http_request *req)
{
    struct fixture *f = arg;
    if (bytes_eq_str(req->path, "/hold")) {
        f->held = req;
        return;
    }
    if (bytes_eq_str(req->path, "/close")) {
        struct http_response res = {.status = 200, .body = BYTES_LIT("bye"), .close = true};
        http_respond(req, &res);
        return;
    }
    struct http_header header = {
        BYTES_LIT("X-Seen"),
        http_header_find(req->headers, req->n_headers, "x-test"),
    };
    struct bytes host = http_header_find(req->headers, req->n_headers, "host");
    struct http_response res = {
        .status = 207,
        .headers = &header,
        .n_headers = 1,
        .body = bytes_fmt(
            req->arena,
            "%.*s %.*s host=%d conn=%d %zu",
            BYTES_FMT(req->method),
            BYTES_FMT(req->target),
            host.base != NULL,
            http_header_find(req->headers, req->n_headers, "connection").base != NULL,
            req->body.len),
    };
    http_respond(req, &res);
}

static void on_done(void *arg, enum err e, const struct http_reply *reply)
{
    struct fixture *f = arg;
    f->n_done++;
    f->err = e;
    assert_true((reply != NULL) == (e == OK));
    if (reply == NULL) {
        return;
    }
    f->status = reply->status;
    f->body_len = reply->body.len;
    (void)snprintf(f->body, sizeof f->body, "%.*s", BYTES_FMT(reply->body));
    struct bytes seen = http_header_find(reply->headers, reply->n_headers, "x-seen");
    (void)snprintf(f->header, sizeof f->header, "%.*s", BYTES_FMT(seen));
    f->has_date = http_header_find(reply->headers, reply->n_headers, "date").base != NULL;
    assert_null(http_header_find(reply->headers, reply->n_headers, "content-length").base);
    assert_null(http_header_find(reply->headers, reply->n_headers, "transfer-encoding").base);
}

static void start(struct fixture *f, struct http_client_config config)
{
    *f = (struct fixture){0};
    assert_int_equal(io_loop_new(&f->loop), OK);
    struct http_server_config server = {.handler = handle, .arg = f};
    assert_int_equal(http_server_new(f->loop, &server, &f->server), OK);
    f->client = http_client_new(f->loop, &config);
}

static void stop(struct fixture *f)
{
    http_client_free(f->client);
    http_server_free(f->server);
    io_loop_free(f->loop);
}

static enum err begin(struct fixture *f, uint16_t port, const char *method, const char *target)
{
    struct http_header headers[] = {
        {BYTES_LIT("x-test"), BYTES_LIT("value")},
        {BYTES_LIT("Connection"), BYTES_LIT("close")},
    };
    struct http_call_request q = {
        .addr = "127.0.0.1",
        .port = port,
        .method = bytes_str(method),
        .target = bytes_str(target),
        .headers = headers,
        .n_headers = 2,
        .body = method[0] == 'P' ? BYTES_LIT("body") : BYTES_NONE,
    };
    return http_client_call(f->client, &q, on_done, f, NULL);
}

static void call(struct fixture *f, uint16_t port, const char *method, const char *target)
{
    int n_done = f->n_done;
    assert_int_equal(begin(f, port, method, target), OK);
    assert_int_equal(f->n_done, n_done);
    LOOP_UNTIL(f->loop, f->n_done == n_done + 1);
}

/* Calls one after another share a connection; end-to-end headers pass, hop-by-hop ones do not. */
static void test_keep_alive(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_client_config){0});
    uint16_t port = http_server_port(f.server);
    call(&f, port, "POST", "/a?b=1");
    assert_int_equal(f.err, OK);
    assert_int_equal(f.status, 207);
    assert_string_equal(f.body, "POST /a?b=1 host=1 conn=0 4");
    assert_string_equal(f.header, "value");
    assert_false(f.has_date);
    call(&f, port, "GET", "/b");
    assert_string_equal(f.body, "GET /b host=1 conn=0 0");
    call(&f, port, "HEAD", "/c");
    assert_int_equal(f.body_len, 0);
    assert_int_equal(f.err, OK);
    assert_int_equal(http_server_connections(f.server), 1);
    call(&f, port, "GET", "/close");
    assert_string_equal(f.body, "bye");
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    call(&f, port, "GET", "/d");
    assert_int_equal(f.err, OK);
    stop(&f);
}

/* Many calls at once, each answered; no more idle connections are kept than asked for. */
static void test_parallel(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_client_config){.idle_max = 3, .calls_max = 50});
    uint16_t port = http_server_port(f.server);
    for (int i = 0; i < 50; i++) {
        assert_int_equal(begin(&f, port, "PUT", "/x"), OK);
    }
    assert_int_equal(begin(&f, port, "PUT", "/x"), ERR_BUSY);
    LOOP_UNTIL(f.loop, f.n_done == 50);
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 3);
    assert_int_equal(f.err, OK);
    stop(&f);
}

/* A closed port is "not sent"; a bad address or header never starts. */
static void test_not_sent(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_client_config){0});
    uint16_t port = http_server_port(f.server);
    http_server_free(f.server);
    f.server = NULL;
    call(&f, port, "GET", "/");
    assert_int_equal(f.err, ERR_UNAVAILABLE);
    assert_int_equal(begin(&f, port, "GET", "/a b"), ERR_INVALID);
    assert_int_equal(begin(&f, port, "GET", "/\r\nX: y"), ERR_INVALID);
    struct http_header split = {BYTES_LIT("x"), BYTES_LIT("a\r\nb: c")};
    struct http_call_request q = {
        .addr = "127.0.0.1",
        .port = port,
        .method = BYTES_LIT("GET"),
        .target = BYTES_LIT("/"),
        .headers = &split,
        .n_headers = 1,
    };
    assert_int_equal(http_client_call(f.client, &q, on_done, &f, NULL), ERR_INVALID);
    q.n_headers = 0;
    q.addr = "nowhere";
    assert_int_equal(http_client_call(f.client, &q, on_done, &f, NULL), ERR_INVALID);
    assert_int_equal(f.n_done, 1);
    stop(&f);
}

/* A server that never answers: ERR_TIMEOUT, and its late answer hurts nobody. */
static void test_timeout_and_cancel(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_client_config){0});
    struct http_call_request q = {
        .addr = "127.0.0.1",
        .port = http_server_port(f.server),
        .method = BYTES_LIT("GET"),
        .target = BYTES_LIT("/hold"),
        .timeout_ms = 20,
    };
    assert_int_equal(http_client_call(f.client, &q, on_done, &f, NULL), OK);
    LOOP_UNTIL(f.loop, f.held != NULL && f.n_done == 1);
    assert_int_equal(f.err, ERR_TIMEOUT);
    http_respond_body(f.held, 200, NULL, BYTES_LIT("late"));
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    f.held = NULL;
    q.timeout_ms = 0;
    struct http_call *c;
    assert_int_equal(http_client_call(f.client, &q, on_done, &f, &c), OK);
    LOOP_UNTIL(f.loop, f.held != NULL);
    http_call_cancel(c);
    http_respond_body(f.held, 200, NULL, BYTES_LIT("late"));
    LOOP_UNTIL(f.loop, http_server_connections(f.server) == 0);
    assert_int_equal(f.n_done, 1);
    assert_int_equal(http_client_call(f.client, &q, on_done, &f, NULL), OK);
    f.held = NULL;
    LOOP_UNTIL(f.loop, f.held != NULL);
    http_client_free(f.client); /* with a call under way */
    f.client = NULL;
    http_respond_body(f.held, 200, NULL, BYTES_LIT("late"));
    assert_int_equal(f.n_done, 1);
    stop(&f);
}

/* A foreign server, played by hand. */
struct foreign {
    int listen_fd;
    int fd;
    uint16_t port;
};

static struct foreign foreign_open(void)
{
    struct foreign s = {.fd = -1};
    s.listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s.listen_fd >= 0);
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(s.listen_fd, (struct sockaddr *)&sa, sizeof sa), 0);
    assert_int_equal(listen(s.listen_fd, 4), 0);
    socklen_t len = sizeof sa;
    assert_int_equal(getsockname(s.listen_fd, (struct sockaddr *)&sa, &len), 0);
    s.port = ntohs(sa.sin_port);
    return s;
}

/* Calls it, answers `reply` byte by byte or at once, and closes if told so. */
static void foreign_call(struct fixture *f, const char *reply, bool drip, bool end)
{
    struct foreign s = foreign_open();
    int n_done = f->n_done;
    assert_int_equal(begin(f, s.port, "GET", "/"), OK);
    s.fd = accept(s.listen_fd, NULL, NULL);
    assert_true(s.fd >= 0);
    struct raw_reader r;
    raw_reader_init(&r, s.fd);
    assert_int_equal(raw_read_until(f->loop, &r, "\r\n\r\n", 1), 1);
    if (drip) {
        for (const char *at = reply; *at != '\0'; at++) {
            raw_send(f->loop, s.fd, at, 1);
            io_loop_turn(f->loop, 0);
        }
    } else {
        raw_send_str(f->loop, s.fd, reply);
    }
    if (end) {
        assert_int_equal(shutdown(s.fd, SHUT_WR), 0);
    }
    LOOP_UNTIL(f->loop, f->n_done == n_done + 1);
    raw_reader_done(&r);
    (void)close(s.listen_fd);
}

/* Sized, chunked and to-the-close bodies, interim replies, and what is not HTTP. */
static void test_reply_forms(void **state)
{
    (void)state;
    static const struct {
        const char *reply;
        bool end;
        enum err err;
        const char *body;
    } cases[] = {
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false, OK, "abc"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
         false,
         OK,
         "abc"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
         false,
         OK,
         "x"},
        {"HTTP/1.0 200 OK\r\n\r\nto the end", true, OK, "to the end"},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, OK, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab", true, ERR_IO, NULL},
        {"", true, ERR_IO, NULL},
        {"SSH-2.0-what\r\n\r\n", false, ERR_SYNTAX, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         false,
         ERR_SYNTAX,
         NULL},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", false, ERR_SYNTAX, NULL},
        {"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n", false, ERR_TOO_BIG, NULL},
    };
    struct fixture f;
    start(&f, (struct http_client_config){.body_bytes_max = 100});
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        size_t at = i / 2;
        foreign_call(&f, cases[at].reply, /* drip= */ i % 2 == 1, cases[at].end);
        assert_int_equal(f.err, cases[at].err);
        if (cases[at].err == OK) {
            assert_string_equal(f.body, cases[at].body);
        }
    }
    stop(&f);
}

/* A server that closed the idle connection is met on a new one. */
static void test_stale_connection(void **state)
{
    (void)state;
    struct fixture f;
    start(&f, (struct http_client_config){0});
    uint16_t port = http_server_port(f.server);
    call(&f, port, "GET", "/");
    http_server_drain(f.server);
    http_server_free(f.server);
    struct http_server_config server = {.handler = handle, .arg = &f, .port = port};
    assert_int_equal(http_server_new(f.loop, &server, &f.server), OK);
    call(&f, port, "GET", "/again");
    assert_int_equal(f.err, OK);
    assert_string_equal(f.body, "GET /again host=1 conn=0 0");
    stop(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_parallel),
        cmocka_unit_test(test_not_sent),
        cmocka_unit_test(test_timeout_and_cancel),
        cmocka_unit_test(test_reply_forms),
        cmocka_unit_test(test_stale_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
