/** The crowd of `queue-limit` for three minutes, while Kafka is stopped for 15 s: nothing accepted is lost, what waits is worked through. */
import { users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(100_000),
  load: { from: 10, stages: [50, 100, 200, 500, 500, 0].map((vus) => ({ vus, s: 30 })) },
  drainMaxMs: 30_000,
  limits: {},
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
