import type { Projection } from '../projection.ts';

/** Every opening of the shop. */
export const generations: Projection = {
  name: 'generations',
  version: 1,
  handles: { shop: ['GenerationOpened'] },
  createTable: (table) => [`create table ${table} (generation int primary key check (generation > 0), opened_at timestamptz not null)`],
  toSql: (table, events) => {
    const opened = events.flatMap(({ event }) => (event.type === 'GenerationOpened' ? [event.data] : []));
    if (opened.length === 0) return [];
    return [
      {
        name: table,
        text: `insert into ${table} (generation, opened_at)
          select generation, to_timestamp(at / 1000) from unnest($1::int[], $2::float8[]) n(generation, at)`,
        values: [opened.map((o) => o.generation), opened.map((o) => o.at)],
      },
    ];
  },
};
