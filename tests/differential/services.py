"""The two services: how they are started, asked and brought to rest."""
import contextlib
import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys

from harness import Client, wait_until

REGION = 'us-east-2'


class Dynalite:
    """dynalite in memory, without delays."""

    def __init__(self, script):
        if not pathlib.Path(script).exists():
            sys.exit('differential: dynalite is missing; install it with: cd bench && npm ci')
        with socket.socket() as free:
            free.bind(('127.0.0.1', 0))
            port = free.getsockname()[1]
        self.command = ['node', str(script), '--host', '127.0.0.1', '--port', str(port), '--createTableMs', '0',
                        '--deleteTableMs', '0', '--updateTableMs', '0']
        self.url = f'http://127.0.0.1:{port}'
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=dict(os.environ, AWS_REGION=REGION), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.process.stdout.readline()  # it says when it listens

    def revive(self):
        """There are requests that it dies of."""
        self.stop()
        self.start()

    def stop(self):
        self.process.terminate()
        self.process.wait()


# A busy machine is no reason to think that a service is dead: a dead one closes the connection.
PATIENCE = 600


class NoAnswer(Exception):
    """A side, the argument, that should have answered did not."""


class Side:
    """One service: sends a request and gives (status, decoded body).

    There are requests that dynalite never answers. `patience` is how many seconds to wait until it is asked for something else: if
    it answers that, it has forgotten the request, and that counts as no answer."""

    def __init__(self, url, keys, patience=PATIENCE):
        self.client = Client(url, REGION, keys, timeout=patience)
        self.other = Client(url, REGION, keys, timeout=PATIENCE)

    def send(self, operation, body):
        raw = json.dumps(body).encode()
        try:
            self.client.connect()
            self.client.connection.request('POST', '/', raw, self.client.signed(f'DynamoDB_20120810.{operation}', raw))
            answer = self.client.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as fault:
            if isinstance(fault, TimeoutError) and self.client.timeout < PATIENCE:
                with contextlib.suppress(OSError, http.client.HTTPException):
                    self.other.call('ListTables')
                self.other.close()
            self.client.close()
            return 0, {'__type': 'no answer'}
        if text in (b'', b'""'):
            return answer.status, {}
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {'__type': text.decode(errors='replace')}

    def names(self):
        status, answer = self.send('ListTables', {})
        if status == 0:
            raise NoAnswer(self)
        return answer['TableNames']

    def drop(self, name):
        self.send('UpdateTable', {'TableName': name, 'DeletionProtectionEnabled': False})
        self.send('DeleteTable', {'TableName': name})

    def item(self, table, key):
        return self.send('GetItem', {'TableName': table, 'Key': key, 'ConsistentRead': True})[1].get('Item')

    def settle(self, *names):
        """Waits until the tables, all if none is named, are ACTIVE or gone."""
        def settled():
            for name in names or self.names():
                status, body = self.send('DescribeTable', {'TableName': name})
                parts = [body['Table']] + body['Table'].get('GlobalSecondaryIndexes', []) if status == 200 else []
                if {part.get('TableStatus', part.get('IndexStatus')) for part in parts} - {'ACTIVE'}:
                    return False
            return True
        wait_until('tables at rest', settled, 60)
