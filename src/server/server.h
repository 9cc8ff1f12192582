#pragma once

/* One region as a process: its configuration, and running it until it is told to stop.
 *
 * Threads: `web` loops answer clients, `links` talks to the other regions, `writer` changes the
 * data, `jobs` moves whole tables; they share nothing and talk by mailbox. The calling thread runs
 * the first web loop. */

#include "base/base.h"
#include "hlc/hlc.h"
#include "region/region.h"

enum {
    SERVER_HTTP_PORT = 8000,
    SERVER_LINK_PORT = 9000,
    SERVER_WEB_THREADS_MAX = 16,
    SERVER_ADMIN_TOKEN_LEN = 64, /* hex */
};

struct server_peer {
    struct bytes name;
    struct region_id id;
    struct bytes link_address;
    struct bytes http_address;
    double delay_ms; /* development: one-way delay of what we send there */
};

/* A region's configuration; strings live in the arena it was parsed into. */
struct server_config {
    struct bytes name;
    struct region_id id;
    struct bytes secret;   /* of the cluster */
    struct bytes data_dir; /* holds the store, unless absolute relative to the working directory */
    struct bytes key_file; /* empty: keys in data_dir */
    struct bytes s3_dir; /* holds a folder a bucket, for exports and imports; empty: s3 in data_dir
                          */
    struct bytes http_address; /* host:port; port 0: any */
    struct bytes link_address;
    struct server_peer peers[CORE_REGIONS_MAX];
    size_t n_peers;
    bool development; /* faults may be injected */
    uint32_t web_threads;
    uint64_t cache_bytes;
    uint64_t write_buffer_bytes;
    uint32_t drift_ms_max;
    uint32_t scaling_ms; /* the period of auto scaling's controller: a minute, unless tested */
    uint64_t conflicts_max;
    uint32_t capacity_enforce; /* 0: provisioned capacity is only told, never enforced */
    uint32_t ttl_sweep_ms;
    uint32_t stream_retention_ms;
    uint32_t stream_shard_ms;
    enum trace_level log_level;
    struct region_knobs knobs;
};

/* What faults may come to. A clock 30 years off still has stamps that fit. */
#define SERVER_FAULT_MS_MAX        3600000.0
#define SERVER_FAULT_LOSS_MAX      1000.0
#define SERVER_FAULT_BANDWIDTH_MAX 1e12
#define SERVER_FAULT_SKEW_MS_MAX   1e12

struct server_config server_config_default(void);
/* Reads `key = value` lines (docs/operations.md lists the keys). OK; ERR_INVALID with a message
 * naming the line; ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err server_config_parse(
    struct arena *a, struct bytes text, struct server_config *ret, struct bytes *reterr_msg);
/* Whether this is ADDRESS:PORT with a numeric address, IPv6 in brackets: no name is ever resolved.
 */
bool server_address_ok(struct bytes address);
/* Appends the configuration in the form server_config_parse() reads; defaults are left out. */
void server_config_put(struct buf *b, const struct server_config *c);
/* The token that proves an operator to the admin interface, derived from the cluster secret: hex,
 * with NUL. */
void server_admin_token(struct bytes secret, char ret[SERVER_ADMIN_TOKEN_LEN + 1]);

/* A new access key, its texts in `a`, which has room (asserted). */
struct keystore_key;
void server_key_fresh(struct arena *a, struct keystore_key *ret);

/* Runs the region until SIGINT or SIGTERM. Returns the process's exit code; what went wrong was
 * logged. With `ready_fd` >= 0, writes "ready HTTP_PORT LINK_PORT\n" to it once the region answers,
 * and closes it. */
int server_run(const struct server_config *config, int ready_fd);
