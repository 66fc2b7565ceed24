import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Kafka, logLevel } from 'kafkajs';
import { COUPON_REQUESTS, WORKERS } from '../../../src/commands/queue/couponTopics.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { kafkaQueue } from '../../../src/platform/queue/kafkaQueue.ts';
import type { Queue } from '../../../src/platform/queue/queue.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../../support/kafka.ts';
import { silentLog } from '../../support/silentLog.ts';
import { QueueWorld, workerOver } from './workerInMemory.ts';

/** Milliseconds for a group to form and to work through the topic, on a machine that does much else. */
const DRAIN_MAX_MS = 60_000;
jest.setTimeout(KAFKA_START_MAX_MS + 120_000);

describe('the coupon worker over Kafka', () => {
  let kafka: TestKafka;
  let world: QueueWorld;
  const queues: Queue[] = [];
  const stops: (() => Promise<void>)[] = [];

  const connect = (clientId: string): Queue => {
    const queue = kafkaQueue({ brokers: kafka.brokers, clientId, log: silentLog });
    queues.push(queue);
    return queue;
  };
  const start = (clientId: string) => {
    const made = workerOver(connect(clientId), createMemoryEventStore({ log: world.log }));
    made.worker.start();
    const stop = (): Promise<void> => made.worker.stop();
    stops.push(stop);
    return { ...made, stop };
  };
  const drained = (): Promise<void> => world.drained(WORKERS, DRAIN_MAX_MS);

  beforeAll(async () => {
    kafka = await testKafka();
    await kafka.start();
    world = new QueueWorld(undefined, connect('callers'));
  }, KAFKA_START_MAX_MS);
  afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())));
  afterAll(async () => {
    await Promise.all(queues.map((queue) => queue.close()));
    await kafka.end();
  });

  it('hands what it cannot read to the dead letters, and decides what stands before and behind (KQ5)', async () => {
    const policyId = await world.policy({ count: 10 });
    await world.request(policyId, 'ann', 'tx-a');
    await world.put(policyId, 'junk');
    await world.put(policyId, '{"userId":"eve"}');
    await world.request(policyId, 'bob', 'tx-b');
    const { counted } = start('worker-1');
    await drained();
    expect(counted).toEqual({ issued: 2, refused: 0, repeated: 0, deadLetters: 2 });
    expect((await world.outcomes(policyId)).map(({ userId }) => userId)).toEqual(['ann', 'bob']);
    expect((await world.deadLetters()).map(({ reason }) => reason)).toEqual(['unreadable', 'malformed']);
  });

  it('finds every outcome recorded when the group is set back to the earliest offset of a full topic (KQ1)', async () => {
    const policyId = await world.policy({ count: 50 });
    const requests = Array.from({ length: 120 }, (_, n) => world.request(policyId, `u${n % 80}`, `tx-${n}`));
    await Promise.all(requests);
    const first = start('worker-2');
    await drained();
    await first.stop();
    const outcomes = await world.outcomes(policyId);
    expect([outcomes.length, outcomes.filter(({ outcome }) => outcome === 'issued').length]).toEqual([120, 50]);

    const admin = new Kafka({ brokers: [...kafka.brokers], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    await admin.resetOffsets({ groupId: WORKERS, topic: COUPON_REQUESTS, earliest: true });
    await admin.disconnect();
    const second = start('worker-3');
    await drained();
    // The two of the test before as well; its poison is parked a second time, which replaying makes harmless.
    expect(second.counted).toEqual({ issued: 0, refused: 0, repeated: 122, deadLetters: 2 });
    expect(await world.outcomes(policyId)).toEqual(outcomes);
  });
});
