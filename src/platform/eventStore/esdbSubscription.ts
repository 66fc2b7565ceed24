import { type AllStreamSubscription, eventTypeFilter, excludeSystemEvents, type Filter, START } from '@eventstore/db-client';
import type { EsdbConnection, Generation, Interrupt } from './esdbConnection.ts';
import { messageOf } from './esdbErrors.ts';
import { checkpointPosition } from './esdbEvents.ts';
import { recordedIn } from './eventDecoding.ts';
import { type Delivery, type Position, type SubscribeOptions, SubscriptionLost } from './eventStore.ts';
import { checkSubscription } from './readRequest.ts';

/** How long the server may take to confirm a subscription, in milliseconds (CL13). */
const CONFIRMATION_MAX_MS = 3_000;
/** Events that are decoded ahead of the reader, at most. */
const EVENTS_AHEAD_MAX = 256;
/** Events looked at between two checkpoints: with a filter by type they may be the only news for long. */
const CHECKPOINT_EVENTS = { filtered: 32, all: 1_024 } as const;
/** Events the server looks at in one go. */
const SEARCH_WINDOW = 32;

type Item = Parameters<typeof recordedIn>[0] | Delivery;
type Result = IteratorResult<Delivery, undefined>;
const end: Result = { done: true, value: undefined };

const minimalPrefixes = (types: readonly string[]): string[] =>
  [...new Set(types)].filter((type, _, all) => !all.some((other) => other !== type && type.startsWith(other)));

const filterOf = (types: readonly string[] | undefined, checkpointReached: NonNullable<Filter['checkpointReached']>): Filter => {
  const events = types === undefined ? CHECKPOINT_EVENTS.all : CHECKPOINT_EVENTS.filtered;
  const cadence = { maxSearchWindow: SEARCH_WINDOW, checkpointInterval: events / SEARCH_WINDOW, checkpointReached };
  return types === undefined
    ? excludeSystemEvents(cadence as Parameters<typeof excludeSystemEvents>[0])
    : eventTypeFilter({ prefixes: minimalPrefixes(types), ...cadence });
};

/**
 * One subscription as an iterator. It pulls from the client's stream, so a slow reader slows the server down
 * and no event is handled before the one ahead of it (Emmett's way of reading). Checkpoints and caught-up
 * are pushed into that same stream where the client reports them: they keep their place among the events.
 */
export class EsdbSubscription implements AsyncIterator<Delivery, undefined> {
  private readonly connection: EsdbConnection;
  private readonly options: SubscribeOptions;
  private readonly wanted: ReadonlySet<string> | undefined;
  private generation: Generation | undefined;
  private source: AllStreamSubscription | undefined;
  private waiting: { resolve: (result: Result) => void; reject: (error: Error) => void } | undefined;
  private confirming: NodeJS.Timeout | undefined;
  private last: Position;
  private outcome: Error | 'ended' | undefined;
  private readonly over: (lose: Interrupt) => void;

  /** `over` is told once, when it has ended in whatever way. */
  constructor(connection: EsdbConnection, options: SubscribeOptions, over: (lose: Interrupt) => void) {
    checkSubscription(options);
    this.connection = connection;
    this.options = options;
    this.over = over;
    this.wanted = options.types && new Set(options.types);
    this.last = options.after ?? -1n;
    if (options.signal.aborted) {
      this.outcome = 'ended';
      return;
    }
    options.signal.addEventListener('abort', this.abort, { once: true });
    this.confirming = setTimeout(() => this.broke(`not confirmed in ${CONFIRMATION_MAX_MS} ms`), CONFIRMATION_MAX_MS);
    this.start().catch((error: unknown) => this.lose(messageOf(error)));
  }

  next(): Promise<Result> {
    const result = this.take();
    if (result !== undefined) return Promise.resolve(result);
    if (this.outcome === 'ended') return Promise.resolve(end);
    if (this.outcome !== undefined) {
      const lost = this.outcome;
      this.outcome = 'ended';
      return Promise.reject(lost);
    }
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
    });
  }

  return(): Promise<Result> {
    this.finish('ended');
    return Promise.resolve(end);
  }

  /** Ends it as lost, for the reader to begin again. */
  readonly lose = (why: string): void => this.finish(new SubscriptionLost(`the subscription was lost: ${why}`));

  private readonly abort = (): void => this.finish('ended');

  private async start(): Promise<void> {
    const generation = this.connection.current ?? (await this.connection.open());
    if (this.outcome !== undefined) return;
    const { after, types } = this.options;
    const source = generation.client.subscribeToAll(
      {
        fromPosition: after === null ? START : { commit: after, prepare: after },
        // Must not throw: nobody would catch it (CL11).
        filter: filterOf(types, (subscription, reached) => {
          const position = checkpointPosition(reached);
          if (position !== undefined) subscription.push({ kind: 'checkpoint', position } satisfies Delivery);
        }),
      },
      { highWaterMark: EVENTS_AHEAD_MAX },
    );
    this.connection.decoding.attach(source);
    this.generation = generation;
    this.source = source;
    generation.reads.add(this.lose);
    source
      .on('error', (error: Error) => this.broke(error.message))
      .on('end', () => this.broke('the server ended it'))
      .on('close', () => this.broke('it was closed'))
      .on('confirmation', () => {
        clearTimeout(this.confirming);
        this.connection.worked(generation);
      })
      .on('caughtUp', () => source.push({ kind: 'caught-up' } satisfies Delivery))
      .on('readable', this.pump);
  }

  private readonly pump = (): void => {
    if (this.waiting === undefined) return;
    const result = this.take();
    if (result === undefined) return;
    const { resolve } = this.waiting;
    this.waiting = undefined;
    resolve(result);
  };

  /** The next delivery that is there already. */
  private take(): Result | undefined {
    if (this.source === undefined || this.outcome !== undefined) return undefined;
    try {
      for (let item: Item | null = this.source.read(); item !== null; item = this.source.read()) {
        const delivery = this.toDelivery(item);
        if (delivery !== undefined) return { done: false, value: delivery };
      }
    } catch (error) {
      this.broke(messageOf(error));
    }
    return undefined;
  }

  /** Never backwards: the server may repeat a position when it goes live (CL12). */
  private toDelivery(item: Item): Delivery | undefined {
    if ('kind' in item) {
      if (item.kind !== 'checkpoint') return item;
      if (item.position <= this.last) return undefined;
      this.last = item.position;
      return item;
    }
    const event = recordedIn(item);
    if (event === undefined || event.position <= this.last) return undefined;
    this.last = event.position;
    return this.wanted === undefined || this.wanted.has(event.type) ? { kind: 'event', event } : undefined;
  }

  /** An end without an error is a fault like any other (CL6). */
  private broke(why: string): void {
    if (this.outcome !== undefined) return;
    this.lose(why);
    if (this.generation !== undefined) this.connection.failed(this.generation);
  }

  private finish(outcome: Error | 'ended'): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    clearTimeout(this.confirming);
    this.options.signal.removeEventListener('abort', this.abort);
    this.generation?.reads.delete(this.lose);
    this.over(this.lose);
    this.leave();
    const waiting = this.waiting;
    this.waiting = undefined;
    if (waiting === undefined) return;
    this.outcome = 'ended';
    if (outcome === 'ended') waiting.resolve(end);
    else waiting.reject(outcome);
  }

  /** Ends the call, and lets what is still buffered run out: a call with unread events would never be over (CL9). */
  private leave(): void {
    this.source?.off('readable', this.pump);
    this.source?.resume();
    this.source?.unsubscribe().catch(() => {});
  }
}
