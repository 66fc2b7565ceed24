import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { inventoryStream } from '../../../src/domain/inventory.ts';
import { type Answer, atOnce, expectProblem, type Json } from '../../support/client.ts';
import { couponBody, documentOf, expectAnswer, ID, operationsOf, POSITION, policyBody, TIME } from '../../support/contract.ts';
import { commandsWithFaults, unanswered } from '../../support/faultyCommands.ts';
import { until } from '../../support/processes.ts';
import {
  changedTerms,
  newCoupon,
  newProduct,
  newUser,
  newUserWithCoupon,
  soon,
  startShop,
  type TestShop,
  terms,
  untilPast,
} from '../../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
});
afterAll(() => shop.stop());

const BALANCE_MAX = 1_000_000_000_000;
const AMOUNT_MAX = 1_000_000_000;

/** The policy's whole answer with other terms than `terms` gave it. */
const expectPolicy = (answer: Answer<unknown>, status: number, wished: Json): void => {
  expectAnswer(answer, status, policyBody(wished));
  expect(answer.headers['read-after']).toEqual(POSITION);
};

const placed = (wished: Json) => ({
  orderId: ID,
  totalAmount: 2_500,
  subtotal: 3_000,
  discount: 500,
  couponId: null,
  userId: ID,
  status: 'placed',
  ...wished,
});

/** A policy with a name of its own: its id. */
const policyWith = async (wished: Json = {}): Promise<string> => (await shop.createPolicy(wished)).body.policyId;

const charge = async (chargeOf: (userId: string, amount: number) => Promise<Answer>): Promise<void> => {
  const userId = await newUser(shop, 0);
  const charged = await chargeOf(userId, 10_000);
  expectAnswer(charged, 201, { userId, balance: 10_000 });
  expect(charged.headers['read-after']).toEqual(POSITION);
  await atOnce(BALANCE_MAX / AMOUNT_MAX - 1, () => chargeOf(userId, AMOUNT_MAX));
  expectAnswer(await chargeOf(userId, AMOUNT_MAX - 10_000), 201, { userId, balance: BALANCE_MAX });
  const refused = await chargeOf(userId, 1);
  expectProblem(refused, 409, 'limit-exceeded');
  expect(refused.headers['read-after']).toEqual(POSITION);
};

const issue = async (issueTo: (userId: string, policyId: string) => Promise<Answer>): Promise<void> => {
  const policyId = await policyWith({ count: 2, perUser: 1 });
  const { status: _status, usedAt: _at, productId: _product, orderId: _order, deletedAt: _deleted, ...issued } = couponBody();
  const first = await issueTo('ann', policyId);
  expectAnswer(first, 201, { ...issued, couponId: `${policyId}-1`, userId: 'ann', policyId });
  expect(first.headers['read-after']).toEqual(POSITION);
  expectProblem(await issueTo('ann', policyId), 409, 'already-issued');
  const rate = await policyWith({ discountType: 'rate', discountAmount: 30 });
  expectAnswer(await issueTo('ann', rate), 201, {
    ...issued,
    userId: 'ann',
    policyId: rate,
    discount: 0,
    discountType: 'rate',
    discountAmount: 30,
  });
  expectProblem(await issueTo('ann', 'ghost'), 400, 'unknown-policy');
  expect((await issueTo('bob', policyId)).status).toBe(201);
  expectProblem(await issueTo('cid', policyId), 409, 'sold-out');
  const closed = await policyWith({ endsAt: new Date(Date.now() - 1).toISOString() });
  expectProblem(await issueTo('ann', closed), 400, 'not-open');
};

/** Every operation of the command API: its whole success, and each refusal of its row. */
const rows: Readonly<Record<string, () => Promise<void>>> = {
  'POST /users/{userId}/balance': () => charge((userId, amount) => shop.charge(userId, amount)),
  'POST /balance/charge': () => charge((userId, amount) => shop.client.post('/balance/charge', { userId, amount })),

  'POST /coupons': async () => {
    await issue((userId, policyId) => shop.issue(userId, policyId));
    await issue((userId, policyId) => shop.client.post('/coupons', { userId, policyId }));
    const policyId = await policyWith();
    expect((await shop.client.post(`/coupons?userId=ann&policyId=${policyId}`, { userId: 'ann', policyId })).status).toBe(201);
    expectProblem(await shop.client.post(`/coupons?userId=bob&policyId=${policyId}`, { userId: 'ann' }), 400, 'invalid-request');
  },
  'POST /coupons/issue': async () => {
    await issue((userId, policyId) => shop.client.post('/coupons/issue', { userId, policyId }));
    await issue((userId, policyId) => shop.client.post('/coupons/issue', { userId, couponId: policyId }));
  },

  'POST /coupons/{couponId}/use': async () => {
    const [userId, couponId] = await newUserWithCoupon(shop, await policyWith());
    const used = await shop.use(couponId, userId, 'p7');
    expectAnswer(used, 200, couponBody({ couponId, userId, status: 'used', usedAt: TIME, productId: 'p7' }));
    expect(used.headers['read-after']).toEqual(POSITION);
    expectProblem(await shop.use(couponId, userId), 409, 'coupon-unavailable');
    expectProblem(await shop.use(couponId, 'stranger'), 404, 'unknown-coupon');
    expectProblem(await shop.use('ghost-1', userId), 404, 'unknown-coupon');
  },
  'POST /coupons/{couponId}/cancel-use': async () => {
    const [userId, couponId] = await newUserWithCoupon(shop, await policyWith());
    expectProblem(await shop.cancelUse(couponId, userId), 409, 'coupon-not-used');
    await shop.use(couponId, userId);
    expectAnswer(await shop.cancelUse(couponId, userId), 200, couponBody({ couponId, userId }));
    expectProblem(await shop.cancelUse(couponId, 'stranger'), 404, 'unknown-coupon');
    const ordered = await newCoupon(shop, userId, { discountAmount: 1_000 });
    expect((await shop.order(userId, { [await newProduct(shop, 1_000)]: 1 }, ordered)).status).toBe(201);
    expectProblem(await shop.cancelUse(ordered, userId), 409, 'coupon-in-order');
    const endsAt = soon();
    const brief = await newCoupon(shop, userId, { endsAt });
    expect((await shop.use(brief, userId)).status).toBe(200);
    await untilPast(endsAt);
    expectProblem(await shop.cancelUse(brief, userId), 409, 'coupon-unavailable');
  },
  'DELETE /coupons/{couponId}': async () => {
    const [userId, couponId] = await newUserWithCoupon(shop, await policyWith());
    expectAnswer(await shop.deleteCoupon(couponId, userId), 200, couponBody({ couponId, userId, status: 'deleted', deletedAt: TIME }));
    expectProblem(await shop.deleteCoupon(couponId, userId), 404, 'unknown-coupon');
    expectProblem(await shop.deleteCoupon('ghost-1', userId), 404, 'unknown-coupon');
    const { stalled, held, holder } = await heldCoupon();
    expectProblem(await shop.deleteCoupon(held, holder), 409, 'coupon-unavailable');
    expectProblem(await shop.use(held, holder), 409, 'coupon-unavailable');
    await stalled();
  },

  'POST /orders': async () => {
    const product = await newProduct(shop, 1_000, 5);
    const userId = await newUser(shop, 10_000);
    const couponId = await newCoupon(shop, userId, {});
    const order = await shop.order(userId, { [product]: 3 }, couponId);
    expectAnswer(order, 201, placed({ userId, couponId }));
    expect(order.headers['read-after']).toEqual(POSITION);
    expectProblem(await shop.order(userId, { ghost: 1 }), 404, 'unknown-product');
    expectProblem(await shop.order(userId, { [product]: 1 }, 'ghost-1'), 400, 'unknown-coupon');
    expectProblem(await shop.order(userId, { [product]: 1 }, couponId), 400, 'coupon-unavailable');
    expectProblem(await shop.order(userId, { [product]: 8 }), 400, 'insufficient-balance');
    expectProblem(await shop.order(userId, { [product]: 3 }), 409, 'out-of-stock');
    // An order that gets no outcome in time, and too many of them: openOrders.spec.ts.
  },

  'POST /coupon-policies': async () => {
    const created = await shop.createPolicy();
    expectPolicy(created, 201, {});
    expect(created.headers.location).toBe(`/coupon-policies/${created.body.policyId}`);
    const { remaining: _remaining, ...unlimited } = policyBody({ type: 'unlimited', count: null });
    expectAnswer(await shop.createPolicy({ count: null }), 201, unlimited);
    const { perUser: _perUser, ...bare } = terms();
    expectPolicy(await shop.client.post('/coupon-policies', bare), 201, { perUser: 1 });
  },
  'PUT /coupon-policies/{policyId}': async () => {
    const { policyId, number } = (await shop.createPolicy()).body;
    const wished = changedTerms({ name: 'other', discountType: 'rate', discountAmount: 30 });
    const expected = { policyId, number, name: 'other', discountType: 'rate', discountAmount: 30, expireMinutes: 60 };
    expectPolicy(await shop.changePolicy(policyId, wished), 200, expected);
    expectProblem(await shop.changePolicy('ghost', wished), 404, 'unknown-policy');
    for (const forbidden of [{ count: 100 }, { perUser: 1 }, { count: null }]) {
      expectProblem(await shop.changePolicy(policyId, { ...wished, ...forbidden }), 400, 'invalid-request');
    }
    for (const member of Object.keys(wished)) {
      expectProblem(await shop.changePolicy(policyId, { ...wished, [member]: undefined }), 400, 'invalid-request');
    }
  },
  'POST /coupon-policies/{policyId}/count': async () => {
    const { policyId, number } = (await shop.createPolicy()).body;
    expectPolicy(await shop.addCount(policyId, 50), 200, { policyId, number, count: 150, remaining: 150 });
    expectProblem(await shop.addCount('ghost', 1), 404, 'unknown-policy');
    expectProblem(await shop.addCount(await policyWith({ count: null }), 1), 409, 'policy-term-immutable');
    expectProblem(await shop.addCount(policyId, 2_147_483_647), 409, 'limit-exceeded');
    expectPolicy(await shop.addCount(policyId, 2_147_483_647 - 150), 200, { count: 2_147_483_647, remaining: 2_147_483_647 });
  },
  'DELETE /coupon-policies/{policyId}': async () => {
    const { policyId, number } = (await shop.createPolicy()).body;
    expectPolicy(await shop.deletePolicy(policyId), 200, { policyId, number, deletedAt: TIME });
    expectProblem(await shop.deletePolicy(policyId), 404, 'unknown-policy');
    expectProblem(await shop.deletePolicy('ghost'), 404, 'unknown-policy');
  },

  'POST /products': async () => {
    const created = await shop.client.post('/products', { name: '물', price: 700 });
    expectAnswer(created, 201, { id: ID, name: '물', price: 700, stock: 0 });
    expect(created.headers.location).toBe(`/products/${created.body.id}`);
    expectAnswer(await shop.createProduct({ id: 'row-1', price: 0, stock: 9 }), 201, { id: 'row-1', name: 'thing', price: 0, stock: 9 });
    expectProblem(await shop.createProduct({ id: 'row-1', price: 0, stock: 9 }), 409, 'product-exists');
    for (const id of ['top', 'top-selling']) expectProblem(await shop.createProduct({ id }), 400, 'invalid-request');
    expect((await shop.createProduct({ price: AMOUNT_MAX, stock: AMOUNT_MAX })).status).toBe(201);
    for (const [price, stock] of [
      [AMOUNT_MAX + 1, 0],
      [0, AMOUNT_MAX + 1],
    ]) {
      expectProblem(await shop.createProduct({ price, stock }), 400, 'invalid-request');
    }
  },
  'POST /products/{productId}/stock': async () => {
    const id = await newProduct(shop, 10, 5);
    expectAnswer(await shop.receive(id, 7), 200, { id, stock: 12 });
    expectProblem(await shop.receive('ghost', 7), 404, 'unknown-product');
    expectProblem(await shop.receive(id, AMOUNT_MAX + 1), 400, 'invalid-request');
  },

  'POST /coupons/async': async () => {
    const taken = await shop.client.post(`/coupons/async?userId=ann&policyId=${await policyWith()}`);
    expectAnswer(taken, 202, { message: '쿠폰 발급 요청이 접수되었습니다.', transactionId: ID });
    expect(taken.headers.location).toBe(`/api/v1/coupon/issue/${taken.body.transactionId}`);
    expectProblem(await shop.client.post('/coupons/async?userId=ann'), 400, 'invalid-request');
  },
  'POST /api/v1/coupon/issue': async () => {
    const asked = { userId: 'ann', couponId: 1, transactionId: 'tx-1' };
    expectAnswer(await shop.client.post('/api/v1/coupon/issue', asked), 200, { message: '쿠폰 발급 요청 성공', code: 200, data: null });
    const malformed = await shop.client.post('/api/v1/coupon/issue', { ...asked, userId: 'a'.repeat(21) });
    expectProblem(malformed, 400, 'invalid-request');
    expect(malformed.body).toMatchObject({ code: 400, data: null });
  },

  'POST /init': async () => {
    const opened = await shop.init({ policies: 2, products: 1 });
    const { generation } = opened.body;
    expectAnswer(opened, 200, {
      message: 'System initialized to default state.',
      policyIds: [ID, ID],
      productIds: [`p1--${generation}`],
      generation: expect.any(Number),
    });
    const production = await shop.anotherCommandApi({ ENABLE_TEST_ENDPOINTS: '0' });
    expectProblem(await production.init(), 404, 'not-found');
  },
};

/** A coupon that an open order holds, as long as `stalled` has not ended. */
const heldCoupon = async () => {
  const process = await commandsWithFaults(shop, (append) => (stream, ...rest) => {
    return (stream === inventoryStream ? unanswered : append)(stream, ...rest);
  });
  const holder = await newUser(shop, 10_000);
  const held = await newCoupon(shop, holder, {});
  const asked = process.order(holder, { [await newProduct(shop, 1_000)]: 1 }, held);
  const stalled = async () => {
    await asked;
    await process.stop();
  };
  await until(async () => (await shop.coupons(holder)).body[0]?.status === 'held');
  return { stalled, held, holder };
};

it.each(Object.keys(rows))('%s answers as its row of the contract says', (row) => rows[row]?.(), 30_000);

it('these are all commands there are', async () => {
  expect(new Set(Object.keys(rows))).toEqual(new Set(operationsOf(await documentOf(shop.commands))));
});
