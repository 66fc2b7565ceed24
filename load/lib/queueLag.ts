import { sleep } from 'k6';
import http from 'k6/http';
import { Trend } from 'k6/metrics';
import { workerUrl } from './environment.ts';
import { type Identity, won } from './oracle.ts';
import { type Ramp, stageNow } from './stages.ts';
import type { World } from './world.ts';

const queueLag = new Trend('queue_lag');

/** One look a second. */
const LOOK_EVERY_MS = 1_000;
const DRAIN_LOOK_S = 0.2;
/** How long the queue is watched after the last request before it is given up, in milliseconds. */
const WATCHED_MAX_MS = 300_000;

/** Requests that wait in all partitions; `null` while nobody tells, as when the worker is just being restarted. */
const readLag = (): number | null => {
  const answer = http.get(`${workerUrl}/metrics`, { tags: { name: 'read /metrics', audit: 'true' }, timeout: '5s' });
  const partitions = [...String(answer.body ?? '').matchAll(/^till_queue_lag\{[^}]*\} (\S+)$/gm)];
  return answer.status === 200 && partitions.length > 0 ? partitions.reduce((sum, [, lag]) => sum + Number(lag), 0) : null;
};

/** One look, and the rest of the second. The runner keeps every look. */
export const sampleQueueLag = ({ startAt }: World, ramp: Ramp): void => {
  const at = Date.now();
  const lag = readLag();
  if (lag !== null) {
    queueLag.add(lag, { stage: stageNow(ramp, startAt) });
    console.log(`lag ${JSON.stringify([at - startAt, lag])}`);
  }
  sleep(Math.max(0, at + LOOK_EVERY_MS - Date.now()) / 1_000);
};

/** Waits until nothing waits any more: every request has its outcome then. */
export const drainQueue = (maxMs: number): Identity[] => {
  const from = Date.now();
  let lag = readLag();
  while (lag !== 0 && Date.now() - from < WATCHED_MAX_MS) {
    sleep(DRAIN_LOOK_S);
    lag = readLag();
  }
  const ms = Date.now() - from;
  const expected = `0 within ${won(maxMs)} ms`;
  return [{ id: 'K10 lag back to 0', ok: lag === 0 && ms <= maxMs, expected, actual: `${lag ?? 'unknown'} after ${won(ms)} ms` }];
};
