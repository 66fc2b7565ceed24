import { setTimeout as sleep } from 'node:timers/promises';
import { type EventStore, type Position, SubscriptionLost } from '../platform/eventStore/eventStore.ts';
import type { Ledger } from './ledger.ts';

/** Milliseconds without any delivery after which the log counts as silent. */
const SILENT_MAX_MS = 20_000;
/** Subscriptions that may break one after the other without an event between them, and milliseconds between two tries. */
const LOSSES_MAX = 5;
const RETRY_MS = 500;

export class LogSilent extends Error {
  override name = 'LogSilent';
}

/**
 * Folds all events behind the ledger's position up to `upTo`, which the log has reached already. `onEvent` is told after
 * each. @throws LogSilent when nothing comes in time, SubscriptionLost when it breaks again and again.
 */
export const readLog = async (store: EventStore, ledger: Ledger, upTo: Position, onEvent: () => void = () => undefined): Promise<void> => {
  for (let losses = 0; ; ) {
    const before = ledger.position;
    try {
      return await readOnce(store, ledger, upTo, onEvent);
    } catch (error) {
      if (!(error instanceof SubscriptionLost)) throw error;
      losses = ledger.position === before ? losses + 1 : 1;
      if (losses === LOSSES_MAX) throw error;
      await sleep(RETRY_MS);
    }
  }
};

const readOnce = async (store: EventStore, ledger: Ledger, upTo: Position, onEvent: () => void): Promise<void> => {
  if ((ledger.position ?? 0n) >= upTo) return;
  const silent = new AbortController();
  const watch = setTimeout(() => silent.abort(), SILENT_MAX_MS);
  try {
    for await (const delivery of store.subscribe({ after: ledger.position, signal: silent.signal })) {
      watch.refresh();
      if (delivery.kind === 'caught-up') return;
      const position = delivery.kind === 'event' ? delivery.event.position : delivery.position;
      if (delivery.kind === 'event' && position <= upTo) {
        ledger.take(delivery.event);
        onEvent();
      }
      if (position >= upTo) return;
    }
  } finally {
    clearTimeout(watch);
  }
  throw new LogSilent(`the event store has sent nothing for ${SILENT_MAX_MS / 1_000} s`);
};
