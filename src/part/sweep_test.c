/* Forgetting tombstones where some of them cannot be read. */
#include "part/layout.h"
#include "part/test_util.h"

struct listener {
    struct tracer tracer;
    unsigned n;
    int64_t tombstones; /* of the last one */
};

static void hear(struct tracer *t, const struct trace_event *ev)
{
    struct listener *l = (struct listener *)t;
    l->n += ev->level == TRACE_ERROR ? 1U : 0U;
    l->tombstones = ev->fields[0].number;
}

static const struct value *thing(struct region *r, int64_t sk)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), NULL, num(0));
}

static void spoil(struct region *r, int64_t sk)
{
    struct buf row;
    buf_init(&row, 4096);
    struct bytes key = key_in(&r->arena, part_find_table(r->part, TABLE), thing(r, sk));
    assert_true(layout_data_key(&row, TABLE, key));
    put_raw(r, buf_bytes(&row));
    buf_done(&row);
}

/* A walk in pieces; into how many. */
static unsigned walk(struct region *r, size_t max)
{
    struct part_cmd cmd = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 1000), .tombstones_max = max},
    };
    unsigned n = 0;
    while (!cmd.sweep.done) {
        assert_int_equal(commit_one(r, &cmd), OK);
        assert_true(n++ < 100);
    }
    return n;
}

/* Rows that are no tombstone's, and tombstones whose items' rows do not read, keep no other
 * tombstone from being forgotten, also where a piece holds nothing else. They stay, which is told
 * once. */
static void test_unread(void **state)
{
    (void)state;
    struct region r;
    struct listener l = {.tracer = {.emit = hear}};
    region_start(&r, 7);
    r.config.tracer = &l.tracer;
    region_reopen(&r);
    for (int64_t i = 0; i < 8; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i)), OK);
        r.now_ms += 10;
        assert_int_equal(delete_item(&r, TABLE, thing(&r, i)), OK);
    }
    uint8_t bad[17] = {ROW_TOMBSTONE};
    store_u64_be(bad + 1, hlc_of_ms(NOW_MS - 1).v);
    put_raw(&r, bytes_of(bad, 3));
    put_raw(&r, bytes_of(bad, sizeof bad));
    spoil(&r, 0);
    spoil(&r, 1);
    spoil(&r, 5);
    region_reopen(&r); /* or it would know the rows as it wrote them */
    assert_int_equal(count_rows(&r, ROW_TOMBSTONE), 10);
    assert_true(walk(&r, 2) >= 5);
    assert_int_equal(count_rows(&r, ROW_TOMBSTONE), 5);
    assert_int_equal(count_rows(&r, ROW_DATA), 3);
    assert_int_equal(l.n, 1);
    assert_int_equal(l.tombstones, 5);
    (void)walk(&r, 2);
    assert_int_equal(l.n, 1);
    region_stop(&r);
}

/* A tombstone that comes while a walk is under way, with a stamp that the walk has passed, is
 * forgotten by the next one. */
static void test_late(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 2; i++) {
        r.now_ms += 10;
        assert_int_equal(put_item(&r, TABLE, thing(&r, i)), OK);
    }
    assert_int_equal(delete_item(&r, TABLE, thing(&r, 0)), OK);
    assert_int_equal(delete_item(&r, TABLE, thing(&r, 1)), OK);
    struct part_cmd first = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 1000), .tombstones_max = 1},
    };
    assert_int_equal(commit_one(&r, &first), OK);
    assert_false(first.sweep.done);
    uint8_t old[LAYOUT_DATA_PREFIX + 8] = {ROW_TOMBSTONE}; /* as if it had been stamped long ago */
    struct bytes key = key_in(&r.arena, part_find_table(r.part, TABLE), thing(&r, 9));
    struct buf row;
    buf_init(&row, 4096);
    store_u64_be(old + 1, hlc_of_ms(NOW_MS).v);
    store_u64_be(old + 9, TABLE);
    buf_put_bytes(&row, bytes_of(old, sizeof old));
    buf_put_bytes(&row, key);
    put_raw(&r, buf_bytes(&row));
    buf_done(&row);
    (void)walk(&r, 10);
    (void)walk(&r, 10);
    assert_int_equal(count_rows(&r, ROW_TOMBSTONE), 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unread),
        cmocka_unit_test(test_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
