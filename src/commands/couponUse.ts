import type { AccountEvent } from '../domain/account.ts';
import type { AccountCoupons, CouponDone, CouponFacts } from '../domain/accountCoupons.ts';
import { findCoupon, type IssuedCoupon } from '../domain/couponPolicy.ts';
import { type CouponId, type PolicyId, partsOfCouponId, type UserId } from '../domain/ids.ts';
import type { Decision } from '../domain/kernel.ts';
import type { Metadata, Position } from '../platform/eventStore/eventStore.ts';
import type { Told } from './mailbox.ts';
import type { Mailboxes } from './mailboxes.ts';

/** A coupon as its policy issued it, and what became of it. */
export type CouponNow = Readonly<{ policyId: PolicyId; issued: IssuedCoupon }>;
export type OwnCouponDone = Readonly<{ coupon: CouponNow; done: CouponDone }>;

export const couponFactsOf = ({ couponId, userId, expiresAt }: IssuedCoupon): CouponFacts => ({ couponId, owner: userId, expiresAt });

/**
 * Decides over a coupon of the asking user. What was issued is read from the policy's stream and never changes, whatever
 * becomes of the policy (R7); the decision is made on the owner's stream alone. The position told is past both.
 * `null`: there is no such coupon, or it is another user's, which looks alike.
 */
export const onOwnCoupon = async (
  mailboxes: Mailboxes,
  { couponId, userId }: Readonly<{ couponId: CouponId; userId: UserId }>,
  decide: (coupon: CouponFacts) => (state: AccountCoupons) => Decision<AccountEvent, CouponDone>,
  about: Metadata,
): Promise<Told<OwnCouponDone | null>> => {
  const parts = partsOfCouponId(couponId);
  if (!parts) return { outcome: null, position: 0n };
  const { policyId } = parts;
  const found = await mailboxes.policy(policyId).ask(findCoupon(couponId), about);
  const issued = found.outcome;
  if (issued?.userId !== userId) return { ...found, outcome: null };
  const { outcome: done, position } = await mailboxes.account(userId).ask(decide(couponFactsOf(issued)), about);
  return { outcome: { coupon: { policyId, issued }, done }, position: later(found.position, position) };
};

const later = (a: Position, b: Position): Position => (a > b ? a : b);
