"""Real processes on loopback. A test's name holds the numbers of the scenarios in the fault catalogue it covers."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from harness import Cluster  # noqa: E402


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
