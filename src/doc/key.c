/* Order-preserving key bytes: docs/formats/key.md has the layout.
 *
 * Invariants:
 * 1. For values of one type, memcmp order of the bytes is value_cmp order of the values.
 * 2. No encoded value is a prefix of another, so concatenations compare part by part.
 * 3. One value, one encoding; the decoder refuses every other byte string. */
#include "base/hash.h"
#include "doc/doc.h"
#include "doc/doc_internal.h"

enum {
    TEXT_MARK = 0x00, /* opens both two-byte marks below */
    TEXT_END = 0x01,
    TEXT_ZERO = 0xff, /* a 0x00 of the text itself */
    SIGN_NEG = 0x01,
    SIGN_ZERO = 0x02,
    SIGN_POS = 0x03,
    NUMBER_HEAD_BYTES = 3, /* type, sign, exponent */
    NUMBER_PAIRS_MAX = DOC_DECIMAL_DIGITS_MAX / 2,
};

static_assert(DOC_DECIMAL_EXP10_MAX - DOC_DECIMAL_EXP10_MIN == 255, "an exponent fills one byte");

/* ---- encoding ---- */

/* The text with every 0x00 escaped, without an end mark. */
static void put_escaped(struct buf *b, struct bytes s)
{
    while (s.len > 0) {
        const uint8_t *zero = memchr(s.base, 0, s.len);
        if (zero == NULL) {
            buf_put_bytes(b, s);
            return;
        }
        size_t n = (size_t)(zero - s.base) + 1;
        buf_put(b, s.base, n);
        buf_put_u8(b, TEXT_ZERO);
        s = bytes_from(s, n);
    }
}

static void put_number(struct buf *b, const struct decimal *d)
{
    uint8_t out[NUMBER_HEAD_BYTES + NUMBER_PAIRS_MAX] = {VALUE_NUMBER, SIGN_ZERO};
    if (d->coef == 0) {
        buf_put(b, out, 2);
        return;
    }
    char digits[DOC_DECIMAL_DIGITS_MAX + 1];
    int n = decimal_coef_digits(d->coef, digits);
    digits[n] = '0'; /* the other half of an odd last pair */
    /* All that follows the sign is complemented below zero: there, larger magnitudes come first. */
    uint8_t flip = d->neg ? 0xff : 0x00;
    size_t at = NUMBER_HEAD_BYTES;
    out[1] = d->neg ? SIGN_NEG : SIGN_POS;
    out[2] = (uint8_t)((d->exp + n - 1 - DOC_DECIMAL_EXP10_MIN) ^ flip);
    for (int i = 0; i < n; i += 2) {
        int pair = (digits[i] - '0') * 10 + (digits[i + 1] - '0');
        bool more = i + 2 < n;
        out[at++] = (uint8_t)((pair * 2 + (more ? 1 : 0)) ^ flip);
    }
    buf_put(b, out, at);
}

void key_encode_prefix(struct buf *b, const struct value *v)
{
    bool text = v->type == VALUE_STRING || v->type == VALUE_BINARY;
    ASSERT(text);
    buf_put_u8(b, (uint8_t)v->type);
    put_escaped(b, v->bytes);
}

void key_encode(struct buf *b, const struct value *v)
{
    static const uint8_t end[] = {TEXT_MARK, TEXT_END};
    if (v->type == VALUE_NUMBER) {
        put_number(b, &v->number);
        return;
    }
    key_encode_prefix(b, v);
    buf_put(b, end, sizeof end);
}

/* ---- decoding ---- */

/* Length of an encoded text's payload, end mark included, and of the text; false if malformed. */
static bool measure_text(struct bytes in, size_t *ret_encoded, size_t *ret_decoded)
{
    size_t at = 0;
    size_t n_zeros = 0;
    while (at < in.len) {
        const uint8_t *mark = memchr(in.base + at, TEXT_MARK, in.len - at);
        if (mark == NULL) {
            return false;
        }
        at = (size_t)(mark - in.base) + 2;
        if (at > in.len) {
            return false;
        }
        if (mark[1] == TEXT_END) {
            *ret_encoded = at;
            *ret_decoded = at - 2 - n_zeros;
            return true;
        }
        if (mark[1] != TEXT_ZERO) {
            return false;
        }
        n_zeros++;
    }
    return false;
}

/* Length of an encoded number's payload, 0 if it is cut short or too long. */
static size_t measure_number(struct bytes in)
{
    if (in.len == 0) {
        return 0;
    }
    if (in.base[0] == SIGN_ZERO) {
        return 1;
    }
    if (in.base[0] != SIGN_POS && in.base[0] != SIGN_NEG) {
        return 0;
    }
    uint8_t flip = in.base[0] == SIGN_NEG ? 0xff : 0x00;
    for (size_t at = 2; at < in.len && at < 2 + NUMBER_PAIRS_MAX; at++) {
        if (((in.base[at] ^ flip) & 1) == 0) {
            return at + 1;
        }
    }
    return 0;
}

size_t key_first_len(struct bytes key)
{
    size_t encoded;
    size_t decoded;
    if (key.len == 0) {
        return 0;
    }
    struct bytes payload = bytes_from(key, 1);
    if (key.base[0] == VALUE_NUMBER) {
        encoded = measure_number(payload);
        return encoded == 0 ? 0 : encoded + 1;
    }
    if (key.base[0] != VALUE_STRING && key.base[0] != VALUE_BINARY) {
        return 0;
    }
    return measure_text(payload, &encoded, &decoded) ? encoded + 1 : 0;
}

/* `in` is a payload measure_number() accepted. */
static bool number_of(struct bytes in, struct decimal *ret)
{
    struct decimal d = {.neg = in.base[0] == SIGN_NEG};
    if (in.len == 1) {
        *ret = d;
        return true;
    }
    uint8_t flip = d.neg ? 0xff : 0x00;
    int n = 0;
    for (size_t at = 2; at < in.len; at++) {
        unsigned pair = (unsigned)((in.base[at] ^ flip) >> 1);
        bool leading_zero = at == 2 && pair < 10;
        bool trailing_zeros = at + 1 == in.len && pair == 0;
        if (pair > 99 || leading_zero || trailing_zeros) {
            return false;
        }
        bool half = at + 1 == in.len && pair % 10 == 0;
        d.coef = half ? d.coef * 10 + pair / 10 : d.coef * 100 + pair;
        n += half ? 1 : 2;
    }
    int top = (in.base[1] ^ flip) + DOC_DECIMAL_EXP10_MIN;
    d.exp = (int16_t)(top - n + 1);
    *ret = d;
    return true;
}

static enum err text_of(
    struct arena *a, enum value_type t, struct bytes in, size_t len, struct value *ret)
{
    uint8_t *text = arena_alloc(a, len);
    if (text == NULL) {
        return ERR_TOO_BIG;
    }
    size_t at = 0;
    for (size_t i = 0; i < len; i++) {
        text[i] = in.base[at];
        at += in.base[at] == TEXT_MARK ? 2 : 1;
    }
    struct bytes s = {text, len};
    if (t == VALUE_STRING && !text_valid(s)) {
        return ERR_CORRUPT;
    }
    *ret = (struct value){.type = t, .bytes = s};
    return OK;
}

enum err key_decode(struct arena *a, struct reader *r, struct value *ret)
{
    struct bytes in = {r->at, r->bad ? 0 : reader_left(r)};
    size_t len = key_first_len(in);
    if (len == 0) {
        r->bad = true;
        return ERR_CORRUPT;
    }
    struct bytes payload = {in.base + 1, len - 1};
    enum err e = OK;
    if (in.base[0] == VALUE_NUMBER) {
        struct value v = {.type = VALUE_NUMBER};
        e = number_of(payload, &v.number) ? OK : ERR_CORRUPT;
        if (e == OK) {
            *ret = v;
        }
    } else {
        size_t encoded;
        size_t decoded;
        bool measured = measure_text(payload, &encoded, &decoded);
        ASSERT(measured);
        e = text_of(a, (enum value_type)in.base[0], payload, decoded, ret);
    }
    if (e != OK) {
        r->bad = true;
        return e;
    }
    r->at += len;
    return OK;
}

/* ---- ranges and the ring ---- */

uint32_t key_partition_hash(struct bytes encoded_partition_key)
{
    return (uint32_t)(hash64(encoded_partition_key, /* seed= */ 0) >> 32);
}

struct bytes key_prefix_end(struct arena *a, struct bytes p)
{
    while (p.len > 0 && p.base[p.len - 1] == 0xff) {
        p.len--;
    }
    if (p.len == 0) {
        return BYTES_LIT("");
    }
    uint8_t *end = arena_alloc(a, p.len);
    if (end == NULL) {
        return BYTES_NONE;
    }
    memcpy(end, p.base, p.len);
    end[p.len - 1]++;
    return bytes_of(end, p.len);
}
