import { expect } from '@jest/globals';
import { type Consumer, type Queue, QueueUnavailable, type Received } from '../../../src/platform/queue/queue.ts';
import { until } from '../../support/processes.ts';
import { message } from './contract.ts';

const KEYS = ['ann', 'bob', 'cho', 'dan', 'eun', 'fay', 'gil', 'han'];
/** Milliseconds between the answer to one message of a key and the next message. */
const BETWEEN_MS = 5;
const DELIVERED_MAX_MS = 60_000;
/** Milliseconds; `send` promises 5,000, the rest is for a machine that does much else. */
const ANSWER_MAX_MS = 8_000;

export const sleep = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** Each key sends 0, 1, 2 …, one after the other; what was not acknowledged is sent again, as callers do. */
export const sendersOf = (queue: Queue, topic: string) => {
  const accepted = new Map(KEYS.map((key) => [key, 0]));
  const seen = { unavailable: 0, longestMs: 0 };
  let stopping = false;
  const sendOne = async (key: string, value: number): Promise<boolean> => {
    const begun = performance.now();
    try {
      await queue.send(topic, [message(key, String(value))]);
      return true;
    } catch (error) {
      if (!(error instanceof QueueUnavailable)) throw error;
      seen.unavailable += 1;
      return false;
    } finally {
      seen.longestMs = Math.max(seen.longestMs, performance.now() - begun);
    }
  };
  const sending = KEYS.map(async (key) => {
    for (let value = 0; !stopping; ) {
      if (await sendOne(key, value)) {
        value += 1;
        accepted.set(key, value);
      }
      await sleep(BETWEEN_MS);
    }
  });
  const stop = async (): Promise<ReadonlyMap<string, number>> => {
    stopping = true;
    await Promise.all(sending);
    expect(seen.longestMs).toBeLessThan(ANSWER_MAX_MS);
    return accepted;
  };
  const count = (): number => [...accepted.values()].reduce((a, b) => a + b, 0);
  return { stop, count, unavailable: () => seen.unavailable };
};

/** What the members of a group were given, in one list if they are told the same one; `died` says what `onDead` was told. */
export const collected = (
  queue: Queue,
  topic: string,
  handle: (messages: readonly Received[]) => Promise<void> = async () => undefined,
  received: Received[] = [],
) => {
  const died: Error[] = [];
  const join = (): Promise<Consumer> =>
    queue.consume({
      group: 'readers',
      topic,
      batchMax: 100,
      handle: async (messages) => {
        await handle(messages);
        received.push(...messages);
      },
      onDead: (error) => died.push(error),
    });
  return { join, received, died };
};

/** Every accepted message was delivered, and of each key in the order of its acceptance; how many came more than once. */
export const expectAll = async (received: readonly Received[], accepted: ReadonlyMap<string, number>): Promise<number> => {
  const firsts = (key: string): string[] => [...new Set(received.flatMap((one) => (one.key === key ? [one.value] : [])))];
  await until(() => [...accepted].every(([key, count]) => firsts(key).length >= count), DELIVERED_MAX_MS);
  // A message that was in doubt when the senders stopped may stand behind the accepted ones.
  for (const [key, count] of accepted) expect(firsts(key).slice(0, count)).toEqual(Array.from({ length: count }, (_, i) => String(i)));
  return received.length - new Set(received.map(({ key, value }) => `${key} ${value}`)).size;
};
