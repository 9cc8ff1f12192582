/* What of HTTP comes before an operation: browsers' questions (CORS), the health line, methods and
 * media types that are not DynamoDB's, and compressed bodies. */
#include "front/dynamo/dynamo_internal.h"

/* What DynamoDB answers to whom it does not take for one of its clients. */
#define NO_CLIENT "<UnknownOperationException/>\n"

static struct bytes media_type(struct bytes content_type)
{
    const uint8_t *end =
        content_type.len == 0 ? NULL : memchr(content_type.base, ';', content_type.len);
    size_t len = end == NULL ? content_type.len : (size_t)(end - content_type.base);
    while (len > 0 && content_type.base[len - 1] == ' ') {
        len--;
    }
    return bytes_of(content_type.base, len);
}

static bool preflight(struct dynamo_call *c)
{
    struct bytes headers = header_find(c->request, "access-control-request-headers");
    struct bytes methods = header_find(c->request, "access-control-request-method");
    call_raw(c, 200, BYTES_LIT(""));
    if (headers.base != NULL) {
        call_header(c, BYTES_LIT("access-control-allow-headers"), headers);
    }
    if (methods.base != NULL) {
        call_header(c, BYTES_LIT("access-control-allow-methods"), methods);
    }
    call_header(c, BYTES_LIT("access-control-max-age"), BYTES_LIT("172800"));
    return false;
}

static bool healthy(struct dynamo_call *c)
{
    struct bytes text =
        bytes_fmt(c->arena, "healthy: dynamodb.%.*s.amazonaws.com ", BYTES_FMT(c->d->region));
    if (text.base == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    call_raw(c, 200, text);
    return false;
}

bool envelope_open(struct dynamo_call *c)
{
    const struct dynamo_request *r = c->request;
    c->from_browser = header_find(r, "origin").base != NULL;
    bool post = bytes_eq_str(r->method, "POST");
    if (!post && c->from_browser && bytes_eq_str(r->method, "OPTIONS")) {
        return preflight(c);
    }
    if (!post && bytes_eq_str(r->method, "GET") && bytes_eq_str(r->path, "/")) {
        return healthy(c);
    }
    struct bytes type = post ? media_type(header_find(r, "content-type")) : BYTES_NONE;
    bool current = bytes_eq_str(type, "application/x-amz-json-1.0") ||
                   bytes_eq_str(type, "application/x-amz-json-1.1"); /* other services' here */
    c->plain_json = !current;
    bool known = current || bytes_eq_str(type, "application/json") || r->body.len == 0;
    if (!post || !known) {
        call_raw(c, 404, BYTES_LIT(NO_CLIENT));
        return false;
    }
    return true;
}

bool envelope_body(struct dynamo_call *c, struct bytes *ret)
{
    const struct dynamo_request *r = c->request;
    struct bytes coding = header_find(r, "content-encoding");
    *ret = r->body;
    if (coding.len == 0) {
        return true;
    }
    enum err err = ERR_FORMAT;
    if (c->d->codings != NULL) {
        err = c->d->codings->unpack(c->arena, coding, r->body, DYNAMO_BODY_BYTES_MAX, ret);
    }
    if (err == OK || err == ERR_TOO_BIG) {
        return err == OK || call_fail_err(c, err);
    }
    /* DynamoDB does not say that it was the client's fault. */
    return call_fail(c, AWS_INTERNAL, BYTES_LIT("Internal server error"));
}
