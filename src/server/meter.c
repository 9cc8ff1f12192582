/* What happens to tables, counted on each web thread into its own meter, and CloudWatch's requests,
 * which make the round of an `ask` through the meters of all threads. */
#include <stdio.h>

#include "server/inside.h"

/* ---- counting ---- */

bool meter_is_throttling(struct bytes error)
{
    return bytes_eq_str(error, "ProvisionedThroughputExceededException") ||
           bytes_eq_str(error, "ThrottlingException");
}

static void add(struct web *w, struct bytes table, enum cw_metric m, struct bytes part, double v)
{
    uint64_t now = io_loop_now_ms(w->loop);
    const struct cw_stat stat = cw_one(v);
    cw_add(cw_meter_table(w->meter, table, now), m, part, now, &stat);
}

static void meter_error(struct web *w, const struct dynamo_call *call)
{
    bool named = call->table.base != NULL;
    if (call->answer.status >= 500) {
        if (named) {
            add(w, call->table, CW_SYSTEM_ERRORS, call->op_name, 1);
        }
        return;
    }
    if (meter_is_throttling(call->error_name)) {
        if (named) {
            add(w, call->table, CW_THROTTLED_REQUESTS, call->op_name, 1);
        }
        return;
    }
    if (bytes_eq_str(call->error_name, "ConditionalCheckFailedException")) {
        if (named) {
            add(w, call->table, CW_CONDITIONAL_CHECKS, BYTES_NONE, 1);
        }
        return;
    }
    add(w, CW_NO_TABLE, CW_USER_ERRORS, BYTES_NONE, 1);
}

/* Each of `n` that were kept out counts twice: as such, and by what was used up. */
static void meter_throttles(
    struct web *w,
    const struct dynamo_usage *u,
    uint32_t n,
    enum cw_metric throttles,
    enum cw_metric by_cause)
{
    for (uint32_t i = 0; i < n; i++) {
        add(w, u->table, throttles, u->index, 1);
        add(w, u->table, by_cause, u->index, 1);
    }
}

static void meter_refused(struct web *w, const struct dynamo_usage *u)
{
    meter_throttles(
        w,
        u,
        u->reads_refused,
        CW_READ_THROTTLES,
        u->on_demand ? CW_READ_ON_DEMAND_THROTTLES : CW_READ_PROVISIONED_THROTTLES);
    meter_throttles(
        w,
        u,
        u->writes_refused,
        CW_WRITE_THROTTLES,
        u->on_demand ? CW_WRITE_ON_DEMAND_THROTTLES : CW_WRITE_PROVISIONED_THROTTLES);
}

void meter_call(struct web *w, const struct dynamo_call *call, uint64_t took_ns)
{
    for (const struct dynamo_usage *u = call->usage; u != NULL; u = u->next) {
        if (u->read_halves > 0) {
            add(w, u->table, CW_CONSUMED_READ, u->index, (double)u->read_halves / 2);
        }
        if (u->write_halves > 0) {
            add(w, u->table, CW_CONSUMED_WRITE, u->index, (double)u->write_halves / 2);
        }
        meter_refused(w, u);
    }
    if (call->answer.status >= 400) {
        meter_error(w, call);
        return;
    }
    double ms = (double)took_ns / 1e6;
    for (const struct dynamo_usage *u = call->usage; u != NULL; u = u->next) {
        if (u->index.len == 0 && !bytes_eq(u->table, call->table)) {
            add(w, u->table, CW_LATENCY, call->op_name, ms);
        }
    }
    if (call->table.base != NULL) {
        add(w, call->table, CW_LATENCY, call->op_name, ms);
    }
    if (call->has_items && call->table.base != NULL) {
        add(w, call->table, CW_RETURNED_ITEMS, call->op_name, (double)call->items);
    }
}

/* ---- provisioned capacity, and the most that is let in on demand ---- */

static void set_maximum(
    struct web *w, struct cw_table *t, enum cw_metric m, struct bytes index, uint64_t most)
{
    if (most > 0 && most != CORE_UNITS_UNLIMITED) {
        cw_set(t, m, index, io_loop_now_ms(w->loop), (double)most);
    }
}

static void set(
    struct web *w,
    struct cw_table *t,
    struct bytes index,
    bool on_demand,
    const struct core_throughput *units)
{
    uint64_t now = io_loop_now_ms(w->loop);
    if (on_demand) {
        set_maximum(w, t, CW_ON_DEMAND_READ_MAX, index, units->read_max);
        set_maximum(w, t, CW_ON_DEMAND_WRITE_MAX, index, units->write_max);
        return;
    }
    cw_set(t, CW_PROVISIONED_READ, index, now, (double)units->read_units);
    cw_set(t, CW_PROVISIONED_WRITE, index, now, (double)units->write_units);
}

void meter_row(struct web *w, const struct value *key)
{
    const struct value *kind = value_find(key, BYTES_LIT("kind"));
    const struct value *name = value_find(key, BYTES_LIT("name"));
    struct bytes own = w->server->config->name;
    bool is_table = kind != NULL && kind->type == VALUE_STRING && name != NULL &&
                    name->type == VALUE_STRING && bytes_eq_str(kind->bytes, "table");
    if (!is_table || !bytes_has_prefix(name->bytes, own) || name->bytes.len <= own.len + 1 ||
        name->bytes.base[own.len] != '/') {
        return;
    }
    struct bytes table = bytes_from(name->bytes, own.len + 1);
    const struct core_table *t = catalog_table(w->catalog, table);
    struct cw_table *series = cw_meter_table(w->meter, table, io_loop_now_ms(w->loop));
    cw_unset(series, io_loop_now_ms(w->loop));
    if (t == NULL) {
        return;
    }
    set(w, series, BYTES_NONE, t->on_demand, &t->throughput);
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (!t->indexes[i].part.local) {
            set(w, series, t->indexes[i].part.name, t->on_demand, &t->indexes[i].throughput);
        }
    }
}

/* ---- CloudWatch ---- */

static void answer(struct web_request *r, struct bytes op, const struct cw_answer *a)
{
    struct http_header headers[CW_HEADERS_MAX];
    for (size_t i = 0; i < a->n_headers; i++) {
        headers[i] = (struct http_header){bytes_str(a->headers[i].name), a->headers[i].value};
    }
    struct bytes error = a->status < 400 ? BYTES_LIT("") : BYTES_LIT("CloudWatch");
    web_count(r->web, op, a->status, error, io_now_ns() - r->began_ns);
    const struct http_response res = {
        .status = (int)a->status, .headers = headers, .n_headers = a->n_headers, .body = a->body};
    http_respond(r->http, &res);
}

/* As AWS's own look: 8-4-4-4-12 hex digits. */
static struct bytes request_id(struct arena *a)
{
    uint64_t hi = io_random_seed();
    uint64_t lo = io_random_seed();
    return bytes_fmt(
        a,
        "%08llx-%04llx-4%03llx-a%03llx-%012llx",
        (unsigned long long)(hi >> 32),
        (unsigned long long)(hi >> 16 & 0xFFFF),
        (unsigned long long)(hi & 0xFFF),
        (unsigned long long)(lo >> 52),
        (unsigned long long)(lo & 0xFFFFFFFFFFFF));
}

bool cloudwatch_take(struct web_request *r)
{
    struct web *w = r->web;
    struct http_request *req = r->http;
    struct cw_request *cw = ARENA_NEW(req->arena, struct cw_request);
    ASSERT(cw != NULL);
    *cw = (struct cw_request){
        .method = req->method,
        .path = req->path,
        .query = req->query,
        .content_type = http_header_find(req->headers, req->n_headers, "content-type"),
        .target = http_header_find(req->headers, req->n_headers, "x-amz-target"),
        .body = req->body,
        .now_ms = r->dynamo_request.now_ms,
    };
    if (!cw_is_ours(cw)) {
        return false;
    }
    struct cw_call *call;
    struct cw_answer a;
    cw->request_id = request_id(req->arena);
    if (!dynamo_authenticate(w->dynamo, &r->call, req->arena, &r->dynamo_request, "monitoring")) {
        cw_refuse(req->arena, cw, r->call.error_name, r->call.error_msg, &a);
        answer(r, BYTES_LIT(""), &a);
        return true;
    }
    if (cw_begin(w->parser, req->arena, cw, &call, &a) == CW_ANSWER) {
        answer(r, cw_operation(call), &a);
        return true;
    }
    struct ask *ask = ask_new(w, req, ASK_METERS);
    ask->meters = call;
    ask_send(w, ask);
    return true;
}

void cloudwatch_back(struct web *w, struct ask *ask)
{
    struct cw_answer a;
    (void)w;
    cw_finish(ask->meters, &a);
    answer(ask->request, cw_operation(ask->meters), &a);
}
