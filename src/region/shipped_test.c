#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "region/inside.h"

#include <cmocka.h>

#define NOW_MS UINT64_C(1700000000000)

static const struct bytes table_name = {(const uint8_t *)"flights", 7};

/* A region's writer with its store. */
struct node {
    const char *name;
    struct region_id id;
    struct engine *engine;
    struct core *core;
    struct arena mem;
};

static void node_open(struct node *n, const char *name, uint64_t id)
{
    *n = (struct node){.name = name, .id = {id}, .engine = engine_mem_new()};
    arena_init(&n->mem, SIZE_MAX / 2);
    const struct core_config config = {
        .part =
            {
                .region = n->id,
                .engine = n->engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 1000,
            },
        .region = bytes_str(name),
        .seed = id,
    };
    assert_int_equal(core_open(&config, NOW_MS, &n->core), OK);
}

static void node_close(struct node *n)
{
    core_close(n->core);
    engine_close(n->engine);
    arena_done(&n->mem);
}

static void run(struct node *n, struct part_cmd *cmd)
{
    cmd->arena = &n->mem;
    part_submit(core_part(n->core), cmd);
    while (core_take_done(n->core) != cmd) {
        assert_int_equal(core_commit(n->core, NOW_MS), OK);
    }
    assert_int_equal(cmd->err, OK);
}

static void admin(struct node *n, struct core_admin *call)
{
    call->core = n->core;
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = core_admin_run, .arg = call}};
    run(n, &cmd);
}

static void put_member(struct node *n, const struct node *other)
{
    const struct core_member m = {
        .region = bytes_str(other->name),
        .id = other->id,
        .link_address = BYTES_LIT("127.0.0.1:9000"),
    };
    struct core_admin call = {.kind = CORE_ADMIN_PUT_MEMBER, .member = &m};
    admin(n, &call);
}

static void create_table(struct node *n, struct bytes name)
{
    static const struct expr_key_attr pk = {{(const uint8_t *)"pk", 2}, VALUE_NUMBER};
    const struct core_table t = {
        .part = {.keys = {.hash = pk}},
        .attrs = &pk,
        .n_attrs = 1,
        .on_demand = true,
        .stream = CORE_STREAM_NEW_AND_OLD_IMAGES,
        .extra = {.type = VALUE_MAP},
    };
    struct core_admin call = {.kind = CORE_ADMIN_CREATE_TABLE, .name = name, .table = &t};
    admin(n, &call);
}

static void put(struct node *n, struct bytes table, int64_t pk, struct bytes note)
{
    const struct core_table *t = catalog_table(core_catalog(n->core), table);
    struct member m[] = {
        {BYTES_LIT("note"), {.type = VALUE_STRING, .bytes = note}},
        {BYTES_LIT("pk"), {.type = VALUE_NUMBER, .number = decimal_of_i64(pk)}},
    };
    const struct value item = {.type = VALUE_MAP, .map = {m, 2}};
    struct buf key;
    struct bytes attr;
    buf_init(&key, 4096);
    assert_int_equal(part_key_of(&t->part.keys, &item, &key, &attr), OK);
    struct part_op op = {
        .kind = PART_PUT, .table = t->part.id, .key = buf_bytes(&key), .item = &item};
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = &op, .n = 1}};
    run(n, &cmd);
    assert_int_equal(op.err, OK);
    buf_done(&key);
}

/* All of one's log to another. Returns where the other's log then ended. */
static struct local_pos carry(struct node *from, struct node *to)
{
    const struct part_reader reader = {.engine = from->engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){0});
    struct buf txns;
    struct local_pos pos;
    struct bytes stored;
    struct bytes wire;
    buf_init(&txns, SIZE_MAX / 2);
    while (part_log_next(c, &pos, &stored) == OK) {
        assert_int_equal(change_txn_wire(stored, &wire), OK);
        put_lenbytes(&txns, wire);
    }
    part_log_close(c);
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply = {
            .origin = from->id,
            .to = {part_tail(core_part(from->core)).v},
            .txns = buf_bytes(&txns),
        }};
    run(to, &cmd);
    buf_done(&txns);
    return cmd.apply.tail;
}

static bool never_submit(void *ctx, struct part_cmd *cmd)
{
    (void)ctx;
    (void)cmd;
    return false;
}

static void never_dial(void *ctx, uint64_t link, struct bytes region, struct bytes address)
{
    (void)ctx;
    (void)link;
    (void)region;
    (void)address;
}

static void send_away(void *ctx, uint64_t link, struct bytes frame)
{
    (void)ctx;
    (void)link;
    (void)frame;
}

/* The links' side of a region, which knows what the catalog holds. */
static struct region *region_of(struct node *n)
{
    const struct region_config config = {
        .name = bytes_str(n->name),
        .id = n->id,
        .secret = BYTES_LIT("secret"),
        .engine = n->engine,
        .knobs = region_knobs_default(),
        .ops = {.dial = never_dial, .submit = never_submit, .send = send_away},
    };
    struct region *r;
    assert_int_equal(region_new(&config, /* now_ms= */ 1000, &r), OK);
    const struct part_reader reader = {.engine = n->engine};
    const struct part_table *t = part_find_table(core_part(n->core), PART_TABLE_CATALOG);
    const struct part_range all = {.hash_hi = UINT32_MAX};
    struct part_cursor *c;
    struct value item;
    size_t bytes;
    assert_int_equal(part_cursor_open(&reader, t, &all, &c), OK);
    while (part_cursor_next(c, &n->mem, &item, &bytes) == OK) {
        struct member m[] = {
            {t->keys.hash.name, *value_find(&item, t->keys.hash.name)},
            {t->keys.range.name, *value_find(&item, t->keys.range.name)},
        };
        const struct value key = {.type = VALUE_MAP, .map = {m, 2}};
        region_catalog_row(r, &key, &item, 1000);
    }
    part_cursor_close(c);
    return r;
}

/* Region us, with a table in a 2017 group together with eu. */
static void start(struct node *us)
{
    struct node eu;
    node_open(us, "us", 1001);
    node_open(&eu, "eu", 2001);
    put_member(us, us);
    put_member(us, &eu);
    create_table(us, table_name);
    create_table(&eu, table_name);
    (void)carry(&eu, us);
    const struct bytes regions[] = {BYTES_LIT("us"), BYTES_LIT("eu")};
    struct core_admin call = {
        .kind = CORE_ADMIN_CREATE_GROUP,
        .name = table_name,
        .regions = regions,
        .n_regions = 2,
        .extra = {.type = VALUE_MAP},
    };
    admin(us, &call);
    node_close(&eu);
}

static void acknowledge(struct region *r, struct link *l, uint64_t pos)
{
    const struct repl_mark mark = {.region = r->config.id, .pos = {pos}};
    const struct repl_frame f = {.type = REPL_MARKS, .marks = {.marks = &mark, .n = 1}};
    feed_marks(r, l, &f);
}

/* A peer acknowledges what we sent and never says when it arrived: what was remembered for that is
 * forgotten with the acknowledgement, and no more than it covers. */
static void test_silent_peer(void **state)
{
    (void)state;
    struct node us;
    start(&us);
    struct region *r = region_of(&us);
    struct link l = {.peer = r->peers};
    for (uint64_t pos = 1; pos <= 100; pos++) {
        struct shipped s = {0};
        shipped_note(&s, 2000, pos);
        shipped_add(&l, &s, (struct peer_pos){pos});
    }
    acknowledge(r, &l, 98);
    assert_non_null(l.shipped);
    assert_int_equal(l.shipped->to.v, 99);
    acknowledge(r, &l, 100);
    assert_null(l.shipped);
    region_free(r);
    node_close(&us);
}

struct taken {
    uint64_t n;
    unsigned times;
};

static void take_pending(void *ctx, struct bytes table, struct bytes peer, uint64_t n)
{
    struct taken *t = ctx;
    assert_true(bytes_eq(table, table_name));
    assert_true(bytes_eq_str(peer, "eu"));
    t->n = n;
    t->times++;
}

/* A long outage leaves much log behind a peer. What has not arrived is counted in the beginning of
 * it, however large its records are, and concluded for the rest: here the rest is another table's,
 * so that the count tells how far was read. */
static void test_pending_reads_little(void **state)
{
    (void)state;
    enum { BIG = 60, SMALL = 60, NOTE = 390 * 1000 };
    struct node us;
    start(&us);
    const struct bytes alone = BYTES_LIT("alone");
    create_table(&us, alone);
    struct region *r = region_of(&us);
    const struct peer_pos before = {part_tail(core_part(us.core)).v};
    uint8_t *note = malloc(NOTE);
    assert_non_null(note);
    memset(note, 'n', NOTE);
    for (int64_t i = 0; i < BIG; i++) {
        put(&us, table_name, i, bytes_of(note, NOTE));
    }
    free(note);
    for (int64_t i = 0; i < SMALL; i++) {
        put(&us, alone, i, BYTES_LIT("x"));
    }
    (void)repl_vector_raise(&r->peers->marks, (struct repl_mark){.region = us.id, .pos = before});
    region_committed(r, part_tail(core_part(us.core)), 1000);
    struct taken taken = {0};
    region_pending(r, take_pending, &taken);
    assert_int_equal(taken.times, 1);
    uint64_t behind = part_tail(core_part(us.core)).v - before.v;
    assert_true(behind >= BIG + SMALL);
    assert_int_equal(taken.n, behind);
    region_free(r);
    node_close(&us);
}

/* A relay hears that a stretch of another's log is applied before it hears how long its own log has
 * become. A frame that goes out just then vouches for nothing that it does not hold. */
static void test_relay_sends_what_it_vouches_for(void **state)
{
    (void)state;
    struct node us;
    struct node eu;
    node_open(&us, "us", 1001);
    node_open(&eu, "eu", 2001);
    put_member(&us, &us);
    put_member(&us, &eu);
    create_table(&eu, BYTES_LIT("first"));
    struct local_pos ours = carry(&eu, &us);
    struct peer_pos theirs = {part_tail(core_part(eu.core)).v};
    struct region *r = region_of(&us);
    region_committed(r, ours, 1000);
    (void)repl_vector_raise(&r->marks, (struct repl_mark){.region = eu.id, .pos = theirs});
    struct repl_sender s = {0};
    struct peer ap = {.name = "ap", .id = {3001}};
    struct link l = {.ready = true, .peer = &ap, .senders = {&s}, .n_senders = 1};
    repl_sender_start(&s, eu.id, ours, theirs);
    create_table(&eu, BYTES_LIT("second"));
    struct errand e = {
        .origin = eu.id,
        .mark_to = {part_tail(core_part(eu.core)).v},
        .cmd = {.kind = PART_CMD_APPLY, .apply = {.tail = carry(&eu, &us)}},
    };
    intake_of(r, eu.id)->applying = 1;
    intake_applied(r, &e, 1000, NOW_MS);
    l.heartbeat_due = true;
    feed_pump(r, &l);
    region_committed(r, part_tail(core_part(us.core)), 1000);
    feed_pump(r, &l);
    assert_int_equal(s.sent.v, e.mark_to.v);
    assert_int_equal(s.txns_total, e.mark_to.v - theirs.v);
    region_free(r);
    node_close(&us);
    node_close(&eu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_pending_reads_little),
        cmocka_unit_test(test_relay_sends_what_it_vouches_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
