/* xoshiro256**, seeded through splitmix64. */
#include "base/prng.h"

#include "base/assert.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

struct prng prng_seeded(uint64_t seed)
{
    struct prng p;
    for (int i = 0; i < 4; i++) {
        p.s[i] = splitmix(&seed);
    }
    return p;
}

static uint64_t rotl(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

uint64_t prng_u64(struct prng *p)
{
    uint64_t *s = p->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *p, uint64_t bound)
{
    ASSERT(bound > 0);
    /* The high half of a 128-bit product; the bias is below 2^-64 * bound and does not matter here.
     */
    return (uint64_t)(((unsigned __int128)prng_u64(p) * bound) >> 64);
}

uint64_t prng_between(struct prng *p, uint64_t lo, uint64_t hi)
{
    ASSERT(lo <= hi);
    return hi - lo == UINT64_MAX ? prng_u64(p) : lo + prng_below(p, hi - lo + 1);
}

bool prng_chance(struct prng *p, unsigned per_mille)
{
    return prng_below(p, 1000) < per_mille;
}
