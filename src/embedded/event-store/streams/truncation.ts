import type { StreamMetadata } from './streamMetadata.ts';

/**
 * The first revision that `$maxCount` and `$tb` leave to readers of a stream whose last one is `last`; above `last` when
 * they leave none.
 */
export const firstKept = ({ maxCount, truncateBefore }: StreamMetadata, last: number): number =>
  Math.max(0, truncateBefore, maxCount === undefined ? 0 : last - maxCount + 1);

/**
 * The first revision from `from` to `last` whose event was not created before `sinceMs`; `last + 1` when there is none.
 * Looks at the event at `from`, and only if that one is too old at about log2 of the others: times of creation grow with
 * the revision, but for a clock that was set back.
 */
export const firstYoung = (createdAtMs: (revision: number) => number, from: number, last: number, sinceMs: number): number => {
  if (from > last || createdAtMs(from) >= sinceMs) return from;
  let old = from;
  let young = last + 1;
  while (young - old > 1) {
    const middle = old + Math.floor((young - old) / 2);
    if (createdAtMs(middle) >= sinceMs) young = middle;
    else old = middle;
  }
  return young;
};
