/* ExportTableToPointInTime, DescribeExport and ListExports.
 *
 * The bucket is a folder of the server's own (`s3.dir`); whether it is there turns out when the job
 * runs, as in DynamoDB. */
#include "front/dynamo/backup_calls.h"

enum { EXPORTS_PAGE_MAX = 25, EXPORTS_MAX = 300 };

static const uint64_t window_ms_min = UINT64_C(15) * 60 * 1000;
static const uint64_t window_ms_max = UINT64_C(24) * 3600 * 1000;

struct export_request {
    struct bytes table; /* its name */
    struct bytes arn;
    struct opt_time at;
    struct bytes type;
    bool incremental;
    bool has_spec;
    struct opt_time from;
    struct opt_time upto;
    struct bytes view;
    struct recovery_window window;
    struct bytes key_id;
    struct backup_job job; /* what the request says of it */
};

/* ---- descriptions ---- */

static const char *export_type(const struct backup_job *job)
{
    return job->incremental ? "INCREMENTAL_EXPORT" : "FULL_EXPORT";
}

static void put_when(struct buf *b, const struct backup_job *job)
{
    if (!job->incremental) {
        buf_put_str(b, ",\"ExportTime\":");
        put_seconds(b, job->upto_ms);
        return;
    }
    buf_put_str(b, ",\"IncrementalExportSpecification\":{\"ExportFromTime\":");
    put_seconds(b, job->from_ms);
    buf_put_str(b, ",\"ExportToTime\":");
    put_seconds(b, job->upto_ms);
    buf_putf(b, ",\"ExportViewType\":\"%s\"}", job->new_only ? "NEW_IMAGE" : "NEW_AND_OLD_IMAGES");
}

static void put_end(struct buf *b, const struct backup_job *job)
{
    if (job->status == BACKUP_RUNNING) {
        return;
    }
    buf_put_str(b, ",\"EndTime\":");
    put_seconds(b, job->ended_ms);
    if (job->status == BACKUP_FAILED) {
        put_text_member(b, "FailureCode", job->fault_code);
        put_text_member(b, "FailureMessage", job->fault_text);
        return;
    }
    put_text_member(b, "ExportManifest", job->manifest);
    buf_putf(
        b,
        ",\"BilledSizeBytes\":%llu,\"ItemCount\":%llu",
        (unsigned long long)job->bytes,
        (unsigned long long)job->items);
}

static enum dynamo_step answer_export(struct dynamo_call *c, const struct backup_job *job)
{
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"ExportDescription\":{\"ExportArn\":\"");
    put_job_arn(b, c->d->region, job->table_name, "export", job->name);
    buf_putf(b, "\",\"ExportStatus\":\"%s\",\"StartTime\":", transfer_status(job));
    put_seconds(b, job->began_ms);
    buf_put_str(b, ",\"TableArn\":\"");
    put_table_arn(b, c->d->region, job->table_name);
    buf_put_u8(b, '"');
    put_text_member(b, "TableId", job->table_uuid);
    put_when(b, job);
    put_text_member(b, "ClientToken", job->token);
    put_text_member(b, "S3Bucket", job->bucket);
    put_text_member(b, "S3BucketOwner", job->bucket_owner);
    put_text_member(b, "S3Prefix", job->prefix);
    put_text_member(b, "S3SseAlgorithm", job->encryption);
    put_text_member(b, "ExportFormat", job->format);
    if (job->has_type) {
        buf_putf(b, ",\"ExportType\":\"%s\"", export_type(job));
    }
    put_end(b, job);
    buf_put_str(b, "}}");
    return call_ok(c);
}

/* ---- ExportTableToPointInTime ---- */

static bool spec_read(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct export_request *r)
{
    const char *class = "IncrementalExportSpecification";
    const struct json *spec;
    if (!field_struct(c, in, class, class, &spec)) {
        return false;
    }
    r->has_spec = spec != NULL;
    if (spec == NULL) {
        return true;
    }
    if (!field_time(c, spec, "ExportFromTime", &r->from) ||
        !field_time(c, spec, "ExportToTime", &r->upto) ||
        !field_string(c, spec, "ExportViewType", &r->view)) {
        return false;
    }
    check_enum(
        k,
        "incrementalExportSpecification.exportViewType",
        r->view,
        "NEW_IMAGE, NEW_AND_OLD_IMAGES");
    return true;
}

static bool export_read(struct dynamo_call *c, const struct json *in, struct export_request *r)
{
    struct checks k = {.c = c};
    struct backup_job *job = &r->job;
    bool typed = field_string(c, in, "TableArn", &r->arn) &&
                 field_time(c, in, "ExportTime", &r->at) &&
                 field_string(c, in, "ClientToken", &job->token) &&
                 field_string(c, in, "S3Bucket", &job->bucket) &&
                 field_string(c, in, "S3BucketOwner", &job->bucket_owner) &&
                 field_string(c, in, "S3Prefix", &job->prefix) &&
                 field_string(c, in, "S3SseAlgorithm", &job->encryption) &&
                 field_string(c, in, "S3SseKmsKeyId", &r->key_id) &&
                 field_string(c, in, "ExportFormat", &job->format) &&
                 field_string(c, in, "ExportType", &r->type) && spec_read(c, &k, in, r);
    if (!typed) {
        return false;
    }
    check_not_null(&k, "tableArn", r->arn.base != NULL);
    check_length(&k, "tableArn", r->arn, 1, 1024);
    check_bucket(&k, "s3Bucket", job->bucket);
    check_owner(&k, "s3BucketOwner", job->bucket_owner);
    check_length(&k, "s3Prefix", job->prefix, 0, 1024);
    check_enum(&k, "s3SseAlgorithm", job->encryption, "AES256, KMS");
    check_length(&k, "s3SseKmsKeyId", r->key_id, 1, 2048);
    check_enum(&k, "exportFormat", job->format, "DYNAMODB_JSON, ION");
    check_enum(&k, "exportType", r->type, "FULL_EXPORT, INCREMENTAL_EXPORT");
    return checks_done(&k) && table_arn_parse(c, r->arn, "tableArn", &r->table);
}

/* What does not fit together. */
static bool export_check(struct dynamo_call *c, struct export_request *r)
{
    r->incremental = bytes_eq_str(r->type, "INCREMENTAL_EXPORT");
    if (r->has_spec && r->type.base == NULL) {
        return call_invalid(
            c,
            INVALID_REQUEST "Export Type expected to be Incremental Export when incremental export "
                            "specification is provided");
    }
    if (r->has_spec && !r->incremental) {
        return call_invalid(
            c,
            INVALID_REQUEST "When Export Type is Full Export , Incremental Export Specification "
                            "should not be provided");
    }
    if (r->incremental && !r->has_spec) {
        return call_invalid(
            c,
            INVALID_REQUEST "Incremental Export Specification expected when export type is set as "
                            "Incremental Export");
    }
    if (r->incremental && !r->from.present) {
        return call_invalid(
            c, INVALID_REQUEST "ExportFromTime must be provided in IncrementalExportSpecification");
    }
    if (r->key_id.base != NULL && !bytes_eq_str(r->job.encryption, "KMS")) {
        return call_invalid(
            c, INVALID_REQUEST "KMS Key Id is not supported for this encryption type");
    }
    if (bytes_eq_str(r->job.encryption, "KMS")) {
        return call_invalid(c, INVALID_PREFIX "S3SseAlgorithm KMS is not supported by this server");
    }
    if (bytes_eq_str(r->job.format, "ION")) {
        return call_invalid(c, INVALID_PREFIX "ExportFormat ION is not supported by this server");
    }
    return key_prefix_check(c, "S3Prefix", r->job.prefix);
}

static enum err time_fault(struct job_call *j, const char *what, uint64_t ms)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 256);
    put_iso_seconds(&b, ms);
    enum err err = job_fault(
        j,
        AWS_INVALID_EXPORT_TIME,
        "Incremental export period %s : %.*s",
        what,
        BYTES_FMT(buf_bytes(&b)));
    buf_done(&b);
    return err;
}

static enum err window_fault(
    struct job_call *j, const struct core_table *t, const struct export_request *r)
{
    uint64_t now_ms = j->c->now_ms;
    uint64_t upto = r->upto.present ? r->upto.ms : now_ms;
    if (r->from.ms < t->created_ms / 1000 * 1000) {
        return time_fault(j, "from time cannot be less than the table creation time", r->from.ms);
    }
    if (upto > now_ms) {
        return time_fault(j, "to time cannot be greater than the current time", upto);
    }
    if (upto < r->from.ms || upto - r->from.ms < window_ms_min) {
        return job_fault(
            j,
            AWS_INVALID_EXPORT_TIME,
            "Difference between export period from time and export period to time is less than 15 "
            "minutes");
    }
    if (upto - r->from.ms > window_ms_max) {
        return job_fault(
            j,
            AWS_INVALID_EXPORT_TIME,
            "Difference between export period from time and export period to time is greater than "
            "24 hours");
    }
    return OK;
}

static enum err when_fault(
    struct job_call *j, const struct core_table *t, const struct export_request *r)
{
    enum err err = r->incremental ? window_fault(j, t, r) : OK;
    if (err == OK && (t->pitr_since_ms == 0 || r->window.latest_ms == 0)) {
        err = recovery_off_fault(j, t);
    }
    if (err != OK) {
        return err;
    }
    uint64_t earliest = r->window.earliest_ms;
    bool inside = r->incremental
                      ? r->from.ms >= earliest
                      : !r->at.present || (r->at.ms >= earliest && r->at.ms <= r->window.latest_ms);
    return inside ? OK : job_fault(j, AWS_INVALID_EXPORT_TIME, "Export Time is invalid");
}

static bool export_same(const struct backup_job *known, const struct backup_job *asked)
{
    return bytes_eq(known->request, asked->request);
}

static const struct transfer_kind exports = {
    .kind = BACKUP_EXPORT,
    .word = "export",
    .title = "Export",
    .arn_field = "ExportArn",
    .arn_path = "exportArn",
    .elsewhere = "Export not found: Invalid export arn",
    .not_found = AWS_EXPORT_NOT_FOUND,
    .conflict = AWS_EXPORT_CONFLICT,
    .jobs_max = EXPORTS_MAX,
    .same = export_same,
};

static enum err run_export(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct export_request *r = j->arg;
    const struct core_table *t;
    bool known;
    enum err err = transfer_known(j, s, a, &exports, &known);
    if (err != OK || known) {
        return err;
    }
    err = job_table(j, r->table, r->arn, &t);
    if (err == OK) {
        err = when_fault(j, t, r);
    }
    if (err == OK) {
        err = job_note_table(j, s, a, t);
    }
    if (err != OK) {
        return err;
    }
    j->job.items = 0;
    j->job.bytes = 0;
    j->job.incremental = r->incremental;
    j->job.has_type = r->type.base != NULL;
    j->job.new_only = bytes_eq_str(r->view, "NEW_IMAGE");
    j->job.from_ms = r->from.ms;
    uint64_t upto = r->incremental ? (r->upto.present ? r->upto.ms : j->c->now_ms)
                                   : (r->at.present ? r->at.ms : j->c->now_ms);
    j->job.upto_ms = upto;
    return transfer_start(j, s, a, &exports);
}

enum dynamo_step export_begin(struct dynamo_call *c, const struct json *in)
{
    static const char *const fields[] = {
        "TableArn",
        "ExportTime",
        "S3Bucket",
        "S3BucketOwner",
        "S3Prefix",
        "S3SseAlgorithm",
        "S3SseKmsKeyId",
        "ExportFormat",
        "ExportType",
        "IncrementalExportSpecification",
        NULL,
    };
    static const char *const not_supported[] = {"FilterSpecification", NULL};
    struct export_request *r = ARENA_NEW(c->arena, struct export_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!export_read(c, in, r) || !export_check(c, r) || !refuse_params(c, in, not_supported) ||
        !recovery_window_find(c, r->table, &r->window)) {
        return DYNAMO_ANSWER;
    }
    struct job_call *j = job_call_new(c, run_export, r);
    if (j == NULL) {
        return DYNAMO_ANSWER;
    }
    transfer_ask(j, &exports, &r->job);
    j->job.request = request_digest(c, in, fields);
    j->job.format = BYTES_LIT("DYNAMODB_JSON");
    j->job.encryption = BYTES_LIT("AES256");
    return job_call_submit(j);
}

enum dynamo_step export_resume(struct dynamo_call *c)
{
    struct job_call *j;
    return job_call_finished(c, &j) ? answer_export(c, &j->job) : DYNAMO_ANSWER;
}

/* ---- DescribeExport ---- */

enum dynamo_step describe_export_begin(struct dynamo_call *c, const struct json *in)
{
    struct backup_job job;
    return transfer_find(c, in, &exports, &job) ? answer_export(c, &job) : DYNAMO_ANSWER;
}

/* ---- ListExports ---- */

static void put_export_summary(struct dynamo_call *c, struct buf *b, const struct backup_job *job)
{
    buf_put_str(b, "{\"ExportArn\":\"");
    put_job_arn(b, c->d->region, job->table_name, "export", job->name);
    buf_putf(
        b,
        "\",\"ExportStatus\":\"%s\",\"ExportType\":\"%s\"}",
        transfer_status(job),
        export_type(job));
}

/* DynamoDB lists by table the exports of the table that has the name now. */
static bool export_is_of(struct dynamo_call *c, struct bytes table, const struct backup_job *job)
{
    const struct core_table *t = catalog_table(c->d->view.catalog, table);
    return t != NULL && bytes_eq(t->uuid, job->table_uuid);
}

enum dynamo_step list_exports_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct job_list list = {
        .kind = BACKUP_EXPORT,
        .heading = "ExportSummaries",
        .size_field = "MaxResults",
        .size_path = "maxResults",
        .size_max = EXPORTS_PAGE_MAX,
        .is_of = export_is_of,
        .put = put_export_summary,
    };
    return answer_job_list(c, in, &list);
}
