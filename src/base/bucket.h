#pragma once

/* A token bucket: so many units a second, of which those of the last 300 seconds may be saved up.
 * Time comes with the call. Not for two threads. */

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_BURST_S = 300 };

struct bucket {
    uint64_t units;  /* a second; 0: no bound, and nothing is counted */
    int64_t level;   /* what is left, in thousandths; below 0 after a large withdrawal */
    uint64_t now_ms; /* the level is as of then */
};

/* A full one. */
struct bucket bucket_full(uint64_t units, uint64_t now_ms);
/* Another rate from now on; what was saved up stays as far as it fits. */
void bucket_set(struct bucket *b, uint64_t units, uint64_t now_ms);
/* Whether anything is left. A clock that goes back adds nothing and takes nothing. */
bool bucket_has(struct bucket *b, uint64_t now_ms);
/* Takes `halves` half units, also more than are left: the next ones wait until that is paid off. */
void bucket_take(struct bucket *b, uint64_t halves);
/* Takes as much of that as is left: for what cannot be held up, and shall not hold up others for
 * long. */
void bucket_drain(struct bucket *b, uint64_t halves, uint64_t now_ms);
