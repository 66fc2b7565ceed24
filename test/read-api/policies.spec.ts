import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { generationOpened, issued, NOON, policyOpened } from '../projections/facts.ts';
import { type Answer, Shop } from './shop.ts';

const WINDOW = { startsAt: NOON - 60_000, endsAt: NOON + 3 * 86_400_000 };

const opened = (policyId: string, number: number, count: number | null, window: Partial<typeof WINDOW> = {}, generation = 1) => {
  const event = policyOpened(policyId, number, count);
  const { data } = event as Extract<typeof event, { type: 'CouponPolicyOpened' }>;
  return { type: 'CouponPolicyOpened', data: { ...data, generation, terms: { ...data.terms, ...window } } } as const;
};
const numbersOf = ({ body }: Answer): readonly number[] => body.map(({ number }: { number: number }) => number);

let shop: Shop;
beforeAll(async () => {
  shop = await Shop.open();
  const { world } = shop;
  await world.recordOurs('couponPolicy-cp0-1', opened('cp0-1', 1, 5, {}, 0));
  await world.recordOurs('shop-main', generationOpened(1));
  await world.recordOurs('couponPolicy-cp1-1', opened('cp1-1', 1, 2), issued('cp1-1', 1, 'ann'), issued('cp1-1', 2, 'bob'));
  await world.recordOurs('couponPolicy-cp1-2', opened('cp1-2', 2, null), issued('cp1-2', 1, 'ann'));
  await world.recordOurs('couponPolicy-cp1-3', opened('cp1-3', 3, 9, { startsAt: NOON + 1_000 }));
  await world.recordOurs('couponPolicy-cp1-4', opened('cp1-4', 4, 9, { endsAt: NOON + 2_000 }));
  await world.recordOurs('couponPolicy-cp1-5', opened('cp1-5', 5, 9));
  await world.drained();
  await world.rows("update coupon_policies_v1 set deleted_at = now() where policy_id = 'cp1-5'");
});
afterAll(() => shop.close());

it('R8, D5: a sold out policy stays listed with 0 remaining, an unlimited one has none', async () => {
  const { body } = await shop.get('/coupon-policies');
  expect(body[0]).toEqual({
    policyId: 'cp1-1',
    number: 1,
    name: 'welcome',
    type: 'limited',
    count: 2,
    issued: 2,
    remaining: 0,
    discountType: 'amount',
    discountAmount: 2_000,
    startsAt: '2026-01-05T02:59:00.000Z',
    endsAt: '2026-01-08T03:00:00.000Z',
    expireMinutes: 10_080,
    perUser: null,
    createdAt: '2026-01-05T03:00:00.000Z',
    updatedAt: expect.stringMatching(/^2026-01-05T03:00:00\.\d{3}Z$/),
    deletedAt: null,
  });
  expect(body[1]).toMatchObject({ policyId: 'cp1-2', type: 'unlimited', count: null, issued: 1 });
  expect(body[1]).not.toHaveProperty('remaining');
});

it.each([
  [999, [1, 2, 4]],
  [1_000, [1, 2, 3, 4]],
  [1_001, [1, 2, 3, 4]],
  [1_999, [1, 2, 3, 4]],
  [2_000, [1, 2, 3, 4]],
  [2_001, [1, 2, 3]],
])('R8, D6: %d ms on, issuable are exactly those whose window holds now, and never a deleted one', async (ms, numbers) => {
  shop.now = NOON + ms;
  expect(numbersOf(await shop.get('/coupon-policies'))).toEqual(numbers);
});

it('R8: a kept list ends where a window opens or closes, to the millisecond', async () => {
  const kept = await Shop.open();
  try {
    const { world } = kept;
    await world.recordOurs('shop-main', generationOpened(1));
    await world.recordOurs('couponPolicy-cp1-1', opened('cp1-1', 1, 9, { endsAt: NOON + 60_001 }));
    await world.recordOurs('couponPolicy-cp1-2', opened('cp1-2', 2, 9, { startsAt: NOON + 60_003 }));
    await world.drained();
    const seen: (readonly number[])[] = [];
    for (const ms of [60_000, 60_001, 60_002, 60_003]) {
      kept.now = NOON + ms;
      seen.push(numbersOf(await kept.get('/coupon-policies')));
    }
    expect(seen).toEqual([[1], [1], [], [2]]);
  } finally {
    await kept.close();
  }
});

it('?all=true lists closed and deleted ones too, of this generation', async () => {
  expect(numbersOf(await shop.get('/coupon-policies?all=true'))).toEqual([1, 2, 3, 4, 5]);
  expect((await shop.pages('/coupon-policies?all=true&limit=2')).map(numbersOf)).toEqual([[1, 2], [3, 4], [5]]);
});

it('finds a policy by its id, also a closed, a deleted and an older one', async () => {
  for (const id of ['cp1-3', 'cp1-5', 'cp0-1']) expect((await shop.get(`/coupon-policies/${id}`)).body.policyId).toBe(id);
  expect((await shop.get('/coupon-policies/cp1-5')).body.deletedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const { status, body } = await shop.get('/coupon-policies/cp9-9');
  expect([status, body.type, body.message]).toEqual([404, '/problems/unknown-policy', '존재하지 않는 쿠폰 정책입니다.']);
});
