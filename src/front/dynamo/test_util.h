#pragma once

/* What the room's tests share: a region on engine_mem with a front before it, and one line per
 * request. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

#include <cmocka.h>

struct rig {
    struct engine *engine;
    struct core *core;
    struct catalog *catalog; /* the loop thread's */
    struct dynamo *d;
    struct arena mem; /* of the test */
    struct dynamo_call call;
    struct dynamo_request request;
    struct dynamo_header headers[2];
    uint64_t now_ms;
    struct bytes last_body; /* of the last answer */
};

static inline void rig_row(void *ctx, const struct value *key, const struct value *item)
{
    struct rig *r = ctx;
    assert_int_equal(catalog_apply(r->catalog, key, item), OK);
}

static inline void rig_open(struct rig *r)
{
    *r = (struct rig){.now_ms = UINT64_C(1700000000000)};
    arena_init(&r->mem, /* bytes_max= */ (size_t)1 << 31);
    r->engine = engine_mem_new();
    r->catalog = catalog_new(BYTES_LIT("eu-west-1"));
    struct core_config core = {
        .part =
            {.region = {7},
             .engine = r->engine,
             .drift_ms_max = 500,
             .batch_bytes_max = 1 << 20,
             .conflicts_max = 100},
        .region = BYTES_LIT("eu-west-1"),
        .seed = 1,
        .catalog_row = rig_row,
        .ctx = r,
    };
    assert_int_equal(core_open(&core, r->now_ms, &r->core), OK);
    struct dynamo_config config = {
        .region = BYTES_LIT("eu-west-1"),
        .view = {r->engine, r->catalog},
        .core = r->core,
        .signatures_off = true,
        .seed = 1,
    };
    r->d = dynamo_new(&config);
}

static inline void rig_close(struct rig *r)
{
    dynamo_free(r->d);
    core_close(r->core);
    catalog_free(r->catalog);
    engine_close(r->engine);
    arena_done(&r->mem);
}

/* Runs one command to its end, and core's errands after it. */
static inline void rig_run(struct rig *r, struct part_cmd *cmd)
{
    part_submit(core_part(r->core), cmd);
    for (unsigned i = 0; i < 1000; i++) {
        enum err err = core_commit(r->core, r->now_ms);
        (void)err; /* the command tells */
        if (part_waiting(core_part(r->core)) == 0 && core_deadline(r->core) > r->now_ms) {
            break;
        }
    }
    assert_ptr_equal(core_take_done(r->core), cmd);
}

/* Drives the call in r->call until it is answered. */
static inline void rig_finish(struct rig *r, enum dynamo_step step)
{
    while (step != DYNAMO_ANSWER) {
        if (step == DYNAMO_SUBMIT) {
            rig_run(r, r->call.cmd);
        } else {
            r->now_ms = r->call.wait.deadline_ms;
        }
        step = dynamo_resume(r->d, &r->call, r->now_ms);
    }
    r->last_body = r->call.answer.body;
}

/* Begins a request with `body` to the operation that `target` names in full, and leaves it there.
 */
static inline enum dynamo_step rig_begin_at(struct rig *r, struct bytes target, struct bytes body)
{
    r->headers[0] = (struct dynamo_header){BYTES_LIT("X-Amz-Target"), target};
    r->headers[1] =
        (struct dynamo_header){BYTES_LIT("content-type"), BYTES_LIT("application/x-amz-json-1.0")};
    r->request = (struct dynamo_request){
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .query = BYTES_LIT(""),
        .headers = r->headers,
        .n_headers = 2,
        .body = body,
        .now_ms = r->now_ms,
    };
    return dynamo_begin(r->d, &r->call, &r->mem, &r->request);
}

/* Begins DynamoDB's operation `op` with `body` and leaves it there. */
static inline enum dynamo_step rig_begin(struct rig *r, const char *op, struct bytes body)
{
    return rig_begin_at(r, bytes_fmt(&r->mem, "DynamoDB_20120810.%s", op), body);
}

/* Sends `body` to operation `op`; returns the HTTP status. The answer stays in r->last_body. */
static inline unsigned rig_send_bytes(struct rig *r, const char *op, struct bytes body)
{
    rig_finish(r, rig_begin(r, op, body));
    return r->call.answer.status;
}

static inline unsigned rig_send(struct rig *r, const char *op, const char *body)
{
    return rig_send_bytes(r, op, bytes_str(body));
}

/* One line of a transcript: quotes are written ' to be readable, and turned into " here. Only in
 * lines that hold no apostrophe of DynamoDB's own. */
static inline struct bytes unquoted(struct arena *a, const char *text)
{
    size_t n = strlen(text);
    char *to = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++) {
        to[i] = text[i] == '\'' ? '"' : text[i];
    }
    return bytes_of(to, n);
}

/* Sends, and expects status 200 and exactly this body. */
static inline void rig_ok(struct rig *r, const char *op, const char *body, const char *answer)
{
    unsigned status = rig_send_bytes(r, op, unquoted(&r->mem, body));
    struct bytes want = unquoted(&r->mem, answer);
    if (status != 200 || !bytes_eq(r->last_body, want)) {
        fail_msg(
            "%s %s\n answered %u %.*s\n instead of %.*s",
            op,
            body,
            status,
            BYTES_FMT(r->last_body),
            BYTES_FMT(want));
    }
}

/* Sends, and expects status 400, this error name and exactly this message. */
static inline void rig_refused(
    struct rig *r, const char *op, const char *body, const char *name, const char *message)
{
    unsigned status = rig_send_bytes(r, op, unquoted(&r->mem, body));
    struct buf want;
    buf_init(&want, /* len_max= */ 1 << 20);
    buf_put_str(&want, ",\"message\":");
    json_put_string(&want, bytes_str(message));
    if (strcmp(name, "SerializationException") == 0 ||
        strcmp(name, "TransactionCanceledException") == 0) {
        buf_clear(&want);
        buf_put_str(&want, ",\"Message\":");
        json_put_string(&want, bytes_str(message));
    }
    bool same = bytes_contains(r->last_body, buf_bytes(&want));
    buf_done(&want);
    if (status != 400 || !bytes_eq_str(r->call.error_name, name) || !same) {
        fail_msg(
            "%s %s\n answered %u %.*s\n instead of %s: %s",
            op,
            body,
            status,
            BYTES_FMT(r->last_body),
            name,
            message);
    }
}

static inline void rig_invalid(struct rig *r, const char *op, const char *body, const char *message)
{
    rig_refused(r, op, body, "ValidationException", message);
}

/* ---- tables, straight through core ---- */

static inline void rig_create(struct rig *r, const struct core_table *t)
{
    struct core_admin admin = {
        .kind = CORE_ADMIN_CREATE_TABLE, .core = r->core, .name = t->part.name, .table = t};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL, .arena = &r->mem, .call = {.run = core_admin_run, .arg = &admin}};
    rig_run(r, &cmd);
    assert_int_equal(cmd.err, OK);
    assert_non_null(catalog_table(r->catalog, t->part.name));
    assert_int_equal(catalog_table(r->catalog, t->part.name)->status, CORE_ACTIVE);
}

static inline void rig_drop(struct rig *r, const char *name)
{
    struct core_admin admin = {
        .kind = CORE_ADMIN_DELETE_TABLE, .core = r->core, .name = bytes_str(name)};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL, .arena = &r->mem, .call = {.run = core_admin_run, .arg = &admin}};
    rig_run(r, &cmd);
    assert_int_equal(cmd.err, OK);
    assert_null(catalog_table(r->catalog, bytes_str(name)));
}

/* "hash": key h (S). */
static inline void rig_create_hash(struct rig *r)
{
    static const struct expr_key_attr attrs[] = {{BYTES_LIT("h"), VALUE_STRING}};
    struct core_table t = {
        .part = {.name = BYTES_LIT("hash"), .keys = {.hash = attrs[0]}},
        .attrs = attrs,
        .n_attrs = 1,
        .on_demand = true,
        .table_class = BYTES_LIT("STANDARD"),
        .extra = {.type = VALUE_MAP},
    };
    rig_create(r, &t);
}

/* "full": keys h (S), r (N); global index "gsi" on g (S), r, keys only; local index "lsi" on l (S),
 * with "kept". */
static inline void rig_create_full(struct rig *r)
{
    static const struct expr_key_attr attrs[] = {
        {BYTES_LIT("h"), VALUE_STRING},
        {BYTES_LIT("r"), VALUE_NUMBER},
        {BYTES_LIT("g"), VALUE_STRING},
        {BYTES_LIT("l"), VALUE_STRING}};
    static const struct bytes include[] = {BYTES_LIT("kept")};
    struct core_index indexes[] = {
        {.part =
             {.name = BYTES_LIT("gsi"),
              .keys = {.hash = attrs[2], .range = attrs[1]},
              .projection = PART_PROJECT_KEYS}},
        {.part =
             {.name = BYTES_LIT("lsi"),
              .local = true,
              .keys = {.hash = attrs[0], .range = attrs[3]},
              .projection = PART_PROJECT_INCLUDE,
              .include = include,
              .n_include = 1}},
    };
    struct part_index parts[] = {indexes[0].part, indexes[1].part};
    struct core_table t = {
        .part =
            {.name = BYTES_LIT("full"),
             .keys = {.hash = attrs[0], .range = attrs[1]},
             .indexes = parts,
             .n_indexes = 2},
        .attrs = attrs,
        .n_attrs = 4,
        .indexes = indexes,
        .n_indexes = 2,
        .on_demand = true,
        .table_class = BYTES_LIT("STANDARD"),
        .extra = {.type = VALUE_MAP},
    };
    rig_create(r, &t);
}
