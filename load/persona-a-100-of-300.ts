/** Persona A once each, 300 at the same moment, one policy of 100: exactly 100 get a coupon (seed 002, "100 of 300"). */
import { close } from './lib/closing.ts';
import { users } from './lib/environment.ts';
import { onceA } from './lib/expect.ts';
import { impulsive } from './lib/personas.ts';
import { once, onceOptions } from './lib/scenario.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(300);
const coupons = users(100);

export const options = onceOptions(shoppers);
export const setup = (): World => openShop({ policies: 1, couponCount: coupons });
export const sampler = (world: World): void => sampleViewLag(world);
export const teardown = (world: World): void => close(world, shoppers, (shop, stock) => onceA(shop, stock, shoppers, coupons));

export default (world: World): void => once(world, impulsive);
