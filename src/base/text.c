/* base64, decimal, hex, UTF-8. */
#include "base/text.h"

#include "base/arena.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void put_base64(struct buf *b, struct bytes raw)
{
    size_t out_len = (raw.len + 2) / 3 * 4;
    uint8_t *out = buf_reserve(b, out_len);
    if (out == NULL) {
        return;
    }
    for (size_t i = 0; i < raw.len; i += 3) {
        size_t left = raw.len - i;
        uint32_t v = (uint32_t)raw.base[i] << 16;
        v |= left > 1 ? (uint32_t)raw.base[i + 1] << 8 : 0;
        v |= left > 2 ? (uint32_t)raw.base[i + 2] : 0;
        *out++ = (uint8_t)base64_digits[v >> 18];
        *out++ = (uint8_t)base64_digits[(v >> 12) & 63];
        *out++ = left > 1 ? (uint8_t)base64_digits[(v >> 6) & 63] : '=';
        *out++ = left > 2 ? (uint8_t)base64_digits[v & 63] : '=';
    }
    b->len += out_len;
}

/* The value of a base64 digit, or -1. */
static int base64_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

enum err base64_decode(struct arena *a, struct bytes text, struct bytes *ret)
{
    if (text.len % 4 != 0) {
        return ERR_SYNTAX;
    }
    size_t pad = 0;
    while (pad < 2 && pad < text.len && text.base[text.len - 1 - pad] == '=') {
        pad++;
    }
    size_t out_len = text.len / 4 * 3 - pad;
    uint8_t *out = arena_alloc(a, text.len / 4 * 3);
    if (out == NULL) {
        return ERR_TOO_BIG;
    }
    size_t at = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t v = 0;
        for (size_t j = 0; j < 4; j++) {
            bool padding = i + j >= text.len - pad;
            int digit = padding ? 0 : base64_value(text.base[i + j]);
            if (digit < 0) {
                return ERR_SYNTAX;
            }
            v = v << 6 | (uint32_t)digit;
        }
        out[at++] = (uint8_t)(v >> 16);
        out[at++] = (uint8_t)(v >> 8);
        out[at++] = (uint8_t)v;
    }
    /* Bits that padding cuts off must be zero, or two texts would mean one value. */
    for (size_t i = out_len; i < at; i++) {
        if (out[i] != 0) {
            return ERR_SYNTAX;
        }
    }
    *ret = (struct bytes){out, out_len};
    return OK;
}

size_t integer_text(uint64_t v, char ret[INTEGER_TEXT_MAX])
{
    char text[INTEGER_TEXT_MAX];
    size_t at = sizeof text;
    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    memcpy(ret, text + at, sizeof text - at);
    return sizeof text - at;
}

void put_integer(struct buf *b, uint64_t v)
{
    char text[INTEGER_TEXT_MAX];
    buf_put(b, text, integer_text(v, text));
}

void put_hex(struct buf *b, struct bytes raw)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *out = buf_reserve(b, raw.len * 2);
    if (out == NULL) {
        return;
    }
    for (size_t i = 0; i < raw.len; i++) {
        *out++ = (uint8_t)digits[raw.base[i] >> 4];
        *out++ = (uint8_t)digits[raw.base[i] & 15];
    }
    b->len += raw.len * 2;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    uint8_t lower = c | 0x20;
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

enum err hex_decode(struct arena *a, struct bytes text, struct bytes *ret)
{
    if (text.len % 2 != 0) {
        return ERR_SYNTAX;
    }
    uint8_t *out = arena_alloc(a, text.len / 2);
    if (out == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < text.len; i += 2) {
        int hi = hex_value(text.base[i]);
        int lo = hex_value(text.base[i + 1]);
        if (hi < 0 || lo < 0) {
            return ERR_SYNTAX;
        }
        out[i / 2] = (uint8_t)(hi << 4 | lo);
    }
    *ret = (struct bytes){out, text.len / 2};
    return OK;
}

/* Length of the code point at `p`, or 0 if it is malformed. */
static size_t utf8_step(const uint8_t *p, size_t left)
{
    uint8_t c = p[0];
    if (c < 0x80) {
        return 1;
    }
    size_t n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (c < 0xc2 || c > 0xf4 || n > left) {
        return 0;
    }
    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool overlong = (c == 0xe0 && p[1] < 0xa0) || (c == 0xf0 && p[1] < 0x90);
    bool surrogate = c == 0xed && p[1] > 0x9f;
    bool beyond = c == 0xf4 && p[1] > 0x8f;
    return overlong || surrogate || beyond ? 0 : n;
}

bool utf8_valid(struct bytes b)
{
    for (size_t i = 0; i < b.len;) {
        size_t n = utf8_step(b.base + i, b.len - i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return true;
}

size_t utf8_length(struct bytes b)
{
    size_t n = 0;
    for (size_t i = 0; i < b.len; i++) {
        n += (b.base[i] & 0xc0) != 0x80;
    }
    return n;
}
