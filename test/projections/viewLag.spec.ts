import { describe, expect, it } from '@jest/globals';
import { ViewLag } from '../../src/projections/viewLag.ts';

describe('the lag of a view', () => {
  it('is nothing while the view is at the end of the log, however long ago that was reached', () => {
    const lag = new ViewLag();
    lag.sawHead(10n, 0);
    expect(lag.msBehind(10n, 60_000)).toBe(0);
    expect(new ViewLag().msBehind(-1n, 60_000)).toBe(0);
  });

  it('counts from when the log first went beyond it, not from the newest event', () => {
    const lag = new ViewLag();
    lag.sawHead(10n, 0);
    lag.sawHead(20n, 1_000);
    lag.sawHead(20n, 2_000);
    lag.sawHead(30n, 3_000);
    expect([lag.msBehind(10n, 4_000), lag.msBehind(15n, 4_000), lag.msBehind(20n, 4_000), lag.msBehind(30n, 4_000)]).toEqual([
      3_000, 3_000, 1_000, 0,
    ]);
  });

  it('is no smaller than ten minutes once what it counts from is forgotten', () => {
    const lag = new ViewLag();
    for (let i = 0; i < 3_000; i += 1) lag.sawHead(BigInt(i), i * 250);
    expect(lag.msBehind(-1n, 3_000 * 250)).toBe(2_400 * 250);
  });
});
