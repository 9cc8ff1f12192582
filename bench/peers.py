"""What godwit is measured beside: each starts on free ports and in a folder of its own, and ends with its with-block."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
import common  # noqa: E402

REGION = 'us-east-2'
PG_BIN = pathlib.Path('/usr/lib/postgresql/15/bin')


class Missing(Exception):
    """A program that is measured beside is not installed."""


def need(program):
    path = shutil.which(program)
    if path is None:
        raise Missing(f'{program} is missing (make deps-bench)')
    return path


class Peer:
    process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()

    def load(self, *options):
        return common.run_load(self.port, *options)


class Responder(Peer):
    """The bare HTTP responder: the limit of what a front can do."""
    name = 'bare HTTP'

    def __init__(self, _folder=None):
        self.port = common.free_port()
        self.process = subprocess.Popen([common.ROOT / 'build/bench/responder', str(self.port)])
        common.wait_until('the responder', lambda: common.is_open(self.port), common.PATIENCE_S)


class Godwit(Peer):
    """One region, signed, with a table as CreateTable makes it; or several with a global table."""
    name = 'godwit'

    def __init__(self, folder, regions=(REGION,), options=()):
        self.cluster = common.Cluster(pathlib.Path(folder), regions=regions, options=options)
        self.cluster.start()
        if len(regions) == 1:
            self.cluster.create(regions[0], stream=False)
        else:
            self.cluster.make_table()
        self.region = regions[0]
        self.port = self.cluster.at(self.region).port

    def load(self, *options):
        return common.run_load(self.port, *options, region=self.region, keys=self.cluster.keys)

    def __exit__(self, *_):
        self.cluster.stop()


class Dynalite(Peer):
    """On disk (LevelDB, nothing synced), or in memory; checks no signature."""

    def __init__(self, folder=None):
        self.name = 'dynalite on disk' if folder else 'dynalite in memory'
        script = common.ROOT / 'bench/node_modules/dynalite/cli.js'
        if not script.exists():
            raise Missing('dynalite is missing (cd bench && npm ci)')
        self.port = common.free_port()
        where = ['--path', str(folder)] if folder else []
        self.process = subprocess.Popen(
            ['node', str(script), '--host', '127.0.0.1', '--port', str(self.port), '--createTableMs', '0', *where],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        client = common.Client(f'http://127.0.0.1:{self.port}', REGION, ('id', 'secret'))
        common.wait_until('start of dynalite', lambda: common.is_open(self.port), common.PATIENCE_S)
        client.call('CreateTable', TableName=common.TABLE, BillingMode='PAY_PER_REQUEST',
                    KeySchema=[{'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'sk', 'KeyType': 'RANGE'}],
                    AttributeDefinitions=[{'AttributeName': 'pk', 'AttributeType': 'S'},
                                          {'AttributeName': 'sk', 'AttributeType': 'N'}])
        common.wait_until('the table', lambda: client.call('DescribeTable', TableName=common.TABLE)['Table'][
            'TableStatus'] == 'ACTIVE', common.PATIENCE_S)
        client.close()


class Redis(Peer):
    """SET with every write synced before its answer (appendfsync always)."""
    name = 'Redis, synced'

    def __init__(self, folder):
        self.port = common.free_port()
        self.process = subprocess.Popen(
            [need('redis-server'), '--port', str(self.port), '--bind', '127.0.0.1', '--dir', str(folder), '--save', '',
             '--appendonly', 'yes', '--appendfsync', 'always'], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        common.wait_until('Redis', lambda: common.is_open(self.port), common.PATIENCE_S)

    def sets_per_second(self, connections, item_bytes, requests):
        done = subprocess.run(
            [need('redis-benchmark'), '-p', str(self.port), '-t', 'set', '-c', str(connections), '-d', str(item_bytes),
             '-n', str(requests), '-r', '10000', '--csv'], capture_output=True, text=True, check=True)
        return float(done.stdout.splitlines()[-1].split(',')[1].strip('"'))


class Postgres(Peer):
    """PostgreSQL with its defaults (synchronous_commit on)."""
    name = 'PostgreSQL'

    def __init__(self, folder):
        if not (PG_BIN / 'initdb').exists():
            raise Missing('postgresql-15 is missing (make deps-bench)')
        self.folder, self.port = pathlib.Path(folder), common.free_port()
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.chown(self.folder, 'postgres')
        for parent in self.folder.parents:
            if parent.stat().st_uid == os.getuid() and parent.name.startswith('godwit-'):
                parent.chmod(0o755)
        self.run('initdb', '-D', self.folder / 'data', '-A', 'trust', '-U', 'postgres')
        self.process = subprocess.Popen(
            [*self.as_postgres(), PG_BIN / 'postgres', '-D', self.folder / 'data', '-p', str(self.port),
             '-k', str(self.folder), '-c', 'listen_addresses=127.0.0.1'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd='/')
        common.wait_until('PostgreSQL', lambda: self.ask('select 1', check=False) == '1', common.PATIENCE_S)
        self.ask('create table kv (k int primary key, v text)')
        (self.folder / 'upsert.sql').write_text(
            '\\set k random(1, 10000)\ninsert into kv values (:k, repeat(\'x\', 300)) '
            'on conflict (k) do update set v = excluded.v;\n')

    @staticmethod
    def as_postgres():
        return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] if os.getuid() == 0 else []

    def run(self, program, *args, check=True):
        return subprocess.run([*self.as_postgres(), PG_BIN / program, *map(str, args)], capture_output=True, text=True,
                              check=check, cwd='/')

    def ask(self, sql, check=True):
        return self.run('psql', '-h', '127.0.0.1', '-p', self.port, '-U', 'postgres', '-Atc', sql,
                        check=check).stdout.strip()

    def upserts_per_second(self, connections, seconds):
        done = self.run('pgbench', '-h', '127.0.0.1', '-p', self.port, '-U', 'postgres', '-n', '-M', 'prepared', '-c',
                        connections, '-j', 1, '-T', seconds, '-f', self.folder / 'upsert.sql', 'postgres')
        return float(re.search(r'tps = ([\d.]+)', done.stdout)[1])

    def __exit__(self, *_):
        self.process.send_signal(2)
        self.process.wait()


def rocksdb_synced_per_second(folder, threads, item_bytes, writes):
    """db_bench: each write synced, as many threads as there would be connections."""
    done = subprocess.run(
        [need('db_bench'), '--benchmarks=fillrandom', '--sync=1', f'--db={folder}', f'--threads={threads}',
         f'--num={max(1, writes // threads)}', f'--value_size={item_bytes}', '--key_size=24', '--compression_type=none'],
        capture_output=True, text=True, check=True)
    rate = float(re.search(r'fillrandom\s*:.*?(\d+) ops/sec', done.stdout)[1])
    shutil.rmtree(folder, ignore_errors=True)
    return rate
