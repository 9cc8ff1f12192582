"""The parameters from before expressions, which older code still sends."""
import pytest
from expect import FRAME, invalid, keys_of, n, refused, s


def test_expected(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique), 'v': n(1)})
    ddb.put_item(Expected={'p': {'Exists': False}}, **put)
    refused('ConditionalCheckFailedException', 'The conditional request failed', ddb.put_item,
            Expected={'p': {'Exists': False}}, **put)
    ddb.put_item(Expected={'v': {'Value': n(1)}}, **put)
    ddb.put_item(Expected={'v': {'ComparisonOperator': 'GT', 'AttributeValueList': [n(0)]},
                           'w': {'ComparisonOperator': 'NOT_NULL'}}, ConditionalOperator='OR', **put)


def test_attribute_updates(ddb, hash_table, unique):
    got = ddb.update_item(
        TableName=hash_table, Key={'p': s(unique)}, ReturnValues='ALL_NEW',
        AttributeUpdates={'a': {'Value': n(1), 'Action': 'PUT'}, 'b': {'Value': n(5), 'Action': 'ADD'},
                          'c': {'Value': {'SS': ['x']}, 'Action': 'ADD'}})
    assert got['Attributes'] == {'p': s(unique), 'a': n(1), 'b': n(5), 'c': {'SS': ['x']}}
    got = ddb.update_item(
        TableName=hash_table, Key={'p': s(unique)}, ReturnValues='ALL_NEW',
        AttributeUpdates={'a': {'Action': 'DELETE'}, 'b': {'Value': n(-2), 'Action': 'ADD'}, 'd': {'Value': s('put')}})
    assert got['Attributes'] == {'p': s(unique), 'b': n(3), 'c': {'SS': ['x']}, 'd': s('put')}


def test_key_conditions_and_query_filter(ddb, range_table, unique):
    for c in range(10):
        ddb.put_item(TableName=range_table, Item={'p': s(unique), 'c': n(c), 'v': n(c % 2)})
    hash_is = {'p': {'ComparisonOperator': 'EQ', 'AttributeValueList': [s(unique)]}}
    got = ddb.query(TableName=range_table, KeyConditions={
        **hash_is, 'c': {'ComparisonOperator': 'BETWEEN', 'AttributeValueList': [n(3), n(6)]}},
        QueryFilter={'v': {'ComparisonOperator': 'EQ', 'AttributeValueList': [n(0)]}})
    assert keys_of(got['Items'], 'c') == [('4',), ('6',)]
    got = ddb.query(TableName=range_table, KeyConditions=hash_is, AttributesToGet=['v'], Limit=1)
    assert got['Items'] == [{'v': n(0)}]


def test_scan_filter_and_attributes_to_get(ddb, hash_table, unique):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'legacy': s(unique), 'v': n(1)})
    found = []
    for page in ddb.get_paginator('scan').paginate(
            TableName=hash_table, AttributesToGet=['v'],
            ScanFilter={'legacy': {'ComparisonOperator': 'BEGINS_WITH', 'AttributeValueList': [s(unique)]}}):
        found += page['Items']
    assert {'v': n(1)} in found
    assert ddb.get_item(TableName=hash_table, Key={'p': s(unique)}, AttributesToGet=['v'])['Item'] == {'v': n(1)}


@pytest.mark.parametrize('operator, values, holds', [
    ('EQ', [n(1)], True), ('NE', [n(1)], False), ('LT', [n(2)], True), ('LE', [n(0)], False), ('NULL', [], False),
    ('IN', [n(7), n(1)], True), ('NOT_NULL', [], True), ('BETWEEN', [n(0), n(1)], True)])
def test_operators(ddb, hash_table, unique, operator, values, holds):
    ddb.put_item(TableName=hash_table, Item={'p': s(unique), 'v': n(1)})
    how = dict(TableName=hash_table, Key={'p': s(unique)},
               Expected={'v': {'ComparisonOperator': operator, **({'AttributeValueList': values} if values else {})}})
    if holds:
        ddb.delete_item(**how)
    else:
        refused('ConditionalCheckFailedException', 'The conditional request failed', ddb.delete_item, **how)


VALUES = {'l': {'L': [n(1)]}, 'm': {'M': {'a': n(1)}}, 'yes': {'BOOL': True}, 'nil': {'NULL': True}, 'ns': {'NS': ['1']}}


@pytest.mark.parametrize('name', VALUES)
def test_equality_of_any_type(ddb, range_table, unique, name):
    ddb.put_item(TableName=range_table, Item={'p': s(unique), 'c': n(1), **VALUES})
    ddb.put_item(TableName=range_table, Item={'p': s(unique), 'c': n(2)})
    for operator, wanted in (('EQ', ['1']), ('NE', ['2'])):
        got = ddb.query(TableName=range_table, KeyConditions={
            'p': {'ComparisonOperator': 'EQ', 'AttributeValueList': [s(unique)]}},
            QueryFilter={name: {'ComparisonOperator': operator, 'AttributeValueList': [VALUES[name]]}})
        assert [item['c']['N'] for item in got['Items']] == wanted


def test_not_contains_needs_the_attribute(ddb, hash_table, unique):
    put = dict(TableName=hash_table, Item={'p': s(unique), 'v': s('hello'), 'l': {'L': [n(2)]}})
    ddb.put_item(**put)
    for name, value, holds in (('v', s('dog'), True), ('v', n(1), True), ('l', n(1), True), ('v', s('ell'), False),
                               ('l', n(2), False), ('gone', n(1), False)):
        how = dict(put, Expected={name: {'ComparisonOperator': 'NOT_CONTAINS', 'AttributeValueList': [value]}})
        if holds:
            ddb.put_item(**how)
        else:
            refused('ConditionalCheckFailedException', 'The conditional request failed', ddb.put_item, **how)


@pytest.mark.parametrize('operator, values, kind', [
    ('CONTAINS', [{'L': [n(1)]}], 'L'), ('NOT_CONTAINS', [{'L': [n(1)]}], 'L'), ('BEGINS_WITH', [n(3)], 'N'),
    ('IN', [{'L': []}, {'L': []}], 'L'), ('BETWEEN', [{'NS': ['1']}, {'NS': ['2']}], 'NS'), ('LT', [{'BOOL': True}], 'BOOL')])
def test_operands_that_do_not_fit(ddb, hash_table, unique, operator, values, kind):
    condition = {'v': {'ComparisonOperator': operator, 'AttributeValueList': values}}
    message = f'One or more parameter values were invalid: ComparisonOperator {operator} is not valid for {kind} ' \
        'AttributeValue type'
    invalid(FRAME + message, ddb.put_item, TableName=hash_table, Item={'p': s(unique)}, Expected=condition)
    invalid(message, ddb.scan, TableName=hash_table, ScanFilter=condition)


def test_not_with_expressions(ddb, hash_table, unique):
    invalid(FRAME + 'Can not use both expression and non-expression parameters in the same request: Non-expression parameters: '
            '{Expected} Expression parameters: {ConditionExpression}', ddb.put_item, TableName=hash_table,
            Item={'p': s(unique)}, Expected={'p': {'Exists': False}}, ConditionExpression='attribute_exists(p)')
