"""Backups on demand and point-in-time recovery: what is restored, what is told meanwhile, and what is refused."""
import re
import time
from datetime import datetime, timezone

import pytest

from conftest import HOME, wait_until
from expect import constraint, invalid, n, refused, s

STATE_S_MAX = 30
BACKUP_ARN = re.compile(r'arn:aws:dynamodb:[a-z0-9-]+:\d{12}:table/[^/]+/backup/\d{14}-[0-9a-f]{8}')


def pk(value):
    return {'pk': s(value)}


@pytest.fixture
def table(tables, unique):
    """A table with an index and a stream; those that tests make of it, named after it, go with it."""
    for tail in ('-r', '-q', '-at', '-latest', '-restored'):
        tables.adopt(HOME, unique + tail)
    tables(unique, 'pk:S|kind:S',
           GlobalSecondaryIndexes=[{'IndexName': 'by-kind', 'Projection': {'ProjectionType': 'ALL'},
                                    'KeySchema': [{'AttributeName': 'kind', 'KeyType': 'HASH'}]}],
           StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'KEYS_ONLY'})
    return unique


def fill(ddb, table, count, word='first'):
    for at in range(count):
        ddb.put_item(TableName=table, Item={'pk': s(f'p{at}'), 'kind': s(f'k{at % 3}'), 'word': s(word), 'at': n(at)})


def scan(ddb, table, **params):
    pages = ddb.get_paginator('scan').paginate(TableName=table, ConsistentRead=True, **params)
    return {item['pk']['S']: item for page in pages for item in page['Items']}


def backup(ddb, table, name='nightly'):
    made = ddb.create_backup(TableName=table, BackupName=name)['BackupDetails']
    assert BACKUP_ARN.fullmatch(made['BackupArn'])
    assert made['BackupStatus'] == 'CREATING'
    return wait_until('backup', lambda: available(ddb, made['BackupArn']), STATE_S_MAX)


def available(ddb, arn):
    told = ddb.describe_backup(BackupArn=arn)['BackupDescription']
    return told if told['BackupDetails']['BackupStatus'] == 'AVAILABLE' else None


def active(ddb, table):
    def opened():
        told = ddb.describe_table(TableName=table)['Table']
        return told if told['TableStatus'] == 'ACTIVE' else None
    return wait_until('table', opened, STATE_S_MAX)


def now():
    return datetime.now(timezone.utc)


def next_second():
    """The next whole second, once it is over: what was written before lies before it, what follows behind."""
    at = int(time.time()) + 1
    wait_until('the next second', lambda: time.time() > at + 0.01, 5)
    return datetime.fromtimestamp(at, timezone.utc)


# -- backups on demand --

def test_backup_and_restore(ddb, table, unique):
    """A backup holds the table as it was at the request, outlives it, and makes an equal table with its indexes."""
    fill(ddb, table, 30)
    want = scan(ddb, table)
    told = backup(ddb, table)
    details = told['BackupDetails']
    assert details['BackupName'] == 'nightly'
    assert details['BackupType'] == 'USER'
    assert details['BackupSizeBytes'] > 0
    assert abs((details['BackupCreationDateTime'] - now()).total_seconds()) < 300
    source = told['SourceTableDetails']
    assert source['TableName'] == table
    assert source['ItemCount'] == 30
    assert source['BillingMode'] == 'PAY_PER_REQUEST'
    assert source['KeySchema'] == [{'AttributeName': 'pk', 'KeyType': 'HASH'}]
    assert source['TableArn'].endswith(f':table/{table}')
    features = told['SourceTableFeatureDetails']
    assert [x['IndexName'] for x in features['GlobalSecondaryIndexes']] == ['by-kind']
    assert features['StreamDescription'] == {'StreamEnabled': True, 'StreamViewType': 'KEYS_ONLY'}
    fill(ddb, table, 40, 'later')
    ddb.delete_table(TableName=table)
    ddb.get_waiter('table_not_exists').wait(TableName=table, WaiterConfig={'Delay': 1})
    target = unique + '-restored'
    made = ddb.restore_table_from_backup(TargetTableName=target, BackupArn=details['BackupArn'])['TableDescription']
    assert made['TableStatus'] == 'CREATING'
    assert made['RestoreSummary']['SourceBackupArn'] == details['BackupArn']
    assert made['RestoreSummary']['RestoreInProgress'] is True
    opened = active(ddb, target)
    assert 'RestoreSummary' not in opened
    assert 'StreamSpecification' not in opened
    assert opened['ItemCount'] == 30
    assert scan(ddb, target) == want
    indexed = ddb.query(TableName=target, IndexName='by-kind', KeyConditionExpression='kind = :k',
                        ExpressionAttributeValues={':k': s('k1')})
    assert indexed['Count'] == 10
    assert [b['BackupArn'] for b in ddb.list_backups(TableName=table)['BackupSummaries']] == [details['BackupArn']]
    ddb.put_item(TableName=target, Item=pk('new'))


def test_backup_of_an_empty_table(ddb, table, unique):
    """A plain table's backup has no features to tell, and none of the items it has not."""
    told = backup(ddb, table, 'abc')
    assert told['SourceTableDetails']['ItemCount'] == 0
    ddb.restore_table_from_backup(TargetTableName=unique + '-r', BackupArn=told['BackupDetails']['BackupArn'])
    active(ddb, unique + '-r')
    assert scan(ddb, unique + '-r') == {}


def test_delete_backup(ddb, table, unique):
    """A deleted backup is told once more as DELETED and is then not found."""
    arn = backup(ddb, table)['BackupDetails']['BackupArn']
    other = arn.replace(table, table + '-other')
    refused('BackupNotFoundException', 'Backup not found: ' + other, ddb.describe_backup, BackupArn=other)
    refused('BackupNotFoundException', 'Backup not found: ' + other, ddb.delete_backup, BackupArn=other)
    gone = ddb.delete_backup(BackupArn=arn)['BackupDescription']
    assert gone['BackupDetails']['BackupStatus'] == 'DELETED'
    assert gone['SourceTableDetails']['TableName'] == table
    missing = 'Backup not found: ' + arn
    refused('BackupNotFoundException', missing, ddb.describe_backup, BackupArn=arn)
    refused('BackupNotFoundException', missing, ddb.delete_backup, BackupArn=arn)
    refused('BackupNotFoundException', missing, ddb.restore_table_from_backup, BackupArn=arn,
            TargetTableName=unique + '-r')
    assert ddb.list_backups(TableName=table)['BackupSummaries'] == []


def test_encryption_and_what_was_warm_stay(ddb, table, unique):
    """A restored table keeps what it is told of its encryption, unless told otherwise."""
    ddb.update_table(TableName=table, SSESpecification={'Enabled': True})
    told = backup(ddb, table)
    key = told['SourceTableFeatureDetails']['SSEDescription']['KMSMasterKeyArn']
    arn = told['BackupDetails']['BackupArn']
    ddb.restore_table_from_backup(TargetTableName=unique + '-r', BackupArn=arn)
    assert active(ddb, unique + '-r')['SSEDescription']['KMSMasterKeyArn'] == key
    ddb.restore_table_from_backup(TargetTableName=unique + '-q', BackupArn=arn,
                                  SSESpecificationOverride={'Enabled': False})
    restored = active(ddb, unique + '-q')
    assert 'SSEDescription' not in restored and 'RestoreSummary' not in restored


def test_maxima_of_a_table_on_demand(service, ddb, table, unique):
    """OnDemandThroughput is in the backup, is restored with the table, and may be another there."""
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    wire = service.wire()
    own, other = {'MaxReadRequestUnits': 40, 'MaxWriteRequestUnits': 30}, {'MaxReadRequestUnits': 50}
    wire.call('UpdateTable', {'TableName': table, 'OnDemandThroughput': own})
    active(ddb, table)
    arn = backup(ddb, table)['BackupDetails']['BackupArn']
    told = wire.call('DescribeBackup', {'BackupArn': arn})[2]['BackupDescription']
    assert told['SourceTableDetails']['OnDemandThroughput'] == own

    def restore(tail, **more):
        status, _, answer = wire.call('RestoreTableFromBackup', {
            'TargetTableName': unique + tail, 'BackupArn': arn, **more})
        if status == 200:
            active(ddb, unique + tail)
            return wire.call('DescribeTable', {'TableName': unique + tail})[2]['Table']['OnDemandThroughput']
        return answer['message']
    assert restore('-r') == own
    assert restore('-q', OnDemandThroughputOverride=other) == {**own, **other}
    assert restore('-at', OnDemandThroughputOverride={'MaxWriteRequestUnits': 0}) == (
        'Invalid Request: Requested MaxWriteRequestUnits for OnDemandThroughput is outside of valid range')
    assert restore('-at', OnDemandThroughputOverride=other, BillingModeOverride='PROVISIONED', ProvisionedThroughputOverride={
        'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1}) == (
        'Invalid Request: Cannot override MaxReadRequestUnits for OnDemandThroughput unless BillingModeOverride is '
        'PAY_PER_REQUEST')


def test_list_backups(ddb, table):
    """Names may repeat; filters by time, type and table; pages that end where the list does."""
    made = [backup(ddb, table, 'same')['BackupDetails'] for _ in range(3)]
    arns = [b['BackupArn'] for b in made]

    def listed(**params):
        return [b['BackupArn'] for b in ddb.list_backups(TableName=table, **params)['BackupSummaries']]

    assert listed() == arns
    assert listed(BackupType='ALL') == arns
    assert listed(BackupType='SYSTEM') == listed(BackupType='AWS_BACKUP') == []
    page = ddb.list_backups(TableName=table, Limit=2)
    assert [b['BackupArn'] for b in page['BackupSummaries']] == arns[:2]
    assert page['LastEvaluatedBackupArn'] == arns[1]
    rest = ddb.list_backups(TableName=table, Limit=1, ExclusiveStartBackupArn=arns[1])
    assert [b['BackupArn'] for b in rest['BackupSummaries']] == arns[2:]
    assert 'LastEvaluatedBackupArn' not in rest
    assert set(page['BackupSummaries'][0]) == {
        'TableName', 'TableId', 'TableArn', 'BackupArn', 'BackupName', 'BackupCreationDateTime', 'BackupStatus',
        'BackupType', 'BackupSizeBytes'}
    assert listed(TimeRangeUpperBound=datetime(2020, 1, 1)) == []
    assert listed(TimeRangeLowerBound=datetime(2020, 1, 1)) == arns
    assert ddb.list_backups(TableName='no-such-table')['BackupSummaries'] == []
    invalid('One or more parameter values were invalid: Time range lower bound must be less than or equal to upper bound',
            ddb.list_backups,
            TimeRangeLowerBound=datetime(2021, 1, 1), TimeRangeUpperBound=datetime(2020, 1, 1))


def test_backups_refused(service, ddb, table, unique):
    """Names and ARNs that are none, tables that are not there, targets that are."""
    loose = service.unchecked()
    refused('TableNotFoundException', f'Table not found: {unique}-none', ddb.create_backup,
            TableName=unique + '-none', BackupName='abc')
    invalid(constraint('null', 'backupName', 'Member must not be null').replace("'null'", 'null'),
            loose.create_backup, TableName=table)
    invalid(constraint('b a d', 'backupName', 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+'),
            loose.create_backup, TableName=table, BackupName='b a d')
    arn = ddb.describe_table(TableName=table)['Table']['TableArn']
    invalid('Invalid Backup ARN', ddb.describe_backup, BackupArn=arn + '-' * 10)
    other = arn.replace(':000000000000:', ':123456789012:') + '/backup/01489602797149-73d8d5bc'
    refused('AccessDeniedException', 'Access is denied', ddb.describe_backup, BackupArn=other)
    kept = backup(ddb, table)['BackupDetails']['BackupArn']
    refused('TableAlreadyExistsException', f'Table already exists: {table}', ddb.restore_table_from_backup,
            TargetTableName=table, BackupArn=kept)
    invalid('Invalid Request: Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED',
            ddb.restore_table_from_backup, TargetTableName=unique + '-r', BackupArn=kept,
            ProvisionedThroughputOverride={'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1})
    invalid('Invalid Request: Must override ProvisionedThroughput if BillingMode is overridden to PROVISIONED',
            ddb.restore_table_from_backup, TargetTableName=unique + '-r', BackupArn=kept,
            BillingModeOverride='PROVISIONED')
    invalid('Invalid Request: Index other does not match a secondary index that existed in the source table and '
            'cannot be created during the restore operation',
            ddb.restore_table_from_backup, TargetTableName=unique + '-r', BackupArn=kept,
            GlobalSecondaryIndexOverride=[{'IndexName': 'other', 'Projection': {'ProjectionType': 'KEYS_ONLY'},
                                           'KeySchema': [{'AttributeName': 'kind', 'KeyType': 'HASH'}]}])
    refused('ResourceNotFoundException', None, ddb.describe_table, TableName=unique + '-r')


def test_restore_overrides(service, ddb, table, unique):
    """Billing, throughput and indexes of the new table may differ; an index may be renamed or left out."""
    fill(ddb, table, 3)
    kept = backup(ddb, table)['BackupDetails']['BackupArn']
    ddb.restore_table_from_backup(
        TargetTableName=unique + '-r', BackupArn=kept, BillingModeOverride='PROVISIONED',
        ProvisionedThroughputOverride={'ReadCapacityUnits': 7, 'WriteCapacityUnits': 8},
        GlobalSecondaryIndexOverride=[{'IndexName': 'renamed', 'Projection': {'ProjectionType': 'ALL'},
                                       'KeySchema': [{'AttributeName': 'kind', 'KeyType': 'HASH'}],
                                       'ProvisionedThroughput': {'ReadCapacityUnits': 2, 'WriteCapacityUnits': 3}}])
    told = active(ddb, unique + '-r')
    assert told['ProvisionedThroughput']['ReadCapacityUnits'] == 7
    (index,) = told['GlobalSecondaryIndexes']
    assert index['IndexName'] == 'renamed'
    assert index['ProvisionedThroughput']['WriteCapacityUnits'] == 3
    assert len(scan(ddb, unique + '-r')) == 3
    service.unchecked().restore_table_from_backup(TargetTableName=unique + '-q', BackupArn=kept,
                                                  GlobalSecondaryIndexOverride=[])
    told = active(ddb, unique + '-q')
    assert 'GlobalSecondaryIndexes' not in told
    assert told['AttributeDefinitions'] == [{'AttributeName': 'pk', 'AttributeType': 'S'}]


# -- point-in-time recovery --

def recovery(ddb, table, on=True):
    return ddb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={'PointInTimeRecoveryEnabled': on}
    )['ContinuousBackupsDescription']


def test_recovery_is_switched(service, ddb, table):
    """Off at first, on with a window, off again; the period may be chosen."""
    told = ddb.describe_continuous_backups(TableName=table)['ContinuousBackupsDescription']
    assert told == {'ContinuousBackupsStatus': 'ENABLED',
                    'PointInTimeRecoveryDescription': {'PointInTimeRecoveryStatus': 'DISABLED'}}
    on = recovery(ddb, table)['PointInTimeRecoveryDescription']
    assert on['PointInTimeRecoveryStatus'] == 'ENABLED'
    assert on['EarliestRestorableDateTime'] <= on['LatestRestorableDateTime']
    assert abs((on['EarliestRestorableDateTime'] - now()).total_seconds()) < 300
    assert ddb.describe_continuous_backups(
        TableName=table)['ContinuousBackupsDescription']['PointInTimeRecoveryDescription'][
            'EarliestRestorableDateTime'] == on['EarliestRestorableDateTime']
    off = recovery(ddb, table, on=False)['PointInTimeRecoveryDescription']
    assert off == {'PointInTimeRecoveryStatus': 'DISABLED'}
    missing = 'no-such-table'
    for call in (ddb.describe_continuous_backups, lambda TableName: recovery(ddb, TableName)):
        refused('TableNotFoundException', f'Table not found: {missing}', call, TableName=missing)
    wire = service.wire()

    def for_days(days):
        return wire.call('UpdateContinuousBackups', {'TableName': table, 'PointInTimeRecoverySpecification': {
            'PointInTimeRecoveryEnabled': True, 'RecoveryPeriodInDays': days}})

    status, _, answer = for_days(36)
    assert status == 400
    assert answer['message'] == constraint(36, 'pointInTimeRecoverySpecification.recoveryPeriodInDays',
                                           'Member must have value less than or equal to 35')
    status, _, answer = for_days(3)
    told = answer['ContinuousBackupsDescription']['PointInTimeRecoveryDescription']
    assert told['RecoveryPeriodInDays'] == 3


def test_restore_to_a_time(ddb, table, unique):
    """The table comes back as it was at the second asked for: what was changed, added and deleted since is undone."""
    recovery(ddb, table)
    fill(ddb, table, 20)
    want = scan(ddb, table)
    at = next_second()
    fill(ddb, table, 25, 'second')
    for gone in range(5):
        ddb.delete_item(TableName=table, Key=pk(f'p{gone}'))
    latest = scan(ddb, table)
    made = ddb.restore_table_to_point_in_time(SourceTableName=table, TargetTableName=unique + '-at',
                                              RestoreDateTime=at)['TableDescription']
    assert made['RestoreSummary']['RestoreDateTime'] == at
    assert made['RestoreSummary']['SourceTableArn'].endswith(f':table/{table}')
    arn = ddb.describe_table(TableName=table)['Table']['TableArn']
    ddb.restore_table_to_point_in_time(SourceTableArn=arn, TargetTableName=unique + '-latest',
                                       UseLatestRestorableTime=True)
    active(ddb, unique + '-at')
    assert scan(ddb, unique + '-at') == want
    active(ddb, unique + '-latest')
    assert scan(ddb, unique + '-latest') == latest
    off = ddb.describe_continuous_backups(TableName=unique + '-at')['ContinuousBackupsDescription']
    assert off['PointInTimeRecoveryDescription'] == {'PointInTimeRecoveryStatus': 'DISABLED'}


def test_recovery_refused(ddb, table, unique):
    """Without recovery, outside its window, with too many or too few words about the time, over a table."""
    restore = ddb.restore_table_to_point_in_time
    target = unique + '-r'
    refused('PointInTimeRecoveryUnavailableException',
            f"Point in time recovery is not enabled for table '{table}'", restore,
            SourceTableName=table, TargetTableName=target, UseLatestRestorableTime=True)
    refused('TableNotFoundException', f'Table not found: {target}', restore,
            SourceTableName=target, TargetTableName=table, UseLatestRestorableTime=True)
    window = recovery(ddb, table)['PointInTimeRecoveryDescription']
    refused('InvalidRestoreTimeException',
            re.compile(r"RestoreDateTime '2020-01-02T00:00:00Z' must be within EarliestRestorableDateTime "
                       r"'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ' and LatestRestorableDateTime '.*'"), restore,
            SourceTableName=table, TargetTableName=target, RestoreDateTime=datetime(2020, 1, 2))
    refused('InvalidRestoreTimeException', None, restore, SourceTableName=table, TargetTableName=table,
            RestoreDateTime=datetime(2199, 1, 2))
    refused('TableAlreadyExistsException', f'Table already exists: {table}', restore,
            SourceTableName=table, TargetTableName=table, UseLatestRestorableTime=True)
    invalid('Invalid Request: Both RestoreDateTime and UseLatestRestorableTime cannot be set for point-in-time '
            'restore request. Please specify only one of them', restore, SourceTableName=table,
            TargetTableName=target, UseLatestRestorableTime=True,
            RestoreDateTime=window['EarliestRestorableDateTime'])
    invalid('Invalid Request: Either one of RestoreDateTime or UseLatestRestorableTime must be specified, but not '
            'both', restore, SourceTableName=table, TargetTableName=target)
    refused('ResourceNotFoundException', None, ddb.describe_table, TableName=target)
