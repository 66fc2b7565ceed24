import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { charged, issued, NOON, policyOpened } from '../projections/facts.ts';
import { nextOf, Shop } from './shop.ts';

const LISTS = ['/users/ann/balance/history', '/users/ann/coupons', '/users/ann/orders', '/products', '/coupon-policies'];
const OTHERS = [
  '/users/id?name=ann',
  '/users/ann/balance',
  '/orders/o1',
  '/products/p1',
  '/products/top',
  '/products/top/realtime',
  '/coupon-policies/cp1-1',
  '/coupons/cp1-1-1',
];
const withQuery = (path: string, query: string): string => `${path}${path.includes('?') ? '&' : '?'}${query}`;

let shop: Shop;
beforeAll(async () => {
  shop = await Shop.open();
  await shop.world.recordOurs('account-ann', charged(1, 1, 1), charged(2, 1, 2, NOON + 1));
  await shop.world.recordOurs('couponPolicy-cp1-1', policyOpened('cp1-1', 1), issued('cp1-1', 1, 'ann'), issued('cp1-1', 2, 'ann'));
  await shop.world.drained();
});
afterAll(() => shop.close());

const refused = async (path: string, headers: Readonly<Record<string, string>> = {}) => {
  const { status, body } = await shop.get(path, headers);
  return [status, body.type];
};
const INVALID = [400, '/problems/invalid-request'];

describe('every query', () => {
  it.each([...LISTS, ...OTHERS])('refuses members it does not know: %s', async (path) => {
    for (const query of ['x=1', '__proto__=1', 'constructor=1']) expect(await refused(withQuery(path, query))).toEqual(INVALID);
  });

  it.each([...LISTS, ...OTHERS])('RG2: refuses a token that is none: %s', async (path) => {
    for (const token of ['', 'x', '-1', '1.5', '01', '1e3', ' 1', String(2n ** 63n), '9'.repeat(40)]) {
      expect(await refused(withQuery(path, `readAfter=${encodeURIComponent(token)}`))).toEqual(INVALID);
    }
    expect(await refused(withQuery(path, 'readAfter=1&readAfter=2'))).toEqual(INVALID);
    expect(await refused(path, { 'Read-After': '-1' })).toEqual(INVALID);
  });

  it('takes the header before the member', async () => {
    expect((await shop.get('/users/ann/balance?readAfter=9000000000000000000', { 'Read-After': '0' })).status).toBe(200);
  });

  it('answers HEAD like GET, and says 405 to any other method', async () => {
    const url = `${shop.origin}/users/ann/balance`;
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text(), head.headers.has('As-Of')]).toEqual([200, '', true]);
    const put = await fetch(url, { method: 'PUT' });
    expect([put.status, put.headers.get('Allow')]).toEqual([405, 'GET, HEAD']);
  });
});

describe('every list', () => {
  it.each(LISTS)('S6: takes 1 to 100 as limit: %s', async (path) => {
    for (const limit of ['1', '99', '100']) expect((await shop.get(`${path}?limit=${limit}`)).status).toBe(200);
    for (const limit of ['0', '101', '-1', '1.5', '', '007', 'x', '1e1', '9'.repeat(30)]) {
      expect(await refused(`${path}?limit=${limit}`)).toEqual(INVALID);
    }
    expect(await refused(`${path}?limit=1&limit=2`)).toEqual(INVALID);
  });

  it.each(LISTS)('refuses a cursor it never gave: %s', async (path) => {
    const encoded = (text: string) => Buffer.from(text).toString('base64url');
    const garbage = [
      '',
      'x',
      '!!',
      encoded('1'),
      encoded('1.2'),
      encoded("1' or true--.abc"),
      encoded('99999999999999999999.1'),
      'A'.repeat(400),
    ];
    for (const cursor of garbage) expect(await refused(`${path}?after=${encodeURIComponent(cursor)}`)).toEqual(INVALID);
  });

  it.each(['/users/ann/balance/history', '/users/ann/coupons'])(
    'refuses a real cursor that was changed, or is of another list: %s',
    async (path) => {
      const cursor = new URLSearchParams(String(nextOf(await shop.get(`${path}?limit=1`))).split('?')[1]).get('after') as string;
      expect((await shop.get(`${path}?after=${cursor}`)).status).toBe(200);
      for (let i = 0; i < cursor.length; i += 1) {
        const changed = `${cursor.slice(0, i)}${cursor[i] === 'A' ? 'B' : 'A'}${cursor.slice(i + 1)}`;
        expect(await refused(`${path}?after=${changed}`)).toEqual(INVALID);
      }
      expect(await refused(`${path}?after=${cursor.slice(0, -1)}`)).toEqual(INVALID);
      expect(await refused(`${path}?after=${cursor}=`)).toEqual(INVALID);
      expect(await refused(`/users/ann/orders?after=${cursor}`)).toEqual(INVALID);
    },
  );

  it('refuses a status it does not know', async () => {
    for (const status of ['deleted', 'Available', '', 'placed'])
      expect(await refused(`/users/ann/coupons?status=${status}`)).toEqual(INVALID);
    for (const status of ['PAID', '', 'used']) expect(await refused(`/users/ann/orders?status=${status}`)).toEqual(INVALID);
    for (const all of ['1', '', 'yes']) expect(await refused(`/coupon-policies?all=${all}`)).toEqual(INVALID);
  });
});

it('S13: treats what looks like SQL as the text it is', async () => {
  for (const text of ["ann'--", 'ann"', "';drop table accounts_v1;--", '$1', '%27%20or%20true']) {
    const encoded = text.includes('%') ? text : encodeURIComponent(text);
    for (const path of [`/users/${encoded}/balance`, `/orders/${encoded}`, `/products/${encoded}`, `/coupons/${encoded}`]) {
      expect(await refused(path)).toEqual(INVALID);
    }
  }
  expect((await shop.get('/users/ann/balance')).body.balance).toBe(2);
});
