"""Resource-based policies, and the sides of a table that are not served: Kinesis, Contributor Insights."""
import json

import boto3
import pytest
from botocore.exceptions import ClientError
from devcluster import wait_until
from expect import invalid, refused, s
from wire import kind

ACCOUNT = '000000000000'
ROOT = f'arn:aws:iam::{ACCOUNT}:root'
BAD = 'One or more parameter values were invalid: Invalid policy document: '


class Policies:
    """The calls that the client of Debian 12 does not know."""

    def __init__(self, wire):
        self.wire = wire

    def call(self, operation, **params):
        status, _, body = self.wire.call(operation, params)
        if status != 200:
            error = {'Code': kind(body), 'Message': body.get('message', body.get('Message', ''))}
            raise ClientError({'Error': error, 'ResponseMetadata': {'HTTPStatusCode': status}}, operation)
        return body

    def put(self, **params):
        return self.call('PutResourcePolicy', **params)

    def get(self, **params):
        return self.call('GetResourcePolicy', **params)

    def delete(self, **params):
        return self.call('DeleteResourcePolicy', **params)


@pytest.fixture
def rules(service):
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    return Policies(service.wire())


@pytest.fixture
def arn(ddb, tables, unique):
    return tables(unique)['TableArn']


def statement(arn, effect='Deny', action='dynamodb:PutItem', **more):
    return {'Effect': effect, 'Principal': {'AWS': ACCOUNT}, 'Action': action, 'Resource': arn, **more}


def policy(*statements, version='2012-10-17'):
    return json.dumps({'Version': version, 'Statement': list(statements)}, indent=1)


def test_there_and_back(ddb, rules, arn):
    refused('PolicyNotFoundException',
            f'Resource-based policy not found for the provided ResourceArn: {arn}', rules.get, ResourceArn=arn)
    put = rules.put(ResourceArn=arn, Policy=policy(
        statement(arn, 'allow', ['dynamodb:GetItem'], Sid='one'), statement(arn, 'Allow', ['dynamodb:Query', 'dynamodb:Scan'])))
    got = rules.get(ResourceArn=arn)
    assert got['RevisionId'] == put['RevisionId']
    assert got['Policy'] == json.dumps({'Version': '2012-10-17', 'Statement': [
        {'Sid': 'one', 'Effect': 'Allow', 'Principal': {'AWS': ROOT}, 'Action': 'dynamodb:GetItem', 'Resource': arn},
        {'Effect': 'Allow', 'Principal': {'AWS': ROOT}, 'Action': ['dynamodb:Query', 'dynamodb:Scan'], 'Resource': arn},
    ]}, separators=(',', ':'))
    again = rules.put(ResourceArn=arn, Policy=got['Policy'])
    assert again['RevisionId'] == put['RevisionId']
    assert rules.delete(ResourceArn=arn)['RevisionId']
    refused('PolicyNotFoundException', None, rules.get, ResourceArn=arn)
    assert 'RevisionId' not in rules.delete(ResourceArn=arn)


def test_one_statement_and_no_version(ddb, rules, arn):
    rules.put(ResourceArn=arn, Policy=json.dumps({'Statement': statement(arn)}))
    got = json.loads(rules.get(ResourceArn=arn)['Policy'])
    assert got['Version'] == '2008-10-17' and isinstance(got['Statement'], list)


def test_expected_revisions(ddb, rules, arn):
    one, two = policy(statement(arn)), policy(statement(arn, action='dynamodb:Scan'))
    name = arn.split('/')[1]
    head = 'Resource-based policy not found for the provided ResourceArn: Requested '
    refused('PolicyNotFoundException', None, rules.put, ResourceArn=arn, Policy=one, ExpectedRevisionId='1')
    first = rules.put(ResourceArn=arn, Policy=one, ExpectedRevisionId='NO_POLICY')['RevisionId']
    refused('PolicyNotFoundException', f'{head}policy update expecting none to be present for table {name}, but a policy '
            f'exists with revision id {first}.', rules.put, ResourceArn=arn, Policy=two, ExpectedRevisionId='NO_POLICY')
    refused('PolicyNotFoundException', f'{head}update for policy with revision id 1, but the policy associated to target '
            f'table {name} has revision id {first}.', rules.delete, ResourceArn=arn, ExpectedRevisionId='1')
    second = rules.put(ResourceArn=arn, Policy=two, ExpectedRevisionId=first)['RevisionId']
    assert second != first
    rules.delete(ResourceArn=arn, ExpectedRevisionId=second)


def test_with_the_table(rules, tables, unique):
    arn = f'arn:aws:dynamodb:us-east-2:{ACCOUNT}:table/{unique}'
    tables.adopt('us-east-2', unique)
    rules.call('CreateTable', TableName=unique, BillingMode='PAY_PER_REQUEST', ResourcePolicy=policy(statement(arn)),
               AttributeDefinitions=[{'AttributeName': 'p', 'AttributeType': 'S'}],
               KeySchema=[{'AttributeName': 'p', 'KeyType': 'HASH'}])
    assert json.loads(rules.get(ResourceArn=arn)['Policy'])['Statement'][0]['Action'] == 'dynamodb:PutItem'


# ---- what is denied ----

def denied(action, arn, call, *args, **kwargs):
    refused('AccessDeniedException', None, call, *args, **kwargs)
    try:
        call(*args, **kwargs)
    except Exception as e:
        said = e.response['Error']['Message']
        assert f'is not authorized to perform: dynamodb:{action} on resource: {arn} with an explicit deny in a ' \
               'resource-based policy' in said, said


@pytest.mark.parametrize('more, denies', [
    ({}, True), ({'Principal': '*'}, True), ({'Principal': {'AWS': ['*']}}, True), ({'Principal': {'AWS': ROOT}}, True),
    ({'Principal': {'AWS': f'arn:aws:iam::{ACCOUNT}:user/other'}}, False),
    ({'Action': 'dynamodb:putitem'}, True), ({'Action': 'dynamodb:Put*'}, True), ({'Action': '*'}, True),
    ({'Action': 'dynamodb:Pu?Item'}, True), ({'Action': ['dynamodb:Query', 'dynamodb:UpdateItem']}, False),
    ({'Resource': '*'}, True), ({'Resource': 'arn:aws:dynamodb:*:*:table/*'}, True),
    ({'Resource': 'arn:aws:dynamodb:us-east-2:000000000000:table/another'}, False)])
def test_denial(ddb, rules, arn, more, denies):
    name = arn.split('/')[1]
    made = {**statement(arn), **more}
    rules.put(ResourceArn=arn, Policy=policy(made), ConfirmRemoveSelfResourceAccess=True)
    if denies:
        denied('PutItem', arn, ddb.put_item, TableName=name, Item={'p': s('a')})
    else:
        ddb.put_item(TableName=name, Item={'p': s('a')})
    if made['Action'] != '*':
        ddb.get_item(TableName=name, Key={'p': s('a')})
        rules.delete(ResourceArn=arn)
        ddb.put_item(TableName=name, Item={'p': s('a')})


def test_denial_by_key(service, ddb, rules, arn):
    """Each access key is a user of its own."""
    if service.cluster is None:
        pytest.skip('announced: keys are made by the tool of the cluster under test')
    made = service.cluster.tool_json('key', 'create')
    other = boto3.session.Session().client('dynamodb', **{
        **service.how('us-east-2'), 'aws_access_key_id': made['access_key_id'],
        'aws_secret_access_key': made['secret_access_key']})

    def known():
        try:
            return other.list_tables()
        except other.exceptions.ClientError:
            return None
    wait_until('the key', known, 10)
    name = arn.split('/')[1]
    rules.put(ResourceArn=arn, Policy=policy(statement(
        arn, Principal={'AWS': f'arn:aws:iam::{ACCOUNT}:user/{made["access_key_id"]}'},
        Action=['dynamodb:Scan', 'dynamodb:BatchWriteItem'])))
    denied('Scan', arn, other.scan, TableName=name)
    denied('BatchWriteItem', arn, other.batch_write_item,
           RequestItems={name: [{'PutRequest': {'Item': {'p': s('a')}}}]})
    assert other.query(TableName=name, KeyConditionExpression='p = :p', ExpressionAttributeValues={':p': s('a')})
    assert ddb.scan(TableName=name)['Count'] == 0


def test_denial_of_tables_own_operations(ddb, rules, arn):
    name = arn.split('/')[1]
    rules.put(ResourceArn=arn, Policy=policy(statement(
        arn, action=['dynamodb:UpdateTable', 'dynamodb:DeleteTable', 'dynamodb:TagResource'])))
    denied('UpdateTable', arn, ddb.update_table, TableName=name, TableClass='STANDARD_INFREQUENT_ACCESS')
    denied('DeleteTable', arn, ddb.delete_table, TableName=name)
    denied('TagResource', arn, ddb.tag_resource, ResourceArn=arn, Tags=[{'Key': 'k', 'Value': 'v'}])
    ddb.describe_table(TableName=name)
    rules.delete(ResourceArn=arn)
    ddb.tag_resource(ResourceArn=arn, Tags=[{'Key': 'k', 'Value': 'v'}])


def test_denial_of_indexes(ddb, rules, tables, unique):
    """An index that is read is a resource of its own, beside its table."""
    arn = tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'Projection': {'ProjectionType': 'ALL'},
        'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}]}])['TableArn']
    index = f'{arn}/index/by_g'
    actions = ['dynamodb:Query', 'dynamodb:Scan', 'dynamodb:PartiQLSelect']
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=actions, Resource=f'{arn}/index/*')))
    denied('Scan', index, ddb.scan, TableName=unique, IndexName='by_g')
    denied('Query', index, ddb.query, TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g',
           ExpressionAttributeValues={':g': s('a')})
    select = f'SELECT * FROM "{unique}"."by_g" WHERE g = \'a\''
    denied('PartiQLSelect', index, ddb.execute_statement, Statement=select)
    assert ddb.scan(TableName=unique)['Count'] == 0
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=actions)))
    denied('Scan', arn, ddb.scan, TableName=unique)
    assert ddb.scan(TableName=unique, IndexName='by_g')['Count'] == 0
    assert ddb.execute_statement(Statement=select)['Items'] == []


def test_lockout(ddb, rules, arn):
    text = policy(statement(arn, action='dynamodb:PutResourcePolicy'))
    invalid(None, rules.put, ResourceArn=arn, Policy=text)
    rules.put(ResourceArn=arn, Policy=text, ConfirmRemoveSelfResourceAccess=True)
    denied('PutResourcePolicy', arn, rules.put, ResourceArn=arn, Policy=text)
    rules.delete(ResourceArn=arn)


def test_streams(service, ddb, rules, arn):
    """A stream has a policy of its own, which ends with it."""
    name = arn.split('/')[1]
    views = dict(StreamEnabled=True, StreamViewType='KEYS_ONLY')
    stream = ddb.update_table(TableName=name, StreamSpecification=views)['TableDescription']['LatestStreamArn']
    reader = boto3.session.Session().client('dynamodbstreams', **service.how('us-east-2'))
    refused('PolicyNotFoundException', f'Resource-based policy not found for the provided ResourceArn: {stream}',
            rules.get, ResourceArn=stream)
    text = policy(statement(stream, action=['dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:PutItem']))
    put = rules.put(ResourceArn=stream, Policy=text, ExpectedRevisionId='NO_POLICY')
    got = rules.get(ResourceArn=stream)
    assert got == {'RevisionId': put['RevisionId'], 'Policy': json.dumps(json.loads(text), separators=(',', ':')).replace(
        f'"{ACCOUNT}"', f'"{ROOT}"')}
    refused('PolicyNotFoundException', None, rules.get, ResourceArn=arn)
    ddb.put_item(TableName=name, Item={'p': s('a')})
    shard = reader.describe_stream(StreamArn=stream)['StreamDescription']['Shards'][0]['ShardId']
    how = dict(StreamArn=stream, ShardId=shard, ShardIteratorType='TRIM_HORIZON')
    denied('GetShardIterator', stream, reader.get_shard_iterator, **how)
    put = rules.put(ResourceArn=stream, Policy=policy(statement(stream, action='dynamodb:GetRecords')),
                    ExpectedRevisionId=put['RevisionId'])
    iterator = reader.get_shard_iterator(**how)['ShardIterator']
    denied('GetRecords', stream, reader.get_records, ShardIterator=iterator)
    rules.put(ResourceArn=stream, Policy=policy(statement(stream, action='dynamodb:PutResourcePolicy')),
              ConfirmRemoveSelfResourceAccess=True)
    denied('PutResourcePolicy', stream, rules.put, ResourceArn=stream, Policy=text)
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action='dynamodb:Scan')))
    rules.delete(ResourceArn=stream)
    assert len(reader.get_records(ShardIterator=iterator)['Records']) == 1
    assert rules.get(ResourceArn=arn)
    other = stream[:-3] + 'aaa'
    invalid(f'One or more parameter values were invalid: Provided Arn is not a DynamoDB resource arn: {other}',
            rules.get, ResourceArn=other)
    rules.put(ResourceArn=stream, Policy=text)
    ddb.update_table(TableName=name, StreamSpecification={'StreamEnabled': False})
    assert rules.get(ResourceArn=stream)
    again = ddb.update_table(TableName=name, StreamSpecification=views)['TableDescription']['LatestStreamArn']
    refused('PolicyNotFoundException', None, rules.get, ResourceArn=again)
    refused('ResourceNotFoundException', f'Requested resource not found: Stream: {stream} not found',
            rules.get, ResourceArn=stream)


# ---- what is refused ----

@pytest.mark.parametrize('text, message', [
    ('', BAD + 'This policy contains invalid Json'), ('{', BAD + 'This policy contains invalid Json'),
    ('{"Statement":[]}', BAD + 'Could not parse the policy: Statement is empty!'),
    (' ' * 20481, 'One or more parameter values were invalid: Maximum policy size of 20480 bytes exceeded')])
def test_documents(ddb, rules, arn, text, message):
    invalid(message, rules.put, ResourceArn=arn, Policy=text)


@pytest.mark.parametrize('gone, more, message', [
    ('Resource', {}, BAD + 'Missing required field Resource'), ('Action', {}, BAD + 'Missing required field Action'),
    ('', {'Effect': 'Allow', 'Principal': '*'}, 'Resource-based policy grants unbounded access in one or more elements. '
     'Please revise the policy to ensure least-privilege form of access'),
    ('', {'Principal': ACCOUNT}, 'One or more parameter values were invalid: Invalid principal in policy document.'),
    ('', {'Condition': {'Bool': {'aws:SecureTransport': 'false'}}}, BAD + 'Condition is not supported by this server'),
    ('', {'Effect': 'Allow', 'NotPrincipal': {'AWS': ACCOUNT}}, BAD + 'NotPrincipal is not supported by this server'),
    ('', {'Effect': 'Allow', 'Condition': 'always'}, BAD + 'Invalid Condition'),
    ('', {'Principal': {'Nobody': 'x'}}, 'One or more parameter values were invalid: Invalid principal in policy document.'),
    ('', {'Effect': 'Perhaps'}, BAD + 'Invalid Effect')])
def test_statements(ddb, rules, arn, gone, more, message):
    made = {**statement(arn), **more}
    made.pop(gone, None)
    invalid(message, rules.put, ResourceArn=arn, Policy=policy(made))


def test_conditions_of_what_is_allowed(ddb, rules, arn):
    """Policies as the guide to multi-account global tables shows them: kept and told."""
    condition = {'StringEquals': {'aws:SourceAccount': ['444455556666', '111122223333']}}
    for principal in ({'Service': 'replication.dynamodb.amazonaws.com'}, '*'):
        made = {**statement(arn), 'Effect': 'Allow', 'Principal': principal, 'Condition': condition}
        rules.put(ResourceArn=arn, Policy=policy(made))
        shown = json.loads(rules.get(ResourceArn=arn)['Policy'])['Statement'][0]
        assert (shown['Principal'], shown['Condition']) == (principal, condition)
    assert ddb.describe_table(TableName=arn)['Table']['TableArn'] == arn


def test_resources(ddb, rules, arn):
    name = arn.split('/')[1]
    wrong = 'One or more parameter values were invalid: '
    invalid(f"{wrong}ARNs must start with 'arn:': {name}", rules.get, ResourceArn=name)
    other = arn.replace('us-east-2', 'us-east-1')
    invalid(f'{wrong}Invalid resource Arn: {other}', rules.get, ResourceArn=other)
    invalid('This action is only supported by accounts that match the resource owner\u2019s account.',
            rules.get, ResourceArn=arn.replace(ACCOUNT, '111111111111'))
    invalid(f'{wrong}Invalid resource arn provided, only table or stream is accepted. Provided resource arn: {arn}/index/i',
            rules.get, ResourceArn=f'{arn}/index/i')
    refused('ResourceNotFoundException', f'Requested resource not found: Table: {name}x not found',
            rules.get, ResourceArn=f'{arn}x')


# ---- Kinesis and Contributor Insights ----

STREAM = f'arn:aws:kinesis:us-east-2:{ACCOUNT}:stream/none'


def test_kinesis(ddb, hash_table):
    got = ddb.describe_kinesis_streaming_destination(TableName=hash_table)
    assert (got['TableName'], got['KinesisDataStreamDestinations']) == (hash_table, [])
    refused('ResourceNotFoundException', 'Requested resource not found: Table: nowhere not found',
            ddb.describe_kinesis_streaming_destination, TableName='nowhere')


def test_kinesis_stream_that_is_not_there(service, ddb, tables, unique):
    """As in DynamoDB: it is accepted, and fails a moment later. No destination is ever active."""
    if service.endpoint is None:
        pytest.skip('announced: needs an endpoint to write to')
    tables(unique)
    wire, streams = service.wire(), [STREAM + word for word in 'ab']
    for stream, config in zip(streams + streams[:1], ({}, {'ApproximateCreationDateTimePrecision': 'MICROSECOND'}, {})):
        status, _, got = wire.call('EnableKinesisStreamingDestination', {
            'TableName': unique, 'StreamArn': stream, 'EnableKinesisStreamingConfiguration': config})
        assert (status, got) == (200, {'TableName': unique, 'StreamArn': stream, 'DestinationStatus': 'ENABLING',
                                       'EnableKinesisStreamingConfiguration': config})

    def failed():
        got = ddb.describe_kinesis_streaming_destination(TableName=unique)['KinesisDataStreamDestinations']
        return got if {one['DestinationStatus'] for one in got} == {'ENABLE_FAILED'} else None
    got = wait_until('the destinations', failed, 10)
    assert [one['StreamArn'] for one in got] == streams
    assert got[0]['DestinationStatusDescription'] == 'User does not have a permission to use kinesis stream'
    bad_state = 'Table is not in a valid state to enable Kinesis Streaming Destination: '
    invalid(bad_state + 'KinesisStreamingDestination must be ACTIVE to perform DISABLE operation.',
            ddb.disable_kinesis_streaming_destination, TableName=unique, StreamArn=streams[0])
    _, _, answer = wire.call('UpdateKinesisStreamingDestination', {
        'TableName': unique, 'StreamArn': streams[0],
        'UpdateKinesisStreamingConfiguration': {'ApproximateCreationDateTimePrecision': 'MILLISECOND'}})
    assert answer['message'] == bad_state + ('Kinesis streaming is not in ACTIVE state. Updates are only allowed in '
                                             f'ACTIVE state. TableName: {unique}, kdsArn: {streams[0]}')
    _, _, answer = wire.call('UpdateKinesisStreamingDestination', {'TableName': unique, 'StreamArn': streams[0]})
    assert answer['message'] == ('Streaming destination cannot be updated with given parameters: '
                                 'UpdateKinesisStreamingConfiguration cannot be null or contain only null values')


def test_contributor_insights(ddb, range_table):
    got = ddb.describe_contributor_insights(TableName=range_table, IndexName='by_g')
    assert (got['TableName'], got['IndexName'], got['ContributorInsightsStatus']) == (range_table, 'by_g', 'DISABLED')
    assert ddb.list_contributor_insights()['ContributorInsightsSummaries'] == []
    off = ddb.update_contributor_insights(TableName=range_table, ContributorInsightsAction='DISABLE')
    assert off['ContributorInsightsStatus'] == 'DISABLED'
    refused('ResourceNotFoundException', None, ddb.describe_contributor_insights, TableName=range_table, IndexName='none')
    refused('ResourceNotFoundException', None, ddb.describe_contributor_insights, TableName=range_table, IndexName='by_s')


def test_contributor_insights_fail(ddb, tables, unique):
    """As in DynamoDB without rules to be had: accepted, failed, listed, and gone when switched off."""
    tables(unique, 'p:S|g:S', GlobalSecondaryIndexes=[{
        'IndexName': 'by_g', 'Projection': {'ProjectionType': 'ALL'},
        'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}]}])
    on = ddb.update_contributor_insights(TableName=unique, ContributorInsightsAction='ENABLE')
    assert (on['TableName'], on['ContributorInsightsStatus']) == (unique, 'ENABLING')
    ddb.update_contributor_insights(TableName=unique, IndexName='by_g', ContributorInsightsAction='ENABLE')
    for index in ({}, {'IndexName': 'by_g'}):
        def failed():
            got = ddb.describe_contributor_insights(TableName=unique, **index)
            return got if got['ContributorInsightsStatus'] == 'FAILED' else None
        got = wait_until('failure', failed, 10)
        assert got['FailureException']['ExceptionName'] == 'LimitExceededException' and got['LastUpdateDateTime']
    listed = ddb.list_contributor_insights(TableName=unique)['ContributorInsightsSummaries']
    assert [(one.get('IndexName'), one['ContributorInsightsStatus']) for one in listed] == [
        (None, 'FAILED'), ('by_g', 'FAILED')]
    assert any(one['TableName'] == unique for one in ddb.list_contributor_insights()['ContributorInsightsSummaries'])
    for index in ({}, {'IndexName': 'by_g'}):
        ddb.update_contributor_insights(TableName=unique, ContributorInsightsAction='DISABLE', **index)
        assert ddb.describe_contributor_insights(TableName=unique, **index)['ContributorInsightsStatus'] == 'DISABLED'
    assert ddb.list_contributor_insights(TableName=unique)['ContributorInsightsSummaries'] == []


# ---- operations that are made of others ----

def partiql(verb, name):
    return {'Select': f"SELECT * FROM \"{name}\" WHERE p = 'a'", 'Insert': f"INSERT INTO \"{name}\" VALUE {{'p': 'b'}}",
            'Update': f"UPDATE \"{name}\" SET v = 1 WHERE p = 'a'", 'Delete': f"DELETE FROM \"{name}\" WHERE p = 'a'"}[verb]


@pytest.mark.parametrize('verb', ['Select', 'Insert', 'Update', 'Delete'])
def test_denial_of_statements(ddb, rules, arn, verb):
    """A statement is not its operation but what it does: PartiQLSelect and so on."""
    name, action = arn.split('/')[1], f'PartiQL{verb}'
    text = partiql(verb, name)
    ddb.put_item(TableName=name, Item={'p': s('a')})
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=f'dynamodb:{action}')))
    denied(action, arn, ddb.execute_statement, Statement=text)
    denied(action, arn, ddb.execute_transaction, TransactStatements=[{'Statement': text}])
    got = ddb.batch_execute_statement(Statements=[{'Statement': text}])['Responses'][0]
    assert got['Error']['Code'] == 'AccessDenied' and f'dynamodb:{action}' in got['Error']['Message']
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=[
        'dynamodb:ExecuteStatement', 'dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem',
        'dynamodb:DeleteItem'])))
    ddb.execute_statement(Statement=text)


@pytest.mark.parametrize('kind, action, more', [
    ('Put', 'PutItem', {}), ('Update', 'UpdateItem', {'UpdateExpression': 'REMOVE v'}), ('Delete', 'DeleteItem', {}),
    ('ConditionCheck', 'ConditionCheckItem', {'ConditionExpression': 'attribute_not_exists(p)'})])
def test_denial_in_transactions(ddb, rules, arn, kind, action, more):
    name = arn.split('/')[1]
    part = {'TableName': name, ('Item' if kind == 'Put' else 'Key'): {'p': s('a')}, **more}
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=f'dynamodb:{action}')))
    denied(action, arn, ddb.transact_write_items, TransactItems=[{kind: part}])
    rules.put(ResourceArn=arn, Policy=policy(statement(arn, action=['dynamodb:TransactWriteItems', 'dynamodb:GetItem'])))
    ddb.transact_write_items(TransactItems=[{kind: part}])
    denied('GetItem', arn, ddb.transact_get_items, TransactItems=[{'Get': {'TableName': name, 'Key': {'p': s('a')}}}])
