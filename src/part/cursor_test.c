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
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
