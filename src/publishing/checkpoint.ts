import { randomUUID } from 'node:crypto';
import {
  AppendInDoubt,
  type EventStore,
  type NewEvent,
  NO_STREAM,
  type Position,
  type Revision,
  type StoreId,
  WrongRevision,
} from '../platform/eventStore/eventStore.ts';
import { lastRevision } from '../platform/queue/storeStreams.ts';
import { ORDER_COMPLETED } from './orderCompleted.ts';

// Of categories that are none of the shop's: projections and auditor pass them over. These names and shapes are stored.
export const CHECKPOINT_STREAM = `publishing-${ORDER_COMPLETED}`;
export const PUBLISHED_UP_TO = 'PublishedUpTo';

/** Moves between two truncations of the stream. */
const TRUNCATE_EVERY = 1_000n;
/** Tries of one move whose answer is lost, or that another publisher was faster than. */
const TRIES_MAX = 10;

export const publishingEvent = (type: string, data: unknown): NewEvent => {
  const id = randomUUID();
  return { id, type, data, metadata: { commandId: id, correlationId: '', causationId: '', actor: 'order-publisher' } };
};

/** Lets readers of a stream begin at a revision: what is before is of no use any more. */
export type Truncate = (stream: string, before: Revision) => Promise<void>;

type Stored = Readonly<{ storeId: StoreId; position: Position }>;

/**
 * Up to where the placed orders were published: the last event of a stream in the very log it tells of. So it is backed up, restored
 * and lost together with the orders, and a place of one log is never looked up in another; a table in Postgres would be ahead of a
 * log restored from a backup, and what was sold after that would never be published. No rebuild of a view comes near it.
 */
export class Checkpoint {
  readonly storeId: StoreId;
  private readonly store: EventStore;
  private readonly truncate: Truncate;
  private revision: Revision = NO_STREAM;
  private stored: Stored | null = null;

  private constructor(store: EventStore, storeId: StoreId, truncate: Truncate) {
    this.store = store;
    this.storeId = storeId;
    this.truncate = truncate;
  }

  /** As the stream says now. @throws Error when the stream holds what is no checkpoint. */
  static async load(store: EventStore, storeId: StoreId, truncate: Truncate): Promise<Checkpoint> {
    const checkpoint = new Checkpoint(store, storeId, truncate);
    await checkpoint.refresh();
    return checkpoint;
  }

  /** `null` before the first order, or when what is stored belongs to another log. */
  get position(): Position | null {
    return this.stored?.storeId === this.storeId ? this.stored.position : null;
  }

  /** The log that the stored checkpoint belongs to, when it is not this one. */
  get foreignStoreId(): StoreId | null {
    return this.stored === null || this.stored.storeId === this.storeId ? null : this.stored.storeId;
  }

  /**
   * Moves it, forwards only. Of several publishers each may move it: every one has published all that is behind its own place,
   * so the furthest place is right for all of them.
   */
  async moveTo(position: Position): Promise<void> {
    const event = publishingEvent(PUBLISHED_UP_TO, { storeId: this.storeId, position: String(position) });
    for (let tries = 1; (this.position ?? -1n) < position; tries += 1) {
      try {
        this.revision = (await this.store.append(CHECKPOINT_STREAM, [event], this.revision)).revision;
        this.stored = { storeId: this.storeId, position };
        // Nobody waits for it, and without it the stream is only longer.
        if (this.revision % TRUNCATE_EVERY === 0n) this.truncate(CHECKPOINT_STREAM, this.revision).catch(() => undefined);
      } catch (error) {
        if (tries === TRIES_MAX || !(error instanceof AppendInDoubt || error instanceof WrongRevision)) throw error;
        if (error instanceof WrongRevision) await this.refresh();
      }
    }
  }

  private async refresh(): Promise<void> {
    const end = await lastRevision(this.store, CHECKPOINT_STREAM, this.revision);
    const [last] = end === NO_STREAM ? [] : await this.store.readStream(CHECKPOINT_STREAM, end, { maxCount: 1 });
    if (last === undefined) return;
    const { storeId, position } = (last.data ?? {}) as Readonly<{ storeId?: unknown; position?: unknown }>;
    if (typeof storeId !== 'string' || typeof position !== 'string' || !/^\d{1,19}$/.test(position))
      throw new Error(`${CHECKPOINT_STREAM} has no checkpoint at ${end}`);
    this.revision = end;
    this.stored = { storeId, position: BigInt(position) };
  }
}
