/* Key conditions: the language of conditions, of which a key can use only a little. The checks on
 * the form come first, in reading order; then the schema's.
 *
 * Most of these messages stand alone: DynamoDB puts "Invalid KeyConditionExpression: " only before
 * what its parser reports, and before the one about nested attributes. */

#include "expr/ast.h"

struct leaf {
    const struct node *attribute;
    enum expr_range_op op;
    const struct value *lo;
    const struct value *hi; /* NULL but for BETWEEN */
};

struct leaves {
    struct leaf *list;
    size_t n;
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
    struct leaf leaf = {.op = EXPR_RANGE_BEGINS_WITH};
    const struct node *operands[3] = {n->a, n->b, n->c};
    if (n->kind == NODE_CALL) {
        operands[0] = n->args;
        operands[1] = n->args->next;
    }
    leaf.attribute = leaf_attribute(p, operands, n->kind == NODE_BETWEEN ? 3 : 2);
    if (p->err != OK) {
        return;
    }
    bool swapped = leaf.attribute == operands[1];
    leaf.lo = operands[swapped ? 0 : 1]->value;
    if (n->kind == NODE_BETWEEN) {
        leaf.op = EXPR_RANGE_BETWEEN;
        leaf.hi = n->c->value;
    } else if (n->kind == NODE_COMPARE) {
        leaf.op = range_op(n->token->kind, swapped);
    }
    struct bytes name = leaf.attribute->path.steps[0].name;
    for (size_t i = 0; i < leaves->n; i++) {
        if (bytes_eq(leaves->list[i].attribute->path.steps[0].name, name)) {
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

static const struct leaf *find_leaf(const struct leaves *leaves, struct bytes name)
{
    for (size_t i = 0; i < leaves->n; i++) {
        if (bytes_eq(leaves->list[i].attribute->path.steps[0].name, name)) {
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
    } else if (v->type != VALUE_NUMBER && v->bytes.len == 0) {
        key_fail(
            p,
            v->type == VALUE_STRING
                ? "One or more parameter values are not valid. The AttributeValue for a key "
                  "attribute cannot contain an empty string value. Key: "
                : "One or more parameter values are not valid. The AttributeValue for a key "
                  "attribute cannot contain an empty binary value. Key: ",
            attr->name,
            "");
    }
}

static void check_leaf(struct parse *p, const struct leaf *l, const struct expr_key_attr *attr)
{
    check_operand(p, l->lo, attr);
    if (l->hi != NULL) {
        check_operand(p, l->hi, attr);
    }
}

static void match_schema(
    struct parse *p,
    const struct leaves *leaves,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret)
{
    static const char unsupported[] = "Query key condition not supported";
    static const char missed[] = "Query condition missed key schema element: ";
    const struct leaf *hash = find_leaf(leaves, schema->hash.name);
    const struct leaf *range = NULL;
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

enum err expr_key_cond_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg)
{
    struct parse p;
    struct leaves leaves = {0};
    if (parse_text(&p, a, EXPR_KEY_CONDITION, text, env) == OK) {
        check_condition(&p);
    }
    if (p.err == OK) {
        leaves.list = ARENA_ARRAY(a, struct leaf, p.n_nodes);
        if (leaves.list == NULL) {
            parse_fail_memory(&p);
        }
    }
    if (p.err == OK) {
        collect(&p, &leaves);
    }
    if (p.err == OK) {
        match_schema(&p, &leaves, schema, ret);
    }
    parse_done(&p);
    if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}
