import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { byStatus, type Json } from '../support/client.ts';
import { type Coupon, type Opened, type PlacedOrder, startShop, type TestShop } from '../support/shop.ts';

const USERS = 20;
/** The pause that the script takes between a coupon and its list; the views must be there by then. */
const PAUSE_MS = 1_000;

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 90_000);
afterAll(() => shop.stop());

/** One iteration of the published script: no token anywhere, and the answers taken as the script takes them. */
const iterate = async (policyIds: readonly string[], vu: number): Promise<string> => {
  const { body: user } = await shop.client.get<string>(`/users/id?name=u${vu}`);
  const charged = await shop.client.post(`/users/${user}/balance`, { amount: 10_000 });
  expect(charged.status).toBe(201);
  const policyId = policyIds[vu % policyIds.length];
  const issued = await shop.client.raw({ method: 'POST', path: `/coupons?userId=${user}&policyId=${policyId}` });
  expect([201, 400, 409]).toContain(issued.status);
  let couponId: string | null = null;
  if (issued.status === 201) {
    await sleep(PAUSE_MS);
    couponId = (await shop.client.get<Coupon[]>(`/users/${user}/coupons`)).body[0]?.couponId ?? null;
    expect(couponId).not.toBeNull();
  }
  const { body: top } = await shop.client.get<{ productId: string }[]>('/products/top/realtime');
  const items = top.map(({ productId }) => ({ productId, quantity: 1 }));
  expect(items).toHaveLength(5);
  const placed = await shop.client.post<PlacedOrder>('/orders', { userId: user, couponId, items });
  expect([placed.status, placed.body.totalAmount]).toEqual([201, couponId ? 8_000 : 10_000]);
  return user;
};

const rush = async (overrides: Json | undefined, iterations = 1) => {
  const answer = await shop.init(overrides);
  const opened = answer.body;
  const users = await Promise.all(
    Array.from({ length: USERS }, async (_, i) => {
      let user = '';
      for (let n = 0; n < iterations; n += 1) user = await iterate(opened.policyIds, i + 1);
      return user;
    }),
  );
  return { opened, users };
};

/** The state once drained: a token of a last command stands for all before it. */
const stateOf = async ({ opened, users }: Readonly<{ opened: Opened; users: readonly string[] }>) => {
  const after = await shop.charge('the-last', 1);
  const balances = await Promise.all(users.map(async (user) => (await shop.balance(user, { after })).body.balance));
  const orders = (await Promise.all(users.map(async (user) => (await shop.orders(user, { after })).body))).flat();
  const stocks = await Promise.all(opened.productIds.map(async (id) => (await shop.product(id, { after })).body.stock));
  const policies = await Promise.all(opened.policyIds.map(async (id) => (await shop.policy(id, { after })).body));
  const { body: top } = await shop.client.get<{ soldQty: number }[]>('/products/top/realtime', { after });
  return {
    balances: byStatus(balances.map((balance) => ({ status: balance }) as Parameters<typeof byStatus>[0][number])),
    placed: orders.filter(({ status }) => status === 'placed').length,
    withCoupon: orders.filter(({ couponId }) => couponId !== null).length,
    orders: orders.length,
    stocks,
    issued: policies.map(({ issued }) => issued),
    remaining: policies.map(({ remaining }) => remaining),
    sold: top.map(({ soldQty }) => soldQty),
  };
};

describe('the flow of the first clients’ script (contracts 9.1), every shopper at once', () => {
  it('once each, all with a coupon: 2,000 left for everyone', async () => {
    expect(await stateOf(await rush(undefined))).toEqual({
      balances: { 2000: USERS },
      placed: USERS,
      withCoupon: USERS,
      orders: USERS,
      stocks: Array(5).fill(2_000_000 - USERS),
      issued: Array(5).fill(USERS / 5),
      remaining: Array(5).fill(200_000 - USERS / 5),
      sold: [1_500, 1_200, 900, 600, 300].map((before) => before + USERS),
    });
  }, 90_000);

  it('coupons for a third: the others pay in full and keep nothing', async () => {
    const coupons = 7;
    expect(await stateOf(await rush({ policies: 1, couponCount: coupons }))).toMatchObject({
      balances: { 2000: coupons, 0: USERS - coupons },
      placed: USERS,
      withCoupon: coupons,
      stocks: Array(5).fill(2_000_000 - USERS),
      issued: [coupons],
      remaining: [0],
    });
  }, 90_000);

  it('twice each, a coupon each time: the list never offers the used one first (D23, R24)', async () => {
    expect(await stateOf(await rush(undefined, 2))).toMatchObject({
      balances: { 4000: USERS },
      placed: 2 * USERS,
      withCoupon: 2 * USERS,
      stocks: Array(5).fill(2_000_000 - 2 * USERS),
    });
  }, 90_000);

  it('twice each, one coupon a user: the second order pays in full', async () => {
    expect(await stateOf(await rush({ policies: 1, couponCount: 10_000, perUser: 1 }, 2))).toMatchObject({
      balances: { 2000: USERS },
      placed: 2 * USERS,
      withCoupon: USERS,
      issued: [USERS],
    });
  }, 90_000);
});

describe('the other ways to shop (contracts 9.1), all at once', () => {
  const SHOPPERS = 12;

  it('pays for one thing without a coupon and two with one, only looks, or leaves after the charge', async () => {
    const { body: opened } = await shop.init({ policies: 1 });
    const [p1, p2] = opened.productIds as [string, string];
    const policyId = opened.policyIds[0] as string;
    const { body: name } = await shop.client.get<string>('/users/id?name=any');
    const generation = name.slice('any'.length);
    const shoppers: Readonly<Record<string, (user: string) => Promise<unknown>>> = {
      withCoupon: async (user) => {
        await shop.charge(user, 2_000);
        const { body: coupon } = await shop.issue(user, policyId);
        expect((await shop.order(user, { [p1]: 1, [p2]: 1 }, coupon.couponId)).body).toMatchObject({ totalAmount: 2_000 });
      },
      without: async (user) => {
        await shop.charge(user, 2_000);
        expect((await shop.order(user, { [p1]: 1 })).body).toMatchObject({ totalAmount: 2_000 });
      },
      looking: async (user) => {
        await shop.charge(user, 3_000);
        await shop.issue(user, policyId);
        await shop.coupons(user);
      },
      leaving: (user) => shop.charge(user, 10_000),
    };
    const kinds = Object.keys(shoppers);
    await Promise.all(kinds.flatMap((kind) => Array.from({ length: SHOPPERS }, (_, i) => shoppers[kind]?.(`${kind}-${i}${generation}`))));

    const after = await shop.charge('the-last', 1);
    const found = async (kind: string) => {
      const states = Array.from({ length: SHOPPERS }, async (_, i) => {
        const user = `${kind}-${i}${generation}`;
        const [balance, orders, coupons] = await Promise.all([
          shop.balance(user, { after }),
          shop.orders(user, { after }),
          shop.coupons(user, { after }),
        ]);
        return `${balance.body.balance} won, ${orders.body.length} orders, coupons: ${coupons.body.map(({ status }) => status).join()}`;
      });
      return [...new Set(await Promise.all(states))];
    };
    expect(await found('withCoupon')).toEqual(['0 won, 1 orders, coupons: used']);
    expect(await found('without')).toEqual(['0 won, 1 orders, coupons: ']);
    expect(await found('looking')).toEqual(['3000 won, 0 orders, coupons: available']);
    expect(await found('leaving')).toEqual(['10000 won, 0 orders, coupons: ']);
    expect((await shop.product(p1, { after })).body.stock).toBe(2_000_000 - 2 * SHOPPERS);
    expect((await shop.product(p2, { after })).body.stock).toBe(2_000_000 - SHOPPERS);
    expect((await shop.policy(policyId, { after })).body.issued).toBe(2 * SHOPPERS);
  }, 90_000);
});
