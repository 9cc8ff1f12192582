/* A WHERE clause as a condition of the room expr. Nodes are lowered in the order of their making,
 * so operands come before what takes them, and each ends as one of a few classes: something that
 * stands for a value, something that stands for truth, or the list behind IN.
 *
 * A predicate may be compared with a truth literal, as in "contains(a, 'x') = false", which is then
 * the predicate or its opposite, and with an attribute or another predicate, which takes two copies
 * of each: both hold, or neither does. */

#include <strings.h>

#include "partiql/ast.h"

void pq_lower_fail(struct pq_lower *l, const char *fmt, ...)
{
    if (l->err != OK) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    l->msg = pq_vfmt(l->arena, fmt, args);
    va_end(args);
    l->err = l->msg.base == NULL ? ERR_TOO_BIG : ERR_INVALID;
}

static void fail_operator(struct pq_lower *l, const struct partiql_node *n)
{
    pq_lower_fail(
        l,
        "Unsupported operator in Condition Expression. Operator: %.*s",
        BYTES_FMT(pq_text(l->stmt->text, n->tok)));
}

static void fail_truth_operand(struct pq_lower *l, struct bytes op)
{
    pq_lower_fail(
        l,
        "Incorrect operand type for operator or function; operator or function: %.*s, operand "
        "type: BOOL",
        BYTES_FMT(op));
}

/* ---- leaves ---- */

static void lower_literal(struct pq_lower *l, struct partiql_node *n)
{
    if (n->value == NULL) {
        return; /* a list for IN, or a fault that is told where a value is wanted */
    }
    n->ref = expr_build_value(l->build, n->value);
    bool truth = n->kind == PQN_LITERAL && n->value->type == VALUE_BOOL;
    n->cls = truth ? PQC_TRUTH : PQC_OPERAND;
}

static bool is_operand(const struct partiql_node *n)
{
    return n->cls == PQC_OPERAND || n->cls == PQC_TRUTH;
}

/* The node has to stand for a value. */
static bool want_operand(struct pq_lower *l, const struct partiql_node *n)
{
    if (is_operand(n) || l->err != OK) {
        return l->err == OK;
    }
    if (n->kind == PQN_MISSING) {
        pq_lower_fail(l, "MISSING must be compared using IS operator");
    } else if (pq_is_literal(n)) {
        struct bytes msg;
        enum err err = pq_literal_fault(l->arena, l->stmt, n, &msg);
        if (err == OK) {
            pq_lower_fail(l, "%.*s", BYTES_FMT(msg));
        } else {
            l->err = err;
        }
    } else {
        fail_operator(l, n);
    }
    return false;
}

/* ---- functions ---- */

static const char *const predicates[] = {
    "attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains"};

static const char *function_named(struct bytes name, bool *ret_predicate)
{
    *ret_predicate = true;
    for (size_t i = 0; i < sizeof predicates / sizeof predicates[0]; i++) {
        if (strlen(predicates[i]) == name.len &&
            strncasecmp(predicates[i], (const char *)name.base, name.len) == 0) {
            return predicates[i];
        }
    }
    *ret_predicate = false;
    return name.len == 4 && strncasecmp("size", (const char *)name.base, 4) == 0 ? "size" : NULL;
}

static void lower_call(struct pq_lower *l, struct partiql_node *n)
{
    bool predicate;
    const char *name = function_named(n->name, &predicate);
    if (name == NULL) {
        pq_lower_fail(l, "Unrecognized function: %.*s", BYTES_FMT(n->name));
        return;
    }
    struct expr_ref *args = ARENA_ARRAY(l->arena, struct expr_ref, n->n_args);
    if (args == NULL) {
        l->err = ERR_TOO_BIG;
        return;
    }
    size_t i = 0;
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        if (!want_operand(l, x)) {
            return;
        }
        args[i++] = x->ref;
    }
    n->ref = expr_build_call(l->build, name, args, i);
    n->cls = predicate ? PQC_PREDICATE : PQC_OPERAND;
}

/* ---- comparisons ---- */

static struct expr_ref negated_if(struct pq_lower *l, bool negated, struct expr_ref ref)
{
    return negated ? expr_build_not(l->build, ref) : ref;
}

/* What always or never holds. */
static struct expr_ref constant(struct pq_lower *l, bool holds)
{
    static const struct value truth = {.type = VALUE_BOOL, .boolean = true};
    struct expr_ref x = expr_build_value(l->build, &truth);
    struct expr_ref y = expr_build_value(l->build, &truth);
    return expr_build_compare(l->build, holds ? EXPR_EQ : EXPR_NE, x, y);
}

/* `predicate = value`: the predicate itself, its opposite, or, with a value that is no truth,
 * nothing. */
static struct expr_ref truth_is(
    struct pq_lower *l, const struct partiql_node *predicate, const struct value *v)
{
    if (v->type != VALUE_BOOL) {
        return constant(l, false);
    }
    return negated_if(l, !v->boolean, predicate->ref);
}

/* A second tree of what `n` has become. */
static struct expr_ref again(struct pq_lower *l, const struct partiql_node *n)
{
    return expr_build_copy(l->build, n->first, n->ref);
}

/* `path = true` or `path = false`. */
static struct expr_ref path_is(struct pq_lower *l, const struct partiql_node *path, bool truth)
{
    static const struct value truths[] = {
        {.type = VALUE_BOOL, .boolean = false}, {.type = VALUE_BOOL, .boolean = true}};
    struct expr_ref x = expr_build_path(l->build, &path->path);
    return expr_build_compare(l->build, EXPR_EQ, x, expr_build_value(l->build, &truths[truth]));
}

/* Two things that are true or false are equal when both hold or neither does. */
static struct expr_ref truths_equal(
    struct pq_lower *l, const struct partiql_node *predicate, const struct partiql_node *other)
{
    bool path = other->cls == PQC_OPERAND;
    struct expr_ref y = path ? path_is(l, other, true) : other->ref;
    struct expr_ref both = expr_build_join(l->build, /* is_and= */ true, predicate->ref, y);
    struct expr_ref x = expr_build_not(l->build, again(l, predicate));
    y = path ? path_is(l, other, false) : expr_build_not(l->build, again(l, other));
    struct expr_ref neither = expr_build_join(l->build, /* is_and= */ true, x, y);
    return expr_build_join(l->build, /* is_and= */ false, both, neither);
}

static enum expr_cmp cmp_of(const struct partiql_node *n)
{
    static const enum expr_cmp cmps[] = {EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE};
    ASSERT(n->tok->kind >= PQ_EQ);
    ASSERT(n->tok->kind <= PQ_GE);
    return cmps[n->tok->kind - PQ_EQ];
}

static void lower_truth_compare(struct pq_lower *l, struct partiql_node *n)
{
    enum expr_cmp cmp = cmp_of(n);
    const struct partiql_node *predicate = n->a->cls == PQC_PREDICATE ? n->a : n->b;
    const struct partiql_node *other = predicate == n->a ? n->b : n->a;
    if (cmp != EXPR_EQ && cmp != EXPR_NE) {
        fail_truth_operand(l, pq_text(l->stmt->text, n->tok));
    } else if (other->value != NULL) {
        n->ref = negated_if(l, cmp == EXPR_NE, truth_is(l, predicate, other->value));
    } else if (other->kind == PQN_NAME || other->cls == PQC_PREDICATE) {
        n->ref = negated_if(l, cmp == EXPR_NE, truths_equal(l, predicate, other));
    } else {
        fail_operator(l, n);
    }
}

static void lower_compare(struct pq_lower *l, struct partiql_node *n)
{
    n->cls = PQC_PREDICATE;
    if (n->a->cls == PQC_PREDICATE || n->b->cls == PQC_PREDICATE) {
        lower_truth_compare(l, n);
    } else if (want_operand(l, n->a) && want_operand(l, n->b)) {
        n->ref = expr_build_compare(l->build, cmp_of(n), n->a->ref, n->b->ref);
    }
}

static void lower_between(struct pq_lower *l, struct partiql_node *n)
{
    n->cls = PQC_PREDICATE;
    if (n->a->cls == PQC_PREDICATE) {
        fail_truth_operand(l, BYTES_LIT("BETWEEN"));
    } else if (want_operand(l, n->a) && want_operand(l, n->b) && want_operand(l, n->c)) {
        struct expr_ref ref = expr_build_between(l->build, n->a->ref, n->b->ref, n->c->ref);
        n->ref = negated_if(l, n->negated, ref);
    }
}

/* A predicate in a list of truths holds when it is true and true is listed, or likewise false. */
static void lower_truth_in(struct pq_lower *l, struct partiql_node *n)
{
    bool listed[2] = {false, false};
    for (const struct partiql_node *x = n->b->args; x != NULL; x = x->next) {
        if (x->value == NULL) {
            fail_operator(l, n);
            return;
        }
        if (x->value->type == VALUE_BOOL) {
            listed[x->value->boolean] = true;
        }
    }
    n->ref = listed[0] == listed[1] ? constant(l, listed[0]) : negated_if(l, listed[0], n->a->ref);
    n->ref = negated_if(l, n->negated, n->ref);
}

static void lower_in(struct pq_lower *l, struct partiql_node *n)
{
    n->cls = PQC_PREDICATE;
    const struct partiql_node *list;
    size_t n_list = pq_in_list(n, &list);
    if (n_list == 0) {
        pq_lower_fail(
            l,
            "IN operator must have a left hand argument of type Variable Reference and right hand "
            "argument of type Seq with at least one member");
        return;
    }
    if (n->a->cls == PQC_PREDICATE && n->b->kind == PQN_LIST) {
        lower_truth_in(l, n);
        return;
    }
    struct expr_ref *refs = ARENA_ARRAY(l->arena, struct expr_ref, n_list);
    if (refs == NULL) {
        l->err = ERR_TOO_BIG;
        return;
    }
    if (!want_operand(l, n->a)) {
        return;
    }
    for (size_t i = 0; i < n_list; i++) {
        if (!want_operand(l, list)) {
            return;
        }
        refs[i] = list->ref;
        list = list->next;
    }
    n->ref = negated_if(l, n->negated, expr_build_in(l->build, n->a->ref, refs, n_list));
}

/* ---- IS ---- */

/* The type a word of IS stands for; NULL: none that DynamoDB has. */
static const struct value *type_value(struct bytes word)
{
    static const struct {
        const char *word;
        struct value tag;
    } types[] = {
        {"null", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"NULL", 4}}},
        {"boolean", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"BOOL", 4}}},
        {"bool", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"BOOL", 4}}},
        {"blob", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"B", 1}}},
        {"string", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"S", 1}}},
        {"numeric", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"N", 1}}},
        {"struct", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"M", 1}}},
        {"tuple", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"M", 1}}},
        {"list", {.type = VALUE_STRING, .bytes = {(const uint8_t *)"L", 1}}},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strlen(types[i].word) == word.len &&
            strncasecmp(types[i].word, (const char *)word.base, word.len) == 0) {
            return &types[i].tag;
        }
    }
    return NULL;
}

static void fail_type(struct pq_lower *l, struct bytes word)
{
    char upper[32] = {0};
    for (size_t i = 0; i < word.len && i + 1 < sizeof upper; i++) {
        bool letter = word.base[i] >= 'a' && word.base[i] <= 'z';
        upper[i] = (char)(letter ? word.base[i] - 0x20 : word.base[i]);
    }
    pq_lower_fail(
        l,
        "Unsupported data type for IS operator: %s. Supported data types are [MISSING, NULL, "
        "BOOLEAN, BLOB, STRING, NUMERIC, STRUCT, TUPLE, LIST]",
        upper);
}

static void lower_is(struct pq_lower *l, struct partiql_node *n)
{
    n->cls = PQC_PREDICATE;
    struct bytes word = pq_text(l->stmt->text, n->end);
    if (n->a->kind != PQN_NAME) {
        pq_lower_fail(
            l, "The left hand side argument to IS must be a Variable Reference, Literal, or Path");
        return;
    }
    if (n->end->kind == PQ_MISSING) {
        const char *name = n->negated ? "attribute_exists" : "attribute_not_exists";
        n->ref = expr_build_call(l->build, name, &n->a->ref, 1);
        return;
    }
    const struct value *type = type_value(word);
    if (type == NULL) {
        fail_type(l, word);
        return;
    }
    struct expr_ref args[] = {n->a->ref, expr_build_value(l->build, type)};
    n->ref = negated_if(l, n->negated, expr_build_call(l->build, "attribute_type", args, 2));
}

/* ---- logic ---- */

static void lower_join(struct pq_lower *l, struct partiql_node *n)
{
    if (n->a->cls != PQC_PREDICATE || n->b->cls != PQC_PREDICATE) {
        pq_lower_fail(l, "The arguments to AND/OR must be Expressions");
        return;
    }
    n->cls = PQC_PREDICATE;
    n->ref = expr_build_join(l->build, n->kind == PQN_AND, n->a->ref, n->b->ref);
}

static void lower_not(struct pq_lower *l, struct partiql_node *n)
{
    if (n->a->cls != PQC_PREDICATE) {
        pq_lower_fail(l, "The argument to NOT must be a Type or Expression");
        return;
    }
    n->cls = PQC_PREDICATE;
    n->ref = expr_build_not(l->build, n->a->ref);
}

static void lower_node(struct pq_lower *l, struct partiql_node *n)
{
    n->cls = PQC_NONE;
    bool leaf = n->a == NULL && (n->args == NULL || n->kind == PQN_NAME);
    n->first = leaf ? expr_build_next(l->build) : n->a != NULL ? n->a->first : n->args->first;
    switch (n->kind) {
    case PQN_LITERAL:
    case PQN_LIST:
    case PQN_BAG:
    case PQN_STRUCT:
    case PQN_SIGN:
        lower_literal(l, n);
        break;
    case PQN_NAME:
        n->ref = expr_build_path(l->build, &n->path);
        n->cls = PQC_OPERAND;
        break;
    case PQN_CALL:
        lower_call(l, n);
        break;
    case PQN_COMPARE:
        lower_compare(l, n);
        break;
    case PQN_BETWEEN:
        lower_between(l, n);
        break;
    case PQN_IN:
        lower_in(l, n);
        break;
    case PQN_IS:
        lower_is(l, n);
        break;
    case PQN_NOT:
        lower_not(l, n);
        break;
    case PQN_AND:
    case PQN_OR:
        lower_join(l, n);
        break;
    case PQN_SUM:
    case PQN_LIKE:
        fail_operator(l, n);
        break;
    case PQN_STEP:
    case PQN_MEMBER:
    case PQN_MISSING:
    case PQN_STAR:
    case PQN_SUBQUERY:
    case PQN_ASSIGN:
    case PQN_REMOVE:
    case PQN_ORDER:
        break;
    }
}

struct expr_ref pq_lower_where(struct pq_lower *l)
{
    struct partiql_node *where = l->stmt->where;
    ASSERT(where != NULL);
    for (struct partiql_node *n = l->stmt->where_first; n <= where && l->err == OK; n++) {
        lower_node(l, n);
    }
    if (l->err == OK && where->cls != PQC_PREDICATE) {
        pq_lower_fail(l, "WHERE clause must contain an expression that resolves to a boolean");
    }
    return where->ref;
}

/* ---- what a clause says about keys ---- */

size_t pq_in_list(const struct partiql_node *n, const struct partiql_node **ret_first)
{
    ASSERT(n->kind == PQN_IN);
    if (n->b->kind == PQN_LIST) {
        *ret_first = n->b->args;
        return n->b->n_args;
    }
    /* One value in parentheses is just that value by now; the operator before it has a token. */
    *ret_first = n->b;
    return n->b->tok[-1].kind == PQ_LPAREN ? 1 : 0;
}

bool pq_is_attr(const struct partiql_node *n, struct bytes name)
{
    return n->kind == PQN_NAME && n->n_args == 0 && name.base != NULL && bytes_eq(n->name, name);
}

const struct partiql_node *pq_equality(const struct partiql_node *n, const struct value **ret_value)
{
    if (n->kind != PQN_COMPARE || n->tok->kind != PQ_EQ) {
        return NULL;
    }
    const struct partiql_node *attr = n->a->kind == PQN_NAME ? n->a : n->b;
    const struct partiql_node *value = attr == n->a ? n->b : n->a;
    if (attr->kind != PQN_NAME || value->value == NULL) {
        return NULL;
    }
    *ret_value = value->value;
    return attr;
}
