#pragma once

/* Private to io: HTTP/1 heads, in and out. No sockets here, so that it can be fuzzed. */

#include "io/io.h"

enum { HTTP_HEADERS_MAX = 100, HTTP_HEAD_BYTES_MAX = 64 << 10 };

struct http_head {
    struct bytes method; /* of a request */
    struct bytes target;
    int status; /* of a reply */
    unsigned minor_version;
    struct http_header *headers; /* names in lower case */
    size_t n_headers;
    bool keep_alive;
    bool chunked;
    bool expect_continue;
    bool has_length;
    uint64_t length; /* Content-Length, if has_length */
};

enum { HTTP_HEAD_INCOMPLETE = 0 };

/* The length of the complete head at the start of `in`, HTTP_HEAD_INCOMPLETE, or -1 if no more
 * bytes can make it one. Reads nothing twice if `seen`, what an earlier call was given, is passed
 * on. */
ptrdiff_t http_head_length(struct bytes in, size_t seen);
/* Parses exactly one request head in place: slices in `ret` point into `text`, whose header names
 * are lowered; the header array comes from `a`. 0, or the HTTP status with which to refuse. */
int http_head_parse_request(char *text, size_t len, struct arena *a, struct http_head *ret);
/* As above for a reply. OK, ERR_SYNTAX, ERR_TOO_BIG. */
MUST_CHECK enum err http_head_parse_reply(
    char *text, size_t len, struct arena *a, struct http_head *ret);

/* "Not Found" for 404; "Unknown" for what has no name. */
const char *http_reason(int status);
/* Whether a header speaks about one connection only, or frames a body. `name` in any case. */
bool http_header_is_hop(struct bytes name);
/* Whether `name: value` can be written without being read as something else. */
bool http_header_is_clean(const struct http_header *h);

/* H2O's chunked decoder (picohttpparser). Zero-initialise. */
struct http_chunks {
    size_t bytes_left_in_chunk;
    char consume_trailer;
    char hex_count;
    char state;
};

/* Decodes `*len` bytes in place; `*len` becomes the bytes of body found. -2: more is needed; -1:
 * malformed; otherwise the body is complete and that many input bytes behind it belong to what
 * follows. They directly follow the body bytes at `text + *len`. */
ptrdiff_t http_chunks_decode(struct http_chunks *c, char *text, size_t *len);
