import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import {
  type AppendResult,
  BACKWARDS,
  END,
  type EventData,
  type EventStoreDBClient,
  type JSONType,
  jsonEvent,
  NO_STREAM as NO_STREAM_YET,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client';
import { type EncodedEvent, encodeAppend } from './appendRequest.ts';
import { acquireConnection, type EsdbConnection, type Generation, type Interrupt, type StoreLog, silent } from './esdbConnection.ts';
import { appendError } from './esdbErrors.ts';
import { readToEnd } from './esdbRead.ts';
import { EsdbSubscription } from './esdbSubscription.ts';
import {
  type Appended,
  AppendInDoubt,
  AppendRefused,
  AppendTooLarge,
  type Delivery,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  type StoreId,
  StoreUnavailable,
  type SubscribeOptions,
  WrongRevision,
} from './eventStore.ts';
import { orAborted } from './orAborted.ts';
import { checkRead, isPosition } from './readRequest.ts';
import { readOrWriteIdentity } from './storeIdentity.ts';

/** How long the answer to an append is waited for, in milliseconds. */
const APPEND_MAX_MS = 3_000;

export type EsdbEventStoreOptions = Readonly<{
  log?: StoreLog;
  appendTimeoutMs?: number;
  /** Monotonic clock in milliseconds. */
  now?: () => number;
}>;

const utf8 = new TextEncoder();

/** An append on its way: what goes, and how much of the window it takes. */
type Append = Readonly<{ stream: string; events: readonly EncodedEvent[]; expected: Revision; bytes: number }>;

class Esdb implements EventStore {
  private readonly connection: EsdbConnection;
  private readonly release: () => Promise<void>;
  private readonly appendMaxMs: number;
  /** What of this adapter is under way; others may share the connection. */
  private readonly underWay = new Set<Interrupt>();
  private readonly closed = new AbortController();
  private closing: Promise<void> | undefined;

  constructor(url: string, { log = silent, appendTimeoutMs = APPEND_MAX_MS, now = () => performance.now() }: EsdbEventStoreOptions) {
    ({ connection: this.connection, release: this.release } = acquireConnection(url, log, now));
    this.appendMaxMs = appendTimeoutMs;
    setMaxListeners(0, this.closed.signal); // Each read under way listens; their number is limited by those who ask.
  }

  async readStream(stream: string, from: Revision, { maxCount, signal }: ReadOptions): Promise<readonly RecordedEvent[]> {
    checkRead(from, maxCount);
    return this.read(stream, ({ client }) => client.readStream(stream, { fromRevision: from, maxCount }), signal);
  }

  async append(stream: string, events: readonly NewEvent[], expected: Revision, signal?: AbortSignal): Promise<Appended> {
    const { encoded, bytes } = encodeAppend(stream, events, expected);
    this.refuseWhenUseless(signal);
    const { window } = this.connection;
    if (!window.tryEnter(bytes)) await window.enter(bytes, signal);
    let generation: Generation;
    try {
      generation = this.connection.current ?? (await this.connection.open());
      this.refuseWhenUseless(signal);
    } catch (error) {
      window.leave(bytes);
      throw error;
    }
    return this.send(generation, { stream, events: encoded, expected, bytes }, signal);
  }

  /** @throws TypeError when `after` is no position, or `types` is empty. */
  subscribe(options: SubscribeOptions): AsyncIterable<Delivery> {
    this.refuseWhenUseless();
    return {
      [Symbol.asyncIterator]: () => {
        const subscription = new EsdbSubscription(this.connection, options, (over) => this.underWay.delete(over));
        if (!options.signal.aborted) this.underWay.add(subscription.lose);
        return subscription;
      },
    };
  }

  async head(signal?: AbortSignal): Promise<Position> {
    const open = ({ client }: Generation) => client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1 });
    const [newest] = await this.read('the head', open as (generation: Generation) => StreamingRead<ResolvedEvent>, signal);
    return newest?.position ?? 0n;
  }

  identity(signal?: AbortSignal): Promise<StoreId> {
    return readOrWriteIdentity(this, randomUUID, signal);
  }

  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    this.closed.abort();
    for (const interrupt of [...this.underWay]) interrupt('the event store was closed');
    await this.release();
  }

  private async read(what: string, open: (generation: Generation) => StreamingRead<ResolvedEvent>, signal: AbortSignal | undefined) {
    this.refuseWhenUseless(signal);
    const generation = this.connection.current ?? (await this.connection.open());
    const reading = readToEnd(this.connection, generation, what, () => open(generation), signal);
    return orAborted(reading, this.closed.signal, () => new StoreUnavailable('the event store was closed'));
  }

  /**
   * Sends one append and waits for its answer (CL1): no longer than `appendMaxMs`, after which the client is
   * dropped. When the caller's signal comes first only the caller stops waiting.
   */
  private send(generation: Generation, append: Append, signal: AbortSignal | undefined): Promise<Appended> {
    const { stream, bytes } = append;
    const { connection, appendMaxMs } = this;
    return new Promise((resolve, reject) => {
      const doubt = (why: string) => reject(new AppendInDoubt(`no answer about ${stream}: ${why}`));
      const isOver = () => {
        if (!this.underWay.delete(interrupt)) return true;
        generation.appends.delete(interrupt);
        clearTimeout(timer);
        signal?.removeEventListener('abort', cut);
        connection.window.leave(bytes);
        return false;
      };
      const interrupt = (why: string) => void (isOver() || doubt(why));
      const cut = () => doubt('no time left');
      const timer = setTimeout(() => {
        interrupt(`${appendMaxMs} ms have passed`);
        connection.drop(generation, `no answer to an append in ${appendMaxMs} ms`);
      }, appendMaxMs);
      this.underWay.add(interrupt);
      generation.appends.add(interrupt);
      signal?.addEventListener('abort', cut, { once: true });

      this.hand(generation.client, append).then(
        (answer) => void (isOver() || resolve(this.answered(generation, stream, answer))),
        (error: unknown) => void (isOver() || reject(this.failed(generation, stream, error))),
      );
    });
  }

  /** Gives an append to the client. */
  private hand(client: EventStoreDBClient, { stream, events, expected }: Append): Promise<AppendResult> {
    const { connection, appendMaxMs: deadline } = this;
    if (connection.encoding.isProven)
      return client.appendToStream(stream, [], { expectedRevision: connection.encoding.carried(events, expected), deadline });
    const expectedRevision = expected === NO_STREAM ? NO_STREAM_YET : expected;
    return client.appendToStream(stream, events.map(clientEvent), { expectedRevision, deadline });
  }

  private answered(generation: Generation, stream: string, answer: AppendResult): Appended | Promise<Appended> {
    this.connection.worked(generation);
    const { nextExpectedRevision: revision, position } = answer;
    if (position === undefined || position.commit !== position.prepare || !isPosition(position.commit))
      return this.placeOf(stream, revision);
    return { revision, position: position.commit };
  }

  private failed(generation: Generation, stream: string, error: unknown): Error {
    const failure = appendError(stream, error);
    if (isAnswer(failure)) this.connection.worked(generation);
    else this.connection.failed(generation);
    return failure;
  }

  /** Reads what was appended, for a server that gives no proper position with its answer. */
  private async placeOf(stream: string, revision: Revision): Promise<Appended> {
    const [event] = await this.readStream(stream, revision, { maxCount: 1 }).catch(() => []);
    if (event === undefined) throw new AppendInDoubt(`${stream} does not show what was appended`);
    return { revision, position: event.position };
  }

  private refuseWhenUseless(signal?: AbortSignal): void {
    if (this.closing !== undefined) throw new StoreUnavailable('the event store is closed');
    if (signal?.aborted) throw new StoreUnavailable('no time left to ask the event store');
  }
}

/** Parsed again, for it to be what it was when the append was asked for. */
const clientEvent = ({ id, type, data, metadata }: EncodedEvent): EventData =>
  jsonEvent({ id, type, data: JSON.parse(data) as JSONType, metadata: utf8.encode(metadata) });

const isAnswer = (error: Error): boolean =>
  error instanceof WrongRevision || error instanceof AppendTooLarge || error instanceof AppendRefused;

/**
 * An adapter for EventStoreDB, and for the embedded server, over the unmodified client. It keeps the hazards
 * of that client (reliability: CL1 to CL16) from its callers: every wait ends, a bad client is replaced, at
 * most one client exists in a process.
 *
 * @throws Error when the connection string is wrong, or when the process is connected to another address.
 */
export const createEsdbEventStore = (url: string, options: EsdbEventStoreOptions = {}): EventStore => new Esdb(url, options);
