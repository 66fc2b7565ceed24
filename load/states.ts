/** No load: reads the states a script from outside has left, and judges them (`EXPECT` = once, 100-of-300 or full). */

import { bodyOf, get, send } from './lib/calls.ts';
import { type Closing, judgeShop } from './lib/closing.ts';
import { queryUrl } from './lib/environment.ts';
import { type Expected, manyA, onceA } from './lib/expect.ts';
import type { Product, ShopState } from './lib/oracle.ts';
import { common } from './lib/summary.ts';
import { carriedOver, dayAt, initialStock } from './lib/world.ts';

/** Users `POST /init` names, `u1` … `u300`. */
const USERS = 300;
const COUPONS = 100;

export const options = { ...common, scenarios: { states: { executor: 'per-vu-iterations', vus: 1, iterations: 1, maxDuration: '5m' } } };

const expectations: Record<string, (shop: ShopState, stock: Readonly<Record<string, number>>) => Expected> = {
  once: (shop, stock) => onceA(shop, stock, USERS, USERS),
  '100-of-300': (shop, stock) => onceA(shop, stock, USERS, COUPONS),
  full: (shop, stock) => manyA(shop, stock, USERS),
};

export default (): Closing => {
  const products = bodyOf<Product[]>(send(get('read /products', `${queryUrl}/products`, { audit: true }))) ?? [];
  const start = {
    stock: Object.fromEntries(products.map(({ id }) => [id, initialStock])),
    carriedOver: Object.fromEntries(products.map(({ id }, i) => [id, carriedOver[i] ?? 0])),
    day: dayAt(Number(__ENV.STARTED_AT ?? Date.now())),
  };
  return judgeShop(
    { run: `states-${Date.now()}`, start },
    USERS,
    expectations[__ENV.EXPECT ?? ''] ?? (() => ({ identities: [], counted: {} })),
  );
};

export const handleSummary = (): Record<string, string> => ({});
