"""Random values, and how many things are to be wrong with a request.

A request is made with a number of faults to come, mostly none or one. Whatever may go wrong while it is made asks
`fault()`, which says yes that often at most; what is left is done to the finished request (spoil.py). So most requests are served,
most others have one fault alone, and what the services say about it can be compared word for word.
"""
# What an attribute mostly holds, so that expressions mostly find what they need.
TYPICAL = {'a': 'S', 'bb': 'B', 'x1': 'N', 'name': 'S', 's': 'S', 'n': 'N', 'g': 'S', 'l': 'L', 'm': 'M', 'ss': 'SS',
           'ns': 'NS', 'bs': 'BS', 'yes': 'BOOL', 'nil': 'NULL'}
STRINGS = ('a', 'a', 'b', 'b', 'c', 'ab', 'abc', 'B', '\u00e9', '\U0001f600', '1', ' a', 'a\n"\\', 'x' * 130)
NUMBERS = ('1', '1', '2', '2', '3', '0', '-1', '10', '100', '0.5', '1.0', '1e1', '-0.50', '1e-3', '-0', '1E+2', '00012.500', '.5',
           '0e10', '123456789012345678.123456789012345678', '1' * 38, '-' + '9' * 38, '1e125', '-1e125', '1e-130', '-1e-130',
           '9.9999999999999999999999999999999999999e125', '1.5e-5', '20', '-20', '1e20', '0.0001')
BINARIES = ('YQ==', 'YQ==', 'Yg==', 'AA==', '/w==', 'YWI=', 'YWJj', '//79')
# Keys are of fewer values, so that requests meet.
KEY_STRINGS, KEY_NUMBERS, KEY_BINARIES = ('a', 'b', 'c', 'ab', '\u00e9'), ('1', '2', '3', '-1', '10', '1.0'), ('YQ==', 'Yg==',
        '/w==', 'YWI=')


class Draw:
    def __init__(self, rng):
        self.rng = rng
        self.faults = 0

    def begin(self):
        self.faults = self.rng.choices((0, 1, 2), (55, 40, 5))[0]

    def chance(self, part):
        return self.rng.random() < part

    def choice(self, options):
        return self.rng.choice(options)

    def fault(self, part=0.1):
        """Whether to do wrong here."""
        if self.faults > 0 and self.rng.random() < part:
            self.faults -= 1
            return True
        return False

    # -- values --

    def key_value(self, kind):
        return {kind: self.choice({'S': KEY_STRINGS, 'N': KEY_NUMBERS, 'B': KEY_BINARIES}[kind])}

    def scalar(self, kind):
        return {kind: self.choice({'S': STRINGS, 'N': NUMBERS, 'B': BINARIES}[kind])}

    def some_of(self, options):
        return self.rng.sample(options, self.rng.randrange(1, min(4, len(options))))

    def of(self, kind, depth=0):
        if kind in ('S', 'N', 'B'):
            return self.scalar(kind)
        if kind == 'SS':
            return {'SS': self.some_of(('a', 'b', 'c', 'd', '\u00e9', ''))}
        if kind == 'NS':
            return {'NS': self.some_of(('1', '2', '3', '-4', '0.5', '1e2', '-1e-3'))}
        if kind == 'BS':
            return {'BS': self.some_of(('YQ==', 'Yg==', 'AA==', '/w=='))}
        if kind == 'BOOL':
            return {'BOOL': self.chance(0.5)}
        if kind == 'NULL':
            return {'NULL': True}
        if kind == 'L':
            return {'L': [self.value(depth + 1) for _ in range(self.rng.randrange(4 - depth))]}
        names = self.rng.sample(tuple(TYPICAL), self.rng.randrange(4 - depth))
        return {'M': {name: self.attribute(name, depth + 1) for name in names}}

    def value(self, depth=0):
        return self.of(self.choice(('S', 'S', 'N', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL')[:12 if depth < 3 else 8]),
                       depth)

    def attribute(self, name, depth=0):
        """What stands under this name, mostly of its kind."""
        if self.chance(0.15):
            return self.value(depth)
        kind = TYPICAL[name]
        return self.of('S' if kind in ('L', 'M') and depth > 2 else kind, depth)

    def names(self, low, high):
        return self.rng.sample(tuple(TYPICAL), self.rng.randrange(low, high))
