import type { Job, Product } from './job.ts';

const one: Product = { id: 'p1', name: 'p1', price: 2_000, stock: 1 };
const five: readonly Product[] = Array.from({ length: 5 }, (_, i) => ({ ...one, id: `p${i + 1}` }));
const ranking = five.map((product) => ({ ...product, soldQty: 1 }));

/** Does nothing: what is left is HTTP, JSON and validation. */
export const bareJob: Job = {
  init: async () => undefined,
  charge: async (_userId, amount) => amount,
  order: async (_userId, items) => items.length * one.price,
  issue: async () => 1,
  balance: async () => 0,
  products: async () => five,
  product: async () => one,
  top: async () => ranking,
};
