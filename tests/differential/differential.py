#!/usr/bin/python3
"""The same seeded random requests to godwit and to dynalite, and every difference between their answers.

usage: differential.py [--requests 20000] [--seed N] [--show KIND]

Status, error type, message and data are compared. What DynamoDB documents otherwise than dynalite does is known to
explained.py, with its reason; everything else is printed, one example of each kind, and fails the run. A run is
repeated by its seed.
"""
import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests/cluster'), str(ROOT / 'tests/differential')]
from harness import BINARY, Client, DevCluster, wait_until  # noqa: E402
from explained import explain  # noqa: E402
from make_requests import SHAPES, Requests, create_body  # noqa: E402

REGION = 'us-east-2'
# Tables are made anew after so many requests, so that a difference in data cannot breed others for long.
REFRESH_EVERY = 300
DIED = 'dynalite gives no answer: it dies of the request'
# Chosen by the service, or a matter of when one asks.
UNCOMPARED = {
    'CreationDateTime', 'TableId', 'LatestStreamArn', 'LatestStreamLabel', 'LastIncreaseDateTime', 'LastDecreaseDateTime',
    'LastUpdateToPayPerRequestDateTime', 'TableStatus', 'IndexStatus', 'ItemCount', 'TableSizeBytes', 'IndexSizeBytes',
    'ItemCollectionMetrics', 'BillingMode', 'WarmThroughput', 'TableClassSummary', 'TableThroughputModeSummary', 'OnDemandThroughput'}
UNORDERED = {'SS', 'NS', 'BS', 'AttributeDefinitions', 'LocalSecondaryIndexes', 'GlobalSecondaryIndexes', 'Tags',
             'NonKeyAttributes', 'TableNames', 'ConsumedCapacity', 'Responses'}


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


class Side:
    """One service: sends a request and gives (status, decoded body)."""

    def __init__(self, url, keys):
        self.client = Client(url, REGION, keys)

    def send(self, operation, body):
        raw = json.dumps(body).encode()
        try:
            self.client.connect()
            self.client.connection.request('POST', '/', raw, self.client.signed(f'DynamoDB_20120810.{operation}', raw))
            answer = self.client.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.client.close()
            return 0, {'__type': 'no answer'}
        if text in (b'', b'""'):
            return answer.status, {}
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, {'__type': text.decode(errors='replace')}

    def settle(self):
        """Waits until every table is ACTIVE or gone."""
        def settled():
            for name in self.send('ListTables', {})[1]['TableNames']:
                status, body = self.send('DescribeTable', {'TableName': name})
                parts = [body['Table']] + body['Table'].get('GlobalSecondaryIndexes', []) if status == 200 else []
                if {part.get('TableStatus', part.get('IndexStatus')) for part in parts} - {'ACTIVE'}:
                    return False
            return True
        wait_until('tables at rest', settled, 60)


def plain(node, name=''):
    """An answer's data with what cannot be compared taken out."""
    if isinstance(node, dict):
        return {key: plain(value, key) for key, value in node.items() if key not in UNCOMPARED}
    if isinstance(node, list):
        items = [plain(value) for value in node]
        return sorted(items, key=lambda v: json.dumps(v, sort_keys=True)) if name in UNORDERED else items
    return node


def by_text(items):
    return sorted(items, key=lambda v: json.dumps(v, sort_keys=True))


def comparable(operation, body, answer):
    """The answer as (status, type, message, data)."""
    status, data = answer
    if status != 200:
        message = data.get('message', data.get('Message'))
        return status, data.get('__type'), message, {'Item': plain(data['Item'])} if 'Item' in data else None
    data = plain(data)
    if operation == 'Scan':  # the order of a Scan is each service's own
        partial = {'Limit', 'ExclusiveStartKey', 'TotalSegments'} & set(body)
        if 'Items' in data:
            data['Items'] = None if partial else by_text(data['Items'])
        for name in ('LastEvaluatedKey', 'Count', 'ScannedCount', 'ConsumedCapacity') if partial else ():
            data.pop(name, None)
    if operation == 'BatchGetItem':
        data['Responses'] = {table: by_text(items) for table, items in data.get('Responses', {}).items()}
    if operation == 'ListTables':
        data = {}  # the lists hold what earlier differences left behind
    return status, None, None, data


def kind_of(operation, ours, theirs):
    """What a difference is counted under: the two answers without names and numbers."""
    def shape(side):
        if side[0] == 200:
            return 'OK'
        message = re.sub(r'"[^"]*"|\'[^\']*\'|\[[^\]]*\]|\{[^}]*\}|\d+', '*', str(side[2]))
        return f'{str(side[1]).split("#")[-1]}: {message}'
    if ours[0] == theirs[0] == 200:
        fields = sorted(key for key in set(ours[3]) | set(theirs[3]) if ours[3].get(key) != theirs[3].get(key))
        return f'{operation}: data differs in {", ".join(fields)}'
    return f'{operation}: ours {shape(ours)} | theirs {shape(theirs)}'


class Run:
    def __init__(self, ours, theirs, dynalite, seed):
        self.dynalite = dynalite
        self.sides = {'ours': ours, 'theirs': theirs}
        self.rng = random.Random(seed)
        self.tables, self.generation = {}, 0
        self.requests = Requests(self.rng, self.tables)
        self.explained = collections.Counter()
        self.open = collections.OrderedDict()
        self.same = collections.Counter()

    def refresh(self):
        """New tables on both sides, and nothing else."""
        self.generation += 1
        for side in self.sides.values():
            side.settle()
            for name in side.send('ListTables', {})[1]['TableNames']:
                side.send('UpdateTable', {'TableName': name, 'DeletionProtectionEnabled': False})
                side.send('DeleteTable', {'TableName': name})
        for shape in SHAPES:
            name = f'g{self.generation}-{shape}'
            self.tables[shape] = name
            for side in self.sides.values():
                status, answer = side.send('CreateTable', create_body(name, shape))
                assert status == 200, answer
        for side in self.sides.values():
            side.settle()

    def stored(self, operation, body):
        """What each side holds afterwards under the key that a write was about, or None."""
        shape = next((shape for shape, table in self.tables.items() if table == body.get('TableName')), None)
        if operation not in ('PutItem', 'UpdateItem', 'DeleteItem') or shape is None:
            return None
        attributes = body['Item' if operation == 'PutItem' else 'Key']
        key = {key.split(':')[0]: attributes[key.split(':')[0]] for key in SHAPES[shape][0]}
        asked = {'TableName': body['TableName'], 'Key': key}
        return {name: side.send('GetItem', asked)[1].get('Item') for name, side in self.sides.items()}

    def step(self):
        operation, body = self.requests.next()
        answers = {name: side.send(operation, body) for name, side in self.sides.items()}
        if answers['theirs'][0] == 0 and answers['ours'][0] != 0:
            self.explained[DIED] += 1
            self.dynalite.revive()
            return False
        ours = comparable(operation, body, answers['ours'])
        theirs = comparable(operation, body, answers['theirs'])
        if ours[0] == theirs[0] == 200:
            stored = self.stored(operation, body)
            if stored is not None:
                ours[3]['Stored'], theirs[3]['Stored'] = plain(stored['ours']), plain(stored['theirs'])
        if ours == theirs:
            self.same[(operation, 'OK' if ours[0] == 200 else 'refused')] += 1
        else:
            self.differ(operation, body, ours, theirs)
        if operation in ('CreateTable', 'UpdateTable'):
            for side in self.sides.values():
                side.settle()
        if ours[0] != theirs[0]:
            return False  # one of them has done something
        return ours[0] != 200 or ours[3].get('Stored') == theirs[3].get('Stored')

    def differ(self, operation, body, ours, theirs):
        reason = explain(operation, body, ours, theirs)
        if reason is not None:
            self.explained[reason] += 1
            return
        found = self.open.setdefault(kind_of(operation, ours, theirs), [0, None])
        found[0] += 1
        example = (operation, body, ours, theirs)
        if found[1] is None or len(json.dumps(body)) < len(json.dumps(found[1][1])):
            found[1] = example

    def go(self, count):
        since = REFRESH_EVERY
        for _ in range(count):
            if since >= REFRESH_EVERY:
                self.refresh()
                since = 0
            since += 1
            if not self.step():
                since = REFRESH_EVERY  # the data may have parted

    def report(self, show):
        for operation in sorted({operation for operation, _ in self.same}):
            print(f'  {operation:20} the same: {self.same[operation, "OK"]} served, {self.same[operation, "refused"]} refused')
        for reason, count in sorted(self.explained.items()):
            print(f'  explained {count:6}: {reason}')
        for kind, (count, example) in sorted(self.open.items(), key=lambda row: -row[1][0]):
            print(f'NOT EXPLAINED {count} x {kind}')
            if show in kind:
                operation, body, ours, theirs = example
                print(f'    {operation} {json.dumps(body)[:1500]}\n    ours   {ours}\n    theirs {theirs}')
        return sum(count for count, _ in self.open.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--requests', type=int, default=20000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', default='', help='give examples of the kinds that have this text')
    parser.add_argument('--dynalite', default=str(ROOT / 'bench/node_modules/dynalite/cli.js'))
    args = parser.parse_args()
    began = time.monotonic()
    dynalite = Dynalite(args.dynalite)
    try:
        with tempfile.TemporaryDirectory(prefix='godwit-differential-') as folder, \
                DevCluster(BINARY, folder, regions=(REGION,)) as cluster:
            run = Run(Side(cluster.urls[REGION], cluster.keys), Side(dynalite.url, ('id', 'secret')), dynalite, args.seed)
            run.go(args.requests)
    finally:
        dynalite.stop()
    left = run.report(args.show)
    print(f'differential: {args.requests} requests, seed {args.seed}, {time.monotonic() - began:.0f} s: '
          f'{sum(run.same.values())} the same, {sum(run.explained.values())} explained, {left} not explained')
    return 1 if left else 0


if __name__ == '__main__':
    sys.exit(main())
