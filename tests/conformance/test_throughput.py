"""Provisioned throughput: five minutes' worth may be used at once, then what a second brings."""
import re

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import HOME, wait_active
from expect import n, refused, s
from test_cloudwatch import total
from wire import kind

EXCEEDED = 'ProvisionedThroughputExceededException'
ON_DEMAND = 'Throughput exceeds the maximum OnDemandThroughput configured on table or index'
TABLE = ('The level of configured provisioned throughput for the table was exceeded. Consider increasing your '
         'provisioning level with the UpdateTable API.')
INDEX = re.compile('The level of configured provisioned throughput for one or more global secondary indexes of the table '
                   'was exceeded. Consider increasing your provisioning level for the under-provisioned global secondary '
                   'indexes with the UpdateTable API')


def units(read, write):
    return {'ReadCapacityUnits': read, 'WriteCapacityUnits': write}


def until_refused(call, most, code=EXCEEDED, **params):
    """How often the call succeeds before it is throttled."""
    for i in range(most):
        try:
            call(**params)
        except ClientError as error:
            assert error.response['Error']['Code'] == code
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


# The error says what is used up.
def test_reasons(ddb, service, small):
    big = {'p': s('x'), 'v': s('x' * 350_000)}
    ddb.put_item(TableName=small, Item=big)
    _, _, answer = service.wire().call('PutItem', {'TableName': small, 'Item': {'p': s('y')}})
    assert kind(answer) == EXCEEDED and answer['ThrottlingReasons'] == [{
        'reason': 'TableWriteProvisionedThroughputExceeded',
        'resource': ddb.describe_table(TableName=small)['Table']['TableArn']}]


# PartiQL is let in and refused as everything else is.
def test_statements(ddb, small):
    ddb.put_item(TableName=small, Item={'p': s('x'), 'v': s('x' * 350_000)})
    insert = f"""INSERT INTO "{small}" VALUE {{'p': 'y'}}"""
    select = f"""SELECT * FROM "{small}" WHERE p = 'x'"""
    refused(EXCEEDED, TABLE, ddb.execute_statement, Statement=insert)
    answer = ddb.batch_execute_statement(Statements=[{'Statement': insert}])['Responses'][0]
    assert answer['Error'] == {'Code': 'ProvisionedThroughputExceeded', 'Message': TABLE}
    answer = refused('TransactionCanceledException', None, ddb.execute_transaction,
                     TransactStatements=[{'Statement': insert}])
    assert answer['CancellationReasons'] == [{'Code': 'ProvisionedThroughputExceeded', 'Message': TABLE}]
    assert 4 <= until_refused(ddb.execute_statement, 200, Statement=select, ConsistentRead=True) < 200
    refused(EXCEEDED, TABLE, ddb.execute_statement, Statement=f'SELECT * FROM "{small}"')
    answer = ddb.batch_execute_statement(Statements=[{'Statement': select}])['Responses'][0]
    assert answer == {'Error': {'Code': 'ProvisionedThroughputExceeded', 'Message': TABLE}}
    answer = refused('TransactionCanceledException', None, ddb.execute_transaction,
                     TransactStatements=[{'Statement': select}])
    assert answer['CancellationReasons'] == [{'Code': 'ProvisionedThroughputExceeded', 'Message': TABLE}]
    refused(EXCEEDED, TABLE, ddb.get_item, TableName=small, Key={'p': s('x')})


# And it takes what others then lack.
def test_statements_cost(ddb, small):
    ddb.put_item(TableName=small, Item={'p': s('x'), 'v': s('x' * 250_000)})
    select = {'Statement': f"""SELECT * FROM "{small}" WHERE p = 'x'"""}
    for _ in range(2):  # 124 units of 300 each
        ddb.execute_transaction(TransactStatements=[select])
    ddb.batch_execute_statement(Statements=[select])  # 31
    assert until_refused(ddb.get_item, 200, TableName=small, Key={'p': s('x')}) < 10
    update = f"""UPDATE "{small}" SET w = 1 WHERE p = 'x'"""
    assert until_refused(ddb.execute_statement, 5, Statement=update) == 1


AT_MOST_ONE = {'MaxReadRequestUnits': 1, 'MaxWriteRequestUnits': 1}


def limit(service, table, **how):
    """UpdateTable with what older clients do not know."""
    status, _, answer = service.wire().call('UpdateTable', {'TableName': table, **how})
    assert status == 200, answer


# A transaction that is asked for again costs reads.
def test_repeated_transactions_read(ddb, small, unique):
    again = dict(ClientRequestToken=unique, TransactItems=[
        {'Put': {'TableName': small, 'Item': {'p': s('x'), 'v': s('x' * 140_000)}}}])
    ddb.transact_write_items(**again)  # 274 units of 300
    for _ in range(5):  # 70 each
        ddb.transact_write_items(**again)
    refused(EXCEEDED, TABLE, ddb.get_item, TableName=small, Key={'p': s('x')})


# A table on demand with a maximum is held to that, with another error.
def test_on_demand_maximum(ddb, service, tables, unique):
    tables(unique)
    limit(service, unique, OnDemandThroughput=AT_MOST_ONE)
    wait_active(ddb, unique)
    big = {'p': s('x'), 'v': s('x' * 350_000)}
    ddb.put_item(TableName=unique, Item=big)
    refused('ThrottlingException', ON_DEMAND, ddb.put_item, TableName=unique, Item={'p': s('y')})
    refused('ThrottlingException', ON_DEMAND, ddb.batch_write_item, RequestItems={
        unique: [{'PutRequest': {'Item': {'p': s('y')}}}]})
    answer = refused('TransactionCanceledException', None, ddb.transact_write_items, TransactItems=[
        {'Put': {'TableName': unique, 'Item': {'p': s('y')}}}])
    assert answer['CancellationReasons'] == [{'Code': 'ThrottlingError', 'Message': ON_DEMAND}]
    _, _, wire = service.wire().call('PutItem', {'TableName': unique, 'Item': {'p': s('y')}})
    assert kind(wire) == 'ThrottlingException' and wire['throttlingReasons'] == [{
        'reason': 'TableWriteMaxOnDemandThroughputExceeded',
        'resource': ddb.describe_table(TableName=unique)['Table']['TableArn']}]
    read = dict(TableName=unique, Key={'p': s('x')}, ConsistentRead=True)
    assert 3 <= until_refused(ddb.get_item, 200, 'ThrottlingException', **read) < 200
    refused('ThrottlingException', ON_DEMAND, ddb.scan, TableName=unique)
    statement = ddb.batch_execute_statement(Statements=[
        {'Statement': f"""SELECT * FROM "{unique}" WHERE p = 'x'"""}])['Responses'][0]
    assert statement['Error'] == {'Code': 'ThrottlingError', 'Message': ON_DEMAND}
    cloudwatch = boto3.session.Session().client('cloudwatch', **service.how(HOME))
    assert total(cloudwatch, 'WriteMaxOnDemandThroughputThrottleEvents', TableName=unique) == 4
    assert total(cloudwatch, 'WriteThrottleEvents', TableName=unique) == 4
    assert total(cloudwatch, 'ReadMaxOnDemandThroughputThrottleEvents', TableName=unique) == 3
    assert total(cloudwatch, 'OnDemandMaxReadRequestUnits', 'Maximum', TableName=unique) == 1
    limit(service, unique, OnDemandThroughput={'MaxReadRequestUnits': -1, 'MaxWriteRequestUnits': -1})
    wait_active(ddb, unique)
    ddb.put_item(TableName=unique, Item=big)
    ddb.get_item(**read)


# So is a global index of it.
def test_on_demand_maximum_of_an_index(ddb, service, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'ALL'}}])
    limit(service, unique, GlobalSecondaryIndexUpdates=[{'Update': {
        'IndexName': 'by_g', 'OnDemandThroughput': AT_MOST_ONE}}])
    wait_active(ddb, unique)
    ddb.put_item(TableName=unique, Item={'p': s('x'), 'g': s('g'), 'v': s('x' * 350_000)})
    refused('ThrottlingException', ON_DEMAND, ddb.put_item, TableName=unique, Item={'p': s('y'), 'g': s('g')})
    ddb.put_item(TableName=unique, Item={'p': s('y'), 'v': n(1)})
    query = dict(TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g',
                 ExpressionAttributeValues={':g': s('g')})
    assert 3 <= until_refused(ddb.query, 200, 'ThrottlingException', **query) < 200
    _, _, wire = service.wire().call('Query', query)
    assert wire['throttlingReasons'] == [{
        'reason': 'IndexReadMaxOnDemandThroughputExceeded',
        'resource': ddb.describe_table(TableName=unique)['Table']['TableArn'] + '/index/by_g'}]
    ddb.get_item(TableName=unique, Key={'p': s('x')})
    cloudwatch = boto3.session.Session().client('cloudwatch', **service.how(HOME))
    assert total(cloudwatch, 'WriteThrottleEvents', TableName=unique, GlobalSecondaryIndexName='by_g') == 1


# What a local index costs is the table's.
def test_local_index(ddb, tables, unique):
    tables(unique, 'p:S c:S|l:S', BillingMode='PROVISIONED', ProvisionedThroughput=units(1, 1), LocalSecondaryIndexes=[{
        'IndexName': 'by_l', 'Projection': {'ProjectionType': 'ALL'}, 'KeySchema': [
            {'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]}])
    ddb.put_item(TableName=unique, Item={'p': s('x'), 'c': s('c'), 'l': s('l'), 'v': s('x' * 160_000)})
    refused(EXCEEDED, TABLE, ddb.put_item, TableName=unique, Item={'p': s('y'), 'c': s('c')})
