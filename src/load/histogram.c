/* Buckets below 16 hold one value each; above, the four bits behind the leading one choose. */
#include "load/histogram.h"

static unsigned bucket_of(uint64_t v)
{
    if (v < HISTOGRAM_SUB) {
        return (unsigned)v;
    }
    unsigned top = 63 - (unsigned)__builtin_clzll(v);
    return (top - 3) * HISTOGRAM_SUB + (unsigned)(v >> (top - 4) & (HISTOGRAM_SUB - 1));
}

static uint64_t upper_bound(unsigned bucket)
{
    if (bucket < HISTOGRAM_SUB) {
        return bucket;
    }
    unsigned top = bucket / HISTOGRAM_SUB + 3;
    uint64_t width = UINT64_C(1) << (top - 4);
    return (UINT64_C(1) << top) + width * (bucket % HISTOGRAM_SUB) + width - 1;
}

void histogram_add(struct histogram *h, uint64_t v)
{
    h->count++;
    h->sum += v;
    h->max = v > h->max ? v : h->max;
    h->buckets[bucket_of(v)]++;
}

uint64_t histogram_at(const struct histogram *h, unsigned per_mille)
{
    uint64_t wanted = (h->count * per_mille + 999) / 1000;
    uint64_t seen = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS && wanted > 0; i++) {
        seen += h->buckets[i];
        if (seen >= wanted) {
            uint64_t bound = upper_bound(i);
            return bound < h->max ? bound : h->max;
        }
    }
    return 0;
}
