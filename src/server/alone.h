#pragma once

/* Whether a client is alone with its web thread. If so, the thread may carry out a write itself
 * instead of sending it to the writer (writer_stand_in()), which holds it up until the write is
 * synced: nobody else is waiting for it, as far as it can know.
 *
 * It cannot know who will ask meanwhile. What they wait is bounded in three ways: a client is alone
 * only after several requests in a row; one write a turn of the loop is carried out so, whatever
 * one connection has sent ahead; and after a sync that took long, as on a disk in trouble, writes
 * go to the writer for a while. */

#include "base/base.h"

enum {
    ALONE_MIN = 8,         /* requests in a row, this one included */
    ALONE_LONG_MS = 10,    /* a write that took so long ... */
    ALONE_PAUSE_MS = 1000, /* ... is the last for so long */
};

/* Of one web thread; starts zeroed. */
struct alone {
    uint64_t connection; /* that asked last */
    uint64_t n;          /* requests in a row that are its */
    uint64_t turn;       /* of the loop, in which the last write was carried out */
    uint64_t paused_until_ns;
};

/* A request has come over that connection. */
void alone_asked(struct alone *a, uint64_t connection);
/* Whether its write may be carried out now; `turn` counts turns of the loop, from 1. */
bool alone_may(const struct alone *a, uint64_t turn, uint64_t now_ns);
/* It was. */
void alone_did(struct alone *a, uint64_t turn, uint64_t began_ns, uint64_t ended_ns);
