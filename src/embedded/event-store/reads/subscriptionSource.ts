import { TOMBSTONE_REVISION } from '../storage/record.ts';
import type { Cursor, Head, Storage } from '../storage/storage.ts';
import { streamDeleted } from '../streams/streamErrors.ts';
import { headOf, streamState } from '../streams/streamState.ts';
import type { From } from './readMessages.ts';

/** What a subscription reads from. Both cursors go on from where either stopped. */
export type Source = Readonly<{
  /** Position, of `$all`, or revision, of a stream, behind which the subscription begins; -1 for the start. */
  start: number;
  /** @throws CallFailed when the stream is ended already. */
  check: () => void;
  /** Events that a reader would see. */
  catchUp: Cursor;
  /** All events: what is appended while one watches is seen, whatever the stream's metadata say about it later. */
  live: Cursor;
}>;

export const logSource = (storage: Storage, from: From): Source => {
  const start = from.kind === 'start' ? -1 : from.kind === 'at' ? from.at : storage.lastPosition();
  const cursor = storage.upwards(storage.behind(start));
  return { start, check: () => undefined, catchUp: cursor, live: cursor };
};

/**
 * One stream, which need not exist yet. What a catch-up leaves out because it is truncated or deleted never comes.
 * A tombstone that comes while one watches is the last event, and then the error; before that, only the error.
 */
export const streamSource = (storage: Storage, stream: string, from: From, clock: () => number): Source => {
  const lastOf = (head: Head | undefined): number => head?.last ?? -1;
  let last = from.kind === 'start' ? -1 : from.kind === 'at' ? from.at : lastOf(headOf(storage, stream));
  const start = last;
  const check = (): void => {
    if (streamState(storage, stream, clock()).kind === 'deleted') throw streamDeleted(stream);
  };
  const catchUp: Cursor = (limit, visit) => {
    const state = streamState(storage, stream, clock(), last + 1);
    if (state.kind === 'deleted') throw streamDeleted(stream);
    if (state.kind === 'missing') {
      last = Math.max(last, state.last);
      return 0;
    }
    last = Math.max(last, Math.min(state.first - 1, state.head.last));
    const count = state.head.last <= last ? 0 : storage.streamForwards(state.head.ordinal, last, limit, visit);
    last += count;
    return count;
  };
  const live: Cursor = (limit, visit) => {
    const head = headOf(storage, stream);
    if (head === undefined || head.last <= last) return 0;
    const count = storage.streamForwards(head.ordinal, last, limit, visit);
    last += count;
    if (head.last !== TOMBSTONE_REVISION || count === limit) return count;
    storage.streamBackwards(head.ordinal, TOMBSTONE_REVISION + 1, 1, visit);
    throw streamDeleted(stream);
  };
  return { start, check, catchUp, live };
};
