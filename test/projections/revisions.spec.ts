import { expect, it } from '@jest/globals';
import { RevisionHole, RevisionWatch } from '../../src/projections/revisions.ts';

/** A watch that is told of events by stream and revision; positions go on by themselves. */
const watching = (after: bigint | null, streamsMax?: number) => {
  const watch = new RevisionWatch(streamsMax);
  watch.startFrom(after);
  let position = after ?? 0n;
  const see = (stream: string, revision: number | bigint) => {
    position += 1n;
    watch.see({ stream, revision: BigInt(revision), position });
  };
  return { watch, see };
};

it('I18: takes what comes in a row and what comes again, and refuses a hole, also when it is told twice', () => {
  const { see } = watching(50n);
  for (const revision of [7, 8, 9, 8, 9, 10]) see('account-ann', revision);
  see('account-bob', 3);
  const jump = () => see('account-ann', 12);
  expect(jump).toThrow(new RevisionHole('account-ann@12 came where account-ann@11 was due'));
  expect(jump).toThrow(RevisionHole);
  see('account-ann', 11);
  see('account-ann', 12);
});

it('from the beginning of the log every stream has to begin at 0', () => {
  const { see } = watching(null);
  see('account-ann', 0);
  expect(() => see('account-bob', 1)).toThrow(RevisionHole);
});

it('remembers the streams met last, however many there are, and believes of the others what it is told', () => {
  const { see } = watching(null, 100);
  for (let n = 0; n < 10_000; n += 1) {
    see('inventory-main', n);
    see(`account-${n}`, 0);
  }
  see('account-1', 5);
  expect(() => see('account-9999', 2)).toThrow(RevisionHole);
  expect(() => see('inventory-main', 10_001)).toThrow(RevisionHole);
});

it('a subscription that begins again from what was seen is held to it; one that begins further on is not', () => {
  const { watch, see } = watching(50n);
  see('account-ann', 4);
  watch.startFrom(50n);
  expect(() => see('account-ann', 6)).toThrow(RevisionHole);
  watch.startFrom(51n);
  expect(() => see('account-ann', 6)).toThrow(RevisionHole);
  watch.pass(70n);
  watch.startFrom(70n);
  expect(() => see('account-ann', 6)).toThrow(RevisionHole);
  watch.startFrom(71n);
  see('account-ann', 6);
});
