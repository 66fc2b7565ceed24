import { expect, it } from '@jest/globals';
import { PageSize } from '../../../src/embedded/event-store/reads/pageSize.ts';

/** Sizes of 20 pages of events that are `bytes` each and take `ms`. */
const pagesOf = (bytes: number, ms = 0): number[] => {
  const size = new PageSize();
  return Array.from({ length: 20 }, () => {
    const { events } = size;
    size.learn(events * bytes, events * ms);
    return events;
  });
};

it('small events come by the hundreds, soon', () => {
  expect(pagesOf(200).slice(0, 5)).toEqual([32, 64, 128, 256, 256]);
});

it('large events come few at a time: at most 32 MiB at first, then twice the limit at most', () => {
  const pages = pagesOf(1024 * 1024);
  expect(pages.slice(0, 7)).toEqual([32, 16, 8, 4, 2, 1, 1]);
  for (const bytes of [1_000, 10_000, 50_000, 200_000]) {
    expect(Math.max(...pagesOf(bytes).slice(6)) * bytes).toBeLessThanOrEqual(512 * 1024);
  }
});

it('slow events come few at a time', () => {
  expect(pagesOf(200, 3).slice(0, 5)).toEqual([32, 16, 8, 4, 8]);
});
