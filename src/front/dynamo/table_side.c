/* Contributor Insights, which are not there: asking is answered truthfully (they are off), asking
 * for them is refused. */
#include "front/dynamo/table_admin.h"

/* The table, which must be there; `name` outlives the call. */
static bool find(struct dynamo_call *c, const struct json *in, const struct core_table **ret)
{
    struct bytes name;
    if (!table_field(c, in, &name)) {
        return false;
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    if (t == NULL) {
        return fail_table_missing(c, name);
    }
    *ret = t;
    return policy_allows(c, t);
}

/* ---- Contributor Insights ---- */

struct insights_request {
    const struct core_table *table;
    struct bytes index; /* base NULL: the table */
};

static bool insights_read(
    struct dynamo_call *c, const struct json *in, struct checks *k, struct insights_request *r)
{
    if (!field_string(c, in, "IndexName", &r->index)) {
        return false;
    }
    check_index_name(k, "indexName", r->index);
    if (!checks_done(k) || !find(c, in, &r->table)) {
        return false;
    }
    const struct core_index *x = r->index.base == NULL ? NULL : table_index(r->table, r->index);
    if (r->index.base != NULL && (x == NULL || x->part.local)) {
        return call_failf(
            c,
            AWS_RESOURCE_NOT_FOUND,
            "Requested resource not found: Index: %.*s not found for table: %.*s",
            BYTES_FMT(r->index),
            BYTES_FMT(r->table->part.name));
    }
    return true;
}

static enum dynamo_step insights_answer(struct dynamo_call *c, const struct insights_request *r)
{
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, r->table->part.name);
    if (r->index.base != NULL) {
        buf_put_str(b, ",\"IndexName\":");
        json_put_string(b, r->index);
    }
    buf_put_str(b, ",\"ContributorInsightsStatus\":\"DISABLED\"}");
    return call_ok(c);
}

enum dynamo_step describe_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct insights_request r;
    struct checks k = {.c = c};
    if (!insights_read(c, in, &k, &r)) {
        return DYNAMO_ANSWER;
    }
    return insights_answer(c, &r);
}

enum dynamo_step update_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct insights_request r;
    struct bytes action;
    struct bytes mode;
    struct checks k = {.c = c};
    if (!field_string(c, in, "ContributorInsightsAction", &action) ||
        !field_string(c, in, "ContributorInsightsMode", &mode)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "contributorInsightsAction", action.base != NULL);
    check_enum(&k, "contributorInsightsAction", action, "ENABLE, DISABLE");
    check_enum(&k, "contributorInsightsMode", mode, "ACCESSED_AND_THROTTLED_KEYS, THROTTLED_KEYS");
    if (!insights_read(c, in, &k, &r)) {
        return DYNAMO_ANSWER;
    }
    if (bytes_eq_str(action, "ENABLE")) {
        (void)call_invalid(/* answers */
                           c,
                           INVALID_PREFIX "Contributor Insights are not supported by this server");
        return DYNAMO_ANSWER;
    }
    return insights_answer(c, &r);
}

enum dynamo_step list_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct opt_int max;
    struct bytes name;
    struct bytes token;
    const struct core_table *t;
    struct checks k = {.c = c};
    if (!field_int(c, in, "MaxResults", "Integer", &max) ||
        !field_string(c, in, "TableName", &name) || !field_string(c, in, "NextToken", &token)) {
        return DYNAMO_ANSWER;
    }
    check_range(&k, "maxResults", max, INT64_MIN, 100);
    if (!checks_done(&k) || (name.base != NULL && !find(c, in, &t))) {
        return DYNAMO_ANSWER;
    }
    if (token.base != NULL) {
        (void)call_invalid(c, INVALID_PREFIX "Invalid NextToken"); /* none was given out */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"ContributorInsightsSummaries\":[]}");
    return call_ok(c);
}
