import { check, sleep } from 'k6';
import { Gauge } from 'k6/metrics';
import type { Options, Scenario } from 'k6/options';
import { bodyOf, send, takeFlights } from './calls.ts';
import { type CouponShop, couponIdentities, type Read, serialsToRead } from './couponOracle.ts';
import { faultsExpected, scaledSeconds, warmVisits } from './environment.ts';
import type { Identity, Policy } from './oracle.ts';
import { drainQueue } from './queueLag.ts';
import { byStage, type Ramp, rampScenario, tagStage } from './stages.ts';
import { audited, inSlices, markEnd } from './state.ts';
import { common, DROPPED, type Thresholds, thresholds } from './summary.ts';
import { openShop, type World } from './world.ts';

const shoppingSeconds = new Gauge('shopping_seconds');

/** The first policy of its generation, and the one beside it that takes what is asked before a run, in no figure. */
export const POLICY_NUMBER = 1;
export const WARM_POLICY_NUMBER = 2;
/** Seconds between what is asked before a run and the run. */
const WARM_PAUSE_S = 2;
/** More virtual users than any scenario has: each numbers its own iterations in steps of so many. */
const VUS_ROOM = 100_000;
/** Coupons read one by one afterwards; of more, every n-th. The audit reads all of them in the log. */
const READ_MAX = 20_000;
/**
 * Seconds that answers may take before the generator has to make more virtual users, which costs it many calls each, and before it has no
 * more. Enough for 0.5 made beforehand cost k6 another 0.5 GiB and dropped no fewer starts.
 */
const ANSWER_S = { usual: 0.4, most: 0.5 };
/** Virtual users of a slow rate: a process that has just started answers slowly at first. */
const VUS_MIN = 50;

/** At `rate` a second, whatever the answers take; a start that finds no virtual user is dropped, and fails the run. */
export type Rate = Readonly<{ rate: number; s: number }>;

export type CouponRun = Readonly<{
  /** Coupons of the only policy, one for each user; `COUPONS` says otherwise. */
  coupons: number;
  load: Ramp | Rate;
  /** What one iteration asks for; no two iterations of a run have the same `nth`. */
  ask: (world: World, nth: number) => void;
  pauseS: number;
  /** Users there are at most; without it every request has a user of its own. */
  names?: number;
  /** Requests are queued: their outcomes are counted afterwards. */
  queue?: Readonly<{ drainMaxMs: number; more: Readonly<Record<string, Scenario>> }>;
  limits: Thresholds;
  /** The metric whose times are told for each stage. */
  timed: 'http_req_duration' | 'grpc_req_duration';
  /** What the seed published, to be beaten by a whole run. */
  beaten?: Readonly<{ requests?: number; iterationsPerSecond?: number }>;
  /** Judged over the whole run by the runner: memory and lag that may not grow. */
  soak?: Readonly<{ afterS: number; slopeMaxPerHour: number }>;
  /** Asks as `ask` does, of the policy beside. Where it is missing, `WARM` shoppers visit before the run. */
  warm?: (nth: number) => void;
}>;

const isRate = (load: Ramp | Rate): load is Rate => 'rate' in load;

const vusFor = (rate: number): { preAllocatedVUs: number; maxVUs: number } => ({
  preAllocatedVUs: Math.max(VUS_MIN, Math.ceil(rate * ANSWER_S.usual)),
  maxVUs: Math.max(2 * VUS_MIN, Math.ceil(rate * ANSWER_S.most)),
});

/** Seconds in which a rate that rises evenly makes `WARM` calls. */
const warmSeconds = ({ load, warm }: CouponRun): number =>
  warm && isRate(load) && warmVisits > 0 ? Math.ceil((2 * warmVisits) / load.rate) : 0;

/**
 * A run that begins at full rate, after one that rises to it with the same virtual users: their connections stand, and no process meets
 * its first call. They are the same because the one surely ended when the other begins.
 */
const rateScenarios = (run: CouponRun, { rate, s }: Rate): Record<string, Scenario> => {
  const shoppers: Scenario = { executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: `${s}s`, ...vusFor(rate) };
  const warmS = warmSeconds(run);
  if (warmS === 0) return { shoppers };
  const rising = { stages: [{ duration: `${warmS}s`, target: rate }], gracefulStop: `${WARM_PAUSE_S}s` };
  return {
    warming: { executor: 'ramping-arrival-rate', startRate: 0, timeUnit: '1s', exec: 'warm', ...rising, ...vusFor(rate) },
    shoppers: { ...shoppers, startTime: `${warmS + WARM_PAUSE_S}s` },
  };
};

const nthOfAll = (): number => __ITER * VUS_ROOM + __VU;

/** `RATE` and `SECONDS` say otherwise, for a quick look. */
export const atRate = (rate: number, s: number): Rate => ({
  rate: Number(__ENV.RATE ?? rate),
  s: Number(__ENV.SECONDS ?? scaledSeconds(s)),
});

/** What is told of by name, also where nothing is demanded of it. */
const told: Readonly<Record<CouponRun['timed'], Thresholds>> = {
  http_req_duration: { 'http_req_duration{name:queued issue}': [] },
  grpc_req_duration: { 'grpc_req_duration{audit:false}': [], 'grpc_req_duration{name:give}': [], 'grpc_req_duration{name:find_all}': [] },
};

const optionsOf = (run: CouponRun): Options => {
  const { load, limits, timed, queue } = run;
  return {
    ...common,
    scenarios: { ...(isRate(load) ? rateScenarios(run, load) : { shoppers: rampScenario(load) }), ...queue?.more },
    thresholds: {
      ...told[timed],
      ...thresholds(limits),
      ...(isRate(load) ? { [DROPPED]: faultsExpected ? [] : ['count==0'] } : byStage(load, timed)),
      ...(queue && !isRate(load) ? byStage(load, 'queue_lag') : {}),
    },
  };
};

/** Reads the policy and its coupons at a position behind the last write, judges them and prints the closing line. */
const close = (world: World, run: CouponRun): void => {
  shoppingSeconds.add((Date.now() - run.pauseS * 1_000 - world.startAt) / 1_000);
  const drained = run.queue ? drainQueue(run.queue.drainMaxMs) : [];
  const shop = readCoupons(world);
  const identities: Identity[] = [...drained, ...couponIdentities(shop)];
  for (const { id, ok } of identities) check(ok, { [id.split(' ')[0] ?? id]: (holds) => holds }, { audit: 'true' });
  const { policyId, count, issued } = shop.policy;
  const coupons = { policyId, count, issued, names: run.names ?? null, asked: run.queue ? 'request' : 'coupon', warmed: warmVisits };
  const totals = run.queue ? {} : { coupon: issued };
  const closing = { identities, totals, counted: {}, coupons, beaten: run.beaten, soak: run.soak };
  console.log(`closing ${JSON.stringify(closing)}`);
};

const readCoupons = ({ run, policyIds: [policyId = ''] }: World): CouponShop => {
  const { position, lagMs } = markEnd(run);
  const policy = bodyOf<Policy>(send(audited(`/coupon-policies/${policyId}`, position))) as Policy;
  const pathOf = (serial: number): string => `/coupons/${policyId}-${serial}`;
  const serials = serialsToRead(policy.issued, READ_MAX);
  const answers = inSlices(serials.map((serial) => audited(pathOf(serial), position)));
  const read = serials.map((serial, i): Read => ({ serial, coupon: bodyOf<NonNullable<Read['coupon']>>(answers[i] as never) ?? null }));
  const beyond = policy.issued + 1;
  const none = send({ ...audited(pathOf(beyond), position), expected: [404] });
  return { policy, read, beyond: { serial: beyond, coupon: none.status === 404 ? null : { policyId, serial: beyond, userId: '' } }, lagMs };
};

/** What a scenario of coupons exports to k6. */
export const couponRun = (run: CouponRun) => {
  const { coupons, load, ask, pauseS, warm } = run;
  const couponCount = Number(__ENV.COUPONS ?? coupons);
  const warmS = warmSeconds(run);
  return {
    options: optionsOf(run),
    setup: (): World => {
      if (warmS === 0) return openShop({ policies: 1, couponCount, perUser: 1 }, 0);
      return openShop({ policies: WARM_POLICY_NUMBER, couponCount, perUser: 1 }, (warmS + WARM_PAUSE_S) * 1_000, 0);
    },
    warm: (): void => warm?.(nthOfAll()),
    visit: (world: World): void => {
      if (!isRate(load)) tagStage(load, world.startAt);
      ask(world, nthOfAll());
      // Peaks in flight are a matter of visits; here they would only pile up.
      takeFlights();
      if (pauseS > 0) sleep(pauseS);
    },
    teardown: (world: World): void => close(world, run),
  };
};
