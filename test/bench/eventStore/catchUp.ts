import { type EventStoreDBClient, eventTypeFilter } from '@eventstore/db-client';
import type { EventStore, Position } from '../../../src/platform/eventStore/eventStore.ts';
import type { Bench, Measurement } from './bench.ts';
import { TYPES } from './events.ts';
import type { Figure, Subject } from './figure.ts';
import { measure, WARM_UP } from './load.ts';
import { seedMemory } from './seed.ts';

const BESIDE_CALLS = 64;
const [TYPE] = TYPES;

/** Subscribes, and ends the subscription when so many events have come. */
type CatchUp = (events: number) => Promise<void>;

const byClient = (client: EventStoreDBClient, after: Position, isFiltered: boolean): CatchUp => {
  const from = { fromPosition: { commit: after, prepare: after } };
  return (events) =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const filter = isFiltered ? { filter: eventTypeFilter({ prefixes: [TYPE] }) } : {};
      const subscription = client
        .subscribeToAll({ ...from, ...filter })
        .on('error', reject)
        .on('data', () => {
          seen++;
          if (seen === events) subscription.unsubscribe().then(resolve, reject);
        });
    });
};

const byPort = (store: EventStore, after: Position | null, isFiltered: boolean): CatchUp => {
  return async (events) => {
    const over = new AbortController();
    let seen = 0;
    for await (const { kind } of store.subscribe({ after, signal: over.signal, ...(isFiltered && { types: [TYPE] }) })) {
      if (kind === 'event') seen++;
      if (seen === events) break;
    }
    over.abort();
  };
};

/** Every event is looked at; with a filter by type a quarter of them is delivered. */
const measureOne = async (bench: Bench, subject: Subject, isFiltered: boolean, events: number, catchUp: CatchUp): Promise<Figure> => {
  const delivered = isFiltered ? Math.floor(events / TYPES.length) : events;
  const startedAt = performance.now();
  while (performance.now() - startedAt < WARM_UP.ms) await catchUp(Math.floor(delivered / 10));
  const name = isFiltered ? `catch-up, one type of ${TYPES.length}, events looked at` : 'catch-up, events';
  const figure = await measure({ name, subject }, subject === 'in memory' ? undefined : bench.pid, async () => {
    const startedAt = performance.now();
    await catchUp(delivered);
    return { elapsedMs: performance.now() - startedAt, latenciesMs: [], count: events };
  });
  return { ...figure, besideCalls: BESIDE_CALLS };
};

/** Events a second from the first one to the newest by a subscription to the whole log, unfiltered and filtered by type. */
export const catchUps: Measurement = async (bench) => {
  const seeded = await bench.seeded();
  const memory = await seedMemory(seeded.streamEvents);
  // A subscription begins behind its position, so the first append's events are left out by those that know no other start.
  const events = seeded.events - TYPES.length;
  const figures: Figure[] = [];
  for (const isFiltered of [false, true]) {
    const ways = [
      ['client', byClient(bench.client, seeded.first, isFiltered)],
      ['adapter', byPort(bench.adapter, seeded.first, isFiltered)],
      ['in memory', byPort(memory.store, null, isFiltered)],
    ] as const;
    for (const [subject, catchUp] of ways) figures.push(await measureOne(bench, subject, isFiltered, events, catchUp));
  }
  return figures;
};
