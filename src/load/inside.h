#pragma once

/* What the files of this room share: the requests, the connections, the work they belong to. */

#include "load/load.h"
#include "load/sign.h"

enum outcome { OUTCOME_DONE, OUTCOME_REFUSED, OUTCOME_UNKNOWN };

/* One write or read, as it is on its way. */
struct request {
    bool is_read;
    char pk[LOAD_NAME_MAX];
    uint64_t sk;
    uint64_t seq;
};

struct work {
    const struct load_plan *plan;
    struct signer signer;
    struct prng prng;
    struct load_tally *tally;
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
