#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

#include <cmocka.h>

struct fixture {
    char dir[32];
    char path[64];
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/io_file_XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/file", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->dir);
    test_free(f);
    return 0;
}

/* What was written is read back, with its mode, and leaves no temporary file; so is what replaces
 * it. */
static void test_write_read(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(io_file_read(f->path, &b), ERR_NOT_FOUND);
    assert_int_equal(io_file_write(f->path, BYTES_LIT("one"), 0644), OK);
    static uint8_t big[300000];
    memset(big, 7, sizeof big);
    assert_int_equal(io_file_write(f->path, bytes_of(big, sizeof big), 0600), OK);
    assert_int_equal(io_file_read(f->path, &b), OK);
    assert_int_equal(b.len, sizeof big);
    assert_memory_equal(b.base, big, sizeof big);
    struct stat st;
    assert_int_equal(stat(f->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char tmp[80];
    (void)snprintf(tmp, sizeof tmp, "%s.tmp", f->path);
    assert_int_not_equal(access(tmp, F_OK), 0);
    buf_done(&b);
}

/* A file of exactly the bound is read, one byte more is too big. */
static void test_read_bound(void **state)
{
    struct fixture *f = *state;
    struct buf b;
    assert_int_equal(io_file_write(f->path, BYTES_LIT("12345"), 0600), OK);
    buf_init(&b, 5);
    assert_int_equal(io_file_read(f->path, &b), OK);
    assert_int_equal(b.len, 5);
    buf_done(&b);
    buf_init(&b, 4);
    assert_int_equal(io_file_read(f->path, &b), ERR_TOO_BIG);
    buf_done(&b);
}

/* Writing into a directory that does not exist, or over a directory, is refused and leaves nothing
 * behind. */
static void test_write_errors(void **state)
{
    struct fixture *f = *state;
    char path[80];
    (void)snprintf(path, sizeof path, "%s/no/file", f->dir);
    assert_int_equal(io_file_write(path, BYTES_LIT("x"), 0600), ERR_NOT_FOUND);
    assert_int_equal(io_file_write(f->dir, BYTES_LIT("x"), 0600), ERR_IO);
    (void)snprintf(path, sizeof path, "%s.tmp", f->dir);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* Missing parents are made, twice is fine, a file in the way is not. */
static void test_mkdir_p(void **state)
{
    struct fixture *f = *state;
    char a[64];
    char b[80];
    (void)snprintf(a, sizeof a, "%s/a", f->dir);
    (void)snprintf(b, sizeof b, "%s//b/", a);
    assert_int_equal(io_mkdir_p(b, 0700), OK);
    assert_int_equal(io_mkdir_p(b, 0700), OK);
    struct stat st;
    assert_int_equal(stat(b, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    assert_int_equal(rmdir(b), 0);
    assert_int_equal(rmdir(a), 0);
    assert_int_equal(io_file_write(f->path, BYTES_LIT("x"), 0600), OK);
    assert_int_equal(io_mkdir_p(f->path, 0700), ERR_EXISTS);
    (void)snprintf(b, sizeof b, "%s/below", f->path);
    assert_int_equal(io_mkdir_p(b, 0700), ERR_EXISTS);
    assert_int_equal(io_mkdir_p("", 0700), ERR_INVALID);
    assert_int_equal(io_mkdir_p("/", 0700), OK);
}

/* A second holder is refused until the first lets go. */
static void test_lock(void **state)
{
    struct fixture *f = *state;
    struct io_lock first;
    struct io_lock second;
    assert_int_equal(io_lock_open(f->path, &first), OK);
    assert_int_equal(io_lock_open(f->path, &second), ERR_IN_USE);
    io_lock_close(&first);
    assert_int_equal(io_lock_open(f->path, &second), OK);
    io_lock_close(&second);
    assert_int_equal(io_lock_open("/nonexistent/lock", &first), ERR_NOT_FOUND);
}

/* A disk with room is told from one without, and nothing stays there. */
static void test_disk_try(void **state)
{
    struct fixture *f = *state;
    char missing[128];
    (void)snprintf(missing, sizeof missing, "%s/none/file", f->dir);
    assert_int_equal(io_disk_try(f->path, 1), OK);
    assert_int_equal(io_disk_try(f->path, UINT64_MAX), ERR_LIMIT);
    assert_int_equal(io_disk_try(missing, 1), ERR_NOT_FOUND);
    assert_int_equal(access(f->path, F_OK), -1);
}

/* Two draws differ, and every byte of a large one is touched. */
static void test_random(void **state)
{
    (void)state;
    assert_true(io_random_seed() != io_random_seed());
    static uint8_t all[100000];
    io_random(all, sizeof all);
    size_t zeros = 0;
    for (size_t i = sizeof all - 1000; i < sizeof all; i++) {
        zeros += all[i] == 0;
    }
    assert_true(zeros < 100);
}

/* Kilobytes of this process's memory that are pages of files. */
static uint64_t mapped_kb(void)
{
    FILE *f = fopen("/proc/self/status", "r");
    assert_non_null(f);
    char line[256];
    uint64_t kb = 0;
    while (fgets(line, sizeof line, f) != NULL) {
        static const char digits[] = "0123456789";
        if (strncmp(line, "RssFile:", 8) == 0) {
            const char *number = line + strcspn(line, digits);
            assert_int_equal(bytes_u64(bytes_of(number, strspn(number, digits)), &kb), OK);
        }
    }
    (void)fclose(f);
    assert_true(kb > 0);
    return kb;
}

/* What was only mapped goes, and what the loader or we have written stays. */
static void test_pages_forget(void **state)
{
    static int written = 1;
    static const char *const relocated[] = {"zero", "one", "two"}; /* then made read-only */
    written = 2;
    uint64_t before = mapped_kb();
    io_pages_forget();
    assert_true(mapped_kb() < before);
    volatile size_t at = 2; /* so that the array is looked at */
    assert_string_equal(relocated[at], "two");
    assert_int_equal(written, 2);
    test_random(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_write_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_write_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mkdir_p, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lock, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_disk_try, set_up, tear_down),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_pages_forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
