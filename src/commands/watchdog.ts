import type { Clock } from '../platform/clock.ts';
import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import { type OpenOrder, type OpenOrders, ViewLateness } from './openOrders.ts';
import type { OrderPlacement } from './orderPlacement.ts';
import { type LeftOpen, RESUMES_MAX, Resuming } from './resuming.ts';
import type { SetupFeed } from './setupFeed.ts';

const EVERY_MS = 1_000;
/** Milliseconds that a request has to finish what it began, before the watchdog helps. */
const PATIENCE_MS = 5_000;
/** Milliseconds that the view of open orders may be late before the watchdog calls itself blind. */
const VIEW_LAG_MAX_MS = 10_000;

/**
 * Finishes what a crash or a lost answer left half done: open orders, and set-up commands with only their
 * first append. It walks the same steps as the request did, so running beside it, twice, or on stale
 * knowledge changes nothing. Orders it finds in a view; without that, or when it is late, it is blind, and says so.
 */
export class Watchdog {
  private readonly orders: OpenOrders;
  private readonly placement: OrderPlacement;
  private readonly feed: SetupFeed;
  private readonly store: Pick<EventStore, 'head'>;
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly lateness: ViewLateness;
  private readonly openOrders: Resuming;
  private readonly setUp: Resuming;
  private storeAway = false;
  private blindBy: string | null = null;
  private timer: NodeJS.Timeout | undefined;
  private round: Promise<void> = Promise.resolve();

  constructor(
    orders: OpenOrders,
    placement: OrderPlacement,
    feed: SetupFeed,
    store: Pick<EventStore, 'head' | 'subscribe'>,
    clock: Clock,
    log: Logger,
  ) {
    this.orders = orders;
    this.placement = placement;
    this.feed = feed;
    this.store = store;
    this.clock = clock;
    this.log = log;
    this.lateness = new ViewLateness(store, VIEW_LAG_MAX_MS);
    this.openOrders = new Resuming('orders', clock, log);
    this.setUp = new Resuming('set-up-commands', clock, log);
  }

  /** Whether it cannot see which orders are open, as of its last round. */
  get isBlind(): boolean {
    return this.blindBy !== null;
  }

  start(): void {
    const next = (): void => {
      this.round = this.look()
        .then((goesOn) => (goesOn ? 0 : EVERY_MS))
        .then((waitMs) => {
          if (this.timer) this.timer = setTimeout(next, waitMs);
        });
    };
    this.timer = setTimeout(next, 0);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.round;
  }

  /** One round: looks once and waits until what it found was tried. Answers whether another one at once would get on. */
  async look(): Promise<boolean> {
    const head = await this.endOfLog();
    const goesOn = await Promise.all([this.finishOrders(head), this.finishSetUp()]);
    return goesOn.includes(true);
  }

  /** `null` while the store is away. When it is back, nothing waits for its back-off to pass. */
  private async endOfLog(): Promise<Position | null> {
    const head = await this.store.head().catch(() => null);
    if (head !== null && this.storeAway) for (const resuming of [this.openOrders, this.setUp]) resuming.retryAll();
    this.storeAway = head === null;
    return head;
  }

  private async finishOrders(head: Position | null): Promise<boolean> {
    const limit = RESUMES_MAX + 1 + this.openOrders.waiting;
    let seen: readonly [readonly OpenOrder[], Position | null];
    try {
      seen = await Promise.all([this.orders.olderThan(this.clock.now() - PATIENCE_MS, limit), this.orders.position()]);
    } catch (error) {
      this.sees('open orders cannot be read', error);
      return false;
    }
    const [orders, shown] = seen;
    const open = orders.map((order) => this.leftOpen(order));
    if (open.length < limit) this.openOrders.keepOnly(open);
    const [isLate, goesOn] = await Promise.all([this.lateness.look(shown, head, this.clock.monotonic()), this.openOrders.round(open)]);
    this.sees(isLate ? `open orders are more than ${VIEW_LAG_MAX_MS / 1_000} s late` : null);
    return goesOn;
  }

  private leftOpen({ orderId, userId, submittedAt }: OpenOrder): LeftOpen {
    const since = this.clock.monotonic() - (this.clock.now() - submittedAt);
    return { what: orderId, since, finish: (about) => this.placement.resume(userId, orderId, about) };
  }

  private async finishSetUp(): Promise<boolean> {
    const seenBefore = this.clock.monotonic() - PATIENCE_MS;
    const open = [...this.feed.unfinished].map(([what, { seenAt, finish }]): LeftOpen => ({ what, since: seenAt, finish }));
    this.setUp.keepOnly(open);
    return this.setUp.round(open.filter(({ since }) => since < seenBefore));
  }

  /** `blindBy`: why it cannot see. Told when it changes. */
  private sees(blindBy: string | null, error?: unknown): void {
    if (blindBy === this.blindBy) return;
    this.blindBy = blindBy;
    if (blindBy === null) this.log.info('the watchdog sees the open orders again');
    else this.log.error({ alarm: 'watchdog-blind', err: error }, `the watchdog is blind: ${blindBy}`);
  }
}
