import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { type CommandProcess, type Coupon, eventsOf, newUser, newUserWithCoupon, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
let policyId: string;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
  policyId = (await shop.createPolicy({ count: null })).body.policyId;
  await shop.createProduct({ id: 'thing', price: 1_000, stock: 100_000 });
}, 90_000);
afterAll(() => shop.stop());

const either = (i: number) => (i % 2 === 0 ? shop : other);
const withCoupon = (balance?: number) => newUserWithCoupon(shop, policyId, balance);
const expiring = async (userId: string, ms: number): Promise<string> => {
  const brief = await shop.createPolicy({ endsAt: new Date(Date.now() + ms).toISOString() });
  return (await shop.issue(userId, brief.body.policyId)).body.couponId;
};
const historyOf = async (couponId: string, after: Answer<unknown>) =>
  (await shop.client.get<Json[]>(`/coupons/${couponId}/history`, { after })).body;
const TIME = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

describe('POST /coupons/{couponId}/use (R20)', () => {
  it('answers the coupon with product and time, and so do coupon and list', async () => {
    const [userId, couponId] = await withCoupon();
    const issued = (await shop.coupons(userId, { after: await shop.charge(userId, 1) })).body[0];
    const answer = await shop.use(couponId, userId, 'p-9');
    const { number: _number, ...known } = issued as Coupon;
    expect([answer.status, answer.body]).toEqual([200, { ...known, status: 'used', productId: 'p-9', usedAt: TIME }]);
    expect((await shop.coupon(couponId, { after: answer })).body).toEqual({ ...answer.body, number: issued?.number });
    expect((await shop.coupons(userId, { after: answer })).body).toEqual([{ ...answer.body, number: issued?.number }]);
  });

  it('of 10 at once wins exactly one (R19, D8)', async () => {
    const [userId, couponId] = await withCoupon();
    const answers = await atOnce(10, (i) => either(i).use(couponId, userId, `p${i}`));
    expect(byStatus(answers)).toEqual({ 200: 1, 409: 9 });
    for (const refused of answers.filter(({ status }) => status === 409)) {
      expectProblem(refused, 409, 'coupon-unavailable');
      expect(refused.body).toMatchObject({ reason: 'used', message: '사용할 수 없는 쿠폰입니다.' });
    }
    expect(await eventsOf(shop, `account-${userId}`, 'CouponUsed')).toBe(1);
  });

  it('is refused for an expired coupon, and to the last millisecond not (R18, D26)', async () => {
    const userId = await newUser(shop, 0);
    const couponId = await expiring(userId, 3_000);
    expect((await shop.use(couponId, userId)).status).toBe(200);
    expect((await shop.cancelUse(couponId, userId)).status).toBe(200);
    await sleep(3_010);
    const refused = await shop.use(couponId, userId);
    expectProblem(refused, 409, 'coupon-unavailable');
    expect(refused.body).toMatchObject({ reason: 'expired' });
    expectProblem(await shop.cancelUse(couponId, userId), 409, 'coupon-unavailable');
    expect((await shop.coupons(userId)).body.map(({ status }) => status)).toEqual(['expired']);
    expect((await shop.deleteCoupon(couponId, userId)).status).toBe(200);
  });

  it('does not know the coupon of another user, nor one that was never issued (R20)', async () => {
    const [userId, couponId] = await withCoupon();
    await shop.use(couponId, userId);
    for (const unknown of [couponId, `${policyId}-999999`, 'ghost-1', 'ghost']) {
      for (const answer of [
        await other.use(unknown, 'stranger'),
        await other.cancelUse(unknown, 'stranger'),
        await other.deleteCoupon(unknown, 'stranger'),
      ]) {
        expectProblem(answer, 404, 'unknown-coupon');
        expect(answer.body).toMatchObject({ message: '쿠폰을 찾을 수 없습니다.' });
      }
    }
  });

  it.each([{ userId: 'u' }, { productId: 'p' }, { userId: 'u', productId: 'p', orderId: 'o' }, { userId: '../x', productId: 'p' }])(
    'does not take %j',
    async (body) => {
      expectProblem(await shop.client.post(`/coupons/${policyId}-1/use`, body), 400, 'invalid-request');
    },
  );

  it('needs no view: a coupon just issued in another process can be used (CP5)', async () => {
    const userId = await newUser(shop, 0);
    const { couponId } = (await other.issue(userId, policyId)).body;
    expect((await shop.use(couponId, userId)).status).toBe(200);
  });
});

describe('POST /coupons/{couponId}/cancel-use (R21)', () => {
  it('makes the coupon as it was, and usable again', async () => {
    const [userId, couponId] = await withCoupon(1_000);
    await shop.use(couponId, userId, 'p-9');
    const cancelled = await other.cancelUse(couponId, userId);
    expect([cancelled.status, cancelled.body]).toMatchObject([200, { status: 'available', usedAt: null, productId: null }]);
    expect((await shop.coupons(userId, { after: cancelled })).body[0]).toMatchObject({
      status: 'available',
      usedAt: null,
      productId: null,
    });
    expect((await shop.order(userId, { thing: 1 }, couponId)).body).toMatchObject({ status: 'placed', totalAmount: 500 });
  });

  it('a second time, or without a use, is an error', async () => {
    const [userId, couponId] = await withCoupon();
    const never = await shop.cancelUse(couponId, userId);
    expectProblem(never, 409, 'coupon-not-used');
    expect(never.body).toMatchObject({ message: '사용되지 않은 쿠폰입니다.' });
    await shop.use(couponId, userId);
    const answers = await atOnce(6, (i) => either(i).cancelUse(couponId, userId));
    expect(byStatus(answers)).toEqual({ 200: 1, 409: 5 });
    expectProblem(await shop.cancelUse(couponId, userId), 409, 'coupon-not-used');
  });

  it('does not undo an order', async () => {
    const [userId, couponId] = await withCoupon(1_000);
    await shop.order(userId, { thing: 1 }, couponId);
    expectProblem(await other.cancelUse(couponId, userId), 409, 'coupon-in-order');
  });
});

describe('DELETE /coupons/{couponId} (R22)', () => {
  it('answers the coupon with deletedAt; then it is nowhere but in its history', async () => {
    const [userId, couponId] = await withCoupon(1_000);
    const answer = await shop.deleteCoupon(couponId, userId);
    expect([answer.status, answer.body]).toMatchObject([200, { couponId, status: 'deleted', deletedAt: TIME }]);
    expect((await shop.coupons(userId, { after: answer })).body).toEqual([]);
    expectProblem(await shop.coupon(couponId, { after: answer }), 404, 'unknown-coupon');
    expect((await historyOf(couponId, answer)).map(({ change }) => change)).toEqual(['issued', 'deleted']);
    expectProblem(await other.deleteCoupon(couponId, userId), 404, 'unknown-coupon');
    expectProblem(await other.use(couponId, userId), 404, 'unknown-coupon');
    expectProblem(await other.cancelUse(couponId, userId), 404, 'unknown-coupon');
    expectProblem(await other.order(userId, { thing: 1 }, couponId), 400, 'unknown-coupon');
    expect((await shop.balance(userId, { after: answer })).body).toMatchObject({ balance: 1_000, held: 0 });
  });

  it('takes a used one as well, by hand or by an order', async () => {
    const [userId, couponId] = await withCoupon(1_000);
    await shop.use(couponId, userId, 'p-9');
    expect((await shop.deleteCoupon(couponId, userId)).body).toMatchObject({ status: 'deleted', productId: 'p-9', usedAt: TIME });
    const { couponId: second } = (await shop.issue(userId, policyId)).body;
    const { orderId } = (await shop.order(userId, { thing: 1 }, second)).body;
    expect((await other.deleteCoupon(second, userId)).body).toMatchObject({ status: 'deleted', orderId });
  });

  it('leaves it issued: counted, and the one of its user (R13, R14)', async () => {
    const mine = (await shop.createPolicy({ count: 2, perUser: 1 })).body.policyId;
    const { couponId } = (await shop.issue('once', mine)).body;
    const deleted = await shop.deleteCoupon(couponId, 'once');
    const again = await shop.issue('once', mine);
    expectProblem(again, 409, 'already-issued');
    expect((await shop.policy(mine, { after: deleted })).body).toMatchObject({ issued: 1, remaining: 1 });
  });

  it('needs its user, and nothing else', async () => {
    const [, couponId] = await withCoupon();
    expectProblem(await shop.client.delete(`/coupons/${couponId}`), 400, 'invalid-request');
    expectProblem(await shop.client.delete(`/coupons/${couponId}?userId=a&free=1`), 400, 'invalid-request');
  });
});

describe('reading coupons', () => {
  it('GET /coupons/{couponId}/history has issue, use, cancel, hold, release, order and deletion, oldest first (R23, R26)', async () => {
    const [userId, couponId] = await withCoupon(1_000_000);
    await shop.createProduct({ id: 'rare', price: 1_000, stock: 1 });
    await shop.use(couponId, userId, 'p-9');
    await shop.cancelUse(couponId, userId);
    const denied = (await shop.order(userId, { rare: 2 }, couponId)).body as unknown as { orderId: string };
    const { orderId } = (await shop.order(userId, { rare: 1 }, couponId)).body;
    const after = await shop.deleteCoupon(couponId, userId);
    const row = (seq: number, change: string, more: Json = {}) => ({ seq, change, productId: null, orderId: null, at: TIME, ...more });
    expect(await historyOf(couponId, after)).toEqual([
      row(1, 'issued'),
      row(2, 'used', { productId: 'p-9' }),
      row(3, 'use-cancelled'),
      row(4, 'held', { orderId: denied.orderId }),
      row(5, 'released', { orderId: denied.orderId }),
      row(6, 'held', { orderId }),
      row(7, 'used', { orderId }),
      row(8, 'deleted'),
    ]);
    const first = await shop.client.get<Json[]>(`/coupons/${couponId}/history?limit=5`, { after });
    const second = await shop.client.get<Json[]>(/^<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? '', { after });
    expect([...first.body, ...second.body].map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expectProblem(await shop.client.get('/coupons/ghost-1/history'), 404, 'unknown-coupon');
  });

  it('GET /users/{userId}/coupons puts available before used, the newest first, never a deleted one (R22, R24, D7, D23)', async () => {
    const userId = await newUser(shop, 10_000);
    const ids: string[] = [];
    for (let i = 0; i < 6; i += 1) ids.push((await shop.issue(userId, policyId)).body.couponId);
    await shop.use(ids[5] as string, userId);
    await shop.order(userId, { thing: 1 }, ids[4]);
    await shop.deleteCoupon(ids[3] as string, userId);
    const after = await shop.deleteCoupon(ids[4] as string, userId);
    const listed = async (query = '') =>
      (await shop.client.get<Coupon[]>(`/users/${userId}/coupons${query}`, { after })).body.map(({ couponId }) => ids.indexOf(couponId));
    expect(await listed()).toEqual([2, 1, 0, 5]);
    expect(await listed('?status=available')).toEqual([2, 1, 0]);
    expect(await listed('?status=used')).toEqual([5]);
  });

  it('numbers count the issues of the whole log, through every change (R16)', async () => {
    const userId = await newUser(shop, 0);
    const [one, two] = [await shop.issue(userId, policyId), await shop.issue(userId, policyId)];
    const used = await shop.use(one.body.couponId, userId);
    const numberOf = async ({ body }: Answer<Coupon>) => (await shop.coupon(body.couponId, { after: used })).body.number;
    expect((await numberOf(two)) - (await numberOf(one))).toBe(1);
    const { rows } = await shop.database.query<{ issues: string; highest: string }>(
      'select count(*) as issues, max(number) as highest from coupons',
    );
    expect(rows[0]?.issues).toBe(rows[0]?.highest);
  });
});
