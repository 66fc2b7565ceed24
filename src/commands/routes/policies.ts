import type { Request, Response } from 'express';
import { z } from 'zod';
import {
  addCount,
  COUNT_MAX,
  type CouponPolicy,
  type CouponPolicyEvent,
  changePolicy,
  deletePolicy,
  type PolicyChanged,
  type PolicyNow,
  type PolicyTerms,
} from '../../domain/couponPolicy.ts';
import type { CommandId, Fingerprint, PolicyId } from '../../domain/ids.ts';
import type { Decision } from '../../domain/kernel.ts';
import { AMOUNT_MAX } from '../../domain/money.ts';
import { openedFrom } from '../../domain/shop.ts';
import type { Clock } from '../../platform/clock.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { idInput, nameInput, parseParams, parseQuery, timeInput } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { shape } from '../../platform/shapes.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { ShopSetup } from '../shopSetup.ts';
import { bodyAlone, incoming, mark, noQuery, timeText } from './answer.ts';

const INT32_MAX = 2_147_483_647;
export const WEEK_MINUTES = 10_080;
const ACTOR = 'shop';

const changeable = {
  name: nameInput,
  discountType: z.enum(['rate', 'amount']),
  discountAmount: z.int().min(1).max(AMOUNT_MAX),
  startsAt: timeInput,
  endsAt: timeInput,
};
const count = z.int().min(1).max(COUNT_MAX);
const expireMinutes = z.int().min(1).max(INT32_MAX);

type Checked = Readonly<{ discountType: string; discountAmount: number; startsAt: number; endsAt: number }>;
const checked = <T extends z.ZodType<Checked>>(terms: T) =>
  terms
    .refine(({ discountType, discountAmount }) => discountType === 'amount' || discountAmount <= 100, {
      path: ['discountAmount'],
      error: 'a rate is 1 to 100 percent',
    })
    .refine(({ startsAt, endsAt }) => startsAt < endsAt, { path: ['endsAt'], error: 'must be after startsAt' });

/** The terms of a new policy, as they are sent as JSON. */
export const newTerms = checked(
  z.strictObject({
    ...changeable,
    count: count.nullable(),
    expireMinutes: expireMinutes.default(WEEK_MINUTES),
    perUser: z.literal(1).nullable().default(1),
  }),
);
/** Every term that may change: one that was left out would be a term that two repeats could disagree on. */
const changedTerms = checked(z.strictObject({ ...changeable, expireMinutes }));
const addition = z.strictObject({ add: count });
const params = z.object({ policyId: idInput });

const policyShape = z.object({
  policyId: shape.id,
  number: shape.count.meta({ description: 'The n-th policy of its generation.' }),
  name: shape.text,
  type: z.enum(['limited', 'unlimited']),
  count: shape.count.nullable(),
  issued: shape.count,
  remaining: shape.count.optional().meta({ description: 'Absent for an unlimited policy.' }),
  discountType: changeable.discountType,
  discountAmount: z.int().meta({ description: 'Per cent of a rate, won of an amount.' }),
  startsAt: shape.time,
  endsAt: shape.time,
  expireMinutes: shape.count,
  perUser: shape.count.nullable(),
  createdAt: shape.time,
  updatedAt: shape.time,
  deletedAt: shape.time.nullable(),
});
const answers = { 200: { body: policyShape, headers: ['Idempotent-Replayed'] } } as const;

const descriptions = {
  create: {
    summary: 'Create a coupon policy',
    body: newTerms,
    answers: { 201: { body: policyShape, headers: ['Location', 'Idempotent-Replayed'] } },
  },
  change: { summary: 'Change the terms of a coupon policy', params, body: changedTerms, answers, problems: ['unknown-policy'] },
  add: {
    summary: 'Add to the count of a coupon policy',
    params,
    body: addition,
    answers,
    problems: ['unknown-policy', 'policy-term-immutable', 'limit-exceeded'],
  },
  delete: { summary: 'Delete a coupon policy', params, answers, problems: ['unknown-policy'] },
} as const satisfies Record<string, RouteDescription>;

type Change = (state: CouponPolicy) => Decision<CouponPolicyEvent, PolicyChanged>;

export const policyRoutes = (setup: ShopSetup, mailboxes: Mailboxes, clock: Clock): RouteTable => {
  /** Decides a change on the stream of the policy in the path, and answers the policy after it. */
  const change = async (
    req: Request,
    res: Response,
    operation: string,
    request: unknown,
    decide: (command: Readonly<{ commandId: CommandId; fingerprint: Fingerprint; at: number }>) => Change,
  ): Promise<void> => {
    const policyId = parseParams(params, req).policyId as PolicyId;
    const { commandId, about } = incoming(req, res, [operation, policyId], ACTOR);
    const command = { commandId, fingerprint: fingerprintOf(request), at: clock.now() };
    const { outcome, position } = await mailboxes.policy(policyId).ask(decide(command), about);
    mark(res, position, outcome.kind === 'changed' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
    sendJson(res, 200, policyAnswer(outcome.policy));
  };
  return {
    'POST /coupon-policies': route(descriptions.create, async (req, res) => {
      const terms: PolicyTerms = bodyAlone(newTerms, req);
      const { commandId, about } = incoming(req, res, ['policy'], ACTOR);

      const { outcome, position } = await setup.createPolicy(
        { terms, commandId, fingerprint: fingerprintOf(terms), at: clock.now() },
        about,
      );

      mark(res, position, outcome.kind === 'numbered' && outcome.replayed);
      if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
      const opened = openedFrom(outcome.policy);
      res.setHeader('Location', `/coupon-policies/${opened.policyId}`);
      sendJson(res, 201, policyAnswer({ opened, terms: opened.terms, issued: 0, updatedAt: opened.at, deletedAt: null }));
    }),
    'PUT /coupon-policies/:policyId': route(descriptions.change, async (req, res) => {
      const wished = bodyAlone(changedTerms, req);
      await change(req, res, 'policy terms', wished, (command) => changePolicy({ wished, ...command }));
    }),
    'POST /coupon-policies/:policyId/count': route(descriptions.add, async (req, res) => {
      const { add } = bodyAlone(addition, req);
      await change(req, res, 'policy count', { add }, (command) => addCount({ add, ...command }));
    }),
    'DELETE /coupon-policies/:policyId': route(descriptions.delete, async (req, res) => {
      parseQuery(noQuery, req);
      await change(req, res, 'policy deletion', {}, deletePolicy);
    }),
  };
};

const policyAnswer = ({ opened, terms, issued, updatedAt, deletedAt }: PolicyNow) => ({
  policyId: opened.policyId,
  number: opened.number,
  name: terms.name,
  type: terms.count === null ? 'unlimited' : 'limited',
  count: terms.count,
  issued,
  ...(terms.count === null ? {} : { remaining: terms.count - issued }),
  discountType: terms.discountType,
  discountAmount: terms.discountAmount,
  startsAt: timeText(terms.startsAt),
  endsAt: timeText(terms.endsAt),
  expireMinutes: terms.expireMinutes,
  perUser: terms.perUser,
  createdAt: timeText(opened.at),
  updatedAt: timeText(updatedAt),
  deletedAt: deletedAt === null ? null : timeText(deletedAt),
});

const refusals = {
  'unknown-policy': 'There is no such policy, or it is deleted.',
  'policy-term-immutable': 'An unlimited policy has no count to add to.',
  'limit-exceeded': `The count would be above ${COUNT_MAX}.`,
  'key-reused': 'This key belongs to another request.',
} as const;
