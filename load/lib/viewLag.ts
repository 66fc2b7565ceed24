import { check, sleep } from 'k6';
import exec from 'k6/execution';
import { Trend } from 'k6/metrics';
import { get, positionOf, post, send } from './calls.ts';
import { baseUrl } from './environment.ts';
import type { World } from './world.ts';

const viewLag = new Trend('view_lag', true);

/** Pause between two looks, in seconds; the resolution of the figure. */
const LOOK_PAUSE_S = 0.01;
/** A view this late is broken, not late, in milliseconds. */
const LAG_MAX_MS = 30_000;
/** One sample a second. */
const SAMPLE_EVERY_MS = 1_000;

/** One sample: from a 201 to the first answer, asked without a token, whose `As-Of` has reached its `Read-After`. */
export const sampleViewLag = (world: World): void => {
  const userId = `probe-${world.run}`;
  const url = `${baseUrl}/users/${userId}/balance`;
  const charged = send(post('lag probe', url, { amount: 1 }, { audit: true, key: `${world.run}-probe-${exec.scenario.iterationInTest}` }));
  const from = Date.now();
  const written = BigInt(positionOf(charged) ?? '0');
  let seen = -1n;
  while (seen < written && Date.now() - from < LAG_MAX_MS) {
    seen = BigInt(positionOf(send(get('lag look', url, { audit: true }))) ?? '-1');
    if (seen < written) sleep(LOOK_PAUSE_S);
  }
  const lag = Date.now() - from;
  viewLag.add(lag);
  check(lag, { 'view caught up': () => seen >= written }, { audit: 'true' });
  sleep(Math.max(0, SAMPLE_EVERY_MS - lag) / 1_000);
};
