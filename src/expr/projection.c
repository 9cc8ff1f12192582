/* Projections: which parts of an item to answer with. */

#include "expr/ast.h"

struct expr_projection {
    struct path_tree tree;
};

enum err expr_projection_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_projection **ret,
    struct bytes *reterr_msg)
{
    struct parse p;
    struct expr_projection *projection = ARENA_NEW(a, struct expr_projection);
    if (parse_text(&p, a, EXPR_PROJECTION, text, env) == OK) {
        check_projection(&p);
    }
    struct expr_path *paths = NULL;
    if (p.err == OK) {
        paths = ARENA_ARRAY(a, struct expr_path, p.n_nodes);
    }
    if (p.err == OK && (projection == NULL || paths == NULL)) {
        parse_fail_memory(&p);
    }
    if (p.err == OK) {
        size_t n = 0;
        for (const struct node *x = p.list; x != NULL; x = x->next) {
            paths[n++] = x->path;
        }
        if (path_tree_build(a, paths, n, &projection->tree) != OK) {
            parse_fail_memory(&p);
        }
    }
    parse_done(&p);
    if (p.err == OK) {
        *ret = projection;
    } else if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}

const struct expr_projection *expr_projection_of_names(
    struct arena *a, const struct bytes *names, size_t n)
{
    struct expr_projection *p = ARENA_NEW(a, struct expr_projection);
    for (size_t i = 0; i < n && p != NULL; i++) {
        if (path_tree_add_name(a, &p->tree, names[i], i) != OK) {
            return NULL;
        }
    }
    return p;
}

enum err expr_project(
    struct arena *a, const struct expr_projection *p, const struct value *item, struct value *ret)
{
    return path_tree_project(a, &p->tree, item, ret);
}

bool expr_projection_within(const struct expr_projection *p, const struct bytes *names, size_t n)
{
    for (size_t i = 0; i < p->tree.n_kids; i++) {
        bool found = false;
        for (size_t j = 0; j < n && !found; j++) {
            found = bytes_eq(p->tree.kids[i].step.name, names[j]);
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

bool expr_projection_reaches_into(const struct expr_projection *p, struct bytes name)
{
    for (size_t i = 0; i < p->tree.n_kids; i++) {
        const struct path_tree *kid = &p->tree.kids[i];
        if (bytes_eq(kid->step.name, name)) {
            return kid->n_kids > 0;
        }
    }
    return false;
}
