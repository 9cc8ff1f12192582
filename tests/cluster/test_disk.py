"""Disks that take nothing more."""
import http.client
import os
import pathlib
import signal

import pytest

from harness import BINARY, EU, PATIENCE_S, US, Answer, Ledger, wait_until

SHIM = os.environ.get('GODWIT_DISK_FULL', str(pathlib.Path(BINARY).parent / 'tests/disk_full.so'))


@pytest.fixture
def flag(monkeypatch, tmp_path):
    """While this file is there and holds a directory, files below that take no bytes (disk_full.c)."""
    path = tmp_path / 'full'
    monkeypatch.setenv('LD_PRELOAD', SHIM)
    monkeypatch.setenv('GODWIT_TEST_DISK_FULL', str(path))
    return path


def health(cluster, region):
    """The status that /healthz answers with; None while the region does not answer, as it starts anew."""
    try:
        return cluster.wire(region, 'GET', '/healthz')[0]
    except (OSError, http.client.HTTPException):
        return None


# A region's disk is full for a while, under writes from two regions: it refuses writes, reads on and says that it is not
# well, and the other goes on. When there is room again the same process takes writes and catches up by itself; nothing
# that was acknowledged is lost, nothing that was refused is there.
def test_f07_full_disk(make, flag):
    cluster = make(regions=(US, EU), options=('--delay', '10'))
    cluster.kill(US)
    cluster.configure(US, web__threads=3)
    cluster.start_region(US)
    cluster.make_table()
    pids = [cluster.pid(region) for region in (US, EU)]
    files = []
    loads = [cluster.load(region, region, '--connections', 4, '--rate', 300) for region in (US, EU)]
    for turn in range(3):
        loads[0].wait_for(200)
        cluster.at(US).put('known', turn, v='before')
        flag.write_text(f'{cluster.folder / US}/')
        wait_until('the refusal', lambda: health(cluster, US) == 503, PATIENCE_S)
        with pytest.raises(Answer) as refusal:
            cluster.at(US).put('known', turn, v='refused')
        assert refusal.value.status == 503
        assert 'ServiceUnavailable' in refusal.value.body
        assert cluster.at(US).get('known', turn)['v'] == 'before'
        loads[1].wait_for(200)
        assert health(cluster, EU) == 200
        flag.unlink()
        wait_until('the end of the refusal', lambda: health(cluster, US) == 200, PATIENCE_S)
        cluster.at(US).close()
        assert cluster.at(US).get('known', turn)['v'] == 'before'
        cluster.at(US).put('known', turn, v='after')
        files.append(len(os.listdir(f'/proc/{pids[0]}/fd')))
    assert files[-1] < files[0] + 10
    assert [cluster.pid(region) for region in (US, EU)] == pids
    for load in loads:
        load.stop()
    cluster.wait_equal()
    ledger = Ledger(*(load.log for load in loads))
    for region in (US, EU):
        assert not ledger.judge(cluster.at(region))
        assert all(cluster.at(region).get('known', turn)['v'] == 'after' for turn in range(3))


# The disk takes files beside the store again, and the store not yet: the region cannot be opened, tries again and again,
# and is back when it can. One that is told to stop meanwhile stops.
@pytest.mark.parametrize('stops', (False, True))
def test_f07_disk_full_again(make, flag, stops):
    cluster = make(regions=(US, EU), options=('--delay', '10'))
    cluster.make_table()
    pid, store = cluster.pid(US), cluster.folder / US / 'data/store'
    cluster.at(US).put('known', 1, v='before')
    flag.write_text(f'{store}/')
    with pytest.raises(Answer):
        for turn in range(100):
            cluster.at(US).put('known', 2, v=str(turn) + 'x' * 100000)
    assert health(cluster, US) == 503
    flag.write_text(f'{store}/TR')  # what an opening tries (TRY); what the waiting region tries is taken
    wait_until('a start that fails', lambda: 'could not open the store' in (cluster.folder / US / 'log').read_text(),
               PATIENCE_S)
    if stops:
        os.kill(pid, signal.SIGTERM)
        wait_until('its end', lambda: not cluster.up(US), PATIENCE_S)
        return
    assert health(cluster, US) is None
    flag.unlink()
    wait_until('its return', lambda: health(cluster, US) == 200, PATIENCE_S)
    cluster.at(US).close()
    assert cluster.pid(US) == pid
    assert cluster.at(US).get('known', 1)['v'] == 'before'
    cluster.at(US).put('known', 1, v='after')
    cluster.wait_equal()
