/* ImportTable, DescribeImport and ListImports.
 *
 * The table is made by the job, once the bucket has been found: until then nobody sees it, and an
 * import from nowhere leaves none behind, as in DynamoDB. */
#include "front/dynamo/backup_calls.h"

enum { IMPORTS_PAGE_MAX = 25, IMPORTS_MAX = 50, COLUMNS_MAX = 255 };

struct import_request {
    struct bytes table; /* its name */
    struct core_table wanted;
    struct backup_job job;
};

/* ---- descriptions ---- */

enum { HEARD_MS = 1000 }; /* by then this thread has surely heard of a table that is in the store */

/* The job as clients see it. An import is over only when its table answers: the job is written down
 * as done together with the end of the filling, which makes the table ACTIVE a commit later, and
 * this thread hears of that later still. */
static struct backup_job job_shown(const struct dynamo_call *c, const struct backup_job *job)
{
    struct backup_job shown = *job;
    const struct core_table *t = catalog_table(c->d->view.catalog, job->table_name);
    bool filled = job->status == BACKUP_DONE || job->items > 0;
    bool unheard = t == NULL && filled && c->now_ms < job->ended_ms + HEARD_MS;
    bool ours = t != NULL && bytes_eq(t->uuid, job->table_uuid);
    if (unheard || (ours && t->status == CORE_CREATING)) {
        shown.status = BACKUP_RUNNING;
    }
    return shown;
}

static void put_source(struct buf *b, const struct backup_job *job)
{
    buf_put_str(b, ",\"S3BucketSource\":{\"S3Bucket\":");
    json_put_string(b, job->bucket);
    put_text_member(b, "S3BucketOwner", job->bucket_owner);
    put_text_member(b, "S3KeyPrefix", job->prefix);
    buf_put_u8(b, '}');
}

/* JSON that is kept as it came. */
static void put_verbatim(struct buf *b, const char *name, struct bytes json)
{
    if (json.base != NULL) {
        buf_putf(b, ",\"%s\":", name);
        buf_put_bytes(b, json);
    }
}

static enum dynamo_step answer_import(struct dynamo_call *c, const struct backup_job *stored)
{
    struct backup_job shown = job_shown(c, stored);
    const struct backup_job *job = &shown;
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"ImportTableDescription\":{\"ImportArn\":\"");
    put_job_arn(b, c->d->region, job->table_name, "import", job->name);
    buf_putf(b, "\",\"ImportStatus\":\"%s\",\"TableArn\":\"", transfer_status(job));
    put_table_arn(b, c->d->region, job->table_name);
    buf_put_u8(b, '"');
    put_text_member(b, "TableId", job->table_uuid);
    put_text_member(b, "ClientToken", job->token);
    put_source(b, job);
    put_text_member(b, "InputFormat", job->format);
    put_verbatim(b, "InputFormatOptions", job->options);
    put_text_member(b, "InputCompressionType", job->compression);
    put_verbatim(b, "TableCreationParameters", job->params);
    buf_put_str(b, ",\"StartTime\":");
    put_seconds(b, job->began_ms);
    if (job->status != BACKUP_RUNNING) {
        buf_put_str(b, ",\"EndTime\":");
        put_seconds(b, job->ended_ms);
    }
    buf_putf(
        b,
        ",\"ProcessedSizeBytes\":%llu,\"ProcessedItemCount\":%llu,\"ImportedItemCount\":%llu,"
        "\"ErrorCount\":%llu",
        (unsigned long long)job->processed_bytes,
        (unsigned long long)job->processed_items,
        (unsigned long long)job->items,
        (unsigned long long)job->errors);
    if (job->status == BACKUP_FAILED) {
        put_text_member(b, "FailureCode", job->fault_code);
        put_text_member(b, "FailureMessage", job->fault_text);
    }
    buf_put_str(b, "}}");
    return call_ok(c);
}

/* ---- ImportTable ---- */

static struct bytes json_copy(struct dynamo_call *c, const struct json *j)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1 << 20);
    json_put(&b, j);
    struct bytes copy = b.err == OK ? bytes_dup(c->arena, buf_bytes(&b)) : BYTES_NONE;
    buf_done(&b);
    return copy;
}

static bool source_read(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct backup_job *job)
{
    const struct json *source;
    if (!field_struct(c, in, "S3BucketSource", "S3BucketSource", &source)) {
        return false;
    }
    check_not_null(k, "s3BucketSource", source != NULL);
    if (source == NULL) {
        return true;
    }
    if (!field_string(c, source, "S3Bucket", &job->bucket) ||
        !field_string(c, source, "S3BucketOwner", &job->bucket_owner) ||
        !field_string(c, source, "S3KeyPrefix", &job->prefix)) {
        return false;
    }
    check_bucket(k, "s3BucketSource.s3Bucket", job->bucket);
    check_owner(k, "s3BucketSource.s3BucketOwner", job->bucket_owner);
    check_length(k, "s3BucketSource.s3KeyPrefix", job->prefix, 0, 1024);
    return true;
}

static bool is_delimiter(struct bytes text)
{
    return text.len == 1 && memchr(",;:|\t ", text.base[0], 6) != NULL;
}

static bool columns_read(
    struct dynamo_call *c, struct checks *k, const struct json *csv, struct backup_job *job)
{
    const struct json *list;
    if (!field_list(c, csv, "HeaderList", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    struct bytes *columns = ARENA_ARRAY(c->arena, struct bytes, list->array.n);
    if (columns == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    check_count(
        k, "inputFormatOptions.csv.headerList", BYTES_LIT("[]"), list->array.n, 1, COLUMNS_MAX);
    for (size_t i = 0; i < list->array.n; i++) {
        if (!json_as_string(c, &list->array.items[i], &columns[i])) {
            return false;
        }
        check_length(k, "inputFormatOptions.csv.headerList", columns[i], 1, 65536);
    }
    job->columns = columns;
    job->n_columns = list->array.n;
    return true;
}

static bool options_read(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct backup_job *job)
{
    const struct json *options;
    const struct json *csv = NULL;
    if (!field_struct(c, in, "InputFormatOptions", "InputFormatOptions", &options) ||
        (options != NULL && !field_struct(c, options, "Csv", "CsvOptions", &csv))) {
        return false;
    }
    job->delimiter = BYTES_LIT(",");
    if (csv == NULL) {
        return true;
    }
    struct bytes delimiter;
    if (!field_string(c, csv, "Delimiter", &delimiter)) {
        return false;
    }
    if (delimiter.base != NULL && !is_delimiter(delimiter)) {
        check_fail(
            k,
            delimiter,
            "inputFormatOptions.csv.delimiter",
            "Member must satisfy regular expression pattern: [,;:|\\t ]");
        check_length(k, "inputFormatOptions.csv.delimiter", delimiter, 1, 1);
    }
    job->delimiter = delimiter.base == NULL ? job->delimiter : delimiter;
    job->options = json_copy(c, options);
    return columns_read(c, k, csv, job);
}

static bool import_read(
    struct dynamo_call *c, const struct json *in, struct import_request *r, const struct json **ret)
{
    struct checks k = {.c = c};
    struct backup_job *job = &r->job;
    if (!source_read(c, &k, in, job) || !field_string(c, in, "ClientToken", &job->token) ||
        !field_string(c, in, "InputFormat", &job->format) ||
        !field_string(c, in, "InputCompressionType", &job->compression) ||
        !options_read(c, &k, in, job) ||
        !field_struct(c, in, "TableCreationParameters", "TableCreationParameters", ret)) {
        return false;
    }
    check_not_null(&k, "inputFormat", job->format.base != NULL);
    check_enum(&k, "inputFormat", job->format, "DYNAMODB_JSON, ION, CSV");
    check_enum(&k, "inputCompressionType", job->compression, "GZIP, ZSTD, NONE");
    check_not_null(&k, "tableCreationParameters", *ret != NULL);
    return checks_done(&k);
}

static bool import_check(struct dynamo_call *c, const struct import_request *r)
{
    const struct backup_job *job = &r->job;
    if (job->options.base != NULL && !bytes_eq_str(job->format, "CSV")) {
        return call_invalid(
            c,
            INVALID_REQUEST "Unsupported InputFormatOptions for the given input format: %.*s.",
            BYTES_FMT(job->format));
    }
    if (bytes_eq_str(job->format, "ION")) {
        return call_invalid(c, INVALID_PREFIX "InputFormat ION is not supported by this server");
    }
    return key_prefix_check(c, "S3KeyPrefix", job->prefix);
}

/* DynamoDB compares no more than the table's name. */
static bool import_same(const struct backup_job *known, const struct backup_job *asked)
{
    return bytes_eq(known->table_name, asked->table_name);
}

static const struct transfer_kind imports = {
    .kind = BACKUP_IMPORT,
    .word = "import",
    .title = "Import",
    .arn_field = "ImportArn",
    .arn_path = "importArn",
    .not_found = AWS_IMPORT_NOT_FOUND,
    .conflict = AWS_IMPORT_CONFLICT,
    .jobs_max = IMPORTS_MAX,
    .same = import_same,
};

static enum err run_import(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct core_table *t = catalog_table(core_catalog(j->core), j->job.table_name);
    bool known;
    if (t != NULL && !t->filling) {
        return job_fault(
            j, AWS_RESOURCE_IN_USE, "Table already exists: %.*s", BYTES_FMT(j->job.table_name));
    }
    enum err err = transfer_known(j, s, a, &imports, &known);
    if (err != OK || known) {
        return err;
    }
    return transfer_start(j, s, a, &imports);
}

/* The table that shall be, as a row: its name, region and uuid are known already. */
static bool wanted_row(struct dynamo_call *c, struct import_request *r, struct backup_job *job)
{
    struct value *row = ARENA_NEW(c->arena, struct value);
    struct core_table *t = &r->wanted;
    t->part.name = r->table;
    t->part.id = PART_TABLE_FIRST; /* the real one comes with the table */
    t->region = c->d->region;
    t->uuid = core_uuid(&c->d->prng, c->arena);
    t->filling = true;
    if (row == NULL || t->uuid.base == NULL || core_table_encode(c->arena, t, row) != OK) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    job->table_name = r->table;
    job->table_uuid = t->uuid;
    job->table = row;
    return true;
}

enum dynamo_step import_begin(struct dynamo_call *c, const struct json *in)
{
    struct import_request *r = ARENA_NEW(c->arena, struct import_request);
    const struct json *params;
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!import_read(c, in, r, &params) || !import_check(c, r) ||
        !create_table_parse(c, params, &r->table, &r->wanted)) {
        return DYNAMO_ANSWER;
    }
    struct job_call *j = job_call_new(c, run_import, r);
    if (j == NULL) {
        return DYNAMO_ANSWER;
    }
    transfer_ask(j, &imports, &r->job);
    j->job.params = json_copy(c, params);
    if (j->job.compression.base == NULL) {
        j->job.compression = BYTES_LIT("NONE");
    }
    if (j->job.bucket_owner.base == NULL) {
        j->job.bucket_owner = BYTES_LIT(DYNAMO_ACCOUNT);
    }
    return wanted_row(c, r, &j->job) ? job_call_submit(j) : DYNAMO_ANSWER;
}

enum dynamo_step import_resume(struct dynamo_call *c)
{
    struct job_call *j;
    return job_call_finished(c, &j) ? answer_import(c, &j->job) : DYNAMO_ANSWER;
}

/* ---- DescribeImport ---- */

enum dynamo_step describe_import_begin(struct dynamo_call *c, const struct json *in)
{
    struct backup_job job;
    return transfer_find(c, in, &imports, &job) ? answer_import(c, &job) : DYNAMO_ANSWER;
}

/* ---- ListImports ---- */

static void put_import_summary(
    struct dynamo_call *c, struct buf *b, const struct backup_job *stored)
{
    struct backup_job shown = job_shown(c, stored);
    const struct backup_job *job = &shown;
    buf_put_str(b, "{\"ImportArn\":\"");
    put_job_arn(b, c->d->region, job->table_name, "import", job->name);
    buf_putf(b, "\",\"ImportStatus\":\"%s\",\"TableArn\":\"", transfer_status(job));
    put_table_arn(b, c->d->region, job->table_name);
    buf_put_u8(b, '"');
    put_source(b, job);
    put_text_member(b, "InputFormat", job->format);
    buf_put_str(b, ",\"StartTime\":");
    put_seconds(b, job->began_ms);
    if (job->status != BACKUP_RUNNING) {
        buf_put_str(b, ",\"EndTime\":");
        put_seconds(b, job->ended_ms);
    }
    buf_put_u8(b, '}');
}

static bool import_is_of(struct dynamo_call *c, struct bytes table, const struct backup_job *job)
{
    (void)c; /* imports outlive their tables */
    return bytes_eq(table, job->table_name);
}

enum dynamo_step list_imports_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct job_list list = {
        .kind = BACKUP_IMPORT,
        .heading = "ImportSummaryList",
        .size_field = "PageSize",
        .size_path = "pageSize",
        .size_max = IMPORTS_PAGE_MAX,
        .is_of = import_is_of,
        .put = put_import_summary,
    };
    return answer_job_list(c, in, &list);
}
