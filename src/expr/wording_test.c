/* The words of every error, as DynamoDB says them: clients and their tests compare them whole. */

#include "expr/test_util.h"

struct wording_case {
    const char *text;
    const char *message; /* after "Invalid ...Expression: "; NULL: no error */
};

/* One table of placeholders serves all cases. */
static const char table[] =
    "{#a: 'a', #b: 'b', #c: 'c', #3: '[3]', :s: 'a', :n: 5, :m: 4, :b: b'abc', :bb: b'abd', "
    ":bool: true, :null: null, :ss: <'a'>, :ns: <1>, :bs: <b'a'>, :map: {a: 1}, :list: [1], "
    ":type: 'STRING'}";

static enum err parse(
    struct world *w, enum expr_kind kind, struct bytes text, struct bytes *reterr_msg)
{
    const struct expr_cond *c;
    const struct expr_projection *p;
    const struct expr_update *u;
    struct expr_key_cond k;
    static const struct expr_key_schema schema = {.hash = {BYTES_LIT("a"), VALUE_STRING}};
    switch (kind) {
    case EXPR_CONDITION:
    case EXPR_FILTER:
        return expr_cond_parse(&w->arena, kind, text, &w->env, &c, reterr_msg);
    case EXPR_KEY_CONDITION:
        return expr_key_cond_parse(&w->arena, text, &w->env, &schema, &k, reterr_msg);
    case EXPR_PROJECTION:
        return expr_projection_parse(&w->arena, text, &w->env, &p, reterr_msg);
    case EXPR_UPDATE:
        return expr_update_parse(&w->arena, text, &w->env, &u, reterr_msg);
    }
    UNREACHABLE();
}

static const char *const prefixes[] = {
    [EXPR_CONDITION] = "Invalid ConditionExpression: ",
    [EXPR_FILTER] = "Invalid FilterExpression: ",
    [EXPR_KEY_CONDITION] = "Invalid KeyConditionExpression: ",
    [EXPR_PROJECTION] = "Invalid ProjectionExpression: ",
    [EXPR_UPDATE] = "Invalid UpdateExpression: ",
};

static void check_one(struct world *w, enum expr_kind kind, const char *text, const char *message)
{
    struct bytes msg = BYTES_NONE;
    enum err err = parse(w, kind, bytes_str(text), &msg);
    if (message == NULL) {
        if (err != OK) {
            fail_msg("%s: %s", text, text_of(w, msg));
        }
        return;
    }
    struct bytes want = bytes_fmt(&w->arena, "%s%s", prefixes[kind], message);
    if (err != ERR_INVALID || !bytes_eq(msg, want)) {
        fail_msg("%s: %s: %s", text, err_name(err), text_of(w, msg));
    }
}

static void check_all(enum expr_kind kind, const struct wording_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    placeholders(&w, table);
    for (size_t i = 0; i < n; i++) {
        check_one(&w, kind, cases[i].text, cases[i].message);
    }
    world_done(&w);
}
#define CHECK_ALL(kind, cases) check_all((kind), (cases), sizeof(cases) / sizeof(cases)[0])

#define NEAR(token, near) "Syntax error; token: \"" token "\", near: \"" near "\""
#define RESERVED(word)    "Attribute name is a reserved keyword; reserved keyword: " word
#define COUNT(name, n)                                                                   \
    "Incorrect number of operands for operator or function; operator or function: " name \
    ", number of operands: " n
#define TYPE(name, type)                                                           \
    "Incorrect operand type for operator or function; operator or function: " name \
    ", operand type: " type
#define NEEDS_PATH(name) \
    "Operator or function requires a document path; operator or function: " name
#define MISUSED(name) \
    "The function is not allowed to be used this way in an expression; function: " name
#define DISTINCT(op, path)                                                                 \
    "The first operand must be distinct from the remaining operands for this operator or " \
    "function; operator: " op ", first operand: " path
#define CLASH(what, one, two)                                                                  \
    "Two document paths " what " with each other; must remove or rewrite one of these paths; " \
    "path one: " one ", path two: " two
#define NO_NAME(name) \
    "An expression attribute name used in the document path is not defined; attribute name: " name
#define NO_VALUE(name) \
    "An expression attribute value used in expression is not defined; attribute value: " name
#define EMPTY     "The expression can not be empty;"
#define REDUNDANT "The expression has redundant parentheses;"

/* A syntax error quotes the token and its neighbours as they were written. */
static void syntax_of_conditions(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"", EMPTY},
        {" ", NEAR("<EOF>", "")},
        {"a", NEAR("<EOF>", "a")},
        {"#a =", NEAR("<EOF>", "=")},
        {"a = ", NEAR("<EOF>", "= ")},
        {"a :s", NEAR(":s", "a :s")},
        {"a == :s", NEAR("=", "== :s")},
        {"a = :s AND", NEAR("<EOF>", "AND")},
        {"a AND b", NEAR("AND", "a AND b")},
        {"attribute_type()", NEAR(")", "()")},
        {"#a[abc].#b = :s", NEAR("abc", "[abc]")},
        {"#a[-1].#b = :s", NEAR("-", "[-1")},
        {"#a[] = :s", NEAR("]", "[] =")},
        {"a = 5", NEAR("5", "= 5")},
        {"a = \"x\"", NEAR("\"", "= \"x")},
        {"_a = :s", NEAR("_", "_a")},
        {"a = :s)", NEAR(")", ":s)")},
        {"(a = :s", NEAR("<EOF>", ":s")},
        {"a-b = :s", NEAR("-", "a-b")},
        {"a IN ()", NEAR(")", "()")},
        {"a BETWEEN :n", NEAR("<EOF>", ":n")},
        {"and = :s", NEAR("and", "and =")},
        {"a.and = :s", NEAR("and", ".and =")},
        {"\xc3\xa9 = :s", NEAR("\xc3\xa9", "\xc3\xa9 =")},
        {"# = :s", NEAR("#", "# =")},
        {"a = :", NEAR(":", "= :")},
        {"NOT", NEAR("<EOF>", "NOT")},
        {"attribute_exists(a) = ", NEAR("<EOF>", "= ")},
    };
    CHECK_ALL(EXPR_CONDITION, cases);
}

/* Words, functions and their places come before placeholders and types. */
static void conditions(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"((a = :s))", REDUNDANT},
        {"a = :s AND ((b = :s))", REDUNDANT},
        {"((a)) = :s", REDUNDANT},
        {"((attribute_exists(a)))", REDUNDANT},
        {"((a = :s) AND (b = :s))", NULL},
        {"((comment = :zz)", NEAR("<EOF>", ")")},
        {"((comment = :zz))", REDUNDANT},
        {"comment = :zz", RESERVED("comment")},
        {"a.Comment = :zz", RESERVED("Comment")},
        {"size(aBort) = :n", RESERVED("aBort")},
        {"a[2147483648] = :s", "List index is not within the allowable range; index: [2147483648]"},
        {"a[2147483647] = :s", NULL},
        {"a[00000000000] = :s",
         "List index is not within the allowable range; index: [00000000000]"},
        {"f(a)", "Invalid function name; function: f"},
        {"SIZE(a) = :n", "Invalid function name; function: SIZE"},
        {"Attribute_exists(a)", "Invalid function name; function: Attribute_exists"},
        {"if_not_exists(a, :s) = :s",
         "The function is not allowed in a condition expression; function: if_not_exists"},
        {"size(a)", MISUSED("size")},
        {"(size(a))", MISUSED("size")},
        {"a = :s AND size(b)", MISUSED("size")},
        {"attribute_exists(a) = :s", MISUSED("attribute_exists")},
        {"size(contains(a, b)) > :n", MISUSED("contains")},
        {"attribute_exists(a, b)", COUNT("attribute_exists", "2")},
        {"contains(a)", COUNT("contains", "1")},
        {"begins_with(a, :s, :s)", COUNT("begins_with", "3")},
        {"size(a, b) = :n", COUNT("size", "2")},
        {"#x = :x", NO_NAME("#x")},
        {":x = #x", NO_VALUE(":x")},
        {"a = :x", NO_VALUE(":x")},
        {"a = a", DISTINCT("=", "[a]")},
        {"#a.b[1] <> a.b[1]", DISTINCT("<>", "[a, b, [1]]")},
        {"a BETWEEN :m AND a", DISTINCT("BETWEEN", "[a]")},
        {"a IN (b, #a)", DISTINCT("IN", "[a]")},
        {"contains(a, #a)", DISTINCT("contains", "[a]")},
        {"begins_with(a.#3, a.#3)", DISTINCT("begins_with", "[a, [3]]")},
        {"size(a) = size(a)", NULL},
    };
    CHECK_ALL(EXPR_CONDITION, cases);
    CHECK_ALL(EXPR_FILTER, cases);
}

/* Operand types that no item could make right are refused at once. */
static void condition_types(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"begins_with(a, :n)", TYPE("begins_with", "N")},
        {"begins_with(:ss, a)", TYPE("begins_with", "SS")},
        {"begins_with(a, size(b))", TYPE("begins_with", "N")},
        {"a < :bool", TYPE("<", "BOOL")},
        {":map >= a", TYPE(">=", "M")},
        {"a = :map", NULL},
        {"a BETWEEN :ns AND :ns", TYPE("BETWEEN", "NS")},
        {"size(:n) > :n", TYPE("size", "N")},
        {"size(:null) > :n", TYPE("size", "NULL")},
        {"size(size(a)) > :n", TYPE("size", "N")},
        {"attribute_exists(:s)", NEEDS_PATH("attribute_exists")},
        {"attribute_not_exists(size(a))", NEEDS_PATH("attribute_not_exists")},
        {"attribute_type(:n, :n)", TYPE("attribute_type", "N")},
        {"attribute_type(a, :n)", TYPE("attribute_type", "N")},
        {"attribute_type(a, b)", TYPE("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")},
        {"attribute_type(a, :type)",
         "Invalid attribute type name found; type: STRING, valid types: "
         "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
        {"a BETWEEN :n AND :m",
         "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
         "lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {N:4}"},
        {"a BETWEEN :bb AND :b",
         "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
         "lower bound operand: AttributeValue: {B:YWJk}, upper bound operand: AttributeValue: "
         "{B:YWJj}"},
        {"a BETWEEN :n AND :s",
         "The BETWEEN operator requires same data type for lower and upper bounds; "
         "lower bound operand: AttributeValue: {N:5}, upper bound operand: AttributeValue: {S:a}"},
        {"a BETWEEN :m AND :m", NULL},
    };
    CHECK_ALL(EXPR_CONDITION, cases);
    CHECK_ALL(EXPR_FILTER, cases);
}

/* Updates: syntax. */
static void syntax_of_updates(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"", EMPTY},
        {"INVALID SYNTAX HERE", NEAR("INVALID", "INVALID SYNTAX")},
        {"ADD hits : incr", NEAR(":", "hits : incr")},
        {"SET", NEAR("<EOF>", "SET")},
        {"set a", NEAR("<EOF>", "a")},
        {"SET a = :n +", NEAR("<EOF>", "+")},
        {"SET a = b / :n", NEAR("/", "b / :n")},
        {"SET a = :n, 0)", NEAR("0", ", 0)")},
        {"SET a = :n, # = :n", NEAR("#", ", # =")},
        {"SET _123 = :n", NEAR("_", "SET _123")},
        {"SET #a[0.#b = :n", NEAR(".", "0.#b")},
        {"SET a = b + c + d", NEAR("+", "c + d")},
        {"SET a = set", NEAR("set", "= set")},
        {"remove a = b", NEAR("=", "a = b")},
        {"remove a b", NEAR("b", "a b")},
        {"add a b", NEAR("b", "a b")},
        {"add a f(b)", NEAR("f", "a f(")},
        {"remove :a", NEAR(":a", "remove :a")},
        {"SET a = if_not_exists(a, :n+:n)", NEAR("+", ":n+:n")},
        {"set (a = (b + c))", NEAR("(", "set (a")},
        {"set a = (b.c).d + e", NEAR(".", ").d")},
        {"SET a[:n] = :n", NEAR(":n", "[:n]")},
        {"SET a[#a] = :n", NEAR("#a", "[#a]")},
        {"SET a = f(b", NEAR("<EOF>", "b")},
        {"SET a = :n,", NEAR("<EOF>", ",")},
        {"SET a = ((b.c.d)+(e))", NULL},
        {"SET a = ((b))", REDUNDANT},
    };
    CHECK_ALL(EXPR_UPDATE, cases);
}

/* Updates: the order of checks is words, sections, target paths, then actions from the last back.
 */
static void updates(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {" set #x = :x set abOrt = true ", RESERVED("abOrt")},
        {" remove Absolute ", RESERVED("Absolute")},
        {"set #x = f(:x) set c = d", "Invalid function name; function: f"},
        {"set a = LIST_APPEND(:list, :list)", "Invalid function name; function: LIST_APPEND"},
        {"set a = #x set c = :x",
         "The \"SET\" section can only be used once in an update expression;"},
        {"remove #x set a = b remove e",
         "The \"REMOVE\" section can only be used once in an update expression;"},
        {"add #x :e set a = b add e :f",
         "The \"ADD\" section can only be used once in an update expression;"},
        {"delete #x :e set a = b delete #y :f",
         "The \"DELETE\" section can only be used once in an update expression;"},
        {"set #x = if_not_exists(:x)", NO_NAME("#x")},
        {"set #a = :x", NO_VALUE(":x")},
        {"set a = :x, b = #y", NO_NAME("#y")},
        {"set #a = contains(s, :s)",
         "The function is not allowed in an update expression; function: contains"},
        {"set a = size(b)", "The function is not allowed in an update expression; function: size"},
        {"set a = list_append(list_append(b, :list), :list)", MISUSED("list_append")},
        {"set a = b remove a, #c, #3", CLASH("overlap", "[a]", "[a]")},
        {"set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)",
         CLASH("overlap", "[c, [1], a]", "[c]")},
        {"set c.b.#c = a, c = a, #3 = a", CLASH("overlap", "[c, b, c]", "[c]")},
        {"set #c[3].#3 = a, #c[3] = a", CLASH("overlap", "[c, [3], [3]]", "[c, [3]]")},
        {"remove c, #c.a, #3", CLASH("overlap", "[c]", "[c, a]")},
        {"set #c[3].#3 = a, #c.#3[3] = if_not_exists(a)",
         CLASH("conflict", "[c, [3], [3]]", "[c, [3], [3]]")},
        {"remove a.#c set a[1] = #3", CLASH("conflict", "[a, c]", "[a, [1]]")},
        {"set a.b = :n, a.c = :n, a.d[1] = :n, a.d[2] = :n", NULL},
        {"set a = if_not_exists(c)", COUNT("if_not_exists", "1")},
        {"set a = list_append(c)", COUNT("list_append", "1")},
        {"set a = if_not_exists(:s, c)", NEEDS_PATH("if_not_exists")},
        {"set a = if_not_exists(if_not_exists(a, b), c)", NEEDS_PATH("if_not_exists")},
        {"set a = list_append(:s, a)", TYPE("list_append", "S")},
        {"set a = list_append(a, :bs)", TYPE("list_append", "BS")},
        {"set a = a + :s", TYPE("+", "S")},
        {"set a = :s + :b", TYPE("+", "S")},
        {"set a = :list - a", TYPE("-", "L")},
        {"set a = if_not_exists(b, :s) + :n", NULL},
    };
    CHECK_ALL(EXPR_UPDATE, cases);
}

/* ADD takes numbers and sets, DELETE sets. */
static void update_operands(void **state)
{
    (void)state;
#define OPERAND(op, type)                                                                    \
    "Incorrect operand type for operator or function; operator: " op ", operand type: " type \
    ", typeSet: ALLOWED_FOR_" op "_OPERAND"
    static const struct wording_case cases[] = {
        {"set b = list_append(:s, a), c = if_not_exists(a) add a.b :s", OPERAND("ADD", "STRING")},
        {"delete a.b :s", OPERAND("DELETE", "STRING")},
        {"add a :null", OPERAND("ADD", "NULL")},
        {"add a :bool", OPERAND("ADD", "BOOLEAN")},
        {"add a :b", OPERAND("ADD", "BINARY")},
        {"add a :map", OPERAND("ADD", "MAP")},
        {"add a :list", OPERAND("ADD", "LIST")},
        {"delete a :n", OPERAND("DELETE", "NUMBER")},
        {"add a :n, b :ss, c :ns, d :bs", NULL},
        {"delete b :ss, c :ns, d :bs", NULL},
    };
    CHECK_ALL(EXPR_UPDATE, cases);
}

/* Projections. */
static void projections(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"", EMPTY},
        {"a,", NEAR("<EOF>", ",")},
        {",a", NEAR(",", ",a")},
        {"a,,b", NEAR(",", ",,b")},
        {"l[a]", NEAR("a", "[a]")},
        {"#a[].#b", NEAR("]", "[].")},
        {":s", NEAR(":s", ":s")},
        {"(a)", NEAR("(", "(a")},
        {"list[0].COMMENT", RESERVED("list")},
        {"#a[0].COMMENT", RESERVED("COMMENT")},
        {"#x", NO_NAME("#x")},
        {"a, #a", CLASH("overlap", "[a]", "[a]")},
        {"a.b[0],a.b[0]", CLASH("overlap", "[a, b, [0]]", "[a, b, [0]]")},
        {"a.b, a[1]", CLASH("conflict", "[a, b]", "[a, [1]]")},
        {"b, a, c, a.b.d", CLASH("overlap", "[a]", "[a, b, d]")},
        {"a[1], a[2], b.c, b.d", NULL},
    };
    CHECK_ALL(EXPR_PROJECTION, cases);
}

static struct bytes repeated(struct world *w, const char *first, const char *more, size_t n)
{
    struct buf b;
    buf_init(&b, 64 * 1024);
    buf_put_str(&b, first);
    for (size_t i = 1; i < n; i++) {
        buf_put_str(&b, more);
    }
    struct bytes text = bytes_dup(&w->arena, buf_bytes(&b));
    buf_done(&b);
    return text;
}

/* Length, operators, IN operands and path depth each have a limit, met exactly and passed by one.
 */
static void limits(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    placeholders(&w, "{:s: 1}");
    for (enum expr_kind kind = EXPR_CONDITION; kind <= EXPR_UPDATE; kind++) {
        check_one(
            &w,
            kind,
            text_of(&w, repeated(&w, "x", "x", 4097)),
            "Expression size has exceeded the maximum allowed size; expression size: 4097");
    }
    check_one(&w, EXPR_PROJECTION, text_of(&w, repeated(&w, "x", "x", 4096)), NULL);
    /* n comparisons are n operators and n - 1 ANDs. */
    check_one(&w, EXPR_CONDITION, text_of(&w, repeated(&w, "a=b", " AND a=b", 150)), NULL);
    check_one(
        &w,
        EXPR_CONDITION,
        text_of(&w, repeated(&w, "a=b", " AND a=b", 151)),
        "The expression contains too many operators; operator count: 301");
    struct bytes list = repeated(&w, "b", ",b", 100);
    check_one(
        &w, EXPR_FILTER, text_of(&w, bytes_fmt(&w.arena, "a IN (%.*s)", BYTES_FMT(list))), NULL);
    check_one(
        &w,
        EXPR_FILTER,
        text_of(&w, bytes_fmt(&w.arena, "a IN (%.*s,b)", BYTES_FMT(list))),
        "The IN operator is provided with too many operands; number of operands: 101");
    static const char deep[] = "The document path has too many nesting levels; nesting levels: 33";
    struct bytes path = repeated(&w, "a", "[0]", 33);
    check_one(&w, EXPR_PROJECTION, text_of(&w, repeated(&w, "a", "[0]", 32)), NULL);
    check_one(&w, EXPR_PROJECTION, text_of(&w, path), deep);
    const char *set = text_of(&w, bytes_fmt(&w.arena, "SET %.*s = :s", BYTES_FMT(path)));
    check_one(&w, EXPR_UPDATE, set, deep);
    world_done(&w);
}

/* The deepest texts that fit parse without trouble, whatever they turn out to be. */
static void deepest_texts(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    placeholders(&w, "{:s: 1}");
    check_one(&w, EXPR_CONDITION, text_of(&w, repeated(&w, "(", "(", 4096)), NEAR("<EOF>", "("));
    struct bytes open = repeated(&w, "(", "(", 2046);
    struct bytes close = repeated(&w, ")", ")", 2046);
    const char *text =
        text_of(&w, bytes_fmt(&w.arena, "%.*sa=b%.*s", BYTES_FMT(open), BYTES_FMT(close)));
    check_one(&w, EXPR_CONDITION, text, REDUNDANT);
    struct bytes nots = repeated(&w, "not ", "not ", 1000);
    text = text_of(&w, bytes_fmt(&w.arena, "%.*s a=b", BYTES_FMT(nots)));
    check_one(
        &w,
        EXPR_CONDITION,
        text,
        "The expression contains too many operators; operator count: 301");
    struct bytes calls = repeated(&w, "if_not_exists(a,", "if_not_exists(a,", 230);
    struct bytes ends = repeated(&w, ")", ")", 230);
    text = text_of(&w, bytes_fmt(&w.arena, "SET b=%.*s:s%.*s", BYTES_FMT(calls), BYTES_FMT(ends)));
    check_one(&w, EXPR_UPDATE, text, NULL);
    world_done(&w);
}

/* Every reserved word is refused in any case, and no other word is. */
static void reserved_words(void **state)
{
    (void)state;
    static const struct wording_case cases[] = {
        {"a1", NULL},
        {"ABORTS", NULL},
        {"Zone", RESERVED("Zone")},
        {"abort", RESERVED("abort")},
        {"localtimestamp", RESERVED("localtimestamp")},
        {"ttl", RESERVED("ttl")},
        {"name", RESERVED("name")},
        {"flight_id, seats_available", NULL},
    };
    CHECK_ALL(EXPR_PROJECTION, cases);
}

/* What no expression used is named at the end, names before values, in the request's order. */
static void unused_placeholders(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct bytes msg = BYTES_NONE;
    placeholders(&w, "{#a: 'a', #b: 'b', #c: 'c', :a: 1, :b: 2}");
    check_one(&w, EXPR_CONDITION, "#b = :b", NULL);
    assert_int_equal(expr_env_unused(&w.arena, &w.env, &msg), ERR_INVALID);
    assert_string_equal(
        text_of(&w, msg),
        "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #c}");
    check_one(&w, EXPR_PROJECTION, "#a, #c", NULL);
    assert_int_equal(expr_env_unused(&w.arena, &w.env, &msg), ERR_INVALID);
    assert_string_equal(
        text_of(&w, msg),
        "Value provided in ExpressionAttributeValues unused in expressions: keys: {:a}");
    check_one(&w, EXPR_UPDATE, "SET x = :a", NULL);
    assert_int_equal(expr_env_unused(&w.arena, &w.env, &msg), OK);
    world_done(&w);
}

/* Many placeholders are found as surely as few. */
static void many_placeholders(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct buf all;
    struct buf text;
    buf_init(&all, 64 * 1024);
    buf_init(&text, EXPR_BYTES_MAX);
    buf_put_str(&all, "{");
    buf_put_str(&text, "SET ");
    for (int i = 0; i < 200; i++) {
        buf_putf(&all, "#n%d: 'name%d', :v%d: %d, ", i, i, i, i);
        buf_putf(&text, "%s#n%d=:v%d", i > 0 ? "," : "", i, i);
    }
    buf_put_str(&all, "}");
    placeholders(&w, text_of(&w, buf_bytes(&all)));
    check_one(&w, EXPR_UPDATE, text_of(&w, buf_bytes(&text)), NULL);
    struct bytes msg;
    assert_int_equal(expr_env_unused(&w.arena, &w.env, &msg), OK);
    check_one(&w, EXPR_PROJECTION, "#n200", NO_NAME("#n200"));
    buf_done(&all);
    buf_done(&text);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(syntax_of_conditions),
        cmocka_unit_test(conditions),
        cmocka_unit_test(condition_types),
        cmocka_unit_test(syntax_of_updates),
        cmocka_unit_test(updates),
        cmocka_unit_test(update_operands),
        cmocka_unit_test(projections),
        cmocka_unit_test(limits),
        cmocka_unit_test(deepest_texts),
        cmocka_unit_test(reserved_words),
        cmocka_unit_test(unused_placeholders),
        cmocka_unit_test(many_placeholders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
