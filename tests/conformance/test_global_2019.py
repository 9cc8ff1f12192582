"""Global tables as UpdateTable's ReplicaUpdates make them (version 2019.11.21)."""
import pytest
from conftest import wait_active
from devcluster import REGIONS, wait_until
from expect import invalid, n, refused, s
from test_global_2017 import STREAM, seen

US, EU, AP = REGIONS


def states(client, name):
    table = client.describe_table(TableName=name)['Table']
    return {row['RegionName']: row['ReplicaStatus'] for row in table.get('Replicas', [])}


@pytest.fixture
def spread(regions, tables, unique):
    """A table of US with items, replicated to EU."""
    tables(unique, 'p:S', region=US, StreamSpecification=STREAM)
    for i in range(100):
        regions[US].put_item(TableName=unique, Item={'p': s(f'{i}'), 'v': n(i)})
    tables.adopt(EU, unique)
    answer = regions[US].update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    made = {row['RegionName']: row['ReplicaStatus'] for row in answer['TableDescription']['Replicas']}
    assert made == {EU: 'CREATING'}
    wait_until('the replica', lambda: states(regions[US], unique).get(EU) == 'ACTIVE', 30)
    return unique


def test_items_are_copied(regions, spread):
    wait_until('all items', lambda: regions[EU].scan(TableName=spread, Select='COUNT')['Count'] == 100, 20)
    assert regions[EU].get_item(TableName=spread, Key={'p': s('42')})['Item'] == {'p': s('42'), 'v': n(42)}


def test_description(regions, spread):
    table = wait_active(regions[US], spread)
    assert table['GlobalTableVersion'] == '2019.11.21'
    assert EU in states(regions[US], spread)
    table = wait_active(regions[EU], spread)
    assert table['GlobalTableVersion'] == '2019.11.21' and table['KeySchema'][0]['AttributeName'] == 'p'
    assert table['TableArn'].startswith(f'arn:aws:dynamodb:{EU}:')
    assert table['BillingModeSummary']['BillingMode'] == 'PAY_PER_REQUEST'


def test_writes_arrive_from_both_sides(regions, spread):
    for here, there in ((US, EU), (EU, US)):
        regions[here].put_item(TableName=spread, Item={'p': s(here)})
        seen(regions[there], spread, {'p': s(here)}, {'p': s(here)})


def test_third_region_and_removal(regions, tables, spread):
    tables.adopt(AP, spread)
    wait_active(regions[EU], spread)
    regions[EU].update_table(TableName=spread, ReplicaUpdates=[{'Create': {'RegionName': AP}}])
    for region in (US, EU):
        wait_until('the replica', lambda region=region: states(regions[region], spread).get(AP) == 'ACTIVE', 30)
    wait_until('all items', lambda: regions[AP].scan(TableName=spread, Select='COUNT')['Count'] == 100, 20)
    wait_active(regions[US], spread)
    regions[US].update_table(TableName=spread, ReplicaUpdates=[{'Delete': {'RegionName': AP}}])

    def gone():
        try:
            regions[AP].describe_table(TableName=spread)
        except regions[AP].exceptions.ResourceNotFoundException:
            return AP not in states(regions[US], spread)
        return False
    wait_until('the end of the replica', gone, 30)
    regions[US].put_item(TableName=spread, Item={'p': s('after')})
    seen(regions[EU], spread, {'p': s('after')}, {'p': s('after')})


def test_refusals(regions, tables, spread):
    wait_active(regions[US], spread)
    invalid('Cannot add, delete, or update the local region through ReplicaUpdates. Use CreateTable, DeleteTable, or '
            'UpdateTable as required.', regions[US].update_table, TableName=spread,
            ReplicaUpdates=[{'Create': {'RegionName': US}}])
    invalid(None, regions[US].update_table, TableName=spread, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    tables(spread, region=AP, StreamSpecification=STREAM)
    invalid('Failed to create a the new replica of table with name: '
            f'‘{spread}’ because one or more replicas already existed as tables.', regions[US].update_table,
            TableName=spread, ReplicaUpdates=[{'Create': {'RegionName': AP}}])


@pytest.mark.parametrize('view', ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE'])
def test_any_stream_will_do_and_is_the_replicas_too(regions, tables, unique, view):
    tables(unique, region=US, StreamSpecification={'StreamEnabled': True, 'StreamViewType': view})
    tables.adopt(EU, unique)
    regions[US].update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    wait_until('the replica', lambda: states(regions[US], unique).get(EU) == 'ACTIVE', 30)
    for region in US, EU:
        table = wait_active(regions[region], unique)
        assert table['StreamSpecification'] == {'StreamEnabled': True, 'StreamViewType': view}
    invalid('One or more parameter values were invalid: Disabling Stream is not allowed for a Global Table replica.',
            regions[EU].update_table, TableName=unique, StreamSpecification={'StreamEnabled': False})


def test_missing_table(regions, unique):
    refused('ResourceNotFoundException', f'Requested resource not found: Table: {unique} not found',
            regions[US].update_table, TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
