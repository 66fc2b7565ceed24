/** Seed 004, its ladder: up to 1,000 users and down again, 30 s each. At how many does the rate stop growing? */
import { couponRun } from './lib/couponRun.ts';
import { users } from './lib/environment.ts';
import { giveLimits, giveToStranger, ladder } from './lib/giving.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: users(1_000_000),
  load: ladder,
  ask: giveToStranger,
  pauseS: 1,
  limits: giveLimits(null),
  timed: 'grpc_req_duration',
});
export const { options, setup, teardown } = run;

export default run.visit;
