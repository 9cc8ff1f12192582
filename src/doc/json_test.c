#include <malloc.h>

#include "doc/doc.h"
#include "doc/test_util.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

struct fixture {
    struct json_parser *parser;
    struct arena arena;
    struct buf out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ASSERT(f != NULL);
    f->parser = json_parser_new();
    arena_init(&f->arena, ARENA_BYTES);
    buf_init(&f->out, ARENA_BYTES);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    json_parser_free(f->parser);
    arena_done(&f->arena);
    buf_done(&f->out);
    free(f);
    return 0;
}

static enum err parse_bytes(
    struct fixture *f, struct bytes text, size_t depth_max, struct json *ret)
{
    /* An exact heap copy, so that the address sanitizer sees a read past the end. */
    uint8_t *copy = malloc(text.len > 0 ? text.len : 1);
    ASSERT(copy != NULL);
    if (text.len > 0) {
        memcpy(copy, text.base, text.len);
    }
    arena_clear(&f->arena);
    enum err e = json_parse(f->parser, &f->arena, bytes_of(copy, text.len), depth_max, ret);
    free(copy);
    return e;
}

static enum err parse(struct fixture *f, const char *text, struct json *ret)
{
    return parse_bytes(f, bytes_str(text), 100, ret);
}

static void assert_again(struct fixture *f, const char *text, const char *want)
{
    struct json j;
    assert_int_equal(parse(f, text, &j), OK);
    buf_clear(&f->out);
    json_put(&f->out, &j);
    buf_put_u8(&f->out, '\0');
    assert_int_equal(f->out.err, OK);
    assert_string_equal((const char *)f->out.base, want);
}

/* Texts come back compact, with numbers as written, escapes decoded, and duplicates kept in order.
 */
static void test_parse_and_put(void **state)
{
    struct fixture *f = *state;
    assert_again(f, "null", "null");
    assert_again(f, " true ", "true");
    assert_again(f, "false", "false");
    assert_again(f, "\"\"", "\"\"");
    assert_again(f, "[]", "[]");
    assert_again(f, "{ }", "{}");
    assert_again(f, "[ 1 ,\t2,\r\n3 ]", "[1,2,3]");
    assert_again(f, "{\"a\" : {\"b\":[{},[],[[ ]]]}}", "{\"a\":{\"b\":[{},[],[[]]]}}");
    assert_again(f, "{\"a\":1,\"a\":2,\"\":3}", "{\"a\":1,\"a\":2,\"\":3}");
    assert_again(f, "[-0,0.10,1E+2,1e-9]", "[-0,0.10,1E+2,1e-9]");
    assert_again(
        f,
        "123456789012345678901234567890123456789e99999",
        "123456789012345678901234567890123456789e99999");
    assert_again(f, "\"\\u0041\\/\\b\\f\\n\\r\\t\\\"\\\\\"", "\"A/\\b\\f\\n\\r\\t\\\"\\\\\"");
    assert_again(f, "\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001f\x7f\"");
    assert_again(f, "\"\\u00e9\\u20AC\\ud83d\\uDE00\"", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
    assert_again(f, "{\"\\u006bey\":\"x\\ny\"}", "{\"key\":\"x\\ny\"}");
}

static const char *const not_json[] = {
    "",
    " ",
    "\n\t",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "[1:2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{1:2}",
    "{\"a\" 1}",
    "{\"a\":1 \"b\":2}",
    "{\"a\":1;}",
    "{]",
    "[}",
    "[[]",
    "[]]",
    "{}{}",
    "{} x",
    "1 1",
    "01",
    "-",
    "-a",
    "+1",
    ".5",
    "5.",
    "1.e5",
    "1e",
    "1e+",
    "0x1",
    "1_0",
    "NaN",
    "Infinity",
    "nul",
    "nulls",
    "null0",
    "tru",
    "truefalse",
    "fals",
    "'a'",
    "\"",
    "\"a",
    "\"a\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800\\n\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\ud800\"",
    "\"\\ud800\\ue000\"",
    "\"a\nb\"",
    "\"a\x01\"",
    "\"\xff\"",
    "\"\xc3\"",
    "\"\xed\xa0\x80\"",
    "\"\xc0\x80\"",
    "\xef\xbb\xbf{}",
    "[1]\\",
    "\\\"a\"",
    "1\"a\"",
    "\"a\"b",
    "\"a\"\"b\"",
    "{\"a\":1}]",
    "// x\n1",
    "/**/1",
    "[1,/*x*/2]",
    ":",
    ",",
    "true,"};

/* Everything that is no JSON is ERR_SYNTAX. */
static void test_parse_syntax(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof not_json / sizeof not_json[0]; i++) {
        struct json j = {.type = JSON_BOOL};
        assert_int_equal(parse(f, not_json[i], &j), ERR_SYNTAX);
        assert_int_equal(j.type, JSON_BOOL);
    }
    struct json j;
    assert_int_equal(parse_bytes(f, bytes_of("1\0", 2), 10, &j), ERR_SYNTAX);
    assert_int_equal(parse_bytes(f, bytes_of("\0", 1), 10, &j), ERR_SYNTAX);
    assert_int_equal(parse_bytes(f, bytes_of("\"\0\"", 3), 10, &j), ERR_SYNTAX);
}

/* The depth limit counts containers: as many as allowed pass, one more is ERR_LIMIT. */
static void test_depth(void **state)
{
    struct fixture *f = *state;
    struct json j;
    assert_int_equal(parse_bytes(f, bytes_str("1"), 0, &j), OK);
    assert_int_equal(parse_bytes(f, bytes_str("[]"), 0, &j), ERR_LIMIT);
    assert_int_equal(parse_bytes(f, bytes_str("[{\"a\":[]}]"), 3, &j), OK);
    assert_int_equal(parse_bytes(f, bytes_str("[{\"a\":[]}]"), 2, &j), ERR_LIMIT);
    char deep[4 * JSON_DEPTH_MAX];
    memset(deep, '[', sizeof deep);
    assert_int_equal(parse_bytes(f, bytes_of(deep, sizeof deep), JSON_DEPTH_MAX, &j), ERR_LIMIT);
    memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    assert_int_equal(parse_bytes(f, bytes_of(deep, 2 * JSON_DEPTH_MAX), JSON_DEPTH_MAX, &j), OK);
}

/* A lookup finds the last of equal names, and nothing in what is no object. */
static void test_find(void **state)
{
    struct fixture *f = *state;
    struct json j;
    assert_int_equal(parse(f, "{\"a\":1,\"b\":2,\"a\":3}", &j), OK);
    assert_true(bytes_eq_str(json_find(&j, "a")->text, "3"));
    assert_true(bytes_eq_str(json_find(&j, "b")->text, "2"));
    assert_null(json_find(&j, "c"));
    assert_int_equal(parse(f, "[1]", &j), OK);
    assert_null(json_find(&j, "a"));
}

/* The tree does not borrow from the input, and an arena too small is ERR_TOO_BIG at every size. */
static void test_arena_cap(void **state)
{
    struct fixture *f = *state;
    struct bytes text = BYTES_LIT("{\"a\":[1,2,3,{\"b\":\"c\\n\"}],\"d\":{}}");
    size_t cap = 0;
    enum err e = ERR_TOO_BIG;
    for (; e == ERR_TOO_BIG; cap++) {
        struct arena small;
        struct json j;
        arena_init(&small, cap);
        e = json_parse(f->parser, &small, text, 10, &j);
        arena_done(&small);
        assert_true(cap < 10000);
    }
    assert_int_equal(e, OK);
    assert_true(cap > text.len);
}

/* Many small nodes are refused under a small cap, pass under a large one, and the parser stays
 * usable. */
static void test_cap_many_nodes(void **state)
{
    struct fixture *f = *state;
    enum { N = 1000000 };
    char *text = malloc(2 * N + 1);
    assert_non_null(text);
    for (size_t i = 0; i < N; i++) {
        memcpy(text + 2 * i, ",1", 2);
    }
    text[0] = '[';
    text[2 * N] = ']';
    struct arena small;
    struct json j;
    arena_init(&small, 3 * N);
    assert_int_equal(json_parse(f->parser, &small, bytes_of(text, 2 * N + 1), 10, &j), ERR_TOO_BIG);
    arena_done(&small);
    assert_int_equal(parse_bytes(f, bytes_of(text, 2 * N + 1), 10, &j), OK);
    assert_int_equal(j.array.n, N);
    free(text);
    assert_int_equal(parse(f, "[7]", &j), OK);
    assert_true(bytes_eq_str(j.array.items[0].text, "7"));
}

/* After a text of many megabytes the parser gives its scratch back. */
static void test_scratch_shrinks(void **state)
{
    struct fixture *f = *state;
    enum { N = 2000000 };
    char *text = malloc(2 * N + 1);
    assert_non_null(text);
    memset(text, '1', 2 * N + 1);
    for (size_t i = 0; i < N; i++) {
        text[2 * i] = ',';
    }
    text[0] = '[';
    text[2 * N] = ']';
    struct arena a;
    struct json j;
    arena_init(&a, SIZE_MAX);
    struct mallinfo2 before = mallinfo2();
    assert_int_equal(json_parse(f->parser, &a, bytes_of(text, 2 * N + 1), 10, &j), OK);
    arena_done(&a);
    struct mallinfo2 after = mallinfo2();
    size_t kept = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
    assert_true(kept <= 2 * 1024 * 1024 + 4096);
    free(text);
}

static struct json json_of(struct prng *r, struct arena *a, size_t depth)
{
    enum json_type t = (enum json_type)prng_below(r, depth == 0 ? JSON_ARRAY : JSON_OBJECT + 1);
    struct json j = {.type = t};
    size_t n = prng_below(r, 6);
    if (t == JSON_BOOL) {
        j.boolean = prng_chance(r, 500);
    } else if (t == JSON_NUMBER) {
        j.text = bytes_fmt(a, "%d.%u", (int)prng_below(r, 100) - 50, (unsigned)prng_below(r, 100));
    } else if (t == JSON_STRING) {
        j.text = random_bytes(r, a, /* utf8= */ true);
    } else if (t == JSON_ARRAY) {
        struct json *items = ARENA_ARRAY(a, struct json, n);
        for (size_t i = 0; i < n; i++) {
            items[i] = json_of(r, a, depth - 1);
        }
        j.array.items = items;
        j.array.n = n;
    } else if (t == JSON_OBJECT) {
        struct json_member *members = ARENA_ARRAY(a, struct json_member, n);
        for (size_t i = 0; i < n; i++) {
            members[i].name = random_bytes(r, a, /* utf8= */ true);
            members[i].value = json_of(r, a, depth - 1);
        }
        j.object.members = members;
        j.object.n = n;
    }
    return j;
}

/* Any tree written, parsed and written again gives the same bytes; cut short or with a byte flipped
 * it never crashes, and cut short it never parses. */
static void test_round_trip_and_damage(void **state)
{
    struct fixture *f = *state;
    struct prng r = prng_seeded(30);
    struct arena a;
    struct buf again;
    arena_init(&a, ARENA_BYTES);
    buf_init(&again, ARENA_BYTES);
    for (int round = 0; round < 400; round++) {
        struct json j;
        arena_clear(&a);
        buf_clear(&f->out);
        buf_clear(&again);
        buf_put_u8(&f->out, '[');
        struct json tree = json_of(&r, &a, 5);
        json_put(&f->out, &tree);
        buf_put_u8(&f->out, ']');
        assert_int_equal(parse_bytes(f, buf_bytes(&f->out), 10, &j), OK);
        json_put(&again, &j);
        assert_true(bytes_eq(buf_bytes(&f->out), buf_bytes(&again)));
        for (size_t i = 0; i < again.len; i++) {
            assert_int_not_equal(parse_bytes(f, bytes_of(again.base, i), 10, &j), OK);
            uint8_t was = again.base[i];
            again.base[i] ^= (uint8_t)prng_between(&r, 1, 255);
            (void)!parse_bytes(f, buf_bytes(&again), 10, &j);
            again.base[i] = was;
        }
    }
    arena_done(&a);
    buf_done(&again);
}

/* Strings of every length around the word size are found and escaped whole, wherever the odd byte
 * is. */
static void test_string_lengths(void **state)
{
    struct fixture *f = *state;
    static const char odd[] = {'"', '\\', '\n', 'x', '\x7f'};
    for (size_t len = 1; len < 40; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[40];
            memset(text, 'a', len);
            text[at] = odd[(len + at) % sizeof odd];
            struct json j;
            buf_clear(&f->out);
            json_put_string(&f->out, bytes_of(text, len));
            assert_int_equal(parse_bytes(f, buf_bytes(&f->out), 1, &j), OK);
            assert_true(bytes_eq(j.text, bytes_of(text, len)));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_parse_and_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_parse_syntax, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_find, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_arena_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cap_many_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_scratch_shrinks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trip_and_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_string_lengths, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
