"""Secondary indexes: what they hold, and making and dropping them on a table in use."""
import threading

import pytest
from conftest import wait_active
from devcluster import wait_until
from expect import invalid, keys_of, n, refused, s


def index(name, *keys, projection='ALL', include=None):
    how = {'ProjectionType': projection}
    if include:
        how['NonKeyAttributes'] = include
    return {'IndexName': name, 'Projection': how,
            'KeySchema': [{'AttributeName': key, 'KeyType': kind} for key, kind in zip(keys, ('HASH', 'RANGE'))]}


def by(ddb, table, index_name, attribute, value, **more):
    return ddb.query(TableName=table, IndexName=index_name, KeyConditionExpression=f'{attribute} = :v',
                     ExpressionAttributeValues={':v': value}, **more)['Items']


def settled(ddb, table, index_name, attribute, value, wanted):
    """Global indexes follow the table a moment later."""
    wait_until(f'{index_name} of {table}', lambda: by(ddb, table, index_name, attribute, value) == wanted, 10)


def test_projections(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[
        index('all', 'g'), index('keys', 'g', projection='KEYS_ONLY'),
        index('some', 'g', projection='INCLUDE', include=['a'])])
    item = {'p': s('x'), 'g': s('here'), 'a': n(1), 'b': n(2)}
    ddb.put_item(TableName=unique, Item=item)
    settled(ddb, unique, 'all', 'g', s('here'), [item])
    settled(ddb, unique, 'keys', 'g', s('here'), [{'p': s('x'), 'g': s('here')}])
    settled(ddb, unique, 'some', 'g', s('here'), [{'p': s('x'), 'g': s('here'), 'a': n(1)}])


def test_items_move_in_the_index(ddb, tables, unique):
    tables(unique, 'p:S|g:S r:N', GlobalSecondaryIndexes=[index('by_g', 'g', 'r')])
    ddb.put_item(TableName=unique, Item={'p': s('x'), 'g': s('one'), 'r': n(5)})
    settled(ddb, unique, 'by_g', 'g', s('one'), [{'p': s('x'), 'g': s('one'), 'r': n(5)}])
    ddb.update_item(TableName=unique, Key={'p': s('x')}, UpdateExpression='SET g = :g',
                    ExpressionAttributeValues={':g': s('two')})
    settled(ddb, unique, 'by_g', 'g', s('one'), [])
    settled(ddb, unique, 'by_g', 'g', s('two'), [{'p': s('x'), 'g': s('two'), 'r': n(5)}])
    # Without one of the index's keys it is in the table alone.
    ddb.update_item(TableName=unique, Key={'p': s('x')}, UpdateExpression='REMOVE r')
    settled(ddb, unique, 'by_g', 'g', s('two'), [])
    ddb.update_item(TableName=unique, Key={'p': s('x')}, UpdateExpression='SET r = :r',
                    ExpressionAttributeValues={':r': n(-1)})
    settled(ddb, unique, 'by_g', 'g', s('two'), [{'p': s('x'), 'g': s('two'), 'r': n(-1)}])
    ddb.delete_item(TableName=unique, Key={'p': s('x')})
    settled(ddb, unique, 'by_g', 'g', s('two'), [])


def test_many_items_under_one_index_key(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[index('by_g', 'g')])
    for i in range(30):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i:02}'), 'g': s('all')})
    wait_until('the index', lambda: len(by(ddb, unique, 'by_g', 'g', s('all'))) == 30, 10)
    pages = list(ddb.get_paginator('query').paginate(
        TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g', ExpressionAttributeValues={':g': s('all')},
        PaginationConfig={'PageSize': 7}))
    names = [name for page in pages for name, in keys_of(page['Items'], 'p')]
    assert sorted(names) == [f'{i:02}' for i in range(30)] and len(pages) >= 5


def test_created_on_a_live_table_with_backfill(ddb, tables, unique):
    tables(unique)
    for i in range(300):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i:03}'), 'g': s(f'g{i % 3}'), 'i': n(i)})
    stop, written = threading.Event(), []

    def write():
        i = 300
        while not stop.is_set():
            ddb.put_item(TableName=unique, Item={'p': s(f'{i:03}'), 'g': s(f'g{i % 3}'), 'i': n(i)})
            written.append(i)
            i += 1
    writer = threading.Thread(target=write)
    writer.start()
    try:
        wait_until('writes', lambda: len(written) > 10, 20)
        made = ddb.update_table(
            TableName=unique, AttributeDefinitions=[{'AttributeName': 'p', 'AttributeType': 'S'},
                                                    {'AttributeName': 'g', 'AttributeType': 'S'}],
            GlobalSecondaryIndexUpdates=[{'Create': index('late', 'g', projection='KEYS_ONLY')}])['TableDescription']
        assert [x['IndexStatus'] for x in made['GlobalSecondaryIndexes']] == ['CREATING']
        table = wait_active(ddb, unique)
        seen = len(written)
        wait_until('writes during and after', lambda: len(written) > seen + 10, 20)
    finally:
        stop.set()
        writer.join()
    assert [x['IndexName'] for x in table['GlobalSecondaryIndexes']] == ['late']
    total = 300 + len(written)

    def indexed():
        return sum(len(by(ddb, unique, 'late', 'g', s(f'g{k}'))) for k in range(3))
    wait_until(f'{total} items in the index', lambda: indexed() == total, 20)


def test_dropped(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[index('by_g', 'g')])
    gone = ddb.update_table(TableName=unique, GlobalSecondaryIndexUpdates=[{'Delete': {'IndexName': 'by_g'}}])
    assert gone['TableDescription']['GlobalSecondaryIndexes'][0]['IndexStatus'] == 'DELETING'
    wait_until('the end of the index', lambda: 'GlobalSecondaryIndexes' not in ddb.describe_table(
        TableName=unique)['Table'], 20)
    table = wait_active(ddb, unique)
    assert 'g' not in [a['AttributeName'] for a in table['AttributeDefinitions']]
    invalid('The table does not have the specified index: by_g', by, ddb, unique, 'by_g', 'g', s('x'))


def test_index_updates_are_refused(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[index('by_g', 'g')])
    defined = [{'AttributeName': 'p', 'AttributeType': 'S'}, {'AttributeName': 'g', 'AttributeType': 'S'}]
    refused('ResourceNotFoundException', None, ddb.update_table, TableName=unique,
            GlobalSecondaryIndexUpdates=[{'Delete': {'IndexName': 'none'}}])
    invalid('Attempting to create an index which already exists', ddb.update_table, TableName=unique,
            AttributeDefinitions=defined, GlobalSecondaryIndexUpdates=[{'Create': index('by_g', 'g')}])
    refused('LimitExceededException', None, ddb.update_table, TableName=unique, AttributeDefinitions=defined,
            GlobalSecondaryIndexUpdates=[{'Create': index('one', 'g')}, {'Create': index('two', 'g')}])


def test_local_index_keeps_its_order_and_projection(ddb, tables, unique):
    tables(unique, 'p:S c:N|l:N', LocalSecondaryIndexes=[index('by_l', 'p', 'l', projection='KEYS_ONLY')])
    for c in range(10):
        ddb.put_item(TableName=unique, Item={'p': s('x'), 'c': n(c), 'l': n(10 - c), 'v': n(c)})
    ddb.put_item(TableName=unique, Item={'p': s('x'), 'c': n(99)})
    how = dict(TableName=unique, IndexName='by_l', KeyConditionExpression='p = :p AND l > :l',
               ExpressionAttributeValues={':p': s('x'), ':l': n(7)})
    assert ddb.query(**how)['Items'] == [{'p': s('x'), 'c': n(10 - k), 'l': n(k)} for k in (8, 9, 10)]
    # A local index fetches from the table what it does not hold itself.
    fetched = ddb.query(Select='ALL_ATTRIBUTES', **how)['Items']
    assert fetched[0] == {'p': s('x'), 'c': n(2), 'l': n(8), 'v': n(2)}


@pytest.mark.parametrize('indexes, message', [
    ([index('a' * 3, 'p', 'l'), index('a' * 3, 'p', 'l')],
     'One or more parameter values were invalid: Duplicate index name: aaa'),
    ([index('aaa', 'l', 'p')],
     'One or more parameter values were invalid: Index KeySchema does not have the same leading hash key as table '
     'KeySchema for index: aaa. index hash key: l, table hash key: p'),
    ([index('aaa', 'p'), index('bbb', 'p', 'l')],
     'One or more parameter values were invalid: Index KeySchema does not have a range key for index: aaa'),
    ([index(f'ix{i}', 'p', 'l') for i in range(6)],
     'One or more parameter values were invalid: Number of LocalSecondaryIndexes exceeds per-table limit of 5'),
])
def test_local_indexes_are_refused(tables, unique, indexes, message):
    invalid(message, tables, unique, 'p:S c:N|l:N', LocalSecondaryIndexes=indexes)


# An attribute in the keys of several indexes is refused for the first of them by name, however it is written.
def test_refusal_names_the_first_index(ddb, tables, unique):
    tables(unique, 'p:S c:S|v:S', LocalSecondaryIndexes=[{
        'IndexName': 'local', 'Projection': {'ProjectionType': 'ALL'},
        'KeySchema': [{'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'v', 'KeyType': 'RANGE'}]}],
        GlobalSecondaryIndexes=[{'IndexName': 'global', 'Projection': {'ProjectionType': 'ALL'},
                                 'KeySchema': [{'AttributeName': 'v', 'KeyType': 'HASH'}]}])
    wrong = ('One or more parameter values were invalid: Type mismatch for Index Key v Expected: S Actual: N IndexName: '
             'global')
    key = {'p': s('a'), 'c': s('b')}
    invalid(wrong, ddb.put_item, TableName=unique, Item={**key, 'v': n(1)})
    invalid(wrong, ddb.update_item, TableName=unique, Key=key, UpdateExpression='SET v = :v',
            ExpressionAttributeValues={':v': n(1)})
    invalid('One or more parameter values are not valid. The update expression attempted to update a secondary index key '
            'to a value that is not supported. The AttributeValue for a key attribute cannot contain an empty string '
            'value.', ddb.update_item, TableName=unique, Key=key, UpdateExpression='SET v = :v',
            ExpressionAttributeValues={':v': s('')})


# What an update alone shows to be of a wrong type is refused before the condition is looked at; what only the item shows is
# told in other words, and so is a key that becomes too long.
def test_updates_of_index_keys(ddb, tables, unique):
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'Projection': {'ProjectionType': 'ALL'}, 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}]}])
    key = {'p': s('a')}
    ddb.put_item(TableName=unique, Item={**key, 'n': n(1), 'l': {'L': []}, 't': s('text')})

    def update(text, **values):
        return dict(TableName=unique, Key=key, UpdateExpression=text, **(
            {'ExpressionAttributeValues': {f':{name}': value for name, value in values.items()}} if values else {}))
    for kind, text, values in (('N', 'SET g = :v', {'v': n(1)}), ('N', 'SET g = n + :v', {'v': n(1)}), ('N', 'ADD g :v', {'v': n(1)}),
                               ('L', 'SET g = list_append(l, l)', {}), ('M', 'SET g = if_not_exists(t, :v)', {'v': {'M': {}}})):
        invalid(f'One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: {kind} IndexName: by_g',
                ddb.update_item, **update(text, **values), ConditionExpression='attribute_exists(nosuch)')
    invalid('One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N IndexName: by_g',
            ddb.update_item, TableName=unique, Key=key, AttributeUpdates={'g': {'Action': 'PUT', 'Value': n(1)}})
    refused('ConditionalCheckFailedException', None, ddb.update_item, **update('SET g = n'), ConditionExpression='attribute_exists(nosuch)')
    for text, values in (('SET g = n', {}), ('SET g = if_not_exists(n, :v)', {'v': s('x')})):
        invalid('The update expression attempted to update the secondary index key to unsupported type', ddb.update_item,
                **update(text, **values))
    invalid('The update expression attempted to update the secondary index key beyond allowed size limits', ddb.update_item,
            **update('SET g = :v', v=s('x' * 2049)))
    ddb.update_item(**update('SET g = t'))
    assert ddb.get_item(TableName=unique, Key=key)['Item']['g'] == s('text')
