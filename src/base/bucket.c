/* A unit a second is a thousandth a millisecond, so the level is kept in thousandths and filled by
 * whole milliseconds. */
#include "base/bucket.h"

enum { UNITS_MAX = 1000000000 };

static int64_t most(uint64_t units)
{
    return (int64_t)units * BUCKET_BURST_S * 1000;
}

static uint64_t bounded(uint64_t units)
{
    return units < UNITS_MAX ? units : UNITS_MAX;
}

struct bucket bucket_full(uint64_t units, uint64_t now_ms)
{
    uint64_t u = bounded(units);
    return (struct bucket){.units = u, .level = most(u), .now_ms = now_ms};
}

static void fill(struct bucket *b, uint64_t now_ms)
{
    if (now_ms <= b->now_ms) {
        return;
    }
    uint64_t ms = now_ms - b->now_ms;
    int64_t room = most(b->units) - b->level;
    b->now_ms = now_ms;
    /* At most UNITS_MAX units for at most 2^32 ms: the product fits. */
    int64_t more = (int64_t)(b->units * (ms < UINT32_MAX ? ms : UINT32_MAX));
    b->level += more < room ? more : room;
}

void bucket_set(struct bucket *b, uint64_t units, uint64_t now_ms)
{
    if (b->units == 0) {
        *b = bucket_full(units, now_ms);
        return;
    }
    fill(b, now_ms);
    b->units = bounded(units);
    b->level = b->level < most(b->units) ? b->level : most(b->units);
}

bool bucket_has(struct bucket *b, uint64_t now_ms)
{
    if (b->units == 0) {
        return true;
    }
    fill(b, now_ms);
    return b->level > 0;
}

void bucket_take(struct bucket *b, uint64_t halves)
{
    if (b->units > 0) {
        b->level -= (int64_t)halves * 500;
    }
}

void bucket_drain(struct bucket *b, uint64_t halves, uint64_t now_ms)
{
    if (bucket_has(b, now_ms) && b->units > 0) {
        uint64_t left = (uint64_t)b->level;
        uint64_t wanted = halves * 500;
        b->level -= (int64_t)(wanted < left ? wanted : left);
    }
}
