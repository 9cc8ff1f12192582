/* After the disk refused a write. Nobody knows then whether the last batch is there, so the region
 * takes no more and reads on. As soon as the disk takes bytes again the region starts anew, in this
 * process and at the same ports, and finds out. A disk that lets it start and soon refuses again is
 * tried less and less often. */
#include <stddef.h>

#include "server/inside.h"

enum {
    TRY_MS = 1000,
    TRY_MS_MAX = 60000,
    HEALTHY_MS = 60000, /* after so long without a refusal it is tried soon again */
    ROOM_BUFFERS = 4,   /* memtables and their log are what an opening may write at once */
};

static void on_try(struct io_timer *t)
{
    struct server *s = (struct server *)((char *)t - offsetof(struct server, revival));
    char path[4096];
    uint64_t room = ROOM_BUFFERS * s->config->write_buffer_bytes;
    enum err e = server_path(s, "try", path, sizeof path) ? io_disk_try(path, room) : ERR_INVALID;
    if (e != OK) {
        io_timer_arm_ms(t, s->pause_ms);
        return;
    }
    TRACE(
        &s->logger.tracer,
        TRACE_INFO,
        "server",
        "the disk takes writes again, starting anew",
        TRACE_NUM("pause_ms", s->pause_ms));
    s->anew = true;
    webs_stop(s);
}

void revive_init(struct server *s, uint64_t pause_ms)
{
    s->pause_ms = pause_ms;
    io_timer_init(&s->revival, s->webs[0].loop, on_try);
}

void revive_watch(struct server *s)
{
    bool healthy = io_now_ns() - s->started_ns >= HEALTHY_MS * UINT64_C(1000000);
    s->pause_ms = healthy || s->pause_ms == 0 ? TRY_MS : 2 * s->pause_ms;
    s->pause_ms = s->pause_ms < TRY_MS_MAX ? s->pause_ms : TRY_MS_MAX;
    io_timer_arm_ms(&s->revival, s->pause_ms);
}
