/**
 * The value below which the given share (0 to 1) of the values lies, by the nearest rank: always one of them.
 * @throws RangeError when there are none.
 */
export const percentile = (values: readonly number[] | Float64Array, share: number): number => {
  const sorted = Float64Array.from(values).sort();
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new RangeError('a percentile of nothing');
  return found;
};

/** Of an even number of values the lower of the two in the middle. @throws RangeError when there are none. */
export const median = (values: readonly number[]): number => percentile(values, 0.5);

/** The median of what is known; undefined when nothing is. */
export const medianOfKnown = (values: readonly (number | undefined)[]): number | undefined => {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : median(known);
};
