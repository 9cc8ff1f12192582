/* PutItem, UpdateItem, DeleteItem: one item, one command to the writer, one answer. */
#include "front/dynamo/dynamo_internal.h"

#define RETURN_VALUES "ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW"
#define INVALID       "One or more parameter values were invalid: "

enum return_values {
    RETURN_NONE,
    RETURN_ALL_OLD,
    RETURN_ALL_NEW,
    RETURN_UPDATED_OLD,
    RETURN_UPDATED_NEW
};

/* What a write keeps until its command is done. Nothing here points into the catalog. */
struct write_state {
    struct part_cmd cmd;
    struct part_op op;
    struct bytes table_name;
    enum return_values return_values;
    bool item_on_failure; /* ReturnValuesOnConditionCheckFailure */
    enum return_capacity want_capacity;
    struct capacity *capacity; /* NULL unless wanted */
    struct collection collection;
};

/* What all three have in common before the table is looked up. */
struct write_params {
    struct bytes table;
    const struct json *attrs; /* Item or Key */
    struct bytes return_values;
    bool want_metrics;
    struct expr_env env;
};

static struct write_state *state_new(struct dynamo_call *c)
{
    struct write_state *s = ARENA_NEW(c->arena, struct write_state);
    if (s == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
    }
    return s;
}

/* What DynamoDB says alone, whatever else is wrong, and without the value. */
static bool lone_checks(struct dynamo_call *c, const struct write_params *p)
{
    if (c->op->begin == put_item_begin && p->table.base != NULL && p->table.len == 0) {
        return call_invalid(
            c,
            "1 validation error detected: Value at 'TableName' failed to satisfy constraint: "
            "Member "
            "must have length greater than or equal to 1");
    }
    if (c->op->begin == update_item_begin && p->table.len > 0 && p->return_values.base != NULL &&
        !enum_has(RETURN_VALUES, p->return_values)) {
        return call_invalid(
            c,
            "1 validation error detected: Failed to satisfy constraint: Member must satisfy enum "
            "value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]");
    }
    return true;
}

/* Types, then constraints, of the fields all three take. `attrs_name` is "Item" or "Key". */
static bool params_read(
    struct dynamo_call *c,
    const struct json *in,
    const char *attrs_name,
    const char *attrs_path,
    const struct expr_params *params,
    struct write_params *ret,
    struct write_state *s)
{
    struct checks k = {.c = c};
    struct bytes on_failure;
    if (!field_string(c, in, "TableName", &ret->table) ||
        !field_map(c, in, attrs_name, "AttributeValue", &ret->attrs) ||
        !field_string(c, in, "ReturnValues", &ret->return_values) ||
        !field_string(c, in, "ReturnValuesOnConditionCheckFailure", &on_failure) ||
        !field_capacity(c, &k, in, &s->want_capacity)) {
        return false;
    }
    if (!lone_checks(c, ret)) {
        return false;
    }
    check_table_name(&k, "tableName", ret->table);
    check_not_null(&k, attrs_path, ret->attrs != NULL);
    check_enum(&k, "returnValues", ret->return_values, RETURN_VALUES);
    if (!field_metrics(c, &k, in, &ret->want_metrics)) {
        return false;
    }
    check_enum(&k, "returnValuesOnConditionCheckFailure", on_failure, "ALL_OLD, NONE");
    legacy_checks(&k, in, params->legacy);
    if (!checks_done(&k)) {
        return false;
    }
    s->item_on_failure = bytes_eq_str(on_failure, "ALL_OLD");
    return true;
}

static bool return_values_read(
    struct dynamo_call *c, struct bytes text, bool update, enum return_values *ret)
{
    *ret = bytes_eq_str(text, "ALL_OLD")       ? RETURN_ALL_OLD
           : bytes_eq_str(text, "ALL_NEW")     ? RETURN_ALL_NEW
           : bytes_eq_str(text, "UPDATED_OLD") ? RETURN_UPDATED_OLD
           : bytes_eq_str(text, "UPDATED_NEW") ? RETURN_UPDATED_NEW
                                               : RETURN_NONE;
    if (!update && *ret != RETURN_NONE && *ret != RETURN_ALL_OLD) {
        return call_invalid(c, "ReturnValues can only be ALL_OLD or NONE");
    }
    return true;
}

/* Keeps of the table what the answer will need, since the table itself may be gone by then. */
static bool state_fill(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct write_params *p,
    const struct value *attrs,
    struct write_state *s)
{
    s->table_name = bytes_dup(c->arena, t->part.name);
    if (s->want_capacity != CAPACITY_NONE) {
        s->capacity = capacity_new(c->arena, t, p->table);
    }
    if (s->table_name.base == NULL || (s->want_capacity != CAPACITY_NONE && s->capacity == NULL)) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    return !p->want_metrics || collection_of(c->arena, t, attrs, &s->collection) ||
           call_fail_err(c, ERR_TOO_BIG);
}

static enum dynamo_step submit(
    struct dynamo_call *c, struct write_state *s, const struct core_table *t)
{
    enum return_values rv = s->return_values;
    s->op.table = t->part.id;
    s->op.want_old = rv == RETURN_ALL_OLD || rv == RETURN_UPDATED_OLD || s->item_on_failure;
    s->op.want_new = rv == RETURN_ALL_NEW || rv == RETURN_UPDATED_NEW;
    s->cmd = (struct part_cmd){.kind = PART_CMD_WRITE, .write = {.ops = &s->op, .n = 1}};
    c->state = s;
    return call_submit(c, &s->cmd);
}

/* ---- PutItem ---- */

static const char *const put_expressions[] = {"ConditionExpression", NULL};
static const char *const put_legacy[] = {"Expected", "ConditionalOperator", NULL};
static const struct expr_params put_params = {put_expressions, put_legacy};

static bool put_prepare(
    struct dynamo_call *c,
    const struct json *in,
    struct write_state *s,
    const struct core_table **ret_table)
{
    struct write_params p = {0};
    struct value *item = ARENA_NEW(c->arena, struct value);
    if (item == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    c->framed = true;
    if (!params_read(c, in, "Item", "item", &put_params, &p, s) ||
        !exprs_check(c, in, &put_params) || !attr_map_parse(c, p.attrs, item) ||
        !return_values_read(c, p.return_values, false, &s->return_values)) {
        return false;
    }
    if (item_size(item) > DOC_ITEM_BYTES_MAX) {
        c->framed = false;
        return call_invalid(c, "Item size has exceeded the maximum allowed size");
    }
    if (!exprs_env(c, in, &p.env) ||
        !exprs_cond(c, in, "ConditionExpression", &p.env, &s->op.condition) ||
        !legacy_cond(c, in, "Expected", &s->op.condition) || !exprs_unused(c, &p.env)) {
        return false;
    }
    c->framed = false;
    s->op.kind = PART_PUT;
    s->op.item = item;
    struct exprs_parsed parsed = {.condition = s->op.condition};
    return table_find(c, p.table, ret_table) && exprs_paths_check(c, *ret_table, &parsed) &&
           item_key(c, *ret_table, item, false, &s->op.key) &&
           state_fill(c, *ret_table, &p, item, s);
}

enum dynamo_step put_item_begin(struct dynamo_call *c, const struct json *in)
{
    struct write_state *s = state_new(c);
    const struct core_table *t;
    if (s == NULL || !put_prepare(c, in, s, &t)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, s, t);
}

/* ---- DeleteItem ---- */

static bool delete_prepare(
    struct dynamo_call *c,
    const struct json *in,
    struct write_state *s,
    const struct core_table **ret_table)
{
    struct write_params p = {0};
    struct value key;
    if (!params_read(c, in, "Key", "key", &put_params, &p, s) || !exprs_check(c, in, &put_params) ||
        !attr_map_parse(c, p.attrs, &key) ||
        !return_values_read(c, p.return_values, false, &s->return_values) ||
        !exprs_env(c, in, &p.env) ||
        !exprs_cond(c, in, "ConditionExpression", &p.env, &s->op.condition) ||
        !legacy_cond(c, in, "Expected", &s->op.condition) || !exprs_unused(c, &p.env)) {
        return false;
    }
    s->op.kind = PART_DELETE;
    struct exprs_parsed parsed = {.condition = s->op.condition, .update = s->op.update};
    return table_find(c, p.table, ret_table) && exprs_paths_check(c, *ret_table, &parsed) &&
           key_parse(c, &(*ret_table)->part.keys, &key, &s->op.key) &&
           state_fill(c, *ret_table, &p, &key, s);
}

enum dynamo_step delete_item_begin(struct dynamo_call *c, const struct json *in)
{
    struct write_state *s = state_new(c);
    const struct core_table *t;
    if (s == NULL || !delete_prepare(c, in, s, &t)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, s, t);
}

/* ---- UpdateItem ---- */

static const char *const update_expressions[] = {"UpdateExpression", "ConditionExpression", NULL};
static const char *const update_legacy[] = {
    "AttributeUpdates", "Expected", "ConditionalOperator", NULL};
static const struct expr_params update_params = {update_expressions, update_legacy};

bool update_keys_check(
    struct dynamo_call *c, const struct core_table *t, const struct expr_update *update)
{
    if (update == NULL) {
        return true;
    }
    struct bytes names[2] = {t->part.keys.hash.name, t->part.keys.range.name};
    struct bytes msg = BYTES_NONE;
    enum err err =
        expr_update_check_keys(c->arena, update, names, names[1].base == NULL ? 1 : 2, &msg);
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

static bool update_prepare(
    struct dynamo_call *c,
    const struct json *in,
    struct write_state *s,
    const struct core_table **ret_table)
{
    struct write_params p = {0};
    struct value *key = ARENA_NEW(c->arena, struct value);
    if (key == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    c->framed = true;
    if (!params_read(c, in, "Key", "key", &update_params, &p, s) ||
        !exprs_check(c, in, &update_params) || !attr_map_parse(c, p.attrs, key) ||
        !return_values_read(c, p.return_values, true, &s->return_values) ||
        !exprs_env(c, in, &p.env) || !exprs_update(c, in, &p.env, &s->op.update) ||
        !legacy_update(c, in, &s->op.update) ||
        !exprs_cond(c, in, "ConditionExpression", &p.env, &s->op.condition) ||
        !legacy_cond(c, in, "Expected", &s->op.condition) || !exprs_unused(c, &p.env)) {
        return false;
    }
    c->framed = false;
    s->op.kind = PART_UPDATE;
    s->op.key_attrs = key;
    struct exprs_parsed parsed = {.condition = s->op.condition, .update = s->op.update};
    return table_find(c, p.table, ret_table) && exprs_paths_check(c, *ret_table, &parsed) &&
           key_parse(c, &(*ret_table)->part.keys, key, &s->op.key) &&
           update_keys_check(c, *ret_table, s->op.update) &&
           update_index_keys_check(c, *ret_table, s->op.update) &&
           state_fill(c, *ret_table, &p, key, s);
}

enum dynamo_step update_item_begin(struct dynamo_call *c, const struct json *in)
{
    struct write_state *s = state_new(c);
    const struct core_table *t;
    if (s == NULL || !update_prepare(c, in, s, &t)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, s, t);
}

/* ---- faults ---- */

/* The attribute among an index's keys, or NULL. */
static const struct expr_key_attr *index_attr(
    const struct part_index *index, struct bytes name, bool *ret_is_hash)
{
    const struct expr_key_schema *keys = &index->keys;
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        if (bytes_eq(expr_keys_at(keys, i)->name, name)) {
            *ret_is_hash = i < expr_keys_hashes(keys);
            return expr_keys_at(keys, i);
        }
    }
    return NULL;
}

/* The index to name: of those that a wrong type does not fit, the first by name, as DynamoDB does;
 * what is too long may fit another. The table is looked up anew. */
static const struct part_index *fault_index(struct dynamo_call *c, const struct write_state *s)
{
    const struct core_table *t = catalog_table(c->d->view.catalog, s->table_name);
    const struct core_index *found = t == NULL ? NULL : table_index(t, s->op.fault_index);
    if (found == NULL || s->op.fault == PART_FAULT_INDEX_LENGTH) {
        return found == NULL ? NULL : &found->part;
    }
    const struct part_index *first = &found->part;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct part_index *x = &t->indexes[i].part;
        bool is_hash;
        if (bytes_cmp(x->name, first->name) < 0 &&
            index_attr(x, s->op.fault_attr, &is_hash) != NULL) {
            first = x;
        }
    }
    return first;
}

/* What only the item showed: that an update would give a key of an index what it cannot be. */
static bool fault_updated_key(
    struct dynamo_call *c, const struct write_state *s, const struct expr_key_attr *attr)
{
    const struct value *v = &s->op.fault_value;
    if (s->op.fault == PART_FAULT_INDEX_LENGTH) {
        return call_invalid(
            c,
            "The update expression attempted to update the secondary index key beyond allowed size "
            "limits");
    }
    if (v->type != attr->type) {
        return call_invalid(
            c,
            "The update expression attempted to update the secondary index key to unsupported "
            "type");
    }
    return call_invalid(
        c,
        "One or more parameter values are not valid. The update expression attempted to update a "
        "secondary index key to a value that is not supported. The AttributeValue for a key "
        "attribute cannot contain an empty %s value.",
        v->type == VALUE_STRING ? "string" : "binary");
}

static bool fault_index_key(struct dynamo_call *c, const struct write_state *s)
{
    bool is_hash = false;
    const struct part_index *index = fault_index(c, s);
    const struct expr_key_attr *attr =
        index == NULL ? NULL : index_attr(index, s->op.fault_attr, &is_hash);
    const struct value *v = &s->op.fault_value;
    enum value_type known;
    bool updated = s->op.kind == PART_UPDATE && s->op.update != NULL && attr != NULL;
    bool foretold = updated && v->type != attr->type &&
                    expr_update_known_type(s->op.update, attr->name, &known) && known == v->type;
    if (updated && !foretold) {
        return fault_updated_key(c, s, attr);
    }
    if (attr != NULL && !index_key_fault(c, attr, index->name, is_hash, v)) {
        return false;
    }
    /* The index changed in between: say what is certain. */
    return call_invalid(
        c,
        INVALID "The value of attribute %.*s does not fit index %.*s",
        BYTES_FMT(s->op.fault_attr),
        BYTES_FMT(s->op.fault_index));
}

static bool write_fault(struct dynamo_call *c, const struct write_state *s)
{
    const struct part_op *op = &s->op;
    struct spent spent;
    switch (op->fault) {
    case PART_FAULT_NONE:
        break;
    case PART_FAULT_NO_TABLE:
        return call_fail(c, AWS_RESOURCE_NOT_FOUND, BYTES_LIT("Requested resource not found"));
    case PART_FAULT_CONDITION:
        return call_fail_condition(c, s->item_on_failure ? op->old : NULL);
    case PART_FAULT_UPDATE:
        return call_fail(c, AWS_VALIDATION, op->msg);
    case PART_FAULT_INDEX_KEY:
    case PART_FAULT_INDEX_LENGTH:
        return fault_index_key(c, s);
    case PART_FAULT_ITEM_SIZE:
        return call_invalid(
            c,
            op->kind == PART_UPDATE ? "Item size to update has exceeded the maximum allowed size"
                                    : "Item size has exceeded the maximum allowed size");
    case PART_FAULT_COLLECTION:
        return fail_collection_too_large(c);
    case PART_FAULT_THROTTLED:
    case PART_FAULT_INDEX_THROTTLED:
        spent = spent_write(c, s->table_name, op);
        return fail_throttled(c, &spent);
    case PART_FAULT_DEPTH:
        return call_invalid(
            c,
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
            "levels beyond supported limit");
    }
    return call_fail_err(c, op->err);
}

bool op_fail(
    struct dynamo_call *c, const struct part_op *op, struct bytes table_name, bool item_on_failure)
{
    const struct write_state s = {
        .op = *op, .table_name = table_name, .item_on_failure = item_on_failure};
    return write_fault(c, &s);
}

/* ---- answers ---- */

/* The attributes ReturnValues asks for; NULL when there are none. */
static enum err returned_attrs(
    struct dynamo_call *c, const struct write_state *s, const struct value **ret)
{
    const struct part_op *op = &s->op;
    *ret = NULL;
    const struct value *from = NULL;
    switch (s->return_values) {
    case RETURN_NONE:
        return OK;
    case RETURN_ALL_OLD:
        *ret = op->old;
        return OK;
    case RETURN_ALL_NEW:
        *ret = op->now;
        return OK;
    case RETURN_UPDATED_OLD:
        from = op->old;
        break;
    case RETURN_UPDATED_NEW:
        from = op->now;
        break;
    }
    if (from == NULL || op->update == NULL) {
        return OK;
    }
    struct value *part = ARENA_NEW(c->arena, struct value);
    if (part == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = expr_update_project(c->arena, op->update, from, part);
    *ret = err == OK && part->map.n > 0 ? part : NULL;
    return err;
}

enum dynamo_step write_resume(struct dynamo_call *c)
{
    struct write_state *s = c->state;
    if (s->cmd.err != OK) {
        (void)call_fail_err(c, s->cmd.err); /* answers */
        return DYNAMO_ANSWER;
    }
    if (s->op.err == OK || s->op.err == ERR_CONDITION) {
        usage_write(c, s->table_name, &s->op, 1);
    }
    if (s->op.err != OK) {
        (void)write_fault(c, s); /* answers */
        return DYNAMO_ANSWER;
    }
    const struct value *attrs;
    enum err err = returned_attrs(c, s, &attrs);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    const char *comma = "";
    buf_put_u8(b, '{');
    if (attrs != NULL) {
        buf_put_str(b, "\"Attributes\":");
        attr_map_put(b, attrs);
        comma = ",";
    }
    if (s->capacity != NULL) {
        capacity_add_op(s->capacity, &s->op);
        buf_put_str(b, comma);
        buf_put_str(b, "\"ConsumedCapacity\":");
        capacity_put(b, s->capacity, s->want_capacity);
        comma = ",";
    }
    if (s->collection.key.base != NULL) {
        buf_put_str(b, comma);
        buf_put_str(b, "\"ItemCollectionMetrics\":");
        collection_put(b, &s->collection, s->op.collection_bytes);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}
