/* Administration calls: to the writer and back, and the words for its refusals.
 *
 * A call runs in the writer as one piece: the look at the table, the operation's `build`, core's
 * own checks and the change. So what an answer says of a table is what the change was made to.
 *
 * Where DynamoDB's words for a refusal could not be found out, the words here are our own; the
 * error's name is DynamoDB's. */
#include <stdarg.h>
#include <stdio.h>

#include "front/dynamo/policy.h"

/* ---- names ---- */

bool fail_table_missing(struct dynamo_call *c, struct bytes name)
{
    return call_failf(
        c,
        AWS_RESOURCE_NOT_FOUND,
        "Requested resource not found: Table: %.*s not found",
        BYTES_FMT(name));
}

bool fail_group_missing(struct dynamo_call *c, struct bytes name)
{
    return call_failf(
        c,
        AWS_GLOBAL_TABLE_NOT_FOUND,
        "Global table not found: Global table with name: '%.*s' does not exist.",
        BYTES_FMT(name));
}

bool table_resolve(struct dynamo_call *c, struct bytes name_or_arn, struct bytes *ret)
{
    struct bytes head = BYTES_LIT("arn:");
    if (!bytes_has_prefix(name_or_arn, head)) {
        *ret = name_or_arn;
        return true;
    }
    struct buf own;
    buf_init(&own, /* len_max= */ 4096);
    put_table_arn(&own, c->d->region, BYTES_LIT(""));
    bool ours = bytes_has_prefix(name_or_arn, buf_bytes(&own));
    buf_done(&own);
    struct bytes name = table_name_of(name_or_arn);
    if (!ours) {
        return call_invalid(
            c, "1 validation error detected: Invalid AWS region in '%.*s'", BYTES_FMT(name_or_arn));
    }
    if (bytes_has_prefix(name, head)) { /* of an index, say */
        return call_invalid(
            c,
            "1 validation error detected: Invalid resource type in '%.*s'",
            BYTES_FMT(name_or_arn));
    }
    *ret = name;
    return true;
}

bool table_name_check(struct dynamo_call *c, const char *field, struct bytes name)
{
    if (name.base == NULL) {
        return call_invalid(
            c, "The parameter '%s' is required but was not present in the request", field);
    }
    size_t chars = utf8_length(name);
    if (bytes_has_prefix(name, BYTES_LIT("arn:")) || (chars >= 3 && chars <= 255)) {
        return true;
    }
    /* DynamoDB says nothing else then, whatever else is wrong. */
    struct checks k = {.c = c};
    check_name_chars(&k, "tableName", name);
    check_length(&k, "tableName", name, 3, 255);
    return checks_done(&k);
}

bool table_field(struct dynamo_call *c, const struct json *in, struct bytes *ret)
{
    struct bytes given;
    struct checks k = {.c = c};
    if (!field_string(c, in, "TableName", &given) || !table_name_check(c, "TableName", given)) {
        return false;
    }
    if (!bytes_has_prefix(given, BYTES_LIT("arn:"))) {
        check_name_chars(&k, "tableName", given);
    }
    return checks_done(&k) && table_resolve(c, given, ret);
}

bool refuse_params(struct dynamo_call *c, const struct json *in, const char *const *names)
{
    for (size_t i = 0; names[i] != NULL; i++) {
        if (field_present(in, names[i])) {
            return call_invalid(c, INVALID_PREFIX "%s is not supported by this server", names[i]);
        }
    }
    return true;
}

/* ---- in the writer ---- */

static enum err fault_with(struct table_call *t, enum aws_error error, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

static enum err fault_with(struct table_call *t, enum aws_error error, const char *fmt, va_list ap)
{
    char text[2048];
    (void)vsnprintf(text, sizeof text, fmt, ap); /* cut off if a hostile name makes it longer */
    t->has_fault = true;
    t->fault = error;
    t->fault_msg = bytes_dup(t->c->arena, bytes_str(text));
    return ERR_INVALID;
}

enum err table_fault(struct table_call *t, enum aws_error error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err err = fault_with(t, error, fmt, ap);
    va_end(ap);
    return err;
}

enum err table_fault_invalid(struct table_call *t, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    enum err err = fault_with(t, AWS_VALIDATION, fmt, ap);
    va_end(ap);
    return err;
}

static enum err count(
    const struct part *p, const struct core_table *t, struct arena *a, struct table_counts *ret)
{
    struct index_counts *indexes = ARENA_ARRAY(a, struct index_counts, t->n_indexes);
    if (indexes == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        uint32_t id = t->indexes[i].part.id;
        indexes[i] = (struct index_counts){id, part_index_counts(p, t->part.id, id)};
    }
    *ret = (struct table_counts){part_table_counts(p, t->part.id), indexes, t->n_indexes};
    return OK;
}

/* What the policy of the table, or of its stream, says of this operation. */
static enum err allow(struct table_call *t, const struct core_table *now)
{
    struct policy p;
    bool denied = true;
    if (t->c->op == NULL || !policy_of(now, t->policy_stream_ms, &p)) {
        return OK;
    }
    struct bytes resource = policy_resource(t->c, now->part.name, t->policy_stream_ms);
    if (resource.base == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = policy_deny(t->c, p.text, resource, t->c->op->name, &denied);
    if (err == ERR_TOO_BIG || !denied) {
        return err == ERR_TOO_BIG ? err : OK;
    }
    t->has_fault = true;
    t->fault = AWS_ACCESS_DENIED;
    t->fault_msg = policy_denial(t->c, resource);
    return ERR_INVALID;
}

static enum err run(void *arg, struct part_stage *s, struct arena *a)
{
    struct table_call *t = arg;
    const struct core_table *now = catalog_table(core_catalog(t->admin.core), t->admin.name);
    if (now != NULL) {
        enum err allowed = allow(t, now);
        if (allowed != OK) {
            return allowed;
        }
        t->found = true;
        enum err counted = count(part_stage_part(s), now, a, &t->counts);
        if (counted != OK) {
            return counted;
        }
    }
    if (t->count_only) {
        return OK;
    }
    const struct core_group *g = catalog_group(core_catalog(t->admin.core), t->admin.name);
    if (t->needs_group != 0 && (g == NULL || (int)g->version != t->needs_group)) {
        t->admin.refusal = CORE_REFUSED_GROUP_MISSING;
        return ERR_NOT_FOUND;
    }
    /* A table that is busy is refused by core, whatever is asked. */
    bool settled = now != NULL && (now->status == CORE_ACTIVE || t->admin.settings_only);
    if (t->build != NULL && settled) {
        struct core_table *copy = core_table_dup(a, now);
        if (copy == NULL) {
            return ERR_TOO_BIG;
        }
        t->wanted = *copy;
        enum err err = t->build(t, now, a);
        if (err != OK) {
            return err;
        }
    }
    enum err err = core_admin_run(&t->admin, s, a);
    return err == OK && t->has_also ? core_admin_run(&t->also, s, a) : err;
}

/* ---- there and back ---- */

struct table_call *table_call_new(
    struct dynamo_call *c, enum core_admin_kind kind, struct bytes table)
{
    struct table_call *t = ARENA_NEW(c->arena, struct table_call);
    if (t == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return NULL;
    }
    t->c = c;
    t->admin = (struct core_admin){
        .kind = kind,
        .core = c->d->core,
        .name = table,
        .table = &t->wanted,
    };
    t->cmd = (struct part_cmd){.kind = PART_CMD_CALL, .call = {.run = run, .arg = t}};
    c->state = t;
    return t;
}

enum dynamo_step table_call_submit(struct table_call *t)
{
    if (t->admin.core == NULL) {
        (void)call_fail_err(t->c, ERR_UNAVAILABLE); /* answers */
        return DYNAMO_ANSWER;
    }
    t->submitted = true;
    return call_submit(t->c, &t->cmd);
}

/* The names of all other regions that take part, copied; n is 0 at the arena's cap too. */
static size_t other_regions(struct dynamo_call *c, struct bytes *regions)
{
    const struct catalog *catalog = c->d->view.catalog;
    size_t n = 0;
    const struct core_member *m = catalog_member_after(catalog, BYTES_NONE);
    for (; m != NULL && n < CORE_REGIONS_MAX; m = catalog_member_after(catalog, m->region)) {
        if (m->removed || bytes_eq(m->region, c->d->region)) {
            continue;
        }
        regions[n] = bytes_dup(c->arena, m->region);
        if (regions[n].base == NULL) {
            return 0;
        }
        n++;
    }
    return n;
}

enum dynamo_step table_call_sync(struct table_call *t)
{
    struct dynamo_call *c = t->c;
    struct bytes *regions = ARENA_ARRAY(c->arena, struct bytes, CORE_REGIONS_MAX);
    if (regions == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    size_t n = other_regions(c, regions);
    if (n == 0) {
        return table_call_submit(t);
    }
    c->wait = (struct dynamo_wait){
        .regions = regions,
        .n_regions = n,
        .upto = hlc_of_ms(c->now_ms),
        .deadline_ms = c->now_ms + REGION_SYNC_MS_MAX,
    };
    return DYNAMO_WAIT_MARKS;
}

static bool fail_busy(struct table_call *t)
{
    const struct core_table *now = catalog_table(t->c->d->view.catalog, t->admin.name);
    enum core_status status = now == NULL ? CORE_DELETING : now->status;
    const char *doing = "updated";
    if (status == CORE_CREATING) {
        doing = "created";
    }
    if (status == CORE_DELETING) {
        doing = "deleted";
    }
    return call_failf(
        t->c,
        AWS_RESOURCE_IN_USE,
        "Attempt to change a resource which is still in use: Table is being %s: %.*s",
        doing,
        BYTES_FMT(t->admin.name));
}

static bool fail_indexes_busy(struct dynamo_call *c)
{
    return call_fail(
        c,
        AWS_RESOURCE_IN_USE,
        BYTES_LIT("Attempt to change a resource which is still in use: Cannot delete table while "
                  "indexes are being created, updated, or deleted."));
}

static bool fail_of_table(struct table_call *t)
{
    struct dynamo_call *c = t->c;
    struct bytes name = t->admin.name;
    switch (t->admin.refusal) {
    case CORE_REFUSED_TABLE_EXISTS:
        return call_failf(c, AWS_RESOURCE_IN_USE, "Table already exists: %.*s", BYTES_FMT(name));
    case CORE_REFUSED_TABLE_MISSING:
        return fail_table_missing(c, name);
    case CORE_REFUSED_TABLE_BUSY:
        return fail_busy(t);
    case CORE_REFUSED_PROTECTED:
        return call_invalid(
            c,
            "Resource cannot be deleted as it is currently protected against deletion. Disable "
            "deletion protection first.");
    case CORE_REFUSED_INDEX_EXISTS:
        return call_invalid(c, "Attempting to create an index which already exists");
    case CORE_REFUSED_INDEX_MISSING:
        return call_fail(c, AWS_RESOURCE_NOT_FOUND, BYTES_LIT("Requested resource not found"));
    case CORE_REFUSED_INDEXES_BUSY:
        return fail_indexes_busy(c);
    case CORE_REFUSED_INDEX_BUSY:
        return call_fail(
            c,
            AWS_LIMIT_EXCEEDED,
            BYTES_LIT("Subscriber limit exceeded: Only 1 online index can be created or deleted "
                      "simultaneously per table"));
    case CORE_REFUSED_TOO_MANY:
        return call_failf(
            c,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: There is a limit of %d tables per region, %d global and "
            "%d local secondary indexes per table, and %d replicas per global table",
            CORE_TABLES_MAX,
            CORE_GSI_MAX,
            CORE_LSI_MAX,
            CORE_REGIONS_MAX);
    case CORE_REFUSED_IS_REPLICA:
        return call_failf(
            c,
            AWS_RESOURCE_IN_USE,
            "Attempt to change a resource which is still in use: Table is a replica of a global "
            "table, remove it from the global table first: %.*s",
            BYTES_FMT(name));
    case CORE_REFUSED_TTL_ON:
        return call_invalid(c, "TimeToLive is already enabled");
    case CORE_REFUSED_TTL_OFF:
        return call_invalid(c, "TimeToLive is already disabled");
    case CORE_REFUSED_TTL_OTHER:
        return call_invalid(
            c,
            "TimeToLive is active on a different AttributeName: current AttributeName is %.*s",
            BYTES_FMT(t->admin.refused_ttl));
    case CORE_REFUSED_NOT:
    case CORE_REFUSED_GROUP_EXISTS:
    case CORE_REFUSED_GROUP_MISSING:
    case CORE_REFUSED_REGION_UNKNOWN:
    case CORE_REFUSED_REPLICA_EXISTS:
    case CORE_REFUSED_REPLICA_MISSING:
    case CORE_REFUSED_REPLICA_TABLE_MISSING:
    case CORE_REFUSED_KEYS_DIFFER:
    case CORE_REFUSED_STREAM_NEEDED:
    case CORE_REFUSED_NOT_EMPTY:
    case CORE_REFUSED_BILLING_DIFFERS:
        break;
    }
    return call_fail_err(c, ERR_IO);
}

/* A fault of one region's table: "HEAD 'table' in region 'region' TAIL". */
static bool fail_replica(
    struct table_call *t, enum aws_error error, const char *head, const char *tail)
{
    struct bytes region = t->admin.refused_region;
    return call_failf(
        t->c,
        error,
        "%s '%.*s' in region '%.*s' %s",
        head,
        BYTES_FMT(t->admin.name),
        BYTES_FMT(region.len == 0 ? t->c->d->region : region),
        tail);
}

#define TABLE_FAULT INVALID_PREFIX "Table"

/* The words for what global tables ask of their replicas. */
static bool fail_of_replica(struct table_call *t)
{
    struct bytes region = t->admin.refused_region;
    enum aws_error invalid = AWS_VALIDATION;
    switch (t->admin.refusal) {
    case CORE_REFUSED_STREAM_NEEDED:
        return fail_replica(
            t,
            invalid,
            TABLE_FAULT,
            "must have a stream enabled with StreamViewType NEW_AND_OLD_IMAGES to be a replica of "
            "a global table.");
    case CORE_REFUSED_REGION_UNKNOWN:
        return fail_replica(
            t,
            invalid,
            INVALID_PREFIX "A replica of table",
            "is not possible: the region is not a member of this cluster.");
    case CORE_REFUSED_REPLICA_EXISTS:
        return fail_replica(t, AWS_REPLICA_EXISTS, "A replica of global table", "already exists.");
    case CORE_REFUSED_REPLICA_MISSING:
        return fail_replica(
            t, AWS_REPLICA_NOT_FOUND, "A replica of global table", "does not exist.");
    case CORE_REFUSED_REPLICA_TABLE_MISSING:
        return call_failf(
            t->c,
            AWS_TABLE_NOT_FOUND,
            "Table not found: Table: '%.*s' not found in region: '%.*s'.",
            BYTES_FMT(t->admin.name),
            BYTES_FMT(region));
    case CORE_REFUSED_KEYS_DIFFER:
        return fail_replica(
            t,
            invalid,
            TABLE_FAULT,
            "must have the same key schema as all other replicas of the global table.");
    case CORE_REFUSED_NOT_EMPTY:
        return fail_replica(
            t, invalid, TABLE_FAULT, "must be empty to become a replica of a global table.");
    case CORE_REFUSED_BILLING_DIFFERS:
        return fail_replica(
            t,
            invalid,
            TABLE_FAULT,
            "must have the same billing mode, write capacity and secondary indexes as all other "
            "replicas of the global table.");
    case CORE_REFUSED_NOT:
    case CORE_REFUSED_TABLE_EXISTS:
    case CORE_REFUSED_TABLE_MISSING:
    case CORE_REFUSED_TABLE_BUSY:
    case CORE_REFUSED_PROTECTED:
    case CORE_REFUSED_INDEX_EXISTS:
    case CORE_REFUSED_INDEX_MISSING:
    case CORE_REFUSED_INDEXES_BUSY:
    case CORE_REFUSED_INDEX_BUSY:
    case CORE_REFUSED_GROUP_EXISTS:
    case CORE_REFUSED_GROUP_MISSING:
    case CORE_REFUSED_TOO_MANY:
    case CORE_REFUSED_TTL_ON:
    case CORE_REFUSED_TTL_OTHER:
    case CORE_REFUSED_TTL_OFF:
    case CORE_REFUSED_IS_REPLICA:
        break;
    }
    return fail_of_table(t);
}

/* The regions there are, in words. */
static void fail_region(struct dynamo_call *c, struct bytes region)
{
    struct buf list;
    buf_init(&list, /* len_max= */ 64 * 1024);
    const struct core_member *m = catalog_member_after(c->d->view.catalog, BYTES_NONE);
    for (; m != NULL; m = catalog_member_after(c->d->view.catalog, m->region)) {
        if (!m->removed) {
            buf_put_str(&list, list.len == 0 ? "" : ", ");
            buf_put_bytes(&list, m->region);
        }
    }
    (void)call_invalid(
        c,
        "Region %.*s is not supported. The latest version of global tables are only supported in "
        "the following regions: [%.*s]",
        BYTES_FMT(region),
        BYTES_FMT(buf_bytes(&list))); /* answers */
    buf_done(&list);
}

/* Answers in UpdateTable's words for what is wrong with a replica, if it has some of its own. */
static bool failed_as_2019(struct table_call *t)
{
    struct dynamo_call *c = t->c;
    enum core_refusal why = t->admin.refusal;
    struct bytes region = t->admin.n_regions == 0 ? BYTES_LIT("") : t->admin.regions[0];
    if (why == CORE_REFUSED_TABLE_EXISTS || why == CORE_REFUSED_REPLICA_EXISTS) {
        (void)call_invalid(
            c,
            "Failed to create a the new replica of table with name: \u2018%.*s\u2019 because one "
            "or more replicas already existed as tables.",
            BYTES_FMT(t->admin.name));
        return true;
    }
    if (why == CORE_REFUSED_GROUP_MISSING || why == CORE_REFUSED_REPLICA_MISSING) {
        (void)call_invalid(
            c,
            "Update global table operation failed because one or more replicas were not part of "
            "the global table. Please retry the request without these replicas: [%.*s].",
            BYTES_FMT(region));
        return true;
    }
    if (why == CORE_REFUSED_REGION_UNKNOWN) {
        fail_region(c, region);
        return true;
    }
    return false;
}

static bool fail_refused(struct table_call *t)
{
    struct dynamo_call *c = t->c;
    struct bytes name = t->admin.name;
    if (t->replicas_2019 && failed_as_2019(t)) {
        return false;
    }
    if (t->admin.refusal == CORE_REFUSED_GROUP_EXISTS) {
        return call_failf(
            c,
            AWS_GLOBAL_TABLE_EXISTS,
            "Global table with name: '%.*s' already exists.",
            BYTES_FMT(name));
    }
    if (t->admin.refusal == CORE_REFUSED_GROUP_MISSING) {
        return fail_group_missing(c, name);
    }
    if (t->admin.refusal == CORE_REFUSED_STREAM_NEEDED &&
        t->admin.kind == CORE_ADMIN_UPDATE_TABLE) {
        return call_invalid(
            c, INVALID_PREFIX "Disabling Stream is not allowed for a Global Table replica.");
    }
    return fail_of_replica(t);
}

static bool done(struct table_call *t)
{
    if (t->cmd.err == OK) {
        return true;
    }
    if (t->has_fault) {
        return call_fail(t->c, t->fault, t->fault_msg);
    }
    if (t->has_also && t->also.refusal != CORE_REFUSED_NOT) {
        t->admin.refusal = t->also.refusal;
        t->admin.refused_region = t->also.refused_region;
    }
    if (t->admin.refusal != CORE_REFUSED_NOT) {
        return fail_refused(t);
    }
    return call_fail_err(t->c, t->cmd.err);
}

bool table_call_finished(struct dynamo_call *c, enum dynamo_step *ret_step)
{
    struct table_call *t = c->state;
    *ret_step = DYNAMO_ANSWER;
    if (!t->submitted) {
        *ret_step = table_call_submit(t);
        return false;
    }
    if (!done(t)) {
        return false;
    }
    if (t->then != NULL) {
        c->state = t->then;
        *ret_step = table_call_submit(t->then);
        return false;
    }
    return true;
}
