import { setTimeout as sleep } from 'node:timers/promises';
import { decideRequest } from '../../domain/couponRequests.ts';
import type { Clock } from '../../platform/clock.ts';
import { AppendInDoubt, StoreUnavailable } from '../../platform/eventStore/eventStore.ts';
import type { Logger } from '../../platform/log.ts';
import type { Consumer, Poison, Queue, Received } from '../../platform/queue/queue.ts';
import { sparingly } from '../../platform/sparingly.ts';
import { Contended, Overloaded } from '../mailbox.ts';
import type { Mailboxes } from '../mailboxes.ts';
import type { CouponQueue } from './couponQueue.ts';
import { COUPON_REQUESTS, commandIdOfRequest, correlationIdIn, type Request, understand, WORKERS } from './couponTopics.ts';
import { putAside } from './deadLetters.ts';
import type { QueueObserver } from './queueObserver.ts';

/** Requests worked through at once: what waits for one policy is decided in a few appends. */
const BATCH_MAX = 500;
/** Tries of a request that fails by itself, though the store answers. */
const TRIES_MAX = 3;
const TRY_AGAIN_MS = 50;
/** Milliseconds before it is tried again to join, doubling from try to try. */
const JOIN_MS_MIN = 200;
const JOIN_MS_MAX = 5_000;
/** Lines a second in the log about dead letters. */
const ALARM_LINES_MAX = 5;

/** What passes: the same request is right a moment later. */
const passes = (error: unknown): boolean =>
  error instanceof StoreUnavailable || error instanceof AppendInDoubt || error instanceof Contended || error instanceof Overloaded;

export type CouponWorkerParts = Readonly<{
  queue: Queue;
  requests: CouponQueue;
  mailboxes: Mailboxes;
  clock: Clock;
  log: Logger;
  observer: QueueObserver;
  /** Told when the queue will never deliver again to this process. */
  onDead: (error: Error) => void;
}>;

/**
 * Works through the queued requests. A batch is committed when each of its requests has its recorded outcome or lies with the dead
 * letters; a worker that dies between the two finds, when they are delivered again, that they are decided.
 */
export class CouponWorker {
  private readonly parts: CouponWorkerParts;
  private readonly stopping = new AbortController();
  private readonly alarm = sparingly(ALARM_LINES_MAX);
  private consumer: Consumer | null = null;
  private joining: Promise<void> = Promise.resolve();

  constructor(parts: CouponWorkerParts) {
    this.parts = parts;
  }

  /** Whether requests are delivered to this worker. */
  get hasJoined(): boolean {
    return this.consumer !== null;
  }

  start(): void {
    this.joining = this.join();
  }

  /** Ends behind the batch under way. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.joining;
    await this.consumer?.stop();
  }

  private async join(): Promise<void> {
    const { queue, requests, log, onDead } = this.parts;
    const { signal } = this.stopping;
    const options = { group: WORKERS, topic: COUPON_REQUESTS, batchMax: BATCH_MAX, onDead };
    for (let waitMs = JOIN_MS_MIN; !signal.aborted && this.consumer === null; waitMs = Math.min(waitMs * 2, JOIN_MS_MAX)) {
      try {
        await requests.topics();
        this.consumer = await queue.consume({ ...options, handle: (messages) => this.handle(messages) });
      } catch (error) {
        log.warn({ err: error }, 'the coupon worker cannot join its group yet');
        await sleep(waitMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** @throws what passes by itself, when all of the batch was tried: none of it may be committed then. */
  async handle(messages: readonly Received[]): Promise<void> {
    // All are asked at once, and in their order: what one policy is asked is decided together, first come, first served.
    const settled = await Promise.allSettled(messages.map((message) => this.settle(message)));
    const poison = settled.flatMap((result) => (result.status === 'fulfilled' && result.value ? [result.value] : []));
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
    if (poison.length > 0) await this.bury(poison);
  }

  /** `null` when the request has its outcome, else why it never will. */
  private async settle(message: Received): Promise<Poison | null> {
    const understood = understand(message);
    if (understood.kind === 'poison') return { message, ...understood };
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.decide(understood.request, message);
      } catch (error) {
        if (passes(error)) throw error;
        if (tries === TRIES_MAX) return { message, reason: 'failed', detail: error instanceof Error ? error.message : String(error) };
        await sleep(TRY_AGAIN_MS);
      }
    }
  }

  private async decide(request: Request, message: Received): Promise<Poison | null> {
    const { mailboxes, clock, observer } = this.parts;
    const { userId, policyId, transactionId, requestedAt } = request;
    const commandId = commandIdOfRequest(request);
    const correlationId = correlationIdIn(message, commandId);
    const about = { commandId, correlationId, causationId: `${message.topic}/${message.partition}/${message.offset}`, actor: userId };
    const decide = decideRequest({ transactionId, userId, commandId, requestedAt, decidedAt: clock.now() });
    const { outcome } = await mailboxes.policy(policyId).ask(decide, about);
    if (outcome.kind === 'transaction-id-reused') {
      return { message, reason: outcome.kind, detail: `${transactionId} belongs to a request of another user` };
    }
    observer.decided(outcome.replayed ? 'repeated' : outcome.kind);
    return null;
  }

  private async bury(poison: readonly Poison[]): Promise<void> {
    const { queue, log, observer } = this.parts;
    await putAside(queue, poison);
    observer.deadLetters(poison.length);
    for (const { message, reason, detail } of poison) {
      const { topic, partition, offset } = message;
      const place = { topic, partition, offset: String(offset) };
      this.alarm((unsaid) => log.error({ alarm: 'dead-letter', reason, detail, ...place, unsaid }, 'a message lies with the dead letters'));
    }
  }
}
