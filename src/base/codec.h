#pragma once

/* Field-by-field encoding of what outlives a process (disk, log, wire): little-endian integers,
 * LEB128 varints, length-prefixed byte strings; big-endian where byte order must be key order.
 *
 * Writers append to a `struct buf` (sticky error). A `struct reader` is sticky too: past the end,
 * or on a malformed varint, it turns bad, every later read yields zero, and the caller checks once.
 */

#include "base/bytes.h"

void put_u16(struct buf *b, uint16_t v);
void put_u32(struct buf *b, uint32_t v);
void put_u64(struct buf *b, uint64_t v);
void put_u64_be(struct buf *b, uint64_t v);
void put_varint(struct buf *b, uint64_t v);
/* A varint length, then the bytes. */
void put_lenbytes(struct buf *b, struct bytes s);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct reader reader_of(struct bytes b)
{
    return (struct reader){b.base, b.base + b.len, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

uint8_t get_u8(struct reader *r);
uint16_t get_u16(struct reader *r);
uint32_t get_u32(struct reader *r);
uint64_t get_u64(struct reader *r);
uint64_t get_u64_be(struct reader *r);
/* At most 10 bytes; an encoding longer than needed, or past 64 bits, is malformed. */
uint64_t get_varint(struct reader *r);
/* `n` borrowed bytes. */
struct bytes get_bytes(struct reader *r, size_t n);
struct bytes get_lenbytes(struct reader *r);

static inline void store_u64_be(uint8_t *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, sizeof v);
}

static inline uint32_t load_u32_be(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline uint64_t load_u64_be(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return __builtin_bswap64(v);
}

/* CRC-32C (Castagnoli, RFC 3720 appendix B.4), continuing from `crc`; start with 0. */
uint32_t crc32c(uint32_t crc, struct bytes b);
