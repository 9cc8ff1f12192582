/* Updates: what an UpdateExpression, or the legacy AttributeUpdates, makes of an item.
 *
 * Applying has two steps. First every action's outcome is computed from the item as it was: put
 * this value, drop what is there, or leave it. Then the item is rebuilt along the tree of the
 * actions' paths; what no path leads to is shared with the old item. List elements are numbered as
 * before the update throughout: removed ones leave, later ones close up, and new ones past the end
 * are appended in order of their index.
 *
 * Recursion goes one path step (EXPR_PATH_DEPTH_MAX) or one function call (EXPR_OPERATORS_MAX) a
 * level. */

#include "expr/ast.h"

enum action_kind {
    ACTION_SET,
    ACTION_REMOVE,
    ACTION_ADD,
    ACTION_DELETE,
};

struct action {
    enum action_kind kind;
    bool legacy;
    struct expr_path path;
    const struct node *operand; /* NULL for REMOVE */
};

struct expr_update {
    struct action *actions;
    size_t n;
    size_t cap;
    struct path_tree tree;
    const struct node *nodes;
    size_t n_nodes;
};

enum outcome_kind { OUTCOME_KEEP, OUTCOME_PUT, OUTCOME_DROP };

struct outcome {
    enum outcome_kind kind;
    struct value value;
};

/* What goes wrong while applying. */
struct apply {
    struct arena *arena;
    const struct value *item;
    struct outcome *outcomes;
    struct bytes msg;
};

static enum err fail(struct apply *ap, struct bytes msg)
{
    ap->msg = msg;
    return ERR_INVALID;
}

static enum err fail_missing(struct apply *ap)
{
    return fail(
        ap,
        BYTES_LIT(
            "The provided expression refers to an attribute that does not exist in the item"));
}

static enum err fail_type(struct apply *ap, bool legacy)
{
    if (legacy) {
        return fail(ap, BYTES_LIT("Type mismatch for attribute to update"));
    }
    return fail(ap, BYTES_LIT("An operand in the update expression has an incorrect data type"));
}

static enum err fail_path(struct apply *ap)
{
    return fail(
        ap, BYTES_LIT("The document path provided in the update expression is invalid for update"));
}

/* ---- step one: outcomes ---- */

/* The power of ten above `d`: 3 for 123, 0 for 0.5, -1 for 0.05. */
static int magnitude(const struct decimal *d)
{
    int digits = 0;
    for (unsigned __int128 coef = d->coef; coef > 0; coef /= 10) {
        digits++;
    }
    return digits + d->exp;
}

static enum err sum(
    struct apply *ap,
    bool minus,
    const struct decimal *x,
    const struct decimal *y,
    struct value *ret)
{
    struct decimal number;
    enum err err = minus ? decimal_sub(x, y, &number) : decimal_add(x, y, &number);
    if (err == ERR_TOO_BIG && magnitude(x) <= 0 && magnitude(y) <= 0) {
        return fail(
            ap,
            BYTES_LIT("Number underflow. Attempting to store a number with magnitude smaller than "
                      "supported range"));
    }
    if (err == ERR_TOO_BIG || err == ERR_LIMIT) {
        /* DynamoDB has the same words for a result of more than 38 digits. */
        return fail(
            ap,
            BYTES_LIT("Number overflow. Attempting to store a number with magnitude larger than "
                      "supported range"));
    }
    if (err == OK) {
        *ret = (struct value){.type = VALUE_NUMBER, .number = number};
    }
    return err;
}

static enum err list_append(
    struct apply *ap, const struct value *x, const struct value *y, struct value *ret)
{
    struct value *items = ARENA_ARRAY(ap->arena, struct value, x->list.n + y->list.n);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    if (x->list.n > 0) {
        memcpy(items, x->list.items, x->list.n * sizeof items[0]);
    }
    if (y->list.n > 0) {
        memcpy(items + x->list.n, y->list.items, y->list.n * sizeof items[0]);
    }
    *ret = (struct value){.type = VALUE_LIST, .list = {items, x->list.n + y->list.n}};
    return OK;
}

static enum err operand_eval(
    struct apply *ap, const struct node *n, unsigned depth, struct value *ret)
{
    ASSERT(depth <= EXPR_OPERATORS_MAX);
    const struct value *found = NULL;
    while (found == NULL && n->kind == NODE_CALL && n->function == FUNCTION_IF_NOT_EXISTS) {
        found = expr_path_find(&n->args->path, ap->item);
        n = n->args->next;
    }
    if (found == NULL && n->kind == NODE_PATH) {
        found = expr_path_find(&n->path, ap->item);
    } else if (found == NULL && n->kind == NODE_VALUE) {
        found = n->value;
    }
    if (found != NULL) {
        *ret = *found;
        return OK;
    }
    if (n->kind == NODE_PATH) {
        return fail_missing(ap);
    }
    bool is_append = n->kind == NODE_CALL;
    ASSERT(is_append || n->kind == NODE_ARITHMETIC);
    enum value_type type = is_append ? VALUE_LIST : VALUE_NUMBER;
    struct value x;
    struct value y;
    enum err err = operand_eval(ap, is_append ? n->args : n->a, depth + 1, &x);
    if (err == OK && x.type != type) {
        err = fail_type(ap, /* legacy= */ false);
    }
    if (err == OK) {
        err = operand_eval(ap, is_append ? n->args->next : n->b, depth + 1, &y);
    }
    if (err == OK && y.type != type) {
        err = fail_type(ap, /* legacy= */ false);
    }
    if (err != OK) {
        return err;
    }
    if (is_append) {
        return list_append(ap, &x, &y, ret);
    }
    return sum(ap, n->token->kind == TOKEN_MINUS, &x.number, &y.number, ret);
}

/* Merges two sorted sets: with `keep_y` all of both, else what of `x` is not in `y`. */
static enum err set_merge(
    struct apply *ap, const struct value *x, const struct value *y, bool keep_y, struct value *ret)
{
    struct value *items =
        ARENA_ARRAY(ap->arena, struct value, x->list.n + (keep_y ? y->list.n : 0));
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    size_t i = 0;
    size_t j = 0;
    while (i < x->list.n || j < y->list.n) {
        int order = 0;
        if (j == y->list.n) {
            order = -1;
        } else if (i == x->list.n) {
            order = 1;
        } else {
            order = value_cmp(&x->list.items[i], &y->list.items[j]);
        }
        if (order < 0 || (order == 0 && keep_y)) {
            items[n++] = x->list.items[i];
        } else if (order > 0 && keep_y) {
            items[n++] = y->list.items[j];
        }
        i += order <= 0;
        j += order >= 0;
    }
    *ret = (struct value){.type = x->type, .list = {items, n}};
    return OK;
}

static bool is_set(enum value_type t)
{
    return t == VALUE_STRING_SET || t == VALUE_NUMBER_SET || t == VALUE_BINARY_SET;
}

static enum err add_outcome(
    struct apply *ap,
    const struct action *action,
    const struct value *old,
    const struct value *v,
    struct outcome *ret)
{
    ret->kind = OUTCOME_PUT;
    if (old == NULL) {
        ret->value = *v;
        return OK;
    }
    if (old->type != v->type) {
        return fail_type(ap, action->legacy);
    }
    if (v->type == VALUE_NUMBER) {
        return sum(ap, /* minus= */ false, &old->number, &v->number, &ret->value);
    }
    if (v->type == VALUE_LIST) {
        ASSERT(action->legacy);
        return list_append(ap, old, v, &ret->value);
    }
    ASSERT(is_set(v->type));
    return set_merge(ap, old, v, /* keep_y= */ true, &ret->value);
}

static enum err delete_outcome(
    struct apply *ap,
    const struct action *action,
    const struct value *old,
    const struct value *v,
    struct outcome *ret)
{
    ret->kind = OUTCOME_KEEP;
    if (old == NULL) {
        return OK;
    }
    if (old->type != v->type) {
        return fail_type(ap, action->legacy);
    }
    enum err err = set_merge(ap, old, v, /* keep_y= */ false, &ret->value);
    if (err == OK) {
        ret->kind = ret->value.list.n == 0 ? OUTCOME_DROP : OUTCOME_PUT;
    }
    return err;
}

/* An attribute's value may be DOC_DEPTH_MAX levels deep, a scalar inside counting as one. */
static enum err check_depth(struct apply *ap, const struct action *action, const struct value *v)
{
    bool container = v->type == VALUE_LIST || v->type == VALUE_MAP;
    size_t depth = action->path.n + (container ? value_depth(v) : 0);
    if (depth > DOC_DEPTH_MAX) {
        return fail(
            ap,
            BYTES_LIT("Nesting Levels have exceeded supported limits: Attributes in the item have "
                      "nested levels beyond supported limit"));
    }
    return OK;
}

static enum err action_outcome(struct apply *ap, const struct action *action, struct outcome *ret)
{
    const struct value *old = NULL;
    enum err err = OK;
    switch (action->kind) {
    case ACTION_SET:
        ret->kind = OUTCOME_PUT;
        err = operand_eval(ap, action->operand, 0, &ret->value);
        return err == OK ? check_depth(ap, action, &ret->value) : err;
    case ACTION_REMOVE:
        ret->kind = OUTCOME_DROP;
        return OK;
    case ACTION_ADD:
        old = expr_path_find(&action->path, ap->item);
        return add_outcome(ap, action, old, action->operand->value, ret);
    case ACTION_DELETE:
        old = expr_path_find(&action->path, ap->item);
        return delete_outcome(ap, action, old, action->operand->value, ret);
    }
    UNREACHABLE();
}

/* ---- step two: the new item ---- */

static enum err rebuild(
    struct apply *ap,
    const struct path_tree *t,
    const struct value *old,
    size_t depth,
    struct value *ret);

/* What stands at `kid` afterwards; `old` is NULL where nothing stood. */
static enum err rebuild_kid(
    struct apply *ap,
    const struct path_tree *kid,
    const struct value *old,
    size_t depth,
    struct value *ret,
    bool *ret_any)
{
    if (kid->n_kids > 0) {
        *ret_any = true;
        return old == NULL ? fail_path(ap) : rebuild(ap, kid, old, depth + 1, ret);
    }
    const struct outcome *outcome = &ap->outcomes[kid->leaf];
    const struct value *v = outcome->kind == OUTCOME_KEEP ? old : &outcome->value;
    *ret_any = outcome->kind != OUTCOME_DROP && v != NULL;
    if (*ret_any) {
        *ret = *v;
    }
    return OK;
}

static enum err rebuild_list(
    struct apply *ap,
    const struct path_tree *t,
    const struct value *old,
    size_t depth,
    struct value *ret)
{
    struct value *items = ARENA_ARRAY(ap->arena, struct value, old->list.n + t->n_kids);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    size_t k = 0;
    for (size_t i = 0; i < old->list.n || k < t->n_kids;) {
        const struct path_tree *kid = k < t->n_kids ? &t->kids[k] : NULL;
        if (kid == NULL || (i < old->list.n && kid->step.index > i)) {
            items[n++] = old->list.items[i++];
            continue;
        }
        bool any;
        const struct value *in = i < old->list.n ? &old->list.items[i] : NULL;
        enum err err = rebuild_kid(ap, kid, in, depth, &items[n], &any);
        if (err != OK) {
            return err;
        }
        n += any;
        i += in != NULL;
        k++;
    }
    *ret = (struct value){.type = VALUE_LIST, .list = {items, n}};
    return OK;
}

static enum err rebuild_map(
    struct apply *ap,
    const struct path_tree *t,
    const struct value *old,
    size_t depth,
    struct value *ret)
{
    struct member *members = ARENA_ARRAY(ap->arena, struct member, old->map.n + t->n_kids);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    size_t k = 0;
    for (size_t i = 0; i < old->map.n || k < t->n_kids;) {
        const struct member *m = i < old->map.n ? &old->map.members[i] : NULL;
        const struct path_tree *kid = k < t->n_kids ? &t->kids[k] : NULL;
        int order = m == NULL ? 1 : -1;
        if (m != NULL && kid != NULL) {
            order = bytes_cmp(m->name, kid->step.name);
        }
        if (order < 0) {
            members[n++] = *m;
            i++;
            continue;
        }
        ASSERT(kid != NULL);
        bool any;
        members[n].name = kid->step.name;
        const struct value *in = order == 0 ? &m->value : NULL;
        enum err err = rebuild_kid(ap, kid, in, depth, &members[n].value, &any);
        if (err != OK) {
            return err;
        }
        n += any;
        i += order == 0;
        k++;
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {members, n}};
    return OK;
}

static enum err rebuild(
    struct apply *ap,
    const struct path_tree *t,
    const struct value *old,
    size_t depth,
    struct value *ret)
{
    ASSERT(depth < EXPR_PATH_DEPTH_MAX);
    ASSERT(t->n_kids > 0);
    bool by_index = t->kids[0].step.is_index;
    if (by_index && old->type == VALUE_LIST) {
        return rebuild_list(ap, t, old, depth, ret);
    }
    if (!by_index && old->type == VALUE_MAP) {
        return rebuild_map(ap, t, old, depth, ret);
    }
    return fail_path(ap);
}

enum err expr_update_apply(
    struct arena *a,
    const struct expr_update *u,
    const struct value *item,
    struct value *ret,
    struct bytes *reterr_msg)
{
    ASSERT(item->type == VALUE_MAP);
    struct apply ap = {.arena = a, .item = item};
    ap.outcomes = ARENA_ARRAY(a, struct outcome, u->n);
    enum err err = ap.outcomes == NULL ? ERR_TOO_BIG : OK;
    for (size_t i = 0; i < u->n && err == OK; i++) {
        err = action_outcome(&ap, &u->actions[i], &ap.outcomes[i]);
    }
    struct value after = *item;
    if (err == OK && u->n > 0) {
        err = rebuild(&ap, &u->tree, item, 0, &after);
    }
    if (err == OK) {
        *ret = after;
    } else if (err == ERR_INVALID) {
        *reterr_msg = ap.msg;
    }
    return err;
}

enum err expr_update_project(
    struct arena *a, const struct expr_update *u, const struct value *item, struct value *ret)
{
    return path_tree_project(a, &u->tree, item, ret);
}

/* ---- making updates ---- */

static enum action_kind action_kind_of(uint8_t token)
{
    static const enum action_kind kinds[] = {ACTION_SET, ACTION_REMOVE, ACTION_ADD, ACTION_DELETE};
    ASSERT(token >= TOKEN_SET);
    ASSERT(token <= TOKEN_DELETE);
    return kinds[token - TOKEN_SET];
}

struct expr_update *update_compile(struct parse *p)
{
    struct expr_update *u = ARENA_NEW(p->arena, struct expr_update);
    struct action *actions = ARENA_ARRAY(p->arena, struct action, p->n_nodes);
    struct expr_path *paths = ARENA_ARRAY(p->arena, struct expr_path, p->n_nodes);
    if (u == NULL || actions == NULL || paths == NULL) {
        return NULL;
    }
    *u = (struct expr_update){
        .actions = actions,
        .cap = p->n_nodes,
        .nodes = p->nodes,
        .n_nodes = p->n_nodes,
    };
    for (const struct node *x = p->list; x != NULL; x = x->next) {
        paths[u->n] = x->a->path;
        actions[u->n++] = (struct action){
            .kind = action_kind_of(x->function),
            .path = x->a->path,
            .operand = x->b,
        };
    }
    return path_tree_build(p->arena, paths, u->n, &u->tree) == OK ? u : NULL;
}

enum err expr_update_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_update **ret,
    struct bytes *reterr_msg)
{
    struct parse p;
    struct expr_update *u = NULL;
    if (parse_text(&p, a, EXPR_UPDATE, text, env) == OK) {
        check_update(&p);
    }
    if (p.err == OK) {
        u = update_compile(&p);
        if (u == NULL) {
            parse_fail_memory(&p);
        }
    }
    parse_done(&p);
    if (p.err == OK) {
        *ret = u;
    } else if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}

static enum err actions_grow(struct arena *a, struct expr_update *u)
{
    if (u->n < u->cap) {
        return OK;
    }
    size_t cap = u->cap == 0 ? 8 : 2 * u->cap;
    struct action *actions = ARENA_ARRAY(a, struct action, cap);
    if (actions == NULL) {
        return ERR_TOO_BIG;
    }
    if (u->n > 0) {
        memcpy(actions, u->actions, u->n * sizeof actions[0]);
    }
    u->actions = actions;
    u->cap = cap;
    return OK;
}

static enum action_kind legacy_kind(enum expr_update_action action, bool has_value)
{
    switch (action) {
    case EXPR_UPDATE_PUT:
        return ACTION_SET;
    case EXPR_UPDATE_ADD:
        return ACTION_ADD;
    case EXPR_UPDATE_DELETE:
        return has_value ? ACTION_DELETE : ACTION_REMOVE;
    }
    UNREACHABLE();
}

enum err expr_update_add_legacy(
    struct arena *a,
    struct expr_update **u,
    struct bytes name,
    enum expr_update_action action,
    const struct value *v)
{
    ASSERT(v != NULL || action == EXPR_UPDATE_DELETE);
    struct expr_update *to = *u != NULL ? *u : ARENA_NEW(a, struct expr_update);
    struct node *operand = ARENA_NEW(a, struct node);
    struct expr_step *step = ARENA_NEW(a, struct expr_step);
    if (to == NULL || operand == NULL || step == NULL || actions_grow(a, to) != OK) {
        return ERR_TOO_BIG;
    }
    if (path_tree_add_name(a, &to->tree, name, to->n) != OK) {
        return ERR_TOO_BIG;
    }
    *step = (struct expr_step){.name = name};
    *operand = (struct node){.kind = NODE_VALUE, .value = v};
    to->actions[to->n++] = (struct action){
        .kind = legacy_kind(action, v != NULL),
        .legacy = true,
        .path = {step, 1},
        .operand = v != NULL ? operand : NULL,
    };
    *u = to;
    return OK;
}

/* ---- questions about an update ---- */

enum err expr_update_check_keys(
    struct arena *a,
    const struct expr_update *u,
    const struct bytes *names,
    size_t n,
    struct bytes *reterr_msg)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < u->n; j++) {
            if (!bytes_eq(u->actions[j].path.steps[0].name, names[i])) {
                continue;
            }
            struct bytes msg = bytes_fmt(
                a,
                "One or more parameter values were invalid: Cannot update attribute %.*s. "
                "This attribute is part of the key",
                BYTES_FMT(names[i]));
            if (msg.base == NULL) {
                return ERR_TOO_BIG;
            }
            *reterr_msg = msg;
            return ERR_INVALID;
        }
    }
    return OK;
}

bool expr_update_reaches_into(const struct expr_update *u, struct bytes name)
{
    for (size_t i = 0; i < u->n_nodes; i++) {
        const struct node *n = &u->nodes[i];
        if (n->kind == NODE_PATH && n->path.n > 1 && bytes_eq(n->path.steps[0].name, name)) {
            return true;
        }
    }
    return false;
}

bool expr_update_only_removes(const struct expr_update *u)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->actions[i].kind != ACTION_REMOVE && u->actions[i].kind != ACTION_DELETE) {
            return false;
        }
    }
    return true;
}

bool expr_update_known_type(const struct expr_update *u, struct bytes name, enum value_type *ret)
{
    const struct node *n = NULL;
    for (size_t i = 0; i < u->n && n == NULL; i++) {
        const struct expr_path *path = &u->actions[i].path;
        n = path->n == 1 && bytes_eq(path->steps[0].name, name) ? u->actions[i].operand : NULL;
    }
    while (n != NULL && n->kind == NODE_CALL && n->function == FUNCTION_IF_NOT_EXISTS) {
        n = n->args->next;
    }
    if (n == NULL || n->kind == NODE_PATH) {
        return false;
    }
    *ret = n->kind == NODE_VALUE        ? n->value->type
           : n->kind == NODE_ARITHMETIC ? VALUE_NUMBER
                                        : VALUE_LIST;
    return true;
}

/* What DynamoDB adds for an action beside the attribute, and for the update as a whole. */
enum {
    UPDATE_OVERHEAD = 3,
    ACTION_WITH_VALUE = 19, /* SET and ADD */
    ACTION_WITHOUT = 2,     /* REMOVE and DELETE */
    ACTION_BY_INDEX = 1,    /* SET of an element of a list */
};

static size_t action_overhead(const struct action *action)
{
    switch (action->kind) {
    case ACTION_SET:
        for (size_t i = 0; i < action->path.n; i++) {
            if (action->path.steps[i].is_index) {
                return ACTION_WITH_VALUE + ACTION_BY_INDEX;
            }
        }
        return ACTION_WITH_VALUE;
    case ACTION_ADD:
        return ACTION_WITH_VALUE;
    case ACTION_REMOVE:
    case ACTION_DELETE:
        return ACTION_WITHOUT;
    }
    UNREACHABLE();
}

bool expr_update_too_big(const struct expr_update *u, const struct value *after, size_t after_size)
{
    ASSERT(after->type == VALUE_MAP);
    size_t size = UPDATE_OVERHEAD;
    for (size_t i = 0; i < u->n; i++) {
        size += action_overhead(&u->actions[i]);
    }
    if (after_size + size <= DOC_ITEM_BYTES_MAX) {
        return false; /* what is touched is a part of the item */
    }
    for (size_t i = 0; i < u->tree.n_kids; i++) {
        struct bytes name = u->tree.kids[i].step.name;
        const struct value *v = value_find(after, name);
        size += v == NULL ? 0 : name.len + value_size(v);
    }
    return size > DOC_ITEM_BYTES_MAX;
}
