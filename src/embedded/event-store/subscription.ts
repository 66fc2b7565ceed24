import { randomUUID } from 'node:crypto';
import { CheckpointCadence } from './checkpoints.ts';
import type { Filter } from './filter.ts';
import type { Call } from './grpc.ts';
import { LIVE_BACKLOG_EVENTS_MAX, READ_PAGE_EVENTS_MAX } from './limits.ts';
import type { Log } from './log.ts';
import { type Cursor, filterOf, logForwards, streamForwards } from './read.ts';
import { ReadAnswers, type ReadRequest } from './readMessages.ts';
import type { Storage } from './storage.ts';

type Filtering = Readonly<{ matches: Filter; cadence: CheckpointCadence }>;

/** Events written since the subscriber last looked. */
class Backlog {
  events = 0;
  #wake: (() => void) | undefined;

  grow = (events: number): void => {
    this.events += events;
    this.wake();
  };
  wake = (): void => {
    this.#wake?.();
    this.#wake = undefined;
  };
  /** Resolves at the next growth or wake, at once when there is something already. */
  async wait(): Promise<void> {
    if (this.events > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
  }
}

/**
 * One subscription: confirmation, all events behind the start, caught up, then events as they become durable.
 * It reads everything from the log, the live events too; growth of the log only wakes it. So a slow client costs no memory,
 * and one that fell behind is caught up again from where it is.
 */
class Subscription {
  readonly #call: Call;
  readonly #page: Cursor;
  readonly #filtering: Filtering | undefined;
  readonly #backlog: Backlog;
  readonly #answers = new ReadAnswers();
  /** Position of the last event looked at, matched or not; -1 before the first. */
  #looked: number;

  constructor(call: Call, page: Cursor, looked: number, filtering: Filtering | undefined, backlog: Backlog) {
    this.#call = call;
    this.#page = page;
    this.#looked = looked;
    this.#filtering = filtering;
    this.#backlog = backlog;
  }

  /** Ends when the call does. */
  async run(): Promise<void> {
    this.#answers.confirmation(randomUUID());
    while ((await this.#catchUp()) && (await this.#live()));
  }

  /** Delivers up to the end of the log, then says so. False when the call is over. */
  async #catchUp(): Promise<boolean> {
    this.#filtering?.cadence.restart();
    let count: number;
    do {
      this.#backlog.events = 0;
      count = this.#page(READ_PAGE_EVENTS_MAX, (record, position) =>
        this.#deliver(record, position, (cadence, matched) => cadence.considerPaged(matched)),
      );
      if (this.#answers.isFull && !(await this.#flush())) return false;
      if (count === READ_PAGE_EVENTS_MAX) await new Promise<void>((resolve) => setImmediate(resolve));
    } while (count === READ_PAGE_EVENTS_MAX);
    if (this.#filtering !== undefined && this.#looked >= 0) this.#answers.checkpoint(this.#looked);
    this.#answers.caughtUp();
    this.#filtering?.cadence.restart();
    return this.#flush();
  }

  /** Delivers what is new, until the call is over (false) or its client has fallen too far behind (true). */
  async #live(): Promise<boolean> {
    while (this.#call.isOpen) {
      await this.#backlog.wait();
      const wasFull = this.#call.isFull;
      if (wasFull && !(await this.#call.writable())) return false;
      if (wasFull && this.#backlog.events > LIVE_BACKLOG_EVENTS_MAX) return true;
      this.#backlog.events = 0;
      const count = this.#page(READ_PAGE_EVENTS_MAX, (record, position) =>
        this.#deliver(record, position, (cadence) => cadence.considerLive()),
      );
      if (count === READ_PAGE_EVENTS_MAX) this.#backlog.events++;
      if (!this.#answers.isEmpty) this.#call.send(this.#answers.take());
    }
    return false;
  }

  #deliver(record: Buffer, position: number, due: (cadence: CheckpointCadence, matched: boolean) => boolean): void {
    this.#looked = position;
    const matched = this.#filtering === undefined || this.#filtering.matches(record);
    if (matched) this.#answers.event(record, position);
    if (this.#filtering !== undefined && due(this.#filtering.cadence, matched)) this.#answers.checkpoint(position);
  }

  async #flush(): Promise<boolean> {
    return this.#call.send(this.#answers.take()) || this.#call.writable();
  }
}

/** Where a subscription begins: it is told what lies *behind* the given place. */
const startOf = (storage: Storage, { stream, from }: ReadRequest): number => {
  if (from.kind === 'start') return -1;
  if (from.kind === 'at') return from.at;
  return stream === undefined ? storage.lastPosition() : (storage.head(stream)?.last ?? -1);
};

/** `Streams/Read` of a subscription, to `$all` or to one stream, which need not exist yet. Resolves when the call is over. */
export const subscribe = async (call: Call, storage: Storage, log: Log, request: ReadRequest): Promise<void> => {
  const { stream, filter } = request;
  const filtering = filter && {
    matches: filterOf(filter.expression),
    cadence: new CheckpointCadence(filter.windowEvents, filter.checkpointMultiplier),
  };
  const start = startOf(storage, request);
  const page = stream === undefined ? logForwards(storage, start) : streamForwards(storage, stream, start);
  const backlog = new Backlog();
  const unsubscribe = log.onGrowth(backlog.grow);
  call.onClose(() => {
    unsubscribe();
    backlog.wake();
  });
  await new Subscription(call, page, start, filtering, backlog).run();
};
