/* Trees without a text: another language's parser makes the nodes that parse.c would have made.
 * The same checks run over them, and conditions and updates come out that nobody can tell from
 * parsed ones.
 *
 * Operators name themselves in messages through a token, so each has one in a text of its own. */

#include "expr/ast.h"

struct expr_build {
    struct parse p;
    size_t cap; /* of p.nodes, which has one more: the spare node after an error */
};

#define OPERATOR_TEXT "=<><<=>>=+-"

static const struct token operators[] = {
    [EXPR_EQ] = {0, 1, TOKEN_EQ},
    [EXPR_NE] = {1, 3, TOKEN_NE},
    [EXPR_LT] = {3, 4, TOKEN_LT},
    [EXPR_LE] = {4, 6, TOKEN_LE},
    [EXPR_GT] = {6, 7, TOKEN_GT},
    [EXPR_GE] = {7, 9, TOKEN_GE},
};
static const struct token plus_token = {9, 10, TOKEN_PLUS};
static const struct token minus_token = {10, 11, TOKEN_MINUS};

struct expr_build *expr_build_new(struct arena *a, size_t n_nodes_max)
{
    ASSERT(n_nodes_max < UINT32_MAX);
    struct expr_build *b = ARENA_NEW(a, struct expr_build);
    if (b == NULL) {
        return NULL;
    }
    b->cap = n_nodes_max;
    b->p.arena = a;
    b->p.bare = true;
    b->p.kind = EXPR_CONDITION;
    b->p.text = BYTES_LIT(OPERATOR_TEXT);
    b->p.nodes = ARENA_ARRAY(a, struct node, n_nodes_max + 1);
    return b->p.nodes == NULL ? NULL : b;
}

static struct node *node_at(struct expr_build *b, struct expr_ref ref)
{
    ASSERT(ref.v <= b->cap);
    return &b->p.nodes[ref.v];
}

static struct expr_ref ref_of(const struct expr_build *b, const struct node *n)
{
    return (struct expr_ref){(uint32_t)(n - b->p.nodes)};
}

static struct node *node_new(struct expr_build *b, enum node_kind kind)
{
    size_t at = b->p.n_nodes;
    if (at < b->cap) {
        b->p.n_nodes++;
    } else {
        parse_fail_memory(&b->p);
        at = b->cap;
    }
    b->p.nodes[at] = (struct node){.kind = kind};
    return &b->p.nodes[at];
}

struct expr_ref expr_build_path(struct expr_build *b, const struct expr_path *path)
{
    ASSERT(path->n > 0);
    struct node *n = node_new(b, NODE_PATH);
    n->path = *path;
    return ref_of(b, n);
}

struct expr_ref expr_build_value(struct expr_build *b, const struct value *v)
{
    struct node *n = node_new(b, NODE_VALUE);
    n->value = v;
    return ref_of(b, n);
}

static struct expr_ref pair(
    struct expr_build *b,
    enum node_kind kind,
    const struct token *token,
    struct expr_ref x,
    struct expr_ref y)
{
    struct node *n = node_new(b, kind);
    n->token = token;
    n->a = node_at(b, x);
    n->b = node_at(b, y);
    return ref_of(b, n);
}

struct expr_ref expr_build_compare(
    struct expr_build *b, enum expr_cmp cmp, struct expr_ref x, struct expr_ref y)
{
    return pair(b, NODE_COMPARE, &operators[cmp], x, y);
}

struct expr_ref expr_build_between(
    struct expr_build *b, struct expr_ref x, struct expr_ref lo, struct expr_ref hi)
{
    struct expr_ref ref = pair(b, NODE_BETWEEN, NULL, x, lo);
    node_at(b, ref)->c = node_at(b, hi);
    return ref;
}

static void link_args(
    struct expr_build *b, struct node *n, const struct expr_ref *args, size_t n_args)
{
    for (size_t i = 0; i < n_args && b->p.err == OK; i++) {
        n->args = parse_list(n->args, node_at(b, args[i]));
        n->n_args++;
    }
}

struct expr_ref expr_build_in(
    struct expr_build *b, struct expr_ref x, const struct expr_ref *list, size_t n)
{
    struct node *in = node_new(b, NODE_IN);
    in->a = node_at(b, x);
    link_args(b, in, list, n);
    return ref_of(b, in);
}

struct expr_ref expr_build_not(struct expr_build *b, struct expr_ref x)
{
    struct node *n = node_new(b, NODE_NOT);
    n->a = node_at(b, x);
    return ref_of(b, n);
}

struct expr_ref expr_build_join(
    struct expr_build *b, bool is_and, struct expr_ref x, struct expr_ref y)
{
    return pair(b, is_and ? NODE_AND : NODE_OR, NULL, x, y);
}

struct expr_ref expr_build_call(
    struct expr_build *b, const char *name, const struct expr_ref *args, size_t n)
{
    struct node *call = node_new(b, NODE_CALL);
    enum function function = expr_function(bytes_str(name));
    ASSERT(function != FUNCTION_NONE);
    call->function = (uint8_t)function;
    link_args(b, call, args, n);
    return ref_of(b, call);
}

struct expr_ref expr_build_sum(
    struct expr_build *b, bool minus, struct expr_ref x, struct expr_ref y)
{
    return pair(b, NODE_ARITHMETIC, minus ? &minus_token : &plus_token, x, y);
}

struct expr_ref expr_build_next(const struct expr_build *b)
{
    return (struct expr_ref){(uint32_t)b->p.n_nodes};
}

/* The copy of a node that `p` points to; NULL when it is none of those copied. */
static struct node *moved(
    struct expr_build *b,
    const struct node *p,
    struct expr_ref first,
    struct expr_ref root,
    size_t by)
{
    bool copied = p >= &b->p.nodes[first.v] && p <= &b->p.nodes[root.v];
    return copied ? &b->p.nodes[(size_t)(p - b->p.nodes) + by] : NULL;
}

struct expr_ref expr_build_copy(struct expr_build *b, struct expr_ref first, struct expr_ref root)
{
    size_t by = b->p.n_nodes - first.v;
    for (uint32_t i = first.v; i <= root.v && b->p.err == OK; i++) {
        struct node *n = node_new(b, NODE_VALUE);
        const struct node *from = &b->p.nodes[i];
        *n = *from;
        n->a = moved(b, from->a, first, root, by);
        n->b = moved(b, from->b, first, root, by);
        n->c = moved(b, from->c, first, root, by);
        n->args = moved(b, from->args, first, root, by);
        n->next = moved(b, from->next, first, root, by);
        n->tail = moved(b, from->tail, first, root, by);
    }
    return b->p.err == OK ? (struct expr_ref){(uint32_t)(root.v + by)} : root;
}

void expr_build_action(
    struct expr_build *b,
    enum expr_action action,
    const struct expr_path *path,
    const struct expr_ref *operand)
{
    static const uint8_t sections[] = {TOKEN_SET, TOKEN_REMOVE, TOKEN_ADD, TOKEN_DELETE};
    ASSERT((operand == NULL) == (action == EXPR_ACTION_REMOVE));
    b->p.kind = EXPR_UPDATE;
    struct expr_ref target = expr_build_path(b, path);
    struct node *n = node_new(b, NODE_ACTION);
    n->function = sections[action];
    n->a = node_at(b, target);
    n->b = operand == NULL ? NULL : node_at(b, *operand);
    if (b->p.err == OK) {
        b->p.list = parse_list(b->p.list, n);
    }
}

static enum err finish(const struct parse *p, struct bytes *reterr_msg)
{
    if (p->err == ERR_INVALID) {
        *reterr_msg = p->msg;
    }
    return p->err;
}

enum err expr_build_cond(
    struct expr_build *b,
    struct expr_ref root,
    const struct expr_cond **ret,
    struct bytes *reterr_msg)
{
    struct parse *p = &b->p;
    p->root = node_at(b, root);
    if (p->err == OK) {
        check_built_condition(p);
    }
    if (p->err == OK) {
        const struct expr_cond *c = cond_compile(p);
        if (c == NULL) {
            parse_fail_memory(p);
        } else {
            *ret = c;
        }
    }
    return finish(p, reterr_msg);
}

enum err expr_build_update(
    struct expr_build *b, const struct expr_update **ret, struct bytes *reterr_msg)
{
    struct parse *p = &b->p;
    if (p->err == OK) {
        check_built_update(p);
    }
    if (p->err == OK) {
        const struct expr_update *u = update_compile(p);
        if (u == NULL) {
            parse_fail_memory(p);
        } else {
            *ret = u;
        }
    }
    return finish(p, reterr_msg);
}
