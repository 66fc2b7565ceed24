/** The number of an event within its stream, from 0. */
export type Revision = bigint;
/** The revision of a stream that has no events. */
export const NO_STREAM: Revision = -1n;
/** A place in the one log that all streams share: strictly increasing, not dense. What a read-your-writes token carries. */
export type Position = bigint;
/** Names one store for ever: a position means nothing without it. */
export type StoreId = string;

/** Who asked for an event and why; stored beside it, read by people and tools, never by a decision. */
export type Metadata = Readonly<{ commandId: string; correlationId: string; causationId: string; actor: string }>;

/** An event to append. `id` is the same at every try of the same command, so that a resend at the same revision is harmless. */
export type NewEvent = Readonly<{ id: string; type: string; data: unknown; metadata: Metadata }>;

/** An event as the log holds it. `data` is parsed JSON that nobody has checked yet. */
export type RecordedEvent = Readonly<{
  id: string;
  stream: string;
  type: string;
  data: unknown;
  metadata: unknown;
  revision: Revision;
  position: Position;
  /** Milliseconds since 1970 by the store's clock: for people only. */
  createdAt: number;
}>;

export type Appended = Readonly<{ revision: Revision; position: Position }>;

/** What a subscription tells, in log order. `caught-up` may come more than once. */
export type Delivery =
  | Readonly<{ kind: 'event'; event: RecordedEvent }>
  /** All matching events up to here were delivered. */
  | Readonly<{ kind: 'checkpoint'; position: Position }>
  | Readonly<{ kind: 'caught-up' }>;

export type SubscribeOptions = Readonly<{
  /** The last position already processed; `null` starts before the first event. */
  after: Position | null;
  /** Only events of these types, at least one; all but the store's own (`$…`) when left out. */
  types?: readonly string[];
  /** Aborting ends the iteration without an error. */
  signal: AbortSignal;
}>;

export type ReadOptions = Readonly<{
  /** Events at most; the rest is read by asking again from the next revision. */
  maxCount: number;
  signal?: AbortSignal;
}>;

/** Appends no larger than this are sent, in bytes of event data and metadata: half of what EventStoreDB takes. */
export const APPEND_BYTES_MAX = 512 * 1024;

/**
 * The event store as Tillstream needs it: exact expected revisions only (there is no ANY), and a
 * limit on every wait. One contract suite runs over every implementation.
 */
export interface EventStore {
  /**
   * Events of a stream from revision `from` on, oldest first. A stream that does not exist has none.
   * @throws StoreUnavailable when the store does not answer in time.
   */
  readStream(stream: string, from: Revision, options: ReadOptions): Promise<readonly RecordedEvent[]>;

  /**
   * Appends all events or none, durably, if the stream's last revision is `expected`.
   * Repeating an append with the same ids at the same `expected` succeeds again with the old answer.
   * @throws WrongRevision when the stream is elsewhere: nothing was written.
   * @throws AppendTooLarge when the store refuses the size: nothing was written.
   * @throws AppendRefused when the store will never take it (no access, stream deleted): nothing was written.
   * @throws StoreUnavailable when it was never sent (the store is closed, too many appends wait, `signal` came first): nothing was written.
   * @throws AppendInDoubt when the answer was lost: the events may be there now, or later, or never.
   */
  append(stream: string, events: readonly NewEvent[], expected: Revision, signal?: AbortSignal): Promise<Appended>;

  /**
   * Follows the whole log from just behind `after`.
   * The iteration ends without an error only when `signal` is aborted.
   * @throws SubscriptionLost when it broke or ended by itself: subscribe again from what was processed.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<Delivery>;

  /** Position of the newest event in the log, the store's own included; 0 when it is empty. */
  head(signal?: AbortSignal): Promise<Position>;

  /** The identity kept in the stream `store-identity`; the first to ask writes it. */
  identity(signal?: AbortSignal): Promise<StoreId>;

  /** Ends everything under way. Nothing can be asked afterwards. */
  close(): Promise<void>;
}

export class WrongRevision extends Error {
  override name = 'WrongRevision';
}
export class AppendTooLarge extends Error {
  override name = 'AppendTooLarge';
}
export class AppendRefused extends Error {
  override name = 'AppendRefused';
}
export class AppendInDoubt extends Error {
  override name = 'AppendInDoubt';
}
export class StoreUnavailable extends Error {
  override name = 'StoreUnavailable';
}
export class SubscriptionLost extends Error {
  override name = 'SubscriptionLost';
}

export const STORE_IDENTITY_STREAM = 'store-identity';
