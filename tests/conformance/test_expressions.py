"""Update and condition expressions: what they do, and the words with which they are refused."""
import pytest
from expect import FRAME, invalid, n, refused, s

START = {'n': n(5), 't': s('text'), 'b': {'B': b'\x01\x02'}, 'l': {'L': [n(0), n(1), n(2)]},
         'm': {'M': {'x': n(1), 'y': {'M': {'z': s('deep')}}}}, 'ss': {'SS': ['a', 'b']}, 'ns': {'NS': ['1', '2']},
         'yes': {'BOOL': True}, 'nil': {'NULL': True}}


@pytest.fixture
def item(ddb, hash_table, unique):
    """An item with a bit of everything; what it is called with is an update, what it returns the item afterwards."""
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), **START})

    def update(expression, values=None, names=None, **more):
        how = dict(TableName=hash_table, Key={'p': s(unique)}, UpdateExpression=expression, **more)
        if values:
            how['ExpressionAttributeValues'] = values
        if names:
            how['ExpressionAttributeNames'] = names
        ddb.update_item(**how)
        return ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item']
    return update


@pytest.mark.parametrize('expression, values, changed', [
    ('SET n = :v', {':v': s('now text')}, {'n': s('now text')}),
    ('set n = :v', {':v': n(1)}, {'n': n(1)}),
    ('sEt n=:v', {':v': n(1)}, {'n': n(1)}),
    ('SET n = n + :v', {':v': n('0.5')}, {'n': n('5.5')}),
    ('SET n = n - :v', {':v': n(7)}, {'n': n(-2)}),
    ('SET n = :v - n', {':v': n(7)}, {'n': n(2)}),
    ('SET n = :a + :b', {':a': n(2), ':b': n(3)}, {'n': n(5)}),
    ('SET c = t', None, {'c': s('text')}),
    ('SET n = t, t = n', None, {'n': s('text'), 't': n(5)}),
    ('SET n = if_not_exists(n, :v)', {':v': n(0)}, {}),
    ('SET q = if_not_exists(q, :v)', {':v': n(0)}, {'q': n(0)}),
    ('SET q = if_not_exists(q, :z) + :one', {':z': n(0), ':one': n(1)}, {'q': n(1)}),
    ('SET l = list_append(l, :v)', {':v': {'L': [n(9)]}}, {'l': {'L': [n(0), n(1), n(2), n(9)]}}),
    ('SET l = list_append(:v, l)', {':v': {'L': [n(9)]}}, {'l': {'L': [n(9), n(0), n(1), n(2)]}}),
    ('SET l[1] = :v', {':v': s('x')}, {'l': {'L': [n(0), s('x'), n(2)]}}),
    ('SET l[50] = :v', {':v': s('x')}, {'l': {'L': [n(0), n(1), n(2), s('x')]}}),
    ('REMOVE l[0], l[2]', None, {'l': {'L': [n(1)]}}),
    ('REMOVE l[7]', None, {}),
    ('SET m.x = :v', {':v': n(2)}, {'m': {'M': {'x': n(2), 'y': {'M': {'z': s('deep')}}}}}),
    ('SET m.y.w = :v', {':v': n(2)}, {'m': {'M': {'x': n(1), 'y': {'M': {'z': s('deep'), 'w': n(2)}}}}}),
    ('REMOVE m.y.z', None, {'m': {'M': {'x': n(1), 'y': {'M': {}}}}}),
    ('remove t, nothing', None, {'t': None}),
    ('ADD n :v', {':v': n(3)}, {'n': n(8)}),
    ('ADD q :v', {':v': n(3)}, {'q': n(3)}),
    ('add q :v', {':v': {'SS': ['x']}}, {'q': {'SS': ['x']}}),
    ('DELETE ns :v', {':v': {'NS': ['2', '9']}}, {'ns': {'NS': ['1']}}),
    ('DELETE ss :v', {':v': {'SS': ['a', 'b']}}, {'ss': None}),
    ('DELETE q :v', {':v': {'SS': ['a']}}, {}),
    ('SET n = :v REMOVE t ADD q :v DELETE ss :s', {':v': n(1), ':s': {'SS': ['a']}},
     {'n': n(1), 't': None, 'q': n(1), 'ss': {'SS': ['b']}}),
])
def test_update(item, unique, expression, values, changed):
    after = item(expression, values)
    wanted = {'p': s(unique), **START, **changed}
    assert after == {name: value for name, value in wanted.items() if value is not None}


def test_set_union(item):
    assert sorted(item('ADD ss :v', {':v': {'SS': ['b', 'c']}})['ss']['SS']) == ['a', 'b', 'c']


def test_names_stand_for_reserved_words_and_odd_names(item):
    after = item('SET #name = :v, m.#dot = :v', {':v': n(1)}, {'#name': 'name', '#dot': 'a.b c'})
    assert after['name'] == n(1) and after['m']['M']['a.b c'] == n(1)


UPDATE = FRAME + 'Invalid UpdateExpression: '


@pytest.mark.parametrize('expression, values, message', [
    ('', None, UPDATE + 'The expression can not be empty;'),
    ('SET', None, UPDATE + 'Syntax error; token: "<EOF>", near: "SET"'),
    ('SET n = :v SET t = :v', {':v': n(1)},
     UPDATE + 'The "SET" section can only be used once in an update expression;'),
    ('SET n = :missing', None,
     UPDATE + 'An expression attribute value used in expression is not defined; attribute value: :missing'),
    ('SET #n = :v', {':v': n(1)},
     UPDATE + 'An expression attribute name used in the document path is not defined; attribute name: #n'),
    ('SET name = :v', {':v': n(1)},
     UPDATE + 'Attribute name is a reserved keyword; reserved keyword: name'),
    ('SET n = :v, n = :v', {':v': n(1)},
     UPDATE + 'Two document paths overlap with each other; must remove or rewrite one of these paths; '
     'path one: [n], path two: [n]'),
    ('SET m.x = :v REMOVE m', {':v': n(1)},
     UPDATE + 'Two document paths overlap with each other; must remove or rewrite one of these paths; '
     'path one: [m, x], path two: [m]'),
    ('SET m.x = :v, m[0] = :v', {':v': n(1)},
     UPDATE + 'Two document paths conflict with each other; must remove or rewrite one of these paths; '
     'path one: [m, x], path two: [m, [0]]'),
    ('SET p = :v', {':v': s('other')},
     'One or more parameter values were invalid: Cannot update attribute p. This attribute is part of the key'),
    ('SET n = nowhere', None, 'The provided expression refers to an attribute that does not exist in the item'),
    ('SET n = t + :v', {':v': n(1)}, 'An operand in the update expression has an incorrect data type'),
    ('SET n = list_append(t, :v)', {':v': {'L': []}}, 'An operand in the update expression has an incorrect data type'),
    ('SET nowhere.x = :v', {':v': n(1)}, 'The document path provided in the update expression is invalid for update'),
    ('SET t.x = :v', {':v': n(1)}, 'The document path provided in the update expression is invalid for update'),
    ('ADD t :v', {':v': n(1)}, 'An operand in the update expression has an incorrect data type'),
    ('SET n = foo(:v)', {':v': n(1)}, UPDATE + 'Invalid function name; function: foo'),
    ('SET n = if_not_exists(n)', None,
     UPDATE + 'Incorrect number of operands for operator or function; operator or function: if_not_exists, '
     'number of operands: 1'),
    ('SET n = :v + :w', {':v': n(1), ':w': s('x')},
     UPDATE + 'Incorrect operand type for operator or function; operator or function: +, operand type: S'),
    ('SET n = :v + :w', {':v': n('1e50'), ':w': n(1)},
     'Number overflow. Attempting to store a number with magnitude larger than supported range'),
    ('ADD n :v', {':v': n('1e50')},
     'Number overflow. Attempting to store a number with magnitude larger than supported range'),
    ('ADD n :v', {':v': s('x')},
     UPDATE + 'Incorrect operand type for operator or function; operator: ADD, operand type: STRING, '
     'typeSet: ALLOWED_FOR_ADD_OPERAND'),
    ('DELETE ss :v', {':v': n(1)},
     UPDATE + 'Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, '
     'typeSet: ALLOWED_FOR_DELETE_OPERAND'),
    ('SET n = :v', {':v': n(1), ':w': n(1)},
     FRAME + 'Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}'),
])
def test_update_is_refused(item, unique, ddb, hash_table, expression, values, message):
    invalid(message, item, expression, values)
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)})['Item'] == {'p': s(unique), **START}


@pytest.mark.parametrize('condition, values, holds', [
    ('n = :v', {':v': n('5.0')}, True),
    ('n <> :v', {':v': n(5)}, False),
    ('n < :v', {':v': n(6)}, True),
    ('n <= :v', {':v': n(5)}, True),
    ('n > :v', {':v': s('0')}, False),
    ('n >= :v', {':v': n('5.1')}, False),
    (':v = n', {':v': n(5)}, True),
    ('q = :v', {':v': n(5)}, False),
    ('q <> :v', {':v': n(5)}, True),
    ('n BETWEEN :a AND :b', {':a': n(1), ':b': n(5)}, True),
    ('n between :a and :b', {':a': n(6), ':b': n(7)}, False),
    ('t IN (:a, :b)', {':a': s('x'), ':b': s('text')}, True),
    ('t in (:a)', {':a': s('x')}, False),
    ('attribute_exists(m.y.z)', None, True),
    ('attribute_exists(l[3])', None, False),
    ('attribute_not_exists(m.q)', None, True),
    ('attribute_type(nil, :v)', {':v': s('NULL')}, True),
    ('attribute_type(ss, :v)', {':v': s('NS')}, False),
    ('attribute_type(:n, :v)', {':n': n(1), ':v': s('N')}, True),
    ('attribute_type(:n, :v)', {':n': n(1), ':v': s('S')}, False),
    ('begins_with(t, :v)', {':v': s('te')}, True),
    ('begins_with(n, :v)', {':v': s('5')}, False),
    ('contains(t, :v)', {':v': s('ex')}, True),
    ('contains(ss, :v)', {':v': s('a')}, True),
    ('contains(l, :v)', {':v': n(2)}, True),
    ('contains(l, :v)', {':v': n(7)}, False),
    ('size(t) = :v', {':v': n(4)}, True),
    ('size(l) > :v', {':v': n(3)}, False),
    ('size(m) = :v', {':v': n(2)}, True),
    ('size(n) = :v', {':v': n(1)}, False),
    ('NOT n = :v', {':v': n(6)}, True),
    ('n = :v AND t = :t', {':v': n(5), ':t': s('no')}, False),
    ('n = :v OR t = :t', {':v': n(5), ':t': s('no')}, True),
    ('n = :w OR n = :v AND t = :t', {':w': n(5), ':v': n(5), ':t': s('no')}, True),
    ('(n = :w OR n = :v) AND t = :t', {':w': n(5), ':v': n(6), ':t': s('no')}, False),
    ('not (n = :v or yes = :y)', {':v': n(6), ':y': {'BOOL': False}}, True),
    ('l[1] = m.x', None, True),
    ('ss = :v', {':v': {'SS': ['b', 'a']}}, True),
    ('m.y = :v', {':v': {'M': {'z': s('deep')}}}, True),
    ('b < :v', {':v': {'B': b'\x01\x03'}}, True),
])
def test_condition(item, condition, values, holds):
    def attempt():
        return item('SET hit = p', values, ConditionExpression=condition)
    if holds:
        assert 'hit' in attempt()
    else:
        refused('ConditionalCheckFailedException', 'The conditional request failed', attempt)


CONDITION = FRAME + 'Invalid ConditionExpression: '


@pytest.mark.parametrize('condition, values, message', [
    ('', None, CONDITION + 'The expression can not be empty;'),
    ('n = = :v', {':v': n(1)}, CONDITION + 'Syntax error; token: "=", near: "= = :v"'),
    ('n = :v AND', {':v': n(1)}, CONDITION + 'Syntax error; token: "<EOF>", near: "AND"'),
    ('n ! :v', {':v': n(1)}, CONDITION + 'Syntax error; token: "!", near: "n ! :v"'),
    ('size(n)', None, CONDITION + 'The function is not allowed to be used this way in an expression; function: size'),
    ('attribute_exists(n) = :v', {':v': n(1)},
     CONDITION + 'The function is not allowed to be used this way in an expression; function: attribute_exists'),
    ('attribute_exists(:v)', {':v': n(1)},
     CONDITION + 'Operator or function requires a document path; operator or function: attribute_exists'),
    ('begins_with(t, :v)', {':v': n(1)},
     CONDITION + 'Incorrect operand type for operator or function; operator or function: begins_with, operand type: N'),
    ('attribute_type(t, :v)', {':v': s('X')},
     CONDITION + 'Invalid attribute type name found; type: X, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}'),
    ('n BETWEEN :a AND :b', {':a': n(2), ':b': n(1)},
     CONDITION + 'The BETWEEN operator requires upper bound to be greater than or equal to lower bound; '
     'lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}'),
    ('n = n', None, CONDITION + 'The first operand must be distinct from the remaining operands for this operator or '
     'function; operator: =, first operand: [n]'),
    ('n = :v', None,
     CONDITION + 'An expression attribute value used in expression is not defined; attribute value: :v'),
    ('((n = :v))', {':v': n(1)}, CONDITION + 'The expression has redundant parentheses;'),
    ('size(name) = :v', {':v': n(1)},
     CONDITION + 'Attribute name is a reserved keyword; reserved keyword: name'),
])
def test_condition_is_refused(item, condition, values, message):
    def attempt():
        item('SET hit = p', values, ConditionExpression=condition)
    invalid(message, attempt)


def test_placeholders_without_expression(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique)})
    invalid(FRAME + 'ExpressionAttributeNames can only be specified when using expressions', ddb.put_item, **put,
            ExpressionAttributeNames={'#a': 'a'})
    invalid(FRAME + 'ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null',
            ddb.put_item, **put, ExpressionAttributeValues={':a': n(1)})


def test_placeholders_that_are_none(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique)}, ConditionExpression='attribute_not_exists(p)')
    invalid(FRAME + 'ExpressionAttributeNames must not be empty', ddb.put_item, **put, ExpressionAttributeNames={})
    invalid(FRAME + 'ExpressionAttributeValues must not be empty', ddb.put_item, **put, ExpressionAttributeValues={})
    invalid(FRAME + 'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"', ddb.put_item, **put,
            ExpressionAttributeNames={'a': 'a'})
    invalid(FRAME + 'ExpressionAttributeValues contains invalid key: Syntax error; key: "a"', ddb.put_item, **put,
            ExpressionAttributeValues={'a': n(1)})
    invalid(FRAME + 'Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}', ddb.put_item, **put,
            ExpressionAttributeNames={'#a': 'a'})


def test_expression_size(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique)})
    invalid(FRAME + 'Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; expression size: 4097',
            ddb.put_item, **put, ConditionExpression='a' * 4097)
