/* Calls that begin or end a job, and the ARNs and times that all of these operations use. */
#include <stdarg.h>
#include <stdio.h>

#include "feed/feed.h"
#include "front/dynamo/backup_calls.h"

/* ---- there and back ---- */

static enum err run(void *arg, struct part_stage *s, struct arena *a)
{
    struct job_call *j = arg;
    return j->run(j, s, a);
}

struct job_call *job_call_new(
    struct dynamo_call *c,
    enum err (*run_job)(struct job_call *j, struct part_stage *s, struct arena *a),
    const void *arg)
{
    struct job_call *j = ARENA_NEW(c->arena, struct job_call);
    struct bytes name = backup_job_name(&c->d->prng, c->arena, c->now_ms);
    if (j == NULL || name.base == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return NULL;
    }
    j->c = c;
    j->run = run_job;
    j->arg = arg;
    j->core = c->d->core;
    j->job.name = name;
    j->job.began_ms = c->now_ms;
    j->cmd = (struct part_cmd){.kind = PART_CMD_CALL, .call = {.run = run, .arg = j}};
    c->state = j;
    return j;
}

enum dynamo_step job_call_submit(struct job_call *j)
{
    if (j->core == NULL) {
        (void)call_fail_err(j->c, ERR_UNAVAILABLE); /* answers */
        return DYNAMO_ANSWER;
    }
    return call_submit(j->c, &j->cmd);
}

bool job_call_finished(struct dynamo_call *c, struct job_call **ret)
{
    struct job_call *j = c->state;
    *ret = j;
    if (j->cmd.err != OK) {
        return j->has_fault ? call_fail(c, j->fault, j->fault_msg) : call_fail_err(c, j->cmd.err);
    }
    c->job = (struct dynamo_job){.began = j->began, .kind = j->job.kind, .name = j->job.name};
    return true;
}

static enum err fault_with(struct job_call *j, enum aws_error error, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static enum err fault_with(struct job_call *j, enum aws_error error, const char *fmt, va_list ap)
{
    char text[4096];
    (void)vsnprintf(text, sizeof text, fmt, ap); /* cut off if a hostile name makes it longer */
    j->has_fault = true;
    j->fault = error;
    j->fault_msg = bytes_dup(j->c->arena, bytes_str(text));
    return ERR_INVALID;
}

enum err job_fault(struct job_call *j, enum aws_error error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err err = fault_with(j, error, fmt, ap);
    va_end(ap);
    return err;
}

enum err job_fault_invalid(struct job_call *j, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err err = fault_with(j, AWS_VALIDATION, fmt, ap);
    va_end(ap);
    return err;
}

enum err job_table(
    struct job_call *j, struct bytes name, struct bytes shown, const struct core_table **ret)
{
    const struct core_table *t = catalog_table(core_catalog(j->core), name);
    if (t == NULL || t->status == CORE_CREATING) {
        return job_fault(j, AWS_TABLE_NOT_FOUND, "Table not found: %.*s", BYTES_FMT(shown));
    }
    *ret = t;
    return OK;
}

enum err job_note_table(
    struct job_call *j, struct part_stage *s, struct arena *a, const struct core_table *t)
{
    struct part_counts counts = part_table_counts(part_stage_part(s), t->part.id);
    struct value *row = ARENA_NEW(a, struct value);
    const struct core_table *copy = core_table_dup(a, t);
    if (row == NULL || copy == NULL || core_table_encode(a, copy, row) != OK) {
        return ERR_TOO_BIG;
    }
    j->job.table_name = copy->part.name;
    j->job.table_uuid = copy->uuid;
    j->job.table = row;
    j->job.items = counts.items;
    j->job.bytes = counts.bytes;
    return OK;
}

/* ---- ARNs ---- */

void put_job_arn(
    struct buf *b, struct bytes region, struct bytes table, const char *what, struct bytes name)
{
    put_table_arn(b, region, table);
    buf_putf(b, "/%s/%.*s", what, BYTES_FMT(name));
}

/* Cuts what stands before the first `c` off `*rest`; all of it when there is none. */
static struct bytes cut(struct bytes *rest, uint8_t c)
{
    size_t i = 0;
    while (i < rest->len && rest->base[i] != c) {
        i++;
    }
    struct bytes head = {rest->base, i};
    *rest = bytes_from(*rest, i + 1);
    return head;
}

struct arn {
    bool dynamodb; /* arn:aws:dynamodb: */
    struct bytes region;
    struct bytes account;
    struct bytes resource;
};

static struct arn arn_split(struct bytes text)
{
    struct arn arn = {0};
    bool arn_word = bytes_eq_str(cut(&text, ':'), "arn");
    bool aws = bytes_eq_str(cut(&text, ':'), "aws");
    arn.dynamodb = bytes_eq_str(cut(&text, ':'), "dynamodb") && arn_word && aws;
    arn.region = cut(&text, ':');
    arn.account = cut(&text, ':');
    arn.resource = text;
    return arn;
}

bool job_arn_parse(
    struct dynamo_call *c,
    struct bytes text,
    const char *what,
    const char *title,
    struct bytes *ret_name)
{
    struct arn arn = arn_split(text);
    struct bytes rest = arn.resource;
    bool good = bytes_eq_str(cut(&rest, '/'), "table");
    struct bytes table = cut(&rest, '/');
    good = good && table.len > 0 && bytes_eq_str(cut(&rest, '/'), what) && rest.len > 0;
    if (!arn.dynamodb || !good) {
        return call_invalid(c, "Invalid %s ARN", title);
    }
    if (!bytes_eq_str(arn.account, DYNAMO_ACCOUNT)) {
        return call_fail(c, AWS_ACCESS_DENIED, BYTES_LIT("Access is denied"));
    }
    *ret_name = bytes_eq(arn.region, c->d->region) ? rest : BYTES_NONE;
    return true;
}

bool job_arn_field(
    struct dynamo_call *c,
    const struct json *in,
    const char *field,
    const char *path,
    const char *what,
    const char *title,
    struct bytes *ret_arn,
    struct bytes *ret_name)
{
    struct checks k = {.c = c};
    if (!field_string(c, in, field, ret_arn)) {
        return false;
    }
    check_not_null(&k, path, ret_arn->base != NULL);
    check_length(&k, path, *ret_arn, 37, 1024);
    return checks_done(&k) && job_arn_parse(c, *ret_arn, what, title, ret_name);
}

bool job_arn_names(struct bytes arn, struct bytes table)
{
    struct bytes rest = arn_split(arn).resource;
    (void)cut(&rest, '/'); /* "table" */
    return bytes_eq(cut(&rest, '/'), table);
}

bool table_arn_parse(
    struct dynamo_call *c, struct bytes text, const char *field, struct bytes *ret_name)
{
    struct arn arn = arn_split(text);
    struct bytes rest = arn.resource;
    bool good = bytes_eq_str(cut(&rest, '/'), "table");
    struct bytes table = cut(&rest, '/');
    if (!arn.dynamodb || !good || table.len == 0) {
        return call_invalid(c, INVALID_PREFIX "%s is not a valid ARN", field);
    }
    if (rest.len > 0) {
        return call_invalid(c, INVALID_REQUEST "Table ARN is invalid.");
    }
    if (!bytes_eq_str(arn.account, DYNAMO_ACCOUNT)) {
        return call_fail(c, AWS_ACCESS_DENIED, BYTES_LIT("Access is denied"));
    }
    if (!bytes_eq(arn.region, c->d->region)) {
        return call_failf(c, AWS_TABLE_NOT_FOUND, "Table not found: %.*s", BYTES_FMT(text));
    }
    *ret_name = table;
    return true;
}

/* ---- times ---- */

bool field_time(
    struct dynamo_call *c, const struct json *obj, const char *name, struct opt_time *ret)
{
    const struct json *j = json_find(obj, name);
    const struct decimal none = {0};
    struct decimal seconds = none;
    struct decimal ms;
    bool underflow = false;
    *ret = (struct opt_time){0};
    if (j == NULL || j->type == JSON_NULL) {
        return true;
    }
    if (j->type != JSON_NUMBER) {
        const char *kind = j->type == JSON_STRING ? "STRING_VALUE" : "VALUE";
        return call_failf(c, AWS_SERIALIZATION, "%s cannot be converted to Date", kind);
    }
    enum err err = decimal_parse(j->text, &seconds, &underflow);
    if (err != OK && !underflow) {
        return call_fail(c, AWS_SERIALIZATION, BYTES_LIT("Date is out of range"));
    }
    ret->present = true;
    ms = seconds;
    ms.exp = seconds.coef == 0 ? 0 : (int16_t)(seconds.exp + 3);
    while (ms.exp < 0) { /* below a millisecond: cut off */
        ms.coef /= 10;
        ms.exp++;
    }
    while (ms.coef != 0 && ms.coef % 10 == 0) {
        ms.coef /= 10;
        ms.exp++;
    }
    int64_t whole = INT64_MAX;
    if (ms.coef == 0) {
        whole = 0;
    } else if (decimal_to_i64(&ms, &whole) != OK) {
        whole = INT64_MAX;
    }
    ret->ms = seconds.neg || whole < 0 ? 0 : (uint64_t)whole;
    return true;
}

void put_iso_seconds(struct buf *b, uint64_t ms)
{
    struct buf text;
    buf_init(&text, /* len_max= */ 64);
    feed_label_put(&text, ms);
    struct bytes label = buf_bytes(&text);
    label.len -= label.len > 4 ? 4 : 0; /* ".123" */
    buf_putf(b, "%.*sZ", BYTES_FMT(label));
    buf_done(&text);
}

void put_iso_ms(struct buf *b, uint64_t ms)
{
    feed_label_put(b, ms);
    buf_put_u8(b, 'Z');
}

/* ---- recovery ---- */

enum err recovery_window_of(
    struct dynamo_call *c, const struct core_table *t, struct recovery_window *ret)
{
    const struct core_member *own = catalog_member(c->d->view.catalog, c->d->region);
    const struct part_reader r = {.engine = c->d->view.engine};
    const struct region_id id = own == NULL ? (struct region_id){0} : own->id;
    enum err err = backup_earliest_ms(&r, id, t, c->now_ms, &ret->earliest_ms);
    /* Whole seconds, as clients send them back. */
    uint64_t latest = c->now_ms / 1000 * 1000;
    ret->latest_ms = latest > ret->earliest_ms ? latest : ret->earliest_ms;
    return err;
}

bool recovery_window_find(struct dynamo_call *c, struct bytes table, struct recovery_window *ret)
{
    const struct core_table *t = catalog_table(c->d->view.catalog, table);
    *ret = (struct recovery_window){0};
    if (t == NULL || t->pitr_since_ms == 0) {
        return true;
    }
    enum err err = recovery_window_of(c, t, ret);
    return err == OK ? true : call_fail_err(c, err);
}

enum err recovery_off_fault(struct job_call *j, const struct core_table *t)
{
    return job_fault(
        j,
        AWS_PITR_UNAVAILABLE,
        "Point in time recovery is not enabled for table '%.*s'",
        BYTES_FMT(t->part.name));
}
