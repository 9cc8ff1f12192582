/* DescribeContinuousBackups and UpdateContinuousBackups.
 *
 * Continuous backups are what every table has in DynamoDB from its beginning; point-in-time
 * recovery is switched on and off. While it is on, the log keeps the table's old images and reaches
 * back as far as was asked, as far as the log's quota lets it. */
#include "front/dynamo/backup_calls.h"

enum { RECOVERY_DAYS_MAX = 35 };

struct recovery_request {
    bool on;
    struct opt_int days;
};

static enum dynamo_step answer_recovery(struct dynamo_call *c, const struct core_table *t)
{
    struct recovery_window w = {0};
    enum err err = t->pitr_since_ms == 0 ? OK : recovery_window_of(c, t, &w);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_putf(
        b,
        "{\"ContinuousBackupsDescription\":{\"ContinuousBackupsStatus\":\"ENABLED\","
        "\"PointInTimeRecoveryDescription\":{\"PointInTimeRecoveryStatus\":\"%s\"",
        t->pitr_since_ms == 0 ? "DISABLED" : "ENABLED");
    if (t->pitr_since_ms != 0) {
        buf_putf(
            b,
            ",\"RecoveryPeriodInDays\":%u,\"EarliestRestorableDateTime\":",
            (unsigned)t->pitr_days);
        put_seconds(b, w.earliest_ms);
        buf_put_str(b, ",\"LatestRestorableDateTime\":");
        put_seconds(b, w.latest_ms);
    }
    buf_put_str(b, "}}}");
    return call_ok(c);
}

/* TableName, and whether such a table is there and open. */
static bool recovery_table(struct dynamo_call *c, const struct json *in, struct bytes *ret)
{
    struct bytes given;
    struct checks k = {.c = c};
    if (!field_string(c, in, "TableName", &given)) {
        return false;
    }
    if (!bytes_has_prefix(given, BYTES_LIT("arn:"))) {
        check_table_name(&k, "tableName", given);
    }
    return checks_done(&k) && table_resolve(c, given, ret);
}

static bool fail_missing(struct dynamo_call *c, struct bytes name)
{
    return call_failf(c, AWS_TABLE_NOT_FOUND, "Table not found: %.*s", BYTES_FMT(name));
}

enum dynamo_step describe_recovery_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    if (!recovery_table(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    if (t == NULL || t->status == CORE_CREATING) {
        (void)fail_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    return answer_recovery(c, t);
}

static enum err set_recovery(struct table_call *t, const struct core_table *now, struct arena *a)
{
    (void)a; /* numbers only */
    const struct recovery_request *r = t->arg;
    if (now->status == CORE_CREATING) {
        return table_fault(
            t, AWS_TABLE_NOT_FOUND, "Table not found: %.*s", BYTES_FMT(now->part.name));
    }
    if (!r->on) {
        t->wanted.pitr_since_ms = 0;
        t->wanted.pitr_days = 0;
        return OK;
    }
    if (now->pitr_since_ms == 0) {
        t->wanted.pitr_since_ms = t->c->now_ms;
    }
    if (r->days.present) {
        t->wanted.pitr_days = (uint32_t)r->days.v;
    } else if (now->pitr_since_ms == 0) {
        t->wanted.pitr_days = RECOVERY_DAYS_MAX;
    }
    return OK;
}

enum dynamo_step update_recovery_begin(struct dynamo_call *c, const struct json *in)
{
    struct recovery_request *r = ARENA_NEW(c->arena, struct recovery_request);
    const char *class = "PointInTimeRecoverySpecification";
    const struct json *spec;
    struct bytes name;
    struct checks k = {.c = c};
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!field_struct(c, in, class, class, &spec)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "pointInTimeRecoverySpecification", spec != NULL);
    if (spec != NULL) {
        const char *days = "pointInTimeRecoverySpecification.recoveryPeriodInDays";
        if (!field_bool(c, spec, "PointInTimeRecoveryEnabled", &r->on) ||
            !field_int(c, spec, "RecoveryPeriodInDays", "Integer", &r->days)) {
            return DYNAMO_ANSWER;
        }
        check_not_null(
            &k,
            "pointInTimeRecoverySpecification.pointInTimeRecoveryEnabled",
            field_present(spec, "PointInTimeRecoveryEnabled"));
        check_range(&k, days, r->days, 1, RECOVERY_DAYS_MAX);
    }
    if (!checks_done(&k) || !recovery_table(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    if (catalog_table(c->d->view.catalog, name) == NULL) {
        (void)fail_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!r->on && r->days.present) {
        (void)call_invalid(
            c,
            INVALID_REQUEST
            "Cannot specify RecoveryPeriodInDays when disabling point-in-time recovery.");
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = set_recovery;
    t->arg = r;
    return table_call_submit(t);
}

enum dynamo_step update_recovery_resume(struct dynamo_call *c)
{
    struct table_call *t = c->state;
    enum dynamo_step step;
    if (t->cmd.err != OK && t->admin.refusal == CORE_REFUSED_TABLE_MISSING) {
        (void)fail_missing(c, t->admin.name); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!table_call_finished(c, &step)) {
        return step;
    }
    return answer_recovery(c, t->admin.result);
}
