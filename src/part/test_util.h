#pragma once

/* What the room's tests share: a region with a table on engine_mem, and commands in one line each.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "part/part.h"

#include <cmocka.h>

enum { TABLE = PART_TABLE_FIRST, NOW = 1700000000 };
#define NOW_MS (UINT64_C(1000) * NOW)

struct region {
    struct engine *engine;
    struct part *part;
    struct part_config config;
    struct arena arena;
    uint64_t now_ms;
    bool building; /* the test table's global index is still to be filled */
};

static inline struct value str(const char *s)
{
    return (struct value){.type = VALUE_STRING, .bytes = bytes_str(s)};
}

static inline struct value num(int64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(v)};
}

/* An item of up to three attributes; a NULL name ends the list. */
static inline const struct value *item_of(
    struct arena *a,
    const char *n1,
    struct value v1,
    const char *n2,
    struct value v2,
    const char *n3,
    struct value v3)
{
    struct member *m = ARENA_ARRAY(a, struct member, 3);
    struct value *item = ARENA_NEW(a, struct value);
    size_t n = 0;
    m[n++] = (struct member){bytes_str(n1), v1};
    if (n2 != NULL) {
        m[n++] = (struct member){bytes_str(n2), v2};
    }
    if (n3 != NULL) {
        m[n++] = (struct member){bytes_str(n3), v3};
    }
    enum err e = members_sort(m, n);
    assert_int_equal(e, OK);
    *item = (struct value){.type = VALUE_MAP, .map = {.members = m, .n = n}};
    return item;
}

static inline struct bytes key_in(
    struct arena *a, const struct part_table *t, const struct value *v)
{
    struct buf b;
    struct bytes attr;
    buf_init(&b, 1 << 20);
    assert_int_equal(part_key_of(&t->keys, v, &b, &attr), OK);
    struct bytes k = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return k;
}

static inline enum err commit_one(struct region *r, struct part_cmd *cmd)
{
    cmd->arena = &r->arena;
    part_submit(r->part, cmd);
    while (part_waiting(r->part) > 0) {
        enum err e = part_commit(r->part, r->now_ms);
        (void)e; /* the command tells */
    }
    assert_ptr_equal(part_take_done(r->part), cmd);
    return cmd->err;
}

/* One operation, alone; its error. */
static inline enum err run_one(struct region *r, struct part_op *op, struct part_cmd *ret_cmd)
{
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = op, .n = 1}};
    enum err e = commit_one(r, &cmd);
    if (ret_cmd != NULL) {
        *ret_cmd = cmd;
    }
    return e != OK ? e : op->err;
}

static inline enum err put_item(struct region *r, uint64_t table, const struct value *item)
{
    const struct part_table *t = part_find_table(r->part, table);
    struct part_op op = {
        .kind = PART_PUT,
        .table = table,
        .key = key_in(&r->arena, t, item),
        .item = item,
    };
    return run_one(r, &op, NULL);
}

static inline enum err delete_item(struct region *r, uint64_t table, const struct value *key)
{
    const struct part_table *t = part_find_table(r->part, table);
    struct part_op op = {.kind = PART_DELETE, .table = table, .key = key_in(&r->arena, t, key)};
    return run_one(r, &op, NULL);
}

static inline enum err get_item(
    struct region *r, uint64_t table, const struct value *key, struct value *ret)
{
    const struct part_reader reader = {.engine = r->engine};
    const struct part_table *t = part_find_table(r->part, table);
    return part_get(&reader, t, key_in(&r->arena, t, key), &r->arena, ret, NULL);
}

/* A table (pk S, sk N), a global index (gi S, sk N) of keys and "note", a local one on "at". */
static inline void set_test_table(struct region *r, bool replicated)
{
    static const struct bytes include[] = {{(const uint8_t *)"note", 4}};
    const struct part_index indexes[] = {
        {
            .id = 1,
            .name = BYTES_LIT("by-gi"),
            .keys = {{BYTES_LIT("gi"), VALUE_STRING}, {BYTES_LIT("sk"), VALUE_NUMBER}},
            .projection = PART_PROJECT_INCLUDE,
            .include = include,
            .n_include = 1,
            .building = r->building,
        },
        {
            .id = 2,
            .name = BYTES_LIT("by-at"),
            .local = true,
            .keys = {{BYTES_LIT("pk"), VALUE_STRING}, {BYTES_LIT("at"), VALUE_STRING}},
            .projection = PART_PROJECT_ALL,
        },
    };
    const struct part_table t = {
        .id = TABLE,
        .name = BYTES_LIT("things"),
        .keys = {{BYTES_LIT("pk"), VALUE_STRING}, {BYTES_LIT("sk"), VALUE_NUMBER}},
        .indexes = indexes,
        .n_indexes = 2,
        .keep_old_images = true,
        .replicated = replicated,
    };
    part_set_table(r->part, &t);
}

static inline enum err drop_test_table(void *arg, struct part_stage *s, struct arena *a)
{
    (void)arg;
    (void)a;
    part_stage_drop_table(s, TABLE);
    return OK;
}

/* Drops the table with all that is in it, and makes it anew. */
static inline void empty_test_table(struct region *r)
{
    struct part_cmd drop = {.kind = PART_CMD_CALL, .call = {.run = drop_test_table}};
    assert_int_equal(commit_one(r, &drop), OK);
    set_test_table(r, true);
}

static inline void region_open(struct region *r)
{
    r->config.engine = r->engine;
    assert_int_equal(part_open(&r->config, r->now_ms, &r->part), OK);
}

static inline void region_start(struct region *r, uint64_t id)
{
    *r = (struct region){.now_ms = NOW_MS};
    arena_init(&r->arena, SIZE_MAX / 2);
    r->engine = engine_mem_new();
    r->config = (struct part_config){
        .region = {id},
        .drift_ms_max = 500,
        .batch_bytes_max = 1 << 20,
        .conflicts_max = 1000,
    };
    region_open(r);
    set_test_table(r, true);
}

static inline void region_stop(struct region *r)
{
    part_close(r->part);
    engine_close(r->engine);
    arena_done(&r->arena);
}

/* A power cut: what was not synced is gone, and nothing more is written. */
static inline void region_crash(struct region *r)
{
    part_abandon(r->part);
    engine_mem_crash(r->engine);
    region_open(r);
    set_test_table(r, true);
}

static inline void region_reopen(struct region *r)
{
    part_close(r->part);
    region_open(r);
    set_test_table(r, true);
}

/* How many rows of that kind the engine holds. */
static inline size_t count_rows(struct region *r, uint8_t kind)
{
    const uint8_t hi[] = {(uint8_t)(kind + 1)};
    struct engine_iter *it =
        engine_iter_open(r->engine, NULL, bytes_of(&kind, 1), bytes_of(hi, sizeof hi));
    size_t n = 0;
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        n++;
    }
    engine_iter_close(it);
    return n;
}

/* Puts a row that does not read, behind the writer's back: it knows of it once it is opened anew.
 */
static inline void put_raw(struct region *r, struct bytes key)
{
    struct engine_batch *b = engine_batch_new(r->engine);
    engine_batch_put(b, key, BYTES_LIT("?"));
    assert_int_equal(engine_write(r->engine, b, true), OK);
    engine_batch_free(b);
}

/* ---- carrying logs by hand ---- */

static inline uint64_t mark_of(const struct region *r, struct region_id region)
{
    size_t n;
    const struct part_mark *m = part_marks(r->part, &n);
    for (size_t i = 0; i < n; i++) {
        if (m[i].region.v == region.v) {
            return m[i].pos.v;
        }
    }
    return 0;
}

/* The stretch of `origin`'s transactions in (from, to] as `src` holds them, ready for an APPLY. */
static inline struct part_cmd cut_stretch(
    struct region *src, struct region_id origin, uint64_t from, uint64_t to, struct arena *a)
{
    const struct part_reader reader = {.engine = src->engine};
    struct local_pos at;
    assert_int_equal(part_log_find_origin(&reader, origin, (struct peer_pos){from}, &at), OK);
    struct part_log_cursor *c = part_log_open(&reader, at);
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    struct hlc hlc = {0};
    struct local_pos pos;
    struct bytes stored;
    uint64_t last = from;
    while (part_log_next(c, &pos, &stored) == OK) {
        struct change_txn t;
        assert_int_equal(change_txn_peek(stored, &t), OK);
        if (t.origin.v != origin.v || t.origin_pos.v <= from || t.origin_pos.v > to) {
            continue;
        }
        /* Each of the origin's own positions is there or nothing of it was for us: never back. */
        assert_true(t.origin_pos.v > last);
        last = t.origin_pos.v;
        struct bytes wire;
        assert_int_equal(change_txn_wire(stored, &wire), OK);
        put_lenbytes(&b, wire);
        hlc = t.hlc;
    }
    part_log_close(c);
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply =
            {.origin = origin,
             .from = {from},
             .to = {to},
             .hlc_to = hlc,
             .txns = bytes_dup(a, buf_bytes(&b))},
    };
    buf_done(&b);
    return cmd;
}

/* Brings `dst` up to what `src` holds of `origin`. */
static inline void carry(struct region *dst, struct region *src, struct region_id origin)
{
    uint64_t to = mark_of(src, origin);
    uint64_t from = mark_of(dst, origin);
    if (to > from) {
        struct part_cmd cmd = cut_stretch(src, origin, from, to, &dst->arena);
        assert_int_equal(commit_one(dst, &cmd), OK);
    }
}

static inline void check_same_digests(struct region *a, struct region *b, uint64_t table)
{
    struct part_counts ca = part_table_counts(a->part, table);
    struct part_counts cb = part_table_counts(b->part, table);
    assert_int_equal(ca.items, cb.items);
    assert_int_equal(ca.bytes, cb.bytes);
    for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
        struct hash128 da = part_table_digest(a->part, table, i);
        struct hash128 db = part_table_digest(b->part, table, i);
        assert_true(da.lo == db.lo);
        assert_true(da.hi == db.hi);
    }
}
