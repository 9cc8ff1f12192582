/* Single-item operations end to end, from request bytes to answer bytes, over a real core on
 * engine_mem. */
#include "front/dynamo/test_util.h"

/* What PutItem and UpdateItem put before faults of a request itself. */
#define FRAME "1 validation error detected: "

/* An item put comes back as it was, with numbers in normal form and sets sorted. */
static void test_put_and_get(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'01.50e1'},'b':{'B':'AAEC'},'t':{'BOOL'"
        ":true},"
        "'z':{'NULL':true},'l':{'L':[{'S':'x'},{'N':'1'}]},'m':{'M':{'k':{'S':'v'}}},"
        "'ss':{'SS':['b','a']},'ns':{'NS':['2','1.0']},'bs':{'BS':['AQ==','AA==']},'e':{'S':''}}}",
        "{}");
    rig_ok(
        &r,
        "GetItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'ConsistentRead':true}",
        "{'Item':{'b':{'B':'AAEC'},'bs':{'BS':['AA==','AQ==']},'e':{'S':''},'h':{'S':'a'},'l':{'L':"
        "[{'S':'x'},"
        "{'N':'1'}]},'m':{'M':{'k':{'S':'v'}}},'n':{'N':'15'},'ns':{'NS':['1','2']},'ss':{'SS':['a'"
        ","
        "'b']},'t':{'BOOL':true},'z':{'NULL':true}}}");
    rig_ok(&r, "GetItem", "{'TableName':'hash','Key':{'h':{'S':'b'}}}", "{}");
    rig_close(&r);
}

/* Answers carry the headers that clients check. */
static void test_answer_headers(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(&r, "GetItem", "{'TableName':'hash','Key':{'h':{'S':'b'}}}", "{}");
    const struct dynamo_answer *a = &r.call.answer;
    assert_int_equal(a->n_headers, 4);
    assert_true(bytes_eq_str(a->headers[1].value, "application/x-amz-json-1.0"));
    assert_int_equal(a->headers[2].value.len, 52);
    assert_true(bytes_eq_str(a->headers[3].name, "x-amz-crc32"));
    /* CRC-32 of "{}", as DynamoDB sends it with every empty answer. */
    assert_true(bytes_eq_str(a->headers[3].value, "2745614147"));
    rig_close(&r);
}

/* A projection returns the parts it names, capacity counts the whole item in halves of 4 KB
 * and names the table as the request did. */
static void test_projection_and_capacity(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'m':{'M':{'k':{'S':'v'},'j':{'N':'1'}}},'x':{'N'"
        ":'3'}},"
        "'ReturnConsumedCapacity':'TOTAL'}",
        "{'ConsumedCapacity':{'TableName':'hash','CapacityUnits':1.0}}");
    rig_ok(
        &r,
        "GetItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'ProjectionExpression':'#m.k, x',"
        "'ExpressionAttributeNames':{'#m':'m'},'ReturnConsumedCapacity':'INDEXES'}",
        "{'Item':{'m':{'M':{'k':{'S':'v'}}},'x':{'N':'3'}},'ConsumedCapacity':{'TableName':'hash',"
        "'CapacityUnits':0.5,'Table':{'CapacityUnits':0.5}}}");
    rig_ok(
        &r,
        "GetItem",
        "{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/hash','Key':{'h':{'S':'a'}},"
        "'ConsistentRead':true,'ProjectionExpression':'x','ReturnConsumedCapacity':'TOTAL'}",
        "{'Item':{'x':{'N':'3'}},'ConsumedCapacity':{'TableName':"
        "'arn:aws:dynamodb:eu-west-1:000000000000:table/hash','CapacityUnits':1.0}}");
    rig_ok(
        &r,
        "DeleteItem",
        "{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/hash','Key':{'h':{'S':'b'}},"
        "'ReturnConsumedCapacity':'TOTAL'}",
        "{'ConsumedCapacity':{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/hash',"
        "'CapacityUnits':1.0}}");
    rig_close(&r);
}

/* Every kind of ReturnValues of the three writes. */
static void test_return_values(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'1'}},'ReturnValues':'ALL_OLD'}",
        "{}");
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'2'},'x':{'S':'y'}},'ReturnValues':'"
        "ALL_OLD'}",
        "{'Attributes':{'h':{'S':'a'},'n':{'N':'1'}}}");
    static const char *const cases[][2] = {
        {"NONE", "{}"},
        {"ALL_OLD", "{'Attributes':{'h':{'S':'a'},'n':{'N':'3'},'x':{'S':'y'}}}"},
        {"UPDATED_OLD", "{'Attributes':{'n':{'N':'4'}}}"},
        {"UPDATED_NEW", "{'Attributes':{'n':{'N':'6'}}}"},
        {"ALL_NEW", "{'Attributes':{'h':{'S':'a'},'n':{'N':'7'},'x':{'S':'y'}}}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[512];
        (void)snprintf(
            body,
            sizeof body,
            "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'set n = n + :i',"
            "'ExpressionAttributeValues':{':i':{'N':'1'}},'ReturnValues':'%s'}",
            cases[i][0]);
        rig_ok(&r, "UpdateItem", body, cases[i][1]);
    }
    rig_ok(
        &r,
        "DeleteItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'ReturnValues':'ALL_OLD'}",
        "{'Attributes':{'h':{'S':'a'},'n':{'N':'7'},'x':{'S':'y'}}}");
    rig_ok(
        &r,
        "UpdateItem",
        "{'TableName':'hash','Key':{'h':{'S':'new'}},'ReturnValues':'ALL_NEW'}",
        "{'Attributes':{'h':{'S':'new'}}}");
    rig_invalid(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'}},'ReturnValues':'ALL_NEW'}",
        FRAME "ReturnValues can only be ALL_OLD or NONE");
    rig_close(&r);
}

/* A condition that fails leaves the item alone and shows it on request. */
static void test_conditions(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'1'}},"
        "'ConditionExpression':'attribute_not_exists(h)'}",
        "{}");
    rig_refused(
        &r,
        "PutItem",
        "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'2'}},"
        "'ConditionExpression':'attribute_not_exists(h)'}",
        "ConditionalCheckFailedException",
        "The conditional request failed");
    assert_false(bytes_contains(r.last_body, BYTES_LIT("Item")));
    rig_refused(
        &r,
        "DeleteItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'ConditionExpression':'n = :v',"
        "'ExpressionAttributeValues':{':v':{'N':'5'}},'ReturnValuesOnConditionCheckFailure':'ALL_"
        "OLD'}",
        "ConditionalCheckFailedException",
        "The conditional request failed");
    assert_true(bytes_contains(
        r.last_body, BYTES_LIT("\"Item\":{\"h\":{\"S\":\"a\"},\"n\":{\"N\":\"1\"}}}")));
    rig_ok(
        &r,
        "UpdateItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'REMOVE n',"
        "'ConditionExpression':'n BETWEEN :a AND :b','ExpressionAttributeValues':{':a':{'N':'0'},"
        "':b':{'N':'2'}},'ReturnValues':'ALL_NEW'}",
        "{'Attributes':{'h':{'S':'a'}}}");
    rig_close(&r);
}

/* Capacity names the indexes a write touched; a collection's size is told for tables with local
 * indexes. */
static void test_index_capacity_and_metrics(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_full(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'full','Item':{'h':{'S':'a'},'r':{'N':'1'},'g':{'S':'x'},'l':{'S':'y'}},"
        "'ReturnConsumedCapacity':'INDEXES','ReturnItemCollectionMetrics':'SIZE'}",
        "{'ConsumedCapacity':{'TableName':'full','CapacityUnits':3.0,'Table':{'CapacityUnits':1.0},"
        "'LocalSecondaryIndexes':{'lsi':{'CapacityUnits':1.0}},"
        "'GlobalSecondaryIndexes':{'gsi':{'CapacityUnits':1.0}}},"
        "'ItemCollectionMetrics':{'ItemCollectionKey':{'h':{'S':'a'}},'SizeEstimateRangeGB':[0.0,1."
        "0]}}");
    rig_close(&r);
}

static void assert_usage(const struct rig *r, const char *index, uint64_t read, uint64_t write)
{
    const struct dynamo_usage *u = r->call.usage;
    while (u != NULL && !bytes_eq_str(u->index, index)) {
        u = u->next;
    }
    assert_non_null(u);
    assert_true(bytes_eq_str(u->table, "full"));
    assert_int_equal(u->read_halves, read);
    assert_int_equal(u->write_halves, write);
}

/* What calls use is counted though nobody asked for it: of a table with its local indexes, and of
 * each global index; of a condition that failed, too. */
static void test_usage(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_full(&r);
    rig_ok(
        &r,
        "PutItem",
        "{'TableName':'full','Item':{'h':{'S':'a'},'r':{'N':'1'},'g':{'S':'x'},'l':{'S':'y'}}}",
        "{}");
    assert_usage(&r, "", 0, 4);
    assert_usage(&r, "gsi", 0, 2);
    assert_true(bytes_eq_str(r.call.table, "full"));
    rig_refused(
        &r,
        "DeleteItem",
        "{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},"
        "'ConditionExpression':'attribute_exists(x)'}",
        "ConditionalCheckFailedException",
        "The conditional request failed");
    assert_usage(&r, "", 0, 2);
    rig_ok(&r, "GetItem", "{'TableName':'full','Key':{'h':{'S':'b'},'r':{'N':'1'}}}", "{}");
    assert_usage(&r, "", 1, 0);
    rig_refused(
        &r,
        "GetItem",
        "{'TableName':'none','Key':{'h':{'S':'a'},'r':{'N':'1'}}}",
        "ResourceNotFoundException",
        "Requested resource not found");
    assert_null(r.call.usage);
    assert_null(r.call.table.base);
    rig_close(&r);
}

struct refusal {
    const char *op;
    const char *body;
    const char *message;
};

static const struct refusal item_refusals[] = {
    {"GetItem",
     "{}",
     "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: "
     "Member "
     "must not be null; Value null at 'key' failed to satisfy constraint: Member must not be "
     "null"},
    {"GetItem",
     "{'TableName':'','Key':{}}",
     "1 validation error detected: Value '' at 'tableName' failed to satisfy constraint: "
     "Member must "
     "have length greater than or equal to 1"},
    {"PutItem",
     "{'TableName':'bad table!','Item':{}}",
     "1 validation error detected: Value 'bad table!' at 'tableName' failed to satisfy "
     "constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"},
    {"PutItem",
     "{'TableName':'hash','Item':{},'ReturnConsumedCapacity':'X','ReturnValues':'Y'}",
     "2 validation errors detected: Value 'X' at 'returnConsumedCapacity' failed to satisfy "
     "constraint: Member must satisfy enum value set: [INDEXES, TOTAL, NONE]; Value 'Y' at "
     "'returnValues' failed to satisfy constraint: Member must satisfy enum value set: "
     "[ALL_NEW, "
     "UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"},
    {"PutItem",
     "{'TableName':'hash','Item':{'x':{'S':'1'}}}",
     "One or more parameter values were invalid: Missing the key h in the item"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'N':'1'}}}",
     "One or more parameter values were invalid: Type mismatch for key h expected: S actual: "
     "N"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'S':''}}}",
     "One or more parameter values are not valid. The AttributeValue for a key attribute "
     "cannot "
     "contain an empty string value. Key: h"},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'},'x':{'S':'b'}}}",
     "The provided key element does not match the schema"},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'N':'1'}}}",
     "The provided key element does not match the schema"},
    {"DeleteItem",
     "{'TableName':'hash','Key':{'x':{'S':'1'}}}",
     "The provided key element does not match the schema"},
    {"PutItem",
     "{'TableName':'full','Item':{'h':{'S':'a'},'r':{'N':'1'},'g':{'N':'5'}}}",
     "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
     "Actual: N "
     "IndexName: gsi"},
    {"PutItem",
     "{'TableName':'full','Item':{'h':{'S':'a'},'r':{'N':'1'},'g':{'S':''}}}",
     "One or more parameter values are not valid. A value specified for a secondary index key "
     "is not "
     "supported. The AttributeValue for a key attribute cannot contain an empty string value. "
     "IndexName: gsi, IndexKey: g"},
    {"UpdateItem",
     "{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},'UpdateExpression':'SET g = :v',"
     "'ExpressionAttributeValues':{':v':{'N':'5'}}}",
     "One or more parameter values were invalid: Type mismatch for Index Key g Expected: S "
     "Actual: N "
     "IndexName: gsi"},
    {"UpdateItem",
     "{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},'UpdateExpression':'SET g = :v',"
     "'ExpressionAttributeValues':{':v':{'S':''}}}",
     "One or more parameter values are not valid. The update expression attempted to update a "
     "secondary index key to a value that is not supported. The AttributeValue for a key attribute "
     "cannot contain an empty string value."},
    {"PutItem",
     "{'TableName':'','Item':{},'ReturnValues':'Y'}",
     "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member must "
     "have length greater than or equal to 1"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{},'ReturnConsumedCapacity':'X','ReturnValues':'Y'}",
     "1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value "
     "set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]"},
    {"BatchGetItem",
     "{'RequestItems':{'hash':{'Keys':[{'h':{'S':'a'}}],'ProjectionExpression':'h'},'full':{'Keys':"
     "[{'h':{'S':'a'},'r':{'N':'1'}}],'AttributesToGet':['h']}}}",
     "Can not use both expression and non-expression parameters in the same request: "
     "Non-expression parameters: {AttributesToGet} Expression parameters: {ProjectionExpression}"},
    {"UpdateItem",
     "{'TableName':'full','Key':{'h':{'S':'a'},'r':{'N':'1'}},'UpdateExpression':'SET r = :v',"
     "'ExpressionAttributeValues':{':v':{'N':'5'}}}",
     "One or more parameter values were invalid: Cannot update attribute r. This attribute is "
     "part of "
     "the key"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'SET x = y'}",
     "The provided expression refers to an attribute that does not exist in the item"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'SET x = :v'}",
     FRAME "Invalid UpdateExpression: An expression attribute value used in expression is not "
           "defined; "
           "attribute value: :v"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'SET x = :v',"
     "'ExpressionAttributeValues':{':v':{'N':'1'},':w':{'N':'1'}}}",
     FRAME "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'SET x = :v',"
     "'ExpressionAttributeValues':{':v':{'N':'x'}}}",
     FRAME
     "ExpressionAttributeValues contains invalid value: The parameter cannot be converted to a "
     "numeric value: x for key :v"},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'ExpressionAttributeNames':{'#a':'b'}}",
     "ExpressionAttributeNames can only be specified when using expressions"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'S':'a'}},'ExpressionAttributeValues':{':v':{'S':'b'}}}",
     FRAME "ExpressionAttributeValues can only be specified when using expressions: "
           "ConditionExpression is "
           "null"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'ExpressionAttributeValues':{':v':{'S':'b'}}}",
     FRAME
     "ExpressionAttributeValues can only be specified when using expressions: UpdateExpression "
     "and "
     "ConditionExpression are null"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'S':'a'}},'ConditionExpression':'h = :v',"
     "'ExpressionAttributeValues':{}}",
     FRAME "ExpressionAttributeValues must not be empty"},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'ProjectionExpression':'#a',"
     "'ExpressionAttributeNames':{'a':'b'}}",
     "ExpressionAttributeNames contains invalid key: Syntax error; key: \"a\""},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'ProjectionExpression':'#a',"
     "'ExpressionAttributeNames':{'#a':''}}",
     "ExpressionAttributeNames contains invalid value: Empty attribute name for key #a"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'S':'a'}},'Expected':{'h':{'Exists':false}},"
     "'ConditionExpression':'attribute_not_exists(h)'}",
     FRAME "Can not use both expression and non-expression parameters in the same request: "
           "Non-expression "
           "parameters: {Expected} Expression parameters: {ConditionExpression}"},
    {"GetItem",
     "{'TableName':'hash','Key':{'h':{'S':'a'}},'ProjectionExpression':'h.x'}",
     "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
     "allowed: "
     "Key: h"},
};

/* What a request alone tells to be wrong is said in DynamoDB's words. */
static void test_validation_words(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_create_full(&r);
    for (size_t i = 0; i < sizeof item_refusals / sizeof item_refusals[0]; i++) {
        rig_invalid(&r, item_refusals[i].op, item_refusals[i].body, item_refusals[i].message);
    }
    rig_refused(
        &r,
        "GetItem",
        "{'TableName':'nothere','Key':{'h':{'S':'a'}}}",
        "ResourceNotFoundException",
        "Requested resource not found");
    rig_close(&r);
}

/* Key values at the length limit are taken, longer ones refused; so are items over 400 KB. */
static void test_sizes(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    char *body = malloc(500 * 1024);
    char *fill = malloc(450 * 1024);
    memset(fill, 'x', 450 * 1024);
    for (int len = 2048; len <= 2049; len++) {
        (void)snprintf(
            body, 500 * 1024, "{'TableName':'hash','Item':{'h':{'S':'%.*s'}}}", len, fill);
        if (len == 2048) {
            rig_ok(&r, "PutItem", body, "{}");
        } else {
            rig_invalid(
                &r,
                "PutItem",
                body,
                "One or more parameter values were invalid: Size of hashkey has exceeded the "
                "maximum "
                "size limit of2048 bytes");
        }
    }
    (void)snprintf(
        body,
        500 * 1024,
        "{'TableName':'hash','Item':{'h':{'S':'a'},'x':{'S':'%.*s'}}}",
        400 * 1024,
        fill);
    rig_invalid(&r, "PutItem", body, "Item size has exceeded the maximum allowed size");
    (void)snprintf(
        body,
        500 * 1024,
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'UpdateExpression':'SET x = :v, y = :v',"
        "'ExpressionAttributeValues':{':v':{'S':'%.*s'}}}",
        300 * 1024,
        fill);
    rig_invalid(
        &r, "UpdateItem", body, "Item size to update has exceeded the maximum allowed size");
    free(fill);
    free(body);
    rig_close(&r);
}

/* Bodies that are no JSON objects, unknown operations, refused calls and engine faults get
 * DynamoDB's names. */
static void test_outer_faults(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    static const char *const bodies[] = {"", "{", "[]", "1", "{}x", "{'TableName'"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(rig_send_bytes(&r, "GetItem", unquoted(&r.mem, bodies[i])), 400);
        assert_true(bytes_eq_str(
            r.last_body, "{\"__type\":\"com.amazon.coral.service#SerializationException\"}"));
    }
    assert_int_equal(rig_send(&r, "NoSuchThing", "{}"), 400);
    assert_true(bytes_eq_str(
        r.last_body, "{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"}"));
    dynamo_refuse(r.d, &r.call, ERR_BUSY);
    assert_int_equal(r.call.answer.status, 400);
    assert_true(bytes_eq_str(r.call.error_name, "ThrottlingException"));
    engine_mem_fail_write(r.engine, 1, /* for_ever= */ false, /* applied= */ false);
    assert_int_equal(
        rig_send(&r, "PutItem", "{\"TableName\":\"hash\",\"Item\":{\"h\":{\"S\":\"a\"}}}"), 500);
    assert_true(bytes_eq_str(r.call.error_name, "InternalServerError"));
    assert_int_equal(
        rig_send(&r, "PutItem", "{\"TableName\":\"hash\",\"Item\":{\"h\":{\"S\":\"a\"}}}"), 503);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_answer_headers),
        cmocka_unit_test(test_projection_and_capacity),
        cmocka_unit_test(test_return_values),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_index_capacity_and_metrics),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_validation_words),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_outer_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
