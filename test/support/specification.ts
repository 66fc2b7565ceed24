import { expect } from '@jest/globals';
import { type Decision, type Fold, foldAll } from '../../src/domain/kernel.ts';

/**
 * given(past).when(decision).records(events).answers(outcome): a decision read as a sentence.
 * Every decision that records is decided once more on what it left behind: nothing may be recorded twice.
 * No member is called `then`: a test runner that is handed such an object takes it for a promise.
 */
export const specificationOf =
  <S, E>(fold: Fold<S, E>) =>
  (...past: readonly E[]) => ({
    when: <O>(decide: (state: S) => Decision<E, O>) => {
      const before = foldAll(fold, fold.initial, past);
      const decision = decide(before);
      const again = decide(foldAll(fold, before, decision.events));
      expect(again.events).toEqual([]);
      const told = {
        records: (...expected: readonly E[]) => {
          expect(decision.events).toEqual(expected);
          return told;
        },
        recordsNothing: () => {
          expect(decision.events).toEqual([]);
          return told;
        },
        answers: (expected: unknown) => {
          matches(decision.outcome, expected);
          return told;
        },
        restingOn: (expected: Decision<E, O>['restsOn']) => {
          expect(decision.restsOn).toBe(expected);
          return told;
        },
        answersAgain: (expected: unknown) => {
          matches(again.outcome, expected);
          return told;
        },
      };
      return told;
    },
  });

const matches = (outcome: unknown, expected: unknown): void => {
  if (typeof expected === 'object' && expected !== null) expect(outcome).toMatchObject(expected);
  else expect(outcome).toBe(expected);
};
