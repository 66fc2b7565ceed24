import { setTimeout as sleep } from 'node:timers/promises';
import type { EachBatchPayload, Kafka, Consumer as KafkaConsumer, KafkaMessage } from 'kafkajs';
import type { Logger } from '../log.ts';
import { dropClient, pauseMs, receivedFrom } from './kafkaClient.ts';
import type { ConsumeOptions, Consumer, Received } from './queue.ts';

/** A group stands still this long for a member that was killed: the least that brokers allow (kafkajs' own default is 30 s). */
const SESSION_MS = 6_000;
const HEARTBEAT_MS = 1_000;
/** A group waits this long for a member that is busy with a batch while others join or leave. */
const REBALANCE_MS = 10_000;
/** An empty fetch is answered after this time; a member that stops waits for it. */
const FETCH_WAIT_MS = 500;
/** Partitions worked through at the same time. */
const PARTITIONS_AT_ONCE = 3;
const STOP_MS = 5_000;

/** The one member of a group that `watch` looks at. */
export type Watched = Readonly<{ options: ConsumeOptions; holds(partition: number): boolean; dies(error: Error): void }>;

const chunksOf = function* <T>(items: readonly T[], max: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += max) yield items.slice(at, at + max);
};

const next = (offset: string): string => String(BigInt(offset) + 1n);

/**
 * A member of a group. It joins in the background: a broker that is away, or a topic that is missing, is tried again for ever.
 * Once joined, kafkajs comes back by itself from a broker that went away; where it says that it will not, `onDead` is told.
 */
export class KafkaMember implements Consumer, Watched {
  readonly options: ConsumeOptions;
  private readonly kafka: Kafka;
  private readonly log: Logger;
  private readonly stopping = new AbortController();
  private readonly joining: Promise<void>;
  private consumer: KafkaConsumer | null = null;
  /** Null before the first assignment. */
  private assigned: readonly number[] | null = null;
  /** How often in a row `handle` failed, by partition. */
  private readonly failures = new Map<number, number>();
  private dead: boolean = false;

  constructor(kafka: Kafka, options: ConsumeOptions, log: Logger) {
    this.kafka = kafka;
    this.options = options;
    this.log = log.child({ group: options.group, topic: options.topic });
    this.joining = this.join();
  }

  get stopped(): AbortSignal {
    return this.stopping.signal;
  }

  holds(partition: number): boolean {
    return this.assigned === null || this.assigned.includes(partition);
  }

  dies(error: Error): void {
    if (this.dead || this.stopped.aborted) return;
    this.dead = true;
    this.options.onDead(error);
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    const left = this.joining.then(() => this.consumer?.disconnect()).catch(() => undefined);
    const enough = new AbortController();
    await Promise.race([left, sleep(STOP_MS, undefined, { signal: enough.signal }).catch(() => undefined)]);
    enough.abort();
  }

  private async join(): Promise<void> {
    for (let failures = 1; !this.stopped.aborted; failures += 1) {
      const consumer = this.kafka.consumer({
        groupId: this.options.group,
        sessionTimeout: SESSION_MS,
        heartbeatInterval: HEARTBEAT_MS,
        rebalanceTimeout: REBALANCE_MS,
        maxWaitTimeInMs: FETCH_WAIT_MS,
        allowAutoTopicCreation: false,
        retry: { restartOnFailure: async () => !this.stopped.aborted },
      });
      try {
        await this.run(consumer);
        this.consumer = consumer;
        return;
      } catch (error) {
        dropClient(consumer);
        this.log.warn({ err: error, failures }, 'could not join the group yet');
        await this.pause(pauseMs(failures));
      }
    }
  }

  private async run(consumer: KafkaConsumer): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topic: this.options.topic, fromBeginning: true });
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
      this.assigned = payload.memberAssignment[this.options.topic] ?? [];
      this.log.info({ partitions: this.assigned }, 'joined the group');
    });
    consumer.on(consumer.events.CRASH, ({ payload }) => {
      if (!payload.restart) this.dies(payload.error);
    });
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: PARTITIONS_AT_ONCE,
      eachBatch: (payload) => this.work(payload),
    });
  }

  private async work(payload: EachBatchPayload): Promise<void> {
    const { batch, isRunning, isStale } = payload;
    for (const messages of chunksOf(batch.messages, this.options.batchMax)) {
      if (!isRunning() || isStale() || this.stopped.aborted) return;
      if (!(await this.workThrough(messages, payload))) return;
    }
  }

  /** @returns false when `handle` failed: the partition then rests while the others go on. */
  private async workThrough(messages: readonly KafkaMessage[], payload: EachBatchPayload): Promise<boolean> {
    const { topic, partition } = payload.batch;
    const received = messages.map((message) => receivedFrom(topic, partition, message));
    try {
      await this.handle(received, payload.heartbeat);
    } catch (error) {
      this.rest(partition, payload.pause, error);
      return false;
    }
    this.failures.delete(partition);
    const last = messages.at(-1);
    if (last === undefined) return true;
    payload.resolveOffset(last.offset);
    // Not `consumer.commitOffsets`: that one makes a lost membership an error for good.
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: [{ partition, offset: next(last.offset) }] }] });
    // Throws when the group is rebalancing: what is not handled yet then goes to whoever gets the partition.
    await payload.heartbeat();
    return true;
  }

  private async handle(messages: readonly Received[], heartbeat: () => Promise<void>): Promise<void> {
    // A failed one is told by the commit or the heartbeat after the work; this one only keeps the membership, and not past `stop`.
    const beats = setInterval(() => void heartbeat().catch(() => undefined), HEARTBEAT_MS);
    const still = (): void => clearInterval(beats);
    this.stopped.addEventListener('abort', still, { once: true });
    try {
      await this.options.handle(messages);
    } finally {
      still();
      this.stopped.removeEventListener('abort', still);
    }
  }

  private rest(partition: number, pause: () => () => void, error: unknown): void {
    const failures = (this.failures.get(partition) ?? 0) + 1;
    this.failures.set(partition, failures);
    const ms = pauseMs(failures);
    this.log.warn({ err: error, partition, failures, againInMs: ms }, 'messages were not handled and come again');
    const resume = pause();
    void this.pause(ms).then(resume);
  }

  private pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.stopped }).catch(() => undefined);
  }
}
