/* Packing and unpacking of streams: gzip (RFC 1952, zlib) and Zstandard (RFC 8878).
 *
 * Several members or frames one after the other count as one text, as the tools of both formats
 * have it. */
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "io/io.h"

enum { STEP_BYTES = 64 << 10, GZIP_WINDOW = 15 + 16 };

/* ---- unpacking ---- */

struct io_unpack {
    enum io_packing packing;
    z_stream z;
    ZSTD_DStream *zstd;
    bool inside; /* a member or frame has begun and not ended */
};

struct io_unpack *io_unpack_new(enum io_packing packing)
{
    struct io_unpack *u = calloc(1, sizeof *u);
    ASSERT(u != NULL);
    u->packing = packing;
    if (packing == IO_PACKED_GZIP) {
        int rc = inflateInit2(&u->z, GZIP_WINDOW);
        ASSERT(rc == Z_OK);
    }
    if (packing == IO_PACKED_ZSTD) {
        u->zstd = ZSTD_createDStream();
        ASSERT(u->zstd != NULL);
    }
    return u;
}

void io_unpack_free(struct io_unpack *u)
{
    if (u == NULL) {
        return;
    }
    if (u->packing == IO_PACKED_GZIP) {
        (void)inflateEnd(&u->z);
    }
    (void)ZSTD_freeDStream(u->zstd); /* NULL is legal there */
    free(u);
}

static enum err gunzip(struct io_unpack *u, struct bytes in, struct buf *ret)
{
    u->z.next_in = (Bytef *)(uintptr_t)in.base;
    u->z.avail_in = (uInt)in.len;
    for (;;) {
        uint8_t *to = buf_reserve(ret, STEP_BYTES);
        if (to == NULL) {
            return ERR_TOO_BIG;
        }
        u->z.next_out = to;
        u->z.avail_out = STEP_BYTES;
        u->inside = u->inside || u->z.avail_in > 0;
        int rc = inflate(&u->z, Z_NO_FLUSH);
        ret->len += STEP_BYTES - u->z.avail_out;
        if (rc == Z_STREAM_END) {
            u->inside = false;
            rc = inflateReset(&u->z);
            ASSERT(rc == Z_OK);
            if (u->z.avail_in == 0) {
                return OK;
            }
            continue;
        }
        if (rc != Z_OK && rc != Z_BUF_ERROR) {
            return ERR_CORRUPT;
        }
        if (u->z.avail_in == 0 && u->z.avail_out > 0) {
            return OK;
        }
    }
}

static enum err unzstd(struct io_unpack *u, struct bytes in, struct buf *ret)
{
    ZSTD_inBuffer from = {in.base, in.len, 0};
    for (;;) {
        uint8_t *to = buf_reserve(ret, STEP_BYTES);
        if (to == NULL) {
            return ERR_TOO_BIG;
        }
        ZSTD_outBuffer out = {to, STEP_BYTES, 0};
        size_t rc = ZSTD_decompressStream(u->zstd, &out, &from);
        if (ZSTD_isError(rc) != 0) {
            return ERR_CORRUPT;
        }
        ret->len += out.pos;
        u->inside = rc != 0;
        if (from.pos == from.size && out.pos < STEP_BYTES) {
            return OK;
        }
    }
}

enum err io_unpack(struct io_unpack *u, struct bytes in, struct buf *ret)
{
    if (in.len == 0) {
        return OK;
    }
    switch (u->packing) {
    case IO_PACKED_NOT:
        buf_put_bytes(ret, in);
        return ret->err;
    case IO_PACKED_GZIP:
        return gunzip(u, in, ret);
    case IO_PACKED_ZSTD:
        return unzstd(u, in, ret);
    }
    UNREACHABLE();
}

enum err io_unpack_end(const struct io_unpack *u)
{
    return u->inside ? ERR_CORRUPT : OK;
}

/* ---- packing ---- */

struct io_gzip {
    z_stream z;
};

struct io_gzip *io_gzip_new(void)
{
    struct io_gzip *g = calloc(1, sizeof *g);
    ASSERT(g != NULL);
    int rc =
        deflateInit2(&g->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY);
    ASSERT(rc == Z_OK);
    return g;
}

void io_gzip_free(struct io_gzip *g)
{
    if (g != NULL) {
        (void)deflateEnd(&g->z); /* it may be in the middle of a stream that was given up */
        free(g);
    }
}

enum err io_gzip_put(struct io_gzip *g, struct bytes in, bool last, struct buf *ret)
{
    g->z.next_in = (Bytef *)(uintptr_t)in.base;
    g->z.avail_in = (uInt)in.len;
    for (;;) {
        uint8_t *to = buf_reserve(ret, STEP_BYTES);
        if (to == NULL) {
            return ERR_TOO_BIG;
        }
        g->z.next_out = to;
        g->z.avail_out = STEP_BYTES;
        int rc = deflate(&g->z, last ? Z_FINISH : Z_NO_FLUSH);
        ASSERT(rc != Z_STREAM_ERROR);
        ret->len += STEP_BYTES - g->z.avail_out;
        if (rc == Z_STREAM_END || (!last && g->z.avail_out > 0)) {
            return OK;
        }
    }
}
