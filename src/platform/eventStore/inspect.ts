import {
  BACKWARDS,
  type Direction,
  END,
  FORWARDS,
  type ReadRevision,
  type ResolvedEvent,
  START,
  StreamDeletedError,
  type StreamingRead,
  StreamNotFoundError,
} from '@eventstore/db-client';
import { acquireConnection, silent } from './esdbConnection.ts';
import { readError } from './esdbErrors.ts';
import { type Position, type RecordedEvent, type Revision, StoreUnavailable } from './eventStore.ts';
import { type Page, readPage } from './inspectRead.ts';

/** Events of one read; the next begins where it ended. */
const PAGE_EVENTS = 4_096;

export type LogRange = Readonly<{
  /** Only events behind this position; `null` begins with the first. */
  after: Position | null;
  /** Up to this position and not beyond. */
  upTo: Position;
  signal: AbortSignal;
}>;

export type StreamRange = Readonly<{
  /** The first event to read; `null` is the stream's end from which reading begins: its first event, backwards its last. */
  from: Revision | null;
  backwards: boolean;
  /** Events at most; `null` for all there are. */
  maxCount: number | null;
  signal: AbortSignal;
}>;

/** The stream does not exist, or it was deleted. */
export class NoSuchStream extends Error {
  override name = 'NoSuchStream';
}

/**
 * A look into any EventStoreDB, the store's own events (`$…`) included. Reads only. Data or metadata that is not JSON comes as a
 * `Uint8Array`; JSON comes as the client parsed it, so that of numbers that a double cannot hold the nearest double is left.
 * Memory does not grow with what is read. The iterations end without an error when their `signal` is aborted.
 */
export type Inspection = Readonly<{
  /** Position of the newest event, `null` when there is none. @throws StoreUnavailable, or the store's refusal. */
  end(signal: AbortSignal): Promise<Position | null>;
  /** @throws StoreUnavailable, also when the log ends before `upTo`; or the store's refusal. */
  log(range: LogRange): AsyncGenerator<RecordedEvent, void>;
  /** @throws NoSuchStream; StoreUnavailable, or the store's refusal. */
  stream(name: string, range: StreamRange): AsyncGenerator<RecordedEvent, void>;
  close(): Promise<void>;
}>;

type Reader = (page: Page) => AsyncGenerator<RecordedEvent, void>;

async function* readLog(read: Reader, { after, upTo, signal }: LogRange): AsyncGenerator<RecordedEvent, void> {
  let last = after ?? -1n;
  while (last < upTo && !signal.aborted) {
    const from = last;
    // The event at `from` comes once more and is passed over: not every server takes a position at which no event begins.
    const fromPosition = from < 0n ? START : { commit: from, prepare: from };
    const open: Page['open'] = (client) =>
      client.readAll({ direction: FORWARDS, fromPosition, maxCount: PAGE_EVENTS }) as StreamingRead<ResolvedEvent>;
    for await (const event of read({ what: 'the log', open, signal })) {
      if (event.position <= last) continue;
      last = event.position;
      // What lies beyond is let run out: a read is not left early for it (CL9).
      if (last <= upTo) yield event;
    }
    if (last === from && !signal.aborted) throw new StoreUnavailable(`cannot read the log: it ended at ${last}, before ${upTo}`);
  }
}

async function* readStream(read: Reader, stream: string, range: StreamRange): AsyncGenerator<RecordedEvent, void> {
  const { backwards, maxCount, signal } = range;
  const direction: Direction = backwards ? BACKWARDS : FORWARDS;
  let from: ReadRevision = range.from ?? (backwards ? END : START);
  let left = maxCount ?? Number.POSITIVE_INFINITY;
  while (left > 0 && !signal.aborted) {
    const options = { fromRevision: from, maxCount: Math.min(left, PAGE_EVENTS), direction };
    let count = 0;
    let last: Revision = -1n;
    for await (const event of read({ what: stream, open: (client) => client.readStream(stream, options), signal })) {
      count += 1;
      last = event.revision;
      yield event;
    }
    if (count < options.maxCount || (backwards && last === 0n)) return;
    left -= count;
    from = backwards ? last - 1n : last + 1n;
  }
}

async function* named(what: string, events: AsyncGenerator<RecordedEvent, void>): AsyncGenerator<RecordedEvent, void> {
  try {
    yield* events;
  } catch (error) {
    if (error instanceof StreamNotFoundError) throw new NoSuchStream(`there is no stream ${what}`);
    if (error instanceof StreamDeletedError) throw new NoSuchStream(`the stream ${what} was deleted for ever`);
    throw error instanceof StoreUnavailable ? error : readError(what, error);
  }
}

async function* newest(read: Reader, signal: AbortSignal): AsyncGenerator<RecordedEvent, void> {
  const open: Page['open'] = (client) =>
    client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 }) as StreamingRead<ResolvedEvent>;
  yield* read({ what: 'the end of the log', open, signal });
}

/**
 * Over the process's one client (CL2), shared with an adapter for the same address.
 * @throws Error when the connection string is wrong, or when the process is connected to another address.
 */
export const openInspection = (url: string): Inspection => {
  const { connection, release } = acquireConnection(url, silent, () => performance.now());
  const read: Reader = (page) => readPage(connection, page);
  return {
    end: async (signal) => {
      let position: Position | null = null;
      for await (const event of named('the end of the log', newest(read, signal))) position = event.position;
      return position;
    },
    log: (range) => named('the log', readLog(read, range)),
    stream: (name, range) => named(name, readStream(read, name, range)),
    close: release,
  };
};
