import { expect, it } from '@jest/globals';
import { TimeLimits } from '../../src/commands/timeLimits.ts';

const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

it('gives those who begin at the same time one limit, and later ones another', () => {
  let now = 0;
  const limits = new TimeLimits(3_000, () => now);
  const first = limits.next();
  now = 49;
  expect(limits.next()).toBe(first);
  now = 50;
  expect(limits.next()).not.toBe(first);
});

it('is shared by 256 at most', () => {
  const limits = new TimeLimits(3_000, () => 0);
  const given = Array.from({ length: 257 }, () => limits.next());
  expect(new Set(given).size).toBe(2);
});

it('is never shorter than said, and never handed out when it is over', async () => {
  const limits = new TimeLimits(20, () => 0); // A clock that stands still: by it, all begin at the same time.
  const begun = performance.now();
  const limit = limits.next();
  await new Promise((resolve) => limit.addEventListener('abort', resolve, { once: true }));
  expect(performance.now() - begun).toBeGreaterThanOrEqual(20);
  expect(limits.next().aborted).toBe(false);
  await after(40);
});
