import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AppendInDoubt } from '../../../src/platform/eventStore/eventStore.ts';
import { type Answer, atOnce, byStatus, expectProblem } from '../../support/client.ts';
import { commandsWithFaults, unanswered } from '../../support/faultyCommands.ts';
import { bodiesOf, type CommandProcess, type Coupon, eventsOf, newProduct, newUser, startShop, type TestShop } from '../../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
});
afterAll(() => shop.stop());

const COUNT = 3;
const limited = async (): Promise<string> => (await shop.createPolicy({ count: COUNT, perUser: 1 })).body.policyId;
const streamOf = (policyId: string): string => `couponPolicy-${policyId}`;

describe('issues that failed', () => {
  it('take nothing from the count and lock nobody out: sold out is only what is (D9, D24)', async () => {
    const policyId = await limited();
    const cut = await commandsWithFaults(shop, (append) => (stream, ...rest) => {
      return (stream === streamOf(policyId) ? unanswered : append)(stream, ...rest);
    });
    const failed = await atOnce(10, (i) => cut.issue(`failed-${i}`, policyId));
    expect(byStatus(failed)).toEqual({ 503: 10 });
    await cut.stop();

    const answers: Answer<Coupon>[] = [];
    for (let i = 0; i <= COUNT; i += 1) answers.push(await (i % 2 === 0 ? shop : other).issue(`failed-${i}`, policyId));
    expect(bodiesOf(answers, 201).map(({ serial }) => serial)).toEqual([1, 2, 3]);
    expectProblem(answers[COUNT] as Answer, 409, 'sold-out');
    expect((await shop.policy(policyId, { after: answers[COUNT] as Answer })).body).toMatchObject({ issued: COUNT, remaining: 0 });
  });

  it('whose answer alone was lost are found again, and count once (D9, D24)', async () => {
    const policyId = await limited();
    let lost = 0;
    const lossy = await commandsWithFaults(shop, (append) => async (stream, ...rest) => {
      const appended = await append(stream, ...rest);
      if (stream !== streamOf(policyId) || lost > 0) return appended;
      lost += 1;
      throw new AppendInDoubt('the answer was lost');
    });
    const first = await lossy.issue('ann', policyId, { key: 'k' });
    expect([lost, first.status, first.body.serial]).toEqual([1, 201, 1]);
    expect((await other.issue('ann', policyId, { key: 'k' })).text).toBe(first.text);
    expect(await eventsOf(shop, streamOf(policyId), 'CouponIssued')).toBe(1);
    await lossy.stop();
  });
});

it('conflicts of two processes on one stream are nobody’s concern outside (D11, D19)', async () => {
  const { policyId } = (await shop.createPolicy({ count: null })).body;
  const issued = await atOnce(100, (i) => (i % 2 === 0 ? shop : other).issue(`crowd-${i}`, policyId));
  expect(byStatus(issued)).toEqual({ 201: 100 });
  const product = await newProduct(shop, 10, 100);
  const buyers = await atOnce(50, () => newUser(shop, 10));
  const placed = await atOnce(50, (i) => (i % 2 === 0 ? shop : other).order(buyers[i] as string, { [product]: 2 }));
  expect(byStatus(placed)).toEqual({ 400: 50 });
  const paid = await atOnce(50, (i) => (i % 2 === 0 ? shop : other).order(buyers[i] as string, { [product]: 1 }));
  expect(byStatus(paid)).toEqual({ 201: 50 });
});

describe('answers that are kept for a while (D39)', () => {
  it('are given to nobody who has seen more: rankings and lists show each write to who brings its token', async () => {
    await shop.init();
    const product = await newProduct(shop, 1, 10_000);
    const user = await newUser(shop, 100_000);
    for (let round = 1; round <= 5; round += 1) {
      // Somebody without a token has just asked, so that every answer is a kept one.
      await Promise.all(['/products/top/realtime', '/products', '/coupon-policies'].map((path) => shop.client.get(path)));
      const order = await shop.order(user, { [product]: 1_000 });
      const ranking = await shop.client.get<{ productId: string; soldQty: number }[]>('/products/top/realtime', { after: order });
      const sold = ranking.body.find(({ productId }) => productId === product)?.soldQty;
      expect([round, sold]).toEqual([round, round * 1_000]);
      const listed = await shop.client.get<{ id: string; stock: number }[]>('/products', { after: order });
      expect(listed.body.find(({ id }) => id === product)?.stock).toBe(10_000 - round * 1_000);
      const created = await shop.createPolicy();
      const policies = await shop.client.get<{ policyId: string }[]>('/coupon-policies', { after: created });
      expect(policies.body.map(({ policyId }) => policyId)).toContain(created.body.policyId);
      const deleted = await shop.deletePolicy(created.body.policyId);
      const left = await shop.client.get<{ policyId: string }[]>('/coupon-policies', { after: deleted });
      expect(left.body.map(({ policyId }) => policyId)).not.toContain(created.body.policyId);
    }
  });
});
