import { type CouponPolicyEvent, couponPolicyFold, type PolicyTerms } from '../../src/domain/couponPolicy.ts';
import type { PolicyId } from '../../src/domain/ids.ts';
import { specificationOf } from '../support/specification.ts';

export const given = specificationOf(couponPolicyFold);
/** Two coupons, one a user. */
export const terms: PolicyTerms = {
  name: 'sale',
  count: 2,
  discountType: 'amount',
  discountAmount: 500,
  startsAt: 100,
  endsAt: 200_000,
  expireMinutes: 1,
  perUser: 1,
};
/** What opens the policy, with other terms where they are given. */
export const policy = (changed: Partial<PolicyTerms> = {}) => ({
  policyId: 'cp1-1' as PolicyId,
  number: 1,
  generation: 1,
  terms: { ...terms, ...changed },
  at: 50,
});
export const opened = (changed: Partial<PolicyTerms> = {}): CouponPolicyEvent => ({ type: 'CouponPolicyOpened', data: policy(changed) });
