import { type EventStoreDBClient, NO_STREAM as NO_STREAM_YET } from '@eventstore/db-client';
import { type EventStore, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import type { Bench, Measurement } from './bench.ts';
import { clientEvent, newEvent, newStream } from './events.ts';
import type { Figure, Subject } from './figure.ts';
import { drive, type Lane, measure, WARM_UP } from './load.ts';

const SHAPES = [
  { inFlight: 1, events: 1 },
  { inFlight: 1, events: 10 },
  { inFlight: 64, events: 1 },
  { inFlight: 64, events: 10 },
] as const;
/** The store in memory would fill this process with all that it can take in the time. */
const MEMORY_EVENTS_MAX = 200_000;

type Shape = Readonly<{ inFlight: number; events: number }>;

/** Appends to a stream of its own, each at the revision of the one before. */
const clientLane = (client: EventStoreDBClient, events: number): Lane => {
  const stream = newStream();
  let revision: bigint | typeof NO_STREAM_YET = NO_STREAM_YET;
  return async () => {
    const batch = Array.from({ length: events }, (_, n) => clientEvent(n));
    const answer = await client.appendToStream(stream, batch, { expectedRevision: revision });
    revision = answer.nextExpectedRevision;
  };
};

const portLane = (store: EventStore, events: number): Lane => {
  const stream = newStream();
  let revision = NO_STREAM;
  return async () => {
    const batch = Array.from({ length: events }, (_, n) => newEvent(n));
    ({ revision } = await store.append(stream, batch, revision));
  };
};

const nameOf = ({ inFlight, events }: Shape): string => `appends, ${inFlight} in flight, ${events === 1 ? '1 event' : `${events} events`}`;

/** Appends for some time, warmed up: those of the store in memory into a new one each time. */
const measureOne = async (bench: Bench, shape: Shape, subject: Subject): Promise<Figure> => {
  const memory = createMemoryEventStore();
  const lane = (): Lane => {
    if (subject === 'client') return clientLane(bench.client, shape.events);
    return portLane(subject === 'adapter' ? bench.adapter : memory, shape.events);
  };
  const lanes = Array.from({ length: shape.inFlight }, lane);
  const calls = subject === 'in memory' ? MEMORY_EVENTS_MAX / shape.events / 2 : Number.POSITIVE_INFINITY;
  await drive(lanes, { ms: WARM_UP.ms, calls });
  const about = { name: nameOf(shape), subject };
  const pid = subject === 'in memory' ? undefined : bench.pid;
  const figure = await measure(about, pid, () => drive(lanes, { ms: bench.seconds * 1_000, calls }));
  return { ...figure, besideCalls: shape.inFlight };
};

/** Durable appends, closed loop: how many a second, how long each, how much CPU. */
export const appends: Measurement = async (bench) => {
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    for (const subject of ['client', 'adapter', 'in memory'] as const) figures.push(await measureOne(bench, shape, subject));
  }
  return figures;
};
