#pragma once

/* Backups, point-in-time recovery, exports and imports, in nobody's protocol words: the rows that
 * say what is under way and what became of it, a table as it stood at some time, and the bytes of a
 * backup file. Pure: files, threads and clocks are the shell's.
 *
 * A job is a row of system table CORE_TABLE_JOBS, so it survives restarts and its changes commit
 * with what they are about. Whoever runs jobs starts those that are RUNNING again after a restart,
 * from their beginning: what a job writes twice it writes alike. */

#include "base/base.h"
#include "base/csv.h"
#include "change/change.h"
#include "core/core.h"
#include "doc/doc.h"
#include "engine/engine.h"
#include "hlc/hlc.h"
#include "part/part.h"

/* ---- jobs ---- */

enum backup_kind {
    BACKUP_KEPT,    /* a table's backup; the row lives as long as the backup */
    BACKUP_RESTORE, /* a table being made of a backup (then it has the backup's name) or of another
                       table's past; gone when that is over */
    BACKUP_EXPORT,
    BACKUP_IMPORT,
};
enum { BACKUP_KINDS = 4 };

enum backup_status { BACKUP_RUNNING, BACKUP_DONE, BACKUP_FAILED };

/* Strings have no base, numbers are 0 and `table` is NULL where a kind has no use for them. */
struct backup_job {
    enum backup_kind kind;
    struct bytes name; /* "01489602797149-73d8d5bc": when it began, and chance */
    enum backup_status status;
    /* The table: what is read, or (IMPORT) made. */
    struct bytes table_name;
    struct bytes table_uuid;
    const struct value *table; /* core_table_encode() of it as it was, or shall be */
    struct bytes label;        /* KEPT: what the user calls it */
    uint64_t began_ms;
    uint64_t ended_ms;
    uint64_t items; /* KEPT, EXPORT: in it; IMPORT: that came into the table */
    uint64_t bytes; /* likewise */
    /* RESTORE */
    struct bytes target_name;
    struct bytes target_uuid;
    bool of_past; /* of the table's state at `upto_ms`, not of a backup */
    /* EXPORT, RESTORE: the state at upto_ms; an incremental export has the changes in [from_ms,
     * upto_ms) */
    uint64_t upto_ms;
    uint64_t from_ms;
    bool incremental;
    bool has_type; /* the request named the export's type */
    bool new_only; /* incremental: no old images */
    /* EXPORT, IMPORT */
    struct bytes bucket;
    struct bytes bucket_owner;
    struct bytes prefix;
    struct bytes token;   /* ClientToken */
    struct bytes request; /* digest of what was asked, to tell a repetition from another request */
    struct bytes format;
    struct bytes compression;
    struct bytes encryption;
    struct bytes manifest;
    struct bytes options; /* JSON as it came */
    struct bytes params;  /* JSON as it came */
    struct bytes delimiter;
    const struct bytes *columns; /* IMPORT of CSV without a heading line */
    size_t n_columns;
    uint64_t processed_items;
    uint64_t processed_bytes;
    uint64_t errors;
    struct bytes fault_code;
    struct bytes fault_text;
};

/* A fresh name. base NULL at the arena's cap. */
struct bytes backup_job_name(struct prng *prng, struct arena *a, uint64_t now_ms);
/* Whether `name` has the form of one. */
bool backup_job_name_valid(struct bytes name);
/* The row's key. OK; ERR_TOO_BIG. */
MUST_CHECK enum err backup_job_key(
    struct arena *a, enum backup_kind kind, struct bytes name, struct value *ret);
/* The row, and back; both borrow. OK; ERR_TOO_BIG; of decode also ERR_CORRUPT, ERR_FORMAT. */
MUST_CHECK enum err backup_job_encode(
    struct arena *a, const struct backup_job *job, struct value *ret);
MUST_CHECK enum err backup_job_decode(
    struct arena *a, const struct value *row, struct backup_job *ret);

/* In the writer: one job through the open batch, and its staging (`job` NULL: the row goes). OK;
 * ERR_NOT_FOUND; ERR_*. */
MUST_CHECK enum err backup_job_get(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes name,
    struct backup_job *ret);
MUST_CHECK enum err backup_job_put(
    struct part_stage *s, struct arena *a, const struct backup_job *job);
MUST_CHECK enum err backup_job_drop(
    struct part_stage *s, struct arena *a, enum backup_kind kind, struct bytes name);

/* Any thread: one job, or all of a kind in order of their names, which is that of their beginnings,
 * as committed. OK; ERR_NOT_FOUND (of read); ERR_IO; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err backup_job_read(
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    struct bytes name,
    struct backup_job *ret);
MUST_CHECK enum err backup_job_list(
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    const struct backup_job **ret,
    size_t *ret_n);

/* A client's token in use: the job it stands for. OK; ERR_NOT_FOUND; ERR_*. */
MUST_CHECK enum err backup_token_get(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes token,
    struct bytes *ret_name,
    uint64_t *ret_since_ms);
MUST_CHECK enum err backup_token_put(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes token,
    struct bytes name,
    uint64_t since_ms);

MUST_CHECK enum err backup_token_drop(
    struct part_stage *s, struct arena *a, enum backup_kind kind, struct bytes token);
/* Whether a row of CORE_TABLE_JOBS is a token of that kind of job, and which. Borrows. */
bool backup_token_decode(
    const struct value *row,
    enum backup_kind kind,
    struct bytes *ret_token,
    uint64_t *ret_since_ms);

enum { BACKUP_TOKEN_MS = 8 * 3600 * 1000 }; /* how long a client's token stands for its job */

/* Whether an export or import ended so long ago, ninety days, that nobody is told of it any more.
 */
bool backup_job_is_past(const struct backup_job *job, uint64_t now_ms);
/* In the writer, before a job of that kind begins: takes away some of what is past of the kind, and
 * of its tokens. *ret_running: how many of them run. OK; ERR_IO; ERR_CORRUPT; ERR_TOO_BIG; or an
 * error of part_stage_put(). */
MUST_CHECK enum err backup_jobs_tend(
    struct part_stage *s,
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    size_t *ret_running);

/* ---- a table's past ---- */

/* Our log holds every change stamped above this. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err backup_log_floor(
    const struct part_reader *r, struct region_id own, struct hlc *ret);
/* The earliest time a table with point-in-time recovery can be brought back to: the latest of its
 * start, the days asked for, and what the log holds. Rounded up to a whole second, as clients send
 * them. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err backup_earliest_ms(
    const struct part_reader *r,
    struct region_id own,
    const struct core_table *t,
    uint64_t now_ms,
    uint64_t *ret);

/* What happened to a table between two stamps, and how it stood at the later one: the snapshot it
 * is given, with the first later change of each key taken back by its old image. */
struct backup_view;

struct backup_view_config {
    struct part_reader reader; /* with a snapshot, which outlives the view */
    uint64_t table;
    bool all;        /* the snapshot as it is: `upto` does not count */
    struct hlc upto; /* changes stamped above are taken back */
    bool changes;    /* only items that changed above `from` and up to `upto` */
    struct hlc from;
};

struct backup_view_record {
    struct bytes key; /* encoded primary key */
    bool had_old;     /* changes: an item stood there before */
    struct bytes old_item;
    bool has_new; /* an item stands there now; always so unless `changes` */
    struct bytes item;
    struct hlc changed; /* changes: the last of them */
};

struct backup_view *backup_view_open(const struct backup_view_config *config);
/* NULL is legal. */
void backup_view_close(struct backup_view *v);
/* Goes on by at most about `steps` records. OK: *ret holds a record, borrowed until the next call.
 * ERR_AGAIN: the steps are used up. ERR_NOT_FOUND: that was all. ERR_CORRUPT: among others an old
 * image is missing. ERR_IO; ERR_TOO_BIG. */
MUST_CHECK enum err backup_view_next(
    struct backup_view *v, size_t *steps, struct backup_view_record *ret);

/* ---- backup files (docs/formats/backup.md) ---- */

enum {
    BACKUP_BLOCK_BYTES = 256 * 1024,          /* a block of items is closed at about this size */
    BACKUP_BLOCK_BYTES_MAX = 4 * 1024 * 1024, /* longest block */
    BACKUP_BLOCK_HEAD_BYTES = 5,
};

/* Writing: the bytes are appended to `out`, which the caller empties into the file as it likes. */
struct backup_writer {
    struct buf *out;
    struct buf block; /* items gathered */
    uint64_t items;
    uint64_t bytes; /* of items, as DynamoDB counts them */
};
void backup_writer_begin(struct backup_writer *w, struct buf *out, const struct value *table);
/* `item` is an encoded item of `size` = item_size(). */
void backup_writer_add(struct backup_writer *w, struct bytes item, uint64_t size);
void backup_writer_end(struct backup_writer *w);
/* Frees what is gathered. Legal twice. */
void backup_writer_done(struct backup_writer *w);

/* Reading: takes the first block of `in`, which is the file's rest. Types follow in this order. */
enum backup_block_type { BACKUP_BLOCK_TABLE = 1, BACKUP_BLOCK_ITEMS = 2, BACKUP_BLOCK_END = 3 };
struct backup_block {
    enum backup_block_type type;
    struct bytes payload;
    size_t len; /* all of the block's bytes in `in` */
};
/* The file's heading. OK; ERR_AGAIN: more bytes are needed; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err backup_file_heading(struct bytes in, size_t *ret_len);
/* OK; ERR_AGAIN: more bytes are needed (at the file's end: it is cut off); ERR_CORRUPT. */
MUST_CHECK enum err backup_block_take(struct bytes in, struct backup_block *ret);
/* The next encoded item of a block of items. OK; ERR_NOT_FOUND; ERR_CORRUPT. */
MUST_CHECK enum err backup_block_item(struct reader *payload, struct bytes *ret);
/* What an end block says the file holds. OK; ERR_CORRUPT. */
MUST_CHECK enum err backup_block_end(
    struct bytes payload, uint64_t *ret_items, uint64_t *ret_bytes);

/* ---- records of imported files ---- */

/* The first JSON object of `in`, which is text that follows; blanks before it are passed over. OK;
 * ERR_AGAIN: it goes on behind `in`; ERR_NOT_FOUND: nothing but blanks, and `in` is the last;
 * ERR_SYNTAX: something else, or cut off. Its insides are not looked at. */
MUST_CHECK enum err backup_object_find(
    struct bytes in, bool last, size_t *ret_start, size_t *ret_len);

/* The columns of a CSV file: what the table declares has its type there, all else is text. */
struct backup_columns {
    const struct bytes *names;
    const enum value_type *types;
    size_t n;
};
/* Both copy. OK; ERR_TOO_BIG. */
MUST_CHECK enum err backup_columns_of_names(
    struct arena *a,
    const struct core_table *t,
    const struct bytes *names,
    size_t n,
    struct backup_columns *ret);
MUST_CHECK enum err backup_columns_of_record(
    struct arena *a,
    const struct core_table *t,
    const struct csv_record *record,
    struct backup_columns *ret);
/* A record as an item; a field without a value is an attribute that is not there. OK; ERR_INVALID:
 * a field is no value of its column's type, or there are more fields than columns; ERR_TOO_BIG. */
MUST_CHECK enum err backup_csv_item(
    struct arena *a,
    const struct backup_columns *columns,
    const struct csv_record *record,
    struct value *ret);
