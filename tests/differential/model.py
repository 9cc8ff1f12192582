"""What DynamoDB documents that dynalite does not do: capacity units of writes and metrics of item collections.

Developer Guide, "DynamoDB item sizes and formats", "Capacity unit consumption for write operations" and "Provisioned throughput
considerations for Global Secondary Indexes"; API Reference, ItemCollectionMetrics.
"""
import base64
import decimal
import math

from make_tables import SHAPES


def number_size(text):
    """A byte for each pair of digits, pairs aligned at the point, one for the exponent and one for a sign, and 21 at most."""
    exact = decimal.Context(prec=400)
    number = exact.create_decimal(text).normalize(exact).as_tuple()
    if number.digits == (0,):
        return 1
    first, last = number.exponent + len(number.digits) - 1, number.exponent
    return min(21, 1 + first // 2 - last // 2 + 1 + number.sign)


def value_size(value):
    (kind, inner), = value.items()
    if kind in ('NULL', 'BOOL'):
        return 1
    if kind == 'N':
        return number_size(inner)
    if kind == 'S':
        return len(inner.encode())
    if kind == 'B':
        return len(base64.b64decode(inner))
    if kind == 'L':
        return 3 + sum(1 + value_size(element) for element in inner)
    if kind == 'M':
        return 3 + sum(1 + len(name.encode()) + value_size(element) for name, element in inner.items())
    return sum(value_size({kind[0]: element}) for element in inner)


def item_size(item):
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def units(*items):
    """Write units for the largest of some images of an item."""
    return max([1] + [math.ceil(item_size(item) / 1024) for item in items if item])


def key_names(shape):
    return [key.split(':')[0] for key in shape.keys]


def entry(shape, index, item):
    """(key, attributes) of an item's row in an index, or None."""
    names = [key.split(':')[0] for key in index[1:3] if key]
    if item is None or any(name not in item for name in names):
        return None
    held = item
    if index[3] != 'ALL':
        shown = {*names, *key_names(shape), *(index[3] if isinstance(index[3], tuple) else ())}
        held = {name: value for name, value in item.items() if name in shown}
    return {name: item[name] for name in names}, held


def index_units(shape, index, before, after):
    old, new = entry(shape, index, before), entry(shape, index, after)
    if old == new:
        return 0
    if old is None or new is None:
        return units((old or new)[1])
    return units(old[1], new[1]) if old[0] == new[0] else units(old[1]) + units(new[1])


def write_capacity(table, writes, detailed):
    """What ConsumedCapacity says of `writes`, as (name of shape, item before, item after), to one table."""
    total = {'Table': 0, 'LocalSecondaryIndexes': {}, 'GlobalSecondaryIndexes': {}}
    for name, before, after in writes:
        shape = SHAPES[name]
        total['Table'] += units(before, after)
        for kind, indexes in (('LocalSecondaryIndexes', shape.local), ('GlobalSecondaryIndexes', shape.global_)):
            for index in indexes:
                spent = index_units(shape, index, before, after)
                if spent:
                    total[kind][index[0]] = total[kind].get(index[0], 0) + spent
    spent = total['Table'] + sum(sum(total[kind].values()) for kind in ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes'))
    capacity = {'TableName': table, 'CapacityUnits': spent}
    if detailed:
        capacity['Table'] = {'CapacityUnits': total['Table']}
        for kind in ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes'):
            if total[kind]:
                capacity[kind] = {index: {'CapacityUnits': count} for index, count in total[kind].items()}
    return capacity


def undocumented(operation, body, writes, answer):
    """What a served write says otherwise than documented, as text, or None. `writes` is [(shape, table, key, before, after)]."""
    tables = {}
    for shape, table, _, before, after in writes:
        tables.setdefault(table, []).append((shape, before, after))
    wanted = body.get('ReturnConsumedCapacity')
    if wanted in ('TOTAL', 'INDEXES'):
        expected = [write_capacity(table, parts, wanted == 'INDEXES') for table, parts in tables.items()]
        told = answer.get('ConsumedCapacity')
        told = sorted(told, key=lambda part: part['TableName']) if isinstance(told, list) else [told]
        if told != sorted(expected, key=lambda part: part['TableName']):
            return f'capacity {told}, documented {expected}'
    if operation in ('PutItem', 'UpdateItem', 'DeleteItem'):
        shape, _, key, _, _ = writes[0]
        metrics = answer.get('ItemCollectionMetrics')
        if body.get('ReturnItemCollectionMetrics') == 'SIZE' and SHAPES[shape].local:
            if metrics != {'ItemCollectionKey': {'p': key['p']}, 'SizeEstimateRangeGB': [0, 1]}:
                return f'metrics {metrics}'
        elif metrics is not None:
            return f'metrics {metrics} that nobody can have'
    return None
