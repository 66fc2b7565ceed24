import type { Position } from '../platform/eventStore/eventStore.ts';

type Sight = Readonly<{ head: Position; at: number }>;

/** Sights kept at most: ten minutes at four a second. An older lag is told as this one. */
const SIGHTS_MAX = 2_400;

/**
 * How late a view is, in time: since when the log holds something that the view does not show. Told by looking at the end of the
 * log again and again, so no clock of another machine takes part; as fine as the looks are frequent.
 */
export class ViewLag {
  /** Where the log ended, and since when at the latest; oldest first, each further than the one before. */
  private readonly sights: Sight[] = [];

  /** `at`: monotonic milliseconds. */
  sawHead(head: Position, at: number): void {
    const last = this.sights.at(-1);
    if (last !== undefined && head <= last.head) return;
    this.sights.push({ head, at });
    if (this.sights.length > SIGHTS_MAX) this.sights.shift();
  }

  /** Milliseconds since the log first went beyond `position`; 0 when it has not. */
  msBehind(position: Position, now: number): number {
    const beyond = this.sights.find(({ head }) => head > position);
    return beyond === undefined ? 0 : Math.max(0, now - beyond.at);
  }
}
