import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { type Kafka, Partitioners, type Producer } from 'kafkajs';
import type { Logger } from '../log.ts';
import { dropClient, protocolErrorOf, within } from './kafkaClient.ts';
import { BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, type Parcel, pack } from './kafkaParcel.ts';
import { type Message, MessageRefused, QueueUnavailable } from './queue.ts';

/** Every `send` has its answer after these milliseconds, and so has every batch. */
const SEND_MS = 5_000;
const WAITING_MESSAGES_MAX = 20_000;
/** Between two tries to connect, each of which takes kafkajs some 6 s while nobody answers. */
const CONNECT_AGAIN_MS = 100;

/** The broker will never take such a message, whoever sends it. */
const REFUSALS = ['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD'];

/** A parcel and who waits for it; `alone` when it must not go with others, because one of them was refused. */
type Waiting = Parcel & Readonly<{ kept: () => void; failed: (error: Error) => void }> & { alone: boolean };

/**
 * The way into one topic. One batch is under way at a time, and whoever comes meanwhile goes with the next one: an idempotent
 * producer of kafkajs loses acknowledged messages when two sends are in flight, or when another batch follows one that is in doubt
 * (its sequence numbers grow only on success). So after a failure the producer goes, too. kafkajs itself sends the very same batch
 * again for some seconds; this adds an alarm for a batch of which nothing is heard at all.
 */
export class KafkaLane {
  private readonly kafka: Kafka;
  private readonly topic: string;
  private readonly log: Logger;
  private waiting = new Set<Waiting>();
  private waitingMessages = 0;
  private producer: Producer | null = null;
  private running: Promise<void> | null = null;
  private closed: boolean = false;

  constructor(kafka: Kafka, topic: string, log: Logger) {
    this.kafka = kafka;
    this.topic = topic;
    this.log = log;
  }

  async send(messages: readonly Message[]): Promise<void> {
    if (this.closed) throw new QueueUnavailable('the queue is closed');
    const parcels = pack(messages);
    if (this.waitingMessages + messages.length > WAITING_MESSAGES_MAX)
      throw new QueueUnavailable(`${this.topic}: ${this.waitingMessages} messages are waiting already`);
    const kept = parcels.map((parcel) => this.add(parcel));
    if (this.waiting.size > 0) this.running ??= this.run();
    const failed = (await Promise.allSettled(kept)).find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** Takes nothing more, and waits for what was sent before: 5 s at most. */
  async close(): Promise<void> {
    this.closed = true;
    if (this.running !== null) await within(SEND_MS, `closing ${this.topic}`, this.running).catch(() => undefined);
    if (this.producer) dropClient(this.producer);
    this.producer = null;
  }

  private add(parcel: Parcel): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error): void => {
        clearTimeout(timer);
        reject(error);
      };
      const kept = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const waiting: Waiting = { ...parcel, alone: false, kept, failed };
      const giveUp = (): void => {
        this.remove(waiting);
        reject(new QueueUnavailable(`${this.topic}: not acknowledged within ${SEND_MS} ms`));
      };
      const timer = setTimeout(giveUp, SEND_MS);
      this.enqueue(waiting);
    });
  }

  private enqueue(parcel: Waiting): void {
    this.waiting.add(parcel);
    this.waitingMessages += parcel.messages.length;
  }

  private remove(parcel: Waiting): void {
    if (this.waiting.delete(parcel)) this.waitingMessages -= parcel.messages.length;
  }

  /** Until nobody waits any more. What waits while there is no connection was not sent, and is not when its time is over. */
  private async run(): Promise<void> {
    await nextTurn(); // Those who came in the same turn go with the first batch, not with the one after it.
    while (this.waiting.size > 0) {
      const producer = this.producer ?? (await this.connect());
      if (producer === null) await sleep(CONNECT_AGAIN_MS);
      else await this.sendBatch(producer, this.take());
    }
    this.running = null;
  }

  private async connect(): Promise<Producer | null> {
    const producer = this.kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    try {
      await producer.connect();
      if (this.closed && this.waiting.size === 0) dropClient(producer);
      else this.producer = producer;
      return this.producer;
    } catch (error) {
      this.log.warn({ err: error, topic: this.topic }, 'no connection to send by');
      dropClient(producer);
      return null;
    }
  }

  private take(): readonly Waiting[] {
    const batch: Waiting[] = [];
    let [messages, bytes] = [0, 0];
    for (const parcel of this.waiting) {
      messages += parcel.messages.length;
      bytes += parcel.bytes;
      const fits = messages <= BATCH_MESSAGES_MAX && bytes <= BATCH_BYTES_MAX && !parcel.alone;
      if (batch.length > 0 && !fits) break;
      batch.push(parcel);
      if (parcel.alone) break;
    }
    for (const parcel of batch) this.remove(parcel);
    return batch;
  }

  private async sendBatch(producer: Producer, batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return;
    const messages = batch.flatMap((parcel) => parcel.messages);
    const sending = producer.sendBatch({ acks: -1, timeout: SEND_MS, topicMessages: [{ topic: this.topic, messages }] });
    try {
      await within(SEND_MS, `sending to ${this.topic}`, sending);
      for (const { kept } of batch) kept();
    } catch (error) {
      this.retire(producer, sending);
      this.tell(batch, error as Error);
    }
  }

  /** Not waited for. A send that still pends would connect again by itself, so it is disconnected once more when it has ended. */
  private retire(producer: Producer, sending: Promise<unknown>): void {
    this.producer = null;
    dropClient(producer);
    const again = (): void => dropClient(producer);
    sending.then(again, again);
  }

  private tell(batch: readonly Waiting[], error: Error): void {
    const refused = REFUSALS.includes(protocolErrorOf(error) ?? '');
    if (refused && batch.length > 1) {
      // One of them is to blame: each goes again by itself, before those who came later.
      const later = this.waiting;
      this.waiting = new Set();
      for (const parcel of batch) this.enqueue(Object.assign(parcel, { alone: true }));
      for (const parcel of later) this.waiting.add(parcel);
      return;
    }
    this.log.warn(
      { err: error, topic: this.topic, messages: batch.flatMap(({ messages }) => messages).length },
      'a batch was not acknowledged',
    );
    for (const { failed } of batch)
      failed(refused ? new MessageRefused(error.message) : new QueueUnavailable(`${this.topic}: ${error.message}`, { cause: error }));
  }
}
