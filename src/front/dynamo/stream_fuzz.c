/* Hostile requests to DynamoDB Streams, against a table with records in its stream. The first byte
 * chooses the operation and how the rest becomes its body: as it is, or as the place in an iterator
 * of the table's own stream. Every answer is well-formed, and no made-up place reads anything. */
#include "front/dynamo/test_hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STREAM_ARN \
    "arn:aws:dynamodb:eu-west-1:000000000000:table/tab/stream/2023-11-14T22:13:20.000"

static const char *const targets[] = {
    "DynamoDBStreams_20120810.ListStreams",
    "DynamoDBStreams_20120810.DescribeStream",
    "DynamoDBStreams_20120810.GetShardIterator",
    "DynamoDBStreams_20120810.GetRecords",
};

enum { TARGETS = sizeof targets / sizeof targets[0], GET_RECORDS = 3 };

static void fill(struct rig *r)
{
    must(
        r,
        "DynamoDB_20120810.CreateTable",
        "{\"TableName\":\"tab\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":[{"
        "\"AttributeName\":\"p\",\"KeyType\":\"HASH\"}],\"AttributeDefinitions\":[{"
        "\"AttributeName\":\"p\",\"AttributeType\":\"S\"}],\"StreamSpecification\":{"
        "\"StreamEnabled\":true,\"StreamViewType\":\"NEW_AND_OLD_IMAGES\"}}");
    must(r, "DynamoDB_20120810.PutItem", "{\"TableName\":\"tab\",\"Item\":{\"p\":{\"S\":\"k\"}}}");
    must(r, "DynamoDBStreams_20120810.DescribeStream", "{\"StreamArn\":\"" STREAM_ARN "\"}");
}

static void try_place(struct rig *r, struct bytes place)
{
    struct buf iterator;
    struct buf body;
    buf_init(&iterator, 1 << 20);
    buf_init(&body, 1 << 24);
    buf_put_str(&iterator, STREAM_ARN "|1|");
    if (utf8_valid(place)) {
        buf_put_bytes(&iterator, place);
    } else {
        put_base64(&iterator, place);
    }
    buf_put_str(&body, "{\"ShardIterator\":");
    json_put_string(&body, buf_bytes(&iterator));
    buf_put_u8(&body, '}');
    if (iterator.err == OK && body.err == OK) {
        unsigned status = serve(r, targets[GET_RECORDS], buf_bytes(&body));
        ASSERT(status == 400);
    }
    buf_done(&iterator);
    buf_done(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct rig r;
    rig_open(&r);
    fill(&r);
    struct bytes rest = bytes_of(data + 1, size - 1);
    size_t pick = data[0] % (TARGETS + 1);
    if (pick == TARGETS) {
        try_place(&r, rest);
    } else {
        unsigned status = serve(&r, targets[pick], rest);
        ASSERT(status == 200 || status == 400);
    }
    rig_close(&r);
    return 0;
}
