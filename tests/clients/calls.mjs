// What the SDK makes of values, pages, batches and refusals. Arguments: the region, another, and what the tables' names begin
// with.
import assert from 'node:assert/strict';
import {
  BatchGetItemCommand, ConditionalCheckFailedException, CreateTableCommand, DeleteTableCommand, DescribeTableCommand,
  DynamoDBClient, DynamoDBServiceException, GetItemCommand, PutItemCommand, ResourceInUseException,
  ResourceNotFoundException, TransactGetItemsCommand, TransactWriteItemsCommand, TransactionCanceledException,
  UpdateItemCommand, paginateListTables, paginateQuery, paginateScan, waitUntilTableExists, waitUntilTableNotExists,
} from '@aws-sdk/client-dynamodb';
import {
  DynamoDBStreamsClient, GetShardIteratorCommand, ResourceNotFoundException as NoStream,
} from '@aws-sdk/client-dynamodb-streams';
import {
  BatchGetCommand, BatchWriteCommand, DynamoDBDocument, NumberValue, TransactGetCommand, paginateScan as paginateItems,
} from '@aws-sdk/lib-dynamodb';
import { convertToAttr, convertToNative, marshall } from '@aws-sdk/util-dynamodb';
import { reach } from './shop.mjs';

const [REGION, , PREFIX] = process.argv.slice(2);
const TableName = `${PREFIX}-calls`;
const Missing = `${PREFIX}-missing`;
const client = new DynamoDBClient(reach(REGION));
// A document client takes its client's configuration over, so each has one of its own.
const plain = DynamoDBDocument.from(new DynamoDBClient(reach(REGION)));
const documents = DynamoDBDocument.from(new DynamoDBClient(reach(REGION)), {
  unmarshallOptions: { wrapNumbers: (text) => NumberValue.from(text) },
});
const wait = { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 };

async function created() {
  const { TableDescription } = await client.send(new CreateTableCommand({
    TableName, BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'p', AttributeType: 'S' }, { AttributeName: 'n', AttributeType: 'N' }],
    KeySchema: [{ AttributeName: 'p', KeyType: 'HASH' }, { AttributeName: 'n', KeyType: 'RANGE' }],
  }));
  assert.ok(TableDescription.CreationDateTime instanceof Date);
  assert.equal((await waitUntilTableExists(wait, { TableName })).state, 'SUCCESS');
  const { Table } = await client.send(new DescribeTableCommand({ TableName }));
  assert.ok(Table.BillingModeSummary.LastUpdateToPayPerRequestDateTime instanceof Date);
  assert.equal((await client.send(new DescribeTableCommand({ TableName: Table.TableArn }))).Table.TableName, TableName);
}

// Every type goes there and back as it is; numbers beyond what JavaScript holds keep their digits when wrapped.
async function values() {
  const item = {
    p: 'values', n: -1.5e-9, text: 'ünïcode \u0000 🎈', empty: '', yes: true, no: false, nothing: null,
    bytes: Uint8Array.from([0, 1, 254, 255]), none: new Uint8Array(0), strings: new Set(['b', 'a']), numbers: new Set([3, -1, 0.5]),
    blobs: new Set([Uint8Array.from([1]), Uint8Array.from([2, 3])]), list: [1, 'two', [3, { four: [] }], new Set(['5'])],
    map: { inner: { deep: { deeper: [null] } } }, big: 12345678901234567890n,
  };
  await plain.put({ TableName, Item: { ...item, exact: NumberValue.from('3.1415926535897932384626433832795028841') } });
  const { Item } = await documents.get({ TableName, Key: { p: 'values', n: -1.5e-9 }, ConsistentRead: true });
  assert.equal(Item.exact.toString(), '3.1415926535897932384626433832795028841');
  assert.equal(Item.big.toString(), '12345678901234567890');
  const { Item: raw } = await client.send(new GetItemCommand({ TableName, Key: marshall({ p: 'values', n: -1.5e-9 }) }));
  assert.deepEqual(raw.n, { N: '-0.0000000015' });
  for (const name of ['text', 'empty', 'yes', 'no', 'nothing', 'bytes', 'none', 'map', 'list', 'strings']) {
    assert.deepEqual(convertToNative(raw[name]), item[name], name);
  }
  assert.deepEqual(new Set(convertToNative(raw.numbers)), item.numbers);
  assert.deepEqual(raw.blobs.BS.map((one) => [...one]).sort(), [[1], [2, 3]]);
  const { Attributes } = await documents.update({
    TableName, Key: { p: 'values', n: -1.5e-9 }, ReturnValues: 'ALL_NEW',
    UpdateExpression: 'ADD strings :more, big :one DELETE numbers :gone SET #l[1] = :two REMOVE #m.#i.deep',
    ExpressionAttributeNames: { '#i': 'inner', '#l': 'list', '#m': 'map' },
    ExpressionAttributeValues: { ':more': new Set(['c']), ':one': 1, ':gone': new Set([3]), ':two': { n: 'two' } },
  });
  assert.deepEqual(Attributes.strings, new Set(['a', 'b', 'c']));
  assert.deepEqual([...Attributes.numbers].map(String).sort(), ['-1', '0.5']);
  assert.equal(Attributes.big.toString(), '12345678901234567891');
  assert.deepEqual([Attributes.list[1], Attributes.map], [{ n: 'two' }, { inner: {} }]);
}

// A paginator asks on until there is no more, whatever a page's size.
async function pages() {
  for (let from = 0; from < 60; from += 20) {
    let RequestItems = { [TableName]: Array.from({ length: 20 }, (_, i) => (
      { PutRequest: { Item: { p: 'pages', n: from + i, v: 'x'.repeat(40) } } })) };
    while (Object.keys(RequestItems).length > 0) {
      RequestItems = (await plain.send(new BatchWriteCommand({ RequestItems }))).UnprocessedItems;
    }
  }
  const asked = { TableName, KeyConditionExpression: 'p = :p', ExpressionAttributeValues: { ':p': convertToAttr('pages') } };
  const found = [];
  let count = 0;
  for await (const page of paginateQuery({ client, pageSize: 7 }, asked)) {
    found.push(...page.Items.map((item) => Number(item.n.N)));
    count += 1;
  }
  assert.deepEqual(found, Array.from({ length: 60 }, (_, i) => i));
  assert.equal(count, 9);
  let scanned = 0;
  for await (const page of paginateScan({ client, pageSize: 11 }, { TableName, Select: 'COUNT' })) scanned += page.Count;
  assert.equal(scanned, 61);
  const segments = await Promise.all([0, 1, 2].map(async (Segment) => {
    const seen = [];
    for await (const page of paginateItems({ client: plain, pageSize: 5 }, { TableName, Segment, TotalSegments: 3 })) {
      seen.push(...page.Items);
    }
    return seen.length;
  }));
  assert.equal(segments.reduce((a, b) => a + b), 61);
  const names = [];
  for await (const page of paginateListTables({ client, pageSize: 1 }, {})) names.push(...page.TableNames);
  assert.ok(names.includes(TableName));
}

// A batch that would be too large is answered in part; asking again for the rest brings everything.
async function batches() {
  const keys = Array.from({ length: 45 }, (_, n) => ({ p: 'large', n }));
  await Promise.all(keys.map((key) => plain.put({ TableName, Item: { ...key, v: 'x'.repeat(390_000) } })));
  const found = new Set();
  let asked = 0;
  let RequestItems = { [TableName]: { Keys: keys, ProjectionExpression: 'n, v' } };
  for (; RequestItems[TableName]; asked++) {
    const answer = await plain.send(new BatchGetCommand({ RequestItems }));
    for (const { n } of answer.Responses[TableName]) found.add(n);
    RequestItems = answer.UnprocessedKeys;
  }
  assert.equal(found.size, keys.length);
  assert.equal(asked, 2);
  const { Responses } = await client.send(new BatchGetItemCommand({
    RequestItems: { [TableName]: { Keys: [marshall({ p: 'none', n: 0 })] } }, ReturnConsumedCapacity: 'TOTAL' }));
  assert.deepEqual(Responses, { [TableName]: [] });
}

/** The typed exception that a call is refused with. */
async function refused(kind, call) {
  const error = await call.then(() => assert.fail('it was not refused'), (thrown) => thrown);
  assert.ok(error instanceof kind && error instanceof DynamoDBServiceException, error.stack);
  assert.equal(error.$metadata.httpStatusCode, 400);
  assert.match(error.$metadata.requestId, /^[0-9A-Z]{52}$/);
  assert.equal(error.$fault, 'client');
  return error;
}

async function refusals() {
  const Item = marshall({ p: 'taken', n: 1, by: 'me' });
  await client.send(new PutItemCommand({ TableName, Item }));
  const put = { TableName, Item, ConditionExpression: 'attribute_not_exists(p)' };
  let error = await refused(ConditionalCheckFailedException, client.send(new PutItemCommand(put)));
  assert.equal(error.message, 'The conditional request failed');
  assert.equal(error.Item, undefined);
  error = await refused(ConditionalCheckFailedException, client.send(
    new PutItemCommand({ ...put, ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })));
  assert.deepEqual(error.Item, Item);
  error = await refused(ConditionalCheckFailedException, client.send(new UpdateItemCommand({
    TableName, Key: marshall({ p: 'taken', n: 1 }), UpdateExpression: 'SET v = :v', ConditionExpression: 'attribute_exists(v)',
    ExpressionAttributeValues: marshall({ ':v': 1 }), ReturnValuesOnConditionCheckFailure: 'ALL_OLD' })));
  assert.deepEqual(error.Item, Item);
  error = await refused(ResourceNotFoundException, client.send(new GetItemCommand({ TableName: Missing, Key: { p: { S: 'x' } } })));
  assert.equal(error.message, 'Requested resource not found');
  error = await refused(ResourceInUseException, client.send(new CreateTableCommand({
    TableName, BillingMode: 'PAY_PER_REQUEST', AttributeDefinitions: [{ AttributeName: 'p', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'p', KeyType: 'HASH' }] })));
  assert.equal(error.message, `Table already exists: ${TableName}`);
  error = await client.send(new GetItemCommand({ TableName, Key: { p: { N: 'x' } } })).catch((thrown) => thrown);
  assert.equal(error.name, 'ValidationException');
  assert.ok(error instanceof DynamoDBServiceException);
  const streams = new DynamoDBStreamsClient(reach(REGION));
  const arn = `arn:aws:dynamodb:${REGION}:000000000000:table/${Missing}/stream/2024-01-01T00:00:00.000`;
  error = await streams.send(new GetShardIteratorCommand({
    StreamArn: arn, ShardId: 'shardId-00000000000000000000-00000000', ShardIteratorType: 'LATEST' })).catch((thrown) => thrown);
  assert.ok(error instanceof NoStream, error.stack);
  streams.destroy();
}

async function transactions() {
  const key = (n) => ({ p: 'atomic', n });
  await plain.transactWrite({ TransactItems: [
    { Put: { TableName, Item: { ...key(1), v: 1 } } },
    { Update: { TableName, Key: key(2), UpdateExpression: 'SET v = :v', ExpressionAttributeValues: { ':v': 2 } } },
  ] });
  const { Responses } = await plain.send(new TransactGetCommand({ TransactItems: [
    { Get: { TableName, Key: key(1) } }, { Get: { TableName, Key: key(3) } }, { Get: { TableName, Key: key(2) } }] }));
  assert.deepEqual(Responses, [{ Item: { ...key(1), v: 1 } }, {}, { Item: { ...key(2), v: 2 } }]);
  let error = await refused(TransactionCanceledException, client.send(new TransactWriteItemsCommand({ TransactItems: [
    { Delete: { TableName, Key: marshall(key(1)) } },
    { ConditionCheck: { TableName, Key: marshall(key(2)), ConditionExpression: 'v = :v',
      ExpressionAttributeValues: marshall({ ':v': 0 }), ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } },
    { Put: { TableName, Item: marshall(key(4)), ConditionExpression: 'attribute_exists(p)' } },
  ] })));
  assert.equal(error.message, 'Transaction cancelled, please refer cancellation reasons for specific reasons '
    + '[None, ConditionalCheckFailed, ConditionalCheckFailed]');
  assert.deepEqual(error.CancellationReasons, [
    { Code: 'None' },
    { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed', Item: marshall({ ...key(2), v: 2 }) },
    { Code: 'ConditionalCheckFailed', Message: 'The conditional request failed' }]);
  error = await client.send(new TransactGetItemsCommand({ TransactItems: [
    { Get: { TableName: Missing, Key: marshall(key(1)) } }] })).catch((thrown) => thrown);
  assert.ok(error instanceof ResourceNotFoundException, error.stack);
}

async function dropped() {
  await client.send(new DeleteTableCommand({ TableName }));
  assert.equal((await waitUntilTableNotExists(wait, { TableName })).state, 'SUCCESS');
}

for (const scene of [created, values, pages, batches, refusals, transactions, dropped]) {
  await scene();
  console.log(scene.name);
}
for (const each of [documents, plain, client]) each.destroy();
