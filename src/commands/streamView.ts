import type { Fold } from '../domain/kernel.ts';
import {
  type Appended,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type Position,
  type RecordedEvent,
  type Revision,
} from '../platform/eventStore/eventStore.ts';

/** The stream has a hole, or events this process cannot read, or fewer than it had: deciding on it would be guessing. */
export class StreamUnreadable extends Error {
  override name = 'StreamUnreadable';
}

export type TypedEvent = Readonly<{ type: string; data: unknown }>;
/** Turns a stored event into a typed one, or throws when it cannot be read. */
export type Parse<E> = (stored: RecordedEvent) => E;

/**
 * A prefix of a stream that is known to be true, folded. `eventId` names its last event. `asOf`: when the read or append that
 * proved this to be the stream's end was begun, by the monotonic clock; -Infinity as long as the end was never reached.
 */
export type Head<S> = Readonly<{ state: S; revision: Revision; position: Position; eventId: string; asOf: number }>;

/** A state, and the place in its stream up to which it is the fold of all events. */
export type Snapshot<S> = Omit<Head<S>, 'asOf'>;

/** Where a long stream need not be read from its beginning. */
export type SnapshotSource<S> = Readonly<{
  /** Whether a snapshot is looked for even when the stream seems short. */
  always: boolean;
  /** `null` when there is none that can be used. @throws StoreUnavailable when the store does not answer in time. */
  newest(stream: string, signal: AbortSignal): Promise<Snapshot<S> | null>;
  /** Told of one that was found, and is not of this stream. */
  refuse(stream: string, why: string): void;
  /** Takes one in the background, when it is time. */
  consider(stream: string, head: Snapshot<S>): void;
}>;

/** What all streams of one kind have in common. */
export type StreamKind<S, E extends TypedEvent> = Readonly<{
  store: EventStore;
  fold: Fold<S, E>;
  parse: Parse<E>;
  monotonic: () => number;
  /** `null`: such streams stay short. */
  snapshots: SnapshotSource<S> | null;
}>;

/** Events read at once: the most that a cold start holds beside the state. */
const PAGE = 1_000;

/** What this process knows of one stream. It only ever moves to newer revisions, unless it is told to forget. */
export class StreamView<S, E extends TypedEvent> {
  readonly stream: string;
  private readonly kind: StreamKind<S, E>;
  private known: Head<S>;

  constructor(stream: string, kind: StreamKind<S, E>) {
    this.stream = stream;
    this.kind = kind;
    this.known = this.nothing();
  }

  get head(): Head<S> {
    return this.known;
  }

  /** Whether the stream must be read before anything is appended: a snapshot may prove that it once was longer. */
  get mustBeRead(): boolean {
    return this.known.asOf === Number.NEGATIVE_INFINITY && this.kind.snapshots?.always === true;
  }

  forget(): void {
    this.known = this.nothing();
  }

  /** The state after events of our own were appended to the head; `asOf` is when that append was begun. */
  appended(state: S, events: readonly NewEvent[], { revision, position }: Appended, asOf: number): void {
    this.known = { state, revision, position, eventId: events.at(-1)?.id ?? this.known.eventId, asOf };
  }

  /** Lets a snapshot be taken, when it is time for one. Returns at once. */
  keep(): void {
    this.kind.snapshots?.consider(this.stream, this.known);
  }

  /**
   * Reads to the end. What was read stays known when a later page fails.
   * @throws StoreUnavailable when the store does not answer in time.
   * @throws StreamUnreadable when the stream cannot be decided on by this process.
   */
  async catchUp(signal: AbortSignal): Promise<Head<S>> {
    const { store, monotonic, snapshots } = this.kind;
    for (;;) {
      const asOf = monotonic();
      const page = await store.readStream(this.stream, this.known.revision + 1n, { maxCount: PAGE, signal });
      const goesOn = page.length === PAGE;
      if (snapshots && this.known.revision === NO_STREAM && (goesOn || snapshots.always)) {
        if (await this.beginAtSnapshot(snapshots, signal)) continue;
      }
      this.fold(page, goesOn ? this.known.asOf : asOf);
      if (!goesOn) return this.known;
    }
  }

  /** Whether there is a snapshot of this very history: its last event must stand in the stream, in its place. */
  private async beginAtSnapshot(snapshots: SnapshotSource<S>, signal: AbortSignal): Promise<boolean> {
    const { stream } = this;
    const kept = await snapshots.newest(stream, signal);
    if (!kept) return false;
    const [last] = await this.kind.store.readStream(stream, kept.revision, { maxCount: 1, signal });
    if (last === undefined) throw new StreamUnreadable(`${stream} has no event ${kept.revision}, of which there is a snapshot`);
    if (last.id !== kept.eventId) {
      snapshots.refuse(stream, 'it was taken of another history');
      return false;
    }
    this.known = { ...kept, asOf: Number.NEGATIVE_INFINITY };
    return true;
  }

  private nothing(): Head<S> {
    return { state: this.kind.fold.initial, revision: NO_STREAM, position: 0n, eventId: '', asOf: Number.NEGATIVE_INFINITY };
  }

  private fold(page: readonly RecordedEvent[], asOf: number): void {
    const { fold, parse } = this.kind;
    let { state, revision, position, eventId } = this.known;
    for (const stored of page) {
      if (stored.revision !== revision + 1n) throw new StreamUnreadable(`${this.stream} has no event ${revision + 1n}`);
      try {
        state = fold.evolve(state, parse(stored));
      } catch (error) {
        throw new StreamUnreadable(`${this.stream} cannot be read at ${stored.revision}`, { cause: error });
      }
      ({ revision, position, id: eventId } = stored);
    }
    this.known = { state, revision, position, eventId, asOf };
  }
}
