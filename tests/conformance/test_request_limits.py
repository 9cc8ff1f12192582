"""OnDemandThroughput and WarmThroughput of tables and global indexes, and index faults by billing mode."""
import re

import pytest
from conftest import make_table, wait_active
from devcluster import REGIONS, wait_until
from expect import invalid, refused, s

US, EU, AP = REGIONS
INVALID = 'One or more parameter values were invalid: '
UNITS = {'ReadCapacityUnits': 5, 'WriteCapacityUnits': 6}
SEE = ('See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html'
       '#on-demand-capacity-mode-initial')


@pytest.fixture
def raw(service):
    """Calls with parameters that an older client library does not know."""
    wire = service.wire()

    def call(operation, **body):
        status, _, answer = wire.call(operation, body)
        return status, answer
    return call


def made(raw, operation, **body):
    status, answer = raw(operation, **body)
    assert status == 200, answer
    return answer.get('TableDescription') or answer.get('Table')


def refusal(raw, operation, **body):
    status, answer = raw(operation, **body)
    assert status == 400, answer
    return answer['__type'].split('#')[1], answer['message']


def base(name, **more):
    how = dict(TableName=name, BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'p', 'KeyType': 'HASH'}],
               AttributeDefinitions=[{'AttributeName': 'p', 'AttributeType': 'S'}])
    how.update(more)
    return how


def by_g(**more):
    return {'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
            'Projection': {'ProjectionType': 'ALL'}, **more}


WITH_G = [{'AttributeName': k, 'AttributeType': 'S'} for k in 'pg']


def test_maxima_on_demand(raw, ddb, tables, unique):
    tables.adopt(US, unique)
    made(raw, 'CreateTable', **base(
        unique, AttributeDefinitions=WITH_G, OnDemandThroughput={'MaxReadRequestUnits': 10, 'MaxWriteRequestUnits': 5},
        GlobalSecondaryIndexes=[by_g(OnDemandThroughput={'MaxReadRequestUnits': 7})]))
    wait_active(ddb, unique)
    table = made(raw, 'DescribeTable', TableName=unique)
    assert table['OnDemandThroughput'] == {'MaxReadRequestUnits': 10, 'MaxWriteRequestUnits': 5}
    assert table['GlobalSecondaryIndexes'][0]['OnDemandThroughput'] == {'MaxReadRequestUnits': 7}
    told = made(raw, 'UpdateTable', TableName=unique, OnDemandThroughput={'MaxReadRequestUnits': 20, 'MaxWriteRequestUnits': -1})
    assert told['TableStatus'] == 'ACTIVE'  # it is done
    assert told['OnDemandThroughput'] == {'MaxReadRequestUnits': 20, 'MaxWriteRequestUnits': -1}
    made(raw, 'UpdateTable', TableName=unique, GlobalSecondaryIndexUpdates=[
        {'Update': {'IndexName': 'by_g', 'OnDemandThroughput': {'MaxWriteRequestUnits': 9}}}])
    wait_active(ddb, unique)
    table = made(raw, 'DescribeTable', TableName=unique)
    assert table['OnDemandThroughput'] == {'MaxReadRequestUnits': 20}
    assert table['GlobalSecondaryIndexes'][0]['OnDemandThroughput'] == {
        'MaxReadRequestUnits': 7, 'MaxWriteRequestUnits': 9}
    ddb.update_table(TableName=unique, BillingMode='PROVISIONED', ProvisionedThroughput=UNITS,
                     GlobalSecondaryIndexUpdates=[{'Update': {'IndexName': 'by_g', 'ProvisionedThroughput': UNITS}}])
    wait_active(ddb, unique)
    table = made(raw, 'DescribeTable', TableName=unique)
    assert 'OnDemandThroughput' not in table and 'OnDemandThroughput' not in table['GlobalSecondaryIndexes'][0]
    assert refusal(raw, 'UpdateTable', TableName=unique, OnDemandThroughput={'MaxReadRequestUnits': 1})[1] == (
        INVALID + 'MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is '
        'PROVISIONED')


@pytest.mark.parametrize('more, message', [
    ({'OnDemandThroughput': {'MaxReadRequestUnits': 0}},
     'Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range'),
    ({'OnDemandThroughput': {'MaxReadRequestUnits': 1, 'MaxWriteRequestUnits': -1}},
     'Requested MaxWriteRequestUnits for OnDemandThroughput for table is outside of valid range'),
    ({'WarmThroughput': {'ReadUnitsPerSecond': 1}},
     'Requested ReadUnitsPerSecond for WarmThroughput for table is lower than initial throughput for OnDemand. ' + SEE),
    ({'BillingMode': 'PROVISIONED', 'ProvisionedThroughput': UNITS, 'OnDemandThroughput': {'MaxReadRequestUnits': 9}},
     'MaxReadRequestUnits for OnDemandThroughput cannot be specified when table BillingMode is PROVISIONED.'),
    ({'BillingMode': 'PROVISIONED', 'ProvisionedThroughput': UNITS, 'WarmThroughput': {'WriteUnitsPerSecond': 5}},
     'Requested WriteUnitsPerSecond for WarmThroughput for table is lower than WriteCapacityUnits of '
     'ProvisionedThroughput'),
    ({'AttributeDefinitions': WITH_G, 'GlobalSecondaryIndexes': [by_g(OnDemandThroughput={'MaxReadRequestUnits': 0})]},
     'Requested MaxReadRequestUnits for OnDemandThroughput for index : by_g is outside of valid range'),
    ({'AttributeDefinitions': WITH_G, 'GlobalSecondaryIndexes': [by_g(WarmThroughput={'WriteUnitsPerSecond': 3999})]},
     'Requested WriteUnitsPerSecond for WarmThroughput for index by_g is lower than initial throughput for OnDemand. '
     + SEE),
])
def test_creation_is_refused(raw, unique, more, message):
    assert refusal(raw, 'CreateTable', **base(unique, **more)) == ('ValidationException', INVALID + message)


def test_what_is_to_be_warm_is_told_at_once(raw, tables, unique):
    """CreateTable's answer tells what it was asked for, and nothing when it was not."""
    warm = {'ReadUnitsPerSecond': 13000, 'WriteUnitsPerSecond': 5000}
    for name, more, told in ((unique, {'WarmThroughput': warm}, {**warm, 'Status': 'UPDATING'}), (f'{unique}-2', {}, None)):
        tables.adopt(US, name)
        assert made(raw, 'CreateTable', **base(name, **more)).get('WarmThroughput') == told


def test_warm_throughput_never_cools(raw, ddb, tables, unique):
    tables(unique, 'p:S|g:S', BillingMode='PROVISIONED', ProvisionedThroughput=UNITS,
           GlobalSecondaryIndexes=[by_g(ProvisionedThroughput=UNITS)])
    warm = {'ReadUnitsPerSecond': 5, 'WriteUnitsPerSecond': 6, 'Status': 'ACTIVE'}
    table = made(raw, 'DescribeTable', TableName=unique)
    assert table['WarmThroughput'] == warm and table['GlobalSecondaryIndexes'][0]['WarmThroughput'] == warm
    ddb.update_table(TableName=unique, ProvisionedThroughput={'ReadCapacityUnits': 1, 'WriteCapacityUnits': 9})
    wait_active(ddb, unique)
    assert made(raw, 'DescribeTable', TableName=unique)['WarmThroughput'] == {**warm, 'WriteUnitsPerSecond': 9}
    assert refusal(raw, 'UpdateTable', TableName=unique, WarmThroughput={'ReadUnitsPerSecond': 4})[1] == (
        INVALID + 'Requested ReadUnitsPerSecond for WarmThroughput for table is lower than current WarmThroughput, '
        'decreasing WarmThroughput is not supported')
    told = made(raw, 'UpdateTable', TableName=unique, WarmThroughput={'ReadUnitsPerSecond': 100})
    assert told['TableStatus'] == 'ACTIVE' and told['WarmThroughput'] == {
        'ReadUnitsPerSecond': 5, 'WriteUnitsPerSecond': 9, 'Status': 'UPDATING'}
    assert made(raw, 'DescribeTable', TableName=unique)['WarmThroughput']['ReadUnitsPerSecond'] == 100
    ddb.update_table(TableName=unique, BillingMode='PAY_PER_REQUEST')
    wait_active(ddb, unique)
    table = made(raw, 'DescribeTable', TableName=unique)
    assert table['WarmThroughput'] == {**warm, 'ReadUnitsPerSecond': 12000, 'WriteUnitsPerSecond': 4000}


def test_what_goes_alone(raw, unique):
    warm, most = {'ReadUnitsPerSecond': 20000}, {'MaxReadRequestUnits': 5}
    create = [{'Create': by_g()}]
    assert refusal(raw, 'UpdateTable', TableName=unique, WarmThroughput=warm, DeletionProtectionEnabled=True)[1] in (
        INVALID + 'WarmThroughput must be the only operation in the request',
        INVALID + 'DeletionProtection modification must be the only operation in the request')
    assert refusal(raw, 'UpdateTable', TableName=unique, WarmThroughput=warm, AttributeDefinitions=WITH_G,
                   GlobalSecondaryIndexUpdates=create)[1] == (
        INVALID + 'Create global secondary index cannot be specified when updating WarmThroughput')
    assert refusal(raw, 'UpdateTable', TableName=unique, OnDemandThroughput=most, GlobalSecondaryIndexUpdates=create,
                   AttributeDefinitions=WITH_G)[1] == (
        INVALID + 'OnDemandThroughput can only be combined with BillingMode in an UpdateTable request')
    needed = refusal(raw, 'UpdateTable', TableName=unique, MultiRegionConsistency='EVENTUAL')[1]
    assert needed.startswith('At least one of ') and 'MultiRegionConsistency' not in needed


def test_index_faults_by_billing_mode(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[by_g()])
    invalid(INVALID + 'The only Updates for index: by_g when TableThroughputMode is PAY_PER_REQUEST can be to '
            'OnDemandThroughput, WarmThroughput', ddb.update_table, TableName=unique,
            GlobalSecondaryIndexUpdates=[{'Update': {'IndexName': 'by_g', 'ProvisionedThroughput': UNITS}}])
    other = {**by_g(), 'IndexName': 'more'}
    invalid(INVALID + 'AttributeDefinitions is not specified for index: more', ddb.update_table, TableName=unique,
            GlobalSecondaryIndexUpdates=[{'Create': other}])
    ddb.update_table(TableName=unique, BillingMode='PROVISIONED', ProvisionedThroughput=UNITS,
                     GlobalSecondaryIndexUpdates=[{'Update': {'IndexName': 'by_g', 'ProvisionedThroughput': UNITS}}])
    wait_active(ddb, unique)
    invalid(INVALID + 'Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: more',
            ddb.update_table, TableName=unique, AttributeDefinitions=WITH_G,
            GlobalSecondaryIndexUpdates=[{'Create': other}])
    invalid('The provisioned throughput for the index by_g will not change. The requested value equals the current '
            'value. Current ReadCapacityUnits provisioned for index by_g: 5. Requested ReadCapacityUnits: 5. Current '
            'WriteCapacityUnits provisioned for index by_g: 6. Requested WriteCapacityUnits: 6. Refer to the Amazon '
            'DynamoDB Developer Guide for current limits and how to request higher limits.', ddb.update_table,
            TableName=unique, GlobalSecondaryIndexUpdates=[
                {'Update': {'IndexName': 'by_g', 'ProvisionedThroughput': UNITS}}])


def test_the_21st_index(ddb, tables, unique):
    indexes = [{**by_g(), 'IndexName': f'ix{i:02}'} for i in range(21)]
    invalid(INVALID + 'GlobalSecondaryIndex count exceeds the per-table limit of 20', tables, f'{unique}x', 'p:S|g:S',
            GlobalSecondaryIndexes=indexes)
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=indexes[:20])
    refused('LimitExceededException', 'Subscriber limit exceeded: Number of global secondary indexes exceeds per-table '
            'limit of 20', ddb.update_table, TableName=unique, AttributeDefinitions=WITH_G,
            GlobalSecondaryIndexUpdates=[{'Create': indexes[20]}])


def test_unused_attributes_come_first(tables, unique):
    bad = {**by_g(), 'Projection': {'ProjectionType': 'INCLUDE'}}
    unused = re.compile(re.escape(INVALID + 'Some AttributeDefinitions are not used. AttributeDefinitions: [') +
                        r'.*\], keys used: \[.*\]')
    invalid(unused, tables, unique, 'p:S|g:S x:S', GlobalSecondaryIndexes=[bad])


def test_names_are_told_in_order(ddb, tables, unique):
    tables(unique, 'z:S|m:S b:S', GlobalSecondaryIndexes=[
        {**by_g(), 'KeySchema': [{'AttributeName': 'm', 'KeyType': 'HASH'}, {'AttributeName': 'b', 'KeyType': 'RANGE'}],
         'Projection': {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['zz', 'aa', 'mm']}}])
    table = ddb.describe_table(TableName=unique)['Table']
    assert [a['AttributeName'] for a in table['AttributeDefinitions']] == ['b', 'm', 'z']
    assert table['GlobalSecondaryIndexes'][0]['Projection']['NonKeyAttributes'] == ['aa', 'mm', 'zz']


def test_replicas_and_their_maxima(raw, service, regions, tables, unique):
    stream = {'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}
    make_table(regions[US], unique, 'p:S|g:S', GlobalSecondaryIndexes=[by_g()], StreamSpecification=stream)
    tables.adopt(US, unique)
    tables.adopt(EU, unique)
    how = dict(TableName=unique)
    strong = refusal(raw, 'UpdateTable', MultiRegionConsistency='STRONG', **how,
                     ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    assert strong == ('ValidationException', INVALID + 'MultiRegionConsistency STRONG is not supported by this server')
    assert refusal(raw, 'UpdateTable', ReplicaUpdates=[{'Create': {'RegionName': 'mars-1'}}], **how)[1].startswith(
        'Region mars-1 is not supported. The latest version of global tables are only supported in the following '
        'regions: [')
    assert refusal(raw, 'UpdateTable', ReplicaUpdates=[{'Create': {'RegionName': EU, 'KMSMasterKeyId': 'k'}}], **how)[
        1] == INVALID + 'KMSMasterKeyId must be specified for each replica.'
    made(raw, 'UpdateTable', OnDemandThroughput={'MaxReadRequestUnits': 50, 'MaxWriteRequestUnits': 60}, **how)
    wait_active(regions[US], unique)
    made(raw, 'UpdateTable', MultiRegionConsistency='EVENTUAL', ReplicaUpdates=[{'Create': {'RegionName': EU}}], **how)

    def replica():
        rows = made(raw, 'DescribeTable', **how).get('Replicas', [])
        return rows[0] if rows and rows[0]['ReplicaStatus'] == 'ACTIVE' else None
    row = wait_until('the replica', replica, 30)
    assert row['GlobalTableSettingsReplicationMode'] == 'ENABLED_WITH_OVERRIDES'
    assert row['WarmThroughput']['ReadUnitsPerSecond'] == 12000 and 'OnDemandThroughputOverride' not in row
    assert [x['IndexName'] for x in row['GlobalSecondaryIndexes']] == ['by_g']
    wait_active(regions[US], unique)
    made(raw, 'UpdateTable', ReplicaUpdates=[{'Update': {
        'RegionName': EU, 'OnDemandThroughputOverride': {'MaxReadRequestUnits': 70},
        'GlobalSecondaryIndexes': [{'IndexName': 'by_g', 'OnDemandThroughputOverride': {'MaxReadRequestUnits': 8}}]}}],
        **how)
    wait_until('the override', lambda: (replica() or {}).get('OnDemandThroughputOverride') == {
        'MaxReadRequestUnits': 70}, 20)
    assert replica()['GlobalSecondaryIndexes'][0]['OnDemandThroughputOverride'] == {'MaxReadRequestUnits': 8}
    there = service.wire(EU).call('DescribeTable', how)[2]['Table']
    assert there['OnDemandThroughput'] == {'MaxReadRequestUnits': 70, 'MaxWriteRequestUnits': 60}
    assert refusal(raw, 'UpdateTable', MultiRegionConsistency='EVENTUAL', ReplicaUpdates=[
        {'Delete': {'RegionName': EU}}], **how)[1] == (
        'Only Replica Create actions are supported when MultiRegionConsistency parameter is provided.')
    regions[EU].put_item(TableName=unique, Item={'p': s('x')})
