/** Persona A with 100 shoppers for three minutes, while Redis is stopped for 15 s: nobody notices, and every won is right. */
import { close } from './lib/closing.ts';
import { users } from './lib/environment.ts';
import { manyA } from './lib/expect.ts';
import { impulsive } from './lib/personas.ts';
import { again, rampOptions } from './lib/scenario.ts';
import { thresholds } from './lib/summary.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(100);
const stages = { up: 30, hold: 120, down: 30 };

export const options = {
  ...rampOptions(shoppers, stages),
  // Redis decides nothing, so its absence excuses no failed request either.
  thresholds: { ...thresholds(), 'http_req_failed{audit:false}': ['rate==0'] },
};
export const setup = (): World => openShop({}, 0);
export const sampler = (world: World): void => sampleViewLag(world);
// The sampler takes one of the numbers by which shoppers are named.
export const teardown = (world: World): void => close(world, shoppers + 1, (shop, stock) => manyA(shop, stock, 0));

export default (world: World): void => again(world, stages, impulsive);
