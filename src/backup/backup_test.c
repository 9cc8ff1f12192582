/* Rows of jobs and bytes of backup files. */
#include "backup/backup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/text.h"

#include <cmocka.h>

/* A row with all that jobs may say reads back equal, and one of a later version is refused by that
 * name. */
static void test_rows(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1 << 20);
    struct prng prng = prng_seeded(3);
    const struct bytes columns[] = {BYTES_LIT("pk"), BYTES_LIT("name")};
    const struct value table = {.type = VALUE_MAP};
    struct backup_job job = {
        .kind = BACKUP_IMPORT,
        .name = backup_job_name(&prng, &a, 1489602797149),
        .status = BACKUP_FAILED,
        .table_name = BYTES_LIT("books"),
        .table = &table,
        .began_ms = 1489602797149,
        .errors = 4,
        .incremental = true,
        .prefix = BYTES_LIT(""),
        .columns = columns,
        .n_columns = 2,
    };
    assert_true(backup_job_name_valid(job.name));
    assert_true(bytes_has_prefix(job.name, BYTES_LIT("01489602797149-")));
    assert_false(backup_job_name_valid(BYTES_LIT("01489602797149-73d8d5bG")));
    assert_false(backup_job_name_valid(BYTES_LIT("../../etc/passwd")));
    struct value row;
    struct backup_job back;
    assert_int_equal(backup_job_encode(&a, &job, &row), OK);
    assert_int_equal(backup_job_decode(&a, &row, &back), OK);
    assert_int_equal(back.kind, BACKUP_IMPORT);
    assert_int_equal(back.status, BACKUP_FAILED);
    assert_true(bytes_eq(back.name, job.name));
    assert_true(bytes_eq(back.table_name, job.table_name));
    assert_int_equal(back.began_ms, job.began_ms);
    assert_int_equal(back.errors, 4);
    assert_true(back.incremental);
    assert_false(back.of_past);
    assert_non_null(back.prefix.base);
    assert_null(back.bucket.base);
    assert_int_equal(back.n_columns, 2);
    assert_true(bytes_eq_str(back.columns[1], "name"));
    struct value later;
    const struct value two = {.type = VALUE_NUMBER, .number = decimal_of_i64(2)};
    assert_int_equal(value_with(&a, &row, BYTES_LIT("v"), &two, &later), OK);
    assert_int_equal(backup_job_decode(&a, &later, &back), ERR_FORMAT);
    assert_int_equal(value_with(&a, &row, BYTES_LIT("errors"), &table, &later), OK);
    assert_int_equal(backup_job_decode(&a, &later, &back), ERR_CORRUPT);
    arena_done(&a);
}

static struct value note(const char *text)
{
    static struct member m[1];
    m[0] = (struct member){BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = bytes_str(text)}};
    return (struct value){.type = VALUE_MAP, .map = {m, 1}};
}

static void write_file(struct buf *out, unsigned items)
{
    struct backup_writer w;
    struct value table = note("table");
    struct buf item;
    buf_init(&item, 1 << 16);
    backup_writer_begin(&w, out, &table);
    for (unsigned i = 0; i < items; i++) {
        struct value v = note(i % 2 == 0 ? "even" : "odd");
        buf_clear(&item);
        value_encode(&item, &v);
        backup_writer_add(&w, buf_bytes(&item), item_size(&v));
    }
    backup_writer_end(&w);
    backup_writer_done(&w);
    buf_done(&item);
}

/* OK when `in` is a whole sound file; *ret_items counts what is in it. */
static enum err read_file(struct bytes in, uint64_t *ret_items)
{
    size_t len = 0;
    uint64_t n = 0;
    enum err e = backup_file_heading(in, &len);
    struct backup_block b = {0};
    for (in = bytes_from(in, len); e == OK && b.type != BACKUP_BLOCK_END;) {
        e = backup_block_take(in, &b);
        if (e != OK) {
            return e;
        }
        struct reader r = reader_of(b.payload);
        struct bytes item;
        while (b.type == BACKUP_BLOCK_ITEMS && (e = backup_block_item(&r, &item)) == OK) {
            n++;
        }
        e = e == ERR_NOT_FOUND ? OK : e;
        in = bytes_from(in, b.len);
    }
    uint64_t said;
    uint64_t bytes;
    if (e == OK) {
        e = backup_block_end(b.payload, &said, &bytes);
    }
    *ret_items = n;
    return e == OK && said != n ? ERR_CORRUPT : e;
}

/* The bytes of a file are these, for ever. */
static void test_golden(void **state)
{
    (void)state;
    static const char expected[] =
        "47574241434b5550011000000001060b0000000102706b03057461626c65cae04a511f000000020f060a000000"
        "01"
        "02706b03046576656e0e06090000000102706b03036f6464a31f07660200000003020b5b68da3f";
    struct buf out;
    struct buf hex;
    buf_init(&out, 1 << 16);
    buf_init(&hex, 1 << 17);
    write_file(&out, 2);
    put_hex(&hex, buf_bytes(&out));
    buf_put_u8(&hex, 0);
    assert_string_equal((const char *)hex.base, expected);
    buf_done(&hex);
    buf_done(&out);
}

/* A file of several blocks reads back; any single changed byte, and any cut, is noticed. */
static void test_damage(void **state)
{
    (void)state;
    struct buf out;
    uint64_t n;
    buf_init(&out, 1 << 24);
    write_file(&out, 60000);
    assert_int_equal(read_file(buf_bytes(&out), &n), OK);
    assert_int_equal(n, 60000);
    buf_clear(&out);
    write_file(&out, 3);
    for (size_t i = 0; i < out.len; i++) {
        assert_int_not_equal(read_file(bytes_of(out.base, i), &n), OK);
        out.base[i] ^= 0x10;
        assert_int_not_equal(read_file(buf_bytes(&out), &n), OK);
        out.base[i] ^= 0x10;
    }
    assert_int_equal(read_file(buf_bytes(&out), &n), OK);
    buf_done(&out);
}

/* Objects are found one after the other, with or without blanks between them, whatever their
 * strings hold; what is cut off waits for more, or is none. */
static void test_objects(void **state)
{
    (void)state;
    size_t start;
    size_t len;
    struct bytes two = BYTES_LIT("\n {\"a\":\"}\\\"{\",\"b\":[{}]}{\"c\":1}");
    assert_int_equal(backup_object_find(two, true, &start, &len), OK);
    assert_int_equal(start, 2);
    assert_int_equal(len, two.len - 2 - strlen("{\"c\":1}"));
    struct bytes rest = bytes_from(two, start + len);
    assert_int_equal(backup_object_find(rest, true, &start, &len), OK);
    assert_int_equal(len, rest.len);
    rest.len--;
    assert_int_equal(backup_object_find(rest, false, &start, &len), ERR_AGAIN);
    assert_int_equal(backup_object_find(rest, true, &start, &len), ERR_SYNTAX);
    assert_int_equal(backup_object_find(BYTES_LIT(" \n"), false, &start, &len), ERR_AGAIN);
    assert_int_equal(backup_object_find(BYTES_LIT(" \n"), true, &start, &len), ERR_NOT_FOUND);
    assert_int_equal(backup_object_find(BYTES_LIT("x{}"), true, &start, &len), ERR_SYNTAX);
    assert_int_equal(
        backup_object_find(BYTES_LIT("{]}"), true, &start, &len), OK); /* not its job */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
