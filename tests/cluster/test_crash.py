"""Regions that die: an acknowledged write is on disk, whatever ends the process and whenever."""
import http.client
import os
import random
import re
import threading

import pytest

from chaos import Chaos
from harness import AP, EU, PATIENCE_S, TABLE, US, Answer, Ledger, wait_until

SEED = int(os.environ.get('GODWIT_SEED', '1'))
SOAK = os.environ.get('GODWIT_SOAK') == '1'


# Random regions are killed under writes from two regions: nothing acknowledged is lost, and regions get equal.
def test_f01_f55_kill_random_regions(cluster, report):
    chaos = Chaos(cluster, 2200 if SOAK else 1000, random.Random(SEED))
    chaos.run(50 if SOAK else 4)
    report(chaos.sentence())
    assert not chaos.wrong
    assert chaos.acked > 0


def in_place(cluster):
    _, text = cluster.wire(US, 'GET', '/metrics')
    return int(re.search(r'^godwit_writes_in_place_total (\d+)$', text, re.M)[1])


# A client that is alone with its region is served without waking the writer's thread: an answer means as much.
def test_f01_client_alone(cluster):
    for turn in range(20 if SOAK else 4):
        load = cluster.load(US, f'alone{turn}', '--connections', 1)
        load.wait_for(300)
        assert in_place(cluster) > 0
        cluster.kill(US)
        load.stop()
        cluster.start_region(US)
        ledger = Ledger(load.log)
        assert ledger.acked >= 250
        assert not ledger.judge(cluster.at(US))
    cluster.wait_equal()


# All regions are killed at once under writes: what any of them acknowledged is there afterwards.
def test_f02_kill_all_regions(cluster, report):
    chaos = Chaos(cluster, 1000, random.Random(SEED))
    chaos.run(30 if SOAK else 6, everyone=True)
    report(chaos.sentence())
    assert not chaos.wrong


# Where the records end, give or take zeros: behind them stands room that was written ahead.
def end_of_log(path):
    return len(path.read_bytes().rstrip(b'\0'))


def newest_log(folder):
    return max(folder.glob('data/store/*.log'), key=lambda path: int(path.stem))


# The log ends in a record that was being written when the region died, cut off anywhere: the region starts, holds all
# that came before, nothing of that write, and goes on.
def test_f04_record_cut_off(cluster):
    rng = random.Random(SEED)
    for turn in range(40 if SOAK else 6):
        load = cluster.load(US, f'turn{turn}', '--connections', 4, '--requests', 100)
        load.process.wait(PATIENCE_S)
        cluster.wait_equal()
        for other in (EU, AP):
            cluster.cut(US, other)
        path = newest_log(cluster.folder / US)
        before = end_of_log(path)
        cluster.at(US).put('torn', turn, v='x' * 300)
        after = end_of_log(path)
        cluster.kill(US)
        assert before < after
        with open(path, 'r+b') as log:
            log.truncate(rng.randrange(before + 16, after))
        cluster.start_region(US)
        assert cluster.at(US).get('torn', turn) is None
        cluster.wait_equal()
        assert not Ledger(load.log).judge(cluster.at(US))


# Behind the log's last record stand bytes that nobody wrote: the region starts and holds all that came before.
@pytest.mark.parametrize('how', ['garbage', 'zeros'])
def test_f04_rubbish_behind_the_log(cluster, how):
    rng = random.Random(f'{SEED} {how}')
    for turn in range(20 if SOAK else 3):
        load = cluster.load(US, f'turn{turn}', '--connections', 4, '--requests', 400)
        load.process.wait(PATIENCE_S)
        cluster.wait_equal()
        cluster.kill(US)
        size = rng.randrange(1, 5000)
        with open(newest_log(cluster.folder / US), 'ab') as log:
            log.write(rng.randbytes(size) if how == 'garbage' else bytes(size))
        cluster.start_region(US)
        cluster.wait_equal()
        assert not Ledger(load.log).judge(cluster.at(US))


# A region is stopped for a while and goes on: nothing acknowledged is lost, and it catches up.
def test_f12_pause_and_resume(cluster):
    loads = [cluster.load(region, region, '--connections', 4, '--rate', 300, '--timeout-ms', 2000)
             for region in (US, EU)]
    loads[0].wait_for(100)
    cluster.pause(EU)
    loads[0].wait_for(1000)
    cluster.resume(EU)
    loads[1].wait_for(200)
    for load in loads:
        load.stop()
    cluster.wait_equal()
    ledger = Ledger(*(load.log for load in loads))
    for region in cluster.regions:
        assert not ledger.judge(cluster.at(region))


# While one region is down the others serve; when it is back, it gets what it missed and gives what it had.
def test_f14_region_away_and_back(cluster):
    cluster.kill(AP)
    load = cluster.load(US, 'away', '--connections', 4, '--requests', 2000)
    load.process.wait(PATIENCE_S)
    wait_until('EU has all', lambda: cluster.digest(EU)['items'] == 2000, PATIENCE_S)
    cluster.start_region(AP)
    assert cluster.wait_equal() == 2000


# Transactions that count up two items, each sent with a token until it is answered, while their region is killed again
# and again: each happens exactly once, and no region ever shows one item without the other.
def test_tokens_survive_kills(cluster):
    rounds, done, torn, failures = 300 if SOAK else 60, [0], [], []

    def parts(i):
        return [{'Update': {'TableName': TABLE, 'Key': {'pk': {'S': side}, 'sk': {'N': '1'}},
                            'UpdateExpression': 'ADD seq :one', 'ExpressionAttributeValues': {':one': {'N': '1'}}}}
                for side in ('left', 'right')] + [
            {'Put': {'TableName': TABLE, 'Item': {'pk': {'S': 'once'}, 'sk': {'N': str(i)}},
                     'ConditionExpression': 'attribute_not_exists(pk)'}}]

    def count():
        client = cluster.fresh(US)
        while done[0] < rounds:
            try:
                client.call('TransactWriteItems', ClientRequestToken=f'round-{done[0]}', TransactItems=parts(done[0]))
                done[0] += 1
            except Answer as answer:
                if answer.status < 500:  # a definite refusal: the token was forgotten
                    failures.append(str(answer))
                    return
            except (OSError, http.client.HTTPException):
                pass  # nobody knows, so the same is asked again

    def look(region):
        got = cluster.at(region).call('TransactGetItems', TransactItems=[
            {'Get': {'TableName': TABLE, 'Key': {'pk': {'S': side}, 'sk': {'N': '1'}}}} for side in ('left', 'right')])
        values = [row.get('Item', {}).get('seq', {'N': '0'})['N'] for row in got['Responses']]
        if values[0] != values[1]:
            torn.append((region, values))
        return int(values[0])

    writer = threading.Thread(target=count)
    writer.start()
    for turn in range(1, 4):
        wait_until('more transactions', lambda: failures or done[0] >= rounds * turn // 4, PATIENCE_S)
        cluster.kill(US)
        cluster.start_region(US)
    writer.join(PATIENCE_S)
    wait_until('the last in EU', lambda: failures or torn or look(EU) == rounds, PATIENCE_S)
    assert not failures and not torn
    assert look(US) == rounds
