/* Operations on tables: what is refused in which words, what answers say, and that changes are
 * made. */
#include "front/dynamo/test_util.h"

#define KEY_A "'KeySchema':[{'AttributeName':'a','KeyType':'HASH'}]"
#define KEY_AB \
    "'KeySchema':[{'AttributeName':'a','KeyType':'HASH'},{'AttributeName':'b','KeyType':'RANGE'}]"
#define ATTR_A "'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'}]"
#define ATTR_AB                                                                                \
    "'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'},{'AttributeName':'b','" \
    "AttributeType':'N'}]"
#define UNITS     "'ProvisionedThroughput':{'ReadCapacityUnits':5,'WriteCapacityUnits':6}"
#define ON_DEMAND "'BillingMode':'PAY_PER_REQUEST'"
#define INVALID   "One or more parameter values were invalid: "

/* Expects a piece of the last answer. */
static void has(struct rig *r, const char *piece)
{
    struct bytes want = unquoted(&r->mem, piece);
    if (!bytes_contains(r->last_body, want)) {
        fail_msg("no %s in %.*s", piece, BYTES_FMT(r->last_body));
    }
}

static void lacks(struct rig *r, const char *piece)
{
    struct bytes want = unquoted(&r->mem, piece);
    if (bytes_contains(r->last_body, want)) {
        fail_msg("%s in %.*s", piece, BYTES_FMT(r->last_body));
    }
}

static void ok(struct rig *r, const char *op, const char *body)
{
    unsigned status = rig_send_bytes(r, op, unquoted(&r->mem, body));
    if (status != 200) {
        fail_msg("%s %s answered %u %.*s", op, body, status, BYTES_FMT(r->last_body));
    }
}

struct refusal {
    const char *body;
    const char *message;
};

static void all_invalid(struct rig *r, const char *op, const struct refusal *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_invalid(r, op, list[i].body, list[i].message);
    }
}

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
#define HASH(name)  "{'AttributeName':'" name "','KeyType':'HASH'}"
#define RANGE(name) "{'AttributeName':'" name "','KeyType':'RANGE'}"
#define ALL         "'ProjectionType':'ALL'"

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

#define UPDATE(what) "{'TableName':'abc'," what "}"
#define ENABLE       "'StreamSpecification':{'StreamEnabled':true,'StreamViewType':'KEYS_ONLY'}"
#define DISABLE      "'StreamSpecification':{'StreamEnabled':false}"
#define INDEX(what)  "'GlobalSecondaryIndexUpdates':[" what "]"

/* What UpdateTable refuses before and after it looks at the table. */
static void test_update_misfits(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    static const struct refusal list[] = {
        {UPDATE(ATTR_A),
         "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
         "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, MultiAccountReplicaReady, "
         "ReplicaTransitRoleArn, MultiRegionConsistency, DeletionProtectionEnabled, "
         "OnDemandThroughput, WarmThroughput or TableClass is required"},
        {UPDATE("'BillingMode':'PROVISIONED'"),
         INVALID "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"},
        {UPDATE(ON_DEMAND "," UNITS),
         INVALID "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                 "BillingMode is PAY_PER_REQUEST"},
        {UPDATE(UNITS),
         "The provisioned throughput for the table will not change. The requested value equals the "
         "current value. Current ReadCapacityUnits provisioned for the table: 5. Requested "
         "ReadCapacityUnits: 5. Current WriteCapacityUnits provisioned for the table: 6. Requested "
         "WriteCapacityUnits: 6. Refer to the Amazon DynamoDB Developer Guide for current limits "
         "and how to request higher limits."},
        {UPDATE(UNITS "," ENABLE),
         INVALID "You cannot modify stream status while updating table IOPS"},
        {UPDATE("'DeletionProtectionEnabled':true," UNITS),
         INVALID "DeletionProtection modification must be the only operation in the request"},
        {UPDATE("'TableClass':'STANDARD'," ENABLE),
         INVALID "TableClass modification must be the only operation in the request"},
        {UPDATE("'StreamSpecification':{'StreamEnabled':true}"),
         INVALID "If stream is being enabled then UpdateViewType is required"},
        {UPDATE(DISABLE), "Table has no stream to disable: TableName: abc"},
        {UPDATE(INDEX("") ",'StreamSpecification':{'StreamEnabled':false}"),
         INVALID "List of GlobalSecondaryIndexUpdates is empty"},
        {UPDATE(INDEX("{}")),
         INVALID "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
                 "GlobalSecondaryIndexUpdate.Delete must not be null"},
        {UPDATE(INDEX("{'Create':{'IndexName':'glo','KeySchema':[" HASH(
             "z") "],'Projection':{" ALL "}," UNITS "}}") "," ATTR_A),
         INVALID "Some index key attributes are not defined in AttributeDefinitions. Keys: [z], "
                 "AttributeDefinitions: [a]"},
        {UPDATE(INDEX("{'Create':{'IndexName':'glo','KeySchema':[" HASH("a") "],'Projection':{" ALL
                                                                             "}}}")),
         INVALID "AttributeDefinitions is not specified for index: glo"},
        {UPDATE(INDEX("{'Create':{'IndexName':'glo','KeySchema':[" HASH("a") "],'Projection':{" ALL
                                                                             "}}}") "," ATTR_A),
         INVALID "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: glo"},
        {UPDATE("'ReplicaUpdates':[{'Create':{'RegionName':'eu-west-1'}}]"),
         "Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, "
         "DeleteTable, or UpdateTable as required."},
        {UPDATE("'ReplicaUpdates':[{}]"),
         "There are no actions specified in the Replica Update Action of the request."},
        {UPDATE("'ReplicaUpdates':[{'Create':{'RegionName':'x'}}]," UNITS),
         INVALID "Requests that modify replicas or witnesses must not also modify other fields"},
        {UPDATE("'ReplicaUpdates':[{'Delete':{'RegionName':'x'}}]"),
         "Update global table operation failed because one or more replicas were not part of the "
         "global table. Please retry the request without these replicas: [x]."},
        {UPDATE("'SSESpecification':{'Enabled':false}"),
         INVALID "Table is already encrypted by default"},
        {UPDATE("'WarmThroughput':{}"),
         INVALID "WarmThroughput must specify ReadUnitsPerSecond, WriteUnitsPerSecond, or both"},
    };
    all_invalid(&r, "UpdateTable", list, sizeof list / sizeof list[0]);
    rig_close(&r);
}

/* How regions agree is said with replicas only. */
static void test_update_consistency(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    static const struct refusal list[] = {
        {UPDATE("'DeletionProtectionEnabled':false,'MultiRegionConsistency':'STRONG'"),
         INVALID "MultiRegionConsistency STRONG is not supported by this server"},
        {UPDATE("'DeletionProtectionEnabled':false,'MultiRegionConsistency':'EVENTUAL'"),
         "Only Replica Create actions are supported when MultiRegionConsistency parameter is "
         "provided."},
        {UPDATE("'DeletionProtectionEnabled':false,'GlobalTableWitnessUpdates':[{'Create':"
                "{'RegionName':'x'}}]"),
         "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter is "
         "present."},
    };
    all_invalid(&r, "UpdateTable", list, sizeof list / sizeof list[0]);
    rig_close(&r);
}

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

/* The refusals of UpdateTable that have a name of their own. */
static void test_update_refusals(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    rig_refused(
        &r,
        "UpdateTable",
        UPDATE(INDEX("{'Delete':{'IndexName':'glo'}}")),
        "ResourceNotFoundException",
        "Requested resource not found: Index glo for table abc");
    rig_refused(
        &r,
        "UpdateTable",
        UPDATE(INDEX("{'Delete':{'IndexName':'glo'}},{'Delete':{'IndexName':'gla'}}")),
        "LimitExceededException",
        "Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously "
        "per table");
    rig_refused(
        &r,
        "UpdateTable",
        "{'TableName':'other'," UNITS "}",
        "ResourceNotFoundException",
        "Requested resource not found: Table: other not found");
    rig_close(&r);
}

/* Throughput goes up and down and is remembered; billing changes both ways; streams go on and off.
 */
static void test_update_settings(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    r.now_ms += 1000;
    ok(&r,
       "UpdateTable",
       UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':9,'WriteCapacityUnits':2}"));
    has(&r, "'TableStatus':'UPDATING'");
    has(&r, "'LastIncreaseDateTime':1700000001.000,'LastDecreaseDateTime':1700000001.000");
    has(&r, "'NumberOfDecreasesToday':0,'ReadCapacityUnits':5,'WriteCapacityUnits':6}");
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    has(&r, "'TableStatus':'ACTIVE'");
    has(&r,
        "'ProvisionedThroughput':{'LastIncreaseDateTime':1700000001.000,'LastDecreaseDateTime':"
        "1700000001.000,'NumberOfDecreasesToday':1,'ReadCapacityUnits':9,"
        "'WriteCapacityUnits':2}");
    r.now_ms += 24 * 3600 * 1000;
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    has(&r, "'NumberOfDecreasesToday':0");
    ok(&r, "UpdateTable", UPDATE(ON_DEMAND));
    has(&r, "'BillingModeSummary':{'BillingMode':'PAY_PER_REQUEST'}");
    has(&r, "'ReadCapacityUnits':0,'WriteCapacityUnits':0");
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    has(&r,
        "'BillingModeSummary':{'BillingMode':'PAY_PER_REQUEST',"
        "'LastUpdateToPayPerRequestDateTime':1700086401.000}");
    r.now_ms += 1000;
    ok(&r, "UpdateTable", UPDATE("'BillingMode':'PROVISIONED'," UNITS));
    has(&r,
        "'BillingModeSummary':{'BillingMode':'PROVISIONED',"
        "'LastUpdateToPayPerRequestDateTime':1700086401.000}");
    ok(&r, "UpdateTable", UPDATE(ENABLE));
    has(&r, "'StreamViewType':'KEYS_ONLY'");
    has(&r, "'LatestStreamLabel':'2023-11-15T22:13:22.000'");
    rig_invalid(
        &r, "UpdateTable", UPDATE(ENABLE), "Table already has an enabled stream: TableName: abc");
    ok(&r, "UpdateTable", UPDATE(DISABLE));
    lacks(&r, "StreamSpecification");
    has(&r, "'LatestStreamLabel':'2023-11-15T22:13:22.000'");
    ok(&r, "UpdateTable", UPDATE("'TableClass':'STANDARD_INFREQUENT_ACCESS'"));
    has(&r,
        "'TableClassSummary':{'TableClass':'STANDARD_INFREQUENT_ACCESS','LastUpdateDateTime':"
        "1700086402.000}");
    rig_close(&r);
}

/* Throughput goes down four times a day and then once an hour; up it goes as often as is liked. */
static void test_decreases(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    static const char *const down[] = {
        UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':4,'WriteCapacityUnits':5}"),
        UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':3,'WriteCapacityUnits':5}"),
        UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':3,'WriteCapacityUnits':4}"),
        UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':2,'WriteCapacityUnits':9}"),
    };
    for (size_t i = 0; i < sizeof down / sizeof down[0]; i++) {
        ok(&r, "UpdateTable", down[i]);
        ok(&r, "DescribeTable", "{'TableName':'abc'}");
    }
    has(&r, "'NumberOfDecreasesToday':4");
    const char *fifth = UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':1,"
                               "'WriteCapacityUnits':9}");
    rig_refused(
        &r,
        "UpdateTable",
        fifth,
        "LimitExceededException",
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given "
        "UTC day. After the first 4 decreases, each subsequent decrease in the same UTC day can be "
        "performed at most once every 3600 seconds. Number of decreases today: 4. Last decrease at "
        "Tuesday, November 14, 2023 at 10:13:20 PM Coordinated Universal Time. Next decrease can "
        "be made at Tuesday, November 14, 2023 at 11:13:20 PM Coordinated Universal Time");
    ok(&r,
       "UpdateTable",
       UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':20,'WriteCapacityUnits':20}"));
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    r.now_ms += 3600 * 1000;
    ok(&r, "UpdateTable", fifth);
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    r.now_ms += 2400 * 1000;
    const char *sixth = UPDATE("'ProvisionedThroughput':{'ReadCapacityUnits':1,"
                               "'WriteCapacityUnits':8}");
    (void)rig_send_bytes(&r, "UpdateTable", unquoted(&r.mem, sixth));
    has(&r, "Next decrease can be made at Wednesday, November 15, 2023 at 12:00:00 AM");
    r.now_ms += 480 * 1000;
    ok(&r, "UpdateTable", sixth);
    rig_close(&r);
}

/* An index that is added is filled from what is there, gets new throughput, and goes. */
static void test_update_indexes(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    ok(&r, "CreateTable", "{'TableName':'abc'," ATTR_A "," KEY_A "," UNITS "}");
    ok(&r, "PutItem", "{'TableName':'abc','Item':{'a':{'S':'x'},'z':{'N':'4'}}}");
    const char *create =
        UPDATE("'AttributeDefinitions':[{'AttributeName':'z','AttributeType':'N'}]," INDEX(
            "{'Create':{'IndexName':'glo','KeySchema':[" HASH("z") "],'Projection':{" ALL "}," UNITS
                                                                   "}}"));
    ok(&r, "UpdateTable", create);
    has(&r, "'IndexStatus':'CREATING','Backfilling':");
    has(&r,
        "'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'},"
        "{'AttributeName':'z','AttributeType':'N'}]");
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    has(&r, "'IndexStatus':'ACTIVE'");
    has(&r,
        "'ItemCount':1,'IndexArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/abc/index/glo'");
    ok(&r,
       "Query",
       "{'TableName':'abc','IndexName':'glo','KeyConditionExpression':'z = :z',"
       "'ExpressionAttributeValues':{':z':{'N':'4'}}}");
    has(&r, "'Count':1");
    rig_invalid(&r, "UpdateTable", create, "Attempting to create an index which already exists");
    ok(&r,
       "UpdateTable",
       UPDATE(INDEX("{'Update':{'IndexName':'glo','ProvisionedThroughput':{'ReadCapacityUnits':1,"
                    "'WriteCapacityUnits':1}}}")));
    has(&r, "'IndexStatus':'UPDATING'");
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    has(&r, "'NumberOfDecreasesToday':1,'ReadCapacityUnits':1,'WriteCapacityUnits':1");
    rig_invalid(
        &r,
        "UpdateTable",
        UPDATE(INDEX("{'Create':{'IndexName':'glp','KeySchema':[" HASH(
            "z") "],'Projection':{" ALL "}," UNITS
                 "}}") ",'AttributeDefinitions':[{'AttributeName':'z',"
                       "'AttributeType':'S'}]"),
        INVALID "Attributes cannot be redefined. Please check that your attribute has the same "
                "type as previously defined. Existing schema: Schema:[SchemaElement: "
                "key{z:N:HASH}] New schema: Schema:[SchemaElement: key{z:S:HASH}]");
    ok(&r, "UpdateTable", UPDATE(ON_DEMAND));
    rig_invalid(
        &r,
        "UpdateTable",
        UPDATE("'BillingMode':'PROVISIONED'," UNITS),
        INVALID "ProvisionedThroughput must be specified for index: glo");
    ok(&r, "UpdateTable", UPDATE(INDEX("{'Delete':{'IndexName':'glo'}}")));
    has(&r, "'IndexStatus':'DELETING'");
    ok(&r, "DescribeTable", "{'TableName':'abc'}");
    lacks(&r, "GlobalSecondaryIndexes");
    lacks(&r, "'AttributeName':'z'");
    rig_close(&r);
}

#define ARN "'ResourceArn':'arn:aws:dynamodb:eu-west-1:000000000000:table/abc'"

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
        cmocka_unit_test(test_update_misfits),
        cmocka_unit_test(test_update_consistency),
        cmocka_unit_test(test_arns),
        cmocka_unit_test(test_update_refusals),
        cmocka_unit_test(test_update_settings),
        cmocka_unit_test(test_decreases),
        cmocka_unit_test(test_update_indexes),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_time_to_live),
        cmocka_unit_test(test_honest_answers),
        cmocka_unit_test(test_list_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
