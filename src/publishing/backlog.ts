import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';
import { ORDER_PLACED } from './orderCompleted.ts';

/** Milliseconds that the store has to say what stands behind a place. */
const LOOK_MAX_MS = 5_000;
/** Orders counted at most: more are told as so many. */
export const BACKLOG_MAX = 5_000;

/** Placed orders behind a place in the log; `firstAt`: when the oldest of them was recorded, in milliseconds by the store's clock. */
export type Backlog = Readonly<{ orders: number; firstAt: number | null }>;

/**
 * What the log holds behind a place, told by a subscription of its own: what the one at work says of itself is no evidence.
 * `null` when the store does not say it in time.
 */
export const backlogBehind = async (store: EventStore, after: Position | null): Promise<Backlog | null> => {
  let orders = 0;
  let firstAt: number | null = null;
  try {
    for await (const delivery of store.subscribe({ after, types: [ORDER_PLACED], signal: AbortSignal.timeout(LOOK_MAX_MS) })) {
      if (delivery.kind === 'caught-up') return { orders, firstAt };
      if (delivery.kind !== 'event') continue;
      firstAt ??= delivery.event.createdAt;
      orders += 1;
      if (orders === BACKLOG_MAX) return { orders, firstAt };
    }
  } catch {
    // Asked again at the next look.
  }
  return null;
};
