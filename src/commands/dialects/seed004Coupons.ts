import type { AccountEvent } from '../../domain/account.ts';
import {
  type AccountCoupons,
  type CouponCommand,
  type CouponDone,
  type CouponUse,
  cancelUse,
  deleteCoupon,
  useCoupon,
} from '../../domain/accountCoupons.ts';
import { findCoupon, type Issued, type IssuedCoupon, issueCoupon } from '../../domain/couponPolicy.ts';
import { type CouponId, isId, type ProductId, partsOfCouponId, type UserId } from '../../domain/ids.ts';
import { type Decision, refuse } from '../../domain/kernel.ts';
import type { Clock } from '../../platform/clock.ts';
import type { Metadata } from '../../platform/eventStore/eventStore.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { invalid } from '../../platform/input.ts';
import { Problem, type ProblemName } from '../../platform/problem.ts';
import { couponFactsOf } from '../couponUse.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { PresentGeneration } from '../presentGeneration.ts';
import { type Caller, commandOf, type Done, numberedPolicy } from './seed004.ts';

/** A user's coupon as the caller names it: `couponId` is the number of its policy. */
export type OwnCoupon = Readonly<{ userId: string; couponId: number }>;
/** What was decided about a user's coupon; `at`: when. */
export type CouponAfter = Readonly<{ issued: IssuedCoupon; policyNumber: number; use: CouponUse; at: number }>;

type Decided = Decision<AccountEvent, CouponDone>;
type Decide = (command: CouponCommand) => (state: AccountCoupons) => Decided;
type Refused = Exclude<CouponDone, { kind: 'done' }>;

/** The same refusals have other words from call to call. */
type Words = Readonly<{ unknown: string; expired: string; unavailable: string }>;
const USED = '이미 사용된 쿠폰입니다.';
const words = {
  use: { unknown: '존재하지 않거나 삭제된 유저 쿠폰입니다.', expired: '만료 된 쿠폰입니다.', unavailable: USED },
  cancel: { unknown: '존재하지 않거나 삭제된 유저 쿠폰입니다.', expired: '만료 된 쿠폰은 변경할 수 없습니다.', unavailable: USED },
  delete: { unknown: '존재하지 않거나 이미 삭제된 유저 쿠폰입니다.', expired: '만료 된 쿠폰입니다.', unavailable: USED },
} as const satisfies Record<string, Words>;

const problem = (name: ProblemName, detail: string, message: string, status?: number): Problem =>
  new Problem(name, detail, { message, ...(status === undefined ? {} : { status }) });

const unknownCoupon = ({ unknown }: Words): Problem => problem('unknown-coupon', 'There is no such coupon, or it is deleted.', unknown);

/** What seed 004's clients do with the coupons of users. Every call throws a `Problem` with the text they know. */
export class UserCouponService {
  private readonly mailboxes: Mailboxes;
  private readonly generation: PresentGeneration;
  private readonly clock: Clock;
  private readonly keyRequired: boolean;

  constructor(mailboxes: Mailboxes, generation: PresentGeneration, clock: Clock, keyRequired: boolean) {
    this.mailboxes = mailboxes;
    this.generation = generation;
    this.clock = clock;
    this.keyRequired = keyRequired;
  }

  async give({ userId, couponId: number }: OwnCoupon, caller: Caller): Promise<Done<IssuedCoupon>> {
    if (!isId(userId)) throw invalid('userId', 'must be an id');
    if (this.keyRequired && caller.key === null) throw new Problem('invalid-request', 'The metadata idempotency-key is required here.');
    const { commandId, about } = commandOf(['user_coupon/give', userId, String(number)], userId, caller);
    const policyId = await numberedPolicy(this.generation, number, about);
    if (policyId === null) throw refusalOfIssue('unknown-policy');
    const issue = issueCoupon({ userId: userId as UserId, commandId, at: this.clock.now() });
    const { outcome, position } = await this.mailboxes.policy(policyId).ask(issue, about);
    if (outcome.kind === 'refused') throw refusalOfIssue(outcome.reason);
    return { answer: outcome.coupon, position, replayed: outcome.replayed };
  }

  /** Uses the coupon with this id; an empty `productId` is none. `null`: there is no such coupon. */
  use(couponId: string | null, { productId, ...own }: OwnCoupon & Readonly<{ productId: string }>, caller: Caller) {
    const used = (command: CouponCommand) => useCoupon({ ...command, productId: productId === '' ? null : (productId as ProductId) });
    if (productId !== '' && !isId(productId)) throw invalid('productId', 'must be an id');
    return this.decide('use', couponId, own, { ...own, productId }, used, caller);
  }

  cancelUse(couponId: string | null, own: OwnCoupon, caller: Caller) {
    return this.decide('cancel', couponId, own, own, cancelUse, caller);
  }

  delete(couponId: string | null, own: OwnCoupon, caller: Caller) {
    return this.decide('delete', couponId, own, own, deleteCoupon, caller);
  }

  /** Decides on the stream of the coupon's owner, whoever asks: what stands against the coupon is told before whose it is (R20). */
  private async decide(
    operation: keyof typeof words,
    couponId: string | null,
    own: OwnCoupon,
    asked: unknown,
    decide: Decide,
    caller: Caller,
  ): Promise<Done<CouponAfter>> {
    const { commandId, about } = commandOf([`user_coupon/${operation}`, couponId ?? '', own.userId], own.userId, caller);
    const found = couponId === null ? null : await this.found(couponId as CouponId, about);
    if (found === null) throw unknownCoupon(words[operation]);
    const { issued, policyNumber } = found;
    const at = this.clock.now();
    const decided = decide({ coupon: couponFactsOf(issued), commandId, fingerprint: fingerprintOf(asked), at });
    const objection = objectionTo(own, found);
    const { outcome, position } = await this.mailboxes.account(issued.userId).ask(unless(objection, decided), about);
    if (outcome === 'withheld') throw objection;
    if (outcome.kind === 'refused') throw refusalOf(outcome, words[operation]);
    return { answer: { issued, policyNumber, use: outcome.use, at }, position, replayed: outcome.replayed };
  }

  private async found(couponId: CouponId, about: Metadata) {
    const parts = partsOfCouponId(couponId);
    if (parts === null) return null;
    const policy = this.mailboxes.policy(parts.policyId);
    const { outcome: issued } = await policy.ask(findCoupon(couponId), about);
    return issued === null ? null : { issued, policyNumber: policy.glance(({ opened }) => opened?.number ?? 0) };
  }
}

const objectionTo = (
  own: OwnCoupon,
  { issued, policyNumber }: Readonly<{ issued: IssuedCoupon; policyNumber: number }>,
): Problem | null => {
  if (own.userId !== issued.userId) return problem('unknown-coupon', "It is another user's coupon.", '다른 user 의 쿠폰입니다.', 403);
  if (own.couponId !== policyNumber) {
    return problem('invalid-request', 'It is a coupon of another policy.', 'coupon Id가 동일하지 않습니다.');
  }
  return null;
};

/**
 * The same decision; with an objection of ours only its refusals, and otherwise that it is withheld, with nothing recorded. That an
 * order used the coupon is objected to last.
 */
const unless =
  (objection: Problem | null, decide: (state: AccountCoupons) => Decided) =>
  (state: AccountCoupons): Decision<AccountEvent, CouponDone | 'withheld'> => {
    const decision = decide(state);
    if (objection === null) return decision;
    const { outcome } = decision;
    return refuse(outcome.kind === 'done' || outcome.reason === 'coupon-in-order' ? 'withheld' : outcome);
  };

const refusalOf = (refused: Refused, said: Words): Problem => {
  switch (refused.reason) {
    case 'unknown-coupon':
      return unknownCoupon(said);
    case 'coupon-unavailable':
      return problem(
        'coupon-unavailable',
        `The coupon is ${refused.because}.`,
        refused.because === 'expired' ? said.expired : said.unavailable,
      );
    case 'coupon-not-used':
      return problem('coupon-not-used', 'The coupon is not used.', '사용되지 않은 쿠폰입니다.');
    case 'coupon-in-order':
      return new Problem('coupon-in-order', 'The coupon paid for an order that was placed.');
    case 'key-reused':
      return new Problem('key-reused', 'This key belongs to another call about this coupon.');
  }
};

const refusalOfIssue = (reason: Extract<Issued, { kind: 'refused' }>['reason']): Problem => {
  switch (reason) {
    case 'unknown-policy':
      return problem('unknown-policy', 'There is no such policy.', '존재하지 않는 쿠폰입니다.');
    case 'not-open':
      return problem('not-open', 'The policy is not open at this time.', '기간이 지나 발급이 불가능한 쿠폰입니다.');
    case 'sold-out':
      return problem('sold-out', 'Every coupon of the policy is given out.', '재고가 없습니다.');
    case 'already-issued':
      return problem('already-issued', 'This user holds a coupon of the policy already.', '이미 발급된 쿠폰이 존재합니다.');
  }
};
