"""The AWS CLI, unchanged but for the endpoint."""
import json
import subprocess

import pytest

ENDPOINT_REGION = 'us-east-2'


@pytest.fixture(scope='module')
def aws(service):
    def run(*args, region=ENDPOINT_REGION, ok=True):
        where = ['--endpoint-url', service.endpoint] if service.endpoint else []
        done = subprocess.run(['/usr/bin/aws', 'dynamodb', *args, *where, '--region', region, '--output', 'json'],
                              env=service.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=120, check=False)
        assert (done.returncode == 0) == ok, done.stderr
        if not ok:
            return done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else {}
    return run


NAME = 'conformance-cli'


@pytest.fixture(scope='module')
def table(aws):
    made = aws('create-table', '--table-name', NAME, '--attribute-definitions', 'AttributeName=p,AttributeType=S',
               'AttributeName=c,AttributeType=N', '--key-schema', 'AttributeName=p,KeyType=HASH',
               'AttributeName=c,KeyType=RANGE', '--provisioned-throughput', 'ReadCapacityUnits=5,WriteCapacityUnits=5',
               '--tags', 'Key=made,Value=by-cli', region='eu-west-1')
    assert made['TableDescription']['TableStatus'] == 'CREATING'
    aws('wait', 'table-exists', '--table-name', NAME, region='eu-west-1')
    yield NAME
    aws('delete-table', '--table-name', NAME, region='eu-west-1')
    aws('wait', 'table-not-exists', '--table-name', NAME, region='eu-west-1')


def test_items(aws, table):
    item = {'p': {'S': 'x'}, 'c': {'N': '1'}, 'blob': {'B': 'AAEC'}, 'l': {'L': [{'BOOL': True}, {'NULL': True}]}}
    aws('put-item', '--table-name', table, '--item', json.dumps(item), region='eu-west-1')
    got = aws('get-item', '--table-name', table, '--key', '{"p":{"S":"x"},"c":{"N":"1"}}', region='eu-west-1')
    assert got['Item'] == item
    got = aws('update-item', '--table-name', table, '--key', '{"p":{"S":"x"},"c":{"N":"1"}}', '--update-expression',
              'set n = :n', '--expression-attribute-values', '{":n":{"N":"7"}}', '--return-values', 'UPDATED_NEW',
              region='eu-west-1')
    assert got['Attributes'] == {'n': {'N': '7'}}
    said = aws('put-item', '--table-name', table, '--item', json.dumps(item), '--condition-expression',
               'attribute_not_exists(p)', region='eu-west-1', ok=False)
    assert '(ConditionalCheckFailedException) when calling the PutItem operation' in said
    assert 'The conditional request failed' in said


def test_batch_query_and_scan_with_its_paging(aws, table):
    rows = [{'PutRequest': {'Item': {'p': {'S': 'many'}, 'c': {'N': str(c)}}}} for c in range(25)]
    done = aws('batch-write-item', '--request-items', json.dumps({table: rows}), region='eu-west-1')
    assert done['UnprocessedItems'] == {}
    got = aws('query', '--table-name', table, '--key-condition-expression', 'p= :p', '--expression-attribute-values',
              '{":p":{"S":"many"}}', '--page-size', '10', region='eu-west-1')
    assert [int(item['c']['N']) for item in got['Items']] == list(range(25))
    got = aws('scan', '--table-name', table, '--max-items', '7', region='eu-west-1')
    assert len(got['Items']) == 7 and got['NextToken']
    rest = aws('scan', '--table-name', table, '--starting-token', got['NextToken'], region='eu-west-1')
    assert len(rest['Items']) == 25 + 1 - 7


def test_description_and_lists(aws, table):
    got = aws('describe-table', '--table-name', table, region='eu-west-1')['Table']
    assert got['TableStatus'] == 'ACTIVE' and got['ProvisionedThroughput']['WriteCapacityUnits'] == 5
    assert table in aws('list-tables', region='eu-west-1')['TableNames']
    assert table not in aws('list-tables')['TableNames']
    tags = aws('list-tags-of-resource', '--resource-arn', got['TableArn'], region='eu-west-1')['Tags']
    assert tags == [{'Key': 'made', 'Value': 'by-cli'}]


def test_refusal(aws):
    said = aws('describe-table', '--table-name', 'none-of-these', ok=False)
    assert '(ResourceNotFoundException)' in said and 'Table: none-of-these not found' in said


def test_global_tables(aws):
    assert 'GlobalTables' in aws('list-global-tables')
    said = aws('describe-global-table', '--global-table-name', 'none-of-these', ok=False)
    assert '(GlobalTableNotFoundException)' in said
    assert aws('describe-limits')['TableMaxWriteCapacityUnits'] > 0
