/* Fuzzes the front from request bytes to answer bytes, signatures off, over a real core on
 * engine_mem. The first byte picks the operation, the rest is the body; whatever comes in, there is
 * an answer with a status, a JSON body and the headers clients check. Each input is served twice,
 * so that the second time meets what the first has done. */
#include "front/dynamo/test_hostile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const targets[] = {
    "DynamoDB_20120810.PutItem",
    "DynamoDB_20120810.GetItem",
    "DynamoDB_20120810.UpdateItem",
    "DynamoDB_20120810.DeleteItem",
    "DynamoDB_20120810.Query",
    "DynamoDB_20120810.Scan",
    "DynamoDB_20120810.BatchWriteItem",
    "DynamoDB_20120810.BatchGetItem",
    "DynamoDB_20120810.Nothing",
    "DynamoDB_20120810.TransactWriteItems",
    "DynamoDB_20120810.TransactGetItems",
    "DynamoDB_20120810.ExecuteStatement",
    "DynamoDB_20120810.BatchExecuteStatement",
    "DynamoDB_20120810.ExecuteTransaction",
};

enum { TARGETS = sizeof targets / sizeof targets[0] };

/* Keys h (S), r (N); global index "gsi" on g (S). */
#define CREATE_TABLE                                                              \
    "{\"TableName\":\"tab\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":["  \
    "{\"AttributeName\":\"h\",\"KeyType\":\"HASH\"},"                             \
    "{\"AttributeName\":\"r\",\"KeyType\":\"RANGE\"}],\"AttributeDefinitions\":[" \
    "{\"AttributeName\":\"h\",\"AttributeType\":\"S\"},"                          \
    "{\"AttributeName\":\"r\",\"AttributeType\":\"N\"},"                          \
    "{\"AttributeName\":\"g\",\"AttributeType\":\"S\"}],"                         \
    "\"GlobalSecondaryIndexes\":[{\"IndexName\":\"gsi\",\"KeySchema\":["          \
    "{\"AttributeName\":\"g\",\"KeyType\":\"HASH\"}],"                            \
    "\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}}]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct rig r;
    rig_open(&r);
    must(&r, "DynamoDB_20120810.CreateTable", CREATE_TABLE);
    struct bytes rest = bytes_of(data + 1, size - 1);
    for (unsigned i = 0; i < 2; i++) {
        (void)serve(&r, targets[data[0] % TARGETS], rest);
    }
    rig_close(&r);
    return 0;
}
