#include "doc/doc.h"
#include "doc/test_util.h"

static enum err parse(const char *text, struct decimal *ret, bool *ret_underflow)
{
    return decimal_parse(bytes_str(text), ret, ret_underflow);
}

static void assert_text(const char *in, const char *out)
{
    char text[DOC_DECIMAL_TEXT_MAX];
    struct decimal d = dec(in);
    size_t len = decimal_text(&d, text);
    assert_string_equal(text, out);
    assert_int_equal(len, strlen(out));
}

/* Every way of writing a number ends in DynamoDB's own rendering: plain digits. */
static void test_text(void **state)
{
    (void)state;
    assert_text("0", "0");
    assert_text("-0", "0");
    assert_text("-0.000e55", "0");
    assert_text("0e999999999999999999999999", "0");
    assert_text("1", "1");
    assert_text("+1", "1");
    assert_text("-1.50", "-1.5");
    assert_text("0001.2300", "1.23");
    assert_text(".5", "0.5");
    assert_text("5.", "5");
    assert_text("1e3", "1000");
    assert_text("1E+3", "1000");
    assert_text("123e-5", "0.00123");
    assert_text("100000", "100000");
    assert_text("-12345.678", "-12345.678");
    assert_text("99999999999999999999999999999999999999", "99999999999999999999999999999999999999");
    assert_text("12345678901234567890.12345678901234567", "12345678901234567890.12345678901234567");
    assert_text("10000000000000000000000000000000000000000e-40", "1");
    char want[DOC_DECIMAL_TEXT_MAX] = "1";
    memset(want + 1, '0', 125);
    assert_text("1e125", want);
    memset(want, '0', 132);
    want[1] = '.';
    want[131] = '1';
    want[132] = '\0';
    assert_text("1e-130", want);
}

/* The longest rendering there is fits the buffer every caller has. */
static void test_text_longest(void **state)
{
    (void)state;
    char text[DOC_DECIMAL_TEXT_MAX];
    struct decimal d = dec("-1.2345678901234567890123456789012345678e-130");
    assert_int_equal(decimal_text(&d, text), 1 + 2 + 129 + 38);
}

/* What is not a number is ERR_SYNTAX and leaves the output alone. */
static void test_parse_syntax(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",         "-",     "+",     ".",    "-.",           "e5",  "1e",   "1e+",
        "1e-",      "1.2.3", " 1",    "1 ",   "1,000",        "--1", "+-1",  "NaN",
        "Infinity", "0x10",  "1e5.0", "1e5x", "\xef\xbc\x91", "1-",  "1_000"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct decimal d = {.coef = 77};
        bool underflow = false;
        assert_int_equal(parse(bad[i], &d, &underflow), ERR_SYNTAX);
        assert_true(d.coef == 77);
    }
    struct decimal d;
    bool underflow;
    assert_int_equal(decimal_parse(bytes_of("1\0002", 3), &d, &underflow), ERR_SYNTAX);
}

/* 38 significant digits pass wherever the zeros around them lie, 39 do not. */
static void test_parse_digits(void **state)
{
    (void)state;
    struct decimal d;
    bool underflow;
    assert_int_equal(parse("000.00012345678901234567890123456789012345678000", &d, &underflow), OK);
    assert_int_equal(parse("123456789012345678901234567890123456789", &d, &underflow), ERR_LIMIT);
    assert_int_equal(parse("-1.23456789012345678901234567890123456789", &d, &underflow), ERR_LIMIT);
    assert_int_equal(parse("100000000000000000000000000000000000001", &d, &underflow), ERR_LIMIT);
}

/* The range's edges pass, one past them is ERR_TOO_BIG with its direction told. */
static void test_parse_range(void **state)
{
    (void)state;
    struct decimal d;
    bool underflow = true;
    assert_int_equal(parse("9.9999999999999999999999999999999999999e125", &d, &underflow), OK);
    assert_int_equal(parse("-1e-130", &d, &underflow), OK);
    assert_int_equal(parse("1e126", &d, &underflow), ERR_TOO_BIG);
    assert_false(underflow);
    assert_int_equal(parse("-9.99e-131", &d, &underflow), ERR_TOO_BIG);
    assert_true(underflow);
    assert_int_equal(parse("1e99999999999999999999999999", &d, &underflow), ERR_TOO_BIG);
    assert_false(underflow);
    assert_int_equal(parse("1e-99999999999999999999999999", &d, &underflow), ERR_TOO_BIG);
    assert_true(underflow);
}

/* A megabyte of zeros and a huge exponent cost one pass over the text. */
static void test_parse_long(void **state)
{
    (void)state;
    enum { N = 1 << 20 };
    char *text = malloc(N + 32);
    assert_non_null(text);
    memset(text, '0', N);
    text[0] = '1';
    int wrote = snprintf(text + N, 32, "e-%d", N - 3);
    assert_true(wrote > 0);
    struct decimal d = dec(text);
    assert_true(d.coef == 1);
    assert_int_equal(d.exp, 2);
    free(text);
}

/* Integers go in and out exactly, and only integers in range come out. */
static void test_i64(void **state)
{
    (void)state;
    static const int64_t all[] = {0, 1, -1, 10, -10, 1000000, 42, INT64_MAX, INT64_MIN, 1LL << 62};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct decimal d = decimal_of_i64(all[i]);
        int64_t back = 7;
        assert_int_equal(decimal_to_i64(&d, &back), OK);
        assert_true(back == all[i]);
    }
    static const char *const bad[] = {
        "0.5", "9223372036854775808", "-9223372036854775809", "1e19", "1e125"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct decimal d = dec(bad[i]);
        int64_t back = 7;
        assert_int_equal(decimal_to_i64(&d, &back), ERR_TOO_BIG);
        assert_int_equal(back, 7);
    }
}

static void assert_sum(const char *a, const char *b, const char *want)
{
    struct decimal x = dec(a);
    struct decimal y = dec(b);
    struct decimal sum;
    char text[DOC_DECIMAL_TEXT_MAX];
    assert_int_equal(decimal_add(&x, &y, &sum), OK);
    (void)decimal_text(&sum, text);
    assert_string_equal(text, want);
}

/* Sums are exact, normalised, and refused when they need a 39th digit or leave the range. */
static void test_add(void **state)
{
    (void)state;
    assert_sum("1", "1", "2");
    assert_sum("9", "1", "10");
    assert_sum("0.1", "0.2", "0.3");
    assert_sum("5", "-5", "0");
    assert_sum("1e20", "-1", "99999999999999999999");
    assert_sum("1e38", "-1", "99999999999999999999999999999999999999");
    assert_sum(
        "99999999999999999999999999999999999999", "1", "100000000000000000000000000000000000000");
    assert_sum("0", "-7.5", "-7.5");
    struct decimal sum = {.coef = 77};
    struct decimal one = dec("1");
    struct decimal big = dec("1e38");
    struct decimal bigger = dec("2e38");
    struct decimal nines = dec("99999999999999999999999999999999999998");
    struct decimal top = dec("9e125");
    struct decimal low = dec("1.1e-130");
    struct decimal lowest = dec("1e-130");
    assert_int_equal(decimal_add(&big, &one, &sum), ERR_LIMIT);
    assert_int_equal(decimal_sub(&bigger, &one, &sum), ERR_LIMIT);
    assert_int_equal(decimal_sub(&top, &one, &sum), ERR_LIMIT);
    assert_int_equal(decimal_add(&nines, &nines, &sum), ERR_LIMIT);
    assert_int_equal(decimal_add(&top, &top, &sum), ERR_TOO_BIG);
    assert_int_equal(decimal_sub(&low, &lowest, &sum), ERR_TOO_BIG);
    assert_true(sum.coef == 77);
}

/* ---- an independent model: signed base-ten digit arrays over the whole range ---- */

enum { MODEL_LOW = -170, MODEL_HIGH = 130, MODEL_N = MODEL_HIGH - MODEL_LOW };

struct model {
    int digit[MODEL_N]; /* each carries the number's sign; index 0 is 10^MODEL_LOW */
};

static struct model model_of(const struct decimal *d)
{
    struct model m = {0};
    char text[DOC_DECIMAL_TEXT_MAX];
    size_t len = decimal_text(d, text);
    size_t from = text[0] == '-' ? 1 : 0;
    size_t point = len;
    for (size_t i = from; i < len; i++) {
        point = text[i] == '.' ? i : point;
    }
    for (size_t i = from; i < len; i++) {
        if (text[i] != '.') {
            int power = i < point ? (int)(point - i) - 1 : -(int)(i - point);
            m.digit[power - MODEL_LOW] = (text[i] - '0') * (from == 1 ? -1 : 1);
        }
    }
    return m;
}

/* Digitwise a + b, then carries towards one sign; returns that sign. */
static int model_add(const struct model *a, const struct model *b, struct model *ret)
{
    int sign = 0;
    for (int i = 0; i < MODEL_N; i++) {
        ret->digit[i] = a->digit[i] + b->digit[i];
        sign = ret->digit[i] != 0 ? (ret->digit[i] > 0 ? 1 : -1) : sign;
    }
    for (int i = 0; i + 1 < MODEL_N; i++) {
        while (ret->digit[i] * sign < 0) {
            ret->digit[i] += 10 * sign;
            ret->digit[i + 1] -= sign;
        }
        while (ret->digit[i] * sign >= 10) {
            ret->digit[i] -= 10 * sign;
            ret->digit[i + 1] += sign;
        }
    }
    return sign;
}

static enum err model_verdict(const struct model *m)
{
    int low = MODEL_N;
    int high = -1;
    for (int i = 0; i < MODEL_N; i++) {
        if (m->digit[i] != 0) {
            low = i < low ? i : low;
            high = i;
        }
    }
    if (high < 0) {
        return OK;
    }
    if (high - low + 1 > 38) {
        return ERR_LIMIT;
    }
    int top = high + MODEL_LOW;
    return top > DOC_DECIMAL_EXP10_MAX || top < DOC_DECIMAL_EXP10_MIN ? ERR_TOO_BIG : OK;
}

/* Sums, differences and order of random pairs agree with schoolbook arithmetic on digit arrays. */
static void test_model(void **state)
{
    (void)state;
    struct prng r = prng_seeded(20);
    for (int round = 0; round < 20000; round++) {
        struct decimal a = random_decimal(&r);
        struct decimal b = random_decimal(&r);
        if (prng_chance(&r, 300)) {
            b.exp = a.exp;
            b = decimal_in_range(&b) ? b : a;
        }
        struct decimal minus_b = b;
        minus_b.neg = b.coef != 0 && !b.neg;
        struct model ma = model_of(&a);
        struct model mb = model_of(&b);
        struct model m_minus = model_of(&minus_b);
        struct model want;
        struct decimal got = {0};
        (void)model_add(&ma, &mb, &want);
        assert_int_equal(decimal_add(&a, &b, &got), model_verdict(&want));
        if (model_verdict(&want) == OK) {
            struct model got_model = model_of(&got);
            assert_memory_equal(&got_model, &want, sizeof want);
        }
        int sign = model_add(&ma, &m_minus, &want);
        assert_int_equal(decimal_sub(&a, &b, &got), model_verdict(&want));
        if (model_verdict(&want) == OK) {
            struct model got_model = model_of(&got);
            assert_memory_equal(&got_model, &want, sizeof want);
        }
        assert_int_equal(decimal_cmp(&a, &b), sign);
        assert_int_equal(decimal_cmp(&b, &a), -sign);
    }
}

/* Rendering and parsing again gives the same fields, and equal numbers compare equal. */
static void test_round_trip(void **state)
{
    (void)state;
    struct prng r = prng_seeded(21);
    for (int round = 0; round < 20000; round++) {
        char text[DOC_DECIMAL_TEXT_MAX];
        struct decimal d = random_decimal(&r);
        (void)decimal_text(&d, text);
        struct decimal back = dec(text);
        assert_true(back.coef == d.coef);
        assert_int_equal(back.exp, d.exp);
        assert_int_equal(back.neg, d.neg);
        assert_int_equal(decimal_cmp(&d, &back), 0);
    }
}

/* A coefficient's length is right on both sides of every power of ten. */
static void test_coef_len(void **state)
{
    (void)state;
    unsigned __int128 power = 1;
    assert_int_equal(decimal_coef_len(0), 0);
    for (int i = 1; i <= 38; i++) {
        assert_int_equal(decimal_coef_len(power), i);
        assert_int_equal(decimal_coef_len(power * 10 - 1), i);
        power *= 10;
    }
    assert_int_equal(decimal_coef_len(power), 39);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_text_longest),
        cmocka_unit_test(test_parse_syntax),
        cmocka_unit_test(test_parse_digits),
        cmocka_unit_test(test_parse_range),
        cmocka_unit_test(test_parse_long),
        cmocka_unit_test(test_i64),
        cmocka_unit_test(test_add),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_coef_len),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
