import type { Queries } from '../platform/postgres.ts';
import type { Projection } from './projection.ts';

/** Points the view that readers use at the table, and makes the views over it. */
export const showLive = async (tx: Queries, projection: Projection, table: string): Promise<void> => {
  const { name, viewOf, furtherViews = {} } = projection;
  await tx.query(`drop view if exists ${name} cascade`);
  await tx.query(`create view ${name} as ${viewOf?.(table) ?? `select * from ${table}`}`);
  for (const [further, select] of Object.entries(furtherViews)) await tx.query(`create view ${further} as ${select}`);
};
