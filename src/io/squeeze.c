/* zstd streams, flushed after each frame. */
#include "io/squeeze.h"

#include <stdlib.h>
#include <zstd.h>

enum { LEVEL = 1, WINDOW_LOG = 20, TAKE_STEP = 16 << 10 };

struct squeeze {
    ZSTD_CCtx *out; /* each made at its first use */
    ZSTD_DCtx *in;
};

struct squeeze *squeeze_new(void)
{
    struct squeeze *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    return s;
}

void squeeze_free(struct squeeze *s)
{
    if (s == NULL) {
        return;
    }
    (void)ZSTD_freeCCtx(s->out); /* both take NULL, and cannot fail */
    (void)ZSTD_freeDCtx(s->in);
    free(s);
}

static void begin_out(struct squeeze *s)
{
    s->out = ZSTD_createCCtx();
    ASSERT(s->out != NULL);
    size_t rc = ZSTD_CCtx_setParameter(s->out, ZSTD_c_compressionLevel, LEVEL);
    ASSERT(!ZSTD_isError(rc));
    rc = ZSTD_CCtx_setParameter(s->out, ZSTD_c_windowLog, WINDOW_LOG);
    ASSERT(!ZSTD_isError(rc));
}

void squeeze_put(struct squeeze *s, struct bytes frame, struct buf *to)
{
    if (s->out == NULL) {
        begin_out(s);
    }
    ZSTD_inBuffer in = {.src = frame.base, .size = frame.len};
    size_t left = 1;
    while (left > 0) {
        size_t room = ZSTD_compressBound(in.size - in.pos);
        uint8_t *dst = buf_reserve(to, room);
        ASSERT(dst != NULL);
        ZSTD_outBuffer out = {.dst = dst, .size = room};
        left = ZSTD_compressStream2(s->out, &out, &in, ZSTD_e_flush);
        ASSERT(!ZSTD_isError(left));
        to->len += out.pos;
    }
    ASSERT(in.pos == in.size);
}

static void begin_in(struct squeeze *s)
{
    s->in = ZSTD_createDCtx();
    ASSERT(s->in != NULL);
    /* The other end decides how much it asks us to remember; not more than we would ask it. */
    size_t rc = ZSTD_DCtx_setParameter(s->in, ZSTD_d_windowLogMax, WINDOW_LOG);
    ASSERT(!ZSTD_isError(rc));
}

enum err squeeze_take(struct squeeze *s, struct bytes in, struct buf *to)
{
    if (s->in == NULL) {
        begin_in(s);
    }
    ZSTD_inBuffer from = {.src = in.base, .size = in.len};
    bool more = true;
    while (more) {
        uint8_t *dst = buf_reserve(to, TAKE_STEP);
        if (dst == NULL) {
            return ERR_TOO_BIG;
        }
        ZSTD_outBuffer out = {.dst = dst, .size = TAKE_STEP};
        size_t rc = ZSTD_decompressStream(s->in, &out, &from);
        if (ZSTD_isError(rc)) {
            return ERR_CORRUPT;
        }
        to->len += out.pos;
        more = from.pos < from.size || out.pos == out.size;
    }
    return OK;
}
