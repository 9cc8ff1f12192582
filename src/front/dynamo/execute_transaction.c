/* ExecuteTransaction: up to 100 statements, all or none: SELECTs of one item each, from one
 * snapshot, or writes and EXISTS checks in one command to the writer.
 *
 * What a statement alone shows to be wrong refuses the request, and says which statement it was.
 * What shows against a table or an item cancels the transaction, with a reason for each statement.
 */
#include "front/dynamo/statement.h"

struct transaction_state {
    struct part_cmd cmd;
    struct statement *statements;
    struct part_op *ops;
    struct cancel_reason *reasons;
    struct value *items; /* what the SELECTs found */
    bool *there;
    size_t n;
    bool reads;
    bool cancelled;
    struct part_token *token;
    enum return_capacity want_capacity;
};

/* ---- the request ---- */

static bool state_alloc(struct dynamo_call *c, struct transaction_state *x, size_t n)
{
    x->n = n;
    x->statements = ARENA_ARRAY(c->arena, struct statement, n);
    x->ops = ARENA_ARRAY(c->arena, struct part_op, n);
    x->reasons = ARENA_ARRAY(c->arena, struct cancel_reason, n);
    x->items = ARENA_ARRAY(c->arena, struct value, n);
    x->there = ARENA_ARRAY(c->arena, bool, n);
    if (x->statements == NULL || x->ops == NULL || x->reasons == NULL || x->items == NULL ||
        x->there == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    return true;
}

static bool member_fields(
    struct dynamo_call *c, struct checks *k, const struct json *j, size_t i, struct statement *s)
{
    const char *prefix =
        bytes_cstr(c->arena, bytes_fmt(c->arena, "transactStatements.%zu.member.", i + 1));
    if (prefix == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    s->consistent = true;
    return json_as_struct(c, j, "ParameterizedStatement") && statement_fields(c, k, j, prefix, s);
}

static bool fields_read(
    struct dynamo_call *c,
    const struct json *in,
    struct transaction_state *x,
    struct bytes *ret_token,
    const struct json **ret_list)
{
    struct checks k = {.c = c};
    const struct json *list;
    if (!field_string(c, in, "ClientRequestToken", ret_token) ||
        !field_list(c, in, "TransactStatements", &list)) {
        return false;
    }
    check_token(&k, *ret_token);
    if (!field_capacity(c, &k, in, &x->want_capacity)) {
        return false;
    }
    check_not_null(&k, "transactStatements", list != NULL);
    size_t n = list == NULL ? 0 : list->array.n;
    if (list != NULL) {
        check_count(
            &k,
            "transactStatements",
            n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"),
            n,
            1,
            TRANSACTION_PARTS_MAX);
    }
    *ret_list = list;
    if (n == 0 || n > TRANSACTION_PARTS_MAX) {
        return checks_done(&k);
    }
    if (!state_alloc(c, x, n)) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (!member_fields(c, &k, &list->array.items[i], i, &x->statements[i])) {
            return false;
        }
    }
    return checks_done(&k);
}

/* ---- what statements alone tell ---- */

/* Answers with what was noted, and which statement it is about. */
static bool refuse_member(struct dynamo_call *c, size_t i, const struct call_noted *noted)
{
    if (noted->error != AWS_VALIDATION) {
        return call_fail(c, noted->error, noted->msg);
    }
    return call_invalid(
        c, "Validation failed in TransactStatements[%zu]: %.*s", i, BYTES_FMT(noted->msg));
}

static bool statements_parse(struct dynamo_call *c, struct transaction_state *x)
{
    for (size_t i = 0; i < x->n; i++) {
        if (!statement_params(c, &x->statements[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < x->n; i++) {
        struct statement *s = &x->statements[i];
        struct call_noted noted;
        call_note(c, &noted);
        bool ok = statement_parse(c, s);
        call_note(c, NULL);
        if (!ok) {
            return refuse_member(c, i, &noted);
        }
        if (i > 0 && statement_is_read(s) != x->reads) {
            return call_invalid(
                c,
                "ExecuteTransaction API does not support both read and write operations in the "
                "same request.");
        }
        x->reads = statement_is_read(s);
    }
    return true;
}

/* ---- what only tables tell ---- */

static void cancel(struct transaction_state *x, size_t i, const char *code, struct bytes msg)
{
    x->reasons[i] = (struct cancel_reason){.code = code, .msg = msg};
    x->cancelled = true;
}

static void cancel_key(struct transaction_state *x, size_t i)
{
    cancel(
        x, i, "ValidationError", BYTES_LIT("The provided key element does not match the schema"));
}

static bool select_prepare(struct dynamo_call *c, struct transaction_state *x, size_t i)
{
    struct statement *s = &x->statements[i];
    struct partiql_item item;
    if (s->stmt.index.base != NULL) {
        return call_invalid(c, "Reads on indices are not supported within transactions.");
    }
    enum err err = partiql_item_of(c->arena, &s->stmt, &s->table->part.keys, true, &item);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    if (item.names == PARTIQL_NAMES_TYPED && item.key_only) {
        cancel_key(x, i);
        return true;
    }
    if (!statement_plan(c, s)) {
        return false;
    }
    return (s->single && item.names == PARTIQL_NAMES_ITEM && item.key_only) ||
           call_invalid(
               c,
               "Select statements within ExecuteTransaction must specify the primary key in the "
               "where clause.");
}

static bool exists_check(
    struct dynamo_call *c, const struct statement *s, const struct partiql_item *item)
{
    if (s->stmt.index.base != NULL) {
        return call_invalid(c, "Operations on indices are not supported in transactions");
    }
    bool one = item->names == PARTIQL_NAMES_ITEM || item->names == PARTIQL_NAMES_MANY;
    return (one && !item->key_only) ||
           call_invalid(c, "EXISTS() must contain a single item read with additional condition");
}

/* An INSERT's item that lacks a key or has a wrong one cancels; what else is wrong refuses. */
static bool insert_prepare(
    struct dynamo_call *c, struct transaction_state *x, size_t i, const struct partiql_item *item)
{
    struct statement *s = &x->statements[i];
    struct call_noted noted;
    struct call_noted *outer = c->noted;
    struct bytes key;
    call_note(c, &noted);
    bool fits = item_key(c, s->table, s->stmt.item, false, &key);
    call_note(c, outer);
    if (!fits && noted.error == AWS_VALIDATION) {
        cancel(x, i, "ValidationError", noted.msg);
        return true;
    }
    return statement_write(c, s, item);
}

static bool write_prepare(struct dynamo_call *c, struct transaction_state *x, size_t i)
{
    struct statement *s = &x->statements[i];
    struct partiql_item item;
    if (s->stmt.returning != PARTIQL_RETURNING_NONE) {
        return call_invalid(c, "RETURNING clause is not supported in ExecuteTransaction.");
    }
    enum err err = partiql_item_of(c->arena, &s->stmt, &s->table->part.keys, false, &item);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    if (s->stmt.kind == PARTIQL_INSERT) {
        return insert_prepare(c, x, i, &item);
    }
    if (s->stmt.kind == PARTIQL_EXISTS) {
        return exists_check(c, s, &item) && statement_write(c, s, &item);
    }
    if (item.names != PARTIQL_NAMES_ITEM) {
        cancel_key(x, i);
        return true;
    }
    return statement_write(c, s, &item);
}

/* The tally of a table is shared by its statements. */
static bool member_capacity(struct dynamo_call *c, struct transaction_state *x, size_t i)
{
    struct statement *s = &x->statements[i];
    for (size_t k = 0; k < i; k++) {
        if (x->statements[k].table == s->table) {
            s->capacity = x->statements[k].capacity;
            return true;
        }
    }
    s->capacity = capacity_new(c->arena, s->table, s->table_name);
    if (s->capacity == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    s->capacity->kind = x->reads ? "ReadCapacityUnits" : "WriteCapacityUnits";
    return true;
}

static bool member_prepare(struct dynamo_call *c, struct transaction_state *x, size_t i)
{
    struct statement *s = &x->statements[i];
    struct call_noted noted;
    call_note(c, &noted);
    bool ok = statement_find(c, s);
    if (!ok && noted.error == AWS_RESOURCE_NOT_FOUND) {
        call_note(c, NULL);
        cancel(x, i, "ResourceNotFound", noted.msg);
        return true;
    }
    ok = ok && (x->reads ? select_prepare(c, x, i) : write_prepare(c, x, i));
    call_note(c, NULL);
    if (!ok) {
        return refuse_member(c, i, &noted);
    }
    x->ops[i] = s->op;
    return x->want_capacity == CAPACITY_NONE || member_capacity(c, x, i);
}

static struct bytes key_of(const struct transaction_state *x, size_t i)
{
    return x->reads ? x->statements[i].key : x->ops[i].key;
}

/* At most a hundred, so all are compared. */
static bool duplicates_check(struct dynamo_call *c, const struct transaction_state *x)
{
    for (size_t i = 1; i < x->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (x->statements[i].table == x->statements[k].table &&
                bytes_eq(key_of(x, i), key_of(x, k))) {
                return call_invalid(
                    c, "Transaction request cannot include multiple operations on one item");
            }
        }
    }
    return true;
}

static bool prepare(struct dynamo_call *c, const struct json *in, struct transaction_state *x)
{
    struct bytes token;
    const struct json *list;
    if (!fields_read(c, in, x, &token, &list) || !statements_parse(c, x)) {
        return false;
    }
    for (size_t i = 0; i < x->n; i++) {
        if (!member_prepare(c, x, i)) {
            return false;
        }
    }
    if (x->cancelled) {
        return call_cancel(c, x->reasons, x->n);
    }
    return duplicates_check(c, x) && (x->reads || token_of(c, 'x', token, list, &x->token));
}

/* ---- the answer ---- */

static void put_capacities(struct buf *b, const struct transaction_state *x)
{
    const char *comma = "";
    buf_put_str(b, ",\"ConsumedCapacity\":[");
    for (size_t i = 0; i < x->n; i++) {
        bool first = true;
        for (size_t k = 0; k < i && first; k++) {
            first = x->statements[k].capacity != x->statements[i].capacity;
        }
        if (first) {
            buf_put_str(b, comma);
            capacity_put(b, x->statements[i].capacity, x->want_capacity);
            comma = ",";
        }
    }
    buf_put_u8(b, ']');
}

static enum dynamo_step transaction_answer(struct dynamo_call *c, const struct transaction_state *x)
{
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Responses\":[");
    /* Of writes there is nothing to tell, not even that nothing was read. */
    for (size_t i = 0; i < (x->reads ? x->n : 0); i++) {
        buf_put_str(b, i == 0 ? "{" : ",{");
        if (x->there[i]) {
            buf_put_str(b, "\"Item\":");
            statement_put_item(b, &x->statements[i], &x->items[i]);
        }
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, ']');
    if (x->want_capacity != CAPACITY_NONE) {
        put_capacities(b, x);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- reads ---- */

/* As in TransactGetItems: all or none are let in. */
static bool let_in(struct dynamo_call *c, struct transaction_state *x)
{
    bool all = true;
    for (size_t i = 0; i < x->n; i++) {
        const struct core_table *t = x->statements[i].table;
        if (throttled(c, t, NULL)) {
            const struct spent spent = spent_read(t, NULL);
            x->reasons[i] = throttled_reason(c, &spent);
            all = false;
        }
    }
    return all || call_cancel(c, x->reasons, x->n);
}

static bool read_all(
    struct dynamo_call *c, const struct core_view *view, struct transaction_state *x)
{
    size_t total = 0;
    for (size_t i = 0; i < x->n; i++) {
        struct statement *s = &x->statements[i];
        size_t bytes = 0;
        enum err err = core_get(view, s->table, s->key, NULL, c->arena, &x->items[i], &bytes);
        if (err != OK && err != ERR_NOT_FOUND) {
            return call_fail_err(c, err);
        }
        x->there[i] = err == OK;
        total += bytes;
        uint64_t halves = capacity_read_halves(bytes, /* consistent= */ true) * 2;
        usage_read(c, s->table_name, NULL, halves);
        throttle_take(c, s->table, NULL, halves);
        if (s->capacity != NULL) {
            s->capacity->halves += halves;
        }
    }
    return total <= TRANSACTION_BYTES_MAX || call_invalid(c, TRANSACTION_READS_TOO_LARGE);
}

static enum dynamo_step read_transaction(struct dynamo_call *c, struct transaction_state *x)
{
    if (!let_in(c, x)) {
        return DYNAMO_ANSWER;
    }
    struct core_view view = c->d->view;
    view.snap = engine_snapshot_open(view.engine);
    bool ok = read_all(c, &view, x);
    engine_snapshot_close(view.snap);
    return ok ? transaction_answer(c, x) : DYNAMO_ANSWER;
}

enum dynamo_step execute_transaction_begin(struct dynamo_call *c, const struct json *in)
{
    struct transaction_state *x = ARENA_NEW(c->arena, struct transaction_state);
    if (x == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!prepare(c, in, x)) {
        return DYNAMO_ANSWER;
    }
    if (x->reads) {
        return read_transaction(c, x);
    }
    x->cmd = (struct part_cmd){
        .kind = PART_CMD_WRITE,
        .write =
            {
                .ops = x->ops,
                .n = x->n,
                .atomic = true,
                .bytes_max = TRANSACTION_BYTES_MAX,
                .token = x->token,
            },
    };
    c->state = x;
    return call_submit(c, &x->cmd);
}

/* ---- writes ---- */

/* The reason for one op the writer refused; false when the answer is another than a cancellation,
 * and has been given. */
static bool reason_of(struct dynamo_call *c, struct transaction_state *x, size_t i)
{
    const struct statement *s = &x->statements[i];
    struct cancel_reason *r = &x->reasons[i];
    if (s->op.err == OK) {
        return true;
    }
    if (s->op.fault == PART_FAULT_CONDITION && s->stmt.kind != PARTIQL_INSERT) {
        *r = (struct cancel_reason){
            "ConditionalCheckFailed",
            BYTES_LIT("The conditional request failed"),
            s->item_on_failure ? s->op.old : NULL};
        return true;
    }
    if (op_throttled(&s->op)) {
        const struct spent spent = spent_write(c, s->table_name, &s->op);
        *r = throttled_reason(c, &spent);
        return true;
    }
    if (s->op.fault == PART_FAULT_COLLECTION) {
        r->code = "ItemCollectionSizeLimitExceeded";
        r->msg = BYTES_LIT("Collection size exceeded.");
        return true;
    }
    struct call_noted noted;
    call_note(c, &noted);
    (void)statement_refused(c, s); /* notes */
    call_note(c, NULL);
    if (noted.error != AWS_VALIDATION && noted.error != AWS_DUPLICATE_ITEM) {
        return call_fail(c, noted.error, noted.msg);
    }
    r->code = noted.error == AWS_DUPLICATE_ITEM ? "DuplicateItem" : "ValidationError";
    r->msg = noted.msg;
    return true;
}

static bool transaction_refused(struct dynamo_call *c, struct transaction_state *x)
{
    if (x->cmd.err == ERR_EXISTS) {
        return call_fail(
            c,
            AWS_IDEMPOTENT_MISMATCH,
            BYTES_LIT("DynamoDB rejected the request because you retried a request with a "
                      "different payload but with an idempotent token that was already used."));
    }
    if (x->cmd.err == ERR_TOO_BIG) {
        return call_invalid(c, TRANSACTION_WRITES_TOO_LARGE);
    }
    if (x->cmd.err != ERR_CANCELLED) {
        return call_fail_err(c, x->cmd.err);
    }
    for (size_t i = 0; i < x->n; i++) {
        if (!reason_of(c, x, i)) {
            return false;
        }
    }
    return call_cancel(c, x->reasons, x->n);
}

/* Conditions cost what writes cost, also in a transaction that was cancelled; one that was done
 * before costs the reads that found it out. */
static void count_costs(struct dynamo_call *c, struct transaction_state *x)
{
    bool repeated = x->token != NULL && x->token->repeated;
    for (size_t i = 0; i < x->n; i++) {
        struct statement *s = &x->statements[i];
        uint64_t halves = capacity_read_halves(s->op.old_bytes, /* consistent= */ true) * 2;
        if (repeated) {
            usage_repeated(c, s->table_name, &s->op);
        } else if (s->op.err == OK || s->op.err == ERR_CONDITION) {
            usage_write(c, s->table_name, &s->op, 2);
        }
        if (s->capacity != NULL && repeated) {
            s->capacity->kind = "ReadCapacityUnits";
            s->capacity->halves += halves;
        } else if (s->capacity != NULL) {
            capacity_add_transacted(s->capacity, &s->op);
        }
    }
}

enum dynamo_step execute_transaction_resume(struct dynamo_call *c)
{
    struct transaction_state *x = c->state;
    for (size_t i = 0; i < x->n; i++) {
        x->statements[i].op = x->ops[i];
    }
    if (x->cmd.err == OK || x->cmd.err == ERR_CANCELLED) {
        count_costs(c, x);
    }
    if (x->cmd.err != OK) {
        (void)transaction_refused(c, x); /* answers */
        return DYNAMO_ANSWER;
    }
    return transaction_answer(c, x);
}
