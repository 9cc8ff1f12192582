/* Imports: the files of a bucket whose keys begin as asked, one after the other, into a new table.
 * Of more files than DynamoDB takes none are taken.
 *
 * A record that is no item of the table is counted and passed over; where a file stops making sense
 * the rest of it is passed over too, as DynamoDB does. Any such error makes the import FAILED, with
 * what was good in the table. */
#include <stdio.h>
#include <stdlib.h>

#include "server/jobs.h"

enum { IMPORT_FILES_MAX = 50000 /* DynamoDB's */, READ_BYTES = 128 * 1024 };

struct key_list {
    struct key_list *next;
    struct bytes key;
};

struct importing {
    struct core_table *target;
    struct key_list *files; /* still to come */
    struct key_list **files_tail;
    size_t n_files;
    bool too_many;
    /* the open file */
    struct io_stream *file;
    struct io_unpack *unpack;
    struct buf packed;
    struct buf text; /* unpacked and not taken yet */
    bool read_all;
    bool skip; /* the rest of the file makes no sense */
    struct backup_columns columns;
    struct arena columns_arena;
};

static void importing_done(struct runner *r)
{
    struct importing *m = r->own;
    io_stream_close(m->file);
    io_unpack_free(m->unpack);
    buf_done(&m->packed);
    buf_done(&m->text);
    arena_done(&m->columns_arena);
    free(m);
}

static enum err importing_fail(struct runner *r, enum err why)
{
    r->job.status = BACKUP_FAILED;
    r->job.ended_ms = io_clock_now_ms(&r->jobs->clock);
    if (r->job.fault_code.base == NULL) {
        r->job.fault_code = BYTES_LIT("UNKNOWN");
        r->job.fault_text = bytes_str(err_text(why));
    }
    return runner_end_filling(r, /* failed= */ true, /* drop= */ false);
}

static enum err importing_finish(struct runner *r)
{
    enum err e = putter_flush(r);
    if (e != OK) {
        return e;
    }
    r->job.items = r->putter.put;
    r->job.errors += r->putter.refused;
    r->job.ended_ms = io_clock_now_ms(&r->jobs->clock);
    r->job.status = r->job.errors == 0 ? BACKUP_DONE : BACKUP_FAILED;
    if (r->job.errors > 0) {
        r->job.fault_code = BYTES_LIT("ItemValidationError");
        r->job.fault_text =
            BYTES_LIT("Some of the items failed validation checks and were not imported. Please "
                      "check CloudWatch error logs for more details.");
    }
    e = runner_end_filling(r, /* failed= */ false, /* drop= */ false);
    return e == OK ? ERR_NOT_FOUND : e;
}

/* ---- records ---- */

static void count_error(struct runner *r, const char *what)
{
    r->job.errors++;
    if (r->job.errors == 1) {
        jobs_log(r, TRACE_WARN, "an import met what is no item of its table", bytes_str(what));
    }
}

/* Puts what a record says, or counts it as an error: `e` says what came of reading it. */
static enum err take_item(struct runner *r, enum err e, const struct value *item)
{
    const struct importing *m = r->own;
    r->job.processed_items++;
    if (e == OK) {
        e = putter_add(r, m->target, item);
    }
    if (e == ERR_INVALID || e == ERR_SYNTAX) {
        count_error(r, "a record does not fit");
        return OK;
    }
    return e;
}

static void skip_rest(struct runner *r, const char *what)
{
    struct importing *m = r->own;
    r->job.processed_items++;
    count_error(r, what);
    m->skip = true;
}

/* The next JSON object. OK: taken, *ret_used long; ERR_AGAIN; ERR_NOT_FOUND: nothing is left. */
static enum err take_object(struct runner *r, struct bytes text, size_t *ret_used)
{
    const struct importing *m = r->own;
    size_t start = 0;
    size_t len = 0;
    enum err e = backup_object_find(text, m->read_all, &start, &len);
    if (e == ERR_SYNTAX) {
        skip_rest(r, "a file does not parse");
        return OK;
    }
    if (e != OK) {
        return e;
    }
    struct bytes line = bytes_dup(&r->putter.arena, bytes_of(text.base + start, len));
    struct value item;
    if (line.base == NULL) {
        return ERR_TOO_BIG;
    }
    e = dynamo_take_item_line(r->jobs->dynamo, &r->putter.arena, line, &item);
    *ret_used = start + len;
    if (e == ERR_SYNTAX) {
        skip_rest(r, "a file does not parse");
        return OK;
    }
    return take_item(r, e, &item);
}

/* The next CSV record, likewise; the first names the columns unless the request did. */
static enum err take_record(struct runner *r, struct bytes text, size_t *ret_used)
{
    struct importing *m = r->own;
    struct csv_record record;
    struct value item;
    char delimiter = (char)r->job.delimiter.base[0];
    struct arena *a = m->columns.n == 0 ? &m->columns_arena : &r->putter.arena;
    enum err e = csv_next(a, text, delimiter, m->read_all, &record, ret_used);
    if (e == ERR_SYNTAX) {
        skip_rest(r, "a file does not parse");
        return OK;
    }
    if (e != OK || record.n == 0) {
        return e;
    }
    if (m->columns.n == 0) {
        return backup_columns_of_record(&m->columns_arena, m->target, &record, &m->columns);
    }
    e = backup_csv_item(&r->putter.arena, &m->columns, &record, &item);
    return e == ERR_TOO_BIG ? e : take_item(r, e, &item);
}

/* Takes records as long as they are whole. OK: more text is needed; ERR_NOT_FOUND: the file is
 * done.
 */
static enum err take_records(struct runner *r)
{
    struct importing *m = r->own;
    struct bytes rest = buf_bytes(&m->text);
    bool csv = bytes_eq_str(r->job.format, "CSV");
    enum err e = OK;
    while (e == OK && !m->skip) {
        size_t used = 0;
        e = csv ? take_record(r, rest, &used) : take_object(r, rest, &used);
        rest = bytes_from(rest, used);
    }
    if (m->skip) {
        rest = BYTES_NONE;
    }
    if (rest.len > 0) {
        memmove(m->text.base, rest.base, rest.len);
    }
    m->text.len = rest.len;
    if (e == ERR_AGAIN && rest.len > JOB_ITEM_BYTES_MAX) {
        skip_rest(r, "a record is too long");
        m->text.len = 0;
    }
    if (e == ERR_NOT_FOUND || m->skip) {
        return m->read_all || m->skip ? ERR_NOT_FOUND : OK;
    }
    return e == ERR_AGAIN ? OK : e;
}

/* ---- files ---- */

static enum err open_next(struct runner *r)
{
    struct importing *m = r->own;
    char path[JOB_PATH_MAX];
    enum io_packing packing = IO_PACKED_NOT;
    if (bytes_eq_str(r->job.compression, "GZIP")) {
        packing = IO_PACKED_GZIP;
    } else if (bytes_eq_str(r->job.compression, "ZSTD")) {
        packing = IO_PACKED_ZSTD;
    }
    if (!jobs_bucket_path(r->jobs, r->job.bucket, m->files->key, path)) {
        return ERR_INVALID;
    }
    m->files = m->files->next;
    m->unpack = io_unpack_new(packing);
    m->read_all = false;
    m->skip = false;
    buf_clear(&m->text);
    arena_clear(&m->columns_arena);
    m->columns = (struct backup_columns){0};
    if (r->job.columns != NULL) {
        enum err e = backup_columns_of_names(
            &m->columns_arena, m->target, r->job.columns, r->job.n_columns, &m->columns);
        if (e != OK) {
            return e;
        }
    }
    return io_stream_open(path, &m->file);
}

static void close_file(struct importing *m)
{
    io_stream_close(m->file);
    io_unpack_free(m->unpack);
    m->file = NULL;
    m->unpack = NULL;
}

static enum err read_more(struct runner *r)
{
    struct importing *m = r->own;
    buf_clear(&m->packed);
    enum err e = io_stream_read(m->file, READ_BYTES, &m->packed);
    r->job.processed_bytes += m->packed.len;
    if (e == ERR_NOT_FOUND) {
        m->read_all = true;
        e = io_unpack_end(m->unpack);
    } else if (e == OK) {
        e = io_unpack(m->unpack, buf_bytes(&m->packed), &m->text);
    }
    if (e == ERR_CORRUPT || e == ERR_TOO_BIG) {
        skip_rest(r, "a file does not unpack");
        e = OK;
    }
    return e;
}

static enum err importing_step(struct runner *r)
{
    struct importing *m = r->own;
    if (m->file == NULL && m->files == NULL) {
        return importing_finish(r);
    }
    enum err e = m->file == NULL ? open_next(r) : OK;
    if (e == OK) {
        e = read_more(r);
    }
    if (e == OK) {
        e = take_records(r);
    }
    /* What lies in the putter's arena goes with the command it is part of. */
    enum err flushed = putter_flush(r);
    if (e == ERR_NOT_FOUND) {
        close_file(m);
        e = OK;
    }
    return e == OK ? flushed : e;
}

/* ---- beginning ---- */

static void note_file(void *ctx, const char *name, uint64_t bytes)
{
    (void)bytes;
    struct runner *r = ctx;
    struct importing *m = r->own;
    struct bytes key = bytes_str(name);
    if (!bytes_has_prefix(key, r->job.prefix)) {
        return;
    }
    struct key_list *file = ARENA_NEW(&r->arena, struct key_list);
    struct bytes own = bytes_dup(&r->arena, key);
    if (file == NULL || own.base == NULL || m->n_files == IMPORT_FILES_MAX) {
        m->too_many = true;
        return;
    }
    file->key = own;
    *m->files_tail = file;
    m->files_tail = &file->next;
    m->n_files++;
}

struct making {
    struct runner *runner;
    bool taken; /* another table has the name */
};

static enum err make_table(void *arg, struct part_stage *s, struct arena *a)
{
    struct making *making = arg;
    const struct runner *r = making->runner;
    struct core *core = r->jobs->server->writer.core;
    const struct core_table *t = catalog_table(core_catalog(core), r->job.table_name);
    if (t != NULL) {
        making->taken = !t->filling || !bytes_eq(t->uuid, r->job.table_uuid);
        return making->taken ? ERR_EXISTS : OK; /* ours already: we begin anew */
    }
    struct core_table wanted = r->source;
    wanted.filling = true;
    struct core_admin admin = {
        .kind = CORE_ADMIN_CREATE_TABLE,
        .core = core,
        .name = r->job.table_name,
        .table = &wanted,
    };
    return core_admin_run(&admin, s, a);
}

/* Looks for the bucket and its files, and makes the table. */
static enum err prepare(struct runner *r)
{
    char path[JOB_PATH_MAX];
    bool named = jobs_bucket_path(r->jobs, r->job.bucket, BYTES_LIT(""), path);
    if (!named || !io_is_dir(path)) {
        r->job.fault_code = BYTES_LIT("S3NoSuchBucket");
        r->job.fault_text = BYTES_LIT(JOB_NO_BUCKET);
        return ERR_NOT_FOUND;
    }
    const struct importing *m = r->own;
    enum err e = io_dir_walk(path, /* deep= */ true, note_file, r);
    if (e == OK && m->too_many) {
        r->job.fault_code = BYTES_LIT("LimitExceeded");
        r->job.fault_text = BYTES_LIT("An import takes at most 50000 S3 objects");
        e = ERR_LIMIT;
    }
    if (e != OK) {
        return e;
    }
    struct making making = {.runner = r};
    e = jobs_call(r->jobs, make_table, &making);
    if (making.taken) {
        r->job.fault_code = BYTES_LIT("TableAlreadyExists");
        r->job.fault_text =
            bytes_fmt(&r->arena, "Table already exists: %.*s", BYTES_FMT(r->job.table_name));
    }
    return e;
}

enum err import_job_begin(struct runner *r)
{
    struct importing *m = calloc(1, sizeof *m);
    ASSERT(m != NULL);
    r->own = m;
    r->step = importing_step;
    r->done = importing_done;
    r->fail = importing_fail;
    m->files_tail = &m->files;
    buf_init(&m->packed, 1 << 20);
    buf_init(&m->text, 256 << 20);
    arena_init(&m->columns_arena, 16 << 20);
    r->job.processed_items = 0;
    r->job.processed_bytes = 0;
    r->job.errors = 0;
    r->job.items = 0;
    enum err e = prepare(r);
    return e == OK ? runner_target(r, r->job.table_name, r->job.table_uuid, &m->target) : e;
}
