import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import type { Queue } from '../../src/platform/queue/queue.ts';
import { createStoreQueue } from '../../src/platform/queue/storeQueue.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { type Started, startScript, until } from '../support/processes.ts';
import { checkpointsIn, distinct, hasAll, placeOrders, publishedIds } from './support.ts';

jest.setTimeout(180_000);

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));
const PUBLISHED_MAX_MS = 60_000;

let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
let queue: Queue;
let started: Started[];

beforeEach(async () => {
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  queue = createStoreQueue(store);
  started = [];
});
afterEach(async () => {
  for (const { child } of started) child.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  await queue.close();
  await store.close();
  await server.stop();
});

const publisher = (...args: readonly string[]): Started => {
  const one = startScript(CHILD, [server.url, ...args]);
  started.push(one);
  return one;
};

it('D38: kill -9 between the append and the send loses no order', async () => {
  const ids = [...(await placeOrders(store, 1, 12))];
  expect(await publisher('before', '2').ended).toBe('SIGKILL');
  expect(await publishedIds(queue)).toHaveLength(5);
  ids.push(...(await placeOrders(store, 13, 14)));
  publisher();
  await until(() => hasAll(queue, ids), PUBLISHED_MAX_MS);
});

it('D38: kill -9 between the send and the checkpoint repeats that batch, and no other', async () => {
  const ids = [...(await placeOrders(store, 1, 12))];
  expect(await publisher('after', '2').ended).toBe('SIGKILL');
  expect(await publishedIds(queue)).toHaveLength(10);
  expect(await checkpointsIn(store)).toHaveLength(1);
  ids.push(...(await placeOrders(store, 13, 14)));
  publisher();
  await until(() => hasAll(queue, ids), PUBLISHED_MAX_MS);
  const all = await publishedIds(queue);
  expect(all).toHaveLength(ids.length + 5);
  expect(distinct(all)).toEqual(distinct(ids));
});
