#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

static const struct value *thing(struct region *r, const char *pk, int64_t sk, const char *note)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(sk), "note", str(note));
}

static const struct value *thing_key(struct region *r, const char *pk, int64_t sk)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(sk), NULL, num(0));
}

static void check_note(struct region *r, const char *pk, int64_t sk, const char *note)
{
    struct value v;
    assert_int_equal(get_item(r, TABLE, thing_key(r, pk, sk), &v), OK);
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("note"))->bytes, note));
}

/* What was put is read, what was deleted is not, and a delete of nothing writes nothing. */
static void test_put_get_delete(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, "a", 1, "one")), OK);
    check_note(&r, "a", 1, "one");
    assert_int_equal(part_tail(r.part).v, 1);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, "a", 2)), OK);
    assert_int_equal(part_tail(r.part).v, 1);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, "a", 1)), OK);
    assert_int_equal(part_tail(r.part).v, 2);
    struct value v;
    assert_int_equal(get_item(&r, TABLE, thing_key(&r, "a", 1), &v), ERR_NOT_FOUND);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

static const struct expr_cond *condition(struct region *r, const char *text)
{
    struct expr_env env = {0};
    const struct expr_cond *c = NULL;
    struct bytes msg = BYTES_NONE;
    enum err e = expr_cond_parse(&r->arena, EXPR_CONDITION, bytes_str(text), &env, &c, &msg);
    assert_int_equal(e, OK);
    return c;
}

static const struct expr_update *update(struct region *r, const char *text, const struct value *v)
{
    struct expr_value *values = ARENA_NEW(&r->arena, struct expr_value);
    *values = (struct expr_value){.placeholder = BYTES_LIT(":v"), .value = *v};
    struct expr_env env = {.values = values, .n_values = 1, .has_values = true};
    const struct expr_update *u = NULL;
    struct bytes msg = BYTES_NONE;
    enum err e = expr_update_parse(&r->arena, bytes_str(text), &env, &u, &msg);
    assert_int_equal(e, OK);
    return u;
}

static struct part_op op_on(struct region *r, enum part_op_kind kind, const struct value *item)
{
    return (struct part_op){
        .kind = kind,
        .table = TABLE,
        .key = key_in(&r->arena, part_find_table(r->part, TABLE), item),
        .key_attrs = item,
        .item = item,
        .want_old = true,
        .want_new = true,
    };
}

/* A condition that does not hold refuses the write, shows the item, and leaves no trace; one that
 * holds lets it through. */
static void test_condition(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op op = op_on(&r, PART_PUT, thing(&r, "a", 1, "one"));
    op.condition = condition(&r, "attribute_not_exists(pk)");
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_null(op.old);
    assert_int_equal(run_one(&r, &op, NULL), ERR_CONDITION);
    assert_int_equal(op.fault, PART_FAULT_CONDITION);
    assert_non_null(op.old);
    assert_int_equal(part_tail(r.part).v, 1);
    op.condition = condition(&r, "attribute_exists(pk)");
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(part_tail(r.part).v, 2);
    region_stop(&r);
}

/* An update builds on the item or on its key, answers with both images, and an update that only
 * removes creates nothing. */
static void test_update(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct value v = str("new");
    struct part_op op = op_on(&r, PART_UPDATE, thing_key(&r, "a", 1));
    op.update = update(&r, "REMOVE note", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(part_tail(r.part).v, 0);
    assert_null(op.now);
    op.update = NULL;
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.now->map.n, 2);
    op.update = update(&r, "SET note = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.old->map.n, 2);
    assert_int_equal(op.now->map.n, 3);
    assert_int_equal(op.new_bytes, item_size(op.now));
    check_note(&r, "a", 1, "new");
    op.update = update(&r, "SET extra = absent", &v);
    assert_int_equal(run_one(&r, &op, NULL), ERR_INVALID);
    assert_int_equal(op.fault, PART_FAULT_UPDATE);
    assert_true(op.msg.len > 0);
    /* Writing what is there already is a write all the same: it gets a newer version. */
    uint64_t tail = part_tail(r.part).v;
    op.update = update(&r, "SET note = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(part_tail(r.part).v, tail + 1);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* All or none: one failing operation undoes the others, each is told its own fate, and later
 * commands of the batch see none of it. */
static void test_atomic(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, "a", 1, "old")), OK);
    struct part_op ops[3] = {
        op_on(&r, PART_PUT, thing(&r, "a", 1, "changed")),
        op_on(&r, PART_CHECK, thing_key(&r, "b", 2)),
        op_on(&r, PART_DELETE, thing_key(&r, "a", 1)),
    };
    ops[1].condition = condition(&r, "attribute_exists(pk)");
    struct part_cmd cmd = {
        .kind = PART_CMD_WRITE,
        .arena = &r.arena,
        .write = {.ops = ops, .n = 3, .atomic = true},
    };
    struct part_op after = op_on(&r, PART_CHECK, thing_key(&r, "a", 1));
    struct part_cmd second = {
        .kind = PART_CMD_WRITE,
        .arena = &r.arena,
        .write = {.ops = &after, .n = 1},
    };
    part_submit(r.part, &cmd);
    part_submit(r.part, &second);
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &cmd);
    assert_ptr_equal(part_take_done(r.part), &second);
    assert_null(part_take_done(r.part));
    assert_int_equal(cmd.err, ERR_CANCELLED);
    assert_int_equal(ops[0].err, OK);
    assert_int_equal(ops[1].err, ERR_CONDITION);
    assert_true(bytes_eq_str(value_find(after.old, BYTES_LIT("note"))->bytes, "old"));
    assert_int_equal(part_tail(r.part).v, 1);
    check_note(&r, "a", 1, "old");
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* Commands of one batch see each other's effects in order, and each has its own version and
 * position. */
static void test_batch_order(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    enum { N = 50 };
    struct part_op ops[N];
    struct part_cmd cmds[N];
    struct value one = num(1);
    for (int i = 0; i < N; i++) {
        ops[i] = op_on(&r, PART_UPDATE, thing_key(&r, "a", 1));
        ops[i].update = update(&r, "ADD n :v", &one);
        cmds[i] = (struct part_cmd){
            .kind = PART_CMD_WRITE,
            .arena = &r.arena,
            .write = {.ops = &ops[i], .n = 1},
        };
        part_submit(r.part, &cmds[i]);
    }
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    for (int i = 0; i < N; i++) {
        const struct value expect = num(i + 1);
        assert_ptr_equal(part_take_done(r.part), &cmds[i]);
        assert_int_equal(ops[i].err, OK);
        assert_true(value_eq(value_find(ops[i].now, BYTES_LIT("n")), &expect));
        assert_int_equal(cmds[i].write.pos.v, i + 1);
        assert_true(i == 0 || version_cmp(cmds[i].write.version, cmds[i - 1].write.version) > 0);
    }
    assert_int_equal(part_table_counts(r.part, TABLE).items, 1);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* What may not stand is refused by name: no table, too big, too deep, an index key of the wrong
 * type, empty, or too long. */
static void test_faults(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op op = op_on(&r, PART_PUT, thing(&r, "a", 1, "x"));
    op.table = TABLE + 9;
    assert_int_equal(run_one(&r, &op, NULL), ERR_NOT_FOUND);
    assert_int_equal(op.fault, PART_FAULT_NO_TABLE);

    size_t big_len = DOC_ITEM_BYTES_MAX;
    char *big = calloc(1, big_len + 1);
    memset(big, 'x', big_len);
    op = op_on(&r, PART_PUT, thing(&r, "a", 1, big));
    assert_int_equal(run_one(&r, &op, NULL), ERR_TOO_BIG);
    assert_int_equal(op.fault, PART_FAULT_ITEM_SIZE);

    op = op_on(&r, PART_PUT, item_of(&r.arena, "pk", str("a"), "sk", num(1), "gi", num(5)));
    assert_int_equal(run_one(&r, &op, NULL), ERR_INVALID);
    assert_int_equal(op.fault, PART_FAULT_INDEX_KEY);
    assert_true(bytes_eq_str(op.fault_attr, "gi"));
    assert_true(bytes_eq_str(op.fault_index, "by-gi"));
    assert_int_equal(op.fault_value.type, VALUE_NUMBER);
    op = op_on(&r, PART_PUT, item_of(&r.arena, "pk", str("a"), "sk", num(1), "at", str("")));
    assert_int_equal(run_one(&r, &op, NULL), ERR_INVALID);
    assert_int_equal(op.fault, PART_FAULT_INDEX_KEY);
    big[DOC_RANGE_KEY_BYTES_MAX + 1] = '\0';
    op = op_on(&r, PART_PUT, item_of(&r.arena, "pk", str("a"), "sk", num(1), "at", str(big)));
    assert_int_equal(run_one(&r, &op, NULL), ERR_INVALID);
    assert_int_equal(op.fault, PART_FAULT_INDEX_LENGTH);
    free(big);

    struct value deep = num(1);
    for (int i = 0; i < DOC_DEPTH_MAX; i++) {
        struct value *inner = ARENA_NEW(&r.arena, struct value);
        *inner = deep;
        deep = (struct value){.type = VALUE_LIST, .list = {.items = inner, .n = 1}};
    }
    op = op_on(&r, PART_UPDATE, thing_key(&r, "a", 1));
    op.update = update(&r, "SET deep = :v", &deep);
    assert_int_equal(run_one(&r, &op, NULL), ERR_INVALID);
    assert_int_equal(op.fault, PART_FAULT_UPDATE);
    assert_int_equal(part_tail(r.part).v, 0);
    region_stop(&r);
}

static size_t count_index(struct region *r, size_t index)
{
    const struct part_reader reader = {.engine = r->engine};
    const struct part_table *t = part_find_table(r->part, TABLE);
    const struct part_range all = {.index = &t->indexes[index], .hash_hi = UINT32_MAX};
    struct part_cursor *c;
    assert_int_equal(part_cursor_open(&reader, t, &all, &c), OK);
    size_t n = 0;
    struct value v;
    size_t bytes;
    while (part_cursor_next(c, &r->arena, &v, &bytes) == OK) {
        n++;
    }
    part_cursor_close(c);
    return n;
}

/* Index rows follow their item: they appear with the key attribute, cost two writes when it
 * changes, one when only the projection does, none when nothing of theirs does, and go with it. */
static void test_index_units(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op op = op_on(&r, PART_PUT, thing(&r, "a", 1, "x"));
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 0);
    assert_int_equal(count_index(&r, 0), 0);
    struct value v = str("red");
    op = op_on(&r, PART_UPDATE, thing_key(&r, "a", 1));
    op.update = update(&r, "SET gi = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 1);
    assert_int_equal(count_index(&r, 0), 1);
    v = str("blue");
    op.update = update(&r, "SET gi = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 2);
    op.update = update(&r, "SET note = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 1);
    op.update = update(&r, "SET unprojected = :v", &v);
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 0);
    assert_int_equal(part_check(r.part), OK);
    op = op_on(&r, PART_DELETE, thing_key(&r, "a", 1));
    assert_int_equal(run_one(&r, &op, NULL), OK);
    assert_int_equal(op.index_units[0], 1);
    assert_int_equal(count_index(&r, 0), 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* The log tells of each change what stood there before, with its image where the table keeps them.
 */
static void test_log_images(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, "a", 1, "one")), OK);
    assert_int_equal(put_item(&r, TABLE, thing(&r, "a", 1, "two")), OK);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, "a", 1)), OK);
    const struct part_reader reader = {.engine = r.engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){1});
    struct local_pos pos;
    struct bytes stored;
    struct change_txn t;
    struct value old;
    assert_int_equal(part_log_next(c, &pos, &stored), OK);
    assert_int_equal(pos.v, 2);
    assert_int_equal(change_txn_decode(&r.arena, stored, false, &t), OK);
    assert_int_equal(t.origin_pos.v, 2);
    assert_true(t.changes[0].old_live);
    assert_int_equal(value_decode(&r.arena, t.changes[0].old_item, &old), OK);
    assert_true(bytes_eq_str(value_find(&old, BYTES_LIT("note"))->bytes, "one"));
    assert_int_equal(part_log_next(c, &pos, &stored), OK);
    assert_int_equal(change_txn_decode(&r.arena, stored, false, &t), OK);
    assert_int_equal(t.changes[0].kind, CHANGE_DELETE);
    assert_int_equal(value_decode(&r.arena, t.changes[0].old_item, &old), OK);
    assert_true(bytes_eq_str(value_find(&old, BYTES_LIT("note"))->bytes, "two"));
    assert_int_equal(part_log_next(c, &pos, &stored), ERR_NOT_FOUND);
    part_log_close(c);
    region_stop(&r);
}

/* In a table with a stream the log tells a put that changed nothing from one that did, also when it
 * keeps no old images; in one without, nothing is claimed. */
static void test_log_same(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int streamed = 0; streamed < 2; streamed++) {
        struct part_table t = {
            .id = TABLE + 1,
            .name = BYTES_LIT("plain"),
            .keys = {{BYTES_LIT("pk"), VALUE_STRING}, {BYTES_LIT("sk"), VALUE_NUMBER}},
            .streamed = streamed,
        };
        part_set_table(r.part, &t);
        struct local_pos before = part_tail(r.part);
        const char *const notes[] = {"one", "one", "two"};
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(put_item(&r, TABLE + 1, thing(&r, "a", streamed, notes[i])), OK);
        }
        const struct part_reader reader = {.engine = r.engine};
        struct part_log_cursor *c = part_log_open(&reader, before);
        for (size_t i = 0; i < 3; i++) {
            struct local_pos pos;
            struct bytes stored;
            struct change_txn got;
            assert_int_equal(part_log_next(c, &pos, &stored), OK);
            assert_int_equal(change_txn_decode(&r.arena, stored, false, &got), OK);
            assert_int_equal(got.changes[0].same, streamed && i == 1);
            assert_int_equal(got.changes[0].old_item.len, 0);
        }
        part_log_close(c);
    }
    region_stop(&r);
}

struct noted {
    struct buf names;
    size_t left;
};

static bool note_name(void *ctx, struct bytes name, struct bytes value)
{
    struct noted *n = ctx;
    assert_true(bytes_eq_str(value, "v"));
    buf_put_bytes(&n->names, name);
    n->left--;
    return n->left > 0;
}

static enum err put_notes(void *arg, struct part_stage *s, struct arena *a)
{
    (void)arg;
    (void)a;
    const char *const names[] = {"b/2;", "a/9;", "b/1;", "b/3;", "b0;"};
    for (size_t i = 0; i < 5; i++) {
        part_stage_note(s, bytes_str(names[i]), BYTES_LIT("v"));
    }
    return OK;
}

/* Notes under one prefix come in the order of their names, from behind a given one, until the
 * caller has enough. */
static void test_notes(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .arena = &r.arena};
    cmd.call.run = put_notes;
    part_submit(r.part, &cmd);
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &cmd);
    const struct part_reader reader = {.engine = r.engine};
    struct noted all = {.left = 10};
    struct noted one = {.left = 1};
    buf_init(&all.names, 64);
    buf_init(&one.names, 64);
    assert_int_equal(part_notes(&reader, BYTES_LIT("b/"), BYTES_NONE, note_name, &all), OK);
    assert_true(bytes_eq_str(buf_bytes(&all.names), "b/1;b/2;b/3;"));
    assert_int_equal(part_notes(&reader, BYTES_LIT("b/"), BYTES_LIT("b/1;"), note_name, &one), OK);
    assert_true(bytes_eq_str(buf_bytes(&one.names), "b/2;"));
    buf_done(&all.names);
    buf_done(&one.names);
    region_stop(&r);
}

/* Keys go to bytes and back, and what cannot be a key is refused with its attribute's name. */
static void test_keys(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    const struct part_table *t = part_find_table(r.part, TABLE);
    const struct value *key = thing_key(&r, "a", -5);
    struct value back;
    assert_int_equal(part_key_attrs(&r.arena, &t->keys, key_in(&r.arena, t, key), &back), OK);
    assert_true(value_eq(&back, key));
    struct buf b;
    struct bytes attr;
    buf_init(&b, 10000);
    const struct value *bad = item_of(&r.arena, "pk", str(""), "sk", num(1), NULL, num(0));
    assert_int_equal(part_key_of(&t->keys, bad, &b, &attr), ERR_LIMIT);
    assert_true(bytes_eq_str(attr, "pk"));
    bad = item_of(&r.arena, "pk", str("a"), "sk", str("1"), NULL, num(0));
    assert_int_equal(part_key_of(&t->keys, bad, &b, &attr), ERR_INVALID);
    assert_true(bytes_eq_str(attr, "sk"));
    assert_int_equal(b.len, 0);
    assert_int_equal(part_key_attrs(&r.arena, &t->keys, BYTES_LIT("nonsense"), &back), ERR_CORRUPT);
    buf_done(&b);
    region_stop(&r);
}

/* The writer sets a table's stamp in what is put here, whatever the client says under its names; a
 * later put has a later time. */
static void test_stamp(void **state)
{
    (void)state;
    static const struct part_stamp stamp = {
        .time = {(const uint8_t *)"time", 4},
        .region = {(const uint8_t *)"where", 5},
        .deleting = {(const uint8_t *)"going", 5},
        .region_name = {(const uint8_t *)"here", 4},
    };
    struct region r;
    region_start(&r, 7);
    struct part_table t = *part_find_table(r.part, TABLE);
    t.stamp = &stamp;
    part_set_table(r.part, &t);
    const struct value *item = item_of(&r.arena, "pk", str("a"), "sk", num(1), "where", num(5));
    struct value first;
    struct value second;
    assert_int_equal(put_item(&r, TABLE, item), OK);
    assert_int_equal(get_item(&r, TABLE, item, &first), OK);
    assert_int_equal(first.map.n, 5);
    const struct value here = str("here");
    assert_true(value_eq(value_find(&first, BYTES_LIT("where")), &here));
    assert_int_equal(value_find(&first, BYTES_LIT("going"))->type, VALUE_BOOL);
    assert_int_equal(put_item(&r, TABLE, item), OK);
    assert_int_equal(get_item(&r, TABLE, item, &second), OK);
    const struct value *time = value_find(&first, BYTES_LIT("time"));
    assert_true(value_cmp(time, value_find(&second, BYTES_LIT("time"))) < 0);
    const struct value now = num(NOW);
    assert_true(value_cmp(&now, time) <= 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

static uint64_t put_in(struct region *r, const struct value *item, enum err expect)
{
    const struct part_table *t = part_find_table(r->part, TABLE);
    struct part_op op = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&r->arena, t, item),
        .item = item,
    };
    assert_int_equal(run_one(r, &op, NULL), expect);
    assert_int_equal(op.fault, expect == OK ? PART_FAULT_NONE : PART_FAULT_COLLECTION);
    return op.collection_bytes;
}

static void forget_sums(struct region *r)
{
    struct engine_batch *b = engine_batch_new(r->engine);
    engine_batch_delete_range(b, BYTES_LIT("g"), BYTES_LIT("h"));
    engine_batch_delete_range(b, BYTES_LIT("x"), BYTES_LIT("y"));
    assert_int_equal(engine_write(r->engine, b, /* sync= */ true), OK);
    engine_batch_free(b);
}

/* A collection is the items of one partition key and their rows in local indexes; what would make
 * it too large is refused, what makes it smaller is not; its size survives a crash and is made up
 * for a store that was written without it. */
static void test_collections(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    const struct value *plain = item_of(&r.arena, "pk", str("a"), "sk", num(1), "v", str("1234"));
    const struct value *ranged = item_of(&r.arena, "pk", str("a"), "sk", num(2), "at", str("now"));
    const struct value *other = item_of(&r.arena, "pk", str("b"), "sk", num(1), NULL, num(0));
    uint64_t bytes = item_size(plain);
    assert_int_equal(put_in(&r, plain, OK), bytes);
    bytes += 2 * item_size(ranged);
    assert_int_equal(put_in(&r, ranged, OK), bytes);
    assert_int_equal(put_in(&r, other, OK), item_size(other));
    part_close(r.part);
    r.config.collection_bytes_max = bytes + 4;
    region_open(&r);
    set_test_table(&r, true);
    const struct value *larger = item_of(&r.arena, "pk", str("a"), "sk", num(3), "v", str(""));
    assert_int_equal(put_in(&r, larger, ERR_LIMIT), bytes);
    larger = item_of(&r.arena, "pk", str("a"), "sk", num(2), "at", str("now!!"));
    assert_int_equal(put_in(&r, larger, OK), bytes + 4);
    larger = item_of(&r.arena, "pk", str("a"), "sk", num(2), "at", str("now!!!"));
    assert_int_equal(put_in(&r, larger, ERR_LIMIT), bytes + 4);
    assert_int_equal(put_in(&r, ranged, OK), bytes);
    assert_int_equal(part_check(r.part), OK);
    forget_sums(&r);
    region_crash(&r);
    assert_int_equal(part_check(r.part), OK);
    assert_int_equal(put_in(&r, ranged, OK), bytes);
    assert_int_equal(delete_item(&r, TABLE, ranged), OK);
    assert_int_equal(delete_item(&r, TABLE, plain), OK);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_delete),
        cmocka_unit_test(test_condition),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_atomic),
        cmocka_unit_test(test_batch_order),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_index_units),
        cmocka_unit_test(test_log_images),
        cmocka_unit_test(test_log_same),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_collections),
        cmocka_unit_test(test_stamp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
