import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { bodiesOf, type CommandProcess, type Coupon, eventsOf, soon, startShop, type TestShop, untilPast } from '../support/shop.ts';

const WEEK_MS = 10_080 * 60_000;

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const policyWith = async (wished: Json): Promise<string> => (await shop.createPolicy(wished)).body.policyId;
const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);
const ascending = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b);

describe('an issued coupon', () => {
  it('is answered with the terms it keeps (R6, R7, R15)', async () => {
    const endsAt = fromNow(3 * WEEK_MS);
    const policyId = await policyWith({ discountAmount: 2_000, endsAt });
    const answer = await shop.issue('ann', policyId);
    expect([answer.status, answer.body]).toEqual([
      201,
      {
        couponId: `${policyId}-1`,
        discount: 2_000,
        userId: 'ann',
        policyId,
        discountType: 'amount',
        discountAmount: 2_000,
        serial: 1,
        issuedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
        expiresAt: expect.stringMatching(/Z$/),
      },
    ]);
    const { issuedAt, expiresAt } = answer.body;
    expect(Date.parse(expiresAt)).toBe(Date.parse(issuedAt) + WEEK_MS);
  });

  it('ends with its policy when that ends first (R6)', async () => {
    const endsAt = fromNow(60_000);
    const { body } = await shop.issue('ann', await policyWith({ endsAt }));
    expect(body.expiresAt).toBe(endsAt);
  });

  it('of a rate has a discount of 0 won in the member of the first clients', async () => {
    const { body } = await shop.issue('ann', await policyWith({ discountType: 'rate', discountAmount: 29 }));
    expect(body).toMatchObject({ discount: 0, discountType: 'rate', discountAmount: 29 });
  });

  it('is listed for its user alone, the newest number first, and needs no account (R16, R17, R24)', async () => {
    const policyId = await policyWith({});
    const first = await shop.issue('lister', policyId);
    const second = await shop.issue('lister', policyId);
    const { body: coupons } = await shop.coupons('lister', { after: second });
    expect(coupons.map(({ couponId }) => couponId)).toEqual([second.body.couponId, first.body.couponId]);
    expect(coupons[0]).toMatchObject({ status: 'available', orderId: null, userId: 'lister', serial: 2 });
    expect((coupons[0]?.number ?? 0) - (coupons[1]?.number ?? 0)).toBe(1);
    expect((await shop.coupons('nobody')).body).toEqual([]);
    expect(await eventsOf(shop, 'account-lister', 'BalanceCharged')).toBe(0);
  });
});

describe('asking for a coupon', () => {
  const asJson = (query: string, body: unknown) => shop.client.post(`/coupons${query}`, body);

  it('works by query, as JSON, and by both when they agree', async () => {
    const policyId = await policyWith({});
    const both = `?userId=q&policyId=${policyId}`;
    expect((await shop.client.post(`/coupons${both}`)).status).toBe(201);
    expect((await asJson('', { userId: 'q', policyId })).status).toBe(201);
    expect((await asJson(both, { userId: 'q', policyId })).status).toBe(201);
    expect((await asJson('?userId=q', { policyId })).status).toBe(201);
    expect((await asJson('', { userId: 17, policyId })).body).toMatchObject({ userId: '17' });
  });

  it('is refused when query and body differ, or a member is missing, unknown or no id', async () => {
    const policyId = await policyWith({});
    expectProblem(await asJson(`?userId=q&policyId=${policyId}`, { userId: 'r', policyId }), 400, 'invalid-request');
    expectProblem(await asJson(`?userId=q&policyId=${policyId}`, { policyId: 'other' }), 400, 'invalid-request');
    expectProblem(await asJson('', { userId: 'q' }), 400, 'invalid-request');
    expectProblem(await asJson('', undefined), 400, 'invalid-request');
    expectProblem(await asJson('', { userId: 'q', policyId, discount: 1 }), 400, 'invalid-request');
    expectProblem(await asJson(`?userId=q&policyId=${policyId}&free=1`, undefined), 400, 'invalid-request');
    expectProblem(await asJson(`?userId=q&userId=r&policyId=${policyId}`, undefined), 400, 'invalid-request');
    expectProblem(await asJson('?userId=$all&policyId=x', undefined), 400, 'invalid-request');
  });

  it('of an unknown policy is 400, as the first clients expect', async () => {
    const answer = await shop.issue('ann', 'no-such-policy');
    expectProblem(answer, 400, 'unknown-policy');
    expect(answer.body).toMatchObject({ message: '존재하지 않는 쿠폰 정책입니다.' });
  });

  it('is refused outside the window, before quantity and user are looked at (R5, R12)', async () => {
    const early = await policyWith({ startsAt: fromNow(60_000), endsAt: fromNow(120_000) });
    expectProblem(await shop.issue('ann', early), 400, 'not-open');
    const endsAt = soon();
    const brief = await policyWith({ endsAt, count: 1, perUser: 1 });
    expect((await shop.issue('ann', brief)).status).toBe(201);
    expectProblem(await shop.issue('ann', brief), 409, 'sold-out');
    await untilPast(endsAt);
    expectProblem(await shop.issue('ann', brief), 400, 'not-open');
  });
});

describe('how many a user gets (R14)', () => {
  it('is one where the policy says so, whatever is tried; the refusal names the coupon', async () => {
    const policyId = await policyWith({ perUser: 1 });
    const answers = await atOnce(20, (i) => (i % 2 === 0 ? shop : other).issue('greedy', policyId));
    expect(byStatus(answers)).toEqual({ 201: 1, 409: 19 });
    const [issued] = bodiesOf(answers, 201);
    for (const refused of answers.filter(({ status }) => status === 409)) {
      expectProblem(refused, 409, 'already-issued');
      expect(refused.body).toMatchObject({ couponId: issued?.couponId, message: '이미 발급된 쿠폰입니다.' });
    }
  });

  it('is any number where it does not', async () => {
    const policyId = await policyWith({ perUser: null });
    const answers = await atOnce(10, () => shop.issue('collector', policyId));
    expect(ascending(bodiesOf(answers, 201).map(({ serial }) => serial))).toEqual(upTo(10));
  });

  it('is told before "already issued" when none are left, with the coupon held (R12)', async () => {
    const policyId = await policyWith({ count: 1, perUser: 1 });
    const { body } = await shop.issue('owner', policyId);
    const again = await shop.issue('owner', policyId);
    expectProblem(again, 409, 'sold-out');
    expect(again.body).toMatchObject({ couponId: body.couponId, message: '남은 쿠폰 수량이 없습니다.' });
    const late = await shop.issue('late', policyId);
    expectProblem(late, 409, 'sold-out');
    expect(late.body).not.toHaveProperty('couponId');
  });
});

describe('a coupon under a key', () => {
  it('is the same coupon again, also where a user may hold several', async () => {
    const policyId = await policyWith({ perUser: null });
    const first = await shop.issue('kim', policyId, { key: 'k1' });
    await shop.issue('kim', policyId, { key: 'k2' });
    const again = await other.issue('kim', policyId, { key: 'k1' });
    expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([201, first.body, 'true']);
  });

  it('is the same coupon again after it sold out and after its window', async () => {
    const endsAt = soon();
    const policyId = await policyWith({ count: 1, endsAt });
    const first = await shop.issue('kim', policyId, { key: 'k' });
    expect((await shop.issue('kim', policyId, { key: 'k' })).body).toEqual(first.body);
    await untilPast(endsAt);
    expect((await shop.issue('kim', policyId, { key: 'k' })).body).toEqual(first.body);
  });

  it('asked for 50 times at once in two processes is one event and 50 equal bodies', async () => {
    const policyId = await policyWith({ perUser: null });
    const answers = await atOnce(50, (i) => (i % 2 === 0 ? shop : other).issue('park', policyId, { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 201: 50 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponIssued')).toBe(1);
  });

  it('is another command with another policy', async () => {
    const [one, two] = [await policyWith({}), await policyWith({})];
    await shop.issue('lee', one, { key: 'k' });
    expect((await shop.issue('lee', two, { key: 'k' })).body.policyId).toBe(two);
  });
});

describe('a limited policy under a rush (R13, D1)', () => {
  /** Exactly `count` were issued with serials 1 … count, and the view agrees. */
  const expectSoldOutAt = async (policyId: string, count: number) => {
    const refused = await shop.issue('one-more', policyId);
    expectProblem(refused, 409, 'sold-out');
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponIssued')).toBe(count);
    expect((await shop.policy(policyId, { after: refused })).body).toMatchObject({ count, issued: count, remaining: 0 });
  };

  it('gives 3 users of 10 one each', async () => {
    const policyId = await policyWith({ count: 10, perUser: 1 });
    const answers = await atOnce(3, (i) => shop.issue(`few-${i}`, policyId));
    expect(byStatus(answers)).toEqual({ 201: 3 });
  });

  it('issues exactly 10 to 20 users, serials 1 to 10 without gap or repeat (R15, D10)', async () => {
    const policyId = await policyWith({ count: 10, perUser: 1 });
    const answers = await atOnce(20, (i) => shop.issue(`rush-${i}`, policyId));
    expect(byStatus(answers)).toEqual({ 201: 10, 409: 10 });
    expect(ascending(bodiesOf(answers, 201).map(({ serial }) => serial))).toEqual(upTo(10));
    await expectSoldOutAt(policyId, 10);
  });

  it('answers 300 users for 100 with 100 × 201 and 200 × 409', async () => {
    const policyId = await policyWith({ count: 100, perUser: 1 });
    const answers = await atOnce(300, (i) => shop.issue(`crowd-${i}`, policyId));
    expect(byStatus(answers)).toEqual({ 201: 100, 409: 200 });
    await expectSoldOutAt(policyId, 100);
  });

  it('never oversells to 1,000 at once in two processes (D1)', async () => {
    const policyId = await policyWith({ count: 100 });
    const answers = await atOnce(1_000, (i) => (i % 2 === 0 ? shop : other).issue(`flood-${i}`, policyId));
    expect(byStatus(answers)).toEqual({ 201: 100, 409: 900 });
    expect(ascending(bodiesOf(answers, 201).map(({ serial }) => serial))).toEqual(upTo(100));
    expect(new Set(bodiesOf(answers, 201).map(({ couponId }) => couponId)).size).toBe(100);
    await expectSoldOutAt(policyId, 100);
  });

  it('issues exactly 1,000 to 2,000 users', async () => {
    const policyId = await policyWith({ count: 1_000, perUser: 1 });
    const answers: Answer<Coupon>[] = [];
    for (let wave = 0; wave < 10; wave += 1) {
      answers.push(...(await atOnce(200, (i) => (i % 2 === 0 ? shop : other).issue(`two-${wave}-${i}`, policyId))));
    }
    expect(byStatus(answers)).toEqual({ 201: 1_000, 409: 1_000 });
    await expectSoldOutAt(policyId, 1_000);
  });

  it('keeps 4 policies of 200 apart under 1,000 requests each', async () => {
    const policies = await atOnce(4, () => policyWith({ count: 200 }));
    const answers = await atOnce(4_000, (i) => shop.issue(`wide-${i}`, policies[i % 4] as string));
    expect(byStatus(answers)).toEqual({ 201: 800, 409: 3_200 });
    for (const policyId of policies) await expectSoldOutAt(policyId, 200);
  });

  it('is never sold out when it has no count', async () => {
    const policyId = await policyWith({ count: null });
    const answers = await atOnce(150, (i) => shop.issue(`free-${i}`, policyId));
    expect(byStatus(answers)).toEqual({ 201: 150 });
    const { body } = await shop.policy(policyId, { after: answers[149] as (typeof answers)[number] });
    expect(body).toMatchObject({ type: 'unlimited', count: null });
    expect(body).not.toHaveProperty('remaining');
  });
});
