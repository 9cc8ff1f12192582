"""A bookstore's calls, and what the vendor's newest clients make of our answers: programs for Node in tests/clients.

They import the SDK as it comes from npm in the versions of the lock file; it is installed once, beside the programs.
"""
import fcntl
import os
import pathlib
import subprocess

import pytest
from conftest import HOME
from devcluster import REGIONS

CLIENTS = pathlib.Path(__file__).resolve().parents[1] / 'clients'
INSTALLED = CLIENTS / 'node_modules/.package-lock.json'
PATIENCE_S = 240


def is_installed():
    """npm writes its own lock file last, and what it installed is as old as that."""
    lock = CLIENTS / 'package-lock.json'
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime


@pytest.fixture(scope='module')
def node(service):
    """node(program, prefix): runs a program in two regions; what it printed, line by line."""
    with open(CLIENTS / 'package.json', encoding='utf-8') as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not is_installed():
            subprocess.run(['npm', 'ci', '--no-fund', '--no-audit'], cwd=CLIENTS, check=True, timeout=PATIENCE_S)

    def run(program, prefix):
        environment = {**os.environ, **service.environment, 'SHOP_ENDPOINT': service.endpoint or '',
                       'AWS_ACCESS_KEY_ID': service.keys[0], 'AWS_SECRET_ACCESS_KEY': service.keys[1]}
        done = subprocess.run(['node', str(CLIENTS / program), HOME, REGIONS[1], prefix], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.split()
    return run


@pytest.fixture
def shop(node, tables, unique):
    """The bookstore's tables after a day of business in two regions, gone after the test."""
    for region in (HOME, REGIONS[1]):
        for name in ('books', 'cart', 'orders', 'sold'):
            tables.adopt(region, f'{unique}-{name}')
    assert node('bookstore.mjs', unique) == ['browse', 'fillCarts', 'checkOut', 'sell']
    return unique


# Books, carts, orders and the list of what sells best work for Node's SDK in both regions, each of which counts every
# order once; and what it wrote is what boto3 reads.
def test_bookstore(service, shop):
    for region in (HOME, REGIONS[1]):
        resource = service.resource(region)
        assert resource.Table(f'{shop}-books').scan()['Count'] == 60
        orders = resource.Table(f'{shop}-orders').scan()['Items']
        assert len(orders) == 81
        sold = {}
        for order in orders:
            for line in order['books']:
                sold[line['bookId']] = sold.get(line['bookId'], 0) + line['quantity']
        counted = resource.Table(f'{shop}-sold').scan()['Items']
        assert {row['bookId']: row['sold'] for row in counted} == sold


# Values, paginators, batches, waiters, transactions and typed refusals, as the SDK's documentation shows their use.
def test_calls(node, tables, unique):
    tables.adopt(HOME, f'{unique}-calls')
    assert node('calls.mjs', unique)[-1] == 'dropped'
