#pragma once

/* Reading RocksDB's write-ahead log, for one question: when a log does not check, is that a torn
 * tail, as a power cut leaves it, or damage to what was durable? Private to this room. */

#include "base/base.h"

enum { WAL_BLOCK_BYTES = 32 * 1024 };

enum wal_state {
    WAL_SOUND,   /* every record checks */
    WAL_TORN,    /* sound, then bytes that hold no intact beginning of a batch */
    WAL_DAMAGED, /* sound, then something broken, then an intact batch: what broke was durable */
};

/* A walk over the logs of a store, oldest first; starts zeroed (sound). */
struct wal_walk {
    enum wal_state state;
    uint64_t log_bytes; /* of this log, up to the break if there was one; the caller zeroes it
                           between logs */
};

/* The next block: WAL_BLOCK_BYTES, or fewer at the end of a log. */
void wal_walk_block(struct wal_walk *w, struct bytes block);

/* Walks the log files in directory `dir`; a directory that does not exist is sound. OK; ERR_IO. */
MUST_CHECK enum err wal_dir_state(const char *dir, enum wal_state *ret);

/* Cuts a torn tail off for good, so that the batches written from now on do not follow a break. For
 * the one who holds the store open and has written nothing yet. OK; ERR_IO. */
MUST_CHECK enum err wal_dir_cut(const char *dir);
