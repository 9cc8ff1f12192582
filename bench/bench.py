#!/usr/bin/python3
"""Runs every benchmark of this folder, one after the other.

usage: bench.py [--quick] [NAME...]     names: start, lag, throughput

Each prints a table and writes its figures to build/bench-results/. --quick takes fewer samples: for a look, not for a
claim.
"""
import argparse
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent
QUICK = {'start': ('--runs', '5'), 'lag': ('--samples', '50'), 'throughput': ('--rounds', '3', '--seconds', '2')}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('names', nargs='*', metavar='NAME', help=', '.join(QUICK))
    args = parser.parse_args()
    unknown = set(args.names) - set(QUICK)
    if unknown:
        parser.error(f'no benchmark is called {", ".join(sorted(unknown))}')
    failed = []
    for name in args.names or QUICK:
        sys.stdout.flush()
        options = QUICK[name] if args.quick else ()
        if subprocess.run([sys.executable, str(FOLDER / f'{name}.py'), *options], check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f'bench: {", ".join(failed)} failed')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main())
