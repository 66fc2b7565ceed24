import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem, type Json } from '../support/client.ts';
import { startShop, type TestShop } from '../support/shop.ts';

const ROWS = 7;

let shop: TestShop;
let newest: Answer<unknown>;
beforeAll(async () => {
  shop = await startShop();
  const { policyId } = (await shop.createPolicy()).body;
  await shop.createProduct({ id: 'item-0', price: 1, stock: 100 });
  for (let i = 1; i < ROWS; i += 1) await shop.createProduct({ id: `item-${i}` });
  for (let i = 1; i < ROWS; i += 1) await shop.createPolicy();
  await shop.charge('ann', 100);
  for (let i = 0; i < ROWS; i += 1) await shop.issue('ann', policyId);
  for (let i = 0; i < ROWS; i += 1) newest = await shop.order('ann', { 'item-0': 1 });
}, 90_000);
afterAll(() => shop.stop());

const nextOf = ({ headers }: Answer<unknown>): string | null => /^<([^>]+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1] ?? null;

const LISTS = [
  ['/products', 'id'],
  ['/coupon-policies', 'policyId'],
  ['/coupon-policies?all=true', 'policyId'],
  ['/users/ann/orders', 'orderId'],
  ['/users/ann/orders?status=placed', 'orderId'],
  ['/users/ann/coupons', 'couponId'],
  ['/users/ann/balance/history', 'seq'],
] as const;

describe.each(LISTS)('GET %s', (path, id) => {
  const withLimit = (limit: number) => `${path}${path.includes('?') ? '&' : '?'}limit=${limit}`;

  it('is a bare array; pages by cursor are the whole in the same order', async () => {
    const { body: whole } = await shop.client.get<Json[]>(path, { after: newest });
    const paged: Json[] = [];
    for (let next: string | null = withLimit(3); next !== null; ) {
      const page: Answer<Json[]> = await shop.client.get<Json[]>(next, { after: newest });
      expect(page.body.length).toBeLessThanOrEqual(3);
      paged.push(...page.body);
      next = nextOf(page);
    }
    expect(whole.length).toBeGreaterThanOrEqual(ROWS);
    expect(paged.map((row) => row[id])).toEqual(whole.map((row) => row[id]));
    expect(new Set(paged.map((row) => row[id])).size).toBe(whole.length);
  });

  it('has no next page after its last row', async () => {
    expect(nextOf(await shop.client.get(path, { after: newest }))).toBeNull();
    expect(nextOf(await shop.client.get(withLimit(1), { after: newest }))).not.toBeNull();
  });

  it('does not know a cursor of another list or of nobody', async () => {
    const foreign = nextOf(await shop.client.get(path === '/products' ? '/coupon-policies?limit=1' : '/products?limit=1'));
    const cursor = new URL(String(foreign), 'http://shop').searchParams.get('after');
    expect(cursor).toMatch(/./);
    for (const after of [cursor, 'nothing', 'MTIz', '%00']) {
      expectProblem(await shop.client.get(`${withLimit(2)}&after=${after}`), 400, 'invalid-request');
    }
  });
});

describe('a next page', () => {
  it('is not shifted by what was written after the first', async () => {
    const first = await shop.client.get<Json[]>('/users/ann/orders?limit=3', { after: newest });
    const added = await shop.order('ann', { 'item-0': 1 });
    const second = await shop.client.get<Json[]>(String(nextOf(first)), { after: added });
    const ids = [...first.body, ...second.body].map(({ orderId }) => orderId);
    expect(new Set(ids).size).toBe(6);
    expect(ids).not.toContain(added.body.orderId);
  });
});
