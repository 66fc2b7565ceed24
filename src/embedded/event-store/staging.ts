import type { Stored } from './append.ts';
import { encodeRecord, type ProposedEvent } from './record.ts';
import type { Head, Storage, StoredRecord } from './storage.ts';

/** A stream's events of one turn: ids and positions from revision `first` on. */
type StagedStream = { readonly ordinal: number; readonly first: number; readonly ids: string[]; readonly positions: number[] };

const lastOf = (staged: StagedStream): number => staged.first + staged.ids.length - 1;
const headOf = (staged: StagedStream): Head => ({ ordinal: staged.ordinal, last: lastOf(staged) });

/** Events that are written to disk together. */
export class Turn {
  readonly records: StoredRecord[] = [];
  readonly streams = new Map<string, StagedStream>();

  heads(): Map<string, Head> {
    return new Map([...this.streams].map(([stream, staged]) => [stream, headOf(staged)]));
  }
}

/**
 * The log as the next append will find it: what is on disk, below what is being written, below what gathers for the write
 * after that. At most one turn is being written.
 */
export class Staging {
  readonly #storage: Storage;
  #nextPosition: number;
  #gathering = new Turn();
  #writing: Turn | undefined;

  constructor(storage: Storage) {
    this.#storage = storage;
    this.#nextPosition = storage.nextPosition();
  }

  head(stream: string): Head | undefined {
    const staged = this.#gathering.streams.get(stream) ?? this.#writing?.streams.get(stream);
    return staged === undefined ? this.#storage.head(stream) : headOf(staged);
  }

  /** The event of a stream at a revision; `head` is the stream's. */
  at(stream: string, head: Head | undefined, revision: number): (Stored & Readonly<{ id: string }>) | undefined {
    for (const turn of [this.#gathering, this.#writing]) {
      const staged = turn?.streams.get(stream);
      if (staged === undefined || revision < staged.first) continue;
      const id = staged.ids[revision - staged.first];
      const position = staged.positions[revision - staged.first];
      return id === undefined || position === undefined ? undefined : { id, revision, position };
    }
    const stored = head === undefined ? undefined : this.#storage.idAt(head.ordinal, revision);
    return stored === undefined ? undefined : { ...stored, revision };
  }

  /** Puts an event behind its stream's last one, at the end of the log. A stream is numbered by the position of its first event. */
  add(stream: string, event: ProposedEvent, createdAtMs: number): Stored {
    let staged = this.#gathering.streams.get(stream);
    if (staged === undefined) {
      const head = this.head(stream);
      staged = { ordinal: head?.ordinal ?? this.#nextPosition, first: (head?.last ?? -1) + 1, ids: [], positions: [] };
      this.#gathering.streams.set(stream, staged);
    }
    const stored = { revision: lastOf(staged) + 1, position: this.#nextPosition };
    const bytes = encodeRecord(event, { stream, ...stored, createdAtMs });
    this.#gathering.records.push({ ordinal: staged.ordinal, ...stored, bytes });
    staged.ids.push(event.id);
    staged.positions.push(stored.position);
    this.#nextPosition += bytes.length;
    return stored;
  }

  /** What has gathered is now being written; a new turn begins on top of it. */
  beginWrite(): Turn {
    const turn = this.#gathering;
    this.#writing = turn;
    this.#gathering = new Turn();
    return turn;
  }

  /** The turn being written is on disk. */
  endWrite(): void {
    this.#writing = undefined;
  }
}
