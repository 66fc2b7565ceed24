import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach } from '@jest/globals';
import { createEsdbEventStore } from '../../../src/platform/eventStore/esdbEventStore.ts';
import { type Delivery, type EventStore, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { eventsOf, freshStream } from './contract.ts';
import { type ReadCall, type ReceivedAppend, ScriptedServer } from './scriptedServer.ts';

// An unhandled rejection or exception fails the test during which it happens: jest-circus listens for both.

export const APPEND_MS = 600;
export const forever = new AbortController().signal;

/** Made anew before each test, and ended after it. */
export let server: ScriptedServer;
export let store: EventStore;
export let warnings: string[];
const log = { info: () => {}, warn: (_: unknown, text: string) => void warnings.push(text) };

beforeEach(async () => {
  server = await ScriptedServer.start();
  warnings = [];
  store = createEsdbEventStore(server.url, { appendTimeoutMs: APPEND_MS, log });
});

afterEach(async () => {
  await store.close();
  server.crash();
});

/** For tests that have much to do: nothing in them needs a short wait. */
export const waitAsUsual = async () => {
  await store.close();
  store = createEsdbEventStore(server.url, { log });
};

export const appendOne = (stream = freshStream()) => store.append(stream, eventsOf(1), NO_STREAM);
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'no failure',
    (error: unknown) => error,
  );

/** Runs what the script says about the first append, and accepts all others. */
export const firstAppend = (misbehave: (append: ReceivedAppend) => void) => {
  server.script.append = (append) => (append.number === 0 ? misbehave(append) : server.accept(append));
};

/** Tries until an append succeeds; how long that took, in milliseconds. */
export const timeToRecover = async (limitMs = 5_000): Promise<number> => {
  const begun = performance.now();
  while (performance.now() - begun < limitMs) {
    if (typeof (await appendOne().catch(() => undefined)) === 'object') return performance.now() - begun;
    await sleep(20);
  }
  throw new Error(`no append succeeded in ${limitMs} ms`);
};

export const serving = (serve: (call: ReadCall) => void) => {
  server.script.read = (call) => {
    serve(call);
    return true;
  };
};

export const follow = async (enough: (got: Delivery[]) => boolean = () => false, after: bigint | null = null): Promise<Delivery[]> => {
  const got: Delivery[] = [];
  for await (const delivery of store.subscribe({ after, signal: forever })) {
    got.push(delivery);
    if (enough(got)) break;
  }
  return got;
};
