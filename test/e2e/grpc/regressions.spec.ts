import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { atOnce } from '../../support/client.ts';
import { type Answer, expectRefused, type GrpcClient, grpcClientOf, messageOf, type Storage } from '../../support/grpc.ts';
import { eventsOf, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
/** Two clients of two processes. */
let clients: readonly [GrpcClient, GrpcClient];
beforeAll(async () => {
  shop = await startShop();
  const other = await shop.anotherCommandApi();
  clients = [grpcClientOf(shop.grpc), grpcClientOf(other.grpc)];
}, 60_000);
afterAll(async () => {
  for (const client of clients) client.close();
  await shop.stop();
});

const either = (i: number): GrpcClient => clients[i % 2] as GrpcClient;
const created = async (wished: object = {}) => messageOf(await clients[0].create(wished));
const byCode = (answers: readonly Answer<unknown>[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { code } of answers) counts[code] = (counts[code] ?? 0) + 1;
  return counts;
};
const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const stockOf = async (id: number, i = 0): Promise<number | undefined> =>
  messageOf(await either(i).findCoupons()).coupons.find((coupon) => coupon.id === id)?.couponsStock;
const own = async (userId: string, i = 0): Promise<readonly Storage[]> =>
  messageOf(await either(i).findOwn(userId, 100)).userCouponStorages;
const TRIES_MAX = 60;
const PAUSE_MS = 500;

/** As a careful client does: who is turned away sends again under its key. */
const giveSurely = async (client: GrpcClient, userId: string, id: number): Promise<Answer<unknown>> => {
  for (let tries = 1; ; tries += 1) {
    const answer = await client.give(userId, id, { metadata: { 'idempotency-key': 'give' } });
    if (answer.code !== 'UNAVAILABLE' || tries === TRIES_MAX) return answer;
    await new Promise((wake) => setTimeout(wake, PAUSE_MS * (1 + Math.random())));
  }
};
const given = async (userId: string, couponId: number): Promise<Storage> => {
  messageOf(await either(0).give(userId, couponId));
  return (await own(userId))[0] as Storage;
};

describe('many at once, in two processes', () => {
  it('1,000 want one of 300: exactly 300 get one, with the numbers 1 to 300, and none is left (D1, D10, R13, R15)', async () => {
    const { id } = await created({ count: 300 });
    const users = Array.from({ length: 1_000 }, () => randomUUID());
    const answers = await Promise.all(users.map((userId, i) => giveSurely(either(i), userId, id)));
    expect(byCode(answers)).toEqual({ OK: 300, RESOURCE_EXHAUSTED: 700 });
    expect(await stockOf(id)).toBe(0);
    const winners = users.filter((_, i) => answers[i]?.code === 'OK');
    const serials: number[] = [];
    for (const [i, userId] of winners.entries()) serials.push((await own(userId, i))[0]?.couponNumber ?? 0);
    expect(serials.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, i) => i + 1));
  }, 60_000);

  it('one user asks 100 times: one coupon, one event (R14, D24)', async () => {
    const { id } = await created({ count: 50 });
    const answers = await atOnce(100, (i) => either(i).give('eager', id));
    expect(byCode(answers)).toEqual({ OK: 1, ALREADY_EXISTS: 99 });
    expect(await eventsOf(shop, `couponPolicy-cp0-${id}`, 'CouponIssued')).toBe(1);
    expect(await stockOf(id)).toBe(49);
  });

  it('ten uses of one coupon: one wins (D8, R19)', async () => {
    const row = await given('user-of-one', (await created()).id);
    const answers = await atOnce(10, (i) => either(i).use(row, `p${i}`));
    expect(byCode(answers)).toEqual({ OK: 1, FAILED_PRECONDITION: 9 });
    for (const answer of answers) if (answer.code !== 'OK') expect(answer.details).toBe('이미 사용된 쿠폰입니다.');
  });

  it('nobody is told of a conflict (D11)', async () => {
    const { id } = await created({ type: 2, count: 0 });
    const answers = await atOnce(400, (i) => either(i).give(randomUUID(), id));
    expect(byCode(answers)).toEqual({ OK: 400 });
  });

  it('twenty updates add up (D4, R3)', async () => {
    const { id } = await created({ count: 100 });
    const answers = await atOnce(20, (i) => either(i).update(id, { count: 100 }));
    expect(byCode(answers)).toEqual({ OK: 20 });
    expect(await stockOf(id)).toBe(2_100);
    expect(answers.map(({ message }) => message.count).sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => 200 + i * 100));
  });
});

describe('terms', () => {
  it('an update is one event with terms and count together, and its history has one row (R11)', async () => {
    const { id } = await created({ count: 100_000, name: 'before' });
    const updated = messageOf(await clients[1].update(id, { count: 100, name: 'after', discountType: 2, discountAmount: 700 }));
    expect(updated).toMatchObject({ id, name: 'after', count: 100_100, couponsStock: 100_100, discountType: 2, discountAmount: 700 });
    const types = (await shop.store.readStream(`couponPolicy-cp0-${id}`, 0n, { maxCount: 10 })).map(({ type }) => type);
    expect(types).toEqual(['CouponPolicyOpened', 'CouponCountAdded']);
  });

  it('of an unlimited one change alone; the same again changes nothing', async () => {
    const { id, startDate, endDate } = await created({ type: 2, count: 0 });
    const wished = { type: 2, count: 0, startDate, endDate, name: 'other' };
    expect(messageOf(await clients[0].update(id, wished))).toMatchObject({ name: 'other', type: 2, count: 0 });
    messageOf(await clients[1].update(id, wished));
    const types = (await shop.store.readStream(`couponPolicy-cp0-${id}`, 0n, { maxCount: 10 })).map(({ type }) => type);
    expect(types).toEqual(['CouponPolicyOpened', 'CouponPolicyChanged']);
  });

  it('a change and a deletion in one process govern the next issue in the other (D2, R9)', async () => {
    const { id } = await created();
    messageOf(await clients[1].give('before', id));
    messageOf(await clients[0].update(id, { count: 1, endDate: fromNow(-1_000) }));
    expectRefused(await clients[1].give('after', id), 'FAILED_PRECONDITION', '기간이 지나 발급이 불가능한 쿠폰입니다.');
    messageOf(await clients[0].update(id, { count: 1 }));
    messageOf(await clients[1].give('after', id));
    messageOf(await clients[0].deleteCoupon(id));
    expectRefused(await clients[1].give('too-late', id), 'NOT_FOUND', '존재하지 않는 쿠폰입니다.');
  });

  it('rates of 1 and 100 per cent are fine (D3, R4)', async () => {
    for (const discountAmount of [1, 100]) expect(await created({ discountAmount })).toMatchObject({ discountAmount });
  });

  it('a new generation counts from 1 again, and numbers mean its coupons (R16)', async () => {
    await created();
    const opened = (await shop.init({ policies: 2, couponCount: 5, perUser: 1 })).body;
    expect(messageOf(await clients[1].findCoupons()).coupons.map(({ id }) => id)).toEqual([1, 2]);
    messageOf(await clients[1].give('newcomer', 2));
    expect(await eventsOf(shop, `couponPolicy-${opened.policyIds[1]}`, 'CouponIssued')).toBe(1);
    expect((await created()).id).toBe(3);
  });
});

describe('lists', () => {
  it('show what is left, and neither coupons that are over nor those to come (D5, D6, R8)', async () => {
    const { id } = await created({ count: 10 });
    const over = await created({ startDate: fromNow(-2_000), endDate: fromNow(-1_000) });
    const early = await created({ startDate: fromNow(600_000) });
    const unlimited = await created({ type: 2, count: 0 });
    for (const userId of ['l1', 'l2', 'l3']) messageOf(await clients[0].give(userId, id));
    for (const i of [0, 1]) {
      const { coupons } = messageOf(await either(i).findCoupons());
      const listed = new Map(coupons.map((coupon) => [coupon.id, coupon]));
      expect(listed.get(id)).toMatchObject({ count: 10, couponsStock: 7 });
      expect([listed.has(over.id), listed.has(early.id)]).toEqual([false, false]);
      expect(listed.get(unlimited.id)).not.toHaveProperty('couponsStock');
    }
  });

  it('keep a sold-out coupon, with none left (R8)', async () => {
    const { id } = await created({ count: 1 });
    messageOf(await clients[0].give('last', id));
    expect(await stockOf(id, 1)).toBe(0);
  });

  it('leave out what was deleted, and keep what was used (D7, R25)', async () => {
    const [first, second] = [await given('keeper', (await created()).id), await given('keeper', (await created()).id)];
    messageOf(await clients[0].use(first));
    messageOf(await clients[1].deleteOwn(second));
    for (const i of [0, 1]) expect((await own('keeper', i)).map(({ id }) => id)).toEqual([first.id]);
  });

  it('show at once, in either process, what was given in the other', async () => {
    for (let i = 0; i < 10; i += 1) {
      const { id } = messageOf(await either(i).create());
      expect(await stockOf(id, i + 1)).toBe(100);
      messageOf(await either(i).give(`reader-${i}`, id));
      expect(await own(`reader-${i}`, i + 1)).toHaveLength(1);
      expect(await stockOf(id, i + 1)).toBe(99);
    }
  });
});

describe('a key', () => {
  const metadata = (key: string) => ({ metadata: { 'idempotency-key': key } });

  it('makes a repeat the same call, in either process, also when the answer was lost (D9, D13)', async () => {
    const { id } = await created({ count: 5 });
    const answers = await atOnce(20, (i) => either(i).give('keyed', id, metadata('k')));
    expect(byCode(answers)).toEqual({ OK: 20 });
    expect(answers.filter(({ trailer }) => trailer.get('idempotent-replayed')[0] === 'true')).toHaveLength(19);
    expect(await stockOf(id)).toBe(4);
  });

  it('gives the same answer to a repeated Create, Update, Use and Delete', async () => {
    const first = await clients[0].create({ count: 5, name: 'once' }, metadata('c'));
    const { id } = messageOf(first);
    const updated = await clients[0].update(
      id,
      { count: 5, startDate: first.message.startDate, endDate: first.message.endDate },
      metadata('u'),
    );
    const row = await given('repeater', id);
    const used = await clients[0].use(row, 'p1', metadata('s'));
    const deleted = await clients[0].deleteOwn(row, metadata('d'));
    const again = [
      await clients[1].update(id, { count: 5, startDate: first.message.startDate, endDate: first.message.endDate }, metadata('u')),
      await clients[1].use(row, 'p1', metadata('s')),
      await clients[1].deleteOwn(row, metadata('d')),
    ];
    expect(again.map(({ message }) => message)).toEqual([updated, used, deleted].map(({ message }) => message));
    expect(again.every(({ trailer }) => trailer.get('idempotent-replayed')[0] === 'true')).toBe(true);
    expectRefused(await clients[1].use(row, 'p2', metadata('s')), 'INVALID_ARGUMENT', /key/);
    expect(messageOf(await clients[1].findCoupons()).coupons.find((coupon) => coupon.id === id)).toMatchObject({
      count: 10,
      couponsStock: 9,
    });
  });

  it.each(['', 'x'.repeat(256)])('that is none is refused: %j', async (key) => {
    expectRefused(await clients[0].give('keyed', 1, metadata(key)), 'INVALID_ARGUMENT', /printable ASCII/);
  });
});
