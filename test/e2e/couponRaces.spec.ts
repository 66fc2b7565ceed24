import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem } from '../support/client.ts';
import { bodiesOf, type CommandProcess, eventsOf, newUserWithCoupon, startShop, type TestShop } from '../support/shop.ts';

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

describe('one coupon wanted by several at once, in two processes (R19, OR11)', () => {
  const ROUNDS = 12;

  it('two orders: one of them is placed', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [userId, couponId] = await withCoupon(10_000);
      const answers = await atOnce(2, (i) => either(i + round).order(userId, { thing: 1 }, couponId));
      expect(byStatus(answers)).toEqual({ 201: 1, 400: 1 });
      expectProblem(answers.find(({ status }) => status === 400) as Answer, 400, 'coupon-unavailable');
    }
  });

  it('a use and an order: one of them', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [userId, couponId] = await withCoupon(10_000);
      const [used, ordered] = await Promise.all([
        either(round).use(couponId, userId),
        either(round + 1).order(userId, { thing: 1 }, couponId),
      ]);
      expect([
        [200, 400],
        [409, 201],
      ]).toContainEqual([used.status, ordered.status]);
      const after = await shop.charge(userId, 1);
      const won = used.status === 200 ? { status: 'used', orderId: null } : { status: 'used', orderId: ordered.body.orderId };
      expect((await shop.coupon(couponId, { after })).body).toMatchObject(won);
      expect((await shop.balance(userId, { after })).body.balance).toBe(used.status === 200 ? 10_001 : 9_501);
    }
  });

  it('a deletion and an order: a deleted coupon is in no order, and none that is held is deleted', async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const [userId, couponId] = await withCoupon(10_000);
      const [deleted, ordered] = await Promise.all([
        either(round).deleteCoupon(couponId, userId),
        either(round + 1).order(userId, { thing: 1 }, couponId),
      ]);
      // Deleted first: no order. Held first: refused, or deleted after it was used.
      expect([
        [200, 400],
        [409, 201],
        [200, 201],
      ]).toContainEqual([deleted.status, ordered.status]);
      const types = (await shop.store.readStream(`account-${userId}`, 0n, { maxCount: 100 })).map(({ type }) => type);
      const [deletion, submission, placing] = ['CouponDeleted', 'OrderSubmitted', 'OrderPlaced'].map((type) => types.indexOf(type));
      if (deleted.status === 409) expectProblem(deleted, 409, 'coupon-unavailable');
      else if (ordered.status === 400) expect([submission, placing]).toEqual([-1, -1]);
      else expect(deletion).toBeGreaterThan(placing as number);
    }
  });

  it('cancelling and using again and again: every use has its end before the next', async () => {
    const [userId, couponId] = await withCoupon();
    await atOnce<Answer<unknown>>(40, (i) =>
      i % 4 < 2 ? either(i).use(couponId, userId, `p${i}`) : either(i).cancelUse(couponId, userId),
    );
    const types = (await shop.store.readStream(`account-${userId}`, 0n, { maxCount: 100 })).map(({ type }) => type);
    expect(types.length).toBeGreaterThan(0);
    types.forEach((type, i) => {
      expect(type).toBe(i % 2 === 0 ? 'CouponUsed' : 'CouponUseCancelled');
    });
  });
});

describe('a coupon command under a key', () => {
  it('has one effect and one answer, across processes and whatever came after', async () => {
    const [userId, couponId] = await withCoupon();
    const fresh = await shop.anotherCommandApi();
    const used = await shop.use(couponId, userId, 'p-1', { key: 'u' });
    const cancelled = await shop.cancelUse(couponId, userId, { key: 'c' });
    const deleted = await shop.deleteCoupon(couponId, userId, { key: 'd' });
    for (const process of [shop, other, fresh]) {
      const again = [
        await process.use(couponId, userId, 'p-1', { key: 'u' }),
        await process.cancelUse(couponId, userId, { key: 'c' }),
        await process.deleteCoupon(couponId, userId, { key: 'd' }),
      ];
      expect(again.map(({ status, body }) => [status, body])).toEqual([used, cancelled, deleted].map(({ body }) => [200, body]));
      expect(again.map(({ headers }) => headers['idempotent-replayed'])).toEqual(['true', 'true', 'true']);
    }
    expectProblem(await other.use(couponId, userId, 'p-2', { key: 'u' }), 422, 'key-reused');
  });

  it('at once in two processes is one event and equal answers', async () => {
    const [userId, couponId] = await withCoupon();
    const answers = await atOnce(20, (i) => either(i).use(couponId, userId, 'p-1', { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 200: 20 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(bodiesOf(answers, 200).every(({ status }) => status === 'used')).toBe(true);
    expect(await eventsOf(shop, `account-${userId}`, 'CouponUsed')).toBe(1);
  });

  it('is another command for another coupon, and a refusal is decided anew', async () => {
    const [userId, couponId] = await withCoupon();
    const { couponId: second } = (await shop.issue(userId, policyId)).body;
    expectProblem(await shop.cancelUse(couponId, userId, { key: 'k' }), 409, 'coupon-not-used');
    await shop.use(couponId, userId, 'p-1', { key: 'k' });
    expect((await shop.use(second, userId, 'p-2', { key: 'k' })).body).toMatchObject({ couponId: second, productId: 'p-2' });
    expect((await shop.cancelUse(couponId, userId, { key: 'k' })).body).toMatchObject({ couponId, status: 'available' });
  });
});
