/* The order of faults: JSON types, constraints, parameters that do not go together, values,
 * expressions, the table. */
#include "front/dynamo/test_util.h"

struct fault {
    const char *op;
    const char *body;
    const char *message;
};

/* Each of these bodies has other faults too, which would be found first by who reads it in the
 * order of its meaning. */
static const struct fault type_faults[] = {
    {"PutItem",
     "{'TableName':'','Item':{'h':{'L':[{},{'S':1}]}}}",
     "NUMBER_VALUE cannot be converted to String"},
    {"PutItem",
     "{'Expected':{'a':{'Value':[]}},'ConditionExpression':'x'}",
     "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"},
    {"UpdateItem",
     "{'AttributeUpdates':{'a':1},'UpdateExpression':'x'}",
     "Unexpected value type in payload"},
    {"UpdateItem",
     "{'TableName':'a;b','Key':{'h':{'B':'abc'}}}",
     "Base64 encoded length is expected a multiple of 4 bytes but found: 3"},
    {"Query", "{'QueryFilter':'a','KeyConditionExpression':'x'}", "Unexpected field type"},
    {"Query",
     "{'TableName':'nowhere','ExpressionAttributeValues':{':a':''}}",
     "Unexpected value type in payload"},
    {"Scan", "{'Limit':0,'TotalSegments':'1'}", "STRING_VALUE cannot be converted to Integer"},
    {"BatchGetItem",
     "{'RequestItems':{'t':{'Keys':[1]}}}",
     "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class "
     "java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and "
     "java.lang.Class are in module java.base of loader 'bootstrap')"},
    {"BatchWriteItem",
     "{'RequestItems':[]}",
     "Unrecognized collection type java.util.Map<java.lang.String, "
     "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>>"},
    {"BatchWriteItem", "{'RequestItems':{'t':[{'PutRequest':'a'}]}}", "Unexpected field type"},
    {"CreateTable",
     "{'ProvisionedThroughput':{'ReadCapacityUnits':true}}",
     "TRUE_VALUE cannot be converted to Long"},
    {"CreateTable",
     "{'TableName':'a','KeySchema':[[]]}",
     "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.KeySchemaElement"},
    {"CreateTable",
     "{'TableName':'a','DeletionProtectionEnabled':{}}",
     "Start of structure or map found where not expected"},
};

static const struct fault order_faults[] = {
    {"Query",
     "{'TableName':'nowhere','KeyConditionExpression':'h = :h','QueryFilter':{'a':{}}}",
     "1 validation error detected: Value null at 'queryFilter.a.member.comparisonOperator' failed "
     "to satisfy constraint: Member must not be null"},
    {"PutItem",
     "{'TableName':'hash','Item':{'h':{'S':'a'}},'ConditionExpression':'a','Expected':{'a':"
     "{'ComparisonOperator':'ab'}}}",
     "1 validation error detected: Value 'ab' at 'expected.a.member.comparisonOperator' failed to "
     "satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, "
     "NOT_CONTAINS, "
     "EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]"},
    {"Scan",
     "{'TableName':'hash','FilterExpression':'a','AttributesToGet':[],'Limit':0}",
     "2 validation errors detected: Value '0' at 'limit' failed to satisfy constraint: Member must "
     "have value greater than or equal to 1; Value '[]' at 'attributesToGet' failed to satisfy "
     "constraint: Member must have length greater than or equal to 1"},
    {"UpdateItem",
     "{'TableName':'hash','Key':{'h':{}},'AttributeUpdates':{'a':{'Action':'GET'}}}",
     "1 validation error detected: Value 'GET' at 'attributeUpdates.a.member.action' failed to "
     "satisfy constraint: Member must satisfy enum value set: [ADD, DELETE, PUT]"},
    {"Query",
     "{'TableName':'hash','QueryFilter':{'a':{'ComparisonOperator':'LE','AttributeValueList':"
     "[{'M':{}}]}}}",
     "One or more parameter values were invalid: ComparisonOperator LE is not valid for M "
     "AttributeValue type"},
    {"Query",
     "{'TableName':'hash','KeyConditionExpression':'h > :h','ExpressionAttributeValues':"
     "{':h':{'S':'a'},':v':{'S':'a'}}}",
     "Value provided in ExpressionAttributeValues unused in expressions: keys: {:v}"},
    {"Query",
     "{'TableName':'nowhere','KeyConditionExpression':'NOT h = :h','ExpressionAttributeValues':"
     "{':h':{'S':'a'}}}",
     "Invalid operator used in KeyConditionExpression: NOT"},
    {"Query",
     "{'TableName':'nowhere','KeyConditionExpression':'h = :h','FilterExpression':'((a = :h))',"
     "'ExpressionAttributeValues':{':h':{'S':'a'}}}",
     "Invalid FilterExpression: The expression has redundant parentheses;"},
};

/* A wrong JSON type is told before anything else that is wrong, wherever it stands. */
static void test_types_come_first(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    for (size_t i = 0; i < sizeof type_faults / sizeof type_faults[0]; i++) {
        const struct fault *f = &type_faults[i];
        rig_refused(&r, f->op, f->body, "SerializationException", f->message);
    }
    rig_close(&r);
}

/* Constraints come before mixtures, mixtures before values and expressions, these before what the
 * table says. */
static void test_order(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    for (size_t i = 0; i < sizeof order_faults / sizeof order_faults[0]; i++) {
        const struct fault *f = &order_faults[i];
        rig_refused(&r, f->op, f->body, "ValidationException", f->message);
    }
    rig_close(&r);
}

/* A body without a wrong type is left to its operation: members that the API does not know may
 * be anything. */
static void test_unknown_members(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    rig_ok(&r, "GetItem", "{'TableName':'hash','Key':{'h':{'S':'a'}},'Whatever':[1]}", "{}");
    rig_refused(
        &r,
        "GetItem",
        "{'TableName':'hash','Key':{'h':{'N':'1'}},'Whatever':[1]}",
        "ValidationException",
        "The provided key element does not match the schema");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_come_first),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_unknown_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
