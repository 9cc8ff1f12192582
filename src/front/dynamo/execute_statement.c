/* ExecuteStatement: one PartiQL statement. A SELECT is read at once on the loop thread, one page at
 * most; everything else is one op for the writer.
 *
 * A SELECT may come apart into several reads by key. They are done one after the other until the
 * page is full: Limit items evaluated, or 1 MB read. */
#include "front/dynamo/statement_token.h"

struct execute_state {
    struct part_cmd cmd;
    struct statement s;
    struct bytes next_token;
    struct opt_int limit;
    enum return_capacity want_capacity;
};

/* ---- reading ---- */

/* What a page has come to. */
struct paging {
    uint64_t scanned;
    size_t bytes;
    bool first; /* nothing has been written yet */
    bool more;
    struct statement_at at; /* with `more`: where to go on */
};

static void count_read(
    struct dynamo_call *c, struct statement *s, const struct core_page *page, bool nothing_else)
{
    if (page->scanned == 0 && !nothing_else) {
        return; /* an empty read beside others costs nothing */
    }
    uint64_t halves = capacity_read_halves(page->bytes, s->consistent);
    uint64_t fetched = capacity_fetched_halves(page, s->consistent);
    usage_read(c, s->table_name, s->index, halves);
    throttle_take(c, s->table, s->index, halves);
    if (fetched > 0) {
        usage_read(c, s->table_name, NULL, fetched);
        throttle_take(c, s->table, NULL, fetched);
    }
    if (s->capacity == NULL) {
        return;
    }
    if (s->index == NULL) {
        s->capacity->halves += halves;
    } else {
        s->capacity->index_halves[(size_t)(s->index - s->table->indexes)] += halves;
        s->capacity->halves += fetched;
    }
}

static enum err read_one(
    struct dynamo_call *c,
    const struct execute_state *x,
    const struct paging *p,
    struct core_page *page)
{
    const struct statement *s = &x->s;
    const struct partiql_read *read = s->reads.scan ? NULL : &s->reads.reads[p->at.read];
    *page = (struct core_page){
        .table = s->table,
        .index = s->index,
        .query = read == NULL ? NULL : &read->cond,
        .backward = s->reads.backward,
        .limit = x->limit.present ? (uint64_t)x->limit.v - p->scanned : 0,
        .after = p->at.has_after ? &p->at.after : NULL,
        .filter = read == NULL ? s->reads.filter : read->filter,
        .fetch_whole = s->fetch_whole,
    };
    return core_page_read(&c->d->view, page, c->arena);
}

/* Reads and writes out item after item until the page is full. */
static bool put_page(
    struct dynamo_call *c, struct buf *b, struct execute_state *x, struct paging *p)
{
    struct statement *s = &x->s;
    size_t n_reads = s->reads.scan ? 1 : s->reads.n_reads;
    if (throttled(c, s->table, s->index)) {
        const struct spent spent = spent_read(s->table, s->index);
        return fail_throttled(c, &spent);
    }
    while (p->at.read < n_reads && !p->more) {
        struct core_page page;
        enum err err = read_one(c, x, p, &page);
        if (err != OK) {
            return err == ERR_INVALID ? call_invalid(c, "NextToken does not match request")
                                      : call_fail_err(c, err);
        }
        for (size_t i = 0; i < page.n_items; i++) {
            buf_put_str(b, p->first ? "" : ",");
            statement_put_item(b, s, &page.items[i]);
            p->first = false;
        }
        count_read(c, s, &page, n_reads == 1);
        p->scanned += page.scanned;
        p->bytes += page.bytes + page.bytes_fetched;
        p->at.has_after = page.has_last;
        p->at.after = page.last;
        p->at.read += !page.has_last;
        p->more = page.has_last || p->bytes >= CORE_PAGE_BYTES_MAX;
    }
    p->more = p->more && p->at.read < n_reads;
    return true;
}

static bool put_single(struct dynamo_call *c, struct buf *b, struct statement *s)
{
    if (throttled(c, s->table, NULL)) {
        const struct spent spent = spent_read(s->table, NULL);
        return fail_throttled(c, &spent);
    }
    struct value item;
    size_t bytes = 0;
    enum err err = core_get(&c->d->view, s->table, s->key, NULL, c->arena, &item, &bytes);
    if (err != OK && err != ERR_NOT_FOUND) {
        return call_fail_err(c, err);
    }
    uint64_t halves = capacity_read_halves(bytes, s->consistent);
    usage_read(c, s->table_name, NULL, halves);
    throttle_take(c, s->table, NULL, halves);
    if (s->capacity != NULL) {
        s->capacity->halves += halves;
    }
    if (err == OK && expr_cond_eval(s->reads.filter, &item)) {
        statement_put_item(b, s, &item);
    }
    return true;
}

static void put_capacity(struct buf *b, const struct execute_state *x)
{
    if (x->s.capacity != NULL) {
        buf_put_str(b, ",\"ConsumedCapacity\":");
        capacity_put(b, x->s.capacity, x->want_capacity);
    }
}

static bool select_answer(struct dynamo_call *c, struct execute_state *x)
{
    struct paging p = {.first = true};
    struct statement *s = &x->s;
    if (x->next_token.base != NULL && !statement_token_read(c, s, x->next_token, &p.at)) {
        return false;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Items\":[");
    if (!(s->single ? put_single(c, b, s) : put_page(c, b, x, &p))) {
        return false;
    }
    buf_put_u8(b, ']');
    if (p.more) {
        buf_put_str(b, ",\"NextToken\":\"");
        statement_token_put(b, s, &p.at);
        buf_put_u8(b, '"');
    }
    if (p.more && p.at.has_after) {
        buf_put_str(b, ",\"LastEvaluatedKey\":");
        attr_map_put(b, &p.at.after);
    }
    put_capacity(b, x);
    buf_put_u8(b, '}');
    (void)call_ok(c); /* answers */
    return true;
}

/* ---- begin ---- */

static bool fields_read(struct dynamo_call *c, const struct json *in, struct execute_state *x)
{
    struct checks k = {.c = c};
    if (!field_bool(c, in, "ConsistentRead", &x->s.consistent) ||
        !field_string(c, in, "NextToken", &x->next_token) ||
        !field_int(c, in, "Limit", "Integer", &x->limit) ||
        !field_capacity(c, &k, in, &x->want_capacity) || !statement_fields(c, &k, in, "", &x->s)) {
        return false;
    }
    check_length(&k, "nextToken", x->next_token, 1, 32768);
    check_range(&k, "limit", x->limit, 1, INT32_MAX);
    return checks_done(&k);
}

static bool prepare(struct dynamo_call *c, const struct json *in, struct execute_state *x)
{
    struct statement *s = &x->s;
    if (!fields_read(c, in, x) || !statement_params(c, s) || !statement_parse(c, s)) {
        return false;
    }
    if (s->stmt.kind == PARTIQL_EXISTS) {
        return call_invalid(c, "EXISTS can only be used in ExecuteTransaction write requests.");
    }
    if (!statement_find(c, s)) {
        return false;
    }
    if (x->want_capacity != CAPACITY_NONE) {
        s->capacity = capacity_new(c->arena, s->table, s->table_name);
        if (s->capacity == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
    }
    if (statement_is_read(s)) {
        return statement_plan(c, s);
    }
    if (x->next_token.base != NULL) {
        return call_invalid(c, "NextToken does not match request");
    }
    struct partiql_item item;
    enum err err = partiql_item_of(c->arena, &s->stmt, &s->table->part.keys, false, &item);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    return (s->stmt.kind == PARTIQL_INSERT || statement_names(c, s, &item)) &&
           statement_write(c, s, &item);
}

enum dynamo_step execute_statement_begin(struct dynamo_call *c, const struct json *in)
{
    struct execute_state *x = ARENA_NEW(c->arena, struct execute_state);
    if (x == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!prepare(c, in, x)) {
        return DYNAMO_ANSWER;
    }
    if (statement_is_read(&x->s)) {
        (void)select_answer(c, x); /* answers */
        return DYNAMO_ANSWER;
    }
    x->cmd = (struct part_cmd){.kind = PART_CMD_WRITE, .write = {.ops = &x->s.op, .n = 1}};
    c->state = x;
    return call_submit(c, &x->cmd);
}

/* ---- the writer's answer ---- */

enum dynamo_step execute_statement_resume(struct dynamo_call *c)
{
    struct execute_state *x = c->state;
    struct statement *s = &x->s;
    if (x->cmd.err != OK) {
        (void)call_fail_err(c, x->cmd.err); /* answers */
        return DYNAMO_ANSWER;
    }
    if (s->op.err == OK || s->op.err == ERR_CONDITION) {
        usage_write(c, s->table_name, &s->op, 1);
    }
    const struct value *returned;
    if (s->op.err != OK) {
        (void)statement_refused(c, s); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!statement_returned(c, s, &returned)) {
        return DYNAMO_ANSWER;
    }
    if (s->capacity != NULL) {
        capacity_add_op(s->capacity, &s->op);
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Items\":[");
    if (returned != NULL) {
        attr_map_put(b, returned);
    }
    buf_put_u8(b, ']');
    put_capacity(b, x);
    buf_put_u8(b, '}');
    return call_ok(c);
}
