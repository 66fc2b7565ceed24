import { describe, expect, it } from '@jest/globals';
import { manyA, onceA, onceB, onceC } from '../../load/lib/expect.ts';
import { type HistoryRow, identitiesOf, type ShopState, type Start, totalsOf, type UserState } from '../../load/lib/oracle.ts';

const day = '2026-01-05';
const productIds = ['p1', 'p2', 'p3', 'p4', 'p5'];
const start: Start = {
  stock: Object.fromEntries(productIds.map((id) => [id, 100])),
  carriedOver: { p1: 1_500, p2: 1_200, p3: 900, p4: 600, p5: 300 },
  day,
};

const row = (seq: number, type: HistoryRow['type'], amount: number, balanceAfter: number, orderId: string | null = null): HistoryRow => ({
  seq,
  type,
  amount,
  balanceAfter,
  orderId,
});

/** A user after one visit of persona A with the n-th coupon: 10,000 charged, 8,000 spent on one of each. */
const shopper = (n: number): UserState => ({
  userId: `u${n}`,
  balance: 2_000,
  held: 0,
  history: [row(2, 'use', -8_000, 2_000, `o${n}`), row(1, 'charge', 10_000, 10_000)],
  coupons: [{ couponId: `c-${n}`, policyId: 'c', serial: n, status: 'used', orderId: `o${n}` }],
  orders: [
    {
      orderId: `o${n}`,
      status: 'placed',
      couponId: `c-${n}`,
      totalAmount: 8_000,
      items: productIds.map((productId) => ({ productId, quantity: 1 })),
    },
  ],
});

const two: ShopState = {
  users: [shopper(1), shopper(2)],
  policies: [{ policyId: 'c', count: 10, issued: 2, remaining: 8, perUser: null }],
  products: productIds.map((id) => ({ id, price: 2_000, stock: 98 })),
  ranking: productIds.map((productId) => ({ productId, soldQty: (start.carriedOver[productId] ?? 0) + 2 })),
  lagMs: 20,
};

const second = (change: Partial<UserState>): ShopState => ({ ...two, users: [shopper(1), { ...shopper(2), ...change }] });
const missed = (shop: ShopState, at = day): string[] => [
  ...new Set(
    identitiesOf(shop, start, at)
      .filter(({ ok }) => !ok)
      .map(({ id }) => id.slice(0, 2)),
  ),
];
const [order] = shopper(2).orders;
const [coupon] = shopper(2).coupons;
if (!order || !coupon) throw new Error('a shopper has an order and a coupon');

describe('the oracle', () => {
  it('finds nothing in a right shop', () => {
    expect(missed(two)).toEqual([]);
    expect(totalsOf(two)).toMatchObject({
      balances: 4_000,
      charge_won: 20_000,
      order_won: 16_000,
      coupon: 2,
      couponsUsed: 2,
      ordersNotPlaced: 0,
    });
  });

  it.each<[string, ShopState, string[]]>([
    ['a won lost from a balance', second({ balance: 1_999 }), ['K1', 'K2']],
    [
      'a row that does not follow from the row before',
      second({ history: [row(2, 'use', -8_000, 2_001, 'o2'), row(1, 'charge', 10_000, 10_000)] }),
      ['K2'],
    ],
    ['two rows for one change', second({ history: [row(3, 'use', 0, 2_000, 'o2'), ...shopper(2).history] }), ['K9']],
    ['a policy oversold by one', { ...two, policies: [{ policyId: 'c', count: 1, issued: 2, remaining: 0, perUser: null }] }, ['K3']],
    ['a serial given twice', second({ coupons: [{ ...coupon, serial: 1 }] }), ['K3']],
    [
      'a second coupon where one per user is the rule',
      {
        ...second({ coupons: [coupon, { ...coupon, couponId: 'c-3', serial: 3, status: 'available' }] }),
        policies: [{ policyId: 'c', count: 10, issued: 3, remaining: 7, perUser: 1 }],
      },
      ['K3'],
    ],
    ['one coupon in two orders', second({ orders: [{ ...order, couponId: 'c-1' }] }), ['K4']],
    ['a piece of stock gone for nothing', { ...two, products: two.products.map((p) => (p.id === 'p3' ? { ...p, stock: 97 } : p)) }, ['K5']],
    [
      'a sale missing in the ranking',
      { ...two, ranking: two.ranking.map((r) => (r.productId === 'p1' ? { ...r, soldQty: 1_501 } : r)) },
      ['K6'],
    ],
    ['money still held', second({ held: 8_000 }), ['K7']],
    ['views behind after 30 s', { ...two, lagMs: 30_001 }, ['K7']],
    ['an order that was never settled', second({ orders: [{ ...order, status: 'open' }] }), ['K1', 'K4', 'K5', 'K6', 'K7', 'K9']],
    ['money taken without an order', second({ orders: [] }), ['K1', 'K4', 'K5', 'K6', 'K9']],
  ])('finds %s', (_, shop, expected) => {
    expect(missed(shop)).toEqual(expected);
  });

  it('leaves the ranking alone when midnight has passed', () => {
    expect(missed({ ...two, ranking: [] }, '2026-01-06')).toEqual([]);
  });

  it('lets a rejected order give its money back', () => {
    const rejected = { ...order, status: 'rejected' };
    const restored = [row(3, 'restore', 8_000, 10_000, 'o2'), ...shopper(2).history];
    const shop = second({
      balance: 10_000,
      history: restored,
      orders: [rejected],
      coupons: [{ ...coupon, status: 'available', orderId: null }],
    });
    expect(missed(shop).filter((id) => id !== 'K5' && id !== 'K6')).toEqual([]);
  });
});

describe('a scenario knows its own end', () => {
  const misses = ({ identities }: { identities: readonly { id: string; ok: boolean }[] }): string[] =>
    identities.filter(({ ok }) => !ok).map(({ id }) => id);

  it('persona A: everyone with a coupon keeps 2,000', () => {
    expect(misses(onceA(two, start.stock, 2, 2))).toEqual([]);
    expect(onceA(two, start.stock, 2, 2).counted.requests).toBe(13);
    expect(misses(onceA(second({ balance: 0 }), start.stock, 2, 2))).toEqual([
      'K13 users with 2,000',
      'K13 users with 0',
      'K13 sum of balances',
    ]);
  });

  it('persona A again and again: an iteration cut off after its charge leaves 10,000', () => {
    const cut = second({ balance: 12_000, history: [row(3, 'charge', 10_000, 12_000), ...shopper(2).history] });
    expect(misses(manyA(two, start.stock, 0))).toEqual([]);
    expect(misses(manyA(cut, start.stock, 1))).toEqual([]);
    expect(misses(manyA(cut, start.stock, 0))).toEqual(['K13 iterations cut off after the charge']);
  });

  it('personas B and C do not accept what A leaves', () => {
    expect(misses(onceB(two, start.stock, 2, 2))).toEqual(['K13 users with 0', 'K13 stock gone per product']);
    expect(misses(onceC(two, start.stock, 2, 2))).toContain('K13 orders of any status');
  });
});
