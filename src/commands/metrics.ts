import { type Appended, AppendInDoubt, type EventStore, WrongRevision } from '../platform/eventStore/eventStore.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { CommandObserver } from './observer.ts';

/** Commands in one batch: up to what a mailbox takes at once. */
const BATCH_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** What mailboxes tell, counted. */
export const countedMailboxes = (metrics: Metrics): CommandObserver => {
  const batches = metrics.histogram('till_mailbox_batch_size', 'Commands decided together for one append.', { buckets: BATCH_BUCKETS });
  let waiting = 0;
  metrics.gauge('till_mailbox_waiting', 'Commands that wait in all mailboxes of this process.', [], (gauge) => gauge.set(waiting));
  return {
    batch: (commands) => batches.observe(commands),
    waiting: (by) => {
      waiting += by;
    },
  };
};

/** Whether the watchdog sees which orders are open. */
export const tellBlindness = (watchdog: Readonly<{ isBlind: boolean }>, metrics: Metrics): void => {
  metrics.gauge('till_watchdog_blind', '1 while the watchdog cannot see which orders are open.', [], (gauge) =>
    gauge.set(Number(watchdog.isBlind)),
  );
};

/** The same store, its appends timed and their failures counted by kind. */
export const countedAppends = (store: EventStore, metrics: Metrics): EventStore => {
  const durations = metrics.histogram('till_append_duration_seconds', 'From the append sent to its answer, whatever that was.');
  const conflicts = metrics.counter('till_append_conflicts_total', 'Appends that lost to another writer of their stream.');
  const inDoubt = metrics.counter('till_appends_in_doubt_total', 'Appends whose answer was lost.');
  const append: EventStore['append'] = async (stream, events, expected, signal): Promise<Appended> => {
    const begun = performance.now();
    try {
      return await store.append(stream, events, expected, signal);
    } catch (error) {
      if (error instanceof WrongRevision) conflicts.inc();
      else if (error instanceof AppendInDoubt) inDoubt.inc();
      throw error;
    } finally {
      durations.observe((performance.now() - begun) / 1_000);
    }
  };
  return {
    append,
    readStream: (stream, from, options) => store.readStream(stream, from, options),
    subscribe: (options) => store.subscribe(options),
    head: (signal) => store.head(signal),
    identity: (signal) => store.identity(signal),
    close: () => store.close(),
  };
};
