"""The tables that the requests are about, and random requests about tables, their tags and time to live."""
import collections


class Shape(collections.namedtuple('Shape', 'keys local global_ billing')):
    """Keys with their types, and indexes as (name, hash, range, projection)."""

    @property
    def indexes(self):
        return self.local + self.global_


ON_DEMAND, PROVISIONED = 'PAY_PER_REQUEST', 'PROVISIONED'
SHAPES = {
    'hash': Shape(('p:S',), (), (), ON_DEMAND),
    'number': Shape(('p:N', 'c:B'), (), (), ON_DEMAND),
    'binary': Shape(('p:B',), (), (), ON_DEMAND),
    'range': Shape(('p:S', 'c:N'), (('by_s', 'p:S', 's:S', 'ALL'), ('by_n', 'p:S', 'n:N', 'KEYS_ONLY')),
                   (('of_g', 'g:S', 'c:N', 'KEYS_ONLY'), ('of_a', 'g:S', None, ('a', 'l'))), ON_DEMAND),
    'text': Shape(('p:S', 'c:S'), (), (('of_n', 'n:N', None, 'ALL'),), ON_DEMAND),
    'rated': Shape(('p:S', 'c:S'), (('by_n', 'p:S', 'n:N', ('m',)),), (('of_g', 'g:S', None, 'ALL'),), PROVISIONED),
}
RATE = 1000
ARN = 'arn:aws:dynamodb:us-east-2:000000000000:table/'


def schema_of(hash_key, range_key):
    parts = [{'AttributeName': hash_key.split(':')[0], 'KeyType': 'HASH'}]
    if range_key:
        parts.append({'AttributeName': range_key.split(':')[0], 'KeyType': 'RANGE'})
    return parts


def index_of(name, hash_key, range_key, projection):
    how = {'ProjectionType': projection}
    if isinstance(projection, tuple):
        how = {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': list(projection)}
    return {'IndexName': name, 'KeySchema': schema_of(hash_key, range_key), 'Projection': how}


def rate(units=RATE):
    return {'ReadCapacityUnits': units, 'WriteCapacityUnits': units}


def create_body(table, name, billing=None):
    shape = SHAPES[name]
    billing = billing or shape.billing
    wanted = set(shape.keys)
    for index in shape.indexes:
        wanted |= {key for key in index[1:3] if key}
    body = {'TableName': table, 'KeySchema': schema_of(shape.keys[0], shape.keys[1] if len(shape.keys) > 1 else None),
            'BillingMode': billing, 'AttributeDefinitions': [dict(zip(('AttributeName', 'AttributeType'), key.split(':'))) for key
            in sorted(wanted)]}
    if billing == PROVISIONED:
        body['ProvisionedThroughput'] = rate()
    if shape.local:
        body['LocalSecondaryIndexes'] = [index_of(*index) for index in shape.local]
    if shape.global_:
        body['GlobalSecondaryIndexes'] = [index_of(*index) for index in shape.global_]
        if billing == PROVISIONED:
            for index in body['GlobalSecondaryIndexes']:
                index['ProvisionedThroughput'] = rate()
    return body


class Tables:
    def __init__(self, draw, tables):
        self.draw, self.rng, self.tables = draw, draw.rng, tables
        self.serial, self.made = 0, []
        self.makers = ((self.create, 7), (self.update, 5), (self.describe, 3), (self.delete, 3), (self.tags, 4), (self.list, 1))

    def make(self):
        maker = self.rng.choices([m for m, _ in self.makers], [w for _, w in self.makers])[0]
        return maker()

    def wrong_name(self):
        return self.draw.choice(('nowhere', 'ab', 'a', '', 'x' * 256, 'a;b', 'x' * 255, 'no.such-table_1', ARN + 'nowhere',
                                 '\u00e9\u00e9\u00e9'))

    # -- creation --

    def create(self):
        self.serial += 1
        body = create_body(f'made-{self.serial}', self.draw.choice(sorted(SHAPES)), self.draw.choice((ON_DEMAND, PROVISIONED)))
        if self.draw.fault(0.05):
            body['TableName'] = self.draw.choice((*self.tables.values(), 'ab', '', 'x' * 256, 'a;b', ARN + 'nowhere'))
        if self.draw.chance(0.1):
            body['StreamSpecification'] = {'StreamEnabled': True, 'StreamViewType': self.draw.choice(('NEW_IMAGE', 'KEYS_ONLY'))}
        if self.draw.chance(0.1):
            body['DeletionProtectionEnabled'] = False
        if self.draw.chance(0.1):
            body['Tags'] = [{'Key': 'k', 'Value': 'v'}]
        if self.draw.chance(0.1) and body['BillingMode'] == PROVISIONED:
            del body['BillingMode']
        if self.draw.fault(0.5):
            self.draw.choice((self.wrong_keys, self.wrong_definitions, self.wrong_index, self.wrong_projection, self.wrong_rate,
                              self.wrong_rest))(body)
        self.made = self.made[-5:] + [body['TableName']]
        return 'CreateTable', body

    def wrong_keys(self, body):
        schema = self.draw.choice([body['KeySchema']] + [index['KeySchema'] for kind in ('LocalSecondaryIndexes',
                'GlobalSecondaryIndexes') for index in body.get(kind, ())])
        roll = self.rng.randrange(6)
        if roll == 0:
            schema.reverse()
        elif roll == 1:
            schema.append(dict(schema[0]))
        elif roll == 2:
            schema[-1]['KeyType'] = self.draw.choice(('HASH', 'RANGE', 'SORT', 'hash'))
        elif roll == 3:
            schema[-1]['AttributeName'] = self.draw.choice(('undefined', 'p', '', 'x' * 256))
        elif roll == 4:
            schema.pop()
        else:
            schema[0]['KeyType'] = 'RANGE'

    def wrong_definitions(self, body):
        definitions = body['AttributeDefinitions']
        roll = self.rng.randrange(6)
        if roll == 0:
            definitions.append({'AttributeName': 'spare', 'AttributeType': 'S'})
        elif roll == 1:
            definitions.append(dict(self.draw.choice(definitions)))
        elif roll == 2:
            self.draw.choice(definitions)['AttributeType'] = self.draw.choice(('SS', 'BOOL', 's', '', 'NULL'))
        elif roll == 3:
            definitions.pop()
        elif roll == 4:
            definitions.append({'AttributeName': definitions[0]['AttributeName'], 'AttributeType': 'B'})
        else:
            definitions.clear()

    def wrong_index(self, body):
        local = self.draw.chance(0.5)
        kind = 'LocalSecondaryIndexes' if local else 'GlobalSecondaryIndexes'
        indexes = body.setdefault(kind, [])
        keys = [part['AttributeName'] + ':' for part in body['KeySchema']]
        one = index_of('an_index', keys[0], keys[-1] if len(keys) > 1 else None, 'ALL')
        if not local and body.get('BillingMode', PROVISIONED) == PROVISIONED:
            one['ProvisionedThroughput'] = rate()
        roll = self.rng.randrange(6)
        if roll == 0:
            indexes.append(one)
        elif roll == 1:
            indexes.extend(dict(one, IndexName=f'index{at}') for at in range(6 if local else 21))
        elif roll == 2:
            indexes.extend((dict(one), dict(one)))
        elif roll == 3:
            indexes.append(dict(one, IndexName=self.draw.choice(('ab', '', 'a b c', 'x' * 256))))
        elif roll == 4:
            body['LocalSecondaryIndexes'] = body['GlobalSecondaryIndexes'] = [one]
        else:
            del indexes[:]

    def wrong_projection(self, body):
        indexes = body.get('LocalSecondaryIndexes', []) + body.get('GlobalSecondaryIndexes', [])
        if not indexes:
            return self.wrong_definitions(body)
        self.draw.choice(indexes)['Projection'] = self.draw.choice(({}, {'ProjectionType': 'SOME'}, {'ProjectionType': 'INCLUDE'},
                {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': []}, {'ProjectionType': 'ALL', 'NonKeyAttributes': ['a']}, {
                'ProjectionType': 'KEYS_ONLY', 'NonKeyAttributes': ['a']}, {'NonKeyAttributes': ['a']}, {'ProjectionType':
                'INCLUDE', 'NonKeyAttributes': ['a', 'a']}, {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': [f'a{at}' for at in
                range(101)]}, {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': [f'a{at}' for at in range(21)]}, {
                'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['']}))

    def wrong_rate(self, body):
        of = self.draw.choice([body] + body.get('GlobalSecondaryIndexes', []))
        roll = self.rng.randrange(4)
        if roll == 0:
            of.pop('ProvisionedThroughput', None)
        elif roll == 1:
            of['ProvisionedThroughput'] = rate(self.draw.choice((0, -1, 5, 10**12 + 1, 1000000000001)))
        elif roll == 2:
            of['ProvisionedThroughput'] = {'ReadCapacityUnits': 1}
        else:
            body['BillingMode'] = self.draw.choice((ON_DEMAND, PROVISIONED, 'FREE'))

    def wrong_rest(self, body):
        name, value = self.draw.choice((('StreamSpecification', {'StreamEnabled': False, 'StreamViewType': 'NEW_IMAGE'}), (
                'StreamSpecification', {'StreamEnabled': True}), ('StreamSpecification', {'StreamViewType': 'NEW_IMAGE'}), (
                'StreamSpecification', {'StreamEnabled': True, 'StreamViewType': 'ALL'}), ('SSESpecification', {'Enabled': False}),
                                        ('SSESpecification', {'Enabled': False, 'SSEType': 'AES'}), ('KeySchema', []), ('Tags', [{
                'Key': 'k', 'Value': 'v'}, {'Key': 'k', 'Value': 'w'}]), ('Tags', [{'Key': '', 'Value': ''}]), ('TableClass',
                'CHEAP')))
        body[name] = value

    # -- the rest --

    def update(self):
        shape = self.draw.choice(('rated', 'rated', *sorted(self.tables)))
        body = {'TableName': self.tables[shape]}
        if self.draw.chance(0.5):
            body['ProvisionedThroughput'] = rate(self.draw.choice((RATE, RATE + 1, RATE - 1)))
        if self.draw.chance(0.2):
            body['BillingMode'] = SHAPES[shape].billing if not self.draw.fault(0.5) else self.draw.choice((ON_DEMAND, PROVISIONED,
                    ''))
        if self.draw.chance(0.4) or len(body) == 1:
            names = [index[0] for index in SHAPES[shape].global_] or ['of_g']
            name = self.draw.choice(names) if not self.draw.fault(0.2) else self.draw.choice(('nosuch', 'by_n', 'ab'))
            body['GlobalSecondaryIndexUpdates'] = [{'Update': {'IndexName': name, 'ProvisionedThroughput': rate(self.draw.choice((
                    RATE, RATE + 1)))}}]
            if self.draw.fault(0.2):
                body['GlobalSecondaryIndexUpdates'] = self.draw.choice(([], [{}], [{'Update': {'IndexName': name}}], [{'Delete': {
                        'IndexName': 'nosuch'}}], body['GlobalSecondaryIndexUpdates'] * 2, [{**body['GlobalSecondaryIndexUpdates']
                        [0], 'Delete': {'IndexName': name}}]))
        if self.draw.fault(0.1):
            body['TableName'] = self.wrong_name()
        if self.draw.fault(0.1):
            body['ProvisionedThroughput'] = self.draw.choice((rate(0), rate(10**12 + 1), {}, {'ReadCapacityUnits': 5}))
        return 'UpdateTable', body

    def describe(self):
        table = self.tables[self.draw.choice(sorted(self.tables))]
        if self.draw.fault(0.6):
            table = self.wrong_name()
        return self.draw.choice(('DescribeTable', 'DescribeTable', 'DescribeTimeToLive')), {'TableName': table}

    def delete(self):
        return 'DeleteTable', {'TableName': self.draw.choice(self.made or ['nowhere']) if not self.draw.fault(0.5) else self.wrong_name
                               ()}

    def list(self):
        body = {}
        if self.draw.chance(0.7):
            body['Limit'] = self.draw.choice((1, 2, 100)) if not self.draw.fault(0.5) else self.draw.choice((0, 101, -1))
        if self.draw.chance(0.5):
            body['ExclusiveStartTableName'] = self.draw.choice(('abc', 'made', 'zzz')) if not self.draw.fault(0.5) else self.wrong_name()
        return 'ListTables', body

    def tags(self):
        table = self.tables[self.draw.choice(sorted(self.tables))]
        arn = ARN + table
        if self.draw.fault(0.4):
            arn = self.draw.choice((table, ARN + 'nowhere', 'abcd', 'arn', '', ARN[:-1], arn + '/', 'a:b:c:d:e:f', arn[:-1]))
        roll = self.rng.random()
        if roll < 0.4:
            tags = [{'Key': key, 'Value': self.draw.choice(('', 'v', 'w'))} for key in self.rng.sample(('k1', 'k2', 'k3'), self.rng.randrange
                    (1, 4))]
            if self.draw.fault(0.4):
                tags = self.draw.choice(([], tags + tags, [{'Key': 'k1'}], [{'Value': 'v'}], [{'Key': 'x' * 129, 'Value': 'v'}], [
                        {'Key': 'aws:k', 'Value': ''}], [{'Key': 'k', 'Value': 'x' * 257}], [{'Key': str(at), 'Value': ''} for at
                        in range(51)], [{'Key': '', 'Value': 'v'}]))
            return 'TagResource', {'ResourceArn': arn, 'Tags': tags}
        if roll < 0.7:
            keys = self.rng.sample(('k1', 'k2', 'zz'), self.rng.randrange(1, 3)) if not self.draw.fault(0.3) else self.draw.choice(
                    ([], [''], ['k1', 'k1'], ['x' * 129]))
            return 'UntagResource', {'ResourceArn': arn, 'TagKeys': keys}
        return 'ListTagsOfResource', {'ResourceArn': arn}
