"""Global tables as CreateGlobalTable makes them (version 2017.11.29)."""
import os
import re
import time

import pytest
from conftest import make_table
from devcluster import REGIONS, wait_until
from expect import invalid, n, refused, s

US, EU, AP = REGIONS
STREAM = {'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}
PROVISIONED = dict(BillingMode='PROVISIONED', ProvisionedThroughput={'ReadCapacityUnits': 30, 'WriteCapacityUnits': 30},
                   StreamSpecification=STREAM)


def group(*regions):
    return [{'RegionName': region} for region in regions]


def replicas(client, name, wanted):
    """Waits until the group has exactly these replicas, all of them ACTIVE."""
    def active():
        try:
            got = client.describe_global_table(GlobalTableName=name)['GlobalTableDescription']
        except client.exceptions.GlobalTableNotFoundException:
            return None
        states = {row['RegionName']: row.get('ReplicaStatus', 'ACTIVE') for row in got['ReplicationGroup']}
        whole = set(states) == set(wanted) and set(states.values()) == {'ACTIVE'}
        return got if whole and got['GlobalTableStatus'] == 'ACTIVE' else None
    return wait_until(f'replicas of {name}', active, 30)


STAMPS = ('aws:rep:deleting', 'aws:rep:updateregion', 'aws:rep:updatetime')


def plain(item):
    """An item as its writer put it: without what global tables of this version add."""
    return item and {name: value for name, value in item.items() if name not in STAMPS}


def seen(client, table, key, wanted, seconds=20):
    wait_until(f'{wanted} in {table}', lambda: plain(
        client.get_item(TableName=table, Key=key).get('Item')) == wanted, seconds)


@pytest.fixture(scope='module')
def pair(service):
    """A global table of two regions, which no test changes for good."""
    yield from make_pair({region: service.client(region) for region in REGIONS}, f'conformance-pair-{os.getpid()}')


@pytest.fixture
def own_pair(regions, unique):
    """A global table of two regions for one test."""
    yield from make_pair(regions, unique)


def make_pair(regions, unique):
    for region in (US, EU):
        make_table(regions[region], unique, 'p:S', **PROVISIONED)
    regions[US].create_global_table(GlobalTableName=unique, ReplicationGroup=group(US, EU))
    for region in (US, EU):
        replicas(regions[region], unique, (US, EU))
    yield unique
    left = regions[US].describe_global_table(GlobalTableName=unique)['GlobalTableDescription']['ReplicationGroup']
    for row in left:
        regions[US].update_global_table(GlobalTableName=unique, ReplicaUpdates=[
            {'Delete': {'RegionName': row['RegionName']}}])

    def alone():
        for region in (US, EU):
            try:
                if regions[region].describe_global_table(GlobalTableName=unique):
                    return False
            except regions[region].exceptions.GlobalTableNotFoundException:
                pass
        return True
    wait_until('the end of the group', alone, 20)
    for region in (US, EU):
        regions[region].delete_table(TableName=unique)


def test_description(regions, pair):
    got = regions[EU].describe_global_table(GlobalTableName=pair)['GlobalTableDescription']
    assert got['GlobalTableName'] == pair and got['GlobalTableStatus'] == 'ACTIVE'
    assert re.fullmatch(rf'arn:aws:dynamodb::\d{{12}}:global-table/{pair}', got['GlobalTableArn'])
    assert abs(got['CreationDateTime'].timestamp() - time.time()) < 120
    assert {row['RegionName'] for row in got['ReplicationGroup']} == {US, EU}


def test_writes_arrive_from_both_sides(regions, pair):
    for here, there in ((US, EU), (EU, US)):
        item = {'p': s(f'from {here}'), 'v': {'L': [n(1), {'BOOL': True}]}}
        regions[here].put_item(TableName=pair, Item=item)
        assert plain(regions[here].get_item(TableName=pair, Key={'p': item['p']})['Item']) == item
        seen(regions[there], pair, {'p': item['p']}, item)


def test_items_say_when_and_where_they_were_written(regions, pair, unique):
    key = {'p': s(unique)}
    before = time.time()
    regions[EU].put_item(TableName=pair, Item={**key, 'v': n(1), 'aws:rep:updateregion': s('mine')})
    here = regions[EU].get_item(TableName=pair, Key=key)['Item']
    assert here['aws:rep:deleting'] == {'BOOL': False} and here['aws:rep:updateregion'] == s(EU)
    assert before - 5 < float(here['aws:rep:updatetime']['N']) < time.time() + 5
    wait_until('the item', lambda: regions[US].get_item(TableName=pair, Key=key).get('Item') == here, 20)
    regions[US].update_item(TableName=pair, Key=key, UpdateExpression='SET v = :two',
                            ConditionExpression='#region = :eu', ExpressionAttributeNames={
                                '#region': 'aws:rep:updateregion'},
                            ExpressionAttributeValues={':two': n(2), ':eu': s(EU)})
    there = regions[US].get_item(TableName=pair, Key=key, ProjectionExpression='v, #region, #time',
                                 ExpressionAttributeNames={'#region': 'aws:rep:updateregion',
                                                           '#time': 'aws:rep:updatetime'})['Item']
    assert there['aws:rep:updateregion'] == s(US) and there['v'] == n(2)
    assert float(there['aws:rep:updatetime']['N']) > float(here['aws:rep:updatetime']['N'])


def test_updates_and_deletes_arrive(regions, pair, unique):
    key = {'p': s(unique)}
    regions[US].put_item(TableName=pair, Item={**key, 'v': n(1)})
    seen(regions[EU], pair, key, {**key, 'v': n(1)})
    regions[EU].update_item(TableName=pair, Key=key, UpdateExpression='ADD v :one',
                            ExpressionAttributeValues={':one': n(1)})
    seen(regions[US], pair, key, {**key, 'v': n(2)})
    regions[US].delete_item(TableName=pair, Key=key)
    seen(regions[EU], pair, key, None)


def test_order_of_one_region_is_kept(regions, pair, unique):
    for i in range(200):
        regions[US].put_item(TableName=pair, Item={'p': s(unique), 'v': n(i)})
    last = [-1]

    def newest():
        item = regions[EU].get_item(TableName=pair, Key={'p': s(unique)}).get('Item')
        value = int(item['v']['N']) if item else -1
        assert value >= last[0], 'an older value was seen after a newer one'
        last[0] = value
        return value == 199
    wait_until('the last of 200 values', newest, 20)


def test_both_regions_agree_after_writes_to_one_item(regions, pair, unique):
    for i in range(20):
        regions[US].put_item(TableName=pair, Item={'p': s(unique), 'v': s(f'us {i}')})
        regions[EU].put_item(TableName=pair, Item={'p': s(unique), 'v': s(f'eu {i}')})

    def agreed():
        got = [regions[region].get_item(TableName=pair, Key={'p': s(unique)})['Item']['v']['S'] for region in (US, EU)]
        return got[0] == got[1] and got[0]
    # The last write was made in EU after the last one of US was acknowledged.
    assert wait_until('agreement', agreed, 20) == 'eu 19'


def test_a_third_region_joins_and_is_filled(regions, tables, own_pair):
    with_items = [{'p': s(f'{i}'), 'v': n(i)} for i in range(120)]
    for item in with_items:
        regions[US].put_item(TableName=own_pair, Item=item)
    tables(own_pair, 'p:S', region=AP, **PROVISIONED)
    answer = regions[US].update_global_table(GlobalTableName=own_pair, ReplicaUpdates=[{'Create': {'RegionName': AP}}])
    assert AP in {row['RegionName'] for row in answer['GlobalTableDescription']['ReplicationGroup']}
    replicas(regions[AP], own_pair, REGIONS)
    wait_until('all items', lambda: regions[AP].scan(TableName=own_pair, Select='COUNT')['Count'] == 120, 30)
    regions[AP].put_item(TableName=own_pair, Item={'p': s('from ap')})
    for region in (US, EU):
        seen(regions[region], own_pair, {'p': s('from ap')}, {'p': s('from ap')})
    regions[EU].update_global_table(GlobalTableName=own_pair, ReplicaUpdates=[{'Delete': {'RegionName': AP}}])
    for region in (US, EU):
        replicas(regions[region], own_pair, (US, EU))
    # A table that left keeps what it had, and hears no more.
    regions[US].put_item(TableName=own_pair, Item={'p': s('after')})
    seen(regions[EU], own_pair, {'p': s('after')}, {'p': s('after')})
    assert regions[AP].scan(TableName=own_pair, Select='COUNT')['Count'] == 121


def test_what_a_table_deleted_alone_does_not_bind_the_group(regions, own_pair):
    regions[US].put_item(TableName=own_pair, Item={'p': s('x')})
    seen(regions[EU], own_pair, {'p': s('x')}, {'p': s('x')})
    regions[US].update_global_table(GlobalTableName=own_pair, ReplicaUpdates=[{'Delete': {'RegionName': EU}}])
    for region in (US, EU):
        replicas(regions[region], own_pair, (US,))
    regions[EU].delete_item(TableName=own_pair, Key={'p': s('x')})

    def rejoined():
        try:
            return regions[US].update_global_table(GlobalTableName=own_pair,
                                                   ReplicaUpdates=[{'Create': {'RegionName': EU}}])
        except regions[US].exceptions.ClientError as error:
            # That the table is empty again reaches the other region a moment later.
            assert error.response['Error']['Code'] in ('ValidationException', 'ResourceInUseException')
            return None
    wait_until('the empty table joining again', rejoined, 20)
    for region in (US, EU):
        replicas(regions[region], own_pair, (US, EU))
    seen(regions[EU], own_pair, {'p': s('x')}, {'p': s('x')})
    assert plain(regions[US].get_item(TableName=own_pair, Key={'p': s('x')})['Item']) == {'p': s('x')}


def test_list(regions, pair):
    def listed(client, **how):
        return [row['GlobalTableName'] for row in client.list_global_tables(**how)['GlobalTables']]
    assert pair in listed(regions[US]) and pair in listed(regions[EU])
    assert pair in listed(regions[US], RegionName=EU)
    assert pair not in listed(regions[US], RegionName=AP)
    rows = [row for row in regions[US].list_global_tables()['GlobalTables'] if row['GlobalTableName'] == pair]
    assert {row['RegionName'] for row in rows[0]['ReplicationGroup']} == {US, EU}


def test_settings(regions, own_pair):
    got = regions[US].describe_global_table_settings(GlobalTableName=own_pair)
    assert got['GlobalTableName'] == own_pair
    settings = {row['RegionName']: row for row in got['ReplicaSettings']}
    assert set(settings) == {US, EU}
    for row in settings.values():
        assert row['ReplicaStatus'] == 'ACTIVE'
        assert row['ReplicaProvisionedReadCapacityUnits'] == 30
        assert row['ReplicaProvisionedWriteCapacityUnits'] == 30
    regions[US].update_global_table_settings(
        GlobalTableName=own_pair, GlobalTableProvisionedWriteCapacityUnits=40,
        ReplicaSettingsUpdate=[{'RegionName': EU, 'ReplicaProvisionedReadCapacityUnits': 50}])

    def changed():
        units = {region: regions[region].describe_table(TableName=own_pair)['Table']['ProvisionedThroughput']
                 for region in (US, EU)}
        return (units[US]['WriteCapacityUnits'] == units[EU]['WriteCapacityUnits'] == 40
                and units[EU]['ReadCapacityUnits'] == 50 and units[US]['ReadCapacityUnits'] == 30)
    wait_until('the new capacity', changed, 20)


def test_tables_of_a_group_do_not_claim_the_newer_version(regions, pair):
    table = regions[US].describe_table(TableName=pair)['Table']
    assert 'GlobalTableVersion' not in table and 'Replicas' not in table


def test_stream_of_a_replica_cannot_be_turned_off(regions, pair):
    invalid(None, regions[US].update_table, TableName=pair, StreamSpecification={'StreamEnabled': False})


def test_same_group_twice(regions, pair):
    refused('GlobalTableAlreadyExistsException', f"Global table with name: '{pair}' already exists.",
            regions[US].create_global_table, GlobalTableName=pair, ReplicationGroup=group(US, EU))


def test_replica_updates_are_refused(regions, pair, tables):
    update = regions[US].update_global_table
    refused('ReplicaAlreadyExistsException', None, update, GlobalTableName=pair,
            ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    refused('ReplicaNotFoundException', None, update, GlobalTableName=pair,
            ReplicaUpdates=[{'Delete': {'RegionName': AP}}])
    refused('TableNotFoundException', None, update, GlobalTableName=pair,
            ReplicaUpdates=[{'Create': {'RegionName': AP}}])
    tables(pair, 'p:S', region=AP, **PROVISIONED)
    regions[AP].put_item(TableName=pair, Item={'p': s('x')})
    invalid(None, update, GlobalTableName=pair, ReplicaUpdates=[{'Create': {'RegionName': AP}}])


def test_missing_group(regions, unique):
    message = re.compile(f"(Global table not found: )?Global table with name: '{unique}' does not exist.")
    refused('GlobalTableNotFoundException', message, regions[US].describe_global_table, GlobalTableName=unique)
    refused('GlobalTableNotFoundException', message, regions[US].update_global_table, GlobalTableName=unique,
            ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    refused('GlobalTableNotFoundException', message, regions[US].describe_global_table_settings,
            GlobalTableName=unique)


@pytest.mark.parametrize('other', [
    None,
    dict(keys='p:N'),
    dict(keys='p:S c:S'),
    dict(StreamSpecification=None),
    dict(StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_IMAGE'}),
], ids=['missing', 'other type', 'other keys', 'no stream', 'other stream'])
def test_tables_that_do_not_fit(regions, tables, unique, other):
    tables(unique, region=US, **PROVISIONED)
    if other:
        tables(unique, region=EU, **{**PROVISIONED, **other})
    refused('ValidationException' if other else 'TableNotFoundException', None, regions[US].create_global_table,
            GlobalTableName=unique, ReplicationGroup=group(US, EU))
    refused('GlobalTableNotFoundException', None, regions[US].describe_global_table, GlobalTableName=unique)


def test_tables_that_are_not_empty(regions, tables, unique):
    for region in (US, EU):
        tables(unique, region=region, **PROVISIONED)
    regions[US].put_item(TableName=unique, Item={'p': s('x')})
    invalid(None, regions[US].create_global_table, GlobalTableName=unique, ReplicationGroup=group(US, EU))


def test_unknown_region(regions, tables, unique):
    tables(unique, region=US, **PROVISIONED)
    invalid(None, regions[US].create_global_table, GlobalTableName=unique,
            ReplicationGroup=group(US, 'mars-north-1'))
