import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AssignerProtocol, Kafka, logLevel, type PartitionAssigner } from 'kafkajs';
import { kafkaQueue } from '../../../src/platform/queue/kafkaQueue.ts';
import { MessageRefused, type Queue } from '../../../src/platform/queue/queue.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../../support/kafka.ts';
import { type LossyProxy, lossyProxy } from '../../support/lossyProxy.ts';
import { until } from '../../support/processes.ts';
import { silentLog } from '../../support/silentLog.ts';
import { message } from './contract.ts';
import { collected, expectAll, sendersOf, sleep } from './kafkaTraffic.ts';

const TEST_MAX_MS = 90_000;
const SWALLOWED_MS = 2_500;

describe('Kafka, its acknowledgements and its groups', () => {
  let kafka: TestKafka;
  let proxy: LossyProxy;
  let queue: Queue;
  let other: Queue;
  beforeAll(async () => {
    proxy = await lossyProxy(() => kafka.port);
    kafka = await testKafka([`advertised.listeners=PLAINTEXT://127.0.0.1:${proxy.port}`]);
    await kafka.start();
    const brokers = [`127.0.0.1:${proxy.port}`];
    const connection = () => kafkaQueue({ brokers, clientId: 'test', log: silentLog, watchTimes: { lookEveryMs: 200, looksMax: 5 } });
    [queue, other] = [connection(), connection()];
  }, KAFKA_START_MAX_MS);
  afterAll(async () => {
    await Promise.all([queue.close(), other.close()]);
    await proxy.close();
    await kafka.end();
  }, TEST_MAX_MS);

  it(
    'keeps each message once when acknowledgements are lost and the same batch is sent again',
    async () => {
      await queue.createTopics([{ topic: 'acks', partitions: 3 }]);
      const senders = sendersOf(queue, 'acks');
      await until(() => senders.count() > 50);
      for (let round = 0; round < 2; round += 1) {
        proxy.swallowAnswers();
        await sleep(SWALLOWED_MS);
        proxy.cut();
        const before = senders.count();
        await until(() => senders.count() > before + 50, 30_000);
      }
      const accepted = await senders.stop();
      const { join, received, died } = collected(queue, 'acks');
      const member = await join();
      const doubles = await expectAll(received, accepted);
      // A sender that was told nothing within its time sends once more; nobody else may.
      expect(doubles).toBeLessThanOrEqual(senders.unavailable());
      expect(died).toEqual([]);
      await member.stop();
    },
    TEST_MAX_MS,
  );

  it(
    'loses nothing while members join and leave in the middle of their batches (KQ2)',
    async () => {
      await queue.createTopics([{ topic: 'rebalanced', partitions: 3 }]);
      const slowly = () => sleep(20);
      const { join, received, died } = collected(queue, 'rebalanced', slowly);
      let guests = 0;
      const asGuest = async () => {
        await slowly();
        guests += 1;
      };
      const others = collected(other, 'rebalanced', asGuest, received);
      const senders = sendersOf(queue, 'rebalanced');
      const member = await join();
      await until(() => received.length > 0, 20_000);
      for (let round = 0; round < 4; round += 1) {
        const before = guests;
        const guest = await others.join();
        await until(() => guests > before, 30_000);
        await guest.stop();
      }
      const accepted = await senders.stop();
      await expectAll(received, accepted);
      expect([...died, ...others.died]).toEqual([]);
      await member.stop();
    },
    TEST_MAX_MS,
  );

  it(
    'tells that a member is dead when kafkajs will not restart it (KQ4)',
    async () => {
      await queue.createTopics([{ topic: 'crashed', partitions: 1 }]);
      // A group has one protocol: who comes with another one is refused for good.
      const foreign: PartitionAssigner = () => ({
        name: 'foreign',
        version: 1,
        assign: async ({ members }) =>
          members.map(({ memberId }) => ({
            memberId,
            memberAssignment: AssignerProtocol.MemberAssignment.encode({
              version: 1,
              assignment: { crashed: [0] },
              userData: Buffer.alloc(0),
            }),
          })),
        protocol: ({ topics }) => ({
          name: 'foreign',
          metadata: AssignerProtocol.MemberMetadata.encode({ version: 1, topics, userData: Buffer.alloc(0) }),
        }),
      });
      const client = new Kafka({ brokers: [`127.0.0.1:${proxy.port}`], logLevel: logLevel.NOTHING });
      const first = client.consumer({ groupId: 'readers', partitionAssigners: [foreign] });
      await first.connect();
      await first.subscribe({ topic: 'crashed' });
      await first.run({ eachMessage: async () => undefined });
      const { join, died } = collected(queue, 'crashed');
      const member = await join();
      const [error] = await until(() => died.length > 0 && died, 30_000);
      expect(error?.message).toMatch(/protocol/i);
      await member.stop();
      await first.disconnect();
    },
    TEST_MAX_MS,
  );

  it(
    'tells that a member is dead when messages are there and it makes no progress, and only then (KQ4)',
    async () => {
      await queue.createTopics([{ topic: 'stalled', partitions: 1 }]);
      let hang = Promise.resolve();
      const { join, received, died } = collected(queue, 'stalled', () => hang);
      const member = await join();
      await queue.send('stalled', [message('ann', '0')]);
      await until(() => received.length === 1, 20_000);
      await sleep(3_000);
      expect(died).toEqual([]);
      let release = (): void => undefined;
      hang = new Promise((resolve) => {
        release = resolve;
      });
      await queue.send('stalled', [message('ann', '1')]);
      const [error] = await until(() => died.length > 0 && died, 30_000);
      expect(error?.message).toContain('no progress in partition 0 of stalled');
      const begun = performance.now();
      await member.stop();
      expect(performance.now() - begun).toBeLessThan(8_000);
      release();
    },
    TEST_MAX_MS,
  );

  it(
    'refuses the one message that a topic does not take, not those that went with it',
    async () => {
      const client = new Kafka({ brokers: [`127.0.0.1:${proxy.port}`], logLevel: logLevel.NOTHING });
      const admin = client.admin();
      await admin.connect();
      const configEntries = [{ name: 'max.message.bytes', value: '2000' }];
      await admin.createTopics({ topics: [{ topic: 'narrow', numPartitions: 1, configEntries }], waitForLeaders: false });
      await admin.disconnect();
      await until(
        () =>
          queue.send('narrow', [message('first', '')]).then(
            () => true,
            () => false,
          ),
        20_000,
      );
      const sizes = [10, 20, 5_000, 30, 40];
      const sent = await Promise.allSettled(sizes.map((size) => queue.send('narrow', [message('one', 'x'.repeat(size))])));
      expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
      expect(sent[2]?.status === 'rejected' && sent[2].reason).toBeInstanceOf(MessageRefused);
      const kept = await queue.read('narrow', 0, 1n, 100);
      expect([...new Set(kept.map(({ value }) => value.length))]).toEqual([10, 20, 30, 40]);
    },
    TEST_MAX_MS,
  );
});
