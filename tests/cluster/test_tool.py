"""How the tool answers to words of its user, right and wrong."""
import json
import os
import socket
import subprocess

import pytest

from harness import BINARY, TABLE, US


def godwit(*words, folder=None):
    """(exit code, output, complaint)"""
    environment = {name: value for name, value in os.environ.items() if not name.startswith('GODWIT_')}
    done = subprocess.run([BINARY, *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False)
    return done.returncode, done.stdout, done.stderr


# Help is an answer and not a complaint, however it is asked for: on all, on a group of commands, on one.
@pytest.mark.parametrize('words, first', [
    (('--help',), 'godwit: '), (('help',), 'godwit: '),
    (('fault', '--help'), 'usage: godwit fault COMMAND'), (('help', 'fault'), 'usage: godwit fault COMMAND'),
    (('fault', 'delay', '-h'), 'usage: godwit fault delay A B MS'),
    (('help', 'fault', 'delay'), 'usage: godwit fault delay A B MS'),
    (('help', 'status'), 'usage: godwit status'), (('status', '--help'), 'usage: godwit status'),
])
def test_help(words, first):
    code, told, complaint = godwit(*words)
    assert (code, complaint) == (0, '')
    assert told.startswith(first)


# Each command that the general help lists has a help of its own.
def test_every_command_has_help():
    lines = godwit('--help')[1].split('commands:\n')[1].split('\n\n')[0].splitlines()
    names = [line[2:20].split() for line in lines]
    assert ['fault', 'delay'] in names
    for name in names:
        assert godwit(*name, '--help')[1].startswith(f'usage: godwit {" ".join(name)}')


# What is no command, no option or too much is wrong usage: exit code 2, and a sentence that quotes it.
@pytest.mark.parametrize('words, sentence', [
    (('statsu',), 'there is no command "statsu"; godwit --help lists them'),
    (('help', 'statsu'), 'there is no command "statsu"; godwit --help lists them'),
    (('fault', 'dealy', 'a'), 'there is no command "fault dealy"; godwit fault --help lists them'),
    (('status', '--jsn'), 'there is no option "--jsn" (see godwit status --help)'),
    (('status', '--json', '--json'), 'given more than once: option "--json" (see godwit status --help)'),
    (('status', 'now'), 'one argument too many: "now" (see godwit status --help)'),
    (('status', '--dir'), 'a value is missing behind option "--dir" (see godwit status --help)'),
    (('fault', 'delay', 'a'), 'usage: godwit fault delay A B MS (see godwit fault delay --help)'),
    (('conflicts', '--limit', '0'), '--limit must be at least 1'),
    (('export', 'birds', 'birds.csv', '--plain'), '--plain is about JSON lines; CSV has no type tags'),
    (('export', 'birds', 'birds.txt'), '--format is csv or jsonl, and needed where the file\'s name does not end so'),
    (('bench', '--keys', '0'), '--connections, --seconds and --keys must be at least 1'),
])
def test_misuse(words, sentence, tmp_path):
    assert godwit(*words, folder=tmp_path) == (2, '', f'godwit: {sentence}\n')


# A region's two addresses cannot be one, wherever the second comes from; any free port is one each time.
def test_init_keeps_addresses_apart(tmp_path):
    for words in (('--http', '127.0.0.1:7000', '--link', '127.0.0.1:7000'), ('--http', '127.0.0.1:9000')):
        code, _, complaint = godwit('init', '--region', 'here', '--dir', 'one', *words, folder=tmp_path)
        assert code == 2
        assert 'clients and regions cannot both connect to 127.0.0.1:' in complaint
    assert not (tmp_path / 'one').exists()
    code, told, _ = godwit('init', '--region', 'here', '--dir', 'one', '--http', '127.0.0.1:0', '--link', '127.0.0.1:0',
                           '--json', folder=tmp_path)
    assert code == 0
    assert json.loads(told)['region'] == 'here'


# A region on IPv6 tells the others addresses that they can use: with brackets, as in a URL.
def test_addresses_of_ipv6(tmp_path):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(('::1', 0))
    except OSError:
        pytest.skip('announced: no IPv6 on this machine')
    assert godwit('init', '--region', 'six', '--dir', 'six', '--http', '[::1]:0', '--link', '[::1]:0',
                  folder=tmp_path)[0] == 0
    ours, theirs = os.pipe()
    with subprocess.Popen([BINARY, 'server', '--dir', 'six', '--ready-fd', str(theirs)], cwd=tmp_path,
                          pass_fds=[theirs], stderr=subprocess.DEVNULL) as region:
        os.close(theirs)
        try:
            with open(ours, encoding='ascii') as ready:
                _, http, link = ready.readline().split()
            told = godwit('region', 'list', '--json', '--dir', 'six', '--endpoint', f'http://[::1]:{http}',
                          folder=tmp_path)[1]
        finally:
            region.terminate()
    (member,) = json.loads(told)['regions']
    assert (member['http'], member['link']) == (f'[::1]:{http}', f'[::1]:{link}')


# An export that was interrupted goes on only where it wrote lines of the same form: plain and tagged ones do not mix.
def test_export_does_not_mix_forms(cluster, tmp_path):
    cluster.at(US).put('k', 1, v='x')
    file = tmp_path / 'all.jsonl'
    part = '{"pk":"k","sk":0,"v":"of an earlier run"}\n'

    def interrupted(kind):
        (tmp_path / 'all.jsonl.part').write_text(part)
        (tmp_path / 'all.jsonl.progress').write_text(json.dumps(
            {'version': 1, 'kind': kind, 'table': TABLE, 'region': US, 'file_bytes': 0, 'file_mtime': 0,
             'offset': len(part), 'items': 1}))
    interrupted('plain export')
    assert '1 item of' in cluster.tool('export', TABLE, str(file), '--region', US)
    assert [json.loads(line)['pk'] for line in file.read_text().splitlines()] == [{'S': 'k'}]
    interrupted('plain export')
    assert '2 items of' in cluster.tool('export', TABLE, str(file), '--region', US, '--plain')
    assert [json.loads(line)['v'] for line in file.read_text().splitlines()] == ['of an earlier run', 'x']
