/* Backups and restores. */
#include <stdlib.h>

#include "server/jobs.h"

/* ---- writing a backup ---- */

struct keeping {
    struct backup_view *view;
    struct io_stream *file;
    struct buf out;
    struct backup_writer writer;
    struct arena arena;
};

static void keeping_done(struct runner *r)
{
    struct keeping *k = r->own;
    backup_view_close(k->view);
    io_stream_close(k->file);
    backup_writer_done(&k->writer);
    buf_done(&k->out);
    arena_done(&k->arena);
    free(k);
}

/* DynamoDB knows no backup that failed: its row goes. */
static enum err drop_row(void *arg, struct part_stage *s, struct arena *a)
{
    const struct runner *r = arg;
    return backup_job_drop(s, a, r->job.kind, r->job.name);
}

static enum err keeping_fail(struct runner *r, enum err why)
{
    (void)why;
    return jobs_call(r->jobs, drop_row, r);
}

static enum err keep_record(struct keeping *k, struct bytes item)
{
    struct value v;
    arena_clear(&k->arena);
    enum err e = value_decode(&k->arena, item, &v);
    if (e == OK) {
        backup_writer_add(&k->writer, item, item_size(&v));
    }
    return e;
}

static enum err keeping_finish(struct runner *r)
{
    struct keeping *k = r->own;
    backup_writer_end(&k->writer);
    enum err e = k->out.err == OK ? io_stream_write(k->file, buf_bytes(&k->out)) : k->out.err;
    if (e == OK) {
        e = io_stream_commit(k->file);
        k->file = NULL;
    }
    if (e != OK) {
        return e;
    }
    r->job.status = BACKUP_DONE;
    r->job.ended_ms = io_clock_now_ms(&r->jobs->clock);
    r->job.items = k->writer.items;
    r->job.bytes = k->writer.bytes;
    e = runner_save(r);
    return e == OK ? ERR_NOT_FOUND : e;
}

static enum err keeping_step(struct runner *r)
{
    struct keeping *k = r->own;
    size_t steps = JOB_STEP_RECORDS;
    struct backup_view_record record;
    enum err e = OK;
    while (e == OK && k->out.len < JOB_STEP_BYTES) {
        e = backup_view_next(k->view, &steps, &record);
        if (e == OK) {
            e = keep_record(k, record.item);
        }
    }
    if (e == ERR_NOT_FOUND) {
        return keeping_finish(r);
    }
    if (e == OK || e == ERR_AGAIN) {
        e = k->out.err == OK ? io_stream_write(k->file, buf_bytes(&k->out)) : k->out.err;
        buf_clear(&k->out);
    }
    return e;
}

enum err runner_table_is_there(const struct runner *r)
{
    static const struct part_table schema = {
        .id = PART_TABLE_CATALOG,
        .keys =
            {
                .hash = {BYTES_LIT("kind"), VALUE_STRING},
                .range = {BYTES_LIT("name"), VALUE_STRING},
            },
    };
    const struct part_reader reader = {.engine = r->jobs->server->engine, .snap = r->snap};
    const struct value *kind = value_find(r->job.table, BYTES_LIT("kind"));
    const struct value *name = value_find(r->job.table, BYTES_LIT("name"));
    if (kind == NULL || name == NULL) {
        return ERR_CORRUPT;
    }
    const struct member members[] = {
        {BYTES_LIT("kind"), *kind},
        {BYTES_LIT("name"), *name},
    };
    const struct value key = {.type = VALUE_MAP, .map = {members, 2}};
    struct arena a;
    struct buf encoded;
    struct bytes attr;
    struct value row;
    struct core_table t;
    arena_init(&a, 16 << 20);
    buf_init(&encoded, 8192);
    enum err e = part_key_of(&schema.keys, &key, &encoded, &attr);
    if (e == OK) {
        e = part_get(&reader, &schema, buf_bytes(&encoded), &a, &row, NULL);
    }
    if (e == OK) {
        e = core_table_decode(&a, &row, &t);
    }
    if (e == OK && (!bytes_eq(t.uuid, r->source.uuid) || t.part.id != r->source.part.id)) {
        e = ERR_NOT_FOUND;
    }
    buf_done(&encoded);
    arena_done(&a);
    return e;
}

enum err backup_begin(struct runner *r)
{
    struct keeping *k = calloc(1, sizeof *k);
    char path[JOB_PATH_MAX];
    char dir[JOB_PATH_MAX];
    ASSERT(k != NULL);
    r->own = k;
    r->step = keeping_step;
    r->done = keeping_done;
    r->fail = keeping_fail;
    buf_init(&k->out, 64 << 20);
    arena_init(&k->arena, 64 << 20);
    if (!jobs_backup_path(r->jobs, r->job.name, path) ||
        !jobs_backup_path(r->jobs, BYTES_LIT(""), dir)) {
        return ERR_INVALID;
    }
    *strrchr(dir, '/') = '\0';
    enum err e = r->job.table == NULL ? ERR_CORRUPT : runner_table_is_there(r);
    if (e == OK) {
        e = io_mkdir_p(dir, 0700);
    }
    if (e == OK) {
        e = io_stream_create(path, &k->file);
    }
    if (e != OK) {
        return e;
    }
    const struct backup_view_config config = {
        .reader = {.engine = r->jobs->server->engine, .snap = r->snap},
        .table = r->source.part.id,
        .all = true,
    };
    k->view = backup_view_open(&config);
    backup_writer_begin(&k->writer, &k->out, r->job.table);
    return OK;
}

/* ---- restoring ---- */

struct restoring {
    struct core_table *target;
    /* of a backup */
    struct io_stream *file;
    char path[JOB_PATH_MAX];
    struct buf in; /* read and not taken yet */
    bool read_all;
    bool headed;
    bool described;
    uint64_t items;
    /* of a table's past */
    struct backup_view *view;
};

static void restoring_done(struct runner *r)
{
    struct restoring *t = r->own;
    io_stream_close(t->file);
    buf_done(&t->in);
    backup_view_close(t->view);
    free(t);
}

static enum err restoring_fail(struct runner *r, enum err why)
{
    const struct restoring *t = r->own;
    if (!r->job.of_past && (why == ERR_CORRUPT || why == ERR_FORMAT || why == ERR_NOT_FOUND)) {
        jobs_log(r, TRACE_ERROR, "the backup file is damaged", bytes_str(t->path));
    }
    return runner_end_filling(r, /* failed= */ true, /* drop= */ true);
}

static enum err restoring_finish(struct runner *r)
{
    enum err e = putter_flush(r);
    if (e == OK && r->putter.refused > 0) {
        e = ERR_CORRUPT;
    }
    if (e == OK) {
        e = runner_end_filling(r, /* failed= */ false, /* drop= */ true);
    }
    return e == OK ? ERR_NOT_FOUND : e;
}

/* An encoded item goes into the table. */
static enum err restore_item(struct runner *r, struct bytes encoded)
{
    struct restoring *t = r->own;
    struct value item;
    struct bytes own = bytes_dup(&r->putter.arena, encoded);
    enum err e = own.base == NULL ? ERR_TOO_BIG : value_decode(&r->putter.arena, own, &item);
    if (e == OK && item.type != VALUE_MAP) {
        e = ERR_CORRUPT;
    }
    if (e == OK) {
        t->items++;
        e = putter_add(r, t->target, &item);
        e = e == ERR_INVALID ? ERR_CORRUPT : e;
    }
    return e;
}

/* One whole block. OK; ERR_NOT_FOUND: it was the last. */
static enum err restore_block(struct runner *r, const struct backup_block *b)
{
    struct restoring *t = r->own;
    struct reader payload = reader_of(b->payload);
    struct bytes item;
    uint64_t items;
    uint64_t bytes;
    enum err e;
    switch (b->type) {
    case BACKUP_BLOCK_TABLE:
        e = t->described ? ERR_CORRUPT : OK;
        t->described = true;
        return e;
    case BACKUP_BLOCK_ITEMS:
        e = t->described ? OK : ERR_CORRUPT;
        while (e == OK) {
            e = backup_block_item(&payload, &item);
            if (e == ERR_NOT_FOUND) {
                return OK;
            }
            e = e == OK ? restore_item(r, item) : e;
        }
        return e;
    case BACKUP_BLOCK_END:
        e = backup_block_end(b->payload, &items, &bytes);
        if (e == OK && (items != t->items || !t->described)) {
            e = ERR_CORRUPT;
        }
        return e == OK ? ERR_NOT_FOUND : e;
    }
    UNREACHABLE();
}

/* Takes what is whole of the bytes read. OK: more are needed; ERR_NOT_FOUND: that was the end. */
static enum err restore_blocks(struct runner *r)
{
    struct restoring *t = r->own;
    struct bytes rest = buf_bytes(&t->in);
    enum err e = OK;
    if (!t->headed) {
        size_t len = 0;
        e = backup_file_heading(rest, &len);
        t->headed = e == OK;
        rest = bytes_from(rest, len);
    }
    while (e == OK) {
        struct backup_block b;
        e = backup_block_take(rest, &b);
        if (e == OK) {
            e = restore_block(r, &b);
            rest = bytes_from(rest, b.len);
        }
    }
    memmove(t->in.base, rest.base, rest.len);
    t->in.len = rest.len;
    if (e == ERR_AGAIN) {
        return t->read_all ? ERR_CORRUPT : OK;
    }
    return e;
}

static enum err backup_step(struct runner *r)
{
    struct restoring *t = r->own;
    enum err e = io_stream_read(t->file, JOB_STEP_BYTES, &t->in);
    if (e == ERR_NOT_FOUND) {
        t->read_all = true;
        e = OK;
    }
    if (e == OK) {
        e = restore_blocks(r);
    }
    return e == ERR_NOT_FOUND ? restoring_finish(r) : e;
}

static enum err past_step(struct runner *r)
{
    struct restoring *t = r->own;
    size_t steps = JOB_STEP_RECORDS;
    size_t bytes = 0;
    struct backup_view_record record;
    enum err e = OK;
    while (e == OK && bytes < JOB_STEP_BYTES) {
        e = backup_view_next(t->view, &steps, &record);
        if (e == OK) {
            bytes += record.item.len;
            e = restore_item(r, record.item);
        }
    }
    if (e == ERR_NOT_FOUND) {
        return restoring_finish(r);
    }
    return e == ERR_AGAIN ? OK : e;
}

enum err runner_past_is_held(const struct runner *r, uint64_t since_ms)
{
    const struct part_reader reader = {.engine = r->jobs->server->engine, .snap = r->snap};
    struct hlc floor;
    enum err e = backup_log_floor(&reader, r->jobs->server->config->id, &floor);
    return e == OK && hlc_ms(floor) > since_ms ? ERR_FENCED : e;
}

static enum err past_begin(struct runner *r)
{
    struct restoring *t = r->own;
    r->step = past_step;
    enum err e = r->job.table == NULL ? ERR_CORRUPT : runner_table_is_there(r);
    if (e == OK) {
        e = runner_past_is_held(r, r->job.upto_ms);
    }
    if (e != OK) {
        return e;
    }
    const struct backup_view_config config = {
        .reader = {.engine = r->jobs->server->engine, .snap = r->snap},
        .table = r->source.part.id,
        .upto = {hlc_of_ms(r->job.upto_ms).v | 0xffff},
    };
    t->view = backup_view_open(&config);
    return OK;
}

enum err restore_begin(struct runner *r)
{
    struct restoring *t = calloc(1, sizeof *t);
    ASSERT(t != NULL);
    r->own = t;
    r->step = backup_step;
    r->done = restoring_done;
    r->fail = restoring_fail;
    buf_init(&t->in, BACKUP_BLOCK_BYTES_MAX + 2 * JOB_STEP_BYTES);
    if (!jobs_backup_path(r->jobs, r->job.name, t->path)) {
        return ERR_INVALID;
    }
    enum err e = runner_target(r, r->job.target_name, r->job.target_uuid, &t->target);
    if (e != OK) {
        return e == ERR_NOT_FOUND ? ERR_INVALID : e;
    }
    return r->job.of_past ? past_begin(r) : io_stream_open(t->path, &t->file);
}
