import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';
import { type Backlog, backlogBehind } from './backlog.ts';

/** Where a publisher stands, and whether it waits for the store to deliver. */
export type Standing = Readonly<{ at: Position | null; waits: boolean }>;

/** Placed orders that were not published at the last look, and seconds since the oldest of them was placed, by the store's clock. */
export type Lag = Readonly<{ orders: number; seconds: number }>;

/** Looks again and again what stands behind the publisher: for those who want to know the lag, and to see a subscription that is dead. */
export class StallWatch {
  private readonly store: EventStore;
  private readonly standing: () => Standing;
  private readonly now: () => number;
  private seen: Lag = { orders: 0, seconds: 0 };

  /** `now`: milliseconds since 1970. */
  constructor(store: EventStore, standing: () => Standing, now: () => number) {
    this.store = store;
    this.standing = standing;
    this.now = now;
  }

  get lag(): Lag {
    return this.seen;
  }

  /**
   * Looks until `term` is aborted. When two looks in a row find orders behind the place where the publisher waits for the next delivery,
   * aborts `term` and answers why.
   */
  async watch(lookEveryMs: number, term: AbortController): Promise<string | null> {
    const { signal } = term;
    let before: Standing | null = null;
    while (!signal.aborted) {
      const now = this.standing();
      const backlog = await backlogBehind(this.store, now.at);
      if (backlog !== null) this.seen = this.lagOf(backlog);
      const missing = backlog !== null && backlog.orders > 0 && now.waits && this.standing().waits && this.standing().at === now.at;
      if (missing && before?.at === now.at && before.waits && !signal.aborted) {
        term.abort();
        return 'the subscription stands still, although the log holds orders behind it';
      }
      before = missing ? now : null;
      await sleep(lookEveryMs, undefined, { signal }).catch(() => undefined);
    }
    return null;
  }

  private lagOf({ orders, firstAt }: Backlog): Lag {
    return { orders, seconds: firstAt === null ? 0 : Math.max(0, (this.now() - firstAt) / 1_000) };
  }
}
