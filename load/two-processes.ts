/**
 * Two command processes behind one edge, 300 shoppers at the same moment: `CROWD` = a (a coupon for everyone), 100-of-300, b or
 * c. The states are exact as with one process, and no shopper starves: 99 % of the orders within a second.
 * With `--kill command-api-2@0.4` one of the two is killed in mid-run; `--env WARM=1500` meets processes that have served before.
 */
import { close } from './lib/closing.ts';
import { users } from './lib/environment.ts';
import { type Expected, onceA, onceB, onceC } from './lib/expect.ts';
import type { ShopState } from './lib/oracle.ts';
import { impulsive, malicious, rational, type Visit } from './lib/personas.ts';
import { once, onceOptions } from './lib/scenario.ts';
import { orderThresholds } from './lib/summary.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { type InitOverrides, openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(300);
const coupons = users(100);

type Crowd = Readonly<{
  persona: (visit: Visit) => void;
  opened: InitOverrides;
  expected: (shop: ShopState, stock: Readonly<Record<string, number>>) => Expected;
}>;

const oneOfAHundred: InitOverrides = { policies: 1, couponCount: coupons };
const crowds: Readonly<Record<string, Crowd>> = {
  a: { persona: impulsive, opened: {}, expected: (shop, stock) => onceA(shop, stock, shoppers, shoppers) },
  '100-of-300': { persona: impulsive, opened: oneOfAHundred, expected: (shop, stock) => onceA(shop, stock, shoppers, coupons) },
  b: { persona: rational, opened: oneOfAHundred, expected: (shop, stock) => onceB(shop, stock, shoppers, coupons) },
  c: { persona: malicious, opened: oneOfAHundred, expected: (shop, stock) => onceC(shop, stock, shoppers, coupons) },
};

const crowd = crowds[__ENV.CROWD ?? 'a'];
if (!crowd) throw new Error(`CROWD must be one of ${Object.keys(crowds).join(', ')}`);

export const options = {
  ...onceOptions(shoppers),
  // What is promised here is that nobody starves; how fast the shop is the other scenarios judge.
  thresholds: orderThresholds({ order_time: ['p(99)<1000'], 'http_req_duration{audit:false}': [] }),
};
export const setup = (): World => openShop(crowd.opened);
export const sampler = (world: World): void => sampleViewLag(world);
export const teardown = (world: World): void => close(world, shoppers, crowd.expected);

export default (world: World): void => once(world, crowd.persona);
