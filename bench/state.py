"""What a region costs and how it stands up again. F9: many tables, many items. F13: memory. F14: start and recovery.
F15: failover. F16: disk space."""
import contextlib
import pathlib
import random
import resource
import socket
import subprocess
import tempfile
import threading
import time

import common
import peers
import start
from figure import Row, alternate, median, ratio_of
from harness import Ledger

US, EU = 'us-east-2', 'eu-west-1'
MILLION = 1000000
IDLE_SHARE = 0.02  # of a core
REST_S_MAX = 180


def rss_kb(pid, what='VmRSS'):
    for line in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines():
        if line.startswith(what + ':'):
            return int(line.split()[1])
    raise RuntimeError(f'no {what} of {pid}')


def fill(cluster, region, items, item_bytes):
    """Puts items into the region's store while it is down."""
    config = cluster.config(region)
    subprocess.run([common.ROOT / 'build/bench/fill', cluster.folder / region / 'data' / 'store', region, config['id'],
                    common.TABLE, str(items), str(item_bytes)], check=True)


def refill(peer, items, item_bytes=100):
    peer.cluster.tool('dev', 'stop', peer.region)
    fill(peer.cluster, peer.region, items, item_bytes)
    peer.cluster.start_region(peer.region)
    rest(peer)


def rest(peer):
    """Until the region is idle: what it does about its past, like compacting, is done."""
    def used():
        before = common.cpu_s(peer.cluster.pid(peer.region))
        time.sleep(1)
        return common.cpu_s(peer.cluster.pid(peer.region)) - before
    common.wait_until('a region at rest', lambda: used() < IDLE_SHARE, REST_S_MAX)


def restart(peer):
    """Stops and starts it: memory then holds no writes that only wait to be flushed."""
    peer.cluster.tool('dev', 'stop', peer.region)
    peer.cluster.start_region(peer.region)
    rest(peer)


class Big:
    """A region with ten million items (a hundredth of them for a look), made for the first figure that wants it."""

    def __init__(self):
        self.stack, self.peer, self.items = contextlib.ExitStack(), None, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def region(self, quick):
        if self.peer is None:
            folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix='godwit-figure-'))
            self.items = MILLION // 10 if quick else 10 * MILLION
            self.peer = self.stack.enter_context(peers.Godwit(pathlib.Path(folder) / 'big'))
            refill(self.peer, self.items)
        return self.peer


def p50_and_cpu(peer, keys, seconds):
    """(p50 in us of reads and writes half and half, processor us a request)."""
    pid = peer.cluster.pid(peer.region)
    before = common.cpu_s(pid)
    told = peer.load('--seconds', seconds, '--connections', 8, '--keys', keys, '--reads', 50, '--rate', 3000,
                     '--item-bytes', 100)
    used = (common.cpu_s(pid) - before) * 1e6 / told['done']
    return (told['read_us']['p50'] + told['write_us']['p50']) / 2, used


def f9(big, folder, quick):
    tables, few = (200, 10000) if quick else (10000, 100000)
    rounds, seconds = (2, 2) if quick else (5, 3)
    rows = []
    with contextlib.ExitStack() as stack:
        one, crowd = (stack.enter_context(peers.Godwit(folder / name)) for name in ('one', 'crowd'))
        for i in range(tables - 1):
            crowd.cluster.create(crowd.region, f't{i:05}')
        for peer in (one, crowd):
            restart(peer)
        grown = (rss_kb(crowd.cluster.pid(crowd.region)) - rss_kb(one.cluster.pid(one.region))) / tables
        pairs = alternate(rounds, lambda: p50_and_cpu(crowd, few, seconds), lambda: p50_and_cpu(one, few, seconds))
        rows += two_rows('F9', f'{tables:,} tables / 1', pairs, 1.1)
        rows.append(Row('F9', 'resident memory of a table, KB', ratio=grown, bar=4, better='<=', ours=f'{grown:.1f} KB'))
    many = big.region(quick)
    with peers.Godwit(folder / 'small') as small:
        refill(small, few)
        pairs = alternate(rounds, lambda: p50_and_cpu(many, big.items, seconds), lambda: p50_and_cpu(small, few, seconds))
        rows += two_rows('F9', f'{big.items:,} items / {few:,}', pairs, 1.25)
    return rows


def two_rows(figure, what, pairs, bar):
    rows = []
    for i, name in enumerate(('p50 latency', 'processor time')):
        found = ratio_of([(a[i], b[i]) for a, b in pairs])
        rows.append(Row(figure, f'{name}, {what}', ratio=found['ratio'], low=found['low'], high=found['high'], bar=bar,
                        better='<=', ours=f'{found["ours"]:.0f} us', baseline=f'{found["baseline"]:.0f} us'))
    return rows


def empty_regions(folder):
    """What a region that was used a little occupies: alone, in kilobytes by kind; and proportionally as one of three."""
    regions = [start.Region(folder / f'empty{i}') for i in range(3)]
    try:
        for region in regions:
            region.start()
            region.use()
        found = [region.memory() for region in regions]
    finally:
        for region in regions:
            region.stop()
    return found[0], sum(row['Pss'] for row in found) / len(found)


def f13(folder, quick):
    wanted = 1000 if quick else 10000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 2 * wanted + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * wanted + 1000), hard))
    with peers.Godwit(folder / 'c') as peer:
        pid = peer.cluster.pid(peer.region)
        peer.load('--requests', 200, '--keys', 100)
        before = rss_kb(pid, 'RssAnon')
        idle = [socket.create_connection(('127.0.0.1', peer.port)) for _ in range(wanted)]
        peer.load('--requests', 200, '--keys', 100)
        each = (rss_kb(pid, 'RssAnon') - before) / wanted
        for connection in idle:
            connection.close()
    alone, shared = empty_regions(folder)
    return [Row('F13', f'user-space memory of an idle connection, KB ({wanted:,} of them)', ratio=each, bar=4, better='<=',
                ours=f'{each:.2f} KB'),
            Row('F13', 'memory of an empty region, three on a machine, MB', ratio=shared / 1024, bar=12, better='<=',
                ours=f'{shared / 1024:.1f} MB', note='proportional: what they share counts once'),
            Row('F13', 'resident memory of an empty region, MB', ratio=alone['VmRSS'] / 1024, bar=12, better='<=',
                ours=f'{alone["VmRSS"] / 1024:.1f} MB', note=f'its own {alone["RssAnon"] / 1024:.1f} MB, the rest pages of '
                                                            'the program and of libraries')]


def f14(big, folder, quick):
    runs = 5 if quick else 20
    cold = []
    for run in range(runs):
        region = start.Region(folder / f'cold{run}')
        try:
            cold.append(region.start())
        finally:
            region.stop()
    peer, warm = big.region(quick), []
    for _ in range(3):
        peer.load('--seconds', 2, '--connections', 16, '--keys', big.items)
        peer.cluster.kill(peer.region)
        warm.append(peer.cluster.start_region(peer.region) / 1000)
    middle = median(cold)
    return [Row('F14', 'first start to first answer, ms', ratio=middle, bar=20, better='<=', ours=f'{middle:.1f} ms',
                note=f'{runs} runs, max {max(cold):.1f}'),
            Row('F14', f'kill -9 with {big.items:,} items to first answer, s', ratio=max(warm), bar=1, better='<=',
                ours=f'{max(warm):.2f} s', note='the worst of 3, with the supervisor\'s own time')]


class Endpoints:
    """A client with a list of endpoints: it asks the first that its probes found well, probing each second."""

    def __init__(self, cluster, regions, every_s):
        self.cluster, self.regions, self.every_s = cluster, regions, every_s
        self.well = regions[0]
        self.failures = 0
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()

    def watch(self):
        while not self.over.wait(self.every_s):
            try:
                status, _ = self.cluster.wire(self.well, 'GET', '/healthz')
                self.failures = 0 if status == 200 else self.failures + 1
            except OSError:
                self.failures += 1
            if self.failures >= 2:
                self.well = next(region for region in self.regions if region != self.well)
                self.failures = 0


def failover_s(cluster, every_s, rng):
    """Seconds from a region's death to the client's first success elsewhere."""
    client = Endpoints(cluster, (US, EU), every_s)
    time.sleep(every_s * (1 + rng.random()))
    number = 0
    cluster.at(US).put('failover', number, v='x')
    died = time.monotonic()
    cluster.kill(US)
    while True:
        number += 1
        try:
            cluster.fresh(client.well).put('failover', number, v='x')
            break
        except OSError:
            time.sleep(0.005)
    took = time.monotonic() - died
    client.over.set()
    client.thread.join()
    return took


def unshipped(cluster):
    """How many acknowledged writes a kill left in the dead region alone, by the survivors; and after its return."""
    load = cluster.load(US, f'rpo{time.monotonic_ns()}', '--connections', 8, '--rate', 1000)
    load.wait_for(500)
    cluster.kill(US)
    time.sleep(0.5)
    load.stop()
    ledger = Ledger(load.log)
    missing = len(ledger.judge(cluster.at(EU)))
    cluster.start_region(US)
    cluster.wait_equal()
    return missing, len(ledger.judge(cluster.at(EU)))


def f15(folder, quick):
    runs, every_s = (2, 0.2) if quick else (10, 1.0)
    took, rng = [], random.Random(1)
    with peers.Godwit(folder / 'c', regions=(US, EU)) as pair:
        for _ in range(runs):
            took.append(failover_s(pair.cluster, every_s, rng))
            pair.cluster.start_region(US)
            pair.cluster.wait_equal()
        counted = [unshipped(pair.cluster) for _ in range(1 if quick else 3)]
    limit = 2 * every_s + 0.084
    middle = median(took)
    return [Row('F15', f'failover / (2 probes of {every_s:g} s + round trip)', ratio=middle / limit, bar=1.5, better='<=',
                ours=f'{middle:.2f} s', baseline=f'{limit:.2f} s', note=f'{runs} kills, max {max(took):.2f} s'),
            Row('F15', 'acknowledged writes lost after the region came back', ratio=max(after for _, after in counted),
                bar=0, better='<=', note='not yet shipped when it died: ' + ', '.join(str(n) for n, _ in counted))]


def disk_bytes(folder):
    return sum(path.stat().st_blocks * 512 for path in pathlib.Path(folder).rglob('*') if path.is_file())


def f16(folder, quick):
    items, item_bytes = (10000 if quick else 40000), 3000
    with peers.Godwit(folder / 'c') as peer:
        cluster = peer.cluster
        for _ in range(10):
            peer.load('--requests', items, '--keys', items, '--in-order', '--connections', 64, '--item-bytes', item_bytes)
        client = cluster.fresh(peer.region)  # a kept one may have been hung up meanwhile
        for at in range(0, items // 2, 25):
            client.call('BatchWriteItem', RequestItems={common.TABLE: [
                {'DeleteRequest': {'Key': {'pk': {'S': f'k-{i:08}'}, 'sk': {'N': '0'}}}} for i in range(at, at + 25)]})
        cluster.tool('dev', 'stop', peer.region)
        cluster.configure(peer.region, log__keep_bytes=0, tombstone__grace_ms=0, janitor__interval_ms=100)
        cluster.start_region(peer.region)
        live = cluster.digest(peer.region)['bytes']
        store = cluster.folder / peer.region / 'data' / 'store'
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            time.sleep(1)
            settled = disk_bytes(store)
    ratio = settled / live
    return [Row('F16', 'disk bytes / live bytes after 10 overwrites and half deleted', ratio=ratio, bar=1.5, better='<=',
                ours=f'{settled / 1e6:.1f} MB', baseline=f'{live / 1e6:.1f} MB')]
