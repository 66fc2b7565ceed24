import type { Revision } from '../platform/eventStore/eventStore.ts';

/** What is checked, by the name under which a breach is told. */
export const INVARIANTS = {
  log: 'the log is whole: known types, no hole in a stream, positions grow',
  I1: 'charged = balances + held + spent, and every balanceAfter is right',
  I2: 'balance and held are never negative; held = totals of open orders',
  I3: 'one charge for each key',
  I4: 'one recorded outcome for each command',
  I5: 'coupons within the count; serials 1, 2, 3 without a hole',
  I6: 'at most perUser coupons of a policy for each user',
  I7: 'a coupon is free, held by one order, used once, or deleted; used by an order it stays so',
  I8: 'coupons only by their terms, for their owner, in their time',
  I9: 'a request of the queue is refused only for a reason that was true',
  I10: 'stock is never negative',
  I11: 'received = on hand + taken',
  I12: 'no order is open for more than 60 s, and nothing else is held',
  I13: 'one submission, one verdict in the whole history, one settlement',
  I14: 'placed if and only if the same lines were taken',
  I15: 'rejected if and only if stock was denied; everything given back',
  I16: 'total = unit prices x quantities - discount, fixed at submission',
  I17: 'every row of every view = the fold of the log to its position',
  I22: 'no view is behind',
} as const;
export type Invariant = keyof typeof INVARIANTS;

export type Violation = Readonly<{ invariant: Invariant; where: string; expected: string; actual: string }>;

/** Violations that are kept in words; all of them are counted. */
export const VIOLATIONS_KEPT_MAX = 1_000;

/** Where in the log something stands; without a revision, a stream as a whole. */
export type Place = Readonly<{ stream: string; revision?: Revision }>;

export const placeText = ({ stream, revision }: Place): string => (revision === undefined ? stream : `${stream} @${revision}`);

/** Collects what does not hold: counts by invariant, and the first of them in words. */
export class Findings {
  readonly kept: Violation[] = [];
  private readonly counts = new Map<Invariant, number>();

  report(invariant: Invariant, where: string, expected: unknown, actual: unknown): void {
    this.counts.set(invariant, this.countOf(invariant) + 1);
    if (this.kept.length < VIOLATIONS_KEPT_MAX) this.kept.push({ invariant, where, expected: String(expected), actual: String(actual) });
  }

  countOf(invariant: Invariant): number {
    return this.counts.get(invariant) ?? 0;
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }
}
