#pragma once

/* One region's side of replication: it joins the change log, the writer and the links to the other
 * regions. Everything it decides depends on the events it is given; the shell (server, or the
 * simulator) owns sockets, clocks and threads.
 *
 * A `struct region` belongs to one thread. It reads the engine itself, never writes it: what must
 * change goes as a command to the writer and comes back through region_done().
 *
 * `now_ms` is monotonic; `wall_ms`, where asked for, is the wall clock that stamps are compared
 * with. */

#include "base/base.h"
#include "change/change.h"
#include "core/core.h"
#include "engine/engine.h"
#include "hlc/hlc.h"
#include "part/part.h"
#include "repl/repl.h"

/* How long changes took from their stamp here to being readable at a peer. */
struct region_arrival {
    uint64_t n;
    double sum_ms;
    double min_ms;
    double max_ms;
};

struct region_ops {
    /* Open a link to `address` and answer with region_link_opened() or region_link_closed(). */
    void (*dial)(void *ctx, uint64_t link, struct bytes region, struct bytes address);
    /* Queue a frame; copied. */
    void (*send)(void *ctx, uint64_t link, struct bytes frame);
    /* Close a link; its id is not mentioned again. */
    void (*hang_up)(void *ctx, uint64_t link);
    /* The link's peer has proved that it is `region`. */
    void (*named)(void *ctx, uint64_t link, struct bytes region);
    /* Hand a command to the writer; it comes back through region_done(). false: no room, try later.
     */
    bool (*submit)(void *ctx, struct part_cmd *cmd);
    /* The end of a region_sync(): OK, or ERR_UNAVAILABLE when a region could not be asked in time.
     */
    void (*synced)(void *ctx, void *token, enum err err);
    /* Changes of ours have become readable at `peer`. May be NULL. */
    void (*arrived)(
        void *ctx, struct bytes table, struct bytes peer, const struct region_arrival *a);
    /* Have part_reclaim() run where it may take its time. May be NULL. */
    void (*reclaim)(void *ctx);
};

/* A peer known before the catalog knows it: how a cluster begins and how a new region finds it. */
struct region_seed_peer {
    struct bytes name;
    struct region_id id; /* 0: not known, whoever proves the secret under that name */
    struct bytes address;
};

struct region_knobs {
    uint32_t heartbeat_ms;
    uint32_t dead_ms; /* a link silent for so long is hung up */
    uint32_t handshake_ms;
    uint32_t redial_ms_min;
    uint32_t redial_ms_max;
    uint32_t relay_ms;   /* an origin out of reach for so long is asked for at others */
    uint32_t hold_ms;    /* pause after a refused batch (clock drift, full writer) */
    uint32_t scrub_ms;   /* how often digests are compared; 0 never */
    uint32_t janitor_ms; /* how often log and tombstones are looked at */
    uint32_t tombstone_grace_ms;
    uint32_t frame_bytes;    /* a stretch of log goes out in frames of about this size */
    uint32_t window_bytes;   /* sent and not acknowledged, per subscription */
    uint32_t seed_bytes;     /* a seed chunk's size */
    uint64_t log_keep_bytes; /* kept although everybody has it, for relays */
    uint64_t log_bytes_max; /* quota: beyond it the log goes although somebody lacks it (who is then
                               fenced) */
};
struct region_knobs region_knobs_default(void);

struct region_config {
    struct bytes name;
    struct region_id id;
    struct bytes secret; /* of the cluster */
    struct engine *engine;
    const struct region_seed_peer *peers;
    size_t n_peers;
    struct region_knobs knobs;
    uint64_t seed;
    struct tracer *tracer;
    struct region_ops ops;
    void *ctx;
};

struct region;

/* Reads marks and open needs from the engine. Strings are copied. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err region_new(
    const struct region_config *config, uint64_t now_ms, struct region **ret);
/* Frees everything, hanging up silently; commands still at the writer must have come back before.
 */
void region_free(struct region *r);
/* Commands at the writer now. */
size_t region_outstanding(const struct region *r);

/* -- events -- */

/* A catalog row (all existing ones first, then each change). */
void region_catalog_row(
    struct region *r, const struct value *key, const struct value *item, uint64_t now_ms);
/* What core still needs of others may have changed: core_looks() grew in a commit that is over. */
void region_needs_changed(struct region *r, uint64_t now_ms);
/* Our log now ends at `tail`. */
void region_committed(struct region *r, struct local_pos tail, uint64_t now_ms);
/* A command is back. */
void region_done(struct region *r, struct part_cmd *cmd, uint64_t now_ms, uint64_t wall_ms);
/* A peer has dialed us; returns the new link's id, which region_next_link() told before, or 0 when
 * there are too many links. Frames for it are sent from inside this call. */
uint64_t region_next_link(const struct region *r);
uint64_t region_link_accepted(struct region *r, uint64_t now_ms);
void region_link_opened(struct region *r, uint64_t link, uint64_t now_ms);
void region_link_closed(struct region *r, uint64_t link, uint64_t now_ms);
void region_link_frame(struct region *r, uint64_t link, struct bytes frame, uint64_t now_ms);
void region_timeout(struct region *r, uint64_t now_ms);
/* When region_timeout() wants to be called, at the latest. */
uint64_t region_deadline(const struct region *r);

/* Calls ops.synced(token) once this region has applied everything that each named region (we
 * ourselves are skipped) had committed when it was asked; or ERR_UNAVAILABLE at `deadline_ms`. */
void region_sync(
    struct region *r,
    const struct bytes *regions,
    size_t n,
    void *token,
    uint64_t deadline_ms,
    uint64_t now_ms);

/* -- what to show -- */

enum { REGION_LATENCY_BUCKETS = 24 };

/* Time from a transaction's stamp at its origin to being readable here. Bucket i counts latencies
 * up to region_latency_bound_ms(i); the last has no bound. */
struct region_latency {
    uint64_t buckets[REGION_LATENCY_BUCKETS];
    uint64_t count;
    uint64_t sum_ms;
    uint64_t last_ms;
};
uint64_t region_latency_bound_ms(unsigned bucket);

struct region_peer_status {
    const char *name;
    struct region_id id;
    const char *address;
    bool member;    /* in the catalog, not removed */
    bool connected; /* handshake done */
    bool subscribed;
    bool fenced;             /* it has fallen behind our log and must be seeded anew */
    bool relayed;            /* its log reaches us through another region */
    bool drifting;           /* its stamps lie too far in our future; held back */
    bool ahead;              /* it has more of our log than we have: our store was rewound */
    struct peer_pos acked;   /* of our log, applied there */
    uint64_t pending;        /* our records it has not acknowledged, estimated above the window */
    struct peer_pos applied; /* of its log, applied here */
    uint64_t behind_ms;      /* since we last heard from it; 0 when connected */
    uint64_t sent_bytes; /* of frames; a shell that knows what the wire carried says that instead */
    uint64_t received_bytes;
    uint64_t applied_txns;
    uint64_t apply_failures; /* stretches of its log that did not apply and were asked for again */
    uint64_t conflicts;
    struct region_latency latency;
};
size_t region_peers(
    const struct region *r, struct region_peer_status *ret, size_t max, uint64_t now_ms);

/* For each member and each table of a 2017 group that it and we hold: how many changes of ours the
 * member has not applied, as its acknowledgements say. Reads the log behind the slowest member; of
 * a very long rest of it the beginning, and concludes from that. */
void region_pending(
    struct region *r,
    void (*take)(void *ctx, struct bytes table, struct bytes peer, uint64_t n),
    void *ctx);

struct region_status {
    struct local_pos tail;
    struct local_pos log_first;
    uint64_t log_bytes;
    size_t seeds_open; /* tables x sources still to come */
    uint64_t repaired; /* divergent records found by scrubbing */
    uint64_t scrubs;
    uint64_t conflicts;
    uint64_t quarantined;
};
struct region_status region_status(const struct region *r);
const struct repl_vector *region_marks(const struct region *r);
/* As region_catalog_row() has told it. */
const struct catalog *region_catalog(const struct region *r);
