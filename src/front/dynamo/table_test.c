/* Operations on tables: what is refused in which words, what answers say, and that tables are made
 * and go; tags, time to live, lists. */
#include "front/dynamo/test_tables.h"

/* A table is CREATING in its own answer, complete and ACTIVE in the next, and cannot be made twice.
 */
static void test_create_describe_delete(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'t.1'," KEY_AB "," ATTR_AB "," UNITS "}");
    has(&r,
        "{'TableDescription':{'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'},"
        "{'AttributeName':'b','AttributeType':'N'}],'TableName':'t.1'," KEY_AB
        ",'TableStatus':'CREATING','CreationDateTime':1700000000.000,");
    ok(&r, "PutItem", "{'TableName':'t.1','Item':{'a':{'S':'x'},'b':{'N':'1'}}}");
    ok(&r, "DescribeTable", "{'TableName':'t.1'}");
    has(&r, "{'Table':{");
    has(&r, "'TableStatus':'ACTIVE'");
    has(&r,
        "'ProvisionedThroughput':{'NumberOfDecreasesToday':0,'ReadCapacityUnits':5,"
        "'WriteCapacityUnits':6},'TableSizeBytes':5,'ItemCount':1,"
        "'TableArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1','TableId':'");
    has(&r, "'DeletionProtectionEnabled':false");
    lacks(&r, "BillingModeSummary");
    lacks(&r, "Stream");
    lacks(&r, "Replicas");
    rig_refused(
        &r,
        "CreateTable",
        "{'TableName':'t.1'," KEY_A "," ATTR_A "," UNITS "}",
        "ResourceInUseException",
        "Table already exists: t.1");
    ok(&r, "DescribeTable", "{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1'}");
    rig_invalid(
        &r,
        "DescribeTable",
        "{'TableName':'arn:aws:dynamodb:us-east-2:000000000000:table/t.1'}",
        "1 validation error detected: Invalid AWS region in "
        "'arn:aws:dynamodb:us-east-2:000000000000:table/t.1'");
    ok(&r, "DeleteTable", "{'TableName':'t.1'}");
    has(&r,
        "'TableDescription':{'TableName':'t.1','TableStatus':'DELETING','ProvisionedThroughput':");
    has(&r, "'ItemCount':1,'TableArn':");
    lacks(&r, "KeySchema");
    lacks(&r, "AttributeDefinitions");
    lacks(&r, "CreationDateTime");
    rig_refused(
        &r,
        "DescribeTable",
        "{'TableName':'t.1'}",
        "ResourceNotFoundException",
        "Requested resource not found: Table: t.1 not found");
    rig_refused(
        &r,
        "DeleteTable",
        "{'TableName':'t.1'}",
        "ResourceNotFoundException",
        "Requested resource not found: Table: t.1 not found");
    rig_close(&r);
}

/* Everything a table can have is shown as it was asked for. */
static void test_create_with_everything(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r,
       "CreateTable",
       "{'TableName':'all'," KEY_AB ",'AttributeDefinitions':[{'AttributeName':'a','AttributeType':"
       "'S'},{'AttributeName':'b','AttributeType':'N'},{'AttributeName':'c','AttributeType':'B'}]"
       "," ON_DEMAND
       ",'LocalSecondaryIndexes':[{'IndexName':'loc','KeySchema':[{'AttributeName':'a',"
       "'KeyType':'HASH'},{'AttributeName':'c','KeyType':'RANGE'}],'Projection':{'ProjectionType':"
       "'INCLUDE','NonKeyAttributes':['x','y']}}],'GlobalSecondaryIndexes':[{'IndexName':'glo',"
       "'KeySchema':[{'AttributeName':'c','KeyType':'HASH'}],'Projection':{'ProjectionType':"
       "'KEYS_ONLY'}}],'StreamSpecification':{'StreamEnabled':true,'StreamViewType':'NEW_IMAGE'},"
       "'TableClass':'STANDARD_INFREQUENT_ACCESS','DeletionProtectionEnabled':true,"
       "'Tags':[{'Key':'k','Value':'v'}]}");
    has(&r, "'IndexStatus':'CREATING'");
    ok(&r, "PutItem", "{'TableName':'all','Item':{'a':{'S':'x'},'b':{'N':'1'},'c':{'B':'AAEC'}}}");
    ok(&r, "PutItem", "{'TableName':'all','Item':{'a':{'S':'x'},'b':{'N':'2'}}}");
    ok(&r, "DescribeTable", "{'TableName':'all'}");
    has(&r,
        "'BillingModeSummary':{'BillingMode':'PAY_PER_REQUEST',"
        "'LastUpdateToPayPerRequestDateTime':1700000000.000}");
    has(&r,
        "'LocalSecondaryIndexes':[{'IndexName':'loc','KeySchema':[{'AttributeName':'a',"
        "'KeyType':'HASH'},{'AttributeName':'c','KeyType':'RANGE'}],'Projection':"
        "{'ProjectionType':'INCLUDE','NonKeyAttributes':['x','y']},'IndexSizeBytes':9,"
        "'ItemCount':1,'IndexArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/all/index/loc'}]");
    has(&r, "'GlobalSecondaryIndexes':[{'IndexName':'glo',");
    has(&r,
        "'IndexStatus':'ACTIVE','ProvisionedThroughput':{'NumberOfDecreasesToday':0,"
        "'ReadCapacityUnits':0,'WriteCapacityUnits':0}");
    has(&r,
        "'StreamSpecification':{'StreamEnabled':true,'StreamViewType':'NEW_IMAGE'},"
        "'LatestStreamLabel':'2023-11-14T22:13:20.000','LatestStreamArn':"
        "'arn:aws:dynamodb:eu-west-1:000000000000:table/all/stream/2023-11-14T22:13:20.000'");
    has(&r, "'TableClassSummary':{'TableClass':'STANDARD_INFREQUENT_ACCESS'}");
    has(&r, "'DeletionProtectionEnabled':true");
    rig_invalid(
        &r,
        "DeleteTable",
        "{'TableName':'all'}",
        "Resource cannot be deleted as it is currently protected against deletion. Disable "
        "deletion protection first.");
    ok(&r, "UpdateTable", "{'TableName':'all','DeletionProtectionEnabled':false}");
    ok(&r, "DeleteTable", "{'TableName':'all'}");
    rig_close(&r);
}

/* Constraints are reported together, in DynamoDB's order; ten at most. */
static void test_create_constraints(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_invalid(
        &r,
        "CreateTable",
        "{}",
        "The parameter 'TableName' is required but was not present in the request");
    rig_invalid(
        &r,
        "CreateTable",
        "{'TableName':'a;'}",
        "2 validation errors detected: Value 'a;' at 'tableName' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value 'a;' at "
        "'tableName' "
        "failed to satisfy constraint: Member must have length greater than or equal to 3");
    rig_invalid(
        &r,
        "CreateTable",
        "{'TableName':'abc;'}",
        "3 validation errors detected: Value null at 'attributeDefinitions' failed to satisfy "
        "constraint: Member must not be null; Value 'abc;' at 'tableName' failed to satisfy "
        "constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+; Value null "
        "at "
        "'keySchema' failed to satisfy constraint: Member must not be null");
    rig_invalid(
        &r,
        "CreateTable",
        "{'TableName':'abc','AttributeDefinitions':[],'KeySchema':[],'ProvisionedThroughput':"
        "{'ReadCapacityUnits':-1,'WriteCapacityUnits':-1}}",
        "3 validation errors detected: Value '-1' at 'provisionedThroughput.writeCapacityUnits' "
        "failed to satisfy constraint: Member must have value greater than or equal to 1; Value "
        "'-1' at 'provisionedThroughput.readCapacityUnits' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1; Value '[]' at 'keySchema' failed to satisfy "
        "constraint: Member must have length greater than or equal to 1");
    rig_invalid(
        &r,
        "CreateTable",
        "{'TableName':'abc','AttributeDefinitions':[{'AttributeName':'a','AttributeType':'SS'}],"
        "'KeySchema':[{'KeyType':'HASH'},{'AttributeName':'a','KeyType':'Woop'}]," UNITS "}",
        "3 validation errors detected: Value 'SS' at "
        "'attributeDefinitions.1.member.attributeType' failed to satisfy constraint: Member must "
        "satisfy enum value set: [B, N, S]; Value null at 'keySchema.1.member.attributeName' "
        "failed "
        "to satisfy constraint: Member must not be null; Value 'Woop' at "
        "'keySchema.2.member.keyType' failed to satisfy constraint: Member must satisfy enum value "
        "set: [HASH, RANGE]");
    rig_close(&r);
}

/* Constraints inside of indexes, ten faults at most, and wrong JSON types before all. */
static void test_create_index_constraints(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_invalid(
        &r,
        "CreateTable",
        "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'LocalSecondaryIndexes':[{'IndexName':"
        "'h;','KeySchema':[],'Projection':{'NonKeyAttributes':[],'ProjectionType':'abc'}}]}",
        "5 validation errors detected: Value 'h;' at 'localSecondaryIndexes.1.member.indexName' "
        "failed to satisfy constraint: Member must satisfy regular expression pattern: "
        "[a-zA-Z0-9_.-]+; Value 'h;' at 'localSecondaryIndexes.1.member.indexName' failed to "
        "satisfy constraint: Member must have length greater than or equal to 3; Value '[]' at "
        "'localSecondaryIndexes.1.member.keySchema' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1; Value 'abc' at "
        "'localSecondaryIndexes.1.member.projection.projectionType' failed to satisfy constraint: "
        "Member must satisfy enum value set: [ALL, INCLUDE, KEYS_ONLY]; Value '[]' at "
        "'localSecondaryIndexes.1.member.projection.nonKeyAttributes' failed to satisfy "
        "constraint: "
        "Member must have length greater than or equal to 1");
    unsigned status = rig_send_bytes(
        &r,
        "CreateTable",
        unquoted(
            &r.mem,
            "{'TableName':'abc'," ATTR_A "," KEY_A ",'GlobalSecondaryIndexes':"
            "[{},{},{},{},{},{}]}"));
    assert_int_equal(status, 400);
    has(&r, "10 validation errors detected: ");
    rig_refused(
        &r,
        "CreateTable",
        "{'TableName':'abc','KeySchema':{}}",
        "SerializationException",
        "Start of structure or map found where not expected");
    rig_refused(
        &r,
        "CreateTable",
        "{'TableName':'abc','KeySchema':['a']}",
        "SerializationException",
        "Unexpected value type in payload");
    rig_close(&r);
}

/* What does not fit together is refused in DynamoDB's words, the first fault only. */
static void test_create_misfits(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    static const struct refusal list[] = {
        {"{'TableName':'abc'," ATTR_A "," KEY_A "}",
         INVALID "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode "
                 "is PROVISIONED"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," ON_DEMAND "," UNITS "}",
         INVALID "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                 "BillingMode is PAY_PER_REQUEST"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A ",'ProvisionedThroughput':{'ReadCapacityUnits':"
         "1000000000001,'WriteCapacityUnits':1}}",
         "Given value 1000000000001 for ReadCapacityUnits is out of bounds"},
        {"{'TableName':'abc'," ATTR_A "," KEY_AB "," UNITS "}",
         "Invalid KeySchema: Some index key attribute have no definition"},
        {"{'TableName':'abc','AttributeDefinitions':[{'AttributeName':'b','AttributeType':'S'}]"
         "," KEY_A "," UNITS "}",
         INVALID "Some index key attributes are not defined in AttributeDefinitions. Keys: [a], "
                 "AttributeDefinitions: [b]"},
        {"{'TableName':'abc'," ATTR_AB ",'KeySchema':[{'AttributeName':'a','KeyType':'HASH'},"
         "{'AttributeName':'a','KeyType':'RANGE'}]," UNITS "}",
         "Both the Hash Key and the Range Key element in the KeySchema have the same name"},
        {"{'TableName':'abc'," ATTR_AB ",'KeySchema':[{'AttributeName':'a','KeyType':'RANGE'},"
         "{'AttributeName':'b','KeyType':'HASH'}]," UNITS "}",
         "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"},
        {"{'TableName':'abc'," ATTR_AB ",'KeySchema':[{'AttributeName':'a','KeyType':'HASH'},"
         "{'AttributeName':'b','KeyType':'HASH'}]," UNITS "}",
         "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type"},
        {"{'TableName':'abc'," ATTR_AB "," KEY_A "," UNITS "}",
         INVALID "Number of attributes in KeySchema does not exactly match number of attributes "
                 "defined in AttributeDefinitions"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'StreamSpecification':"
         "{'StreamEnabled':true}}",
         INVALID "Table is being created with a stream enabled, UpdateViewType is required"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'StreamSpecification':"
         "{'StreamEnabled':false,'StreamViewType':'KEYS_ONLY'}}",
         INVALID "Table is being created with a stream disabled, UpdateViewType should not be "
                 "specified"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'TableClass':'COLD'}",
         "Invalid table-class parameter provided. Please try again with a valid table-class value: "
         "[STANDARD, STANDARD_INFREQUENT_ACCESS]."},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'Tags':[{'Key':'aws:x','Value':''}]}",
         "Tag Key cannot be prefixed with aws:, Key: aws:x"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'SSESpecification':{'SSEType':'AES'}}",
         "1 validation error detected: Value 'AES' at 'sSESpecification.sSEType' failed to satisfy "
         "constraint: Member must satisfy enum value set: [AES256, KMS]"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'SSESpecification':{'Enabled':true,"
         "'SSEType':'AES256'}}",
         INVALID "SSEType AES256 is not supported"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'SSESpecification':{'Enabled':false,"
         "'SSEType':'KMS'}}",
         INVALID "SSEType can not be specified if Enabled is false"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'SSESpecification':{'Enabled':false,"
         "'KMSMasterKeyId':'k'}}",
         INVALID "KMSMasterKeyId can not be specified if Enabled is false"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'SSESpecification':{'Enabled':true,"
         "'KMSMasterKeyId':'k'}}",
         INVALID "SSEType KMS is required if KMSMasterKeyId is specified"},
    };
    all_invalid(&r, "CreateTable", list, sizeof list / sizeof list[0]);
    ok(&r, "ListTables", "{}");
    has(&r, "{'TableNames':[]}");
    rig_close(&r);
}

#define LOCAL(name, keys, projection)                                      \
    "{'TableName':'abc'," ATTR_AB "," KEY_AB "," UNITS                     \
    ",'LocalSecondaryIndexes':[{'IndexName':'" name "','KeySchema':[" keys \
    "],'Projection':{" projection "}}]}"
#define GLOBAL(billing, keys, projection, units)                                                   \
    "{'TableName':'abc'," ATTR_AB "," KEY_A "," billing ",'GlobalSecondaryIndexes':[{'IndexName':" \
    "'glo','KeySchema':[" keys "],'Projection':{" projection "}" units "}]}"

/* The same of indexes. */
static void test_create_index_misfits(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    static const struct refusal list[] = {
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'LocalSecondaryIndexes':[]}",
         INVALID "List of LocalSecondaryIndexes is empty"},
        {"{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS ",'LocalSecondaryIndexes':[{'IndexName':"
         "'loc','KeySchema':[" HASH("a") "],'Projection':{}}]}",
         INVALID "Table KeySchema does not have a range key, which is required when specifying a "
                 "LocalSecondaryIndex"},
        {LOCAL("loc", RANGE("c"), ALL),
         INVALID "Some index key attributes are not defined in AttributeDefinitions. Keys: [c], "
                 "AttributeDefinitions: [a, b]"},
        {LOCAL("loc", HASH("b"), ALL),
         INVALID "Index KeySchema does not have a range key for index: loc"},
        {LOCAL("loc", HASH("b") "," RANGE("a"), ALL),
         INVALID "Index KeySchema does not have the same leading hash key as table KeySchema for "
                 "index: loc. index hash key: b, table hash key: a"},
        {LOCAL("loc", HASH("a") "," RANGE("b"), ""), INVALID "Unknown ProjectionType: null"},
        {LOCAL("loc", HASH("a") "," RANGE("b"), ALL ",'NonKeyAttributes':['x']"),
         INVALID "ProjectionType is ALL, but NonKeyAttributes is specified"},
        {LOCAL("loc", HASH("a") "," RANGE("b"), "'ProjectionType':'INCLUDE'"),
         INVALID "ProjectionType is INCLUDE, but NonKeyAttributes is not specified"},
        {LOCAL(
             "loc",
             HASH("a") "," RANGE("b"),
             "'ProjectionType':'INCLUDE','NonKeyAttributes':['x','x']"),
         INVALID "Duplicate element in NonKeyAttributes: x"},
        {GLOBAL(UNITS, HASH("b"), ALL, ""),
         INVALID "ProvisionedThroughput is not specified for index: glo"},
        {GLOBAL(ON_DEMAND, HASH("b"), ALL, "," UNITS),
         INVALID "ProvisionedThroughput should not be specified for index: glo when BillingMode is "
                 "PAY_PER_REQUEST"},
        {GLOBAL(ON_DEMAND, HASH("a"), ALL, ""),
         INVALID "Some AttributeDefinitions are not used. AttributeDefinitions: [a, b], keys used: "
                 "[a]"},
        {"{'TableName':'abc'," ATTR_AB "," KEY_A "," ON_DEMAND ",'GlobalSecondaryIndexes':"
         "[{'IndexName':'glo','KeySchema':[" HASH(
             "b") "],'Projection':{" ALL "}},{'IndexName':'glo'"
                  ",'KeySchema':[" HASH("b") "],'Projection':{" ALL "}}]}",
         INVALID "Duplicate index name: glo"},
    };
    all_invalid(&r, "CreateTable", list, sizeof list / sizeof list[0]);
    rig_close(&r);
}

/* One index more than a table may have. */
static void test_create_too_many_indexes(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    static const struct {
        const char *field;
        unsigned n;
        const char *keys;
        const char *message;
    } rows[] = {
        {"LocalSecondaryIndexes",
         6,
         HASH("a") "," RANGE("b"),
         INVALID "Number of LocalSecondaryIndexes exceeds per-table limit of 5"},
        {"GlobalSecondaryIndexes",
         21,
         HASH("b"),
         INVALID "GlobalSecondaryIndex count exceeds the per-table limit of 20"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct buf b;
        buf_init(&b, 1 << 16);
        buf_putf(
            &b, "{'TableName':'abc',%s,%s,%s,'%s':[", ATTR_AB, KEY_AB, ON_DEMAND, rows[i].field);
        for (unsigned k = 0; k < rows[i].n; k++) {
            buf_putf(
                &b,
                "%s{'IndexName':'ix%u','KeySchema':[%s],'Projection':{%s}}",
                k == 0 ? "" : ",",
                k,
                rows[i].keys,
                ALL);
        }
        buf_put_str(&b, "]}");
        rig_invalid(&r, "CreateTable", bytes_cstr(&r.mem, buf_bytes(&b)), rows[i].message);
        buf_done(&b);
    }
    rig_close(&r);
}

#define ARN "'ResourceArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/abc'"

/* ARNs of what belongs to a table do not stand for the table. */
static void test_arns(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'t.1'," ATTR_A "," KEY_A "," UNITS "}");
    rig_invalid(
        &r,
        "DescribeTable",
        "{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1/index/x'}",
        "1 validation error detected: Invalid resource type in "
        "'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1/index/x'");
    rig_refused(
        &r,
        "GetItem",
        "{'TableName':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1/index/x',"
        "'Key':{'a':{'S':'x'}}}",
        "ResourceNotFoundException",
        "Requested resource not found");
    rig_invalid(
        &r,
        "ListTagsOfResource",
        "{'ResourceArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1/index/x'}",
        INVALID
        "Invalid resource arn provided, only table or stream is accepted. Provided resource "
        "arn: arn:aws:dynamodb:eu-west-1:000000000000:table/t.1/index/x");
    ok(&r,
       "ListTagsOfResource",
       "{'ResourceArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/t.1','NextToken':'x'}");
    rig_close(&r);
}

/* Tags are added, replaced, listed and removed, and survive other changes. */
static void test_tags(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    ok(&r, "TagResource", "{" ARN ",'Tags':[{'Key':'k','Value':'v'},{'Key':'l','Value':''}]}");
    assert_int_equal(r.last_body.len, 0);
    ok(&r, "TagResource", "{" ARN ",'Tags':[{'Key':'k','Value':'w'}]}");
    ok(&r, "UpdateTable", UPDATE(ON_DEMAND));
    rig_ok(
        &r,
        "ListTagsOfResource",
        "{" ARN "}",
        "{'Tags':[{'Key':'k','Value':'w'},{'Key':'l','Value':''}]}");
    ok(&r, "UntagResource", "{" ARN ",'TagKeys':['k','none']}");
    rig_ok(&r, "ListTagsOfResource", "{" ARN "}", "{'Tags':[{'Key':'l','Value':''}]}");
    rig_invalid(&r, "TagResource", "{}", "Invalid TableArn");
    rig_invalid(
        &r, "TagResource", "{" ARN ",'Tags':[]}", "Atleast one Tag needs to be provided as Input.");
    rig_invalid(
        &r,
        "TagResource",
        "{" ARN ",'Tags':[{'Key':'k','Value':'w'},{'Key':'k','Value':'w'}]}",
        "Duplicate Tag Keys provided as input: Duplicate Tag Key found k");
    rig_invalid(
        &r,
        "UntagResource",
        "{" ARN "}",
        "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member "
        "must not be null");
    rig_invalid(
        &r,
        "ListTagsOfResource",
        "{'ResourceArn':'arn:aws:dynamodb:us-east-1:000000000000:table/abc'}",
        "Invalid TableArn: Invalid ResourceArn provided as input "
        "arn:aws:dynamodb:us-east-1:000000000000:table/abc");
    rig_refused(
        &r,
        "ListTagsOfResource",
        "{'ResourceArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/none'}",
        "ResourceNotFoundException",
        "Requested resource not found: ResourceArn: "
        "arn:aws:dynamodb:eu-west-1:000000000000:table/none not found");
    rig_close(&r);
}

#define TTL(on, attr) "{'TableName':'abc','TimeToLiveSpecification':{" on attr "}}"

/* Time to live goes on and off with the attribute named, is told as it is, and refuses in
 * DynamoDB's words what changes nothing, names another attribute than the one in force, or none. */
static void test_time_to_live(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    const char *const update = "UpdateTimeToLive";
    const char *const off = "{'TimeToLiveDescription':{'TimeToLiveStatus':'DISABLED'}}";
    rig_ok(&r, "DescribeTimeToLive", "{'TableName':'abc'}", off);
    const char *const disable = TTL("'Enabled':false,", "'AttributeName':'t'");
    const char *const enable = TTL("'Enabled':true,", "'AttributeName':'t'");
    rig_invalid(&r, update, disable, "TimeToLive is already disabled");
    rig_ok(&r, update, enable, "{'TimeToLiveSpecification':{'Enabled':true,'AttributeName':'t'}}");
    rig_ok(
        &r,
        "DescribeTimeToLive",
        "{'TableName':'abc'}",
        "{'TimeToLiveDescription':{'TimeToLiveStatus':'ENABLED','AttributeName':'t'}}");
    rig_invalid(&r, update, enable, "TimeToLive is already enabled");
    const char *const other =
        "TimeToLive is active on a different AttributeName: current AttributeName is t";
    rig_invalid(&r, update, TTL("'Enabled':true,", "'AttributeName':'u'"), other);
    rig_invalid(&r, update, TTL("'Enabled':false,", "'AttributeName':'u'"), other);
    rig_ok(
        &r, update, disable, "{'TimeToLiveSpecification':{'Enabled':false,'AttributeName':'t'}}");
    rig_ok(&r, "DescribeTimeToLive", "{'TableName':'abc'}", off);
    rig_invalid(
        &r,
        update,
        TTL("'Enabled':true", ""),
        "1 validation error detected: Value null at 'timeToLiveSpecification.attributeName' failed "
        "to satisfy constraint: Member must not be null");
    rig_invalid(
        &r,
        update,
        TTL("", "'AttributeName':''"),
        "2 validation errors detected: Value null at 'timeToLiveSpecification.enabled' failed to "
        "satisfy constraint: Member must not be null; Value '' at "
        "'timeToLiveSpecification.attributeName' failed to satisfy constraint: Member must have "
        "length greater than or equal to 1");
    rig_invalid(
        &r,
        update,
        "{'TableName':'abc'}",
        "1 validation error detected: Value null at 'timeToLiveSpecification' failed to satisfy "
        "constraint: Member must not be null");
    rig_refused(
        &r,
        "DescribeTimeToLive",
        "{'TableName':'none'}",
        "ResourceNotFoundException",
        "Requested resource not found: Table: none not found");
    ok(&r,
       "UpdateContinuousBackups",
       "{'TableName':'abc','PointInTimeRecoverySpecification':{'PointInTimeRecoveryEnabled':true}"
       "}");
    ok(&r,
       "RestoreTableToPointInTime",
       "{'SourceTableName':'abc','TargetTableName':'filling','UseLatestRestorableTime':true}");
    rig_invalid(
        &r,
        "DescribeTimeToLive",
        "{'TableName':'filling'}",
        "Cannot describe time to live while table is in CREATING state: Current table state is "
        "CREATING");
    rig_close(&r);
}

/* What is not there says so, and limits and endpoints are told. */
static void test_honest_answers(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    rig_ok(
        &r,
        "DescribeContinuousBackups",
        "{'TableName':'abc'}",
        "{'ContinuousBackupsDescription':{'ContinuousBackupsStatus':'ENABLED',"
        "'PointInTimeRecoveryDescription':{'PointInTimeRecoveryStatus':'DISABLED'}}}");
    rig_refused(
        &r,
        "DescribeContinuousBackups",
        "{'TableName':'none'}",
        "TableNotFoundException",
        "Table not found: none");
    rig_ok(
        &r,
        "DescribeEndpoints",
        "{}",
        "{'Endpoints':[{'Address':'localhost','CachePeriodInMinutes':1440}]}");
    ok(&r, "DescribeLimits", "{}");
    has(&r, "'AccountMaxReadCapacityUnits':80000");
    rig_close(&r);
}

/* A page of names ends at the limit, and the last name goes on from there. */
static void test_list_pages(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    static const char *const names[] = {"bbb", "aaa", "ccc"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes body =
            bytes_fmt(&r.mem, "{'TableName':'%s',%s,%s,%s}", names[i], ATTR_A, KEY_A, ON_DEMAND);
        ok(&r, "CreateTable", bytes_cstr(&r.mem, body));
    }
    rig_ok(
        &r,
        "ListTables",
        "{'Limit':2}",
        "{'TableNames':['aaa','bbb'],'LastEvaluatedTableName':'bbb'}");
    rig_ok(&r, "ListTables", "{'ExclusiveStartTableName':'bbb'}", "{'TableNames':['ccc']}");
    rig_ok(&r, "ListTables", "{'Limit':3}", "{'TableNames':['aaa','bbb','ccc']}");
    rig_invalid(
        &r,
        "ListTables",
        "{'Limit':101}",
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: Member "
        "must have value less than or equal to 100");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_describe_delete),
        cmocka_unit_test(test_create_with_everything),
        cmocka_unit_test(test_create_constraints),
        cmocka_unit_test(test_create_index_constraints),
        cmocka_unit_test(test_create_misfits),
        cmocka_unit_test(test_create_index_misfits),
        cmocka_unit_test(test_create_too_many_indexes),
        cmocka_unit_test(test_arns),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_honest_answers),
        cmocka_unit_test(test_list_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
