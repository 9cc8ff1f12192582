#pragma once

/* Several regions, each with a front, for tests of global tables: core's cluster on engine_mem with
 * replication by hand, and one line per request. */

#include "core/test_util.h"
#include "front/dynamo/dynamo_internal.h"

struct regions {
    struct cluster cluster;
    struct dynamo *fronts[NODES_MAX];
    struct dynamo_call call;
    struct dynamo_request request;
    struct dynamo_header header;
    struct bytes body; /* of the last answer */
    bool synced;       /* the last call asked for the other regions' catalogs */
    bool cut_off;      /* a call that waits for other regions waits in vain */
};

static inline void regions_open(struct regions *r, size_t n)
{
    *r = (struct regions){0};
    cluster_start(&r->cluster, n, /* seed= */ 1);
    settle(&r->cluster);
    for (size_t i = 0; i < n; i++) {
        struct node *node = &r->cluster.nodes[i];
        struct dynamo_config config = {
            .region = node_region(node),
            .view = {node->engine, node->mirror},
            .core = node->core,
            .signatures_off = true,
            .seed = i + 1,
        };
        r->fronts[i] = dynamo_new(&config);
    }
}

static inline void regions_close(struct regions *r)
{
    for (size_t i = 0; i < r->cluster.n; i++) {
        dynamo_free(r->fronts[i]);
    }
    cluster_stop(&r->cluster);
}

/* `text` with its single quotes doubled: JSON without backslashes in C. */
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
    struct cluster *c = &r->cluster;
    r->synced = false;
    r->header = (struct dynamo_header){
        BYTES_LIT("x-amz-target"), bytes_fmt(&c->mem, "DynamoDB_20120810.%s", op)};
    r->request = (struct dynamo_request){
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .headers = &r->header,
        .n_headers = 1,
        .body = json_of(&c->mem, body),
        .now_ms = c->now_ms,
    };
    enum dynamo_step step = dynamo_begin(r->fronts[at], &r->call, &c->mem, &r->request);
    while (step != DYNAMO_ANSWER) {
        if (step == DYNAMO_SUBMIT) {
            enum err err = node_cmd(&c->nodes[at], r->call.cmd);
            (void)err; /* the front words it */
        } else {
            r->synced = true;
            if (!r->cut_off) {
                settle(c);
            }
        }
        step = dynamo_resume(r->fronts[at], &r->call, c->now_ms);
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
    struct bytes want = json_of(&r->cluster.mem, piece);
    if (!bytes_contains(r->body, want)) {
        fail_msg("no %s in %.*s", piece, BYTES_FMT(r->body));
    }
}

static inline void regions_lacks(struct regions *r, const char *piece)
{
    struct bytes want = json_of(&r->cluster.mem, piece);
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
