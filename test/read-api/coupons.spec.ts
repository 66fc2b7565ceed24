import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { issued, line, NOON, placed, policyOpened, submitted } from '../projections/facts.ts';
import { type Answer, nextOf, Shop } from './shop.ts';

const POLICY = 'couponPolicy-cp1-1';
const DAY_MS = 86_400_000;

const expiringAt = (serial: number, userId: string, expiresAt: number) => {
  const event = issued('cp1-1', serial, userId);
  return { ...event, data: { ...event.data, expiresAt } } as typeof event;
};
const orderWith = (orderId: string, couponId: string) => ({ orderId, lines: [line('p1', 1)], couponId, discount: 2_000 });
const idsOf = ({ body }: Answer): readonly string[] => body.map(({ couponId }: { couponId: string }) => couponId);

let shop: Shop;
beforeAll(async () => {
  shop = await Shop.open();
  const { world } = shop;
  await world.recordOurs(POLICY, policyOpened('cp1-1', 1));
  // 1 used, 2 available, 3 held, 4 expires soon, 5 used, 6 bob's, 7 deleted, 8 available, 9 expires soon.
  const soon = new Set([4, 9]);
  for (let serial = 1; serial <= 9; serial += 1) {
    await world.recordOurs(POLICY, expiringAt(serial, serial === 6 ? 'bob' : 'ann', soon.has(serial) ? NOON + 1_000 : NOON + DAY_MS));
  }
  const [one, five, three] = [orderWith('o1', 'cp1-1-1'), orderWith('o5', 'cp1-1-5'), orderWith('o3', 'cp1-1-3')];
  await world.recordOurs('account-ann', submitted(1, 0, one), placed(one), submitted(2, 0, five), placed(five), submitted(3, 0, three));
  await world.drained();
  await world.rows("update coupons_v1 set status = 'deleted', deleted_at = now() where number = 7");
  shop.now = NOON + 2_000;
});
afterAll(() => shop.close());

describe("R24, D23: a user's coupons", () => {
  const IN_ORDER = [8, 2, 3, 5, 1, 9, 4].map((n) => `cp1-1-${n}`);

  it('come available, held, used, expired, in each the newest number first, deleted ones never', async () => {
    const answer = await shop.get('/users/ann/coupons');
    expect(idsOf(answer)).toEqual(IN_ORDER);
    expect(answer.body.map(({ status }: { status: string }) => status)).toEqual([
      'available',
      'available',
      'held',
      'used',
      'used',
      'expired',
      'expired',
    ]);
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
  });

  it.each([1, 2, 3, 4, 6])('come in the same order in pages of %d', async (limit) => {
    const pages = await shop.pages(`/users/ann/coupons?limit=${limit}`);
    expect(pages.flatMap(idsOf)).toEqual(IN_ORDER);
    expect(pages.length).toBe(Math.ceil(IN_ORDER.length / limit));
  });

  it.each([
    ['available', [8, 2]],
    ['held', [3]],
    ['used', [5, 1]],
    ['expired', [9, 4]],
  ])('filtered by %s, also in pages', async (status, numbers) => {
    const ids = numbers.map((n) => `cp1-1-${n}`);
    expect(idsOf(await shop.get(`/users/ann/coupons?status=${status}`))).toEqual(ids);
    const pages = await shop.pages(`/users/ann/coupons?limit=1&status=${status}`);
    expect(pages.map(idsOf)).toEqual(ids.map((id) => [id]));
  });

  it('are usable up to expiresAt, and expired 1 ms later (R18)', async () => {
    for (const [now, status] of [
      [NOON + 999, 'available'],
      [NOON + 1_000, 'available'],
      [NOON + 1_001, 'expired'],
    ] as const) {
      shop.now = now;
      expect((await shop.get('/coupons/cp1-1-4')).body.status).toBe(status);
      const listed = (await shop.get('/users/ann/coupons')).body.find(({ couponId }: { couponId: string }) => couponId === 'cp1-1-4');
      expect(listed.status).toBe(status);
    }
    shop.now = NOON + 2_000;
  });

  it('have every member, null where there is nothing', async () => {
    const { body } = await shop.get('/users/ann/coupons');
    expect(body[0]).toEqual({
      couponId: 'cp1-1-8',
      discount: 2_000,
      userId: 'ann',
      policyId: 'cp1-1',
      serial: 8,
      number: 8,
      status: 'available',
      discountType: 'amount',
      discountAmount: 2_000,
      issuedAt: '2026-01-05T03:00:00.123Z',
      expiresAt: '2026-01-06T03:00:00.000Z',
      usedAt: null,
      productId: null,
      orderId: null,
      deletedAt: null,
    });
    expect(body[4]).toMatchObject({ couponId: 'cp1-1-1', status: 'used', orderId: 'o1', usedAt: '2026-01-05T03:00:00.005Z' });
    expect((await shop.get('/coupons/cp1-1-1')).body).toEqual(body[4]);
  });

  it('shift no page when one is issued in between', async () => {
    const page = await shop.get('/users/ann/coupons?limit=1&status=available');
    await shop.world.recordOurs(POLICY, expiringAt(10, 'ann', NOON + DAY_MS));
    await shop.world.drained();
    expect(idsOf(await shop.get(String(nextOf(page))))).toEqual(['cp1-1-2']);
    expect(idsOf(await shop.get('/users/ann/coupons?limit=1'))).toEqual(['cp1-1-10']);
  });
});

it('a rate takes off no fixed sum', async () => {
  await shop.world.rows("update coupons_v1 set discount_type = 'rate', discount_amount = 29 where number = 6");
  expect((await shop.get('/coupons/cp1-1-6')).body).toMatchObject({ discount: 0, discountType: 'rate', discountAmount: 29 });
});

it.each(['cp1-1-99', 'cp1-1-7', 'x'])('does not find the coupon %s: absent, or deleted', async (id) => {
  const { status, body } = await shop.get(`/coupons/${id}`);
  expect([status, body.type, body.message]).toEqual([404, '/problems/unknown-coupon', '쿠폰을 찾을 수 없습니다.']);
});
