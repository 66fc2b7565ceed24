import type { OrderId, UserId } from '../domain/ids.ts';
import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';

/** `submittedAt`: milliseconds since 1970, by the clock of the process that took the order. */
export type OpenOrder = Readonly<{ orderId: OrderId; userId: UserId; submittedAt: number }>;

/** Orders without outcome, oldest first. It may be out of date: resuming looks at the stream first. */
export interface OpenOrders {
  /** At most `limit` orders submitted before `submittedBefore`, in milliseconds since 1970. */
  olderThan(submittedBefore: number, limit: number): Promise<readonly OpenOrder[]>;
  /** How far of the log it shows; `null` before the first event. */
  position(): Promise<Position | null>;
}

/** The events by which an order opens and ends: a view that lacks none of them shows every open order. */
const ORDER_EVENTS = ['OrderSubmitted', 'OrderPlaced', 'OrderRejected'] as const;
/** Milliseconds for the store to say whether such an event is missing. */
const PROBE_MAX_MS = 2_000;

type Mark = Readonly<{ head: Position; at: number }>;

/**
 * Whether a view is late: whether the log has held an event of an order for longer than `lagMaxMs` that the view does not show.
 * Told by the place where the log ended at some moment, which the view has to reach in time; no clock of another machine takes
 * part. As fine as the looks are frequent.
 */
export class ViewLateness {
  private readonly store: Pick<EventStore, 'subscribe'>;
  private readonly lagMaxMs: number;
  private mark: Mark | null = null;
  private late = false;

  constructor(store: Pick<EventStore, 'subscribe'>, lagMaxMs: number) {
    this.store = store;
    this.lagMaxMs = lagMaxMs;
  }

  /** `head`: the end of the log, `null` when it cannot be told now. `now`: monotonic milliseconds. */
  async look(shown: Position | null, head: Position | null, now: number): Promise<boolean> {
    if (this.mark === null || (shown ?? -1n) >= this.mark.head) return this.reached(head, now);
    if (now - this.mark.at <= this.lagMaxMs) return this.late;
    const missing = await this.missesOne(shown, this.mark.head);
    if (missing === false) return this.reached(head, now);
    this.late = missing ?? this.late;
    return this.late;
  }

  private reached(head: Position | null, now: number): false {
    this.mark = head === null ? null : { head, at: now };
    this.late = false;
    return false;
  }

  /** Events that no order makes move the end of the log too, and a view may never show them. `null`: the store does not say. */
  private async missesOne(shown: Position | null, upTo: Position): Promise<boolean | null> {
    const signal = AbortSignal.timeout(PROBE_MAX_MS);
    try {
      for await (const delivery of this.store.subscribe({ after: shown, types: ORDER_EVENTS, signal })) {
        if (delivery.kind === 'event') return delivery.event.position <= upTo;
        if (delivery.kind === 'caught-up') return false;
      }
    } catch {
      // Then this cannot be told, and what was told before stands.
    }
    return null;
  }
}
