import type { Response } from 'express';
import { z } from 'zod';
import { charge } from '../../domain/account.ts';
import type { UserId } from '../../domain/ids.ts';
import { won } from '../../domain/money.ts';
import type { Clock } from '../../platform/clock.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { amountInput, idInput, parseParams } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import { shape } from '../../platform/shapes.ts';
import type { Mailboxes } from '../mailboxes.ts';
import { bodyAlone, type Incoming, incoming, mark } from './answer.ts';

const params = z.object({ userId: idInput });
const body = z.strictObject({ amount: amountInput });
const answer = z.object({ userId: shape.id, balance: shape.won });

/** What a charge gives, on whichever path it is asked for. */
export const chargeAnswers = {
  answers: { 201: { body: answer, headers: ['Idempotent-Replayed'], what: 'The balance after this charge.' } },
  problems: ['limit-exceeded'],
} as const satisfies Partial<RouteDescription>;
const description = { summary: "Charge a user's balance", params, body, ...chargeAnswers } as const satisfies RouteDescription;

export type Charging = Readonly<{ userId: UserId; amount: number }>;
/** Charges and answers it, whichever path it was asked for on. */
export type AnswerCharge = (res: Response, wanted: Charging, command: Incoming) => Promise<void>;

export const charging =
  (mailboxes: Mailboxes, clock: Clock): AnswerCharge =>
  async (res, { userId, amount }, { commandId, about }) => {
    const command = { chargeId: commandId, fingerprint: fingerprintOf({ amount }), amount: won(amount), at: clock.now() };
    const { outcome, position } = await mailboxes.account(userId).ask(charge(command), about);
    mark(res, position, outcome.kind === 'charged' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
    sendJson(res, 201, { userId, balance: outcome.balance });
  };

export const chargeRoutes = (mailboxes: Mailboxes, clock: Clock, keyRequired: boolean): RouteTable => {
  const answerCharge = charging(mailboxes, clock);
  return {
    'POST /users/:userId/balance': route(description, async (req, res) => {
      const userId = parseParams(params, req).userId as UserId;
      const { amount } = bodyAlone(body, req);
      await answerCharge(res, { userId, amount }, incoming(req, res, ['charge', userId], userId, keyRequired));
    }),
  };
};

const refusals = {
  'limit-exceeded': 'The balance would be above 1,000,000,000,000 won.',
  'key-reused': 'This key belongs to a charge of another amount.',
} as const;
