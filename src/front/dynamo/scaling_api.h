#pragma once

/* What the files of Application Auto Scaling's operations share. */

#include "front/dynamo/scaling.h"

/* A target as requests name it. */
struct scaling_ref {
    struct bytes space;
    struct bytes resource;  /* "table/NAME" or "table/NAME/index/INDEX" */
    struct bytes dimension; /* "dynamodb:table:ReadCapacityUnits" */
    struct bytes table;
    struct bytes index;
    bool write;
};

struct scaling_request {
    struct scaling_ref ref;
    struct bytes id; /* fresh, for what is made */
    struct opt_int min;
    struct opt_int max;
    struct bytes role;
    bool has_suspended;
    bool hold_in;
    bool hold_out;
    bool hold_scheduled;
    struct value tags; /* VALUE_NULL: none are given */
    struct scaling_policy policy;
};

/* scaling_request.c */
/* Cuts `resource` into table and index; false when it is no DynamoDB resource. */
bool scaling_ref_cut(struct scaling_ref *r);
const char *scaling_dimension(struct bytes index, bool write);
bool scaling_namespace_field(struct checks *k, const struct json *in, struct bytes *ret);
bool scaling_dimension_field(struct checks *k, const struct json *in, struct bytes *ret);
/* TargetValue, cooldowns and DisableScaleIn of a configuration; its checks go into `k`. */
bool scaling_policy_read(
    struct checks *k, const struct json *in, const char *path, struct scaling_policy *ret);
/* Whether the target value is one that DynamoDB's metrics can have. */
bool scaling_policy_check(struct dynamo_call *c, const struct scaling_policy *p);

/* scaling_tags.c */
/* Tags as a map of strings; VALUE_NULL when absent. */
bool scaling_tags_read(struct dynamo_call *c, const struct json *in, struct value *ret);

/* scaling_put.c */
/* "70" or "70.5" to thousandths; false when it is no such number. */
bool scaling_milli(struct bytes text, uint64_t *ret);
void scaling_put_milli(struct buf *b, uint64_t milli);
/* 8-4-4-4-12 of an id. */
void scaling_put_uuid(struct buf *b, struct bytes id);
void scaling_put_target_arn(struct buf *b, struct bytes region, struct bytes id);
/* As a JSON string. */
void scaling_put_policy_arn(
    struct dynamo_call *c, struct buf *b, struct bytes resource, const struct scaling_policy *p);
