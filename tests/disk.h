#pragma once

/* What this process asks of the files in one directory, recorded call by call, or refused, and the
 * states in which a power cut at any of these calls may leave that directory. The linker puts the
 * recorder between the program, RocksDB in it, and the C library (--wrap, see meson.build); what
 * the library writes for its own streams is not seen.
 *
 * The disk that is thought of promises little: bytes of a file are durable once the file was
 * synced, a name once its directory was. What was not synced may be there or not, whatever came
 * first, down to single sectors of what was written over. Only, as with ext4 in its usual mode, XFS
 * and btrfs, a file's length never runs ahead of its bytes, and names in a directory change in
 * their order. (T. S. Pillai et al., "All File Systems Are Not Created Equal", OSDI 2014.) */

#include "base/base.h"

enum { DISK_NAME_BYTES = 64 };

/* What was asked for, in the order in which it happened, beginning with the files that were there.
 */
struct disk_history;

/* Records from now on; not twice at a time. `dir` is absolute and exists; borrowed while recording.
 */
void disk_record_start(const char *dir);
/* A promise was made: whatever was asked for before is to survive from here on. */
void disk_record_promise(void);
/* While recording: of the calls from now on, `before` that change or sync something are carried
 * out, and the `times` behind them answered with `err`, as by a disk that is broken, or full: with
 * ENOSPC the first half of a write is taken. What was written to a file before a sync of it that is
 * refused is lost, also when a later one is not: the kernel drops what it could not write. Names it
 * keeps for another try. */
void disk_refuse(size_t before, size_t times, int err);
/* The caller frees it. */
struct disk_history *disk_record_stop(void);
void disk_history_free(struct disk_history *h);

/* Calls recorded, promises among them. */
size_t disk_calls(const struct disk_history *h);
/* The first call at `at` or behind it that syncs something; disk_calls() if there is none. */
size_t disk_next_sync(const struct disk_history *h, size_t at);
/* Where the calls begin that were made since the start. */
size_t disk_first(const struct disk_history *h);

/* How what was not synced fares. */
enum disk_luck {
    DISK_LOSES_ALL,
    DISK_KEEPS_ALL,
    DISK_TEARS,    /* the last calls are lost, one of them half way */
    DISK_SCATTERS, /* sectors and names by themselves */
    DISK_LUCKS,
};

/* Makes directory `to`, which must not exist, with the files that a power cut before the call `at`
 * (disk_first() to disk_calls()) leaves. The number of promises made by then. */
size_t disk_power_cut(
    const struct disk_history *h, size_t at, enum disk_luck luck, struct prng *rng, const char *to);

/* Flips a bit of one of the files in the directory that a store is made of, its manifest excepted;
 * any of them is as likely, whatever its size. Its name goes to `ret`. */
void disk_flip(const char *dir, struct prng *rng, char ret[DISK_NAME_BYTES]);

/* A new directory. */
void disk_make(const char *dir);
/* A directory with all the files in it, if it is there. */
void disk_remove(const char *dir);
