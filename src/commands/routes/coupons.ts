import type { Request, Response } from 'express';
import { z } from 'zod';
import { type CouponDone, type CouponUse, cancelUse, deleteCoupon, useCoupon } from '../../domain/accountCoupons.ts';
import { type Issued, type IssuedCoupon, issueCoupon } from '../../domain/couponPolicy.ts';
import type { CouponId, PolicyId, ProductId, UserId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { idInput, invalid, parse, parseBody, parseParams, parseQuery } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { shape } from '../../platform/shapes.ts';
import { type OwnCouponDone, onOwnCoupon } from '../couponUse.ts';
import type { Told } from '../mailbox.ts';
import type { Mailboxes } from '../mailboxes.ts';
import { bodyAlone, type Incoming, incoming, mark, timeText } from './answer.ts';

/** Who and which policy, each by query or as JSON. */
export const askedCoupon = z.strictObject({ userId: idInput.optional(), policyId: idInput.optional() });
const complete = z.strictObject({ userId: idInput, policyId: idInput });
const params = z.object({ couponId: idInput });
const owner = z.strictObject({ userId: idInput });
const use = z.strictObject({ userId: idInput, productId: idInput });

const issuedShape = z.object({
  couponId: shape.id,
  discount: shape.won.meta({ description: 'Won off; 0 for a rate.' }),
  userId: shape.id,
  policyId: shape.id,
  discountType: z.enum(['rate', 'amount']),
  discountAmount: z.int().meta({ description: 'Per cent of a rate, won of an amount.' }),
  serial: shape.count.meta({ description: 'The n-th coupon of its policy.' }),
  issuedAt: shape.time,
  expiresAt: shape.time,
});
const couponShape = issuedShape.extend({
  status: z.enum(['available', 'used', 'deleted']),
  usedAt: shape.time.nullable(),
  productId: shape.id.nullable(),
  orderId: shape.id.nullable(),
  deletedAt: shape.time.nullable(),
});
/** What issuing gives, on whichever path it is asked for. */
export const issueAnswers = {
  answers: { 201: { body: issuedShape, headers: ['Idempotent-Replayed'] } },
  problems: [['unknown-policy', 400], 'not-open', 'sold-out', 'already-issued'],
} as const satisfies Partial<RouteDescription>;
const answers = { 200: { body: couponShape, headers: ['Idempotent-Replayed'] } } as const;
const refusals = ['unknown-coupon', ['coupon-unavailable', 409]] as const;

const descriptions = {
  issue: { summary: 'Issue a coupon of a policy to a user', query: askedCoupon, body: askedCoupon, bodyOptional: true, ...issueAnswers },
  use: { summary: 'Use a coupon outside an order', params, body: use, answers, problems: refusals },
  cancel: {
    summary: 'Take back a use outside an order',
    params,
    body: owner,
    answers,
    problems: [...refusals, 'coupon-not-used', 'coupon-in-order'],
  },
  delete: { summary: 'Delete a coupon, used or not', params, query: owner, answers, problems: refusals },
} as const satisfies Record<string, RouteDescription>;

/** Who wants a coupon of which policy: by query or as JSON. Both are fine as long as they agree. */
export const parseIssue = (req: Request): Wanted => {
  const query = parseQuery(askedCoupon, req);
  const body = req.body === undefined ? {} : parseBody(askedCoupon, req);
  for (const member of ['userId', 'policyId'] as const) {
    if (query[member] !== undefined && body[member] !== undefined && query[member] !== body[member]) {
      throw invalid(member, 'the query and the body say different things');
    }
  }
  return parse(complete, { ...query, ...body }) as Wanted;
};

export type Wanted = Readonly<{ userId: UserId; policyId: PolicyId }>;
/** Issues a coupon and answers it, whichever path it was asked for on. */
export type AnswerIssue = (res: Response, wanted: Wanted, command: Incoming) => Promise<void>;

export const issuing =
  (mailboxes: Mailboxes, clock: Clock): AnswerIssue =>
  async (res, { userId, policyId }, { commandId, about }) => {
    const { outcome, position } = await mailboxes.policy(policyId).ask(issueCoupon({ userId, commandId, at: clock.now() }), about);
    mark(res, position, outcome.kind === 'issued' && outcome.replayed);
    if (outcome.kind === 'refused') throw refusalOfIssue(outcome);
    sendJson(res, 201, issuedAnswer(outcome.coupon, policyId));
  };

export const couponRoutes = (mailboxes: Mailboxes, clock: Clock, keyRequired: boolean): RouteTable => {
  const issue = issuing(mailboxes, clock);
  /** Reads who commands what about the coupon in the path; the request's own members are `request`. */
  const commanded = (req: Request, res: Response, operation: string, request: Readonly<{ userId: string; productId?: string }>) => {
    const couponId = parseParams(params, req).couponId as CouponId;
    const userId = request.userId as UserId;
    const { commandId, about } = incoming(req, res, [operation, couponId, userId], userId);
    return { couponId, userId, about, command: { commandId, fingerprint: fingerprintOf(request), at: clock.now() } };
  };
  return {
    'POST /coupons': route(descriptions.issue, async (req, res) => {
      const wanted = parseIssue(req);
      await issue(res, wanted, incoming(req, res, ['issue', wanted.userId, wanted.policyId], wanted.userId, keyRequired));
    }),
    'POST /coupons/:couponId/use': route(descriptions.use, async (req, res) => {
      const request = bodyAlone(use, req);
      const { command, about, ...of } = commanded(req, res, 'use', request);
      const productId = request.productId as ProductId;
      answerCoupon(res, await onOwnCoupon(mailboxes, of, (coupon) => useCoupon({ coupon, productId, ...command }), about));
    }),
    'POST /coupons/:couponId/cancel-use': route(descriptions.cancel, async (req, res) => {
      const { command, about, ...of } = commanded(req, res, 'cancel-use', bodyAlone(owner, req));
      answerCoupon(res, await onOwnCoupon(mailboxes, of, (coupon) => cancelUse({ coupon, ...command }), about));
    }),
    'DELETE /coupons/:couponId': route(descriptions.delete, async (req, res) => {
      const { command, about, ...of } = commanded(req, res, 'delete', parseQuery(owner, req));
      answerCoupon(res, await onOwnCoupon(mailboxes, of, (coupon) => deleteCoupon({ coupon, ...command }), about));
    }),
  };
};

const issuedAnswer = (coupon: IssuedCoupon, policyId: PolicyId) => ({
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

const couponAnswer = (coupon: IssuedCoupon, policyId: PolicyId, { status, usedAt, productId, orderId, deletedAt }: CouponUse) => ({
  ...issuedAnswer(coupon, policyId),
  status,
  usedAt: usedAt === null ? null : timeText(usedAt),
  productId,
  orderId,
  deletedAt: deletedAt === null ? null : timeText(deletedAt),
});

const answerCoupon = (res: Response, { outcome, position }: Told<OwnCouponDone | null>): void => {
  mark(res, position, outcome?.done.kind === 'done' && outcome.done.replayed);
  if (outcome === null) throw refusalOfCommand({ kind: 'refused', reason: 'unknown-coupon' });
  const { coupon, done } = outcome;
  if (done.kind === 'refused') throw refusalOfCommand(done);
  sendJson(res, 200, couponAnswer(coupon.issued, coupon.policyId, done.use));
};

const refusalOfCommand = (refused: Extract<CouponDone, { kind: 'refused' }>): Problem => {
  switch (refused.reason) {
    case 'unknown-coupon':
      return new Problem('unknown-coupon', 'This user has no such coupon.');
    case 'coupon-unavailable':
      return new Problem('coupon-unavailable', `The coupon is ${refused.because}.`, {
        status: 409,
        reason: refused.because,
        ...(refused.because === 'held' ? { message: HELD_MESSAGE } : {}),
      });
    case 'coupon-not-used':
      return new Problem('coupon-not-used', 'The coupon is not used.');
    case 'coupon-in-order':
      return new Problem('coupon-in-order', 'The coupon paid for an order that was placed.');
    case 'key-reused':
      return new Problem('key-reused', 'This key belongs to another request about this coupon.');
  }
};

/** What the first clients say of a coupon that is being used at this moment. */
const HELD_MESSAGE = '이미 사용된 쿠폰이거나 유효하지 않습니다.';

const refusalOfIssue = (refused: Extract<Issued, { kind: 'refused' }>): Problem => {
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
