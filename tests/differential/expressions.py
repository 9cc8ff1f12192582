"""Random expressions of all five kinds, mostly well-formed, with their placeholders."""

COMPARATORS = ('=', '<>', '<', '<=', '>', '>=')
PLAIN_NAMES = ('a', 'bb', 'x1', 's', 'g', 'l', 'm', 'ss', 'ns', 'n')
RESERVED = ('name', 'Status', 'size', 'DATE', 'user', 'Values')
FUNCTIONS = ('attribute_exists', 'attribute_not_exists', 'begins_with', 'contains', 'attribute_type', 'size')
TYPES = ('S', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL')
JUNK = ('', '(', ')', ',', '.', '[', ']', '[0]', '[-1]', '=', '<>', 'AND', 'or', 'NOT', 'in', 'between', ':', '#',
        ':undefined', '#undefined', 'size', 'SET', 'remove', '+', '-', '1', '"a"', '!', 'list_append(', '==', '\u00e9')


class Expressions:
    """The expressions of one request: placeholders are shared between them."""

    def __init__(self, rng, value):
        self.rng, self.value = rng, value
        self.names, self.values = {}, {}

    # -- placeholders --

    def name(self):
        roll = self.rng.random()
        if roll < 0.7:
            return self.rng.choice(PLAIN_NAMES)
        if roll < 0.97:
            key = self.rng.choice(('#a', '#b', '#c1', '#D'))
            self.names.setdefault(key, self.rng.choice(PLAIN_NAMES + RESERVED + ('with.dot', 'p', 'c')))
            return key
        return self.rng.choice(RESERVED)

    def placeholder(self, value=None):
        key = ':' + self.rng.choice(('a', 'b', 'c', 'V1', 'v2', 'x_y'))
        if key in self.values and value is not None:
            key += str(len(self.values))
        self.values.setdefault(key, self.value() if value is None else value)
        return key

    def path(self):
        text = self.name()
        while self.rng.random() < 0.25:
            text += f'[{self.rng.randrange(3)}]' if self.rng.random() < 0.5 else '.' + self.name()
        return text

    def operand(self):
        roll = self.rng.random()
        if roll < 0.45:
            return self.path()
        if roll < 0.92:
            return self.placeholder()
        return f'size({self.path()})'

    # -- conditions --

    def function(self):
        name = self.rng.choice(FUNCTIONS)
        if self.rng.random() < 0.03:
            name = self.rng.choice(('exists', name.upper(), 'if_not_exists', 'list_append'))
        if name in ('attribute_exists', 'attribute_not_exists'):
            args = [self.path()]
        elif name == 'attribute_type':
            args = [self.path(), self.placeholder({'S': self.rng.choice(TYPES + ('X', 's'))})]
        else:
            args = [self.operand(), self.operand()]
        if self.rng.random() < 0.04:
            args.append(self.operand())
        if self.rng.random() < 0.04:
            args.pop()
        return f'{name}({", ".join(args)})'

    def condition(self, depth=0):
        roll = self.rng.random()
        if depth < 3 and roll < 0.12:
            return f'{self.condition(depth + 1)} {self.rng.choice(("AND", "and", "OR", "Or"))} {self.condition(depth + 1)}'
        if depth < 3 and roll < 0.18:
            return f'NOT {self.condition(depth + 1)}'
        if depth < 3 and roll < 0.24:
            return f'({self.condition(depth + 1)})'
        if depth < 3 and roll < 0.26:
            return f'(({self.condition(depth + 1)}))'
        if roll < 0.36:
            return f'{self.operand()} BETWEEN {self.operand()} AND {self.operand()}'
        if roll < 0.45:
            many = ', '.join(self.operand() for _ in range(self.rng.randrange(1, 4)))
            return f'{self.operand()} IN ({many})'
        if roll < 0.7:
            return self.function()
        return f'{self.operand()} {self.rng.choice(COMPARATORS)} {self.operand()}'

    # -- keys --

    def key_part(self, attribute, value):
        roll = self.rng.random()
        if roll < 0.75:
            return f'{attribute} {self.rng.choice(COMPARATORS if roll < 0.05 else COMPARATORS[2:])} {self.placeholder(value())}'
        if roll < 0.88:
            return f'{attribute} BETWEEN {self.placeholder(value())} AND {self.placeholder(value())}'
        return f'begins_with({attribute}, {self.placeholder(value())})'

    def attribute(self, name):
        """The name as it is, or a placeholder for it."""
        if self.rng.random() < 0.8:
            return name
        self.names[f'#k{name}'] = name
        return f'#k{name}'

    def key_condition(self, keys, value_of):
        """`keys` is (hash name, range name or None), value_of(name) a value for that key."""
        first = f'{self.attribute(keys[0])} = {self.placeholder(value_of(keys[0]))}'
        if self.rng.random() < 0.04:
            first = self.key_part(self.attribute(keys[0]), lambda: value_of(keys[0]))
        if keys[1] is None or self.rng.random() < 0.35:
            return first if self.rng.random() < 0.95 else f'{first} AND {self.condition()}'
        second = self.key_part(self.attribute(keys[1]), lambda: value_of(keys[1]))
        parts = [first, second] if self.rng.random() < 0.9 else [second, first]
        text = ' AND '.join(f'({part})' if self.rng.random() < 0.1 else part for part in parts)
        return text if self.rng.random() < 0.97 else f'{text} AND {self.condition()}'

    # -- updates --

    def set_value(self):
        roll = self.rng.random()
        if roll < 0.5:
            return self.placeholder()
        if roll < 0.7:
            return f'{self.set_operand()} {self.rng.choice("+-")} {self.set_operand()}'
        return self.set_operand()

    def set_operand(self):
        roll = self.rng.random()
        if roll < 0.35:
            return self.placeholder({'N': str(self.rng.randrange(-5, 20))})
        if roll < 0.6:
            return self.path()
        if roll < 0.8:
            return f'if_not_exists({self.path()}, {self.placeholder()})'
        return f'list_append({self.path()}, {self.placeholder({"L": [self.value()]})})'

    def update(self):
        sections = self.rng.sample(('SET', 'REMOVE', 'ADD', 'DELETE'), self.rng.choice((1, 1, 1, 2, 2, 3)))
        text = []
        for section in sections:
            actions = []
            for _ in range(self.rng.choice((1, 1, 1, 2, 3))):
                if section == 'SET':
                    actions.append(f'{self.path()} = {self.set_value()}')
                elif section == 'REMOVE':
                    actions.append(self.path())
                else:
                    kinds = ({'SS': ['a', 'b']}, {'NS': ['1', '2']}, {'BS': ['YQ==']})
                    kinds += ({'N': '2'},) if section == 'ADD' else ()
                    value = self.rng.choice(kinds) if self.rng.random() < 0.85 else self.value()
                    actions.append(f'{self.path()} {self.placeholder(value)}')
            text.append(f'{section if self.rng.random() < 0.8 else section.lower()} {", ".join(actions)}')
        return ' '.join(text)

    def projection(self):
        return ', '.join(self.path() for _ in range(self.rng.randrange(1, 4)))

    # -- spoiling --

    def spoil(self, text):
        """Loses, doubles or invents a token."""
        tokens = text.split(' ')
        at = self.rng.randrange(len(tokens))
        roll = self.rng.random()
        if roll < 0.3:
            del tokens[at]
        elif roll < 0.5:
            tokens.insert(at, tokens[at])
        else:
            tokens.insert(at, self.rng.choice(JUNK))
        return ' '.join(tokens)

    def maybe_spoilt(self, text):
        return self.spoil(text) if self.rng.random() < 0.08 else text

    def finish(self, body):
        """Puts the placeholders in, now and then one too many or too few."""
        if self.rng.random() < 0.04:
            self.names['#unused'] = 'unused'
        if self.rng.random() < 0.04:
            self.values[':unused'] = self.value()
        for taken in (self.names, self.values):
            if taken and self.rng.random() < 0.03:
                del taken[self.rng.choice(sorted(taken))]
        if self.names or self.rng.random() < 0.02:
            body['ExpressionAttributeNames'] = self.names
        if self.values or self.rng.random() < 0.02:
            body['ExpressionAttributeValues'] = self.values
