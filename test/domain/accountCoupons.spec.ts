import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type AccountEvent, accountFold, settleOrder, submitOrder } from '../../src/domain/account.ts';
import { type CouponFacts, cancelUse, deleteCoupon, useCoupon } from '../../src/domain/accountCoupons.ts';
import type { CommandId, CouponId, Fingerprint, OrderId, ProductId, UserId } from '../../src/domain/ids.ts';
import type { Won } from '../../src/domain/money.ts';
import { specificationOf } from '../support/specification.ts';

const given = specificationOf(accountFold);
const ann = 'ann' as UserId;
const coupon: CouponFacts = { couponId: 'cp1-1-1' as CouponId, owner: ann, expiresAt: 1_000 };
const { couponId } = coupon;

const command = (id: string, at = 10) => ({ commandId: id as CommandId, fingerprint: `f${id}` as Fingerprint, at });
const asked = (id: string, at = 10) => ({ coupon, ...command(id, at) });
const use = (id: string, at = 10) => useCoupon({ productId: 'p1' as ProductId, ...asked(id, at) });

const used = (id: string): AccountEvent => ({ type: 'CouponUsed', data: { productId: 'p1' as ProductId, couponId, ...command(id) } });
const cancelled = (id: string): AccountEvent => ({ type: 'CouponUseCancelled', data: { couponId, ...command(id) } });
const deleted = (id: string): AccountEvent => ({ type: 'CouponDeleted', data: { couponId, ...command(id) } });

const cost = { lines: [], subtotal: 0 as Won, discount: 0 as Won, totalAmount: 0 as Won };
const submission = (orderId: string, at = 10) => ({
  ...cost,
  orderId: orderId as OrderId,
  fingerprint: 'f' as Fingerprint,
  userId: ann,
  coupon,
  ledgerSeen: 0,
  at,
});
const held = (orderId: string, movement = 1): AccountEvent => {
  const { coupon: _coupon, userId: _userId, ...order } = submission(orderId);
  return { type: 'OrderSubmitted', data: { ...order, couponId, balanceAfter: 0 as Won, movement } };
};
const placed = (orderId: string): AccountEvent => ({
  type: 'OrderPlaced',
  data: { orderId: orderId as OrderId, lines: [], couponId, totalAmount: 0 as Won, at: 20 },
});
const rejected = (orderId: string): AccountEvent => ({
  type: 'OrderRejected',
  data: {
    orderId: orderId as OrderId,
    reason: 'out-of-stock',
    couponId,
    totalAmount: 0 as Won,
    balanceAfter: 0 as Won,
    movement: 2,
    at: 20,
  },
});

const unavailable = (because: string) => ({ kind: 'refused', reason: 'coupon-unavailable', because });
const UNKNOWN = { kind: 'refused', reason: 'unknown-coupon' };

describe('using a coupon outside orders (R20)', () => {
  it('records the product and the time', () => {
    given()
      .when(use('u'))
      .records(used('u'))
      .answers({ kind: 'done', replayed: false, use: { status: 'used', productId: 'p1', usedAt: 10, orderId: null } })
      .answersAgain({ kind: 'done', replayed: true, use: { status: 'used' } });
  });

  it.each([
    ['used', [used('x')]],
    ['held', [held('o1')]],
    ['used', [held('o1'), placed('o1')]],
  ] as const)('is refused for one that is %s, and only after a fresh look', (because, past) => {
    given(...past)
      .when(use('u'))
      .recordsNothing()
      .answers(unavailable(because))
      .restingOn('current');
  });

  it.each([[[used('x'), cancelled('c')]], [[held('o1'), rejected('o1')]]])('works again for one that was given back (R21, R23)', (past) => {
    given(...past)
      .when(use('u'))
      .records(used('u'));
  });

  it('is possible to the last millisecond, and told "expired" before "used" (R18, R20)', () => {
    given().when(use('u', 1_000)).answers({ kind: 'done' });
    given().when(use('u', 1_001)).recordsNothing().answers(unavailable('expired'));
    given(used('x')).when(use('u', 1_001)).answers(unavailable('expired'));
    given(used('x'), deleted('d')).when(use('u', 1_001)).answers(UNKNOWN);
  });

  it('takes the coupon from every order (R19)', () => {
    given(used('u'))
      .when(submitOrder(submission('o1')))
      .recordsNothing()
      .answers(unavailable('used'));
  });

  it('under a known key is the use of then, whatever came after; for another product it is refused', () => {
    given(used('u'), cancelled('c'), deleted('d'))
      .when(use('u', 5_000))
      .recordsNothing()
      .answers({ kind: 'done', replayed: true, use: { status: 'used', productId: 'p1' } })
      .restingOn('recorded');
    given(used('u'))
      .when(useCoupon({ productId: 'p2' as ProductId, ...asked('u'), fingerprint: 'other' as Fingerprint }))
      .answers({ kind: 'refused', reason: 'key-reused' });
  });
});

describe('taking a use back (R21)', () => {
  it('makes the coupon as it was', () => {
    given(used('u'))
      .when(cancelUse(asked('c')))
      .records(cancelled('c'))
      .answers({ use: { status: 'available', productId: null, usedAt: null } });
  });

  it.each([[[]], [[used('u'), cancelled('c')]], [[held('o1')]]])('needs a used coupon', (past) => {
    given(...past)
      .when(cancelUse(asked('again')))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'coupon-not-used' });
  });

  it('is refused for an expired, a deleted and an ordered coupon', () => {
    given(used('u'))
      .when(cancelUse(asked('c', 1_001)))
      .answers(unavailable('expired'));
    given(used('u'), deleted('d'))
      .when(cancelUse(asked('c')))
      .answers(UNKNOWN);
    given(held('o1'), placed('o1'))
      .when(cancelUse(asked('c')))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'coupon-in-order' });
  });
});

describe('deleting a coupon (R22)', () => {
  it('marks one that is free, used, ordered or expired, and keeps what it was used for', () => {
    given()
      .when(deleteCoupon(asked('d')))
      .records(deleted('d'))
      .answers({ use: { status: 'deleted', deletedAt: 10 } });
    given(used('u'))
      .when(deleteCoupon(asked('d')))
      .answers({ use: { status: 'deleted', productId: 'p1', usedAt: 10 } });
    given(held('o1'), placed('o1'))
      .when(deleteCoupon(asked('d')))
      .answers({ use: { status: 'deleted', orderId: 'o1', usedAt: 20 } });
    given()
      .when(deleteCoupon(asked('d', 9_999)))
      .answers({ use: { status: 'deleted' } });
  });

  it('is refused while an order holds it, and a second time', () => {
    given(held('o1'))
      .when(deleteCoupon(asked('d')))
      .recordsNothing()
      .answers(unavailable('held'));
    given(deleted('d'))
      .when(deleteCoupon(asked('e')))
      .recordsNothing()
      .answers(UNKNOWN);
  });

  it('keeps the coupon out of every later order', () => {
    given(deleted('d'))
      .when(submitOrder(submission('o1')))
      .recordsNothing()
      .answers(UNKNOWN)
      .restingOn('current');
  });
});

it('one coupon, any history: at most one use stands, orders keep theirs, nothing happens after its deletion (R19, I7)', () => {
  const step = fc.constantFrom('use', 'cancel', 'delete', 'submit', 'take', 'deny');
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      let account = accountFold.initial;
      let open: OrderId | null = null;
      const seen: AccountEvent[] = [];
      const decisionOf = (name: string, n: number) => {
        if (name === 'use') return use(`k${n}`)(account);
        if (name === 'cancel') return cancelUse(asked(`k${n}`))(account);
        if (name === 'delete') return deleteCoupon(asked(`k${n}`))(account);
        if (name === 'submit') return submitOrder(submission(`o${n}`))(account);
        return open && settleOrder({ orderId: open, verdict: name === 'take' ? 'taken' : 'out-of-stock', at: 30 })(account);
      };
      let state: 'free' | 'held' | 'used' | 'ordered' | 'deleted' = 'free';
      for (const [n, name] of steps.entries()) {
        for (const event of decisionOf(name, n)?.events ?? []) {
          account = accountFold.evolve(account, event);
          seen.push(event);
          const before = state;
          if (event.type === 'CouponUsed') state = 'used';
          if (event.type === 'CouponUseCancelled') state = 'free';
          if (event.type === 'CouponDeleted') state = 'deleted';
          if (event.type === 'OrderSubmitted') [state, open] = ['held', event.data.orderId];
          if (event.type === 'OrderPlaced') [state, open] = ['ordered', null];
          if (event.type === 'OrderRejected') [state, open] = ['free', null];
          expect(ALLOWED[event.type]).toContain(before);
        }
      }
      expect(seen.filter(({ type }) => type === 'CouponDeleted').length).toBeLessThanOrEqual(1);
      expect(seen.filter(({ type }) => type === 'OrderPlaced').length).toBeLessThanOrEqual(1);
    }),
  );
});

/** From which states of the coupon each event may come. */
const ALLOWED: Readonly<Record<AccountEvent['type'], readonly string[]>> = {
  BalanceCharged: [],
  OrderSubmitted: ['free'],
  OrderPlaced: ['held'],
  OrderRejected: ['held'],
  CouponUsed: ['free'],
  CouponUseCancelled: ['used'],
  CouponDeleted: ['free', 'used', 'ordered'],
};
