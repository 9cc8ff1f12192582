/* From a WHERE clause to key ranges. When every branch of the clause (branch.c) has exactly one
 * partition, each is one read; otherwise all is read. Whatever is read goes through the whole
 * clause again as a filter, so a read may cover more than its branch (a range open at both ends is
 * read closed), never less; where it does, its filter has the branch's bounds too, lest another
 * branch's items be told twice.
 *
 * Ranges that overlap would tell items twice and are refused, as DynamoDB refuses them. */

#include "partiql/branch.h"

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
    bound_narrow(&both, y);
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

/* ---- empty keys ---- */

static bool is_empty(const struct value *v)
{
    return v != NULL && (v->type == VALUE_STRING || v->type == VALUE_BINARY) && v->bytes.len == 0;
}

/* The first empty value that a key attribute is to be read by, or NULL. */
static const struct value *empty_key(
    const struct plan *p, const struct branches *bs, const struct expr_key_attr **ret_attr)
{
    size_t hashes = expr_keys_hashes(p->keys);
    size_t count = expr_keys_count(p->keys);
    for (size_t i = 0; i < bs->n; i++) {
        const struct branch *b = &bs->list[i];
        for (size_t k = 0; k < count; k++) {
            const struct bound *r = k < hashes ? NULL : &b->range[k - hashes];
            const struct value *lo = r == NULL ? b->hash[k] : r->lo;
            const struct value *hi = r == NULL ? NULL : r->hi;
            *ret_attr = expr_keys_at(p->keys, k);
            if (is_empty(lo) || is_empty(hi)) {
                return is_empty(lo) ? lo : hi;
            }
        }
    }
    return NULL;
}

/* As a Query refuses it. */
static enum err check_empty_keys(
    struct plan *p, const struct branches *bs, struct bytes *reterr_msg)
{
    const struct expr_key_attr *attr;
    const struct value *v = empty_key(p, bs, &attr);
    if (v == NULL) {
        return OK;
    }
    *reterr_msg = bytes_fmt(
        p->arena,
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty %s value. Key: %.*s",
        v->type == VALUE_STRING ? "string" : "binary",
        BYTES_FMT(attr->name));
    return reterr_msg->base == NULL ? ERR_TOO_BIG : ERR_INVALID;
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
        *ret_exact = *ret_exact && bound_is_open(&b->range[i]);
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
        if (bound_is_open(&b->range[i])) {
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
        branches_make(p, n);
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
    if (keyed) {
        err = check_empty_keys(p, bs, reterr_msg);
    }
    if (err == OK && keyed && held != NULL) {
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
