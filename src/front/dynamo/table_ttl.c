/* UpdateTimeToLive and DescribeTimeToLive. A change is in force when it is answered, so neither
 * ENABLING nor DISABLING is ever seen; items that were there before are found a little later. */
#include "front/dynamo/table_admin.h"

enum { TTL_NAME_CHARS_MAX = 255 };

struct ttl_request {
    struct bytes table;
    struct bytes attr;
    bool enabled;
};

static bool read_request(struct dynamo_call *c, const struct json *in, struct ttl_request *ret)
{
    const struct json *spec;
    struct checks k = {.c = c};
    if (!field_string(c, in, "TableName", &ret->table) ||
        !field_struct(c, in, "TimeToLiveSpecification", "TimeToLiveSpecification", &spec)) {
        return false;
    }
    if (spec != NULL && (!field_bool(c, spec, "Enabled", &ret->enabled) ||
                         !field_string(c, spec, "AttributeName", &ret->attr))) {
        return false;
    }
    if (!table_name_check(c, "TableName", ret->table)) {
        return false;
    }
    if (!bytes_has_prefix(ret->table, BYTES_LIT("arn:"))) {
        check_name_chars(&k, "tableName", ret->table);
    }
    check_not_null(&k, "timeToLiveSpecification", spec != NULL);
    if (spec != NULL) {
        const char *attr = "timeToLiveSpecification.attributeName";
        check_not_null(&k, "timeToLiveSpecification.enabled", field_present(spec, "Enabled"));
        check_not_null(&k, attr, ret->attr.base != NULL);
        check_length(&k, attr, ret->attr, 1, TTL_NAME_CHARS_MAX);
    }
    return checks_done(&k) && table_resolve(c, ret->table, &ret->table);
}

enum dynamo_step update_ttl_begin(struct dynamo_call *c, const struct json *in)
{
    struct ttl_request r = {0};
    if (!read_request(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_SET_TTL, r.table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.ttl = r.attr;
    t->admin.ttl_on = r.enabled;
    return table_call_submit(t);
}

enum dynamo_step update_ttl_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    struct buf *b = call_body(c);
    buf_putf(
        b,
        "{\"TimeToLiveSpecification\":{\"Enabled\":%s,\"AttributeName\":",
        t->admin.ttl_on ? "true" : "false");
    json_put_string(b, t->admin.ttl);
    buf_put_str(b, "}}");
    return call_ok(c);
}

enum dynamo_step describe_ttl_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    if (!table_field(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    if (t == NULL) {
        (void)fail_table_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    if (t->status == CORE_CREATING || t->status == CORE_DELETING) {
        (void)call_invalid(/* answers */
                           c,
                           "Cannot describe time to live while table is in %s state: Current table "
                           "state is %s",
                           status_name(t->status),
                           status_name(t->status));
        return DYNAMO_ANSWER;
    }
    bool on = t->part.ttl.len > 0;
    struct buf *b = call_body(c);
    buf_putf(
        b, "{\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"%s\"", on ? "ENABLED" : "DISABLED");
    if (on) {
        buf_put_str(b, ",\"AttributeName\":");
        json_put_string(b, t->part.ttl);
    }
    buf_put_str(b, "}}");
    return call_ok(c);
}
