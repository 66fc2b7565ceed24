import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { binaryEvent, EventStoreDBClient, jsonEvent } from '@eventstore/db-client';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { shutDown } from '../../src/platform/eventStore/clientGuard.ts';
import { createEsdbEventStore } from '../../src/platform/eventStore/esdbEventStore.ts';
import type { EventStore } from '../../src/platform/eventStore/eventStore.ts';
import { startTestEventStore } from '../support/eventStore.ts';
import { type Started, startScript, until } from '../support/processes.ts';

jest.setTimeout(60_000);

const LONG_STREAM = 5_000;
const OTHER_STREAMS = 150;
const PER_STREAM = 100;
const ALL = LONG_STREAM + OTHER_STREAMS * PER_STREAM;

type Line = Readonly<{
  position: string;
  stream: string;
  revision: string;
  id: string;
  type: string;
  created: string;
  data: unknown;
  metadata: unknown;
}>;
type Answer = Readonly<{ status: number | NodeJS.Signals; out: string; err: string; lines: readonly Line[] }>;

let server: Awaited<ReturnType<typeof startTestEventStore>>;
let store: EventStore;
let folder = '';
let running: Started[] = [];

const start = (args: readonly string[], url = server.url): Started => {
  const started = startScript('src/cli/main.ts', ['events', ...args], { EVENTSTORE_URL: url });
  running = [...running, started];
  return started;
};

const events = async (...args: readonly string[]): Promise<Answer> => {
  const { ended, out, err } = start(args);
  const status = await ended;
  const lines = out().startsWith('{')
    ? out()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
    : [];
  return { status, out: out(), err: err(), lines };
};

const metadataOf = (id: string) => ({ commandId: id, correlationId: id, causationId: id, actor: 'tester' });
const newEvents = (count: number, type: string, data: (nth: number) => unknown) =>
  Array.from({ length: count }, (_, nth) => {
    const id = randomUUID();
    return { id, type, data: data(nth), metadata: metadataOf(id) };
  });

/** What was appended to each stream, as an export should show it. */
const appended = new Map<string, { id: string; type: string; data: unknown; metadata: unknown }[]>();
const append = async (stream: string, count: number, type: string, data: (nth: number) => unknown): Promise<void> => {
  const before = appended.get(stream) ?? [];
  const more = newEvents(count, type, data);
  await store.append(stream, more, BigInt(before.length) - 1n);
  appended.set(stream, [...before, ...more]);
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'till-events-'));
  server = await startTestEventStore();
  store = createEsdbEventStore(server.url);
  for (let nth = 0; nth < LONG_STREAM; nth += 500) await append('long', 500, 'Counted', (k) => ({ nth: nth + k }));
  const others = Array.from({ length: OTHER_STREAMS }, (_, nth) => `쿠폰-${nth}`);
  await Promise.all(others.map((stream) => append(stream, PER_STREAM, 'CouponIssued', (nth) => ({ nth, name: '할인 é 😀 \u001b[2J' }))));
});

afterAll(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all(running.map(({ ended }) => ended));
  await store.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('exports every event once, in log order, as it was appended', async () => {
  const { status, lines, err } = await events('export');
  expect([status, lines.length]).toEqual([0, ALL]);
  const positions = lines.map(({ position }) => BigInt(position));
  expect(positions.every((position, i) => i === 0 || position > (positions[i - 1] ?? 0n))).toBe(true);
  expect(err).toBe(`exported ${ALL} events up to position ${await store.head()}; go on with --from ${await store.head()}\n`);
  const byStream = new Map<string, unknown[]>();
  for (const { stream, revision, created, position, ...rest } of lines) {
    const seen = byStream.get(stream) ?? [];
    expect([revision, Number.isNaN(Date.parse(created))]).toEqual([String(seen.length), false]);
    byStream.set(stream, [...seen, rest]);
  }
  expect(byStream).toEqual(appended);
});

it('goes on behind the position of an earlier export', async () => {
  const before = await events('export', '--type', 'None');
  const [, from = ''] = /--from (\d+)\n$/.exec(before.err) ?? [];
  await append('later', 3, 'Counted', (nth) => nth);
  const after = await events('export', '--from', from);
  expect(after.lines.map(({ stream, revision }) => `${stream}@${revision}`)).toEqual(['later@0', 'later@1', 'later@2']);
});

it('exports to a new file that only its owner reads, and leaves one that exists alone', async () => {
  const file = join(folder, 'log.jsonl');
  const written = await events('export', '--type', 'Counted', '--to-file', file);
  expect([written.status, written.out]).toEqual([0, '']);
  const text = readFileSync(file, 'utf8');
  expect(text).toBe((await events('export', '--type', 'Counted')).out);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await events('export', '--to-file', file);
  expect([again.status, again.err]).toEqual([1, expect.stringContaining('exists')]);
  expect(readFileSync(file, 'utf8')).toBe(text);
});

it('shows bytes as base64, and events of the store only on request', async () => {
  const from = String(await store.head());
  const client = EventStoreDBClient.connectionString(server.url);
  const bytes = Buffer.from([0, 1, 254, 255]);
  await client.appendToStream('binary', [binaryEvent({ type: 'Scanned', data: bytes }), jsonEvent({ type: '$hidden', data: {} })], {
    expectedRevision: 'no_stream',
  });
  await shutDown(client, 1_000);
  const [scanned] = (await events('export', '--from', from, '--type', 'Scanned')).lines;
  expect(scanned).toMatchObject({ data: bytes.toString('base64'), dataIsBase64: true, metadata: null });
  expect((await events('export', '--from', from)).lines.map(({ type }) => type)).toEqual(['Scanned']);
  expect((await events('export', '--from', from, '--system')).lines.some(({ type }) => type === '$hidden')).toBe(true);
});

it('prints a stream from both sides', async () => {
  const all = Array.from({ length: LONG_STREAM }, (_, nth) => String(nth));
  const revisions = async (...args: readonly string[]) =>
    (await events('stream', 'long', '--json', ...args)).lines.map(({ revision }) => revision);
  expect(await revisions()).toEqual(all);
  expect(await revisions('--backwards')).toEqual(all.toReversed());
  expect(await revisions('--from', '4990', '--count', '2')).toEqual(['4990', '4991']);
  expect(await revisions('--from', '1', '--backwards')).toEqual(['1', '0']);
  expect(await events('stream', 'long', '--from', '5000')).toMatchObject({ status: 0, out: '', err: '' });
});

it('says that a stream does not exist', async () => {
  const { status, out, err } = await events('stream', '없는-stream');
  expect([status, out]).toEqual([1, '']);
  expect(err).toMatch(/^event store 127\.0\.0\.1:\d+: there is no stream 없는-stream\n$/);
});

it('shows letters as they are and controls as text', async () => {
  const { out } = await events('stream', '쿠폰-0', '--count', '1');
  expect(out).toMatch(/^\d+ \S+Z 쿠폰-0@0 CouponIssued \{"nth":0,"name":"할인 é 😀 \\u001b\[2J"\}\n$/);
});

it.each(['SIGINT', 'SIGTERM'] as const)('follows the log from its end until %s', async (signal) => {
  const tail = start(['tail', '--json', '--stream', `live-${signal}`]);
  let nth = 0;
  // Only a tail that has begun shows an event, so the first of them says that it has.
  await until(async () => {
    await append(`live-${signal}`, 1, 'Ticked', () => nth);
    nth += 1;
    return tail.out() !== '';
  });
  const [first] = tail
    .out()
    .split('\n')
    .map((line) => (line === '' ? null : (JSON.parse(line) as Line)));
  await append(`live-${signal}`, 1, 'Ticked', () => 'last');
  await until(() => tail.out().includes('"last"'));
  tail.child.kill(signal);
  expect([await tail.ended, tail.err()]).toEqual([0, '']);
  const shown = tail
    .out()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
  expect(shown.map(({ revision }) => Number(revision))).toEqual(shown.map((_, i) => Number(first?.revision) + i));
});

it('follows from a position, one type of event, up to a count', async () => {
  const [third] = (await events('stream', 'long', '--from', '2', '--count', '1', '--json')).lines;
  const { status, lines } = await events('tail', '--from', third?.position ?? '', '--type', 'Counted', '--count', '5000', '--json');
  expect(status).toBe(0);
  expect(lines.map(({ stream, revision }) => `${stream}@${revision}`)).toEqual([
    ...Array.from({ length: LONG_STREAM - 3 }, (_, nth) => `long@${nth + 3}`),
    'later@0',
    'later@1',
    'later@2',
  ]);
});

it.each([
  ['tail', ['tail', '--from', 'start'], 0, ''],
  ['stream', ['stream', 'long'], 0, ''],
  ['export', ['export'], 1, 'this is not the whole log, its reader is gone\n'],
] as const)('ends when the reader of %s is gone', async (_, args, status, said) => {
  const { child, ended, err } = start(args);
  child.stdout?.once('data', () => child.stdout?.destroy());
  expect([await ended, err()]).toEqual([status, said]);
});

it('is not held up by a reader that does not read', async () => {
  const { child, ended, err } = start(['export']);
  await new Promise<void>((seen) => {
    child.stdout?.once('data', () => {
      child.stdout?.pause();
      seen();
    });
  });
  // Long enough to fill the pipe many times over.
  await new Promise((wake) => setTimeout(wake, 1_500));
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');
  const asked = performance.now();
  await until(() => child.exitCode !== null);
  expect(performance.now() - asked).toBeLessThan(3_000);
  child.stdout?.resume();
  // With how far it got, when a slow machine had not filled the pipe by then.
  expect([await ended, err()]).toEqual([1, expect.stringMatching(/^this is not the whole log, it was stopped(: exported .*)?\n$/)]);
});

it('says that it cannot write, in one line', async () => {
  const full = openSync('/dev/full', 'w');
  for (const [command, ...args] of [['export'], ['tail', '--from', 'start'], ['stream', 'long']]) {
    const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli/main.ts', 'events', command ?? '', ...args], {
      env: { PATH: process.env.PATH, EVENTSTORE_URL: server.url },
      stdio: ['ignore', full, 'pipe'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const [status, said] = await Promise.all([exited, child.stderr && textOf(child.stderr)]);
    expect([status, said]).toEqual([1, expect.stringMatching(/^[^\n]*ENOSPC[^\n]*\n$/)]);
  }
  closeSync(full);
});

it('says that a file cannot be made there', async () => {
  const { status, err } = await events('export', '--to-file', join(folder, 'missing', 'log.jsonl'));
  expect([status, err]).toEqual([1, expect.stringMatching(/^ENOENT[^\n]*\n$/)]);
});

it('refuses to go on behind what the log holds', async () => {
  for (const command of ['tail', 'export']) {
    const { status, err } = await events(command, '--from', '9223372036854775807');
    expect([status, err]).toEqual([1, expect.stringMatching(/the log ends at position \d+ and has not reached 9223372036854775807/)]);
  }
});

it('ends within 5 s when nobody answers, and names no password', async () => {
  const silent = createServer((socket) => void socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as { port: number };
  // Beside the time that the program itself takes to start, here from its sources.
  const started = performance.now();
  await start(['--help']).ended;
  const startMs = performance.now() - started;
  for (const [address, ...args] of [
    [`127.0.0.1:${port}`, 'tail'],
    [`127.0.0.1:${port}`, 'export'],
    ['127.0.0.1:1', 'tail', '--from', 'start'],
    ['127.0.0.1:1', 'stream', 'long'],
  ]) {
    const begun = performance.now();
    const { ended, out, err } = start(args, `esdb://admin:canary@${address}?tls=false`);
    expect(await ended).toBe(1);
    expect(performance.now() - begun).toBeLessThan(5_000 + startMs);
    expect([out(), err()]).toEqual(['', expect.stringMatching(new RegExp(`^event store ${address}: cannot read [^\n]*\n$`))]);
    expect(err()).not.toContain('canary');
  }
  await new Promise((resolve) => silent.close(resolve));
});

it('refuses wrong usage in one line', async () => {
  for (const args of [[], ['stream', '--nonsense', 'long']]) {
    const { status, out, err } = await events(...args);
    expect([status, out, err]).toEqual([2, '', expect.stringMatching(/^[^\n]+see "till events --help"\n$/)]);
  }
});

it('explains itself', async () => {
  for (const args of [['--help'], ['tail', '--help']]) {
    const { status, out } = await events(...args);
    expect(status).toBe(0);
    for (const command of ['tail', 'stream', 'export']) expect(out).toContain(`till events ${command}`);
  }
});
