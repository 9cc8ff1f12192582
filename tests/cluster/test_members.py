"""Regions and replicas that come, go, lose their disk and come back."""
import shutil

import pytest

from harness import AP, EU, PATIENCE_S, US, Answer, DevError, Ledger, wait_until

NEW = 'us-west-1'


def add_region(cluster, name):
    cluster.tool('region', 'add', name)
    cluster.regions += (name,)
    cluster.urls = {row['region']: row['url'] for row in cluster.processes()}
    cluster.wait_met()


# A region is added to a live cluster and gets a replica of a table with data, under writes: nothing is lost or stale.
def test_f63_add_region_under_writes(cluster):
    before = cluster.load(US, 'before', '--connections', 8, '--requests', 5000)
    before.process.wait(PATIENCE_S)
    loads = [cluster.load(region, region, '--connections', 4, '--rate', 300, '--ring', 50) for region in (US, EU)]
    loads[0].wait_for(100)
    add_region(cluster, NEW)
    cluster.grow(US, NEW)
    loads[0].wait_for(300)
    for load in loads:
        load.stop()
    cluster.wait_equal()
    assert not Ledger(before.log, *(load.log for load in loads)).judge(cluster.at(NEW))


# A replica is added to a live table in a region that had none, under writes, and the source dies in the middle.
def test_f63_add_replica_while_regions_die(make):
    cluster = make(options=('--delay', '10'))
    cluster.create(US)
    cluster.begin_grow(US, EU)
    cluster.wait_joined(US, EU)
    before = cluster.load(US, 'before', '--connections', 8, '--requests', 8000)
    before.process.wait(PATIENCE_S)
    cluster.wait_equal(US, EU)
    load = cluster.load(EU, 'during', '--connections', 4, '--rate', 300)
    cluster.begin_grow(US, AP)
    for victim in (US, AP, US):
        cluster.kill(victim)
        cluster.start_region(victim)
    cluster.wait_joined(US, EU, AP)
    load.stop()
    cluster.wait_equal()
    assert not Ledger(before.log, load.log).judge(cluster.at(AP))


# A region is removed: the others go on without it, and when it comes back with its old data it is not let in.
def test_f64_removed_region_is_refused(cluster):
    cluster.at(US).put('k', 1, v='x')
    cluster.wait_equal()
    cluster.tool('region', 'remove', AP)
    wait_until('the removal', lambda: any(m['region'] == AP and m['removed'] for m in cluster.status(EU)['members']),
               PATIENCE_S)
    cluster.at(US).put('k', 2, v='x')
    cluster.wait_equal(US, EU)
    try:
        cluster.start_region(AP)
        cluster.at(AP).put('k', 3, v='from the removed')
    except (DevError, Answer, OSError):
        pass
    cluster.at(EU).put('k', 4, v='x')
    cluster.wait_equal(US, EU)
    assert cluster.at(US).get('k', 3) is None
    assert not any(peer['name'] == AP and peer['connected'] for peer in cluster.status(US)['peers'])


# A region's disk is gone: it is removed, added anew, and has all that the others have.
def test_f10_lost_disk(cluster):
    load = cluster.load(US, 'before', '--connections', 8, '--requests', 3000)
    load.process.wait(PATIENCE_S)
    cluster.wait_equal()
    cluster.kill(AP)
    cluster.tool('region', 'remove', AP)
    shutil.rmtree(cluster.folder / AP)
    cluster.at(US).put('while away', 1, v='x')
    cluster.regions = (US, EU)
    add_region(cluster, AP)
    cluster.clients.pop(AP).close()
    cluster.grow(US, AP)
    cluster.wait_equal()
    assert not Ledger(load.log).judge(cluster.at(AP))
    assert cluster.at(AP).get('while away', 1)['v'] == 'x'


# A region's store is put back to an older copy: it is noticed, what it lost comes back from the others, and new writes
# there are not taken for old ones.
def test_f11_older_copy_of_the_disk(cluster, tmp_path):
    cluster.at(US).put('k', 1, v='x')
    cluster.wait_equal()
    cluster.kill(US)
    data = cluster.folder / US / 'data'
    shutil.copytree(data, tmp_path / 'copy')
    cluster.start_region(US)
    for key in range(2, 20):
        cluster.at(US).put('k', key, v='x')
    cluster.wait_equal()
    cluster.kill(US)
    shutil.rmtree(data)
    shutil.copytree(tmp_path / 'copy', data)
    cluster.start_region(US)
    for key in range(20, 30):
        cluster.at(US).put('k', key, v='x')
    assert cluster.wait_equal() == 29
    assert all(cluster.at(region).get('k', key)['v'] == 'x' for region in (US, EU, AP) for key in range(1, 30))
