/* The front's content codings, out of io's. */
#include "server/inside.h"

enum { PACKED_BYTES_MAX = 160 << 20 };

static enum err unpack(
    struct arena *a, struct bytes coding, struct bytes body, size_t len_max, struct bytes *ret)
{
    enum http_coding c = http_coding_named(coding);
    if (c == HTTP_CODING_NONE) {
        *ret = body;
        return OK;
    }
    if (c == HTTP_CODING_UNKNOWN) {
        return ERR_FORMAT;
    }
    struct buf plain;
    buf_init(&plain, len_max + (1 << 20));
    enum err err = http_unpack(c, body, len_max, &plain);
    if (err == OK) {
        *ret = plain.len == 0 ? BYTES_LIT("") : bytes_dup(a, buf_bytes(&plain));
        err = ret->base == NULL ? ERR_TOO_BIG : OK;
    }
    buf_done(&plain);
    return err;
}

static struct bytes pack(
    struct arena *a, struct bytes accept, struct bytes body, struct bytes *ret_coding)
{
    enum http_coding c = http_coding_wanted(accept);
    if (c == HTTP_CODING_NONE) {
        return BYTES_NONE;
    }
    struct buf packed;
    buf_init(&packed, PACKED_BYTES_MAX);
    struct bytes out = BYTES_NONE;
    if (http_pack(c, body, &packed) == OK) {
        out = bytes_dup(a, buf_bytes(&packed));
        *ret_coding = bytes_str(http_coding_name(c));
    }
    buf_done(&packed);
    return out;
}

const struct dynamo_codings web_codings = {.unpack = unpack, .pack = pack};
