/* Fuzzes the front from request bytes to answer bytes, signatures off (and once, to be refused,
 * signed), over a real core on engine_mem. The first byte picks the operation, the rest is the
 * body; whatever comes in, there is an answer with a status, a JSON body and the headers clients
 * check. Each input is served twice, so that the second time meets what the first has done. */
#include "front/dynamo/dynamo.h"

#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const targets[] = {
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.GetItem",
    "DynamoDB_20120810.UpdateItem",
    "DynamoDB_20120810.DeleteItem",
    "DynamoDB_20120810.Query",
    "DynamoDB_20120810.Scan",
    "DynamoDB_20120810.BatchWriteItem",
    "DynamoDB_20120810.BatchGetItem",
    "DynamoDB_20120810.Nothing",
    "DynamoDB_20120810.TransactWriteItems",
    "DynamoDB_20120810.TransactGetItems",
    "DynamoDB_20120810.ExecuteStatement",
    "DynamoDB_20120810.BatchExecuteStatement",
    "DynamoDB_20120810.ExecuteTransaction",
};

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
    const uint64_t now_ms = 1700000000000;
    part_submit(core_part(w->core), cmd);
    struct part_cmd *done = NULL;
    for (unsigned i = 0; i < 1000 && done == NULL; i++) {
        enum err err = core_commit(w->core, now_ms);
        ASSERT(err == OK);
        done = core_take_done(w->core);
    }
    ASSERT(done == cmd);
}

/* Table "t": keys h (S), r (N); global index "g" on g (S). */
static void create_table(struct world *w)
{
    static const struct expr_key_attr attrs[] = {
        {BYTES_LIT("h"), VALUE_STRING},
        {BYTES_LIT("r"), VALUE_NUMBER},
        {BYTES_LIT("g"), VALUE_STRING}};
    struct core_index index = {
        .part = {
            .name = BYTES_LIT("gsi"), .keys = {.hash = attrs[2]}, .projection = PART_PROJECT_KEYS}};
    struct core_table t = {
        .part =
            {.name = BYTES_LIT("tab"),
             .keys = {.hash = attrs[0], .range = attrs[1]},
             .indexes = &index.part,
             .n_indexes = 1},
        .attrs = attrs,
        .n_attrs = 3,
        .indexes = &index,
        .n_indexes = 1,
        .on_demand = true,
        .table_class = BYTES_LIT("STANDARD"),
        .extra = {.type = VALUE_MAP},
    };
    struct arena a;
    arena_init(&a, /* bytes_max= */ 1024 * 1024);
    struct core_admin admin = {
        .kind = CORE_ADMIN_CREATE_TABLE, .core = w->core, .name = t.part.name, .table = &t};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL, .arena = &a, .call = {.run = core_admin_run, .arg = &admin}};
    run(w, &cmd);
    ASSERT(cmd.err == OK);
    arena_done(&a);
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
    enum err err = core_open(&core, 1700000000000, &w->core);
    ASSERT(err == OK);
    struct dynamo_config config = {
        .region = BYTES_LIT("eu-west-1"),
        .view = {w->engine, w->catalog},
        .core = w->core,
        .signatures_off = true,
        .seed = 1,
    };
    w->d = dynamo_new(&config);
    create_table(w);
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

static void check_answer(const struct dynamo_call *call)
{
    const struct dynamo_answer *a = &call->answer;
    ASSERT(a->status == 200 || a->status == 400 || a->status == 413);
    ASSERT(a->n_headers == 4);
    ASSERT(a->body.len >= 2);
    ASSERT(a->body.base[0] == '{');
    ASSERT(utf8_valid(a->body));
    ASSERT((a->status == 200) == (call->error_name.len == 0));
    struct arena mem;
    arena_init(&mem, /* bytes_max= */ (size_t)1 << 30);
    struct json_parser *parser = json_parser_new();
    struct json parsed;
    enum err err = json_parse(parser, &mem, a->body, JSON_DEPTH_MAX, &parsed);
    ASSERT(err == OK);
    json_parser_free(parser);
    arena_done(&mem);
}

static void serve(struct world *w, const char *target, struct bytes body)
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
        .now_ms = 1700000000000,
    };
    struct dynamo_call call;
    enum dynamo_step step = dynamo_begin(w->d, &call, &a, &request);
    while (step != DYNAMO_ANSWER) {
        ASSERT(step == DYNAMO_SUBMIT);
        run(w, call.cmd);
        step = dynamo_resume(w->d, &call, request.now_ms);
    }
    check_answer(&call);
    arena_done(&a);
}

/* A signed request of any bytes is refused, never crashed on. */
static void verify(struct world *w, struct bytes header)
{
    struct arena a;
    arena_init(&a, /* bytes_max= */ 16 * 1024 * 1024);
    struct dynamo_config config = {.region = BYTES_LIT("eu-west-1"), .view = w->d->view, .seed = 1};
    struct dynamo *d = dynamo_new(&config);
    struct dynamo_header headers[] = {
        {BYTES_LIT("x-amz-target"), bytes_str(targets[1])},
        {BYTES_LIT("authorization"), header},
        {BYTES_LIT("x-amz-date"), BYTES_LIT("20231114T221320Z")}};
    struct dynamo_request request = {
        .method = BYTES_LIT("POST"),
        .path = header,
        .query = header,
        .headers = headers,
        .n_headers = 3,
        .now_ms = 1700000000000,
    };
    struct bytes service;
    (void)dynamo_signed_region(&request, &service);
    struct dynamo_call call;
    enum dynamo_step step = dynamo_begin(d, &call, &a, &request);
    ASSERT(step == DYNAMO_ANSWER);
    ASSERT(call.answer.status == 400);
    request.n_headers = 1;
    step = dynamo_begin(d, &call, &a, &request);
    ASSERT(step == DYNAMO_ANSWER);
    ASSERT(call.answer.status == 400);
    dynamo_free(d);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct world *w = world_new();
    struct bytes rest = bytes_of(data + 1, size - 1);
    size_t n = sizeof targets / sizeof targets[0];
    size_t pick = data[0] % (n + 1);
    if (pick == n) {
        verify(w, rest);
    } else {
        /* Twice: the second time it meets what the first has done. */
        serve(w, targets[pick], rest);
        serve(w, targets[pick], rest);
    }
    world_free(w);
    return 0;
}
