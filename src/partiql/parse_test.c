/* Statements: what they are read as, and in which words bad ones are refused. */

#include "partiql/test_util.h"

static void put_stmt(struct buf *b, const struct partiql_stmt *s)
{
    static const char *const kinds[] = {"SELECT", "INSERT", "UPDATE", "DELETE", "EXISTS"};
    static const char *const returns[] = {"", "ALL_OLD", "ALL_NEW", "MOD_OLD", "MOD_NEW"};
    buf_putf(b, "%s %.*s", kinds[s->kind], BYTES_FMT(s->table));
    if (s->index.base != NULL) {
        buf_putf(b, ".%.*s", BYTES_FMT(s->index));
    }
    for (size_t i = 0; i < s->n_columns; i++) {
        buf_putf(b, " %.*s/%zu", BYTES_FMT(s->columns[i].name), s->columns[i].path.n);
    }
    for (size_t i = 0; i < s->n_order; i++) {
        buf_putf(b, " %s%.*s", s->order[i].descending ? "-" : "+", BYTES_FMT(s->order[i].attr));
    }
    if (s->item != NULL) {
        buf_put_u8(b, ' ');
        put_value(b, s->item);
    }
    buf_putf(b, "%s%s", s->returning == PARTIQL_RETURNING_NONE ? "" : " ", returns[s->returning]);
}

struct statement_case {
    const char *text;
    const char *expected;
};

static void check_statements(const struct statement_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    w.params[0] = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("p")};
    for (size_t i = 0; i < n; i++) {
        w.n_params = strchr(cases[i].text, '?') != NULL;
        must_parse(&w, cases[i].text);
        struct buf b;
        buf_init(&b, /* len_max= */ 64 * 1024);
        put_stmt(&b, &w.stmt);
        assert_text(&b, cases[i].text, cases[i].expected);
    }
    world_done(&w);
}

/* All forms of SELECT: columns are told under the last name of their path. */
static void test_select(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"SELECT * FROM t", "SELECT t"},
        {"select * from \"my-table\".\"my.index\";", "SELECT my-table.my.index"},
        {"SELECT a, \"b c\", d.e[0], f[1][2] FROM t", "SELECT t a/1 b c/1 e[0]/3 f[1][2]/3"},
        {"SELECT l[-0] FROM t", "SELECT t l[0]/2"},
        {"SELECT year, month FROM t WHERE day = 1", "SELECT t year/1 month/1"},
        {"SELECT \"a\"\"b\" FROM t", "SELECT t a\"b/1"},
        {"SELECT ALL a FROM t WHERE a = 'x' ORDER BY a DESC, b ASC, c", "SELECT t a/1 -a +b +c"},
        {"SELECT/**/* FROM t -- the table\nWHERE a/* key */ = 1 --", "SELECT t"},
        {"SELECT old, new, modified FROM t", "SELECT t old/1 new/1 modified/1"},
        {"EXISTS(SELECT * FROM t WHERE a = 1)", "EXISTS t"},
    };
    check_statements(cases, sizeof cases / sizeof cases[0]);
}

/* INSERT: all kinds of literals, and a parameter for a whole value. */
static void test_insert(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"INSERT INTO t VALUE {'a': 'it''s', 'b': ?}", "INSERT t {M:{a:{S:it's}b:{S:p}}}"},
        {"insert into \"t\" value {'n': -1.50, 'e': 1E3, 'z': - - 2, 'p': +5}",
         "INSERT t {M:{e:{N:1000}n:{N:-1.5}p:{N:5}z:{N:2}}}"},
        {"INSERT INTO t VALUE {'t': true, 'f': FALSE, 'x': null}",
         "INSERT t {M:{f:{BOOL:false}t:{BOOL:true}x:{NULL:true}}}"},
        {"INSERT INTO t VALUE {'l': [1, 'a', []], 'm': {'k': {'i': 2}}}",
         "INSERT t {M:{l:{L:[{N:1}{S:a}{L:[]}]}m:{M:{k:{M:{i:{N:2}}}}}}}"},
        {"INSERT INTO t VALUE {'s': <<'b','a'>>, 'n': <<2, 1>>}",
         "INSERT t {M:{n:{NS:[{N:1}{N:2}]}s:{SS:[{S:a}{S:b}]}}}"},
        {"INSERT INTO t VALUE {'d': -0, 'c': .5, 'b': 5.}",
         "INSERT t {M:{b:{N:5}c:{N:0.5}d:{N:0}}}"},
    };
    check_statements(cases, sizeof cases / sizeof cases[0]);
}

/* UPDATE and DELETE with what they return. */
static void test_update_delete(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"UPDATE t SET a = 1 WHERE pk = 'x'", "UPDATE t"},
        {"UPDATE t SET a = 1, b.c = 2 SET d = 3 REMOVE e REMOVE f[0] WHERE pk = 'x' RETURNING ALL "
         "NEW *",
         "UPDATE t ALL_NEW"},
        {"UPDATE t REMOVE a RETURNING MODIFIED OLD *", "UPDATE t MOD_OLD"},
        {"UPDATE t SET a = 1 RETURNING modified new *", "UPDATE t MOD_NEW"},
        {"DELETE FROM t WHERE pk = 'x' RETURNING ALL OLD *", "DELETE t ALL_OLD"},
        {"DELETE FROM t", "DELETE t"},
    };
    check_statements(cases, sizeof cases / sizeof cases[0]);
}

static void check_refusals(const char *prefix, const struct statement_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < n; i++) {
        w.n_params = strchr(cases[i].text, '?') != NULL;
        enum err err = parse(&w, cases[i].text);
        struct buf b;
        buf_init(&b, /* len_max= */ 64 * 1024);
        buf_put_str(&b, prefix);
        buf_put_str(&b, cases[i].expected);
        if (err != ERR_INVALID || !bytes_eq(w.msg, buf_bytes(&b))) {
            fail_msg(
                "%s\n  is  %s %.*s\n  not %.*s",
                cases[i].text,
                err_name(err),
                BYTES_FMT(w.msg),
                BYTES_FMT(buf_bytes(&b)));
        }
        buf_done(&b);
    }
    world_done(&w);
}

/* Texts that are no statements are refused for what was wanted where they go wrong. */
static void test_not_well_formed(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {" ", "Unexpected term"},
        {"SLECT * FROM t WHERE pk = 'x'", "Expected data manipulation"},
        {"NOT A STATEMENT", "Unexpected token after expression"},
        {"SLECT a FROM t", "Unexpected token after expression"},
        {"CREATE TABLE t", "Unexpected keyword"},
        {"INSERT t VALUE {'a': 1}", "Unexpected keyword"},
        {"INSERT INTO t (key, b) VALUES (?, ?)", "Unexpected keyword"},
        {"INSERT INTO 'x' VALUE {'a': 1}", "Expected identifier for simple path"},
        {"INSERT INTO t VALUE {'a'}", "Expected COLON"},
        {"INSERT INTO t VALUE {'a': 1", "Expected RIGHT_CURLY"},
        {"INSERT INTO t VALUE {'a': [1 2]}", "Expected RIGHT_BRACKET"},
        {"INSERT INTO t VALUE {'a': <<1 2>>}", "Expected RIGHT_DOUBLE_ANGLE_BRACKET"},
        {"SELECT FROM t", "Expected data manipulation"},
        {"SELECT * t", "Expected FROM after SELECT list"},
        {"SELECT a, FROM t", "Expected data manipulation"},
        {"SELECT *, a FROM t",
         "Other expressions may not be present in the select list when '*' is used without dot "
         "notation."},
        {"SELECT * FROM t WHERE", "Unexpected term"},
        {"SELECT * FROM t WHERE ORDER BY pk", "Unexpected keyword"},
        {"SELECT * FROM t WHERE a =", "Missing right-hand side expression of infix operator"},
        {"SELECT * FROM t WHERE a = = 1", "Unexpected operator"},
        {"SELECT * FROM t WHERE (a = 1", "Expected RIGHT_PAREN"},
        {"SELECT * FROM t WHERE a BETWEEN 1 AND", "Expected expression after AND"},
        {"SELECT * FROM t WHERE user = 1", "Unexpected keyword"},
        {"SELECT * FROM t WHERE a.user = 1", "Invalid path dot component"},
        {"SELECT * FROM t WHERE a IS 5", "Expected type name"},
        {"SELECT * FROM t WHERE a = 1 garbage", "Unexpected token after expression"},
        {"SELECT * FROM t WHERE a = 'open", ""},
        {"SELECT * FROM t /* open", ""},
        {"SELECT * FROM t WHERE a = #b", ""},
        {"SELECT * FROM t; SELECT * FROM u",
         "Unexpected token after semicolon. (Only one query is allowed.)"},
        {"UPDATE Payment-t SET a = 1 WHERE b = 2", "Expected data manipulation"},
        {"UPDATE t WHERE a = 1", "Expected data manipulation"},
        {"UPDATE t SET a WHERE b = 1", "Expected '='"},
        {"UPDATE t SET 'a' = 1 WHERE b = 1", "Expected identifier for simple path"},
        {"UPDATE t SET a = 1 WHERE b = 1 RETURNING SOME OLD *",
         "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element."},
        {"DELETE t WHERE a = 1", "Expected FROM after DELETE"},
    };
    check_refusals(
        "Statement wasn't well formed, can't be processed: ",
        cases,
        sizeof cases / sizeof cases[0]);
}

/* Well-formed statements that DynamoDB does not take. */
static void test_refused(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"SELECT * FROM t AS x", "Aliasing is not supported"},
        {"SELECT a AS b FROM t", "Aliasing is not supported"},
        {"SELECT * FROM t, u", "Only select from a single table or index is supported."},
        {"SELECT * FROM t LEFT OUTER JOIN u ON t.a = u.a",
         "Only select from a single table or index is supported."},
        {"SELECT * FROM t LIMIT 5", "Unsupported clause: LIMIT"},
        {"SELECT DISTINCT a FROM t", "Unsupported clause: DISTINCT"},
        {"SELECT a FROM t GROUP BY a", "Unsupported clause: GROUP BY"},
        {"SELECT VALUE a FROM t", "Select projection doesn't support value or pivot keywords"},
        {"SELECT a, b.a FROM t", "Duplicate identifiers in select clause: a"},
        {"SELECT a.*.b FROM t", "Unpivot path component like a.*.b are not supported"},
        {"SELECT a[*].b FROM t", "Wildcard path component like a[*].b are not supported"},
        {"SELECT l[-1] FROM t",
         "List index is not within the allowable range; index: [-1] at 1:11:1"},
        {"SELECT * FROM 't'", "Unexpected from source"},
        {"SELECT * FROM t[0]", "Invalid list expression in source."},
        {"SELECT * FROM \"\"", "Path component cannot be an empty string"},
        {"SELECT * FROM a.b.c", "A path may contain at most 2 components in the FROM clause"},
        {"SELECT * FROM t WHERE a = 1 ORDER BY b.c",
         "Argument to ORDER BY must be of type VariableReference. Type: Path"},
        {"INSERT INTO t.i VALUE {'a': 1}", "FROM clause may only contain a single table name"},
        {"INSERT INTO t <<{'a': 1}>>",
         "Unsupported operation: Inserting multiple items in a single statement is not supported, "
         "use \"INSERT INTO tableName VALUE item\" instead"},
        {"INSERT INTO t VALUE [1]",
         "Unsupported format in item expression. Please use struct format {...} to express item "
         "values for insert statement."},
        {"INSERT INTO t VALUE {'a': 1} RETURNING ALL OLD *",
         "RETURNING is not supported in INSERT"},
        {"INSERT INTO t VALUE {'a': 1, 'a': 2}", "Duplicate keys in tuple. Key: a under root"},
        {"INSERT INTO t VALUE {'a': 1, '': 2}", "Empty attribute name"},
        {"INSERT INTO t VALUE {'a': {'': 2}}", "Empty attribute name"},
        {"UPDATE t.i SET a = 1 WHERE b = 1", "This operation is not supported on an index"},
        {"DELETE FROM t.i WHERE b = 1", "This operation is not supported on an index"},
        {"DELETE FROM t WHERE b = 1 RETURNING MODIFIED OLD *",
         "Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed "
         "in DELETE statements."},
        {"SELECT * FROM t WHERE a = ? AND b = ?",
         "Number of parameters in request and statement don't match."},
    };
    check_refusals("", cases, sizeof cases / sizeof cases[0]);
}

/* Literals that no value can be made of are told with the way to the fault. */
static void test_bad_literals(void **state)
{
    (void)state;
    static const struct statement_case cases[] = {
        {"INSERT INTO t VALUE {'s': <<>>}", "Empty bags are not supported"},
        {"INSERT INTO t VALUE {'s': <<1, 'a'>>}",
         "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags"},
        {"INSERT INTO t VALUE {'s': <<'a', 'a'>>}",
         "One or more parameter values were invalid: Input collection [a, a] contains duplicates."},
        {"INSERT INTO t VALUE {'s': <<2, 2.0>>}",
         "One or more parameter values were invalid: Input collection [2, 2.0] contains "
         "duplicates! under root"},
        {"INSERT INTO t VALUE {'m': {'k': ?}}",
         "Unsupported data type: Parameter under key root.k at 1:33:1"},
        {"INSERT INTO t VALUE\n{'l': [1, {'k': [?]}]}",
         "Unsupported data type: Parameter under key root[1].k[0] at 2:18:1"},
        {"INSERT INTO t VALUE {'m': {'k': 1, 'k': 2}}",
         "Duplicate keys in tuple. Key: k under root"},
        {"INSERT INTO t VALUE {'n': 123456789012345678901234567890123456789}",
         "Attempting to store more than 38 significant digits in a Number"},
    };
    check_refusals("", cases, sizeof cases / sizeof cases[0]);
}

/* A member 32 levels down is refused and one 31 levels down is not, whatever is around. */
static void test_nesting(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    for (int levels = 31; levels <= 33; levels++) {
        struct buf text;
        struct buf way;
        buf_init(&text, PARTIQL_BYTES_MAX);
        buf_init(&way, PARTIQL_BYTES_MAX);
        buf_put_str(&text, "INSERT INTO t VALUE {'d': ");
        buf_put_str(&way, "Nesting Levels have exceeded supported limits under root");
        for (int i = 0; i < levels; i++) {
            buf_put_str(&text, i % 2 == 0 ? "{'a':" : "[");
            buf_put_str(&way, i == 32 ? "" : i % 2 == 0 ? ".a" : "[0]");
        }
        buf_put_str(&text, "1");
        for (int i = levels; i-- > 0;) {
            buf_put_str(&text, i % 2 == 0 ? "}" : "]");
        }
        buf_put_str(&text, "}");
        buf_put_u8(&text, 0);
        assert_int_equal(parse(&w, (const char *)text.base), levels < 32 ? OK : ERR_INVALID);
        assert_true(levels < 32 || bytes_eq(w.msg, buf_bytes(&way)));
        buf_done(&text);
        buf_done(&way);
    }
    world_done(&w);
}

/* What nests deeper than the parser's stack is refused, not crashed on. */
static void test_deep(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const char *const units[] = {"NOT ", "(", "[", "- "};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct buf text;
        buf_init(&text, 2 * PARTIQL_BYTES_MAX);
        buf_put_str(&text, "SELECT * FROM t WHERE ");
        while (text.len < PARTIQL_BYTES_MAX - 8) {
            buf_put_str(&text, units[i]);
        }
        buf_put_str(&text, "a");
        buf_put_u8(&text, 0);
        assert_int_equal(parse(&w, (const char *)text.base), ERR_INVALID);
        buf_done(&text);
    }
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_insert),
        cmocka_unit_test(test_update_delete),
        cmocka_unit_test(test_not_well_formed),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_bad_literals),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_deep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
