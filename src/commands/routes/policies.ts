import { z } from 'zod';
import type { PolicyTerms } from '../../domain/couponPolicy.ts';
import { AMOUNT_MAX } from '../../domain/money.ts';
import type { NumberedPolicy } from '../../domain/shop.ts';
import type { Clock } from '../../platform/clock.ts';
import type { RouteTable } from '../../platform/http.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { nameInput, parseBody, timeInput } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import type { ShopSetup } from '../shopSetup.ts';
import { incoming, mark, timeText } from './answer.ts';

const INT32_MAX = 2_147_483_647;
export const WEEK_MINUTES = 10_080;

const terms = z
  .strictObject({
    name: nameInput,
    count: z.int().min(1).max(INT32_MAX).nullable(),
    discountType: z.enum(['rate', 'amount']),
    discountAmount: z.int().min(1).max(AMOUNT_MAX),
    startsAt: timeInput,
    endsAt: timeInput,
    expireMinutes: z.int().min(1).max(INT32_MAX).default(WEEK_MINUTES),
    perUser: z.literal(1).nullable().default(1),
  })
  .refine(({ discountType, discountAmount }) => discountType === 'amount' || discountAmount <= 100, {
    path: ['discountAmount'],
    error: 'a rate is 1 to 100 percent',
  })
  .refine(({ startsAt, endsAt }) => startsAt < endsAt, { path: ['endsAt'], error: 'must be after startsAt' });

export const policyRoutes = (setup: ShopSetup, clock: Clock): RouteTable => ({
  'POST /coupon-policies': async (req, res) => {
    const wished: PolicyTerms = parseBody(terms, req);
    const { commandId, about } = incoming(req, res, ['policy'], 'shop');

    const creation = { terms: wished, commandId, fingerprint: fingerprintOf(wished), at: clock.now() };
    const { outcome, position } = await setup.createPolicy(creation, about);

    mark(res, position, outcome.kind === 'numbered' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, 'This key belongs to another policy.');
    const { policy } = outcome;
    res.status(201).setHeader('Location', `/coupon-policies/${policy.policyId}`).json(policyAnswer(policy));
  },
});

/** A policy as it is when it has just been made. */
const policyAnswer = ({ policyId, number, terms, at }: NumberedPolicy) => ({
  policyId,
  number,
  name: terms.name,
  type: terms.count === null ? 'unlimited' : 'limited',
  count: terms.count,
  issued: 0,
  ...(terms.count === null ? {} : { remaining: terms.count }),
  discountType: terms.discountType,
  discountAmount: terms.discountAmount,
  startsAt: timeText(terms.startsAt),
  endsAt: timeText(terms.endsAt),
  expireMinutes: terms.expireMinutes,
  perUser: terms.perUser,
  createdAt: timeText(at),
  updatedAt: timeText(at),
  deletedAt: null,
});
