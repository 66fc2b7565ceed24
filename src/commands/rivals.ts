/** Milliseconds that a mailbox leaves to others after an append it won, as long as there are others. */
export const LINGER_MS = 4;
/** Milliseconds after their last event for which other writers are reckoned with. */
const NEAR_FOR_MS = 10_000;
/** Milliseconds that a mailbox without known rivals may append without a gap, before it leaves one of two lingers. */
const GAPLESS_MS_MAX = 250;

/**
 * Other processes that write to the same stream. Whoever has just won an append knows the newest revision and would win the
 * next one, too: the others, who must read first, would starve. So the winner pauses, while there are rivals, for as long
 * as a read and an append take; and whoever was away reads before it decides, rather than lose an append to find out.
 *
 * A winner that never loses cannot know of its rivals. Under a load that leaves no gap it therefore makes one every now and
 * then; a rival's append lands there, and from then on both know. Without such a load, and without rivals, nothing waits.
 */
export class Rivals {
  private seenAt = Number.NEGATIVE_INFINITY;
  private wonAt = Number.NEGATIVE_INFINITY;
  private gapAt = Number.NEGATIVE_INFINITY;

  /** Somebody else's events were met, at this moment of the monotonic clock. */
  seen(now: number): void {
    this.seenAt = now;
  }

  won(now: number): void {
    this.wonAt = now;
  }

  areNear(now: number): boolean {
    return now - this.seenAt < NEAR_FOR_MS;
  }

  /** Milliseconds until the next batch may begin; 0 when nobody is waited for. */
  pauseMs(now: number, lingerMs: number): number {
    const gap = now - this.wonAt;
    if (this.areNear(now)) return Math.max(0, lingerMs - gap);
    if (gap < 2 * lingerMs && now - this.gapAt < GAPLESS_MS_MAX) return 0;
    this.gapAt = now;
    return Math.max(0, 2 * lingerMs - gap);
  }
}
