#!/usr/bin/python3
"""Runs the suites that profit from time, from a fresh seed each round, until the time is over.

usage: soak.py [--minutes 60] [--suite sim|fuzz|disk|cluster]... [--seed N]

A round that fails ends the soak with its seed; `soak.py --seed N --minutes 0` runs that one round again.
The build folder's programs read GODWIT_SEED, GODWIT_SOAK, GODWIT_SIM_SEEDS and GODWIT_FUZZ_RUNS. What they counted and
timed without judging it, such as how long regions took to start again, is printed after each round.
"""
import argparse
import os
import random
import subprocess
import sys
import tempfile
import time

import run_tests

ROUND = {'GODWIT_SOAK': '1', 'GODWIT_SIM_SEEDS': '200', 'GODWIT_FUZZ_RUNS': '200000'}


def one_round(suites, seed):
    sys.stdout.flush()
    command = ['meson', 'test', '-C', 'build', '--no-rebuild', '--print-errorlogs', '--timeout-multiplier', '20']
    with tempfile.NamedTemporaryFile('r', prefix='godwit-soak-', encoding='utf-8') as report:
        env = {**os.environ, **ROUND, 'GODWIT_SEED': str(seed), 'GODWIT_REPORT': report.name}
        code = subprocess.run(command + [f'--suite={suite}' for suite in suites], cwd=run_tests.ROOT, env=env,
                              check=False).returncode
        for line in report:
            print(f'soak: {line.rstrip()}')
    return code == 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--minutes', type=float, default=60)
    parser.add_argument('--suite', action='append', choices=('sim', 'fuzz', 'disk', 'cluster'))
    parser.add_argument('--seed', type=int)
    args = parser.parse_args()
    end = time.monotonic() + 60 * args.minutes
    rounds = 0
    while rounds == 0 or time.monotonic() < end:
        seed = args.seed if args.seed is not None and rounds == 0 else random.SystemRandom().getrandbits(48)
        print(f'soak: round {rounds + 1}, seed {seed}')
        if not one_round(args.suite or ['sim', 'fuzz', 'disk', 'cluster'], seed):
            print(f'soak: seed {seed} failed; again with: tools/soak.py --minutes 0 --seed {seed}')
            return 1
        rounds += 1
    print(f'soak: {rounds} rounds, no failure')
    return 0


if __name__ == '__main__':
    sys.exit(main())
