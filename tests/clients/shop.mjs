// A bookstore as an application keeps it: books with a category index, carts, orders, and a count of the books sold that is
// fed by the orders' stream. Every call goes through the SDK as its documentation shows it.
import {
  DescribeStreamCommand, DynamoDBStreamsClient, GetRecordsCommand, GetShardIteratorCommand,
} from '@aws-sdk/client-dynamodb-streams';
import {
  CreateTableCommand, DescribeTableCommand, DynamoDBClient, UpdateTableCommand, waitUntilTableExists,
} from '@aws-sdk/client-dynamodb';
import {
  BatchWriteCommand, DeleteCommand, DynamoDBDocumentClient, GetCommand, PutCommand, QueryCommand, TransactWriteCommand,
  UpdateCommand, paginateQuery,
} from '@aws-sdk/lib-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';

const WAIT_S = 60;
const PAUSE_MS = 20;
const BATCH_MAX = 25;

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Answers the first true value of holds(); throws after a minute. */
export async function until(what, holds) {
  for (const end = Date.now() + WAIT_S * 1000; Date.now() < end; await pause(PAUSE_MS)) {
    const value = await holds();
    if (value) return value;
  }
  throw new Error(`${what}: not within ${WAIT_S} s`);
}

/** How a client reaches a region: the endpoint is one for all of them. Credentials come from the environment. */
export function reach(region, more = {}) {
  const endpoint = process.env.SHOP_ENDPOINT;
  return { region, maxAttempts: 1, ...(endpoint ? { endpoint } : {}), ...more };
}

const attributes = (...names) => names.map((word) => {
  const [AttributeName, AttributeType] = word.split(':');
  return { AttributeName, AttributeType };
});

const keys = (hash, range) => [
  { AttributeName: hash, KeyType: 'HASH' }, ...(range ? [{ AttributeName: range, KeyType: 'RANGE' }] : []),
];

const index = (IndexName, hash, range) => ({
  IndexName, KeySchema: keys(hash, range), Projection: { ProjectionType: 'ALL' },
});

/** One region's shop. Its tables' names begin with `prefix`. */
export class Shop {
  constructor(region, prefix) {
    this.region = region;
    this.names = Object.fromEntries(
      ['books', 'cart', 'orders', 'sold'].map((name) => [name, `${prefix}-${name}`]));
    this.client = new DynamoDBClient(reach(region));
    this.documents = DynamoDBDocumentClient.from(this.client, { marshallOptions: { removeUndefinedValues: true } });
    this.streams = new DynamoDBStreamsClient(reach(region));
  }

  close() {
    for (const client of [this.client, this.documents, this.streams]) client.destroy();
  }

  // -- tables --

  async create(name, definition) {
    const TableName = this.names[name];
    await this.client.send(new CreateTableCommand({ TableName, BillingMode: 'PAY_PER_REQUEST', ...definition }));
    const seen = await waitUntilTableExists({ client: this.client, maxWaitTime: WAIT_S, minDelay: 1, maxDelay: 1 }, { TableName });
    if (seen.state !== 'SUCCESS') throw new Error(`${TableName}: ${seen.state}`);
  }

  async createShared() {
    await Promise.all([
      this.create('books', {
        AttributeDefinitions: attributes('id:S', 'category:S'), KeySchema: keys('id'),
        GlobalSecondaryIndexes: [index('category-index', 'category')],
      }),
      this.create('cart', {
        AttributeDefinitions: attributes('customerId:S', 'bookId:S'), KeySchema: keys('customerId', 'bookId'),
      }),
      this.create('orders', {
        AttributeDefinitions: attributes('customerId:S', 'orderId:S'), KeySchema: keys('customerId', 'orderId'),
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      }),
    ]);
  }

  /** The table of this region alone that counts what was sold; its index orders the books of a list by that. */
  async createSold() {
    await this.create('sold', {
      AttributeDefinitions: attributes('bookId:S', 'list:S', 'sold:N'), KeySchema: keys('bookId'),
      GlobalSecondaryIndexes: [index('by-sold', 'list', 'sold')],
    });
  }

  describe(name) {
    return this.client.send(new DescribeTableCommand({ TableName: this.names[name] })).then((answer) => answer.Table);
  }

  async spread(region) {
    for (const name of ['books', 'cart', 'orders']) {
      await this.client.send(new UpdateTableCommand({
        TableName: this.names[name], ReplicaUpdates: [{ Create: { RegionName: region } }],
      }));
    }
    for (const name of ['books', 'cart', 'orders']) {
      await until(`the replica of ${name}`, async () => {
        const { Replicas = [] } = await this.describe(name);
        return Replicas.some((row) => row.RegionName === region && row.ReplicaStatus === 'ACTIVE');
      });
    }
  }

  // -- books --

  /** Writes many books; whatever a batch leaves is sent again. */
  async putBooks(books) {
    for (let from = 0; from < books.length; from += BATCH_MAX) {
      let left = { [this.names.books]: books.slice(from, from + BATCH_MAX).map((Item) => ({ PutRequest: { Item } })) };
      while (Object.keys(left).length > 0) {
        left = (await this.documents.send(new BatchWriteCommand({ RequestItems: left }))).UnprocessedItems;
      }
    }
  }

  async book(id) {
    return (await this.documents.send(new GetCommand({ TableName: this.names.books, Key: { id } }))).Item;
  }

  async booksOf(category, pageSize) {
    const found = [];
    const pages = paginateQuery({ client: this.documents, pageSize }, {
      TableName: this.names.books, IndexName: 'category-index', KeyConditionExpression: '#c = :c',
      ExpressionAttributeNames: { '#c': 'category' }, ExpressionAttributeValues: { ':c': category },
    });
    for await (const page of pages) found.push(...page.Items);
    return found;
  }

  // -- carts --

  putInCart(customerId, bookId, quantity, price) {
    return this.documents.send(new PutCommand({
      TableName: this.names.cart, Item: { customerId, bookId, quantity, price },
    }));
  }

  async setQuantity(customerId, bookId, quantity) {
    const answer = await this.documents.send(new UpdateCommand({
      TableName: this.names.cart, Key: { customerId, bookId }, UpdateExpression: 'SET quantity = :q',
      ConditionExpression: 'attribute_exists(bookId)', ExpressionAttributeValues: { ':q': quantity },
      ReturnValues: 'ALL_NEW', ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    }));
    return answer.Attributes;
  }

  async addToQuantity(customerId, bookId, more) {
    const answer = await this.documents.send(new UpdateCommand({
      TableName: this.names.cart, Key: { customerId, bookId },
      UpdateExpression: 'SET quantity = if_not_exists(quantity, :none) + :more',
      ExpressionAttributeValues: { ':none': 0, ':more': more }, ReturnValues: 'UPDATED_NEW',
    }));
    return answer.Attributes.quantity;
  }

  async takeFromCart(customerId, bookId) {
    const answer = await this.documents.send(new DeleteCommand({
      TableName: this.names.cart, Key: { customerId, bookId }, ReturnValues: 'ALL_OLD',
    }));
    return answer.Attributes;
  }

  async cart(customerId) {
    const answer = await this.documents.send(new QueryCommand({
      TableName: this.names.cart, KeyConditionExpression: 'customerId = :c', ConsistentRead: true,
      ExpressionAttributeValues: { ':c': customerId },
    }));
    return answer.Items;
  }

  // -- orders --

  /** An order is an item with its books in a list of maps; the cart is emptied as it is written, or neither happens. */
  async checkout(customerId, orderId, token) {
    const books = await this.cart(customerId);
    const TableName = this.names.cart;
    await this.documents.send(new TransactWriteCommand({
      ClientRequestToken: token,
      TransactItems: [
        { Put: {
          TableName: this.names.orders, Item: orderOf(customerId, orderId, books),
          ConditionExpression: 'attribute_not_exists(orderId)', ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
        } },
        ...books.map(({ bookId }) => ({ Delete: {
          TableName, Key: { customerId, bookId }, ConditionExpression: 'attribute_exists(bookId)',
        } })),
      ],
    }));
    return books;
  }

  putOrder(customerId, orderId, books) {
    return this.documents.send(new PutCommand({
      TableName: this.names.orders, Item: orderOf(customerId, orderId, books),
    }));
  }

  async orders(customerId) {
    const answer = await this.documents.send(new QueryCommand({
      TableName: this.names.orders, KeyConditionExpression: 'customerId = :c',
      ExpressionAttributeValues: { ':c': customerId }, ScanIndexForward: false,
    }));
    return answer.Items;
  }

  // -- what was sold --

  addSold(bookId, quantity) {
    return this.documents.send(new UpdateCommand({
      TableName: this.names.sold, Key: { bookId }, UpdateExpression: 'SET #l = :all ADD sold :q',
      ExpressionAttributeNames: { '#l': 'list' }, ExpressionAttributeValues: { ':all': 'all', ':q': quantity },
    }));
  }

  async best(Limit) {
    const answer = await this.documents.send(new QueryCommand({
      TableName: this.names.sold, IndexName: 'by-sold', KeyConditionExpression: '#l = :all', Limit, ScanIndexForward: false,
      ExpressionAttributeNames: { '#l': 'list' }, ExpressionAttributeValues: { ':all': 'all' },
    }));
    return answer.Items.map(({ bookId, sold }) => [bookId, sold]);
  }
}

const orderOf = (customerId, orderId, books) => ({
  customerId, orderId, placed: new Date(0).toISOString(),
  books: books.map(({ bookId, quantity, price }) => ({ bookId, quantity, price })),
});

/** Reads all of a table's stream, parents before their children, and hands each record once to `take`. */
export class Reader {
  constructor(streams, StreamArn, take) {
    Object.assign(this, { streams, StreamArn, take, done: new Set(), places: new Map() });
  }

  async shards() {
    const found = [];
    let ExclusiveStartShardId;
    do {
      const { StreamDescription } = await this.streams.send(
        new DescribeStreamCommand({ StreamArn: this.StreamArn, ExclusiveStartShardId }));
      found.push(...StreamDescription.Shards);
      ExclusiveStartShardId = StreamDescription.LastEvaluatedShardId;
    } while (ExclusiveStartShardId);
    return found;
  }

  /** Reads on in every shard whose parent is read to its end, or gone. */
  async step() {
    const shards = await this.shards();
    const known = new Set(shards.map(({ ShardId }) => ShardId));
    for (const { ShardId, ParentShardId } of shards) {
      const waits = known.has(ParentShardId) && !this.done.has(ParentShardId);
      if (!waits && !this.done.has(ShardId)) await this.read(ShardId);
    }
  }

  /** Goes on after the last record that was taken, with a new iterator, as a consumer does that was started again. */
  async read(ShardId) {
    const SequenceNumber = this.places.get(ShardId);
    let { ShardIterator } = await this.streams.send(new GetShardIteratorCommand({
      StreamArn: this.StreamArn, ShardId, SequenceNumber,
      ShardIteratorType: SequenceNumber ? 'AFTER_SEQUENCE_NUMBER' : 'TRIM_HORIZON',
    }));
    while (ShardIterator) {
      const { Records, NextShardIterator } = await this.streams.send(new GetRecordsCommand({ ShardIterator, Limit: 7 }));
      for (const record of Records) {
        await this.take(record);
        this.places.set(ShardId, record.dynamodb.SequenceNumber);
      }
      if (Records.length === 0 && NextShardIterator) return;
      ShardIterator = NextShardIterator;
    }
    this.done.add(ShardId);
  }
}

/** Counts the books of every new order of the region's stream. `seen` has the orders that were counted, with their times. */
export async function countSold(shop, seen) {
  const { LatestStreamArn } = await shop.describe('orders');
  return new Reader(shop.streams, LatestStreamArn, async ({ eventName, dynamodb }) => {
    if (eventName !== 'INSERT') return;
    const order = unmarshall(dynamodb.NewImage);
    seen.set(order.orderId, (seen.get(order.orderId) ?? 0) + 1);
    for (const { bookId, quantity } of order.books) await shop.addSold(bookId, quantity);
  });
}
