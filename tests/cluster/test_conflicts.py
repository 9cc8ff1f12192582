"""Writes that do not know of each other: one wins, the same everywhere, and the loser can be found."""
import itertools
import json

from harness import AP, EU, PATIENCE_S, US, wait_until


# Both sides of a partition write the same keys: one whole item wins everywhere, and the other is in the conflict log.
def test_f30_f36_whole_item_wins_and_loser_is_kept(cluster):
    cluster.part(US, EU)
    cluster.part(US, AP)
    for key in range(20):
        cluster.at(US).put('key', key, v=f'us {key}', only_us='1')
        cluster.at(EU).put('key', key, v=f'eu {key}', only_eu='1')
    cluster.heal()
    cluster.wait_equal()
    for key in range(20):
        items = [cluster.at(region).get('key', key) for region in cluster.regions]
        assert items[0] == items[1] == items[2]
        side = items[0]['v'][:2]
        assert items[0]['v'] == f'{side} {key}'
        assert ('only_us' in items[0]) == (side == 'us') and ('only_eu' in items[0]) == (side == 'eu')
    logged = json.dumps([cluster.conflicts(region) for region in cluster.regions])
    for key in range(20):
        winner = cluster.at(US).get('key', key)['v']
        loser = ('eu' if winner.startswith('us') else 'us') + f' {key}'
        assert loser in logged, f'{loser} is in no conflict log'


# Several regions overwrite the same few keys as fast as they can: all agree in the end.
def test_f38_contended_keys(cluster):
    loads = [cluster.load(region, 'same', '--connections', 4, '--requests', 1500, '--keys', 5, '--seed', seed)
             for seed, region in enumerate(cluster.regions)]
    for load in loads:
        load.process.wait(PATIENCE_S)
    assert cluster.wait_equal() == 5


# Deletes and new writes of the same keys from different regions: no deleted item comes back, all agree.
def test_f34_f35_f37_delete_and_recreate(cluster):
    regions = itertools.cycle(cluster.regions)
    for turn in range(60):
        key = turn % 6
        cluster.at(next(regions)).put('key', key, v=str(turn))
        cluster.at(next(regions)).delete('key', key)
    cluster.wait_equal()
    # Deleted again where everything is known: then it is gone everywhere.
    for key in range(6):
        cluster.at(US).delete('key', key)
    cluster.wait_equal()
    assert all(cluster.at(region).get('key', key) is None for region in cluster.regions for key in range(6))


# The same conditional put in two regions at once: each is answered truly for its region, and one item stays.
def test_f40_conditional_put_in_two_regions(cluster):
    cluster.part(US, EU)
    for region in (US, EU):
        cluster.at(region).call('PutItem', TableName='flights',
                                Item={'pk': {'S': 'seat'}, 'sk': {'N': '1'}, 'v': {'S': region}},
                                ConditionExpression='attribute_not_exists(pk)')
    cluster.heal()
    cluster.wait_equal()
    assert len({cluster.at(region).get('seat', 1)['v'] for region in cluster.regions}) == 1


# A region is away while others delete: what it still holds does not come back.
def test_f34_zombie_region(cluster):
    for key in range(50):
        cluster.at(US).put('key', key, v='x')
    cluster.wait_equal()
    cluster.kill(AP)
    for key in range(50):
        cluster.at(EU).delete('key', key)
    wait_until('deletes in US', lambda: cluster.at(US).get('key', 49) is None, PATIENCE_S)
    cluster.start_region(AP)
    assert cluster.wait_equal() == 0
