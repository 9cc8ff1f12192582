#pragma once

/* Latencies in buckets that are 1/16 wide of the power of two they lie in: a percentile is at most
 * 6.25 % too high, never too low. */

#include <stdint.h>

enum { HISTOGRAM_SUB = 16, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_SUB };

struct histogram {
    uint64_t count;
    uint64_t sum;
    uint64_t max;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *h, uint64_t v);
/* The upper bound of the bucket that holds the value with `per_mille` of all below or at it; 0 when
 * there is none. */
uint64_t histogram_at(const struct histogram *h, unsigned per_mille);
