import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RewindableMap } from '../../src/domain/rewindable.ts';

it('answers like a Map at every version, in whatever order they are asked', () => {
  const key = fc.integer({ min: 0, max: 8 });
  const operation = fc.tuple(key, fc.option(fc.integer(), { nil: undefined }), fc.nat(30));
  fc.assert(
    fc.property(fc.array(operation), fc.array(fc.tuple(fc.nat(30), key)), (operations, looks) => {
      const versions = [{ real: RewindableMap.empty<number, number>(), model: new Map<number, number>() }];
      for (const [k, v, at] of operations) {
        const base = versions[at % versions.length] as (typeof versions)[number];
        const model = new Map(base.model);
        if (v === undefined) model.delete(k);
        else model.set(k, v);
        versions.push({ real: v === undefined ? base.real.delete(k) : base.real.set(k, v), model });
      }
      for (const [at, k] of looks) {
        const { real, model } = versions[at % versions.length] as (typeof versions)[number];
        expect(real.get(k)).toBe(model.get(k));
        expect(real.size).toBe(model.size);
        expect(new Map(real.entries())).toEqual(model);
      }
    }),
  );
});

it('goes far back as well', () => {
  const first = RewindableMap.empty<number, number>().set(0, 0);
  let newest = first;
  for (let i = 1; i <= 2_000; i += 1) newest = newest.set(i, i).set(0, i);
  expect([first.get(0), first.get(1), first.size]).toEqual([0, undefined, 1]);
  expect([newest.get(0), newest.size]).toEqual([2_000, 2_001]);
});
