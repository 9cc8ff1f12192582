#include "base/base.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* An arena at its byte cap answers NULL and goes on serving what still fits. */
static void test_arena_cap(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, /* bytes_max= */ 100);
    assert_non_null(arena_alloc(&a, 90));
    assert_null(arena_alloc(&a, 11));
    assert_non_null(arena_alloc(&a, 10));
    arena_done(&a);
}

static void count_up(void *arg)
{
    ++*(int *)arg;
}

static void fill_some(struct arena *a)
{
    for (size_t i = 1; i < 60; i++) {
        void *aligned = arena_alloc(a, i * 3);
        assert_non_null(aligned);
        assert_int_equal((uintptr_t)aligned % 16, 0);
        memset(aligned, 'x', i * 3);
        uint8_t *packed = arena_alloc_bytes(a, i);
        assert_non_null(packed);
        memset(packed, 'y', i);
    }
}

/* What was allocated in blocks of any size fits in one piece of the size that the arena says, and
 * nothing is lost between bytes; the piece serves no more than it has. */
static void test_arena_in_one_piece(void **state)
{
    (void)state;
    const size_t first[] = {1, 100, 4096, 100000};
    for (size_t i = 0; i < sizeof first / sizeof first[0]; i++) {
        struct arena a;
        arena_init_sized(&a, SIZE_MAX / 2, first[i]);
        assert_int_equal(arena_taken(&a), 0);
        fill_some(&a);
        size_t n = arena_taken(&a);
        arena_done(&a);
        char *memory = malloc(n);
        assert_non_null(memory);
        arena_init_in(&a, memory, n);
        fill_some(&a);
        uint8_t *packed = arena_alloc_bytes(&a, 1);
        assert_true(packed == NULL || arena_alloc_bytes(&a, 0) == packed + 1);
        while (arena_alloc(&a, 16) != NULL) {
        }
        assert_null(arena_alloc(&a, 16));
        free(memory);
    }
}

/* Cleanups run once, when the arena is cleared. */
static void test_arena_cleanup(void **state)
{
    (void)state;
    struct arena a;
    int ran = 0;
    arena_init(&a, 1000);
    assert_true(arena_on_clear(&a, count_up, &ran));
    arena_clear(&a);
    assert_int_equal(ran, 1);
    arena_done(&a);
    assert_int_equal(ran, 1);
}

/* A buffer past its bound keeps what it had and stays failed until cleared. */
static void test_buf_bound(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4);
    buf_put_str(&b, "abc");
    buf_put_str(&b, "de");
    assert_int_equal(b.err, ERR_TOO_BIG);
    assert_true(bytes_eq_str(buf_bytes(&b), "abc"));
    buf_clear(&b);
    buf_put_str(&b, "wxyz");
    assert_int_equal(b.err, OK);
    buf_done(&b);
}

/* What is formatted comes out the same whether or not the buffer had room for it already. */
static void test_buf_format(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 2000);
    char expected[2000];
    for (size_t before = 0; before < 600; before++) {
        buf_clear(&b);
        for (size_t i = 0; i < before; i++) {
            buf_put_u8(&b, 'x');
        }
        buf_putf(&b, "%s-%05u", "some text", 42U);
        assert_int_equal(b.err, OK);
        memset(expected, 'x', before);
        (void)snprintf(expected + before, sizeof expected - before, "some text-00042");
        assert_true(bytes_eq_str(buf_bytes(&b), expected));
    }
    buf_done(&b);
    buf_init(&b, 8);
    buf_putf(&b, "%u", 123456789U);
    assert_int_equal(b.err, ERR_TOO_BIG);
    assert_int_equal(b.len, 0);
    buf_done(&b);
}

/* Days and dates lead to each other, through leap years and centuries, in the calendar's order. */
static void test_dates(void **state)
{
    (void)state;
    struct date before = date_of_days(-719468);
    assert_int_equal(before.year, 0);
    assert_int_equal(before.month, 3);
    assert_int_equal(before.day, 1);
    for (int64_t days = -719467; days < 1000000; days++) {
        struct date d = date_of_days(days);
        bool next_day = d.year == before.year && d.month == before.month && d.day == before.day + 1;
        bool next_month = d.year == before.year && d.month == before.month + 1 && d.day == 1;
        bool next_year = d.year == before.year + 1 && d.month == 1 && d.day == 1;
        assert_true(next_day || next_month || (next_year && before.month == 12));
        assert_int_equal(days_of_date(d.year, d.month, d.day), days);
        before = d;
    }
    assert_int_equal(days_of_date(1970, 1, 1), 0);
    assert_int_equal(days_of_date(2000, 2, 29), 11016);
    assert_int_equal(days_of_date(2026, 11, 26), 20783);
    assert_int_equal(days_of_date(1900, 3, 1), days_of_date(1900, 2, 28) + 1);
}

/* Varints round-trip at every length; padded and overlong ones are malformed. */
static void test_varint(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (unsigned shift = 0; shift < 64; shift++) {
        buf_clear(&b);
        put_varint(&b, UINT64_C(1) << shift);
        struct reader r = reader_of(buf_bytes(&b));
        assert_int_equal(get_varint(&r), UINT64_C(1) << shift);
        assert_false(r.bad);
        assert_int_equal(reader_left(&r), 0);
    }
    const uint8_t padded[] = {0x80, 0x00};
    struct reader r = reader_of(bytes_of(padded, sizeof padded));
    (void)get_varint(&r);
    assert_true(r.bad);
    const uint8_t over[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    r = reader_of(bytes_of(over, sizeof over));
    (void)get_varint(&r);
    assert_true(r.bad);
    buf_done(&b);
}

static void hex_of(const uint8_t digest[SHA256_LEN], char ret[2 * SHA256_LEN + 1])
{
    for (size_t i = 0; i < SHA256_LEN; i++) {
        (void)snprintf(ret + 2 * i, 3, "%02x", digest[i]);
    }
}

/* The known answers of FIPS 180-4 and RFC 4231, and a key longer than a block. */
static void test_sha256(void **state)
{
    (void)state;
    uint8_t got[SHA256_LEN];
    char hex[2 * SHA256_LEN + 1];
    sha256(BYTES_NONE, got);
    hex_of(got, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(BYTES_LIT("abc"), got);
    hex_of(got, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    hmac_sha256(BYTES_LIT("Jefe"), BYTES_LIT("what do ya want for nothing?"), got);
    hex_of(got, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    hmac_sha256(BYTES_NONE, BYTES_NONE, got);
    hex_of(got, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
    uint8_t key[131];
    memset(key, 0xaa, sizeof key);
    hmac_sha256(
        bytes_of(key, sizeof key),
        BYTES_LIT("Test Using Larger Than Block-Size Key - Hash Key First"),
        got);
    hex_of(got, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* The check value of CRC-32C over "123456789" is in RFC 3720's family of vectors. */
static void test_crc32c(void **state)
{
    (void)state;
    assert_int_equal(crc32c(0, BYTES_LIT("123456789")), 0xE3069283U);
    assert_int_equal(crc32c(crc32c(0, BYTES_LIT("1234")), BYTES_LIT("56789")), 0xE3069283U);
}

/* Integers of every length. */
static void test_integers(void **state)
{
    (void)state;
    const struct {
        uint64_t v;
        const char *text;
    } cases[] = {
        {0, "0"}, {9, "9"}, {10, "10"}, {204, "204"}, {UINT64_MAX, "18446744073709551615"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        buf_init(&b, 100);
        put_integer(&b, cases[i].v);
        assert_true(bytes_eq_str(buf_bytes(&b), cases[i].text));
        buf_done(&b);
        char text[INTEGER_TEXT_MAX];
        size_t n = integer_text(cases[i].v, text);
        assert_true(bytes_eq_str(bytes_of(text, n), cases[i].text));
    }
}

/* Parts, empty ones too, with the mark between them and at no end; nothing at the arena's cap. */
static void test_join(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100);
    const struct bytes parts[] = {BYTES_LIT("a"), BYTES_NONE, BYTES_LIT("bcd")};
    assert_true(bytes_eq_str(bytes_join(&a, parts, 3, '/'), "a//bcd"));
    assert_true(bytes_eq_str(bytes_join(&a, parts, 1, '/'), "a"));
    struct bytes none = bytes_join(&a, parts, 0, '/');
    assert_int_equal(none.len, 0);
    assert_non_null(none.base);
    static const uint8_t big[100];
    const struct bytes bigs[] = {{big, sizeof big}, {big, sizeof big}};
    assert_null(bytes_join(&a, bigs, 2, '/').base);
    arena_done(&a);
}

/* base64 accepts exactly its canonical texts. */
static void test_base64(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1000);
    struct bytes raw;
    assert_int_equal(base64_decode(&a, BYTES_LIT("aGk="), &raw), OK);
    assert_true(bytes_eq_str(raw, "hi"));
    assert_int_equal(base64_decode(&a, BYTES_LIT("aGl="), &raw), ERR_SYNTAX);
    assert_int_equal(base64_decode(&a, BYTES_LIT("aGk"), &raw), ERR_SYNTAX);
    assert_int_equal(base64_decode(&a, BYTES_LIT("a=k="), &raw), ERR_SYNTAX);
    assert_int_equal(base64_decode(&a, BYTES_LIT(""), &raw), OK);
    assert_int_equal(raw.len, 0);
    arena_done(&a);
}

/* UTF-8 rejects overlong forms, surrogates and what lies beyond U+10FFFF. */
static void test_utf8(void **state)
{
    (void)state;
    assert_true(utf8_valid(BYTES_LIT("caf\xc3\xa9 \xf0\x9f\x90\xa6")));
    assert_false(utf8_valid(BYTES_LIT("\xc0\x80")));
    assert_false(utf8_valid(BYTES_LIT("\xed\xa0\x80")));
    assert_false(utf8_valid(BYTES_LIT("\xf4\x90\x80\x80")));
    assert_false(utf8_valid(BYTES_LIT("\xe2\x82")));
    assert_int_equal(utf8_length(BYTES_LIT("caf\xc3\xa9")), 4);
}

/* A map iterates in insertion order through growth and removals. */
static void test_map(void **state)
{
    (void)state;
    struct map m;
    map_init(&m);
    int values[1000];
    for (int i = 0; i < 1000; i++) {
        assert_null(map_put(&m, bytes_of(&i, sizeof i), &values[i]));
    }
    for (int i = 0; i < 1000; i += 2) {
        assert_ptr_equal(map_remove(&m, bytes_of(&i, sizeof i)), &values[i]);
    }
    int expect = 1;
    MAP_FOREACH (&m, e) {
        assert_ptr_equal(e->value, &values[expect]);
        expect += 2;
    }
    assert_int_equal(expect, 1001);
    for (int round = 0; round < 10000; round++) {
        int key = 5000 + round;
        (void)map_put(&m, bytes_of(&key, sizeof key), &values[0]);
        assert_ptr_equal(map_remove(&m, bytes_of(&key, sizeof key)), &values[0]);
    }
    assert_int_equal(map_count(&m), 500);
    map_done(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_cap),
        cmocka_unit_test(test_arena_in_one_piece),
        cmocka_unit_test(test_arena_cleanup),
        cmocka_unit_test(test_buf_bound),
        cmocka_unit_test(test_buf_format),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_varint),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_crc32c),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_join),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
