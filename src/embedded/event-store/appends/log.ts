import type { ProposedEvent } from '../storage/record.ts';
import type { Storage } from '../storage/storage.ts';
import { type Append, type Delete, type WriteResult, Writer } from './writer.ts';

/** `deadlineMs` is the Unix time after which the client no longer waits. */
export type AppendRequest = Append & Readonly<{ deadlineMs: number }>;
export type DeleteRequest = Delete & Readonly<{ deadlineMs: number }>;

export type AppendResult =
  | WriteResult
  /** Came too late for its own deadline; nothing was done. */
  | Readonly<{ kind: 'timeout' }>;

type Answer = (result: AppendResult) => void;
type Grown = (events: number) => void;
type Waiting = Readonly<{ result: WriteResult; bytes: number; answer: Answer }>;

const sizeOf = (events: readonly ProposedEvent[]): number => {
  let bytes = 0;
  for (const { data, metadata } of events) bytes += data.length + metadata.length;
  return bytes;
};

/**
 * The single writer. Appends of one turn of the event loop are checked against what is stored and staged, and are one write;
 * what arrives while the disk has it waits in the sockets. An append is answered, and readers are told, only after its write
 * is on disk. A refusal, too, waits for the writes it rests on.
 *
 * The write is made on the event loop: a thread of its own would cost two changes of thread a write, which two busy cores
 * feel more than the wait for the disk.
 */
export class Log {
  readonly #storage: Storage;
  readonly #clock: () => number;
  readonly #onFatal: (error: Error) => void;
  readonly #writer: Writer;
  readonly #listeners = new Set<Grown>();
  #waiting: Waiting[] = [];
  #stagedBytes = 0;
  #running: Promise<void> | undefined;
  #state: 'open' | 'failed' = 'open';

  /**
   * @param clock Unix time in milliseconds.
   * @param onFatal called once when a write fails; nothing is answered any more.
   */
  constructor(storage: Storage, clock: () => number, onFatal: (error: Error) => void) {
    this.#storage = storage;
    this.#clock = clock;
    this.#onFatal = onFatal;
    this.#writer = new Writer(storage);
  }

  /** Bytes taken in and not yet answered. */
  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  /** Decides an append at once, and calls `answer` exactly once, when everything the answer rests on is on disk. */
  append(request: AppendRequest, answer: Answer): void {
    const now = this.#clock();
    if (!this.#admits(request.deadlineMs, now, answer)) return;
    this.#await(this.#writer.append(request, now), sizeOf(request.events), answer);
  }

  /** Decides a deletion at once; all else as for an append. */
  delete(request: DeleteRequest, answer: Answer): void {
    const now = this.#clock();
    if (!this.#admits(request.deadlineMs, now, answer)) return;
    this.#await(this.#writer.delete(request, now), 0, answer);
  }

  /** Calls `listener` with the number of new events when readers can see them; returns how to stop that. */
  onGrowth(listener: Grown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when everything taken in is answered. */
  async settled(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  #admits(deadlineMs: number, now: number, answer: Answer): boolean {
    // After a failed write nobody knows what is on disk: nothing may be decided on it.
    if (this.#state === 'failed') return false;
    if (deadlineMs > now) return true;
    answer({ kind: 'timeout' });
    return false;
  }

  #await(result: WriteResult, bytes: number, answer: Answer): void {
    this.#stagedBytes += bytes;
    this.#waiting.push({ result, bytes, answer });
    this.#running ??= this.#run();
  }

  /** Writes turn after turn until nothing waits. */
  async #run(): Promise<void> {
    try {
      do {
        // Whatever else this turn of the event loop brings goes into the same write.
        await new Promise<void>((resolve) => setImmediate(resolve));
        this.#writeTurn();
        await this.#storage.relieved();
      } while (this.#waiting.length > 0);
    } catch (error) {
      this.#state = 'failed';
      this.#onFatal(error instanceof Error ? error : new Error(String(error)));
    } finally {
      this.#running = undefined;
    }
  }

  #writeTurn(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const records = this.#writer.take();
    if (records.length > 0) this.#storage.write(records);
    for (const { result, bytes, answer } of waiting) {
      this.#stagedBytes -= bytes;
      answer(result);
    }
    if (records.length > 0) for (const listener of this.#listeners) listener(records.length);
  }
}
