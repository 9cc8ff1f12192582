/* RocksDB behind the engine interface: the one file that sees its header.
 *
 * Every `char **errptr` is converted and freed by err_of(). Out of memory inside RocksDB stops the
 * process.
 *
 * Tuning, and why
 *  - One writer commits groups with one sync each, so write concurrency inside RocksDB (concurrent
 * memtables, pipelining) only costs; it is off. Compaction and flush get one thread each: a region
 * shares its machine.
 *  - Memory is bounded by the configuration: memtables by their size and number, everything read
 * from files, index and filter partitions included, by the block cache. The bound of the cache is
 * not strict: a strict one fails reads when open iterators pin it full, and a few blocks too many
 * beat a wrong "input/output error".
 *  - Rows that are read again and again by their keys come from a cache of rows (read_cache.h): a
 * lookup in RocksDB's memory and files took a fifth of a whole GetItem. RocksDB's own row cache
 * does without deletions of ranges, which dropping a table needs.
 *  - Filters have 10 bits a key (about 1 % false hits) over whole keys, as reads by primary key ask
 * for those.
 *  - The upper levels are rewritten often and stay raw; the lower ones, where most bytes are, get
 * LZ4.
 *  - RocksDB's log of its own doings (LOG) holds what it writes at an opening and no more. Debian's
 * build keeps its assertions, and one of them stops the process at the second line that a full disk
 * refuses. So what made a write fail is told by engine_why(), and an opening tries first whether
 * the disk takes anything.
 *
 * Recovery. The write-ahead log is walked before RocksDB reads it (wal.h). A torn tail, which a
 * power cut may leave, is dropped by opening in the mode that stops at the first damage, and cut
 * off: nobody was told that it was durable. Damage before the end is ERR_CORRUPT, never silently a
 * shorter history, unless it lies in a log that is not needed any more. A sound log is opened in
 * the stricter mode that reports damage of every kind. Recycling old logs, which would spare the
 * file system's journal, does not go together with finding the end of a log exactly, and RocksDB
 * switches it off in both modes; room written ahead (wal.h) does the same and leaves the end to be
 * found. */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine_ops.h"
#include "engine/read_cache.h"
#include "engine/wal.h"

enum {
    LEVELS = 7,
    LEVELS_RAW = 2,
    OPEN_FILES_MAX = 256,
    BLOCK_BYTES = 4096,
    FILTER_BITS_PER_KEY = 10,
    INFO_LOG_FATAL = 4,
    TRY_BYTES = 64 << 10,
    PATH_BYTES = 4096,
    WAL_FACTOR = 4,                 /* logs may hold this many memtables before a flush is forced */
    MANIFEST_STEP_BYTES = 64 << 10, /* set aside at a time; by default 4 MiB of every store */
    ROWS_SHARE = 8,        /* one in so many bytes of the cache is for rows, the rest for blocks */
    COMPACTION_FILES = 12, /* so many files' worth goes into one compaction, if it may */
    BOTTOM_FORCE_OPTIMIZED = 3, /* but not what the same call has just written */
    FORMAT_VERSION = 5,
    CHECKSUM_XXH3 = 4,
};

struct rocks {
    struct engine head;
    rocksdb_t *db;
    rocksdb_options_t *options;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write_synced;
    rocksdb_writeoptions_t *write_lazy;
    uint8_t rows_kept;       /* first byte of the keys that are */
    struct read_cache *rows; /* NULL: none are */
    struct wal_ahead ahead;
    struct buf why; /* the last write failed */
};

struct rocks_snapshot {
    struct engine_snapshot head;
    const rocksdb_snapshot_t *snap;
};

struct rocks_iter {
    struct engine_iter head;
    rocksdb_iterator_t *it;
    rocksdb_readoptions_t *read;
    struct buf bounds; /* lo, then hi; RocksDB borrows them */
    size_t lo_len;
};

struct rocks_batch {
    struct engine_batch head;
    rocksdb_writebatch_t *batch;
    uint8_t rows_kept;
    uint64_t *hashes; /* of the keys in it whose rows may be kept */
    size_t n_hashes;
    size_t hashes_cap;
    bool range; /* of such keys is deleted by it */
};

/* ---- foreign errors ---- */

static bool starts(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* Converts and frees `text`; NULL is OK. RocksDB's C interface tells the kind of an error by its
 * first words. */
static enum err err_of(char *text)
{
    if (text == NULL) {
        return OK;
    }
    enum err e = ERR_IO;
    if (starts(text, "Corruption")) {
        e = ERR_CORRUPT;
    } else if (strstr(text, "While lock file") != NULL || strstr(text, "lock hold by") != NULL) {
        e = ERR_IN_USE;
    }
    rocksdb_free(text);
    return e;
}

/* For slices that may have no address. */
static const char *chars(struct bytes b)
{
    return b.base == NULL ? "" : (const char *)b.base;
}

static void *take_memory(size_t n)
{
    void *p = malloc(n);
    ASSERT(p != NULL);
    return p;
}

/* ---- reads ---- */

/* `look` NULL: the row is not to be kept. */
static enum err get_row(
    struct rocks *r,
    const rocksdb_readoptions_t *read,
    struct bytes key,
    const struct read_look *look,
    struct buf *ret)
{
    char *text = NULL;
    rocksdb_pinnableslice_t *found = rocksdb_get_pinned(r->db, read, chars(key), key.len, &text);
    if (text != NULL) {
        return err_of(text);
    }
    if (found == NULL) {
        return ERR_NOT_FOUND;
    }
    size_t n;
    const char *value = rocksdb_pinnableslice_value(found, &n);
    if (look != NULL) {
        read_cache_fill(r->rows, look, key, bytes_of(value, n));
    }
    buf_put(ret, value, n);
    rocksdb_pinnableslice_destroy(found);
    return ret->err;
}

static enum err rocks_get(
    struct engine *e, struct engine_snapshot *snap, struct bytes key, struct buf *ret)
{
    struct rocks *r = (struct rocks *)e;
    if (snap != NULL) {
        rocksdb_readoptions_t *read = rocksdb_readoptions_create();
        rocksdb_readoptions_set_snapshot(read, ((struct rocks_snapshot *)snap)->snap);
        enum err err = get_row(r, read, key, NULL, ret);
        rocksdb_readoptions_destroy(read);
        return err;
    }
    struct read_look look = {0};
    bool kept = r->rows_kept != 0 && key.len > 0 && key.base[0] == r->rows_kept;
    if (kept && read_cache_find(r->rows, key, &look, ret)) {
        return ret->err;
    }
    return get_row(r, r->read, key, look.wanted ? &look : NULL, ret);
}

static struct engine_snapshot *rocks_snapshot_open(struct engine *e)
{
    struct rocks *r = (struct rocks *)e;
    struct rocks_snapshot *s = take_memory(sizeof *s);
    *s = (struct rocks_snapshot){.head.engine = e, .snap = rocksdb_create_snapshot(r->db)};
    return &s->head;
}

static void rocks_snapshot_close(struct engine_snapshot *snap)
{
    struct rocks_snapshot *s = (struct rocks_snapshot *)snap;
    rocksdb_release_snapshot(((struct rocks *)s->head.engine)->db, s->snap);
    free(s);
}

static struct engine_iter *rocks_iter_open(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi, bool once)
{
    struct rocks *r = (struct rocks *)e;
    struct rocks_iter *it = take_memory(sizeof *it);
    *it = (struct rocks_iter){.lo_len = lo.len, .read = rocksdb_readoptions_create()};
    buf_init(&it->bounds, SIZE_MAX);
    buf_put_bytes(&it->bounds, lo);
    buf_put_bytes(&it->bounds, hi);
    const char *bounds = (const char *)it->bounds.base;
    if (lo.len > 0) {
        rocksdb_readoptions_set_iterate_lower_bound(it->read, bounds, lo.len);
    }
    if (hi.len > 0) {
        rocksdb_readoptions_set_iterate_upper_bound(it->read, bounds + lo.len, hi.len);
    }
    if (snap != NULL) {
        rocksdb_readoptions_set_snapshot(it->read, ((struct rocks_snapshot *)snap)->snap);
    }
    if (once) {
        rocksdb_readoptions_set_fill_cache(it->read, 0);
    }
    it->it = rocksdb_create_iterator(r->db, it->read);
    return &it->head;
}

static void rocks_iter_close(struct engine_iter *iter)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    rocksdb_iter_destroy(it->it);
    rocksdb_readoptions_destroy(it->read);
    buf_done(&it->bounds);
    free(it);
}

static bool settle(struct rocks_iter *it)
{
    if (!rocksdb_iter_valid(it->it)) {
        char *text = NULL;
        rocksdb_iter_get_error(it->it, &text);
        it->head.err = err_of(text);
        return false;
    }
    size_t n;
    const char *key = rocksdb_iter_key(it->it, &n);
    it->head.key = bytes_of(key, n);
    const char *value = rocksdb_iter_value(it->it, &n);
    it->head.value = bytes_of(value, n);
    return true;
}

static struct bytes iter_lo(const struct rocks_iter *it)
{
    return bytes_of(it->bounds.base, it->lo_len);
}

static struct bytes iter_hi(const struct rocks_iter *it)
{
    return bytes_from(buf_bytes(&it->bounds), it->lo_len);
}

static bool rocks_iter_first(struct engine_iter *iter)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    rocksdb_iter_seek_to_first(it->it);
    return settle(it);
}

static bool rocks_iter_last(struct engine_iter *iter)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    rocksdb_iter_seek_to_last(it->it);
    return settle(it);
}

static bool rocks_iter_seek(struct engine_iter *iter, struct bytes key)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    if (bytes_cmp(key, iter_lo(it)) < 0) {
        return rocks_iter_first(iter);
    }
    rocksdb_iter_seek(it->it, chars(key), key.len);
    return settle(it);
}

static bool rocks_iter_seek_back(struct engine_iter *iter, struct bytes key)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    struct bytes hi = iter_hi(it);
    if (hi.len > 0 && bytes_cmp(key, hi) >= 0) {
        return rocks_iter_last(iter);
    }
    rocksdb_iter_seek_for_prev(it->it, chars(key), key.len);
    return settle(it);
}

static bool rocks_iter_next(struct engine_iter *iter)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    rocksdb_iter_next(it->it);
    return settle(it);
}

static bool rocks_iter_prev(struct engine_iter *iter)
{
    struct rocks_iter *it = (struct rocks_iter *)iter;
    rocksdb_iter_prev(it->it);
    return settle(it);
}

/* ---- writes ---- */

static struct engine_batch *rocks_batch_new(struct engine *e)
{
    struct rocks_batch *b = take_memory(sizeof *b);
    *b = (struct rocks_batch){
        .batch = rocksdb_writebatch_create(),
        .rows_kept = ((struct rocks *)e)->rows_kept,
    };
    return &b->head;
}

static void rocks_batch_free(struct engine_batch *batch)
{
    struct rocks_batch *b = (struct rocks_batch *)batch;
    rocksdb_writebatch_destroy(b->batch);
    free(b->hashes);
    free(b);
}

static rocksdb_writebatch_t *batch_of(const struct engine_batch *b)
{
    return ((const struct rocks_batch *)b)->batch;
}

static void rocks_batch_clear(struct engine_batch *batch)
{
    struct rocks_batch *b = (struct rocks_batch *)batch;
    rocksdb_writebatch_clear(b->batch);
    b->n_hashes = 0;
    b->range = false;
}

static void note_key(struct rocks_batch *b, struct bytes key)
{
    if (b->rows_kept == 0 || key.len == 0 || key.base[0] != b->rows_kept) {
        return;
    }
    if (b->n_hashes == b->hashes_cap) {
        b->hashes_cap = b->hashes_cap == 0 ? 64 : b->hashes_cap * 2;
        b->hashes = realloc(b->hashes, b->hashes_cap * sizeof *b->hashes);
        ASSERT(b->hashes != NULL);
    }
    b->hashes[b->n_hashes++] = read_cache_hash(key);
}

static void note_range(struct rocks_batch *b, struct bytes lo, struct bytes hi)
{
    uint8_t past = (uint8_t)(b->rows_kept + 1);
    b->range |= b->rows_kept != 0 && bytes_cmp(lo, bytes_of(&past, 1)) < 0 &&
                bytes_cmp(bytes_of(&b->rows_kept, 1), hi) < 0;
}

static void rocks_batch_put(struct engine_batch *b, struct bytes key, struct bytes value)
{
    note_key((struct rocks_batch *)b, key);
    rocksdb_writebatch_put(batch_of(b), chars(key), key.len, chars(value), value.len);
}

static void rocks_batch_delete(struct engine_batch *b, struct bytes key)
{
    note_key((struct rocks_batch *)b, key);
    rocksdb_writebatch_delete(batch_of(b), chars(key), key.len);
}

static void rocks_batch_delete_range(struct engine_batch *b, struct bytes lo, struct bytes hi)
{
    note_range((struct rocks_batch *)b, lo, hi);
    rocksdb_writebatch_delete_range(batch_of(b), chars(lo), lo.len, chars(hi), hi.len);
}

static size_t rocks_batch_bytes(const struct engine_batch *b)
{
    size_t n;
    (void)rocksdb_writebatch_data(batch_of(b), &n);
    return n;
}

static void rows_begin(struct rocks *r, const struct rocks_batch *b)
{
    if (b->range) {
        read_cache_begin_all(r->rows);
    } else {
        read_cache_begin(r->rows, b->hashes, b->n_hashes);
    }
}

static void rows_end(struct rocks *r, const struct rocks_batch *b)
{
    if (b->range) {
        read_cache_end_all(r->rows);
    } else {
        read_cache_end(r->rows, b->hashes, b->n_hashes);
    }
}

static enum err rocks_write(struct engine *e, struct engine_batch *batch, bool sync)
{
    struct rocks *r = (struct rocks *)e;
    const struct rocks_batch *b = (const struct rocks_batch *)batch;
    char *text = NULL;
    size_t bytes;
    (void)rocksdb_writebatch_data(b->batch, &bytes);
    wal_ahead_need(&r->ahead, bytes);
    rows_begin(r, b);
    rocksdb_write(r->db, sync ? r->write_synced : r->write_lazy, b->batch, &text);
    if (text != NULL) {
        buf_clear(&r->why);
        buf_put_str(&r->why, text);
        e->why = buf_bytes(&r->why);
        rocksdb_free(text);
        return ERR_IO;
    }
    rows_end(r, b);
    return OK;
}

/* ---- the rest ---- */

static enum err rocks_checkpoint(struct engine *e, const char *path)
{
    struct rocks *r = (struct rocks *)e;
    char *text = NULL;
    rocksdb_checkpoint_t *c = rocksdb_checkpoint_object_create(r->db, &text);
    if (text != NULL) {
        return err_of(text);
    }
    rocksdb_checkpoint_create(c, path, /* log_size_for_flush= */ 0, &text);
    rocksdb_checkpoint_object_destroy(c);
    if (text != NULL && strstr(text, "Directory exists") != NULL) {
        rocksdb_free(text);
        return ERR_EXISTS;
    }
    return err_of(text);
}

static uint64_t property(struct rocks *r, const char *name)
{
    uint64_t v = 0;
    return rocksdb_property_int(r->db, name, &v) == 0 ? v : 0;
}

static void rocks_stats(struct engine *e, struct engine_stats *ret)
{
    struct rocks *r = (struct rocks *)e;
    ret->disk_bytes = property(r, "rocksdb.total-sst-files-size");
    ret->writes = rocksdb_get_latest_sequence_number(r->db);
    ret->oldest_snapshot = property(r, "rocksdb.oldest-snapshot-sequence");
    ret->memory_bytes = property(r, "rocksdb.cur-size-all-mem-tables") +
                        property(r, "rocksdb.estimate-table-readers-mem") +
                        rocksdb_cache_get_usage(r->cache) +
                        (r->rows == NULL ? 0 : read_cache_bytes(r->rows));
}

static uint64_t rocks_range_bytes(struct engine *e, struct bytes lo, struct bytes hi)
{
    struct rocks *r = (struct rocks *)e;
    /* Keys have no greatest one; a run of 0xff longer than those in use comes close enough for an
     * estimate. */
    static const char past_all[] =
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    const char *from = chars(lo);
    const char *to = hi.len > 0 ? chars(hi) : past_all;
    size_t to_len = hi.len > 0 ? hi.len : sizeof past_all - 1;
    uint64_t size = 0;
    char *text = NULL;
    rocksdb_approximate_sizes(r->db, 1, &from, &lo.len, &to, &to_len, &size, &text);
    return err_of(text) == OK ? size : 0;
}

/* Piece by piece (see COMPACTION_FILES), so that compactions that are due anyway get in between.
 * What lies deepest is rewritten too, for deletions that a snapshot kept may lie there. */
static void rocks_reclaim(struct engine *e, struct bytes lo, struct bytes hi)
{
    struct rocks *r = (struct rocks *)e;
    rocksdb_compactoptions_t *how = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_exclusive_manual_compaction(how, 0);
    rocksdb_compactoptions_set_bottommost_level_compaction(how, BOTTOM_FORCE_OPTIMIZED);
    rocksdb_compact_range_opt(r->db, how, chars(lo), lo.len, chars(hi), hi.len);
    rocksdb_compactoptions_destroy(how);
}

static void rocks_reclaim_stop(struct engine *e)
{
    rocksdb_disable_manual_compaction(((struct rocks *)e)->db);
}

static void rocks_free(struct rocks *r)
{
    if (r->db != NULL) {
        rocksdb_close(r->db);
    }
    rocksdb_writeoptions_destroy(r->write_synced);
    rocksdb_writeoptions_destroy(r->write_lazy);
    rocksdb_readoptions_destroy(r->read);
    rocksdb_options_destroy(r->options);
    rocksdb_block_based_options_destroy(r->table);
    rocksdb_cache_destroy(r->cache);
    read_cache_free(r->rows);
    wal_ahead_done(&r->ahead);
    buf_done(&r->why);
    free(r);
}

static void rocks_close(struct engine *e)
{
    rocks_free((struct rocks *)e);
}

static const struct engine_ops rocks_ops = {
    .close = rocks_close,
    .get = rocks_get,
    .snapshot_open = rocks_snapshot_open,
    .snapshot_close = rocks_snapshot_close,
    .iter_open = rocks_iter_open,
    .iter_close = rocks_iter_close,
    .iter_first = rocks_iter_first,
    .iter_last = rocks_iter_last,
    .iter_seek = rocks_iter_seek,
    .iter_seek_back = rocks_iter_seek_back,
    .iter_next = rocks_iter_next,
    .iter_prev = rocks_iter_prev,
    .batch_new = rocks_batch_new,
    .batch_free = rocks_batch_free,
    .batch_clear = rocks_batch_clear,
    .batch_put = rocks_batch_put,
    .batch_delete = rocks_batch_delete,
    .batch_delete_range = rocks_batch_delete_range,
    .batch_bytes = rocks_batch_bytes,
    .write = rocks_write,
    .checkpoint = rocks_checkpoint,
    .stats = rocks_stats,
    .range_bytes = rocks_range_bytes,
    .reclaim = rocks_reclaim,
    .reclaim_stop = rocks_reclaim_stop,
};

/* ---- opening ---- */

static rocksdb_block_based_table_options_t *table_options(rocksdb_cache_t *cache)
{
    rocksdb_block_based_table_options_t *t = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(t, cache);
    rocksdb_block_based_options_set_block_size(t, BLOCK_BYTES);
    rocksdb_block_based_options_set_format_version(t, FORMAT_VERSION);
    rocksdb_block_based_options_set_checksum(t, CHECKSUM_XXH3);
    rocksdb_block_based_options_set_filter_policy(
        t, rocksdb_filterpolicy_create_bloom_full(FILTER_BITS_PER_KEY));
    rocksdb_block_based_options_set_whole_key_filtering(t, 1);
    /* Partitioned, so that a small cache holds the parts in use and not whole files' indexes. */
    rocksdb_block_based_options_set_index_type(
        t, rocksdb_block_based_table_index_type_two_level_index_search);
    rocksdb_block_based_options_set_partition_filters(t, 1);
    rocksdb_block_based_options_set_metadata_block_size(t, BLOCK_BYTES);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(t, 1);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(t, 1);
    rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(t, 1);
    rocksdb_block_based_options_set_pin_top_level_index_and_filter(t, 1);
    return t;
}

static void set_files(rocksdb_options_t *o, size_t write_buffer_bytes)
{
    int compression[LEVELS];
    for (int i = 0; i < LEVELS; i++) {
        compression[i] = i < LEVELS_RAW ? rocksdb_no_compression : rocksdb_lz4_compression;
    }
    rocksdb_options_set_num_levels(o, LEVELS);
    rocksdb_options_set_compression_per_level(o, compression, LEVELS);
    rocksdb_options_set_level_compaction_dynamic_level_bytes(o, 1);
    rocksdb_options_set_write_buffer_size(o, write_buffer_bytes);
    rocksdb_options_set_max_write_buffer_number(o, 3);
    rocksdb_options_set_target_file_size_base(o, write_buffer_bytes * 2);
    rocksdb_options_set_max_compaction_bytes(o, write_buffer_bytes * 2 * COMPACTION_FILES);
    rocksdb_options_set_max_bytes_for_level_base(o, write_buffer_bytes * 8);
    rocksdb_options_set_max_total_wal_size(o, write_buffer_bytes * WAL_FACTOR);
    rocksdb_options_set_max_open_files(o, OPEN_FILES_MAX);
    rocksdb_options_set_max_file_opening_threads(o, 1);
    rocksdb_options_set_skip_stats_update_on_db_open(o, 1);
    rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(o, 1);
    rocksdb_options_set_bytes_per_sync(o, 1 << 20);
    rocksdb_options_set_manifest_preallocation_size(o, MANIFEST_STEP_BYTES);
}

static rocksdb_options_t *db_options(
    const struct engine_rocks_config *config,
    rocksdb_block_based_table_options_t *table,
    enum wal_state wal)
{
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(o, 1);
    rocksdb_options_set_paranoid_checks(o, 1);
    rocksdb_options_set_block_based_table_factory(o, table);
    set_files(o, config->write_buffer_bytes);
    rocksdb_options_set_max_background_jobs(o, 2);
    rocksdb_options_set_allow_concurrent_memtable_write(o, 0);
    rocksdb_options_set_enable_write_thread_adaptive_yield(o, 0);
    rocksdb_options_set_wal_recovery_mode(
        o,
        wal == WAL_TORN ? rocksdb_point_in_time_recovery
                        : rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_stats_dump_period_sec(o, 0);
    rocksdb_options_set_stats_persist_period_sec(o, 0);
    rocksdb_options_set_info_log_level(o, INFO_LOG_FATAL);
    return o;
}

/* The first log that holds what is in no other file yet. Older ones may be there all the same,
 * damaged or with some missing between them: a crash came before they were deleted, or a power cut
 * brought them back. */
static enum err first_log_needed(const char *path, uint64_t *ret)
{
    char *text = NULL;
    *ret = 0;
    rocksdb_options_t *o = rocksdb_options_create();
    rocksdb_options_set_wal_recovery_mode(o, rocksdb_point_in_time_recovery);
    rocksdb_options_set_info_log_level(o, INFO_LOG_FATAL);
    rocksdb_options_set_max_open_files(o, OPEN_FILES_MAX);
    rocksdb_options_set_max_file_opening_threads(o, 1);
    rocksdb_options_set_skip_checking_sst_file_sizes_on_db_open(o, 1);
    rocksdb_t *db = rocksdb_open_for_read_only(o, path, /* error_if_wal_file_exists= */ 0, &text);
    enum err e = err_of(text);
    if (e == OK) {
        (void)rocksdb_property_int(db, "rocksdb.min-log-number-to-keep", ret);
        rocksdb_close(db);
    }
    rocksdb_options_destroy(o);
    return e;
}

/* What the log is like that the store needs. OK; ERR_IO; ERR_CORRUPT: damaged before its end. */
static enum err judge_wal(const char *path, enum wal_state *ret)
{
    uint64_t first = 0;
    enum err e = wal_dir_state(path, first, ret);
    if (e == OK && *ret == WAL_DAMAGED) {
        e = first_log_needed(path, &first);
        e = e == OK ? wal_dir_state(path, first, ret) : e;
    }
    return e == OK && *ret == WAL_DAMAGED ? ERR_CORRUPT : e;
}

/* RocksDB takes a record of its manifest whose length leads past the end for one that a power cut
 * tore, and opens what was before it. So damage is told like that of the log. In the last record it
 * cannot be told from what a power cut tore. OK; ERR_IO; ERR_CORRUPT. */
static enum err judge_manifest(const char *path)
{
    enum wal_state state;
    enum err e = wal_manifest_state(path, &state);
    return e == OK && state == WAL_DAMAGED ? ERR_CORRUPT : e;
}

/* Whether there is room for a small file in the directory, if it is there. */
static bool try_disk(const char *dir)
{
    static const uint8_t zeros[TRY_BYTES];
    char path[PATH_BYTES];
    int n = snprintf(path, sizeof path, "%s/TRY", dir);
    if (n < 0 || n >= PATH_BYTES) {
        return false;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return errno == ENOENT; /* RocksDB makes it */
    }
    errno = 0;
    bool written = write(fd, zeros, sizeof zeros) == (ssize_t)sizeof zeros;
    int why = written ? 0 : errno != 0 ? errno : ENOSPC;
    (void)close(fd); /* nobody needs what was written */
    (void)unlink(path);
    errno = why;
    return written;
}

enum err engine_rocks_open(
    const struct engine_rocks_config *config,
    struct arena *a,
    struct engine **ret,
    struct bytes *reterr_msg)
{
    ASSERT(config->rows_kept < UINT8_MAX);
    enum wal_state wal;
    enum err e = judge_wal(config->path, &wal);
    if (e != OK) {
        const char *why = e == ERR_IO ? "could not read the write-ahead log"
                                      : "the write-ahead log is damaged before its end";
        *reterr_msg = bytes_dup(a, bytes_str(why));
        return e;
    }
    e = judge_manifest(config->path);
    if (e != OK) {
        const char *why = e == ERR_IO ? "could not read the manifest" : "the manifest is damaged";
        *reterr_msg = bytes_dup(a, bytes_str(why));
        return e;
    }
    if (!try_disk(config->path)) {
        struct buf why;
        buf_init(&why, PATH_BYTES);
        buf_putf(&why, "could not write a file there: %m");
        *reterr_msg = bytes_dup(a, buf_bytes(&why));
        buf_done(&why);
        return ERR_IO;
    }
    struct rocks *r = take_memory(sizeof *r);
    *r = (struct rocks){.head.ops = &rocks_ops};
    wal_ahead_init(&r->ahead, config->path);
    buf_init(&r->why, SIZE_MAX);
    size_t rows_bytes = config->rows_kept == 0 ? 0 : config->cache_bytes / ROWS_SHARE;
    r->rows_kept = config->rows_kept;
    r->rows = config->rows_kept == 0 ? NULL : read_cache_new(rows_bytes);
    r->cache = rocksdb_cache_create_lru(config->cache_bytes - rows_bytes);
    r->table = table_options(r->cache);
    r->options = db_options(config, r->table, wal);
    r->read = rocksdb_readoptions_create();
    r->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(r->write_synced, 1);
    r->write_lazy = rocksdb_writeoptions_create();
    char *text = NULL;
    r->db = rocksdb_open(r->options, config->path, &text);
    if (text != NULL) {
        *reterr_msg = bytes_dup(a, bytes_str(text));
        r->db = NULL;
        rocks_free(r);
        return err_of(text);
    }
    if (wal == WAL_TORN && wal_dir_cut(config->path) != OK) {
        *reterr_msg =
            bytes_dup(a, BYTES_LIT("could not cut the torn tail off the write-ahead log"));
        rocks_free(r);
        return ERR_IO;
    }
    *ret = &r->head;
    return OK;
}
