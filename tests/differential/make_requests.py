"""Seeded random requests over the operations that both services have.

A request is made well-formed first and then, half the time, spoilt in one or two places: a member taken away, doubled,
replaced by another JSON type, by an odd value or by one just outside a limit. So most faults stand alone, and what
the services say about them can be compared word for word.
"""
import copy

from expressions import Expressions

ODD_JSON = (None, True, False, 0, 1, -1, 1.5, 1e3, 12345678901234567890, '', 'a', 'true', '1', 'x' * 300, [], [[]], [1],
            ['a'], ['a', 'a'], [None], {}, {'a': 1}, {'S': 'a'}, [{}])
ODD_VALUES = (
    {}, {'S': ''}, {'S': 'a', 'N': '1'}, {'X': 'a'}, {'N': ''}, {'N': 'abc'}, {'N': '1e400'}, {'N': '1e-400'},
    {'N': '1' * 39}, {'N': '0x10'}, {'N': ' 1'}, {'N': '1e126'}, {'N': '1e-131'}, {'N': '9' * 38 + 'e88'}, {'N': '1e125'},
    {'N': '-0'}, {'N': '+1'}, {'N': '1.'}, {'N': '.5'}, {'N': '00012.500'}, {'N': '1E+2'}, {'N': 'NaN'}, {'N': '1_000'},
    {'SS': []}, {'NS': []}, {'BS': []}, {'SS': ['a', 'a']}, {'NS': ['1', '1.0']}, {'NS': ['1', '1']}, {'BS': ['YQ==', 'YQ==']},
    {'NS': ['1', 'b']}, {'SS': ['']}, {'B': ''}, {'B': 'YQ'}, {'B': 'YR=='}, {'B': '!!!!'}, {'NULL': False}, {'NULL': 'no'},
    {'BOOL': 'yes'}, {'M': {}}, {'L': []}, {'L': [{}]}, {'M': {'a': {}}}, {'M': {'': {'S': 'a'}}}, {'L': [{'S': 'a', 'N': '1'}]},
    {'S': 'x' * 2049}, {'S': 'x' * 1025}, {'M': {'a': {'NS': []}}}, {'SS': ['a', None]}, {'N': '1', 'B': 'YQ=='})
COMPARISONS = {'EQ': 1, 'NE': 1, 'LE': 1, 'LT': 1, 'GE': 1, 'GT': 1, 'NOT_NULL': 0, 'NULL': 0, 'CONTAINS': 1,
               'NOT_CONTAINS': 1, 'BEGINS_WITH': 1, 'IN': 2, 'BETWEEN': 2}
# name: keys with types, local indexes, global indexes; an index is (name, hash, range, projection).
SHAPES = {
    'hash': (('p:S',), (), ()),
    'number': (('p:N', 'c:B'), (), ()),
    'binary': (('p:B',), (), ()),
    'range': (('p:S', 'c:N'), (('by_s', 'p:S', 's:S', 'ALL'), ('by_n', 'p:S', 'n:N', 'KEYS_ONLY')),
              (('of_g', 'g:S', 'c:N', 'KEYS_ONLY'), ('of_a', 'g:S', None, ['a', 'l']))),
    'text': (('p:S', 'c:S'), (), (('of_n', 'n:N', None, 'ALL'),)),
}
NAMES = ('a', 'bb', 'x1', 'l', 'm', 'ss', 'ns', 'name')


def schema_of(hash_key, range_key):
    parts = [{'AttributeName': hash_key.split(':')[0], 'KeyType': 'HASH'}]
    if range_key:
        parts.append({'AttributeName': range_key.split(':')[0], 'KeyType': 'RANGE'})
    return parts


def index_of(name, hash_key, range_key, projection):
    how = {'ProjectionType': projection}
    if isinstance(projection, list):
        how = {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': projection}
    return {'IndexName': name, 'KeySchema': schema_of(hash_key, range_key), 'Projection': how}


def create_body(table, shape, billing='PAY_PER_REQUEST'):
    keys, local, globals_ = SHAPES[shape]
    wanted = {key for key in keys}
    for index in local + globals_:
        wanted |= {key for key in index[1:3] if key}
    body = {'TableName': table, 'KeySchema': schema_of(keys[0], keys[1] if len(keys) > 1 else None), 'BillingMode': billing,
            'AttributeDefinitions': [dict(zip(('AttributeName', 'AttributeType'), key.split(':'))) for key in sorted(wanted)]}
    throughput = {'ReadCapacityUnits': 5, 'WriteCapacityUnits': 5}
    if billing == 'PROVISIONED':
        body['ProvisionedThroughput'] = throughput
    if local:
        body['LocalSecondaryIndexes'] = [index_of(*index) for index in local]
    if globals_:
        body['GlobalSecondaryIndexes'] = [index_of(*index) for index in globals_]
        if billing == 'PROVISIONED':
            for index in body['GlobalSecondaryIndexes']:
                index['ProvisionedThroughput'] = dict(throughput)
    return body


class Requests:
    """Makes (operation, body) without end. `tables` maps the name of a shape to the table that has it now."""

    def __init__(self, rng, tables):
        self.rng, self.tables = rng, tables
        self.serial = 0
        self.makers = (
            (self.put_item, 16), (self.get_item, 8), (self.update_item, 20), (self.delete_item, 6), (self.query, 18),
            (self.scan, 8), (self.batch_get, 6), (self.batch_write, 6), (self.create_table, 8), (self.update_table, 3),
            (self.describe, 2), (self.tags, 4), (self.list_tables, 1))

    def next(self):
        maker = self.rng.choices([m for m, _ in self.makers], [w for _, w in self.makers])[0]
        operation, body = maker()
        body = copy.deepcopy(body)
        if self.rng.random() < 0.5:
            for _ in range(self.rng.choice((1, 1, 1, 2))):
                self.spoil(body)
        return operation, body

    # -- parts --

    def chance(self, part):
        return self.rng.random() < part

    def table(self):
        shape = self.rng.choice(sorted(self.tables))
        return shape, self.tables[shape]

    def scalar(self, kind):
        if kind == 'S':
            return {'S': self.rng.choice(('a', 'b', 'c', 'ab', 'abc', 'B', '\u00e9', '\U0001f600', '1'))}
        if kind == 'N':
            return {'N': self.rng.choice(('0', '1', '2', '3', '-1', '1.0', '1e1', '10', '0.5', '-0.50', '100', '1e-3'))}
        return {'B': self.rng.choice(('YQ==', 'Yg==', 'AA==', '/w==', 'YWI='))}

    def value(self, depth=0):
        kind = self.rng.choice(('S', 'S', 'N', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL'))
        if kind in ('S', 'N', 'B'):
            return self.scalar(kind)
        if kind == 'SS':
            return {'SS': self.rng.sample(('a', 'b', 'c', 'd'), self.rng.randrange(1, 4))}
        if kind == 'NS':
            return {'NS': self.rng.sample(('1', '2', '3', '-4', '0.5'), self.rng.randrange(1, 4))}
        if kind == 'BS':
            return {'BS': self.rng.sample(('YQ==', 'Yg==', 'AA=='), self.rng.randrange(1, 3))}
        if kind == 'BOOL':
            return {'BOOL': self.chance(0.5)}
        if kind == 'NULL' or depth > 2:
            return {'NULL': True}
        if kind == 'L':
            return {'L': [self.value(depth + 1) for _ in range(self.rng.randrange(3))]}
        return {'M': {name: self.value(depth + 1) for name in self.rng.sample(NAMES, self.rng.randrange(3))}}

    def key(self, shape):
        return {key.split(':')[0]: self.scalar(key.split(':')[1]) for key in SHAPES[shape][0]}

    def item(self, shape):
        item = self.key(shape)
        for index in SHAPES[shape][1] + SHAPES[shape][2]:
            for key in index[1:3]:
                if key and self.chance(0.6):
                    name, kind = key.split(':')
                    item.setdefault(name, self.scalar(kind))
        for name in self.rng.sample(NAMES, self.rng.randrange(5)):
            item[name] = self.value()
        return item

    def capacity(self, body):
        if self.chance(0.25):
            body['ReturnConsumedCapacity'] = self.rng.choice(('TOTAL', 'INDEXES', 'NONE'))

    def expressions(self):
        return Expressions(self.rng, self.value)

    def condition_of(self, comparison=None):
        operator = comparison or self.rng.choice(sorted(COMPARISONS))
        count = COMPARISONS[operator]
        if self.chance(0.05):
            count += self.rng.choice((-1, 1))
        first = self.value()
        values = [first] + [self.scalar(kind) if (kind := next(iter(first))) in 'SNB' else first for _ in range(count - 1)]
        condition = {'ComparisonOperator': operator}
        if count > 0:
            condition['AttributeValueList'] = values[:count]
        return condition

    def expected(self):
        expected = {}
        for name in self.rng.sample(NAMES + ('p', 'c'), self.rng.choice((1, 1, 2))):
            roll = self.rng.random()
            if roll < 0.25:
                expected[name] = {'Exists': False}
            elif roll < 0.5:
                expected[name] = {'Value': self.value()}
                if self.chance(0.3):
                    expected[name]['Exists'] = True
            elif roll < 0.55:
                expected[name] = {'ComparisonOperator': 'EQ', 'Value': self.value()}
            else:
                expected[name] = self.condition_of()
        return expected

    def guard(self, body, expressions):
        """A condition of either kind, perhaps of both."""
        if self.chance(0.35):
            body['ConditionExpression'] = expressions.maybe_spoilt(expressions.condition())
        if self.chance(0.15):
            body['Expected'] = self.expected()
            if self.chance(0.3):
                body['ConditionalOperator'] = self.rng.choice(('AND', 'OR'))

    def finish_write(self, body, expressions, returned):
        self.guard(body, expressions)
        if self.chance(0.4):
            body['ReturnValues'] = self.rng.choice(returned)
        if self.chance(0.1):
            body['ReturnItemCollectionMetrics'] = self.rng.choice(('NONE', 'NONE', 'SIZE'))
        self.capacity(body)
        expressions.finish(body)

    # -- items --

    def put_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Item': self.item(shape)}
        self.finish_write(body, self.expressions(), ('NONE', 'ALL_OLD', 'ALL_OLD', 'ALL_NEW'))
        return 'PutItem', body

    def delete_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Key': self.key(shape)}
        self.finish_write(body, self.expressions(), ('NONE', 'ALL_OLD', 'ALL_OLD', 'UPDATED_NEW'))
        return 'DeleteItem', body

    def update_item(self):
        shape, table = self.table()
        body = {'TableName': table, 'Key': self.key(shape)}
        expressions = self.expressions()
        if self.chance(0.75):
            body['UpdateExpression'] = expressions.maybe_spoilt(expressions.update())
        if self.chance(0.2):
            body['AttributeUpdates'] = {}
            for name in self.rng.sample(NAMES + ('p', 'g'), self.rng.choice((1, 1, 2))):
                action = self.rng.choice(('PUT', 'PUT', 'ADD', 'DELETE'))
                update = {'Action': action, 'Value': self.value()}
                if action == 'DELETE' and self.chance(0.7):
                    update = {'Action': action}
                body['AttributeUpdates'][name] = update
        self.finish_write(body, expressions, ('NONE', 'ALL_OLD', 'ALL_NEW', 'UPDATED_OLD', 'UPDATED_NEW'))
        return 'UpdateItem', body

    def projected(self, body, expressions):
        if self.chance(0.3):
            body['ProjectionExpression'] = expressions.maybe_spoilt(expressions.projection())
        if self.chance(0.12):
            body['AttributesToGet'] = self.rng.sample(NAMES + ('p',), self.rng.randrange(1, 4))
        if self.chance(0.2):
            body['ConsistentRead'] = self.chance(0.5)

    def get_item(self):
        shape, table = self.table()
        body, expressions = {'TableName': table, 'Key': self.key(shape)}, self.expressions()
        self.projected(body, expressions)
        self.capacity(body)
        if expressions.names or self.chance(0.05):
            expressions.finish(body)
            if self.chance(0.8):
                body.pop('ExpressionAttributeValues', None)
        return 'GetItem', body

    def batch_get(self):
        requests = {}
        for shape in self.rng.sample(sorted(self.tables), self.rng.choice((1, 1, 2))):
            part, expressions = {'Keys': []}, self.expressions()
            for _ in range(self.rng.randrange(1, 4)):
                key = self.key(shape)
                if key not in part['Keys'] or self.chance(0.1):
                    part['Keys'].append(key)
            self.projected(part, expressions)
            if expressions.names:
                part['ExpressionAttributeNames'] = expressions.names
            requests[self.tables[shape]] = part
        body = {'RequestItems': requests}
        self.capacity(body)
        return 'BatchGetItem', body

    def batch_write(self):
        requests = {}
        for shape in self.rng.sample(sorted(self.tables), self.rng.choice((1, 1, 2))):
            writes = requests.setdefault(self.tables[shape], [])
            for _ in range(self.rng.randrange(1, 4)):
                if self.chance(0.7):
                    writes.append({'PutRequest': {'Item': self.item(shape)}})
                else:
                    writes.append({'DeleteRequest': {'Key': self.key(shape)}})
        body = {'RequestItems': requests}
        self.capacity(body)
        return 'BatchWriteItem', body

    # -- pages --

    def indexed(self, shape, body):
        """(hash, range) with types of the table or of an index that the body then names."""
        keys = SHAPES[shape][0]
        indexes = SHAPES[shape][1] + SHAPES[shape][2]
        if indexes and self.chance(0.5):
            index = self.rng.choice(indexes)
            body['IndexName'] = index[0]
            return index[1], index[2]
        return keys[0], keys[1] if len(keys) > 1 else None

    def page(self, body, expressions, shape, legacy_filter):
        if self.chance(0.25):
            body['FilterExpression'] = expressions.maybe_spoilt(expressions.condition())
        if self.chance(0.12):
            body[legacy_filter] = {name: self.condition_of() for name in self.rng.sample(NAMES, self.rng.choice((1, 1, 2)))}
            if self.chance(0.3):
                body['ConditionalOperator'] = self.rng.choice(('AND', 'OR'))
        self.projected(body, expressions)
        if self.chance(0.15):
            body['Select'] = self.rng.choice(('ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES', 'SPECIFIC_ATTRIBUTES', 'COUNT'))
        if self.chance(0.2):
            body['Limit'] = self.rng.choice((1, 2, 3, 10, 1000))
        if self.chance(0.15):
            start = self.key(shape)
            for index in SHAPES[shape][1] + SHAPES[shape][2]:
                if index[0] == body.get('IndexName'):
                    for key in filter(None, index[1:3]):
                        start.setdefault(key.split(':')[0], self.scalar(key.split(':')[1]))
            body['ExclusiveStartKey'] = start
        self.capacity(body)
        expressions.finish(body)

    def query(self):
        shape, table = self.table()
        body, expressions = {'TableName': table}, self.expressions()
        keys = self.indexed(shape, body)
        kinds = dict(key.split(':') for key in keys if key)
        names = [key.split(':')[0] if key else None for key in keys]
        if self.chance(0.8):
            body['KeyConditionExpression'] = expressions.maybe_spoilt(
                expressions.key_condition(names, lambda name: self.scalar(kinds[name])))
        if self.chance(0.22):
            body['KeyConditions'] = {names[0]: {'ComparisonOperator': 'EQ', 'AttributeValueList': [self.scalar(kinds[names[0]])]}}
            if names[1] and self.chance(0.6):
                condition = self.condition_of(self.rng.choice(('EQ', 'LT', 'LE', 'GT', 'GE', 'BETWEEN', 'BEGINS_WITH', 'NE')))
                condition['AttributeValueList'] = [self.scalar(kinds[names[1]]) for _ in condition.get('AttributeValueList', ())]
                body['KeyConditions'][names[1]] = condition
        if self.chance(0.3):
            body['ScanIndexForward'] = self.chance(0.3)
        self.page(body, expressions, shape, 'QueryFilter')
        return 'Query', body

    def scan(self):
        shape, table = self.table()
        body, expressions = {'TableName': table}, self.expressions()
        self.indexed(shape, body)
        if self.chance(0.1):
            body['TotalSegments'] = self.rng.choice((1, 2, 4))
            body['Segment'] = self.rng.randrange(4)
        self.page(body, expressions, shape, 'ScanFilter')
        return 'Scan', body

    # -- tables --

    def create_table(self):
        self.serial += 1
        shape = self.rng.choice(sorted(SHAPES))
        billing = self.rng.choice(('PAY_PER_REQUEST', 'PROVISIONED'))
        name = self.tables[shape] if self.chance(0.05) else f'made-{self.serial}'
        body = create_body(name, shape, billing)
        if self.chance(0.1):
            body['StreamSpecification'] = {'StreamEnabled': self.chance(0.7), 'StreamViewType': 'NEW_IMAGE'}
        if self.chance(0.1):
            body['DeletionProtectionEnabled'] = False
        return 'CreateTable', body

    def update_table(self):
        _, table = self.table()
        body = {'TableName': table}
        if self.chance(0.5):
            body['ProvisionedThroughput'] = {'ReadCapacityUnits': self.rng.choice((1, 5)), 'WriteCapacityUnits': 5}
        if self.chance(0.3):
            body['BillingMode'] = self.rng.choice(('PAY_PER_REQUEST', 'PROVISIONED'))
        if self.chance(0.3):
            body['GlobalSecondaryIndexUpdates'] = [{'Update': {
                'IndexName': 'of_g', 'ProvisionedThroughput': {'ReadCapacityUnits': 1, 'WriteCapacityUnits': 1}}}]
        return 'UpdateTable', body

    def describe(self):
        _, table = self.table()
        if self.chance(0.2):
            table = self.rng.choice(('nowhere', 'ab', 'a', '', 'x' * 256, 'a;b'))
        return self.rng.choice(('DescribeTable', 'DescribeTimeToLive')), {'TableName': table}

    def list_tables(self):
        body = {}
        if self.chance(0.7):
            body['Limit'] = self.rng.choice((0, 1, 2, 100, 101))
        if self.chance(0.5):
            body['ExclusiveStartTableName'] = self.rng.choice(('a', 'abc', 'made', 'zzz', ''))
        return 'ListTables', body

    def tags(self):
        _, table = self.table()
        arn = f'arn:aws:dynamodb:us-east-2:000000000000:table/{table}'
        if self.chance(0.2):
            arn = self.rng.choice((table, 'arn:aws:dynamodb:us-east-2:000000000000:table/nowhere', 'abcd', 'arn', '',
                                   'arn:aws:dynamodb:us-east-2:000000000000:table', arn + '/', 'a:b:c:d:e:f', arn[:-1]))
        roll = self.rng.random()
        if roll < 0.4:
            names = self.rng.sample(('k1', 'k2', 'k3'), self.rng.randrange(1, 4))
            return 'TagResource', {'ResourceArn': arn, 'Tags': [{'Key': k, 'Value': self.rng.choice(('', 'v', 'w'))} for k in names]}
        if roll < 0.7:
            return 'UntagResource', {'ResourceArn': arn, 'TagKeys': self.rng.sample(('k1', 'k2', 'zz'), self.rng.randrange(1, 3))}
        return 'ListTagsOfResource', {'ResourceArn': arn}

    # -- spoiling --

    def places(self, node, found):
        """All (container, key) below a node."""
        for key in sorted(node) if isinstance(node, dict) else range(len(node)):
            found.append((node, key))
            if isinstance(node[key], (dict, list)):
                self.places(node[key], found)
        return found

    def spoil(self, body):
        places = self.places(body, [])
        if not places:
            return
        # The upper levels hold the parameters; a draw among all places would hit values only.
        upper = [(body, key) for key in sorted(body)]
        container, key = self.rng.choice(upper if self.chance(0.4) else places)
        value = container[key]
        roll = self.rng.random()
        if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ODD_TAGS and roll < 0.5:
            container[key] = copy.deepcopy(self.rng.choice(ODD_VALUES) if self.chance(0.8) else self.value())
        elif roll < 0.2:
            del container[key]
        elif roll < 0.3 and isinstance(value, list) and value:
            value.append(copy.deepcopy(self.rng.choice(value)))
        elif roll < 0.3 and isinstance(value, dict):
            value[self.rng.choice(('a', 'extra', 'p', 'Key'))] = self.value()
        elif roll < 0.45 and isinstance(value, str):
            container[key] = self.rng.choice((value + 'x', value.lower(), value[:-1], '', 'abc;d', value * 90, 'ab'))
        elif roll < 0.45 and isinstance(value, int) and not isinstance(value, bool):
            container[key] = self.rng.choice((0, -1, value + 1, 10**6 + 1, 10**19, value + 0.5))
        else:
            container[key] = copy.deepcopy(self.rng.choice(ODD_JSON))


ODD_TAGS = ('S', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL')
