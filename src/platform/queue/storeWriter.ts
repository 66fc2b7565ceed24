import { setTimeout as sleep } from 'node:timers/promises';
import {
  APPEND_BYTES_MAX,
  AppendInDoubt,
  AppendRefused,
  AppendTooLarge,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type Revision,
  StoreUnavailable,
  WrongRevision,
} from '../eventStore/eventStore.ts';
import { type Message, MessageRefused, QueueUnavailable } from './queue.ts';
import { behind, keptMessage, lastRevision, partitionStream } from './storeStreams.ts';

/** Milliseconds from `send` until it is given up, as the port promises. */
const SEND_MAX_MS = 5_000;
/** Messages in one append. */
const BATCH_MAX = 500;
/** Messages of one partition that may wait; one more is turned away at once. */
const WAITING_MAX = 20_000;
/** Milliseconds before another try while the store is away. */
const RETRY_MS = 50;
/** Milliseconds left to others after a won append, while others write to the partition, too. */
const LINGER_MS = 4;
/** Milliseconds after their last append for which others are reckoned with. */
const OTHERS_NEAR_MS = 10_000;

type Waiting = Readonly<{ event: NewEvent; bytes: number; until: number; tell: () => void; fail: (error: Error) => void }>;

/**
 * Appends messages to one partition: while an append is under way the next ones gather, so a batch grows with the load. Several
 * processes may append; the expected revision lets one at a time, and who lost looks what the others wrote and appends behind it.
 */
export class PartitionWriter {
  private readonly store: EventStore;
  private readonly stream: string;
  private readonly written: () => void;
  private waiting: Waiting[] = [];
  private running: boolean = false;
  /** The last revision as far as it is known, and whether it is the stream's end. */
  private end: Revision = NO_STREAM;
  private isAtEnd: boolean = false;
  private othersSeenAt = Number.NEGATIVE_INFINITY;

  /** `written` is called after each append. */
  constructor(store: EventStore, topic: string, partition: number, written: () => void) {
    this.store = store;
    this.stream = partitionStream(topic, partition);
    this.written = written;
  }

  /** Resolves when the message is kept. @throws QueueUnavailable after 5 s at most. @throws MessageRefused */
  send(message: Message): Promise<void> {
    const event = keptMessage(message);
    const bytes = Buffer.byteLength(JSON.stringify(event.data)) + Buffer.byteLength(JSON.stringify(event.metadata));
    if (bytes > APPEND_BYTES_MAX) return Promise.reject(new MessageRefused(`${bytes} bytes as JSON, of ${APPEND_BYTES_MAX} allowed`));
    if (this.waiting.length >= WAITING_MAX) return Promise.reject(new QueueUnavailable(`${this.stream} has ${WAITING_MAX} waiting`));
    return new Promise((tell, fail) => {
      this.waiting.push({ event, bytes, until: performance.now() + SEND_MAX_MS, tell, fail });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const batch = this.takeBatch();
      const error = await this.keep(batch);
      for (const { tell, fail } of batch) error === null ? tell() : fail(error);
      if (error === null && performance.now() - this.othersSeenAt < OTHERS_NEAR_MS) await sleep(LINGER_MS);
    }
    this.running = false;
  }

  private takeBatch(): readonly Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { bytes: more } of this.waiting) {
      bytes += more;
      if (count === BATCH_MAX || (bytes > APPEND_BYTES_MAX && count > 0)) break;
      count += 1;
    }
    return this.waiting.splice(0, count);
  }

  /** `null` when the batch is kept, else why nothing is known of it. It is tried until the oldest of it has waited too long. */
  private async keep(batch: readonly Waiting[]): Promise<Error | null> {
    const events = batch.map(({ event }) => event);
    const leftMs = (batch[0]?.until ?? 0) - performance.now();
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(leftMs)));
    let away: unknown = new Error('no time left');
    while (!signal.aborted) {
      try {
        if (await this.attempt(events, signal)) return null;
      } catch (error) {
        if (error instanceof AppendTooLarge) return new MessageRefused(error.message);
        if (error instanceof AppendRefused) return new QueueUnavailable(error.message);
        if (!(error instanceof StoreUnavailable || error instanceof AppendInDoubt)) return error as Error;
        away = error;
        if (!signal.aborted) await sleep(RETRY_MS);
      }
    }
    this.isAtEnd = false;
    return new QueueUnavailable(`${this.stream} could not be written within ${SEND_MAX_MS} ms`, { cause: away });
  }

  /** Whether the events are kept; `false` when others were faster. A try whose answer was lost is repeated as it was. */
  private async attempt(events: readonly NewEvent[], signal: AbortSignal): Promise<boolean> {
    if (!this.isAtEnd) this.end = await lastRevision(this.store, this.stream, this.end, signal);
    this.isAtEnd = true;
    try {
      this.end = (await this.store.append(this.stream, events, this.end, signal)).revision;
      this.written();
      return true;
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
      const { landed, end } = await behind(this.store, this.stream, this.end, events[0]?.id, signal);
      this.end = end;
      this.othersSeenAt = performance.now();
      if (landed) this.written();
      return landed;
    }
  }
}
