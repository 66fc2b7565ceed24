import type { Metrics } from '../../platform/metrics.ts';
import type { Queue } from '../../platform/queue/queue.ts';
import { COUPON_REQUESTS, WORKERS } from './couponTopics.ts';

/** What is told of queued requests while they are taken and worked through. */
export type QueueObserver = Readonly<{
  accepted(): void;
  /** `repeated`: the outcome was recorded before. */
  decided(outcome: 'issued' | 'refused' | 'repeated'): void;
  deadLetters(count: number): void;
}>;

/** Looks away. */
export const noQueueObserver: QueueObserver = { accepted: () => undefined, decided: () => undefined, deadLetters: () => undefined };

/** What is told, counted. */
export const countedRequests = (metrics: Metrics): QueueObserver => {
  const accepted = metrics.counter('till_queue_accepted_total', 'Coupon requests that the queue has taken for good.');
  const outcomes = metrics.counter('till_queue_outcomes_total', 'Coupon requests that were worked through, by outcome.', ['outcome']);
  const dead = metrics.counter('till_dead_letters_total', 'Messages that were put aside because no worker will ever understand them.');
  return {
    accepted: () => accepted.inc(),
    decided: (outcome) => outcomes.inc({ outcome }),
    deadLetters: (count) => dead.inc(count),
  };
};

/** How many requests wait in each partition. What cannot be asked stays as it was told last. */
export const tellLag = (queue: Queue, metrics: Metrics): void => {
  metrics.gauge('till_queue_lag', 'Coupon requests that wait for a worker.', ['partition'], async (gauge) => {
    const lags = await queue.lag(WORKERS, COUPON_REQUESTS).catch(() => []);
    for (const { partition, committed, end } of lags) gauge.set({ partition: String(partition) }, Number(end - committed));
  });
};
