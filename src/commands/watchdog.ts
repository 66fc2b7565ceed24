import { randomUUID } from 'node:crypto';
import type { OrderId, UserId } from '../domain/ids.ts';
import type { Clock } from '../platform/clock.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { OrderPlacement } from './orderPlacement.ts';
import type { SetupFeed } from './setupFeed.ts';

export type OpenOrder = Readonly<{ orderId: OrderId; userId: UserId }>;

/** Orders without outcome, oldest first. It may be out of date: resuming looks at the stream first. */
export interface OpenOrders {
  /** At most `limit` orders submitted before `submittedBefore`, in milliseconds since 1970. */
  olderThan(submittedBefore: number, limit: number): Promise<readonly OpenOrder[]>;
}

const EVERY_MS = 1_000;
/** Milliseconds that a request has to finish what it began, before the watchdog helps. */
const PATIENCE_MS = 5_000;
/** Orders resumed in one round at most, and waited for together. */
const RESUMES_MAX = 32;
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
/** Orders whose resuming failed and that wait for another try: kept no longer than this many. */
const FAILING_MAX = 10_000;

type Failing = Readonly<{ tries: number; retryAt: number }>;

/**
 * Finishes what a crash or a lost answer left half done: open orders, and set-up commands with only their
 * first append. It walks the same steps as the request did, so running beside it, twice, or on stale
 * knowledge changes nothing.
 */
export class Watchdog {
  private readonly orders: OpenOrders;
  private readonly placement: OrderPlacement;
  private readonly feed: SetupFeed;
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly failing = new Map<string, Failing>();
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(orders: OpenOrders, placement: OrderPlacement, feed: SetupFeed, clock: Clock, log: Logger) {
    this.orders = orders;
    this.placement = placement;
    this.feed = feed;
    this.clock = clock;
    this.log = log;
  }

  start(): void {
    const next = (): void => {
      this.round = this.look().finally(() => {
        if (this.timer) this.timer = setTimeout(next, EVERY_MS);
      });
    };
    this.timer = setTimeout(next, 0);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.round;
  }

  /** One round: looks once and waits until everything it found was tried. */
  async look(): Promise<void> {
    await Promise.all([this.finishOrders(), this.finishSetup()]);
  }

  private async finishOrders(): Promise<void> {
    try {
      const open = await this.orders.olderThan(this.clock.now() - PATIENCE_MS, RESUMES_MAX + this.failing.size);
      const due = open.filter(({ orderId }) => this.isDue(orderId)).slice(0, RESUMES_MAX);
      await Promise.all(
        due.map(({ orderId, userId }) => this.attempt(orderId, () => this.placement.resume(userId, orderId, aboutOf(orderId)))),
      );
    } catch (error) {
      this.log.error({ err: error }, 'the watchdog is blind: open orders cannot be read');
    }
  }

  private async finishSetup(): Promise<void> {
    const seenBefore = this.clock.monotonic() - PATIENCE_MS;
    const due = [...this.feed.unfinished].filter(([what, { seenAt }]) => seenAt < seenBefore && this.isDue(what)).slice(0, RESUMES_MAX);
    await Promise.all(due.map(([what, { finish }]) => this.attempt(what, () => finish(aboutOf(what)))));
  }

  private isDue(what: string): boolean {
    return (this.failing.get(what)?.retryAt ?? 0) <= this.clock.monotonic();
  }

  private async attempt(what: string, finish: () => Promise<unknown>): Promise<void> {
    try {
      await finish();
      this.failing.delete(what);
      this.log.info({ what }, 'the watchdog finished what was left open');
    } catch (error) {
      const tries = (this.failing.get(what)?.tries ?? 0) + 1;
      const waitMs = Math.min(BACKOFF_MS_MIN * 2 ** (tries - 1), BACKOFF_MS_MAX);
      this.failing.set(what, { tries, retryAt: this.clock.monotonic() + waitMs });
      if (this.failing.size > FAILING_MAX) this.failing.delete(this.failing.keys().next().value as string);
      this.log.error({ err: error, what, tries }, 'the watchdog could not finish this yet');
    }
  }
}

const aboutOf = (what: string): Metadata => ({ commandId: what, correlationId: randomUUID(), causationId: what, actor: 'watchdog' });
