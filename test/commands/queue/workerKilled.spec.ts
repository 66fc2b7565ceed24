import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { COUPON_REQUESTS, WORKERS } from '../../../src/commands/queue/couponTopics.ts';
import { couponPolicyStream } from '../../../src/domain/couponPolicy.ts';
import type { PolicyId } from '../../../src/domain/ids.ts';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../../../src/platform/eventStore/eventStore.ts';
import { lastRevision } from '../../../src/platform/queue/storeStreams.ts';
import { startTestEventStore } from '../../support/eventStore.ts';
import { type Started, startScript, till, until } from '../../support/processes.ts';
import { QueueWorld } from './workerInMemory.ts';

const TEST_MAX_MS = 300_000;
const START_MAX_MS = 120_000;
const REQUESTS = 800;
const COUNT = 500;
const KILLS = 2;

let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
let world: QueueWorld;
const workers: Started[] = [];
beforeAll(async () => {
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  world = new QueueWorld(store);
}, START_MAX_MS);
afterEach(async () => {
  await Promise.all(
    workers.splice(0).map(({ child, ended }) => {
      child.kill('SIGKILL');
      return ended;
    }),
  );
});
afterAll(async () => {
  await store.close();
  await server.stop();
});

const startWorker = (): Started => {
  const worker = startScript('src/cli/main.ts', ['coupon-worker'], { EVENTSTORE_URL: server.url, WORKER_PORT: '0' });
  workers.push(worker);
  return worker;
};
const metricsOf = async ({ out }: Started): Promise<string> => {
  const port = await until(() => /"worker":(\d+)/.exec(out())?.[1], START_MAX_MS);
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
};
/** A busy machine may not answer in time: then nothing is known. */
const committed = async (): Promise<number> => {
  const lags = await world.queue.lag(WORKERS, COUPON_REQUESTS).catch(() => []);
  return lags.reduce((sum, lag) => sum + Number(lag.committed), 0);
};
/** Outcomes on the policy's stream, whose first event is its opening. */
const decided = async (policyId: PolicyId): Promise<number> =>
  Number(await lastRevision(store, couponPolicyStream(policyId), 0n).catch(() => 0n));

it(
  'every accepted request has one outcome, and exactly as many coupons are issued as there are, though workers are killed with outcomes recorded and not committed (KQ1, KQ6)',
  async () => {
    const policyId = await world.policy({ count: COUNT });
    const send = (from: number, to: number) =>
      Promise.all(Array.from({ length: to - from }, (_, i) => world.request(policyId, `u${from + i}`, `tx-${from + i}`)));
    await send(0, REQUESTS / 2);
    for (let kill = 0; kill < KILLS; kill += 1) {
      const before = await decided(policyId);
      const worker = startWorker();
      // Outcomes are there beyond what is committed: the worker stands between the append and the commit.
      await until(async () => {
        const now = await decided(policyId);
        return now >= REQUESTS / 2 || (now > before && now > (await committed()));
      }, START_MAX_MS);
      worker.child.kill('SIGKILL');
      expect(await worker.ended).toBe('SIGKILL');
    }
    await send(REQUESTS / 2, REQUESTS);
    const last = startWorker();
    await until(async () => (await committed()) === REQUESTS, START_MAX_MS);
    const outcomes = await world.outcomes(policyId);
    expect([outcomes.length, new Set(outcomes.map(({ transactionId }) => transactionId)).size]).toEqual([REQUESTS, REQUESTS]);
    expect(outcomes.filter(({ outcome }) => outcome === 'issued')).toHaveLength(COUNT);
    expect(await world.deadLetters()).toEqual([]);
    expect(await metricsOf(last)).toMatch(/till_queue_lag\{partition="0"\} 0/);
    last.child.kill('SIGTERM');
    expect(await last.ended).toBe(0);
  },
  TEST_MAX_MS,
);

it(
  'till dlq lists dead letters, shows one and sends them again (R49)',
  async () => {
    const policyId = await world.policy();
    await world.put(policyId, 'junk', { 'x-from': 'test' });
    startWorker();
    await until(async () => (await world.deadLetters()).length === 1, START_MAX_MS);
    const dlq = (...args: string[]) => till(['dlq', ...args], { EVENTSTORE_URL: server.url });
    const [listed, lines, shown] = await Promise.all([dlq('list', '--json'), dlq('list'), dlq('show', '0:0', '--json')]);
    const [letter] = JSON.parse(listed.out);
    expect(letter).toMatchObject({ place: '0:0', reason: 'unreadable', sentAgain: false });
    expect(letter.original).toMatchObject({ topic: COUPON_REQUESTS, key: policyId, value: 'junk', headers: { 'x-from': 'test' } });
    expect(JSON.parse(shown.out)).toEqual(letter);
    expect(lines.out).toMatch(/^0:0 .*unreadable/);
    const replayed = await dlq('replay', '--json');
    expect([replayed.status, JSON.parse(replayed.out)]).toEqual([0, { sent: 1 }]);
    await until(async () => (await world.deadLetters()).length === 2, START_MAX_MS);
    expect(JSON.parse((await dlq('list', '--json')).out).map(({ sentAgain }: { sentAgain: boolean }) => sentAgain)).toEqual([true, false]);
    const [absent, wrong, one] = await Promise.all([dlq('show', '0:99'), dlq('show', 'there'), dlq('replay', '0:1')]);
    expect([absent.status, wrong.status, one.status]).toEqual([1, 2, 0]);
    expect(absent.err).toContain('0:99');
  },
  TEST_MAX_MS,
);
