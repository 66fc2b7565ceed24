import type { EventStore, Position, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Database, Session } from '../platform/postgres.ts';
import { isOvertaken, type Member, restored } from './checkpoints.ts';
import { endingSoon } from './endingSoon.ts';
import { Lane, type LaneLimits } from './lane.ts';
import type { Projection } from './projection.ts';
import { type Registered, register } from './register.ts';
import { RevisionWatch } from './revisions.ts';
import { sleep } from './sleep.ts';
import { together } from './together.ts';
import { promote, standing } from './versions.ts';
import { type WatchLimits, watchProgress } from './watch.ts';

export type LeaderLimits = LaneLimits &
  WatchLimits &
  Readonly<{
    /** Milliseconds between two signs of life of the leader, and two looks at what operators have changed. */
    heartbeatMs: number;
    /** Milliseconds between two looks at whether the subscription moves. */
    lookEveryMs: number;
    /** Milliseconds between two tries to promote a version that has caught up. */
    promoteEveryMs: number;
    /** Milliseconds of the first wait after a failure, doubling up to the second. */
    backOffMinMs: number;
    backOffMaxMs: number;
  }>;

export type LeaderParts = Readonly<{
  database: Database;
  store: EventStore;
  projections: readonly Projection[];
  log: Logger;
  limits: LeaderLimits;
  /** Monotonic milliseconds. */
  now: () => number;
  /** Told when every live view has reached the end of the log. */
  onFollowing: () => void;
}>;

/**
 * Settings of every session that writes read models. Its statements look rows up by key: a plan made while a table was empty
 * must not read all of it later. And nobody waits for the disk: should Postgres crash, rows and checkpoints go back together
 * to an earlier moment, and the log is read again from there.
 */
export const WRITER = {
  plan_cache_mode: 'force_generic_plan',
  enable_seqscan: 'off',
  enable_hashjoin: 'off',
  enable_mergejoin: 'off',
  jit: 'off',
  synchronous_commit: 'off',
};

export class CheckpointsAhead extends Error {
  override name = 'CheckpointsAhead';
}

type Work = (signal: AbortSignal, end: () => void) => Promise<void>;

/**
 * What the one runner that has the lock does: feeds every build of its projections, in up to three lanes. Live views go in
 * front, on the session that holds the lock. Live views that have fallen behind, and builds that nobody reads, each have a
 * lane with a subscription and a session of its own: however slow they are or often they fail, the front does not wait.
 * When an operator changes the builds, or views have caught up, the lanes are set up anew.
 */
export class Leadership {
  private readonly parts: LeaderParts;
  /** Tables that have reached the end of the log. */
  private readonly caughtUp = new Set<string>();
  /** Tables that wait for an operator: they halted, and count as done until then. */
  private readonly halted = new Set<string>();
  /** Outlives a broken subscription, so that the next one is not believed either. */
  private readonly revisions: RevisionWatch;
  private promoteAt = 0;

  constructor(parts: LeaderParts, revisions: RevisionWatch) {
    this.parts = parts;
    this.revisions = revisions;
  }

  /** Leads until `signal` is aborted. @throws when the session, the store or the front lane fails: begin again. */
  async run(session: Session, signal: AbortSignal): Promise<void> {
    const { store } = this.parts;
    const storeId = await store.identity(signal);
    while (!signal.aborted) {
      const { members, standing: before } = await this.register(session, storeId);
      this.refuseFuture(members, await store.head(signal));
      const groups = this.grouped(members);
      await together(
        signal,
        ...this.front(session, storeId, groups, before),
        (both, end) => this.beside(storeId, groups.late, both, (going) => this.reachedEnd(going, groups) && end()),
        (both) => this.beside(storeId, groups.unread, both, (going) => this.reachedEnd(going, groups)),
        (both, end) => this.look(session, before, groups.unread, both, end),
      );
    }
  }

  private async register(session: Session, storeId: StoreId): Promise<Registered> {
    const { projections, log } = this.parts;
    const registered = await register(session, projections, storeId, (rebuilt) => {
      this.caughtUp.delete(rebuilt.table);
      log.error({ alarm: 'read-model-rebuilt', ...rebuilt }, 'a table is filled again from the beginning of the log');
    });
    const fed = registered.members.map(({ table }) => table);
    for (const { table, halted } of registered.members) if (!halted) this.halted.delete(table);
    const { rows } = await session.query<{ table_name: string }>(
      "select table_name from projections where status = 'live' and table_name <> all ($1)",
      [fed],
    );
    const tables = rows.map(({ table_name }) => table_name);
    if (tables.length > 0)
      log.error({ alarm: 'read-model-not-fed', tables }, 'this program does not have the version that is live: the view stands still');
    return registered;
  }

  /** A log that is shorter than what was read from it is an older copy: events to come would be taken for known ones. */
  private refuseFuture(members: readonly Member[], head: Position): void {
    const ahead = members.filter(({ at }) => at !== null && at > head).map(({ table }) => table);
    if (ahead.length === 0) return;
    throw new CheckpointsAhead(
      `${ahead.join(', ')} have read beyond the end of the log, ${head}: delete their rows in "projections" to rebuild`,
    );
  }

  private grouped(members: readonly Member[]): Groups {
    const live = members.filter(({ status }) => status === 'live');
    const furthest = live.reduce((far, { at }) => (at !== null && at > far ? at : far), -1n);
    const inFront = ({ table, at, halted }: Member) => !halted && (this.caughtUp.has(table) || (at ?? -1n) === furthest);
    return {
      front: live.filter(inFront),
      late: live.filter((member) => !inFront(member)),
      unread: members.filter(({ status }) => status !== 'live'),
    };
  }

  private front(session: Session, storeId: StoreId, groups: Groups, before: string): readonly Work[] {
    if (groups.front.length === 0) return [];
    const lane = this.lane(session, storeId, groups.front, this.revisions);
    const feed: Work = async (signal, end) => {
      try {
        await lane.run(signal, () => void this.reachedEnd(lane.members, groups));
      } catch (error) {
        // A checkpoint that was taken away by an operator is no failure.
        if (!isOvertaken(error) || (await standing(session)) === before) throw error;
        end();
      }
    };
    return [feed, (signal) => watchProgress(lane, this.parts, signal)];
  }

  /** Notes that these have caught up and the others of their lane have halted. Answers whether any has: late ones join the front. */
  private reachedEnd(going: readonly Member[], { front, late }: Groups): boolean {
    for (const { table } of going) this.caughtUp.add(table);
    if ([...front, ...late].every(({ table }) => this.caughtUp.has(table) || this.halted.has(table))) this.parts.onFollowing();
    return going.length > 0;
  }

  /**
   * A lane beside the front: what fails in it is tried again, with the checkpoints as they are then. It ends when every
   * member has halted or is no more.
   */
  private async beside(
    storeId: StoreId,
    members: readonly Member[],
    signal: AbortSignal,
    onCaughtUp: (going: readonly Member[]) => void,
  ): Promise<void> {
    const { log, limits } = this.parts;
    if (members.length === 0) return;
    log.info({ tables: members.map(({ table }) => table) }, 'feeding beside the live read models');
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await this.besideOnce(storeId, members, signal, onCaughtUp);
        if (!signal.aborted) onCaughtUp([]);
        return;
      } catch (err) {
        const waitMs = Math.min(limits.backOffMinMs * 2 ** failures, limits.backOffMaxMs);
        if (!signal.aborted) log.warn({ err, waitMs }, 'feeding beside the live read models failed; it begins again');
        await sleep(waitMs, signal);
      }
    }
  }

  private async besideOnce(
    storeId: StoreId,
    members: readonly Member[],
    signal: AbortSignal,
    onCaughtUp: (going: readonly Member[]) => void,
  ): Promise<void> {
    const { database } = this.parts;
    const session = await database.openSession({ settings: WRITER });
    const impatient = await endingSoon(database, session, signal);
    try {
      const going = await restored(session, storeId, members);
      const lane = this.lane(session, storeId, going, new RevisionWatch());
      await together(
        AbortSignal.any([signal, session.lost]),
        (both, end) => lane.run(both, () => onCaughtUp(lane.members)).then(end),
        (both) => watchProgress(lane, this.parts, both),
      );
      if (!signal.aborted) session.lost.throwIfAborted();
    } finally {
      impatient.forget();
      await session.close();
    }
  }

  /** Shows Postgres that the leader is awake, or it ends the session and with it the lock; ends when the builds were changed. */
  private async look(session: Session, before: string, unread: readonly Member[], signal: AbortSignal, end: () => void): Promise<void> {
    while (!signal.aborted) {
      if ((await standing(session)) !== before || (await this.promoteNext(unread))) return end();
      await sleep(this.parts.limits.heartbeatMs, signal);
    }
  }

  /** A raised version goes live as soon as it has caught up; what an operator asked for waits for the operator. */
  private async promoteNext(unread: readonly Member[]): Promise<boolean> {
    const { database, log, limits, now } = this.parts;
    if (now() < this.promoteAt) return false;
    for (const { projection, table, build, status } of unread) {
      if (status !== 'building' || build > 1 || !this.caughtUp.has(table)) continue;
      this.promoteAt = now() + limits.promoteEveryMs;
      const answer = await promote(database, projection, table);
      if (answer.kind === 'refused') log.warn({ table, reason: answer.reason }, 'the new version is not live yet');
      else log.info({ table }, 'the new version is live');
      if (answer.kind === 'done') return true;
    }
    return false;
  }

  private lane(session: Session, storeId: StoreId, members: readonly Member[], revisions: RevisionWatch): Lane {
    const { store, log, limits } = this.parts;
    const onHalt = ({ table }: Member) => {
      this.halted.add(table);
    };
    return new Lane({ session, store, storeId, log, limits, revisions, onHalt }, members);
  }
}

/** `late`: live views behind the others. `unread`: builds that are not live. */
type Groups = Readonly<Record<'front' | 'late' | 'unread', readonly Member[]>>;
