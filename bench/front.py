"""F1: reads beside a bare HTTP responder. F2: durable writes beside the disk and the responder. Dynalite, Redis and
PostgreSQL are measured too, for orientation."""
import contextlib
import os
import pathlib

import common
import peers
import plot
from figure import Row, alternate, median, ratio_of

KEYS = 10000
ITEM_BYTES = 300


def fill(peer):
    peer.load('--requests', KEYS, '--keys', KEYS, '--in-order', '--item-bytes', ITEM_BYTES)


def rate(peer, connections, seconds, reads):
    told = peer.load('--seconds', seconds, '--connections', connections, '--keys', KEYS, '--reads', reads,
                     '--item-bytes', ITEM_BYTES)
    if told['refused'] or told['unknown']:
        raise RuntimeError(f'{peer.name} did not do what was asked: {told}')
    return told['per_second']


def ours_of(found):
    return {'ratio': found['ratio'], 'low': found['low'], 'high': found['high'], 'void': found['void'],
            'ours': f'{found["ours"]:,.0f}/s', 'baseline': f'{found["baseline"]:,.0f}/s'}


def f1(folder, quick):
    rounds, seconds = (3, 1) if quick else (7, 3)
    with contextlib.ExitStack() as stack:
        godwit = stack.enter_context(peers.Godwit(folder / 'godwit'))
        responder = stack.enter_context(peers.Responder())
        dynalite = [stack.enter_context(peers.Dynalite(where)) for where in (folder / 'dynalite', None)]
        for peer in (godwit, *dynalite):
            fill(peer)
        pairs = alternate(rounds, lambda: rate(godwit, 64, seconds, 100), lambda: rate(responder, 64, seconds, 100))
        rows = [Row('F1', 'GetItem, signed, 64 connections / bare HTTP', bar=0.55, **ours_of(ratio_of(pairs)))]
        for peer in dynalite:
            beside = [(a, rate(peer, 64, seconds, 100)) for a, _ in pairs[:2]]
            rows.append(Row('F1', f'GetItem / {peer.name}', bar=2.5, note='orientation', **ours_of(ratio_of(beside))))
    return rows


def durable(godwit, responder, folder, connections, rounds, seconds):
    def limit():
        raw = rate(responder, connections, seconds, 0)
        disk = peers.rocksdb_synced_per_second(folder / 'rocks', connections, ITEM_BYTES,
                                               writes=3000 * seconds * min(connections, 8))
        return min(raw, disk)
    return ratio_of(alternate(rounds, lambda: rate(godwit, connections, seconds, 0), limit))


@contextlib.contextmanager
def one_core():
    """Everything that is started inside runs on one core, both sides and the load."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def f2(folder, quick):
    rounds, seconds = (3, 1) if quick else (5, 2)
    against = 'min(bare HTTP, RocksDB synced)'
    with one_core(), peers.Godwit(folder / 'alone') as godwit, peers.Responder() as responder:
        found = durable(godwit, responder, folder, 1, rounds, seconds)
    rows = [Row('F2', f'PutItem, synced, 1 connection, one core / {against}', bar=0.85, **ours_of(found))]
    ours, limit = [], []
    with contextlib.ExitStack() as stack:
        godwit = stack.enter_context(peers.Godwit(folder / 'godwit'))
        responder = stack.enter_context(peers.Responder())
        for connections, bar, note in ((1, 0.85, 'orientation'), (8, 0.7, 'orientation'), (32, 0.7, ''), (128, 0.7, '')):
            few = rounds if not note else 2
            found = durable(godwit, responder, folder, connections, few, seconds)
            ours.append((connections, found['ours']))
            limit.append((connections, found['baseline']))
            rows.append(Row('F2', f'PutItem, synced, {connections} connection{"s"[:connections > 1]} / {against}', bar=bar,
                            note=note, **ours_of(found)))
        rows += beside(folder, stack, godwit, 32, seconds)
    plot.lines(common.RESULTS / 'throughput.svg', 'Durable writes by connections', 'connections', 'writes a second',
               {'godwit': ours, 'the lower of bare HTTP and RocksDB': limit})
    return rows


def beside(folder, stack, godwit, connections, seconds):
    """The same writes to others that sync them."""
    ours = [rate(godwit, connections, seconds, 0) for _ in range(2)]
    rows = []
    redis_folder = pathlib.Path(folder / 'redis')
    redis_folder.mkdir()
    others = {'Redis SET, appendfsync always': lambda: stack.enter_context(peers.Redis(redis_folder)),
              'PostgreSQL upsert': lambda: stack.enter_context(peers.Postgres(folder / 'postgres'))}
    for name, start in others.items():
        peer = start()
        rates = [peer.sets_per_second(connections, ITEM_BYTES, 20000 * seconds) if name.startswith('Redis')
                 else peer.upserts_per_second(connections, seconds + 2) for _ in range(2)]
        found = ratio_of(list(zip(ours, rates)))
        rows.append(Row('F2', f'PutItem, {connections} connections / {name}', bar=0, note='orientation',
                        **ours_of(found)))
    return rows


def cpu_us(pid, work):
    """(what work() returned, processor microseconds of the process meanwhile)."""
    before = common.cpu_s(pid)
    result = work()
    return result, (common.cpu_s(pid) - before) * 1e6


def f8(folder, quick):
    """Processor time a write costs its region, with 0, 1, 2 and 4 peers."""
    rounds, seconds = (2, 2) if quick else (5, 3)
    regions = ('us-east-2', 'eu-west-1', 'ap-southeast-1', 'us-west-1', 'ap-south-1')
    with contextlib.ExitStack() as stack:
        clusters = {n: stack.enter_context(peers.Godwit(folder / f'r{n}', regions=regions[:n + 1]))
                    for n in (0, 1, 2, 4)}
        found = {n: [] for n in clusters}
        for _ in range(rounds):
            for n, peer in clusters.items():
                told, us = cpu_us(peer.cluster.pid(peer.region), lambda p=peer: p.load(
                    '--seconds', seconds, '--connections', 16, '--keys', KEYS, '--rate', 2000))
                found[n].append(us / told['done'])
                peer.cluster.wait_equal()
        costs = {n: median(values) for n, values in found.items()}
    marginal = (costs[4] - costs[1]) / 3 / costs[0]
    return [Row('F8', 'processor time of one more peer / of a local write', ratio=marginal, bar=0.10, better='<=',
                ours=f'{(costs[4] - costs[1]) / 3:.1f} us', baseline=f'{costs[0]:.1f} us',
                note=', '.join(f'{n} peers {us:.0f} us' for n, us in costs.items()))]
