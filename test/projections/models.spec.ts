import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { CouponPolicyEvent } from '../../src/domain/couponPolicy.ts';
import type { DomainEvent } from '../../src/domain/events.ts';
import type { AccountRow } from '../../src/projections/models/accounts.rows.ts';
import type { BalanceHistoryRow } from '../../src/projections/models/balanceHistory.rows.ts';
import type { CouponHistoryRow } from '../../src/projections/models/couponHistory.rows.ts';
import type { CouponPolicyRow } from '../../src/projections/models/couponPolicies.rows.ts';
import type { CouponPolicyHistoryRow } from '../../src/projections/models/couponPolicyHistory.rows.ts';
import type { CouponRequestRow } from '../../src/projections/models/couponRequests.rows.ts';
import type { CouponRow } from '../../src/projections/models/coupons.rows.ts';
import type { OpenOrderRow, OrderRow } from '../../src/projections/models/orders.rows.ts';
import type { ProductSalesRow } from '../../src/projections/models/productSales.rows.ts';
import type { ProductRow } from '../../src/projections/models/products.rows.ts';
import {
  charged,
  countAdded,
  couponDeleted,
  couponUsed,
  created,
  generationOpened,
  issued,
  line,
  NOON,
  placed,
  policyChanged,
  policyDeleted,
  policyOpened,
  received,
  rejected,
  requestRefused,
  submitted,
  taken,
  useCancelled,
} from './facts.ts';
import { World } from './world.ts';

type Fact = readonly [stream: string, event: DomainEvent];

let world: World;
beforeEach(async () => {
  world = await World.open();
});
afterEach(async () => {
  await world.close();
});

/** What views show must not depend on how the log is cut: all facts in one batch, then each in a batch of its own. */
const CUTS = [
  ['in one batch', 1_000],
  ['in a batch each', 1],
] as const;

const show = async (batchMax: number, facts: readonly Fact[]): Promise<void> => {
  for (const [stream, event] of facts) await world.recordOurs(stream, event);
  world.run({ batchMax, paceMs: 0 });
  await world.drained();
  const halts = (await world.checkpoints()).filter(({ halted }) => halted !== null);
  expect(halts).toEqual([]);
};

const order = { orderId: 'o1', lines: [line('p1', 2), line('p2', 1, 500)], couponId: 'cp1-1-1', discount: 2_000 };

describe.each(CUTS)('facts %s', (_cut, batchMax) => {
  it('accounts: shows what can be spent and what open orders hold (R27, R29, D21)', async () => {
    await show(batchMax, [
      ['account-ann', charged(1, 10_000, 10_000)],
      ['account-ann', submitted(2, 7_500, order)],
      ['account-ann', placed(order)],
      ['account-bob', charged(1, 5_000, 5_000)],
      ['account-bob', submitted(2, 2_500, { ...order, orderId: 'o2' })],
      ['account-cid', charged(1, 5_000, 5_000)],
      ['account-cid', submitted(2, 2_500, { ...order, orderId: 'o3' })],
      ['account-cid', rejected(3, 5_000, { ...order, orderId: 'o3' })],
    ]);
    expect(await world.rows<AccountRow>('select * from accounts order by user_id')).toEqual([
      { user_id: 'ann', balance: '7500', held: '0' },
      { user_id: 'bob', balance: '2500', held: '2500' },
      { user_id: 'cid', balance: '5000', held: '0' },
    ]);
  });

  it('balance_history: one row per change, each the row before plus its amount (R29, D20)', async () => {
    await show(batchMax, [
      ['account-ann', charged(1, 10_000, 10_000, NOON + 1)],
      ['account-ann', submitted(2, 7_500, order)],
      ['account-ann', rejected(3, 10_000, order)],
    ]);
    expect(await world.rows<BalanceHistoryRow>('select * from balance_history order by user_id, seq')).toEqual([
      { ...change(1, 'charge', '10000', '10000'), order_id: null, at: new Date(NOON + 1) },
      { ...change(2, 'use', '-2500', '7500'), order_id: 'o1', at: new Date(NOON) },
      { ...change(3, 'restore', '2500', '10000'), order_id: 'o1', at: new Date(NOON + 5) },
    ]);
  });

  it('coupons: numbers every issue in log order, and follows hold, use and release (R16, R23, R24)', async () => {
    const second = { ...order, orderId: 'o2', couponId: 'cp1-2-1' };
    await show(batchMax, [
      ['couponPolicy-cp1-1', issued('cp1-1', 1, 'ann')],
      ['couponPolicy-cp1-2', issued('cp1-2', 1, 'ann')],
      ['couponPolicy-cp1-1', issued('cp1-1', 2, 'bob')],
      ['account-ann', charged(1, 10_000, 10_000)],
      ['account-ann', submitted(2, 7_500, order)],
      ['account-ann', placed(order)],
      ['account-ann', submitted(3, 5_000, second)],
      ['couponPolicy-cp1-1', issued('cp1-1', 3, 'cid')],
      ['account-bob', submitted(1, 0, { ...order, orderId: 'o3', couponId: 'cp1-1-2' })],
      ['account-bob', rejected(2, 2_500, { ...order, orderId: 'o3', couponId: 'cp1-1-2' })],
    ]);
    const rows = await world.rows<CouponRow>('select * from coupons order by number');
    expect(rows.map((row) => [row.number, row.coupon_id, row.user_id, row.status, row.order_id, row.used_at])).toEqual([
      ['1', 'cp1-1-1', 'ann', 'used', 'o1', new Date(NOON + 5)],
      ['2', 'cp1-2-1', 'ann', 'held', 'o2', null],
      ['3', 'cp1-1-2', 'bob', 'available', null, null],
      ['4', 'cp1-1-3', 'cid', 'available', null, null],
    ]);
    expect(rows[0]).toMatchObject({
      policy_id: 'cp1-1',
      serial: 1,
      discount_type: 'amount',
      discount_amount: '2000',
      issued_at: new Date(NOON + 123),
      expires_at: new Date(NOON + 86_400_000),
      product_id: null,
      deleted_at: null,
    });
  });

  it('coupons: follows uses outside orders, their taking back, and deletions that keep what was used (R20, R21, R22)', async () => {
    await show(batchMax, [
      ...[1, 2, 3, 4, 5].map((serial): Fact => ['couponPolicy-cp1-1', issued('cp1-1', serial, 'ann')]),
      ['account-ann', couponUsed('cp1-1-1', 'p1')],
      ['account-ann', couponUsed('cp1-1-2', 'p2')],
      ['account-ann', useCancelled('cp1-1-2')],
      ['account-ann', couponDeleted('cp1-1-3')],
      ['account-ann', couponUsed('cp1-1-4', null)],
      ['account-ann', couponDeleted('cp1-1-4')],
      ['account-ann', submitted(1, 0, { ...order, couponId: 'cp1-1-5' })],
      ['account-ann', placed({ ...order, couponId: 'cp1-1-5' })],
      ['account-ann', couponDeleted('cp1-1-5')],
    ]);
    const rows = await world.rows<CouponRow>('select * from coupons order by number');
    expect(rows.map((row) => [row.number, row.status, row.product_id, row.order_id, row.used_at, row.deleted_at])).toEqual([
      ['1', 'used', 'p1', null, new Date(NOON + 10), null],
      ['2', 'available', null, null, null, null],
      ['3', 'deleted', null, null, null, new Date(NOON + 30)],
      ['4', 'deleted', null, null, new Date(NOON + 10), new Date(NOON + 30)],
      ['5', 'deleted', null, 'o1', new Date(NOON + 5), new Date(NOON + 30)],
    ]);
  });

  it('coupon_history: a row for all that is done with a coupon after its issue, counted from 2 (R26)', async () => {
    const other = { ...order, orderId: 'o2' };
    await show(batchMax, [
      ['couponPolicy-cp1-1', issued('cp1-1', 1, 'ann')],
      ['account-bob', couponUsed('cp1-1-2', 'p9')],
      ['account-ann', couponUsed('cp1-1-1', 'p1')],
      ['account-ann', useCancelled('cp1-1-1')],
      ['account-ann', submitted(1, 0, order)],
      ['account-ann', rejected(2, 0, order)],
      ['account-ann', submitted(3, 0, other)],
      ['account-ann', submitted(4, 0, { ...order, orderId: 'o3', couponId: null })],
      ['account-ann', placed(other)],
      ['account-ann', couponDeleted('cp1-1-1')],
    ]);
    const rows = await world.rows<CouponHistoryRow>('select * from coupon_history order by coupon_id, seq');
    expect(rows.map((row) => [row.coupon_id, row.seq, row.change, row.product_id, row.order_id, row.at.getTime() - NOON])).toEqual([
      ['cp1-1-1', 2, 'used', 'p1', null, 10],
      ['cp1-1-1', 3, 'use-cancelled', null, null, 20],
      ['cp1-1-1', 4, 'held', null, 'o1', 0],
      ['cp1-1-1', 5, 'released', null, 'o1', 5],
      ['cp1-1-1', 6, 'held', null, 'o2', 0],
      ['cp1-1-1', 7, 'used', null, 'o2', 5],
      ['cp1-1-1', 8, 'deleted', null, null, 30],
      ['cp1-1-2', 2, 'used', 'p9', null, 10],
    ]);
  });

  it('coupon_requests: one outcome for each transaction of a policy; coupons that were not asked for by the queue are none (R48)', async () => {
    const queued = (transactionId: string) => ({ queued: { transactionId, decidedAt: NOON + 200 } });
    const asked = (policyId: string, serial: number, transactionId: string): CouponPolicyEvent => {
      const { type, data } = issued(policyId, serial, 'ann') as Extract<CouponPolicyEvent, { type: 'CouponIssued' }>;
      return { type, data: { ...data, ...queued(transactionId) } };
    };
    await show(batchMax, [
      ['couponPolicy-cp1-1', policyOpened('cp1-1', 1)],
      ['couponPolicy-cp1-1', issued('cp1-1', 1, 'ann')],
      ['couponPolicy-cp1-1', asked('cp1-1', 2, 'tx-1')],
      ['couponPolicy-cp1-1', requestRefused('tx-2', 'bob', 'sold-out')],
      ['couponPolicy-nothing', requestRefused('tx-1', 'bob', 'unknown-policy')],
    ]);
    const rows = await world.rows<CouponRequestRow>('select * from coupon_requests order by position');
    expect(rows.map(({ position: _, decided_at, ...row }) => [...Object.values(row), decided_at.getTime() - NOON])).toEqual([
      ['tx-1', 'cp1-1', 1, 'ann', 'issued', null, 'cp1-1-2', 200],
      ['tx-2', 'cp1-1', 1, 'bob', 'refused', 'sold-out', null, 300],
      ['tx-1', 'nothing', null, 'bob', 'refused', 'unknown-policy', null, 300],
    ]);
  });

  it('orders: every order with its lines, its place in the log and its outcome; open_orders those without one (R35, R40, D27)', async () => {
    const second = { ...order, orderId: 'o2', couponId: null, discount: 0 };
    const third = { ...order, orderId: 'o3', couponId: null, discount: 0 };
    await show(batchMax, [
      ['account-ann', charged(1, 10_000, 10_000)],
      ['account-ann', submitted(2, 7_500, order)],
      ['account-ann', placed(order)],
      ['account-ann', submitted(3, 3_000, second)],
      ['account-ann', rejected(4, 7_500, second)],
      ['account-ann', submitted(5, 3_000, third)],
    ]);
    const rows = await world.rows<OrderRow>('select * from orders order by position');
    expect(rows.map((row) => [row.order_id, row.status, row.reason, row.settled_at])).toEqual([
      ['o1', 'placed', null, new Date(NOON + 5)],
      ['o2', 'rejected', 'out-of-stock', new Date(NOON + 5)],
      ['o3', 'open', null, null],
    ]);
    expect(rows[0]).toMatchObject({ user_id: 'ann', subtotal: '4500', discount: '2000', total_amount: '2500', coupon_id: 'cp1-1-1' });
    expect(rows[0]?.items).toEqual([
      { productId: 'p1', name: 'name of p1', quantity: 2, unitPrice: 2_000, subtotal: 4_000 },
      { productId: 'p2', name: 'name of p2', quantity: 1, unitPrice: 500, subtotal: 500 },
    ]);
    expect(await world.rows<OpenOrderRow>('select * from open_orders')).toEqual([
      { order_id: 'o3', user_id: 'ann', ordered_at: new Date(NOON) },
    ]);
  });

  it('products: stock is what was received less what was taken (R39)', async () => {
    await show(batchMax, [
      ['product-p1', created('p1')],
      ['inventory-main', received('p1', 10)],
      ['inventory-main', taken('o1', ['p1', 3])],
      ['inventory-main', received('p1', 5, 12)],
      ['product-p2', created('p2', 0)],
    ]);
    expect(await world.rows<ProductRow>('select * from products order by product_id')).toEqual([
      { product_id: 'p1', name: 'name of p1', price: '2000', stock: '12', generation: 1, created_at: new Date(NOON) },
      { product_id: 'p2', name: 'name of p2', price: '0', stock: '0', generation: 1, created_at: new Date(NOON) },
    ]);
  });

  it('coupon_policies: terms, and how many were given out (R8, R13, R16)', async () => {
    await show(batchMax, [
      ['couponPolicy-cp1-1', policyOpened('cp1-1', 1, 3)],
      ['couponPolicy-cp1-2', policyOpened('cp1-2', 2, null)],
      ['couponPolicy-cp1-1', issued('cp1-1', 1, 'ann')],
      ['couponPolicy-cp1-1', issued('cp1-1', 2, 'bob')],
    ]);
    const rows = await world.rows<CouponPolicyRow>('select * from coupon_policies order by number');
    expect(rows.map((row) => [row.policy_id, row.type, row.count, row.issued])).toEqual([
      ['cp1-1', 'limited', 3, 2],
      ['cp1-2', 'unlimited', null, 0],
    ]);
    expect(rows[0]).toMatchObject({
      generation: 1,
      name: 'welcome',
      discount_amount: '2000',
      expire_minutes: '10080',
      starts_at: new Date(NOON - 60_000),
      ends_at: new Date(NOON + 3 * 86_400_000),
      created_at: new Date(NOON),
      updated_at: new Date(NOON),
    });
  });

  it('coupon_policies and their history: the terms of now, and those after every change (R3, R10, R11)', async () => {
    await show(batchMax, [
      ['couponPolicy-cp1-1', policyOpened('cp1-1', 1, 1)],
      ['couponPolicy-cp1-1', issued('cp1-1', 1, 'ann')],
      ['couponPolicy-cp1-2', policyOpened('cp1-2', 2, null)],
      ['couponPolicy-cp1-1', countAdded('cp1-1', 2, 3)],
      // More than there were before the addition: in one batch, both must be seen together.
      ['couponPolicy-cp1-1', issued('cp1-1', 2, 'bob')],
      ['couponPolicy-cp1-1', issued('cp1-1', 3, 'cid')],
      ['couponPolicy-cp1-2', policyChanged('cp1-2', null, 'better')],
      ['couponPolicy-cp1-1', policyDeleted('cp1-1', 3)],
    ]);
    const rows = await world.rows<CouponPolicyRow>('select * from coupon_policies order by number');
    expect(rows.map((row) => [row.name, row.type, row.count, row.issued, row.discount_amount, row.updated_at, row.deleted_at])).toEqual([
      ['welcome', 'limited', 3, 3, '2000', new Date(NOON + 3), new Date(NOON + 3)],
      ['better', 'unlimited', null, 0, '700', new Date(NOON + 1), null],
    ]);
    const history = await world.rows<CouponPolicyHistoryRow>('select * from coupon_policy_history order by policy_id, seq');
    expect(
      history.map((row) => [row.policy_id, row.seq, row.change, row.name, row.count, row.discount_amount, row.at.getTime() - NOON]),
    ).toEqual([
      ['cp1-1', 1, 'created', 'welcome', 1, '2000', 0],
      ['cp1-1', 2, 'count-added', 'welcome', 3, '2000', 2],
      ['cp1-1', 3, 'deleted', 'welcome', 3, '2000', 3],
      ['cp1-2', 1, 'created', 'welcome', null, '2000', 0],
      ['cp1-2', 2, 'changed', 'better', null, '700', 1],
    ]);
    expect(history[0]).toMatchObject({
      discount_type: 'amount',
      starts_at: new Date(NOON - 60_000),
      ends_at: new Date(NOON + 3 * 86_400_000),
      expire_minutes: '10080',
      per_user: null,
    });
  });

  it('product_sales: placed quantities on their day in Seoul, with what a generation carried over (R43, R44)', async () => {
    const beforeMidnight = Date.parse('2026-01-05T14:59:59.990Z');
    const afterMidnight = Date.parse('2026-01-05T14:59:59.995Z');
    await show(batchMax, [
      ['shop-main', generationOpened(1, ['p1', '2026-01-05', 500], ['p1', '2026-01-04', 400])],
      ['account-ann', submitted(1, 0, { ...order, at: beforeMidnight })],
      ['account-ann', placed({ ...order, at: beforeMidnight })],
      ['account-bob', submitted(1, 0, { ...order, orderId: 'o2', at: afterMidnight })],
      ['account-bob', placed({ ...order, orderId: 'o2', at: afterMidnight })],
      ['account-cid', submitted(1, 0, { ...order, orderId: 'o3' })],
      ['account-cid', rejected(2, 0, { ...order, orderId: 'o3' })],
    ]);
    expect(await world.rows<ProductSalesRow>('select * from product_sales order by product_id, day')).toEqual([
      { product_id: 'p1', day: '2026-01-04', quantity: '400' },
      { product_id: 'p1', day: '2026-01-05', quantity: '502' },
      { product_id: 'p1', day: '2026-01-06', quantity: '2' },
      { product_id: 'p2', day: '2026-01-05', quantity: '1' },
      { product_id: 'p2', day: '2026-01-06', quantity: '1' },
    ]);
    expect(await world.rows('select * from generations')).toEqual([{ generation: 1, opened_at: new Date(NOON) }]);
  });
});

it('PJ8: facts of different streams may come in any order', async () => {
  await show(1, [
    ['inventory-main', received('p1', 10)],
    ['account-ann', submitted(1, 0, order)],
    ['account-ann', placed(order)],
  ]);
  expect(await world.rows('select * from products')).toEqual([]);
  expect(await world.rows('select * from coupons')).toEqual([]);
  await world.recordOurs('product-p1', created('p1'));
  await world.recordOurs('couponPolicy-cp1-1', issued('cp1-1', 1, 'ann'));
  await world.drained();
  expect(await world.rows<ProductRow>('select name, stock from products')).toEqual([{ name: 'name of p1', stock: '10' }]);
  expect(await world.rows<CouponRow>('select number, status, user_id from coupons')).toEqual([
    { number: '1', status: 'used', user_id: 'ann' },
  ]);
});

it('PJ8: no digit of money beyond 2^32 is lost', async () => {
  await show(1_000, [['account-ann', charged(1, 999_999_999_999, 999_999_999_999)]]);
  expect(await world.rows('select balance from accounts')).toEqual([{ balance: '999999999999' }]);
});

const change = (seq: number, type: BalanceHistoryRow['type'], amount: string, balanceAfter: string) => ({
  user_id: 'ann',
  seq,
  type,
  amount,
  balance_after: balanceAfter,
  reservation_id: null,
});
