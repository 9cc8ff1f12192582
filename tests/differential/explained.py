"""Where DynamoDB, by its documentation, says otherwise than dynalite does of items, pages and expressions."""
import decimal
import re

from compare import by_text
from model import item_size
from rules import (BAD, EXPRESSIONS, FAILED, LATER, LISTED, PATH, V, compares_missing, compares_paths, constraints, differing_items, expressions,
                   has_null, index_of, name_of, only, parts_of, rule, shape_of)

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


def numbers(node):
    """All numbers below a node."""
    if isinstance(node, dict) and set(node) == {'N'} and isinstance(node['N'], str):
        try:
            return [decimal.Decimal(node['N'])]
        except decimal.InvalidOperation:
            return []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [number for child in children for number in numbers(child)]


def digits(number):
    with decimal.localcontext() as context:
        context.prec = 400
        return len(number.normalize().as_tuple().digits)


def has_long_sum(seen):
    """Whether two numbers of the request or the item have a sum or difference of more than 38 digits."""
    found = numbers(seen.body) + numbers(seen.before)
    with decimal.localcontext() as context:
        context.prec = 400
        sums = [sign * one + other for one in found for other in found for sign in (1, -1)]
        return any(digits(each) > 38 for each in sums)


def index_keys(seen):
    """(name, whether it is a hash key) of all keys of indexes of the request's tables."""
    requests = seen.body.get('RequestItems')
    tables = list(requests) if isinstance(requests, dict) else [seen.body.get('TableName')]
    return {(key.split(':')[0], at == 0) for table in tables if shape_of(table) for index in shape_of(table).indexes for at, key in
            enumerate(index[1:3]) if key}


def values_of(seen, name):
    """The strings and binaries that a write may give an attribute."""
    def found(node):
        children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        here = [node[name]] if isinstance(node, dict) and isinstance(node.get(name), dict) else []
        return here + [value for child in children for value in found(child)]
    values = found(seen.body) + found(seen.before)
    if seen.operation == 'UpdateItem':
        values += [value.get('Value') for value in (seen.body.get('AttributeUpdates') or {}).values() if isinstance(value, dict)]
        values += (seen.body.get('ExpressionAttributeValues') or {}).values()
    return [value[kind] for value in values if isinstance(value, dict) for kind in 'SB' if isinstance(value.get(kind), str)]


def too_long(seen, of_hash, most):
    return any(len(value) > most for name, is_hash in index_keys(seen) if is_hash == of_hash for value in values_of(seen, name))


# -- conditions --

PROJECTED = {'ProjectionExpression', 'AttributesToGet', 'IndexName'}


def may_hold(conditions, item):
    """Whether any of several older conditions may hold: what is not there fulfils few."""
    for name, condition in conditions.items():
        there = name in (item or {})
        operator = condition.get('ComparisonOperator', 'NULL' if condition.get('Exists') is False else 'EQ')
        if operator == 'NE' or there == (operator != 'NULL'):
            return True
    return False


def lacks_what_it_names(conditions, item):
    """Whether an older condition is NOT_CONTAINS, of an attribute that is not there."""
    return any(condition.get('ComparisonOperator') == 'NOT_CONTAINS' and name not in (item or {})
               for name, condition in conditions.items() if isinstance(condition, dict))


PATH_FAULTS = (V + 'The document path provided in the update expression is invalid for update',
               V + 'The provided expression refers to an attribute that does not exist in the item',
               V + 'An operand in the update expression has an incorrect data type',
               V + 'Attempting to store more than 38 significant digits in a Number',
               V + 'Number overflow. Attempting to store a number with magnitude larger than supported range')
OUTCOME = '|'.join(map(re.escape, ('OK', FAILED, *PATH_FAULTS)))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing, not even to what is not there either, and in no order',
     f'{OUTCOME}',
     f'{OUTCOME}',
     lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'DeleteItem') and seen.mine != seen.other and FAILED in (seen.mine,
        seen.other) and compares_missing(seen, seen.before[0]))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing, not even to what is not there either, and in no order',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'Items', 'Count') and compares_paths(seen) and
     (PROJECTED & set(seen.body) or all(compares_missing(seen, item) for item in differing_items(seen))))
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
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and seen.mine != seen.other == FAILED and may_hold(seen.body['Expected'],
                                                                                                                seen.before[0]))
rule('API, ConditionalOperator: OR',
     'of conditions joined by OR any that holds is enough, not only the first',
     'OK',
     'OK',
     lambda seen: seen.body.get('ConditionalOperator') == 'OR' and only(seen, 'Items', 'Count') and seen.ours[3]['Count'] >= seen.theirs
     [3]['Count'] and (PROJECTED & set(seen.body) or all(may_hold(filters(seen), item) for item in differing_items(seen))))
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
     lambda seen: any(isinstance(one, dict) and one.get('Exists') is True and 'Value' in one and plain_number(one['Value']) !=
                      plain_number((seen.before[0] or {}).get(name)) for name, one in (seen.body.get('Expected') or {}).items()))

ALONE = V + 'ConditionalOperator cannot be used without Filter or Expected'
FEW = V + 'ConditionalOperator can only be used when Filter or Expected has two or more elements'


def filters(seen):
    return next((seen.body[name] for name in ('Expected', 'QueryFilter', 'ScanFilter') if seen.body.get(name) is not None), None)


rule('API, ConditionalOperator: "a logical operator to apply to the conditions in the Expected map"',
     'an operator between conditions needs conditions',
     ALONE,
     LATER,
     lambda seen: not filters(seen))
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
ACTION = re.compile(r"Value '.*' at 'attributeUpdates\.\w+\.member\.action' failed to satisfy constraint: Member must satisfy enum value "
                    r'set: \[ADD, DELETE, PUT\]', re.S)


def but_for_actions(message):
    return sorted(each for each in constraints(message) or () if not ACTION.fullmatch(each))


rule('API, AttributeValueUpdate: Action',
     'an action is one of three',
     LISTED,
     LATER + '|' + LISTED,
     lambda seen: seen.operation == 'UpdateItem' and any(update.get('Action', 'PUT') not in ('ADD', 'DELETE', 'PUT') for update in (
        seen.body.get('AttributeUpdates') or {}).values() if isinstance(update, dict)) and any(ACTION.fullmatch(each) for each in
        constraints(seen.mine)) and but_for_actions(seen.mine) == but_for_actions(seen.other))


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
        seen.body) and only(seen, 'Stored', 'Attributes') and set(seen.theirs[3]['Stored'][0] or ()) == set(seen.body['Key']) and
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
     lambda seen: seen.operation == 'UpdateItem' and seen.mine != seen.other and len(re.findall(
             r',|\b(?:set|remove|add|delete)\b', str(seen.body.get('UpdateExpression')), re.I)) > 1)
OVERLAP = r'ValidationException: Invalid UpdateExpression: Two document paths (overlap|conflict) with each other; must remove or rewrite one of these paths; path one: \[.*\], path two: \[.*\]'
rule('no page: of several faults one is told', 'of several paths that overlap others are told', OVERLAP, OVERLAP)
rule('API, AttributeValue',
     'a value that cannot be is told of in one way, wherever it stands in a PutItem or UpdateItem',
     r'ValidationException: (?P<fault>One or more parameter values were invalid: .*)',
     r'ValidationException: ExpressionAttributeValues contains invalid value: (?P<fault>One or more parameter values were invalid: '
     r'.*) for key :\w+',
     lambda seen: seen.operation in ('PutItem', 'UpdateItem'))
rule('Guide, Legacy conditional parameters: NOT_CONTAINS "checks for absence of a value"',
     'what is not there contains nothing and lacks nothing',
     FAILED,
     'OK|' + V + 'Type mismatch for attribute to update',
     lambda seen: seen.body.get('Expected') and lacks_what_it_names(
         seen.body['Expected'], seen.before[0]))
rule('Guide, Legacy conditional parameters: NOT_CONTAINS "checks for absence of a value"',
     'what is not there contains nothing and lacks nothing',
     'OK',
     'OK',
     lambda seen: only(seen, 'Items', 'Count') and lacks_what_it_names(
         seen.body.get('QueryFilter') or seen.body.get('ScanFilter') or {}, {}))
rule('Guide, Legacy conditional parameters: EQ, NE "supported for all data types, including lists and maps"',
     'a filter may ask for equality with any value',
     r'(?!SerializationException).*',
     BAD + r'ComparisonOperator (EQ|NE) is not valid for (L|M|BOOL|NULL) AttributeValue type',
     lambda seen: seen.body.get('QueryFilter') or seen.body.get('ScanFilter') or seen.body.get('KeyConditions'))
rule('Guide, Legacy conditional parameters: AttributeValueList of each operator',
     'Expected, too, looks at what an operator compares',
     BAD + r'ComparisonOperator \w+ is not valid for \w+ AttributeValue type',
     LATER,
     lambda seen: seen.body.get('Expected'))
rule('Guide, Supported data types: numbers of up to 38 digits',
     'a result of too many digits is no number',
     V + 'Number overflow. Attempting to store a number with magnitude larger than supported range',
     'OK|' + FAILED,
     lambda seen: seen.operation == 'UpdateItem')
rule('Guide, Supported data types: numbers of up to 38 digits',
     'a sum of more digits is refused, not rounded or kept',
     re.escape(PATH_FAULTS[3]),
     'OK',
     lambda seen: seen.operation == 'UpdateItem' and has_long_sum(seen))

# -- what reads cost and may ask for --


def shown_by(seen):
    """The attributes that the index of a request has, if it is a global one that does not have all."""
    shape, index = shape_of(name_of(seen)), index_of(seen)
    assert index in shape.global_ and index[3] != 'ALL'
    keys = [key.split(':')[0] for key in (*shape.keys, *index[1:3]) if key]
    return {*keys, *(index[3] if isinstance(index[3], tuple) else ())}



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
     r'ValidationException: One or more parameter values were invalid: Global secondary index \w+ does not project \[(?P<names>.+)\]',
     LATER,
     lambda seen: seen.operation in ('Query', 'Scan') and not set(seen.groups['names'].split(', ')) & shown_by(seen))
rule('API, Scan: ConsistentRead',
     'a Scan may be consistent, so the parameter has a type',
     r'SerializationException: .*Boolean|SerializationException: Unexpected token received from parser',
     'OK',
     lambda seen: seen.operation == 'Scan' and not isinstance(seen.body.get('ConsistentRead'), (bool, type(None))))
rule('API, Scan: ConsistentRead',
     'consistent reads of a global secondary index are refused',
     V + 'Consistent reads are not supported on global secondary indexes',
     LATER,
     lambda seen: seen.operation == 'Scan' and seen.body.get('ConsistentRead') is True and index_of(seen) in shape_of(name_of(seen)).global_)
SELECTED = {'all attributes': 'ALL_ATTRIBUTES', 'all projected attributes': 'ALL_PROJECTED_ATTRIBUTES', 'only the Count': 'COUNT'}
rule('API, Query and Scan: Select',
     'only SPECIFIC_ATTRIBUTES goes with a projection',
     r'ValidationException: (1 validation error detected: )?Cannot specify the (?P<which>\w+) when choosing to get (?P<what>[\w ]+)',
     LATER,
     lambda seen: seen.groups['which'] in seen.body and seen.body.get('Select') == SELECTED.get(seen.groups['what'], seen.groups['what']))
rule('API, Query and Scan: Select',
     'SPECIFIC_ATTRIBUTES are specified',
     r'ValidationException: (1 validation error detected: )?Must specify the AttributesToGet or ProjectionExpression when choosing to '
     r'get SPECIFIC_ATTRIBUTES',
     LATER,
     lambda seen: seen.body.get('Select') == 'SPECIFIC_ATTRIBUTES' and not any(seen.body.get(name) for name in (
        'ProjectionExpression', 'AttributesToGet')))
rule('API, Query and Scan: Select',
     'ALL_PROJECTED_ATTRIBUTES are those of an index',
     r'ValidationException: (1 validation error detected: )?ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName',
     LATER,
     lambda seen: seen.body.get('Select') == 'ALL_PROJECTED_ATTRIBUTES' and 'IndexName' not in seen.body)
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
WRITES = ('PutItem', 'UpdateItem', 'BatchWriteItem')
EMPTY = 'Guide, Supported data types: String, Binary "cannot be empty for a key"'
LONG = 'Guide, Quotas: partition key and sort key lengths'
rule('Guide, Supported data types: String, Binary "cannot be empty for a key"',
     'an empty value of a key of an index is refused in key conditions too',
     r'ValidationException: One or more parameter values are not valid\. A value specified for a secondary index key is not '
     r'supported\. The AttributeValue for a key attribute cannot contain an empty (string|binary) value\. IndexName: (?P<index>\w+), '
     r'IndexKey: \w+',
     LATER,
     lambda seen: seen.operation == 'Query' and seen.groups['index'] == seen.body.get('IndexName') and "''}" in str(seen.body))
rule(EMPTY,
     'a key of an index is not empty',
     r'ValidationException: One or more parameter values are not valid\. A value specified for a secondary index key is not '
     r'supported\. The AttributeValue for a key attribute cannot contain an empty (string|binary) value\. IndexName: \w+, '
     r'IndexKey: (?P<name>\w+)',
     LATER,
     lambda seen: seen.operation in WRITES and seen.groups['name'] in dict(index_keys(seen)) and '' in values_of(seen, seen.groups['name']))
rule(EMPTY,
     'a key of an index is not made empty',
     r'ValidationException: One or more parameter values are not valid\. The update expression attempted to update a secondary '
     r'index key to a value that is not supported\. The AttributeValue for a key attribute cannot contain an empty '
     r'(string|binary) value\.',
     LATER,
     lambda seen: seen.operation == 'UpdateItem' and any('' in values_of(seen, name) for name, _ in index_keys(seen)))
rule(LONG, 'a key of an index has 2048 or 1024 bytes',
     BAD + r'Size limit exceeded for Index Key (?P<name>\w+) Actual Size: \S+ bytes Max Size: \S+ bytes IndexName: \w+', LATER,
     lambda seen: seen.operation in WRITES and any(name == seen.groups['name'] and len(value) > (2048 if is_hash else 1024) for
                  name, is_hash in index_keys(seen) for value in values_of(seen, name)))
rule(LONG, 'what a Query compares with a key is not longer than a key',
     BAD + '(Size of hashkey has exceeded the maximum size limit of2048|Aggregated size of all range keys has exceeded the size '
     'limit of 1024) bytes', LATER, lambda seen: seen.operation == 'Query')
rule(LONG, 'a key of an index is not made too long',
     V + 'The update expression attempted to update the secondary index key beyond allowed size limits', LATER,
     lambda seen: seen.operation == 'UpdateItem' and (too_long(seen, True, 2048) or too_long(seen, False, 1024)))
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

rule('API, AttributeValue and the other structures',
     'a member that is null is missing or of a wrong type; dynalite dies of it',
     r'SerializationException: .*|ValidationException: ((ExpressionAttributeValues contains invalid value|The provided starting key is invalid): )?Supplied '
     r'AttributeValue is empty, must contain exactly one of the supported datatypes( for key :\w+)?|' r"ValidationException: 1 validation error detected: Value null at '.*' failed to satisfy "
     r"constraint: Member must not be null",
     'dies: ',
     lambda seen: has_null(seen.body))
rule('Guide, Condition and filter expressions: comparators',
     'what is not there is equal to nothing; dynalite dies of it among several operands',
     f'{OUTCOME}',
     'dies: ',
     lambda seen: any(re.search(rf'\bin\s*\([^)]*{PATH}|\bbetween\s+(\S+\s+and\s+)?{PATH}|(begins_with|contains)\s*\([^,]+,\s*{PATH}',
                                text, re.I) for text in
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
    index = index_of(seen)
    return index[2].split(':')[0] if index and index[2] else None


def ties(seen):
    """Whether the order of range keys is the same, so that only rows with equal ones have changed places."""
    name = range_of(seen)
    ours, theirs = seen.ours[3], seen.theirs[3]
    ends = [side.get('LastEvaluatedKey') for side in (ours, theirs)]
    if (ends[0] is None) != (ends[1] is None) or (ends[0] and name and ends[0].get(name) != ends[1].get(name)):
        return False
    lists = [[item.get(name) for item in side.get('Items', [])] for side in (ours, theirs)]
    paged = {'Limit', 'ExclusiveStartKey'} & set(seen.body) or ends[0] is not None
    if paged and {'FilterExpression', 'QueryFilter'} & set(seen.body):
        return True
    return lists[0] == lists[1] and (bool(paged) or by_text(ours.get('Items', [])) == by_text(theirs.get('Items', [])))


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
     lambda seen: seen.operation in ('Query', 'Scan') and index_of(seen) in shape_of(name_of(seen)).local and index_of(seen)[3] != 'ALL'
     and bool({'FilterExpression', 'QueryFilter', 'ScanFilter'} & set(seen.body)) and
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
     lambda seen: any(digits(number) > 38 for number in numbers(seen.body)))
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
rule('Guide, Condition and filter expressions: attribute_exists (path)',
     'some functions are of a path',
     r'ValidationException: Invalid \w+: Operator or function requires a document path; operator or function: '
     r'(?P<name>attribute_exists|attribute_not_exists)',
     LATER,
     lambda seen: any(re.search(rf'\b{seen.groups["name"]}\s*\(\s*(:|\w+\s*\()', text) for text in expressions(seen)))

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
rule('API, Query: KeyConditions "conditions on other attributes"',
     'how many conditions there are is told before of what types they are',
     V + 'Conditions can be of length 1 or 2 only',
     BAD + r'ComparisonOperator \w+ is not valid for \w+ AttributeValue type',
     lambda seen: 'KeyConditionExpression' in seen.body or len(seen.body['KeyConditions']) not in (1, 2))
rule('no page: of several faults one is told',
     'broken constraints are listed in another order',
     LISTED,
     LISTED,
     lambda seen: constraints(seen.mine) != constraints(seen.other) and sorted(constraints(seen.mine)) == sorted(constraints(seen.other)))


def nulls_in_lists(node):
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (isinstance(node, list) and None in node) or any(nulls_in_lists(child) for child in children)


rule('API, AttributeValue: SS, NS, BS and L are arrays of strings and of AttributeValue objects',
     'an element that is null is of a wrong type',
     r'SerializationException: (Start of structure or map found where not expected|Unexpected (field type|value type in payload)|only '
     r'base-64-encoded strings are convertible to bytes)',
     LATER + '|' + LISTED,
     lambda seen: nulls_in_lists(seen.body))
rule('API, Query: ExpressionAttributeNames, a map to strings',
     'a name that is null is of a wrong type',
     r'SerializationException: Start of structure or map found where not expected',
     LATER,
     lambda seen: any(None in (part.get('ExpressionAttributeNames') or {}).values() for part in parts_of(seen)))
rule('API, AttributeValue: "a single data type"',
     'a value that is empty has no type that others could have too',
     V + 'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes',
     BAD + 'AttributeValues inside AttributeValueList must be of same type',
     lambda seen: any({} in (condition.get('AttributeValueList') or ()) for name in ('Expected', 'QueryFilter', 'ScanFilter', 'KeyConditions')
                      for condition in (seen.body.get(name) or {}).values()))
rule('API, AttributeValue: "a single data type"',
     'a value whose type is null is empty',
     V + '((ExpressionAttributeValues contains invalid value|The provided starting key is invalid): )?Supplied AttributeValue is empty, must '
     'contain exactly one of the supported datatypes( for key :\\w+)?',
     LATER,
     lambda seen: re.search(r"\{'(?:S|N|B|BOOL|NULL|M|L|SS|NS|BS)': None\}", str(seen.body)) is not None)
rule('API, BatchGetItem: Keys, "primary key attribute values"',
     'a key of a wrong type is not another one twice',
     V + 'The provided key element does not match the schema',
     V + 'Provided list of item keys contains duplicates',
     lambda seen: seen.operation == 'BatchGetItem' and all(part['Keys'].count(key) == 1 for part in parts_of(seen) for key in part['Keys']))
rule('API, BatchGetItem and BatchWriteItem: RequestItems, a map to objects and to arrays',
     'a table\'s part of a batch that is null is of a wrong type',
     r'SerializationException: Unexpected (field type|value type in payload)',
     LISTED,
     lambda seen: isinstance(seen.body.get('RequestItems'), dict) and None in seen.body['RequestItems'].values())
rule('API, BatchGetItem: RequestItems',
     'a batch of nothing is told without itself',
     V + "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member must have length greater than or equal "
     'to 1',
     V + r"1 validation error detected: Value '\{\}' at 'requestItems' failed to satisfy constraint: Member must have length greater than or "
     'equal to 1',
     lambda seen: seen.body['RequestItems'] == {})
NAMED = 'Guide, Naming rules: attribute names "at least one character long"'


def has_empty_name(node):
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return (isinstance(node, dict) and ('' in node or '' in (node.get('AttributesToGet') or ()))) or any(map(has_empty_name, children))


rule(NAMED,
     'a placeholder stands for a name',
     V + r'ExpressionAttributeNames contains invalid value: Empty attribute name for key (?P<key>#\w+)',
     LATER,
     lambda seen: any((part.get('ExpressionAttributeNames') or {}).get(seen.groups['key']) == '' for part in parts_of(seen)))
rule(NAMED,
     'an attribute has a name',
     V + '(The provided starting key is invalid: |ExpressionAttributeValues contains invalid value: )?Empty attribute name( for key :\\w+)?',
     LATER,
     lambda seen: has_empty_name(seen.body))
rule('API, Query: KeyConditionExpression',
     'that an equality does not fit the key is known when the table is',
     'ResourceNotFoundException: Requested resource not found|' + V + 'Query key condition not supported',
     BAD + r'ComparisonOperator EQ is not valid for (SS|NS|BS|BOOL|NULL|L|M) AttributeValue type',
     lambda seen: 'KeyConditionExpression' in seen.body)
rule('the fault\'s own words, "not within the allowable range"',
     'an index of a list has a bound',
     r'ValidationException: Invalid \w+: List index is not within the allowable range; index: \[(?P<index>\d+)\]',
     LATER,
     lambda seen: int(seen.groups['index']) > 2**31 - 1 and any(f'[{seen.groups["index"]}]' in text for text in expressions(seen)))
rule('no page: of several faults one is told',
     'of a reserved word and an unknown function in one expression the word is told',
     r'ValidationException: Invalid (?P<kind>\w+): Attribute name is a reserved keyword; reserved keyword: (?P<word>\w+)',
     r'ValidationException: Invalid (?P<kind>\w+): Invalid function name; function: (?P<function>\w+)',
     lambda seen: all(re.search(rf'(?<![\w#:]){word}\b', text) for word in (seen.groups['word'], seen.groups['function'] + r'\s*\(') for
                      text in expressions(seen, seen.groups['kind'])))
rule('no page: of several faults one is told',
     'of paths that overlap and a placeholder without a meaning the paths are told',
     OVERLAP,
     V + r'Invalid UpdateExpression: An expression attribute (name|value) used in (the document path|expression) is not defined; '
     r'attribute (name|value): (?P<key>[:#]\w*)',
     lambda seen: seen.groups['key'] not in {**(seen.body.get('ExpressionAttributeNames') or {}), **(seen.body.get(
        'ExpressionAttributeValues') or {})} and seen.groups['key'] in seen.body['UpdateExpression'])


rule('Guide, Expression attribute names: "a pound sign (#) followed by one or more" characters',
     'the sign alone is no placeholder',
     r'ValidationException: Invalid (?P<kind>\w+): Syntax error; token: "(?P<sign>[#:])", near: ".*"',
     r'ValidationException: Invalid (?P<kind>\w+): An expression attribute (name|value) used in (the document path|expression) is not '
     r'defined; attribute (name|value): (?P<sign>[#:])')
rule('Guide, Quotas: expression parameters, 4 KB',
     'an expression that is too long is not read',
     r'ValidationException: Invalid (?P<kind>\w+): Expression size has exceeded the maximum allowed size; expression size: (?P<size>\d+)',
     LATER,
     lambda seen: int(seen.groups['size']) > 4096 and int(seen.groups['size']) in [len(text.encode()) for text in expressions(seen,
                                                                                                                        seen.groups['kind'])])
rule('API, AttributeValue: NULL',
     'what is null is so in every condition',
     BAD + 'Null attribute value types must have the value of true',
     LATER,
     lambda seen: len(filters(seen) or ()) > 1 and re.search(r"'NULL': (?!True)", str(filters(seen))) is not None)
rule('Guide, Supported data types: numbers',
     'what is a number is so in every condition',
     V + r'The parameter cannot be converted to a numeric value(: (?P<number>.*))?',
     LATER,
     lambda seen: len(filters(seen) or ()) > 1 and f"'N': {seen.groups['number'] or ''!r}" in str(filters(seen)))


def but_for_requests(message):
    """The broken constraints without what they show of a batch."""
    return sorted(re.sub(r"^Value '\{.*\}' at 'requestItems'", '', each, flags=re.S) for each in constraints(message))


rule('API, BatchGetItem and BatchWriteItem: RequestItems',
     'of requests whose table has no name also that is shown which no request has',
     LISTED,
     LISTED,
     lambda seen: seen.operation in ('BatchGetItem', 'BatchWriteItem') and seen.mine != seen.other and but_for_requests(seen.mine) ==
     but_for_requests(seen.other))


rule('API, Scan: TotalSegments, up to 1000000, and Segment, up to 999999',
     'there are so many segments',
     V + r"1 validation error detected: Value '(?P<value>\d+)' at '(?P<which>totalSegments|segment)' failed to satisfy constraint: Member must "
     'have value less than or equal to (1000000|999999)',
     LATER + '|' + LISTED,
     lambda seen: int(seen.groups['value']) > 999999 + (seen.groups['which'] != 'segment') and int(seen.groups['value']) == min(
        seen.body[seen.groups['which'][0].upper() + seen.groups['which'][1:]], 2**63 - 1) and (constraints(seen.other) is None or
        0 < len(name_of(seen)) < 3))


def ends_near(seen):
    """Whether the pages differ by an item, before which there is a page by the documented sizes but for storage of items, 1%."""
    lists = sorted((side[3]['Items'] for side in (seen.ours, seen.theirs)), key=len)
    sizes = sum(map(item_size, lists[0]))
    return lists[1][:len(lists[0])] == lists[0] and len(lists[1]) == len(lists[0]) + 1 and 0.99 < sizes / 2**20 < 1.01


rule('Guide, Querying tables: "1 MB"; DynamoDB item sizes and formats',
     'what items have in storage does not count for a page',
     'OK',
     'OK',
     lambda seen: seen.operation == 'Query' and "'large'" in str(seen.body) and not PROJECTED & set(seen.body) and
     only(seen, 'Items', 'Count', 'ScannedCount', 'LastEvaluatedKey', 'ConsumedCapacity') and 'Items' in seen.ours[3] and ends_near(seen))


HUGE = re.compile(r"Value '\d{19,}'")
rule('API, the operation\'s request parameters: Integer',
     'a number that is no Long is told as the largest of them',
     LISTED,
     LISTED,
     lambda seen: seen.mine != seen.other and f"Value '{2**63 - 1}'" in seen.mine and HUGE.sub('', seen.mine) == HUGE.sub('', seen.other))


def plain_number(node):
    """The same values with numbers of one spelling."""
    if isinstance(node, dict) and set(node) == {'N'} and isinstance(node['N'], str):
        return {'N': f'{decimal.Decimal(node["N"]):f}'.rstrip('0').rstrip('.') if '.' in f'{decimal.Decimal(node["N"]):f}' else
                f'{decimal.Decimal(node["N"]):f}'}
    if isinstance(node, dict):
        return {name: plain_number(child) for name, child in node.items()}
    return [plain_number(child) for child in node] if isinstance(node, list) else node


def documents(node):
    """All maps and lists below a node."""
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    here = [node] if isinstance(node, dict) and set(node) in ({'M'}, {'L'}) else []
    return here + [found for child in children for found in documents(child)]


def has_equal_document(seen, item):
    """Whether a map or list of the request, or of the item, stands in the item too."""
    inside = documents(plain_number(item or {}))
    asked = documents(plain_number([seen.body.get(name) for name in ('ExpressionAttributeValues', 'Expected', 'QueryFilter',
                                                                     'ScanFilter')]))
    return any(one in inside for one in asked) or any(inside.count(one) > 1 for one in inside)


EQUAL = 'Guide, Condition and filter expressions: comparators, "a = b: true if a is equal to b"'
rule(EQUAL,
     'maps and lists are equal to their like',
     OUTCOME,
     OUTCOME,
     lambda seen: seen.operation in ('PutItem', 'UpdateItem', 'DeleteItem') and seen.mine != seen.other and FAILED in (seen.mine,
        seen.other) and has_equal_document(seen, seen.before[0]))
rule(EQUAL,
     'maps and lists are equal to their like',
     'OK',
     'OK',
     lambda seen: seen.operation in ('Query', 'Scan') and only(seen, 'Items', 'Count') and 'Items' in seen.ours[3] and all(
        has_equal_document(seen, item) for item in differing_items(seen)))


def holds_less(seen):
    """Whether our page of a local index ends before theirs, and both begin the same."""
    ours, theirs = seen.ours[3], seen.theirs[3]
    begun = theirs.get('Items', [])[:len(ours.get('Items', []))]
    return ('LastEvaluatedKey' in ours and ours['ScannedCount'] < theirs['ScannedCount'] and
            (ours.get('Items', []) == begun or bool({'FilterExpression', 'QueryFilter'} & set(seen.body))))


rule('Guide, Querying a local secondary index: "the maximum size of the data in the results might be lower"',
     'of items that are fetched from the table a page holds less',
     'OK',
     'OK',
     lambda seen: seen.operation == 'Query' and index_of(seen) in shape_of(name_of(seen)).local and index_of(seen)[3] != 'ALL' and
     "'large'" in str(seen.body) and only(seen, 'Items', 'Count', 'ScannedCount', 'LastEvaluatedKey', 'ConsumedCapacity') and
     holds_less(seen))
