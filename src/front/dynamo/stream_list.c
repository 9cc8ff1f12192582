/* ListStreams and DescribeStream. */
#include "front/dynamo/stream.h"
#include "front/dynamo/table_admin.h"

enum { LIST_MAX = 100 };

/* ---- ListStreams ---- */

struct list_request {
    struct bytes table;
    struct bytes after_arn;
    struct opt_int limit;
    struct core_stream after; /* what after_arn names */
};

static bool list_read(struct dynamo_call *c, const struct json *in, struct list_request *r)
{
    struct checks k = {.c = c};
    if (!field_string(c, in, "TableName", &r->table) ||
        !field_int(c, in, "Limit", "Integer", &r->limit) ||
        !field_string(c, in, "ExclusiveStartStreamArn", &r->after_arn)) {
        return false;
    }
    check_index_name(&k, "tableName", r->table);
    check_range(&k, "limit", r->limit, 1, LIST_MAX);
    check_stream_arn(&k, "exclusiveStartStreamArn", r->after_arn);
    if (!checks_done(&k)) {
        return false;
    }
    bool after = r->after_arn.base != NULL;
    if (after && !stream_arn_parse(r->after_arn, &r->after.table, &r->after.created_ms)) {
        return call_invalid(c, "Invalid StreamArn");
    }
    return true;
}

static void put_listed(struct dynamo_call *c, struct buf *b, const struct core_stream *s)
{
    buf_put_str(b, "{\"StreamArn\":\"");
    put_stream_arn(b, c->d->region, s->table, s->created_ms);
    buf_put_str(b, "\",\"TableName\":");
    json_put_string(b, s->table);
    buf_put_str(b, ",\"StreamLabel\":\"");
    feed_label_put(b, s->created_ms);
    buf_put_str(b, "\"}");
}

enum dynamo_step list_streams_begin(struct dynamo_call *c, const struct json *in)
{
    struct list_request r = {0};
    if (!list_read(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    size_t max = r.limit.present ? (size_t)r.limit.v : LIST_MAX;
    const struct part_reader reader = {.engine = c->d->view.engine};
    const struct core_stream *list;
    size_t n;
    /* One more than is shown tells whether there are more. */
    enum err err = core_streams_list(
        &reader, r.table, r.after_arn.base == NULL ? NULL : &r.after, c->arena, max + 1, &list, &n);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    bool there = r.table.base == NULL || catalog_table(c->d->view.catalog, r.table) != NULL;
    if (!there && n == 0 && r.after_arn.base == NULL) {
        (void)fail_table_missing(c, r.table); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Streams\":[");
    for (size_t i = 0; i < n && i < max; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_listed(c, b, &list[i]);
    }
    buf_put_u8(b, ']');
    if (n > max) {
        buf_put_str(b, ",\"LastEvaluatedStreamArn\":\"");
        put_stream_arn(b, c->d->region, list[max - 1].table, list[max - 1].created_ms);
        buf_put_u8(b, '"');
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- DescribeStream ---- */

struct describe_request {
    struct bytes arn;
    struct bytes after; /* ExclusiveStartShardId */
    struct opt_int limit;
    const struct json *filter;
    struct bytes filter_type;
    struct bytes filter_shard;
};

static bool describe_read(struct dynamo_call *c, const struct json *in, struct describe_request *r)
{
    struct checks k = {.c = c};
    if (!field_string(c, in, "StreamArn", &r->arn) ||
        !field_int(c, in, "Limit", "Integer", &r->limit) ||
        !field_string(c, in, "ExclusiveStartShardId", &r->after) ||
        !field_struct(c, in, "ShardFilter", "ShardFilter", &r->filter)) {
        return false;
    }
    if (r->filter != NULL && (!field_string(c, r->filter, "Type", &r->filter_type) ||
                              !field_string(c, r->filter, "ShardId", &r->filter_shard))) {
        return false;
    }
    check_not_null(&k, "streamArn", r->arn.base != NULL);
    check_stream_arn(&k, "streamArn", r->arn);
    check_range(&k, "limit", r->limit, 1, LIST_MAX);
    check_shard_id(&k, "exclusiveStartShardId", r->after);
    check_enum(&k, "shardFilter.type", r->filter_type, "CHILD_SHARDS");
    check_shard_id(&k, "shardFilter.shardId", r->filter_shard);
    if (!checks_done(&k)) {
        return false;
    }
    if (r->filter != NULL && (r->filter_type.base == NULL || r->filter_shard.base == NULL)) {
        return call_invalid(c, INVALID_PREFIX "ShardFilter must have both Type and ShardId");
    }
    return true;
}

static void put_seq(
    struct buf *b, const char *name, const struct stream_look *look, struct feed_seq seq)
{
    buf_putf(b, "\"%s\":\"", name);
    feed_seq_put(b, seq, feed_mark(&look->view, &look->stream));
    buf_put_u8(b, '"');
}

static void put_shard(struct buf *b, const struct stream_look *look, const struct feed_shard *shard)
{
    const struct core_stream *s = &look->stream;
    buf_put_str(b, "{\"ShardId\":\"");
    feed_shard_id_put(b, s, shard->first);
    buf_put_str(b, "\",\"SequenceNumberRange\":{");
    put_seq(b, "StartingSequenceNumber", look, (struct feed_seq){shard->first, 0});
    if (shard->last.v != UINT64_MAX) {
        buf_put_u8(b, ',');
        put_seq(
            b,
            "EndingSequenceNumber",
            look,
            (struct feed_seq){shard->last, CHANGE_TXN_CHANGES_MAX - 1});
    }
    buf_put_u8(b, '}');
    if (shard->parent.v != 0) {
        buf_put_str(b, ",\"ParentShardId\":\"");
        feed_shard_id_put(b, s, shard->parent);
        buf_put_u8(b, '"');
    }
    buf_put_u8(b, '}');
}

/* Whether the request asks for this shard: it comes after the one named, and is a child of the one
 * filtered by. */
static bool is_wanted(
    struct dynamo_call *c,
    const struct describe_request *r,
    const struct stream_look *look,
    const struct feed_shard *shard)
{
    struct buf *key = &c->d->key;
    buf_clear(key);
    feed_shard_id_put(key, &look->stream, shard->first);
    if (r->after.base != NULL && bytes_cmp(buf_bytes(key), r->after) <= 0) {
        return false;
    }
    if (r->filter == NULL) {
        return true;
    }
    buf_clear(key);
    feed_shard_id_put(key, &look->stream, shard->parent);
    return shard->parent.v != 0 && bytes_eq(buf_bytes(key), r->filter_shard);
}

static void put_shards(
    struct dynamo_call *c,
    struct buf *b,
    const struct describe_request *r,
    const struct stream_look *look)
{
    size_t max = r->limit.present ? (size_t)r->limit.v : LIST_MAX;
    const struct feed_shard *last = NULL;
    size_t n = 0;
    buf_put_str(b, ",\"Shards\":[");
    for (size_t i = 0; i < look->n_shards; i++) {
        const struct feed_shard *shard = &look->shards[i];
        if (!is_wanted(c, r, look, shard)) {
            continue;
        }
        if (n == max) {
            buf_put_str(b, "],\"LastEvaluatedShardId\":\"");
            feed_shard_id_put(b, &look->stream, last->first);
            buf_put_u8(b, '"');
            return;
        }
        buf_put_str(b, n == 0 ? "" : ",");
        put_shard(b, look, shard);
        last = shard;
        n++;
    }
    buf_put_u8(b, ']');
}

static enum dynamo_step describe(
    struct dynamo_call *c, const struct describe_request *r, const struct stream_look *look)
{
    const struct core_stream *s = &look->stream;
    bool known = r->filter == NULL || stream_shard(c, look, r->filter_shard) != NULL;
    if (!known) {
        (void)fail_shard_missing(c); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"StreamDescription\":{\"StreamArn\":");
    json_put_string(b, r->arn);
    buf_put_str(b, ",\"StreamLabel\":\"");
    feed_label_put(b, s->created_ms);
    buf_putf(
        b,
        "\",\"StreamStatus\":\"%s\",\"StreamViewType\":\"%s\",\"CreationRequestDateTime\":",
        s->ended_ms == 0 ? "ENABLED" : "DISABLED",
        stream_view_name(s->view));
    put_seconds(b, s->created_ms);
    buf_put_str(b, ",\"TableName\":");
    json_put_string(b, s->table);
    buf_put_u8(b, ',');
    put_key_schema(b, &s->keys);
    put_shards(c, b, r, look);
    buf_put_str(b, "}}");
    return call_ok(c);
}

enum dynamo_step describe_stream_begin(struct dynamo_call *c, const struct json *in)
{
    struct describe_request r = {0};
    if (!describe_read(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    struct stream_look look;
    enum dynamo_step step = DYNAMO_ANSWER;
    if (stream_find(c, r.arn, &look)) {
        step = describe(c, &r, &look);
    }
    stream_done(&look);
    return step;
}
