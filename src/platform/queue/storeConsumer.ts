import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '../eventStore/eventStore.ts';
import type { ConsumeOptions } from './queue.ts';
import type { GroupOffset } from './storeOffsets.ts';
import { partitionStream, receivedFrom } from './storeStreams.ts';

/** Milliseconds between two looks at a partition of which nothing was heard, in case that nobody told of what is there. */
const LOOK_EVERY_MS = 2_000;
/** Milliseconds between two looks at messages that another member is to handle: it may have left. */
const POLL_MS = 100;
/** Milliseconds that another member may let messages lie before its partition is taken over. */
const LEASE_MS = 10_000;
/** Milliseconds after which who holds a partition looks whether it still does, before it hands out more. */
const SURE_MS = 1_000;
/** Milliseconds before the second try of what could not be handled, doubling from try to try. */
const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;
/** Milliseconds that `stop` waits for the batch under way. */
const STOP_MAX_MS = 5_000;

export type StoreConsumerPorts = Readonly<{ store: EventStore; monotonic: () => number; warn: (error: unknown, what: string) => void }>;

/**
 * One member's part in one partition. The first member to find messages there holds it, until it leaves or lets them lie for ten
 * seconds: so nothing is written while nothing is to do. Two that both believe to hold it hand out the same messages twice,
 * and only one of them can commit.
 */
export class PartitionConsumer {
  private readonly ports: StoreConsumerPorts;
  private readonly options: ConsumeOptions;
  private readonly partition: number;
  private readonly offset: GroupOffset;
  private readonly member = randomUUID();
  private readonly stopping = new AbortController();
  private wakeUp: () => void = () => undefined;
  /** Whether something may have come since the last look began. */
  private isWoken: boolean = false;
  private sureAt = Number.NEGATIVE_INFINITY;
  private standsSince = Number.NEGATIVE_INFINITY;
  private readonly running: Promise<void>;

  constructor(ports: StoreConsumerPorts, options: ConsumeOptions, partition: number, offset: GroupOffset) {
    this.ports = ports;
    this.options = options;
    this.partition = partition;
    this.offset = offset;
    this.running = this.run();
  }

  /** There may be something new. */
  wake(): void {
    this.isWoken = true;
    this.wakeUp();
  }

  /** Ends behind the batch under way, or after 5 s, and leaves the partition to others. */
  async stop(): Promise<void> {
    this.stopping.abort();
    this.wake();
    const late = new AbortController();
    await Promise.race([this.running, sleep(STOP_MAX_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
    late.abort();
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    let retryMs = RETRY_MS_MIN;
    while (!signal.aborted) {
      try {
        const met = await this.step();
        if (met === 'nothing') await this.idle();
        if (met === 'others') await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
        retryMs = RETRY_MS_MIN;
      } catch (error) {
        this.ports.warn(error, `${this.options.topic}/${this.partition} is tried again`);
        await sleep(retryMs, undefined, { signal }).catch(() => undefined);
        retryMs = Math.min(retryMs * 2, RETRY_MS_MAX);
      }
    }
    if (this.isMine) await this.offset.write({ ...this.offset.now, member: null }).catch(() => undefined);
  }

  private get isMine(): boolean {
    return this.offset.now.member === this.member;
  }

  /** One batch, from reading to commit. Answers what it met: messages to handle, those of others, or none. */
  private async step(): Promise<'messages' | 'others' | 'nothing'> {
    const { store, monotonic } = this.ports;
    const { topic, batchMax, handle } = this.options;
    this.isWoken = false;
    if (!this.isMine && (await this.offset.refresh())) this.standsSince = monotonic();
    const { offset } = this.offset.now;
    const page = await store.readStream(partitionStream(topic, this.partition), offset, { maxCount: batchMax });
    const last = page.at(-1);
    if (last === undefined) {
      this.standsSince = monotonic();
      return 'nothing';
    }
    if (!(await this.hold()) || this.offset.now.offset !== offset || this.stopping.signal.aborted) return 'others';
    await handle(page.map((event) => receivedFrom(topic, this.partition, event)));
    if (!(await this.offset.write({ offset: last.revision + 1n, member: this.member }))) await this.lose();
    this.sureAt = monotonic();
    return 'messages';
  }

  /** Whether the partition is this member's: it was, or nobody's, or its holder has let messages lie for too long. */
  private async hold(): Promise<boolean> {
    const { monotonic } = this.ports;
    if (this.isMine) {
      if (monotonic() - this.sureAt > SURE_MS && (await this.offset.refresh())) this.standsSince = monotonic();
      this.sureAt = monotonic();
      return this.isMine;
    }
    const { member, offset } = this.offset.now;
    if (member !== null && monotonic() - this.standsSince < LEASE_MS) return false;
    const held = await this.offset.write({ offset, member: this.member });
    if (held) this.sureAt = monotonic();
    else await this.lose();
    return held;
  }

  private async lose(): Promise<void> {
    await this.offset.refresh();
    this.standsSince = this.ports.monotonic();
  }

  /** Until something new is told of, or it is time to look. */
  private idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.isWoken || this.stopping.signal.aborted) return resolve();
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
