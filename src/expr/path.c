/* Document paths: finding, comparing, writing them in messages, and the tree of several paths that
 * projections and updates walk beside a document.
 *
 * Paths of one tree do not clash: none is a prefix of another (overlap), and below one parent all
 * steps are names or all are indexes (conflict). Sorted, a clashing pair has a clashing pair of
 * neighbours, so the common case costs a sort. Recursion goes one path step a level,
 * EXPR_PATH_DEPTH_MAX at most. */

#include <stdlib.h>

#include "expr/ast.h"

const struct value *expr_path_find(const struct expr_path *path, const struct value *item)
{
    const struct value *v = item;
    for (size_t i = 0; i < path->n && v != NULL; i++) {
        const struct expr_step *step = &path->steps[i];
        if (step->is_index) {
            bool inside = v->type == VALUE_LIST && step->index < v->list.n;
            v = inside ? &v->list.items[step->index] : NULL;
        } else {
            v = v->type == VALUE_MAP ? value_find(v, step->name) : NULL;
        }
    }
    return v;
}

int path_step_cmp(const struct expr_step *a, const struct expr_step *b)
{
    if (a->is_index != b->is_index) {
        return a->is_index ? 1 : -1;
    }
    if (!a->is_index) {
        return bytes_cmp(a->name, b->name);
    }
    return (a->index > b->index) - (a->index < b->index);
}

static int path_cmp(const void *x, const void *y)
{
    const struct expr_path *a = x;
    const struct expr_path *b = y;
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        int order = path_step_cmp(&a->steps[i], &b->steps[i]);
        if (order != 0) {
            return order;
        }
    }
    return (a->n > b->n) - (a->n < b->n);
}

enum clash { CLASH_NONE, CLASH_OVERLAP, CLASH_CONFLICT };

static enum clash path_clash(const struct expr_path *a, const struct expr_path *b)
{
    for (size_t i = 0; i < a->n && i < b->n; i++) {
        if (a->steps[i].is_index != b->steps[i].is_index) {
            return CLASH_CONFLICT;
        }
        if (path_step_cmp(&a->steps[i], &b->steps[i]) != 0) {
            return CLASH_NONE;
        }
    }
    return CLASH_OVERLAP;
}

struct bytes path_text(struct arena *a, const struct expr_path *path)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 4 * 1024 * 1024);
    buf_put_str(&b, "[");
    for (size_t i = 0; i < path->n; i++) {
        if (i > 0) {
            buf_put_str(&b, ", ");
        }
        if (path->steps[i].is_index) {
            buf_putf(&b, "[%u]", path->steps[i].index);
        } else {
            buf_put_bytes(&b, path->steps[i].name);
        }
    }
    buf_put_str(&b, "]");
    struct bytes ret = b.err == OK ? bytes_dup(a, buf_bytes(&b)) : BYTES_NONE;
    buf_done(&b);
    return ret;
}

static void clash_fail(
    struct parse *p, enum clash clash, const struct expr_path *one, const struct expr_path *two)
{
    struct bytes text_one = path_text(p->arena, one);
    struct bytes text_two = path_text(p->arena, two);
    if (text_one.base == NULL || text_two.base == NULL) {
        parse_fail_memory(p);
        return;
    }
    parse_fail(
        p,
        "Two document paths %s with each other; must remove or rewrite one of these paths; "
        "path one: %.*s, path two: %.*s",
        clash == CLASH_OVERLAP ? "overlap" : "conflict",
        BYTES_FMT(text_one),
        BYTES_FMT(text_two));
}

void path_check_clashes(struct parse *p, const struct expr_path *paths, size_t n)
{
    if (n < 2) {
        return;
    }
    struct expr_path *sorted = ARENA_ARRAY(p->arena, struct expr_path, n);
    if (sorted == NULL) {
        parse_fail_memory(p);
        return;
    }
    memcpy(sorted, paths, n * sizeof paths[0]);
    qsort(sorted, n, sizeof sorted[0], path_cmp);
    bool clean = true;
    for (size_t i = 1; i < n && clean; i++) {
        clean = path_clash(&sorted[i - 1], &sorted[i]) == CLASH_NONE;
    }
    if (clean) {
        return;
    }
    /* DynamoDB names the clash of the path written last, with the nearest one before it. */
    for (size_t two = n - 1; two > 0; two--) {
        for (size_t one = two; one-- > 0;) {
            enum clash clash = path_clash(&paths[one], &paths[two]);
            if (clash != CLASH_NONE) {
                clash_fail(p, clash, &paths[one], &paths[two]);
                return;
            }
        }
    }
    UNREACHABLE();
}

/* ---- the tree ---- */

struct numbered {
    struct expr_path path;
    size_t leaf;
};

static int numbered_cmp(const void *x, const void *y)
{
    return path_cmp(&((const struct numbered *)x)->path, &((const struct numbered *)y)->path);
}

/* `list` holds n > 0 sorted paths that agree in their first `depth` steps, and have more. */
static enum err tree_fill(
    struct arena *a, const struct numbered *list, size_t n, size_t depth, struct path_tree *t)
{
    ASSERT(depth < EXPR_PATH_DEPTH_MAX);
    size_t n_kids = 1;
    for (size_t i = 1; i < n; i++) {
        n_kids += path_step_cmp(&list[i - 1].path.steps[depth], &list[i].path.steps[depth]) != 0;
    }
    t->kids = ARENA_ARRAY(a, struct path_tree, n_kids);
    if (t->kids == NULL) {
        return ERR_TOO_BIG;
    }
    t->kids_cap = n_kids;
    for (size_t from = 0; from < n;) {
        const struct expr_step *step = &list[from].path.steps[depth];
        size_t to = from + 1;
        while (to < n && path_step_cmp(step, &list[to].path.steps[depth]) == 0) {
            to++;
        }
        struct path_tree *kid = &t->kids[t->n_kids++];
        *kid = (struct path_tree){.step = *step, .leaf = list[from].leaf};
        if (list[from].path.n > depth + 1) {
            enum err err = tree_fill(a, list + from, to - from, depth + 1, kid);
            if (err != OK) {
                return err;
            }
        } else {
            ASSERT(to == from + 1);
        }
        from = to;
    }
    return OK;
}

enum err path_tree_build(
    struct arena *a, const struct expr_path *paths, size_t n, struct path_tree *ret)
{
    struct path_tree root = {0};
    if (n > 0) {
        struct numbered *list = ARENA_ARRAY(a, struct numbered, n);
        if (list == NULL) {
            return ERR_TOO_BIG;
        }
        for (size_t i = 0; i < n; i++) {
            list[i] = (struct numbered){paths[i], i};
        }
        qsort(list, n, sizeof list[0], numbered_cmp);
        enum err err = tree_fill(a, list, n, 0, &root);
        if (err != OK) {
            return err;
        }
    }
    *ret = root;
    return OK;
}

enum err path_tree_add_name(struct arena *a, struct path_tree *t, struct bytes name, size_t leaf)
{
    struct path_tree kid = {.step = {.name = name}, .leaf = leaf};
    size_t at = t->n_kids;
    while (at > 0 && path_step_cmp(&t->kids[at - 1].step, &kid.step) > 0) {
        at--;
    }
    if (at > 0 && path_step_cmp(&t->kids[at - 1].step, &kid.step) == 0) {
        t->kids[at - 1] = kid;
        return OK;
    }
    if (t->n_kids == t->kids_cap) {
        size_t cap = t->kids_cap == 0 ? 8 : 2 * t->kids_cap;
        struct path_tree *kids = ARENA_ARRAY(a, struct path_tree, cap);
        if (kids == NULL) {
            return ERR_TOO_BIG;
        }
        if (t->n_kids > 0) {
            memcpy(kids, t->kids, t->n_kids * sizeof kids[0]);
        }
        t->kids = kids;
        t->kids_cap = cap;
    }
    memmove(&t->kids[at + 1], &t->kids[at], (t->n_kids - at) * sizeof t->kids[0]);
    t->kids[at] = kid;
    t->n_kids++;
    return OK;
}

/* ---- projection through the tree ---- */

static enum err project(
    struct arena *a,
    const struct path_tree *t,
    const struct value *v,
    size_t depth,
    struct value *ret,
    bool *ret_any);

/* The kids' shares of list `v`, closed up in the list's order. */
static enum err project_list(
    struct arena *a,
    const struct path_tree *t,
    const struct value *v,
    size_t depth,
    struct value *ret)
{
    struct value *items = ARENA_ARRAY(a, struct value, t->n_kids);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->n_kids; i++) {
        const struct path_tree *kid = &t->kids[i];
        if (!kid->step.is_index || kid->step.index >= v->list.n) {
            continue;
        }
        bool any;
        enum err err = project(a, kid, &v->list.items[kid->step.index], depth + 1, &items[n], &any);
        if (err != OK) {
            return err;
        }
        n += any;
    }
    *ret = (struct value){.type = VALUE_LIST, .list = {items, n}};
    return OK;
}

static enum err project_map(
    struct arena *a,
    const struct path_tree *t,
    const struct value *v,
    size_t depth,
    struct value *ret)
{
    struct member *members = ARENA_ARRAY(a, struct member, t->n_kids);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->n_kids; i++) {
        const struct path_tree *kid = &t->kids[i];
        const struct value *in = kid->step.is_index ? NULL : value_find(v, kid->step.name);
        if (in == NULL) {
            continue;
        }
        bool any;
        members[n].name = kid->step.name;
        enum err err = project(a, kid, in, depth + 1, &members[n].value, &any);
        if (err != OK) {
            return err;
        }
        n += any;
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {members, n}};
    return OK;
}

static enum err project(
    struct arena *a,
    const struct path_tree *t,
    const struct value *v,
    size_t depth,
    struct value *ret,
    bool *ret_any)
{
    ASSERT(depth <= EXPR_PATH_DEPTH_MAX);
    if (t->n_kids == 0) {
        *ret = *v;
        *ret_any = true;
        return OK;
    }
    if (v->type != VALUE_LIST && v->type != VALUE_MAP) {
        *ret_any = false;
        return OK;
    }
    struct value part;
    enum err err = v->type == VALUE_LIST ? project_list(a, t, v, depth, &part)
                                         : project_map(a, t, v, depth, &part);
    if (err != OK) {
        return err;
    }
    *ret_any = part.type == VALUE_LIST ? part.list.n > 0 : part.map.n > 0;
    *ret = part;
    return OK;
}

enum err path_tree_project(
    struct arena *a, const struct path_tree *t, const struct value *item, struct value *ret)
{
    ASSERT(item->type == VALUE_MAP);
    if (t->n_kids == 0) {
        *ret = (struct value){.type = VALUE_MAP};
        return OK;
    }
    return project_map(a, t, item, 0, ret);
}
