/* Transactions end to end, from request bytes to answer bytes, over a real core on engine_mem. */
#include "front/dynamo/test_util.h"

#define CANCELLED(codes) \
    "Transaction cancelled, please refer cancellation reasons for specific reasons [" codes "]"

/* Everything takes effect in one transaction of the log, and is read back at once. */
static void test_write_and_get(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_create_full(&r);
    uint64_t tail = part_tail(core_part(r.core)).v;
    rig_ok(
        &r,
        "TransactWriteItems",
        "{'TransactItems':[{'Put':{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'1'}}}},"
        "{'Update':{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},"
        "'UpdateExpression':'SET l = :l','ExpressionAttributeValues':{':l':{'S':'x'}}}},"
        "{'ConditionCheck':{'TableName':'hash','Key':{'h':{'S':'b'}},"
        "'ConditionExpression':'attribute_not_exists(h)'}}],"
        "'ReturnConsumedCapacity':'TOTAL','ReturnItemCollectionMetrics':'SIZE'}",
        "{'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':4.0,'WriteCapacityUnits':4.0},"
        "{'TableName':'full','CapacityUnits':3.0,'WriteCapacityUnits':3.0}],"
        "'ItemCollectionMetrics':{'full':[{'ItemCollectionKey':{'h':{'S':'a'}},"
        "'SizeEstimateRangeGB':[0.0,1.0]}]}}");
    assert_int_equal(part_tail(core_part(r.core)).v, tail + 1);
    rig_ok(
        &r,
        "TransactGetItems",
        "{'TransactItems':[{'Get':{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},"
        "'ProjectionExpression':'l'}},{'Get':{'TableName':'hash','Key':{'h':{'S':'b'}}}},"
        "{'Get':{'TableName':'hash','Key':{'h':{'S':'a'}}}}],'ReturnConsumedCapacity':'TOTAL'}",
        "{'ConsumedCapacity':[{'TableName':'full','CapacityUnits':2.0,'ReadCapacityUnits':2.0},"
        "{'TableName':'hash','CapacityUnits':4.0,'ReadCapacityUnits':4.0}],"
        "'Responses':[{'Item':{'l':{'S':'x'}}},{},{'Item':{'h':{'S':'a'},'n':{'N':'1'}}}]}");
    rig_close(&r);
}

/* One part that fails undoes the others; its reason stands in its place. */
static void test_cancelled(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(&r, "PutItem", "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'1'}}}", "{}");
    uint64_t tail = part_tail(core_part(r.core)).v;
    rig_refused(
        &r,
        "TransactWriteItems",
        "{'TransactItems':[{'Delete':{'TableName':'hash','Key':{'h':{'S':'b'}}}},"
        "{'Put':{'TableName':'hash','Item':{'h':{'S':'a'}},"
        "'ConditionExpression':'attribute_not_exists(h)',"
        "'ReturnValuesOnConditionCheckFailure':'ALL_OLD'}},"
        "{'Update':{'TableName':'hash','Key':{'h':{'S':'c'}},'UpdateExpression':'SET n = m'}}]}",
        "TransactionCanceledException",
        CANCELLED("None, ConditionalCheckFailed, ValidationError"));
    assert_true(bytes_contains(
        r.last_body,
        unquoted(
            &r.mem,
            "'CancellationReasons':[{'Code':'None'},{'Code':'ConditionalCheckFailed',"
            "'Item':{'h':{'S':'a'},'n':{'N':'1'}},'Message':'The conditional request failed'},"
            "{'Code':'ValidationError','Message':'The provided expression refers to an attribute "
            "that does not exist in the item'}]}")));
    assert_int_equal(part_tail(core_part(r.core)).v, tail);
    rig_close(&r);
}

/* A key of the wrong type is told before any condition is looked at; an empty one refuses all. */
static void test_keys(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_refused(
        &r,
        "TransactWriteItems",
        "{'TransactItems':[{'ConditionCheck':{'TableName':'hash','Key':{'h':{'S':'b'}},"
        "'ConditionExpression':'attribute_exists(h)'}},"
        "{'Delete':{'TableName':'hash','Key':{'h':{'N':'1'}}}}]}",
        "TransactionCanceledException",
        CANCELLED("None, ValidationError"));
    rig_invalid(
        &r,
        "TransactWriteItems",
        "{'TransactItems':[{'Delete':{'TableName':'hash','Key':{'h':{'N':'1'}}}},"
        "{'Delete':{'TableName':'hash','Key':{'h':{'S':''}}}}]}",
        "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
        "contain an empty string value. Key: h");
    rig_refused(
        &r,
        "TransactGetItems",
        "{'TransactItems':[{'Get':{'TableName':'hash','Key':{'h':{'S':''}}}}]}",
        "TransactionCanceledException",
        CANCELLED("ValidationError"));
    rig_close(&r);
}

/* A token makes it happen once in ten minutes; another request under it is refused. */
static void test_token(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    const char *add =
        "{'ClientRequestToken':'t','ReturnConsumedCapacity':'TOTAL','TransactItems':[{'Update':{"
        "'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'ADD n :i',"
        "'ExpressionAttributeValues':{':i':{'N':'1'}}}}]}";
    rig_ok(
        &r,
        "TransactWriteItems",
        add,
        "{'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':2.0,'WriteCapacityUnits':2.0}]}");
    rig_ok(
        &r,
        "TransactWriteItems",
        add,
        "{'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':2.0,'ReadCapacityUnits':2.0}]}");
    unsigned status = rig_send_bytes(
        &r,
        "TransactWriteItems",
        unquoted(
            &r.mem,
            "{'ClientRequestToken':'t','TransactItems':[{'Delete':{'TableName':'hash','Key':{'h':{"
            "'S':'a'}}}}]}"));
    assert_int_equal(status, 400);
    assert_true(bytes_eq_str(r.call.error_name, "IdempotentParameterMismatchException"));
    r.now_ms += PART_TOKEN_MS;
    rig_ok(
        &r,
        "TransactWriteItems",
        add,
        "{'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':2.0,'WriteCapacityUnits':2.0}]}");
    rig_ok(
        &r,
        "GetItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}}}",
        "{'Item':{'h':{'S':'a'},'n':{'N':'2'}}}");
    rig_close(&r);
}

/* A table that goes while the command is on its way is no reason to cancel: it is not found. */
static void test_table_gone(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    enum dynamo_step step = rig_begin(
        &r,
        "TransactWriteItems",
        unquoted(
            &r.mem, "{'TransactItems':[{'Put':{'TableName':'hash','Item':{'h':{'S':'a'}}}}]}"));
    assert_int_equal(step, DYNAMO_SUBMIT);
    struct dynamo_call call = r.call;
    rig_drop(&r, "hash");
    r.call = call;
    rig_finish(&r, step);
    assert_true(bytes_eq_str(r.call.error_name, "ResourceNotFoundException"));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_write_and_get),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_table_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
