/** Persona B once each, 300 at the same moment, one policy of 100: every balance ends at exactly 0. */
import { close } from './lib/closing.ts';
import { users } from './lib/environment.ts';
import { onceB } from './lib/expect.ts';
import { rational } from './lib/personas.ts';
import { once, onceOptions } from './lib/scenario.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(300);
const coupons = users(100);

export const options = onceOptions(shoppers);
export const setup = (): World => openShop({ policies: 1, couponCount: coupons });
export const sampler = (world: World): void => sampleViewLag(world);
export const teardown = (world: World): void => close(world, shoppers, (shop, stock) => onceB(shop, stock, shoppers, coupons));

export default (world: World): void => once(world, rational);
