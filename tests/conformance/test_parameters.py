"""docs/dynamodb-parameters.md against the model and against the service: nothing is left out, and what it says is
refused is refused."""
import pathlib
import re

import pytest
from wire import kind

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = (ROOT / 'docs/dynamodb-parameters.md').read_text()
SHAPES = re.sub(r'\s+', ' ', (ROOT / 'src/front/dynamo/shape_table.c').read_text())
# What an operation that refuses a parameter is asked besides.
BESIDE = {
    'CreateTable': {'TableName': 'parameters', 'BillingMode': 'PAY_PER_REQUEST',
                    'AttributeDefinitions': [{'AttributeName': 'p', 'AttributeType': 'S'}],
                    'KeySchema': [{'AttributeName': 'p', 'KeyType': 'HASH'}]},
    'UpdateTable': {'BillingMode': 'PAY_PER_REQUEST'},
    'RestoreTableFromBackup': {
        'TargetTableName': 'parameters',
        'BackupArn': 'arn:aws:dynamodb:us-east-2:000000000000:table/none/backup/01600000000000-00000000'},
    'RestoreTableToPointInTime': {'TargetTableName': 'parameters', 'UseLatestRestorableTime': True},
    'DisableKinesisStreamingDestination': {'StreamArn': 'arn:aws:kinesis:us-east-2:000000000000:stream/none'},
    'UpdateKinesisStreamingDestination': {'StreamArn': 'arn:aws:kinesis:us-east-2:000000000000:stream/none'},
}
VECTORS = [{'IndexName': 'vectors', 'VectorAttribute': {'AttributeName': 'v'}, 'Projection': {'ProjectionType': 'ALL'},
            'Dimensions': 3, 'DistanceFunction': 'COSINE'}]
VALUES = {'VectorIndexes': VECTORS, 'VectorIndexOverride': VECTORS, 'VectorIndexUpdates': [{'Create': VECTORS[0]}],
          'DisassociationProtectionEnabled': True,
          'GlobalTableWitnessUpdates': [{'Create': {'RegionName': 'x'}}],
          'EnableKinesisStreamingConfiguration': {'ApproximateCreationDateTimePrecision': 'MICROSECOND'},
          'UpdateKinesisStreamingConfiguration': {'ApproximateCreationDateTimePrecision': 'MICROSECOND'}}


def page():
    """{operation: [names by column]}."""
    rows = {}
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        if line.startswith('| ') and len(cells) == 5 and cells[0] != 'operation':
            rows[cells[0]] = [re.findall(r'`(\w+)`', cell) for cell in cells[1:]]
    return rows


def model():
    """{operation: names of its parameters}."""
    structs = {m[1]: re.findall(r'\{"(\w+)", &\w+\}', m[2])
               for m in re.finditer(r'STRUCT\( ?(\w+), "\w+", ?(.*?)\);', SHAPES)}
    ops = re.findall(r'\{"(\w+)", &(\w+)\}', SHAPES[SHAPES.index('struct shape_op ops[]'):])
    return {name: structs.get(shape, []) for name, shape in ops}


@pytest.fixture
def wire(service):
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    return service.wire()


def test_nothing_is_left_out():
    told = {name: sorted(sum(columns, [])) for name, columns in page().items()}
    assert told == {name: sorted(names) for name, names in model().items()}


REFUSED = [(name, parameter) for name, columns in page().items() for parameter in columns[2]]


@pytest.mark.parametrize('name, parameter', REFUSED)
def test_refused(wire, hash_table, name, parameter):
    body = {'TableName': hash_table, **BESIDE[name]}
    body.setdefault(parameter, VALUES.get(parameter, 'EVENTUAL'))
    status, _, answer = wire.call(name, body)
    assert (status, kind(answer)) == (400, 'ValidationException'), answer
    if parameter != 'GlobalTableWitnessUpdates' and not name.endswith('KinesisStreamingDestination'):
        assert f'{parameter} is not supported by this server' in answer['message']


REPLICA = {'RegionName': 'eu-west-1'}


@pytest.mark.parametrize('name, more', [
    ('CreateTable', {'SSESpecification': {'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': 'key'}}),
    ('UpdateTable', {'SSESpecification': {'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': 'alias/mine'}}),
    ('UpdateTable', {'MultiRegionConsistency': 'STRONG'}),
    ('UpdateTable', {'ReplicaUpdates': [{'Disassociate': {**REPLICA, 'DisassociationMode': 'WAIT_FOR_REPLICATION'}}]}),
    ('UpdateTable', {'ReplicaUpdates': [{'Create': {**REPLICA, 'KMSMasterKeyId': 'key'}}]})])
def test_refused_below(wire, hash_table, name, more):
    """Members of parameters that are served."""
    beside = {**BESIDE[name], 'TableName': f'{hash_table}-none'} if name == 'CreateTable' else {'TableName': hash_table}
    status, _, answer = wire.call(name, {**beside, **more})
    assert (status, kind(answer)) == (400, 'ValidationException'), answer


@pytest.mark.parametrize('name', sorted(page()))
def test_unserved_operations_say_so(wire, name):
    """An operation is there, or it is unknown; it is never taken and forgotten."""
    status, _, answer = wire.call(name, {})
    if name in ('DescribeEndpoints', 'DescribeLimits', 'ListTables', 'ListGlobalTables', 'ListContributorInsights',
                'ListBackups', 'ListExports', 'ListImports'):
        return
    assert status == 400 and kind(answer) in ('ValidationException', 'UnknownOperationException'), answer
