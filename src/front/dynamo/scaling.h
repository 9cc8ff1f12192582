#pragma once

/* Auto scaling of provisioned capacity: what is kept of it, the operations of Application Auto
 * Scaling and of DynamoDB that change it, and the controller.
 *
 * A scalable target is the read or write capacity of one region's table or global index, with
 * bounds and at most one target-tracking policy. All of a table's targets stand in its `extra` map
 * (docs/formats/catalog.md), so they are as durable as the table, are known in every region, and go
 * with it. */

#include "front/dynamo/table_admin.h"

/* Whoever names no role gets AWS's own. Nothing here asks it for leave. */
#define SCALING_ROLE                                                        \
    "arn:aws:iam::" DYNAMO_ACCOUNT                                          \
    ":role/aws-service-role/dynamodb.application-autoscaling.amazonaws.com" \
    "/AWSServiceRoleForApplicationAutoScaling_DynamoDBTable"

enum {
    SCALING_TARGET_MIN = 20, /* per cent */
    SCALING_TARGET_MAX = 90,
    SCALING_ACTIVITIES_MAX = 20, /* kept of a table */
    SCALING_NAME_MAX = 256,
    SCALING_PERIODS_OUT = 2, /* above the target before capacity grows */
    SCALING_PERIODS_IN = 15, /* well below it before capacity shrinks */
};

/* ---- what is kept (scaling.c) ---- */

struct scaling_policy {
    struct bytes name;
    struct bytes id;       /* 32 hex digits */
    uint64_t target_milli; /* thousandths of a per cent */
    uint64_t in_s;         /* cooldowns */
    uint64_t out_s;
    bool has_in;
    bool has_out;
    bool no_scale_in;
    uint64_t created_ms;
};

struct scaling_target {
    struct bytes index; /* len 0: the table */
    bool write;
    uint64_t min;
    uint64_t max;
    struct bytes role; /* base NULL: the service's own */
    struct bytes id;   /* 32 hex digits */
    bool hold_in;      /* suspended */
    bool hold_out;
    bool hold_scheduled;
    uint64_t created_ms;
    const struct value *tags; /* a map of strings; NULL: none */
    bool has_policy;
    struct scaling_policy policy;
};

/* The target, if the table has it. */
bool scaling_find(
    const struct core_table *t, struct bytes index, bool write, struct scaling_target *ret);
/* The i-th target; false at the end. */
bool scaling_at(const struct core_table *t, size_t i, struct scaling_target *ret);
/* Adds or replaces in t->extra. OK; ERR_TOO_BIG. */
MUST_CHECK enum err scaling_put(
    struct arena *a, struct core_table *t, const struct scaling_target *target);
MUST_CHECK enum err scaling_drop(
    struct arena *a, struct core_table *t, struct bytes index, bool write);
/* The key under which a target stands in `extra`, and its value, for another region's wish. */
struct bytes scaling_key(struct arena *a, struct bytes index, bool write);
MUST_CHECK enum err scaling_value(
    struct arena *a, const struct scaling_target *target, struct value *ret);

enum scaling_cause { SCALING_HIGH, SCALING_LOW, SCALING_BELOW_MIN, SCALING_ABOVE_MAX };

struct scaling_activity {
    struct bytes id;
    struct bytes index;
    bool write;
    uint64_t at_ms;
    uint64_t from;
    uint64_t to;
    enum scaling_cause cause;
    struct bytes policy;
    uint64_t bound; /* BELOW_MIN, ABOVE_MAX */
};

bool scaling_activity_at(const struct core_table *t, size_t i, struct scaling_activity *ret);
/* Adds the newest; the oldest beyond SCALING_ACTIVITIES_MAX goes. */
MUST_CHECK enum err scaling_activity_add(
    struct arena *a, struct core_table *t, const struct scaling_activity *x);

/* The units a target is about; false when there are none (no such index, or on demand). */
bool scaling_units(const struct core_table *t, struct bytes index, bool write, uint64_t *ret);
/* 32 random hex digits in the arena; base NULL at its cap. */
struct bytes scaling_id(struct dynamo_call *c);

/* ---- what to do (scaling_control.c) ---- */

/* What the controller remembers of one target from period to period. */
struct scaling_watch {
    unsigned above;
    unsigned below;
    double high[SCALING_PERIODS_OUT]; /* units a second, of the latest periods */
    double low_max;                   /* the most used in the `below` periods */
    uint64_t out_ms;
    uint64_t in_ms;
};

struct scaling_period {
    double used; /* units consumed in it */
    double seconds;
    uint64_t units; /* provisioned now */
    uint64_t now_ms;
    bool may_shrink; /* whether this region may scale in */
};

/* Takes in one period. true: capacity should become *ret_units, because of *ret_cause. */
bool scaling_step(
    struct scaling_watch *w,
    const struct scaling_target *t,
    const struct scaling_period *p,
    uint64_t *ret_units,
    enum scaling_cause *ret_cause);

/* ---- operations ---- */

/* One AutoScalingSettingsUpdate of DynamoDB's own API. */
struct scaling_update {
    bool present;
    bool disable;
    uint64_t min; /* 0: as it is */
    uint64_t max;
    struct bytes role;
    bool has_policy;
    struct scaling_policy policy;
};

bool scaling_update_read(
    struct checks *k,
    const struct json *in,
    const char *field,
    const char *path,
    struct scaling_update *ret);
/* Adds to a wish of the replica `now` (NULL: not known yet) of the global table `name` what the
 * update asks of one capacity of it. Answers when the result cannot be. */
bool scaling_wish_add(
    struct dynamo_call *c,
    struct bytes name,
    const struct core_table *now,
    const struct scaling_update *u,
    struct bytes index,
    bool write,
    struct core_wish *wish);
/* An AutoScalingSettingsDescription. */
void scaling_put_settings(
    struct buf *b, const struct core_table *t, struct bytes index, bool write);

enum dynamo_step describe_replica_scaling_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_replica_scaling_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_replica_scaling_resume(struct dynamo_call *c);
enum dynamo_step scaling_register_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_deregister_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_put_policy_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_delete_policy_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_change_resume(struct dynamo_call *c); /* of the four above */
enum dynamo_step scaling_targets_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_policies_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_activities_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_scheduled_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_tag_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_untag_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scaling_tags_resume(struct dynamo_call *c); /* of the two above */
enum dynamo_step scaling_list_tags_begin(struct dynamo_call *c, const struct json *in);
