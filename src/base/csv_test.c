#include "base/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Renders a record as its fields in brackets, quoted ones with a star. */
static void render(const struct csv_record *r, struct buf *b)
{
    for (size_t i = 0; i < r->n; i++) {
        buf_putf(b, "[%s%.*s]", r->fields[i].quoted ? "*" : "", BYTES_FMT(r->fields[i].text));
    }
    buf_put_u8(b, ';');
}

/* All records of `text`, fed in pieces that grow by `step` bytes whenever more is asked for. */
static enum err read_all(const char *text, size_t step, struct buf *b)
{
    struct bytes all = bytes_str(text);
    size_t at = 0;
    size_t end = step < all.len ? step : all.len;
    for (;;) {
        struct arena a;
        struct csv_record r;
        size_t used = 0;
        arena_init(&a, 1 << 16);
        struct bytes window = bytes_of(all.base + at, end - at);
        enum err e = csv_next(&a, window, ',', end == all.len, &r, &used);
        if (e == OK) {
            render(&r, b);
            at += used;
        } else if (e == ERR_AGAIN) {
            end = end + step < all.len ? end + step : all.len;
        }
        arena_done(&a);
        if (e != OK && e != ERR_AGAIN) {
            return e;
        }
    }
}

static const struct {
    const char *text;
    const char *records;
} good[] = {
    {"a,b,c\n1,2,3\n", "[a][b][c];[1][2][3];"},
    {"a,b\r\n1,2\r\n", "[a][b];[1][2];"},
    {"a,b", "[a][b];"},
    {"", ""},
    {"a,\n,b\n,\n", "[a][];[][b];[][];"},
    {"\"a\",\"\"\n", "[*a][*];"},
    {"\"a,b\",c\n", "[*a,b][c];"},
    {"\"say \"\"hi\"\"\",x\n", "[*say \"hi\"][x];"},
    {"\"two\nlines\",x\ny,z\n", "[*two\nlines][x];[y][z];"},
    {"\"two\r\nlines\",x\r\n", "[*two\r\nlines][x];"},
    {"\"\"\"\"\n", "[*\"];"},
    {"a\n\nb\n", "[a];;[b];"},
    {"a\rb,c\n", "[a\rb][c];"},
    {"a,b\r", "[a][b\r];"},
    {" a , b\n", "[ a ][ b];"},
    {"\xc3\xa4,\xf0\x9f\x90\xa6\n", "[\xc3\xa4][\xf0\x9f\x90\xa6];"},
};

/* Each text falls into the records and fields that RFC 4180 says, however it is cut into pieces. */
static void test_records(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (size_t step = 1; step <= strlen(good[i].text) + 1; step++) {
            struct buf b;
            buf_init(&b, 1 << 16);
            assert_int_equal(read_all(good[i].text, step, &b), ERR_NOT_FOUND);
            buf_put_u8(&b, '\0');
            assert_string_equal((const char *)b.base, good[i].records);
            buf_done(&b);
        }
    }
}

/* A quote in the middle of a field, text behind a closing quote, or no closing quote at all is
 * refused. */
static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "a\"b\n", "\"a\"b\n", "\"a", "\"a\n", "x,\"a\" ,y\n", "\"\"\"\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        for (size_t step = 1; step <= strlen(bad[i]) + 1; step++) {
            struct buf b;
            buf_init(&b, 1 << 16);
            assert_int_equal(read_all(bad[i], step, &b), ERR_SYNTAX);
            buf_done(&b);
        }
    }
}

/* What is written reads back the same, for texts that need quotes and texts that do not. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "a", "a,b", "\"", "a\"\"b", "x\ny", "\r\n", " a", "a ", "\r", ","};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct arena a;
        struct buf b;
        struct csv_record r;
        size_t used;
        arena_init(&a, 1 << 16);
        buf_init(&b, 1 << 16);
        csv_put(&b, bytes_str(texts[i]), texts[i][0] == '\0');
        buf_put_str(&b, ",end\r\n");
        assert_int_equal(csv_next(&a, buf_bytes(&b), ',', false, &r, &used), OK);
        assert_int_equal(used, b.len);
        assert_int_equal(r.n, 2);
        assert_true(bytes_eq_str(r.fields[0].text, texts[i]));
        assert_true(bytes_eq_str(r.fields[1].text, "end"));
        buf_done(&b);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
