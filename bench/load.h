#pragma once

/* What the parts of the load generator share: what is asked for, the connections, the counts. */

#include "base/base.h"
#include "bench/histogram.h"
#include "bench/sign.h"

enum { CONNECTIONS_MAX = 1024, NAME_MAX_LEN = 64 };

/* What the command line asked for. */
struct plan {
    const char *host;
    uint16_t port;
    struct bytes table;
    const char *prefix; /* of the partition keys */
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
    bool persistent; /* connect again when a connection ends */
    int log_fd;      /* every outcome of a write as a line; -1: nowhere */
};

enum outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_UNKNOWN };

struct tally {
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

/* One write or read, as it is on its way. */
struct request {
    bool is_read;
    char pk[NAME_MAX_LEN];
    uint64_t sk;
    uint64_t seq;
};

struct work {
    const struct plan *plan;
    struct signer signer;
    struct prng prng;
    struct tally tally;
    struct buf log;
    struct buf body;
    uint64_t issued;
};

struct connection {
    struct work *work;
    uint32_t index;
    uint64_t next_seq;
    struct request request;
};

/* Chooses the connection's next request and appends its bytes to `to`. */
void work_next(struct connection *c, int64_t now_s, struct buf *to);
/* Counts and logs how the connection's request ended. `body` is what was answered, if anything. */
void work_ended(
    struct connection *c,
    enum outcome outcome,
    uint64_t took_us,
    uint64_t now_ns,
    struct bytes body);

/* Runs the plan's connections until its end or a signal. 0, or 1 after having said what went wrong.
 */
int load_run(struct work *w);
