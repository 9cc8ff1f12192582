/* Key conditions: the language of conditions, of which a key can use only a little. The checks on
 * the form come first, in reading order; then the schema's.
 *
 * Most of these messages stand alone: DynamoDB puts "Invalid KeyConditionExpression: " only before
 * what its parser reports, and before the one about nested attributes. */

#include "expr/ast.h"

struct leaves {
    struct expr_key_leaf *list;
    size_t n;
};

struct expr_key_form {
    struct arena *arena;
    struct leaves leaves;
    struct bytes fault; /* what no key condition may hold, in words; base NULL: nothing */
};

static void key_fail(struct parse *p, const char *before, struct bytes quoted, const char *after)
{
    if (p->err != OK) {
        return;
    }
    p->err = ERR_INVALID;
    p->msg = bytes_fmt(p->arena, "%s%.*s%s", before, BYTES_FMT(quoted), after);
    if (p->msg.base == NULL) {
        p->err = ERR_TOO_BIG;
    }
}

static const char unusable[] = "Invalid operator used in KeyConditionExpression: ";
static const char misplaced[] = "Invalid condition in KeyConditionExpression: ";
static const char needs_first[] = " operator must have the key attribute as its first operand";

/* Refuses what no key condition may hold at node `n`, which is no AND. */
static void check_form(struct parse *p, const struct node *n)
{
    struct bytes op = token_text(p, n->token);
    if (n->kind == NODE_OR) {
        key_fail(p, unusable, BYTES_LIT("OR"), "");
    } else if (n->kind == NODE_NOT) {
        key_fail(p, unusable, BYTES_LIT("NOT"), "");
    } else if (n->kind == NODE_IN) {
        key_fail(p, unusable, BYTES_LIT("IN"), "");
    } else if (n->kind == NODE_COMPARE && n->token->kind == TOKEN_NE) {
        key_fail(p, unusable, op, "");
    } else if (n->kind == NODE_CALL && n->function != FUNCTION_BEGINS_WITH) {
        key_fail(p, unusable, op, "");
    } else if (n->kind == NODE_BETWEEN && n->a->kind != NODE_PATH) {
        key_fail(p, misplaced, BYTES_LIT("BETWEEN"), needs_first);
    } else if (n->kind == NODE_CALL && n->args->kind != NODE_PATH) {
        key_fail(p, misplaced, op, needs_first);
    }
}

/* Finds the one attribute among the operands. */
static const struct node *leaf_attribute(
    struct parse *p, const struct node *const *operands, size_t n)
{
    const struct node *attribute = NULL;
    for (size_t i = 0; i < n && p->err == OK; i++) {
        const struct node *o = operands[i];
        if (o->kind == NODE_CALL) {
            key_fail(p, "KeyConditionExpressions cannot contain nested operations", BYTES_NONE, "");
        } else if (o->kind == NODE_PATH && attribute != NULL) {
            key_fail(p, misplaced, BYTES_LIT("Multiple attribute names used in one condition"), "");
        } else if (o->kind == NODE_PATH && o->path.n > 1) {
            parse_fail(p, "KeyConditionExpressions cannot have conditions on nested attributes");
        } else if (o->kind == NODE_PATH) {
            attribute = o;
        }
    }
    if (attribute == NULL) {
        key_fail(p, misplaced, BYTES_LIT("No key attribute specified"), "");
    }
    return attribute;
}

static enum expr_range_op range_op(uint8_t token, bool swapped)
{
    switch (token) {
    case TOKEN_LT:
        return swapped ? EXPR_RANGE_GT : EXPR_RANGE_LT;
    case TOKEN_LE:
        return swapped ? EXPR_RANGE_GE : EXPR_RANGE_LE;
    case TOKEN_GT:
        return swapped ? EXPR_RANGE_LT : EXPR_RANGE_GT;
    case TOKEN_GE:
        return swapped ? EXPR_RANGE_LE : EXPR_RANGE_GE;
    default: /* a token number, not an enum: `=` is what remains after check_form() */
        return EXPR_RANGE_EQ;
    }
}

static void add_leaf(struct parse *p, struct leaves *leaves, const struct node *n)
{
    check_form(p, n);
    if (p->err != OK) {
        return;
    }
    struct expr_key_leaf leaf = {.op = EXPR_RANGE_BEGINS_WITH};
    const struct node *operands[3] = {n->a, n->b, n->c};
    if (n->kind == NODE_CALL) {
        operands[0] = n->args;
        operands[1] = n->args->next;
    }
    const struct node *attribute = leaf_attribute(p, operands, n->kind == NODE_BETWEEN ? 3 : 2);
    if (p->err != OK) {
        return;
    }
    leaf.attr = attribute->path.steps[0].name;
    bool swapped = attribute == operands[1];
    leaf.lo = operands[swapped ? 0 : 1]->value;
    if (n->kind == NODE_BETWEEN) {
        leaf.op = EXPR_RANGE_BETWEEN;
        leaf.hi = n->c->value;
    } else if (n->kind == NODE_COMPARE) {
        leaf.op = range_op(n->token->kind, swapped);
    }
    for (size_t i = 0; i < leaves->n; i++) {
        if (bytes_eq(leaves->list[i].attr, leaf.attr)) {
            key_fail(
                p,
                "KeyConditionExpressions must only contain one condition per key",
                BYTES_NONE,
                "");
            return;
        }
    }
    leaves->list[leaves->n++] = leaf;
}

/* The conditions that AND joins, in reading order. */
static void collect(struct parse *p, struct leaves *leaves)
{
    const struct node *stack[EXPR_OPERATORS_MAX + 2];
    size_t n_stack = 0;
    stack[n_stack++] = p->root;
    while (n_stack > 0 && p->err == OK) {
        const struct node *n = stack[--n_stack];
        if (n->kind == NODE_AND) {
            ASSERT(n_stack + 2 <= sizeof stack / sizeof stack[0]);
            stack[n_stack++] = n->b;
            stack[n_stack++] = n->a;
        } else {
            add_leaf(p, leaves, n);
        }
    }
}

static const struct expr_key_leaf *find_leaf(const struct leaves *leaves, struct bytes name)
{
    for (size_t i = 0; i < leaves->n; i++) {
        if (bytes_eq(leaves->list[i].attr, name)) {
            return &leaves->list[i];
        }
    }
    return NULL;
}

static void check_operand(struct parse *p, const struct value *v, const struct expr_key_attr *attr)
{
    if (v->type != attr->type) {
        key_fail(
            p,
            "One or more parameter values were invalid: Condition parameter type does not match "
            "schema type",
            BYTES_NONE,
            "");
    }
}

static void check_leaf(
    struct parse *p, const struct expr_key_leaf *l, const struct expr_key_attr *attr)
{
    check_operand(p, l->lo, attr);
    if (l->hi != NULL) {
        check_operand(p, l->hi, attr);
    }
}

static const char unsupported[] = "Query key condition not supported";
static const char missed[] = "Query condition missed key schema element: ";

static void match_schema(
    struct parse *p,
    const struct leaves *leaves,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret)
{
    const struct expr_key_leaf *hash = find_leaf(leaves, schema->hash.name);
    const struct expr_key_leaf *range = NULL;
    if (schema->range.name.base != NULL) {
        range = find_leaf(leaves, schema->range.name);
    }
    if (leaves->n > 2) {
        key_fail(p, "Conditions can be of length 1 or 2 only", BYTES_NONE, "");
    } else if (leaves->n > 1 && schema->range.name.base == NULL) {
        key_fail(p, unsupported, BYTES_NONE, "");
    } else if (hash == NULL) {
        key_fail(p, missed, schema->hash.name, "");
    } else {
        check_leaf(p, hash, &schema->hash);
    }
    if (p->err == OK && hash->op != EXPR_RANGE_EQ) {
        key_fail(p, unsupported, BYTES_NONE, "");
    }
    if (p->err == OK && leaves->n > 1 && range == NULL) {
        key_fail(p, missed, schema->range.name, "");
    }
    if (p->err == OK && range != NULL) {
        check_leaf(p, range, &schema->range);
    }
    if (p->err != OK) {
        return;
    }
    *ret = (struct expr_key_cond){.hash = *hash->lo, .op = EXPR_RANGE_ALL};
    if (range != NULL) {
        ret->op = range->op;
        ret->lo = *range->lo;
        if (range->hi != NULL) {
            ret->hi = *range->hi;
        }
    }
}

/* ---- keys of several attributes ---- */

bool expr_keys_have(const struct expr_key_schema *k, struct bytes name)
{
    for (size_t i = 0; i < expr_keys_count(k); i++) {
        if (bytes_eq(expr_keys_at(k, i)->name, name)) {
            return true;
        }
    }
    return false;
}

static bool is_wide(const struct expr_key_schema *k)
{
    return k->more != NULL;
}

/* All hash attributes have an equality. */
static void match_hashes(
    struct parse *p, const struct leaves *leaves, const struct expr_key_schema *schema)
{
    for (size_t i = 0; i < expr_keys_hashes(schema) && p->err == OK; i++) {
        const struct expr_key_attr *attr = expr_keys_at(schema, i);
        const struct expr_key_leaf *l = find_leaf(leaves, attr->name);
        if (l == NULL) {
            key_fail(p, missed, attr->name, "");
            return;
        }
        check_leaf(p, l, attr);
        if (l->op != EXPR_RANGE_EQ) {
            key_fail(p, unsupported, BYTES_NONE, "");
        }
    }
}

/* A condition on something that is no key attribute stands in the place of a key attribute. */
static void refuse_strangers(
    struct parse *p, const struct leaves *leaves, const struct expr_key_schema *schema)
{
    bool strange = false;
    for (size_t i = 0; i < leaves->n; i++) {
        strange = strange || !expr_keys_have(schema, leaves->list[i].attr);
    }
    for (size_t i = expr_keys_hashes(schema); i < expr_keys_count(schema) && strange; i++) {
        struct bytes name = expr_keys_at(schema, i)->name;
        if (find_leaf(leaves, name) == NULL) {
            key_fail(p, missed, name, "");
        }
    }
    if (strange) {
        key_fail(p, unsupported, BYTES_NONE, "");
    }
}

/* The range attributes before `last` that lack an equality. */
static void refuse_gaps(
    struct parse *p, const struct leaves *leaves, const struct expr_key_schema *schema, size_t last)
{
    struct bytes gaps = BYTES_LIT("");
    for (size_t i = expr_keys_hashes(schema); i < last && gaps.base != NULL; i++) {
        struct bytes name = expr_keys_at(schema, i)->name;
        const struct expr_key_leaf *l = find_leaf(leaves, name);
        if (l == NULL || l->op != EXPR_RANGE_EQ) {
            gaps = bytes_fmt(
                p->arena,
                "%.*s%s%.*s",
                BYTES_FMT(gaps),
                gaps.len == 0 ? "" : ", ",
                BYTES_FMT(name));
        }
    }
    if (gaps.base == NULL) {
        parse_fail_memory(p);
    } else if (gaps.len > 0) {
        struct bytes tail = bytes_fmt(
            p->arena,
            "%.*s must have equality conditions specified in the query because a condition is "
            "present on key attribute ",
            BYTES_FMT(gaps));
        struct bytes name = expr_keys_at(schema, last)->name;
        tail = bytes_fmt(p->arena, "%.*s%.*s", BYTES_FMT(tail), BYTES_FMT(name));
        key_fail(p, "RANGE key attributes ", tail, "");
    }
}

static void match_wide(
    struct parse *p,
    const struct leaves *leaves,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret)
{
    match_hashes(p, leaves, schema);
    refuse_strangers(p, leaves, schema);
    size_t last = 0; /* the last range attribute with a condition */
    for (size_t i = expr_keys_hashes(schema); i < expr_keys_count(schema) && p->err == OK; i++) {
        const struct expr_key_leaf *l = find_leaf(leaves, expr_keys_at(schema, i)->name);
        if (l != NULL) {
            check_leaf(p, l, expr_keys_at(schema, i));
            last = i;
        }
    }
    if (p->err == OK && last > 0) {
        refuse_gaps(p, leaves, schema, last);
    }
    size_t n = last > 0 ? last : expr_keys_hashes(schema);
    struct value *more = ARENA_ARRAY(p->arena, struct value, n);
    if (p->err == OK && more == NULL) {
        parse_fail_memory(p);
    }
    if (p->err != OK) {
        return;
    }
    for (size_t i = 1; i < n; i++) {
        more[i - 1] = *find_leaf(leaves, expr_keys_at(schema, i)->name)->lo;
    }
    struct bytes first = expr_keys_at(schema, 0)->name;
    *ret = (struct expr_key_cond){
        .hash = *find_leaf(leaves, first)->lo,
        .more = more,
        .n_more = n - 1,
        .op = EXPR_RANGE_ALL,
    };
    if (last > 0) {
        const struct expr_key_leaf *l = find_leaf(leaves, expr_keys_at(schema, last)->name);
        ret->op = l->op;
        ret->lo = *l->lo;
        ret->hi = l->hi == NULL ? ret->hi : *l->hi;
    }
}

enum err expr_key_cond_match(
    struct arena *a,
    const struct expr_key_schema *schema,
    const struct expr_key_leaf *leaves,
    size_t n,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg)
{
    ASSERT(is_wide(schema));
    struct parse p = {.arena = a};
    struct leaves all = {(struct expr_key_leaf *)(uintptr_t)leaves, n}; /* only read */
    match_wide(&p, &all, schema, ret);
    if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}

static const struct expr_key_form *form_done(
    struct parse *p, const struct leaves *leaves, enum err *ret)
{
    struct expr_key_form *form = ARENA_NEW(p->arena, struct expr_key_form);
    if (form == NULL) {
        *ret = ERR_TOO_BIG;
        return NULL;
    }
    *form = (struct expr_key_form){.arena = p->arena, .leaves = *leaves, .fault = BYTES_NONE};
    if (p->err == ERR_INVALID) {
        form->fault = p->msg;
    }
    *ret = OK;
    return form;
}

enum err expr_key_form_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_key_form **ret,
    struct bytes *reterr_msg)
{
    struct parse p;
    struct leaves leaves = {0};
    if (parse_text(&p, a, EXPR_KEY_CONDITION, text, env) == OK) {
        check_condition(&p);
    }
    if (p.err == OK) {
        leaves.list = ARENA_ARRAY(a, struct expr_key_leaf, p.n_nodes);
        if (leaves.list == NULL) {
            parse_fail_memory(&p);
        }
    }
    enum err err = p.err;
    if (err == OK) {
        collect(&p, &leaves);
        err = p.err == ERR_TOO_BIG ? ERR_TOO_BIG : OK;
    }
    if (err == OK) {
        *ret = form_done(&p, &leaves, &err);
    }
    parse_done(&p);
    if (err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return err;
}

struct bytes expr_key_form_fault(const struct expr_key_form *form)
{
    return form->fault;
}

enum err expr_key_form_match(
    const struct expr_key_form *form,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg)
{
    ASSERT(form->fault.base == NULL);
    struct parse p = {.arena = form->arena, .kind = EXPR_KEY_CONDITION};
    (is_wide(schema) ? match_wide : match_schema)(&p, &form->leaves, schema, ret);
    if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}

enum err expr_key_cond_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg)
{
    const struct expr_key_form *form;
    enum err err = expr_key_form_parse(a, text, env, &form, reterr_msg);
    if (err != OK) {
        return err;
    }
    if (form->fault.base != NULL) {
        *reterr_msg = form->fault;
        return ERR_INVALID;
    }
    return expr_key_form_match(form, schema, ret, reterr_msg);
}
