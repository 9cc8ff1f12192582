/* Statements about one item: which item, under which condition, changed how. */

#include "partiql/test_util.h"

struct item_case {
    const char *where;
    const char *expected; /* how it names, the key, and whether anything else is asked */
};

/* Equalities in the outermost AND name an item, whatever stands beside them. */
static void test_item(void **state)
{
    (void)state;
    static const struct item_case cases[] = {
        {"pk = 'a' AND sk = 's'", "item {M:{pk:{S:a}sk:{S:s}}} only"},
        {"sk = 's' AND 'a' = pk", "item {M:{pk:{S:a}sk:{S:s}}} only"},
        {"(pk = 'a' AND sk = 's') AND x = 1", "item {M:{pk:{S:a}sk:{S:s}}}"},
        {"pk = 'a' AND sk = 's' AND pk = 'a'", "item {M:{pk:{S:a}sk:{S:s}}} only"},
        {"pk = 'a' AND sk = 's' AND pk = 'b'", "many {M:{pk:{S:a}sk:{S:s}}}"},
        {"pk = 'a'", "part {M:{pk:{S:a}}} only"},
        {"pk = 'a' AND sk > 's'", "part {M:{pk:{S:a}}}"},
        {"pk = 'a' AND (sk = 's' OR x = 1)", "part {M:{pk:{S:a}}}"},
        {"pk = 'a' AND NOT sk = 's'", "part {M:{pk:{S:a}}}"},
        {"pk = 'a' AND sk = 1", "typed {M:{pk:{S:a}sk:{N:1}}} only"},
        {"pk IN ['a'] AND sk = 's'", "part {M:{sk:{S:s}}}"},
        {"x = 1", "part {M:{}}"},
    };
    static const char *const names[] = {"item", "part", "many", "typed"};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "DELETE FROM t WHERE %s", cases[i].where); /* all fit */
        must_parse(&w, text);
        struct partiql_item item;
        assert_int_equal(
            partiql_item_of(&w.arena, &w.stmt, pair_keys(), /* in_counts= */ false, &item), OK);
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        buf_putf(&b, "%s ", names[item.names]);
        put_value(&b, &item.key);
        buf_put_str(&b, item.key_only ? " only" : "");
        assert_text(&b, cases[i].where, cases[i].expected);
    }
    world_done(&w);
}

/* Where an IN list of one value counts, it names like an equality; a longer one does not. */
static void test_item_in(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct partiql_item item;
    must_parse(&w, "SELECT * FROM t WHERE pk IN ['a'] AND sk IN ('s')");
    assert_int_equal(partiql_item_of(&w.arena, &w.stmt, pair_keys(), true, &item), OK);
    assert_int_equal(item.names, PARTIQL_NAMES_ITEM);
    assert_true(item.key_only);
    must_parse(&w, "SELECT * FROM t WHERE pk IN ['a', 'b'] AND sk = 's'");
    assert_int_equal(partiql_item_of(&w.arena, &w.stmt, pair_keys(), true, &item), OK);
    assert_int_equal(item.names, PARTIQL_NAMES_PART);
    must_parse(&w, "SELECT * FROM t");
    assert_int_equal(partiql_item_of(&w.arena, &w.stmt, pair_keys(), true, &item), OK);
    assert_int_equal(item.names, PARTIQL_NAMES_PART);
    world_done(&w);
}

static void item_make(struct member members[4], struct value *ret)
{
    members[0] =
        (struct member){BYTES_LIT("n"), {.type = VALUE_NUMBER, .number = decimal_of_i64(5)}};
    members[1] = (struct member){BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("a")}};
    members[2] = (struct member){BYTES_LIT("sk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("s")}};
    *ret = (struct value){.type = VALUE_MAP, .map = {members, 3}};
}

/* INSERT wants no item there, UPDATE one that fits, DELETE one that fits or none. */
static void test_condition(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool on_item;
        bool on_none;
    } cases[] = {
        {"INSERT INTO t VALUE {'pk': 'a', 'sk': 's'}", false, true},
        {"UPDATE t SET x = 1 WHERE pk = 'a' AND sk = 's'", true, false},
        {"UPDATE t SET x = 1 WHERE pk = 'a' AND sk = 's' AND n = 5", true, false},
        {"UPDATE t SET x = 1 WHERE pk = 'a' AND sk = 's' AND n = 6", false, false},
        {"DELETE FROM t WHERE pk = 'a' AND sk = 's'", true, true},
        {"DELETE FROM t WHERE pk = 'a' AND sk = 's' AND n = 6", false, true},
        {"EXISTS(SELECT * FROM t WHERE pk = 'a' AND sk = 's' AND x IS MISSING)", true, false},
        {"EXISTS(SELECT * FROM t WHERE pk = 'a' AND sk = 's' AND pk = 'b')", false, false},
    };
    struct member members[4];
    struct value item;
    const struct value none = {.type = VALUE_MAP};
    item_make(members, &item);
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        must_parse(&w, cases[i].text);
        const struct expr_cond *c;
        assert_int_equal(partiql_condition(&w.arena, &w.stmt, pair_keys(), &c, &w.msg), OK);
        if (expr_cond_eval(c, &item) != cases[i].on_item ||
            expr_cond_eval(c, &none) != cases[i].on_none) {
            fail_msg("%s", cases[i].text);
        }
    }
    world_done(&w);
}

/* What an UPDATE makes of {l: [1], n: 5, pk: 'a', s: <<'x','y'>>}. */
static void test_update(void **state)
{
    (void)state;
    static const struct item_case cases[] = {
        {"SET a = 'x'", "a:{S:x}l:{L:[{N:1}]}n:{N:5}pk:{S:a}s:{SS:[{S:x}{S:y}]}"},
        {"SET n = n + 1", "l:{L:[{N:1}]}n:{N:6}pk:{S:a}s:{SS:[{S:x}{S:y}]}"},
        {"SET n = n - - 2", "l:{L:[{N:1}]}n:{N:7}pk:{S:a}s:{SS:[{S:x}{S:y}]}"},
        {"SET n = 10 - n SET l[0] = n", "l:{L:[{N:5}]}n:{N:5}pk:{S:a}s:{SS:[{S:x}{S:y}]}"},
        {"SET l = list_append(l, [2]) REMOVE s", "l:{L:[{N:1}{N:2}]}n:{N:5}pk:{S:a}"},
        {"SET l = LIST_APPEND([0], list_append(l, [<<'z'>>])) REMOVE s",
         "l:{L:[{N:0}{N:1}{SS:[{S:z}]}]}n:{N:5}pk:{S:a}"},
        {"SET s = set_add(s, <<'z'>>) REMOVE l REMOVE n", "pk:{S:a}s:{SS:[{S:x}{S:y}{S:z}]}"},
        {"SET s = set_delete(s, <<'x'>>) REMOVE l, REMOVE n", NULL},
        {"SET s = SET_DELETE(s, <<'x', 'y'>>), l = [n], t = set_add(t, <<1>>)",
         NULL /* a path inside a literal */},
        {"SET s = SET_DELETE(s, <<'x', 'y'>>) SET t = set_add(t, <<1>>)",
         "l:{L:[{N:1}]}n:{N:5}pk:{S:a}t:{NS:[{N:1}]}"},
        {"REMOVE l[0] REMOVE s SET m = {'a': [1, {'b': null}]}",
         "l:{L:[]}m:{M:{a:{L:[{N:1}{M:{b:{NULL:true}}}]}}}n:{N:5}pk:{S:a}"},
        {"SET b = n REMOVE s", "b:{N:5}l:{L:[{N:1}]}n:{N:5}pk:{S:a}"},
    };
    const struct value one = {.type = VALUE_NUMBER, .number = decimal_of_i64(1)};
    const struct value xy[] = {
        {.type = VALUE_STRING, .bytes = BYTES_LIT("x")},
        {.type = VALUE_STRING, .bytes = BYTES_LIT("y")}};
    const struct member members[] = {
        {BYTES_LIT("l"), {.type = VALUE_LIST, .list = {&one, 1}}},
        {BYTES_LIT("n"), {.type = VALUE_NUMBER, .number = decimal_of_i64(5)}},
        {BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("a")}},
        {BYTES_LIT("s"), {.type = VALUE_STRING_SET, .list = {xy, 2}}}};
    const struct value item = {.type = VALUE_MAP, .map = {members, 4}};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "UPDATE t %s WHERE pk = 'a'", cases[i].where); /* fits */
        const struct expr_update *u;
        struct value after;
        enum err err = parse(&w, text);
        err = err != OK ? err : partiql_update(&w.arena, &w.stmt, &u, &w.msg);
        if (cases[i].expected == NULL) {
            assert_int_equal(err, ERR_INVALID);
            continue;
        }
        err = err != OK ? err : expr_update_apply(&w.arena, u, &item, &after, &w.msg);
        if (err != OK) {
            fail_msg("%s: %s: %.*s", text, err_name(err), BYTES_FMT(w.msg));
        }
        struct buf b;
        struct buf expected;
        buf_init(&b, /* len_max= */ 4096);
        buf_init(&expected, /* len_max= */ 4096);
        put_value(&b, &after);
        buf_putf(&expected, "{M:{%s}}", cases[i].expected);
        buf_put_u8(&expected, 0);
        assert_text(&b, text, (const char *)expected.base);
        buf_done(&expected);
    }
    world_done(&w);
}

/* Updates that are refused, with where the fault is. */
static void test_update_refusals(void **state)
{
    (void)state;
    static const struct item_case cases[] = {
        {"SET o = set_add(s, <<'x'>>)",
         "The first argument to SET_ADD must equal the assignment value at 1:18:7"},
        {"\nSET s = set_add(s, 'x')",
         "The second argument to SET_ADD must be a value with type SET at 2:17:1"},
        {"SET \"s\" = set_delete(\"s\", ['x'])",
         "The second argument to SET_DELETE must be a value with type SET at 1:31:3"},
        {"SET s = set_add(s)", "SET_ADD must have exactly two arguments"},
        {"SET x = [?]", "Unsupported data type: Parameter under key root[0] at 1:19:1"},
        {"SET x = 'a' + 1",
         "Incorrect operand type for operator or function; operator or function: +, operand type: "
         "S"},
        {"SET x = n - null",
         "Incorrect operand type for operator or function; operator or function: -, operand type: "
         "NULL"},
        {"SET x = n * 2", "Unsupported operator in Update Expression. Operator: *"},
        {"SET x = n = 2", "Unsupported operator in Update Expression. Operator: ="},
        {"SET x = n IS MISSING", "IS operator is not supported in update expressions"},
        {"SET x = foo(n)", "Unrecognized function: foo"},
        {"SET x = list_append(l)",
         "Incorrect number of operands for operator or function; operator or function: "
         "list_append, number of operands: 1"},
        {"SET x = 1 SET x = 2",
         "Two document paths overlap with each other; must remove or rewrite one of these paths; "
         "path one: [x], path two: [x]"},
    };
    struct world w;
    world_init(&w);
    w.params[0] = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("p")};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        (void)snprintf(text, sizeof text, "UPDATE t %s WHERE pk = 'a'", cases[i].where); /* fits */
        w.n_params = strchr(text, '?') != NULL;
        must_parse(&w, text);
        const struct expr_update *u;
        enum err err = partiql_update(&w.arena, &w.stmt, &u, &w.msg);
        if (err != ERR_INVALID || !bytes_eq_str(w.msg, cases[i].expected)) {
            fail_msg("%s: %s: %.*s", text, err_name(err), BYTES_FMT(w.msg));
        }
    }
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_item),
        cmocka_unit_test(test_item_in),
        cmocka_unit_test(test_condition),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_update_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
