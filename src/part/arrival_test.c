/* Replicated write units: what other regions' writes cost here. */
#include "base/bucket.h"
#include "part/test_util.h"

struct sums {
    struct part_arrived table;
    struct part_arrived index;
};

static void sum_up(void *ctx, struct bytes table, struct bytes index, const struct part_arrived *a)
{
    struct sums *s = ctx;
    assert_true(bytes_eq_str(table, "things"));
    assert_true(index.len == 0 || bytes_eq_str(index, "by-gi"));
    *(index.len == 0 ? &s->table : &s->index) = *a;
}

static struct sums take(struct region *r)
{
    struct sums s = {0};
    part_take_arrived(r->part, sum_up, &s);
    return s;
}

static const struct value *thing(struct region *r, int64_t sk, size_t note, const char *gi)
{
    char *text = arena_alloc(&r->arena, note + 1);
    memset(text, 'x', note);
    text[note] = '\0';
    struct value item = *item_of(&r->arena, "pk", str("a"), "sk", num(sk), "note", str(text));
    struct value *ret = ARENA_NEW(&r->arena, struct value);
    if (gi == NULL) {
        *ret = item;
        return ret;
    }
    const struct value v = str(gi);
    assert_int_equal(value_with(&r->arena, &item, BYTES_LIT("gi"), &v, ret), OK);
    return ret;
}

/* The test table with stamps, as 2017.11.29 global tables have them, or with rates. */
static void set_table(struct region *r, bool stamped, uint64_t units)
{
    const struct part_stamp stamp = {
        BYTES_LIT("aws:rep:updatetime"),
        BYTES_LIT("aws:rep:updateregion"),
        BYTES_LIT("aws:rep:deleting"),
        BYTES_LIT("us-east-2"),
    };
    struct part_table t = *part_find_table(r->part, TABLE);
    t.stamp = stamped ? &stamp : NULL;
    t.write_units = units;
    struct part_table *copy = part_table_dup(&t);
    part_set_table(r->part, copy);
    part_table_free(copy);
}

/* A write costs every replica the same, by the larger of the item before and after, and an index
 * what its rows do; also one that comes too late. Told once. */
static void test_plain(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    region_start(&a, 1);
    region_start(&b, 2);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(put_item(&a, TABLE, thing(&a, i, 990, NULL)), OK);
    }
    carry(&b, &a, a.config.region);
    struct sums s = take(&b);
    assert_int_equal(s.table.units, 10);
    assert_int_equal(s.table.writes, 10);
    assert_int_equal(s.table.units_max, 1);
    assert_int_equal(s.index.writes, 0);
    assert_int_equal(take(&b).table.writes, 0);
    assert_int_equal(take(&a).table.writes, 0);

    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, 3000, "g")), OK);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, 1, "h")), OK);
    assert_int_equal(delete_item(&a, TABLE, thing(&a, 1, 0, NULL)), OK);
    carry(&b, &a, a.config.region);
    s = take(&b);
    assert_int_equal(s.table.units, 3 + 3 + 1);
    assert_int_equal(s.table.units_min, 1);
    assert_int_equal(s.table.units_max, 3);
    /* The row comes, changes its key (a removal and a row), and goes. */
    assert_int_equal(s.index.units, 3 + (3 + 1) + 1);

    b.now_ms += 10;
    assert_int_equal(put_item(&a, TABLE, thing(&a, 2, 2500, NULL)), OK);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 2, 1, NULL)), OK);
    carry(&b, &a, a.config.region);
    assert_int_equal(take(&b).table.units, 3);
    region_stop(&a);
    region_stop(&b);
}

/* With stamps, as AWS counts for 2017.11.29: a put or an update costs its own region double and the
 * others double if the item is new there; a delete costs double where it arrives. The stamp itself
 * is not measured. */
static void test_stamped(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    region_start(&a, 1);
    region_start(&b, 2);
    set_table(&a, true, 0);
    set_table(&b, true, 0);
    const struct value *item = thing(&a, 1, 1024 - 4 - 4 - 4 - 1, NULL);
    struct part_op put = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&a.arena, part_find_table(a.part, TABLE), item),
        .item = item,
    };
    const uint64_t there[] = {2, 1};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(run_one(&a, &put, NULL), OK);
        assert_int_equal(put.stamp_units, 1);
        assert_int_equal(part_write_units(put.old_bytes, put.new_bytes), 1);
        carry(&b, &a, a.config.region);
        assert_int_equal(take(&b).table.units, there[i]);
    }
    struct part_op drop = {.kind = PART_DELETE, .table = TABLE, .key = put.key};
    assert_int_equal(run_one(&a, &drop, NULL), OK);
    assert_int_equal(drop.stamp_units, 0);
    assert_int_equal(part_write_units(drop.old_bytes, 0), 1);
    carry(&b, &a, a.config.region);
    assert_int_equal(take(&b).table.units, 2);
    region_stop(&a);
    region_stop(&b);
}

static void start_throttled(struct region *r, uint64_t id)
{
    region_start(r, id);
    r->config.throttle = true;
    region_reopen(r);
}

/* What arrives is never refused and uses up what clients have, but leaves no debt: they are let in
 * again with the next unit. */
static void test_bucket(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    region_start(&a, 1);
    start_throttled(&b, 2);
    set_table(&b, false, 1);
    for (int i = 0; i < BUCKET_BURST_S + 200; i++) {
        assert_int_equal(put_item(&a, TABLE, thing(&a, i, 1, NULL)), OK);
    }
    carry(&b, &a, a.config.region);
    assert_int_equal(part_table_counts(b.part, TABLE).items, BUCKET_BURST_S + 200);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 9000, 1, NULL)), ERR_BUSY);
    b.now_ms += 1000;
    assert_int_equal(put_item(&b, TABLE, thing(&b, 9000, 1, NULL)), OK);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 9001, 1, NULL)), ERR_BUSY);
    region_stop(&a);
    region_stop(&b);
}

/* With stamps a write takes twice from its own region's bucket. */
static void test_bucket_stamped(void **state)
{
    (void)state;
    struct region r;
    start_throttled(&r, 1);
    set_table(&r, true, 1);
    int n = 0;
    while (put_item(&r, TABLE, thing(&r, n, 1, NULL)) == OK) {
        n++;
    }
    assert_int_equal(n, BUCKET_BURST_S / 2);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_stamped),
        cmocka_unit_test(test_bucket),
        cmocka_unit_test(test_bucket_stamped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
