"""What goes wrong with a request that was well-formed: a member lost, doubled, of another JSON type, odd, or just outside a limit."""
import copy

ODD_JSON = (None, True, False, 0, 1, -1, 1.5, 12345678901234567890, '', 'a', 'true', '1', 'x' * 300, [], [[]], [1],
            ['a'], ['a', 'a'], [None], {}, {'a': 1}, {'S': 'a'}, [{}], {'N': 3}, {'S': None}, {'a': {'S': 'b'}})
ODD_VALUES = ({}, {'S': ''}, {'S': 'a', 'N': '1'}, {'X': 'a'}, {'N': ''}, {'N': 'abc'}, {'N': '1e400'}, {'N': '1e-400'}, {'N': 3},
              {'S': 3}, {'N': '1' * 39}, {'N': '0x10'}, {'N': ' 1'}, {'N': '1 '}, {'N': '1e126'}, {'N': '1e-131'}, {'N': '9' * 38
        + 'e88'}, {'N': '1e125'}, {'N': '-0'}, {'N': '+1'}, {'N': '1.'}, {'N': '.5'}, {'N': '00012.500'}, {'N': '1E+2'}, {'N':
        'NaN'}, {'N': '1_000'}, {'N': '-'}, {'N': 'Infinity'}, {'N': '1e'}, {'N': 'e1'}, {'N': '--1'}, {'N': '1.2.3'}, {'N':
        '1e1.5'}, {'N': '\u0661'}, {'N': '1' + '0' * 200}, {'N': '0' * 100 + '1'}, {'N': '0.' + '0' * 100 + '1'}, {'N': '-1e126'},
              {'N': '1.' + '0' * 60}, {'N': '0e999'}, {'SS': []}, {'NS': []}, {'BS': []}, {'SS': ['a', 'a']}, {'NS': ['1', '1.0']},
              {'NS': ['1', '1']}, {'BS': ['YQ==', 'YQ==']}, {'NS': ['1', 'b']}, {'NS': [1]}, {'SS': ['']}, {'SS': 'a'}, {'BS': [
        'a']}, {'B': ''}, {'B': 'YQ'}, {'B': 'YR=='}, {'B': '!!!!'}, {'B': 'YQ==YQ=='}, {'NULL': False}, {'NULL': 'no'}, {'NULL':
        None}, {'BOOL': 'yes'}, {'BOOL': 1}, {'M': {}}, {'L': []}, {'L': [{}]}, {'M': {'a': {}}}, {'M': []}, {'L': {}}, {'M': {'':
        {'S': 'a'}}}, {'L': [{'S': 'a', 'N': '1'}]}, {'L': [{'N': 1}]}, {'M': {'a': {'N': 'x'}}}, {'S': 'x' * 2049}, {'S': 'x' *
        1025}, {'M': {'a': {'NS': []}}}, {'SS': ['a', None]}, {'N': '1', 'B': 'YQ=='}, {'s': 'a'}, {'n': '1'})
TAGS = ('S', 'N', 'B', 'SS', 'NS', 'BS', 'L', 'M', 'BOOL', 'NULL')


def places(node, found):
    """All (container, key) below a node."""
    for key in sorted(node) if isinstance(node, dict) else range(len(node)):
        found.append((node, key))
        if isinstance(node[key], (dict, list)):
            places(node[key], found)
    return found


EXPRESSIONS = ('ConditionExpression', 'FilterExpression', 'KeyConditionExpression', 'ProjectionExpression', 'UpdateExpression')


def reductions(body):
    """The request without one of its members or elements, for each of them, outer ones first; without an expression also without
    the placeholders that nothing else has."""
    for path in sorted(paths(body, ()), key=len)[:80]:
        reduced = copy.deepcopy(body)
        node = reduced
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]
        if path[-1] in EXPRESSIONS:
            left = ' '.join(str(node.get(name)) for name in EXPRESSIONS)
            for kind in ('ExpressionAttributeNames', 'ExpressionAttributeValues'):
                if isinstance(node.get(kind), dict):
                    node[kind] = {name: value for name, value in node[kind].items() if name in left}
                    if not node[kind]:
                        del node[kind]
        yield reduced


def paths(node, above):
    for key in sorted(node) if isinstance(node, dict) else range(len(node)):
        yield (*above, key)
        if isinstance(node[key], (dict, list)):
            yield from paths(node[key], (*above, key))


def spoil(draw, body):
    rng = draw.rng
    everywhere = places(body, [])
    if not everywhere:
        return
    # The upper levels hold the parameters; a draw among all places would hit values only.
    upper = [(body, key) for key in sorted(body)]
    container, key = rng.choice(upper if draw.chance(0.4) else everywhere)
    value = container[key]
    roll = rng.random()
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)) in TAGS and roll < 0.6:
        container[key] = copy.deepcopy(rng.choice(ODD_VALUES) if draw.chance(0.85) else draw.value())
    elif roll < 0.2:
        del container[key]
    elif roll < 0.3 and isinstance(value, list) and value:
        value.append(copy.deepcopy(rng.choice(value)))
    elif roll < 0.3 and isinstance(value, dict):
        value[rng.choice(('a', 'extra', 'p', 'Key'))] = draw.value()
    elif roll < 0.45 and isinstance(value, str):
        container[key] = rng.choice((value + 'x', value.lower(), value[:-1], '', 'abc;d', value * 90, 'ab'))
    elif roll < 0.45 and isinstance(value, int) and not isinstance(value, bool):
        container[key] = rng.choice((0, -1, value + 1, 10**6 + 1, 10**19, value + 0.5))
    else:
        container[key] = copy.deepcopy(rng.choice(ODD_JSON))
