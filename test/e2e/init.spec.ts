import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectProblem, type Json } from '../support/client.ts';
import { type Product, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 90_000);
afterAll(() => shop.stop());

type Sold = Readonly<{ productId: string; name: string; soldQty: number }>;
const soldOf = async (path: string) => (await shop.client.get<Sold[]>(path)).body;
const p = (n: number, generation: number): string => `p${n}--${generation}`;
/** p1 … p5 of a generation, with these figures. */
const ranking = (generation: number, figures: readonly number[]) =>
  figures.map((soldQty, i) => ({ productId: p(i + 1, generation), name: `p${i + 1}`, soldQty }));

describe('before the first /init', () => {
  it('users and products have their plain names (R32)', async () => {
    expect((await shop.client.get('/users/id?name=u1')).text).toBe('"u1"');
    expect((await shop.client.get('/products/top/realtime')).body).toEqual([]);
    expect((await shop.client.get('/products')).body).toEqual([]);
  });
});

describe('POST /init', () => {
  it('answers when queries without any token show all of the new generation', async () => {
    const answer = await shop.client.raw({ method: 'POST', path: '/init', headers: { 'Content-Type': 'application/json' } });
    expect(answer.status).toBe(200);
    const [users, products, realtime, top, policies] = await Promise.all([
      shop.client.get('/users/id?name=u1'),
      shop.client.get<Product[]>('/products'),
      soldOf('/products/top/realtime'),
      soldOf('/products/top'),
      shop.client.get<Json[]>('/coupon-policies'),
    ]);
    expect(answer.body).toEqual({
      message: 'System initialized to default state.',
      policyIds: expect.any(Array),
      productIds: [1, 2, 3, 4, 5].map((n) => p(n, 1)),
      generation: 1,
    });
    expect(users.text).toBe('"u1--1"');
    expect(products.body).toEqual([1, 2, 3, 4, 5].map((n) => ({ id: p(n, 1), name: `p${n}`, price: 2_000, stock: 2_000_000 })));
    expect(realtime).toEqual(ranking(1, [1_500, 1_200, 900, 600, 300]));
    expect(top).toEqual(ranking(1, [1_000, 800, 600, 400, 200]));
    expect(policies.body.map(({ policyId }) => policyId)).toEqual(answer.body.policyIds);
    expect(answer.headers['read-after']).toMatch(/^\d+$/);
  });

  it('opens five equal policies, numbered 1 to 5, for any number of coupons each user (R16)', async () => {
    const { body } = await shop.init();
    expect(new Set(body.policyIds).size).toBe(5);
    const policies = await Promise.all(body.policyIds.map((id) => shop.policy(id)));
    policies.forEach(({ body: policy }, i) => {
      expect(policy).toMatchObject({
        number: i + 1,
        type: 'limited',
        count: 200_000,
        issued: 0,
        remaining: 200_000,
        discountType: 'amount',
        discountAmount: 2_000,
        expireMinutes: 10_080,
        perUser: null,
        deletedAt: null,
      });
      const made = Date.parse(String(policy.createdAt));
      expect(Date.parse(String(policy.startsAt))).toBe(made - 60_000);
      expect(Date.parse(String(policy.endsAt))).toBe(made + 3 * 86_400_000);
    });
  });

  it('opens a new generation each time; what is older keeps its ids and goes on working (R32)', async () => {
    const { body: older } = await shop.init({ policies: 1 });
    const user = (await shop.client.get<string>(`/users/id?name=u7`)).body;
    expect(user).toBe(`u7--${older.generation}`);
    const charged = await shop.charge(user, 2_000);
    const { body: newer } = await shop.init({ policies: 2 });
    expect(newer.generation).toBe(older.generation + 1);
    expect((await shop.client.get('/users/id?name=u7')).body).toBe(`u7--${newer.generation}`);
    expect((await shop.balance(`u7--${newer.generation}`, { after: charged })).body.balance).toBe(0);
    expect((await shop.balance(user)).body.balance).toBe(2_000);
    expect((await shop.product(p(1, older.generation))).body).toMatchObject({ name: 'p1', stock: 2_000_000 });
    expect((await shop.client.get<Product[]>('/products')).body.map(({ id }) => id)).toEqual(newer.productIds);
    expect((await shop.order(user, { [p(1, older.generation)]: 1 })).status).toBe(201);
    expect((await shop.issue(user, older.policyIds[0] as string)).status).toBe(201);
  });

  it('never shows a ranking of an older generation after its answer (contracts 9.1, step 4)', async () => {
    for (let round = 0; round < 3; round += 1) {
      await shop.client.get('/products/top/realtime');
      const { body } = await shop.init({ policies: 1 });
      expect(await soldOf('/products/top/realtime')).toEqual(ranking(body.generation, [1_500, 1_200, 900, 600, 300]));
      expect(await soldOf('/products/top')).toEqual(ranking(body.generation, [1_000, 800, 600, 400, 200]));
    }
  });

  it('takes overrides of its numbers', async () => {
    const { body } = await shop.init({ policies: 1, couponCount: 100, perUser: 1, products: 2, productPrice: 50, productStock: 0 });
    expect([body.policyIds.length, body.productIds]).toEqual([1, [p(1, body.generation), p(2, body.generation)]]);
    expect((await shop.policy(body.policyIds[0] as string)).body).toMatchObject({ count: 100, perUser: 1, remaining: 100 });
    expect((await shop.product(p(1, body.generation))).body).toMatchObject({ price: 50, stock: 0 });
    expect(await soldOf('/products/top/realtime')).toEqual(ranking(body.generation, [1_500, 1_200]));
  });

  it.each<Json>([
    { policies: 0 },
    { policies: 101 },
    { couponCount: 1.5 },
    { perUser: 2 },
    { products: 6 },
    { productPrice: -1 },
    { users: 3 },
  ])('does not take %j', async (wrong) => expectProblem(await shop.client.post('/init', wrong), 400, 'invalid-request'));

  it('takes an empty body with, without and with another content type, and an empty object', async () => {
    const bodies = [{}, { 'Content-Type': 'application/json' }, { 'Content-Type': 'text/plain' }];
    for (const headers of bodies) expect((await shop.client.raw({ method: 'POST', path: '/init', headers })).status).toBe(200);
    expect((await shop.init({})).status).toBe(200);
  });

  it('at once opens as many generations as calls', async () => {
    const before = (await shop.init({ policies: 1 })).body.generation;
    const answers = await Promise.all([1, 2, 3].map(() => shop.init({ policies: 1 })));
    expect(answers.map(({ body }) => body.generation).sort()).toEqual([before + 1, before + 2, before + 3].sort());
  });

  it('does not exist where test endpoints are disabled', async () => {
    const closed = await shop.anotherCommandApi({ ENABLE_TEST_ENDPOINTS: '0' });
    expectProblem(await closed.init(), 404, 'not-found');
  });
});

describe('GET /users/id', () => {
  it.each(['a--b', 'x'.repeat(51), '', '-a', 'a%20b', '%00', '../x'])('refuses the name %j', async (name) => {
    expectProblem(await shop.client.get(`/users/id?name=${name}`), 400, 'invalid-request');
  });

  it('needs a name', async () => expectProblem(await shop.client.get('/users/id'), 400, 'invalid-request'));
});
