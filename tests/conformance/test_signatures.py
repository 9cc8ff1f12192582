"""Who may ask: signatures, keys and dates, by requests made by hand."""
import datetime
import re

import pytest
from expect import refused
from wire import kind

MISMATCH = ('The request signature we calculated does not match the signature you provided. Check your AWS Secret '
            'Access Key and signing method. Consult the service documentation for details.')


@pytest.fixture
def wire(service):
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    return service.wire()


def denied(answer, error, message):
    status, headers, body = answer
    assert (status, kind(body)) == (400, error), body
    said = body.get('message', body.get('Message'))
    assert message.fullmatch(said) if isinstance(message, re.Pattern) else said == message, said
    assert headers['content-type'] == 'application/x-amz-json-1.0'
    assert re.fullmatch('[A-Z0-9]{52}', headers['x-amzn-requestid'])


def test_signed_by_hand(wire):
    status, _, body = wire.send(b'{}', wire.signed(b'{}'))
    assert status == 200 and 'TableNames' in body


def test_wrong_secret(wire):
    denied(wire.send(b'{}', wire.signed(b'{}', secret='wrong')), 'InvalidSignatureException', re.compile(
        re.escape(MISMATCH) + '.*', re.S))


def test_wrong_secret_through_a_client(service):
    import boto3
    how = {**service.how('us-east-2'), 'aws_access_key_id': service.keys[0], 'aws_secret_access_key': 'wrong'}
    refused('InvalidSignatureException', re.compile(re.escape(MISMATCH) + '.*', re.S),
            boto3.session.Session().client('dynamodb', **how).list_tables)


@pytest.mark.parametrize('region', ['us-east-2', 'eu-west-1'])
def test_unknown_key(wire, region):
    denied(wire.send(b'{}', wire.signed(b'{}', key_id='AKIDNOBODY', region=region)), 'UnrecognizedClientException',
           'The security token included in the request is invalid.')


def test_altered_body(wire):
    denied(wire.send(b'{"Limit":1}', wire.signed(b'{}')), 'InvalidSignatureException', re.compile(
        re.escape(MISMATCH) + '.*', re.S))


def test_altered_header(wire):
    headers = wire.signed(b'{}')
    headers['x-amz-target'] = 'DynamoDB_20120810.DescribeLimits'
    denied(wire.send(b'{}', headers), 'InvalidSignatureException', re.compile(re.escape(MISMATCH) + '.*', re.S))


@pytest.mark.parametrize('minutes, message', [
    (-16, r'Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 15 min\.\)'),
    (16, r'Signature not yet current: \d{8}T\d{6}Z is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 15 min\.\)'),
])
def test_date_that_is_not_now(wire, minutes, message):
    when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
    denied(wire.send(b'{}', wire.signed(b'{}', when=when)), 'InvalidSignatureException', re.compile(message))


@pytest.mark.parametrize('minutes', [-14, 14])
def test_date_that_is_near_enough(wire, minutes):
    when = datetime.datetime.utcnow() + datetime.timedelta(minutes=minutes)
    assert wire.send(b'{}', wire.signed(b'{}', when=when))[0] == 200


def test_nothing_signed(wire):
    headers = wire.signed(b'{}', drop=['authorization'])
    denied(wire.send(b'{}', headers), 'MissingAuthenticationTokenException', 'Request is missing Authentication Token')


def test_other_scheme(wire):
    headers = {**wire.signed(b'{}'), 'authorization': 'Bearer abc'}
    denied(wire.send(b'{}', headers), 'MissingAuthenticationTokenException', 'Request is missing Authentication Token')


@pytest.mark.parametrize('part', ['Credential', 'Signature', 'SignedHeaders'])
def test_incomplete(wire, part):
    headers = wire.signed(b'{}')
    headers['authorization'] = re.sub(rf'{part}=[^,]*,? ?', '', headers['authorization'])
    denied(wire.send(b'{}', headers), 'IncompleteSignatureException', re.compile(
        f"Authorization header requires '{part}' parameter. (Authorization=.*)?"))


def test_no_date(wire):
    headers = wire.signed(b'{}', drop=['x-amz-date'])
    denied(wire.send(b'{}', headers), 'IncompleteSignatureException', re.compile(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. .*"))


@pytest.mark.parametrize('how, message', [
    (dict(service='s3'), r"Credential should be scoped to correct service: 'dynamodb'\. "),
    (dict(terminator='aws5_request'),
     r"Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'\. "),
    (dict(scope_date='20200101'), "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
     r"HTTP: '20200101' != '\d{8}', from '\d{8}T\d{6}Z'\. "),
    (dict(region='mars-north-1'), r"Credential should be scoped to a valid region, not 'mars-north-1'\. "),
])
def test_scope_that_is_not_ours(wire, how, message):
    denied(wire.send(b'{}', wire.signed(b'{}', **how)), 'InvalidSignatureException', re.compile(message + '?'))


def test_credential_of_four_parts(wire):
    headers = wire.signed(b'{}')
    headers['authorization'] = headers['authorization'].replace('/aws4_request', '')
    denied(wire.send(b'{}', headers), 'IncompleteSignatureException', re.compile(
        'Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got .*'))


def test_other_algorithm(wire):
    headers = wire.signed(b'{}')
    headers['authorization'] = headers['authorization'].replace('HMAC-SHA256', 'HMAC-SHA1')
    denied(wire.send(b'{}', headers), 'IncompleteSignatureException', re.compile("Unsupported AWS 'algorithm': .*"))


def test_header_outside_the_signature_may_change(wire):
    headers = {**wire.signed(b'{}'), 'user-agent': 'anybody'}
    assert wire.send(b'{}', headers)[0] == 200


def test_a_key_is_made_and_revoked(service, wire):
    """Operators add and revoke keys while the region runs."""
    if service.cluster is None:
        pytest.skip('announced: keys are made by the tool of the cluster under test')
    from devcluster import wait_until
    made = service.cluster.tool_json('key', 'create')
    how = dict(key_id=made['access_key_id'], secret=made['secret_access_key'])
    wait_until('the key', lambda: wire.send(b'{}', wire.signed(b'{}', **how))[0] == 200, 10)
    service.cluster.tool('key', 'revoke', made['access_key_id'])
    wait_until('its end', lambda: wire.send(b'{}', wire.signed(b'{}', **how))[0] == 400, 10)
    denied(wire.send(b'{}', wire.signed(b'{}', **how)), 'UnrecognizedClientException',
           'The security token included in the request is invalid.')
