import { check, fail } from 'k6';
import { bodyOf, get, positionOf, post, send } from './calls.ts';
import { baseUrl, queryUrl, warmVisits } from './environment.ts';
import type { Product, Ranked, Start } from './oracle.ts';
import { warmUp } from './warmUp.ts';

/** What `POST /init` may override; counts in pieces, prices in won. */
export type InitOverrides = Readonly<{
  policies?: number;
  couponCount?: number;
  perUser?: number;
  productPrice?: number;
  productStock?: number;
}>;

/** The shop as the shoppers find it: made in `setup`, handed to every virtual user as JSON. */
export type World = Readonly<{
  run: string;
  /** Epoch milliseconds at which the shoppers set out together. */
  startAt: number;
  policyIds: readonly string[];
  products: readonly Product[];
  /** Won off one order by a coupon of any of the policies. */
  discount: number;
  start: Start;
}>;

/** Time between `setup` and the first shopper, in milliseconds, when all set out together: every virtual user stands ready by then. */
const MUSTER_MS = 1_000;
/** The service zone, whose midnight moves the rankings; Korea knows no summer time. */
const ZONE_OFFSET_MS = 9 * 3_600_000;
/** Realtime sales and stock of each of the five products right after `/init`, as its contract says. */
export const initialStock = 2_000_000;
export const carriedOver = [1_500, 1_200, 900, 600, 300];

export const dayAt = (epochMs: number): string => new Date(epochMs + ZONE_OFFSET_MS).toISOString().slice(0, 10);

/**
 * Opens a new generation, after `visits` to one before it, and reads what it begins with. Ends the run when the shop does not
 * answer as agreed.
 */
export const openShop = (overrides: InitOverrides = {}, musterMs = MUSTER_MS, visits = warmVisits): World => {
  if (visits > 0) warmUp(bodyOf(init({}, true)) ?? { policyIds: [], productIds: [] }, visits);
  const opened = init(overrides);
  const { policyIds } = bodyOf<{ policyIds?: string[] }>(opened) ?? {};
  if (!policyIds?.length) fail(`POST /init answered ${opened.status}: ${opened.body}`);
  const start = readStart(positionOf(opened));
  const startAt = Date.now() + musterMs;
  console.log(`shoppers start at ${startAt}`);
  return { run: __ENV.RUN ?? startAt.toString(36), startAt, policyIds: policyIds ?? [], ...start };
};

/** Opens a new generation. */
export const init = (overrides: InitOverrides, audit = false) =>
  send(post('init', `${baseUrl}/init`, overrides, { expected: [200], audit }));

/** Products, stock and carried-over sales of the present generation, from the query API. */
const readStart = (readAfter?: string): { products: Product[]; discount: number; start: Start } => {
  const read = <T>(path: string) => bodyOf<T>(send(get(`read ${path}`, `${queryUrl}${path}`, { audit: true, readAfter }))) as T;
  const products = read<Product[]>('/products');
  const ranked = read<Ranked[]>('/products/top/realtime');
  check(products, { 'products stocked': (rows) => rows.length === carriedOver.length && rows.every((row) => row.stock === initialStock) });
  const policies = read<{ discountAmount: number }[]>('/coupon-policies');
  check(ranked, { 'sales carried over': (rows) => rows.map((row) => row.soldQty).join() === carriedOver.join() });
  return {
    products,
    discount: policies[0]?.discountAmount ?? 0,
    start: {
      stock: Object.fromEntries(products.map(({ id, stock }) => [id, stock])),
      carriedOver: Object.fromEntries(ranked.map(({ productId, soldQty }) => [productId, soldQty])),
      day: dayAt(Date.now()),
    },
  };
};
