import type { Clock } from '../platform/clock.ts';
import { Problem } from '../platform/problem.ts';
import { BEFORE_ALL, type Snapshot, type ViewName } from './readModels.ts';

export type ReadGateLimits = Readonly<{
  /** Milliseconds that a query waits for a late view. */
  waitMaxMs: number;
  /** Milliseconds between two looks at the checkpoints, while anyone waits. */
  pollEveryMs: number;
  waitersMax: number;
}>;

const LIMITS: ReadGateLimits = { waitMaxMs: 2_000, pollEveryMs: 5, waitersMax: 10_000 };

type Waiter = Readonly<{ views: readonly ViewName[]; at: bigint; resolve: () => void }>;
type Positions = ReadonlyMap<string, bigint>;

/**
 * Holds a query back until the live views have reached the position its caller has seen (read your writes). One poller
 * serves all who wait, and runs only while someone does.
 */
export class ReadGate {
  private readonly positions: () => Promise<Positions>;
  private readonly clock: Pick<Clock, 'monotonic'>;
  private readonly limits: ReadGateLimits;
  private readonly waited: (ms: number) => void;
  private readonly waiters = new Set<Waiter>();
  private poller: NodeJS.Timeout | null = null;
  private closed = false;

  /** `positions`: where the live version of each view stands. `waited` is told how long each query was held back. */
  constructor(
    positions: () => Promise<Positions>,
    clock: Pick<Clock, 'monotonic'>,
    limits: Partial<ReadGateLimits> = {},
    waited: (ms: number) => void = () => undefined,
  ) {
    this.positions = positions;
    this.clock = clock;
    this.limits = { ...LIMITS, ...limits };
    this.waited = waited;
  }

  /**
   * What `read` finds at or past `token`. It is asked at once, since most views are there already; only the position that
   * comes with the rows counts, so a view that goes back between the look and the read cannot slip through.
   * @throws Problem read-model-behind after 2 s, overloaded when 10,000 wait.
   */
  async pass<T>(token: bigint | null, views: readonly ViewName[], read: () => Promise<Snapshot<T>>): Promise<Snapshot<T>> {
    const askedAt = this.clock.monotonic();
    let snapshot = await read();
    while (token !== null && snapshot.asOf < token) {
      await this.heldBack(token, views, this.limits.waitMaxMs - (this.clock.monotonic() - askedAt));
      snapshot = await read();
    }
    return snapshot;
  }

  /** Whether the views reach `at` within 2 s. Asks only where they are, and for all who wait at once. */
  async reaches(at: bigint, views: readonly ViewName[]): Promise<boolean> {
    try {
      await this.heldBack(at, views, this.limits.waitMaxMs);
      return true;
    } catch (error) {
      if (error instanceof Problem) return false;
      throw error;
    }
  }

  /** Looks no more. Whoever still waits is turned away when its time is over. */
  close(): void {
    this.closed = true;
    if (this.poller) clearTimeout(this.poller);
    this.poller = null;
  }

  private async heldBack(at: bigint, views: readonly ViewName[], msLeft: number): Promise<void> {
    const begun = this.clock.monotonic();
    try {
      await this.reached(at, views, msLeft);
    } finally {
      this.waited(this.clock.monotonic() - begun);
    }
  }

  private reached(at: bigint, views: readonly ViewName[], msLeft: number): Promise<void> {
    if (this.waiters.size >= this.limits.waitersMax) {
      throw new Problem('overloaded', `${this.limits.waitersMax} queries wait for a view already.`);
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        views,
        at,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(
        () => {
          this.waiters.delete(waiter);
          reject(new Problem('read-model-behind', `The view is not at ${at} after ${this.limits.waitMaxMs} ms.`));
        },
        Math.max(0, msLeft),
      );
      this.waiters.add(waiter);
      this.pollSoon();
    });
  }

  private pollSoon(): void {
    if (this.poller !== null || this.closed) return;
    this.poller = setTimeout(() => void this.poll(), this.limits.pollEveryMs);
  }

  private async poll(): Promise<void> {
    try {
      const positions = await this.positions();
      for (const waiter of this.waiters) {
        if (lowestOf(positions, waiter.views) < waiter.at) continue;
        this.waiters.delete(waiter);
        waiter.resolve();
      }
    } catch {
      // A database that cannot say where the views are makes them late; whoever waits is told so in time.
    }
    this.poller = null;
    if (this.waiters.size > 0) this.pollSoon();
  }
}

const lowestOf = (positions: Positions, views: readonly ViewName[]): bigint => {
  let lowest: bigint | null = null;
  for (const view of views) {
    const at = positions.get(view) ?? BEFORE_ALL;
    if (lowest === null || at < lowest) lowest = at;
  }
  return lowest ?? BEFORE_ALL;
};
