/** Seed 000, from 10 users to 500: where does the lag no longer return? */
import { users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(100_000),
  load: { from: 10, stages: [50, 100, 200, 500, 0].map((vus) => ({ vus, s: 30 })) },
  limits: { 'http_req_duration{audit:false}': ['p(95)<=500'] },
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
