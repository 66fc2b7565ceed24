import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, it } from '@jest/globals';
import { type Metadata, NO_STREAM } from '../../../src/platform/eventStore/eventStore.ts';
import { type Coupon, expectRefused, type GrpcClient, grpcClientOf, messageOf, type Storage } from '../../support/grpc.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let client: GrpcClient;
let limited: Coupon;
let unlimited: Coupon;
let deleted: Coupon;
let soldOut: Coupon;
let over: Coupon;
let early: Coupon;
let used: Storage;
let unused: Storage;
let gone: Storage;
let expired: Storage;
let expiredUsed: Storage;
let inOrder: Storage;

const MINUTE_MS = 60_000;
const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const created = async (wished: object = {}): Promise<Coupon> => messageOf(await client.create(wished));

const given = async (userId: string, couponId: number): Promise<Storage> => {
  messageOf(await client.give(userId, couponId));
  return messageOf(await client.findOwn(userId, 1)).userCouponStorages[0] as Storage;
};

const HOUR_MS = 60 * MINUTE_MS;
const POLICY = 'cp0-900';
const NUMBER = 900;

const append = (stream: string, events: readonly (readonly [type: string, data: object])[]) =>
  shop.store.append(
    stream,
    events.map(([type, data], i) => ({ id: randomUUID(), type, data, metadata: { commandId: `${stream} ${i}` } as Metadata })),
    NO_STREAM,
  );

/** Two coupons that ran out an hour ago, one of them used before: facts, so that nobody has to wait for the time. */
const overFor = async (): Promise<readonly [unused: Storage, used: Storage]> => {
  const at = Date.now() - 3 * HOUR_MS;
  const endsAt = at + 2 * HOUR_MS;
  const discount = { discountType: 'amount', discountAmount: 1 };
  const terms = { name: 'over', count: 9, ...discount, startsAt: at, endsAt, expireMinutes: 60, perUser: 1 };
  const issued = ['late', 'late-used'].map(
    (userId, i) =>
      [
        'CouponIssued',
        { couponId: `${POLICY}-${i + 1}`, serial: i + 1, userId, commandId: `give ${i}`, ...discount, issuedAt: at, expiresAt: endsAt },
      ] as const,
  );
  await append(`couponPolicy-${POLICY}`, [
    ['CouponPolicyOpened', { policyId: POLICY, number: NUMBER, generation: 0, terms, at }],
    ...issued,
  ]);
  await append('account-late-used', [
    ['CouponUsed', { couponId: `${POLICY}-2`, productId: 'p1', commandId: 'use', fingerprint: 'use', at: at + 1 }],
  ]);
  const after = { headers: { 'read-after': String(await shop.store.head()) } };
  const rows = await Promise.all([1, 2].map((serial) => shop.coupon(`${POLICY}-${serial}`, { after })));
  const [first, second] = rows.map(({ body }) => ({ id: body.number, userId: body.userId, couponId: NUMBER }) as Storage);
  return [first as Storage, second as Storage];
};

beforeAll(async () => {
  shop = await startShop();
  client = grpcClientOf(shop.grpc);
  [limited, unlimited, deleted, soldOut] = [
    await created(),
    await created({ type: 2, count: 0 }),
    await created(),
    await created({ count: 1 }),
  ];
  over = await created({ startDate: fromNow(-2 * MINUTE_MS), endDate: fromNow(-MINUTE_MS) });
  early = await created({ startDate: fromNow(MINUTE_MS) });
  messageOf(await client.deleteCoupon(deleted.id));
  messageOf(await client.give('first', soldOut.id));
  used = await given('ann', limited.id);
  messageOf(await client.use(used));
  unused = await given('bob', limited.id);
  gone = await given('cat', limited.id);
  messageOf(await client.deleteOwn(gone));
  inOrder = await given('dan', limited.id);
  await shop.createProduct({ id: 'thing', price: 1_000, stock: 10 });
  await shop.charge('dan', 10_000);
  const [{ couponId } = { couponId: '' }] = (await shop.coupons('dan')).body;
  await shop.order('dan', { thing: 1 }, couponId);
  [expired, expiredUsed] = await overFor();
}, 60_000);
afterAll(async () => {
  client.close();
  await shop.stop();
});
expectNothingRecorded(() => shop);

const WITHOUT_QUANTITY = 'without quantity type 일 경우 count 는 반드시 0이여야 합니다.';
const WITH_QUANTITY = 'with quantity type 일 경우 count 는 반드시 0이상 이여야 합니다.';
const DISCOUNT_TYPE = 'discount type value error';
const TYPE = 'type value error';
const NONE = 99_999;

describe('Create refuses, the first objection first', () => {
  it.each([
    ['an unknown discount type', { discountType: 3, type: 9, count: -1, name: '' }, DISCOUNT_TYPE],
    ['no discount type', { discountType: 0 }, DISCOUNT_TYPE],
    ['an unknown type', { type: 3, count: -1, name: '' }, TYPE],
    ['no type', { type: 0 }, TYPE],
    ['a count without quantity', { type: 2, count: 5, name: '' }, WITHOUT_QUANTITY],
    ['a negative count without quantity', { type: 2, count: -5 }, WITHOUT_QUANTITY],
    ['no count with quantity (R1)', { type: 1, count: 0, name: '' }, WITH_QUANTITY],
    ['a negative count with quantity', { type: 1, count: -1 }, WITH_QUANTITY],
    ['no name', { name: '' }, /name/],
    ['a name that is too long', { name: 'x'.repeat(101) }, /name/],
    ['a rate of 0 (D3, R4)', { discountAmount: 0 }, /discountAmount/],
    ['a rate of -1 (D3)', { discountAmount: -1 }, /discountAmount/],
    ['a rate of 101 (D3)', { discountAmount: 101 }, /1 to 100/],
    ['an amount of 0 (D3)', { discountType: 2, discountAmount: 0 }, /discountAmount/],
    ['an amount of -1 (D3)', { discountType: 2, discountAmount: -1 }, /discountAmount/],
    ['an amount above the limit', { discountType: 2, discountAmount: 1_000_000_001 }, /discountAmount/],
    ['no life', { expireMinute: 0 }, /expireMinutes/],
    ['a negative life', { expireMinute: -1 }, /expireMinutes/],
    ['no start', { startDate: '' }, /startDate/],
    ['a start that is no date', { startDate: 'tomorrow' }, /startDate/],
    ['a day that does not exist', { startDate: '2023-02-30T00:00:00' }, /startDate/],
    ['an end that is no date', { endDate: '2023-13-01T00:00:00' }, /endDate/],
    ['an end before the start (R5)', { startDate: '2099-01-02T00:00:00', endDate: '2099-01-01T00:00:00' }, /after startsAt/],
    ['an end at the start (R5)', { startDate: '2099-01-01T00:00:00', endDate: '2099-01-01T00:00:00' }, /after startsAt/],
  ])('%s', async (_what, wished, details) => {
    expectRefused(await client.create(wished), 'INVALID_ARGUMENT', details);
  });
});

describe('Update refuses, the first objection first', () => {
  const UNKNOWN = '존재하지 않는 쿠폰 ID 입니다.';
  const IMMUTABLE = 'type 은 변경할 수 없습니다.';

  it.each([
    ['an unknown coupon', () => NONE],
    ['number 0', () => 0],
    ['a negative number', () => -1],
    ['a deleted coupon (R10)', () => deleted.id],
  ])('%s, whatever else is wrong', async (_what, id) => {
    for (const wished of [{}, { discountType: 3 }, { type: 2, count: 7 }]) {
      expectRefused(await client.update(id(), wished), 'NOT_FOUND', UNKNOWN);
    }
  });

  it('another type, whatever else is wrong (R2)', async () => {
    expectRefused(await client.update(limited.id, { type: 2, count: 0 }), 'FAILED_PRECONDITION', IMMUTABLE);
    expectRefused(await client.update(limited.id, { type: 2, count: 9, discountType: 3 }), 'FAILED_PRECONDITION', IMMUTABLE);
    expectRefused(await client.update(limited.id, { type: 3, name: '' }), 'FAILED_PRECONDITION', IMMUTABLE);
    expectRefused(await client.update(unlimited.id, { type: 1, count: 5 }), 'FAILED_PRECONDITION', IMMUTABLE);
    expectRefused(await client.update(unlimited.id, { type: 1, count: 0 }), 'FAILED_PRECONDITION', IMMUTABLE);
  });

  it('then what Create refuses', async () => {
    expectRefused(await client.update(limited.id, { discountType: 3, count: 0 }), 'INVALID_ARGUMENT', DISCOUNT_TYPE);
    expectRefused(await client.update(limited.id, { count: 0, name: '' }), 'INVALID_ARGUMENT', WITH_QUANTITY);
    expectRefused(await client.update(limited.id, { count: -1 }), 'INVALID_ARGUMENT', WITH_QUANTITY);
    expectRefused(await client.update(unlimited.id, { type: 2, count: 1 }), 'INVALID_ARGUMENT', WITHOUT_QUANTITY);
    for (const discountAmount of [-1, 0, 101]) {
      expectRefused(await client.update(limited.id, { discountAmount }), 'INVALID_ARGUMENT', /discountAmount/);
    }
  });

  it('a count above int32 (R1)', async () => {
    expectRefused(await client.update(limited.id, { count: 2_147_483_647 }), 'FAILED_PRECONDITION', /int32/);
  });
});

describe('Delete of a coupon refuses', () => {
  it.each([
    ['an unknown one', () => NONE],
    ['number 0', () => 0],
    ['a negative number', () => -2_147_483_648],
    ['one that is deleted (R10)', () => deleted.id],
  ])('%s', async (_what, id) => {
    expectRefused(await client.deleteCoupon(id()), 'NOT_FOUND', '존재하지 않거나 이미 삭제된 쿠폰 ID 입니다.');
  });
});

describe('Give refuses, the first objection first (R12)', () => {
  it.each([
    ['an unknown coupon', () => NONE],
    ['number 0', () => 0],
    ['a negative number', () => -1],
    ['a deleted coupon, to who holds one as well', () => deleted.id],
  ])('%s', async (_what, id) => {
    expectRefused(await client.give('eve', id()), 'NOT_FOUND', '존재하지 않는 쿠폰입니다.');
  });

  it('one that is over, and one that has not begun (D6)', async () => {
    for (const { id } of [over, early])
      expectRefused(await client.give('eve', id), 'FAILED_PRECONDITION', '기간이 지나 발급이 불가능한 쿠폰입니다.');
  });

  it('one that is sold out, also to who holds it', async () => {
    for (const userId of ['eve', 'first']) expectRefused(await client.give(userId, soldOut.id), 'RESOURCE_EXHAUSTED', '재고가 없습니다.');
  });

  it('a second one to one user, also when the first was used or deleted (R14)', async () => {
    for (const userId of ['ann', 'bob', 'cat']) {
      expectRefused(await client.give(userId, limited.id), 'ALREADY_EXISTS', '이미 발급된 쿠폰이 존재합니다.');
    }
  });

  it.each(['', 'a b', '-a', 'x'.repeat(65), '한국', 'a/b', "a'b", 'a\u0000'])('the user %j', async (userId) => {
    expectRefused(await client.give(userId, limited.id), 'INVALID_ARGUMENT', '유효하지 않은 사용자 ID입니다.');
  });
});

describe("FindAll of a user's coupons refuses", () => {
  it('a negative `take`, and a user that nobody can be', async () => {
    expectRefused(await client.findOwn('ann', -1), 'INVALID_ARGUMENT', /take/);
    expectRefused(await client.findOwn('', 1), 'INVALID_ARGUMENT', '유효하지 않은 사용자 ID입니다.');
  });
});

describe('what stands against a coupon is told before whose it is (R20, R21, R22)', () => {
  const FOREIGN = '다른 user 의 쿠폰입니다.';
  const OTHER = 'coupon Id가 동일하지 않습니다.';
  const calls = {
    use: { call: (own: object) => client.use(own), unknown: '존재하지 않거나 삭제된 유저 쿠폰입니다.' },
    cancel: { call: (own: object) => client.cancelUse(own), unknown: '존재하지 않거나 삭제된 유저 쿠폰입니다.' },
    delete: { call: (own: object) => client.deleteOwn(own), unknown: '존재하지 않거나 이미 삭제된 유저 쿠폰입니다.' },
  };
  let wrong: object;
  beforeEach(() => {
    wrong = { userId: 'nobody', couponId: NONE };
  });

  it.each(Object.entries(calls))('%s: an unknown or deleted one', async (_name, { call, unknown }) => {
    for (const id of [NONE, 0, -1, 2_147_483_647]) expectRefused(await call({ ...unused, id, ...wrong }), 'NOT_FOUND', unknown);
    expectRefused(await call(gone), 'NOT_FOUND', unknown);
    expectRefused(await call({ ...gone, ...wrong }), 'NOT_FOUND', unknown);
  });

  it('use: an expired one, then a used one (D8, D26)', async () => {
    for (const own of [expired, expiredUsed]) {
      expectRefused(await client.use({ ...own, ...wrong }), 'FAILED_PRECONDITION', '만료 된 쿠폰입니다.');
    }
    for (const own of [used, inOrder]) {
      expectRefused(await client.use({ ...own, ...wrong }), 'FAILED_PRECONDITION', '이미 사용된 쿠폰입니다.');
      expectRefused(await client.use(own), 'FAILED_PRECONDITION', '이미 사용된 쿠폰입니다.');
    }
  });

  it('cancel: an expired one, then one that is not used, last one that an order used', async () => {
    for (const own of [expired, expiredUsed]) {
      expectRefused(await client.cancelUse({ ...own, ...wrong }), 'FAILED_PRECONDITION', '만료 된 쿠폰은 변경할 수 없습니다.');
    }
    expectRefused(await client.cancelUse({ ...unused, ...wrong }), 'FAILED_PRECONDITION', '사용되지 않은 쿠폰입니다.');
    expectRefused(await client.cancelUse({ ...inOrder, ...wrong }), 'PERMISSION_DENIED', FOREIGN);
    expectRefused(await client.cancelUse(inOrder), 'FAILED_PRECONDITION', /order/);
  });

  it("another user's, then that of another coupon", async () => {
    for (const [call, own] of [
      [calls.use.call, unused],
      [calls.cancel.call, used],
      [calls.delete.call, unused],
    ] as const) {
      for (const userId of ['nobody', '', `${randomUUID()}`]) {
        expectRefused(await call({ ...own, userId, couponId: NONE }), 'PERMISSION_DENIED', FOREIGN);
      }
      for (const couponId of [NONE, 0, unlimited.id]) expectRefused(await call({ ...own, couponId }), 'INVALID_ARGUMENT', OTHER);
    }
  });

  it('a product that none can be', async () => {
    expectRefused(await client.use(unused, 'a b'), 'INVALID_ARGUMENT', '유효하지 않은 상품 ID입니다.');
  });
});
