import { z } from 'zod';
import type { Cache } from '../platform/cache/cache.ts';
import type { Clock } from '../platform/clock.ts';
import type { Head } from './streamView.ts';

/** The end of a stream, by its last event. */
export type StreamEnd = Pick<Head<unknown>, 'revision' | 'eventId'>;

/** What processes tell one another of a stream whose end they have just seen. */
export type EndSightings = Readonly<{
  /** When another process saw the stream end here, by the monotonic clock of this one; `null` when none says so. Never throws. */
  seen(stream: string, end: StreamEnd): Promise<number | null>;
  /** Says that the stream was read, from `asOf` on by the monotonic clock, and ended here. Returns at once. */
  tell(stream: string, end: StreamEnd & Readonly<{ asOf: number }>): void;
}>;

const sighting = z.strictObject({ revision: z.string().regex(/^\d{1,19}$/), eventId: z.string().max(64), at: z.int() });

/**
 * Sold-out policies: who has read one to its end says so for as long as such a refusal may rest on a reading. A hint says neither that nor
 * how many are issued, only where the stream ended and when. Whoever reads it must know the stream up to that very event, so
 * it decides on its own state: a repeat under a known key is a repeat, and all that a hint can do is let a refusal stand that was
 * right `validMs` ago.
 *
 * The age is taken by two wall clocks: on two machines a hint may be older than `validMs` by as much as these differ, unless the cache's
 * own clock ends it sooner. A hint from the future counts for nothing.
 */
export const soldOutHints = (cache: Cache, storeId: () => string | null, clock: Clock, validMs: number): EndSightings => {
  const keyOf = (store: string, stream: string): string => `till:${store}:sold-out:${stream}`;
  return {
    seen: async (stream, { revision, eventId }) => {
      const store = storeId();
      const said = store === null ? null : parsed(await cache.get(keyOf(store, stream)));
      if (said === null || said.eventId !== eventId || BigInt(said.revision) !== revision) return null;
      const ageMs = clock.now() - said.at;
      return ageMs >= 0 && ageMs <= validMs ? clock.monotonic() - ageMs : null;
    },
    tell: (stream, { revision, eventId, asOf }) => {
      const at = Math.floor(clock.now() - (clock.monotonic() - asOf));
      const text = JSON.stringify({ revision: String(revision), eventId, at } satisfies z.output<typeof sighting>);
      const store = storeId();
      if (store !== null) void cache.set(keyOf(store, stream), text, at + validMs);
    },
  };
};

const parsed = (text: string | null): z.output<typeof sighting> | null => {
  try {
    return text === null ? null : (sighting.safeParse(JSON.parse(text)).data ?? null);
  } catch {
    return null;
  }
};
