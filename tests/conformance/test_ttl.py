"""Time to live: the setting, what expires and what does not, and what other regions see of it."""
import time

import boto3
import pytest
from conftest import HOME, wait_active
from devcluster import REGIONS, wait_until
from expect import invalid, n, refused, s
from test_cloudwatch import total
from test_global_2017 import STREAM
from test_global_2019 import states

US, EU, _ = REGIONS


def ttl(client, name, attr, enabled=True):
    spec = {'Enabled': enabled, 'AttributeName': attr}
    answer = client.update_time_to_live(TableName=name, TimeToLiveSpecification=spec)
    assert answer['TimeToLiveSpecification'] == spec


def told(client, name):
    return client.describe_time_to_live(TableName=name)['TimeToLiveDescription']


def keys(client, name):
    items = client.scan(TableName=name, ConsistentRead=True)['Items']
    return {item['p']['S'] for item in items}


@pytest.fixture
def table(ddb, tables, unique):
    tables(unique, 'p:S')
    return unique


def test_setting(ddb, service, table):
    assert told(ddb, table) == {'TimeToLiveStatus': 'DISABLED'}
    invalid('TimeToLive is already disabled', ttl, ddb, table, 'until', False)
    ttl(ddb, table, 'until')
    assert told(ddb, table) == {'TimeToLiveStatus': 'ENABLED', 'AttributeName': 'until'}
    invalid('TimeToLive is already enabled', ttl, ddb, table, 'until')
    for enabled in (True, False):
        invalid('TimeToLive is active on a different AttributeName: current AttributeName is until',
                ttl, ddb, table, 'other', enabled)
    ttl(ddb, table, 'until', False)
    assert told(ddb, table) == {'TimeToLiveStatus': 'DISABLED'}
    ttl(ddb, table, 'p')
    assert told(ddb, table)['AttributeName'] == 'p'


def test_setting_refused(ddb, service, table, unique):
    raw = service.unchecked()
    missing = f'Requested resource not found: Table: {unique}x not found'
    refused('ResourceNotFoundException', missing, ttl, ddb, f'{unique}x', 'until')
    refused('ResourceNotFoundException', missing, told, ddb, f'{unique}x')
    null = "1 validation error detected: Value null at 'timeToLiveSpecification{}' failed to satisfy constraint: " \
           'Member must not be null'
    for spec, where in (({'Enabled': True}, '.attributeName'), ({'AttributeName': 'a'}, '.enabled')):
        invalid(null.format(where), raw.update_time_to_live, TableName=table, TimeToLiveSpecification=spec)
    invalid(null.format(''), raw.update_time_to_live, TableName=table)
    long = 'x' * 256
    invalid(f"1 validation error detected: Value '{long}' at 'timeToLiveSpecification.attributeName' failed to "
            'satisfy constraint: Member must have length less than or equal to 255', raw.update_time_to_live,
            TableName=table, TimeToLiveSpecification={'Enabled': True, 'AttributeName': long})
    ttl(ddb, table, 'x' * 255)


def test_what_expires(ddb, service, table):
    """Past seconds in a top-level Number expire, from within five years; nothing else does. Items that were there
    before time to live was switched on expire too."""
    now = int(time.time())
    gone = {'minute': n(now - 60), 'years': n(now - 4 * 365 * 86400), 'fraction': n(f'{now - 60}.5')}
    stays = {'future': n(now + 3600), 'ancient': n(now - 6 * 365 * 86400), 'text': s(str(now - 60)),
             'millis': n(now * 1000), 'zero': n(0), 'negative': n(-now), 'huge': n('1' + '0' * 37), 'wrap': n(2 ** 64 + 1),
             'set': {'NS': [str(now - 60)]}, 'nested': {'M': {'until': n(now - 60)}}}
    ddb.put_item(TableName=table, Item={'p': s('before'), 'until': n(now - 60)})
    ttl(ddb, table, 'until')
    for key, value in {**gone, **stays}.items():
        ddb.put_item(TableName=table, Item={'p': s(key), 'until': value})
    ddb.put_item(TableName=table, Item={'p': s('none')})
    wait_until('the sweep', lambda: keys(ddb, table) == {*stays, 'none'}, 20)
    cloudwatch = boto3.session.Session().client('cloudwatch', **service.how(HOME))
    wait_until('its count', lambda: total(cloudwatch, 'TimeToLiveDeletedItemCount', TableName=table) == 4, 20)
    assert total(cloudwatch, 'ConsumedWriteCapacityUnits', TableName=table) == len(gone) + len(stays) + 2
    ttl(ddb, table, 'until', False)
    ddb.put_item(TableName=table, Item={'p': s('off'), 'until': n(now - 60)})
    ttl(ddb, table, 'other')
    ddb.put_item(TableName=table, Item={'p': s('other'), 'other': n(now - 60)})
    wait_until('the sweep', lambda: 'other' not in keys(ddb, table), 20)
    assert keys(ddb, table) == {*stays, 'none', 'off'}


def test_extension_and_indexes(ddb, tables, unique):
    """What is put off before its time stays; what goes leaves its indexes too."""
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by-g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'ALL'}}])
    ttl(ddb, unique, 'until')
    soon = int(time.time()) + 3
    for key in ('kept', 'eternal', 'gone'):
        ddb.put_item(TableName=unique, Item={'p': s(key), 'g': s('g'), 'until': n(soon)})
    ddb.update_item(TableName=unique, Key={'p': s('kept')}, UpdateExpression='SET #u = :u',
                    ExpressionAttributeNames={'#u': 'until'}, ExpressionAttributeValues={':u': n(soon + 3600)})
    ddb.update_item(TableName=unique, Key={'p': s('eternal')}, UpdateExpression='REMOVE #u',
                    ExpressionAttributeNames={'#u': 'until'})
    assert keys(ddb, unique) == {'kept', 'eternal', 'gone'}
    wait_until('the sweep', lambda: keys(ddb, unique) == {'kept', 'eternal'}, 20)
    rows = ddb.query(TableName=unique, IndexName='by-g', KeyConditionExpression='g = :g',
                     ExpressionAttributeValues={':g': s('g')})['Items']
    assert {row['p']['S'] for row in rows} == {'kept', 'eternal'}


def test_global_table(regions, tables, unique):
    """Of a global table the setting is everywhere, and an item that expires goes everywhere."""
    us, eu = regions[US], regions[EU]
    tables(unique, 'p:S', region=US, StreamSpecification=STREAM)
    ttl(us, unique, 'until')
    tables.adopt(EU, unique)
    us.update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    wait_until('the replica', lambda: states(us, unique).get(EU) == 'ACTIVE', 30)
    wait_active(eu, unique)
    assert told(eu, unique) == {'TimeToLiveStatus': 'ENABLED', 'AttributeName': 'until'}
    now = int(time.time())
    us.put_item(TableName=unique, Item={'p': s('gone'), 'until': n(now + 2)})
    us.put_item(TableName=unique, Item={'p': s('kept'), 'until': n(now + 2)})
    wait_until('the items', lambda: keys(eu, unique) == {'gone', 'kept'}, 20)
    eu.put_item(TableName=unique, Item={'p': s('kept'), 'until': n(now + 3600)})
    for client in (us, eu):
        wait_until('the sweep', lambda client=client: keys(client, unique) == {'kept'}, 20)
    ttl(eu, unique, 'until', False)
    wait_until('the setting', lambda: told(us, unique) == {'TimeToLiveStatus': 'DISABLED'}, 20)
