import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { type EventStoreServer, startEventStore } from '../../src/embedded/event-store/server.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import { type Started, startScript, until } from '../support/processes.ts';

jest.setTimeout(60_000);

let folder = '';
let server: EventStoreServer;
let tail: Started;

const startIn = (name: string, port: number): Promise<EventStoreServer> =>
  startEventStore({ host: '127.0.0.1', port, dataDir: join(folder, name) });

/** Appends `count` events in pieces to a stream of its own. */
const append = async (stream: string, count: number): Promise<void> => {
  const store = createEsdbEventStore(server.url);
  const metadata = { commandId: 'c', correlationId: 'c', causationId: 'c', actor: 'tester' };
  for (let revision = 0; revision < count; revision += 10) {
    const events = Array.from({ length: 10 }, (_, k) => ({ id: randomUUID(), type: 'Counted', data: { nth: revision + k }, metadata }));
    await store.append(stream, events, BigInt(revision) - 1n);
  }
  await store.close();
};

const shown = (): string[] =>
  tail
    .out()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { stream: string; revision: string })
    .map(({ stream, revision }) => `${stream}@${revision}`);

const places = (stream: string, count: number): string[] => Array.from({ length: count }, (_, nth) => `${stream}@${nth}`);

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-events-'));
  server = await startIn('one', 0);
});

afterEach(async () => {
  tail.child.kill('SIGKILL');
  await tail.ended;
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('misses nothing and repeats nothing when the store goes away and comes back', async () => {
  const { port, url } = server;
  await append('before', 1_000);
  tail = startScript('src/cli/main.ts', ['events', 'tail', '--from', 'start', '--json'], { EVENTSTORE_URL: url });
  const expected = places('before', 1_000);
  for (const stream of ['first', 'second', 'third']) {
    await until(() => shown().length > 0);
    // The end comes while the tail may still be reading, and the new events are there before it is back.
    await server.stop();
    server = await startIn('one', port);
    await append(stream, 200);
    expected.push(...places(stream, 200));
  }
  await until(() => shown().length >= expected.length, 20_000);
  tail.child.kill('SIGINT');
  expect(await tail.ended).toBe(0);
  expect(shown()).toEqual(expected);
  expect(tail.err()).toMatch(/trying again until it is back\nthe event store is back: going on behind position \d+\n/);
});

it('says once that it waits, and ends at once when it is told to while it waits', async () => {
  await append('before', 10);
  tail = startScript('src/cli/main.ts', ['events', 'tail', '--from', 'start', '--json'], { EVENTSTORE_URL: server.url });
  await until(() => shown().length === 10);
  await server.stop();
  await until(() => tail.err() !== '');
  await new Promise((wake) => setTimeout(wake, 1_500));
  expect(tail.err().match(/trying again/g)).toHaveLength(1);
  const asked = performance.now();
  tail.child.kill('SIGTERM');
  expect(await tail.ended).toBe(0);
  expect(performance.now() - asked).toBeLessThan(1_500);
});

it('ends with a reason when another, shorter log comes back in the place of the one it followed', async () => {
  const { port, url } = server;
  await append('before', 100);
  tail = startScript('src/cli/main.ts', ['events', 'tail', '--from', 'start', '--json'], { EVENTSTORE_URL: url });
  await until(() => shown().length === 100);
  await server.stop();
  server = await startIn('two', port);
  expect(await tail.ended).toBe(1);
  expect(tail.err()).toMatch(/is it another store, or an older copy\?\n$/);
});
