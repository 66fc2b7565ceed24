import type { Position } from '../../../src/platform/eventStore/eventStore.ts';
import { type EventStore, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import type { Bench, Measurement } from './bench.ts';
import type { Figure, Subject } from './figure.ts';
import { measure, WARM_UP } from './load.ts';
import { seedMemory } from './seed.ts';

/** Events asked for at a time through our port, which gives pages. */
const PAGE_EVENTS = 1_000;
/** Empty calls that reads are held against: as many in flight as the store takes appends. */
const BESIDE_CALLS = 64;

/** Reads up to so many events and says how many came. */
type Read = (eventsMax: number) => Promise<number>;

const count = async (events: AsyncIterable<unknown>): Promise<number> => {
  let seen = 0;
  for await (const _ of events) seen++;
  return seen;
};

const readPages = async (store: EventStore, stream: string, eventsMax: number): Promise<number> => {
  let revision = NO_STREAM;
  let seen = 0;
  while (seen < eventsMax) {
    const page = await store.readStream(stream, revision + 1n, { maxCount: Math.min(PAGE_EVENTS, eventsMax - seen) });
    const last = page.at(-1);
    if (last === undefined) break;
    revision = last.revision;
    seen += page.length;
  }
  return seen;
};

/** The store in memory has no read of the whole log but a subscription. */
const readLog = async (store: EventStore, eventsMax: number): Promise<number> => {
  const over = new AbortController();
  let seen = 0;
  for await (const delivery of store.subscribe({ after: null, signal: over.signal })) {
    if (delivery.kind === 'event') seen++;
    if (seen === eventsMax) break;
  }
  over.abort();
  return seen;
};

/** One read of everything, after shorter ones until it is warm. */
const measureRead = async (bench: Bench, name: string, subject: Subject, events: number, read: Read): Promise<Figure> => {
  for (const startedAt = performance.now(); performance.now() - startedAt < WARM_UP.ms; ) await read(events / 10);
  const figure = await measure({ name, subject }, subject === 'in memory' ? undefined : bench.pid, async () => {
    const startedAt = performance.now();
    const seen = await read(events);
    if (seen !== events) throw new Error(`${name}, ${subject}: ${seen} events instead of ${events}`);
    return { elapsedMs: performance.now() - startedAt, latenciesMs: [], count: seen };
  });
  return { ...figure, besideCalls: BESIDE_CALLS };
};

const fromFirst = (first: Position) => ({ fromPosition: { commit: first, prepare: first } });

/** Events a second from one long stream, and from the whole log, each read once from its start to its end. */
export const reads: Measurement = async (bench) => {
  const { client, adapter } = bench;
  const { stream, streamEvents, first, events } = await bench.seeded();
  const STREAM = 'stream read, events';
  const LOG = '$all read, events';
  const figures = [
    await measureRead(bench, STREAM, 'client', streamEvents, (maxCount) => count(client.readStream(stream, { maxCount }))),
    await measureRead(bench, STREAM, 'adapter', streamEvents, (maxCount) => readPages(adapter, stream, maxCount)),
    await measureRead(bench, LOG, 'client', events, (maxCount) => count(client.readAll({ ...fromFirst(first), maxCount }))),
  ];
  const memory = await seedMemory(streamEvents);
  const inMemory = (maxCount: number) => readPages(memory.store, memory.seeded.stream, maxCount);
  figures.push(await measureRead(bench, STREAM, 'in memory', streamEvents, inMemory));
  figures.push(await measureRead(bench, LOG, 'in memory', events, (maxCount) => readLog(memory.store, maxCount)));
  return figures;
};
