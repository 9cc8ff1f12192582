#pragma once

/* What the operations of DynamoDB Streams share: requests that name a stream, and one look at it.
 */

#include "feed/feed.h"
#include "front/dynamo/dynamo_internal.h"

/* A stream as a request names it, and what there is of it. */
struct stream_look {
    bool open; /* `view` is to be closed */
    struct feed_view view;
    struct core_stream stream;
    const struct feed_shard *shards;
    size_t n_shards;
};

/* The table and label in a stream's ARN. false: it is none ("Invalid StreamArn" is not answered).
 */
bool stream_arn_parse(struct bytes arn, struct bytes *ret_table, uint64_t *ret_ms);
/* Answers that there is no such stream; false. */
bool fail_stream_missing(struct dynamo_call *c, struct bytes arn);
bool fail_shard_missing(struct dynamo_call *c);
/* Looks the stream up, with its shards; answers when it is not there or `arn` is none. Afterwards,
 * also when it answered, call stream_done(). */
bool stream_find(struct dynamo_call *c, struct bytes arn, struct stream_look *ret);
void stream_done(struct stream_look *look);
/* The shard with this id, or NULL. */
const struct feed_shard *stream_shard(
    struct dynamo_call *c, const struct stream_look *look, struct bytes id);
/* Checks the length of a stream's ARN and of a shard's id. */
void check_stream_arn(struct checks *k, const char *path, struct bytes arn);
void check_shard_id(struct checks *k, const char *path, struct bytes id);
