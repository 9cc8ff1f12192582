#!/usr/bin/python3
"""The same seeded random requests to godwit and to dynalite, and every difference between their answers.

usage: differential.py [--requests 20000] [--seed N] [--show TEXT] [--record FILE]

Status, error type, message and data are compared, after a write also what is stored, and of a scan in pages or segments
all of it. What dynalite does not do, capacity units of indexes and metrics of item collections, is held
against what DynamoDB documents (model.py). What DynamoDB does otherwise than dynalite is known to explained.py, with the
documentation that says so; everything else is printed, one example of each kind, and fails the run. A run is repeated by its seed.
"""
import argparse
import collections
import json
import pathlib
import random
import sys
import tempfile
import time

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / 'tests/cluster'), str(ROOT / 'tests/differential')]
from harness import BINARY, DevCluster  # noqa: E402
import explained  # noqa: E402, F401
import explained_tables  # noqa: E402, F401
from compare import by_text, comparable, kind_of, plain  # noqa: E402
from make_requests import Requests  # noqa: E402
from make_tables import SHAPES, create_body  # noqa: E402
from model import key_names, undocumented  # noqa: E402
from rules import ORDER, RULES, explain  # noqa: E402
from services import REGION, Dynalite, NoAnswer, Side  # noqa: E402
from spoil import reductions  # noqa: E402

# Tables are made anew after so many requests, so that items do not grow for ever.
REFRESH_EVERY = 1500
REVIVALS_MAX = 5
ORDERS_SHOWN = 12


class Run:
    def __init__(self, ours, theirs, dynalite, seed, record=None):
        self.dynalite = dynalite
        self.ours, self.theirs = ours, theirs
        self.sides = (ours, theirs)
        self.rng = random.Random(seed)
        self.tables, self.generation = {}, 0
        self.requests = Requests(self.rng, self.tables)
        self.explained = collections.Counter()
        self.open = collections.OrderedDict()
        self.orders = collections.Counter()
        self.same = collections.Counter()
        self.record = record
        self.lost = False  # dynalite was started anew

    def refresh(self):
        """New tables on both sides, and nothing else. Dynalite may die of what it had answered already."""
        for _ in range(REVIVALS_MAX):
            try:
                self.begin_anew()
                return
            except NoAnswer as gone:
                self.revive(gone)
        raise RuntimeError('dynalite does not stay alive')

    def revive(self, gone):
        if gone.args[0] is not self.theirs:
            raise gone
        self.dynalite.revive()

    def begin_anew(self):
        for side in self.sides:
            side.settle()
            for name in side.names():
                side.drop(name)
        for shape in SHAPES:
            self.renew(shape)

    def renew(self, shape):
        """A new table of a shape on both sides, instead of the one before."""
        self.generation += 1
        name = f'g{self.generation}-{shape}'
        for side in self.sides:
            side.drop(self.tables.get(shape, name))
            status, answer = side.send('CreateTable', create_body(name, shape))
            if status == 0:
                raise NoAnswer(side)
            assert status == 200, answer
        for side in self.sides:
            side.settle(name)
        self.tables[shape] = name

    # -- items that a request writes --

    def written(self, operation, body):
        """[(shape, table, key)] of a write; nothing where the request does not even have them."""
        shapes = {table: shape for shape, table in self.tables.items()}
        try:
            if operation in ('PutItem', 'UpdateItem', 'DeleteItem'):
                pairs = [(body['TableName'], body['Item' if operation == 'PutItem' else 'Key'])]
            elif operation == 'BatchWriteItem':
                pairs = [(table, write['PutRequest']['Item'] if 'PutRequest' in write else write['DeleteRequest']['Key'])
                         for table, writes in body['RequestItems'].items() for write in writes]
            else:
                return []
            return [(shapes[table], table, {name: item[name] for name in key_names(SHAPES[shapes[table]])}) for table, item in
                    pairs]
        except (KeyError, TypeError, AttributeError):
            return []

    def items(self, side, keys):
        return [plain(side.item(table, key)) for _, table, key in keys]

    def mend(self, operation, body, keys):
        """Makes the tables of both sides the same again after one did what the other refused."""
        for _, table, key in keys:
            item = self.ours.item(table, key)
            if item is None:
                self.theirs.send('DeleteItem', {'TableName': table, 'Key': key})
            else:
                self.theirs.send('PutItem', {'TableName': table, 'Item': item})
        if operation in ('CreateTable', 'DeleteTable') and body.get('TableName') not in self.tables.values():
            for side in self.sides:
                side.drop(str(body.get('TableName')))
                side.settle(str(body.get('TableName')))
            return True
        if keys and self.items(self.ours, keys) == self.items(self.theirs, keys):
            return True
        shapes = [shape for shape, table in self.tables.items() if f'"{table}"' in json.dumps(body) or f'/{table}' in json.dumps(
                body)]
        for shape in shapes:
            self.renew(shape)
        return bool(shapes)

    # -- one request --

    def step(self):
        operation, body = self.requests.next()
        keys = self.written(operation, body)
        before = self.items(self.ours, keys)
        answers = [side.send(operation, body) for side in self.sides]
        if answers[1][0] == 0 and answers[0][0] != 0:
            return self.died(operation, body, answers[0])
        ours, theirs = (comparable(operation, body, answer) for answer in answers)
        after = []
        if ours[0] == theirs[0] == 200:
            after = self.items(self.ours, keys)
            if keys:
                ours[3]['Stored'], theirs[3]['Stored'] = after, self.items(self.theirs, keys)
                self.check_documented(operation, body, [(*key, old, new) for key, old, new in zip(keys, before, after)], ours,
                                      theirs)
            if operation == 'Scan' and not self.whole_scans(body, ours, theirs):
                return self.died(operation, body, answers[0])
        if operation in ('CreateTable', 'UpdateTable', 'DeleteTable'):
            for side in self.sides:
                side.settle(str(body.get('TableName')))
        if ours == theirs:
            self.same[(operation, 'OK' if ours[0] == 200 else 'refused')] += 1
            if ours[0] == 200:
                self.requests.answered(operation, body, answers[0][1])
            return True
        self.differ(operation, body, ours, theirs, before)
        if self.lost:
            self.lost = False
            return False
        parted = ours[0] != theirs[0] or (ours[0] == 200 and ours[3].get('Stored') != theirs[3].get('Stored'))
        changes = operation not in ('GetItem', 'BatchGetItem', 'Query', 'Scan', 'DescribeTable', 'DescribeTimeToLive',
                                    'ListTables', 'ListTagsOfResource')
        return not (parted and changes) or self.mend(operation, body, keys)

    def died(self, operation, body, answer):
        """dynalite died of the request, or forgot it."""
        self.differ(operation, body, comparable(operation, body, answer), [0, 'dies', '', None], [])
        self.dynalite.revive()
        return False

    def check_documented(self, operation, body, writes, ours, theirs):
        """Of what the model knows, the model is the judge."""
        fault = undocumented(operation, body, writes, ours[3])
        if fault is not None:
            ours[3]['Undocumented'] = fault
        for side in (ours, theirs):
            side[3].pop('ConsumedCapacity', None)
            side[3].pop('ItemCollectionMetrics', None)

    def whole_scans(self, body, ours, theirs):
        """Pages and segments are each service's own; all of them together are not. Gives whether both read them."""
        partial = {'Limit', 'ExclusiveStartKey', 'TotalSegments', 'Segment'} & set(body)
        if not partial and 'LastEvaluatedKey' not in ours[3] and 'LastEvaluatedKey' not in theirs[3]:
            return True
        for side, answer in zip(self.sides, (ours, theirs)):
            whole = {'Items': [], 'Count': 0, 'ScannedCount': 0}
            segments = [{'TotalSegments': body['TotalSegments'], 'Segment': at} for at in range(int(body['TotalSegments']))] if 'Segment' in body else [
                    {}]
            for segment in segments:
                asked = dict({name: value for name, value in body.items() if name != 'ExclusiveStartKey'}, **segment)
                while True:
                    status, page = side.send('Scan', asked)
                    if status == 0 and side is self.theirs:
                        return False
                    if status != 200:
                        whole['Refused'] = page
                        break
                    whole['Items'] += page.get('Items', [])
                    whole['Count'] += page['Count']
                    whole['ScannedCount'] += page['ScannedCount']
                    if not page.get('LastEvaluatedKey'):
                        break
                    asked['ExclusiveStartKey'] = page['LastEvaluatedKey']
            whole['Items'] = by_text(plain(whole['Items']))
            answer[3] = whole
        return True

    def differ(self, operation, body, ours, theirs, before):
        rule = explain(operation, body, ours, theirs, before)
        if rule is None and self.told_in_another_order(operation, body, ours, theirs):
            rule = ORDER
            self.orders[kind_of(operation, ours, theirs)] += 1
        if self.record is not None:
            print(json.dumps([operation, body, ours, theirs, before, rule is ORDER]), file=self.record, flush=True)
        if rule is not None:
            self.explained[rule] += 1
            return
        found = self.open.setdefault(kind_of(operation, ours, theirs), [0, None])
        found[0] += 1
        example = (operation, body, ours, theirs, before)
        if found[1] is None or len(json.dumps(body)) < len(json.dumps(found[1][1])):
            found[1] = example

    def told_in_another_order(self, operation, body, ours, theirs):
        """Whether a request has two faults and each service knows both: with a part of the request taken away, each says what
        the other one said of the whole."""
        if {ours[0], theirs[0]} != {400} or operation == 'DeleteTable':
            return False
        known, changed = [False, False], False
        for reduced in reductions(body):
            for at, (side, wanted) in enumerate(((self.ours, theirs), (self.theirs, ours))):
                if not known[at]:
                    answer = side.send(operation, reduced)
                    changed = changed or answer[0] == 200
                    if answer[0] == 0 and side is self.theirs:
                        self.dynalite.revive()
                        self.lost = True
                        return False
                    known[at] = comparable(operation, reduced, answer)[:3] == wanted[:3]
            if all(known):
                break
        if changed:
            self.mend(operation, body, self.written(operation, body))
        return all(known)

    def go(self, count):
        since = REFRESH_EVERY
        for _ in range(count):
            if since >= REFRESH_EVERY:
                self.refresh()
                since = 0
            since += 1
            try:
                alike = self.step()
            except NoAnswer as gone:
                self.revive(gone)
                alike = False
            if not alike:
                since = REFRESH_EVERY  # the data may have parted

    def report(self, show):
        for operation in sorted({operation for operation, _ in self.same}):
            print(f'  {operation:20} the same: {self.same[operation, "OK"]} served, {self.same[operation, "refused"]} refused')
        for rule in (*RULES, ORDER):
            if self.explained[rule]:
                print(f'  explained {self.explained[rule]:6}: {rule.reason} ({rule.page})')
        for kind, count in self.orders.most_common(ORDERS_SHOWN):
            print(f'      {count:6} x {kind[:300]}')
        for kind, (count, example) in sorted(self.open.items(), key=lambda row: -row[1][0]):
            print(f'NOT EXPLAINED {count} x {kind}')
            if show is not None and show in kind:
                operation, body, ours, theirs, before = example
                print(f'    {operation} {json.dumps(body)[:1500]}\n    ours   {ours}\n    theirs {theirs}\n    before {before}')
        return sum(count for count, _ in self.open.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--requests', type=int, default=20000)
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', default='', help='give examples of the kinds that have this text')
    parser.add_argument('--record', type=argparse.FileType('w'), help='write every difference to a file, a line of JSON each')
    parser.add_argument('--dynalite', default=str(ROOT / 'bench/node_modules/dynalite/cli.js'))
    args = parser.parse_args()
    began = time.monotonic()
    dynalite = Dynalite(args.dynalite)
    try:
        # What is synced there need not outlive the run.
        memory = '/dev/shm' if pathlib.Path('/dev/shm').is_dir() else None
        with tempfile.TemporaryDirectory(prefix='godwit-differential-', dir=memory) as folder, \
                DevCluster(BINARY, folder, regions=(REGION,)) as cluster:
            run = Run(Side(cluster.urls[REGION], cluster.keys), Side(dynalite.url, ('id', 'secret'), patience=20), dynalite, args.seed, args.record)
            run.go(args.requests)
    finally:
        dynalite.stop()
    left = run.report(args.show)
    print(f'differential: {args.requests} requests, seed {args.seed}, {time.monotonic() - began:.0f} s: '
          f'{sum(run.same.values())} the same, {sum(run.explained.values())} explained, {left} not explained')
    return 1 if left else 0


if __name__ == '__main__':
    sys.exit(main())
