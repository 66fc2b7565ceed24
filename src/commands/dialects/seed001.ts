import { z } from 'zod';
import type { PolicyId, UserId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { amountInput, idInput, invalid } from '../../platform/input.ts';
import { type RouteTable, route } from '../../platform/route.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { PresentGeneration } from '../presentGeneration.ts';
import { bodyAlone, incoming } from '../routes/answer.ts';
import { chargeAnswers, charging } from '../routes/charges.ts';
import { issueAnswers, issuing } from '../routes/coupons.ts';

const chargeBody = z.strictObject({ userId: idInput, amount: amountInput });
const issueBody = z.strictObject({
  userId: idInput,
  couponId: idInput.optional().meta({ description: 'A policy, by its id or by its number in the present generation.' }),
  policyId: idInput.optional().meta({ description: 'The same under its own name.' }),
});
const charge = { summary: "Charge a user's balance", body: chargeBody, ...chargeAnswers };
const issue = { summary: 'Issue a coupon of a policy to a user', body: issueBody, ...issueAnswers };

/** Ids of policies have letters, so digits alone are a number. One beyond what a number can be names no policy. */
const NUMBER = /^[1-9][0-9]{0,9}$/;

/** The write paths of seed 001's clients: what others have in the path or the query stands in the body. */
export const seed001Routes = (mailboxes: Mailboxes, generation: PresentGeneration, clock: Clock, keyRequired: boolean): RouteTable => {
  const answerCharge = charging(mailboxes, clock);
  const answerIssue = issuing(mailboxes, clock);
  return {
    'POST /balance/charge': route(charge, async (req, res) => {
      const { amount, ...body } = bodyAlone(chargeBody, req);
      const userId = body.userId as UserId;
      await answerCharge(res, { userId, amount }, incoming(req, res, ['balance/charge', userId], userId, keyRequired));
    }),
    'POST /coupons/issue': route(issue, async (req, res) => {
      const body = bodyAlone(issueBody, req);
      const userId = body.userId as UserId;
      const named = policyNamed(body);
      const command = incoming(req, res, ['coupons/issue', userId, named], userId, keyRequired);
      const policyId = NUMBER.test(named) ? await generation.policyNumbered(Number(named), command.about) : (named as PolicyId);
      await answerIssue(res, { userId, policyId }, command);
    }),
  };
};

const policyNamed = ({ couponId, policyId }: z.output<typeof issueBody>): string => {
  if (couponId !== undefined && policyId !== undefined && couponId !== policyId) {
    throw invalid('couponId', 'couponId and policyId name the same thing, and say different things');
  }
  const named = policyId ?? couponId;
  if (named === undefined) throw invalid('policyId', 'is required, or couponId in its place');
  return named;
};
