#include "core/rows.h"

#include "core/test_util.h"

/* A table with every kind of attribute set. */
static struct core_table full_table(void)
{
    static const struct expr_key_attr attrs[] = {
        {{(const uint8_t *)"pk", 2}, VALUE_NUMBER},
        {{(const uint8_t *)"sk", 2}, VALUE_STRING},
        {{(const uint8_t *)"g", 1}, VALUE_BINARY},
    };
    static const struct bytes include[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
    static const struct core_index indexes[] = {
        {
            .part =
                {
                    .id = 70000,
                    .name = {(const uint8_t *)"by-g", 4},
                    .keys = {.hash = {{(const uint8_t *)"g", 1}, VALUE_BINARY}},
                    .projection = PART_PROJECT_INCLUDE,
                    .include = include,
                    .n_include = 2,
                },
            .status = CORE_CREATING,
            .backfilling = true,
            .throughput = {7, 8},
        },
    };
    static const struct core_tag tags[] = {{{(const uint8_t *)"k", 1}, {(const uint8_t *)"v", 1}}};
    struct core_table t = plain_table();
    t.part.id = UINT64_C(0xfedcba9876543210);
    t.part.name = BYTES_LIT("flights");
    t.region = BYTES_LIT("us-east-2");
    t.uuid = BYTES_LIT("01234567-89ab-4def-8123-456789abcdef");
    t.status = CORE_ACTIVE;
    t.created_ms = 1700000000001;
    t.attrs = attrs;
    t.n_attrs = 3;
    t.indexes = indexes;
    t.n_indexes = 1;
    t.on_demand = true;
    t.billing_changed_ms = 1700000000002;
    t.stream_created_ms = 1700000000003;
    t.deletion_protection = true;
    t.join = 77;
    t.table_class = BYTES_LIT("STANDARD");
    t.tags = tags;
    t.n_tags = 1;
    return t;
}

static void check_key(
    struct arena *a, const struct row_key *key, const char *kind, const char *name)
{
    struct value v;
    assert_int_equal(row_key_make(a, key, &v), OK);
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("kind"))->bytes, kind));
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("name"))->bytes, name));
    struct row_key back;
    assert_int_equal(row_key_parse(&v, &back), OK);
    assert_int_equal(back.kind, key->kind);
    assert_true(bytes_eq(back.region, key->region));
    assert_true(bytes_eq(back.table, key->table));
}

/* Keys name what the header says, and read back. */
static void test_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct bytes r = BYTES_LIT("us-east-2");
    const struct bytes t = BYTES_LIT("flights");
    check_key(&a, &(struct row_key){ROW_MEMBER, r, BYTES_NONE}, "member", "us-east-2");
    check_key(&a, &(struct row_key){ROW_TABLE, r, t}, "table", "us-east-2/flights");
    check_key(&a, &(struct row_key){ROW_GROUP, BYTES_NONE, t}, "group", "flights");
    check_key(&a, &(struct row_key){ROW_REPLICA, r, t}, "replica", "flights/us-east-2");
    arena_done(&a);
}

/* A table row reads back as it was written, byte for byte when written again, and a copy of it too.
 */
static void test_table_round_trip(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct core_table t = full_table();
    struct value item;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    struct row_key key;
    assert_int_equal(row_key_parse(&item, &key), OK);
    struct core_table back;
    assert_int_equal(row_to_table(&a, &key, &item, &back), OK);
    assert_true(back.part.id == t.part.id);
    assert_true(back.indexes[0].backfilling);
    assert_int_equal(back.part.indexes[0].n_include, 2);
    assert_int_equal(back.part.indexes[0].keys.hash.type, VALUE_BINARY);
    const struct core_table *copy = core_table_dup(&a, &back);
    struct value again;
    assert_int_equal(row_of_table(&a, copy, &again), OK);
    assert_true(value_eq(&item, &again));
    arena_done(&a);
}

/* An index whose key is of several attributes reads back with all of them, in a row that who knows
 * single ones only refuses; one with more than there may be is damage. */
static void test_wide_keys(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    static const struct expr_key_attr more[] = {
        {{(const uint8_t *)"pk", 2}, VALUE_NUMBER},
        {{(const uint8_t *)"g", 1}, VALUE_BINARY},
        {{(const uint8_t *)"g", 1}, VALUE_BINARY},
        {{(const uint8_t *)"g", 1}, VALUE_BINARY},
        {{(const uint8_t *)"g", 1}, VALUE_BINARY},
    };
    struct core_table t = full_table();
    struct core_index index = t.indexes[0];
    index.part.keys.range = t.attrs[1];
    index.part.keys.more = more;
    index.part.keys.n_more_hash = 1;
    index.part.keys.n_more_range = 1;
    t.indexes = &index;
    struct value item;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    struct value two = num(2);
    assert_true(value_eq(value_find(&item, BYTES_LIT("v")), &two));
    struct row_key key;
    struct core_table back;
    assert_int_equal(row_key_parse(&item, &key), OK);
    assert_int_equal(row_to_table(&a, &key, &item, &back), OK);
    const struct core_table *copy = core_table_dup(&a, &back);
    assert_true(index_shape_equal(&copy->part.indexes[0], &index.part));
    struct value again;
    assert_int_equal(row_of_table(&a, copy, &again), OK);
    assert_true(value_eq(&item, &again));
    index.part.keys.n_more_range = 0;
    assert_false(index_shape_equal(&copy->part.indexes[0], &index.part));
    index.part.keys.n_more_range = 4;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    assert_int_equal(row_to_table(&a, &key, &item, &back), ERR_CORRUPT);
    arena_done(&a);
}

/* A table with time to live has the attribute in its row, under "ttl", and reads back with it; one
 * without has no such member, as rows from before it was known. */
static void test_ttl(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct core_table t = full_table();
    struct value item;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    assert_null(value_find(&item, BYTES_LIT("ttl")));
    t.part.ttl = BYTES_LIT("until");
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    assert_true(bytes_eq_str(value_find(&item, BYTES_LIT("ttl"))->bytes, "until"));
    struct row_key key;
    struct core_table back;
    assert_int_equal(row_key_parse(&item, &key), OK);
    assert_int_equal(row_to_table(&a, &key, &item, &back), OK);
    const struct core_table *copy = core_table_dup(&a, &back);
    struct value again;
    assert_int_equal(row_of_table(&a, copy, &again), OK);
    assert_true(value_eq(&item, &again));
    struct part_table *schema = part_table_dup(&copy->part);
    assert_true(bytes_eq_str(schema->ttl, "until"));
    part_table_free(schema);
    arena_done(&a);
}

/* Where in its region's log a table was its group's reads back, and is not written of a table that
 * never left one or joined one; what is no such list, or is too long, is damage. */
static void test_spans(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct core_table t = full_table();
    struct value item;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    assert_null(value_find(&item, BYTES_LIT("spans")));
    t.spans[0] = (struct core_span){{0}, {40}};
    t.spans[1] = (struct core_span){{77}, {0}};
    t.n_spans = 2;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    const struct value *list = value_find(&item, BYTES_LIT("spans"));
    const struct value numbers[] = {num(0), num(40), num(77), num(0), num(-1)};
    assert_int_equal(list->list.n, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_true(value_eq(&list->list.items[i], &numbers[i]));
    }
    struct row_key key;
    struct core_table back;
    assert_int_equal(row_key_parse(&item, &key), OK);
    assert_int_equal(row_to_table(&a, &key, &item, &back), OK);
    assert_int_equal(back.n_spans, 2);
    assert_int_equal(back.spans[0].left.v, 40);
    assert_int_equal(back.spans[1].since.v, 77);
    struct value many[(CORE_SPANS_MAX + 1) * 2];
    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++) {
        many[i] = num((int64_t)i);
    }
    const struct value bad[] = {
        {.type = VALUE_LIST, .list = {numbers, 3}},
        {.type = VALUE_LIST, .list = {numbers + 3, 2}},
        {.type = VALUE_LIST, .list = {many, sizeof many / sizeof many[0]}},
    };
    for (size_t i = 0; i < 3; i++) {
        struct value row;
        assert_int_equal(value_with(&a, &item, BYTES_LIT("spans"), &bad[i], &row), OK);
        assert_int_equal(row_to_table(&a, &key, &row, &back), ERR_CORRUPT);
    }
    arena_done(&a);
}

/* The stored form of a row is pinned: a row written today is read for ever. */
static void test_golden(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct bytes known[] = {BYTES_LIT("eu"), BYTES_LIT("us")};
    const struct replica_row r = {
        .replica =
            {
                .region = BYTES_LIT("eu"),
                .table = 1024,
                .join = 9,
                .status = CORE_CREATING,
                .created_ms = 5,
            },
        .known = known,
        .n_known = 2,
    };
    struct value item;
    assert_int_equal(row_of_replica(&a, BYTES_LIT("t"), &r, &item), OK);
    struct buf bytes;
    struct buf hex;
    buf_init(&bytes, 1 << 16);
    buf_init(&hex, 1 << 16);
    value_encode(&bytes, &item);
    put_hex(&hex, buf_bytes(&bytes));
    static const char golden[] =
        "0687000000090763726561746564020105056578747261060100000000026964031030303030"
        "303030303030303030343030046a6f696e031030303030303030303030303030303039046b69"
        "6e6403077265706c696361056b6e6f776e0509000000020302657503027573046e616d650304"
        "742f65750673746174757303084352454154494e470176020101";
    if (!bytes_eq_str(buf_bytes(&hex), golden)) {
        fail_msg("%.*s", BYTES_FMT(buf_bytes(&hex)));
    }
    struct core_table t = full_table();
    buf_clear(&bytes);
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    value_encode(&bytes, &item);
    uint64_t hash = hash64(buf_bytes(&bytes), 0);
    if (hash != UINT64_C(0xa99b43811d9072)) {
        fail_msg("%llx of %zu bytes", (unsigned long long)hash, bytes.len);
    }
    buf_done(&bytes);
    buf_done(&hex);
    arena_done(&a);
}

/* A row that lacks an attribute, or has one of another type, is refused or takes a default, and
 * never harms; a row of a later version is refused; attributes that nobody knows do not matter. */
static void test_damaged(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 24);
    struct core_table t = full_table();
    struct value item;
    assert_int_equal(row_of_table(&a, &t, &item), OK);
    struct row_key key;
    assert_int_equal(row_key_parse(&item, &key), OK);
    struct catalog *c = catalog_new(BYTES_LIT("us-east-2"));
    const struct value wrong[] = {str(""), num(-1), {.type = VALUE_LIST}, {.type = VALUE_MAP}};
    for (size_t i = 0; i < item.map.n; i++) {
        for (size_t k = 0; k <= 4; k++) {
            struct value bad;
            assert_int_equal(
                value_with(&a, &item, item.map.members[i].name, k == 4 ? NULL : &wrong[k], &bad),
                OK);
            struct core_table back;
            enum err err = row_to_table(&a, &key, &bad, &back);
            assert_true(err == OK || err == ERR_CORRUPT);
        }
    }
    struct value later;
    struct value two = num(2);
    struct value next = num(ROW_VERSION + 1);
    struct core_table back;
    assert_int_equal(value_with(&a, &item, BYTES_LIT("v"), &next, &later), OK);
    assert_int_equal(row_to_table(&a, &key, &later, &back), ERR_FORMAT);
    struct value k;
    assert_int_equal(row_key_make(&a, &key, &k), OK);
    assert_int_equal(catalog_apply(c, &k, &item), OK);
    assert_int_equal(catalog_apply(c, &k, &later), ERR_CORRUPT);
    assert_non_null(catalog_table(c, BYTES_LIT("flights")));
    struct value more;
    assert_int_equal(value_with(&a, &item, BYTES_LIT("zzz"), &two, &more), OK);
    assert_int_equal(row_to_table(&a, &key, &more, &back), OK);
    const struct value odd_keys[] = {str("x"), {.type = VALUE_MAP}, num(1)};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(catalog_apply(c, &odd_keys[i], &item), ERR_CORRUPT);
    }
    catalog_free(c);
    arena_done(&a);
}

/* ---- order of arrival ---- */

enum { ROWS_MAX = 16 };

struct rows {
    struct value keys[ROWS_MAX];
    struct value items[ROWS_MAX];
    size_t n;
};

static void add_row(
    struct rows *rows, struct arena *a, const struct row_key *key, struct value item)
{
    assert_true(rows->n < ROWS_MAX);
    assert_int_equal(row_key_make(a, key, &rows->keys[rows->n]), OK);
    rows->items[rows->n++] = item;
}

static struct rows some_rows(struct arena *a)
{
    static const char *const regions[] = {"us-east-2", "eu", "ap"};
    struct rows rows = {0};
    struct value item;
    for (size_t i = 0; i < 3; i++) {
        struct bytes region = bytes_str(regions[i]);
        struct core_member m = {.region = region, .id = {i + 1}};
        assert_int_equal(row_of_member(a, &m, &item), OK);
        add_row(&rows, a, &(struct row_key){ROW_MEMBER, region, BYTES_NONE}, item);
        struct core_table t = full_table();
        t.region = region;
        assert_int_equal(row_of_table(a, &t, &item), OK);
        add_row(&rows, a, &(struct row_key){ROW_TABLE, region, t.part.name}, item);
        struct replica_row r = {
            .replica =
                {
                    .region = region,
                    .table = t.part.id,
                    .status = i == 2 ? CORE_FAILED : CORE_ACTIVE,
                },
        };
        assert_int_equal(row_of_replica(a, t.part.name, &r, &item), OK);
        add_row(&rows, a, &(struct row_key){ROW_REPLICA, region, t.part.name}, item);
    }
    struct group_row g = {.version = CORE_GROUP_2019, .source = BYTES_LIT("eu")};
    g.shape = full_table();
    g.table = g.shape.part.id;
    assert_int_equal(row_of_group(a, BYTES_LIT("flights"), &g, &item), OK);
    add_row(&rows, a, &(struct row_key){ROW_GROUP, BYTES_NONE, BYTES_LIT("flights")}, item);
    return rows;
}

static void check_catalog(const struct catalog *c)
{
    const struct core_table *t = catalog_table(c, BYTES_LIT("flights"));
    const struct core_group *g = catalog_group(c, BYTES_LIT("flights"));
    assert_true(t->part.replicated);
    assert_ptr_equal(catalog_group_by_table(c, t->part.id), g);
    assert_int_equal(g->n_replicas, 3);
    assert_true(bytes_eq_str(g->replicas[0].region, "ap"));
    assert_true(bytes_eq_str(g->replicas[2].region, "us-east-2"));
    assert_true(catalog_replicates_to(c, t->part.id, (struct region_id){1}));
    assert_true(catalog_replicates_to(c, t->part.id, (struct region_id){2}));
    assert_false(catalog_replicates_to(c, t->part.id, (struct region_id){3}));
    assert_false(catalog_replicates_to(c, t->part.id, (struct region_id){4}));
    assert_true(catalog_replicates_to(c, PART_TABLE_CATALOG, (struct region_id){3}));
    assert_false(catalog_replicates_to(c, CORE_TABLE_SEEDS, (struct region_id){2}));
    assert_non_null(catalog_table_in(c, BYTES_LIT("ap"), BYTES_LIT("flights")));
    assert_null(catalog_table_in(c, BYTES_LIT("ap"), BYTES_LIT("other")));
    assert_true(bytes_eq_str(catalog_member_after(c, BYTES_LIT("ap"))->region, "eu"));
    assert_ptr_equal(catalog_group_after(c, BYTES_NONE), g);
    assert_null(catalog_group_after(c, g->name));
}

/* The same rows in any order, some of them twice or gone in between, give the same catalog; taken
 * away in any order they leave nothing. */
static void test_any_order(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 24);
    struct rows rows = some_rows(&a);
    struct prng prng = prng_seeded(4);
    for (unsigned round = 0; round < 300; round++) {
        struct catalog *c = catalog_new(BYTES_LIT("us-east-2"));
        size_t order[ROWS_MAX];
        for (size_t i = 0; i < rows.n; i++) {
            size_t k = prng_below(&prng, i + 1);
            order[i] = order[k];
            order[k] = i;
        }
        for (size_t i = 0; i < rows.n; i++) {
            const struct value *key = &rows.keys[order[i]];
            assert_int_equal(catalog_apply(c, key, &rows.items[order[i]]), OK);
            if (prng_chance(&prng, 300)) {
                assert_int_equal(catalog_apply(c, key, NULL), OK);
                assert_int_equal(catalog_apply(c, key, &rows.items[order[i]]), OK);
            }
        }
        check_catalog(c);
        for (size_t i = 0; i < rows.n; i++) {
            assert_int_equal(catalog_apply(c, &rows.keys[order[rows.n - 1 - i]], NULL), OK);
        }
        assert_null(catalog_table_after(c, BYTES_NONE));
        assert_null(catalog_group_after(c, BYTES_NONE));
        assert_null(catalog_member_after(c, BYTES_NONE));
        assert_null(catalog_table_by_id(c, full_table().part.id));
        catalog_free(c);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_table_round_trip),
        cmocka_unit_test(test_wide_keys),
        cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
