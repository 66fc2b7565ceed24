import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectProblem } from '../support/client.ts';
import { startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 60_000);
afterAll(() => shop.stop());

it('a request that the queue did not confirm is 503 and never 200, also while the queue hangs or is gone (R46, D12)', async () => {
  const { number, policyId } = (await shop.createPolicy()).body;
  await shop.stopEventStore();
  const body = { userId: 'ann', couponId: number, transactionId: 'tx-1' };
  const answers = await Promise.all([
    shop.client.post('/api/v1/coupon/issue', body),
    shop.client.post(`/coupons/async?userId=ann&policyId=${policyId}`),
  ]);
  for (const answer of answers) {
    expectProblem(answer, 503, 'unavailable');
    expect(answer.headers['retry-after']).toBe('1');
  }
  expect(answers[0]?.body).toMatchObject({ code: 503, data: null });
}, 60_000);
