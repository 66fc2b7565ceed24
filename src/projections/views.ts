import type { Queries } from '../platform/postgres.ts';
import type { Projection } from './projection.ts';

/** Points the view that readers use at the table, and makes the views over it; without `anew` only when there is none. */
export const showLive = async (tx: Queries, projection: Projection, table: string, anew: boolean): Promise<void> => {
  const { name, viewOf, furtherViews = {} } = projection;
  const { rows } = await tx.query<{ there: boolean }>('select to_regclass($1) is not null as there', [name]);
  if (rows[0]?.there && !anew) return;
  await tx.query(`drop view if exists ${name} cascade`);
  await tx.query(`create view ${name} as ${viewOf?.(table) ?? `select * from ${table}`}`);
  for (const [further, select] of Object.entries(furtherViews)) await tx.query(`create view ${further} as ${select}`);
};
