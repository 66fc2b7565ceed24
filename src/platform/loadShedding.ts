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
 * Turns requests away at once, with `overloaded`, while this process cannot keep up: answers that come too late help nobody,
 * and quick refusals keep it answering. Lateness counts by the least of a second, after CoDel ("Controlling Queue Delay", 2012):
 * a burst or a long turn passes, a standing queue does not.
 */
export class Admission {
  private readonly limits: LoadLimits;
  private readonly standing: Lateness;
  private underWay = 0;

  constructor(limits: Partial<LoadLimits> = {}, monotonic: () => number = () => performance.now()) {
    this.limits = { ...LIMITS, ...limits };
    this.standing = new Lateness(monotonic);
  }

  /** Counts a request until it is told to `leave`. @throws Problem overloaded: it is not counted. */
  enter(): void {
    const { requestsMax, lateMsMax } = this.limits;
    if (this.underWay >= requestsMax) throw new Problem('overloaded', `${requestsMax} requests are under way already.`);
    if (this.standing.ms() > lateMsMax) throw new Problem('overloaded', `This process is more than ${lateMsMax} ms late.`);
    this.underWay += 1;
  }

  leave(): void {
    this.underWay -= 1;
  }
}

/** The same for an app. */
export const shedLoad = (limits?: Partial<LoadLimits>, monotonic?: () => number): RequestHandler => {
  const admission = new Admission(limits, monotonic);
  return (_req, res, next) => {
    admission.enter();
    res.on('close', () => admission.leave());
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
