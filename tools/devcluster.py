"""A development cluster for programs that need one: the demonstration and the suites.

    with DevCluster(binary, folder, regions=(...)) as cluster:
        client = cluster.client('us-east-2')

The cluster is one `godwit dev` process, which is the parent of its regions' processes. It chooses free ports, keeps
its data in `folder`, and ends, with all its regions, when the with-block ends or when we are killed. Only processes
started here are ever signalled, by their id.
"""
import json
import os
import pathlib
import signal
import subprocess
import threading
import time

import boto3
import botocore.config

REGIONS = ('us-east-2', 'eu-west-1', 'ap-southeast-1')
# One-way delays of DESIGN, in milliseconds.
ONE_WAY_MS = {
    frozenset(('us-east-2', 'eu-west-1')): 42,
    frozenset(('us-east-2', 'ap-southeast-1')): 105,
    frozenset(('eu-west-1', 'ap-southeast-1')): 90,
}
START_S_MAX = 30
STOP_S_MAX = 20
AWS_CLI = '/usr/bin/aws'


class DevError(Exception):
    """The cluster, or a tool asked about it, did not do what was asked."""


def wait_until(what, holds, seconds, pause=threading.Event()):
    """Returns the first true value of holds(), asked every few milliseconds; DevError after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > deadline:
            raise DevError(f'{what}: not within {seconds} s')
        pause.wait(0.002)


def die_with_parent():
    """In the child before exec: the kernel interrupts it (SIGINT, an orderly end) when our process is gone."""
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


class DevCluster:
    def __init__(self, binary, folder, regions=REGIONS, options=()):
        self.binary, self.folder, self.regions = str(binary), pathlib.Path(folder), tuple(regions)
        self.options = list(options)
        self.process = None
        self.log = self.folder / 'dev.log'
        self.urls, self.keys = {}, ('', '')

    # -- life --

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.log, 'ab') as log:
            self.process = subprocess.Popen(
                [self.binary, 'dev', '--dir', str(self.folder), '--port', '0', '--regions', ','.join(self.regions),
                 *self.options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent, start_new_session=True)
        wait_until('start of the regions', self._all_up, START_S_MAX)
        wait_until('links between the regions', self.all_linked, START_S_MAX)
        self.urls = {row['region']: row['url'] for row in self.processes()}
        first = next(key for key in self.tool_json('key', 'list', '--secrets')['keys'] if key['status'] == 'active')
        self.keys = (first['access_key_id'], first['secret_access_key'])

    def _all_up(self):
        if self.process.poll() is not None:
            raise DevError(f'godwit dev ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}')
        rows = self.processes(check=False)
        return len(rows) == len(self.regions) and all(row['state'] == 'up' for row in rows)

    def all_linked(self):
        """Every region knows every other one, and hears it."""
        rows = self.tool_json('status', check=False).get('regions', [])
        peers = [peer for row in rows for peer in row.get('status', {}).get('peers', [])]
        wanted = len(self.regions) * (len(self.regions) - 1)
        return len(peers) == wanted and all(peer['member'] and peer['connected'] for peer in peers)

    def stop(self):
        """Ends the supervisor; its regions end with it."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_S_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    # -- the tool --

    def tool(self, *args, check=True, timeout=60):
        """Standard output of `godwit ARGS --dir …`."""
        done = subprocess.run([self.binary, *args, '--dir', str(self.folder)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise DevError(f'godwit {" ".join(args)} ended with {done.returncode}: {done.stderr or done.stdout}')
        return done.stdout

    def tool_json(self, *args, **how):
        text = self.tool(*args, '--json', **how)
        return json.loads(text) if text.strip() else {}

    def processes(self, check=True):
        """[{region, state, pid, url}] as the supervisor knows them."""
        return self.tool_json('dev', 'pids', check=check).get('regions', [])

    def kill_region(self, region):
        """kill -9 of the region's process; returns its id."""
        pid = next(row['pid'] for row in self.processes() if row['region'] == region)
        os.kill(pid, signal.SIGKILL)
        return pid

    # -- clients --

    def environment(self):
        """What an AWS client finds in its environment: our credentials, and no files of its owner's."""
        env = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
        nowhere = str(self.folder / 'no-such-file')
        env.update(AWS_ACCESS_KEY_ID=self.keys[0], AWS_SECRET_ACCESS_KEY=self.keys[1], AWS_CONFIG_FILE=nowhere,
                   AWS_SHARED_CREDENTIALS_FILE=nowhere, AWS_EC2_METADATA_DISABLED='true', AWS_PAGER='',
                   NO_PROXY='127.0.0.1', no_proxy='127.0.0.1')
        return env

    def aws(self, *args, region=None, endpoint=None, check=True):
        """The completed `aws dynamodb ARGS`, with its output as text."""
        region = region or self.regions[0]
        done = subprocess.run(
            [AWS_CLI, 'dynamodb', *args, '--endpoint-url', endpoint or self.urls[region], '--region', region,
             '--output', 'json'],
            env=self.environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
        if check and done.returncode != 0:
            raise DevError(f'aws dynamodb {args[0]} ended with {done.returncode}: {done.stderr.strip()}')
        return done

    def aws_json(self, *args, **how):
        text = self.aws(*args, **how).stdout
        return json.loads(text) if text.strip() else {}

    def _how(self, region, endpoint, config):
        given = dict(retries={'mode': 'standard', 'total_max_attempts': 1}, connect_timeout=5, read_timeout=30,
                     max_pool_connections=32)
        given.update(config)
        return dict(region_name=region, endpoint_url=endpoint or self.urls[region], aws_access_key_id=self.keys[0],
                    aws_secret_access_key=self.keys[1], config=botocore.config.Config(**given))

    def client(self, region, endpoint=None, **config):
        """A boto3 client that does not repeat requests by itself, so that what it says is what was answered."""
        return boto3.session.Session().client('dynamodb', **self._how(region, endpoint, config))

    def resource(self, region, endpoint=None, **config):
        return boto3.session.Session().resource('dynamodb', **self._how(region, endpoint, config))
