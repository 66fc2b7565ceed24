import type { RequestHandler } from 'express';
import { Problem } from './problem.ts';

export type LoadLimits = Readonly<{
  /** Requests under way at most. */
  requestsMax: number;
  /** Milliseconds that the event loop may be late, by its best moment of the last second. */
  lateMsMax: number;
}>;

const LIMITS: LoadLimits = { requestsMax: 5_000, lateMsMax: 200 };

const SAMPLE_EVERY_MS = 100;
const SAMPLES = 10;

/**
 * Turns requests away at once, with 503 `overloaded`, while this process cannot keep up: answers that come too late help nobody,
 * and quick refusals keep it answering. Lateness counts by the least of a second, after CoDel ("Controlling Queue Delay", 2012):
 * a burst or a long turn passes, a standing queue does not.
 */
export const shedLoad = (limits: Partial<LoadLimits> = {}, monotonic: () => number = () => performance.now()): RequestHandler => {
  const { requestsMax, lateMsMax } = { ...LIMITS, ...limits };
  const standing = new Lateness(monotonic);
  let underWay = 0;
  return (_req, res, next) => {
    if (underWay >= requestsMax) throw new Problem('overloaded', `${requestsMax} requests are under way already.`);
    if (standing.ms() > lateMsMax) throw new Problem('overloaded', `This process is more than ${lateMsMax} ms late.`);
    underWay += 1;
    res.on('close', () => {
      underWay -= 1;
    });
    next();
  };
};

/** How late the event loop is: the least that a timer came late within the last second. */
class Lateness {
  private readonly monotonic: () => number;
  private readonly samples: number[] = new Array(SAMPLES).fill(0);
  private next = 0;
  private dueAt: number;

  constructor(monotonic: () => number) {
    this.monotonic = monotonic;
    this.dueAt = monotonic() + SAMPLE_EVERY_MS;
    const timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS);
    timer.unref();
  }

  ms(): number {
    return Math.min(...this.samples);
  }

  private sample(): void {
    const now = this.monotonic();
    this.samples[this.next] = Math.max(0, now - this.dueAt);
    this.next = (this.next + 1) % SAMPLES;
    this.dueAt = now + SAMPLE_EVERY_MS;
  }
}
