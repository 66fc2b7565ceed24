import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem, type Json } from '../support/client.ts';
import { type CommandProcess, changedTerms, type Policy, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
}, 90_000);
afterAll(() => shop.stop());

const policyWith = async (wished: Json = {}): Promise<string> => (await shop.createPolicy(wished)).body.policyId;
const historyOf = async (policyId: string, after: Answer<unknown>) =>
  (await shop.client.get<Json[]>(`/coupon-policies/${policyId}/history`, { after })).body;

describe('DELETE /coupon-policies/{policyId} (R10)', () => {
  it('answers the policy with deletedAt, which stays readable by its id', async () => {
    const policyId = await policyWith();
    const answer = await shop.deletePolicy(policyId);
    expect([answer.status, answer.body]).toEqual([200, expect.objectContaining({ policyId, deletedAt: expect.stringMatching(/Z$/) })]);
    expect((await shop.policy(policyId, { after: answer })).body).toEqual(answer.body);
    expect((await historyOf(policyId, answer)).map(({ change }) => change)).toEqual(['created', 'deleted']);
  });

  it('takes it out of the list, but for all=true, and ends issuing and changing in every process (R9, D2)', async () => {
    const policyId = await policyWith();
    await other.issue('ann', policyId);
    const deleted = await shop.deletePolicy(policyId);
    const listed = async (path: string) =>
      (await shop.client.get<Policy[]>(path, { after: deleted })).body.map((policy) => policy.policyId);
    expect(await listed('/coupon-policies')).not.toContain(policyId);
    expect(await listed('/coupon-policies?all=true')).toContain(policyId);
    expectProblem(await other.issue('bob', policyId), 400, 'unknown-policy');
    expectProblem(await other.changePolicy(policyId, changedTerms()), 404, 'unknown-policy');
    expectProblem(await other.addCount(policyId, 1), 404, 'unknown-policy');
    expectProblem(await other.deletePolicy(policyId), 404, 'unknown-policy');
  });

  it('leaves issued coupons usable (R7)', async () => {
    const policyId = await policyWith({ discountAmount: 400 });
    await shop.createProduct({ id: 'thing', price: 1_000, stock: 10 });
    await shop.charge('owner', 600);
    const { couponId } = (await shop.issue('owner', policyId)).body;
    await shop.deletePolicy(policyId);
    expect((await other.order('owner', { thing: 1 }, couponId)).body).toMatchObject({ status: 'placed', totalAmount: 600 });
  });

  it('of one nobody made is 404, as are its other paths', async () => {
    const { headers } = await shop.deletePolicy('ghost');
    expect(headers['read-after']).toMatch(/^\d+$/);
    for (const answer of [
      await shop.deletePolicy('ghost'),
      await shop.changePolicy('ghost', changedTerms()),
      await shop.addCount('ghost', 1),
      await shop.client.get('/coupon-policies/ghost'),
      await shop.client.get('/coupon-policies/ghost/history'),
    ]) {
      expectProblem(answer, 404, 'unknown-policy');
      expect(answer.body).toMatchObject({ message: '존재하지 않는 쿠폰 정책입니다.' });
    }
  });

  it('gives its number to no other policy (R16)', async () => {
    const last = (await shop.createPolicy()).body;
    await shop.deletePolicy(last.policyId);
    expect((await shop.createPolicy()).body.number).toBe(last.number + 1);
  });
});

describe('GET /coupon-policies/{policyId}/history (R11)', () => {
  it('has a row for every change with all terms after it', async () => {
    const created = await shop.createPolicy({ count: 10, perUser: 1 });
    const { policyId } = created.body;
    const changed = await shop.changePolicy(policyId, changedTerms({ name: 'second', discountType: 'rate', discountAmount: 5 }));
    const added = await shop.addCount(policyId, 5);
    await shop.issue('ann', policyId);
    const deleted = await shop.deletePolicy(policyId);
    const rowOf = (seq: number, change: string, { body: policy }: Answer<Policy>) => {
      const { name, count, discountType, discountAmount, startsAt, endsAt, expireMinutes, perUser, updatedAt: at } = policy;
      return { seq, change, name, count, discountType, discountAmount, startsAt, endsAt, expireMinutes, perUser, at };
    };
    expect(await historyOf(policyId, deleted)).toEqual([
      rowOf(1, 'created', created),
      rowOf(2, 'changed', changed),
      rowOf(3, 'count-added', added),
      rowOf(4, 'deleted', deleted),
    ]);
  });

  it('comes in pages', async () => {
    const policyId = await policyWith();
    let after: Answer<unknown> = await shop.addCount(policyId, 1);
    for (let i = 0; i < 3; i += 1) after = await shop.addCount(policyId, 1);
    const first = await shop.client.get<Json[]>(`/coupon-policies/${policyId}/history?limit=2`, { after });
    const next = /^<([^>]+)>/.exec(String(first.headers.link))?.[1] ?? '';
    const second = await shop.client.get<Json[]>(next, { after });
    expect([...first.body, ...second.body].map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
  });
});

describe('a new generation', () => {
  it('numbers its policies from 1, lists them alone, and leaves older ones readable by id (R16)', async () => {
    const older = await shop.createPolicy();
    const opened = await shop.init({ policies: 2, products: 1 });
    const after = await shop.createPolicy();
    expect(after.body.number).toBe(3);
    const { body: listed } = await shop.client.get<Policy[]>('/coupon-policies?all=true', { after });
    expect(listed.map(({ policyId, number }) => [policyId, number])).toEqual([
      ...opened.body.policyIds.map((id, i) => [id, i + 1]),
      [after.body.policyId, 3],
    ]);
    expect((await shop.policy(older.body.policyId, { after })).body).toEqual(older.body);
    expect((await shop.changePolicy(older.body.policyId, changedTerms())).status).toBe(200);
  });
});
