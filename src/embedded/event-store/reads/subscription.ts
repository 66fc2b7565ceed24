import { randomUUID } from 'node:crypto';
import type { Log } from '../appends/log.ts';
import { LIVE_BACKLOG_EVENTS_MAX } from '../limits.ts';
import type { Cursor, Storage } from '../storage/storage.ts';
import type { Call } from '../transport/grpc.ts';
import { CheckpointCadence } from './checkpoints.ts';
import type { Filter } from './filter.ts';
import { putResolved } from './links.ts';
import { PageSize } from './pageSize.ts';
import { filterOf } from './read.ts';
import { ReadAnswers, type ReadRequest } from './readMessages.ts';
import { logSource, type Source, streamSource } from './subscriptionSource.ts';

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

/** Counts an event for the checkpoints; whether one is due behind it. */
type Due = (cadence: CheckpointCadence, matched: boolean) => boolean;
type Put = (answers: ReadAnswers, record: Buffer, position: number) => void;

/**
 * One subscription: confirmation, all events behind the start, caught up, then events as they become durable.
 * It reads everything from the log, the live events too; growth of the log only wakes it. So a slow client costs no memory,
 * and one that fell behind is caught up again from where it is.
 */
class Subscription {
  readonly #call: Call;
  readonly #source: Source;
  readonly #filtering: Filtering | undefined;
  readonly #put: Put;
  readonly #backlog: Backlog;
  readonly #answers = new ReadAnswers();
  readonly #size = new PageSize();
  /** Position of the last event looked at, matched or not; -1 before the first. */
  #looked: number;
  /** Position of the last checkpoint, at first that of the start: none is told twice. */
  #reached: number;

  constructor(call: Call, source: Source, filtering: Filtering | undefined, put: Put, backlog: Backlog) {
    this.#call = call;
    this.#source = source;
    this.#looked = source.start;
    this.#reached = source.start;
    this.#filtering = filtering;
    this.#put = put;
    this.#backlog = backlog;
  }

  /** Ends when the call does, or the stream. @throws CallFailed in the latter case. */
  async run(): Promise<void> {
    this.#source.check();
    this.#answers.confirmation(randomUUID());
    try {
      while ((await this.#catchUp()) && (await this.#live()));
    } catch (error) {
      // What was found before the end still goes out.
      if (!this.#answers.isEmpty) this.#call.send(this.#answers.take());
      throw error;
    }
  }

  /** Delivers up to the end of the log, then says so. False when the call is over. */
  async #catchUp(): Promise<boolean> {
    this.#filtering?.cadence.restart();
    const due: Due = (cadence, matched) => cadence.considerPaged(matched);
    let isMore: boolean;
    do {
      this.#backlog.events = 0;
      isMore = this.#page(this.#source.catchUp, due);
      if (this.#answers.isFull && !(await this.#flush())) return false;
      if (isMore) await new Promise<void>((resolve) => setImmediate(resolve));
    } while (isMore);
    if (this.#filtering !== undefined && this.#looked > this.#reached) this.#checkpoint();
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
      if (this.#page(this.#source.live, (cadence) => cadence.considerLive())) this.#backlog.events++;
      if (!this.#answers.isEmpty) this.#call.send(this.#answers.take());
    }
    return false;
  }

  /** Reads on by a page; whether there may be more. */
  #page(cursor: Cursor, due: Due): boolean {
    const limit = this.#size.events;
    const before = this.#answers.length;
    const begun = performance.now();
    const count = cursor(limit, (record, position) => this.#deliver(record, position, due));
    if (count < limit) return false;
    this.#size.learn(this.#answers.length - before, performance.now() - begun);
    return true;
  }

  #deliver(record: Buffer, position: number, due: Due): void {
    this.#looked = position;
    const matched = this.#filtering === undefined || this.#filtering.matches(record);
    if (matched) this.#put(this.#answers, record, position);
    if (this.#filtering !== undefined && due(this.#filtering.cadence, matched)) this.#checkpoint();
  }

  #checkpoint(): void {
    this.#reached = this.#looked;
    this.#answers.checkpoint(this.#looked);
  }

  async #flush(): Promise<boolean> {
    return this.#call.send(this.#answers.take()) || this.#call.writable();
  }
}

/** `Streams/Read` of a subscription, to `$all` or to one stream, which need not exist yet. Resolves when the call is over. */
export const subscribe = async (call: Call, storage: Storage, log: Log, request: ReadRequest, clock: () => number): Promise<void> => {
  const { stream, filter, from, resolveLinks } = request;
  const filtering = filter && {
    matches: filterOf(filter.expression),
    cadence: new CheckpointCadence(filter.windowEvents, filter.checkpointMultiplier),
  };
  const source = stream === undefined ? logSource(storage, from) : streamSource(storage, stream, from, clock);
  const put: Put = resolveLinks
    ? (answers, record, position) => putResolved(answers, storage, clock(), record, position)
    : (answers, record, position) => answers.event(record, position);
  const backlog = new Backlog();
  const unsubscribe = log.onGrowth(backlog.grow);
  call.onClose(() => {
    unsubscribe();
    backlog.wake();
  });
  await new Subscription(call, source, filtering, put, backlog).run();
};
