import { equal, type Identity, none, type Policy, won } from './oracle.ts';

/** A coupon as the query API shows it; `null` where it shows none. */
export type Read = Readonly<{ serial: number; coupon: Readonly<{ policyId: string; serial: number; userId: string }> | null }>;

/** What a coupon run ended in. `lagMs`: how long the views took to reach the last write. */
export type CouponShop = Readonly<{ policy: Policy; read: readonly Read[]; beyond: Read; lagMs: number }>;

/** Views must stand at the end of the log this soon after the last write, in milliseconds. */
const VIEWS_MAX_MS = 30_000;

/** Every `step`-th serial of `issued`, always with the first and the last: at most `max` + 1 of them. */
export const serialsToRead = (issued: number, max: number): number[] => {
  const step = Math.max(1, Math.ceil(issued / max));
  const serials = Array.from({ length: Math.ceil(issued / step) }, (_, i) => 1 + i * step);
  return issued > 0 && serials.at(-1) !== issued ? [...serials, issued] : serials;
};

/**
 * K3 of a policy that gives one coupon to a user: issued = count − remaining ≤ count, each serial that was looked for is there once and
 * with an owner of its own, and there is none beyond. Pure.
 */
export const couponIdentities = ({ policy, read, beyond, lagMs }: CouponShop): Identity[] => {
  const { policyId, count, issued, remaining } = policy;
  const missing = read.filter(({ serial, coupon }) => coupon?.serial !== serial || coupon.policyId !== policyId);
  const owners = new Set(read.flatMap(({ coupon }) => (coupon ? [coupon.userId] : [])));
  return [
    equal('K3 issued = count - remaining', (count ?? Number.NaN) - (remaining ?? Number.NaN), issued),
    none(
      'K3 never more than the count',
      `at most ${won(count ?? 0)}`,
      issued > (count ?? 0) || beyond.coupon !== null
        ? [`${won(issued)} issued, serial ${beyond.serial} ${beyond.coupon ? 'is' : 'not'} there`]
        : [],
    ),
    none(
      'K3 serials 1, 2, 3 …',
      `${won(read.length)} of ${won(issued)} looked for`,
      missing.map(({ serial }) => `serial ${serial}`),
    ),
    equal('K3 one coupon a user', read.length - missing.length, owners.size),
    {
      id: 'K7 views at the end of the log',
      ok: lagMs <= VIEWS_MAX_MS,
      expected: `within ${won(VIEWS_MAX_MS)} ms`,
      actual: `${won(lagMs)} ms`,
    },
  ];
};
