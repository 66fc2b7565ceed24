import { existsSync } from 'node:fs';
import { ProtoReader } from '../transport/protobuf.ts';
import { indexPath, logToRead } from './folder.ts';
import type { Head } from './indexTail.ts';
import { LOG_START } from './logFile.ts';
import { recordedEvent, recordRevision, recordStream, TOMBSTONE_REVISION } from './record.ts';
import { DamagedLog, recover } from './recovery.ts';
import { StreamIndex } from './streamIndex.ts';

const PROBLEMS_MAX = 100;

/** What a data folder holds, and what is wrong with it. */
export type Verification = Readonly<{
  events: number;
  streams: number;
  /** Position behind the last event, and the one up to which the index on disk goes. */
  end: number;
  indexedUpTo: number;
  /** At most 100, in words. */
  problems: readonly string[];
}>;

/** The two positions a reader is told, which must be the one at which the record stands. */
const toldPositions = (record: Buffer): number[] => {
  const reader = new ProtoReader(recordedEvent(record));
  const positions: number[] = [];
  while (reader.next()) {
    if (reader.field === 4 || reader.field === 5) positions.push(reader.uint());
    else reader.skip();
  }
  return positions;
};

/** Follows the log and holds the index against it. */
class Verifier {
  readonly problems: string[] = [];
  events = 0;
  readonly heads = new Map<string, Head>();
  readonly #index: StreamIndex | undefined;
  readonly #indexedUpTo: number;
  #indexed = 0;
  /** Streams as they were at the last indexed event. */
  readonly #indexedHeads = new Map<string, Head>();

  constructor(index: StreamIndex | undefined, indexedUpTo: number) {
    this.#index = index;
    this.#indexedUpTo = indexedUpTo;
  }

  event(record: Buffer, position: number): void {
    const stream = recordStream(record).toString('utf8');
    const revision = recordRevision(record);
    const head = this.heads.get(stream) ?? { ordinal: position, last: -1 };
    const isNext = head.last !== TOMBSTONE_REVISION && (revision === head.last + 1 || revision === TOMBSTONE_REVISION);
    if (!isNext) this.found(`position ${position}: ${stream} has revision ${revision} behind ${head.last}`);
    if (toldPositions(record).some((told) => told !== position)) this.found(`position ${position}: the event says it stands elsewhere`);
    const now = { ordinal: head.ordinal, last: revision };
    this.heads.set(stream, now);
    this.events++;
    if (position >= this.#indexedUpTo) return;
    this.#indexed++;
    this.#indexedHeads.set(stream, now);
    const indexed = this.#index?.position(head.ordinal, revision);
    if (indexed !== position) this.found(`position ${position}: the index has ${stream}@${revision} at ${indexed ?? 'no position'}`);
  }

  /** After the last event: the index may hold nothing that the log does not. */
  finish(): void {
    if (this.#index === undefined) return;
    for (const [stream, { ordinal, last }] of this.#indexedHeads) {
      const head = this.#index.head(stream);
      if (head?.ordinal !== ordinal || head.last !== last) this.found(`the index has ${stream} end at ${head?.last}, the log at ${last}`);
    }
    const { events, streams } = this.#index.count();
    if (events !== this.#indexed) this.found(`the index has ${events} events up to ${this.#indexedUpTo}, the log ${this.#indexed}`);
    if (streams !== this.#indexedHeads.size) this.found(`the index has ${streams} streams, the log ${this.#indexedHeads.size}`);
  }

  found(problem: string): void {
    if (this.problems.length < PROBLEMS_MAX) this.problems.push(problem);
  }
}

/**
 * Reads a whole data folder, in use or not, and changes nothing: every record's checksum and position, every stream's chain
 * of revisions, every entry of the index. Takes memory for each stream, not for each event.
 * @throws when there is no log in the folder.
 */
export const verifyFolder = async (folder: string): Promise<Verification> => {
  // The index first: the log only gets longer.
  const index = existsSync(indexPath(folder)) ? new StreamIndex(indexPath(folder), false, 'read') : undefined;
  try {
    const indexedUpTo = index?.end ?? 0;
    const log = logToRead(folder);
    const verifier = new Verifier(index, indexedUpTo);
    try {
      recover(log, LOG_START, (record, position) => verifier.event(record, position));
      if (indexedUpTo > log.end) verifier.found(`the index goes up to ${indexedUpTo}, the log ends at ${log.end}`);
      verifier.finish();
    } catch (error) {
      if (!(error instanceof DamagedLog)) throw error;
      verifier.found(error.message);
    } finally {
      log.close();
    }
    const { events, heads, problems } = verifier;
    return { events, streams: heads.size, end: log.end, indexedUpTo, problems };
  } finally {
    await index?.close();
  }
};
