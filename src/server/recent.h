#pragma once

/* The latest answer to a question that anybody may ask without a token, and whose answer costs
 * other threads work: good for a moment for whoever asks next, and a little longer while a newer
 * one is under way. So a flood of askers costs ten rounds a second, not one each. */

#include "base/base.h"

enum {
    RECENT_MS = 100,        /* how long an answer is good */
    RECENT_STALE_MS = 1000, /* and how long while the next is under way: not if that hangs */
};

struct recent {
    struct buf body;
    int status; /* 0: there is none yet */
    uint64_t at_ms;
    size_t rounds; /* under way */
};

void recent_init(struct recent *r);
void recent_done(struct recent *r);
/* An answer that does now, borrowed; false: a round is to be made, and has been counted. */
bool recent_take(struct recent *r, uint64_t now_ms, int *ret_status, struct bytes *ret_body);
/* A round has ended, with this answer. */
void recent_keep(struct recent *r, uint64_t now_ms, int status, struct bytes body);
