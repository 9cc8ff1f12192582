/* Exact decimals of up to 38 significant digits.
 *
 * Invariants:
 * 1. Every decimal returned is in normal form: no trailing decimal zero in the coefficient, at most
 * 38 digits, magnitude within 1e-130 … 9.99…e125, zero all zeros. So equality is equality of
 * fields.
 * 2. 38 digits fit 127 bits; a carry to 39 digits (below 3e38) still fits the 128 of the
 * coefficient.
 *
 * Division of 128-bit integers is dear, so parsing never divides and rendering divides once. */
#include "doc/doc_internal.h"

#define P19 ((unsigned __int128)10000000000000000000ULL)

static const unsigned __int128 powers[DOC_DECIMAL_DIGITS_MAX + 1] = {
    1U,
    10U,
    100U,
    1000U,
    10000U,
    100000U,
    1000000U,
    10000000U,
    100000000U,
    1000000000U,
    10000000000U,
    100000000000U,
    1000000000000U,
    10000000000000U,
    100000000000000U,
    1000000000000000U,
    10000000000000000U,
    100000000000000000U,
    1000000000000000000U,
    P19,
    P19 * 10U,
    P19 * 100U,
    P19 * 1000U,
    P19 * 10000U,
    P19 * 100000U,
    P19 * 1000000U,
    P19 * 10000000U,
    P19 * 100000000U,
    P19 * 1000000000U,
    P19 * 10000000000U,
    P19 * 100000000000U,
    P19 * 1000000000000U,
    P19 * 10000000000000U,
    P19 * 100000000000000U,
    P19 * 1000000000000000U,
    P19 * 10000000000000000U,
    P19 * 100000000000000000U,
    P19 * 1000000000000000000U,
    P19 * 10000000000000000000ULL,
};

int decimal_coef_len(unsigned __int128 coef)
{
    /* 1233/4096 is just above log10(2), so this guess from the bit length is exact or one too high.
     */
    uint64_t hi = (uint64_t)(coef >> 64);
    uint64_t lo = (uint64_t)coef;
    if (coef == 0) {
        return 0;
    }
    int bits = hi != 0 ? 128 - __builtin_clzll(hi) : 64 - __builtin_clzll(lo);
    int guess = (bits * 1233 >> 12) + 1;
    ASSERT(guess <= DOC_DECIMAL_DIGITS_MAX + 1);
    return coef < powers[guess - 1] ? guess - 1 : guess;
}

int decimal_coef_digits(unsigned __int128 coef, char to[DOC_DECIMAL_DIGITS_MAX])
{
    int n = decimal_coef_len(coef);
    int at = n;
    uint64_t low = (uint64_t)coef;
    if (n > 19) {
        uint64_t high = (uint64_t)(coef / P19);
        low = (uint64_t)(coef % P19);
        for (int i = 0; i < 19; i++) {
            to[--at] = (char)('0' + low % 10);
            low /= 10;
        }
        low = high;
    }
    while (at > 0) {
        to[--at] = (char)('0' + low % 10);
        low /= 10;
    }
    return n;
}

bool decimal_in_range(const struct decimal *d)
{
    if (d->coef == 0) {
        return true;
    }
    int top = d->exp + decimal_coef_len(d->coef) - 1;
    return top <= DOC_DECIMAL_EXP10_MAX && top >= DOC_DECIMAL_EXP10_MIN;
}

/* The exponent part of a number's text: an optional sign and at least one digit, saturated far
 * outside the range so that no text can overflow it. */
static enum err parse_exponent(struct bytes text, size_t at, int64_t *ret)
{
    const int64_t ceiling = INT64_C(1) << 40;
    bool neg = false;
    if (at < text.len && (text.base[at] == '+' || text.base[at] == '-')) {
        neg = text.base[at] == '-';
        at++;
    }
    if (at == text.len) {
        return ERR_SYNTAX;
    }
    int64_t v = 0;
    for (; at < text.len; at++) {
        unsigned digit = text.base[at] - (unsigned)'0';
        if (digit > 9) {
            return ERR_SYNTAX;
        }
        v = v < ceiling ? v * 10 + digit : v;
    }
    *ret = neg ? -v : v;
    return OK;
}

/* What the digits of a number's text add up to, before its exponent is applied. */
struct scan {
    unsigned __int128 coef;
    int n_digits;   /* in coef */
    size_t n_zeros; /* zeros seen after coef's last digit, not yet in it */
    size_t n_point; /* digits seen after the point */
    bool point;
    bool any;
    bool too_many;
};

static void scan_digit(struct scan *s, unsigned digit)
{
    s->any = true;
    s->n_point += s->point;
    if (digit == 0) {
        s->n_zeros += s->n_digits > 0;
        return;
    }
    if (s->too_many || s->n_zeros + (size_t)s->n_digits + 1 > DOC_DECIMAL_DIGITS_MAX) {
        s->too_many = true;
        return;
    }
    s->coef = s->coef * powers[s->n_zeros + 1] + digit;
    s->n_digits = s->n_digits > 0 ? s->n_digits + (int)s->n_zeros + 1 : 1;
    s->n_zeros = 0;
}

enum err decimal_parse(struct bytes text, struct decimal *ret, bool *ret_underflow)
{
    struct scan s = {0};
    size_t at = 0;
    bool neg = false;
    int64_t exponent = 0;
    if (text.len > 0 && (text.base[0] == '+' || text.base[0] == '-')) {
        neg = text.base[0] == '-';
        at = 1;
    }
    for (; at < text.len; at++) {
        unsigned digit = text.base[at] - (unsigned)'0';
        if (digit <= 9) {
            scan_digit(&s, digit);
        } else if (text.base[at] == '.' && !s.point) {
            s.point = true;
        } else {
            break;
        }
    }
    if (!s.any) {
        return ERR_SYNTAX;
    }
    if (at < text.len) {
        if ((text.base[at] | 0x20) != 'e') {
            return ERR_SYNTAX;
        }
        enum err e = parse_exponent(text, at + 1, &exponent);
        if (e != OK) {
            return e;
        }
    }
    if (s.too_many) {
        return ERR_LIMIT;
    }
    if (s.coef == 0) {
        *ret = (struct decimal){.coef = 0};
        return OK;
    }
    int64_t exp = exponent + (int64_t)s.n_zeros - (int64_t)s.n_point;
    int64_t top = exp + s.n_digits - 1;
    if (top > DOC_DECIMAL_EXP10_MAX || top < DOC_DECIMAL_EXP10_MIN) {
        *ret_underflow = top < DOC_DECIMAL_EXP10_MIN;
        return ERR_TOO_BIG;
    }
    *ret = (struct decimal){.coef = s.coef, .exp = (int16_t)exp, .neg = neg};
    return OK;
}

/* Drops the coefficient's trailing zeros into the exponent. */
static struct decimal normal(unsigned __int128 coef, int exp, bool neg)
{
    if (coef == 0) {
        return (struct decimal){.coef = 0};
    }
    /* Halving steps keep the 128-bit divisions few; most numbers need none at all. */
    for (int step = 16; coef > UINT64_MAX && (coef & 1) == 0 && step > 0; step /= 2) {
        while (coef % powers[step] == 0) {
            coef /= powers[step];
            exp += step;
        }
    }
    if (coef <= UINT64_MAX) {
        uint64_t low = (uint64_t)coef;
        for (; low % 10 == 0; low /= 10) {
            exp++;
        }
        coef = low;
    }
    return (struct decimal){.coef = coef, .exp = (int16_t)exp, .neg = neg};
}

struct decimal decimal_of_i64(int64_t v)
{
    uint64_t magnitude = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    return normal(magnitude, 0, v < 0);
}

enum err decimal_to_i64(const struct decimal *d, int64_t *ret)
{
    if (d->exp < 0 || d->exp > 18) {
        return ERR_TOO_BIG;
    }
    unsigned __int128 magnitude;
    unsigned __int128 max = (uint64_t)INT64_MAX + (d->neg ? 1U : 0U);
    if (__builtin_mul_overflow(d->coef, powers[d->exp], &magnitude) || magnitude > max) {
        return ERR_TOO_BIG;
    }
    uint64_t bits = (uint64_t)magnitude;
    *ret = (int64_t)(d->neg ? 0 - bits : bits);
    return OK;
}

size_t decimal_text(const struct decimal *d, char *to)
{
    char *at = to;
    if (d->coef == 0) {
        memcpy(to, "0", 2);
        return 1;
    }
    char digits[DOC_DECIMAL_DIGITS_MAX];
    int n = decimal_coef_digits(d->coef, digits);
    int whole = n + d->exp; /* digits before the point; may be negative */
    if (d->neg) {
        *at++ = '-';
    }
    int head = whole < 0 ? 0 : whole < n ? whole : n;
    if (head == 0) {
        *at++ = '0';
    }
    memcpy(at, digits, (size_t)head);
    at += head;
    for (int i = n; i < whole; i++) {
        *at++ = '0';
    }
    if (head < n) {
        *at++ = '.';
        for (int i = whole; i < 0; i++) {
            *at++ = '0';
        }
        memcpy(at, digits + head, (size_t)(n - head));
        at += n - head;
    }
    *at = '\0';
    ASSERT(at - to < DOC_DECIMAL_TEXT_MAX);
    return (size_t)(at - to);
}

/* Magnitudes only; neither is zero. */
static int cmp_magnitude(const struct decimal *a, const struct decimal *b)
{
    int na = decimal_coef_len(a->coef);
    int nb = decimal_coef_len(b->coef);
    int top_a = a->exp + na;
    int top_b = b->exp + nb;
    if (top_a != top_b) {
        return top_a < top_b ? -1 : 1;
    }
    unsigned __int128 ca = na < nb ? a->coef * powers[nb - na] : a->coef;
    unsigned __int128 cb = nb < na ? b->coef * powers[na - nb] : b->coef;
    return (ca > cb) - (ca < cb);
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
    if (a->exp == b->exp && a->neg == b->neg) {
        int c = (a->coef > b->coef) - (a->coef < b->coef);
        return a->neg ? -c : c;
    }
    int sign_a = a->coef == 0 ? 0 : a->neg ? -1 : 1;
    int sign_b = b->coef == 0 ? 0 : b->neg ? -1 : 1;
    if (sign_a != sign_b) {
        return sign_a < sign_b ? -1 : 1;
    }
    return sign_a * cmp_magnitude(a, b);
}

enum err decimal_add(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    if (a->coef == 0 || b->coef == 0) {
        *ret = a->coef == 0 ? *b : *a;
        return OK;
    }
    const struct decimal *hi = a->exp >= b->exp ? a : b;
    const struct decimal *lo = a->exp >= b->exp ? b : a;
    int shift = hi->exp - lo->exp;
    /* The sum's lowest digit is at lo->exp when the exponents differ, so nothing can be dropped: if
     * even 2e38 - 1e38 is reached at that scale, the sum has 39 digits or more. */
    unsigned __int128 scaled;
    if (shift > DOC_DECIMAL_DIGITS_MAX ||
        __builtin_mul_overflow(hi->coef, powers[shift], &scaled) ||
        scaled >= 2 * powers[DOC_DECIMAL_DIGITS_MAX]) {
        return ERR_LIMIT;
    }
    struct decimal sum;
    if (hi->neg == lo->neg) {
        sum = normal(scaled + lo->coef, lo->exp, hi->neg);
    } else if (scaled >= lo->coef) {
        sum = normal(scaled - lo->coef, lo->exp, hi->neg);
    } else {
        sum = normal(lo->coef - scaled, lo->exp, lo->neg);
    }
    if (sum.coef >= powers[DOC_DECIMAL_DIGITS_MAX]) {
        return ERR_LIMIT;
    }
    if (!decimal_in_range(&sum)) {
        return ERR_TOO_BIG;
    }
    *ret = sum;
    return OK;
}

enum err decimal_sub(const struct decimal *a, const struct decimal *b, struct decimal *ret)
{
    struct decimal minus = *b;
    minus.neg = b->coef != 0 && !b->neg;
    return decimal_add(a, &minus, ret);
}
