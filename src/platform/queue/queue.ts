/** What is put into a topic. Messages of one key are delivered one after the other, in the order in which they were accepted. */
export type Message = Readonly<{ key: string; value: string; headers: Readonly<Record<string, string>> }>;

/** A message as it is delivered; `value` as the sender gave it, whatever that was. Offsets count in one partition, from 0. */
export type Received = Readonly<{
  topic: string;
  partition: number;
  offset: bigint;
  key: string | null;
  value: string;
  headers: Readonly<Record<string, string>>;
  /** When it was accepted, in milliseconds since 1970. */
  at: number;
}>;

/** What a message was not delivered for, and the original: what `till dlq` shows and sends again. */
export type Poison = Readonly<{ message: Received; reason: string; detail: string }>;

/** The queue does not answer, or not in time: the message may stand or not; sending it again is harmless to those who deduplicate. */
export class QueueUnavailable extends Error {
  override name = 'QueueUnavailable';
}
/** No queue will ever take this message. */
export class MessageRefused extends Error {
  override name = 'MessageRefused';
}

/** How a group stands in one partition: `committed` is the offset it would go on at, `end` the one that the next message gets. */
export type PartitionLag = Readonly<{ partition: number; committed: bigint; end: bigint }>;

export type ConsumeOptions = Readonly<{
  group: string;
  topic: string;
  /** Messages given to `handle` at once at most. */
  batchMax: number;
  /**
   * Works through messages of one partition, in order. When it resolves, the offset behind the last of them is committed. When it
   * throws, nothing is: the same messages come again, after a pause that grows, to this or another member of the group.
   */
  handle: (messages: readonly Received[]) => Promise<void>;
  /** Told when this consumer will never go on by itself: the process is to end, and to be started again. */
  onDead: (error: Error) => void;
}>;

/** Resolves `stop` when the batch under way is done, or after 5 s. */
export type Consumer = Readonly<{ stop(): Promise<void> }>;

/**
 * A durable log of messages by topics and partitions, read by groups that remember how far they are: Kafka, or, without one, streams
 * of the event store. Every message is delivered at least once to each group; whoever handles it makes "at least" harmless.
 */
export interface Queue {
  /** Makes topics that are missing, with these many partitions. Existing ones are left as they are. @throws QueueUnavailable */
  createTopics(topics: readonly Readonly<{ topic: string; partitions: number }>[]): Promise<void>;
  /**
   * Resolves when all of them are kept for good (in Kafka: acknowledged by all in-sync replicas).
   * @throws QueueUnavailable after 5 s at most. @throws MessageRefused for one that is too large: half a megabyte is always taken.
   */
  send(topic: string, messages: readonly Message[]): Promise<void>;
  /**
   * Joins the group; its members share the partitions. A new group begins at the oldest message. Kafka's adapter resolves at once and
   * joins in the background, however long the brokers are away. @throws QueueUnavailable
   */
  consume(options: ConsumeOptions): Promise<Consumer>;
  /** @throws QueueUnavailable */
  lag(group: string, topic: string): Promise<readonly PartitionLag[]>;
  /** Up to `max` messages of a partition from this offset on, without any group. @throws QueueUnavailable */
  read(topic: string, partition: number, from: bigint, max: number): Promise<readonly Received[]>;
  close(): Promise<void>;
}
