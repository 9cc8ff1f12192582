"""Clocks that are wrong: who wins may be decided by them, whether regions agree may not."""
import pytest

from harness import AP, EU, US, Answer, Ledger, PATIENCE_S, wait_until


# A region's clock is a little off, within what is tolerated: writes flow both ways and regions get equal.
@pytest.mark.parametrize('skew_ms', [400, -400])
def test_f26_f27_tolerated_skew(cluster, skew_ms):
    cluster.fault(EU, skew_ms=skew_ms)
    loads = [cluster.load(region, region, '--connections', 4, '--requests', 500, '--ring', 20) for region in (US, EU)]
    for load in loads:
        load.process.wait(PATIENCE_S)
    cluster.wait_equal()
    assert not Ledger(*(load.log for load in loads)).judge(cluster.at(AP))


# A write made after reading another region's wins over it, although the writer's clock is behind.
def test_f29_later_write_wins_over_fast_clock(cluster):
    cluster.fault(EU, skew_ms=-400)
    for turn in range(5):
        cluster.at(US).put('key', turn, v='first')
        wait_until('the first write in EU', lambda: cluster.at(EU).get('key', turn), PATIENCE_S)
        cluster.at(EU).put('key', turn, v='second')
    cluster.wait_equal()
    for region in cluster.regions:
        assert [cluster.at(region).get('key', turn)['v'] for turn in range(5)] == ['second'] * 5


# A clock ten minutes ahead: the others hold its writes back instead of letting them win for ever, say so, and go on
# among themselves. (Much further off, and clients' signatures are refused there.)
def test_f26_clock_far_ahead(cluster):
    cluster.fault(EU, skew_ms=600000)
    cluster.at(EU).put('future', 1, v='x')
    wait_until('the alarm', lambda: cluster.peer(US, EU)['drifting'], PATIENCE_S)
    assert cluster.at(US).get('future', 1) is None
    cluster.at(US).put('present', 1, v='x')
    wait_until('a write of the present in AP', lambda: cluster.at(AP).get('present', 1), PATIENCE_S)
    assert cluster.at(US).get('future', 1) is None


# A clock ten minutes behind: that region holds the others' writes back, says so, and takes them once it is right again.
def test_f27_clock_far_behind(cluster):
    cluster.fault(EU, skew_ms=-600000)
    cluster.at(US).put('ahead', 1, v='x')
    wait_until('the alarm', lambda: cluster.peer(EU, US)['drifting'], PATIENCE_S)
    cluster.at(EU).put('behind', 1, v='x')
    wait_until('a write of the region behind in US', lambda: cluster.at(US).get('behind', 1), PATIENCE_S)
    cluster.fault(EU, skew_ms=0)
    cluster.wait_equal()
    assert cluster.at(EU).get('ahead', 1)['v'] == 'x'


# The clock jumps back and forth under writes: a region never forgets its own later write for its own earlier one.
def test_f27_clock_jumps(cluster):
    client = cluster.at(EU)
    for turn in range(40):
        cluster.fault(EU, skew_ms=[0, -2000, 300, -60000, 100][turn % 5])
        try:
            client.put('jump', 0, v=str(turn))
        except Answer as answer:
            assert answer.status >= 500, answer.body
            continue
        assert client.get('jump', 0)['v'] == str(turn)
    cluster.heal()
    cluster.fault(EU, skew_ms=0)
    cluster.wait_equal()
