import type { Kafka } from 'kafkajs';
import type { Logger } from '../log.ts';
import { KafkaAdmin } from './kafkaAdmin.ts';
import { kafkaClient } from './kafkaClient.ts';
import { KafkaLane } from './kafkaLane.ts';
import { KafkaMember } from './kafkaMember.ts';
import { readPartition } from './kafkaRead.ts';
import { WATCH_TIMES, type WatchTimes, watch } from './kafkaWatch.ts';
import {
  type ConsumeOptions,
  type Consumer,
  type Message,
  type PartitionLag,
  type Queue,
  QueueUnavailable,
  type Received,
} from './queue.ts';

export type KafkaQueueOptions = Readonly<{
  /** As `host:port`. */
  brokers: readonly string[];
  /** How the brokers call this process in their logs. */
  clientId: string;
  log: Logger;
  watchTimes?: WatchTimes;
}>;

/** The queue in Kafka. Nothing is connected before it is needed, so that a dead broker keeps no process from starting. */
class KafkaQueue implements Queue {
  private readonly kafka: Kafka;
  private readonly log: Logger;
  private readonly admin: KafkaAdmin;
  private readonly watchTimes: WatchTimes;
  private readonly lanes = new Map<string, KafkaLane>();
  private readonly members = new Set<KafkaMember>();
  private closed: boolean = false;

  constructor({ brokers, clientId, log, watchTimes }: KafkaQueueOptions) {
    this.kafka = kafkaClient(brokers, clientId, log);
    this.log = log;
    this.admin = new KafkaAdmin(this.kafka);
    this.watchTimes = watchTimes ?? WATCH_TIMES;
  }

  createTopics(topics: readonly Readonly<{ topic: string; partitions: number }>[]): Promise<void> {
    return this.admin.createTopics(topics);
  }

  async send(topic: string, messages: readonly Message[]): Promise<void> {
    if (this.closed) throw new QueueUnavailable('the queue is closed');
    const lane = this.lanes.get(topic) ?? new KafkaLane(this.kafka, topic, this.log);
    this.lanes.set(topic, lane);
    await lane.send(messages);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    if (this.closed) throw new QueueUnavailable('the queue is closed');
    const member = new KafkaMember(this.kafka, options, this.log);
    this.members.add(member);
    void watch(member, this.admin, member.stopped, this.watchTimes);
    const stop = async (): Promise<void> => {
      await member.stop();
      this.members.delete(member);
    };
    return { stop };
  }

  lag(group: string, topic: string): Promise<readonly PartitionLag[]> {
    return this.admin.lag(group, topic);
  }

  read(topic: string, partition: number, from: bigint, max: number): Promise<readonly Received[]> {
    return readPartition(this.kafka, this.admin, { topic, partition, from, max });
  }

  /** Members finish the batch under way, senders have their answer: 5 s at most. */
  async close(): Promise<void> {
    this.closed = true;
    const members = [...this.members].map((member) => member.stop());
    await Promise.all([...members, ...[...this.lanes.values()].map((lane) => lane.close())]);
    this.admin.close();
  }
}

/**
 * What callers of the port have to know of this adapter: `consume` resolves at once and joins in the background, however long that
 * takes; `send` to a topic that is missing is `QueueUnavailable` after 5 s; a message may have 1,000,000 bytes.
 */
export const kafkaQueue = (options: KafkaQueueOptions): Queue => new KafkaQueue(options);
