"""Item collections: what writes to tables with local indexes tell of them."""
import pytest
from expect import constraint, invalid, n, s


@pytest.fixture(scope='module')
def collected(ddb, service):
    from conftest import make_table
    name = f'conformance-collections-{id(service)}'
    make_table(ddb, name, 'p:S c:N|l:S', LocalSecondaryIndexes=[
        {'IndexName': 'by_l', 'Projection': {'ProjectionType': 'ALL'}, 'KeySchema': [
            {'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]}])
    yield name
    ddb.delete_table(TableName=name)


def told(key):
    return {'ItemCollectionKey': {'p': s(key)}, 'SizeEstimateRangeGB': [0.0, 1.0]}


def test_single_writes(ddb, collected):
    how = dict(TableName=collected, ReturnItemCollectionMetrics='SIZE')
    put = ddb.put_item(Item={'p': s('one'), 'c': n(1), 'l': s('x')}, **how)
    assert put['ItemCollectionMetrics'] == told('one')
    changed = ddb.update_item(Key={'p': s('one'), 'c': n(1)}, UpdateExpression='SET v = :v',
                              ExpressionAttributeValues={':v': n(1)}, **how)
    assert changed['ItemCollectionMetrics'] == told('one')
    assert ddb.delete_item(Key={'p': s('one'), 'c': n(1)}, **how)['ItemCollectionMetrics'] == told('one')
    assert ddb.delete_item(Key={'p': s('none'), 'c': n(1)}, **how)['ItemCollectionMetrics'] == told('none')
    quiet = ddb.put_item(TableName=collected, Item={'p': s('one'), 'c': n(1)}, ReturnItemCollectionMetrics='NONE')
    assert 'ItemCollectionMetrics' not in quiet


def test_batches_tell_of_each_collection_once(ddb, collected, hash_table):
    puts = [{'PutRequest': {'Item': {'p': s(f'b{i % 2}'), 'c': n(i), 'l': s('x')}}} for i in range(5)]
    how = dict(RequestItems={collected: puts, hash_table: [{'PutRequest': {'Item': {'p': s('alone')}}}]})
    metrics = ddb.batch_write_item(ReturnItemCollectionMetrics='SIZE', **how)['ItemCollectionMetrics']
    assert list(metrics) == [collected]
    assert sorted(metrics[collected], key=str) == [told('b0'), told('b1')]
    assert 'ItemCollectionMetrics' not in ddb.batch_write_item(**how)


def test_tables_without_local_indexes_have_none(ddb, hash_table):
    how = dict(TableName=hash_table, ReturnItemCollectionMetrics='SIZE')
    assert 'ItemCollectionMetrics' not in ddb.put_item(Item={'p': s('x')}, **how)
    assert 'ItemCollectionMetrics' not in ddb.delete_item(Key={'p': s('x')}, **how)
    answer = ddb.batch_write_item(RequestItems={hash_table: [{'DeleteRequest': {'Key': {'p': s('x')}}}]},
                                  ReturnItemCollectionMetrics='SIZE')
    assert 'ItemCollectionMetrics' not in answer


def test_other_words_are_refused(service, collected):
    invalid(constraint('ALL', 'returnItemCollectionMetrics', 'Member must satisfy enum value set: [SIZE, NONE]'),
            service.unchecked().put_item, TableName=collected, Item={'p': s('x'), 'c': n(1)},
            ReturnItemCollectionMetrics='ALL')
