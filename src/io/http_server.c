/* The HTTP/1 server: a state machine per connection on H2O's sockets.
 *
 *    HEAD --- take_head() ---> BODY --- take_*(), dispatch() ---> HANDLING
 *     ^  \                       \                                   |
 *     |   \--- refuse(): malformed, too big, too slow --------------->| http_respond()
 *     |                                                               v
 *     +---------------- on_sent(), keep-alive -------------------- SENDING
 *                                                                     | on_sent(), close
 *                        conn_close() <--- deadline, end --- LINGER <-+
 *
 * LINGER reads and drops what the client still sends for a while: closing at once would let the
 * kernel reset the connection, and the client would never see the refusal it was sent.
 *
 * Invariants: 1. conn->req is set exactly in BODY, HANDLING and SENDING; 2. a request whose
 * connection went away has conn NULL and is freed by http_respond(); 3. a server object lives until
 * it was freed and its last request was answered; 4. nothing touches a connection after calling the
 * handler, which may free it; 5. bodies_bytes is the sum of the requests' body_booked, and within
 * its bound; 6. a connection in unsent[] is SENDING, and h2o has not been given its answer.
 *
 * A connection is read while its request is handled, so that a reset is noticed, up to
 * PIPELINE_BYTES_MAX. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/http_head.h"
#include "io/loop.h"

enum {
    PIPELINE_BYTES_MAX = 64 << 10,
    CHUNKS_BYTES_MAX = 64 << 10, /* decoded in one go */
    SMALL_BODY_BYTES_MAX = 16 << 10,
    RESPONSE_HEAD_BYTES_MAX = 1 << 20,
    SPARE_REQUESTS_MAX = 64,
    SPARE_ARENA_BYTES_MAX = 256 << 10,
    UNSENT_MAX = 32, /* answers that wait for the end of the turn */
    LINGER_MS_MAX = 3000,
    LINGER_BYTES_MAX = 64 << 20,
    ACCEPT_RETRY_MS = 100,
};

enum conn_state { CONN_HEAD, CONN_BODY, CONN_HANDLING, CONN_SENDING, CONN_LINGER };

struct request {
    struct http_request pub; /* first: the handler's pointer is ours */
    struct http_conn *conn;  /* NULL once the connection is gone */
    struct http_server *server;
    struct arena arena;
    struct http_head head;
    uint8_t *body;
    size_t body_len;    /* received so far */
    size_t body_booked; /* of the server's `bodies_bytes` */
    struct buf chunks;
    struct http_chunks decoder;
    struct buf answer_head;
    struct bytes answer_body;
    struct request *next_spare;
};

struct http_conn {
    struct http_server *server;
    h2o_socket_t *sock;
    struct http_conn *prev;
    struct http_conn *next;
    enum conn_state state;
    struct request *req;
    size_t head_seen;
    size_t linger_bytes;
    struct io_timer timer;
    uint64_t deadline_ns; /* UINT64_MAX: none */
    bool keep_alive;
    bool peer_closed;
    bool paused;      /* too much pipelined input, not reading */
    bool linger;      /* unread input is expected after the answer */
    bool answer_held; /* the answer waits for the interim one to leave */
    uint64_t number;  /* of n_accepted */
    char peer[PEER_TEXT_LEN];
};

struct http_server {
    struct io_loop *loop;
    struct http_server_config config;
    h2o_socket_t *listener; /* NULL when draining */
    uint16_t port;
    struct io_timer accept_retry;
    struct io_timer flush;                /* due at once when there is something unsent */
    struct http_conn *unsent[UNSENT_MAX]; /* have an answer to send; NULL: is gone */
    size_t n_unsent;
    struct http_conn *conns;
    size_t n_conns;
    uint64_t n_accepted; /* since the start */
    size_t n_requests;   /* handed out and not yet freed */
    size_t bodies_bytes; /* of requests with more than a small body */
    struct request *spare;
    size_t n_spare;
    bool draining;
    bool freed;
};

static void conn_advance(struct http_conn *c);

/* ---- requests ---- */

static struct request *request_new(struct http_conn *c)
{
    struct http_server *s = c->server;
    struct request *r = s->spare;
    if (r != NULL) {
        s->spare = r->next_spare;
        s->n_spare--;
    } else {
        r = malloc(sizeof *r);
        ASSERT(r != NULL);
        *r = (struct request){0};
        arena_init(&r->arena, s->config.arena_bytes_max);
        buf_init(&r->answer_head, RESPONSE_HEAD_BYTES_MAX);
    }
    r->conn = c;
    r->server = s;
    r->pub = (struct http_request){.arena = &r->arena, .peer = "?"};
    r->body = NULL;
    r->body_len = 0;
    r->body_booked = 0;
    r->decoder = (struct http_chunks){0};
    buf_init(&r->chunks, s->config.body_bytes_max + CHUNKS_BYTES_MAX);
    s->n_requests++;
    return r;
}

static void request_destroy(struct request *r)
{
    arena_done(&r->arena);
    buf_done(&r->answer_head);
    free(r);
}

static void server_destroy(struct http_server *s)
{
    ASSERT(s->n_requests == 0);
    while (s->spare != NULL) {
        struct request *r = s->spare;
        s->spare = r->next_spare;
        request_destroy(r);
    }
    free(s);
}

static void request_free(struct request *r)
{
    struct http_server *s = r->server;
    ASSERT(s->n_requests > 0);
    s->n_requests--;
    s->bodies_bytes -= r->body_booked;
    buf_done(&r->chunks);
    if (s->freed || s->n_spare == SPARE_REQUESTS_MAX) {
        request_destroy(r);
    } else {
        if (r->arena.bytes_used > SPARE_ARENA_BYTES_MAX) {
            arena_done(&r->arena);
        } else {
            arena_clear(&r->arena);
        }
        buf_clear(&r->answer_head);
        r->next_spare = s->spare;
        s->spare = r;
        s->n_spare++;
    }
    if (s->freed && s->n_requests == 0) {
        server_destroy(s);
    }
}

/* ---- connections ---- */

static void conn_close(struct http_conn *c)
{
    struct http_server *s = c->server;
    io_timer_disarm(&c->timer);
    for (size_t i = 0; c->state == CONN_SENDING && i < s->n_unsent; i++) {
        if (s->unsent[i] == c) {
            s->unsent[i] = NULL;
        }
    }
    if (c->req != NULL) {
        c->req->conn = NULL;
        if (c->state != CONN_HANDLING || c->answer_held) {
            /* The handler does not have it yet, or has given it up. */
            request_free(c->req);
        }
    }
    h2o_socket_close(c->sock);
    if (c->prev != NULL) {
        c->prev->next = c->next;
    } else {
        s->conns = c->next;
    }
    if (c->next != NULL) {
        c->next->prev = c->prev;
    }
    ASSERT(s->n_conns > 0);
    s->n_conns--;
    free(c);
}

/* Deadlines move at every request but rarely pass, so the timer is left alone while it fires early
 * enough and looks at the deadline when it does. */
static void set_deadline(struct http_conn *c, uint64_t in_ms)
{
    c->deadline_ns = io_now_ns() + in_ms * 1000000;
    if (!io_timer_armed(&c->timer) || c->timer.at_ns > c->deadline_ns) {
        io_timer_arm_at(&c->timer, c->deadline_ns);
    }
}

/* Answers without a handler and ends the connection. */
static void refuse(struct http_conn *c, int status)
{
    if (c->req == NULL) {
        c->req = request_new(c);
    }
    c->state = CONN_HANDLING;
    c->keep_alive = false;
    c->linger = true;
    const char *reason = http_reason(status);
    http_respond_body(&c->req->pub, status, "text/plain", bytes_str(reason));
}

static void on_deadline(struct io_timer *t)
{
    struct http_conn *c = H2O_STRUCT_FROM_MEMBER(struct http_conn, timer, t);
    if (c->deadline_ns == UINT64_MAX) {
        return;
    }
    if (io_now_ns() < c->deadline_ns) {
        io_timer_arm_at(t, c->deadline_ns);
        return;
    }
    switch (c->state) {
    case CONN_HEAD:
        if (c->sock->input->size == 0) {
            conn_close(c);
            return;
        }
        refuse(c, 408);
        return;
    case CONN_BODY:
        refuse(c, 408);
        return;
    case CONN_HANDLING:
        ASSERT(
            c->answer_held); /* dispatch() took the deadline away, http_respond() set a new one */
        conn_close(c);
        return;
    case CONN_SENDING:
    case CONN_LINGER:
        conn_close(c);
        return;
    }
}

static void dispatch(struct http_conn *c)
{
    struct request *r = c->req;
    c->state = CONN_HANDLING;
    c->deadline_ns = UINT64_MAX;
    struct http_request *pub = &r->pub;
    pub->method = r->head.method;
    pub->target = r->head.target;
    const uint8_t *mark = memchr(pub->target.base, '?', pub->target.len);
    size_t path_len = mark == NULL ? pub->target.len : (size_t)(mark - pub->target.base);
    pub->path = bytes_of(pub->target.base, path_len);
    pub->query = bytes_from(pub->target, mark == NULL ? path_len : path_len + 1);
    pub->headers = r->head.headers;
    pub->n_headers = r->head.n_headers;
    pub->connection = c->number;
    const char *peer = bytes_cstr(&r->arena, bytes_str(c->peer));
    if (peer != NULL) {
        pub->peer = peer;
    }
    c->server->config.handler(c->server->config.arg, pub);
}

/* ---- reading ---- */

static void pause_reading(struct http_conn *c)
{
    if (!c->paused) {
        c->paused = true;
        h2o_socket_read_stop(c->sock);
    }
}

static void on_continue_sent(h2o_socket_t *sock, const char *err);

/* Asks for the body if the client waits to be asked. */
static void send_continue(struct http_conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (c->sock->input->size > 0 || h2o_socket_is_writing(c->sock)) {
        return; /* it did not wait */
    }
    h2o_iovec_t out = h2o_iovec_init(text, sizeof text - 1);
    h2o_socket_write(c->sock, &out, 1, on_continue_sent);
}

/* A request's body is, or will be, so long. Small ones are always welcome, so that a few who send
 * much keep nobody out who asks for little. false: there is no room for it now. */
static bool book_body(struct request *r, size_t body_bytes)
{
    struct http_server *s = r->server;
    if (body_bytes <= SMALL_BODY_BYTES_MAX) {
        return true;
    }
    size_t more = body_bytes - r->body_booked;
    if (more > s->config.bodies_bytes_max - s->bodies_bytes) {
        return false;
    }
    s->bodies_bytes += more;
    r->body_booked = body_bytes;
    return true;
}

/* Reads from a complete head how the body will come. */
static void begin_body(struct http_conn *c)
{
    struct request *r = c->req;
    size_t bytes_max = c->server->config.body_bytes_max;
    if (r->head.has_length && r->head.length > bytes_max) {
        refuse(c, 413);
        return;
    }
    if (!r->head.chunked && r->head.length == 0) {
        dispatch(c);
        return;
    }
    if (r->head.has_length) {
        if (!book_body(r, (size_t)r->head.length)) {
            refuse(c, 503);
            return;
        }
        r->body = arena_alloc(&r->arena, (size_t)r->head.length);
        if (r->body == NULL) {
            refuse(c, 413);
            return;
        }
    }
    c->state = CONN_BODY;
    set_deadline(c, c->server->config.body_ms_max);
    if (r->head.expect_continue) {
        send_continue(c);
    }
    if (c->sock->input->size > 0) {
        conn_advance(c);
    }
}

static void take_head(struct http_conn *c)
{
    h2o_buffer_t *in = c->sock->input;
    ptrdiff_t head_len = http_head_length(bytes_of(in->bytes, in->size), c->head_seen);
    if (head_len == HTTP_HEAD_INCOMPLETE) {
        if (c->head_seen == 0) {
            set_deadline(c, c->server->config.head_ms_max);
        }
        c->head_seen = in->size;
        return;
    }
    if (head_len < 0 || head_len > HTTP_HEAD_BYTES_MAX) {
        refuse(c, 431);
        return;
    }
    c->head_seen = 0;
    struct request *r = request_new(c);
    c->req = r;
    size_t len = (size_t)head_len;
    char *text = arena_alloc(&r->arena, len);
    if (text == NULL) {
        refuse(c, 431);
        return;
    }
    memcpy(text, in->bytes, len);
    h2o_buffer_consume(&c->sock->input, len);
    int status = http_head_parse_request(text, len, &r->arena, &r->head);
    if (status != 0) {
        refuse(c, status);
        return;
    }
    c->keep_alive = r->head.keep_alive && !c->server->draining && !c->peer_closed;
    begin_body(c);
}

static void take_sized_body(struct http_conn *c)
{
    struct request *r = c->req;
    h2o_buffer_t *in = c->sock->input;
    size_t missing = (size_t)r->head.length - r->body_len;
    size_t n = in->size < missing ? in->size : missing;
    memcpy(r->body + r->body_len, in->bytes, n);
    r->body_len += n;
    h2o_buffer_consume(&c->sock->input, n);
    if (r->body_len == r->head.length) {
        r->pub.body = bytes_of(r->body, r->body_len);
        dispatch(c);
    }
}

/* Decodes one slice. false when the connection has moved on, and may be gone. */
static bool take_chunks(struct http_conn *c)
{
    struct request *r = c->req;
    h2o_buffer_t *in = c->sock->input;
    size_t n = in->size < CHUNKS_BYTES_MAX ? in->size : CHUNKS_BYTES_MAX;
    uint8_t *to = buf_reserve(&r->chunks, n);
    ASSERT(to != NULL); /* the bound leaves room for a slice */
    memcpy(to, in->bytes, n);
    size_t body_n = n;
    ptrdiff_t rest = http_chunks_decode(&r->decoder, (char *)to, &body_n);
    if (rest == -1) {
        refuse(c, 400);
        return false;
    }
    r->chunks.len += body_n;
    if (r->chunks.len > c->server->config.body_bytes_max) {
        refuse(c, 413);
        return false;
    }
    if (!book_body(r, r->chunks.len)) {
        refuse(c, 503);
        return false;
    }
    h2o_buffer_consume(&c->sock->input, rest < 0 ? n : n - (size_t)rest);
    if (rest < 0) {
        return c->sock->input->size > 0;
    }
    r->pub.body = buf_bytes(&r->chunks);
    dispatch(c);
    return false;
}

/* Takes the next step that the input at hand allows. May free `c`. */
static void conn_advance(struct http_conn *c)
{
    switch (c->state) {
    case CONN_HEAD:
        take_head(c);
        return;
    case CONN_BODY:
        if (c->req->head.chunked) {
            while (take_chunks(c)) {
            }
        } else {
            take_sized_body(c);
        }
        return;
    case CONN_HANDLING:
    case CONN_SENDING:
        if (c->sock->input->size > PIPELINE_BYTES_MAX) {
            pause_reading(c);
        }
        return;
    case CONN_LINGER:
        c->linger_bytes += c->sock->input->size;
        h2o_buffer_consume(&c->sock->input, c->sock->input->size);
        if (c->linger_bytes > LINGER_BYTES_MAX) {
            conn_close(c);
        }
        return;
    }
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct http_conn *c = sock->data;
    if (err == NULL) {
        if (sock->input->size > 0) {
            conn_advance(c);
        }
        return;
    }
    bool answering = c->state == CONN_HANDLING || c->state == CONN_SENDING;
    if (!answering || err != h2o_socket_error_closed) {
        conn_close(c);
        return;
    }
    /* The client may have closed its sending side only, and still wait for the answer. */
    c->peer_closed = true;
    c->keep_alive = false;
    pause_reading(c);
}

/* ---- answering ---- */

static void begin_linger(struct http_conn *c)
{
    bool unread = c->linger || c->sock->input->size > 0;
    if (c->peer_closed || !unread) {
        conn_close(c);
        return;
    }
    c->state = CONN_LINGER;
    int rc = shutdown(h2o_socket_get_fd(c->sock), SHUT_WR);
    if (rc != 0) {
        conn_close(c);
        return;
    }
    h2o_buffer_consume(&c->sock->input, c->sock->input->size);
    set_deadline(c, LINGER_MS_MAX);
    if (c->paused) {
        c->paused = false;
        h2o_socket_read_start(c->sock, on_read);
    }
}

static void on_sent(h2o_socket_t *sock, const char *err)
{
    struct http_conn *c = sock->data;
    ASSERT(c->state == CONN_SENDING);
    if (err != NULL) {
        conn_close(c);
        return;
    }
    request_free(c->req);
    c->req = NULL;
    if (!c->keep_alive) {
        begin_linger(c);
        return;
    }
    c->state = CONN_HEAD;
    set_deadline(c, c->server->config.idle_ms_max);
    if (c->paused) {
        c->paused = false;
        h2o_socket_read_start(c->sock, on_read);
    }
    if (c->sock->input->size > 0) {
        conn_advance(c);
    } else {
        loop_release_input(c->sock);
    }
}

/* Answers leave together at the end of the loop's turn in which they were given. A client on this
 * machine, or the softirq that stands for the network, would otherwise be woken by each of them
 * while the next is being worked on. */
static void send_unsent(struct http_server *s)
{
    for (size_t i = 0; i < s->n_unsent; i++) {
        struct http_conn *c = s->unsent[i];
        if (c == NULL) {
            continue;
        }
        const struct request *r = c->req;
        h2o_iovec_t out[2] = {
            h2o_iovec_init(r->answer_head.base, r->answer_head.len),
            h2o_iovec_init(r->answer_body.base, r->answer_body.len),
        };
        h2o_socket_write(c->sock, out, r->answer_body.len > 0 ? 2 : 1, on_sent);
    }
    s->n_unsent = 0;
}

static void flush_fired(struct io_timer *t)
{
    send_unsent(H2O_STRUCT_FROM_MEMBER(struct http_server, flush, t));
}

static void send_answer(struct http_conn *c)
{
    struct http_server *s = c->server;
    c->state = CONN_SENDING;
    set_deadline(c, s->config.send_ms_max);
    if (s->n_unsent == UNSENT_MAX) {
        send_unsent(s);
    }
    s->unsent[s->n_unsent++] = c;
    if (!io_timer_armed(&s->flush)) {
        io_timer_arm_at(&s->flush, 0);
    }
}

static void on_continue_sent(h2o_socket_t *sock, const char *err)
{
    struct http_conn *c = sock->data;
    if (err != NULL) {
        conn_close(c);
    } else if (c->answer_held) {
        c->answer_held = false;
        send_answer(c);
    }
}

static void put_answer_head(struct request *r, const struct http_response *res, bool keep_alive)
{
    struct buf *b = &r->answer_head;
    buf_put_str(b, "HTTP/1.1 ");
    put_integer(b, (uint64_t)res->status);
    buf_put_u8(b, ' ');
    buf_put_str(b, http_reason(res->status));
    buf_put_str(b, "\r\n");
    for (size_t i = 0; i < res->n_headers; i++) {
        const struct http_header *h = &res->headers[i];
        ASSERT(http_header_is_clean(h));
        buf_put_bytes(b, h->name);
        buf_put(b, ": ", 2);
        buf_put_bytes(b, h->value);
        buf_put(b, "\r\n", 2);
    }
    bool bodiless = res->status == 204 || res->status == 304;
    ASSERT(!bodiless || res->body.len == 0);
    if (!bodiless) {
        buf_put_str(b, "Content-Length: ");
        put_integer(b, res->body.len);
        buf_put_str(b, "\r\n");
    }
    buf_put_str(b, "Date: ");
    buf_put(b, loop_http_date(r->server->loop), HTTP_DATE_LEN);
    buf_put_str(b, keep_alive ? "\r\n" : "\r\nConnection: close\r\n");
    bool must_say_so = keep_alive && r->head.minor_version == 0;
    buf_put_str(b, must_say_so ? "Connection: keep-alive\r\n\r\n" : "\r\n");
    ASSERT(b->err == OK);
}

void http_respond(struct http_request *req, const struct http_response *res)
{
    struct request *r = (struct request *)req;
    struct http_conn *c = r->conn;
    ASSERT(res->status >= 200);
    ASSERT(res->status <= 999);
    if (c == NULL) {
        request_free(r);
        return;
    }
    ASSERT(c->req == r);
    ASSERT(c->state == CONN_HANDLING);
    ASSERT(!c->answer_held);
    if (res->close || c->server->draining) {
        c->keep_alive = false;
    }
    put_answer_head(r, res, c->keep_alive);
    r->answer_body = bytes_eq_str(r->head.method, "HEAD") ? BYTES_NONE : res->body;
    if (h2o_socket_is_writing(c->sock)) {
        c->answer_held = true;
        set_deadline(c, c->server->config.send_ms_max);
        return;
    }
    send_answer(c);
}

void http_respond_body(
    struct http_request *req, int status, const char *content_type, struct bytes body)
{
    struct http_header header = {BYTES_LIT("Content-Type"), BYTES_NONE};
    if (content_type != NULL) {
        header.value = bytes_str(content_type);
    }
    struct http_response res = {
        .status = status,
        .headers = &header,
        .n_headers = content_type == NULL ? 0 : 1,
        .body = body,
    };
    http_respond(req, &res);
}

bool http_request_connected(const struct http_request *req)
{
    const struct request *r = (const struct request *)req;
    return r->conn != NULL;
}

/* ---- listening ---- */

static void conn_new(struct http_server *s, h2o_socket_t *sock)
{
    struct http_conn *c = malloc(sizeof *c);
    ASSERT(c != NULL);
    *c = (struct http_conn){.server = s, .sock = sock, .next = s->conns, .number = ++s->n_accepted};
    if (s->conns != NULL) {
        s->conns->prev = c;
    }
    s->conns = c;
    s->n_conns++;
    sock->data = c;
    net_peer_text(sock, c->peer);
    io_timer_init(&c->timer, s->loop, on_deadline);
    set_deadline(c, s->config.idle_ms_max);
    h2o_socket_read_start(sock, on_read);
}

/* One short write that the fresh connection's buffer always has room for. */
static void turn_away(h2o_socket_t *sock)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    ssize_t n = send(h2o_socket_get_fd(sock), text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)n; /* the client sees the close in any case */
    h2o_socket_close(sock);
}

static void on_accept(h2o_socket_t *listener, const char *err)
{
    (void)err; /* accept() tells */
    struct http_server *s = listener->data;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        h2o_socket_t *sock = h2o_evloop_socket_accept(listener);
        if (sock == NULL) {
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                /* The listener stays readable; do not spin on it until something is closed. */
                h2o_socket_read_stop(listener);
                io_timer_arm_ms(&s->accept_retry, ACCEPT_RETRY_MS);
            }
            return;
        }
        if (s->n_conns >= s->config.connections_max) {
            turn_away(sock);
        } else {
            conn_new(s, sock);
        }
    }
}

static void on_accept_retry(struct io_timer *t)
{
    struct http_server *s = H2O_STRUCT_FROM_MEMBER(struct http_server, accept_retry, t);
    h2o_socket_read_start(s->listener, on_accept);
}

static void set_defaults(struct http_server_config *c)
{
    c->addr = c->addr == NULL ? "127.0.0.1" : c->addr;
    c->body_bytes_max = c->body_bytes_max == 0 ? (size_t)16 << 20 : c->body_bytes_max;
    c->bodies_bytes_max = c->bodies_bytes_max == 0 ? (size_t)256 << 20 : c->bodies_bytes_max;
    c->arena_bytes_max =
        c->arena_bytes_max == 0 ? c->body_bytes_max + ((size_t)48 << 20) : c->arena_bytes_max;
    c->connections_max = c->connections_max == 0 ? 10000 : c->connections_max;
    c->idle_ms_max = c->idle_ms_max == 0 ? 75000 : c->idle_ms_max;
    c->head_ms_max = c->head_ms_max == 0 ? 10000 : c->head_ms_max;
    c->body_ms_max = c->body_ms_max == 0 ? 60000 : c->body_ms_max;
    c->send_ms_max = c->send_ms_max == 0 ? 60000 : c->send_ms_max;
}

enum err http_server_new(
    struct io_loop *loop, const struct http_server_config *config, struct http_server **ret)
{
    ASSERT(config->handler != NULL);
    struct http_server_config c = *config;
    set_defaults(&c);
    int fd;
    uint16_t port;
    enum err e =
        net_listen(c.addr, c.port, c.port_joined ? NET_SHARED_JOIN : NET_SHARED, &fd, &port);
    if (e != OK) {
        return e;
    }
    c.addr = NULL; /* the caller's, not needed again */
    struct http_server *s = malloc(sizeof *s);
    ASSERT(s != NULL);
    *s = (struct http_server){.loop = loop, .config = c, .port = port};
    io_timer_init(&s->accept_retry, loop, on_accept_retry);
    io_timer_init(&s->flush, loop, flush_fired);
    s->listener = loop_watch(loop, fd, on_accept, s);
    *ret = s;
    return OK;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->port;
}

size_t http_server_connections(const struct http_server *s)
{
    return s->n_conns;
}

static void stop_listening(struct http_server *s)
{
    io_timer_disarm(&s->accept_retry);
    if (s->listener != NULL) {
        h2o_socket_close(s->listener);
        s->listener = NULL;
    }
}

void http_server_drain(struct http_server *s)
{
    s->draining = true;
    stop_listening(s);
    for (struct http_conn *c = s->conns; c != NULL;) {
        struct http_conn *next = c->next;
        if (c->state == CONN_HEAD && c->sock->input->size == 0) {
            conn_close(c);
        }
        c = next;
    }
}

void http_server_free(struct http_server *s)
{
    if (s == NULL) {
        return;
    }
    ASSERT(!s->freed);
    stop_listening(s);
    while (s->conns != NULL) {
        conn_close(s->conns);
    }
    io_timer_disarm(&s->flush);
    s->freed = true;
    if (s->n_requests == 0) {
        server_destroy(s);
    }
}
