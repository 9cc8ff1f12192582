/* The HTTP/1 client: one connection carries one call at a time, and waits in its target's pool in
 * between.
 *
 *   call --- idle connection at hand ------------> send_request() -> head -> body -> finish()
 *        \-- none: connect, on_connected() --------/
 *
 * An idle connection is read all the time, so that its end is noticed, and asked once more before
 * it is used. A close that crosses our request on the wire is still possible: then the request's
 * fate is unknown, and whoever called must decide, since only they know whether it may be repeated.
 *
 * Invariants: 1. a connection is either in its target's pool (call NULL) or has exactly one
 * call; 2. a call is in the client's list until finish() or cancel, and `done` is called by
 * finish() alone, as its last act but for freeing the call. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "io/http_head.h"
#include "io/loop.h"

enum {
    CALLS_MAX_DEFAULT = 4096,
    IDLE_MAX_DEFAULT = 32,
    IDLE_MS_MAX_DEFAULT = 30000,
    BODY_BYTES_MAX_DEFAULT = 64 << 20,
    TIMEOUT_MS_DEFAULT = 30000,
    CHUNKS_BYTES_MAX = 64 << 10, /* decoded in one go */
    REQUEST_HEAD_BYTES_MAX = 1 << 20,
    REPLY_ARENA_BYTES_MAX = 1 << 20,
};

struct target {
    struct net_addr addr;
    struct client_conn *idle; /* latest used first */
    size_t n_idle;
};

struct client_conn {
    struct http_client *client;
    struct target *target;
    h2o_socket_t *sock;
    struct http_call *call;   /* NULL: idle */
    struct client_conn *prev; /* in the pool */
    struct client_conn *next;
    struct io_timer idle_timer;
};

enum call_state { CALL_CONNECTING, CALL_HEAD, CALL_SIZED, CALL_CHUNKED, CALL_TO_CLOSE };

struct http_call {
    struct http_client *client;
    struct http_call *prev;
    struct http_call *next;
    struct client_conn *conn; /* NULL: could not even begin to connect */
    enum call_state state;
    struct io_timer timer;
    struct buf out;
    bool is_head;
    struct arena arena;
    struct http_head head;
    size_t head_seen;
    struct buf body;
    struct http_chunks decoder;
    http_call_done done;
    void *arg;
};

struct http_client {
    struct io_loop *loop;
    struct http_client_config config;
    struct map targets; /* "addr port" -> struct target */
    struct http_call *calls;
    size_t n_calls;
};

/* ---- connections ---- */

static void pool_remove(struct client_conn *conn)
{
    struct target *t = conn->target;
    if (conn->prev != NULL) {
        conn->prev->next = conn->next;
    } else {
        t->idle = conn->next;
    }
    if (conn->next != NULL) {
        conn->next->prev = conn->prev;
    }
    conn->prev = NULL;
    conn->next = NULL;
    ASSERT(t->n_idle > 0);
    t->n_idle--;
    io_timer_disarm(&conn->idle_timer);
}

/* Neither pooled nor with a call any more. */
static void conn_free(struct client_conn *conn)
{
    ASSERT(conn->call == NULL);
    io_timer_disarm(&conn->idle_timer);
    h2o_socket_close(conn->sock);
    free(conn);
}

static void on_idle_timer(struct io_timer *timer)
{
    struct client_conn *conn = H2O_STRUCT_FROM_MEMBER(struct client_conn, idle_timer, timer);
    pool_remove(conn);
    conn_free(conn);
}

static void pool_add(struct client_conn *conn)
{
    struct target *t = conn->target;
    ASSERT(conn->call == NULL);
    conn->next = t->idle;
    if (t->idle != NULL) {
        t->idle->prev = conn;
    }
    t->idle = conn;
    t->n_idle++;
    io_timer_arm_ms(&conn->idle_timer, conn->client->config.idle_ms_max);
}

/* Whether the other end has neither closed nor said anything unasked. */
static bool is_quiet(struct client_conn *conn)
{
    char byte;
    ssize_t n = recv(h2o_socket_get_fd(conn->sock), &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && errno == EAGAIN;
}

static struct client_conn *pool_take(struct target *t)
{
    while (t->idle != NULL) {
        struct client_conn *conn = t->idle;
        pool_remove(conn);
        if (is_quiet(conn)) {
            return conn;
        }
        conn_free(conn);
    }
    return NULL;
}

/* ---- calls ---- */

static void call_unlink(struct http_call *call)
{
    struct http_client *c = call->client;
    if (call->prev != NULL) {
        call->prev->next = call->next;
    } else {
        c->calls = call->next;
    }
    if (call->next != NULL) {
        call->next->prev = call->prev;
    }
    ASSERT(c->n_calls > 0);
    c->n_calls--;
    io_timer_disarm(&call->timer);
}

static void call_free(struct http_call *call)
{
    buf_done(&call->out);
    buf_done(&call->body);
    arena_done(&call->arena);
    free(call);
}

/* Parts the call from its connection; `reuse` if that is fit for another. */
static void release_conn(struct http_call *call, bool reuse)
{
    struct client_conn *conn = call->conn;
    if (conn == NULL) {
        return;
    }
    call->conn = NULL;
    conn->call = NULL;
    bool fit = reuse && conn->sock->input->size == 0 && !h2o_socket_is_writing(conn->sock) &&
               conn->target->n_idle < conn->client->config.idle_max;
    if (fit) {
        loop_release_input(conn->sock);
        pool_add(conn);
    } else {
        conn_free(conn);
    }
}

void http_call_cancel(struct http_call *call)
{
    release_conn(call, /* reuse= */ false);
    call_unlink(call);
    call_free(call);
}

/* Leaves out what was about the connection to the server. */
static size_t keep_end_to_end(struct http_header *headers, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (!http_header_is_hop(headers[i].name) && !bytes_eq_str(headers[i].name, "date")) {
            headers[kept++] = headers[i];
        }
    }
    return kept;
}

static void finish(struct http_call *call, enum err e)
{
    release_conn(call, e == OK && call->head.keep_alive && call->state != CALL_TO_CLOSE);
    call_unlink(call);
    struct http_reply reply = {0};
    if (e == OK) {
        reply = (struct http_reply){
            .status = call->head.status,
            .headers = call->head.headers,
            .n_headers = keep_end_to_end(call->head.headers, call->head.n_headers),
            .body = buf_bytes(&call->body),
        };
    }
    call->done(call->arg, e, e == OK ? &reply : NULL);
    call_free(call);
}

static void on_call_timer(struct io_timer *timer)
{
    struct http_call *call = H2O_STRUCT_FROM_MEMBER(struct http_call, timer, timer);
    bool unsent = call->state == CALL_CONNECTING;
    finish(call, unsent ? ERR_UNAVAILABLE : ERR_TIMEOUT);
}

/* ---- reading the reply ---- */

enum step { STEP_MORE, STEP_AGAIN, STEP_DONE };

/* Decides from the head how the body comes. */
static enum step begin_body(struct http_call *call)
{
    const struct http_head *h = &call->head;
    if (h->status < 200) {
        /* An interim reply; the real one follows. */
        arena_clear(&call->arena);
        if (h->status == 101) {
            finish(call, ERR_SYNTAX);
            return STEP_DONE;
        }
        return STEP_AGAIN;
    }
    bool bodiless = call->is_head || h->status == 204 || h->status == 304;
    if (bodiless || (h->has_length && h->length == 0)) {
        finish(call, OK);
        return STEP_DONE;
    }
    if (h->has_length && h->length > call->client->config.body_bytes_max) {
        finish(call, ERR_TOO_BIG);
        return STEP_DONE;
    }
    call->state = h->chunked ? CALL_CHUNKED : h->has_length ? CALL_SIZED : CALL_TO_CLOSE;
    return STEP_AGAIN;
}

static enum step take_head(struct http_call *call)
{
    h2o_socket_t *sock = call->conn->sock;
    h2o_buffer_t *in = sock->input;
    ptrdiff_t head_len = http_head_length(bytes_of(in->bytes, in->size), call->head_seen);
    if (head_len == HTTP_HEAD_INCOMPLETE) {
        call->head_seen = in->size;
        return STEP_MORE;
    }
    char *text = head_len < 0 ? NULL : arena_alloc(&call->arena, (size_t)head_len);
    if (text == NULL) {
        finish(call, ERR_TOO_BIG);
        return STEP_DONE;
    }
    call->head_seen = 0;
    memcpy(text, in->bytes, (size_t)head_len);
    h2o_buffer_consume(&sock->input, (size_t)head_len);
    enum err e = http_head_parse_reply(text, (size_t)head_len, &call->arena, &call->head);
    if (e != OK) {
        finish(call, e);
        return STEP_DONE;
    }
    return begin_body(call);
}

static enum step take_sized(struct http_call *call)
{
    h2o_socket_t *sock = call->conn->sock;
    size_t missing = (size_t)call->head.length - call->body.len;
    size_t n = sock->input->size < missing ? sock->input->size : missing;
    buf_put(&call->body, sock->input->bytes, n);
    h2o_buffer_consume(&sock->input, n);
    if (n < missing) {
        return STEP_MORE;
    }
    finish(call, OK);
    return STEP_DONE;
}

static enum step take_chunked(struct http_call *call)
{
    h2o_socket_t *sock = call->conn->sock;
    size_t n = sock->input->size < CHUNKS_BYTES_MAX ? sock->input->size : CHUNKS_BYTES_MAX;
    uint8_t *to = buf_reserve(&call->body, n);
    ASSERT(to != NULL); /* the bound leaves room for a slice */
    memcpy(to, sock->input->bytes, n);
    size_t body_n = n;
    ptrdiff_t rest = http_chunks_decode(&call->decoder, (char *)to, &body_n);
    if (rest == -1) {
        finish(call, ERR_SYNTAX);
        return STEP_DONE;
    }
    call->body.len += body_n;
    if (call->body.len > call->client->config.body_bytes_max) {
        finish(call, ERR_TOO_BIG);
        return STEP_DONE;
    }
    h2o_buffer_consume(&sock->input, rest < 0 ? n : n - (size_t)rest);
    if (rest < 0) {
        return STEP_AGAIN;
    }
    finish(call, OK);
    return STEP_DONE;
}

static enum step take_to_close(struct http_call *call)
{
    h2o_socket_t *sock = call->conn->sock;
    buf_put(&call->body, sock->input->bytes, sock->input->size);
    h2o_buffer_consume(&sock->input, sock->input->size);
    if (call->body.err != OK) {
        finish(call, ERR_TOO_BIG);
        return STEP_DONE;
    }
    return STEP_MORE;
}

static enum step take_some(struct http_call *call)
{
    if (call->conn->sock->input->size == 0) {
        return STEP_MORE;
    }
    switch (call->state) {
    case CALL_CONNECTING:
        UNREACHABLE(); /* nothing is read before the connection stands */
    case CALL_HEAD:
        return take_head(call);
    case CALL_SIZED:
        return take_sized(call);
    case CALL_CHUNKED:
        return take_chunked(call);
    case CALL_TO_CLOSE:
        return take_to_close(call);
    }
    UNREACHABLE();
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct client_conn *conn = sock->data;
    if (conn->call == NULL) {
        /* Closed, or speaking unasked: no use either way. */
        pool_remove(conn);
        conn_free(conn);
        return;
    }
    struct http_call *call = conn->call;
    enum step step = STEP_AGAIN;
    while (step == STEP_AGAIN) {
        step = take_some(call);
    }
    if (step == STEP_DONE || err == NULL) {
        return;
    }
    bool complete = call->state == CALL_TO_CLOSE && err == h2o_socket_error_closed;
    finish(call, complete ? OK : ERR_IO);
}

/* ---- sending ---- */

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct client_conn *conn = sock->data;
    /* A connection whose call ended early was closed with it, so there is one. */
    ASSERT(conn->call != NULL);
    if (err != NULL) {
        finish(conn->call, ERR_IO);
    }
}

static void send_request(struct http_call *call)
{
    struct client_conn *conn = call->conn;
    call->state = CALL_HEAD;
    h2o_iovec_t v = h2o_iovec_init(call->out.base, call->out.len);
    h2o_socket_write(conn->sock, &v, 1, on_written);
    if (!h2o_socket_is_reading(conn->sock)) {
        h2o_socket_read_start(conn->sock, on_read);
    }
}

static void on_connected(h2o_socket_t *sock, const char *err)
{
    struct client_conn *conn = sock->data;
    ASSERT(conn->call != NULL);
    if (err != NULL) {
        finish(conn->call, ERR_UNAVAILABLE);
        return;
    }
    send_request(conn->call);
}

static void begin(struct http_call *call, struct target *t)
{
    struct client_conn *conn = pool_take(t);
    if (conn != NULL) {
        conn->call = call;
        call->conn = conn;
        send_request(call);
        return;
    }
    struct http_client *c = call->client;
    h2o_socket_t *sock =
        h2o_socket_connect(c->loop->h2o, (struct sockaddr *)&t->addr.sa, t->addr.len, on_connected);
    if (sock == NULL) {
        /* Refused at once; `done` must not come from inside the caller's call. */
        io_timer_arm_at(&call->timer, 0);
        return;
    }
    conn = malloc(sizeof *conn);
    ASSERT(conn != NULL);
    *conn = (struct client_conn){.client = c, .target = t, .sock = sock, .call = call};
    io_timer_init(&conn->idle_timer, c->loop, on_idle_timer);
    sock->data = conn;
    call->conn = conn;
}

static bool is_word(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.base[i] <= ' ' || b.base[i] == 127) {
            return false;
        }
    }
    return b.len > 0;
}

static enum err put_request(struct buf *b, const struct http_call_request *q)
{
    if (!is_word(q->method) || !is_word(q->target)) {
        return ERR_INVALID;
    }
    buf_putf(b, "%.*s %.*s HTTP/1.1\r\n", BYTES_FMT(q->method), BYTES_FMT(q->target));
    bool has_host = false;
    for (size_t i = 0; i < q->n_headers; i++) {
        const struct http_header *h = &q->headers[i];
        if (!http_header_is_clean(h)) {
            return ERR_INVALID;
        }
        if (http_header_is_hop(h->name)) {
            continue;
        }
        has_host = has_host ||
                   (h->name.len == 4 && strncasecmp((const char *)h->name.base, "host", 4) == 0);
        buf_put_bytes(b, h->name);
        buf_put(b, ": ", 2);
        buf_put_bytes(b, h->value);
        buf_put(b, "\r\n", 2);
    }
    if (!has_host) {
        bool v6 = strchr(q->addr, ':') != NULL;
        buf_putf(b, v6 ? "Host: [%s]:%u\r\n" : "Host: %s:%u\r\n", q->addr, q->port);
    }
    bool get = bytes_eq_str(q->method, "GET") || bytes_eq_str(q->method, "HEAD");
    if (q->body.len > 0 || !get) {
        buf_putf(b, "Content-Length: %zu\r\n", q->body.len);
    }
    buf_put(b, "\r\n", 2);
    buf_put_bytes(b, q->body);
    return b->err == OK ? OK : ERR_INVALID;
}

/* The target's object, made at the first call. */
static enum err find_target(
    struct http_client *c, const struct http_call_request *q, struct target **ret)
{
    char text[PEER_TEXT_LEN + 8];
    int n = snprintf(text, sizeof text, "%s %u", q->addr, q->port);
    if (n < 0 || (size_t)n >= sizeof text) {
        return ERR_INVALID;
    }
    struct bytes key = bytes_of(text, (size_t)n);
    struct target *t = map_get(&c->targets, key);
    if (t != NULL) {
        *ret = t;
        return OK;
    }
    struct net_addr addr;
    enum err e = net_addr_parse(q->addr, q->port, &addr);
    if (e != OK) {
        return e;
    }
    t = malloc(sizeof *t);
    ASSERT(t != NULL);
    *t = (struct target){.addr = addr};
    (void)map_put(&c->targets, key, t); /* nothing was there */
    *ret = t;
    return OK;
}

enum err http_client_call(
    struct http_client *c,
    const struct http_call_request *request,
    http_call_done done,
    void *arg,
    struct http_call **ret_call)
{
    ASSERT(done != NULL);
    if (c->n_calls >= c->config.calls_max) {
        return ERR_BUSY;
    }
    struct target *t;
    enum err e = find_target(c, request, &t);
    if (e != OK) {
        return e;
    }
    struct buf out;
    buf_init(&out, request->body.len + REQUEST_HEAD_BYTES_MAX);
    e = put_request(&out, request);
    if (e != OK) {
        buf_done(&out);
        return e;
    }
    struct http_call *call = malloc(sizeof *call);
    ASSERT(call != NULL);
    *call = (struct http_call){
        .client = c,
        .next = c->calls,
        .state = CALL_CONNECTING,
        .out = out,
        .is_head = bytes_eq_str(request->method, "HEAD"),
        .done = done,
        .arg = arg,
    };
    arena_init(&call->arena, REPLY_ARENA_BYTES_MAX);
    buf_init(&call->body, c->config.body_bytes_max + CHUNKS_BYTES_MAX);
    if (c->calls != NULL) {
        c->calls->prev = call;
    }
    c->calls = call;
    c->n_calls++;
    io_timer_init(&call->timer, c->loop, on_call_timer);
    io_timer_arm_ms(
        &call->timer, request->timeout_ms == 0 ? TIMEOUT_MS_DEFAULT : request->timeout_ms);
    begin(call, t);
    if (ret_call != NULL) {
        *ret_call = call;
    }
    return OK;
}

struct http_client *http_client_new(struct io_loop *loop, const struct http_client_config *config)
{
    struct http_client *c = malloc(sizeof *c);
    ASSERT(c != NULL);
    *c = (struct http_client){.loop = loop, .config = *config};
    struct http_client_config *k = &c->config;
    k->calls_max = k->calls_max == 0 ? CALLS_MAX_DEFAULT : k->calls_max;
    k->idle_max = k->idle_max == 0 ? IDLE_MAX_DEFAULT : k->idle_max;
    k->idle_ms_max = k->idle_ms_max == 0 ? IDLE_MS_MAX_DEFAULT : k->idle_ms_max;
    k->body_bytes_max = k->body_bytes_max == 0 ? BODY_BYTES_MAX_DEFAULT : k->body_bytes_max;
    map_init(&c->targets);
    return c;
}

void http_client_free(struct http_client *c)
{
    if (c == NULL) {
        return;
    }
    while (c->calls != NULL) {
        http_call_cancel(c->calls);
    }
    MAP_FOREACH (&c->targets, entry) {
        struct target *t = entry->value;
        while (t->idle != NULL) {
            struct client_conn *conn = t->idle;
            pool_remove(conn);
            conn_free(conn);
        }
        free(t);
    }
    map_done(&c->targets);
    free(c);
}
