"""PutItem, GetItem, UpdateItem and DeleteItem: values, conditions, what comes back, and what is refused."""
import re
from decimal import Decimal

import pytest
from expect import FRAME, INVALID, invalid, n, refused, s

KINDS = {
    'string': {'S': 'näïve ☃ \U0001f426 "quoted" \\ \n'},
    'empty string': {'S': ''},
    'number': {'N': '12.5'},
    'negative': {'N': '-0.000001'},
    'digits': {'N': '12345678901234567890123456789012345678'},
    'binary': {'B': b'\x00\xff\x10'},
    'empty binary': {'B': b''},
    'true': {'BOOL': True},
    'false': {'BOOL': False},
    'null': {'NULL': True},
    'list': {'L': [{'S': 'a'}, {'N': '1'}, {'L': []}, {'M': {}}]},
    'empty list': {'L': []},
    'map': {'M': {'a': {'M': {'b': {'L': [{'BOOL': True}]}}}, 'c d': {'S': ''}}},
    'empty map': {'M': {}},
}


@pytest.mark.parametrize('kind', KINDS)
def test_value_round_trip(ddb, hash_table, unique, kind):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': KINDS[kind]})
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v'] == KINDS[kind]


@pytest.mark.parametrize('kind, members', [('SS', ['b', 'a', 'ü']), ('NS', ['2', '1', '-3.5']), ('BS', [b'b', b'a'])])
def test_set_round_trip(ddb, hash_table, unique, kind, members):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': {kind: members}})
    got = ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v'][kind]
    assert sorted(got) == sorted(members)


@pytest.mark.parametrize('sent, stored', [
    ('1', '1'), ('01', '1'), ('1.0', '1'), ('1.500', '1.5'), ('1e3', '1000'), ('-0', '0'), ('0.0', '0'),
    ('1E-3', '0.001'), ('100', '100'), ('1e20', '100000000000000000000'), ('.5', '0.5'), ('-1.20', '-1.2')])
def test_number_is_normalised(ddb, hash_table, unique, sent, stored):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': {'N': sent}})
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v'] == {'N': stored}


@pytest.mark.parametrize('number, message', [
    ('abc', 'The parameter cannot be converted to a numeric value: abc'),
    ('', 'The parameter cannot be converted to a numeric value'),
    ('NaN', 'The parameter cannot be converted to a numeric value: NaN'),
    ('1e126', 'Number overflow. Attempting to store a number with magnitude larger than supported range'),
    ('-1e126', 'Number overflow. Attempting to store a number with magnitude larger than supported range'),
    ('1e-131', 'Number underflow. Attempting to store a number with magnitude smaller than supported range'),
    ('123456789012345678901234567890123456789', 'Attempting to store more than 38 significant digits in a Number'),
])
def test_number_is_refused(ddb, hash_table, unique, number, message):
    invalid(FRAME + message, ddb.put_item, TableName=hash_table, Item={'p': s(unique), 'v': {'N': number}})


@pytest.mark.parametrize('number', ['1e125', '9.9999999999999999999999999999999999999e125', '1e-130', '-1e125'])
def test_number_at_the_edge(ddb, hash_table, unique, number):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': {'N': number}})
    assert Decimal(ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v']['N']) == Decimal(number)


def test_resource_speaks_python(service, hash_table, unique):
    table = service.resource().Table(hash_table)
    item = {'p': unique, 'n': Decimal('1.25'), 'flags': {'a', 'b'}, 'l': [1, None, True], 'm': {'x': b'y'}}
    table.put_item(Item=item)
    got = table.get_item(Key={'p': unique})['Item']
    assert got == {**item, 'l': [Decimal(1), None, True]} and got['m']['x'].value == b'y'


def test_get_missing_item_has_no_item(ddb, hash_table, unique):
    assert 'Item' not in ddb.get_item(TableName=hash_table, Key={'p': s(unique)})


def test_get_projection(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={
        'p': s(unique), 'a': n(1), 'b': {'L': [s('x'), {'M': {'c': n(2), 'd': n(3)}}]}, 'name': s('n')})
    got = ddb.get_item(TableName=hash_table, Key={'p': s(unique)}, ProjectionExpression='a, b[1].c, #n, nothing',
                       ExpressionAttributeNames={'#n': 'name'})['Item']
    assert got == {'a': n(1), 'b': {'L': [{'M': {'c': n(2)}}]}, 'name': s('n')}


def test_get_consistent(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique)})
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)}, ConsistentRead=True)['Item'] == {'p': s(unique)}


def test_put_returns_old_item(ddb, hash_table, unique):
    first = ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': n(1)}, ReturnValues='ALL_OLD')
    assert 'Attributes' not in first
    second = ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'w': n(2)}, ReturnValues='ALL_OLD')
    assert second['Attributes'] == {'p': s(unique), 'v': n(1)}
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item'] == {'p': s(unique), 'w': n(2)}


@pytest.mark.parametrize('wanted', ['UPDATED_OLD', 'UPDATED_NEW', 'ALL_NEW'])
def test_put_and_delete_return_nothing_else(ddb, hash_table, unique, wanted):
    invalid(FRAME + 'ReturnValues can only be ALL_OLD or NONE', ddb.put_item, TableName=hash_table, Item={'p': s(unique)},
            ReturnValues=wanted)
    invalid(None, ddb.delete_item, TableName=hash_table, Key={'p': s(unique)}, ReturnValues=wanted)


def test_delete_returns_old_item_and_is_idempotent(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': n(1)})
    gone = ddb.delete_item(TableName=hash_table, Key={'p': s(unique)}, ReturnValues='ALL_OLD')
    assert gone['Attributes'] == {'p': s(unique), 'v': n(1)}
    assert 'Attributes' not in ddb.delete_item(TableName=hash_table, Key={'p': s(unique)}, ReturnValues='ALL_OLD')
    assert 'Item' not in ddb.get_item(TableName=hash_table, Key={'p': s(unique)})


@pytest.mark.parametrize('wanted, attributes', [
    ('NONE', None),
    ('ALL_OLD', {'a': n(1), 'b': n(2), 'c': {'M': {'x': n(1)}}}),
    ('UPDATED_OLD', {'a': n(1), 'c': {'M': {'x': n(1)}}}),
    ('ALL_NEW', {'a': n(5), 'b': n(2), 'c': {'M': {'x': n(7)}}, 'd': s('new')}),
    ('UPDATED_NEW', {'a': n(5), 'c': {'M': {'x': n(7)}}, 'd': s('new')}),
])
def test_update_returns(ddb, hash_table, unique, wanted, attributes):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'a': n(1), 'b': n(2), 'c': {'M': {'x': n(1)}}})
    got = ddb.update_item(
        TableName=hash_table, Key={'p': s(unique)}, UpdateExpression='SET a = :five, c.x = :seven, d = :new',
        ExpressionAttributeValues={':five': n(5), ':seven': n(7), ':new': s('new')}, ReturnValues=wanted)
    if attributes and wanted.startswith('ALL'):
        attributes = {'p': s(unique), **attributes}
    assert got.get('Attributes') == attributes


def test_update_makes_the_item(ddb, hash_table, unique):
    ddb.update_item(TableName=hash_table, Key={'p': s(unique)})
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item'] == {'p': s(unique)}


def test_condition_on_absence(ddb, hash_table, unique):
    first = dict(TableName=hash_table, Item={'p': s(unique)}, ConditionExpression='attribute_not_exists(p)')
    ddb.put_item(**first)
    answer = refused('ConditionalCheckFailedException', 'The conditional request failed', ddb.put_item, **first)
    assert 'Item' not in answer


def test_failed_condition_changes_nothing(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': n(1)})
    for call, how in ((ddb.put_item, {'Item': {'p': s(unique), 'v': n(9)}}),
                      (ddb.delete_item, {'Key': {'p': s(unique)}}),
                      (ddb.update_item, {'Key': {'p': s(unique)}, 'UpdateExpression': 'REMOVE v'})):
        refused('ConditionalCheckFailedException', 'The conditional request failed', call, TableName=hash_table,
                ConditionExpression='v > :two', ExpressionAttributeValues={':two': n(2)}, **how)
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v'] == n(1)


def test_failed_condition_returns_the_item(service, hash_table, unique):
    """ReturnValuesOnConditionCheckFailure is younger than the client, so it is sent by hand."""
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    service.client().put_item(TableName=hash_table, Item={'p': s(unique), 'v': n(1)})
    status, _, answer = service.wire().call('PutItem', {
        'TableName': hash_table, 'Item': {'p': {'S': unique}}, 'ConditionExpression': 'attribute_not_exists(p)',
        'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'})
    assert (status, answer['__type']) == (400, 'com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException')
    assert answer['message'] == 'The conditional request failed'
    assert answer['Item'] == {'p': {'S': unique}, 'v': {'N': '1'}}


def test_capacity_of_reads(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': s('x' * 8000)})
    key = dict(TableName=hash_table, Key={'p': s(unique)}, ReturnConsumedCapacity='TOTAL')
    assert ddb.get_item(**key)['ConsumedCapacity'] == {'TableName': hash_table, 'CapacityUnits': 1.0}
    assert ddb.get_item(ConsistentRead=True, **key)['ConsumedCapacity']['CapacityUnits'] == 2.0
    missing = dict(key, Key={'p': s(unique + 'missing')})
    assert ddb.get_item(**missing)['ConsumedCapacity']['CapacityUnits'] == 0.5
    assert 'ConsumedCapacity' not in ddb.get_item(TableName=hash_table, Key={'p': s(unique)})


def test_capacity_of_writes(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique), 'v': s('x' * 3000)}, ReturnConsumedCapacity='TOTAL')
    assert ddb.put_item(**put)['ConsumedCapacity'] == {'TableName': hash_table, 'CapacityUnits': 3.0}
    put['Item']['v'] = s('x')
    # The larger of the old and the new item counts.
    assert ddb.put_item(**put)['ConsumedCapacity']['CapacityUnits'] == 3.0
    gone = ddb.delete_item(TableName=hash_table, Key={'p': s(unique)}, ReturnConsumedCapacity='TOTAL')
    assert gone['ConsumedCapacity']['CapacityUnits'] == 1.0


def test_capacity_of_indexes(ddb, range_table, unique):
    put = ddb.put_item(TableName=range_table, ReturnConsumedCapacity='INDEXES',
                       Item={'p': s(unique), 'c': n(1), 's': s('s'), 'g': s(unique)})['ConsumedCapacity']
    assert put == {'TableName': range_table, 'CapacityUnits': 3.0, 'Table': {'CapacityUnits': 1.0},
                   'LocalSecondaryIndexes': {'by_s': {'CapacityUnits': 1.0}},
                   'GlobalSecondaryIndexes': {'by_g': {'CapacityUnits': 1.0}}}
    read = ddb.get_item(TableName=range_table, Key={'p': s(unique), 'c': n(1)}, ReturnConsumedCapacity='INDEXES')
    assert read['ConsumedCapacity'] == {'TableName': range_table, 'CapacityUnits': 0.5,
                                        'Table': {'CapacityUnits': 0.5}}


def test_item_collection_metrics(ddb, range_table, unique):
    put = ddb.put_item(TableName=range_table, Item={'p': s(unique), 'c': n(1), 's': s('s')},
                       ReturnItemCollectionMetrics='SIZE')
    assert put['ItemCollectionMetrics']['ItemCollectionKey'] == {'p': s(unique)}
    low, high = put['ItemCollectionMetrics']['SizeEstimateRangeGB']
    assert 0 <= low <= high <= 1


def test_largest_item(ddb, hash_table, unique):
    room = 400 * 1024 - len('p') - len(unique) - len('v')
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': s('x' * room)})
    assert len(ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v']['S']) == room
    invalid('Item size has exceeded the maximum allowed size', ddb.put_item, TableName=hash_table,
            Item={'p': s(unique), 'v': s('x' * (room + 1))})
    invalid('Item size to update has exceeded the maximum allowed size', ddb.update_item, TableName=hash_table,
            Key={'p': s(unique)}, UpdateExpression='SET w = :w', ExpressionAttributeValues={':w': s('x' * 10)})
    ddb.delete_item(TableName=hash_table, Key={'p': s(unique)})


# DynamoDB weighs an update as the attributes that it names and some bytes for each action, so an item that a PutItem may
# write can be too much for an UpdateItem; what an update does not name counts for the finished item alone.
@pytest.mark.parametrize('text, others, room', [
    ('SET b = :v', {}, 409_600 - 3 - 19 - 1), ('SET b = :v REMOVE gone', {}, 409_600 - 3 - 19 - 2 - 1),
    ('SET b = :v', {'u': s('x' * 10)}, 409_600 - 3 - 19 - 1), ('SET b[0] = :v', {'b': {'L': []}}, 409_600 - 3 - 20 - 5)])
def test_largest_update(ddb, hash_table, unique, text, others, room):
    key = {'p': s(unique[-8:])}

    def update(length):
        return ddb.update_item(TableName=hash_table, Key=key, UpdateExpression=text,
                               ExpressionAttributeValues={':v': s('x' * length)})
    ddb.put_item(TableName=hash_table, Item={**key, **others})
    invalid('Item size to update has exceeded the maximum allowed size', update, room + 1)
    update(room)
    ddb.delete_item(TableName=hash_table, Key=key)


def deep(levels):
    value = n(1)
    for _ in range(levels):
        value = {'L': [value]}
    return value


def test_nesting(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': deep(32 - 1)})
    invalid(re.compile('Nesting Levels have exceeded supported limits.*'), ddb.put_item, TableName=hash_table,
            Item={'p': s(unique), 'v': deep(33)})


@pytest.mark.parametrize('key', [{}, {'q': s('x')}, {'p': s('x'), 'q': s('x')}, {'p': n(1)}, {'p': {'NULL': True}}])
def test_key_that_does_not_fit(ddb, hash_table, key):
    for call in (ddb.get_item, ddb.delete_item, ddb.update_item):
        invalid('The provided key element does not match the schema', call, TableName=hash_table, Key=key)


def test_put_without_key(ddb, hash_table):
    invalid('One or more parameter values were invalid: Missing the key p in the item', ddb.put_item,
            TableName=hash_table, Item={'v': n(1)})


def test_put_with_key_of_other_type(ddb, hash_table):
    invalid('One or more parameter values were invalid: Type mismatch for key p expected: S actual: N', ddb.put_item,
            TableName=hash_table, Item={'p': n(1)})


def test_put_with_index_key_of_other_type(ddb, range_table, unique):
    invalid('One or more parameter values were invalid: Type mismatch for Index Key s Expected: S Actual: N '
            'IndexName: by_s', ddb.put_item, TableName=range_table, Item={'p': s(unique), 'c': n(1), 's': n(1)})


@pytest.mark.parametrize('name, index, most', [('s', 'by_s', 1024), ('g', 'by_g', 2048)])
def test_index_keys_that_are_too_long(ddb, range_table, unique, name, index, most):
    key = {'p': s(unique), 'c': n(1)}
    message = (f'One or more parameter values were invalid: Size limit exceeded for Index Key {name} Actual Size: {most + 1} '
               f'bytes Max Size: {most} bytes IndexName: {index}')
    ddb.put_item(TableName=range_table, Item={**key, name: s('x' * most)})
    invalid(message, ddb.put_item, TableName=range_table, Item={**key, name: s('x' * (most + 1))})
    invalid(message, ddb.batch_write_item, RequestItems={
        range_table: [{'PutRequest': {'Item': {**key, name: s('x' * (most + 1))}}}]})
    invalid('The update expression attempted to update the secondary index key beyond allowed size limits', ddb.update_item,
            TableName=range_table, Key=key, UpdateExpression=f'SET {name} = :v',
            ExpressionAttributeValues={':v': s('x' * (most + 1))})


def test_empty_key(ddb, hash_table):
    message = ('One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an '
               'empty string value. Key: p')
    invalid(message, ddb.put_item, TableName=hash_table, Item={'p': s('')})
    invalid(message, ddb.get_item, TableName=hash_table, Key={'p': s('')})


def test_long_keys(ddb, hash_table):
    ddb.put_item(TableName=hash_table, Item={'p': s('k' * 2048)})
    ddb.delete_item(TableName=hash_table, Key={'p': s('k' * 2048)})
    invalid('One or more parameter values were invalid: Size of hashkey has exceeded the maximum size limit of2048 '
            'bytes', ddb.put_item, TableName=hash_table, Item={'p': s('k' * 2049)})


@pytest.mark.parametrize('value, message', [
    ({'SS': []}, 'One or more parameter values were invalid: An string set  may not be empty'),
    ({'NS': []}, 'One or more parameter values were invalid: An number set  may not be empty'),
    ({'BS': []}, 'One or more parameter values were invalid: Binary sets should not be empty'),
    ({'SS': ['a', 'a']}, 'One or more parameter values were invalid: Input collection [a, a] contains duplicates.'),
    ({'NS': ['1', '1.0']}, 'Input collection contains duplicates'),
])
def test_value_is_refused(ddb, hash_table, unique, value, message):
    invalid(FRAME + message, ddb.put_item, TableName=hash_table, Item={'p': s(unique), 'v': value})


def test_missing_table(ddb, unique):
    for call, how in ((ddb.put_item, {'Item': {'p': s('x')}}), (ddb.get_item, {'Key': {'p': s('x')}}),
                      (ddb.update_item, {'Key': {'p': s('x')}}), (ddb.delete_item, {'Key': {'p': s('x')}}),
                      (ddb.scan, {})):
        refused('ResourceNotFoundException', 'Requested resource not found', call, TableName=unique, **how)


@pytest.mark.parametrize('word, at, allowed', [
    ('ReturnValues', 'returnValues', '[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]'),
    ('ReturnConsumedCapacity', 'returnConsumedCapacity', '[INDEXES, TOTAL, NONE]'),
    ('ReturnItemCollectionMetrics', 'returnItemCollectionMetrics', '[SIZE, NONE]'),
])
def test_unknown_choice(service, hash_table, unique, word, at, allowed):
    refused(INVALID, f"1 validation error detected: Value 'hi' at '{at}' failed to satisfy constraint: Member must "
            f'satisfy enum value set: {allowed}', service.unchecked().put_item, TableName=hash_table,
            Item={'p': s(unique)}, **{word: 'hi'})


def test_answers_carry_id_and_checksum(ddb, hash_table, unique):
    import binascii
    answer = ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['ResponseMetadata']
    assert re.fullmatch('[A-Z0-9]{52}', answer['RequestId'])
    assert answer['HTTPHeaders']['x-amz-crc32'] == str(binascii.crc32(b'{}'))
