import type { Decision } from '../domain/kernel.ts';
import { AppendInDoubt, type Metadata, NO_STREAM, StoreUnavailable, WrongRevision } from '../platform/eventStore/eventStore.ts';
import { type Asked, type Decided, decideAll, type Told, tellAll } from './batch.ts';
import { type CommandObserver, noObserver } from './observer.ts';
import { LINGER_MS, Rivals } from './rivals.ts';
import type { EndSightings } from './soldOutHints.ts';
import { type Head, type StreamKind, StreamView, type TypedEvent } from './streamView.ts';
import { TimeLimits } from './timeLimits.ts';

export type { Told } from './batch.ts';
export { type Parse, StreamUnreadable } from './streamView.ts';

/** Lost too many appends in a row, or could not settle in time: what was asked may or may not stand. */
export class Contended extends Error {
  override name = 'Contended';
}
/** Turned away before anything was decided. */
export class Overloaded extends Error {
  override name = 'Overloaded';
}

export type MailboxOptions = Readonly<{
  /** Commands decided together for one append. */
  batchMax: number;
  /** Commands that may wait; one more is turned away at once. */
  waitingMax: number;
  /** Milliseconds a command may wait before its batch begins. */
  waitMsMax: number;
  /** Lost appends in a row before a batch is given back; as a rule `settleMsMax` comes first. */
  attemptsMax: number;
  /** Milliseconds a batch may take, all its attempts together. With `waitMsMax` the budget of one ask. */
  settleMsMax: number;
  /** Milliseconds that a state may be older than the question, for refusals that may rest on a recent one. */
  freshForMs: number;
  /** Milliseconds left to other processes after a won append, while such processes write to the same stream. */
  lingerMs: number;
}>;

export const mailboxDefaults: MailboxOptions = {
  batchMax: 256,
  waitingMax: 10_000,
  waitMsMax: 2_000,
  attemptsMax: 200,
  settleMsMax: 3_000,
  freshForMs: 0,
  lingerMs: LINGER_MS,
};

/** While the store is away: the wait after the first try, and how many times it grows by as much. */
const STORE_RETRY_MS = 50;
const STORE_RETRY_STEPS = 8;

/** What all mailboxes of one kind of stream share. */
export type MailboxKind<S, E extends TypedEvent> = StreamKind<S, E> &
  Readonly<{
    options: MailboxOptions;
    observer?: CommandObserver;
    /** Of `settleMsMax`; one of its own unless given. */
    limits?: TimeLimits;
    /** What other processes have seen of such streams; refusals that may rest on a recent state rest on that, too. */
    sightings?: EndSightings | null;
  }>;

/**
 * One stream's commands, a batch at a time: decide each in turn on the state the one before left behind,
 * append what they all decided in a single write, answer each. While an append flies the next batch
 * gathers, so batches grow with load and no timer is needed. Two mailboxes of one stream, in two
 * processes, stay correct by the expected revision alone; being alone only makes them fast.
 * (The batching gate is Equinox's, the aggregate as a mailbox is Commanded's.)
 */
export class Mailbox<S, E extends TypedEvent> {
  private readonly kind: MailboxKind<S, E>;
  private readonly view: StreamView<S, E>;
  private readonly rivals = new Rivals();
  private readonly observer: CommandObserver;
  private readonly limits: TimeLimits;
  private waiting: Asked<S, E>[] = [];
  private running: boolean = false;
  /** When another process saw the stream end at this revision, by the monotonic clock of this one. */
  private sighted = { revision: NO_STREAM, asOf: Number.NEGATIVE_INFINITY };

  constructor(stream: string, kind: MailboxKind<S, E>) {
    this.kind = kind;
    this.view = new StreamView(stream, kind);
    this.observer = kind.observer ?? noObserver;
    this.limits = kind.limits ?? new TimeLimits(kind.options.settleMsMax, kind.monotonic);
  }

  /**
   * Decides, appends and answers; ends within `waitMsMax + settleMsMax`.
   * @throws Overloaded when too much waits: nothing was done.
   * @throws Contended, AppendInDoubt, StoreUnavailable: what was asked may stand or not; ask again with the same ids.
   * @throws StreamUnreadable when this process cannot read the stream.
   */
  ask<O>(decide: (state: S) => Decision<E, O>, about: Metadata): Promise<Told<O>> {
    const { monotonic, options } = this.kind;
    if (this.waiting.length >= options.waitingMax)
      return Promise.reject(new Overloaded(`${this.view.stream} has ${options.waitingMax} waiting`));
    return new Promise((tell, fail) => {
      this.waiting.push({ askedAt: monotonic(), about, decide, tell: tell as (told: Told<unknown>) => void, fail });
      this.observer.waiting(1);
      if (!this.running) void this.run();
    });
  }

  /** What the newest state known here shows, without waiting in line; the state of no events before the first answer. */
  glance<T>(look: (state: S) => T): T {
    return look(this.view.head.state);
  }

  /** How many events of the stream are known here. */
  get events(): number {
    return Number(this.view.head.revision) + 1;
  }

  private async run(): Promise<void> {
    const { monotonic, options } = this.kind;
    this.running = true;
    while (this.waiting.length > 0) {
      const pauseMs = this.rivals.pauseMs(monotonic(), options.lingerMs);
      if (pauseMs > 0) await sleep(pauseMs);
      const batch = this.waiting.splice(0, options.batchMax);
      this.observer.waiting(-batch.length);
      await this.settle(this.dropLate(batch));
      this.view.keep();
    }
    this.running = false;
  }

  private dropLate(batch: readonly Asked<S, E>[]): readonly Asked<S, E>[] {
    const { monotonic, options } = this.kind;
    const oldest = monotonic() - options.waitMsMax;
    const inTime = batch.filter((asked) => asked.askedAt >= oldest);
    if (inTime.length < batch.length) {
      const late = new Overloaded(`${this.view.stream} could not begin within ${options.waitMsMax} ms`);
      for (const asked of batch) if (asked.askedAt < oldest) asked.fail(late);
    }
    return inTime;
  }

  /** Answers every command of the batch, one way or the other. Never throws. */
  private async settle(batch: readonly Asked<S, E>[]): Promise<void> {
    if (batch.length === 0) return;
    this.observer.batch(batch.length);
    const { revision } = this.view.head;
    try {
      await this.attemptUntil(this.limits.next(), batch);
    } catch (error) {
      // What was folded stands, unless every append lost and no reading told why: then begin anew.
      if (error instanceof Contended && this.view.head.revision === revision) this.view.forget();
      for (const asked of batch) asked.fail(error);
    }
  }

  private async attemptUntil(limit: AbortSignal, batch: readonly Asked<S, E>[]): Promise<void> {
    const { attemptsMax } = this.kind.options;
    let away: unknown = null;
    for (let attempt = 1; attempt <= attemptsMax && !limit.aborted; attempt += 1) {
      try {
        if (this.view.mustBeRead || (attempt === 1 && this.rivals.areNear(this.kind.monotonic()))) await this.catchUp(limit);
        if (await this.attempt(batch, limit)) return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        away = error;
        await sleep(STORE_RETRY_MS * Math.min(attempt, STORE_RETRY_STEPS));
      }
    }
    throw away ?? new Contended(`${this.view.stream} could not be written in time, or in ${attemptsMax} attempts`);
  }

  /**
   * One try: whether all were answered. `false` asks for another on the newer state. A stream that was never
   * read is taken for empty: for a new account the append proves it, and for any other it loses and reads.
   */
  private async attempt(batch: readonly Asked<S, E>[], signal: AbortSignal): Promise<boolean> {
    const { head } = this.view;
    const decided = decideAll(this.kind.fold, head.state, batch);
    const answered = batch.slice(0, decided.answers.length);
    if (decided.events.length === 0) {
      // Nothing will be appended, so nothing proves the state these answers came from: look first.
      if (this.isStale(head, answered, decided.restsOn) && !(await this.stillEnds(head, answered, decided.restsOn, signal))) return false;
    } else if (!(await this.append(decided, head, signal))) return false;
    tellAll(answered, decided.answers, this.view.head.position);
    if (answered.length < batch.length) this.putBack(batch.slice(answered.length));
    return true;
  }

  private putBack(left: readonly Asked<S, E>[]): void {
    this.waiting = [...left, ...this.waiting];
    this.observer.waiting(left.length);
  }

  /** Whether the answers rest on more than this state proves. Only a recorded fact is beyond age. */
  private isStale(head: Head<S>, batch: readonly Asked<S, E>[], restsOn: Decided<S>['restsOn']): boolean {
    const newest = batch.at(-1);
    if (newest === undefined || restsOn === 'recorded') return false;
    if (restsOn === 'current') return head.asOf < newest.askedAt;
    const seenAt = this.sighted.revision === head.revision ? Math.max(this.sighted.asOf, head.asOf) : head.asOf;
    return seenAt + this.kind.options.freshForMs < newest.askedAt;
  }

  /** Whether the stream ends where these answers were decided: what others have just seen of it will do for recent ones. */
  private async stillEnds(
    head: Head<S>,
    batch: readonly Asked<S, E>[],
    restsOn: Decided<S>['restsOn'],
    signal: AbortSignal,
  ): Promise<boolean> {
    const sightings = restsOn === 'recent' ? (this.kind.sightings ?? null) : null;
    if (sightings) {
      const asOf = await sightings.seen(this.view.stream, head);
      if (asOf !== null) this.sighted = { revision: head.revision, asOf };
      if (!this.isStale(head, batch, restsOn)) return true;
    }
    const read = await this.catchUp(signal);
    if (read.revision !== head.revision) return false;
    sightings?.tell(this.view.stream, read);
    return true;
  }

  /**
   * `false` when the race was lost. A lost answer is treated as a lost race: read, then decide again. The
   * state knows every command it has seen, so an append that did land shows itself as nothing left to do.
   */
  private async append({ state, events }: Decided<S>, head: Head<S>, signal: AbortSignal): Promise<boolean> {
    const { store, monotonic } = this.kind;
    const asOf = monotonic();
    try {
      const written = await store.append(this.view.stream, events, head.revision, signal);
      this.view.appended(state, events, written, asOf);
      this.rivals.won(monotonic());
      return true;
    } catch (error) {
      if (!(error instanceof WrongRevision || error instanceof AppendInDoubt)) throw error;
      if (signal.aborted) throw error;
      await this.catchUp(signal);
      return false;
    }
  }

  private async catchUp(signal: AbortSignal): Promise<Head<S>> {
    const before = this.view.head.revision;
    const head = await this.view.catchUp(signal);
    // The first reading of a stream finds what was there before; later ones find what others did meanwhile.
    if (before !== NO_STREAM && head.revision > before) this.rivals.seen(this.kind.monotonic());
    return head;
  }
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
