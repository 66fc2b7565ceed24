import { describe, it } from '@jest/globals';
import { type CouponPolicyEvent, issueCoupon, openPolicy } from '../../src/domain/couponPolicy.ts';
import { decideRequest } from '../../src/domain/couponRequests.ts';
import type { CommandId, CouponId, Fingerprint, UserId } from '../../src/domain/ids.ts';
import { given, opened, policy } from './openedPolicy.ts';

const request = (userId: string, transactionId = `tx-${userId}`, requestedAt = 1_000) => ({
  transactionId,
  userId: userId as UserId,
  commandId: `q-${transactionId}` as CommandId,
  requestedAt,
  decidedAt: 5_000,
});
const issued = (userId: string, serial: number): CouponPolicyEvent => ({
  type: 'CouponIssued',
  data: {
    couponId: `cp1-1-${serial}` as CouponId,
    serial,
    userId: userId as UserId,
    commandId: `q-tx-${userId}` as CommandId,
    discountType: 'amount',
    discountAmount: 500,
    issuedAt: 1_000,
    expiresAt: 61_000,
    queued: { transactionId: `tx-${userId}`, decidedAt: 5_000 },
  },
});
type Reason = 'unknown-policy' | 'not-open' | 'sold-out' | 'already-issued';
const refused = (userId: string, reason: Reason, transactionId = `tx-${userId}`, requestedAt = 1_000): CouponPolicyEvent => ({
  type: 'CouponRequestRefused',
  data: { ...request(userId, transactionId, requestedAt), reason },
});

describe('a request of the queue', () => {
  it('gets a coupon as of when the queue took it, however late it is decided', () => {
    given(opened())
      .when(decideRequest(request('ann')))
      .records(issued('ann', 1))
      .answers({ kind: 'issued', replayed: false });
    const late = { ...request('ann'), decidedAt: 9_000_000 };
    given(opened())
      .when(decideRequest(late))
      .answers({ kind: 'issued', coupon: { issuedAt: 1_000, expiresAt: 61_000 } });
  });

  it('that gets none has that recorded, with the reason by the order of the checks (R12, R48)', () => {
    given()
      .when(decideRequest(request('ann')))
      .records(refused('ann', 'unknown-policy'))
      .answers({ kind: 'refused', reason: 'unknown-policy' });
    given(opened())
      .when(decideRequest(request('ann', 'tx', 99)))
      .records(refused('ann', 'not-open', 'tx', 99));
    given(opened({ count: 1 }), issued('ann', 1))
      .when(decideRequest(request('bob')))
      .records(refused('bob', 'sold-out'));
    given(opened(), issued('ann', 1))
      .when(decideRequest(request('ann', 'tx')))
      .records(refused('ann', 'already-issued', 'tx'));
  });

  it('that is delivered again has the same outcome, and records nothing (R48)', () => {
    given(opened(), issued('ann', 1))
      .when(decideRequest({ ...request('ann'), decidedAt: 6_000 }))
      .recordsNothing()
      .answers({ kind: 'issued', coupon: { serial: 1 }, replayed: true });
    given(refused('ann', 'unknown-policy'), opened())
      .when(decideRequest(request('ann')))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'unknown-policy', replayed: true });
  });

  it("under another user's transaction id changes nothing (R48)", () => {
    for (const first of [issued('ann', 1), refused('ann', 'sold-out')]) {
      given(opened(), first)
        .when(decideRequest(request('bob', 'tx-ann')))
        .recordsNothing()
        .answers({ kind: 'transaction-id-reused' });
    }
  });

  it('for a policy that there is not leaves it to be opened later, with all its coupons', () => {
    given(refused('ann', 'unknown-policy')).when(openPolicy(policy())).records(opened());
    given(refused('ann', 'unknown-policy'), opened())
      .when(decideRequest(request('bob')))
      .records(issued('bob', 1));
  });

  it('counts among all the others, asked for by whichever way (R13, R14)', () => {
    const direct = { userId: 'ann' as UserId, commandId: 'k' as CommandId, at: 1_000, fingerprint: 'f' as Fingerprint };
    given(opened(), issued('ann', 1)).when(issueCoupon(direct)).recordsNothing().answers({ kind: 'refused', reason: 'already-issued' });
    given(opened({ count: 1 }), issued('bob', 1))
      .when(issueCoupon(direct))
      .recordsNothing()
      .answers({ reason: 'sold-out' });
  });
});
