import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from './client.ts';
import type { Load, Plan } from './load.ts';
import { add, type Effect, NO_EFFECT, PRICE, type Request } from './requests.ts';
import type { Opened } from './world.ts';

/** Milliseconds in which what was under way when a generator left has ended. */
const SETTLE_MS = 500;

/** What must be on record: at least what was acknowledged, at most what was sent. */
export type Bounds = Readonly<{ low: Effect; high: Effect }>;

const times = ({ charged, pieces, coupons }: Effect, n: number): Effect => ({
  charged: charged * n,
  pieces: pieces * n,
  coupons: coupons * n,
});

const largest = (requests: readonly Request[]): Effect =>
  requests.reduce<Effect>(
    (most, { effect }) => ({
      charged: Math.max(most.charged, effect.charged),
      pieces: Math.max(most.pieces, effect.pieces),
      coupons: Math.max(most.coupons, effect.coupons),
    }),
    NO_EFFECT,
  );

/** Of one load. Those that were refused or left without an answer widen the bounds, nothing else does. */
export const boundsOf = ({ requests, first }: Plan, { sent, answered, failed, acknowledged }: Load): Bounds => {
  const counts = requests.map(() => Math.floor(sent / requests.length));
  for (let i = 0; i < sent % requests.length; i += 1) {
    const place = (first + i) % requests.length;
    counts[place] = (counts[place] ?? 0) + 1;
  }
  const sum = (n: readonly number[]): Effect => requests.reduce((all, { effect }, i) => add(all, times(effect, n[i] ?? 0)), NO_EFFECT);
  const high = sum(counts);
  const unknown = times(largest(requests), sent - answered + failed);
  const low = acknowledged === null ? add(high, times(unknown, -1)) : sum(acknowledged);
  return { low, high: acknowledged === null || failed > 0 ? high : low };
};

type Row = Readonly<Partial<Record<'balance' | 'held' | 'stock' | 'soldQty' | 'issued', number>>>;

const within = (what: string, seen: number, low: number, high: number): string[] =>
  seen >= low && seen <= high ? [] : [`${what}: ${seen} on record, ${low === high ? low : `${low} to ${high}`} acknowledged`];

/**
 * What the query API shows after all is done, held against what was acknowledged: every won charged is a balance or was spent
 * on pieces that left the stock; what left the stock is what the ranking calls sold; coupons are as many as were issued.
 * Answers what does not fit.
 */
export const wrongBooks = async (client: Client, world: Opened, loads: readonly Bounds[]): Promise<string[]> => {
  await sleep(SETTLE_MS);
  const { readAfter } = await client.post(`/users/${world.users[0]}-last/balance`, { amount: 1 });
  const read = async <T>(path: string): Promise<T> => {
    const { status, body } = await client.get(path, readAfter);
    if (status !== 200) throw new Error(`${path} answered ${status}`);
    return body as T;
  };
  const balances = await Promise.all(world.users.map((user) => read<Row>(`/users/${user}/balance`)));
  const products = await read<Row[]>('/products');
  const ranking = await read<Row[]>('/products/top/realtime');
  const policy = await read<Row>(`/coupon-policies/${world.policyId}`);
  const total = (rows: readonly Row[], member: keyof Row): number => rows.reduce((sum, row) => sum + (row[member] ?? 0), 0);

  const pieces = products.length * world.stock - total(products, 'stock');
  const charged = total(balances, 'balance') + total(balances, 'held') + PRICE * pieces - world.charged;
  const bounds = loads.reduce((all, one) => ({ low: add(all.low, one.low), high: add(all.high, one.high) }));
  return [
    ...within('won charged', charged, bounds.low.charged, bounds.high.charged),
    ...within('pieces ordered', pieces, bounds.low.pieces, bounds.high.pieces),
    ...within('pieces in the ranking', total(ranking, 'soldQty') - world.soldBefore, pieces, pieces),
    ...within('coupons', policy.issued ?? Number.NaN, bounds.low.coupons, bounds.high.coupons),
  ];
};
