#!/usr/bin/python3
"""Replication lag over the injected one-way delay: from the acknowledgement of a write in one region to the moment
another region serves it.

usage: lag.py [--samples 300] [--regions 2,3] [--background 100] [--delay MS]

A write is acknowledged at a known time; shortly before it can arrive, the other region is asked for it again and again
on one connection, with requests that were signed beforehand. The lag is counted up to the end of the first answer that
has the item, so it is at most one poll too long and never too short; polls take about 0.1 ms. A light load of writes
runs in every region meanwhile. Without --delay the delays are the realistic ones of a development cluster.
"""
import argparse
import json
import os
import pathlib
import socket
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import common  # noqa: E402
from devcluster import ONE_WAY_MS, REGIONS  # noqa: E402

EARLY_S = 0.0015  # before its delay is over, a write cannot be there
QUIET_S = 0.008   # no write begins so shortly before a poll
EVERY_S = 0.02


class Poller:
    """Asks for one key as fast as answers come."""

    def __init__(self, client):
        self.client = client
        self.socket = socket.create_connection((client.host, client.port), timeout=30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, pk, sk):
        body = json.dumps({'TableName': common.TABLE, 'Key': {'pk': {'S': pk}, 'sk': {'N': str(sk)}}}).encode()
        headers = self.client.signed('DynamoDB_20120810.GetItem', body)
        lines = ['POST / HTTP/1.1', f'Host: {self.client.host}:{self.client.port}', f'Content-Length: {len(body)}',
                 *(f'{name}: {value}' for name, value in headers.items()), '', '']
        return '\r\n'.join(lines).encode() + body

    def found(self, request):
        self.socket.sendall(request)
        answer = self.socket.recv(65536)
        if not answer.startswith(b'HTTP/1.1 200'):
            sys.exit(f'bench: a read was refused: {answer!r}')
        return b'"Item"' in answer

    def close(self):
        self.socket.close()


class Direction:
    """Lags of writes from one region to another."""

    def __init__(self, cluster, source, target, delay_s):
        self.name, self.delay_s = f'{source} to {target}', delay_s
        self.writer, self.poller = cluster.fresh(source), Poller(cluster.fresh(target))
        self.pk = f'lag-{source}-{target}'
        self.lags, self.times, self.polls, self.unseen, self.number = [], [], [], 0, 0

    def write(self):
        self.number += 1
        self.writer.put(self.pk, self.number, v='x' * 100)
        return time.monotonic(), self.poller.request(self.pk, self.number)

    def poll(self, acked, request):
        missed, last = False, time.monotonic()
        while True:
            here = self.poller.found(request)
            now = time.monotonic()
            if here:
                break
            missed, last = True, now
        if missed:
            self.lags.append(now - acked)
            self.times.append(now)
            self.polls.append(now - last)
        else:
            self.unseen += 1

    def run(self, samples):
        self.run_while(lambda: len(self.lags) + self.unseen < samples)

    def run_for(self, seconds):
        end = time.monotonic() + seconds
        self.run_while(lambda: time.monotonic() < end)

    def run_while(self, wanted):
        pending, next_write = [], time.monotonic()
        while wanted():
            now = time.monotonic()
            window = pending[0][0] + self.delay_s - EARLY_S if pending else now + 1
            if now >= window:
                self.poll(*pending.pop(0))
            elif now >= next_write and window - now > QUIET_S:
                pending.append(self.write())
                next_write = time.monotonic() + EVERY_S
            else:
                time.sleep(max(0, min(window - now, 0.001)))
        self.writer.close()
        self.poller.close()

    def result(self):
        ratios = [lag / self.delay_s for lag in self.lags]
        return {'delay_ms': self.delay_s * 1000, 'samples': len(ratios), 'unseen': self.unseen,
                'p50': common.percentile(ratios, 0.5), 'p90': common.percentile(ratios, 0.9),
                'p99': common.percentile(ratios, 0.99), 'max': max(ratios),
                'p50_over_ms': (common.percentile(self.lags, 0.5) - self.delay_s) * 1000,
                'p99_over_ms': (common.percentile(self.lags, 0.99) - self.delay_s) * 1000,
                'poll_ms': common.percentile(self.polls, 0.5) * 1000}


def run(regions, samples, background, delay_ms):
    options = () if delay_ms is None else ('--delay', str(delay_ms))
    with tempfile.TemporaryDirectory(prefix='godwit-lag-') as folder, \
            common.Cluster(pathlib.Path(folder) / 'c', regions=regions, options=options) as cluster:
        cluster.make_table()
        loads = [cluster.load(region, f'background-{region}', '--connections', 2, '--rate', background, '--keys', 1000)
                 for region in regions if background]
        found = []
        go_ahead_of_others()
        for source in regions:
            for target in regions:
                if source != target:
                    ms = ONE_WAY_MS[frozenset((source, target))] if delay_ms is None else delay_ms
                    direction = Direction(cluster, source, target, ms / 1000)
                    direction.run(samples)
                    found.append((direction.name, direction.result()))
        for load in loads:
            load.stop()
    return dict(found)


def go_ahead_of_others():
    """Lets the observer run as soon as it can, so that its own waits are not taken for lag."""
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    except PermissionError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--samples', type=int, default=300)
    parser.add_argument('--regions', default='2,3')
    parser.add_argument('--background', type=int, default=100)
    parser.add_argument('--delay', type=int)
    args = parser.parse_args()
    result = {}
    for count in map(int, args.regions.split(',')):
        print(f'lag: {count} regions, {args.background} writes/s in each, {args.samples} samples a direction; '
              'lag over one-way delay')
        print(f'  {"":32}{"one way":>10}{"p50":>8}{"p90":>8}{"p99":>8}{"p50 adds":>11}{"p99 adds":>11}{"poll":>9}')
        found = run(REGIONS[:count], args.samples, args.background, args.delay)
        for name, row in found.items():
            print(f'  {name:32}{row["delay_ms"]:7.0f} ms{row["p50"]:8.3f}{row["p90"]:8.3f}{row["p99"]:8.3f}'
                  f'{row["p50_over_ms"]:8.2f} ms{row["p99_over_ms"]:8.2f} ms{row["poll_ms"]:6.2f} ms')
        result[count] = found
    common.save('lag', result)
    return 0


if __name__ == '__main__':
    sys.exit(main())
