/* Tokens: an atomic write that is asked for again happens once. */
#include "part/test_util.h"

static const struct value *thing_key(struct region *r, const char *pk)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(1), NULL, num(0));
}

static struct part_op add_one(struct region *r, const char *pk)
{
    struct expr_value *one = ARENA_NEW(&r->arena, struct expr_value);
    *one = (struct expr_value){.placeholder = BYTES_LIT(":v"), .value = num(1)};
    struct expr_env env = {.values = one, .n_values = 1, .has_values = true};
    struct bytes msg = BYTES_NONE;
    const struct value *key = thing_key(r, pk);
    struct part_op op = {
        .kind = PART_UPDATE,
        .table = TABLE,
        .key = key_in(&r->arena, part_find_table(r->part, TABLE), key),
        .key_attrs = key,
    };
    enum err e = expr_update_parse(&r->arena, BYTES_LIT("ADD n :v"), &env, &op.update, &msg);
    assert_int_equal(e, OK);
    return op;
}

/* Adds one under a token; the command's error. */
static enum err add_once(
    struct region *r, const char *pk, const char *token, uint64_t request, bool *ret_repeated)
{
    struct part_op op = add_one(r, pk);
    struct part_token t = {.name = bytes_str(token), .request = {request, 7}};
    struct part_cmd cmd = {
        .kind = PART_CMD_WRITE, .write = {.ops = &op, .n = 1, .atomic = true, .token = &t}};
    enum err e = commit_one(r, &cmd);
    *ret_repeated = t.repeated;
    if (t.repeated) {
        assert_int_equal(cmd.write.pos.v, 0);
        assert_true(op.old_bytes > 0);
    }
    return e;
}

static void check_sum(struct region *r, const char *pk, int64_t sum)
{
    struct value v;
    int64_t n = 0;
    assert_int_equal(get_item(r, TABLE, thing_key(r, pk), &v), OK);
    assert_int_equal(decimal_to_i64(&value_find(&v, BYTES_LIT("n"))->number, &n), OK);
    assert_int_equal(n, sum);
}

/* The same again does nothing and says so, also after a power cut; another request under the name
 * is refused; another name is another write. */
static void test_repeats(void **state)
{
    (void)state;
    struct region r;
    bool repeated;
    region_start(&r, 7);
    assert_int_equal(add_once(&r, "a", "t1", 1, &repeated), OK);
    assert_false(repeated);
    assert_int_equal(add_once(&r, "a", "t1", 1, &repeated), OK);
    assert_true(repeated);
    assert_int_equal(add_once(&r, "a", "t1", 2, &repeated), ERR_EXISTS);
    check_sum(&r, "a", 1);
    region_crash(&r);
    assert_int_equal(add_once(&r, "a", "t1", 1, &repeated), OK);
    assert_true(repeated);
    assert_int_equal(add_once(&r, "a", "t2", 1, &repeated), OK);
    assert_false(repeated);
    check_sum(&r, "a", 2);
    assert_int_equal(part_tail(r.part).v, 2);
    region_stop(&r);
}

/* Two of one name in one batch: the second sees the first. */
static void test_in_one_batch(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op ops[2] = {add_one(&r, "a"), add_one(&r, "a")};
    struct part_token tokens[2] = {{.name = BYTES_LIT("t")}, {.name = BYTES_LIT("t")}};
    struct part_cmd cmds[2];
    for (int i = 0; i < 2; i++) {
        cmds[i] = (struct part_cmd){
            .kind = PART_CMD_WRITE,
            .arena = &r.arena,
            .write = {.ops = &ops[i], .n = 1, .atomic = true, .token = &tokens[i]}};
        part_submit(r.part, &cmds[i]);
    }
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_int_equal(cmds[0].err, OK);
    assert_int_equal(cmds[1].err, OK);
    assert_false(tokens[0].repeated);
    assert_true(tokens[1].repeated);
    check_sum(&r, "a", 1);
    region_stop(&r);
}

/* A write that failed leaves no token: asked for again it is judged anew. */
static void test_failures_are_not_kept(void **state)
{
    (void)state;
    struct region r;
    bool repeated;
    region_start(&r, 7);
    struct part_op ops[2] = {add_one(&r, "a"), {.kind = PART_CHECK, .table = TABLE}};
    struct part_token t = {.name = BYTES_LIT("t")};
    struct expr_env env = {0};
    struct bytes msg = BYTES_NONE;
    ops[1].key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, "b"));
    assert_int_equal(
        expr_cond_parse(
            &r.arena,
            EXPR_CONDITION,
            BYTES_LIT("attribute_exists(pk)"),
            &env,
            &ops[1].condition,
            &msg),
        OK);
    struct part_cmd cmd = {
        .kind = PART_CMD_WRITE, .write = {.ops = ops, .n = 2, .atomic = true, .token = &t}};
    assert_int_equal(commit_one(&r, &cmd), ERR_CANCELLED);
    assert_int_equal(count_rows(&r, 'q') + count_rows(&r, 'r'), 0);
    assert_int_equal(add_once(&r, "b", "other", 1, &repeated), OK);
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_false(t.repeated);
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_true(t.repeated);
    check_sum(&r, "a", 1);
    region_stop(&r);
}

/* The two rows byte by byte, as docs/formats/store.md has them. */
static void test_golden_rows(void **state)
{
    (void)state;
    struct region r;
    bool repeated;
    region_start(&r, 7);
    assert_int_equal(add_once(&r, "a", "tok", 0x0102, &repeated), OK);
    static const uint8_t end_key[] = {'r', 0, 0, 1, 0x8b, 0xcf, 0xee, 0x8f, 0xc0, 't', 'o', 'k'};
    static const uint8_t payload[] = {
        1,    0xc0, 0x8f, 0xee, 0xcf, 0x8b, 1, 0, 0, /* format, time */
        0x02, 0x01, 0,    0,    0,    0,    0, 0,    /* request, low */
        7,    0,    0,    0,    0,    0,    0, 0,    /* high */
        1,    10,                                    /* one operation: pk a, sk 1, n 1 */
    };
    struct buf got;
    buf_init(&got, 1 << 10);
    assert_int_equal(engine_get(r.engine, NULL, bytes_of(end_key, sizeof end_key), &got), OK);
    assert_int_equal(got.len, 1);
    assert_int_equal(got.base[0], 1);
    buf_clear(&got);
    assert_int_equal(engine_get(r.engine, NULL, BYTES_LIT("qtok"), &got), OK);
    assert_int_equal(got.len, sizeof payload + 4);
    assert_memory_equal(got.base, payload, sizeof payload);
    buf_done(&got);
    region_stop(&r);
}

/* After its time a name is free again, and the rows of those that are over go. */
static void test_time(void **state)
{
    (void)state;
    struct region r;
    bool repeated;
    region_start(&r, 7);
    for (int i = 0; i < 100; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "t%d", i);
        assert_int_equal(add_once(&r, "a", name, 1, &repeated), OK);
    }
    assert_int_equal(count_rows(&r, 'q'), 100);
    r.now_ms += PART_TOKEN_MS - 1;
    assert_int_equal(add_once(&r, "a", "t5", 1, &repeated), OK);
    assert_true(repeated);
    r.now_ms += 1;
    assert_int_equal(add_once(&r, "a", "t5", 2, &repeated), OK);
    assert_false(repeated);
    check_sum(&r, "a", 101);
    region_reopen(&r);
    assert_int_equal(add_once(&r, "a", "u", 1, &repeated), OK);
    assert_int_equal(count_rows(&r, 'q'), 2);
    assert_int_equal(count_rows(&r, 'r'), 2);
    assert_int_equal(add_once(&r, "a", "t5", 2, &repeated), OK);
    assert_true(repeated);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* More bytes than are allowed in all: nothing happens. */
static void test_bytes_max(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op ops[2] = {add_one(&r, "a"), add_one(&r, "b")};
    struct part_cmd cmd = {
        .kind = PART_CMD_WRITE, .write = {.ops = ops, .n = 2, .atomic = true, .bytes_max = 10}};
    assert_int_equal(commit_one(&r, &cmd), ERR_TOO_BIG);
    assert_int_equal(part_tail(r.part).v, 0);
    cmd.write.bytes_max = ops[0].new_bytes + ops[1].new_bytes;
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_int_equal(part_tail(r.part).v, 1);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_in_one_batch),
        cmocka_unit_test(test_failures_are_not_kept),
        cmocka_unit_test(test_golden_rows),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_bytes_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
