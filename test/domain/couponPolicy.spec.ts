import { describe, it } from '@jest/globals';
import {
  type CouponPolicyEvent,
  couponPolicyFold,
  findCoupon,
  issueCoupon,
  openPolicy,
  type PolicyTerms,
} from '../../src/domain/couponPolicy.ts';
import type { CommandId, CouponId, PolicyId, UserId } from '../../src/domain/ids.ts';
import { specificationOf } from '../support/specification.ts';

const given = specificationOf(couponPolicyFold);
const terms: PolicyTerms = {
  name: 'sale',
  count: 2,
  discountType: 'amount',
  discountAmount: 500,
  startsAt: 100,
  endsAt: 200_000,
  expireMinutes: 1,
  perUser: 1,
};
const policy = (changed: Partial<PolicyTerms> = {}) => ({
  policyId: 'cp1-1' as PolicyId,
  number: 1,
  generation: 1,
  terms: { ...terms, ...changed },
  at: 50,
});
const opened = (changed: Partial<PolicyTerms> = {}): CouponPolicyEvent => ({ type: 'CouponPolicyOpened', data: policy(changed) });
const issue = (userId: string, command = `k-${userId}`, at = 1_000) => ({ userId: userId as UserId, commandId: command as CommandId, at });
const issued = (userId: string, serial: number, command = `k-${userId}`): CouponPolicyEvent => ({
  type: 'CouponIssued',
  data: {
    couponId: `cp1-1-${serial}` as CouponId,
    serial,
    userId: userId as UserId,
    commandId: command as CommandId,
    discountType: 'amount',
    discountAmount: 500,
    issuedAt: 1_000,
    expiresAt: 61_000,
  },
});

describe('opening a policy', () => {
  it('happens once', () => {
    given().when(openPolicy(policy())).records(opened());
    given(opened())
      .when(openPolicy(policy({ count: 9 })))
      .recordsNothing()
      .answers({ terms: { count: 2 } });
  });
});

describe('issuing a coupon', () => {
  it('gives serials without gap, and the terms of now (R7, R15)', () => {
    given(opened(), issued('ann', 1))
      .when(issueCoupon(issue('bob')))
      .records(issued('bob', 2))
      .answers({ kind: 'issued', replayed: false });
  });

  it('gives the same coupon to the same command, even when none are left', () => {
    given(opened({ count: 1 }), issued('ann', 1))
      .when(issueCoupon(issue('ann')))
      .recordsNothing()
      .answers({ kind: 'issued', replayed: true });
  });

  it.each([99, 200_001])('is not open at %i (R5)', (at) => {
    given(opened())
      .when(issueCoupon(issue('ann', 'k', at)))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'not-open' });
  });

  it.each([100, 200_000])('is open at %i, both ends included (R5)', (at) => {
    given(opened())
      .when(issueCoupon(issue('ann', 'k', at)))
      .answers({ kind: 'issued' });
  });

  it('expires with the policy or after its minutes, whichever is sooner (R6)', () => {
    given(opened())
      .when(issueCoupon(issue('ann', 'k', 190_000)))
      .answers({ coupon: { expiresAt: 200_000 } });
    given(opened())
      .when(issueCoupon(issue('ann', 'k', 1_000)))
      .answers({ coupon: { expiresAt: 61_000 } });
  });

  it('asks in the order of R12: policy, window, quantity, user', () => {
    given()
      .when(issueCoupon(issue('ann')))
      .answers({ reason: 'unknown-policy' });
    given(opened({ count: 1 }), issued('ann', 1))
      .when(issueCoupon(issue('ann', 'other', 99)))
      .answers({ reason: 'not-open' });
    given(opened({ count: 1 }), issued('ann', 1))
      .when(issueCoupon(issue('ann', 'other')))
      .answers({ reason: 'sold-out', couponId: 'cp1-1-1' });
    given(opened({ count: 1 }), issued('ann', 1))
      .when(issueCoupon(issue('bob')))
      .answers({ reason: 'sold-out', couponId: null });
    given(opened(), issued('ann', 1))
      .when(issueCoupon(issue('ann', 'other')))
      .answers({ reason: 'already-issued', couponId: 'cp1-1-1' });
  });

  it('is sold out by a recent look, and refuses all else only after a fresh one (R13)', () => {
    given(opened({ count: 1 }), issued('ann', 1))
      .when(issueCoupon(issue('bob')))
      .restingOn('recent');
    given()
      .when(issueCoupon(issue('bob')))
      .restingOn('current');
    given(opened(), issued('ann', 1))
      .when(issueCoupon(issue('ann', 'other')))
      .restingOn('current');
  });

  it('gives a user any number where perUser is null (R14)', () => {
    given(opened({ perUser: null }), issued('ann', 1))
      .when(issueCoupon(issue('ann', 'other')))
      .records(issued('ann', 2, 'other'));
  });

  it('never sells out where count is null', () => {
    given(opened({ count: null }), issued('a', 1), issued('b', 2))
      .when(issueCoupon(issue('c')))
      .records(issued('c', 3));
  });
});

describe('finding a coupon', () => {
  it('rests on the record when it is there, on a fresh look when it is not', () => {
    given(opened(), issued('ann', 1))
      .when(findCoupon('cp1-1-1' as CouponId))
      .answers({ userId: 'ann' })
      .restingOn('recorded');
    given(opened(), issued('ann', 1))
      .when(findCoupon('cp1-1-2' as CouponId))
      .restingOn('current');
  });
});
