import { Counter } from 'k6/metrics';

/**
 * Totals over all virtual users. They share no memory, so totals are k6 counters, and k6 adds them up.
 *
 * `sent` is counted before a request leaves, `answered` once its outcome is known, `acked` when that outcome was success.
 * What an interruption or a lost answer leaves open is therefore sent − answered, whatever cut the iteration off.
 */
const kinds = ['charge', 'charge_won', 'coupon', 'order', 'order_won', 'request'] as const;
export type Kind = (typeof kinds)[number];
export type Stage = 'sent' | 'answered' | 'acked';

/** Adds to a counter. k6 makes a function anew each time one of its objects is asked for it; this one is made once. */
const adderTo = (counter: Counter): ((n: number) => void) => counter.add.bind(counter);

const countersOf = (stage: Stage) =>
  Object.fromEntries(kinds.map((kind) => [kind, adderTo(new Counter(`${stage}_${kind}`))])) as Record<Kind, (n: number) => void>;

const counters = { sent: countersOf('sent'), answered: countersOf('answered'), acked: countersOf('acked') };

export const count = (stage: Stage, kind: Kind, n = 1): void => counters[stage][kind](n);

/** Problem types of the API's catalogue; any other refusal is counted as `other`. */
const problems = [
  'invalid-request',
  'unknown-policy',
  'not-open',
  'sold-out',
  'already-issued',
  'unknown-coupon',
  'coupon-unavailable',
  'insufficient-balance',
  'out-of-stock',
  'unknown-product',
  'unknown-order',
  'limit-exceeded',
  'too-many-open-orders',
  'request-in-progress',
  'key-reused',
  'read-model-behind',
  'contended',
  'overloaded',
  'unavailable',
  'internal',
  'no-answer',
  'other',
] as const;
const refusals = new Map<string, Counter>(problems.map((problem) => [problem, new Counter(`refused_${problem.replaceAll('-', '_')}`)]));

/** Counts a refusal by its problem type. */
export const countRefusal = (problem: string): void => (refusals.get(problem) ?? refusals.get('other'))?.add(1);
