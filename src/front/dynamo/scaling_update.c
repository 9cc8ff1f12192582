/* Auto scaling as DynamoDB's own API changes it: an AutoScalingSettingsUpdate becomes a target with
 * its policy, asked of the replica as a wish, since each region writes its own tables' rows only.
 */
#include "front/dynamo/scaling_api.h"

static bool read_policy(
    struct checks *k, const struct json *in, const char *path, struct scaling_update *ret)
{
    const struct json *update;
    const struct json *config = NULL;
    if (!field_struct(k->c, in, "ScalingPolicyUpdate", "AutoScalingPolicyUpdate", &update)) {
        return false;
    }
    if (update == NULL) {
        return true;
    }
    const char *name = "TargetTrackingScalingPolicyConfiguration";
    const char *own =
        check_path(k, "%s.scalingPolicyUpdate.targetTrackingScalingPolicyConfiguration", path);
    if (!field_string(k->c, update, "PolicyName", &ret->policy.name) ||
        !field_struct(
            k->c,
            update,
            name,
            "AutoScalingTargetTrackingScalingPolicyConfigurationUpdate",
            &config)) {
        return false;
    }
    check_length(
        k,
        check_path(k, "%s.scalingPolicyUpdate.policyName", path),
        ret->policy.name,
        1,
        SCALING_NAME_MAX);
    check_not_null(k, own, config != NULL);
    ret->has_policy = config != NULL;
    return config == NULL || scaling_policy_read(k, config, own, &ret->policy);
}

bool scaling_update_read(
    struct checks *k,
    const struct json *in,
    const char *field,
    const char *path,
    struct scaling_update *ret)
{
    const struct json *j;
    *ret = (struct scaling_update){0};
    if (!field_struct(k->c, in, field, "AutoScalingSettingsUpdate", &j)) {
        return false;
    }
    ret->present = j != NULL;
    const char *min = check_path(k, "%s.minimumUnits", path);
    const char *max = check_path(k, "%s.maximumUnits", path);
    return j == NULL || (read_units_field(k, j, "MinimumUnits", min, &ret->min) &&
                         read_units_field(k, j, "MaximumUnits", max, &ret->max) &&
                         field_bool(k->c, j, "AutoScalingDisabled", &ret->disable) &&
                         field_string(k->c, j, "AutoScalingRoleArn", &ret->role) &&
                         read_policy(k, j, path, ret));
}

/* Appends 'NAME' to the list in words. */
static void put_unless(struct buf *b, bool fine, const char *name)
{
    if (!fine) {
        buf_putf(b, "%s'%s'", b->len == 0 ? "" : ", ", name);
    }
}

/* To enable takes bounds and a policy, to disable takes neither. DynamoDB lists what is wrong in
 * this order, and has one colon less for the latter. */
static bool is_whole(struct dynamo_call *c, struct bytes name, const struct scaling_update *u)
{
    struct buf list;
    buf_init(&list, /* len_max= */ 256);
    put_unless(&list, (u->max > 0) != u->disable, "MaximumUnits");
    put_unless(&list, u->has_policy != u->disable, "ScalingPolicyUpdate");
    put_unless(&list, (u->min > 0) != u->disable, "MinimumUnits");
    bool fine = list.len == 0;
    if (!fine) {
        (void)call_invalid(/* answers */
                           c,
                           "Failed to update settings for global table with name%s "
                           "\u2018%.*s\u2019: Parameters "
                           "%.*s %s.",
                           u->disable ? "" : ":",
                           BYTES_FMT(name),
                           BYTES_FMT(buf_bytes(&list)),
                           u->disable ? "must be left blank when disabling auto scaling"
                                      : "are required unless auto scaling is being disabled");
    }
    buf_done(&list);
    return fine;
}

/* What the target is after the update, which is whole. */
static void updated(
    struct dynamo_call *c,
    const struct core_table *now,
    const struct scaling_update *u,
    struct bytes index,
    bool write,
    struct scaling_target *ret)
{
    if (now == NULL || !scaling_find(now, index, write, ret)) {
        *ret = (struct scaling_target){
            .index = index, .write = write, .id = scaling_id(c), .created_ms = c->now_ms};
    }
    ret->min = u->min;
    ret->max = u->max;
    ret->role = u->role.base == NULL ? ret->role : u->role;
    struct bytes id = ret->has_policy ? ret->policy.id : scaling_id(c);
    uint64_t created_ms = ret->has_policy ? ret->policy.created_ms : c->now_ms;
    struct bytes name = ret->policy.name;
    ret->has_policy = true;
    ret->policy = u->policy;
    ret->policy.id = id;
    ret->policy.created_ms = created_ms;
    ret->policy.name = u->policy.name.base != NULL ? u->policy.name : name;
    if (ret->policy.name.base == NULL) {
        ret->policy.name =
            bytes_fmt(c->arena, "DynamoDB%sCapacityUtilization", write ? "Write" : "Read");
    }
}

bool scaling_wish_add(
    struct dynamo_call *c,
    struct bytes name,
    const struct core_table *now,
    const struct scaling_update *u,
    struct bytes index,
    bool write,
    struct core_wish *wish)
{
    struct scaling_target target;
    struct value *v = ARENA_NEW(c->arena, struct value);
    struct value empty = {.type = VALUE_MAP};
    struct value next;
    if (!u->present) {
        return true;
    }
    if (!is_whole(c, name, u) || (!u->disable && !scaling_policy_check(c, &u->policy))) {
        return false;
    }
    if (!u->disable) {
        updated(c, now, u, index, write, &target);
    }
    if (!u->disable && target.max < target.min) {
        return call_invalid(
            c, INVALID_PREFIX "MaximumUnits must be greater than or equal to MinimumUnits");
    }
    enum err e = v == NULL ? ERR_TOO_BIG : OK;
    if (e == OK && u->disable) {
        *v = (struct value){.type = VALUE_NULL};
    } else if (e == OK) {
        /* Names may be the catalog's, which does not wait for us. */
        struct value made;
        e = scaling_value(c->arena, &target, &made);
        e = e == OK ? value_dup(c->arena, &made, v) : e;
    }
    struct bytes key = scaling_key(c->arena, bytes_dup(c->arena, index), write);
    if (e == OK && key.base != NULL) {
        const struct value *old = wish->extra_name.len > 0 ? &wish->extra : &empty;
        e = value_with(c->arena, old, key, v, &next);
    }
    if (e != OK || key.base == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    wish->extra_name = BYTES_LIT("scaling");
    wish->extra = next;
    return true;
}
