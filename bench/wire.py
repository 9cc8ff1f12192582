"""F3 and F4: replication lag, alone and near saturation. F5 and F6: bytes between regions, busy and idle. F7: catching
up after an outage. F10: all regions writing one key."""
import random
import string
import threading
import time

import common
import lag
import peers
import plot
from figure import Row, alternate, percentile, ratio_of

US, EU = 'us-east-2', 'eu-west-1'
ONE_WAY_MS = (25, 42, 118)


def lag_pair(folder, delay_ms, samples, background):
    """Lags (s) from us to eu with that one-way delay, under a light load in both."""
    with peers.Godwit(folder / f'lag{delay_ms}', regions=(US, EU), options=('--delay', str(delay_ms))) as pair:
        cluster = pair.cluster
        loads = [cluster.load(region, f'background-{region}', '--connections', 2, '--rate', background, '--keys', 1000)
                 for region in (US, EU)]
        lag.go_ahead_of_others()
        direction = lag.Direction(cluster, US, EU, delay_ms / 1000)
        direction.run(samples)
        for load in loads:
            load.stop()
    return direction.lags


def f3(folder, quick):
    samples = 100 if quick else 400
    rows, series = [], {}
    for delay_ms in ONE_WAY_MS:
        lags = lag_pair(folder, delay_ms, samples, background=100)
        ratios = sorted(value * 1000 / delay_ms for value in lags)
        p50, p99 = percentile(ratios, 0.5), percentile(ratios, 0.99)
        for name, value, bar in (('p50', p50, 1.05), ('p99', p99, 1.25)):
            rows.append(Row('F3', f'lag / one-way delay of {delay_ms} ms, {name}', ratio=value, bar=bar, better='<=',
                            ours=f'{value * delay_ms:.1f} ms', baseline=f'{delay_ms} ms', note=f'{len(lags)} samples'))
        series[f'{delay_ms} ms'] = [(ratio, (i + 1) / len(ratios)) for i, ratio in enumerate(ratios)]
    plot.lines(common.RESULTS / 'lag.svg', 'Replication lag over the one-way delay', 'lag / one-way delay',
               'share of writes', series, marks=[(1, 'light')])
    return rows


def slope_ms_per_minute(samples):
    """Least squares over (s, ms)."""
    mean_t, mean_v = (sum(values) / len(samples) for values in zip(*samples))
    above = sum((t - mean_t) * (v - mean_v) for t, v in samples)
    below = sum((t - mean_t) ** 2 for t, _ in samples) or 1
    return above / below * 60


def f4(folder, quick):
    seconds, delay_ms = (8, 42) if quick else (40, 42)
    with peers.Godwit(folder / 'c', regions=(US, EU), options=('--delay', str(delay_ms))) as pair:
        cluster = pair.cluster
        most = pair.load('--seconds', 4, '--connections', 32, '--keys', 10000)['per_second']
        cluster.wait_equal()
        load = cluster.load(US, 'busy', '--connections', 32, '--rate', int(most * 0.8), '--keys', 10000)
        lag.go_ahead_of_others()
        direction = lag.Direction(cluster, US, EU, delay_ms / 1000)
        began = time.monotonic()
        direction.run_for(seconds)
        load.stop()
    over = [((at - began), value * 1000 - delay_ms) for at, value in zip(direction.times, direction.lags)]
    excess = sorted(value for _, value in over)
    slope = slope_ms_per_minute(over)
    plot.lines(common.RESULTS / 'lag_busy.svg', 'Lag above the one-way delay at 80 % of saturation', 'seconds', 'ms',
               {'lag - one way': over})
    p99 = percentile(excess, 0.99)
    return [Row('F4', f'p99 of lag above one way at 80 % of {most:,.0f} writes/s, ms', ratio=p99, bar=50, better='<=',
                ours=f'{p99:.1f} ms', note=f'{len(over)} samples in {seconds} s'),
            Row('F4', 'its slope, ms a minute', ratio=abs(slope), bar=5, better='<=', ours=f'{slope:+.2f}')]


def link_bytes(cluster, one, other):
    peer = cluster.peer(one, other)
    return peer['sent_bytes'] + peer['received_bytes']


def changed_bytes(cluster, seconds, rate, item_bytes):
    """Bytes on the wire, both ways, a write of so large items costs, and the bytes it changed."""
    before = link_bytes(cluster, US, EU)
    counts = cluster.digest(US)
    told = common.run_load(cluster.at(US).port, '--seconds', seconds, '--connections', 8, '--rate', rate, '--prefix',
                           f'b{item_bytes}', '--item-bytes', item_bytes, region=US, keys=cluster.keys)
    cluster.wait_equal()
    grown = cluster.digest(US)
    return link_bytes(cluster, US, EU) - before, grown['bytes'] - counts['bytes'], told['done']


def noise(length):
    """Text that does not compress by itself."""
    return ''.join(random.Random(1).choices(string.ascii_letters + string.digits, k=length))


def f5(folder, quick):
    seconds = 3 if quick else 8
    rows = []
    with peers.Godwit(folder / 'c', regions=(US, EU)) as pair:
        cluster = pair.cluster
        for item_bytes, bar in ((100, 1.4), (1024, 1.05)):
            wire, changed, _ = changed_bytes(cluster, seconds, 500, item_bytes)
            rows.append(Row('F5', f'wire bytes / changed byte, items of {item_bytes} B', ratio=wire / changed, bar=bar,
                            better='<=', ours=f'{wire:,} B', baseline=f'{changed:,} B'))
        client, updates = cluster.at(US), 50 if quick else 200
        client.put('big', 1, v=noise(100 * 1024), small='0' * 10)
        cluster.wait_equal()
        before = link_bytes(cluster, US, EU)
        for i in range(updates):
            client.call('UpdateItem', TableName=common.TABLE, Key={'pk': {'S': 'big'}, 'sk': {'N': '1'}},
                        UpdateExpression='SET small = :v', ExpressionAttributeValues={':v': {'S': f'{i:010}'}})
        cluster.wait_equal()
        each = (link_bytes(cluster, US, EU) - before) / updates
        rows.append(Row('F5', 'wire bytes of a 10-byte update of a 100 KB item', ratio=each, bar=200, better='<=',
                        ours=f'{each:,.0f} B'))
    return rows


def f6(folder, quick):
    tables, seconds = (100, 5) if quick else (1000, 20)
    with peers.Godwit(folder / 'c', regions=(US, EU)) as pair:
        cluster = pair.cluster
        for i in range(tables):
            cluster.create(US, f'idle{i:04}')
        common.wait_until('the catalog', lambda: cluster.difference((US, EU)) is None, common.PATIENCE_S)
        time.sleep(3)
        sent, used = link_bytes(cluster, US, EU), sum(common.cpu_s(cluster.pid(r)) for r in (US, EU))
        began = time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        sent = (link_bytes(cluster, US, EU) - sent) / took
        used = (sum(common.cpu_s(cluster.pid(r)) for r in (US, EU)) - used) / took / 2 * 100
    return [Row('F6', f'bytes a second on an idle link, {tables} tables, both ways', ratio=sent, bar=200, better='<=',
                ours=f'{sent:.0f} B/s'),
            Row('F6', 'share of a core an idle region uses, %', ratio=used, bar=0.3, better='<=', ours=f'{used:.2f} %')]


def f7(folder, quick):
    outage, rate = (5, 1500) if quick else (30, 1500)
    with peers.Godwit(folder / 'c', regions=(US, EU), options=('--delay', '25')) as pair:
        cluster = pair.cluster
        load = cluster.load(US, 'live', '--connections', 16, '--rate', rate, '--keys', 20000)
        load.wait_for(rate)
        cluster.part(US, EU)
        cut_at = load.acked()
        time.sleep(outage)
        behind_at = load.acked()
        healed = time.monotonic()
        cluster.part(US, EU, cut=False)
        curve = []
        while True:
            pending = cluster.peer(US, EU)['pending']
            curve.append((time.monotonic() - healed, pending))
            if pending <= rate * 0.2:
                break
            time.sleep(0.02)
        took = time.monotonic() - healed
        caught_at = load.acked()
        load.stop()
        cluster.wait_equal()
    live = (behind_at - cut_at) / outage
    drained = (caught_at - cut_at) / took
    foreground = (caught_at - behind_at) / took / live
    plot.lines(common.RESULTS / 'catchup.svg', f'Catching up after {outage} s', 'seconds since healing', 'records behind',
               {'behind': curve})
    return [Row('F7', f'catch-up rate / live rate, after {outage} s', ratio=drained / live, bar=6, ours=f'{drained:,.0f}/s',
                baseline=f'{live:,.0f}/s', note=f'{took:.2f} s'),
            Row('F7', 'foreground writes meanwhile / before', ratio=foreground, bar=0.8, ours=f'{foreground * live:,.0f}/s',
                baseline=f'{live:,.0f}/s')]


def both(cluster, seconds, *options):
    """Writes a second that all regions together acknowledge."""
    told = {}

    def run(region):
        told[region] = common.run_load(cluster.at(region).port, '--seconds', seconds, '--connections', 8, *options,
                                       region=region, keys=cluster.keys)
    threads = [threading.Thread(target=run, args=(region,)) for region in cluster.regions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(row['per_second'] for row in told.values())


def f10(folder, quick):
    rounds, seconds = (2, 2) if quick else (5, 3)
    with peers.Godwit(folder / 'c', regions=(US, EU), options=('--delay', '25')) as pair:
        cluster = pair.cluster
        pairs = alternate(rounds, lambda: both(cluster, seconds, '--keys', 1),
                          lambda: both(cluster, seconds, '--keys', 10000))
        found = ratio_of(pairs)
        cluster.wait_equal()
        both(cluster, 1, '--keys', 1)
        ended = time.monotonic()
        cluster.wait_equal()
        settled = (time.monotonic() - ended) * 1000
    return [Row('F10', 'writes to one key from all regions / to many keys', ratio=found['ratio'], low=found['low'],
                high=found['high'], bar=0.8, ours=f'{found["ours"]:,.0f}/s', baseline=f'{found["baseline"]:,.0f}/s'),
            Row('F10', 'equal digests after the last write, ms', ratio=settled, bar=25 + 50, better='<=',
                ours=f'{settled:.0f} ms', note='one way 25 ms')]


