/** Seed 004, its long run: half an hour at each of 100 to 200 users, who look at the coupons and ask for one. */
import { couponRun } from './lib/couponRun.ts';
import { scale, users } from './lib/environment.ts';
import { giveLimits, lookAndGive } from './lib/giving.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: users(1_000_000),
  load: { from: 0, stages: [100, 150, 200, 150, 100].map((vus) => ({ vus, s: 1_800 })) },
  ask: lookAndGive,
  pauseS: 1,
  limits: giveLimits(263.69),
  timed: 'grpc_req_duration',
  ...(scale === 1 ? { beaten: { iterationsPerSecond: 116 } } : {}),
});
export const { options, setup, teardown } = run;

export default run.visit;
