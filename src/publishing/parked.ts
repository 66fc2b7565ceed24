import {
  AppendInDoubt,
  type EventStore,
  NO_STREAM,
  type RecordedEvent,
  type Revision,
  WrongRevision,
} from '../platform/eventStore/eventStore.ts';
import { lastRevision } from '../platform/queue/storeStreams.ts';
import { publishingEvent } from './checkpoint.ts';
import { ORDER_COMPLETED } from './orderCompleted.ts';

export const PARKED_STREAM = `publishingParked-${ORDER_COMPLETED}`;
export const ORDER_EVENT_PARKED = 'OrderEventParked';

const TRIES_MAX = 10;
const REASON_CHARS_MAX = 500;

/** Why a placed order is not published: the queue will never take it, or it cannot be read. */
export type ParkedFor = 'refused' | 'malformed';

/**
 * Records, for an operator, that others will not hear of this order; the order itself stays where it is. A publisher that dies right
 * after it may record it again.
 * @throws what the store failed with.
 */
export const recordParked = async (store: EventStore, event: RecordedEvent, why: ParkedFor, detail: string): Promise<void> => {
  const { id: eventId, stream, revision, position } = event;
  const place = { eventId, stream, revision: String(revision), position: String(position) };
  const parked = publishingEvent(ORDER_EVENT_PARKED, { ...place, reason: why, detail: detail.slice(0, REASON_CHARS_MAX) });
  let expected: Revision = NO_STREAM;
  for (let tries = 1; ; tries += 1) {
    try {
      if (tries === 1) expected = await lastRevision(store, PARKED_STREAM);
      await store.append(PARKED_STREAM, [parked], expected);
      return;
    } catch (error) {
      if (tries === TRIES_MAX || !(error instanceof AppendInDoubt || error instanceof WrongRevision)) throw error;
      // After an answer that was lost the same append again, which the store then knows; after a lost race behind the other's.
      if (error instanceof WrongRevision) expected = await lastRevision(store, PARKED_STREAM, expected);
    }
  }
};
