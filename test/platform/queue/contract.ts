import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type Consumer,
  type Message,
  MessageRefused,
  type Queue,
  QueueUnavailable,
  type Received,
} from '../../../src/platform/queue/queue.ts';
import { atOnce } from '../../support/client.ts';
import { until } from '../../support/processes.ts';

/** Two connections to one queue, and a third that the suite closes; `close` ends all and, if it was started for them, the server. */
export type QueueUnderTest = Readonly<{ queue: Queue; other: Queue; closing: Queue; close(): Promise<void> }>;

const TEST_MAX_MS = 60_000;
/** Milliseconds until another member has what the one before left. */
const TAKEOVER_MAX_MS = 30_000;
const PARTITIONS = 3;

export const message = (key: string, value: string, headers: Message['headers'] = {}): Message => ({ key, value, headers });

/** Fails in the test rather than in the consumer, which would only retry. */
const alive = (error: Error): void => {
  throw error;
};

/** What every implementation of Queue promises. */
export const queueContract = (name: string, makeQueue: () => Promise<QueueUnderTest>): void => {
  describe(`queue contract: ${name}`, () => {
    let under: QueueUnderTest;
    let queue: Queue;
    let topic: string;
    const members: Consumer[] = [];
    beforeAll(async () => {
      under = await makeQueue();
      queue = under.queue;
    }, TEST_MAX_MS);
    afterAll(() => under.close(), TEST_MAX_MS);
    afterEach(async () => {
      await Promise.all(members.splice(0).map((member) => member.stop()));
    }, TEST_MAX_MS);

    const newTopic = async (partitions = PARTITIONS): Promise<void> => {
      topic = `topic-${randomUUID()}`;
      await queue.createTopics([{ topic, partitions }]);
    };
    type Joining = Readonly<{ group?: string; batchMax?: number; from?: Queue; handle?: (messages: readonly Received[]) => Promise<void> }>;
    /** Joins; what was handled to the end stands in the list. */
    const join = async ({ group = 'readers', batchMax = 100, from = queue, handle = async () => undefined }: Joining = {}) => {
      const seen: Received[] = [];
      const take = async (messages: readonly Received[]): Promise<void> => {
        await handle(messages);
        seen.push(...messages);
      };
      const member = await from.consume({ group, topic, batchMax, handle: take, onDead: alive });
      members.push(member);
      return { seen, stop: () => member.stop() };
    };
    const values = (received: readonly Received[]): string[] => received.map(({ value }) => value);
    const sendAll = async (texts: readonly string[], key = 'one'): Promise<void> => {
      await queue.send(
        topic,
        texts.map((text) => message(key, text)),
      );
    };
    const numbers = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => String(from + i));

    it(
      'delivers what was sent as it was sent, whatever that is',
      async () => {
        await newTopic();
        const odd = ['', '{"a":1}', 'not { json', '\u0000\u0007', 'Å 쿠폰 🎟️', '"', '\\u0000', 'x'.repeat(200_000)];
        const sent = odd.map((value, i) => message(`key ${i}`, value, { 'a-header': `쿠폰 ${i}`, 'and-another': '' }));
        const begun = Date.now();
        await queue.send(topic, sent);
        const { seen } = await join();
        await until(() => seen.length === sent.length, TAKEOVER_MAX_MS);
        const inOrder = sent.map(({ key }) => seen.find((received) => received.key === key));
        expect(inOrder.map((received) => received && message(received.key ?? '', received.value, received.headers))).toEqual(sent);
        for (const { topic: from, at } of seen) {
          expect(from).toBe(topic);
          expect(Math.abs(at - begun)).toBeLessThan(60_000);
        }
      },
      TEST_MAX_MS,
    );

    it(
      'keeps messages of one key in one partition and in order, and gives each partition the offsets 0, 1, 2 …',
      async () => {
        await newTopic();
        const keys = numbers(0, 12).map((n) => `key-${n}`);
        for (let n = 0; n < 20; n += 1) {
          await queue.send(
            topic,
            keys.map((key) => message(key, String(n))),
          );
        }
        const { seen } = await join({ batchMax: 7 });
        await until(() => seen.length === 240, TAKEOVER_MAX_MS);
        for (const key of keys) {
          const own = seen.filter((received) => received.key === key);
          expect(values(own)).toEqual(numbers(0, 20));
          expect(new Set(own.map(({ partition }) => partition)).size).toBe(1);
        }
        for (let partition = 0; partition < PARTITIONS; partition += 1) {
          const own = seen.filter((received) => received.partition === partition);
          expect(own.map(({ offset }) => offset)).toEqual(own.map((_, i) => BigInt(i)));
        }
        expect(new Set(seen.map(({ partition }) => partition)).size).toBeGreaterThan(1);
      },
      TEST_MAX_MS,
    );

    it(
      'keeps what many send at once, and each sender finds its own in the order in which it was accepted',
      async () => {
        await newTopic();
        const senders = [queue, under.other];
        await atOnce(40, async (sender) => {
          for (let n = 0; n < 10; n += 1) await senders[sender % 2]?.send(topic, [message(`sender-${sender}`, String(n))]);
        });
        const { seen } = await join();
        await until(() => seen.length === 400, TAKEOVER_MAX_MS);
        for (let sender = 0; sender < 40; sender += 1) {
          expect(values(seen.filter(({ key }) => key === `sender-${sender}`))).toEqual(numbers(0, 10));
        }
      },
      TEST_MAX_MS,
    );

    it(
      'hands over no more at once than wanted, of one partition, and nothing more before that is done',
      async () => {
        await newTopic();
        await Promise.all(numbers(0, 30).map((key) => sendAll(numbers(0, 5), key)));
        const batches: (readonly Received[])[] = [];
        const underWay = new Set<number>();
        const handle = async (messages: readonly Received[]): Promise<void> => {
          const partition = messages[0]?.partition ?? -1;
          expect(underWay.has(partition)).toBe(false);
          underWay.add(partition);
          batches.push(messages);
          await new Promise((wake) => setTimeout(wake, 2));
          underWay.delete(partition);
        };
        const { seen } = await join({ batchMax: 4, handle });
        await until(() => seen.length === 150, TAKEOVER_MAX_MS);
        expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThanOrEqual(4);
        for (const batch of batches) expect(new Set(batch.map(({ partition }) => partition)).size).toBe(1);
      },
      TEST_MAX_MS,
    );

    it(
      'goes on behind what was handled when a group comes back, also by another connection',
      async () => {
        await newTopic();
        await sendAll(numbers(0, 10));
        const first = await join();
        await until(() => first.seen.length === 10, TAKEOVER_MAX_MS);
        await first.stop();
        await sendAll(numbers(10, 20));
        const second = await join({ from: under.other });
        await until(() => second.seen.length >= 10, TAKEOVER_MAX_MS);
        expect(values(second.seen)).toEqual(numbers(10, 20));
      },
      TEST_MAX_MS,
    );

    it(
      'tells each group everything, a new one from the oldest on',
      async () => {
        await newTopic();
        await sendAll(numbers(0, 10));
        const first = await join({ group: 'first' });
        await until(() => first.seen.length === 10, TAKEOVER_MAX_MS);
        const second = await join({ group: 'second' });
        await until(() => second.seen.length === 10, TAKEOVER_MAX_MS);
        await sendAll(['10']);
        await until(() => first.seen.length === 11 && second.seen.length === 11, TAKEOVER_MAX_MS);
        expect([values(first.seen), values(second.seen)]).toEqual([numbers(0, 11), numbers(0, 11)]);
      },
      TEST_MAX_MS,
    );

    it(
      'commits nothing of what was not handled, and delivers it again in its order, other partitions meanwhile going on',
      async () => {
        await newTopic();
        await sendAll(numbers(0, 5), 'stuck');
        let passesFrom = Number.POSITIVE_INFINITY;
        let tries = 0;
        let stuck = -1;
        const handle = async (messages: readonly Received[]): Promise<void> => {
          const fails = messages.find(({ key, value }) => key === 'stuck' && value === '3');
          if (!fails) return;
          stuck = fails.partition;
          tries += 1;
          if (tries < passesFrom) throw new Error('not yet');
        };
        const { seen } = await join({ batchMax: 5, handle });
        await until(() => tries >= 2, TAKEOVER_MAX_MS);
        await Promise.all(numbers(0, 30).map((key) => sendAll(['free'], key)));
        await until(() => seen.some(({ partition }) => partition !== stuck), TAKEOVER_MAX_MS);
        const lag = (await queue.lag('readers', topic)).find(({ partition }) => partition === stuck);
        expect(Number(lag?.committed)).toBeLessThanOrEqual(3);
        passesFrom = tries + 1;
        await until(() => seen.filter(({ key }) => key === 'stuck').length >= 5, TAKEOVER_MAX_MS);
        expect(values(seen.filter(({ key }) => key === 'stuck'))).toEqual(numbers(0, 5));
      },
      TEST_MAX_MS,
    );

    it(
      'hands the partitions of a member that left to those who stay',
      async () => {
        await newTopic();
        const one = await join();
        const two = await join({ from: under.other });
        await Promise.all(numbers(0, 30).map((key) => sendAll(['before'], key)));
        await until(() => one.seen.length + two.seen.length >= 30, TAKEOVER_MAX_MS);
        const [leaves, stays] = one.seen.length >= two.seen.length ? [one, two] : [two, one];
        await leaves.stop();
        await Promise.all(numbers(0, 30).map((key) => sendAll(['after'], key)));
        const keysOf = (text: string, ...seen: (readonly Received[])[]) =>
          new Set(seen.flat().flatMap(({ key, value }) => (value === text ? [key] : [])));
        await until(() => keysOf('after', stays.seen).size === 30, TAKEOVER_MAX_MS);
        expect(keysOf('before', one.seen, two.seen).size).toBe(30);
      },
      TEST_MAX_MS,
    );

    it(
      'tells how far a group is in each partition',
      async () => {
        await newTopic();
        expect(await queue.lag('readers', topic)).toEqual([0, 1, 2].map((partition) => ({ partition, committed: 0n, end: 0n })));
        await sendAll(numbers(0, 10));
        const [before] = (await queue.lag('readers', topic)).filter(({ end }) => end > 0n);
        expect(before).toEqual({ partition: before?.partition, committed: 0n, end: 10n });
        const { seen } = await join();
        await until(() => seen.length === 10, TAKEOVER_MAX_MS);
        const lags = async () => (await under.other.lag('readers', topic)).map(({ committed, end }) => end - committed);
        await until(async () => (await lags()).every((lag) => lag === 0n), TAKEOVER_MAX_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'reads a part of a partition without any group',
      async () => {
        await newTopic(1);
        expect(await queue.read(topic, 0, 0n, 10)).toEqual([]);
        await sendAll(numbers(0, 10));
        expect(values(await queue.read(topic, 0, 0n, 100))).toEqual(numbers(0, 10));
        const some = await under.other.read(topic, 0, 4n, 3);
        expect(some.map(({ offset, value }) => [offset, value])).toEqual([
          [4n, '4'],
          [5n, '5'],
          [6n, '6'],
        ]);
        expect(await queue.read(topic, 0, 10n, 10)).toEqual([]);
      },
      TEST_MAX_MS,
    );

    it(
      'leaves a topic that is there as it is',
      async () => {
        await newTopic();
        await sendAll(['kept']);
        await atOnce(4, (i) => (i % 2 ? queue : under.other).createTopics([{ topic, partitions: 1 + i }]));
        expect(await queue.lag('readers', topic)).toHaveLength(PARTITIONS);
        const { seen } = await join();
        await until(() => seen.length === 1, TAKEOVER_MAX_MS);
      },
      TEST_MAX_MS,
    );

    it(
      'refuses a message of 2 MB, and takes the next one (KQ5)',
      async () => {
        await newTopic(1);
        await expect(queue.send(topic, [message('one', 'x'.repeat(2 * 1024 * 1024))])).rejects.toBeInstanceOf(MessageRefused);
        await sendAll(['small']);
        expect(values(await queue.read(topic, 0, 0n, 10))).toEqual(['small']);
      },
      TEST_MAX_MS,
    );

    it(
      'takes nothing more when it is closed',
      async () => {
        await newTopic();
        await under.closing.close();
        await expect(under.closing.send(topic, [message('one', 'late')])).rejects.toBeInstanceOf(QueueUnavailable);
      },
      TEST_MAX_MS,
    );
  });
};
