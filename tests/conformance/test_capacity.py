"""ConsumedCapacity: what reads and writes of every kind are said to cost."""
import pytest
from botocore.exceptions import ClientError
from conftest import make_table
from expect import n, s
from test_replicated_units import meters  # noqa: F401 (a fixture)
from test_cloudwatch import total
from devcluster import REGIONS


def kb(size):
    """A value that, with key p of one letter and its own name v, makes an item of so many KB."""
    return s('x' * (1024 * size - 3))


@pytest.fixture(scope='module')
def plain(ddb, request):
    name = f'capacity-plain-{id(request)}'
    make_table(ddb, name, 'p:S')
    yield name
    ddb.delete_table(TableName=name)


@pytest.fixture(scope='module')
def indexed(ddb, request):
    """Keys p and c; a global index on g that projects b too; a local one of everything on l."""
    name = f'capacity-indexed-{id(request)}'
    make_table(ddb, name, 'p:S c:S|g:S l:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
        'Projection': {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['b']}}], LocalSecondaryIndexes=[{
            'IndexName': 'by_l', 'Projection': {'ProjectionType': 'ALL'}, 'KeySchema': [
                {'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]}])
    yield name
    ddb.delete_table(TableName=name)


def arms(capacity):
    """(total, table, global index, local index), None where nothing is said; nothing else is said."""
    def units(part):
        assert set(part) == {'CapacityUnits'}, part
        return part['CapacityUnits']

    def of_index(kind, name):
        if kind not in capacity:
            return None
        assert set(capacity[kind]) == {name}
        return units(capacity[kind][name])
    assert set(capacity) <= {'TableName', 'CapacityUnits', 'Table', 'GlobalSecondaryIndexes', 'LocalSecondaryIndexes'}
    return (capacity['CapacityUnits'], units(capacity['Table']), of_index('GlobalSecondaryIndexes', 'by_g'),
            of_index('LocalSecondaryIndexes', 'by_l'))


# ---- writes ----

# The larger of the item before and after counts, in kilobytes begun; what is not there counts as one.
@pytest.mark.parametrize('before, after, units', [
    (None, 1, 1), (None, 2, 2), (1, 3, 3), (3, 1, 3), (2, 2, 2)])
def test_put_counts_the_larger_item(ddb, plain, unique, before, after, units):
    key = {'p': s('k')}
    if before:
        ddb.put_item(TableName=plain, Item={**key, 'v': kb(before)})
    answer = ddb.put_item(TableName=plain, Item={**key, 'v': kb(after)}, ReturnConsumedCapacity='TOTAL')
    assert answer['ConsumedCapacity'] == {'TableName': plain, 'CapacityUnits': units}
    answer = ddb.delete_item(TableName=plain, Key=key, ReturnConsumedCapacity='TOTAL')
    assert answer['ConsumedCapacity']['CapacityUnits'] == after
    answer = ddb.delete_item(TableName=plain, Key=key, ReturnConsumedCapacity='TOTAL')
    assert answer['ConsumedCapacity']['CapacityUnits'] == 1


def test_one_byte_more_is_another_unit(ddb, plain):
    over = {'p': s('k'), 'v': s('x' * (1024 - 3 + 1))}
    answer = ddb.put_item(TableName=plain, Item=over, ReturnConsumedCapacity='TOTAL')
    assert answer['ConsumedCapacity']['CapacityUnits'] == 2
    ddb.delete_item(TableName=plain, Key={'p': s('k')})


def test_update_counts_the_larger_item(ddb, plain):
    def update(expression, **values):
        return ddb.update_item(
            TableName=plain, Key={'p': s('k')}, UpdateExpression=expression, ReturnConsumedCapacity='TOTAL',
            **({'ExpressionAttributeValues': values} if values else {}))['ConsumedCapacity']['CapacityUnits']
    assert update('REMOVE v') == 1  # makes nothing
    assert update('SET v = :v', **{':v': kb(3)}) == 3
    assert update('SET v = v') == 3  # changes nothing
    assert update('SET w = :w REMOVE v', **{':w': n(1)}) == 3
    assert update('SET w = :w', **{':w': n(2)}) == 1
    ddb.delete_item(TableName=plain, Key={'p': s('k')})


# A condition that does not hold costs what the item that stands there does; the answer is an error and says nothing.
def test_a_failed_condition_is_metered(ddb, meters, tables, unique):  # noqa: F811
    tables(unique)
    ddb.put_item(TableName=unique, Item={'p': s('k'), 'v': kb(2)})
    for item in ({'p': s('k'), 'v': kb(5)}, {'p': s('other'), 'v': kb(5)}):
        with pytest.raises(ddb.exceptions.ConditionalCheckFailedException):
            ddb.put_item(TableName=unique, Item=item, ConditionExpression='attribute_exists(nope)',
                         ReturnConsumedCapacity='TOTAL')
    assert total(meters[REGIONS[0]], 'ConsumedWriteCapacityUnits', TableName=unique) == 2 + 2 + 1


# ---- writes and indexes: the change to what an index holds is what costs ----

def put(ddb, table, **attributes):
    return arms(ddb.put_item(TableName=table, Item={name: s(v) for name, v in attributes.items()},
                             ReturnConsumedCapacity='INDEXES')['ConsumedCapacity'])


def test_put_with_indexes(ddb, indexed, unique):
    assert put(ddb, indexed, p=unique, c='1', g='g', b='b') == (2, 1, 1, None)
    assert put(ddb, indexed, p=unique, c='2', note='o') == (1, 1, None, None)
    assert put(ddb, indexed, p=unique, c='3', l='l') == (2, 1, None, 1)
    assert put(ddb, indexed, p=unique, c='4', g='g', l='l', b='b') == (3, 1, 1, 1)
    assert put(ddb, indexed, p=unique, c='4', g='g', l='l', b='b') == (1, 1, None, None)
    capacity = ddb.put_item(TableName=indexed, Item={'p': s(unique), 'c': s('5'), 'g': s('g')},
                            ReturnConsumedCapacity='TOTAL')['ConsumedCapacity']
    assert capacity == {'TableName': indexed, 'CapacityUnits': 2}


@pytest.mark.parametrize('expression, value, units', [
    ('SET note = :v', 'o2', (2, 1, None, 1)),
    ('SET b = :v', 'b2', (3, 1, 1, 1)),
    ('SET g = :v', 'moved', (4, 1, 2, 1)),
    ('REMOVE g', None, (3, 1, 1, 1)),
    ('SET l = :v', 'moved', (3, 1, None, 2)),
    ('SET note = :v', 'o', (1, 1, None, None))])
def test_update_with_indexes(ddb, indexed, unique, expression, value, units):
    put(ddb, indexed, p=unique, c='1', g='g', l='l', b='b', note='o')
    values = {'ExpressionAttributeValues': {':v': s(value)}} if value else {}
    answer = ddb.update_item(TableName=indexed, Key={'p': s(unique), 'c': s('1')}, UpdateExpression=expression,
                             ReturnConsumedCapacity='INDEXES', **values)
    assert arms(answer['ConsumedCapacity']) == units


def test_delete_with_indexes(ddb, indexed, unique):
    def delete(c):
        return arms(ddb.delete_item(TableName=indexed, Key={'p': s(unique), 'c': s(c)},
                                    ReturnConsumedCapacity='INDEXES')['ConsumedCapacity'])
    put(ddb, indexed, p=unique, c='1', g='g', l='l', b='b')
    put(ddb, indexed, p=unique, c='2', note='o')
    assert delete('1') == (3, 1, 1, 1)
    assert delete('2') == (1, 1, None, None)
    assert delete('1') == (1, 1, None, None)


def test_batch_write_adds_up(ddb, indexed, plain, unique):
    answer = ddb.batch_write_item(RequestItems={
        indexed: [{'PutRequest': {'Item': {'p': s(unique), 'c': s('1'), 'g': s('g')}}},
                  {'PutRequest': {'Item': {'p': s(unique), 'c': s('2'), 'o': s('o')}}}],
        plain: [{'PutRequest': {'Item': {'p': s('a'), 'v': s('x' * 100)}}},
                {'PutRequest': {'Item': {'p': s('b'), 'v': s('x' * 1500)}}},
                {'DeleteRequest': {'Key': {'p': s('c')}}}]}, ReturnConsumedCapacity='INDEXES')
    by_table = {row['TableName']: row for row in answer['ConsumedCapacity']}
    assert arms(by_table[indexed]) == (3, 2, 1, None)
    assert arms(by_table[plain]) == (4, 4, None, None)


# In a transaction the table's part doubles, an index's does not, and both are told as write units too.
def test_transaction_with_indexes(ddb, indexed, unique):
    put(ddb, indexed, p=unique, c='1', g='g')
    capacity = ddb.transact_write_items(TransactItems=[{'Update': {
        'TableName': indexed, 'Key': {'p': s(unique), 'c': s('1')}, 'UpdateExpression': 'SET g = :h',
        'ExpressionAttributeValues': {':h': s('h')}}}, {'ConditionCheck': {
            'TableName': indexed, 'Key': {'p': s(unique), 'c': s('2')},
            'ConditionExpression': 'attribute_not_exists(p)'}}], ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
    both = dict(CapacityUnits=2.0, WriteCapacityUnits=2.0)
    assert capacity == [dict(
        TableName=indexed, CapacityUnits=6.0, WriteCapacityUnits=6.0,
        Table=dict(CapacityUnits=4.0, WriteCapacityUnits=4.0), GlobalSecondaryIndexes={'by_g': both})]


# ---- reads ----

@pytest.fixture(scope='module')
def shelf(ddb, indexed):
    """Five items of 3 KB under one key, one of which has a mark."""
    for i in range(5):
        item = {'p': s('shelf'), 'c': s(f'{i}'), 'g': s('shelf'), 'l': s(f'{i}'), 'b': s('b'), 'v': s('x' * 3000)}
        ddb.put_item(TableName=indexed, Item={**item, 'mark': n(1)} if i == 3 else item)
    return indexed


def query(ddb, table, **how):
    params = dict(TableName=table, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('shelf')},
                  ReturnConsumedCapacity='INDEXES')
    params.update(how)
    return arms(ddb.query(**params)['ConsumedCapacity'])


# A page's items are added up before they are rounded: 15 KB are 4 units, half of that when not consistent.
def test_query_rounds_the_sum(ddb, shelf):
    assert query(ddb, shelf) == (2, 2, None, None)
    assert query(ddb, shelf, ConsistentRead=True) == (4, 4, None, None)
    assert query(ddb, shelf, Limit=1) == (0.5, 0.5, None, None)
    assert query(ddb, shelf, Limit=2) == (1, 1, None, None)
    assert query(ddb, shelf, ExpressionAttributeValues={':p': s('nothing')}) == (0.5, 0.5, None, None)


# What is filtered out, not shown or only counted has been read.
def test_filters_and_projections_cost_the_same(ddb, shelf):
    assert query(ddb, shelf, FilterExpression='attribute_exists(mark)') == (2, 2, None, None)
    assert query(ddb, shelf, ProjectionExpression='c') == (2, 2, None, None)
    assert query(ddb, shelf, Select='COUNT') == (2, 2, None, None)
    whole = ddb.scan(TableName=shelf, ReturnConsumedCapacity='TOTAL')
    less = ddb.scan(TableName=shelf, Select='COUNT', FilterExpression='attribute_exists(mark)',
                    ReturnConsumedCapacity='TOTAL')
    assert less['Count'] == 1 and less['ConsumedCapacity'] == whole['ConsumedCapacity']


# An index's rows are as large as what it projects.
def test_index_reads(ddb, shelf):
    assert query(ddb, shelf, IndexName='by_l') == (2, 0, None, 2)
    assert query(ddb, shelf, IndexName='by_l', ConsistentRead=True) == (4, 0, None, 4)
    assert query(ddb, shelf, IndexName='by_g', KeyConditionExpression='g = :p') == (0.5, 0, 0.5, None)
    capacity = ddb.scan(TableName=shelf, IndexName='by_g', ReturnConsumedCapacity='TOTAL')['ConsumedCapacity']
    assert capacity == {'TableName': shelf, 'CapacityUnits': 0.5}


# What a local index lacks is read from the table, item by item: each is rounded for itself.
def test_local_index_that_lacks_attributes(ddb, tables, unique):
    tables(unique, 'p:S c:S|l:S', LocalSecondaryIndexes=[{
        'IndexName': 'by_l', 'Projection': {'ProjectionType': 'KEYS_ONLY'}, 'KeySchema': [
            {'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]}])

    def fill(size):
        for i in range(3):
            ddb.put_item(TableName=unique, Item={'p': s('shelf'), 'c': s(f'{i}'), 'l': s(f'{i}'), 'v': s('x' * size)})
    fill(10)
    assert query(ddb, unique, IndexName='by_l') == (0.5, 0, None, 0.5)
    assert query(ddb, unique, IndexName='by_l', ProjectionExpression='v') == (2, 1.5, None, 0.5)
    fill(9000)
    assert query(ddb, unique, IndexName='by_l', Select='ALL_ATTRIBUTES') == (5, 4.5, None, 0.5)
    assert query(ddb, unique, IndexName='by_l', ProjectionExpression='v', ConsistentRead=True) == (10, 9, None, 1)
    capacity = ddb.execute_statement(Statement=f"""SELECT v FROM "{unique}"."by_l" WHERE p = 'shelf'""",
                                     ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
    assert arms(capacity) == (5, 4.5, None, 0.5)


# Single reads round each item for itself, and what is not there costs the least.
def test_single_reads(ddb, shelf):
    keys = [{'p': s('shelf'), 'c': s(f'{i}')} for i in range(3)] + [{'p': s('shelf'), 'c': s('none')}]

    def units(answer):
        return answer['ConsumedCapacity']['CapacityUnits']
    read = dict(TableName=shelf, ReturnConsumedCapacity='TOTAL')
    for key in keys[0], keys[3]:
        assert units(ddb.get_item(Key=key, **read)) == 0.5
        assert units(ddb.get_item(Key=key, ConsistentRead=True, ProjectionExpression='c', **read)) == 1
    for consistent, expected in (False, 2), (True, 4):
        got = ddb.batch_get_item(RequestItems={shelf: {'Keys': keys, 'ConsistentRead': consistent}},
                                 ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
        assert [arms(row) for row in got] == [(expected, expected, None, None)]
    got = ddb.transact_get_items(TransactItems=[{'Get': {'TableName': shelf, 'Key': key}} for key in keys],
                                 ReturnConsumedCapacity='TOTAL')['ConsumedCapacity']
    assert got == [{'TableName': shelf, 'CapacityUnits': 8, 'ReadCapacityUnits': 8}]


# ---- statements ----

def test_statements_cost_what_operations_do(ddb, indexed, unique):
    def run(statement):
        return arms(ddb.execute_statement(Statement=statement, ReturnConsumedCapacity='INDEXES')['ConsumedCapacity'])
    where = f"WHERE p = '{unique}' AND c = '1'"
    assert run(f"""INSERT INTO "{indexed}" VALUE {{'p': '{unique}', 'c': '1', 'g': 'g'}}""") == (2, 1, 1, None)
    assert run(f"""UPDATE "{indexed}" SET g = 'h' {where}""") == (3, 1, 2, None)
    assert run(f"""SELECT * FROM "{indexed}" {where}""") == (0.5, 0.5, None, None)
    assert run(f"""SELECT g FROM "{indexed}"."by_g" WHERE g = 'h'""") == (0.5, 0, 0.5, None)
    assert run(f"""DELETE FROM "{indexed}" {where}""") == (2, 1, 1, None)


# In a batch a statement whose condition fails is told as the write it tried; a table of which all failed is not.
def test_failed_statements_of_a_batch(ddb, plain, indexed, unique):
    ddb.put_item(TableName=plain, Item={'p': s('x'), 'v': kb(3)})
    insert = f"""INSERT INTO "{plain}" VALUE {{'p': '%s', 'v': '%s'}}"""
    answer = ddb.batch_execute_statement(Statements=[
        {'Statement': insert % ('x', 'y' * 4500)}, {'Statement': insert % ('z', 'y')},
        {'Statement': f"""UPDATE "{plain}" SET w = 1 WHERE p = 'none' AND attribute_exists(q)"""},
        {'Statement': f"""DELETE FROM "{indexed}" WHERE p = '{unique}' AND c = '1' AND g = 'no'"""}],
        ReturnConsumedCapacity='INDEXES')
    assert [row.get('Error', {}).get('Code') for row in answer['Responses']] == [
        'DuplicateItem', None, 'ConditionalCheckFailed', None]
    told = {row['TableName']: arms(row) for row in answer['ConsumedCapacity']}
    assert told == {plain: (5 + 1 + 1, 7, None, None), indexed: (1, 1, None, None)}
    answer = ddb.batch_execute_statement(Statements=[{'Statement': insert % ('x', 'y')}],
                                         ReturnConsumedCapacity='INDEXES')
    assert 'ConsumedCapacity' not in answer
    for key in 'x', 'z':
        ddb.delete_item(TableName=plain, Key={'p': s(key)})


# ---- limits ----

# An update that would make the item too large has words of its own, and changes nothing.
def test_update_over_the_limit(ddb, plain):
    ddb.put_item(TableName=plain, Item={'p': s('big'), 'v': s('x' * 300_000)})
    with pytest.raises(ClientError) as caught:
        ddb.update_item(TableName=plain, Key={'p': s('big')}, UpdateExpression='SET w = :w',
                        ExpressionAttributeValues={':w': s('x' * 150_000)})
    assert caught.value.response['Error'] == {
        'Code': 'ValidationException', 'Message': 'Item size to update has exceeded the maximum allowed size'}
    assert 'w' not in ddb.get_item(TableName=plain, Key={'p': s('big')})['Item']
    ddb.delete_item(TableName=plain, Key={'p': s('big')})
