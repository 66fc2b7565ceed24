import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import type { FaultPlan } from '../../../src/platform/eventStore/memoryFaults.ts';
import { MemoryLog } from '../../../src/platform/eventStore/memoryLog.ts';
import { type Consumer, type Queue, QueueUnavailable, type Received } from '../../../src/platform/queue/queue.ts';
import { createStoreQueue } from '../../../src/platform/queue/storeQueue.ts';
import { lastRevision, offsetStream, partitionStream } from '../../../src/platform/queue/storeStreams.ts';
import { atOnce } from '../../support/client.ts';
import { until } from '../../support/processes.ts';
import { message } from './contract.ts';

let log: MemoryLog;
const members: Consumer[] = [];
beforeEach(() => {
  log = new MemoryLog();
});
afterEach(() => Promise.all(members.splice(0).map((member) => member.stop())));

/** A process of its own over the one log. */
const queueWith = (faults?: FaultPlan, monotonic?: () => number): Queue =>
  createStoreQueue(createMemoryEventStore({ log, ...(faults && { faults }) }), monotonic ? { monotonic } : {});
const onDead = (error: Error): void => {
  throw error;
};
const join = async (queue: Queue, handle: (messages: readonly Received[]) => Promise<void> = async () => undefined) => {
  const seen: string[] = [];
  const take = async (messages: readonly Received[]): Promise<void> => {
    await handle(messages);
    seen.push(...messages.map(({ value }) => value));
  };
  const member = await queue.consume({ group: 'g', topic: 't', batchMax: 10, handle: take, onDead });
  members.push(member);
  return { seen, member };
};
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));
const valuesIn = async (queue: Queue): Promise<string[]> => (await queue.read('t', 0, 0n, 10_000)).map(({ value }) => value);

describe('sending', () => {
  it('keeps each message once when answers are lost, whether it had landed or not (KQ3)', async () => {
    await queueWith().createTopics([{ topic: 't', partitions: 1 }]);
    let n = 0;
    const queue = queueWith(() => {
      n += 1;
      return n % 3 === 0 ? { kind: 'answer-lost' } : n % 3 === 1 ? { kind: 'never-landed' } : { kind: 'none' };
    });
    for (const value of numbers(12)) await queue.send('t', [message('k', value)]);
    expect(await valuesIn(queue)).toEqual(numbers(12));
  });

  it('keeps each message once, and the order of each sender, when several processes send with lost answers', async () => {
    await queueWith().createTopics([{ topic: 't', partitions: 1 }]);
    const lossy: FaultPlan = ({ number }) => (number % 4 === 2 ? { kind: 'answer-lost' } : { kind: 'none' });
    const queues = [queueWith(lossy), queueWith(lossy), queueWith()];
    await atOnce(3, async (sender) => {
      for (const value of numbers(25)) await queues[sender]?.send('t', [message('k', `${sender}/${value}`)]);
    });
    const kept = await valuesIn(queueWith());
    expect(kept).toHaveLength(75);
    for (const sender of [0, 1, 2]) {
      expect(kept.filter((value) => value.startsWith(`${sender}/`))).toEqual(numbers(25).map((value) => `${sender}/${value}`));
    }
  });

  it('says within 5 s that the queue is away, and takes the next message when it is back (R46)', async () => {
    await queueWith().createTopics([{ topic: 't', partitions: 1 }]);
    let away: boolean = true;
    const queue = queueWith(() => (away ? { kind: 'never-landed' } : { kind: 'none' }));
    const begun = performance.now();
    await expect(queue.send('t', [message('k', 'lost')])).rejects.toBeInstanceOf(QueueUnavailable);
    expect(performance.now() - begun).toBeLessThan(15_000);
    away = false;
    await queue.send('t', [message('k', 'kept')]);
    expect(await valuesIn(queue)).toEqual(['kept']);
  }, 90_000);

  it('to a topic that nobody has made is told at once', async () => {
    await expect(queueWith().send('nowhere', [message('k', 'v')])).rejects.toBeInstanceOf(QueueUnavailable);
  });
});

describe('a partition', () => {
  it('is taken over from a member that lets messages lie for ten seconds; what that still commits counts for nothing', async () => {
    let now = 0;
    const monotonic = () => now;
    const [stalls, takes] = [queueWith(undefined, monotonic), queueWith(undefined, monotonic)];
    await stalls.createTopics([{ topic: 't', partitions: 1 }]);
    let release: () => void = () => undefined;
    const stalled = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begun = false;
    const first = await join(stalls, () => {
      begun = true;
      return stalled;
    });
    await stalls.send(
      't',
      numbers(5).map((value) => message('k', value)),
    );
    await until(() => begun);
    const second = await join(takes);
    await new Promise((wake) => setTimeout(wake, 300));
    expect(second.seen).toEqual([]);
    now = 60_000;
    await until(() => second.seen.length === 5);
    await takes.send('t', [message('k', 'more')]);
    await until(() => second.seen.length === 6);
    release();
    await until(() => first.seen.length === 5);
    await new Promise((wake) => setTimeout(wake, 300));
    expect(await takes.lag('g', 't')).toEqual([{ partition: 0, committed: 6n, end: 6n }]);
    expect(first.seen).toEqual(numbers(5));
  });

  it('in which nothing happens gets nothing written about it', async () => {
    const queue = queueWith();
    await queue.createTopics([{ topic: 't', partitions: 3 }]);
    await join(queue);
    await join(queueWith());
    const before = log.length;
    await new Promise((wake) => setTimeout(wake, 600));
    expect(log.length).toBe(before);
  });

  it('goes on behind the committed offset, whatever has become of the answers to commits', async () => {
    const queue = queueWith();
    await queue.createTopics([{ topic: 't', partitions: 1 }]);
    for (const value of numbers(100)) await queue.send('t', [message('k', value)]);
    const lossy = queueWith(({ stream, number }) =>
      stream === offsetStream('g', 't', 0) && number % 2 ? { kind: 'answer-lost' } : { kind: 'none' },
    );
    const { seen } = await join(lossy);
    await until(async () => (await queue.lag('g', 't'))[0]?.committed === 100n);
    expect(seen).toEqual(numbers(100));
  });

  it('is found at its end in a few reads, however long it is', async () => {
    const store = createMemoryEventStore({ log });
    const queue = createStoreQueue(store);
    await queue.createTopics([{ topic: 't', partitions: 1 }]);
    for (const length of [1, 2, 3, 5, 8, 500, 1_000, 2_047]) {
      const now = await queue.read('t', 0, 0n, 5_000);
      await queue.send(
        't',
        numbers(length - now.length).map((value) => message('k', value)),
      );
      let reads = 0;
      const readStream: typeof store.readStream = (...asked) => {
        reads += 1;
        return store.readStream(...asked);
      };
      const counting = { ...store, readStream };
      expect(await lastRevision(counting as unknown as typeof store, partitionStream('t', 0))).toBe(BigInt(length - 1));
      expect(reads).toBeLessThan(30);
    }
  });
});
