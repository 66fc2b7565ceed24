import type { EventStore } from '../eventStore/eventStore.ts';
import { followEvents } from '../eventStore/followEvents.ts';
import { MESSAGE_KEPT } from './storeStreams.ts';

export type StoreWatchPorts = Readonly<{ store: EventStore; warn: (error: unknown, what: string) => void }>;

/**
 * Tells of every message that any process keeps after the store was first reached, by the name of its stream, until it is stopped: so
 * whoever waits for messages need not look for them again and again. It is late after the store was away, and then misses none.
 */
export class StoreWatch {
  private readonly stopping = new AbortController();
  private readonly running: Promise<void>;

  constructor({ store, warn }: StoreWatchPorts, kept: (stream: string) => void) {
    const { signal } = this.stopping;
    const from = () => store.head(signal);
    const broke = (error: unknown) => warn(error, 'new messages are waited for again');
    this.running = followEvents(store, { from, types: [MESSAGE_KEPT], signal }, { take: ({ stream }) => kept(stream), broke });
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }
}
