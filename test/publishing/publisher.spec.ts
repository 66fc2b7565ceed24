import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Position } from '../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore, type MemoryEventStore } from '../../src/platform/eventStore/memoryEventStore.ts';
import { type Message, type Queue, QueueUnavailable } from '../../src/platform/queue/queue.ts';
import { createStoreQueue } from '../../src/platform/queue/storeQueue.ts';
import { CHECKPOINT_STREAM, PUBLISHED_UP_TO, publishingEvent } from '../../src/publishing/checkpoint.ts';
import { ORDER_PLACED } from '../../src/publishing/orderCompleted.ts';
import type { OrderPublisher } from '../../src/publishing/publisher.ts';
import { until } from '../support/processes.ts';
import {
  checkpointsIn,
  distinct,
  hasAll,
  makePublisher,
  messagesIn,
  orderPlaced,
  parkedIn,
  placeOrders,
  publishedIds,
  record,
  sendingBy,
} from './support.ts';

jest.setTimeout(30_000);

let store: MemoryEventStore;
let queue: Queue;
let started: OrderPublisher[];

beforeEach(() => {
  store = createMemoryEventStore();
  queue = createStoreQueue(createMemoryEventStore());
  started = [];
});
afterEach(async () => {
  await Promise.all(started.map((publisher) => publisher.stop()));
  await queue.close();
  await store.close();
});

const start = (...made: Parameters<typeof makePublisher>) => {
  const one = makePublisher(...made);
  started.push(one.publisher);
  one.publisher.start();
  return one;
};
/** Where the last placed order stands in the log. */
const newestOrder = (): Position => {
  const places = Array.from({ length: store.log.length }, (_, at) => at).filter((at) => store.log.typeAt(at) === ORDER_PLACED);
  return store.log.positionAt(places.at(-1) ?? 0);
};
const alarms = (logged: readonly Readonly<Record<string, unknown>>[]): readonly unknown[] =>
  logged.flatMap(({ alarm }) => (alarm === undefined ? [] : [alarm]));

describe('the order publisher', () => {
  it('publishes each order once, those placed before it began and those placed after', async () => {
    const before = await placeOrders(store, 1, 3);
    await record(store, [{ ...orderPlaced('x'), type: 'SomethingElse' }], 'elsewhere-1');
    const { counts } = start(store, queue);
    await until(() => hasAll(queue, before));
    const after = await placeOrders(store, 4, 6);
    await until(() => hasAll(queue, [...before, ...after]));
    await until(() => counts.published === 6);
    expect(await publishedIds(queue)).toEqual(distinct([...before, ...after]));
  });

  it('publishes nothing again when it is started again, for which it needs only the log', async () => {
    const first = await placeOrders(store, 1, 5);
    const one = start(store, queue);
    await until(async () => (await checkpointsIn(store)).at(-1) === newestOrder());
    await one.publisher.stop();
    const second = await placeOrders(store, 6, 7);
    start(store, queue);
    await until(() => hasAll(queue, [...first, ...second]));
    expect(await publishedIds(queue)).toHaveLength(7);
  });

  it('writes nothing while no order is placed', async () => {
    await placeOrders(store, 1, 1);
    start(store, queue);
    await until(async () => (await checkpointsIn(store)).length === 1);
    for (let n = 0; n < 200; n += 1) await record(store, [{ ...orderPlaced('x'), type: 'SomethingElse' }], 'elsewhere-1');
    const { length } = store.log;
    await new Promise((wake) => setTimeout(wake, 300));
    expect(store.log.length).toBe(length);
  });

  it('sends the very same batch again until the queue has it, then the next one, and never two at once', async () => {
    const ids = await placeOrders(store, 1, 4);
    const tries: (readonly Message[])[] = [];
    let underWay = 0;
    const failing = sendingBy(queue, async (topic, messages) => {
      underWay += 1;
      expect(underWay).toBe(1);
      tries.push(messages);
      await new Promise((wake) => setTimeout(wake, 5));
      underWay -= 1;
      if (tries.length < 5) throw new QueueUnavailable('nobody there');
      await queue.send(topic, messages);
    });
    const { publisher, logged } = start(store, failing);
    await until(() => tries.length >= 2);
    expect(() => publisher.check()).toThrow('nobody there');
    await placeOrders(store, 5, 6).then((more) => until(() => hasAll(queue, [...ids, ...more])));
    for (const again of tries.slice(1, 5)) expect(again).toEqual(tries[0]);
    expect(tries[0]).toHaveLength(4);
    expect(alarms(logged)).toContain('orders-not-published');
    await until(async () => (await checkpointsIn(store)).length > 0);
    expect(() => publisher.check()).not.toThrow();
  });

  it('does not move its checkpoint before the queue has acknowledged', async () => {
    await placeOrders(store, 1, 2);
    let sent = 0;
    const silent = sendingBy(queue, async () => {
      sent += 1;
      throw new QueueUnavailable('no answer');
    });
    start(store, silent);
    await until(() => sent > 3);
    expect(await checkpointsIn(store)).toEqual([]);
  });

  it('makes the topic again when it is gone', async () => {
    const [one] = await placeOrders(store, 1, 1);
    const { publisher } = start(store, queue);
    await until(() => hasAll(queue, [one ?? '']));
    await publisher.stop();
    const empty = createStoreQueue(createMemoryEventStore());
    let current = queue;
    const moved: Queue = Object.assign(Object.create(queue) as Queue, {
      createTopics: (topics: Parameters<Queue['createTopics']>[0]) => current.createTopics(topics),
      send: (topic: string, messages: readonly Message[]) => current.send(topic, messages),
    });
    start(store, moved);
    const [two] = await placeOrders(store, 2, 2);
    await until(() => hasAll(queue, [one ?? '', two ?? '']));
    current = empty;
    const [three] = await placeOrders(store, 3, 3);
    await until(() => hasAll(empty, [three ?? '']));
    await empty.close();
  });

  it('parks an order that the queue will never take, with an alarm and on record, and goes on', async () => {
    // Small enough for the log, and too large as text within the text of a message.
    const large = orderPlaced('order-large', '"\\'.repeat(100_000));
    const before = await placeOrders(store, 1, 3);
    await record(store, [large]);
    const after = await placeOrders(store, 5, 8);
    const { logged, counts } = start(store, queue);
    await until(() => hasAll(queue, [...before, ...after]));
    await until(async () => (await checkpointsIn(store)).length > 0);
    expect(await parkedIn(store)).toEqual([
      expect.objectContaining({ eventId: large.id, stream: 'account-ann', revision: '3', reason: 'refused' }),
    ]);
    expect(alarms(logged)).toEqual(['order-event-parked']);
    expect(counts.parked).toBe(1);
  });

  it('parks an order that cannot be read', async () => {
    const broken = { ...orderPlaced('order-1'), data: { orderId: 'order-1' } };
    await record(store, [broken]);
    const [good] = await placeOrders(store, 2, 2);
    start(store, queue);
    await until(() => hasAll(queue, [good ?? '']));
    expect(await parkedIn(store)).toEqual([expect.objectContaining({ eventId: broken.id, reason: 'malformed' })]);
  });

  it('costs only repeats when two publish at once, and the checkpoint only grows', async () => {
    const other = createMemoryEventStore({ log: store.log });
    start(store, queue);
    start(other, queue);
    const ids: string[] = [];
    for (let n = 1; n <= 40; n += 4) {
      ids.push(...(await placeOrders(store, n, n + 3)));
      await new Promise((wake) => setTimeout(wake, 7));
    }
    await until(async () => (await checkpointsIn(store)).at(-1) === newestOrder());
    expect(distinct(await publishedIds(queue))).toEqual(distinct(ids));
    const positions = await checkpointsIn(store);
    expect(positions).toEqual([...new Set(positions)].sort((a, b) => (a < b ? -1 : 1)));
  });

  it('begins anew, and says so loudly, with a checkpoint of another log', async () => {
    const ids = await placeOrders(store, 1, 3);
    const foreign = publishingEvent(PUBLISHED_UP_TO, { storeId: 'another-log', position: String(store.log.head) });
    await record(store, [foreign], CHECKPOINT_STREAM);
    const { logged } = start(store, queue);
    await until(() => hasAll(queue, ids));
    expect(alarms(logged)).toEqual(['publisher-in-another-store']);
  });

  it('refuses to guess when its checkpoint cannot be read', async () => {
    await placeOrders(store, 1, 1);
    await record(store, [publishingEvent(PUBLISHED_UP_TO, { position: '-1' })], CHECKPOINT_STREAM);
    const { publisher, logged } = start(store, queue);
    await until(() => alarms(logged).includes('orders-not-published'));
    expect(() => publisher.check()).toThrow('has no checkpoint at 0');
    expect(await publishedIds(queue)).toEqual([]);
  });

  it('goes on behind its checkpoint when its subscription breaks', async () => {
    const { logged } = start(store, queue);
    const ids: string[] = [];
    for (let n = 1; n <= 5; n += 1) {
      ids.push(...(await placeOrders(store, n, n)));
      await until(async () => (await checkpointsIn(store)).length === n);
      store.breakSubscriptions();
    }
    await until(() => logged.length > 5);
    expect(await publishedIds(queue)).toEqual(distinct(ids));
  });

  it('finds out that a subscription which says nothing is dead, and takes a new one', async () => {
    const [first] = await placeOrders(store, 1, 1);
    let subscriptions = 0;
    const dead = Object.assign(Object.create(store) as MemoryEventStore, {
      subscribe: (options: Parameters<MemoryEventStore['subscribe']>[0]) => {
        subscriptions += 1;
        if (subscriptions > 1) return store.subscribe(options);
        return (async function* () {
          yield { kind: 'caught-up' };
          await new Promise((gone) => options.signal.addEventListener('abort', gone));
        })();
      },
    });
    const { logged } = start(dead, queue);
    await until(() => hasAll(queue, [first ?? '']));
    expect(JSON.stringify(logged)).toContain('the subscription stands still');
  });

  it('tells how many orders wait, and for how long', async () => {
    await placeOrders(store, 1, 3);
    const door: { isOpen: boolean } = { isOpen: false };
    const closed = sendingBy(queue, (topic, messages) =>
      door.isOpen ? queue.send(topic, messages) : Promise.reject(new QueueUnavailable('closed')),
    );
    const clock = { now: () => Date.now() + 60_000, monotonic: () => performance.now() };
    const { publisher } = start(store, closed, { clock });
    await until(() => publisher.lag.orders === 3);
    expect(publisher.lag.seconds).toBeGreaterThanOrEqual(60);
    door.isOpen = true;
    await until(() => publisher.lag.orders === 0);
    expect(publisher.lag.seconds).toBe(0);
  });

  it('keeps key and value of an order together', async () => {
    const ids = await placeOrders(store, 1, 20);
    start(store, queue);
    await until(() => hasAll(queue, ids));
    for (const { key, value, headers } of await messagesIn(queue)) {
      const event = JSON.parse(value);
      expect(event).toMatchObject({ id: headers.ce_id, subject: key, data: { orderId: key } });
    }
  });
});
