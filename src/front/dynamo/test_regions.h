#pragma once

/* Several regions, each with a front, for tests of global tables: cores on engine_mem whose logs
 * and seeds are carried by hand, and one line per request. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

#include <cmocka.h>

enum { REGIONS_TEST_MAX = 3, SEED_RECORDS_MAX = 100, REST_ROUNDS = 30 };

struct regions;

struct region_rig {
    struct regions *all;
    struct bytes name;
    struct region_id id;
    struct engine *engine;
    struct core *core;
    struct catalog *catalog; /* the front's */
    struct dynamo *front;
    struct local_pos sent[REGIONS_TEST_MAX]; /* how far of our log each other region has it */
};

struct regions {
    struct region_rig at[REGIONS_TEST_MAX];
    size_t n;
    uint64_t now_ms;
    struct arena mem; /* of the test */
    struct dynamo_call call;
    struct dynamo_request request;
    struct dynamo_header headers[2];
    struct bytes body; /* of the last answer */
    bool synced;       /* the last call asked for the other regions' catalogs */
    bool cut_off;      /* a call that waits for other regions waits in vain */
};

/* ---- one region ---- */

static inline void take_row(void *ctx, const struct value *key, const struct value *item)
{
    struct region_rig *g = ctx;
    assert_int_equal(catalog_apply(g->catalog, key, item), OK);
}

/* Runs a command to its end, and core's errands until none is due. */
static inline enum err region_run(struct region_rig *g, struct part_cmd *cmd)
{
    struct regions *r = g->all;
    if (cmd != NULL) {
        cmd->arena = &r->mem;
        part_submit(core_part(g->core), cmd);
    }
    unsigned rounds = 0;
    do {
        assert_true(rounds++ < 1000);
        assert_int_equal(core_commit(g->core, r->now_ms), OK);
    } while (core_deadline(g->core) <= r->now_ms || part_waiting(core_part(g->core)) > 0);
    assert_ptr_equal(core_take_done(g->core), cmd);
    return cmd == NULL ? OK : cmd->err;
}

static inline void region_open(struct regions *r, size_t i)
{
    static const char *const names[REGIONS_TEST_MAX] = {"us", "eu", "ap"};
    struct region_rig *g = &r->at[i];
    g->all = r;
    g->name = bytes_str(names[i]);
    g->id.v = 100 + i;
    g->engine = engine_mem_new();
    g->catalog = catalog_new(g->name);
    struct core_config config = {
        .part =
            {
                .region = g->id,
                .engine = g->engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 100,
            },
        .region = g->name,
        .seed = i + 1,
        .catalog_row = take_row,
        .ctx = g,
    };
    assert_int_equal(core_open(&config, r->now_ms, &g->core), OK);
    struct dynamo_config front = {
        .region = g->name,
        .view = {g->engine, g->catalog},
        .core = g->core,
        .signatures_off = true,
        .seed = i + 1,
    };
    g->front = dynamo_new(&front);
}

static inline void region_introduce(struct region_rig *g, const struct region_rig *other)
{
    struct core_member m = {
        .region = other->name,
        .id = other->id,
        .http_address = BYTES_LIT("127.0.0.1:8000"),
        .link_address = BYTES_LIT("127.0.0.1:9000"),
    };
    struct core_admin call = {.kind = CORE_ADMIN_PUT_MEMBER, .core = g->core, .member = &m};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = core_admin_run, .arg = &call}};
    assert_int_equal(region_run(g, &cmd), OK);
}

/* ---- what travels between them ---- */

struct carriage {
    const struct region_rig *from;
    const struct region_rig *to;
};

static inline bool is_shipped(void *ctx, uint64_t table)
{
    const struct carriage *c = ctx;
    return catalog_replicates_to(core_catalog(c->from->core), table, c->to->id);
}

/* Carries what one region logged itself to another. Whether there was anything. */
static inline bool carry_log(struct region_rig *from, struct region_rig *to)
{
    struct regions *r = from->all;
    struct local_pos *sent = &from->sent[to - r->at];
    struct local_pos pos = *sent;
    struct part_reader reader = {.engine = from->engine};
    struct carriage carriage = {from, to};
    struct hlc upto = {0};
    struct bytes stored;
    struct buf txns;
    buf_init(&txns, 1 << 28);
    struct part_log_cursor *cursor = part_log_open(&reader, *sent);
    while (part_log_next(cursor, &pos, &stored) == OK) {
        struct change_txn head;
        assert_int_equal(change_txn_peek(stored, &head), OK);
        if (head.origin.v != from->id.v || head.origin_pos.v == 0) {
            continue;
        }
        struct buf one;
        size_t kept;
        buf_init(&one, 1 << 28);
        assert_int_equal(
            change_txn_filter(&one, &r->mem, stored, is_shipped, &carriage, &kept), OK);
        if (kept > 0) {
            put_lenbytes(&txns, buf_bytes(&one));
        }
        upto = head.hlc;
        buf_done(&one);
    }
    part_log_close(cursor);
    bool any = pos.v != sent->v;
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply =
            {
                .origin = from->id,
                .from = {sent->v},
                .to = {pos.v},
                .hlc_to = upto,
                .txns = buf_bytes(&txns),
            },
    };
    if (any) {
        assert_int_equal(region_run(to, &cmd), OK);
    }
    *sent = pos;
    buf_done(&txns);
    return any;
}

struct seed_list {
    struct core_seed_need needs[16];
    size_t n;
};

static inline void list_need(void *ctx, const struct core_seed_need *need)
{
    struct seed_list *list = ctx;
    assert_true(list->n < 16);
    list->needs[list->n] = *need;
    list->needs[list->n++].cursor = BYTES_LIT("");
}

static inline enum err end_need(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    return core_seed_progress(s, arg, /* done= */ true);
}

/* Fetches what a region still needs of another, if that one is ready to give it. */
static inline bool fetch(struct region_rig *g, struct core_seed_need *need)
{
    struct regions *r = g->all;
    struct region_rig *from = &r->at[need->from.v - 100];
    if (!catalog_serves_seed(core_catalog(from->core), need->table, g->id, need->whole)) {
        return false;
    }
    struct part_raw *records = ARENA_ARRAY(&r->mem, struct part_raw, SEED_RECORDS_MAX);
    struct part_reader reader = {.engine = from->engine};
    struct part_raw_cursor *cursor = part_raw_open(&reader, need->table, 0, UINT32_MAX, BYTES_NONE);
    size_t n = 0;
    struct part_raw raw;
    while (part_raw_next(cursor, &raw) == OK) {
        assert_true(n < SEED_RECORDS_MAX);
        raw.position = bytes_dup(&r->mem, raw.position);
        raw.key = bytes_dup(&r->mem, raw.key);
        raw.item = bytes_dup(&r->mem, raw.item);
        bool wanted = need->whole || raw.version.region.v == need->from.v;
        records[n] = raw;
        n += wanted ? 1 : 0;
    }
    part_raw_close(cursor);
    struct part_cmd seed = {
        .kind = PART_CMD_SEED, .seed = {.table = need->table, .records = records, .n = n}};
    struct part_cmd end = {.kind = PART_CMD_CALL, .call = {.run = end_need, .arg = need}};
    assert_int_equal(region_run(g, &seed), OK);
    assert_int_equal(region_run(g, &end), OK);
    return true;
}

/* Carries and fetches until nothing moves, and lets time pass for what waits. */
static inline void regions_rest(struct regions *r)
{
    unsigned still = 0;
    for (unsigned round = 0; still < REST_ROUNDS; round++) {
        assert_true(round < 1000);
        bool moved = false;
        for (size_t i = 0; i < r->n; i++) {
            struct seed_list list = {0};
            struct part_reader reader = {.engine = r->at[i].engine};
            assert_int_equal(core_seed_needs(&reader, list_need, &list), OK);
            for (size_t k = 0; k < list.n; k++) {
                moved = fetch(&r->at[i], &list.needs[k]) || moved;
            }
            for (size_t k = 0; k < r->n; k++) {
                moved = (i != k && carry_log(&r->at[i], &r->at[k])) || moved;
            }
            assert_int_equal(region_run(&r->at[i], NULL), OK);
        }
        r->now_ms += 100;
        still = moved ? 0 : still + 1;
    }
}

static inline void regions_open(struct regions *r, size_t n)
{
    *r = (struct regions){.n = n, .now_ms = UINT64_C(1700000000000)};
    arena_init(&r->mem, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        region_open(r, i);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < n; k++) {
            region_introduce(&r->at[i], &r->at[k]);
        }
    }
    regions_rest(r);
}

static inline void regions_close(struct regions *r)
{
    for (size_t i = 0; i < r->n; i++) {
        dynamo_free(r->at[i].front);
        core_close(r->at[i].core);
        catalog_free(r->at[i].catalog);
        engine_close(r->at[i].engine);
    }
    arena_done(&r->mem);
}

/* ---- requests ---- */

/* `text` with its single quotes doubled, so that JSON in C needs no backslashes. */
static inline struct bytes json_of(struct arena *a, const char *text)
{
    char *copy = bytes_cstr(a, bytes_str(text));
    assert_non_null(copy);
    for (size_t i = 0; copy[i] != '\0'; i++) {
        copy[i] = copy[i] == '\'' ? '"' : copy[i];
    }
    return bytes_str(copy);
}

/* Sends a request to the front of region `at` and drives it to its answer; returns the status. */
static inline unsigned regions_send(struct regions *r, size_t at, const char *op, const char *body)
{
    struct region_rig *g = &r->at[at];
    r->synced = false;
    r->headers[0] = (struct dynamo_header){
        BYTES_LIT("x-amz-target"), bytes_fmt(&r->mem, "DynamoDB_20120810.%s", op)};
    r->headers[1] =
        (struct dynamo_header){BYTES_LIT("content-type"), BYTES_LIT("application/x-amz-json-1.0")};
    r->request = (struct dynamo_request){
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .headers = r->headers,
        .n_headers = 2,
        .body = json_of(&r->mem, body),
        .now_ms = r->now_ms,
    };
    enum dynamo_step step = dynamo_begin(g->front, &r->call, &r->mem, &r->request);
    while (step != DYNAMO_ANSWER) {
        if (step == DYNAMO_SUBMIT) {
            enum err err = region_run(g, r->call.cmd);
            (void)err; /* the front words it */
        } else {
            r->synced = true;
            if (!r->cut_off) {
                regions_rest(r);
            }
        }
        step = dynamo_resume(g->front, &r->call, r->now_ms);
    }
    r->body = r->call.answer.body;
    return r->call.answer.status;
}

static inline void regions_ok(struct regions *r, size_t at, const char *op, const char *body)
{
    unsigned status = regions_send(r, at, op, body);
    if (status != 200) {
        fail_msg("%s %s answered %u %.*s", op, body, status, BYTES_FMT(r->body));
    }
}

/* Expects a piece of the last answer. */
static inline void regions_has(struct regions *r, const char *piece)
{
    struct bytes want = json_of(&r->mem, piece);
    if (!bytes_contains(r->body, want)) {
        fail_msg("no %s in %.*s", piece, BYTES_FMT(r->body));
    }
}

static inline void regions_lacks(struct regions *r, const char *piece)
{
    struct bytes want = json_of(&r->mem, piece);
    if (bytes_contains(r->body, want)) {
        fail_msg("%s in %.*s", piece, BYTES_FMT(r->body));
    }
}

/* Expects an error by its name and a piece of its message (apostrophes stay as they are). */
static inline void regions_refused(
    struct regions *r,
    size_t at,
    const char *op,
    const char *body,
    const char *name,
    const char *message)
{
    unsigned status = regions_send(r, at, op, body);
    bool same = bytes_contains(r->body, bytes_str(message));
    if (status != 400 || !bytes_eq_str(r->call.error_name, name) || !same) {
        fail_msg(
            "%s %s answered %u %.*s instead of %s: %s",
            op,
            body,
            status,
            BYTES_FMT(r->body),
            name,
            message);
    }
}
