"""Exports to and imports from buckets, which are folders of the region's data directory."""
import base64
import gzip
import hashlib
import json

import pytest

from conftest import HOME, wait_until
from expect import constraint, invalid, n, refused, s

STATE_S_MAX = 30


@pytest.fixture
def bucket(service, unique):
    """A folder that stands for a bucket, and its name."""
    if service.cluster is None:
        pytest.skip('announced: buckets are folders of our own server')
    folder = service.cluster.folder / HOME / 'data' / 's3' / unique
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def table(ddb, tables, unique):
    tables.adopt(HOME, unique + '-i')
    tables(unique, 'pk:S')
    ddb.update_continuous_backups(TableName=unique,
                                  PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': True})
    return unique


def arn_of(ddb, table):
    return ddb.describe_table(TableName=table)['Table']['TableArn']


def exported(ddb, **params):
    made = ddb.export_table_to_point_in_time(**params)['ExportDescription']
    assert made['ExportStatus'] == 'IN_PROGRESS'
    return wait_until('export', lambda: over(ddb, made['ExportArn']), STATE_S_MAX)


def over(ddb, arn):
    told = ddb.describe_export(ExportArn=arn)['ExportDescription']
    return told if told['ExportStatus'] != 'IN_PROGRESS' else None


def creation(table, keys='pk:S'):
    words = [word.split(':') for word in keys.split()]
    return {'TableName': table, 'BillingMode': 'PAY_PER_REQUEST',
            'AttributeDefinitions': [{'AttributeName': name, 'AttributeType': kind} for name, kind in words],
            'KeySchema': [{'AttributeName': word[0], 'KeyType': kind} for word, kind in zip(words, ('HASH', 'RANGE'))]}


def imported(ddb, bucket, table, *, prefix=None, keys='pk:S', **params):
    source = {'S3Bucket': bucket.name if hasattr(bucket, 'name') else bucket}
    if prefix is not None:
        source['S3KeyPrefix'] = prefix
    made = ddb.import_table(**{'S3BucketSource': source, 'InputFormat': 'DYNAMODB_JSON',
                               'TableCreationParameters': creation(table, keys), **params})['ImportTableDescription']
    assert made['ImportStatus'] == 'IN_PROGRESS'

    def done():
        told = ddb.describe_import(ImportArn=made['ImportArn'])['ImportTableDescription']
        return told if told['ImportStatus'] != 'IN_PROGRESS' else None
    return wait_until('import', done, STATE_S_MAX)


def counts(told):
    return told['ProcessedItemCount'], told['ImportedItemCount'], told['ErrorCount']


def lines(*items):
    return ''.join(json.dumps({'Item': item}) + '\n' for item in items)


def keys_in(ddb, table):
    return sorted(item['pk']['S'] for item in ddb.scan(TableName=table)['Items'])


# -- exports --

def test_full_export(ddb, table, bucket):
    """The items come as gzipped lines of tagged JSON, with manifests that tell number, place and checksum."""
    items = [{'pk': s(f'p{at}'), 'n': n(at), 'blob': {'B': b'bar'}} for at in range(7)]
    for item in items:
        ddb.put_item(TableName=table, Item=item)
    told = exported(ddb, TableArn=arn_of(ddb, table), S3Bucket=bucket.name, S3Prefix='some/prefix')
    assert told['ExportStatus'] == 'COMPLETED'
    assert told['ItemCount'] == 7
    assert told['BilledSizeBytes'] > 0
    assert told['ExportFormat'] == 'DYNAMODB_JSON'
    assert told['S3SseAlgorithm'] == 'AES256'
    assert told['EndTime'] >= told['StartTime']
    name = told['ExportArn'].rsplit('/', 1)[1]
    assert told['ExportManifest'] == f'some/prefix/AWSDynamoDB/{name}/manifest-summary.json'
    text = (bucket / told['ExportManifest']).read_bytes()
    digest = (bucket / told['ExportManifest'].replace('.json', '.md5')).read_text()
    assert base64.b64decode(digest) == hashlib.md5(text).digest()
    summary = json.loads(text)
    assert summary['itemCount'] == 7
    assert summary['exportArn'] == told['ExportArn']
    assert summary['s3Prefix'] == 'some/prefix'
    assert (bucket / 'some/prefix/AWSDynamoDB' / name / '_started').read_bytes() == b''
    found = []
    for line in (bucket / summary['manifestFilesS3Key']).read_text().splitlines():
        entry = json.loads(line)
        packed = (bucket / entry['dataFileS3Key']).read_bytes()
        assert base64.b64decode(entry['md5Checksum']) == hashlib.md5(packed).digest()
        rows = [json.loads(row)['Item'] for row in gzip.decompress(packed).splitlines()]
        assert entry['itemCount'] == len(rows)
        found += rows
    want = [{'pk': s(f'p{at}'), 'n': n(at), 'blob': {'B': 'YmFy'}} for at in range(7)]
    assert sorted(found, key=lambda row: row['pk']['S']) == want
    assert [x['ExportArn'] for x in ddb.list_exports(TableArn=arn_of(ddb, table))['ExportSummaries']] == [
        told['ExportArn']]


def test_export_and_import_again(ddb, table, unique, bucket):
    """What an export wrote, an import reads; without the right packing it is no JSON."""
    for at in range(3):
        ddb.put_item(TableName=table, Item={'pk': s(f'p{at}'), 'set': {'NS': ['1', '2']}})
    told = exported(ddb, TableArn=arn_of(ddb, table), S3Bucket=bucket.name)
    data = told['ExportManifest'].replace('manifest-summary.json', 'data/')
    got = imported(ddb, bucket, unique + '-i', prefix=data, InputCompressionType='GZIP')
    assert got['ImportStatus'] == 'COMPLETED'
    assert counts(got) == (3, 3, 0)
    assert ddb.scan(TableName=unique + '-i')['Items'] == ddb.scan(TableName=table)['Items']
    ddb.delete_table(TableName=unique + '-i')
    got = imported(ddb, bucket, unique + '-i', prefix=data)
    assert got['ImportStatus'] == 'FAILED'
    assert got['FailureCode'] == 'ItemValidationError'


def test_export_of_an_empty_table_and_tokens(ddb, table, bucket):
    """An empty table makes an empty file; a token repeats its answer, and stands for one request only."""
    how = dict(TableArn=arn_of(ddb, table), S3Bucket=bucket.name, ClientToken='token-' + table)
    told = exported(ddb, **how)
    assert told['ItemCount'] == 0
    (data,) = bucket.glob('AWSDynamoDB/*/data/*.json.gz')
    assert gzip.decompress(data.read_bytes()) == b''
    again = ddb.export_table_to_point_in_time(**how)['ExportDescription']
    assert again['ExportArn'] == told['ExportArn']
    refused('ExportConflictException', 'Export conflict: Duplicate request detected with conflicting parameters',
            ddb.export_table_to_point_in_time, **{**how, 'S3Prefix': 'other'})
    other = exported(ddb, TableArn=how['TableArn'], S3Bucket=bucket.name)
    assert other['ExportArn'] != told['ExportArn']
    page = ddb.list_exports(TableArn=how['TableArn'], MaxResults=1)
    (first,) = page['ExportSummaries']
    assert (first['ExportArn'], first['ExportStatus']) == (other['ExportArn'], 'COMPLETED')
    rest = ddb.list_exports(TableArn=how['TableArn'], MaxResults=1, NextToken=page['NextToken'])
    assert [x['ExportArn'] for x in rest['ExportSummaries']] == [told['ExportArn']]
    assert 'NextToken' not in rest


def test_exports_refused(service, ddb, tables, table, unique):
    """No recovery, no such table, no such time, no such bucket, nothing unknown silently taken."""
    export = ddb.export_table_to_point_in_time
    arn = arn_of(ddb, table)
    plain = unique + '-q'
    tables(plain, 'pk:S')
    refused('PointInTimeRecoveryUnavailableException',
            f"Point in time recovery is not enabled for table '{plain}'", export,
            TableArn=arn_of(ddb, plain), S3Bucket='bucket')
    refused('TableNotFoundException', f'Table not found: {arn}-none', export, TableArn=arn + '-none',
            S3Bucket='bucket')
    invalid('One or more parameter values were invalid: tableArn is not a valid ARN', export, TableArn=table,
            S3Bucket='bucket')
    refused('InvalidExportTimeException', 'Export Time is invalid', export, TableArn=arn, S3Bucket='bucket',
            ExportTime=4102444800)
    invalid(constraint('CSV', 'exportFormat', 'Member must satisfy enum value set: [DYNAMODB_JSON, ION]'), export,
            TableArn=arn, S3Bucket='bucket', ExportFormat='CSV')
    invalid('One or more parameter values were invalid: ExportFormat ION is not supported by this server', export,
            TableArn=arn, S3Bucket='bucket', ExportFormat='ION')
    invalid('One or more parameter values were invalid: S3Prefix must not lead out of the bucket\'s folder', export,
            TableArn=arn, S3Bucket='bucket', S3Prefix='a/../../b')
    refused('ValidationException', None, export, TableArn=arn, S3Bucket='..')
    wire = service.wire()

    def incremental(**spec):
        status, _, answer = wire.call('ExportTableToPointInTime', {
            'TableArn': arn, 'S3Bucket': 'bucket', 'ExportType': 'INCREMENTAL_EXPORT', **spec})
        assert status == 400
        return answer['__type'].rsplit('#', 1)[1], answer['message']

    assert incremental() == (
        'ValidationException', 'Invalid Request: Incremental Export Specification expected when export type is set '
        'as Incremental Export')
    assert incremental(IncrementalExportSpecification={}) == (
        'ValidationException', 'Invalid Request: ExportFromTime must be provided in IncrementalExportSpecification')
    code, message = incremental(IncrementalExportSpecification={'ExportFromTime': 86400})
    assert code == 'InvalidExportTimeException'
    assert message == ('Incremental export period from time cannot be less than the table creation time : '
                       '1970-01-02T00:00:00Z')
    told = exported(ddb, TableArn=arn, S3Bucket='no-such-bucket')
    assert told['ExportStatus'] == 'FAILED'
    assert told['FailureCode'] == 'S3NoSuchBucket'
    assert 'The specified bucket does not exist' in told['FailureMessage']
    invalid('Invalid Export ARN', ddb.describe_export, ExportArn=arn + '-' * 10)
    gone = arn + '/export/01489602797149-73d8d5bc'
    refused('ExportNotFoundException', f'Export not found: Export not found: {gone}', ddb.describe_export,
            ExportArn=gone)


# -- imports --

def test_import_of_lines(ddb, tables, unique, bucket):
    """Objects may follow each other without a line's end; the prefix chooses files, in folders too."""
    tables.adopt(HOME, unique)
    (bucket / 'yes').mkdir()
    (bucket / 'yes' / 'one.json').write_text(lines({'pk': s('a')}, {'pk': s('b'), 'm': {'M': {'x': n(1)}}}))
    (bucket / 'yes.json').write_text(lines({'pk': s('c')}).strip() * 1 + lines({'pk': s('d')}).strip())
    (bucket / 'no.json').write_text(lines({'pk': s('z')}))
    told = imported(ddb, bucket, unique, prefix='yes')
    assert told['ImportStatus'] == 'COMPLETED'
    assert counts(told) == (4, 4, 0)
    assert told['ProcessedSizeBytes'] > 0
    assert told['S3BucketSource']['S3KeyPrefix'] == 'yes'
    assert told['InputCompressionType'] == 'NONE'
    assert told['TableCreationParameters'] == creation(unique)
    assert keys_in(ddb, unique) == ['a', 'b', 'c', 'd']
    table = ddb.describe_table(TableName=unique)['Table']
    assert (table['TableStatus'], table['TableId'], table['TableArn']) == (
        'ACTIVE', told['TableId'], told['TableArn'])
    (listed,) = ddb.list_imports(TableArn=told['TableArn'])['ImportSummaryList']
    assert listed['ImportArn'] == told['ImportArn']
    assert listed['ImportStatus'] == 'COMPLETED'


def test_import_with_errors(ddb, tables, unique, bucket):
    """What is no item of the table is counted; where a file makes no sense its rest is left; the rest is there."""
    tables.adopt(HOME, unique)
    (bucket / '1').write_text(lines({'pk': s('a')}, {'other': s('no key')}, {'pk': n(1)}, {'pk': s('b')}))
    (bucket / '2').write_text(lines({'pk': s('c')}) + 'garbage\n' + lines({'pk': s('lost')}))
    (bucket / '3').write_text(json.dumps({'pk': s('not wrapped')}) + '\n' + lines({'pk': s('d')}))
    told = imported(ddb, bucket, unique)
    assert told['ImportStatus'] == 'FAILED'
    assert told['FailureCode'] == 'ItemValidationError'
    assert told['FailureMessage'].startswith('Some of the items failed validation checks and were not imported.')
    assert counts(told) == (8, 4, 4)
    assert keys_in(ddb, unique) == ['a', 'b', 'c', 'd']
    assert ddb.describe_table(TableName=unique)['Table']['TableStatus'] == 'ACTIVE'


def test_import_of_too_many_objects(ddb, unique, bucket):
    """Of more objects than an import takes none are taken, and no table is made; a prefix leaves others out."""
    (bucket / 'many').mkdir()
    first = bucket / 'many' / 'first'
    first.write_text(lines({'pk': s('a')}))
    for count in range(50000):
        (bucket / 'many' / str(count)).touch()
    told = imported(ddb, bucket, unique, prefix='many/')
    assert told['ImportStatus'] == 'FAILED'
    assert '50000' in told['FailureMessage']
    assert counts(told) == (0, 0, 0)
    refused('ResourceNotFoundException', None, ddb.describe_table, TableName=unique)


def test_import_of_csv(ddb, tables, unique, bucket):
    """Columns of keys have their declared types, all others are strings; the heading may come with the request."""
    tables.adopt(HOME, unique)
    tables.adopt(HOME, unique + '-q')
    (bucket / 'data.csv').write_text('pk,sk,note\np1,7,"a, ""quoted"" note"\np2,8,\n')
    told = imported(ddb, bucket, unique, keys='pk:S sk:N', InputFormat='CSV')
    assert counts(told) == (2, 2, 0)
    items = {item['pk']['S']: item for item in ddb.scan(TableName=unique)['Items']}
    assert items == {'p1': {'pk': s('p1'), 'sk': n(7), 'note': s('a, "quoted" note')},
                     'p2': {'pk': s('p2'), 'sk': n(8)}}
    (bucket / 'data.csv').write_text('p1;7;x\np2;no number;y\n')
    options = {'Csv': {'Delimiter': ';', 'HeaderList': ['pk', 'sk', 'note']}}
    told = imported(ddb, bucket, unique + '-q', keys='pk:S sk:N', InputFormat='CSV', InputFormatOptions=options)
    assert counts(told) == (2, 1, 1)
    assert told['InputFormatOptions'] == options
    tables.adopt(HOME, unique + '-n')
    (bucket / 'data.csv').write_text('pk,sk,\np1,7,\np2,8,of no name\n')
    assert counts(imported(ddb, bucket, unique + '-n', keys='pk:S sk:N', InputFormat='CSV')) == (2, 1, 1)


def test_import_packed(ddb, tables, unique, bucket):
    """gzip and Zstandard, told by the request and not by the name; what does not unpack is an error."""
    for tail in ('-g', '-z', '-x'):
        tables.adopt(HOME, unique + tail)
    text = lines(*({'pk': s(f'p{at}')} for at in range(1000))).encode()
    (bucket / 'g').write_bytes(gzip.compress(text[:1000]) + gzip.compress(text[1000:]))
    assert counts(imported(ddb, bucket, unique + '-g', InputCompressionType='GZIP')) == (1000, 1000, 0)
    (bucket / 'g').unlink()
    # one Zstandard frame with a raw block, as the format allows
    raw = lines({'pk': s('z')}).encode()
    (bucket / 'z').write_bytes(b'\x28\xb5\x2f\xfd\x20' + bytes([len(raw)]) +
                               (len(raw) << 3 | 1).to_bytes(3, 'little') + raw)
    assert counts(imported(ddb, bucket, unique + '-z', InputCompressionType='ZSTD')) == (1, 1, 0)
    assert imported(ddb, bucket, unique + '-x', InputCompressionType='GZIP')['ImportStatus'] == 'FAILED'


def test_imports_refused(ddb, tables, unique):
    """Names that are taken, formats that are not there, buckets that are none; tokens stand for one table."""
    source = {'S3Bucket': 'no-such-bucket'}
    how = dict(S3BucketSource=source, InputFormat='DYNAMODB_JSON', TableCreationParameters=creation(unique))
    tables(unique + '-q', 'pk:S')
    refused('ResourceInUseException', f'Table already exists: {unique}-q', ddb.import_table,
            **{**how, 'TableCreationParameters': creation(unique + '-q')})
    invalid('One or more parameter values were invalid: ReadCapacityUnits and WriteCapacityUnits must both be '
            'specified when BillingMode is PROVISIONED', ddb.import_table,
            **{**how, 'TableCreationParameters': {**creation(unique), 'BillingMode': 'PROVISIONED'}})
    invalid('Invalid Request: Unsupported InputFormatOptions for the given input format: DYNAMODB_JSON.',
            ddb.import_table, **how, InputFormatOptions={'Csv': {'Delimiter': ','}})
    invalid('One or more parameter values were invalid: InputFormat ION is not supported by this server',
            ddb.import_table, **{**how, 'InputFormat': 'ION'})
    invalid(constraint('BZIP2', 'inputCompressionType', 'Member must satisfy enum value set: [GZIP, ZSTD, NONE]'),
            ddb.import_table, **how, InputCompressionType='BZIP2')
    told = imported(ddb, 'no-such-bucket', unique)
    assert told['ImportStatus'] == 'FAILED'
    assert told['FailureCode'] == 'S3NoSuchBucket'
    assert 'The specified bucket does not exist' in told['FailureMessage']
    refused('ResourceNotFoundException', None, ddb.describe_table, TableName=unique)
    token = 'import-' + unique
    first = ddb.import_table(**how, ClientToken=token)['ImportTableDescription']
    again = ddb.import_table(**how, ClientToken=token)['ImportTableDescription']
    assert again['ImportArn'] == first['ImportArn']
    refused('ImportConflictException', 'Import conflict: Duplicate request detected with conflicting parameters',
            ddb.import_table, ClientToken=token,
            **{**how, 'TableCreationParameters': creation(unique + '-other')})
    gone = first['ImportArn'].rsplit('/', 1)[0] + '/01489602797149-73d8d5bc'
    refused('ImportNotFoundException', None, ddb.describe_import, ImportArn=gone)
    invalid('Invalid Import ARN', ddb.describe_import, ImportArn=first['TableArn'] + '-' * 20)
