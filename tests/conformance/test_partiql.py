"""PartiQL: ExecuteStatement, BatchExecuteStatement, ExecuteTransaction."""
import base64
import os
import re

import pytest
from conftest import make_table
from expect import constraint, invalid, n, refused, s

NOT_WELL_FORMED = "Statement wasn't well formed, can't be processed: "


@pytest.fixture(scope='module')
def pair(ddb):
    """A table with string keys pk and sk, a GSI on g that includes i, and a KEYS_ONLY LSI on l."""
    name = f'conformance-partiql-{os.getpid()}'
    make_table(
        ddb, name, 'pk:S sk:S|g:S l:S',
        LocalSecondaryIndexes=[{'IndexName': 'by_l', 'Projection': {'ProjectionType': 'KEYS_ONLY'}, 'KeySchema': [
            {'AttributeName': 'pk', 'KeyType': 'HASH'}, {'AttributeName': 'l', 'KeyType': 'RANGE'}]}],
        GlobalSecondaryIndexes=[{
            'IndexName': 'by_g', 'KeySchema': [{'AttributeName': 'g', 'KeyType': 'HASH'}],
            'Projection': {'ProjectionType': 'INCLUDE', 'NonKeyAttributes': ['i']}}])
    yield name
    ddb.delete_table(TableName=name)


class Table:
    """Statements about one table, `T` standing for its quoted name."""

    def __init__(self, client, name):
        self.client, self.name = client, name

    def text(self, statement):
        return re.sub(r'\bT\b', f'"{self.name}"', statement)

    def run(self, statement, *parameters, **how):
        if parameters:
            how['Parameters'] = list(parameters)
        return self.client.execute_statement(Statement=self.text(statement), **how)

    def items(self, statement, *parameters, **how):
        return self.run(statement, *parameters, **how)['Items']

    def invalid(self, message, statement, *parameters, **how):
        invalid(message, self.run, statement, *parameters, **how)

    def put(self, **attributes):
        self.client.put_item(TableName=self.name, Item=attributes)

    def get(self, pk, sk='1'):
        return self.client.get_item(TableName=self.name, Key={'pk': s(pk), 'sk': s(sk)}).get('Item')

    def batch(self, *statements, **how):
        return self.client.batch_execute_statement(
            Statements=[{'Statement': self.text(x)} if isinstance(x, str) else x for x in statements], **how)

    def transact(self, *statements, **how):
        return self.client.execute_transaction(
            TransactStatements=[{'Statement': self.text(x)} if isinstance(x, str) else x for x in statements], **how)


@pytest.fixture
def t(ddb, pair):
    return Table(ddb, pair)


# ---- one statement ----

def test_insert_and_select(t, unique):
    inserted = t.run("INSERT INTO T VALUE {'pk': ?, 'sk': '1', 'n': 2.50, 'm': {'a': [1, 'x', null, true]}, "
                     "'ns': <<1, 2>>, 'q': 'it''s'}", s(unique))
    assert inserted['Items'] == []
    item = {'pk': s(unique), 'sk': s('1'), 'n': n('2.5'), 'q': s("it's"), 'ns': {'NS': ['1', '2']},
            'm': {'M': {'a': {'L': [n(1), s('x'), {'NULL': True}, {'BOOL': True}]}}}}
    assert t.items('SELECT * FROM T WHERE pk = ? AND sk = ?', s(unique), s('1')) == [item]
    refused('DuplicateItemException', 'Duplicate primary key exists in table',
            t.run, f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': '1'}}")


def test_columns_are_told_by_the_last_name_of_their_path(t, unique):
    t.put(pk=s(unique), sk=s('1'), a={'M': {'b': {'L': [s('x'), s('y')]}, 'c': s('z')}})
    key = f"WHERE pk = '{unique}' AND sk = '1'"
    assert t.items(f'SELECT a.b[1], a.c, nope, a FROM T {key}') == [
        {'b[1]': s('y'), 'c': s('z'), 'a': {'M': {'b': {'L': [s('x'), s('y')]}, 'c': s('z')}}}]
    assert t.items(f'SELECT nope FROM T {key}') == [{}]


def test_reading_by_key(t, unique):
    for pk in 'ab':
        for sk in '123':
            t.put(pk=s(f'{unique}{pk}'), sk=s(sk), v=n(sk))

    def keys(where):
        where = re.sub(r"'([ab])'", rf"'{unique}\1'", where)
        return [x['pk']['S'][-1] + x['sk']['S'] for x in t.items(f'SELECT pk, sk FROM T WHERE {where}')]
    assert keys("pk = 'a'") == ['a1', 'a2', 'a3']
    assert keys("pk = 'a' AND sk > '1'") == ['a2', 'a3']
    assert keys("pk = 'a' AND sk BETWEEN '1' AND '2'") == ['a1', 'a2']
    assert keys("pk = 'a' AND begins_with(sk, '2')") == ['a2']
    assert keys("pk = 'a' AND sk IN ['3', '1']") == ['a1', 'a3']
    assert keys("pk = 'a' AND NOT sk = '2'") == ['a1', 'a3']
    assert keys("pk = 'a' AND v <> 2 ORDER BY sk DESC") == ['a3', 'a1']
    assert keys("pk IN ['a', 'b'] AND v = 2") == ['a2', 'b2']
    assert keys("pk IN ['a', 'b'] ORDER BY pk DESC, sk ASC") == ['b1', 'b2', 'b3', 'a1', 'a2', 'a3']
    assert keys("pk = 'a' ORDER BY pk ASC") == ['a3', 'a2', 'a1']
    assert keys("(pk = 'a' AND sk > '1' AND sk < '3') OR (pk = 'a' AND sk = '3')") == ['a2', 'a3']
    assert sorted(keys("pk >= 'a' AND pk <= 'b' AND v = 1")) == ['a1', 'b1']


def test_filters(t, unique):
    t.put(pk=s(unique), sk=s('1'), total=n(400), address=s('7834 24th'), tags={'SS': ['a']}, nul={'NULL': True})
    t.put(pk=s(unique), sk=s('2'), total=n(550))

    def keys(where):
        return [x['sk']['S'] for x in t.items(f"SELECT sk FROM T WHERE pk = '{unique}' AND {where}")]
    assert keys("contains(address, '24th')") == ['1']
    assert keys("contains(tags, 'a') = false") == ['2']
    assert keys("attribute_type(total, 'N')") == ['1', '2']
    assert keys('size(address) > 3') == ['1']
    assert keys('total != 400') == ['2']
    assert keys('address IS MISSING') == ['2']
    assert keys('nul IS NULL') == ['1']
    assert keys('nul IS NOT NULL') == ['2']
    assert keys('total IN [1, 550] OR address IS NOT MISSING') == ['1', '2']


def test_pages(t, unique):
    for i in range(7):
        t.put(pk=s(f'{unique}{i % 2}'), sk=s(str(i)))
    statement = f"SELECT sk FROM T WHERE pk IN ['{unique}0', '{unique}1']"
    got, token, pages = [], {}, 0
    while token is not None:
        page = t.run(statement, Limit=3, **token)
        got += [x['sk']['S'] for x in page['Items']]
        assert len(page['Items']) <= 3 and ('LastEvaluatedKey' in page) <= ('NextToken' in page)
        token = {'NextToken': page['NextToken']} if 'NextToken' in page else None
        pages += 1
    assert got == ['0', '2', '4', '6', '1', '3', '5'] and pages == 3
    first = t.run(statement, Limit=1)
    assert first['LastEvaluatedKey'] == {'pk': s(f'{unique}0'), 'sk': s('0')}
    t.invalid('NextToken does not match request', statement + " AND sk > '0'", NextToken=first['NextToken'])
    t.invalid('Invalid NextToken', statement, NextToken='bm9uc2Vuc2U=')
    changed = bytearray(base64.b64decode(first['NextToken']))
    changed[-12] ^= 1
    t.invalid('Invalid NextToken', statement, NextToken=base64.b64encode(changed).decode())
    single = t.run(f"SELECT * FROM T WHERE pk = '{unique}0' AND sk = '0'", Limit=1)
    assert len(single['Items']) == 1 and 'NextToken' not in single


def test_scan_in_pages(t, unique):
    for i in range(5):
        t.put(pk=s(f'{unique}-{i}'), sk=s('1'), mark=s(unique))
    got, token = [], {}
    while token is not None:
        page = t.run('SELECT pk FROM T WHERE mark = ?', s(unique), Limit=2, **token)
        got += [x['pk']['S'] for x in page['Items']]
        token = {'NextToken': page['NextToken']} if 'NextToken' in page else None
    assert sorted(got) == [f'{unique}-{i}' for i in range(5)]


def test_indexes(t, unique):
    t.put(pk=s(unique), sk=s('1'), g=s(f'g{unique}'), l=s('b'), i=n(1), x=n(9))
    t.put(pk=s(unique), sk=s('2'), l=s('a'), x=n(8))
    by_g = f'FROM T."by_g" WHERE g = \'g{unique}\''
    assert t.items(f'SELECT * {by_g}') == [{'pk': s(unique), 'sk': s('1'), 'g': s(f'g{unique}'), 'i': n(1)}]
    assert t.items(f'SELECT sk {by_g} AND i = 1') == [{'sk': s('1')}]
    assert t.items('SELECT sk FROM T."by_g" WHERE x = 9') == []
    assert t.items(f'SELECT sk, x FROM T."by_l" WHERE pk = \'{unique}\'', ConsistentRead=True) == [
        {'sk': s('2'), 'x': n(8)}, {'sk': s('1'), 'x': n(9)}]
    t.invalid('One or more parameter values were invalid: Global secondary index by_g does not project [x, y]',
              f'SELECT x, i, y {by_g}')
    t.invalid('One or more parameter values were invalid: Secondary index by_g does not project one or more filter '
              'attributes: [x]', f'SELECT pk {by_g} AND x = 1')
    t.invalid('Strongly consistent read is not supported on Global Secondary Indexes',
              f'SELECT pk {by_g}', ConsistentRead=True)
    t.invalid('The table does not have the specified index', 'SELECT * FROM T."nope"')


def test_update(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(5), li={'L': [n(1)]}, ss={'SS': ['a', 'b']}, m={'M': {'k': s('old')}}, x=s('x'))
    where = f"WHERE pk = '{unique}' AND sk = '1'"
    assert t.items(f"UPDATE T SET v = v + 1 SET li = list_append(li, [2]), m.k = 'new' REMOVE x {where} "
                   'RETURNING MODIFIED NEW *') == [
        {'v': n(6), 'li': {'L': [n(1), n(2)]}, 'm': {'M': {'k': s('new')}}}]
    assert t.items(f"UPDATE T SET ss = set_delete(ss, <<'a'>>) SET f = set_add(f, <<1>>) {where} "
                   'RETURNING MODIFIED OLD *') == [{'ss': {'SS': ['a', 'b']}}]
    after = {'pk': s(unique), 'sk': s('1'), 'v': n(6), 'li': {'L': [n(1), n(2)]}, 'm': {'M': {'k': s('new')}},
             'ss': {'SS': ['b']}, 'f': {'NS': ['1']}}
    assert t.get(unique) == after
    assert t.items(f'UPDATE T SET v = ? {where} AND v = 6 RETURNING ALL OLD *', n(7)) == [after]
    assert t.items(f'UPDATE T REMOVE v {where} RETURNING MODIFIED NEW *') == []
    assert t.items(f'UPDATE T SET w = li[1] {where} AND li[0] = 1 AND v IS MISSING RETURNING ALL NEW *')[0]['w'] == n(2)
    failed = 'ConditionalCheckFailedException', 'The conditional request failed'
    refused(*failed, t.run, f"UPDATE T SET v = 1 {where} AND f = 'x'")
    refused(*failed, t.run, f"UPDATE T SET v = 1 WHERE pk = '{unique}' AND sk = 'none'")
    assert t.get(unique, 'none') is None


def test_update_faults(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=s('x'), m={'M': {}})
    where = f"WHERE pk = '{unique}' AND sk = '1'"
    t.invalid('An operand in the update expression has an incorrect data type', f'UPDATE T SET v = v + 1 {where}')
    t.invalid('The provided expression refers to an attribute that does not exist in the item',
              f'UPDATE T SET w = list_append(w, [1]) {where}')
    t.invalid('Incorrect operand type for operator or function; operator or function: +, operand type: S',
              f"UPDATE T SET v = 'a' + 1 {where}")
    t.invalid('One or more parameter values were invalid: Cannot update attribute pk. This attribute is part of the key',
              f"UPDATE T SET pk = 'a' {where}")
    deep = {'S': 'x'}
    for _ in range(31):
        deep = {'M': {'a': deep}}
    t.invalid('Nesting Levels have exceeded supported limits', f'UPDATE T SET m.deep = ? {where}', deep)
    t.invalid('Empty attribute name', f"UPDATE T SET m = [{{'': 1}}] {where}")
    t.invalid('Empty attribute name', f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': '2', '': 1}}")
    key = 'Where clause does not contain a mandatory equality on all key attributes'
    for clause in (f"WHERE pk = '{unique}'", f"WHERE pk IN ['{unique}'] AND sk = '1'", "WHERE v = 'x'", ''):
        t.invalid(key, f'UPDATE T SET v = 1 {clause}')
        t.invalid(key, f'DELETE FROM T {clause}')
    t.invalid('Multiple conditions on same key pk. Only single item Update/Insert/Delete are supported',
              f"UPDATE T SET v = 1 {where} AND pk = 'other'")
    t.invalid("Key attribute's data type should match its data type in table's schema: Key sk",
              f"DELETE FROM T WHERE pk = '{unique}' AND sk = 1")


def test_delete(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(1))
    where = f"WHERE pk = '{unique}' AND sk = '1'"
    refused('ConditionalCheckFailedException', 'The conditional request failed',
            t.run, f'DELETE FROM T {where} AND v = 2')
    assert t.items(f'DELETE FROM T {where} RETURNING ALL OLD *') == [{'pk': s(unique), 'sk': s('1'), 'v': n(1)}]
    assert t.items(f'DELETE FROM T {where} AND v = 2 RETURNING ALL OLD *') == []
    t.invalid('Invalid returning clause: RETURNING MODIFIED OLD *. Only RETURNING ALL OLD * is allowed in DELETE '
              'statements.', f'DELETE FROM T {where} RETURNING MODIFIED OLD *')


def test_the_item_on_a_failed_condition(service, t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(1))
    status, _, body = service.wire().call('ExecuteStatement', {
        'Statement': t.text(f"DELETE FROM T WHERE pk = '{unique}' AND sk = '1' AND v = 2"),
        'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'})
    assert status == 400 and body['__type'].endswith('#ConditionalCheckFailedException')
    assert body['Item'] == {'pk': s(unique), 'sk': s('1'), 'v': n(1)}
    failing = t.text(f"UPDATE T SET v = 3 WHERE pk = '{unique}' AND sk = '1' AND v = 2")
    _, _, body = service.wire().call('BatchExecuteStatement', {'Statements': [
        {'Statement': failing, 'ReturnValuesOnConditionCheckFailure': 'ALL_OLD'}, {'Statement': failing.replace("'1'", "'2'")}]})
    told, other = [response['Error'] for response in body['Responses']]
    assert told['Code'] == other['Code'] == 'ConditionalCheckFailed' and 'Item' not in other
    assert told['Item'] == {'pk': s(unique), 'sk': s('1'), 'v': n(1)}


@pytest.mark.parametrize('statement, message', [
    ('SLECT * FROM T', NOT_WELL_FORMED + 'Expected data manipulation'),
    ('SELECT * FROM T WHERE', NOT_WELL_FORMED + 'Unexpected term'),
    ("SELECT * FROM T WHERE pk = 'a' garbage", NOT_WELL_FORMED + 'Unexpected token after expression'),
    ('SELECT * FROM T WHERE (pk = 1', NOT_WELL_FORMED + 'Expected RIGHT_PAREN'),
    ("INSERT INTO T (key, b) VALUES ('a', 'b')", NOT_WELL_FORMED + 'Unexpected keyword'),
    ('SELECT * FROM T LIMIT 5', 'Unsupported clause: LIMIT'),
    ('SELECT * FROM T AS x', 'Aliasing is not supported'),
    ('SELECT * FROM T WHERE pk = ?', "Number of parameters in request and statement don't match."),
    ('SELECT * FROM "ab"', "Table name should be within the length [3, 255] and only contain 'a-z', 'A-Z', '0-9', "
                           "'-', '_', '.'."),
    ("EXISTS(SELECT * FROM T WHERE pk = 'a' AND sk = '1' AND v = 1)",
     'EXISTS can only be used in ExecuteTransaction write requests.'),
    ("INSERT INTO T VALUE {'pk': 'a'}", 'One or more parameter values were invalid: Missing the key sk in the item'),
    ("INSERT INTO T VALUE {'pk': 'a', 'sk': 1}",
     'One or more parameter values were invalid: Type mismatch for key sk expected: S actual: N'),
    ("SELECT * FROM T WHERE pk = '' AND sk = '1'",
     'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty '
     'string value. Key: pk'),
    ("SELECT * FROM T WHERE pk IN ['a', '']",
     'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty '
     'string value. Key: pk'),
    ("SELECT * FROM T.\"by_g\" WHERE g = ''",
     'One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty '
     'string value. Key: g'),
    ('SELECT * FROM T WHERE pk = 1', "Key attribute's data type should match its data type in table's schema: Key pk"),
    ("SELECT * FROM T WHERE pk IN ['a', 'a']",
     'Overlapping conditions with range keys are not supported in where clause'),
])
def test_refused_statements(t, statement, message):
    t.invalid(message, statement)


def test_parameters_are_looked_at_before_the_statement(t):
    t.invalid('One or more parameter values were invalid: Input collection [a, a] contains duplicates.',
              'UPDATE T SET WHERE', {'SS': ['a', 'a']})


def test_limits_of_the_request(service, t):
    client = service.unchecked()
    invalid(constraint('', 'statement', 'Member must have length greater than or equal to 1'),
            client.execute_statement, Statement='')
    long = 'SELECT * FROM T --' + 'x' * 8192
    invalid(constraint(long, 'statement', 'Member must have length less than or equal to 8192'),
            client.execute_statement, Statement=long)
    invalid(constraint('0', 'limit', 'Member must have value greater than or equal to 1'),
            client.execute_statement, Statement='SELECT * FROM T', Limit=0)
    refused('ResourceNotFoundException', 'Requested resource not found',
            client.execute_statement, Statement='SELECT * FROM "not-there"')


def test_capacity(t, unique):
    put = f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': '1', 'g': 'g{unique}'}}"
    assert t.run(put, ReturnConsumedCapacity='INDEXES')['ConsumedCapacity'] == {
        'TableName': t.name, 'CapacityUnits': 2.0, 'Table': {'CapacityUnits': 1.0},
        'GlobalSecondaryIndexes': {'by_g': {'CapacityUnits': 1.0}}}
    get = f"SELECT * FROM T WHERE pk = '{unique}' AND sk = '1'"
    assert t.run(get, ReturnConsumedCapacity='TOTAL')['ConsumedCapacity'] == {
        'TableName': t.name, 'CapacityUnits': 0.5}
    assert t.run(get, ReturnConsumedCapacity='TOTAL', ConsistentRead=True)['ConsumedCapacity']['CapacityUnits'] == 1.0
    query = f'SELECT pk FROM T."by_g" WHERE g = \'g{unique}\''
    assert t.run(query, ReturnConsumedCapacity='INDEXES')['ConsumedCapacity'] == {
        'TableName': t.name, 'CapacityUnits': 0.5, 'Table': {'CapacityUnits': 0.0},
        'GlobalSecondaryIndexes': {'by_g': {'CapacityUnits': 0.5}}}


# ---- batches ----

def test_batch_of_writes(t, unique):
    t.put(pk=s(unique), sk=s('there'), v=n(1))
    key = f"pk = '{unique}' AND sk"
    answer = t.batch(
        f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': 'new'}}",
        f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': 'there'}}",
        'SLECT * FROM T',
        f"UPDATE T SET v = 2 WHERE {key} = 'there' AND v = 9",
        f"UPDATE T SET v = 2 WHERE {key} = 'there' RETURNING ALL NEW *",
        f"DELETE FROM T WHERE {key} > 'a'",
        "DELETE FROM \"not-there\" WHERE pk = 'a'", ReturnConsumedCapacity='TOTAL')
    assert answer['Responses'] == [
        {'TableName': t.name},
        {'TableName': t.name, 'Error': {'Code': 'DuplicateItem', 'Message': 'Duplicate primary key exists in table'}},
        {'Error': {'Code': 'ValidationError', 'Message': NOT_WELL_FORMED + 'Expected data manipulation'}},
        {'TableName': t.name, 'Error': {'Code': 'ConditionalCheckFailed', 'Message': 'The conditional request failed'}},
        {'TableName': t.name, 'Item': {'pk': s(unique), 'sk': s('there'), 'v': n(2)}},
        {'Error': {'Code': 'ValidationError',
                   'Message': 'Where clause does not contain a mandatory equality on all key attributes'}},
        {'Error': {'Code': 'ResourceNotFound', 'Message': 'Requested resource not found'}}]
    assert answer['ConsumedCapacity'] == [{'TableName': t.name, 'CapacityUnits': 4.0}]
    assert t.get(unique, 'new') and t.get(unique, 'there')['v'] == n(2)


def test_batch_of_reads(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(1))
    key = f"pk = '{unique}' AND sk"
    only = {'Error': {'Code': 'ValidationError', 'Message': 'Select statements within BatchExecuteStatement must '
                      'specify the primary key in the where clause.'}}
    answer = t.batch(
        f"SELECT v FROM T WHERE {key} = '1'", f"SELECT * FROM T WHERE {key} IN ['none']",
        f"SELECT * FROM T WHERE pk = '{unique}'", f"SELECT * FROM T WHERE {key} = '1' AND v = 1",
        'SELECT * FROM T."by_g" WHERE g = \'x\'')
    assert answer['Responses'] == [{'TableName': t.name, 'Item': {'v': n(1)}}, {'TableName': t.name}, only, only, only]
    invalid('Read and write requests together in the same batch is not supported.', t.batch,
            f"SELECT v FROM T WHERE {key} = '1'", f"DELETE FROM T WHERE {key} = '1'")


def test_batch_limits(service, t):
    client = service.unchecked()
    one = {'Statement': t.text("SELECT * FROM T WHERE pk = 'a' AND sk = '1'")}
    invalid(constraint('[]', 'statements', 'Member must have length greater than or equal to 1'),
            client.batch_execute_statement, Statements=[])
    invalid(constraint('[...]', 'statements', 'Member must have length less than or equal to 25'),
            client.batch_execute_statement, Statements=[one] * 26)
    assert len(client.batch_execute_statement(Statements=[one] * 25)['Responses']) == 25


# ---- transactions ----

def cancelled(reasons, call, *args, **params):
    codes = ', '.join(code for code, _ in reasons)
    answer = refused(
        'TransactionCanceledException',
        f'Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]', call, *args, **params)
    assert [(x['Code'], x.get('Message')) for x in answer['CancellationReasons']] == reasons


def test_transaction_of_writes(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(1))
    key = f"pk = '{unique}' AND sk"
    done = t.transact(
        f"EXISTS(SELECT * FROM T WHERE {key} = '1' AND nope IS MISSING)",
        f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': '2'}}", f"DELETE FROM T WHERE {key} = '4'")
    assert done['Responses'] == []
    assert t.get(unique, '2')
    failed = 'ConditionalCheckFailed', 'The conditional request failed'
    cancelled([failed, ('None', None), ('DuplicateItem', 'Duplicate primary key exists in table')], t.transact,
              f"EXISTS(SELECT * FROM T WHERE {key} = '1' AND v = 2)", f"DELETE FROM T WHERE {key} = '5'",
              f"INSERT INTO T VALUE {{'pk': '{unique}', 'sk': '2'}}")
    cancelled([('None', None), failed], t.transact,
              f"UPDATE T SET v = 9 WHERE {key} = '1'", f"UPDATE T SET v = 9 WHERE {key} = 'none'")
    assert t.get(unique)['v'] == n(1)


def test_transaction_of_reads(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(1))
    key = f"pk = '{unique}' AND sk"
    got = t.transact(f"SELECT v FROM T WHERE {key} = '1'", f"SELECT * FROM T WHERE {key} = 'none'",
                     ReturnConsumedCapacity='TOTAL')
    assert got['Responses'] == [{'Item': {'v': n(1)}}, {}]
    assert got['ConsumedCapacity'] == [{'TableName': t.name, 'CapacityUnits': 4.0, 'ReadCapacityUnits': 4.0}]
    invalid('Transaction request cannot include multiple operations on one item', t.transact,
            f"SELECT v FROM T WHERE {key} = '1'", f"SELECT * FROM T WHERE sk = '1' AND pk = '{unique}'")
    cancelled([('None', None), ('ValidationError', 'The provided key element does not match the schema')], t.transact,
              f"SELECT v FROM T WHERE {key} = '1'", f"SELECT v FROM T WHERE {key} = 1")


@pytest.mark.parametrize('statement, message', [
    ("SELECT * FROM T WHERE pk = 'a'",
     'Select statements within ExecuteTransaction must specify the primary key in the where clause.'),
    ("SELECT * FROM T WHERE pk = 'a' AND sk = '1' AND v = 1",
     'Select statements within ExecuteTransaction must specify the primary key in the where clause.'),
    ('SELECT * FROM T."by_g" WHERE g = \'a\'', 'Reads on indices are not supported within transactions.'),
    ("EXISTS(SELECT * FROM T WHERE pk = 'a' AND sk = '1')",
     'EXISTS() must contain a single item read with additional condition'),
    ("UPDATE T SET v = 1 WHERE pk = 'a' AND sk = '1' RETURNING ALL NEW *",
     'RETURNING clause is not supported in ExecuteTransaction.'),
    ("UPDATE T SET v = 1 + [1] WHERE pk = 'a' AND sk = '1'",
     'Incorrect operand type for operator or function; operator or function: +, operand type: L'),
    ('SELECT * FROM T WHERE', NOT_WELL_FORMED + 'Unexpected term'),
])
def test_refused_transactions(t, statement, message):
    invalid('Validation failed in TransactStatements[0]: ' + message, t.transact, statement)


def test_transactions_that_do_not_fit_their_tables(t, unique):
    mismatch = 'ValidationError', 'The provided key element does not match the schema'
    cancelled(
        [mismatch, mismatch, mismatch, ('None', None),
         ('ValidationError', 'One or more parameter values were invalid: Missing the key sk in the item'),
         ('ResourceNotFound', 'Requested resource not found')], t.transact,
        "UPDATE T SET v = 1 WHERE pk = 'a'", "UPDATE T SET v = 1 WHERE pk = 'a' AND sk = 1",
        "UPDATE T SET v = 1 WHERE pk = 'a' AND sk = '1' AND pk = 'b'", f"DELETE FROM T WHERE pk = '{unique}' AND sk = '1'",
        "INSERT INTO T VALUE {'pk': 'a'}", "DELETE FROM \"not-there\" WHERE pk = 'a'")
    invalid('ExecuteTransaction API does not support both read and write operations in the same request.', t.transact,
            "SELECT * FROM T WHERE pk = 'a' AND sk = '1'", "DELETE FROM T WHERE pk = 'a' AND sk = '2'")


def test_a_token_makes_a_transaction_happen_once(t, unique):
    t.put(pk=s(unique), sk=s('1'), v=n(0))
    add = f"UPDATE T SET v = v + 1 WHERE pk = '{unique}' AND sk = '1'"
    first = t.transact(add, ClientRequestToken=unique, ReturnConsumedCapacity='TOTAL')
    again = t.transact(add, ClientRequestToken=unique, ReturnConsumedCapacity='TOTAL')
    assert t.get(unique)['v'] == n(1)
    assert first['ConsumedCapacity'] == [{'TableName': t.name, 'CapacityUnits': 2.0, 'WriteCapacityUnits': 2.0}]
    assert again['ConsumedCapacity'] == [{'TableName': t.name, 'CapacityUnits': 2.0, 'ReadCapacityUnits': 2.0}]
    refused('IdempotentParameterMismatchException', None, t.transact, add.replace('+ 1', '+ 2'),
            ClientRequestToken=unique)
