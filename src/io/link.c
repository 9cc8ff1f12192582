/* Framed TCP links between regions.
 *
 *   WAITING --- begin_connect() ---> CONNECTING --- on_connected() ---> OPEN --- drop() ---> CLOSED
 *      \                                 \                              ^                      ^
 *       \--- connect_failed() ------------\-----------------------------|----------------------/
 *                                              ACCEPTED --- io_link_accept()
 *
 * WAITING is a connection that a blackhole keeps from beginning.
 *
 * A frame goes to the hold-back queue if the link has faults, and from there, or at once, to `out`;
 * one write at a time carries `flight` to the kernel, and what is sent meanwhile gathers in `out`,
 * so small frames leave together.
 *
 * Invariants: 1. queued_bytes is the sum of hold, out and flight; 2. events are called only while
 * n_calls > 0, and after each the link is looked at again, since the callee may have freed it; 3.
 * on_close is called at most once, and nothing after it. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/hold.h"
#include "io/loop.h"
#include "io/squeeze.h"

enum {
    QUEUE_BYTES_MAX_DEFAULT = 64 << 20,
    CONNECT_MS_MAX_DEFAULT = 5000,
    /* Frames longer than this are gathered in a buffer of our own: H2O's would pass 32 MiB into a
       file. */
    DIRECT_BYTES_MAX = 64 << 10,
    KEEP_BUFFER_BYTES_MAX = 256 << 10,
    LISTEN_RETRY_MS = 100,
    SQUEEZE_SLACK = 64 << 10, /* what a frame that does not compress grows by, and what
                                 decompression wants beyond its length */
};

/* Of a frame's length: its bytes are the next of the compressed stream. */
static const uint32_t squeezed_bit = UINT32_C(1) << 31;

enum link_state { LINK_WAITING, LINK_CONNECTING, LINK_ACCEPTED, LINK_OPEN, LINK_CLOSED };

struct io_link {
    struct io_loop *loop;
    struct io_link_config config;
    enum link_state state;
    h2o_socket_t *sock; /* NULL in WAITING and CLOSED */
    struct net_addr addr;
    struct io_timer connect_timer;
    enum err connect_err; /* what connect_timer reports */
    struct hold hold;
    struct io_timer hold_timer;
    struct buf out;
    struct buf flight;
    size_t queued_bytes;
    bool refused;  /* a send was, and on_drain is owed */
    struct buf in; /* a long frame on its way */
    size_t in_len; /* its length; valid while in_gathering */
    bool in_gathering;
    bool in_squeezed;        /* the long frame is */
    struct squeeze *squeeze; /* NULL: the peer is not trusted (yet) */
    struct buf packed;       /* a frame on its way out, compressed; reused */
    struct buf plain;        /* a frame that came, decompressed; reused */
    struct io_link_bytes bytes;
    unsigned n_calls; /* events under way */
    bool freed;       /* by the callee of one of them */
    char peer[PEER_TEXT_LEN];
};

struct io_link_listener {
    struct io_loop *loop;
    h2o_socket_t *sock;
    uint16_t port;
    struct io_timer retry;
    io_link_accepted accepted;
    void *arg;
};

/* ---- life ---- */

static void on_hold_due(struct io_timer *t);
static void on_connect_timer(struct io_timer *t);

static struct io_link *link_new(struct io_loop *loop, enum link_state state)
{
    struct io_link *l = malloc(sizeof *l);
    ASSERT(l != NULL);
    *l = (struct io_link){.loop = loop, .state = state};
    io_timer_init(&l->connect_timer, loop, on_connect_timer);
    io_timer_init(&l->hold_timer, loop, on_hold_due);
    hold_init(&l->hold, &(struct io_fault){0}, 0);
    buf_init(&l->out, SIZE_MAX);
    buf_init(&l->flight, SIZE_MAX);
    buf_init(&l->in, IO_FRAME_BYTES_MAX + SQUEEZE_SLACK);
    buf_init(&l->packed, SIZE_MAX);
    buf_init(&l->plain, IO_FRAME_BYTES_MAX + SQUEEZE_SLACK);
    return l;
}

static void configure(struct io_link *l, const struct io_link_config *config)
{
    ASSERT(config->events != NULL);
    l->config = *config;
    if (l->config.queue_bytes_max == 0) {
        l->config.queue_bytes_max = QUEUE_BYTES_MAX_DEFAULT;
    }
    if (l->config.connect_ms_max == 0) {
        l->config.connect_ms_max = CONNECT_MS_MAX_DEFAULT;
    }
    hold_init(&l->hold, &config->fault, config->seed);
}

/* Lets go of all but the object itself. */
static void shut(struct io_link *l)
{
    l->state = LINK_CLOSED;
    io_timer_disarm(&l->connect_timer);
    io_timer_disarm(&l->hold_timer);
    if (l->sock != NULL) {
        h2o_socket_close(l->sock);
        l->sock = NULL;
    }
    hold_done(&l->hold);
    buf_done(&l->out);
    buf_done(&l->flight);
    buf_done(&l->in);
    buf_done(&l->packed);
    buf_done(&l->plain);
    squeeze_free(l->squeeze);
    l->squeeze = NULL;
    l->queued_bytes = 0;
}

void io_link_free(struct io_link *link)
{
    if (link == NULL) {
        return;
    }
    ASSERT(!link->freed);
    shut(link);
    if (link->n_calls > 0) {
        link->freed = true;
        return;
    }
    free(link);
}

static void enter(struct io_link *l)
{
    l->n_calls++;
}

/* false if the callee freed the link, which is gone then unless another call is under way further
 * up. */
static bool leave(struct io_link *l)
{
    ASSERT(l->n_calls > 0);
    l->n_calls--;
    if (!l->freed) {
        return true;
    }
    if (l->n_calls == 0) {
        free(l);
    }
    return false;
}

/* Ends an open link and says so. The link may be gone afterwards. */
static void drop(struct io_link *l, enum err e)
{
    ASSERT(l->state == LINK_OPEN);
    shut(l);
    enter(l);
    l->config.events->on_close(l->config.arg, l, e);
    (void)leave(l);
}

static void connect_failed(struct io_link *l, enum err e)
{
    shut(l);
    enter(l);
    l->config.events->on_connect(l->config.arg, l, e);
    (void)leave(l);
}

/* ---- writing ---- */

static void flush(struct io_link *l);

static void on_written(h2o_socket_t *sock, const char *err)
{
    struct io_link *l = sock->data;
    if (err != NULL) {
        drop(l, ERR_IO);
        return;
    }
    l->bytes.sent += l->flight.len;
    ASSERT(l->queued_bytes >= l->flight.len);
    l->queued_bytes -= l->flight.len;
    if (l->flight.cap > KEEP_BUFFER_BYTES_MAX) {
        buf_done(&l->flight);
    }
    buf_clear(&l->flight);
    flush(l);
    if (l->refused && l->queued_bytes <= l->config.queue_bytes_max / 2) {
        l->refused = false;
        if (l->config.events->on_drain != NULL) {
            enter(l);
            l->config.events->on_drain(l->config.arg, l);
            (void)leave(l);
        }
    }
}

static void flush(struct io_link *l)
{
    if (l->out.len == 0 || h2o_socket_is_writing(l->sock)) {
        return;
    }
    ASSERT(l->flight.len == 0);
    struct buf empty = l->flight;
    l->flight = l->out;
    l->out = empty;
    h2o_iovec_t v = h2o_iovec_init(l->flight.base, l->flight.len);
    h2o_socket_write(l->sock, &v, 1, on_written);
}

static void arm_hold(struct io_link *l)
{
    uint64_t due_ns = hold_due_ns(&l->hold);
    if (due_ns == UINT64_MAX) {
        io_timer_disarm(&l->hold_timer);
    } else if (!io_timer_armed(&l->hold_timer) || l->hold_timer.at_ns != due_ns) {
        io_timer_arm_at(&l->hold_timer, due_ns);
    }
}

static void on_hold_due(struct io_timer *t)
{
    struct io_link *l = H2O_STRUCT_FROM_MEMBER(struct io_link, hold_timer, t);
    ASSERT(l->state == LINK_OPEN);
    uint64_t now_ns = io_now_ns();
    for (;;) {
        struct held *f = hold_pop(&l->hold, now_ns);
        if (f == NULL) {
            break;
        }
        buf_put(&l->out, f->bytes, f->len);
        free(f);
    }
    ASSERT(l->out.err == OK);
    arm_hold(l);
    flush(l);
}

enum err io_link_send(struct io_link *link, struct bytes frame)
{
    if (frame.len > IO_FRAME_BYTES_MAX) {
        return ERR_TOO_BIG;
    }
    if (link->state != LINK_OPEN) {
        return ERR_UNAVAILABLE;
    }
    if (link->queued_bytes > 0 &&
        link->queued_bytes + IO_FRAME_HEADER_BYTES + frame.len > link->config.queue_bytes_max) {
        link->refused = true;
        return ERR_BUSY;
    }
    uint32_t flag = 0;
    if (link->squeeze != NULL) {
        buf_clear(&link->packed);
        squeeze_put(link->squeeze, frame, &link->packed);
        frame = buf_bytes(&link->packed);
        flag = squeezed_bit;
    }
    link->queued_bytes += IO_FRAME_HEADER_BYTES + frame.len;
    uint32_t head = (uint32_t)frame.len | flag;
    uint8_t header[IO_FRAME_HEADER_BYTES] = {
        (uint8_t)head,
        (uint8_t)(head >> 8),
        (uint8_t)(head >> 16),
        (uint8_t)(head >> 24),
    };
    if (hold_needed(&link->hold)) {
        hold_push(&link->hold, io_now_ns(), bytes_of(header, sizeof header), frame);
        arm_hold(link);
        return OK;
    }
    buf_put(&link->out, header, sizeof header);
    buf_put_bytes(&link->out, frame);
    ASSERT(link->out.err == OK);
    flush(link);
    return OK;
}

void io_link_trust(struct io_link *link)
{
    if (link->state == LINK_OPEN && link->squeeze == NULL) {
        link->squeeze = squeeze_new();
    }
}

struct io_link_bytes io_link_bytes(const struct io_link *link)
{
    return link->bytes;
}

size_t io_link_queued(const struct io_link *link)
{
    return link->queued_bytes;
}

const char *io_link_peer(const struct io_link *link)
{
    return link->peer;
}

/* ---- reading ---- */

static bool deliver(struct io_link *l, struct bytes frame)
{
    enter(l);
    l->config.events->on_frame(l->config.arg, l, frame);
    return leave(l);
}

/* As deliver(), for a frame that came compressed. */
static bool deliver_squeezed(struct io_link *l, struct bytes packed)
{
    buf_clear(&l->plain);
    enum err e = l->squeeze == NULL ? ERR_CORRUPT : squeeze_take(l->squeeze, packed, &l->plain);
    if (e == OK && l->plain.len > IO_FRAME_BYTES_MAX) {
        e = ERR_TOO_BIG;
    }
    if (e != OK) {
        drop(l, e);
        return false;
    }
    /* The callee may free the link, and the buffer with it, so it is handed over first. */
    struct buf plain = l->plain;
    buf_init(&l->plain, IO_FRAME_BYTES_MAX + SQUEEZE_SLACK);
    bool alive = deliver(l, buf_bytes(&plain));
    if (alive && l->state == LINK_OPEN && plain.cap <= KEEP_BUFFER_BYTES_MAX) {
        l->plain = plain;
    } else {
        buf_done(&plain);
    }
    return alive;
}

enum step { STEP_MORE, STEP_AGAIN, STEP_GONE };

/* Adds to a long frame what has come of it. */
static enum step gather(struct io_link *l)
{
    h2o_buffer_t *in = l->sock->input;
    size_t missing = l->in_len - l->in.len;
    size_t n = in->size < missing ? in->size : missing;
    buf_put(&l->in, in->bytes, n);
    ASSERT(l->in.err == OK);
    h2o_buffer_consume(&l->sock->input, n);
    if (l->in.len < l->in_len) {
        return STEP_MORE;
    }
    l->in_gathering = false;
    /* The callee may free the link, and the buffer with it, so it is handed over first. */
    struct buf frame = l->in;
    buf_init(&l->in, IO_FRAME_BYTES_MAX + SQUEEZE_SLACK);
    bool alive =
        l->in_squeezed ? deliver_squeezed(l, buf_bytes(&frame)) : deliver(l, buf_bytes(&frame));
    buf_done(&frame);
    return alive ? STEP_AGAIN : STEP_GONE;
}

static size_t frame_bytes_max(const struct io_link *l, bool squeezed)
{
    if (l->squeeze == NULL) {
        return IO_STRANGER_FRAME_BYTES_MAX;
    }
    return squeezed ? IO_FRAME_BYTES_MAX + SQUEEZE_SLACK : IO_FRAME_BYTES_MAX;
}

/* Takes the frame at the start of the input, if it is all there. */
static enum step take_frame(struct io_link *l)
{
    if (l->in_gathering) {
        return gather(l);
    }
    h2o_buffer_t *in = l->sock->input;
    if (in->size < IO_FRAME_HEADER_BYTES) {
        return STEP_MORE;
    }
    struct reader r = reader_of(bytes_of(in->bytes, IO_FRAME_HEADER_BYTES));
    uint32_t head = get_u32(&r);
    bool squeezed = (head & squeezed_bit) != 0;
    size_t len = head & ~squeezed_bit;
    if (len > frame_bytes_max(l, squeezed)) {
        drop(l, ERR_TOO_BIG);
        return STEP_GONE;
    }
    size_t n = IO_FRAME_HEADER_BYTES + len;
    if (in->size >= n) {
        struct bytes frame = bytes_of(in->bytes + IO_FRAME_HEADER_BYTES, len);
        l->bytes.received += n;
        if (!(squeezed ? deliver_squeezed(l, frame) : deliver(l, frame))) {
            return STEP_GONE;
        }
        h2o_buffer_consume(&l->sock->input, n);
        return STEP_AGAIN;
    }
    if (n <= DIRECT_BYTES_MAX) {
        return STEP_MORE;
    }
    l->in_gathering = true;
    l->in_squeezed = squeezed;
    l->in_len = len;
    l->bytes.received += n;
    h2o_buffer_consume(&l->sock->input, IO_FRAME_HEADER_BYTES);
    return STEP_AGAIN;
}

static void on_read(h2o_socket_t *sock, const char *err)
{
    struct io_link *l = sock->data;
    ASSERT(l->state == LINK_OPEN);
    enum step step = STEP_AGAIN;
    while (step == STEP_AGAIN) {
        step = take_frame(l);
    }
    if (step == STEP_GONE) {
        return;
    }
    if (err != NULL) {
        drop(l, err == h2o_socket_error_closed ? OK : ERR_IO);
        return;
    }
    if (sock->input->size == 0) {
        loop_release_input(sock);
    }
}

/* ---- connecting ---- */

/* Whether the kernel connected the socket to itself, which it does when the target port is free and
 * happens to be chosen as our own. Left alone, that would keep the real listener from ever binding.
 */
static bool is_self_connected(h2o_socket_t *sock)
{
    struct sockaddr_storage here = {0};
    struct sockaddr_storage there = {0};
    socklen_t len = h2o_socket_getsockname(sock, (struct sockaddr *)&here);
    socklen_t there_len = h2o_socket_getpeername(sock, (struct sockaddr *)&there);
    return len == there_len && memcmp(&here, &there, len) == 0;
}

static void on_connected(h2o_socket_t *sock, const char *err)
{
    struct io_link *l = sock->data;
    ASSERT(l->state == LINK_CONNECTING);
    if (err != NULL || is_self_connected(sock)) {
        connect_failed(l, ERR_UNAVAILABLE);
        return;
    }
    io_timer_disarm(&l->connect_timer);
    l->state = LINK_OPEN;
    net_peer_text(sock, l->peer);
    h2o_socket_read_start(sock, on_read);
    enter(l);
    l->config.events->on_connect(l->config.arg, l, OK);
    (void)leave(l);
}

static void on_connect_timer(struct io_timer *t)
{
    struct io_link *l = H2O_STRUCT_FROM_MEMBER(struct io_link, connect_timer, t);
    connect_failed(l, l->connect_err);
}

static void begin_connect(struct io_link *l)
{
    l->state = LINK_CONNECTING;
    l->sock =
        h2o_socket_connect(l->loop->h2o, (struct sockaddr *)&l->addr.sa, l->addr.len, on_connected);
    if (l->sock == NULL) {
        /* Refused at once; the event must not come from inside the caller's call. */
        l->connect_err = ERR_UNAVAILABLE;
        io_timer_arm_at(&l->connect_timer, 0);
        return;
    }
    l->sock->data = l;
}

enum err io_link_connect(
    struct io_loop *loop,
    const char *addr,
    uint16_t port,
    const struct io_link_config *config,
    struct io_link **ret)
{
    struct net_addr a;
    enum err e = net_addr_parse(addr, port, &a);
    if (e != OK) {
        return e;
    }
    struct io_link *l = link_new(loop, LINK_WAITING);
    configure(l, config);
    l->addr = a;
    l->connect_err = ERR_TIMEOUT;
    io_timer_arm_ms(&l->connect_timer, l->config.connect_ms_max);
    if (!l->config.fault.blackhole) {
        begin_connect(l);
    }
    *ret = l;
    return OK;
}

void io_link_set_fault(struct io_link *link, const struct io_fault *fault)
{
    hold_set_fault(&link->hold, io_now_ns(), fault);
    if (link->state == LINK_OPEN) {
        arm_hold(link);
    } else if (link->state == LINK_WAITING && !fault->blackhole) {
        begin_connect(link);
    }
}

/* ---- listening ---- */

static void on_accept(h2o_socket_t *sock, const char *err)
{
    (void)err; /* accept() tells */
    struct io_link_listener *listener = sock->data;
    h2o_socket_t *peer = h2o_evloop_socket_accept(sock);
    if (peer == NULL) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            h2o_socket_read_stop(sock);
            io_timer_arm_ms(&listener->retry, LISTEN_RETRY_MS);
        }
        return;
    }
    /* One a turn: the callee may free the listener. */
    struct io_link *l = link_new(listener->loop, LINK_ACCEPTED);
    l->sock = peer;
    peer->data = l;
    net_peer_text(peer, l->peer);
    listener->accepted(listener->arg, l);
}

static void on_retry(struct io_timer *t)
{
    struct io_link_listener *l = H2O_STRUCT_FROM_MEMBER(struct io_link_listener, retry, t);
    h2o_socket_read_start(l->sock, on_accept);
}

void io_link_accept(struct io_link *link, const struct io_link_config *config)
{
    ASSERT(link->state == LINK_ACCEPTED);
    configure(link, config);
    link->state = LINK_OPEN;
    h2o_socket_read_start(link->sock, on_read);
}

enum err io_link_listen(
    struct io_loop *loop,
    const char *addr,
    uint16_t port,
    io_link_accepted accepted,
    void *arg,
    struct io_link_listener **ret)
{
    ASSERT(accepted != NULL);
    int fd;
    uint16_t bound_port;
    enum err e = net_listen(addr, port, NET_ALONE, &fd, &bound_port);
    if (e != OK) {
        return e;
    }
    struct io_link_listener *l = malloc(sizeof *l);
    ASSERT(l != NULL);
    *l = (struct io_link_listener){
        .loop = loop,
        .port = bound_port,
        .accepted = accepted,
        .arg = arg,
    };
    io_timer_init(&l->retry, loop, on_retry);
    l->sock = loop_watch(loop, fd, on_accept, l);
    *ret = l;
    return OK;
}

uint16_t io_link_listener_port(const struct io_link_listener *l)
{
    return l->port;
}

void io_link_listener_free(struct io_link_listener *l)
{
    if (l == NULL) {
        return;
    }
    io_timer_disarm(&l->retry);
    h2o_socket_close(l->sock);
    free(l);
}
