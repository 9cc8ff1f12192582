/* TransactWriteItems: up to 100 puts, updates, deletes and checks of any tables in one command to
 * the writer, all of them or none.
 *
 * DynamoDB tells two kinds of refusal apart. What the request alone shows to be wrong, an
 * expression that does not parse, an item that is too large or a key that is empty, refuses the
 * request as it would a single write. What shows only against a table or an item, a key that does
 * not fit the schema, a condition that does not hold or an update that cannot be done, cancels the
 * transaction, and a list says for each part why; of keys that do not fit only the first is told.
 *
 * With one writer no transaction ever meets another half-way, so there is no conflict to report. */
#include "front/dynamo/dynamo_internal.h"

static const char *const put_expressions[] = {"ConditionExpression", NULL};
static const char *const update_expressions[] = {"UpdateExpression", "ConditionExpression", NULL};
static const char *const no_legacy[] = {NULL};

/* What an element may hold. `path` is the member in DynamoDB's words for faults. */
static const struct part_kind {
    enum part_op_kind kind;
    const char *name;
    const char *path;
    const char *action; /* that policies are asked about */
    const char *attrs_name;
    const char *attrs_path;
    struct expr_params params;
} kinds[] = {
    {PART_CHECK,
     "ConditionCheck",
     "conditionCheck",
     "ConditionCheckItem",
     "Key",
     "key",
     {put_expressions, no_legacy}},
    {PART_PUT, "Put", "put", "PutItem", "Item", "item", {put_expressions, no_legacy}},
    {PART_DELETE, "Delete", "delete", "DeleteItem", "Key", "key", {put_expressions, no_legacy}},
    {PART_UPDATE, "Update", "update", "UpdateItem", "Key", "key", {update_expressions, no_legacy}},
};

/* One element. Nothing here points into the catalog after the begin. */
struct transact_part {
    const struct part_kind *kind;
    const struct json *in;
    const struct json *attrs_in;
    struct bytes given;      /* table name or ARN, as the request has it */
    struct bytes table_name; /* as the catalog has it */
    struct value *attrs;     /* item or key */
    bool item_on_failure;
    struct expr_env env;
    struct capacity *capacity; /* its table's; NULL unless wanted */
    struct collection collection;
};

struct transact_state {
    struct part_cmd cmd;
    struct part_op *ops;
    struct transact_part *parts;
    struct cancel_reason *reasons;
    size_t n;
    struct part_token *token;
    enum return_capacity want_capacity;
    bool want_metrics;
};

/* ---- shape ---- */

static const char *path_of(
    struct dynamo_call *c, size_t i, const struct part_kind *kind, const char *member)
{
    struct bytes path =
        bytes_fmt(c->arena, "transactItems.%zu.member.%s.%s", i + 1, kind->path, member);
    const char *text = bytes_cstr(c->arena, path);
    return text == NULL ? member : text;
}

/* Types and constraints of one element's fields. */
static bool part_shape(
    struct dynamo_call *c, struct checks *k, size_t i, struct transact_part *part)
{
    const struct part_kind *kind = part->kind;
    const struct json *in = part->in;
    struct bytes condition;
    struct bytes update;
    struct bytes on_failure;
    if (!field_string(c, in, "TableName", &part->given) ||
        !field_map(c, in, kind->attrs_name, "AttributeValue", &part->attrs_in) ||
        !field_string(c, in, "ConditionExpression", &condition) ||
        !field_string(c, in, "UpdateExpression", &update) ||
        !field_string(c, in, "ReturnValuesOnConditionCheckFailure", &on_failure)) {
        return false;
    }
    check_table_name(k, path_of(c, i, kind, "tableName"), part->given);
    check_not_null(k, path_of(c, i, kind, kind->attrs_path), part->attrs_in != NULL);
    if (kind->kind == PART_CHECK) {
        check_not_null(k, path_of(c, i, kind, "conditionExpression"), condition.base != NULL);
    }
    if (kind->kind == PART_UPDATE) {
        check_not_null(k, path_of(c, i, kind, "updateExpression"), update.base != NULL);
    }
    check_enum(
        k, path_of(c, i, kind, "returnValuesOnConditionCheckFailure"), on_failure, "ALL_OLD, NONE");
    part->item_on_failure = bytes_eq_str(on_failure, "ALL_OLD");
    return true;
}

/* Finds out what an element holds; *ret_n says how many kinds. */
static bool part_kind_read(
    struct dynamo_call *c, const struct json *j, struct transact_part *part, size_t *ret_n)
{
    *ret_n = 0;
    if (!json_as_struct(c, j, "TransactWriteItem")) {
        return false;
    }
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        const struct json *in;
        if (!field_struct(c, j, kinds[k].name, kinds[k].name, &in)) {
            return false;
        }
        if (in != NULL) {
            part->kind = &kinds[k];
            part->in = in;
            (*ret_n)++;
        }
    }
    return true;
}

static bool parts_shape(
    struct dynamo_call *c, struct checks *k, const struct json *list, struct transact_state *s)
{
    size_t fewest = 1;
    size_t most = 1;
    for (size_t i = 0; i < s->n; i++) {
        size_t n;
        if (!part_kind_read(c, &list->array.items[i], &s->parts[i], &n) ||
            (n == 1 && !part_shape(c, k, i, &s->parts[i]))) {
            return false;
        }
        fewest = n < fewest ? n : fewest;
        most = n > most ? n : most;
    }
    if (!checks_done(k)) {
        return false;
    }
    if (fewest == 0) {
        return call_invalid(
            c,
            "Invalid Request: TransactWriteRequest should contain Delete or Put or Update "
            "request");
    }
    return most == 1 ||
           call_invalid(c, "TransactItems can only contain one of Check, Put, Update or Delete");
}

/* ---- what the request alone tells ---- */

static bool part_parse(struct dynamo_call *c, struct transact_part *part, struct part_op *op)
{
    const struct json *in = part->in;
    op->kind = part->kind->kind;
    part->attrs = ARENA_NEW(c->arena, struct value);
    if (part->attrs == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if (!exprs_check(c, in, &part->kind->params) ||
        !attr_map_parse(c, part->attrs_in, part->attrs)) {
        return false;
    }
    if (op->kind == PART_PUT && item_size(part->attrs) > DOC_ITEM_BYTES_MAX) {
        return call_invalid(c, "Item size has exceeded the maximum allowed size");
    }
    if (!exprs_env(c, in, &part->env) ||
        (op->kind == PART_UPDATE && !exprs_update(c, in, &part->env, &op->update)) ||
        !exprs_cond(c, in, "ConditionExpression", &part->env, &op->condition)) {
        return false;
    }
    op->item = op->kind == PART_PUT ? part->attrs : NULL;
    op->key_attrs = op->kind == PART_UPDATE ? part->attrs : NULL;
    op->want_old = part->item_on_failure;
    return exprs_unused(c, &part->env);
}

static bool sizes_check(struct dynamo_call *c, const struct transact_state *s)
{
    size_t total = 0;
    for (size_t i = 0; i < s->n; i++) {
        total += item_size(s->parts[i].attrs);
    }
    return total <= TRANSACTION_BYTES_MAX || call_invalid(c, TRANSACTION_WRITES_TOO_LARGE);
}

/* ---- what only the tables tell ---- */

/* The tally of a table is shared by its elements. */
static bool part_capacity(
    struct dynamo_call *c, struct transact_state *s, size_t i, const struct core_table *t)
{
    for (size_t k = 0; k < i; k++) {
        if (s->ops[k].table == t->part.id) {
            s->parts[i].capacity = s->parts[k].capacity;
            return true;
        }
    }
    s->parts[i].capacity = capacity_new(c->arena, t, s->parts[i].given);
    return s->parts[i].capacity != NULL || call_fail_err(c, ERR_TOO_BIG);
}

static bool part_fits(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct transact_part *part,
    struct part_op *op)
{
    struct exprs_parsed parsed = {.condition = op->condition, .update = op->update};
    if (!exprs_paths_check(c, t, &parsed)) {
        return false;
    }
    return op->kind == PART_PUT ? item_key(c, t, part->attrs, false, &op->key)
                                : key_parse(c, &t->part.keys, part->attrs, &op->key) &&
                                      update_keys_check(c, t, op->update);
}

/* DynamoDB looks for empty key values before it looks at the transaction; their message begins
 * unlike the others. */
static bool refuses_request(const struct call_noted *noted)
{
    return noted->error != AWS_VALIDATION ||
           bytes_has_prefix(noted->msg, BYTES_LIT("One or more parameter values are not valid. "));
}

/* Notes in `*reason` what does not fit the table; answers what refuses the request as a whole. */
static bool part_resolve(struct dynamo_call *c, struct transact_state *s, size_t i, bool *ret_fits)
{
    struct transact_part *part = &s->parts[i];
    struct part_op *op = &s->ops[i];
    const struct core_table *t;
    c->action = part->kind->action;
    if (!table_find(c, part->given, &t)) {
        return false;
    }
    struct call_noted noted;
    call_note(c, &noted);
    *ret_fits = part_fits(c, t, part, op);
    call_note(c, NULL);
    if (!*ret_fits) {
        s->reasons[i] = (struct cancel_reason){.code = "ValidationError", .msg = noted.msg};
        return !refuses_request(&noted) || call_fail(c, noted.error, noted.msg);
    }
    if (s->want_capacity != CAPACITY_NONE && !part_capacity(c, s, i, t)) {
        return false;
    }
    if (s->want_metrics && op->kind != PART_CHECK &&
        !collection_of(c->arena, t, part->attrs, &part->collection)) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    op->table = t->part.id;
    part->table_name = bytes_dup(c->arena, t->part.name);
    return part->table_name.base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* At most a hundred, so all are compared. */
static bool duplicates_check(struct dynamo_call *c, const struct transact_state *s)
{
    for (size_t i = 1; i < s->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (s->ops[i].table == s->ops[k].table && bytes_eq(s->ops[i].key, s->ops[k].key)) {
                return call_invalid(
                    c, "Transaction request cannot include multiple operations on one item");
            }
        }
    }
    return true;
}

static bool parts_resolve(struct dynamo_call *c, struct transact_state *s)
{
    bool all = true;
    for (size_t i = 0; i < s->n; i++) {
        bool fits;
        if (!part_resolve(c, s, i, &fits)) {
            return false;
        }
        if (!fits && !all) {
            s->reasons[i] = (struct cancel_reason){0}; /* only the first is told */
        }
        all = all && fits;
    }
    return all ? duplicates_check(c, s) : call_cancel(c, s->reasons, s->n);
}

/* ---- begin ---- */

static bool state_alloc(struct dynamo_call *c, struct transact_state *s, size_t n)
{
    s->n = n;
    s->ops = ARENA_ARRAY(c->arena, struct part_op, n);
    s->parts = ARENA_ARRAY(c->arena, struct transact_part, n);
    s->reasons = ARENA_ARRAY(c->arena, struct cancel_reason, n);
    if (s->ops == NULL || s->parts == NULL || s->reasons == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    return true;
}

static bool transact_prepare(struct dynamo_call *c, const struct json *in, struct transact_state *s)
{
    struct checks k = {.c = c};
    struct bytes token;
    const struct json *list;
    if (!field_string(c, in, "ClientRequestToken", &token) ||
        !field_list(c, in, "TransactItems", &list)) {
        return false;
    }
    check_token(&k, token);
    if (!field_capacity(c, &k, in, &s->want_capacity) ||
        !field_metrics(c, &k, in, &s->want_metrics)) {
        return false;
    }
    check_not_null(&k, "transactItems", list != NULL);
    size_t n = list == NULL ? 0 : list->array.n;
    if (list != NULL) {
        check_count(
            &k,
            "transactItems",
            n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"),
            n,
            1,
            TRANSACTION_PARTS_MAX);
    }
    if (n == 0 || n > TRANSACTION_PARTS_MAX) {
        return checks_done(&k);
    }
    if (!state_alloc(c, s, n) || !parts_shape(c, &k, list, s)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!part_parse(c, &s->parts[i], &s->ops[i])) {
            return false;
        }
    }
    return sizes_check(c, s) && parts_resolve(c, s) && token_of(c, 'w', token, list, &s->token);
}

enum dynamo_step transact_write_begin(struct dynamo_call *c, const struct json *in)
{
    struct transact_state *s = ARENA_NEW(c->arena, struct transact_state);
    if (s == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!transact_prepare(c, in, s)) {
        return DYNAMO_ANSWER;
    }
    s->cmd = (struct part_cmd){
        .kind = PART_CMD_WRITE,
        .write =
            {
                .ops = s->ops,
                .n = s->n,
                .atomic = true,
                .bytes_max = TRANSACTION_BYTES_MAX,
                .token = s->token,
            },
    };
    c->state = s;
    return call_submit(c, &s->cmd);
}

/* ---- refusals ---- */

/* The reason for one op the writer refused; false when the answer is another than a cancellation,
 * and has been given. */
static bool reason_of(struct dynamo_call *c, struct transact_state *s, size_t i)
{
    const struct part_op *op = &s->ops[i];
    const struct transact_part *part = &s->parts[i];
    struct cancel_reason *r = &s->reasons[i];
    *r = (struct cancel_reason){0};
    if (op->err == OK) {
        return true;
    }
    if (op->fault == PART_FAULT_CONDITION) {
        r->code = "ConditionalCheckFailed";
        r->msg = BYTES_LIT("The conditional request failed");
        r->item = part->item_on_failure ? op->old : NULL;
        return true;
    }
    if (op_throttled(op)) {
        const struct spent spent = spent_write(c, part->table_name, op);
        *r = throttled_reason(c, &spent);
        return true;
    }
    if (op->fault == PART_FAULT_COLLECTION) {
        r->code = "ItemCollectionSizeLimitExceeded";
        r->msg = BYTES_LIT("Collection size exceeded.");
        return true;
    }
    struct call_noted noted;
    call_note(c, &noted);
    (void)op_fail(c, op, part->table_name, false); /* notes */
    call_note(c, NULL);
    if (refuses_request(&noted)) {
        return call_fail(c, noted.error, noted.msg);
    }
    r->code = "ValidationError";
    r->msg = noted.msg;
    return true;
}

static bool transact_refused(struct dynamo_call *c, struct transact_state *s)
{
    if (s->cmd.err == ERR_EXISTS) {
        return call_fail(
            c,
            AWS_IDEMPOTENT_MISMATCH,
            BYTES_LIT("DynamoDB rejected the request because you retried a request with a "
                      "different payload but with an idempotent token that was already used."));
    }
    if (s->cmd.err == ERR_TOO_BIG) {
        return call_invalid(c, TRANSACTION_WRITES_TOO_LARGE);
    }
    if (s->cmd.err != ERR_CANCELLED) {
        return call_fail_err(c, s->cmd.err);
    }
    for (size_t i = 0; i < s->n; i++) {
        if (!reason_of(c, s, i)) {
            return false;
        }
    }
    return call_cancel(c, s->reasons, s->n);
}

/* ---- the answer ---- */

/* The first element of each table, where the table's part of the answer stands. */
static bool is_first_of_table(const struct transact_state *s, size_t i)
{
    for (size_t k = 0; k < i; k++) {
        if (s->ops[k].table == s->ops[i].table) {
            return false;
        }
    }
    return true;
}

static bool is_repeated(const struct transact_state *s)
{
    return s->token != NULL && s->token->repeated;
}

/* A repeated transaction is told as the reads that found out that it was done before. */
static void add_capacity(struct transact_state *s, size_t i)
{
    struct capacity *cap = s->parts[i].capacity;
    bool repeated = is_repeated(s);
    cap->kind = repeated ? "ReadCapacityUnits" : "WriteCapacityUnits";
    if (repeated) {
        cap->halves += capacity_read_halves(s->ops[i].old_bytes, true) * 2;
    } else {
        capacity_add_transacted(cap, &s->ops[i]);
    }
}

static void put_capacities(struct buf *b, struct transact_state *s)
{
    buf_put_str(b, "\"ConsumedCapacity\":[");
    for (size_t i = 0; i < s->n; i++) {
        add_capacity(s, i);
    }
    const char *comma = "";
    for (size_t i = 0; i < s->n; i++) {
        if (is_first_of_table(s, i)) {
            buf_put_str(b, comma);
            capacity_put(b, s->parts[i].capacity, s->want_capacity);
            comma = ",";
        }
    }
    buf_put_u8(b, ']');
}

/* Whether a later element wrote to the same collection of the same table, and saw its size. */
static bool told_later(const struct transact_state *s, size_t i)
{
    for (size_t k = i + 1; k < s->n; k++) {
        if (s->parts[k].collection.key.base != NULL && s->ops[k].table == s->ops[i].table &&
            value_eq(&s->parts[k].collection.value, &s->parts[i].collection.value)) {
            return true;
        }
    }
    return false;
}

/* The collections written to in the i-th element's table; false when there is none. */
static bool put_table_metrics(
    struct buf *b, const struct transact_state *s, size_t i, const char *before)
{
    bool any = false;
    for (size_t k = i; k < s->n; k++) {
        const struct collection *col = &s->parts[k].collection;
        if (s->ops[k].table != s->ops[i].table || col->key.base == NULL || told_later(s, k)) {
            continue;
        }
        if (!any) {
            buf_put_str(b, before);
            json_put_string(b, s->parts[i].given);
        }
        buf_put_str(b, any ? "," : ":[");
        collection_put(b, col, s->ops[k].collection_bytes);
        any = true;
    }
    buf_put_str(b, any ? "]" : "");
    return any;
}

static void put_metrics(struct buf *b, const struct transact_state *s, bool first)
{
    bool any = false;
    const char *before = first ? "\"ItemCollectionMetrics\":{" : ",\"ItemCollectionMetrics\":{";
    for (size_t i = 0; i < s->n; i++) {
        if (is_first_of_table(s, i) && put_table_metrics(b, s, i, any ? "," : before)) {
            any = true;
        }
    }
    buf_put_str(b, any ? "}" : "");
}

/* Conditions cost what writes cost, also in a transaction that was cancelled. */
static void count_usage(struct dynamo_call *c, const struct transact_state *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct part_op *op = &s->ops[i];
        if (is_repeated(s)) {
            usage_repeated(c, s->parts[i].table_name, op);
        } else if (op->err == OK || op->err == ERR_CONDITION) {
            usage_write(c, s->parts[i].table_name, op, 2);
        }
    }
}

enum dynamo_step transact_write_resume(struct dynamo_call *c)
{
    struct transact_state *s = c->state;
    if (s->cmd.err == OK || s->cmd.err == ERR_CANCELLED) {
        count_usage(c, s);
    }
    if (s->cmd.err != OK) {
        (void)transact_refused(c, s); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_u8(b, '{');
    bool some = s->want_capacity != CAPACITY_NONE;
    if (some) {
        put_capacities(b, s);
    }
    if (s->want_metrics && !is_repeated(s)) {
        put_metrics(b, s, !some);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}
