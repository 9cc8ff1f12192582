#!/usr/bin/python3
"""Measures the figures of merit and prints them beside their bars.

usage: figures.py [--quick] [FIGURE...]     figures: F1 … F10, F13 … F16; all without a name

Each is a ratio inside one run, or a count; docs/performance.md says how each is made. Results go to
build/bench-results/: figures.json, and plots as SVG. --quick takes fewer samples: for a look, not for a claim. The exit
code is 0 when all was measured, whether or not the bars were met.
"""
import argparse
import functools
import json
import os
import pathlib
import platform
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import common  # noqa: E402
import front  # noqa: E402
import peers  # noqa: E402
import state  # noqa: E402
import wire  # noqa: E402

BIG = state.Big()
FIGURES = {'F1': front.f1, 'F2': front.f2, 'F3': wire.f3, 'F4': wire.f4, 'F5': wire.f5, 'F6': wire.f6, 'F7': wire.f7,
           'F8': front.f8, 'F9': functools.partial(state.f9, BIG), 'F10': wire.f10, 'F13': state.f13,
           'F14': functools.partial(state.f14, BIG), 'F15': state.f15, 'F16': state.f16}


def show(row):
    spread = '' if row.low is None else f'{row.low:.2f} - {row.high:.2f}'
    verdict = 'beside' if row.note == 'orientation' else 'met' if row.met else 'NOT MET'
    more = '' if row.note in ('', 'orientation') else f'  ({row.note})'
    void = f'  ({row.void} rounds void)' if row.void else ''
    print(f'{row.figure:4} {row.what:66} {row.ours:>14} {row.baseline:>14} {row.ratio:9.3f} {spread:>14} '
          f'{row.better} {row.bar:<6g} {verdict}{void}{more}', flush=True)


def measure(name, quick):
    """Rows, or None when something needed is not there."""
    with tempfile.TemporaryDirectory(prefix='godwit-figure-') as folder:
        began = time.monotonic()
        try:
            rows = FIGURES[name](pathlib.Path(folder), quick)
        except peers.Missing as missing:
            print(f'{name:4} not measured: {missing}', flush=True)
            return None
        for row in rows:
            show(row)
        return rows, time.monotonic() - began


def merge_results(found, quick):
    """Keeps what an earlier run measured of other figures."""
    common.RESULTS.mkdir(parents=True, exist_ok=True)
    path = common.RESULTS / 'figures.json'
    old = json.loads(path.read_text()) if path.exists() else {}
    figures = {**old.get('figures', {}), **{name: [row.as_dict() for row in rows] for name, rows in found.items()}}
    path.write_text(json.dumps({
        'machine': {'cores': os.cpu_count(), 'system': platform.platform()}, 'quick': quick,
        'measured': time.strftime('%Y-%m-%d'), 'figures': figures}, indent=1) + '\n')
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('figures', nargs='*', metavar='FIGURE', help=', '.join(FIGURES))
    args = parser.parse_args()
    unknown = set(args.figures) - set(FIGURES)
    if unknown:
        parser.error(f'no figure is called {", ".join(sorted(unknown))}')
    print(f'{"":4} {"figure":66} {"ours":>14} {"baseline":>14} {"ratio":>9} {"quartiles":>14}    bar')
    found, seconds, missed = {}, {}, []
    with BIG:
        for name in args.figures or FIGURES:
            measured = measure(name, args.quick)
            if measured is None:
                missed.append(name)
                continue
            found[name], seconds[name] = measured
    path = merge_results(found, args.quick)
    rows = [row for rows in found.values() for row in rows if row.note != 'orientation']
    took = ', '.join(f'{name} {measured_s:.0f} s' for name, measured_s in seconds.items())
    print(f'\ntook {took}')
    print(f'{sum(row.met for row in rows)} of {len(rows)} bars met; written to {path.relative_to(common.ROOT)}')
    return 1 if missed else 0


if __name__ == '__main__':
    sys.exit(main())
