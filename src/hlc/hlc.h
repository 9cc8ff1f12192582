#pragma once

/* Hybrid logical clock, and the version it stamps on every item.
 *
 * A stamp is 64 bits: 48 of milliseconds since 1970, 16 of counter, compared as one integer
 * (Kulkarni et al. 2014, "Logical Physical Clocks"). The clock never goes back: not when the wall
 * clock does, not over a restart (the owner keeps a durable ceiling), not when a counter overflows
 * (it carries into the milliseconds). A write made after reading a remote value gets a greater
 * stamp, because the remote stamp was observed first.
 *
 * Not promised: closeness to true time beyond what the wall clock gives; any use of stamps for
 * mutual exclusion. */

#include "base/base.h"

struct hlc {
    uint64_t v;
};

/* 64 random bits made at `init` and registered with the cluster; 0 is no region. */
struct region_id {
    uint64_t v;
};

/* Total order, never equal for two writes: by stamp, then by region id. */
struct version {
    struct hlc hlc;
    struct region_id region;
};

struct hlc_clock {
    struct hlc last;       /* greatest stamp issued or observed */
    uint32_t drift_ms_max; /* how far ahead of the wall clock a peer's stamp may lie */
};

static inline uint64_t hlc_ms(struct hlc h)
{
    return h.v >> 16;
}

static inline struct hlc hlc_of_ms(uint64_t ms)
{
    return (struct hlc){ms << 16};
}

/* Starts at `floor`: the durable ceiling found at open, or zero. */
void hlc_clock_init(struct hlc_clock *c, struct hlc floor, uint32_t drift_ms_max);
/* A stamp greater than every one issued or observed before, and at least `now_ms`. */
struct hlc hlc_tick(struct hlc_clock *c, uint64_t now_ms);
/* Takes note of a peer's stamp. OK; ERR_CLOCK_DRIFT when it lies more than drift_ms_max ahead of
 * `now_ms`: the clock is then unchanged, and the caller holds the record back and raises an alarm;
 * it neither applies nor drops it. */
MUST_CHECK enum err hlc_observe(struct hlc_clock *c, struct hlc remote, uint64_t now_ms);

int version_cmp(struct version a, struct version b);

/* The smallest version above `v`. Its region is no region's id: ids are 64 random bits, so the
 * chance that one is another's successor is nil. */
struct version version_next(struct version v);

static inline bool version_eq(struct version a, struct version b)
{
    return a.hlc.v == b.hlc.v && a.region.v == b.region.v;
}
