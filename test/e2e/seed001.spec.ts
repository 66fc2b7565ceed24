import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { bodiesOf, type CommandProcess, type Coupon, eventsOf, newUser, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const charge = (body: Json, options?: Json, on: Pick<TestShop, 'client'> = shop) =>
  on.client.post<{ userId: string; balance: number }>('/balance/charge', body, options);
const issue = (body: Json, options?: Json, on: Pick<TestShop, 'client'> = shop) => on.client.post<Coupon>('/coupons/issue', body, options);

describe('POST /balance/charge and GET /balance/{userId}', () => {
  it('charge and tell the balance as the canonical paths do', async () => {
    const userId = await newUser(shop, 100);
    const answer = await charge({ userId, amount: 50 });
    expect([answer.status, answer.body]).toEqual([201, { userId, balance: 150 }]);
    const [there, here] = [await shop.client.get(`/balance/${userId}`, { after: answer }), await shop.balance(userId, { after: answer })];
    expect([there.status, there.body]).toEqual([200, { userId, balance: 150, held: 0 }]);
    expect(here.body).toEqual(there.body);
    expect((await shop.client.get('/balance/nobody-at-all')).body).toEqual({ userId: 'nobody-at-all', balance: 0, held: 0 });
  });

  it('of one user at once in two processes all count (D17)', async () => {
    const userId = await newUser(shop, 0);
    const answers = await atOnce(60, (i) => charge({ userId, amount: 10 }, {}, i % 2 === 0 ? shop : other));
    expect(byStatus(answers)).toEqual({ 201: 60 });
    expect(new Set(bodiesOf(answers, 201).map(({ balance }) => balance)).size).toBe(60);
    const after = answers.find(({ body }) => body.balance === 600);
    expect((await shop.client.get(`/balance/${userId}`, after ? { after } : {})).body).toMatchObject({ balance: 600 });
  });

  it('refuse what no charge can be (R27, D29)', async () => {
    for (const amount of [0, -1, 1.5, '10', 1_000_000_001, undefined]) {
      expectProblem(await charge({ userId: 'u', amount }), 400, 'invalid-request');
    }
    expectProblem(await charge({ amount: 1 }), 400, 'invalid-request');
  });

  it('repeat under a key, which belongs to this path alone', async () => {
    const userId = await newUser(shop, 0);
    const first = await charge({ userId, amount: 10 }, { key: 'k' });
    const again = await charge({ userId, amount: 10 }, { key: 'k' }, other);
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
    expectProblem(await charge({ userId, amount: 11 }, { key: 'k' }), 422, 'key-reused');
    expect((await shop.charge(userId, 5, { key: 'k' })).body.balance).toBe(15);
  });
});

describe('POST /coupons/issue', () => {
  it('issues by policy id, under either name', async () => {
    const { policyId } = (await shop.createPolicy({ perUser: 1 })).body;
    const first = await issue({ userId: 'ann', policyId });
    expect([first.status, first.body]).toMatchObject([201, { couponId: `${policyId}-1`, userId: 'ann', policyId, serial: 1 }]);
    expect((await issue({ userId: 'bob', couponId: policyId })).body).toMatchObject({ serial: 2 });
    expect((await issue({ userId: 'cid', couponId: policyId, policyId })).body).toMatchObject({ serial: 3 });
    const again = await issue({ userId: 'ann', policyId });
    expectProblem(again, 409, 'already-issued');
    expect(again.body).toMatchObject({ couponId: `${policyId}-1` });
  });

  it('issues by number, that of the present generation (R16)', async () => {
    const { policyIds } = (await shop.init({ policies: 2, products: 1 })).body;
    expect((await issue({ userId: 'ann', couponId: 1 })).body).toMatchObject({ policyId: policyIds[0] });
    expect((await issue({ userId: 'ann', policyId: '2' }, {}, other)).body).toMatchObject({ policyId: policyIds[1] });
    const next = (await shop.init({ policies: 1, products: 1 })).body;
    expect((await issue({ userId: 'ann', couponId: 1 }, {}, other)).body).toMatchObject({ policyId: next.policyIds[0] });
    expectProblem(await issue({ userId: 'ann', couponId: 2 }), 400, 'unknown-policy');
    expectProblem(await issue({ userId: 'ann', couponId: 9_999_999_999 }), 400, 'unknown-policy');
  });

  it('needs a user and one policy', async () => {
    for (const body of [
      { userId: 'u' },
      { policyId: 'p' },
      { userId: 'u', policyId: 'p', couponId: 'q' },
      { userId: 'u', policyId: 'p', free: 1 },
    ]) {
      expectProblem(await issue(body), 400, 'invalid-request');
    }
  });

  it('gives 30 to 90 at once in two processes, and each its own under a key (R13)', async () => {
    const { policyId } = (await shop.createPolicy({ count: 30, perUser: 1 })).body;
    const ask = (i: number) => issue({ userId: `rush-${i}`, policyId }, { key: 'k' }, i % 2 === 0 ? shop : other);
    const answers = await atOnce(90, ask);
    expect(byStatus(answers)).toEqual({ 201: 30, 409: 60 });
    const winner = answers.findIndex(({ status }) => status === 201);
    const again = await ask(winner);
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, answers[winner]?.body, 'true']);
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponIssued')).toBe(30);
  });
});

it('GET /products/top-selling answers as GET /products/top', async () => {
  await shop.init();
  const [selling, top] = [await shop.client.get('/products/top-selling'), await shop.client.get('/products/top')];
  expect([selling.status, selling.body]).toEqual([200, top.body]);
  expect(selling.body).toHaveLength(5);
});

it('POST /orders takes balance, coupon and stock in one call', async () => {
  const id = (await shop.createProduct({ id: 'one-call', price: 3_000, stock: 2 })).body.id;
  await charge({ userId: 'buyer', amount: 10_000 });
  const { policyId } = (await shop.createPolicy({ discountAmount: 1_000 })).body;
  const { couponId } = (await issue({ userId: 'buyer', policyId })).body;
  const order = await shop.order('buyer', { [id]: 2 }, couponId);
  expect([order.status, order.body]).toMatchObject([201, { status: 'placed', totalAmount: 5_000 }]);
  expect((await shop.client.get('/balance/buyer', { after: order })).body).toMatchObject({ balance: 5_000, held: 0 });
});
