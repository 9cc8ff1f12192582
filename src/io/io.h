#pragma once

/* Everything that touches the world: event loops, clocks, timers, sockets, HTTP, links between
 * regions, mailboxes between threads, files, randomness, signals, threads.
 *
 * A loop and all that hangs on it (timers, servers, clients, links, a mailbox's receiving end)
 * belong to one thread: the one that calls io_loop_run(). Nothing here may be called from another
 * thread unless its comment says "any thread". Threads talk by mailbox alone.
 *
 * Callbacks run on the loop's thread and may call anything in this header, closing the very object
 * that called them included, except io_loop_free() and io_loop_run(). Times are `_ms` wall clock or
 * spans and
 * `_ns` monotonic. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* ---- Clock --------------------------------------------------------------------------- */

/* A wall clock with an error that development mode may inject. A plain value: each loop has one,
 * each other thread that needs one holds its own and learns of a new skew by message. */
struct io_clock {
    int64_t skew_ms;
};

/* Wall clock in ms since 1970, skewed; never below 0. Not monotonic. Any thread. */
uint64_t io_clock_now_ms(const struct io_clock *clock);
/* Monotonic ns from an arbitrary origin; the skew does not touch it. Any thread. */
uint64_t io_now_ns(void);

/* ---- Loop ---------------------------------------------------------------------------- */

struct io_loop;

/* OK or ERR_IO (no descriptors left). */
MUST_CHECK enum err io_loop_new(struct io_loop **ret);
/* Everything on the loop must have been freed before, mailboxes included. H2O 2.2.5 does not close
 * a loop's epoll descriptor, so loops are for as long as the process lives, not for making and
 * dropping at leisure. */
void io_loop_free(struct io_loop *loop);
/* Runs callbacks until io_loop_stop(). May be called again afterwards. */
void io_loop_run(struct io_loop *loop);
/* One turn: waits at most `wait_ms_max` for something to happen and runs what is due. */
void io_loop_turn(struct io_loop *loop, uint32_t wait_ms_max);
/* How many turns it has begun. In one turn many things may happen. */
uint64_t io_loop_turns(const struct io_loop *loop);
/* Makes io_loop_run() return after the present turn. To stop another thread's loop, post it a
 * message. */
void io_loop_stop(struct io_loop *loop);
/* The loop's own skewed clock. */
uint64_t io_loop_now_ms(const struct io_loop *loop);
void io_loop_skew(struct io_loop *loop, int64_t skew_ms);

/* ---- Timers -------------------------------------------------------------------------- */

/* One-shot and re-armable, embedded in its owner's object. The fields are the loop's. Timers due at
 * the same time fire in the order in which they were armed. */
struct io_timer {
    struct io_loop *loop;
    void (*fire)(struct io_timer *t);
    uint64_t at_ns;
    uint64_t seq;
    size_t heap_at; /* index + 1 in the loop's heap, 0: not armed */
};

void io_timer_init(struct io_timer *t, struct io_loop *loop, void (*fire)(struct io_timer *t));
/* Arms, or moves if armed. A time in the past fires in this or the next turn, never from inside the
 * call. */
void io_timer_arm_at(struct io_timer *t, uint64_t at_ns);
void io_timer_arm_ms(struct io_timer *t, uint64_t in_ms);
/* Legal when not armed. Must be called before the owner's memory goes. */
void io_timer_disarm(struct io_timer *t);
static inline bool io_timer_armed(const struct io_timer *t)
{
    return t->heap_at != 0;
}

/* ---- Mailbox ------------------------------------------------------------------------- */

/* A bounded queue from many threads to one. A message is any object that embeds a `struct mail`;
 * posting it moves its ownership to the receiver. Messages of one sender arrive in the order they
 * were posted. The receiver is woken once when the box turns from empty to non-empty, not once a
 * message. */
struct mailbox;

struct mail {
    struct mail *next;
};

/* `depth_max` > 0 bounds the messages waiting (those taken no longer count). */
struct mailbox *mailbox_new(size_t depth_max);
/* No thread may use the box any more: a sender still does for a moment after its message can be
 * taken, so have it joined. And it must be empty: take what is left first. NULL is legal. */
void mailbox_free(struct mailbox *mb);
/* Any thread. OK: `m` belongs to the receiver. ERR_BUSY: full. ERR_UNAVAILABLE: closed. After an
 * error `m` is still the caller's. */
MUST_CHECK enum err mailbox_post(struct mailbox *mb, struct mail *m);
/* As mailbox_post() for `n` messages linked from `first` to `last`: all are posted, or none. The
 * receiver is not woken before the last one is there. */
MUST_CHECK enum err mailbox_post_all(
    struct mailbox *mb, struct mail *first, struct mail *last, size_t n);
/* Any thread. Refuses later posts; ends a mailbox_wait(). What is inside may still be taken.
 * Legal twice. */
void mailbox_close(struct mailbox *mb);
/* All waiting messages, oldest first, linked by `next`; NULL when empty. The receiver's thread
 * only. */
struct mail *mailbox_take_all(struct mailbox *mb);
/* For a receiver without a loop: blocks until the box holds a message or is closed, or `timeout_ms`
 * passed (negative: for ever). true if there is something to take. */
bool mailbox_wait(struct mailbox *mb, int64_t timeout_ms);
/* Likewise until it holds `n` messages (or its bound), or `timeout_us` passed; fewer do not wake
 * the receiver, but are something to take when the time is up. A sender that posts several at once
 * may find no room for all of them while fewer than `n` wait: so not to be asked for without end.
 */
bool mailbox_wait_many(struct mailbox *mb, size_t n, int64_t timeout_us);
/* For a thread that would post a single message and wait for its answer: it may do the receiver's
 * work itself instead, which saves waking one thread and then the other. true if the box is empty
 * and the receiver waits for a single message, its time not up: it then goes on waiting, whatever
 * is posted, until mailbox_return(). false also when somebody else has borrowed the box, and when
 * it is closed. Any thread but the receiver's. */
bool mailbox_borrow(struct mailbox *mb);
/* Ends that. With `rouse` the receiver's wait ends now, although there may be nothing to take. What
 * either thread did before is seen by the other. */
void mailbox_return(struct mailbox *mb, bool rouse);
/* Whether mailbox_close() was called. Any thread. */
bool mailbox_closed(struct mailbox *mb);
/* Messages waiting at this instant, for metrics. Any thread. */
size_t mailbox_depth(struct mailbox *mb);

/* `batch` is never NULL and is the callee's to walk and free. */
typedef void (*mailbox_receive)(void *arg, struct mail *batch);
/* Makes `loop` the receiver: `receive` is called on its thread with everything that waits. OK or
 * ERR_IO. */
MUST_CHECK enum err mailbox_attach(
    struct mailbox *mb, struct io_loop *loop, mailbox_receive receive, void *arg);
/* Ends that; needed before mailbox_free(). Legal when not attached. */
void mailbox_detach(struct mailbox *mb);

/* ---- HTTP, common -------------------------------------------------------------------- */

struct http_header {
    struct bytes name; /* received ones are in lower case */
    struct bytes value;
};

/* The value of the first header `name` (given in lower case), or base NULL. */
struct bytes http_header_find(
    const struct http_header *headers, size_t n_headers, const char *name);

/* ---- HTTP server --------------------------------------------------------------------- */

/* HTTP/1.1 and 1.0 with keep-alive and pipelining (answered in order, one at a time). What is
 * malformed or could be read in two ways is refused with 400 before any handler sees it:
 * Content-Length and Transfer-Encoding together, several of either, folded headers, a missing or
 * second Host. Other refusals made here: 408 too slow, 413 body too large, 417, 431 head too large,
 * 501 unknown transfer coding, 503 too many connections. "Expect: 100-continue" and chunked bodies
 * are handled. */
struct http_server;

struct http_request {
    struct bytes method; /* as sent, case matters */
    struct bytes target; /* path and query as sent, starts with '/' (or is "*") */
    struct bytes path;   /* up to '?', not decoded */
    struct bytes query;  /* after '?', not decoded; empty if none */
    const struct http_header *headers;
    size_t n_headers;
    struct bytes body;
    const char *peer;    /* "127.0.0.1:50312" */
    uint64_t connection; /* tells the server's connections apart; from 1 */
    struct arena
        *arena; /* holds all of the above; freed after the answer's last byte, or its failure */
    void *user; /* NULL at first, for the handler */
};

/* Must answer each request exactly once with http_respond(), now or later. */
typedef void (*http_handler)(void *arg, struct http_request *req);

/* Zero means the default in brackets. */
struct http_server_config {
    const char *addr;        /* ["127.0.0.1"], numeric IPv4 or IPv6 */
    uint16_t port;           /* 0: any free one, see http_server_port() */
    bool port_joined;        /* other servers of this process already listen on `port` */
    size_t body_bytes_max;   /* [16 MiB] */
    size_t bodies_bytes_max; /* [256 MiB] of all bodies on this loop of more than 16 KiB, from the
                                announcement to the answer's end; beyond it: 503 */
    size_t arena_bytes_max;  /* [body_bytes_max + 48 MiB] cap of the request's arena, handler's use
                                included */
    size_t connections_max;  /* [10000] on this loop */
    uint64_t idle_ms_max;    /* [75000] between requests */
    uint64_t head_ms_max;    /* [10000] from a request's first byte to the end of its head */
    uint64_t body_ms_max;    /* [60000] from there to the end of its body */
    uint64_t send_ms_max;    /* [60000] to take the answer */
    http_handler handler;
    void *arg;
};

/* Several loops may listen on one addr:port (SO_REUSEPORT); give the later ones the port the first
 * reports. OK; ERR_INVALID: the address does not parse; ERR_IN_USE; ERR_IO. */
MUST_CHECK enum err http_server_new(
    struct io_loop *loop, const struct http_server_config *config, struct http_server **ret);
uint16_t http_server_port(const struct http_server *s);
/* Stops listening; idle connections close now, others after their answer, which says so. */
void http_server_drain(struct http_server *s);
/* Connections open now. */
size_t http_server_connections(const struct http_server *s);
/* Closes every connection. Requests not yet answered stay valid and must still be passed to
 * http_respond(), which then only frees them. NULL is legal. */
void http_server_free(struct http_server *s);

struct http_response {
    int status;
    const struct http_header
        *headers; /* without Content-Length, Date, Connection, which are added here */
    size_t n_headers;
    struct bytes body; /* borrowed until sent: keep it in the request's arena, or constant */
    bool close;        /* close the connection afterwards */
};

/* Answers and gives up the request: `req` and its arena must not be touched afterwards. Legal when
 * the client has gone: then it only frees. */
void http_respond(struct http_request *req, const struct http_response *res);
/* The usual case: one content type, one body. `content_type` NULL: none. */
void http_respond_body(
    struct http_request *req, int status, const char *content_type, struct bytes body);
/* false once the connection is lost; an answer would go nowhere. */
bool http_request_connected(const struct http_request *req);

/* ---- content codings (coding.c) -------------------------------------------------------- */

enum http_coding { HTTP_CODING_NONE, HTTP_CODING_GZIP, HTTP_CODING_DEFLATE, HTTP_CODING_UNKNOWN };

/* What Content-Encoding names; no name is none. */
enum http_coding http_coding_named(struct bytes name);
/* "gzip" or "deflate", for these two. */
const char *http_coding_name(enum http_coding coding);
/* What to answer a client in that sends this Accept-Encoding: NONE, GZIP or DEFLATE. */
enum http_coding http_coding_wanted(struct bytes accept_encoding);
/* Appends the body unpacked, GZIP or DEFLATE: OK; ERR_FORMAT: it is no such thing, or not whole;
 * ERR_TOO_BIG: it comes to more than `len_max`, or `to` is full. */
MUST_CHECK enum err http_unpack(
    enum http_coding coding, struct bytes body, size_t len_max, struct buf *to);
/* Appends the body packed. OK; ERR_TOO_BIG. */
MUST_CHECK enum err http_pack(enum http_coding coding, struct bytes body, struct buf *to);

/* ---- HTTP client --------------------------------------------------------------------- */

/* Forwards requests to numeric addresses over pooled keep-alive connections, one pool per target.
 * Never retries: a request that may have reached the server is not sent twice. */
struct http_client;
struct http_call;

struct http_client_config { /* zero means the default in brackets */
    size_t calls_max;       /* [4096] under way at once */
    size_t idle_max;        /* [32] idle connections kept per target */
    uint64_t idle_ms_max;   /* [30000] */
    size_t body_bytes_max;  /* [64 MiB] of a reply */
};

struct http_call_request {
    const char *addr;
    uint16_t port;
    struct bytes method;
    struct bytes target;
    /* Host and others as given. Hop-by-hop ones and Content-Length are dropped and written anew. */
    const struct http_header *headers;
    size_t n_headers;
    struct bytes body;
    uint64_t timeout_ms; /* 0: 30000; for the whole exchange */
};

struct http_reply {
    int status;
    /* Names in lower case; hop-by-hop ones, Content-Length and Date are left out. */
    const struct http_header *headers;
    size_t n_headers;
    struct bytes body;
};

/* `reply` (NULL unless `e` is OK) is borrowed for the length of the call. Errors: ERR_UNAVAILABLE:
 * could not connect, the request was not sent; ERR_TIMEOUT, ERR_IO, ERR_SYNTAX (not HTTP),
 * ERR_TOO_BIG: it may have been carried out. */
typedef void (*http_call_done)(void *arg, enum err e, const struct http_reply *reply);

struct http_client *http_client_new(struct io_loop *loop, const struct http_client_config *config);
/* Cancels the calls under way: their `done` is not called. NULL is legal. */
void http_client_free(struct http_client *c);
/* Copies what it is given. OK: `done` will be called once, never from inside this call.
 * ERR_INVALID: the address does not parse or a header holds a line break; ERR_BUSY: calls_max
 * reached. `ret_call` may be NULL. */
MUST_CHECK enum err http_client_call(
    struct http_client *c,
    const struct http_call_request *request,
    http_call_done done,
    void *arg,
    struct http_call **ret_call);
/* `done` will not be called. Only before it was. */
void http_call_cancel(struct http_call *call);

/* ---- Links --------------------------------------------------------------------------- */

/* A TCP connection that carries frames: a u32 little-endian length, then that many bytes (0
 * allowed, at most IO_FRAME_BYTES_MAX, of a stranger IO_STRANGER_FRAME_BYTES_MAX). The length's
 * highest bit says that the bytes are part of a compressed stream (docs/formats/link.md). What
 * frames mean, who the peer is and whether it still lives is the caller's affair. */
struct io_link;
struct io_link_listener;

enum {
    IO_FRAME_BYTES_MAX = 32 << 20,
    IO_STRANGER_FRAME_BYTES_MAX = 64 << 10,
    IO_FRAME_HEADER_BYTES = 4,
};

struct io_link_events {
    /* The outcome of io_link_connect(): OK, ERR_UNAVAILABLE, ERR_TIMEOUT. After an error free the
     * link. */
    void (*on_connect)(void *arg, struct io_link *link, enum err e);
    /* `frame` is borrowed for the length of the call. */
    void (*on_frame)(void *arg, struct io_link *link, struct bytes frame);
    /* A send was refused before, and half of the queue is free again. May be NULL. */
    void (*on_drain)(void *arg, struct io_link *link);
    /* The connection ended, once: OK: the peer closed it; ERR_IO; ERR_TOO_BIG: it sent a frame
     * longer than allowed; ERR_CORRUPT: it sent one that does not decompress. Nothing is called
     * afterwards; free the link. */
    void (*on_close)(void *arg, struct io_link *link, enum err e);
};

/* Development-mode faults of one direction: what this end sends. The peer's end has its own. A
 * frame leaves at the time of its sending plus delays, and frames never overtake each other, as in
 * TCP. A lost frame arrives late, by one retransmission (2 x delay_ms, at least 20 ms), and holds
 * up the rest. Bandwidth holds a frame until those before it have been put on the wire. In a
 * blackhole nothing leaves, connecting included, until it is lifted; then what waited leaves,
 * delayed as if sent at that moment. The peer sees silence, not a closed connection. */
struct io_fault {
    double delay_ms;  /* one way */
    double jitter_ms; /* uniform in [0, jitter_ms], on top */
    unsigned loss_per_mille;
    uint64_t bytes_per_s; /* 0: unlimited */
    bool blackhole;
};

struct io_link_config {
    const struct io_link_events *events; /* outlives the link */
    void *arg;
    size_t queue_bytes_max;  /* 0: 64 MiB, of frames waiting to leave; held-back ones included */
    uint64_t connect_ms_max; /* 0: 5000 */
    struct io_fault fault;   /* from the start, so that connecting feels it */
    uint64_t seed;           /* of jitter and loss */
};

/* Begins to connect; on_connect says how it went, never from inside this call. OK; ERR_INVALID: the
 * address does not parse; ERR_IO. */
MUST_CHECK enum err io_link_connect(
    struct io_loop *loop,
    const char *addr,
    uint16_t port,
    const struct io_link_config *config,
    struct io_link **ret);
/* Closes at once: frames not yet on the wire are gone, no event is called. NULL is legal. */
void io_link_free(struct io_link *link);
/* Queues a copy of `frame`. OK; ERR_BUSY: the queue is full, on_drain will tell; ERR_TOO_BIG;
 * ERR_UNAVAILABLE: not connected (yet, or any more). A frame always fits an empty queue. */
MUST_CHECK enum err io_link_send(struct io_link *link, struct bytes frame);
/* From now on frames go out compressed, and compressed and long ones are taken; before, they end
 * the link. To be called once the peer has proved who it is: a stranger shall not make us keep
 * much. */
void io_link_trust(struct io_link *link);
/* Bytes the link has put on the wire and taken from it, headers included. */
struct io_link_bytes {
    uint64_t sent;
    uint64_t received;
};
struct io_link_bytes io_link_bytes(const struct io_link *link);
/* Bytes accepted and not yet given to the kernel. */
size_t io_link_queued(const struct io_link *link);
/* Replaces the faults. Frames already held back keep the time they were given, unless a blackhole
 * ends. */
void io_link_set_fault(struct io_link *link, const struct io_fault *fault);
/* "127.0.0.1:50312"; valid as long as the link. */
const char *io_link_peer(const struct io_link *link);

/* Called with a new connected link, which the callee owns and must give its config with
 * io_link_accept(), or free. */
typedef void (*io_link_accepted)(void *arg, struct io_link *link);
/* OK, ERR_INVALID, ERR_IN_USE, ERR_IO. Port 0: any free one. */
MUST_CHECK enum err io_link_listen(
    struct io_loop *loop,
    const char *addr,
    uint16_t port,
    io_link_accepted accepted,
    void *arg,
    struct io_link_listener **ret);
/* Frames are read from the turn after this on; the callee may send at once. */
void io_link_accept(struct io_link *link, const struct io_link_config *config);
uint16_t io_link_listener_port(const struct io_link_listener *l);
/* Links already accepted live on. NULL is legal. */
void io_link_listener_free(struct io_link_listener *l);

/* ---- Files --------------------------------------------------------------------------- */

/* These block; they are for start-up, shutdown and small files. */

/* Appends the whole file to `ret`. OK, ERR_NOT_FOUND, ERR_TOO_BIG (the buffer's bound), ERR_IO. */
MUST_CHECK enum err io_file_read(const char *path, struct buf *ret);
/* Replaces the file atomically and durably: a crash leaves the old content or the new. The
 * temporary file is `path` with ".tmp" appended, so one writer per path. OK, ERR_INVALID (path too
 * long), ERR_NOT_FOUND (no such directory), ERR_IO. */
MUST_CHECK enum err io_file_write(const char *path, struct bytes content, unsigned mode);
/* Makes the directory and its missing parents. OK (existing included), ERR_INVALID, ERR_EXISTS (a
 * file is in the way), ERR_IO. */
MUST_CHECK enum err io_mkdir_p(const char *path, unsigned mode);

/* Makes the names in the directory of `path` durable. OK; ERR_IO. */
MUST_CHECK enum err io_sync_parent(const char *path);
/* OK; ERR_NOT_FOUND; ERR_IO. */
MUST_CHECK enum err io_unlink(const char *path);
/* Whether the disk takes what is written: there is room for `bytes` more, and a small file at
 * `path`, made and unlinked again, can be written and synced. OK; ERR_INVALID (path too long);
 * ERR_NOT_FOUND (no such directory); ERR_LIMIT (no room); ERR_IO. */
MUST_CHECK enum err io_disk_try(const char *path, uint64_t bytes);
bool io_is_dir(const char *path);

/* A file piece by piece; blocks, so it is for threads that may. */
struct io_stream;
/* A new file, or another content of an old one: it shows under its name only once committed. OK;
 * ERR_NOT_FOUND (no such directory); ERR_INVALID (path too long); ERR_IO. */
MUST_CHECK enum err io_stream_create(const char *path, struct io_stream **ret);
/* For reading. OK; ERR_NOT_FOUND; ERR_INVALID; ERR_IO. */
MUST_CHECK enum err io_stream_open(const char *path, struct io_stream **ret);
MUST_CHECK enum err io_stream_write(struct io_stream *s, struct bytes content);
/* Appends up to `n_max` > 0 bytes. OK; ERR_NOT_FOUND at the end; ERR_TOO_BIG; ERR_IO. */
MUST_CHECK enum err io_stream_read(struct io_stream *s, size_t n_max, struct buf *ret);
/* Makes what was written durable under its name, and frees the stream in every case. OK; ERR_IO. */
MUST_CHECK enum err io_stream_commit(struct io_stream *s);
/* Frees it; what was written and not committed is gone. NULL is legal. */
void io_stream_close(struct io_stream *s);
/* Tells of every regular file in the directory, with `deep` also of those in the directories below,
 * in order of their names in each; `name` is relative. Links are passed over. OK; ERR_NOT_FOUND;
 * ERR_INVALID (a path is too long); ERR_IO. */
MUST_CHECK enum err io_dir_walk(
    const char *path,
    bool deep,
    void (*each)(void *ctx, const char *name, uint64_t bytes),
    void *ctx);

/* ---- Packed streams -------------------------------------------------------------------- */

enum io_packing { IO_PACKED_NOT, IO_PACKED_GZIP, IO_PACKED_ZSTD };

struct io_unpack;
struct io_unpack *io_unpack_new(enum io_packing packing);
/* NULL is legal. */
void io_unpack_free(struct io_unpack *u);
/* Appends what the next bytes of the stream unpack to. OK; ERR_CORRUPT; ERR_TOO_BIG (`ret`'s
 * bound).
 */
MUST_CHECK enum err io_unpack(struct io_unpack *u, struct bytes in, struct buf *ret);
/* At the stream's end: OK; ERR_CORRUPT when it was cut off. */
MUST_CHECK enum err io_unpack_end(const struct io_unpack *u);

struct io_gzip;
struct io_gzip *io_gzip_new(void);
/* NULL is legal. */
void io_gzip_free(struct io_gzip *g);
/* Appends packed bytes; all that is left once `last` is set. OK; ERR_TOO_BIG. */
MUST_CHECK enum err io_gzip_put(struct io_gzip *g, struct bytes in, bool last, struct buf *ret);

struct io_lock {
    int fd;
};

/* Locks the file (made if missing) against other holders, until io_lock_close() or the process's
 * death. OK, ERR_IN_USE, ERR_NOT_FOUND, ERR_IO. */
MUST_CHECK enum err io_lock_open(const char *path, struct io_lock *ret);
void io_lock_close(struct io_lock *lock);

/* ---- Randomness, signals, threads ---------------------------------------------------- */

/* From the operating system, fit for secrets. Any thread. */
void io_random(void *ret, size_t n);
uint64_t io_random_seed(void);

/* Ignores SIGPIPE and blocks SIGINT and SIGTERM in this thread and those it spawns later, so call
 * it first in main(), before any thread. */
void io_signals_block(void);
struct io_signals;
/* `on_signal` is called on the loop for each SIGINT or SIGTERM. Needs io_signals_block(). OK or
 * ERR_IO. */
MUST_CHECK enum err io_signals_open(
    struct io_loop *loop,
    void (*on_signal)(void *arg, int signo),
    void *arg,
    struct io_signals **ret);
void io_signals_close(struct io_signals *s);

struct io_thread;
/* `name` shows in top and gdb, cut to 15 characters. OK or ERR_LIMIT. */
MUST_CHECK enum err io_thread_spawn(
    const char *name, void (*run)(void *arg), void *arg, struct io_thread **ret);
/* Waits for the thread's end and frees the handle. NULL is legal. */
void io_thread_join(struct io_thread *t);
/* Raises the process's bound on open files to what is wanted, or as near as it may; returns it. */
uint64_t io_files_raise(uint64_t wanted);
/* Drops the pages of the program and its libraries that are mapped, of which the start has touched
 * many that are not needed again; those that are come back from the page cache as they are used
 * (madvise(2), MADV_DONTNEED on what only reads a file). What somebody wrote into code goes with
 * them: a debugger's breakpoints, and what a preloaded library made of it. */
void io_pages_forget(void);
/* Lets timed waits of the calling thread end within a microsecond of their time, where Linux may
 * otherwise let them sleep 50 longer (prctl(2), PR_SET_TIMERSLACK). */
void io_thread_wait_finely(void);
