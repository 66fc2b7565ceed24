import { z } from 'zod';
import type { Clock } from '../../platform/clock.ts';
import type { RouteTable } from '../../platform/http.ts';
import { idInput, parseParams, parseQuery } from '../../platform/input.ts';
import { readCoupon } from '../queries/coupons.ts';
import type { ReadGate } from '../readGate.ts';
import type { ReadModels } from '../readModels.ts';
import { answerOne, fresh, noQuery, unstored } from './answer.ts';

const couponParams = z.object({ couponId: idInput });

export const couponRoutes = (models: ReadModels, gate: ReadGate, clock: Clock): RouteTable => ({
  'GET /coupons/:couponId': async (req, res) => {
    const { couponId } = parseParams(couponParams, req);
    parseQuery(noQuery, req);
    const coupon = await fresh(gate, req, ['coupons'], () => readCoupon(models, couponId, clock.now()));
    answerOne(unstored(res), coupon, 'unknown-coupon', `There is no coupon ${couponId}.`);
  },
});
