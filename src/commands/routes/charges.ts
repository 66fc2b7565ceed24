import { z } from 'zod';
import { charge } from '../../domain/account.ts';
import type { UserId } from '../../domain/ids.ts';
import { won } from '../../domain/money.ts';
import type { Clock } from '../../platform/clock.ts';
import type { RouteTable } from '../../platform/http.ts';
import { fingerprintOf } from '../../platform/idempotency.ts';
import { amountInput, idInput, parseBody, parseParams } from '../../platform/input.ts';
import { Problem } from '../../platform/problem.ts';
import type { Mailboxes } from '../mailboxes.ts';
import { incoming, mark } from './answer.ts';

const params = z.object({ userId: idInput });
const body = z.strictObject({ amount: amountInput });

export const chargeRoutes = (mailboxes: Mailboxes, clock: Clock, keyRequired: boolean): RouteTable => ({
  'POST /users/:userId/balance': async (req, res) => {
    const userId = parseParams(params, req).userId as UserId;
    const { amount } = parseBody(body, req);
    const { commandId, about } = incoming(req, res, ['charge', userId], userId, keyRequired);

    const command = { chargeId: commandId, fingerprint: fingerprintOf({ amount }), amount: won(amount), at: clock.now() };
    const { outcome, position } = await mailboxes.account(userId).ask(charge(command), about);

    mark(res, position, outcome.kind === 'charged' && outcome.replayed);
    if (outcome.kind === 'refused') throw new Problem(outcome.reason, refusals[outcome.reason]);
    res.status(201).json({ userId, balance: outcome.balance });
  },
});

const refusals = {
  'limit-exceeded': 'The balance would be above 1,000,000,000,000 won.',
  'key-reused': 'This key belongs to a charge of another amount.',
} as const;
