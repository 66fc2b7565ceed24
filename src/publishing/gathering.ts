import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Takes what a source yields in batches: as many as come within a short time of the first, so that a batch grows with the load and
 * a single one does not wait long. The source is not asked for more than one item ahead: its own limit on what waits holds.
 */
export class Gathering<T> {
  private readonly source: AsyncIterator<T>;
  private asked: Promise<IteratorResult<T>> | null = null;

  constructor(source: AsyncIterable<T>) {
    this.source = source[Symbol.asyncIterator]();
  }

  /**
   * At least one item and at most `max`, or none when the source has ended. A failure that follows some items is told by the next call.
   * @throws what the source failed with.
   */
  async take(max: number, lingerMs: number): Promise<readonly T[]> {
    const first = await this.ask();
    this.asked = null;
    if (first.done) return [];
    const taken = [first.value];
    const enough = new AbortController();
    const late = sleep(lingerMs, null, { signal: enough.signal }).catch(() => null);
    try {
      while (taken.length < max) {
        const next = await Promise.race([this.ask().catch(() => null), late]);
        if (next === null || next.done) break;
        this.asked = null;
        taken.push(next.value);
      }
    } finally {
      enough.abort();
    }
    return taken;
  }

  /** The item that was asked for already, or the next one. Nobody may be waiting when it fails. */
  private ask(): Promise<IteratorResult<T>> {
    if (this.asked === null) {
      this.asked = this.source.next();
      this.asked.catch(() => undefined);
    }
    return this.asked;
  }
}
