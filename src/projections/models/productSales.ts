import { calendarOf } from '../../platform/serviceZone.ts';
import type { Projection, Stored } from '../projection.ts';
import { columns, entryOf } from './rows.ts';

type Sale = { productId: string; day: string; quantity: number };

const salesOf = (events: readonly Stored[], dayOf: (at: number) => string): readonly Sale[] => {
  const sales = new Map<string, Sale>();
  const add = (productId: string, day: string, quantity: number) => {
    entryOf(sales, `${productId} ${day}`, () => ({ productId, day, quantity: 0 })).quantity += quantity;
  };
  for (const { event } of events) {
    if (event.type === 'OrderPlaced') for (const line of event.data.lines) add(line.productId, dayOf(event.data.at), line.quantity);
    else if (event.type === 'GenerationOpened') for (const sale of event.data.carriedOver) add(sale.productId, sale.day, sale.quantity);
  }
  return [...sales.values()];
};

/** Units sold of each product on each day of the service zone (R43). An order counts once: it is placed by one event, for ever. */
export const productSales = (serviceZone: string): Projection => {
  const dayOf = calendarOf(serviceZone);
  return {
    name: 'product_sales',
    version: 1,
    handles: { account: ['OrderPlaced'], shop: ['GenerationOpened'] },
    createTable: (table) => [
      `create table ${table} (
         product_id text   not null,
         day        date   not null,
         quantity   bigint not null check (quantity >= 0),
         primary key (product_id, day)
       ) with (fillfactor = 50)`,
      `create index on ${table} (day)`,
    ],
    toSql: (table, events) => {
      const sales = salesOf(events, dayOf);
      if (sales.length === 0) return [];
      const text = `insert into ${table} (product_id, day, quantity)
        select * from unnest($1::text[], $2::date[], $3::bigint[])
        on conflict (product_id, day) do update set quantity = ${table}.quantity + excluded.quantity`;
      const values = columns(
        sales,
        (s) => s.productId,
        (s) => s.day,
        (s) => s.quantity,
      );
      return [{ name: table, text, values }];
    },
  };
};
