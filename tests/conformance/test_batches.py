"""BatchWriteItem and BatchGetItem."""
import re

import pytest
from expect import invalid, keys_of, n, refused, s


def puts(unique, numbers):
    return [{'PutRequest': {'Item': {'p': s(f'{unique}-{i}'), 'v': n(i)}}} for i in numbers]


def test_write_and_read(ddb, hash_table, unique):
    written = ddb.batch_write_item(RequestItems={hash_table: puts(unique, range(25))})
    assert written['UnprocessedItems'] == {}
    keys = [{'p': s(f'{unique}-{i}')} for i in range(30)]
    got = ddb.batch_get_item(RequestItems={hash_table: {'Keys': keys, 'ConsistentRead': True}})
    assert got['UnprocessedKeys'] == {}
    assert sorted(int(v) for v, in keys_of(got['Responses'][hash_table], 'v')) == list(range(25))


def test_deletes_and_puts_together(ddb, hash_table, unique):
    ddb.batch_write_item(RequestItems={hash_table: puts(unique, [1, 2])})
    ddb.batch_write_item(RequestItems={hash_table: puts(unique, [3]) + [
        {'DeleteRequest': {'Key': {'p': s(f'{unique}-1')}}}, {'DeleteRequest': {'Key': {'p': s(f'{unique}-none')}}}]})
    got = ddb.batch_get_item(RequestItems={hash_table: {'Keys': [{'p': s(f'{unique}-{i}')} for i in (1, 2, 3)]}})
    assert sorted(keys_of(got['Responses'][hash_table], 'v')) == [('2',), ('3',)]


def test_several_tables(ddb, hash_table, range_table, unique):
    ddb.batch_write_item(RequestItems={
        hash_table: puts(unique, [1]),
        range_table: [{'PutRequest': {'Item': {'p': s(unique), 'c': n(1), 'w': s('w')}}}]})
    got = ddb.batch_get_item(RequestItems={
        hash_table: {'Keys': [{'p': s(f'{unique}-1')}]},
        range_table: {'Keys': [{'p': s(unique), 'c': n(1)}], 'ProjectionExpression': 'w'}})['Responses']
    assert got == {hash_table: [{'p': s(f'{unique}-1'), 'v': n(1)}], range_table: [{'w': s('w')}]}


def test_batch_writer_of_the_resource(service, range_table, unique):
    table = service.resource().Table(range_table)
    with table.batch_writer(overwrite_by_pkeys=['p', 'c']) as batch:
        for i in range(60):
            batch.put_item(Item={'p': unique, 'c': i % 55, 'i': i})
        batch.delete_item(Key={'p': unique, 'c': 54})
    got = table.query(KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': unique})['Items']
    assert [item['c'] for item in got] == list(range(54)) and got[0]['i'] == 55


def test_capacity(ddb, hash_table, unique):
    wrote = ddb.batch_write_item(RequestItems={hash_table: puts(unique, [1, 2])}, ReturnConsumedCapacity='TOTAL')
    assert wrote['ConsumedCapacity'] == [{'TableName': hash_table, 'CapacityUnits': 2.0}]
    keys = {'Keys': [{'p': s(f'{unique}-{i}')} for i in (1, 2, 3)]}
    read = ddb.batch_get_item(RequestItems={hash_table: keys}, ReturnConsumedCapacity='TOTAL')
    assert read['ConsumedCapacity'] == [{'TableName': hash_table, 'CapacityUnits': 1.5}]


def test_collection_metrics(ddb, hash_table, range_table, unique):
    requests = {hash_table: puts(unique, [1]), range_table: [
        {'PutRequest': {'Item': {'p': s(unique), 'c': n(1)}}}, {'DeleteRequest': {'Key': {'p': s(unique), 'c': n(2)}}}]}
    answer = ddb.batch_write_item(RequestItems=requests, ReturnItemCollectionMetrics='SIZE')
    assert answer['ItemCollectionMetrics'] == {range_table: [
        {'ItemCollectionKey': {'p': s(unique)}, 'SizeEstimateRangeGB': [0.0, 1.0]}]}
    assert 'ItemCollectionMetrics' not in ddb.batch_write_item(RequestItems=requests)


def test_request_without_an_item(service, hash_table, unique):
    requests = puts(unique, [1, 2])
    del requests[1]['PutRequest']['Item']
    invalid(f"1 validation error detected: Value null at 'requestItems.{hash_table}.member.2.member.putRequest.item' failed "
            'to satisfy constraint: Member must not be null', service.unchecked().batch_write_item,
            RequestItems={hash_table: requests})


def test_reading_much_leaves_keys_for_the_next_request(ddb, hash_table, unique):
    names = [f'{unique}-{i}' for i in range(60)]
    for name in names:
        ddb.put_item(TableName=hash_table, Item={'p': s(name), 'v': s('x' * 300_000)})
    asked, got, requests = {hash_table: {'Keys': [{'p': s(name)} for name in names]}}, [], 0
    while asked:
        answer = ddb.batch_get_item(RequestItems=asked)
        got += keys_of(answer['Responses'][hash_table], 'p')
        asked, requests = answer['UnprocessedKeys'], requests + 1
    assert sorted(name for name, in got) == sorted(names)
    assert requests > 1
    for name in names:
        ddb.delete_item(TableName=hash_table, Key={'p': s(name)})


def test_duplicates(ddb, hash_table, unique):
    invalid('Provided list of item keys contains duplicates', ddb.batch_write_item,
            RequestItems={hash_table: puts(unique, [1, 1])})
    invalid('Provided list of item keys contains duplicates', ddb.batch_get_item,
            RequestItems={hash_table: {'Keys': [{'p': s(unique)}, {'p': s(unique)}]}})


def test_too_many(ddb, hash_table, unique):
    invalid(re.compile('.*Member must have length less than or equal to 25.*|Too many items requested for the '
                       'BatchWriteItem call', re.S), ddb.batch_write_item,
            RequestItems={hash_table: puts(unique, range(26))})
    invalid(re.compile('.*Member must have length less than or equal to 100.*|Too many items requested for the '
                       'BatchGetItem call', re.S), ddb.batch_get_item,
            RequestItems={hash_table: {'Keys': [{'p': s(f'{unique}{i}')} for i in range(101)]}})


@pytest.mark.parametrize('operation', ['batch_write_item', 'batch_get_item'])
def test_nothing(service, operation):
    invalid(re.compile('.*Member must have length greater than or equal to 1.*|.*parameter is required for '
                       'Batch(Write|Get)Item.*', re.S), getattr(service.unchecked(), operation), RequestItems={})


def test_neither_put_nor_delete(service, hash_table):
    invalid('Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported '
            'datatypes', service.unchecked().batch_write_item, RequestItems={hash_table: [{
                'PutRequest': {'Item': {'p': s('x')}}, 'DeleteRequest': {'Key': {'p': s('x')}}}]})


def test_bad_items(ddb, hash_table, unique):
    invalid('The provided key element does not match the schema', ddb.batch_write_item,
            RequestItems={hash_table: [{'DeleteRequest': {'Key': {'q': s('x')}}}]})
    invalid('The provided key element does not match the schema', ddb.batch_write_item,
            RequestItems={hash_table: [{'PutRequest': {'Item': {'q': s('x')}}}]})
    invalid('Item size has exceeded the maximum allowed size', ddb.batch_write_item,
            RequestItems={hash_table: [{'PutRequest': {'Item': {'p': s(unique), 'v': s('x' * 410_000)}}}]})


def test_missing_table(ddb, unique):
    refused('ResourceNotFoundException', 'Requested resource not found', ddb.batch_write_item,
            RequestItems={unique: puts(unique, [1])})
    refused('ResourceNotFoundException', 'Requested resource not found', ddb.batch_get_item,
            RequestItems={unique: {'Keys': [{'p': s('x')}]}})


def test_a_table_by_name_and_by_arn(ddb, hash_table):
    arn = ddb.describe_table(TableName=hash_table)['Table']['TableArn']
    message = 'Provided list of table names contains duplicates'
    invalid(message, ddb.batch_get_item, RequestItems={
        hash_table: {'Keys': [{'p': s('a')}]}, arn: {'Keys': [{'p': s('b')}]}})
    invalid(message, ddb.batch_write_item, RequestItems={
        arn: [{'DeleteRequest': {'Key': {'p': s('a')}}}], hash_table: [{'DeleteRequest': {'Key': {'p': s('b')}}}]})
    ddb.batch_write_item(RequestItems={arn: [{'DeleteRequest': {'Key': {'p': s('a')}}}]})
