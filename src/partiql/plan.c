/* From a WHERE clause to key ranges. The clause is spread over every OR and IN that names a key
 * attribute, into branches that are each an AND: an equality on the partition key, a range of the
 * sort key, and a rest. When every branch has exactly one partition, each is one read; otherwise
 * all is read. Whatever is read goes through the whole clause again as a filter, so a read may
 * cover more than its branch (a range open at both ends is read closed), never less; where it does,
 * its filter has the branch's bounds too, lest another branch's items be told twice.
 *
 * Ranges that overlap would tell items twice and are refused, as DynamoDB refuses them. */

#include "partiql/ast.h"

enum { BRANCHES_MAX = 64 }; /* more are "too many" whatever they are */
static_assert((int)BRANCHES_MAX > (int)PARTIQL_READS_MAX, "too many can be told");

/* What of a branch is for the filter: conditions, newest first. */
struct rest {
    const struct partiql_node *node;
    const struct rest *next;
};

/* What a sort key's attribute may be. */
struct bound {
    const struct value *lo; /* NULL: open */
    const struct value *hi;
    bool lo_out; /* the bound itself is not in the range */
    bool hi_out;
    bool prefix; /* lo and hi enclose what begins with lo */
};

struct branch {
    const struct value *hash[EXPR_KEY_PARTS_MAX];
    bool hash_clash; /* two different ones: nothing fits, and nothing is read by key */
    struct bound range[EXPR_KEY_PARTS_MAX];
    const struct rest *rest;
    /* The first key attribute that is compared with a value of another type. */
    const struct expr_key_attr *bad;
    const struct value *bad_value;
};

struct branches {
    struct branch *list;
    size_t n;
    bool too_many;
    bool names_key; /* a key condition is in it */
    unsigned pins;  /* which partition key attributes every branch would have, a bit each */
};

struct plan {
    struct arena *arena;
    const struct partiql_stmt *stmt;
    const struct expr_key_schema *keys;
    struct branches *of; /* by node, from stmt->where_first on */
    bool no_memory;
};

static struct branches *branches_of(struct plan *p, const struct partiql_node *n)
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

static bool is_open(const struct bound *b)
{
    return b->lo == NULL && b->hi == NULL;
}

/* Narrows a range by another. */
static void narrow(struct bound *b, const struct bound *by)
{
    if (is_open(b) || is_open(by)) {
        *b = is_open(b) ? *by : *b;
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
            narrow(&x->range[i], &y->range[i]);
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

static void plan_node(struct plan *p, const struct partiql_node *n)
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

/* ---- checks ---- */

static enum err fail_key_type(struct plan *p, const struct branch *b, struct bytes *reterr_msg)
{
    enum value_type type = b->bad_value->type;
    bool scalar = type == VALUE_STRING || type == VALUE_NUMBER || type == VALUE_BINARY;
    *reterr_msg =
        scalar ? bytes_fmt(
                     p->arena,
                     "Key attribute's data type should match its data type in table's schema: Key "
                     "%.*s",
                     BYTES_FMT(b->bad->name))
               : bytes_fmt(
                     p->arena,
                     "Key value must be of type S, N, or B. Key name: %.*s, Key type: %s",
                     BYTES_FMT(b->bad->name),
                     value_tag(type));
    return reterr_msg->base == NULL ? ERR_TOO_BIG : ERR_INVALID;
}

/* The order of two branches' partitions by value. */
static int cmp_hash(const struct plan *p, const struct branch *x, const struct branch *y)
{
    for (size_t i = 0; i < expr_keys_hashes(p->keys); i++) {
        int order = value_cmp(x->hash[i], y->hash[i]);
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

static bool bounds_meet(const struct bound *x, const struct bound *y)
{
    struct bound both = *x;
    narrow(&both, y);
    if (both.lo == NULL || both.hi == NULL) {
        return true;
    }
    int order = value_cmp(both.lo, both.hi);
    return order < 0 || (order == 0 && !both.lo_out && !both.hi_out);
}

/* Whether two branches may read one item. */
static bool overlap(const struct plan *p, const struct branch *x, const struct branch *y)
{
    bool meet = cmp_hash(p, x, y) == 0;
    for (size_t i = 0; i < EXPR_KEY_PARTS_MAX && meet; i++) {
        meet = bounds_meet(&x->range[i], &y->range[i]);
    }
    return meet;
}

static bool any_overlap(const struct plan *p, const struct branches *bs)
{
    for (size_t i = 0; i < bs->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (overlap(p, &bs->list[i], &bs->list[k])) {
                return true;
            }
        }
    }
    return false;
}

static bool is_keyed(const struct plan *p, const struct branches *bs)
{
    bool keyed = bs->n > 0 && !bs->too_many;
    for (size_t i = 0; i < bs->n && keyed; i++) {
        for (size_t k = 0; k < expr_keys_hashes(p->keys); k++) {
            keyed = keyed && bs->list[i].hash[k] != NULL && !bs->list[i].hash_clash;
        }
    }
    return keyed;
}

/* ---- attributes an index does not hold ---- */

/* The order in which a hash set of Java tells strings: by bucket, then by arrival. */
static uint32_t java_hash(struct bytes s)
{
    uint32_t h = 0;
    for (size_t i = 0; i < s.len; i++) {
        h = h * 31 + s.base[i];
    }
    return h ^ h >> 16;
}

static void java_order(struct bytes *names, size_t n)
{
    uint32_t buckets = 16;
    while (n > buckets / 4 * 3) {
        buckets *= 2;
    }
    for (size_t i = 1; i < n; i++) {
        struct bytes name = names[i];
        size_t at = i;
        while (at > 0 &&
               (java_hash(names[at - 1]) & (buckets - 1)) > (java_hash(name) & (buckets - 1))) {
            names[at] = names[at - 1];
            at--;
        }
        names[at] = name;
    }
}

static bool is_among(struct bytes name, const struct bytes *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(name, names[i])) {
            return true;
        }
    }
    return false;
}

/* The first node of the subtree that ends in `n`. */
static const struct partiql_node *subtree_first(struct plan *p, const struct partiql_node *n)
{
    const struct partiql_node *first = n;
    const struct partiql_node *x = n;
    while (x->a != NULL || x->args != NULL) {
        x = x->a != NULL ? x->a : x->args;
        first = x < first ? x : first;
    }
    ASSERT(first >= p->stmt->where_first);
    return first;
}

/* The attributes in the branch's rest that `held` lacks, into `names`. */
static size_t rest_not_held(
    struct plan *p, const struct branch *b, const struct partiql_held *held, struct bytes *names)
{
    size_t n = 0;
    const struct rest *order[PARTIQL_BYTES_MAX / 4];
    size_t n_rest = 0;
    for (const struct rest *r = b->rest; r != NULL && n_rest < sizeof order / sizeof order[0];
         r = r->next) {
        order[n_rest++] = r;
    }
    while (n_rest > 0) {
        const struct partiql_node *last = order[--n_rest]->node;
        for (const struct partiql_node *x = subtree_first(p, last); x <= last; x++) {
            if (x->kind == PQN_NAME && !is_among(x->name, held->names, held->n) &&
                !is_among(x->name, names, n)) {
                names[n++] = x->name;
            }
        }
    }
    java_order(names, n);
    return n;
}

/* As DynamoDB has it: a range that can do without lets all through, else the range of the greatest
 * partition is told. */
static enum err find_not_held(
    struct plan *p,
    const struct branches *bs,
    const struct partiql_held *held,
    struct partiql_reads *ret)
{
    const struct branch *greatest = NULL;
    for (size_t i = 0; i < bs->n; i++) {
        struct bytes *names = ARENA_ARRAY(p->arena, struct bytes, p->stmt->n_nodes);
        if (names == NULL) {
            return ERR_TOO_BIG;
        }
        size_t n = rest_not_held(p, &bs->list[i], held, names);
        if (n == 0) {
            ret->n_not_held = 0;
            return OK;
        }
        if (greatest == NULL || cmp_hash(p, &bs->list[i], greatest) > 0) {
            greatest = &bs->list[i];
            ret->not_held = names;
            ret->n_not_held = n;
        }
    }
    return OK;
}

/* ---- ORDER BY ---- */

static const struct partiql_order *order_of(const struct partiql_stmt *stmt, struct bytes attr)
{
    for (size_t i = 0; i < stmt->n_order; i++) {
        if (attr.base != NULL && bytes_eq(stmt->order[i].attr, attr)) {
            return &stmt->order[i];
        }
    }
    return NULL;
}

static bool one_partition(const struct plan *p, const struct branches *bs)
{
    for (size_t i = 1; i < bs->n; i++) {
        if (cmp_hash(p, &bs->list[i], &bs->list[0]) != 0) {
            return false;
        }
    }
    return true;
}

static enum err check_order(struct plan *p, const struct branches *bs, struct bytes *reterr_msg)
{
    const struct partiql_stmt *stmt = p->stmt;
    if (stmt->where == NULL) {
        *reterr_msg =
            BYTES_LIT("Must have WHERE clause in the statement when using ORDER BY clause.");
        return ERR_INVALID;
    }
    for (size_t i = 0; i < stmt->n_order; i++) {
        if (!expr_keys_have(p->keys, stmt->order[i].attr)) {
            *reterr_msg = bytes_fmt(
                p->arena,
                "Attribute %.*s in ORDER BY clause must be part of the primary key",
                BYTES_FMT(stmt->order[i].attr));
            return reterr_msg->base == NULL ? ERR_TOO_BIG : ERR_INVALID;
        }
    }
    if (!is_keyed(p, bs)) {
        *reterr_msg = BYTES_LIT("Must have at least one non-optional hash key condition in WHERE "
                                "clause when using ORDER BY clause.");
        return ERR_INVALID;
    }
    if (!one_partition(p, bs) && order_of(stmt, p->keys->hash.name) == NULL) {
        *reterr_msg = BYTES_LIT("Must have hash key in ORDER BY clause when more than one hash key "
                                "condition specified in WHERE clause.");
        return ERR_INVALID;
    }
    return OK;
}

/* Where a branch begins in its partition; open beginnings first. */
static int cmp_range(const struct branch *x, const struct branch *y)
{
    for (size_t i = 0; i < EXPR_KEY_PARTS_MAX; i++) {
        const struct bound *a = &x->range[i];
        const struct bound *b = &y->range[i];
        int order = a->lo == NULL || b->lo == NULL ? (a->lo != NULL) - (b->lo != NULL)
                                                   : value_cmp(a->lo, b->lo);
        order = order != 0 ? order : a->lo_out - b->lo_out;
        if (order != 0) {
            return order;
        }
    }
    return 0;
}

/* Branches in the order of the items they read: partitions by value when ordered and as they come
 * otherwise, ranges within one by value. */
static void sort_branches(struct plan *p, struct branches *bs, bool backward)
{
    const struct partiql_order *by_hash = order_of(p->stmt, p->keys->hash.name);
    for (size_t i = 1; i < bs->n; i++) {
        struct branch b = bs->list[i];
        size_t at = i;
        while (at > 0) {
            const struct branch *before = &bs->list[at - 1];
            int order = cmp_hash(p, before, &b);
            if (order == 0) {
                order = backward ? -cmp_range(before, &b) : cmp_range(before, &b);
            } else if (by_hash == NULL) {
                order = 0;
            } else if (by_hash->descending) {
                order = -order;
            }
            if (order <= 0) {
                break;
            }
            bs->list[at] = bs->list[at - 1];
            at--;
        }
        bs->list[at] = b;
    }
}

/* ---- ranges ---- */

static bool is_single(const struct bound *b)
{
    return b->lo != NULL && b->hi != NULL && !b->prefix && !b->lo_out && !b->hi_out &&
           value_eq(b->lo, b->hi);
}

/* The operator and operands that cover a range of one attribute; false when the range is empty. */
static bool range_of(const struct bound *b, struct expr_key_cond *ret)
{
    if (b->prefix) {
        ret->op = EXPR_RANGE_BEGINS_WITH;
        ret->lo = *b->lo;
        return true;
    }
    if (b->lo != NULL && b->hi != NULL) {
        int order = value_cmp(b->lo, b->hi);
        ret->op = order == 0 ? EXPR_RANGE_EQ : EXPR_RANGE_BETWEEN;
        ret->lo = *b->lo;
        ret->hi = *b->hi;
        return order < 0 || (order == 0 && !b->lo_out && !b->hi_out);
    }
    if (b->lo != NULL) {
        ret->op = b->lo_out ? EXPR_RANGE_GT : EXPR_RANGE_GE;
        ret->lo = *b->lo;
    } else if (b->hi != NULL) {
        ret->op = b->hi_out ? EXPR_RANGE_LT : EXPR_RANGE_LE;
        ret->lo = *b->hi;
    }
    return true;
}

/* A key condition that covers the branch: of a key of several attributes the partition, the sort
 * key's attributes that are told exactly from the first on, and a range of the next. *ret_any
 * false: nothing fits; *ret_exact: it covers nothing else. */
static enum err cond_of(
    struct plan *p,
    const struct branch *b,
    struct expr_key_cond *ret,
    bool *ret_any,
    bool *ret_exact)
{
    size_t hashes = expr_keys_hashes(p->keys);
    size_t ranges = expr_keys_count(p->keys) - hashes;
    struct value *more = ARENA_ARRAY(p->arena, struct value, EXPR_KEY_ATTRS_MAX);
    if (more == NULL) {
        return ERR_TOO_BIG;
    }
    *ret = (struct expr_key_cond){.hash = *b->hash[0], .more = more, .op = EXPR_RANGE_ALL};
    for (size_t i = 1; i < hashes; i++) {
        more[ret->n_more++] = *b->hash[i];
    }
    size_t i = 0;
    while (i + 1 < ranges && is_single(&b->range[i])) {
        more[ret->n_more++] = *b->range[i++].lo;
    }
    *ret_any = i == ranges || range_of(&b->range[i], ret);
    *ret_exact = ret->op != EXPR_RANGE_BETWEEN || (!b->range[i].lo_out && !b->range[i].hi_out);
    for (i++; i < ranges; i++) {
        *ret_exact = *ret_exact && is_open(&b->range[i]);
    }
    return OK;
}

static const struct expr_cond *bound_cond(
    struct plan *p, const struct expr_path *path, const struct bound *b)
{
    const struct expr_cond *both[2];
    size_t n = 0;
    if (b->lo != NULL) {
        both[n++] = expr_cond_compare(p->arena, path, b->lo_out ? EXPR_GT : EXPR_GE, b->lo);
    }
    if (b->hi != NULL) {
        both[n++] = expr_cond_compare(p->arena, path, b->hi_out ? EXPR_LT : EXPR_LE, b->hi);
    }
    bool made = both[0] != NULL && (n < 2 || both[1] != NULL);
    return made ? expr_cond_join(p->arena, /* is_and= */ true, both, n) : NULL;
}

/* The filter with the bounds of the branch. NULL at the cap. */
static const struct expr_cond *filter_within(
    struct plan *p, const struct branch *b, const struct expr_cond *filter)
{
    const struct expr_cond *all[1 + EXPR_KEY_PARTS_MAX] = {filter};
    size_t n = 1;
    size_t hashes = expr_keys_hashes(p->keys);
    for (size_t i = 0; i + hashes < expr_keys_count(p->keys); i++) {
        if (is_open(&b->range[i])) {
            continue;
        }
        struct expr_step *step = ARENA_NEW(p->arena, struct expr_step);
        if (step == NULL) {
            return NULL;
        }
        step->name = expr_keys_at(p->keys, hashes + i)->name;
        struct expr_path path = {step, 1};
        all[n] = bound_cond(p, &path, &b->range[i]);
        if (all[n++] == NULL) {
            return NULL;
        }
    }
    return expr_cond_join(p->arena, /* is_and= */ true, all, n);
}

static enum err make_reads(struct plan *p, const struct branches *bs, struct partiql_reads *ret)
{
    struct partiql_read *reads = ARENA_ARRAY(p->arena, struct partiql_read, bs->n);
    if (reads == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < bs->n; i++) {
        bool any;
        bool exact;
        struct partiql_read *r = &reads[ret->n_reads];
        enum err err = cond_of(p, &bs->list[i], &r->cond, &any, &exact);
        if (err != OK) {
            return err;
        }
        r->filter = exact ? ret->filter : filter_within(p, &bs->list[i], ret->filter);
        if (r->filter == NULL) {
            return ERR_TOO_BIG;
        }
        ret->n_reads += any;
    }
    ret->reads = reads;
    ret->scan = false;
    return OK;
}

/* ---- all of it ---- */

static enum err lower_filter(struct plan *p, struct partiql_reads *ret, struct bytes *reterr_msg)
{
    struct pq_lower l = {
        .arena = p->arena,
        .stmt = p->stmt,
        .build = expr_build_new(p->arena, BUILD_FACTOR * p->stmt->n_nodes + 64)};
    if (l.build == NULL) {
        return ERR_TOO_BIG;
    }
    struct expr_ref root = pq_lower_where(&l);
    if (l.err != OK) {
        *reterr_msg = l.msg;
        return l.err;
    }
    enum err err = expr_build_cond(l.build, root, &ret->filter, reterr_msg);
    for (size_t i = 0; i < expr_keys_count(p->keys) && err == OK; i++) {
        struct bytes name = expr_keys_at(p->keys, i)->name;
        if (expr_cond_reaches_into(ret->filter, name)) {
            *reterr_msg = bytes_fmt(
                p->arena,
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are "
                "not allowed: Key %.*s",
                BYTES_FMT(name));
            err = reterr_msg->base == NULL ? ERR_TOO_BIG : ERR_INVALID;
        }
    }
    return err;
}

static enum err plan_where(
    struct plan *p,
    const struct partiql_held *held,
    struct partiql_reads *ret,
    struct bytes *reterr_msg)
{
    const struct partiql_node *where = p->stmt->where;
    enum err err = lower_filter(p, ret, reterr_msg);
    if (err != OK) {
        return err;
    }
    size_t n_nodes = (size_t)(where - p->stmt->where_first) + 1;
    p->of = ARENA_ARRAY(p->arena, struct branches, n_nodes);
    for (const struct partiql_node *n = p->stmt->where_first; p->of != NULL && n <= where; n++) {
        plan_node(p, n);
    }
    if (p->of == NULL || p->no_memory) {
        return ERR_TOO_BIG;
    }
    struct branches *bs = branches_of(p, where);
    for (size_t i = 0; i < bs->n; i++) {
        if (bs->list[i].bad != NULL) {
            return fail_key_type(p, &bs->list[i], reterr_msg);
        }
    }
    bool pinned = bs->pins == (1u << expr_keys_hashes(p->keys)) - 1;
    if (pinned && (bs->too_many || bs->n > PARTIQL_READS_MAX)) {
        *reterr_msg = BYTES_LIT("Too many decomposed read operations for a given query.");
        return ERR_INVALID;
    }
    bool keyed = is_keyed(p, bs) && bs->n <= PARTIQL_READS_MAX;
    if (keyed && any_overlap(p, bs)) {
        *reterr_msg =
            BYTES_LIT("Overlapping conditions with range keys are not supported in where clause");
        return ERR_INVALID;
    }
    if (keyed && held != NULL) {
        err = find_not_held(p, bs, held, ret);
    }
    if (err == OK && p->stmt->n_order > 0) {
        err = check_order(p, bs, reterr_msg);
    }
    if (err == OK && keyed) {
        const struct partiql_order *by_range = order_of(p->stmt, p->keys->range.name);
        /* Ordered by the partition key alone, sort keys come from the end. */
        ret->backward = by_range != NULL ? by_range->descending : p->stmt->n_order > 0;
        sort_branches(p, bs, ret->backward);
        err = make_reads(p, bs, ret);
    }
    return err;
}

enum err partiql_plan_reads(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    const struct partiql_held *held,
    struct partiql_reads *ret,
    struct bytes *reterr_msg)
{
    ASSERT(stmt->kind == PARTIQL_SELECT || stmt->kind == PARTIQL_EXISTS);
    struct plan p = {.arena = a, .stmt = stmt, .keys = keys};
    struct partiql_reads reads = {.scan = true};
    enum err err = OK;
    if (stmt->where != NULL) {
        err = plan_where(&p, held, &reads, reterr_msg);
    } else if (stmt->n_order > 0) {
        err = check_order(&p, NULL, reterr_msg);
    }
    if (err == OK) {
        *ret = reads;
    }
    return err;
}
