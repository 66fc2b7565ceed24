import type { Json } from './client.ts';
import { changedTerms, type TestShop, terms } from './shop.ts';

/**
 * An operation that takes a body: a path and a body that would be taken in the shop of `prepareBodies`, and which members of the
 * body are numbers, ids and names. A test holds the table and the document together.
 */
export type Taking = Readonly<{
  operation: string;
  method: 'POST' | 'PUT';
  path: string;
  valid: Json;
  numbers: readonly string[];
  ids: readonly string[];
  names: readonly string[];
  lists: readonly string[];
  /** Members that may be null. */
  nullable: readonly string[];
}>;

const taking = (operation: string, path: string, valid: Json, members: Partial<Taking> = {}): Taking => ({
  operation,
  method: operation.split(' ')[0] as Taking['method'],
  path,
  valid,
  ...{ numbers: [], ids: [], names: [], lists: [], nullable: [] },
  ...members,
});

const lines = [{ productId: 'thing', quantity: 1 }];
const texts = ['name', 'startsAt', 'endsAt', 'discountType'];

/** Every operation that takes a body. A later one may need what an earlier one did. */
export const TAKING: readonly Taking[] = [
  taking('POST /users/{userId}/balance', '/users/ann/balance', { amount: 100 }, { numbers: ['amount'] }),
  taking('POST /balance/charge', '/balance/charge', { userId: 'ann', amount: 100 }, { numbers: ['amount'], ids: ['userId'] }),
  taking('POST /coupons', '/coupons', { userId: 'ann', policyId: 'cp0-1' }, { ids: ['userId', 'policyId'] }),
  taking('POST /coupons/issue', '/coupons/issue', { userId: 'ann', couponId: 'cp0-1' }, { ids: ['userId', 'couponId', 'policyId'] }),
  taking('POST /coupons/async', '/coupons/async', { userId: 'ann', policyId: 'cp0-1' }, { ids: ['userId', 'policyId'] }),
  taking(
    'POST /api/v1/coupon/issue',
    '/api/v1/coupon/issue',
    { userId: 'ann', couponId: 1, transactionId: 'tx-1' },
    // A policy's number may come as text.
    { ids: ['userId', 'couponId'], names: ['transactionId'] },
  ),
  taking('POST /coupons/{couponId}/use', '/coupons/cp0-1-1/use', { userId: 'ann', productId: 'thing' }, { ids: ['userId', 'productId'] }),
  taking('POST /coupons/{couponId}/cancel-use', '/coupons/cp0-1-1/cancel-use', { userId: 'ann' }, { ids: ['userId'] }),
  taking(
    'POST /orders',
    '/orders',
    { userId: 'ann', couponId: null, items: lines },
    { ids: ['userId', 'couponId'], lists: ['items'], nullable: ['couponId'] },
  ),
  taking('POST /products/{productId}/stock', '/products/thing/stock', { quantity: 1 }, { numbers: ['quantity'] }),
  taking(
    'POST /products',
    '/products',
    { name: 'x', price: 1, stock: 1, id: 'new' },
    { numbers: ['price', 'stock'], ids: ['id'], names: ['name'] },
  ),
  taking('POST /coupon-policies', '/coupon-policies', terms(), {
    numbers: ['count', 'discountAmount', 'expireMinutes', 'perUser'],
    names: texts,
    nullable: ['count', 'perUser'],
  }),
  taking('PUT /coupon-policies/{policyId}', '/coupon-policies/cp0-1', changedTerms(), {
    numbers: ['discountAmount', 'expireMinutes'],
    names: texts,
  }),
  taking('POST /coupon-policies/{policyId}/count', '/coupon-policies/cp0-1/count', { add: 1 }, { numbers: ['add'] }),
  taking(
    'POST /init',
    '/init',
    { policies: 1 },
    { numbers: ['policies', 'couponCount', 'perUser', 'products', 'productPrice', 'productStock'], nullable: ['perUser'] },
  ),
];

/** What the bodies speak of: `ann` with money and the coupon `cp0-1-1`, the product `thing`, the policy `cp0-1`. On a fresh shop only. */
export const prepareBodies = async (shop: TestShop): Promise<void> => {
  await shop.createProduct({ id: 'thing', price: 10, stock: 100 });
  await shop.charge('ann', 1_000);
  await shop.createPolicy();
  await shop.issue('ann', 'cp0-1');
};
