import type { RouteTable } from '../../platform/route.ts';

/** The read paths of seed 001's clients, each another name for a canonical one of `table`. */
export const seed001Routes = (table: RouteTable): RouteTable => ({
  'GET /balance/:userId': entryOf(table, 'GET /users/:userId/balance'),
  'GET /products/top-selling': entryOf(table, 'GET /products/top'),
});

const entryOf = (table: RouteTable, key: string): RouteTable[string] => {
  const entry = table[key];
  if (!entry) throw new Error(`there is no ${key}`);
  return entry;
};
