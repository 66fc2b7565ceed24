import type { Logger } from '../../platform/log.ts';
import type { Metrics } from '../../platform/metrics.ts';
import type { Queue } from '../../platform/queue/queue.ts';
import type { CouponQueue } from './couponQueue.ts';
import type { CouponWorker } from './couponWorker.ts';
import { tellLag } from './queueObserver.ts';

/** `worker`: null where another process works the queue through. */
export type QueueSide = Readonly<{ queue: Queue; requests: CouponQueue; worker: CouponWorker | null; log: Logger; metrics: Metrics }>;

/** Starts the worker, or has the topics made. Both go on in the background: a queue that is away holds up nothing but itself. */
export const startQueue = ({ queue, requests, worker, log, metrics }: QueueSide): Readonly<{ stop(): Promise<void> }> => {
  if (worker) {
    worker.start();
    tellLag(queue, metrics);
  } else requests.topics().catch((error: unknown) => log.warn({ err: error }, 'the topics are not made yet'));
  return {
    stop: async () => {
      await worker?.stop();
      await queue.close();
    },
  };
};
