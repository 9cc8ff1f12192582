/* /metrics in Prometheus' text format (version 0.0.4). */
#include <unistd.h>

#include "server/admin.h"

static void head(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_putf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_requests(struct buf *b, const struct counters *c)
{
    head(b, "godwit_requests_total", "counter", "Requests answered, by operation and outcome.");
    for (size_t i = 0; i < c->n_ops; i++) {
        const struct {
            const char *outcome;
            uint64_t n;
        } rows[] = {
            {"ok", c->ops[i].ok},
            {"user_error", c->ops[i].user_errors},
            {"system_error", c->ops[i].system_errors},
            {"throttled", c->ops[i].throttled},
        };
        for (size_t j = 0; j < sizeof rows / sizeof rows[0]; j++) {
            buf_putf(
                b,
                "godwit_requests_total{operation=\"%s\",outcome=\"%s\"} %llu\n",
                c->ops[i].name,
                rows[j].outcome,
                (unsigned long long)rows[j].n);
        }
    }
    head(b, "godwit_request_seconds", "histogram", "Time from request to answer.");
    uint64_t sum = 0;
    for (unsigned i = 0; i + 1 < LATENCY_BUCKETS; i++) {
        sum += c->latency_us[i];
        buf_putf(
            b,
            "godwit_request_seconds_bucket{le=\"%g\"} %llu\n",
            (double)(UINT64_C(64) << i) / 1e6,
            (unsigned long long)sum);
    }
    buf_putf(
        b,
        "godwit_request_seconds_bucket{le=\"+Inf\"} %llu\ngodwit_request_seconds_sum %g\n"
        "godwit_request_seconds_count %llu\n",
        (unsigned long long)c->latency_count,
        (double)c->latency_sum_us / 1e6,
        (unsigned long long)c->latency_count);
    head(
        b,
        "godwit_requests_forwarded_total",
        "counter",
        "Requests sent on to the region they were signed for.");
    buf_putf(b, "godwit_requests_forwarded_total %llu\n", (unsigned long long)c->forwarded);
    head(
        b,
        "godwit_writes_in_place_total",
        "counter",
        "Writes that a web thread carried out itself, for a client alone with it.");
    buf_putf(b, "godwit_writes_in_place_total %llu\n", (unsigned long long)c->in_place);
    head(b, "godwit_connections", "gauge", "Client connections open.");
    buf_putf(b, "godwit_connections %llu\n", (unsigned long long)c->connections);
}

static void put_latency(struct buf *b, const struct region_peer_status *p)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i + 1 < REGION_LATENCY_BUCKETS; i++) {
        sum += p->latency.buckets[i];
        buf_putf(
            b,
            "godwit_replication_latency_seconds_bucket{origin=\"%s\",le=\"%g\"} %llu\n",
            p->name,
            (double)region_latency_bound_ms(i) / 1000.0,
            (unsigned long long)sum);
    }
    buf_putf(
        b,
        "godwit_replication_latency_seconds_bucket{origin=\"%s\",le=\"+Inf\"} %llu\n"
        "godwit_replication_latency_seconds_sum{origin=\"%s\"} %g\n"
        "godwit_replication_latency_seconds_count{origin=\"%s\"} %llu\n",
        p->name,
        (unsigned long long)p->latency.count,
        p->name,
        (double)p->latency.sum_ms / 1000.0,
        p->name,
        (unsigned long long)p->latency.count);
}

struct gauge {
    const char *name;
    const char *type;
    const char *help;
    uint64_t (*of)(const struct region_peer_status *p);
};

static uint64_t of_connected(const struct region_peer_status *p)
{
    return p->connected;
}

static uint64_t of_pending(const struct region_peer_status *p)
{
    return p->pending;
}

static uint64_t of_behind(const struct region_peer_status *p)
{
    return p->behind_ms / 1000;
}

static uint64_t of_sent(const struct region_peer_status *p)
{
    return p->sent_bytes;
}

static uint64_t of_received(const struct region_peer_status *p)
{
    return p->received_bytes;
}

static uint64_t of_applied(const struct region_peer_status *p)
{
    return p->applied_txns;
}

static uint64_t of_failures(const struct region_peer_status *p)
{
    return p->apply_failures;
}

static uint64_t of_conflicts(const struct region_peer_status *p)
{
    return p->conflicts;
}

static uint64_t of_fenced(const struct region_peer_status *p)
{
    return p->fenced;
}

static uint64_t of_drifting(const struct region_peer_status *p)
{
    return p->drifting;
}

static const struct gauge peer_gauges[] = {
    {"godwit_link_up", "gauge", "1 while the link to the peer is up.", of_connected},
    {"godwit_replication_pending",
     "gauge",
     "Our transactions the peer has not acknowledged.",
     of_pending},
    {"godwit_link_silent_seconds", "gauge", "Time since the link went down.", of_behind},
    {"godwit_link_sent_bytes_total", "counter", "Bytes sent to the peer, compressed.", of_sent},
    {"godwit_link_received_bytes_total",
     "counter",
     "Bytes received from the peer, compressed.",
     of_received},
    {"godwit_replication_applied_total",
     "counter",
     "Transactions of the peer applied here.",
     of_applied},
    {"godwit_replication_apply_failures_total",
     "counter",
     "Stretches of the peer's log that could not be applied and were asked for again.",
     of_failures},
    {"godwit_conflicts_total",
     "counter",
     "Conflicts found while applying the peer's log.",
     of_conflicts},
    {"godwit_peer_fenced",
     "gauge",
     "1 when the peer fell behind our log and must be seeded.",
     of_fenced},
    {"godwit_peer_clock_drift",
     "gauge",
     "1 while the peer's stamps lie too far ahead and are held back.",
     of_drifting},
};

static void put_peers(struct buf *b, const struct ask *ask)
{
    for (size_t g = 0; g < sizeof peer_gauges / sizeof peer_gauges[0]; g++) {
        head(b, peer_gauges[g].name, peer_gauges[g].type, peer_gauges[g].help);
        for (size_t i = 0; i < ask->n_peers; i++) {
            buf_putf(
                b,
                "%s{peer=\"%s\"} %llu\n",
                peer_gauges[g].name,
                ask->peers[i].name,
                (unsigned long long)peer_gauges[g].of(&ask->peers[i]));
        }
    }
    head(
        b,
        "godwit_replication_latency_seconds",
        "histogram",
        "Time from a transaction's stamp at its origin to being readable here.");
    for (size_t i = 0; i < ask->n_peers; i++) {
        put_latency(b, &ask->peers[i]);
    }
}

static void put_one(struct buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    head(b, name, type, help);
    buf_putf(b, "%s %llu\n", name, (unsigned long long)v);
}

void metrics_put(
    struct buf *b, const struct server *s, const struct ask *ask, const struct catalog *c)
{
    struct engine_stats stats = {0};
    engine_stats(s->engine, &stats);
    uint64_t tables = 0;
    struct bytes after = BYTES_NONE;
    for (const struct core_table *t; (t = catalog_table_after(c, after)) != NULL;) {
        after = t->part.name;
        tables++;
    }
    bool failed = ask->cmd.err != OK && ask->cmd.err != ERR_BUSY;
    put_one(b, "godwit_up", "gauge", "1 while the writer takes writes.", !failed);
    put_one(
        b,
        "godwit_uptime_seconds",
        "gauge",
        "Time since the process started.",
        (io_now_ns() - s->started_ns) / UINT64_C(1000000000));
    put_one(b, "godwit_tables", "gauge", "Tables of this region.", tables);
    put_one(
        b, "godwit_writer_queue", "gauge", "Commands waiting for the writer.", ask->writer_depth);
    put_one(
        b, "godwit_log_position", "gauge", "End of this region's change log.", ask->region.tail.v);
    put_one(
        b, "godwit_log_bytes", "gauge", "Size of the change log, about.", ask->region.log_bytes);
    put_one(
        b, "godwit_seeds_open", "gauge", "Seeds of tables still to come.", ask->region.seeds_open);
    put_one(
        b, "godwit_repaired_total", "counter", "Divergent records repaired.", ask->region.repaired);
    put_one(
        b,
        "godwit_quarantined_total",
        "counter",
        "Late records put aside.",
        ask->region.quarantined);
    put_one(
        b,
        "godwit_ttl_deleted_total",
        "counter",
        "Items this region deleted because their time was over.",
        ask->n_expired);
    put_one(
        b, "godwit_engine_disk_bytes", "gauge", "Bytes the engine has on disk.", stats.disk_bytes);
    put_one(
        b,
        "godwit_engine_memory_bytes",
        "gauge",
        "Bytes the engine holds in memory.",
        stats.memory_bytes);
    put_requests(b, &ask->counters);
    put_peers(b, ask);
}
