import { describe, it } from '@jest/globals';
import {
  addCount,
  COUNT_MAX,
  type CouponPolicyEvent,
  changePolicy,
  changeUnlimited,
  deletePolicy,
  findCoupon,
  findPolicy,
  issueCoupon,
  openPolicy,
} from '../../src/domain/couponPolicy.ts';
import type { CommandId, CouponId, Fingerprint, UserId } from '../../src/domain/ids.ts';
import { given, opened, policy, terms } from './openedPolicy.ts';

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

const command = (id: string, fingerprint = `f${id}`) => ({
  commandId: id as CommandId,
  fingerprint: fingerprint as Fingerprint,
  at: 2_000,
});
const { count: _count, perUser: _perUser, ...changeable } = terms;
const wished = { ...changeable, name: 'better', discountType: 'rate' as const, discountAmount: 29, endsAt: 300_000 };
const changed = (id: string): CouponPolicyEvent => ({
  type: 'CouponPolicyChanged',
  data: { terms: { ...terms, ...wished }, ...command(id) },
});
const added = (id: string, more: number, count: number): CouponPolicyEvent => ({
  type: 'CouponCountAdded',
  data: { added: more, terms: { ...terms, count }, ...command(id) },
});
const deleted = (id: string): CouponPolicyEvent => ({ type: 'CouponPolicyDeleted', data: { terms, ...command(id) } });

describe('changing the terms of a policy', () => {
  it('records all terms after it, count and perUser as they were (R2, R11)', () => {
    given(opened(), issued('ann', 1))
      .when(changePolicy({ wished, ...command('c') }))
      .records(changed('c'))
      .answers({
        kind: 'changed',
        replayed: false,
        policy: { terms: { count: 2, perUser: 1, name: 'better' }, issued: 1, updatedAt: 2_000 },
      })
      .answersAgain({ kind: 'changed', replayed: true, policy: { issued: 1 } });
  });

  it('to what they are already records nothing, and is sure of it only after a fresh look', () => {
    given(opened(), changed('c'))
      .when(changePolicy({ wished, ...command('d') }))
      .recordsNothing()
      .answers({ kind: 'changed', policy: { terms: { name: 'better' } } })
      .restingOn('current');
  });

  it('governs the very next issue, and no coupon issued before (R7, R9, D2)', () => {
    given(opened(), issued('ann', 1), changed('c'))
      .when(issueCoupon(issue('bob', 'k', 250_000)))
      .answers({ coupon: { discountType: 'rate', discountAmount: 29, expiresAt: 300_000 } });
    given(opened(), issued('ann', 1), changed('c'))
      .when(findCoupon('cp1-1-1' as CouponId))
      .answers({ discountType: 'amount', discountAmount: 500, expiresAt: 61_000 });
  });

  it('is refused for a policy that is not there or is deleted (R10)', () => {
    for (const past of [[], [opened(), deleted('x')]]) {
      given(...past)
        .when(changePolicy({ wished, ...command('c') }))
        .recordsNothing()
        .answers({ kind: 'refused', reason: 'unknown-policy' })
        .restingOn('current');
    }
  });
});

describe('adding to the count of a policy', () => {
  it('stacks (R3, D4)', () => {
    given(opened(), added('a', 100, 102))
      .when(addCount({ add: 100, ...command('b') }))
      .records(added('b', 100, 202))
      .answers({ policy: { terms: { count: 202 } } });
  });

  it('answers a repeat with the policy of then, and another addition under its key not at all', () => {
    const past = [opened(), issued('ann', 1), added('a', 1, 3), issued('bob', 2), added('b', 1, 4)];
    given(...past)
      .when(addCount({ add: 1, ...command('a') }))
      .recordsNothing()
      .answers({ replayed: true, policy: { terms: { count: 3 }, issued: 1 } })
      .restingOn('recorded');
    given(...past)
      .when(addCount({ add: 2, ...command('a', 'other') }))
      .answers({ kind: 'refused', reason: 'key-reused' });
  });

  it('lets the next one in at once (R9)', () => {
    given(opened({ count: 1 }), issued('ann', 1), added('a', 1, 2))
      .when(issueCoupon(issue('bob')))
      .answers({ kind: 'issued', coupon: { serial: 2 } });
  });

  it('ends at the greatest int32, and is nothing for an unlimited policy (R1, R2)', () => {
    given(opened({ count: COUNT_MAX - 1 }))
      .when(addCount({ add: 1, ...command('a') }))
      .answers({ policy: { terms: { count: COUNT_MAX } } });
    given(opened({ count: COUNT_MAX - 1 }))
      .when(addCount({ add: 2, ...command('a') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'limit-exceeded' });
    given(opened({ count: null }))
      .when(addCount({ add: 1, ...command('a') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'policy-term-immutable' });
  });
});

describe('terms and count in one decision', () => {
  const wished = { name: 'more', discountType: 'rate', discountAmount: 10, startsAt: 1, endsAt: 9, expireMinutes: 7 } as const;

  it('is one event of a limited policy (R3, R11)', () => {
    const after = { ...terms, ...wished, count: 102 };
    given(opened())
      .when(addCount({ add: 100, wished, ...command('w') }))
      .records({ type: 'CouponCountAdded', data: { added: 100, terms: after, ...command('w') } })
      .answers({ kind: 'changed', policy: { terms: after }, replayed: false });
  });

  it('changes nothing when either is refused (R2)', () => {
    given(opened({ count: null }))
      .when(addCount({ add: 1, wished, ...command('w') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'policy-term-immutable' });
    given(opened())
      .when(addCount({ add: COUNT_MAX, wished, ...command('w') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'limit-exceeded' });
    given(opened())
      .when(changeUnlimited({ wished, ...command('w') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'policy-term-immutable' });
  });

  it('is a change of an unlimited one, once', () => {
    const after = { ...terms, ...wished, count: null };
    const changed: CouponPolicyEvent = { type: 'CouponPolicyChanged', data: { terms: after, ...command('w') } };
    given(opened({ count: null }))
      .when(changeUnlimited({ wished, ...command('w') }))
      .records(changed);
    given(opened({ count: null }), changed)
      .when(changeUnlimited({ wished, ...command('w') }))
      .recordsNothing()
      .answers({ kind: 'changed', policy: { terms: after }, replayed: true });
  });

  it('needs a policy that is there', () => {
    given()
      .when(changeUnlimited({ wished, ...command('w') }))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'unknown-policy' });
    given().when(findPolicy).recordsNothing().answers(null);
    given(opened()).when(findPolicy).recordsNothing().answers({ terms });
  });
});

describe('deleting a policy (R10)', () => {
  it('marks it, once', () => {
    given(opened())
      .when(deletePolicy(command('d')))
      .records(deleted('d'))
      .answers({ policy: { deletedAt: 2_000 } })
      .answersAgain({ replayed: true, policy: { deletedAt: 2_000 } });
    given(opened(), deleted('d'))
      .when(deletePolicy(command('e')))
      .recordsNothing()
      .answers({ kind: 'refused', reason: 'unknown-policy' });
  });

  it('ends issuing and adding, before window and quantity are looked at, and leaves what was issued (R7, R12)', () => {
    const past = [opened({ count: 1 }), issued('ann', 1), deleted('d')];
    given(...past)
      .when(issueCoupon(issue('bob', 'k', 99)))
      .recordsNothing()
      .answers({ reason: 'unknown-policy' })
      .restingOn('current');
    given(...past)
      .when(issueCoupon(issue('ann')))
      .answers({ kind: 'issued', replayed: true });
    given(...past)
      .when(addCount({ add: 1, ...command('a') }))
      .answers({ reason: 'unknown-policy' });
    given(...past)
      .when(findCoupon('cp1-1-1' as CouponId))
      .answers({ userId: 'ann' });
  });
});
