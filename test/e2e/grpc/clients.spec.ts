import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Coupon, type GrpcClient, grpcClientOf, messageOf, type Storage } from '../../support/grpc.ts';
import { startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let client: GrpcClient;
beforeAll(async () => {
  shop = await startShop();
  client = grpcClientOf(shop.grpc);
}, 90_000);
afterAll(async () => {
  client.close();
  await shop.stop();
});

const DAY_MS = 86_400_000;
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();
const openNow = (wished: object = {}) => ({ startDate: new Date().toISOString(), endDate: inDays(7), ...wished });
const created = async (wished: object = {}): Promise<Coupon> => messageOf(await client.create(openNow(wished)));
const rowsOf = async (userId: string, take = 10): Promise<readonly Storage[]> =>
  messageOf(await client.findOwn(userId, take)).userCouponStorages;

/** Gives a new coupon to a user nobody has seen before, and answers the row that the list shows at once. */
const given = async (userId: string, wished?: object): Promise<Storage> => {
  const coupon = await created(wished);
  expect(messageOf(await client.give(userId, coupon.id))).toEqual({ isReceived: true });
  const rows = await rowsOf(userId);
  expect(rows.map((row) => [row.userId, row.couponId])).toEqual([[userId, coupon.id]]);
  return rows[0] as Storage;
};

describe("what seed 004's own clients assert, by a client that knows the field tables alone", () => {
  it('1: the list is not empty, and each coupon of it is open now', async () => {
    await created();
    const { coupons } = messageOf(await client.findCoupons());
    expect(coupons.length).toBeGreaterThan(0);
    for (const coupon of coupons) {
      expect(coupon.expireMinute).toBeGreaterThan(0);
      expect(new Date(coupon.startDate).getTime()).toBeLessThan(Date.now());
      expect(new Date(coupon.endDate).getTime()).toBeGreaterThan(Date.now());
    }
  });

  it('2: a new coupon echoes its types and has begun', async () => {
    const wished = { type: 1, count: 50_000, discountType: 1, discountAmount: 50, expireMinute: 7_200 };
    const coupon = await created(wished);
    expect(coupon).toMatchObject({ ...wished, deletedAt: '' });
    expect(new Date(coupon.startDate).getTime()).toBeLessThan(Date.now());
    expect(new Date(coupon.endDate).getTime()).toBeGreaterThan(Date.now());
  });

  it('3: an update with the dates as they were answered echoes the rest', async () => {
    const { id, startDate, endDate } = await created({ type: 2, count: 0 });
    const wished = { name: 'changed', type: 2, count: 0, discountType: 2, discountAmount: 5_000, startDate, endDate };
    expect(messageOf(await client.update(id, wished))).toMatchObject({ id, ...wished });
  });

  it('4: a deleted coupon says when', async () => {
    const { id } = await created();
    const deleted = messageOf(await client.deleteCoupon(id));
    expect(new Date(deleted.deletedAt).getTime()).toBeLessThanOrEqual(Date.now());
  });

  it('5: a limited and an unlimited coupon are given right after they were made', async () => {
    for (const wished of [
      { type: 1, count: 50_000 },
      { type: 2, count: 0 },
    ]) {
      const { id } = await created(wished);
      expect(messageOf(await client.give(`fifth-${id}`, id))).toEqual({ isReceived: true });
    }
  });

  it('6: what was given is listed without a pause, with its coupon', async () => {
    const row = await given('sixth', { name: 'six' });
    expect(new Date(row.expireDate).getTime()).toBeGreaterThan(Date.now());
    expect(row).toMatchObject({
      couponNumber: 1,
      usedDate: '',
      deletedAt: '',
      Coupons: { id: row.couponId, name: 'six', type: 1, count: 100 },
    });
    expect(row.Coupons).not.toHaveProperty('couponsStock');
  });

  it('7: a row without a product is used', async () => {
    const row = await given('seventh');
    expect(row.productId).toBe('');
    const used = messageOf(await client.use(row, 'product_1234'));
    expect(used).toMatchObject({ id: row.id, userId: 'seventh', couponId: row.couponId, couponNumber: 1, productId: 'product_1234' });
    expect(new Date(used.usedDate).getTime()).toBeLessThanOrEqual(Date.now());
    expect((await rowsOf('seventh'))[0]).toMatchObject({ productId: 'product_1234', usedDate: used.usedDate, updatedAt: used.updatedAt });
  });

  it('8: a cancelled use leaves neither product nor date', async () => {
    const row = await given('eighth');
    messageOf(await client.use(row));
    const cancelled = messageOf(await client.cancelUse(row));
    expect(cancelled).toMatchObject({ id: row.id, productId: '', usedDate: '', deletedAt: '' });
    expect((await rowsOf('eighth'))[0]).toMatchObject({ productId: '', usedDate: '', updatedAt: cancelled.updatedAt });
  });

  it('9: a deleted one says when, and is listed no more', async () => {
    const row = await given('ninth');
    expect(new Date(messageOf(await client.deleteOwn(row)).deletedAt).getTime()).toBeLessThanOrEqual(Date.now());
    expect(await rowsOf('ninth')).toEqual([]);
  });
});

describe('dates', () => {
  const SEOUL = /^(Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} \d{2} \d{4} \d{2}:\d{2}:\d{2} GMT\+0900 \(대한민국 표준시\)$/;

  it('go out in the words of the zone of the shop', async () => {
    const coupon = await created({ startDate: '2023-04-29T09:00:00', endDate: '2099-05-10T09:00:00+00:00' });
    expect(coupon.startDate).toBe('Sat Apr 29 2023 09:00:00 GMT+0900 (대한민국 표준시)');
    expect(coupon.endDate).toBe('Sun May 10 2099 18:00:00 GMT+0900 (대한민국 표준시)');
    expect([coupon.createdAt, coupon.updatedAt].every((text) => SEOUL.test(text))).toBe(true);
  });
});

describe('a list', () => {
  it('is one message, also when it is empty', async () => {
    const answer = await client.findOwn('a-stranger');
    expect([answer.code, answer.messages]).toEqual(['OK', [{ userCouponStorages: [] }]]);
    const fresh = await startEmptyList();
    expect(fresh).toEqual(['OK', [{ coupons: [] }]]);
  });

  it("holds a user's coupons by number descending, `take` at most, behind the cursor (R25, D23)", async () => {
    const ids: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const { id } = await created();
      messageOf(await client.give('lister', id));
      ids.push(id);
    }
    const all = await rowsOf('lister');
    expect(all.map(({ couponId }) => couponId)).toEqual([...ids].reverse());
    const [first, second, third] = all.map(({ id }) => id) as [number, number, number];
    expect(await rowsOf('lister', 2)).toEqual(all.slice(0, 2));
    expect(messageOf(await client.findOwn('lister', 10, second)).userCouponStorages.map(({ id }) => id)).toEqual([third]);
    expect(messageOf(await client.findOwn('lister', 10, third)).userCouponStorages).toEqual([]);
    expect(await rowsOf('lister', 0)).toEqual([]);
    expect(await rowsOf('lister', 2_147_483_647)).toEqual(all);
    expect(first).toBeGreaterThan(second);
  });
});

/** What the list of coupons says when a new generation has none that can be issued. */
const startEmptyList = async (): Promise<readonly unknown[]> => {
  await shop.init({ policies: 1 });
  messageOf(await client.deleteCoupon(1));
  const answer = await client.findCoupons();
  return [answer.code, answer.messages];
};
