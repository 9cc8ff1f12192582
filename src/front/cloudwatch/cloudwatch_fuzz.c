/* Hostile requests in all three protocols, signatures aside: none crashes or is answered with
 * nothing, and what CBOR comes out is CBOR that goes in. */
#include "front/cloudwatch/inside.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(
    struct json_parser *parser, const struct cw_meter *meter, const struct cw_request *r)
{
    struct arena a;
    struct cw_call *call;
    struct cw_answer answer = {0};
    struct json out;
    arena_init(&a, ARENA_BYTES);
    if (cw_begin(parser, &a, r, &call, &answer) == CW_GATHER) {
        cw_gather(call, meter, r->now_ms);
        cw_finish(call, &answer);
    }
    ASSERT(answer.status == 200 || answer.status == 400);
    ASSERT(answer.body.len > 0);
    if (bytes_has_prefix(r->path, BYTES_LIT("/service/")) && answer.status == 200) {
        enum err e = cw_cbor_decode(&a, answer.body, &out);
        ASSERT(e == OK);
    }
    arena_done(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const targets[] = {
        "GraniteServiceVersion20100801.GetMetricStatistics",
        "GraniteServiceVersion20100801.GetMetricData",
        "GraniteServiceVersion20100801.ListMetrics",
    };
    static const char *const paths[] = {
        "/service/GraniteServiceVersion20100801/operation/GetMetricStatistics",
        "/service/GraniteServiceVersion20100801/operation/GetMetricData",
        "/service/GraniteServiceVersion20100801/operation/ListMetrics",
    };
    const uint64_t now = UINT64_C(1795687200000);
    const struct cw_stat one = cw_one(1);
    struct json_parser *parser = json_parser_new();
    struct cw_meter *meter = cw_meter_new();
    cw_add(cw_meter_table(meter, BYTES_LIT("t"), now), CW_LATENCY, BYTES_LIT("GetItem"), now, &one);
    struct cw_request r = {
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .content_type = BYTES_LIT("application/x-www-form-urlencoded"),
        .body = bytes_of(data, size),
        .now_ms = now,
        .request_id = BYTES_LIT("id"),
    };
    ask(parser, meter, &r);
    for (size_t i = 0; i < 3; i++) {
        r.target = bytes_str(targets[i]);
        ask(parser, meter, &r);
    }
    r.target = BYTES_NONE;
    for (size_t i = 0; i < 3; i++) {
        r.path = bytes_str(paths[i]);
        ask(parser, meter, &r);
    }
    cw_meter_free(meter);
    json_parser_free(parser);
    return 0;
}
