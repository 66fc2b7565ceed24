import { TOMBSTONE_REVISION } from './record.ts';

/** A stream's newest event. `ordinal` numbers the stream for ever: it is the position of its first event. */
export type Head = Readonly<{ ordinal: number; last: number }>;
/** Where a stream has its event of a revision. */
export type IndexEntry = Readonly<{ stream: string; ordinal: number; revision: number; position: number }>;

/** A stream's positions from revision `first` on, and that of its tombstone. */
type StreamTail = {
  readonly stream: string;
  readonly ordinal: number;
  readonly first: number;
  readonly regular: number[];
  tombstone: number | undefined;
};

const lastOf = ({ first, regular, tombstone }: StreamTail): number =>
  tombstone === undefined ? first + regular.length - 1 : TOMBSTONE_REVISION;

/**
 * The index of the log's last stretch, in memory until it is written to the index on disk. Holds numbers, one for each event,
 * and nothing of the records: thousands of objects that live for a second each are what a garbage collector does worst.
 */
export class IndexTail {
  readonly #byName = new Map<string, StreamTail>();
  readonly #byOrdinal = new Map<number, StreamTail>();
  #events = 0;

  /** How many events are in it. */
  get events(): number {
    return this.#events;
  }

  add({ stream, ordinal, revision, position }: IndexEntry): void {
    let tail = this.#byName.get(stream);
    if (tail === undefined) {
      tail = { stream, ordinal, first: revision, regular: [], tombstone: undefined };
      this.#byName.set(stream, tail);
      this.#byOrdinal.set(ordinal, tail);
    }
    if (revision === TOMBSTONE_REVISION) tail.tombstone = position;
    else tail.regular.push(position);
    this.#events++;
  }

  head(stream: string): Head | undefined {
    const tail = this.#byName.get(stream);
    return tail === undefined ? undefined : { ordinal: tail.ordinal, last: lastOf(tail) };
  }

  position(ordinal: number, revision: number): number | undefined {
    const tail = this.#byOrdinal.get(ordinal);
    if (tail === undefined) return undefined;
    return revision === TOMBSTONE_REVISION ? tail.tombstone : tail.regular[revision - tail.first];
  }

  /** Shows each event, stream by stream, and the head of each stream. */
  visit(event: (ordinal: number, revision: number, position: number) => void, head: (stream: string, head: Head) => void): void {
    for (const tail of this.#byName.values()) {
      const { stream, ordinal, first, regular, tombstone } = tail;
      for (let n = 0; n < regular.length; n++) event(ordinal, first + n, regular[n] as number);
      if (tombstone !== undefined) event(ordinal, TOMBSTONE_REVISION, tombstone);
      head(stream, { ordinal, last: lastOf(tail) });
    }
  }
}
