/* Trees built by another language's parser: they behave as parsed ones do, and are refused in the
 * same words without what names the kind of expression. */

#include "expr/test_util.h"

static struct expr_path path_to(struct world *w, const char *name)
{
    struct expr_step *step = ARENA_NEW(&w->arena, struct expr_step);
    ASSERT(step != NULL);
    *step = (struct expr_step){.name = bytes_str(name)};
    return (struct expr_path){step, 1};
}

static struct expr_build *builder(struct world *w)
{
    struct expr_build *b = expr_build_new(&w->arena, /* n_nodes_max= */ 64);
    ASSERT(b != NULL);
    return b;
}

/* a = 1 AND NOT (b IN (1, 2) OR size(c) < 2) as built holds of the items it should. */
static void test_condition(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct expr_build *b = builder(&w);
    struct expr_path a = path_to(&w, "a");
    struct expr_path in = path_to(&w, "b");
    struct expr_path c = path_to(&w, "c");
    struct value one = val(&w, "1");
    struct value two = val(&w, "2");
    struct expr_ref equal = expr_build_path(b, &a);
    equal = expr_build_compare(b, EXPR_EQ, equal, expr_build_value(b, &one));
    struct expr_ref x = expr_build_path(b, &in);
    struct expr_ref list[] = {expr_build_value(b, &one), expr_build_value(b, &two)};
    struct expr_ref listed = expr_build_in(b, x, list, 2);
    struct expr_ref size = expr_build_path(b, &c);
    size = expr_build_call(b, "size", &size, 1);
    struct expr_ref small = expr_build_compare(b, EXPR_LT, size, expr_build_value(b, &two));
    struct expr_ref either = expr_build_join(b, /* is_and= */ false, listed, small);
    struct expr_ref root = expr_build_join(b, true, equal, expr_build_not(b, either));
    const struct expr_cond *cond;
    struct bytes msg;
    assert_int_equal(expr_build_cond(b, root, &cond, &msg), OK);
    static const struct {
        const char *item;
        bool holds;
    } cases[] = {
        {"{a: 1, b: 3, c: 'xy'}", true},
        {"{a: 1, b: 2, c: 'xy'}", false},
        {"{a: 1, b: 3, c: 'x'}", false},
        {"{a: 2, b: 3, c: 'xy'}", false},
        {"{a: 1}", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct value item = val(&w, cases[i].item);
        assert_int_equal(expr_cond_eval(cond, &item), cases[i].holds);
    }
    world_done(&w);
}

/* SET a = a - b, REMOVE c and ADD to d as built change an item as they should. */
static void test_update(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct expr_build *b = builder(&w);
    struct expr_path a = path_to(&w, "a");
    struct expr_path minus = path_to(&w, "b");
    struct expr_path c = path_to(&w, "c");
    struct expr_path d = path_to(&w, "d");
    struct value set = val(&w, "<'y'>");
    struct expr_ref left = expr_build_path(b, &a);
    struct expr_ref sum = expr_build_sum(b, true, left, expr_build_path(b, &minus));
    expr_build_action(b, EXPR_ACTION_SET, &a, &sum);
    expr_build_action(b, EXPR_ACTION_REMOVE, &c, NULL);
    struct expr_ref more = expr_build_value(b, &set);
    expr_build_action(b, EXPR_ACTION_ADD, &d, &more);
    const struct expr_update *u;
    struct bytes msg;
    assert_int_equal(expr_build_update(b, &u, &msg), OK);
    struct value item = val(&w, "{a: 5, b: 2, c: 1, d: <'x'>}");
    struct value after;
    assert_int_equal(expr_update_apply(&w.arena, u, &item, &after, &msg), OK);
    struct value expected = val(&w, "{a: 3, b: 2, d: <'x', 'y'>}");
    assert_true(value_eq(&after, &expected));
    world_done(&w);
}

/* Wrong operands and clashing paths are refused with the bare words, and too many nodes as too big.
 */
static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct expr_path a = path_to(&w, "a");
    struct value list = val(&w, "[1]");
    const struct expr_cond *cond;
    const struct expr_update *u;
    struct bytes msg;
    struct expr_build *b = builder(&w);
    struct expr_ref x = expr_build_path(b, &a);
    x = expr_build_compare(b, EXPR_GE, x, expr_build_value(b, &list));
    assert_int_equal(expr_build_cond(b, x, &cond, &msg), ERR_INVALID);
    assert_true(bytes_eq_str(
        msg,
        "Incorrect operand type for operator or function; operator or function: >=, operand type: "
        "L"));
    b = builder(&w);
    expr_build_action(b, EXPR_ACTION_REMOVE, &a, NULL);
    expr_build_action(b, EXPR_ACTION_REMOVE, &a, NULL);
    assert_int_equal(expr_build_update(b, &u, &msg), ERR_INVALID);
    assert_true(bytes_has_prefix(msg, BYTES_LIT("Two document paths overlap")));
    b = expr_build_new(&w.arena, /* n_nodes_max= */ 2);
    x = expr_build_path(b, &a);
    x = expr_build_compare(b, EXPR_EQ, x, expr_build_value(b, &list));
    assert_int_equal(expr_build_cond(b, x, &cond, &msg), ERR_TOO_BIG);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_condition),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
