/* Conditions and filters as short-circuit code: a list of tests, each naming the test to go on with
 * when it holds and when it does not. Evaluation is one loop that only moves forward, so it needs
 * no stack, no memory and at most as many steps as there are tests.
 *
 * Invariant: on_true and on_false of test i are greater than i, or TO_TRUE, or TO_FALSE. */

#include "expr/ast.h"

enum { TO_TRUE = -1, TO_FALSE = -2 };

struct operand {
    bool is_size;
    struct expr_path path; /* n 0: a value */
    const struct value *value;
};

enum test_kind {
    TEST_COMPARE,
    TEST_BETWEEN,
    TEST_IN,
    TEST_EXISTS,
    TEST_TYPE,
    TEST_BEGINS_WITH,
    TEST_CONTAINS,
};

struct test {
    enum test_kind kind;
    enum expr_cmp cmp;
    struct operand x;
    const struct operand *others;
    size_t n_others;
    int32_t on_true;
    int32_t on_false;
};

struct expr_cond {
    const struct test *tests;
    size_t n;
    int32_t entry;
};

/* ---- evaluation ---- */

/* UTF-16 units: one more than code points for each 4-byte sequence. DynamoDB's guide just says "the
 * length of the string"; those who imitate it count these. */
static size_t string_units(struct bytes s)
{
    size_t n = utf8_length(s);
    for (size_t i = 0; i < s.len; i++) {
        n += s.base[i] >= 0xF0;
    }
    return n;
}

static bool size_of(const struct value *v, size_t *ret)
{
    switch (v->type) {
    case VALUE_STRING:
        *ret = string_units(v->bytes);
        return true;
    case VALUE_BINARY:
        *ret = v->bytes.len;
        return true;
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        *ret = v->list.n;
        return true;
    case VALUE_MAP:
        *ret = v->map.n;
        return true;
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_NUMBER:
        return false;
    }
    UNREACHABLE();
}

/* The operand's value or NULL; a size is made in *scratch. */
static const struct value *operand_value(
    const struct operand *o, const struct value *item, struct value *scratch)
{
    const struct value *v = o->path.n > 0 ? expr_path_find(&o->path, item) : o->value;
    if (v == NULL || !o->is_size) {
        return v;
    }
    size_t size;
    if (!size_of(v, &size)) {
        return NULL;
    }
    *scratch = (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64((int64_t)size)};
    return scratch;
}

static bool is_ordered(enum value_type t)
{
    return t == VALUE_STRING || t == VALUE_NUMBER || t == VALUE_BINARY;
}

static bool compare(enum expr_cmp cmp, const struct value *x, const struct value *y)
{
    bool both = x != NULL && y != NULL;
    if (cmp == EXPR_EQ || cmp == EXPR_NE) {
        return (both && value_eq(x, y)) == (cmp == EXPR_EQ);
    }
    if (!both || x->type != y->type || !is_ordered(x->type)) {
        return false;
    }
    int order = value_cmp(x, y);
    switch (cmp) {
    case EXPR_EQ:
    case EXPR_NE:
        break;
    case EXPR_LT:
        return order < 0;
    case EXPR_LE:
        return order <= 0;
    case EXPR_GT:
        return order > 0;
    case EXPR_GE:
        return order >= 0;
    }
    UNREACHABLE();
}

static bool begins_with(const struct value *x, const struct value *prefix)
{
    return x != NULL && prefix != NULL && x->type == prefix->type &&
           (x->type == VALUE_STRING || x->type == VALUE_BINARY) &&
           bytes_has_prefix(x->bytes, prefix->bytes);
}

static bool has_element(const struct value *list, const struct value *v)
{
    for (size_t i = 0; i < list->list.n; i++) {
        if (value_eq(&list->list.items[i], v)) {
            return true;
        }
    }
    return false;
}

static bool contains(const struct value *x, const struct value *v)
{
    if (x == NULL || v == NULL) {
        return false;
    }
    switch (x->type) {
    case VALUE_STRING:
    case VALUE_BINARY:
        return x->type == v->type && bytes_contains(x->bytes, v->bytes);
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        return has_element(x, v);
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_NUMBER:
    case VALUE_MAP:
        return false;
    }
    UNREACHABLE();
}

static bool is_in(const struct test *t, const struct value *x, const struct value *item)
{
    for (size_t i = 0; i < t->n_others && x != NULL; i++) {
        struct value scratch;
        const struct value *y = operand_value(&t->others[i], item, &scratch);
        if (y != NULL && value_eq(x, y)) {
            return true;
        }
    }
    return false;
}

static bool test_holds(const struct test *t, const struct value *item)
{
    struct value scratch_x;
    struct value scratch_y = {0};
    struct value scratch_z;
    const struct value *x = operand_value(&t->x, item, &scratch_x);
    if (t->kind == TEST_IN) {
        return is_in(t, x, item);
    }
    const struct value *y = t->n_others > 0 ? operand_value(&t->others[0], item, &scratch_y) : NULL;
    switch (t->kind) {
    case TEST_COMPARE:
        return compare(t->cmp, x, y);
    case TEST_BETWEEN:
        return compare(EXPR_GE, x, y) &&
               compare(EXPR_LE, x, operand_value(&t->others[1], item, &scratch_z));
    case TEST_EXISTS:
        return x != NULL;
    case TEST_TYPE:
        return x != NULL && y != NULL && bytes_eq_str(y->bytes, value_tag(x->type));
    case TEST_BEGINS_WITH:
        return begins_with(x, y);
    case TEST_CONTAINS:
        return contains(x, y);
    case TEST_IN:
        break;
    }
    UNREACHABLE();
}

bool expr_cond_eval(const struct expr_cond *c, const struct value *item)
{
    ASSERT(item->type == VALUE_MAP);
    int32_t at = c->entry;
    while (at >= 0) {
        ASSERT((size_t)at < c->n);
        const struct test *t = &c->tests[at];
        int32_t to = test_holds(t, item) ? t->on_true : t->on_false;
        ASSERT(to > at || to < 0);
        at = to;
    }
    return at == TO_TRUE;
}

static bool operand_mentions(const struct operand *o, struct bytes name, size_t n_steps_min)
{
    return o->path.n >= n_steps_min && bytes_eq(o->path.steps[0].name, name);
}

static bool cond_mentions(const struct expr_cond *c, struct bytes name, size_t n_steps_min)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct test *t = &c->tests[i];
        if (operand_mentions(&t->x, name, n_steps_min)) {
            return true;
        }
        for (size_t j = 0; j < t->n_others; j++) {
            if (operand_mentions(&t->others[j], name, n_steps_min)) {
                return true;
            }
        }
    }
    return false;
}

bool expr_cond_mentions(const struct expr_cond *c, struct bytes name)
{
    return cond_mentions(c, name, /* n_steps_min= */ 1);
}

bool expr_cond_reaches_into(const struct expr_cond *c, struct bytes name)
{
    return cond_mentions(c, name, /* n_steps_min= */ 2);
}

/* ---- from nodes ---- */

static struct operand operand_of(const struct node *n)
{
    if (n->kind == NODE_CALL) {
        ASSERT(n->function == FUNCTION_SIZE);
        struct operand o = {.path = n->args->path, .value = n->args->value, .is_size = true};
        return o;
    }
    return (struct operand){.path = n->path, .value = n->value};
}

static enum expr_cmp cmp_of(uint8_t token)
{
    static const enum expr_cmp cmps[] = {EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE};
    ASSERT(token >= TOKEN_EQ);
    ASSERT(token <= TOKEN_GE);
    return cmps[token - TOKEN_EQ];
}

static bool is_boolean(const struct node *n)
{
    return n->kind == NODE_NOT || n->kind == NODE_AND || n->kind == NODE_OR;
}

static bool is_test(const struct node *n)
{
    return n->kind == NODE_COMPARE || n->kind == NODE_BETWEEN || n->kind == NODE_IN ||
           (n->kind == NODE_CALL && n->function != FUNCTION_SIZE);
}

static enum test_kind kind_of(const struct node *n)
{
    switch ((enum function)n->function) {
    case FUNCTION_ATTRIBUTE_EXISTS:
    case FUNCTION_ATTRIBUTE_NOT_EXISTS:
        return TEST_EXISTS;
    case FUNCTION_ATTRIBUTE_TYPE:
        return TEST_TYPE;
    case FUNCTION_BEGINS_WITH:
        return TEST_BEGINS_WITH;
    case FUNCTION_CONTAINS:
        return TEST_CONTAINS;
    case FUNCTION_NONE:
    case FUNCTION_SIZE:
    case FUNCTION_IF_NOT_EXISTS:
    case FUNCTION_LIST_APPEND:
        break;
    }
    if (n->kind == NODE_COMPARE) {
        return TEST_COMPARE;
    }
    return n->kind == NODE_BETWEEN ? TEST_BETWEEN : TEST_IN;
}

/* Fills a test from node `n`; the operands after the first come from `b`, `c` or the list. */
static bool test_make(struct arena *a, const struct node *n, struct test *ret)
{
    const struct node *list = n->kind == NODE_CALL ? n->args->next : n->args;
    size_t n_list = n->kind == NODE_CALL ? n->n_args - 1 : n->n_args;
    size_t n_others =
        n_list + (n->kind == NODE_COMPARE ? 1 : 0) + (n->kind == NODE_BETWEEN ? 2 : 0);
    struct operand *others = ARENA_ARRAY(a, struct operand, n_others);
    if (others == NULL) {
        return false;
    }
    if (n->kind == NODE_COMPARE || n->kind == NODE_BETWEEN) {
        others[0] = operand_of(n->b);
    }
    if (n->kind == NODE_BETWEEN) {
        others[1] = operand_of(n->c);
    }
    size_t i = 0;
    for (const struct node *x = list; x != NULL; x = x->next) {
        others[i++] = operand_of(x);
    }
    *ret = (struct test){
        .kind = kind_of(n),
        .cmp = n->kind == NODE_COMPARE ? cmp_of(n->token->kind) : EXPR_EQ,
        .x = operand_of(n->kind == NODE_CALL ? n->args : n->a),
        .others = others,
        .n_others = n_others,
    };
    return true;
}

/* Children come before parents, so walking back hands each node's outcomes down to its children. */
static void thread_outcomes(struct parse *p)
{
    p->root->on_true = TO_TRUE;
    p->root->on_false = TO_FALSE;
    for (size_t i = p->n_nodes; i-- > 0;) {
        struct node *n = &p->nodes[i];
        if (n->kind == NODE_NOT) {
            n->a->on_true = n->on_false;
            n->a->on_false = n->on_true;
        } else if (n->kind == NODE_AND || n->kind == NODE_OR) {
            bool is_and = n->kind == NODE_AND;
            n->a->on_true = is_and ? n->b->entry : n->on_true;
            n->a->on_false = is_and ? n->on_false : n->b->entry;
            n->b->on_true = n->on_true;
            n->b->on_false = n->on_false;
        }
    }
}

const struct expr_cond *cond_compile(struct parse *p)
{
    struct expr_cond *c = ARENA_NEW(p->arena, struct expr_cond);
    struct test *tests = ARENA_ARRAY(p->arena, struct test, p->n_nodes);
    if (c == NULL || tests == NULL) {
        return NULL;
    }
    size_t n_tests = 0;
    for (size_t i = 0; i < p->n_nodes; i++) {
        struct node *n = &p->nodes[i];
        if (is_test(n)) {
            if (!test_make(p->arena, n, &tests[n_tests])) {
                return NULL;
            }
            n->entry = (int32_t)n_tests++;
        } else if (is_boolean(n)) {
            n->entry = n->a->entry;
        }
    }
    thread_outcomes(p);
    for (size_t i = 0; i < p->n_nodes; i++) {
        const struct node *n = &p->nodes[i];
        if (is_test(n)) {
            bool negated = n->function == FUNCTION_ATTRIBUTE_NOT_EXISTS;
            tests[n->entry].on_true = negated ? n->on_false : n->on_true;
            tests[n->entry].on_false = negated ? n->on_true : n->on_false;
        }
    }
    *c = (struct expr_cond){tests, n_tests, p->root->entry};
    return c;
}

enum err expr_cond_parse(
    struct arena *a,
    enum expr_kind kind,
    struct bytes text,
    struct expr_env *env,
    const struct expr_cond **ret,
    struct bytes *reterr_msg)
{
    ASSERT(kind == EXPR_CONDITION || kind == EXPR_FILTER);
    struct parse p;
    const struct expr_cond *c = NULL;
    if (parse_text(&p, a, kind, text, env) == OK) {
        check_condition(&p);
    }
    if (p.err == OK) {
        c = cond_compile(&p);
        if (c == NULL) {
            parse_fail_memory(&p);
        }
    }
    parse_done(&p);
    if (p.err == OK) {
        *ret = c;
    } else if (p.err == ERR_INVALID) {
        *reterr_msg = p.msg;
    }
    return p.err;
}

/* ---- from the legacy parameters ---- */

static const struct expr_cond *cond_single(
    struct arena *a, const struct test *test, const struct value *vs, size_t n)
{
    struct expr_cond *c = ARENA_NEW(a, struct expr_cond);
    struct test *t = ARENA_NEW(a, struct test);
    struct operand *others = ARENA_ARRAY(a, struct operand, n);
    if (c == NULL || t == NULL || others == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        others[i] = (struct operand){.value = &vs[i]};
    }
    *t = *test;
    t->others = others;
    t->n_others = n;
    t->on_true = TO_TRUE;
    t->on_false = TO_FALSE;
    *c = (struct expr_cond){t, 1, 0};
    return c;
}

const struct expr_cond *expr_cond_compare(
    struct arena *a, const struct expr_path *path, enum expr_cmp op, const struct value *v)
{
    return cond_single(a, &(struct test){.kind = TEST_COMPARE, .cmp = op, .x.path = *path}, v, 1);
}

const struct expr_cond *expr_cond_between(
    struct arena *a, const struct expr_path *path, const struct value *lo, const struct value *hi)
{
    struct value *bounds = ARENA_ARRAY(a, struct value, 2);
    if (bounds == NULL) {
        return NULL;
    }
    bounds[0] = *lo;
    bounds[1] = *hi;
    return cond_single(a, &(struct test){.kind = TEST_BETWEEN, .x.path = *path}, bounds, 2);
}

const struct expr_cond *expr_cond_in(
    struct arena *a, const struct expr_path *path, const struct value *vs, size_t n)
{
    return cond_single(a, &(struct test){.kind = TEST_IN, .x.path = *path}, vs, n);
}

const struct expr_cond *expr_cond_exists(struct arena *a, const struct expr_path *path, bool exists)
{
    const struct expr_cond *c =
        cond_single(a, &(struct test){.kind = TEST_EXISTS, .x.path = *path}, NULL, 0);
    return c == NULL || exists ? c : expr_cond_not(a, c);
}

const struct expr_cond *expr_cond_begins_with(
    struct arena *a, const struct expr_path *path, const struct value *prefix)
{
    return cond_single(a, &(struct test){.kind = TEST_BEGINS_WITH, .x.path = *path}, prefix, 1);
}

const struct expr_cond *expr_cond_contains(
    struct arena *a, const struct expr_path *path, const struct value *v)
{
    return cond_single(a, &(struct test){.kind = TEST_CONTAINS, .x.path = *path}, v, 1);
}

static int32_t moved(int32_t to, int32_t by, int32_t to_true, int32_t to_false)
{
    if (to >= 0) {
        return to + by;
    }
    return to == TO_TRUE ? to_true : to_false;
}

/* Copies the tests of `c` to `tests`, their numbers raised by `by` and their ends led elsewhere. */
static void tests_move(
    const struct expr_cond *c, struct test *tests, int32_t by, int32_t to_true, int32_t to_false)
{
    for (size_t i = 0; i < c->n; i++) {
        tests[i] = c->tests[i];
        tests[i].on_true = moved(c->tests[i].on_true, by, to_true, to_false);
        tests[i].on_false = moved(c->tests[i].on_false, by, to_true, to_false);
    }
}

const struct expr_cond *expr_cond_not(struct arena *a, const struct expr_cond *c)
{
    struct expr_cond *ret = ARENA_NEW(a, struct expr_cond);
    struct test *tests = ARENA_ARRAY(a, struct test, c->n);
    if (ret == NULL || tests == NULL) {
        return NULL;
    }
    tests_move(c, tests, 0, TO_FALSE, TO_TRUE);
    *ret = (struct expr_cond){tests, c->n, moved(c->entry, 0, TO_FALSE, TO_TRUE)};
    return ret;
}

const struct expr_cond *expr_cond_join(
    struct arena *a, bool is_and, const struct expr_cond *const *cs, size_t n)
{
    size_t n_tests = 0;
    for (size_t i = 0; i < n; i++) {
        n_tests += cs[i]->n;
    }
    struct expr_cond *ret = ARENA_NEW(a, struct expr_cond);
    struct test *tests = ARENA_ARRAY(a, struct test, n_tests);
    if (ret == NULL || tests == NULL) {
        return NULL;
    }
    /* From the last to the first, so that where one goes on to is known. */
    int32_t next = is_and ? TO_TRUE : TO_FALSE;
    size_t base = n_tests;
    for (size_t i = n; i-- > 0;) {
        base -= cs[i]->n;
        int32_t to_true = is_and ? next : TO_TRUE;
        int32_t to_false = is_and ? TO_FALSE : next;
        tests_move(cs[i], tests + base, (int32_t)base, to_true, to_false);
        next = moved(cs[i]->entry, (int32_t)base, to_true, to_false);
    }
    *ret = (struct expr_cond){tests, n_tests, next};
    return ret;
}
