/* The parameters from before expressions: Expected, QueryFilter, ScanFilter, KeyConditions,
 * AttributeUpdates, AttributesToGet, ConditionalOperator. They become the same conditions, updates
 * and projections expressions become, so nothing below this file knows of them. Source: "Legacy
 * conditional parameters" in the DynamoDB developer guide. */
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

#define INVALID "One or more parameter values were invalid: "
#define OPERATORS \
    "IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS"

#define ANY_TYPE "S, N, B, SS, NS, BS, L, M, BOOL, NULL"

enum legacy_op {
    LEGACY_EQ,
    LEGACY_NE,
    LEGACY_LE,
    LEGACY_LT,
    LEGACY_GE,
    LEGACY_GT,
    LEGACY_CONTAINS,
    LEGACY_NOT_CONTAINS,
    LEGACY_BEGINS_WITH,
    LEGACY_NULL,
    LEGACY_NOT_NULL,
    LEGACY_IN,
    LEGACY_BETWEEN,
    LEGACY_OPS,
};

/* How many operands an operator takes, and of which types. */
struct op_row {
    const char *name;
    size_t n_min;
    size_t n_max;
    const char *types;
};

static const struct op_row op_rows[LEGACY_OPS] = {
    [LEGACY_EQ] = {"EQ", 1, 1, ANY_TYPE},
    [LEGACY_NE] = {"NE", 1, 1, ANY_TYPE},
    [LEGACY_LE] = {"LE", 1, 1, "S, N, B"},
    [LEGACY_LT] = {"LT", 1, 1, "S, N, B"},
    [LEGACY_GE] = {"GE", 1, 1, "S, N, B"},
    [LEGACY_GT] = {"GT", 1, 1, "S, N, B"},
    [LEGACY_CONTAINS] = {"CONTAINS", 1, 1, "S, N, B"},
    [LEGACY_NOT_CONTAINS] = {"NOT_CONTAINS", 1, 1, "S, N, B"},
    [LEGACY_BEGINS_WITH] = {"BEGINS_WITH", 1, 1, "S, B"},
    [LEGACY_NULL] = {"NULL", 0, 0, ""},
    [LEGACY_NOT_NULL] = {"NOT_NULL", 0, 0, ""},
    [LEGACY_IN] = {"IN", 1, SIZE_MAX, "S, N, B"},
    [LEGACY_BETWEEN] = {"BETWEEN", 2, 2, "S, N, B"},
};

/* One attribute's condition as written. */
struct legacy_cond {
    struct bytes attr;
    struct bytes op_text; /* base NULL: none */
    enum legacy_op op;
    const struct value *values;
    size_t n_values;
    bool has_list;
    bool has_value;
    bool has_exists;
    bool exists;
};

/* ---- reading ---- */

/* The path of an enum check: 'expected.a.member.comparisonOperator'. */
static const char *member_path(
    struct dynamo_call *c, const char *param, struct bytes attr, const char *field)
{
    struct bytes path = bytes_fmt(
        c->arena, "%c%s.%.*s.member.%s", param[0] + ('a' - 'A'), param + 1, BYTES_FMT(attr), field);
    const char *text = bytes_cstr(c->arena, path);
    return text == NULL ? "" : text;
}

static bool values_read(struct dynamo_call *c, const struct json *list, struct legacy_cond *lc)
{
    struct value *values = ARENA_ARRAY(c->arena, struct value, list->array.n);
    if (values == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < list->array.n; i++) {
        if (!attr_parse(c, &list->array.items[i], &values[i])) {
            return false;
        }
    }
    lc->values = values;
    lc->n_values = list->array.n;
    return true;
}

static bool value_read(struct dynamo_call *c, const struct json *j, struct legacy_cond *lc)
{
    struct value *v = ARENA_NEW(c->arena, struct value);
    if (v == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    lc->values = v;
    lc->n_values = 1;
    return attr_parse(c, j, v);
}

/* ---- constraints ---- */

/* The text of a member, without base unless it is one: wrong types are another pass's. */
static struct bytes text_of(const struct json *obj, const char *name)
{
    const struct json *j = obj->type == JSON_OBJECT ? json_find(obj, name) : NULL;
    if (j == NULL || j->type != JSON_STRING) {
        return BYTES_NONE;
    }
    return j->text.base == NULL ? BYTES_LIT("") : j->text;
}

static void check_ops(struct checks *k, const struct json *map, const char *param, bool needed)
{
    for (size_t i = 0; i < map->object.n; i++) {
        const struct json_member *m = &map->object.members[i];
        struct bytes op = text_of(&m->value, "ComparisonOperator");
        const char *path = member_path(k->c, param, m->name, "comparisonOperator");
        if (needed) {
            check_not_null(k, path, op.base != NULL);
        }
        check_enum(k, path, op, OPERATORS);
    }
}

static void check_actions(struct checks *k, const struct json *map)
{
    for (size_t i = 0; i < map->object.n; i++) {
        const struct json_member *m = &map->object.members[i];
        check_enum(
            k,
            member_path(k->c, "AttributeUpdates", m->name, "action"),
            text_of(&m->value, "Action"),
            "ADD, DELETE, PUT");
    }
}

void legacy_checks(struct checks *k, const struct json *in, const char *const *names)
{
    for (; *names != NULL; names++) {
        const char *name = *names;
        const struct json *j = json_find(in, name);
        if (j == NULL) {
            continue;
        }
        if (strcmp(name, "ConditionalOperator") == 0) {
            check_enum(k, "conditionalOperator", text_of(in, name), "OR, AND");
        } else if (strcmp(name, "AttributesToGet") == 0) {
            if (j->type == JSON_ARRAY) {
                check_count(k, "attributesToGet", BYTES_LIT("[]"), j->array.n, 1, 255);
            }
        } else if (j->type != JSON_OBJECT) {
            continue;
        } else if (strcmp(name, "AttributeUpdates") == 0) {
            check_actions(k, j);
        } else {
            check_ops(k, j, name, strcmp(name, "Expected") != 0);
        }
    }
}

/* ---- conditions ---- */

/* `expected`: the form of Expected, with Exists and Value; else that of filters and key conditions.
 */
static bool cond_read(
    struct dynamo_call *c, bool expected, const struct json_member *m, struct legacy_cond *lc)
{
    const struct json *j = &m->value;
    const struct json *list;
    const struct json *value = NULL;
    *lc = (struct legacy_cond){.attr = m->name, .exists = true};
    if (!json_as_struct(c, j, expected ? "ExpectedAttributeValue" : "Condition") ||
        !field_string(c, j, "ComparisonOperator", &lc->op_text) ||
        !field_list(c, j, "AttributeValueList", &list)) {
        return false;
    }
    if (expected && (!field_bool(c, j, "Exists", &lc->exists) ||
                     !field_struct(c, j, "Value", "AttributeValue", &value))) {
        return false;
    }
    lc->has_list = list != NULL;
    lc->has_value = value != NULL;
    lc->has_exists = expected && field_present(j, "Exists");
    for (size_t i = 0; i < LEGACY_OPS; i++) {
        if (bytes_eq_str(lc->op_text, op_rows[i].name)) {
            lc->op = (enum legacy_op)i;
        }
    }
    if (lc->has_list && lc->has_value) {
        return call_invalid(
            c,
            INVALID "Value and AttributeValueList cannot be used together for Attribute: %.*s",
            BYTES_FMT(lc->attr));
    }
    if (list != NULL && !values_read(c, list, lc)) {
        return false;
    }
    return value == NULL || value_read(c, value, lc);
}

/* ---- checking ---- */

static bool operands_check(struct dynamo_call *c, const struct legacy_cond *lc)
{
    const struct op_row *row = &op_rows[lc->op];
    if (lc->n_values < row->n_min || lc->n_values > row->n_max) {
        return call_invalid(
            c, INVALID "Invalid number of argument(s) for the %s ComparisonOperator", row->name);
    }
    for (size_t i = 1; i < lc->n_values; i++) {
        if (lc->values[i].type != lc->values[0].type) {
            return call_invalid(
                c, INVALID "AttributeValues inside AttributeValueList must be of same type");
        }
    }
    for (size_t i = 0; i < lc->n_values; i++) {
        const char *tag = value_tag(lc->values[i].type);
        if (!enum_has(row->types, bytes_str(tag))) {
            return call_invalid(
                c,
                INVALID "ComparisonOperator %s is not valid for %s AttributeValue type",
                row->name,
                tag);
        }
    }
    if (lc->op == LEGACY_BETWEEN && value_cmp(&lc->values[0], &lc->values[1]) > 0) {
        return call_invalid(
            c,
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound");
    }
    return true;
}

/* The rules on Exists, Value and ComparisonOperator of Expected. */
static bool expected_check(struct dynamo_call *c, const struct legacy_cond *lc)
{
    if (lc->op_text.base != NULL) {
        if (lc->has_exists) {
            return call_invalid(
                c,
                INVALID "Exists and ComparisonOperator cannot be used together for Attribute: %.*s",
                BYTES_FMT(lc->attr));
        }
        if (op_rows[lc->op].n_max > 0 && !lc->has_list && !lc->has_value) {
            return call_invalid(
                c,
                INVALID "Value or AttributeValueList must be used with ComparisonOperator: %s for "
                        "Attribute: %.*s",
                op_rows[lc->op].name,
                BYTES_FMT(lc->attr));
        }
        return operands_check(c, lc);
    }
    if (lc->has_list) {
        return call_invalid(
            c,
            INVALID "AttributeValueList can only be used with a ComparisonOperator for Attribute: "
                    "%.*s",
            BYTES_FMT(lc->attr));
    }
    if (lc->exists && !lc->has_value) {
        return call_invalid(
            c,
            INVALID "Value must be provided when Exists is %s for Attribute: %.*s",
            lc->has_exists ? "true" : "null",
            BYTES_FMT(lc->attr));
    }
    if (!lc->exists && lc->has_value) {
        return call_invalid(
            c,
            INVALID "Value cannot be used when Exists is false for Attribute: %.*s",
            BYTES_FMT(lc->attr));
    }
    return true;
}

/* ---- building ---- */

static const struct expr_path *attr_path(struct arena *a, struct bytes attr)
{
    struct expr_step *step = ARENA_NEW(a, struct expr_step);
    struct expr_path *path = ARENA_NEW(a, struct expr_path);
    if (step == NULL || path == NULL) {
        return NULL;
    }
    *step = (struct expr_step){.name = attr};
    *path = (struct expr_path){step, 1};
    return path;
}

static const struct expr_cond *compare(
    struct arena *a, const struct expr_path *p, enum expr_cmp cmp, const struct legacy_cond *lc)
{
    return expr_cond_compare(a, p, cmp, &lc->values[0]);
}

/* NOT_CONTAINS: there must be an attribute that does not contain it. */
static const struct expr_cond *lacks(
    struct arena *a, const struct expr_path *p, const struct value *v)
{
    const struct expr_cond *has = expr_cond_contains(a, p, v);
    const struct expr_cond *both[] = {
        expr_cond_exists(a, p, true), has == NULL ? NULL : expr_cond_not(a, has)};
    bool ok = both[0] != NULL && both[1] != NULL;
    return ok ? expr_cond_join(a, true, both, 2) : NULL;
}

static const struct expr_cond *cond_build(struct arena *a, const struct legacy_cond *lc)
{
    const struct expr_path *p = attr_path(a, lc->attr);
    if (p == NULL) {
        return NULL;
    }
    if (lc->op_text.base == NULL && !lc->exists) {
        return expr_cond_exists(a, p, false);
    }
    switch (lc->op) {
    case LEGACY_EQ:
        return compare(a, p, EXPR_EQ, lc);
    case LEGACY_NE:
        return compare(a, p, EXPR_NE, lc);
    case LEGACY_LE:
        return compare(a, p, EXPR_LE, lc);
    case LEGACY_LT:
        return compare(a, p, EXPR_LT, lc);
    case LEGACY_GE:
        return compare(a, p, EXPR_GE, lc);
    case LEGACY_GT:
        return compare(a, p, EXPR_GT, lc);
    case LEGACY_CONTAINS:
        return expr_cond_contains(a, p, &lc->values[0]);
    case LEGACY_NOT_CONTAINS:
        return lacks(a, p, &lc->values[0]);
    case LEGACY_BEGINS_WITH:
        return expr_cond_begins_with(a, p, &lc->values[0]);
    case LEGACY_NULL:
        return expr_cond_exists(a, p, false);
    case LEGACY_NOT_NULL:
        return expr_cond_exists(a, p, true);
    case LEGACY_IN:
        return expr_cond_in(a, p, lc->values, lc->n_values);
    case LEGACY_BETWEEN:
        return expr_cond_between(a, p, &lc->values[0], &lc->values[1]);
    case LEGACY_OPS:
        break;
    }
    UNREACHABLE();
}

static bool operator_read(
    struct dynamo_call *c, const struct json *in, size_t n_conds, bool *ret_and)
{
    struct bytes text;
    if (!field_string(c, in, "ConditionalOperator", &text)) {
        return false;
    }
    *ret_and = !bytes_eq_str(text, "OR");
    if (text.base != NULL && n_conds == 0) {
        return call_invalid(c, "ConditionalOperator cannot be used without Filter or Expected");
    }
    if (text.base != NULL && n_conds == 1) {
        return call_invalid(
            c,
            "ConditionalOperator can only be used when Filter or Expected has two or more "
            "elements");
    }
    return true;
}

bool legacy_cond(
    struct dynamo_call *c, const struct json *in, const char *param, const struct expr_cond **ret)
{
    bool expected = strcmp(param, "Expected") == 0;
    const struct json *map;
    bool is_and;
    if (!field_map(c, in, param, expected ? "ExpectedAttributeValue" : "Condition", &map)) {
        return false;
    }
    size_t n = map == NULL ? 0 : map->object.n;
    if (!operator_read(c, in, n, &is_and)) {
        return false;
    }
    if (n == 0) {
        return true;
    }
    const struct expr_cond **conds = ARENA_ARRAY(c->arena, const struct expr_cond *, n);
    if (conds == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        struct legacy_cond lc;
        if (!cond_read(c, expected, &map->object.members[i], &lc) ||
            !(expected ? expected_check(c, &lc) : operands_check(c, &lc))) {
            return false;
        }
        conds[i] = cond_build(c->arena, &lc);
        if (conds[i] == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
    }
    *ret = expr_cond_join(c->arena, is_and, conds, n);
    return *ret != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* ---- KeyConditions ---- */

static bool range_of(const struct legacy_cond *lc, struct expr_key_cond *ret)
{
    static const enum expr_range_op ops[LEGACY_OPS] = {
        [LEGACY_EQ] = EXPR_RANGE_EQ,
        [LEGACY_LE] = EXPR_RANGE_LE,
        [LEGACY_LT] = EXPR_RANGE_LT,
        [LEGACY_GE] = EXPR_RANGE_GE,
        [LEGACY_GT] = EXPR_RANGE_GT,
        [LEGACY_BEGINS_WITH] = EXPR_RANGE_BEGINS_WITH,
        [LEGACY_BETWEEN] = EXPR_RANGE_BETWEEN,
    };
    ret->op = ops[lc->op];
    if (ret->op == EXPR_RANGE_ALL) {
        return false; /* not an operator of keys */
    }
    ret->lo = lc->values[0];
    if (lc->op == LEGACY_BETWEEN) {
        ret->hi = lc->values[1];
    }
    return true;
}

static const struct legacy_cond *cond_of(
    const struct legacy_cond *conds, size_t n, struct bytes attr)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(conds[i].attr, attr)) {
            return &conds[i];
        }
    }
    return NULL;
}

/* One key attribute's condition into *ret. */
static bool key_cond_take(
    struct dynamo_call *c,
    const struct legacy_cond *lc,
    const struct expr_key_attr *attr,
    struct expr_key_cond *ret)
{
    if (!range_of(lc, ret)) {
        return call_invalid(c, "Attempted conditional constraint is not an indexable operation");
    }
    if (lc->values[0].type != attr->type) {
        return call_invalid(c, INVALID "Condition parameter type does not match schema type");
    }
    return true;
}

struct legacy_keys {
    const struct legacy_cond *conds;
    size_t n;
};

static bool key_conds_resolve(
    struct dynamo_call *c,
    const struct legacy_keys *conds,
    const struct expr_key_schema *keys,
    struct expr_key_cond *ret)
{
    size_t n = conds->n;
    bool has_range = keys->range.name.base != NULL;
    if (!has_range && n > 1) {
        return call_invalid(c, "Query key condition not supported");
    }
    const struct legacy_cond *hash = cond_of(conds->conds, n, keys->hash.name);
    if (hash == NULL) {
        return call_invalid(
            c, "Query condition missed key schema element: %.*s", BYTES_FMT(keys->hash.name));
    }
    struct expr_key_cond on_hash;
    *ret = (struct expr_key_cond){.op = EXPR_RANGE_ALL};
    if (!key_cond_take(c, hash, &keys->hash, &on_hash)) {
        return false;
    }
    if (on_hash.op != EXPR_RANGE_EQ) {
        return call_invalid(c, "Query key condition not supported");
    }
    const struct legacy_cond *range = has_range ? cond_of(conds->conds, n, keys->range.name) : NULL;
    if (range == NULL && n > 1) {
        return call_invalid(
            c, "Query condition missed key schema element: %.*s", BYTES_FMT(keys->range.name));
    }
    if (range != NULL && !key_cond_take(c, range, &keys->range, ret)) {
        return false;
    }
    ret->hash = on_hash.lo;
    return true;
}

/* A key of several attributes: what an expression with the same conditions would mean. */
static bool wide_key_conds(
    struct dynamo_call *c,
    const struct legacy_keys *from,
    const struct expr_key_schema *keys,
    struct expr_key_cond *ret)
{
    const struct legacy_cond *conds = from->conds;
    size_t n = from->n;
    if (n > expr_keys_count(keys)) {
        return call_invalid(c, "Query key condition not supported");
    }
    struct expr_key_leaf leaves[EXPR_KEY_ATTRS_MAX];
    for (size_t i = 0; i < n; i++) {
        struct expr_key_cond one;
        if (!range_of(&conds[i], &one)) {
            return call_invalid(
                c, "Attempted conditional constraint is not an indexable operation");
        }
        leaves[i] = (struct expr_key_leaf){
            .attr = conds[i].attr,
            .op = one.op,
            .lo = &conds[i].values[0],
            .hi = one.op == EXPR_RANGE_BETWEEN ? &conds[i].values[1] : NULL,
        };
    }
    struct bytes msg = BYTES_NONE;
    enum err err = expr_key_cond_match(c->arena, keys, leaves, n, ret, &msg);
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

bool legacy_keys_resolve(
    struct dynamo_call *c,
    const struct legacy_keys *conds,
    const struct expr_key_schema *keys,
    struct expr_key_cond *ret)
{
    if (keys->more != NULL) {
        return wide_key_conds(c, conds, keys, ret);
    }
    if (conds->n > 2) {
        return call_invalid(c, "Conditions can be of length 1 or 2 only");
    }
    return key_conds_resolve(c, conds, keys, ret);
}

bool legacy_keys_read(struct dynamo_call *c, const struct json *in, const struct legacy_keys **ret)
{
    const struct json *map;
    if (!field_map(c, in, "KeyConditions", "Condition", &map)) {
        return false;
    }
    ASSERT(map != NULL);
    size_t n = map->object.n;
    struct legacy_cond *conds = ARENA_ARRAY(c->arena, struct legacy_cond, n);
    struct legacy_keys *keys = ARENA_NEW(c->arena, struct legacy_keys);
    if (keys == NULL || conds == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        if (!cond_read(c, false, &map->object.members[i], &conds[i]) ||
            !operands_check(c, &conds[i])) {
            return false;
        }
    }
    if (n < 1) {
        return call_invalid(c, "Conditions can be of length 1 or 2 only");
    }
    *keys = (struct legacy_keys){conds, n};
    *ret = keys;
    return true;
}

/* ---- AttributesToGet ---- */

bool legacy_projection(
    struct dynamo_call *c, const struct json *in, const struct expr_projection **ret)
{
    const struct json *list;
    if (!field_list(c, in, "AttributesToGet", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    size_t n = list->array.n;
    struct bytes *names = ARENA_ARRAY(c->arena, struct bytes, n);
    if (names == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        if (!json_as_string(c, &list->array.items[i], &names[i])) {
            return false;
        }
        const char *fault = attr_name_fault(names[i]);
        if (fault != NULL) {
            return call_invalid(c, "%s", fault);
        }
        for (size_t m = 0; m < i; m++) {
            if (bytes_eq(names[m], names[i])) {
                return call_invalid(
                    c, INVALID "Duplicate value in attribute name: %.*s", BYTES_FMT(names[i]));
            }
        }
    }
    *ret = expr_projection_of_names(c->arena, names, n);
    return *ret != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* ---- AttributeUpdates ---- */

static bool is_set(enum value_type t)
{
    return t == VALUE_STRING_SET || t == VALUE_NUMBER_SET || t == VALUE_BINARY_SET;
}

static bool update_check(
    struct dynamo_call *c, enum expr_update_action action, const struct value *v)
{
    if (v == NULL) {
        return action == EXPR_UPDATE_DELETE ||
               call_invalid(
                   c, INVALID "Only DELETE action is allowed when no attribute value is specified");
    }
    if (action == EXPR_UPDATE_DELETE && !is_set(v->type)) {
        return call_invalid(
            c,
            INVALID "DELETE action with value is not supported for the type %s",
            value_tag(v->type));
    }
    if (action == EXPR_UPDATE_ADD && !is_set(v->type) && v->type != VALUE_NUMBER &&
        v->type != VALUE_LIST) {
        return call_invalid(
            c, INVALID "ADD action is not supported for the type %s", value_tag(v->type));
    }
    return true;
}

/* One attribute of AttributeUpdates. */
struct legacy_action {
    struct bytes name;
    size_t at; /* the last of one name counts */
    enum expr_update_action action;
    const struct value *v;
};

static int action_cmp(const void *a, const void *b)
{
    const struct legacy_action *x = a;
    const struct legacy_action *y = b;
    int order = bytes_cmp(x->name, y->name);
    return order != 0 ? order : x->at < y->at ? -1 : x->at > y->at;
}

static bool update_take(
    struct dynamo_call *c, const struct json_member *m, struct legacy_action *ret)
{
    const struct json *value;
    struct bytes text;
    const char *fault = attr_name_fault(m->name);
    if (fault != NULL) {
        return call_invalid(c, "%s", fault);
    }
    if (!json_as_struct(c, &m->value, "AttributeValueUpdate") ||
        !field_string(c, &m->value, "Action", &text) ||
        !field_struct(c, &m->value, "Value", "AttributeValue", &value)) {
        return false;
    }
    enum expr_update_action action = bytes_eq_str(text, "ADD")      ? EXPR_UPDATE_ADD
                                     : bytes_eq_str(text, "DELETE") ? EXPR_UPDATE_DELETE
                                                                    : EXPR_UPDATE_PUT;
    struct value *v = value == NULL ? NULL : ARENA_NEW(c->arena, struct value);
    if (value != NULL && v == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if ((v != NULL && !attr_parse(c, value, v)) || !update_check(c, action, v)) {
        return false;
    }
    *ret = (struct legacy_action){.name = m->name, .action = action, .v = v};
    return true;
}

bool legacy_update(struct dynamo_call *c, const struct json *in, const struct expr_update **ret)
{
    const struct json *map;
    if (!field_map(c, in, "AttributeUpdates", "AttributeValueUpdate", &map)) {
        return false;
    }
    size_t n = map == NULL ? 0 : map->object.n;
    if (n == 0) {
        return true;
    }
    struct legacy_action *actions = ARENA_ARRAY(c->arena, struct legacy_action, n);
    if (actions == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        if (!update_take(c, &map->object.members[i], &actions[i])) {
            return false;
        }
        actions[i].at = i;
    }
    /* In the order of names each goes to the end: nothing but a request's length bounds them. */
    qsort(actions, n, sizeof actions[0], action_cmp);
    struct expr_update *u = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct legacy_action *x = &actions[i];
        enum err err = expr_update_add_legacy(c->arena, &u, x->name, x->action, x->v);
        if (err != OK) {
            return call_fail_err(c, err);
        }
    }
    *ret = u;
    return true;
}
