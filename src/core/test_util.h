#pragma once

/* What the room's tests share: regions on engine_mem in one thread, administration and writes in
 * one line each, and the replication between them done by hand: logs carried over, seed needs
 * served. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/core.h"

#include <cmocka.h>

enum { NODES_MAX = 4, TTL_SWEEP_MS = 50 };

struct cluster;

struct node {
    struct cluster *cluster;
    struct core *core;
    struct engine *engine;
    struct catalog *mirror; /* another thread's catalog, fed by announcements */
    char region[16];
    struct region_id id;
    struct local_pos sent[NODES_MAX]; /* how far of our log each other node has it */
    uint64_t opened;                  /* times, so that seeds differ */
};

struct cluster {
    struct node nodes[NODES_MAX];
    size_t n;
    uint64_t now_ms;
    uint64_t n_expired; /* as the nodes told */
    struct arena mem;   /* of the test */
    struct prng prng;
};

static inline void mirror_row(void *ctx, const struct value *key, const struct value *item)
{
    struct node *n = ctx;
    assert_int_equal(catalog_apply(n->mirror, key, item), OK);
}

static inline void count_expired(void *ctx, struct bytes table, size_t count)
{
    (void)table;
    struct node *n = ctx;
    n->cluster->n_expired += count;
}

static inline void node_open(struct node *n)
{
    struct core_config config = {
        .part =
            {
                .region = n->id,
                .engine = n->engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 1000,
            },
        .region = bytes_str(n->region),
        .seed = n->id.v + n->opened++,
        .ttl_sweep_ms = TTL_SWEEP_MS,
        .catalog_row = mirror_row,
        .expired = count_expired,
        .ctx = n,
    };
    assert_int_equal(core_open(&config, n->cluster->now_ms, &n->core), OK);
}

static inline void node_reopen(struct node *n)
{
    core_close(n->core);
    node_open(n);
}

static inline struct bytes node_region(const struct node *n)
{
    return bytes_str(n->region);
}

/* Commits until nothing is left to do at this time. */
static inline void node_run(struct node *n)
{
    for (unsigned i = 0; i < 1000; i++) {
        assert_int_equal(core_commit(n->core, n->cluster->now_ms), OK);
        if (core_deadline(n->core) > n->cluster->now_ms && part_waiting(core_part(n->core)) == 0) {
            return;
        }
    }
    fail_msg("%s never comes to rest", n->region);
}

static inline enum err node_cmd(struct node *n, struct part_cmd *cmd)
{
    cmd->arena = &n->cluster->mem;
    part_submit(core_part(n->core), cmd);
    node_run(n);
    assert_ptr_equal(core_take_done(n->core), cmd);
    assert_null(core_take_done(n->core));
    return cmd->err;
}

static inline enum err node_admin(struct node *n, struct core_admin *call)
{
    call->core = n->core;
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = core_admin_run, .arg = call}};
    return node_cmd(n, &cmd);
}

static inline enum err node_member(struct node *n, const struct node *other)
{
    struct core_member m = {
        .region = node_region(other),
        .id = other->id,
        .http_address = BYTES_LIT("127.0.0.1:8000"),
        .link_address = BYTES_LIT("127.0.0.1:9000"),
    };
    struct core_admin call = {.kind = CORE_ADMIN_PUT_MEMBER, .member = &m};
    return node_admin(n, &call);
}

/* Regions that know of nobody. */
static inline void cluster_open(struct cluster *c, size_t n, uint64_t seed)
{
    static const char *const names[NODES_MAX] = {"us", "eu", "ap", "sa"};
    *c = (struct cluster){.n = n, .now_ms = UINT64_C(1700000000000), .prng = prng_seeded(seed)};
    arena_init(&c->mem, SIZE_MAX / 2);
    for (size_t i = 0; i < n; i++) {
        struct node *node = &c->nodes[i];
        node->cluster = c;
        node->id.v = (i + 1) * 1000 + seed % 997 + 1;
        (void)snprintf(node->region, sizeof node->region, "%s", names[i]);
        node->engine = engine_mem_new();
        node->mirror = catalog_new(node_region(node));
        node_open(node);
    }
}

static inline void cluster_start(struct cluster *c, size_t n, uint64_t seed)
{
    cluster_open(c, n, seed);
    for (size_t i = 0; i < n && n > 1; i++) {
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(node_member(&c->nodes[i], &c->nodes[k]), OK);
        }
    }
}

/* The region's disk is gone: another one begins under its name, and does not know of anybody. */
static inline void node_replace(struct node *n, uint64_t id)
{
    core_close(n->core);
    engine_close(n->engine);
    catalog_free(n->mirror);
    n->id.v = id;
    n->engine = engine_mem_new();
    n->mirror = catalog_new(node_region(n));
    for (size_t i = 0; i < NODES_MAX; i++) {
        n->sent[i].v = 0;
    }
    node_open(n);
}

static inline void cluster_stop(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        core_close(c->nodes[i].core);
        catalog_free(c->nodes[i].mirror);
        engine_close(c->nodes[i].engine);
    }
    arena_done(&c->mem);
}

/* ---- tables ---- */

static inline struct value str(const char *s)
{
    return (struct value){.type = VALUE_STRING, .bytes = bytes_str(s)};
}

static inline struct value num(int64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(v)};
}

/* (pk N, sk S), a stream of both images, and a spare attribute for indexes. */
static inline struct core_table plain_table(void)
{
    static const struct expr_key_attr attrs[] = {
        {{(const uint8_t *)"pk", 2}, VALUE_NUMBER},
        {{(const uint8_t *)"sk", 2}, VALUE_STRING},
    };
    return (struct core_table){
        .part = {.keys = {{BYTES_LIT("pk"), VALUE_NUMBER}, {BYTES_LIT("sk"), VALUE_STRING}}},
        .attrs = attrs,
        .n_attrs = 2,
        .throughput = {5, 5},
        .stream = CORE_STREAM_NEW_AND_OLD_IMAGES,
    };
}

static inline enum err node_create(
    struct node *n, const char *name, const struct core_table *t, struct core_admin *call)
{
    *call = (struct core_admin){
        .kind = CORE_ADMIN_CREATE_TABLE,
        .name = bytes_str(name),
        .table = t,
    };
    return node_admin(n, call);
}

static inline void node_create_plain(struct node *n, const char *name)
{
    struct core_table t = plain_table();
    struct core_admin call;
    assert_int_equal(node_create(n, name, &t, &call), OK);
}

static inline const struct core_table *node_table(const struct node *n, const char *name)
{
    return catalog_table(core_catalog(n->core), bytes_str(name));
}

static inline const struct core_group *node_group(const struct node *n, const char *name)
{
    return catalog_group(core_catalog(n->core), bytes_str(name));
}

/* The status of a replica as a node sees it; -1: there is none. */
static inline int node_replica(const struct node *n, const char *name, const char *region)
{
    const struct core_group *g = node_group(n, name);
    const struct core_replica *r = g == NULL ? NULL : core_group_replica(g, bytes_str(region));
    return r == NULL ? -1 : (int)r->status;
}

static inline enum err node_regions(
    struct node *n,
    enum core_admin_kind kind,
    const char *name,
    const char *r1,
    const char *r2,
    struct core_admin *call)
{
    struct bytes *regions = ARENA_ARRAY(&n->cluster->mem, struct bytes, 2);
    regions[0] = bytes_str(r1);
    regions[1] = r2 == NULL ? BYTES_NONE : bytes_str(r2);
    *call = (struct core_admin){
        .kind = kind,
        .name = bytes_str(name),
        .regions = regions,
        .n_regions = r2 == NULL ? 1 : 2,
    };
    return node_admin(n, call);
}

/* ---- items ---- */

static inline const struct value *make_item(
    struct arena *a, int64_t pk, const char *sk, const char *attr, struct value v)
{
    struct member *m = ARENA_ARRAY(a, struct member, 3);
    struct value *item = ARENA_NEW(a, struct value);
    size_t n = 0;
    m[n++] = (struct member){BYTES_LIT("pk"), num(pk)};
    m[n++] = (struct member){BYTES_LIT("sk"), str(sk)};
    if (attr != NULL) {
        m[n++] = (struct member){bytes_str(attr), v};
    }
    assert_int_equal(members_sort(m, n), OK);
    *item = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return item;
}

static inline struct bytes key_of(
    struct arena *a, const struct core_table *t, const struct value *item)
{
    struct buf b;
    struct bytes attr;
    buf_init(&b, 1 << 16);
    assert_int_equal(part_key_of(&t->part.keys, item, &b, &attr), OK);
    struct bytes key = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return key;
}

static inline enum err node_write(
    struct node *n, const char *name, enum part_op_kind kind, const struct value *item)
{
    const struct core_table *t = node_table(n, name);
    assert_non_null(t);
    struct part_op op = {
        .kind = kind,
        .table = t->part.id,
        .key = key_of(&n->cluster->mem, t, item),
        .item = kind == PART_PUT ? item : NULL,
    };
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = &op, .n = 1}};
    enum err err = node_cmd(n, &cmd);
    return err == OK ? op.err : err;
}

static inline void node_put(struct node *n, const char *name, int64_t pk, const char *note)
{
    const struct value *item = make_item(&n->cluster->mem, pk, "s", "note", str(note));
    assert_int_equal(node_write(n, name, PART_PUT, item), OK);
}

static inline void node_delete(struct node *n, const char *name, int64_t pk)
{
    const struct value *item = make_item(&n->cluster->mem, pk, "s", NULL, num(0));
    assert_int_equal(node_write(n, name, PART_DELETE, item), OK);
}

/* The note of an item, or empty when there is none. */
static inline struct bytes node_note(struct node *n, const char *name, int64_t pk)
{
    struct core_view v = {n->engine, core_catalog(n->core)};
    const struct core_table *t = node_table(n, name);
    assert_non_null(t);
    const struct value *key = make_item(&n->cluster->mem, pk, "s", NULL, num(0));
    struct value item;
    size_t bytes;
    enum err err =
        core_get(&v, t, key_of(&n->cluster->mem, t, key), NULL, &n->cluster->mem, &item, &bytes);
    if (err == ERR_NOT_FOUND) {
        assert_int_equal(bytes, 0);
        return BYTES_NONE;
    }
    assert_int_equal(err, OK);
    return value_find(&item, BYTES_LIT("note"))->bytes;
}

static inline uint64_t node_count(struct node *n, const char *name)
{
    const struct core_table *t = node_table(n, name);
    return t == NULL ? 0 : part_table_counts(core_part(n->core), t->part.id).items;
}

/* ---- replication by hand ---- */

struct shipping {
    const struct node *from;
    const struct node *to;
    struct local_pos pos;
};

static inline bool ships(void *ctx, uint64_t table)
{
    const struct shipping *s = ctx;
    return table == PART_TABLE_CATALOG ||
           catalog_ships(core_catalog(s->from->core), table, s->pos, bytes_str(s->to->region));
}

/* Carries up to `txns_max` transactions of one node's own to another. Whether anything was carried.
 */
static inline bool ship(struct node *from, struct node *to, size_t txns_max)
{
    struct part_reader reader = {.engine = from->engine};
    size_t at = (size_t)(to - to->cluster->nodes);
    struct local_pos pos = from->sent[at];
    struct part_log_cursor *cursor = part_log_open(&reader, pos);
    struct shipping shipping = {.from = from, .to = to};
    struct buf txns;
    struct buf one;
    buf_init(&txns, 1 << 28);
    buf_init(&one, 1 << 28);
    struct hlc hlc_to = {0};
    for (size_t n = 0; n < txns_max;) {
        struct bytes stored;
        struct local_pos next;
        if (part_log_next(cursor, &next, &stored) != OK) {
            break;
        }
        pos = next;
        struct change_txn peek;
        assert_int_equal(change_txn_peek(stored, &peek), OK);
        if (peek.origin.v != from->id.v || peek.origin_pos.v == 0) {
            continue;
        }
        size_t kept;
        shipping.pos = pos;
        buf_clear(&one);
        assert_int_equal(
            change_txn_filter(&one, &from->cluster->mem, stored, ships, &shipping, &kept), OK);
        hlc_to = peek.hlc;
        n++;
        if (kept > 0) {
            put_lenbytes(&txns, buf_bytes(&one));
        }
    }
    part_log_close(cursor);
    bool moved = pos.v != from->sent[at].v;
    if (moved) {
        struct part_cmd cmd = {
            .kind = PART_CMD_APPLY,
            .apply =
                {
                    .origin = from->id,
                    .from = {from->sent[at].v},
                    .to = {pos.v},
                    .hlc_to = hlc_to,
                    .txns = buf_bytes(&txns),
                },
        };
        assert_int_equal(node_cmd(to, &cmd), OK);
        from->sent[at] = pos;
    }
    buf_done(&txns);
    buf_done(&one);
    return moved;
}

struct needs {
    struct core_seed_need list[64];
    size_t n;
    struct arena *mem;
};

static inline void add_need(void *ctx, const struct core_seed_need *need)
{
    struct needs *needs = ctx;
    assert_true(needs->n < 64);
    needs->list[needs->n] = *need;
    needs->list[needs->n++].cursor = bytes_dup(needs->mem, need->cursor);
}

static inline struct needs node_needs(struct node *n)
{
    struct needs needs = {.mem = &n->cluster->mem};
    struct part_reader reader = {.engine = n->engine};
    assert_int_equal(core_seed_needs(&reader, add_need, &needs), OK);
    return needs;
}

struct progress {
    const struct core_seed_need *need;
    bool is_void;
    bool opens;
};

static inline enum err run_progress(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    const struct progress *p = arg;
    return p->is_void ? core_seed_void(s, p->need)
                      : core_seed_progress(s, p->need, /* done= */ !p->opens);
}

static inline struct node *node_by_id(struct cluster *c, struct region_id id)
{
    for (size_t i = 0; i < c->n; i++) {
        if (c->nodes[i].id.v == id.v) {
            return &c->nodes[i];
        }
    }
    return NULL;
}

/* Answers one need, if the one asked is ready to. */
static inline bool serve(struct node *n, const struct core_seed_need *need)
{
    struct cluster *c = n->cluster;
    struct node *from = node_by_id(c, need->from);
    assert_non_null(from);
    const struct catalog *theirs = core_catalog(from->core);
    if (need->table != PART_TABLE_CATALOG &&
        !catalog_serves_seed(theirs, need->table, n->id, need->whole)) {
        struct progress gone = {
            need, .is_void = !catalog_replicates_to(theirs, need->table, from->id)};
        struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &gone}};
        if (gone.is_void) {
            assert_int_equal(node_cmd(n, &cmd), OK);
        }
        return false;
    }
    struct part_reader reader = {.engine = from->engine};
    struct part_raw_cursor *cursor = part_raw_open(&reader, need->table, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw *records = ARENA_ARRAY(&c->mem, struct part_raw, 1000);
    size_t n_records = 0;
    struct part_raw raw;
    while (part_raw_next(cursor, &raw) == OK) {
        if (!need->whole && raw.version.region.v != need->from.v && !raw.expired) {
            continue;
        }
        assert_true(n_records < 1000);
        raw.position = bytes_dup(&c->mem, raw.position);
        raw.key = bytes_dup(&c->mem, raw.key);
        raw.item = bytes_dup(&c->mem, raw.item);
        records[n_records++] = raw;
    }
    part_raw_close(cursor);
    struct part_cmd cmd = {
        .kind = PART_CMD_SEED,
        .seed = {.table = need->table, .records = records, .n = n_records},
    };
    assert_int_equal(node_cmd(n, &cmd), OK);
    struct progress progress = {need};
    struct part_cmd done = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &progress}};
    assert_int_equal(node_cmd(n, &done), OK);
    return true;
}

/* Carries and serves until nothing moves any more, and time passes for what waits. */
static inline void settle(struct cluster *c)
{
    unsigned still = 0;
    for (unsigned round = 0; round < 400 && still < 30; round++) {
        bool moved = false;
        for (size_t i = 0; i < c->n; i++) {
            struct needs needs = node_needs(&c->nodes[i]);
            for (size_t k = 0; k < needs.n; k++) {
                moved = serve(&c->nodes[i], &needs.list[k]) || moved;
            }
            for (size_t k = 0; k < c->n; k++) {
                moved = (i != k && ship(&c->nodes[i], &c->nodes[k], 100)) || moved;
            }
            node_run(&c->nodes[i]);
        }
        c->now_ms += 100;
        still = moved ? 0 : still + 1;
    }
    assert_true(still >= 30);
}

static inline void check_nodes(struct cluster *c)
{
    for (size_t i = 0; i < c->n; i++) {
        assert_int_equal(part_check(core_part(c->nodes[i].core)), OK);
    }
}
