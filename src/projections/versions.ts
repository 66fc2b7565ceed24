import { setTimeout as sleep } from 'node:timers/promises';
import type { Position, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Database, Queries } from '../platform/postgres.ts';
import { sqlStateOf } from '../platform/postgresErrors.ts';
import { definitionOf } from './definition.ts';
import type { Projection } from './projection.ts';
import { showLive } from './views.ts';

export type Halt = Readonly<{ position: string; stream: string; revision: string; type: string; reason: string; at: string }>;

/** One build of a read model as the database knows it. */
export type Version = Readonly<{
  name: string;
  version: number;
  build: number;
  table: string;
  status: 'building' | 'live' | 'standby' | 'retired';
  storeId: StoreId | null;
  /** Fingerprint of the code that fills it; `null` until a program takes it up. */
  definition: string | null;
  /** Of the last event whose rows are in the table; `null` before the first. */
  position: Position | null;
  halted: Halt | null;
  updatedAt: Date;
}>;

/** What became of an operator's wish; refused: why not, as a sentence. */
export type Answer<T = null> = Readonly<{ kind: 'done'; value: T }> | Readonly<{ kind: 'refused'; reason: string }>;

const refused = (reason: string) => ({ kind: 'refused', reason }) as const;

/** Milliseconds that a promotion waits at most for the new version to come near the live one. */
const NEAR_MAX_MS = 1_000;
/** … and then to reach it, while the live one, and whoever is fed with it, stands still. */
const REACH_MAX_MS = 200;
const LOOK_EVERY_MS = 10;
/** Milliseconds that an operation waits for a lock: readers queue behind it. */
const LOCK_MAX_MS = 300;
/** SQLSTATEs of a lock that was not to be had in time, and of two that waited for one another. */
const LOCKED = ['55P03', '40P01'];
const TRIES_MAX = 3;

const COLUMNS = `name, version, build, table_name as "table", status, store_id as "storeId", definition, commit_position as position, halted,
  updated_at as "updatedAt"`;
type Row = Omit<Version, 'position'> & { position: string | null };
const versionOf = (row: Row): Version => ({ ...row, position: row.position === null ? null : BigInt(row.position) });

/** Every build there is or was, retired ones included, by name. */
export const versions = async (db: Queries): Promise<readonly Version[]> =>
  (await db.query<Row>(`select ${COLUMNS} from projections order by name, version, build`)).rows.map(versionOf);

/** An event that a read model goes on without. `fault`: why it halted there; `reason`: why it was let go on. */
export type ParkedEvent = Readonly<{
  name: string;
  position: string;
  stream: string;
  revision: string;
  type: string;
  fault: string;
  reason: string;
  parkedBy: string;
  parkedAt: Date;
}>;

export const parkedEvents = async (db: Queries): Promise<readonly ParkedEvent[]> =>
  (
    await db.query<ParkedEvent>(
      `select name, position, stream, revision, type, fault, reason, parked_by as "parkedBy", parked_at as "parkedAt"
         from parked_events order by name, parked_events.position`,
    )
  ).rows;

/** A text that differs whenever builds were added, promoted or retired, or events were parked. */
export const standing = async (db: Queries): Promise<string> => {
  const { rows } = await db.query<{ standing: string }>({
    name: 'standing of projections',
    text: `select concat(string_agg(table_name || ' ' || status, ',' order by table_name), (select count(*) from parked_events)) as standing
             from projections`,
  });
  return rows[0]?.standing ?? '';
};

/** Runs an operation in one transaction that waits for no lock for long, three times at most. */
const operation = async <T>(database: Database, work: (tx: Queries) => Promise<Answer<T>>): Promise<Answer<T>> => {
  for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
    try {
      return await database.transaction(async (tx) => {
        await tx.query(`set local lock_timeout = ${LOCK_MAX_MS}`);
        return work(tx);
      });
    } catch (error) {
      if (!LOCKED.includes(sqlStateOf(error) ?? '')) throw error;
      // Whoever queued behind this may go first.
      await sleep(LOCK_MAX_MS);
    }
  }
  return refused('somebody holds a lock on it for too long; try again');
};

/** Asks whoever feeds the read models to fill one more table of this version, beside those there are. Answers its name. */
export const requestBuild = (database: Database, { name, version }: Projection): Promise<Answer<string>> =>
  operation(database, async (tx) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from projections where name = $1 and version = $2 for update`, [name, version]);
    const filling = rows.find(({ status }) => status === 'building');
    if (filling) return refused(`${filling.table} is being filled already: promote or retire it first`);
    const build = Math.max(0, ...rows.map((row) => row.build)) + 1;
    const made = await tx.query<{ table_name: string }>(
      "insert into projections (name, version, build, status) values ($1, $2, $3, 'building') returning table_name",
      [name, version, build],
    );
    return { kind: 'done', value: made.rows[0]?.table_name ?? '' };
  });

/**
 * Makes a build the live one; the one that was live stands by and is still fed. Only a build that has seen all that the live
 * one has, so that no reader ever steps back in time: the live one is held where it is until then, for 200 ms at most.
 */
export const promote = async (database: Database, projection: Projection, table: string): Promise<Answer> => {
  const { name } = projection;
  const live = async (db: Queries, lock: string) => {
    const { rows } = await db.query<Row>(`select ${COLUMNS} from projections where name = $1 and status = 'live'${lock}`, [name]);
    return rows.map(versionOf)[0];
  };
  const early = await reasonAgainst(database, projection, table, await live(database, ''), NEAR_MAX_MS);
  if (early !== null) return refused(early);
  return operation(database, async (tx) => {
    const reason = await reasonAgainst(tx, projection, table, await live(tx, ' for update'), REACH_MAX_MS);
    if (reason !== null) return refused(reason);
    await tx.query("update projections set status = 'standby', updated_at = now() where name = $1 and status = 'live'", [name]);
    await tx.query("update projections set status = 'live', updated_at = now() where table_name = $1", [table]);
    await showLive(tx, projection, table);
    return { kind: 'done', value: null };
  });
};

const reasonAgainst = async (
  db: Queries,
  projection: Projection,
  table: string,
  live: Version | undefined,
  waitMaxMs: number,
): Promise<string | null> => {
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const { rows } = await db.query<Row>(`select ${COLUMNS} from projections where table_name = $1`, [table]);
    const green = rows.map(versionOf)[0];
    if (green === undefined) return `there is no ${table}`;
    if (green.status === 'live') return `${table} is live already`;
    if (green.status === 'retired') return `${table} is retired: its rows are gone`;
    if (green.storeId === null) return `${table} has not been begun: is a projector running?`;
    if (green.definition !== definitionOf(projection)) return `${table} was filled by other code than this program has`;
    if (live?.storeId !== green.storeId || (green.position ?? -1n) >= (live.position ?? -1n)) return null;
    if (green.halted) return `${table} has halted at ${green.halted.position}, before ${live.table} at ${live.position}`;
    if (waited >= waitMaxMs) return `${table} is at ${green.position ?? 'the beginning'}, behind ${live.table} at ${live.position}`;
    await sleep(LOOK_EVERY_MS);
  }
};

/** Drops the table of a build that is not live. It is not fed any more and cannot be gone back to. */
export const retire = (database: Database, table: string): Promise<Answer> =>
  operation(database, async (tx) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from projections where table_name = $1 for update`, [table]);
    const [row] = rows;
    if (row === undefined) return refused(`there is no ${table}`);
    if (row.status === 'live') return refused(`${table} is live: promote another first`);
    await tx.query("update projections set status = 'retired', halted = null, updated_at = now() where table_name = $1", [table]);
    // Without cascade: a view that still shows the table is an error, not a loss.
    await tx.query(`drop table if exists ${table}`);
    return { kind: 'done', value: null };
  });

export type Park = Readonly<{ name: string; position: Position; reason: string; by: string }>;

/** Lets a projection that has halted at this event go on without it, in every build and every rebuild, on record. */
export const park = (database: Database, { name, position, reason, by }: Park): Promise<Answer<Halt>> =>
  operation(database, async (tx) => {
    const { rows } = await tx.query<Row>(`select ${COLUMNS} from projections where name = $1 and halted is not null for update`, [name]);
    const halt = rows.find(({ halted }) => halted?.position === String(position));
    if (!halt?.halted) return refused(`${name} has not halted at ${position}${placesOf(rows)}`);
    const { stream, revision, type, reason: fault } = halt.halted;
    await tx.query(
      `insert into parked_events (name, store_id, position, stream, revision, type, fault, reason, parked_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing`,
      [name, halt.storeId, position, stream, revision, type, fault, reason, by],
    );
    await tx.query("update projections set halted = null where name = $1 and halted ->> 'position' = $2", [name, String(position)]);
    return { kind: 'done', value: halt.halted };
  });

const placesOf = (rows: readonly Row[]): string =>
  rows.length === 0 ? '' : `, but ${rows.map(({ table, halted }) => `${table} at ${halted?.position}`).join(', ')}`;
