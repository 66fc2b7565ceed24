import { afterAll, beforeAll } from '@jest/globals';
import { kafkaQueue } from '../../../src/platform/queue/kafkaQueue.ts';
import { KAFKA_START_MAX_MS, type TestKafka, testKafka } from '../../support/kafka.ts';
import { until } from '../../support/processes.ts';
import { silentLog } from '../../support/silentLog.ts';
import { message, queueContract } from './contract.ts';

let kafka: TestKafka;
beforeAll(async () => {
  // Nobody kills this broker: on a busy machine it must not lose its place by a pause of 1.5 s.
  kafka = await testKafka(['broker.session.timeout.ms=9000']);
  await kafka.start();
  // The first message ever makes the broker set up what later ones find.
  const queue = kafkaQueue({ brokers: kafka.brokers, clientId: 'test', log: silentLog });
  await queue.createTopics([{ topic: 'first', partitions: 1 }]);
  await until(
    () =>
      queue.send('first', [message('one', '')]).then(
        () => true,
        () => false,
      ),
    KAFKA_START_MAX_MS,
  );
  await queue.close();
}, KAFKA_START_MAX_MS);
afterAll(() => kafka.end(), KAFKA_START_MAX_MS);

queueContract('Kafka', async () => {
  const connection = () => kafkaQueue({ brokers: kafka.brokers, clientId: 'test', log: silentLog });
  const [queue, other, closing] = [connection(), connection(), connection()];
  const close = async () => {
    await Promise.all([queue.close(), other.close(), closing.close()]);
  };
  return { queue, other, closing, close };
});
