/* Auto scaling: when the controller changes capacity and to what, Application Auto Scaling's
 * answers and refusals, and the errand from consumption to the table's row. */
#include "front/dynamo/scaling.h"

#include "front/dynamo/test_util.h"

/* ---- the rules ---- */

static const struct scaling_target seventy = {
    .min = 5,
    .max = 100,
    .has_policy = true,
    .policy = {.name = BYTES_LIT("p"), .target_milli = 70000},
};

struct period {
    double used;    /* of a minute */
    uint64_t wants; /* 0: no change */
};

/* Runs minutes from `*now_ms` on at 10 units; stops at the first that wants another outcome. */
static void run_minutes(
    struct scaling_watch *w,
    const struct scaling_target *t,
    const struct period *periods,
    size_t n,
    uint64_t *now_ms)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t units = 0;
        enum scaling_cause cause;
        struct scaling_period p = {
            .used = periods[i].used,
            .seconds = 60,
            .units = 10,
            .now_ms = *now_ms,
            .may_shrink = true,
        };
        bool changes = scaling_step(w, t, &p, &units, &cause);
        if (changes != (periods[i].wants > 0) || (changes && units != periods[i].wants)) {
            fail_msg("minute %zu: %d, %llu", i, changes, (unsigned long long)units);
        }
        *now_ms += 60000;
    }
}

/* Two minutes in a row above the target make capacity grow to where it would have been met, one
 * does not; never beyond the maximum. */
static void test_growth(void **state)
{
    (void)state;
    struct scaling_watch w = {0};
    uint64_t now = 1000000;
    static const struct period periods[] = {
        {60 * 8, 0}, {60 * 5, 0}, {60 * 8, 0}, {60 * 8, 12}, {60 * 900, 0}, {60 * 900, 100}};
    run_minutes(&w, &seventy, periods, 6, &now);
}

/* Fifteen minutes well below the target make it shrink to what the busiest of them needs; a minute
 * near the target begins the count anew, one without any use neither counts nor interrupts. */
static void test_shrinking(void **state)
{
    (void)state;
    struct scaling_watch w = {0};
    uint64_t now = 1000000;
    static const struct period low[] = {
        {60, 0}, {60, 0}, {60, 0}, {60, 0}, {60, 0}, {60, 0}, {60, 0}};
    static const struct period idle_and_near[] = {{0, 0}, {60 * 6, 0}};
    static const struct period busiest[] = {{60 * 4.3, 7}};
    run_minutes(&w, &seventy, low, 7, &now);
    run_minutes(&w, &seventy, idle_and_near, 2, &now);
    run_minutes(&w, &seventy, low, 7, &now);
    run_minutes(&w, &seventy, idle_and_near, 1, &now);
    run_minutes(&w, &seventy, low, 7, &now);
    run_minutes(&w, &seventy, busiest, 1, &now);
}

/* Cooldowns hold back the next change of their own kind, suspension and DisableScaleIn any; and
 * capacity outside the bounds is put back in at once, use or no use. */
static void test_holding_back(void **state)
{
    (void)state;
    struct scaling_watch w = {0};
    uint64_t now = 1000000;
    struct scaling_target t = seventy;
    t.policy.out_s = 200;
    static const struct period busy[] = {
        {480, 0}, {480, 12}, {480, 0}, {480, 0}, {480, 0}, {480, 12}};
    run_minutes(&w, &t, busy, 6, &now);
    static const struct period held[] = {
        {480, 0}, {480, 0}, {480, 0}, {480, 0}, {480, 0}, {480, 0}};
    t.hold_out = true;
    run_minutes(&w, &t, held, 6, &now);
    static const struct period low = {60, 0};
    t.policy.no_scale_in = true;
    for (int i = 0; i < 20; i++) {
        run_minutes(&w, &t, &low, 1, &now);
    }
    t = seventy;
    t.min = 20;
    static const struct period below = {0, 20};
    run_minutes(&w, &t, &below, 1, &now);
    t.min = 1;
    t.max = 3;
    static const struct period above = {0, 3};
    run_minutes(&w, &t, &above, 1, &now);
}

/* ---- the API ---- */

static unsigned send_scaling(struct rig *r, const char *op, const char *body)
{
    r->headers[0] = (struct dynamo_header){
        BYTES_LIT("X-Amz-Target"), bytes_fmt(&r->mem, "AnyScaleFrontendService.%s", op)};
    r->headers[1] =
        (struct dynamo_header){BYTES_LIT("content-type"), BYTES_LIT("application/x-amz-json-1.1")};
    r->request = (struct dynamo_request){
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .query = BYTES_LIT(""),
        .headers = r->headers,
        .n_headers = 2,
        .body = unquoted(&r->mem, body),
        .now_ms = r->now_ms,
    };
    rig_finish(r, dynamo_begin(r->d, &r->call, &r->mem, &r->request));
    return r->call.answer.status;
}

static void assert_says(struct rig *r, unsigned status, const char *text)
{
    struct bytes want = unquoted(&r->mem, text);
    if (r->call.answer.status != status || !bytes_contains(r->last_body, want)) {
        fail_msg(
            "answered %u %.*s\n instead of %u … %.*s",
            r->call.answer.status,
            BYTES_FMT(r->last_body),
            status,
            BYTES_FMT(want));
    }
}

#define TARGET(dimension, resource)                         \
    "'ServiceNamespace':'dynamodb','ResourceId':'" resource \
    "','ScalableDimension':'dynamodb:" dimension "'"
#define READ_OF_FULL TARGET("table:ReadCapacityUnits", "table/full")
#define POLICY(type, value)                                                   \
    ",'PolicyName':'mine','PolicyType':'TargetTrackingScaling',"              \
    "'TargetTrackingScalingPolicyConfiguration':{'TargetValue':" value        \
    ",'PredefinedMetricSpecification':{'PredefinedMetricType':'DynamoDB" type \
    "CapacityUtilization'},'ScaleOutCooldown':60}"

static void make_provisioned(struct rig *r)
{
    rig_create_full(r);
    assert_int_equal(
        rig_send_bytes(
            r,
            "UpdateTable",
            unquoted(
                &r->mem,
                "{'TableName':'full','BillingMode':'PROVISIONED','ProvisionedThroughput':"
                "{'ReadCapacityUnits':5,'WriteCapacityUnits':5},'GlobalSecondaryIndexUpdates':"
                "[{'Update':{'IndexName':'gsi','ProvisionedThroughput':{'ReadCapacityUnits':5,"
                "'WriteCapacityUnits':5}}}]}")),
        200);
}

/* A target and its policy are made, told, changed and dropped, and stand in the table's row. */
static void test_targets_and_policies(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    make_provisioned(&r);
    send_scaling(
        &r, "RegisterScalableTarget", "{" READ_OF_FULL ",'MinCapacity':5,'MaxCapacity':50}");
    assert_says(&r, 200, "{'ScalableTargetARN':'arn:aws:application-autoscaling:");
    send_scaling(&r, "PutScalingPolicy", "{" READ_OF_FULL POLICY("Read", "70.5") "}");
    assert_says(&r, 200, ":resource/dynamodb/table/full:policyName/mine','Alarms':[]}");
    send_scaling(&r, "RegisterScalableTarget", "{" READ_OF_FULL ",'MaxCapacity':60}");
    send_scaling(
        &r,
        "RegisterScalableTarget",
        "{" TARGET(
            "index:WriteCapacityUnits",
            "table/full/index/gsi") ",'MinCapacity':1,'MaxCapacity':9,'SuspendedState':{'"
                                    "DynamicScalingInSuspended':true}}");
    assert_int_equal(r.call.answer.status, 200);
    send_scaling(&r, "DescribeScalableTargets", "{'ServiceNamespace':'dynamodb'}");
    assert_says(&r, 200, "'ResourceId':'table/full','ScalableDimension':'dynamodb:table:Read");
    assert_says(&r, 200, "'MinCapacity':5,'MaxCapacity':60,");
    assert_says(&r, 200, "'ResourceId':'table/full/index/gsi'");
    send_scaling(&r, "DescribeScalableTargets", "{'ServiceNamespace':'dynamodb','MaxResults':1}");
    assert_says(&r, 200, "'NextToken':'1'}");
    send_scaling(&r, "DescribeScalableTargets", "{'ServiceNamespace':'ecs'}");
    assert_says(&r, 200, "{'ScalableTargets':[]}");
    send_scaling(&r, "DescribeScalingPolicies", "{'ServiceNamespace':'dynamodb'}");
    assert_says(&r, 200, "'TargetValue':70.5,");
    assert_says(&r, 200, "'ScaleOutCooldown':60,'DisableScaleIn':false");
    send_scaling(&r, "DeleteScalingPolicy", "{" READ_OF_FULL ",'PolicyName':'mine'}");
    assert_says(&r, 200, "{}");
    send_scaling(&r, "DescribeScalingPolicies", "{'ServiceNamespace':'dynamodb'}");
    assert_says(&r, 200, "{'ScalingPolicies':[]}");
    send_scaling(&r, "DeregisterScalableTarget", "{" READ_OF_FULL "}");
    assert_says(&r, 200, "{}");
    send_scaling(
        &r,
        "DescribeScalableTargets",
        "{'ServiceNamespace':'dynamodb','ResourceIds':['table/full']}");
    assert_says(&r, 200, "{'ScalableTargets':[]}");
    rig_close(&r);
}

static const struct {
    const char *op;
    const char *body;
    const char *name;
    const char *says;
} refusals[] = {
    {"RegisterScalableTarget", "{}", "ValidationException", "3 validation errors detected"},
    {"RegisterScalableTarget",
     "{" READ_OF_FULL ",'MinCapacity':5}",
     "ValidationException",
     "Both MinCapacity and MaxCapacity"},
    {"RegisterScalableTarget",
     "{" READ_OF_FULL ",'MinCapacity':5,'MaxCapacity':4}",
     "ValidationException",
     "Maximum capacity cannot be less than minimum capacity"},
    {"RegisterScalableTarget",
     "{" TARGET("table:ReadCapacityUnits", "table/none") ",'MinCapacity':5,'MaxCapacity':9}",
     "ValidationException",
     "DynamoDB table does not exist: table/none"},
    {"RegisterScalableTarget",
     "{" TARGET("index:ReadCapacityUnits", "table/full") ",'MinCapacity':5,'MaxCapacity':9}",
     "ValidationException",
     "Unsupported service namespace, resource type or scalable dimension"},
    {"RegisterScalableTarget",
     "{" TARGET(
         "index:ReadCapacityUnits", "table/full/index/lsi") ",'MinCapacity':5,'MaxCapacity':9}",
     "ValidationException",
     "DynamoDB index does not exist"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL POLICY("Read", "70") "}",
     "ObjectNotFoundException",
     "No scalable target registered for service namespace: dynamodb, resource ID: table/full"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL POLICY("Write", "70") "}",
     "ValidationException",
     "Unsupported predefined metric type"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL POLICY("Read", "95") "}",
     "ValidationException",
     "Target value must be between 20 and 90"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL ",'PolicyName':'mine','PolicyType':'StepScaling'}",
     "ValidationException",
     "StepScaling"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL POLICY("Read", "70") ",'StepScalingPolicyConfiguration':{}}",
     "ValidationException",
     "StepScalingPolicyConfiguration is not supported by this server"},
    {"PutScalingPolicy",
     "{" READ_OF_FULL ",'PolicyName':'mine','PolicyType':'TargetTrackingScaling',"
     "'TargetTrackingScalingPolicyConfiguration':{'TargetValue':70,"
     "'PredefinedMetricSpecification':{'PredefinedMetricType':'DynamoDBReadCapacityUtilization',"
     "'ResourceLabel':'x'}}}",
     "ValidationException",
     "ResourceLabel is not supported by this server"},
    {"DeleteScalingPolicy",
     "{" READ_OF_FULL ",'PolicyName':'mine'}",
     "ObjectNotFoundException",
     "No scaling policy found"},
    {"DeregisterScalableTarget",
     "{" READ_OF_FULL "}",
     "ObjectNotFoundException",
     "No scalable target registered"},
    {"DescribeScalingPolicies",
     "{'ServiceNamespace':'dynamodb','ScalableDimension':'dynamodb:table:ReadCapacityUnits'}",
     "ValidationException",
     "you must also specify a resource ID"},
    {"DescribeScalingActivities",
     "{'ServiceNamespace':'dynamodb','NextToken':'x'}",
     "InvalidNextTokenException",
     "token"},
};

/* Each refusal has the service's name for it. */
static void test_refusals(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    make_provisioned(&r);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        send_scaling(&r, refusals[i].op, refusals[i].body);
        assert_says(&r, 400, refusals[i].says);
        assert_true(bytes_eq_str(r.call.error_name, refusals[i].name));
    }
    rig_close(&r);
}

/* ---- the errand ---- */

static void run_now(void *ctx, struct part_cmd *cmd)
{
    rig_run(ctx, cmd);
    assert_int_equal(cmd->err, OK);
    dynamo_scaler_done(cmd);
}

static void tick(struct rig *r, struct dynamo_scaler *s, double used)
{
    size_t n;
    struct dynamo_use *uses = dynamo_scaler_uses(&r->mem, r->catalog, &n);
    assert_int_equal(n, 1);
    static double total = 0;
    total = used < 0 ? 0 : total + used;
    uses[0].total = total;
    r->now_ms += 60000;
    dynamo_scaler_tick(s, r->catalog, uses, n, r->now_ms, run_now, r);
}

/* Consumption above the target for two minutes changes the table itself, once, and is told as an
 * activity; what a person changed meanwhile is left alone until it is looked at again. */
static void test_errand(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    make_provisioned(&r);
    send_scaling(
        &r, "RegisterScalableTarget", "{" READ_OF_FULL ",'MinCapacity':5,'MaxCapacity':50}");
    send_scaling(&r, "PutScalingPolicy", "{" READ_OF_FULL POLICY("Read", "50") "}");
    struct dynamo_scaler *s = dynamo_scaler_new(r.core, 7);
    tick(&r, s, -1);
    tick(&r, s, 60 * 4);
    tick(&r, s, 60 * 4);
    const struct core_table *t = catalog_table(r.catalog, BYTES_LIT("full"));
    assert_int_equal(t->throughput.read_units, 8);
    assert_int_equal(t->throughput.write_units, 5);
    send_scaling(
        &r,
        "DescribeScalingActivities",
        "{'ServiceNamespace':'dynamodb','ResourceId':'table/full'}");
    assert_says(&r, 200, "'Description':'Setting read capacity units to 8.'");
    assert_says(&r, 200, "'StatusCode':'Successful'");
    send_scaling(&r, "RegisterScalableTarget", "{" READ_OF_FULL ",'MinCapacity':10}");
    tick(&r, s, 0);
    t = catalog_table(r.catalog, BYTES_LIT("full"));
    assert_int_equal(t->throughput.read_units, 10);
    send_scaling(&r, "DescribeScalingActivities", "{'ServiceNamespace':'dynamodb','MaxResults':1}");
    assert_says(&r, 200, "'Cause':'minimum capacity was set to 10'");
    assert_says(&r, 200, "'NextToken'");
    dynamo_scaler_free(s);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_shrinking),
        cmocka_unit_test(test_holding_back),
        cmocka_unit_test(test_targets_and_policies),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_errand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
