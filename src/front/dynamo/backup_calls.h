#pragma once

/* What the operations on backups, recovery, exports and imports share: calls to the writer that
 * begin or end a job, their ARNs and times, and descriptions. */

#include "backup/backup.h"
#include "front/dynamo/table_admin.h"

/* One call under way. `run` is all that happens in the writer, as one piece. */
struct job_call {
    struct dynamo_call *c;
    struct part_cmd cmd;
    enum err (*run)(struct job_call *j, struct part_stage *s, struct arena *a);
    const void *arg; /* the operation's own */
    struct core *core;
    struct backup_job job; /* what it is about, complete when run() has returned OK */
    bool began;            /* a job began or went: whoever runs them shall look */
    struct core_admin admin;
    struct core_table wanted;
    /* out */
    bool has_fault;
    enum aws_error fault;
    struct bytes fault_msg;
};

/* NULL (and answered) at the arena's cap. The call is also the dynamo_call's state. */
struct job_call *job_call_new(
    struct dynamo_call *c,
    enum err (*run)(struct job_call *j, struct part_stage *s, struct arena *a),
    const void *arg);
enum dynamo_step job_call_submit(struct job_call *j);
/* For an operation's resume. false: it was answered. */
bool job_call_finished(struct dynamo_call *c, struct job_call **ret);
/* For `run`: the refusal in words. Returns ERR_INVALID. */
MUST_CHECK enum err job_fault(struct job_call *j, enum aws_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
MUST_CHECK enum err job_fault_invalid(struct job_call *j, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* In the writer: our table as these operations see it. OK; ERR_INVALID with the fault "Table not
 * found: `shown`". */
MUST_CHECK enum err job_table(
    struct job_call *j, struct bytes name, struct bytes shown, const struct core_table **ret);
/* In the writer: notes the table in the job. OK; ERR_TOO_BIG. */
MUST_CHECK enum err job_note_table(
    struct job_call *j, struct part_stage *s, struct arena *a, const struct core_table *t);

/* ---- ARNs ---- */

/* Appends the ARN of a table's backup, export or import ("backup"). */
void put_job_arn(
    struct buf *b, struct bytes region, struct bytes table, const char *what, struct bytes name);
/* Whether the ARN of a job, which has been parsed, is one of this table. */
bool job_arn_names(struct bytes arn, struct bytes table);
/* A job's name in its ARN, BYTES_NONE when the ARN is sound but of another region. `what` is
 * "backup", `title` "Backup", as in "Invalid Backup ARN". */
bool job_arn_parse(
    struct dynamo_call *c,
    struct bytes arn,
    const char *what,
    const char *title,
    struct bytes *ret_name);
/* Reads an ARN parameter ("BackupArn", "backupArn" in the words) and takes the job's name from it.
 */
bool job_arn_field(
    struct dynamo_call *c,
    const struct json *in,
    const char *field,
    const char *path,
    const char *what,
    const char *title,
    struct bytes *ret_arn,
    struct bytes *ret_name);
/* A table's name in a table ARN: DynamoDB's words for what is none of this account's. `field` as in
 * "tableArn is not a valid ARN". */
bool table_arn_parse(
    struct dynamo_call *c, struct bytes arn, const char *field, struct bytes *ret_name);

/* ---- times ---- */

struct opt_time {
    bool present;
    uint64_t ms;
};
/* Seconds since 1970, with fractions. */
bool field_time(
    struct dynamo_call *c, const struct json *obj, const char *name, struct opt_time *ret);
/* "2026-10-06T23:16:32Z" */
void put_iso_seconds(struct buf *b, uint64_t ms);
/* "2026-10-06T23:16:32.123Z" */
void put_iso_ms(struct buf *b, uint64_t ms);

/* ---- recovery ---- */

struct recovery_window {
    uint64_t earliest_ms;
    uint64_t latest_ms;
};
/* Of a table with point-in-time recovery. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err recovery_window_of(
    struct dynamo_call *c, const struct core_table *t, struct recovery_window *ret);
/* As above for our table of that name if it has recovery; else {0, 0}. Answers for other errors. */
bool recovery_window_find(struct dynamo_call *c, struct bytes table, struct recovery_window *ret);
MUST_CHECK enum err recovery_off_fault(struct job_call *j, const struct core_table *t);

/* ---- restored tables (backup_shape.c) ---- */

struct restore_overrides {
    struct bytes billing; /* base NULL: not given */
    struct throughput_request throughput;
    struct index_list globals;
    struct index_list locals;
    struct sse_request sse;
    struct units_request maxima;
};
bool read_overrides(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct restore_overrides *ret);
/* In the writer: `j->wanted` as the table to be made of `source`. OK; ERR_INVALID with the fault;
 * ERR_TOO_BIG. */
MUST_CHECK enum err restore_shape(
    struct job_call *j,
    struct arena *a,
    const struct core_table *source,
    const struct restore_overrides *o);
/* {KeySchema…} and {IndexName…} as backups show them. */
void put_source_table(struct buf *b, const struct core_table *t, const struct backup_job *job);

/* ---- exports and imports (transfer.c) ---- */

/* The constraints of a bucket's name and its owner's account. */
void check_bucket(struct checks *k, const char *path, struct bytes bucket);
void check_owner(struct checks *k, const char *path, struct bytes owner);
/* A bucket is a folder here: no key may lead out of it. */
bool key_prefix_check(struct dynamo_call *c, const char *field, struct bytes prefix);
/* A text that two requests share only if these fields are the same in both. NULL-terminated. */
struct bytes request_digest(
    struct dynamo_call *c, const struct json *in, const char *const *fields);
/* ,"name":"text" if there is a text. */
void put_text_member(struct buf *b, const char *name, struct bytes text);

/* What exports and imports differ in. */
struct transfer_kind {
    enum backup_kind kind;
    const char *word;  /* "export" */
    const char *title; /* "Export" */
    const char *arn_field;
    const char *arn_path;
    const char *elsewhere; /* what is said of another region's ARN; NULL: not found */
    enum aws_error not_found;
    enum aws_error conflict;
    int jobs_max; /* at a time */
    /* Whether two requests under one token are the same. */
    bool (*same)(const struct backup_job *known, const struct backup_job *asked);
};
/* Makes the call's job the one that was asked for, under its own name and time. */
void transfer_ask(
    struct job_call *j, const struct transfer_kind *kind, const struct backup_job *asked);
/* In the writer: what the job's token stood for lately. OK: *ret_known, and then that job in `j`;
 * ERR_INVALID with the fault when it stood for another request; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err transfer_known(
    struct job_call *j,
    struct part_stage *s,
    struct arena *a,
    const struct transfer_kind *kind,
    bool *ret_known);
/* In the writer: puts the job and its token. OK; ERR_INVALID with the fault when too many run;
 * ERR_*. */
MUST_CHECK enum err transfer_start(
    struct job_call *j, struct part_stage *s, struct arena *a, const struct transfer_kind *kind);
/* The job that a request to describe one names; false: it was answered. */
bool transfer_find(
    struct dynamo_call *c,
    const struct json *in,
    const struct transfer_kind *kind,
    struct backup_job *ret);

/* What an export or import has come to, in the words of both. */
const char *transfer_status(const struct backup_job *job);

/* A list of jobs, the newest first, in pages. */
struct job_list {
    enum backup_kind kind;
    const char *heading;
    const char *size_field; /* "MaxResults", "maxResults" in the words */
    const char *size_path;
    int size_max;
    bool (*is_of)(struct dynamo_call *c, struct bytes table, const struct backup_job *job);
    void (*put)(struct dynamo_call *c, struct buf *b, const struct backup_job *job);
};
enum dynamo_step answer_job_list(
    struct dynamo_call *c, const struct json *in, const struct job_list *list);

/* ---- operations ---- */

enum dynamo_step create_backup_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step create_backup_resume(struct dynamo_call *c);
enum dynamo_step describe_backup_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step list_backups_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step delete_backup_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step delete_backup_resume(struct dynamo_call *c);
enum dynamo_step restore_backup_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step restore_past_begin(struct dynamo_call *c, const struct json *in);
/* Of both above. */
enum dynamo_step restore_resume(struct dynamo_call *c);
enum dynamo_step describe_recovery_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_recovery_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_recovery_resume(struct dynamo_call *c);
enum dynamo_step export_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step export_resume(struct dynamo_call *c);
enum dynamo_step describe_export_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step list_exports_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step import_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step import_resume(struct dynamo_call *c);
enum dynamo_step describe_import_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step list_imports_begin(struct dynamo_call *c, const struct json *in);
