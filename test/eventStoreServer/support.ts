import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type EventData, EventStoreDBClient, type JSONEventData, jsonEvent } from '@eventstore/db-client';
import type { Channel } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { startTestEventStore } from '../support/eventStore.ts';
import { until as seen, startScript } from '../support/processes.ts';

// Other test files keep the machine's cores busy at the same time.
jest.setTimeout(60_000);

type UrlChange = Readonly<{ scheme?: 'esdb' | 'esdb+discover'; hosts?: number; user?: string; options?: string }>;

export type ServerUnderTest = Readonly<{
  kind: 'embedded' | 'foreign';
  /** Its connection string, changed as told: `hosts` repeats its address, `user` is `name:password`, `options` come in addition. */
  url: (change?: UrlChange) => string;
  /** The unmodified client of npm, one for all tests of a file. */
  client: () => EventStoreDBClient;
  /** A further client, closed after the last test. */
  connect: (url?: string) => EventStoreDBClient;
}>;

const foreignUrl = process.env.EVENTSTORE_URL;

/** `dispose` ends the calls of a client and leaves its connection open. */
const close = async (client: EventStoreDBClient): Promise<void> => {
  await client.dispose();
  const { getChannel } = client as unknown as { getChannel: () => Promise<Channel> };
  const channel = await getChannel().catch(() => undefined);
  channel?.close();
};

const changedUrl = (url: string, { scheme, hosts = 1, user, options }: UrlChange = {}): string => {
  const [, givenScheme, givenUser, host, query] = /^(esdb(?:\+discover)?):\/\/(?:([^@/?]*)@)?([^?/]*)\/?(?:\?(.*))?$/.exec(url) ?? [];
  const credentials = user ?? givenUser;
  const settings = [query, options].filter((one) => one !== undefined && one !== '').join('&');
  const addresses = Array.from({ length: hosts }, () => host).join(',');
  const authority = credentials === undefined ? addresses : `${credentials}@${addresses}`;
  return `${scheme ?? givenScheme}://${authority}${settings === '' ? '' : `?${settings}`}`;
};

type Running = Awaited<ReturnType<typeof startTestEventStore>>;

const MAIN = fileURLToPath(new URL('../../src/embedded/event-store/main.ts', import.meta.url));
/** How long a server process may take to be ready, in milliseconds: it compiles its sources first. */
const START_MAX_MS = 30_000;

/** The embedded server in a process of its own: its flushes hold no client up. */
export const startServerProcess = async (): Promise<Running> => {
  const dataDir = await mkdtemp(join(tmpdir(), 'till-event-store-'));
  const { child, out, ended } = startScript(MAIN, ['--port', '0', '--data', dataDir]);
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(dataDir, { recursive: true, force: true });
  };
  const url = await seen(() => /^ready (esdb:\S+)/m.exec(out())?.[1], START_MAX_MS).catch(async (error: unknown) => {
    await stop();
    throw error;
  });
  return { url, stop };
};

const startForeign = async (): Promise<Running> => ({ url: foreignUrl ?? '', stop: async () => undefined });

const over = (
  kind: ServerUnderTest['kind'],
  start: () => Promise<Running>,
  topic: string,
  tests: (server: ServerUnderTest) => void,
): void => {
  describe(`${topic}, ${kind} server`, () => {
    const clients: EventStoreDBClient[] = [];
    let running: Running;
    beforeAll(async () => {
      running = await start();
      connect();
    });
    afterAll(async () => {
      await Promise.all(clients.map(close));
      await running.stop();
    });

    const url: ServerUnderTest['url'] = (change) => changedUrl(running.url, change);
    const connect = (to = url()): EventStoreDBClient => {
      const client = EventStoreDBClient.connectionString(to);
      clients.push(client);
      return client;
    };
    const client = (): EventStoreDBClient => {
      const [first] = clients;
      if (first === undefined) throw new Error('asked for a client before the server was up');
      return first;
    };
    tests({ kind, url, client, connect });
  });
};

/**
 * What the official client may expect of a server, on one topic: over the embedded server and, with `EVENTSTORE_URL` set, over
 * the server there. Tests take streams and types that nobody has used, and meet events of others in `$all`.
 */
export const serverContract = (topic: string, tests: (server: ServerUnderTest) => void, startEmbedded = startTestEventStore): void => {
  over('embedded', startEmbedded, topic, tests);
  if (foreignUrl !== undefined) over('foreign', startForeign, topic, tests);
  else process.stderr.write(`EVENTSTORE_URL is not set: ${topic} runs over the embedded server only\n`);
};

export const freshName = (prefix = 'stream'): string => `${prefix}-${randomUUID()}`;
export const freshType = (prefix = 'Counted'): string => `${prefix}${randomUUID().replaceAll('-', '')}`;

/** Events with the numbers from `first` on as data. */
export const numbered = (count: number, type = 'Counted', first = 0): JSONEventData[] =>
  Array.from({ length: count }, (_, i) => jsonEvent({ type, data: { n: first + i } }));
export const idsOf = (events: readonly EventData[]): string[] => events.map(({ id }) => id);

type Resolved = Readonly<{ event?: Readonly<{ id: string; data?: unknown; revision: bigint }> | undefined }>;
export const idsIn = (resolved: readonly Resolved[]): (string | undefined)[] => resolved.map(({ event }) => event?.id);
export const numbersIn = (resolved: readonly Resolved[]): number[] =>
  resolved.map(({ event }) => (event?.data as { n: number } | undefined)?.n ?? -1);
export const revisionsIn = (resolved: readonly Resolved[]): (bigint | undefined)[] => resolved.map(({ event }) => event?.revision);
export const upTo = (count: number, first = 0): number[] => Array.from({ length: count }, (_, i) => first + i);

export const collect = async <T>(from: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
};

export const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` holds; fails after `limitMs`. */
export const until = async (condition: () => boolean, what: string, limitMs = 20_000): Promise<void> => {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > limitMs) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await wait(3);
  }
};

/** The error a promise is rejected with. */
export const failureOf = async (work: Promise<unknown>): Promise<unknown> => {
  const done = await work.then(
    () => 'no failure',
    (error: unknown) => ({ error }),
  );
  if (typeof done === 'string') throw new Error(done);
  return done.error;
};
