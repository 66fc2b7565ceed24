import { expect, it } from '@jest/globals';
import { median, medianOfKnown, percentile } from './statistics.ts';

it('a percentile is one of the values, in whatever order they come', () => {
  const values = Array.from({ length: 100 }, (_, n) => ((n * 37) % 100) + 1);
  expect(percentile(values, 0.5)).toBe(50);
  expect(percentile(values, 0.95)).toBe(95);
  expect(percentile(values, 0.99)).toBe(99);
  expect(percentile(values, 1)).toBe(100);
  expect(percentile(values, 0)).toBe(1);
});

it('a percentile compares numbers, not their text', () => {
  expect(median([10, 9, 100])).toBe(10);
});

it('the median of an even number of values is the lower one in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2);
});

it('what is not known does not count', () => {
  expect(medianOfKnown([undefined, 5, undefined, 7, 9])).toBe(7);
  expect(medianOfKnown([undefined])).toBeUndefined();
});

it('nothing has no median', () => {
  expect(() => median([])).toThrow(RangeError);
});
