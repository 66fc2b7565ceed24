import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { inventoryStream } from '../../../src/domain/inventory.ts';
import type { Answer, Json } from '../../support/client.ts';
import { commandsWithFaults, type FaultyCommands, unanswered } from '../../support/faultyCommands.ts';
import { type Case, expectCase, type Refusal } from '../../support/problemCases.ts';
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
  untilPast,
} from '../../support/shop.ts';

let shop: TestShop;
let product: string;
/** A process whose orders get no verdict. */
let noVerdict: FaultyCommands;
/** Orders whose own requests still wait for an outcome. */
const leftOpen: Promise<unknown>[] = [];
beforeAll(async () => {
  shop = await startShop();
  product = await newProduct(shop, 1_000);
  noVerdict = await commandsWithFaults(shop, (append) => (stream, ...rest) => {
    return (stream === inventoryStream ? unanswered : append)(stream, ...rest);
  });
});
afterAll(async () => {
  await Promise.all(leftOpen);
  await noVerdict.stop();
  await shop.stop();
});

const policyWith = async (wished: Json = {}): Promise<string> => (await shop.createPolicy(wished)).body.policyId;
const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const usedCoupon = async (): Promise<readonly [userId: string, couponId: string]> => {
  const [userId, couponId] = await newUserWithCoupon(shop, await policyWith(), 10_000);
  await shop.use(couponId, userId);
  return [userId, couponId];
};
const expiredCoupon = async (): Promise<readonly [userId: string, couponId: string]> => {
  const userId = await newUser(shop, 10_000);
  const endsAt = soon();
  const couponId = await newCoupon(shop, userId, { endsAt });
  await untilPast(endsAt);
  return [userId, couponId];
};
/** A coupon that an order without outcome holds. */
const heldCoupon = async (): Promise<readonly [userId: string, couponId: string]> => {
  const [userId, couponId] = await newUserWithCoupon(shop, await policyWith(), 10_000);
  leftOpen.push(noVerdict.order(userId, { [product]: 1 }, couponId));
  await until(async () => (await shop.coupons(userId)).body[0]?.status === 'held');
  return [userId, couponId];
};
const send = (path: string, body: string, headers: Readonly<Record<string, string>>) =>
  shop.client.raw({ method: 'POST', path, headers, body });
const charged = (body: Json) => shop.client.post('/users/ann/balance', body);
const ordered = (members: Json) => shop.client.post('/orders', { userId: 'ann', items: [{ productId: product, quantity: 1 }], ...members });

const AMOUNT = '충전 금액은 1원 이상이어야 합니다.';
const QUANTITY = '수량은 1개 이상이어야 합니다.';
const USER = '유효하지 않은 사용자 ID입니다.';
const PRODUCT = '유효하지 않은 상품 ID입니다.';
const NO_POLICY = '존재하지 않는 쿠폰 정책입니다.';
const NOT_OPEN = '쿠폰 정책이 유효하지 않습니다.';
const NO_COUPON = '쿠폰을 찾을 수 없습니다.';
const UNAVAILABLE = '사용할 수 없는 쿠폰입니다.';
const HELD = '이미 사용된 쿠폰이거나 유효하지 않습니다.';
const NO_PRODUCT = '상품을 찾을 수 없습니다.';

/** Every problem that a request can make: when it is told, with which status and message. */
const problems: Readonly<Record<Refusal, readonly Case[]>> = {
  'invalid-request': [
    ['an amount', { status: 400, message: AMOUNT, members: { errors: [anError('/amount')] } }, () => charged({ amount: 0 })],
    ['a quantity', { status: 400, message: QUANTITY }, () => ordered({ items: [{ productId: product, quantity: 0 }] })],
    ['a user', { status: 400, message: USER }, () => ordered({ userId: '' })],
    ['a user in the path', { status: 400, message: USER }, () => shop.client.post('/users/a%20b/balance', { amount: 1 })],
    ['a product', { status: 400, message: PRODUCT }, () => ordered({ items: [{ productId: '$', quantity: 1 }] })],
    ['an unknown member', { status: 400, message: '잘못된 요청입니다.' }, () => charged({ amount: 1, free: true })],
    ['no body', { status: 400 }, () => shop.client.post('/orders')],
    ['no JSON', { status: 400, message: '잘못된 요청입니다.' }, () => send('/orders', '{', { 'Content-Type': 'application/json' })],
    ['a token', { status: 400 }, () => shop.balance('ann', { headers: { 'Read-After': 'x' } })],
  ],
  'unknown-policy': [
    ['in a path', { status: 404, message: NO_POLICY }, () => shop.changePolicy('ghost', changedTerms())],
    ['of a query', { status: 404, message: NO_POLICY }, () => shop.policy('ghost')],
    ['wanted a coupon of', { status: 400, message: NO_POLICY }, () => shop.issue('ann', 'ghost')],
    [
      'deleted',
      { status: 400, message: NO_POLICY },
      async () => {
        const policyId = await policyWith();
        await shop.deletePolicy(policyId);
        return shop.issue('ann', policyId);
      },
    ],
  ],
  'not-open': [
    ['before it opens', { status: 400, message: NOT_OPEN }, async () => shop.issue('ann', await policyWith({ startsAt: fromNow(60_000) }))],
    ['after it closed', { status: 400, message: NOT_OPEN }, async () => shop.issue('ann', await policyWith({ endsAt: fromNow(-1) }))],
  ],
  'sold-out': [
    [
      'to who has none',
      { status: 409, message: '남은 쿠폰 수량이 없습니다.' },
      async () => {
        const policyId = await policyWith({ count: 1 });
        await shop.issue('bob', policyId);
        return shop.issue('ann', policyId);
      },
    ],
    [
      'to who holds one, with its id',
      { status: 409, members: { couponId: expect.stringMatching(/-1$/) } },
      async () => {
        const policyId = await policyWith({ count: 1 });
        await shop.issue('ann', policyId);
        return shop.issue('ann', policyId);
      },
    ],
  ],
  'already-issued': [
    [
      'with the id of the coupon',
      { status: 409, message: '이미 발급된 쿠폰입니다.', members: { couponId: expect.stringMatching(/-1$/) } },
      async () => {
        const policyId = await policyWith({ perUser: 1 });
        await shop.issue('ann', policyId);
        return shop.issue('ann', policyId);
      },
    ],
  ],
  'unknown-coupon': [
    ['absent', { status: 404, message: NO_COUPON }, () => shop.use('ghost-1', 'ann')],
    ['of somebody else', { status: 404, message: NO_COUPON }, async () => shop.use(await newCoupon(shop, 'bob', {}), 'ann')],
    ['of a query', { status: 404, message: NO_COUPON }, () => shop.coupon('ghost-1')],
    [
      'deleted',
      { status: 404, message: NO_COUPON },
      async () => {
        const couponId = await newCoupon(shop, 'ann', {});
        await shop.deleteCoupon(couponId, 'ann');
        return shop.use(couponId, 'ann');
      },
    ],
    ['in an order', { status: 400, message: NO_COUPON }, () => shop.order('ann', { [product]: 1 }, 'ghost-1')],
    [
      'of somebody else, in an order',
      { status: 400, message: NO_COUPON },
      async () => shop.order('ann', { [product]: 1 }, await newCoupon(shop, 'bob', {})),
    ],
  ],
  'coupon-unavailable': [
    [
      'used, in an order',
      { status: 400, message: UNAVAILABLE, members: { reason: 'used' } },
      async () => {
        const [userId, couponId] = await usedCoupon();
        return shop.order(userId, { [product]: 1 }, couponId);
      },
    ],
    [
      'expired, in an order',
      { status: 400, message: UNAVAILABLE, members: { reason: 'expired' } },
      async () => {
        const [userId, couponId] = await expiredCoupon();
        return shop.order(userId, { [product]: 1 }, couponId);
      },
    ],
    [
      'held, in an order',
      { status: 400, message: HELD, members: { reason: 'held' } },
      async () => {
        const [userId, couponId] = await heldCoupon();
        return shop.order(userId, { [product]: 1 }, couponId);
      },
    ],
    ['used', { status: 409, message: UNAVAILABLE, members: { reason: 'used' } }, async () => onCoupon(await usedCoupon(), shop.use)],
    [
      'expired',
      { status: 409, message: UNAVAILABLE, members: { reason: 'expired' } },
      async () => onCoupon(await expiredCoupon(), shop.use),
    ],
    ['held', { status: 409, message: HELD, members: { reason: 'held' } }, async () => onCoupon(await heldCoupon(), shop.use)],
    [
      'held, wanted deleted',
      { status: 409, message: HELD, members: { reason: 'held' } },
      async () => onCoupon(await heldCoupon(), shop.deleteCoupon),
    ],
  ],
  'coupon-not-used': [
    [
      'never used',
      { status: 409, message: '사용되지 않은 쿠폰입니다.' },
      async () => shop.cancelUse(await newCoupon(shop, 'ann', {}), 'ann'),
    ],
    [
      'cancelled twice',
      { status: 409 },
      async () => {
        const [userId, couponId] = await usedCoupon();
        await shop.cancelUse(couponId, userId);
        return shop.cancelUse(couponId, userId);
      },
    ],
  ],
  'coupon-in-order': [
    [
      'of a placed order',
      { status: 409 },
      async () => {
        const [userId, couponId] = await newUserWithCoupon(shop, await policyWith(), 10_000);
        await shop.order(userId, { [product]: 1 }, couponId);
        return shop.cancelUse(couponId, userId);
      },
    ],
  ],
  'insufficient-balance': [
    ['by one won', { status: 400, message: '잔액이 부족합니다.' }, async () => shop.order(await newUser(shop, 1_999), { [product]: 2 })],
  ],
  'out-of-stock': [
    [
      'with the order that is on record',
      {
        status: 409,
        message: '상품 재고가 부족하거나 상품을 찾을 수 없습니다.',
        members: { orderId: expect.stringMatching(/./), reason: 'out-of-stock' },
      },
      async () => shop.order(await newUser(shop, 10_000), { [await newProduct(shop, 10, 1)]: 2 }),
    ],
  ],
  'unknown-product': [
    ['in a path', { status: 404, message: NO_PRODUCT }, () => shop.receive('ghost', 1)],
    ['of a query', { status: 404, message: NO_PRODUCT }, () => shop.product('ghost')],
    ['in an order', { status: 404, message: NO_PRODUCT }, () => shop.order('ann', { ghost: 1 })],
  ],
  'unknown-order': [['of a query', { status: 404 }, () => shop.orderById('ghost')]],
  'product-exists': [['with its id', { status: 409 }, () => shop.createProduct({ id: product })]],
  'policy-term-immutable': [
    [
      'a count of an unlimited policy',
      { status: 409, message: 'type 은 변경할 수 없습니다.' },
      async () => shop.addCount(await policyWith({ count: null }), 1),
    ],
  ],
  'limit-exceeded': [
    ['of a count', { status: 409 }, async () => shop.addCount(await policyWith({ count: 1 }), 2_147_483_647)],
    // Of a balance: commands.spec.ts. Of a stock: products.spec.ts.
  ],
  'key-reused': [
    [
      'another amount',
      { status: 422 },
      async () => {
        await shop.charge('ann', 1, { key: 'k' });
        return shop.charge('ann', 2, { key: 'k' });
      },
    ],
  ],
  'not-found': [['a path that is none', { status: 404 }, () => shop.client.get('/nothing-here')]],
  'method-not-allowed': [['a method that is none', { status: 405 }, () => shop.client.raw({ method: 'PATCH', path: '/orders' })]],
  'payload-too-large': [['17 KB', { status: 413 }, () => send('/orders', ' '.repeat(17 * 1024), { 'Content-Type': 'application/json' })]],
  'unsupported-media-type': [
    ['no JSON', { status: 415 }, () => send('/orders', '{}', { 'Content-Type': 'text/plain' })],
    ['no UTF-8', { status: 415 }, () => send('/orders', '{}', { 'Content-Type': 'application/json; charset=latin1' })],
  ],
};

function anError(pointer: string) {
  return { pointer, detail: expect.stringMatching(/./) };
}

const onCoupon = <T>(
  [userId, couponId]: readonly [string, string],
  command: (couponId: string, userId: string) => Promise<Answer<T>>,
): Promise<Answer<T>> => command(couponId, userId);

describe.each(Object.entries(problems))('%s (D15)', (name, cases) => {
  it.each(cases)('%s', async (_, expected, provoke) => expectCase(name, expected, await provoke()));
});
