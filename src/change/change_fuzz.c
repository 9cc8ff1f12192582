/* Hostile bytes for the decoder of transactions. The input is taken as it comes, and once more with
 * its checksums put right, or mutations would never get past them. What is accepted must encode to
 * the same bytes. */
#include "change/change.h"

#include <stdlib.h>

enum { ARENA_BYTES = 4 * 1024 * 1024, OUT_BYTES = 4 * 1024 * 1024, CRC_LEN = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool keep_odd(void *ctx, uint64_t table)
{
    (void)ctx;
    return (table & 1) != 0;
}

static void check_filter(struct bytes stored, struct arena *a, struct buf *out)
{
    size_t n = 0;
    size_t start = out->len;
    struct change_txn t;
    if (change_txn_filter(out, a, stored, keep_odd, NULL, &n) != OK) {
        return;
    }
    struct bytes wire = bytes_from(buf_bytes(out), start);
    ASSERT((n == 0) == (wire.len == 0));
    if (n > 0) {
        enum err e = change_txn_decode(a, wire, /* wire_only= */ true, &t);
        ASSERT(e == OK || e == ERR_TOO_BIG);
        ASSERT(e != OK || t.n_changes == n);
    }
}

static void check(struct bytes in)
{
    struct arena a;
    struct buf out;
    struct change_txn t;
    struct change_txn head;
    struct bytes wire;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUT_BYTES);
    bool has_wire = change_txn_wire(in, &wire) == OK;
    bool has_head = change_txn_peek(in, &head) == OK;
    if (change_txn_decode(&a, in, /* wire_only= */ false, &t) == OK) {
        ASSERT(has_wire);
        ASSERT(has_head);
        ASSERT(head.origin.v == t.origin.v);
        ASSERT(head.hlc.v == t.hlc.v);
        change_txn_encode(&out, &t);
        ASSERT(bytes_eq(buf_bytes(&out), in));
        check_filter(in, &a, &out);
    }
    if (change_txn_decode(&a, in, /* wire_only= */ true, &t) == OK) {
        ASSERT(wire.len == in.len);
        buf_clear(&out);
        change_txn_encode(&out, &t);
        ASSERT(bytes_has_prefix(buf_bytes(&out), in));
    }
    buf_done(&out);
    arena_done(&a);
}

/* Writes the checksum of the section at `r` over what stands there; returns it. */
static uint32_t mend_section(struct reader *r, uint8_t *base, uint32_t seed)
{
    const uint8_t *start = r->at;
    (void)get_u8(r);
    (void)get_bytes(r, get_varint(r));
    uint32_t crc = crc32c(seed, bytes_of(start, (size_t)(r->at - start)));
    struct bytes at = get_bytes(r, CRC_LEN);
    if (!r->bad) {
        memcpy(base + (at.base - base), &crc, CRC_LEN);
    }
    return crc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(bytes_of(data, size));
    uint8_t *mended = malloc(size + 1);
    ASSERT(mended != NULL);
    if (size > 0) {
        memcpy(mended, data, size);
    }
    struct reader r = reader_of(bytes_of(mended, size));
    uint32_t crc = mend_section(&r, mended, 0);
    if (!r.bad && reader_left(&r) > 0) {
        (void)mend_section(&r, mended, crc);
    }
    check(bytes_of(mended, size));
    free(mended);
    return 0;
}
