"""DynamoDB's protocol by hand, for what no client would send."""
import datetime
import hashlib
import hmac
import http.client
import json
import socket
import urllib.parse


class Wire:
    def __init__(self, endpoint, region, keys):
        url = urllib.parse.urlsplit(endpoint)
        self.host, self.port, self.region, self.keys = url.hostname, url.port, region, keys

    def signed(self, body, target='DynamoDB_20120810.ListTables', *, key_id=None, secret=None, when=None,
               region=None, service='dynamodb', scope_date=None, terminator='aws4_request', drop=(), headers=None):
        """The headers of a signed request. Arguments spoil a part of it, and the signature is right for the rest."""
        when = when or datetime.datetime.utcnow()
        stamp = when.strftime('%Y%m%dT%H%M%SZ')
        date = scope_date or stamp[:8]
        region = region or self.region
        key_id, secret = key_id or self.keys[0], secret or self.keys[1]
        sent = {'host': f'{self.host}:{self.port}', 'x-amz-date': stamp, 'x-amz-target': target,
                'content-type': 'application/x-amz-json-1.0', **(headers or {})}
        names = ';'.join(sorted(sent))
        canonical = '\n'.join(['POST', '/', '', *(f'{name}:{sent[name]}' for name in sorted(sent)), '', names,
                               hashlib.sha256(body).hexdigest()])
        scope = f'{date}/{region}/{service}/{terminator}'
        text = '\n'.join(['AWS4-HMAC-SHA256', stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        key = b'AWS4' + secret.encode()
        for part in (date, region, service, terminator, text):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        sent['authorization'] = (f'AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, '
                                 f'Signature={key.hex()}')
        for name in drop:
            del sent[name]
        return sent

    def send(self, body, headers, method='POST', path='/'):
        """(status, headers, decoded body) of one request."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            try:
                decoded = json.loads(text)
            except ValueError:
                decoded = text
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), decoded
        finally:
            connection.close()

    def call(self, operation, body, **how):
        """A well signed request with any body: bytes, or something for JSON."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.send(body, self.signed(body, f'DynamoDB_20120810.{operation}', **how))

    def socket(self):
        return socket.create_connection((self.host, self.port), timeout=30)

    @staticmethod
    def head(headers, length):
        """The bytes of a request head with any Content-Length."""
        lines = ['POST / HTTP/1.1', *(f'{name}: {value}' for name, value in headers.items()),
                 f'content-length: {length}', '', '']
        return '\r\n'.join(lines).encode()


def kind(answer):
    """The error's name without the service before it."""
    return answer['__type'].split('#')[-1]
