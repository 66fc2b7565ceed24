import exec from 'k6/execution';
import type { Options } from 'k6/options';
import { markPlateau } from './calls.ts';
import { seconds } from './environment.ts';
import { emptyPurse, muster, type Purse, shop, type Visit } from './personas.ts';
import { common, orderThresholds } from './summary.ts';
import type { World } from './world.ts';

/** Samples of the view lag in a run of one visit each. */
const ONCE_SAMPLES = 3;

/** `vus` shoppers, one visit each, at the same moment. */
export const onceOptions = (vus: number): Options => ({
  ...common,
  scenarios: {
    shoppers: { executor: 'per-vu-iterations', vus, iterations: 1, maxDuration: '2m' },
    sampler: { executor: 'per-vu-iterations', vus: 1, iterations: ONCE_SAMPLES, maxDuration: '2m', exec: 'sampler' },
  },
  thresholds: orderThresholds(),
});

/** One visit. Numbered by iteration, not by virtual user: the sampler takes one of those numbers. */
export const once = (world: World, persona: (visit: Visit) => void): void => {
  const nth = exec.scenario.iterationInTest + 1;
  muster(world);
  shop(visitOf(world, nth, `${nth}`, emptyPurse()), persona);
};

/** Lengths of the three stages in seconds at full scale. */
export type Stages = Readonly<{ up: number; hold: number; down: number }>;

/** From 0 to `vus` shoppers, there for a while, and back; view lag is sampled all the time. */
export const rampOptions = (vus: number, { up, hold, down }: Stages): Options => ({
  ...common,
  scenarios: {
    shoppers: {
      executor: 'ramping-vus',
      startVUs: 0,
      stages: [
        { duration: seconds(up), target: vus },
        { duration: seconds(hold), target: vus },
        { duration: seconds(down), target: 0 },
      ],
      gracefulStop: seconds(down),
    },
    sampler: { executor: 'constant-vus', vus: 1, duration: seconds(up + hold + down), exec: 'sampler' },
  },
  thresholds: orderThresholds({ view_lag: ['p(99)<500', 'max<1000'] }),
});

let visits = 0;
const purse: Purse = emptyPurse();

/** The next visit of this virtual user, `u<VU>`; its purse goes on from visit to visit. */
export const again = (world: World, stages: Stages, persona: (visit: Visit) => void): void => {
  const scaled = (s: number) => Number.parseInt(seconds(s), 10) * 1_000;
  markPlateau(world.startAt + scaled(stages.up), world.startAt + scaled(stages.up) + scaled(stages.hold));
  visits += 1;
  shop(visitOf(world, exec.vu.idInTest, `${exec.vu.idInTest}-${visits}`, purse), persona);
};

const visitOf = (world: World, nth: number, key: string, purse_: Purse): Visit => {
  const policyId = world.policyIds[nth % world.policyIds.length] ?? '';
  return { world, name: `u${nth}`, policyId, key: `${world.run}-${key}`, purse: purse_ };
};
