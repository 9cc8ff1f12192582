/* What ExecuteStatement, BatchExecuteStatement and ExecuteTransaction share: from a statement's
 * text to a read by key or an op for the writer, and from what came of it to words. */
#include "front/dynamo/statement.h"

#define INVALID "One or more parameter values were invalid: "

/* ---- the request's fields ---- */

bool statement_fields(
    struct dynamo_call *c,
    struct checks *k,
    const struct json *in,
    const char *prefix,
    struct statement *s)
{
    struct bytes on_failure;
    const char *text = bytes_cstr(c->arena, bytes_fmt(c->arena, "%sstatement", prefix));
    const char *params = bytes_cstr(c->arena, bytes_fmt(c->arena, "%sparameters", prefix));
    const char *failure =
        bytes_cstr(c->arena, bytes_fmt(c->arena, "%sreturnValuesOnConditionCheckFailure", prefix));
    if (text == NULL || params == NULL || failure == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if (!field_string(c, in, "Statement", &s->text) ||
        !field_list(c, in, "Parameters", &s->params_in) ||
        !field_string(c, in, "ReturnValuesOnConditionCheckFailure", &on_failure)) {
        return false;
    }
    check_not_null(k, text, s->text.base != NULL);
    check_length(k, text, s->text, 1, PARTIQL_BYTES_MAX);
    if (s->params_in != NULL && s->params_in->array.n == 0) {
        check_count(k, params, BYTES_LIT("[]"), 0, 1, SIZE_MAX);
    }
    check_enum(k, failure, on_failure, "ALL_OLD, NONE");
    s->item_on_failure = bytes_eq_str(on_failure, "ALL_OLD");
    return true;
}

bool statement_params(struct dynamo_call *c, struct statement *s)
{
    s->n_params = s->params_in == NULL ? 0 : s->params_in->array.n;
    s->params = ARENA_ARRAY(c->arena, struct value, s->n_params);
    if (s->params == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < s->n_params; i++) {
        if (!attr_parse(c, &s->params_in->array.items[i], &s->params[i])) {
            return false;
        }
    }
    return true;
}

/* ---- the statement ---- */

static bool settle(struct dynamo_call *c, enum err err, struct bytes msg)
{
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

bool statement_parse(struct dynamo_call *c, struct statement *s)
{
    struct bytes msg = BYTES_NONE;
    enum err err = partiql_parse(c->arena, s->text, s->params, s->n_params, &s->stmt, &msg);
    return settle(c, err, msg);
}

bool statement_is_read(const struct statement *s)
{
    return s->stmt.kind == PARTIQL_SELECT;
}

static bool name_ok(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t ch = name.base[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(ch >= '0' && ch <= '9') && ch != '_' && ch != '-' && ch != '.') {
            return false;
        }
    }
    return name.len >= 3 && name.len <= 255;
}

bool statement_find(struct dynamo_call *c, struct statement *s)
{
    struct bytes name = s->stmt.table;
    if (!bytes_has_prefix(name, BYTES_LIT("arn:")) && !name_ok(name)) {
        return call_invalid(
            c,
            "Table name should be within the length [3, 255] and only contain 'a-z', 'A-Z', '0-9', "
            "'-', '_', '.'.");
    }
    static const char *const actions[] = {
        [PARTIQL_SELECT] = "PartiQLSelect",
        [PARTIQL_INSERT] = "PartiQLInsert",
        [PARTIQL_UPDATE] = "PartiQLUpdate",
        [PARTIQL_DELETE] = "PartiQLDelete",
        [PARTIQL_EXISTS] = "PartiQLSelect",
    };
    c->action = actions[s->stmt.kind];
    c->index = s->stmt.index;
    if (!table_find(c, name, &s->table)) {
        return false;
    }
    s->table_name = bytes_dup(c->arena, s->table->part.name);
    s->op.table = s->table->part.id;
    return s->table_name.base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* ---- SELECT ---- */

static bool find_index(struct dynamo_call *c, struct statement *s)
{
    if (s->stmt.index.base == NULL) {
        return true;
    }
    s->index = table_index(s->table, s->stmt.index);
    if (s->index == NULL) {
        return call_invalid(c, "The table does not have the specified index");
    }
    const struct expr_key_schema *keys = &s->index->part.keys;
    size_t hashes = expr_keys_hashes(keys);
    if (hashes > 1 || expr_keys_count(keys) - hashes > 1) {
        return call_invalid(
            c,
            "PartiQL statements cannot be executed on tables with multi-attribute HASH keys or "
            "multi-attribute RANGE keys.");
    }
    if (s->index->backfilling || s->index->status == CORE_CREATING) {
        return call_invalid(
            c,
            "Cannot read from backfilling global secondary index: %.*s",
            BYTES_FMT(s->stmt.index));
    }
    return s->index->part.local || !s->consistent ||
           call_invalid(c, "Strongly consistent read is not supported on Global Secondary Indexes");
}

static bool is_held(struct bytes name, const struct partiql_held *held)
{
    for (size_t i = 0; i < held->n; i++) {
        if (bytes_eq(held->names[i], name)) {
            return true;
        }
    }
    return false;
}

static void put_name(struct buf *b, struct bytes name)
{
    buf_put_str(b, b->len == 0 ? "" : ", ");
    buf_put_bytes(b, name);
}

/* Columns that the index does not hold: a local one gets them from the table, a global one cannot.
 */
static bool columns_check(
    struct dynamo_call *c, struct statement *s, const struct partiql_held *held)
{
    struct buf lacks;
    buf_init(&lacks, /* len_max= */ 2 * PARTIQL_BYTES_MAX);
    for (size_t i = 0; i < s->stmt.n_columns; i++) {
        struct bytes name = s->stmt.columns[i].path.steps[0].name;
        if (!is_held(name, held)) {
            put_name(&lacks, name);
        }
    }
    s->fetch_whole = lacks.len > 0;
    bool ok = !s->fetch_whole || s->index->part.local ||
              call_invalid(
                  c,
                  INVALID "Global secondary index %.*s does not project [%.*s]",
                  BYTES_FMT(s->index->part.name),
                  BYTES_FMT(buf_bytes(&lacks)));
    buf_done(&lacks);
    return ok;
}

static bool refuse_not_held(struct dynamo_call *c, const struct statement *s)
{
    struct buf names;
    buf_init(&names, /* len_max= */ 2 * PARTIQL_BYTES_MAX);
    for (size_t i = 0; i < s->reads.n_not_held; i++) {
        put_name(&names, s->reads.not_held[i]);
    }
    (void)call_invalid(
        c,
        INVALID "Secondary index %.*s does not project one or more filter attributes: [%.*s]",
        BYTES_FMT(s->index->part.name),
        BYTES_FMT(buf_bytes(&names))); /* answers */
    buf_done(&names);
    return false;
}

/* A read of the table by its whole key is a read of one item. */
static bool find_single(struct dynamo_call *c, struct statement *s)
{
    const struct expr_key_schema *keys = &s->table->part.keys;
    bool pair = keys->range.name.base != NULL;
    if (s->index != NULL || s->reads.scan || s->reads.n_reads != 1 ||
        (pair && s->reads.reads[0].cond.op != EXPR_RANGE_EQ)) {
        return true;
    }
    struct member members[2] = {
        {keys->hash.name, s->reads.reads[0].cond.hash},
        {keys->range.name, s->reads.reads[0].cond.lo}};
    enum err err = members_sort(members, pair ? 2 : 1);
    ASSERT(err == OK);
    struct value attrs = {.type = VALUE_MAP, .map = {members, pair ? 2 : 1}};
    s->single = true;
    return key_parse(c, keys, &attrs, &s->key);
}

bool statement_plan(struct dynamo_call *c, struct statement *s)
{
    struct partiql_held held = {0};
    bool partly = false;
    if (!find_index(c, s)) {
        return false;
    }
    if (s->index != NULL && s->index->part.projection != PART_PROJECT_ALL) {
        partly = true;
        held.names = index_attr_names(c->arena, s->table, &s->index->part, &held.n);
        if (held.names == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        if (!columns_check(c, s, &held)) {
            return false;
        }
    }
    const struct expr_key_schema *keys =
        s->index == NULL ? &s->table->part.keys : &s->index->part.keys;
    struct bytes msg = BYTES_NONE;
    enum err err =
        partiql_plan_reads(c->arena, &s->stmt, keys, partly ? &held : NULL, &s->reads, &msg);
    if (!settle(c, err, msg)) {
        return false;
    }
    if (s->reads.n_not_held > 0) {
        return refuse_not_held(c, s);
    }
    return find_single(c, s);
}

void statement_put_item(struct buf *b, const struct statement *s, const struct value *item)
{
    if (s->stmt.n_columns == 0) {
        attr_map_put(b, item);
        return;
    }
    const char *comma = "{";
    for (size_t i = 0; i < s->stmt.n_columns; i++) {
        const struct value *v = expr_path_find(&s->stmt.columns[i].path, item);
        if (v == NULL) {
            continue;
        }
        buf_put_str(b, comma);
        json_put_string(b, s->stmt.columns[i].name);
        buf_put_u8(b, ':');
        attr_put(b, v);
        comma = ",";
    }
    buf_put_str(b, comma[0] == '{' ? "{}" : "}");
}

/* ---- INSERT, UPDATE, DELETE ---- */

bool statement_names(
    struct dynamo_call *c, const struct statement *s, const struct partiql_item *item)
{
    (void)s;
    switch (item->names) {
    case PARTIQL_NAMES_ITEM:
        return true;
    case PARTIQL_NAMES_PART:
        return call_invalid(
            c, "Where clause does not contain a mandatory equality on all key attributes");
    case PARTIQL_NAMES_MANY:
        return call_invalid(
            c,
            "Multiple conditions on same key %.*s. Only single item Update/Insert/Delete are "
            "supported",
            BYTES_FMT(item->attr));
    case PARTIQL_NAMES_TYPED:
        return call_invalid(
            c,
            "Key attribute's data type should match its data type in table's schema: Key %.*s",
            BYTES_FMT(item->attr));
    }
    UNREACHABLE();
}

static bool insert_prepare(struct dynamo_call *c, struct statement *s)
{
    const struct value *item = s->stmt.item;
    for (size_t i = 0; i < item->map.n; i++) {
        if (value_depth(&item->map.members[i].value) >= DOC_DEPTH_MAX) {
            return call_invalid(c, "Nesting Levels have exceeded supported limits");
        }
    }
    if (item_size(item) > DOC_ITEM_BYTES_MAX) {
        return call_invalid(c, "Item size has exceeded the maximum allowed size");
    }
    s->op.kind = PART_PUT;
    s->op.item = item;
    return item_key(c, s->table, item, false, &s->op.key);
}

static bool update_prepare(
    struct dynamo_call *c, struct statement *s, const struct partiql_item *item)
{
    struct bytes msg = BYTES_NONE;
    struct value *attrs = ARENA_NEW(c->arena, struct value);
    if (attrs == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    *attrs = item->key;
    s->op.kind = PART_UPDATE;
    s->op.key_attrs = attrs;
    return settle(c, partiql_update(c->arena, &s->stmt, &s->op.update, &msg), msg) &&
           update_keys_check(c, s->table, s->op.update);
}

/* Conditions may not go on below a key attribute. */
static bool condition_check(struct dynamo_call *c, const struct statement *s)
{
    const struct expr_key_schema *keys = &s->table->part.keys;
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        struct bytes name = expr_keys_at(keys, i)->name;
        if (expr_cond_reaches_into(s->op.condition, name)) {
            return call_invalid(
                c,
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are "
                "not allowed: Key %.*s",
                BYTES_FMT(name));
        }
    }
    return true;
}

bool statement_write(struct dynamo_call *c, struct statement *s, const struct partiql_item *item)
{
    struct bytes msg = BYTES_NONE;
    const struct expr_key_schema *keys = &s->table->part.keys;
    enum partiql_kind kind = s->stmt.kind;
    s->op.kind = kind == PARTIQL_EXISTS ? PART_CHECK : PART_DELETE;
    if ((kind == PARTIQL_INSERT && !insert_prepare(c, s)) ||
        (kind == PARTIQL_UPDATE && !update_prepare(c, s, item))) {
        return false;
    }
    if (!settle(c, partiql_condition(c->arena, &s->stmt, keys, &s->op.condition, &msg), msg) ||
        !condition_check(c, s)) {
        return false;
    }
    if (kind != PARTIQL_INSERT && !key_parse(c, keys, &item->key, &s->op.key)) {
        return false;
    }
    enum partiql_returning r = s->stmt.returning;
    s->op.want_old =
        r == PARTIQL_RETURNING_ALL_OLD || r == PARTIQL_RETURNING_MODIFIED_OLD || s->item_on_failure;
    s->op.want_new = r == PARTIQL_RETURNING_ALL_NEW || r == PARTIQL_RETURNING_MODIFIED_NEW;
    return true;
}

bool statement_refused(struct dynamo_call *c, const struct statement *s)
{
    const struct part_op *op = &s->op;
    if (op->fault == PART_FAULT_CONDITION && s->stmt.kind == PARTIQL_INSERT) {
        return call_fail(c, AWS_DUPLICATE_ITEM, BYTES_LIT("Duplicate primary key exists in table"));
    }
    if (op->fault == PART_FAULT_DEPTH ||
        (op->fault == PART_FAULT_UPDATE &&
         bytes_has_prefix(op->msg, BYTES_LIT("Nesting Levels have exceeded")))) {
        return call_invalid(c, "Nesting Levels have exceeded supported limits");
    }
    return op_fail(c, op, s->table_name, s->item_on_failure);
}

bool statement_returned(struct dynamo_call *c, const struct statement *s, const struct value **ret)
{
    const struct part_op *op = &s->op;
    const struct value *from = NULL;
    *ret = NULL;
    switch (s->stmt.returning) {
    case PARTIQL_RETURNING_NONE:
        return true;
    case PARTIQL_RETURNING_ALL_OLD:
        *ret = op->old;
        return true;
    case PARTIQL_RETURNING_ALL_NEW:
        *ret = op->now;
        return true;
    case PARTIQL_RETURNING_MODIFIED_OLD:
        from = op->old;
        break;
    case PARTIQL_RETURNING_MODIFIED_NEW:
        from = op->now;
        break;
    }
    if (from == NULL) {
        return true;
    }
    struct value *part = ARENA_NEW(c->arena, struct value);
    enum err err =
        part == NULL ? ERR_TOO_BIG : expr_update_project(c->arena, op->update, from, part);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    *ret = part->map.n > 0 ? part : NULL;
    return true;
}
