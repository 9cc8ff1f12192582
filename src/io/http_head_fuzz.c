/* Hostile bytes for HTTP heads and chunked bodies. A head that is accepted must say its framing in
 * one way only, and must read the same when it is written out again as it was understood. A chunked
 * body must not depend on how the bytes were cut. */
#include "io/http_head.h"

#include <stdlib.h>

enum { ARENA_BYTES = 1 << 20, OUT_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_framing(const struct http_head *h)
{
    ASSERT(!h->chunked || !h->has_length);
    ASSERT(!h->chunked || h->minor_version > 0);
    for (size_t i = 0; i < h->n_headers; i++) {
        ASSERT(http_header_is_clean(&h->headers[i]));
        for (size_t at = 0; at < h->headers[i].name.len; at++) {
            uint8_t c = h->headers[i].name.base[at];
            ASSERT(c < 'A' || c > 'Z');
        }
    }
}

static void put_headers(struct buf *out, const struct http_head *h)
{
    for (size_t i = 0; i < h->n_headers; i++) {
        buf_put_bytes(out, h->headers[i].name);
        buf_put_str(out, ": ");
        buf_put_bytes(out, h->headers[i].value);
        buf_put_str(out, "\r\n");
    }
    buf_put_str(out, "\r\n");
}

static void check_same(const struct http_head *a, const struct http_head *b)
{
    ASSERT(bytes_eq(a->method, b->method));
    ASSERT(bytes_eq(a->target, b->target));
    ASSERT(a->status == b->status);
    ASSERT(a->minor_version == b->minor_version);
    ASSERT(a->n_headers == b->n_headers);
    ASSERT(a->chunked == b->chunked);
    ASSERT(a->has_length == b->has_length);
    ASSERT(a->length == b->length);
    ASSERT(a->keep_alive == b->keep_alive);
    ASSERT(a->expect_continue == b->expect_continue);
}

static void check_request(struct bytes head, struct arena *a, struct buf *out)
{
    struct http_head first;
    struct http_head again;
    char *text = bytes_cstr(a, head);
    ASSERT(text != NULL);
    if (http_head_parse_request(text, head.len, a, &first) != 0) {
        return;
    }
    check_framing(&first);
    ASSERT(first.method.len > 0);
    ASSERT(first.target.len > 0);
    ASSERT(first.target.base[0] == '/' || bytes_eq_str(first.target, "*"));
    buf_put_bytes(out, first.method);
    buf_put_str(out, " ");
    buf_put_bytes(out, first.target);
    buf_putf(out, " HTTP/1.%u\r\n", first.minor_version);
    put_headers(out, &first);
    ASSERT(http_head_length(buf_bytes(out), 0) == (ptrdiff_t)out->len);
    int status = http_head_parse_request((char *)out->base, out->len, a, &again);
    ASSERT(status == 0);
    check_same(&first, &again);
}

static void check_reply(struct bytes head, struct arena *a, struct buf *out)
{
    struct http_head first;
    struct http_head again;
    char *text = bytes_cstr(a, head);
    ASSERT(text != NULL);
    if (http_head_parse_reply(text, head.len, a, &first) != OK) {
        return;
    }
    check_framing(&first);
    buf_putf(out, "HTTP/1.%u %d x\r\n", first.minor_version, first.status);
    put_headers(out, &first);
    enum err e = http_head_parse_reply((char *)out->base, out->len, a, &again);
    ASSERT(e == OK);
    check_same(&first, &again);
}

/* What decoding found, however often it was called. */
struct decoded {
    struct buf body;
    ptrdiff_t result;
    size_t n_taken;
};

static struct decoded decode(struct bytes in, size_t slice)
{
    struct decoded d = {.result = -2};
    struct http_chunks chunks = {0};
    buf_init(&d.body, OUT_BYTES);
    while (d.n_taken < in.len && d.result == -2) {
        size_t n = in.len - d.n_taken < slice ? in.len - d.n_taken : slice;
        uint8_t *to = buf_reserve(&d.body, n);
        ASSERT(to != NULL);
        memcpy(to, in.base + d.n_taken, n);
        size_t body_n = n;
        d.result = http_chunks_decode(&chunks, (char *)to, &body_n);
        if (d.result == -1) {
            return d;
        }
        ASSERT(body_n <= n);
        d.body.len += body_n;
        d.n_taken += d.result < 0 ? n : n - (size_t)d.result;
    }
    return d;
}

static void check_chunks(struct bytes in)
{
    struct decoded whole = decode(in, in.len);
    struct decoded cut = decode(in, 3);
    ASSERT((whole.result == -1) == (cut.result == -1));
    if (whole.result != -1) {
        ASSERT((whole.result == -2) == (cut.result == -2));
        ASSERT(whole.n_taken == cut.n_taken);
        ASSERT(bytes_eq(buf_bytes(&whole.body), buf_bytes(&cut.body)));
    }
    buf_done(&whole.body);
    buf_done(&cut.body);
}

/* The head's end must be found at the same place when the bytes come one by one. */
static void check_length(struct bytes in, ptrdiff_t want)
{
    size_t seen = 0;
    for (size_t n = 1; n <= in.len; n++) {
        ptrdiff_t got = http_head_length(bytes_of(in.base, n), seen);
        if (got != HTTP_HEAD_INCOMPLETE) {
            ASSERT(got == want);
            return;
        }
        seen = n;
    }
    ASSERT(want == HTTP_HEAD_INCOMPLETE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct bytes body = in;
    ptrdiff_t n = http_head_length(in, 0);
    if (size < 1024) {
        check_length(in, n);
    }
    if (n > 0) {
        struct arena a;
        struct buf out;
        arena_init(&a, ARENA_BYTES);
        buf_init(&out, OUT_BYTES);
        check_request(bytes_of(data, (size_t)n), &a, &out);
        buf_clear(&out);
        check_reply(bytes_of(data, (size_t)n), &a, &out);
        buf_done(&out);
        arena_done(&a);
        body = bytes_from(in, (size_t)n);
    }
    if (body.len > 0) {
        check_chunks(body);
    }
    return 0;
}
