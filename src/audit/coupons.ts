import type { PolicyTerms } from '../domain/couponPolicy.ts';
import type { Coupon, DataOf, Entry, Policy } from './books.ts';

const MINUTE_MS = 60_000;

export const openPolicy = (entry: Entry, opened: DataOf<'CouponPolicyOpened'>): void => {
  entry.same('I4', 'policyId', entry.id, opened.policyId);
  if (entry.books.policies.has(entry.id)) entry.breaks('I4', 'policy', 'opened once', 'opened again');
  else entry.books.policies.set(entry.id, { opened, issued: 0, lastSerial: 0, byUser: new Map() });
};

export const issue = (entry: Entry, issued: DataOf<'CouponIssued'>): void => {
  const { books, id: policyId } = entry;
  const { couponId, serial, commandId } = issued;
  entry.once('I4', 'issue', commandId);
  const policy = books.policies.get(policyId);
  if (policy) {
    countIssue(entry, policy, issued);
    checkTerms(entry, policy.opened.terms, issued);
  } else entry.breaks('I8', couponId, 'a policy that was opened before', 'none');
  entry.same('I5', 'couponId', `${policyId}-${serial}`, couponId);
  const number = books.coupons.size + 1;
  if (books.coupons.has(couponId)) entry.breaks('I5', couponId, 'issued once', 'issued again');
  else books.coupons.set(couponId, { issued, policyId, number, status: 'available', orderId: null, usedAt: null });
};

const countIssue = (entry: Entry, policy: Policy, { serial, userId }: DataOf<'CouponIssued'>): void => {
  const { count, perUser } = policy.opened.terms;
  entry.same('I5', 'serial', policy.lastSerial + 1, serial);
  policy.lastSerial = serial;
  policy.issued += 1;
  if (count !== null && policy.issued > count) entry.breaks('I5', 'coupons issued', `at most ${count}`, policy.issued);
  if (perUser === null) return;
  const had = policy.byUser.get(userId) ?? 0;
  policy.byUser.set(userId, had + 1);
  if (had >= perUser) entry.breaks('I6', `coupons of ${userId}`, `at most ${perUser}`, had + 1);
};

const checkTerms = (entry: Entry, terms: PolicyTerms, issued: DataOf<'CouponIssued'>): void => {
  const { startsAt, endsAt, expireMinutes, discountType, discountAmount } = terms;
  const { issuedAt } = issued;
  if (issuedAt < startsAt || issuedAt > endsAt) entry.breaks('I8', 'issuedAt', `${startsAt} to ${endsAt}`, issuedAt);
  entry.same('I8', 'expiresAt', Math.min(endsAt, issuedAt + expireMinutes * MINUTE_MS), issued.expiresAt);
  entry.same('I8', 'discountType', discountType, issued.discountType);
  entry.same('I8', 'discountAmount', discountAmount, issued.discountAmount);
};

/** The coupon that an order names; it was issued before. */
const couponOf = (entry: Entry, couponId: string): Coupon | undefined => {
  const coupon = entry.books.coupons.get(couponId);
  if (!coupon) entry.breaks('I8', couponId, 'issued before', 'never issued');
  return coupon;
};

/** An order takes hold of a coupon. */
export const holdCoupon = (entry: Entry, couponId: string, orderId: string, at: number): void => {
  const coupon = couponOf(entry, couponId);
  if (!coupon) return;
  const { userId, expiresAt } = coupon.issued;
  entry.same('I8', `user of ${couponId}`, userId, entry.id);
  if (at > expiresAt) entry.breaks('I8', `hold of ${couponId}`, `at ${expiresAt} or before`, at);
  if (coupon.status !== 'available') entry.breaks('I7', couponId, 'available', statusText(coupon));
  Object.assign(coupon, { status: 'held', orderId, usedAt: null });
};

/** The order that holds a coupon uses it up: `usedAt` says when; `null` gives it back. */
export const letGoCoupon = (entry: Entry, couponId: string, orderId: string, usedAt: number | null): void => {
  const coupon = couponOf(entry, couponId);
  if (!coupon) return;
  if (coupon.status !== 'held' || coupon.orderId !== orderId) entry.breaks('I7', couponId, `held by ${orderId}`, statusText(coupon));
  const used = usedAt !== null;
  Object.assign(coupon, { status: used ? 'used' : 'available', orderId: used ? orderId : null, usedAt });
};

const statusText = ({ status, orderId }: Coupon): string => (orderId === null ? status : `${status} by ${orderId}`);

/** Won off a subtotal: a whole percent rounded down, or an amount up to the subtotal. */
export const discountOf = ({ issued: { discountType, discountAmount } }: Coupon, subtotal: number): number =>
  discountType === 'rate' ? Math.floor((subtotal * discountAmount) / 100) : Math.min(discountAmount, subtotal);
