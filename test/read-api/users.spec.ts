import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { charged, generationOpened, line, NOON, placed, rejected, submitted } from '../projections/facts.ts';
import { nextOf, Shop } from './shop.ts';

const first = { orderId: 'o1', lines: [line('p1', 2), line('p2', 1, 500)], couponId: 'cp1-1-1', discount: 2_000 };
const second = { orderId: 'o2', lines: [line('p1', 1)], at: NOON + 1_000 };
const third = { orderId: 'o3', lines: [line('p1', 3)], at: NOON + 2_000 };

let shop: Shop;
beforeAll(async () => {
  shop = await Shop.open();
});
afterAll(() => shop.close());

describe('before the first event', () => {
  it('R32: the id of a name is the name in generation 0', async () => {
    await shop.world.recordOurs('account-early', charged(1, 1, 1));
    await shop.world.drained();
    const { status, body, headers } = await shop.get('/users/id?name=u17');
    expect([status, body, headers.get('Content-Type')]).toEqual([200, 'u17', 'application/json; charset=utf-8']);
  });
});

describe('with accounts', () => {
  beforeAll(async () => {
    const { world } = shop;
    await world.recordOurs('account-ann', charged(1, 10_000, 10_000), submitted(2, 7_500, first), placed(first));
    await world.recordOurs('account-ann', submitted(3, 5_500, second), rejected(4, 7_500, second), submitted(5, 1_500, third));
    await world.recordOurs('account-bob', charged(1, 250, 250, NOON + 7));
    await world.recordOurs('shop-main', generationOpened(1));
    await world.drained();
  });

  it('D21: a user nobody has heard of has balance 0, and no history, coupons or orders', async () => {
    const { status, body } = await shop.get('/users/nobody/balance');
    expect([status, body]).toEqual([200, { userId: 'nobody', balance: 0, held: 0 }]);
    for (const list of ['balance/history', 'coupons', 'orders']) {
      const { status: ok, body: empty } = await shop.get(`/users/nobody/${list}`);
      expect([ok, empty]).toEqual([200, []]);
    }
  });

  it('shows what can be spent and what an open order holds, for nobody to keep', async () => {
    const { body, headers, asOf } = await shop.get('/users/ann/balance');
    expect(body).toEqual({ userId: 'ann', balance: 1_500, held: 6_000 });
    expect(headers.get('Cache-Control')).toBe('no-store');
    expect(asOf).toBe(await shop.world.store.head());
  });

  it('answers many at once, each its own', async () => {
    const users = Array.from({ length: 600 }, (_, i) => ['ann', 'bob', `stranger-${i}`][i % 3] as string);
    const answers = await Promise.all(users.map((user) => shop.get(`/users/${user}/balance`)));
    const money: Readonly<Record<string, number>> = { ann: 1_500, bob: 250 };
    expect(answers.map(({ body }) => body)).toEqual(
      users.map((userId) => ({ userId, balance: money[userId] ?? 0, held: userId === 'ann' ? 6_000 : 0 })),
    );
  });

  it('R29: the history has a row for each change, newest first, and adds up to the balance', async () => {
    const { body } = await shop.get('/users/ann/balance/history');
    expect(body).toEqual([
      { seq: 5, type: 'use', amount: -6_000, balanceAfter: 1_500, orderId: 'o3', reservationId: null, at: '2026-01-05T03:00:02.000Z' },
      { seq: 4, type: 'restore', amount: 2_000, balanceAfter: 7_500, orderId: 'o2', reservationId: null, at: '2026-01-05T03:00:01.005Z' },
      { seq: 3, type: 'use', amount: -2_000, balanceAfter: 5_500, orderId: 'o2', reservationId: null, at: '2026-01-05T03:00:01.000Z' },
      { seq: 2, type: 'use', amount: -2_500, balanceAfter: 7_500, orderId: 'o1', reservationId: null, at: '2026-01-05T03:00:00.000Z' },
      { seq: 1, type: 'charge', amount: 10_000, balanceAfter: 10_000, orderId: null, reservationId: null, at: '2026-01-05T03:00:00.000Z' },
    ]);
  });

  it('gives the history in pages that join without a gap', async () => {
    const pages = await shop.pages('/users/ann/balance/history?limit=2');
    expect(pages.map(({ body }) => body.map(({ seq }: { seq: number }) => seq))).toEqual([[5, 4], [3, 2], [1]]);
  });

  it('lists orders newest first, with the names and prices they were placed at', async () => {
    const { body } = await shop.get('/users/ann/orders');
    expect(body.map(({ orderId, status, reason }: Record<string, unknown>) => [orderId, status, reason])).toEqual([
      ['o3', 'open', null],
      ['o2', 'rejected', 'out-of-stock'],
      ['o1', 'placed', null],
    ]);
    expect(body[2]).toEqual({
      orderId: 'o1',
      userId: 'ann',
      status: 'placed',
      reason: null,
      items: [
        { productId: 'p1', name: 'name of p1', quantity: 2, unitPrice: 2_000, subtotal: 4_000 },
        { productId: 'p2', name: 'name of p2', quantity: 1, unitPrice: 500, subtotal: 500 },
      ],
      subtotal: 4_500,
      discount: 2_000,
      totalAmount: 2_500,
      couponId: 'cp1-1-1',
      orderedAt: '2026-01-05T03:00:00.000Z',
      settledAt: '2026-01-05T03:00:00.005Z',
    });
    expect(body[0].settledAt).toBeNull();
  });

  it.each([
    ['open', ['o3']],
    ['placed', ['o1']],
    ['rejected', ['o2']],
  ])('lists the %s orders alone', async (status, ids) => {
    const { body } = await shop.get(`/users/ann/orders?status=${status}`);
    expect(body.map(({ orderId }: { orderId: string }) => orderId)).toEqual(ids);
  });

  it('D27: finds an order by its id, in the state it is in', async () => {
    const { status, body, headers } = await shop.get('/orders/o1');
    expect([status, body.status, headers.get('Cache-Control')]).toEqual([200, 'placed', 'no-store']);
    const unknown = await shop.get('/orders/o9');
    expect([unknown.status, unknown.body.type]).toEqual([404, '/problems/unknown-order']);
  });

  it('an order that comes in between shifts no page, and the link keeps the filters', async () => {
    const page = await shop.get('/users/ann/orders?limit=1&readAfter=0');
    const next = nextOf(page);
    expect(next).toMatch(/^\/users\/ann\/orders\?limit=1&after=[A-Za-z0-9_-]+$/);
    await shop.world.recordOurs('account-ann', submitted(6, 0, { orderId: 'o4', lines: [line('p2', 3, 500)], at: NOON + 3_000 }));
    await shop.world.drained();
    const rest = await shop.pages(String(next));
    expect(rest.map(({ body }) => body[0].orderId)).toEqual(['o2', 'o1']);
  });

  it('R32: after an opening the id of a name carries the generation', async () => {
    const { body, asOf } = await shop.get('/users/id?name=u17');
    expect(body).toBe('u17--1');
    expect(asOf).toBeGreaterThan(0n);
  });

  it('R32: a name of 50 characters is taken', async () => {
    expect((await shop.get(`/users/id?name=${'n'.repeat(50)}`)).body).toBe(`${'n'.repeat(50)}--1`);
  });

  it.each([
    '/users/id',
    '/users/id?name=',
    '/users/id?name=-a',
    '/users/id?name=a--b',
    '/users/id?name=a%20b',
    '/users/id?name=%00',
    '/users/id?name=%EA%B9%80',
    `/users/id?name=${'n'.repeat(51)}`,
    '/users/id?name=a&name=b',
    '/users/id?name=a&more=1',
  ])('refuses %s', async (path) => {
    const { status, body } = await shop.get(path);
    expect([status, body.type]).toEqual([400, '/problems/invalid-request']);
  });

  it.each(['balance', 'balance/history', 'coupons', 'orders'])('says in Korean that a user id is wrong: %s', async (list) => {
    for (const id of ['-a', 'a.b', '%00', 'a'.repeat(65), "a'--"]) {
      const { status, body } = await shop.get(`/users/${id}/${list}`);
      expect([status, body.message, body.errors[0].pointer]).toEqual([400, '유효하지 않은 사용자 ID입니다.', '/userId']);
    }
  });
});
