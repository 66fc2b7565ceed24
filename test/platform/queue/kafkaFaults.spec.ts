import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { kafkaQueue } from '../../../src/platform/queue/kafkaQueue.ts';
import { type Queue, QueueUnavailable } from '../../../src/platform/queue/queue.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../../support/kafka.ts';
import { until } from '../../support/processes.ts';
import { silentLog } from '../../support/silentLog.ts';
import { message } from './contract.ts';
import { collected, expectAll, sendersOf, sleep } from './kafkaTraffic.ts';

const TEST_MAX_MS = 120_000;
const DOWN_MS = 15_000;
const FROZEN_MS = 10_000;

describe('a Kafka broker that fails', () => {
  let kafka: TestKafka;
  let queue: Queue;
  beforeAll(async () => {
    kafka = await testKafka();
    queue = kafkaQueue({ brokers: kafka.brokers, clientId: 'test', log: silentLog });
  });
  afterAll(async () => {
    await queue.close();
    await kafka.end();
  }, TEST_MAX_MS);

  it(
    'is not there at the start: sends are refused, and a member that joined begins when it comes',
    async () => {
      const { join, received, died } = collected(queue, 'early');
      const member = await join();
      await expect(queue.send('early', [message('ann', 'lost')])).rejects.toBeInstanceOf(QueueUnavailable);
      await expect(queue.lag('readers', 'early')).rejects.toBeInstanceOf(QueueUnavailable);
      await kafka.start();
      await queue.createTopics([{ topic: 'early', partitions: 3 }]);
      await until(
        () =>
          queue.send('early', [message('ann', 'kept')]).then(
            () => true,
            () => false,
          ),
        20_000,
      );
      await until(() => received.length > 0, 30_000);
      expect(received.map(({ value }) => value)).not.toContain('lost');
      expect(died).toEqual([]);
      await member.stop();
    },
    KAFKA_START_MAX_MS,
  );

  /** Senders and a member at work, then the fault, then both go on by themselves. */
  const surviving = async (topic: string, fault: () => Promise<void>): Promise<Readonly<{ unavailable: number }>> => {
    await queue.createTopics([{ topic, partitions: 3 }]);
    const { join, received, died } = collected(queue, topic);
    const member = await join();
    const senders = sendersOf(queue, topic);
    await until(() => senders.count() > 100 && received.length > 0, 20_000);
    await fault();
    const before = senders.count();
    await until(() => senders.count() > before + 100, 30_000);
    const accepted = await senders.stop();
    await expectAll(received, accepted);
    expect(died).toEqual([]);
    await member.stop();
    return { unavailable: senders.unavailable() };
  };

  it(
    'is stopped for 15 s: nothing acknowledged is lost, the order of each key stays',
    async () => {
      const { unavailable } = await surviving('stopped', async () => {
        await kafka.stop();
        await sleep(DOWN_MS);
        await kafka.start();
      });
      expect(unavailable).toBeGreaterThan(0);
    },
    TEST_MAX_MS,
  );

  it(
    'is killed: nothing acknowledged is lost, the order of each key stays',
    async () => {
      await surviving('killed', async () => {
        await kafka.kill();
        await kafka.start();
      });
    },
    TEST_MAX_MS,
  );

  it(
    'is frozen for 10 s: sends are refused meanwhile, nothing acknowledged is lost, the order of each key stays',
    async () => {
      const { unavailable } = await surviving('frozen', async () => {
        kafka.freeze();
        await sleep(FROZEN_MS);
        kafka.thaw();
      });
      expect(unavailable).toBeGreaterThan(0);
    },
    TEST_MAX_MS,
  );
});
