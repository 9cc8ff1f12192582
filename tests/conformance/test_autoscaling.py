"""Application Auto Scaling for DynamoDB's capacity, with a controller that really changes it: boto3 and the AWS CLI.

A cluster of its own, whose controller looks every few milliseconds instead of every minute.
"""
import json
import os
import subprocess
import time

import boto3
import botocore.exceptions
import pytest
from conftest import HOME, Service, make_table, wait_active
from devcluster import DevCluster, wait_until
from wire import kind

PERIOD_MS = 200
THERE = 'eu-west-1'


@pytest.fixture(scope='module')
def quick(tmp_path_factory):
    if os.environ.get('CONFORMANCE_ENDPOINT'):
        pytest.skip('announced: another service looks once a minute')
    folder = tmp_path_factory.mktemp('scaling')
    with DevCluster(os.environ['GODWIT_BIN'], folder, regions=(HOME, THERE)):
        pass
    for region in HOME, THERE:
        with open(folder / region / 'godwit.conf', 'a', encoding='utf-8') as config:
            config.write(f'scaling.period_ms = {PERIOD_MS}\n')
    with DevCluster(os.environ['GODWIT_BIN'], folder, regions=(HOME, THERE)) as cluster:
        yield Service(cluster.urls[HOME], cluster.keys, cluster.environment(), cluster)


@pytest.fixture
def scaling(quick):
    return boto3.session.Session().client('application-autoscaling', **quick.how(HOME))


@pytest.fixture
def ddb(quick):
    return quick.client()


def provisioned(client, name, read=5, write=5, **more):
    return make_table(client, name, BillingMode='PROVISIONED', ProvisionedThroughput={
        'ReadCapacityUnits': read, 'WriteCapacityUnits': write}, **more)


def target(table, kind='Read', index=None):
    return {'ServiceNamespace': 'dynamodb', 'ResourceId': f'table/{table}' + (f'/index/{index}' if index else ''),
            'ScalableDimension': f'dynamodb:{"index" if index else "table"}:{kind}CapacityUnits'}


def tracking(kind='Read', value=70.0, **more):
    return {'TargetValue': value, 'PredefinedMetricSpecification': {
        'PredefinedMetricType': f'DynamoDB{kind}CapacityUtilization'}, **more}


def units(client, table):
    got = client.describe_table(TableName=table)['Table']['ProvisionedThroughput']
    return got['ReadCapacityUnits'], got['WriteCapacityUnits']


def test_targets_and_policies(scaling, ddb, unique):
    provisioned(ddb, unique)
    read = target(unique)
    made = scaling.register_scalable_target(MinCapacity=5, MaxCapacity=40, **read)
    assert made['ResponseMetadata']['HTTPStatusCode'] == 200
    policy = scaling.put_scaling_policy(
        PolicyName='mine', PolicyType='TargetTrackingScaling', TargetTrackingScalingPolicyConfiguration=tracking(
            value=55.5, ScaleInCooldown=30), **read)
    assert policy['PolicyARN'].endswith(f':resource/dynamodb/table/{unique}:policyName/mine')
    row, = scaling.describe_scalable_targets(ServiceNamespace='dynamodb', ResourceIds=[f'table/{unique}'])[
        'ScalableTargets']
    assert (row['MinCapacity'], row['MaxCapacity']) == (5, 40) and row['CreationTime'].year > 2000
    assert row['RoleARN'].endswith('AWSServiceRoleForApplicationAutoScaling_DynamoDBTable')
    row, = scaling.describe_scaling_policies(ServiceNamespace='dynamodb', ResourceId=f'table/{unique}')[
        'ScalingPolicies']
    assert row['PolicyARN'] == policy['PolicyARN'] and row['PolicyName'] == 'mine'
    assert row['TargetTrackingScalingPolicyConfiguration'] == dict(
        tracking(value=55.5, ScaleInCooldown=30), DisableScaleIn=False)
    scaling.delete_scaling_policy(PolicyName='mine', **read)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.delete_scaling_policy(PolicyName='mine', **read)
    scaling.deregister_scalable_target(**read)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.deregister_scalable_target(**read)
    with pytest.raises(scaling.exceptions.ObjectNotFoundException):
        scaling.put_scaling_policy(PolicyName='mine', PolicyType='TargetTrackingScaling',
                                   TargetTrackingScalingPolicyConfiguration=tracking(), **read)


def by_wire(service, operation, **body):
    """What older clients do not know: (status, answer)."""
    text = json.dumps(body).encode()
    headers = service.wire().signed(text, f'AnyScaleFrontendService.{operation}', service='application-autoscaling',
                                    headers={'content-type': 'application/x-amz-json-1.1'})
    status, _, answer = service.wire().send(text, headers)
    return status, answer


def test_tags(quick, ddb, unique):
    provisioned(ddb, unique)
    status, made = by_wire(quick, 'RegisterScalableTarget', MinCapacity=1, MaxCapacity=9, Tags={'a': '1', 'b': '2'},
                           **target(unique))
    assert status == 200
    arn = {'ResourceARN': made['ScalableTargetARN']}
    assert by_wire(quick, 'ListTagsForResource', **arn) == (200, {'Tags': {'a': '1', 'b': '2'}})
    assert by_wire(quick, 'TagResource', Tags={'b': '3', 'c': ''}, **arn) == (200, {})
    assert by_wire(quick, 'UntagResource', TagKeys=['a', 'nope'], **arn) == (200, {})
    assert by_wire(quick, 'RegisterScalableTarget', MinCapacity=2, **target(unique))[0] == 200
    assert by_wire(quick, 'ListTagsForResource', **arn) == (200, {'Tags': {'b': '3', 'c': ''}})
    status, answer = by_wire(quick, 'TagResource', Tags={f'k{i}': 'v' for i in range(49)}, **arn)
    assert status == 400 and kind(answer) == 'TooManyTagsException'
    for wrong in ({'Tags': {'aws:x': 'y'}}, {'Tags': {'k': 'v' * 257}}, {'Tags': {'': 'v'}}, {}):
        status, answer = by_wire(quick, 'TagResource', **arn, **wrong)
        assert status == 400 and kind(answer) == 'ValidationException', (wrong, answer)
    for wrong in arn['ResourceARN'] + '0', arn['ResourceARN'].replace(HOME, THERE), 'arn:x':
        status, answer = by_wire(quick, 'ListTagsForResource', ResourceARN=wrong)
        assert status == 400 and kind(answer) == 'ResourceNotFoundException', wrong
    assert by_wire(quick, 'UntagResource', TagKeys=['b', 'c'], **arn) == (200, {})
    assert by_wire(quick, 'ListTagsForResource', **arn) == (200, {'Tags': {}})


def test_pages(scaling, ddb, unique):
    provisioned(ddb, unique)
    for kind_ in 'Read', 'Write':
        scaling.register_scalable_target(MinCapacity=5, MaxCapacity=6, **target(unique, kind_))
        scaling.put_scaling_policy(PolicyName=kind_, PolicyType='TargetTrackingScaling',
                                   TargetTrackingScalingPolicyConfiguration=tracking(kind_), **target(unique, kind_))
    for operation, title in (('describe_scalable_targets', 'ScalableTargets'),
                             ('describe_scaling_policies', 'ScalingPolicies')):
        only = {'ResourceIds': [f'table/{unique}']} if 'targets' in operation else {'ResourceId': f'table/{unique}'}
        call = getattr(scaling, operation)
        first = call(ServiceNamespace='dynamodb', MaxResults=1, **only)
        second = call(ServiceNamespace='dynamodb', MaxResults=1, NextToken=first['NextToken'], **only)
        assert {row['ScalableDimension'][15:-13] for row in first[title] + second[title]} == {'Read', 'Write'}
        assert len(first[title]) == 1 and 'NextToken' not in second
        for token in 'x', '18446744073709551615', '99999999999999999999999':
            with pytest.raises(scaling.exceptions.InvalidNextTokenException):
                call(ServiceNamespace='dynamodb', NextToken=token)
        with pytest.raises(scaling.exceptions.ValidationException):
            call(ServiceNamespace='dynamodb', MaxResults=51 if 'targets' in operation else 11)
    assert scaling.describe_scheduled_actions(ServiceNamespace='dynamodb')['ScheduledActions'] == []


def test_validation(scaling, unique):
    with pytest.raises(scaling.exceptions.ValidationException) as e:
        scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **target(unique))
    assert f'table does not exist: table/{unique}' in str(e.value)
    with pytest.raises(scaling.exceptions.ValidationException):
        scaling.register_scalable_target(MinCapacity=1, MaxCapacity=2, **dict(
            target(unique), ScalableDimension='dynamodb:index:ReadCapacityUnits'))
    with pytest.raises(botocore.exceptions.ClientError) as e:
        scaling.put_scheduled_action(ScheduledActionName='a', **target(unique))
    assert e.value.response['Error']['Code'] == 'UnknownOperationException'


def test_capacity_follows_consumption_up_and_down(scaling, ddb, unique):
    provisioned(ddb, unique, read=5, write=400)
    ddb.put_item(TableName=unique, Item={'p': {'S': 'a'}, 'pad': {'S': 'x' * 300000}})
    read = target(unique)
    scaling.register_scalable_target(MinCapacity=5, MaxCapacity=5000, **read)
    scaling.put_scaling_policy(PolicyName='mine', PolicyType='TargetTrackingScaling',
                               TargetTrackingScalingPolicyConfiguration=tracking(), **read)

    latest = [0.0]

    def read_large():
        """The burst is some twenty such reads: spread over several periods, or only one would be above the target."""
        if time.monotonic() - latest[0] > PERIOD_MS / 4000:
            try:
                ddb.get_item(TableName=unique, Key={'p': {'S': 'a'}}, ConsistentRead=True)
                latest[0] = time.monotonic()
            except ddb.exceptions.ProvisionedThroughputExceededException:
                pass
        return units(ddb, unique)[0] > 20
    wait_until('growth', read_large, 60)
    grown = units(ddb, unique)[0]
    assert grown <= 5000 and units(ddb, unique)[1] == 400

    def read_small():
        """At most five units a second, but some in every period: one without any says nothing."""
        if time.monotonic() - latest[0] > PERIOD_MS / 2000:
            try:
                ddb.get_item(TableName=unique, Key={'p': {'S': 'none'}})
                latest[0] = time.monotonic()
            except ddb.exceptions.ProvisionedThroughputExceededException:
                pass  # what the large reads went into debt is not paid off yet
        return units(ddb, unique)[0] < grown
    wait_until('shrinking', read_small, 120)
    rows = scaling.describe_scaling_activities(ServiceNamespace='dynamodb', ResourceId=f'table/{unique}')[
        'ScalingActivities']
    assert rows[0]['StatusCode'] == 'Successful' and 'Setting read capacity units to' in rows[-1]['Description']
    assert 'above' in rows[-1]['Cause'] and 'below' in rows[0]['Cause']


def test_bounds_are_kept_without_consumption(scaling, ddb, unique):
    provisioned(ddb, unique, read=5, write=5)
    scaling.register_scalable_target(MinCapacity=12, MaxCapacity=20, **target(unique, 'Write'))
    wait_until('minimum', lambda: units(ddb, unique) == (5, 12), 60)
    wait_active(ddb, unique)
    scaling.register_scalable_target(MinCapacity=1, MaxCapacity=3, **target(unique, 'Write'))
    wait_until('maximum', lambda: units(ddb, unique) == (5, 3), 60)


def test_targets_survive_a_restart(scaling, quick, ddb, unique):
    provisioned(ddb, unique)
    scaling.register_scalable_target(MinCapacity=5, MaxCapacity=41, **target(unique))
    quick.cluster.kill_region(HOME)
    wait_until('death', lambda: {row['region']: row['state'] for row in quick.cluster.processes()}[HOME] != 'up', 60)
    quick.cluster.tool('dev', 'start', HOME)

    def found():
        try:
            return scaling.describe_scalable_targets(ServiceNamespace='dynamodb', ResourceIds=[f'table/{unique}'])[
                'ScalableTargets']
        except botocore.exceptions.BotoCoreError:
            return None
    row, = wait_until('answer', found, 60)
    assert row['MaxCapacity'] == 41


def test_cli(quick, ddb, unique):
    provisioned(ddb, unique)

    def aws(*args):
        done = subprocess.run(
            ['/usr/bin/aws', 'application-autoscaling', *args, '--endpoint-url', quick.endpoint, '--region', HOME,
             '--output', 'json'], env=quick.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}
    where = ['--service-namespace', 'dynamodb', '--resource-id', f'table/{unique}', '--scalable-dimension',
             'dynamodb:table:WriteCapacityUnits']
    aws('register-scalable-target', *where, '--min-capacity', '5', '--max-capacity', '10')
    made = aws('put-scaling-policy', *where, '--policy-name', 'WriteScalingPolicy', '--policy-type',
               'TargetTrackingScaling', '--target-tracking-scaling-policy-configuration', json.dumps(
                   tracking('Write', 50.0, ScaleInCooldown=60, ScaleOutCooldown=60)))
    assert 'WriteScalingPolicy' in made['PolicyARN']
    rows = aws('describe-scalable-targets', '--service-namespace', 'dynamodb', '--resource-id', f'table/{unique}')
    assert [row['MaxCapacity'] for row in rows['ScalableTargets']] == [10]


WISHED = {'MinimumUnits': 3, 'MaximumUnits': 30, 'ScalingPolicyUpdate': {
    'PolicyName': 'wished', 'TargetTrackingScalingPolicyConfiguration': {'TargetValue': 60.0, 'ScaleInCooldown': 9}}}
TOLD = {'MinimumUnits': 3, 'MaximumUnits': 30, 'policies': [('wished', 60.0, 9)]}
OFF = {'AutoScalingDisabled': True}


def told(settings):
    """A description without what every one of them says alike."""
    if settings == OFF:
        return OFF
    return {'MinimumUnits': settings['MinimumUnits'], 'MaximumUnits': settings['MaximumUnits'], 'policies': [
        (p['PolicyName'], p['TargetTrackingScalingPolicyConfiguration']['TargetValue'],
         p['TargetTrackingScalingPolicyConfiguration'].get('ScaleInCooldown')) for p in settings['ScalingPolicies']]}


def test_replica_auto_scaling(quick, ddb, scaling, unique):
    provisioned(ddb, unique, StreamSpecification={'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    ddb.update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': THERE}}])
    wait_until('replica', lambda: [r['ReplicaStatus'] for r in ddb.describe_table(TableName=unique)['Table'].get(
        'Replicas', [])] == ['ACTIVE'], 60)

    def settings(client=ddb):
        rows = client.describe_table_replica_auto_scaling(TableName=unique)['TableAutoScalingDescription']['Replicas']
        return {row['RegionName']: (told(row['ReplicaProvisionedReadCapacityAutoScalingSettings']),
                                    told(row['ReplicaProvisionedWriteCapacityAutoScalingSettings'])) for row in rows}
    assert settings() == {HOME: (OFF, OFF), THERE: (OFF, OFF)}
    ddb.update_table_replica_auto_scaling(
        TableName=unique, ProvisionedWriteCapacityAutoScalingUpdate=WISHED, ReplicaUpdates=[
            {'RegionName': THERE, 'ReplicaProvisionedReadCapacityAutoScalingUpdate': WISHED}])
    wait_until('settings', lambda: settings() == {HOME: (OFF, TOLD), THERE: (TOLD, TOLD)}, 60)
    assert settings(quick.client(THERE)) == settings()
    row, = scaling.describe_scaling_policies(ServiceNamespace='dynamodb', ResourceId=f'table/{unique}')[
        'ScalingPolicies']
    assert (row['PolicyName'], row['ScalableDimension']) == ('wished', 'dynamodb:table:WriteCapacityUnits')
    ddb.update_table_replica_auto_scaling(TableName=unique, ReplicaUpdates=[
        {'RegionName': THERE, 'ReplicaProvisionedReadCapacityAutoScalingUpdate': OFF}])
    wait_until('off', lambda: settings()[THERE] == (OFF, TOLD), 60)
    with pytest.raises(botocore.exceptions.ClientError) as e:
        ddb.update_table_replica_auto_scaling(
            TableName=unique, ProvisionedWriteCapacityAutoScalingUpdate={**WISHED, **OFF})
    assert e.value.response['Error']['Message'] == (
        f'Failed to update settings for global table with name \u2018{unique}\u2019: Parameters '
        "'MaximumUnits', 'ScalingPolicyUpdate', 'MinimumUnits' must be left blank when disabling auto scaling.")
    with pytest.raises(botocore.exceptions.ClientError) as e:
        ddb.update_table_replica_auto_scaling(TableName=unique, ReplicaUpdates=[
            {'RegionName': 'mars-1', 'ReplicaProvisionedReadCapacityAutoScalingUpdate': OFF}])
    assert e.value.response['Error']['Code'] == 'ValidationException'


def test_settings_of_2017_global_tables(quick, ddb, unique):
    for region in HOME, THERE:
        provisioned(quick.client(region), unique, StreamSpecification={
            'StreamEnabled': True, 'StreamViewType': 'NEW_AND_OLD_IMAGES'})
    ddb.create_global_table(GlobalTableName=unique, ReplicationGroup=[{'RegionName': HOME}, {'RegionName': THERE}])
    wait_until('global table', lambda: ddb.describe_global_table(GlobalTableName=unique)['GlobalTableDescription'][
        'GlobalTableStatus'] == 'ACTIVE', 60)

    def settings():
        rows = ddb.describe_global_table_settings(GlobalTableName=unique)['ReplicaSettings']
        return {row['RegionName']: (told(row['ReplicaProvisionedReadCapacityAutoScalingSettings']),
                                    told(row['ReplicaProvisionedWriteCapacityAutoScalingSettings'])) for row in rows}
    assert settings() == {HOME: (OFF, OFF), THERE: (OFF, OFF)}
    ddb.update_global_table_settings(
        GlobalTableName=unique, GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate=WISHED,
        ReplicaSettingsUpdate=[{'RegionName': HOME, 'ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate': WISHED}])
    wait_until('settings', lambda: settings() == {HOME: (TOLD, TOLD), THERE: (OFF, TOLD)}, 60)
    with pytest.raises(botocore.exceptions.ClientError) as e:
        ddb.update_global_table_settings(GlobalTableName=unique, ReplicaSettingsUpdate=[
            {'RegionName': THERE, 'ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate': {'MinimumUnits': 4}}])
    assert e.value.response['Error']['Message'] == (
        f'Failed to update settings for global table with name: \u2018{unique}\u2019: Parameters '
        "'MaximumUnits', 'ScalingPolicyUpdate' are required unless auto scaling is being disabled.")
