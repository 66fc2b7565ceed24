import { randomUUID } from 'node:crypto';
import type { Clock } from '../platform/clock.ts';
import type { Metadata } from '../platform/eventStore/eventStore.ts';
import type { Logger } from '../platform/log.ts';

/** What was begun and not ended. `since`: monotonic milliseconds. `finish` may be called again and again, and beside others. */
export type LeftOpen = Readonly<{ what: string; since: number; finish(about: Metadata): Promise<unknown> }>;

/** Resumed in one round at most, and waited for together. */
export const RESUMES_MAX = 32;
/** Milliseconds before the second try of the same thing, doubling from try to try. */
const BACKOFF_MS_MIN = 1_000;
const BACKOFF_MS_MAX = 30_000;
/** Milliseconds after which what was finished is tried again, if it still shows as open: a late view shows it so for a while. */
const FINISHED_MS = 30_000;
/** Things remembered at most; of more, the one first met is forgotten, and is then tried like a new one. */
const KNOWN_MAX = 10_000;
/** Milliseconds that a thing stays open before an operator is told. */
const ALARM_AFTER_MS = 60_000;
/** Milliseconds between two alarms at least: what comes due in between is told together. */
const ALARM_EVERY_MS = 60_000;
/** Names in one line of the log. */
const NAMED_MAX = 5;

/** What is not to be tried before `retryAt`: it failed `tries` times, or was finished (0). */
type Known = Readonly<{ tries: number; retryAt: number; error: unknown; isTold: boolean }>;

/**
 * Tries again what was left open, each thing by itself: what always fails delays nothing else, and nothing is ever given up. What
 * fails and stays open for a minute is told at level error: each thing once, all that an outage stops in one line.
 */
export class Resuming {
  private readonly kind: string;
  private readonly clock: Clock;
  private readonly log: Logger;
  private readonly known = new Map<string, Known>();
  private alarmedAt = Number.NEGATIVE_INFINITY;

  /** @param kind what it resumes, in the plural, for the log. */
  constructor(kind: string, clock: Clock, log: Logger) {
    this.kind = kind;
    this.clock = clock;
    this.log = log;
  }

  /** How many of those that show as open are left alone for now. */
  get waiting(): number {
    return this.known.size;
  }

  /** One round over what is open, oldest first. Answers whether another round at once would get on. */
  async round(open: readonly LeftOpen[]): Promise<boolean> {
    const due = open.filter(({ what }) => (this.known.get(what)?.retryAt ?? Number.NEGATIVE_INFINITY) <= this.clock.monotonic());
    const worked = await Promise.all(due.slice(0, RESUMES_MAX).map((one) => this.attempt(one)));
    this.alarm(open);
    return due.length > RESUMES_MAX && worked.includes(true);
  }

  /** What made things fail may be over: all may be tried now. Who fails again waits as long as before, and longer. */
  retryAll(): void {
    const retryAt = this.clock.monotonic();
    for (const [what, known] of this.known) if (known.tries > 0) this.known.set(what, { ...known, retryAt });
  }

  /** Forgets what is no longer open. `open`: everything that is. */
  keepOnly(open: readonly LeftOpen[]): void {
    const names = new Set(open.map(({ what }) => what));
    for (const what of this.known.keys()) if (!names.has(what)) this.known.delete(what);
  }

  private async attempt({ what, finish }: LeftOpen): Promise<boolean> {
    try {
      await finish({ commandId: what, correlationId: randomUUID(), causationId: what, actor: 'watchdog' });
      this.remember(what, { tries: 0, retryAt: this.clock.monotonic() + FINISHED_MS, error: null, isTold: false });
      this.log.info({ what }, 'the watchdog finished what was left open');
      return true;
    } catch (error) {
      const { tries: before = 0, isTold = false } = this.known.get(what) ?? {};
      const tries = before + 1;
      const waitMs = Math.min(BACKOFF_MS_MIN * 2 ** before, BACKOFF_MS_MAX);
      this.remember(what, { tries, retryAt: this.clock.monotonic() + waitMs, error, isTold });
      this.log.warn({ err: error, what, tries }, 'the watchdog could not finish this yet');
      return false;
    }
  }

  private remember(what: string, known: Known): void {
    this.known.set(what, known);
    if (this.known.size > KNOWN_MAX) this.known.delete(this.known.keys().next().value as string);
  }

  private alarm(open: readonly LeftOpen[]): void {
    const now = this.clock.monotonic();
    if (now - this.alarmedAt < ALARM_EVERY_MS) return;
    const overdue = open.flatMap(({ what, since }) => {
      const failing = this.known.get(what);
      return failing && failing.tries > 0 && !failing.isTold && now - since >= ALARM_AFTER_MS ? [{ what, since, failing }] : [];
    });
    const [oldest] = overdue;
    if (oldest === undefined) return;
    for (const { what, failing } of overdue) this.known.set(what, { ...failing, isTold: true });
    this.alarmedAt = now;
    const named = overdue.slice(0, NAMED_MAX).map(({ what }) => what);
    const oldestSeconds = Math.round((now - oldest.since) / 1_000);
    this.log.error(
      { alarm: `${this.kind}-stay-open`, count: overdue.length, named, oldestSeconds, err: oldest.failing.error },
      `${this.kind} stay open although the watchdog tries to finish them`,
    );
  }
}
