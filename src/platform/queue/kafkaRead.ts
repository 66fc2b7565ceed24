import { randomUUID } from 'node:crypto';
import type { Kafka, Consumer as KafkaConsumer } from 'kafkajs';
import type { KafkaAdmin } from './kafkaAdmin.ts';
import { dropClient, receivedFrom, within } from './kafkaClient.ts';
import { QueueUnavailable, type Received } from './queue.ts';

/** A broker lets a new group wait for more members first, 3 s by default. */
const READ_MS = 15_000;
const FETCH_WAIT_MS = 100;

type Wish = Readonly<{ topic: string; partition: number; from: bigint; max: number }>;

/** Reads with a group of its own that commits nothing, and of which the broker keeps nothing. */
const readBy = async (
  consumer: KafkaConsumer,
  { topic, partition, from, max }: Wish,
  end: bigint,
  others: readonly number[],
): Promise<readonly Received[]> => {
  const found: Received[] = [];
  let next = from;
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((done, failed) => {
    consumer.on(consumer.events.CRASH, ({ payload }) => failed(payload.error));
    consumer.on(consumer.events.GROUP_JOIN, () => {
      consumer.pause([{ topic, partitions: [...others] }]);
      consumer.seek({ topic, partition, offset: String(from) });
    });
    const run = consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        if (batch.partition !== partition) return;
        for (const message of batch.messages) {
          const received = receivedFrom(topic, partition, message);
          if (received.offset < next || found.length >= max) continue;
          found.push(received);
          next = received.offset + 1n;
        }
        // The offsets of a partition may have gaps, so the last of them need not be that of a message.
        if (found.length >= max || BigInt(batch.lastOffset()) + 1n >= end) done();
      },
    });
    run.catch(failed);
  });
  return found;
};

/** Up to `max` messages from the offset `from` on, or from the oldest one kept. @throws QueueUnavailable */
export const readPartition = async (kafka: Kafka, admin: KafkaAdmin, wish: Wish): Promise<readonly Received[]> => {
  const { topic, partition, max } = wish;
  const all = await admin.bounds(topic);
  const bounds = all.find((one) => one.partition === partition);
  if (bounds === undefined) throw new QueueUnavailable(`${topic} has no partition ${partition}`);
  const from = wish.from < bounds.low ? bounds.low : wish.from;
  if (from >= bounds.end || max <= 0) return [];
  const others = all.flatMap((one) => (one.partition === partition ? [] : [one.partition]));
  const consumer = kafka.consumer({ groupId: `till-read-${randomUUID()}`, maxWaitTimeInMs: FETCH_WAIT_MS, allowAutoTopicCreation: false });
  try {
    return await within(READ_MS, `reading ${topic}`, readBy(consumer, { ...wish, from }, bounds.end, others));
  } catch (error) {
    if (error instanceof QueueUnavailable) throw error;
    throw new QueueUnavailable(`reading ${topic}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  } finally {
    dropClient(consumer);
  }
};
