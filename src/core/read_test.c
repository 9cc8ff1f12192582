#include "core/test_util.h"

/* Pages against a model: the items in the order a full read gives, cut by the documented rules. */

static const char T[] = "things";

/* (pk N, sk S); a local index on "at" with keys only, a global one on "kind" with everything. */
static struct core_table indexed_table(void)
{
    static const struct expr_key_attr attrs[] = {
        {{(const uint8_t *)"pk", 2}, VALUE_NUMBER},
        {{(const uint8_t *)"sk", 2}, VALUE_STRING},
        {{(const uint8_t *)"at", 2}, VALUE_NUMBER},
        {{(const uint8_t *)"kind", 4}, VALUE_STRING},
    };
    static const struct core_index indexes[] = {
        {
            .part =
                {
                    .name = {(const uint8_t *)"by-at", 5},
                    .local = true,
                    .keys =
                        {{{(const uint8_t *)"pk", 2}, VALUE_NUMBER},
                         {{(const uint8_t *)"at", 2}, VALUE_NUMBER}},
                    .projection = PART_PROJECT_KEYS,
                },
        },
        {
            .part =
                {
                    .name = {(const uint8_t *)"by-kind", 7},
                    .keys = {.hash = {{(const uint8_t *)"kind", 4}, VALUE_STRING}},
                    .projection = PART_PROJECT_ALL,
                },
        },
    };
    struct core_table t = plain_table();
    t.attrs = attrs;
    t.n_attrs = 4;
    t.indexes = indexes;
    t.n_indexes = 2;
    return t;
}

static void put_thing(struct node *n, int64_t pk, int64_t i, size_t pad)
{
    struct arena *a = &n->cluster->mem;
    struct member *m = ARENA_ARRAY(a, struct member, 5);
    char *text = arena_alloc(a, pad);
    memset(text, 'x', pad);
    m[0] = (struct member){BYTES_LIT("pk"), num(pk)};
    m[1] = (struct member){
        BYTES_LIT("sk"), {.type = VALUE_STRING, .bytes = bytes_fmt(a, "%05d", (int)i)}};
    m[2] = (struct member){BYTES_LIT("at"), num(i * 7919 % 1000)};
    m[3] = (struct member){BYTES_LIT("kind"), str(i % 3 == 0 ? "odd" : "even")};
    m[4] = (struct member){BYTES_LIT("pad"), {.type = VALUE_STRING, .bytes = bytes_of(text, pad)}};
    assert_int_equal(members_sort(m, 5), OK);
    struct value *item = ARENA_NEW(a, struct value);
    *item = (struct value){.type = VALUE_MAP, .map = {m, 5}};
    assert_int_equal(node_write(n, T, PART_PUT, item), OK);
}

static void start(struct cluster *c, uint64_t seed, size_t n, size_t pad_max)
{
    cluster_start(c, 1, seed);
    struct core_table t = indexed_table();
    struct core_admin call;
    assert_int_equal(node_create(&c->nodes[0], T, &t, &call), OK);
    for (size_t i = 0; i < n; i++) {
        put_thing(
            &c->nodes[0],
            (int64_t)prng_below(&c->prng, 3),
            (int64_t)i,
            prng_below(&c->prng, pad_max) + 1);
    }
}

static enum err read_page(struct cluster *c, struct core_page *page)
{
    struct core_view v = {c->nodes[0].engine, core_catalog(c->nodes[0].core)};
    page->table = node_table(&c->nodes[0], T);
    return core_page_read(&v, page, &c->mem);
}

/* A run of pages from one end to the other. */
struct run {
    struct value items[2000];
    size_t n;
    size_t n_pages;
    uint64_t count;
    uint64_t scanned;
    size_t bytes;
};

static void read_all(struct cluster *c, const struct core_page *like, struct run *run)
{
    struct value last;
    const struct value *after = NULL;
    for (;;) {
        struct core_page page = *like;
        page.after = after;
        assert_int_equal(read_page(c, &page), OK);
        for (size_t i = 0; i < page.n_items; i++) {
            run->items[run->n++] = page.items[i];
        }
        run->n_pages++;
        run->count += page.count;
        run->scanned += page.scanned;
        run->bytes += page.bytes;
        if (like->limit > 0) {
            assert_true(page.scanned <= like->limit);
            assert_int_equal(page.has_last, page.scanned == like->limit);
        }
        if (!page.has_last) {
            return;
        }
        last = page.last;
        after = &last;
        assert_true(run->n_pages < 3000);
    }
}

static void check_same(const struct run *a, const struct run *b)
{
    assert_int_equal(a->n, b->n);
    for (size_t i = 0; i < a->n; i++) {
        assert_true(value_eq(&a->items[i], &b->items[i]));
    }
}

/* However a range is cut by a limit, the pages put together are the whole, forwards and backwards,
 * of the table and of its indexes, and the counters add up. */
static void test_limits(void **state)
{
    (void)state;
    static struct run whole;
    static struct run cut;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct cluster c;
        start(&c, seed, 60 + seed, 200);
        const struct core_table *t = node_table(&c.nodes[0], T);
        const struct expr_key_cond on_pk = {.hash = num(1), .op = EXPR_RANGE_ALL};
        const struct expr_key_cond on_kind = {.hash = str("odd"), .op = EXPR_RANGE_ALL};
        const struct core_page shapes[] = {
            {.query = NULL},
            {.query = &on_pk},
            {.query = &on_pk, .backward = true},
            {.index = &t->indexes[0]},
            {.index = &t->indexes[0], .query = &on_pk},
            {.index = &t->indexes[0], .query = &on_pk, .backward = true, .fetch_whole = true},
            {.index = &t->indexes[1], .query = &on_kind},
            {.index = &t->indexes[1], .query = &on_kind, .backward = true},
            {.query = &on_pk, .count_only = true},
        };
        for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
            whole = (struct run){0};
            read_all(&c, &shapes[i], &whole);
            assert_int_equal(whole.n_pages, 1);
            assert_true(whole.scanned > 0);
            assert_int_equal(whole.n, shapes[i].count_only ? 0 : whole.count);
            for (uint64_t limit = 1; limit < 30; limit += 1 + prng_below(&c.prng, 9)) {
                struct core_page page = shapes[i];
                page.limit = limit;
                cut = (struct run){0};
                read_all(&c, &page, &cut);
                check_same(&whole, &cut);
                assert_int_equal(whole.scanned, cut.scanned);
                assert_int_equal(whole.count, cut.count);
                assert_int_equal(whole.bytes, cut.bytes);
                assert_int_equal(cut.n_pages, whole.scanned / limit + 1);
            }
        }
        cluster_stop(&c);
    }
}

/* Segments are disjoint, and together they are the table, whatever their number. */
static void test_segments(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 3);
    struct core_table t = indexed_table();
    struct core_admin call;
    assert_int_equal(node_create(&c.nodes[0], T, &t, &call), OK);
    for (int64_t i = 0; i < 200; i++) {
        put_thing(&c.nodes[0], i, i, 10);
    }
    static struct run run;
    const uint32_t totals[] = {1, 2, 3, 7, 64, 1000000};
    for (size_t k = 0; k < sizeof totals / sizeof totals[0]; k++) {
        uint64_t n = 0;
        for (uint32_t s = 0; s<totals[k]; s += totals[k]> 1000 ? 999 : 1) {
            run = (struct run){0};
            struct core_page page = {.segment = s, .total_segments = totals[k], .limit = 5};
            read_all(&c, &page, &run);
            n += run.n;
        }
        assert_true(totals[k] > 1000 ? n <= 200 : n == 200);
    }
    cluster_stop(&c);
}

/* A page without a limit ends with the item that reaches 1 MB, and a filter does not move that end.
 */
static void test_page_bytes(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 5);
    struct core_table t = indexed_table();
    struct core_admin call;
    assert_int_equal(node_create(&c.nodes[0], T, &t, &call), OK);
    for (int64_t i = 0; i < 40; i++) {
        put_thing(&c.nodes[0], 1, i, 99 * 1024);
    }
    const struct expr_key_cond on_pk = {.hash = num(1), .op = EXPR_RANGE_ALL};
    struct core_page page = {.query = &on_pk};
    assert_int_equal(read_page(&c, &page), OK);
    assert_true(page.has_last);
    assert_true(page.bytes >= CORE_PAGE_BYTES_MAX);
    assert_true(page.bytes - item_size(&page.items[page.n_items - 1]) < CORE_PAGE_BYTES_MAX);
    assert_int_equal(page.last.map.n, 2);
    const struct expr_step step = {.name = BYTES_LIT("kind")};
    const struct expr_path path = {&step, 1};
    const struct value odd = str("odd");
    struct core_page filtered = {
        .query = &on_pk, .filter = expr_cond_compare(&c.mem, &path, EXPR_EQ, &odd)};
    assert_int_equal(read_page(&c, &filtered), OK);
    assert_int_equal(filtered.scanned, page.scanned);
    assert_int_equal(filtered.bytes, page.bytes);
    assert_true(value_eq(&filtered.last, &page.last));
    assert_int_equal(filtered.count, filtered.n_items);
    assert_int_equal(filtered.count, (page.scanned + 2) / 3);
    cluster_stop(&c);
}

/* The last key of a page read through an index names the table's key and the index's, and an index
 * read that lacks attributes fetches whole items, counted apart. */
static void test_index_pages(void **state)
{
    (void)state;
    struct cluster c;
    start(&c, 8, 50, 50);
    const struct core_table *t = node_table(&c.nodes[0], T);
    const struct expr_key_cond on_pk = {.hash = num(1), .op = EXPR_RANGE_ALL};
    struct core_page page = {.index = &t->indexes[0], .query = &on_pk, .limit = 3};
    assert_int_equal(read_page(&c, &page), OK);
    assert_int_equal(page.last.map.n, 3);
    assert_non_null(value_find(&page.last, BYTES_LIT("at")));
    assert_null(value_find(&page.items[0], BYTES_LIT("pad")));
    assert_int_equal(page.bytes_fetched, 0);
    assert_int_equal(page.units_fetched, 0);
    struct core_page whole = page;
    whole.fetch_whole = true;
    assert_int_equal(read_page(&c, &whole), OK);
    assert_int_equal(whole.bytes, page.bytes);
    assert_non_null(value_find(&whole.items[0], BYTES_LIT("pad")));
    size_t fetched = 0;
    for (size_t i = 0; i < whole.n_items; i++) {
        fetched += item_size(&whole.items[i]);
    }
    assert_int_equal(whole.bytes_fetched, fetched);
    assert_int_equal(whole.units_fetched, whole.n_items);
    struct core_page scan = {.index = &t->indexes[1], .limit = 1};
    assert_int_equal(read_page(&c, &scan), OK);
    assert_int_equal(scan.last.map.n, 3);
    cluster_stop(&c);
}

/* A projection shapes what comes back and changes neither sizes nor the last key; core_get()
 * reports the size of the whole item. */
static void test_projection(void **state)
{
    (void)state;
    struct cluster c;
    start(&c, 9, 20, 50);
    const struct bytes names[] = {BYTES_LIT("kind")};
    const struct expr_projection *p = expr_projection_of_names(&c.mem, names, 1);
    struct core_page plain = {.limit = 4};
    struct core_page shaped = {.limit = 4, .projection = p};
    assert_int_equal(read_page(&c, &plain), OK);
    assert_int_equal(read_page(&c, &shaped), OK);
    assert_int_equal(shaped.n_items, 4);
    assert_int_equal(shaped.items[0].map.n, 1);
    assert_int_equal(shaped.bytes, plain.bytes);
    assert_true(value_eq(&shaped.last, &plain.last));
    struct core_view v = {c.nodes[0].engine, core_catalog(c.nodes[0].core)};
    const struct core_table *t = node_table(&c.nodes[0], T);
    struct value item;
    size_t bytes;
    struct bytes key = key_of(&c.mem, t, &plain.items[0]);
    assert_int_equal(core_get(&v, t, key, p, &c.mem, &item, &bytes), OK);
    assert_int_equal(item.map.n, 1);
    assert_int_equal(bytes, item_size(&plain.items[0]));
    cluster_stop(&c);
}

/* A start key of another partition than the query's is refused. */
static void test_start_outside(void **state)
{
    (void)state;
    struct cluster c;
    start(&c, 10, 20, 20);
    const struct expr_key_cond on_pk = {.hash = num(1), .op = EXPR_RANGE_ALL};
    struct core_page page = {.query = &on_pk, .after = make_item(&c.mem, 2, "00001", NULL, num(0))};
    assert_int_equal(read_page(&c, &page), ERR_INVALID);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_page_bytes),
        cmocka_unit_test(test_index_pages),
        cmocka_unit_test(test_projection),
        cmocka_unit_test(test_start_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
