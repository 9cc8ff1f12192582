#!/usr/bin/python3
"""Three regions on this machine, and the flights application on them with AWS's own clients.

usage: demo.py [--binary FILE] [--keep DIR]

Starts a development cluster on free ports, runs the story step by step and checks each step: the exit code is 0 only if
all of them held. Nothing stays behind, neither processes nor files, unless --keep names a directory for the data.
"""
import argparse
import pathlib
import shutil
import signal
import statistics
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tools'), str(ROOT / 'demo')]
import flights  # noqa: E402
from boto3.dynamodb.conditions import Key  # noqa: E402
from botocore.exceptions import BotoCoreError, ClientError  # noqa: E402
from devcluster import ONE_WAY_MS, REGIONS, DevCluster, DevError, wait_until  # noqa: E402
from narrator import Narrator, number  # noqa: E402

TABLE = 'flights'
FLIGHTS = 2500
US, EU, AP = REGIONS
KEYS = ('--attribute-definitions', 'AttributeName=flight_id,AttributeType=N',
        'AttributeName=airlines_name,AttributeType=S',
        '--key-schema', 'AttributeName=flight_id,KeyType=HASH', 'AttributeName=airlines_name,KeyType=RANGE')
SETTINGS = ('--provisioned-throughput', 'ReadCapacityUnits=30,WriteCapacityUnits=30',
            '--stream-specification', 'StreamEnabled=true,StreamViewType=NEW_AND_OLD_IMAGES')
# How long anything may take on a busy machine before the step is said to have failed.
PATIENCE_S = 60
LAG_SAMPLES = 20


class StepFailed(Exception):
    """Something that the step promised does not hold."""


def check(holds, what):
    if not holds:
        raise StepFailed(what)


def key_of(flight):
    return {'flight_id': flight['flight_id'], 'airlines_name': flight['airlines_name']}


def written(item):
    """The item without the three attributes in which a global table tells which region wrote it, and when."""
    return item and {name: item[name] for name in item if not name.startswith('aws:rep:')}


class Writer(threading.Thread):
    """Puts new flights into one region, one after the other, until told to stop or the region is gone."""

    def __init__(self, table, first):
        super().__init__(daemon=True)
        self.table, self.next, self.acked, self.ended_by = table, first, [], None
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            flight = flights.flight(self.next)
            self.next += 1
            try:
                self.table.put_item(Item=flight)
            except (BotoCoreError, ClientError) as error:
                self.ended_by = error
                return
            self.acked.append(flight)

    def stop(self):
        self.stopping.set()
        self.join()


class Demo:
    def __init__(self, cluster, say):
        self.cluster, self.say = cluster, say
        self.flights = flights.flights(FLIGHTS)
        self.lags = {}

    def open_clients(self):
        status = self.cluster.tool_json('status')['regions']
        self.names = {row['status']['id']: row['region'] for row in status}
        self.tables = {region: self.cluster.resource(region).Table(TABLE) for region in REGIONS}

    # -- small tools --

    def aws(self, region, *args):
        """Runs the AWS CLI against the region's own endpoint and shows the command."""
        self.say.command('aws', 'dynamodb', *args, '--region', region, '--endpoint-url', self.cluster.urls[region])
        return self.cluster.aws_json(*args, region=region)

    def seats(self, region, flight, **how):
        item = self.tables[region].get_item(Key=key_of(flight), **how).get('Item')
        return None if item is None else int(item['seats'])

    def set_seats(self, region, flight, seats):
        return self.tables[region].update_item(
            Key=key_of(flight), UpdateExpression='SET seats = :seats, updated_in = :region',
            ExpressionAttributeValues={':seats': seats, ':region': region}, ReturnValues='UPDATED_NEW')

    def count(self, region):
        """Items by Scan, page after page; every item is read."""
        table, total, page = self.tables[region], 0, {}
        while True:
            page = table.scan(**({'ExclusiveStartKey': page['LastEvaluatedKey']} if page else {}))
            total += page['Count']
            if 'LastEvaluatedKey' not in page:
                return total

    def wait_replicas(self, region, wanted):
        def all_active():
            rows = self.cluster.client(region).describe_global_table(GlobalTableName=TABLE)['GlobalTableDescription']
            states = {row['RegionName']: row.get('ReplicaStatus', 'ACTIVE') for row in rows['ReplicationGroup']}
            done = set(states) == set(wanted) and set(states.values()) == {'ACTIVE'}
            return rows if done and rows['GlobalTableStatus'] == 'ACTIVE' else None
        return wait_until(f'replicas of {TABLE}', all_active, PATIENCE_S)

    # -- the story --

    def start(self):
        self.say.step('Start three regions')
        began = time.monotonic()
        self.cluster.start()
        took = time.monotonic() - began
        self.open_clients()
        for row in sorted(self.cluster.processes(), key=lambda row: REGIONS.index(row['region'])):
            self.say.line(f'{row["region"]:15} {row["url"]}   process {row["pid"]}')
        for pair, ms in ONE_WAY_MS.items():
            self.say.line(f'{" – ".join(r for r in REGIONS if r in pair):28} {ms:4} ms one way')
        self.say.line('The delays are what an ocean costs: godwit holds messages between regions back that long.')
        self.say.good(f'All three answer, and hear each other, after {took:.1f} s.')

    def create(self):
        self.say.step(f'Create the table {TABLE} in {US} and in {EU}')
        for region in (US, EU):
            made = self.aws(region, 'create-table', '--table-name', TABLE, *KEYS, *SETTINGS)['TableDescription']
            check(made['TableArn'].startswith(f'arn:aws:dynamodb:{region}:'), f'the table is made in {region}')
            self.aws(region, 'wait', 'table-exists', '--table-name', TABLE)
            made = self.cluster.client(region).describe_table(TableName=TABLE)['Table']
            check(made['TableStatus'] == 'ACTIVE', 'the table is ACTIVE')
            view = made['StreamSpecification']['StreamViewType']
            check(view == 'NEW_AND_OLD_IMAGES', 'it has a stream of both images')
            check(made['ProvisionedThroughput']['WriteCapacityUnits'] == 30, 'it has 30 write units')
        self.say.good('Two tables of the same name. They do not know of each other yet.')

    def join(self):
        self.say.step('Join the two tables to one global table')
        self.aws(US, 'create-global-table', '--global-table-name', TABLE, '--replication-group',
                 f'RegionName={US}', f'RegionName={EU}')
        self.wait_replicas(US, (US, EU))
        self.wait_replicas(EU, (US, EU))
        seen = self.aws(EU, 'describe-global-table', '--global-table-name', TABLE)['GlobalTableDescription']
        for replica in sorted(seen['ReplicationGroup'], key=lambda row: row['RegionName'], reverse=True):
            self.say.line(f'{replica["RegionName"]:15} {replica.get("ReplicaStatus", "ACTIVE")}')
        check({row['RegionName'] for row in seen['ReplicationGroup']} == {US, EU}, 'both regions are listed')
        self.say.good(f'{seen["GlobalTableArn"]} is {seen["GlobalTableStatus"]}.')

    def load(self):
        self.say.step(f'Load {number(FLIGHTS)} flights in {US} through boto3')
        began = time.monotonic()
        bar = self.say.progress('flights', FLIGHTS)
        with self.tables[US].batch_writer() as batch:
            for done, flight in enumerate(self.flights, 1):
                batch.put_item(Item=flight)
                bar(done)
        self.loaded_at = time.monotonic()
        took = self.loaded_at - began
        check(self.count(US) == FLIGHTS, f'{US} counts {FLIGHTS}')
        self.say.good(f'Acknowledged and on disk in {took:.1f} s, {number(FLIGHTS / took)} flights a second.')

    def count_there(self):
        self.say.step(f'Count them in {EU} by Scan')
        first = self.count(EU)
        wait_until(f'{number(FLIGHTS)} flights in {EU}', lambda: self.count(EU) == FLIGHTS, PATIENCE_S)
        if first == FLIGHTS:
            self.say.good(f'{number(first)} in {EU} at the first count.')
        else:
            waited = time.monotonic() - self.loaded_at
            self.say.good(f'{number(first)} at first; all {number(FLIGHTS)} {waited:.2f} s after the last was loaded.')

    def query(self):
        self.say.step(f'Query ten flights in {EU}')
        for flight in self.flights[99::250]:
            answer = self.tables[EU].query(
                KeyConditionExpression=Key('flight_id').eq(flight['flight_id']) & Key('airlines_name').begins_with(
                    flight['airlines_name'][:3]))
            check([written(item) for item in answer['Items']] == [flight],
                  f'flight {flight["flight_id"]} is exactly what was written')
            item = answer['Items'][0]
            way, when = f'{item["origin"]} to {item["destination"]}', item['departure'].replace('T', ' ')
            self.say.line(f'{item["flight_id"]:5}  {item["airlines_name"]:18}  {way}  {when}  {item["seats"]:3} seats  '
                          f'{item["price"]:7} USD')
        self.say.good(f'All ten are, attribute by attribute, what was written in {US}.')

    def measure_lag(self, here, there, samples=LAG_SAMPLES):
        """Milliseconds from the acknowledgement of a write here until a read there sees it."""
        lags = []
        for flight in self.flights[:samples]:
            seats = (self.seats(here, flight) + 7) % 400
            self.set_seats(here, flight, seats)
            acked = time.monotonic()
            wait_until(f'seats of flight {flight["flight_id"]} in {there}',
                       lambda flight=flight, seats=seats: self.seats(there, flight) == seats, PATIENCE_S)
            lags.append((time.monotonic() - acked) * 1000)
        self.lags[here, there] = statistics.median(lags)
        one_way = ONE_WAY_MS[frozenset((here, there))]
        # A message cannot overtake its delay; the acknowledgement may leave a moment after the message.
        check(self.lags[here, there] > 0.8 * one_way, f'a lag below {one_way} ms would mean no delay was injected')
        return self.lags[here, there]

    def update(self):
        self.say.step('Sell seats in one region, look in the other at once and after the lag')
        for here, there, flight in ((US, EU, self.flights[41]), (EU, US, self.flights[42])):
            before = self.seats(there, flight)
            self.set_seats(here, flight, before - 2)
            began = time.monotonic()
            local, remote = self.seats(here, flight), self.seats(there, flight)
            at_once = (time.monotonic() - began) * 1000
            check(local == before - 2, f'{here} reads its own write')
            one_way = ONE_WAY_MS[frozenset((here, there))]
            check(remote == before or at_once > one_way, f'{there} cannot know before {one_way} ms')
            wait_until(f'the seats in {there}', lambda there=there, flight=flight, before=before:
                       self.seats(there, flight) == before - 2, PATIENCE_S)
            self.say.line(f'flight {flight["flight_id"]}: {before} seats become {local} in {here}; '
                          f'{there} says {remote} at once, then {self.seats(there, flight)}')
            lag = self.measure_lag(here, there)
            self.say.good(f'{here} to {there}: {lag:.1f} ms, median of {LAG_SAMPLES}; '
                          f'the injected delay is {one_way} ms.')

    def write_against(self, first, second, flight):
        """Both regions change the flight before either can have heard of the other's change. Returns the time between
        the two in milliseconds."""
        one_way = ONE_WAY_MS[frozenset((first, second))]
        for _ in range(20):
            self.set_seats(first, flight, 111)
            began = time.time()
            wait_until('the next millisecond', lambda began=began: time.time() - began > 0.002, 1)
            self.set_seats(second, flight, 222)
            apart = (time.time() - began) * 1000
            if apart < one_way / 2:
                return apart
        raise StepFailed('this machine is too busy to write to two regions at once')

    def conflict(self):
        self.say.step('Change the same five flights in both regions at once')
        contested = self.flights[200:205]
        before = len(self.conflicts())
        for i, flight in enumerate(contested):
            first, second = (US, EU) if i % 2 == 0 else (EU, US)
            apart = self.write_against(first, second, flight)
            wait_until(f'agreement on flight {flight["flight_id"]}', lambda flight=flight, second=second: all(
                self.tables[region].get_item(Key=key_of(flight))['Item'].get('updated_in') == second
                and self.seats(region, flight) == 222 for region in (US, EU)), PATIENCE_S)
            self.say.line(f'flight {flight["flight_id"]}: 111 seats in {first}, {apart:.0f} ms later 222 in {second}; '
                          f'now 222 in both')
        wait_until('the conflict log', lambda: len(self.conflicts()) >= before + len(contested), PATIENCE_S)
        self.say.command('godwit', 'conflicts', TABLE)
        for entry in self.conflicts()[:len(contested)]:
            kept, lost = (f'{side["item"]["M"]["seats"]["N"]} seats of {self.names[side["region"]["S"]]} '
                          f'({side["written"]["S"][11:23]})' for side in (entry['winner']['M'], entry['loser']['M']))
            self.say.line(f'flight {entry["key"]["M"]["flight_id"]["N"]}: kept {kept}, set aside {lost}')
        self.say.good('The last writer won in both regions, and every loser is kept in the conflict log.')

    def conflicts(self):
        """What the conflict log says, the latest first."""
        rows = self.cluster.tool_json('conflicts', TABLE, '--limit', '1000')['conflicts']
        return [row['entry'] for row in rows]

    def add_region(self):
        self.say.step(f'Add {AP} to the live table')
        self.say.line('A global table of version 2017.11.29 takes in only a table that exists there and is empty.')
        self.aws(AP, 'create-table', '--table-name', TABLE, *KEYS, *SETTINGS)
        self.aws(AP, 'wait', 'table-exists', '--table-name', TABLE)
        check(self.count(AP) == 0, 'the new table is empty')
        writer = Writer(self.tables[EU], first=10001)
        writer.start()
        try:
            began = time.monotonic()
            self.aws(US, 'update-global-table', '--global-table-name', TABLE, '--replica-updates',
                     f'Create={{RegionName={AP}}}')
            bar = self.say.progress(f'flights in {AP}', FLIGHTS)
            wait_until(f'backfill of {AP}', lambda: bar(min(self.count(AP), FLIGHTS)) == FLIGHTS, PATIENCE_S)
            took = time.monotonic() - began
            self.wait_replicas(US, REGIONS)
        finally:
            writer.stop()
        check(writer.ended_by is None, f'writes in {EU} went on all the time: {writer.ended_by}')
        check(len(writer.acked) > 0, f'{EU} took writes meanwhile')
        total = FLIGHTS + len(writer.acked)
        wait_until(f'{total} flights in every region',
                   lambda: all(self.count(region) == total for region in REGIONS), PATIENCE_S)
        self.say.good(f'{AP} has every flight {took:.1f} s after the command, and the {len(writer.acked)} that {EU} '
                      'wrote meanwhile.')
        for there in (US, EU):
            lag = self.measure_lag(AP, there, samples=10)
            one_way = ONE_WAY_MS[frozenset((AP, there))]
            self.say.good(f'{AP} to {there}: {lag:.1f} ms; the injected delay is {one_way} ms.')

    def crash(self):
        self.say.step(f'kill -9 {EU} during writes')
        here, there = Writer(self.tables[US], first=20001), Writer(self.tables[EU], first=30001)
        here.start()
        there.start()
        try:
            wait_until('writes in both regions', lambda: min(len(here.acked), len(there.acked)) >= 200, PATIENCE_S)
            pid = self.cluster.kill_region(EU)
            there.join(PATIENCE_S)
            check(there.ended_by is not None, f'{EU} is gone')
            survived_at = len(here.acked)
            self.say.line(f'Process {pid} is dead. {EU} had acknowledged {number(len(there.acked))} new flights.')
            wait_until(f'{US} going on alone', lambda: here.ended_by or len(here.acked) >= survived_at + 500,
                       PATIENCE_S)
            check(here.ended_by is None, f'{US} goes on: {here.ended_by}')
            self.say.line(f'{US} goes on: {number(len(here.acked) - survived_at)} more flights since.')
            missed = here.acked[-1]
            began = time.monotonic()
            self.say.command('godwit', 'dev', 'start', EU)
            self.cluster.tool('dev', 'start', EU)
            wait_until(f'{EU} answering', lambda: self.answers(EU), PATIENCE_S)
            up = time.monotonic() - began
            wait_until(f'{EU} catching up', lambda: self.seats(EU, missed) is not None, PATIENCE_S)
            caught_up = time.monotonic() - began
        finally:
            here.stop()
            there.stop()
        for flight in there.acked:
            found = self.tables[EU].get_item(Key=key_of(flight)).get('Item')
            check(written(found) == flight, f'flight {flight["flight_id"]}, acknowledged by {EU} before it died, is there')
        self.say.good(f'{EU} answers again after {up:.2f} s and has all {number(len(there.acked))} flights it had '
                      'acknowledged.')
        self.say.good(f'It has what {US} wrote meanwhile {caught_up:.2f} s after it was started.')
        total = self.count(US)
        wait_until('equal counts', lambda: {self.count(region) for region in REGIONS} == {total}, PATIENCE_S)
        self.check_all_there(here.acked, EU)
        self.check_all_there(there.acked, US)
        self.say.good(f'Each region counts {number(total)}; no acknowledged flight is missing anywhere.')

    def check_all_there(self, wanted, region):
        have, page = set(), {}
        while not page or 'LastEvaluatedKey' in page:
            start = {'ExclusiveStartKey': page['LastEvaluatedKey']} if page else {}
            page = self.tables[region].scan(ProjectionExpression='flight_id', **start)
            have.update(int(item['flight_id']) for item in page['Items'])
        lost = [flight['flight_id'] for flight in wanted if flight['flight_id'] not in have]
        check(not lost, f'flights {lost[:5]} are missing in {region}')

    def answers(self, region):
        try:
            return self.seats(region, self.flights[0]) is not None
        except (BotoCoreError, ClientError):
            return False

    def verify(self):
        self.say.step('Prove that all regions are equal')
        self.say.command('godwit', 'verify')
        self.say.quote(self.cluster.tool('verify', timeout=PATIENCE_S))
        self.say.good('Digests over every key and version agree in all three regions.')

    def summary(self):
        self.say.step('Lag measured against the injected one-way delay')
        for (here, there), lag in self.lags.items():
            one_way = ONE_WAY_MS[frozenset((here, there))]
            self.say.line(f'{here:15} to {there:15} {lag:6.1f} ms   delay {one_way:3} ms   {lag / one_way:.2f} times')

    def run(self):
        for part in (self.start, self.create, self.join, self.load, self.count_there, self.query, self.update,
                     self.conflict, self.add_region, self.crash, self.verify, self.summary):
            part()


def log_tails(folder):
    """The last lines of every region's log, for whoever has to find out why."""
    for log in sorted([*pathlib.Path(folder).glob('dev.log'), *pathlib.Path(folder).glob('*/log')]):
        yield f'{log.relative_to(folder)}:'
        yield from (f'    {line}' for line in log.read_text(errors='replace').splitlines()[-8:])


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n\n')[0])
    parser.add_argument('--binary', default=ROOT / 'build/godwit', help='the program (default: build/godwit)')
    parser.add_argument('--keep', metavar='DIR', help='keep the data in DIR')
    args = parser.parse_args()
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signo, interrupt)
    say = Narrator()
    folder = pathlib.Path(args.keep or tempfile.mkdtemp(prefix='godwit-demo-'))
    began = time.monotonic()
    cluster = DevCluster(pathlib.Path(args.binary).resolve(), folder)
    try:
        say.title('godwit: the flights application in three regions on this machine')
        Demo(cluster, say).run()
        say.end(f'Every step held. {time.monotonic() - began:.0f} s.')
        return 0
    except (StepFailed, DevError, ClientError, BotoCoreError) as error:
        say.bad(str(error))
        for line in log_tails(folder):
            say.line(line)
        return 1
    except KeyboardInterrupt:
        say.bad('Interrupted.')
        return 130
    finally:
        cluster.stop()
        if not args.keep:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    sys.exit(main())
