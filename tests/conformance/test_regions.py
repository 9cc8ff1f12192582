"""One endpoint serves every region: the region in the signature says where a request belongs."""
import threading

import pytest
from devcluster import REGIONS
from expect import n, refused, s
from wire import kind


def test_tables_are_regional(service, tables, unique):
    tables(unique, region='eu-west-1')
    assert unique in service.client('eu-west-1').list_tables()['TableNames']
    assert unique not in service.client('us-east-2').list_tables()['TableNames']
    refused('ResourceNotFoundException', 'Requested resource not found', service.client('us-east-2').get_item,
            TableName=unique, Key={'p': s('x')})
    arn = service.client('eu-west-1').describe_table(TableName=unique)['Table']['TableArn']
    assert arn.startswith('arn:aws:dynamodb:eu-west-1:')


@pytest.mark.parametrize('region', REGIONS)
def test_items_through_the_one_endpoint(service, tables, unique, region):
    tables(unique, region=region)
    table = service.resource(region).Table(unique)
    with table.batch_writer() as batch:
        for i in range(100):
            batch.put_item(Item={'p': f'{i}', 'v': 'x' * 5000})
    got = table.scan()
    assert got['Count'] == 100 and 'LastEvaluatedKey' not in got
    table.update_item(Key={'p': '7'}, UpdateExpression='set v = :v', ExpressionAttributeValues={':v': 1})
    assert table.get_item(Key={'p': '7'}, ConsistentRead=True)['Item'] == {'p': '7', 'v': 1}


def test_large_requests_and_answers_are_forwarded(service, tables, unique):
    tables(unique, region='ap-southeast-1')
    client = service.client('ap-southeast-1')
    for i in range(4):
        client.put_item(TableName=unique, Item={'p': s(str(i)), 'v': s('x' * 390_000)})
    assert sum(page['Count'] for page in client.get_paginator('scan').paginate(TableName=unique)) == 4


def test_requests_are_forwarded_once(service):
    if service.cluster is None:
        pytest.skip('forwarding is ours')
    wire = service.wire('us-east-2')
    assert wire.call('ListTables', {}, region='eu-west-1')[0] == 200
    status, _, answer = wire.call('ListTables', {}, region='eu-west-1', headers={'x-godwit-forwarded-by': 'ap-southeast-1'})
    assert (status, kind(answer)) == (400, 'InvalidSignatureException')
    assert answer['message'] == "Credential should be scoped to a valid region, not 'eu-west-1'. "


def test_refusals_are_forwarded_as_they_are(service, tables, unique):
    tables(unique, region='eu-west-1')
    client = service.client('eu-west-1')
    client.put_item(TableName=unique, Item={'p': s('x')})
    refused('ConditionalCheckFailedException', 'The conditional request failed', client.put_item, TableName=unique,
            Item={'p': s('x')}, ConditionExpression='attribute_not_exists(p)')


def test_many_clients_at_once(service, tables, unique):
    tables(unique, region='eu-west-1')
    client, failures = service.client('eu-west-1'), []

    def work(k):
        try:
            for i in range(30):
                client.put_item(TableName=unique, Item={'p': s(f'{k}-{i}'), 'i': n(i)})
                assert client.get_item(TableName=unique, Key={'p': s(f'{k}-{i}')},
                                       ConsistentRead=True)['Item']['i'] == n(i)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test must not miss it
            failures.append(error)
    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert client.scan(TableName=unique, Select='COUNT')['Count'] == 240
