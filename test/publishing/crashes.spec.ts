import { expect, it, jest } from '@jest/globals';
import { createMemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { type Message, type Queue, QueueUnavailable } from '../../src/platform/queue/queue.ts';
import { createStoreQueue } from '../../src/platform/queue/storeQueue.ts';
import { dyingAt } from '../commands/mortalStores.ts';
import { until } from '../support/processes.ts';
import { checkpointsIn, distinct, hasAll, makePublisher, placeOrders, publishedIds, sendingBy } from './support.ts';

jest.setTimeout(60_000);

const ORDERS = 6;
/** Calls of a publisher that publishes two batches: none dies later. */
const CALLS = 14;

type World = Awaited<ReturnType<typeof newWorld>>;
const newWorld = async () => {
  const store = createMemoryEventStore();
  const queue = createStoreQueue(createMemoryEventStore());
  const ids = [...(await placeOrders(store, 1, ORDERS))];
  return { store, queue, ids };
};

/** A second publisher finishes what the first, which is gone, has left. */
const finish = async ({ store, queue, ids }: World): Promise<void> => {
  ids.push(...(await placeOrders(store, ORDERS + 1, ORDERS + 2)));
  const { publisher } = makePublisher(store, queue);
  publisher.start();
  await until(() => hasAll(queue, ids));
  await publisher.stop();
  const positions = await checkpointsIn(store);
  expect(positions).toEqual([...new Set(positions)].sort((a, b) => (a < b ? -1 : 1)));
  await Promise.all([queue.close(), store.close()]);
};

it.each(['before', 'after'] as const)('no order is lost when a publisher is gone %s any call of the event store', async (dies) => {
  let deaths = 0;
  for (let calls = 1; calls <= CALLS; calls += 1) {
    const world = await newWorld();
    const mortal = dyingAt(world.store, calls, dies);
    const { publisher } = makePublisher(mortal.store, world.queue, { limits: { batchMax: ORDERS / 2 } });
    publisher.start();
    await until(async () => mortal.died.yes || (await publishedIds(world.queue)).length >= ORDERS);
    await publisher.stop();
    if (mortal.died.yes) deaths += 1;
    await finish(world);
  }
  expect(deaths).toBeGreaterThan(3);
});

/** A queue that is cut off at its n-th send, before or after it has taken the messages. */
const cutOffAt = (queue: Queue, n: number, when: 'before' | 'after') => {
  const cut = { yes: false };
  let sends = 0;
  const send = async (topic: string, messages: readonly Message[]): Promise<void> => {
    sends += 1;
    if (sends < n) return queue.send(topic, messages);
    cut.yes = true;
    if (sends === n && when === 'after') await queue.send(topic, messages);
    throw new QueueUnavailable('the connection is gone');
  };
  return { cut, queue: sendingBy(queue, send) };
};

it.each(['before', 'after'] as const)('no order is lost when a publisher is gone %s a send has reached the queue', async (when) => {
  for (let n = 1; n <= 2; n += 1) {
    const world = await newWorld();
    const { cut, queue } = cutOffAt(world.queue, n, when);
    const { publisher } = makePublisher(world.store, queue, { limits: { batchMax: ORDERS / 2 } });
    publisher.start();
    await until(() => cut.yes);
    await publisher.stop();
    const left = distinct(await publishedIds(world.queue)).length;
    expect(left).toBe((when === 'before' ? n - 1 : n) * (ORDERS / 2));
    await finish(world);
  }
});
