/** Seed 000, 50 users for two hours: memory does not grow, and the lag is back to 0 each minute. */
import { scale, users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';
import { hold } from './lib/stages.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(100_000),
  load: hold(50, 7_200),
  limits: { 'http_req_duration{audit:false}': ['p(95)<=500'] },
  ...(scale === 1 ? { soak: { afterS: 1_800, slopeMaxPerHour: 0.01 } } : {}),
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
