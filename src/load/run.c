/* The connections: one request on its way in each, all in one epoll loop, and the end of a run.
 *
 *   DOWN --dial()--> DIALLING --writable()--> IDLE --ask()--> WAITING --readable()--> IDLE
 *     ^                  |                                       |
 *     +------------------+------------ lost() ------------------+     (persistent plans dial again)
 *
 * A request whose connection ends, or whose answer does not come in time, has an unknown outcome;
 * the generator never sends a request twice. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "load/inside.h"

enum {
    ANSWER_BYTES_MAX = 1 << 20,
    READ_BYTES = 16384,
    REQUEST_BYTES_MAX = 1 << 20,
    LOG_BYTES_MAX = 64 << 20,
    REDIAL_MS = 20,
    SYNC_MS = 50,
    SECOND_NS = 1000000000,
    EVENTS = 256,
};

enum state { DOWN, DIALLING, IDLE, WAITING };

struct link {
    struct connection c;
    enum state state;
    int fd;
    struct buf out;
    size_t sent;
    struct buf in;
    uint64_t since_ns; /* WAITING: when it was sent; DOWN: when it went down */
    uint64_t due_ns;   /* WAITING: when it should have been sent, if everything had been in time */
};

struct loop {
    struct work *w;
    int epoll_fd;
    int signal_fd;
    struct link *links;
    uint64_t begun_ns;
    uint64_t synced_ns;
    bool stopping;
    bool failed;
};

static uint64_t now_ns(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
    return (uint64_t)t.tv_sec * SECOND_NS + (uint64_t)t.tv_nsec;
}

static void watch(struct loop *l, struct link *k, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.ptr = k};
    int rc = epoll_ctl(l->epoll_fd, how, k->fd, &e);
    ASSERT(rc == 0);
}

static void close_link(struct link *k)
{
    (void)close(k->fd); /* what was sent is on its way or lost, both are accounted for */
    k->fd = -1;
    k->state = DOWN;
    k->since_ns = now_ns();
}

static void lost(struct loop *l, struct link *k, const char *why)
{
    if (k->state == WAITING) {
        work_ended(&k->c, OUTCOME_UNKNOWN, 0, now_ns(), bytes_str(why));
    }
    close_link(k);
    if (!l->w->plan->persistent && !l->stopping) {
        struct load_tally *t = l->w->tally;
        if (t->first_error[0] == '\0') {
            (void)snprintf(t->first_error, sizeof t->first_error, "%s", why); /* cut */
        }
        l->failed = true;
        l->stopping = true;
    }
}

static void dial(struct loop *l, struct link *k)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(l->w->plan->port)};
    int rc = inet_pton(AF_INET, l->w->plan->host, &to.sin_addr);
    ASSERT(rc == 1);
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    ASSERT(k->fd >= 0);
    int on = 1;
    rc = setsockopt(k->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ASSERT(rc == 0);
    k->state = DIALLING;
    buf_clear(&k->in);
    buf_clear(&k->out);
    if (connect(k->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        lost(l, k, "could not connect");
        return;
    }
    l->w->tally->connects++;
    watch(l, k, EPOLLOUT, EPOLL_CTL_ADD);
}

/* Sends what is left of the request. */
static void push(struct loop *l, struct link *k)
{
    while (k->sent < k->out.len) {
        ssize_t n = send(k->fd, k->out.base + k->sent, k->out.len - k->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            watch(l, k, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
            return;
        }
        if (n <= 0) {
            lost(l, k, "the connection broke while sending");
            return;
        }
        k->sent += (size_t)n;
    }
}

/* When the request that goes out next is due. */
static uint64_t next_due_ns(const struct loop *l)
{
    double rate = (double)l->w->plan->rate;
    return l->begun_ns + (uint64_t)((double)l->w->issued / rate * SECOND_NS);
}

static void ask(struct loop *l, struct link *k)
{
    uint64_t due = l->w->plan->rate > 0 ? next_due_ns(l) : 0;
    buf_clear(&k->out);
    buf_clear(&k->in);
    k->sent = 0;
    work_next(&k->c, (int64_t)time(NULL), &k->out);
    ASSERT(k->out.err == OK);
    k->state = WAITING;
    k->since_ns = now_ns();
    k->due_ns = due > 0 ? due : k->since_ns;
    push(l, k);
}

/* Whether the plan lets one more request go out now. */
static bool may_ask(const struct loop *l, uint64_t now)
{
    const struct load_plan *p = l->w->plan;
    if (l->stopping || (p->requests_max > 0 && l->w->issued >= p->requests_max)) {
        return false;
    }
    return p->rate == 0 || next_due_ns(l) <= now;
}

/* The length of the whole answer, 0 while its head is incomplete; *ret_body is where its body
 * starts. */
static size_t answer_length(const struct buf *in, size_t *ret_body)
{
    const char *head = (const char *)in->base;
    const char *end = in->len < 4 ? NULL : memmem(head, in->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    *ret_body = (size_t)(end - head) + 4;
    size_t length = 0;
    for (const char *at = head; at < end; at++) {
        static const char name[] = "\r\ncontent-length:";
        if (*at != '\r' || strncasecmp(at, name, sizeof name - 1) != 0) {
            continue;
        }
        for (at += sizeof name - 1; *at == ' '; at++) {
        }
        for (; *at >= '0' && *at <= '9' && length < ANSWER_BYTES_MAX; at++) {
            length = length * 10 + (size_t)(*at - '0');
        }
        break;
    }
    return *ret_body + length;
}

/* A definite refusal is a 4xx; whatever else is no success leaves open whether the write happened.
 */
static enum outcome outcome_of(const struct buf *in)
{
    struct bytes b = buf_bytes(in);
    if (bytes_has_prefix(b, BYTES_LIT("HTTP/1.1 200 "))) {
        return OUTCOME_DONE;
    }
    return bytes_has_prefix(b, BYTES_LIT("HTTP/1.1 4")) ? OUTCOME_REFUSED : OUTCOME_UNKNOWN;
}

static void answered(struct loop *l, struct link *k, size_t body_at)
{
    uint64_t now = now_ns();
    enum outcome outcome = outcome_of(&k->in);
    bool closes = memmem(k->in.base, body_at, "onnection: close", 16) != NULL;
    struct bytes body = bytes_from(buf_bytes(&k->in), body_at);
    work_ended(&k->c, outcome, (now - k->due_ns) / 1000, now, body);
    k->state = IDLE;
    if (closes) {
        close_link(k);
    } else if (may_ask(l, now)) {
        ask(l, k);
    }
}

static void readable(struct loop *l, struct link *k)
{
    uint8_t *to = buf_reserve(&k->in, READ_BYTES);
    ASSERT(to != NULL);
    ssize_t n = recv(k->fd, to, READ_BYTES, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        lost(l, k, "the server closed a connection");
        return;
    }
    k->in.len += (size_t)n;
    size_t body_at = 0;
    size_t length = answer_length(&k->in, &body_at);
    if (length > 0 && k->in.len >= length && k->state == WAITING) {
        answered(l, k, body_at);
    }
}

static void writable(struct loop *l, struct link *k)
{
    int error = 0;
    socklen_t len = sizeof error;
    watch(l, k, EPOLLIN, EPOLL_CTL_MOD);
    if (k->state != DIALLING) {
        push(l, k);
        return;
    }
    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 || error != 0) {
        lost(l, k, "could not connect");
        return;
    }
    k->state = IDLE;
    if (may_ask(l, now_ns())) {
        ask(l, k);
    }
}

static void flush_log(struct loop *l, bool sync)
{
    struct work *w = l->w;
    for (size_t at = 0; at < w->log.len;) {
        ssize_t n = write(w->plan->log_fd, w->log.base + at, w->log.len - at);
        ASSERT(n > 0); /* without its log a run proves nothing */
        at += (size_t)n;
    }
    buf_clear(&w->log);
    if (sync && w->plan->log_fd >= 0) {
        int rc = fdatasync(w->plan->log_fd);
        ASSERT(rc == 0 || errno == EINVAL); /* a pipe cannot be synced */
    }
}

/* What time brings: new requests, dials, missed answers, the end. */
static void tick(struct loop *l)
{
    const struct load_plan *p = l->w->plan;
    uint64_t now = now_ns();
    if (p->seconds_max > 0 && now - l->begun_ns >= p->seconds_max * SECOND_NS) {
        l->stopping = true;
    }
    for (uint32_t i = 0; i < p->connections; i++) {
        struct link *k = &l->links[i];
        if (k->state == IDLE && may_ask(l, now)) {
            ask(l, k);
        } else if (k->state == DOWN && !l->stopping && now - k->since_ns > REDIAL_MS * 1000000) {
            dial(l, k);
        } else if (
            k->state == WAITING && now > k->since_ns &&
            now - k->since_ns > p->timeout_ms * 1000000) {
            lost(l, k, "no answer in time");
        }
    }
    bool sync = now - l->synced_ns > SYNC_MS * 1000000;
    flush_log(l, sync);
    l->synced_ns = sync ? now : l->synced_ns;
}

static bool finished(const struct loop *l)
{
    const struct load_plan *p = l->w->plan;
    bool all_issued = p->requests_max > 0 && l->w->issued >= p->requests_max;
    if (!l->stopping && !all_issued) {
        return false;
    }
    for (uint32_t i = 0; i < p->connections; i++) {
        if (l->links[i].state == WAITING) {
            return false;
        }
    }
    return true;
}

static void open_all(struct loop *l)
{
    const struct load_plan *p = l->w->plan;
    sigset_t set;
    (void)sigemptyset(&set); /* cannot fail, nor can adding real signals */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    int rc = sigprocmask(SIG_BLOCK, &set, NULL);
    ASSERT(rc == 0);
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    l->links = calloc(p->connections, sizeof *l->links);
    ASSERT(l->epoll_fd >= 0);
    ASSERT(l->signal_fd >= 0);
    ASSERT(l->links != NULL);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    rc = epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->signal_fd, &e);
    ASSERT(rc == 0);
    l->begun_ns = now_ns();
    l->synced_ns = l->begun_ns;
    for (uint32_t i = 0; i < p->connections; i++) {
        struct link *k = &l->links[i];
        *k = (struct link){.c = {.work = l->w, .index = i}};
        buf_init(&k->out, REQUEST_BYTES_MAX);
        buf_init(&k->in, ANSWER_BYTES_MAX);
        dial(l, k);
    }
}

static void close_all(struct loop *l)
{
    for (uint32_t i = 0; i < l->w->plan->connections; i++) {
        struct link *k = &l->links[i];
        if (k->fd >= 0) {
            (void)close(k->fd); /* every request was answered */
        }
        buf_done(&k->out);
        buf_done(&k->in);
    }
    free(l->links);
    (void)close(l->signal_fd); /* only read */
    (void)close(l->epoll_fd);  /* holds nothing */
}

/* How long to wait for events: not past the time when a request is due, nor past a millisecond. */
static struct timespec patience(const struct loop *l)
{
    uint64_t ns = 1000000;
    if (l->w->plan->rate > 0) {
        uint64_t due = next_due_ns(l);
        uint64_t now = now_ns();
        ns = due > now && due - now < ns ? due - now : ns;
    }
    return (struct timespec){.tv_nsec = (long)ns};
}

static void turn(struct loop *l)
{
    struct epoll_event events[EVENTS];
    struct timespec wait = patience(l);
    int n = epoll_pwait2(l->epoll_fd, events, EVENTS, &wait, NULL);
    for (int i = 0; i < n; i++) {
        struct link *k = events[i].data.ptr;
        if (k == NULL) {
            l->stopping = true;
            continue;
        }
        if (events[i].events & EPOLLOUT && k->fd >= 0) {
            writable(l, k);
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR) && k->fd >= 0) {
            readable(l, k);
        }
    }
}

static enum err run(struct work *w)
{
    struct loop l = {.w = w};
    open_all(&l);
    while (!finished(&l)) {
        turn(&l);
        tick(&l);
    }
    flush_log(&l, /* sync */ true);
    w->tally->seconds = (double)(now_ns() - l.begun_ns) / SECOND_NS;
    close_all(&l);
    return l.failed ? ERR_UNAVAILABLE : OK;
}

enum err load_run(const struct load_plan *plan, struct load_tally *ret)
{
    ASSERT(plan->connections > 0);
    ASSERT(plan->connections <= LOAD_CONNECTIONS_MAX);
    char host[LOAD_NAME_MAX];
    (void)snprintf(host, sizeof host, "%s:%u", plan->host, plan->port); /* an address fits */
    bool sign = plan->region.len > 0;
    struct work w = {
        .plan = plan,
        .signer =
            {
                .host = bytes_str(host),
                .region = sign ? plan->region : BYTES_LIT("none"),
                .access_key = sign ? plan->access_key : BYTES_LIT("none"),
                .secret_key = sign ? plan->secret_key : BYTES_NONE,
            },
        .prng = prng_seeded(plan->seed),
        .tally = ret,
    };
    *ret = (struct load_tally){0};
    buf_init(&w.log, LOG_BYTES_MAX);
    buf_init(&w.body, REQUEST_BYTES_MAX);
    enum err e = run(&w);
    buf_done(&w.log);
    buf_done(&w.body);
    return e;
}
