import { TOMBSTONE_REVISION } from './record.ts';

/** A stream's newest event. `ordinal` numbers the stream for ever: it is the position of its first event. */
export type Head = Readonly<{ ordinal: number; last: number }>;
/** Where a stream has its event of a revision. */
export type IndexEntry = Readonly<{ stream: string; ordinal: number; revision: number; position: number }>;

/** A stream's positions from revision `first` on, and that of its tombstone. */
type Positions = { readonly first: number; readonly regular: number[]; tombstone: number | undefined };

/** Index entries of the log's last stretch, in memory until they are written to the index on disk. */
export class IndexTail {
  readonly entries: IndexEntry[] = [];
  readonly heads = new Map<string, Head>();
  readonly #streams = new Map<number, Positions>();

  add(entry: IndexEntry): void {
    const { stream, ordinal, revision, position } = entry;
    this.entries.push(entry);
    this.heads.set(stream, { ordinal, last: revision });
    let positions = this.#streams.get(ordinal);
    if (positions === undefined) {
      positions = { first: revision, regular: [], tombstone: undefined };
      this.#streams.set(ordinal, positions);
    }
    if (revision === TOMBSTONE_REVISION) positions.tombstone = position;
    else positions.regular.push(position);
  }

  position(ordinal: number, revision: number): number | undefined {
    const positions = this.#streams.get(ordinal);
    if (positions === undefined) return undefined;
    return revision === TOMBSTONE_REVISION ? positions.tombstone : positions.regular[revision - positions.first];
  }
}
