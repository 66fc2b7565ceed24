import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { END, type EventStoreDBClient, NO_STREAM as NO_STREAM_YET } from '@eventstore/db-client';
import { type EventStore, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import type { Bench, Measurement } from './bench.ts';
import { clientEvent, newEvent, newStream } from './events.ts';
import type { Figure, Subject } from './figure.ts';
import { drive, latencyOf, WARM_UP } from './load.ts';

/** From one append to the next. */
const PACE_MS = 5;

const NAME = 'append to subscriber, idle';

/** Appends one event of this id. */
type Append = (id: string) => Promise<void>;

/** What a subscriber waits for: one event at a time. */
class Arrival {
  #id = '';
  #arrived: (() => void) | undefined;

  tell(id: string | undefined): void {
    if (id === this.#id) this.#arrived?.();
  }

  /** Resolves when the event is there. */
  of(id: string): Promise<void> {
    this.#id = id;
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }
}

/** Appends at a slow pace, and how long each takes until the subscriber has it, in milliseconds. */
const deliveries = async (append: Append, arrival: Arrival, ms: number): Promise<number[]> => {
  const latenciesMs: number[] = [];
  for (const startedAt = performance.now(); performance.now() - startedAt < ms; ) {
    const id = randomUUID();
    const sentAt = performance.now();
    const arrived = arrival.of(id).then(() => performance.now());
    await append(id);
    latenciesMs.push((await arrived) - sentAt);
    await new Promise((resolve) => setTimeout(resolve, PACE_MS - (performance.now() - sentAt)));
  }
  return latenciesMs;
};

const measureOne = async (bench: Bench, subject: Subject, append: Append, arrival: Arrival): Promise<Figure> => {
  // At the pace of the measurement itself the code of either side would still be cold after minutes.
  await drive([() => append(randomUUID())], WARM_UP);
  await deliveries(append, arrival, WARM_UP.ms / 4);
  return { name: NAME, subject, latencyMs: latencyOf(await deliveries(append, arrival, bench.seconds * 1_000)), besideCalls: 1 };
};

const byClient = async (bench: Bench, client: EventStoreDBClient): Promise<Figure> => {
  const stream = newStream();
  const arrival = new Arrival();
  let revision: bigint | typeof NO_STREAM_YET = NO_STREAM_YET;
  const subscription = client.subscribeToAll({ fromPosition: END }).on('data', ({ event }) => arrival.tell(event?.id));
  await once(subscription, 'confirmation');
  const append: Append = async (id) => {
    revision = (await client.appendToStream(stream, { ...clientEvent(0), id }, { expectedRevision: revision })).nextExpectedRevision;
  };
  const figure = await measureOne(bench, 'client', append, arrival);
  await subscription.unsubscribe();
  return figure;
};

const byPort = async (bench: Bench, subject: Subject, store: EventStore): Promise<Figure> => {
  const stream = newStream();
  const arrival = new Arrival();
  const over = new AbortController();
  const { revision: first, position: after } = await store.append(stream, [newEvent(0)], NO_STREAM);
  let revision = first;
  const listening = (async () => {
    for await (const delivered of store.subscribe({ after, signal: over.signal })) {
      if (delivered.kind === 'event') arrival.tell(delivered.event.id);
    }
  })();
  const append: Append = async (id) => {
    ({ revision } = await store.append(stream, [{ ...newEvent(0), id }], revision));
  };
  const figure = await measureOne(bench, subject, append, arrival);
  over.abort();
  await listening;
  return figure;
};

/** From the call of an append to the event at a subscriber in the same process, while nothing else happens. */
export const delivery: Measurement = async (bench) => [
  await byClient(bench, bench.client),
  await byPort(bench, 'adapter', bench.adapter),
  await byPort(bench, 'in memory', createMemoryEventStore()),
];
