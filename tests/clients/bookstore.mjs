// The bookstore at work in two regions at once. Arguments: the two regions and what the tables' names begin with.
import assert from 'node:assert/strict';
import { TransactionCanceledException } from '@aws-sdk/client-dynamodb';
import { Shop, countSold, until } from './shop.mjs';

const [HERE, THERE, PREFIX] = process.argv.slice(2);
const BOOKS = Array.from({ length: 60 }, (_, i) => ({
  id: `b${String(i).padStart(2, '0')}`, category: ['Novels', 'Cooking', 'Databases'][i % 3], name: `Book ${i}`,
  price: 5 + i / 4, rating: i % 6, author: { first: 'A', last: `Writer ${i}` }, isbn: undefined,
}));
const told = BOOKS.map(({ isbn, ...book }) => book); // what is undefined is not written

const here = new Shop(HERE, PREFIX);
const there = new Shop(THERE, PREFIX);
const both = [here, there];
const ids = (books) => books.map(({ id }) => id).sort();

async function browse() {
  await here.putBooks(BOOKS);
  const novels = told.filter(({ category }) => category === 'Novels');
  for (const shop of both) {
    await until('all novels', async () => (await shop.booksOf('Novels')).length === novels.length);
    assert.deepEqual(ids(await shop.booksOf('Novels', 3)), ids(novels));
    assert.deepEqual(await shop.booksOf('Gardening'), []);
    await until('the book', () => shop.book('b07'));
    assert.deepEqual(await shop.book('b07'), told[7]);
    assert.equal(await shop.book('b99'), undefined);
  }
}

async function fillCarts() {
  for (const [who, shop] of both.entries()) {
    const customer = `cart-${who}`;
    await shop.putInCart(customer, 'b01', 1, 5.25);
    await shop.putInCart(customer, 'b02', 2, 5.5);
    assert.equal(await shop.addToQuantity(customer, 'b02', 3), 5);
    assert.equal(await shop.addToQuantity(customer, 'b03', 1), 1);
    assert.deepEqual(await shop.setQuantity(customer, 'b01', 9),
      { customerId: customer, bookId: 'b01', quantity: 9, price: 5.25 });
    await assert.rejects(shop.setQuantity(customer, 'none', 1), { name: 'ConditionalCheckFailedException' });
    assert.deepEqual(await shop.takeFromCart(customer, 'b02'),
      { customerId: customer, bookId: 'b02', quantity: 5, price: 5.5 });
    assert.equal(await shop.takeFromCart(customer, 'b02'), undefined);
    assert.deepEqual((await shop.cart(customer)).map(({ bookId, quantity }) => [bookId, quantity]), [['b01', 9], ['b03', 1]]);
  }
  // A cart follows its customer to the other region.
  await until('the cart elsewhere', async () => (await there.cart('cart-0')).length === 2);
}

async function checkOut() {
  const customer = 'buyer';
  await here.putInCart(customer, 'b10', 2, 7.5);
  await here.putInCart(customer, 'b11', 1, 7.75);
  const bought = await here.checkout(customer, 'o-1', 'token-1');
  assert.deepEqual(await here.cart(customer), []);
  const [order] = await here.orders(customer);
  assert.deepEqual(order.books, bought.map(({ bookId, quantity, price }) => ({ bookId, quantity, price })));
  assert.equal(order.books[0].price, 7.5);
  // An order number that is taken leaves the cart as it is, and says with what it is taken.
  await here.putInCart(customer, 'b12', 1, 8);
  await assert.rejects(here.checkout(customer, 'o-1'), (error) => {
    assert.ok(error instanceof TransactionCanceledException, error.stack);
    assert.deepEqual(error.CancellationReasons.map(({ Code }) => Code), ['ConditionalCheckFailed', 'None']);
    assert.equal(error.CancellationReasons[0].Message, 'The conditional request failed');
    assert.equal(error.CancellationReasons[0].Item.orderId.S, 'o-1');
    assert.match(error.message, /^Transaction cancelled, please refer cancellation reasons for specific reasons \[Cond/);
    return true;
  });
  assert.equal((await here.cart(customer)).length, 1);
  await until('the order elsewhere', async () => (await there.orders(customer)).length === 1);
  assert.deepEqual(await there.orders(customer), [order]);
}

/** Orders are placed in both regions while both count; each order is counted once in each. */
async function sell() {
  const seen = both.map(() => new Map());
  const readers = await Promise.all(both.map((shop, i) => countSold(shop, seen[i])));
  const expected = new Map([['b10', 2], ['b11', 1]]); // of checkOut
  let placing = true;
  const place = async (shop, side) => {
    for (let i = 0; i < 40; i++) {
      const books = [{ bookId: `b${String(i % 30 + 10)}`, quantity: 1 + side + i % 3, price: i },
        { bookId: 'b01', quantity: 1, price: 1 }];
      for (const { bookId, quantity } of books) expected.set(bookId, (expected.get(bookId) ?? 0) + quantity);
      await shop.putOrder(`c${i % 5}`, `${side}-${i}`, books);
      if (i % 10 === 0) await shop.putOrder(`c${i % 5}`, `${side}-${i}`, books); // the same again is no event
    }
  };
  const count = async (reader) => {
    while (placing) await reader.step();
  };
  const counting = readers.map(count);
  await Promise.all(both.map(place));
  placing = false;
  await Promise.all(counting);
  const top = [...expected].sort(([a, m], [b, n]) => n - m || (a < b ? 1 : -1)).slice(0, 20).map(([, sold]) => sold);
  for (const [i, shop] of both.entries()) {
    await until('all orders counted', async () => {
      await readers[i].step();
      return seen[i].size >= 81;
    });
    await readers[i].step();
    assert.equal(seen[i].size, 81);
    assert.deepEqual([...seen[i].values()].filter((times) => times !== 1), []);
    const best = await shop.best(20);
    assert.deepEqual(best[0], ['b01', 80]);
    assert.deepEqual(best.map(([, sold]) => sold), top);
    for (const [bookId, sold] of best) assert.equal(sold, expected.get(bookId), bookId);
  }
}

await here.createShared();
await here.spread(THERE);
await Promise.all(both.map((shop) => shop.createSold()));
for (const scene of [browse, fillCarts, checkOut, sell]) {
  await scene();
  console.log(scene.name);
}
for (const shop of both) shop.close();
