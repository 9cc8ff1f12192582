/* HTTP/1 heads: H2O's parser (picohttpparser, inside libh2o-evloop) for the letters, the rules
 * about framing here.
 *
 * H2O's own HTTP/1 server is not used: version 2.2 closes on malformed requests without an answer,
 * silently prefers Transfer-Encoding to Content-Length and the first of several lengths, and has
 * one timeout for idling, heads and bodies together. Whoever forwards requests, as regions do to
 * each other, must refuse what two readers could cut differently (RFC 9112 sections 6.1, 6.3
 * and 11.2).
 *
 * Does not promise: to check the target beyond its first letter, or to decode anything. */
#include "io/http_head.h"

#include <strings.h>
#include <sys/types.h>

/* Exported by libh2o-evloop, whose package installs no header for them. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};

int phr_parse_request(
    const char *text,
    size_t len,
    const char **method,
    size_t *method_len,
    const char **path,
    size_t *path_len,
    int *minor_version,
    struct phr_header *headers,
    size_t *n_headers,
    size_t last_len);
int phr_parse_response(
    const char *text,
    size_t len,
    int *minor_version,
    int *status,
    const char **msg,
    size_t *msg_len,
    struct phr_header *headers,
    size_t *n_headers,
    size_t last_len);
ssize_t phr_decode_chunked(struct http_chunks *decoder, char *text, size_t *len);

ptrdiff_t http_head_length(struct bytes in, size_t seen)
{
    /* A head ends at an empty line: LF LF or LF CR LF. Blank lines before a request are skipped by
     * none of our clients, so one at the very start is the end of an empty, malformed head. */
    size_t at = seen < 3 ? 0 : seen - 3;
    while (at < in.len) {
        const uint8_t *lf = memchr(in.base + at, '\n', in.len - at);
        if (lf == NULL) {
            break;
        }
        size_t next = (size_t)(lf - in.base) + 1;
        if (next < in.len && in.base[next] == '\n') {
            return (ptrdiff_t)next + 1;
        }
        if (next + 1 < in.len && in.base[next] == '\r' && in.base[next + 1] == '\n') {
            return (ptrdiff_t)next + 2;
        }
        at = next;
    }
    return in.len >= HTTP_HEAD_BYTES_MAX ? -1 : HTTP_HEAD_INCOMPLETE;
}

static void lower(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (char)(text[i] + ('a' - 'A'));
        }
    }
}

static bool eq_nocase(struct bytes b, const char *s)
{
    return b.len == strlen(s) && strncasecmp((const char *)b.base, s, b.len) == 0;
}

/* Whether the comma-separated `list` has the element `token`. */
static bool has_token(struct bytes list, const char *token)
{
    size_t at = 0;
    while (at <= list.len) {
        size_t end = at;
        while (end < list.len && list.base[end] != ',') {
            end++;
        }
        size_t from = at;
        size_t to = end;
        while (from < to && (list.base[from] == ' ' || list.base[from] == '\t')) {
            from++;
        }
        while (to > from && (list.base[to - 1] == ' ' || list.base[to - 1] == '\t')) {
            to--;
        }
        if (eq_nocase(bytes_of(list.base + from, to - from), token)) {
            return true;
        }
        at = end + 1;
    }
    return false;
}

/* Copies the parser's headers into the arena. false: a folded header, or no room. */
static bool take_headers(
    struct arena *a, const struct phr_header *from, size_t n, struct http_head *ret)
{
    ret->headers = ARENA_ARRAY(a, struct http_header, n);
    if (ret->headers == NULL) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (from[i].name == NULL || from[i].name_len == 0) {
            return false;
        }
        /* The names lie in the caller's own copy of the head, which is ours to change. */
        lower((char *)(uintptr_t)from[i].name, from[i].name_len);
        ret->headers[i].name = bytes_of(from[i].name, from[i].name_len);
        ret->headers[i].value = bytes_of(from[i].value, from[i].value_len);
    }
    ret->n_headers = n;
    return true;
}

/* Reads what decides where the body ends. 0, or the status with which to refuse. */
static int read_framing(struct http_head *h)
{
    h->keep_alive = h->minor_version >= 1;
    for (size_t i = 0; i < h->n_headers; i++) {
        struct bytes name = h->headers[i].name;
        struct bytes value = h->headers[i].value;
        if (bytes_eq_str(name, "content-length")) {
            if (h->has_length || bytes_u64(value, &h->length) != OK) {
                return 400;
            }
            h->has_length = true;
        } else if (bytes_eq_str(name, "transfer-encoding")) {
            if (h->chunked) {
                return 400;
            }
            if (!eq_nocase(value, "chunked")) {
                return 501;
            }
            h->chunked = true;
        } else if (bytes_eq_str(name, "connection")) {
            if (has_token(value, "close")) {
                h->keep_alive = false;
            } else if (has_token(value, "keep-alive") && h->minor_version == 0) {
                h->keep_alive = true;
            }
        }
    }
    if (h->chunked && (h->has_length || h->minor_version == 0)) {
        return 400;
    }
    return 0;
}

static int check_host_and_expect(struct http_head *h)
{
    size_t n_hosts = 0;
    for (size_t i = 0; i < h->n_headers; i++) {
        if (bytes_eq_str(h->headers[i].name, "host")) {
            n_hosts++;
        } else if (bytes_eq_str(h->headers[i].name, "expect")) {
            if (!eq_nocase(h->headers[i].value, "100-continue")) {
                return 417;
            }
            /* RFC 9110 section 10.1.1: a 1.0 client does not know the interim answer. */
            h->expect_continue = h->minor_version >= 1;
        }
    }
    bool host_ok = n_hosts == 1 || (n_hosts == 0 && h->minor_version == 0);
    return host_ok ? 0 : 400;
}

/* "http://host/path?query" becomes "/path?query". 0 or 400. */
static int strip_origin(struct http_head *h)
{
    struct bytes t = h->target;
    if (t.len > 7 && strncasecmp((const char *)t.base, "http://", 7) == 0) {
        struct bytes rest = bytes_from(t, 7);
        const uint8_t *slash = memchr(rest.base, '/', rest.len);
        h->target = slash == NULL ? BYTES_LIT("/") : bytes_from(rest, (size_t)(slash - rest.base));
        return 0;
    }
    bool ok = t.len > 0 && (t.base[0] == '/' || bytes_eq_str(t, "*"));
    return ok ? 0 : 400;
}

/* RFC 9110 section 5.6.2. H2O's parser takes any visible bytes for a method, and none. */
static bool is_token(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.base[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL)) {
            return false;
        }
    }
    return b.len > 0;
}

int http_head_parse_request(char *text, size_t len, struct arena *a, struct http_head *ret)
{
    struct phr_header headers[HTTP_HEADERS_MAX];
    size_t n_headers = HTTP_HEADERS_MAX;
    const char *method = NULL;
    const char *path = NULL;
    size_t method_len = 0;
    size_t path_len = 0;
    int minor = 0;
    *ret = (struct http_head){0};
    int n = phr_parse_request(
        text,
        len,
        &method,
        &method_len,
        &path,
        &path_len,
        &minor,
        headers,
        &n_headers,
        /* last_len= */ 0);
    if (n < 0 || (size_t)n != len || minor < 0) {
        return 400;
    }
    ret->method = bytes_of(method, method_len);
    ret->target = bytes_of(path, path_len);
    ret->minor_version = (unsigned)minor;
    if (!is_token(ret->method) || !take_headers(a, headers, n_headers, ret)) {
        return 400;
    }
    int refuse = read_framing(ret);
    if (refuse == 0) {
        refuse = check_host_and_expect(ret);
    }
    if (refuse == 0) {
        refuse = strip_origin(ret);
    }
    return refuse;
}

enum err http_head_parse_reply(char *text, size_t len, struct arena *a, struct http_head *ret)
{
    struct phr_header headers[HTTP_HEADERS_MAX];
    size_t n_headers = HTTP_HEADERS_MAX;
    const char *reason = NULL;
    size_t reason_len = 0;
    int minor = 0;
    *ret = (struct http_head){0};
    int n = phr_parse_response(
        text,
        len,
        &minor,
        &ret->status,
        &reason,
        &reason_len,
        headers,
        &n_headers,
        /* last_len= */ 0);
    if (n < 0 || (size_t)n != len || minor < 0 || ret->status < 100) {
        return ERR_SYNTAX;
    }
    ret->minor_version = (unsigned)minor;
    if (!take_headers(a, headers, n_headers, ret)) {
        return ERR_SYNTAX;
    }
    return read_framing(ret) == 0 ? OK : ERR_SYNTAX;
}

ptrdiff_t http_chunks_decode(struct http_chunks *c, char *text, size_t *len)
{
    c->consume_trailer = 1;
    return phr_decode_chunked(c, text, len);
}

struct bytes http_header_find(const struct http_header *headers, size_t n_headers, const char *name)
{
    for (size_t i = 0; i < n_headers; i++) {
        if (bytes_eq_str(headers[i].name, name)) {
            return headers[i].value;
        }
    }
    return BYTES_NONE;
}

bool http_header_is_hop(struct bytes name)
{
    static const char *const hops[] = {
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    };
    for (size_t i = 0; i < sizeof hops / sizeof hops[0]; i++) {
        if (eq_nocase(name, hops[i])) {
            return true;
        }
    }
    return false;
}

bool http_header_is_clean(const struct http_header *h)
{
    if (h->name.len == 0) {
        return false;
    }
    for (size_t i = 0; i < h->name.len; i++) {
        if (h->name.base[i] <= ' ' || h->name.base[i] == ':' || h->name.base[i] >= 127) {
            return false;
        }
    }
    for (size_t i = 0; i < h->value.len; i++) {
        uint8_t ch = h->value.base[i];
        if (ch <= '\r' && (ch == '\r' || ch == '\n' || ch == '\0')) {
            return false;
        }
    }
    return true;
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {449, "Retry With"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++) {
        if (reasons[i].status == status) {
            return reasons[i].text;
        }
    }
    return "Unknown";
}
