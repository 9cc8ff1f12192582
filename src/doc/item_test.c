#include "doc/doc.h"
#include "doc/test_util.h"

enum { BYTES = 1 << 24 };

struct fixture {
    struct arena arena;   /* of the values built */
    struct arena decoded; /* of the values read back */
    struct buf out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    ASSERT(f != NULL);
    arena_init(&f->arena, BYTES);
    arena_init(&f->decoded, BYTES);
    buf_init(&f->out, BYTES);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_done(&f->arena);
    arena_done(&f->decoded);
    buf_done(&f->out);
    free(f);
    return 0;
}

/* Decodes from an exact heap copy, so that the address sanitizer sees a read past the end. The
 * result is dead when this returns; what it was is told by encoding it into f->out. */
static enum err decode_again(struct fixture *f, struct bytes in)
{
    uint8_t *copy = malloc(in.len > 0 ? in.len : 1);
    ASSERT(copy != NULL);
    if (in.len > 0) {
        memcpy(copy, in.base, in.len);
    }
    struct value v;
    arena_clear(&f->decoded);
    enum err e = value_decode(&f->decoded, bytes_of(copy, in.len), &v);
    if (e == OK) {
        buf_clear(&f->out);
        value_encode(&f->out, &v);
    }
    free(copy);
    return e;
}

static struct bytes hex(struct fixture *f, const char *text)
{
    struct bytes raw;
    enum err e = hex_decode(&f->arena, bytes_str(text), &raw);
    ASSERT(e == OK);
    return raw;
}

static void assert_golden(struct fixture *f, const struct value *v, const char *want)
{
    buf_clear(&f->out);
    value_encode(&f->out, v);
    struct buf text;
    buf_init(&text, BYTES);
    put_hex(&text, buf_bytes(&f->out));
    buf_put_u8(&text, '\0');
    assert_string_equal((const char *)text.base, want);
    buf_done(&text);
    struct value back;
    assert_int_equal(value_decode(&f->decoded, hex(f, want), &back), OK);
    assert_true(value_eq(v, &back));
}

static void assert_golden_number(struct fixture *f, const char *number, const char *want)
{
    struct value v = num(number);
    assert_golden(f, &v, want);
}

/* The bytes of docs/formats/item.md, which must never change. */
static void test_golden(void **state)
{
    struct fixture *f = *state;
    struct value null = {.type = VALUE_NULL};
    struct value yes = {.type = VALUE_BOOL, .boolean = true};
    struct value hi = str("hi");
    struct value raw = {.type = VALUE_BINARY, .bytes = BYTES_LIT("\x00\xff")};
    assert_golden(f, &null, "00");
    assert_golden(f, &yes, "0101");
    assert_golden(f, &hi, "03026869");
    assert_golden(f, &raw, "040200ff");
    assert_golden_number(f, "0", "0200");
    assert_golden_number(f, "1", "020101");
    assert_golden_number(f, "-1", "022101");
    assert_golden_number(f, "300", "02410403");
    assert_golden_number(f, "12.34", "024203d204");
    assert_golden_number(f, "1e125", "0241fa0101");
    assert_golden_number(f, "-1e-130", "0261830201");
    assert_golden_number(
        f, "99999999999999999999999999999999999999", "0210ffffffff3f228a097ac4865aa84c3b4b");
    struct value items[] = {num("1"), hi, null};
    struct value list = {.type = VALUE_LIST, .list = {.items = items, .n = 3}};
    assert_golden(
        f,
        &list,
        "05090000000302010103026869"
        "00");
    struct value texts[] = {str("a"), str("b")};
    struct value set = {.type = VALUE_STRING_SET, .list = {.items = texts, .n = 2}};
    assert_golden(f, &set, "07050000000201610162");
    struct value numbers[] = {num("-1"), num("2")};
    struct value number_set = {.type = VALUE_NUMBER_SET, .list = {.items = numbers, .n = 2}};
    assert_golden(
        f,
        &number_set,
        "0805000000022101"
        "0102");
    struct value binaries[] = {raw};
    struct value binary_set = {.type = VALUE_BINARY_SET, .list = {.items = binaries, .n = 1}};
    assert_golden(f, &binary_set, "0904000000010200ff");
    struct member members[] = {{BYTES_LIT("a"), num("1")}, {BYTES_LIT("bc"), hi}};
    struct value map = {.type = VALUE_MAP, .map = {.members = members, .n = 2}};
    assert_golden(
        f,
        &map,
        "060d000000020161020101"
        "02626303026869");
}

/* Any value written and read is equal; equal values have equal bytes. */
static void test_round_trip(void **state)
{
    struct fixture *f = *state;
    struct prng r = prng_seeded(50);
    struct buf first;
    buf_init(&first, BYTES);
    for (int round = 0; round < 3000; round++) {
        struct value back;
        arena_clear(&f->arena);
        arena_clear(&f->decoded);
        buf_clear(&first);
        buf_clear(&f->out);
        struct value v = random_value(&r, &f->arena, 4);
        value_encode(&first, &v);
        assert_int_equal(first.err, OK);
        assert_int_equal(value_decode(&f->decoded, buf_bytes(&first), &back), OK);
        assert_true(value_eq(&v, &back));
        value_encode(&f->out, &back);
        assert_true(bytes_eq(buf_bytes(&first), buf_bytes(&f->out)));
    }
    buf_done(&first);
}

/* Cut at any offset the bytes are refused; with any byte changed they are refused or are canonical.
 */
static void test_damage(void **state)
{
    struct fixture *f = *state;
    struct prng r = prng_seeded(51);
    struct buf b;
    buf_init(&b, BYTES);
    for (int round = 0; round < 400; round++) {
        arena_clear(&f->arena);
        buf_clear(&b);
        struct value v = random_map(&r, &f->arena, 3);
        value_encode(&b, &v);
        for (size_t i = 0; i < b.len; i++) {
            assert_int_equal(decode_again(f, bytes_of(b.base, i)), ERR_CORRUPT);
            uint8_t was = b.base[i];
            b.base[i] ^=
                (uint8_t)(prng_chance(&r, 500) ? 1U << prng_below(&r, 8) : prng_between(&r, 1, 255));
            enum err e = decode_again(f, buf_bytes(&b));
            if (e == OK) {
                assert_true(bytes_eq(buf_bytes(&b), buf_bytes(&f->out)));
            } else {
                assert_int_equal(e, ERR_CORRUPT);
            }
            b.base[i] = was;
        }
    }
    buf_done(&b);
}

/* One byte more than the value is refused, too. */
static void test_trailing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decode_again(f, hex(f, "0000")), ERR_CORRUPT);
    assert_int_equal(
        decode_again(
            f,
            hex(f,
                "060100000000"
                "00")),
        ERR_CORRUPT);
}

/* Each rule of the canonical form refuses its own offence. */
static void test_not_canonical(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {
        "",     /* nothing */
        "0a",   /* unknown type */
        "80",   /* reserved bits */
        "0102", /* a truth that is neither */
        "0220", /* minus zero */
        "0240"
        "02",       /* zero with an exponent */
        "02020100", /* a coefficient padded with a zero byte */
        "02010a",   /* 10 is 1e1 */
        "02410001", /* exponent zero written out */
        "0241800101"
        "01",                                     /* trailing bytes after a wide exponent */
        "0241fc0101",                             /* 1e126 */
        "0241850201",                             /* 1e-131 */
        "02110102030405060708090a0b0c0d0e0f1011", /* 17 bytes of coefficient */
        "021001000000403f228a097ac4865aa84c3b4b", /* length lies */
        "0210010000004022"
        "8a097ac4865aa84c3b4b", /* over 38 digits */
        "02810101",             /* reserved bit of a number's head */
        "03820061"
        "61",     /* padded length */
        "0301ff", /* no UTF-8 */
        "05020000000100"
        "00", /* list with a byte left */
        "0502000000"
        "0200",                 /* list with an element missing */
        "07050000000201620161", /* set out of order */
        "07050000000201610161", /* set with duplicates */
        "0607000000020161000161"
        "00", /* names twice */
        "0607000000020162000161"
        "00",                     /* names out of order */
        "06040000000101ff00",     /* name is no UTF-8 */
        "05ffffffff00",           /* length past the end */
        "0506000000ffffffff0f00", /* count past the end */
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(decode_again(f, hex(f, bad[i])), ERR_CORRUPT);
    }
}

/* Lists nested as deep as an item may be decode; one level more is refused, however deep. */
static void test_depth(void **state)
{
    struct fixture *f = *state;
    struct value levels[200];
    levels[0] = (struct value){.type = VALUE_NULL};
    for (size_t n = 1; n < 200; n++) {
        levels[n] = (struct value){.type = VALUE_LIST, .list = {.items = &levels[n - 1], .n = 1}};
        struct buf b;
        buf_init(&b, BYTES);
        value_encode(&b, &levels[n]);
        assert_int_equal(decode_again(f, buf_bytes(&b)), n <= DOC_DEPTH_MAX + 1 ? OK : ERR_CORRUPT);
        buf_done(&b);
    }
}

/* A single member read alone equals the one in the whole item; absent names are not found. */
static void test_member(void **state)
{
    struct fixture *f = *state;
    struct prng r = prng_seeded(52);
    for (int round = 0; round < 1000; round++) {
        arena_clear(&f->arena);
        arena_clear(&f->decoded);
        buf_clear(&f->out);
        struct value map = random_map(&r, &f->arena, 3);
        value_encode(&f->out, &map);
        for (size_t i = 0; i < map.map.n; i++) {
            struct value one;
            const struct member *m = &map.map.members[i];
            assert_int_equal(
                value_decode_member(&f->decoded, buf_bytes(&f->out), m->name, &one), OK);
            assert_true(value_eq(&one, &m->value));
        }
        struct bytes name = random_bytes(&r, &f->arena, /* utf8= */ true);
        struct value one = str("untouched");
        enum err e = value_decode_member(&f->decoded, buf_bytes(&f->out), name, &one);
        assert_int_equal(e, value_find(&map, name) != NULL ? OK : ERR_NOT_FOUND);
        if (e != OK) {
            assert_true(bytes_eq_str(one.bytes, "untouched"));
        }
        if (map.map.n > 0) {
            const struct member *last = &map.map.members[map.map.n - 1];
            for (size_t cut = 0; cut < f->out.len; cut++) {
                struct bytes part = bytes_of(f->out.base, cut);
                assert_int_equal(
                    value_decode_member(&f->decoded, part, last->name, &one), ERR_CORRUPT);
            }
        }
    }
}

/* A buffer or an arena at its bound is ERR_TOO_BIG, one byte more is enough. */
static void test_bounds(void **state)
{
    struct fixture *f = *state;
    struct member members[] = {{BYTES_LIT("a"), num("1.5")}, {BYTES_LIT("b"), str("text")}};
    struct value map = {.type = VALUE_MAP, .map = {.members = members, .n = 2}};
    value_encode(&f->out, &map);
    for (size_t max = 0; max <= f->out.len; max++) {
        struct buf small;
        buf_init(&small, max);
        value_encode(&small, &map);
        assert_int_equal(small.err, max == f->out.len ? OK : ERR_TOO_BIG);
        buf_done(&small);
    }
    struct arena a;
    struct value back;
    arena_init(&a, 2 * sizeof(struct member) - 1);
    assert_int_equal(value_decode(&a, buf_bytes(&f->out), &back), ERR_TOO_BIG);
    arena_done(&a);
    arena_init(&a, 2 * sizeof(struct member));
    assert_int_equal(value_decode(&a, buf_bytes(&f->out), &back), OK);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_golden, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_trailing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_canonical, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_depth, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_member, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
