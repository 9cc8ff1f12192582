/* Kinesis data streams that a table could feed. There are none here, so enabling one goes as it
 * goes in DynamoDB with a stream that is not there: it is accepted, and then it has failed. What
 * failed stays listed, the newest first, in the table's `extra` map under "kinesis". */
#include "front/dynamo/table_admin.h"

enum { DESTINATIONS_MAX = 20 }; /* older ones are forgotten */

#define BAD_STATE "Table is not in a valid state to enable Kinesis Streaming Destination: "

struct kinesis_request {
    struct bytes stream;
    struct bytes precision; /* base NULL: not given */
    bool has_config;
    struct bytes table;
};

/* The table's name, which must be one that is there. */
static bool find(struct dynamo_call *c, const struct json *in, struct bytes *ret)
{
    if (!table_field(c, in, ret)) {
        return false;
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, *ret);
    return t == NULL ? fail_table_missing(c, *ret) : policy_allows(c, t);
}

static const struct value *destinations_of(const struct core_table *t)
{
    const struct value *v = NULL;
    if (t->extra.type == VALUE_MAP) {
        v = value_find(&t->extra, BYTES_LIT("kinesis"));
    }
    return v != NULL && v->type == VALUE_LIST ? v : NULL;
}

/* A text of one destination, base NULL when it has none of that name. */
static struct bytes text_of(const struct value *destination, const char *name)
{
    const struct value *v =
        destination->type == VALUE_MAP ? value_find(destination, bytes_str(name)) : NULL;
    return v != NULL && v->type == VALUE_STRING ? v->bytes : BYTES_NONE;
}

/* ---- DescribeKinesisStreamingDestination ---- */

static void put_destination(struct buf *b, const struct value *destination)
{
    struct bytes precision = text_of(destination, "precision");
    buf_put_str(b, "{\"StreamArn\":");
    json_put_string(b, text_of(destination, "stream"));
    buf_put_str(
        b,
        ",\"DestinationStatus\":\"ENABLE_FAILED\",\"DestinationStatusDescription\":\"User does not "
        "have a permission to use kinesis stream\"");
    if (precision.base != NULL) {
        buf_put_str(b, ",\"ApproximateCreationDateTimePrecision\":");
        json_put_string(b, precision);
    }
    buf_put_u8(b, '}');
}

enum dynamo_step describe_kinesis_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    if (!find(c, in, &name)) {
        return DYNAMO_ANSWER;
    }
    const struct value *list = destinations_of(catalog_table(c->d->view.catalog, name));
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"KinesisDataStreamDestinations\":[");
    for (size_t i = 0; list != NULL && i < list->list.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_destination(b, &list->list.items[i]);
    }
    buf_put_str(b, "],\"TableName\":");
    json_put_string(b, name);
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- reading ---- */

/* `config` is the operation's structure with the precision. */
static bool request_read(
    struct dynamo_call *c,
    const struct json *in,
    const char *config,
    const char *path,
    struct kinesis_request *r)
{
    struct checks k = {.c = c};
    const struct json *j = NULL;
    if (!field_string(c, in, "StreamArn", &r->stream) || !field_struct(c, in, config, config, &j) ||
        (j != NULL && !field_string(c, j, "ApproximateCreationDateTimePrecision", &r->precision))) {
        return false;
    }
    r->has_config = j != NULL;
    check_not_null(&k, "streamArn", r->stream.base != NULL);
    check_length(&k, "streamArn", r->stream, 37, 1024);
    check_enum(
        &k,
        check_path(&k, "%s.approximateCreationDateTimePrecision", path),
        r->precision,
        "MICROSECOND, MILLISECOND");
    return checks_done(&k) && find(c, in, &r->table);
}

/* ---- EnableKinesisStreamingDestination ---- */

static enum err destination_make(
    struct arena *a, const struct kinesis_request *r, struct value *ret)
{
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    if (m == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    if (r->precision.base != NULL) {
        m[n++] =
            (struct member){BYTES_LIT("precision"), {.type = VALUE_STRING, .bytes = r->precision}};
    }
    m[n++] = (struct member){BYTES_LIT("stream"), {.type = VALUE_STRING, .bytes = r->stream}};
    *ret = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return OK;
}

static enum err add_destination(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct kinesis_request *r = t->arg;
    const struct value *old = destinations_of(now);
    struct value *list = ARENA_NEW(a, struct value);
    struct value *items = ARENA_ARRAY(a, struct value, DESTINATIONS_MAX);
    if (list == NULL || items == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = destination_make(a, r, &items[0]);
    size_t n = 1;
    for (size_t i = 0; old != NULL && i < old->list.n && n < DESTINATIONS_MAX; i++) {
        if (!bytes_eq(text_of(&old->list.items[i], "stream"), r->stream)) {
            items[n++] = old->list.items[i];
        }
    }
    *list = (struct value){.type = VALUE_LIST, .list = {items, n}};
    return err == OK ? extra_set(a, &t->wanted, "kinesis", list) : err;
}

enum dynamo_step enable_kinesis_begin(struct dynamo_call *c, const struct json *in)
{
    struct kinesis_request *r = ARENA_NEW(c->arena, struct kinesis_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    *r = (struct kinesis_request){0};
    const char *config = "EnableKinesisStreamingConfiguration";
    if (!request_read(c, in, config, "enableKinesisStreamingConfiguration", r)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = add_destination;
    t->arg = r;
    return table_call_submit(t);
}

enum dynamo_step enable_kinesis_resume(struct dynamo_call *c)
{
    struct table_call *t = c->state;
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct kinesis_request *r = t->arg;
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, r->table);
    buf_put_str(b, ",\"StreamArn\":");
    json_put_string(b, r->stream);
    buf_put_str(b, ",\"DestinationStatus\":\"ENABLING\",\"EnableKinesisStreamingConfiguration\":{");
    if (r->precision.base != NULL) {
        buf_put_str(b, "\"ApproximateCreationDateTimePrecision\":");
        json_put_string(b, r->precision);
    }
    buf_put_str(b, "}}");
    return call_ok(c);
}

/* ---- of destinations that are not active, which is all of them ---- */

enum dynamo_step disable_kinesis_begin(struct dynamo_call *c, const struct json *in)
{
    struct kinesis_request r = {0};
    const char *config = "EnableKinesisStreamingConfiguration";
    if (!request_read(c, in, config, "enableKinesisStreamingConfiguration", &r)) {
        return DYNAMO_ANSWER;
    }
    if (r.has_config) {
        (void)
            call_invalid(/* answers */
                         c,
                         "Streaming destination cannot be updated with given parameters: Stream "
                         "cannot be disabled using EnableKinesisStreamingConfiguration parameters");
        return DYNAMO_ANSWER;
    }
    (void)call_invalid(/* answers */
                       c,
                       BAD_STATE
                       "KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.");
    return DYNAMO_ANSWER;
}

enum dynamo_step update_kinesis_begin(struct dynamo_call *c, const struct json *in)
{
    struct kinesis_request r = {0};
    const char *config = "UpdateKinesisStreamingConfiguration";
    if (!request_read(c, in, config, "updateKinesisStreamingConfiguration", &r)) {
        return DYNAMO_ANSWER;
    }
    if (r.precision.base == NULL) {
        (void)call_invalid(/* answers */
                           c,
                           "Streaming destination cannot be updated with given parameters: "
                           "UpdateKinesisStreamingConfiguration cannot be null or contain only "
                           "null values");
        return DYNAMO_ANSWER;
    }
    (void)call_invalid(/* answers */
                       c,
                       BAD_STATE
                       "Kinesis streaming is not in ACTIVE state. Updates are only allowed in "
                       "ACTIVE state. TableName: %.*s, kdsArn: %.*s",
                       BYTES_FMT(r.table),
                       BYTES_FMT(r.stream));
    return DYNAMO_ANSWER;
}
