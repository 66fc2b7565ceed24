import type { Position, Revision, SubscribeOptions } from './eventStore.ts';

/** Positions from here on are a server's way to say "none" (CL12). */
const POSITION_LIMIT = 2n ** 63n;

export const isPosition = (position: Position): boolean => position >= 0n && position < POSITION_LIMIT;

/** @throws TypeError for what only a bug can ask. */
export const checkRead = (from: Revision, maxCount: number): void => {
  if (from < 0n || maxCount < 1) throw new TypeError(`${maxCount} events from ${from} cannot be read`);
};

/** @throws TypeError for what only a bug can ask. */
export const checkSubscription = ({ after, types }: SubscribeOptions): void => {
  if (after !== null && !isPosition(after)) throw new TypeError(`${after} is not a position`);
  if (types?.length === 0) throw new TypeError('a subscription to no type of event');
};
