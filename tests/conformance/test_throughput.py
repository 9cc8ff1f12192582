"""Provisioned throughput: five minutes' worth may be used at once, then what a second brings."""
import re

import pytest
from botocore.exceptions import ClientError
from expect import n, refused, s

EXCEEDED = 'ProvisionedThroughputExceededException'
TABLE = ('The level of configured provisioned throughput for the table was exceeded. Consider increasing your '
         'provisioning level with the UpdateTable API.')
INDEX = re.compile('The level of configured provisioned throughput for one or more global secondary indexes of the table '
                   'was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary '
                   'indexes with the UpdateTable API')


def units(read, write):
    return {'ReadCapacityUnits': read, 'WriteCapacityUnits': write}


def until_refused(call, most, **params):
    """How often the call succeeds before it is throttled."""
    for i in range(most):
        try:
            call(**params)
        except ClientError as error:
            assert error.response['Error']['Code'] == EXCEEDED
            return i
    return most


@pytest.fixture
def small(tables, unique):
    tables(unique, BillingMode='PROVISIONED', ProvisionedThroughput=units(1, 1))
    return unique


# An item of 250 KB costs 250 units of the 300 a fresh table of one unit has; the second one goes into debt.
def test_writes(ddb, small):
    big = {'p': s('x'), 'v': s('x' * 256_000)}
    ddb.put_item(TableName=small, Item=big)
    ddb.put_item(TableName=small, Item=big)
    refused(EXCEEDED, TABLE, ddb.put_item, TableName=small, Item={'p': s('y')})
    refused(EXCEEDED, TABLE, ddb.delete_item, TableName=small, Key={'p': s('x')})
    refused(EXCEEDED, TABLE, ddb.batch_write_item, RequestItems={small: [{'PutRequest': {'Item': {'p': s('y')}}}]})
    answer = refused('TransactionCanceledException', None, ddb.transact_write_items, TransactItems=[
        {'Put': {'TableName': small, 'Item': {'p': s('y')}}}])
    assert answer['CancellationReasons'] == [{'Code': 'ProvisionedThroughputExceeded', 'Message': TABLE}]
    assert 'Item' not in ddb.get_item(TableName=small, Key={'p': s('y')})
    ddb.update_table(TableName=small, BillingMode='PAY_PER_REQUEST')
    ddb.put_item(TableName=small, Item={'p': s('y')})


# What a batch has no units for comes back; the rest is done.
def test_batches(ddb, hash_table, small, unique):
    requests = [{'PutRequest': {'Item': {'p': s(f'{i}'), 'v': s('x' * 150_000)}}} for i in range(5)]
    answer = ddb.batch_write_item(RequestItems={small: requests, hash_table: [
        {'PutRequest': {'Item': {'p': s(unique)}}}]})
    left = answer['UnprocessedItems'][small]
    assert len(left) == 2 and list(answer['UnprocessedItems']) == [small]
    keys = [{'p': s(f'{i}')} for i in range(5)]
    got = ddb.batch_get_item(RequestItems={small: {'Keys': keys}})
    assert len(got['Responses'][small]) == 3 and got['UnprocessedKeys'] == {}


# The same for reads: 300 units are 300 consistent reads of up to 4 KB.
def test_reads(ddb, small):
    ddb.put_item(TableName=small, Item={'p': s('x'), 'v': s('x' * 250_000)})
    read = dict(TableName=small, Key={'p': s('x')}, ConsistentRead=True)
    assert 4 <= until_refused(ddb.get_item, 200, **read) < 200
    refused(EXCEEDED, TABLE, ddb.get_item, **read)
    refused(EXCEEDED, TABLE, ddb.scan, TableName=small)
    refused(EXCEEDED, TABLE, ddb.batch_get_item, RequestItems={small: {'Keys': [{'p': s('x')}]}})
    refused('TransactionCanceledException', None, ddb.transact_get_items, TransactItems=[
        {'Get': {'TableName': small, 'Key': {'p': s('x')}}}])
    ddb.update_table(TableName=small, BillingMode='PAY_PER_REQUEST')
    ddb.get_item(**read)


# A global index without units left holds up the writes that touch it.
def test_index(ddb, tables, unique):
    tables(unique, 'p:S|g:S', BillingMode='PROVISIONED', ProvisionedThroughput=units(50, 50), GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'ALL'}, 'ProvisionedThroughput': units(1, 1)}])
    for i in range(2):
        ddb.put_item(TableName=unique, Item={'p': s('x'), 'g': s('g'), 'v': s('x' * 250_000 + str(i))})
    refused(EXCEEDED, INDEX, ddb.put_item, TableName=unique, Item={'p': s('y'), 'g': s('g')})
    ddb.put_item(TableName=unique, Item={'p': s('y'), 'v': n(1)})
    for _ in range(5):
        ddb.query(TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g',
                  ExpressionAttributeValues={':g': s('g')})
    assert until_refused(ddb.query, 200, TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g',
                         ExpressionAttributeValues={':g': s('g')}) < 200
    ddb.get_item(TableName=unique, Key={'p': s('x')})
