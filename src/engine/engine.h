#pragma once

/* Engine: an ordered map from bytes to bytes with snapshots, iterators both ways and atomic
 * batches. The one interface between the state rooms and whatever keeps the data; nothing above may
 * assume it is local or that reads are free.
 *
 * Threads: reads, snapshots and iterators may run on any thread at once; engine_write() and
 * engine_checkpoint() are called by one thread at a time. engine_mem is for tests and the simulator
 * and is single-threaded throughout.
 *
 * Keys and values are at most 2^31 bytes. */

#include "base/base.h"

struct engine;
struct engine_snapshot;
struct engine_iter;
struct engine_batch;

/* Flushes and waits for background work. NULL is legal. All iterators and snapshots are closed
 * before. */
void engine_close(struct engine *e);

/* The value at `key` appended to `ret` (a buffer the caller owns, not cleared first). `snap` NULL:
 * the latest committed state. OK; ERR_NOT_FOUND; ERR_IO; ERR_CORRUPT; ERR_TOO_BIG (`ret`'s bound;
 * its error is sticky). */
MUST_CHECK enum err engine_get(
    struct engine *e, struct engine_snapshot *snap, struct bytes key, struct buf *ret);

/* A frozen view; close it soon, it holds back compaction. */
struct engine_snapshot *engine_snapshot_open(struct engine *e);
void engine_snapshot_close(struct engine_snapshot *s);

/* Iterates keys in [lo, hi) (hi.len 0: no upper bound); starts before the first, so next leads to
 * the first. Without `snap` it still sees one state throughout: the one at this call. Bounds are
 * copied; lo >= hi is empty. Past an end, only first, last and the seeks lead back. */
struct engine_iter *engine_iter_open(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi);
/* As engine_iter_open(), for a walk over rows that will not be read again soon: nothing of them is
 * kept in memory. */
struct engine_iter *engine_iter_open_once(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi);
void engine_iter_close(struct engine_iter *it);
/* Positions; each returns whether the iterator now stands on a key. A false may hide an error: see
 * engine_iter_err(). seek: first key >= `key`; seek_back: last key <= `key` (both clamped to the
 * bounds). */
bool engine_iter_first(struct engine_iter *it);
bool engine_iter_last(struct engine_iter *it);
bool engine_iter_seek(struct engine_iter *it, struct bytes key);
bool engine_iter_seek_back(struct engine_iter *it, struct bytes key);
bool engine_iter_next(struct engine_iter *it);
bool engine_iter_prev(struct engine_iter *it);
/* Borrowed until the iterator moves or closes. Only on a key (asserted). */
struct bytes engine_iter_key(const struct engine_iter *it);
struct bytes engine_iter_value(const struct engine_iter *it);
/* OK, ERR_IO or ERR_CORRUPT once iteration ended. */
enum err engine_iter_err(const struct engine_iter *it);

/* Collects writes; later ones win. Reusable after clear. Key and value bytes are copied. */
struct engine_batch *engine_batch_new(struct engine *e);
void engine_batch_free(struct engine_batch *b);
void engine_batch_clear(struct engine_batch *b);
void engine_batch_put(struct engine_batch *b, struct bytes key, struct bytes value);
void engine_batch_delete(struct engine_batch *b, struct bytes key);
/* Deletes [lo, hi); hi.len > 0. Nothing, not even counted, when lo >= hi. */
void engine_batch_delete_range(struct engine_batch *b, struct bytes lo, struct bytes hi);
size_t engine_batch_bytes(const struct engine_batch *b);
size_t engine_batch_count(const struct engine_batch *b);

/* Applies the whole batch or nothing. With `sync`, OK means it is on disk, and so is everything
 * written before it. OK; ERR_IO: whether the batch is there is unknown until reopened, and the
 * caller must stop writing. The batch is unchanged. */
MUST_CHECK enum err engine_write(struct engine *e, struct engine_batch *b, bool sync);
/* What made the last write fail that did, in the words of the engine or the system; empty when none
 * did or nothing is known. Borrowed until the next write. */
struct bytes engine_why(const struct engine *e);

/* A consistent copy of the whole store in the new directory `path`, openable by the same maker.
 * OK; ERR_EXISTS; ERR_IO; ERR_INVALID when the engine has no directory. */
MUST_CHECK enum err engine_checkpoint(struct engine *e, const char *path);

/* Rough numbers for metrics, 0 when the engine cannot tell. */
struct engine_stats {
    uint64_t disk_bytes;
    uint64_t memory_bytes;
    uint64_t writes;          /* batches and rows so far, in numbers that only grow */
    uint64_t oldest_snapshot; /* at which of these the oldest open one was opened; 0: none is */
};
void engine_stats(struct engine *e, struct engine_stats *ret);
/* Estimated bytes of [lo, hi) in files; what is in memory only does not count. */
uint64_t engine_range_bytes(struct engine *e, struct bytes lo, struct bytes hi);

/* Gives back the space that deleted rows in [lo, hi) still take. Blocks for as long as it takes to
 * rewrite what lies around them, so it is for a thread that may wait. It promises no success: what
 * still takes space afterwards is engine_range_bytes() to tell. */
void engine_reclaim(struct engine *e, struct bytes lo, struct bytes hi);
/* Makes that call of another thread's, and each later one, end soon. */
void engine_reclaim_stop(struct engine *e);

/* ---- makers ---- */

/* RocksDB (librocksdb 7.8) in directory `path`, created when missing. `cache_bytes` bounds what
 * is kept of files; `write_buffer_bytes` one memtable (at most three exist at once). A tail of the
 * log that a power cut tore is dropped; damage before it, or before the manifest's last record, is
 * ERR_CORRUPT. OK; ERR_IO (a disk that takes nothing, too); ERR_CORRUPT; ERR_IN_USE (somebody has
 * it open). *reterr_msg, in `a`, tells why. */
struct engine_rocks_config {
    const char *path;
    size_t cache_bytes;
    size_t write_buffer_bytes;
    /* First byte of the keys that engine_get() is mostly asked for: an eighth of `cache_bytes` then
     * is for their rows that were read more than once. 0: none; else less than 255. */
    uint8_t rows_kept;
};
MUST_CHECK enum err engine_rocks_open(
    const struct engine_rocks_config *config,
    struct arena *a,
    struct engine **ret,
    struct bytes *reterr_msg);

/* Memory: the reference model, and the simulator's disk. */
struct engine *engine_mem_new(void);
/* Forgets every write since the last synced one, as a power cut would. Iterators and snapshots are
 * gone: reading through one answers ERR_IO; they may still be closed, and engine_close() ends those
 * that never are. */
void engine_mem_crash(struct engine *e);
/* From the n-th next write on (1 = the next), engine_write() answers ERR_IO, once or for ever;
 * whether the failing batch reached the disk is `applied`. n 0 switches faults off. */
void engine_mem_fail_write(struct engine *e, unsigned n, bool for_ever, bool applied);
