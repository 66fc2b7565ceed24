import { READ_WINDOW_BYTES, RECORD_BYTES_MAX } from '../limits.ts';
import type { LogFile, Visit } from './logFile.ts';
import { CorruptRecord, isLastOfWrite, LENGTH_BYTES, RECORD_BYTES_MIN, writtenFrom } from './record.ts';

/** The log has a damaged record in front of records that came later: cutting it there would lose acknowledged events. */
export class DamagedLog extends Error {
  override name = 'DamagedLog';
}

/**
 * The first record behind `end` that a later write than the one beginning there has brought. A write begins only after the
 * one before is on disk: such a record proves that what stood at `end` had been there, whole.
 */
const laterWrite = (log: LogFile, end: number): number | undefined => {
  for (let from = end + 1; from < log.size; from += READ_WINDOW_BYTES) {
    // Three bytes more, for lengths that begin in this window and end in the next.
    const bytes = log.bytes(from, READ_WINDOW_BYTES + LENGTH_BYTES - 1);
    for (let offset = 0; offset + LENGTH_BYTES <= bytes.length; offset++) {
      const length = bytes.readUInt32BE(offset);
      if (length < RECORD_BYTES_MIN || length > RECORD_BYTES_MAX) continue;
      const record = log.intactAt(from + offset, log.size);
      if (record !== undefined && writtenFrom(record) > end) return from + offset;
    }
  }
  return undefined;
};

/** Visits the records of whole writes behind `from`; returns where the last of these writes ends. */
const scan = (log: LogFile, from: number, visit: Visit): number => {
  let end = from;
  const write: { record: Buffer; position: number }[] = [];
  log.endAt(log.size);
  try {
    log.forwards(from, Number.POSITIVE_INFINITY, (record, position) => {
      write.push({ record: Buffer.from(record), position });
      if (!isLastOfWrite(record)) return;
      end = position + record.length;
      for (const each of write.splice(0)) visit(each.record, each.position);
    });
  } catch (error) {
    if (!(error instanceof CorruptRecord)) throw error;
  }
  return end;
};

/**
 * Finds the end of the log behind position `from`, and visits every record up to there. A write counts only when its last
 * record is there: of a write that a crash cut short, nothing was acknowledged and nothing is kept.
 * @throws DamagedLog when what looks like an unfinished write is damage to a finished one.
 */
export const recover = (log: LogFile, from: number, visit: Visit): void => {
  let begun: number;
  let end = from;
  let later: number | undefined;
  do {
    begun = end;
    end = scan(log, begun, visit);
    later = laterWrite(log, end);
    // A reader of a log in use may find writes that came after it had looked: then it gets further at the next try.
  } while (later !== undefined && end > begun);
  if (later !== undefined) {
    throw new DamagedLog(`the log is damaged at position ${end}: records of later writes follow at ${later}; restore a backup`);
  }
  log.endAt(end);
};
