/** Seed 000, a crowd on one policy of 10,000, and so on one partition: exactly 10,000 are issued. Made for `--kill` and `--rebalance`. */
import { users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';
import { hold } from './lib/stages.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(10_000),
  load: hold(1_000, 30),
  limits: { 'http_req_duration{audit:false}': ['p(95)<=500'] },
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
