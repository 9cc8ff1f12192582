/* The hybrid clock and the order of versions.
 *
 * Invariants
 *  1. `last` never decreases.
 *  2. A stamp returned by hlc_tick() is greater than `last` was, and is the new `last`.
 *  3. A refused observation leaves the clock as it was.
 *
 * The counter needs no code of its own: it is the low half of one integer, so adding one to a full
 * counter carries into the milliseconds, and stamps issued after that stay ahead of the wall clock
 * until it catches up. At 65,536 stamps a millisecond the lead grows only when a writer is faster
 * than that.
 *
 * Asks of the owner: one thread a clock, and a durable ceiling handed to hlc_clock_init() after a
 * restart. */
#include "hlc/hlc.h"

/* Milliseconds have 48 bits, which reach the year 10889; a wall clock past that counts as that. */
static const uint64_t ms_max = (UINT64_C(1) << 48) - 1;

static uint64_t clamp_ms(uint64_t ms)
{
    return ms < ms_max ? ms : ms_max;
}

void hlc_clock_init(struct hlc_clock *c, struct hlc floor, uint32_t drift_ms_max)
{
    *c = (struct hlc_clock){.last = floor, .drift_ms_max = drift_ms_max};
}

struct hlc hlc_tick(struct hlc_clock *c, uint64_t now_ms)
{
    /* Only an owner that handed in a senseless floor gets here: peers' stamps are bounded by the
     * drift check. */
    ASSERT(c->last.v < UINT64_MAX);
    struct hlc wall = hlc_of_ms(clamp_ms(now_ms));
    uint64_t next = c->last.v + 1;
    c->last.v = wall.v > next ? wall.v : next;
    return c->last;
}

enum err hlc_observe(struct hlc_clock *c, struct hlc remote, uint64_t now_ms)
{
    if (hlc_ms(remote) > clamp_ms(now_ms) + c->drift_ms_max) {
        return ERR_CLOCK_DRIFT;
    }
    if (remote.v == UINT64_MAX) {
        /* Nothing could be stamped after it. */
        return ERR_CLOCK_DRIFT;
    }
    if (remote.v > c->last.v) {
        c->last = remote;
    }
    return OK;
}

int version_cmp(struct version a, struct version b)
{
    if (a.hlc.v != b.hlc.v) {
        return a.hlc.v < b.hlc.v ? -1 : 1;
    }
    return (a.region.v > b.region.v) - (a.region.v < b.region.v);
}

struct version version_next(struct version v)
{
    if (v.region.v < UINT64_MAX) {
        return (struct version){v.hlc, {v.region.v + 1}};
    }
    return (struct version){{v.hlc.v + 1}, {1}}; /* region 0 is no region */
}
