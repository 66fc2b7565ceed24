import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem, type Json } from '../../support/client.ts';
import { changedTerms, newUser, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
  for (let i = 0; i < 51; i += 1) await shop.createProduct({ id: `line-${i}`, price: 0, stock: 20_000 });
  await shop.createProduct({ id: 'dear', price: 1_000_000_000, stock: 5_000 });
});
afterAll(() => shop.stop());

const INT32_MAX = 2_147_483_647;
const BILLION = 1_000_000_000;

type Send = (value: number) => Promise<Answer<unknown>>;
/** What has limits, its least and greatest value, and how it is sent. */
type Limits = readonly [what: string, least: number, greatest: number, send: Send];

const policy = (wished: (value: number) => Json): Send => {
  return (value) => shop.createPolicy(wished(value));
};
const order = (items: readonly Json[]) => shop.client.post('/orders', { userId: 'ann', items });
const countOf = async (add: number) => shop.addCount((await shop.createPolicy({ count: 1 })).body.policyId, add);
const changed =
  (wished: (value: number) => Json): Send =>
  async (value) =>
    shop.changePolicy((await shop.createPolicy()).body.policyId, changedTerms(wished(value)));
const id = (length: number): string => 'i'.repeat(length);

/** Only what a form refuses (400); what a state refuses stands with its problem. */
const limits: readonly Limits[] = [
  ['the amount of a charge', 1, BILLION, (amount) => shop.charge('ann', amount)],
  ['the amount of a charge on the other path', 1, BILLION, (amount) => shop.client.post('/balance/charge', { userId: 'bob', amount })],
  ['the lines of an order', 1, 50, (n) => order(Array.from({ length: n }, (_, i) => ({ productId: `line-${i}`, quantity: 1 })))],
  ['the quantity of a line', 1, 10_000, (quantity) => order([{ productId: 'line-0', quantity }])],
  [
    'the quantity of merged lines (R33)',
    2,
    10_000,
    (quantity) =>
      order([
        ...(quantity > 1 ? [{ productId: 'line-1', quantity: quantity - 1 }] : []),
        { productId: 'line-1', quantity: quantity > 1 ? 1 : 0 },
      ]),
  ],
  ['the price of a product', 0, BILLION, (price) => shop.createProduct({ price })],
  ['the stock of a product', 0, BILLION, (stock) => shop.createProduct({ stock })],
  ['the characters of a name', 1, 100, (length) => shop.createProduct({ name: '물'.repeat(length) })],
  ['the characters of a product’s id', 1, 64, (length) => shop.createProduct({ id: id(length) })],
  ['the characters of a user', 1, 64, (length) => shop.client.post('/balance/charge', { userId: id(length), amount: 1 })],
  ['received stock', 1, BILLION, (quantity) => shop.receive('line-50', quantity)],
  ['the count of a policy (R1)', 1, INT32_MAX, policy((count) => ({ count }))],
  ['the minutes of a policy', 1, INT32_MAX, policy((expireMinutes) => ({ expireMinutes }))],
  ['the percent of a rate (R4)', 1, 100, policy((discountAmount) => ({ discountType: 'rate', discountAmount }))],
  ['the won of an amount (R4)', 1, BILLION, policy((discountAmount) => ({ discountAmount }))],
  ['the name of a policy', 1, 100, policy((length) => ({ name: 'n'.repeat(length) }))],
  ['the percent of a changed rate (R4)', 1, 100, changed((discountAmount) => ({ discountType: 'rate', discountAmount }))],
  ['the won of a changed amount (R4)', 1, BILLION, changed((discountAmount) => ({ discountAmount }))],
  ['the minutes of a changed policy', 1, INT32_MAX, changed((expireMinutes) => ({ expireMinutes }))],
  ['an added count (R3)', 1, INT32_MAX - 1, countOf],
  ['the rows of a page', 1, 100, (limit) => shop.client.get(`/products?limit=${limit}`)],
];

describe('every limit holds to the last value (S6)', () => {
  it.each(limits)('%s is %i to %i', async (what, least, greatest, send) => {
    for (const value of [least, greatest]) expect([value, Math.floor((await send(value)).status / 100)]).toEqual([value, 2]);
    for (const value of [least - 1, greatest + 1]) {
      if (what.startsWith('an added count') && value > least) expectProblem(await send(value), 409, 'limit-exceeded');
      else if (value >= 0 || !what.includes('characters')) expectProblem(await send(value), 400, 'invalid-request');
    }
  });

  it('the total of an order is 0 to 10^12 won', async () => {
    const user = await newUser(shop, 5_000);
    expectProblem(await shop.order(user, { dear: 1_000 }), 400, 'insufficient-balance');
    expectProblem(await shop.order(user, { dear: 1_001 }), 400, 'invalid-request');
    expect((await shop.order(user, { 'line-2': 1 })).body.totalAmount).toBe(0);
  });

  it('the window of a policy is a millisecond at least (R5)', async () => {
    const at = Date.now();
    const ending = (ms: number) => shop.createPolicy({ startsAt: new Date(at).toISOString(), endsAt: new Date(at + ms).toISOString() });
    expect((await ending(1)).status).toBe(201);
    for (const ms of [0, -1]) expectProblem(await ending(ms), 400, 'invalid-request');
  });

  it('a body is 16 KB at most, and an address 2 KB', async () => {
    const headers = { 'Content-Type': 'application/json' };
    const body = (bytes: number) => '{"amount":1}'.padEnd(bytes);
    const send = (bytes: number) => shop.client.raw({ method: 'POST', path: '/users/ann/balance', headers, body: body(bytes) });
    expect((await send(16 * 1024)).status).toBe(201);
    expectProblem(await send(16 * 1024 + 1), 413, 'payload-too-large');
    const path = (characters: number) => '/products?limit=1&readAfter=0'.padEnd(characters, '0');
    expectProblem(await shop.client.get(path(2_049)), 400, 'invalid-request');
  });
});
