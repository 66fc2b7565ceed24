import { z } from 'zod';
import { envelopeShape } from '../../platform/envelope.ts';
import { parseParams, parseQuery, policyNumberInput, transactionIdInput } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { shape } from '../../platform/shapes.ts';
import { readCouponRequest } from '../queries/couponRequests.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answer, answerOne, fresh, unstored } from '../routes/answer.ts';

const FOUND = '쿠폰 발급 요청 조회 성공';

const params = z.object({ transactionId: transactionIdInput });
const query = z.strictObject({
  couponId: policyNumberInput
    .optional()
    .meta({ description: 'The number of the policy, where one id was used for several. Without it the newest.' }),
});

const status = {
  summary: 'What became of a coupon request of the queue',
  params,
  query,
  answers: {
    200: envelopeShape(
      z.object({
        transactionId: z.string(),
        userId: shape.id,
        couponId: shape.count.nullable().meta({ description: 'The number of the policy; null for an id that no policy has.' }),
        status: z.enum(['issued', 'refused']),
        reason: z.enum(['unknown-policy', 'not-open', 'sold-out', 'already-issued']).nullable(),
        userCouponId: shape.id.nullable(),
        decidedAt: shape.time,
      }),
    ),
  },
  details: '404 as long as no outcome is recorded: "not yet" and "never sent" look alike, since nothing is kept when a request is taken.',
  problems: ['not-found'],
} as const satisfies RouteDescription;

/** The read path of seed 000's clients. */
export const seed000Routes = (models: ReadModels, gate: ReadGate): RouteTable => ({
  'GET /api/v1/coupon/issue/:transactionId': route(status, async (req, res) => {
    const { transactionId } = parseParams(params, req);
    const { couponId = null } = parseQuery(query, req);
    const { asOf, value } = await fresh(gate, req, ['coupon_requests'], () => readCouponRequest(models, transactionId, couponId));
    if (value === null) {
      res.setHeader('Retry-After', '1');
      answerOne(res, { asOf, value }, 'not-found', `No outcome is recorded for ${transactionId}.`);
    } else answer(unstored(res), { asOf, value: `{"message":"${FOUND}","code":200,"data":${value}}` });
  }),
});
