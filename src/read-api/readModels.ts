import type { Database, Sql } from '../platform/postgres.ts';
import { Problem } from '../platform/problem.ts';
import { explained } from './explained.ts';

/** The read models by name; the SQL view of this name shows the live version. */
export const VIEWS = [
  'accounts',
  'balance_history',
  'coupons',
  'coupon_history',
  'orders',
  'products',
  'coupon_policies',
  'coupon_policy_history',
  'coupon_requests',
  'product_sales',
  'generations',
] as const;
export type ViewName = (typeof VIEWS)[number];

/** The position of a view that has seen no event yet. */
export const BEFORE_ALL = -1n;

/** What views said, and the position at which they said it: the lowest, when there are several. */
export type Snapshot<T> = Readonly<{ asOf: bigint; value: T }>;

/** A statement of one row, prepared under its name, that yields `as_of` beside what was asked. */
export type ViewQuery = Readonly<{ name: string; text: string }>;

/** Columns for `at`: the shop's present generation, and when it was opened in milliseconds since 1970. */
export const PRESENT_GENERATION = [
  '(select coalesce(max(generation), 0) from generations) as generation',
  '(select coalesce(max(extract(epoch from opened_at) * 1000), 0)::bigint from generations) as opened_at',
] as const;

/** Reads under way at most, running or waiting for a connection. */
const READS_MAX = 2_000;

/**
 * A statement that answers the one row of `select` and, in the same snapshot of the database, how far the views are: two
 * statements could see a promotion or a batch between them. `select` may use the columns of `at`.
 */
export const viewQuery = (name: string, views: readonly ViewName[], select: string, at: readonly string[] = []): ViewQuery => ({
  name: `query ${name}`,
  text: `with at as materialized (select ${[asOfSql(views), ...at].join(', ')})
    select at.*, said.* from at cross join lateral (${select}) said`,
});

/** The lowest live position; null unless every view has a live version. */
const asOfSql = (views: readonly ViewName[]): string =>
  `(select case when count(*) = ${views.length} then min(coalesce(commit_position, ${BEFORE_ALL})) end
      from projections where status = 'live' and name in (${views.map((view) => `'${view}'`).join(', ')})) as as_of`;

/** Reads the views of one database. A failure that says nothing about the question is told as `unavailable`. */
export class ReadModels {
  private readonly database: Pick<Database, 'query'>;
  private running = 0;

  constructor(database: Pick<Database, 'query'>) {
    this.database = database;
  }

  /** The one row that the query yields. */
  async read<Row extends object>(query: ViewQuery, values: readonly unknown[]): Promise<Snapshot<Row>> {
    const [row] = await this.ask<Row & { as_of: string | null }>({ ...query, values });
    if (row === undefined || row.as_of === null) throw new Problem('unavailable', 'A read model is not built yet.');
    return { asOf: BigInt(row.as_of), value: row };
  }

  /** Where the live version of each view stands; views without one are missing. */
  async positions(): Promise<ReadonlyMap<string, bigint>> {
    const rows = await this.ask<{ name: string; at: string }>({
      name: 'query positions',
      text: `select name, coalesce(commit_position, ${BEFORE_ALL}) as at from projections where status = 'live'`,
    });
    return new Map(rows.map(({ name, at }) => [name, BigInt(at)]));
  }

  /** The event store that the live views tell of; `null` while there are none, or they tell of several. */
  async storeId(): Promise<string | null> {
    const stores = await this.ask<{ store_id: string | null }>({
      name: 'query store',
      text: "select distinct store_id from projections where status = 'live'",
    });
    return stores.length === 1 ? (stores[0]?.store_id ?? null) : null;
  }

  private async ask<Row extends object>(sql: Sql): Promise<readonly Row[]> {
    if (this.running >= READS_MAX) throw new Problem('overloaded', `${READS_MAX} reads are waiting already.`);
    this.running += 1;
    try {
      return (await this.database.query<Row>(sql)).rows;
    } catch (error) {
      throw explained(error);
    } finally {
      this.running -= 1;
    }
  }
}
