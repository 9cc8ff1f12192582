"""Where DynamoDB, by its documentation, says otherwise than dynalite does.

A rule tells the exact shape of both answers, and where that could hide something, of the request too. Each has its reason and the
page that says so: "API" is the Amazon DynamoDB API Reference, "Guide" the Developer Guide. Of some faults the documentation tells
that they are refused and not in which words: then dynalite's are older ones. What no rule covers is a difference that must be mended
here or reasoned about.
"""
import collections
import re

from compare import text
from make_tables import SHAPES

Rule = collections.namedtuple('Rule', 'reason page ours theirs when')
# What the predicates of rules see; `before` are the items as they were that a write is about.
Seen = collections.namedtuple('Seen', 'operation body ours theirs before mine other groups')
RULES = []
ORDER = Rule('of two faults that both services know another one is told first', 'the order of checks is not documented', None,
             None, None)


def rule(page, reason, ours, theirs, when=None):
    """Patterns for the whole of both answers; groups of the same name must match the same text."""
    RULES.append(Rule(reason, page, re.compile(ours, re.S), re.compile(theirs, re.S), when))


def explain(operation, body, ours, theirs, before):
    """The rule that explains a difference, or None."""
    mine, other = text(ours), text(theirs)
    for candidate in RULES:
        found, echo = candidate.ours.fullmatch(mine), candidate.theirs.fullmatch(other)
        if not found or not echo:
            continue
        groups = {**echo.groupdict(), **found.groupdict()}
        if any(value is not None and groups[name] != value for name, value in echo.groupdict().items()):
            continue
        if candidate.when is None or candidate.when(Seen(operation, body, ours, theirs, before, mine, other, groups)):
            return candidate
    return None


# -- what requests and answers have --

V = 'ValidationException: '
FAILED = 'ConditionalCheckFailedException: The conditional request failed'
BAD = r'ValidationException: One or more parameter values were invalid: '
EXPRESSIONS = ('ConditionExpression', 'FilterExpression', 'KeyConditionExpression', 'ProjectionExpression', 'UpdateExpression')


def parts_of(seen):
    """The members that hold expressions: the request itself, or a batch's tables."""
    requests = seen.body.get('RequestItems')
    return list(requests.values()) if seen.operation == 'BatchGetItem' and isinstance(requests, dict) else [seen.body]


def expressions(seen, *kinds):
    return [part[kind] for part in parts_of(seen) if isinstance(part, dict) for kind in kinds or EXPRESSIONS if isinstance(part.get
            (kind), str)]


def has_null(node):
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(child is None or has_null(child) for child in children)


PATH = r'(?:size\s*\(\s*[#\w][\w#.\[\]]*\s*\)|(?<![:\w#.\[\]])[#a-zA-Z_][\w#.\[\]]*)'
COMPARED = re.compile('|'.join((
    rf'{PATH}\s*(?:=|<>|<=|>=|<|>)\s*{PATH}', rf'{PATH}\s+between\s+{PATH}\s+and', rf'between\s+\S+\s+and\s+{PATH}',
    rf'in\s*\([^)]*{PATH}[^)]*\)')), re.I)


def compares_paths(seen):
    """Whether a condition compares what stands in the item with what stands in the item."""
    return any(COMPARED.search(expression) for expression in expressions(seen, 'ConditionExpression', 'FilterExpression'))


def resolved(seen, path):
    """The steps of a path, its placeholders replaced: names and indexes."""
    meant = {}
    for part in parts_of(seen):
        meant.update((isinstance(part, dict) and part.get('ExpressionAttributeNames')) or {})
    steps = re.findall(r'[#\w]+|\[\d+\]', path)
    return [int(step[1:-1]) if step[0] == '[' else meant.get(step, step) for step in steps]


def lacks(item, steps):
    """Whether there is nothing at the end of these steps."""
    value = {'M': item or {}}
    for step in steps:
        inside = value.get('L' if isinstance(step, int) else 'M')
        if inside is None or (step >= len(inside) if isinstance(step, int) else step not in inside):
            return True
        value = inside[step]
    return False


WORDS = {'and', 'or', 'not', 'in', 'between', 'size'}


def compares_missing(seen, item):
    """Whether a condition compares what stands in the item with what stands in the item, and one of them does not."""
    compared = [found[0] for expression in expressions(seen, 'ConditionExpression', 'FilterExpression') for found in
                COMPARED.finditer(expression)]
    paths = [path for text in compared for path in re.findall(r'(?<![:\w#.\[\]])[#a-zA-Z_][\w#.\[\]]*', text) if path.lower()
             not in WORDS]
    return any(lacks(item, resolved(seen, path)) for path in paths)


def differing_items(seen):
    """The items that one side gave and the other did not."""
    lists = [list(side[3].get('Items', [])) for side in (seen.ours, seen.theirs)]
    for item in list(lists[0]):
        if item in lists[1]:
            lists[0].remove(item)
            lists[1].remove(item)
    return lists[0] + lists[1]


def shape_of(table):
    """What a table was made of: its name tells it."""
    found = re.search(r'(?:^|/)g\d+-(\w+)$', str(table))
    return SHAPES.get(found[1]) if found else None


def index_of(seen):
    """The index that a request names, or None."""
    shape = shape_of(seen.body.get('TableName'))
    return next((index for index in shape.indexes if index[0] == seen.body.get('IndexName')), None) if shape else None


def only(seen, *names):
    """Whether two served answers differ in these members alone."""
    ours, theirs = seen.ours[3], seen.theirs[3]
    return {key for key in set(ours) | set(theirs) if ours.get(key) != theirs.get(key)} <= set(names)


def constraints(message):
    """The broken constraints that an answer lists, or None."""
    found = re.fullmatch(r'ValidationException: \d+ validation errors? detected: (.*)', message, re.S)
    return None if not found else re.split(r'; (?=Value )', found[1])


def name_of(seen):
    name = seen.body.get('TableName')
    return name if isinstance(name, str) else ''


LISTED = r'ValidationException: \d+ validation errors? detected: .*'
# What dynalite says that does not know a fault: what happens, or another fault that DynamoDB, too, would find later.
LATER = r'(?!SerializationException|\w+: \d+ validation).*'
