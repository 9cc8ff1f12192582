/* Answers in three protocols from one description: XML as the query protocol has it, JSON 1.0, CBOR
 * as Smithy RPC v2 has it (indefinite lengths, times as tag 1). */
#include <stdio.h>

#include "front/cloudwatch/inside.h"

enum { BODY_BYTES_MAX = 64 * 1024 * 1024 };

#define XML_NAMESPACE "http://monitoring.amazonaws.com/doc/2010-08-01/"

/* ---- XML ---- */

static void xml_text(struct buf *b, struct bytes v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t ch = v.base[i];
        switch (ch) {
        case '&':
            buf_put_str(b, "&amp;");
            break;
        case '<':
            buf_put_str(b, "&lt;");
            break;
        case '>':
            buf_put_str(b, "&gt;");
            break;
        case '"':
            buf_put_str(b, "&quot;");
            break;
        default:
            /* XML has no way to write the other control characters. */
            buf_put_u8(b, ch < 0x20 && ch != '\t' && ch != '\n' && ch != '\r' ? '?' : ch);
        }
    }
}

static void xml_tag(struct buf *b, const char *name, bool end)
{
    buf_putf(b, end ? "</%s>" : "<%s>", name == NULL ? "member" : name);
}

/* ---- CBOR ---- */

static void cbor_head(struct buf *b, unsigned major, uint64_t v)
{
    unsigned bytes = v < 24            ? 0
                     : v <= UINT8_MAX  ? 1
                     : v <= UINT16_MAX ? 2
                     : v <= UINT32_MAX ? 4
                                       : 8;
    unsigned info = bytes == 0   ? (unsigned)v
                    : bytes == 1 ? 24
                    : bytes == 2 ? 25
                    : bytes == 4 ? 26
                                 : 27;
    buf_put_u8(b, (uint8_t)(major << 5 | info));
    for (unsigned i = bytes; i > 0; i--) {
        buf_put_u8(b, (uint8_t)(v >> (8 * (i - 1))));
    }
}

static void cbor_text(struct buf *b, struct bytes v)
{
    cbor_head(b, 3, v.len);
    buf_put_bytes(b, v);
}

static void cbor_double(struct buf *b, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    buf_put_u8(b, 0xFB);
    for (unsigned i = 8; i > 0; i--) {
        buf_put_u8(b, (uint8_t)(bits >> (8 * (i - 1))));
    }
}

/* ---- the parts ---- */

static void put_name(struct cw_out *o, const char *name)
{
    struct buf *b = &o->b;
    switch (o->protocol) {
    case CW_QUERY:
        xml_tag(b, name, false);
        return;
    case CW_JSON:
        buf_put_str(b, o->comma ? "," : "");
        if (name != NULL) {
            json_put_string(b, bytes_str(name));
            buf_put_u8(b, ':');
        }
        o->comma = true;
        return;
    case CW_CBOR:
        if (name != NULL) {
            cbor_text(b, bytes_str(name));
        }
        return;
    }
    UNREACHABLE();
}

static void container(struct cw_out *o, const char *name, char json, uint8_t cbor)
{
    put_name(o, name);
    if (o->protocol == CW_JSON) {
        buf_put_u8(&o->b, (uint8_t)json);
        o->comma = false;
    } else if (o->protocol == CW_CBOR) {
        buf_put_u8(&o->b, cbor);
    }
}

static void container_end(struct cw_out *o, const char *name, char json)
{
    if (o->protocol == CW_QUERY) {
        xml_tag(&o->b, name, true);
    } else if (o->protocol == CW_JSON) {
        buf_put_u8(&o->b, (uint8_t)json);
        o->comma = true;
    } else {
        buf_put_u8(&o->b, 0xFF);
    }
}

void cw_out_open(struct cw_out *o, const char *name)
{
    container(o, name, '{', 0xBF);
}

void cw_out_close(struct cw_out *o, const char *name)
{
    container_end(o, name, '}');
}

void cw_out_list(struct cw_out *o, const char *name)
{
    container(o, name, '[', 0x9F);
}

void cw_out_list_end(struct cw_out *o, const char *name)
{
    container_end(o, name, ']');
}

void cw_out_text(struct cw_out *o, const char *name, struct bytes v)
{
    put_name(o, name);
    if (o->protocol == CW_QUERY) {
        xml_text(&o->b, v);
        xml_tag(&o->b, name, true);
    } else if (o->protocol == CW_JSON) {
        json_put_string(&o->b, v);
    } else {
        cbor_text(&o->b, v);
    }
}

/* 5 as 5.0, as the service writes it. */
static void put_decimal(struct buf *b, double v)
{
    char text[40];
    int n = snprintf(text, sizeof text, "%.15g", v);
    buf_put(b, text, (size_t)n);
    if (strpbrk(text, ".en") == NULL) {
        buf_put_str(b, ".0");
    }
}

void cw_out_number(struct cw_out *o, const char *name, double v)
{
    put_name(o, name);
    if (o->protocol == CW_CBOR) {
        cbor_double(&o->b, v);
        return;
    }
    put_decimal(&o->b, v);
    if (o->protocol == CW_QUERY) {
        xml_tag(&o->b, name, true);
    }
}

static void put_iso(struct buf *b, uint64_t seconds)
{
    struct date d = date_of_days((int64_t)(seconds / 86400));
    uint64_t t = seconds % 86400;
    buf_putf(
        b,
        "%04u-%02u-%02uT%02u:%02u:%02uZ",
        (unsigned)d.year,
        d.month,
        d.day,
        (unsigned)(t / 3600),
        (unsigned)(t / 60 % 60),
        (unsigned)(t % 60));
}

void cw_out_time(struct cw_out *o, const char *name, uint64_t seconds)
{
    put_name(o, name);
    if (o->protocol == CW_QUERY) {
        put_iso(&o->b, seconds);
        xml_tag(&o->b, name, true);
    } else if (o->protocol == CW_JSON) {
        buf_putf(&o->b, "%llu", (unsigned long long)seconds);
    } else {
        cbor_head(&o->b, 6, 1);
        cbor_head(&o->b, 0, seconds);
    }
}

/* ---- whole answers ---- */

static void header(struct cw_answer *a, const char *name, struct bytes value)
{
    ASSERT(a->n_headers < CW_HEADERS_MAX);
    a->headers[a->n_headers++] = (struct cw_header){name, value};
}

static void answer(
    enum cw_protocol protocol,
    unsigned status,
    struct bytes request_id,
    struct bytes body,
    struct cw_answer *ret)
{
    *ret = (struct cw_answer){.status = status, .body = body};
    header(
        ret,
        "content-type",
        protocol == CW_QUERY  ? BYTES_LIT("text/xml")
        : protocol == CW_JSON ? BYTES_LIT("application/x-amz-json-1.0")
                              : BYTES_LIT("application/cbor"));
    header(ret, "x-amzn-requestid", request_id);
    if (protocol == CW_CBOR) {
        header(ret, "smithy-protocol", BYTES_LIT("rpc-v2-cbor"));
    }
}

void cw_out_begin(struct cw_out *o, const struct cw_call *c)
{
    *o = (struct cw_out){.protocol = c->args.protocol};
    buf_init(&o->b, BODY_BYTES_MAX);
    struct bytes op = c->args.operation;
    if (o->protocol == CW_QUERY) {
        buf_putf(
            &o->b,
            "<%.*sResponse xmlns=\"" XML_NAMESPACE "\"><%.*sResult>",
            BYTES_FMT(op),
            BYTES_FMT(op));
        return;
    }
    buf_put_u8(&o->b, o->protocol == CW_JSON ? '{' : 0xBF);
}

void cw_out_end(struct cw_out *o, struct cw_call *c, struct cw_answer *ret)
{
    struct bytes op = c->args.operation;
    if (o->protocol == CW_QUERY) {
        buf_putf(
            &o->b,
            "</%.*sResult><ResponseMetadata><RequestId>%.*s</RequestId></ResponseMetadata>"
            "</%.*sResponse>",
            BYTES_FMT(op),
            BYTES_FMT(c->request->request_id),
            BYTES_FMT(op));
    } else {
        buf_put_u8(&o->b, o->protocol == CW_JSON ? '}' : 0xFF);
    }
    struct bytes body = o->b.err == OK ? bytes_dup(c->a, buf_bytes(&o->b)) : BYTES_NONE;
    buf_done(&o->b);
    if (body.base == NULL) {
        static const struct cw_fault inside = {"InternalFailure", "InternalServiceFault", 500};
        cw_put_fault(
            c->a, o->protocol, c->request->request_id, &inside, BYTES_LIT("Internal failure"), ret);
        return;
    }
    answer(o->protocol, 200, c->request->request_id, body, ret);
}

void cw_put_fault(
    struct arena *a,
    enum cw_protocol protocol,
    struct bytes request_id,
    const struct cw_fault *fault,
    struct bytes msg,
    struct cw_answer *ret)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    if (protocol == CW_QUERY) {
        buf_putf(
            &b,
            "<ErrorResponse xmlns=\"" XML_NAMESPACE "\"><Error><Type>%s</Type><Code>%s</Code>"
            "<Message>",
            fault->status < 500 ? "Sender" : "Receiver",
            fault->code);
        xml_text(&b, msg);
        buf_putf(
            &b,
            "</Message></Error><RequestId>%.*s</RequestId></ErrorResponse>",
            BYTES_FMT(request_id));
    } else if (protocol == CW_JSON) {
        buf_putf(
            &b,
            "{\"__type\":\"com.amazonaws.cloudwatch.v2010_08_01#%s\",\"message\":",
            fault->shape);
        json_put_string(&b, msg);
        buf_put_u8(&b, '}');
    } else {
        buf_put_u8(&b, 0xBF);
        cbor_text(&b, BYTES_LIT("__type"));
        cbor_head(&b, 3, strlen("com.amazonaws.cloudwatch#") + strlen(fault->shape));
        buf_putf(&b, "com.amazonaws.cloudwatch#%s", fault->shape);
        cbor_text(&b, BYTES_LIT("message"));
        cbor_text(&b, msg);
        buf_put_u8(&b, 0xFF);
    }
    struct bytes body = b.err == OK ? bytes_dup(a, buf_bytes(&b)) : BYTES_LIT("");
    buf_done(&b);
    answer(protocol, fault->status, request_id, body, ret);
    if (protocol != CW_QUERY) {
        struct bytes code =
            bytes_fmt(a, "%s;%s", fault->code, fault->status < 500 ? "Sender" : "Receiver");
        header(ret, "x-amzn-query-error", code);
    }
}
