#pragma once

/* RocksDB's write-ahead log, seen as files. Read, for one question: when a log does not check, is
 * that a torn tail, as a power cut leaves it, or damage to what was durable? And written ahead of,
 * for speed. Private to this room. */

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
    uint64_t log_bytes; /* of this log, up to the break if there was one */
    bool blank;         /* torn, but all that followed is zeros: room that was written ahead */
    bool follows;       /* the log before ended in such room: the next batch must go on there */
    uint64_t next;      /* sequence number of the entry behind the last batch; 0: not known */
};

/* Another log begins. */
void wal_walk_log(struct wal_walk *w);
/* The next block: WAL_BLOCK_BYTES, or fewer at the end of a log. */
void wal_walk_block(struct wal_walk *w, struct bytes block);

/* Walks the log files in directory `dir` whose numbers are `from` or more; a directory that does
 * not exist is sound. OK; ERR_IO. */
MUST_CHECK enum err wal_dir_state(const char *dir, uint64_t from, enum wal_state *ret);

/* The same for the manifest that CURRENT names, which has a log's form; none is sound. OK; ERR_IO.
 */
MUST_CHECK enum err wal_manifest_state(const char *dir, enum wal_state *ret);

/* Cuts torn tails off for good, so that the batches written from now on do not follow a break. For
 * the one who holds the store open and has written nothing yet. OK; ERR_IO. */
MUST_CHECK enum err wal_dir_cut(const char *dir);

/* Room written ahead: zeros behind the end of the newest log, which RocksDB then writes over. A
 * sync that changes nothing but data leaves the file system's journal alone, and takes two thirds
 * of the time of one that lengthens the file. RocksDB truncates a log that it closes; one that was
 * left behind ends in zeros, which both RocksDB's reader and the walk above take for its end. */
struct wal_ahead {
    char *dir;
    int fd; /* of the newest log when last looked; -1: none */
    uint64_t number;
    uint64_t left; /* bytes of room, at least, unless another log was begun since */
};

void wal_ahead_init(struct wal_ahead *a, const char *dir);
void wal_ahead_done(struct wal_ahead *a);
/* Before a batch of so many bytes is written and synced, by the thread that does it: sees to it
 * that there is room. What fails costs speed and nothing else. */
void wal_ahead_need(struct wal_ahead *a, size_t batch_bytes);
