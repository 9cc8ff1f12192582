#pragma once

/* What this room's tests share: values, items and placeholder tables from a short notation, and
 * back.
 *
 *   1  -2.5      number          [1, 'a']       list
 *   'a'          string          {a: 1, b: 'x'} map
 *   b'a'         binary          <'a', 'b'>     set of strings, numbers or binaries
 *   true null    bool, null
 *
 * Recursion follows the nesting that tests write, DOC_DEPTH_MAX levels at most. */

/* clang-format off */
#include <setjmp.h> /* cmocka.h wants these before itself */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>

#include "expr/expr.h"

enum { TEST_CHILDREN_MAX = 400, TEST_PLACEHOLDERS_MAX = 600 };

struct world {
    struct arena arena;
    struct expr_name names[TEST_PLACEHOLDERS_MAX];
    struct expr_value values[TEST_PLACEHOLDERS_MAX];
    struct expr_env env;
};

static inline void world_init(struct world *w)
{
    *w = (struct world){0};
    arena_init(&w->arena, /* bytes_max= */ 64 * 1024 * 1024);
    w->env.names = w->names;
    w->env.values = w->values;
}

static inline void world_done(struct world *w)
{
    arena_done(&w->arena);
}

static inline void skip_blanks(const char **at)
{
    while (**at == ' ' || **at == ',') {
        (*at)++;
    }
}

static inline struct bytes quoted(const char **at)
{
    const char *from = ++*at;
    while (**at != '\'') {
        ASSERT(**at != '\0');
        (*at)++;
    }
    return bytes_of(from, (size_t)((*at)++ - from));
}

static inline struct bytes bare_word(const char **at)
{
    const char *from = *at;
    while (strchr(" ,:]}>", **at) == NULL) {
        (*at)++;
    }
    return bytes_of(from, (size_t)(*at - from));
}

static inline struct value value_read(struct arena *a, const char **at);

static inline struct value sequence_read(struct arena *a, const char **at, char end)
{
    struct value *items = ARENA_ARRAY(a, struct value, TEST_CHILDREN_MAX);
    size_t n = 0;
    ASSERT(items != NULL);
    (*at)++;
    for (skip_blanks(at); **at != end; skip_blanks(at)) {
        ASSERT(n < TEST_CHILDREN_MAX);
        items[n++] = value_read(a, at);
    }
    (*at)++;
    struct value v = {.type = VALUE_LIST, .list = {items, n}};
    if (end == '>') {
        enum err err = set_sort(items, n);
        ASSERT(err == OK);
        v.type = items[0].type == VALUE_STRING   ? VALUE_STRING_SET
                 : items[0].type == VALUE_NUMBER ? VALUE_NUMBER_SET
                                                 : VALUE_BINARY_SET;
    }
    return v;
}

static inline struct value map_read(struct arena *a, const char **at)
{
    struct member *members = ARENA_ARRAY(a, struct member, TEST_CHILDREN_MAX);
    size_t n = 0;
    ASSERT(members != NULL);
    (*at)++;
    for (skip_blanks(at); **at != '}'; skip_blanks(at)) {
        ASSERT(n < TEST_CHILDREN_MAX);
        members[n].name = **at == '\'' ? quoted(at) : bare_word(at);
        ASSERT(**at == ':');
        (*at)++;
        skip_blanks(at);
        members[n++].value = value_read(a, at);
    }
    (*at)++;
    enum err err = members_sort(members, n);
    ASSERT(err == OK);
    return (struct value){.type = VALUE_MAP, .map = {members, n}};
}

static inline struct value word_value(struct bytes word)
{
    if (bytes_eq_str(word, "null")) {
        return (struct value){.type = VALUE_NULL};
    }
    if (bytes_eq_str(word, "true") || bytes_eq_str(word, "false")) {
        return (struct value){.type = VALUE_BOOL, .boolean = word.len == 4};
    }
    struct value v = {.type = VALUE_NUMBER};
    bool underflow;
    enum err err = decimal_parse(word, &v.number, &underflow);
    ASSERT(err == OK);
    return v;
}

static inline struct value value_read(struct arena *a, const char **at)
{
    skip_blanks(at);
    switch (**at) {
    case '\'':
        return (struct value){.type = VALUE_STRING, .bytes = quoted(at)};
    case '[':
        return sequence_read(a, at, ']');
    case '<':
        return sequence_read(a, at, '>');
    case '{':
        return map_read(a, at);
    default:
        break;
    }
    if ((*at)[0] == 'b' && (*at)[1] == '\'') {
        (*at)++;
        return (struct value){.type = VALUE_BINARY, .bytes = quoted(at)};
    }
    return word_value(bare_word(at));
}

static inline struct value val(struct world *w, const char *text)
{
    struct value v = value_read(&w->arena, &text);
    ASSERT(*text == '\0');
    return v;
}

/* Replaces the placeholder table: "{#n: 'name', :v: 1}". NULL: the request carried none. */
static inline void placeholders(struct world *w, const char *text)
{
    w->env.n_names = 0;
    w->env.n_values = 0;
    if (text == NULL) {
        return;
    }
    /* A ":" starts value names, so they are written without it here and the map reader is not used.
     */
    text++;
    for (skip_blanks(&text); *text != '}'; skip_blanks(&text)) {
        const char *from = text++;
        struct bytes rest = bare_word(&text);
        struct bytes name = bytes_of(from, rest.len + 1);
        ASSERT(*text == ':');
        text++;
        struct value v = value_read(&w->arena, &text);
        if (name.base[0] == '#') {
            ASSERT(w->env.n_names < TEST_PLACEHOLDERS_MAX);
            w->names[w->env.n_names++] = (struct expr_name){name, v.bytes, false};
        } else {
            ASSERT(w->env.n_values < TEST_PLACEHOLDERS_MAX);
            w->values[w->env.n_values++] = (struct expr_value){name, v, false};
        }
    }
    w->env.has_names = w->env.n_names > 0;
    w->env.has_values = w->env.n_values > 0;
}

static inline void value_put(struct buf *b, const struct value *v)
{
    char number[DOC_DECIMAL_TEXT_MAX];
    switch (v->type) {
    case VALUE_NULL:
        buf_put_str(b, "null");
        return;
    case VALUE_BOOL:
        buf_put_str(b, v->boolean ? "true" : "false");
        return;
    case VALUE_NUMBER:
        (void)decimal_text(&v->number, number); /* NUL-terminated */
        buf_put_str(b, number);
        return;
    case VALUE_STRING:
    case VALUE_BINARY:
        buf_putf(b, "%s'%.*s'", v->type == VALUE_BINARY ? "b" : "", BYTES_FMT(v->bytes));
        return;
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        buf_put_str(b, v->type == VALUE_LIST ? "[" : "<");
        for (size_t i = 0; i < v->list.n; i++) {
            buf_put_str(b, i > 0 ? ", " : "");
            value_put(b, &v->list.items[i]);
        }
        buf_put_str(b, v->type == VALUE_LIST ? "]" : ">");
        return;
    case VALUE_MAP:
        buf_put_str(b, "{");
        for (size_t i = 0; i < v->map.n; i++) {
            buf_putf(b, "%s%.*s: ", i > 0 ? ", " : "", BYTES_FMT(v->map.members[i].name));
            value_put(b, &v->map.members[i].value);
        }
        buf_put_str(b, "}");
        return;
    }
}

/* The notation of `v`, in the world's arena. */
static inline const char *show(struct world *w, const struct value *v)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    value_put(&b, v);
    const char *text = bytes_cstr(&w->arena, buf_bytes(&b));
    buf_done(&b);
    return text;
}

static inline const char *text_of(struct world *w, struct bytes b)
{
    return bytes_cstr(&w->arena, b);
}
