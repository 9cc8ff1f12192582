"""Restores and imports over the death of their region."""
import json
import time

from harness import PATIENCE_S, US, wait_until

ITEMS = 12000
KEY = {'AttributeDefinitions': [{'AttributeName': 'pk', 'AttributeType': 'S'}],
       'KeySchema': [{'AttributeName': 'pk', 'KeyType': 'HASH'}], 'BillingMode': 'PAY_PER_REQUEST'}


def status(client, table):
    """The table's state and number of items, or None when it is not there."""
    try:
        told = client.call('DescribeTable', TableName=table)['Table']
    except Exception as refusal:
        assert 'ResourceNotFoundException' in str(refusal)
        return None
    return told['TableStatus'], told['ItemCount']


def killed_while_creating(cluster, table, times):
    """Kills the region as long as the table is being made, at most so often; it is never open before it is whole."""
    for _ in range(times):
        wait_until('the table', lambda: status(cluster.at(US), table), PATIENCE_S)
        state, count = status(cluster.at(US), table)
        if state == 'ACTIVE':
            assert count == ITEMS
            return
        cluster.kill(US)
        cluster.start_region(US)


def opened(cluster, table):
    def whole():
        found = status(cluster.at(US), table)
        return found if found and found[0] == 'ACTIVE' else None
    return wait_until('the table to open', whole, PATIENCE_S)


# A region dies again and again while it imports a table, backs it up, and restores it: the import and the restores go
# on after each start, no table opens before it is whole, and what is restored is what was there.
def test_kill_during_import_and_restore(make):
    cluster = make(regions=(US,))
    bucket = cluster.folder / US / 'data' / 's3' / 'bucket'
    bucket.mkdir(parents=True)
    (bucket / 'items').write_text(''.join(
        json.dumps({'Item': {'pk': {'S': f'p{at}'}, 'v': {'S': 'x' * 200}}}) + '\n' for at in range(ITEMS)))
    cluster.at(US).call('ImportTable', S3BucketSource={'S3Bucket': 'bucket'}, InputFormat='DYNAMODB_JSON',
                        TableCreationParameters={'TableName': 'source', **KEY})
    killed_while_creating(cluster, 'source', 3)
    assert opened(cluster, 'source') == ('ACTIVE', ITEMS)
    made = cluster.at(US).call('CreateBackup', TableName='source', BackupName='before')['BackupDetails']

    def available():
        told = cluster.at(US).call('DescribeBackup', BackupArn=made['BackupArn'])['BackupDescription']
        return told['BackupDetails']['BackupStatus'] == 'AVAILABLE'
    cluster.kill(US)
    cluster.start_region(US)
    wait_until('the backup', available, PATIENCE_S)
    cluster.at(US).call('DeleteTable', TableName='source')
    cluster.at(US).call('RestoreTableFromBackup', TargetTableName='again', BackupArn=made['BackupArn'])
    killed_while_creating(cluster, 'again', 3)
    assert opened(cluster, 'again') == ('ACTIVE', ITEMS)
    got = cluster.at(US).call('GetItem', TableName='again', Key={'pk': {'S': 'p77'}})['Item']
    assert got == {'pk': {'S': 'p77'}, 'v': {'S': 'x' * 200}}


# A backup whose file is damaged is refused when it is restored: the table goes, and the region's log names the file.
def test_damaged_backup(make):
    cluster = make(regions=(US,))
    client = cluster.at(US)
    client.call('CreateTable', TableName='source', **KEY)
    for at in range(50):
        client.call('PutItem', TableName='source', Item={'pk': {'S': f'p{at}'}})
    made = client.call('CreateBackup', TableName='source', BackupName='before')['BackupDetails']
    name = made['BackupArn'].rsplit('/', 1)[1]
    path = cluster.folder / US / 'data' / 'backups' / f'{name}.backup'
    wait_until('the file', path.exists, PATIENCE_S)
    wait_until('the backup', lambda: client.call('DescribeBackup', BackupArn=made['BackupArn'])[
        'BackupDescription']['BackupDetails']['BackupStatus'] == 'AVAILABLE', PATIENCE_S)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    client.call('RestoreTableFromBackup', TargetTableName='again', BackupArn=made['BackupArn'])
    wait_until('the end of the table', lambda: status(client, 'again') is None, PATIENCE_S)
    assert name in (cluster.folder / US / 'log').read_text()
    client.call('DeleteBackup', BackupArn=made['BackupArn'])
    wait_until('the end of the file', lambda: not path.exists(), PATIENCE_S)


# With the log cut as short as it may be, a table with recovery keeps what it needs: an early time comes back after
# much was written. Once recovery is off, the log goes.
def test_log_is_kept_for_recovery(make):
    cluster = make(regions=(US,))
    # Items large enough for the store's files to say how long the log is.
    cluster.configure(US, log__keep_bytes=0, janitor__interval_ms=20, engine__write_buffer_bytes=1 << 20)
    cluster.kill(US)
    cluster.start_region(US)
    client = cluster.at(US)
    client.call('CreateTable', TableName='source', **KEY)

    def recovery(on):
        return client.call('UpdateContinuousBackups', TableName='source', PointInTimeRecoverySpecification={
            'PointInTimeRecoveryEnabled': on})['ContinuousBackupsDescription']['PointInTimeRecoveryDescription']

    def write(word):
        for at in range(300):
            client.call('PutItem', TableName='source', Item={'pk': {'S': f'p{at}'}, 'v': {'S': word * 1000}})

    earliest = recovery(True)['EarliestRestorableDateTime']
    wait_until('the window', lambda: time.time() > earliest + 0.01, PATIENCE_S)
    write('first')
    early = int(time.time()) + 1
    wait_until('the next second', lambda: time.time() > early + 0.01, PATIENCE_S)
    write('second')
    write('third')
    told = client.call('DescribeContinuousBackups', TableName='source')['ContinuousBackupsDescription']
    assert told['PointInTimeRecoveryDescription']['EarliestRestorableDateTime'] == earliest
    client.call('RestoreTableToPointInTime', SourceTableName='source', TargetTableName='again', RestoreDateTime=early)
    wait_until('the table to open', lambda: status(client, 'again') == ('ACTIVE', 300), PATIENCE_S)
    for at in (0, 150, 299):
        got = client.call('GetItem', TableName='again', Key={'pk': {'S': f'p{at}'}})['Item']
        assert got['v'] == {'S': 'first' * 1000}
    before = cluster.status(US)['log_first']
    recovery(False)
    write('fourth')
    wait_until('the log to go', lambda: cluster.status(US)['log_first'] > before + 300, PATIENCE_S)
