import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { audit } from '../../src/audit/audit.ts';
import { isClean } from '../../src/audit/report.ts';
import { promote, requestBuild, retire, versions } from '../../src/projections/versions.ts';
import type { Answer } from '../support/client.ts';
import { newCoupon, newProduct, newUser, startShop, type TestShop } from '../support/shop.ts';
import { projections } from './world.ts';

jest.setTimeout(90_000);

const BUYERS = 12;
const ZONE = 'Asia/Seoul';

let shop: TestShop;
beforeAll(async () => {
  shop = await startShop();
}, 90_000);
afterAll(() => shop.stop());

type Told = Readonly<{ answers: number; wrong: readonly string[] }>;

/** Charges, takes a coupon, buys, and after each answer asks whether the views know: every answer must, none may be missing. */
const buyer = async (product: string, until: () => boolean): Promise<Told> => {
  const wrong: string[] = [];
  let answers = 0;
  const note = <Body>(what: string, { status, body, text }: Answer<Body>, said: (body: Body) => unknown, due: unknown): void => {
    answers += 1;
    const found = status === 200 ? said(body) : text;
    if (found !== due) wrong.push(`${what}: ${status} ${found}, not ${due}`);
  };
  const user = await newUser(shop, 0);
  let balance = 0;
  for (let n = 1; !until(); n += 1) {
    const charged = await shop.charge(user, 10_000);
    balance += 10_000;
    note('balance', await shop.balance(user, { after: charged }), (body) => body.balance, balance);
    const couponId = await newCoupon(shop, user, { discountAmount: 500 });
    const ordered = await shop.order(user, { [product]: 2 }, couponId);
    balance -= ordered.body.totalAmount;
    const [orders, history, coupons] = await Promise.all([
      shop.orders(user, { after: ordered }),
      shop.history(user, { after: ordered }),
      shop.coupons(user, { after: ordered }),
    ]);
    note('orders', orders, (body) => body.length, Math.min(n, 100));
    note('history', history, (body) => body[0]?.balanceAfter, balance);
    note('coupons', coupons, (body) => body.find((coupon) => coupon.couponId === couponId)?.status, 'used');
  }
  return { answers, wrong };
};

it('every view is rebuilt, promoted, and its old table retired while the shop sells: no answer is wrong or missing (BG2, RG4, I19)', async () => {
  const product = await newProduct(shop, 1_000, 1_000_000);
  let done = false;
  const buying = Promise.all(Array.from({ length: BUYERS }, () => buyer(product, () => done)));
  const swaps: string[] = [];
  try {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    for (const projection of projections) expect(await requestBuild(shop.database, projection)).toMatchObject({ kind: 'done' });
    for (const projection of projections) {
      const table = `${projection.name}_v1_2`;
      for (let tries = 0; tries < 60; tries += 1) {
        const answer = await promote(shop.database, projection, table);
        if (answer.kind === 'done') break;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
      swaps.push(projection.name);
      await retire(shop.database, `${projection.name}_v1`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  } finally {
    done = true;
  }
  const told = await buying;
  expect(told.flatMap(({ wrong }) => wrong)).toEqual([]);
  expect(told.reduce((sum, { answers }) => sum + answers, 0)).toBeGreaterThan(100);
  const all = await versions(shop.database);
  expect(all.filter(({ status }) => status === 'live').map(({ table }) => table)).toEqual(
    swaps.map((name) => `${name}_v1_2`).sort((a, b) => a.localeCompare(b)),
  );
  expect(all.filter(({ status }) => status === 'retired')).toHaveLength(projections.length);
  // Row for row what the log says (K12).
  const report = await audit({ store: shop.store, database: shop.database, serviceZone: ZONE, now: Date.now });
  expect(report.violations).toEqual([]);
  expect(isClean(report)).toBe(true);
});
