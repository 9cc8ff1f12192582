/* Application Auto Scaling for DynamoDB: the operations that list. All of this region's tables are
 * looked at, in order of their names; a page's token says how many things came before it. */
#include "front/dynamo/scaling_api.h"

enum { NAMES_MAX = 50 };

struct listing;

/* What an operation lists. */
struct list_kind {
    const char *title; /* "ScalableTargets" */
    const char *names; /* the parameter that picks some by name; NULL: there is none */
    uint64_t page_max;
    /* Puts what a table has of it, and `l` wants. NULL: no table has any. */
    void (*put)(
        struct dynamo_call *c, struct buf *b, struct listing *l, const struct core_table *t);
};

struct listing {
    struct bytes space;
    struct bytes resource; /* base NULL: all */
    struct bytes dimension;
    struct bytes *names; /* of resources or policies; n_names 0: all */
    size_t n_names;
    uint64_t skip;
    uint64_t max;
    uint64_t seen;
    bool more;
    const char *comma;
};

static bool read_names(
    struct dynamo_call *c, const struct json *in, const char *field, struct listing *l)
{
    const struct json *list;
    if (!field_list(c, in, field, &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    l->names = ARENA_ARRAY(c->arena, struct bytes, list->array.n);
    if (l->names == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if (list->array.n > NAMES_MAX) {
        return call_invalid(c, "%s can have %d members at most", field, NAMES_MAX);
    }
    for (; l->n_names < list->array.n; l->n_names++) {
        if (!json_as_string(c, &list->array.items[l->n_names], &l->names[l->n_names])) {
            return false;
        }
    }
    return true;
}

static bool read_listing(
    struct dynamo_call *c, const struct json *in, const struct list_kind *kind, struct listing *l)
{
    struct checks k = {.c = c};
    struct opt_int max;
    struct bytes token;
    *l = (struct listing){.comma = ""};
    if (!scaling_namespace_field(&k, in, &l->space) ||
        (kind->names != NULL && !read_names(c, in, kind->names, l)) ||
        !field_string(c, in, "ResourceId", &l->resource) ||
        !scaling_dimension_field(&k, in, &l->dimension) ||
        !field_int(c, in, "MaxResults", "Integer", &max) ||
        !field_string(c, in, "NextToken", &token) || !checks_done(&k)) {
        return false;
    }
    if (l->dimension.base != NULL && l->resource.base == NULL && l->n_names == 0) {
        return call_invalid(
            c, "If you specify a scalable dimension, you must also specify a resource ID");
    }
    if (max.present && (max.v < 1 || (uint64_t)max.v > kind->page_max)) {
        return call_invalid(
            c, "MaxResults must be between 1 and %llu", (unsigned long long)kind->page_max);
    }
    l->max = max.present ? (uint64_t)max.v : kind->page_max;
    bool given = token.base != NULL;
    if (given && (bytes_u64(token, &l->skip) != OK || l->skip > UINT32_MAX)) {
        return call_fail(c, AWS_INVALID_NEXT_TOKEN, BYTES_LIT("The next token is invalid"));
    }
    return true;
}

static struct bytes resource_of(struct arena *a, struct bytes table, struct bytes index)
{
    return index.len == 0
               ? bytes_fmt(a, "table/%.*s", BYTES_FMT(table))
               : bytes_fmt(a, "table/%.*s/index/%.*s", BYTES_FMT(table), BYTES_FMT(index));
}

/* Whether the page wants something of this capacity, which has that name among its kind (base NULL:
 * none); counts it when it is asked for at all. */
static bool wants(
    struct listing *l, struct bytes resource, struct bytes index, bool write, struct bytes name)
{
    bool asked = bytes_eq_str(l->space, "dynamodb") &&
                 (l->resource.base == NULL || bytes_eq(l->resource, resource)) &&
                 (l->dimension.base == NULL ||
                  bytes_eq_str(l->dimension, scaling_dimension(index, write))) &&
                 (l->n_names == 0 || bytes_is_listed(l->names, l->n_names, name));
    if (!asked) {
        return false;
    }
    uint64_t at = l->seen++;
    l->more |= at >= l->skip + l->max;
    return at >= l->skip && at < l->skip + l->max;
}

static void put_ref(
    struct buf *b, struct listing *l, struct bytes resource, struct bytes index, bool write)
{
    buf_put_str(b, l->comma);
    buf_put_str(b, "{\"ServiceNamespace\":\"dynamodb\",\"ResourceId\":");
    json_put_string(b, resource);
    buf_putf(b, ",\"ScalableDimension\":\"%s\"", scaling_dimension(index, write));
    l->comma = ",";
}

static enum dynamo_step list(
    struct dynamo_call *c, const struct json *in, const struct list_kind *kind)
{
    struct listing l;
    if (!read_listing(c, in, kind, &l)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_putf(b, "{\"%s\":[", kind->title);
    const struct core_table *t = catalog_table_after(c->d->view.catalog, BYTES_NONE);
    while (t != NULL && kind->put != NULL) {
        kind->put(c, b, &l, t);
        t = catalog_table_after(c->d->view.catalog, t->part.name);
    }
    buf_put_u8(b, ']');
    if (l.more) {
        buf_putf(b, ",\"NextToken\":\"%llu\"", (unsigned long long)(l.skip + l.max));
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- targets ---- */

static void put_target(
    struct dynamo_call *c,
    struct buf *b,
    struct listing *l,
    struct bytes resource,
    const struct scaling_target *x)
{
    put_ref(b, l, resource, x->index, x->write);
    buf_putf(
        b,
        ",\"MinCapacity\":%llu,\"MaxCapacity\":%llu,\"RoleARN\":",
        (unsigned long long)x->min,
        (unsigned long long)x->max);
    json_put_string(b, x->role.base == NULL ? BYTES_LIT(SCALING_ROLE) : x->role);
    buf_put_str(b, ",\"CreationTime\":");
    put_seconds(b, x->created_ms);
    buf_putf(
        b,
        ",\"SuspendedState\":{\"DynamicScalingInSuspended\":%s,\"DynamicScalingOutSuspended\":%s,"
        "\"ScheduledScalingSuspended\":%s},\"ScalableTargetARN\":\"",
        x->hold_in ? "true" : "false",
        x->hold_out ? "true" : "false",
        x->hold_scheduled ? "true" : "false");
    scaling_put_target_arn(b, c->d->region, x->id);
    buf_put_str(b, "\"}");
}

static void put_targets_of(
    struct dynamo_call *c, struct buf *b, struct listing *l, const struct core_table *t)
{
    struct scaling_target x;
    for (size_t i = 0; scaling_at(t, i, &x); i++) {
        struct bytes resource = resource_of(c->arena, t->part.name, x.index);
        if (wants(l, resource, x.index, x.write, resource)) {
            put_target(c, b, l, resource, &x);
        }
    }
}

enum dynamo_step scaling_targets_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct list_kind kind = {"ScalableTargets", "ResourceIds", 50, put_targets_of};
    return list(c, in, &kind);
}

/* ---- policies ---- */

static void put_policy(
    struct dynamo_call *c,
    struct buf *b,
    struct listing *l,
    struct bytes resource,
    const struct scaling_target *x)
{
    const struct scaling_policy *p = &x->policy;
    put_ref(b, l, resource, x->index, x->write);
    buf_put_str(b, ",\"PolicyARN\":");
    scaling_put_policy_arn(c, b, resource, p);
    buf_put_str(b, ",\"PolicyName\":");
    json_put_string(b, p->name);
    buf_put_str(
        b,
        ",\"PolicyType\":\"TargetTrackingScaling\",\"TargetTrackingScalingPolicyConfiguration\":"
        "{\"TargetValue\":");
    scaling_put_milli(b, p->target_milli);
    buf_putf(
        b,
        ",\"PredefinedMetricSpecification\":{\"PredefinedMetricType\":\"DynamoDB%sCapacity"
        "Utilization\"}",
        x->write ? "Write" : "Read");
    if (p->has_out) {
        buf_putf(b, ",\"ScaleOutCooldown\":%llu", (unsigned long long)p->out_s);
    }
    if (p->has_in) {
        buf_putf(b, ",\"ScaleInCooldown\":%llu", (unsigned long long)p->in_s);
    }
    buf_putf(
        b,
        ",\"DisableScaleIn\":%s},\"Alarms\":[],\"CreationTime\":",
        p->no_scale_in ? "true" : "false");
    put_seconds(b, p->created_ms);
    buf_put_u8(b, '}');
}

static void put_policies_of(
    struct dynamo_call *c, struct buf *b, struct listing *l, const struct core_table *t)
{
    struct scaling_target x;
    for (size_t i = 0; scaling_at(t, i, &x); i++) {
        struct bytes resource = resource_of(c->arena, t->part.name, x.index);
        if (x.has_policy && wants(l, resource, x.index, x.write, x.policy.name)) {
            put_policy(c, b, l, resource, &x);
        }
    }
}

enum dynamo_step scaling_policies_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct list_kind kind = {"ScalingPolicies", "PolicyNames", 10, put_policies_of};
    return list(c, in, &kind);
}

/* ---- activities ---- */

static struct bytes cause_of(struct arena *a, const struct scaling_activity *x)
{
    switch (x->cause) {
    case SCALING_BELOW_MIN:
        return bytes_fmt(a, "minimum capacity was set to %llu", (unsigned long long)x->bound);
    case SCALING_ABOVE_MAX:
        return bytes_fmt(a, "maximum capacity was set to %llu", (unsigned long long)x->bound);
    case SCALING_HIGH:
    case SCALING_LOW:
        break;
    }
    return bytes_fmt(
        a,
        "consumed capacity was %s the target of policy %.*s",
        x->cause == SCALING_HIGH ? "above" : "below",
        BYTES_FMT(x->policy));
}

static void put_activity(
    struct dynamo_call *c,
    struct buf *b,
    struct listing *l,
    struct bytes resource,
    const struct scaling_activity *x)
{
    put_ref(b, l, resource, x->index, x->write);
    buf_put_str(b, ",\"ActivityId\":\"");
    scaling_put_uuid(b, x->id);
    buf_putf(
        b,
        "\",\"Description\":\"Setting %s capacity units to %llu.\",\"Cause\":",
        x->write ? "write" : "read",
        (unsigned long long)x->to);
    json_put_string(b, cause_of(c->arena, x));
    buf_put_str(b, ",\"StartTime\":");
    put_seconds(b, x->at_ms);
    buf_put_str(b, ",\"EndTime\":");
    put_seconds(b, x->at_ms);
    buf_putf(
        b,
        ",\"StatusCode\":\"Successful\",\"StatusMessage\":\"Successfully set %s capacity units to "
        "%llu. Change successfully fulfilled by dynamodb.\"}",
        x->write ? "write" : "read",
        (unsigned long long)x->to);
}

/* Newest first, as the service has it, table by table. */
static void put_activities_of(
    struct dynamo_call *c, struct buf *b, struct listing *l, const struct core_table *t)
{
    struct scaling_activity x;
    size_t n = 0;
    while (scaling_activity_at(t, n, &x)) {
        n++;
    }
    while (n > 0 && scaling_activity_at(t, --n, &x)) {
        struct bytes resource = resource_of(c->arena, t->part.name, x.index);
        if (wants(l, resource, x.index, x.write, BYTES_NONE)) {
            put_activity(c, b, l, resource, &x);
        }
    }
}

enum dynamo_step scaling_activities_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct list_kind kind = {"ScalingActivities", NULL, 50, put_activities_of};
    bool all = false; /* those that scaled nothing are not kept, so there are none to leave out */
    return field_bool(c, in, "IncludeNotScaledActivities", &all) ? list(c, in, &kind)
                                                                 : DYNAMO_ANSWER;
}

/* ---- scheduled actions ---- */

enum dynamo_step scaling_scheduled_begin(struct dynamo_call *c, const struct json *in)
{
    static const struct list_kind kind = {"ScheduledActions", "ScheduledActionNames", 50, NULL};
    return list(c, in, &kind);
}
