/* Statements about one item: the key a WHERE clause names, the condition a write goes ahead under,
 * and an UPDATE's changes. */

#include <strings.h>

#include "partiql/ast.h"

/* ---- the item a WHERE clause names ---- */

struct naming {
    struct partiql_item *item;
    const struct expr_key_schema *keys;
    const struct value *found[2]; /* of hash and range */
    bool typed;
    bool many;
};

/* Takes `attr = v` in; false when `attr` is no key attribute. */
static bool take_equality(struct naming *w, const struct partiql_node *attr, const struct value *v)
{
    const struct expr_key_attr *attrs[] = {&w->keys->hash, &w->keys->range};
    for (size_t i = 0; i < 2; i++) {
        if (!pq_is_attr(attr, attrs[i]->name)) {
            continue;
        }
        bool differs = w->found[i] != NULL && !value_eq(w->found[i], v);
        if ((differs && !w->many) || (v->type != attrs[i]->type && !w->many && !w->typed)) {
            w->item->attr = attrs[i]->name;
        }
        w->many = w->many || differs;
        w->typed = w->typed || v->type != attrs[i]->type;
        w->found[i] = w->found[i] == NULL ? v : w->found[i];
        w->item->key_only = w->item->key_only && !differs;
        return true;
    }
    return false;
}

static bool take_condition(struct naming *w, const struct partiql_node *n, bool in_counts)
{
    const struct value *v;
    const struct partiql_node *attr = pq_equality(n, &v);
    if (attr == NULL && in_counts && n->kind == PQN_IN && !n->negated) {
        const struct partiql_node *only;
        bool one = pq_in_list(n, &only) == 1 && only->value != NULL;
        attr = one ? n->a : NULL;
        v = one ? only->value : NULL;
    }
    return attr != NULL && take_equality(w, attr, v);
}

enum err partiql_item_of(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    bool in_counts,
    struct partiql_item *ret)
{
    struct partiql_item item = {.key_only = true};
    struct naming w = {.item = &item, .keys = keys};
    struct member *members = ARENA_ARRAY(a, struct member, 2);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    for (const struct partiql_node *n = stmt->where_first; n != NULL && n <= stmt->where; n++) {
        if (n->outermost && !take_condition(&w, n, in_counts)) {
            item.key_only = false;
        }
    }
    size_t n = 0;
    const struct bytes names[] = {keys->hash.name, keys->range.name};
    for (size_t i = 0; i < 2; i++) {
        if (w.found[i] != NULL) {
            members[n++] = (struct member){names[i], *w.found[i]};
        }
    }
    enum err err = members_sort(members, n);
    ASSERT(err == OK);
    item.key = (struct value){.type = VALUE_MAP, .map = {members, n}};
    bool whole = n == (keys->range.name.base == NULL ? 1 : 2);
    item.names = w.many    ? PARTIQL_NAMES_MANY
                 : !whole  ? PARTIQL_NAMES_PART
                 : w.typed ? PARTIQL_NAMES_TYPED
                           : PARTIQL_NAMES_ITEM;
    *ret = item;
    return OK;
}

/* ---- conditions ---- */

static enum err lower_new(struct arena *a, const struct partiql_stmt *stmt, struct pq_lower *ret)
{
    *ret = (struct pq_lower){
        .arena = a, .stmt = stmt, .build = expr_build_new(a, BUILD_FACTOR * stmt->n_nodes + 64)};
    return ret->build == NULL ? ERR_TOO_BIG : OK;
}

enum err partiql_condition(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    const struct expr_cond **ret,
    struct bytes *reterr_msg)
{
    struct pq_lower l;
    struct expr_step *step = ARENA_NEW(a, struct expr_step);
    struct expr_path *path = ARENA_NEW(a, struct expr_path);
    enum err err = lower_new(a, stmt, &l);
    if (step == NULL || path == NULL || err != OK) {
        return ERR_TOO_BIG;
    }
    *step = (struct expr_step){.name = keys->hash.name};
    *path = (struct expr_path){step, 1};
    struct expr_ref root;
    if (stmt->kind == PARTIQL_INSERT || stmt->kind == PARTIQL_DELETE) {
        struct expr_ref key = expr_build_path(l.build, path);
        root = expr_build_call(l.build, "attribute_not_exists", &key, 1);
        if (stmt->kind == PARTIQL_DELETE) {
            root = expr_build_join(l.build, /* is_and= */ false, root, pq_lower_where(&l));
        }
    } else {
        root = pq_lower_where(&l);
    }
    if (l.err != OK) {
        *reterr_msg = l.msg;
        return l.err;
    }
    return expr_build_cond(l.build, root, ret, reterr_msg);
}

/* ---- UPDATE ---- */

static bool is_call(const struct partiql_node *n, const char *name)
{
    return n->kind == PQN_CALL && n->name.len == strlen(name) &&
           strncasecmp((const char *)n->name.base, name, n->name.len) == 0;
}

static void fail_update_operator(struct pq_lower *l, const struct partiql_node *n)
{
    if (n->kind == PQN_IS) {
        pq_lower_fail(l, "IS operator is not supported in update expressions");
    } else if (n->kind == PQN_CALL) {
        pq_lower_fail(l, "Unrecognized function: %.*s", BYTES_FMT(n->name));
    } else {
        pq_lower_fail(
            l,
            "Unsupported operator in Update Expression. Operator: %.*s",
            BYTES_FMT(pq_text(l->stmt->text, n->tok)));
    }
}

static void fail_literal(struct pq_lower *l, const struct partiql_node *n)
{
    struct bytes msg;
    enum err err = pq_literal_fault(l->arena, l->stmt, n, &msg);
    if (err == OK) {
        pq_lower_fail(l, "%.*s", BYTES_FMT(msg));
    } else {
        l->err = err;
    }
}

/* Fails with `what`, then `function`, then `more` and where it is. */
static void fail_at(
    struct pq_lower *l,
    const char *what,
    const char *function,
    const char *more,
    const struct pq_tok *t)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 4096);
    buf_putf(&b, "%s SET_%s %s at ", what, function, more);
    pq_put_position(&b, l->stmt->text, t);
    struct bytes text = buf_bytes(&b);
    pq_lower_fail(l, "%.*s", BYTES_FMT(text));
    buf_done(&b);
}

/* One node of what is assigned, its operands lowered before it. */
static void lower_operand(struct pq_lower *l, struct partiql_node *n)
{
    if (n->value != NULL) {
        n->ref = expr_build_value(l->build, n->value);
    } else if (n->kind == PQN_NAME) {
        n->ref = expr_build_path(l->build, &n->path);
    } else if (n->kind == PQN_SUM && (n->tok->kind == PQ_PLUS || n->tok->kind == PQ_MINUS)) {
        n->ref = expr_build_sum(l->build, n->tok->kind == PQ_MINUS, n->a->ref, n->b->ref);
    } else if (is_call(n, "list_append")) {
        struct expr_ref args[3] = {{0}};
        size_t i = 0;
        for (const struct partiql_node *x = n->args; x != NULL && i < 3; x = x->next) {
            args[i++] = x->ref;
        }
        n->ref = expr_build_call(l->build, "list_append", args, i);
    } else if (pq_is_literal(n)) {
        fail_literal(l, n);
    } else {
        fail_update_operator(l, n);
    }
}

/* The part of an assignment's value that makes values of its own, in the order of making: what
 * stands inside a literal is part of it. */
static void lower_operands(struct pq_lower *l, struct partiql_node *from, struct partiql_node *to)
{
    for (struct partiql_node *n = from; n <= to && l->err == OK; n++) {
        bool inside = n->up != NULL && pq_is_literal(n->up);
        bool part = n->kind == PQN_STEP || n->kind == PQN_MEMBER;
        if (!inside && !part) {
            lower_operand(l, n);
        }
    }
}

static bool same_path(const struct expr_path *x, const struct expr_path *y)
{
    bool same = x->n == y->n;
    for (size_t i = 0; same && i < x->n; i++) {
        const struct expr_step *a = &x->steps[i];
        const struct expr_step *b = &y->steps[i];
        same = a->is_index == b->is_index &&
               (a->is_index ? a->index == b->index : bytes_eq(a->name, b->name));
    }
    return same;
}

static bool is_set(const struct value *v)
{
    return v != NULL && (v->type == VALUE_STRING_SET || v->type == VALUE_NUMBER_SET ||
                         v->type == VALUE_BINARY_SET);
}

/* SET a = set_add(a, <<...>>) adds to the set at `a`, set_delete() takes from it. */
static void lower_set_function(struct pq_lower *l, const struct partiql_node *n, bool add)
{
    const struct partiql_node *call = n->b;
    const char *name = add ? "ADD" : "DELETE";
    if (call->n_args != 2) {
        pq_lower_fail(l, "SET_%s must have exactly two arguments", name);
        return;
    }
    const struct partiql_node *first = call->args;
    const struct partiql_node *second = first->next;
    if (first->kind != PQN_NAME || !same_path(&first->path, &n->a->path)) {
        fail_at(l, "The first argument to", name, "must equal the assignment value", call->tok);
        return;
    }
    if (second->value == NULL && pq_is_literal(second)) {
        fail_literal(l, second);
        return;
    }
    if (!is_set(second->value)) {
        fail_at(l, "The second argument to", name, "must be a value with type SET", first->tok);
        return;
    }
    struct expr_ref ref = expr_build_value(l->build, second->value);
    expr_build_action(l->build, add ? EXPR_ACTION_ADD : EXPR_ACTION_DELETE, &n->a->path, &ref);
}

/* The assignment's value is made of the nodes between its target and itself. */
static void lower_assign(struct pq_lower *l, struct partiql_node *n)
{
    bool add = is_call(n->b, "set_add");
    if (add || is_call(n->b, "set_delete")) {
        lower_set_function(l, n, add);
        return;
    }
    struct partiql_node *from = n->a + 1;
    while (from < n->b && from->kind == PQN_STEP) {
        from++; /* of the target's path */
    }
    lower_operands(l, from, n->b);
    if (l->err == OK) {
        expr_build_action(l->build, EXPR_ACTION_SET, &n->a->path, &n->b->ref);
    }
}

enum err partiql_update(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_update **ret,
    struct bytes *reterr_msg)
{
    ASSERT(stmt->kind == PARTIQL_UPDATE);
    struct pq_lower l;
    enum err err = lower_new(a, stmt, &l);
    if (err != OK) {
        return err;
    }
    for (struct partiql_node *n = stmt->actions; n != NULL && l.err == OK; n = n->next) {
        if (n->kind == PQN_REMOVE) {
            expr_build_action(l.build, EXPR_ACTION_REMOVE, &n->a->path, NULL);
        } else {
            lower_assign(&l, n);
        }
    }
    if (l.err != OK) {
        *reterr_msg = l.msg;
        return l.err;
    }
    return expr_build_update(l.build, ret, reterr_msg);
}
