/** Persona A once each, 300 at the same moment, a coupon for everyone (seed 002, `flow_iterations`). */
import { close } from './lib/closing.ts';
import { users } from './lib/environment.ts';
import { onceA } from './lib/expect.ts';
import { impulsive } from './lib/personas.ts';
import { once, onceOptions } from './lib/scenario.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(300);
const coupons = shoppers;

export const options = onceOptions(shoppers);
export const setup = (): World => openShop();
export const sampler = (world: World): void => sampleViewLag(world);
export const teardown = (world: World): void => close(world, shoppers, (shop, stock) => onceA(shop, stock, shoppers, coupons));

export default (world: World): void => once(world, impulsive);
