import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem, type Json } from '../../support/client.ts';
import { couponBody, documentOf, expectAnswer, ID, operationsOf, POSITION, policyBody, TIME } from '../../support/contract.ts';
import { until } from '../../support/processes.ts';
import { changedTerms, newProduct, newUser, type Opened, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let opened: Opened;
/** A user who charged, was issued two coupons, placed an order with the second and had one rejected for its stock. */
let user: string;
let product: string;
let policyId: string;
let coupons: readonly string[];
let orderId: string;
/** A request of the queue for a policy that there is not. */
let transactionId: string;
let after: Readonly<{ after: Answer }>;
beforeAll(async () => {
  shop = await startShop();
  opened = (await shop.init()).body;
  user = await newUser(shop, 10_000);
  product = await newProduct(shop, 1_000, 3);
  policyId = (await shop.createPolicy()).body.policyId;
  coupons = [(await shop.issue(user, policyId)).body.couponId, (await shop.issue(user, policyId)).body.couponId];
  orderId = (await shop.order(user, { [product]: 2 }, coupons[1] ?? null)).body.orderId;
  const queued = await shop.client.post<{ transactionId: string }>(`/coupons/async?userId=${user}&policyId=nothing`);
  transactionId = queued.body.transactionId;
  await until(async () => (await shop.client.get(`/api/v1/coupon/issue/${transactionId}`)).status === 200);
  after = { after: (await shop.order(user, { [product]: 2 })) as unknown as Answer };
});
afterAll(() => shop.stop());

/** Asks at or past all that was done above. */
const get = <Body = Json>(path: string) => shop.client.get<Body>(path, after);

/** A 200 with exactly this body, and the position it is the state at, which is not below the one asked for. */
const expectRead = async (path: string, body: unknown): Promise<Answer<unknown>> => {
  const answer = await get(path);
  expectAnswer(answer, 200, body);
  expect(answer.headers['as-of']).toEqual(POSITION);
  expect(BigInt(String(answer.headers['as-of']))).toBeGreaterThanOrEqual(BigInt(String(after.after.headers['read-after'])));
  return answer;
};

const line = (wished: Json = {}) => ({ productId: product, name: 'thing', quantity: 2, unitPrice: 1_000, subtotal: 2_000, ...wished });
const placed = () => ({
  orderId,
  userId: user,
  status: 'placed',
  reason: null,
  items: [line()],
  subtotal: 2_000,
  discount: 500,
  totalAmount: 1_500,
  couponId: coupons[1],
  orderedAt: TIME,
  settledAt: TIME,
});
const rejected = () => ({
  ...placed(),
  orderId: ID,
  status: 'rejected',
  reason: 'out-of-stock',
  discount: 0,
  totalAmount: 2_000,
  couponId: null,
});
const movement = (seq: number, type: string, amount: number, balanceAfter: number, order: unknown) => ({
  seq,
  type,
  amount,
  balanceAfter,
  orderId: order,
  reservationId: null,
  at: TIME,
});
const coupon = (serial: 1 | 2, wished: Json = {}) =>
  couponBody({ couponId: coupons[serial - 1], userId: user, policyId, serial, number: serial, ...wished });
const usedCoupon = () => coupon(2, { status: 'used', usedAt: TIME, orderId });
const ranked = (soldQty: readonly number[]) =>
  soldQty.map((sold, i) => ({ productId: opened.productIds[i], name: `p${i + 1}`, soldQty: sold }));
const stocked = (id: unknown) => ({ id, name: 'thing', price: 1_000, stock: 1 });
const seeded = (i: number) => ({ id: opened.productIds[i], name: `p${i + 1}`, price: 2_000, stock: 2_000_000 });
const policyNow = (wished: Json = {}) => policyBody({ policyId, number: 6, issued: 2, remaining: 98, ...wished });

/** Every operation of the query API: its whole answer, and each refusal of its row. */
const rows: Readonly<Record<string, () => Promise<unknown>>> = {
  'GET /users/id': async () => {
    await expectRead('/users/id?name=u17', `u17--${opened.generation}`);
    expect((await get('/users/id?name=u17')).text).toBe(`"u17--${opened.generation}"`);
    for (const name of ['', '-a', 'a b', 'a--1', 'x'.repeat(51), 'x'.repeat(65)]) {
      expectProblem(await get(`/users/id?name=${encodeURIComponent(name)}`), 400, 'invalid-request');
    }
    await expectRead(`/users/id?name=${'x'.repeat(50)}`, `${'x'.repeat(50)}--${opened.generation}`);
  },
  'GET /users/{userId}/balance': async () => {
    await expectRead(`/users/${user}/balance`, { userId: user, balance: 8_500, held: 0 });
    await expectRead('/users/stranger/balance', { userId: 'stranger', balance: 0, held: 0 });
  },
  'GET /balance/{userId}': () => expectRead(`/balance/${user}`, { userId: user, balance: 8_500, held: 0 }),
  'GET /users/{userId}/balance/history': async () => {
    await expectRead(`/users/${user}/balance/history`, [
      movement(4, 'restore', 2_000, 8_500, ID),
      movement(3, 'use', -2_000, 6_500, ID),
      movement(2, 'use', -1_500, 8_500, orderId),
      movement(1, 'charge', 10_000, 10_000, null),
    ]);
    await expectRead('/users/stranger/balance/history', []);
  },
  'GET /users/{userId}/coupons': async () => {
    await expectRead(`/users/${user}/coupons`, [coupon(1), usedCoupon()]);
    await expectRead(`/users/${user}/coupons?status=available`, [coupon(1)]);
    await expectRead(`/users/${user}/coupons?status=held`, []);
    await expectRead('/users/stranger/coupons', []);
  },
  'GET /users/{userId}/orders': async () => {
    await expectRead(`/users/${user}/orders`, [rejected(), placed()]);
    await expectRead(`/users/${user}/orders?status=placed`, [placed()]);
    await expectRead(`/users/${user}/orders?status=rejected`, [rejected()]);
    await expectRead('/users/stranger/orders', []);
  },
  'GET /orders/{orderId}': async () => {
    await expectRead(`/orders/${orderId}`, placed());
    expectProblem(await get('/orders/ghost'), 404, 'unknown-order');
  },
  'GET /products': () => expectRead('/products', [...[0, 1, 2, 3, 4].map(seeded), stocked(product)]),
  'GET /products/{productId}': async () => {
    await expectRead(`/products/${product}`, stocked(product));
    expectProblem(await get('/products/ghost'), 404, 'unknown-product');
  },
  'GET /products/top': () => expectRead('/products/top', ranked([1_000, 800, 600, 400, 200])),
  'GET /products/top-selling': () => expectRead('/products/top-selling', ranked([1_000, 800, 600, 400, 200])),
  'GET /products/top/realtime': async () => {
    await expectRead('/products/top/realtime', ranked([1_500, 1_200, 900, 600, 300]));
  },
  'GET /coupon-policies': async () => {
    const answer = await get<Json[]>('/coupon-policies');
    expect(answer.body.map(({ policyId: id }) => id)).toEqual([...opened.policyIds, policyId]);
    expect(answer.body.at(-1)).toEqual(policyNow());
    const closed = await shop.deletePolicy((await shop.createPolicy()).body.policyId);
    const all = await shop.client.get<Json[]>('/coupon-policies?all=true', { after: closed });
    expect(all.body.map(({ policyId: id }) => id)).toEqual([...opened.policyIds, policyId, closed.body.policyId]);
    expect(all.body.at(-1)).toEqual(closed.body);
    expect((await shop.client.get<Json[]>('/coupon-policies', { after: closed })).body).toHaveLength(6);
  },
  'GET /coupon-policies/{policyId}': async () => {
    await expectRead(`/coupon-policies/${policyId}`, policyNow());
    expectProblem(await get('/coupon-policies/ghost'), 404, 'unknown-policy');
    const { remaining: _remaining, ...unlimited } = policyNow({ type: 'unlimited', count: null, issued: 0 });
    const created = await shop.createPolicy({ count: null });
    const found = await shop.policy(created.body.policyId, { after: created });
    expectAnswer(found, 200, { ...unlimited, policyId: created.body.policyId, number: created.body.number });
  },
  'GET /coupon-policies/{policyId}/history': async () => {
    const { policyId: changing } = (await shop.createPolicy()).body;
    await shop.addCount(changing, 50);
    await shop.changePolicy(changing, changedTerms({ name: 'other', discountType: 'rate', discountAmount: 30 }));
    const last = await shop.deletePolicy(changing);
    const { name, discountType, discountAmount, startsAt, endsAt, perUser } = policyBody();
    const row = {
      ...{ seq: 1, change: 'created', name, count: 100, discountType, discountAmount },
      ...{ startsAt, endsAt, expireMinutes: 10_080, perUser, at: TIME },
    };
    const changed = { ...row, count: 150, name: 'other', discountType: 'rate', discountAmount: 30, expireMinutes: 60 };
    expectAnswer(await shop.client.get(`/coupon-policies/${changing}/history`, { after: last }), 200, [
      row,
      { ...row, seq: 2, change: 'count-added', count: 150 },
      { ...changed, seq: 3, change: 'changed' },
      { ...changed, seq: 4, change: 'deleted' },
    ]);
    expectProblem(await get('/coupon-policies/ghost/history'), 404, 'unknown-policy');
  },
  'GET /coupons/{couponId}': async () => {
    await expectRead(`/coupons/${coupons[0]}`, coupon(1));
    await expectRead(`/coupons/${coupons[1]}`, usedCoupon());
    expectProblem(await get('/coupons/ghost-1'), 404, 'unknown-coupon');
  },
  'GET /coupons/{couponId}/history': async () => {
    const done = (seq: number, change: string, order: string | null) => ({ seq, change, productId: null, orderId: order, at: TIME });
    await expectRead(`/coupons/${coupons[1]}/history`, [done(1, 'issued', null), done(2, 'held', orderId), done(3, 'used', orderId)]);
    expectProblem(await get('/coupons/ghost-1/history'), 404, 'unknown-coupon');
  },
  'GET /api/v1/coupon/issue/{transactionId}': async () => {
    const outcome = { status: 'refused', reason: 'unknown-policy', userCouponId: null, decidedAt: TIME };
    const data = { transactionId, userId: user, couponId: null, ...outcome };
    await expectRead(`/api/v1/coupon/issue/${transactionId}`, { message: '쿠폰 발급 요청 조회 성공', code: 200, data });
    const absent = await get('/api/v1/coupon/issue/ghost');
    expectProblem(absent, 404, 'not-found');
    expect([absent.headers['retry-after'], absent.body]).toEqual(['1', expect.objectContaining({ code: 404, data: null })]);
  },
};

/** Operations whose answers are pages. */
const LISTS = [
  '/users/{userId}/balance/history',
  '/users/{userId}/coupons',
  '/users/{userId}/orders',
  '/products',
  '/coupon-policies',
  '/coupon-policies/{policyId}/history',
  '/coupons/{couponId}/history',
];
const filled = (path: string): string =>
  path
    .replace('{userId}', user)
    .replace('{policyId}', policyId)
    .replace('{transactionId}', transactionId)
    .replace('{couponId}', coupons[1] ?? '');

it.each(Object.keys(rows))('%s answers as its row of the contract says', (row) => rows[row]?.());

it('these are all queries there are', async () => {
  expect(new Set(Object.keys(rows))).toEqual(new Set(operationsOf(await documentOf(shop.queries))));
});

describe('every query', () => {
  it('takes no token that is none, no unknown member, and nothing but GET and HEAD', async () => {
    for (const row of Object.keys(rows)) {
      const path = filled(row.slice('GET '.length)).replace('{orderId}', orderId).replace('{productId}', product);
      const asked = row === 'GET /users/id' ? `${path}?name=u1&` : `${path}?`;
      for (const readAfter of ['-1', '1.5', 'abc', '9223372036854775808', '']) {
        expectProblem(await shop.client.get(`${asked}readAfter=${readAfter}`), 400, 'invalid-request');
      }
      expectProblem(await shop.client.get(`${asked}surprise=1`), 400, 'invalid-request');
      const [whole, head] = [await get(asked), await shop.client.raw({ method: 'HEAD', path: asked })];
      expect([row, head.status, head.text, head.headers['content-type']]).toEqual([row, 200, '', whole.headers['content-type']]);
    }
  });

  it('that finds nothing says at which position there was nothing', async () => {
    for (const path of [
      '/orders/ghost',
      '/products/ghost',
      '/coupons/ghost-1',
      '/coupon-policies/ghost',
      '/coupon-policies/ghost/history',
    ]) {
      const { status, headers } = await get(path);
      expect([path, status, headers['as-of']]).toEqual([path, 404, POSITION]);
      expect(BigInt(String(headers['as-of']))).toBeGreaterThanOrEqual(BigInt(String(after.after.headers['read-after'])));
    }
  });

  it('by what belongs to a user may be kept by nobody', async () => {
    for (const row of Object.keys(rows).filter((path) => /\{(userId|orderId|couponId)\}/.test(path))) {
      const { headers } = await get(filled(row.slice('GET '.length)).replace('{orderId}', orderId));
      expect([row, headers['cache-control']]).toEqual([row, 'no-store']);
    }
  });
});

describe('every list', () => {
  it.each(LISTS)('%s is a bare array that comes in pages of 1 to 100, and knows its own cursors alone', async (template) => {
    const path = filled(template);
    const whole = await get<unknown[]>(path);
    expect(whole.headers.link).toBeUndefined();
    const pages: unknown[] = [];
    for (let next: string | undefined = `${path}?limit=1`; next !== undefined; ) {
      const page: Answer<unknown[]> = await get(next);
      expect([page.status, page.body.length]).toEqual([200, 1]);
      pages.push(...page.body);
      const link = page.headers.link as string | undefined;
      next = link === undefined ? undefined : (/^<([^>]+)>; rel="next"$/.exec(link)?.[1] ?? 'a link of another form');
    }
    expect(pages).toEqual(whole.body);
    for (const query of ['limit=0', 'limit=101', 'limit=x', 'after=x', 'after=']) {
      expectProblem(await get(`${path}?${query}`), 400, 'invalid-request');
    }
  });
});
