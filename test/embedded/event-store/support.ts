import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AllStreamResolvedEvent,
  type AppendExpectedRevision,
  type AppendResult,
  type EventData,
  EventStoreDBClient,
  type JSONEventData,
  jsonEvent,
} from '@eventstore/db-client';
import { afterEach, jest } from '@jest/globals';
import { type EventStoreServer, type EventStoreServerOptions, startEventStore } from '../../../src/embedded/event-store/server.ts';

// Other test files keep the machine's cores busy at the same time.
jest.setTimeout(60_000);

const endings: (() => Promise<void> | void)[] = [];

/** Runs after the test, the last registered first. */
export const atEnd = (ending: () => Promise<void> | void): void => {
  endings.push(ending);
};

afterEach(async () => {
  for (const ending of endings.splice(0).reverse()) await ending();
});

export const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'till-event-store-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

export const startServer = async (options: Partial<EventStoreServerOptions> = {}): Promise<EventStoreServer> => {
  const server = await startEventStore({ host: '127.0.0.1', port: 0, dataDir: options.dataDir ?? newFolder(), ...options });
  atEnd(() => server.stop());
  return server;
};

export const connect = (server: Pick<EventStoreServer, 'url'>): EventStoreDBClient => {
  const client = EventStoreDBClient.connectionString(server.url);
  atEnd(() => client.dispose());
  return client;
};

/** A server and the client of npm, connected. */
export const startPair = async (options: Partial<EventStoreServerOptions> = {}) => {
  const server = await startServer(options);
  return { server, client: connect(server) };
};

export const event = (n: number, type = 'Counted'): JSONEventData => jsonEvent({ type, data: { n } });
export const events = (count: number, type = 'Counted'): JSONEventData[] => Array.from({ length: count }, (_, n) => event(n, type));

export const append = (
  client: EventStoreDBClient,
  stream: string,
  data: EventData | EventData[],
  revision: AppendExpectedRevision,
): Promise<AppendResult> => client.appendToStream(stream, data, { expectedRevision: revision });

/** Both of the client's ways to append: credentials given with the call make it use the unary one. */
export const unaryAppend = (
  client: EventStoreDBClient,
  stream: string,
  data: EventData | EventData[],
  revision: AppendExpectedRevision,
): Promise<AppendResult> =>
  client.appendToStream(stream, data, { expectedRevision: revision, credentials: { username: 'admin', password: 'changeit' } });

export const collect = async <T>(from: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const one of from) all.push(one);
  return all;
};

export const numbersOf = (resolved: readonly Readonly<{ event?: unknown }>[]): number[] =>
  resolved.map(({ event: recorded }) => (recorded as { data: { n: number } }).data.n);

/** Events of user streams in log order. */
export const wholeLog = async (client: EventStoreDBClient): Promise<AllStreamResolvedEvent[]> =>
  (await collect(client.readAll())).filter(({ event: recorded }) => recorded !== undefined && !recorded.streamId.startsWith('$'));

/** Waits until `condition` holds; fails after `limitMs`. */
export const until = async (condition: () => boolean, what: string, limitMs = 20_000): Promise<void> => {
  const started = performance.now();
  while (!condition()) {
    if (performance.now() - started > limitMs) throw new Error(`waited ${limitMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** What a unary gRPC call came to; `trailers` hold its status, too. */
export type RawAnswer = Readonly<{ status: number; trailers: Readonly<Record<string, string>>; messages: readonly Buffer[] }>;

const FRAME_HEADER_BYTES = 5;
const rawFrame = (message: Buffer): Buffer => {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};
const rawMessages = (body: Buffer): Buffer[] => {
  const messages: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + FRAME_HEADER_BYTES + body.readUInt32BE(at + 1);
    messages.push(body.subarray(at + FRAME_HEADER_BYTES, end));
    at = end;
  }
  return messages;
};

/** Calls a method with messages of one's own making, for what the client of npm never sends. */
export const rawCall = async (server: Pick<EventStoreServer, 'port'>, path: string, ...messages: Buffer[]): Promise<RawAnswer> => {
  const session = connectHttp2(`http://127.0.0.1:${server.port}`);
  atEnd(() => session.destroy());
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
  const trailers: Record<string, string> = {};
  const note = (headers: Record<string, unknown>): void => {
    for (const [name, value] of Object.entries(headers)) trailers[name] = String(value);
  };
  stream.on('response', note);
  stream.on('trailers', note);
  const body: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => body.push(chunk));
  for (const message of messages) stream.write(rawFrame(message));
  stream.end();
  await once(stream, 'close', { signal: AbortSignal.timeout(10_000) });
  return { status: Number(trailers['grpc-status']), trailers, messages: rawMessages(Buffer.concat(body)) };
};
