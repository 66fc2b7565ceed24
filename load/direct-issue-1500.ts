/** The goal of seed 004 over HTTP: 1,500 coupons a second for a minute, asked for and given at once. `COUPONS`, `RATE`, `SECONDS`. */
import { atRate, couponRun } from './lib/couponRun.ts';
import { issueToStranger } from './lib/issuing.ts';

export { handleSummary } from './lib/summary.ts';

const run = couponRun({
  coupons: 100_000,
  load: atRate(1_500, 60),
  ask: issueToStranger,
  pauseS: 0,
  limits: {},
  timed: 'http_req_duration',
});
export const { options, setup, teardown } = run;

export default run.visit;
