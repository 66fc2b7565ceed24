import type { Position, RecordedEvent, StoreId } from '../platform/eventStore/eventStore.ts';
import type { Queries, Sql } from '../platform/postgres.ts';
import { sqlStateOf } from '../platform/postgresErrors.ts';
import type { Projection } from './projection.ts';

/** `building`: never was live. `standby`: was live, is still fed, and may be gone back to. */
export type Fed = 'building' | 'live' | 'standby';

/** One build of a projection at its place in the log; `null` before the first event. */
export type Member = {
  readonly projection: Projection;
  readonly build: number;
  readonly table: string;
  readonly status: Fed;
  /** Events that it goes on without, by decision of an operator. */
  readonly parked: ReadonlySet<Position>;
  /** Whether it had halted when it was registered; it tries again. */
  readonly halted: boolean;
  at: Position | null;
};

/** Where a projection stopped. */
export type Place = Pick<RecordedEvent, 'position' | 'stream' | 'revision' | 'type'>;

/** SQLSTATE that `refuse_overtaken` raises when a checkpoint is not where it was seen. */
const OVERTAKEN = 'TL001';
export const isOvertaken = (error: unknown): boolean => sqlStateOf(error) === OVERTAKEN;

const ADVANCE = `
  with moved as (
    update projections
       set commit_position = $4, prepare_position = $4, halted = null, updated_at = clock_timestamp()
     where table_name = any ($2::text[]) and status <> 'retired' and store_id = $1
       and commit_position is not distinct from $3::bigint and prepare_position is not distinct from $3
       and ($3 is null or $3 < $4::bigint)
    returning 1
  )
  select refuse_overtaken(cardinality($2), count(*)) from moved`;

/**
 * Moves the checkpoints of the members by compare-and-set from where they are to `upTo`, forwards only, commit and prepare
 * alike: they are one number in every store without explicit transactions. Sent in the transaction that writes the rows, so
 * that both move or neither. One statement for each place where members stand: but for the first batch, that is one.
 */
export const advance = (storeId: StoreId, members: readonly Member[], upTo: Position): readonly Sql[] => {
  const places = new Map<Position | null, string[]>();
  for (const { at, table } of members) {
    const known = places.get(at);
    if (known) known.push(table);
    else places.set(at, [table]);
  }
  return [...places].map(([at, tables]) => ({ name: 'advance', text: ADVANCE, values: [storeId, tables, at, upTo] }));
};

/** Records where and why a projection stopped. It stays there until it can go on. */
export const recordHalt = async (session: Queries, table: string, place: Place, reason: string): Promise<void> => {
  const { position, stream, revision, type } = place;
  await session.query(
    `update projections
        set halted = jsonb_build_object('position', $2::text, 'stream', $3::text, 'revision', $4::text, 'type', $5::text, 'reason', $6::text,
                                        'at', now()),
            updated_at = now()
      where table_name = $1`,
    [table, String(position), stream, String(revision), type, reason],
  );
};

/** The members as their checkpoints say now; those that are retired, deleted or of another store are left out. */
export const restored = async (session: Queries, storeId: StoreId, members: readonly Member[]): Promise<readonly Member[]> => {
  const { rows } = await session.query<{ table_name: string; at: string | null }>(
    `select table_name, commit_position as at from projections
      where table_name = any ($1) and store_id = $2 and status <> 'retired'`,
    [members.map(({ table }) => table), storeId],
  );
  const at = new Map(rows.map((row) => [row.table_name, row.at === null ? null : BigInt(row.at)]));
  return members.flatMap((member) => {
    const stored = at.get(member.table);
    return stored === undefined ? [] : [Object.assign(member, { at: stored })];
  });
};
