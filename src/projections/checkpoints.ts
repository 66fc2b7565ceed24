import type { Position, RecordedEvent, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Queries, Session, Sql } from '../platform/postgres.ts';
import { sqlStateOf } from '../platform/postgresErrors.ts';
import { type Projection, tableOf } from './projection.ts';

/** A projection at its place in the log; `null` before the first event. */
export type Member = { readonly projection: Projection; at: Position | null; status: 'building' | 'live' };

/** Why a table was filled from nothing although its projection was known. */
export type RebuildReason = 'another-store' | 'checkpoint-missing' | 'table-missing';
export type OnRebuild = (rebuilt: Readonly<{ table: string; reason: RebuildReason }>) => void;

type Row = { status: Member['status'] | 'retired'; store_id: string | null; commit_position: string | null };

/** SQLSTATE that `advance_projections` raises when a checkpoint is not where it was seen. */
const OVERTAKEN = 'TL001';
export const isOvertaken = (error: unknown): boolean => sqlStateOf(error) === OVERTAKEN;

/**
 * Makes sure that each projection has its table, its checkpoint and, when live, its view, and says where each stands.
 * Rows without a checkpoint, a checkpoint without rows, and positions of another store are worth nothing: such a table
 * is made anew and filled from the beginning. The first version of a projection is live at once.
 */
export const register = (
  session: Session,
  projections: readonly Projection[],
  storeId: StoreId,
  onRebuild: OnRebuild,
): Promise<readonly Member[]> =>
  session.transaction(async (tx) => {
    const members: Member[] = [];
    for (const projection of projections) {
      const member = await registerOne(tx, projection, storeId, onRebuild);
      if (member) members.push(member);
    }
    return members;
  });

const registerOne = async (tx: Queries, projection: Projection, storeId: StoreId, onRebuild: OnRebuild): Promise<Member | null> => {
  const { name, version } = projection;
  const table = tableOf(projection);
  const of = 'from projections where name = $1 and version = $2 for update';
  const [known] = (await tx.query<Row>(`select status, store_id, commit_position ${of}`, [name, version])).rows;
  if (known?.status === 'retired') return null;
  const [{ there } = { there: false }] = (await tx.query<{ there: boolean }>('select to_regclass($1) is not null as there', [table])).rows;
  const status = known?.status ?? (await firstStatus(tx, name));
  const reason = reasonToRebuild(known, there, storeId);
  if (known && there && !reason) {
    if (status === 'live') await showLive(tx, projection, false);
    return { projection, status, at: known.commit_position === null ? null : BigInt(known.commit_position) };
  }
  if (reason) onRebuild({ table, reason });
  await tx.query(`drop table if exists ${table} cascade`);
  for (const statement of projection.createTable(table)) await tx.query(statement);
  await tx.query(
    `insert into projections (name, version, status, store_id) values ($1, $2, $3, $4)
     on conflict (name, version) do update
        set store_id = excluded.store_id, commit_position = null, prepare_position = null, halted = null, updated_at = now()`,
    [name, version, status, storeId],
  );
  if (status === 'live') await showLive(tx, projection, true);
  return { projection, status, at: null };
};

const reasonToRebuild = (known: Row | undefined, tableIsThere: boolean, storeId: StoreId): RebuildReason | null => {
  if (!known) return tableIsThere ? 'checkpoint-missing' : null;
  if (!tableIsThere) return 'table-missing';
  return known.store_id === storeId ? null : 'another-store';
};

const firstStatus = async (tx: Queries, name: string): Promise<Member['status']> => {
  const { affected } = await tx.query("select 1 from projections where name = $1 and status = 'live'", [name]);
  return affected === 0 ? 'live' : 'building';
};

/** Points the view that readers use at the table, and makes the views over it; without `anew` only when there is none. */
const showLive = async (tx: Queries, projection: Projection, anew: boolean): Promise<void> => {
  const { name, viewOf, furtherViews = {} } = projection;
  const { rows } = await tx.query<{ there: boolean }>('select to_regclass($1) is not null as there', [name]);
  if (rows[0]?.there && !anew) return;
  const table = tableOf(projection);
  await tx.query(`drop view if exists ${name} cascade`);
  await tx.query(`create view ${name} as ${viewOf?.(table) ?? `select * from ${table}`}`);
  for (const [further, select] of Object.entries(furtherViews)) await tx.query(`create view ${further} as ${select}`);
};

/**
 * Moves the checkpoints of the members from where they are to `upTo`, commit and prepare alike: they are one number in
 * every store without explicit transactions. Sent in the transaction that writes the rows, so that both move or neither.
 */
export const advance = (storeId: StoreId, members: readonly Member[], upTo: Position): Sql => ({
  name: 'advance projections',
  text: 'select advance_projections($1, $2, $3, $4, $5, $5)',
  values: [storeId, members.map((m) => m.projection.name), members.map((m) => m.projection.version), members.map((m) => m.at), upTo],
});

/** Records where and why a projection stopped. It stays there until a start of a program that can go on. */
export const recordHalt = async (
  session: Queries,
  { name, version }: Projection,
  place: Pick<RecordedEvent, 'position' | 'stream' | 'revision' | 'type'>,
  reason: string,
): Promise<void> => {
  const { position, stream, revision, type } = place;
  await session.query(
    `update projections
        set halted = jsonb_build_object('position', $3::text, 'stream', $4::text, 'revision', $5::text, 'type', $6::text, 'reason', $7::text,
                                        'at', now()),
            updated_at = now()
      where name = $1 and version = $2`,
    [name, version, String(position), stream, String(revision), type, reason],
  );
};

/**
 * Makes a filled version the live one; the version that was live is retired and keeps its table. Only a version that has
 * seen all that the live one has, so that no reader ever steps back in time.
 * @returns whether it is live now.
 */
export const promote = (session: Session, projection: Projection): Promise<boolean> =>
  session.transaction(async (tx) => {
    const { name, version } = projection;
    const { affected } = await tx.query(
      `select 1 from projections green
        where name = $1 and version = $2 and status = 'building'
          and not exists (select 1 from projections blue
                           where blue.name = $1 and blue.status = 'live' and blue.store_id = green.store_id
                             and coalesce(blue.commit_position, -1) > coalesce(green.commit_position, -1))
          for update`,
      [name, version],
    );
    if (affected === 0) return false;
    await tx.query("update projections set status = 'retired', updated_at = now() where name = $1 and status = 'live'", [name]);
    await tx.query("update projections set status = 'live', updated_at = now() where name = $1 and version = $2", [name, version]);
    await showLive(tx, projection, true);
    return true;
  });
