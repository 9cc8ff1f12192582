"""Where DynamoDB, by its documentation, says otherwise than dynalite does.

A rule tells the exact shape of both answers, and where that could hide something, of the request too. Each has its reason and the
page that says so: "API" is the Amazon DynamoDB API Reference, "Guide" the Developer Guide. Of some faults the documentation tells
that they are refused and not in which words: then dynalite's are older ones. What no rule covers is a difference that must be mended
here or reasoned about.
"""
import collections
import decimal
import re

from compare import by_text, text
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


def only(seen, *names):
    """Whether two served answers differ in these members alone."""
    ours, theirs = seen.ours[3], seen.theirs[3]
    return {key for key in set(ours) | set(theirs) if ours.get(key) != theirs.get(key)} <= set(names)


# -- syntax --

def near_fits(seen):
    """The token is in the expression and what is near it too."""
    token, near = seen.groups['token'], seen.groups['near']
    found = [expression for expression in expressions(seen, seen.groups['kind']) if near.strip() in expression]
    return bool(found) and (token == '<EOF>' or token in near)


SYNTAX = r'ValidationException: Invalid (?P<kind>\w+): Syntax error; token: "(?P<token>.*)", near: "(?P<near>.*)"'
rule('Guide, Expressions in DynamoDB',
     'the token of a syntax error is told and what is near it, not what a grammar of dynalite\'s own expected',
     SYNTAX,
     r'ValidationException: Invalid (?P<kind>\w+): Syntax error; Expected .* found\.',
     near_fits)


# -- names of tables --

CONTROL = ('CreateTable', 'UpdateTable', 'DeleteTable', 'DescribeTable', 'DescribeTimeToLive')
NAMES = 'Guide, Naming rules; API, TableName: length from 1, or an ARN'
NAME_CONSTRAINT = re.compile(r"Value '[^']*' at 'tableName' failed to satisfy constraint: Member must (?:have length [a-z "
                             r"]+\d+|satisfy regular expression pattern: \S+)")


def constraints(message):
    """The broken constraints that an answer lists, or None."""
    found = re.fullmatch(r'ValidationException: \d+ validation errors? detected: (.*)', message, re.S)
    return None if not found else re.split(r'; (?=Value )', found[1])


def rest_is_same(seen):
    """Whether the answers differ in what they say of the table's name alone."""
    mine, other = ([each for each in constraints(side) if not NAME_CONSTRAINT.fullmatch(each)] for side in (seen.mine, seen.other))
    return sorted(mine) == sorted(other)


def others_than_map_keys(message):
    return [each for each in constraints(message) if not MAP_KEYS.fullmatch(each)]


def name_of(seen):
    name = seen.body.get('TableName')
    return name if isinstance(name, str) else ''


LISTED = r'ValidationException: \d+ validation errors? detected: .*'
rule(NAMES,
     'names of one or two letters are names, of which there is no table',
     'ResourceNotFoundException: Requested resource not found',
     r"ValidationException: 1 validation error detected: Value '..?' at 'tableName' failed to satisfy constraint: Member must "
     r"have length greater than or " 'equal to 3',
     lambda seen: 0 < len(name_of(seen)) < 3)
rule(NAMES,
     'names of one or two letters are names, of which there is no table',
     r'ValidationException: (?!\d+ validation).*',
     r"ValidationException: 1 validation error detected: Value '..?' at 'tableName' failed to satisfy constraint: Member must "
     r"have length greater than or " 'equal to 3',
     lambda seen: 0 < len(name_of(seen)) < 3)
rule(NAMES,
     'the empty name is too short, and of a PutItem that is told without the value',
     LISTED,
     LISTED,
     lambda seen: seen.body.get('TableName') == '' and (rest_is_same(seen) or seen.mine == V + "1 validation error detected: "
        "Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1"))
rule(NAMES, 'names of one or two letters are names, so other constraints are told without theirs', LISTED, LISTED,
     lambda seen: 0 < len(name_of(seen)) < 3 and rest_is_same(seen))
MAP_KEYS = re.compile(r"Value '\{.*\}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy constraint: \[.*\]", re.S)
rule(NAMES,
     'names of one or two letters are names in batches too',
     r'ValidationException: .*|ResourceNotFoundException: Requested resource not found',
     LISTED,
     lambda seen: isinstance(seen.body.get('RequestItems'), dict) and any(0 < len(name) < 3 for name in seen.body['RequestItems']) and
     others_than_map_keys(seen.other) in ([], constraints(seen.mine)))
rule('Guide, Naming rules',
     'a constraint on a table\'s name is told with the name',
     LISTED,
     'ValidationException: TableName must be at least 3 characters long and at most 255 characters long',
     lambda seen: seen.operation in CONTROL and not 3 <= len(name_of(seen)) <= 255 and all(NAME_CONSTRAINT.fullmatch(each) for
        each in constraints(seen.mine)))
rule(NAMES,
     'a table may be named by its ARN',
     r'ResourceNotFoundException: Requested resource not found(: Table: nowhere not found)?',
     r"ValidationException: 1 validation error detected: Value 'arn:.*' at 'tableName' failed to satisfy constraint: Member must "
     r"satisfy regular " r'expression pattern: \[a-zA-Z0-9_\.-\]\+',
     lambda seen: name_of(seen).startswith('arn:'))

# -- descriptions of tables --


def pruned(node, *names):
    if isinstance(node, dict):
        return {key: pruned(value, *names) for key, value in node.items() if key not in names}
    return [pruned(child, *names) for child in node] if isinstance(node, list) else node


def same_description(seen):
    name = 'Table' if seen.operation == 'DescribeTable' else 'TableDescription'
    if not only(seen, name):
        return False
    ours = pruned(seen.ours[3][name], 'WarmThroughput', 'DeletionProtectionEnabled')
    theirs = pruned(seen.theirs[3][name], 'TableThroughputModeSummary', 'DeletionProtectionEnabled')
    theirs.pop('BillingMode', None)
    if 'StreamSpecification' in seen.body:
        ours.pop('StreamSpecification', None)
    if seen.operation == 'DeleteTable':
        ours.pop('StreamSpecification', None)
        theirs = pruned(theirs, 'AttributeDefinitions', 'KeySchema', 'LocalSecondaryIndexes', 'GlobalSecondaryIndexes')
    for side in (ours, theirs):
        billing = side.pop('BillingModeSummary', {})
        if 'PAY_PER_REQUEST' in str(billing):
            side['BillingModeSummary'] = 'PAY_PER_REQUEST'
    return ours == theirs


rule('API, TableDescription; DeleteTable: example',
     'descriptions have deletion protection and warm throughput, and none of the older summary; that of a '
     'deleted table tells what it was, not how it was made',
     'OK',
     'OK',
     lambda seen: seen.operation in CONTROL and same_description(seen))
rule('API, CreateTable: ResourceInUseException',
     'the table that is there is named',
     'ResourceInUseException: Table already exists: .+',
     'ResourceInUseException: ')



def numbers(node):
    """All numbers below a node."""
    if isinstance(node, dict) and set(node) == {'N'} and isinstance(node['N'], str):
        try:
            return [decimal.Decimal(node['N'])]
        except decimal.InvalidOperation:
            return []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [number for child in children for number in numbers(child)]


def has_long_sum(seen):
    """Whether two numbers of the request or the item have a sum or difference of more than 38 digits."""
    found = numbers(seen.body) + numbers(seen.before)
    with decimal.localcontext() as context:
        context.prec = 400
        sums = [sign * one + other for one in found for other in found for sign in (1, -1)]
        return any(len(each.normalize().as_tuple().digits) > 38 for each in sums)


def unfit_index_key(seen):
    """Whether the request gives a key of an index an empty value or a long one."""
    def unfit(node, name=''):
        if isinstance(node, dict):
            return any(unfit(child, key) for key, child in node.items())
        if isinstance(node, list):
            return any(map(unfit, node))
        return name in ('S', 'B') and isinstance(node, str) and (node == '' or len(node) > 1024)
    return unfit(seen.body) or unfit(seen.before)


# -- conditions --

PATH_FAULTS = (V + 'The document path provided in the update expression is invalid for update',
               V + 'The provided expression refers to an attribute that does not exist in the item',
               V + 'An operand in the update expression has an incorrect data type',
               V + 'Attempting to store more than 38 significant digits in a Number')
# What dynalite says that does not know a fault: what happens, or another fault that DynamoDB, too, would find later.
LATER = r'(?!SerializationException|\w+: \d+ validation).*'
OUTCOME = '|'.join(map(re.escape, ('OK', FAILED, *PATH_FAULTS)))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing, not even to what is not there either, and in no order',
     f'{OUTCOME}',
     f'{OUTCOME}',
     lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'DeleteItem') and seen.mine != seen.other and FAILED in (seen.mine,
        seen.other) and compares_paths(seen))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing, not even to what is not there either, and in no order',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'Items', 'Count') and compares_paths(seen))
rule('Guide, Condition and filter expressions: syntax, "| NOT condition"',
     'a negation may be negated',
     r'(?!SerializationException).*',
     r'ValidationException: Invalid \w+: Syntax error; Expected "\(" but "[Nn]" found\.',
     lambda seen: any(re.search(r'\bnot\s+not\b', text, re.I) for text in expressions(seen, 'ConditionExpression',
        'FilterExpression', 'KeyConditionExpression')))
rule('API, ReturnValuesOnConditionCheckFailure',
     'the item is told when a condition fails',
     FAILED,
     FAILED,
     lambda seen: seen.body.get('ReturnValuesOnConditionCheckFailure') == 'ALL_OLD' and seen.ours[3] == {'Item': seen.before[0]}
     and seen.theirs[3] is None)
rule('API, ConditionalOperator: OR',
     'of conditions joined by OR any that holds is enough, not only the first',
     f'{OUTCOME}',
     f'{OUTCOME}',
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and seen.mine != seen.other == FAILED)
rule('API, ConditionalOperator: OR',
     'of conditions joined by OR any that holds is enough, not only the first',
     'OK',
     'OK',
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and only(seen, 'Items', 'Count') and seen.ours[3]['Count'] >= seen.theirs
     [3]['Count'])
def compared_with_itself(seen):
    """Whether the path of a fault stands twice in an expression, its placeholders replaced."""
    wanted = seen.groups['path'].replace(', [', '[').replace(', ', '.')
    for part in parts_of(seen):
        for text in (part.get(kind) for kind in EXPRESSIONS if isinstance(part.get(kind), str)):
            for name, meant in (part.get('ExpressionAttributeNames') or {}).items():
                text = re.sub(re.escape(name) + r'\b', str(meant), text)
            if text.count(wanted) > 1:
                return True
    return False


rule('the fault\'s own words, "the remaining operands"',
     'IN and BETWEEN do not compare an operand with itself either',
     r'ValidationException: Invalid \w+: The first operand must be distinct from the remaining operands for this operator or '
     r'function; ' r'operator: (IN|BETWEEN), first operand: \[(?P<path>.*)\]',
     LATER,
     compared_with_itself)

rule('Guide, Condition and filter expressions: comparators',
     'only strings, numbers and binaries are in an order',
     r'ValidationException: Invalid \w+: Incorrect operand type for operator or function; operator or function: '
     r'(<|<=|>|>=|BETWEEN), operand type: (?P<type>SS|NS|BS|BOOL|NULL|L|M)',
     LATER,
     lambda seen: f"{{'{seen.groups['type']}': " in str(seen.body))

# -- older parameters --

rule('API, ExpectedAttributeValue: Exists',
     'where a value is given it is compared, also if the attribute shall exist',
     FAILED,
     'OK',
     lambda seen: any(isinstance(one, dict) and one.get('Exists') is True and 'Value' in one for one in (seen.body.get('Expected')
        or {}).values()))

ALONE = V + 'ConditionalOperator cannot be used without Filter or Expected'
FEW = V + 'ConditionalOperator can only be used when Filter or Expected has two or more elements'


def filters(seen):
    return next((seen.body[name] for name in ('Expected', 'QueryFilter', 'ScanFilter') if seen.body.get(name) is not None), None)


rule('API, ConditionalOperator: "a logical operator to apply to the conditions in the Expected map"',
     'an operator between conditions needs conditions',
     ALONE,
     LATER,
     lambda seen: filters(seen) is None)
rule('API, ConditionalOperator: "a logical operator to apply to the conditions in the Expected map"',
     'an operator between conditions needs two of them',
     FEW,
     LATER,
     lambda seen: len(filters(seen) or ()) < 2)
rule('Guide, Legacy conditional parameters: ConditionalOperator',
     'ConditionalOperator is one of the parameters that do not go with expressions',
     r'ValidationException: Can not use both expression and non-expression parameters in the same request: Non-expression '
     r'parameters: ' r'\{(?P<names>(?:\w+, )*)ConditionalOperator\} Expression parameters: \{(?P<expressions>.*)\}',
     LATER + r'|ValidationException: Can not use both expression and non-expression parameters in the same request: '
     r'Non-expression parameters: ' r'\{.*\} Expression parameters: \{(?P<expressions>.*)\}',
     lambda seen: seen.body.get('ConditionalOperator') is not None and ('Can not use' not in seen.other or '{' + seen.groups[
        'names'][:-2] + '}' in seen.other))
rule('API, AttributeValueUpdate: Action',
     'an action is one of three',
     r"ValidationException: 1 validation error detected: Value '.*' at 'attributeUpdates\.\w+\.member\.action' "
     r'failed to satisfy constraint: Member must satisfy enum value set: \[ADD, DELETE, PUT\]',
     r'(?!\w+: \d+ validation error).*',
     lambda seen: any(update.get('Action', 'PUT') not in ('ADD', 'DELETE', 'PUT') for update in seen.body['AttributeUpdates'].values
                      () if isinstance(update, dict)))

# -- updates --


def only_removes(body):
    """Whether an UpdateItem can add nothing to an item."""
    if 'UpdateExpression' in body:
        return re.search(r'\b(set|add)\b', body['UpdateExpression'], re.I) is None
    updates = (body.get('AttributeUpdates') or {}).values()
    return bool(updates) and all(update.get('Action') == 'DELETE' for update in updates)


NOTHING = 'an update that only takes away makes no item where there was none'
rule('API, AttributeUpdates: DELETE "nothing happens"; Guide, Update expressions: REMOVE',
     NOTHING,
     'OK',
     'OK',
     lambda seen: seen.operation == 'UpdateItem' and seen.before == [None] and seen.ours[3]['Stored'] == [None] and only_removes(
        seen.body) and only(seen, 'Stored', 'Attributes') and set(seen.theirs[3]['Stored'][0]) == set(seen.body['Key']) and
     'Attributes' not in seen.ours[3])
rule('API, AttributeUpdates: DELETE "nothing happens"; Guide, Update expressions: REMOVE',
     NOTHING,
     'OK',
     re.escape(PATH_FAULTS[0]),
     lambda seen: seen.operation == 'UpdateItem' and seen.before == [None] and only_removes(seen.body))
rule('API, UpdateItem: Attributes "are present only if"',
     'no attributes are returned when there are none',
     'OK',
     'OK',
     lambda seen: seen.operation == 'UpdateItem' and only(seen, 'Attributes') and seen.theirs[3].get('Attributes') == {} and
     'Attributes' not in seen.ours[3])
rule('Guide, Update expressions: ADD "number and set", DELETE "set"',
     'the set of types that an operand may have is named',
     r'(?P<all>ValidationException: Invalid UpdateExpression: Incorrect operand type for operator or function; operator: '
     r'(ADD|DELETE), operand type: \w+), ' r'typeSet: ALLOWED_FOR_(ADD|DELETE)_OPERAND',
     r'(?P<all>.*)')
FAULT_OF_ITEM = '|'.join(map(re.escape, PATH_FAULTS))
rule('no page: of several faults one is told',
     'of several actions that cannot be done the fault of another one is told',
     FAULT_OF_ITEM,
     FAULT_OF_ITEM,
     lambda seen: seen.operation == 'UpdateItem' and seen.mine != seen.other)
OVERLAP = r'ValidationException: Invalid UpdateExpression: Two document paths (overlap|conflict) with each other; must remove or rewrite one of these paths; path one: \[.*\], path two: \[.*\]'
rule('no page: of several faults one is told', 'of several paths that overlap others are told', OVERLAP, OVERLAP)
rule('Guide, Supported data types: numbers of up to 38 digits',
     'a sum of more digits is refused, not rounded or kept',
     re.escape(PATH_FAULTS[3]),
     'OK',
     lambda seen: seen.operation == 'UpdateItem' and has_long_sum(seen))

# -- what reads cost and may ask for --


def least(seen):
    """Whether a read of nothing costs half a unit, or one if it is consistent, where dynalite says 0."""
    ours, theirs = (dict(side[3]['ConsumedCapacity']) for side in (seen.ours, seen.theirs))
    unit = 1 if seen.body.get('ConsistentRead') else 0.5
    parts = {ours.pop('CapacityUnits')} | {part['CapacityUnits'] for part in (ours.pop(name, None) for name in ('Table',)) if
            part}
    return theirs['CapacityUnits'] == 0 and seen.ours[3]['ScannedCount'] == 0 and max(parts) == unit


rule('Guide, Capacity unit consumption for read operations',
     'a read that finds nothing costs the least that a read can',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'ConsumedCapacity') and least(seen))
rule('Guide, Using global secondary indexes: attribute projections', 'of a global index only what is projected can be asked for',
     r'ValidationException: One or more parameter values were invalid: Global secondary index \w+ does not project \[.+\]', LATER,
     lambda seen: seen.operation in ('Query', 'Scan') and 'IndexName' in seen.body)
rule('API, Scan: ConsistentRead',
     'a Scan may be consistent, so the parameter has a type',
     r'SerializationException: .*Boolean|SerializationException: Unexpected token received from parser',
     'OK',
     lambda seen: seen.operation == 'Scan' and not isinstance(seen.body.get('ConsistentRead'), (bool, type(None))))
rule('API, Scan: ConsistentRead',
     'consistent reads of a global secondary index are refused',
     V + 'Consistent reads are not supported on global secondary indexes',
     LATER,
     lambda seen: seen.operation == 'Scan' and seen.body.get('ConsistentRead') is True and 'IndexName' in seen.body)
rule('API, Query and Scan: Select',
     'Select and what is asked for must agree',
     r'ValidationException: (1 validation error detected: )?' r'(Cannot specify the \w+ when choosing to get [\w ]+|Must specify '
     r'the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES|' r'ALL_PROJECTED_ATTRIBUTES can be '
     r'used only when Querying using an IndexName)',
     LATER,
     lambda seen: 'Select' in seen.body)
rule('API, Scan: ConsistentRead', 'a consistent Scan costs double', 'OK', 'OK',
     lambda seen: seen.operation == 'Scan' and seen.body.get('ConsistentRead') is True and only(seen, 'ConsumedCapacity') and
     seen.ours[3]['ConsumedCapacity']['CapacityUnits'] == 2 * seen.theirs[3]['ConsumedCapacity']['CapacityUnits'])

# -- keys --

rule('Guide, Supported data types: String, Binary "cannot be empty for a key"',
     'the words about empty key values are others',
     r'(?P<before>(ValidationException: )(The provided starting key is invalid: )?)One or more parameter values are not valid\. '
     r'The (?P<rest>AttributeValue for a key attribute cannot contain an empty .*)',
     r'(?P<before>(ValidationException: )(The provided starting key is invalid: )?)One or more parameter values were invalid: '
     r'The (?P<rest>AttributeValue for a key attribute cannot contain an empty .*)')
rule('Guide, Supported data types: String, Binary "cannot be empty for a key"',
     'an empty value of a key is refused in key conditions too',
     r'ValidationException: One or more parameter values are not valid\. The AttributeValue for a key attribute cannot contain '
     r'an empty (string|binary) value\. Key: \w+',
     'OK',
     lambda seen: seen.operation == 'Query' and "''}" in str(seen.body))
rule('Guide, Supported data types: String, Binary "cannot be empty for a key"; Quotas: index key lengths',
     'keys of an index may be neither empty nor too long',
     r'ValidationException: One or more parameter values are not valid\. A value specified for a secondary index key is not '
     r'supported\. The AttributeValue for a key ' r'attribute cannot contain an empty (string|binary) value\. IndexName: \w+, '
     r'IndexKey: \w+|' r'ValidationException: One or more parameter values were invalid: (Size of hashkey has exceeded the '
     r'maximum size limit of2048 bytes|' r'Aggregated size of all range keys has exceeded the size limit of 1024 bytes)|'
     r'ValidationException: The update expression attempted to update the secondary index key beyond allowed size limits|'
     r'ValidationException: One or more parameter values are not valid\. The update expression attempted to update a secondary '
     r'index key to a value that is not supported\. ' r'The AttributeValue for a key attribute cannot contain an empty '
     r'(string|binary) value\.',
     LATER,
     lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'BatchWriteItem') and unfit_index_key(seen))
MISMATCH = (r'ValidationException: One or more parameter values were invalid: Type mismatch for Index Key (?P<{0}attr>\w+) '
            r'Expected: [SNB] Actual: \w+ ' r'IndexName: (?P<{0}index>\w+)')
rule('no page: of several faults one is told',
     'of the indexes that a value does not fit the first by name is told',
     MISMATCH.format('our_'),
     MISMATCH.format('their_'),
     lambda seen: seen.groups['our_index'] < seen.groups['their_index'])
rule('API, Query: KeyConditionExpression; Guide, Supported data types',
     'an equality with a value that no key can have is of a wrong type',
     V + 'One or more parameter values were invalid: Condition parameter type does not match schema type',
     r'ValidationException: One or more parameter values were invalid: ComparisonOperator EQ is not valid for \w+ AttributeValue '
     r'type',
     lambda seen: 'KeyConditionExpression' in seen.body)
rule('API, Query: KeyConditionExpression',
     'what a key condition compares by order is a string, number or binary',
     r'ValidationException: Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or '
     r'function: (<|<=|>|>=|BETWEEN|begins_with), operand type: ' r'(?P<type>\w+)',
     r'ValidationException: One or more parameter values were invalid: ComparisonOperator (LT|LE|GT|GE|BETWEEN|BEGINS_WITH) is '
     r'not valid for (?P<type>\w+) AttributeValue type')
rule('Guide, Key condition expressions',
     'a fault of a key condition is told to be one',
     V + 'Invalid KeyConditionExpression: (?P<rest>KeyConditionExpressions cannot have conditions on nested attributes)',
     V + '(?P<rest>.*)')

# -- batches --

rule('API, BatchWriteItem: "up to 25"',
     'a value that is too long is told shortened',
     r"ValidationException: 1 validation error detected: Value '\{[\w-]+=\[\.\.\.\]\}' at " r"'requestItems' failed to satisfy "
     r"constraint: (?P<rest>Map value must satisfy constraint: \[.*\])",
     r"ValidationException: 1 validation error detected: Value '\{.*\}' at " r"'requestItems' failed to satisfy constraint: "
     r"(?P<rest>Map value must satisfy constraint: \[.*\])",
     lambda seen: seen.operation == 'BatchWriteItem')
rule('API, BatchGetItem: "up to 100"',
     'a list that is too long or short is told without itself',
     r"ValidationException: 1 validation error detected: Value at 'RequestItems\.[\w-]+\.member\.Keys' "
     r'failed to satisfy constraint: (?P<rest>Member must have length (less|greater) than or equal to \d+)',
     r"ValidationException: 1 validation error detected: Value '\[.*\]' at " r"'requestItems\.[\w-]+\.member\.keys' failed to "
     r"satisfy constraint: (?P<rest>Member .*)")
MIXED = (r'ValidationException: Can not use both expression and non-expression parameters in the same request: Non-expression '
         r'parameters: \{AttributesToGet\} ' r'Expression parameters: \{ProjectionExpression\}')


def mixes_tables(seen):
    parts = [part for part in parts_of(seen) if isinstance(part, dict)]
    return seen.operation == 'BatchGetItem' and any('AttributesToGet' in part for part in parts) and any('ProjectionExpression' in
            part for part in parts)


rule('Guide, Legacy conditional parameters: "do not use both in a single call"',
     'tables of a batch do not mix older parameters and expressions either',
     MIXED,
     r'(?!SerializationException).*',
     mixes_tables)
rule('API, BatchWriteItem: RequestItems is required',
     'a batch without requests has words of its own',
     V + 'The requestItems parameter is required for BatchWriteItem',
     r"ValidationException: 1 validation error detected: Value '\{\}' at 'requestItems' failed to satisfy constraint: Member "
     r"must have length greater than or equal to 1")
rule('API, UpdateItem: ReturnValues',
     'a wrong ReturnValues is told alone and without itself',
     V + re.escape('1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, '
                   'UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]'),
     r"ValidationException: \d validation errors? detected: .*Value '(?P<value>.*)' at 'returnValues' failed to satisfy "
     r"constraint: Member must satisfy enum value set: " r'\[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW\].*',
     lambda seen: seen.operation == 'UpdateItem' and seen.groups['value'] == seen.body['ReturnValues'])
rule('API, DeleteItem: ReturnValues', 'DeleteItem returns ALL_OLD or NONE', V + 'ReturnValues can only be ALL_OLD or NONE', LATER,
     lambda seen: seen.operation == 'DeleteItem' and seen.body['ReturnValues'] not in ('ALL_OLD', 'NONE'))
rule('API, Query: Limit, from 1',
     'a Limit that is too small is told without itself',
     r"ValidationException: 1 validation error detected: Value at 'Limit' failed to satisfy " r'constraint: (?P<rest>Member must '
     r'have value greater than or equal to 1)',
     r"ValidationException: 1 validation error detected: Value '(?P<limit>-?\d+)' at 'limit' failed to "
     r'satisfy constraint: (?P<rest>.*)',
     lambda seen: seen.operation == 'Query' and seen.groups['limit'] == str(seen.body['Limit']))

# -- changes of tables --

THROUGHPUT = 'API, UpdateTable: GlobalSecondaryIndexUpdates'


def index_updates(seen):
    updates = seen.body.get('GlobalSecondaryIndexUpdates')
    return [update for update in updates if isinstance(update, dict)] if isinstance(updates, list) else []


rule(THROUGHPUT,
     'an index that is not there cannot be updated',
     r'ResourceNotFoundException: Requested resource not found: Index (?P<index>[\w.-]+) for table (?P<table>[\w.-]+)',
     'OK',
     lambda seen: seen.operation == 'UpdateTable' and seen.groups['index'] in str(index_updates(seen)) and seen.groups['table'] ==
     seen.body['TableName'])
rule(THROUGHPUT,
     'a local index has no throughput of its own',
     r'ValidationException: Cannot update an index that is not a GlobalSecondaryIndex: \w+',
     'OK',
     lambda seen: seen.operation == 'UpdateTable')
rule('Guide, On-demand capacity mode',
     'an index of a table on demand has no provisioned throughput to change',
     r'ValidationException: One or more parameter values were invalid: The only Updates '
     r'for index: \w+ when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput',
     'OK',
     lambda seen: seen.operation == 'UpdateTable' and bool(index_updates(seen)))
rule(THROUGHPUT,
     'an index whose throughput will not change is named',
     r'ValidationException: The provisioned throughput for the index (?P<name>\w+) will not change\. The requested value equals '
     r'the current value\. Current ReadCapacityUnits provisioned for ' r'index \w+: (?P<r>\d+)\. Requested ReadCapacityUnits: '
     r'(?P<rr>\d+)\. Current WriteCapacityUnits provisioned for index \w+: (?P<w>\d+)\. Requested WriteCapacityUnits: '
     r'(?P<ww>\d+)\. ' r'(?P<rest>.*)',
     r'ValidationException: The provisioned throughput for the table will not change\. The requested value equals the current '
     r'value\. Current ReadCapacityUnits provisioned for the ' r'table: (?P<r>\d+)\. Requested ReadCapacityUnits: (?P<rr>\d+)\. '
     r'Current WriteCapacityUnits provisioned for the table: (?P<w>\d+)\. Requested WriteCapacityUnits: (?P<ww>\d+)\. '
     r'(?P<rest>.*)')
rule('API, UpdateTable: request parameters',
     'UpdateTable has more parameters',
     r'ValidationException: At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, '
     r'GlobalSecondaryIndexUpdates, SSESpecification, .* or TableClass is required',
     V + 'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates '
     'or SSESpecification or ReplicaUpdates is required')
rule('API, CreateTable: StreamSpecification',
     'a stream is enabled with a view, and has none if it is not',
     r'ValidationException: (One or more parameter values were invalid: Table is being created with a stream (enabled, '
     r'UpdateViewType is required|disabled, UpdateViewType should not be specified)' r"|1 validation error detected: Value "
     r"(null|'.*') at 'streamSpecification\.stream(Enabled|ViewType)' failed to satisfy constraint: .*)",
     'OK',
     lambda seen: 'StreamSpecification' in seen.body)

# -- tags --

def unfit_tags(seen):
    tags = [tag if isinstance(tag, dict) else {} for tag in seen.body['Tags']]
    keys = [tag.get('Key') for tag in tags]
    return (len(keys) > len(set(map(str, keys))) or len(keys) > 50 or any(not isinstance(key, str) or not 0 < len(key) <= 128 or
            key.startswith('aws:') for key in keys) or any(not isinstance(tag.get('Value'), str) or len(tag['Value']) > 256 for
            tag in tags))


rule('API, TagResource: ResourceArn',
     'a resource is named by an ARN',
     r"ValidationException: One or more parameter values were invalid: ARNs must start with 'arn:': (?P<arn>.*)",
     r'AccessDeniedException: User: arn:aws:iam::\d+:dynalite is not authorized to perform: dynamodb:\w+ on resource: (.*)',
     lambda seen: seen.groups['arn'] == seen.body['ResourceArn'] and not seen.groups['arn'].startswith('arn:'))
rule('API, TagResource: ResourceNotFoundException',
     'the resource that is not there is named',
     r'ResourceNotFoundException: Requested resource not found: ResourceArn: (?P<arn>.*) not found',
     r'ResourceNotFoundException: Requested resource not found(: ResourcArn: (?P<their>.*) not found)?',
     lambda seen: seen.groups['arn'] == seen.body['ResourceArn'] and seen.groups['their'] in (None, seen.groups['arn']))
rule('Guide, Tagging resources: restrictions',
     'tags have keys of 1 to 128 characters and values of up to 256, no key twice, and a resource 50 of them',
     r'ValidationException: (The Tag Key provided is invalid, Key: .*|The Tag Value provided is invalid, Value: .*|Duplicate Tag '
     r'Keys provided as input: Duplicate Tag Key found .*|' r'Number of Tags exceed the current limit for the provided '
     r'ResourceArn|Tag Key cannot be prefixed with aws:, Key: aws:.*)',
     'OK|dies: ',
     lambda seen: seen.operation in ('TagResource', 'CreateTable') and unfit_tags(seen))
rule('API, TagResource: ResourceArn',
     'what follows a table\'s name in an ARN names something else',
     r'ValidationException: One or more parameter values were invalid: Invalid resource arn provided, '
     r'only table or stream is accepted\. Provided resource arn: (?P<arn>arn:aws:dynamodb:us-east-2:\d+:table/[^/]+/.*)',
     r'ValidationException: Invalid TableArn: Invalid ResourceArn provided as input ' r'(?P<arn>.*)|OK')

# -- what dynalite does not know --

PARAMETERS = 'API, the operation\'s request parameters'
NEWER = {'ReturnValuesOnConditionCheckFailure': str, 'DeletionProtectionEnabled': bool, 'Tags': list, 'SSESpecification': dict,
         'StreamSpecification': dict, 'TableClass': str}
FITTING = {'ReturnValuesOnConditionCheckFailure': ('ALL_OLD', 'NONE'), 'TableClass': ('STANDARD', 'STANDARD_INFREQUENT_ACCESS')}


def misfit(seen):
    """Whether a parameter that dynalite does not have is of a wrong type or value."""
    known = dict(NEWER, ConsistentRead=bool) if seen.operation == 'Scan' else NEWER
    given = {name: seen.body[name] for name in known if seen.body.get(name) is not None}
    return any(not isinstance(value, known[name]) or value not in FITTING.get(name, (value,)) or (name in ('Tags',
            'SSESpecification', 'StreamSpecification') and not fits_inside(value)) for name, value in given.items())


def fits_inside(value):
    tags = value if isinstance(value, list) else []
    fine = all(isinstance(tag, dict) and all(isinstance(text, str) for text in tag.values()) for tag in tags)
    inner = value if isinstance(value, dict) else {}
    return (fine and isinstance(inner.get('Enabled', True), bool) and isinstance(inner.get('StreamEnabled', True), bool) and inner.get
            ('SSEType', 'KMS') in ('AES256', 'KMS') and inner.get('StreamViewType', 'NEW_IMAGE') in ('NEW_IMAGE', 'OLD_IMAGE',
            'NEW_AND_OLD_IMAGES', 'KEYS_ONLY') and set(inner) <= {'Enabled', 'StreamEnabled', 'SSEType', 'StreamViewType'})


rule(PARAMETERS, 'newer parameters have a type', r'SerializationException: .*', r'.*', misfit)
rule(PARAMETERS,
     'newer parameters have constraints',
     r"ValidationException: 1 validation error detected: Value '.*' at '(returnValuesOnConditionCheckFailure|tableClass|"
     r"sSESpecification\.sSEType|tags\.\d+\.member\.(key|value))' failed to satisfy constraint: .*",
     r'(?!\w+: \d+ validation).*',
     misfit)
rule('API, AttributeValue and the other structures',
     'a member that is null is missing or of a wrong type; dynalite dies of it',
     r'SerializationException: .*|ValidationException: Supplied AttributeValue is empty, must contain exactly one of the '
     r'supported datatypes|' r"ValidationException: 1 validation error detected: Value null at '.*' failed to satisfy "
     r"constraint: Member must not be null",
     'dies: ',
     lambda seen: has_null(seen.body))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing; dynalite dies of it among several operands',
     f'{OUTCOME}',
     'dies: ',
     lambda seen: any(re.search(rf'\bin\s*\([^)]*{PATH}|(begins_with|contains)\s*\([^,]+,\s*{PATH}', text, re.I) for text in
                      expressions(seen, 'ConditionExpression', 'FilterExpression')))
rule('API, WriteRequest: "a request to perform" one of the two',
     'a write is a put or a deletion',
     V + 'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes',
     'OK|' + V + 'Provided list of item keys contains duplicates',
     lambda seen: seen.operation == 'BatchWriteItem' and any({'PutRequest', 'DeleteRequest'} <= set(write) for writes in seen.body
        ['RequestItems'].values() for write in writes if isinstance(write, dict)))


def fetched(seen):
    """Whether the items differ by what dynalite did not fetch from the table."""
    pairs = list(zip(seen.ours[3]['Items'], seen.theirs[3]['Items']))
    return len(seen.ours[3]['Items']) == len(seen.theirs[3]['Items']) and all(set(other) <= set(mine) and all(mine[name] == other[
            name] for name in other) for mine, other in pairs)


def dearer(seen):
    """Whether fetching is paid for, by the item."""
    ours, theirs = (side[3].get('ConsumedCapacity', {}).get('CapacityUnits', 0) for side in (seen.ours, seen.theirs))
    return theirs <= ours <= theirs + seen.ours[3]['ScannedCount'] * (1 if seen.body.get('ConsistentRead') else 0.5)


def range_of(seen):
    """The range key of the index, or None."""
    index = next((index for shape in SHAPES.values() for index in shape.indexes if index[0] == seen.body['IndexName'] and
                  f'-{name_of_shape(shape)}' in seen.body['TableName']), None)
    return index[2].split(':')[0] if index and index[2] else None


def name_of_shape(shape):
    return next(name for name, other in SHAPES.items() if other is shape)


def ties(seen):
    """Whether the order of range keys is the same, so that only rows with equal ones have changed places."""
    name = range_of(seen)
    ours, theirs = seen.ours[3], seen.theirs[3]
    ends = [side.get('LastEvaluatedKey') for side in (ours, theirs)]
    if (ends[0] is None) != (ends[1] is None) or (ends[0] and name and ends[0].get(name) != ends[1].get(name)):
        return False
    lists = [[item.get(name) for item in side.get('Items', [])] for side in (ours, theirs)]
    filtered = {'FilterExpression', 'QueryFilter', 'Limit', 'ExclusiveStartKey'} & set(seen.body)
    if lists[0] != lists[1] and not filtered:
        return False
    return bool(filtered) or by_text(ours.get('Items', [])) == by_text(theirs.get('Items', []))


def fetched_in_any_order(seen):
    """The same of Scans, whose items are sorted by what each side told of them."""
    left = list(seen.theirs[3]['Items'])
    for mine in seen.ours[3]['Items']:
        match = max((other for other in left if all(mine.get(name) == value for name, value in other.items())), key=len, default=
                    None)
        if match is None:
            return False
        left.remove(match)
    return not left


rule('Guide, Local secondary indexes: "fetches" what is not projected',
     'what a local index does not have is fetched from the table',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and 'IndexName' in seen.body and only(seen, 'Items', 'ConsumedCapacity') and
     dearer(seen) and (fetched(seen) or fetched_in_any_order(seen)))
rule('Guide, Global secondary indexes: "key values do not need to be unique"',
     'rows of an index with equal keys are in no documented order',
     'OK',
     'OK',
     lambda seen: seen.operation == 'Query' and 'IndexName' in seen.body and only(seen, 'Items', 'LastEvaluatedKey', 'Count',
        'ConsumedCapacity') and seen.ours[3]['ScannedCount'] == seen.theirs[3]['ScannedCount'] and ties(seen))
rule('Guide, Local secondary indexes: "fetches" what is not projected',
     'what a local index does not have is fetched before the filter looks at it',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and str(seen.body.get('IndexName')).startswith('by_') and
     bool({'FilterExpression', 'QueryFilter', 'ScanFilter'} & set(seen.body)) and
     bool({'ProjectionExpression', 'AttributesToGet'} & set(seen.body)) and
     only(seen, 'Items', 'Count', 'ConsumedCapacity') and dearer(seen))
UNDEFINED = r'(?P<{0}start>ValidationException: Invalid \w+: An expression attribute (name|value) used in (the document path|expression) is not defined; attribute (name|value): )(?P<{0}name>[:#]\w*)'
rule('no page: of several faults one is told',
     'of several placeholders without a meaning another one is told',
     UNDEFINED.format('our_'),
     UNDEFINED.format('their_'),
     lambda seen: all(seen.groups[name] not in {**(part.get('ExpressionAttributeNames') or {}), **(part.get(
        'ExpressionAttributeValues') or {})} for part in parts_of(seen) for name in ('our_name', 'their_name')) and seen.groups[
        'our_name'] != seen.groups['their_name'])
rule('Guide, Supported data types: numbers of up to 38 digits',
     'a number with too many digits has too many digits, however large it is',
     r'(?P<before>ValidationException: (ExpressionAttributeValues contains invalid value: )?)Attempting to store more than 38 '
     r'significant digits in a Number(?P<after>.*)',
     r'(?P<before>ValidationException: (ExpressionAttributeValues contains invalid value: )?)Number overflow\. Attempting to '
     r'store a number with magnitude larger than supported range(?P<after>.*)',
     lambda seen: any(len(number.normalize().as_tuple().digits) > 38 for number in numbers(seen.body)))
rule('Guide, Supported data types: numbers "can be positive, negative"',
     'a number may have a sign',
     r'(?!SerializationException).*',
     r'ValidationException: (ExpressionAttributeValues contains invalid value: )?The parameter cannot be converted to a numeric '
     r'value: \+1( for key :\w+)?',
     lambda seen: "{'N': '+1'}" in str(seen.body))
INTO = r"ValidationException: Key attributes must be scalars; list random access '\[\]' and map lookup '\.' are not allowed: (Key|IndexKey): (?P<key>\w+)"


def reaches_into(seen):
    names = {name: key for part in parts_of(seen) if isinstance(part, dict) for key, name in (part.get('ExpressionAttributeNames')
            or {}).items()}
    heads = {seen.groups['key'], names.get(seen.groups['key'])} - {None}
    return any(re.search(rf'(?<![\w.#:]){re.escape(head)}\s*[.\[]', text) for head in heads for text in expressions(seen))


rule('Guide, Core components: "primary key attributes must be scalar"',
     'no path goes on below a key attribute, in conditions too',
     INTO,
     LATER,
     reaches_into)
rule('no page: of several faults one is told',
     'that a path goes on below a key attribute is told before what it is used for',
     INTO,
     r'ValidationException: (Filter Expression can only contain non-primary key attributes: Primary key attribute: \w+|One or '
     r'more parameter values were invalid: ' r'(Cannot update attribute \w+\. This attribute is part of the key|Type mismatch '
     r'for Index Key .*))',
     reaches_into)
rule('Guide, Update expressions: if_not_exists, list_append',
     'functions of updates are known in conditions, and not allowed',
     r'ValidationException: Invalid (?P<kind>\w+): The function is not allowed in a condition expression; function: '
     r'(?P<name>if_not_exists|list_append)',
     r'ValidationException: Invalid (?P<kind>\w+): Invalid function name; function: (?P<name>\w+)')
rule('Guide, Condition and filter expressions: attribute_type (path, type)',
     'some functions are of a path',
     r'ValidationException: Invalid \w+: Operator or function requires a document path; operator or function: '
     r'(attribute_type|attribute_exists|attribute_not_exists)',
     LATER)
rule('API, AttributeDefinition: "An attribute for describing the key schema"',
     'attributes are defined once, and not without need',
     r'ValidationException: (Attribute Name is duplicated: \w+|One or more parameter values were invalid: Some '
     r'AttributeDefinitions are not used\. .*)',
     LATER,
     lambda seen: seen.operation == 'CreateTable')
rule('API, KeySchemaElement: AttributeName, length from 1 to 255',
     'an attribute of a key has a name',
     r"ValidationException: \d+ validation errors? detected: (Value '(x{256})?' at "
     r"'(keySchema|(localSecondaryIndexes|globalSecondaryIndexes)\.\d+\.member\.keySchema)\.\d+\.member\.attributeName' failed "
     r"to satisfy constraint: Member must have length (greater|less) than or equal to \d+(; )?)+",
     BAD + r'Some index key attributes are not defined in AttributeDefinitions\. .*|' + BAD +
     'The .* is not .*|ValidationException: .*',
     lambda seen: seen.operation == 'CreateTable')
rule('API, UpdateTable: GlobalSecondaryIndexUpdates',
     'an update of an index does one thing',
     V + 'One or more parameter values were invalid: Only one global secondary index action is allowed per '
     'GlobalSecondaryIndexUpdate object',
     r'OK|ValidationException: The provisioned throughput for the table will not change\..*',
     lambda seen: any(len(update) > 1 for update in index_updates(seen)))
rule('API, TagResource: ResourceArn',
     'what is an ARN of no table is an invalid one',
     r'ValidationException: Invalid TableArn: Invalid ResourceArn provided as input (?P<arn>arn:.*)',
     r'AccessDeniedException: User: arn:aws:iam::\d+:dynalite is not authorized to perform: dynamodb:\w+ on resource: '
     r'(?P<arn>.*)')
rule('API, LocalSecondaryIndex: KeySchema, up to 2; Projection: NonKeyAttributes, up to 20',
     'a list that is too long is told in another form',
     r"ValidationException: 1 validation error detected: Value '\[.*\]' at '(?P<at>[\w.]+)' failed to satisfy constraint: "
     r"(?P<rest>Member must have length (less|greater) than or equal to \d+)",
     r"OK|ValidationException: 1 validation error detected: Value '\[.*\]' at '(?P<at>[\w.]+)' failed to satisfy constraint: "
     r"(?P<rest>Member .*)",
     lambda seen: seen.operation == 'CreateTable' and (seen.other != 'OK' or seen.groups['at'].endswith('nonKeyAttributes')))


# -- what is left --

rule('API, Scan: TotalSegments "if you specify TotalSegments, you must also specify Segment"',
     'a segment is one of several',
     V + 'The TotalSegments parameter is required but was not present in the request ' 'when Segment parameter is present',
     LATER,
     lambda seen: 'TotalSegments' not in seen.body and 'Segment' in seen.body)
START = V + r'The provided starting key is invalid: Invalid ExclusiveStartKey\. Please use ExclusiveStartKey with correct Segment\. TotalSegments: \d+ Segment: \d+'
rule('API, Scan: Segment; docs/dynamodb.md: the order of a Scan is our own',
     'which segment has an item is each service\'s own',
     f'OK|{START}',
     f'OK|{START}',
     lambda seen: {'Segment', 'ExclusiveStartKey'} <= set(seen.body) and 'OK' in (seen.mine, seen.other))
rule('Guide, Supported data types: sets "must be unique"',
     'the empty string is a member that may not be twice either',
     r'ValidationException: (ExpressionAttributeValues contains invalid value: )?' r'One or more parameter values were invalid: '
     r'Input collection \[.*\] contains duplicates\.( for key :\w+)?',
     LATER,
     lambda seen: re.search(r"'SS': \[[^]]*''[^]]*''", str(seen.body)) is not None)
rule('API, CreateTable: TableClass',
     'a table class is one of two',
     r'ValidationException: Invalid table-class parameter provided\. .*',
     'OK',
     misfit)
rule('Guide, Naming rules',
     'an ARN that names no table is an invalid one',
     r"ValidationException: 1 validation error detected: Invalid (resource type|AWS region|\w+) in 'arn:.*'",
     'ValidationException: TableName must be at least 3 characters long and at most 255 characters long',
     lambda seen: name_of(seen).startswith('arn:'))
rule('API, Query: KeyConditions "conditions on other attributes"',
     'how many conditions there are is told before of what types they are',
     V + 'Conditions can be of length 1 or 2 only',
     BAD + r'ComparisonOperator \w+ is not valid for \w+ AttributeValue type')
rule('API, Projection: NonKeyAttributes, names of 1 to 255',
     'an attribute that is projected has a name',
     r"ValidationException: 1 validation error detected: Value '(x{256})?' at '(local|global)SecondaryIndexes\.\d+\.member\."
     r"projection\.nonKeyAttributes\.\d+\.member' failed to satisfy constraint: Member must have length (greater|less) than or "
     r"equal to \d+",
     LATER,
     lambda seen: seen.operation == 'CreateTable')
rule('API, Projection: NonKeyAttributes',
     'what a projection includes is told',
     BAD + r'ProjectionType is INCLUDE, but NonKeyAttributes is not specified',
     LATER,
     lambda seen: seen.operation == 'CreateTable')
rule('API, ProvisionedThroughput: Long',
     'throughput is out of bounds however large the number is written',
     r'ValidationException: Given value \d+ for (Read|Write)CapacityUnits is out of bounds( for (index )?\w+)?',
     r'OK|ValidationException: This operation cannot be performed with given input values\. Please contact DynamoDB service team '
     r'for more info: Action Blocked: \w+',
     lambda seen: seen.operation in ('CreateTable', 'UpdateTable') and re.search(r'\d{13,}', str(seen.body)) is not None)
rule(THROUGHPUT,
     'an index of a table that goes on demand has no throughput to be compared',
     BAD + r'The only Updates for index: \w+ when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, '
     r'WarmThroughput',
     V + r'The provisioned throughput for the table will not change\..*',
     lambda seen: seen.body.get('BillingMode') == 'PAY_PER_REQUEST')
