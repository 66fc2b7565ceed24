import exec from 'k6/execution';
import type { Scenario } from 'k6/options';
import { scaledSeconds, users } from './environment.ts';
import type { Thresholds } from './summary.ts';

/** From the virtual users of the stage before to `vus` in `s` seconds, at full scale. */
export type Stage = Readonly<{ vus: number; s: number }>;
export type Ramp = Readonly<{ from: number; stages: readonly Stage[] }>;

/** Iterations under way at the end of a run may finish: nothing is cut off, and nothing asked stays unknown. */
const FINISH_MAX = '60s';

const scaled = (vus: number): number => (vus === 0 ? 0 : users(vus));

export const hold = (vus: number, s: number): Ramp => ({ from: vus, stages: [{ vus, s }] });

export const secondsOf = ({ stages }: Ramp): number => stages.reduce((total, { s }) => total + scaledSeconds(s), 0);

export const rampScenario = ({ from, stages }: Ramp): Scenario => ({
  executor: 'ramping-vus',
  startVUs: scaled(from),
  stages: stages.map(({ vus, s }) => ({ duration: `${scaledSeconds(s)}s`, target: scaled(vus) })),
  gracefulRampDown: FINISH_MAX,
  gracefulStop: FINISH_MAX,
});

/** `03-200x30`: the third stage ends with 200 virtual users and takes 30 seconds. */
const namesOf = ({ stages }: Ramp): string[] =>
  stages.map(({ vus, s }, i) => `${String(i + 1).padStart(2, '0')}-${scaled(vus)}x${scaledSeconds(s)}`);

/** Lets the metric appear in the summary for each stage. */
export const byStage = (ramp: Ramp, metric: string): Thresholds =>
  Object.fromEntries(namesOf(ramp).map((name) => [`${metric}{stage:${name}}`, ['max>=0']]));

/** The stage a run that began at `startAt` is in; the last one also afterwards. */
export const stageNow = (ramp: Ramp, startAt: number): string => {
  const names = namesOf(ramp);
  let until = startAt;
  for (const [i, { s }] of ramp.stages.entries()) {
    until += scaledSeconds(s) * 1_000;
    if (Date.now() < until) return names[i] as string;
  }
  return names.at(-1) as string;
};

/** Whatever this virtual user measures from now on belongs to the present stage. */
export const tagStage = (ramp: Ramp, startAt: number): void => {
  exec.vu.metrics.tags.stage = stageNow(ramp, startAt);
};
