/* Position vectors: small arrays, searched in order. */
#include "repl/repl.h"

const struct repl_mark *repl_vector_find(const struct repl_vector *v, struct region_id region)
{
    for (size_t i = 0; i < v->n; i++) {
        if (v->marks[i].region.v == region.v) {
            return &v->marks[i];
        }
    }
    return NULL;
}

bool repl_vector_raise(struct repl_vector *v, struct repl_mark mark)
{
    for (size_t i = 0; i < v->n; i++) {
        struct repl_mark *m = &v->marks[i];
        if (m->region.v != mark.region.v) {
            continue;
        }
        m->pos.v = mark.pos.v > m->pos.v ? mark.pos.v : m->pos.v;
        m->hlc.v = mark.hlc.v > m->hlc.v ? mark.hlc.v : m->hlc.v;
        return true;
    }
    if (v->n == CHANGE_REGIONS_MAX) {
        return false;
    }
    v->marks[v->n++] = mark;
    return true;
}

bool repl_vector_covers(const struct repl_vector *a, const struct repl_vector *b)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct repl_mark *m = repl_vector_find(a, b->marks[i].region);
        uint64_t have = m == NULL ? 0 : m->pos.v;
        if (have < b->marks[i].pos.v) {
            return false;
        }
    }
    return true;
}
