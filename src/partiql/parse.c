/* From text to nodes: the scanner, the generated parser and the makers of nodes its actions call;
 * and the order in which what is wrong with a statement is found: syntax, what DynamoDB does not
 * take at all, the number of parameters, then literals, paths and clauses.
 *
 * Invariants: p->err never changes once set, so the first error found is the one reported; node
 * makers never return NULL, so the grammar's actions need no checks (after an error they share a
 * spare node, which nobody looks at). */

#include <stdio.h>

#include "partiql/ast.h"

struct bytes pq_vfmt(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(len >= 0);
    char *text = arena_alloc(a, (size_t)len + 1);
    if (text == NULL) {
        return BYTES_NONE;
    }
    (void)vsnprintf(text, (size_t)len + 1, fmt, args); /* measured above */
    return bytes_of(text, (size_t)len);
}

void pq_fail_memory(struct pq_parse *p)
{
    if (p->err == OK) {
        p->err = ERR_TOO_BIG;
    }
}

void pq_fail(struct pq_parse *p, const char *fmt, ...)
{
    if (p->err != OK) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    p->msg = pq_vfmt(p->arena, fmt, args);
    va_end(args);
    p->err = p->msg.base == NULL ? ERR_TOO_BIG : ERR_INVALID;
}

void pq_fail_syntax(struct pq_parse *p, const char *what)
{
    pq_fail(p, "Statement wasn't well formed, can't be processed: %s", what);
}

void pq_refuse(struct pq_parse *p, const char *why)
{
    if (p->refusal == NULL) {
        p->refusal = why;
    }
}

/* ---- nodes ---- */

struct partiql_node *pq_node(struct pq_parse *p, enum pq_kind kind, const struct pq_tok *t)
{
    struct partiql_node *n = &p->nodes[p->n_nodes];
    if (p->err == OK) {
        ASSERT(p->n_nodes < p->n_tokens);
        p->n_nodes++;
    }
    *n = (struct partiql_node){.kind = kind, .tok = t, .end = t + 1};
    return n;
}

struct partiql_node *pq_pair(
    struct pq_parse *p,
    enum pq_kind kind,
    const struct pq_tok *t,
    struct partiql_node *a,
    struct partiql_node *b)
{
    struct partiql_node *n = pq_node(p, kind, t);
    n->a = a;
    n->b = b;
    return n;
}

struct bytes pq_unquoted(struct arena *a, struct bytes quoted)
{
    uint8_t quote = quoted.base[0];
    if (quote != '"' && quote != '\'') {
        return quoted;
    }
    struct bytes inner = bytes_of(quoted.base + 1, quoted.len - 2);
    if (memchr(inner.base, quote, inner.len) == NULL) {
        return inner;
    }
    uint8_t *to = arena_alloc(a, inner.len);
    if (to == NULL) {
        return BYTES_NONE;
    }
    size_t n = 0;
    for (size_t i = 0; i < inner.len; i++) {
        to[n++] = inner.base[i];
        i += inner.base[i] == quote; /* two of them stand for one */
    }
    return bytes_of(to, n);
}

static struct bytes ident_text(struct pq_parse *p, const struct pq_tok *t)
{
    struct bytes text = pq_unquoted(p->arena, pq_text(p->text, t));
    if (text.base == NULL) {
        pq_fail_memory(p);
    } else if (text.len == 0) {
        pq_refuse(p, "Path component cannot be an empty string");
    }
    return text;
}

struct partiql_node *pq_name(struct pq_parse *p, const struct pq_tok *t)
{
    struct partiql_node *n = pq_node(p, PQN_NAME, t);
    n->name = ident_text(p, t);
    return n;
}

struct partiql_node *pq_literal(struct pq_parse *p, const struct pq_tok *t)
{
    struct partiql_node *n = pq_node(p, PQN_LITERAL, t);
    if (t->kind == PQ_PARAM) {
        n->is_param = true;
        if (p->n_params_used < p->n_params) {
            n->value = &p->params[p->n_params_used];
        }
        p->n_params_used++;
    }
    return n;
}

static struct partiql_node *add_step(
    struct pq_parse *p,
    struct partiql_node *path,
    struct partiql_node *step,
    const struct pq_tok *last)
{
    if (path->kind != PQN_NAME) {
        pq_refuse(p, "Unexpected path component");
    }
    path->args = pq_list(path->args, step);
    path->n_args++;
    path->end = last + 1;
    return path;
}

struct partiql_node *pq_step_name(
    struct pq_parse *p, struct partiql_node *path, const struct pq_tok *t)
{
    struct partiql_node *step = pq_node(p, PQN_STEP, t);
    step->name = ident_text(p, t);
    return add_step(p, path, step, t);
}

struct partiql_node *pq_step_index(
    struct pq_parse *p, struct partiql_node *path, struct partiql_node *x, const struct pq_tok *t)
{
    struct partiql_node *step = pq_node(p, PQN_STEP, x->tok);
    step->a = x;
    return add_step(p, path, step, t);
}

struct partiql_node *pq_list(struct partiql_node *list, struct partiql_node *n)
{
    n->next = NULL;
    if (list == NULL) {
        n->tail = n;
        return n;
    }
    if (list->tail != n) { /* the spare node is its own list */
        list->tail->next = n;
        list->tail = n;
    }
    return list;
}

struct partiql_node *pq_container(
    struct pq_parse *p, enum pq_kind kind, const struct pq_tok *t, struct partiql_node *list)
{
    struct partiql_node *n = pq_node(p, kind, t);
    if (p->err != OK) {
        return n;
    }
    if (kind == PQN_CALL) {
        n->name = ident_text(p, t);
    }
    n->args = list;
    for (struct partiql_node *x = list; x != NULL; x = x->next) {
        ASSERT(n->n_args < p->n_tokens);
        struct partiql_node *member = x->kind == PQN_MEMBER ? x->b : x;
        member->up = n;
        member->key = x->kind == PQN_MEMBER ? x->a : NULL;
        member->at = n->n_args++;
    }
    return n;
}

void pq_put_position(struct buf *b, struct bytes text, const struct pq_tok *t)
{
    size_t line = 1;
    size_t column = 1;
    for (size_t i = 0; i < t->start; i++) {
        bool continues = (text.base[i] & 0xC0) == 0x80;
        column = text.base[i] == '\n' ? 1 : column + !continues;
        line += text.base[i] == '\n';
    }
    buf_putf(b, "%zu:%zu:%zu", line, column, utf8_length(pq_text(text, t)));
}

/* ---- the whole statement ---- */

/* What does not begin as a statement. The parser that DynamoDB uses takes it for an expression
 * first, and one that goes on with "* FROM" for a product with the beginning of another statement.
 */
static void check_beginning(struct pq_parse *p)
{
    const struct pq_tok *t = p->tokens;
    while (t->kind == PQ_NOT || t->kind == PQ_PLUS || t->kind == PQ_MINUS) {
        t++;
    }
    bool named = t->kind == PQ_ID || t->kind == PQ_QUOTED || t->kind == PQ_STRING ||
                 t->kind == PQ_NUMBER || t->kind == PQ_PARAM;
    if (!named && t->kind != PQ_SET && t->kind != PQ_REMOVE && t->kind != PQ_FROM) {
        return; /* the grammar's business */
    }
    bool whole = named && t[1].kind != PQ_END && t[1].kind != PQ_STAR && t[1].kind != PQ_SEMICOLON;
    pq_fail_syntax(p, whole ? "Unexpected token after expression" : "Expected data manipulation");
}

static void parse_tokens(struct pq_parse *p)
{
    p->tokens = ARENA_ARRAY(p->arena, struct pq_tok, p->text.len + 1);
    if (p->tokens == NULL) {
        pq_fail_memory(p);
        return;
    }
    p->n_tokens = pq_scan(p->text, p->tokens);
    if (p->tokens[p->n_tokens - 1].kind == PQ_WRONG) {
        pq_fail_syntax(p, "");
        return;
    }
    p->nodes = ARENA_ARRAY(p->arena, struct partiql_node, p->n_tokens + 1);
    p->opens = ARENA_ARRAY(p->arena, uint8_t, p->n_tokens);
    if (p->nodes == NULL || p->opens == NULL) {
        pq_fail_memory(p);
        return;
    }
    check_beginning(p);
    if (p->err == OK) {
        pq_grammar_run(p);
    }
    if (p->err == OK && p->refusal != NULL) {
        pq_fail(p, "%s", p->refusal);
    }
    if (p->err == OK && p->n_params_used != p->n_params) {
        pq_fail(p, "Number of parameters in request and statement don't match.");
    }
}

enum err partiql_parse(
    struct arena *a,
    struct bytes text,
    const struct value *params,
    size_t n_params,
    struct partiql_stmt *ret,
    struct bytes *reterr_msg)
{
    struct partiql_stmt stmt = {.text = text};
    struct pq_parse p = {
        .arena = a, .text = text, .params = params, .n_params = n_params, .stmt = &stmt};
    if (text.len > PARTIQL_BYTES_MAX) {
        pq_fail(&p, "Member must have length less than or equal to 8192");
    } else {
        parse_tokens(&p);
    }
    if (p.err == OK) {
        pq_literals_make(&p);
    }
    if (p.err == OK) {
        pq_resolve(&p);
    }
    if (p.err == OK) {
        *ret = stmt;
    } else if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}
