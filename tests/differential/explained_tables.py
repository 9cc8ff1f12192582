"""Where DynamoDB, by its documentation, says otherwise than dynalite does of tables, their names and their tags, and of the parameters
that dynalite does not have."""
import re

from rules import BAD, LATER, LISTED, V, constraints, name_of, only, rule, shape_of

# -- names of tables --

CONTROL = ('CreateTable', 'UpdateTable', 'DeleteTable', 'DescribeTable', 'DescribeTimeToLive')
NAMES = 'Guide, Naming rules; API, TableName: length from 1, or an ARN'
NAME_CONSTRAINT = re.compile(r"Value '[^']*' at 'tableName' failed to satisfy constraint: Member must (?:have length [a-z "
                             r"]+\d+|satisfy regular expression pattern: \S+)")


def rest_is_same(seen):
    """Whether the answers differ in what they say of the table's name alone."""
    mine, other = ([each for each in constraints(side) if not NAME_CONSTRAINT.fullmatch(each)] for side in (seen.mine, seen.other))
    return sorted(mine) == sorted(other)


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


def same_description(seen, *beside):
    name = 'Table' if seen.operation == 'DescribeTable' else 'TableDescription'
    if not only(seen, name):
        return False
    ours = pruned(seen.ours[3][name], 'WarmThroughput', 'DeletionProtectionEnabled', *beside)
    theirs = pruned(seen.theirs[3][name], 'TableThroughputModeSummary', 'DeletionProtectionEnabled', *beside)
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


def decreases(node):
    """How often throughput went down, of the table and of its indexes by name."""
    indexes = sorted(node.get('GlobalSecondaryIndexes') or (), key=lambda index: index['IndexName'])
    return [part['ProvisionedThroughput']['NumberOfDecreasesToday'] for part in (node, *indexes)]


rule('API, ProvisionedThroughputDescription: NumberOfDecreasesToday; Guide, Quotas: decreasing provisioned throughput',
     'that one of reads and writes goes down is a decrease, also if the other one goes up',
     'OK',
     'OK',
     lambda seen: seen.operation in ('DescribeTable', 'UpdateTable') and same_description(seen, 'NumberOfDecreasesToday') and all(
        mine >= other for mine, other in zip(*(decreases(side[3].get('Table') or side[3]['TableDescription']) for side in (
             seen.ours, seen.theirs)))))
rule('API, CreateTable: ResourceInUseException',
     'the table that is there is named',
     'ResourceInUseException: Table already exists: .+',
     'ResourceInUseException: ')

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
     r'ValidationException: Cannot update an index that is not a GlobalSecondaryIndex: (?P<index>\w+)',
     'OK',
     lambda seen: seen.operation == 'UpdateTable' and seen.groups['index'] in [index[0] for index in shape_of(name_of(seen)).local])
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


def unfit_stream(seen):
    """Whether a stream is not switched on with a known view, and not off without one."""
    stream = seen.body.get('StreamSpecification') or {}
    views = ('NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY')
    return stream.get('StreamViewType') not in {True: views, False: (None,)}.get(stream.get('StreamEnabled'), ())


rule('API, CreateTable: StreamSpecification',
     'a stream is enabled with a view, and has none if it is not',
     r'ValidationException: (One or more parameter values were invalid: Table is being created with a stream (enabled, '
     r'UpdateViewType is required|disabled, UpdateViewType should not be specified)' r"|1 validation error detected: Value "
     r"(null|'.*') at 'streamSpecification\.stream(Enabled|ViewType)' failed to satisfy constraint: .*)",
     'OK',
     lambda seen: 'StreamSpecification' in seen.body and unfit_stream(seen))

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
     'OK|dies: |AccessDeniedException: .*',
     lambda seen: seen.operation in ('TagResource', 'CreateTable') and unfit_tags(seen) and (not seen.other.startswith('Access') or
        re.search(r':table/\w', seen.body['ResourceArn']) is None))
rule('API, TagResource: ResourceArn',
     'what follows a table\'s name in an ARN names something else',
     r'ValidationException: One or more parameter values were invalid: Invalid resource arn provided, '
     r'only table or stream is accepted\. Provided resource arn: (?P<arn>arn:aws:dynamodb:us-east-2:\d+:table/[^/]+/.*)',
     r'ValidationException: Invalid TableArn: Invalid ResourceArn provided as input (?P<arn>.*)|OK|ResourceNotFoundException: '
     r'Requested resource not found: ResourcArn: .*')

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


def keys_used(body):
    """All attributes that are keys of the table or of an index."""
    lists = [body.get('KeySchema')] + [index.get('KeySchema') for kind in ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes')
                                       for index in body.get(kind) or () if isinstance(index, dict)]
    return {part.get('AttributeName') for keys in lists for part in keys or () if isinstance(part, dict)}


def names_defined(seen):
    return [one.get('AttributeName') for one in seen.body['AttributeDefinitions'] if isinstance(one, dict)]


rule('API, AttributeDefinition: "An attribute for describing the key schema"',
     'attributes are not defined twice',
     r'ValidationException: Attribute Name is duplicated: (?P<name>\w+)',
     LATER,
     lambda seen: seen.operation == 'CreateTable' and names_defined(seen).count(seen.groups['name']) > 1)
rule('API, AttributeDefinition: "An attribute for describing the key schema"',
     'attributes are not defined without need',
     BAD + r'Some AttributeDefinitions are not used\. .*',
     LATER,
     lambda seen: seen.operation == 'CreateTable' and not set(names_defined(seen)) <= keys_used(seen.body))
rule('API, KeySchemaElement: AttributeName, length from 1 to 255',
     'an attribute of a key has a name',
     r"ValidationException: \d+ validation errors? detected: (Value '(x{256})?' at "
     r"'(attributeDefinitions|keySchema|(localSecondaryIndexes|globalSecondaryIndexes)\.\d+\.member\.keySchema)\.\d+\.member\.attributeName' failed "
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
     lambda seen: any(index['Projection'].get('ProjectionType') == 'INCLUDE' and not index['Projection'].get('NonKeyAttributes') for kind in
                      ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes') for index in seen.body.get(kind) or ()))
rule('API, ProvisionedThroughput: Long',
     'throughput is out of bounds however large the number is written',
     r'ValidationException: Given value \d+ for (Read|Write)CapacityUnits is out of bounds( for (index )?\w+)?',
     r'OK|ValidationException: (Given value \d+ for (Read|Write)CapacityUnits is out of bounds( for (index )?\w+)?|This operation '
     r'cannot be performed with given input values\. Please contact DynamoDB service team for more info: Action Blocked: \w+)',
     lambda seen: seen.operation in ('CreateTable', 'UpdateTable') and re.search(r'\d{13,}', str(seen.body)) is not None)
rule(THROUGHPUT,
     'an index of a table that goes on demand has no throughput to be compared',
     BAD + r'The only Updates for index: \w+ when TableThroughputMode is PAY_PER_REQUEST can be to OnDemandThroughput, '
     r'WarmThroughput',
     V + r'The provisioned throughput for the table will not change\..*',
     lambda seen: seen.body.get('BillingMode') == 'PAY_PER_REQUEST')
rule('API, UpdateTable: "You can only perform one of the following operations at once"',
     'throughput is not changed together with what indexes there are',
     BAD + 'You cannot create or delete index while updating table IOPS',
     LATER,
     lambda seen: 'ProvisionedThroughput' in seen.body and any({'Create', 'Delete'} & set(update) for update in index_updates(seen)))
rule('API, Projection: NonKeyAttributes, "non-key attribute names"',
     'an attribute is projected once',
     BAD + r'Duplicate element in NonKeyAttributes: (?P<name>\w+)',
     LATER,
     lambda seen: any(names.count(seen.groups['name']) > 1 for kind in ('LocalSecondaryIndexes', 'GlobalSecondaryIndexes') for index
                      in seen.body.get(kind) or () for names in [index['Projection'].get('NonKeyAttributes') or []]))
rule('Guide, Multi-attribute keys in global secondary indexes',
     'a key may have several attributes of each kind',
     V + 'The KeySchema contains multiple key attributes with the same name',
     V + 'Both the Hash Key and the Range Key element in the KeySchema have the same name',
     lambda seen: any(len(names) > len(set(names)) for index in seen.body.get('GlobalSecondaryIndexes') or () for names in [
             [part.get('AttributeName') for part in index['KeySchema']]]))
rule('Guide, Tagging resources: restrictions',
     'a key of a tag has 1 to 128 characters also where it is taken away',
     r'ValidationException: The Tag Key provided is invalid, Key: (?P<key>.*)',
     'OK',
     lambda seen: seen.operation == 'UntagResource' and seen.groups['key'] in seen.body['TagKeys'] and not 0 < len(seen.groups['key'])
     <= 128)
rule('no page: of several faults one is told',
     'that no index is updated is told before what is wrong with the throughput',
     BAD + 'List of GlobalSecondaryIndexUpdates is empty',
     V + r'(The provisioned throughput for the table will not change\.|One or more parameter values were invalid: Neither '
     r'ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST).*',
     lambda seen: seen.body.get('GlobalSecondaryIndexUpdates') == [] and 'ProvisionedThroughput' in seen.body)
OF_NEWER = re.compile(r"Value (null|'.*') at '(returnValuesOnConditionCheckFailure|tableClass|(sSESpecification|streamSpecification|tags)\..*)' "
                      r'failed to satisfy constraint: .*', re.S)
rule(PARAMETERS,
     'newer parameters have constraints, told with those of others',
     LISTED,
     LISTED,
     lambda seen: any(OF_NEWER.fullmatch(each) for each in constraints(seen.mine)) and sorted(
             each for each in constraints(seen.mine) if not OF_NEWER.fullmatch(each)) == sorted(constraints(seen.other)))
rule('API, GlobalSecondaryIndex: ProvisionedThroughput; CreateTable: BillingMode',
     'an index of a table with provisioned throughput has one too, also if that is by default',
     BAD + r'ProvisionedThroughput is not specified for index: (?P<index>\w+)',
     LATER,
     lambda seen: 'BillingMode' not in seen.body and any(index.get('IndexName') == seen.groups['index'] and 'ProvisionedThroughput' not in
                                                         index for index in seen.body['GlobalSecondaryIndexes']))
rule('API, KeySchemaElement: KeyType, HASH or RANGE',
     'a key of an index is of one of two kinds too',
     V + r"1 validation error detected: Value '(?P<kind>.*)' at '(local|global)SecondaryIndexes\.\d+\.member\.keySchema\.\d+\.member\.keyType' "
     r'failed to satisfy constraint: Member must satisfy enum value set: \[HASH, RANGE\]',
     LATER,
     lambda seen: seen.groups['kind'] not in ('HASH', 'RANGE') and f"'KeyType': {seen.groups['kind']!r}" in str(seen.body))
