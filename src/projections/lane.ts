import { type Delivery, type EventStore, type Position, type StoreId, SubscriptionLost } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Session, Sql } from '../platform/postgres.ts';
import { isRetryable, sqlStateOf } from '../platform/postgresErrors.ts';
import { advance, isOvertaken, type Member, type Place, recordHalt } from './checkpoints.ts';
import { Inbox } from './inbox.ts';
import { judge } from './judge.ts';
import type { Stored } from './projection.ts';
import type { RevisionWatch } from './revisions.ts';

export type LaneLimits = Readonly<{
  /** Deliveries that go into one transaction at most. */
  batchMax: number;
  /** Deliveries that wait in memory at most. */
  inboxMax: number;
  /** Milliseconds between the starts of two transactions at least; the first after a pause starts at once. */
  paceMs: number;
}>;

export type LaneParts = Readonly<{
  session: Session;
  store: EventStore;
  storeId: StoreId;
  log: Logger;
  limits: LaneLimits;
  revisions: RevisionWatch;
  onHalt: (member: Member) => void;
}>;

/** The largest position a Postgres bigint holds; a store that sends a larger one is not to be believed. */
const POSITION_MAX: Position = 2n ** 63n - 1n;

/** SQLSTATE of a table that is not there: nothing of the batch, and made anew when the projections are registered again. */
const UNDEFINED_TABLE = '42P01';

/** A statement failed on what is in the batch, not on the state of the server. */
class Indigestible extends Error {
  override name = 'Indigestible';
}

const blameOf = (error: unknown): Indigestible | null => {
  if (error instanceof Indigestible) return error;
  const state = sqlStateOf(error);
  if (state === null || state === UNDEFINED_TABLE || isRetryable(error) || isOvertaken(error)) return null;
  return new Indigestible((error as Error).message, { cause: error });
};

/**
 * Projections that advance together: one subscription, one parse of each event, one transaction for each batch. A
 * projection that meets an event it cannot turn into rows halts right before it, on record; the others go on.
 */
export class Lane {
  private readonly parts: LaneParts;
  private going: readonly Member[];
  /** The newest event that was delivered, of others included: what the checkpoints move to. */
  private newest: Position | null;
  /** Everything up to here was delivered; may be ahead of `newest`, and is never stored. */
  private idle: Position | null;

  constructor(parts: LaneParts, members: readonly Member[]) {
    this.parts = parts;
    this.going = members;
    this.newest = lowestOf(members);
    this.idle = this.newest;
  }

  get members(): readonly Member[] {
    return this.going;
  }

  /** How far this lane has come, for those who watch whether it moves. */
  get position(): Position | null {
    return this.idle;
  }

  /**
   * Follows the log until `signal` is aborted or every member has halted. `onCaughtUp` is called whenever the end of the
   * log was reached.
   * @throws SubscriptionLost, RevisionHole, or what Postgres failed with: begin again from the stored checkpoints.
   */
  async run(signal: AbortSignal, onCaughtUp: () => Promise<void> | void): Promise<void> {
    const { store, limits, revisions } = this.parts;
    revisions.startFrom(this.newest);
    const ended = new AbortController();
    const inbox = new Inbox<Delivery>(limits.inboxMax);
    const filling = inbox.fill(store.subscribe({ after: this.newest, signal: AbortSignal.any([signal, ended.signal]) }));
    const close = () => inbox.close();
    signal.addEventListener('abort', close);
    try {
      while (!signal.aborted && this.going.length > 0) {
        const taken = await inbox.take(limits.batchMax);
        if (signal.aborted) break;
        // An end that nobody asked for is a fault, also when the store calls it none.
        if (taken === null) throw new SubscriptionLost('the subscription ended by itself');
        const startedAt = performance.now();
        await this.absorb(taken);
        // The end was reached at that delivery, whatever came right behind it.
        if (taken.some(({ kind }) => kind === 'caught-up')) await onCaughtUp();
        await pause(limits.paceMs - (performance.now() - startedAt));
      }
    } finally {
      signal.removeEventListener('abort', close);
      ended.abort();
      inbox.close();
      await filling;
    }
  }

  private async absorb(deliveries: readonly Delivery[]): Promise<void> {
    const { revisions } = this.parts;
    let batch: Stored[] = [];
    let idle = this.idle;
    for (const delivery of deliveries) {
      if (delivery.kind === 'checkpoint' && delivery.position <= POSITION_MAX) idle = delivery.position;
      // A store may repeat what it has sent before.
      if (delivery.kind !== 'event' || !isAfter(delivery.event.position, this.newest)) continue;
      const { event } = delivery;
      if (event.position > POSITION_MAX) throw new RangeError(`no store has a position like ${event.position}`);
      const judged = judge(event);
      if (judged.kind === 'foreign') revisions.pass(event.position);
      else revisions.see(event);
      const concerned = judged.kind === 'poison' ? this.going.filter(({ projection }) => judged.concerns(projection)) : [];
      if (judged.kind === 'poison' && concerned.length > 0) {
        await this.apply(batch);
        batch = [];
        for (const member of concerned) await this.haltOrPass(member, event, judged.reason);
      }
      if (judged.kind === 'ours') batch.push(judged.stored);
      this.newest = event.position;
    }
    await this.apply(batch);
    this.idle = isAfter(idle, this.newest) ? idle : this.newest;
  }

  /** Writes the events, and moves the checkpoints to the newest one; each member alone when together it fails. */
  private async apply(events: readonly Stored[]): Promise<void> {
    const upTo = this.newest;
    const behind = this.going.filter(({ at }) => isAfter(upTo, at));
    if (upTo === null || behind.length === 0) return;
    try {
      await this.write(behind, events, upTo);
    } catch (error) {
      if (blameOf(error) === null) throw error;
      for (const member of behind) await this.applyAlone(member, events, upTo);
    }
  }

  /** Halves a batch that fails until the event that cannot be digested stands alone. */
  private async applyAlone(member: Member, events: readonly Stored[], upTo: Position): Promise<void> {
    try {
      await this.write([member], events, upTo);
    } catch (error) {
      const blame = blameOf(error);
      const [first] = events;
      if (blame === null || first === undefined) throw error;
      if (events.length === 1) return this.halt(member, { ...first, type: first.event.type }, blame.message);
      const half = events.length >> 1;
      const earlier = events.slice(0, half);
      await this.applyAlone(member, earlier, earlier.at(-1)?.position ?? upTo);
      if (this.going.includes(member)) await this.applyAlone(member, events.slice(half), upTo);
    }
  }

  private async write(members: readonly Member[], events: readonly Stored[], upTo: Position): Promise<void> {
    const { session, storeId } = this.parts;
    const moving = members.filter(({ at }) => isAfter(upTo, at));
    if (moving.length === 0) return;
    const rows = moving.flatMap((member) => rowsOf(member, this.dueTo(member, events)));
    await session.flight([...advance(storeId, moving, upTo), ...rows]);
    for (const member of moving) member.at = upTo;
  }

  /** What the member has not applied yet, without the events that it was told to go on without. */
  private dueTo(member: Member, events: readonly Stored[]): readonly Stored[] {
    const { at, parked } = member;
    const due = isAfter(events[0]?.position ?? null, at) ? events : events.filter(({ position }) => isAfter(position, at));
    if (parked.size === 0) return due;
    return due.filter((stored) => {
      if (!parked.has(stored.position)) return true;
      this.tellParked(member, { ...stored, type: stored.event.type });
      return false;
    });
  }

  private async haltOrPass(member: Member, place: Place, reason: string): Promise<void> {
    if (!isAfter(place.position, member.at)) return;
    if (member.parked.has(place.position)) this.tellParked(member, place);
    else await this.halt(member, place, reason);
  }

  private tellParked({ table }: Member, { position, stream, type }: Place): void {
    this.parts.log.warn({ table, position: String(position), stream, type }, 'goes on without a parked event');
  }

  private async halt(member: Member, place: Place, reason: string): Promise<void> {
    const { session, log, onHalt } = this.parts;
    await recordHalt(session, member.table, place, reason);
    this.going = this.going.filter((other) => other !== member);
    onHalt(member);
    const { stream, type } = place;
    const [position, revision] = [String(place.position), String(place.revision)];
    log.error({ alarm: 'projection-halted', table: member.table, position, stream, revision, type, reason });
  }
}

const isAfter = (position: Position | null, than: Position | null): boolean => position !== null && (than === null || position > than);

const lowestOf = (members: readonly Member[]): Position | null =>
  members.map(({ at }) => at).reduce((low, at) => (isAfter(low, at) ? at : low), members[0]?.at ?? null);

const rowsOf = ({ projection, table }: Member, events: readonly Stored[]): readonly Sql[] => {
  try {
    return projection.toSql(table, events);
  } catch (error) {
    throw new Indigestible((error as Error).message, { cause: error });
  }
};

/** A plain timer: an abort waits for its end, which is near. */
const pause = (ms: number): Promise<void> => (ms > 0 ? new Promise((resolve) => void setTimeout(resolve, ms)) : Promise.resolve());
