/* Giving back the space of rows that are gone.
 *
 * A deletion is a row of its own until the engine merges its file with those that hold what it
 * hides, and only further writes make the engine do so: a table that was dropped, or half of whose
 * items were deleted, would keep its space until others have written as much. Three kinds of rows
 * are looked for:
 *  - the log that was trimmed, when it is a good part of the store;
 *  - files that hold rows of one table only, and it was dropped;
 *  - files whose deletions are many beside all the rows below them.
 * The cost is in proportion: what is rewritten is at most a few times what was deleted. */
#include <stdlib.h>

#include "part/impl.h"

enum {
    BYTES_MIN = 16 << 20, /* less is not worth the work */
    LOG_SHARE = 8,        /* one in so many bytes of the store */
    DELETED_SHARE = 4,    /* one in so many rows */
    ROWS_SAMPLED = 32,
    FILES_BYTES_MAX = 64 << 20 /* of memory, to look at some 200,000 files */
};

static void reclaim_log(const struct part_reader *r)
{
    struct local_pos first;
    struct engine_stats stats;
    if (part_log_first(r, &first) != OK) {
        return; /* readers of the log will find out why */
    }
    uint64_t dead = part_log_bytes(r, (struct local_pos){0}, (struct local_pos){first.v - 1});
    engine_stats(r->engine, &stats);
    if (dead < BYTES_MIN || dead < stats.disk_bytes / LOG_SHARE) {
        return;
    }
    struct buf lo;
    struct buf hi;
    buf_init(&lo, 64);
    buf_init(&hi, 64);
    layout_log_key(&lo, (struct local_pos){0});
    layout_log_key(&hi, first);
    engine_reclaim(r->engine, buf_bytes(&lo), buf_bytes(&hi));
    buf_done(&lo);
    buf_done(&hi);
}

/* ---- tables that were dropped ---- */

/* Whether all keys from lo to hi are rows of one user's table. */
static bool of_one_table(const struct engine_file *f)
{
    static const uint8_t kinds[] = {ROW_DATA, ROW_INDEX, ROW_COLLECTION, ROW_EXPIRY};
    return f->lo.len >= LAYOUT_DATA_PREFIX && f->hi.len >= LAYOUT_DATA_PREFIX &&
           memcmp(f->lo.base, f->hi.base, LAYOUT_DATA_PREFIX) == 0 &&
           memchr(kinds, f->lo.base[0], sizeof kinds) != NULL &&
           load_u64_be(f->lo.base + 1) >= PART_TABLE_FIRST;
}

/* A table has counters from its first item, or a checkpoint soon after it, until it is dropped. */
static bool is_counted(const struct part_reader *r, uint64_t table)
{
    struct buf key;
    struct buf counts;
    buf_init(&key, 64);
    buf_init(&counts, 4096);
    layout_counts_key(&key, table);
    enum err e = engine_get(r->engine, NULL, buf_bytes(&key), &counts);
    buf_done(&key);
    buf_done(&counts);
    return e != ERR_NOT_FOUND;
}

/* The table's rows of that file's kind. */
static void reclaim_table(const struct part_reader *r, const struct engine_file *f)
{
    struct buf hi;
    struct bytes lo = {f->lo.base, LAYOUT_DATA_PREFIX};
    buf_init(&hi, 64);
    buf_put_bytes(&hi, lo);
    layout_prefix_end(&hi, 0);
    if (engine_range_bytes(r->engine, lo, buf_bytes(&hi)) >= BYTES_MIN) {
        engine_reclaim(r->engine, lo, buf_bytes(&hi));
    }
    buf_done(&hi);
}

static int by_keys(const void *a, const void *b)
{
    return bytes_cmp(((const struct engine_file *)a)->lo, ((const struct engine_file *)b)->lo);
}

/* `files` in the order of their keys. */
static void reclaim_dropped(const struct part_reader *r, const struct engine_file *files, size_t n)
{
    const struct engine_file *last = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct engine_file *f = &files[i];
        bool new = of_one_table(f) &&
                   (last == NULL || memcmp(last->lo.base, f->lo.base, LAYOUT_DATA_PREFIX) != 0);
        if (!new) {
            continue;
        }
        last = f;
        if (!is_counted(r, load_u64_be(f->lo.base + 1))) {
            reclaim_table(r, f);
        }
    }
}

/* ---- deletions over what they hide ---- */

/* Deletions that lie above other files: those of one file, or of all that can overlap each other.
 */
struct deletions {
    struct bytes lo;
    struct bytes hi;
    int level;
    uint64_t n;
};

static bool overlaps(const struct deletions *d, const struct engine_file *f)
{
    return bytes_cmp(f->lo, d->hi) <= 0 && bytes_cmp(d->lo, f->hi) <= 0;
}

/* The mean size of the rows that are first in a file's range; all of it when there is none any
 * more. */
static uint64_t row_bytes(const struct part_reader *r, const struct engine_file *f)
{
    uint64_t n = 0;
    uint64_t bytes = 0;
    struct engine_iter *it = engine_iter_open(r->engine, NULL, f->lo, f->hi);
    for (bool on = engine_iter_first(it); on && n < ROWS_SAMPLED; on = engine_iter_next(it)) {
        bytes += engine_iter_key(it).len + engine_iter_value(it).len;
        n++;
    }
    engine_iter_close(it);
    return n == 0 ? f->bytes : bytes / n;
}

/* Rows below that nobody counted are judged by a few of them. */
static bool hide_much(
    const struct part_reader *r,
    const struct deletions *d,
    const struct engine_file *files,
    size_t n)
{
    const struct engine_file *uncounted = NULL;
    uint64_t uncounted_bytes = 0;
    uint64_t rows = 0;
    uint64_t bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const struct engine_file *f = &files[i];
        if (f->level <= d->level || !overlaps(d, f)) {
            continue;
        }
        rows += f->rows;
        bytes += f->bytes;
        if (f->rows == 0) {
            uncounted = f;
            uncounted_bytes += f->bytes;
        }
    }
    bool may = bytes >= BYTES_MIN && d->n >= rows / DELETED_SHARE;
    if (may && uncounted != NULL) {
        rows += uncounted_bytes / row_bytes(r, uncounted);
    }
    return may && d->n >= rows / DELETED_SHARE;
}

static void reclaim_below(
    const struct part_reader *r,
    const struct deletions *d,
    const struct engine_file *files,
    size_t n)
{
    if (d->n > 0 && hide_much(r, d, files, n)) {
        struct buf end;
        buf_init(&end, SIZE_MAX / 2);
        buf_put_bytes(&end, d->hi);
        buf_put_u8(&end, 0); /* the smallest key greater than that */
        engine_reclaim(r->engine, d->lo, buf_bytes(&end));
        buf_done(&end);
    }
}

static void reclaim_deleted(const struct part_reader *r, const struct engine_file *files, size_t n)
{
    struct deletions top = {.level = 0};
    for (size_t i = 0; i < n; i++) {
        const struct engine_file *f = &files[i];
        if (f->level > 0) {
            struct deletions own = {f->lo, f->hi, f->level, f->deletions};
            reclaim_below(r, &own, files, n);
        } else if (f->deletions > 0) {
            top.lo = top.n == 0 || bytes_cmp(f->lo, top.lo) < 0 ? f->lo : top.lo;
            top.hi = top.n == 0 || bytes_cmp(f->hi, top.hi) > 0 ? f->hi : top.hi;
            top.n += f->deletions;
        }
    }
    reclaim_below(r, &top, files, n);
}

void part_reclaim(const struct part_reader *r)
{
    struct arena a;
    struct engine_file *files;
    size_t n;
    arena_init(&a, FILES_BYTES_MAX);
    reclaim_log(r);
    engine_files(r->engine, &a, &files, &n);
    if (n > 0) {
        qsort(files, n, sizeof *files, by_keys);
        reclaim_dropped(r, files, n);
        reclaim_deleted(r, files, n);
    }
    arena_done(&a);
}
