import { decideAppend, type Expected, type Stored, type StreamView } from './append.ts';
import { DEADLINE_SWEEP_MS, RECENT_IDS_MAX, WRITE_TIMEOUT_MAX_MS } from './limits.ts';
import { RecentIds } from './recentIds.ts';
import type { ProposedEvent } from './record.ts';
import { Staging } from './staging.ts';
import type { Head, Storage } from './storage.ts';

export type AppendRequest = Readonly<{
  stream: string;
  expected: Expected;
  events: readonly ProposedEvent[];
  /** Unix time after which the writer no longer waits. */
  deadlineMs: number;
}>;

export type AppendResult =
  /** `position` is missing when nothing was to be written. */
  | Readonly<{ kind: 'appended'; revision: number; position: number | undefined }>
  | Readonly<{ kind: 'wrong'; current: number }>
  /** Not on disk in time; it may still get there. */
  | Readonly<{ kind: 'timeout' }>;

type Answer = (result: AppendResult) => void;
type Grown = (events: number) => void;
type Waiting = { readonly deadlineMs: number; readonly result: AppendResult; readonly bytes: number; answer: Answer | undefined };

const sizeOf = (events: readonly ProposedEvent[]): number => {
  let bytes = 0;
  for (const { data, metadata } of events) bytes += data.length + metadata.length;
  return bytes;
};

/**
 * The single writer. Appends of one turn of the event loop are checked against what is stored and staged, and written in one
 * transaction; meanwhile the next ones gather, here or in the sockets. An append is answered, and readers are told, only
 * after its transaction is on disk. A refusal, too, waits for the writes it rests on.
 */
export class Log {
  readonly #storage: Storage;
  readonly #clock: () => number;
  readonly #onFatal: (error: Error) => void;
  readonly #staging: Staging;
  readonly #recent = new RecentIds(RECENT_IDS_MAX);
  readonly #listeners = new Set<Grown>();
  /** Appends of the turn that gathers, and of the turn being written. */
  #gathering: Waiting[] = [];
  #writing: Waiting[] = [];
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
    this.#staging = new Staging(storage);
  }

  /** Bytes taken in and not yet answered. */
  get stagedBytes(): number {
    return this.#stagedBytes;
  }

  /** Decides an append at once, and calls `answer` exactly once, when everything the answer rests on is on disk. */
  append(request: AppendRequest, answer: Answer): void {
    // After a failed write nobody knows what is on disk: nothing may be decided on it.
    if (this.#state === 'failed') return;
    const now = this.#clock();
    if (request.deadlineMs <= now) {
      answer({ kind: 'timeout' });
      return;
    }
    const bytes = sizeOf(request.events);
    this.#stagedBytes += bytes;
    const deadlineMs = Math.min(request.deadlineMs, now + WRITE_TIMEOUT_MAX_MS);
    this.#gathering.push({ deadlineMs, result: this.#decide(request, now), bytes, answer });
    this.#running ??= this.#run();
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

  #decide({ stream, expected, events }: AppendRequest, now: number): AppendResult {
    const head = this.#staging.head(stream);
    const current = head?.last ?? -1;
    const ids = events.map((event) => event.id);
    const decision = decideAppend(this.#view(stream, head), expected, ids);
    switch (decision.kind) {
      case 'append':
        return { kind: 'appended', ...this.#stage(stream, events, now) };
      case 'repeat':
        return { kind: 'appended', ...decision.stored };
      case 'nothing':
        return { kind: 'appended', revision: current, position: undefined };
      case 'wrong':
        return { kind: 'wrong', current };
    }
  }

  #view(stream: string, head: Head | undefined): StreamView {
    return {
      last: head?.last ?? -1,
      hasMetadata: () => this.#staging.head(`$$${stream}`) !== undefined,
      at: (revision) => this.#staging.at(stream, head, revision),
      recent: (id) => this.#recent.find(id, stream),
    };
  }

  /** Stages the events; returns where the last one will be. */
  #stage(stream: string, events: readonly ProposedEvent[], now: number): Stored {
    let stored: Stored = { revision: -1, position: -1 };
    for (const event of events) {
      stored = this.#staging.add(stream, event, now);
      this.#recent.remember(event.id, stream, stored.revision, stored.position);
    }
    return stored;
  }

  /** Writes turn after turn until nothing waits. */
  async #run(): Promise<void> {
    // Whatever else this turn of the event loop brings goes into the same transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const sweeping = setInterval(() => this.#sweep(), DEADLINE_SWEEP_MS);
    try {
      while (this.#gathering.length > 0) await this.#writeTurn();
    } catch (error) {
      this.#state = 'failed';
      this.#onFatal(error instanceof Error ? error : new Error(String(error)));
    } finally {
      clearInterval(sweeping);
      this.#running = undefined;
    }
  }

  async #writeTurn(): Promise<void> {
    this.#writing = this.#gathering;
    this.#gathering = [];
    const turn = this.#staging.beginWrite();
    if (turn.records.length > 0) await this.#storage.write(turn.records, turn.heads());
    this.#staging.endWrite();
    const written = this.#writing;
    this.#writing = [];
    for (const waiting of written) this.#settle(waiting, waiting.result);
    if (turn.records.length > 0) for (const listener of this.#listeners) listener(turn.records.length);
  }

  #settle(waiting: Waiting, result: AppendResult): void {
    const { answer } = waiting;
    if (answer === undefined) return;
    waiting.answer = undefined;
    this.#stagedBytes -= waiting.bytes;
    answer(result);
  }

  /** Writers must not wait for ever. A storage that flushes on the event loop is looked at only between two flushes. */
  #sweep(): void {
    const now = this.#clock();
    for (const waiting of [...this.#writing, ...this.#gathering]) {
      if (waiting.deadlineMs <= now) this.#settle(waiting, { kind: 'timeout' });
    }
  }
}
