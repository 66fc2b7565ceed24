import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, expectProblem, type Json } from '../../support/client.ts';
import { documentOf, operationsOf } from '../../support/contract.ts';
import {
  type CommandProcess,
  changedTerms,
  newProduct,
  newUser,
  newUserWithCoupon,
  startShop,
  type TestShop,
  terms,
} from '../../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
});
afterAll(() => shop.stop());

/** A request nobody has made yet, and another one within the scope of its key, where the path and the ids leave room for one. */
type Asking = Readonly<{ path: string; body?: Json; different?: Json }>;

const policyWith = async (wished: Json = {}): Promise<string> => (await shop.createPolicy(wished)).body.policyId;
const coupon = async (): Promise<readonly [userId: string, couponId: string]> => newUserWithCoupon(shop, await policyWith());
const order = (userId: string, productId: string, quantity: number) => ({ userId, couponId: null, items: [{ productId, quantity }] });

const rows: Readonly<Record<string, () => Promise<Asking>>> = {
  'POST /users/{userId}/balance': async () => ({
    path: `/users/${await newUser(shop, 7)}/balance`,
    body: { amount: 10 },
    different: { amount: 11 },
  }),
  'POST /balance/charge': async () => {
    const userId = await newUser(shop, 7);
    return { path: '/balance/charge', body: { userId, amount: 10 }, different: { userId, amount: 11 } };
  },
  'POST /coupons': async () => ({ path: `/coupons?userId=ann&policyId=${await policyWith()}` }),
  'POST /coupons/issue': async () => ({ path: '/coupons/issue', body: { userId: 'ann', policyId: await policyWith() } }),
  'POST /coupons/{couponId}/use': async () => {
    const [userId, couponId] = await coupon();
    return { path: `/coupons/${couponId}/use`, body: { userId, productId: 'p' }, different: { userId, productId: 'q' } };
  },
  'POST /coupons/{couponId}/cancel-use': async () => {
    const [userId, couponId] = await coupon();
    await shop.use(couponId, userId);
    return { path: `/coupons/${couponId}/cancel-use`, body: { userId } };
  },
  'POST /orders': async () => {
    const [userId, product] = [await newUser(shop, 10_000), await newProduct(shop, 1_000)];
    return { path: '/orders', body: order(userId, product, 2), different: order(userId, product, 3) };
  },
  'POST /coupon-policies': async () => ({ path: '/coupon-policies', body: terms(), different: terms({ count: 5 }) }),
  'POST /coupon-policies/{policyId}/count': async () => ({
    path: `/coupon-policies/${await policyWith()}/count`,
    body: { add: 5 },
    different: { add: 6 },
  }),
  'POST /products': async () => ({
    path: '/products',
    body: { name: 'x', price: 5, stock: 5 },
    different: { name: 'x', price: 6, stock: 5 },
  }),
  'POST /products/{productId}/stock': async () => ({
    path: `/products/${await newProduct(shop, 10)}/stock`,
    body: { quantity: 5 },
    different: { quantity: 6 },
  }),
  'POST /init': async () => ({ path: '/init', body: { policies: 2, products: 1 }, different: { policies: 1, products: 1 } }),
};

let keys = 0;
const newKey = (): string => {
  keys += 1;
  return `key ${keys}`;
};

/** The types of the events that were recorded behind a position, in any order. */
const typesSince = async (position: bigint): Promise<readonly string[]> => {
  const types: string[] = [];
  const end = new AbortController();
  for await (const delivery of shop.store.subscribe({ after: position, signal: end.signal })) {
    if (delivery.kind === 'event') types.push(delivery.event.type);
    if (delivery.kind === 'caught-up') end.abort();
  }
  return types.sort((one, another) => (one < another ? -1 : 1));
};

const sendTo = ({ client }: Pick<TestShop, 'client'>, { path, body }: Asking, key: string): Promise<Answer> =>
  client.post(path, body, { key });

describe.each(Object.keys(rows))('%s under a key (R31)', (operation) => {
  const newAsking = () => (rows[operation] as () => Promise<Asking>)();
  let recorded: readonly string[];

  it('has one effect; again, in any process and in one that has just started, it is the same answer', async () => {
    const [asking, key, before] = [await newAsking(), newKey(), await shop.store.head()];
    const first = await sendTo(shop, asking, key);
    expect(Math.floor(first.status / 100)).toBe(2);
    expect(first.headers).not.toHaveProperty('idempotent-replayed');
    recorded = await typesSince(before);
    expect(recorded.length).toBeGreaterThan(0);
    const head = await shop.store.head();
    const fresh = await shop.anotherCommandApi();
    for (const process of [shop, other, fresh]) {
      const again = await sendTo(process, asking, key);
      expect([again.status, again.text]).toEqual([first.status, first.text]);
      expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true', 'read-after': expect.stringMatching(/^\d+$/) });
    }
    expect(await shop.store.head()).toBe(head);
    await fresh.stop();
  });

  it('at once in two processes has one effect and equal answers', async () => {
    const [asking, key, before] = [await newAsking(), newKey(), await shop.store.head()];
    const answers = await atOnce(10, (i) => sendTo(i % 2 === 0 ? shop : other, asking, key));
    expect(new Set(answers.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(Math.floor((answers[0]?.status ?? 0) / 100)).toBe(2);
    expect(await typesSince(before)).toEqual(recorded);
  });

  it('is refused for another request, and that leaves no trace', async () => {
    const [asking, key] = [await newAsking(), newKey()];
    await sendTo(shop, asking, key);
    const head = await shop.store.head();
    if (asking.different === undefined) return;
    for (const process of [shop, other]) {
      expectProblem(await sendTo(process, { path: asking.path, body: asking.different }, key), 422, 'key-reused');
    }
    expect(await shop.store.head()).toBe(head);
    expect((await sendTo(other, asking, key)).headers['idempotent-replayed']).toBe('true');
  });
});

/** What the queue takes is not decided yet: there is nothing recorded to replay. Who asks again puts the same request in once more. */
const QUEUED = ['POST /coupons/async', 'POST /api/v1/coupon/issue'];

it('these are all POSTs that are decided at once', async () => {
  const posts = operationsOf(await documentOf(shop.commands)).filter((operation) => operation.startsWith('POST '));
  expect(new Set([...Object.keys(rows), ...QUEUED])).toEqual(new Set(posts));
});

it('a key is required on charge, coupon and order where the shop says so, and nowhere else (IDEMPOTENCY_REQUIRED)', async () => {
  const strict = await shop.anotherCommandApi({ IDEMPOTENCY_REQUIRED: '1' });
  const required: string[] = [];
  for (const [operation, newAsking] of Object.entries(rows)) {
    const { path, body } = await newAsking();
    const answer = await strict.client.post(path, body);
    if (answer.status !== 400) continue;
    expectProblem(answer, 400, 'invalid-request');
    required.push(operation);
  }
  const charges = ['POST /users/{userId}/balance', 'POST /balance/charge'];
  expect(required).toEqual([...charges, 'POST /coupons', 'POST /coupons/issue', 'POST /orders']);
});

it('a PUT needs no key: again it is the same policy, and no second change', async () => {
  const [policyId, wished] = [await policyWith(), changedTerms()];
  const first = await shop.changePolicy(policyId, wished);
  const head = await shop.store.head();
  expect((await other.changePolicy(policyId, wished)).text).toBe(first.text);
  expect(await shop.store.head()).toBe(head);
});
