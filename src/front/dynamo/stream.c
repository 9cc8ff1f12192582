/* Streams by name. */
#include "front/dynamo/stream.h"

#include "front/dynamo/policy.h"

enum { ARN_LEN_MIN = 37, ARN_LEN_MAX = 1024, SHARD_ID_LEN_MIN = 28, SHARD_ID_LEN_MAX = 65 };

void check_stream_arn(struct checks *k, const char *path, struct bytes arn)
{
    check_length(k, path, arn, ARN_LEN_MIN, ARN_LEN_MAX);
}

void check_shard_id(struct checks *k, const char *path, struct bytes id)
{
    check_length(k, path, id, SHARD_ID_LEN_MIN, SHARD_ID_LEN_MAX);
}

void put_stream_arn(struct buf *b, struct bytes region, struct bytes table, uint64_t created_ms)
{
    put_table_arn(b, region, table);
    buf_put_str(b, "/stream/");
    feed_label_put(b, created_ms);
}

/* The part of `text` before the first `c`, which goes off `text` with it; base NULL when there is
 * none. */
static struct bytes cut(struct bytes *text, uint8_t c)
{
    const uint8_t *at = text->len == 0 ? NULL : memchr(text->base, c, text->len);
    if (at == NULL) {
        return BYTES_NONE;
    }
    struct bytes head = bytes_of(text->base, (size_t)(at - text->base));
    *text = bytes_from(*text, head.len + 1);
    return head;
}

bool stream_arn_parse(struct bytes arn, struct bytes *ret_table, uint64_t *ret_ms)
{
    struct bytes rest = arn;
    bool head = bytes_eq_str(cut(&rest, ':'), "arn") && bytes_eq_str(cut(&rest, ':'), "aws") &&
                bytes_eq_str(cut(&rest, ':'), "dynamodb") && cut(&rest, ':').len > 0 &&
                cut(&rest, ':').base != NULL && bytes_eq_str(cut(&rest, '/'), "table");
    if (!head) {
        return false;
    }
    *ret_table = cut(&rest, '/');
    return ret_table->len > 0 && bytes_eq_str(cut(&rest, '/'), "stream") &&
           feed_label_parse(rest, ret_ms) == OK;
}

bool fail_stream_missing(struct dynamo_call *c, struct bytes arn)
{
    return call_failf(
        c,
        AWS_RESOURCE_NOT_FOUND,
        "Requested resource not found: Stream: %.*s not found",
        BYTES_FMT(arn));
}

/* Whether the ARN is, letter for letter, that of a stream of this region. */
static bool is_ours(struct dynamo_call *c, struct bytes arn, struct bytes table, uint64_t ms)
{
    struct buf own;
    buf_init(&own, 4096);
    put_stream_arn(&own, c->d->region, table, ms);
    bool ours = bytes_eq(buf_bytes(&own), arn);
    buf_done(&own);
    return ours;
}

bool stream_find(struct dynamo_call *c, struct bytes arn, struct stream_look *ret)
{
    struct bytes table;
    uint64_t ms;
    *ret = (struct stream_look){0};
    if (!stream_arn_parse(arn, &table, &ms)) {
        return call_invalid(c, "Invalid StreamArn");
    }
    if (!is_ours(c, arn, table, ms)) {
        return fail_stream_missing(c, arn);
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, table);
    if (t != NULL && !policy_allows_stream(c, t, ms)) {
        return false;
    }
    enum err err = feed_open(c->d->view.engine, &ret->view);
    ret->open = err == OK;
    if (err == OK) {
        err = core_stream_read(&ret->view.reader, table, ms, c->arena, &ret->stream);
    }
    if (err == OK) {
        err = feed_shards(&ret->view, &ret->stream, c->arena, &ret->shards, &ret->n_shards);
    }
    if (err == ERR_NOT_FOUND) {
        return fail_stream_missing(c, arn);
    }
    return err == OK ? true : call_fail_err(c, err);
}

void stream_done(struct stream_look *look)
{
    if (look->open) {
        feed_close(&look->view);
        look->open = false;
    }
}

const struct feed_shard *stream_shard(
    struct dynamo_call *c, const struct stream_look *look, struct bytes id)
{
    struct buf *b = &c->d->key;
    for (size_t i = 0; i < look->n_shards; i++) {
        buf_clear(b);
        feed_shard_id_put(b, &look->stream, look->shards[i].first);
        if (bytes_eq(buf_bytes(b), id)) {
            return &look->shards[i];
        }
    }
    return NULL;
}
