/* Key conditions: what they mean for a schema, and what they refuse. The table has hash key `p` (S)
 * and, where a case says so, range key `c` (N). */

#include "expr/test_util.h"

static const struct expr_key_schema hash_only = {.hash = {BYTES_LIT("p"), VALUE_STRING}};
static const struct expr_key_schema with_range = {
    .hash = {BYTES_LIT("p"), VALUE_STRING},
    .range = {BYTES_LIT("c"), VALUE_NUMBER},
};
static const struct expr_key_schema with_text_range = {
    .hash = {BYTES_LIT("p"), VALUE_NUMBER},
    .range = {BYTES_LIT("c"), VALUE_STRING},
};

static const struct expr_key_attr more[] = {
    {BYTES_LIT("q"), VALUE_NUMBER},
    {BYTES_LIT("d"), VALUE_NUMBER},
    {BYTES_LIT("e"), VALUE_STRING},
};
/* Hash attributes p and q, range attributes c, d and e. */
static const struct expr_key_schema wide = {
    .hash = {BYTES_LIT("p"), VALUE_STRING},
    .range = {BYTES_LIT("c"), VALUE_NUMBER},
    .more = more,
    .n_more_hash = 1,
    .n_more_range = 2,
};
static const struct expr_key_schema two_hashes = {
    .hash = {BYTES_LIT("p"), VALUE_STRING},
    .more = more,
    .n_more_hash = 1,
};

static const char *described(struct world *w, const struct expr_key_cond *k)
{
    static const char *const ops[] = {
        [EXPR_RANGE_ALL] = "all",
        [EXPR_RANGE_EQ] = "=",
        [EXPR_RANGE_LT] = "<",
        [EXPR_RANGE_LE] = "<=",
        [EXPR_RANGE_GT] = ">",
        [EXPR_RANGE_GE] = ">=",
        [EXPR_RANGE_BETWEEN] = "between",
        [EXPR_RANGE_BEGINS_WITH] = "begins",
    };
    struct bytes text = bytes_fmt(&w->arena, "%s", show(w, &k->hash));
    for (size_t i = 0; i < k->n_more; i++) {
        text = bytes_fmt(&w->arena, "%.*s %s", BYTES_FMT(text), show(w, &k->more[i]));
    }
    text = bytes_fmt(&w->arena, "%.*s %s", BYTES_FMT(text), ops[k->op]);
    if (k->op != EXPR_RANGE_ALL) {
        text = bytes_fmt(&w->arena, "%.*s %s", BYTES_FMT(text), show(w, &k->lo));
    }
    if (k->op == EXPR_RANGE_BETWEEN) {
        text = bytes_fmt(&w->arena, "%.*s %s", BYTES_FMT(text), show(w, &k->hi));
    }
    return text_of(w, text);
}

struct key_case {
    const struct expr_key_schema *schema;
    const char *text;
    const char *result; /* the condition described, or the message */
};

static void check_all(const struct key_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < n; i++) {
        struct expr_key_cond k = {0};
        struct bytes msg = BYTES_NONE;
        placeholders(
            &w,
            "{#p: 'p', #c: 'c', :p: 'k', :c: 3, :d: 7, :s: 'x', :e: '', :l: [1], :b: b'x', :n: 5}");
        enum err err = expr_key_cond_parse(
            &w.arena, bytes_str(cases[i].text), &w.env, cases[i].schema, &k, &msg);
        const char *result = err == OK ? described(&w, &k) : text_of(&w, msg);
        assert_int_equal(err, err == OK ? OK : ERR_INVALID);
        if (strcmp(result, cases[i].result) != 0) {
            fail_msg("%s: %s", cases[i].text, result);
        }
    }
    world_done(&w);
}
#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof(cases)[0])

/* Every operator, either order of conditions and of operands, parentheses, names, any blanks and
 * case. */
static void accepts(void **state)
{
    (void)state;
    static const struct key_case cases[] = {
        {&hash_only, "p = :p", "'k' all"},
        {&hash_only, "p= :p", "'k' all"},
        {&hash_only, "(:p=#p)", "'k' all"},
        {&with_range, "p=:p", "'k' all"},
        {&with_range, "p=:p AND c=:c", "'k' = 3"},
        {&with_range, "c=:c and p=:p", "'k' = 3"},
        {&with_range, "p=:p AND c<:c", "'k' < 3"},
        {&with_range, "p=:p AND c<=:c", "'k' <= 3"},
        {&with_range, "p=:p AND c>:c", "'k' > 3"},
        {&with_range, "p=:p AND c>=:c", "'k' >= 3"},
        {&with_range, ":p=p AND :c<c", "'k' > 3"},
        {&with_range, ":p=p AND :c<=c", "'k' >= 3"},
        {&with_range, ":p=p AND :c>c", "'k' < 3"},
        {&with_range, ":p=p AND :c>=c", "'k' <= 3"},
        {&with_range, ":p=p AND :c=c", "'k' = 3"},
        {&with_range, "p=:p AnD #c bEtween :c aNd :d", "'k' between 3 7"},
        {&with_range, "((c=:c) AND (p=:p))", "'k' = 3"},
        {&with_range, "(p) = (:p) AND (c BETWEEN (:c) AND :d)", "'k' between 3 7"},
        {&with_text_range, "p=:n AND begins_with(c, :s)", "5 begins 'x'"},
        {&with_text_range, "begins_with ( c , :s ) AND p=:n", "5 begins 'x'"},
    };
    CHECK_ALL(cases);
}

/* A key of several attributes: every hash attribute by equality, range attributes from the first
 * on, all but the last by equality. */
static void several_attributes(void **state)
{
    (void)state;
#define GAP(gaps, last)                                                \
    "RANGE key attributes " gaps                                       \
    " must have equality conditions specified in the query because a " \
    "condition is present on key attribute " last
    static const struct key_case cases[] = {
        {&two_hashes, "q=:n AND p=:p", "'k' 5 all"},
        {&two_hashes, "p=:p", "Query condition missed key schema element: q"},
        {&two_hashes, "p=:p AND q>:n", "Query key condition not supported"},
        {&two_hashes, "p=:p AND q=:n AND c=:c", "Query key condition not supported"},
        {&wide, "p=:p AND q=:n", "'k' 5 all"},
        {&wide, "p=:p AND q=:n AND c=:c", "'k' 5 = 3"},
        {&wide, "p=:p AND c BETWEEN :c AND :d AND q=:n", "'k' 5 between 3 7"},
        {&wide, "d<:d AND c=:c AND p=:p AND q=:n", "'k' 5 3 < 7"},
        {&wide, "p=:p AND q=:n AND c=:c AND d=:d AND e=:s", "'k' 5 3 7 = 'x'"},
        {&wide, "p=:p AND q=:n AND c=:c AND d=:d AND begins_with(e,:s)", "'k' 5 3 7 begins 'x'"},
        {&wide, "q=:n", "Query condition missed key schema element: p"},
        {&wide, "p=:p AND q=:n AND d=:d", GAP("c", "d")},
        {&wide, "p=:p AND q=:n AND e=:s", GAP("c, d", "e")},
        {&wide, "p=:p AND q=:n AND c>:c AND d=:d", GAP("c", "d")},
        {&wide, "p=:p AND q=:n AND c=:c AND x=:d", "Query condition missed key schema element: d"},
        {&wide,
         "p=:p AND q=:n AND c=:s",
         "One or more parameter values were invalid: Condition parameter type does not match "
         "schema type"},
    };
#undef GAP
    CHECK_ALL(cases);
}

/* What is no key condition in form. */
static void refuses_forms(void **state)
{
    (void)state;
    static const struct key_case cases[] = {
        {&with_range, "p=:p OR c=:c", "Invalid operator used in KeyConditionExpression: OR"},
        {&with_range, "NOT c=:c AND p=:p", "Invalid operator used in KeyConditionExpression: NOT"},
        {&with_range, "p IN (:p)", "Invalid operator used in KeyConditionExpression: IN"},
        {&with_range, "p=:p AND c<>:c", "Invalid operator used in KeyConditionExpression: <>"},
        {&with_range,
         "p=:p AND attribute_exists(c)",
         "Invalid operator used in KeyConditionExpression: attribute_exists"},
        {&with_range,
         "p=:p AND contains(c, :s)",
         "Invalid operator used in KeyConditionExpression: contains"},
        {&with_range,
         "p=:p AND :c BETWEEN c AND :d",
         "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key "
         "attribute "
         "as its first operand"},
        {&with_range,
         "p=:p AND begins_with(:s, c)",
         "Invalid condition in KeyConditionExpression: begins_with operator must have the key "
         "attribute as its first operand"},
        {&with_range,
         "size(p) = :c AND a.b = :c",
         "KeyConditionExpressions cannot contain nested operations"},
        {&with_range,
         "p = c",
         "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
         "condition"},
        {&with_range,
         ":p = :s",
         "Invalid condition in KeyConditionExpression: No key attribute specified"},
        {&with_range,
         "p=:p AND a.b < :c",
         "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on nested "
         "attributes"},
        {&with_range,
         "p=:p AND c>:c AND c<:d",
         "KeyConditionExpressions must only contain one condition per key"},
        {&with_range, "p=:p AND c>:c AND a<:d", "Conditions can be of length 1 or 2 only"},
        {&with_range, "", "Invalid KeyConditionExpression: The expression can not be empty;"},
        {&with_range,
         "p=:p AND c!=:c",
         "Invalid KeyConditionExpression: Syntax error; token: \"!\", near: \"c!=\""},
        {&with_range,
         "((p=:p))",
         "Invalid KeyConditionExpression: The expression has redundant parentheses;"},
        {&with_range,
         "p=:p AND begins_with(c, :c)",
         "Invalid KeyConditionExpression: Incorrect operand type for operator or function; "
         "operator "
         "or function: begins_with, operand type: N"},
    };
    CHECK_ALL(cases);
}

/* What does not fit the schema. */
static void refuses_by_schema(void **state)
{
    (void)state;
    static const char type[] =
        "One or more parameter values were invalid: Condition parameter type "
        "does not match schema type";
    static const struct key_case cases[] = {
        {&with_range, "c=:c", "Query condition missed key schema element: p"},
        {&with_range, "p=:p AND a=:c", "Query condition missed key schema element: c"},
        {&hash_only, "a=:c", "Query condition missed key schema element: p"},
        {&hash_only, "p=:p AND c=:c", "Query key condition not supported"},
        {&hash_only, "p>:p", "Query key condition not supported"},
        {&with_range, "p BETWEEN :p AND :s AND c=:c", "Query key condition not supported"},
        {&with_range, "begins_with(p, :p)", "Query key condition not supported"},
        {&with_range, "p=:c", type},
        {&with_range, "p=:l", type},
        {&with_range, "p=:p AND c=:s", type},
        {&with_text_range, "p=:n AND c=:b", type},
    };
    CHECK_ALL(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(several_attributes),
        cmocka_unit_test(refuses_forms),
        cmocka_unit_test(refuses_by_schema),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
