import type { CreatedProduct } from '../../domain/product.ts';
import type { Projection, Stored } from '../projection.ts';
import { columns, entryOf } from './rows.ts';

type Change = { productId: string; created: CreatedProduct | null; stockBy: number };

const changesOf = (events: readonly Stored[]): Map<string, Change> => {
  const changes = new Map<string, Change>();
  const of = (productId: string) => entryOf(changes, productId, () => ({ productId, created: null, stockBy: 0 }));
  for (const { event } of events) {
    switch (event.type) {
      case 'ProductCreated':
        of(event.data.productId).created = event.data;
        break;
      case 'StockReceived':
        of(event.data.productId).stockBy += event.data.quantity;
        break;
      case 'StockTaken':
        for (const { productId, quantity } of event.data.lines) of(productId).stockBy -= quantity;
        break;
    }
  }
  return changes;
};

/**
 * What is for sale, and how much of it is there (R39). A product and its stock stand on different streams; a row whose
 * product has not been seen yet has no name and is not shown.
 */
export const products: Projection = {
  name: 'products',
  version: 1,
  handles: { product: ['ProductCreated'], inventory: ['StockReceived', 'StockTaken'] },
  createTable: (table) => [
    `create table ${table} (
       product_id text primary key,
       name       text,
       price      bigint check (price >= 0),
       stock      bigint not null check (stock >= 0),
       generation int,
       created_at timestamptz
     ) with (fillfactor = 50)`,
  ],
  viewOf: (table) => `select * from ${table} where created_at is not null`,
  toSql: (table, events) => {
    const changes = changesOf(events);
    if (changes.size === 0) return [];
    const text = `insert into ${table} (product_id, name, price, stock, generation, created_at)
      select n.product_id, coalesce(t.name, n.name), coalesce(t.price, n.price), coalesce(t.stock, 0) + n.stock_by,
             coalesce(t.generation, n.generation), coalesce(t.created_at, to_timestamp(n.created_at / 1000))
        from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::float8[])
          n(product_id, name, price, stock_by, generation, created_at)
        left join ${table} t using (product_id)
      on conflict (product_id) do update
         set name = excluded.name, price = excluded.price, stock = excluded.stock, generation = excluded.generation,
             created_at = excluded.created_at`;
    const values = columns(
      changes.values(),
      (c) => c.productId,
      (c) => c.created?.name,
      (c) => c.created?.price,
      (c) => c.stockBy,
      (c) => c.created?.generation,
      (c) => c.created?.at,
    );
    return [{ name: table, text, values }];
  },
};
