import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { type RouteDescription, type RouteTable, route } from '../../platform/route.ts';
import { readCoupon, readCouponHistory } from '../queries/coupons.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, answerPageOf, fresh, noQuery, pageQuery, unstored } from './answer.ts';
import { coupon, couponChange } from './shapes.ts';

const params = z.object({ couponId: idInput });
const historyQuery = z.strictObject(pageQuery);

const descriptions = {
  one: {
    summary: 'A coupon that is not deleted',
    params,
    query: noQuery,
    answers: { 200: { body: coupon, headers: ['Cache-Control'] } },
    problems: ['unknown-coupon'],
  },
  history: {
    summary: 'What was done with a coupon, its issue first, its deletion included',
    params,
    query: historyQuery,
    answers: { 200: { body: z.array(couponChange), headers: ['Link', 'Cache-Control'] } },
    problems: ['unknown-coupon'],
  },
} as const satisfies Record<string, RouteDescription>;

export const couponRoutes = (models: ReadModels, gate: ReadGate, clock: Clock): RouteTable => ({
  'GET /coupons/:couponId': route(descriptions.one, async (req, res) => {
    const { couponId } = parseParams(params, req);
    parseQuery(noQuery, req);
    const found = await fresh(gate, req, ['coupons'], () => readCoupon(models, couponId, clock.now()));
    answerOne(unstored(res), found, 'unknown-coupon', `There is no coupon ${couponId}.`);
  }),
  'GET /coupons/:couponId/history': route(descriptions.history, async (req, res) => {
    const { couponId } = parseParams(params, req);
    const paging = parseQuery(historyQuery, req);
    const found = await fresh(gate, req, ['coupons', 'coupon_history'], () => readCouponHistory(models, couponId, paging));
    answerPageOf(req, unstored(res), found, 'unknown-coupon', `There is no coupon ${couponId}.`);
  }),
});
