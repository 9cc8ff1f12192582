"""Real processes on loopback. A test's name holds the numbers of the scenarios in the fault catalogue it covers."""
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Cluster  # noqa: E402


FIGURES = pytest.StashKey()


def pytest_configure(config):
    config.stash[FIGURES] = []


@pytest.fixture
def report(request):
    """report(sentence): what a test has counted or timed and does not judge. It is shown after the tests, and written to
    the file GODWIT_REPORT, where a soak looks for it."""
    def say(sentence):
        line = f'{request.node.name}: {sentence}'
        request.config.stash[FIGURES].append(line)
        if os.environ.get('GODWIT_REPORT'):
            with open(os.environ['GODWIT_REPORT'], 'a', encoding='utf-8') as out:
                out.write(line + '\n')
    return say


def pytest_terminal_summary(terminalreporter, config):
    if config.stash[FIGURES]:
        terminalreporter.section('figures')
        for line in config.stash[FIGURES]:
            terminalreporter.write_line(line)


@pytest.fixture
def make(tmp_path):
    """make(**how): a cluster of its own for the test; what it logged is shown when the test fails."""
    made = []

    def start(**how):
        cluster = Cluster(tmp_path / f'cluster-{len(made)}', **how)
        made.append(cluster)
        cluster.start()
        return cluster
    yield start
    for cluster in made:
        for log in sorted(cluster.folder.glob('*/log')):
            print(f'--- {log.parent.name}\n{log.read_text()[-3000:]}')
        cluster.stop()


@pytest.fixture
def cluster(make):
    """Three regions at 10 ms from each other, with a table in all of them."""
    cluster = make(options=('--delay', '10'))
    cluster.make_table()
    return cluster
