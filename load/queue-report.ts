/** Seed 000, the run of its report: up to 200 users in 50 s, a request each second; its figures are to be beaten. */
import { scale, users } from './lib/environment.ts';
import { queueRun } from './lib/queueing.ts';

export { handleSummary } from './lib/summary.ts';

const run = queueRun({
  coupons: users(10_000),
  load: { from: 0, stages: [50, 100, 150, 200, 0].map((vus) => ({ vus, s: 10 })) },
  limits: { 'http_req_duration{audit:false}': ['p(95)<10'], issue_end_to_end: ['p(95)<100'], queue_lag: ['max<120'] },
  ...(scale === 1 ? { beaten: { requests: 4_097 } } : {}),
});
export const { options, setup, teardown, lag, probe } = run;

export default run.visit;
