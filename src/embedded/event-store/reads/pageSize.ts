import { OUTPUT_CHUNK_BYTES, READ_PAGE_BYTES, READ_PAGE_EVENTS_FIRST, READ_PAGE_EVENTS_MAX, READ_PAGE_MS } from '../limits.ts';

/** How many events to read in one go: many small ones, few large or slow ones. Begins low and learns from what the pages came to. */
export class PageSize {
  #events = READ_PAGE_EVENTS_FIRST;

  get events(): number {
    return this.#events;
  }

  /** Takes note of a page whose events are this many bytes, and of how long it took: filters can be slow. */
  learn(bytes: number, ms: number): void {
    if (bytes > READ_PAGE_BYTES || ms > READ_PAGE_MS) this.#events = Math.max(1, Math.floor(this.#events / 2));
    else if (bytes < OUTPUT_CHUNK_BYTES) this.#events = Math.min(READ_PAGE_EVENTS_MAX, this.#events * 2);
  }
}
