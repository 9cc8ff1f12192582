#pragma once

/* A load generator for servers that speak DynamoDB's protocol: GetItem and PutItem of generated
 * items over many connections in one epoll loop, signed by itself, with latency histograms.
 *
 * Closed loop (rate 0): every connection waits for its answer before it asks again. Open loop:
 * request number i is due i / rate after the start, whether or not a connection is free by then,
 * and its latency counts from when it was due. So a server that stalls is not forgiven the requests
 * that could not be sent meanwhile ("coordinated omission").
 *
 * With a log, every write's outcome is a line "= PK SK SEQ" (acknowledged), "! …" (refused) or
 * "? …" (unknown); seq rises over a connection's writes. A reader of the log thereby knows what
 * must, what must not and what may be found. The generator never sends a request twice. */

#include "base/base.h"
#include "load/histogram.h"

enum { LOAD_CONNECTIONS_MAX = 16384, LOAD_NAME_MAX = 64 };

struct load_plan {
    const char *host; /* a numeric address */
    uint16_t port;
    struct bytes table;
    const char *prefix;  /* of the partition keys; shorter than half of LOAD_NAME_MAX */
    struct bytes region; /* empty: nothing is signed */
    struct bytes access_key;
    struct bytes secret_key;
    uint32_t connections;
    uint64_t seconds_max;  /* 0: no end */
    uint64_t requests_max; /* 0: no end */
    uint64_t rate; /* requests a second over all connections; 0: as fast as they are answered */
    uint32_t reads_percent;
    uint64_t keys; /* reads and writes choose among so many; 0: every write has a key of its own */
    uint32_t
        ring; /* with keys = 0: every second write goes to one of so many keys of its connection */
    bool in_order; /* with keys: write each once, from the first on */
    uint32_t item_bytes;
    uint64_t timeout_ms;
    uint64_t seed;
    bool persistent; /* connect again when a connection ends */
    int log_fd;      /* every outcome of a write as a line; -1: nowhere */
};

struct load_tally {
    double seconds;
    uint64_t done;
    uint64_t reads;
    uint64_t found; /* reads that returned an item */
    uint64_t writes;
    uint64_t refused; /* answered with an error that says "not applied" */
    uint64_t unknown; /* no answer, or one that leaves it open */
    uint64_t connects;
    uint64_t last_done_ns;
    uint64_t gap_ns_max; /* the longest time without any success */
    char first_error[512];
    struct histogram read_us;
    struct histogram write_us;
};

/* Runs the plan until its end, SIGINT or SIGTERM, and waits for the answers that are due then. OK;
 * ERR_UNAVAILABLE when a connection ended and the plan is not persistent: `ret` counts what was
 * done until then and says why in `first_error`. */
MUST_CHECK enum err load_run(const struct load_plan *plan, struct load_tally *ret);
/* Appends the tally as one line of JSON. */
void load_tally_put(struct buf *b, const struct load_tally *t);
