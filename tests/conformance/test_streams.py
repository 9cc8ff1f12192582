"""DynamoDB Streams: what each view shows of each write, places in a stream, and a stream's life."""
import datetime
import decimal
import json
import time

import boto3
import pytest
from conftest import HOME, wait_active
from devcluster import REGIONS, wait_until
from expect import constraint, invalid, n, refused, s
from test_global_2017 import STREAM
from test_global_2019 import states
from wire import kind

US, EU, AP = REGIONS
VIEWS = ('KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES')
NOT_FOUND = 'ResourceNotFoundException'


def spec(view):
    return {'StreamEnabled': True, 'StreamViewType': view}


@pytest.fixture(scope='session')
def streams_of(service):
    """streams_of(region): a client for the streams of a region."""
    made = {}

    def client(region=HOME):
        if region not in made:
            made[region] = boto3.session.Session().client('dynamodbstreams', **service.how(region))
        return made[region]
    return client


@pytest.fixture
def streams(streams_of):
    return streams_of()


@pytest.fixture
def table(tables, ddb, unique):
    """table(view): the ARN of the stream of a new table named `unique`."""
    def make(view='NEW_AND_OLD_IMAGES', **more):
        return tables(unique, StreamSpecification=spec(view), **more)['LatestStreamArn']
    return make


def describe(streams, arn, **more):
    return streams.describe_stream(StreamArn=arn, **more)['StreamDescription']


def iterator(streams, arn, how='TRIM_HORIZON', shard=None, **more):
    shard = shard or describe(streams, arn)['Shards'][-1]['ShardId']
    return streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType=how, **more)['ShardIterator']


def drain(streams, at, **more):
    """All records from an iterator on, up to an empty page; the iterator that goes on, or None at the shard's end."""
    found = []
    while at:
        page = streams.get_records(ShardIterator=at, **more)
        found += page['Records']
        at = page.get('NextShardIterator')
        if not page['Records']:
            break
    return found, at


def records(streams, arn):
    """Every record of a stream, parents before children."""
    return [record for shard in describe(streams, arn)['Shards']
            for record in drain(streams, iterator(streams, arn, shard=shard['ShardId']))[0]]


def told(record):
    image = record['dynamodb']
    return record['eventName'], image['Keys'], image.get('OldImage'), image.get('NewImage')


# Every way to write an item is told as what it did to it; each view shows its own images; what changes nothing is not
# told at all.
@pytest.mark.parametrize('view', VIEWS)
def test_events(ddb, streams, table, unique, view):
    arn = table(view)
    key, one, two = {'p': s('k')}, {'p': s('k'), 'v': n(1)}, {'p': s('k'), 'v': n(2)}
    put = lambda item: ddb.put_item(TableName=unique, Item=item)  # noqa: E731

    def update(value):
        ddb.update_item(TableName=unique, Key=key, UpdateExpression='SET v = :v', ExpressionAttributeValues={':v': value})
    put(one)
    put(one)
    put({'p': s('k'), 'v': {'N': '1.0'}})
    update(n(1))
    update(n(2))
    ddb.update_item(TableName=unique, Key=key, UpdateExpression='REMOVE nothing')
    ddb.update_item(TableName=unique, Key={'p': s('none')}, UpdateExpression='REMOVE v')
    with pytest.raises(ddb.exceptions.ConditionalCheckFailedException):
        ddb.put_item(TableName=unique, Item=key, ConditionExpression='attribute_not_exists(p)')
    ddb.delete_item(TableName=unique, Key=key)
    ddb.delete_item(TableName=unique, Key=key)
    ddb.update_item(TableName=unique, Key=key)
    ddb.update_item(TableName=unique, Key=key)
    wanted = [('INSERT', None, one), ('MODIFY', one, two), ('REMOVE', two, None), ('INSERT', None, key)]
    old, new = view in ('OLD_IMAGE', 'NEW_AND_OLD_IMAGES'), view in ('NEW_IMAGE', 'NEW_AND_OLD_IMAGES')
    found = records(streams, arn)
    assert [told(record) for record in found] == [
        (event, key, before if old else None, after if new else None) for event, before, after in wanted]
    assert {record['dynamodb']['StreamViewType'] for record in found} == {view}


# A record says where it comes from, when it was made, how large it is, and has an id and a number of its own.
def test_record_shape(ddb, streams, table, unique):
    arn = table()
    before = datetime.datetime.now(datetime.timezone.utc)
    ddb.put_item(TableName=unique, Item={'p': s('101'), 'Message': s('New item!')})
    ddb.put_item(TableName=unique, Item={'p': s('101'), 'Message': s('This item has changed')})
    first, second = records(streams, arn)
    assert set(first) == {'eventID', 'eventName', 'eventVersion', 'eventSource', 'awsRegion', 'dynamodb'}
    assert (first['eventVersion'], first['eventSource'], first['awsRegion']) == ('1.1', 'aws:dynamodb', HOME)
    assert set(first['dynamodb']) == {'ApproximateCreationDateTime', 'Keys', 'NewImage', 'SequenceNumber', 'SizeBytes',
                                      'StreamViewType'}
    assert abs((first['dynamodb']['ApproximateCreationDateTime'] - before).total_seconds()) < 60
    # names and values: p 1 + 101 3; Message 7 + its text
    assert first['dynamodb']['SizeBytes'] == 4 + (4 + 7 + 9)
    assert second['dynamodb']['SizeBytes'] == 4 + (4 + 7 + 9) + (4 + 7 + 21)
    assert first['eventID'] != second['eventID'] and len(first['eventID']) == 32
    numbers = [record['dynamodb']['SequenceNumber'] for record in (first, second)]
    assert all(number.isdecimal() and 21 <= len(number) <= 40 for number in numbers)
    assert int(numbers[0]) < int(numbers[1]) and numbers[0] < numbers[1]


# The attributes of an item come back as they are, whatever their types.
def test_images_of_all_types(ddb, streams, table, unique):
    arn = table()
    item = {'p': s('k'), 'n': n('1.5'), 'b': {'B': b'\0\xff'}, 't': {'BOOL': True}, 'z': {'NULL': True},
            'ss': {'SS': ['a', 'b']}, 'l': {'L': [s(''), {'M': {'x': {'L': []}}}]}}
    ddb.put_item(TableName=unique, Item=item)
    assert records(streams, arn)[0]['dynamodb']['NewImage'] == item


# Keys hold exactly the table's key attributes, with their types.
def test_keys(ddb, streams, tables, unique):
    arn = tables(unique, 'a:N b:B', StreamSpecification=spec('KEYS_ONLY'))['LatestStreamArn']
    ddb.put_item(TableName=unique, Item={'a': n(-5), 'b': {'B': b'\1'}, 'c': s('x')})
    assert records(streams, arn)[0]['dynamodb']['Keys'] == {'a': n(-5), 'b': {'B': b'\1'}}


# The writes of a batch are told one by one.
def test_batch(ddb, streams, table, unique):
    arn = table('KEYS_ONLY')
    ddb.batch_write_item(RequestItems={unique: [{'PutRequest': {'Item': {'p': s(f'{i}')}}} for i in range(25)]})
    ddb.batch_write_item(RequestItems={unique: [{'DeleteRequest': {'Key': {'p': s(f'{i}')}}} for i in range(1, 26)]})
    found = records(streams, arn)
    assert sorted(record['dynamodb']['Keys']['p']['S'] for record in found[:25]) == sorted(str(i) for i in range(25))
    assert [record['eventName'] for record in found] == ['INSERT'] * 25 + ['REMOVE'] * 24


# A page holds at most Limit records and at most about 1 MB, and its iterator goes on right behind it.
def test_pages(ddb, streams, table, unique):
    arn = table('NEW_IMAGE')
    for i in range(7):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i}')})
    at, seen = iterator(streams, arn), []
    for _ in range(4):
        page = streams.get_records(ShardIterator=at, Limit=2)
        assert len(page['Records']) <= 2
        seen += [record['dynamodb']['Keys']['p']['S'] for record in page['Records']]
        at = page['NextShardIterator']
    assert seen == [str(i) for i in range(7)]
    for i in range(6):
        ddb.put_item(TableName=unique, Item={'p': s(f'large {i}'), 'v': s('x' * 390000)})
    page = streams.get_records(ShardIterator=at)
    assert 1 <= len(page['Records']) <= 3
    rest, _ = drain(streams, page['NextShardIterator'])
    assert len(page['Records']) + len(rest) == 6


# Each kind of iterator begins where it says, and can be used twice.
def test_iterators(ddb, streams, table, unique):
    arn = table('KEYS_ONLY')
    for i in range(3):
        ddb.put_item(TableName=unique, Item={'p': s(f'{i}')})
    latest = iterator(streams, arn, 'LATEST')
    assert streams.get_records(ShardIterator=latest)['Records'] == []
    found = records(streams, arn)
    number = found[1]['dynamodb']['SequenceNumber']
    for _ in range(2):
        assert drain(streams, iterator(streams, arn, 'AT_SEQUENCE_NUMBER', SequenceNumber=number))[0] == found[1:]
        assert drain(streams, iterator(streams, arn, 'AFTER_SEQUENCE_NUMBER', SequenceNumber=number))[0] == found[2:]
    ddb.put_item(TableName=unique, Item={'p': s('3')})
    for _ in range(2):
        new, at = drain(streams, latest)
        assert [told(record)[1] for record in new] == [{'p': s('3')}]
        assert drain(streams, at)[0] == []
    last = new[0]['dynamodb']['SequenceNumber']
    at = iterator(streams, arn, 'AFTER_SEQUENCE_NUMBER', SequenceNumber=last)
    assert drain(streams, at)[0] == []
    start = describe(streams, arn)['Shards'][0]['SequenceNumberRange']['StartingSequenceNumber']
    assert len(drain(streams, iterator(streams, arn, 'AT_SEQUENCE_NUMBER', SequenceNumber=start))[0]) == 4


# DescribeStream tells everything of a live stream; its one shard is open.
def test_describe(ddb, streams, tables, unique):
    made = tables(unique, 'p:S c:N', StreamSpecification=spec('OLD_IMAGE'))
    arn, label = made['LatestStreamArn'], made['LatestStreamLabel']
    assert arn == f'{made["TableArn"]}/stream/{label}'
    told_of = describe(streams, arn)
    shard = told_of['Shards'][0]
    assert told_of.pop('CreationRequestDateTime').timestamp() == pytest.approx(
        made['CreationDateTime'].timestamp(), abs=60)
    assert told_of == {
        'StreamArn': arn, 'StreamLabel': label, 'StreamStatus': 'ENABLED', 'StreamViewType': 'OLD_IMAGE',
        'TableName': unique, 'KeySchema': [{'AttributeName': 'p', 'KeyType': 'HASH'},
                                           {'AttributeName': 'c', 'KeyType': 'RANGE'}], 'Shards': [shard]}
    assert set(shard) == {'ShardId', 'SequenceNumberRange'} and 28 <= len(shard['ShardId']) <= 65
    assert set(shard['SequenceNumberRange']) == {'StartingSequenceNumber'}
    assert describe(streams, arn, Limit=1)['Shards'] == [shard]
    assert describe(streams, arn, ExclusiveStartShardId=shard['ShardId'])['Shards'] == []
    assert describe(streams, arn, ExclusiveStartShardId='z' * 40)['Shards'] == []


# The children of a shard can be asked for alone.
def test_shard_filter(service, streams, table):
    arn = table()
    shard = describe(streams, arn)['Shards'][0]['ShardId']

    def asked(filter_):
        body = {'StreamArn': arn, 'ShardFilter': filter_}
        return service.wire().send(*signed(service, 'DescribeStream', body))
    status, _, answer = asked({'Type': 'CHILD_SHARDS', 'ShardId': shard})
    assert status == 200 and answer['StreamDescription']['Shards'] == []
    status, _, answer = asked({'Type': 'CHILD_SHARDS', 'ShardId': 'shardId-' + '0' * 29})
    assert (status, kind(answer)) == (400, NOT_FOUND)
    status, _, answer = asked({'Type': 'PARENTS', 'ShardId': shard})
    assert answer['message'] == constraint('PARENTS', 'shardFilter.type',
                                           'Member must satisfy enum value set: [CHILD_SHARDS]')


def signed(service, operation, body):
    raw = json.dumps(body).encode()
    return raw, service.wire().signed(raw, f'DynamoDBStreams_20120810.{operation}')


# A disabled stream stays: readable to its end, where no iterator goes on; enabled again the table has another stream,
# which begins there, and the old one is still listed.
def test_disable_and_enable(ddb, streams, table, unique):
    arn = table('NEW_IMAGE')
    ddb.put_item(TableName=unique, Item={'p': s('in the first')})
    live = iterator(streams, arn, 'LATEST')
    off = ddb.update_table(TableName=unique, StreamSpecification={'StreamEnabled': False})['TableDescription']
    assert 'StreamSpecification' not in off and off['LatestStreamArn'] == arn
    wait_active(ddb, unique)
    ddb.put_item(TableName=unique, Item={'p': s('in none')})
    ended = describe(streams, arn)
    assert ended['StreamStatus'] == 'DISABLED'
    assert 'EndingSequenceNumber' in ended['Shards'][-1]['SequenceNumberRange']
    found, at = drain(streams, iterator(streams, arn))
    assert [told(record)[1] for record in found] == [{'p': s('in the first')}] and at is None
    page = streams.get_records(ShardIterator=live)
    assert page['Records'] == [] and 'NextShardIterator' not in page
    on = ddb.update_table(TableName=unique, StreamSpecification=spec('KEYS_ONLY'))['TableDescription']
    assert on['LatestStreamArn'] != arn and on['StreamSpecification'] == spec('KEYS_ONLY')
    wait_active(ddb, unique)
    ddb.put_item(TableName=unique, Item={'p': s('in the second')})
    assert [told(r)[1] for r in records(streams, on['LatestStreamArn'])] == [{'p': s('in the second')}]
    assert len(records(streams, arn)) == 1
    listed = [row['StreamArn'] for row in streams.list_streams(TableName=unique)['Streams']]
    assert listed == [arn, on['LatestStreamArn']]
    assert describe(streams, on['LatestStreamArn'])['StreamStatus'] == 'ENABLED'


# A deleted table's stream can be read to its end.
def test_deleted_table(ddb, streams, table, unique):
    arn = table()
    ddb.put_item(TableName=unique, Item={'p': s('k')})
    ddb.delete_table(TableName=unique)
    wait_until('the end', lambda: unique not in ddb.list_tables()['TableNames'], 30)
    assert describe(streams, arn)['StreamStatus'] == 'DISABLED'
    found, at = drain(streams, iterator(streams, arn))
    assert [record['eventName'] for record in found] == ['INSERT'] and at is None
    assert [row['StreamArn'] for row in streams.list_streams(TableName=unique)['Streams']] == [arn]


# Streams are listed in pages, all of them or a table's.
def test_list(ddb, streams, tables, unique):
    arns = [tables(f'{unique}-{i}', StreamSpecification=spec('KEYS_ONLY'))['LatestStreamArn'] for i in range(3)]
    found, more = [], {}
    while True:
        page = streams.list_streams(Limit=1, **more)
        assert len(page['Streams']) <= 1
        found += page['Streams']
        if 'LastEvaluatedStreamArn' not in page:
            break
        more = {'ExclusiveStartStreamArn': page['LastEvaluatedStreamArn']}
    assert set(arns) <= {row['StreamArn'] for row in found}
    assert len({row['StreamArn'] for row in found}) == len(found)
    own = streams.list_streams(TableName=f'{unique}-1')
    assert own['Streams'] == [{'StreamArn': arns[1], 'TableName': f'{unique}-1', 'StreamLabel': arns[1][-23:]}]
    tables(unique)
    assert streams.list_streams(TableName=unique)['Streams'] == []


# What UpdateTable refuses of streams.
def test_update_rules(ddb, table, tables, unique):
    table('KEYS_ONLY')
    for view in ('KEYS_ONLY', 'NEW_IMAGE'):
        invalid(f'Table already has an enabled stream: TableName: {unique}', ddb.update_table, TableName=unique,
                StreamSpecification=spec(view))
    tables(f'{unique}-without')
    invalid(f'Table has no stream to disable: TableName: {unique}-without', ddb.update_table,
            TableName=f'{unique}-without', StreamSpecification={'StreamEnabled': False})


# Names that stand for nothing, and things that are none.
def test_refused_names(streams, table, unique):
    arn = table()
    shard = describe(streams, arn)['Shards'][0]['ShardId']
    absent = arn[:-23] + '2016-01-02T03:04:05.678'
    missing = f'Requested resource not found: Stream: {absent} not found'
    refused(NOT_FOUND, missing, streams.describe_stream, StreamArn=absent)
    refused(NOT_FOUND, missing, streams.get_shard_iterator, StreamArn=absent, ShardId=shard, ShardIteratorType='LATEST')
    refused(NOT_FOUND, 'Requested resource not found: Shard does not exist', streams.get_shard_iterator, StreamArn=arn,
            ShardId='shardId-00000001414576573621-f55eea83', ShardIteratorType='LATEST')
    refused(NOT_FOUND, f'Requested resource not found: Table: {unique}-absent not found', streams.list_streams,
            TableName=f'{unique}-absent')
    for bad in ('x' * 50, arn[:-1], arn.rpartition('/stream/')[0] + ' ' * 20, arn.replace('dynamodb', 'kinesis')):
        invalid('Invalid StreamArn', streams.describe_stream, StreamArn=bad)
        invalid('Invalid StreamArn', streams.list_streams, ExclusiveStartStreamArn=bad)


# A sequence number goes with the two kinds of iterator that want one, and must lie in the shard.
def test_refused_sequence_numbers(ddb, streams, table, unique):
    arn = table()
    ddb.put_item(TableName=unique, Item={'p': s('k')})
    number = records(streams, arn)[0]['dynamodb']['SequenceNumber']
    shard = describe(streams, arn)['Shards'][0]
    for how in ('AT_SEQUENCE_NUMBER', 'AFTER_SEQUENCE_NUMBER'):
        invalid(None, iterator, streams, arn, how)
        before = str(int(shard['SequenceNumberRange']['StartingSequenceNumber']) - 10 ** 7)
        other_stream = f'{number[:-4]}{(int(number[-4:]) + 1) % 10000:04}'
        for bad in ('x' * 30, '9' * 21, str(int(number) + 10 ** 16), before, other_stream):
            invalid('Invalid SequenceNumber', iterator, streams, arn, how, SequenceNumber=bad)
    for how in ('TRIM_HORIZON', 'LATEST'):
        invalid(None, iterator, streams, arn, how, SequenceNumber=number)


# Iterators that were made up, cut, changed, or made for another stream are refused; none shows old records.
def test_refused_iterators(ddb, streams, table, tables, unique):
    arn = table()
    ddb.put_item(TableName=unique, Item={'p': s('k')})
    other = tables(f'{unique}-other', StreamSpecification=spec('KEYS_ONLY'))['LatestStreamArn']
    good = iterator(streams, arn)
    place = good[len(arn):]
    middle = len(place) // 2
    changed = place[:middle] + ('A' if place[middle] != 'A' else 'B') + place[middle + 1:]
    for bad in ('x', 'x' * 2000, good[:-1], good[:-4], arn, arn + '|1|', arn + '|2|' + place[3:], arn + changed,
                other + place, good + '=', arn + '|1|' + 'A' * 60):
        invalid('Invalid ShardIterator', streams.get_records, ShardIterator=bad)
    assert len(drain(streams, good)[0]) == 1


# Limits and lengths are checked before anything is looked up.
def test_constraints(service, table):
    arn = table()
    raw = boto3.session.Session().client('dynamodbstreams', **service.how(HOME, parameter_validation=False))
    at_least, at_most = 'Member must have value greater than or equal to 1', 'Member must have value less than or equal to '
    for call, more, most in ((raw.list_streams, {}, 100), (raw.describe_stream, {'StreamArn': arn}, 100),
                             (raw.get_records, {'ShardIterator': 'x'}, 1000)):
        invalid(constraint(0, 'limit', at_least), call, Limit=0, **more)
        invalid(constraint(most + 1, 'limit', f'{at_most}{most}'), call, Limit=most + 1, **more)
    invalid("1 validation error detected: Value null at 'streamArn' failed to satisfy constraint: Member must not be null",
            raw.describe_stream)
    invalid(constraint('short', 'streamArn', 'Member must have length greater than or equal to 37'), raw.describe_stream,
            StreamArn='short')
    invalid("1 validation error detected: Value null at 'shardIterator' failed to satisfy constraint: "
            'Member must not be null', raw.get_records)
    invalid(None, raw.get_shard_iterator, StreamArn=arn, ShardId='shardId-' + '0' * 29, ShardIteratorType='OLDEST')
    status, _, answer = service.wire().send(*signed(service, 'GetRecords', {'ShardIterator': 5}))
    assert (status, kind(answer)) == (400, 'SerializationException')
    status, _, answer = service.wire().send(*signed(service, 'PutRecords', {}))
    assert (status, kind(answer)) == (400, 'UnknownOperationException')


# A write shows exactly once in the stream of each region that holds the table, also one that came there with the copy of
# the table; each stream has its region's ARN, and records say where they were read.
def test_replicas(regions, streams_of, tables, unique):
    arns = {US: tables(unique, region=US, StreamSpecification=STREAM)['LatestStreamArn']}
    for i in range(10):
        regions[US].put_item(TableName=unique, Item={'p': s(f'{i}'), 'v': n(i)})
    tables.adopt(EU, unique)
    regions[US].update_table(TableName=unique, ReplicaUpdates=[{'Create': {'RegionName': EU}}])
    wait_until('the replica', lambda: states(regions[US], unique).get(EU) == 'ACTIVE', 30)
    wait_until('the replica to know', lambda: states(regions[EU], unique).get(US) == 'ACTIVE', 30)
    arns[EU] = wait_active(regions[EU], unique)['LatestStreamArn']
    for i in range(10, 30):
        regions[(US, EU)[i % 2]].put_item(TableName=unique, Item={'p': s(f'{i}'), 'v': n(i)})

    def told_in(region):
        return records(streams_of(region), arns[region])
    for region in (US, EU):
        assert f':{region}:' in arns[region]
        wait_until('all records', lambda region=region: len(told_in(region)) >= 30, 20)
        found = told_in(region)
        assert sorted(int(record['dynamodb']['NewImage']['v']['N']) for record in found) == list(range(30))
        assert {record['eventName'] for record in found} == {'INSERT'}
        assert {record['awsRegion'] for record in found} == {region}
    regions[EU].delete_item(TableName=unique, Key={'p': s('3')})
    wait_until('the delete', lambda: len(told_in(US)) == 31, 20)
    assert told_in(US)[-1]['eventName'] == 'REMOVE' and told_in(US)[-1]['dynamodb']['OldImage']['p'] == s('3')


# An item that expired goes as the service's own doing; one deleted by hand does not.
def test_expiry(ddb, streams, table, unique):
    arn = table('OLD_IMAGE')
    ddb.update_time_to_live(TableName=unique, TimeToLiveSpecification={'Enabled': True, 'AttributeName': 'until'})
    ddb.put_item(TableName=unique, Item={'p': s('by hand')})
    ddb.delete_item(TableName=unique, Key={'p': s('by hand')})
    item = {'p': s('by time'), 'until': n(int(time.time()) - 60)}
    ddb.put_item(TableName=unique, Item=item)
    wait_until('the expiry', lambda: len(records(streams, arn)) == 4, 20)
    found = records(streams, arn)
    assert [record['eventName'] for record in found] == ['INSERT', 'REMOVE', 'INSERT', 'REMOVE']
    assert found[3]['userIdentity'] == {'Type': 'Service', 'PrincipalId': 'dynamodb.amazonaws.com'}
    assert found[3]['dynamodb']['OldImage'] == item
    assert 'userIdentity' not in found[1]


# What the resource layer reads back from a stream is what it wrote.
def test_through_the_resource(service, streams, table, unique):
    arn = table()
    service.resource().Table(unique).put_item(Item={'p': 'k', 'price': decimal.Decimal('12.34'), 'tags': {'x', 'y'}})
    image = records(streams, arn)[0]['dynamodb']['NewImage']
    assert image['price'] == n('12.34') and sorted(image['tags']['SS']) == ['x', 'y']
