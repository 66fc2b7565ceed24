import { type Decision, type Fold, foldAll } from '../domain/kernel.ts';
import {
  APPEND_BYTES_MAX,
  type Appended,
  AppendInDoubt,
  type EventStore,
  type Metadata,
  type NewEvent,
  NO_STREAM,
  type Position,
  type RecordedEvent,
  type Revision,
  StoreUnavailable,
  WrongRevision,
} from '../platform/eventStore/eventStore.ts';
import { newEvent, sizeOf } from './newEvent.ts';

/** An answer, and a position at or after all it rests on: what a read-your-writes token is made of. */
export type Told<Outcome> = Readonly<{ outcome: Outcome; position: Position }>;

/** Lost too many appends in a row, or could not settle in time: what was asked may or may not stand. */
export class Contended extends Error {
  override name = 'Contended';
}
/** Turned away before anything was decided. */
export class Overloaded extends Error {
  override name = 'Overloaded';
}
/** The stream has a hole, or events this process cannot read: deciding on it would be guessing. */
export class StreamUnreadable extends Error {
  override name = 'StreamUnreadable';
}

export type MailboxOptions = Readonly<{
  /** Commands decided together for one append. */
  batchMax: number;
  /** Commands that may wait; one more is turned away at once. */
  waitingMax: number;
  /** Milliseconds a command may wait before its batch begins. */
  waitMsMax: number;
  /** Lost appends in a row before a batch is given back. */
  attemptsMax: number;
  /** Milliseconds a batch may take, all its attempts together. With `waitMsMax` the budget of one ask. */
  settleMsMax: number;
  /** Milliseconds that a state may be older than the question, for refusals that may rest on a recent one. */
  freshForMs: number;
}>;

export const mailboxDefaults: MailboxOptions = {
  batchMax: 256,
  waitingMax: 10_000,
  waitMsMax: 2_000,
  attemptsMax: 20,
  settleMsMax: 3_000,
  freshForMs: 0,
};

const PAGE = 1_000;
/** While the store is away: the wait after the first try, and how many times it grows by as much. */
const STORE_RETRY_MS = 50;
const STORE_RETRY_STEPS = 8;

type TypedEvent = Readonly<{ type: string; data: unknown }>;
/** Turns a stored event into a typed one, or throws when it cannot be read. */
export type Parse<E> = (stored: RecordedEvent) => E;
/** `asOf`: when the read or append that proved this to be the stream's end was begun, by the monotonic clock. */
type Head<S> = Readonly<{ state: S; revision: Revision; position: Position; asOf: number }>;
type Asked<S, E> = Readonly<{
  askedAt: number;
  about: Metadata;
  decide: (state: S) => Decision<E, unknown>;
  tell: (told: Told<unknown>) => void;
  fail: (error: unknown) => void;
}>;
type Answer = Readonly<{ kind: 'outcome'; outcome: unknown } | { kind: 'threw'; error: unknown }>;
type Decided<S> = Readonly<{
  state: S;
  events: readonly NewEvent[];
  answers: readonly Answer[];
  restsOn: Decision<never, never>['restsOn'];
}>;

export type MailboxParts<S, E extends TypedEvent> = Readonly<{
  store: EventStore;
  stream: string;
  fold: Fold<S, E>;
  parse: Parse<E>;
  monotonic: () => number;
  options: MailboxOptions;
}>;

/**
 * One stream's commands, a batch at a time: decide each in turn on the state the one before left behind,
 * append what they all decided in a single write, answer each. While an append flies the next batch
 * gathers, so batches grow with load and no timer is needed. Two mailboxes of one stream, in two
 * processes, stay correct by the expected revision alone; being alone only makes them fast.
 * (The batching gate is Equinox's, the aggregate as a mailbox is Commanded's.)
 */
export class Mailbox<S, E extends TypedEvent> {
  private readonly parts: MailboxParts<S, E>;
  private waiting: Asked<S, E>[] = [];
  /** A prefix of the stream that is known to be true; at first the empty one. */
  private head: Head<S>;
  private running: boolean = false;

  constructor(parts: MailboxParts<S, E>) {
    this.parts = parts;
    this.head = this.nothingKnown();
  }

  /**
   * Decides, appends and answers; ends within `waitMsMax + settleMsMax`.
   * @throws Overloaded when too much waits: nothing was done.
   * @throws Contended, AppendInDoubt, StoreUnavailable: what was asked may stand or not; ask again with the same ids.
   * @throws StreamUnreadable when this process cannot read the stream.
   */
  ask<O>(decide: (state: S) => Decision<E, O>, about: Metadata): Promise<Told<O>> {
    const { stream, monotonic, options } = this.parts;
    if (this.waiting.length >= options.waitingMax) return Promise.reject(new Overloaded(`${stream} has ${options.waitingMax} waiting`));
    return new Promise((tell, fail) => {
      this.waiting.push({ askedAt: monotonic(), about, decide, tell: tell as (told: Told<unknown>) => void, fail });
      if (!this.running) void this.run();
    });
  }

  /** What the newest state known here shows, without waiting in line; the state of no events before the first answer. */
  glance<T>(look: (state: S) => T): T {
    return look(this.head.state);
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting.splice(0, this.parts.options.batchMax);
      await this.settle(this.dropLate(batch));
    }
    this.running = false;
  }

  private dropLate(batch: readonly Asked<S, E>[]): readonly Asked<S, E>[] {
    const { monotonic, options, stream } = this.parts;
    const oldest = monotonic() - options.waitMsMax;
    const inTime = batch.filter((asked) => asked.askedAt >= oldest);
    if (inTime.length < batch.length) {
      const late = new Overloaded(`${stream} could not begin within ${options.waitMsMax} ms`);
      for (const asked of batch) if (asked.askedAt < oldest) asked.fail(late);
    }
    return inTime;
  }

  /** Answers every command of the batch, one way or the other. Never throws. */
  private async settle(batch: readonly Asked<S, E>[]): Promise<void> {
    if (batch.length === 0) return;
    const { settleMsMax } = this.parts.options;
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), settleMsMax);
    try {
      await this.attemptUntil(limit.signal, batch);
    } catch (error) {
      // What was folded stands, unless every append lost and no reading told why: then begin anew.
      if (error instanceof Contended) this.head = this.nothingKnown();
      for (const asked of batch) asked.fail(error);
    } finally {
      clearTimeout(timer);
    }
  }

  private async attemptUntil(limit: AbortSignal, batch: readonly Asked<S, E>[]): Promise<void> {
    const { attemptsMax } = this.parts.options;
    let away: unknown = null;
    for (let attempt = 1; attempt <= attemptsMax && !limit.aborted; attempt += 1) {
      try {
        if (await this.attempt(batch, limit)) return;
      } catch (error) {
        if (!(error instanceof StoreUnavailable)) throw error;
        away = error;
        await sleep(STORE_RETRY_MS * Math.min(attempt, STORE_RETRY_STEPS));
      }
    }
    throw away ?? new Contended(`${this.parts.stream} could not be written in time, or in ${attemptsMax} attempts`);
  }

  /**
   * One try: whether all were answered. `false` asks for another on the newer state. A stream that was never
   * read is taken for empty: for a new account the append proves it, and for any other it loses and reads.
   */
  private async attempt(batch: readonly Asked<S, E>[], signal: AbortSignal): Promise<boolean> {
    const { head } = this;
    const decided = this.decideAll(head.state, batch);
    const answered = batch.slice(0, decided.answers.length);
    if (decided.events.length === 0) {
      // Nothing will be appended, so nothing proves the state these answers came from: look first.
      if (this.isStale(head, answered, decided.restsOn) && (await this.catchUp(signal)).revision !== head.revision) return false;
      tellAll(answered, decided.answers, head.position);
    } else {
      const written = await this.append(decided.events, head, signal);
      if (!written) return false;
      this.head = { state: decided.state, revision: written.revision, position: written.position, asOf: written.asOf };
      tellAll(answered, decided.answers, written.position);
    }
    if (answered.length < batch.length) this.waiting = [...batch.slice(answered.length), ...this.waiting];
    return true;
  }

  /** Whether the answers rest on more than this state proves. Only a recorded fact is beyond age. */
  private isStale(head: Head<S>, batch: readonly Asked<S, E>[], restsOn: Decided<S>['restsOn']): boolean {
    const newest = batch.at(-1);
    if (newest === undefined || restsOn === 'recorded') return false;
    return head.asOf + (restsOn === 'recent' ? this.parts.options.freshForMs : 0) < newest.askedAt;
  }

  /** Decides in order until the append would be too large; what is left over goes back to the front of the line. */
  private decideAll(before: S, batch: readonly Asked<S, E>[]): Decided<S> {
    const { fold } = this.parts;
    const events: NewEvent[] = [];
    const answers: Answer[] = [];
    let state = before;
    let bytes = 0;
    let restsOn: Decided<S>['restsOn'] = 'recorded';
    for (const asked of batch) {
      try {
        const decision = asked.decide(state);
        const fresh = decision.events.map((event, index) => newEvent(event, asked.about, index));
        bytes += fresh.reduce((sum, event) => sum + sizeOf(event), 0);
        if (bytes > APPEND_BYTES_MAX && events.length > 0) break;
        state = foldAll(fold, state, decision.events);
        events.push(...fresh.map(({ event }) => event));
        if (restsOn !== 'current' && decision.restsOn !== 'recorded') restsOn = decision.restsOn;
        answers.push({ kind: 'outcome', outcome: decision.outcome });
      } catch (error) {
        answers.push({ kind: 'threw', error }); // A bug in one command is no reason to fail its neighbours.
      }
    }
    return { state, events, answers, restsOn };
  }

  /**
   * `null` when the race was lost. A lost answer is treated as a lost race: read, then decide again. The
   * state knows every command it has seen, so an append that did land shows itself as nothing left to do.
   */
  private async append(events: readonly NewEvent[], head: Head<S>, signal: AbortSignal): Promise<(Appended & { asOf: number }) | null> {
    const asOf = this.parts.monotonic();
    try {
      return { ...(await this.parts.store.append(this.parts.stream, events, head.revision, signal)), asOf };
    } catch (error) {
      if (!(error instanceof WrongRevision || error instanceof AppendInDoubt)) throw error;
      if (signal.aborted) throw error;
      await this.catchUp(signal);
      return null;
    }
  }

  private async catchUp(signal: AbortSignal): Promise<Head<S>> {
    const { store, stream, monotonic } = this.parts;
    for (;;) {
      const asOf = monotonic();
      const page = await store.readStream(stream, this.head.revision + 1n, { maxCount: PAGE, signal });
      this.head = this.foldPage(this.head, page, asOf);
      if (page.length < PAGE) return this.head;
    }
  }

  private nothingKnown(): Head<S> {
    return { state: this.parts.fold.initial, revision: NO_STREAM, position: 0n, asOf: Number.NEGATIVE_INFINITY };
  }

  private foldPage(head: Head<S>, page: readonly RecordedEvent[], asOf: number): Head<S> {
    const { stream, fold, parse } = this.parts;
    let { state, revision, position } = head;
    for (const stored of page) {
      if (stored.revision !== revision + 1n) throw new StreamUnreadable(`${stream} has no event ${revision + 1n}`);
      try {
        state = fold.evolve(state, parse(stored));
      } catch (error) {
        throw new StreamUnreadable(`${stream} cannot be read at ${stored.revision}`, { cause: error });
      }
      ({ revision, position } = stored);
    }
    return { state, revision, position, asOf };
  }
}

const tellAll = <S, E>(batch: readonly Asked<S, E>[], answers: readonly Answer[], position: Position): void => {
  batch.forEach((asked, i) => {
    const answer = answers[i];
    if (answer?.kind === 'outcome') asked.tell({ outcome: answer.outcome, position });
    else asked.fail(answer?.error);
  });
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
