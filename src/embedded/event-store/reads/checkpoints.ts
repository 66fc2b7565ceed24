import { FILTER_PAGE_EVENTS } from '../limits.ts';

/**
 * When a filtered subscription says how far it has looked: after each `windowEvents` x `multiplier` events *considered*, whether
 * they matched or not. Catching up, EventStoreDB counts whole pages, and a page ends after `windowEvents` considered or
 * 32 matched events; live, it counts single events, beginning at 0 again.
 */
export class CheckpointCadence {
  readonly #windowEvents: number;
  readonly #intervalEvents: number;
  #counted = 0;
  #pageConsidered = 0;
  #pageMatched = 0;

  constructor(windowEvents: number, multiplier: number) {
    this.#windowEvents = windowEvents;
    this.#intervalEvents = windowEvents * multiplier;
  }

  /** Catch-up or live begins: the count starts anew. */
  restart(): void {
    this.#counted = 0;
    this.#pageConsidered = 0;
    this.#pageMatched = 0;
  }

  /** Counts an event while catching up; true when a checkpoint is due behind it. */
  considerPaged(matched: boolean): boolean {
    this.#pageConsidered++;
    if (matched) this.#pageMatched++;
    if (this.#pageConsidered < this.#windowEvents && this.#pageMatched < FILTER_PAGE_EVENTS) return false;
    this.#counted += this.#pageConsidered;
    this.#pageConsidered = 0;
    this.#pageMatched = 0;
    if (this.#counted < this.#intervalEvents) return false;
    this.#counted %= this.#intervalEvents;
    return true;
  }

  /** Counts an event while live; true when a checkpoint is due behind it. */
  considerLive(): boolean {
    this.#counted++;
    if (this.#counted < this.#intervalEvents) return false;
    this.#counted = 0;
    return true;
  }
}
