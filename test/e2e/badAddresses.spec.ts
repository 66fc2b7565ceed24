import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, expectProblem } from '../support/client.ts';
import { expectNothingRecorded, startShop, type TestShop } from '../support/shop.ts';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
  await shop.createProduct({ id: 'thing', price: 10, stock: 100 });
  await shop.charge('ann', 1_000);
}, 90_000);
afterAll(() => shop.stop());
expectNothingRecorded(() => shop);

const sendText = (
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = { 'Content-Type': 'application/json' },
) => shop.client.raw({ method: 'POST', path, headers, body });

const expectInvalid = (answer: Answer, what: string): void => {
  expect([what, answer.status]).toEqual([what, 400]);
  expectProblem(answer, 400, 'invalid-request');
};

describe('ids nobody has given', () => {
  const orderOf = (productId: string, couponId: string | null) =>
    shop.client.post('/orders', { userId: 'ann', couponId, items: [{ productId, quantity: 1 }] });

  it('are told by name', async () => {
    expectProblem(await shop.issue('ann', 'ghost'), 400, 'unknown-policy');
    expectProblem(await orderOf('ghost', null), 404, 'unknown-product');
    expectProblem(await orderOf('constructor', null), 404, 'unknown-product');
    expectProblem(await orderOf('thing', 'ghost-1'), 400, 'unknown-coupon');
    expectProblem(await orderOf('thing', 'constructor'), 400, 'unknown-coupon');
    expectProblem(await orderOf('thing', `${'g'.repeat(60)}-123`), 400, 'unknown-coupon');
    expectProblem(await shop.receive('ghost', 1), 404, 'unknown-product');
    expectProblem(await shop.client.get('/orders/ghost'), 404, 'unknown-order');
    expectProblem(await shop.client.get('/products/__proto__'), 400, 'invalid-request');
    expectProblem(await shop.client.get('/products/constructor'), 404, 'unknown-product');
    expectProblem(await shop.client.get('/coupons/ghost-1'), 404, 'unknown-coupon');
    expectProblem(await shop.client.get('/coupon-policies/ghost'), 404, 'unknown-policy');
  });
});

describe('addresses', () => {
  const WRONG_IN_PATH = [
    '$all',
    '$$x',
    '-',
    '%2e%2e',
    '..%2fx',
    'a%20b',
    'a%00b',
    '%0d%0aX',
    '%ed%a0%80',
    '%ZZ',
    '%',
    '%ff',
    'a'.repeat(65),
    'a;b',
    "a'--",
  ];

  it.each(WRONG_IN_PATH)('with %j in place of an id are 400', async (id) => {
    expectInvalid(await sendText(`/users/${id}/balance`, '{"amount":1}'), 'charge');
    expectInvalid(await sendText(`/products/${id}/stock`, '{"quantity":1}'), 'stock');
    for (const path of [`/users/${id}/balance`, `/users/${id}/coupons`, `/users/${id}/orders`, `/users/${id}/balance/history`]) {
      expectInvalid(await shop.client.get(path), path);
    }
    for (const path of [`/orders/${id}`, `/products/${id}`, `/coupon-policies/${id}`, `/coupons/${id}`]) {
      expectInvalid(await shop.client.get(path), path);
    }
    expectInvalid(await shop.client.raw({ method: 'POST', path: `/coupons?userId=${id.replace('%ZZ', '$')}&policyId=x` }), 'coupon');
  });

  it.each(['/', '/admin', '/orders/', '/users/../orders', '/users//balance', '/Orders', '/init/x', '/.env', '/metrics%00'])(
    'nobody serves are 404: %s',
    async (path) => {
      const answer = await sendText(path, '{}');
      expect([400, 404, 405]).toContain(answer.status);
      expectProblem(
        answer,
        answer.status,
        { 400: 'invalid-request', 404: 'not-found', 405: 'method-not-allowed' }[answer.status] as string,
      );
    },
  );

  it.each([
    ['DELETE', '/orders', 'POST'],
    ['GET', '/orders', 'POST'],
    ['PUT', '/users/ann/balance', 'GET, HEAD, POST'],
    ['PATCH', '/products', 'GET, HEAD, POST'],
    ['DELETE', '/users/ann/coupons', 'GET, HEAD'],
    ['GET', '/init', 'POST'],
    ['DELETE', '/health/ready', 'GET, HEAD'],
  ])('do not take %s %s: 405 and what they take', async (method, path, allowed) => {
    const answer = await shop.client.raw({ method, path });
    expectProblem(answer, 405, 'method-not-allowed');
    expect(answer.headers.allow?.split(', ').sort().join(', ')).toBe(allowed);
  });

  it('may not be longer than 2 KB', async () => {
    expectInvalid(await shop.client.get(`/products?after=${'a'.repeat(2_100)}`), 'query');
    expectInvalid(await shop.client.get(`/orders/${'a'.repeat(2_100)}`), 'path');
  });

  it('know their query members and no others', async () => {
    const queries = [
      'limit=0',
      'limit=101',
      'limit=-1',
      'limit=1.5',
      'limit=abc',
      'limit=',
      'limit=1&limit=2',
      'after=garbage',
      'after=',
      'x=1',
      '__proto__=1',
    ];
    for (const query of queries) {
      for (const path of ['/products', '/coupon-policies', '/users/ann/orders', '/users/ann/coupons', '/users/ann/balance/history']) {
        expectInvalid(await shop.client.get(`${path}?${query}`), `${path}?${query}`);
      }
    }
    for (const path of ['/users/ann/orders?status=lost', "/users/ann/coupons?status='", '/users/ann/balance?x=1', '/orders/x?limit=1']) {
      expectInvalid(await shop.client.get(path), path);
    }
  });
});
