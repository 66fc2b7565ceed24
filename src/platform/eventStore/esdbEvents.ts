import type { RecordedEvent as ClientEvent, Position as ClientPosition } from '@eventstore/db-client';
import type { Position, RecordedEvent } from './eventStore.ts';
import { isPosition } from './readRequest.ts';

/**
 * One number for the client's two: commit and prepare are the same for every event that was not written
 * in an explicit transaction, and there are none of those.
 * @throws Error when they differ, when they are missing, or from 2^63 on.
 */
export const eventPosition = (position: ClientPosition | undefined): Position => {
  if (position === undefined) throw new Error('the store sent an event without its position');
  const { commit, prepare } = position;
  if (commit !== prepare || !isPosition(commit)) throw new Error(`${commit}/${prepare} is not the position of an event`);
  return commit;
};

/**
 * A checkpoint as one number, or undefined when it is none (CL12). Where commit and prepare differ the lower
 * one is taken: going on from there repeats events at worst, and loses none.
 */
export const checkpointPosition = ({ commit, prepare }: ClientPosition): Position | undefined => {
  const lower = commit < prepare ? commit : prepare;
  return isPosition(lower) ? lower : undefined;
};

/** @throws Error when the event has no proper position. */
export const toRecorded = (event: ClientEvent): RecordedEvent => ({
  id: event.id,
  stream: event.streamId,
  type: event.type,
  data: event.data,
  metadata: event.metadata,
  revision: event.revision,
  position: eventPosition(event.position),
  createdAt: event.created.getTime(),
});
