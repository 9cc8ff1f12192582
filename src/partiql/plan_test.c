/* SELECT: which key ranges are read for which WHERE clause, what the filter lets through, and which
 * clauses are refused. */

#include "partiql/test_util.h"

static void put_read(struct buf *b, const struct expr_key_cond *r)
{
    static const char *const ops[] = {"", "=", "<", "<=", ">", ">=", "..", "^"};
    buf_putf(b, " %.*s", BYTES_FMT(r->hash.bytes));
    if (r->op != EXPR_RANGE_ALL) {
        buf_putf(b, "/%s%.*s", ops[r->op], BYTES_FMT(r->lo.bytes));
    }
    if (r->op == EXPR_RANGE_BETWEEN) {
        buf_putf(b, "-%.*s", BYTES_FMT(r->hi.bytes));
    }
}

static enum err plan(
    struct world *w, const char *where, const struct partiql_held *held, struct partiql_reads *ret)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "SELECT * FROM t WHERE %s", where); /* all fit */
    must_parse(w, text);
    return partiql_plan_reads(&w->arena, &w->stmt, pair_keys(), held, ret, &w->msg);
}

struct plan_case {
    const char *where;
    const char *expected;
};

/* A range for each partition and stretch of sort keys a clause names, in the order of the keys; all
 * is read when a way through the clause names no partition. */
static void test_reads(void **state)
{
    (void)state;
    static const struct plan_case cases[] = {
        {"pk = 'a'", "a"},
        {"'a' = pk", "a"},
        {"pk = 'a' AND sk = 's'", "a/=s"},
        {"pk = 'a' AND sk < 's'", "a/<s"},
        {"pk = 'a' AND 's' <= sk", "a/>=s"},
        {"pk = 'a' AND sk BETWEEN 'b' AND 'c'", "a/..b-c"},
        {"pk = 'a' AND begins_with(sk, 'b')", "a/^b"},
        {"pk = 'a' AND BEGINS_WITH(sk, 'b') AND sk > 'ba'", "a/..ba-c"},
        {"pk = 'a' AND sk > 'b' AND sk < 'd'", "a/..b-d"},
        {"pk = 'a' AND sk = 's' AND sk > 'b'", "a/=s"},
        {"(pk = 'a' AND sk = 's') AND x = 1", "a/=s"},
        {"pk = 'a' AND sk > 'd' AND sk < 'b'", ""},
        {"pk IN ['b', 'a']", "b a"},
        {"pk IN ('a', 'b') AND sk = 's'", "a/=s b/=s"},
        {"pk IN ('a')", "a"},
        {"pk = 'a' OR pk = 'b'", "a b"},
        {"pk = 'a' AND sk IN ['3', '1', '2']", "a/=1 a/=2 a/=3"},
        {"(pk = 'a' AND sk < 'c') OR (pk = 'a' AND sk > 'd')", "a/<c a/>d"},
        {"pk = 'a' AND (sk < '1' OR sk > '1' OR sk = '1')", "a/<1 a/=1 a/>1"},
        {"pk = 'a' AND NOT sk = '1'", "a"},
        {"pk = 'a' AND sk <> '1'", "a"},
        {"pk = 'a' AND (x = 1 OR y = 2)", "a"},
        {"pk = 'a' AND attribute_exists(pk)", "a"},
        {"pk > 'a'", "scan"},
        {"x = 1", "scan"},
        {"NOT pk = 'a'", "scan"},
        {"pk = 'a' OR x = 1", "scan"},
        {"pk = 'a' OR sk = '1'", "scan"},
        {"pk = 'a' AND pk = 'b'", "scan"},
        {"pk = 'a' AND pk = 'a'", "a"},
        {"pk NOT IN ['a']", "scan"},
        {"pk = x", "scan"},
        {"pk = 'a' ORDER BY sk DESC", "a back"},
        {"pk = 'a' ORDER BY sk", "a"},
        {"pk = 'a' ORDER BY pk ASC", "a back"},
        {"pk IN ['a', 'b'] ORDER BY pk DESC, sk ASC", "b a"},
        {"pk = 'a' AND sk IN ['1', '2'] ORDER BY sk DESC", "a/=2 a/=1 back"},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct partiql_reads reads;
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        enum err err = plan(&w, cases[i].where, NULL, &reads);
        if (err != OK) {
            fail_msg("%s: %s: %.*s", cases[i].where, err_name(err), BYTES_FMT(w.msg));
        }
        assert_non_null(reads.filter);
        buf_put_str(&b, reads.scan ? " scan" : "");
        for (size_t k = 0; k < reads.n_reads; k++) {
            put_read(&b, &reads.reads[k].cond);
        }
        buf_put_str(&b, reads.backward ? " back" : "");
        struct bytes got = bytes_from(buf_bytes(&b), 1);
        if (!bytes_eq_str(got, cases[i].expected)) {
            fail_msg("%s: %.*s", cases[i].where, BYTES_FMT(got));
        }
        buf_done(&b);
    }
    world_done(&w);
}

static void put_values(struct buf *b, int n)
{
    for (int i = 0; i < n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        buf_putf(b, "'v%d'", i);
    }
}

#define OVERLAP "Overlapping conditions with range keys are not supported in where clause"
#define EMPTY                                                                                    \
    "One or more parameter values are not valid. The AttributeValue for a key attribute cannot " \
    "contain an empty string value. Key: "
static const struct plan_case refusals[] = {
    {"pk IN ['a', 'a']", OVERLAP},
    {"pk = 'a' OR pk = 'a'", OVERLAP},
    {"pk = 'a' AND (sk > '0' OR sk < '5')", OVERLAP},
    {"pk = 'a' AND (sk = '1' OR x = 2)", OVERLAP},
    {"pk = 'a' AND (begins_with(sk, 'b') OR sk = 'bc')", OVERLAP},
    {"pk = 1", "Key attribute's data type should match its data type in table's schema: Key pk"},
    {"pk = 'a' AND sk IN ['1', 2]",
     "Key attribute's data type should match its data type in table's schema: Key sk"},
    {"pk = ''", EMPTY "pk"},
    {"pk IN ['a', ''] AND sk = '1'", EMPTY "pk"},
    {"pk = 'a' AND sk > ''", EMPTY "sk"},
    {"pk = true", "Key value must be of type S, N, or B. Key name: pk, Key type: BOOL"},
    {"pk.a = 1",
     "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
     "allowed: Key pk"},
    {"a", "WHERE clause must contain an expression that resolves to a boolean"},
    {"a = 1 AND b", "The arguments to AND/OR must be Expressions"},
    {"NOT a", "The argument to NOT must be a Type or Expression"},
    {"a = MISSING", "MISSING must be compared using IS operator"},
    {"1 IS MISSING",
     "The left hand side argument to IS must be a Variable Reference, Literal, or Path"},
    {"a IS INT",
     "Unsupported data type for IS operator: INT. Supported data types are [MISSING, NULL, "
     "BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]"},
    {"a IN 5",
     "IN operator must have a left hand argument of type Variable Reference and right hand "
     "argument of type Seq with at least one member"},
    {"a IN []",
     "IN operator must have a left hand argument of type Variable Reference and right hand "
     "argument of type Seq with at least one member"},
    {"a + 1 = 2", "Unsupported operator in Condition Expression. Operator: +"},
    {"a = -b", "Unsupported operator in Condition Expression. Operator: -"},
    {"a LIKE 'x'", "Unsupported operator in Condition Expression. Operator: LIKE"},
    {"foo(a)", "Unrecognized function: foo"},
    {"a = <<>>", "Empty bags are not supported"},
    {"attribute_type(a, 1)",
     "Incorrect operand type for operator or function; operator or function: attribute_type, "
     "operand type: N"},
    {"attribute_type(a, 'X')",
     "Invalid attribute type name found; type: X, valid types: "
     "{N,BS,L,B,NULL,M,S,SS,NS,BOOL}"},
    {"a > [1]",
     "Incorrect operand type for operator or function; operator or function: >, operand type: "
     "L"},
    {"contains(a, 1) > false",
     "Incorrect operand type for operator or function; operator or function: >, operand type: "
     "BOOL"},
    {"pk = 'a' ORDER BY x", "Attribute x in ORDER BY clause must be part of the primary key"},
    {"pk > 'a' ORDER BY sk",
     "Must have at least one non-optional hash key condition in WHERE clause when using ORDER "
     "BY clause."},
    {"pk IN ['a', 'b'] ORDER BY sk",
     "Must have hash key in ORDER BY clause when more than one hash key condition specified in "
     "WHERE clause."},
};

/* Clauses that are refused, in DynamoDB's words. */
static void test_refusals(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        struct partiql_reads reads;
        enum err err = plan(&w, refusals[i].where, NULL, &reads);
        if (err != ERR_INVALID || !bytes_eq_str(w.msg, refusals[i].expected)) {
            fail_msg("%s: %s: %.*s", refusals[i].where, err_name(err), BYTES_FMT(w.msg));
        }
    }
    must_parse(&w, "SELECT * FROM t ORDER BY sk");
    struct partiql_reads reads;
    assert_int_equal(
        partiql_plan_reads(&w.arena, &w.stmt, pair_keys(), NULL, &reads, &w.msg), ERR_INVALID);
    assert_true(
        bytes_eq_str(w.msg, "Must have WHERE clause in the statement when using ORDER BY clause."));
    world_done(&w);
}

struct count_case {
    const char *before;
    int n;
    const char *after;
    const char *expected; /* NULL: taken */
};

/* Fifty ranges are read and 51 refused; what names no partition may have more; IN takes 100 values
 * of other attributes. */
static void test_too_many(void **state)
{
    (void)state;
    static const char reads_words[] = "Too many decomposed read operations for a given query.";
    static const char in_words[] =
        "The IN operator is provided with too many operands; number of operands: 101";
    static const struct count_case cases[] = {
        {"pk IN [", 50, "]", NULL},
        {"pk IN [", 51, "]", reads_words},
        {"pk IN [", 100, "]", reads_words},
        {"pk = 'a' AND sk IN [", 51, "]", reads_words},
        {"sk IN ['1', '2'] AND pk IN [", 25, "]", NULL},
        {"sk IN ['1', '2'] AND pk IN [", 26, "]", reads_words},
        {"x = 1 OR pk IN [", 51, "]", NULL},
        {"pk = 'a' AND x IN [", 100, "]", NULL},
        {"pk = 'a' AND x IN [", 101, "]", in_words},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        buf_put_str(&b, cases[i].before);
        put_values(&b, cases[i].n);
        buf_put_str(&b, cases[i].after);
        buf_put_u8(&b, 0);
        struct partiql_reads reads;
        enum err err = plan(&w, (const char *)b.base, NULL, &reads);
        assert_int_equal(err, cases[i].expected == NULL ? OK : ERR_INVALID);
        assert_true(err == OK || bytes_eq_str(w.msg, cases[i].expected));
        buf_done(&b);
    }
    world_done(&w);
}

/* Attributes that an index does not hold are told for the range of the greatest partition, unless
 * some range does without. */
static void test_not_held(void **state)
{
    (void)state;
    static const struct bytes names[] = {
        {(const uint8_t *)"pk", 2}, {(const uint8_t *)"sk", 2}, {(const uint8_t *)"in", 2}};
    static const struct partiql_held held = {names, 3};
    static const struct plan_case cases[] = {
        {"pk = 'a' AND \"in\" = 1", ""},
        {"pk = 'a' AND NOT (out = 1 OR \"in\" = 2)", "out"},
        {"pk = 'a' AND b = 1 AND (a = 2 OR \"in\" = 3)", "a b"},
        {"pk = 'a' AND (zz = '1' OR aa = '2' OR mm = '3')", "zz aa mm"},
        {"(pk = 'b' AND u1 = 1) OR (pk = 'q' AND u2 = 1)", "u2"},
        {"(pk = 'q' AND u1 = 1) OR (pk = 'b' AND u2 = 1)", "u1"},
        {"(pk = 'y' AND \"in\" = 1) OR (pk = 'z' AND out = 1)", ""},
        {"pk > 'a' AND out = 1", ""},
        {"pk = 'a' AND (pk = 'b' OR out = 1)", ""},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct partiql_reads reads;
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        assert_int_equal(plan(&w, cases[i].where, &held, &reads), OK);
        for (size_t k = 0; k < reads.n_not_held; k++) {
            buf_putf(&b, "%s%.*s", k == 0 ? "" : " ", BYTES_FMT(reads.not_held[k]));
        }
        assert_text(&b, cases[i].where, cases[i].expected);
    }
    world_done(&w);
}

/* What the filter lets through of {n: 1, flag: 'right', yes: true, l: ['a'], m: {x: 'y'}, nul:
 * null}.
 */
static void test_filter(void **state)
{
    (void)state;
    static const struct plan_case cases[] = {
        {"n = 1", "yes"},
        {"n <> 1", "no"},
        {"n != 2", "yes"},
        {"n > -/* c */-1", "no"},
        {"n = - - 1", "yes"},
        {"n BETWEEN - 2 AND +5 AND n IN [- 1, 1]", "yes"},
        {"n NOT BETWEEN 2 AND 3", "yes"},
        {"flag NOT IN ['right']", "no"},
        {"m.x = 'y' AND l[0] = 'a'", "yes"},
        {"size(l) = 1 AND SIZE(flag) > 4", "yes"},
        {"contains(flag, 'igh')", "yes"},
        {"attribute_type(n, 'N')", "yes"},
        {"nul IS NULL", "yes"},
        {"nope IS NULL", "no"},
        {"nope IS MISSING AND n IS NOT MISSING", "yes"},
        {"n IS NUMERIC AND flag IS STRING AND m IS TUPLE AND l IS LIST", "yes"},
        {"attribute_exists(nope) = false", "yes"},
        {"true = attribute_exists(n)", "yes"},
        {"attribute_exists(n) <> 1", "yes"},
        {"attribute_exists(n) = 1", "no"},
        {"(n = 5 OR flag = 'x') = false", "yes"},
        {"(attribute_exists(n) = true) = false", "no"},
        {"attribute_exists(nope) IN [true, false]", "yes"},
        {"NOT attribute_exists(n) = true", "no"},
        {"attribute_exists(n) = attribute_exists(flag)", "yes"},
        {"attribute_exists(n) = attribute_exists(nope)", "no"},
        {"attribute_exists(nope) = (n = 2 OR n = 3)", "yes"},
        {"attribute_exists(n) <> attribute_exists(nope)", "yes"},
        {"attribute_exists(n) = yes", "yes"},
        {"yes <> attribute_exists(n)", "no"},
        {"attribute_exists(n) = flag", "no"},
        {"(n = 1) = (flag = 'right') = (n IN [1])", "yes"},
        {"yes = true", "yes"},
        {"l = ['a']", "yes"},
        {"m = {'x': 'y'}", "yes"},
        {"n = 1 OR n = 2 AND n = 3", "yes"},
        {"(n = 1 OR n = 2) AND n = 3", "no"},
        {"NOT n = 1 OR n = 1", "yes"},
    };
    static const struct value a = {.type = VALUE_STRING, .bytes = {(const uint8_t *)"a", 1}};
    static const struct member inner = {
        {(const uint8_t *)"x", 1}, {.type = VALUE_STRING, .bytes = {(const uint8_t *)"y", 1}}};
    const struct member members[] = {
        {BYTES_LIT("flag"), {.type = VALUE_STRING, .bytes = BYTES_LIT("right")}},
        {BYTES_LIT("l"), {.type = VALUE_LIST, .list = {&a, 1}}},
        {BYTES_LIT("m"), {.type = VALUE_MAP, .map = {&inner, 1}}},
        {BYTES_LIT("n"), {.type = VALUE_NUMBER, .number = decimal_of_i64(1)}},
        {BYTES_LIT("nul"), {.type = VALUE_NULL}},
        {BYTES_LIT("yes"), {.type = VALUE_BOOL, .boolean = true}},
    };
    const struct value item = {.type = VALUE_MAP, .map = {members, 6}};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct partiql_reads reads;
        enum err err = plan(&w, cases[i].where, NULL, &reads);
        if (err != OK) {
            fail_msg("%s: %s: %.*s", cases[i].where, err_name(err), BYTES_FMT(w.msg));
        }
        if (expr_cond_eval(reads.filter, &item) != (strcmp(cases[i].expected, "yes") == 0)) {
            fail_msg("%s", cases[i].where);
        }
    }
    world_done(&w);
}

/* Ranges that are read closed where they are open let no item through twice. */
static void test_disjoint(void **state)
{
    (void)state;
    static const char *const clauses[] = {
        "(pk = 'a' AND sk > '1' AND sk < '3') OR (pk = 'a' AND sk = '3')",
        "(pk = 'a' AND sk > '1' AND sk <= '3') OR (pk = 'a' AND sk = '1')",
        "(pk = 'a' AND begins_with(sk, '2') AND sk > '1') OR (pk = 'a' AND sk = '3')",
    };
    static const char *const keys[] = {"1", "2", "3", "4"};
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof clauses / sizeof clauses[0]; i++) {
        struct partiql_reads reads;
        assert_int_equal(plan(&w, clauses[i], NULL, &reads), OK);
        assert_int_equal(reads.n_reads, 2);
        for (size_t k = 0; k < 4; k++) {
            const struct member members[] = {
                {BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("a")}},
                {BYTES_LIT("sk"), {.type = VALUE_STRING, .bytes = bytes_str(keys[k])}}};
            const struct value item = {.type = VALUE_MAP, .map = {members, 2}};
            size_t through = (size_t)expr_cond_eval(reads.reads[0].filter, &item) +
                             (size_t)expr_cond_eval(reads.reads[1].filter, &item);
            bool holds = expr_cond_eval(reads.filter, &item);
            /* An exact read's filter is the whole clause, but its range holds one key only. */
            assert_true(holds ? through >= 1 : through == 0);
            assert_true(
                reads.reads[0].cond.op == EXPR_RANGE_EQ || reads.reads[1].cond.op == EXPR_RANGE_EQ);
        }
    }
    world_done(&w);
}

/* A key of several attributes is read by all hash attributes and range attributes from the first.
 */
static void test_several(void **state)
{
    (void)state;
    static const struct expr_key_attr more[] = {
        {{(const uint8_t *)"h2", 2}, VALUE_STRING}, {{(const uint8_t *)"r2", 2}, VALUE_STRING}};
    static const struct expr_key_schema keys = {
        {{(const uint8_t *)"h1", 2}, VALUE_STRING},
        {{(const uint8_t *)"r1", 2}, VALUE_STRING},
        more,
        1,
        1};
    static const struct plan_case cases[] = {
        {"h1 = 'a' AND h2 = 'b'", "a+b"},
        {"h1 = 'a' AND h2 = 'b' AND r1 = 'c' AND r2 > 'd'", "a+b+c/>d"},
        {"h1 = 'a' AND h2 = 'b' AND r1 > 'c' AND r2 = 'd'", "a+b/>c"},
        {"h1 = 'a' AND h2 = 'b' AND r2 = 'd'", "a+b"},
        {"h1 = 'a'", "scan"},
        {"h1 = 'a' AND h2 IN ['b', 'c']", "a+b a+c"},
    };
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[256];
        struct partiql_reads reads;
        (void)snprintf(text, sizeof text, "SELECT * FROM t WHERE %s", cases[i].where); /* fits */
        must_parse(&w, text);
        assert_int_equal(partiql_plan_reads(&w.arena, &w.stmt, &keys, NULL, &reads, &w.msg), OK);
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        buf_put_str(&b, reads.scan ? "scan" : "");
        for (size_t k = 0; k < reads.n_reads; k++) {
            const struct expr_key_cond *c = &reads.reads[k].cond;
            buf_putf(&b, "%s%.*s", k == 0 ? "" : " ", BYTES_FMT(c->hash.bytes));
            for (size_t m = 0; m < c->n_more; m++) {
                buf_putf(&b, "+%.*s", BYTES_FMT(c->more[m].bytes));
            }
            buf_putf(&b, "%s", c->op == EXPR_RANGE_GT ? "/>" : "");
            buf_put_bytes(&b, c->op == EXPR_RANGE_ALL ? BYTES_LIT("") : c->lo.bytes);
        }
        assert_text(&b, cases[i].where, cases[i].expected);
    }
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_not_held),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_disjoint),
        cmocka_unit_test(test_several),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
