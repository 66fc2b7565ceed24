import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { type ClientHttp2Session, type ClientHttp2Stream, type ClientSessionOptions, connect as connectHttp2 } from 'node:http2';
import { connect as connectSocket, type Socket } from 'node:net';
import { type EventStoreDBClient, NO_STREAM } from '@eventstore/db-client';
import { expect } from '@jest/globals';
import { startChild } from './child.ts';
import { append, atEnd, connect, event, newFolder, wholeLog } from './support.ts';

export const STREAMS = '/event_store.client.streams.Streams';

/** Private memory of a process in MiB: what it allocated, without the files it has mapped. */
const privateMiB = (pid: number): number => {
  if (!existsSync(`/proc/${pid}/status`)) return Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)])) / 1024;
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
};

/** Streams that attacks may write to by way of a client that means well. */
export const FILLER = 'filler';
/** How long the client beside may wait for an answer while the server is attacked. */
const ANSWER_MAX_MS = 6_000;

/** `client` is the one that means well. */
export type Attack = (port: number, client: EventStoreDBClient) => Promise<void>;

/** How long the server may take to collect its garbage once the attack is over, working meanwhile. */
const COLLECTED_MAX_MS = 15_000;

/**
 * Attacks a server process again and again while a client that means well goes on appending. Promises that the client is
 * answered all the time, that nothing but its own events gets into the log, and that the server's memory does not grow.
 */
export const withstand = async (attack: Attack, { rounds = 6, warmUpRounds = 2, growthMaxMiB = 24 } = {}): Promise<void> => {
  const child = await startChild(newFolder());
  const client = connect(child);
  const port = Number(new URL(child.url).port);
  const memory: number[] = [];
  const beside = new Beside(client);
  for (let round = 0; round < rounds; round++) {
    await beside.during(attack(port, client));
    memory.push(privateMiB(child.process.pid as number));
  }
  const streams = (await wholeLog(client)).map(({ event: recorded }) => recorded?.streamId).filter((stream) => stream !== FILLER);
  expect(streams).toEqual(Array(beside.appended).fill('beside'));
  expect(beside.slowestMs).toBeLessThan(ANSWER_MAX_MS);
  // The first rounds fill the server's own pools. What is garbage goes as it works on; what it has lost does not.
  const growth = (): number => privateMiB(child.process.pid as number) - (memory[warmUpRounds - 1] ?? 0);
  const limit = performance.now() + COLLECTED_MAX_MS;
  while (growth() >= growthMaxMiB && performance.now() < limit) await beside.during(new Promise((resolve) => setTimeout(resolve, 250)));
  expect(growth()).toBeLessThan(growthMaxMiB);
  expect(child.process.exitCode).toBeNull();
};

/** The client that means well. */
class Beside {
  readonly #client: EventStoreDBClient;
  appended = 0;
  slowestMs = 0;

  constructor(client: EventStoreDBClient) {
    this.#client = client;
  }

  /** Appends one event after the other until `work` is done, at least one. */
  async during(work: Promise<void>): Promise<void> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    do {
      const begun = performance.now();
      await append(this.#client, 'beside', event(this.appended), this.appended === 0 ? NO_STREAM : BigInt(this.appended - 1));
      this.slowestMs = Math.max(this.slowestMs, performance.now() - begun);
      this.appended++;
      await new Promise((resolve) => setTimeout(resolve, 5));
    } while (!isDone);
    await done;
  }
}

/** Fails when `work` takes longer than `limitMs`. */
export const within = async <T>(limitMs: number, work: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not over within ${limitMs} ms`)), limitMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};

export const openSocket = (port: number): Socket => {
  const socket = connectSocket(port, '127.0.0.1');
  socket.on('error', () => undefined);
  atEnd(() => void socket.destroy());
  return socket;
};

/** Sends bytes on a connection of their own, which must be over for it within `limitMs`. */
export const sendJunk = async (port: number, bytes: Buffer, limitMs: number): Promise<void> => {
  const socket = openSocket(port);
  const closed = new Promise<void>((resolve) => socket.on('close', () => resolve()));
  socket.write(bytes);
  socket.resume();
  await within(limitMs, closed);
};

export const openSession = async (port: number, options: ClientSessionOptions = {}): Promise<ClientHttp2Session> => {
  const session = connectHttp2(`http://127.0.0.1:${port}`, { maxSessionMemory: 1_000, ...options });
  session.on('error', () => undefined);
  atEnd(() => session.destroy());
  await once(session, 'connect');
  return session;
};

export const grpcFrame = (message: Buffer, { length = message.length, flag = 0 } = {}): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt8(flag, 0);
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, message]);
};

export type Ended = Readonly<{ status: number | undefined; code: number }>;

/** Begins a call; `ended` tells its gRPC status, if it got one, and its HTTP/2 code. */
export const openCall = (
  session: ClientHttp2Session,
  method: string,
  headers: Record<string, string> = {},
): { stream: ClientHttp2Stream; ended: Promise<Ended> } => {
  const path = method.startsWith('/') ? method : `${STREAMS}/${method}`;
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', ...headers });
  let status: number | undefined;
  stream.setMaxListeners(0);
  stream.on('error', () => undefined);
  const ended = new Promise<Ended>((resolve) => {
    const over = (): void => resolve({ status, code: stream.rstCode });
    // A stream of Node's that still has something to write does not close, though the other side has.
    const note = (got: Record<string, unknown>): void => {
      if (got['grpc-status'] === undefined) return;
      status = Number(got['grpc-status']);
      stream.once('end', over);
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('close', over);
  });
  return { stream, ended };
};
