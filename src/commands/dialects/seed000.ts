import type { Request } from 'express';
import { z } from 'zod';
import type { UserId } from '../../domain/ids.ts';
import type { Clock } from '../../platform/clock.ts';
import { envelope, envelopeShape } from '../../platform/envelope.ts';
import { correlationIdOf } from '../../platform/http.ts';
import { idInput, invalid, parse, policyNumberInput, transactionIdInput } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import type { PresentGeneration } from '../presentGeneration.ts';
import type { CouponQueue } from '../queue/couponQueue.ts';
import { bodyAlone, incoming } from '../routes/answer.ts';

const USER_CHARS_MAX = 20;
const TAKEN = '쿠폰 발급 요청 성공';

const body = z.strictObject({
  userId: idInput
    .refine((id) => id.length <= USER_CHARS_MAX, `must have ${USER_CHARS_MAX} characters at most`)
    .meta({ pattern: `^[A-Za-z0-9][A-Za-z0-9_-]{0,${USER_CHARS_MAX - 1}}$` }),
  couponId: policyNumberInput.meta({ description: 'The number of a policy in the present generation.' }),
  transactionId: transactionIdInput.optional().meta({ description: 'Required here or as the header `transactionId`.' }),
});

const issue = {
  summary: 'Ask for a coupon that is decided later, in the order of the requests',
  details:
    'Success says that the queue has the request for good, and nothing of its outcome: that stands at `GET /api/v1/coupon/issue/{transactionId}`. ' +
    'The same transaction id is the same request, however often it is sent.',
  body,
  answers: { 200: { body: envelopeShape(z.null()), what: 'The queue has the request.' } },
} as const satisfies RouteDescription;

/** The id in the body, or in the header of the same name; both are fine as long as they agree. */
const transactionIdOf = (req: Request, inBody: string | undefined): string => {
  const inHeader = req.get('transactionId');
  if (inBody !== undefined && inHeader !== undefined && inBody !== inHeader) {
    throw invalid('transactionId', 'the header and the body say different things');
  }
  return parse(z.object({ transactionId: transactionIdInput }), { transactionId: inBody ?? inHeader }).transactionId;
};

/** The write path of seed 000's clients: they know policies by number, and look for `message`, `code` and `data`. */
export const seed000Routes = (requests: CouponQueue, generation: PresentGeneration, clock: Clock): RouteTable => ({
  'POST /api/v1/coupon/issue': route(issue, async (req, res) => {
    const requestedAt = clock.now();
    const { couponId: number, ...asked } = bodyAlone(body, req);
    const userId = asked.userId as UserId;
    const transactionId = transactionIdOf(req, asked.transactionId);
    const { about } = incoming(req, res, ['coupon/issue', userId, String(number), transactionId], userId);
    const request = { userId, policyId: await generation.policyNumbered(number, about), transactionId, requestedAt };
    await requests.accept(request, correlationIdOf(res));
    sendJson(res, 200, envelope(TAKEN, 200, null));
  }),
});
