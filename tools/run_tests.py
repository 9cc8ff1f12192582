#!/usr/bin/python3
"""Runs the test lanes, counts every single test in them, and ends with the line "N passed, N failed".

usage: run_tests.py [--lane NAME]... [--suite NAME]... [--quick]

lanes: gcc    everything, in build/
       asan   address and undefined sanitizers: the suites that run in one process, in build-asan/
       clang  compiles with warnings as errors, in build-clang/
       tsan   thread sanitizer: unit and cluster suites, in build-tsan/ (only when named)
Without --lane: gcc, clang and asan. --quick: gcc alone, without the cluster suite.

A test counts as failed when it says so, when its program ends badly without saying so, when it is skipped,
and when one of the required suites has no test at all: what did not run has proved nothing.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
REQUIRED_SUITES = ('tidy', 'unit', 'golden', 'fuzz', 'sim', 'conformance', 'cluster')
# How long the suites that can run for any time shall run in a sanitizer build, which is several times slower.
REDUCED = {'GODWIT_FUZZ_RUNS': '20000', 'GODWIT_SIM_SEEDS': '10'}
SANITIZER_OPTIONS = {
    'ASAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1',
    'UBSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:print_stacktrace=1',
    'TSAN_OPTIONS': 'halt_on_error=1:abort_on_error=1:second_deadlock_stack=1:suppressions=' +
                    str(ROOT / 'tools/tsan.supp'),
}
LANES = {
    'gcc': {'folder': 'build', 'setup': [], 'suites': REQUIRED_SUITES},
    'clang': {'folder': 'build-clang', 'setup': [], 'suites': (), 'env': {'CC': 'clang', 'CXX': 'clang++'}},
    'asan': {'folder': 'build-asan', 'suites': ('unit', 'golden', 'fuzz', 'sim'), 'slower': 5, 'test_env': REDUCED,
             'setup': ['-Db_sanitize=address,undefined', '-Dslow_checks=true', '-Doptimization=1']},
    'tsan': {'folder': 'build-tsan', 'suites': ('unit', 'cluster'), 'slower': 10, 'test_env': REDUCED,
             'setup': ['-Db_sanitize=thread', '-Doptimization=1']},
}


class Tally:
    def __init__(self):
        self.passed, self.failures, self.seconds = 0, [], {}

    def add(self, passed, failures):
        self.passed += passed
        self.failures += failures


def run(command, env=None):
    """Runs in the tree's top, output straight to ours; true if it ended well."""
    sys.stdout.flush()
    return subprocess.run(command, cwd=ROOT, env={**os.environ, **(env or {})}, check=False).returncode == 0


def build(lane, spec):
    """Sets the lane's folder up if it is not, and builds all of it, tests included."""
    env = spec.get('env')
    folder = spec['folder']
    if not (ROOT / folder / 'build.ninja').exists():
        if not run(['meson', 'setup', folder, '-Dwerror=true', *spec['setup']], env):
            return False
    print(f'run_tests: building {folder} ({lane})')
    return run(['ninja', '-C', folder], env)


def count_tap(stdout):
    """(passed, names of the failed) of a cmocka program's report; a skip is a failure, and so is a silence."""
    passed, failed = 0, []
    for verdict, rest in re.findall(r'^(ok|not ok) \d+ ?-? ?(.*)$', stdout, re.M):
        if verdict == 'ok' and '# SKIP' not in rest.upper():
            passed += 1
        else:
            failed.append(rest)
    planned = sum(int(n) for n in re.findall(r'^1\.\.(\d+)$', stdout, re.M))
    if planned > passed + len(failed):
        failed.append(f'{planned - passed - len(failed)} tests were planned and never ended')
    return passed, failed


def count_pytest(stdout):
    """(passed, names of the failed) of a pytest run, or None if there was none."""
    closing = re.findall(r'^=+ (.*) in [\d.]+s.*=+$', stdout, re.M)
    if not closing:
        return None
    counts = {word.rstrip('s'): int(number) for number, word in re.findall(r'(\d+) (\w+)', closing[-1])}
    names = re.findall(r'^(?:FAILED|ERROR) (\S+)', stdout, re.M)
    bad = sum(counts.get(word, 0) for word in ('failed', 'error'))
    names += ['?'] * (bad - len(names))
    return counts.get('passed', 0) + counts.get('xfailed', 0), names


def count(test):
    """(passed, names of the failed) of one program that meson ran; one that should fail passes by failing."""
    stdout = test.get('stdout') or ''
    if test['result'] == 'EXPECTEDFAIL':
        return 1, []
    passed, failed = count_pytest(stdout) or count_tap(stdout)
    if not passed and not failed:
        passed = 1 if test['result'] == 'OK' else 0
    if test['result'] != 'OK' and not failed:
        failed = [f'({test["result"].lower()}, exit code {test.get("returncode")})']
    return passed, [f'{test["name"]}: {name}' for name in failed]


def suites_of(folder):
    """The suites that have a test, as meson knows them; it prefixes the project's name."""
    text = subprocess.run(['meson', 'introspect', '--tests', folder], cwd=ROOT, capture_output=True, text=True,
                          check=True).stdout
    return {suite.split(':')[-1] for test in json.loads(text) for suite in test['suite']}


def test_lane(lane, spec, suites, tally):
    folder = spec['folder']
    wanted = [suite for suite in spec['suites'] if suite in suites]
    present = suites_of(folder)
    tally.add(0, [f'{lane}: suite {suite} has no test' for suite in wanted if suite not in present])
    wanted = [suite for suite in wanted if suite in present]
    if not wanted:
        return
    log = ROOT / folder / 'meson-logs/testlog.json'
    log.unlink(missing_ok=True)
    env = {'CMOCKA_MESSAGE_OUTPUT': 'TAP', **SANITIZER_OPTIONS, **spec.get('test_env', {})}
    command = ['meson', 'test', '-C', folder, '--no-rebuild', '--print-errorlogs', '--timeout-multiplier',
               str(spec.get('slower', 1))]
    ended_well = run(command + [f'--suite={suite}' for suite in wanted], env)
    tests = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    bad_before = len(tally.failures)
    for test in tests:
        passed, failed = count(test)
        tally.add(passed, [f'{lane}: {name}' for name in failed])
    if not tests or (not ended_well and len(tally.failures) == bad_before):
        tally.add(0, [f'{lane}: meson test ended badly'])


def run_lane(lane, suites, tally):
    spec = LANES[lane]
    started = time.monotonic()
    if not build(lane, spec):
        tally.add(0, [f'{lane}: build'])
    else:
        tally.add(1, [])
        test_lane(lane, spec, suites, tally)
    tally.seconds[lane] = time.monotonic() - started


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split('\n\n')[1].removeprefix('usage: '))
    parser.add_argument('--lane', action='append', choices=LANES)
    parser.add_argument('--suite', action='append', choices=REQUIRED_SUITES)
    parser.add_argument('--quick', action='store_true')
    args = parser.parse_args()
    lanes = args.lane or (['gcc'] if args.quick else ['gcc', 'clang', 'asan'])
    suites = args.suite or [suite for suite in REQUIRED_SUITES if not (args.quick and suite == 'cluster')]
    tally = Tally()
    for lane in lanes:
        run_lane(lane, suites, tally)
    print()
    for name in tally.failures:
        print(f'FAILED {name}')
    print('run_tests: ' + ', '.join(f'{lane} {seconds:.0f} s' for lane, seconds in tally.seconds.items()))
    print(f'{tally.passed} passed, {len(tally.failures)} failed')
    return 1 if tally.failures or not tally.passed else 0


if __name__ == '__main__':
    sys.exit(main())
