/* GetShardIterator and GetRecords.
 *
 * An iterator is the stream's ARN, "|1|", and a sealed place; it says all there is to know, so
 * nothing is kept for consumers between calls. */
#include "front/dynamo/stream.h"
#include "front/dynamo/table_admin.h"

enum {
    ITERATOR_LEN_MAX = 2048,
    SEQ_LEN_MIN = 21,
    SEQ_LEN_MAX = 40,
};

#define ITERATOR_MARK  "|1|"
#define ITERATOR_TYPES "AFTER_SEQUENCE_NUMBER, LATEST, AT_SEQUENCE_NUMBER, TRIM_HORIZON"

bool fail_shard_missing(struct dynamo_call *c)
{
    return call_fail(
        c, AWS_RESOURCE_NOT_FOUND, BYTES_LIT("Requested resource not found: Shard does not exist"));
}

static bool fail_trimmed(struct dynamo_call *c)
{
    return call_fail(
        c,
        AWS_TRIMMED_DATA_ACCESS,
        BYTES_LIT("The data you are trying to access has been trimmed"));
}

static void put_iterator(
    struct dynamo_call *c,
    struct buf *b,
    const struct stream_look *look,
    const struct feed_iterator *it)
{
    const struct core_stream *s = &look->stream;
    buf_put_u8(b, '"');
    put_stream_arn(b, c->d->region, s->table, s->created_ms);
    buf_put_str(b, ITERATOR_MARK);
    feed_iterator_put(b, &look->view.feed, s, it);
    buf_put_u8(b, '"');
}

/* ---- GetShardIterator ---- */

struct iterator_request {
    struct bytes arn;
    struct bytes shard;
    struct bytes type;
    struct bytes seq;
};

static bool iterator_read(struct dynamo_call *c, const struct json *in, struct iterator_request *r)
{
    struct checks k = {.c = c};
    if (!field_string(c, in, "StreamArn", &r->arn) || !field_string(c, in, "ShardId", &r->shard) ||
        !field_string(c, in, "ShardIteratorType", &r->type) ||
        !field_string(c, in, "SequenceNumber", &r->seq)) {
        return false;
    }
    check_not_null(&k, "streamArn", r->arn.base != NULL);
    check_stream_arn(&k, "streamArn", r->arn);
    check_not_null(&k, "shardId", r->shard.base != NULL);
    check_shard_id(&k, "shardId", r->shard);
    check_not_null(&k, "shardIteratorType", r->type.base != NULL);
    check_enum(&k, "shardIteratorType", r->type, ITERATOR_TYPES);
    check_length(&k, "sequenceNumber", r->seq, SEQ_LEN_MIN, SEQ_LEN_MAX);
    if (!checks_done(&k)) {
        return false;
    }
    bool by_seq = enum_has("AT_SEQUENCE_NUMBER, AFTER_SEQUENCE_NUMBER", r->type);
    if (by_seq && r->seq.base == NULL) {
        return call_invalid(
            c,
            INVALID_PREFIX "SequenceNumber is required for ShardIteratorType %.*s",
            BYTES_FMT(r->type));
    }
    if (!by_seq && r->seq.base != NULL) {
        return call_invalid(
            c,
            INVALID_PREFIX "SequenceNumber must not be given for ShardIteratorType %.*s",
            BYTES_FMT(r->type));
    }
    return true;
}

/* The place a sequence number of the shard stands for. What lies before the shard, behind its end
 * or in the future is none. */
static bool seq_place(
    struct dynamo_call *c,
    const struct iterator_request *r,
    const struct stream_look *look,
    const struct feed_shard *shard,
    struct feed_seq *ret)
{
    bool ours = feed_seq_parse(r->seq, feed_mark(&look->view, &look->stream), ret) == OK &&
                ret->pos.v >= shard->first.v && ret->pos.v <= shard->last.v &&
                ret->pos.v <= look->view.tail.v;
    if (!ours) {
        return call_invalid(c, "Invalid SequenceNumber");
    }
    if (ret->pos.v < look->view.oldest.v) {
        return fail_trimmed(c);
    }
    if (bytes_eq_str(r->type, "AFTER_SEQUENCE_NUMBER")) {
        *ret = feed_seq_after(*ret);
    }
    return true;
}

static bool iterator_place(
    struct dynamo_call *c,
    const struct iterator_request *r,
    const struct stream_look *look,
    const struct feed_shard *shard,
    struct feed_seq *ret)
{
    if (bytes_eq_str(r->type, "TRIM_HORIZON")) {
        bool trimmed = shard->first.v < look->view.oldest.v;
        *ret = (struct feed_seq){trimmed ? look->view.oldest : shard->first, 0};
        return true;
    }
    if (bytes_eq_str(r->type, "LATEST")) {
        bool closed = shard->last.v < look->view.tail.v;
        *ret = (struct feed_seq){{(closed ? shard->last.v : look->view.tail.v) + 1}, 0};
        return true;
    }
    return seq_place(c, r, look, shard, ret);
}

static enum dynamo_step answer_iterator(
    struct dynamo_call *c, const struct iterator_request *r, const struct stream_look *look)
{
    const struct feed_shard *shard = stream_shard(c, look, r->shard);
    if (shard == NULL) {
        (void)fail_shard_missing(c); /* answers */
        return DYNAMO_ANSWER;
    }
    struct feed_iterator it = {.shard = shard->first, .issued_ms = c->now_ms};
    if (!iterator_place(c, r, look, shard, &it.at)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"ShardIterator\":");
    put_iterator(c, b, look, &it);
    buf_put_u8(b, '}');
    return call_ok(c);
}

enum dynamo_step get_shard_iterator_begin(struct dynamo_call *c, const struct json *in)
{
    struct iterator_request r = {0};
    if (!iterator_read(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    struct stream_look look;
    enum dynamo_step step = DYNAMO_ANSWER;
    if (stream_find(c, r.arn, &look)) {
        step = answer_iterator(c, &r, &look);
    }
    stream_done(&look);
    return step;
}

/* ---- GetRecords ---- */

struct records_request {
    struct bytes arn;
    struct bytes place;
    struct opt_int limit;
};

static bool fail_iterator(struct dynamo_call *c)
{
    return call_invalid(c, "Invalid ShardIterator");
}

/* Cuts "ARN|1|PLACE" at the mark. */
static bool cut_iterator(struct bytes text, struct records_request *r)
{
    const uint8_t *at = memchr(text.base, ITERATOR_MARK[0], text.len);
    if (at == NULL) {
        return false;
    }
    r->arn = bytes_of(text.base, (size_t)(at - text.base));
    struct bytes rest = bytes_from(text, r->arn.len);
    struct bytes table;
    uint64_t ms;
    r->place = bytes_from(rest, strlen(ITERATOR_MARK));
    return bytes_has_prefix(rest, BYTES_LIT(ITERATOR_MARK)) &&
           stream_arn_parse(r->arn, &table, &ms);
}

static bool records_read(struct dynamo_call *c, const struct json *in, struct records_request *r)
{
    struct checks k = {.c = c};
    struct bytes iterator;
    if (!field_string(c, in, "ShardIterator", &iterator) ||
        !field_int(c, in, "Limit", "Integer", &r->limit)) {
        return false;
    }
    check_not_null(&k, "shardIterator", iterator.base != NULL);
    check_length(&k, "shardIterator", iterator, 1, ITERATOR_LEN_MAX);
    check_range(&k, "limit", r->limit, 1, FEED_RECORDS_MAX);
    return checks_done(&k) && (cut_iterator(iterator, r) || fail_iterator(c));
}

/* The iterator, good for reading now, and the shard it walks. */
static bool iterator_find(
    struct dynamo_call *c,
    const struct records_request *r,
    const struct stream_look *look,
    struct feed_iterator *ret,
    const struct feed_shard **ret_shard)
{
    if (feed_iterator_parse(r->place, &look->view.feed, &look->stream, ret) != OK ||
        ret->at.pos.v > look->view.tail.v + 1) {
        return fail_iterator(c);
    }
    if (c->now_ms > ret->issued_ms + FEED_ITERATOR_MS) {
        return call_fail(c, AWS_EXPIRED_ITERATOR, BYTES_LIT("The shard iterator has expired"));
    }
    for (size_t i = 0; i < look->n_shards; i++) {
        if (look->shards[i].first.v == ret->shard.v) {
            *ret_shard = &look->shards[i];
            return true;
        }
    }
    return fail_trimmed(c);
}

static void put_image(struct buf *b, const char *name, const struct value *image)
{
    buf_putf(b, ",\"%s\":", name);
    attr_map_put(b, image);
}

static const char *event_name(enum feed_event event)
{
    switch (event) {
    case FEED_INSERT:
        return "INSERT";
    case FEED_MODIFY:
        return "MODIFY";
    case FEED_REMOVE:
        return "REMOVE";
    }
    UNREACHABLE();
}

static void put_record(
    struct dynamo_call *c,
    struct buf *b,
    const struct stream_look *look,
    const struct feed_record *r)
{
    buf_putf(
        b,
        "{\"eventID\":\"%016llx%016llx\",\"eventName\":\"%s\",\"eventVersion\":\"1.1\","
        "\"eventSource\":\"aws:dynamodb\",\"awsRegion\":",
        (unsigned long long)r->id.hi,
        (unsigned long long)r->id.lo,
        event_name(r->event));
    json_put_string(b, c->d->region);
    buf_putf(
        b,
        ",\"dynamodb\":{\"ApproximateCreationDateTime\":%llu,\"Keys\":",
        (unsigned long long)(r->at_ms / 1000));
    attr_map_put(b, &r->keys);
    if (r->has_new) {
        put_image(b, "NewImage", &r->new_image);
    }
    if (r->has_old) {
        put_image(b, "OldImage", &r->old_image);
    }
    buf_put_str(b, ",\"SequenceNumber\":\"");
    feed_seq_put(b, r->seq, feed_mark(&look->view, &look->stream));
    buf_putf(
        b,
        "\",\"SizeBytes\":%zu,\"StreamViewType\":\"%s\"}",
        r->bytes,
        stream_view_name(look->stream.view));
    if (r->by_ttl) {
        buf_put_str(
            b,
            ",\"userIdentity\":{\"PrincipalId\":\"dynamodb.amazonaws.com\",\"Type\":\"Service\"}");
    }
    buf_put_u8(b, '}');
}

static enum dynamo_step answer_records(
    struct dynamo_call *c, const struct records_request *r, const struct stream_look *look)
{
    struct feed_iterator it;
    const struct feed_shard *shard = NULL;
    if (!iterator_find(c, r, look, &it, &shard)) {
        return DYNAMO_ANSWER;
    }
    struct feed_page page = {
        .from = it.at,
        .last = shard->last,
        .limit = r->limit.present ? (size_t)r->limit.v : FEED_RECORDS_MAX,
        .scan_bytes = FEED_SCAN_BYTES_MAX,
    };
    enum err err = feed_read(&look->view, &look->stream, &page, c->arena);
    if (err != OK) {
        (void)(err == ERR_FENCED ? fail_trimmed(c) : call_fail_err(c, err)); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Records\":[");
    for (size_t i = 0; i < page.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_record(c, b, look, &page.records[i]);
    }
    buf_put_u8(b, ']');
    if (!page.ended) {
        it.at = page.next;
        it.issued_ms = c->now_ms;
        buf_put_str(b, ",\"NextShardIterator\":");
        put_iterator(c, b, look, &it);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

enum dynamo_step get_records_begin(struct dynamo_call *c, const struct json *in)
{
    struct records_request r = {0};
    if (!records_read(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    struct stream_look look;
    enum dynamo_step step = DYNAMO_ANSWER;
    if (stream_find(c, r.arn, &look)) {
        step = answer_records(c, &r, &look);
    }
    stream_done(&look);
    return step;
}
