import { isOurs, MalformedEvent, parseEvent, UnknownEventType } from '../domain/events.ts';
import type { RecordedEvent } from '../platform/eventStore/eventStore.ts';
import { categoryOf, type Handled, type Projection, type Stored } from './projection.ts';

/** What an event of the log is to the read models. */
export type Judged =
  | Readonly<{ kind: 'ours'; stored: Stored }>
  | Readonly<{ kind: 'foreign' }>
  | Readonly<{ kind: 'poison'; reason: string; concerns: (projection: Projection) => boolean }>;

/**
 * Parses an event once, for all projections. An event of ours that cannot be read concerns the projections that would
 * have to turn it into rows: those that handle its type when the data is broken, and all that read its category when
 * nobody here knows the type.
 */
export const judge = (event: RecordedEvent): Judged => {
  const { stream, type, revision, position } = event;
  if (!isOurs(stream)) return { kind: 'foreign' };
  try {
    return { kind: 'ours', stored: { event: parseEvent(event), stream, revision, position } };
  } catch (error) {
    const handledBy = ({ handles }: Projection) => handles[categoryOf(stream) as keyof Handled] as readonly string[] | undefined;
    if (error instanceof UnknownEventType) return { kind: 'poison', reason: error.message, concerns: (p) => handledBy(p) !== undefined };
    if (error instanceof MalformedEvent) {
      return { kind: 'poison', reason: error.message, concerns: (p) => handledBy(p)?.includes(type) ?? false };
    }
    throw error;
  }
};
