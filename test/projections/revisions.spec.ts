import { expect, it } from '@jest/globals';
import { RevisionHole, RevisionWatch } from '../../src/projections/revisions.ts';

it('I18: takes what comes in a row and what comes again, and refuses a hole, also when it is told twice', () => {
  const watch = new RevisionWatch(false);
  for (const revision of [7n, 8n, 9n, 8n, 9n, 10n]) watch.see('account-ann', revision);
  watch.see('account-bob', 3n);
  const jump = () => watch.see('account-ann', 12n);
  expect(jump).toThrow(new RevisionHole('account-ann@12 came where account-ann@11 was due'));
  expect(jump).toThrow(RevisionHole);
  watch.see('account-ann', 11n);
  watch.see('account-ann', 12n);
});

it('from the beginning of the log every stream has to begin at 0', () => {
  const watch = new RevisionWatch(true);
  watch.see('account-ann', 0n);
  expect(() => watch.see('account-bob', 1n)).toThrow(RevisionHole);
});

it('remembers the streams met last, however many there are, and believes of the others what it is told', () => {
  const watch = new RevisionWatch(true, 100);
  for (let n = 0; n < 10_000; n += 1) {
    watch.see('inventory-main', BigInt(n));
    watch.see(`account-${n}`, 0n);
  }
  watch.see('account-1', 5n);
  expect(() => watch.see('account-9999', 2n)).toThrow(RevisionHole);
  expect(() => watch.see('inventory-main', 10_001n)).toThrow(RevisionHole);
});
