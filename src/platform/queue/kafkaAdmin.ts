import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import { dropClient, within } from './kafkaClient.ts';
import { type PartitionLag, QueueUnavailable } from './queue.ts';

/** Every question is answered or given up after these milliseconds. */
const ANSWER_MS = 5_000;
const CREATE_MS = 10_000;
/** A broker that has just started, or was stopped for a moment, knows neither its leaders nor the topic it has just made: asked again. */
const AGAIN_MS = 200;

/** The offsets that a partition has: `low` is the oldest one kept, `end` the one that the next message gets. */
export type Bounds = Readonly<{ partition: number; low: bigint; end: bigint }>;

/** Questions about topics and groups. Connects when first asked; after a failure the next question connects anew. */
export class KafkaAdmin {
  private readonly kafka: Kafka;
  private connecting: Promise<Admin> | null = null;
  private closed: boolean = false;

  constructor(kafka: Kafka) {
    this.kafka = kafka;
  }

  async createTopics(topics: readonly Readonly<{ topic: string; partitions: number }>[]): Promise<void> {
    const wished = topics.map(({ topic, partitions }) => ({ topic, numPartitions: partitions }));
    // False says that they exist.
    await this.askUntil(CREATE_MS, 'create topics', (admin) => admin.createTopics({ topics: wished, waitForLeaders: true }));
  }

  /** @throws QueueUnavailable also when there is no such topic. */
  bounds(topic: string): Promise<readonly Bounds[]> {
    return this.ask(`offsets of ${topic}`, async (admin) => {
      const offsets = await admin.fetchTopicOffsets(topic);
      return offsets
        .map(({ partition, low, high }) => ({ partition, low: BigInt(low), end: BigInt(high) }))
        .sort((a, b) => a.partition - b.partition);
    });
  }

  async lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    const [bounds, committed] = await Promise.all([
      this.bounds(topic),
      this.ask(`offsets of ${group}`, async (admin) => {
        const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
        return new Map(offsets?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
      }),
    ]);
    return bounds.map(({ partition, low, end }) => {
      const offset = committed.get(partition) ?? -1n;
      // Negative: none yet, or reset. Below the oldest one kept, the group goes on at that.
      return { partition, committed: offset < low ? low : offset, end };
    });
  }

  close(): void {
    this.closed = true;
    this.drop(this.connecting);
  }

  private ask<T>(what: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    return this.askUntil(ANSWER_MS, what, question);
  }

  private async askUntil<T>(ms: number, what: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    const until = performance.now() + ms;
    for (;;) {
      if (this.closed) throw new QueueUnavailable(`${what}: the queue is closed`);
      const connecting = this.connect();
      try {
        return await within(Math.max(until - performance.now(), 1), what, connecting.then(question));
      } catch (error) {
        this.drop(connecting);
        if (error instanceof QueueUnavailable) throw error;
        if (performance.now() + AGAIN_MS > until)
          throw new QueueUnavailable(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
        await sleep(AGAIN_MS);
      }
    }
  }

  private connect(): Promise<Admin> {
    this.connecting ??= (async () => {
      const admin = this.kafka.admin();
      await admin.connect();
      return admin;
    })();
    return this.connecting;
  }

  private drop(connecting: Promise<Admin> | null): void {
    if (this.connecting === connecting) this.connecting = null;
    connecting?.then(dropClient, () => undefined);
  }
}
