/* Integers to bytes and back; CRC-32C by the processor's own instruction where it has one. */
#include "base/codec.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

#include "base/assert.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the codec copies integers as they lie");

void put_u16(struct buf *b, uint16_t v)
{
    buf_put(b, &v, sizeof v);
}

void put_u32(struct buf *b, uint32_t v)
{
    buf_put(b, &v, sizeof v);
}

void put_u64(struct buf *b, uint64_t v)
{
    buf_put(b, &v, sizeof v);
}

void put_u64_be(struct buf *b, uint64_t v)
{
    v = __builtin_bswap64(v);
    buf_put(b, &v, sizeof v);
}

void put_varint(struct buf *b, uint64_t v)
{
    uint8_t out[10];
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    buf_put(b, out, n);
}

void put_lenbytes(struct buf *b, struct bytes s)
{
    put_varint(b, s.len);
    buf_put_bytes(b, s);
}

struct bytes get_bytes(struct reader *r, size_t n)
{
    if (r->bad || n > reader_left(r)) {
        r->bad = true;
        return BYTES_NONE;
    }
    struct bytes b = {r->at, n};
    r->at += n;
    return b;
}

static void get_fixed(struct reader *r, void *to, size_t n)
{
    struct bytes b = get_bytes(r, n);
    if (b.base != NULL) {
        memcpy(to, b.base, n);
    }
}

uint8_t get_u8(struct reader *r)
{
    uint8_t v = 0;
    get_fixed(r, &v, sizeof v);
    return v;
}

uint16_t get_u16(struct reader *r)
{
    uint16_t v = 0;
    get_fixed(r, &v, sizeof v);
    return v;
}

uint32_t get_u32(struct reader *r)
{
    uint32_t v = 0;
    get_fixed(r, &v, sizeof v);
    return v;
}

uint64_t get_u64(struct reader *r)
{
    uint64_t v = 0;
    get_fixed(r, &v, sizeof v);
    return v;
}

uint64_t get_u64_be(struct reader *r)
{
    return __builtin_bswap64(get_u64(r));
}

uint64_t get_varint(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = get_u8(r);
        bool overflows = shift == 63 && byte > 1;
        bool padded = shift > 0 && byte == 0;
        if (r->bad || overflows || padded) {
            break;
        }
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return v;
        }
    }
    r->bad = true;
    return 0;
}

struct bytes get_lenbytes(struct reader *r)
{
    uint64_t n = get_varint(r);
    return get_bytes(r, n);
}

static uint32_t crc32c_soft(uint32_t crc, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = (crc >> 1) ^ (0x82F63B78U & (0U - (crc & 1U)));
        }
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(
    uint32_t crc, const uint8_t *p, size_t n)
{
    uint64_t c = crc;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        c = _mm_crc32_u64(c, word);
    }
    uint32_t tail = (uint32_t)c;
    for (; n > 0; p++, n--) {
        tail = _mm_crc32_u8(tail, *p);
    }
    return tail;
}
#endif

uint32_t crc32c(uint32_t crc, struct bytes b)
{
    crc = ~crc;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        return ~crc32c_sse42(crc, b.base, b.len);
    }
#endif
    return ~crc32c_soft(crc, b.base, b.len);
}
