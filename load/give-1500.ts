/** Seed 004, its goal: 1,500 Gives a second for a minute, each by another user. `COUPONS` = 100000 or 10000; `RATE`, `SECONDS`. */
import { atRate, couponRun } from './lib/couponRun.ts';
import { giveLimits, giveToStranger, warmGive } from './lib/giving.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: 100_000,
  load: atRate(1_500, 60),
  ask: giveToStranger,
  pauseS: 0,
  limits: giveLimits(200),
  timed: 'grpc_req_duration',
  warm: warmGive,
});
export const { options, setup, warm, teardown } = run;

export default run.visit;
