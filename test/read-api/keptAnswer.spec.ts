import { beforeEach, expect, it } from '@jest/globals';
import { type Generational, KeptAnswer } from '../../src/read-api/keptAnswer.ts';
import type { Snapshot } from '../../src/read-api/readModels.ts';
import { created, generationOpened, NOON } from '../projections/facts.ts';
import { Shop } from './shop.ts';

const KEEP_MS = 1_000;

let wall: number;
let passed: number;
let present: number;
let asOf: bigint;
let untilAt: number | null;
let openedAt: number;
let takes: string[];
let kept: KeptAnswer<string>;

beforeEach(() => {
  [wall, passed, present, asOf, untilAt, openedAt, takes] = [NOON, 0, 1, 50n, null, NOON - 60_000, []];
  const take = async (variant: string): Promise<Snapshot<Generational<string>>> => {
    takes.push(variant);
    const taken = { asOf, value: { of: { generation: present, opened_at: String(openedAt) }, value: `take ${takes.length}`, untilAt } };
    await new Promise((resolve) => setImmediate(resolve));
    return taken;
  };
  const generation = async () => ({ asOf, value: present });
  kept = new KeptAnswer({ now: () => wall, monotonic: () => passed }, KEEP_MS, generation, take);
});

const read = async (token: bigint | null = null, variant?: string) => (await kept.read(token, variant)).value;

it('gives the same answer for a second, and a new one after it', async () => {
  expect(await read()).toBe('take 1');
  passed = KEEP_MS;
  expect(await read()).toBe('take 1');
  passed = KEEP_MS + 1;
  expect(await read()).toBe('take 2');
});

it('D39: gives no answer from below the token of the caller', async () => {
  await read();
  expect(await read(50n)).toBe('take 1');
  asOf = 51n;
  expect(await kept.read(51n)).toEqual({ asOf: 51n, value: 'take 2' });
});

it('gives no answer of an older generation, even to who brings no token', async () => {
  await read();
  present = 2;
  expect(await read()).toBe('take 2');
});

it('keeps nothing while a generation may still be filled', async () => {
  openedAt = NOON - 9_999;
  expect([await read(), await read()]).toEqual(['take 1', 'take 2']);
  wall = NOON + 1;
  expect([await read(), await read()]).toEqual(['take 3', 'take 3']);
});

it('gives no answer past the moment up to which it is true, nor that of another day', async () => {
  untilAt = NOON + 10;
  await read();
  wall = NOON + 9;
  expect(await read()).toBe('take 1');
  wall = NOON + 10;
  expect(await read()).toBe('take 2');
  expect(await read(null, '2026-01-06')).toBe('take 3');
});

it('takes one answer for all who ask at the same time', async () => {
  const answers = await Promise.all(Array.from({ length: 1_000 }, () => read()));
  expect([new Set(answers), takes.length]).toEqual([new Set(['take 1']), 1]);
});

it('shows the new generation to every query after /init has been answered, without a token', async () => {
  const shop = await Shop.open();
  try {
    shop.now = NOON + 60_000;
    await shop.world.recordOurs('shop-main', generationOpened(1, ['p1', '2026-01-05', 5]));
    await shop.world.recordOurs('product-p1', created('p1'));
    await shop.world.drained();
    for (const path of ['/products', '/products/top/realtime', '/coupon-policies']) await shop.get(path);
    await shop.world.recordOurs('shop-main', generationOpened(2));
    await shop.world.drained();
    for (const path of ['/products', '/products/top/realtime', '/coupon-policies']) expect((await shop.get(path)).body).toEqual([]);
  } finally {
    await shop.close();
  }
});
