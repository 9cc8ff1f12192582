"""Answers in a form that can be compared, and what a difference is counted under."""
import json
import re

# Chosen by the service, or a matter of when one asks.
UNCOMPARED = {'CreationDateTime', 'TableId', 'LatestStreamArn', 'LatestStreamLabel', 'LastIncreaseDateTime',
              'LastDecreaseDateTime', 'LastUpdateToPayPerRequestDateTime', 'TableStatus', 'IndexStatus', 'ItemCount',
              'TableSizeBytes', 'IndexSizeBytes'}
UNORDERED = {'SS', 'NS', 'BS', 'AttributeDefinitions', 'LocalSecondaryIndexes', 'GlobalSecondaryIndexes', 'Tags',
             'NonKeyAttributes', 'TableNames', 'ConsumedCapacity', 'Responses'}


def by_text(items):
    return sorted(items, key=lambda v: json.dumps(v, sort_keys=True))


def plain(node, name=''):
    """An answer's data with what cannot be compared taken out."""
    if isinstance(node, dict):
        return {key: plain(value, key) for key, value in node.items() if key not in UNCOMPARED}
    if isinstance(node, list):
        items = [plain(value) for value in node]
        return by_text(items) if name in UNORDERED else items
    return node


def comparable(operation, body, answer):
    """The answer as [status, type, message, data]."""
    status, data = answer
    if status != 200:
        message = data.get('message', data.get('Message'))
        if operation in ('PutItem', 'UpdateItem') and message:  # DynamoDB frames their faults, and did not when dynalite was made
            message = re.sub(r'^1 validation error detected: (?!Value (?!provided)|Failed )', '', message)
        return [status, str(data.get('__type')).split('#')[-1], message, {'Item': plain(data['Item'])} if 'Item' in data else
                None]
    data = plain(data)
    if operation == 'Scan' and 'Items' in data:  # the order of a Scan is each service's own
        data['Items'] = by_text(data['Items'])
    if operation == 'BatchGetItem':
        data['Responses'] = {table: by_text(items) for table, items in data.get('Responses', {}).items()}
    if operation == 'ListTables':
        data = {}  # the lists hold what earlier differences left behind
    return [status, None, None, data]


def text(answer):
    """An answer in a line; a served one reads "OK"."""
    return 'OK' if answer[0] == 200 else f'{answer[1]}: {answer[2] or ""}'


def kind_of(operation, ours, theirs):
    """What a difference is counted under: the two answers without names and numbers."""
    if ours[0] == theirs[0] == 200:
        fields = sorted(key for key in set(ours[3]) | set(theirs[3]) if ours[3].get(key) != theirs[3].get(key))
        return f'{operation}: data differs in {", ".join(fields)}'
    mine, other = (re.sub(r'"[^"]*"|\'[^\']*\'|\[[^\]]*\]|\{[^}]*\}|arn:\S+|g\d+-\w+|made-\S+|\d+', '*', text(side)) for side in (
            ours, theirs))
    return f'{operation}: ours {mine} | theirs {other}'
