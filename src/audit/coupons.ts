import type { Coupon, DataOf, Entry, Policy } from './books.ts';
import { UNTOUCHED } from './couponUse.ts';
import { noteIssued } from './requests.ts';

const MINUTE_MS = 60_000;

export const issue = (entry: Entry, issued: DataOf<'CouponIssued'>): void => {
  const { books, id: policyId } = entry;
  const { couponId, serial, commandId } = issued;
  entry.once('I4', 'issue', commandId);
  noteIssued(entry, issued);
  const policy = books.policies.get(policyId);
  if (policy) {
    countIssue(entry, policy, issued);
    checkTerms(entry, policy, issued);
  } else entry.breaks('I8', couponId, 'a policy that was opened before', 'none');
  entry.same('I5', 'couponId', `${policyId}-${serial}`, couponId);
  const number = books.coupons.size + 1;
  if (books.coupons.has(couponId)) entry.breaks('I5', couponId, 'issued once', 'issued again');
  else books.coupons.set(couponId, { issued, policyId, number, changes: 1, ...UNTOUCHED });
};

const countIssue = (entry: Entry, policy: Policy, { serial, userId }: DataOf<'CouponIssued'>): void => {
  const { count, perUser } = policy.terms;
  entry.same('I5', 'serial', policy.lastSerial + 1, serial);
  policy.lastSerial = serial;
  policy.issued += 1;
  if (count !== null && policy.issued > count) entry.breaks('I5', 'coupons issued', `at most ${count}`, policy.issued);
  if (perUser === null) return;
  const had = policy.byUser.get(userId) ?? 0;
  policy.byUser.set(userId, had + 1);
  if (had >= perUser) entry.breaks('I6', `coupons of ${userId}`, `at most ${perUser}`, had + 1);
};

const checkTerms = (entry: Entry, { terms, deletedAt }: Policy, issued: DataOf<'CouponIssued'>): void => {
  const { startsAt, endsAt, expireMinutes, discountType, discountAmount } = terms;
  if (deletedAt !== null) entry.breaks('I8', issued.couponId, 'a policy that is not deleted', `deleted at ${deletedAt}`);
  const { issuedAt } = issued;
  if (issuedAt < startsAt || issuedAt > endsAt) entry.breaks('I8', 'issuedAt', `${startsAt} to ${endsAt}`, issuedAt);
  entry.same('I8', 'expiresAt', Math.min(endsAt, issuedAt + expireMinutes * MINUTE_MS), issued.expiresAt);
  entry.same('I8', 'discountType', discountType, issued.discountType);
  entry.same('I8', 'discountAmount', discountAmount, issued.discountAmount);
};

/** Won off a subtotal: a whole percent rounded down, or an amount up to the subtotal. */
export const discountOf = ({ issued: { discountType, discountAmount } }: Coupon, subtotal: number): number =>
  discountType === 'rate' ? Math.floor((subtotal * discountAmount) / 100) : Math.min(discountAmount, subtotal);
