#pragma once

/* A seeded generator of integers (xoshiro256**, Blackman and Vigna 2018). Whoever decides holds its
 * own in its object, so one seed is one history. Not for secrets. */

#include <stdbool.h>
#include <stdint.h>

struct prng {
    uint64_t s[4];
};

struct prng prng_seeded(uint64_t seed);
uint64_t prng_u64(struct prng *p);
/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *p, uint64_t bound);
/* Uniform in [lo, hi], both included. */
uint64_t prng_between(struct prng *p, uint64_t lo, uint64_t hi);
/* True in `per_mille` of 1000 draws. */
bool prng_chance(struct prng *p, unsigned per_mille);
