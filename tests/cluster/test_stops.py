"""A region that is asked to end, with requests under way."""
import concurrent.futures
import os
import signal
import socket
import threading
import urllib.parse

import pytest

from harness import EU, PATIENCE_S, US, wait_until


def listens(cluster, region):
    parts = urllib.parse.urlsplit(cluster.urls[region])
    try:
        socket.create_connection((parts.hostname, parts.port)).close()
    except OSError:
        return False
    return True


# Operators' questions make a round through all threads that serve clients: a region that ends amid them leaves none of
# those threads waiting for another that is gone.
@pytest.mark.parametrize('signum', [signal.SIGTERM, signal.SIGINT])
def test_stop_amid_rounds(make, signum):
    cluster = make(regions=(US,))
    cluster.tool('dev', 'stop', US)
    cluster.configure(US, web__threads=4)
    cluster.start_region(US)
    answered, enough = [], threading.Event()

    def ask():
        while not enough.is_set():
            try:
                cluster.status(US)
            except Exception:  # it went away: that is what it was told to do
                return
            answered.append(1)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        for _ in range(8):
            pool.submit(ask)
        try:
            wait_until('questions to be answered', lambda: len(answered) > 50, PATIENCE_S)
            os.kill(cluster.pid(US), signum)
            wait_until('the end of the region', lambda: not cluster.up(US), PATIENCE_S)
        finally:
            enough.set()


# A region that ends while another works on a request that it forwarded passes the answer on and is gone.
def test_stop_amid_a_forwarded_request(cluster):
    via = cluster.fresh(US)
    via.region = EU
    via.put('k', 1, v='connects')
    cluster.pause(EU)
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            put = pool.submit(via.put, 'k', 2, v='forwarded')
            # It is taken before whatever comes later.
            wait_until('the request to be sent', lambda: put.running() and via.connection is not None, PATIENCE_S)
            for _ in range(3):
                assert cluster.wire(US, 'GET', '/healthz')[0] == 200
            os.kill(cluster.pid(US), signal.SIGTERM)
            wait_until('the listener to close', lambda: not listens(cluster, US), PATIENCE_S)
            assert cluster.up(US)
            cluster.resume(EU)
            assert put.result(PATIENCE_S) == {}
            wait_until('the end of the region', lambda: not cluster.up(US), PATIENCE_S)
    finally:
        cluster.resume(EU)
    assert cluster.at(EU).get('k', 2)['v'] == 'forwarded'
