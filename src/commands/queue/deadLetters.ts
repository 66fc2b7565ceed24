import { setTimeout as sleep } from 'node:timers/promises';
import { type Message, MessageRefused, type Poison, type Queue, type Received } from '../../platform/queue/queue.ts';
import { DEAD_LETTERS } from './couponTopics.ts';

/** A message that was put aside. `value: null`: it was too large to be put aside as well, and stands only where it was. */
export type DeadLetter = Readonly<{
  /** Its own place among the dead letters. */
  partition: number;
  offset: bigint;
  /** Milliseconds since 1970. */
  at: number;
  reason: string;
  detail: string;
  original: Readonly<{
    topic: string;
    partition: number;
    offset: bigint;
    key: string | null;
    value: string | null;
    headers: Message['headers'];
  }>;
}>;

const PREFIX = 'dead-';
const DETAIL_CHARS_MAX = 500;
/** Messages read at once. */
const PAGE = 200;

/** Headers are one line each. */
const oneLine = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, DETAIL_CHARS_MAX);

const letterOf = ({ message, reason, detail }: Poison, value: string | null): Message => ({
  key: message.key ?? '',
  value: value ?? '',
  headers: {
    ...message.headers,
    [`${PREFIX}reason`]: reason,
    [`${PREFIX}detail`]: oneLine(detail),
    [`${PREFIX}topic`]: message.topic,
    [`${PREFIX}partition`]: String(message.partition),
    [`${PREFIX}offset`]: String(message.offset),
    ...(message.key === null ? { [`${PREFIX}no-key`]: '1' } : {}),
    ...(value === null ? { [`${PREFIX}no-value`]: '1' } : {}),
  },
});

/** Puts messages aside, each with its reason. @throws QueueUnavailable: some may be there; putting them aside again is harmless. */
export const putAside = async (queue: Queue, poison: readonly Poison[]): Promise<void> => {
  for (const each of poison) {
    try {
      await queue.send(DEAD_LETTERS, [letterOf(each, each.message.value)]);
    } catch (error) {
      if (!(error instanceof MessageRefused)) throw error;
      await queue.send(DEAD_LETTERS, [letterOf(each, null)]);
    }
  }
};

const letterIn = ({ partition, offset, at, key, value, headers }: Received): DeadLetter => {
  const of = (name: string): string | undefined => headers[`${PREFIX}${name}`];
  const whole = (name: string): string => (/^\d{1,19}$/.test(of(name) ?? '') ? (of(name) as string) : '0');
  return {
    partition,
    offset,
    at,
    reason: of('reason') ?? 'unknown',
    detail: of('detail') ?? '',
    original: {
      topic: of('topic') ?? '',
      partition: Number(whole('partition')),
      offset: BigInt(whole('offset')),
      key: of('no-key') ? null : key,
      value: of('no-value') ? null : value,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(PREFIX))),
    },
  };
};

/** Dead letters of a partition from an offset on, up to `end`, a page at a time. @throws QueueUnavailable */
export async function* deadLetters(queue: Queue, partition: number, from: bigint, end: bigint): AsyncGenerator<DeadLetter> {
  for (let next = from; next < end; ) {
    const page = await queue.read(DEAD_LETTERS, partition, next, PAGE);
    if (page.length === 0) return;
    for (const message of page) if (message.offset < end) yield letterIn(message);
    next = (page.at(-1)?.offset ?? end) + 1n;
  }
}

/** The group whose offsets say which dead letters were sent again. */
export const REPLAY = 'dead-letter-replay';

/**
 * Sends the original again to where it came from; what is wrong with it still comes back as a new dead letter.
 * @throws QueueUnavailable. @throws Error when the original is nowhere any more.
 */
export const sendAgain = async (queue: Queue, { original }: DeadLetter): Promise<void> => {
  const { topic, partition, offset, key, headers } = original;
  if (topic === '') throw new Error('the dead letter does not say where it came from');
  const value = original.value ?? (await queue.read(topic, partition, offset, 1)).find((found) => found.offset === offset)?.value;
  if (value === undefined) throw new Error(`${topic}/${partition} has no message ${offset} any more`);
  await queue.send(topic, [{ key: key ?? '', value, headers }]);
};

/** Milliseconds that sending them all again may take without getting on. */
const REPLAY_STUCK_MS = 30_000;
const LOOK_EVERY_MS = 50;

class BehindTheEnd extends Error {}

/**
 * Sends the originals of all dead letters again that were not sent again before, up to those that lie there now. Answers how many.
 * @throws QueueUnavailable. @throws Error when one of them cannot be sent again: those before it were.
 */
export const replayAll = async (queue: Queue): Promise<number> => {
  const ends = new Map((await queue.lag(REPLAY, DEAD_LETTERS)).map(({ partition, end }) => [partition, end]));
  let sent = 0;
  let failure: Error | null = null;
  const handle = async ([message]: readonly Received[]): Promise<void> => {
    if (message === undefined) return;
    // What comes back as a new dead letter is left for another time, or this would never end.
    if (message.offset >= (ends.get(message.partition) ?? 0n)) throw new BehindTheEnd();
    try {
      await sendAgain(queue, letterIn(message));
      sent += 1;
    } catch (error) {
      failure = error as Error;
      throw error;
    }
  };
  const left = async (): Promise<boolean> =>
    (await queue.lag(REPLAY, DEAD_LETTERS)).some(({ partition, committed }) => committed < (ends.get(partition) ?? 0n));
  if (!(await left())) return 0;
  const onDead = (error: Error): void => {
    failure = error;
  };
  const consumer = await queue.consume({ group: REPLAY, topic: DEAD_LETTERS, batchMax: 1, handle, onDead });
  try {
    let before = -1;
    for (let stuckMs = 0; failure === null && (await left()); stuckMs += LOOK_EVERY_MS) {
      if (sent > before) stuckMs = 0;
      if (stuckMs > REPLAY_STUCK_MS) throw new Error(`nothing was sent again for ${REPLAY_STUCK_MS / 1_000} s`);
      before = sent;
      await sleep(LOOK_EVERY_MS);
    }
  } finally {
    await consumer.stop();
  }
  if (failure !== null) throw failure;
  return sent;
};
