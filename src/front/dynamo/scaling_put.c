/* The pieces of answers about auto scaling: ids, ARNs, configurations. */
#include "front/dynamo/scaling_api.h"

bool scaling_milli(struct bytes text, uint64_t *ret)
{
    struct decimal d;
    bool underflow;
    char out[DOC_DECIMAL_TEXT_MAX];
    if (decimal_parse(text, &d, &underflow) != OK) {
        return false;
    }
    size_t n = decimal_text(&d, out);
    size_t i = 0;
    uint64_t v = 0;
    for (; i < n && out[i] >= '0' && out[i] <= '9' && v < UINT32_MAX; i++) {
        v = v * 10 + (uint64_t)(out[i] - '0');
    }
    i += i < n && out[i] == '.';
    for (unsigned digit = 0; digit < 3; digit++) {
        bool there = i < n && out[i] >= '0' && out[i] <= '9';
        v = v * 10 + (there ? (uint64_t)(out[i] - '0') : 0);
        i += there;
    }
    *ret = out[0] == '-' ? 0 : v;
    return true;
}

void scaling_put_milli(struct buf *b, uint64_t milli)
{
    unsigned rest = (unsigned)(milli % 1000);
    buf_putf(b, "%llu.", (unsigned long long)(milli / 1000));
    if (rest % 100 == 0) {
        buf_putf(b, "%u", rest / 100);
    } else if (rest % 10 == 0) {
        buf_putf(b, "%02u", rest / 10);
    } else {
        buf_putf(b, "%03u", rest);
    }
}

void scaling_put_uuid(struct buf *b, struct bytes id)
{
    static const size_t ends[] = {8, 12, 16, 20, 32};
    size_t at = 0;
    for (size_t i = 0; i < 5 && at < id.len; i++) {
        size_t end = ends[i] < id.len ? ends[i] : id.len;
        buf_put_str(b, i == 0 ? "" : "-");
        buf_put(b, id.base + at, end - at);
        at = end;
    }
}

void scaling_put_target_arn(struct buf *b, struct bytes region, struct bytes id)
{
    buf_putf(
        b,
        "arn:aws:application-autoscaling:%.*s:" DYNAMO_ACCOUNT ":scalable-target/%.*s",
        BYTES_FMT(region),
        BYTES_FMT(id));
}

void scaling_put_policy_arn(
    struct dynamo_call *c, struct buf *b, struct bytes resource, const struct scaling_policy *p)
{
    struct buf arn;
    buf_init(&arn, 8192);
    buf_putf(
        &arn,
        "arn:aws:autoscaling:%.*s:" DYNAMO_ACCOUNT ":scalingPolicy:",
        BYTES_FMT(c->d->region));
    scaling_put_uuid(&arn, p->id);
    buf_putf(
        &arn, ":resource/dynamodb/%.*s:policyName/%.*s", BYTES_FMT(resource), BYTES_FMT(p->name));
    json_put_string(b, buf_bytes(&arn));
    buf_done(&arn);
}

/* ---- DynamoDB's own descriptions ---- */

void scaling_put_settings(struct buf *b, const struct core_table *t, struct bytes index, bool write)
{
    struct scaling_target x;
    if (!scaling_find(t, index, write, &x)) {
        buf_put_str(b, "{\"AutoScalingDisabled\":true}");
        return;
    }
    buf_putf(
        b,
        "{\"MinimumUnits\":%llu,\"MaximumUnits\":%llu,\"AutoScalingRoleArn\":",
        (unsigned long long)x.min,
        (unsigned long long)x.max);
    json_put_string(b, x.role.base == NULL ? BYTES_LIT(SCALING_ROLE) : x.role);
    buf_put_str(b, ",\"ScalingPolicies\":[");
    if (x.has_policy) {
        buf_put_str(b, "{\"PolicyName\":");
        json_put_string(b, x.policy.name);
        buf_put_str(b, ",\"TargetTrackingScalingPolicyConfiguration\":{\"DisableScaleIn\":");
        buf_put_str(b, x.policy.no_scale_in ? "true" : "false");
        if (x.policy.has_in) {
            buf_putf(b, ",\"ScaleInCooldown\":%llu", (unsigned long long)x.policy.in_s);
        }
        if (x.policy.has_out) {
            buf_putf(b, ",\"ScaleOutCooldown\":%llu", (unsigned long long)x.policy.out_s);
        }
        buf_put_str(b, ",\"TargetValue\":");
        scaling_put_milli(b, x.policy.target_milli);
        buf_put_str(b, "}}");
    }
    buf_put_str(b, "]}");
}
