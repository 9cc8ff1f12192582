"""Input that no client sends: each has its documented error, and the service goes on."""
import json
import re
import socket

import pytest
from expect import FRAME, invalid, n, s
from wire import Wire, kind


@pytest.fixture
def wire(service):
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    return service.wire()


@pytest.fixture(autouse=True)
def alive(ddb):
    """After each of these the service still answers."""
    yield
    assert 'TableNames' in ddb.list_tables(Limit=1)


@pytest.mark.parametrize('body', [
    b'', b'{', b'{"TableName":', b'[]', b'"text"', b'null', b'{"TableName":"x"}}', b'{"a":1,}', b"{'a':1}", b'\x00',
    b'{"TableName":"\xff\xfe"}', b'{"TableName":"\\ud800"', b'nope', b'{"TableName":"abc"} trailing'])
def test_malformed_json(wire, body):
    status, _, answer = wire.call('GetItem', body)
    assert (status, kind(answer)) == (400, 'SerializationException')


@pytest.mark.parametrize('body', [
    {'TableName': 1}, {'TableName': ['x']}, {'TableName': {}}, {'TableName': True}, {'TableName': 'abc', 'Key': []},
    {'TableName': 'abc', 'Key': 'x'}, {'TableName': 'abc', 'Key': {'p': 'x'}},
    {'TableName': 'abc', 'Key': {'p': {'S': 1}}},
    {'TableName': 'abc', 'Key': {'p': {'N': 1}}}, {'TableName': 'abc', 'Key': {'p': {'SS': 'x'}}},
    {'TableName': 'abc', 'Key': {'p': {'L': {}}}}, {'TableName': 'abc', 'Key': {'p': {'M': []}}},
    {'TableName': 'abc', 'Key': {'p': {'B': '!'}}}, {'TableName': 'abc', 'ConsistentRead': 'x'},
    {'TableName': 'abc', 'Key': {}, 'ProjectionExpression': 1},
    {'TableName': 'abc', 'Key': {}, 'ExpressionAttributeNames': []}])
def test_wrong_types(wire, body):
    status, _, answer = wire.call('GetItem', body)
    assert (status, kind(answer)) == (400, 'SerializationException'), answer
    assert answer['Message']


@pytest.mark.parametrize('value', [{}, {'S': 'x', 'N': '1'}, {'X': 'x'}])
def test_values_of_no_type(wire, hash_table, value):
    status, _, answer = wire.call('GetItem', {'TableName': hash_table, 'Key': {'p': value}})
    assert (status, kind(answer)) == (400, 'ValidationException')
    assert re.fullmatch('Supplied AttributeValue (is empty|has more than one datatypes set), must contain exactly one '
                        'of the supported datatypes', answer['message'])


def test_unknown_members_are_ignored(wire, hash_table):
    status, _, answer = wire.call('GetItem', {'TableName': hash_table, 'Key': {'p': {'S': 'none'}}, 'Whatever': [1]})
    assert (status, answer) == (200, {})


@pytest.mark.parametrize('target', [
    'DynamoDB_20120810.MakeCoffee', 'DynamoDB_20120810.', 'DynamoDB_20990101.GetItem', 'GetItem', '', 'x' * 5000])
def test_unknown_operation(wire, target):
    status, _, answer = wire.send(b'{}', wire.signed(b'{}', target))
    assert (status, kind(answer)) == (400, 'UnknownOperationException')


def test_no_target(wire):
    status, _, answer = wire.send(b'{}', wire.signed(b'{}', drop=['x-amz-target']))
    assert status == 400 and kind(answer) in ('UnknownOperationException', 'InvalidSignatureException')


@pytest.mark.parametrize('method', ['GET', 'PUT', 'DELETE', 'HEAD'])
def test_other_methods(wire, method):
    status, _, _ = wire.send(b'', wire.signed(b''), method=method)
    assert status in (200, 400, 403, 404, 405)


def nested(levels, kind_of):
    opening, closing = ('{"L":[', ']}') if kind_of == 'L' else ('{"M":{"a":', '}}')
    return opening * levels + '{"N":"1"}' + closing * levels


@pytest.mark.parametrize('kind_of', ['L', 'M'])
@pytest.mark.parametrize('levels', [33, 100, 5000, 200_000])
def test_deep_nesting(wire, hash_table, kind_of, levels):
    body = '{"TableName":"%s","Item":{"p":{"S":"deep"},"v":%s}}' % (hash_table, nested(levels, kind_of))
    status, _, answer = wire.call('PutItem', body.encode())
    assert status == 400 and kind(answer) in ('ValidationException', 'SerializationException')
    if levels == 33:
        assert answer['message'].startswith('Nesting Levels have exceeded supported limits')


def test_deep_expressions(ddb, hash_table):
    for text in ('(' * 5000 + 'a = :v' + ')' * 5000, 'NOT ' * 900 + 'a = :v', 'a' + '.a' * 2000 + ' = :v',
                 ' AND '.join(['a = :v'] * 400)):
        invalid(None, ddb.get_paginator('scan').paginate(
            TableName=hash_table, FilterExpression=text, ExpressionAttributeValues={':v': n(1)}).build_full_result)


def test_item_that_is_too_large(ddb, hash_table):
    invalid('Item size has exceeded the maximum allowed size', ddb.put_item, TableName=hash_table,
            Item={'p': s('x'), 'v': s('x' * 5_000_000)})


# Names in no order once took time with the square of their number: minutes, where the answer waits seconds.
def test_many_attributes_to_update(wire, hash_table):
    names = [f'{(i * 7919) % 150_001:06}' for i in range(150_000)]
    status, _, answer = wire.call('UpdateItem', {
        'TableName': hash_table, 'Key': {'p': s('many')},
        'AttributeUpdates': {name: {'Value': {'BOOL': True}} for name in names}})
    assert (status, answer['message']) == (400, 'Item size to update has exceeded the maximum allowed size')


def test_body_that_is_too_large(wire):
    connection = wire.socket()
    with connection:
        connection.sendall(Wire.head(wire.signed(b'{}'), 17 * 1024 * 1024))
        answer = connection.recv(65536)
    assert answer.split(b' ')[1] in (b'413', b'400')


def test_body_that_is_cut_off(wire):
    for sent in (b'', b'{"Limit"'):
        connection = wire.socket()
        with connection:
            connection.sendall(Wire.head(wire.signed(b'{"Limit":10}'), 12) + sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        assert answer == b'' or answer.split(b' ')[1] == b'400'


@pytest.mark.parametrize('raw', [
    b'\r\n\r\n\r\n', b'GET\r\n\r\n', b'POST / HTTP/9.9\r\n\r\n', b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' * 20,
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}',
    b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    b'POST / HTTP/1.1\r\n' + b'X: ' + b'y' * 200_000 + b'\r\n\r\n',
    b'POST / HTTP/1.1\r\n' + b'X: y\r\n' * 20_000 + b'\r\n', b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'])
def test_bytes_that_are_no_request(wire, raw):
    connection = wire.socket()
    with connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            answer = b''
    assert answer == b'' or answer.split(b' ')[1][:1] in (b'4', b'5')


def test_requests_one_after_the_other_in_one_write(wire, hash_table):
    body = json.dumps({'TableName': hash_table, 'Key': {'p': {'S': 'none'}}}).encode()
    one = Wire.head(wire.signed(body, 'DynamoDB_20120810.GetItem'), len(body)) + body
    connection = wire.socket()
    with connection:
        connection.sendall(one * 10)
        got = b''
        while got.count(b'HTTP/1.1 200') < 10:
            more = connection.recv(65536)
            assert more, got
            got += more


def test_request_byte_by_byte(wire, hash_table):
    body = json.dumps({'TableName': hash_table, 'Key': {'p': {'S': 'none'}}}).encode()
    connection = wire.socket()
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in Wire.head(wire.signed(body, 'DynamoDB_20120810.GetItem'), len(body)) + body:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b'HTTP/1.1 200')


def test_duplicate_names_and_huge_numbers(wire, hash_table):
    for body in (b'{"TableName":"abc","TableName":"%s","Key":{"p":{"S":"x"}}}' % hash_table.encode(),
                 b'{"TableName":"%s","Limit":1e400}' % hash_table.encode(),
                 b'{"TableName":"%s","Limit":99999999999999999999}' % hash_table.encode()):
        status, _, _ = wire.call('Scan', body)
        assert status in (200, 400)


def test_names_with_odd_characters(ddb, hash_table, unique):
    name = 'a.b[0] "\\ \u2603 \U0001f426 \x01'
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), name: s('v')})
    got = ddb.get_item(TableName=hash_table, Key={'p': s(unique)}, ProjectionExpression='#n',
                       ExpressionAttributeNames={'#n': name})
    assert got['Item'] == {name: s('v')}


def test_many_connections_that_say_nothing(wire):
    idle = [wire.socket() for _ in range(200)]
    try:
        assert wire.call('ListTables', {})[0] == 200
    finally:
        for connection in idle:
            connection.close()


TOO_LARGE = 'Attribute name is too large, must be less than 65536 bytes'


@pytest.mark.parametrize('name, message', [('', 'Empty attribute name'), ('x' * 65536, TOO_LARGE)], ids=['none', 'huge'])
def test_names_of_attributes(service, hash_table, name, message):
    ddb = service.unchecked()
    key = {'p': s('names')}
    invalid(FRAME + message, ddb.put_item, TableName=hash_table, Item={**key, name: s('v')})
    invalid(FRAME + message, ddb.put_item, TableName=hash_table, Item={**key, 'm': {'M': {name: s('v')}}})
    invalid(FRAME + message, ddb.update_item, TableName=hash_table, Key=key, AttributeUpdates={name: {'Value': s('v')}})
    invalid(message, ddb.get_item, TableName=hash_table, Key=key, AttributesToGet=[name])
    of_names = ('ExpressionAttributeNames contains invalid value: Empty attribute name for key #n' if not name else
                "1 validation error detected: Value '{#n=...}' at 'expressionAttributeNames' failed to satisfy "
                'constraint: Map value must satisfy constraint: [Member must have length less than or equal to 65535, '
                'Member must have length greater than or equal to 0]')
    invalid(of_names, ddb.get_item, TableName=hash_table, Key=key, ProjectionExpression='#n',
            ExpressionAttributeNames={'#n': name})
    longest = 'x' * 65535
    ddb.put_item(TableName=hash_table, Item={**key, longest: s('v')})
    assert ddb.get_item(TableName=hash_table, Key=key, ProjectionExpression='#n',
                        ExpressionAttributeNames={'#n': longest})['Item'] == {longest: s('v')}


def test_sizes_of_substitutions(ddb, hash_table):
    """255 bytes a placeholder, 2 MB for all names and values together."""
    long = '#' + 'n' * 255
    invalid('ExpressionAttributeNames contains invalid key: The expression attribute map contains a key that is too long',
            ddb.get_item, TableName=hash_table, Key={'p': s('a')}, ProjectionExpression=long,
            ExpressionAttributeNames={long: 'v'})
    ddb.get_item(TableName=hash_table, Key={'p': s('a')}, ProjectionExpression=long[:-1],
                 ExpressionAttributeNames={long[:-1]: 'v'})
    values = {f':v{i}': s('x' * 300000) for i in range(7)}
    invalid(FRAME + 'ExpressionAttributeValues exceeds max size', ddb.put_item, TableName=hash_table, Item={'p': s('a')},
            ConditionExpression='p IN (' + ', '.join(values) + ')', ExpressionAttributeValues=values)
