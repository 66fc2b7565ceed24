import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';
import type { Lane } from './lane.ts';
import { sleep } from './sleep.ts';

export type WatchLimits = Readonly<{
  /** Milliseconds without progress, although there is something to read, until it is told. */
  alarmAfterMs: number;
  /** … and until the subscription is given up for a new one. */
  restartAfterMs: number;
  /** Milliseconds for the store to say whether there is something to read. */
  probeMaxMs: number;
}>;

export type Watched = Readonly<
  { kind: 'moving' } | { kind: 'alarm' | 'stalled'; at: Position | null; head: Position | null; forMs: number }
>;

/**
 * Tells whether a subscription that is alive still moves: what it says of itself ("caught up", or nothing) is no
 * evidence, the end of the log is. The end may hold events of the store's own, which are never delivered; a second,
 * short subscription then says whether anything is missing.
 */
export class ProgressWatch {
  private readonly store: EventStore;
  private readonly limits: WatchLimits;
  private readonly now: () => number;
  private at: Position | null = null;
  private since: number;
  /** When this stall was told. */
  private toldAt: number | null = null;
  /** Nothing that is delivered stands between the last progress and here. */
  private clearedUpTo: Position = 0n;

  /** `now`: monotonic milliseconds. */
  constructor(store: EventStore, limits: WatchLimits, now: () => number) {
    this.store = store;
    this.limits = limits;
    this.now = now;
    this.since = now();
  }

  /** Asked about once a second with the place reached. `alarm` is answered once for each stall. */
  async look(at: Position | null): Promise<Watched> {
    if (at !== this.at) this.moved(at);
    const head = await this.store.head().catch(() => null);
    if (head !== null && head <= max(at ?? -1n, this.clearedUpTo)) this.moved(at);
    const forMs = this.now() - this.since;
    if (forMs < this.limits.alarmAfterMs) return { kind: 'moving' };
    if (forMs >= this.limits.restartAfterMs) return { kind: 'stalled', at, head, forMs };
    if (this.toldAt !== null) return { kind: 'moving' };
    if (head !== null && !(await this.somethingAfter(at))) {
      this.clearedUpTo = head;
      this.moved(at);
      return { kind: 'moving' };
    }
    this.toldAt = this.now();
    return { kind: 'alarm', at, head, forMs };
  }

  private moved(at: Position | null): void {
    this.at = at;
    this.since = this.now();
    this.toldAt = null;
  }

  private async somethingAfter(at: Position | null): Promise<boolean> {
    const signal = AbortSignal.timeout(this.limits.probeMaxMs);
    try {
      for await (const delivery of this.store.subscribe({ after: at, signal })) {
        if (delivery.kind !== 'checkpoint') return delivery.kind === 'event';
      }
    } catch {
      // A store that cannot say so counts as one that has something.
    }
    return true;
  }
}

const max = (a: Position, b: Position): Position => (a > b ? a : b);

export class Stalled extends Error {
  override name = 'Stalled';
}

export type WatchParts = Readonly<{
  store: EventStore;
  log: Logger;
  limits: WatchLimits & Readonly<{ lookEveryMs: number }>;
  now: () => number;
}>;

/** Finds out when a lane whose subscription is alive no longer moves. @throws Stalled */
export const watchProgress = async (lane: Lane, { store, log, limits, now }: WatchParts, signal: AbortSignal): Promise<void> => {
  const watch = new ProgressWatch(store, limits, now);
  for (;;) {
    await sleep(limits.lookEveryMs, signal);
    if (signal.aborted) return;
    if (lane.members.length === 0) continue;
    const seen = await watch.look(lane.position);
    if (seen.kind === 'moving') continue;
    const { at, head, forMs } = seen;
    log.error({ alarm: 'read-models-stand-still', at: String(at), head: String(head), forMs: Math.round(forMs) });
    if (seen.kind === 'stalled') throw new Stalled(`no progress for ${Math.round(forMs)} ms`);
  }
};
