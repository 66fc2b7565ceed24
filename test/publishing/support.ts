import { randomUUID } from 'node:crypto';
import type { Clock } from '../../src/platform/clock.ts';
import { systemClock } from '../../src/platform/clock.ts';
import type { EventStore, NewEvent, Position, Revision } from '../../src/platform/eventStore/eventStore.ts';
import type { Message, Queue, Received } from '../../src/platform/queue/queue.ts';
import { lastRevision } from '../../src/platform/queue/storeStreams.ts';
import { CHECKPOINT_STREAM } from '../../src/publishing/checkpoint.ts';
import { ORDER_COMPLETED, ORDER_PLACED, PARTITIONS } from '../../src/publishing/orderCompleted.ts';
import { PARKED_STREAM } from '../../src/publishing/parked.ts';
import { OrderPublisher, type PublisherLimits } from '../../src/publishing/publisher.ts';
import { type Logged, recordingLog } from '../projections/recordingLog.ts';

export const NOON = Date.UTC(2026, 2, 1, 3);

const metadata = { commandId: 'c', correlationId: 'walk-in-7', causationId: 'c', actor: 'ann' };

/** A placed order of one line, ready to be appended. `name` is that of the product. */
export const orderPlaced = (orderId: string, name = 'tea'): NewEvent => ({
  id: randomUUID(),
  type: ORDER_PLACED,
  data: { orderId, lines: [{ productId: 'p1', name, quantity: 2, unitPrice: 1_500 }], couponId: null, totalAmount: 3_000, at: NOON },
  metadata,
});

/** Appends to the stream of a user, or another, behind what it has. */
export const record = async (store: EventStore, events: readonly NewEvent[], stream = 'account-ann'): Promise<readonly string[]> => {
  await store.append(stream, events, await lastRevision(store, stream));
  return events.map(({ id }) => id);
};

/** Places so many orders one after the other; the ids of their events. */
export const placeOrders = async (store: EventStore, from: number, to: number): Promise<readonly string[]> => {
  const ids: string[] = [];
  for (let n = from; n <= to; n += 1) ids.push(...(await record(store, [orderPlaced(`order-${n}`)])));
  return ids;
};

/** All that stands in the topic, by partition. */
export const messagesIn = async (queue: Queue): Promise<readonly Received[]> => {
  const partitions = Array.from({ length: PARTITIONS }, (_, partition) => queue.read(ORDER_COMPLETED, partition, 0n, 10_000));
  return (await Promise.all(partitions)).flat();
};

/** The ids of the events in the topic, repeats included, sorted; none while there is no topic. */
export const publishedIds = async (queue: Queue): Promise<readonly string[]> => {
  const messages = await messagesIn(queue).catch(() => []);
  return messages.map(({ headers }) => headers.ce_id ?? '').sort();
};

export const distinct = (ids: readonly string[]): readonly string[] => [...new Set(ids)].sort();

/** Whether each of these is in the topic at least once, and nothing else is. */
export const hasAll = async (queue: Queue, ids: readonly string[]): Promise<boolean> =>
  JSON.stringify(distinct(await publishedIds(queue))) === JSON.stringify(distinct(ids));

/** The places that the checkpoint has stood at, oldest first. */
export const checkpointsIn = async (store: EventStore): Promise<readonly Position[]> => {
  const events = await store.readStream(CHECKPOINT_STREAM, 0n, { maxCount: 1_000 });
  return events.map(({ data }) => BigInt((data as { position: string }).position));
};

export const parkedIn = async (store: EventStore): Promise<readonly Readonly<Record<string, unknown>>[]> => {
  const events = await store.readStream(PARKED_STREAM, 0n, { maxCount: 1_000 });
  return events.map(({ data }) => data as Readonly<Record<string, unknown>>);
};

/** The queue with another way to send. */
export const sendingBy = (queue: Queue, send: (topic: string, messages: readonly Message[]) => Promise<void>): Queue =>
  Object.assign(Object.create(queue) as Queue, { send });

export const FAST: PublisherLimits = { batchMax: 100, lingerMs: 5, lookEveryMs: 50, backOffMinMs: 5, backOffMaxMs: 20 };

export type Published = Readonly<{ publisher: OrderPublisher; logged: readonly Logged[]; counts: { published: number; parked: number } }>;

type Options = Readonly<{
  limits?: Partial<PublisherLimits>;
  clock?: Clock;
  truncate?: (stream: string, before: Revision) => Promise<void>;
}>;

/** A publisher that does everything quickly, and what it tells. It is not started. */
export const makePublisher = (store: EventStore, queue: Queue, { limits, clock = systemClock, truncate }: Options = {}): Published => {
  const logged: Logged[] = [];
  const counts = { published: 0, parked: 0 };
  const observer = {
    published: (count: number) => {
      counts.published += count;
    },
    parked: () => {
      counts.parked += 1;
    },
  };
  const publisher = new OrderPublisher({
    store,
    queue,
    clock,
    observer,
    truncate: truncate ?? (async () => undefined),
    log: recordingLog(logged),
    limits: { ...FAST, ...limits },
  });
  return { publisher, logged, counts };
};
