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

/** Parked events of one projection at most; more are not parked but a fault of the program. */
const PARKED_MAX = 1_000;

type Row = Readonly<{
  build: number;
  status: Fed | 'retired';
  store_id: string | null;
  commit_position: string | null;
  definition: string | null;
  halted: boolean;
  there: boolean;
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
    await refuseChanged(tx, projections);
    const members: Member[] = [];
    // The newest first: on a fresh database only it is made.
    for (const projection of [...projections].sort((a, b) => b.version - a.version)) {
      members.push(...(await registerOne(tx, projection, storeId, onRebuild)));
    }
    return { members, standing: await standing(tx) };
  });

/** @throws DefinitionChanged when tables that are still in use were filled by other code under the same version. */
export const refuseChanged = async (session: Queries, projections: readonly Projection[]): Promise<void> => {
  const { rows } = await session.query<{ name: string; version: number; table_name: string; definition: string }>(
    "select name, version, table_name, definition from projections where status <> 'retired' and definition is not null",
  );
  for (const { name, version, table_name: table, definition } of rows) {
    const own = projections.find((projection) => projection.name === name && projection.version === version);
    if (own && definitionOf(own) !== definition) throw new DefinitionChanged(table);
  }
};

const registerOne = async (tx: Queries, projection: Projection, storeId: StoreId, onRebuild: OnRebuild): Promise<readonly Member[]> => {
  const builds = await buildsOf(tx, projection);
  const parked = await parkedOf(tx, projection, storeId);
  const members: Member[] = [];
  for (const row of builds.filter(({ status }) => status !== 'retired')) {
    const table = tableOf(projection, row.build);
    const status = row.status === 'live' || (await liveVersionOf(tx, projection)) === null ? 'live' : (row.status as Fed);
    const reason = reasonToRebuild(row, storeId);
    if (reason) onRebuild({ table, reason });
    const anew = reason !== null || !row.there;
    if (anew) await makeTable(tx, projection, table);
    await record(tx, table, { status, storeId, definition: definitionOf(projection), anew });
    if (status === 'live') await showLive(tx, projection, table, anew || row.status !== 'live');
    const at = anew || row.commit_position === null ? null : BigInt(row.commit_position);
    members.push({ projection, build: row.build, table, status, parked, at, halted: !anew && row.halted });
  }
  return members;
};

/** The furthest build first. A version that nobody knows gets its first build, unless a newer one is live. */
const buildsOf = async (tx: Queries, projection: Projection): Promise<readonly Row[]> => {
  const { name, version } = projection;
  const { rows } = await tx.query<Row>(
    `select build, status, store_id, commit_position, definition, halted is not null as halted,
            to_regclass(table_name) is not null as there
       from projections where name = $1 and version = $2
      order by commit_position desc nulls last, build`,
    [name, version],
  );
  if (rows.length > 0 || ((await liveVersionOf(tx, projection)) ?? 0) > version) return rows;
  await tx.query("insert into projections (name, version, status) values ($1, $2, 'building')", [name, version]);
  const found = await tx.query<{ there: boolean }>('select to_regclass($1) is not null as there', [tableOf(projection)]);
  const there = found.rows[0]?.there === true;
  return [{ build: 1, status: 'building', store_id: null, commit_position: null, definition: null, halted: false, there }];
};

const liveVersionOf = async (tx: Queries, { name }: Projection): Promise<number | null> => {
  const { rows } = await tx.query<{ version: number }>("select version from projections where name = $1 and status = 'live'", [name]);
  return rows[0]?.version ?? null;
};

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

type Recorded = Readonly<{ status: Fed; storeId: StoreId; definition: string; anew: boolean }>;

const record = async (tx: Queries, table: string, { status, storeId, definition, anew }: Recorded): Promise<void> => {
  const fromNothing = anew ? ', commit_position = null, prepare_position = null, halted = null' : '';
  await tx.query(
    `update projections set status = $2, store_id = $3, definition = $4, updated_at = now()${fromNothing} where table_name = $1`,
    [table, status, storeId, definition],
  );
};

const parkedOf = async (tx: Queries, { name }: Projection, storeId: StoreId): Promise<ReadonlySet<Position>> => {
  const { rows } = await tx.query<{ position: string }>(
    'select position from parked_events where name = $1 and store_id = $2 order by position limit $3',
    [name, storeId, PARKED_MAX],
  );
  return new Set(rows.map(({ position }) => BigInt(position)));
};
