/* Provisioned write capacity: what clients write is let in while there is anything left. */
#include "part/test_util.h"

static const struct value *thing(struct region *r, int64_t sk, const char *gi)
{
    return item_of(
        &r->arena,
        "pk",
        str("a"),
        "sk",
        num(sk),
        gi == NULL ? NULL : "gi",
        str(gi == NULL ? "" : gi));
}

/* The test table with rates: of the table, and of its global index. */
static void set_rates(struct region *r, uint64_t table, uint64_t index)
{
    const struct part_table *now = part_find_table(r->part, TABLE);
    struct part_index indexes[2] = {now->indexes[0], now->indexes[1]};
    struct part_table t = *now;
    t.write_units = table;
    indexes[0].write_units = index;
    t.indexes = indexes;
    struct part_table *copy = part_table_dup(&t);
    part_set_table(r->part, copy);
    part_table_free(copy);
}

static void start(struct region *r, bool throttle)
{
    region_start(r, 7);
    r->config.throttle = throttle;
    region_reopen(r);
}

/* Puts items of under 1 KB until one is refused; how many were let in. */
static int64_t put_until_refused(struct region *r, int64_t from, const char *gi)
{
    for (int64_t i = from; i < from + 2000; i++) {
        enum err e = put_item(r, TABLE, thing(r, i, gi));
        if (e != OK) {
            assert_int_equal(e, ERR_BUSY);
            return i - from;
        }
    }
    return 2000;
}

/* Five minutes' worth at once, then what a second brings; nothing refused has an effect. */
static void test_table(void **state)
{
    (void)state;
    struct region r;
    start(&r, true);
    set_rates(&r, 2, 0);
    assert_int_equal(put_until_refused(&r, 0, NULL), 600);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 600);
    r.now_ms += 1000;
    assert_int_equal(put_until_refused(&r, 1000, NULL), 2);
    set_rates(&r, 0, 0);
    assert_int_equal(put_until_refused(&r, 2000, NULL), 2000);
    region_stop(&r);
}

/* An index that is out of units holds up the writes that touch it, and no others. */
static void test_index(void **state)
{
    (void)state;
    struct region r;
    start(&r, true);
    set_rates(&r, 100, 1);
    assert_int_equal(put_until_refused(&r, 0, "g"), 300);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 5000, NULL)), OK);
    struct part_op op = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&r.arena, part_find_table(r.part, TABLE), thing(&r, 1, NULL)),
        .item = thing(&r, 1, NULL),
    };
    assert_int_equal(run_one(&r, &op, NULL), ERR_BUSY);
    assert_int_equal(op.fault, PART_FAULT_INDEX_THROTTLED);
    region_stop(&r);
}

/* A transaction costs double and is refused whole. */
static void test_transaction(void **state)
{
    (void)state;
    struct region r;
    start(&r, true);
    set_rates(&r, 1, 0);
    for (int i = 0; i < 76; i++) {
        struct part_op ops[2];
        for (int k = 0; k < 2; k++) {
            const struct value *item = thing(&r, i * 2 + k, NULL);
            ops[k] = (struct part_op){
                .kind = PART_PUT,
                .table = TABLE,
                .key = key_in(&r.arena, part_find_table(r.part, TABLE), item),
                .item = item,
            };
        }
        struct part_cmd cmd = {
            .kind = PART_CMD_WRITE, .write = {.ops = ops, .n = 2, .atomic = true}};
        assert_int_equal(commit_one(&r, &cmd), i < 75 ? OK : ERR_CANCELLED);
        assert_int_equal(ops[1].fault, i < 75 ? PART_FAULT_NONE : PART_FAULT_THROTTLED);
    }
    assert_int_equal(part_table_counts(r.part, TABLE).items, 150);
    region_stop(&r);
}

/* Where it is not asked for nothing is bounded. */
static void test_off(void **state)
{
    (void)state;
    struct region r;
    start(&r, false);
    set_rates(&r, 1, 1);
    assert_int_equal(put_until_refused(&r, 0, "g"), 2000);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_transaction),
        cmocka_unit_test(test_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
