"""Where DynamoDB itself, by its documentation or by answers recorded from it, says otherwise than dynalite does.

Each rule has its reason; what no rule covers is a difference that must be mended here or reasoned about.
"""
import json
import re

# (reason, pattern of our answer, pattern of theirs). A served answer reads "OK".
MESSAGES = (
    ('a comparison with an attribute that is not there fails, but for <>, which holds', r'ConditionalCheckFailed|^OK',
     r'ConditionalCheckFailed|^OK|an attribute that does not exist|invalid for update|Type mismatch for Index Key'),
    ('the words about empty key values are others today', r'are not valid. The AttributeValue for a key',
     r'were invalid: The AttributeValue for a key'),
    ('a number may have a sign', r'', r'cannot be converted to a numeric value: \+1'),
    ('conditions may be negated twice', r'', r'Syntax error; Expected "\(" but "N" found'),
    ('no path goes on below a key attribute', r'Key attributes must be scalars', r''),
    ('which of two faulty paths is named first depends on the order in which the sections of an update are looked at',
     r'Two document paths (overlap|conflict) with each other',
     r'Two document paths|value used in expression is not defined|name used in the document path is not defined'),
    ('an operand may not be compared with itself', r'The first operand must be distinct from the remaining', r''),
    ('functions of updates are known in conditions, and not allowed', r'The function is not allowed in a condition expression',
     r'Invalid function name'),
    ('the resource that is not there is named', r'Requested resource not found: ResourceArn: ', r'Requested resource not found(: ResourcArn: .*)?$'),
    ('BatchWriteItem has words of its own for no requests', r'The requestItems parameter is required for BatchWriteItem', r''),
    ('numbers of a request are 64 bits wide', r'9223372036854775807', r'1234567890123456|10000000000000000000'),
    ('an attribute of a key has a name', r"attributeName' failed to satisfy constraint", r'not defined in AttributeDefinitions'),
    ('an index is looked at in another order', r'Type mismatch for Index Key', r'Type mismatch for Index Key'),
    ('a name for a path is looked up before the number of operands is counted, or after',
     r'Incorrect number of operands', r'reserved keyword'),
    ('an action of AttributeUpdates is one of three', r"action' failed to satisfy constraint", r''),
    ('throughput is out of bounds however large the number is written', r'is out of bounds', r'OK|Action Blocked'),
    ('every global index of a provisioned table has its throughput', r'ProvisionedThroughput is not specified for index', r'OK'),
    ('an empty value of a key is refused in conditions too', r'are not valid. The AttributeValue for a key', r'OK'),
    ('an equality with a value that no key can have is of a wrong type',
     r'Condition parameter type does not match', r'is not valid for \w+ AttributeValue type'),
    ('the constraints of lists are told in another form', r'KeySchemaElement\(|=\[\.\.\.\]', r'Member must have length'),
    ('a table may be named by its ARN today, so what else is wrong comes before names of 1 or 2 letters', r'',
     r"at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 3$"),
    ('names and values that are missing or too many are told in another order', r'Incorrect number of operands|is not defined;',
     r'is not defined;'),
    ('what an expression does is tried before what it would do to index keys',
     r'invalid for update|does not exist in the item', r'Type mismatch for Index Key'),
    ('null is no member of a list or map', r'Start of structure or map found where not expected', r''),
    ('structures that are there have all their members', r'Member must not be null', r'KeySchema|AttributeDefinitions'),
    ('an ARN longer than any table\'s is none', r'Invalid ResourceArn provided as input', r'OK'),
    ('ConditionalOperator needs conditions', r'ConditionalOperator cannot be used without Filter', r''),
    ('DynamoDB names the type set of ADD and DELETE operands',
     r'typeSet: ALLOWED_FOR', r'Incorrect operand type'),
    ('DynamoDB tells the token of a syntax error and what is near it; dynalite what its grammar expected',
     r'Syntax error; token:', r'Syntax error|Value provided in|not defined|reserved keyword|overlap|conflict|Invalid function'),
    ('DynamoDB compares only strings, numbers and binaries by order, and refuses other operands of <, <=, >, >= and BETWEEN',
     r'operator or function: (<|<=|>|>=|BETWEEN), operand type', r''),
    ('UpdateTable has more parameters today', r'At least one of ProvisionedThroughput', r'At least one of ProvisionedThroughput'),
    ('Select is checked against the projection and the index since then',
     r'SPECIFIC_ATTRIBUTES|ALL_PROJECTED_ATTRIBUTES can be used|when choosing to get', r''),
    ('DeleteItem returns ALL_OLD or NONE', r'ReturnValues can only be ALL_OLD or NONE', r''),
    ('ConditionalOperator needs two conditions', r'ConditionalOperator can only be used when Filter or Expected has two', r''),
    ('a table may be named by its ARN today, so names from 1 letter on pass the first check',
     r'Member must have length greater than or equal to 1\b|Requested resource not found|Cannot do operations on a non-existent'
     r'|Member must not be null', r'Member must have length greater than or equal to 3|Map keys must satisfy'),
    ('ConditionalOperator is a non-expression parameter too', r'Can not use both expression and', r'Can not use both expression and'),
    ('a disabled stream has no view type', r'created with a stream disabled', r''),
    ('an AccessDeniedException for what is no ARN belongs to its author\'s account', r'', r'AccessDeniedException'),
    ('indexes are looked for before throughput is compared', r'Index: \w+ not found for table', r'OK'),
    ('an index of a table on demand has no throughput', r'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for index', r''),
    ('the table that is there is named', r'Table already exists: ', r'ResourceInUseException: $'),
    ('consistent reads of a global secondary index are refused', r'Consistent reads are not supported on global', r''),
    ('an attribute definition that no key uses is refused', r'Some AttributeDefinitions are not used', r''),
    ('tags must be whole and differ', r'Duplicate Tag Key|The Tag Key provided is invalid|The Tag Value provided', r''),
    ('REMOVE of a nested path of an item that is not there does nothing', r'OK', r'document path provided in the update expression'),
    ('what is not projected to a global secondary index cannot be asked for there', r'does not project', r''),
)


def text(answer):
    """An answer as the patterns above see it."""
    return 'OK' if answer[0] == 200 else f'{str(answer[1]).split("#")[-1]}: {answer[2] or ""}'


def has_whole_fraction(node):
    """Whether a number is written as a fraction without being one: JavaScript cannot tell."""
    if isinstance(node, float):
        return node == int(node)
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(has_whole_fraction(child) for child in children)


def only(ours, theirs, *names):
    """Whether two served answers differ in these members alone."""
    keys = {key for key in set(ours) | set(theirs) if ours.get(key) != theirs.get(key)}
    return keys <= set(names)


def within(small, large):
    """Whether all that `small` says is said by `large` too."""
    if isinstance(small, dict) and isinstance(large, dict):
        return all(key in large and within(value, large[key]) for key, value in small.items())
    if isinstance(small, list) and isinstance(large, list):
        return len(small) == len(large) and all(map(within, small, large))
    return small == large


def only_removes(body):
    """Whether an UpdateItem can add nothing to an item."""
    if 'UpdateExpression' in body:
        return re.search(r'\b(set|add)\b', body['UpdateExpression'], re.I) is None
    updates = (body.get('AttributeUpdates') or {}).values()
    return bool(updates) and all(update.get('Action') == 'DELETE' for update in updates)


def explain_data(operation, body, ours, theirs):
    if operation == 'UpdateItem' and ours.get('Stored') is None and only_removes(body):
        return 'an update that only takes away makes no item'
    if operation in ('Query', 'Scan') and '<>' in json.dumps(body):
        return 'a comparison with an attribute that is not there fails, but for <>, which holds'
    if only(ours, theirs, 'ConsumedCapacity'):
        return 'DynamoDB counts at least half a unit a read, index writes, and what an item was before'
    if operation == 'UpdateItem' and only(ours, theirs, 'Attributes') and theirs.get('Attributes') == {}:
        return 'no attributes are returned when there are none'
    for name in ('TableDescription', 'Table'):
        if name in theirs and within(theirs[name], ours[name]):
            return 'more is told of a table today'
    return None


def explain(operation, body, ours, theirs):
    """The reason for a difference, or None."""
    if ours[0] == theirs[0] == 200:
        return explain_data(operation, body, ours[3], theirs[3])
    mine, other = text(ours), text(theirs)
    if 'DECIMAL_VALUE' in mine and has_whole_fraction(body):
        return 'a whole number written as a fraction is a decimal'
    if mine.startswith('SerializationException') and other.startswith('SerializationException'):
        return 'of several wrong types the first in the order of the body is told'
    if mine.startswith('SerializationException') and 'ConsistentRead' in body and operation == 'Scan':
        return 'a Scan has ConsistentRead today'
    for reason, our_pattern, their_pattern in MESSAGES:
        if re.search(our_pattern, mine) and re.search(their_pattern, other):
            return reason
    return None
