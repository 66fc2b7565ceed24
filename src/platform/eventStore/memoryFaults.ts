import type { NewEvent, Revision } from './eventStore.ts';

/** What goes wrong with one append. Each but `none` and `slow` ends as AppendInDoubt. */
export type AppendFault =
  | Readonly<{ kind: 'none' }>
  | Readonly<{ kind: 'never-landed' }>
  /** Written (or refused) at once, but nobody is told. */
  | Readonly<{ kind: 'answer-lost' }>
  /** Written `afterMs` later, against the stream as it is then; without `afterMs` only when `landLate()` is called. */
  | Readonly<{ kind: 'lands-late'; afterMs?: number }>
  /** Written after `landMs` and answered `answerMs` later: appends overtake each other, and so do their answers. */
  | Readonly<{ kind: 'slow'; landMs: number; answerMs: number }>;

/** One append as a fault plan sees it; `number` counts the appends of this adapter from 0. */
export type AttemptedAppend = Readonly<{ stream: string; events: readonly NewEvent[]; expected: Revision; number: number }>;

/** Decides for each append what goes wrong with it. */
export type FaultPlan = (append: AttemptedAppend) => AppendFault;

export const noFaults: FaultPlan = () => ({ kind: 'none' });

/** How likely each fault is, from 0 to 1, and how long waits last at most, in milliseconds. */
export type FaultRates = Readonly<{ neverLanded: number; answerLost: number; landsLate: number; slow: number; waitMaxMs: number }>;

/** A plan that repeats itself exactly for the same `random`, a function like Math.random. */
export const randomFaults = (random: () => number, rates: FaultRates): FaultPlan => {
  const wait = () => Math.floor(random() * rates.waitMaxMs);
  return () => {
    let dice = random();
    if (dice < rates.neverLanded) return { kind: 'never-landed' };
    dice -= rates.neverLanded;
    if (dice < rates.answerLost) return { kind: 'answer-lost' };
    dice -= rates.answerLost;
    if (dice < rates.landsLate) return { kind: 'lands-late', afterMs: wait() };
    dice -= rates.landsLate;
    return dice < rates.slow ? { kind: 'slow', landMs: wait(), answerMs: wait() } : { kind: 'none' };
  };
};
