"""One service for the whole suite, spoken to as AWS's clients speak to DynamoDB, through one endpoint.

GODWIT_BIN names the program; a development cluster of three regions is started on free ports and ended afterwards.
CONFORMANCE_ENDPOINT names another service to judge instead ("aws": the real one, with the credentials and the bill
of whoever runs it); nothing here knows what is inside.
"""
import itertools
import os
import pathlib
import sys

import boto3
import botocore.config
import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[2] / 'tools'), str(pathlib.Path(__file__).parent)]
from devcluster import REGIONS, DevCluster, wait_until  # noqa: E402
pytest.register_assert_rewrite('expect')
from wire import Wire  # noqa: E402

HOME = REGIONS[0]


class Service:
    """Where the service is and how to speak to it."""

    def __init__(self, endpoint, keys, environment, cluster):
        self.endpoint, self.keys, self.environment, self.cluster = endpoint, keys, environment, cluster
        self.clients = {}

    def how(self, region, **config):
        given = dict(retries={'mode': 'standard', 'total_max_attempts': 1}, max_pool_connections=32)
        given.update(config)
        how = dict(region_name=region, config=botocore.config.Config(**given))
        if self.endpoint:
            how.update(endpoint_url=self.endpoint, aws_access_key_id=self.keys[0],
                       aws_secret_access_key=self.keys[1])
        return how

    def client(self, region=HOME):
        if region not in self.clients:
            self.clients[region] = boto3.session.Session().client('dynamodb', **self.how(region))
        return self.clients[region]

    def unchecked(self, region=HOME):
        """A client that sends what it is given without looking at it."""
        return boto3.session.Session().client('dynamodb', **self.how(region, parameter_validation=False))

    def resource(self, region=HOME):
        return boto3.session.Session().resource('dynamodb', **self.how(region))

    def wire(self, region=HOME):
        return Wire(self.endpoint, region, self.keys)


@pytest.fixture(scope='session')
def service(tmp_path_factory):
    endpoint = os.environ.get('CONFORMANCE_ENDPOINT')
    if endpoint:
        keys = (os.environ.get('AWS_ACCESS_KEY_ID', 'id'), os.environ.get('AWS_SECRET_ACCESS_KEY', 'secret'))
        yield Service(None if endpoint == 'aws' else endpoint, keys, dict(os.environ), None)
        return
    with DevCluster(os.environ['GODWIT_BIN'], tmp_path_factory.mktemp('cluster')) as cluster:
        yield Service(cluster.urls[HOME], cluster.keys, cluster.environment(), cluster)
        dead = [row for row in cluster.processes() if row['state'] != 'up']
        assert not dead, f'a region did not survive the suite: {dead}'


@pytest.fixture(scope='session')
def ddb(service):
    return service.client()


NUMBERS = itertools.count(1)


@pytest.fixture
def unique():
    """A name that nothing else in this run has."""
    return f'n{os.getpid()}-{next(NUMBERS)}'


def make_table(client, name, keys='p:S', **more):
    """Creates a table and waits until it is there. Keys as 'hash:TYPE range:TYPE'; further attributes follow '|'."""
    key_part, _, rest = keys.partition('|')
    attributes = [word.split(':') for word in key_part.split() + rest.split()]
    how = dict(
        TableName=name, BillingMode='PAY_PER_REQUEST',
        AttributeDefinitions=[{'AttributeName': n, 'AttributeType': t} for n, t in attributes],
        KeySchema=[{'AttributeName': word.split(':')[0], 'KeyType': kind}
                   for word, kind in zip(key_part.split(), ('HASH', 'RANGE'))])
    how.update(more)
    made = client.create_table(**{k: v for k, v in how.items() if v is not None})['TableDescription']
    wait_active(client, name)
    return made


def wait_active(client, name, seconds=60):
    """The table's description once it and its indexes are ACTIVE."""
    def active():
        table = client.describe_table(TableName=name)['Table']
        parts = [table['TableStatus']] + [x['IndexStatus'] for x in table.get('GlobalSecondaryIndexes', [])]
        return table if set(parts) == {'ACTIVE'} else None
    return wait_until(f'table {name}', active, seconds)


@pytest.fixture
def tables(service):
    """Makes tables in any region that are gone after the test."""
    made = []

    def make(name, keys='p:S', region=HOME, **more):
        made.append((region, name))
        return make_table(service.client(region), name, keys, **more)
    make.adopt = lambda region, name: made.append((region, name))
    yield make
    for region, name in reversed(made):
        client = service.client(region)
        try:
            client.delete_table(TableName=name)
        except (client.exceptions.ResourceNotFoundException, client.exceptions.ResourceInUseException,
                client.exceptions.ClientError):
            pass


@pytest.fixture(scope='session')
def hash_table(ddb):
    """A table with a string hash key p."""
    name = f'conformance-hash-{os.getpid()}'
    make_table(ddb, name, 'p:S')
    yield name
    ddb.delete_table(TableName=name)


@pytest.fixture(scope='session')
def range_table(ddb):
    """A table with hash key p and numeric range key c, an LSI on s and a GSI on g."""
    name = f'conformance-range-{os.getpid()}'
    make_table(
        ddb, name, 'p:S c:N|s:S g:S',
        LocalSecondaryIndexes=[{'IndexName': 'by_s', 'Projection': {'ProjectionType': 'ALL'}, 'KeySchema': [
            {'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 's', 'KeyType': 'RANGE'}]}],
        GlobalSecondaryIndexes=[{'IndexName': 'by_g', 'Projection': {'ProjectionType': 'KEYS_ONLY'}, 'KeySchema': [
            {'AttributeName': 'g', 'KeyType': 'HASH'}, {'AttributeName': 'c', 'KeyType': 'RANGE'}]}])
    yield name
    ddb.delete_table(TableName=name)


@pytest.fixture
def regions(service):
    """The three regions' clients; only where one endpoint serves them all or the service has its own."""
    return {region: service.client(region) for region in REGIONS}
