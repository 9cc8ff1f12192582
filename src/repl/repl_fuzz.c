/* Hostile bytes for the decoder of frames and for the handshake. The input is taken as it comes,
 * and once more with its checksum put right, or mutations would never get past it. What is accepted
 * must encode to the same bytes. */
#include "repl/repl.h"

enum { ARENA_BYTES = 4 * 1024 * 1024, OUT_BYTES = 4 * 1024 * 1024, CRC_LEN = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nobody gets through a handshake by chance. */
static void check_handshake(const struct repl_frame *f)
{
    static const uint8_t nonce[REPL_NONCE_BYTES] = {7};
    struct repl_handshake h;
    struct buf out;
    buf_init(&out, OUT_BYTES);
    repl_handshake_begin(
        &h, BYTES_LIT("secret"), (struct region_id){1}, BYTES_LIT("us"), nonce, &out);
    enum err e = repl_handshake_step(&h, f, &out);
    if (e == OK) {
        e = repl_handshake_step(&h, f, &out);
        ASSERT(e != OK);
    }
    ASSERT(h.state != REPL_HANDSHAKE_DONE);
    buf_done(&out);
}

static void check(struct bytes in)
{
    struct arena a;
    struct buf out;
    struct repl_frame f;
    arena_init(&a, ARENA_BYTES);
    buf_init(&out, OUT_BYTES);
    if (repl_frame_decode(&a, in, &f) == OK) {
        repl_frame_encode(&out, &f);
        ASSERT(bytes_eq(buf_bytes(&out), in));
        check_handshake(&f);
    }
    buf_done(&out);
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(bytes_of(data, size));
    struct buf fixed;
    buf_init(&fixed, OUT_BYTES);
    buf_put(&fixed, data, size > CRC_LEN ? size - CRC_LEN : size);
    if (fixed.len > 0) {
        fixed.base[0] = (uint8_t)(fixed.base[0] % 18); /* mostly types there are */
        put_u32(&fixed, crc32c(0, buf_bytes(&fixed)));
        check(buf_bytes(&fixed));
    }
    buf_done(&fixed);
    return 0;
}
