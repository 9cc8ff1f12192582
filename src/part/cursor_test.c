#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

enum { ITEMS = 120, MODEL_MAX = 512 };

static const char *const parts[] = {"a", "ab", "b"};
static const char *const words[] = {"", "a", "aa", "ab", "b", "ba", "zz"};

/* Every item of the table, as the model holds them. */
struct model {
    const struct value *items[MODEL_MAX];
    size_t n;
};

static const struct value *attr(const struct value *item, const char *name)
{
    return value_find(item, bytes_str(name));
}

static void fill(struct region *r, struct prng *g, struct model *m)
{
    for (int i = 0; i < ITEMS; i++) {
        const struct value *item = item_of(
            &r->arena,
            "pk",
            str(parts[prng_below(g, 3)]),
            "sk",
            num((int64_t)prng_below(g, 60) - 30),
            "at",
            str(words[1 + prng_below(g, 6)]));
        assert_int_equal(put_item(r, TABLE, item), OK);
        size_t at = 0;
        while (at < m->n && !(value_eq(attr(m->items[at], "pk"), attr(item, "pk")) &&
                              value_eq(attr(m->items[at], "sk"), attr(item, "sk")))) {
            at++;
        }
        m->items[at] = item;
        m->n += at == m->n ? 1U : 0U;
    }
    /* A few go again, so that cursors step over tombstones. */
    for (int i = 0; i < 15; i++) {
        size_t at = prng_below(g, m->n);
        assert_int_equal(delete_item(r, TABLE, m->items[at]), OK);
        m->items[at] = m->items[--m->n];
    }
}

static bool op_holds(const struct expr_key_cond *q, const struct value *v)
{
    int lo = q->op == EXPR_RANGE_ALL ? 0 : value_cmp(v, &q->lo);
    switch (q->op) {
    case EXPR_RANGE_ALL:
        return true;
    case EXPR_RANGE_EQ:
        return lo == 0;
    case EXPR_RANGE_LT:
        return lo < 0;
    case EXPR_RANGE_LE:
        return lo <= 0;
    case EXPR_RANGE_GT:
        return lo > 0;
    case EXPR_RANGE_GE:
        return lo >= 0;
    case EXPR_RANGE_BETWEEN:
        return lo >= 0 && value_cmp(v, &q->hi) <= 0;
    case EXPR_RANGE_BEGINS_WITH:
        return bytes_has_prefix(v->bytes, q->lo.bytes);
    }
    return false;
}

/* Order of two items as the cursor shows them: sort attribute, then (of an index) the table's sort
 * key. */
static int item_order(const struct value *x, const struct value *y, bool of_index)
{
    if (of_index) {
        int c = value_cmp(attr(x, "at"), attr(y, "at"));
        if (c != 0) {
            return c;
        }
    }
    return value_cmp(attr(x, "sk"), attr(y, "sk"));
}

static size_t expected(
    const struct model *m, const struct part_range *range, const struct value **ret)
{
    size_t n = 0;
    bool of_index = range->index != NULL;
    for (size_t i = 0; i < m->n; i++) {
        const struct value *item = m->items[i];
        bool in = value_eq(attr(item, "pk"), &range->query->hash) &&
                  op_holds(range->query, attr(item, of_index ? "at" : "sk"));
        if (in && range->after != NULL) {
            int c = item_order(item, range->after, of_index);
            in = range->backward ? c < 0 : c > 0;
        }
        if (!in) {
            continue;
        }
        size_t at = n++;
        while (at > 0 && item_order(ret[at - 1], item, of_index) * (range->backward ? -1 : 1) > 0) {
            ret[at] = ret[at - 1];
            at--;
        }
        ret[at] = item;
    }
    return n;
}

static void compare(struct region *r, const struct model *m, const struct part_range *range)
{
    const struct value *want[MODEL_MAX];
    const struct part_reader reader = {.engine = r->engine};
    size_t n = expected(m, range, want);
    struct part_cursor *c;
    assert_int_equal(part_cursor_open(&reader, part_find_table(r->part, TABLE), range, &c), OK);
    struct value v;
    size_t bytes;
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(part_cursor_next(c, &r->arena, &v, &bytes), OK);
        assert_true(value_eq(&v, want[i]));
        assert_int_equal(bytes, item_size(&v));
    }
    assert_int_equal(part_cursor_next(c, &r->arena, &v, &bytes), ERR_NOT_FOUND);
    part_cursor_close(c);
}

/* A table (pk S) with an index by a and b together, then c, then d. */
static void set_wide_table(struct region *r)
{
    static const struct expr_key_attr more[] = {
        {{(const uint8_t *)"b", 1}, VALUE_NUMBER},
        {{(const uint8_t *)"d", 1}, VALUE_STRING},
    };
    const struct part_index index = {
        .id = 1,
        .name = BYTES_LIT("wide"),
        .keys =
            {
                .hash = {BYTES_LIT("a"), VALUE_STRING},
                .range = {BYTES_LIT("c"), VALUE_NUMBER},
                .more = more,
                .n_more_hash = 1,
                .n_more_range = 1,
            },
        .projection = PART_PROJECT_ALL,
    };
    const struct part_table t = {
        .id = TABLE + 1,
        .name = BYTES_LIT("wide"),
        .keys = {.hash = {BYTES_LIT("pk"), VALUE_STRING}},
        .indexes = &index,
        .n_indexes = 1,
    };
    part_set_table(r->part, &t);
}

static const struct value *wide_item(
    struct arena *a, int64_t pk, int64_t b, int64_t c, const char *d)
{
    static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
    struct member m[] = {
        {BYTES_LIT("a"), str("x")},
        {BYTES_LIT("b"), num(b)},
        {BYTES_LIT("c"), num(c)},
        {BYTES_LIT("d"), str(d)},
        {BYTES_LIT("pk"), str(names[pk])},
    };
    struct member *kept = ARENA_ARRAY(a, struct member, 5);
    memcpy(kept, m, sizeof m);
    struct value *item = ARENA_NEW(a, struct value);
    *item = (struct value){.type = VALUE_MAP, .map = {kept, 5}};
    return item;
}

/* The primary keys a query over the wide index returns, in its order. */
static const char *walk_wide(
    struct region *r, const struct expr_key_cond *q, const struct value *after, bool backward)
{
    const struct part_table *t = part_find_table(r->part, TABLE + 1);
    const struct part_reader reader = {.engine = r->engine};
    const struct part_range range = {
        .index = &t->indexes[0],
        .query = q,
        .after = after,
        .backward = backward,
    };
    struct part_cursor *c;
    enum err err = part_cursor_open(&reader, t, &range, &c);
    if (err != OK) {
        return err_name(err);
    }
    struct value v;
    size_t bytes;
    struct bytes text = BYTES_LIT("");
    while (part_cursor_next(c, &r->arena, &v, &bytes) == OK) {
        struct bytes pk = attr(&v, "pk")->bytes;
        text = bytes_fmt(&r->arena, "%.*s%.*s", BYTES_FMT(text), BYTES_FMT(pk));
    }
    part_cursor_close(c);
    return bytes_cstr(&r->arena, text);
}

/* An index whose key is of several attributes keeps items together by all hash attributes and in
 * order of the range attributes one after the other; equalities narrow from the left; a walk goes
 * on after any item; what has not all attributes is not in it. */
static void test_several_attributes(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    set_wide_table(&r);
    const struct value *last = wide_item(&r.arena, 3, 1, 6, "b");
    const struct value *const items[] = {
        wide_item(&r.arena, 1, 1, 6, "c"),
        wide_item(&r.arena, 2, 1, 6, "a"),
        last,
        wide_item(&r.arena, 4, 1, -2, "z"),
        wide_item(&r.arena, 5, 2, 0, "a"),
        wide_item(&r.arena, 6, 1, 9, "bb"),
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        assert_int_equal(put_item(&r, TABLE + 1, items[i]), OK);
    }
    const struct value *sparse = item_of(&r.arena, "pk", str("7"), "a", str("x"), "b", num(1));
    assert_int_equal(put_item(&r, TABLE + 1, sparse), OK);
    const struct value more[] = {num(1), num(6)};
    struct expr_key_cond q = {.hash = str("x"), .more = more, .n_more = 1, .op = EXPR_RANGE_ALL};
    assert_string_equal(walk_wide(&r, &q, NULL, false), "42316");
    assert_string_equal(walk_wide(&r, &q, NULL, true), "61324");
    assert_string_equal(walk_wide(&r, &q, last, false), "16");
    q.op = EXPR_RANGE_GE;
    q.lo = num(6);
    assert_string_equal(walk_wide(&r, &q, NULL, false), "2316");
    q.n_more = 2;
    q.op = EXPR_RANGE_ALL;
    assert_string_equal(walk_wide(&r, &q, NULL, false), "231");
    assert_string_equal(walk_wide(&r, &q, last, true), "2");
    q.op = EXPR_RANGE_GT;
    q.lo = str("a");
    assert_string_equal(walk_wide(&r, &q, NULL, false), "31");
    q.lo = num(1);
    assert_string_equal(walk_wide(&r, &q, NULL, false), err_name(ERR_INVALID));
    q.n_more = 0;
    assert_string_equal(walk_wide(&r, &q, NULL, false), err_name(ERR_INVALID));
    assert_int_equal(part_index_counts(r.part, TABLE + 1, 1).items, 6);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* Random queries over table and index, both ways, from the start or from any position inside,
 * return what a plain list filtered and sorted returns. */
static void test_query_model(void **state)
{
    (void)state;
    struct region r;
    struct model m = {.n = 0};
    struct prng g = prng_seeded(42);
    region_start(&r, 7);
    fill(&r, &g, &m);
    const struct part_table *t = part_find_table(r.part, TABLE);
    for (int round = 0; round < 3000; round++) {
        bool of_index = prng_chance(&g, 500);
        struct expr_key_cond q = {
            .hash = str(parts[prng_below(&g, 3)]),
            .op = (enum expr_range_op)prng_below(&g, of_index ? 8 : 7),
        };
        const char *w1 = words[prng_below(&g, 7)];
        const char *w2 = words[prng_below(&g, 7)];
        q.lo = of_index ? str(w1) : num((int64_t)prng_below(&g, 60) - 30);
        q.hi = of_index ? str(w2) : num((int64_t)prng_below(&g, 60) - 30);
        struct part_range range = {
            .index = of_index ? &t->indexes[1] : NULL,
            .query = &q,
            .backward = prng_chance(&g, 500),
        };
        compare(&r, &m, &range);
        /* Go on after any item that fits, there or not. */
        range.after = item_of(
            &r.arena,
            "pk",
            q.hash,
            "sk",
            num((int64_t)prng_below(&g, 60) - 30),
            "at",
            str(words[1 + prng_below(&g, 6)]));
        bool fits = op_holds(&q, attr(range.after, of_index ? "at" : "sk"));
        if (fits) {
            compare(&r, &m, &range);
        } else {
            const struct part_reader reader = {.engine = r.engine};
            struct part_cursor *c = NULL;
            assert_int_equal(part_cursor_open(&reader, t, &range, &c), ERR_INVALID);
            assert_null(c);
        }
    }
    region_stop(&r);
}

/* Parallel segments split the ring so that together they return every item once, resumed after each
 * item. */
static void test_segments(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    enum { N = 200, SEGMENTS = 7 };
    char name[16];
    for (int i = 0; i < N; i++) {
        (void)snprintf(name, sizeof name, "p%d", i);
        struct value pk = {.type = VALUE_STRING, .bytes = bytes_dup(&r.arena, bytes_str(name))};
        const struct value *item =
            item_of(&r.arena, "pk", pk, "sk", num(i), "gi", str(i % 2 == 0 ? "even" : "odd"));
        assert_int_equal(put_item(&r, TABLE, item), OK);
    }
    const struct part_table *t = part_find_table(r.part, TABLE);
    const struct part_reader reader = {.engine = r.engine};
    for (int of_index = 0; of_index < 2; of_index++) {
        bool seen[N] = {0};
        size_t n = 0;
        for (uint64_t s = 0; s < SEGMENTS; s++) {
            struct part_range range = {
                .index = of_index != 0 ? &t->indexes[0] : NULL,
                .hash_lo = (uint32_t)((s << 32) / SEGMENTS),
                .hash_hi = (uint32_t)(((s + 1) << 32) / SEGMENTS - 1),
            };
            struct value *last = NULL;
            for (;;) {
                struct part_cursor *c;
                range.after = last;
                assert_int_equal(part_cursor_open(&reader, t, &range, &c), OK);
                struct value *v = ARENA_NEW(&r.arena, struct value);
                size_t bytes;
                enum err e = part_cursor_next(c, &r.arena, v, &bytes);
                part_cursor_close(c);
                if (e == ERR_NOT_FOUND) {
                    break;
                }
                assert_int_equal(e, OK);
                int64_t i;
                assert_int_equal(decimal_to_i64(&attr(v, "sk")->number, &i), OK);
                assert_false(seen[i]);
                seen[i] = true;
                n++;
                last = v;
            }
        }
        assert_int_equal(n, N);
    }
    region_stop(&r);
}

/* A start of another partition, of the wrong type, or outside the segment is refused, and so is
 * begins_with on a number. */
static void test_refused(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    const struct part_table *t = part_find_table(r.part, TABLE);
    const struct part_reader reader = {.engine = r.engine};
    struct part_cursor *c = NULL;
    struct expr_key_cond q = {.hash = str("a"), .op = EXPR_RANGE_ALL};
    struct part_range range = {.query = &q};
    range.after = item_of(&r.arena, "pk", str("b"), "sk", num(1), NULL, num(0));
    assert_int_equal(part_cursor_open(&reader, t, &range, &c), ERR_INVALID);
    range.after = item_of(&r.arena, "pk", str("a"), "sk", str("1"), NULL, num(0));
    assert_int_equal(part_cursor_open(&reader, t, &range, &c), ERR_INVALID);
    range.after = NULL;
    q.op = EXPR_RANGE_BEGINS_WITH;
    q.lo = num(1);
    assert_int_equal(part_cursor_open(&reader, t, &range, &c), ERR_INVALID);
    struct part_range scan = {.hash_lo = 0, .hash_hi = 0};
    scan.after = item_of(&r.arena, "pk", str("a"), "sk", num(1), NULL, num(0));
    assert_int_equal(part_cursor_open(&reader, t, &scan, &c), ERR_INVALID);
    assert_null(c);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_model),
        cmocka_unit_test(test_several_attributes),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
