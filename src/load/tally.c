/* A tally as JSON. */
#include "load/load.h"

static void put_latency(struct buf *b, const char *name, const struct histogram *h)
{
    buf_putf(
        b,
        ", \"%s_us\": {\"p50\": %llu, \"p90\": %llu, \"p99\": %llu, \"p999\": %llu, \"max\": %llu, "
        "\"mean\": %llu}",
        name,
        (unsigned long long)histogram_at(h, 500),
        (unsigned long long)histogram_at(h, 900),
        (unsigned long long)histogram_at(h, 990),
        (unsigned long long)histogram_at(h, 999),
        (unsigned long long)h->max,
        (unsigned long long)(h->count == 0 ? 0 : h->sum / h->count));
}

void load_tally_put(struct buf *b, const struct load_tally *t)
{
    buf_putf(
        b,
        "{\"done\": %llu, \"reads\": %llu, \"found\": %llu, \"writes\": %llu, \"refused\": %llu, "
        "\"unknown\": %llu, \"connects\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, "
        "\"gap_ms_max\": %.1f",
        (unsigned long long)t->done,
        (unsigned long long)t->reads,
        (unsigned long long)t->found,
        (unsigned long long)t->writes,
        (unsigned long long)t->refused,
        (unsigned long long)t->unknown,
        (unsigned long long)t->connects,
        t->seconds,
        (double)t->done / t->seconds,
        (double)t->gap_ns_max / 1e6);
    put_latency(b, "read", &t->read_us);
    put_latency(b, "write", &t->write_us);
    buf_put_str(b, "}\n");
}
