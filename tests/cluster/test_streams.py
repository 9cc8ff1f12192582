"""Streams of real regions under load: every consumer sees each change exactly once per region, in key order, over
crashes and shards that roll."""
import collections
import http.client
import json
import os
import threading

from harness import EU, PATIENCE_S, TABLE, US, Answer, Ledger, wait_until

SOAK = os.environ.get('GODWIT_SOAK') == '1'
# Nothing came: the connection broke, or the region is down and its neighbour says so.
BROKEN = (OSError, http.client.HTTPException)


def plain(image):
    return image and hash(json.dumps(image, sort_keys=True))


class Record(collections.namedtuple('Record', 'number event key old new seq')):
    """What the judge wants of a record, for there are many."""

    @classmethod
    def of(cls, record):
        told, image = record['dynamodb'], record['dynamodb'].get('NewImage')
        return cls(told['SequenceNumber'], record['eventName'], (told['Keys']['pk']['S'], int(told['Keys']['sk']['N'])),
                   plain(told.get('OldImage')), plain(image), int(image['seq']['N']) if image else None)


class Consumer(threading.Thread):
    """Reads one region's stream of the table from its beginning, parents before children. When the region is away it
    waits, and goes on behind the last record it saw, by its sequence number."""

    def __init__(self, cluster, region):
        super().__init__(daemon=True)
        self.cluster, self.region = cluster, region
        self.arn = cluster.at(region).call('DescribeTable', TableName=TABLE)['Table']['LatestStreamArn']
        self.client = cluster.fresh(region, timeout=5)
        self.records, self.shards, self.resumed, self.error = [], [], 0, None
        self.closing, self.pause = threading.Event(), threading.Event()

    def ask(self, operation, **request):
        return self.client.send(f'DynamoDBStreams_20120810.{operation}', request)

    def run(self):
        try:
            while not self.read():
                self.resumed += 1
                self.client.close()
                self.pause.wait(0.02)
        except BaseException as error:  # shown by the test
            self.error = error

    def read(self):
        """Reads on until told to end and at the end, which is True; False when the region went away."""
        try:
            while True:
                shard = self.current()
                if self.read_shard(shard):
                    return True
                self.shards.append(shard['ShardId'])
        except BROKEN:
            return False
        except Answer as answer:
            if answer.status < 500:
                raise
            return False

    def current(self):
        """The shard after the last one that was read to its end."""
        known = self.ask('DescribeStream', StreamArn=self.arn)['StreamDescription']['Shards']
        if not self.shards:
            return known[0]
        child = [shard for shard in known if shard.get('ParentShardId') == self.shards[-1]]
        assert len(child) == 1, f'{self.shards[-1]} has {len(child)} children'
        return child[0]

    def read_shard(self, shard):
        """False at the end of the shard, True when told to end and nothing more is there."""
        last = self.records[-1].number if self.records else '0'
        start = shard['SequenceNumberRange']['StartingSequenceNumber']
        how = dict(ShardIteratorType='TRIM_HORIZON') if last < start else dict(
            ShardIteratorType='AFTER_SEQUENCE_NUMBER', SequenceNumber=last)
        at = self.ask('GetShardIterator', StreamArn=self.arn, ShardId=shard['ShardId'], **how)['ShardIterator']
        while at:
            closing = self.closing.is_set()
            page = self.ask('GetRecords', ShardIterator=at)
            self.records += [Record.of(record) for record in page['Records']]
            at = page.get('NextShardIterator')
            if at and not page['Records']:
                if closing:
                    return True
                self.pause.wait(0.01)
        return False

    def end(self):
        self.closing.set()
        seen = -1
        while self.is_alive() and seen < len(self.records):
            seen = len(self.records)
            self.join(PATIENCE_S)
        assert not self.is_alive()
        if self.error:
            raise self.error


def judge(consumer, ledger, cluster):
    """Sentences about what a consumer was told wrongly."""
    wrong, copy, told = [], {}, collections.Counter()
    numbers = [record.number for record in consumer.records]
    if any(one >= other for one, other in zip(numbers, numbers[1:])):
        wrong.append('sequence numbers do not grow')
    for record in consumer.records:
        before = copy.get(record.key, (None, None))
        if (record.event == 'INSERT') != (record.key not in copy):
            wrong.append(f'{record.key}: {record.event} over {before}')
        if record.old != before[0]:
            wrong.append(f'{record.key}: the image before is not the one told last')
        copy[record.key] = record.new, record.seq
        told[record.key, record.seq] += 1
    wrong += [f'{change}: told {times} times' for change, times in told.items() if times > 1]
    wrong += [f'{key}: {seq} was told and never written' for key, seq in told if seq not in ledger.possible.get(key, ())]
    wrong += [f'{key}: {seq} was acknowledged and not told' for key, seq in ledger.changes if not told[key, seq]]
    held = {(item['pk']['S'], int(item['sk']['N'])): int(item['seq']['N'])
            for item in cluster.fresh(consumer.region).scan()}
    if held != {key: seq for key, (_, seq) in copy.items()}:
        wrong.append('the copy is not the table')
    return wrong


class Changes(Ledger):
    """A ledger that knows every acknowledged write, not only the last of each key."""

    def __init__(self, *logs):
        self.changes = []
        super().__init__(*logs)

    def add(self, log):
        super().add(log)
        with open(log, encoding='ascii') as lines:
            rows = [line.split() for line in lines]
        self.changes += [((pk, int(sk)), int(seq)) for mark, pk, sk, seq in rows if mark == '=']


def take(load, more):
    """Returns after so many more writes, however long they take as long as they go on."""
    for _ in range(20):
        load.wait_for(more // 20)


# Two regions take writes at once, each over and over to its own keys; one is killed and comes back meanwhile, and shards
# roll all the time. In each region a consumer is told each change of both exactly once, with the images before and after
# as they were, and what it was told adds up to the table.
def test_f18_f55_o4_streams_under_load(make, report):
    cluster = make(regions=(US, EU), options=('--delay', '10'))
    for region in cluster.regions:
        cluster.configure(region, stream__shard_ms=1000)
    cluster.kill(US, EU)
    for region in cluster.regions:
        cluster.start_region(region)
    cluster.wait_met()
    cluster.make_table()
    rate, writes = (1000, 30000) if SOAK else (300, 900)
    consumers = [Consumer(cluster, region) for region in cluster.regions]
    for consumer in consumers:
        consumer.start()
    loads = [cluster.load(region, region, '--connections', 8, '--rate', rate, '--ring', 50, '--timeout-ms', 3000)
             for region in cluster.regions]
    take(loads[0], writes)
    cluster.kill(EU)
    take(loads[0], writes // 2)
    cluster.start_region(EU)
    for load in loads:
        take(load, writes // 2)
    results = [load.stop() for load in loads]
    cluster.wait_equal()
    for consumer in consumers:
        consumer.end()
    ledger = Changes(*(load.log for load in loads))
    wrong = {consumer.region: judge(consumer, ledger, cluster) for consumer in consumers}
    report(', '.join(f'{load.region} took {result["writes"]} writes at {result["per_second"]:.0f}/s'
                     for load, result in zip(loads, results)) +
           f', {len(ledger.changes)} changes acknowledged, {EU} killed once')
    for consumer in consumers:
        report(f'the consumer in {consumer.region} was told {len(consumer.records)} records in {len(consumer.shards)} '
               f'shards, resumed {consumer.resumed} times, {len(wrong[consumer.region])} told wrongly')
    assert ledger.acked > 2 * writes
    for consumer in consumers:
        assert not wrong[consumer.region][:10], consumer.region
        assert len(consumer.shards) >= 2
    assert consumers[1].resumed > 0


# What is older than the retention goes: an iterator that stands there is told so, one that asks for the oldest begins at
# what is left, and a stream that was turned off is gone in the end.
def test_f57_trimmed(make):
    cluster = make(regions=(US,))
    cluster.configure(US, stream__retention_ms=1500, stream__shard_ms=200)
    cluster.kill(US)
    cluster.start_region(US)
    cluster.create(US)
    client = cluster.at(US)
    consumer = Consumer(cluster, US)
    client.put('first', 0)
    shard = consumer.current()['ShardId']
    old = consumer.ask('GetShardIterator', StreamArn=consumer.arn, ShardId=shard, ShardIteratorType='TRIM_HORIZON')
    assert consumer.ask('GetRecords', **old)['Records']
    number = [0]

    def trimmed():
        number[0] += 1
        client.put('later', number[0])
        try:
            consumer.ask('GetRecords', **old)
            return False
        except Answer as answer:
            assert 'TrimmedDataAccessException' in answer.body
            return True
    wait_until('the oldest to go', trimmed, PATIENCE_S)
    oldest = consumer.current()
    assert oldest['ShardId'] > shard and 'ParentShardId' in oldest
    at = consumer.ask('GetShardIterator', StreamArn=consumer.arn, ShardId=oldest['ShardId'],
                      ShardIteratorType='TRIM_HORIZON')
    left = consumer.ask('GetRecords', **at)['Records']
    assert left and left[0]['dynamodb']['Keys']['pk'] == {'S': 'later'}
    client.call('UpdateTable', TableName=TABLE, StreamSpecification={'StreamEnabled': False})
    assert consumer.ask('DescribeStream', StreamArn=consumer.arn)['StreamDescription']['StreamStatus'] == 'DISABLED'

    def gone():
        try:
            consumer.ask('DescribeStream', StreamArn=consumer.arn)
            return False
        except Answer as answer:
            assert 'ResourceNotFoundException' in answer.body
            return True
    wait_until('the stream to go', gone, PATIENCE_S)
    assert consumer.ask('ListStreams', TableName=TABLE)['Streams'] == []
