"""Query and Scan: conditions, order, pages, segments, filters, indexes."""
import re

import pytest
from boto3.dynamodb.conditions import Attr, Key
from expect import constraint, invalid, keys_of, n, refused, s


@pytest.fixture(scope='module')
def rows(ddb, range_table):
    """Three partitions: 'many' with c from -5 to 44, 'few' with 1 and 2, 'big' with items of 100 kB."""
    with_batch = [{'p': s('many'), 'c': n(c), 's': s(f's{44 - c:02}'), 'g': s('even' if c % 2 == 0 else 'odd'),
                   'v': n(c * c)} for c in range(-5, 45)]
    with_batch += [{'p': s('few'), 'c': n(c)} for c in (1, 2)]
    for item in with_batch:
        ddb.put_item(TableName=range_table, Item=item)
    for c in range(25):
        ddb.put_item(TableName=range_table, Item={'p': s('big'), 'c': n(c), 'v': s('x' * 100_000)})
    return range_table


def query(ddb, table, condition='p = :p', values=None, **more):
    return ddb.query(TableName=table, KeyConditionExpression=condition,
                     ExpressionAttributeValues={':p': s('many'), **(values or {})}, **more)


@pytest.mark.parametrize('condition, values, wanted', [
    ('p = :p', {}, range(-5, 45)),
    ('p= :p', {}, range(-5, 45)),
    ('p=:p', {}, range(-5, 45)),
    (':p = p', {}, range(-5, 45)),
    ('p = :p AND c = :a', {':a': n(3)}, [3]),
    ('p = :p and c < :a', {':a': n(0)}, range(-5, 0)),
    ('p = :p AND c <= :a', {':a': n(0)}, range(-5, 1)),
    ('p = :p AND c > :a', {':a': n(40)}, range(41, 45)),
    ('c >= :a AND p = :p', {':a': n(40)}, range(40, 45)),
    ('p = :p AND :a < c', {':a': n(40)}, range(41, 45)),
    ('p = :p AND c BETWEEN :a AND :b', {':a': n('-1.5'), ':b': n(2)}, range(-1, 3)),
    ('(p = :p) AND (c = :a)', {':a': n(99)}, []),
])
def test_key_condition(ddb, rows, condition, values, wanted):
    got = query(ddb, rows, condition, values)
    assert [int(item['c']['N']) for item in got['Items']] == list(wanted)
    assert got['Count'] == got['ScannedCount'] == len(wanted)


def test_backwards(ddb, rows):
    got = query(ddb, rows, ScanIndexForward=False, Limit=3)
    assert keys_of(got['Items'], 'c') == [('44',), ('43',), ('42',)]
    assert got['LastEvaluatedKey'] == {'p': s('many'), 'c': n(42)}
    got = query(ddb, rows, ScanIndexForward=False, Limit=2, ExclusiveStartKey=got['LastEvaluatedKey'])
    assert keys_of(got['Items'], 'c') == [('41',), ('40',)]


def test_pages_by_limit(ddb, rows):
    seen, start = [], {}
    while True:
        got = query(ddb, rows, Limit=7, **start)
        assert got['Count'] <= 7
        seen += [int(item['c']['N']) for item in got['Items']]
        if 'LastEvaluatedKey' not in got:
            break
        start = {'ExclusiveStartKey': got['LastEvaluatedKey']}
    assert seen == list(range(-5, 45))


def test_pages_by_size(ddb, rows):
    got = ddb.query(TableName=rows, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('big')})
    assert keys_of(got['Items'], 'c') == [(str(c),) for c in range(11)]
    assert got['LastEvaluatedKey'] == {'p': s('big'), 'c': n(10)}
    pages = list(ddb.get_paginator('query').paginate(
        TableName=rows, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('big')}))
    assert [page['Count'] for page in pages] == [11, 11, 3]


def test_filter_counts_what_it_read(ddb, rows):
    got = query(ddb, rows, FilterExpression='v > :v', Limit=10, values={':v': n(3)})
    assert keys_of(got['Items'], 'c') == [('-5',), ('-4',), ('-3',), ('-2',), ('2',), ('3',), ('4',)]
    assert (got['Count'], got['ScannedCount']) == (7, 10)
    assert got['LastEvaluatedKey'] == {'p': s('many'), 'c': n(4)}


def test_select(ddb, rows):
    got = query(ddb, rows, Select='COUNT')
    assert got['Count'] == 50 and 'Items' not in got
    got = query(ddb, rows, 'p = :p AND c = :a', {':a': n(3)}, ProjectionExpression='v')
    assert got['Items'] == [{'v': n(9)}]
    got = query(ddb, rows, 'p = :p AND c = :a', {':a': n(3)}, ProjectionExpression='v',
                Select='SPECIFIC_ATTRIBUTES')
    assert got['Items'] == [{'v': n(9)}]


def test_local_index(ddb, rows):
    got = query(ddb, rows, 'p = :p AND begins_with(s, :s)', {':s': s('s0')}, IndexName='by_s', ConsistentRead=True)
    assert keys_of(got['Items'], 's') == [(f's0{i}',) for i in range(10)]
    assert got['Items'][0] == {'p': s('many'), 'c': n(44), 's': s('s00'), 'g': s('even'), 'v': n(44 * 44)}
    got = query(ddb, rows, IndexName='by_s', Limit=1)
    assert got['LastEvaluatedKey'] == {'p': s('many'), 'c': n(44), 's': s('s00')}


def test_global_index(ddb, rows):
    how = dict(TableName=rows, IndexName='by_g', KeyConditionExpression='g = :g AND c > :c',
               ExpressionAttributeValues={':g': s('odd'), ':c': n(39)})
    got = ddb.query(**how)
    assert got['Items'] == [{'p': s('many'), 'c': n(c), 'g': s('odd')} for c in (41, 43)]
    assert ddb.query(Limit=1, **how)['LastEvaluatedKey'] == {'p': s('many'), 'c': n(41), 'g': s('odd')}
    invalid('Consistent reads are not supported on global secondary indexes', ddb.query, ConsistentRead=True, **how)
    invalid('One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global '
            'secondary index by_g because its projection type is not ALL', ddb.query, Select='ALL_ATTRIBUTES', **how)


def test_scan_reads_all(service, rows):
    table, seen, start = service.resource().Table(rows), [], {}
    while True:
        page = table.scan(Limit=9, **start)
        seen += [(item['p'], item['c']) for item in page['Items']]
        if 'LastEvaluatedKey' not in page:
            break
        start = {'ExclusiveStartKey': page['LastEvaluatedKey']}
    wanted = [('many', c) for c in range(-5, 45)] + [('few', 1), ('few', 2)] + [('big', c) for c in range(25)]
    assert sorted(key for key in seen if key[0] in ('many', 'few', 'big')) == sorted(wanted)
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize('segments', [1, 2, 7, 1000])
def test_segments_share_the_table(ddb, rows, segments):
    seen = []
    for segment in range(segments):
        for page in ddb.get_paginator('scan').paginate(TableName=rows, Segment=segment, TotalSegments=segments,
                                                       ProjectionExpression='p, c'):
            seen += keys_of(page['Items'], 'p', 'c')
    assert len(seen) == len(set(seen))
    assert len([key for key in seen if key[0] in ('many', 'few', 'big')]) == 77


def test_scan_filter_with_conditions_of_the_resource(service, rows):
    table = service.resource().Table(rows)
    found, page = [], {}
    while not page or 'LastEvaluatedKey' in page:
        start = {'ExclusiveStartKey': page['LastEvaluatedKey']} if page else {}
        page = table.scan(FilterExpression=Attr('v').between(9, 16) & Attr('g').eq('odd'), **start)
        found += [int(item['c']) for item in page['Items']]
    assert sorted(found) == [-3, 3]
    got = table.query(KeyConditionExpression=Key('p').eq('few') & Key('c').gte(2))
    assert [item['c'] for item in got['Items']] == [2]


def test_scan_of_an_index_holds_only_what_has_its_key(ddb, rows):
    got = ddb.scan(TableName=rows, IndexName='by_g')
    assert {item['p']['S'] for item in got['Items'] if item['p']['S'] in ('many', 'few', 'big')} == {'many'}


def test_capacity(ddb, rows):
    got = query(ddb, rows, ReturnConsumedCapacity='INDEXES')['ConsumedCapacity']
    assert got == {'TableName': rows, 'CapacityUnits': 0.5, 'Table': {'CapacityUnits': 0.5}}
    got = query(ddb, rows, ReturnConsumedCapacity='INDEXES', IndexName='by_s')['ConsumedCapacity']
    assert got['LocalSecondaryIndexes'] == {'by_s': {'CapacityUnits': 0.5}} and got['Table']['CapacityUnits'] == 0
    got = ddb.query(TableName=rows, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('big')},
                    ReturnConsumedCapacity='TOTAL', ConsistentRead=True)['ConsumedCapacity']
    assert 250 <= got['CapacityUnits'] <= 275


KEY = 'Invalid KeyConditionExpression: '
ONE = '1 validation error detected: '


@pytest.mark.parametrize('condition, values, message', [
    ('', {}, KEY + 'The expression can not be empty;'),
    ('c = :p', {}, 'Query condition missed key schema element: p'),
    ('p > :p', {}, 'Query key condition not supported'),
    # Which of two rules speaks first differs between versions of the service.
    ('p = :p AND c <> :a', {':a': n(1)}, None),
    ('p = :p OR c = :a', {':a': n(1)}, 'Invalid operator used in KeyConditionExpression: OR'),
    ('p = :p AND v = :a', {':a': n(1)}, 'Query condition missed key schema element: c'),
    ('p = :p AND c = :a AND v = :a', {':a': n(1)}, 'Conditions can be of length 1 or 2 only'),
    ('p = :p AND c = :a AND c = :b', {':a': n(1), ':b': n(1)},
     'KeyConditionExpressions must only contain one condition per key'),
    ('p = :p AND c BETWEEN :a AND :b', {':a': n(2), ':b': n(1)},
     KEY + 'The BETWEEN operator requires upper bound to be greater than or equal to lower bound; '
     'lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}'),
    ('p = :p AND c = :a', {':a': s('x')},
     'One or more parameter values were invalid: Condition parameter type does not match schema type'),
    ('p = :p AND begins_with(c, :a)', {':a': n(1)},
     KEY + 'Incorrect operand type for operator or function; operator or function: begins_with, operand type: N'),
    ('contains(p, :p)', {}, 'Invalid operator used in KeyConditionExpression: contains'),
    ('p.x = :p', {}, KEY + 'KeyConditionExpressions cannot have conditions on nested attributes'),
])
def test_key_condition_is_refused(ddb, rows, condition, values, message):
    invalid(message, query, ddb, rows, condition, values)


@pytest.mark.parametrize('more, message', [
    (dict(FilterExpression='c > :v', values={':v': n(1)}),
     'Filter Expression can only contain non-primary key attributes: Primary key attribute: c'),
    (dict(IndexName='nothing'), 'The table does not have the specified index: nothing'),
    (dict(ExclusiveStartKey={'p': s('many')}), re.compile('The provided starting key is invalid.*')),
    (dict(ExclusiveStartKey={'p': s('few'), 'c': n(1)}), re.compile('The provided starting key is .*')),
    (dict(Select='COUNT', ProjectionExpression='v'), ONE + 'Cannot specify the ProjectionExpression when choosing '
     'to get only the Count'),
    (dict(Select='SPECIFIC_ATTRIBUTES'), ONE + 'Must specify the AttributesToGet or ProjectionExpression when choosing '
     'to get SPECIFIC_ATTRIBUTES'),
    (dict(Select='ALL_PROJECTED_ATTRIBUTES'), ONE + 'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an '
     'IndexName'),
])
def test_query_is_refused(ddb, rows, more, message):
    invalid(message, query, ddb, rows, **more)


EMPTY = 'The AttributeValue for a key attribute cannot contain an empty string value. '


@pytest.mark.parametrize('index, keys, message', [
    (None, {'p': ''}, EMPTY + 'Key: p'),
    ('by_s', {'p': 'x', 's': ''}, 'A value specified for a secondary index key is not supported. ' + EMPTY +
     'IndexName: by_s, IndexKey: s'),
    ('by_g', {'g': ''}, 'A value specified for a secondary index key is not supported. ' + EMPTY +
     'IndexName: by_g, IndexKey: g')])
def test_empty_keys(ddb, rows, index, keys, message):
    how = dict(TableName=rows, **({'IndexName': index} if index else {}))
    invalid('One or more parameter values are not valid. ' + message, ddb.query, KeyConditions={
        name: {'ComparisonOperator': 'EQ', 'AttributeValueList': [s(text)]} for name, text in keys.items()}, **how)
    invalid('One or more parameter values are not valid. ' + message, ddb.query, KeyConditionExpression=' AND '.join(
        f'{name} = :{name}' for name in keys), ExpressionAttributeValues={':' + k: s(v) for k, v in keys.items()}, **how)


def test_keys_that_are_too_long(ddb, rows):
    most = query(ddb, rows, 'p = :h AND begins_with(s, :s)', {':h': s('h' * 2048), ':s': s('r' * 1024)}, IndexName='by_s',
                 FilterExpression='v <> :p')
    assert most['Count'] == 0
    invalid('One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 bytes',
            ddb.query, TableName=rows, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('h' * 2049)})
    invalid('One or more parameter values were invalid: Aggregated size of all range keys has exceeded the size limit of '
            '1024 bytes', query, ddb, rows, 'p = :p AND s = :s', {':s': s('r' * 1025)}, IndexName='by_s')


def test_query_without_condition(ddb, rows):
    invalid('Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
            ddb.query, TableName=rows)


@pytest.mark.parametrize('more, message', [
    (dict(Segment=0), 'The TotalSegments parameter is required but was not present in the request when Segment '
     'parameter is present'),
    (dict(TotalSegments=2), 'The Segment parameter is required but was not present in the request when parameter '
     'TotalSegments is present'),
    (dict(Segment=2, TotalSegments=2), 'The Segment parameter is zero-based and must be less than parameter '
     'TotalSegments: Segment: 2 is not less than TotalSegments: 2'),
    (dict(Limit=0), constraint(0, 'limit', 'Member must have value greater than or equal to 1')),
    (dict(Segment=0, TotalSegments=1000001),
     constraint(1000001, 'totalSegments', 'Member must have value less than or equal to 1000000')),
    (dict(FilterExpression='v = = v'), 'Invalid FilterExpression: Syntax error; token: "=", near: "= = v"'),
    (dict(ProjectionExpression='v, v'), 'Invalid ProjectionExpression: Two document paths overlap with each other; '
     'must remove or rewrite one of these paths; path one: [v], path two: [v]'),
])
def test_scan_is_refused(service, rows, more, message):
    invalid(message, service.unchecked().scan, TableName=rows, **more)


def test_unknown_table(ddb, unique):
    refused('ResourceNotFoundException', 'Requested resource not found', query, ddb, unique)
