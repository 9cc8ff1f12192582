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
    settle(&r.cluster);
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
    settle(&r.cluster);
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
    settle(&r.cluster);
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
    settle(&r.cluster);
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
    settle(&r.cluster);
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
    regions_open(&r, 1);
    static const char *const names[] = {"aaa", "bbb", "ccc"};
    for (size_t i = 0; i < 3; i++) {
        struct bytes body = bytes_fmt(
            &r.cluster.mem,
            "{'TableName':'%s','AttributeDefinitions':[{'AttributeName':'pk','AttributeType':'N'}],"
            "'KeySchema':[{'AttributeName':'pk','KeyType':'HASH'}],'BillingMode':'PAY_PER_"
            "REQUEST'" STREAM "}",
            names[i]);
        regions_ok(&r, 0, "CreateTable", bytes_cstr(&r.cluster.mem, body));
        body = bytes_fmt(
            &r.cluster.mem,
            "{'GlobalTableName':'%s','ReplicationGroup':[{'RegionName':'us'}]}",
            names[i]);
        /* A group of one needs no other region, and without members nobody is known at all. */
        (void)regions_send(&r, 0, "CreateGlobalTable", bytes_cstr(&r.cluster.mem, body));
    }
    regions_ok(&r, 0, "ListTables", "{'Limit':2}");
    regions_has(&r, "{'TableNames':['aaa','bbb'],'LastEvaluatedTableName':'bbb'}");
    regions_ok(&r, 0, "ListTables", "{'ExclusiveStartTableName':'bbb'}");
    regions_has(&r, "{'TableNames':['ccc']}");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
