/** Seed 004, an older setting: 500 users for an hour. */
import { couponRun } from './lib/couponRun.ts';
import { users } from './lib/environment.ts';
import { giveLimits, giveToStranger } from './lib/giving.ts';
import { hold } from './lib/stages.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: users(100_000),
  load: hold(500, 3_600),
  ask: giveToStranger,
  pauseS: 1,
  limits: giveLimits(200),
  timed: 'grpc_req_duration',
});
export const { options, setup, teardown } = run;

export default run.visit;
