import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, Position, RecordedEvent } from './eventStore.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

/** `from`: where to begin, `null` for the first event; it may ask the store. `signal` ends it all. */
export type Followed = Readonly<{ from: () => Promise<Position | null>; types: readonly string[]; signal: AbortSignal }>;

/** `take`: one event; it must not throw. `broke`: the store was lost, or not found; it is asked again. */
export type Follower = Readonly<{ take(event: RecordedEvent): void; broke(error: unknown): void }>;

/**
 * Takes every event of these types, present and future, in the order of the log, until the signal. A subscription that breaks begins
 * again behind the last event that was taken: after 100 ms at first, after 5 s at most.
 */
export const followEvents = async (store: EventStore, { from, types, signal }: Followed, { take, broke }: Follower): Promise<void> => {
  let after: Position | null | undefined;
  for (let waitMs = RETRY_MS_MIN; !signal.aborted; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
    try {
      after = after === undefined ? await from() : after;
      for await (const delivery of store.subscribe({ after, types, signal })) {
        waitMs = RETRY_MS_MIN;
        if (delivery.kind === 'checkpoint') after = delivery.position;
        if (delivery.kind !== 'event') continue;
        after = delivery.event.position;
        take(delivery.event);
      }
    } catch (error) {
      if (!signal.aborted) broke(error);
    }
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
};
