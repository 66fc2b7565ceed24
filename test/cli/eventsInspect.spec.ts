import { randomUUID } from 'node:crypto';
import { EventStoreDBClient } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { shutDown } from '../../src/platform/eventStore/clientGuard.ts';
import { clientsOpen } from '../../src/platform/eventStore/esdbConnection.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { type EventStore, type RecordedEvent, StoreUnavailable } from '../../src/platform/eventStore/eventStore.ts';
import { type Inspection, NoSuchStream, openInspection } from '../../src/platform/eventStore/inspect.ts';
import { startTestEventStore } from '../support/eventStore.ts';

jest.setTimeout(30_000);

const EVENTS = 10_000;
/** Longer than a store may stay silent, in milliseconds. */
const PAUSE_MS = 3_500;

let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
let inspection: Inspection;
const { signal } = new AbortController();

const countOf = async (events: AsyncIterable<RecordedEvent>, each: (count: number) => Promise<void> | undefined = () => undefined) => {
  let count = 0;
  for await (const _ of events) {
    count += 1;
    await each(count);
  }
  return count;
};

beforeAll(async () => {
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  inspection = openInspection(server.url);
  const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'tester' };
  for (let revision = 0; revision < EVENTS; revision += 500) {
    const events = Array.from({ length: 500 }, () => ({ id: randomUUID(), type: 'Counted', data: 'x'.repeat(500), metadata }));
    await store.append('counted', events, BigInt(revision) - 1n);
  }
});

afterAll(async () => {
  await Promise.all([store.close(), inspection.close()]);
  await server.stop();
});

it('needs no second client beside the adapter', () => {
  expect(clientsOpen()).toBe(1);
});

it('waits for a reader that pauses longer than a store may', async () => {
  const events = inspection.stream('counted', { from: null, backwards: false, maxCount: null, signal });
  const pausing = (count: number) => (count === 100 ? new Promise<void>((resolve) => void setTimeout(resolve, PAUSE_MS)) : undefined);
  expect(await countOf(events, pausing)).toBe(EVENTS);
});

it('reads on after many readers have left early', async () => {
  for (let reader = 0; reader < 50; reader += 1) {
    for await (const _ of inspection.stream('counted', { from: null, backwards: true, maxCount: null, signal })) break;
  }
  const upTo = await store.head();
  expect(await countOf(inspection.log({ after: null, upTo, signal }))).toBeGreaterThanOrEqual(EVENTS);
});

it('ends without an error when it is told to stop', async () => {
  const stop = new AbortController();
  const upTo = await store.head();
  const events = inspection.log({ after: null, upTo, signal: stop.signal });
  const count = await countOf(events, (nth) => void (nth === 100 && stop.abort()));
  expect(count).toBeLessThan(EVENTS);
  expect(await countOf(inspection.log({ after: null, upTo, signal: stop.signal }))).toBe(0);
  expect(await inspection.end(stop.signal)).toBeNull();
});

it('takes a log that ends too early for a fault', async () => {
  const upTo = (await store.head()) + 1_000n;
  await expect(countOf(inspection.log({ after: null, upTo, signal }))).rejects.toThrow(StoreUnavailable);
});

it('knows streams that never were from streams that were deleted for ever', async () => {
  const client = EventStoreDBClient.connectionString(server.url);
  await client.tombstoneStream('gone', { expectedRevision: 'no_stream' });
  await shutDown(client, 1_000);
  const read = (name: string) => countOf(inspection.stream(name, { from: null, backwards: false, maxCount: null, signal }));
  await expect(read('never')).rejects.toThrow(new NoSuchStream('there is no stream never'));
  await expect(read('gone')).rejects.toThrow(new NoSuchStream('the stream gone was deleted for ever'));
});
