/* Literals: strings, numbers, lists, tuples (maps) and bags (sets), made into values from the
 * inside out, and the words for those that cannot be.
 *
 * A literal inside another is made of literals only: a parameter may stand for a whole value, not
 * for a part of one. What has no value is told where a value is needed, with the way to the first
 * fault from the outermost literal ("root.a[0]"). */

#include "partiql/ast.h"

enum { LEVELS_MAX = DOC_DEPTH_MAX }; /* a member this far down is refused */

bool pq_is_literal(const struct partiql_node *n)
{
    return n->kind == PQN_LITERAL || n->kind == PQN_LIST || n->kind == PQN_BAG ||
           n->kind == PQN_STRUCT || (n->kind == PQN_SIGN && n->value != NULL);
}

/* ---- making ---- */

static void make_number(struct pq_parse *p, struct bytes text, struct value *v)
{
    bool underflow;
    v->type = VALUE_NUMBER;
    enum err err = decimal_parse(text, &v->number, &underflow);
    if (err == ERR_LIMIT) {
        pq_fail(p, "Attempting to store more than 38 significant digits in a Number");
    } else if (err == ERR_TOO_BIG) {
        pq_fail(
            p,
            underflow ? "Number underflow. Attempting to store a number with magnitude smaller "
                        "than supported range"
                      : "Number overflow. Attempting to store a number with magnitude larger than "
                        "supported range");
    } else if (err != OK) {
        pq_fail_syntax(p, "");
    }
}

static void make_scalar(struct pq_parse *p, struct partiql_node *n)
{
    struct value *v = ARENA_NEW(p->arena, struct value);
    if (v == NULL) {
        pq_fail_memory(p);
        return;
    }
    struct bytes text = pq_text(p->text, n->tok);
    uint8_t kind = n->tok->kind;
    if (kind == PQ_STRING) {
        *v = (struct value){.type = VALUE_STRING, .bytes = pq_unquoted(p->arena, text)};
        if (v->bytes.base == NULL) {
            pq_fail_memory(p);
        }
    } else if (kind == PQ_NUMBER) {
        make_number(p, text, v);
    } else if (kind == PQ_TRUE || kind == PQ_FALSE) {
        *v = (struct value){.type = VALUE_BOOL, .boolean = kind == PQ_TRUE};
    } else {
        ASSERT(kind == PQ_NULL);
        v->type = VALUE_NULL;
    }
    n->value = v;
}

static void make_signed(struct pq_parse *p, struct partiql_node *n)
{
    const struct partiql_node *x = n->a;
    if (x->value == NULL || x->is_param || x->value->type != VALUE_NUMBER) {
        return;
    }
    struct value *v = ARENA_NEW(p->arena, struct value);
    if (v == NULL) {
        pq_fail_memory(p);
        return;
    }
    *v = *x->value;
    if (n->tok->kind == PQ_MINUS && v->number.coef != 0) {
        v->number.neg = !v->number.neg;
    }
    n->value = v;
}

/* The value an element or member contributes, or NULL. */
static const struct value *part_of(const struct partiql_node *x)
{
    const struct partiql_node *n = x->kind == PQN_MEMBER ? x->b : x;
    return n->is_param ? NULL : n->value;
}

static bool is_name(const struct partiql_node *n)
{
    return n->kind == PQN_LITERAL && !n->is_param && n->value->type == VALUE_STRING;
}

/* Whether all parts have values, and how deep they are. */
static bool parts_ready(struct partiql_node *n)
{
    bool ready = true;
    uint8_t depth = 0;
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        const struct partiql_node *part = x->kind == PQN_MEMBER ? x->b : x;
        ready = ready && part_of(x) != NULL && (x->kind != PQN_MEMBER || is_name(x->a));
        depth = part->depth > depth ? part->depth : depth;
    }
    n->depth = n->args == NULL || depth == UINT8_MAX ? depth : depth + 1;
    return ready && n->depth < LEVELS_MAX;
}

static bool bag_is_even(const struct partiql_node *n)
{
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        enum value_type type = part_of(x)->type;
        if ((type != VALUE_STRING && type != VALUE_NUMBER) || type != part_of(n->args)->type) {
            return false;
        }
    }
    return n->n_args > 0;
}

static void make_sequence(struct pq_parse *p, struct partiql_node *n)
{
    struct value *v = ARENA_NEW(p->arena, struct value);
    struct value *items = ARENA_ARRAY(p->arena, struct value, n->n_args);
    if (v == NULL || items == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        items[i++] = *part_of(x);
    }
    *v = (struct value){.type = VALUE_LIST, .list = {items, i}};
    if (n->kind == PQN_BAG) {
        if (!bag_is_even(n)) {
            return;
        }
        v->type = items[0].type == VALUE_STRING ? VALUE_STRING_SET : VALUE_NUMBER_SET;
        if (set_sort(items, i) != OK) {
            return;
        }
    }
    n->value = v;
}

static void make_struct(struct pq_parse *p, struct partiql_node *n)
{
    struct value *v = ARENA_NEW(p->arena, struct value);
    struct member *members = ARENA_ARRAY(p->arena, struct member, n->n_args);
    if (v == NULL || members == NULL) {
        pq_fail_memory(p);
        return;
    }
    size_t i = 0;
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        members[i++] = (struct member){x->a->value->bytes, *part_of(x)};
    }
    *v = (struct value){.type = VALUE_MAP, .map = {members, i}};
    /* An empty name sorts first. */
    if (members_sort(members, i) == OK && (i == 0 || members[0].name.len > 0)) {
        n->value = v;
    }
}

void pq_literals_make(struct pq_parse *p)
{
    for (size_t i = 0; i < p->n_nodes && p->err == OK; i++) {
        struct partiql_node *n = &p->nodes[i];
        if (n->kind == PQN_LITERAL && !n->is_param) {
            make_scalar(p, n);
        } else if (n->kind == PQN_SIGN) {
            make_signed(p, n);
        } else if ((n->kind == PQN_LIST || n->kind == PQN_BAG) && parts_ready(n)) {
            make_sequence(p, n);
        } else if (n->kind == PQN_STRUCT && parts_ready(n)) {
            make_struct(p, n);
        }
    }
}

/* ---- what is wrong ---- */

/* How many levels below `literal` a node is; SIZE_MAX when it is not in it. */
static size_t levels_below(const struct partiql_node *literal, const struct partiql_node *n)
{
    size_t levels = 0;
    for (; n != NULL && n != literal; n = n->up) {
        ASSERT(levels < PARTIQL_BYTES_MAX);
        levels++;
    }
    return n == literal ? levels : SIZE_MAX;
}

/* Appends the way from `literal` down to `n`: "root.a[0]". */
static void put_way(struct buf *b, const struct partiql_node *literal, const struct partiql_node *n)
{
    size_t levels = levels_below(literal, n);
    buf_put_str(b, "root");
    for (size_t level = 1; level <= levels; level++) {
        const struct partiql_node *x = n;
        for (size_t up = levels; up > level; up--) {
            x = x->up;
        }
        if (x->key == NULL && x->up->kind != PQN_BAG) {
            buf_putf(b, "[%zu]", x->at);
        } else if (x->key != NULL && x->key->value != NULL) {
            buf_put_u8(b, '.');
            buf_put_bytes(b, x->key->value->bytes);
        }
    }
}

static const char *type_word(const struct partiql_node *n)
{
    if (n->is_param) {
        return "Parameter";
    }
    if (n->kind == PQN_NAME) {
        return n->n_args == 0 ? "VariableReference" : "Path";
    }
    return n->kind == PQN_MISSING ? "MISSING" : "Expression";
}

/* Elements as they were written: [a, a]. */
static void put_elements(struct buf *b, struct bytes text, const struct partiql_node *bag)
{
    buf_put_u8(b, '[');
    for (const struct partiql_node *x = bag->args; x != NULL; x = x->next) {
        buf_put_str(b, x == bag->args ? "" : ", ");
        if (x->value->type == VALUE_STRING) {
            buf_put_bytes(b, x->value->bytes);
        } else {
            buf_put_bytes(
                b, bytes_of(text.base + x->tok->start, (size_t)(x->end[-1].end - x->tok->start)));
        }
    }
    buf_put_u8(b, ']');
}

static void put_bag_fault(
    struct buf *b,
    struct bytes text,
    const struct partiql_node *literal,
    const struct partiql_node *bag)
{
    if (bag->n_args == 0) {
        buf_put_str(b, "Empty bags are not supported");
    } else if (!bag_is_even(bag)) {
        buf_put_str(
            b,
            "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in "
            "bags");
    } else {
        buf_put_str(b, "One or more parameter values were invalid: Input collection ");
        put_elements(b, text, bag);
        if (bag->args->value->type == VALUE_STRING) {
            buf_put_str(b, " contains duplicates.");
        } else {
            buf_put_str(b, " contains duplicates! under ");
            put_way(b, literal, bag);
        }
    }
}

/* Two members share a name, or one has an empty name or one that is no string. */
static void put_struct_fault(
    struct buf *b, const struct partiql_node *literal, const struct partiql_node *n)
{
    for (const struct partiql_node *x = n->args; x != NULL; x = x->next) {
        if (!is_name(x->a)) {
            buf_putf(
                b, "Tuple keys must be of type String. Actual type: %s under ", type_word(x->a));
            put_way(b, literal, n);
            return;
        }
        if (x->a->value->bytes.len == 0) {
            buf_put_str(b, PQ_EMPTY_NAME);
            return;
        }
        for (const struct partiql_node *y = n->args; y != x; y = y->next) {
            if (bytes_eq(x->a->value->bytes, y->a->value->bytes)) {
                buf_putf(
                    b, "Duplicate keys in tuple. Key: %.*s under ", BYTES_FMT(x->a->value->bytes));
                put_way(b, literal, n);
                return;
            }
        }
    }
}

/* Whether the fault in a node without a value is its own, not one of its parts'. */
static bool is_origin(const struct partiql_node *n, const struct partiql_node *literal)
{
    if (n->value != NULL && !(n->is_param && n != literal)) {
        return false;
    }
    for (const struct partiql_node *x = n->args; x != NULL && pq_is_literal(n); x = x->next) {
        if (part_of(x) == NULL) {
            return false;
        }
    }
    return true;
}

static void put_fault(
    struct buf *b,
    struct bytes text,
    const struct partiql_node *literal,
    const struct partiql_node *n)
{
    if (n->kind == PQN_BAG) {
        put_bag_fault(b, text, literal, n);
    } else if (n->kind == PQN_STRUCT) {
        put_struct_fault(b, literal, n);
    } else {
        buf_putf(b, "Unsupported data type: %s under key ", type_word(n));
        put_way(b, literal, n);
        buf_put_str(b, " at ");
        pq_put_position(b, text, n->tok);
    }
}

enum err pq_literal_fault(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct partiql_node *literal,
    struct bytes *ret)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    for (const struct partiql_node *n = stmt->nodes; n <= literal && b.len == 0; n++) {
        size_t levels = levels_below(literal, n);
        if (literal->depth >= LEVELS_MAX && levels == LEVELS_MAX) {
            buf_put_str(&b, "Nesting Levels have exceeded supported limits under ");
            put_way(&b, literal, n);
        } else if (literal->depth < LEVELS_MAX && levels != SIZE_MAX && is_origin(n, literal)) {
            put_fault(&b, stmt->text, literal, n);
        }
    }
    ASSERT(b.len > 0 || b.err != OK);
    *ret = bytes_dup(a, buf_bytes(&b));
    enum err err = b.err != OK || ret->base == NULL ? ERR_TOO_BIG : OK;
    buf_done(&b);
    return err;
}
