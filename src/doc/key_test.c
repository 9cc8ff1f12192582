#include "doc/doc.h"
#include "doc/test_util.h"

enum { BYTES = 1 << 20 };

static void assert_golden(const struct value *v, const char *want)
{
    struct arena a;
    struct buf key;
    struct buf text;
    struct value back;
    arena_init(&a, BYTES);
    buf_init(&key, BYTES);
    buf_init(&text, BYTES);
    key_encode(&key, v);
    put_hex(&text, buf_bytes(&key));
    buf_put_u8(&text, '\0');
    assert_string_equal((const char *)text.base, want);
    struct reader r = reader_of(buf_bytes(&key));
    assert_int_equal(key_decode(&a, &r, &back), OK);
    assert_int_equal(reader_left(&r), 0);
    assert_true(value_eq(v, &back));
    buf_done(&key);
    buf_done(&text);
    arena_done(&a);
}

static void assert_golden_number(const char *number, const char *want)
{
    struct value v = num(number);
    assert_golden(&v, want);
}

/* The bytes of docs/formats/key.md, which must never change. */
static void test_golden(void **state)
{
    (void)state;
    struct value empty = str("");
    struct value text = str("ab");
    struct value raw = {.type = VALUE_BINARY, .bytes = BYTES_LIT("\x00\xff\x01")};
    assert_golden(&empty, "030001");
    assert_golden(&text, "0361620001");
    assert_golden(&raw, "0400ffff010001");
    assert_golden_number("0", "0202");
    assert_golden_number("1", "02038214");
    assert_golden_number("-1", "02017deb");
    assert_golden_number("12", "02038318");
    assert_golden_number("123", "020384193c");
    assert_golden_number("-123", "02017be6c3");
    assert_golden_number("1200", "02038518");
    assert_golden_number("0.05", "02038064");
    assert_golden_number("1e125", "0203ff14");
    assert_golden_number("1e-130", "02030014");
    assert_golden_number(
        "99999999999999999999999999999999999999", "0203a7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c6");
}

static int sign(int c)
{
    return (c > 0) - (c < 0);
}

/* For random pairs of each type, byte order is value order, and no key is a prefix of another. */
static void test_order(void **state)
{
    (void)state;
    struct prng r = prng_seeded(60);
    struct arena a;
    struct buf x;
    struct buf y;
    arena_init(&a, BYTES);
    buf_init(&x, BYTES);
    buf_init(&y, BYTES);
    for (int round = 0; round < 60000; round++) {
        arena_clear(&a);
        buf_clear(&x);
        buf_clear(&y);
        enum value_type t = (enum value_type)prng_between(&r, VALUE_NUMBER, VALUE_BINARY);
        struct value v = random_scalar(&r, &a, t);
        struct value w = random_scalar(&r, &a, t);
        if (t == VALUE_NUMBER && prng_chance(&r, 300)) {
            struct decimal one = dec("1");
            struct decimal near;
            w = decimal_add(&v.number, &one, &near) == OK
                    ? (struct value){.type = t, .number = near}
                    : w;
        }
        key_encode(&x, &v);
        key_encode(&y, &w);
        int want = value_cmp(&v, &w);
        assert_int_equal(sign(bytes_cmp(buf_bytes(&x), buf_bytes(&y))), sign(want));
        if (want != 0) {
            assert_false(bytes_has_prefix(buf_bytes(&x), buf_bytes(&y)));
        }
    }
    arena_done(&a);
    buf_done(&x);
    buf_done(&y);
}

/* Pairs of keys compare by their first part, then by their second, and come apart again. */
static void test_concatenation(void **state)
{
    (void)state;
    struct prng r = prng_seeded(61);
    struct arena a;
    struct buf x;
    struct buf y;
    arena_init(&a, BYTES);
    buf_init(&x, BYTES);
    buf_init(&y, BYTES);
    for (int round = 0; round < 20000; round++) {
        arena_clear(&a);
        buf_clear(&x);
        buf_clear(&y);
        enum value_type t1 = (enum value_type)prng_between(&r, VALUE_NUMBER, VALUE_BINARY);
        enum value_type t2 = (enum value_type)prng_between(&r, VALUE_NUMBER, VALUE_BINARY);
        struct value v1 = random_scalar(&r, &a, t1);
        struct value w1 = prng_chance(&r, 300) ? v1 : random_scalar(&r, &a, t1);
        struct value v2 = random_scalar(&r, &a, t2);
        struct value w2 = random_scalar(&r, &a, t2);
        key_encode(&x, &v1);
        size_t first = x.len;
        key_encode(&x, &v2);
        key_encode(&y, &w1);
        key_encode(&y, &w2);
        int want = value_cmp(&v1, &w1);
        want = want != 0 ? want : value_cmp(&v2, &w2);
        assert_int_equal(sign(bytes_cmp(buf_bytes(&x), buf_bytes(&y))), sign(want));
        assert_int_equal(key_first_len(buf_bytes(&x)), first);
        struct value back;
        struct reader in = reader_of(buf_bytes(&x));
        assert_int_equal(key_decode(&a, &in, &back), OK);
        assert_true(value_eq(&back, &v1));
        assert_int_equal(key_decode(&a, &in, &back), OK);
        assert_true(value_eq(&back, &v2));
        assert_int_equal(reader_left(&in), 0);
        assert_int_equal(key_decode(&a, &in, &back), ERR_CORRUPT);
        assert_true(in.bad);
    }
    arena_done(&a);
    buf_done(&x);
    buf_done(&y);
}

/* Cut or changed keys are refused, or are the one encoding of another value; nothing reads past the
 * end. */
static void test_damage(void **state)
{
    (void)state;
    struct prng r = prng_seeded(62);
    struct arena a;
    struct buf x;
    struct buf again;
    arena_init(&a, BYTES);
    buf_init(&x, BYTES);
    buf_init(&again, BYTES);
    for (int round = 0; round < 2000; round++) {
        arena_clear(&a);
        buf_clear(&x);
        struct value v =
            random_scalar(&r, &a, (enum value_type)prng_between(&r, VALUE_NUMBER, VALUE_BINARY));
        key_encode(&x, &v);
        for (size_t i = 0; i < x.len; i++) {
            struct value back;
            uint8_t *copy = malloc(x.len);
            assert_non_null(copy);
            memcpy(copy, x.base, x.len);
            struct reader cut = reader_of(bytes_of(copy + (x.len - i), i));
            memcpy(copy + (x.len - i), x.base, i);
            assert_int_equal(key_decode(&a, &cut, &back), ERR_CORRUPT);
            assert_true(cut.bad);
            memcpy(copy, x.base, x.len);
            copy[i] ^= (uint8_t)prng_between(&r, 1, 255);
            struct bytes damaged = bytes_of(copy, x.len);
            struct reader in = reader_of(damaged);
            if (key_decode(&a, &in, &back) == OK) {
                buf_clear(&again);
                key_encode(&again, &back);
                assert_int_equal(again.len, key_first_len(damaged));
                assert_true(bytes_has_prefix(damaged, buf_bytes(&again)));
            }
            free(copy);
        }
    }
    arena_done(&a);
    buf_done(&x);
    buf_done(&again);
}

/* Keys written in another way than the encoder's are refused. */
static void test_not_canonical(void **state)
{
    (void)state;
    static const struct bytes bad[] = {
        BYTES_LIT(""),
        BYTES_LIT("\x00"),
        BYTES_LIT("\x05\x00\x01"),
        BYTES_LIT("\x03"),
        BYTES_LIT("\x03\x00"),
        BYTES_LIT("\x03\x00\x02"),
        BYTES_LIT("\x03\xff\x00\x01"), /* no UTF-8 */
        BYTES_LIT("\x02"),
        BYTES_LIT("\x02\x00"),
        BYTES_LIT("\x02\x04"),
        BYTES_LIT("\x02\x03\x82"),
        BYTES_LIT("\x02\x03\x82\x02"),     /* leading zero digit */
        BYTES_LIT("\x02\x03\x82\x15\x00"), /* trailing zero pair */
        BYTES_LIT("\x02\x03\x82\xc8"),     /* pair of 100 */
        BYTES_LIT("\x02\x03\x82\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15\x15"
                  "\x15\x15\x15\x14"), /* 40 digits */
    };
    struct arena a;
    arena_init(&a, BYTES);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct value v = str("untouched");
        struct reader in = reader_of(bad[i]);
        assert_int_equal(key_decode(&a, &in, &v), ERR_CORRUPT);
        assert_true(in.bad);
        assert_true(bytes_eq_str(v.bytes, "untouched"));
    }
    arena_done(&a);
}

/* A prefix key is a prefix of exactly the keys whose text begins with its text. */
static void test_prefix(void **state)
{
    (void)state;
    struct prng r = prng_seeded(63);
    struct arena a;
    struct buf whole;
    struct buf prefix;
    arena_init(&a, BYTES);
    buf_init(&whole, BYTES);
    buf_init(&prefix, BYTES);
    for (int round = 0; round < 20000; round++) {
        arena_clear(&a);
        buf_clear(&whole);
        buf_clear(&prefix);
        struct value v = random_scalar(&r, &a, VALUE_BINARY);
        struct value p = random_scalar(&r, &a, VALUE_BINARY);
        if (prng_chance(&r, 500)) {
            p.bytes = bytes_of(v.bytes.base, prng_below(&r, v.bytes.len + 1));
        }
        key_encode(&whole, &v);
        key_encode_prefix(&prefix, &p);
        struct bytes key = buf_bytes(&whole);
        bool begins = bytes_has_prefix(v.bytes, p.bytes);
        assert_int_equal(bytes_has_prefix(key, buf_bytes(&prefix)), begins);
        struct bytes end = key_prefix_end(&a, buf_bytes(&prefix));
        assert_true(end.len > 0);
        bool inside = bytes_cmp(key, buf_bytes(&prefix)) >= 0 && bytes_cmp(key, end) < 0;
        assert_int_equal(inside, begins);
    }
    arena_done(&a);
    buf_done(&whole);
    buf_done(&prefix);
}

/* The end of a prefix carries over 0xff; nothing but 0xff has no end. */
static void test_prefix_end(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, BYTES);
    assert_true(bytes_eq(key_prefix_end(&a, BYTES_LIT("ab")), BYTES_LIT("ac")));
    assert_true(bytes_eq(key_prefix_end(&a, BYTES_LIT("a\xff\xff")), BYTES_LIT("b")));
    assert_int_equal(key_prefix_end(&a, BYTES_LIT("\xff\xff")).len, 0);
    assert_non_null(key_prefix_end(&a, BYTES_LIT("\xff\xff")).base);
    assert_int_equal(key_prefix_end(&a, BYTES_LIT("")).len, 0);
    arena_done(&a);
}

/* Places on the ring are pinned, for partitions and digests are cut by them. */
static void test_partition_hash(void **state)
{
    (void)state;
    assert_int_equal(key_partition_hash(BYTES_LIT("")), 0x2d068005U);
    assert_int_equal(key_partition_hash(BYTES_LIT("\x02\x03\x82\x14")), 0xfab527cfU);
    assert_int_equal(
        key_partition_hash(BYTES_LIT("\x03"
                                     "ab\x00\x01")),
        0x4845738aU);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_not_canonical),
        cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_prefix_end),
        cmocka_unit_test(test_partition_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
