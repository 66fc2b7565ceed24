import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { correlationIdOf } from '../../platform/http.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { sendJson } from '../../platform/sendJson.ts';
import type { CouponQueue } from '../queue/couponQueue.ts';
import { incoming } from './answer.ts';
import { askedCoupon, parseIssue } from './coupons.ts';

const TAKEN = '쿠폰 발급 요청이 접수되었습니다.';

const issue = {
  summary: 'Ask for a coupon of a policy that is decided later',
  details:
    'Who and which policy as in `POST /coupons`. The answer says that the queue has the request for good; `Location` says where its outcome will be.',
  query: askedCoupon,
  body: askedCoupon,
  bodyOptional: true,
  answers: {
    202: {
      body: z.object({
        message: z.string(),
        transactionId: z.string().meta({ description: 'The same one again for a repeat under the same key.' }),
      }),
      headers: ['Location'],
      what: 'The queue has the request.',
    },
  },
} as const satisfies RouteDescription;

export const queuedCouponRoutes = (requests: CouponQueue, clock: Clock, keyRequired: boolean): RouteTable => ({
  'POST /coupons/async': route(issue, async (req, res) => {
    const requestedAt = clock.now();
    const wanted = parseIssue(req);
    const { userId, policyId } = wanted;
    const { commandId: transactionId } = incoming(req, res, ['coupons/async', userId, policyId], userId, keyRequired);
    await requests.accept({ ...wanted, transactionId, requestedAt }, correlationIdOf(res));
    res.setHeader('Location', `/api/v1/coupon/issue/${transactionId}`);
    sendJson(res, 202, { message: TAKEN, transactionId });
  }),
});
