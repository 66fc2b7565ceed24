import { describe, expect, it } from '@jest/globals';

type Judged = { id: string; ok: boolean; expected: string; actual: string }[];
type Judge = {
  acknowledged(counters: Record<string, number>, totals: Record<string, number>): Judged;
  peaks(visits: [number, number][][]): { shoppers: number; requests: number };
};
const judge = (await import(new URL('../../load/runner/judge.mjs', import.meta.url).href)) as Judge;

const counters = (acked: number, answered: number, sent: number) => ({
  acked_charge_won: acked,
  answered_charge_won: answered,
  sent_charge_won: sent,
});
const chargeWon = (found: Judged) => found.find(({ id }) => id.startsWith('K8 charge_won'));

describe('K8: what was acknowledged is what is recorded', () => {
  it.each([
    ['every answer known: equal to the won', counters(30_000, 30_000, 30_000), 30_000, true],
    ['an acknowledged won that is not recorded', counters(30_000, 30_000, 30_000), 29_999, false],
    ['a recorded won nobody was told of', counters(30_000, 30_000, 30_000), 30_001, false],
    ['a lost answer whose charge was recorded', counters(20_000, 20_000, 30_000), 30_000, true],
    ['a lost answer whose charge was not', counters(20_000, 20_000, 30_000), 20_000, true],
    ['a refusal widens nothing', counters(20_000, 30_000, 30_000), 30_000, false],
  ])('%s', (_, counted, recorded, ok) => {
    expect(chargeWon(judge.acknowledged(counted, { charge_won: recorded }))?.ok).toBe(ok);
  });
});

describe('peaks', () => {
  it('count what holds at one moment, not what merely touches', () => {
    const first: [number, number][] = [
      [0, 10],
      [10, 20],
    ];
    const other: [number, number][] = [
      [5, 8],
      [30, 40],
    ];
    expect(judge.peaks([first, other])).toEqual({ shoppers: 2, requests: 2 });
    expect(judge.peaks([first])).toEqual({ shoppers: 1, requests: 1 });
    expect(judge.peaks([])).toEqual({ shoppers: 0, requests: 0 });
  });
});
