"""What an operator and a monitor see of real processes."""
import json
import os
import re
import stat

import pytest

from harness import AP, EU, PATIENCE_S, TABLE, US, Answer, DevError, wait_until


# Each region says that it is well, without a token; a region that is gone says nothing.
def test_healthz(cluster):
    for region in cluster.regions:
        status, text = cluster.wire(region, 'GET', '/healthz')
        assert status == 200
        assert json.loads(text) == {'status': 'ok', 'region': region}


# Metrics are in Prometheus' text form, name every peer, and count what was done.
def test_metrics(cluster):
    for key in range(10):
        cluster.at(US).put('k', key, v='x')
    cluster.wait_equal()
    status, text = cluster.wire(US, 'GET', '/metrics')
    assert status == 200
    line = re.compile(r'^(#.*|[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})? -?[0-9.e+-]+(Inf|NaN)?)$')
    bad = [row for row in text.splitlines() if row and not line.match(row)]
    assert not bad
    for peer in (EU, AP):
        assert f'"{peer}"' in text
    for word in ('pending', 'latency'):
        assert any(word in row for row in text.splitlines() if row.startswith('godwit_')), word


# The measured lag of a link is near its injected delay, and never below it.
def test_status_measures_lag(make):
    cluster = make(options=('--delay', '40'))
    cluster.make_table()
    for key in range(20):
        cluster.at(US).put('k', key, v='x')
    cluster.wait_equal()
    latency = cluster.peer(EU, US)['latency']
    assert latency['count'] > 0
    assert latency['mean_ms'] >= 39


# Verify says that regions are equal, and names what differs while it does.
def test_verify(cluster):
    cluster.at(US).put('k', 1, v='x')
    cluster.wait_equal()
    cluster.verify()
    cluster.part(US, EU)
    cluster.at(US).put('k', 2, v='x')
    answer = cluster.tool('verify', '--timeout', '1', check=False)
    assert 'equal' not in answer.splitlines()[-1] or 'not' in answer
    cluster.heal()
    cluster.wait_equal()
    cluster.verify()


# A request signed for another region is answered by that region, through any endpoint.
def test_forwarding(cluster):
    via = cluster.fresh(US)
    via.region = EU
    via.put('k', 1, v='forwarded')
    assert cluster.at(EU).get('k', 1)['v'] == 'forwarded'
    cluster.kill(EU)
    status, _ = cluster.wire(US, 'GET', '/healthz')
    assert status == 200
    wait_until('the link to be down', lambda: not cluster.peer(US, EU)['connected'], PATIENCE_S)
    cluster.at(US).put('k', 2, v='x')


# The load generator measures a region that writes and reads go to, at the rate asked for.
def test_bench(cluster):
    told = json.loads(cluster.tool('bench', '--region', EU, '--seconds', '1', '--rate', '200', '--keys', '50', '--json'))
    assert told['refused'] == told['unknown'] == 0
    assert told['found'] == told['reads'] > 0
    assert told['writes'] > 0
    assert 0 < told['read_us']['p50'] <= told['read_us']['max']
    assert sum(told[what] for what in ('reads', 'writes')) <= 201


# An export gives a finished file its name by renaming: it refuses to do so where something else than a file is.
def test_export_leaves_what_is_no_file(cluster, tmp_path):
    cluster.at(US).put('k', 1, v='x')
    pipe = tmp_path / 'pipe.jsonl'
    os.mkfifo(pipe)
    assert cluster.tool('export', TABLE, str(pipe), check=False) == ''
    assert stat.S_ISFIFO(os.lstat(pipe).st_mode)
    assert '1 item of' in cluster.tool('export', TABLE, str(tmp_path / 'whole.jsonl'))


# A record longer than any item is named as such and keeps nothing before it from being put.
def test_import_names_a_huge_record(cluster, tmp_path):
    items = [{'pk': 'long', 'sk': n, 'v': 'x' * size} for n, size in ((1, 1), (2, 20 << 20))]
    file = tmp_path / 'huge.jsonl'
    file.write_text(''.join(json.dumps(item) + '\n' for item in items))
    with pytest.raises(DevError, match='record 2: longer than any item may be'):
        cluster.tool('import', TABLE, str(file), '--region', US)
    assert cluster.at(US).get('long', 1)['v'] == 'x'


# A fault's number out of its range is wrong usage, told before any region is asked, and refused by the region too.
@pytest.mark.parametrize('words', [('loss', US, EU, '1001'), ('delay', US, EU, '3600001'), ('skew', US, '-1000000000001')])
def test_fault_out_of_range(cluster, words):
    with pytest.raises(DevError, match='ended with 2: .* is out of range'):
        cluster.tool('fault', *words)


# An operator's question that asks for what cannot be is told so, and told apart from one after what is not there.
@pytest.mark.parametrize('question, status', [
    ('conflicts?limit=0', 400), ('conflicts?limit=1001', 400), (f'records?table={TABLE}&bucket=64', 400),
    (f'records?table={TABLE}&bucket=1&after=x', 400), ('records?table=nowhere&bucket=1', 404), ('nonsense', 404),
])
def test_questions_refused(cluster, question, status):
    with pytest.raises(Answer) as refused:
        cluster.admin(US, question)
    assert refused.value.status == status


# A skew that no clock can hold is refused whoever sends it.
def test_fault_out_of_range_of_a_region(cluster):
    with pytest.raises(Answer, match='out of range'):
        cluster.fault(US, skew_ms=1e300)
