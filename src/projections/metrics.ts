import { setTimeout as sleep } from 'node:timers/promises';
import type { EventStore } from '../platform/eventStore/eventStore.ts';
import type { Metrics } from '../platform/metrics.ts';
import type { Database } from '../platform/postgres.ts';
import { ViewLag } from './viewLag.ts';

/** Milliseconds between two looks at the end of the log: how fine the lag of a view is told. */
const LOOK_EVERY_MS = 250;

type Position = Readonly<{ name: string; at: string }>;
type Halted = Readonly<{ name: string; halted: number }>;
type Open = Readonly<{ open: string; oldest: string }>;

const POSITIONS = "select name, coalesce(commit_position, -1) as at from projections where status = 'live'";
const HALTED = "select name, (halted is not null)::int as halted from projections where status = 'live'";
const OPEN_ORDERS = `select count(*) as open, coalesce(extract(epoch from now() - min(ordered_at)), 0) as oldest from open_orders`;

/**
 * Measures how far the views are and how many orders have no outcome, whenever somebody asks. While Postgres cannot answer, these
 * measures are absent. `stop` ends the looks at the log.
 */
export const measureViews = (
  metrics: Metrics,
  store: EventStore,
  database: Pick<Database, 'query'>,
): Readonly<{ stop(): Promise<void> }> => {
  const lag = new ViewLag();
  const positions = (): Promise<readonly Position[]> => rowsOf<Position>(database, POSITIONS);
  const openOrders = async (): Promise<Open | undefined> => (await rowsOf<Open>(database, OPEN_ORDERS))[0];

  metrics.gauge('till_view_position', 'The position that the live version of a view has reached.', ['view'], async (gauge) => {
    gauge.reset();
    for (const { name, at } of await positions()) gauge.set({ view: name }, Number(at));
  });
  metrics.gauge('till_view_lag_seconds', 'Since when the log holds something that the view does not show.', ['view'], async (gauge) => {
    gauge.reset();
    for (const { name, at } of await positions()) gauge.set({ view: name }, lag.msBehind(BigInt(at), performance.now()) / 1_000);
  });
  metrics.gauge('till_view_halted', '1 when the live version of a view waits for an operator, 0 when not.', ['view'], async (gauge) => {
    gauge.reset();
    for (const { name, halted } of await rowsOf<Halted>(database, HALTED)) gauge.set({ view: name }, halted);
  });
  metrics.gauge('till_open_orders', 'Orders without an outcome, as the view shows them.', [], async (gauge) => {
    gauge.set(Number((await openOrders())?.open ?? 0));
  });
  metrics.gauge('till_oldest_open_order_seconds', 'The age of the oldest order without an outcome.', [], async (gauge) => {
    gauge.set(Number((await openOrders())?.oldest ?? 0));
  });
  return looking(store, lag);
};

/** No rows when the database cannot answer, or before the first view exists. */
const rowsOf = async <Row extends object>(database: Pick<Database, 'query'>, sql: string): Promise<readonly Row[]> => {
  try {
    return (await database.query<Row>(sql)).rows;
  } catch {
    return [];
  }
};

const looking = (store: EventStore, lag: ViewLag): Readonly<{ stop(): Promise<void> }> => {
  const stopping = new AbortController();
  const { signal } = stopping;
  const looks = (async () => {
    while (!signal.aborted) {
      const head = await store.head(signal).catch(() => null);
      if (head !== null) lag.sawHead(head, performance.now());
      await sleep(LOOK_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await looks;
    },
  };
};
