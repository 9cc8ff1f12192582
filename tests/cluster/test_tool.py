"""How the tool answers to words of its user, right and wrong."""
import http.server
import json
import os
import socket
import subprocess
import threading

import pytest

from harness import BINARY, TABLE, US


def godwit(*words, folder=None, **environment):
    """(exit code, output, complaint)"""
    environment.update((name, value) for name, value in os.environ.items() if not name.startswith(('GODWIT_', 'AWS_')))
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


class Tired(http.server.BaseHTTPRequestHandler):
    """Describes a table of one item, and the first time that it is asked for it is too busy to say a word."""
    protocol_version = 'HTTP/1.1'
    scans = 0

    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        scan = self.headers['X-Amz-Target'].endswith('.Scan')
        type(self).scans += scan
        body = json.dumps({'Items': [{'pk': {'S': 'a'}}]} if scan else {'Table': {
            'KeySchema': [{'AttributeName': 'pk', 'KeyType': 'HASH'}],
            'AttributeDefinitions': [{'AttributeName': 'pk', 'AttributeType': 'S'}]}}).encode()
        tired = scan and self.scans == 1
        self.send_response(503 if tired else 200)
        self.send_header('Content-Length', '0' if tired else str(len(body)))
        self.end_headers()
        self.wfile.write(b'' if tired else body)

    def log_message(self, *_):
        pass


# A server that is full, or about to end, refuses without words: what may be repeated is asked again.
def test_busy_without_a_word(tmp_path):
    with http.server.HTTPServer(('127.0.0.1', 0), Tired) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code, told, complaint = godwit(
            'export', 'birds', 'birds.jsonl', '--region', 'here', '--endpoint',
            f'http://127.0.0.1:{server.server_port}', folder=tmp_path,
            AWS_ACCESS_KEY_ID='id', AWS_SECRET_ACCESS_KEY='secret')
        server.shutdown()
    assert (code, told, complaint) == (0, '1 item of birds in here written to birds.jsonl\n', '')
    assert Tired.scans == 2


# A region that cannot start says which of its files is at fault, and where in it.
def test_server_names_what_is_wrong(tmp_path):
    assert godwit('init', '--region', 'here', '--dir', 'one', '--http', '127.0.0.1:0', '--link', '127.0.0.1:0',
                  folder=tmp_path)[0] == 0
    keys, conf = tmp_path / 'one' / 'keys', tmp_path / 'one' / 'godwit.conf'
    good = keys.read_text()
    keys.write_text(good + 'garbage\n')
    code, _, complaint = godwit('server', '--dir', 'one', folder=tmp_path)
    assert code == 1
    assert f'event="key file does not parse" line={len(good.splitlines()) + 1}\n' in complaint
    assert 'event="cannot start without keys"' in complaint
    assert 'one/keys' in complaint.splitlines()[-1]
    keys.write_text(good)
    conf.write_text(conf.read_text() + 'web.threads = 99\n')
    code, _, complaint = godwit('server', '--dir', 'one', folder=tmp_path)
    assert code == 1
    assert f'line {len(conf.read_text().splitlines())}: "99" is no value for web.threads: a whole number from 1 to 16' in (
        complaint)


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
