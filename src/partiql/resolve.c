/* From what the grammar found to a statement: paths, the table and index, columns, ORDER BY, the
 * item of an INSERT, RETURNING. */

#include "partiql/ast.h"

/* ---- paths ---- */

/* A list index: digits, or a minus before a zero. */
static void resolve_index(struct pq_parse *p, struct partiql_node *step)
{
    const struct partiql_node *x = step->a;
    bool negative = x->kind == PQN_SIGN && x->tok->kind == PQ_MINUS;
    const struct pq_tok *digits = x->kind == PQN_SIGN ? x->a->tok : x->tok;
    uint64_t index = 0;
    bool number = (x->kind == PQN_SIGN || x->kind == PQN_LITERAL) && digits->kind == PQ_NUMBER;
    enum err err = number ? bytes_u64(pq_text(p->text, digits), &index) : ERR_SYNTAX;
    if (err == OK && index <= INT32_MAX && !(negative && index > 0)) {
        step->index = (uint32_t)index;
        return;
    }
    struct buf b;
    buf_init(&b, /* len_max= */ 2 * PARTIQL_BYTES_MAX);
    if (err == OK || err == ERR_TOO_BIG) {
        buf_putf(
            &b,
            "List index is not within the allowable range; index: [%s%.*s] at ",
            negative ? "-" : "",
            BYTES_FMT(pq_text(p->text, digits)));
    } else {
        buf_put_str(&b, "Unexpected path component at ");
    }
    pq_put_position(&b, p->text, digits);
    struct bytes text = buf_bytes(&b);
    pq_fail(p, "%.*s", BYTES_FMT(text));
    buf_done(&b);
}

static void resolve_path(struct pq_parse *p, struct partiql_node *n)
{
    struct expr_step *steps = ARENA_ARRAY(p->arena, struct expr_step, n->n_args + 1);
    if (steps == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    steps[i++] = (struct expr_step){.name = n->name};
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        steps[i++] =
            (struct expr_step){.is_index = x->a != NULL, .index = x->index, .name = x->name};
    }
    n->path = (struct expr_path){steps, i};
    if (i > EXPR_PATH_DEPTH_MAX) {
        pq_fail(p, "The document path has too many nesting levels; nesting levels: %zu", i);
    }
}

static void resolve_paths(struct pq_parse *p)
{
    for (size_t i = 0; i < p->n_nodes && p->err == OK; i++) {
        if (p->nodes[i].kind == PQN_STEP && p->nodes[i].a != NULL) {
            resolve_index(p, &p->nodes[i]);
        }
    }
    for (size_t i = 0; i < p->n_nodes && p->err == OK; i++) {
        if (p->nodes[i].kind == PQN_NAME) {
            resolve_path(p, &p->nodes[i]);
        }
    }
}

/* ---- the source ---- */

static void resolve_source(struct pq_parse *p)
{
    const struct partiql_node *n = p->source;
    if (n->kind != PQN_NAME) {
        pq_fail(p, "Unexpected from source");
        return;
    }
    for (size_t i = 1; i < n->path.n; i++) {
        if (n->path.steps[i].is_index) {
            pq_fail(p, "Invalid list expression in source.");
        }
    }
    if (n->path.n > 1 && p->stmt->kind == PARTIQL_INSERT) {
        pq_fail(p, "FROM clause may only contain a single table name");
    } else if (n->path.n > 2) {
        pq_fail(p, "A path may contain at most 2 components in the FROM clause");
    }
    p->stmt->table = n->name;
    if (n->path.n == 2) {
        p->stmt->index = n->path.steps[1].name;
    }
    if (n->path.n == 2 && (p->stmt->kind == PARTIQL_UPDATE || p->stmt->kind == PARTIQL_DELETE)) {
        pq_fail(p, "This operation is not supported on an index");
    }
}

/* ---- columns ---- */

/* The path from its last name on, list indexes included. */
static struct bytes column_name(struct pq_parse *p, const struct expr_path *path)
{
    size_t at = path->n - 1;
    while (path->steps[at].is_index) {
        at--;
    }
    struct buf b;
    buf_init(&b, /* len_max= */ 2 * PARTIQL_BYTES_MAX);
    buf_put_bytes(&b, path->steps[at].name);
    for (size_t i = at + 1; i < path->n; i++) {
        buf_putf(&b, "[%u]", path->steps[i].index);
    }
    struct bytes name = bytes_dup(p->arena, buf_bytes(&b));
    buf_done(&b);
    if (name.base == NULL) {
        pq_fail_memory(p);
    }
    return name;
}

static void resolve_column(
    struct pq_parse *p, const struct partiql_node *n, struct partiql_column *columns, size_t i)
{
    if (n->kind == PQN_STAR) {
        pq_fail_syntax(
            p,
            "Other expressions may not be present in the select list when '*' is used without dot "
            "notation.");
        return;
    }
    if (n->kind != PQN_NAME) {
        pq_fail(p, "Unsupported token in expression: %.*s", BYTES_FMT(pq_text(p->text, n->tok)));
        return;
    }
    columns[i] = (struct partiql_column){n->path, column_name(p, &n->path)};
    for (size_t k = 0; k < i; k++) {
        if (bytes_eq(columns[k].name, columns[i].name)) {
            pq_fail(p, "Duplicate identifiers in select clause: %.*s", BYTES_FMT(columns[i].name));
        }
    }
}

static void resolve_columns(struct pq_parse *p)
{
    if (p->columns == NULL || (p->columns->kind == PQN_STAR && p->columns->next == NULL)) {
        return;
    }
    size_t n = 0;
    for (const struct partiql_node *x = p->columns; x != NULL; x = x->next) {
        n++;
    }
    struct partiql_column *columns = ARENA_ARRAY(p->arena, struct partiql_column, n);
    if (columns == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    for (const struct partiql_node *x = p->columns; x != NULL && p->err == OK; x = x->next) {
        resolve_column(p, x, columns, i++);
    }
    p->stmt->columns = columns;
    p->stmt->n_columns = n;
}

/* ---- ORDER BY ---- */

static const char *argument_type(const struct partiql_node *n)
{
    if (n->kind == PQN_NAME) {
        return "Path";
    }
    return pq_is_literal(n) ? "Literal" : "NAry";
}

static void resolve_order(struct pq_parse *p)
{
    size_t n = 0;
    for (const struct partiql_node *x = p->order; x != NULL; x = x->next) {
        n++;
    }
    struct partiql_order *order = ARENA_ARRAY(p->arena, struct partiql_order, n);
    if (order == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    for (const struct partiql_node *x = p->order; x != NULL && p->err == OK; x = x->next) {
        if (x->a->kind != PQN_NAME || x->a->n_args > 0) {
            pq_fail(
                p,
                "Argument to ORDER BY must be of type VariableReference. Type: %s",
                argument_type(x->a));
        }
        order[i++] = (struct partiql_order){x->a->name, x->descending};
    }
    p->stmt->order = order;
    p->stmt->n_order = n;
}

/* ---- INSERT ---- */

static void member_fault(struct pq_parse *p, const struct partiql_node *n)
{
    struct bytes msg;
    p->stmt->nodes = p->nodes;
    enum err err = pq_literal_fault(p->arena, p->stmt, n, &msg);
    if (err == OK) {
        pq_fail(p, "%.*s", BYTES_FMT(msg));
    } else {
        pq_fail_memory(p);
    }
}

static void resolve_item(struct pq_parse *p)
{
    const struct partiql_node *n = p->item;
    if (n->kind != PQN_STRUCT) {
        pq_fail(
            p,
            "Unsupported format in item expression. Please use struct format {...} to express item "
            "values for insert statement.");
        return;
    }
    struct value *item = ARENA_NEW(p->arena, struct value);
    struct member *members = ARENA_ARRAY(p->arena, struct member, n->n_args);
    if (item == NULL || members == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    for (struct partiql_node *x = n->args; x != NULL && p->err == OK; x = x->next) {
        if (x->a->kind != PQN_LITERAL || x->a->value->type != VALUE_STRING) {
            pq_fail(p, "Tuple keys must be of type String. Actual type: Expression under root");
        } else if (x->b->value == NULL) {
            x->b->up = NULL; /* an attribute's value is a root of its own */
            member_fault(p, x->b);
        } else {
            members[i++] = (struct member){x->a->value->bytes, *x->b->value};
        }
    }
    *item = (struct value){.type = VALUE_MAP, .map = {members, i}};
    bool apart = p->err == OK && members_sort(members, i) == OK;
    for (size_t k = 1; p->err == OK && !apart && k < i; k++) {
        if (bytes_eq(members[k - 1].name, members[k].name)) {
            pq_fail(p, "Duplicate keys in tuple. Key: %.*s under root", BYTES_FMT(members[k].name));
        }
    }
    if (apart && i > 0 && members[0].name.len == 0) { /* sorts first */
        pq_fail(p, PQ_EMPTY_NAME);
    }
    p->stmt->item = item;
}

/* ---- RETURNING ---- */

static void resolve_returning(struct pq_parse *p)
{
    if (p->returning_all == NULL) {
        return;
    }
    bool all = p->returning_all->kind == PQ_ALL;
    bool old = p->returning_age->kind == PQ_OLD;
    if (p->stmt->kind == PARTIQL_INSERT) {
        pq_fail(p, "RETURNING is not supported in INSERT");
    } else if (p->stmt->kind == PARTIQL_DELETE && !(all && old)) {
        pq_fail(
            p,
            "Invalid returning clause: RETURNING %s %s *. Only RETURNING ALL OLD * is allowed in "
            "DELETE statements.",
            all ? "ALL" : "MODIFIED",
            old ? "OLD" : "NEW");
    } else if (all) {
        p->stmt->returning = old ? PARTIQL_RETURNING_ALL_OLD : PARTIQL_RETURNING_ALL_NEW;
    } else {
        p->stmt->returning = old ? PARTIQL_RETURNING_MODIFIED_OLD : PARTIQL_RETURNING_MODIFIED_NEW;
    }
}

/* ---- all of it ---- */

/* The operands of the WHERE clause's outermost AND; parents come after children. */
static void mark_outermost(struct pq_parse *p)
{
    p->where->outermost = true;
    for (struct partiql_node *n = p->where; n >= p->stmt->where_first; n--) {
        if (n->outermost && n->kind == PQN_AND) {
            n->a->outermost = true;
            n->b->outermost = true;
            n->outermost = false;
        }
    }
}

void pq_resolve(struct pq_parse *p)
{
    resolve_paths(p);
    if (p->err == OK) {
        resolve_source(p);
    }
    if (p->err == OK) {
        resolve_columns(p);
    }
    if (p->err == OK && p->order != NULL) {
        resolve_order(p);
    }
    if (p->err == OK && p->item != NULL) {
        resolve_item(p);
    }
    if (p->err == OK) {
        resolve_returning(p);
    }
    p->stmt->nodes = p->nodes;
    p->stmt->n_nodes = p->n_nodes;
    p->stmt->actions = p->actions;
    p->stmt->where = p->where;
    if (p->err == OK && p->where != NULL) {
        p->stmt->where_first = &p->nodes[p->where_first];
        mark_outermost(p);
    }
}
