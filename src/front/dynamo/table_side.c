/* Contributor Insights. There are no rules that count a table's keys, so switching them on goes as
 * it goes in DynamoDB when no more rules are to be had: it is accepted, and then it has failed.
 * What failed is kept until it is switched off, in the table's `extra` map under "insights" by
 * index name ("" is the table). */
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

struct insights_request {
    const struct core_table *table; /* until the call is submitted */
    struct bytes name;              /* the table's */
    struct bytes index;             /* base NULL: the table */
    bool on;
    struct bytes mode;
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
    r->name = bytes_dup(c->arena, r->table->part.name);
    const struct core_index *x = r->index.base == NULL ? NULL : table_index(r->table, r->index);
    if (r->index.base != NULL && (x == NULL || x->part.local)) {
        return call_failf(
            c,
            AWS_RESOURCE_NOT_FOUND,
            "Requested resource not found: Index: %.*s not found for table: %.*s",
            BYTES_FMT(r->index),
            BYTES_FMT(r->table->part.name));
    }
    return r->name.base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* ---- what is kept ---- */

#define KEPT "insights"

struct insights_state {
    bool failed;
    struct bytes mode;
    uint64_t changed_ms; /* 0: never was on */
};

static const struct value *kept_of(const struct core_table *t)
{
    const struct value *v = NULL;
    if (t->extra.type == VALUE_MAP) {
        v = value_find(&t->extra, BYTES_LIT(KEPT));
    }
    return v != NULL && v->type == VALUE_MAP ? v : NULL;
}

static struct insights_state state_in(const struct value *one)
{
    struct insights_state s = {0};
    int64_t at = 0;
    if (one == NULL || one->type != VALUE_MAP) {
        return s;
    }
    const struct value *mode = value_find(one, BYTES_LIT("mode"));
    const struct value *changed = value_find(one, BYTES_LIT("at"));
    s.failed = mode != NULL && mode->type == VALUE_STRING;
    s.mode = s.failed ? mode->bytes : BYTES_NONE;
    if (changed != NULL && changed->type == VALUE_NUMBER &&
        decimal_to_i64(&changed->number, &at) == OK && at > 0) {
        s.changed_ms = (uint64_t)at;
    }
    return s;
}

static struct insights_state state_of(const struct core_table *t, struct bytes index)
{
    const struct value *kept = kept_of(t);
    struct bytes key = index.base == NULL ? BYTES_LIT("") : index;
    return state_in(kept == NULL ? NULL : value_find(kept, key));
}

static enum err set_insights(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct insights_request *r = t->arg;
    if (!r->on && !state_of(now, r->index).failed) {
        return OK;
    }
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    struct value *one = ARENA_NEW(a, struct value);
    struct value *all = ARENA_NEW(a, struct value);
    if (m == NULL || one == NULL || all == NULL) {
        return ERR_TOO_BIG;
    }
    const struct decimal at = decimal_of_i64((int64_t)t->c->now_ms);
    m[0] = (struct member){BYTES_LIT("at"), {.type = VALUE_NUMBER, .number = at}};
    m[1] = (struct member){BYTES_LIT("mode"), {.type = VALUE_STRING, .bytes = r->mode}};
    *one = (struct value){.type = VALUE_MAP, .map = {m, r->on ? 2 : 1}};
    const struct value none = {.type = VALUE_MAP};
    const struct value *old = kept_of(now);
    struct bytes key = r->index.base == NULL ? BYTES_LIT("") : r->index;
    enum err err = value_with(a, old == NULL ? &none : old, key, one, all);
    return err == OK ? extra_set(a, &t->wanted, KEPT, all) : err;
}

/* ---- descriptions ---- */

static void put_head(struct buf *b, struct bytes table, struct bytes index, const char *status)
{
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, table);
    if (index.len > 0) {
        buf_put_str(b, ",\"IndexName\":");
        json_put_string(b, index);
    }
    buf_putf(b, ",\"ContributorInsightsStatus\":\"%s\"", status);
}

static void put_mode(struct buf *b, struct bytes mode)
{
    if (mode.base != NULL) {
        buf_put_str(b, ",\"ContributorInsightsMode\":");
        json_put_string(b, mode);
    }
}

enum dynamo_step describe_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct insights_request r = {0};
    struct checks k = {.c = c};
    if (!insights_read(c, in, &k, &r)) {
        return DYNAMO_ANSWER;
    }
    struct insights_state s = state_of(r.table, r.index);
    struct buf *b = call_body(c);
    put_head(b, r.name, r.index, s.failed ? "FAILED" : "DISABLED");
    put_mode(b, s.mode);
    if (s.changed_ms > 0) {
        buf_put_str(b, ",\"LastUpdateDateTime\":");
        put_seconds(b, s.changed_ms);
    }
    if (s.failed) {
        buf_put_str(
            b,
            ",\"FailureException\":{\"ExceptionName\":\"LimitExceededException\","
            "\"ExceptionDescription\":\"Per-account Amazon CloudWatch Contributor Insights rule "
            "limit reached. Please disable Contributor Insights for other tables/indexes OR "
            "disable Contributor Insights rules before retrying.\"}");
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- UpdateContributorInsights ---- */

enum dynamo_step update_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct insights_request *r = ARENA_NEW(c->arena, struct insights_request);
    struct bytes action;
    struct checks k = {.c = c};
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    *r = (struct insights_request){0};
    if (!field_string(c, in, "ContributorInsightsAction", &action) ||
        !field_string(c, in, "ContributorInsightsMode", &r->mode)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "contributorInsightsAction", action.base != NULL);
    check_enum(&k, "contributorInsightsAction", action, "ENABLE, DISABLE");
    check_enum(
        &k, "contributorInsightsMode", r->mode, "ACCESSED_AND_THROTTLED_KEYS, THROTTLED_KEYS");
    if (!insights_read(c, in, &k, r)) {
        return DYNAMO_ANSWER;
    }
    r->on = bytes_eq_str(action, "ENABLE");
    r->mode = r->mode.base == NULL ? BYTES_LIT("ACCESSED_AND_THROTTLED_KEYS") : r->mode;
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = set_insights;
    t->arg = r;
    return table_call_submit(t);
}

enum dynamo_step update_insights_resume(struct dynamo_call *c)
{
    struct table_call *t = c->state;
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct insights_request *r = t->arg;
    struct buf *b = call_body(c);
    put_head(b, r->name, r->index, r->on ? "ENABLING" : "DISABLED");
    put_mode(b, r->on ? r->mode : BYTES_NONE);
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- ListContributorInsights ---- */

static void put_summaries(struct buf *b, const struct core_table *t, bool *any)
{
    const struct value *kept = kept_of(t);
    for (size_t i = 0; kept != NULL && i < kept->map.n; i++) {
        struct insights_state s = state_in(&kept->map.members[i].value);
        struct bytes index = kept->map.members[i].name;
        if (s.failed && (index.len == 0 || table_index(t, index) != NULL)) {
            buf_put_str(b, *any ? "," : "");
            put_head(b, t->part.name, index, "FAILED");
            put_mode(b, s.mode);
            buf_put_u8(b, '}');
            *any = true;
        }
    }
}

/* As many tables as a page holds; what is kept of one is told whole. */
static void put_pages(struct dynamo_call *c, struct buf *b, struct bytes after, size_t max)
{
    const struct catalog *catalog = c->d->view.catalog;
    const struct core_table *t = catalog_table_after(catalog, after);
    struct bytes last = BYTES_NONE;
    bool any = false;
    size_t n = 0;
    for (; t != NULL && n < max; t = catalog_table_after(catalog, t->part.name)) {
        bool told = kept_of(t) != NULL;
        put_summaries(b, t, &any);
        n += told ? 1 : 0;
        last = t->part.name;
    }
    buf_put_u8(b, ']');
    if (t != NULL) {
        buf_put_str(b, ",\"NextToken\":");
        json_put_string(b, last);
    }
}

enum dynamo_step list_insights_begin(struct dynamo_call *c, const struct json *in)
{
    struct opt_int max;
    struct bytes name;
    struct bytes token;
    const struct core_table *t = NULL;
    struct checks k = {.c = c};
    if (!field_int(c, in, "MaxResults", "Integer", &max) ||
        !field_string(c, in, "TableName", &name) || !field_string(c, in, "NextToken", &token)) {
        return DYNAMO_ANSWER;
    }
    check_range(&k, "maxResults", max, INT64_MIN, 100);
    if (!checks_done(&k) || (name.base != NULL && !find(c, in, &t))) {
        return DYNAMO_ANSWER;
    }
    bool any = false;
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"ContributorInsightsSummaries\":[");
    if (t != NULL) {
        put_summaries(b, t, &any);
        buf_put_u8(b, ']');
    } else {
        put_pages(c, b, token, max.present && max.v > 0 ? (size_t)max.v : 100);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}
