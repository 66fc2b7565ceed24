import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { indexPath, logPath } from './folder.ts';
import type { Head } from './indexTail.ts';
import { LOG_START, LogFile, NoSuchPosition, type Visit } from './logFile.ts';
import { recordId, recordRevision, recordStream, sealRecord } from './record.ts';
import { recover } from './recovery.ts';
import { StreamIndex } from './streamIndex.ts';
import { lockWriter } from './writerLock.ts';

export type { Head } from './indexTail.ts';
export { NoSuchPosition, type Visit } from './logFile.ts';

/** Reads on from where it stopped, up to `limit` events; returns how many there were. */
export type Cursor = (limit: number, visit: Visit) => number;

export type StoredRecord = Readonly<{ stream: string; ordinal: number; revision: number; position: number; bytes: Buffer }>;

/**
 * What is on disk: the log, which is the truth, and the index of its streams, which can be made from it again.
 * A write is in the log and flushed when it is done; readers see it whole or not at all.
 */
export class Storage {
  readonly #log: LogFile;
  readonly #index: StreamIndex;
  readonly #unlock: () => void;

  constructor(log: LogFile, index: StreamIndex, unlock: () => void) {
    this.#log = log;
    this.#index = index;
    this.#unlock = unlock;
  }

  /** Where the next record goes. */
  nextPosition(): number {
    return this.#log.end;
  }

  /** Position of the newest event; -1 when there is none. */
  lastPosition(): number {
    return this.#log.end === LOG_START ? -1 : this.#log.backwards(this.#log.end, 1, () => undefined);
  }

  head(stream: string): Head | undefined {
    return this.#index.head(stream);
  }

  idAt(ordinal: number, revision: number): Readonly<{ id: string; position: number }> | undefined {
    const position = this.#index.position(ordinal, revision);
    return position === undefined ? undefined : { id: this.at(position, recordId), position };
  }

  /** Reads the record at a position at which one stands; it is void after `read`. */
  at<T>(position: number, read: (record: Buffer) => T): T {
    let found: T | undefined;
    this.#log.at(position, (record) => {
      found = read(record);
    });
    return found as T;
  }

  /**
   * Up the log from position `from`, that event included. Any place before the first event or behind the last will do as well.
   * @throws NoSuchPosition
   */
  upwards(from: number): Cursor {
    let next = Math.min(Math.max(from, LOG_START), this.#log.end);
    this.#checkPlace(next);
    return (limit, visit) => {
      let count = 0;
      next = this.#log.forwards(next, limit, (record, position) => {
        count++;
        if (position >= from) visit(record, position);
      });
      return count;
    };
  }

  /** The place behind the event at `position`: `upwards` from there leaves that event out. @throws NoSuchPosition */
  behind(position: number): number {
    if (position < LOG_START || position >= this.#log.end) return position + 1;
    this.#checkPlace(position);
    return this.#log.forwards(position, 1, () => undefined);
  }

  /** Down the log from below position `before`. @throws NoSuchPosition */
  downwards(before: number): Cursor {
    let next = Math.min(Math.max(before, LOG_START), this.#log.end);
    this.#checkPlace(next);
    return (limit, visit) => {
      let count = 0;
      next = this.#log.backwards(next, limit, (record, position) => {
        count++;
        visit(record, position);
      });
      return count;
    };
  }

  /** Up to `limit` events of a stream behind revision `after`, upwards; returns how many. A tombstone is not among them. */
  streamForwards(ordinal: number, after: number, limit: number, visit: Visit): number {
    const positions = after >= Number.MAX_SAFE_INTEGER ? [] : this.#index.upwards(ordinal, after + 1, limit);
    for (const position of positions) this.#log.at(position, visit);
    return positions.length;
  }

  streamBackwards(ordinal: number, before: number, limit: number, visit: Visit): number {
    const positions = before <= 0 ? [] : this.#index.downwards(ordinal, before - 1, limit);
    for (const position of positions) this.#log.at(position, visit);
    return positions.length;
  }

  /** Appends records as one write. They are on disk, and readers see them, when this returns. @throws when the disk fails. */
  write(records: readonly StoredRecord[]): void {
    const last = records.at(-1);
    for (const record of records) sealRecord(record.bytes, record.position, record === last);
    this.#log.append(records.map(({ bytes }) => bytes));
    for (const record of records) this.#index.add(record);
  }

  /** Resolves when the index has room for more: at once, unless its disk lags far behind. @throws when it cannot be written. */
  relieved(): Promise<void> {
    return this.#index.relieve(this.#log.end);
  }

  /** Also brings the index on disk up to the log, so that the next start has nothing to read. */
  async close(): Promise<void> {
    await this.#index.settle(this.#log.end);
    this.#unlock();
    await this.#index.close();
    this.#log.close();
  }

  #checkPlace(position: number): void {
    if (position > LOG_START && position < this.#log.end && !this.#log.has(position)) {
      throw new NoSuchPosition(`no event stands at position ${position}`);
    }
  }
}

/** Brings the index up to the log, which is read from where the index ends. */
const reindex = (log: LogFile, index: StreamIndex): void => {
  let from = index.end;
  if (from > log.size) {
    throw new Error(`the log ends at ${log.size}, its index at ${from}: the log lost its end, or they are of two stores`);
  }
  if (from < LOG_START) {
    index.clear();
    from = LOG_START;
  }
  // What a killed process had written, but not yet flushed, is shown from now on; and the index must never be ahead of it.
  log.sync();
  recover(log, from, (record, position) => {
    const stream = recordStream(record).toString('utf8');
    const ordinal = index.head(stream)?.ordinal ?? position;
    index.add({ stream, ordinal, revision: recordRevision(record), position });
    if (index.isFull) index.flush(position + record.length);
  });
  log.cut();
};

/**
 * Opens or makes a store in `folder`, and makes this process its only writer.
 * @param flush whether writes wait for the disk; only throw-away stores do without.
 * @throws DataDirInUse, DamagedLog; an Error when the folder holds something else.
 */
export const openStorage = (folder: string, flush: boolean): Storage => {
  if (existsSync(join(folder, 'data.mdb')))
    throw new Error(`${folder} holds an event store of an older format, which is not read any more`);
  mkdirSync(folder, { recursive: true });
  const index = new StreamIndex(indexPath(folder), flush);
  let unlock = (): void => undefined;
  let log: LogFile | undefined;
  try {
    unlock = lockWriter(index.root, folder);
    log = new LogFile(logPath(folder), flush);
    reindex(log, index);
    return new Storage(log, index, unlock);
  } catch (error) {
    unlock();
    log?.close();
    void index.close();
    throw error;
  }
};
