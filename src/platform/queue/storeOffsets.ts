import { AppendInDoubt, type EventStore, type NewEvent, NO_STREAM, type Revision, WrongRevision } from '../eventStore/eventStore.ts';
import { behind, lastRevision, OFFSET_COMMITTED, offsetStream, queueEvent } from './storeStreams.ts';

/** Lets readers of a stream begin at a revision: what is before is of no use any more. */
export type Truncate = (stream: string, before: Revision) => Promise<void>;

/** Commits between two truncations of their stream. */
const TRUNCATE_EVERY = 1_000n;
/** Tries of one commit whose answer is lost each time. */
const TRIES_MAX = 5;

/** Where a group goes on in a partition, and the member that works on it; `null` when nobody does. */
export type Standing = Readonly<{ offset: bigint; member: string | null }>;

/**
 * How far one group is in one partition, and who may go on there: the last event of a stream of its own says both. Whoever
 * writes it next holds the partition, and the expected revision lets only one do so.
 */
export class GroupOffset {
  private readonly store: EventStore;
  private readonly stream: string;
  private readonly truncate: Truncate;
  private revision: Revision = NO_STREAM;
  private standing: Standing = { offset: 0n, member: null };

  constructor(store: EventStore, group: string, topic: string, partition: number, truncate: Truncate) {
    this.store = store;
    this.stream = offsetStream(group, topic, partition);
    this.truncate = truncate;
  }

  get now(): Standing {
    return this.standing;
  }

  /** Reads what was written since. Answers whether there was anything. */
  async refresh(): Promise<boolean> {
    const end = await lastRevision(this.store, this.stream, this.revision);
    if (end === this.revision) return false;
    const [last] = await this.store.readStream(this.stream, end, { maxCount: 1 });
    const { offset, member } = (last?.data ?? {}) as Readonly<{ offset?: unknown; member?: unknown }>;
    if (typeof offset !== 'string' || !/^\d{1,19}$/.test(offset)) throw new Error(`${this.stream} has no offset at ${end}`);
    this.revision = end;
    this.standing = { offset: BigInt(offset), member: typeof member === 'string' ? member : null };
    return true;
  }

  /** Whether this is written: `false` when somebody else wrote first, and holds the partition now. */
  async write(standing: Standing): Promise<boolean> {
    const event = queueEvent(OFFSET_COMMITTED, { offset: String(standing.offset), member: standing.member });
    if (!(await this.append(event))) return false;
    this.standing = standing;
    // Nobody waits for it, and without it the stream is only longer.
    if (this.revision % TRUNCATE_EVERY === 0n) this.truncate(this.stream, this.revision).catch(() => undefined);
    return true;
  }

  private async append(event: NewEvent): Promise<boolean> {
    for (let tries = 1; ; tries += 1) {
      try {
        this.revision = (await this.store.append(this.stream, [event], this.revision)).revision;
        return true;
      } catch (error) {
        if (error instanceof AppendInDoubt && tries < TRIES_MAX) continue;
        if (!(error instanceof WrongRevision)) throw error;
        const { landed, end } = await behind(this.store, this.stream, this.revision, event.id);
        if (landed && end === this.revision + 1n) {
          this.revision = end;
          return true;
        }
        return false;
      }
    }
  }
}
