"""Time to live while clocks are wrong and regions cannot hear each other."""
import time

import pytest
from harness import EU, PATIENCE_S, TABLE, US, wait_until


def put(client, key, until):
    client.call('PutItem', TableName=TABLE, Item={'pk': {'S': key}, 'sk': {'N': '1'}, 'until': {'N': str(until)}})


def expire(cluster):
    """Time to live on in every region: tables of a group of 2017 have a setting each."""
    spec = {'Enabled': True, 'AttributeName': 'until'}
    for region in cluster.regions:
        cluster.at(region).call('UpdateTimeToLive', TableName=TABLE, TimeToLiveSpecification=spec)


# One region deletes an item whose time is over by its clock, five seconds from the other's, while the other, cut off,
# acknowledges an extension: the extension stands everywhere and nobody speaks of a conflict. What nobody extended goes.
@pytest.mark.parametrize('skewed, skew_ms, lasts_s', [(US, 5000, 8), (EU, -5000, 3)])
def test_f32_extension_is_not_lost(cluster, skewed, skew_ms, lasts_s):
    expire(cluster)
    us, eu = cluster.at(US), cluster.at(EU)
    until = int(time.time()) + lasts_s
    for key in ('extended', 'left'):
        put(us, key, until)
    for key in ('extended', 'left'):
        wait_until('the item in EU', lambda key=key: eu.get(key, 1), PATIENCE_S)
    for other in cluster.regions:
        if other != EU:
            cluster.part(EU, other)
    cluster.fault(skewed, skew_ms=skew_ms)
    put(eu, 'extended', until + 100000)
    wait_until('the sweep in US', lambda: not us.get('extended', 1) and not us.get('left', 1), PATIENCE_S)
    cluster.fault(skewed, skew_ms=0)
    cluster.heal()
    assert cluster.wait_equal() == 1
    for region in cluster.regions:
        assert cluster.at(region).get('extended', 1)['until'] == str(until + 100000)
        assert not [row for row in cluster.conflicts(region) if row['table'] == TABLE]


# 31: the region that wrote an item is gone when its time comes; the others delete it in its stead and agree.
def test_f31_f32_writer_is_gone(cluster):
    expire(cluster)
    us, eu = cluster.at(US), cluster.at(EU)
    until = int(time.time()) + 2
    for i, when in enumerate((until, until * 1000, 0, -until, 2 ** 64 + 5)):
        put(us, f'k{i}', when)
    for i in range(5):
        wait_until('the item in EU', lambda i=i: eu.get(f'k{i}', 1), PATIENCE_S)
    cluster.kill(US)
    wait_until('the sweep in EU', lambda: not eu.get('k0', 1), PATIENCE_S)
    cluster.start_region(US)
    assert cluster.wait_equal() == 4
