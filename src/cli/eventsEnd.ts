import type { Position } from '../platform/eventStore/eventStore.ts';
import type { Inspection } from '../platform/eventStore/inspect.ts';

/** The log ends before a place that was in it: this is not the store that was asked for, or an older state of it. */
export class LogTooShort extends Error {
  override name = 'LogTooShort';
}

/** Position of the newest event. @throws LogTooShort when that lies before `after`. */
export const endBehind = async (inspection: Inspection, after: Position | null, signal: AbortSignal): Promise<Position | null> => {
  const end = await inspection.end(signal);
  if (after === null || signal.aborted || (end !== null && end >= after)) return end;
  const where = end === null ? 'the log is empty' : `the log ends at position ${end}`;
  throw new LogTooShort(`${where} and has not reached ${after}: is it another store, or an older copy?`);
};
