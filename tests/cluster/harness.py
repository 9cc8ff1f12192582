"""A development cluster with handles for what a hostile world does to it, and the judges of what it did about it.

`Cluster` starts real processes on loopback, kills, stops, cuts and restarts them. `Load` is the load generator
(bench/load) writing into one region, with a log of every write's outcome outside of the processes that get killed.
`Ledger` reads such logs and judges what a region holds: every acknowledged write is there or was replaced by a later
one, no refused write is.
"""
import collections
import hashlib
import hmac
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools'))
from devcluster import REGIONS, DevCluster, DevError, wait_until  # noqa: E402

US, EU, AP = REGIONS
TABLE = 'flights'
BINARY = os.environ.get('GODWIT_BIN', str(ROOT / 'build/godwit'))
LOAD = os.environ.get('GODWIT_LOAD', str(pathlib.Path(BINARY).parent / 'bench/load'))
# How long anything may take on a busy machine before it is said not to happen.
PATIENCE_S = 60


def admin_token(secret):
    return hmac.new(secret.encode(), b'godwit admin token 1', hashlib.sha256).hexdigest()


class Answer(Exception):
    """An answer that is no success."""

    def __init__(self, status, body):
        super().__init__(f'{status}: {body}')
        self.status, self.body = status, body


class Client:
    """A signing client on one kept connection; much cheaper than boto3, which the conformance suite uses."""

    def __init__(self, url, region, keys, timeout=30):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port, self.region, self.keys = parts.hostname, parts.port, region, keys
        self.timeout, self.connection, self.day, self.key = timeout, None, None, None

    def signed(self, target, body):
        stamp = time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())
        day = stamp[:8]
        if day != self.day:
            key = b'AWS4' + self.keys[1].encode()
            for part in (day, self.region, 'dynamodb', 'aws4_request'):
                key = hmac.new(key, part.encode(), hashlib.sha256).digest()
            self.day, self.key = day, key
        names = 'host;x-amz-date;x-amz-target'
        canonical = (f'POST\n/\n\nhost:{self.host}:{self.port}\nx-amz-date:{stamp}\nx-amz-target:{target}\n\n{names}\n'
                     + hashlib.sha256(body).hexdigest())
        scope = f'{day}/{self.region}/dynamodb/aws4_request'
        text = f'AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}'
        signature = hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()
        return {'X-Amz-Date': stamp, 'X-Amz-Target': target, 'Content-Type': 'application/x-amz-json-1.0',
                'Authorization': f'AWS4-HMAC-SHA256 Credential={self.keys[0]}/{scope}, SignedHeaders={names}, '
                                 f'Signature={signature}'}

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def connect(self):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
            self.connection.connect()
            self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def call(self, operation, **request):
        return self.send(f'DynamoDB_20120810.{operation}', request)

    def send(self, target, request):
        """The decoded answer; Answer when it is an error; OSError or HTTPException when none came."""
        body = json.dumps(request).encode()
        try:
            self.connect()
            self.connection.request('POST', '/', body, self.signed(target, body))
            answer = self.connection.getresponse()
            text = answer.read()
        except BaseException:
            self.close()
            raise
        if answer.status != 200:
            raise Answer(answer.status, text.decode(errors='replace'))
        return json.loads(text)

    # -- the shapes that the tests use: pk S, sk N, and v S or seq N beside them --

    def put(self, pk, sk, **attributes):
        item = {'pk': {'S': pk}, 'sk': {'N': str(sk)}}
        item.update({name: {'S': value} for name, value in attributes.items()})
        return self.call('PutItem', TableName=TABLE, Item=item)

    def get(self, pk, sk):
        """{name: text} of the item, or None."""
        item = self.call('GetItem', TableName=TABLE, Key={'pk': {'S': pk}, 'sk': {'N': str(sk)}},
                         ConsistentRead=True).get('Item')
        return None if item is None else {name: next(iter(value.values())) for name, value in item.items()}

    def delete(self, pk, sk):
        return self.call('DeleteItem', TableName=TABLE, Key={'pk': {'S': pk}, 'sk': {'N': str(sk)}})

    def scan(self, table=TABLE, **more):
        """All items, with no more than their keys and `seq`."""
        while True:
            page = self.call('Scan', TableName=table, ProjectionExpression='pk, sk, seq', **more)
            yield from page['Items']
            if 'LastEvaluatedKey' not in page:
                return
            more['ExclusiveStartKey'] = page['LastEvaluatedKey']

    def query(self, pk, table=TABLE):
        more = {}
        while True:
            page = self.call('Query', TableName=table, KeyConditionExpression='pk = :pk',
                             ExpressionAttributeValues={':pk': {'S': pk}}, ProjectionExpression='pk, sk, seq', **more)
            yield from page['Items']
            if 'LastEvaluatedKey' not in page:
                return
            more['ExclusiveStartKey'] = page['LastEvaluatedKey']


class Load:
    """bench/load against one region. Its log is complete once stop() has returned."""

    def __init__(self, cluster, region, log, *options, prefix='k', table=TABLE):
        self.region, self.log, self.prefix = region, pathlib.Path(log), prefix
        port = urllib.parse.urlsplit(cluster.urls[region]).port
        env = dict(os.environ, AWS_ACCESS_KEY_ID=cluster.keys[0], AWS_SECRET_ACCESS_KEY=cluster.keys[1])
        self.process = subprocess.Popen(
            [LOAD, '--port', str(port), '--table', table, '--region', region, '--log', str(log), '--prefix', prefix,
             '--persistent', *map(str, options)],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.result = None

    def acked(self):
        """About how many writes were acknowledged up to now: the log's lines."""
        return self.log.read_bytes().count(b'\n') if self.log.exists() else 0

    def wait_for(self, more):
        """Returns once so many more outcomes are known."""
        target = self.acked() + more
        wait_until(f'{more} more writes into {self.region}', lambda: self.acked() >= target, PATIENCE_S)

    def stop(self):
        """Ends it after the answers it waits for; returns its counts."""
        if self.result is None:
            self.process.send_signal(signal.SIGTERM)
            out, _ = self.process.communicate(timeout=PATIENCE_S)
            if self.process.returncode != 0:
                raise DevError(f'the load generator ended with {self.process.returncode}')
            self.result = json.loads(out)
        return self.result


class Ledger:
    """What the logs of writers say must, may and must not be there. Each key has one writer, whose seqs rise."""

    def __init__(self, *logs):
        self.last_acked, self.possible, self.acked, self.unknown, self.refused = {}, collections.defaultdict(set), 0, 0, 0
        for log in logs:
            self.add(log)

    def add(self, log):
        with open(log, encoding='ascii') as lines:
            for line in lines:
                mark, pk, sk, seq = line.split()
                key, seq = (pk, int(sk)), int(seq)
                if mark == '!':
                    self.refused += 1
                    self.possible[key]
                    continue
                if mark == '=':
                    self.acked += 1
                    self.last_acked[key] = max(seq, self.last_acked.get(key, -1))
                else:
                    self.unknown += 1
                self.possible[key].add(seq)

    def judge(self, client, table=TABLE):
        """Sentences about what `client` finds wrong, in order of keys; empty when all is well."""
        found = {}
        for pk in {pk for pk, _ in self.possible}:
            for item in client.query(pk, table):
                found[pk, int(item['sk']['N'])] = int(item['seq']['N'])
        wrong = [f'{key}: acknowledged {seq}, found {found.get(key)}' for key, seq in self.last_acked.items()
                 if found.get(key, -1) < seq]
        wrong += [f'{key}: found {seq}, which was refused or never written' for key, seq in found.items()
                  if seq not in self.possible.get(key, ())]
        return sorted(wrong)


class Cluster(DevCluster):
    """A development cluster, its admin interface and what can be done to its processes."""

    def __init__(self, folder, regions=REGIONS, options=(), binary=BINARY):
        super().__init__(binary, folder, regions, options)
        self.clients, self.loads = {}, []

    def start(self):
        super().start()
        self.wait_met()

    def wait_met(self, *regions):
        """Returns once all regions know each other as members."""
        regions = regions or self.regions

        def met():
            known = [{member['region'] for member in self.status(region)['members'] if not member['removed']}
                     for region in regions]
            return all(names >= set(regions) for names in known)
        wait_until('the regions to meet', met, PATIENCE_S)

    def stop(self):
        for load in self.loads:
            if load.process.poll() is None:
                load.process.kill()
                load.process.communicate()
        for client in self.clients.values():
            client.close()
        super().stop()

    # -- clients --

    def at(self, region):
        """The kept client of a region."""
        if region not in self.clients:
            self.clients[region] = self.fresh(region)
        return self.clients[region]

    def fresh(self, region, **how):
        return Client(self.urls[region], region, self.keys, **how)

    def load(self, region, name, *options, table=TABLE):
        """A writer into `region` that uses the prefix `name` for its keys."""
        load = Load(self, region, self.folder / f'{name}.acks', *options, prefix=name, table=table)
        self.loads.append(load)
        return load

    def wire(self, region, method, path, body=None, token=None):
        """(status, text) of one plain HTTP request."""
        parts = urllib.parse.urlsplit(self.urls[region])
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
        try:
            headers = {'Authorization': f'Bearer {token}'} if token else {}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    # -- configuration --

    def config(self, region):
        """{key: value} of the region's configuration, peers under 'peers' by name."""
        found = {'peers': {}}
        for line in (self.folder / region / 'godwit.conf').read_text().splitlines():
            key, _, value = (part.strip() for part in line.partition('='))
            if key == 'peer':
                found['peers'][value.split()[0]] = value.split()[1:]
            elif key:
                found[key] = value
        return found

    def configure(self, region, **settings):
        """Appends settings, which hold from the region's next start on; dots are written as two underscores."""
        with open(self.folder / region / 'godwit.conf', 'a', encoding='ascii') as conf:
            conf.writelines(f'{name.replace("__", ".")} = {value}\n' for name, value in settings.items())

    # -- the admin interface --

    def admin(self, region, path, body=None):
        status, text = self.wire(region, 'GET' if body is None else 'POST', f'/_godwit/{path}', body,
                                 admin_token(self.config(region)['secret']))
        if status != 200:
            raise Answer(status, text)
        return json.loads(text)

    def status(self, region):
        return self.admin(region, 'status')

    def peer(self, region, name):
        """What `region` says of its link to `name`."""
        return next(peer for peer in self.status(region)['peers'] if peer['name'] == name)

    def fault(self, region, **what):
        return self.admin(region, 'fault', what)

    def cut(self, one, other, cut=True):
        """Ends, or restores, what `one` sends to `other`; the other direction stays as it is."""
        self.fault(one, peer=other, cut=cut)

    def part(self, one, other, cut=True):
        self.cut(one, other, cut)
        self.cut(other, one, cut)

    def heal(self):
        for region in self.regions:
            self.fault(region, heal=True)

    def conflicts(self, region, limit=1000):
        return self.admin(region, f'conflicts?limit={limit}')['conflicts']

    # -- processes --

    def pid(self, region):
        return next(row['pid'] for row in self.processes() if row['region'] == region)

    def up(self, region):
        return any(row['region'] == region and row['state'] == 'up' for row in self.processes())

    def kill(self, *regions):
        """kill -9 of them all at once; returns once they are gone."""
        pids = [self.pid(region) for region in regions]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for region in regions:
            self.at(region).close()
        wait_until('the end of killed regions', lambda: not any(self.up(region) for region in regions), PATIENCE_S)

    def start_region(self, region):
        """Starts it again; returns how many milliseconds passed until it answered."""
        began = time.monotonic()
        self.tool('dev', 'start', region)
        return (time.monotonic() - began) * 1000

    def pause(self, region, signum=signal.SIGSTOP):
        os.kill(self.pid(region), signum)

    def resume(self, region):
        self.pause(region, signal.SIGCONT)

    # -- tables and what they hold --

    def create(self, region, table=TABLE, stream=True):
        """A table of one region; with a stream it is ready to be joined with others."""
        asked = {'StreamSpecification': {'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}} if stream else {}
        self.at(region).call(
            'CreateTable', TableName=table, BillingMode='PAY_PER_REQUEST',
            KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
            AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'},
                                  {'AttributeName': 'sk', 'AttributeType': 'N'}], **asked)
        self.wait_active(region, table)

    def make_table(self, *regions, table=TABLE):
        """A table of all regions, or of those named."""
        regions = regions or self.regions
        for region in regions:
            self.create(region, table)
        self.at(regions[0]).call('CreateGlobalTable', GlobalTableName=table,
                                 ReplicationGroup=[{'RegionName': region} for region in regions])
        self.wait_joined(*regions, table=table)

    def wait_joined(self, *regions, table=TABLE):
        """Returns once each of the regions knows all of them as active replicas."""
        def joined():
            for region in regions:
                named = [row for row in self.admin(region, 'tables')['tables'] if row['name'] == table]
                replicas = {row['region']: row['status'] for row in named[0]['replicas']} if named else {}
                if any(replicas.get(other) != 'ACTIVE' for other in regions):
                    return False
            return True
        wait_until(f'{table} in {regions}', joined, PATIENCE_S)

    def table_status(self, region, table=TABLE):
        try:
            return self.at(region).call('DescribeTable', TableName=table)['Table']['TableStatus']
        except Answer as answer:
            if 'ResourceNotFoundException' in answer.body:
                return None
            raise

    def wait_active(self, region, table=TABLE):
        wait_until(f'{table} active in {region}', lambda: self.table_status(region, table) == 'ACTIVE', PATIENCE_S)

    def begin_grow(self, region, other, table=TABLE):
        """Begins to replicate a live table of `region` to another region, by today's call (global tables of 2019)."""
        self.at(region).call('UpdateTable', TableName=table, ReplicaUpdates=[{'Create': {'RegionName': other}}])

    def grow(self, region, other, table=TABLE):
        """As begin_grow() for a group made by CreateGlobalTable; returns once the replica is complete."""
        self.create(other, table)
        self.at(region).call('UpdateGlobalTable', GlobalTableName=table,
                             ReplicaUpdates=[{'Create': {'RegionName': other}}])
        self.wait_joined(region, other, table=table)

    def digest(self, region, table=TABLE):
        return self.admin(region, f'digest?table={table}')

    def difference(self, regions, table=TABLE):
        """None when all regions hold the same and nothing is on its way, else a sentence."""
        digests = [self.digest(region, table) for region in regions]
        for region, digest in zip(regions[1:], digests[1:]):
            for what in ('id', 'items', 'bytes', 'buckets'):
                if digests[0][what] != digest[what]:
                    return f'{what} of {table} in {regions[0]} and {region} differ: {digests[0][what]}, {digest[what]}'
        for region in regions:
            for peer in self.status(region)['peers']:
                if peer['name'] in regions and peer['pending']:
                    return f'{region} has {peer["pending"]} records for {peer["name"]}'
        return None

    def wait_equal(self, *regions, table=TABLE, seconds=PATIENCE_S):
        """Returns the number of items once the regions are equal; DevError with the difference when they do not get so."""
        regions = regions or self.regions
        last = ['never looked']

        def equal():
            last[0] = self.difference(regions, table)
            return last[0] is None
        try:
            wait_until('equality of the regions', equal, seconds)
        except DevError as error:
            raise DevError(f'{error}; {last[0]}') from None
        return self.digest(regions[0], table)['items']

    def verify(self, *tables, seconds=PATIENCE_S):
        """`godwit verify`, the product's own proof."""
        return self.tool('verify', *tables, '--timeout', str(seconds), timeout=seconds + 30)
