/* The way of a request through this front: target, signature, body, operation; and back from the
 * writer.
 *
 * An operation is one row in `ops` and one file. Unknown operations and unknown parameters are
 * answered and ignored as DynamoDB does. */
#include "front/dynamo/dynamo.h"

#include <stdlib.h>

#include "front/dynamo/backup_calls.h"
#include "front/dynamo/dynamo_internal.h"
#include "front/dynamo/scaling.h"
#include "front/dynamo/statement.h"
#include "front/dynamo/table_admin.h"

static const struct dynamo_op ops[] = {
    {"GetItem", get_item_begin, NULL},
    {"PutItem", put_item_begin, write_resume},
    {"UpdateItem", update_item_begin, write_resume},
    {"DeleteItem", delete_item_begin, write_resume},
    {"Query", query_begin, NULL},
    {"Scan", scan_begin, NULL},
    {"BatchWriteItem", batch_write_begin, batch_write_resume},
    {"BatchGetItem", batch_get_begin, NULL},
    {"TransactWriteItems", transact_write_begin, transact_write_resume},
    {"TransactGetItems", transact_get_begin, NULL},
    {"ExecuteStatement", execute_statement_begin, execute_statement_resume},
    {"BatchExecuteStatement", batch_statement_begin, batch_statement_resume},
    {"ExecuteTransaction", execute_transaction_begin, execute_transaction_resume},
    {"DescribeTable", describe_table_begin, describe_table_resume},
    {"ListTables", list_tables_begin, NULL},
    {"CreateTable", create_table_begin, table_change_resume},
    {"DeleteTable", delete_table_begin, table_change_resume},
    {"UpdateTable", update_table_begin, table_change_resume},
    {"TagResource", tag_begin, tags_resume},
    {"UntagResource", untag_begin, tags_resume},
    {"ListTagsOfResource", list_tags_begin, NULL},
    {"CreateGlobalTable", create_global_begin, global_change_resume},
    {"UpdateGlobalTable", update_global_begin, global_change_resume},
    {"DescribeGlobalTable", describe_global_begin, NULL},
    {"ListGlobalTables", list_globals_begin, NULL},
    {"DescribeGlobalTableSettings", describe_global_settings_begin, NULL},
    {"UpdateGlobalTableSettings", update_global_settings_begin, update_global_settings_resume},
    {"DescribeTableReplicaAutoScaling", describe_replica_scaling_begin, NULL},
    {"UpdateTableReplicaAutoScaling", update_replica_scaling_begin, update_replica_scaling_resume},
    {"PutResourcePolicy", put_policy_begin, policy_resume},
    {"GetResourcePolicy", get_policy_begin, NULL},
    {"DeleteResourcePolicy", delete_policy_begin, policy_resume},
    {"DescribeKinesisStreamingDestination", describe_kinesis_begin, NULL},
    {"EnableKinesisStreamingDestination", enable_kinesis_begin, enable_kinesis_resume},
    {"DisableKinesisStreamingDestination", disable_kinesis_begin, NULL},
    {"UpdateKinesisStreamingDestination", update_kinesis_begin, NULL},
    {"DescribeContributorInsights", describe_insights_begin, NULL},
    {"UpdateContributorInsights", update_insights_begin, update_insights_resume},
    {"ListContributorInsights", list_insights_begin, NULL},
    {"DescribeLimits", describe_limits_begin, NULL},
    {"DescribeEndpoints", describe_endpoints_begin, NULL},
    {"DescribeTimeToLive", describe_ttl_begin, NULL},
    {"UpdateTimeToLive", update_ttl_begin, update_ttl_resume},
    {"DescribeContinuousBackups", describe_recovery_begin, NULL},
    {"UpdateContinuousBackups", update_recovery_begin, update_recovery_resume},
    {"CreateBackup", create_backup_begin, create_backup_resume},
    {"DescribeBackup", describe_backup_begin, NULL},
    {"ListBackups", list_backups_begin, NULL},
    {"DeleteBackup", delete_backup_begin, delete_backup_resume},
    {"RestoreTableFromBackup", restore_backup_begin, restore_resume},
    {"RestoreTableToPointInTime", restore_past_begin, restore_resume},
    {"ExportTableToPointInTime", export_begin, export_resume},
    {"DescribeExport", describe_export_begin, NULL},
    {"ListExports", list_exports_begin, NULL},
    {"ImportTable", import_begin, import_resume},
    {"DescribeImport", describe_import_begin, NULL},
    {"ListImports", list_imports_begin, NULL},
};

#define SCALING "application-autoscaling"

static const struct dynamo_op scaling_ops[] = {
    {"RegisterScalableTarget", scaling_register_begin, scaling_change_resume, SCALING},
    {"DeregisterScalableTarget", scaling_deregister_begin, scaling_change_resume, SCALING},
    {"DescribeScalableTargets", scaling_targets_begin, NULL, SCALING},
    {"PutScalingPolicy", scaling_put_policy_begin, scaling_change_resume, SCALING},
    {"DeleteScalingPolicy", scaling_delete_policy_begin, scaling_change_resume, SCALING},
    {"DescribeScalingPolicies", scaling_policies_begin, NULL, SCALING},
    {"DescribeScalingActivities", scaling_activities_begin, NULL, SCALING},
    {"DescribeScheduledActions", scaling_scheduled_begin, NULL, SCALING},
    {"TagResource", scaling_tag_begin, scaling_tags_resume, SCALING},
    {"UntagResource", scaling_untag_begin, scaling_tags_resume, SCALING},
    {"ListTagsForResource", scaling_list_tags_begin, NULL, SCALING},
};

enum { BODY_OUT_BYTES_MAX = 128 * 1024 * 1024 };

struct dynamo *dynamo_new(const struct dynamo_config *config)
{
    struct dynamo *d = calloc(1, sizeof *d);
    ASSERT(d != NULL);
    uint8_t *region = malloc(config->region.len + 1);
    ASSERT(region != NULL);
    memcpy(region, config->region.base, config->region.len);
    *d = (struct dynamo){
        .region = bytes_of(region, config->region.len),
        .view = config->view,
        .core = config->core,
        .keystore = config->keystore,
        .signing = signing_cache_new(),
        .signatures_off = config->signatures_off,
        .region_any = config->region_any,
        .read_shares = config->read_shares,
        .codings = config->codings,
        .prng = prng_seeded(config->seed),
        .parser = json_parser_new(),
    };
    map_init(&d->read_buckets);
    buf_init(&d->out, BODY_OUT_BYTES_MAX);
    buf_init(&d->key, /* len_max= */ 64 * 1024);
    buf_init(&d->signing_text, /* len_max= */ 4 * 1024 * 1024);
    crc32_init(d->crc32_table);
    return d;
}

void dynamo_free(struct dynamo *d)
{
    if (d == NULL) {
        return;
    }
    json_parser_free(d->parser);
    signing_cache_free(d->signing);
    throttles_free(d);
    buf_done(&d->out);
    buf_done(&d->key);
    buf_done(&d->signing_text);
    free((void *)(uintptr_t)d->region.base);
    free(d);
}

void dynamo_set_keystore(struct dynamo *d, const struct keystore *keystore)
{
    d->keystore = keystore;
    signing_cache_clear(d->signing);
}

static const struct dynamo_op stream_ops[] = {
    {"GetRecords", get_records_begin, NULL},
    {"GetShardIterator", get_shard_iterator_begin, NULL},
    {"DescribeStream", describe_stream_begin, NULL},
    {"ListStreams", list_streams_begin, NULL},
};

static const struct {
    const char *prefix;
    const struct dynamo_op *ops;
    size_t n;
} services[] = {
    {"DynamoDB_20120810.", ops, sizeof ops / sizeof ops[0]},
    {"DynamoDBStreams_20120810.", stream_ops, sizeof stream_ops / sizeof stream_ops[0]},
    {"AnyScaleFrontendService.", scaling_ops, sizeof scaling_ops / sizeof scaling_ops[0]},
};

/* The operation X-Amz-Target names, or NULL. */
static const struct dynamo_op *op_find(struct bytes target)
{
    for (size_t k = 0; target.base != NULL && k < sizeof services / sizeof services[0]; k++) {
        struct bytes prefix = bytes_str(services[k].prefix);
        struct bytes name = bytes_from(target, prefix.len);
        for (size_t i = 0; bytes_has_prefix(target, prefix) && i < services[k].n; i++) {
            if (bytes_eq_str(name, services[k].ops[i].name)) {
                return &services[k].ops[i];
            }
        }
    }
    return NULL;
}

static bool body_parse(struct dynamo_call *c, struct json *ret)
{
    struct bytes body;
    if (!envelope_body(c, &body)) {
        return false;
    }
    enum err err = json_parse(c->d->parser, c->arena, body, DYNAMO_JSON_DEPTH_MAX, ret);
    if (err == OK && ret->type == JSON_OBJECT) {
        return true;
    }
    if (err == ERR_TOO_BIG) {
        return call_fail_err(c, err);
    }
    if (err == ERR_LIMIT) {
        return call_invalid(
            c,
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
            "levels beyond supported limit");
    }
    return call_fail(c, AWS_SERIALIZATION, BYTES_NONE);
}

static void call_init(
    struct dynamo *d,
    struct dynamo_call *call,
    struct arena *arena,
    const struct dynamo_request *request,
    const char *service)
{
    *call = (struct dynamo_call){
        .d = d,
        .arena = arena,
        .request = request,
        .now_ms = request->now_ms,
        .service = service,
        .op_name = BYTES_LIT(""),
        .error_name = BYTES_LIT(""),
        .access_key = BYTES_LIT(""),
    };
}

/* DynamoDB reads the JSON before it asks who sent it and what for. Here only those who get no
 * further are looked at in that order, as far as their bodies are not compressed. */
static void unless_malformed(struct dynamo_call *c)
{
    struct bytes body = c->request->body;
    struct json in;
    if (body.len > 0 && header_find(c->request, "content-encoding").len == 0 &&
        json_parse(c->d->parser, c->arena, body, DYNAMO_JSON_DEPTH_MAX, &in) == ERR_SYNTAX) {
        (void)call_fail(c, AWS_SERIALIZATION, BYTES_NONE); /* answers anew */
    }
}

bool dynamo_authenticate(
    struct dynamo *d,
    struct dynamo_call *call,
    struct arena *arena,
    const struct dynamo_request *request,
    const char *service)
{
    call_init(d, call, arena, request, service);
    return d->signatures_off || signature_check(call);
}

enum dynamo_step dynamo_begin(
    struct dynamo *d,
    struct dynamo_call *call,
    struct arena *arena,
    const struct dynamo_request *request)
{
    call_init(d, call, arena, request, "dynamodb");
    if (request->body.len > DYNAMO_BODY_BYTES_MAX) {
        (void)call_fail_err(call, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!envelope_open(call)) {
        return DYNAMO_ANSWER;
    }
    const struct dynamo_op *op = op_find(header_find(request, "x-amz-target"));
    if (op == NULL) {
        (void)call_fail(call, AWS_UNKNOWN_OPERATION, BYTES_NONE); /* answers */
        unless_malformed(call);
        return DYNAMO_ANSWER;
    }
    call->op = op;
    call->op_name = bytes_str(op->name);
    call->service = op->service == NULL ? call->service : op->service;
    if (!d->signatures_off && !signature_check(call)) {
        unless_malformed(call);
        return DYNAMO_ANSWER;
    }
    struct json in;
    if (!body_parse(call, &in)) {
        return DYNAMO_ANSWER;
    }
    enum dynamo_step step = op->begin(call, &in);
    if (step == DYNAMO_ANSWER && call->answer.status == 400 && op->service == NULL) {
        /* JSON of a wrong type comes before whatever was found; it answers anew. */
        (void)shape_check(call, op->name, &in);
    }
    return step;
}

enum dynamo_step dynamo_resume(struct dynamo *d, struct dynamo_call *call, uint64_t now_ms)
{
    ASSERT(call->d == d);
    ASSERT(call->op->resume != NULL);
    call->now_ms = now_ms;
    return call->op->resume(call);
}

void dynamo_refuse(struct dynamo *d, struct dynamo_call *call, enum err why)
{
    ASSERT(why != OK);
    call->d = d;
    (void)call_fail_err(call, why); /* answers */
}
