/* Global tables through the front, over two and three regions that exchange logs and seeds. */
#include "front/dynamo/test_regions.h"

#define FLIGHTS                                                                                  \
    "{'TableName':'flights','AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'N'}," \
    "{'AttributeName':'sk','AttributeType':'S'}],'KeySchema':[{'AttributeName':'pk','KeyType':"  \
    "'HASH'},{'AttributeName':'sk','KeyType':'RANGE'}],'ProvisionedThroughput':"                 \
    "{'ReadCapacityUnits':30,'WriteCapacityUnits':30}"
#define STREAM ",'StreamSpecification':{'StreamEnabled':true,'StreamViewType':'NEW_AND_OLD_IMAGES'}"
#define JOIN_US_EU \
    "{'GlobalTableName':'flights','ReplicationGroup':[{'RegionName':'us'},{'RegionName':'eu'}]}"

static void create_flights(struct regions *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        regions_ok(r, i, "CreateTable", FLIGHTS STREAM "}");
        regions_has(r, "'TableStatus':'CREATING'");
    }
}

/* Tables of two regions join: the answer says CREATING, and once the other region has joined both
 * regions say ACTIVE and items written in one are read in the other. */
static void test_global_table_joins_two_regions(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    create_flights(&r, 2);
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    assert_true(r.synced);
    regions_has(&r, "'GlobalTableStatus':'CREATING'");
    regions_has(&r, "'GlobalTableArn':'arn:aws:dynamodb::000000000000:global-table/flights'");
    regions_rest(&r);
    for (size_t i = 0; i < 2; i++) {
        regions_ok(&r, i, "DescribeGlobalTable", "{'GlobalTableName':'flights'}");
        regions_has(&r, "'GlobalTableStatus':'ACTIVE'");
        regions_has(&r, "{'RegionName':'eu','ReplicaStatus':'ACTIVE'}");
        regions_has(&r, "{'RegionName':'us','ReplicaStatus':'ACTIVE'}");
    }
    regions_ok(
        &r,
        0,
        "PutItem",
        "{'TableName':'flights','Item':{'pk':{'N':'7'},'sk':{'S':'x'},'seats':{'N':'12'}}}");
    regions_rest(&r);
    regions_ok(&r, 1, "GetItem", "{'TableName':'flights','Key':{'pk':{'N':'7'},'sk':{'S':'x'}}}");
    regions_has(&r, "'seats':{'N':'12'}");
    regions_ok(&r, 1, "DescribeTable", "{'TableName':'flights'}");
    regions_has(&r, "'ItemCount':1");
    regions_close(&r);
}

/* Each requirement that is not met is refused with DynamoDB's error, and changes nothing. */
static void test_global_table_requirements(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    regions_ok(&r, 0, "CreateTable", FLIGHTS STREAM "}");
    regions_refused(
        &r,
        0,
        "CreateGlobalTable",
        JOIN_US_EU,
        "TableNotFoundException",
        "Table not found: Table: 'flights' not found in region: 'eu'.");
    regions_ok(&r, 1, "CreateTable", FLIGHTS "}");
    regions_refused(
        &r,
        0,
        "CreateGlobalTable",
        JOIN_US_EU,
        "ValidationException",
        "must have a stream enabled with StreamViewType NEW_AND_OLD_IMAGES");
    regions_ok(&r, 1, "DeleteTable", "{'TableName':'flights'}");
    regions_ok(&r, 1, "CreateTable", FLIGHTS STREAM "}");
    regions_ok(&r, 1, "PutItem", "{'TableName':'flights','Item':{'pk':{'N':'7'},'sk':{'S':'x'}}}");
    regions_refused(
        &r,
        0,
        "CreateGlobalTable",
        JOIN_US_EU,
        "ValidationException",
        "'flights' in region 'eu' must be empty");
    regions_refused(
        &r,
        0,
        "CreateGlobalTable",
        "{'GlobalTableName':'flights','ReplicationGroup':[{'RegionName':'us'},{'RegionName':'mars'}"
        "]}",
        "ValidationException",
        "in region 'mars' is not possible: the region is not a member of this cluster.");
    regions_refused(
        &r,
        0,
        "DescribeGlobalTable",
        "{'GlobalTableName':'flights'}",
        "GlobalTableNotFoundException",
        "Global table not found: Global table with name: 'flights' does not exist.");
    regions_close(&r);
}

/* A third region joins a group that holds data and is filled; it leaves again and keeps its table.
 */
static void test_global_table_adds_and_removes_a_replica(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 3);
    create_flights(&r, 3);
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    regions_rest(&r);
    regions_refused(
        &r,
        1,
        "CreateGlobalTable",
        JOIN_US_EU,
        "GlobalTableAlreadyExistsException",
        "Global table with name: 'flights' already exists.");
    regions_ok(&r, 0, "PutItem", "{'TableName':'flights','Item':{'pk':{'N':'7'},'sk':{'S':'x'}}}");
    const char *add =
        "{'GlobalTableName':'flights','ReplicaUpdates':[{'Create':{'RegionName':'ap'}}]}";
    regions_ok(&r, 1, "UpdateGlobalTable", add);
    regions_has(&r, "'GlobalTableStatus':'UPDATING'");
    regions_rest(&r);
    regions_ok(&r, 2, "DescribeGlobalTable", "{'GlobalTableName':'flights'}");
    regions_has(&r, "'GlobalTableStatus':'ACTIVE'");
    regions_ok(&r, 2, "Scan", "{'TableName':'flights'}");
    regions_has(&r, "'Count':1");
    regions_refused(
        &r, 0, "UpdateGlobalTable", add, "ReplicaAlreadyExistsException", "already exists.");
    regions_refused(
        &r, 2, "DeleteTable", "{'TableName':'flights'}", "ResourceInUseException", "replica");
    const char *drop =
        "{'GlobalTableName':'flights','ReplicaUpdates':[{'Delete':{'RegionName':'ap'}}]}";
    regions_ok(&r, 0, "UpdateGlobalTable", drop);
    regions_rest(&r);
    regions_refused(
        &r, 0, "UpdateGlobalTable", drop, "ReplicaNotFoundException", "does not exist.");
    regions_ok(&r, 0, "ListGlobalTables", "{}");
    regions_has(&r, "'ReplicationGroup':[{'RegionName':'eu'},{'RegionName':'us'}]");
    regions_ok(&r, 0, "ListGlobalTables", "{'RegionName':'ap'}");
    regions_has(&r, "{'GlobalTables':[]}");
    regions_ok(&r, 2, "Scan", "{'TableName':'flights'}");
    regions_has(&r, "'Count':1");
    regions_close(&r);
}

/* A region that cannot be reached holds a call up no longer than the wait's deadline, and what is
 * not known here is missing. */
static void test_global_table_goes_on_when_cut_off(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    regions_ok(&r, 1, "CreateTable", FLIGHTS STREAM "}");
    regions_ok(&r, 0, "CreateTable", FLIGHTS STREAM "}");
    r.cut_off = true;
    regions_refused(
        &r, 0, "CreateGlobalTable", JOIN_US_EU, "TableNotFoundException", "region: 'eu'");
    assert_true(r.synced);
    assert_int_equal(r.call.wait.n_regions, 1);
    assert_true(r.call.wait.deadline_ms > r.request.now_ms);
    r.cut_off = false;
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    regions_close(&r);
}

/* Lists are cut at the limit, and the next page goes on behind the last name. */
static void test_global_tables_are_listed_in_pages(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    static const char *const names[] = {"aaa", "bbb", "ccc"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes body = bytes_fmt(
            &r.mem,
            "{'TableName':'%s','AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'N'}],"
            "'KeySchema':[{'AttributeName':'pk','KeyType':'HASH'}],'BillingMode':'PAY_PER_"
            "REQUEST'" STREAM "}",
            names[i]);
        regions_ok(&r, 0, "CreateTable", bytes_cstr(&r.mem, body));
        body = bytes_fmt(
            &r.mem, "{'GlobalTableName':'%s','ReplicationGroup':[{'RegionName':'us'}]}", names[i]);
        regions_ok(&r, 0, "CreateGlobalTable", bytes_cstr(&r.mem, body));
    }
    regions_ok(&r, 0, "ListGlobalTables", "{'Limit':2}");
    regions_has(
        &r,
        "{'GlobalTableName':'bbb','ReplicationGroup':[{'RegionName':'us'}]}],"
        "'LastEvaluatedGlobalTableName':'bbb'}");
    regions_ok(&r, 0, "ListGlobalTables", "{'ExclusiveStartGlobalTableName':'bbb'}");
    regions_has(&r, "{'GlobalTables':[{'GlobalTableName':'ccc',");
    regions_lacks(&r, "LastEvaluatedGlobalTableName");
    regions_close(&r);
}

#define PLAIN                                                                                   \
    "{'TableName':'plain','AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'N'}]," \
    "'KeySchema':[{'AttributeName':'pk','KeyType':'HASH'}],'ProvisionedThroughput':"            \
    "{'ReadCapacityUnits':3,'WriteCapacityUnits':4}}"
#define REPLICA(what) "{'TableName':'plain','ReplicaUpdates':[" what "]}"

/* A replica of version 2019 is made in the other region, with a stream, the data and what was asked
 * of it; its settings can be changed from here; it is deleted there when it goes. */
static void test_replica_updates(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    regions_ok(&r, 0, "CreateTable", PLAIN);
    regions_ok(&r, 0, "PutItem", "{'TableName':'plain','Item':{'pk':{'N':'1'}}}");
    regions_ok(
        &r,
        0,
        "UpdateTable",
        REPLICA("{'Create':{'RegionName':'eu','ProvisionedThroughputOverride':"
                "{'ReadCapacityUnits':9}}}"));
    assert_true(r.synced);
    regions_has(&r, "'StreamViewType':'NEW_AND_OLD_IMAGES'");
    regions_has(
        &r,
        "'GlobalTableVersion':'2019.11.21','Replicas':[{'RegionName':'eu',"
        "'ReplicaStatus':'CREATING'");
    regions_rest(&r);
    regions_ok(&r, 1, "Scan", "{'TableName':'plain'}");
    regions_has(&r, "'Count':1");
    regions_ok(&r, 1, "DescribeTable", "{'TableName':'plain'}");
    regions_has(&r, "'Replicas':[{'RegionName':'us','ReplicaStatus':'ACTIVE'");
    regions_has(&r, "'ReadCapacityUnits':9,'WriteCapacityUnits':4");
    regions_ok(
        &r,
        0,
        "UpdateTable",
        REPLICA("{'Update':{'RegionName':'eu','ProvisionedThroughputOverride':"
                "{'ReadCapacityUnits':11},'TableClassOverride':'STANDARD_INFREQUENT_ACCESS'}}"));
    regions_rest(&r);
    regions_ok(&r, 0, "DescribeTable", "{'TableName':'plain'}");
    regions_has(
        &r,
        "'Replicas':[{'RegionName':'eu','ReplicaStatus':'ACTIVE',"
        "'ProvisionedThroughputOverride':{'ReadCapacityUnits':11},"
        "'ReplicaTableClassSummary':{'TableClass':'STANDARD_INFREQUENT_ACCESS'},"
        "'GlobalTableSettingsReplicationMode':'ENABLED_WITH_OVERRIDES',"
        "'ReplicaArn':'arn:aws:dynamodb:eu:000000000000:table/plain',"
        "'WarmThroughput':{'ReadUnitsPerSecond':11,'WriteUnitsPerSecond':4,'Status':'ACTIVE'}}]");
    regions_refused(
        &r,
        0,
        "UpdateTable",
        "{'TableName':'plain','StreamSpecification':{'StreamEnabled':false}}",
        "ValidationException",
        "Disabling Stream is not allowed for a Global Table replica.");
    regions_refused(
        &r,
        0,
        "DescribeGlobalTable",
        "{'GlobalTableName':'plain'}",
        "GlobalTableNotFoundException",
        "does not exist.");
    regions_ok(&r, 0, "UpdateTable", REPLICA("{'Delete':{'RegionName':'eu'}}"));
    regions_rest(&r);
    regions_ok(&r, 0, "DescribeTable", "{'TableName':'plain'}");
    regions_lacks(&r, "Replicas");
    regions_refused(
        &r, 1, "DescribeTable", "{'TableName':'plain'}", "ResourceNotFoundException", "plain");
    regions_close(&r);
}

/* What UpdateTable says of replicas that cannot be made or are not there. */
static void test_replica_updates_refused(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    regions_ok(&r, 0, "CreateTable", PLAIN);
    regions_ok(&r, 1, "CreateTable", PLAIN);
    static const struct {
        const char *body;
        const char *message;
    } rows[] = {
        {REPLICA("{'Create':{'RegionName':'eu'}}"),
         "Failed to create a the new replica of table with name: \u2018plain\u2019 because one or "
         "more replicas already existed as tables."},
        {REPLICA("{'Create':{'RegionName':'mars'}}"), "Region mars is not supported."},
        {REPLICA("{'Delete':{'RegionName':'eu'}}"),
         "Please retry the request without these replicas: [eu]."},
        {REPLICA("{'Update':{'RegionName':'eu'}}"),
         "There are no actions specified in the Replica Update Action of the request."},
        {REPLICA("{'Create':{'RegionName':'eu'}},{'Create':{'RegionName':'ap'}}"),
         "Update table operation with more than one create or delete replica actions not allowed"},
        {REPLICA(""),
         "Value '[]' at 'replicaUpdates' failed to satisfy constraint: Member must "
         "have length greater than or equal to 1"},
        {REPLICA("{'Create':{'RegionName':'eu','KMSMasterKeyId':'k'}}"),
         "KMSMasterKeyId must be specified for each replica."},
        {REPLICA("{'Create':{'RegionName':'eu','GlobalSecondaryIndexes':[{'IndexName':'none',"
                 "'ProvisionedThroughputOverride':{'ReadCapacityUnits':0}}]}}"),
         "Value '0' at 'replicaUpdates.1.member.create.globalSecondaryIndexes.1.member."
         "provisionedThroughputOverride.readCapacityUnits' failed to satisfy constraint: Member "
         "must have value greater than or equal to 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        regions_refused(&r, 0, "UpdateTable", rows[i].body, "ValidationException", rows[i].message);
    }
    regions_close(&r);
}

/* What a global table's settings cannot be. */
static void test_global_settings_refused(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    create_flights(&r, 2);
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    regions_rest(&r);
    const char *describe = "{'GlobalTableName':'flights'}";
    regions_refused(
        &r,
        0,
        "UpdateGlobalTableSettings",
        describe,
        "ValidationException",
        "at least one update parameter must be specified");
    regions_refused(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','ReplicaSettingsUpdate':[{'RegionName':'ap',"
        "'ReplicaTableClass':'STANDARD'}]}",
        "ReplicaNotFoundException",
        "in region 'ap'");
    regions_refused(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','GlobalTableGlobalSecondaryIndexSettingsUpdate':"
        "[{'IndexName':'none'}]}",
        "IndexNotFoundException",
        "Index: none not found");
    regions_refused(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','"
        "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate'"
        ":{'MinimumUnits':1}}",
        "ValidationException",
        "Failed to update settings for global table with name: \u2018flights\u2019: Parameters "
        "'MaximumUnits', 'ScalingPolicyUpdate' are required unless auto scaling is being "
        "disabled.");
    regions_refused(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','"
        "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate'"
        ":{'MinimumUnits':1,'MaximumUnits':2,'AutoScalingDisabled':true}}",
        "ValidationException",
        "Failed to update settings for global table with name \u2018flights\u2019: Parameters "
        "'MaximumUnits', 'MinimumUnits' must be left blank when disabling auto scaling.");
    regions_refused(
        &r,
        0,
        "UpdateTableReplicaAutoScaling",
        "{'TableName':'flights','ProvisionedWriteCapacityAutoScalingUpdate':{'MinimumUnits':1,"
        "'MaximumUnits':9}}",
        "ValidationException",
        "is not a global table of version 2019.11.21");
    regions_refused(
        &r,
        0,
        "DescribeGlobalTableSettings",
        "{'GlobalTableName':'none'}",
        "GlobalTableNotFoundException",
        "Global table with name: 'none' does not exist.");
    regions_close(&r);
}

#define SCALING_UPDATE                                                            \
    "{'MinimumUnits':4,'MaximumUnits':9,'ScalingPolicyUpdate':{'PolicyName':'p'," \
    "'TargetTrackingScalingPolicyConfiguration':{'TargetValue':55.5,'ScaleInCooldown':7}}}"

/* Auto scaling of write capacity comes to every replica, of read capacity to the one it is asked
 * of; disabling takes the target away there alone. */
static void test_scaling_settings(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    create_flights(&r, 2);
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    regions_rest(&r);
    regions_ok(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','GlobalTableProvisionedWriteCapacityAutoScalingSettings"
        "Update':" SCALING_UPDATE ",'ReplicaSettingsUpdate':[{'RegionName':'eu','ReplicaProvisioned"
        "ReadCapacityAutoScalingSettingsUpdate':" SCALING_UPDATE "}]}");
    regions_rest(&r);
    static const char told[] =
        "CapacityAutoScalingSettings':{'MinimumUnits':4,'MaximumUnits':9,'AutoScalingRoleArn':";
    regions_ok(&r, 1, "DescribeTableReplicaAutoScaling", "{'TableName':'flights'}");
    regions_has(
        &r,
        "[{'PolicyName':'p','TargetTrackingScalingPolicyConfiguration':"
        "{'DisableScaleIn':false,'ScaleInCooldown':7,'TargetValue':55.5}}]");
    regions_has(&r, bytes_cstr(&r.mem, bytes_fmt(&r.mem, "'ReplicaProvisionedRead%s", told)));
    regions_has(&r, bytes_cstr(&r.mem, bytes_fmt(&r.mem, "'ReplicaProvisionedWrite%s", told)));
    regions_has(
        &r,
        "'RegionName':'us','ReplicaStatus':'ACTIVE','GlobalSecondaryIndexes':[],"
        "'ReplicaProvisionedReadCapacityAutoScalingSettings':{'AutoScalingDisabled':true},"
        "'ReplicaProvisionedWriteCapacityAutoScalingSettings':{'MinimumUnits':4,");
    regions_ok(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','ReplicaSettingsUpdate':[{'RegionName':'eu','Replica"
        "ProvisionedReadCapacityAutoScalingSettingsUpdate':{'AutoScalingDisabled':true}}]}");
    regions_rest(&r);
    regions_ok(&r, 0, "DescribeTableReplicaAutoScaling", "{'TableName':'flights'}");
    regions_has(
        &r,
        "'RegionName':'eu','ReplicaStatus':'ACTIVE','GlobalSecondaryIndexes':[],"
        "'ReplicaProvisionedReadCapacityAutoScalingSettings':{'AutoScalingDisabled':true},"
        "'ReplicaProvisionedWriteCapacityAutoScalingSettings':{'MinimumUnits':4,");
    regions_close(&r);
}

/* Write capacity is the group's, read capacity each replica's; both are set from one region. */
static void test_global_settings(void **state)
{
    (void)state;
    struct regions r;
    regions_open(&r, 2);
    create_flights(&r, 2);
    regions_ok(&r, 0, "CreateGlobalTable", JOIN_US_EU);
    regions_rest(&r);
    const char *describe = "{'GlobalTableName':'flights'}";
    regions_ok(&r, 1, "DescribeGlobalTableSettings", describe);
    regions_has(
        &r,
        "{'GlobalTableName':'flights','ReplicaSettings':[{'RegionName':'eu',"
        "'ReplicaStatus':'ACTIVE','ReplicaProvisionedReadCapacityUnits':30,"
        "'ReplicaProvisionedReadCapacityAutoScalingSettings':{'AutoScalingDisabled':"
        "true},'ReplicaProvisionedWriteCapacityUnits':30,");
    regions_ok(
        &r,
        0,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','GlobalTableProvisionedWriteCapacityUnits':44,"
        "'ReplicaSettingsUpdate':[{'RegionName':'eu','ReplicaProvisionedReadCapacityUnits':55},"
        "{'RegionName':'us','ReplicaProvisionedReadCapacityUnits':66}]}");
    regions_rest(&r);
    for (size_t i = 0; i < 2; i++) {
        regions_ok(&r, i, "DescribeTable", "{'TableName':'flights'}");
        regions_has(
            &r,
            i == 0 ? "'ReadCapacityUnits':66,'WriteCapacityUnits':44"
                   : "'ReadCapacityUnits':55,'WriteCapacityUnits':44");
    }
    regions_ok(
        &r,
        1,
        "UpdateGlobalTableSettings",
        "{'GlobalTableName':'flights','GlobalTableBillingMode':'PAY_PER_REQUEST'}");
    regions_rest(&r);
    regions_ok(&r, 0, "DescribeGlobalTableSettings", describe);
    regions_has(&r, "'ReplicaBillingModeSummary':{'BillingMode':'PAY_PER_REQUEST'}");
    regions_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_global_table_joins_two_regions),
        cmocka_unit_test(test_global_table_requirements),
        cmocka_unit_test(test_global_table_adds_and_removes_a_replica),
        cmocka_unit_test(test_global_table_goes_on_when_cut_off),
        cmocka_unit_test(test_global_tables_are_listed_in_pages),
        cmocka_unit_test(test_replica_updates),
        cmocka_unit_test(test_replica_updates_refused),
        cmocka_unit_test(test_global_settings),
        cmocka_unit_test(test_scaling_settings),
        cmocka_unit_test(test_global_settings_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
