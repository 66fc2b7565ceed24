import { Mailboxes } from '../../../src/commands/mailboxes.ts';
import { CouponQueue } from '../../../src/commands/queue/couponQueue.ts';
import { COUPON_REQUESTS, DEAD_LETTERS } from '../../../src/commands/queue/couponTopics.ts';
import { CouponWorker } from '../../../src/commands/queue/couponWorker.ts';
import { type DeadLetter, deadLetters } from '../../../src/commands/queue/deadLetters.ts';
import { noQueueObserver, type QueueObserver } from '../../../src/commands/queue/queueObserver.ts';
import { type CouponPolicyEvent, couponPolicyStream, openPolicy, type PolicyTerms } from '../../../src/domain/couponPolicy.ts';
import { parseEvent } from '../../../src/domain/events.ts';
import type { PolicyId, UserId } from '../../../src/domain/ids.ts';
import { policyIdOf } from '../../../src/domain/shop.ts';
import { systemClock } from '../../../src/platform/clock.ts';
import type { EventStore } from '../../../src/platform/eventStore/eventStore.ts';
import { createMemoryEventStore } from '../../../src/platform/eventStore/memoryEventStore.ts';
import { MemoryLog } from '../../../src/platform/eventStore/memoryLog.ts';
import type { Queue } from '../../../src/platform/queue/queue.ts';
import { createStoreQueue } from '../../../src/platform/queue/storeQueue.ts';
import { until } from '../../support/processes.ts';
import { silentLog } from '../../support/silentLog.ts';
import { about } from '../shopInMemory.ts';

const HOUR_MS = 3_600_000;

export const policyTerms = (wished: Partial<PolicyTerms> = {}): PolicyTerms => ({
  name: 'sale',
  count: 5,
  discountType: 'amount',
  discountAmount: 500,
  startsAt: Date.now() - HOUR_MS,
  endsAt: Date.now() + HOUR_MS,
  expireMinutes: 10,
  perUser: 1,
  ...wished,
});

/** Outcomes as counted by one worker. */
export type Counted = { issued: number; refused: number; repeated: number; deadLetters: number };

/** One process that works through the queue, with memories of its own. */
export const workerOver = (queue: Queue, store: EventStore) => {
  const counted: Counted = { issued: 0, refused: 0, repeated: 0, deadLetters: 0 };
  const observer: QueueObserver = {
    accepted: () => undefined,
    decided: (outcome) => {
      counted[outcome] += 1;
    },
    deadLetters: (count) => {
      counted.deadLetters += count;
    },
  };
  const mailboxes = new Mailboxes(store, () => performance.now());
  const requests = new CouponQueue(queue, observer);
  const onDead = (error: Error): void => {
    throw error;
  };
  const worker = new CouponWorker({ queue, requests, mailboxes, clock: systemClock, log: silentLog, observer, onDead });
  return { counted, mailboxes, requests, worker };
};

export type Outcome = Readonly<{ transactionId: string; userId: string; outcome: string }>;

/** A log in memory with policies on it, the queue in it, and what the two say. */
export class QueueWorld {
  readonly log = new MemoryLog();
  readonly store: EventStore;
  readonly queue: Queue;
  private readonly requests: CouponQueue;
  private policies = 0;

  /** `store`: another one than that in memory. `queue`: another one than that in the store. */
  constructor(store?: EventStore, queue?: Queue) {
    this.store = store ?? createMemoryEventStore({ log: this.log });
    this.queue = queue ?? createStoreQueue(this.store);
    this.requests = new CouponQueue(this.queue, noQueueObserver);
  }

  async policy(wished: Partial<PolicyTerms> = {}): Promise<PolicyId> {
    this.policies += 1;
    const policyId = policyIdOf(1, this.policies);
    const opened = { policyId, number: this.policies, generation: 1, terms: policyTerms(wished), at: Date.now() };
    const mailboxes = new Mailboxes(this.store, () => performance.now());
    // A busy machine may not answer in time; asking again is harmless.
    await until(
      () =>
        mailboxes
          .policy(policyId)
          .ask(openPolicy(opened), about(policyId))
          .catch(() => false as const),
      30_000,
    );
    return policyId;
  }

  async request(policyId: string, userId: string, transactionId: string): Promise<void> {
    const request = { policyId: policyId as PolicyId, userId: userId as UserId, transactionId, requestedAt: Date.now() };
    await this.requests.accept(request, 'c');
  }

  /** Whatever stands there as the message. */
  async put(key: string, value: string, headers: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.requests.topics();
    await this.queue.send(COUPON_REQUESTS, [{ key, value, headers }]);
  }

  /** The recorded outcomes of a policy's requests, in their order. */
  async outcomes(policyId: string): Promise<readonly Outcome[]> {
    const events = await this.store.readStream(couponPolicyStream(policyId as PolicyId), 0n, { maxCount: 100_000 });
    return events.flatMap((stored): Outcome[] => {
      const { type, data } = parseEvent(stored) as CouponPolicyEvent;
      if (type === 'CouponRequestRefused') return [{ transactionId: data.transactionId, userId: data.userId, outcome: data.reason }];
      if (type !== 'CouponIssued' || !data.queued) return [];
      return [{ transactionId: data.queued.transactionId, userId: data.userId, outcome: 'issued' }];
    });
  }

  async drained(group = 'coupon-workers', maxMs = 30_000): Promise<void> {
    await until(async () => (await this.queue.lag(group, COUPON_REQUESTS)).every(({ committed, end }) => committed === end), maxMs);
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (const { partition, end } of await this.queue.lag('anyone', DEAD_LETTERS)) {
      for await (const letter of deadLetters(this.queue, partition, 0n, end)) letters.push(letter);
    }
    return letters;
  }
}
