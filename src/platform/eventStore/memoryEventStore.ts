import { randomUUID } from 'node:crypto';
import { encodeAppend } from './appendRequest.ts';
import {
  type Appended,
  AppendInDoubt,
  type Delivery,
  type EventStore,
  type NewEvent,
  type Position,
  type ReadOptions,
  type RecordedEvent,
  type Revision,
  type StoreId,
  StoreUnavailable,
  type SubscribeOptions,
  SubscriptionLost,
} from './eventStore.ts';
import { type FaultPlan, noFaults } from './memoryFaults.ts';
import { MemoryLog } from './memoryLog.ts';
import { orAborted } from './orAborted.ts';
import { checkRead, checkSubscription } from './readRequest.ts';
import { readOrWriteIdentity } from './storeIdentity.ts';

/** A checkpoint after this many events that were looked at and passed over. */
const CHECKPOINT_EVENTS = 32;

export type MemoryEventStoreOptions = Readonly<{
  /** The log to work on; a new one when left out. Two adapters over one log are two processes at one store. */
  log?: MemoryLog;
  faults?: FaultPlan;
  /** Waits for so many milliseconds; a simulation gives its own. */
  delay?: (ms: number) => Promise<void>;
  /** Wall clock in milliseconds, for `createdAt`. */
  now?: () => number;
  /** Makes UUIDs. */
  newId?: () => string;
}>;

/** An event store in memory whose appends and subscriptions fail as told. */
export interface MemoryEventStore extends EventStore {
  readonly log: MemoryLog;
  /** Lets the appends held back by `lands-late` reach the log now, oldest first; says how many were written. */
  landLate(): number;
  /** Every subscription now open fails with SubscriptionLost. */
  breakSubscriptions(): void;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

class InMemory implements MemoryEventStore {
  readonly log: MemoryLog;
  private readonly faults: FaultPlan;
  private readonly delay: (ms: number) => Promise<void>;
  private readonly now: () => number;
  private readonly newId: () => string;
  private readonly closed = new AbortController();
  private broken = new AbortController();
  private held: (() => boolean)[] = [];
  private appends = 0;

  constructor(options: MemoryEventStoreOptions) {
    this.log = options.log ?? new MemoryLog();
    this.faults = options.faults ?? noFaults;
    this.delay = options.delay ?? sleep;
    this.now = options.now ?? Date.now;
    this.newId = options.newId ?? randomUUID;
  }

  async readStream(stream: string, from: Revision, { maxCount, signal }: ReadOptions): Promise<readonly RecordedEvent[]> {
    checkRead(from, maxCount);
    this.refuseWhenUseless(signal);
    return this.log.read(stream, from, maxCount);
  }

  async append(stream: string, events: readonly NewEvent[], expected: Revision, signal?: AbortSignal): Promise<Appended> {
    const { encoded } = encodeAppend(stream, events, expected);
    this.refuseWhenUseless(signal);
    const fault = this.faults({ stream, events, expected, number: this.appends++ });
    const write = () => this.log.append(stream, encoded, expected, this.now());
    switch (fault.kind) {
      case 'none':
        return write();
      case 'slow':
        return this.inFlight(this.slowly(write, fault.landMs, fault.answerMs), signal);
      case 'answer-lost':
        this.written(write);
        break;
      case 'lands-late':
        if (fault.afterMs === undefined) this.held.push(() => this.written(write));
        else void this.delay(fault.afterMs).then(() => this.written(write));
        break;
      case 'never-landed':
        break;
    }
    throw new AppendInDoubt(`no answer about ${stream}`);
  }

  async *subscribe(options: SubscribeOptions): AsyncGenerator<Delivery, void, undefined> {
    checkSubscription(options);
    const { after, types, signal } = options;
    const wanted = types && new Set(types);
    const broken = AbortSignal.any([this.broken.signal, this.closed.signal]);
    const ended = AbortSignal.any([signal, broken]);
    let passedOver = 0;
    let caughtUp = false;
    for (let next = this.log.indexAfter(after); ; ) {
      for (; next < this.log.length && !ended.aborted; next += 1) {
        const type = this.log.typeAt(next) ?? '';
        if (wanted === undefined || wanted.has(type)) {
          passedOver = 0;
          yield { kind: 'event', event: this.log.at(next) };
          continue;
        }
        passedOver += 1;
        if (passedOver % CHECKPOINT_EVENTS === 0) yield { kind: 'checkpoint', position: this.log.positionAt(next) };
      }
      if (!ended.aborted && passedOver % CHECKPOINT_EVENTS > 0) yield { kind: 'checkpoint', position: this.log.positionAt(next - 1) };
      passedOver = 0;
      if (!ended.aborted && !caughtUp && next === this.log.length) {
        caughtUp = true;
        yield { kind: 'caught-up' };
      }
      if (!ended.aborted && next === this.log.length) await this.log.changed(ended);
      if (signal.aborted) return;
      if (broken.aborted) throw new SubscriptionLost('the subscription broke');
    }
  }

  async head(signal?: AbortSignal): Promise<Position> {
    this.refuseWhenUseless(signal);
    return this.log.head;
  }

  identity(signal?: AbortSignal): Promise<StoreId> {
    return readOrWriteIdentity(this, this.newId, signal);
  }

  async close(): Promise<void> {
    this.closed.abort();
  }

  landLate(): number {
    const held = this.held;
    this.held = [];
    return held.filter((land) => land()).length;
  }

  breakSubscriptions(): void {
    this.broken.abort();
    this.broken = new AbortController();
  }

  private async slowly(write: () => Appended, landMs: number, answerMs: number): Promise<Appended> {
    await this.delay(landMs);
    const appended = write();
    await this.delay(answerMs);
    return appended;
  }

  /** Whether a write that nobody hears of got into the log; a wrong revision is nobody's answer either. */
  private written(write: () => Appended): boolean {
    try {
      write();
      return true;
    } catch {
      return false;
    }
  }

  private inFlight(work: Promise<Appended>, signal: AbortSignal | undefined): Promise<Appended> {
    const given = signal === undefined ? this.closed.signal : AbortSignal.any([signal, this.closed.signal]);
    return orAborted(work, given, () => new AppendInDoubt('no answer in the time given'));
  }

  private refuseWhenUseless(signal: AbortSignal | undefined): void {
    if (this.closed.signal.aborted) throw new StoreUnavailable('the event store is closed');
    if (signal?.aborted) throw new StoreUnavailable('no time left to ask the event store');
  }
}

/** A new adapter in memory, over a log of its own unless one is given. Without faults it behaves as a store that never fails. */
export const createMemoryEventStore = (options: MemoryEventStoreOptions = {}): MemoryEventStore => new InMemory(options);
