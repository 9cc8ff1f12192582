#!/usr/bin/python3
"""Kills regions under writes, again and again, and proves each time that nothing acknowledged was lost.

usage: chaos.py [--kills 50] [--rate 2000] [--regions 3] [--seed N] [--all] [--folder DIR] [--json]

Each round writes into two regions at the given rate altogether, kills a random region (--all: every region at once) at
a random moment by SIGKILL, starts it again while the writes go on, ends the writes, waits until all regions are equal,
and reads every write of the round back from the killed region. Needs build/godwit and build/bench/load.
"""
import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile

sys.dont_write_bytecode = True
from harness import US, EU, Cluster, Ledger, REGIONS  # noqa: E402

NAMES = REGIONS + ('us-west-1', 'ap-south-1')
CONTESTED_KEYS = 40
CONNECTIONS = 8
RESTART_MS_BAR = 2000  # reported, never judged: a busy machine is no fault


class Chaos:
    def __init__(self, cluster, rate, rng, say=print):
        self.cluster, self.rate, self.rng, self.say = cluster, rate, rng, say
        self.acked = self.unknown = self.refused = self.kills = self.contested = 0
        self.wrong, self.restart_ms, self.rates = [], [], []

    def loads(self, name):
        """Writers of keys of their own in two regions, and writers in both that fight over the same few keys."""
        each = ('--connections', CONNECTIONS, '--rate', self.rate // 2, '--ring', 100, '--timeout-ms', 3000)
        own = [self.cluster.load(region, f'{name}-{region}', *each) for region in (US, EU)]
        shared = [self.cluster.load(region, f'{name}-{region}-shared', '--connections', 2, '--rate', 50, '--keys',
                                    CONTESTED_KEYS, '--seed', self.rng.randrange(1000000), '--timeout-ms', 3000)
                  for region in (US, EU)]
        return own, shared

    def round(self, name, victims):
        own, shared = self.loads(name)
        moment = self.rng.randrange(self.rate // 8, self.rate)
        survivor = next((load for load in own if load.region not in victims), own[0])
        survivor.wait_for(moment)
        self.cluster.kill(*victims)
        if survivor.region not in victims:
            survivor.wait_for(self.rng.randrange(1, self.rate // 4))
        restart_ms = [self.cluster.start_region(victim) for victim in victims]
        survivor.wait_for(self.rng.randrange(self.rate // 8, self.rate // 2))
        results = [load.stop() for load in own]
        self.contested += sum(load.stop()['writes'] for load in shared)
        self.cluster.wait_equal()
        self.cluster.verify()
        ledger = Ledger(*(load.log for load in own))
        wrong = ledger.judge(self.cluster.at(victims[0]))
        rate = sum(result['per_second'] for result in results)
        self.say(f'{name}: killed {" ".join(victims)}, restart {max(restart_ms):.0f} ms, {ledger.acked} acknowledged, '
                 f'{ledger.unknown} unknown, {len(wrong)} lost, verify equal, {rate:.0f} writes/s')
        for sentence in wrong[:5]:
            self.say(f'  {sentence}')
        self.kills += len(victims)
        self.acked += ledger.acked
        self.unknown += ledger.unknown
        self.refused += ledger.refused
        self.wrong += wrong
        self.rates.append(rate)
        self.restart_ms += restart_ms

    def run(self, kills, everyone=False):
        number = 0
        while self.kills < kills:
            number += 1
            victims = self.cluster.regions if everyone else (self.rng.choice(self.cluster.regions),)
            self.round(f'r{number}', victims)

    def result(self):
        return {'kills': self.kills, 'acknowledged': self.acked, 'unknown': self.unknown, 'refused': self.refused,
                'contested': self.contested, 'lost': len(self.wrong), 'verified': len(self.rates),
                'writes_per_s_median': round(statistics.median(self.rates)),
                'restart_ms_median': round(statistics.median(self.restart_ms)),
                'restart_ms_max': round(max(self.restart_ms))}

    def sentence(self):
        """The same for people, with the bar for restarts."""
        slow = sum(ms >= RESTART_MS_BAR for ms in self.restart_ms)
        return (f'{self.kills} kills, {self.acked} writes acknowledged, {len(self.wrong)} lost, {self.unknown} unknown; '
                f'restart {statistics.median(self.restart_ms):.0f} ms in the median, {max(self.restart_ms):.0f} at most '
                f'(bar: under {RESTART_MS_BAR}; {slow} of {len(self.restart_ms)} missed it)')


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--kills', type=int, default=50)
    parser.add_argument('--rate', type=int, default=2200)
    parser.add_argument('--regions', type=int, default=3, choices=range(2, 6))
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(1000000))
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--folder')
    parser.add_argument('--json', action='store_true')
    args = parser.parse_args()
    folder = args.folder or tempfile.mkdtemp(prefix='godwit-chaos-')
    print(f'chaos: seed {args.seed}, data in {folder}', flush=True)

    def say(text):
        print(text, flush=True)
    with Cluster(folder, regions=NAMES[:args.regions]) as cluster:
        cluster.make_table()
        chaos = Chaos(cluster, args.rate, random.Random(args.seed), say)
        chaos.run(args.kills, args.all)
    result = chaos.result()
    print(json.dumps(result) if args.json else ', '.join(f'{name} {value}' for name, value in result.items()))
    if not args.folder and not chaos.wrong:
        shutil.rmtree(folder)
    return 1 if chaos.wrong else 0


if __name__ == '__main__':
    sys.exit(main())
