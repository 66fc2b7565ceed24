import type { EventStore, Position } from '../platform/eventStore/eventStore.ts';
import type { Database } from '../platform/postgres.ts';
import { type Halt, type ParkedEvent, parkedEvents, type Version, versions } from '../projections/versions.ts';

/** `lagSeconds`: age of the oldest event that is not in it yet, 0 when there is none, `null` when the event store does not say. */
export type BuildStatus = Readonly<{
  name: string;
  table: string;
  status: Version['status'];
  position: string | null;
  lagSeconds: number | null;
  halted: Halt | null;
}>;
export type Status = Readonly<{ views: readonly BuildStatus[]; parked: readonly ParkedEvent[] }>;

/** Milliseconds for the event store to say what comes next. */
const PROBE_MAX_MS = 3_000;

/** No live view has halted. */
export const isSound = ({ views }: Status): boolean => views.every(({ status, halted }) => status !== 'live' || halted === null);

/** `now`: wall clock, milliseconds. */
export const statusOf = async (database: Database, store: EventStore, now: number): Promise<Status> => {
  const [builds, parked] = await Promise.all([versions(database), parkedEvents(database)]);
  const kept = builds.filter(({ status }) => status !== 'retired');
  const lags = new Map<Position | null, Promise<number | null>>();
  for (const { position } of kept) if (!lags.has(position)) lags.set(position, lagAt(store, position, now));
  const views = kept.map(async ({ name, table, status, position, halted }): Promise<BuildStatus> => {
    const lagSeconds = (await lags.get(position)) ?? null;
    return { name, table, status, position: position === null ? null : String(position), lagSeconds, halted };
  });
  return { views: await Promise.all(views), parked };
};

const lagAt = async (store: EventStore, after: Position | null, now: number): Promise<number | null> => {
  try {
    for await (const delivery of store.subscribe({ after, signal: AbortSignal.timeout(PROBE_MAX_MS) })) {
      if (delivery.kind === 'event') return Math.max(0, now - delivery.event.createdAt) / 1_000;
      if (delivery.kind === 'caught-up') return 0;
    }
  } catch {
    // A store that does not answer says nothing about the lag.
  }
  return null;
};

export const printedStatus = ({ views, parked }: Status): string => {
  const rows = views.map(({ name, table, status, position, lagSeconds }) => [
    name,
    table,
    status,
    position ?? '-',
    lagSeconds === null ? '?' : `${lagSeconds.toFixed(1)} s`,
  ]);
  const halts = views.flatMap(({ table, halted }) => (halted ? [`${table} has halted at ${placeOf(halted)}: ${halted.reason}`] : []));
  const without = parked.map((event) => `${event.name} goes on without ${placeOf(event)}: ${event.reason} (${event.parkedBy})`);
  return [...aligned([['view', 'table', 'status', 'position', 'lag'], ...rows]), ...halts, ...without, ''].join('\n');
};

const placeOf = ({ position, stream, revision, type }: Pick<Halt, 'position' | 'stream' | 'revision' | 'type'>): string =>
  `${position} (${stream}@${revision}, ${type})`;

const aligned = (rows: readonly (readonly string[])[]): readonly string[] => {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
};
