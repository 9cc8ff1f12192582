/* Exports: a table as it stood, or what changed in it, as files of JSON lines under
 * BUCKET/PREFIX/AWSDynamoDB, with the manifests DynamoDB writes beside them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "server/jobs.h"

enum { EXPORT_FILE_BYTES = 64 << 20, EXPORT_KEY_MAX = 1500 };

struct exporting {
    struct backup_view *view;
    struct arena arena;
    char folder[EXPORT_KEY_MAX]; /* "PREFIX/AWSDynamoDB/NAME" */
    char data[EXPORT_KEY_MAX];   /* "…/data": an incremental export's lies beside its folder */
    unsigned n_files;
    /* the open data file */
    struct io_stream *file;
    struct io_gzip *gzip;
    struct md5 *md5;
    char key[EXPORT_KEY_MAX + 64];
    uint64_t file_items;
    uint64_t file_bytes; /* before packing */
    struct buf lines;
    struct buf packed;
    struct buf files; /* manifest-files.json */
};

static void exporting_done(struct runner *r)
{
    struct exporting *x = r->own;
    backup_view_close(x->view);
    io_stream_close(x->file);
    io_gzip_free(x->gzip);
    md5_free(x->md5);
    arena_done(&x->arena);
    buf_done(&x->lines);
    buf_done(&x->packed);
    buf_done(&x->files);
    free(x);
}

static enum err exporting_fail(struct runner *r, enum err why)
{
    r->job.status = BACKUP_FAILED;
    r->job.ended_ms = io_clock_now_ms(&r->jobs->clock);
    if (r->job.fault_code.base == NULL) {
        r->job.fault_code = BYTES_LIT("UNKNOWN");
        r->job.fault_text = bytes_str(err_text(why));
    }
    return runner_save(r);
}

static bool key_path(const struct runner *r, const char *key, char path[JOB_PATH_MAX])
{
    return jobs_bucket_path(r->jobs, r->job.bucket, bytes_str(key), path);
}

/* ---- data files ---- */

/* A name like DynamoDB's, the same when the job begins anew. */
static void file_name(const struct runner *r, unsigned n, char ret[33])
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct hash128 h = hash128(r->job.name, /* seed= */ n);
    for (size_t i = 0; i < 26; i++) {
        uint64_t *half = i < 13 ? &h.lo : &h.hi;
        ret[i] = letters[*half & 31];
        *half >>= 4;
    }
    ret[26] = '\0';
}

static enum err open_file(struct runner *r)
{
    struct exporting *x = r->own;
    char name[33];
    char path[JOB_PATH_MAX];
    file_name(r, x->n_files++, name);
    int n = snprintf(x->key, sizeof x->key, "%s/%s.json.gz", x->data, name);
    if (n < 0 || (size_t)n >= sizeof x->key || !key_path(r, x->key, path)) {
        return ERR_INVALID;
    }
    x->gzip = io_gzip_new();
    x->md5 = md5_new();
    x->file_items = 0;
    x->file_bytes = 0;
    return io_stream_create(path, &x->file);
}

/* Packs the lines gathered so far into the file. */
static enum err write_lines(struct exporting *x, bool last)
{
    enum err e = x->lines.err;
    if (e == OK) {
        e = io_gzip_put(x->gzip, buf_bytes(&x->lines), last, &x->packed);
    }
    if (e == OK) {
        md5_add(x->md5, buf_bytes(&x->packed));
        e = io_stream_write(x->file, buf_bytes(&x->packed));
    }
    x->file_bytes += x->lines.len;
    buf_clear(&x->lines);
    buf_clear(&x->packed);
    return e;
}

static enum err close_file(struct exporting *x)
{
    uint8_t digest[MD5_LEN];
    struct buf sum;
    struct buf etag;
    enum err e = write_lines(x, /* last= */ true);
    if (e != OK) {
        return e;
    }
    e = io_stream_commit(x->file);
    x->file = NULL;
    io_gzip_free(x->gzip);
    x->gzip = NULL;
    md5_end(x->md5, digest);
    md5_free(x->md5);
    x->md5 = NULL;
    buf_init(&sum, 64);
    buf_init(&etag, 64);
    put_base64(&sum, bytes_of(digest, sizeof digest));
    put_hex(&etag, bytes_of(digest, sizeof digest));
    buf_put_str(&etag, "-1");
    dynamo_put_export_file(
        &x->files, x->file_items, buf_bytes(&sum), buf_bytes(&etag), bytes_str(x->key));
    buf_done(&sum);
    buf_done(&etag);
    return e == OK ? x->files.err : e;
}

/* ---- manifests ---- */

/* Writes FOLDER/NAME.json and, beside it, its checksum. */
static enum err write_manifest(struct runner *r, const char *name, struct bytes content)
{
    const struct exporting *x = r->own;
    char key[EXPORT_KEY_MAX + 64];
    char path[JOB_PATH_MAX];
    uint8_t digest[MD5_LEN];
    struct buf sum;
    struct md5 *m = md5_new();
    md5_add(m, content);
    md5_end(m, digest);
    md5_free(m);
    (void)snprintf(key, sizeof key, "%s/%s.json", x->folder, name);
    enum err e = key_path(r, key, path) ? io_file_write(path, content, 0600) : ERR_INVALID;
    (void)snprintf(key, sizeof key, "%s/%s.md5", x->folder, name);
    buf_init(&sum, 64);
    put_base64(&sum, bytes_of(digest, sizeof digest));
    if (e == OK) {
        e = key_path(r, key, path) ? io_file_write(path, buf_bytes(&sum), 0600) : ERR_INVALID;
    }
    buf_done(&sum);
    return e;
}

static enum err exporting_finish(struct runner *r)
{
    struct exporting *x = r->own;
    struct buf summary;
    struct bytes region = r->jobs->server->config->name;
    enum err e = close_file(x);
    if (e == OK) {
        e = write_manifest(r, "manifest-files", buf_bytes(&x->files));
    }
    if (e != OK) {
        return e;
    }
    r->job.ended_ms = io_clock_now_ms(&r->jobs->clock);
    r->job.manifest = bytes_fmt(&r->arena, "%s/manifest-summary.json", x->folder);
    struct bytes files_key = bytes_fmt(&r->arena, "%s/manifest-files.json", x->folder);
    buf_init(&summary, 1 << 16);
    dynamo_put_export_summary(&summary, region, &r->job, files_key);
    e = summary.err == OK ? write_manifest(r, "manifest-summary", buf_bytes(&summary))
                          : summary.err;
    buf_done(&summary);
    if (e == OK) {
        r->job.status = BACKUP_DONE;
        e = runner_save(r);
    }
    return e == OK ? ERR_NOT_FOUND : e;
}

/* ---- records ---- */

static enum err decode(struct arena *a, struct bytes item, struct value *ret)
{
    enum err e = value_decode(a, item, ret);
    return e == OK && ret->type != VALUE_MAP ? ERR_CORRUPT : e;
}

static enum err put_item(struct runner *r, const struct backup_view_record *record)
{
    struct exporting *x = r->own;
    struct value item;
    enum err e = decode(&x->arena, record->item, &item);
    if (e == OK) {
        dynamo_put_item_line(&x->lines, &item);
        r->job.items++;
        r->job.bytes += item_size(&item);
    }
    return e;
}

/* What came and went between the two times did not change anything. */
static enum err put_change(struct runner *r, const struct backup_view_record *record)
{
    struct exporting *x = r->own;
    struct value keys;
    struct value old;
    struct value now;
    if (!record->had_old && !record->has_new) {
        return OK;
    }
    enum err e = part_key_attrs(&x->arena, &r->source.part.keys, record->key, &keys);
    if (e == OK && record->had_old) {
        e = decode(&x->arena, record->old_item, &old);
    }
    if (e == OK && record->has_new) {
        e = decode(&x->arena, record->item, &now);
    }
    if (e != OK) {
        return e;
    }
    const struct dynamo_change_line line = {
        .changed_ms = hlc_ms(record->changed),
        .keys = &keys,
        .old = record->had_old && !r->job.new_only ? &old : NULL,
        .now = record->has_new ? &now : NULL,
    };
    dynamo_put_change_line(&x->lines, &line);
    r->job.items++;
    r->job.bytes +=
        (record->had_old ? item_size(&old) : 0) + (record->has_new ? item_size(&now) : 0);
    return OK;
}

static enum err exporting_step(struct runner *r)
{
    struct exporting *x = r->own;
    size_t steps = JOB_STEP_RECORDS;
    struct backup_view_record record;
    enum err e = OK;
    while (e == OK && x->lines.len < JOB_STEP_BYTES) {
        arena_clear(&x->arena);
        e = backup_view_next(x->view, &steps, &record);
        if (e == OK) {
            e = r->job.incremental ? put_change(r, &record) : put_item(r, &record);
            x->file_items++;
        }
    }
    if (e == ERR_NOT_FOUND) {
        return exporting_finish(r);
    }
    if (e != OK && e != ERR_AGAIN) {
        return e;
    }
    e = write_lines(x, /* last= */ false);
    if (e == OK && x->file_bytes >= EXPORT_FILE_BYTES) {
        e = close_file(x);
        return e == OK ? open_file(r) : e;
    }
    return e;
}

/* ---- beginning ---- */

static enum err make_folders(struct runner *r)
{
    struct exporting *x = r->own;
    char path[JOB_PATH_MAX];
    char key[EXPORT_KEY_MAX + 64];
    struct bytes prefix = r->job.prefix;
    while (prefix.len > 0 && prefix.base[prefix.len - 1] == '/') {
        prefix.len--;
    }
    while (prefix.len > 0 && prefix.base[0] == '/') {
        prefix = bytes_from(prefix, 1);
    }
    int n = snprintf(
        x->folder,
        sizeof x->folder,
        "%.*s%sAWSDynamoDB/%.*s",
        BYTES_FMT(prefix),
        prefix.len == 0 ? "" : "/",
        BYTES_FMT(r->job.name));
    int m = snprintf(
        x->data,
        sizeof x->data,
        r->job.incremental ? "%.*s%sAWSDynamoDB/data" : "%.*s%sAWSDynamoDB/%.*s/data",
        BYTES_FMT(prefix),
        prefix.len == 0 ? "" : "/",
        BYTES_FMT(r->job.name));
    if (n < 0 || (size_t)n >= sizeof x->folder || m < 0 || (size_t)m >= sizeof x->data) {
        return ERR_INVALID;
    }
    enum err e = key_path(r, x->folder, path) ? io_mkdir_p(path, 0700) : ERR_INVALID;
    if (e == OK) {
        e = key_path(r, x->data, path) ? io_mkdir_p(path, 0700) : ERR_INVALID;
    }
    (void)snprintf(key, sizeof key, "%s/_started", x->folder);
    if (e == OK) {
        e = key_path(r, key, path) ? io_file_write(path, BYTES_NONE, 0600) : ERR_INVALID;
    }
    return e;
}

enum err export_job_begin(struct runner *r)
{
    struct exporting *x = calloc(1, sizeof *x);
    char path[JOB_PATH_MAX];
    ASSERT(x != NULL);
    r->own = x;
    r->step = exporting_step;
    r->done = exporting_done;
    r->fail = exporting_fail;
    arena_init(&x->arena, 256 << 20);
    buf_init(&x->lines, 64 << 20);
    buf_init(&x->packed, 64 << 20);
    buf_init(&x->files, 16 << 20);
    r->job.items = 0;
    r->job.bytes = 0;
    bool named = jobs_bucket_path(r->jobs, r->job.bucket, BYTES_LIT(""), path);
    if (!named || !io_is_dir(path)) {
        r->job.fault_code = BYTES_LIT("S3NoSuchBucket");
        r->job.fault_text = BYTES_LIT(JOB_NO_BUCKET);
        return ERR_NOT_FOUND;
    }
    enum err e = r->job.table == NULL ? ERR_CORRUPT : runner_table_is_there(r);
    if (e == OK) {
        uint64_t since_ms = r->job.incremental ? r->job.from_ms : r->job.upto_ms;
        e = runner_past_is_held(r, since_ms);
    }
    if (e == OK) {
        e = make_folders(r);
    }
    if (e == OK) {
        e = open_file(r);
    }
    if (e != OK) {
        return e;
    }
    uint64_t upto = hlc_of_ms(r->job.upto_ms).v;
    const struct backup_view_config config = {
        .reader = {.engine = r->jobs->server->engine, .snap = r->snap},
        .table = r->source.part.id,
        /* A full export has all of its millisecond, an incremental one nothing of its last. */
        .upto = {r->job.incremental ? upto - 1 : upto | 0xffff},
        .changes = r->job.incremental,
        .from = {hlc_of_ms(r->job.from_ms).v - 1},
    };
    x->view = backup_view_open(&config);
    return OK;
}
