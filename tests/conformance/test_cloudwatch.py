"""CloudWatch for AWS/DynamoDB at the same endpoint: boto3, the AWS CLI, and what today's SDKs send."""
import datetime
import json
import subprocess

import boto3
import botocore.exceptions
import pytest
from conftest import HOME
from devcluster import wait_until


@pytest.fixture
def cloudwatch(service):
    return boto3.session.Session().client('cloudwatch', **service.how(HOME))


def span(minutes=10):
    now = datetime.datetime.now(datetime.timezone.utc)
    return {'StartTime': now - datetime.timedelta(minutes=minutes), 'EndTime': now + datetime.timedelta(minutes=1)}


def dimensions(**named):
    return [{'Name': name, 'Value': value} for name, value in named.items()]


def total(cloudwatch, metric, stat='Sum', period=3600, **named):
    """The statistic of all that happened lately, None when nothing did."""
    got = cloudwatch.get_metric_statistics(
        Namespace='AWS/DynamoDB', MetricName=metric, Dimensions=dimensions(**named), Period=period,
        Statistics=[stat], **span())
    assert got['Label'] == metric
    points = got['Datapoints']
    assert len(points) <= 1
    return points[0][stat] if points else None


def test_consumption_of_tables_and_indexes(cloudwatch, ddb, tables, unique):
    tables(unique, 'p:S|g:S', BillingMode='PROVISIONED', ProvisionedThroughput={
        'ReadCapacityUnits': 7, 'WriteCapacityUnits': 8}, GlobalSecondaryIndexes=[{
            'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
            'Projection': {'ProjectionType': 'ALL'},
            'ProvisionedThroughput': {'ReadCapacityUnits': 2, 'WriteCapacityUnits': 3}}])
    ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}, 'g': {'S': 'x'}, 'pad': {'S': 'y' * 1500}})
    ddb.get_item(TableName=unique, Key={'p': {'S': 'a'}})
    ddb.get_item(TableName=unique, Key={'p': {'S': 'a'}}, ConsistentRead=True)
    ddb.batch_write_item(RequestItems={unique: [{'PutRequest': {'Item': {'p': {'S': 'b'}}}}]})
    ddb.batch_get_item(RequestItems={unique: {'Keys': [{'p': {'S': 'b'}}]}})
    ddb.query(TableName=unique, IndexName='by_g', KeyConditionExpression='g = :g',
              ExpressionAttributeValues={':g': {'S': 'x'}})
    assert total(cloudwatch, 'ConsumedWriteCapacityUnits', TableName=unique) == 3
    assert total(cloudwatch, 'ConsumedReadCapacityUnits', TableName=unique) == 2
    index = {'TableName': unique, 'GlobalSecondaryIndexName': 'by_g'}
    assert total(cloudwatch, 'ConsumedWriteCapacityUnits', **index) == 2
    assert total(cloudwatch, 'ConsumedReadCapacityUnits', **index) == 0.5
    assert total(cloudwatch, 'ProvisionedReadCapacityUnits', 'Maximum', TableName=unique) == 7
    assert total(cloudwatch, 'ProvisionedWriteCapacityUnits', 'Average', **index) == 3
    assert total(cloudwatch, 'SuccessfulRequestLatency', 'SampleCount', TableName=unique, Operation='GetItem') == 2
    assert total(cloudwatch, 'SuccessfulRequestLatency', 'Minimum', TableName=unique, Operation='PutItem') > 0
    assert total(cloudwatch, 'ReturnedItemCount', TableName=unique, Operation='Query') == 1
    assert total(cloudwatch, 'SuccessfulRequestLatency', TableName=unique) is None


def test_errors(cloudwatch, ddb, tables, unique):
    tables(unique)
    before = total(cloudwatch, 'UserErrors') or 0
    for _ in range(2):
        with pytest.raises(ddb.exceptions.ConditionalCheckFailedException):
            ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}}, ConditionExpression='attribute_exists(p)')
    with pytest.raises(botocore.exceptions.ClientError):
        ddb.get_item(TableName=unique, Key={'q': {'S': 'a'}})
    assert total(cloudwatch, 'ConditionalCheckFailedRequests', TableName=unique) == 2
    assert total(cloudwatch, 'UserErrors') == before + 1
    for metric in 'ThrottledRequests', 'SystemErrors':
        assert total(cloudwatch, metric, TableName=unique, Operation='PutItem') is None
    assert total(cloudwatch, 'TransactionConflict', TableName=unique) is None


def test_metric_data_and_list(cloudwatch, ddb, tables, unique):
    tables(unique)
    ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}})
    stat = {'Metric': {'Namespace': 'AWS/DynamoDB', 'MetricName': 'ConsumedWriteCapacityUnits',
                       'Dimensions': dimensions(TableName=unique)}, 'Period': 60, 'Stat': 'Sum'}
    got = cloudwatch.get_metric_data(MetricDataQueries=[
        {'Id': 'w', 'MetricStat': stat, 'Label': 'writes'}, {'Id': 'x', 'MetricStat': stat, 'ReturnData': False}],
        ScanBy='TimestampAscending', **span())
    assert [(r['Id'], r['Label'], r['StatusCode'], r['Values']) for r in got['MetricDataResults']] == [
        ('w', 'writes', 'Complete', [1.0])]
    when, = got['MetricDataResults'][0]['Timestamps']
    assert when.second == 0 and when.tzinfo
    listed = cloudwatch.list_metrics(Namespace='AWS/DynamoDB', Dimensions=dimensions(TableName=unique))['Metrics']
    assert {'Namespace': 'AWS/DynamoDB', 'MetricName': 'SuccessfulRequestLatency', 'Dimensions': dimensions(
        TableName=unique, Operation='PutItem')} in listed
    assert all(dimensions(TableName=unique)[0] in row['Dimensions'] for row in listed)
    assert cloudwatch.list_metrics(Namespace='AWS/EC2')['Metrics'] == []
    names = {row['MetricName'] for page in cloudwatch.get_paginator('list_metrics').paginate()
             for row in page['Metrics']}
    assert 'ConsumedWriteCapacityUnits' in names


@pytest.mark.parametrize('call, args, code, words', [
    ('get_metric_statistics', {'Period': 61, 'Statistics': ['Sum']}, 'InvalidParameterValue', 'multiple of 60'),
    ('get_metric_statistics', {'Period': 60}, 'InvalidParameterCombination', 'Must specify either Statistics'),
    ('get_metric_statistics', {'Period': 60, 'ExtendedStatistics': ['p99']}, 'InvalidParameterValue',
     'not supported by this server'),
    ('put_metric_data', {'Namespace': 'mine', 'MetricData': [{'MetricName': 'm', 'Value': 1}]}, 'InvalidAction',
     'PutMetricData is not valid'),
    ('describe_alarms', {}, 'InvalidAction', 'DescribeAlarms is not valid')])
def test_refusals(cloudwatch, call, args, code, words):
    if call == 'get_metric_statistics':
        args = dict(args, Namespace='AWS/DynamoDB', MetricName='UserErrors', **span())
    with pytest.raises(botocore.exceptions.ClientError) as e:
        getattr(cloudwatch, call)(**args)
    assert e.value.response['Error']['Code'] == code and words in e.value.response['Error']['Message']
    assert e.value.response['ResponseMetadata']['HTTPStatusCode'] == 400
    assert e.value.response['ResponseMetadata']['RequestId']


def test_signatures(service):
    how = dict(service.how(HOME), aws_secret_access_key='wrong')
    with pytest.raises(botocore.exceptions.ClientError) as e:
        boto3.session.Session().client('cloudwatch', **how).list_metrics()
    assert e.value.response['Error']['Code'] == 'SignatureDoesNotMatch'
    how = dict(service.how(HOME), aws_access_key_id='nobody')
    with pytest.raises(botocore.exceptions.ClientError) as e:
        boto3.session.Session().client('cloudwatch', **how).list_metrics()
    assert e.value.response['Error']['Code'] == 'InvalidClientTokenId'


def test_another_region_has_metrics_of_its_own(service, tables, unique):
    elsewhere = boto3.session.Session().client('cloudwatch', **service.how('eu-west-1'))
    tables(unique, region='eu-west-1')
    service.client('eu-west-1').put_item(TableName=unique, Item={'p': {'S': 'a'}})
    assert total(elsewhere, 'ConsumedWriteCapacityUnits', TableName=unique) == 1
    here = boto3.session.Session().client('cloudwatch', **service.how(HOME))
    assert total(here, 'ConsumedWriteCapacityUnits', TableName=unique) is None


def test_cli(service, ddb, tables, unique):
    tables(unique)
    ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}})
    when = {name: value.strftime('%Y-%m-%dT%H:%M:%S') for name, value in span().items()}
    where = ['--endpoint-url', service.endpoint] if service.endpoint else []
    done = subprocess.run(
        ['/usr/bin/aws', 'cloudwatch', 'get-metric-statistics', '--namespace', 'AWS/DynamoDB', '--metric-name',
         'ConsumedWriteCapacityUnits', '--dimensions', f'Name=TableName,Value={unique}', '--start-time',
         when['StartTime'], '--end-time', when['EndTime'], '--period', '300', '--statistics', 'Sum', 'Average',
         *where, '--region', HOME, '--output', 'json'], env=service.environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    points = json.loads(done.stdout)['Datapoints']
    assert sum(point['Sum'] for point in points) == 1 and {point['Unit'] for point in points} == {'Count'}


def test_replication_latency(cloudwatch, service, ddb, tables, unique):
    tables(unique, StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    ddb.update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': 'eu-west-1'}}])
    tables.adopt('eu-west-1', unique)
    wait_until('replica', lambda: [r['ReplicaStatus'] for r in ddb.describe_table(TableName=unique)['Table'].get(
        'Replicas', [])] == ['ACTIVE'], 60)
    ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}})
    where = {'TableName': unique, 'ReceivingRegion': 'eu-west-1'}
    got = wait_until('latency', lambda: total(cloudwatch, 'ReplicationLatency', 'Average', **where), 60)
    assert got > 0
    assert total(cloudwatch, 'ReplicationLatency', 'SampleCount', **where) == 1
    assert total(cloudwatch, 'ReplicationLatency', TableName=unique) is None


def test_pending_replication(cloudwatch, service, regions, tables, unique):
    if service.cluster is None:
        pytest.skip('announced: another service has no links to cut')
    for region in HOME, 'eu-west-1':
        tables(unique, region=region, StreamSpecification={
            'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    regions[HOME].create_global_table(GlobalTableName=unique, ReplicationGroup=[
        {'RegionName': HOME}, {'RegionName': 'eu-west-1'}])
    wait_until('global table', lambda: regions[HOME].describe_global_table(GlobalTableName=unique)[
        'GlobalTableDescription']['GlobalTableStatus'] == 'ACTIVE', 60)
    where = {'TableName': unique, 'ReceivingRegion': 'eu-west-1'}
    service.cluster.tool('fault', 'partition', HOME, 'eu-west-1')
    try:
        for i in range(7):
            regions[HOME].put_item(TableName=unique, Item={'p': {'S': str(i)}})
        assert wait_until('pending', lambda: total(
            cloudwatch, 'PendingReplicationCount', 'Maximum', **where), 60) == 7
    finally:
        service.cluster.tool('fault', 'heal')
    wait_until('arrival', lambda: regions['eu-west-1'].scan(TableName=unique, Select='COUNT')['Count'] == 7, 60)
    wait_until('none pending', lambda: total(
        cloudwatch, 'PendingReplicationCount', 'Minimum', **where) == 0, 60)
    regions[HOME].update_global_table(GlobalTableName=unique, ReplicaUpdates=[
        {'Delete': {'RegionName': HOME}}, {'Delete': {'RegionName': 'eu-west-1'}}])
