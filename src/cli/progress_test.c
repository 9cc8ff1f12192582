#include "cli/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/io.h"

#include <cmocka.h>

struct fixture {
    struct cli cli;
    char dir[64];
    char path[96];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->cli.json = json_parser_new();
    arena_init(&f->cli.run_arena, 1 << 20);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/godwit_progress_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/file.progress", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->dir);
    json_parser_free(f->cli.json);
    arena_done(&f->cli.run_arena);
    free(f);
    return 0;
}

static struct progress sample(void)
{
    return (struct progress){
        .kind = "import",
        .table = "flights",
        .region = "eu-west-1",
        .file_bytes = 1234,
        .file_mtime = UINT64_C(1700000000123456789),
        .offset = 567,
        .items = 25,
        .key = BYTES_LIT("{\"id\":{\"S\":\"a \\\"b\\\"\"}}"),
    };
}

/* What was saved comes back whole, a key with quotes in it included. */
static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct progress p = sample();
    uint64_t last = 0;
    assert_int_equal(progress_save(f->path, &p, &last, true), CLI_OK);
    struct progress now = sample();
    now.offset = 0;
    now.items = 0;
    now.key = BYTES_NONE;
    assert_true(progress_resume(&f->cli, f->path, &now));
    assert_int_equal(now.offset, 567);
    assert_int_equal(now.items, 25);
    assert_true(bytes_eq(now.key, p.key));
}

/* No file, or one that is removed after the work: there is nothing to go on with. */
static void test_none(void **state)
{
    struct fixture *f = *state;
    struct progress p = sample();
    uint64_t last = 0;
    assert_false(progress_resume(&f->cli, f->path, &p));
    assert_int_equal(progress_save(f->path, &p, &last, true), CLI_OK);
    progress_done(f->path);
    assert_false(progress_resume(&f->cli, f->path, &p));
}

/* Another table, region, kind of work or a file that has changed since: the work starts from the
 * beginning. */
static void test_other_work(void **state)
{
    struct fixture *f = *state;
    struct progress p = sample();
    uint64_t last = 0;
    assert_int_equal(progress_save(f->path, &p, &last, true), CLI_OK);
    struct progress others[5] = {sample(), sample(), sample(), sample(), sample()};
    others[0].kind = "export";
    others[1].table = "flight";
    others[2].region = "us-east-2";
    others[3].file_bytes++;
    others[4].file_mtime++;
    for (size_t i = 0; i < 5; i++) {
        others[i].offset = 0;
        assert_false(progress_resume(&f->cli, f->path, &others[i]));
        assert_int_equal(others[i].offset, 0);
    }
}

/* A damaged progress file is not believed. */
static void test_damaged(void **state)
{
    struct fixture *f = *state;
    static const char *const texts[] = {"", "{", "[]", "{}", "{\"version\":2}"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct progress p;
        assert_int_equal(progress_parse(&f->cli, bytes_str(texts[i]), &p), ERR_SYNTAX);
        assert_int_equal(io_file_write(f->path, bytes_str(texts[i]), 0600), OK);
        struct progress now = sample();
        assert_false(progress_resume(&f->cli, f->path, &now));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_none, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_work, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
