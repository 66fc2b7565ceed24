import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { startEventStore } from '../../src/embedded/event-store/server.ts';
import { till } from '../support/processes.ts';

jest.setTimeout(30_000);

let folder: string;
let store: Awaited<ReturnType<typeof startEventStore>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-folder-'));
  store = await startEventStore({ host: '127.0.0.1', port: 0, dataDir: join(folder, 'store') });
  const client = EventStoreDBClient.connectionString(store.url);
  await client.appendToStream('a', [jsonEvent({ type: 'Counted', data: {} })], { expectedRevision: NO_STREAM });
  await client.dispose();
});
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('verifies a folder in use', async () => {
  const text = await till(['event-store', 'verify', '--data', join(folder, 'store')]);
  expect({ status: text.status, err: text.err }).toEqual({ status: 0, err: '' });
  expect(text.out).toMatch(/^3 events in 3 streams, \d+ bytes, indexed up to 0: nothing wrong\n$/);
  const json = await till(['event-store', 'verify', '--data', join(folder, 'store'), '--json']);
  expect(JSON.parse(json.out)).toMatchObject({ events: 3, streams: 3, problems: [] });
});

it('copies a folder in use once, and verifies the copy', async () => {
  const copy = join(folder, 'copy');
  const copied = await till(['event-store', 'backup', '--data', join(folder, 'store'), '--to', copy]);
  expect(copied).toMatchObject({ status: 0, out: expect.stringMatching(/^3 events, \d+ bytes, copied to /) });
  expect((await till(['event-store', 'verify', '--data', copy])).status).toBe(0);
  const again = await till(['event-store', 'backup', '--data', join(folder, 'store'), '--to', copy]);
  expect(again).toMatchObject({ status: 1, err: expect.stringContaining('is not empty') });
});

it('says what is wrong with a folder, with status 1', async () => {
  const damaged = join(folder, 'damaged');
  await till(['event-store', 'backup', '--data', join(folder, 'store'), '--to', damaged]);
  const log = readFileSync(join(damaged, 'events.log'));
  log.writeUInt8(log.readUInt8(80) ^ 1, 80);
  writeFileSync(join(damaged, 'events.log'), log);
  const found = await till(['event-store', 'verify', '--data', damaged]);
  expect(found.status).toBe(1);
  expect(found.out).toContain('the log is damaged at position 16');
  mkdirSync(join(folder, 'empty'));
  const empty = await till(['event-store', 'verify', '--data', join(folder, 'empty')]);
  expect(empty).toMatchObject({ status: 1, err: expect.stringContaining('holds no event store') });
});

it('has status 2 for wrong usage', async () => {
  expect(await till(['event-store', 'verify', '--all'])).toMatchObject({
    status: 2,
    err: expect.stringContaining('usage: till event-store verify'),
  });
  expect(await till(['event-store', 'backup'])).toMatchObject({ status: 2, err: expect.stringContaining('--to is missing') });
});
