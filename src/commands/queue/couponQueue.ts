import type { Queue } from '../../platform/queue/queue.ts';
import { COUPON_REQUESTS, type Request, requestMessage, TOPICS } from './couponTopics.ts';
import type { QueueObserver } from './queueObserver.ts';

/** Takes requests for coupons that are decided later, one after the other for each policy. */
export class CouponQueue {
  private readonly queue: Queue;
  private readonly observer: QueueObserver;
  private making: Promise<void> | null = null;

  constructor(queue: Queue, observer: QueueObserver) {
    this.queue = queue;
    this.observer = observer;
  }

  /** Resolves when the queue has the request for good (R46). @throws QueueUnavailable: the request may be there or not. */
  async accept(request: Request, correlationId: string): Promise<void> {
    await this.topics();
    await this.queue.send(COUPON_REQUESTS, [requestMessage(request, correlationId)]);
    this.observer.accepted();
  }

  /** Makes the topics that are missing; asked again after a failure. @throws QueueUnavailable */
  topics(): Promise<void> {
    this.making ??= this.queue.createTopics(TOPICS).catch((error: unknown) => {
      this.making = null;
      throw error;
    });
    return this.making;
  }
}
