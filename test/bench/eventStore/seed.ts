import { type EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { type EventStore, NO_STREAM as NOTHING, type Position } from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { clientEvent, newEvent, newStream } from './events.ts';

const EVENTS_AN_APPEND = 100;
/** One append in so many goes to a stream of its own. */
const OTHERS_ONE_IN = 5;

/** The events that reads and catch-ups are made over: a long stream, with short ones in between. */
export type Seeded = Readonly<{
  stream: string;
  /** Events of the long stream. */
  streamEvents: number;
  /** Position of the first event. */
  first: Position;
  /** All events, the short streams' included. */
  events: number;
}>;

type Append = (stream: string, from: number, revision: bigint) => Promise<unknown>;

const fill = async (events: number, append: Append): Promise<Omit<Seeded, 'first'>> => {
  const stream = newStream();
  let streamEvents = 0;
  let all = 0;
  for (let n = 0; streamEvents < events; n++) {
    const isOther = n % OTHERS_ONE_IN === OTHERS_ONE_IN - 1;
    await append(isOther ? newStream() : stream, all, isOther ? NOTHING : BigInt(streamEvents) - 1n);
    if (!isOther) streamEvents += EVENTS_AN_APPEND;
    all += EVENTS_AN_APPEND;
  }
  return { stream, streamEvents, events: all };
};

const batch = <T>(from: number, make: (n: number) => T): T[] => Array.from({ length: EVENTS_AN_APPEND }, (_, n) => make(from + n));

/** Appends at least so many events to a long stream of the store, and a quarter as many to others. */
export const seedStore = async (client: EventStoreDBClient, events: number): Promise<Seeded> => {
  const seeded = await fill(events, (stream, from, revision) =>
    client.appendToStream(stream, batch(from, clientEvent), { expectedRevision: revision === NOTHING ? NO_STREAM : revision }),
  );
  for await (const { event } of client.readStream(seeded.stream, { maxCount: 1 })) {
    const first = event?.position?.commit;
    if (first !== undefined) return { ...seeded, first };
  }
  throw new Error('the server does not tell the position of an event');
};

/** A store in memory that holds the same. */
export const seedMemory = async (events: number): Promise<Readonly<{ store: EventStore; seeded: Omit<Seeded, 'first'> }>> => {
  const store = createMemoryEventStore();
  return { store, seeded: await fill(events, (stream, from, revision) => store.append(stream, batch(from, newEvent), revision)) };
};
