"""TransactWriteItems and TransactGetItems."""
import threading
import uuid

import pytest
from conftest import HOME, REGIONS, wait_active, wait_until
from expect import constraint, invalid, n, refused, s

CANCELLED = 'TransactionCanceledException'
CONDITION = {'Code': 'ConditionalCheckFailed', 'Message': 'The conditional request failed'}
NONE = {'Code': 'None'}
MISMATCH = 'The provided key element does not match the schema'


def put(table, key, **more):
    item = {'p': s(key), **more.pop('item', {})}
    return {'Put': {'TableName': table, 'Item': item, **more}}


def update(table, key, expression='ADD v :one', values=None, **more):
    values = {':one': n(1)} if values is None else values
    return {'Update': {'TableName': table, 'Key': {'p': s(key)}, 'UpdateExpression': expression,
                       **({'ExpressionAttributeValues': values} if values else {}), **more}}


def delete(table, key, **more):
    return {'Delete': {'TableName': table, 'Key': {'p': s(key)}, **more}}


def check(table, key, condition='attribute_exists(p)', **more):
    return {'ConditionCheck': {'TableName': table, 'Key': {'p': s(key)}, 'ConditionExpression': condition, **more}}


def get(table, key, **more):
    return {'Get': {'TableName': table, 'Key': {'p': s(key)}, **more}}


def cancelled(reasons, call, **params):
    """The call is cancelled with exactly these reasons."""
    codes = ', '.join(reason['Code'] for reason in reasons)
    answer = refused(CANCELLED, f'Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]',
                     call, **params)
    assert answer['CancellationReasons'] == reasons
    return answer


def fault(message):
    return {'Code': 'ValidationError', 'Message': message}


def item(ddb, table, key):
    return ddb.get_item(TableName=table, Key={'p': s(key)}, ConsistentRead=True).get('Item')


@pytest.fixture
def keys(unique):
    return [f'{unique}-{i}' for i in range(6)]


# Four kinds of operations on four items take effect together.
def test_all_kinds(ddb, hash_table, keys):
    for key in keys[1:4]:
        ddb.put_item(TableName=hash_table, Item={'p': s(key), 'v': n(1)})
    answer = ddb.transact_write_items(TransactItems=[
        put(hash_table, keys[0], item={'v': n(7)}, ConditionExpression='attribute_not_exists(p)'),
        update(hash_table, keys[1], ConditionExpression='v = :one'),
        delete(hash_table, keys[2]), check(hash_table, keys[3]), delete(hash_table, keys[4]),
        update(hash_table, keys[5])])
    assert set(answer) == {'ResponseMetadata'}
    assert item(ddb, hash_table, keys[0])['v'] == n(7)
    assert item(ddb, hash_table, keys[1])['v'] == n(2)
    assert item(ddb, hash_table, keys[2]) is None
    assert item(ddb, hash_table, keys[3])['v'] == n(1)
    assert item(ddb, hash_table, keys[5])['v'] == n(1)


def test_several_tables(ddb, hash_table, range_table, unique):
    ddb.transact_write_items(TransactItems=[
        put(hash_table, unique), put(range_table, unique, item={'c': n(1), 's': s('x'), 'g': s(unique)})])
    assert item(ddb, hash_table, unique)
    found = ddb.query(TableName=range_table, IndexName='by_g', KeyConditionExpression='g = :g',
                      ExpressionAttributeValues={':g': s(unique)})
    assert found['Count'] == 1


# A failed condition cancels everything; the reasons stand in order and show the item only where that was asked for.
def test_conditions_cancel(ddb, hash_table, keys):
    for key in keys[:2]:
        ddb.put_item(TableName=hash_table, Item={'p': s(key), 'v': n(1)})
    unless = dict(ConditionExpression='attribute_not_exists(p)')
    cancelled(
        [NONE, CONDITION, {**CONDITION, 'Item': {'p': s(keys[1]), 'v': n(1)}}, CONDITION],
        ddb.transact_write_items, TransactItems=[
            put(hash_table, keys[2]), put(hash_table, keys[0], **unless),
            delete(hash_table, keys[1], **unless, ReturnValuesOnConditionCheckFailure='ALL_OLD'),
            check(hash_table, keys[3], ReturnValuesOnConditionCheckFailure='ALL_OLD')])
    assert item(ddb, hash_table, keys[2]) is None


# What only the stored item shows to be wrong with an update cancels, with the words of UpdateItem.
def test_updates_that_cannot_be_done_cancel(ddb, hash_table, range_table, keys):
    ddb.put_item(TableName=hash_table, Item={'p': s(keys[0]), 'v': s('text')})
    cancelled([fault('An operand in the update expression has an incorrect data type'), NONE],
              ddb.transact_write_items, TransactItems=[update(hash_table, keys[0]), put(hash_table, keys[1])])
    cancelled([fault('The document path provided in the update expression is invalid for update')],
              ddb.transact_write_items, TransactItems=[update(hash_table, keys[0], 'SET a.b = :one')])
    cancelled([fault('The provided expression refers to an attribute that does not exist in the item')],
              ddb.transact_write_items, TransactItems=[update(hash_table, keys[0], 'SET a = nosuch + :one')])
    cancelled([fault('Item size to update has exceeded the maximum allowed size')],
              ddb.transact_write_items, TransactItems=[
                  update(hash_table, keys[0], 'SET a = :big', {':big': s('x' * 409_600)})])
    cancelled([fault('One or more parameter values were invalid: Type mismatch for Index Key g Expected: S Actual: N '
                     'IndexName: by_g')],
              ddb.transact_write_items, TransactItems=[{'Update': {
                  'TableName': range_table, 'Key': {'p': s('x'), 'c': n(1)}, 'UpdateExpression': 'SET g = :one',
                  'ExpressionAttributeValues': {':one': n(1)}}}])
    assert item(ddb, hash_table, keys[1]) is None


# Keys that do not fit the schema cancel before any condition is looked at, and only the first is told; empty ones
# refuse the request.
def test_keys(ddb, hash_table, range_table, keys):
    cancelled([NONE, fault(MISMATCH), NONE, NONE], ddb.transact_write_items, TransactItems=[
        put(hash_table, keys[0]), {'Delete': {'TableName': hash_table, 'Key': {'p': n(1)}}},
        {'Update': {'TableName': hash_table, 'Key': {'p': s('a'), 'q': s('b')}, 'UpdateExpression': 'REMOVE v'}},
        check(hash_table, keys[1])])
    for part, message in (
            ({'Put': {'TableName': hash_table, 'Item': {'p': n(1)}}}, 'Type mismatch for key p expected: S actual: N'),
            ({'Put': {'TableName': hash_table, 'Item': {'q': n(1)}}}, 'Missing the key p in the item'),
            (put(range_table, keys[0], item={'c': n(1), 'g': n(1)}),
             'Type mismatch for Index Key g Expected: S Actual: N IndexName: by_g'),
            ({'Update': {'TableName': hash_table, 'Key': {'p': s('a'), 'q': s('b')}, 'UpdateExpression': 'REMOVE v'}},
             MISMATCH)):
        prefix = '' if message == MISMATCH else 'One or more parameter values were invalid: '
        cancelled([fault(prefix + message)], ddb.transact_write_items, TransactItems=[part])
    cancelled([fault('One or more parameter values were invalid: Cannot update attribute p. This attribute is part of '
                     'the key')],
              ddb.transact_write_items, TransactItems=[update(hash_table, keys[0], 'SET p = :one', {':one': s('x')})])
    empty = ('One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty '
             'string value. Key: p')
    for part in (put(hash_table, ''), delete(hash_table, ''), update(hash_table, ''), check(hash_table, '')):
        invalid(empty, ddb.transact_write_items, TransactItems=[put(hash_table, keys[0]), part])
    invalid('One or more parameter values are not valid. A value specified for a secondary index key is not supported. '
            'The AttributeValue for a key attribute cannot contain an empty string value. IndexName: by_g, IndexKey: g',
            ddb.transact_write_items, TransactItems=[put(range_table, keys[0], item={'c': n(1), 'g': s('')})])
    assert item(ddb, hash_table, keys[0]) is None


def test_two_operations_on_one_item(ddb, hash_table, unique):
    for second in (put(hash_table, unique), delete(hash_table, unique), check(hash_table, unique)):
        invalid('Transaction request cannot include multiple operations on one item', ddb.transact_write_items,
                TransactItems=[put(hash_table, unique), second])
    invalid('Transaction request cannot include multiple operations on one item', ddb.transact_get_items,
            TransactItems=[get(hash_table, unique), get(hash_table, unique)])


# What the request alone shows to be wrong is a ValidationException, as for a single write.
def test_refused_requests(ddb, hash_table, unique):
    invalid('Item size has exceeded the maximum allowed size', ddb.transact_write_items,
            TransactItems=[put(hash_table, unique, item={'v': s('x' * 409_600)})])
    invalid('Invalid ConditionExpression: Syntax error; token: "<EOF>", near: "="', ddb.transact_write_items,
            TransactItems=[check(hash_table, unique, 'a =')])
    invalid('Value provided in ExpressionAttributeValues unused in expressions: keys: {:x}', ddb.transact_write_items,
            TransactItems=[update(hash_table, unique, 'SET a = :one', {':one': n(1), ':x': n(2)})])
    invalid('ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
            ddb.transact_write_items, TransactItems=[put(hash_table, unique, ExpressionAttributeValues={':x': n(1)})])
    refused('ResourceNotFoundException', 'Requested resource not found', ddb.transact_write_items,
            TransactItems=[put(hash_table, unique), put(unique, unique)])
    refused('ResourceNotFoundException', 'Requested resource not found', ddb.transact_get_items,
            TransactItems=[get(hash_table, unique), get(unique, unique)])
    assert item(ddb, hash_table, unique) is None


def test_shape(service, hash_table, unique):
    write, read = service.unchecked().transact_write_items, service.unchecked().transact_get_items
    for call in (write, read):
        invalid(constraint('[]', 'transactItems', 'Member must have length greater than or equal to 1'), call,
                TransactItems=[])
        invalid("1 validation error detected: Value null at 'transactItems' failed to satisfy constraint: Member must "
                'not be null', call)
    invalid('Invalid Request: TransactWriteRequest should contain Delete or Put or Update request', write,
            TransactItems=[put(hash_table, unique), {}])
    invalid('TransactItems can only contain one of Check, Put, Update or Delete', write,
            TransactItems=[{**put(hash_table, unique), **delete(hash_table, unique)}])
    for part, path in ((put(hash_table, 'a'), 'put.item'), (delete(hash_table, 'a'), 'delete.key'),
                       (update(hash_table, 'a'), 'update.updateExpression'),
                       (check(hash_table, 'a'), 'conditionCheck.conditionExpression')):
        kind = list(part)[0]
        member = path.split('.')[1]
        del part[kind][member[0].upper() + member[1:]]
        if kind == 'Update':
            del part[kind]['ExpressionAttributeValues']
        invalid(f"1 validation error detected: Value null at 'transactItems.2.member.{path}' failed to satisfy "
                'constraint: Member must not be null', write, TransactItems=[put(hash_table, unique), part])
    invalid(constraint('SOME', 'transactItems.1.member.put.returnValuesOnConditionCheckFailure',
                       'Member must satisfy enum value set: [ALL_OLD, NONE]'), write,
            TransactItems=[put(hash_table, unique, ReturnValuesOnConditionCheckFailure='SOME')])
    invalid("1 validation error detected: Value null at 'transactItems.1.member.get' failed to satisfy constraint: Member "
            'must not be null', read, TransactItems=[{}])


def test_limits(ddb, hash_table, unique):
    rule = 'Member must have length less than or equal to 100'
    invalid(constraint('[...]', 'transactItems', rule), ddb.transact_write_items,
            TransactItems=[put(hash_table, f'{unique}{i}') for i in range(101)])
    invalid(constraint('[...]', 'transactItems', rule), ddb.transact_get_items,
            TransactItems=[get(hash_table, f'{unique}{i}') for i in range(101)])
    ddb.transact_write_items(TransactItems=[put(hash_table, f'{unique}{i}') for i in range(100)])
    got = ddb.transact_get_items(TransactItems=[get(hash_table, f'{unique}{i}') for i in range(100)])
    assert [row['Item']['p'] for row in got['Responses']] == [s(f'{unique}{i}') for i in range(100)]
    invalid('Transaction payload size cannot exceed 4 MB', ddb.transact_write_items,
            TransactItems=[put(hash_table, f'{unique}{i}', item={'v': s('x' * 390_000)}) for i in range(11)])


# Updates may be small and what they make of their items large: that counts too.
def test_large_items(ddb, hash_table, unique):
    names = [f'{unique}{i}' for i in range(11)]
    for name in names:
        ddb.put_item(TableName=hash_table, Item={'p': s(name), 'v': s('x' * 390_000)})
    invalid('Transaction payload size cannot exceed 4 MB', ddb.transact_write_items,
            TransactItems=[update(hash_table, name, 'SET w = :one') for name in names])
    invalid('The aggregate size of the items in the transaction exceeded 4 MB', ddb.transact_get_items,
            TransactItems=[get(hash_table, name) for name in names])
    assert 'w' not in item(ddb, hash_table, names[0])
    for name in names:
        ddb.delete_item(TableName=hash_table, Key={'p': s(name)})


# ---- tokens ----

def token():
    return str(uuid.uuid4())


def test_token_makes_it_happen_once(ddb, hash_table, unique):
    how = dict(ClientRequestToken=token(), TransactItems=[update(hash_table, unique)])
    for _ in range(3):
        ddb.transact_write_items(**how)
    assert item(ddb, hash_table, unique)['v'] == n(1)
    refused('IdempotentParameterMismatchException', None, ddb.transact_write_items, ClientRequestToken=how['ClientRequestToken'],
            TransactItems=[update(hash_table, unique, values={':one': n(2)})])
    ddb.transact_write_items(**{**how, 'ClientRequestToken': token()})
    assert item(ddb, hash_table, unique)['v'] == n(2)


# The condition that the first request made false is not looked at again.
def test_token_with_a_condition(ddb, hash_table, unique):
    how = dict(ClientRequestToken=token(), TransactItems=[
        put(hash_table, unique, ConditionExpression='attribute_not_exists(p)')])
    ddb.transact_write_items(**how)
    ddb.transact_write_items(**how)
    how['ClientRequestToken'] = token()
    cancelled([CONDITION], ddb.transact_write_items, **how)
    ddb.delete_item(TableName=hash_table, Key={'p': s(unique)})
    ddb.transact_write_items(**how)


def test_order_of_members_does_not_matter(service, hash_table, unique):
    names = {'#a': 'a', '#b': 'b'}
    values = {':a': n(1), ':b': n(2)}
    how = dict(expression='SET #a = :a, #b = :b', values=values, ExpressionAttributeNames=names)
    backwards = dict(expression=how['expression'], values=dict(reversed(values.items())),
                     ExpressionAttributeNames=dict(reversed(names.items())))
    same = token()
    for parts in (how, backwards):
        status, _, body = service.wire().call('TransactWriteItems', {
            'ClientRequestToken': same, 'TransactItems': [update(hash_table, unique, **parts)]})
        assert (status, body) == (200, {})


# A repeated transaction is told as reads, in units of 4 KB.
def test_capacity_of_a_repetition(ddb, hash_table, keys):
    ddb.put_item(TableName=hash_table, Item={'p': s(keys[0]), 'v': s('x' * 9000)})
    how = dict(ClientRequestToken=token(), ReturnConsumedCapacity='TOTAL',
               TransactItems=[delete(hash_table, keys[0]), put(hash_table, keys[1])])
    first = ddb.transact_write_items(**how)['ConsumedCapacity']
    assert first == [{'TableName': hash_table, 'CapacityUnits': 20.0, 'WriteCapacityUnits': 20.0}]
    again = ddb.transact_write_items(**how)['ConsumedCapacity']
    assert again == [{'TableName': hash_table, 'CapacityUnits': 8.0, 'ReadCapacityUnits': 8.0}]


def test_token_length(service, hash_table, unique):
    for text, rule in (('', 'greater than or equal to 1'), ('x' * 37, 'less than or equal to 36')):
        invalid(constraint(text, 'clientRequestToken', f'Member must have length {rule}'),
                service.unchecked().transact_write_items, ClientRequestToken=text,
                TransactItems=[put(hash_table, unique)])
    service.client().transact_write_items(ClientRequestToken='x' * (36 - len(unique)) + unique,
                                          TransactItems=[put(hash_table, unique)])


# ---- capacity and collections ----

def test_capacity(ddb, hash_table, range_table, unique):
    parts = [put(hash_table, unique), put(range_table, unique, item={'c': n(1), 'g': s('g')}),
             check(hash_table, f'{unique}-none', 'attribute_not_exists(p)')]
    answer = ddb.transact_write_items(TransactItems=parts, ReturnConsumedCapacity='INDEXES')
    assert answer['ConsumedCapacity'] == [
        {'TableName': hash_table, 'CapacityUnits': 4.0, 'WriteCapacityUnits': 4.0,
         'Table': {'CapacityUnits': 4.0, 'WriteCapacityUnits': 4.0}},
        {'TableName': range_table, 'CapacityUnits': 3.0, 'WriteCapacityUnits': 3.0,
         'Table': {'CapacityUnits': 2.0, 'WriteCapacityUnits': 2.0},
         'GlobalSecondaryIndexes': {'by_g': {'CapacityUnits': 1.0, 'WriteCapacityUnits': 1.0}}}]
    read = ddb.transact_get_items(TransactItems=[get(hash_table, unique), get(hash_table, f'{unique}-none')],
                                  ReturnConsumedCapacity='TOTAL')
    assert read['ConsumedCapacity'] == [{'TableName': hash_table, 'CapacityUnits': 4.0, 'ReadCapacityUnits': 4.0}]
    read = ddb.transact_get_items(TransactItems=[get(hash_table, unique)], ReturnConsumedCapacity='INDEXES')
    assert read['ConsumedCapacity'] == [{'TableName': hash_table, 'CapacityUnits': 2.0, 'ReadCapacityUnits': 2.0,
                                         'Table': {'CapacityUnits': 2.0, 'ReadCapacityUnits': 2.0}}]


def test_collection_metrics(ddb, hash_table, range_table, unique):
    answer = ddb.transact_write_items(ReturnItemCollectionMetrics='SIZE', TransactItems=[
        put(hash_table, unique), put(range_table, unique, item={'c': n(1)}),
        put(range_table, unique, item={'c': n(2)}), put(range_table, f'{unique}b', item={'c': n(1)})])
    assert answer['ItemCollectionMetrics'] == {range_table: [
        {'ItemCollectionKey': {'p': s(key)}, 'SizeEstimateRangeGB': [0.0, 1.0]} for key in (unique, f'{unique}b')]}
    answer = ddb.transact_write_items(ReturnItemCollectionMetrics='SIZE', TransactItems=[put(hash_table, unique)])
    assert 'ItemCollectionMetrics' not in answer


# ---- reading ----

def test_get(ddb, hash_table, range_table, unique):
    ddb.transact_write_items(TransactItems=[
        put(hash_table, unique, item={'v': n(1), 'w': n(2)}), put(range_table, unique, item={'c': n(1), 'w': s('w')})])
    got = ddb.transact_get_items(TransactItems=[
        get(hash_table, f'{unique}-none'),
        get(hash_table, unique, ProjectionExpression='#v', ExpressionAttributeNames={'#v': 'v'}),
        {'Get': {'TableName': range_table, 'Key': {'p': s(unique), 'c': n(1)}}}])
    assert got['Responses'] == [{}, {'Item': {'v': n(1)}}, {'Item': {'p': s(unique), 'c': n(1), 'w': s('w')}}]
    got = ddb.transact_get_items(TransactItems=[get(hash_table, unique, ProjectionExpression='nosuch')])
    assert got['Responses'] == [{}]


def test_get_with_keys_that_do_not_fit(ddb, hash_table, unique):
    empty = ('One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty '
             'string value. Key: p')
    cancelled([NONE, fault(MISMATCH), NONE], ddb.transact_get_items, TransactItems=[
        get(hash_table, unique), {'Get': {'TableName': hash_table, 'Key': {'q': s('x')}}}, get(hash_table, '')])
    cancelled([fault(empty)], ddb.transact_get_items, TransactItems=[get(hash_table, '')])


# ---- what others see ----

# Two items that are always written together are never seen apart, at home or in another region.
def test_nobody_sees_half(service, tables, unique):
    home, other = HOME, REGIONS[1]
    tables(unique, region=home, StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    tables.adopt(other, unique)
    service.client(home).update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': other}}])
    wait_until('the replica', lambda: [replica for replica in service.client(home).describe_table(
        TableName=unique)['Table'].get('Replicas', []) if replica['ReplicaStatus'] == 'ACTIVE'], 60)
    wait_active(service.client(other), unique)
    rounds = 150

    def write():
        client = service.client(home)
        for i in range(1, rounds + 1):
            client.transact_write_items(TransactItems=[put(unique, side, item={'v': n(i)}) for side in 'ab'])
    writer = threading.Thread(target=write)
    writer.start()
    torn, seen = [], {home: set(), other: set()}

    def look(region):
        both = service.client(region).transact_get_items(TransactItems=[get(unique, side) for side in 'ab'])
        values = [row.get('Item', {}).get('v', n(0))['N'] for row in both['Responses']]
        if values[0] != values[1]:
            torn.append((region, values))
        seen[region].add(int(values[0]))
        return int(values[0]) == rounds

    def looked():
        ended = [look(region) for region in (home, other)]
        return torn or all(ended)
    wait_until('the last transaction', looked, 60)
    writer.join()
    assert not torn
    assert all(len(values) > 1 for values in seen.values())
