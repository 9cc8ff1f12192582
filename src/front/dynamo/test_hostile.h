#pragma once

/* What the fuzzers share: hostile requests to a rig, and what must hold of every answer. */

#include "front/dynamo/test_util.h"

static inline void check_answer(const struct dynamo_call *call)
{
    const struct dynamo_answer *a = &call->answer;
    ASSERT(a->status == 200 || a->status == 400 || a->status == 413);
    ASSERT(a->n_headers == 4);
    ASSERT(a->body.len >= 2);
    ASSERT(a->body.base[0] == '{');
    ASSERT(utf8_valid(a->body));
    ASSERT((a->status == 200) == (call->error_name.len == 0));
    struct arena mem;
    arena_init(&mem, /* bytes_max= */ (size_t)1 << 30);
    struct json_parser *parser = json_parser_new();
    struct json parsed;
    enum err err = json_parse(parser, &mem, a->body, JSON_DEPTH_MAX, &parsed);
    ASSERT(err == OK);
    json_parser_free(parser);
    arena_done(&mem);
}

/* Serves one request and returns its status. */
static inline unsigned serve(struct rig *r, const char *target, struct bytes body)
{
    rig_finish(r, rig_begin_at(r, bytes_str(target), body));
    check_answer(&r->call);
    unsigned status = r->call.answer.status;
    arena_clear(&r->mem);
    return status;
}

static inline void must(struct rig *r, const char *target, const char *body)
{
    unsigned status = serve(r, target, bytes_str(body));
    ASSERT(status == 200);
}
