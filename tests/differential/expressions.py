"""Random expressions of all five kinds, with their placeholders."""
from values import TYPICAL

COMPARATORS = ('=', '<>', '<', '<=', '>', '>=')
RESERVED = ('name', 'Status', 'size', 'DATE', 'user', 'Values')
FUNCTIONS = ('attribute_exists', 'attribute_not_exists', 'begins_with', 'contains', 'contains', 'attribute_type')
TYPES = ('S', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL')
JUNK = ('', '(', ')', ',', '.', '[', ']', '[0]', '[-1]', '[01]', '[99999999999]', '=', '<>', 'AND', 'or', 'NOT', 'in', 'between',
        ':', '#', ':undefined', '#undefined', 'size', 'SET', 'remove', '+', '-', '1', '"a"', '!', 'list_append(', '==', '\u00e9',
        '::a', '#a.', 'a..b')


class Expressions:
    """The expressions of one request: placeholders are shared between them."""

    def __init__(self, draw):
        self.draw, self.rng = draw, draw.rng
        self.names, self.values = {}, {}

    # -- placeholders --

    def named(self, name):
        """The name as it may stand in an expression."""
        if name in RESERVED and self.draw.fault(0.2):
            return name
        if name in RESERVED or not name.isalnum() or self.draw.chance(0.2):
            key = f'#{"nxyN_"[len(self.names) % 5]}{len(self.names)}' if self.draw.chance(0.7) else f'#{name if name.isalnum() else "dot"}'
            for known, meant in self.names.items():
                if meant == name:
                    return known
            self.names[key] = name
            return key
        return name

    def name_of(self, kind):
        """A name that mostly holds such values."""
        if kind is None or self.draw.chance(0.15):
            return self.draw.choice(tuple(TYPICAL) + ('with.dot', 'p', 'c', 'Status'))
        return self.draw.choice([name for name, holds in TYPICAL.items() if holds == kind])

    def placeholder(self, value):
        for key, known in self.values.items():
            if known == value and self.draw.chance(0.5):
                return key
        key = ':' + self.draw.choice(('a', 'b', 'c', 'V1', 'v2', 'x_y')) + str(len(self.values))
        self.values[key] = value
        return key

    def path(self, kind=None, flat=0.7):
        roll = self.rng.random()
        if roll < flat:
            return self.named(self.name_of(kind))
        if roll < (1 + flat) / 2:
            text = f'{self.named(self.name_of("M"))}.{self.named(self.name_of(kind))}'
        else:
            text = f'{self.named(self.name_of("L"))}[{self.rng.randrange(3)}]'
        if self.draw.chance(0.15):
            text += f'[{self.rng.randrange(3)}]' if self.draw.chance(0.5) else '.' + self.named(self.name_of(kind))
        return text

    def operand(self, kind, apart=None):
        """A value of a kind, or a path that may hold one, which is not `apart`."""
        roll = self.rng.random()
        if self.draw.fault(0.06):
            kind = self.draw.choice(TYPES)
        if kind == 'N' and roll < 0.15:
            return f'size({self.path(self.draw.choice(TYPES))})'
        if roll < 0.4:
            path = self.path(kind)
            if path != apart or self.draw.fault(0.5):
                return path
        return self.placeholder(self.draw.of(kind))

    # -- conditions --

    def function(self):
        draw = self.draw
        name = draw.choice(FUNCTIONS)
        if name in ('attribute_exists', 'attribute_not_exists'):
            args = [self.path()]
        elif name == 'attribute_type':
            kinds = TYPES if not draw.fault(0.2) else ('X', 's', '')
            args = [self.path(), self.placeholder({'S': draw.choice(kinds)})]
        elif name == 'begins_with':
            kind = draw.choice('SSB')
            args = [self.path(kind), self.operand(kind) if draw.chance(0.2) else self.placeholder(draw.of(kind))]
        else:
            kind, inner = draw.choice((('S', 'S'), ('SS', 'S'), ('NS', 'N'), ('BS', 'B'), ('B', 'B'), ('L', 'S'), ('L', 'N'), (
                    'L', 'M')))
            args = [self.path(kind), self.placeholder(draw.of(inner))]
        if draw.fault(0.08):
            args.append(self.path()) if draw.chance(0.5) else args.pop()
        if draw.fault(0.05):
            args[:1] = [self.placeholder(draw.value())]
        if draw.fault(0.06):
            name = draw.choice(('exists', name.upper(), 'if_not_exists', 'list_append', 'size'))
        return f'{name}({", ".join(args)})'

    def ordered(self, kind):
        pairs = {'S': (('a', 'b'), ('B', 'abc')), 'N': (('1', '2'), ('-1', '1e1')), 'B': (('YQ==', 'Yg=='), ('AA==', '/w=='))}
        low, high = ({kind: text} for text in self.draw.choice(pairs[kind]))
        if self.draw.fault():
            low, high = high, low
        return f'{self.placeholder(low)} AND {self.placeholder(high)}'

    def condition(self, depth=0):
        draw = self.draw
        roll = self.rng.random()
        if depth < 3 and roll < 0.14:
            word = draw.choice(('AND', 'and', 'OR', 'Or'))
            return f'{self.condition(depth + 1)} {word} {self.condition(depth + 1)}'
        if depth < 3 and roll < 0.20:
            return f'NOT {self.condition(depth + 1)}' if draw.chance(0.7) else f'not({self.condition(depth + 1)})'
        if depth < 3 and roll < 0.25:
            return f'({self.condition(depth + 1)})'
        if draw.fault(0.03):
            return f'(({self.condition(depth + 1)}))'
        if roll < 0.36:
            kind = draw.choice('SNB')
            if draw.chance(0.2):
                path = self.path(kind)
                return f'{path} BETWEEN {self.operand(kind, path)} AND {self.operand(kind, path)}'
            return f'{self.path(kind)} {draw.choice(("BETWEEN", "between"))} {self.ordered(kind)}'
        if roll < 0.45:
            kind = draw.choice(TYPES)
            path = self.path(kind)
            many = ', '.join(self.operand(kind, path) for _ in range(self.rng.randrange(1, 4)))
            return f'{path} {draw.choice(("IN", "in"))} ({many})'
        if roll < 0.7:
            return self.function()
        comparator = draw.choice(COMPARATORS)
        kind = draw.choice(TYPES if comparator in ('=', '<>') else 'SNB')
        left = self.path(kind)
        right = self.operand(kind, left)
        if draw.chance(0.1):
            left, right = right, left
        if draw.fault(0.03):
            right = left
        space = draw.choice((' ', ' ', ' ', '', '  ', '\t', '\n'))
        return f'{left}{space}{comparator}{space}{right}'

    # -- keys --

    def key_part(self, name, kind):
        draw = self.draw
        attribute = self.named(name)
        if draw.fault(0.1):
            kind = draw.choice(TYPES)
        roll = self.rng.random()
        if roll < 0.6:
            comparator = draw.choice(COMPARATORS if draw.fault(0.1) else ('=', *COMPARATORS[2:]))
            return f'{attribute} {comparator} {self.placeholder(draw.key_value(kind) if kind in "SNB" else draw.of(kind))}'
        if roll < 0.85 or kind == 'N':
            return f'{attribute} BETWEEN {self.ordered(kind)}' if kind in 'SNB' else f'{attribute} = {self.placeholder(draw.of(kind))}'
        return f'begins_with({attribute}, {self.placeholder(draw.of(kind))})'

    def key_condition(self, keys):
        """`keys` is (name:type, name:type or None)."""
        draw = self.draw
        name, kind = keys[0].split(':')
        if draw.fault(0.08):
            first = self.key_part(name, kind)
        else:
            value = draw.key_value(kind) if not draw.fault(0.05) else draw.value()
            first = f'{self.named(name)} = {self.placeholder(value)}'
        if keys[1] is None or draw.chance(0.35):
            return first if not draw.fault(0.08) else f'{first} AND {self.condition()}'
        second = self.key_part(*keys[1].split(':'))
        parts = [first, second] if draw.chance(0.9) else [second, first]
        text = f' {draw.choice(("AND", "and"))} '.join(f'({part})' if draw.chance(0.1) else part for part in parts)
        if draw.fault(0.06):
            text = draw.choice((f'{text} AND {self.condition()}', f'NOT {text}', text.replace(' AND ', ' OR '), second))
        return text

    # -- updates --

    def set_value(self, kind):
        draw = self.draw
        roll = self.rng.random()
        if kind == 'N' and roll < 0.5:
            return f'{self.number()} {draw.choice("+-")} {self.number()}'
        if kind == 'L' and roll < 0.5:
            lists = [draw.choice((self.path('L'), self.placeholder(draw.of('L')), f'if_not_exists({self.path("L")}, '
                                  f'{self.placeholder(draw.of("L"))})')) for _ in range(2)]
            return f'list_append({lists[0]}, {lists[1]})'
        if roll < 0.7:
            return self.placeholder(draw.of(kind))
        if roll < 0.95:
            return f'if_not_exists({self.path(kind)}, {self.placeholder(draw.of(kind))})'
        return self.path(kind)

    def number(self):
        draw = self.draw
        roll = self.rng.random()
        if draw.fault(0.06):
            return self.placeholder(draw.value())
        if roll < 0.35:
            return self.placeholder(draw.scalar('N') if draw.chance(0.3) else {'N': str(self.rng.randrange(-5, 20))})
        if roll < 0.45:
            return self.path('N')
        return f'if_not_exists({self.path("N")}, {self.placeholder(draw.scalar("N"))})'

    def target(self, kind, taken):
        """A path to write to, apart from all taken ones unless that shall be the fault."""
        for _ in range(20):
            path = self.path(kind, flat=0.88)
            top = self.names.get(path.split('.')[0].split('[')[0], path.split('.')[0].split('[')[0])
            if (top not in taken and top not in ('p', 'c')) or self.draw.fault(0.3):
                break
        else:
            return None
        taken.add(top)
        return path

    def update(self):
        draw = self.draw
        taken, text = set(), []
        sections = self.rng.sample(('SET', 'REMOVE', 'ADD', 'DELETE'), draw.choice((1, 1, 1, 2, 2, 3)))
        if draw.fault(0.03):
            sections.append(sections[0])
        for section in sections:
            actions = []
            for _ in range(draw.choice((1, 1, 1, 2, 3))):
                kind = draw.choice({'SET': TYPES, 'REMOVE': TYPES, 'ADD': ('N', 'SS', 'NS', 'BS'), 'DELETE': ('SS', 'NS', 'BS')}[
                        section])
                path = self.target(kind, taken)
                if path is None:
                    continue
                if section == 'SET':
                    actions.append(f'{path} = {self.set_value(kind)}')
                elif section == 'REMOVE':
                    actions.append(path)
                else:
                    actions.append(f'{path} {self.placeholder(draw.of(kind) if not draw.fault(0.1) else draw.value())}')
            if actions:
                text.append(f'{section if draw.chance(0.8) else section.lower()} {", ".join(actions)}')
        return ' '.join(text) or f'SET a = {self.placeholder(draw.of("S"))}'

    def projection(self):
        taken, paths = set(), []
        for _ in range(self.rng.randrange(1, 4)):
            path = self.path()
            top = self.names.get(path.split('.')[0].split('[')[0], path.split('.')[0].split('[')[0])
            if top not in taken or self.draw.fault(0.3):
                paths.append(path)
            taken.add(top)
        return ', '.join(paths)

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

    def text(self, text):
        return self.spoil(text) if self.draw.fault(0.12) else text

    def finish(self, body):
        """Puts the placeholders in, now and then one too many or too few."""
        draw = self.draw
        if draw.fault(0.06):
            self.names[draw.choice(('#unused', 'unused', '#', '#a-b'))] = 'unused'
        if draw.fault(0.06):
            self.values[draw.choice((':unused', 'unused', ':', ':a-b'))] = draw.value()
        for taken in (self.names, self.values):
            if taken and draw.fault(0.05):
                del taken[self.rng.choice(sorted(taken))]
        if self.names or draw.fault(0.02):
            body['ExpressionAttributeNames'] = self.names
        if self.values or draw.fault(0.02):
            body['ExpressionAttributeValues'] = self.values
