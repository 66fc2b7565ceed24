/** What a request changes when it is acknowledged: won charged, pieces ordered, coupons issued. */
export type Effect = Readonly<{ charged: number; pieces: number; coupons: number }>;
/** `#` in the path stands for a number that no other request of the load has. */
export type Request = Readonly<{ method: 'GET' | 'POST'; path: string; body: string; effect: Effect }>;

export const NO_EFFECT: Effect = { charged: 0, pieces: 0, coupons: 0 };
export const add = (a: Effect, b: Effect): Effect => ({
  charged: a.charged + b.charged,
  pieces: a.pieces + b.pieces,
  coupons: a.coupons + b.coupons,
});

/** What a load works on: an opening of its own, and users nobody else has. */
export type World = Readonly<{ users: readonly string[]; productIds: readonly string[]; policyId: string }>;

/** Won a piece, of every product. */
export const PRICE = 2_000;
const CHARGED = 10;
/** Requests of a list at most; a load goes round it again and again. */
const LIST_MAX = 5_000;

const get = (path: string): Request => ({ method: 'GET', path, body: '', effect: NO_EFFECT });
const post = (path: string, body: unknown, effect: Partial<Effect>): Request => ({
  method: 'POST',
  path,
  body: body === null ? '' : JSON.stringify(body),
  effect: { ...NO_EFFECT, ...effect },
});

export const charge = (userId: string, amount = CHARGED): Request => post(`/users/${userId}/balance`, { amount }, { charged: amount });

const order = (userId: string, productIds: readonly string[]): Request =>
  post(
    '/orders',
    { userId, couponId: null, items: productIds.map((productId) => ({ productId, quantity: 1 })) },
    { pieces: productIds.length },
  );

/** A sequence that looks random and is the same in every run (mulberry32, Tommy Ettinger). */
const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
};

/**
 * Seed 001's load mix: 35 % lists, 25 % top sellers, 20 % details, 5 % balances, 10 % orders of one to three products,
 * 5 % charges; each with the percentage at which it ends.
 */
const MIX = [
  [35, () => get('/products')],
  [60, () => get('/products/top')],
  [80, (_user, product) => get(`/products/${product(1)[0]}`)],
  [85, (user) => get(`/users/${user}/balance`)],
  [95, (user, product, random) => order(user, product(1 + Math.floor(random() * 3)))],
  [100, (user) => charge(user)],
] as const satisfies readonly (readonly [upTo: number, make: Make])[];
type Make = (user: string, product: (count: number) => readonly string[], random: () => number) => Request;

const mix = ({ users, productIds }: World): Request[] => {
  const random = randomFrom(1);
  const product = (count: number): readonly string[] => {
    const first = Math.floor(random() * productIds.length);
    return Array.from({ length: count }, (_, i) => productIds[(first + i) % productIds.length] as string);
  };
  return Array.from({ length: LIST_MAX }, () => {
    const at = random() * 100;
    const [, make] = MIX.find(([upTo]) => at < upTo) ?? MIX[0];
    return (make as Make)(users[Math.floor(random() * users.length)] as string, product, random);
  });
};

/** What is measured, in the order of the table. */
export const ROWS = ['charges', 'hot-charges', 'orders', 'issues', 'mix', 'open-loop'] as const;
export type RowName = (typeof ROWS)[number];
export type Row = Readonly<{
  title: string;
  /** Requests a second, whether or not earlier ones are answered; `null`: each connection sends when it is answered. */
  rate: number | null;
  /** Whether users must have money before. */
  charged: boolean;
  requests: (world: World) => readonly Request[];
}>;

export const rows: Readonly<Record<RowName, Row>> = {
  charges: { title: 'charges of many users', rate: null, charged: false, requests: ({ users }) => users.map((user) => charge(user)) },
  'hot-charges': { title: 'charges of one hot user', rate: null, charged: false, requests: ({ users }) => [charge(users[0] as string)] },
  orders: {
    title: 'five-line orders on the same five products',
    rate: null,
    charged: true,
    requests: ({ users, productIds }) => users.map((user) => order(user, productIds)),
  },
  issues: {
    title: 'direct issues of one policy',
    rate: null,
    charged: false,
    requests: ({ users, policyId }) => [
      post(`/coupons?userId=${users[0]}-%23&policyId=${policyId}`.replace('%23', '#'), null, { coupons: 1 }),
    ],
  },
  mix: { title: 'load mix of seed 001', rate: null, charged: true, requests: mix },
  'open-loop': { title: 'open loop, 5,000 mixed req/s', rate: 5_000, charged: true, requests: mix },
};
