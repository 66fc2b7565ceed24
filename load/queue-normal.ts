/** Seed 000, an ordinary day: 10 users, a request each second. */
import { users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';
import { hold } from './lib/stages.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(10_000),
  load: hold(10, 30),
  limits: { 'http_req_duration{audit:false}': ['p(95)<10'] },
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
