#include "cli/args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct arg_option options[] = {
    {"dir", ARG_TEXT, "DIR", "", 0},
    {"json", ARG_FLAG, NULL, "", 0},
    {"port", ARG_NUMBER, "N", "", 100},
};

struct fixture {
    struct arena arena;
    struct args args;
    const char *msg;
};

static enum err parse(struct fixture *f, const char *const *words)
{
    int n = 0;
    while (words[n] != NULL) {
        n++;
    }
    arena_init(&f->arena, 1 << 16);
    f->msg = NULL;
    return args_parse(&f->arena, options, 3, n, (char **)words, &f->args, &f->msg);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Options in both forms and positional arguments between them: each is found, in order. */
static void test_forms(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, WORDS("a", "--dir", "x", "--port=7", "b", "--json")), OK);
    assert_string_equal(args_text(&f.args, "dir", "other"), "x");
    assert_int_equal(args_number(&f.args, "port", 1), 7);
    assert_true(args_flag(&f.args, "json"));
    assert_int_equal(f.args.n, 2);
    assert_string_equal(f.args.at[0], "a");
    assert_string_equal(f.args.at[1], "b");
    arena_done(&f.arena);
}

/* Nothing given: the caller's defaults hold, and no flag is set. */
static void test_defaults(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(args_parse(NULL, options, 3, 0, NULL, &f.args, &f.msg), OK);
    assert_string_equal(args_text(&f.args, "dir", "other"), "other");
    assert_int_equal(args_number(&f.args, "port", 42), 42);
    assert_false(args_flag(&f.args, "json"));
}

/* A dash before a digit, a lone dash and everything behind "--" are arguments, not options. */
static void test_dashes(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, WORDS("-3000", "-", "--", "--json", "--")), OK);
    assert_int_equal(f.args.n, 4);
    assert_string_equal(f.args.at[0], "-3000");
    assert_string_equal(f.args.at[1], "-");
    assert_string_equal(f.args.at[2], "--json");
    assert_string_equal(f.args.at[3], "--");
    assert_false(args_flag(&f.args, "json"));
    arena_done(&f.arena);
}

/* An empty value is a value. */
static void test_empty_value(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(parse(&f, WORDS("--dir=")), OK);
    assert_string_equal(args_text(&f.args, "dir", "other"), "");
    arena_done(&f.arena);
}

/* Each wrong line is refused with a sentence that names the word. */
static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *names;
    } wrong[] = {
        {{"--nope", NULL}, "--nope"},
        {{"-x", NULL}, "-x"},
        {{"--dir", NULL}, "--dir"},
        {{"--json=yes", NULL}, "--json=yes"},
        {{"--json", "--json", NULL}, "--json"},
        {{"--dir=a", "--dir=b", NULL}, "--dir=b"},
        {{"--port", "x", NULL}, "--port"},
        {{"--port", "101", NULL}, "--port"},
        {{"--port", "", NULL}, "--port"},
        {{"--di", "x", NULL}, "--di"},
        {{"--=x", NULL}, "--=x"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fixture f;
        assert_int_equal(parse(&f, wrong[i].words), ERR_INVALID);
        assert_non_null(f.msg);
        assert_non_null(strstr(f.msg, wrong[i].names));
        arena_done(&f.arena);
    }
}

/* One argument more than there is room for is refused, not written past the end. */
static void test_too_many(void **state)
{
    (void)state;
    const char *words[ARGS_POSITIONS_MAX + 2];
    for (size_t i = 0; i <= ARGS_POSITIONS_MAX; i++) {
        words[i] = "x";
    }
    words[ARGS_POSITIONS_MAX + 1] = NULL;
    struct fixture f;
    assert_int_equal(parse(&f, words), ERR_INVALID);
    arena_done(&f.arena);
    words[ARGS_POSITIONS_MAX] = NULL;
    assert_int_equal(parse(&f, words), OK);
    assert_int_equal(f.args.n, ARGS_POSITIONS_MAX);
    arena_done(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_dashes),
        cmocka_unit_test(test_empty_value),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
