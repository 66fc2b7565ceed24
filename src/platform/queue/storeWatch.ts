import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore, Position } from '../eventStore/eventStore.ts';
import { MESSAGE_KEPT } from './storeStreams.ts';

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 5_000;

export type StoreWatchPorts = Readonly<{ store: EventStore; warn: (error: unknown, what: string) => void }>;

/**
 * Tells of every message that any process keeps after the store was first reached, by the name of its stream, until it is stopped: so
 * whoever waits for messages need not look for them again and again. It is late after the store was away, and then misses none.
 */
export class StoreWatch {
  private readonly ports: StoreWatchPorts;
  private readonly kept: (stream: string) => void;
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;
  private after: Position | null = null;

  constructor(ports: StoreWatchPorts, kept: (stream: string) => void) {
    this.ports = ports;
    this.kept = kept;
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    const { signal } = this.stopping;
    for (let waitMs = RETRY_MS_MIN; !signal.aborted; waitMs = Math.min(waitMs * 2, RETRY_MS_MAX)) {
      try {
        await this.follow(() => {
          waitMs = RETRY_MS_MIN;
        });
      } catch (error) {
        if (!signal.aborted) this.ports.warn(error, 'new messages are waited for again');
      }
      await sleep(waitMs, undefined, { signal }).catch(() => undefined);
    }
  }

  private async follow(worked: () => void): Promise<void> {
    const { signal } = this.stopping;
    const { store } = this.ports;
    this.after ??= await store.head(signal);
    for await (const delivery of store.subscribe({ after: this.after, types: [MESSAGE_KEPT], signal })) {
      worked();
      if (delivery.kind === 'checkpoint') this.after = delivery.position;
      if (delivery.kind !== 'event') continue;
      this.after = delivery.event.position;
      this.kept(delivery.event.stream);
    }
  }
}
