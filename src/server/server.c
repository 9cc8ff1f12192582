/* Opening a region, running its threads, and taking it down in the order in which work flows. */
#include "server/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/inside.h"

enum {
    FILES_KEPT = 600, /* for the store, which has up to 256 open, links (256), and all the rest */
    /* Of each web thread: */
    CLIENTS_MIN = 16,
    CLIENTS_MAX = 10000,
    FORWARDS_MIN = 8,
    FORWARDS_MAX = 4096,
};

static void log_failure(struct server *s, const char *what, enum err e, struct bytes detail)
{
    TRACE(
        &s->logger.tracer,
        TRACE_ERROR,
        "server",
        what,
        TRACE_TEXT("err", bytes_str(err_text(e))),
        TRACE_TEXT("detail", detail));
}

bool server_path(const struct server *s, const char *name, char *ret, size_t size)
{
    int n = snprintf(ret, size, "%.*s/%s", BYTES_FMT(s->config->data_dir), name);
    return n > 0 && (size_t)n < size;
}

static enum err store_open(struct server *s)
{
    const struct server_config *c = s->config;
    char path[4096];
    char store[4096];
    struct arena a;
    struct bytes msg = BYTES_NONE;
    if (!server_path(s, "lock", path, sizeof path) ||
        !server_path(s, "store", store, sizeof store)) {
        return ERR_INVALID;
    }
    char *dir = strndup((const char *)c->data_dir.base, c->data_dir.len);
    ASSERT(dir != NULL);
    errno = 0;
    enum err e = io_mkdir_p(dir, 0700);
    if (e == OK) {
        e = io_lock_open(path, &s->lock);
    }
    free(dir);
    if (e != OK) {
        bool denied = errno == EACCES || errno == EROFS;
        log_failure(
            s,
            denied ? "may not write to the data directory" : "could not open the data directory",
            e,
            c->data_dir);
        return e;
    }
    arena_init(&a, 1 << 16);
    const struct engine_rocks_config config = {
        .path = store,
        .cache_bytes = c->cache_bytes,
        .write_buffer_bytes = c->write_buffer_bytes,
        .rows_kept = PART_ROWS_KEPT,
    };
    e = engine_rocks_open(&config, &a, &s->engine, &msg);
    if (e != OK) {
        log_failure(s, "could not open the store", e, msg);
    }
    arena_done(&a);
    return e;
}

/* A region announces itself to the cluster, anew when its addresses changed. */
struct announce {
    struct part_cmd cmd;
    struct arena arena;
    struct core_admin admin;
    struct core_member member;
    char http[300];
    char link[300];
};

/* As addresses are written: an IPv6 one in brackets. */
static void put_address(char *ret, size_t size, const char *host, uint16_t port)
{
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(ret, size, v6 ? "[%s]:%u" : "%s:%u", host, port);
}

static enum err announce_self(struct server *s)
{
    const struct server_config *c = s->config;
    struct core *core = s->writer.core;
    struct announce a = {0};
    char host[256];
    uint16_t port;
    if (!address_split(c->http_address, host, sizeof host, &port)) {
        return ERR_INVALID;
    }
    put_address(a.http, sizeof a.http, host, s->http_port);
    if (!address_split(c->link_address, host, sizeof host, &port)) {
        return ERR_INVALID;
    }
    put_address(a.link, sizeof a.link, host, s->link_port);
    const struct core_member *known = catalog_member(core_catalog(core), c->name);
    bool current = known != NULL && known->id.v == c->id.v && !known->removed &&
                   bytes_eq_str(known->http_address, a.http) &&
                   bytes_eq_str(known->link_address, a.link);
    bool expelled = known != NULL && known->id.v == c->id.v && known->removed;
    if (current || expelled) {
        return OK;
    }
    uint64_t now_ms = io_clock_now_ms(&s->writer.clock);
    a.member = (struct core_member){
        .region = c->name,
        .id = c->id,
        .http_address = bytes_str(a.http),
        .link_address = bytes_str(a.link),
        .joined_ms = now_ms,
    };
    a.admin = (struct core_admin){
        .kind = CORE_ADMIN_PUT_MEMBER, .core = core, .name = c->name, .member = &a.member};
    arena_init(&a.arena, 1 << 20);
    a.cmd = (struct part_cmd){
        .kind = PART_CMD_CALL,
        .arena = &a.arena,
        .call = {.run = core_admin_run, .arg = &a.admin},
    };
    part_submit(core_part(core), &a.cmd);
    enum err e = core_commit(core, now_ms);
    while (core_take_done(core) != NULL) {
    }
    e = e == OK ? a.cmd.err : e;
    arena_done(&a.arena);
    return e;
}

static size_t clamp(uint64_t v, size_t min, size_t max)
{
    return v < min ? min : v > max ? max : (size_t)v;
}

/* What may be open at once is shared out before anybody connects. A store that finds no room for a
 * file takes no more writes until the region has started anew; clients find none and try again. */
static void share_files(struct server *s)
{
    uint64_t wanted = FILES_KEPT + (uint64_t)s->n_webs * (CLIENTS_MAX + FORWARDS_MAX);
    uint64_t files = io_files_raise(wanted);
    uint64_t room = files > FILES_KEPT ? (files - FILES_KEPT) / s->n_webs : 0;
    uint64_t clients = room * CLIENTS_MAX / (CLIENTS_MAX + FORWARDS_MAX);
    s->clients_max = clamp(clients, CLIENTS_MIN, CLIENTS_MAX);
    s->forwards_max = clamp(room - clients, FORWARDS_MIN, FORWARDS_MAX);
    if (s->clients_max < CLIENTS_MAX) {
        TRACE(
            &s->logger.tracer,
            TRACE_INFO,
            "server",
            "may have few files open (ulimit -n), serving fewer clients",
            TRACE_NUM("files", files),
            TRACE_NUM("wanted", wanted),
            TRACE_NUM("clients", s->clients_max * s->n_webs));
    }
}

static enum err open_all(struct server *s)
{
    enum err e = store_open(s);
    if (e != OK) {
        return e;
    }
    e = keys_prepare(s);
    if (e != OK) {
        log_failure(s, "could not read or make the key file", e, bytes_str(s->key_path));
        return e;
    }
    /* The inboxes come first: opening the writer may already tell every thread of catalog rows. */
    s->links.inbox = mailbox_new(OTHER_INBOX_MAX);
    s->jobs.inbox = mailbox_new(OTHER_INBOX_MAX);
    for (unsigned i = 0; i < s->n_webs; i++) {
        s->webs[i].inbox = mailbox_new(OTHER_INBOX_MAX);
    }
    e = writer_open(s);
    if (e != OK) {
        log_failure(s, "could not open the writer", e, s->config->data_dir);
        return e;
    }
    e = links_open(s);
    if (e != OK) {
        log_failure(s, "could not listen for links", e, s->config->link_address);
        return e;
    }
    for (unsigned i = 0; i < s->n_webs && e == OK; i++) {
        e = web_open(s, i);
    }
    if (e == ERR_FORMAT) {
        log_failure(s, "cannot start without keys", e, bytes_str(s->key_path));
    } else if (e != OK) {
        log_failure(s, "could not listen for clients", e, s->config->http_address);
    }
    return e;
}

static void on_signal(void *arg, int signo)
{
    struct server *s = arg;
    s->signo = signo;
    webs_stop(s);
}

static void on_settled(struct io_timer *t)
{
    (void)t;
    io_pages_forget();
}

static enum err start_all(struct server *s, int ready_fd)
{
    enum err e = announce_self(s);
    for (unsigned i = 0; i < s->n_webs && e == OK; i++) {
        e = web_start(s, i);
    }
    if (e == OK) {
        e = links_start(s);
    }
    if (e == OK) {
        e = writer_start(s);
    }
    if (e == OK) {
        e = jobs_start(s);
    }
    if (e == OK) {
        e = io_signals_open(s->webs[0].loop, on_signal, s, &s->signals);
    }
    if (e != OK) {
        log_failure(s, "could not start", e, BYTES_NONE);
        return e;
    }
    io_timer_init(&s->settled, s->webs[0].loop, on_settled);
    io_timer_arm_ms(&s->settled, SETTLE_MS);
    TRACE(
        &s->logger.tracer,
        TRACE_INFO,
        "server",
        "region is up",
        TRACE_NUM("http_port", s->http_port),
        TRACE_NUM("link_port", s->link_port),
        TRACE_NUM("start_us", (io_now_ns() - s->started_ns) / 1000));
    if (ready_fd >= 0) {
        char line[64];
        int n = snprintf(line, sizeof line, "ready %u %u\n", s->http_port, s->link_port);
        (void)!write(ready_fd, line, (size_t)n);
        (void)close(ready_fd);
    }
    return OK;
}

static void stop_all(struct server *s)
{
    for (unsigned i = 1; i < s->n_webs; i++) {
        web_join(&s->webs[i]);
    }
    revive_stop(s);
    jobs_stop(s);
    links_stop(s);
    writer_stop(s);
    io_timer_disarm(&s->settled);
    io_signals_close(s->signals);
    for (unsigned i = 0; i < s->n_webs; i++) {
        web_close(&s->webs[i]);
    }
    engine_close(s->engine);
    io_lock_close(&s->lock);
}

void server_revive(struct server *s)
{
    if (s->signo != 0) {
        return;
    }
    TRACE(
        &s->logger.tracer,
        TRACE_INFO,
        "server",
        "the disk takes writes again, starting anew",
        TRACE_NUM("pause_ms", s->revival.pause_ms));
    s->anew = true;
    webs_stop(s);
}

/* The address with the port that was given where it says "any". */
static struct bytes with_port(struct bytes address, uint16_t port, char *ret, size_t size)
{
    char host[256];
    uint16_t configured;
    if (!address_split(address, host, sizeof host, &configured) || configured != 0) {
        return address;
    }
    put_address(ret, size, host, port);
    return bytes_str(ret);
}

int server_run(const struct server_config *config, int ready_fd)
{
    struct server *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    struct server_config same = *config;
    struct revive_ports ports;
    char http[300];
    char link[300];
    bool anew = revive_inherit(&s->revival, &ports);
    if (anew) {
        same.http_address = with_port(config->http_address, ports.http, http, sizeof http);
        same.link_address = with_port(config->link_address, ports.link, link, sizeof link);
        ready_fd = -1; /* that was told before */
    }
    s->config = &same;
    s->started_ns = io_now_ns();
    s->n_webs = config->web_threads;
    ASSERT(s->n_webs >= 1);
    ASSERT(s->n_webs <= SERVER_WEB_THREADS_MAX);
    logger_init(&s->logger, config->log_level, config->name);
    server_admin_token(config->secret, s->admin_token);
    io_signals_block();
    share_files(s);
    if (open_all(s) != OK || start_all(s, ready_fd) != OK) {
        /* The process ends here, or executes itself: what is open goes with it. */
        int code = anew ? revive_later(&s->revival, ports) : 1;
        if (anew && code != 0) {
            log_failure(s, "could not execute itself", ERR_IO, BYTES_NONE);
        }
        return code;
    }
    web_run(&s->webs[0]);
    TRACE(
        &s->logger.tracer,
        TRACE_INFO,
        "server",
        "stopping",
        TRACE_NUM("signal", (uint64_t)s->signo));
    ports = (struct revive_ports){.http = s->http_port, .link = s->link_port};
    stop_all(s);
    int code = s->anew && s->signo == 0 ? revive_exec(&s->revival, ports) : 0;
    if (code != 0) {
        log_failure(s, "could not execute itself", ERR_IO, BYTES_NONE);
    }
    free(s);
    return code;
}
