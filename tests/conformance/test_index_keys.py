"""Global indexes whose keys are made of several attributes, and what an index's description counts."""
import pytest
from conftest import wait_active
from devcluster import wait_until
from expect import invalid, n, s

VALUES = {':h': s('o'), ':a': s('T'), ':b': n(2), ':c': s('x'), ':d': s('r'), ':lo': n(1), ':hi': n(2)}


def schema(text):
    """'h1 h2|r1 r2' as a KeySchema."""
    hashes, _, ranges = text.partition('|')
    return [{'AttributeName': k, 'KeyType': 'HASH'} for k in hashes.split()] + [
        {'AttributeName': k, 'KeyType': 'RANGE'} for k in ranges.split()]


def wide(name, text, projection='ALL'):
    return {'IndexName': name, 'KeySchema': schema(text), 'Projection': {'ProjectionType': projection}}


ITEMS = [('p1', 'T', 2, 'b', 'r1'), ('p2', 'T', 2, 'a', 'r2'), ('p3', 'T', 2, 'a', 'r1'), ('p4', 'T', 1, 'c', 'r1'),
         ('p5', 'F', 2, 'a', 'r0')]


@pytest.fixture(scope='module')
def deep(ddb, service):
    """A table with an index by one hash attribute and four range attributes."""
    from conftest import make_table
    name = f'conformance-deep-{id(service)}'
    make_table(ddb, name, 'p:S|h:S a:S b:N c:S d:S', GlobalSecondaryIndexes=[wide('deep', 'h|a b c d')])
    for p, a, b, c, d in ITEMS:
        ddb.put_item(TableName=name, Item={'p': s(p), 'h': s('o'), 'a': s(a), 'b': n(b), 'c': s(c), 'd': s(d)})
    ddb.put_item(TableName=name, Item={'p': s('sparse'), 'h': s('o'), 'a': s('T'), 'b': n(2), 'd': s('r1')})
    wait_until('the index', lambda: ddb.scan(TableName=name, IndexName='deep')['Count'] == 5, 10)
    yield name
    ddb.delete_table(TableName=name)


def found(ddb, table, condition, **more):
    used = {k: v for k, v in VALUES.items() if k in condition.replace('(', ' ').replace(')', ' ').replace(',', ' ').split()}
    page = ddb.query(TableName=table, IndexName='deep', KeyConditionExpression=condition,
                     ExpressionAttributeValues=used, **more)
    return [item['p']['S'] for item in page['Items']]


@pytest.mark.parametrize('condition, wanted', [
    ('h = :h', 'p5 p4 p3 p2 p1'),
    ('h = :h AND a = :a', 'p4 p3 p2 p1'),
    ('b = :b AND h = :h AND a = :a', 'p3 p2 p1'),
    ('h = :h AND a = :a AND b < :b', 'p4'),
    ('h = :h AND a = :a AND b BETWEEN :lo AND :hi', 'p4 p3 p2 p1'),
    ('h = :h AND a = :a AND b = :b AND c >= :c', ''),
    ('h = :h AND a >= :a', 'p4 p3 p2 p1'),
])
def test_conditions_go_from_left_to_right(ddb, deep, condition, wanted):
    assert found(ddb, deep, condition) == wanted.split()
    assert found(ddb, deep, condition, ScanIndexForward=False) == wanted.split()[::-1]


def test_the_last_range_attribute_by_its_beginning(ddb, deep):
    got = ddb.query(TableName=deep, IndexName='deep',
                    KeyConditionExpression='h = :h AND a = :a AND b = :b AND c = :c AND begins_with(d, :d)',
                    ExpressionAttributeValues={**{k: VALUES[k] for k in (':h', ':a', ':b', ':d')}, ':c': s('a')})
    assert [item['p']['S'] for item in got['Items']] == ['p3', 'p2']


def test_pages_hold_every_key_attribute(ddb, deep):
    page = ddb.query(TableName=deep, IndexName='deep', KeyConditionExpression='h = :h AND a = :a', Limit=2,
                     ExpressionAttributeValues={':h': s('o'), ':a': s('T')})
    assert sorted(page['LastEvaluatedKey']) == ['a', 'b', 'c', 'd', 'h', 'p']
    rest = ddb.query(TableName=deep, IndexName='deep', KeyConditionExpression='h = :h AND a = :a',
                     ExpressionAttributeValues={':h': s('o'), ':a': s('T')}, ExclusiveStartKey=page['LastEvaluatedKey'])
    assert [item['p']['S'] for item in page['Items'] + rest['Items']] == ['p4', 'p3', 'p2', 'p1']
    scanned, start = [], {}
    while start is not None:
        page = ddb.scan(TableName=deep, IndexName='deep', Limit=2, **start)
        scanned += [item['p']['S'] for item in page['Items']]
        start = {'ExclusiveStartKey': page['LastEvaluatedKey']} if 'LastEvaluatedKey' in page else None
    assert sorted(scanned) == ['p1', 'p2', 'p3', 'p4', 'p5']
    short = {k: v for k, v in ddb.query(
        TableName=deep, IndexName='deep', KeyConditionExpression='h = :h', Limit=1,
        ExpressionAttributeValues={':h': s('o')})['LastEvaluatedKey'].items() if k != 'c'}
    invalid('The provided starting key is invalid', ddb.query, TableName=deep, IndexName='deep',
            KeyConditionExpression='h = :h', ExpressionAttributeValues={':h': s('o')}, ExclusiveStartKey=short)


GAP = ('RANGE key attributes {} must have equality conditions specified in the query because a condition is present '
       'on key attribute {}')


@pytest.mark.parametrize('condition, message', [
    ('h = :h AND b = :b', GAP.format('a', 'b')),
    ('h = :h AND a = :a AND c = :c', GAP.format('b', 'c')),
    ('h = :h AND a > :a AND b = :b', GAP.format('a', 'b')),
    ('h = :h AND c = :c', GAP.format('a, b', 'c')),
    ('a = :a', 'Query condition missed key schema element: h'),
    ('h > :h', 'Query key condition not supported'),
    ('h = :h AND a = :b',
     'One or more parameter values were invalid: Condition parameter type does not match schema type'),
])
def test_gaps_are_refused(ddb, deep, condition, message):
    invalid(message, found, ddb, deep, condition)


def test_legacy_key_conditions(ddb, deep):
    conditions = {'h': {'ComparisonOperator': 'EQ', 'AttributeValueList': [s('o')]},
                  'a': {'ComparisonOperator': 'EQ', 'AttributeValueList': [s('T')]},
                  'b': {'ComparisonOperator': 'GT', 'AttributeValueList': [n(1)]}}
    got = ddb.query(TableName=deep, IndexName='deep', KeyConditions=conditions)['Items']
    assert [item['p']['S'] for item in got] == ['p3', 'p2', 'p1']
    del conditions['a']
    invalid(GAP.format('a', 'b'), ddb.query, TableName=deep, IndexName='deep', KeyConditions=conditions)


def test_several_hash_attributes(ddb, tables, unique):
    tables(unique, 'p:S|g:S h:N r:S', GlobalSecondaryIndexes=[wide('both', 'g h|r', 'KEYS_ONLY')])
    keys = ddb.describe_table(TableName=unique)['Table']['GlobalSecondaryIndexes'][0]['KeySchema']
    assert keys == schema('g h|r')
    for i in range(6):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i}'), 'g': s('x'), 'h': n(i % 2), 'r': s(f'{9 - i}'), 'v': n(i)})
    how = dict(TableName=unique, IndexName='both')
    wait_until('the index', lambda: ddb.scan(**how)['Count'] == 6, 10)
    got = ddb.query(KeyConditionExpression='g = :g AND h = :h', ExpressionAttributeValues={':g': s('x'), ':h': n(1)},
                    **how)['Items']
    assert got == [{'p': s(f'{i}'), 'g': s('x'), 'h': n(1), 'r': s(f'{9 - i}')} for i in (5, 3, 1)]
    invalid('Query condition missed key schema element: h', ddb.query, KeyConditionExpression='g = :g',
            ExpressionAttributeValues={':g': s('x')}, **how)
    invalid('Filter Expression can only contain non-primary key attributes: Primary key attribute: h', ddb.query,
            KeyConditionExpression='g = :g AND h = :h', FilterExpression='h > :h',
            ExpressionAttributeValues={':g': s('x'), ':h': n(1)}, **how)
    invalid('One or more parameter values were invalid: Type mismatch for Index Key h Expected: N Actual: S IndexName: '
            'both', ddb.put_item, TableName=unique, Item={'p': s('bad'), 'h': s('1')})


def test_made_on_a_live_table(ddb, tables, unique):
    tables(unique)
    for i in range(40):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i:02}'), 'a': s('x'), 'b': n(i % 4), 'c': n(i)})
    ddb.update_table(
        TableName=unique, AttributeDefinitions=[{'AttributeName': k, 'AttributeType': t} for k, t in (
            ('p', 'S'), ('a', 'S'), ('b', 'N'), ('c', 'N'))],
        GlobalSecondaryIndexUpdates=[{'Create': wide('late', 'a b|c')}])
    table = wait_active(ddb, unique)
    assert table['GlobalSecondaryIndexes'][0]['KeySchema'] == schema('a b|c')
    got = ddb.query(TableName=unique, IndexName='late', KeyConditionExpression='a = :a AND b = :b AND c < :c',
                    ExpressionAttributeValues={':a': s('x'), ':b': n(3), ':c': n(12)})['Items']
    assert [item['c'] for item in got] == [n(3), n(7), n(11)]
    index = ddb.describe_table(TableName=unique)['Table']['GlobalSecondaryIndexes'][0]
    assert index['ItemCount'] == 40 and index['IndexSizeBytes'] > 40 * 10


@pytest.mark.parametrize('index', [
    wide('bad', 'a b c d e|f'), wide('bad', 'a|b c d e f'), wide('bad', 'a b a'),
    {**wide('bad', 'a'), 'KeySchema': schema('|a')}, {**wide('bad', 'a'), 'KeySchema': schema('|a') + schema('b')},
])
def test_key_schemas_are_refused(tables, unique, index):
    used = sorted({k['AttributeName'] for k in index['KeySchema']})
    invalid(None, tables, unique, 'p:S|' + ' '.join(f'{k}:S' for k in used), GlobalSecondaryIndexes=[index])


def test_only_global_indexes_have_such_keys(tables, unique):
    local = {**wide('bad', 'p|a b')}
    invalid(None, tables, unique, 'p:S c:S|a:S b:S', LocalSecondaryIndexes=[local])


def test_descriptions_count_indexes(ddb, tables, unique):
    tables(unique, 'p:S c:N|l:S g:S', LocalSecondaryIndexes=[wide('by_l', 'p|l', 'KEYS_ONLY')],
           GlobalSecondaryIndexes=[wide('by_g', 'g')])
    for i in range(12):
        item = {'p': s('x'), 'c': n(i), 'more': s('x' * 100)}
        ddb.put_item(TableName=unique, Item={**item, **({'l': s('l')} if i % 2 else {}), **({'g': s('g')} if i % 3 else {})})

    def counted():
        table = ddb.describe_table(TableName=unique)['Table']
        local, = table['LocalSecondaryIndexes']
        one, = table['GlobalSecondaryIndexes']
        return table['ItemCount'], local['ItemCount'], one['ItemCount'], local['IndexSizeBytes']
    wait_until('the counts', lambda: counted()[:3] == (12, 6, 8), 10)
    assert counted()[3] == 6 * (len('p') + len('x') + len('c') + 2 + len('l') + len('l'))
    ddb.delete_item(TableName=unique, Key={'p': s('x'), 'c': n(1)})
    wait_until('the counts', lambda: counted()[:3] == (11, 5, 7), 10)


def test_included_attributes_are_limited(tables, unique):
    def named(i, count):
        return {**wide(f'ix{i}', 'g'), 'Projection': {
            'ProjectionType': 'INCLUDE', 'NonKeyAttributes': [f'a{i}x{k}' for k in range(count)]}}
    invalid(None, tables, unique, 'p:S|g:S', GlobalSecondaryIndexes=[named(i, 20) for i in range(6)])
    invalid('One or more parameter values were invalid: Duplicate element in NonKeyAttributes: a', tables, unique,
            'p:S|g:S', GlobalSecondaryIndexes=[{**wide('dup', 'g'), 'Projection': {
                'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['a', 'a']}}])


# PartiQL reads no index whose key has several attributes of one kind, whatever is asked; the table it does read.
@pytest.mark.parametrize('rest', ["WHERE h = 'o'", "WHERE h = 'o' ORDER BY a", '', 'WHERE h = 5', "WHERE p = 'p1'"])
def test_statements_do_not_read_them(ddb, deep, rest):
    invalid('PartiQL statements cannot be executed on tables with multi-attribute HASH keys or multi-attribute RANGE '
            'keys.', ddb.execute_statement, Statement=f'SELECT * FROM "{deep}"."deep" {rest}')
    assert len(ddb.execute_statement(Statement=f'SELECT * FROM "{deep}" WHERE p = \'p1\'')['Items']) == 1
