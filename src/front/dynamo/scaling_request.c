/* Application Auto Scaling for DynamoDB: the operations that change targets and policies. They are
 * changes of the table's row, decided in the writer.
 *
 * Source: the Application Auto Scaling API reference. Words that could not be found out are our
 * own. */
#include "front/dynamo/scaling_api.h"

#define UNSUPPORTED "Unsupported service namespace, resource type or scalable dimension"

bool scaling_ref_cut(struct scaling_ref *r)
{
    struct bytes head = BYTES_LIT("table/");
    struct bytes middle = BYTES_LIT("/index/");
    if (!bytes_has_prefix(r->resource, head)) {
        return false;
    }
    r->table = bytes_from(r->resource, head.len);
    r->index = BYTES_NONE;
    for (size_t i = 0; i < r->table.len; i++) {
        if (bytes_has_prefix(bytes_from(r->table, i), middle)) {
            r->index = bytes_from(r->table, i + middle.len);
            r->table.len = i;
            return r->table.len > 0 && r->index.len > 0;
        }
    }
    return r->table.len > 0;
}

/* Whether a dimension is of DynamoDB's tables or indexes, and which. */
static bool dimension_cut(struct bytes dimension, bool *ret_index, bool *ret_write)
{
    static const char *const names[] = {
        "dynamodb:table:ReadCapacityUnits",
        "dynamodb:table:WriteCapacityUnits",
        "dynamodb:index:ReadCapacityUnits",
        "dynamodb:index:WriteCapacityUnits",
    };
    for (unsigned i = 0; i < 4; i++) {
        if (bytes_eq_str(dimension, names[i])) {
            *ret_index = i >= 2;
            *ret_write = i % 2 == 1;
            return true;
        }
    }
    return false;
}

const char *scaling_dimension(struct bytes index, bool write)
{
    if (index.len > 0) {
        return write ? "dynamodb:index:WriteCapacityUnits" : "dynamodb:index:ReadCapacityUnits";
    }
    return write ? "dynamodb:table:WriteCapacityUnits" : "dynamodb:table:ReadCapacityUnits";
}

bool scaling_namespace_field(struct checks *k, const struct json *in, struct bytes *ret)
{
    if (!field_string(k->c, in, "ServiceNamespace", ret)) {
        return false;
    }
    check_not_null(k, "serviceNamespace", ret->base != NULL);
    check_enum(
        k,
        "serviceNamespace",
        *ret,
        "ecs, elasticmapreduce, ec2, appstream, dynamodb, rds, sagemaker, custom-resource, "
        "comprehend, lambda, cassandra, kafka, elasticache, neptune, workspaces");
    return true;
}

bool scaling_dimension_field(struct checks *k, const struct json *in, struct bytes *ret)
{
    if (!field_string(k->c, in, "ScalableDimension", ret)) {
        return false;
    }
    bool index;
    bool write;
    if (ret->base != NULL && !dimension_cut(*ret, &index, &write)) {
        check_enum(
            k,
            "scalableDimension",
            *ret,
            "ecs:service:DesiredCount, ec2:spot-fleet-request:TargetCapacity, "
            "elasticmapreduce:instancegroup:InstanceCount, appstream:fleet:DesiredCapacity, "
            "dynamodb:table:ReadCapacityUnits, dynamodb:table:WriteCapacityUnits, "
            "dynamodb:index:ReadCapacityUnits, dynamodb:index:WriteCapacityUnits, "
            "rds:cluster:ReadReplicaCount, sagemaker:variant:DesiredInstanceCount, "
            "custom-resource:ResourceType:Property, lambda:function:ProvisionedConcurrency, "
            "cassandra:table:ReadCapacityUnits, cassandra:table:WriteCapacityUnits, "
            "kafka:broker-storage:VolumeSize, elasticache:replication-group:NodeGroups, "
            "elasticache:replication-group:Replicas, neptune:cluster:ReadReplicaCount");
    }
    return true;
}

/* The three that name a target; checks are left to the caller. */
static bool ref_fields(struct checks *k, const struct json *in, struct scaling_ref *r)
{
    if (!scaling_namespace_field(k, in, &r->space) ||
        !field_string(k->c, in, "ResourceId", &r->resource) ||
        !scaling_dimension_field(k, in, &r->dimension)) {
        return false;
    }
    check_not_null(k, "resourceId", r->resource.base != NULL);
    check_length(k, "resourceId", r->resource, 1, 1600);
    check_not_null(k, "scalableDimension", r->dimension.base != NULL);
    return true;
}

/* After the checks: what they name must be DynamoDB's. */
static bool ref_check(struct dynamo_call *c, struct scaling_ref *r)
{
    bool of_index = false;
    bool ours = bytes_eq_str(r->space, "dynamodb") &&
                dimension_cut(r->dimension, &of_index, &r->write) && scaling_ref_cut(r);
    if (!ours || of_index != (r->index.len > 0)) {
        return call_invalid(c, UNSUPPORTED);
    }
    return true;
}

/* ---- in the writer ---- */

static enum err no_target(struct table_call *t, const struct scaling_ref *r)
{
    return table_fault(
        t,
        AWS_OBJECT_NOT_FOUND,
        "No scalable target registered for service namespace: dynamodb, resource ID: %.*s, "
        "scalable dimension: %.*s",
        BYTES_FMT(r->resource),
        BYTES_FMT(r->dimension));
}

static enum err do_register(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct scaling_request *r = t->arg;
    struct scaling_target x;
    const struct core_index *index = table_index(now, r->ref.index);
    if (r->ref.index.len > 0 && (index == NULL || index->part.local)) {
        return table_fault(
            t, AWS_VALIDATION, "DynamoDB index does not exist: %.*s", BYTES_FMT(r->ref.resource));
    }
    if (!scaling_find(now, r->ref.index, r->ref.write, &x)) {
        if (!r->min.present || !r->max.present) {
            return table_fault(
                t,
                AWS_VALIDATION,
                "Both MinCapacity and MaxCapacity must be specified to register a scalable target");
        }
        x = (struct scaling_target){
            .index = r->ref.index,
            .write = r->ref.write,
            .id = r->id,
            .created_ms = t->c->now_ms,
            .tags = r->tags.type == VALUE_MAP && r->tags.map.n > 0 ? &r->tags : NULL,
        };
    } else if (r->tags.type == VALUE_MAP) {
        return table_fault(
            t,
            AWS_VALIDATION,
            "Tags cannot be given for a scalable target that is registered: use TagResource");
    }
    x.min = r->min.present ? (uint64_t)r->min.v : x.min;
    x.max = r->max.present ? (uint64_t)r->max.v : x.max;
    x.role = r->role.base == NULL ? x.role : r->role;
    if (r->has_suspended) {
        x.hold_in = r->hold_in;
        x.hold_out = r->hold_out;
        x.hold_scheduled = r->hold_scheduled;
    }
    if (x.max < x.min) {
        return table_fault(
            t, AWS_VALIDATION, "Maximum capacity cannot be less than minimum capacity");
    }
    t->answer = bytes_dup(a, x.id);
    return scaling_put(a, &t->wanted, &x);
}

static enum err do_deregister(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct scaling_request *r = t->arg;
    struct scaling_target x;
    if (!scaling_find(now, r->ref.index, r->ref.write, &x)) {
        return no_target(t, &r->ref);
    }
    return scaling_drop(a, &t->wanted, r->ref.index, r->ref.write);
}

static enum err do_put_policy(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct scaling_request *r = t->arg;
    struct scaling_target x;
    if (!scaling_find(now, r->ref.index, r->ref.write, &x)) {
        return no_target(t, &r->ref);
    }
    bool again = x.has_policy && bytes_eq(x.policy.name, r->policy.name);
    if (x.has_policy && !again) {
        return table_fault(
            t,
            AWS_VALIDATION,
            "Only one TargetTrackingScaling policy for a given metric specification is allowed.");
    }
    struct scaling_policy policy = r->policy;
    policy.id = again ? x.policy.id : r->id;
    policy.created_ms = again ? x.policy.created_ms : t->c->now_ms;
    x.has_policy = true;
    x.policy = policy;
    t->answer = bytes_dup(a, policy.id);
    return scaling_put(a, &t->wanted, &x);
}

static enum err do_delete_policy(
    struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct scaling_request *r = t->arg;
    struct scaling_target x;
    bool found = scaling_find(now, r->ref.index, r->ref.write, &x);
    if (!found || !x.has_policy || !bytes_eq(x.policy.name, r->policy.name)) {
        return table_fault(
            t,
            AWS_OBJECT_NOT_FOUND,
            "No scaling policy found for service namespace: dynamodb, resource ID: %.*s, scalable "
            "dimension: %.*s, policy name: %.*s",
            BYTES_FMT(r->ref.resource),
            BYTES_FMT(r->ref.dimension),
            BYTES_FMT(r->policy.name));
    }
    x.has_policy = false;
    return scaling_put(a, &t->wanted, &x);
}

/* ---- the calls ---- */

static enum dynamo_step submit(
    struct dynamo_call *c,
    const struct scaling_request *r,
    enum err (*build)(struct table_call *t, const struct core_table *now, struct arena *a))
{
    const struct core_table *now = catalog_table(c->d->view.catalog, r->ref.table);
    bool registers = build == do_register;
    if (now == NULL && registers) {
        (void)call_invalid(c, "DynamoDB table does not exist: table/%.*s", BYTES_FMT(r->ref.table));
        return DYNAMO_ANSWER;
    }
    if (now == NULL) {
        bool policy = build == do_delete_policy;
        (void)call_failf(
            c,
            AWS_OBJECT_NOT_FOUND,
            "No %s for service namespace: dynamodb, resource ID: %.*s, scalable dimension: %.*s",
            policy ? "scaling policy found" : "scalable target registered",
            BYTES_FMT(r->ref.resource),
            BYTES_FMT(r->ref.dimension));
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->ref.table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = build;
    t->arg = r;
    return table_call_submit(t);
}

/* A request's memory with its target read; NULL and answered when that fails. */
static struct scaling_request *request_new(struct dynamo_call *c)
{
    struct scaling_request *r = ARENA_NEW(c->arena, struct scaling_request);
    if (r != NULL) {
        r->id = scaling_id(c);
    }
    if (r == NULL || r->id.base == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return NULL;
    }
    return r;
}

static bool read_suspended(struct dynamo_call *c, const struct json *in, struct scaling_request *r)
{
    const struct json *j;
    if (!field_struct(c, in, "SuspendedState", "SuspendedState", &j)) {
        return false;
    }
    r->has_suspended = j != NULL;
    return j == NULL || (field_bool(c, j, "DynamicScalingInSuspended", &r->hold_in) &&
                         field_bool(c, j, "DynamicScalingOutSuspended", &r->hold_out) &&
                         field_bool(c, j, "ScheduledScalingSuspended", &r->hold_scheduled));
}

enum dynamo_step scaling_register_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct scaling_request *r = request_new(c);
    if (r == NULL || !ref_fields(&k, in, &r->ref) ||
        !field_int(c, in, "MinCapacity", "Integer", &r->min) ||
        !field_int(c, in, "MaxCapacity", "Integer", &r->max) ||
        !field_string(c, in, "RoleARN", &r->role) || !read_suspended(c, in, r) ||
        !checks_done(&k) || !scaling_tags_read(c, in, &r->tags) || !ref_check(c, &r->ref)) {
        return DYNAMO_ANSWER;
    }
    bool low = r->min.present && r->min.v < 1;
    if (low || (r->max.present && r->max.v < 1)) {
        (void)call_invalid(
            c,
            "%s capacity cannot be less than 1 for service namespace dynamodb",
            low ? "Minimum" : "Maximum");
        return DYNAMO_ANSWER;
    }
    return submit(c, r, do_register);
}

enum dynamo_step scaling_deregister_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct scaling_request *r = request_new(c);
    if (r == NULL || !ref_fields(&k, in, &r->ref) || !checks_done(&k) || !ref_check(c, &r->ref)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r, do_deregister);
}

/* ---- policies ---- */

bool scaling_policy_read(
    struct checks *k, const struct json *in, const char *path, struct scaling_policy *ret)
{
    struct dynamo_call *c = k->c;
    struct opt_int in_s;
    struct opt_int out_s;
    const struct json *value = json_find(in, "TargetValue");
    if (!field_int(c, in, "ScaleInCooldown", "Integer", &in_s) ||
        !field_int(c, in, "ScaleOutCooldown", "Integer", &out_s) ||
        !field_bool(c, in, "DisableScaleIn", &ret->no_scale_in)) {
        return false;
    }
    bool given = value != NULL && value->type != JSON_NULL;
    check_not_null(k, check_path(k, "%s.targetValue", path), given);
    if (given && (value->type != JSON_NUMBER || !scaling_milli(value->text, &ret->target_milli))) {
        return call_fail(c, AWS_SERIALIZATION, BYTES_NONE);
    }
    check_range(k, check_path(k, "%s.scaleInCooldown", path), in_s, 0, INT32_MAX);
    check_range(k, check_path(k, "%s.scaleOutCooldown", path), out_s, 0, INT32_MAX);
    ret->has_in = in_s.present;
    ret->has_out = out_s.present;
    ret->in_s = in_s.present && in_s.v > 0 ? (uint64_t)in_s.v : 0;
    ret->out_s = out_s.present && out_s.v > 0 ? (uint64_t)out_s.v : 0;
    return true;
}

bool scaling_policy_check(struct dynamo_call *c, const struct scaling_policy *p)
{
    uint64_t v = p->target_milli;
    if (v < SCALING_TARGET_MIN * 1000 || v > SCALING_TARGET_MAX * 1000) {
        return call_invalid(
            c,
            "Target value must be between %d and %d for the metrics of service namespace dynamodb",
            SCALING_TARGET_MIN,
            SCALING_TARGET_MAX);
    }
    return true;
}

/* The metric must be there and go with the dimension. */
static bool read_metric(struct dynamo_call *c, const struct json *in, const struct scaling_ref *r)
{
    const struct json *j;
    struct bytes type = BYTES_NONE;
    struct checks k = {.c = c};
    if (field_present(in, "CustomizedMetricSpecification")) {
        return call_invalid(c, "CustomizedMetricSpecification is not supported by this server");
    }
    static const char *const not_supported[] = {"ResourceLabel", NULL};
    if (!field_struct(
            c, in, "PredefinedMetricSpecification", "PredefinedMetricSpecification", &j) ||
        (j != NULL && (!field_string(c, j, "PredefinedMetricType", &type) ||
                       !refuse_params(c, j, not_supported)))) {
        return false;
    }
    check_not_null(
        &k, "targetTrackingScalingPolicyConfiguration.predefinedMetricSpecification", j != NULL);
    if (!checks_done(&k)) {
        return false;
    }
    const char *want =
        r->write ? "DynamoDBWriteCapacityUtilization" : "DynamoDBReadCapacityUtilization";
    return bytes_eq_str(type, want) ||
           call_invalid(
               c,
               "Unsupported predefined metric type %.*s for scalable dimension %.*s",
               BYTES_FMT(type),
               BYTES_FMT(r->dimension));
}

static bool policy_request_read(
    struct dynamo_call *c, const struct json *in, struct scaling_request *r)
{
    struct checks k = {.c = c};
    struct bytes type;
    const struct json *config;
    const char *path = "targetTrackingScalingPolicyConfiguration";
    static const char *const other_types[] = {
        "StepScalingPolicyConfiguration", "PredictiveScalingPolicyConfiguration", NULL};
    if (!field_string(c, in, "PolicyName", &r->policy.name) || !ref_fields(&k, in, &r->ref) ||
        !field_string(c, in, "PolicyType", &type) ||
        !field_struct(
            c,
            in,
            "TargetTrackingScalingPolicyConfiguration",
            "TargetTrackingScalingPolicyConfiguration",
            &config)) {
        return false;
    }
    check_not_null(&k, "policyName", r->policy.name.base != NULL);
    check_length(&k, "policyName", r->policy.name, 1, SCALING_NAME_MAX);
    check_enum(&k, "policyType", type, "StepScaling, TargetTrackingScaling, PredictiveScaling");
    if (config != NULL && !scaling_policy_read(&k, config, path, &r->policy)) {
        return false;
    }
    if (!checks_done(&k) || !ref_check(c, &r->ref)) {
        return false;
    }
    if (!bytes_eq_str(type, "TargetTrackingScaling")) {
        return call_invalid(
            c,
            "Policy type %.*s is not supported for service namespace dynamodb",
            BYTES_FMT(type.base == NULL ? BYTES_LIT("StepScaling") : type));
    }
    if (config == NULL) {
        return call_invalid(
            c, "TargetTrackingScalingPolicyConfiguration is required for TargetTrackingScaling");
    }
    return refuse_params(c, in, other_types) && read_metric(c, config, &r->ref) &&
           scaling_policy_check(c, &r->policy);
}

enum dynamo_step scaling_put_policy_begin(struct dynamo_call *c, const struct json *in)
{
    struct scaling_request *r = request_new(c);
    if (r == NULL || !policy_request_read(c, in, r)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r, do_put_policy);
}

enum dynamo_step scaling_delete_policy_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct scaling_request *r = request_new(c);
    if (r == NULL || !field_string(c, in, "PolicyName", &r->policy.name) ||
        !ref_fields(&k, in, &r->ref)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "policyName", r->policy.name.base != NULL);
    if (!checks_done(&k) || !ref_check(c, &r->ref)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r, do_delete_policy);
}

enum dynamo_step scaling_change_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    const struct scaling_request *r = t->arg;
    struct buf *b = call_body(c);
    buf_put_u8(b, '{');
    if (t->build == do_register) {
        buf_put_str(b, "\"ScalableTargetARN\":\"");
        scaling_put_target_arn(b, c->d->region, t->answer);
        buf_put_u8(b, '"');
    } else if (t->build == do_put_policy) {
        struct scaling_policy p = r->policy;
        p.id = t->answer;
        buf_put_str(b, "\"PolicyARN\":");
        scaling_put_policy_arn(c, b, r->ref.resource, &p);
        buf_put_str(b, ",\"Alarms\":[]");
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}
