import { Problem } from '../platform/problem.ts';
import type { Snapshot } from './readModels.ts';

/** Keys asked about in one statement at most. */
const KEYS_MAX = 500;
/** Callers at most whose batch has not started. */
const WAITING_MAX = 10_000;
/**
 * How long nothing is asked after a statement: so many times what it took, and so many milliseconds at most. Who asks a reader that has
 * rested does not wait; under load, when everything takes longer, fewer statements answer the same questions.
 */
const REST = { times: 3, maxMs: 10 };

type Caller<Value> = Readonly<{ resolve: (answer: Snapshot<Value>) => void; reject: (error: unknown) => void }>;

/**
 * Asks for the keys of one turn of the event loop in one statement, and while that is under way, and some time longer, gathers
 * the next: batches grow with load by themselves. A caller only ever joins a batch that starts after it asked, so what it is told
 * is never older than its question.
 */
export class BatchReader<Value> {
  private readonly readAll: (keys: readonly string[]) => Promise<Snapshot<(key: string) => Value>>;
  private readonly keysMax: number;
  private waiting = new Map<string, Caller<Value>[]>();
  private callers = 0;
  private flying = false;
  private isPlanned: boolean = false;
  private restsUntil = Number.NEGATIVE_INFINITY;

  /** `readAll` answers what the views say of each of the keys. */
  constructor(readAll: (keys: readonly string[]) => Promise<Snapshot<(key: string) => Value>>, keysMax = KEYS_MAX) {
    this.readAll = readAll;
    this.keysMax = keysMax;
  }

  /** @throws Problem overloaded when 10,000 callers wait; whatever `readAll` throws. */
  read(key: string): Promise<Snapshot<Value>> {
    if (this.callers >= WAITING_MAX) throw new Problem('overloaded', `${WAITING_MAX} look-ups are waiting already.`);
    return new Promise((resolve, reject) => {
      this.callers += 1;
      const caller = { resolve, reject };
      const others = this.waiting.get(key);
      if (others) others.push(caller);
      else this.waiting.set(key, [caller]);
      this.schedule();
    });
  }

  private schedule(): void {
    if (this.isPlanned || this.flying || this.waiting.size === 0) return;
    this.isPlanned = true;
    const restMs = this.restsUntil - performance.now();
    // Without a rest after the requests that came in with this turn have been read from their sockets.
    if (restMs > 0) setTimeout(this.takeOff, restMs);
    else setImmediate(this.takeOff);
  }

  private readonly takeOff = (): void => {
    this.isPlanned = false;
    void this.fly();
  };

  private async fly(): Promise<void> {
    const batch = this.takeBatch();
    this.flying = true;
    const tookOffAt = performance.now();
    try {
      const { asOf, value: answerTo } = await this.readAll([...batch.keys()]);
      for (const [key, callers] of batch) {
        const answer = { asOf, value: answerTo(key) };
        for (const caller of callers) caller.resolve(answer);
      }
    } catch (error) {
      for (const callers of batch.values()) for (const caller of callers) caller.reject(error);
    }
    this.flying = false;
    const landedAt = performance.now();
    this.restsUntil = landedAt + Math.min(REST.times * (landedAt - tookOffAt), REST.maxMs);
    this.schedule();
  }

  private takeBatch(): ReadonlyMap<string, readonly Caller<Value>[]> {
    let batch = this.waiting;
    if (batch.size <= this.keysMax) this.waiting = new Map();
    else {
      batch = new Map([...this.waiting].slice(0, this.keysMax));
      for (const key of batch.keys()) this.waiting.delete(key);
    }
    for (const callers of batch.values()) this.callers -= callers.length;
    return batch;
  }
}
