/* After the disk refused a write. Nobody knows then whether the last batch is there, so the region
 * takes no more and reads on. As soon as the disk takes bytes again the region starts anew and
 * finds out. It does so by executing itself: the process keeps its number, its arguments and its
 * ports, and nothing else. A disk that lets it start and soon refuses again, or on which it cannot
 * be opened, is tried less and less often.
 *
 * The disk is tried on a thread of its own, for a sick one answers late. */
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "server/inside.h"

enum {
    TRY_MS = 1000,
    TRY_MS_MAX = 60000,
    HEALTHY_MS = 60000, /* after so long without a refusal it is tried soon again */
    ROOM_BUFFERS = 4,   /* memtables and their log are what an opening may write at once */
    ARGS_MAX = 64,
    ARGS_BYTES = 64 << 10,
};

static const char variable[] = "GODWIT_STARTS_ANEW";

/* ---- trying ---- */

static void try_until_it_takes(void *arg)
{
    struct server *s = arg;
    struct revival *r = &s->revival;
    uint64_t room = ROOM_BUFFERS * s->config->write_buffer_bytes;
    char path[4096];
    if (!server_path(s, "store/try", path, sizeof path)) {
        return;
    }
    do {
        if (mailbox_wait(r->inbox, (int64_t)r->pause_ms)) {
            return; /* the server stops */
        }
    } while (io_disk_try(path, room) != OK);
    msg_post(s->webs[0].inbox, msg_new(MSG_REVIVED));
}

static uint64_t longer(uint64_t pause_ms)
{
    return 2 * pause_ms < TRY_MS_MAX ? 2 * pause_ms : TRY_MS_MAX;
}

void revive_watch(struct server *s)
{
    struct revival *r = &s->revival;
    bool healthy = io_now_ns() - s->started_ns >= HEALTHY_MS * UINT64_C(1000000);
    r->pause_ms = healthy || r->pause_ms == 0 ? TRY_MS : longer(r->pause_ms);
    r->inbox = mailbox_new(OTHER_INBOX_MAX);
    enum err e = io_thread_spawn("revive", try_until_it_takes, s, &r->thread);
    if (e != OK) {
        TRACE(
            &s->logger.tracer,
            TRACE_ERROR,
            "server",
            "could not watch the disk, restart by hand",
            TRACE_TEXT("err", bytes_str(err_name(e))));
    }
}

void revive_stop(struct server *s)
{
    struct revival *r = &s->revival;
    if (r->thread != NULL) {
        msg_post(r->inbox, msg_new(MSG_STOP));
        io_thread_join(r->thread);
        r->thread = NULL;
    }
}

/* ---- starting anew ---- */

bool revive_inherit(struct revival *r, struct revive_ports *ret)
{
    const char *left = getenv(variable);
    uint64_t numbers[3];
    struct bytes rest = left == NULL ? BYTES_NONE : bytes_str(left);
    for (size_t i = 0; i < 3; i++) {
        const uint8_t *blank = rest.len == 0 ? NULL : memchr(rest.base, ' ', rest.len);
        size_t n = blank == NULL ? rest.len : (size_t)(blank - rest.base);
        if (bytes_u64(bytes_of(rest.base, n), &numbers[i]) != OK) {
            return false;
        }
        rest = bytes_from(rest, blank == NULL ? n : n + 1);
    }
    *ret = (struct revive_ports){.http = (uint16_t)numbers[0], .link = (uint16_t)numbers[1]};
    r->pause_ms = numbers[2];
    (void)unsetenv(variable);
    return true;
}

/* Our own arguments, from the kernel. */
static bool read_args(struct buf *b, char *ret[ARGS_MAX])
{
    size_t n = 0;
    if (io_file_read("/proc/self/cmdline", b) != OK) {
        return false;
    }
    for (size_t at = 0; at < b->len; at += strlen((const char *)b->base + at) + 1) {
        if (n == ARGS_MAX - 1) {
            return false;
        }
        ret[n++] = (char *)b->base + at;
    }
    ret[n] = NULL;
    return n > 0;
}

int revive_exec(const struct revival *r, struct revive_ports ports)
{
    char *args[ARGS_MAX];
    char left[64];
    struct buf b;
    buf_init(&b, ARGS_BYTES);
    (void)snprintf(left, sizeof left, "%u %u %u", ports.http, ports.link, (unsigned)r->pause_ms);
    if (read_args(&b, args) && setenv(variable, left, /* overwrite= */ 1) == 0) {
        (void)close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
        (void)execv("/proc/self/exe", args); /* comes back only when it failed */
    }
    buf_done(&b);
    return 1;
}

int revive_later(struct revival *r, struct revive_ports ports)
{
    sigset_t ends;
    const struct timespec wait = {
        .tv_sec = (time_t)(r->pause_ms / 1000),
        .tv_nsec = (long)(r->pause_ms % 1000 * 1000000),
    };
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    if (sigtimedwait(&ends, NULL, &wait) > 0) {
        return 0;
    }
    r->pause_ms = longer(r->pause_ms);
    return revive_exec(r, ports);
}
