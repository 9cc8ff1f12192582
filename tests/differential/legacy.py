"""Random parameters from before expressions: Expected, AttributeUpdates, KeyConditions, QueryFilter and ScanFilter."""
ORDERED = ('LE', 'LT', 'GE', 'GT')
OPERATORS = ('EQ', 'NE', *ORDERED, 'NOT_NULL', 'NULL', 'CONTAINS', 'NOT_CONTAINS', 'BEGINS_WITH', 'IN', 'BETWEEN')


class Legacy:
    def __init__(self, draw):
        self.draw = draw

    def ordered(self, kind):
        """Two values with the lesser first."""
        pairs = {'S': (('a', 'b'), ('a', 'a'), ('B', 'abc')), 'N': (('1', '2'), ('-1', '1e1'), ('1', '1.0')),
                 'B': (('YQ==', 'Yg=='), ('AA==', '/w=='))}
        return [{kind: text} for text in self.draw.choice(pairs[kind])]

    def condition(self, name, operator=None, kind=None):
        draw = self.draw
        operator = operator or draw.choice(OPERATORS)
        scalar = kind or (draw.choice('SNB') if draw.chance(0.3) else self.kind_of(name))
        if operator == 'BETWEEN':
            values = self.ordered(scalar)
            if draw.fault():
                values.reverse()
        elif operator == 'IN':
            values = [draw.scalar(scalar) for _ in range(draw.rng.randrange(1, 4))]
        elif operator in ('NULL', 'NOT_NULL'):
            values = []
        elif operator == 'BEGINS_WITH':
            values = [draw.scalar('S' if scalar == 'N' else scalar)]
        elif operator in ('EQ', 'NE') and kind is None:
            values = [draw.attribute(name)]
        else:
            values = [draw.scalar(scalar)]
        return self.wronged(operator, values)

    def wronged(self, operator, values):
        draw = self.draw
        if draw.fault(0.15):
            roll = draw.rng.randrange(5)
            if roll == 0 and values:
                values.pop()
            elif roll == 1:
                values.append(draw.value())
            elif roll == 2:
                values = [draw.value() for _ in values]
            elif roll == 3:
                operator = draw.choice(('eq', 'LIKE', '', None, 'NE', 'IN'))
            else:
                return {'AttributeValueList': values} if draw.chance(0.5) else {'ComparisonOperator': operator}
        condition = {} if operator is None else {'ComparisonOperator': operator}
        if values or draw.chance(0.2):
            condition['AttributeValueList'] = values
        return condition

    def kind_of(self, name):
        from values import TYPICAL
        kind = TYPICAL.get(name, 'S')
        return kind if kind in ('S', 'N', 'B') else self.draw.choice('SNB')

    def expected_one(self, name):
        draw = self.draw
        roll = draw.rng.random()
        if draw.fault():
            return draw.choice(({'Exists': True}, {'Exists': False, 'Value': draw.value()}, {'ComparisonOperator': 'EQ', 'Value':
                    draw.value()}, {}, {'Exists': True, 'ComparisonOperator': 'NULL'}, {'Value': draw.value(),
                    'AttributeValueList': [draw.value()]}, {'Exists': False, 'ComparisonOperator': 'NULL'}, {'Exists': True,
                    'Value': {}}, {'Value': {'SS': []}}))
        if roll < 0.2:
            return {'Exists': False}
        if roll < 0.45:
            one = {'Value': draw.attribute(name) if name not in ('p', 'c') else draw.value()}
            if draw.chance(0.3):
                one['Exists'] = True
            return one
        return self.condition(name) if name not in ('p', 'c') else self.condition('s')

    def several(self, make, names):
        """(conditions by name, operator between them or None)."""
        draw = self.draw
        chosen = draw.rng.sample(names, draw.choice((1, 1, 2)))
        operator = None
        if (len(chosen) > 1 and draw.chance(0.4)) or draw.fault(0.04):
            operator = draw.choice(('AND', 'OR'))
        return {name: make(name) for name in chosen}, operator

    def updates(self, keys):
        draw = self.draw
        updates = {}
        for name in draw.names(1, 4):
            action = draw.choice(('PUT', 'PUT', 'ADD', 'DELETE'))
            update = {'Action': action}
            if action == 'PUT' and draw.chance(0.3):
                del update['Action']
            if action == 'PUT':
                update['Value'] = draw.attribute(name)
            elif action == 'ADD':
                update['Value'] = draw.of(draw.choice(('N', 'N', 'SS', 'NS', 'BS', 'L')))
            elif draw.chance(0.4):
                update['Value'] = draw.of(draw.choice(('SS', 'NS', 'BS')))
            if draw.fault(0.15):
                update = draw.choice(({}, {'Action': action}, {'Action': 'SET', 'Value': draw.value()}, {'Action': action,
                        'Value': draw.value()}, {'Action': action.lower()}, {'Value': {}}, {'Action': 'DELETE', 'Value': draw.of(
                        'N')}))
            updates[name] = update
        if draw.fault(0.1):
            updates[draw.choice(keys)] = {'Action': draw.choice(('PUT', 'ADD')), 'Value': draw.of('N')}
        return updates
