/* BatchExecuteStatement: up to 25 statements, all SELECTs of one item each or all writes, each
 * standing alone: what is wrong with one is told in its place and keeps none of the others back. */
#include "front/dynamo/statement.h"

enum { STATEMENTS_MAX = 25 };

struct batch_member {
    struct statement s;
    bool failed;
    struct call_noted fault;
    const struct value *fault_item; /* of a condition that did not hold, when asked for */
    bool told;                      /* its table is told: it got as far as to be done */
    size_t op;                      /* of a write: which of the command's ops */
    struct value item;              /* what a SELECT found */
    bool there;
};

struct batch_state {
    struct part_cmd cmd;
    struct batch_member *members;
    size_t n;
    struct part_op *ops;
    size_t n_ops;
    bool reads;
    enum return_capacity want_capacity;
};

/* ---- the request ---- */

static bool member_fields(
    struct dynamo_call *c, struct checks *k, const struct json *j, size_t i, struct statement *s)
{
    const char *prefix = bytes_cstr(c->arena, bytes_fmt(c->arena, "statements.%zu.member.", i + 1));
    if (prefix == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    return json_as_struct(c, j, "BatchStatementRequest") &&
           field_bool(c, j, "ConsistentRead", &s->consistent) &&
           statement_fields(c, k, j, prefix, s);
}

static bool fields_read(struct dynamo_call *c, const struct json *in, struct batch_state *x)
{
    struct checks k = {.c = c};
    const struct json *list;
    if (!field_list(c, in, "Statements", &list) || !field_capacity(c, &k, in, &x->want_capacity)) {
        return false;
    }
    check_not_null(&k, "statements", list != NULL);
    x->n = list == NULL ? 0 : list->array.n;
    if (list != NULL) {
        check_count(
            &k,
            "statements",
            x->n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"),
            x->n,
            1,
            STATEMENTS_MAX);
    }
    if (x->n == 0 || x->n > STATEMENTS_MAX) {
        return checks_done(&k);
    }
    x->members = ARENA_ARRAY(c->arena, struct batch_member, x->n);
    x->ops = ARENA_ARRAY(c->arena, struct part_op, x->n);
    if (x->members == NULL || x->ops == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < x->n; i++) {
        if (!member_fields(c, &k, &list->array.items[i], i, &x->members[i].s)) {
            return false;
        }
    }
    return checks_done(&k);
}

/* ---- the statements ---- */

static bool member_parse(struct dynamo_call *c, struct statement *s)
{
    if (!statement_params(c, s) || !statement_parse(c, s)) {
        return false;
    }
    return s->stmt.kind != PARTIQL_EXISTS ||
           call_invalid(c, "EXISTS can only be used in ExecuteTransaction write requests.");
}

static bool select_prepare(struct dynamo_call *c, struct statement *s)
{
    struct partiql_item item;
    if (!statement_plan(c, s)) {
        return false;
    }
    enum err err = partiql_item_of(c->arena, &s->stmt, &s->table->part.keys, true, &item);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    return (s->single && item.names == PARTIQL_NAMES_ITEM && item.key_only) ||
           call_invalid(
               c,
               "Select statements within BatchExecuteStatement must specify the primary key in the "
               "where clause.");
}

static bool write_prepare(struct dynamo_call *c, struct statement *s)
{
    struct partiql_item item;
    enum err err = partiql_item_of(c->arena, &s->stmt, &s->table->part.keys, false, &item);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    return (s->stmt.kind == PARTIQL_INSERT || statement_names(c, s, &item)) &&
           statement_write(c, s, &item);
}

static bool member_capacity(struct dynamo_call *c, struct batch_state *x, size_t i)
{
    struct statement *s = &x->members[i].s;
    for (size_t k = 0; k < i; k++) {
        struct statement *before = &x->members[k].s;
        if (before->capacity != NULL && before->table == s->table) {
            s->capacity = before->capacity;
            return true;
        }
    }
    s->capacity = capacity_new(c->arena, s->table, s->table_name);
    return s->capacity != NULL || call_fail_err(c, ERR_TOO_BIG);
}

static bool member_prepare(struct dynamo_call *c, struct batch_state *x, size_t i)
{
    struct statement *s = &x->members[i].s;
    return statement_find(c, s) &&
           (statement_is_read(s) ? select_prepare(c, s) : write_prepare(c, s)) &&
           (x->want_capacity == CAPACITY_NONE || member_capacity(c, x, i));
}

/* Reads and writes may not be mixed; what does not parse is neither. */
static bool kinds_check(struct dynamo_call *c, struct batch_state *x)
{
    bool any = false;
    for (size_t i = 0; i < x->n; i++) {
        if (x->members[i].failed) {
            continue;
        }
        bool read = statement_is_read(&x->members[i].s);
        if (any && read != x->reads) {
            return call_invalid(
                c, "Read and write requests together in the same batch is not supported.");
        }
        x->reads = read;
        any = true;
    }
    return true;
}

static bool prepare(struct dynamo_call *c, const struct json *in, struct batch_state *x)
{
    if (!fields_read(c, in, x)) {
        return false;
    }
    for (size_t i = 0; i < x->n; i++) {
        struct batch_member *m = &x->members[i];
        call_note(c, &m->fault);
        m->failed = !member_parse(c, &m->s);
        call_note(c, NULL);
    }
    if (!kinds_check(c, x)) {
        return false;
    }
    for (size_t i = 0; i < x->n; i++) {
        struct batch_member *m = &x->members[i];
        if (m->failed) {
            continue;
        }
        call_note(c, &m->fault);
        m->failed = !member_prepare(c, x, i);
        call_note(c, NULL);
        if (!m->failed && !x->reads) {
            m->op = x->n_ops;
            x->ops[x->n_ops++] = m->s.op;
        }
    }
    return true;
}

/* ---- the answer ---- */

/* BatchStatementError's codes are names of their own. */
static const char *code_of(enum aws_error error)
{
    static const char *const codes[AWS_ERRORS] = {
        [AWS_VALIDATION] = "ValidationError",
        [AWS_SERIALIZATION] = "ValidationError",
        [AWS_CONDITIONAL_CHECK_FAILED] = "ConditionalCheckFailed",
        [AWS_DUPLICATE_ITEM] = "DuplicateItem",
        [AWS_COLLECTION_TOO_LARGE] = "ItemCollectionSizeLimitExceeded",
        [AWS_RESOURCE_NOT_FOUND] = "ResourceNotFound",
        [AWS_ACCESS_DENIED] = "AccessDenied",
        [AWS_THROUGHPUT_EXCEEDED] = "ProvisionedThroughputExceeded",
        [AWS_THROTTLING] = "ThrottlingError",
        [AWS_UNAVAILABLE] = "InternalServerError",
    };
    return codes[error] == NULL ? "InternalServerError" : codes[error];
}

static void put_fault(struct buf *b, const struct batch_member *m)
{
    buf_putf(b, "\"Error\":{\"Code\":\"%s\",\"Message\":", code_of(m->fault.error));
    json_put_string(b, m->fault.msg);
    if (m->fault_item != NULL) {
        buf_put_str(b, ",\"Item\":");
        attr_map_put(b, m->fault_item);
    }
    buf_put_u8(b, '}');
}

static void put_member(struct buf *b, const struct batch_member *m)
{
    const char *comma = "";
    buf_put_u8(b, '{');
    if (m->failed) {
        put_fault(b, m);
        comma = ",";
    }
    if (m->told) {
        buf_putf(b, "%s\"TableName\":", comma);
        json_put_string(b, m->s.table_name);
        comma = ",";
    }
    if (m->there) {
        buf_putf(b, "%s\"Item\":", comma);
        statement_put_item(b, &m->s, &m->item);
    }
    buf_put_u8(b, '}');
}

/* What each table's statements cost, in the order of their first that did not fail: a table of
 * which all failed is not told. */
static void put_capacities(struct buf *b, const struct batch_state *x)
{
    const char *before = ",\"ConsumedCapacity\":[";
    for (size_t i = 0; i < x->n; i++) {
        const struct batch_member *m = &x->members[i];
        bool first = m->s.capacity != NULL && !m->failed;
        for (size_t k = 0; k < i && first; k++) {
            first = x->members[k].failed || x->members[k].s.capacity != m->s.capacity;
        }
        if (first) {
            buf_put_str(b, before);
            capacity_put(b, m->s.capacity, x->want_capacity);
            before = ",";
        }
    }
    buf_put_str(b, before[1] == '\0' ? "]" : "");
}

static enum dynamo_step batch_answer(struct dynamo_call *c, const struct batch_state *x)
{
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Responses\":[");
    for (size_t i = 0; i < x->n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_member(b, &x->members[i]);
    }
    buf_put_u8(b, ']');
    if (x->want_capacity != CAPACITY_NONE) {
        put_capacities(b, x);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- reads ---- */

static enum err read_member(struct dynamo_call *c, struct batch_member *m)
{
    struct statement *s = &m->s;
    if (throttled(c, s->table, NULL)) {
        const struct spent spent = spent_read(s->table, NULL);
        m->failed = true;
        call_note(c, &m->fault);
        (void)fail_throttled(c, &spent); /* notes */
        call_note(c, NULL);
        return OK;
    }
    size_t bytes = 0;
    enum err err = core_get(&c->d->view, s->table, s->key, NULL, c->arena, &m->item, &bytes);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    m->there = err == OK;
    m->told = true;
    uint64_t halves = capacity_read_halves(bytes, s->consistent);
    usage_read(c, s->table_name, NULL, halves);
    throttle_take(c, s->table, NULL, halves);
    if (s->capacity != NULL) {
        s->capacity->halves += halves;
    }
    return OK;
}

static enum dynamo_step read_members(struct dynamo_call *c, struct batch_state *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct batch_member *m = &x->members[i];
        enum err err = m->failed ? OK : read_member(c, m);
        if (err != OK) {
            (void)call_fail_err(c, err); /* answers */
            return DYNAMO_ANSWER;
        }
    }
    return batch_answer(c, x);
}

enum dynamo_step batch_statement_begin(struct dynamo_call *c, const struct json *in)
{
    struct batch_state *x = ARENA_NEW(c->arena, struct batch_state);
    if (x == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!prepare(c, in, x)) {
        return DYNAMO_ANSWER;
    }
    if (x->reads || x->n_ops == 0) {
        return read_members(c, x);
    }
    x->cmd = (struct part_cmd){.kind = PART_CMD_WRITE, .write = {.ops = x->ops, .n = x->n_ops}};
    c->state = x;
    return call_submit(c, &x->cmd);
}

/* ---- writes ---- */

static bool settle_write(struct dynamo_call *c, struct batch_member *m)
{
    struct statement *s = &m->s;
    m->told = true;
    if (s->op.err == OK || s->op.err == ERR_CONDITION) {
        usage_write(c, s->table_name, &s->op, 1);
    }
    if (s->op.err == OK) {
        const struct value *returned;
        if (!statement_returned(c, s, &returned)) {
            return false;
        }
        m->there = returned != NULL;
        if (m->there) {
            m->item = *returned;
        }
        if (s->capacity != NULL) {
            capacity_add_op(s->capacity, &s->op);
        }
        return true;
    }
    m->failed = true;
    if (s->capacity != NULL && s->op.fault == PART_FAULT_CONDITION) {
        /* Told as the write that was tried: by what it carried too. */
        s->op.new_bytes = s->op.kind == PART_PUT ? item_size(s->op.item) : 0;
        capacity_add_op(s->capacity, &s->op);
    }
    if (s->op.fault == PART_FAULT_CONDITION && s->stmt.kind != PARTIQL_INSERT) {
        m->fault = (struct call_noted){
            AWS_CONDITIONAL_CHECK_FAILED, BYTES_LIT("The conditional request failed")};
        m->fault_item = s->item_on_failure ? s->op.old : NULL;
        return true;
    }
    call_note(c, &m->fault);
    (void)statement_refused(c, s); /* notes */
    call_note(c, NULL);
    return true;
}

enum dynamo_step batch_statement_resume(struct dynamo_call *c)
{
    struct batch_state *x = c->state;
    if (x->cmd.err != OK) {
        (void)call_fail_err(c, x->cmd.err); /* answers */
        return DYNAMO_ANSWER;
    }
    for (size_t i = 0; i < x->n; i++) {
        struct batch_member *m = &x->members[i];
        if (m->failed) {
            continue;
        }
        m->s.op = x->ops[m->op];
        if (m->s.op.err == ERR_IO) {        /* whether it happened is unknown */
            (void)call_fail_err(c, ERR_IO); /* answers */
            return DYNAMO_ANSWER;
        }
        if (!settle_write(c, m)) {
            return DYNAMO_ANSWER;
        }
    }
    return batch_answer(c, x);
}
