/* DescribeTable, ListTables and DeleteTable, and what the server says of itself: limits, endpoints.
 */
#include "front/dynamo/table_admin.h"

/* ---- DescribeTable ---- */

enum dynamo_step describe_table_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    if (!table_field(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    if (catalog_table(c->d->view.catalog, name) == NULL) {
        (void)fail_table_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->count_only = true;
    return table_call_submit(t);
}

enum dynamo_step describe_table_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    struct table_call *call = c->state;
    const struct core_table *t = catalog_table(c->d->view.catalog, call->admin.name);
    if (t == NULL || !call->found) {
        (void)fail_table_missing(c, call->admin.name); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Table\":");
    put_table(c, b, t, &call->counts, TELL_STATE);
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- DeleteTable ---- */

enum dynamo_step delete_table_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    if (!table_field(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_DELETE_TABLE, name);
    return t == NULL ? DYNAMO_ANSWER : table_call_submit(t);
}

/* ---- ListTables ---- */

enum dynamo_step list_tables_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes after;
    struct opt_int limit;
    if (!field_string(c, in, "ExclusiveStartTableName", &after) ||
        !field_int(c, in, "Limit", "Integer", &limit)) {
        return DYNAMO_ANSWER;
    }
    check_range(&k, "limit", limit, 1, 100);
    check_index_name(&k, "exclusiveStartTableName", after);
    if (!checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    size_t max = limit.present ? (size_t)limit.v : 100;
    struct buf *b = call_body(c);
    struct bytes last = after;
    buf_put_str(b, "{\"TableNames\":[");
    const struct core_table *t = catalog_table_after(c->d->view.catalog, last);
    for (size_t n = 0; t != NULL && n < max; n++) {
        buf_put_str(b, n == 0 ? "" : ",");
        json_put_string(b, t->part.name);
        last = t->part.name;
        t = catalog_table_after(c->d->view.catalog, last);
    }
    buf_put_u8(b, ']');
    if (t != NULL) {
        buf_put_str(b, ",\"LastEvaluatedTableName\":");
        json_put_string(b, last);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- limits and endpoints ---- */

enum dynamo_step describe_limits_begin(struct dynamo_call *c, const struct json *in)
{
    (void)in; /* has no parameters */
    struct buf *b = call_body(c);
    buf_putf(
        b,
        "{\"AccountMaxReadCapacityUnits\":%d,\"AccountMaxWriteCapacityUnits\":%d,"
        "\"TableMaxReadCapacityUnits\":%d,\"TableMaxWriteCapacityUnits\":%d}",
        CAPACITY_UNITS_ACCOUNT_MAX,
        CAPACITY_UNITS_ACCOUNT_MAX,
        CAPACITY_UNITS_TABLE_MAX,
        CAPACITY_UNITS_TABLE_MAX);
    return call_ok(c);
}

enum dynamo_step describe_endpoints_begin(struct dynamo_call *c, const struct json *in)
{
    (void)in; /* has no parameters */
    struct bytes host = header_find(c->request, "host");
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Endpoints\":[{\"Address\":");
    if (host.base != NULL && host.len > 0) {
        json_put_string(b, utf8_valid(host) ? host : BYTES_LIT("localhost"));
    } else {
        buf_put_str(b, "\"localhost\"");
    }
    buf_put_str(b, ",\"CachePeriodInMinutes\":1440}]}");
    return call_ok(c);
}
