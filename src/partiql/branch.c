/* A WHERE clause as branches. The clause is spread over every OR and IN that names a key attribute,
 * into branches that are each an AND: equalities on the partition key, a range of each attribute of
 * the sort key, and a rest for the filter. Nodes are taken in the order of their making, so the
 * branches of operands are there before those of what takes them. */

#include "partiql/branch.h"

struct branches *branches_of(struct plan *p, const struct partiql_node *n)
{
    return &p->of[n - p->stmt->where_first];
}

/* ---- single conditions ---- */

static void set_branches(struct plan *p, struct branches *to, size_t n)
{
    to->list = ARENA_ARRAY(p->arena, struct branch, n);
    to->n = n;
    if (to->list == NULL) {
        p->no_memory = true;
        to->n = 0;
    }
}

static const struct rest *rest_add(
    struct plan *p, const struct rest *rest, const struct partiql_node *n)
{
    struct rest *r = ARENA_NEW(p->arena, struct rest);
    if (r == NULL) {
        p->no_memory = true;
        return rest;
    }
    *r = (struct rest){n, rest};
    return r;
}

/* A condition that no key range can stand for. */
static void set_rest(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    *to = (struct branches){0};
    set_branches(p, to, 1);
    if (to->n == 1) {
        to->list[0].rest = rest_add(p, NULL, n);
    }
}

/* A node that is a key attribute: its place among the hash or the range attributes. */
struct key_at {
    const struct expr_key_attr *attr; /* NULL: it is none */
    bool is_hash;
    size_t i;
};

static struct key_at key_at(const struct plan *p, const struct partiql_node *n)
{
    size_t hashes = expr_keys_hashes(p->keys);
    for (size_t i = 0; i < expr_keys_count(p->keys); i++) {
        const struct expr_key_attr *attr = expr_keys_at(p->keys, i);
        if (pq_is_attr(n, attr->name)) {
            return (struct key_at){attr, i < hashes, i < hashes ? i : i - hashes};
        }
    }
    return (struct key_at){0};
}

static void check_type(struct branch *b, struct key_at at, const struct value *v)
{
    if (v->type != at.attr->type && b->bad == NULL) {
        b->bad = at.attr;
        b->bad_value = v;
    }
}

/* The smallest text above all that begin with `prefix`, as a value to compare with; NULL: none. */
static const struct value *prefix_end(struct plan *p, const struct value *prefix)
{
    struct bytes end = key_prefix_end(p->arena, prefix->bytes);
    struct value *v = ARENA_NEW(p->arena, struct value);
    if (end.base == NULL && end.len == 0) {
        return NULL;
    }
    if (v == NULL) {
        p->no_memory = true;
        return NULL;
    }
    *v = (struct value){.type = prefix->type, .bytes = end};
    return end.len == 0 ? NULL : v;
}

/* `attr op v`. Whether a key range can stand for it. */
static bool set_compare(
    struct plan *p,
    struct branches *to,
    const struct partiql_node *attr,
    enum pq_token op,
    const struct value *v)
{
    struct key_at at = key_at(p, attr);
    if (at.attr == NULL || op == PQ_NE || (at.is_hash && op != PQ_EQ)) {
        return false;
    }
    set_branches(p, to, 1);
    if (to->n == 0) {
        return true;
    }
    struct branch *b = &to->list[0];
    check_type(b, at, v);
    to->names_key = true;
    if (at.is_hash) {
        to->pins = 1u << at.i;
        b->hash[at.i] = v;
        return true;
    }
    b->range[at.i] = (struct bound){
        .lo = op == PQ_EQ || op == PQ_GT || op == PQ_GE ? v : NULL,
        .hi = op == PQ_EQ || op == PQ_LT || op == PQ_LE ? v : NULL,
        .lo_out = op == PQ_GT,
        .hi_out = op == PQ_LT,
    };
    return true;
}

/* The operator with its operands the other way round. */
static enum pq_token turned(uint8_t op)
{
    static const enum pq_token to[] = {
        [PQ_EQ - PQ_EQ] = PQ_EQ,
        [PQ_NE - PQ_EQ] = PQ_NE,
        [PQ_LT - PQ_EQ] = PQ_GT,
        [PQ_LE - PQ_EQ] = PQ_GE,
        [PQ_GT - PQ_EQ] = PQ_LT,
        [PQ_GE - PQ_EQ] = PQ_LE,
    };
    ASSERT(op >= PQ_EQ);
    ASSERT(op <= PQ_GE);
    return to[op - PQ_EQ];
}

static bool plan_compare(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    if (n->a->kind == PQN_NAME && n->b->value != NULL) {
        return set_compare(p, to, n->a, (enum pq_token)n->tok->kind, n->b->value);
    }
    return n->b->kind == PQN_NAME && n->a->value != NULL &&
           set_compare(p, to, n->b, turned(n->tok->kind), n->a->value);
}

static bool plan_between(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    struct key_at at = key_at(p, n->a);
    if (n->negated || at.attr == NULL || at.is_hash || n->b->value == NULL || n->c->value == NULL) {
        return false;
    }
    set_branches(p, to, 1);
    if (to->n == 1) {
        to->list[0].range[at.i] = (struct bound){.lo = n->b->value, .hi = n->c->value};
        check_type(&to->list[0], at, n->b->value);
        check_type(&to->list[0], at, n->c->value);
    }
    to->names_key = true;
    return true;
}

static bool plan_begins_with(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    struct bytes name = BYTES_LIT("begins_with");
    if (n->n_args != 2 || n->name.len != name.len || (n->name.base[0] | 0x20) != 'b') {
        return false;
    }
    struct key_at at = key_at(p, n->args);
    const struct value *prefix = n->args->next->value;
    if (at.attr == NULL || at.is_hash || prefix == NULL) {
        return false;
    }
    set_branches(p, to, 1);
    if (to->n == 1) {
        struct branch *b = &to->list[0];
        check_type(b, at, prefix);
        bool text = b->bad == NULL && prefix->type != VALUE_NUMBER;
        b->range[at.i] = (struct bound){
            .lo = prefix,
            .hi = text ? prefix_end(p, prefix) : NULL,
            .hi_out = true,
            .prefix = true,
        };
    }
    to->names_key = true;
    return true;
}

static bool plan_in(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    struct key_at at = key_at(p, n->a);
    const struct partiql_node *x;
    size_t n_list = pq_in_list(n, &x);
    if (n->negated || n_list == 0 || at.attr == NULL) {
        return false;
    }
    const struct partiql_node *last = x;
    for (size_t i = 0; i < n_list; i++, last = last->next) {
        if (last->value == NULL) {
            return false;
        }
    }
    to->names_key = true;
    to->pins = at.is_hash ? 1u << at.i : 0;
    to->too_many = n_list > BRANCHES_MAX;
    set_branches(p, to, to->too_many ? 1 : n_list);
    for (size_t i = 0; i < to->n; i++, x = x->next) {
        struct branch *b = &to->list[i];
        check_type(b, at, x->value);
        if (at.is_hash) {
            b->hash[at.i] = x->value;
        } else {
            b->range[at.i] = (struct bound){.lo = x->value, .hi = x->value};
        }
    }
    return true;
}

/* ---- AND, OR ---- */

bool bound_is_open(const struct bound *b)
{
    return b->lo == NULL && b->hi == NULL;
}

void bound_narrow(struct bound *b, const struct bound *by)
{
    if (bound_is_open(b) || bound_is_open(by)) {
        *b = bound_is_open(b) ? *by : *b;
        return;
    }
    b->prefix = false;
    if (by->lo != NULL) {
        int order = b->lo == NULL ? 1 : value_cmp(by->lo, b->lo);
        if (order > 0 || (order == 0 && by->lo_out)) {
            b->lo = by->lo;
            b->lo_out = by->lo_out;
        }
    }
    if (by->hi != NULL) {
        int order = b->hi == NULL ? -1 : value_cmp(by->hi, b->hi);
        if (order < 0 || (order == 0 && by->hi_out)) {
            b->hi = by->hi;
            b->hi_out = by->hi_out;
        }
    }
}

/* Joins `y` to `x`. */
static void join(struct plan *p, struct branch *x, const struct branch *y)
{
    if (x->bad == NULL) {
        x->bad = y->bad;
        x->bad_value = y->bad_value;
    }
    x->hash_clash = x->hash_clash || y->hash_clash;
    for (size_t i = 0; i < EXPR_KEY_PARTS_MAX; i++) {
        if (x->hash[i] == NULL) {
            x->hash[i] = y->hash[i];
        } else if (y->hash[i] != NULL && !value_eq(x->hash[i], y->hash[i])) {
            x->hash_clash = true;
        }
        if (x->bad == NULL) {
            bound_narrow(&x->range[i], &y->range[i]);
        }
    }
    for (const struct rest *r = y->rest; r != NULL && !p->no_memory; r = r->next) {
        x->rest = rest_add(p, x->rest, r->node);
    }
}

static void plan_and(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    const struct branches *x = branches_of(p, n->a);
    const struct branches *y = branches_of(p, n->b);
    to->names_key = x->names_key || y->names_key;
    to->pins = x->pins | y->pins;
    to->too_many = x->too_many || y->too_many || x->n * y->n > BRANCHES_MAX;
    if (to->too_many) {
        set_branches(p, to, 1);
        return;
    }
    if (y->n == 1) { /* each node is used once: x's branches may become ours */
        to->list = x->list;
        to->n = x->n;
    } else {
        set_branches(p, to, x->n * y->n);
    }
    for (size_t i = 0; i < to->n && !p->no_memory; i++) {
        to->list[i] = x->list[i / y->n];
        join(p, &to->list[i], &y->list[i % y->n]);
    }
}

static void plan_or(struct plan *p, struct branches *to, const struct partiql_node *n)
{
    const struct branches *x = branches_of(p, n->a);
    const struct branches *y = branches_of(p, n->b);
    if (!x->names_key && !y->names_key) {
        set_rest(p, to, n);
        return;
    }
    to->names_key = true;
    to->pins = x->pins & y->pins;
    to->too_many = x->too_many || y->too_many || x->n + y->n > BRANCHES_MAX;
    set_branches(p, to, to->too_many ? 1 : x->n + y->n);
    for (size_t i = 0; i < to->n && !to->too_many; i++) {
        to->list[i] = i < x->n ? x->list[i] : y->list[i - x->n];
    }
}

void branches_make(struct plan *p, const struct partiql_node *n)
{
    struct branches *to = branches_of(p, n);
    bool done = false;
    if (n->kind == PQN_AND) {
        plan_and(p, to, n);
        done = true;
    } else if (n->kind == PQN_OR) {
        plan_or(p, to, n);
        done = true;
    } else if (n->kind == PQN_COMPARE) {
        done = plan_compare(p, to, n);
    } else if (n->kind == PQN_BETWEEN) {
        done = plan_between(p, to, n);
    } else if (n->kind == PQN_IN) {
        done = plan_in(p, to, n);
    } else if (n->kind == PQN_CALL) {
        done = plan_begins_with(p, to, n);
    }
    if (!done && n->cls == PQC_PREDICATE) {
        set_rest(p, to, n);
    }
}
