/* CreateBackup, DescribeBackup, ListBackups and DeleteBackup.
 *
 * A backup that could not be written is gone, as DynamoDB has no state for it; the log of the
 * server says why. */
#include "front/dynamo/backup_calls.h"

/* ---- descriptions ---- */

static const char *backup_status(const struct backup_job *job)
{
    return job->status == BACKUP_RUNNING ? "CREATING" : "AVAILABLE";
}

static void put_arn_of(struct dynamo_call *c, struct buf *b, const struct backup_job *job)
{
    buf_put_str(b, "\"BackupArn\":\"");
    put_job_arn(b, c->d->region, job->table_name, "backup", job->name);
    buf_put_str(b, "\",\"BackupName\":");
    json_put_string(b, job->label);
}

static void put_details(
    struct dynamo_call *c, struct buf *b, const struct backup_job *job, const char *status)
{
    buf_put_str(b, "\"BackupDetails\":{");
    put_arn_of(c, b, job);
    buf_putf(
        b,
        ",\"BackupSizeBytes\":%llu,\"BackupStatus\":\"%s\",\"BackupType\":\"USER\","
        "\"BackupCreationDateTime\":",
        (unsigned long long)job->bytes,
        status);
    put_seconds(b, job->began_ms);
    buf_put_u8(b, '}');
}

static enum dynamo_step answer_description(
    struct dynamo_call *c, const struct backup_job *job, const char *status)
{
    struct core_table t;
    enum err err = job->table == NULL ? ERR_CORRUPT : core_table_decode(c->arena, job->table, &t);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"BackupDescription\":{");
    put_details(c, b, job, status);
    buf_put_u8(b, ',');
    put_source_table(b, &t, job);
    buf_put_str(b, "}}");
    return call_ok(c);
}

static bool fail_missing(struct dynamo_call *c, struct bytes arn)
{
    return call_failf(c, AWS_BACKUP_NOT_FOUND, "Backup not found: %.*s", BYTES_FMT(arn));
}

static bool backup_field(
    struct dynamo_call *c, const struct json *in, struct bytes *ret_arn, struct bytes *ret_name)
{
    return job_arn_field(c, in, "BackupArn", "backupArn", "backup", "Backup", ret_arn, ret_name) &&
           (ret_name->base != NULL || fail_missing(c, *ret_arn));
}

/* ---- CreateBackup ---- */

struct create_backup {
    struct bytes table;
    struct bytes shown; /* as it was given */
};

static enum err create_backup(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct create_backup *r = j->arg;
    const struct core_table *t;
    enum err err = job_table(j, r->table, r->table, &t);
    if (err == OK) {
        err = job_note_table(j, s, a, t);
    }
    return err == OK ? backup_job_put(s, a, &j->job) : err;
}

enum dynamo_step create_backup_begin(struct dynamo_call *c, const struct json *in)
{
    struct create_backup *r = ARENA_NEW(c->arena, struct create_backup);
    struct bytes label;
    struct checks k = {.c = c};
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!field_string(c, in, "TableName", &r->shown) ||
        !field_string(c, in, "BackupName", &label)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "backupName", label.base != NULL);
    check_name_chars(&k, "backupName", label);
    check_length(&k, "backupName", label, 3, 255);
    if (!bytes_has_prefix(r->shown, BYTES_LIT("arn:"))) {
        check_table_name(&k, "tableName", r->shown);
    }
    if (!checks_done(&k) || !table_resolve(c, r->shown, &r->table)) {
        return DYNAMO_ANSWER;
    }
    struct job_call *j = job_call_new(c, create_backup, r);
    if (j == NULL) {
        return DYNAMO_ANSWER;
    }
    j->began = true;
    j->job.kind = BACKUP_KEPT;
    j->job.label = label;
    return job_call_submit(j);
}

enum dynamo_step create_backup_resume(struct dynamo_call *c)
{
    struct job_call *j;
    if (!job_call_finished(c, &j)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_u8(b, '{');
    put_details(c, b, &j->job, "CREATING");
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- DescribeBackup ---- */

enum dynamo_step describe_backup_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes arn;
    struct bytes name;
    struct backup_job job;
    if (!backup_field(c, in, &arn, &name)) {
        return DYNAMO_ANSWER;
    }
    enum err err = backup_job_read(c->d->view.engine, c->arena, BACKUP_KEPT, name, &job);
    if (err == OK && !job_arn_names(arn, job.table_name)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        (void)fail_missing(c, arn); /* answers */
        return DYNAMO_ANSWER;
    }
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    return answer_description(c, &job, backup_status(&job));
}

/* ---- DeleteBackup ---- */

static enum err delete_backup(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct bytes *arn = j->arg;
    struct bytes name = j->job.name;
    struct backup_job restore;
    enum err err = backup_job_get(s, a, BACKUP_KEPT, name, &j->job);
    if (err == OK && !job_arn_names(*arn, j->job.table_name)) {
        err = ERR_NOT_FOUND;
    }
    if (err == ERR_NOT_FOUND) {
        return job_fault(j, AWS_BACKUP_NOT_FOUND, "Backup not found: %.*s", BYTES_FMT(*arn));
    }
    if (err == OK && j->job.status == BACKUP_RUNNING) {
        return job_fault(
            j, AWS_BACKUP_IN_USE, "Backup is still being created: %.*s", BYTES_FMT(*arn));
    }
    if (err == OK) {
        err = backup_job_get(s, a, BACKUP_RESTORE, name, &restore);
    }
    if (err == OK) {
        return job_fault(
            j, AWS_BACKUP_IN_USE, "Backup is being used to restore table: %.*s", BYTES_FMT(*arn));
    }
    return err == ERR_NOT_FOUND ? backup_job_drop(s, a, BACKUP_KEPT, name) : err;
}

enum dynamo_step delete_backup_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes *arn = ARENA_NEW(c->arena, struct bytes);
    struct bytes name;
    if (arn == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!backup_field(c, in, arn, &name)) {
        return DYNAMO_ANSWER;
    }
    struct job_call *j = job_call_new(c, delete_backup, arn);
    if (j == NULL) {
        return DYNAMO_ANSWER;
    }
    j->began = true;
    j->job.kind = BACKUP_KEPT;
    j->job.name = name;
    return job_call_submit(j);
}

enum dynamo_step delete_backup_resume(struct dynamo_call *c)
{
    struct job_call *j;
    return job_call_finished(c, &j) ? answer_description(c, &j->job, "DELETED") : DYNAMO_ANSWER;
}

/* ---- ListBackups ---- */

struct list_request {
    struct bytes table; /* base NULL: all */
    struct opt_int limit;
    struct opt_time lower;
    struct opt_time upper;
    struct bytes type;
    struct bytes after; /* a backup's name */
};

static bool list_read(struct dynamo_call *c, const struct json *in, struct list_request *r)
{
    struct checks k = {.c = c};
    struct bytes table;
    struct bytes after;
    if (!field_string(c, in, "TableName", &table) ||
        !field_int(c, in, "Limit", "Integer", &r->limit) ||
        !field_time(c, in, "TimeRangeLowerBound", &r->lower) ||
        !field_time(c, in, "TimeRangeUpperBound", &r->upper) ||
        !field_string(c, in, "ExclusiveStartBackupArn", &after) ||
        !field_string(c, in, "BackupType", &r->type)) {
        return false;
    }
    if (table.base != NULL && !bytes_has_prefix(table, BYTES_LIT("arn:"))) {
        check_table_name(&k, "tableName", table);
    }
    check_range(&k, "limit", r->limit, 1, 100);
    check_length(&k, "exclusiveStartBackupArn", after, 37, 1024);
    check_enum(&k, "backupType", r->type, "USER, SYSTEM, AWS_BACKUP, ALL");
    if (!checks_done(&k) || (table.base != NULL && !table_resolve(c, table, &r->table))) {
        return false;
    }
    if (r->lower.present && r->upper.present && r->lower.ms > r->upper.ms) {
        return call_invalid(
            c, INVALID_PREFIX "Time range lower bound must be less than or equal to upper bound");
    }
    if (after.base == NULL) {
        return true;
    }
    if (!job_arn_parse(c, after, "backup", "Backup", &r->after)) {
        return false;
    }
    return r->after.base != NULL ||
           call_invalid(c, "ExclusiveStartBackupArn does not match the region");
}

static bool is_listed(const struct list_request *r, const struct backup_job *job)
{
    bool type =
        r->type.base == NULL || bytes_eq_str(r->type, "USER") || bytes_eq_str(r->type, "ALL");
    return type && (r->table.base == NULL || bytes_eq(job->table_name, r->table)) &&
           (!r->lower.present || job->began_ms >= r->lower.ms) &&
           (!r->upper.present || job->began_ms < r->upper.ms) &&
           (r->after.base == NULL || bytes_cmp(job->name, r->after) > 0);
}

static void put_summary(struct dynamo_call *c, struct buf *b, const struct backup_job *job)
{
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, job->table_name);
    buf_put_str(b, ",\"TableId\":");
    json_put_string(b, job->table_uuid);
    buf_put_str(b, ",\"TableArn\":\"");
    put_table_arn(b, c->d->region, job->table_name);
    buf_put_str(b, "\",");
    put_arn_of(c, b, job);
    buf_put_str(b, ",\"BackupCreationDateTime\":");
    put_seconds(b, job->began_ms);
    buf_putf(
        b,
        ",\"BackupStatus\":\"%s\",\"BackupType\":\"USER\",\"BackupSizeBytes\":%llu}",
        backup_status(job),
        (unsigned long long)job->bytes);
}

enum dynamo_step list_backups_begin(struct dynamo_call *c, const struct json *in)
{
    struct list_request r = {0};
    const struct backup_job *jobs;
    size_t n_jobs;
    if (!list_read(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    enum err err = backup_job_list(c->d->view.engine, c->arena, BACKUP_KEPT, &jobs, &n_jobs);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    size_t max = r.limit.present ? (size_t)r.limit.v : 100;
    const struct backup_job *last = NULL;
    bool more = false;
    size_t n = 0;
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"BackupSummaries\":[");
    for (size_t i = 0; i < n_jobs && !more; i++) {
        if (!is_listed(&r, &jobs[i])) {
            continue;
        }
        more = n == max;
        if (!more) {
            buf_put_str(b, n == 0 ? "" : ",");
            put_summary(c, b, &jobs[i]);
            last = &jobs[i];
            n++;
        }
    }
    buf_put_u8(b, ']');
    if (more) {
        buf_put_str(b, ",\"LastEvaluatedBackupArn\":\"");
        put_job_arn(b, c->d->region, last->table_name, "backup", last->name);
        buf_put_u8(b, '"');
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}
