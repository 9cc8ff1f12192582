/* Content codings: what a client sends compressed, and what it takes so. zlib is seen only here.
 *
 * Which coding a client gets follows DynamoDB where its reading of Accept-Encoding differs from the
 * letter: a quality that cannot be read, or is above 1, counts as 1; `identity` is never preferred
 * to a coding; among equals the first one named wins, and names win over `*`. */
#include <zlib.h>

#include "io/io.h"

enum {
    QUALITY_ONE = 1000000,
    GZIP_WINDOW = 15 + 16, /* zlib's way to say "gzip" */
    ZLIB_WINDOW = 15,
    CHUNK_BYTES = 64 << 10,
};

/* ---- names ---- */

static struct bytes trimmed(struct bytes s)
{
    while (s.len > 0 && (s.base[0] == ' ' || s.base[0] == '\t')) {
        s = bytes_from(s, 1);
    }
    while (s.len > 0 && (s.base[s.len - 1] == ' ' || s.base[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

/* Cuts off and returns what stands before `mark`, or all. */
static struct bytes cut(struct bytes *s, uint8_t mark)
{
    const uint8_t *at = s->len == 0 ? NULL : memchr(s->base, mark, s->len);
    size_t len = at == NULL ? s->len : (size_t)(at - s->base);
    struct bytes head = bytes_of(s->base, len);
    *s = bytes_from(*s, at == NULL ? len : len + 1);
    return head;
}

static bool is_name(struct bytes s, const char *lower)
{
    size_t n = strlen(lower);
    if (s.len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = s.base[i];
        ch = ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch + 32) : ch;
        if (ch != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

enum http_coding http_coding_named(struct bytes name)
{
    struct bytes s = trimmed(name);
    if (s.len == 0 || is_name(s, "identity")) {
        return HTTP_CODING_NONE;
    }
    if (is_name(s, "gzip")) {
        return HTTP_CODING_GZIP;
    }
    return is_name(s, "deflate") ? HTTP_CODING_DEFLATE : HTTP_CODING_UNKNOWN;
}

const char *http_coding_name(enum http_coding coding)
{
    ASSERT(coding == HTTP_CODING_GZIP || coding == HTTP_CODING_DEFLATE);
    return coding == HTTP_CODING_GZIP ? "gzip" : "deflate";
}

/* ---- Accept-Encoding ---- */

/* In millionths. */
static unsigned quality_of(struct bytes text)
{
    struct bytes s = trimmed(text);
    if (s.len > 0 && s.base[0] == '-') {
        return 0;
    }
    struct bytes fraction = s;
    struct bytes whole = cut(&fraction, '.');
    unsigned q = 0;
    for (size_t i = 0; i < whole.len; i++) {
        if (whole.base[i] < '0' || whole.base[i] > '9') {
            return QUALITY_ONE;
        }
        if (whole.base[i] != '0') {
            q = QUALITY_ONE;
        }
    }
    unsigned place = QUALITY_ONE / 10;
    for (size_t i = 0; i < fraction.len; i++) {
        if (fraction.base[i] < '0' || fraction.base[i] > '9') {
            return QUALITY_ONE;
        }
        q += (unsigned)(fraction.base[i] - '0') * place;
        place /= 10;
    }
    if (s.len == 0 || q > QUALITY_ONE) {
        return QUALITY_ONE;
    }
    return q;
}

/* The quality among a coding's parameters: the first one counts. */
static unsigned params_quality(struct bytes params)
{
    while (params.len > 0) {
        struct bytes value = cut(&params, ';');
        struct bytes name = trimmed(cut(&value, '='));
        if (is_name(name, "q")) {
            return quality_of(value);
        }
    }
    return QUALITY_ONE;
}

struct wish {
    bool named;
    unsigned quality;
    size_t place; /* in the header; smaller is sooner */
};

static void wish_take(struct wish *w, unsigned quality, size_t place)
{
    if (!w->named || quality > w->quality) {
        *w = (struct wish){true, quality, place};
    }
}

enum http_coding http_coding_wanted(struct bytes accept_encoding)
{
    struct wish gzip = {0};
    struct wish deflate = {0};
    struct wish any = {0};
    struct bytes rest = accept_encoding;
    for (size_t place = 0; rest.len > 0; place++) {
        struct bytes entry = cut(&rest, ',');
        struct bytes name = trimmed(cut(&entry, ';'));
        unsigned quality = params_quality(entry);
        if (is_name(name, "gzip")) {
            wish_take(&gzip, quality, place);
        } else if (is_name(name, "deflate")) {
            wish_take(&deflate, quality, place);
        } else if (is_name(name, "*")) {
            wish_take(&any, quality, place);
        }
    }
    if (any.named) {
        any.named = false; /* comes after what is named */
        any.place = SIZE_MAX;
        gzip = gzip.named ? gzip : any;
        deflate = deflate.named ? deflate : any;
    }
    if (gzip.quality == 0 && deflate.quality == 0) {
        return HTTP_CODING_NONE;
    }
    if (gzip.quality != deflate.quality) {
        return gzip.quality > deflate.quality ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE;
    }
    return gzip.place <= deflate.place ? HTTP_CODING_GZIP : HTTP_CODING_DEFLATE;
}

/* ---- bodies ---- */

/* Inflates one stream, which ends where *ret_used says. */
static enum err inflate_one(z_stream *z, size_t len_max, struct buf *to)
{
    for (;;) {
        if (to->len > len_max) {
            return ERR_TOO_BIG;
        }
        uint8_t *room = buf_reserve(to, CHUNK_BYTES);
        if (room == NULL) {
            return ERR_TOO_BIG;
        }
        z->next_out = room;
        z->avail_out = CHUNK_BYTES;
        int rc = inflate(z, Z_NO_FLUSH);
        to->len += CHUNK_BYTES - z->avail_out;
        if (rc == Z_STREAM_END) {
            return to->len > len_max ? ERR_TOO_BIG : OK;
        }
        if (rc != Z_OK) {
            return ERR_FORMAT; /* broken, or cut off */
        }
    }
}

enum err http_unpack(enum http_coding coding, struct bytes body, size_t len_max, struct buf *to)
{
    ASSERT(coding == HTTP_CODING_GZIP || coding == HTTP_CODING_DEFLATE);
    if (body.len == 0 || body.len > UINT_MAX) {
        return ERR_FORMAT;
    }
    z_stream z = {0};
    z.next_in = (Bytef *)(uintptr_t)body.base; /* only read */
    z.avail_in = (uInt)body.len;
    if (inflateInit2(&z, coding == HTTP_CODING_GZIP ? GZIP_WINDOW : ZLIB_WINDOW) != Z_OK) {
        return ERR_TOO_BIG;
    }
    enum err err = inflate_one(&z, len_max, to);
    /* Gzip files one after the other are one file. */
    while (err == OK && z.avail_in > 0 && coding == HTTP_CODING_GZIP) {
        err = inflateReset(&z) == Z_OK ? inflate_one(&z, len_max, to) : ERR_FORMAT;
    }
    if (err == OK && z.avail_in > 0) {
        err = ERR_FORMAT;
    }
    int rc = inflateEnd(&z);
    ASSERT(rc == Z_OK);
    return err;
}

enum err http_pack(enum http_coding coding, struct bytes body, struct buf *to)
{
    ASSERT(coding == HTTP_CODING_GZIP || coding == HTTP_CODING_DEFLATE);
    if (body.len > UINT_MAX) {
        return ERR_TOO_BIG;
    }
    z_stream z = {0};
    int window = coding == HTTP_CODING_GZIP ? GZIP_WINDOW : ZLIB_WINDOW;
    if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, window, /* memLevel= */ 8, Z_DEFAULT_STRATEGY) !=
        Z_OK) {
        return ERR_TOO_BIG;
    }
    size_t room = deflateBound(&z, (uLong)body.len);
    uint8_t *out = buf_reserve(to, room);
    enum err err = out == NULL || room > UINT_MAX ? ERR_TOO_BIG : OK;
    if (err == OK) {
        z.next_in = (Bytef *)(uintptr_t)body.base; /* only read */
        z.avail_in = (uInt)body.len;
        z.next_out = out;
        z.avail_out = (uInt)room;
        int rc = deflate(&z, Z_FINISH);
        ASSERT(rc == Z_STREAM_END); /* the bound leaves room */
        to->len += room - z.avail_out;
    }
    (void)deflateEnd(&z); /* complains of a stream that was not finished, which is then meant */
    return err;
}
