import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../platform/clock.ts';
import {
  type Delivery,
  type EventStore,
  type Position,
  type RecordedEvent,
  type StoreId,
  SubscriptionLost,
} from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { type Message, MessageRefused, type Queue } from '../platform/queue/queue.ts';
import { Checkpoint, type Truncate } from './checkpoint.ts';
import { Gathering } from './gathering.ts';
import { ORDER_COMPLETED, ORDER_PLACED, orderCompleted, PARTITIONS } from './orderCompleted.ts';
import { type ParkedFor, recordParked } from './parked.ts';
import { type Lag, StallWatch, type Standing } from './stallWatch.ts';

export type PublisherLimits = Readonly<{
  /** Messages sent at once at most. */
  batchMax: number;
  /** Milliseconds for which more are gathered behind the first: so many are published late, and so seldom does the checkpoint move. */
  lingerMs: number;
  /** Milliseconds between two looks at the end of the log. */
  lookEveryMs: number;
  /** Milliseconds before the second try of what failed, doubling from try to try up to the other. */
  backOffMinMs: number;
  backOffMaxMs: number;
}>;

export const PUBLISHER_LIMITS: PublisherLimits = {
  batchMax: 500,
  lingerMs: 100,
  lookEveryMs: 5_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
};

/** What is told of the orders while they are published. */
export type PublisherObserver = Readonly<{ published(count: number): void; parked(): void }>;

export type PublisherParts = Readonly<{
  store: EventStore;
  queue: Queue;
  truncate: Truncate;
  clock: Clock;
  log: Logger;
  observer: PublisherObserver;
  limits?: Partial<PublisherLimits>;
}>;

/** Failures in a row from which on the log says error: fewer are a server that restarts. */
const FAILURES_TO_ALARM = 3;

/** A placed order and what others are told of it. */
type Outgoing = Readonly<{ event: RecordedEvent; message: Message }>;

class Stopping extends Error {}

/**
 * Tells the world of every placed order at least once, and in nobody's way: it reads the log behind those who write it. Works in
 * terms: read the checkpoint, follow the log, send a batch, move the checkpoint when the queue has it. Whatever the store fails with
 * ends the term, and the next begins from the stored checkpoint, never from memory; so whoever dies between any two steps, or loses
 * an answer, sends again what consumers then drop by its id. One batch is under way at a time, and after a failure the very same
 * batch goes again: with another one behind a batch in doubt, kafkajs has lost acknowledged messages.
 */
export class OrderPublisher {
  private readonly parts: PublisherParts;
  private readonly limits: PublisherLimits;
  private readonly stopping = new AbortController();
  private readonly stalls: StallWatch;
  private running: Promise<void> | null = null;
  private storeId: StoreId | null = null;
  private standing: Standing = { at: null, waits: false };
  private hasTopic: boolean = false;
  private failure: Error | null = new Error('the publisher has not begun yet');

  constructor(parts: PublisherParts) {
    this.parts = parts;
    this.limits = { ...PUBLISHER_LIMITS, ...parts.limits };
    this.stalls = new StallWatch(parts.store, () => this.standing, parts.clock.now);
  }

  get lag(): Lag {
    return this.stalls.lag;
  }

  /** @throws Error while it is not known that all is published as it comes. */
  check(): void {
    if (this.failure !== null) throw this.failure;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Ends behind the batch under way. One that the queue does not take is left to the next start. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let failures = 1; !signal.aborted; failures += 1) {
      const before = this.standing.at;
      try {
        await this.term();
      } catch (error) {
        if (signal.aborted) return;
        if (this.standing.at !== before) failures = 1;
        await this.backOff(error as Error, failures, 'the publisher begins again from its checkpoint').catch(() => undefined);
      }
    }
  }

  /** One subscription, from the stored checkpoint on. @throws whatever ended it, but for a stop. */
  private async term(): Promise<void> {
    const { store } = this.parts;
    const checkpoint = await this.checkpoint();
    const ended = new AbortController();
    const end = (): void => ended.abort();
    this.stopping.signal.addEventListener('abort', end);
    this.standing = { at: checkpoint.position, waits: false };
    const source = new Gathering(store.subscribe({ after: checkpoint.position, types: [ORDER_PLACED], signal: ended.signal }));
    const watching = this.stalls.watch(this.limits.lookEveryMs, ended);
    try {
      await this.follow(source, checkpoint);
    } finally {
      this.stopping.signal.removeEventListener('abort', end);
      ended.abort();
    }
    if (!this.stopping.signal.aborted) throw new SubscriptionLost((await watching) ?? 'the subscription ended by itself');
  }

  private async follow(source: Gathering<Delivery>, checkpoint: Checkpoint): Promise<void> {
    for (;;) {
      this.standing = { ...this.standing, waits: true };
      const taken = await source.take(this.limits.batchMax, this.limits.lingerMs);
      this.standing = { ...this.standing, waits: false };
      if (taken.length === 0) return;
      await this.absorb(taken, checkpoint);
      this.failure = null;
    }
  }

  private async absorb(taken: readonly Delivery[], checkpoint: Checkpoint): Promise<void> {
    // A store may repeat what it has sent before.
    const from = checkpoint.position ?? -1n;
    const events = taken.flatMap((delivery) => (delivery.kind === 'event' && delivery.event.position > from ? [delivery.event] : []));
    const last = events.at(-1);
    if (last !== undefined) {
      await this.publish(events, checkpoint.storeId);
      await checkpoint.moveTo(last.position);
    }
    // Places without an order are remembered and never stored: storing one would make the log longer, and so the next one.
    const passed = taken.flatMap((delivery) => (delivery.kind === 'checkpoint' ? [delivery.position] : []));
    this.standing = { ...this.standing, at: [...passed, checkpoint.position].reduce(further, this.standing.at) };
  }

  private async publish(events: readonly RecordedEvent[], storeId: StoreId): Promise<void> {
    const outgoing: Outgoing[] = [];
    for (const event of events) {
      const told = orderCompleted(event, storeId);
      if (told.kind === 'message') outgoing.push({ event, message: told.message });
      if (told.kind === 'malformed') await this.park(event, 'malformed', told.reason);
    }
    if (outgoing.length > 0) await this.send(outgoing);
  }

  /** Resolves when each of the batch is kept for good or parked. @throws Stopping */
  private async send(batch: readonly Outgoing[]): Promise<void> {
    for (let failures = 1; ; failures += 1) {
      try {
        await this.makeTopic();
        await this.parts.queue.send(
          ORDER_COMPLETED,
          batch.map(({ message }) => message),
        );
        return this.parts.observer.published(batch.length);
      } catch (error) {
        if (error instanceof MessageRefused) return this.sendApart(batch, error);
        this.hasTopic = false;
        await this.backOff(error as Error, failures, 'placed orders could not be published; the same ones are sent again');
      }
    }
  }

  /** Halves a batch that was refused, until the one that is to blame stands alone. */
  private async sendApart(batch: readonly Outgoing[], refused: MessageRefused): Promise<void> {
    const [first] = batch;
    if (first === undefined) return;
    if (batch.length === 1) return this.park(first.event, 'refused', refused.message);
    const half = batch.length >> 1;
    await this.send(batch.slice(0, half));
    await this.send(batch.slice(half));
  }

  private async park(event: RecordedEvent, why: ParkedFor, detail: string): Promise<void> {
    const { store, log, observer } = this.parts;
    await recordParked(store, event, why, detail);
    observer.parked();
    const { id, stream, position } = event;
    log.error({ alarm: 'order-event-parked', eventId: id, stream, position: String(position), reason: why, detail }, 'never published');
  }

  /** Also after a failure: who has lost the topic makes it again. */
  private async makeTopic(): Promise<void> {
    if (this.hasTopic) return;
    await this.parts.queue.createTopics([{ topic: ORDER_COMPLETED, partitions: PARTITIONS }]);
    this.hasTopic = true;
  }

  private async checkpoint(): Promise<Checkpoint> {
    const { store, truncate, log } = this.parts;
    const storeId = await store.identity(this.stopping.signal);
    const checkpoint = await Checkpoint.load(store, storeId, truncate);
    const before = checkpoint.foreignStoreId ?? this.storeId;
    if (before !== null && before !== storeId) {
      const position = String(checkpoint.position);
      log.error(
        { alarm: 'publisher-in-another-store', before, storeId, position },
        'another log: its orders are published by its own checkpoint',
      );
    } else if (checkpoint.position === null) log.warn({ storeId }, 'no order of this log was published yet: all are, from the first on');
    this.storeId = storeId;
    return checkpoint;
  }

  /** @throws Stopping */
  private async backOff(error: Error, failures: number, what: string): Promise<void> {
    const { log } = this.parts;
    if (this.stopping.signal.aborted) throw new Stopping();
    this.failure = error;
    const waitMs = Math.min(this.limits.backOffMinMs * 2 ** Math.min(failures - 1, 10), this.limits.backOffMaxMs);
    if (failures < FAILURES_TO_ALARM) log.warn({ err: error, waitMs }, what);
    else log.error({ alarm: 'orders-not-published', err: error, failures, waitMs }, what);
    await sleep(waitMs, undefined, { signal: this.stopping.signal }).catch(() => {
      throw new Stopping();
    });
  }
}

const further = (a: Position | null, b: Position | null): Position | null => (a === null || (b !== null && b > a) ? b : a);
