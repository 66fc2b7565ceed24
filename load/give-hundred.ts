/** Seed 004's script as it is meant: the ladder with 100 user names. Each gets one coupon, ever. */
import { couponRun } from './lib/couponRun.ts';
import { users } from './lib/environment.ts';
import { giveLimits, giveToOneOf, ladder } from './lib/giving.ts';

const NAMES = 100;

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: users(1_000_000),
  load: ladder,
  ask: giveToOneOf(NAMES),
  pauseS: 1,
  names: NAMES,
  limits: giveLimits(null),
  timed: 'grpc_req_duration',
});
export const { options, setup, teardown } = run;

export default run.visit;
