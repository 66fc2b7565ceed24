import { beforeEach, describe, expect, it } from '@jest/globals';
import type { EventStore } from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../../src/platform/eventStore/memoryLog.ts';
import { createStoreQueue } from '../../../src/platform/queue/storeQueue.ts';
import { keptMessage } from '../../../src/platform/queue/storeStreams.ts';
import { StoreWatch } from '../../../src/platform/queue/storeWatch.ts';
import { until } from '../../support/processes.ts';
import { message } from './contract.ts';

let log: MemoryLog;
beforeEach(() => {
  log = new MemoryLog();
});
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => String(n));

describe('waiting for messages', () => {
  it('tells of each that any process keeps, by its stream, until it is stopped', async () => {
    const store = createMemoryEventStore({ log });
    const told: string[] = [];
    const watch = new StoreWatch({ store: createMemoryEventStore({ log }), warn: () => undefined }, (stream) => told.push(stream));
    const streams = numbers(5).map((n) => `queue-t-${n}`);
    await new Promise(setImmediate);
    for (const stream of streams) await store.append(stream, [keptMessage(message('k', 'v'))], -1n);
    await until(() => told.length >= streams.length);
    await watch.stop();
    await store.append('queue-t-late', [keptMessage(message('k', 'v'))], -1n);
    expect(told).toEqual(streams);
  });

  it('costs no reading while nothing comes, and what comes from another process is handled', async () => {
    const store = createMemoryEventStore({ log });
    let reads = 0;
    const readStream: typeof store.readStream = (...asked) => {
      reads += 1;
      return store.readStream(...asked);
    };
    const queue = createStoreQueue(Object.assign(Object.create(store), { readStream }) as EventStore);
    const other = createStoreQueue(createMemoryEventStore({ log }));
    await queue.createTopics([{ topic: 't', partitions: 3 }]);
    const seen: string[] = [];
    const handle = async (messages: readonly { value: string }[]) => void seen.push(...messages.map(({ value }) => value));
    const onDead = (error: Error): void => {
      throw error;
    };
    await queue.consume({ group: 'g', topic: 't', batchMax: 10, handle, onDead });
    await new Promise((resolve) => setTimeout(resolve, 200));
    reads = 0;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    // A look in two seconds, at each of three partitions: as many readings in one second were sixty.
    expect(reads).toBeLessThanOrEqual(12);
    for (const value of numbers(20)) {
      await other.send('t', [message(value, value)]);
      await until(() => seen.includes(value));
    }
    await queue.close();
    expect(seen).toEqual(numbers(20));
  });
});
