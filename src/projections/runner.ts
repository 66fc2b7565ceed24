import type { EventStore, Position, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Database, Session } from '../platform/postgres.ts';
import { type Member, promote, register } from './checkpoints.ts';
import { Lane, type LaneLimits } from './lane.ts';
import { type Projection, tableOf } from './projection.ts';
import { sleep } from './sleep.ts';
import { together } from './together.ts';
import { ProgressWatch, type WatchLimits } from './watch.ts';

export type RunnerLimits = LaneLimits &
  WatchLimits &
  Readonly<{
    /** Milliseconds between two tries of a stand-by to become the leader. */
    lockPollMs: number;
    /** Milliseconds between two signs of life of the leader. */
    heartbeatMs: number;
    /** Milliseconds between two looks at whether the subscription moves. */
    lookEveryMs: number;
    /** Milliseconds without a sign of life after which Postgres ends the leader's session, and its lock with it. */
    leaderSilentMaxMs: number;
    /** Milliseconds of the first wait after a failure, doubling up to the second. */
    backOffMinMs: number;
    backOffMaxMs: number;
  }>;

export const RUNNER_LIMITS: RunnerLimits = {
  batchMax: 2_000,
  inboxMax: 8_000,
  paceMs: 20,
  alarmAfterMs: 10_000,
  restartAfterMs: 30_000,
  probeMaxMs: 5_000,
  lockPollMs: 500,
  heartbeatMs: 1_000,
  lookEveryMs: 1_000,
  leaderSilentMaxMs: 5_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
};

/** `following`: all views have reached the end of the log at least once in this term. */
export type RunnerState = 'starting' | 'standing-by' | 'catching-up' | 'following' | 'stopped';

export type RunnerParts = Readonly<{
  database: Database;
  store: EventStore;
  projections: readonly Projection[];
  log: Logger;
  limits?: Partial<RunnerLimits>;
  /** Monotonic milliseconds. */
  now?: () => number;
}>;

/** Failures in a row from which on the log says error: fewer are a server that restarts. */
const FAILURES_TO_ALARM = 3;

/** Any constant: the lock that the one runner of a database holds. */
const LEADER_LOCK = 7_455_163_927;

/** Every statement of a projection looks rows up by key; a plan made while a table was empty must not read all of it later. */
const PLANS = { plan_cache_mode: 'force_generic_plan', enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off', jit: 'off' };

export class CheckpointsAhead extends Error {
  override name = 'CheckpointsAhead';
}
export class Stalled extends Error {
  override name = 'Stalled';
}

/**
 * Keeps the read models up with the log. Works in terms: take the lock, read the checkpoints, follow the log. Whatever
 * fails ends the term, and the next begins from what Postgres says, never from memory. Of several runners one has the
 * lock; it is bound to the session that writes, so who loses the session has lost both. A leader that sleeps is put out
 * by Postgres itself, and should it write all the same, the checkpoints' compare-and-set stops it.
 */
export class Runner {
  private readonly parts: RunnerParts;
  private readonly limits: RunnerLimits;
  private readonly stopping = new AbortController();
  private phase: RunnerState = 'starting';
  private running: Promise<void> | null = null;
  private failures = 0;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.limits = { ...RUNNER_LIMITS, ...parts.limits };
  }

  get state(): RunnerState {
    return this.phase;
  }

  start(): void {
    this.running ??= this.run();
  }

  /** Finishes the batch under way and lets go of the lock. */
  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { log } = this.parts;
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.term(signal);
      } catch (err) {
        if (signal.aborted) break;
        this.failures += 1;
        const waitMs = Math.min(this.limits.backOffMinMs * 2 ** (this.failures - 1), this.limits.backOffMaxMs);
        this.phase = 'starting';
        log[this.failures < FAILURES_TO_ALARM ? 'warn' : 'error'](
          { err, waitMs },
          'the read models stopped; they begin again from their checkpoints',
        );
        await sleep(waitMs, signal);
      }
    }
    this.phase = 'stopped';
  }

  private async term(signal: AbortSignal): Promise<void> {
    const settings = { ...PLANS, idle_session_timeout: String(this.limits.leaderSilentMaxMs) };
    const session = await this.parts.database.openSession({ settings });
    try {
      const going = AbortSignal.any([signal, session.lost]);
      if (await this.takeLead(session, going)) await this.lead(session, going);
      if (!signal.aborted) session.lost.throwIfAborted();
    } finally {
      await session.close();
    }
  }

  private async takeLead(session: Session, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const { rows } = await session.query<{ won: boolean }>('select pg_try_advisory_lock($1) as won', [LEADER_LOCK]);
      if (rows[0]?.won) return true;
      this.phase = 'standing-by';
      await sleep(this.limits.lockPollMs, signal);
    }
    return false;
  }

  private async lead(session: Session, signal: AbortSignal): Promise<void> {
    const { store, projections, log } = this.parts;
    this.phase = 'catching-up';
    const storeId = await store.identity(signal);
    const members = await register(session, projections, storeId, (rebuilt) =>
      log.error({ alarm: 'read-model-rebuilt', ...rebuilt }, 'a table is filled again from the beginning of the log'),
    );
    const retired = projections.filter((projection) => !members.some((member) => member.projection === projection)).map(tableOf);
    if (retired.length > 0)
      log.error({ alarm: 'read-model-retired', retired }, 'this program is older than the read models; nobody feeds them');
    this.refuseFuture(members, await store.head(signal));
    const [front, behind] = splitOf(members);
    if (behind.length === 0) return this.follow(session, storeId, front, signal);
    log.info({ tables: behind.map(({ projection }) => tableOf(projection)) }, 'filling beside the live read models');
    const all = await this.fillBeside(session, storeId, front, behind, signal);
    if (!signal.aborted) await this.follow(session, storeId, all, signal);
  }

  /** A log that is shorter than what was read from it is an older copy: events to come would be taken for known ones. */
  private refuseFuture(members: readonly Member[], head: Position): void {
    const ahead = members.filter(({ at }) => at !== null && at > head).map(({ projection }) => tableOf(projection));
    if (ahead.length === 0) return;
    throw new CheckpointsAhead(
      `${ahead.join(', ')} have read beyond the end of the log, ${head}: delete their rows in "projections" to rebuild`,
    );
  }

  /** Lets those behind catch up on a subscription of their own, so that the live ones do not wait for them. */
  private async fillBeside(
    session: Session,
    storeId: StoreId,
    front: readonly Member[],
    behind: readonly Member[],
    signal: AbortSignal,
  ): Promise<readonly Member[]> {
    const live = this.lane(session, storeId, front);
    const filling = this.lane(session, storeId, behind);
    const following = () => {
      this.phase = 'following';
    };
    await together(
      signal,
      (both) => live.run(both, following),
      (both, end) => filling.run(both, end).then(end),
      (both) => this.watch(live, both),
      (both) => this.showLife(session, both),
    );
    return [...live.members, ...filling.members];
  }

  private follow(session: Session, storeId: StoreId, members: readonly Member[], signal: AbortSignal): Promise<void> {
    const lane = this.lane(session, storeId, members);
    return together(
      signal,
      (both) => lane.run(both, () => this.caughtUp(session, lane)),
      (both) => this.watch(lane, both),
      (both) => this.showLife(session, both),
    );
  }

  private async caughtUp(session: Session, lane: Lane): Promise<void> {
    this.failures = 0;
    for (const member of lane.members) {
      if (member.status !== 'building' || !(await promote(session, member.projection))) continue;
      member.status = 'live';
      this.parts.log.info({ table: tableOf(member.projection) }, 'the new version is live');
    }
    this.phase = 'following';
  }

  /** Shows Postgres that the leader is awake, or it ends the session and with it the lock. */
  private async showLife(session: Session, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await session.query('select 1');
      await sleep(this.limits.heartbeatMs, signal);
    }
  }

  /** Finds out when a subscription that is alive no longer moves. */
  private async watch(lane: Lane, signal: AbortSignal): Promise<void> {
    const { store, log, now = () => performance.now() } = this.parts;
    const watch = new ProgressWatch(store, this.limits, now);
    for (;;) {
      await sleep(this.limits.lookEveryMs, signal);
      if (signal.aborted) return;
      if (lane.members.length === 0) continue;
      const seen = await watch.look(lane.position);
      if (seen.kind === 'moving') continue;
      const { at, head, forMs } = seen;
      log.error({ alarm: 'read-models-stand-still', at: String(at), head: String(head), forMs: Math.round(forMs) });
      if (seen.kind === 'stalled') throw new Stalled(`no progress for ${Math.round(forMs)} ms`);
    }
  }

  private lane(session: Session, storeId: StoreId, members: readonly Member[]): Lane {
    const { store, log } = this.parts;
    return new Lane({ session, store, storeId, log, limits: this.limits }, members);
  }
}

/** The live projections that are furthest, and all others. */
const splitOf = (members: readonly Member[]): readonly [readonly Member[], readonly Member[]] => {
  const furthest = members.reduce((far, { at, status }) => (status === 'live' && at !== null && at > far ? at : far), -1n);
  const isFront = ({ at, status }: Member) => status === 'live' && (at ?? -1n) === furthest;
  return [members.filter(isFront), members.filter((member) => !isFront(member))];
};
