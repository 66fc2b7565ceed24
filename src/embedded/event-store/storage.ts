import { type Database, open, type RootDatabase } from 'lmdb';
import { DATABASE_BYTES_MAX } from './limits.ts';
import { checkRecord, recordId } from './record.ts';

/** A stream's newest event. `ordinal` numbers the stream for ever: it is the position of its first event. */
export type Head = Readonly<{ ordinal: number; last: number }>;
export type StoredRecord = Readonly<{ ordinal: number; revision: number; position: number; bytes: Buffer }>;
/** Called for each event found; `record` is void after the call. */
export type Visit = (record: Buffer, position: number) => void;

/**
 * The log on disk. One LMDB environment, three tables:
 *
 *   records   position                    -> record (record.ts)
 *   revisions stream ordinal and revision -> position
 *   heads     stream name                 -> ordinal and last revision
 *
 * A write is one transaction, on disk when it is done; readers see it whole or not at all. LMDB writes pages anew and
 * then flips its root page, so a kill leaves the state of the last finished transaction and there is nothing to recover.
 * Numbers are stored in 8 bytes, highest first, so that byte order is number order.
 */
export type Storage = Readonly<{
  root: RootDatabase<Buffer, Buffer>;
  /** Where the next record goes: a record stands at the sum of the bytes before it. */
  nextPosition: () => number;
  /** Position of the newest event; -1 when there is none. */
  lastPosition: () => number;
  head: (stream: string) => Head | undefined;
  idAt: (ordinal: number, revision: number) => Readonly<{ id: string; position: number }> | undefined;
  /** Up to `limit` events behind position `after`, upwards; returns how many. */
  forwards: (after: number, limit: number, visit: Visit) => number;
  /** Up to `limit` events below position `before`, downwards. */
  backwards: (before: number, limit: number, visit: Visit) => number;
  streamForwards: (ordinal: number, after: number, limit: number, visit: Visit) => number;
  streamBackwards: (ordinal: number, before: number, limit: number, visit: Visit) => number;
  write: (records: readonly StoredRecord[], heads: ReadonlyMap<string, Head>) => Promise<void>;
  close: () => Promise<void>;
}>;

const WORD = 2 ** 32;
const NUMBER_BYTES = 8;

const putNumber = (bytes: Buffer, value: number, at: number): void => {
  bytes.writeUInt32BE(Math.floor(value / WORD), at);
  bytes.writeUInt32BE(value % WORD, at + 4);
};
const getNumber = (bytes: Buffer, at: number): number => bytes.readUInt32BE(at) * WORD + bytes.readUInt32BE(at + 4);
const numbers = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.allocUnsafe(values.length * NUMBER_BYTES);
  for (const [index, value] of values.entries()) putNumber(bytes, value, index * NUMBER_BYTES);
  return bytes;
};

type Table = Database<Buffer, Buffer>;
type Tables = Readonly<{ records: Table; revisions: Table; heads: Table }>;

type Opened = Readonly<{ root: RootDatabase<Buffer, Buffer>; tables: Tables }>;

const openTables = (path: string, flush: boolean): Opened => {
  const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;
  // Without `overlappingSync: false` a write resolves before it is on disk.
  const root: RootDatabase<Buffer, Buffer> = open({
    path,
    // Left to itself, LMDB takes a path with a dot in its last part for a file.
    noSubdir: false,
    ...binary,
    overlappingSync: false,
    noSync: !flush,
    // Windows would make the file this large at once; there LMDB grows its map step by step.
    ...(process.platform === 'win32' ? {} : { mapSize: DATABASE_BYTES_MAX }),
    maxDbs: 8,
  });
  const table = (name: string): Table => root.openDB<Buffer, Buffer>({ name, ...binary });
  return { root, tables: { records: table('records'), revisions: table('revisions'), heads: table('heads') } };
};

/**
 * One transaction, on disk when this returns. It is made on the event loop: what arrives meanwhile waits in the sockets and
 * gathers for the next one, while a write thread would cost two changes of thread a transaction (measured on two busy cores:
 * 15 % of an order's throughput).
 */
const writeAll = ({ root, tables }: Opened, records: readonly StoredRecord[], heads: ReadonlyMap<string, Head>): void => {
  try {
    root.transactionSync(() => {
      for (const record of records) {
        const position = numbers(record.position);
        tables.records.putSync(position, record.bytes);
        tables.revisions.putSync(numbers(record.ordinal, record.revision), position);
      }
      for (const [stream, head] of heads) tables.heads.putSync(Buffer.from(stream), numbers(head.ordinal, head.last));
    });
  } catch (error) {
    throw new Error(`the database could not be written: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
};

const logReads = ({ records }: Tables) => {
  const scan = (start: Buffer, reverse: boolean, limit: number, visit: Visit): number => {
    let count = 0;
    for (const { key, value } of records.getRange({ start, reverse, limit })) {
      const position = getNumber(key, 0);
      checkRecord(value, position);
      visit(value, position);
      count++;
    }
    return count;
  };
  return {
    forwards: (after: number, limit: number, visit: Visit) =>
      after >= Number.MAX_SAFE_INTEGER ? 0 : scan(numbers(after + 1), false, limit, visit),
    backwards: (before: number, limit: number, visit: Visit) => (before <= 0 ? 0 : scan(numbers(before - 1), true, limit, visit)),
  };
};

const streamReads = ({ records, revisions }: Tables) => {
  const scan = (range: Readonly<{ start: Buffer; end: Buffer; reverse: boolean; limit: number }>, visit: Visit): number => {
    let count = 0;
    for (const { value: place } of revisions.getRange(range)) {
      const position = getNumber(place, 0);
      const record = records.getBinary(place);
      if (record === undefined) throw new Error(`the index names position ${position}, where no record is`);
      checkRecord(record, position);
      visit(record, position);
      count++;
    }
    return count;
  };
  return {
    idAt: (ordinal: number, revision: number) => {
      const place = revisions.getBinary(numbers(ordinal, revision));
      const record = place === undefined ? undefined : records.getBinary(place);
      return place === undefined || record === undefined ? undefined : { id: recordId(record), position: getNumber(place, 0) };
    },
    streamForwards: (ordinal: number, after: number, limit: number, visit: Visit) =>
      after >= Number.MAX_SAFE_INTEGER
        ? 0
        : scan({ start: numbers(ordinal, after + 1), end: numbers(ordinal + 1, 0), reverse: false, limit }, visit),
    // A reverse range leaves out its end: the highest key of the stream before.
    streamBackwards: (ordinal: number, before: number, limit: number, visit: Visit) =>
      before <= 0
        ? 0
        : scan({ start: numbers(ordinal, before - 1), end: numbers(ordinal, 0).subarray(0, 15), reverse: true, limit }, visit),
  };
};

/**
 * Opens or makes the database in `folder`.
 * @param flush whether writes wait for the disk; only throw-away stores do without.
 */
export const openStorage = (path: string, flush: boolean): Storage => {
  const { root, tables } = openTables(path, flush);
  const end = () => {
    for (const { key, value } of tables.records.getRange({ reverse: true, limit: 1 })) {
      const position = getNumber(key, 0);
      return { position, next: position + value.length };
    }
    return { position: -1, next: 0 };
  };
  return {
    root,
    nextPosition: () => end().next,
    lastPosition: () => end().position,
    head: (stream) => {
      const bytes = tables.heads.getBinary(Buffer.from(stream));
      return bytes === undefined ? undefined : { ordinal: getNumber(bytes, 0), last: getNumber(bytes, NUMBER_BYTES) };
    },
    ...logReads(tables),
    ...streamReads(tables),
    write: async (records, heads) => {
      writeAll({ root, tables }, records, heads);
      root.resetReadTxn();
    },
    close: () => root.close(),
  };
};
