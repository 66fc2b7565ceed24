import { RECEIVING_BYTES_MAX } from '../limits.ts';
import { CallFailed, Status } from './status.ts';

/**
 * Memory of the messages and appends of all calls of a server of which not everything has come. Those of a client that means
 * well are whole within milliseconds: when there is too much, the one that has stood longest goes, and with it its call.
 */
export class ReceivingBudget {
  readonly #now: () => number;
  #bytes = 0;
  /** In the order in which they began. */
  readonly #halves = new Map<Half, number>();

  /** @param now milliseconds the server was awake. */
  constructor(now: () => number) {
    this.#now = now;
  }

  grow(half: Half, bytes: number): void {
    if (!this.#halves.has(half)) this.#halves.set(half, this.#now());
    this.#bytes += bytes;
    for (const [oldest] of this.#halves) {
      if (this.#bytes <= RECEIVING_BYTES_MAX) return;
      oldest.giveUp(new CallFailed(Status.resourceExhausted, 'too many bytes of unfinished requests'));
    }
  }

  release(half: Half, bytes: number): void {
    if (this.#halves.delete(half)) this.#bytes -= bytes;
  }

  /** Ends the calls in which something began `ms` ago or earlier and is still not whole. */
  expire(ms: number): void {
    const before = this.#now() - ms;
    for (const [half, begun] of this.#halves) {
      if (begun > before) return;
      half.giveUp(new CallFailed(Status.aborted, `a request was not whole within ${ms} ms`));
    }
  }
}

/** One message or append of which not everything has come. */
export class Half {
  readonly #budget: ReceivingBudget;
  /** Ends the call. */
  readonly giveUp: (failure: CallFailed) => void;
  #bytes = 0;

  constructor(budget: ReceivingBudget, giveUp: (failure: CallFailed) => void) {
    this.#budget = budget;
    this.giveUp = giveUp;
  }

  /** May end the call, or another one. */
  grow(bytes: number): void {
    this.#bytes += bytes;
    this.#budget.grow(this, bytes);
  }

  /** It is whole, or given up. */
  end(): void {
    if (this.#bytes > 0) this.#budget.release(this, this.#bytes);
    this.#bytes = 0;
  }
}
