import type { Request } from 'express';
import { z } from 'zod';
import { type Issued, type IssuedCoupon, issueCoupon } from '../../domain/couponPolicy.ts';
import type { PolicyId, UserId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import type { RouteTable } from '../../platform/http.ts';
import { idInput, invalid, parse, parseBody, parseQuery } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import type { Mailboxes } from '../mailboxes.ts';
import { incoming, mark, timeText } from './answer.ts';

const asked = z.strictObject({ userId: idInput.optional(), policyId: idInput.optional() });
const complete = z.strictObject({ userId: idInput, policyId: idInput });

/** Who wants a coupon of which policy: by query or as JSON. Both are fine as long as they agree. */
const parseIssue = (req: Request): Readonly<{ userId: UserId; policyId: PolicyId }> => {
  const query = parseQuery(asked, req);
  const body = req.body === undefined ? {} : parseBody(asked, req);
  for (const member of ['userId', 'policyId'] as const) {
    if (query[member] !== undefined && body[member] !== undefined && query[member] !== body[member]) {
      throw invalid(member, 'the query and the body say different things');
    }
  }
  return parse(complete, { ...query, ...body }) as Readonly<{ userId: UserId; policyId: PolicyId }>;
};

export const couponRoutes = (mailboxes: Mailboxes, clock: Clock, keyRequired: boolean): RouteTable => ({
  'POST /coupons': async (req, res) => {
    const { userId, policyId } = parseIssue(req);
    const { commandId, about } = incoming(req, res, ['issue', userId, policyId], userId, keyRequired);

    const { outcome, position } = await mailboxes.policy(policyId).ask(issueCoupon({ userId, commandId, at: clock.now() }), about);

    mark(res, position, outcome.kind === 'issued' && outcome.replayed);
    if (outcome.kind === 'refused') throw refusal(outcome);
    res.status(201).json(couponAnswer(outcome.coupon, policyId));
  },
});

const couponAnswer = (coupon: IssuedCoupon, policyId: PolicyId) => ({
  couponId: coupon.couponId,
  discount: coupon.discountType === 'amount' ? coupon.discountAmount : 0,
  userId: coupon.userId,
  policyId,
  discountType: coupon.discountType,
  discountAmount: coupon.discountAmount,
  serial: coupon.serial,
  issuedAt: timeText(coupon.issuedAt),
  expiresAt: timeText(coupon.expiresAt),
});

const refusal = (refused: Extract<Issued, { kind: 'refused' }>): Problem => {
  switch (refused.reason) {
    case 'unknown-policy':
      return new Problem('unknown-policy', 'There is no such policy.', { status: 400 });
    case 'not-open':
      return new Problem('not-open', 'The policy is not open at this time.');
    case 'sold-out':
      return new Problem('sold-out', 'Every coupon of the policy is given out.', refused.couponId ? { couponId: refused.couponId } : {});
    case 'already-issued':
      return new Problem('already-issued', 'This user holds a coupon of the policy already.', { couponId: refused.couponId });
  }
};
