import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem, type Json } from '../support/client.ts';
import {
  eventsOf,
  expectBalance,
  newCoupon,
  newProduct,
  newUser,
  type PlacedOrder,
  soon,
  startShop,
  type TestShop,
  untilPast,
} from '../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 90_000);
afterAll(() => shop.stop());

const userWith = (balance: number) => newUser(shop, balance);
const productAt = (price: number, stock?: number) => newProduct(shop, price, stock);
const couponFor = (userId: string, wished: Json) => newCoupon(shop, userId, wished);

const statusOfCoupon = async (userId: string, couponId: string, after: Answer<unknown>) =>
  (await shop.coupons(userId, { after })).body.find((coupon) => coupon.couponId === couponId)?.status;

describe('a placed order', () => {
  it('is answered, listed and paid for: the whole flow in the shapes of the contract (R34, R35, D18, D27)', async () => {
    const [cheap, dear] = [await productAt(1_000), await productAt(20_000)];
    const userId = await userWith(100_000);
    const couponId = await couponFor(userId, { discountAmount: 5_000 });
    const answer = await shop.order(userId, { [dear]: 2, [cheap]: 3 }, couponId);
    const { orderId } = answer.body;
    const sums = { subtotal: 43_000, discount: 5_000, totalAmount: 38_000, couponId, userId, status: 'placed' };
    expect([answer.status, answer.body]).toEqual([201, { orderId, ...sums }]);
    expect(answer.headers).not.toHaveProperty('location');

    await expectBalance(shop, userId, 62_000, answer);
    const order = {
      orderId,
      ...sums,
      reason: null,
      items: [
        { productId: dear, name: 'thing', quantity: 2, unitPrice: 20_000, subtotal: 40_000 },
        { productId: cheap, name: 'thing', quantity: 3, unitPrice: 1_000, subtotal: 3_000 },
      ],
      orderedAt: expect.stringMatching(/\.\d{3}Z$/),
      settledAt: expect.stringMatching(/\.\d{3}Z$/),
    };
    expect((await shop.orderById(orderId, { after: answer })).body).toEqual(order);
    expect((await shop.orders(userId, { after: answer })).body).toEqual([order]);
    expect((await shop.product(dear, { after: answer })).body).toMatchObject({ stock: 998 });
    expect((await shop.coupons(userId, { after: answer })).body[0]).toMatchObject({ status: 'used', orderId });
  });

  it('leaves one history row for each change (R29, D20)', async () => {
    const product = await productAt(3_000);
    const userId = await userWith(10_000);
    const answer = await shop.order(userId, { [product]: 2 });
    const { body: history } = await shop.history(userId, { after: answer });
    expect(history).toMatchObject([
      { seq: 2, type: 'use', amount: -6_000, balanceAfter: 4_000, orderId: answer.body.orderId },
      { seq: 1, type: 'charge', amount: 10_000, balanceAfter: 10_000, orderId: null },
    ]);
    expect(history).toHaveLength(2);
  });

  it('may have numbers in place of ids', async () => {
    await shop.createProduct({ id: '41', price: 10, stock: 1 });
    await shop.charge('42', 10);
    const answer = await shop.client.post('/orders', { userId: 42, couponId: null, items: [{ productId: 41, quantity: 1 }] });
    expect([answer.status, answer.body.userId, answer.body.totalAmount]).toEqual([201, '42', 10]);
  });

  it('needs no couponId member', async () => {
    const product = await productAt(10);
    const userId = await userWith(10);
    const answer = await shop.client.post('/orders', { userId, items: [{ productId: product, quantity: 1 }] });
    expect([answer.status, answer.body.couponId]).toEqual([201, null]);
  });

  it('has equal products merged into one line before anything is checked (R33)', async () => {
    const product = await productAt(100, 5);
    const userId = await userWith(10_000);
    const twice = (quantity: number) =>
      shop.client.post<PlacedOrder>('/orders', {
        userId,
        items: [
          { productId: product, quantity },
          { productId: product, quantity },
        ],
      });
    const placed = await twice(2);
    const { body: order } = await shop.orderById(placed.body.orderId, { after: placed });
    expect(order.items).toEqual([{ productId: product, name: 'thing', quantity: 4, unitPrice: 100, subtotal: 400 }]);
    expectProblem(await twice(1), 409, 'out-of-stock');
    expectProblem(await twice(5_001), 400, 'invalid-request');
  });

  it('may have 50 lines and not 51, and 10,000 of one product and not 10,001 (S6)', async () => {
    const product = await productAt(0, 100_000);
    const lines = (n: number, quantity: number) =>
      shop.client.post('/orders', { userId: 'liner', items: Array.from({ length: n }, () => ({ productId: product, quantity })) });
    expect((await lines(50, 200)).status).toBe(201);
    expectProblem(await lines(51, 1), 400, 'invalid-request');
    const tooMany = await lines(1, 10_001);
    expectProblem(tooMany, 400, 'invalid-request');
    expect(tooMany.body).toMatchObject({ message: '수량은 1개 이상이어야 합니다.' });
  });
});

describe('what an order costs (R35, R36, D28)', () => {
  it.each([
    ['2 × 20,000 − 5,000', 20_000, 2, { discountAmount: 5_000 }, 35_000],
    ['1,000 at 20 %', 1_000, 1, { discountType: 'rate', discountAmount: 20 }, 800],
    ['100 at 29 %: 29 off, where a binary fraction gives 28', 100, 1, { discountType: 'rate', discountAmount: 29 }, 71],
    ['999 at 50 %', 999, 1, { discountType: 'rate', discountAmount: 50 }, 500],
    ['3,000 − 5,000: the rest is forfeited', 3_000, 1, { discountAmount: 5_000 }, 0],
    ['100 % off', 7_777, 3, { discountType: 'rate', discountAmount: 100 }, 0],
    ['the seed’s cart with its coupon', 2_000, 5, { discountAmount: 2_000 }, 8_000],
  ])('%s', async (_, price, quantity, policy, total) => {
    const product = await productAt(price);
    const userId = await userWith(total);
    const answer = await shop.order(userId, { [product]: quantity }, await couponFor(userId, policy));
    expect([answer.status, answer.body.totalAmount]).toEqual([201, total]);
    expect(answer.body.subtotal - answer.body.discount).toBe(total);
    await expectBalance(shop, userId, 0, answer);
  });

  it('may be nothing: a total of 0 needs no balance (R36)', async () => {
    const answer = await shop.order('penniless', { [await productAt(0)]: 1 });
    expect([answer.status, answer.body.totalAmount]).toEqual([201, 0]);
  });

  it('is at most 10^12 won', async () => {
    const product = await productAt(1_000_000_000);
    expectProblem(await shop.order('rich', { [product]: 1_001 }), 400, 'invalid-request');
  });
});

describe('a refused order', () => {
  it('for too little money records no order (R37, R41)', async () => {
    const product = await productAt(1_000, 1);
    const userId = await userWith(999);
    const answer = await shop.order(userId, { [product]: 1 });
    expectProblem(answer, 400, 'insufficient-balance');
    expect(answer.body).toMatchObject({ message: '잔액이 부족합니다.' });
    await expectBalance(shop, userId, 999, answer);
    expect((await shop.orders(userId, { after: answer })).body).toEqual([]);
    expect(await eventsOf(shop, `account-${userId}`, 'OrderSubmitted')).toBe(0);
  });

  it('for too little money is told before the stock (R37)', async () => {
    const userId = await userWith(999);
    expectProblem(await shop.order(userId, { [await productAt(1_000, 0)]: 1 }), 400, 'insufficient-balance');
  });

  it('for an unknown product is 404, before coupon and balance are looked at (R37, D22)', async () => {
    const answer = await shop.order('nobody', { [await productAt(1)]: 1, ghost: 1 }, 'no-coupon-1');
    expectProblem(answer, 404, 'unknown-product');
    expect(answer.body).toMatchObject({ message: '상품을 찾을 수 없습니다.' });
  });

  it('for the coupon is told before the balance (R37)', async () => {
    const product = await productAt(1_000);
    const foreign = await couponFor('someone', {});
    for (const couponId of [foreign, 'nothing', 'no-policy-1', `${foreign}9`]) {
      expectProblem(await shop.order('nobody', { [product]: 1 }, couponId), 400, 'unknown-coupon');
    }
  });

  it('for a used coupon says so, and costs nothing (R18, R19)', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(10_000);
    const couponId = await couponFor(userId, {});
    await shop.order(userId, { [product]: 1 }, couponId);
    const answer = await shop.order(userId, { [product]: 1 }, couponId);
    expectProblem(answer, 400, 'coupon-unavailable');
    expect(answer.body).toMatchObject({ reason: 'used', message: '사용할 수 없는 쿠폰입니다.' });
    await expectBalance(shop, userId, 9_500, answer);
  });

  it('for an expired coupon says so (R18, D26)', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(1_000);
    const endsAt = soon();
    const couponId = await couponFor(userId, { endsAt });
    await untilPast(endsAt);
    const answer = await shop.order(userId, { [product]: 1 }, couponId);
    expectProblem(answer, 400, 'coupon-unavailable');
    expect(answer.body).toMatchObject({ reason: 'expired' });
    expect(await statusOfCoupon(userId, couponId, answer)).toBe('expired');
  });

  it('for stock is recorded as rejected, and gives money and coupon back as they were (R23, R38, R41, D22)', async () => {
    const [scarce, plenty] = [await productAt(1_000, 1), await productAt(1_000, 9)];
    const userId = await userWith(10_000);
    const couponId = await couponFor(userId, {});
    const answer = await shop.order(userId, { [plenty]: 3, [scarce]: 2 }, couponId);
    expectProblem(answer, 409, 'out-of-stock');
    expect(answer.body).toMatchObject({ message: '상품 재고가 부족하거나 상품을 찾을 수 없습니다.', orderId: expect.any(String) });
    const orderId = (answer.body as unknown as PlacedOrder).orderId;

    const { body: order } = await shop.orderById(orderId, { after: answer });
    expect(order).toMatchObject({ orderId, status: 'rejected', reason: 'out-of-stock', totalAmount: 4_500, couponId });
    await expectBalance(shop, userId, 10_000, answer);
    expect(await statusOfCoupon(userId, couponId, answer)).toBe('available');
    const { body: history } = await shop.history(userId, { after: answer });
    expect(history.map(({ type, amount, balanceAfter }) => [type, amount, balanceAfter])).toEqual([
      ['restore', 4_500, 10_000],
      ['use', -4_500, 5_500],
      ['charge', 10_000, 10_000],
    ]);
    for (const [product, stock] of [
      [scarce, 1],
      [plenty, 9],
    ] as const) {
      expect((await shop.product(product, { after: answer })).body.stock).toBe(stock);
    }
    expect((await shop.order(userId, { [plenty]: 3 }, couponId)).status).toBe(201);
  });

  it('with a price, total or discount of its own is invalid (R34)', async () => {
    const product = await productAt(1_000);
    const userId = await userWith(10_000);
    const items = [{ productId: product, quantity: 1 }];
    for (const more of [{ price: 1 }, { totalAmount: 1 }, { discount: 1_000 }, { status: 'placed' }]) {
      expectProblem(await shop.client.post('/orders', { userId, items, ...more }), 400, 'invalid-request');
    }
    expectProblem(
      await shop.client.post('/orders', { userId, items: [{ productId: product, quantity: 1, unitPrice: 1 }] }),
      400,
      'invalid-request',
    );
  });

  it('without items or without a body is 400 (D22)', async () => {
    for (const body of [{ userId: 'a', items: [] }, { userId: 'a' }, {}, undefined, null, [], 'order', 7]) {
      expectProblem(await shop.client.post('/orders', body), 400, 'invalid-request');
    }
  });
});
