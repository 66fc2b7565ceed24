/** Persona A again and again with up to 300 shoppers (seed 002, `flow_300vus`); its published figures are to be beaten. */
import { close } from './lib/closing.ts';
import { scale, users } from './lib/environment.ts';
import { manyA } from './lib/expect.ts';
import { impulsive } from './lib/personas.ts';
import { again, rampOptions } from './lib/scenario.ts';
import { sampleViewLag } from './lib/viewLag.ts';
import { openShop, type World } from './lib/world.ts';

export { handleSummary } from './lib/summary.ts';

const shoppers = users(300);
const stages = { up: 30, hold: 120, down: 20 };
/** What the seed's best run reached over its 170 s; a shrunken run has nothing to compare. */
const published = { requestsPerSecond: 638.3, iterationsPerSecond: 106.4, orderP95Ms: 1_020 };

export const options = rampOptions(shoppers, stages);
export const setup = (): World => openShop({}, 0);
export const sampler = (world: World): void => sampleViewLag(world);
// The sampler takes one of the numbers by which shoppers are named.
export const teardown = (world: World): void =>
  close(world, shoppers + 1, (shop, stock) => ({ ...manyA(shop, stock, 0), ...(scale === 1 ? { beaten: published } : {}) }));

export default (world: World): void => again(world, stages, impulsive);
