/* What exports and imports share: buckets and their keys, tokens, pages of lists; and the lines and
 * manifests of the files themselves, as DynamoDB writes them. */
#include "front/dynamo/backup_calls.h"

/* ---- requests ---- */

static bool is_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void check_bucket(struct checks *k, const char *path, struct bytes bucket)
{
    check_not_null(k, path, bucket.base != NULL);
    bool good = bucket.base == NULL || (bucket.len >= 2 && is_word(bucket.base[0]) &&
                                        is_word(bucket.base[bucket.len - 1]));
    for (size_t i = 0; good && i < bucket.len; i++) {
        uint8_t c = bucket.base[i];
        good = is_word(c) || c == '.' || c == '-' || c == '_';
    }
    if (!good) {
        check_fail(
            k,
            bucket,
            path,
            "Member must satisfy regular expression pattern: "
            "^[a-z0-9A-Z]+[\\.\\-\\w]*[a-z0-9A-Z]+$");
    }
    check_length(k, path, bucket, 0, 255);
}

void check_owner(struct checks *k, const char *path, struct bytes owner)
{
    bool good = owner.base == NULL || owner.len == 12;
    for (size_t i = 0; good && i < owner.len; i++) {
        good = owner.base[i] >= '0' && owner.base[i] <= '9';
    }
    if (!good) {
        check_fail(k, owner, path, "Member must satisfy regular expression pattern: [0-9]{12}");
    }
}

bool key_prefix_check(struct dynamo_call *c, const char *field, struct bytes prefix)
{
    size_t start = 0;
    for (size_t i = 0; i <= prefix.len && prefix.base != NULL; i++) {
        if (i < prefix.len && prefix.base[i] != '/') {
            continue;
        }
        struct bytes part = {prefix.base + start, i - start};
        if (bytes_eq_str(part, "..") || bytes_eq_str(part, ".")) {
            return call_invalid(
                c, INVALID_PREFIX "%s must not lead out of the bucket's folder", field);
        }
        start = i + 1;
    }
    return true;
}

struct bytes request_digest(struct dynamo_call *c, const struct json *in, const char *const *fields)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1 << 20);
    for (size_t i = 0; fields[i] != NULL; i++) {
        const struct json *j = json_find(in, fields[i]);
        if (j != NULL && j->type != JSON_NULL) {
            buf_putf(&b, "%s=", fields[i]);
            json_put(&b, j);
        }
    }
    struct hash128 h = hash128(buf_bytes(&b), /* seed= */ 0);
    buf_done(&b);
    return bytes_fmt(
        c->arena, "%016llx%016llx", (unsigned long long)h.hi, (unsigned long long)h.lo);
}

/* ---- jobs ---- */

void transfer_ask(
    struct job_call *j, const struct transfer_kind *kind, const struct backup_job *asked)
{
    struct bytes name = j->job.name;
    uint64_t began_ms = j->job.began_ms;
    j->job = *asked;
    j->job.kind = kind->kind;
    j->job.name = name;
    j->job.began_ms = began_ms;
    j->began = true;
}

enum err transfer_known(
    struct job_call *j,
    struct part_stage *s,
    struct arena *a,
    const struct transfer_kind *kind,
    bool *ret_known)
{
    struct bytes name;
    uint64_t since_ms;
    struct backup_job known;
    *ret_known = false;
    if (j->job.token.base == NULL) {
        return OK;
    }
    enum err err = backup_token_get(s, a, kind->kind, j->job.token, &name, &since_ms);
    if (err == OK && since_ms + BACKUP_TOKEN_MS > j->c->now_ms) {
        err = backup_job_get(s, a, kind->kind, name, &known);
    } else if (err == OK) {
        err = ERR_NOT_FOUND;
    }
    if (err != OK) {
        return err == ERR_NOT_FOUND ? OK : err;
    }
    if (!kind->same(&known, &j->job)) {
        return job_fault(
            j,
            kind->conflict,
            "%s conflict: Duplicate request detected with conflicting parameters",
            kind->title);
    }
    j->job = known;
    j->began = false;
    *ret_known = true;
    return OK;
}

static enum err limit_fault(
    struct job_call *j, struct part_stage *s, struct arena *a, const struct transfer_kind *kind)
{
    size_t running;
    enum err err = backup_jobs_tend(s, j->c->d->view.engine, a, kind->kind, &running);
    if (err == OK && running >= (size_t)kind->jobs_max) {
        err = job_fault(
            j,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: Only %d %ss at a time",
            kind->jobs_max,
            kind->word);
    }
    return err;
}

enum err transfer_start(
    struct job_call *j, struct part_stage *s, struct arena *a, const struct transfer_kind *kind)
{
    enum err err = limit_fault(j, s, a, kind);
    if (err == OK && j->job.token.base != NULL) {
        err = backup_token_put(s, a, kind->kind, j->job.token, j->job.name, j->c->now_ms);
    }
    return err == OK ? backup_job_put(s, a, &j->job) : err;
}

bool transfer_find(
    struct dynamo_call *c,
    const struct json *in,
    const struct transfer_kind *kind,
    struct backup_job *ret)
{
    struct bytes arn;
    struct bytes name;
    if (!job_arn_field(
            c, in, kind->arn_field, kind->arn_path, kind->word, kind->title, &arn, &name)) {
        return false;
    }
    if (name.base == NULL && kind->elsewhere != NULL) {
        return call_fail(c, kind->not_found, bytes_str(kind->elsewhere));
    }
    enum err err = name.base == NULL
                       ? ERR_NOT_FOUND
                       : backup_job_read(c->d->view.engine, c->arena, kind->kind, name, ret);
    if (err == ERR_NOT_FOUND || (err == OK && backup_job_is_past(ret, c->now_ms))) {
        return call_failf(
            c,
            kind->not_found,
            "%s not found: %s not found: %.*s",
            kind->title,
            kind->title,
            BYTES_FMT(arn));
    }
    return err == OK || call_fail_err(c, err);
}

/* ---- answers ---- */

const char *transfer_status(const struct backup_job *job)
{
    switch (job->status) {
    case BACKUP_RUNNING:
        return "IN_PROGRESS";
    case BACKUP_DONE:
        return "COMPLETED";
    case BACKUP_FAILED:
        return "FAILED";
    }
    UNREACHABLE();
}

void put_text_member(struct buf *b, const char *name, struct bytes text)
{
    if (text.base != NULL) {
        buf_putf(b, ",\"%s\":", name);
        json_put_string(b, text);
    }
}

struct page_request {
    struct bytes table; /* base NULL: all */
    struct opt_int size;
    struct bytes after; /* a job's name */
};

static bool page_read(
    struct dynamo_call *c,
    const struct json *in,
    const struct job_list *list,
    struct page_request *r)
{
    struct checks k = {.c = c};
    struct bytes arn;
    if (!field_string(c, in, "TableArn", &arn) ||
        !field_int(c, in, list->size_field, "Integer", &r->size) ||
        !field_string(c, in, "NextToken", &r->after)) {
        return false;
    }
    check_length(&k, "tableArn", arn, 1, 1024);
    check_range(&k, list->size_path, r->size, 1, list->size_max);
    if (!checks_done(&k)) {
        return false;
    }
    if (r->after.base != NULL && !backup_job_name_valid(r->after)) {
        return call_invalid(
            c, INVALID_REQUEST "Provided nextToken is invalid: %.*s", BYTES_FMT(r->after));
    }
    return arn.base == NULL || table_arn_parse(c, arn, "tableArn", &r->table);
}

enum dynamo_step answer_job_list(
    struct dynamo_call *c, const struct json *in, const struct job_list *list)
{
    struct page_request r = {0};
    const struct backup_job *jobs;
    size_t n_jobs;
    if (!page_read(c, in, list, &r)) {
        return DYNAMO_ANSWER;
    }
    enum err err = backup_job_list(c->d->view.engine, c->arena, list->kind, &jobs, &n_jobs);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    size_t max = r.size.present ? (size_t)r.size.v : (size_t)list->size_max;
    struct bytes last = BYTES_NONE;
    bool more = false;
    size_t n = 0;
    struct buf *b = call_body(c);
    buf_putf(b, "{\"%s\":[", list->heading);
    for (size_t i = n_jobs; i > 0 && !more; i--) { /* the newest first */
        const struct backup_job *job = &jobs[i - 1];
        bool behind = r.after.base == NULL || bytes_cmp(job->name, r.after) < 0;
        if (!behind || backup_job_is_past(job, c->now_ms) ||
            (r.table.base != NULL && !list->is_of(c, r.table, job))) {
            continue;
        }
        more = n == max;
        if (!more) {
            buf_put_str(b, n == 0 ? "" : ",");
            list->put(c, b, job);
            last = job->name;
            n++;
        }
    }
    buf_put_u8(b, ']');
    if (more) {
        put_text_member(b, "NextToken", last);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- files ---- */

void dynamo_put_item_line(struct buf *b, const struct value *item)
{
    buf_put_str(b, "{\"Item\":");
    attr_map_put(b, item);
    buf_put_str(b, "}\n");
}

void dynamo_put_change_line(struct buf *b, const struct dynamo_change_line *line)
{
    buf_putf(
        b,
        "{\"Metadata\":{\"WriteTimestampMicros\":{\"N\":\"%llu\"}},\"Keys\":",
        (unsigned long long)(line->changed_ms * 1000));
    attr_map_put(b, line->keys);
    if (line->old != NULL) {
        buf_put_str(b, ",\"OldImage\":");
        attr_map_put(b, line->old);
    }
    if (line->now != NULL) {
        buf_put_str(b, ",\"NewImage\":");
        attr_map_put(b, line->now);
    }
    buf_put_str(b, "}\n");
}

void dynamo_put_export_file(
    struct buf *b, uint64_t items, struct bytes md5, struct bytes etag, struct bytes key)
{
    buf_putf(b, "{\"itemCount\":%llu", (unsigned long long)items);
    put_text_member(b, "md5Checksum", md5);
    put_text_member(b, "etag", etag);
    put_text_member(b, "dataFileS3Key", key);
    buf_put_str(b, "}\n");
}

static void put_time_member(struct buf *b, const char *name, uint64_t ms)
{
    buf_putf(b, ",\"%s\":\"", name);
    put_iso_ms(b, ms);
    buf_put_u8(b, '"');
}

void dynamo_put_export_summary(
    struct buf *b, struct bytes region, const struct backup_job *job, struct bytes files_key)
{
    buf_putf(
        b, "{\"version\":\"%s\",\"exportArn\":\"", job->incremental ? "2023-08-01" : "2020-06-30");
    put_job_arn(b, region, job->table_name, "export", job->name);
    buf_put_u8(b, '"');
    put_time_member(b, "startTime", job->began_ms);
    put_time_member(b, "endTime", job->ended_ms);
    buf_put_str(b, ",\"tableArn\":\"");
    put_table_arn(b, region, job->table_name);
    buf_put_u8(b, '"');
    put_text_member(b, "tableId", job->table_uuid);
    if (job->incremental) {
        put_time_member(b, "exportFromTime", job->from_ms);
        put_time_member(b, "exportToTime", job->upto_ms);
    } else {
        put_time_member(b, "exportTime", job->upto_ms);
    }
    put_text_member(b, "s3Bucket", job->bucket);
    if (job->prefix.base == NULL) {
        buf_put_str(b, ",\"s3Prefix\":null");
    }
    put_text_member(b, "s3Prefix", job->prefix);
    put_text_member(b, "s3SseAlgorithm", job->encryption);
    buf_put_str(b, ",\"s3SseKmsKeyId\":null");
    put_text_member(b, "manifestFilesS3Key", files_key);
    buf_putf(
        b,
        ",\"billedSizeBytes\":%llu,\"itemCount\":%llu",
        (unsigned long long)job->bytes,
        (unsigned long long)job->items);
    put_text_member(b, "outputFormat", job->format);
    if (job->incremental) {
        buf_putf(b, ",\"outputView\":\"%s\"", job->new_only ? "NEW_IMAGE" : "NEW_AND_OLD_IMAGES");
    }
    buf_putf(b, ",\"exportType\":\"%s\"}", job->incremental ? "INCREMENTAL_EXPORT" : "FULL_EXPORT");
}

enum err dynamo_take_item_line(
    struct dynamo *d, struct arena *a, struct bytes line, struct value *ret)
{
    struct dynamo_call call = {.d = d, .arena = a}; /* its answer, if any, nobody reads */
    struct json j;
    enum err err = json_parse(d->parser, a, line, DYNAMO_JSON_DEPTH_MAX, &j);
    if (err == ERR_LIMIT) {
        return ERR_INVALID;
    }
    if (err != OK) {
        return err;
    }
    const struct json *item = json_find(&j, "Item");
    if (item == NULL || item->type != JSON_OBJECT) {
        return ERR_INVALID;
    }
    return attr_map_parse(&call, item, ret) ? OK : ERR_INVALID;
}
