import { encodeRecord, type ProposedEvent, recordId, recordRevision, recordStream, TOMBSTONE_REVISION } from '../storage/record.ts';
import type { Head, Storage, StoredRecord } from '../storage/storage.ts';
import type { Stored } from './append.ts';
import type { Placed } from './recentIds.ts';

/** A stream's events of one turn: ids and positions from revision `first` on, and the tombstone if the turn ends the stream. */
type StagedStream = {
  readonly ordinal: number;
  readonly first: number;
  readonly ids: string[];
  readonly positions: number[];
  hasTombstone: boolean;
};

const lastOf = (staged: StagedStream): number => (staged.hasTombstone ? TOMBSTONE_REVISION : staged.first + staged.ids.length - 1);
const headOf = (staged: StagedStream): Head => ({ ordinal: staged.ordinal, last: lastOf(staged) });

const placedIn = (record: Buffer): Placed => ({
  id: recordId(record),
  stream: recordStream(record).toString('utf8'),
  revision: recordRevision(record),
});

/** Events that are written to disk together. */
class Turn {
  readonly records: StoredRecord[] = [];
  readonly streams = new Map<string, StagedStream>();
}

/** The log as the next append will find it: what is on disk, below what gathers for the next write. */
export class Staging {
  readonly #storage: Storage;
  #nextPosition: number;
  #gathering = new Turn();

  constructor(storage: Storage) {
    this.#storage = storage;
    this.#nextPosition = storage.nextPosition();
  }

  head(stream: string): Head | undefined {
    const staged = this.#gathering.streams.get(stream);
    return staged === undefined ? this.#storage.head(stream) : headOf(staged);
  }

  /** The event of a stream at a revision; `head` is the stream's. */
  at(stream: string, head: Head | undefined, revision: number): (Stored & Readonly<{ id: string }>) | undefined {
    const staged = this.#gathering.streams.get(stream);
    if (staged !== undefined && revision >= staged.first) {
      const id = staged.ids[revision - staged.first];
      const position = staged.positions[revision - staged.first];
      return id === undefined || position === undefined ? undefined : { id, revision, position };
    }
    const stored = head === undefined ? undefined : this.#storage.idAt(head.ordinal, revision);
    return stored === undefined ? undefined : { ...stored, revision };
  }

  /** What stands at a position, on disk or staged. */
  placed(position: number): Placed {
    const record = this.#gathering.records.find((staged) => staged.position === position)?.bytes;
    return record === undefined ? this.#storage.at(position, placedIn) : placedIn(record);
  }

  /** Puts an event behind its stream's last one, at the end of the log. */
  add(stream: string, event: ProposedEvent, createdAtMs: number): Stored {
    const staged = this.#stagedStream(stream);
    return this.#put(staged, stream, event, staged.first + staged.ids.length, createdAtMs);
  }

  /** Puts the event that ends a stream for ever; nothing may be added to the stream afterwards. The stream need not exist. */
  addTombstone(stream: string, event: ProposedEvent, createdAtMs: number): Stored {
    const staged = this.#stagedStream(stream);
    staged.hasTombstone = true;
    return this.#put(staged, stream, event, TOMBSTONE_REVISION, createdAtMs);
  }

  /** Hands over what has gathered, to be written at once: it is no longer seen here, and not yet on disk. */
  take(): readonly StoredRecord[] {
    const { records } = this.#gathering;
    this.#gathering = new Turn();
    return records;
  }

  /** A stream is numbered by the position of its first event. */
  #stagedStream(stream: string): StagedStream {
    let staged = this.#gathering.streams.get(stream);
    if (staged === undefined) {
      const head = this.head(stream);
      const first = (head?.last ?? -1) + 1;
      staged = { ordinal: head?.ordinal ?? this.#nextPosition, first, ids: [], positions: [], hasTombstone: false };
      this.#gathering.streams.set(stream, staged);
    }
    return staged;
  }

  #put(staged: StagedStream, stream: string, event: ProposedEvent, revision: number, createdAtMs: number): Stored {
    const stored = { revision, position: this.#nextPosition };
    const { records } = this.#gathering;
    const bytes = encodeRecord(event, { stream, ...stored, createdAtMs }, records[0]?.position ?? stored.position);
    records.push({ stream, ordinal: staged.ordinal, ...stored, bytes });
    staged.ids.push(event.id);
    staged.positions.push(stored.position);
    this.#nextPosition += bytes.length;
    return stored;
  }
}
