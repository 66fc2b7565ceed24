import { hash } from 'node:crypto';
import { type EventStore, NO_STREAM, type Revision, WrongRevision } from '../eventStore/eventStore.ts';
import {
  type ConsumeOptions,
  type Consumer,
  type Message,
  type PartitionLag,
  type Queue,
  QueueUnavailable,
  type Received,
} from './queue.ts';
import { PartitionConsumer } from './storeConsumer.ts';
import { GroupOffset, type Truncate } from './storeOffsets.ts';
import {
  lastRevision,
  offsetStream,
  partitionStream,
  queueEvent,
  receivedFrom,
  TOPIC_MADE,
  topicStream,
  unavailable,
} from './storeStreams.ts';
import { StoreWatch } from './storeWatch.ts';
import { PartitionWriter } from './storeWriter.ts';

export type StoreQueueOptions = Readonly<{
  truncate?: Truncate;
  monotonic?: () => number;
  /** Told of what failed and is tried again. */
  warn?: (error: unknown, what: string) => void;
}>;

const PARTITIONS_MAX = 100;

/**
 * The queue in the event store, for shops without Kafka. A partition is a stream, an offset the revision of an event in it, and
 * what a group has committed is a stream as well (see `storeOffsets.ts`). A message may have half a megabyte as JSON, which is what an append takes.
 */
class StoreQueue implements Queue {
  private readonly store: EventStore;
  private readonly options: Required<StoreQueueOptions>;
  /** How many partitions a topic has; asked once, by however many at a time. */
  private readonly partitionCounts = new Map<string, Promise<number | null>>();
  private readonly writers = new Map<string, PartitionWriter>();
  private readonly consumers = new Map<PartitionConsumer, string>();
  /** Where `lag` looked last: from there on the next look is short. */
  private readonly looked = new Map<string, { readonly offset: GroupOffset; end: Revision }>();
  /** Begun by the first consumer. */
  private watch: StoreWatch | null = null;
  private isClosed: boolean = false;

  constructor(store: EventStore, { truncate, monotonic, warn }: StoreQueueOptions) {
    this.store = store;
    this.options = {
      truncate: truncate ?? (async () => undefined),
      monotonic: monotonic ?? (() => performance.now()),
      warn: warn ?? (() => undefined),
    };
  }

  async createTopics(topics: readonly Readonly<{ topic: string; partitions: number }>[]): Promise<void> {
    await this.asking('topics cannot be made', () => Promise.all(topics.map((wished) => this.createTopic(wished))));
  }

  async send(topic: string, messages: readonly Message[]): Promise<void> {
    const partitions = await this.asking(`${topic} is not known`, () => this.partitionsOf(topic));
    const kept = messages.map((message) => this.writerOf(topic, partitionOf(message.key, partitions)).send(message));
    const failed = (await Promise.allSettled(kept)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const { group, topic } = options;
    const { monotonic, warn } = this.options;
    const partitions = await this.asking(`${topic} is not known`, () => this.partitionsOf(topic));
    this.watch ??= new StoreWatch({ store: this.store, warn }, (stream) => this.wake(stream));
    const consumers = Array.from({ length: partitions }, (_, partition) => {
      const offset = this.offsetOf(group, topic, partition);
      const consumer = new PartitionConsumer({ store: this.store, monotonic, warn }, options, partition, offset);
      this.consumers.set(consumer, partitionStream(topic, partition));
      return consumer;
    });
    return { stop: () => this.stopAll(consumers) };
  }

  lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    return this.asking(`the lag of ${group} is not known`, async () => {
      const partitions = await this.partitionsOf(topic);
      return Promise.all(
        Array.from({ length: partitions }, async (_, partition) => {
          const looked = this.lookedOf(group, topic, partition);
          await looked.offset.refresh();
          looked.end = await lastRevision(this.store, partitionStream(topic, partition), looked.end);
          return { partition, committed: looked.offset.now.offset, end: looked.end + 1n };
        }),
      );
    });
  }

  read(topic: string, partition: number, from: bigint, max: number): Promise<readonly Received[]> {
    return this.asking(`${topic} cannot be read`, async () => {
      const events = await this.store.readStream(partitionStream(topic, partition), from, { maxCount: max });
      return events.map((event) => receivedFrom(topic, partition, event));
    });
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.all([this.watch?.stop(), this.stopAll([...this.consumers.keys()])]);
  }

  private async createTopic({ topic, partitions }: Readonly<{ topic: string; partitions: number }>): Promise<void> {
    if ((await this.madeTopic(topic)) !== null) return;
    try {
      await this.store.append(topicStream(topic), [queueEvent(TOPIC_MADE, { partitions })], NO_STREAM);
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error; // Somebody else has just made it.
    }
    await this.madeTopic(topic);
  }

  private async partitionsOf(topic: string): Promise<number> {
    const partitions = await this.madeTopic(topic);
    if (partitions === null) throw new QueueUnavailable(`there is no topic ${topic}`);
    return partitions;
  }

  /** `null` when there is no such topic: that is asked anew each time. */
  private async madeTopic(topic: string): Promise<number | null> {
    const asked = this.partitionCounts.get(topic) ?? this.readTopic(topic);
    this.partitionCounts.set(topic, asked);
    let known: number | null = null;
    try {
      known = await asked;
      return known;
    } finally {
      if (known === null && this.partitionCounts.get(topic) === asked) this.partitionCounts.delete(topic);
    }
  }

  private async readTopic(topic: string): Promise<number | null> {
    const [made] = await this.store.readStream(topicStream(topic), 0n, { maxCount: 1 });
    if (made === undefined) return null;
    const { partitions } = (made.data ?? {}) as Readonly<{ partitions?: unknown }>;
    if (!Number.isInteger(partitions) || Number(partitions) < 1 || Number(partitions) > PARTITIONS_MAX)
      throw new Error(`${topicStream(topic)} does not say how many partitions there are`);
    return Number(partitions);
  }

  private writerOf(topic: string, partition: number): PartitionWriter {
    const stream = partitionStream(topic, partition);
    const known = this.writers.get(stream);
    if (known) return known;
    const writer = new PartitionWriter(this.store, topic, partition, () => this.wake(stream));
    this.writers.set(stream, writer);
    return writer;
  }

  /** There may be something new in this partition. */
  private wake(stream: string): void {
    for (const [consumer, of] of this.consumers) if (of === stream) consumer.wake();
  }

  private lookedOf(group: string, topic: string, partition: number) {
    const name = offsetStream(group, topic, partition);
    const known = this.looked.get(name) ?? { offset: this.offsetOf(group, topic, partition), end: NO_STREAM };
    this.looked.set(name, known);
    return known;
  }

  private offsetOf(group: string, topic: string, partition: number): GroupOffset {
    return new GroupOffset(this.store, group, topic, partition, this.options.truncate);
  }

  private async stopAll(consumers: readonly PartitionConsumer[]): Promise<void> {
    await Promise.all(consumers.map((consumer) => consumer.stop()));
    for (const consumer of consumers) this.consumers.delete(consumer);
  }

  private async asking<T>(what: string, ask: () => Promise<T>): Promise<T> {
    if (this.isClosed) throw new QueueUnavailable('the queue is closed');
    try {
      return await ask();
    } catch (error) {
      throw unavailable(error, what);
    }
  }
}

/** Equal keys are always in one partition, whichever process sends them. */
const partitionOf = (key: string, partitions: number): number => Number.parseInt(hash('sha1', key, 'hex').slice(0, 8), 16) % partitions;

/** A queue in this event store, which is not closed with it. */
export const createStoreQueue = (store: EventStore, options: StoreQueueOptions = {}): Queue => new StoreQueue(store, options);
