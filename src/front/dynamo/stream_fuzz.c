/* Hostile requests to DynamoDB Streams, against a table with records in its stream. The first byte
 * chooses the operation and how the rest becomes its body: as it is, or as the place in an iterator
 * of the table's own stream. Every answer is well-formed, and no made-up place reads anything. */
#include <stdlib.h>

#include "front/dynamo/dynamo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NOW_S = 1700000000 };

#define STREAM_ARN \
    "arn:aws:dynamodb:eu-west-1:000000000000:table/tab/stream/2023-11-14T22:13:20.000"

static const uint64_t now_ms = UINT64_C(1000) * NOW_S;

static const char *const targets[] = {
    "DynamoDBStreams_20120810.ListStreams",
    "DynamoDBStreams_20120810.DescribeStream",
    "DynamoDBStreams_20120810.GetShardIterator",
    "DynamoDBStreams_20120810.GetRecords",
};

enum { TARGETS = sizeof targets / sizeof targets[0], GET_RECORDS = 3 };

struct world {
    struct engine *engine;
    struct core *core;
    struct catalog *catalog;
    struct dynamo *d;
};

static void on_row(void *ctx, const struct value *key, const struct value *item)
{
    struct world *w = ctx;
    enum err err = catalog_apply(w->catalog, key, item);
    ASSERT(err == OK);
}

static void run(struct world *w, struct part_cmd *cmd)
{
    part_submit(core_part(w->core), cmd);
    struct part_cmd *done = NULL;
    while (done == NULL || core_deadline(w->core) <= now_ms) {
        enum err err = core_commit(w->core, now_ms);
        ASSERT(err == OK);
        done = done == NULL ? core_take_done(w->core) : done;
    }
    ASSERT(done == cmd);
}

/* Serves one request and returns its status; the body must be JSON. */
static unsigned serve(struct world *w, const char *target, struct bytes body)
{
    struct arena a;
    arena_init(&a, DYNAMO_ARENA_BYTES_MAX);
    struct dynamo_header headers[] = {
        {BYTES_LIT("x-amz-target"), bytes_str(target)},
        {BYTES_LIT("content-type"), BYTES_LIT("application/x-amz-json-1.0")}};
    struct dynamo_request request = {
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .headers = headers,
        .n_headers = 2,
        .body = body,
        .now_ms = now_ms,
    };
    struct dynamo_call call;
    enum dynamo_step step = dynamo_begin(w->d, &call, &a, &request);
    while (step != DYNAMO_ANSWER) {
        ASSERT(step == DYNAMO_SUBMIT);
        run(w, call.cmd);
        step = dynamo_resume(w->d, &call, now_ms);
    }
    struct json_parser *parser = json_parser_new();
    struct json parsed;
    enum err err = json_parse(parser, &a, call.answer.body, JSON_DEPTH_MAX, &parsed);
    ASSERT(err == OK);
    json_parser_free(parser);
    unsigned status = call.answer.status;
    arena_done(&a);
    return status;
}

static void must(struct world *w, const char *target, const char *body)
{
    unsigned status = serve(w, target, bytes_str(body));
    ASSERT(status == 200);
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->engine = engine_mem_new();
    w->catalog = catalog_new(BYTES_LIT("eu-west-1"));
    struct core_config core = {
        .part =
            {.region = {7},
             .engine = w->engine,
             .drift_ms_max = 500,
             .batch_bytes_max = 1 << 20,
             .conflicts_max = 100},
        .region = BYTES_LIT("eu-west-1"),
        .seed = 1,
        .catalog_row = on_row,
        .ctx = w,
    };
    enum err err = core_open(&core, now_ms, &w->core);
    ASSERT(err == OK);
    struct dynamo_config config = {
        .region = BYTES_LIT("eu-west-1"),
        .view = {w->engine, w->catalog},
        .core = w->core,
        .signatures_off = true,
        .seed = 1,
    };
    w->d = dynamo_new(&config);
    must(
        w,
        "DynamoDB_20120810.CreateTable",
        "{\"TableName\":\"tab\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":[{"
        "\"AttributeName\":\"p\",\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":[{"
        "\"AttributeName\":\"p\",\"AttributeType\":\"S\"}],\"StreamSpecification\":{"
        "\"StreamEnabled\":true,\"StreamViewType\":\"NEW_AND_OLD_IMAGES\"}}");
    must(w, "DynamoDB_20120810.PutItem", "{\"TableName\":\"tab\",\"Item\":{\"p\":{\"S\":\"k\"}}}");
    must(w, "DynamoDBStreams_20120810.DescribeStream", "{\"StreamArn\":\"" STREAM_ARN "\"}");
    return w;
}

static void world_free(struct world *w)
{
    dynamo_free(w->d);
    core_close(w->core);
    catalog_free(w->catalog);
    engine_close(w->engine);
    free(w);
}

static void try_place(struct world *w, struct bytes place)
{
    struct buf iterator;
    struct buf body;
    buf_init(&iterator, 1 << 20);
    buf_init(&body, 1 << 24);
    buf_put_str(&iterator, STREAM_ARN "|1|");
    if (utf8_valid(place)) {
        buf_put_bytes(&iterator, place);
    } else {
        put_base64(&iterator, place);
    }
    buf_put_str(&body, "{\"ShardIterator\":");
    json_put_string(&body, buf_bytes(&iterator));
    buf_put_u8(&body, '}');
    if (iterator.err == OK && body.err == OK) {
        unsigned status = serve(w, targets[GET_RECORDS], buf_bytes(&body));
        ASSERT(status == 400);
    }
    buf_done(&iterator);
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct world *w = world_new();
    struct bytes rest = bytes_of(data + 1, size - 1);
    size_t pick = data[0] % (TARGETS + 1);
    if (pick == TARGETS) {
        try_place(w, rest);
    } else {
        unsigned status = serve(w, targets[pick], rest);
        ASSERT(status == 200 || status == 400);
    }
    world_free(w);
    return 0;
}
