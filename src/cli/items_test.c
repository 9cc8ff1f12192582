#include "cli/items.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
    struct json_parser *parser;
    struct arena arena;
    struct buf out;
};

static void begin(struct fixture *f)
{
    f->parser = json_parser_new();
    arena_init(&f->arena, 1 << 20);
    buf_init(&f->out, 1 << 20);
}

static void end(struct fixture *f)
{
    json_parser_free(f->parser);
    arena_done(&f->arena);
    buf_done(&f->out);
}

static struct json parsed(struct fixture *f, const char *text)
{
    struct json j;
    assert_int_equal(json_parse(f->parser, &f->arena, bytes_str(text), 100, &j), OK);
    return j;
}

static void assert_out(struct fixture *f, const char *text)
{
    assert_int_equal(f->out.err, OK);
    buf_put_u8(&f->out, '\0');
    assert_string_equal((const char *)f->out.base, text);
    buf_clear(&f->out);
}

/* A header's hints are taken for what they are; a name that only looks like one is written so that
 * it reads back. */
static void test_columns(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *name;
        enum column_type type;
    } heads[] = {
        {"flight_id:N", "flight_id", COLUMN_NUMBER},
        {"name", "name", COLUMN_STRING},
        {"name:S", "name", COLUMN_STRING},
        {"raw:B", "raw", COLUMN_BINARY},
        {"ok:BOOL", "ok", COLUMN_BOOL},
        {"tags:JSON", "tags", COLUMN_JSON},
        {"a:b", "a:b", COLUMN_STRING},
        {":N", ":N", COLUMN_STRING},
        {"a:N:S", "a:N", COLUMN_STRING},
        {"x:n", "x:n", COLUMN_STRING},
    };
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        struct fixture f;
        begin(&f);
        struct column c = column_parse(bytes_str(heads[i].head));
        assert_true(bytes_eq_str(c.name, heads[i].name));
        assert_int_equal(c.type, heads[i].type);
        column_put(&f.out, &c);
        struct column again = column_parse(buf_bytes(&f.out));
        assert_true(bytes_eq(again.name, c.name));
        assert_int_equal(again.type, c.type);
        end(&f);
    }
}

static enum err record_to_item(
    struct fixture *f, const char *head, const char *line, size_t *ret_column)
{
    struct csv_record r;
    struct csv_record fields;
    struct column columns[8];
    size_t used;
    assert_int_equal(csv_next(&f->arena, bytes_str(head), ',', true, &r, &used), OK);
    assert_int_equal(csv_next(&f->arena, bytes_str(line), ',', true, &fields, &used), OK);
    assert_true(r.n <= 8);
    for (size_t i = 0; i < r.n; i++) {
        columns[i] = column_parse(r.fields[i].text);
    }
    return item_put_record(&f->out, f->parser, &f->arena, columns, r.n, &fields, ret_column);
}

/* Fields become values of their columns' types; an empty field is no attribute, an empty one in
 * quotes an empty text. */
static void test_record(void **state)
{
    (void)state;
    struct fixture f;
    size_t column = 99;
    begin(&f);
    const char *head = "id:N,name,none,empty,ok:BOOL,raw:B,tags:JSON";
    const char *line = "007.50,\"a \"\"b\"\"\",,\"\",true,aGk=,\"{\"\"SS\"\": [\"\"x\"\"]}\"";
    assert_int_equal(record_to_item(&f, head, line, &column), OK);
    assert_out(
        &f,
        "{\"id\":{\"N\":\"007.50\"},\"name\":{\"S\":\"a \\\"b\\\"\"},\"empty\":{\"S\":\"\"},"
        "\"ok\":{\"BOOL\":true},\"raw\":{\"B\":\"aGk=\"},\"tags\":{\"SS\":[\"x\"]}}");
    assert_int_equal(record_to_item(&f, "a,b,c", "1", &column), OK);
    assert_out(&f, "{\"a\":{\"S\":\"1\"}}");
    assert_int_equal(column, 99);
    end(&f);
}

/* A head that ends in capitals behind a colon looks like one with a type; when no such type is
 * known, it is a name that somebody may have meant otherwise. */
static void test_unknown_type(void **state)
{
    (void)state;
    assert_true(column_type_unknown(BYTES_LIT("price:NUM")));
    assert_true(column_type_unknown(BYTES_LIT("a:b:X")));
    assert_false(column_type_unknown(BYTES_LIT("price:N")));
    assert_false(column_type_unknown(BYTES_LIT("aws:rep:updatetime")));
    assert_false(column_type_unknown(BYTES_LIT(":NUM")));
    assert_false(column_type_unknown(BYTES_LIT("price:")));
    assert_false(column_type_unknown(BYTES_LIT("PRICE")));
}

/* A field that is none of its column's type is named by its column; so is a record that is too
 * long. */
static void test_bad_record(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *line;
    } bad[] = {
        {"a,b:N", "x,1x"},
        {"a,b:N", "x,\" 1\""},
        {"a,b:BOOL", "x,yes"},
        {"a,b:B", "x,aGk"},
        {"a,b:JSON", "x,nonsense"},
        {"a,b:JSON", "x,{}"},
        {"a,b", "x,\xff"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fixture f;
        size_t column = 99;
        begin(&f);
        assert_int_equal(record_to_item(&f, bad[i].head, bad[i].line, &column), ERR_SYNTAX);
        assert_int_equal(column, 1);
        end(&f);
    }
    struct fixture f;
    size_t column = 99;
    begin(&f);
    assert_int_equal(record_to_item(&f, "a", "1,2", &column), ERR_LIMIT);
    end(&f);
}

/* Tagged items are told from plain ones, also by plain ones that come close. */
static void test_is_tagged(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool tagged;
    } items[] = {
        {"{\"a\":{\"S\":\"x\"},\"b\":{\"NS\":[\"1\"]}}", true},
        {"{\"a\":{\"M\":{}},\"b\":{\"L\":[]},\"c\":{\"NULL\":true}}", true},
        {"{\"a\":\"x\"}", false},
        {"{\"a\":{\"S\":\"x\"},\"b\":1}", false},
        {"{\"a\":{\"S\":1}}", false},
        {"{\"a\":{\"N\":1}}", false},
        {"{\"a\":{\"S\":\"x\",\"N\":\"1\"}}", false},
        {"{\"a\":{\"SS\":[1]}}", false},
        {"{\"a\":{}}", false},
        {"{}", false},
        {"[]", false},
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct fixture f;
        begin(&f);
        struct json j = parsed(&f, items[i].text);
        assert_int_equal(item_is_tagged(&j), items[i].tagged);
        end(&f);
    }
}

/* Plain JSON becomes tagged and comes back as it was. */
static void test_plain(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    const char *plain =
        "{\"s\":\"x\",\"n\":1.50,\"t\":true,\"z\":null,\"l\":[1,\"a\",[]],\"m\":{\"k\":{}}}";
    const char *tagged =
        "{\"s\":{\"S\":\"x\"},\"n\":{\"N\":\"1.50\"},\"t\":{\"BOOL\":true},\"z\":{\"NULL\":true},"
        "\"l\":{\"L\":[{\"N\":\"1\"},{\"S\":\"a\"},{\"L\":[]}]},\"m\":{\"M\":{\"k\":{\"M\":{}}}}}";
    struct json j = parsed(&f, plain);
    assert_int_equal(item_put_tagged(&f.out, &j), OK);
    assert_out(&f, tagged);
    j = parsed(&f, tagged);
    assert_int_equal(item_put_plain(&f.out, &j), OK);
    assert_out(&f, plain);
    j = parsed(&f, "{\"a\":{\"NS\":[\"1\",\"2\"]},\"b\":{\"BS\":[\"aGk=\"]}}");
    assert_int_equal(item_put_plain(&f.out, &j), OK);
    assert_out(&f, "{\"a\":[1,2],\"b\":[\"aGk=\"]}");
    end(&f);
}

/* Nesting deeper than allowed is refused both ways, not followed. */
static void test_depth(void **state)
{
    (void)state;
    struct fixture f;
    begin(&f);
    struct buf text;
    buf_init(&text, 1 << 16);
    buf_put_str(&text, "{\"a\":");
    for (int i = 0; i < 80; i++) {
        buf_put_str(&text, "[");
    }
    for (int i = 0; i < 80; i++) {
        buf_put_str(&text, "]");
    }
    buf_put_str(&text, "}");
    buf_put_u8(&text, '\0');
    struct json j = parsed(&f, (const char *)text.base);
    assert_int_equal(item_put_tagged(&f.out, &j), ERR_LIMIT);
    buf_done(&text);
    end(&f);
}

/* Keys are the same for equal values however written, and different for different values or types.
 */
static void test_key(void **state)
{
    (void)state;
    static const struct {
        const char *x;
        const char *y;
        bool same;
    } pairs[] = {
        {"{\"k\":{\"N\":\"1\"}}", "{\"k\":{\"N\":\"1.0\"},\"v\":{\"S\":\"x\"}}", true},
        {"{\"k\":{\"N\":\"1\"}}", "{\"k\":{\"N\":\"2\"}}", false},
        {"{\"k\":{\"S\":\"1\"}}", "{\"k\":{\"N\":\"1\"}}", false},
        {"{\"k\":{\"S\":\"a\"}}", "{\"k\":{\"S\":\"a\"}}", true},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct fixture f;
        struct buf other;
        begin(&f);
        buf_init(&other, 1 << 16);
        struct json x = parsed(&f, pairs[i].x);
        struct json y = parsed(&f, pairs[i].y);
        item_put_key(&f.out, &x, BYTES_LIT("k"));
        item_put_key(&other, &y, BYTES_LIT("k"));
        assert_int_equal(bytes_eq(buf_bytes(&f.out), buf_bytes(&other)), pairs[i].same);
        buf_done(&other);
        end(&f);
    }
}

/* Tagged values written as CSV fields read back as the same values. */
static void test_column_values(void **state)
{
    (void)state;
    static const char *const values[] = {
        "{\"S\":\"x,y\"}",
        "{\"S\":\"\"}",
        "{\"N\":\"-1.5\"}",
        "{\"B\":\"aGk=\"}",
        "{\"BOOL\":false}",
        "{\"SS\":[\"a\",\"b\"]}",
        "{\"NULL\":true}",
        "{\"M\":{\"a\":{\"L\":[{\"N\":\"1\"}]}}}",
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct fixture f;
        struct buf field;
        struct csv_record r;
        size_t used;
        size_t bad;
        begin(&f);
        buf_init(&field, 1 << 16);
        struct json v = parsed(&f, values[i]);
        struct column c = {.name = BYTES_LIT("c"), .type = column_type_of(&v)};
        column_put_value(&field, c.type, &v);
        assert_int_equal(csv_next(&f.arena, buf_bytes(&field), ',', true, &r, &used), OK);
        assert_int_equal(item_put_record(&f.out, f.parser, &f.arena, &c, 1, &r, &bad), OK);
        struct buf expected;
        buf_init(&expected, 1 << 16);
        buf_putf(&expected, "{\"c\":%s}", values[i]);
        buf_put_u8(&expected, '\0');
        assert_out(&f, (const char *)expected.base);
        buf_done(&expected);
        buf_done(&field);
        end(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_bad_record),
        cmocka_unit_test(test_is_tagged),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_column_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
