#!/usr/bin/python3
"""GetItem and PutItem beside dynalite on disk, on the same cores, in alternating rounds.

usage: throughput.py [--rounds 7] [--seconds 4] [--connections 16]

godwit checks every request's signature and answers a write after it is synced to disk; dynalite (npm, LevelDB) checks
no signature and syncs nothing. Items of about 300 bytes, one load generator for both. A figure is the median of the
rounds' ratios with its quartiles; a round in which dynalite was more than 25 % off its own median says nothing and is
left out. Processor time per request is the servers' own, all threads.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import common  # noqa: E402

KEYS = 10000
REGION = 'us-east-2'
SHAPES = {
    'GetItem': ('--reads', 100),
    'PutItem': ('--reads', 0),
    'half and half': ('--reads', 50),
}
VOID_OFF = 0.25


class Godwit:
    name = 'godwit'

    def __init__(self, folder):
        self.cluster = common.Cluster(folder, regions=(REGION,))
        self.cluster.start()
        self.cluster.create(REGION)
        self.port = self.cluster.at(REGION).port
        self.pid = self.cluster.pid(REGION)

    def load(self, *options):
        return common.run_load(self.port, *options, region=REGION, keys=self.cluster.keys)

    def stop(self):
        self.cluster.stop()


class Dynalite:
    name = 'dynalite'

    def __init__(self, folder):
        script = common.ROOT / 'bench/node_modules/dynalite/cli.js'
        if not script.exists():
            sys.exit('bench: dynalite is missing; install it with: cd bench && npm ci')
        self.port = common.free_port()
        self.process = subprocess.Popen(
            ['node', str(script), '--host', '127.0.0.1', '--port', str(self.port), '--path', str(folder),
             '--createTableMs', '0'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.pid = self.process.pid
        client = common.Client(f'http://127.0.0.1:{self.port}', REGION, ('id', 'secret'))
        common.wait_until('start of dynalite', lambda: self.answers(client), common.PATIENCE_S)
        client.call('CreateTable', TableName=common.TABLE, BillingMode='PAY_PER_REQUEST',
                    KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
                    AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'},
                                          {'AttributeName': 'sk', 'AttributeType': 'N'}])
        common.wait_until('the table', lambda: client.call('DescribeTable', TableName=common.TABLE)['Table'][
            'TableStatus'] == 'ACTIVE', common.PATIENCE_S)
        client.close()

    @staticmethod
    def answers(client):
        try:
            return client.call('ListTables')
        except OSError:
            return None

    def load(self, *options):
        return common.run_load(self.port, *options)

    def stop(self):
        self.process.terminate()
        self.process.wait()


def measure(server, options, seconds, connections):
    before = common.cpu_s(server.pid)
    result = server.load('--seconds', seconds, '--connections', connections, '--keys', KEYS, *options)
    if result['refused'] or result['unknown'] or result['found'] != result['reads']:
        sys.exit(f'bench: {server.name} did not do what was asked: {result}')
    used = common.cpu_s(server.pid) - before
    return {'per_second': result['per_second'], 'cpu_us': used * 1e6 / result['done'],
            'read_us': result['read_us'], 'write_us': result['write_us']}


def summary(rounds):
    """Ratios of one shape's rounds, those left out that say nothing."""
    middle = common.quartiles([r['dynalite']['per_second'] for r in rounds])[1]
    valid = [r for r in rounds if abs(r['dynalite']['per_second'] / middle - 1) <= VOID_OFF] or rounds
    low, ratio, high = common.quartiles([r['godwit']['per_second'] / r['dynalite']['per_second'] for r in valid])
    found = {'ratio': ratio, 'ratio_q1': low, 'ratio_q3': high, 'rounds': len(valid), 'void': len(rounds) - len(valid)}
    for name in ('godwit', 'dynalite'):
        found[name] = {what: common.quartiles([r[name][what] for r in valid])[1] for what in ('per_second', 'cpu_us')}
    return found


def run(rounds, seconds, connections):
    with tempfile.TemporaryDirectory(prefix='godwit-bench-') as folder:
        servers = [start(pathlib.Path(folder) / start.name) for start in (Godwit, Dynalite)]
        try:
            for server in servers:
                server.load('--requests', KEYS, '--keys', KEYS, '--in-order')
                measure(server, ('--reads', 50), 1, connections)
            found = {shape: [] for shape in SHAPES}
            for _ in range(rounds):
                for shape, options in SHAPES.items():
                    found[shape].append({s.name: measure(s, options, seconds, connections) for s in servers})
        finally:
            for server in servers:
                server.stop()
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--seconds', type=int, default=4)
    parser.add_argument('--connections', type=int, default=16)
    args = parser.parse_args()
    print(f'throughput: {args.connections} connections, items of about 300 bytes, {args.rounds} alternating rounds of '
          f'{args.seconds} s')
    found = run(args.rounds, args.seconds, args.connections)
    print(f'  {"":15}{"godwit/s":>10}{"dynalite/s":>12}{"ratio":>8}  {"quartiles":<14}{"CPU us/request":>16}')
    result = {shape: {**summary(rounds), 'all': rounds} for shape, rounds in found.items()}
    for shape, row in result.items():
        print(f'  {shape:15}{row["godwit"]["per_second"]:10.0f}{row["dynalite"]["per_second"]:12.0f}'
              f'{row["ratio"]:8.2f}  {row["ratio_q1"]:.2f} - {row["ratio_q3"]:<7.2f}'
              f'{row["godwit"]["cpu_us"]:7.0f} / {row["dynalite"]["cpu_us"]:.0f}'
              + (f'  ({row["void"]} rounds void)' if row['void'] else ''))
    common.save('throughput', result)
    return 0


if __name__ == '__main__':
    sys.exit(main())
