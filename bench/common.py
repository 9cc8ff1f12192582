"""What the benchmarks share: clusters and the load generator from the cluster suite, and how figures are written."""
import json
import os
import pathlib
import socket
import subprocess
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / 'tests/cluster')]
from figure import percentile, quartiles  # noqa: E402,F401
from harness import BINARY, LOAD, PATIENCE_S, TABLE, Client, Cluster, wait_until  # noqa: E402,F401

RESULTS = ROOT / 'build/bench-results'
TICKS_PER_S = os.sysconf('SC_CLK_TCK')


def cpu_s(pid):
    """Seconds of processor time the process has used."""
    fields = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def run_load(port, *options, keys=None, region=None):
    """The load generator's counts."""
    command = [LOAD, '--port', str(port), '--table', TABLE, *map(str, options)]
    env = dict(os.environ)
    if region:
        command += ['--region', region]
        env.update(AWS_ACCESS_KEY_ID=keys[0], AWS_SECRET_ACCESS_KEY=keys[1])
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def save(name, result):
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f'{name}.json'
    path.write_text(json.dumps(result, indent=1) + '\n')
    print(f'  written to {path.relative_to(ROOT)}')


def free_port():
    """A port of loopback that nobody listens on."""
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def is_open(port):
    """Whether somebody listens on that port of loopback."""
    with socket.socket() as s:
        return s.connect_ex(('127.0.0.1', port)) == 0
