"""Tables: making, describing, listing, changing and deleting them; tags, limits, endpoints."""
import re

import pytest
from conftest import wait_active
from devcluster import wait_until
from expect import INVALID, constraint, invalid, n, refused, s

BAD = 'One or more parameter values were invalid: '


def test_description(ddb, tables, unique):
    made = tables(unique, 'p:S c:N', BillingMode='PROVISIONED',
                  ProvisionedThroughput={'ReadCapacityUnits': 30, 'WriteCapacityUnits': 20})
    assert made['TableStatus'] == 'CREATING'
    table = ddb.describe_table(TableName=unique)['Table']
    assert table['TableName'] == unique and table['TableStatus'] == 'ACTIVE'
    assert table['KeySchema'] == [{'AttributeName': 'p', 'KeyType': 'HASH'}, {'AttributeName': 'c', 'KeyType': 'RANGE'}]
    assert sorted(a['AttributeName'] + a['AttributeType'] for a in table['AttributeDefinitions']) == ['cN', 'pS']
    assert table['ProvisionedThroughput']['ReadCapacityUnits'] == 30
    assert table['ProvisionedThroughput']['WriteCapacityUnits'] == 20
    assert table['ProvisionedThroughput']['NumberOfDecreasesToday'] == 0
    assert re.fullmatch(r'arn:aws:dynamodb:us-east-2:\d{12}:table/' + unique, table['TableArn'])
    assert re.fullmatch('[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}', table['TableId'])
    assert table['CreationDateTime'] == made['CreationDateTime']
    assert table['ItemCount'] == 0 and table['TableSizeBytes'] == 0
    assert 'StreamSpecification' not in table and 'GlobalSecondaryIndexes' not in table


def test_on_demand(ddb, tables, unique):
    tables(unique)
    table = ddb.describe_table(TableName=unique)['Table']
    assert table['BillingModeSummary']['BillingMode'] == 'PAY_PER_REQUEST'
    assert table['ProvisionedThroughput']['ReadCapacityUnits'] == 0


def test_stream(ddb, tables, unique):
    tables(unique, StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    table = ddb.describe_table(TableName=unique)['Table']
    assert table['StreamSpecification'] == {'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'}
    assert table['LatestStreamArn'] == f"{table['TableArn']}/stream/{table['LatestStreamLabel']}"
    off = ddb.update_table(TableName=unique, StreamSpecification={'StreamEnabled': False})['TableDescription']
    assert off['TableStatus'] == 'UPDATING'
    assert 'StreamSpecification' not in wait_active(ddb, unique)


def test_by_arn(ddb, hash_table):
    arn = ddb.describe_table(TableName=hash_table)['Table']['TableArn']
    assert ddb.describe_table(TableName=arn)['Table']['TableName'] == hash_table


def test_same_name_twice(ddb, tables, unique):
    tables(unique)
    refused('ResourceInUseException', f'Table already exists: {unique}', tables, unique)


def test_missing(ddb, unique):
    message = f'Requested resource not found: Table: {unique} not found'
    refused('ResourceNotFoundException', message, ddb.describe_table, TableName=unique)
    refused('ResourceNotFoundException', message, ddb.delete_table, TableName=unique)
    refused('ResourceNotFoundException', message, ddb.update_table, TableName=unique, BillingMode='PAY_PER_REQUEST')


def test_delete(ddb, tables, unique):
    tables(unique)
    ddb.put_item(TableName=unique, Item={'p': s('x')})
    going = ddb.delete_table(TableName=unique)['TableDescription']
    assert (going['TableName'], going['TableStatus'], going['ItemCount']) == (unique, 'DELETING', 1)
    # DynamoDB does not tell of a table that goes what it was made of.
    assert not {'KeySchema', 'AttributeDefinitions', 'CreationDateTime'} & set(going)
    ddb.get_waiter('table_not_exists').wait(TableName=unique, WaiterConfig={'Delay': 1, 'MaxAttempts': 30})
    assert unique not in ddb.list_tables()['TableNames']


def test_same_name_again_is_another_table(ddb, tables, unique):
    tables(unique)
    first = ddb.describe_table(TableName=unique)['Table']['TableId']
    ddb.put_item(TableName=unique, Item={'p': s('x')})
    ddb.delete_table(TableName=unique)
    ddb.get_waiter('table_not_exists').wait(TableName=unique, WaiterConfig={'Delay': 1, 'MaxAttempts': 30})
    tables(unique)
    assert ddb.describe_table(TableName=unique)['Table']['TableId'] != first
    assert ddb.scan(TableName=unique)['Items'] == []


def test_waiter_and_resource(service, tables, unique):
    table = service.resource().create_table(
        TableName=unique, BillingMode='PAY_PER_REQUEST', KeySchema=[{'AttributeName': 'p', 'KeyType': 'HASH'}],
        AttributeDefinitions=[{'AttributeName': 'p', 'AttributeType': 'S'}])
    tables.adopt('us-east-2', unique)
    table.wait_until_exists()
    assert table.item_count == 0 and table.key_schema == [{'AttributeName': 'p', 'KeyType': 'HASH'}]
    table.delete()
    table.wait_until_not_exists()


def test_list_and_its_pages(service, ddb, tables, unique):
    names = [f'{unique}-{letter}' for letter in 'abcde']
    for name in names:
        tables(name)
    listed = [name for page in ddb.get_paginator('list_tables').paginate(PaginationConfig={'PageSize': 2})
              for name in page['TableNames']]
    assert [name for name in listed if name.startswith(f'{unique}-')] == names
    assert listed == sorted(listed)
    got = ddb.list_tables(ExclusiveStartTableName=names[1], Limit=2)
    assert (got['TableNames'], got['LastEvaluatedTableName']) == (names[2:4], names[3])
    lists = service.unchecked().list_tables
    invalid(constraint(0, 'limit', 'Member must have value greater than or equal to 1'), lists, Limit=0)
    invalid(constraint(101, 'limit', 'Member must have value less than or equal to 100'), lists, Limit=101)


def test_change_of_throughput_and_billing(ddb, tables, unique):
    tables(unique, BillingMode='PROVISIONED', ProvisionedThroughput={'ReadCapacityUnits': 5, 'WriteCapacityUnits': 5})
    invalid('The provisioned throughput for the table will not change. The requested value equals the current value. '
            'Current ReadCapacityUnits provisioned for the table: 5. Requested ReadCapacityUnits: 5. '
            'Current WriteCapacityUnits provisioned for the table: 5. Requested WriteCapacityUnits: 5. '
            'Refer to the Amazon DynamoDB Developer Guide for current limits and how to request higher limits.',
            ddb.update_table, TableName=unique,
            ProvisionedThroughput={'ReadCapacityUnits': 5, 'WriteCapacityUnits': 5})
    ddb.update_table(TableName=unique, ProvisionedThroughput={'ReadCapacityUnits': 7, 'WriteCapacityUnits': 5})
    assert wait_active(ddb, unique)['ProvisionedThroughput']['ReadCapacityUnits'] == 7
    ddb.update_table(TableName=unique, BillingMode='PAY_PER_REQUEST')
    table = wait_active(ddb, unique)
    assert table['BillingModeSummary']['BillingMode'] == 'PAY_PER_REQUEST'
    assert table['ProvisionedThroughput']['ReadCapacityUnits'] == 0


def test_update_of_nothing(ddb, hash_table):
    invalid(re.compile('At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, '
                       'GlobalSecondaryIndexUpdates.* is required.*'),
            ddb.update_table, TableName=hash_table)


def create(service, **how):
    given = dict(TableName='conformance-never-made', BillingMode='PAY_PER_REQUEST',
                 AttributeDefinitions=[{'AttributeName': 'p', 'AttributeType': 'S'}],
                 KeySchema=[{'AttributeName': 'p', 'KeyType': 'HASH'}])
    given.update(how)
    return service.unchecked().create_table(**{name: value for name, value in given.items() if value is not None})


def attributes(*words):
    return [{'AttributeName': word.split(':')[0], 'AttributeType': word.split(':')[1]} for word in words]


def schema(*names):
    return [{'AttributeName': name, 'KeyType': kind} for name, kind in zip(names, ('HASH', 'RANGE'))]


@pytest.mark.parametrize('how, message', [
    (dict(KeySchema=schema('q')), BAD + 'Some index key attributes are not defined in AttributeDefinitions. '
     'Keys: [q], AttributeDefinitions: [p]'),
    (dict(AttributeDefinitions=attributes('p:S', 'q:S')), BAD + 'Number of attributes in KeySchema does not exactly '
     'match number of attributes defined in AttributeDefinitions'),
    (dict(KeySchema=schema('p', 'p'), AttributeDefinitions=attributes('p:S', 'q:S')),
     'Both the Hash Key and the Range Key element in the KeySchema have the same name'),
    (dict(KeySchema=schema('p', 'q')), 'Invalid KeySchema: Some index key attribute have no definition'),
    (dict(KeySchema=[{'AttributeName': 'p', 'KeyType': 'RANGE'}]),
     'Invalid KeySchema: The first KeySchemaElement is not a HASH key type'),
    (dict(ProvisionedThroughput={'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1}), BAD + 'Neither ReadCapacityUnits '
     'nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST'),
    (dict(BillingMode=None), BAD + 'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode '
     'is PROVISIONED'),
    (dict(AttributeDefinitions=attributes('p:X')),
     "1 validation error detected: Value 'X' at 'attributeDefinitions.1.member.attributeType' failed to satisfy "
     'constraint: Member must satisfy enum value set: [B, N, S]'),
    (dict(TableName='bad name!'), re.compile("1 validation error detected: Value 'bad name!' at 'tableName' failed to "
                                             'satisfy constraint: .*')),
    (dict(TableName='ab'), constraint('ab', 'tableName', 'Member must have length greater than or equal to 3')),
    (dict(TableName='x' * 256), constraint('x' * 256, 'tableName',
                                           'Member must have length less than or equal to 255')),
    (dict(GlobalSecondaryIndexes=[]), BAD + 'List of GlobalSecondaryIndexes is empty'),
    (dict(LocalSecondaryIndexes=[]), BAD + 'List of LocalSecondaryIndexes is empty'),
    (dict(LocalSecondaryIndexes=[{'IndexName': 'idx', 'KeySchema': schema('p', 'q'),
                                  'Projection': {'ProjectionType': 'ALL'}}],
          AttributeDefinitions=attributes('p:S', 'q:S')), BAD + 'Table KeySchema does not have a range key, which is '
     'required when specifying a LocalSecondaryIndex'),
    (dict(StreamSpecification={'StreamEnabled': True}), BAD + 'Table is being created with a stream enabled, '
     'UpdateViewType is required'),
])
def test_create_is_refused(service, ddb, how, message):
    invalid(message, create, service, **how)
    assert 'conformance-never-made' not in ddb.list_tables()['TableNames']


def test_protection_against_deletion(service, ddb, tables, unique):
    """DeletionProtectionEnabled is younger than the client, so it is sent by hand."""
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    tables(unique)
    wire = service.wire()
    status, _, answer = wire.call('UpdateTable', {'TableName': unique, 'DeletionProtectionEnabled': True})
    assert status == 200
    wait_active(ddb, unique)
    invalid(re.compile('Resource cannot be deleted as it is currently protected against deletion.*'),
            ddb.delete_table, TableName=unique)
    status, _, answer = wire.call('UpdateTable', {'TableName': unique, 'DeletionProtectionEnabled': False})
    assert status == 200 and answer['TableDescription']['DeletionProtectionEnabled'] is False
    wait_active(ddb, unique)


def test_counts_and_size(ddb, tables, unique):
    """DynamoDB refreshes these every six hours; whatever is there is a number."""
    tables(unique)
    ddb.put_item(TableName=unique, Item={'p': s('x'), 'v': n(1)})
    table = ddb.describe_table(TableName=unique)['Table']
    assert table['ItemCount'] in (0, 1) and table['TableSizeBytes'] >= 0


def test_tags(ddb, tables, unique):
    tables(unique, Tags=[{'Key': 'from', 'Value': 'creation'}])
    arn = ddb.describe_table(TableName=unique)['Table']['TableArn']
    ddb.tag_resource(ResourceArn=arn, Tags=[{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': ''}])
    ddb.tag_resource(ResourceArn=arn, Tags=[{'Key': 'a', 'Value': '2'}])

    def tags():
        return {tag['Key']: tag['Value'] for tag in ddb.list_tags_of_resource(ResourceArn=arn)['Tags']}
    wait_until('the tags', lambda: tags() == {'from': 'creation', 'a': '2', 'b': ''}, 10)
    ddb.untag_resource(ResourceArn=arn, TagKeys=['a', 'from', 'none'])
    wait_until('the tags', lambda: tags() == {'b': ''}, 10)


def test_tags_of_nothing(ddb, hash_table, unique):
    arn = ddb.describe_table(TableName=hash_table)['Table']['TableArn']
    other = arn.replace(hash_table, unique)
    refused('ResourceNotFoundException', f'Requested resource not found: ResourceArn: {other} not found',
            ddb.tag_resource, ResourceArn=other, Tags=[{'Key': 'a', 'Value': 'b'}])
    invalid('Atleast one Tag needs to be provided as Input.', ddb.tag_resource, ResourceArn=arn, Tags=[])


def test_limits(ddb):
    got = ddb.describe_limits()
    for name in ('AccountMaxReadCapacityUnits', 'AccountMaxWriteCapacityUnits', 'TableMaxReadCapacityUnits',
                 'TableMaxWriteCapacityUnits'):
        assert got[name] >= 10000


def test_endpoints(ddb):
    got = ddb.describe_endpoints()['Endpoints']
    assert len(got) == 1 and got[0]['CachePeriodInMinutes'] == 1440 and got[0]['Address']


def test_operations_that_only_describe(ddb, hash_table):
    got = ddb.describe_time_to_live(TableName=hash_table)['TimeToLiveDescription']
    assert got == {'TimeToLiveStatus': 'DISABLED'}
    got = ddb.describe_continuous_backups(TableName=hash_table)['ContinuousBackupsDescription']
    assert got['ContinuousBackupsStatus'] == 'ENABLED'


def test_unknown_billing_mode(service, hash_table):
    refused(INVALID, "1 validation error detected: Value 'FREE' at 'billingMode' failed to satisfy constraint: Member "
            'must satisfy enum value set: [PROVISIONED, PAY_PER_REQUEST]', service.unchecked().update_table,
            TableName=hash_table, BillingMode='FREE')


def test_an_attribute_defined_twice(service):
    invalid('Attribute Name is duplicated: p', create, service, AttributeDefinitions=attributes('p:S', 'p:N'))


def test_attributes_of_a_new_index(ddb, tables, unique):
    """Definitions that the new index does not use are not looked at; those it uses must agree with what is there."""
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[
        {'IndexName': 'by_g', 'KeySchema': schema('g'), 'Projection': {'ProjectionType': 'ALL'}}])

    def index(name, *keys):
        return [{'Create': {'IndexName': name, 'KeySchema': schema(*keys), 'Projection': {'ProjectionType': 'ALL'}}}]
    invalid(BAD + 'Attributes cannot be redefined. Please check that your attribute has the same type as previously '
            'defined. Existing schema: Schema:[SchemaElement: key{g:S:HASH}] New schema: Schema:[SchemaElement: '
            'key{h:S:HASH}, key{g:N:RANGE}]', ddb.update_table, TableName=unique,
            AttributeDefinitions=attributes('g:N', 'h:S'), GlobalSecondaryIndexUpdates=index('by_h', 'h', 'g'))
    ddb.update_table(TableName=unique, AttributeDefinitions=attributes('h:N', 'p:N', 'unused:B'),
                     GlobalSecondaryIndexUpdates=index('by_h', 'h'))
    table = wait_active(ddb, unique)
    assert sorted(a['AttributeName'] + a['AttributeType'] for a in table['AttributeDefinitions']) == ['gS', 'hN', 'pS']


@pytest.mark.parametrize('tag, message', [
    ({'Key': '->>;-)])', 'Value': 'v'}, 'The Tag Key provided is invalid, Key: ->>;-)])'),
    ({'Key': 'k', 'Value': '#!%'}, 'The Tag Value provided is invalid, Value: #!%')])
def test_characters_of_tags(ddb, hash_table, tag, message):
    arn = ddb.describe_table(TableName=hash_table)['Table']['TableArn']
    invalid(message, ddb.tag_resource, ResourceArn=arn, Tags=[tag])
    ddb.tag_resource(ResourceArn=arn, Tags=[{'Key': 'законные буквы 7', 'Value': 'a_b.c:d/e=f+g-h@i'}])


# ---- encryption at rest: what is told of it ----

KMS_ARN = re.compile('arn:aws:kms:us-east-2:000000000000:key/[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}')


def sse(ddb, name):
    return ddb.describe_table(TableName=name)['Table'].get('SSEDescription')


@pytest.mark.parametrize('asked, told', [
    ({'Enabled': True}, True), ({'SSEType': 'KMS'}, True), ({'Enabled': True, 'SSEType': 'KMS'}, True),
    ({'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': 'alias/aws/dynamodb'}, True), ({}, False),
    ({'Enabled': False}, False)])
def test_encryption_of_a_new_table(ddb, tables, unique, asked, told):
    tables(unique, SSESpecification=asked)
    got = sse(ddb, unique)
    assert bool(got) == told
    if told:
        assert (got['Status'], got['SSEType']) == ('ENABLED', 'KMS') and KMS_ARN.fullmatch(got['KMSMasterKeyArn'])


@pytest.mark.parametrize('key, says', [
    ('alias/mine', 'Alias arn:aws:kms:us-east-2:000000000000:alias/mine is not found.'),
    ('mine', "Key 'arn:aws:kms:us-east-2:000000000000:key/mine' does not exist")])
def test_keys_of_ones_own(service, key, says):
    invalid(re.compile('KMS validation error: com.amazonaws.services.kms.model.NotFoundException: ' + re.escape(says) +
                       r' \(Service: AWSKMS; .*\)'), create, service,
            SSESpecification={'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': key})


def test_changes_of_encryption(ddb, tables, unique):
    """The table stays ACTIVE meanwhile; only what is the case by name is refused."""
    tables(unique)

    def change(**how):
        assert ddb.update_table(TableName=unique, SSESpecification=how)['TableDescription']['TableStatus'] == 'ACTIVE'
    default = BAD + 'Table is already encrypted by default'
    invalid(default, ddb.update_table, TableName=unique, SSESpecification={'Enabled': False})
    invalid(default, ddb.update_table, TableName=unique, SSESpecification={})
    change(Enabled=True)
    wait_until('encryption', lambda: (sse(ddb, unique) or {}).get('Status') == 'ENABLED', 60)
    change(Enabled=True, SSEType='KMS')
    key = sse(ddb, unique)['KMSMasterKeyArn']
    invalid(BAD + 'Table is already encrypted with given KMSMasterKeyId. Use KMSMasterKeyId parameter if you want to '
            'change Master Key', ddb.update_table, TableName=unique,
            SSESpecification={'Enabled': True, 'SSEType': 'KMS', 'KMSMasterKeyId': key})
    change(Enabled=False)
    wait_until('no encryption', lambda: sse(ddb, unique) is None, 60)


# ---- what leaves no trace ----

def test_small_updates(service, ddb, tables, unique):
    tables(unique)
    for on in (True, False):
        told = service.wire().call('UpdateTable', {'TableName': unique, 'DeletionProtectionEnabled': on})[2]
        assert told['TableDescription']['TableStatus'] == 'ACTIVE'
        assert told['TableDescription']['DeletionProtectionEnabled'] is on
    ddb.update_table(TableName=unique, TableClass='STANDARD')
    assert 'TableClassSummary' not in wait_active(ddb, unique)


def test_untagging(service, hash_table):
    ddb = service.unchecked()
    arn = ddb.describe_table(TableName=hash_table)['Table']['TableArn']
    invalid('The Tag Key provided is invalid, Key: ', ddb.untag_resource, ResourceArn=arn, TagKeys=[''])
    invalid('Number of Tags exceed the current limit for the provided ResourceArn', ddb.untag_resource,
            ResourceArn=arn, TagKeys=[f'k{at}' for at in range(51)])
    assert 'Tags' in ddb.list_tags_of_resource(ResourceArn=arn, NextToken='never given out')


def test_decreases_of_throughput(ddb, tables, unique):
    """Four a day, then one an hour. An update's answer still has the capacity of before."""
    tables(unique, BillingMode='PROVISIONED', ProvisionedThroughput={'ReadCapacityUnits': 9, 'WriteCapacityUnits': 9})

    def change(read, write=9):
        return ddb.update_table(TableName=unique, ProvisionedThroughput={
            'ReadCapacityUnits': read, 'WriteCapacityUnits': write})['TableDescription']
    for read in (8, 7, 6, 5):
        told = change(read)
        assert told['TableStatus'] == 'UPDATING' and told['ProvisionedThroughput']['ReadCapacityUnits'] == read + 1
        told = wait_active(ddb, unique)['ProvisionedThroughput']
        assert (told['ReadCapacityUnits'], told['NumberOfDecreasesToday']) in ((read, 9 - read), (read, 1))
    if told['NumberOfDecreasesToday'] == 4:  # it is still the same day
        day = r'\w+, \w+ \d+, \d{4} at \d+:\d\d:\d\d [AP]M Coordinated Universal Time'
        refused('LimitExceededException', re.compile(
            'Subscriber limit exceeded: Provisioned throughput decreases are limited within a given UTC day. After the '
            'first 4 decreases, each subsequent decrease in the same UTC day can be performed at most once every 3600 '
            f'seconds. Number of decreases today: 4. Last decrease at {day}. Next decrease can be made at {day}'),
            change, 4)
    change(5, 10)
