/**
 * Holds what a source yields until it is asked for: while one batch is being written the next gathers, so batches grow
 * with the load and an idle reader waits for nothing. When `max` items wait, the source is asked for no more.
 */
export class Inbox<T> {
  private readonly max: number;
  private waiting: T[] = [];
  private ended: Readonly<{ error: unknown }> | null = null;
  private readonly closing = new AbortController();
  private wakeReader: () => void = () => undefined;
  private wakeSource: () => void = () => undefined;

  constructor(max: number) {
    this.max = max;
  }

  /** Takes from the source until it ends, fails or the inbox is closed. Never throws: a failure reaches the reader. */
  async fill(source: AsyncIterable<T>): Promise<void> {
    try {
      for await (const item of source) {
        this.waiting.push(item);
        this.wakeReader();
        if (this.waiting.length >= this.max) await this.room();
        if (this.closing.signal.aborted) break;
      }
      this.end(null);
    } catch (error) {
      this.end(error);
    }
  }

  /**
   * What waits, at most `max` items, at least one; `null` when the source has ended.
   * @throws what the source failed with, after everything that came before it was taken.
   */
  async take(max: number): Promise<readonly T[] | null> {
    while (this.waiting.length === 0) {
      if (this.ended?.error) throw this.ended.error;
      if (this.ended || this.closing.signal.aborted) return null;
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
      // What arrived in the same turn of the event loop belongs together.
      await new Promise((resolve) => void setImmediate(resolve));
    }
    const taken = this.waiting.splice(0, max);
    this.wakeSource();
    return taken;
  }

  /** Nothing more is taken from the source, and nobody waits any longer. */
  close(): void {
    this.closing.abort();
    this.wakeReader();
    this.wakeSource();
  }

  private room(): Promise<void> {
    if (this.closing.signal.aborted) return Promise.resolve();
    return new Promise<void>((resolve) => {
      this.wakeSource = resolve;
    });
  }

  private end(error: unknown): void {
    this.ended = { error };
    this.wakeReader();
  }
}
