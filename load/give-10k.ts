/** Seed 004, its contest: 10,000 coupons, up to 300 users, who look at the coupons and ask for one. Exactly 10,000 get theirs. */
import { couponRun } from './lib/couponRun.ts';
import { scale, users } from './lib/environment.ts';
import { giveLimits, lookAndGive } from './lib/giving.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: users(10_000),
  load: { from: 0, stages: [200, 250, 300].map((vus) => ({ vus, s: 30 })) },
  ask: lookAndGive,
  pauseS: 1,
  limits: giveLimits(691.79),
  timed: 'grpc_req_duration',
  ...(scale === 1 ? { beaten: { iterationsPerSecond: 142 } } : {}),
});
export const { options, setup, teardown } = run;

export default run.visit;
