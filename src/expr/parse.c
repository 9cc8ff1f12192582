/* From text to nodes: limits that need no grammar, the scanner, the generated parser, and the
 * makers of nodes its actions call. Also the one place that words this room's errors.
 *
 * Invariants: p->err never changes once set, so the first error found is the one reported; node
 * makers never return NULL, so the grammar's actions need no checks (after an error they share a
 * spare node, which nobody looks at).
 *
 * DynamoDB reports redundant parentheses only for a text that parses, and before anything about
 * names. */

#include <stdarg.h>
#include <stdio.h>

#include "expr/ast.h"

enum {
    NODES_MAX = EXPR_BYTES_MAX + 1,
};

static const char *kind_name(enum expr_kind kind)
{
    switch (kind) {
    case EXPR_CONDITION:
        return "ConditionExpression";
    case EXPR_FILTER:
        return "FilterExpression";
    case EXPR_KEY_CONDITION:
        return "KeyConditionExpression";
    case EXPR_PROJECTION:
        return "ProjectionExpression";
    case EXPR_UPDATE:
        return "UpdateExpression";
    }
    UNREACHABLE();
}

void parse_fail_memory(struct parse *p)
{
    if (p->err == OK) {
        p->err = ERR_TOO_BIG;
    }
}

void parse_fail(struct parse *p, const char *fmt, ...)
{
    if (p->err != OK) {
        return;
    }
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    if (!p->bare) {
        buf_putf(&b, "Invalid %s: ", kind_name(p->kind));
    }
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    uint8_t *to = buf_reserve(&b, (size_t)len + 1);
    if (to != NULL) {
        (void)vsnprintf((char *)to, (size_t)len + 1, fmt, again); /* the same length again */
        b.len += (size_t)len;
    }
    va_end(again);
    p->err = ERR_INVALID;
    p->msg = bytes_dup(p->arena, buf_bytes(&b));
    if (b.err != OK || p->msg.base == NULL) {
        p->err = ERR_TOO_BIG;
    }
    buf_done(&b);
}

/* Quotes the token and its neighbours as written: from the one before to the one after. */
void parse_syntax_error(struct parse *p, const struct token *t)
{
    const struct token *last = p->tokens + p->n_tokens - 1;
    size_t from = t > p->tokens ? t[-1].start : t->start;
    size_t to = t < last && t[1].kind != TOKEN_END ? t[1].end : t->end;
    struct bytes near = bytes_of(p->text.base + from, to - from);
    struct bytes token = t->kind == TOKEN_END ? BYTES_LIT("<EOF>") : token_text(p, t);
    parse_fail(
        p, "Syntax error; token: \"%.*s\", near: \"%.*s\"", BYTES_FMT(token), BYTES_FMT(near));
}

struct node *parse_node(
    struct parse *p, enum node_kind kind, const struct token *t, struct node *a, struct node *b)
{
    struct node *n = &p->nodes[p->n_nodes];
    if (p->err == OK) {
        ASSERT(p->n_nodes < p->n_tokens);
        p->n_nodes++;
    }
    *n = (struct node){.kind = kind, .token = t, .a = a, .b = b};
    if (kind == NODE_CALL_HEAD) {
        n->function = (uint8_t)expr_function(token_text(p, t));
    }
    return n;
}

struct node *parse_path(struct parse *p, const struct token *t)
{
    struct node *n = parse_node(p, NODE_PATH, t, NULL, NULL);
    n->end = t + 1;
    return n;
}

struct node *parse_parens(struct parse *p, struct node *n)
{
    if (n->in_parens) {
        p->redundant_parens = true;
    }
    n->in_parens = true;
    return n;
}

struct node *parse_list(struct node *list, struct node *n)
{
    n->next = NULL;
    if (list == NULL) {
        n->tail = n;
        return n;
    }
    if (list->tail != n) {
        list->tail->next = n;
        list->tail = n;
    }
    return list;
}

static uint32_t list_count(const struct node *list)
{
    uint32_t n = 0;
    for (; list != NULL; list = list->next) {
        n++;
        ASSERT(n <= NODES_MAX);
    }
    return n;
}

struct node *parse_call(struct parse *p, struct node *head, struct node *args)
{
    struct node *n = parse_node(p, NODE_CALL, head->token, head, NULL);
    if (p->err != OK) {
        return n;
    }
    n->args = args;
    n->n_args = list_count(args);
    n->function = head->function;
    head->n_args = n->n_args;
    if (head->function == FUNCTION_LIST_APPEND) {
        for (struct node *arg = args; arg != NULL; arg = arg->next) {
            if (arg->kind == NODE_CALL) {
                arg->a->in_list_append = true;
            }
        }
    }
    return n;
}

struct node *parse_between(
    struct parse *p, const struct token *t, struct node *x, struct node *lo, struct node *hi)
{
    struct node *n = parse_node(p, NODE_BETWEEN, t, x, lo);
    n->c = hi;
    return n;
}

struct node *parse_in(struct parse *p, const struct token *t, struct node *x, struct node *list)
{
    struct node *n = parse_node(p, NODE_IN, t, x, NULL);
    if (p->err == OK) {
        n->args = list;
        n->n_args = list_count(list);
    }
    return n;
}

struct node *parse_action(
    struct parse *p, enum token_kind section, struct node *path, struct node *v)
{
    struct node *n = parse_node(p, NODE_ACTION, path->token, path, v);
    n->function = (uint8_t)section;
    return n;
}

void parse_section(struct parse *p, const struct token *t, struct node *actions)
{
    if (p->err != OK) {
        return;
    }
    size_t section = (size_t)(t->kind - TOKEN_SET);
    ASSERT(section < 4);
    if (p->sections[section] && p->repeated_section == NULL) {
        p->repeated_section = t;
    }
    p->sections[section] = true;
    if (p->list == NULL) {
        p->list = actions;
    } else {
        p->list->tail->next = actions;
        p->list->tail = actions->tail;
    }
}

static enum err parse_tokens(struct parse *p)
{
    p->tokens = ARENA_ARRAY(p->arena, struct token, p->text.len + 1);
    if (p->tokens == NULL) {
        parse_fail_memory(p);
        return p->err;
    }
    p->n_tokens = expr_scan(p->text, p->tokens);
    ASSERT(p->n_tokens <= p->text.len + 1);
    p->nodes = ARENA_ARRAY(p->arena, struct node, p->n_tokens + 1);
    if (p->nodes == NULL) {
        parse_fail_memory(p);
        return p->err;
    }
    expr_grammar_run(p);
    return p->err;
}

enum err parse_text(
    struct parse *p, struct arena *a, enum expr_kind kind, struct bytes text, struct expr_env *env)
{
    *p = (struct parse){.arena = a, .kind = kind, .text = text, .env = env};
    map_init(&p->names.map);
    map_init(&p->values.map);
    if (text.len == 0) {
        parse_fail(p, "The expression can not be empty;");
        return p->err;
    }
    if (text.len > EXPR_BYTES_MAX) {
        parse_fail(
            p,
            "Expression size has exceeded the maximum allowed size; expression size: %zu",
            text.len);
        return p->err;
    }
    if (parse_tokens(p) == OK && p->redundant_parens) {
        parse_fail(p, "The expression has redundant parentheses;");
    }
    return p->err;
}

void parse_done(struct parse *p)
{
    map_done(&p->names.map);
    map_done(&p->values.map);
}

static enum err unused_error(
    struct arena *a, const char *parameter, struct bytes keys, struct bytes *reterr_msg)
{
    struct bytes msg = bytes_fmt(
        a, "Value provided in %s unused in expressions: keys: {%.*s}", parameter, BYTES_FMT(keys));
    if (msg.base == NULL) {
        return ERR_TOO_BIG;
    }
    *reterr_msg = msg;
    return ERR_INVALID;
}

static void put_key(struct buf *b, struct bytes key)
{
    if (b->len > 0) {
        buf_put_str(b, ", ");
    }
    buf_put_bytes(b, key);
}

enum err expr_env_unused(struct arena *a, const struct expr_env *env, struct bytes *reterr_msg)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 4 * EXPR_SUBSTITUTION_BYTES_MAX);
    enum err err = OK;
    for (size_t i = 0; i < env->n_names; i++) {
        if (!env->names[i].used) {
            put_key(&b, env->names[i].placeholder);
        }
    }
    if (b.len > 0) {
        err = unused_error(a, "ExpressionAttributeNames", buf_bytes(&b), reterr_msg);
    } else {
        for (size_t i = 0; i < env->n_values; i++) {
            if (!env->values[i].used) {
                put_key(&b, env->values[i].placeholder);
            }
        }
        if (b.len > 0) {
            err = unused_error(a, "ExpressionAttributeValues", buf_bytes(&b), reterr_msg);
        }
    }
    buf_done(&b);
    return err;
}
