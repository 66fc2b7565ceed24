import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { accountSnapshots, inventorySnapshots, policySnapshots } from '../../src/commands/snapshotKinds.ts';
import { rowsOf, type StateShape, stateOf } from '../../src/commands/snapshotRows.ts';
import { accountFold } from '../../src/domain/account.ts';
import { couponPolicyFold } from '../../src/domain/couponPolicy.ts';
import { inventoryFoldOf } from '../../src/domain/inventory.ts';
import { type Fold, foldAll } from '../../src/domain/kernel.ts';
import { plainOf } from '../support/plainState.ts';
import { accountHistory, ledgerHistory, policyHistory } from './histories.ts';

/** Verdicts that the ledger of these tests remembers in one generation: few, so that it forgets. */
const PER_GENERATION = 5;
const numbers = fc.array(fc.nat(400), { maxLength: 120 });

/** Folds up to `at`, keeps that as JSON and goes on from it: must be the state of all events from the first. */
const expectSame = <S extends object, E>(fold: Fold<S, E>, shape: StateShape<S>, history: readonly E[], at: number): void => {
  const cut = history.length === 0 ? 0 : at % (history.length + 1);
  const before = foldAll(fold, fold.initial, history.slice(0, cut));
  const json = JSON.stringify([...rowsOf(before, shape)]);
  const after = foldAll(fold, stateOf(JSON.parse(json), shape), history.slice(cut));
  expect(plainOf(after)).toEqual(plainOf(foldAll(fold, fold.initial, history)));
};

describe('a state from a snapshot equals the fold from revision 0 (I17)', () => {
  it('of the stock ledger', () => {
    const check = (n: number[], at: number) =>
      expectSame(inventoryFoldOf(PER_GENERATION), inventorySnapshots.shape, ledgerHistory(n, PER_GENERATION), at);
    fc.assert(fc.property(numbers, fc.nat(200), check));
  });

  it('of an account', () => {
    fc.assert(fc.property(numbers, fc.nat(200), (n, at) => expectSame(accountFold, accountSnapshots.shape, accountHistory(n), at)));
  });

  it('of a coupon policy', () => {
    fc.assert(fc.property(numbers, fc.nat(200), (n, at) => expectSame(couponPolicyFold, policySnapshots.shape, policyHistory(n), at)));
  });
});

it('keeps the state as it was when asked, whatever is folded while its rows are made', () => {
  const history = ledgerHistory([0, 2, 3, 4, 8, 10, 11], PER_GENERATION);
  const fold = inventoryFoldOf(PER_GENERATION);
  const before = foldAll(fold, fold.initial, history);
  const rows = rowsOf(before, inventorySnapshots.shape);
  const expected = plainOf(before);
  foldAll(fold, before, ledgerHistory([0, 18, 19, 20, 21, 22, 23], PER_GENERATION));
  expect(plainOf(stateOf([...rows], inventorySnapshots.shape))).toEqual(expected);
});

it.each([
  [[{ counted: 1 }], 'counted'],
  [[{ onHand: [] }], 'onHand'],
  [[{}, 'unheardOf', ['a', 1]], 'unheardOf'],
])('takes no rows of another state: %j', (rows, named) => {
  expect(() => stateOf(rows, inventorySnapshots.shape)).toThrow(named);
});

// The state that each version makes of a history with every kind of event. Another hash here means another fold: raise the
// version in snapshotKinds.ts, so that snapshots of the old one are void, and then put the new hash in its place.
const every = [...Array.from({ length: 1_500 }, (_, i) => ((i + 1) ** 3 * 31 + i) % 4_001).filter((n) => n !== 7), 7];
const hashOf = (state: object): string =>
  createHash('sha256')
    .update(JSON.stringify(plainOf(state)))
    .digest('hex')
    .slice(0, 16);

it.each([
  [
    inventorySnapshots.version,
    hashOf(foldAll(inventoryFoldOf(100), inventoryFoldOf(100).initial, ledgerHistory(every, 100))),
    '52e67850b111e61c',
  ],
  [accountSnapshots.version, hashOf(foldAll(accountFold, accountFold.initial, accountHistory(every))), '65dac4179eadcadd'],
  [policySnapshots.version, hashOf(foldAll(couponPolicyFold, couponPolicyFold.initial, policyHistory(every))), 'a904bd2d54bc667f'],
])('the fold of version "%s" has not changed (MB10)', (_version, hash, pinned) => {
  expect(hash).toBe(pinned);
});

it('the histories above have every kind of event', () => {
  const types = (events: readonly { type: string }[]) => [...new Set(events.map(({ type }) => type))].sort();
  expect(types(ledgerHistory(every, 100))).toEqual(['StockDenied', 'StockReceived', 'StockTaken']);
  expect(types(accountHistory(every))).toHaveLength(7);
  expect(types(policyHistory(every))).toHaveLength(6);
});
