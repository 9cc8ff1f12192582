/* Conditions and filters: what holds of which item. */

#include "expr/test_util.h"

struct holds_case {
    const char *text;
    const char *values;
    const char *item;
    bool holds;
};

static const struct expr_cond *parse(struct world *w, const char *text, const char *values)
{
    const struct expr_cond *c = NULL;
    struct bytes msg = BYTES_LIT("");
    placeholders(w, values);
    enum err err = expr_cond_parse(&w->arena, EXPR_CONDITION, bytes_str(text), &w->env, &c, &msg);
    if (err != OK) {
        print_message("%s: %s: %s\n", text, err_name(err), text_of(w, msg));
    }
    assert_int_equal(err, OK);
    return c;
}

static void check_all(const struct holds_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < n; i++) {
        const struct expr_cond *c = parse(&w, cases[i].text, cases[i].values);
        struct value item = val(&w, cases[i].item);
        if (expr_cond_eval(c, &item) != cases[i].holds) {
            fail_msg("%s on %s", cases[i].text, cases[i].item);
        }
    }
    world_done(&w);
}
#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof(cases)[0])

/* Comparators hold between values of one type, and never with a missing attribute but for <>. */
static void compares(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"a = :v", "{:v: 1}", "{a: 1.0}", true},
        {"a = :v", "{:v: 1}", "{a: '1'}", false},
        {"a = :v", "{:v: 1}", "{}", false},
        {"a <> :v", "{:v: 1}", "{a: 2}", true},
        {"a <> :v", "{:v: 1}", "{a: 1}", false},
        {"a <> :v", "{:v: 1}", "{a: 'x'}", true},
        {"a <> :v", "{:v: 1}", "{}", true},
        {"a < :v", "{:v: 10}", "{a: 9}", true},
        {"a < :v", "{:v: 10}", "{a: 10}", false},
        {"a < :v", "{:v: 10}", "{a: '1'}", false},
        {"a <= :v", "{:v: 10}", "{a: 10}", true},
        {"a > :v", "{:v: 'ab'}", "{a: 'b'}", true},
        {"a > :v", "{:v: 'ab'}", "{a: 'ab'}", false},
        {"a >= :v", "{:v: b'ab'}", "{a: b'abc'}", true},
        {"a > b", NULL, "{a: 2, b: 1}", true},
        {":v < a", "{:v: 1}", "{a: 2}", true},
        {"a = :v", "{:v: [1, {x: 'y'}]}", "{a: [1, {x: 'y'}]}", true},
        {"a = :v", "{:v: <'a', 'b'>}", "{a: <'b', 'a'>}", true},
        {"a < :v", "{:v: 5}", "{a: [1]}", false},
        {"a=:v", "{:v: true}", "{a: true}", true},
        {"a = b", NULL, "{}", false},
    };
    CHECK_ALL(cases);
}

/* BETWEEN includes its bounds; IN holds for any equal operand. */
static void ranges_and_lists(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"a BETWEEN :l AND :h", "{:l: 1, :h: 3}", "{a: 1}", true},
        {"a BETWEEN :l AND :h", "{:l: 1, :h: 3}", "{a: 3}", true},
        {"a BETWEEN :l AND :h", "{:l: 1, :h: 3}", "{a: 3.01}", false},
        {"a BETWEEN :l AND :h", "{:l: 1, :h: 3}", "{a: '2'}", false},
        {"a BETWEEN :l AND :h", "{:l: 1, :h: 3}", "{}", false},
        {"a between b and c", NULL, "{a: 2, b: 1, c: 3}", true},
        {":v BETWEEN b AND c", "{:v: 4}", "{b: 1, c: 3}", false},
        {"a BETWEEN :l AND :h AND b = :h", "{:l: 1, :h: 3}", "{a: 2, b: 3}", true},
        {"a IN (:x, :y)", "{:x: 1, :y: 'z'}", "{a: 'z'}", true},
        {"a IN (:x, :y)", "{:x: 1, :y: 'z'}", "{a: 2}", false},
        {"a in (:x)", "{:x: 1}", "{}", false},
        {"a IN (b, c)", NULL, "{a: 1, b: 2, c: 1}", true},
    };
    CHECK_ALL(cases);
}

/* Each function over each type it knows, and over a missing attribute. */
static void functions(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"attribute_exists(a)", NULL, "{a: null}", true},
        {"attribute_exists(a)", NULL, "{}", false},
        {"attribute_exists(a.b[1])", NULL, "{a: {b: [1, 2]}}", true},
        {"attribute_exists(a.b[2])", NULL, "{a: {b: [1, 2]}}", false},
        {"attribute_not_exists(a)", NULL, "{}", true},
        {"attribute_not_exists(a)", NULL, "{a: 1}", false},
        {"attribute_type(a, :t)", "{:t: 'SS'}", "{a: <'x'>}", true},
        {"attribute_type(a, :t)", "{:t: 'S'}", "{a: 1}", false},
        {"attribute_type(a, :t)", "{:t: 'NULL'}", "{}", false},
        {"begins_with(a, :p)", "{:p: 'fo'}", "{a: 'foo'}", true},
        {"begins_with(a, :p)", "{:p: 'fo'}", "{a: 'f'}", false},
        {"begins_with(a, :p)", "{:p: b'fo'}", "{a: b'foo'}", true},
        {"begins_with(a, :p)", "{:p: 'fo'}", "{a: b'foo'}", false},
        {"begins_with(a, b)", NULL, "{a: 'foo', b: 'f'}", true},
        {"contains(a, :v)", "{:v: 'oo'}", "{a: 'food'}", true},
        {"contains(a, :v)", "{:v: 'x'}", "{a: 'food'}", false},
        {"contains(a, :v)", "{:v: 'x'}", "{a: <'x', 'y'>}", true},
        {"contains(a, :v)", "{:v: 2}", "{a: <1, 2>}", true},
        {"contains(a, :v)", "{:v: '2'}", "{a: <1, 2>}", false},
        {"contains(a, :v)", "{:v: [1]}", "{a: [0, [1]]}", true},
        {"contains(a, :v)", "{:v: b'o'}", "{a: b'food'}", true},
        {"contains(a, :v)", "{:v: 1}", "{a: 12}", false},
        {"contains(a, :v)", "{:v: 'x'}", "{a: {x: 1}}", false},
        {"contains(:v, a)", "{:v: 'food'}", "{a: 'foo'}", true},
    };
    CHECK_ALL(cases);
}

/* size() counts characters, bytes, elements and members; of a number it is nothing. */
static void sizes(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"size(a) = :n", "{:n: 3}", "{a: 'abc'}", true},
        {"size(a) = :n", "{:n: 1}", "{a: '\xc3\xa9'}", true},
        {"size(a) = :n", "{:n: 2}", "{a: '\xf0\x9f\x98\x80'}", true},
        {"size(a) = :n", "{:n: 2}", "{a: b'\xc3\xa9'}", true},
        {"size(a) = :n", "{:n: 2}", "{a: [1, 2]}", true},
        {"size(a) = :n", "{:n: 2}", "{a: <1, 2>}", true},
        {"size(a) = :n", "{:n: 1}", "{a: {x: [1, 2]}}", true},
        {"size(a) = :n", "{:n: 1}", "{a: 1}", false},
        {"size(a) < :n", "{:n: 9}", "{}", false},
        {"size(a) BETWEEN size(b) AND :n", "{:n: 9}", "{a: 'xx', b: 'x'}", true},
        {"size(:v) > a", "{:v: 'abc'}", "{a: 2}", true},
        {"size(a) IN (:n, size(b))", "{:n: 9}", "{a: 'xx', b: 'yy'}", true},
    };
    CHECK_ALL(cases);
}

/* NOT binds tighter than AND, AND tighter than OR; keywords in any case; parentheses override. */
static void booleans(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"a = :t OR b = :t AND c = :t", "{:t: 1}", "{a: 1}", true},
        {"(a = :t OR b = :t) AND c = :t", "{:t: 1}", "{a: 1}", false},
        {"a = :t AND b = :t OR c = :t", "{:t: 1}", "{c: 1}", true},
        {"a = :t AND (b = :t OR c = :t)", "{:t: 1}", "{c: 1}", false},
        {"NOT a = :t AND b = :t", "{:t: 1}", "{b: 1}", true},
        {"NOT (a = :t AND b = :t)", "{:t: 1}", "{b: 1}", true},
        {"not not a = :t", "{:t: 1}", "{a: 1}", true},
        {"not attribute_exists(a)", NULL, "{}", true},
        {"NOT a <> :t Or b = :t", "{:t: 1}", "{a: 1}", true},
        {"(attribute_exists(a)) AND (attribute_exists(b))", NULL, "{a: 1, b: 1}", true},
        {"((attribute_exists(a)) oR (size(b)) = :t)", "{:t: 1}", "{b: 'x'}", true},
        {"( ( ( size ( a )) < b.c ) AND ( d > :t ) )",
         "{:t: 1}",
         "{a: 'x', b: {c: 2}, d: 2}",
         true},
        {"(a) = (:t)", "{:t: 1}", "{a: 1}", true},
        {"a = :t and b = :t and c = :t and d = :t", "{:t: 1}", "{a: 1, b: 1, c: 1, d: 1}", true},
        {"a = :t and b = :t and c = :t and d = :t", "{:t: 1}", "{a: 1, b: 1, d: 1}", false},
        {"a = :t or b = :t or c = :t or d = :t", "{:t: 1}", "{d: 1}", true},
    };
    CHECK_ALL(cases);
}

/* Names stand for anything, dots and reserved words included; steps go into maps and lists only. */
static void paths(void **state)
{
    (void)state;
    static const struct holds_case cases[] = {
        {"#n = :v", "{#n: 'a.b', :v: 1}", "{'a.b': 1, a: {b: 2}}", true},
        {"a.b = :v", "{:v: 2}", "{'a.b': 1, a: {b: 2}}", true},
        {"a.#b[0].c = :v", "{#b: 'name', :v: 2}", "{a: {name: [{c: 2}]}}", true},
        {"a[0][1] = :v", "{:v: 2}", "{a: [[1, 2]]}", true},
        {"a . b [ 0 ] = :v", "{:v: 2}", "{a: {b: [2]}}", true},
        {"a[0] = :v", "{:v: 2}", "{a: {b: 2}}", false},
        {"a.b = :v", "{:v: 2}", "{a: [2]}", false},
        {"a[000] = :v", "{:v: 2}", "{a: [2]}", true},
    };
    CHECK_ALL(cases);
}

/* A random condition gives what a direct evaluation of its tree gives. */
static void matches_a_model(void **state)
{
    (void)state;
    struct prng r = prng_seeded(7);
    for (int round = 0; round < 2000; round++) {
        struct world w;
        world_init(&w);
        /* Truth of each of the attributes a..h, then a random chain of them in random parentheses.
         */
        unsigned truth = (unsigned)prng_below(&r, 256);
        struct buf item;
        buf_init(&item, 4096);
        buf_put_str(&item, "{");
        for (int i = 0; i < 8; i++) {
            if ((truth >> i & 1) != 0) {
                buf_putf(&item, "%c: 1, ", 'a' + i);
            }
        }
        buf_put_str(&item, "}");
        struct buf text;
        buf_init(&text, 4096);
        bool any = false;
        uint64_t n_terms = prng_between(&r, 1, 4);
        for (uint64_t t = 0; t < n_terms; t++) {
            bool negate = prng_chance(&r, 500);
            bool all = true;
            uint64_t n_factors = prng_between(&r, 2, 4);
            buf_putf(&text, "%s%s(", t > 0 ? " OR " : "", negate ? "NOT " : "");
            for (uint64_t f = 0; f < n_factors; f++) {
                int i = (int)prng_below(&r, 8);
                bool absent = prng_chance(&r, 300);
                all = all && ((truth >> i & 1) != 0) != absent;
                buf_putf(
                    &text,
                    "%sattribute_%sexists(%c)",
                    f > 0 ? " AND " : "",
                    absent ? "not_" : "",
                    'a' + i);
            }
            buf_put_str(&text, ")");
            any = any || all != negate;
        }
        const char *expr = text_of(&w, buf_bytes(&text));
        const struct expr_cond *c = parse(&w, expr, NULL);
        struct value v = val(&w, text_of(&w, buf_bytes(&item)));
        if (expr_cond_eval(c, &v) != any) {
            fail_msg("%s on %s", expr, show(&w, &v));
        }
        buf_done(&item);
        buf_done(&text);
        world_done(&w);
    }
}

/* Filters may not use key attributes: the condition knows what it mentions, and how deep. */
static void knows_what_it_mentions(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const struct expr_cond *c =
        parse(&w, "size(a.b) > :v AND NOT c IN (:v, #d)", "{#d: 'dd', :v: 1}");
    assert_true(expr_cond_mentions(c, BYTES_LIT("a")));
    assert_true(expr_cond_mentions(c, BYTES_LIT("c")));
    assert_true(expr_cond_mentions(c, BYTES_LIT("dd")));
    assert_false(expr_cond_mentions(c, BYTES_LIT("b")));
    assert_false(expr_cond_mentions(c, BYTES_LIT("d")));
    assert_true(expr_cond_reaches_into(c, BYTES_LIT("a")));
    assert_false(expr_cond_reaches_into(c, BYTES_LIT("c")));
    world_done(&w);
}

/* The legacy builders make the same conditions as text does, however they are joined and negated.
 */
static void legacy_builders(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct expr_step step_a = {.name = BYTES_LIT("a")};
    struct expr_step step_b = {.name = BYTES_LIT("b")};
    struct expr_path a = {&step_a, 1};
    struct expr_path b = {&step_b, 1};
    struct value vs[] = {val(&w, "1"), val(&w, "5"), val(&w, "'f'")};
    const struct expr_cond *parts[] = {
        expr_cond_compare(&w.arena, &a, EXPR_GE, &vs[0]),
        expr_cond_between(&w.arena, &a, &vs[0], &vs[1]),
        expr_cond_not(&w.arena, expr_cond_in(&w.arena, &a, vs, 2)),
        expr_cond_exists(&w.arena, &b, true),
    };
    const struct expr_cond *all = expr_cond_join(&w.arena, /* is_and= */ true, parts, 4);
    const struct expr_cond *texts[] = {
        all,
        expr_cond_begins_with(&w.arena, &b, &vs[2]),
        expr_cond_contains(&w.arena, &b, &vs[0]),
    };
    const struct expr_cond *any = expr_cond_join(&w.arena, /* is_and= */ false, texts, 3);
    const struct expr_cond *none = expr_cond_not(&w.arena, any);
    static const struct {
        const char *item;
        bool all;
        bool any;
    } cases[] = {
        {"{a: 3, b: 0}", true, true},
        {"{a: 1, b: 0}", false, false},
        {"{a: 6, b: 0}", false, false},
        {"{a: 3}", false, false},
        {"{b: 'foo'}", false, true},
        {"{b: <1>}", false, true},
        {"{}", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct value item = val(&w, cases[i].item);
        assert_int_equal(expr_cond_eval(all, &item), cases[i].all);
        assert_int_equal(expr_cond_eval(any, &item), cases[i].any);
        assert_int_equal(expr_cond_eval(none, &item), !cases[i].any);
    }
    struct value empty = val(&w, "{}");
    assert_true(expr_cond_eval(expr_cond_join(&w.arena, true, NULL, 0), &empty));
    assert_false(expr_cond_eval(expr_cond_join(&w.arena, false, NULL, 0), &empty));
    assert_true(expr_cond_eval(expr_cond_exists(&w.arena, &a, false), &empty));
    world_done(&w);
}

/* An arena too small for the parse is an ordinary error. */
static void small_arena(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    placeholders(&w, "{:v: 1}");
    for (size_t cap = 0; cap < 20000; cap += 64) {
        struct arena small;
        arena_init(&small, cap);
        const struct expr_cond *c = NULL;
        struct bytes msg = BYTES_NONE;
        enum err err = expr_cond_parse(
            &small, EXPR_FILTER, BYTES_LIT("a.b[1] = :v AND contains(c, :v)"), &w.env, &c, &msg);
        assert_true(err == OK || err == ERR_TOO_BIG);
        assert_int_equal(err == OK, c != NULL);
        arena_done(&small);
    }
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(ranges_and_lists),
        cmocka_unit_test(functions),
        cmocka_unit_test(sizes),
        cmocka_unit_test(booleans),
        cmocka_unit_test(paths),
        cmocka_unit_test(matches_a_model),
        cmocka_unit_test(knows_what_it_mentions),
        cmocka_unit_test(legacy_builders),
        cmocka_unit_test(small_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
