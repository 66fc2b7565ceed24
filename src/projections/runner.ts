import type { EventStore } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Database, Session } from '../platform/postgres.ts';
import { DefinitionChanged } from './definition.ts';
import { type LeaderLimits, Leadership, WRITER } from './leadership.ts';
import type { Projection } from './projection.ts';
import { refuseChanged } from './register.ts';
import { RevisionWatch } from './revisions.ts';
import { sleep } from './sleep.ts';

export type RunnerLimits = LeaderLimits &
  Readonly<{
    /** Milliseconds between two tries of a stand-by to become the leader. */
    lockPollMs: number;
    /** Milliseconds without a sign of life after which Postgres ends the leader's session, and its lock with it. */
    leaderSilentMaxMs: number;
  }>;

export const RUNNER_LIMITS: RunnerLimits = {
  batchMax: 2_000,
  inboxMax: 8_000,
  paceMs: 30,
  alarmAfterMs: 10_000,
  restartAfterMs: 30_000,
  probeMaxMs: 5_000,
  lockPollMs: 500,
  heartbeatMs: 1_000,
  lookEveryMs: 1_000,
  promoteEveryMs: 5_000,
  leaderSilentMaxMs: 5_000,
  backOffMinMs: 100,
  backOffMaxMs: 5_000,
};

/** `following`: all views have reached the end of the log at least once in this term. `refused`: this program must not feed these views. */
export type RunnerState = 'starting' | 'standing-by' | 'catching-up' | 'following' | 'refused' | 'stopped';

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
  private readonly revisions = new RevisionWatch();
  private phase: RunnerState = 'starting';
  private refused: DefinitionChanged | null = null;
  private running: Promise<void> | null = null;
  private failures = 0;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.limits = { ...RUNNER_LIMITS, ...parts.limits };
  }

  get state(): RunnerState {
    return this.phase;
  }

  /** Why this program must not feed these views; it tries no more. */
  get refusal(): DefinitionChanged | null {
    return this.refused;
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
    const { signal } = this.stopping;
    while (!signal.aborted) {
      try {
        await this.term(signal);
      } catch (err) {
        if (err instanceof DefinitionChanged) return this.refuse(err);
        if (!signal.aborted) await this.backOff(err, signal);
      }
    }
    this.phase = 'stopped';
  }

  private refuse(err: DefinitionChanged): void {
    this.refused = err;
    this.phase = 'refused';
    this.parts.log.fatal({ alarm: 'read-model-refused', err }, 'nobody feeds the read models here');
  }

  private async backOff(err: unknown, signal: AbortSignal): Promise<void> {
    this.failures += 1;
    const waitMs = Math.min(this.limits.backOffMinMs * 2 ** (this.failures - 1), this.limits.backOffMaxMs);
    this.phase = 'starting';
    const level = this.failures < FAILURES_TO_ALARM ? 'warn' : 'error';
    this.parts.log[level]({ err, waitMs }, 'the read models stopped; they begin again from their checkpoints');
    await sleep(waitMs, signal);
  }

  private async term(signal: AbortSignal): Promise<void> {
    const settings = { ...WRITER, idle_session_timeout: String(this.limits.leaderSilentMaxMs) };
    const session = await this.parts.database.openSession({ settings });
    try {
      await refuseChanged(session, this.parts.projections);
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
    const { database, store, projections, log, now = () => performance.now() } = this.parts;
    this.phase = 'catching-up';
    const onFollowing = () => {
      this.failures = 0;
      this.phase = 'following';
    };
    const parts = { database, store, projections, log, limits: this.limits, now, onFollowing };
    await new Leadership(parts, this.revisions).run(session, signal);
  }
}
