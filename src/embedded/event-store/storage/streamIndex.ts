import { type Database, open, type RootDatabase } from 'lmdb';
import { DATABASE_BYTES_MAX, INDEX_TAIL_EVENTS, INDEX_TAIL_EVENTS_MAX } from '../limits.ts';
import { type Head, type IndexEntry, IndexTail } from './indexTail.ts';
import { TOMBSTONE_REVISION } from './record.ts';

const WORD = 2 ** 32;
const NUMBER_BYTES = 8;

const getNumber = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) * WORD + bytes.readUInt32BE(at + 4);
/** Numbers in 8 bytes each, highest first, so that byte order is number order. */
const numbers = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(values.length * NUMBER_BYTES);
  let at = 0;
  for (const value of values) {
    bytes.writeUInt32BE(Math.floor(value / WORD), at);
    bytes.writeUInt32BE(value % WORD, at + 4);
    at += NUMBER_BYTES;
  }
  return bytes;
};

type Table = Database<Buffer, Buffer>;

const END_KEY = Buffer.from('end');

/**
 * Finds a stream's events in the log. Derived from the log and never ahead of it: the newest entries stand in memory and are
 * written behind in large transactions, and after a crash the log's last stretch is read once more. One LMDB environment:
 *
 *   revisions  stream ordinal and revision -> position
 *   heads      stream name                 -> ordinal and last revision
 *   state      'end'                       -> position up to which the log is indexed here
 */
export class StreamIndex {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly #revisions: Table;
  readonly #heads: Table;
  readonly #state: Table;
  /** Newer entries; those that are being written to disk. */
  #tail = new IndexTail();
  #writing: IndexTail | undefined;
  #written: Promise<void> = Promise.resolve();
  #failure: Error | undefined;

  constructor(path: string, flush: boolean, mode: 'read' | 'write' = 'write') {
    const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
    // Without `overlappingSync: false` a write resolves before it is on disk.
    this.root = open({
      path,
      // Left to itself, LMDB takes a path with a dot in its last part for a file.
      noSubdir: false,
      ...binary,
      overlappingSync: false,
      noSync: !flush,
      readOnly: mode === 'read',
      // Windows would make the file this large at once; there LMDB grows its map step by step.
      ...(process.platform === 'win32' ? {} : { mapSize: DATABASE_BYTES_MAX }),
      maxDbs: 8,
    });
    const table = (name: string): Table => this.root.openDB<Buffer, Buffer>({ name, ...binary });
    this.#revisions = table('revisions');
    this.#heads = table('heads');
    this.#state = table('state');
  }

  /** Up to where the log is indexed on disk; 0 when nothing is. */
  get end(): number {
    const bytes = this.#state.getBinary(END_KEY);
    return bytes === undefined ? 0 : getNumber(bytes, 0);
  }

  head(stream: string): Head | undefined {
    const recent = this.#tail.head(stream) ?? this.#writing?.head(stream);
    if (recent !== undefined) return recent;
    const bytes = this.#heads.getBinary(Buffer.from(stream));
    return bytes === undefined ? undefined : { ordinal: getNumber(bytes, 0), last: getNumber(bytes, NUMBER_BYTES) };
  }

  position(ordinal: number, revision: number): number | undefined {
    const recent = this.#recent(ordinal, revision);
    if (recent !== undefined) return recent;
    const bytes = this.#revisions.getBinary(numbers(ordinal, revision));
    return bytes === undefined ? undefined : getNumber(bytes, 0);
  }

  /** Positions of up to `limit` events from revision `from` on, upwards. A tombstone is not among them. */
  upwards(ordinal: number, from: number, limit: number): number[] {
    const found: number[] = [];
    const range = { start: numbers(ordinal, from), end: numbers(ordinal, TOMBSTONE_REVISION), limit };
    for (const { value } of this.#revisions.getRange(range)) found.push(getNumber(value, 0));
    while (found.length < limit) {
      const position = this.#recent(ordinal, from + found.length);
      if (position === undefined) break;
      found.push(position);
    }
    return found;
  }

  /** Positions of up to `limit` events from revision `from` on, downwards. */
  downwards(ordinal: number, from: number, limit: number): number[] {
    const found: number[] = [];
    while (found.length < limit && from >= found.length) {
      const position = this.#recent(ordinal, from - found.length);
      if (position === undefined) break;
      found.push(position);
    }
    if (found.length === limit || from < found.length) return found;
    // A reverse range leaves out its end: the highest key of the stream before.
    const end = numbers(ordinal, 0).subarray(0, 2 * NUMBER_BYTES - 1);
    const range = { start: numbers(ordinal, from - found.length), end, reverse: true, limit: limit - found.length };
    for (const { value } of this.#revisions.getRange(range)) found.push(getNumber(value, 0));
    return found;
  }

  /** Whether so much stands in memory that it is worth a write. */
  get isFull(): boolean {
    return this.#tail.events >= INDEX_TAIL_EVENTS;
  }

  /** Takes in an event that is in the log. */
  add(entry: IndexEntry): void {
    this.#tail.add(entry);
  }

  /**
   * Writes the entries in memory behind, when they are many; `end` is the log's. Resolves at once, unless the disk lags so far
   * that writers have to wait.
   * @throws when entries could not be written; the log has everything all the same.
   */
  async relieve(end: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.isFull && this.#writing === undefined) this.#written = this.#writeBehind(end);
    if (this.#tail.events >= INDEX_TAIL_EVENTS_MAX) await this.#written;
  }

  /** Writes the entries in memory, waiting for the disk. For recovery, and for the end. */
  flush(end: number): void {
    this.root.transactionSync(() => {
      void this.#put(this.#tail, end);
    });
    this.#tail = new IndexTail();
    this.root.resetReadTxn();
  }

  /** Forgets everything; the log is to be read again from its start. */
  clear(): void {
    this.root.transactionSync(() => {
      for (const table of [this.#revisions, this.#heads, this.#state]) table.clearSync();
    });
    this.root.resetReadTxn();
  }

  /** How many events, how many streams are in the index on disk. Reads all of it. */
  count(): Readonly<{ events: number; streams: number }> {
    return { events: this.#revisions.getKeysCount(), streams: this.#heads.getKeysCount() };
  }

  /** Waits for what is being written and writes the rest, unless writing has failed: the log has everything. */
  async settle(end: number): Promise<void> {
    await this.#written;
    if (this.#failure === undefined) this.flush(end);
  }

  async close(): Promise<void> {
    await this.root.close();
  }

  #recent(ordinal: number, revision: number): number | undefined {
    return this.#tail.position(ordinal, revision) ?? this.#writing?.position(ordinal, revision);
  }

  async #writeBehind(end: number): Promise<void> {
    const tail = this.#tail;
    this.#writing = tail;
    this.#tail = new IndexTail();
    try {
      // All puts of one turn of the event loop are one transaction; they share one promise.
      await this.#put(tail, end);
      this.#writing = undefined;
      this.root.resetReadTxn();
    } catch (error) {
      // LMDB's own reason comes in a second promise.
      const reason = await Promise.resolve((error as { commitError?: Promise<unknown> }).commitError).catch((cause: unknown) => cause);
      const message = reason instanceof Error ? reason.message : String(error);
      this.#failure = new Error(`the index could not be written: ${message}`, { cause: error });
    }
  }

  /** Into the transaction at hand, sync or not. */
  #put(tail: IndexTail, end: number): Promise<boolean> {
    tail.visit(
      (ordinal, revision, position) => void this.#revisions.put(numbers(ordinal, revision), numbers(position)),
      (stream, { ordinal, last }) => void this.#heads.put(Buffer.from(stream), numbers(ordinal, last)),
    );
    return this.#state.put(END_KEY, numbers(end));
  }
}
