/* UpdateTable: what is refused in which words, and that changes are made. */
#include "front/dynamo/test_tables.h"

#define ENABLE      "'StreamSpecification':{'StreamEnabled':true,'StreamViewType':'KEYS_ONLY'}"
#define DISABLE     "'StreamSpecification':{'StreamEnabled':false}"
#define INDEX(what) "'GlobalSecondaryIndexUpdates':[" what "]"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_update_misfits),
        cmocka_unit_test(test_update_consistency),
        cmocka_unit_test(test_update_refusals),
        cmocka_unit_test(test_update_settings),
        cmocka_unit_test(test_decreases),
        cmocka_unit_test(test_update_indexes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
