import { setTimeout as sleep } from 'node:timers/promises';
import {
  type EventStore,
  type Position,
  type RecordedEvent,
  StoreUnavailable,
  SubscriptionLost,
} from '../platform/eventStore/eventStore.ts';
import type { Inspection } from '../platform/eventStore/inspect.ts';
import { EXIT } from '../platform/process.ts';
import { endBehind } from './eventsEnd.ts';
import type { TailOptions } from './eventsOptions.ts';
import type { LineOutput } from './eventsOutput.ts';
import { asJson, asText } from './eventsPrint.ts';

/** Milliseconds before the first try to reach a store that went away, doubling from try to try up to the second. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 2_000;

export type TailParts = Readonly<{
  store: EventStore;
  inspection: Inspection;
  output: LineOutput;
  /** Width of the terminal that text goes to, if it does. */
  columns(): number | undefined;
  /** Tells people, on stderr. */
  say(line: string): void;
  signal: AbortSignal;
}>;

class Tail {
  private readonly parts: TailParts;
  private readonly options: TailOptions;
  private last: Position | null;
  private left: number;
  private failures = 0;

  constructor(parts: TailParts, options: TailOptions, last: Position | null) {
    this.parts = parts;
    this.options = options;
    this.last = last;
    this.left = options.count ?? Number.POSITIVE_INFINITY;
  }

  /** From subscription to subscription, each beginning behind the last event of the one before. */
  async run(): Promise<void> {
    while (this.left > 0 && !this.parts.signal.aborted) {
      try {
        await this.follow();
      } catch (error) {
        if (!(error instanceof SubscriptionLost || error instanceof StoreUnavailable)) throw error;
        await this.lost(error);
      }
    }
  }

  private async follow(): Promise<void> {
    const { store, inspection, signal } = this.parts;
    const { types } = this.options;
    if (this.failures > 0) await endBehind(inspection, this.last, signal);
    for await (const delivery of store.subscribe({ after: this.last, signal, ...(types && { types }) })) {
      this.worked();
      if (delivery.kind === 'event') await this.show(delivery.event);
      if (delivery.kind === 'event') this.last = delivery.event.position;
      if (delivery.kind === 'checkpoint') this.last = delivery.position;
      if (this.left === 0) return;
    }
  }

  private async show(event: RecordedEvent): Promise<void> {
    if (!event.stream.startsWith(this.options.streamPrefix)) return;
    await this.parts.output.write(this.options.json ? asJson(event) : asText(event, this.parts.columns()));
    this.left -= 1;
  }

  private worked(): void {
    if (this.failures === 0) return;
    this.failures = 0;
    this.parts.say(`the event store is back: going on ${this.last === null ? 'from the start' : `behind position ${this.last}`}`);
  }

  private async lost(error: Error): Promise<void> {
    this.failures += 1;
    if (this.failures === 1) this.parts.say(`${error.message}; trying again until it is back`);
    const waitMs = Math.min(RETRY_MIN_MS * 2 ** (this.failures - 1), RETRY_MAX_MS);
    await sleep(waitMs, undefined, { signal: this.parts.signal }).catch(() => undefined);
  }
}

/**
 * Follows the log until it is told to stop, or `count` events were shown. A store that goes away is waited for, and no event is
 * missed or shown twice; only the first contact must succeed.
 *
 * @throws LogTooShort when the log does not reach to where the tail is; StoreUnavailable when the first contact fails.
 */
export const tail = async (parts: TailParts, options: TailOptions): Promise<number> => {
  const { from } = options;
  const end = await endBehind(parts.inspection, from === 'end' ? null : from, parts.signal);
  await new Tail(parts, options, from === 'end' ? end : from).run();
  return EXIT.done;
};
