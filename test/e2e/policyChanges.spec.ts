import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, byStatus, expectProblem, type Json } from '../support/client.ts';
import { bodiesOf, type CommandProcess, changedTerms, eventsOf, type Policy, startShop, type TestShop } from '../support/shop.ts';

const INT32_MAX = 2_147_483_647;

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const policyWith = async (wished: Json = {}): Promise<string> => (await shop.createPolicy(wished)).body.policyId;
const fromNow = (ms: number): string => new Date(Date.now() + ms).toISOString();
const count = (n: number) => (policy: Policy) => policy.count === n;

describe('PUT /coupon-policies/{policyId}', () => {
  it('answers the policy with its new terms, the rest as it was, and so does the query side', async () => {
    const created = (await shop.createPolicy({ count: 7, perUser: 1 })).body;
    await shop.issue('ann', created.policyId);
    const wished = changedTerms({ name: '겨울 세일', discountType: 'rate', discountAmount: 29 });
    const answer = await shop.changePolicy(created.policyId, wished);
    expect([answer.status, answer.body]).toEqual([
      200,
      { ...created, ...wished, issued: 1, remaining: 6, updatedAt: expect.stringMatching(/Z$/) },
    ]);
    expect((await shop.policy(created.policyId, { after: answer })).body).toEqual(answer.body);
  });

  it('is repeatable: again it changes nothing and makes no history', async () => {
    const policyId = await policyWith();
    const wished = changedTerms({ name: 'twice' });
    const first = await shop.changePolicy(policyId, wished);
    const again = await other.changePolicy(policyId, wished);
    expect([again.status, again.body]).toEqual([200, first.body]);
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponPolicyChanged')).toBe(1);
  });

  it.each<Json>([
    { count: 5 },
    { count: null },
    { perUser: 1 },
    { perUser: null },
    { type: 'unlimited' },
    { discountType: 'rate', discountAmount: -1 },
    { discountType: 'rate', discountAmount: 0 },
    { discountType: 'rate', discountAmount: 101 },
    { discountAmount: 0 },
    { discountAmount: 1.5 },
    { discountAmount: '5' },
    { expireMinutes: 0 },
    { startsAt: fromNow(1_000), endsAt: fromNow(0) },
    { startsAt: '2026-01-05T00:00:00' },
    { name: '' },
  ])('does not take %j (R2, R4, R5, D3)', async (wrong) => {
    const policyId = await policyWith();
    expectProblem(await shop.changePolicy(policyId, changedTerms(wrong)), 400, 'invalid-request');
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponPolicyChanged')).toBe(0);
  });

  it.each([
    ['rate', 1],
    ['rate', 100],
    ['amount', 1_000_000_000],
  ])('takes off: %s %d (R4)', async (discountType, discountAmount) => {
    expect((await shop.changePolicy(await policyWith(), changedTerms({ discountType, discountAmount }))).status).toBe(200);
  });

  it.each(['name', 'discountType', 'discountAmount', 'startsAt', 'endsAt', 'expireMinutes'])('needs its %s', async (member) => {
    const { [member]: _, ...rest } = changedTerms();
    expectProblem(await shop.changePolicy(await policyWith(), rest), 400, 'invalid-request');
  });

  it('leaves issued coupons as they are, and governs the very next one in every process (R7, R9, D2)', async () => {
    const policyId = await policyWith({ discountAmount: 500 });
    // Both processes know the policy well before it changes.
    const [before] = [await shop.issue('kim', policyId), await other.issue('lee', policyId)];
    const changed = await shop.changePolicy(policyId, changedTerms({ discountAmount: 700, endsAt: fromNow(30_000) }));
    const [here, there] = [await shop.issue('kim', policyId), await other.issue('lee', policyId)];
    for (const { body } of [here, there]) {
      expect([body.discount, body.expiresAt]).toEqual([700, changed.body.endsAt]);
    }
    const kept = (await shop.coupon(before.body.couponId, { after: there })).body;
    expect([kept.discount, kept.expiresAt]).toEqual([500, before.body.expiresAt]);
  });

  it('opens and closes the window for the very next request in every process (R5, R9, D6)', async () => {
    const policyId = await policyWith({ startsAt: fromNow(60_000), endsAt: fromNow(120_000) });
    expectProblem(await other.issue('ann', policyId), 400, 'not-open');
    await shop.changePolicy(policyId, changedTerms());
    expect((await other.issue('ann', policyId)).status).toBe(201);
    await shop.changePolicy(policyId, changedTerms({ endsAt: fromNow(-1) }));
    expectProblem(await other.issue('ann', policyId), 400, 'not-open');
  });
});

describe('POST /coupon-policies/{policyId}/count', () => {
  it('stacks: 100 and 100 are 200, 100,000 and 100 are 100,100 (R3, D4)', async () => {
    const small = await policyWith({ count: 100 });
    expect((await shop.addCount(small, 100)).body).toMatchObject({ count: 200, issued: 0, remaining: 200 });
    const large = await policyWith({ count: 100_000 });
    const answer = await shop.addCount(large, 100);
    expect([answer.status, answer.body.count]).toEqual([200, 100_100]);
    expect((await shop.policy(large, { after: answer })).body).toEqual(answer.body);
  });

  it('counts every one of many at once in two processes (R3, D4)', async () => {
    const policyId = await policyWith({ count: 1 });
    const answers = await atOnce(20, (i) => (i % 2 === 0 ? shop : other).addCount(policyId, 5));
    expect(byStatus(answers)).toEqual({ 200: 20 });
    expect(
      bodiesOf(answers, 200)
        .map((policy) => policy.count)
        .sort((a, b) => Number(a) - Number(b)),
    ).toEqual(Array.from({ length: 20 }, (_, i) => 6 + 5 * i));
    const after = answers.find(({ body }) => count(101)(body)) as Answer<Policy>;
    expect((await shop.policy(policyId, { after })).body).toMatchObject({ count: 101 });
  });

  it('ends a sell-out: at once where it was added, elsewhere within 100 ms (R9, R13)', async () => {
    const policyId = await policyWith({ count: 1 });
    expect((await shop.issue('first', policyId)).status).toBe(201);
    expectProblem(await other.issue('second', policyId), 409, 'sold-out');
    expectProblem(await shop.issue('second', policyId), 409, 'sold-out');
    await shop.addCount(policyId, 2);
    expect((await shop.issue('second', policyId)).status).toBe(201);
    await sleep(110);
    expect((await other.issue('third', policyId)).body).toMatchObject({ serial: 3 });
    expectProblem(await other.issue('fourth', policyId), 409, 'sold-out');
  });

  it('is nothing for an unlimited policy (R2)', async () => {
    const answer = await shop.addCount(await policyWith({ count: null }), 1);
    expectProblem(answer, 409, 'policy-term-immutable');
    expect(answer.body).toMatchObject({ message: 'type 은 변경할 수 없습니다.' });
  });

  it('ends at the greatest int32 (R1)', async () => {
    const policyId = await policyWith({ count: INT32_MAX - 1 });
    expectProblem(await shop.addCount(policyId, 2), 409, 'limit-exceeded');
    expect((await shop.addCount(policyId, 1)).body.count).toBe(INT32_MAX);
    expectProblem(await shop.addCount(policyId, 1), 409, 'limit-exceeded');
  });

  it.each([0, -1, 1.5, '5', null, INT32_MAX + 1])('does not take %p (R3)', async (add) => {
    const policyId = await policyWith();
    expectProblem(await shop.client.post(`/coupon-policies/${policyId}/count`, { add }), 400, 'invalid-request');
  });

  it('under a key counts once, in any process and after later changes, with the answer of then', async () => {
    const policyId = await policyWith({ count: 10 });
    const first = await shop.addCount(policyId, 5, { key: 'k' });
    await shop.issue('ann', policyId);
    await shop.addCount(policyId, 5, { key: 'k2' });
    for (const process of [shop, other, await shop.anotherCommandApi()]) {
      const again = await process.addCount(policyId, 5, { key: 'k' });
      expect([again.status, again.body, again.headers['idempotent-replayed']]).toEqual([200, first.body, 'true']);
    }
    expectProblem(await other.addCount(policyId, 6, { key: 'k' }), 422, 'key-reused');
    expect((await shop.addCount(await policyWith({ count: 1 }), 6, { key: 'k' })).body.count).toBe(7);
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponCountAdded')).toBe(2);
  });

  it('under one key 20 times at once is one addition and 20 equal answers', async () => {
    const policyId = await policyWith({ count: 10 });
    const answers = await atOnce(20, (i) => (i % 2 === 0 ? shop : other).addCount(policyId, 5, { key: 'k' }));
    expect(byStatus(answers)).toEqual({ 200: 20 });
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(await eventsOf(shop, `couponPolicy-${policyId}`, 'CouponCountAdded')).toBe(1);
  });
});
