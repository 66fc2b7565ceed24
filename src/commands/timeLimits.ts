import { setMaxListeners } from 'node:events';

/** Milliseconds within which those who begin share a limit; a shorter limit is shared for a smaller part of itself. */
const SHARED_MS = 50;
const SHARED_PART = 1 / 10;
/** Who may share one: a listener more is compared with all there are. */
const SHARERS_MAX = 256;

/**
 * Limits of the same length for many who begin one after the other. An AbortController that somebody listens to costs more than deciding
 * a charge (4.5 µs against 3), so those who begin at about the same time have one between them: a limit is never shorter than it is said to be, and
 * SHARED_MS longer at most.
 */
export class TimeLimits {
  private readonly ms: number;
  private readonly sharedMs: number;
  private readonly monotonic: () => number;
  private shared: AbortSignal | null = null;
  private sharers = 0;
  private sharedUntil = Number.NEGATIVE_INFINITY;

  constructor(ms: number, monotonic: () => number) {
    this.ms = ms;
    this.sharedMs = Math.min(SHARED_MS, ms * SHARED_PART);
    this.monotonic = monotonic;
  }

  /** A signal that aborts `ms` from now, or a little later. */
  next(): AbortSignal {
    const now = this.monotonic();
    if (this.shared?.aborted === false && now < this.sharedUntil && this.sharers < SHARERS_MAX) {
      this.sharers += 1;
      return this.shared;
    }
    const limit = new AbortController();
    setMaxListeners(0, limit.signal);
    setTimeout(() => limit.abort(), this.ms + this.sharedMs).unref();
    [this.shared, this.sharers, this.sharedUntil] = [limit.signal, 1, now + this.sharedMs];
    return limit.signal;
  }
}
