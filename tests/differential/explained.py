"""Where DynamoDB, by its documentation, says otherwise than dynalite does.

A rule tells the exact shape of both answers, and where that could hide something, of the request too. Each has its reason and the
page that says so: "API" is the Amazon DynamoDB API Reference, "Guide" the Developer Guide. Of some faults the documentation tells
that they are refused and not in which words: then dynalite's are older ones. What no rule covers is a difference that must be mended
here or reasoned about.
"""
import collections
import decimal
import re

from compare import text

Rule = collections.namedtuple('Rule', 'reason page ours theirs when')
# What the predicates of rules see; `before` are the items as they were that a write is about.
Seen = collections.namedtuple('Seen', 'operation body ours theirs before mine other groups')
RULES = []
ORDER = Rule('of two faults that both services know another one is told first', 'the order of checks is not documented', None, None, None)


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
        if any(groups[name] != value for name, value in echo.groupdict().items()):
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
    return [part[kind] for part in parts_of(seen) if isinstance(part, dict) for kind in kinds or EXPRESSIONS if isinstance(part.get(kind), str)]


def has_null(node):
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(child is None or has_null(child) for child in children)


PATH = r'(?:size\s*\(\s*[#\w][\w#.\[\]]*\s*\)|(?<![:\w#.\[\]])[#a-zA-Z_][\w#.\[\]]*)'
COMPARED = re.compile(rf'{PATH}\s*(?:=|<>|<=|>=|<|>)\s*{PATH}|{PATH}\s+between\s+{PATH}\s+and|between\s+\S+\s+and\s+{PATH}|in\s*\([^)]*{PATH}[^)]*\)', re.I)


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
rule('Guide, Expressions in DynamoDB', 'the token of a syntax error is told and what is near it, not what a grammar of dynalite\'s own expected', SYNTAX,
     r'ValidationException: Invalid (?P<kind>\w+): Syntax error; Expected .* found\.', near_fits)


# -- names of tables --

CONTROL = ('CreateTable', 'UpdateTable', 'DeleteTable', 'DescribeTable', 'DescribeTimeToLive')
NAMES = 'Guide, Naming rules; API, TableName: length from 1, or an ARN'
NAME_CONSTRAINT = re.compile(r"Value '[^']*' at 'tableName' failed to satisfy constraint: Member must (?:have length [a-z ]+\d+|satisfy regular expression pattern: \S+)")


def constraints(message):
    """The broken constraints that an answer lists, or None."""
    found = re.fullmatch(r'ValidationException: \d+ validation errors? detected: (.*)', message, re.S)
    return None if not found else re.split(r'; (?=Value )', found[1])


def rest_is_same(seen):
    """Whether the answers differ in what they say of the table's name alone."""
    mine, other = ([each for each in constraints(side) if not NAME_CONSTRAINT.fullmatch(each)] for side in (seen.mine, seen.other))
    return sorted(mine) == sorted(other)


def name_of(seen):
    name = seen.body.get('TableName')
    return name if isinstance(name, str) else ''


LISTED = r'ValidationException: \d+ validation errors? detected: .*'
rule(NAMES, 'names of one or two letters are names, of which there is no table', 'ResourceNotFoundException: Requested resource not found',
     r"ValidationException: 1 validation error detected: Value '..?' at 'tableName' failed to satisfy constraint: Member must have length greater than or "
     'equal to 3', lambda seen: 0 < len(name_of(seen)) < 3)
rule(NAMES, 'names of one or two letters are names, of which there is no table', r'ValidationException: (?!\d+ validation).*',
     r"ValidationException: 1 validation error detected: Value '..?' at 'tableName' failed to satisfy constraint: Member must have length greater than or "
     'equal to 3', lambda seen: 0 < len(name_of(seen)) < 3)
rule(NAMES, 'the empty name is too short, and of a PutItem that is told without the value', LISTED, LISTED,
     lambda seen: seen.body.get('TableName') == '' and (rest_is_same(seen) or seen.mine ==
                  V + "1 validation error detected: Value at 'TableName' failed to satisfy constraint: Member must have length greater than or equal to 1"))
rule(NAMES, 'names of one or two letters are names, so other constraints are told without theirs', LISTED, LISTED,
     lambda seen: 0 < len(name_of(seen)) < 3 and rest_is_same(seen))
rule('Guide, Naming rules', 'a constraint on a table\'s name is told with the name', LISTED,
     'ValidationException: TableName must be at least 3 characters long and at most 255 characters long',
     lambda seen: seen.operation in CONTROL and not 3 <= len(name_of(seen)) <= 255 and all(NAME_CONSTRAINT.fullmatch(each) for each in constraints(seen.mine)))
rule(NAMES, 'a table may be named by its ARN', r'ResourceNotFoundException: Requested resource not found(: Table: nowhere not found)?',
     r"ValidationException: 1 validation error detected: Value 'arn:.*' at 'tableName' failed to satisfy constraint: Member must satisfy regular "
     r'expression pattern: \[a-zA-Z0-9_\.-\]\+', lambda seen: name_of(seen).startswith('arn:'))

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
    if seen.operation == 'DeleteTable':
        theirs = pruned(theirs, 'AttributeDefinitions', 'KeySchema', 'LocalSecondaryIndexes', 'GlobalSecondaryIndexes')
    for side in (ours, theirs):
        billing = side.pop('BillingModeSummary', {})
        if 'PAY_PER_REQUEST' in str(billing):
            side['BillingModeSummary'] = 'PAY_PER_REQUEST'
    return ours == theirs


rule('API, TableDescription; DeleteTable: example', 'descriptions have deletion protection and warm throughput, and none of the older summary; that of a '
     'deleted table tells what it was, not how it was made', 'OK', 'OK', lambda seen: seen.operation in CONTROL and same_description(seen))
rule('API, CreateTable: ResourceInUseException', 'the table that is there is named', 'ResourceInUseException: Table already exists: .+', 'ResourceInUseException: ')



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
OUTCOME = '|'.join(map(re.escape, ('OK', FAILED, *PATH_FAULTS)))
rule('Guide, Condition and filter expressions: comparators', 'what is not there is equal to nothing, not even to what is not there either, and in no order',
     f'{OUTCOME}', f'{OUTCOME}', lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'DeleteItem') and seen.mine != seen.other and
     FAILED in (seen.mine, seen.other) and compares_paths(seen))
rule('Guide, Condition and filter expressions: comparators', 'what is not there is equal to nothing, not even to what is not there either, and in no order',
     'OK', 'OK', lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'Items', 'Count') and compares_paths(seen))
rule('Guide, Condition and filter expressions: syntax, "| NOT condition"', 'a negation may be negated', r'(?!SerializationException).*',
     r'ValidationException: Invalid \w+: Syntax error; Expected "\(" but "N" found\.',
     lambda seen: any(re.search(r'\bnot\s+not\b', text, re.I) for text in expressions(seen, 'ConditionExpression', 'FilterExpression', 'KeyConditionExpression')))
rule('API, ReturnValuesOnConditionCheckFailure', 'the item is told when a condition fails', FAILED, FAILED,
     lambda seen: seen.body.get('ReturnValuesOnConditionCheckFailure') == 'ALL_OLD' and seen.ours[3] == {'Item': seen.before[0]} and seen.theirs[3] is None)
rule('API, ConditionalOperator: OR', 'of conditions joined by OR any that holds is enough, not only the first', f'{OUTCOME}', f'{OUTCOME}',
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and seen.mine != seen.other == FAILED)
rule('API, ConditionalOperator: OR', 'of conditions joined by OR any that holds is enough, not only the first', 'OK', 'OK',
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and only(seen, 'Items', 'Count') and seen.ours[3]['Count'] >= seen.theirs[3]['Count'])
rule('the fault\'s own words, "the remaining operands"', 'IN and BETWEEN do not compare an operand with itself either',
     r'ValidationException: Invalid \w+: The first operand must be distinct from the remaining operands for this operator or function; '
     r'operator: (IN|BETWEEN), first operand: \[.*\]', rf'{OUTCOME}')

# -- older parameters --

ALONE = V + 'ConditionalOperator cannot be used without Filter or Expected'
FEW = V + 'ConditionalOperator can only be used when Filter or Expected has two or more elements'


def filters(seen):
    return next((seen.body[name] for name in ('Expected', 'QueryFilter', 'ScanFilter') if seen.body.get(name) is not None), None)


rule('API, ConditionalOperator: "a logical operator to apply to the conditions in the Expected map"', 'an operator between conditions needs conditions',
     ALONE, rf'{OUTCOME}', lambda seen: filters(seen) is None)
rule('API, ConditionalOperator: "a logical operator to apply to the conditions in the Expected map"', 'an operator between conditions needs two of them',
     FEW, rf'{OUTCOME}', lambda seen: len(filters(seen) or ()) < 2)
rule('Guide, Legacy conditional parameters: ConditionalOperator', 'ConditionalOperator is one of the parameters that do not go with expressions',
     r'ValidationException: Can not use both expression and non-expression parameters in the same request: Non-expression parameters: '
     r'\{(?P<names>(?:\w+, )*)ConditionalOperator\} Expression parameters: \{(?P<expressions>.*)\}',
     rf'{OUTCOME}|ValidationException: Can not use both expression and non-expression parameters in the same request: Non-expression parameters: '
     r'\{.*\} Expression parameters: \{(?P<expressions>.*)\}',
     lambda seen: seen.body.get('ConditionalOperator') is not None and ('Can not use' not in seen.other or '{' + seen.groups['names'][:-2] + '}' in seen.other))
rule('API, AttributeValueUpdate: Action', 'an action is one of three', r"ValidationException: 1 validation error detected: Value '.*' at 'attributeUpdates\.\w+\.member\.action' "
     r'failed to satisfy constraint: Member must satisfy enum value set: \[ADD, DELETE, PUT\]', r'(?!\w+: \d+ validation error).*',
     lambda seen: any(update.get('Action', 'PUT') not in ('ADD', 'DELETE', 'PUT') for update in seen.body['AttributeUpdates'].values() if isinstance(update, dict)))

# -- updates --


def only_removes(body):
    """Whether an UpdateItem can add nothing to an item."""
    if 'UpdateExpression' in body:
        return re.search(r'\b(set|add)\b', body['UpdateExpression'], re.I) is None
    updates = (body.get('AttributeUpdates') or {}).values()
    return bool(updates) and all(update.get('Action') == 'DELETE' for update in updates)


NOTHING = 'an update that only takes away makes no item where there was none'
rule('API, AttributeUpdates: DELETE "nothing happens"; Guide, Update expressions: REMOVE', NOTHING, 'OK', 'OK',
     lambda seen: seen.operation == 'UpdateItem' and seen.before == [None] and seen.ours[3]['Stored'] == [None] and only_removes(seen.body) and
     only(seen, 'Stored', 'Attributes') and set(seen.theirs[3]['Stored'][0]) == set(seen.body['Key']) and 'Attributes' not in seen.ours[3])
rule('API, AttributeUpdates: DELETE "nothing happens"; Guide, Update expressions: REMOVE', NOTHING, 'OK', re.escape(PATH_FAULTS[0]),
     lambda seen: seen.operation == 'UpdateItem' and seen.before == [None] and only_removes(seen.body))
rule('API, UpdateItem: Attributes "are present only if"', 'no attributes are returned when there are none', 'OK', 'OK',
     lambda seen: seen.operation == 'UpdateItem' and only(seen, 'Attributes') and seen.theirs[3].get('Attributes') == {} and 'Attributes' not in seen.ours[3])
rule('Guide, Update expressions: ADD "number and set", DELETE "set"', 'the set of types that an operand may have is named',
     r'(?P<all>ValidationException: Invalid UpdateExpression: Incorrect operand type for operator or function; operator: (ADD|DELETE), operand type: \w+), '
     r'typeSet: ALLOWED_FOR_(ADD|DELETE)_OPERAND', r'(?P<all>.*)')
rule('Guide, Supported data types: numbers of up to 38 digits', 'a sum of more digits is refused, not rounded or kept', re.escape(PATH_FAULTS[3]), 'OK',
     lambda seen: seen.operation == 'UpdateItem' and has_long_sum(seen))

# -- what reads cost and may ask for --


def least(seen):
    """Whether a read of nothing costs half a unit, or one if it is consistent, where dynalite says 0."""
    ours, theirs = (dict(side[3]['ConsumedCapacity']) for side in (seen.ours, seen.theirs))
    unit = 1 if seen.body.get('ConsistentRead') else 0.5
    parts = {ours.pop('CapacityUnits')} | {part['CapacityUnits'] for part in (ours.pop(name, None) for name in ('Table',)) if part}
    return theirs['CapacityUnits'] == 0 and seen.ours[3]['ScannedCount'] == 0 and max(parts) == unit


rule('Guide, Capacity unit consumption for read operations', 'a read that finds nothing costs the least that a read can', 'OK', 'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'ConsumedCapacity') and least(seen))
rule('Guide, Using global secondary indexes: attribute projections', 'of a global index only what is projected can be asked for',
     r'ValidationException: One or more parameter values were invalid: Global secondary index \w+ does not project \[.+\]', 'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and 'IndexName' in seen.body)
rule('API, Scan: ConsistentRead', 'a Scan may be consistent, so the parameter has a type', r'SerializationException: .*Boolean|SerializationException: Unexpected token received from parser',
     'OK', lambda seen: seen.operation == 'Scan' and not isinstance(seen.body.get('ConsistentRead'), (bool, type(None))))
rule('API, Scan: ConsistentRead', 'consistent reads of a global secondary index are refused', V + 'Consistent reads are not supported on global secondary indexes', 'OK',
     lambda seen: seen.operation == 'Scan' and seen.body.get('ConsistentRead') is True and 'IndexName' in seen.body)
rule('API, Query and Scan: Select', 'Select and what is asked for must agree', r'ValidationException: (1 validation error detected: )?'
     r'(Cannot specify the \w+ when choosing to get [\w ]+|Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES|'
     r'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName)', 'OK', lambda seen: 'Select' in seen.body)
rule('API, Scan: ConsistentRead', 'a consistent Scan costs double', 'OK', 'OK',
     lambda seen: seen.operation == 'Scan' and seen.body.get('ConsistentRead') is True and only(seen, 'ConsumedCapacity') and
     seen.ours[3]['ConsumedCapacity']['CapacityUnits'] == 2 * seen.theirs[3]['ConsumedCapacity']['CapacityUnits'])

# -- keys --

rule('Guide, Supported data types: String, Binary "cannot be empty for a key"', 'the words about empty key values are others',
     r'(?P<before>(ValidationException: )(The provided starting key is invalid: )?)One or more parameter values are not valid\. The (?P<rest>AttributeValue for a key attribute cannot contain an empty .*)',
     r'(?P<before>(ValidationException: )(The provided starting key is invalid: )?)One or more parameter values were invalid: The (?P<rest>AttributeValue for a key attribute cannot contain an empty .*)')
rule('Guide, Supported data types: String, Binary "cannot be empty for a key"', 'an empty value of a key is refused in key conditions too',
     r'ValidationException: One or more parameter values are not valid\. The AttributeValue for a key attribute cannot contain an empty (string|binary) value\. Key: \w+',
     'OK', lambda seen: seen.operation == 'Query' and "''}" in str(seen.body))
rule('Guide, Supported data types: String, Binary "cannot be empty for a key"; Quotas: index key lengths', 'keys of an index may be neither empty nor too long',
     r'ValidationException: One or more parameter values are not valid\. A value specified for a secondary index key is not supported\. The AttributeValue for a key '
     r'attribute cannot contain an empty (string|binary) value\. IndexName: \w+, IndexKey: \w+|'
     r'ValidationException: One or more parameter values were invalid: (Size of hashkey has exceeded the maximum size limit of2048 bytes|'
     r'Aggregated size of all range keys has exceeded the size limit of 1024 bytes)|'
     r'ValidationException: The update expression attempted to update the secondary index key beyond allowed size limits|'
     r'ValidationException: One or more parameter values are not valid\. The update expression attempted to update a secondary index key to a value that is not supported\. '
     r'The AttributeValue for a key attribute cannot contain an empty (string|binary) value\.', f'{OUTCOME}',
     lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'BatchWriteItem') and unfit_index_key(seen))
MISMATCH = (r'ValidationException: One or more parameter values were invalid: Type mismatch for Index Key (?P<{0}attr>\w+) Expected: [SNB] Actual: \w+ '
            r'IndexName: (?P<{0}index>\w+)')
rule('no page: of several faults one is told', 'of the indexes that a value does not fit the first by name is told', MISMATCH.format('our_'), MISMATCH.format('their_'),
     lambda seen: seen.groups['our_index'] < seen.groups['their_index'])
rule('API, Query: KeyConditionExpression; Guide, Supported data types', 'an equality with a value that no key can have is of a wrong type',
     V + 'One or more parameter values were invalid: Condition parameter type does not match schema type',
     r'ValidationException: One or more parameter values were invalid: ComparisonOperator EQ is not valid for \w+ AttributeValue type',
     lambda seen: 'KeyConditionExpression' in seen.body)
rule('API, Query: KeyConditionExpression', 'what a key condition compares by order is a string, number or binary',
     r'ValidationException: Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: (<|<=|>|>=|BETWEEN|begins_with), operand type: '
     r'(?P<type>\w+)', r'ValidationException: One or more parameter values were invalid: ComparisonOperator (LT|LE|GT|GE|BETWEEN|BEGINS_WITH) is not valid for (?P<type>\w+) AttributeValue type')
rule('Guide, Key condition expressions', 'a fault of a key condition is told to be one',
     V + 'Invalid KeyConditionExpression: (?P<rest>KeyConditionExpressions cannot have conditions on nested attributes)', V + '(?P<rest>.*)')

# -- batches --

rule('API, BatchWriteItem: "up to 25"', 'a value that is too long is told shortened', r"ValidationException: 1 validation error detected: Value '\{[\w-]+=\[\.\.\.\]\}' at "
     r"'requestItems' failed to satisfy constraint: (?P<rest>Map value must satisfy constraint: \[.*\])", r"ValidationException: 1 validation error detected: Value '\{.*\}' at "
     r"'requestItems' failed to satisfy constraint: (?P<rest>Map value must satisfy constraint: \[.*\])", lambda seen: seen.operation == 'BatchWriteItem')
rule('API, BatchGetItem: "up to 100"', 'a list that is too long or short is told without itself', r"ValidationException: 1 validation error detected: Value at 'RequestItems\.[\w-]+\.member\.Keys' "
     r'failed to satisfy constraint: (?P<rest>Member must have length (less|greater) than or equal to \d+)', r"ValidationException: 1 validation error detected: Value '\[.*\]' at "
     r"'requestItems\.[\w-]+\.member\.keys' failed to satisfy constraint: (?P<rest>Member .*)")
MIXED = (r'ValidationException: Can not use both expression and non-expression parameters in the same request: Non-expression parameters: \{AttributesToGet\} '
         r'Expression parameters: \{ProjectionExpression\}')


def mixes_tables(seen):
    parts = [part for part in parts_of(seen) if isinstance(part, dict)]
    return seen.operation == 'BatchGetItem' and any('AttributesToGet' in part for part in parts) and any('ProjectionExpression' in part for part in parts)


rule('Guide, Legacy conditional parameters: "do not use both in a single call"', 'tables of a batch do not mix older parameters and expressions either', MIXED, r'(?!SerializationException).*', mixes_tables)
rule('API, BatchWriteItem: RequestItems is required', 'a batch without requests has words of its own', V + 'The requestItems parameter is required for BatchWriteItem',
     r"ValidationException: 1 validation error detected: Value '\{\}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or equal to 1")
rule('API, UpdateItem: ReturnValues', 'a wrong ReturnValues is told alone and without itself',
     V + re.escape('1 validation error detected: Failed to satisfy constraint: Member must satisfy enum value set: [ALL_OLD, UPDATED_OLD, ALL_NEW, UPDATE_NEW, NONE]'),
     r"ValidationException: \d validation errors? detected: .*Value '(?P<value>.*)' at 'returnValues' failed to satisfy constraint: Member must satisfy enum value set: "
     r'\[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW\].*', lambda seen: seen.operation == 'UpdateItem' and seen.groups['value'] == seen.body['ReturnValues'])
rule('API, DeleteItem: ReturnValues', 'DeleteItem returns ALL_OLD or NONE', V + 'ReturnValues can only be ALL_OLD or NONE', f'{OUTCOME}',
     lambda seen: seen.operation == 'DeleteItem' and seen.body['ReturnValues'] not in ('ALL_OLD', 'NONE'))
rule('API, Query: Limit, from 1', 'a Limit that is too small is told without itself', r"ValidationException: 1 validation error detected: Value at 'Limit' failed to satisfy "
     r'constraint: (?P<rest>Member must have value greater than or equal to 1)', r"ValidationException: 1 validation error detected: Value '(?P<limit>-?\d+)' at 'limit' failed to "
     r'satisfy constraint: (?P<rest>.*)', lambda seen: seen.operation == 'Query' and seen.groups['limit'] == str(seen.body['Limit']))
