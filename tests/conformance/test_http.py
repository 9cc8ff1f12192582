"""HTTP around the operations: compressed bodies, browsers, health, methods, media types, limits, connections."""
import gzip
import http.client
import json
import re
import zlib

import pytest
from expect import s
from wire import kind

GET_ITEM = 'DynamoDB_20120810.GetItem'
NO_CLIENT = b'<UnknownOperationException/>\n'


@pytest.fixture
def wire(service):
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    return service.wire()


def raw(wire, method, path, body, headers):
    """(status, headers, bytes) of a request."""
    connection = http.client.HTTPConnection(wire.host, wire.port, timeout=30)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    finally:
        connection.close()


# ---- requests that are compressed ----

def put_packed(wire, table, key, packed, coding, length=10):
    body = json.dumps({'TableName': table, 'Item': {'p': s(key), 'v': s('x' * length)}}).encode()
    body = packed(body)
    headers = wire.signed(body, 'DynamoDB_20120810.PutItem')
    return wire.send(body, {**headers, 'content-encoding': coding})


@pytest.mark.parametrize('coding, packed', [
    ('gzip', gzip.compress), ('GZIP', gzip.compress), ('deflate', zlib.compress), ('identity', bytes),
    ('gzip', lambda body: gzip.compress(body[:10]) + gzip.compress(body[10:]))])
@pytest.mark.parametrize('length', [10, 300000])
def test_compressed_request(wire, ddb, hash_table, unique, coding, packed, length):
    assert put_packed(wire, hash_table, unique, packed, coding, length)[0] == 200
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']['v'] == s('x' * length)


@pytest.mark.parametrize('coding, packed', [
    ('garbage', bytes), ('gzip', bytes), ('gzip', lambda body: b''), ('gzip', lambda body: gzip.compress(body)[:-1]),
    ('deflate', gzip.compress)])
def test_body_that_is_not_what_it_says(wire, ddb, hash_table, unique, coding, packed):
    status, _, answer = put_packed(wire, hash_table, unique, packed, coding)
    assert (status, kind(answer)) == (500, 'InternalServerError')
    assert 'Item' not in ddb.get_item(TableName=hash_table, Key={'p': s(unique)})


def test_compressed_request_that_grows_too_large(wire):
    body = gzip.compress(b'{"TableName":"t"' + b' ' * (17 << 20) + b'}')
    status, _, _ = wire.send(body, {**wire.signed(body, GET_ITEM), 'content-encoding': 'gzip'})
    assert status == 413


def test_signature_is_over_what_was_sent(wire):
    plain = b'{}'
    status, _, answer = wire.send(gzip.compress(plain), {**wire.signed(plain), 'content-encoding': 'gzip'})
    assert (status, kind(answer)) == (400, 'InvalidSignatureException')


# ---- answers that are compressed ----

@pytest.fixture(scope='module')
def large_item(ddb, hash_table):
    ddb.put_item(TableName=hash_table, Item={'p': s('large'), 'v': s('x' * 5000)})
    return json.dumps({'TableName': hash_table, 'Key': {'p': s('large')}}).encode()


@pytest.mark.parametrize('accepted, coding', [
    ('gzip', 'gzip'), ('deflate', 'deflate'), ('br, identity, deflate, gzip', 'deflate'), ('gzip;q=0, *', 'deflate'),
    ('identity', None), ('br', None), (None, None)])
def test_compressed_answer(wire, large_item, accepted, coding):
    headers = wire.signed(large_item, GET_ITEM)
    if accepted:
        headers['accept-encoding'] = accepted
    status, got, body = raw(wire, 'POST', '/', large_item, {'accept-encoding': 'identity', **headers})
    assert status == 200 and got.get('content-encoding') == coding
    assert int(got['x-amz-crc32']) == zlib.crc32(body)
    assert int(got['content-length']) == len(body)
    plain = {'gzip': gzip.decompress, 'deflate': zlib.decompress, None: bytes}[coding](body)
    assert json.loads(plain)['Item']['v'] == s('x' * 5000)
    assert coding is None or len(body) < 1000


def test_small_answer_stays_as_it_is(wire, hash_table):
    body = json.dumps({'TableName': hash_table, 'Key': {'p': s('none')}}).encode()
    _, got, answer = raw(wire, 'POST', '/', body, {**wire.signed(body, GET_ITEM), 'accept-encoding': 'gzip'})
    assert 'content-encoding' not in got and answer == b'{}'


# ---- browsers ----

def test_preflight(wire):
    asked = {'origin': 'http://example.com', 'access-control-request-headers': 'a, b, c',
             'access-control-request-method': 'd'}
    status, got, body = raw(wire, 'OPTIONS', '/', None, asked)
    assert (status, body, got['content-length']) == (200, b'', '0')
    assert got['access-control-allow-origin'] == '*'
    assert got['access-control-allow-headers'] == 'a, b, c'
    assert got['access-control-allow-methods'] == 'd'
    assert got['access-control-max-age'] == '172800'
    assert re.fullmatch('[A-Z0-9]{52}', got['x-amzn-requestid'])


def test_answers_to_browsers(wire):
    for origin in ({}, {'origin': 'http://example.com'}):
        _, got, _ = raw(wire, 'POST', '/', b'{}', {**wire.signed(b'{}'), **origin})
        assert ('access-control-allow-origin' in got) == ('access-control-expose-headers' in got) == bool(origin)
        assert not {'access-control-max-age', 'access-control-allow-headers', 'access-control-allow-methods'} & set(got)


# ---- who is no client ----

def test_health(wire):
    status, got, body = raw(wire, 'GET', '/', None, {})
    assert status == 200 and re.fullmatch(rb'healthy: dynamodb\.[a-z0-9-]+\.amazonaws\.com ', body)
    assert int(got['x-amz-crc32']) == zlib.crc32(body)


@pytest.mark.parametrize('method, path, headers, body', [
    ('GET', '/index.htm', {}, None), ('PUT', '/', {}, None), ('DELETE', '/', {}, None), ('OPTIONS', '/', {}, None),
    ('POST', '/', {}, b'{}'), ('POST', '/', {'content-type': 'text/plain'}, b'{}')])
def test_no_client(wire, method, path, headers, body):
    status, got, answer = raw(wire, method, path, body, headers)
    assert (status, answer) == (404, NO_CLIENT)
    assert got['x-amz-crc32'] == '3552371480'


@pytest.mark.parametrize('media', ['application/json', 'application/x-amz-json-1.0', 'application/json; charset=utf-8'])
def test_media_types(wire, media):
    sent = wire.signed(b'{}', headers={'content-type': media})
    status, got, _ = raw(wire, 'POST', '/', b'{}', sent)
    assert (status, got['content-type']) == (200, media.split(';')[0])


@pytest.mark.parametrize('headers', [{}, {'x-amz-target': 'whatever'}, {'x-amz-target': 'DynamoDB_20120810.ListTable'}])
def test_unknown_operation(wire, headers):
    headers = {'content-type': 'application/json', **headers}
    status, _, body = wire.send(b'{}', headers)
    assert (status, body) == (400, {'__type': 'com.amazon.coral.service#UnknownOperationException'})
    status, _, body = wire.send(b'hi', headers)
    assert (status, body) == (400, {'__type': 'com.amazon.coral.service#SerializationException'})


def test_malformed_comes_before_unsigned(wire):
    headers = {'content-type': 'application/json', 'x-amz-target': GET_ITEM}
    assert kind(wire.send(b'{}', headers)[2]) == 'MissingAuthenticationTokenException'
    assert kind(wire.send(b'{', headers)[2]) == 'SerializationException'


# ---- connections ----

def test_keep_alive(wire):
    connection = http.client.HTTPConnection(wire.host, wire.port, timeout=30)
    connection.connect()
    first = connection.sock
    for _ in range(3):
        connection.request('POST', '/', b'{}', wire.signed(b'{}'))
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader('server') and answer.getheader('date')
        answer.read()
        assert connection.sock is first
    connection.close()


def test_chunked_body_over_the_limit(wire):
    """16 MB are the limit however a body comes."""
    with wire.socket() as sock:
        sock.sendall(b'POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
        chunk = b'100000\r\n' + b' ' * (1 << 20) + b'\r\n'
        answer = b''
        try:
            for _ in range(17):
                sock.sendall(chunk)
        except OSError:
            pass  # it may refuse to read on
        while b'\r\n' not in answer:
            more = sock.recv(4096)
            assert more, 'no answer'
            answer += more
    assert answer.startswith(b'HTTP/1.1 413 ')


def test_head_over_the_limit(wire):
    with wire.socket() as sock:
        sock.sendall(b'POST / HTTP/1.1\r\nh: ' + b'x' * (70 << 10) + b'\r\n\r\n')
        assert sock.recv(4096).startswith(b'HTTP/1.1 431 ')


def test_session_token(wire):
    """A token beside a key is signed with the rest, or is no part of it."""
    token = {'x-amz-security-token': 'any token'}
    assert wire.send(b'{}', wire.signed(b'{}', headers=token))[0] == 200
    assert wire.send(b'{}', {**wire.signed(b'{}'), **token})[0] == 200
    changed = {**wire.signed(b'{}', headers=token), 'x-amz-security-token': 'another'}
    assert kind(wire.send(b'{}', changed)[2]) == 'InvalidSignatureException'
