import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  type AccountEvent,
  accountFold,
  type Charge,
  charge,
  findOrder,
  OPEN_ORDERS_MAX,
  type Submission,
  settleOrder,
  submitOrder,
} from '../../src/domain/account.ts';
import type { CommandId, CouponId, Fingerprint, OrderId, ProductId, UserId } from '../../src/domain/ids.ts';
import { foldAll } from '../../src/domain/kernel.ts';
import { TOTAL_MAX, type Won } from '../../src/domain/money.ts';
import { specificationOf } from '../support/specification.ts';

const given = specificationOf(accountFold);
const ann = 'ann' as UserId;
const coupon = { couponId: 'cp1-1-1' as CouponId, owner: ann, expiresAt: 1_000 };

const chargeOf = (id: string, amount: number): Charge => ({
  chargeId: id as CommandId,
  fingerprint: `f${amount}` as Fingerprint,
  amount: amount as Won,
  at: 5,
});
const charged = (id: string, amount: number, balanceAfter: number, movement: number): AccountEvent => ({
  type: 'BalanceCharged',
  data: { ...chargeOf(id, amount), balanceAfter: balanceAfter as Won, movement },
});
const submissionOf = (id: string, total: number, extra: Partial<Submission> = {}): Submission => ({
  orderId: id as OrderId,
  fingerprint: `f${id}` as Fingerprint,
  userId: ann,
  lines: [{ productId: 'p1' as ProductId, name: 'p1', quantity: 1, unitPrice: total as Won }],
  coupon: null,
  subtotal: total as Won,
  discount: 0 as Won,
  totalAmount: total as Won,
  ledgerSeen: 3,
  at: 10,
  ...extra,
});
const submitted = (id: string, total: number, balanceAfter: number, movement: number, couponId: CouponId | null = null): AccountEvent => {
  const { coupon: _coupon, userId: _userId, ...order } = submissionOf(id, total);
  return { type: 'OrderSubmitted', data: { ...order, couponId, balanceAfter: balanceAfter as Won, movement } };
};
const placed = (id: string, total: number, couponId: CouponId | null = null): AccountEvent => ({
  type: 'OrderPlaced',
  data: { orderId: id as OrderId, lines: submissionOf(id, total).lines, couponId, totalAmount: total as Won, at: 20 },
});
const rejected = (id: string, total: number, balanceAfter: number, movement: number, couponId: CouponId | null = null): AccountEvent => ({
  type: 'OrderRejected',
  data: {
    orderId: id as OrderId,
    reason: 'out-of-stock',
    couponId,
    totalAmount: total as Won,
    balanceAfter: balanceAfter as Won,
    movement,
    at: 20,
  },
});

describe('charging', () => {
  it('adds the amount and numbers the movement', () => {
    given(charged('c1', 100, 100, 1))
      .when(charge(chargeOf('c2', 50)))
      .records(charged('c2', 50, 150, 2))
      .answers({ kind: 'charged', balance: 150, replayed: false });
  });

  it('answers a repeat with the balance of then, not of today (R31)', () => {
    given(charged('c1', 100, 100, 1), charged('c2', 50, 150, 2))
      .when(charge(chargeOf('c1', 100)))
      .recordsNothing()
      .answers({ kind: 'charged', balance: 100, replayed: true })
      .restingOn('recorded');
  });

  it('refuses another amount under a known key', () => {
    given(charged('c1', 100, 100, 1))
      .when(charge(chargeOf('c1', 200)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'key-reused' });
  });

  it('refuses above the balance limit, holds included, and only after a fresh look', () => {
    given(charged('c0', TOTAL_MAX, TOTAL_MAX, 1), submitted('o1', 10, TOTAL_MAX - 10, 2))
      .when(charge(chargeOf('c1', 1)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'limit-exceeded' })
      .restingOn('current');
  });
});

describe('submitting an order', () => {
  it('takes hold of the total', () => {
    given(charged('c1', 100, 100, 1))
      .when(submitOrder(submissionOf('o1', 60)))
      .records(submitted('o1', 60, 40, 2))
      .answers({ kind: 'submitted', replayed: false, order: { status: 'open', totalAmount: 60 } })
      .answersAgain({ kind: 'submitted', replayed: true });
  });

  it('takes hold of the coupon with the money', () => {
    given(charged('c1', 100, 100, 1))
      .when(submitOrder(submissionOf('o1', 60, { coupon })))
      .records(submitted('o1', 60, 40, 2, coupon.couponId));
  });

  it('refuses when the balance is short by one won, holds taken off (R30)', () => {
    given(charged('c1', 100, 100, 1), submitted('o1', 60, 40, 2))
      .when(submitOrder(submissionOf('o2', 41)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'insufficient-balance' })
      .restingOn('current');
  });

  it('accepts a total of nothing without a balance (R36)', () => {
    given()
      .when(submitOrder(submissionOf('o1', 0)))
      .records(submitted('o1', 0, 0, 1));
  });

  it.each([
    ['held', [submitted('o1', 10, 90, 2, coupon.couponId)]],
    ['used', [submitted('o1', 10, 90, 2, coupon.couponId), placed('o1', 10, coupon.couponId)]],
  ] as const)('refuses a coupon that is %s (R19)', (because, past) => {
    given(charged('c1', 100, 100, 1), ...past)
      .when(submitOrder(submissionOf('o2', 10, { coupon })))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'coupon-unavailable', because });
  });

  it('takes a coupon until its last millisecond and not one later (R18)', () => {
    const past = charged('c1', 100, 100, 1);
    given(past)
      .when(submitOrder(submissionOf('o1', 10, { coupon, at: 1_000 })))
      .answers({ kind: 'submitted' });
    given(past)
      .when(submitOrder(submissionOf('o1', 10, { coupon, at: 1_001 })))
      .answers({ kind: 'refused', reason: 'coupon-unavailable', because: 'expired' });
  });

  it("does not know another user's coupon", () => {
    given(charged('c1', 100, 100, 1))
      .when(submitOrder(submissionOf('o1', 10, { coupon: { ...coupon, owner: 'bob' as UserId } })))
      .answers({ kind: 'refused', reason: 'unknown-coupon' });
  });

  it('takes a coupon again that a rejected order gave back (R23)', () => {
    given(charged('c1', 100, 100, 1), submitted('o1', 10, 90, 2, coupon.couponId), rejected('o1', 10, 100, 3, coupon.couponId))
      .when(submitOrder(submissionOf('o2', 10, { coupon })))
      .answers({ kind: 'submitted' });
  });

  it('refuses another cart under a known key', () => {
    given(charged('c1', 100, 100, 1), submitted('o1', 60, 40, 2))
      .when(submitOrder({ ...submissionOf('o1', 60), fingerprint: 'other' as Fingerprint }))
      .answers({ kind: 'refused', reason: 'key-reused' });
  });

  it('allows no more than its limit of orders without outcome', () => {
    const open = Array.from({ length: OPEN_ORDERS_MAX }, (_, i) => submitted(`o${i}`, 0, 100, i + 2));
    given(charged('c1', 100, 100, 1), ...open)
      .when(submitOrder(submissionOf('one-more', 0)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'too-many-open-orders' });
    given(charged('c1', 100, 100, 1), ...open, placed('o0', 0))
      .when(submitOrder(submissionOf('one-more', 0)))
      .answers({ kind: 'submitted' });
  });
});

describe('settling an order', () => {
  const past = [charged('c1', 100, 100, 1), submitted('o1', 60, 40, 2, coupon.couponId)];

  it('places it when the stock was taken (R40)', () => {
    given(...past)
      .when(settleOrder({ orderId: 'o1' as OrderId, verdict: 'taken', at: 20 }))
      .records(placed('o1', 60, coupon.couponId))
      .answers({ status: 'placed' })
      .answersAgain({ status: 'placed' });
  });

  it('gives money and coupon back, once, when it was denied (R38)', () => {
    given(...past)
      .when(settleOrder({ orderId: 'o1' as OrderId, verdict: 'out-of-stock', at: 20 }))
      .records(rejected('o1', 60, 100, 3, coupon.couponId))
      .answers({ status: 'rejected', reason: 'out-of-stock' });
  });

  it('keeps the first outcome whatever a later verdict says', () => {
    given(...past, placed('o1', 60, coupon.couponId))
      .when(settleOrder({ orderId: 'o1' as OrderId, verdict: 'expired', at: 30 }))
      .recordsNothing()
      .answers({ status: 'placed' });
  });

  it('finds an order as it stands', () => {
    given(...past)
      .when(findOrder('o1' as OrderId))
      .answers({ status: 'open' })
      .restingOn('current');
    given(...past, placed('o1', 60))
      .when(findOrder('o1' as OrderId))
      .answers({ status: 'placed' })
      .restingOn('recorded');
    expect(findOrder('o2' as OrderId)(foldAll(accountFold, accountFold.initial, past)).outcome).toBeNull();
  });
});

describe('any history', () => {
  const command = fc.oneof(
    fc.record({ kind: fc.constant('charge' as const), id: fc.integer({ min: 0, max: 5 }), amount: fc.integer({ min: 1, max: 50 }) }),
    fc.record({
      kind: fc.constant('submit' as const),
      id: fc.integer({ min: 0, max: 8 }),
      amount: fc.integer({ min: 0, max: 60 }),
      withCoupon: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('settle' as const), id: fc.integer({ min: 0, max: 8 }), taken: fc.boolean() }),
  );

  it('keeps balance and holds at or above nothing, and the history sums up to the balance, at every prefix (I1, I2, R29)', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        let account = accountFold.initial;
        let history = 0;
        let movements = 0;
        for (const asked of commands) {
          if (asked.kind === 'settle' && !account.orders.has(`o${asked.id}` as OrderId)) continue;
          const decision =
            asked.kind === 'charge'
              ? charge(chargeOf(`c${asked.id}`, asked.amount))(account)
              : asked.kind === 'submit'
                ? submitOrder(submissionOf(`o${asked.id}`, asked.amount, asked.withCoupon ? { coupon } : {}))(account)
                : settleOrder({ orderId: `o${asked.id}` as OrderId, verdict: asked.taken ? 'taken' : 'out-of-stock', at: 20 })(account);
          for (const event of decision.events as readonly AccountEvent[]) {
            account = accountFold.evolve(account, event);
            if (event.type !== 'BalanceCharged' && event.type !== 'OrderSubmitted' && event.type !== 'OrderRejected') continue;
            history +=
              event.type === 'BalanceCharged'
                ? event.data.amount
                : event.type === 'OrderSubmitted'
                  ? -event.data.totalAmount
                  : event.data.totalAmount;
            movements += 1;
            expect([event.data.balanceAfter, event.data.movement]).toEqual([history, movements]);
          }
          const open = account.orders.entries().filter(([, order]) => order.status === 'open');
          expect(account.balance).toBe(history);
          expect(account.balance).toBeGreaterThanOrEqual(0);
          expect(account.held).toBe(open.reduce((sum, [, order]) => sum + order.totalAmount, 0));
          expect(account.openOrders).toBe(open.length);
        }
      }),
    );
  });
});
