"""Networks that cut, flap, delay, lose and choke: every region goes on alone, and all get equal when it is over."""
import random
import socket
import struct

import pytest

from harness import AP, EU, US, Answer, Ledger, admin_token, wait_until, PATIENCE_S


def start_loads(cluster, *regions, rate=400):
    return [cluster.load(region, region, '--connections', 4, '--rate', rate, '--ring', 50) for region in regions]


def finish(cluster, loads):
    """Ends the writers, waits for equality and returns what is wrong in any region."""
    for load in loads:
        result = load.stop()
        assert result['refused'] == 0 and result['unknown'] == 0
    cluster.wait_equal()
    ledger = Ledger(*(load.log for load in loads))
    assert ledger.acked > 0
    return [sentence for region in cluster.regions for sentence in ledger.judge(cluster.at(region))]


# One region is cut off from all others both ways while all take writes: none is refused, and all get equal after.
def test_f14_full_partition(cluster):
    loads = start_loads(cluster, US, EU, AP)
    loads[0].wait_for(200)
    for other in (US, EU):
        cluster.part(AP, other)
    for load in loads:
        load.wait_for(500)
    # While the partition lasts, nothing of the other side is seen.
    cluster.at(AP).put('island', 1, v='x')
    assert cluster.at(US).get('island', 1) is None
    cluster.heal()
    assert finish(cluster, loads) == []
    assert cluster.at(US).get('island', 1)['v'] == 'x'


# What one region sends to another is lost, the other direction works: both go on, the backlog shows, all get equal.
def test_f15_one_way_partition(cluster):
    loads = start_loads(cluster, US, EU)
    cluster.cut(US, EU)
    loads[0].wait_for(500)
    wait_until('the backlog to show', lambda: cluster.peer(US, EU)['pending'] > 100, PATIENCE_S)
    cluster.heal()
    assert finish(cluster, loads) == []
    assert cluster.peer(US, EU)['pending'] == 0


# A link is cut and healed over and over: what is written meanwhile arrives.
def test_f16_f17_flapping(cluster):
    rng = random.Random(1)
    loads = start_loads(cluster, US, EU, AP, rate=200)
    for _ in range(25):
        one, other = rng.sample(cluster.regions, 2)
        cluster.cut(one, other)
        loads[0].wait_for(20)
        cluster.cut(one, other, cut=False)
    cluster.heal()
    assert finish(cluster, loads) == []


# Frames are delayed at random and lost, so that links break and resend: every write is applied once, in every region.
def test_f18_f19_jitter_and_loss(cluster):
    for region in cluster.regions:
        cluster.fault(region, delay_ms=5, jitter_ms=20, loss_per_mille=20)
    loads = start_loads(cluster, US, EU)
    for load in loads:
        load.wait_for(1000)
    cluster.heal()
    assert finish(cluster, loads) == []


# One link is far too slow for what is written: the others are not held up, and it catches up when the choke ends.
def test_f20_f21_slow_link(cluster):
    cluster.fault(US, peer=AP, bytes_per_s=20000)
    loads = start_loads(cluster, US)
    loads[0].wait_for(300)
    cluster.at(US).put('late', 1, v='x')
    wait_until('the write in EU', lambda: cluster.at(EU).get('late', 1), PATIENCE_S)
    assert cluster.peer(US, AP)['pending'] > 0
    cluster.heal()
    assert finish(cluster, loads) == []


# Random faults of all kinds on random links, one after the other, under writes from everywhere.
def test_f45_all_faults(cluster):
    rng = random.Random(7)
    loads = start_loads(cluster, US, EU, AP, rate=150)
    for _ in range(20):
        one, other = rng.sample(cluster.regions, 2)
        fault = rng.choice([{'cut': True}, {'delay_ms': 100, 'jitter_ms': 50}, {'loss_per_mille': 100},
                            {'bytes_per_s': 5000}])
        cluster.fault(one, peer=other, **fault)
        loads[0].wait_for(30)
        if rng.random() < 0.5:
            cluster.fault(other, heal=True)
    cluster.heal()
    assert finish(cluster, loads) == []


# ---- hostile bytes ----


def attack(address, data):
    """Sends bytes and reads until the other side closes or says nothing more."""
    host, port = address.rsplit(':', 1)
    with socket.create_connection((host, int(port)), timeout=5) as s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            while s.recv(65536):
                pass
        except (ConnectionError, TimeoutError):
            pass


# Garbage, other protocols, huge lengths and cut frames on the link port: nothing is applied, nobody dies, replication
# goes on.
def test_f70_f72_hostile_link_bytes(cluster):
    rng = random.Random(3)
    config = cluster.config(EU)
    pids = {region: cluster.pid(region) for region in cluster.regions}
    payloads = [b'', b'\0' * 100, b'\xff' * 100000, b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
                struct.pack('<I', 0xffffffff) * 10, struct.pack('<Q', 0xffffffffffffffff) * 10,
                struct.pack('<I', 1 << 30) + b'x' * 1000, config['id'].encode() * 10, bytes.fromhex(config['id']) * 10]
    payloads += [rng.randbytes(rng.randrange(1, 5000)) for _ in range(30)]
    before = cluster.digest(EU)
    for payload in payloads:
        attack(config['link'], payload)
    assert cluster.digest(EU)['buckets'] == before['buckets']
    cluster.at(US).put('after', 1, v='x')
    cluster.wait_equal()
    assert cluster.at(EU).get('after', 1)['v'] == 'x'
    assert pids == {region: cluster.pid(region) for region in cluster.regions}


# A region with another cluster secret knocks: it is not let in, and what it holds reaches nobody.
def test_f72_wrong_secret(make):
    cluster = make(options=('--delay', '10'))
    cluster.make_table(US, EU)
    cluster.kill(AP)
    conf = cluster.folder / AP / 'godwit.conf'
    secret = cluster.config(AP)['secret']
    conf.write_text(conf.read_text().replace(secret, secret[::-1]))
    cluster.start_region(AP)
    cluster.at(US).put('k', 1, v='x')
    cluster.wait_equal(US, EU)
    assert not any(peer['connected'] for peer in cluster.status(AP)['peers'])
    assert not cluster.peer(US, AP)['connected']


# The admin interface wants its token, and says no to all others.
@pytest.mark.parametrize('token', [None, '', 'x', 64 * '0', admin_token('another secret')])
def test_f72_admin_token(make, token):
    cluster = make(regions=(US,))
    for method, path, body in (('GET', 'status', None), ('POST', 'fault', {'heal': True}),
                               ('POST', 'members', {'remove': US})):
        status, text = cluster.wire(US, method, f'/_godwit/{path}', body, token)
        assert status == 403, text
    with pytest.raises(Answer):
        cluster.admin(US, 'no-such-thing')
