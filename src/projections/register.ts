import type { Position, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Queries, Session } from '../platform/postgres.ts';
import type { Fed, Member } from './checkpoints.ts';
import { DefinitionChanged, definitionOf } from './definition.ts';
import { type Projection, tableOf } from './projection.ts';
import { standing } from './versions.ts';
import { showLive } from './views.ts';

/** Why a table was filled from nothing although its projection was known. */
export type RebuildReason = 'another-store' | 'checkpoint-missing' | 'table-missing';
export type OnRebuild = (rebuilt: Readonly<{ table: string; reason: RebuildReason }>) => void;

/** The builds of this program, and how all builds stood at that moment. */
export type Registered = Readonly<{ members: readonly Member[]; standing: string }>;

/** Parked events at most; what more were parked halts again: so many are a fault of the program. */
const PARKED_MAX = 10_000;

type Row = {
  readonly name: string;
  readonly version: number;
  readonly build: number;
  status: Fed | 'retired';
  readonly store_id: string | null;
  readonly commit_position: string | null;
  readonly definition: string | null;
  readonly halted: boolean;
  /** Whether there is its table, and whether there is the view. */
  readonly there: boolean;
  readonly shown: boolean;
};

/** All builds, the furthest first. */
const BUILDS = `select name, version, build, status, store_id, commit_position, definition, halted is not null as halted,
         to_regclass(table_name) is not null as there, to_regclass(name) is not null as shown
    from projections order by commit_position desc nulls last, build`;

type Registration = Readonly<{
  tx: Queries;
  rows: Row[];
  parked: ReadonlyMap<string, ReadonlySet<Position>>;
  storeId: StoreId;
  onRebuild: OnRebuild;
}>;

/**
 * Makes sure that each build of the projections has its table, its checkpoint and, when live, its view, and says where each
 * stands. Rows without a checkpoint, a checkpoint without rows, and positions of another store are worth nothing: such a
 * table is made anew and filled from the beginning. The first version of a projection is live at once.
 * @throws DefinitionChanged
 */
export const register = (
  session: Session,
  projections: readonly Projection[],
  storeId: StoreId,
  onRebuild: OnRebuild,
): Promise<Registered> =>
  session.transaction(async (tx) => {
    // Whoever asks for a build or retires one comes before or behind this, not in the middle.
    await tx.query('lock table projections in share row exclusive mode');
    const { rows } = await tx.query<Row>(BUILDS);
    refuse(rows, projections);
    const registration = { tx, rows: [...rows], parked: await parkedOf(tx, storeId), storeId, onRebuild };
    const members: Member[] = [];
    // The newest first: on a fresh database only it is made.
    for (const projection of [...projections].sort((a, b) => b.version - a.version)) {
      members.push(...(await registerOne(registration, projection)));
    }
    return { members, standing: await standing(tx) };
  });

/** @throws DefinitionChanged when tables that are still in use were filled by other code under the same version. */
export const refuseChanged = async (session: Queries, projections: readonly Projection[]): Promise<void> =>
  refuse((await session.query<Row>(BUILDS)).rows, projections);

const refuse = (rows: readonly Row[], projections: readonly Projection[]): void => {
  for (const row of rows) {
    const own = projections.find(({ name, version }) => name === row.name && version === row.version);
    if (own === undefined || row.status === 'retired' || row.definition === null) continue;
    if (definitionOf(own) !== row.definition) throw new DefinitionChanged(tableOf(own, row.build));
  }
};

const registerOne = async (registration: Registration, projection: Projection): Promise<readonly Member[]> => {
  const { tx, parked, storeId, onRebuild } = registration;
  const members: Member[] = [];
  for (const row of await buildsOf(registration, projection)) {
    if (row.status === 'retired') continue;
    const table = tableOf(projection, row.build);
    const promoted = row.status !== 'live' && liveVersionOf(registration, projection) === null;
    if (promoted) row.status = 'live';
    const reason = reasonToRebuild(row, storeId);
    if (reason) onRebuild({ table, reason });
    const anew = reason !== null || !row.there;
    if (anew) await makeTable(tx, projection, table);
    if (anew || promoted || row.definition === null) await record(registration, projection, row, anew);
    if (row.status === 'live' && (anew || promoted || !row.shown)) await showLive(tx, projection, table);
    const at = anew || row.commit_position === null ? null : BigInt(row.commit_position);
    const halted = !anew && row.halted;
    members.push({ projection, build: row.build, table, status: row.status, parked: parked.get(row.name) ?? new Set(), at, halted });
  }
  return members;
};

/** The furthest first. A version that nobody knows gets its first build, unless a newer one is live. */
const buildsOf = async (registration: Registration, projection: Projection): Promise<readonly Row[]> => {
  const { tx, rows } = registration;
  const { name, version } = projection;
  const known = rows.filter((row) => row.name === name && row.version === version);
  if (known.length > 0 || (liveVersionOf(registration, projection) ?? 0) > version) return known;
  await tx.query("insert into projections (name, version, status) values ($1, $2, 'building')", [name, version]);
  const made = (await tx.query<Row>(BUILDS)).rows.filter((row) => row.name === name && row.version === version);
  rows.push(...made);
  return made;
};

const liveVersionOf = ({ rows }: Registration, { name }: Projection): number | null =>
  rows.find((row) => row.name === name && row.status === 'live')?.version ?? null;

/** A row that has never been taken up promises nothing; its table is made without a reason. */
const reasonToRebuild = ({ store_id: known, there }: Row, storeId: StoreId): RebuildReason | null => {
  if (known === null) return there ? 'checkpoint-missing' : null;
  if (!there) return 'table-missing';
  return known === storeId ? null : 'another-store';
};

const makeTable = async (tx: Queries, projection: Projection, table: string): Promise<void> => {
  await tx.query(`drop table if exists ${table} cascade`);
  for (const statement of projection.createTable(table)) await tx.query(statement);
};

const record = async ({ tx, storeId }: Registration, projection: Projection, { build, status }: Row, anew: boolean): Promise<void> => {
  const fromNothing = anew ? ', commit_position = null, prepare_position = null, halted = null' : '';
  await tx.query(
    `update projections set status = $2, store_id = $3, definition = $4, updated_at = now()${fromNothing} where table_name = $1`,
    [tableOf(projection, build), status, storeId, definitionOf(projection)],
  );
};

const parkedOf = async (tx: Queries, storeId: StoreId): Promise<ReadonlyMap<string, ReadonlySet<Position>>> => {
  const { rows } = await tx.query<{ name: string; position: string }>(
    'select name, position from parked_events where store_id = $1 order by parked_at limit $2',
    [storeId, PARKED_MAX],
  );
  const parked = new Map<string, Set<Position>>();
  for (const { name, position } of rows) parked.set(name, (parked.get(name) ?? new Set()).add(BigInt(position)));
  return parked;
};
