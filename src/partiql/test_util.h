#pragma once

/* What this room's tests share: statements with parameters, the message of a fault, and values as
 * text. Recursion follows the nesting that tests write, DOC_DEPTH_MAX levels at most. */

/* clang-format off */
#include <setjmp.h> /* cmocka.h wants these before itself */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "partiql/partiql.h"

enum { TEST_PARAMS = 4 };

struct world {
    struct arena arena;
    struct value params[TEST_PARAMS];
    size_t n_params;
    struct partiql_stmt stmt;
    struct bytes msg;
    char text[PARTIQL_BYTES_MAX + 64]; /* which the statement borrows */
};

static inline void world_init(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->arena, /* bytes_max= */ 64 * 1024 * 1024);
}

static inline void world_done(struct world *w)
{
    arena_done(&w->arena);
}

/* The keys the statements of these tests are about: pk S and sk S, or pk alone. */
static inline const struct expr_key_schema *pair_keys(void)
{
    static const struct expr_key_schema keys = {
        {{(const uint8_t *)"pk", 2}, VALUE_STRING}, {{(const uint8_t *)"sk", 2}, VALUE_STRING}};
    return &keys;
}

static inline enum err parse(struct world *w, const char *text)
{
    arena_clear(&w->arena);
    w->msg = BYTES_LIT("");
    int n = snprintf(w->text, sizeof w->text, "%s", text);
    ASSERT(n >= 0);
    ASSERT((size_t)n < sizeof w->text);
    return partiql_parse(&w->arena, bytes_str(w->text), w->params, w->n_params, &w->stmt, &w->msg);
}

static inline void must_parse(struct world *w, const char *text)
{
    enum err err = parse(w, text);
    if (err != OK) {
        fail_msg("%s: %s: %.*s", text, err_name(err), BYTES_FMT(w->msg));
    }
}

/* A value in DynamoDB's JSON, near enough to compare: {S:a}, {N:1}, {L:[...]}, {M:{a:...}}. */
static inline void put_value(struct buf *b, const struct value *v)
{
    char number[DOC_DECIMAL_TEXT_MAX];
    buf_putf(b, "{%s:", value_tag(v->type));
    switch (v->type) {
    case VALUE_NULL:
        buf_put_str(b, "true");
        break;
    case VALUE_BOOL:
        buf_put_str(b, v->boolean ? "true" : "false");
        break;
    case VALUE_NUMBER:
        buf_put(b, number, decimal_text(&v->number, number));
        break;
    case VALUE_STRING:
    case VALUE_BINARY:
        buf_put_bytes(b, v->bytes);
        break;
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        buf_put_u8(b, '[');
        for (size_t i = 0; i < v->list.n; i++) {
            put_value(b, &v->list.items[i]);
        }
        buf_put_u8(b, ']');
        break;
    case VALUE_MAP:
        buf_put_u8(b, '{');
        for (size_t i = 0; i < v->map.n; i++) {
            buf_putf(b, "%.*s:", BYTES_FMT(v->map.members[i].name));
            put_value(b, &v->map.members[i].value);
        }
        buf_put_u8(b, '}');
        break;
    }
    buf_put_u8(b, '}');
}

static inline void assert_text(struct buf *b, const char *what, const char *expected)
{
    struct bytes got = buf_bytes(b);
    if (!bytes_eq_str(got, expected)) {
        fail_msg("%s\n  is  %.*s\n  not %s", what, BYTES_FMT(got), expected);
    }
    buf_done(b);
}
