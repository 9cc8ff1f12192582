#!/usr/bin/python3
"""What an empty region costs: memory, and time from its start to its first answer.

usage: start.py [--runs 20]

A region is made by `godwit init` and started by `godwit server`; a signed ListTables is sent as soon as it accepts
connections, and the time ends when the answer is there. First starts make the store, later ones open it. Memory is
what the kernel counts as resident (VmRSS) after some requests, a second of rest and some more, with what of it is its
own and what are pages of shared libraries; PSS counts the latter by their share.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
import common  # noqa: E402

REGION = 'us-east-2'
START_S_MAX = 10
REST_S = 1  # after half of it a region lets go of what only its start needed


class Region:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.port = common.free_port()
        made = subprocess.run(
            [common.BINARY, 'init', '--region', REGION, '--dir', str(folder), '--http', f'127.0.0.1:{self.port}',
             '--link', f'127.0.0.1:{common.free_port()}'], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            sys.exit(f'bench: godwit init failed: {made.stderr}')
        listed = subprocess.run([common.BINARY, 'key', 'list', '--secrets', '--json', '--dir', str(folder)],
                                capture_output=True, text=True, check=True)
        key = json.loads(listed.stdout)['keys'][0]
        self.keys = (key['access_key_id'], key['secret_access_key'])
        self.process = None

    def start(self):
        """Milliseconds from the start of the process to its first answer."""
        client = common.Client(f'http://127.0.0.1:{self.port}', REGION, self.keys)
        client.signed('warm-up', b'')  # derives the key before time is taken
        log = open(self.folder / 'log', 'ab')
        began = time.monotonic()
        self.process = subprocess.Popen([common.BINARY, 'server', '--dir', str(self.folder)], stdout=log, stderr=log)
        log.close()
        while True:
            try:
                client.call('ListTables')
                break
            except ConnectionRefusedError:
                if time.monotonic() - began > START_S_MAX or self.process.poll() is not None:
                    sys.exit(f'bench: the region did not start: {(self.folder / "log").read_text()}')
                time.sleep(0.0003)
        took = (time.monotonic() - began) * 1000
        client.close()
        return took

    def use(self):
        """Some requests, a rest and some more, so that memory is not that of a process which has done nothing."""
        self.ask()
        time.sleep(REST_S)
        self.ask()

    def ask(self):
        client = common.Client(f'http://127.0.0.1:{self.port}', REGION, self.keys)
        for _ in range(100):
            client.call('ListTables')
        client.close()

    def memory(self):
        """Kilobytes by kind."""
        status = pathlib.Path(f'/proc/{self.process.pid}/status').read_text()
        pss = pathlib.Path(f'/proc/{self.process.pid}/smaps_rollup').read_text()
        found = {name: int(kb) for name, kb in re.findall(r'^(VmRSS|RssAnon|RssFile|VmHWM):\s+(\d+) kB', status, re.M)}
        found['Pss'] = int(re.search(r'^Pss:\s+(\d+) kB', pss, re.M)[1])
        return found

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--runs', type=int, default=20)
    args = parser.parse_args()
    first, later, memory = [], [], []
    with tempfile.TemporaryDirectory(prefix='godwit-start-') as folder:
        for run in range(args.runs):
            region = Region(pathlib.Path(folder) / str(run))
            try:
                first.append(region.start())
                region.stop()
                later.append(region.start())
                region.use()
                memory.append(region.memory())
            finally:
                region.stop()
    result = {'first_ms': first, 'later_ms': later, 'memory_kb': memory}
    print(f'start: {args.runs} runs, from exec to the answer of a signed request')
    for name, values in (('first start', first), ('later starts', later)):
        low, middle, high = common.quartiles(values)
        print(f'  {name:14} median {middle:6.1f} ms, quartiles {low:.1f} - {high:.1f}, max {max(values):.1f}')
    print('memory of an empty region, after a few requests')
    for name in memory[0]:
        values = [row[name] for row in memory]
        print(f'  {name:14} median {common.quartiles(values)[1] / 1024:6.1f} MB, max {max(values) / 1024:.1f}')
    common.save('start', result)
    return 0


if __name__ == '__main__':
    sys.exit(main())
