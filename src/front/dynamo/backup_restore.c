/* RestoreTableFromBackup and RestoreTableToPointInTime.
 *
 * The table is made at once, CREATING; a job writes it and then opens it. What a restore says of
 * where it comes from is kept in the table's `extra` under "restore" until then. */
#include "front/dynamo/backup_calls.h"

enum { RESTORES_MAX = 50 };

struct restore_request {
    struct bytes target;
    struct restore_overrides overrides;
    /* of a backup */
    struct bytes backup_arn;
    struct bytes backup;
    /* of a table's past */
    struct bytes source; /* a table's name */
    struct bytes shown;  /* as it was given */
    bool latest;
    struct opt_time at;
    struct recovery_window window;
};

/* ---- the job ---- */

static enum err note_origin(
    struct job_call *j, struct arena *a, struct bytes backup_arn, uint64_t at_ms)
{
    struct buf arn;
    buf_init(&arn, /* len_max= */ 4096);
    put_table_arn(&arn, j->c->d->region, j->job.table_name);
    struct member *m = ARENA_ARRAY(a, struct member, 3);
    struct value *map = ARENA_NEW(a, struct value);
    const struct value extra = j->wanted.extra; /* what the shape has put there */
    struct bytes table_arn = bytes_dup(a, buf_bytes(&arn));
    buf_done(&arn);
    if (m == NULL || map == NULL || table_arn.base == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    const struct decimal at = decimal_of_i64((int64_t)at_ms);
    m[n++] = (struct member){BYTES_LIT("at"), {.type = VALUE_NUMBER, .number = at}};
    if (backup_arn.base != NULL) {
        m[n++] = (struct member){BYTES_LIT("backup"), {.type = VALUE_STRING, .bytes = backup_arn}};
    }
    m[n++] = (struct member){BYTES_LIT("table"), {.type = VALUE_STRING, .bytes = table_arn}};
    *map = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return value_with(a, &extra, BYTES_LIT("restore"), map, &j->wanted.extra);
}

static enum err target_fault(struct job_call *j, struct bytes target)
{
    const struct core_table *t = catalog_table(core_catalog(j->core), target);
    if (t == NULL) {
        return OK;
    }
    const struct value *restore = value_find(&t->extra, BYTES_LIT("restore"));
    const struct value *from = restore == NULL || restore->type != VALUE_MAP
                                   ? NULL
                                   : value_find(restore, BYTES_LIT("backup"));
    if (t->filling && from != NULL) {
        return job_fault(
            j,
            AWS_TABLE_IN_USE,
            "Table: %.*s is already being restored from backup: %.*s",
            BYTES_FMT(target),
            BYTES_FMT(from->bytes));
    }
    if (t->filling) {
        return job_fault(
            j, AWS_TABLE_IN_USE, "Table: %.*s is already being restored", BYTES_FMT(target));
    }
    return job_fault(j, AWS_TABLE_EXISTS, "Table already exists: %.*s", BYTES_FMT(target));
}

static enum err count_fault(struct job_call *j, struct arena *a)
{
    const struct backup_job *jobs;
    size_t n;
    enum err err = backup_job_list(j->c->d->view.engine, a, BACKUP_RESTORE, &jobs, &n);
    if (err == OK && n >= RESTORES_MAX) {
        err = job_fault(
            j,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: Only %d restore operations can be in progress at a time",
            RESTORES_MAX);
    }
    return err;
}

/* Makes the table and the job, once the job says what of and `wanted` what. */
static enum err begin_restore(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct restore_request *r = j->arg;
    enum err err = count_fault(j, a);
    if (err != OK) {
        return err;
    }
    j->admin = (struct core_admin){
        .kind = CORE_ADMIN_CREATE_TABLE,
        .core = j->core,
        .name = r->target,
        .table = &j->wanted,
    };
    err = core_admin_run(&j->admin, s, a);
    if (err != OK && j->admin.refusal == CORE_REFUSED_TOO_MANY) {
        return job_fault(
            j,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: There is a limit of %d tables per region",
            CORE_TABLES_MAX);
    }
    if (err != OK) {
        return err;
    }
    j->job.target_name = r->target;
    j->job.target_uuid = j->admin.result->uuid;
    return backup_job_put(s, a, &j->job);
}

/* ---- of a backup ---- */

static enum err restore_backup(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct restore_request *r = j->arg;
    struct backup_job kept;
    struct backup_job other;
    struct core_table source;
    enum err err = backup_job_get(s, a, BACKUP_KEPT, r->backup, &kept);
    if (err == ERR_NOT_FOUND) {
        return job_fault(
            j, AWS_BACKUP_NOT_FOUND, "Backup not found: %.*s", BYTES_FMT(r->backup_arn));
    }
    if (err == OK && kept.status == BACKUP_RUNNING) {
        return job_fault(
            j, AWS_BACKUP_IN_USE, "Backup is still being created: %.*s", BYTES_FMT(r->backup_arn));
    }
    if (err == OK) {
        err = kept.table == NULL ? ERR_CORRUPT : core_table_decode(a, kept.table, &source);
    }
    if (err == OK) {
        err = restore_shape(j, a, &source, &r->overrides);
    }
    if (err == OK) {
        err = target_fault(j, r->target);
    }
    if (err != OK) {
        return err;
    }
    err = backup_job_get(s, a, BACKUP_RESTORE, r->backup, &other);
    if (err != ERR_NOT_FOUND) {
        return err != OK ? err
                         : job_fault(
                               j,
                               AWS_BACKUP_IN_USE,
                               "Backup is being used to restore another table: %.*s",
                               BYTES_FMT(r->backup_arn));
    }
    j->job.table_name = kept.table_name;
    j->job.table_uuid = kept.table_uuid;
    j->job.name = r->backup;
    err = note_origin(j, a, r->backup_arn, kept.began_ms);
    return err == OK ? begin_restore(j, s, a) : err;
}

static bool target_field(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct bytes *ret)
{
    if (!field_string(c, in, "TargetTableName", ret)) {
        return false;
    }
    check_not_null(k, "targetTableName", ret->base != NULL);
    check_name_chars(k, "targetTableName", *ret);
    check_length(k, "targetTableName", *ret, 3, 255);
    return true;
}

static struct restore_request *request_new(struct dynamo_call *c)
{
    struct restore_request *r = ARENA_NEW(c->arena, struct restore_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
    }
    return r;
}

static enum dynamo_step submit(
    struct dynamo_call *c,
    struct restore_request *r,
    enum err (*run)(struct job_call *j, struct part_stage *s, struct arena *a))
{
    struct job_call *j = job_call_new(c, run, r);
    if (j == NULL) {
        return DYNAMO_ANSWER;
    }
    j->began = true;
    j->job.kind = BACKUP_RESTORE;
    return job_call_submit(j);
}

enum dynamo_step restore_backup_begin(struct dynamo_call *c, const struct json *in)
{
    struct restore_request *r = request_new(c);
    struct checks k = {.c = c};
    if (r == NULL || !target_field(c, &k, in, &r->target) ||
        !field_string(c, in, "BackupArn", &r->backup_arn)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "backupArn", r->backup_arn.base != NULL);
    check_length(&k, "backupArn", r->backup_arn, 37, 1024);
    if (!read_overrides(c, &k, in, &r->overrides) ||
        !job_arn_parse(c, r->backup_arn, "backup", "Backup", &r->backup)) {
        return DYNAMO_ANSWER;
    }
    if (r->backup.base == NULL) {
        (void)call_invalid(
            c,
            INVALID_REQUEST "sseSpecificationOverride must be provided for cross-region restores");
        return DYNAMO_ANSWER;
    }
    return submit(c, r, restore_backup);
}

/* ---- of a table's past ---- */

static enum err time_fault(struct job_call *j, const struct restore_request *r)
{
    const struct recovery_window *w = &r->window;
    if (r->latest || (r->at.ms >= w->earliest_ms && r->at.ms <= w->latest_ms)) {
        return OK;
    }
    struct buf b;
    buf_init(&b, /* len_max= */ 1024);
    buf_put_str(&b, "RestoreDateTime '");
    put_iso_seconds(&b, r->at.ms);
    buf_put_str(&b, "' must be within EarliestRestorableDateTime '");
    put_iso_seconds(&b, w->earliest_ms);
    buf_put_str(&b, "' and LatestRestorableDateTime '");
    put_iso_seconds(&b, w->latest_ms);
    buf_put_u8(&b, '\'');
    enum err err = job_fault(j, AWS_INVALID_RESTORE_TIME, "%.*s", BYTES_FMT(buf_bytes(&b)));
    buf_done(&b);
    return err;
}

static enum err restore_past(struct job_call *j, struct part_stage *s, struct arena *a)
{
    const struct restore_request *r = j->arg;
    const struct core_table *t;
    enum err err = job_table(j, r->source, r->shown, &t);
    if (err == OK && (t->pitr_since_ms == 0 || r->window.latest_ms == 0)) {
        err = recovery_off_fault(j, t);
    }
    if (err == OK) {
        err = time_fault(j, r);
    }
    if (err == OK) {
        err = job_note_table(j, s, a, t);
    }
    if (err == OK) {
        err = restore_shape(j, a, t, &r->overrides);
    }
    if (err == OK) {
        err = target_fault(j, r->target);
    }
    if (err != OK) {
        return err;
    }
    j->job.of_past = true;
    j->job.upto_ms = r->latest ? j->c->now_ms : r->at.ms;
    err = note_origin(j, a, BYTES_NONE, j->job.upto_ms);
    return err == OK ? begin_restore(j, s, a) : err;
}

static bool source_field(struct dynamo_call *c, const struct json *in, struct restore_request *r)
{
    struct bytes name;
    struct bytes arn;
    if (!field_string(c, in, "SourceTableName", &name) ||
        !field_string(c, in, "SourceTableArn", &arn)) {
        return false;
    }
    if (name.base != NULL && arn.base != NULL) {
        return call_invalid(
            c, INVALID_PREFIX "Must provide exactly one of: sourceTableArn, sourceTableName");
    }
    if (name.base == NULL && arn.base == NULL) {
        return call_invalid(
            c, "The parameter 'TableName' is required but was not present in the request");
    }
    struct checks k = {.c = c};
    check_name_chars(&k, "sourceTableName", name);
    check_length(&k, "sourceTableName", name, 3, 255);
    check_length(&k, "sourceTableArn", arn, 1, 1024);
    if (!checks_done(&k)) {
        return false;
    }
    r->source = name;
    r->shown = name.base != NULL ? name : arn;
    return name.base != NULL || table_arn_parse(c, arn, "sourceTableArn", &r->source);
}

static bool when_field(struct dynamo_call *c, const struct json *in, struct restore_request *r)
{
    if (!field_time(c, in, "RestoreDateTime", &r->at) ||
        !field_bool(c, in, "UseLatestRestorableTime", &r->latest)) {
        return false;
    }
    if (r->latest && r->at.present) {
        return call_invalid(
            c,
            INVALID_REQUEST
            "Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time "
            "restore request. Please specify only one of them");
    }
    if (!r->latest && !r->at.present) {
        return call_invalid(
            c,
            INVALID_REQUEST "Either one of RestoreDateTime or UseLatestRestorableTime must be "
                            "specified, but not both");
    }
    return true;
}

enum dynamo_step restore_past_begin(struct dynamo_call *c, const struct json *in)
{
    struct restore_request *r = request_new(c);
    struct checks k = {.c = c};
    if (r == NULL || !target_field(c, &k, in, &r->target) ||
        !read_overrides(c, &k, in, &r->overrides) || !source_field(c, in, r) ||
        !when_field(c, in, r) || !recovery_window_find(c, r->source, &r->window)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r, restore_past);
}

/* ---- both ---- */

enum dynamo_step restore_resume(struct dynamo_call *c)
{
    struct job_call *j;
    const struct table_counts none = {0};
    if (!job_call_finished(c, &j)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"TableDescription\":");
    put_table(c, b, j->admin.result, &none, TELL_STATE);
    buf_put_u8(b, '}');
    return call_ok(c);
}
