"""Seeded random requests over the operations that both services have, on items and pages of them; tables are in make_tables.py."""
import copy

from expressions import Expressions
from legacy import Legacy
from make_tables import SHAPES, Tables
from spoil import spoil
from values import TYPICAL, Draw

NAMES = tuple(TYPICAL)
# A few items of the table 'range' are so large that a page is full of them.
LARGE = {'S': 'large'}


class Requests:
    """Makes (operation, body) without end. `tables` maps the name of a shape to the table that has it now."""

    def __init__(self, rng, tables):
        self.rng, self.tables, self.draw = rng, tables, Draw(rng)
        self.legacy = Legacy(self.draw)
        self.table_requests = Tables(self.draw, tables)
        self.follow = None
        self.makers = (
            (self.put_item, 14), (self.get_item, 8), (self.update_item, 24), (self.delete_item, 6), (self.query, 20),
            (self.scan, 8), (self.batch_get, 6), (self.batch_write, 6), (self.large, 0.4), (self.table_requests.make, 12))

    def next(self):
        self.draw.begin()
        if self.follow is not None and self.draw.chance(0.6):
            operation, body = self.follow
        else:
            maker = self.rng.choices([m for m, _ in self.makers], [w for _, w in self.makers])[0]
            operation, body = maker()
        self.follow = None
        body = copy.deepcopy(body)
        for _ in range(self.draw.faults):
            spoil(self.draw, body)
        return operation, body

    def answered(self, operation, body, answer):
        """Goes on behind a page that both services ended at the same item."""
        if operation == 'Query' and answer.get('LastEvaluatedKey'):
            self.follow = operation, dict(body, ExclusiveStartKey=answer['LastEvaluatedKey'])

    # -- parts --

    def table(self):
        shape = self.draw.choice(sorted(self.tables))
        return shape, self.tables[shape]

    def key(self, shape):
        key = {key.split(':')[0]: self.draw.key_value(key.split(':')[1]) for key in SHAPES[shape].keys}
        if self.draw.fault(0.05):
            wrong = self.rng.randrange(4)
            if wrong == 0:
                key.pop(self.draw.choice(sorted(key)))
            elif wrong == 1:
                key[self.draw.choice(('a', 'c', 'p'))] = self.draw.value()
            else:
                key[self.draw.choice(sorted(key))] = self.draw.choice(({'S': ''}, {'B': ''}, {'S': 'x' * 2049}, self.draw.value()))
        return key

    def item(self, shape):
        item = {name: self.draw.attribute(name) for name in self.draw.names(0, 7)}
        for index in SHAPES[shape].indexes:
            for key in index[1:3]:
                if key:
                    name, kind = key.split(':')
                    item.pop(name, None)
                    if self.draw.chance(0.6):
                        item[name] = self.draw.key_value(kind)
                    if self.draw.fault(0.05):
                        item[name] = self.draw.choice(({'S': ''}, {'B': ''}, {'S': 'x' * 2049}, {'S': 'x' * 1025}, self.draw.value
                                ()))
        item.update(self.key(shape))
        return item

    def capacity(self, body):
        if self.draw.chance(0.35):
            body['ReturnConsumedCapacity'] = self.draw.choice(('TOTAL', 'INDEXES', 'INDEXES', 'NONE'))

    def guard(self, body, expressions, older):
        """A condition of either kind, perhaps of both."""
        if self.draw.chance(0.35) and (not older or self.draw.fault(0.1)):
            body['ConditionExpression'] = expressions.text(expressions.condition())
        if self.draw.chance(0.4) and (older or self.draw.fault(0.1)):
            body['Expected'], operator = self.legacy.several(self.legacy.expected_one, NAMES + ('p', 'c'))
            if operator:
                body['ConditionalOperator'] = operator
        elif self.draw.fault(0.02):
            body['ConditionalOperator'] = 'AND'

    def finish_write(self, body, expressions, returned, older):
        self.guard(body, expressions, older)
        if self.draw.chance(0.5):
            body['ReturnValues'] = self.draw.choice(returned)
        if self.draw.fault(0.03):
            body['ReturnValues'] = self.draw.choice(('ALL_NEW', 'UPDATED_NEW', 'all_old', 'SOME', ''))
        if self.draw.chance(0.2):
            body['ReturnItemCollectionMetrics'] = self.draw.choice(('NONE', 'SIZE', 'SIZE'))
        if self.draw.chance(0.1):
            body['ReturnValuesOnConditionCheckFailure'] = self.draw.choice(('ALL_OLD', 'NONE'))
        self.capacity(body)
        expressions.finish(body)

    # -- items --

    def put_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Item': self.item(shape)}
        self.finish_write(body, Expressions(self.draw), ('NONE', 'ALL_OLD', 'ALL_OLD'), self.draw.chance(0.35))
        return 'PutItem', body

    def delete_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Key': self.key(shape)}
        self.finish_write(body, Expressions(self.draw), ('NONE', 'ALL_OLD', 'ALL_OLD'), self.draw.chance(0.35))
        return 'DeleteItem', body

    def update_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Key': self.key(shape)}
        expressions, older = Expressions(self.draw), self.draw.chance(0.3)
        if older:
            body['AttributeUpdates'] = self.legacy.updates([key.split(':')[0] for key in SHAPES[shape].keys])
        if not older or self.draw.fault(0.05):
            body['UpdateExpression'] = expressions.text(expressions.update())
        if self.draw.chance(0.02):
            body.pop('UpdateExpression', None), body.pop('AttributeUpdates', None)
            expressions = Expressions(self.draw)
        self.finish_write(body, expressions, ('NONE', 'ALL_OLD', 'ALL_NEW', 'UPDATED_OLD', 'UPDATED_NEW'), older)
        return 'UpdateItem', body

    def projected(self, body, expressions, older=False):
        if self.draw.chance(0.35) and (not older or self.draw.fault(0.1)):
            body['ProjectionExpression'] = expressions.text(expressions.projection())
        if self.draw.chance(0.35) and (older or self.draw.fault(0.05)):
            body['AttributesToGet'] = self.rng.sample(NAMES + ('p', 'c'), self.rng.randrange(1, 4))
        if self.draw.chance(0.25):
            body['ConsistentRead'] = self.draw.chance(0.5)

    def get_item(self):
        shape, table = self.table()
        body, expressions = {'TableName': table, 'Key': self.key(shape)}, Expressions(self.draw)
        self.projected(body, expressions, self.draw.chance(0.25))
        self.capacity(body)
        if expressions.names:
            body['ExpressionAttributeNames'] = expressions.names
        return 'GetItem', body

    def keys_of(self, shape, most):
        keys = []
        for _ in range(self.rng.randrange(1, most)):
            key = self.key(shape)
            if not any(self.same_key(key, other) for other in keys) or self.draw.fault(0.2):
                keys.append(key)
        return keys

    @staticmethod
    def same_key(one, other):
        def plain(key):
            return {name: float(value['N']) if value.get('N') in ('1', '1.0') else value for name, value in key.items()}
        return plain(one) == plain(other)

    def batch_get(self):
        requests = {}
        for shape in self.rng.sample(sorted(self.tables), self.draw.choice((1, 1, 2))):
            part, expressions = {'Keys': self.keys_of(shape, 6)}, Expressions(self.draw)
            if self.draw.fault(0.03):
                part['Keys'] = [{key.split(':')[0]: {key.split(':')[1]: str(at)} for key in SHAPES[shape].keys} for at in range(
                        101)]
            self.projected(part, expressions, self.draw.chance(0.25))
            if expressions.names:
                part['ExpressionAttributeNames'] = expressions.names
            requests[self.tables[shape]] = part
        body = {'RequestItems': requests}
        self.capacity(body)
        return 'BatchGetItem', body

    def batch_write(self):
        requests = {}
        for shape in self.rng.sample(sorted(self.tables), self.draw.choice((1, 1, 2))):
            writes = requests.setdefault(self.tables[shape], [])
            for key in self.keys_of(shape, 5):
                if self.draw.chance(0.7):
                    writes.append({'PutRequest': {'Item': {**self.item(shape), **key}}})
                else:
                    writes.append({'DeleteRequest': {'Key': key}})
            if self.draw.fault(0.06):
                writes.extend(writes[:1] * 26)
            if self.draw.fault(0.06):
                writes[0] = self.draw.choice(({}, {'PutRequest': {}}, {'DeleteRequest': {}}, {**writes[0], 'DeleteRequest': {
                        'Key': self.key(shape)}}))
        body = {'RequestItems': requests}
        if self.draw.chance(0.15):
            body['ReturnItemCollectionMetrics'] = 'SIZE'
        self.capacity(body)
        return 'BatchWriteItem', body

    def large(self):
        """Items of which a page holds a few only."""
        items = [{'p': LARGE, 'c': {'N': str(at)}, 's': {'S': self.draw.choice('ab') + str(at)}, 'a': {'S': 'x' * self.rng.randrange
                (100_000, 350_000)}, 'n': {'N': str(-at)}} for at in self.rng.sample(range(30), 8)]
        return 'BatchWriteItem', {'RequestItems': {self.tables['range']: [{'PutRequest': {'Item': item}} for item in items]}}

    # -- pages --

    def indexed(self, shape, body):
        """(hash, range) with types of the table or of an index that the body then names."""
        keys, indexes = SHAPES[shape].keys, SHAPES[shape].indexes
        if indexes and self.draw.chance(0.5):
            index = self.draw.choice(indexes)
            body['IndexName'] = index[0]
            return index[1], index[2]
        if self.draw.fault(0.03):
            body['IndexName'] = self.draw.choice(('nosuch', 'ab', ''))
        return keys[0], keys[1] if len(keys) > 1 else None

    def start_key(self, shape, index_name):
        start = self.key(shape)
        for index in SHAPES[shape].indexes:
            if index[0] == index_name and not self.draw.fault(0.15):
                for key in filter(None, index[1:3]):
                    start.setdefault(key.split(':')[0], self.draw.key_value(key.split(':')[1]))
        return start

    def select(self, body, shape):
        of_index = next((index for index in SHAPES[shape].indexes if index[0] == body.get('IndexName')), None)
        narrowed = {'ProjectionExpression', 'AttributesToGet'} & set(body)
        fitting = ['SPECIFIC_ATTRIBUTES'] if narrowed else ['COUNT']
        if not narrowed and (of_index is None or of_index[3] == 'ALL' or of_index in SHAPES[shape].local):
            fitting.append('ALL_ATTRIBUTES')
        if not narrowed and of_index is not None:
            fitting.append('ALL_PROJECTED_ATTRIBUTES')
        if self.draw.fault():
            fitting = ('ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES', 'SPECIFIC_ATTRIBUTES', 'COUNT', 'count')
        body['Select'] = self.draw.choice(fitting)

    def page(self, body, expressions, shape, legacy_filter, older, keys):
        if self.draw.chance(0.35) and (not older or self.draw.fault(0.1)):
            body['FilterExpression'] = expressions.text(expressions.condition())
        if self.draw.chance(0.4) and (older or self.draw.fault(0.05)):
            taken = [key.split(':')[0] for key in keys if key] if not self.draw.fault(0.1) else []
            body[legacy_filter], operator = self.legacy.several(self.legacy.condition, [name for name in NAMES if name not in
                    taken])
            if operator:
                body['ConditionalOperator'] = operator
        self.projected(body, expressions, older)
        if body.get('ConsistentRead') and any(index[0] == body.get('IndexName') for index in SHAPES[shape].global_) and not self.draw.fault(
                0.2):
            del body['ConsistentRead']
        if self.draw.chance(0.2):
            self.select(body, shape)
        if self.draw.chance(0.35):
            body['Limit'] = self.draw.choice((1, 1, 2, 2, 3, 10, 1000))
        if self.draw.chance(0.1):
            body['ExclusiveStartKey'] = self.start_key(shape, body.get('IndexName'))
        self.capacity(body)
        expressions.finish(body)

    def key_conditions(self, keys):
        name, kind = keys[0].split(':')
        conditions = {name: {'ComparisonOperator': 'EQ', 'AttributeValueList': [self.draw.key_value(kind)]}}
        if self.draw.fault(0.05):
            conditions[name] = self.legacy.condition(name, kind=kind)
        if keys[1] and self.draw.chance(0.6):
            name, kind = keys[1].split(':')
            operators = ['EQ', 'LT', 'LE', 'GT', 'GE', 'BETWEEN'] + (['BEGINS_WITH'] if kind != 'N' else [])
            if self.draw.fault(0.1):
                operators = ['NE', 'CONTAINS', 'NULL', 'NOT_NULL', 'IN', 'NOT_CONTAINS', 'BEGINS_WITH']
            conditions[name] = self.legacy.condition(name, self.draw.choice(operators), kind)
        if self.draw.fault(0.05):
            conditions[self.draw.choice(('a', 'zz'))] = self.legacy.condition('a', 'EQ')
        return conditions

    def query(self):
        shape, table = self.table()
        body, expressions = {'TableName': table}, Expressions(self.draw)
        keys, older = self.indexed(shape, body), self.draw.chance(0.3)
        if shape == 'range' and keys[0].startswith('p:') and self.draw.chance(0.15):
            older = False
            body['KeyConditionExpression'] = 'p = :large'
            expressions.values[':large'] = LARGE
        elif not older:
            body['KeyConditionExpression'] = expressions.text(expressions.key_condition(keys))
        if older or self.draw.fault(0.02):
            body['KeyConditions'] = self.key_conditions(keys)
        if self.draw.chance(0.4):
            body['ScanIndexForward'] = self.draw.chance(0.2)
        self.page(body, expressions, shape, 'QueryFilter', older, keys)
        return 'Query', body

    def scan(self):
        shape, table = self.table()
        body, expressions = {'TableName': table}, Expressions(self.draw)
        self.indexed(shape, body)
        if self.draw.chance(0.15):
            body['TotalSegments'] = self.draw.choice((1, 2, 4))
            body['Segment'] = self.rng.randrange(body['TotalSegments'])
            if self.draw.fault(0.3):
                body['Segment'] = body['TotalSegments'] + self.draw.choice((0, 1, -10))
        self.page(body, expressions, shape, 'ScanFilter', self.draw.chance(0.3), ())
        return 'Scan', body
