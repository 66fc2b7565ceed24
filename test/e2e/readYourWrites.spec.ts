import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, atOnce, expectProblem } from '../support/client.ts';
import { type CommandProcess, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
let other: CommandProcess;
beforeAll(async () => {
  shop = await startShop();
  other = await shop.anotherCommandApi();
  await shop.createProduct({ id: 'thing', price: 1_000, stock: 10 });
  await shop.createProduct({ id: 'none-left', price: 1_000 });
}, 90_000);
afterAll(() => shop.stop());

const positionOf = (answer: Answer<unknown>, header: 'read-after' | 'as-of'): bigint => {
  expect(answer.headers[header]).toMatch(/^(0|[1-9][0-9]*)$/);
  return BigInt(String(answer.headers[header]));
};

describe('Read-After', () => {
  it('stands on every answer to a command, and grows', async () => {
    const policy = await shop.createPolicy({ count: 1 });
    const answers = [
      policy,
      await shop.createProduct({ id: 'tokened', stock: 3 }),
      await shop.receive('tokened', 3),
      await shop.charge('tok', 10_000),
      await shop.issue('tok', policy.body.policyId),
      await shop.order('tok', { thing: 1 }, `${policy.body.policyId}-1`),
    ];
    const positions = answers.map((answer) => positionOf(answer, 'read-after'));
    expect(positions).toEqual([...positions].sort((a, b) => (a < b ? -1 : 1)));
    expect(new Set(positions).size).toBe(positions.length);
  });

  it('stands on refusals that a stream decided: a query at it sees why', async () => {
    await shop.charge('refused', 1_000, { key: 'k' });
    const { policyId } = (await shop.createPolicy({ count: 1, perUser: 1 })).body;
    await shop.issue('refused', policyId);
    const refusals = [
      [await shop.charge('refused', 2, { key: 'k' }), 'key-reused'],
      [await shop.issue('refused-2', policyId), 'sold-out'],
      [await shop.order('refused', { thing: 2 }), 'insufficient-balance'],
      [await shop.order('refused', { thing: 1 }, 'no-coupon-1'), 'unknown-coupon'],
      [await shop.order('refused', { 'none-left': 1 }), 'out-of-stock'],
      [await shop.order('refused', { ghost: 1 }), 'unknown-product'],
      [await shop.createProduct({ id: 'thing' }), 'product-exists'],
    ] as const;
    for (const [refusal, name] of refusals) {
      expect((refusal.body as { type?: string }).type).toBe(`/problems/${name}`);
      const token = positionOf(refusal, 'read-after');
      expect(positionOf(await shop.balance('refused', { after: refusal }), 'as-of')).toBeGreaterThanOrEqual(token);
    }
  });

  it('is heeded by every query, as a header or in the address: As-Of is never below it', async () => {
    const { policyId } = (await shop.createPolicy()).body;
    const { couponId } = (await shop.issue('reader', policyId)).body;
    await shop.charge('reader', 1_000);
    const placed = await shop.order('reader', { thing: 1 });
    const paths = [
      '/users/id?name=reader',
      '/users/reader/balance',
      '/users/reader/balance/history',
      '/users/reader/coupons',
      '/users/reader/coupons?status=available',
      '/users/reader/orders',
      '/users/reader/orders?status=placed',
      `/orders/${placed.body.orderId}`,
      '/products',
      '/products/thing',
      '/products/top',
      '/products/top/realtime',
      '/coupon-policies',
      '/coupon-policies?all=true',
      `/coupon-policies/${policyId}`,
      `/coupons/${couponId}`,
    ];
    for (const path of paths) {
      const newest = await shop.charge('reader', 1);
      const token = positionOf(newest, 'read-after');
      const byHeader = await shop.client.get(path, { after: newest });
      const byQuery = await shop.client.get(`${path}${path.includes('?') ? '&' : '?'}readAfter=${token}`);
      for (const answer of [byHeader, byQuery]) {
        expect([path, answer.status]).toEqual([path, 200]);
        expect(positionOf(answer, 'as-of')).toBeGreaterThanOrEqual(token);
      }
    }
  });

  it('shows each of 100 writes at once to its writer', async () => {
    const seen = await atOnce(100, async (i) => {
      const charged = await shop.charge(`writer-${i}`, i + 1);
      return (await shop.balance(`writer-${i}`, { after: charged })).body.balance;
    });
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
  });

  it('of an older write is answered at once', async () => {
    const { body } = await shop.charge('older', 5);
    expect(body.balance).toBe(5);
    expect((await shop.client.get('/users/older/balance', { headers: { 'Read-After': '0' } })).status).toBe(200);
  });

  it('that is ahead of every view waits two seconds, then says that the view is late', async () => {
    const begun = performance.now();
    const answer = await shop.client.get('/users/reader/balance', { headers: { 'Read-After': String(2n ** 62n) } });
    const waited = performance.now() - begun;
    expectProblem(answer, 503, 'read-model-behind');
    expect(answer.headers['retry-after']).toBe('1');
    expect(waited).toBeGreaterThan(1_900);
    expect(waited).toBeLessThan(3_000);
  });

  it('in the header wins over the one in the address', async () => {
    const answer = await shop.client.get(`/users/reader/balance?readAfter=${2n ** 62n}`, { headers: { 'Read-After': '1' } });
    expect(answer.status).toBe(200);
  });

  it.each(['-1', '1.5', 'abc', '0x1', '1e3', '01', String(2n ** 63n), '9'.repeat(60), '1,2'])('that is %s is garbage', async (token) => {
    expectProblem(await shop.client.get('/users/reader/balance', { headers: { 'Read-After': token } }), 400, 'invalid-request');
    expectProblem(await shop.client.get(`/products?readAfter=${token}`), 400, 'invalid-request');
  });
});

describe('commands need no token: what one process answered, another decides on', () => {
  it('money', async () => {
    for (let round = 0; round < 5; round += 1) {
      expectProblem(await other.order('moved', { thing: 1 }), 400, 'insufficient-balance');
      expect((await shop.charge('moved', 500)).body.balance).toBe(round * 500 + 500);
      if (round === 1) break;
    }
    expect((await other.order('moved', { thing: 1 })).status).toBe(201);
  });

  it('coupons, also of a policy the other has looked at a moment before', async () => {
    const { policyId } = (await shop.createPolicy()).body;
    await shop.createProduct({ id: 'couponed', price: 1_000, stock: 100 });
    await shop.charge('roamer', 100_000);
    for (let round = 0; round < 5; round += 1) {
      expectProblem(await other.order('roamer', { couponed: 1 }, `${policyId}-${round + 1}`), 400, 'unknown-coupon');
      const { couponId } = (await shop.issue('roamer', policyId)).body;
      expect((await other.order('roamer', { couponed: 1 }, couponId)).status).toBe(201);
    }
  });

  it('policies, also when the other was asked for them a moment before', async () => {
    const next = (await shop.createPolicy()).body.policyId.replace(/\d+$/, (n) => String(Number(n) + 1));
    expectProblem(await other.issue('eager', next), 400, 'unknown-policy');
    expect((await shop.createPolicy()).body.policyId).toBe(next);
    expect((await other.issue('eager', next)).status).toBe(201);
  });

  it('stock', async () => {
    await shop.charge('stocker', 10_000);
    for (let round = 0; round < 5; round += 1) {
      expectProblem(await other.order('stocker', { 'none-left': 1 }), 409, 'out-of-stock');
      await shop.receive('none-left', 1);
      expect((await other.order('stocker', { 'none-left': 1 })).status).toBe(201);
    }
  });
});
