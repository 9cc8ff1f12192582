/* The checks between parsing and use, in DynamoDB's order, so that of several mistakes the same one
 * is reported. Each pass walks the nodes in the order they were written and stops at the first
 * problem:
 *   1. reserved words, list indexes, function names, and where each function stands;
 *   2. placeholders, operands and their types, the count of operators.
 * An update's target paths are compared between the two, and its second pass takes the actions from
 * the last to the first. Afterwards every PATH node has its path and every VALUE node its value.
 *
 * The order and the words follow what DynamoDB and its documented local edition answer. */

#include "expr/ast.h"

enum { LOOKUP_LINEAR_MAX = 16, LIST_INDEX_DIGITS_MAX = 10 };

/* ---- functions ---- */

struct function_rule {
    const char *name;
    uint32_t n_args;
    bool in_update;
    bool is_condition; /* stands for truth, not for a value */
};

static const struct function_rule functions[] = {
    [FUNCTION_ATTRIBUTE_EXISTS] = {"attribute_exists", 1, false, true},
    [FUNCTION_ATTRIBUTE_NOT_EXISTS] = {"attribute_not_exists", 1, false, true},
    [FUNCTION_ATTRIBUTE_TYPE] = {"attribute_type", 2, false, true},
    [FUNCTION_BEGINS_WITH] = {"begins_with", 2, false, true},
    [FUNCTION_CONTAINS] = {"contains", 2, false, true},
    [FUNCTION_SIZE] = {"size", 1, false, false},
    [FUNCTION_IF_NOT_EXISTS] = {"if_not_exists", 2, true, false},
    [FUNCTION_LIST_APPEND] = {"list_append", 2, true, false},
};
enum { N_FUNCTIONS = sizeof functions / sizeof functions[0] };

enum function expr_function(struct bytes name)
{
    for (int i = FUNCTION_NONE + 1; i < N_FUNCTIONS; i++) {
        if (bytes_eq_str(name, functions[i].name)) {
            return (enum function)i;
        }
    }
    return FUNCTION_NONE;
}

/* ---- pass 1 ---- */

static void check_index(struct parse *p, const struct token *t)
{
    struct bytes digits = token_text(p, t);
    uint64_t index = 0;
    if (digits.len > LIST_INDEX_DIGITS_MAX || bytes_u64(digits, &index) != OK ||
        index > INT32_MAX) {
        parse_fail(
            p, "List index is not within the allowable range; index: [%.*s]", BYTES_FMT(digits));
    }
}

static void check_path_words(struct parse *p, const struct node *n)
{
    for (const struct token *t = n->token; t < n->end && p->err == OK; t++) {
        struct bytes text = token_text(p, t);
        if (t->kind == TOKEN_INDEX) {
            check_index(p, t);
        } else if (t->kind == TOKEN_ID && expr_is_reserved(text)) {
            parse_fail(
                p, "Attribute name is a reserved keyword; reserved keyword: %.*s", BYTES_FMT(text));
        }
    }
}

static void check_arity(struct parse *p, const struct node *n)
{
    const struct function_rule *rule = &functions[n->function];
    if (n->n_args != rule->n_args) {
        parse_fail(
            p,
            "Incorrect number of operands for operator or function; "
            "operator or function: %s, number of operands: %u",
            rule->name,
            n->n_args);
    }
}

static void check_call_place(struct parse *p, const struct node *n)
{
    struct bytes name = token_text(p, n->token);
    const struct function_rule *rule = &functions[n->function];
    bool in_update = p->kind == EXPR_UPDATE;
    if (n->function == FUNCTION_NONE) {
        parse_fail(p, "Invalid function name; function: %.*s", BYTES_FMT(name));
    } else if (in_update != rule->in_update) {
        parse_fail(
            p,
            "The function is not allowed in %s expression; function: %s",
            in_update ? "an update" : "a condition",
            rule->name);
    } else if (
        n->as_condition != rule->is_condition ||
        (n->in_list_append && n->function == FUNCTION_LIST_APPEND)) {
        parse_fail(
            p,
            "The function is not allowed to be used this way in an expression; function: %s",
            rule->name);
    } else if (!in_update) {
        check_arity(p, n);
    }
}

static void check_words(struct parse *p)
{
    for (size_t i = 0; i < p->n_nodes && p->err == OK; i++) {
        const struct node *n = &p->nodes[i];
        if (n->kind == NODE_PATH) {
            check_path_words(p, n);
        } else if (n->kind == NODE_CALL_HEAD) {
            check_call_place(p, n);
        }
    }
}

/* ---- placeholders ---- */

static void names_map(struct parse *p)
{
    for (size_t i = 0; i < p->env->n_names; i++) {
        (void)map_put(&p->names.map, p->env->names[i].placeholder, &p->env->names[i]);
    }
    p->names.mapped = true;
}

static void values_map(struct parse *p)
{
    for (size_t i = 0; i < p->env->n_values; i++) {
        (void)map_put(&p->values.map, p->env->values[i].placeholder, &p->env->values[i]);
    }
    p->values.mapped = true;
}

static struct expr_name *find_name(struct parse *p, struct bytes placeholder)
{
    if (p->env->n_names > LOOKUP_LINEAR_MAX) {
        if (!p->names.mapped) {
            names_map(p);
        }
        return map_get(&p->names.map, placeholder);
    }
    for (size_t i = 0; i < p->env->n_names; i++) {
        if (bytes_eq(p->env->names[i].placeholder, placeholder)) {
            return &p->env->names[i];
        }
    }
    return NULL;
}

static struct expr_value *find_value(struct parse *p, struct bytes placeholder)
{
    if (p->env->n_values > LOOKUP_LINEAR_MAX) {
        if (!p->values.mapped) {
            values_map(p);
        }
        return map_get(&p->values.map, placeholder);
    }
    for (size_t i = 0; i < p->env->n_values; i++) {
        if (bytes_eq(p->env->values[i].placeholder, placeholder)) {
            return &p->env->values[i];
        }
    }
    return NULL;
}

static void resolve_step(struct parse *p, const struct token *t, struct expr_step *ret)
{
    struct bytes text = token_text(p, t);
    *ret = (struct expr_step){.is_index = t->kind == TOKEN_INDEX, .name = text};
    if (t->kind == TOKEN_INDEX) {
        uint64_t index = 0;
        if (bytes_u64(text, &index) != OK) {
            UNREACHABLE(); /* check_index() has read it before */
        }
        ret->index = (uint32_t)index;
    } else if (t->kind == TOKEN_NAME) {
        struct expr_name *name = find_name(p, text);
        if (name == NULL) {
            parse_fail(
                p,
                "An expression attribute name used in the document path is not defined; "
                "attribute name: %.*s",
                BYTES_FMT(text));
            return;
        }
        name->used = true;
        ret->name = name->name;
    }
}

/* Resolves the names of a path. Its depth is checked by check_path(), later in updates. */
static void resolve_path(struct parse *p, struct node *n)
{
    if (n->path.n > 0) {
        return;
    }
    size_t n_steps = 0;
    for (const struct token *t = n->token; t < n->end; t++) {
        n_steps += t->kind == TOKEN_ID || t->kind == TOKEN_NAME || t->kind == TOKEN_INDEX;
    }
    struct expr_step *steps = ARENA_ARRAY(p->arena, struct expr_step, n_steps);
    if (steps == NULL) {
        parse_fail_memory(p);
        return;
    }
    size_t at = 0;
    for (const struct token *t = n->token; t < n->end && p->err == OK; t++) {
        if (t->kind == TOKEN_ID || t->kind == TOKEN_NAME || t->kind == TOKEN_INDEX) {
            resolve_step(p, t, &steps[at++]);
        }
    }
    n->path = (struct expr_path){steps, n_steps};
}

static void check_path(struct parse *p, struct node *n)
{
    resolve_path(p, n);
    if (n->path.n > EXPR_PATH_DEPTH_MAX) {
        parse_fail(
            p, "The document path has too many nesting levels; nesting levels: %zu", n->path.n);
    }
}

static void resolve_value(struct parse *p, struct node *n)
{
    if (n->value != NULL) {
        return; /* built, not parsed */
    }
    struct bytes text = token_text(p, n->token);
    struct expr_value *v = find_value(p, text);
    if (v == NULL) {
        parse_fail(
            p,
            "An expression attribute value used in expression is not defined; "
            "attribute value: %.*s",
            BYTES_FMT(text));
        return;
    }
    v->used = true;
    n->value = &v->value;
}

/* ---- pass 2: operands ---- */

/* What is known of an operand's type before any item is seen: false for a path. */
static bool static_type(const struct node *n, enum value_type *ret)
{
    if (n->kind == NODE_VALUE && n->value != NULL) {
        *ret = n->value->type;
        return true;
    }
    if (n->kind == NODE_CALL && n->function == FUNCTION_SIZE) {
        *ret = VALUE_NUMBER;
        return true;
    }
    return false;
}

enum type_set {
    TYPES_SCALAR = 1u << VALUE_STRING | 1u << VALUE_NUMBER | 1u << VALUE_BINARY,
    TYPES_TEXT = 1u << VALUE_STRING | 1u << VALUE_BINARY,
    TYPES_NUMBER = 1u << VALUE_NUMBER,
    TYPES_LIST = 1u << VALUE_LIST,
    TYPES_SETS = 1u << VALUE_STRING_SET | 1u << VALUE_NUMBER_SET | 1u << VALUE_BINARY_SET,
    TYPES_SIZED = TYPES_TEXT | TYPES_SETS | TYPES_LIST | 1u << VALUE_MAP,
};

static void require_type(struct parse *p, const char *op, const struct node *n, unsigned types)
{
    enum value_type type;
    if (static_type(n, &type) && (types & 1u << type) == 0) {
        parse_fail(
            p,
            "Incorrect operand type for operator or function; "
            "operator or function: %s, operand type: %s",
            op,
            value_tag(type));
    }
}

static bool same_path(const struct node *a, const struct node *b)
{
    if (a->kind != NODE_PATH || b->kind != NODE_PATH || a->path.n != b->path.n) {
        return false;
    }
    for (size_t i = 0; i < a->path.n; i++) {
        if (path_step_cmp(&a->path.steps[i], &b->path.steps[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void require_distinct(
    struct parse *p, const char *op, const struct node *first, const struct node *other)
{
    if (p->err != OK || !same_path(first, other)) {
        return;
    }
    struct bytes text = path_text(p->arena, &first->path);
    if (text.base == NULL) {
        parse_fail_memory(p);
        return;
    }
    parse_fail(
        p,
        "The first operand must be distinct from the remaining operands for this operator or "
        "function; operator: %s, first operand: %.*s",
        op,
        BYTES_FMT(text));
}

static void check_compare(struct parse *p, const struct node *n)
{
    struct bytes text = token_text(p, n->token);
    char op[3] = {0};
    memcpy(op, text.base, text.len < 2 ? text.len : 2);
    require_distinct(p, op, n->a, n->b);
    if (n->token->kind != TOKEN_EQ && n->token->kind != TOKEN_NE) {
        require_type(p, op, n->a, TYPES_SCALAR);
        require_type(p, op, n->b, TYPES_SCALAR);
    }
}

static void put_bound(struct buf *b, const struct value *v)
{
    buf_putf(b, "AttributeValue: {%s:", value_tag(v->type));
    if (v->type == VALUE_NUMBER) {
        char text[DOC_DECIMAL_TEXT_MAX];
        (void)decimal_text(&v->number, text); /* NUL-terminated */
        buf_put_str(b, text);
    } else if (v->type == VALUE_BINARY) {
        put_base64(b, v->bytes);
    } else {
        buf_put_bytes(b, v->bytes);
    }
    buf_put_str(b, "}");
}

static void between_fail(
    struct parse *p, const char *why, const struct value *lo, const struct value *hi)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 2 * EXPR_SUBSTITUTION_BYTES_MAX);
    buf_put_str(&b, "lower bound operand: ");
    put_bound(&b, lo);
    buf_put_str(&b, ", upper bound operand: ");
    put_bound(&b, hi);
    struct bytes bounds = buf_bytes(&b);
    parse_fail(p, "The BETWEEN operator requires %s; %.*s", why, BYTES_FMT(bounds));
    buf_done(&b);
}

static void check_between(struct parse *p, const struct node *n)
{
    require_distinct(p, "BETWEEN", n->a, n->b);
    require_distinct(p, "BETWEEN", n->a, n->c);
    require_type(p, "BETWEEN", n->a, TYPES_SCALAR);
    require_type(p, "BETWEEN", n->b, TYPES_SCALAR);
    require_type(p, "BETWEEN", n->c, TYPES_SCALAR);
    if (p->err != OK || n->b->kind != NODE_VALUE || n->c->kind != NODE_VALUE) {
        return;
    }
    const struct value *lo = n->b->value;
    const struct value *hi = n->c->value;
    if (lo->type != hi->type) {
        between_fail(p, "same data type for lower and upper bounds", lo, hi);
    } else if (value_cmp(lo, hi) > 0) {
        between_fail(p, "upper bound to be greater than or equal to lower bound", lo, hi);
    }
}

static void check_in(struct parse *p, const struct node *n)
{
    if (n->n_args > EXPR_IN_OPERANDS_MAX) {
        parse_fail(
            p,
            "The IN operator is provided with too many operands; number of operands: %u",
            n->n_args);
    }
    for (const struct node *arg = n->args; arg != NULL; arg = arg->next) {
        require_distinct(p, "IN", n->a, arg);
    }
}

static bool is_type_tag(struct bytes text)
{
    for (int t = 0; t < VALUE_TYPES; t++) {
        if (bytes_eq_str(text, value_tag((enum value_type)t))) {
            return true;
        }
    }
    return false;
}

static void check_type_operand(struct parse *p, const struct node *n)
{
    enum value_type type;
    if (!static_type(n, &type)) {
        parse_fail(
            p,
            "Incorrect operand type for operator or function; "
            "operator or function: attribute_type, "
            "operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}");
        return;
    }
    require_type(p, "attribute_type", n, 1u << VALUE_STRING);
    if (p->err == OK && !is_type_tag(n->value->bytes)) {
        parse_fail(
            p,
            "Invalid attribute type name found; type: %.*s, valid types: {%s}",
            BYTES_FMT(n->value->bytes),
            p->bare ? "N,BS,L,B,NULL,M,S,SS,NS,BOOL" : "B,NULL,SS,BOOL,L,BS,N,NS,S,M");
    }
}

static void require_path(struct parse *p, const struct node *n)
{
    if (n->args->kind != NODE_PATH) {
        parse_fail(
            p,
            "Operator or function requires a document path; operator or function: %s",
            functions[n->function].name);
    }
}

static void check_call(struct parse *p, const struct node *n)
{
    check_arity(p, n);
    if (p->err != OK) {
        return;
    }
    const char *name = functions[n->function].name;
    const struct node *first = n->args;
    const struct node *second = first->next;
    switch ((enum function)n->function) {
    case FUNCTION_ATTRIBUTE_EXISTS:
    case FUNCTION_ATTRIBUTE_NOT_EXISTS:
        require_path(p, n);
        break;
    case FUNCTION_ATTRIBUTE_TYPE:
        /* Of an expression's value, too, whatever the developer guide says. */
        if (p->bare) {
            require_path(p, n);
        }
        require_distinct(p, name, first, second);
        check_type_operand(p, second);
        break;
    case FUNCTION_BEGINS_WITH:
        require_distinct(p, name, first, second);
        require_type(p, name, first, TYPES_TEXT);
        require_type(p, name, second, TYPES_TEXT);
        break;
    case FUNCTION_CONTAINS:
        require_distinct(p, name, first, second);
        break;
    case FUNCTION_SIZE:
        require_type(p, name, first, TYPES_SIZED);
        break;
    case FUNCTION_IF_NOT_EXISTS:
        require_path(p, n);
        require_distinct(p, name, first, second);
        break;
    case FUNCTION_LIST_APPEND:
        require_type(p, name, first, TYPES_LIST);
        require_type(p, name, second, TYPES_LIST);
        break;
    case FUNCTION_NONE:
        UNREACHABLE();
    }
}

static const char *long_type(enum value_type type)
{
    switch (type) {
    case VALUE_NULL:
        return "NULL";
    case VALUE_BOOL:
        return "BOOLEAN";
    case VALUE_NUMBER:
        return "NUMBER";
    case VALUE_STRING:
        return "STRING";
    case VALUE_BINARY:
        return "BINARY";
    case VALUE_LIST:
        return "LIST";
    case VALUE_MAP:
        return "MAP";
    case VALUE_STRING_SET:
        return "STRING_SET";
    case VALUE_NUMBER_SET:
        return "NUMBER_SET";
    case VALUE_BINARY_SET:
        return "BINARY_SET";
    }
    UNREACHABLE();
}

static void check_action(struct parse *p, const struct node *n)
{
    bool is_add = n->function == TOKEN_ADD;
    if (!is_add && n->function != TOKEN_DELETE) {
        return;
    }
    unsigned types = is_add ? TYPES_SETS | TYPES_NUMBER : TYPES_SETS;
    const char *op = is_add ? "ADD" : "DELETE";
    if ((types & 1u << n->b->value->type) == 0) {
        parse_fail(
            p,
            "Incorrect operand type for operator or function; "
            "operator: %s, operand type: %s, typeSet: ALLOWED_FOR_%s_OPERAND",
            op,
            long_type(n->b->value->type),
            op);
    }
}

static void check_arithmetic(struct parse *p, const struct node *n)
{
    const char *op = n->token->kind == TOKEN_PLUS ? "+" : "-";
    require_type(p, op, n->a, TYPES_NUMBER);
    require_type(p, op, n->b, TYPES_NUMBER);
}

static void count_operator(struct parse *p)
{
    if (p->err == OK && ++p->n_operators > EXPR_OPERATORS_MAX) {
        parse_fail(
            p, "The expression contains too many operators; operator count: %u", p->n_operators);
    }
}

static void check_operator(struct parse *p, const struct node *n)
{
    if (n->kind == NODE_COMPARE) {
        check_compare(p, n);
    } else if (n->kind == NODE_BETWEEN) {
        check_between(p, n);
    } else if (n->kind == NODE_IN) {
        check_in(p, n);
    } else if (n->kind == NODE_CALL) {
        check_call(p, n);
    } else if (n->kind == NODE_ARITHMETIC) {
        check_arithmetic(p, n);
    }
    count_operator(p);
}

static void check_operands(struct parse *p, struct node *from, struct node *to)
{
    for (struct node *n = from; n < to && p->err == OK; n++) {
        switch (n->kind) {
        case NODE_PATH:
            check_path(p, n);
            break;
        case NODE_VALUE:
            resolve_value(p, n);
            break;
        case NODE_CALL_HEAD:
            break;
        case NODE_ACTION:
            check_action(p, n);
            break;
        case NODE_CALL:
        case NODE_COMPARE:
        case NODE_BETWEEN:
        case NODE_IN:
        case NODE_NOT:
        case NODE_AND:
        case NODE_OR:
        case NODE_ARITHMETIC:
            check_operator(p, n);
            break;
        }
    }
}

void check_condition(struct parse *p)
{
    check_words(p);
    check_operands(p, p->nodes, p->nodes + p->n_nodes);
}

void check_built_condition(struct parse *p)
{
    check_operands(p, p->nodes, p->nodes + p->n_nodes);
}

/* ---- projections and updates ---- */

static void check_clashes(struct parse *p, bool targets)
{
    struct expr_path *paths = ARENA_ARRAY(p->arena, struct expr_path, p->n_nodes);
    if (paths == NULL) {
        parse_fail_memory(p);
        return;
    }
    size_t n = 0;
    for (const struct node *x = p->list; x != NULL; x = x->next) {
        paths[n++] = targets ? x->a->path : x->path;
    }
    path_check_clashes(p, paths, n);
}

void check_projection(struct parse *p)
{
    check_words(p);
    check_operands(p, p->nodes, p->nodes + p->n_nodes);
    if (p->err == OK) {
        check_clashes(p, /* targets= */ false);
    }
}

/* Every name of the actions, the last action first. */
static void resolve_names_backwards(struct parse *p, struct node *const *actions, size_t n)
{
    for (size_t i = n; i-- > 0 && p->err == OK;) {
        for (struct node *x = actions[i]->a; x < actions[i] && p->err == OK; x++) {
            if (x->kind == NODE_PATH) {
                resolve_path(p, x);
            }
        }
    }
}

void check_update(struct parse *p)
{
    check_words(p);
    if (p->err == OK && p->repeated_section != NULL) {
        static const char *const sections[] = {"SET", "REMOVE", "ADD", "DELETE"};
        parse_fail(
            p,
            "The \"%s\" section can only be used once in an update expression;",
            sections[p->repeated_section->kind - TOKEN_SET]);
    }
    for (struct node *x = p->list; x != NULL && p->err == OK; x = x->next) {
        resolve_path(p, x->a);
    }
    if (p->err == OK) {
        check_clashes(p, /* targets= */ true);
    }
    if (p->err != OK) {
        return;
    }
    struct node **actions = ARENA_ARRAY(p->arena, struct node *, p->n_nodes);
    if (actions == NULL) {
        parse_fail_memory(p);
        return;
    }
    size_t n = 0;
    for (struct node *x = p->list; x != NULL; x = x->next) {
        actions[n++] = x;
    }
    resolve_names_backwards(p, actions, n);
    for (size_t i = n; i-- > 0 && p->err == OK;) {
        check_operands(p, actions[i]->a, actions[i] + 1);
    }
}

void check_built_update(struct parse *p)
{
    check_operands(p, p->nodes, p->nodes + p->n_nodes);
    if (p->err == OK) {
        check_clashes(p, /* targets= */ true);
    }
}
