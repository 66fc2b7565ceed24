import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import type { Scenario } from 'k6/options';
import { type Answer, bodyOf, get, isUnknown, post, send } from './calls.ts';
import { type CouponRun, couponRun, POLICY_NUMBER } from './couponRun.ts';
import { baseUrl, faultsExpected, warmVisits } from './environment.ts';
import { sampleQueueLag } from './queueLag.ts';
import { type Ramp, secondsOf } from './stages.ts';
import { inSlices } from './state.ts';
import { count } from './tally.ts';
import { init, type World } from './world.ts';

const endToEnd = new Trend('issue_end_to_end', true);

/** The seed's shoppers wait this long between two requests, in seconds. */
const PAUSE_S = 1;
/** Characters of the run's name that fit into a user's, which may have 20. */
const RUN_CHARS = 6;
/** Looks at an outcome: the first pause in seconds, how it grows, and when it is given up, in milliseconds. */
const LOOK_PAUSE_S = 0.005;
const LOOK_GROWTH = 1.2;
const OUTCOME_MAX_MS = 60_000;

const url = `${baseUrl}/api/v1/coupon/issue`;

/** Asks for the coupon; 200 says that the queue has it. An answer that stays unknown is asked for again as the same transaction. */
const request = ({ run }: World, name: string, audit = false): Answer => {
  const prefix = run.slice(-RUN_CHARS);
  const body = { userId: `${prefix}-${name}`, couponId: POLICY_NUMBER, transactionId: `${prefix}-tx-${name}` };
  count('sent', 'request');
  const answer = send(post('queued issue', url, body, { expected: [200], audit }));
  if (!isUnknown(answer)) count('answered', 'request');
  if (answer.status === 200) count('acked', 'request');
  return answer;
};

/**
 * As many queued requests as `WARM` says, in a generation of their own and in no figure: the shoppers who warm up other runs pass the
 * queue by. All of them find a coupon; their outcomes are taken off in the end.
 */
const warmQueue = (): void => {
  if (warmVisits === 0) return;
  init({}, true);
  const prefix = `w${Date.now().toString(36)}`;
  const named = Array.from({ length: warmVisits }, (_, i) => `${prefix}-${i}`);
  const body = (userId: string) => ({ userId, couponId: POLICY_NUMBER, transactionId: userId });
  inSlices(named.map((userId) => post('warm queued issue', url, body(userId), { expected: [200], audit: true })));
};

/** One request of one user, as seed 000's script names them. */
const ask = (world: World): void => {
  request(world, `user-${exec.vu.idInTest}-${exec.vu.iterationInScenario}`);
};

/** One request from its answer to its recorded outcome, once a second. */
const probe = (world: World): void => {
  const from = Date.now();
  const name = `probe-${exec.scenario.iterationInTest}`;
  const transaction = `${url}/${world.run.slice(-RUN_CHARS)}-tx-${name}`;
  const look = (): Answer => send(get('queued outcome', transaction, { expected: [200, 404], audit: true }));
  if (request(world, name, true).status === 200) {
    let outcome = look();
    for (let pause = LOOK_PAUSE_S; outcome.status === 404 && Date.now() - from < OUTCOME_MAX_MS; pause *= LOOK_GROWTH) {
      sleep(pause);
      outcome = look();
    }
    endToEnd.add(Date.now() - from);
    const { status } = bodyOf<{ status?: string }>(outcome, 'data') ?? {};
    check(status, { 'outcome recorded': () => status === 'issued' || status === 'refused' }, { audit: 'true' });
  }
  sleep(Math.max(0, from + 1_000 - Date.now()) / 1_000);
};

const beside = (ramp: Ramp, exec_: string): Scenario => ({
  executor: 'constant-vus',
  vus: 1,
  duration: `${secondsOf(ramp)}s`,
  exec: exec_,
  gracefulStop: '60s',
});

type QueueRun = Readonly<{ drainMaxMs?: number; limits: CouponRun['limits']; load: Ramp }> & Pick<CouponRun, 'coupons' | 'beaten' | 'soak'>;

/** How long what waits at the end may take: seed 000's own limit; with faults what a broker needs to come back. */
const DRAIN_MAX_MS = faultsExpected ? 30_000 : 10_000;

/** What a scenario of queued coupons exports to k6: shoppers, one sampler of the queue's lag and one of the time to an outcome. */
export const queueRun = ({ drainMaxMs = DRAIN_MAX_MS, load, limits, ...rest }: QueueRun) => {
  const run = couponRun({
    ...rest,
    load,
    ask,
    pauseS: PAUSE_S,
    timed: 'http_req_duration',
    limits,
    queue: { drainMaxMs, more: { lag: beside(load, 'lag'), probe: beside(load, 'probe') } },
  });
  return {
    ...run,
    setup: (): World => {
      warmQueue();
      return run.setup();
    },
    lag: (world: World): void => sampleQueueLag(world, load),
    probe,
  };
};
