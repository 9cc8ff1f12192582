"""A process that may have few files open at once."""
import json
import os
import resource
import socket
import subprocess

import pytest

from harness import BINARY, PATIENCE_S, US, Client

FILES = 900  # fewer than clients ask for below


@pytest.fixture
def region(tmp_path):
    """(port, keys) of a region alone that may have FILES open, and begins a new log file with every megabyte."""
    home = tmp_path / 'alone'
    told = subprocess.run([BINARY, 'init', '--region', US, '--dir', home, '--http', '127.0.0.1:0', '--link', '127.0.0.1:0',
                           '--json'], capture_output=True, text=True, timeout=PATIENCE_S, check=True).stdout
    key = json.loads(told)
    with open(home / 'godwit.conf', 'a', encoding='ascii') as conf:
        conf.write('engine.write_buffer_bytes = 1048576\n')
    ours, theirs = os.pipe()
    with open(home / 'log', 'wb') as log, subprocess.Popen(
            [BINARY, 'server', '--dir', home, '--ready-fd', str(theirs)], pass_fds=[theirs], stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES // 2, FILES))) as process:
        os.close(theirs)
        try:
            with open(ours, encoding='ascii') as ready:
                port = int(ready.readline().split()[1])
            yield port, (key['access_key_id'], key['secret_access_key'])
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
            print((home / 'log').read_text())
    assert process.returncode == 0


def wait_for_end(sock):
    """What comes until the other end closes; nothing when it does not."""
    sock.settimeout(0.2)
    try:
        return sock.recv(1000)
    except TimeoutError:
        return b''


# 9, 72: clients that connect and say nothing take no file from the store: those beyond their share are turned away, and
# the others write through any number of new log and table files.
def test_9_72_idle_clients_leave_the_store_its_files(region):
    port, keys = region
    client = Client(f'http://127.0.0.1:{port}', US, keys)
    client.call('CreateTable', TableName='alone', BillingMode='PAY_PER_REQUEST',
                KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}],
                AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'}])
    crowd = [socket.create_connection(('127.0.0.1', port)) for _ in range(FILES)]
    try:
        for n in range(100):
            client.call('PutItem', TableName='alone', Item={'pk': {'S': str(n % 10)}, 'v': {'S': 'x' * 100000}})
        assert wait_for_end(crowd[-1]).startswith(b'HTTP/1.1 503 ')
        assert wait_for_end(crowd[0]) == b''
    finally:
        for sock in crowd:
            sock.close()
    assert client.call('DescribeTable', TableName='alone')['Table']['ItemCount'] == 10
