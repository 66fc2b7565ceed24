import type { Coupon, CouponChange, DataOf, Entry } from './books.ts';

export const UNTOUCHED = { status: 'available', orderId: null, productId: null, usedAt: null, deletedAt: null } as const;

type What = Pick<CouponChange, 'change' | 'at'> & Partial<Pick<CouponChange, 'orderId' | 'productId'>>;

/** The coupon that an account names, with its change in the books; it was issued before, and to this account. */
const changed = (entry: Entry, couponId: string, { change, at, orderId = null, productId = null }: What): Coupon | undefined => {
  const { coupons, couponChanges } = entry.books;
  const coupon = coupons.get(couponId);
  if (!coupon) {
    entry.breaks('I8', couponId, 'issued before', 'never issued');
    return undefined;
  }
  entry.same('I8', `user of ${couponId}`, coupon.issued.userId, entry.id);
  if (coupon.deletedAt !== null) entry.breaks('I7', `${couponId} ${change}`, 'not deleted', `deleted at ${coupon.deletedAt}`);
  coupon.changes += 1;
  couponChanges.set(`${couponId} ${coupon.changes}`, { couponId, seq: coupon.changes, change, orderId, productId, at });
  return coupon;
};

const inTime = (entry: Entry, { issued: { couponId, expiresAt } }: Coupon, at: number): void => {
  if (at > expiresAt) entry.breaks('I8', `time of ${couponId}`, `at ${expiresAt} or before`, at);
};

const free = (entry: Entry, coupon: Coupon): void => {
  if (coupon.status !== 'available') entry.breaks('I7', coupon.issued.couponId, 'available', statusText(coupon));
};

/** An order takes hold of a coupon. */
export const holdCoupon = (entry: Entry, couponId: string, orderId: string, at: number): void => {
  const coupon = changed(entry, couponId, { change: 'held', orderId, at });
  if (!coupon) return;
  inTime(entry, coupon, at);
  free(entry, coupon);
  Object.assign(coupon, { ...UNTOUCHED, status: 'held', orderId });
};

/** The order that holds a coupon uses it up, or gives it back. */
export const letGoCoupon = (entry: Entry, couponId: string, orderId: string, change: 'used' | 'released', at: number): void => {
  const coupon = changed(entry, couponId, { change, orderId, at });
  if (!coupon) return;
  if (coupon.status !== 'held' || coupon.orderId !== orderId) entry.breaks('I7', couponId, `held by ${orderId}`, statusText(coupon));
  Object.assign(coupon, change === 'used' ? { ...UNTOUCHED, status: 'used', orderId, usedAt: at } : UNTOUCHED);
};

/** A use outside orders. */
export const useCoupon = (entry: Entry, { couponId, productId, commandId, at }: DataOf<'CouponUsed'>): void => {
  entry.once('I4', 'coupon command', commandId);
  const coupon = changed(entry, couponId, { change: 'used', productId, at });
  if (!coupon) return;
  inTime(entry, coupon, at);
  free(entry, coupon);
  Object.assign(coupon, { ...UNTOUCHED, status: 'used', productId, usedAt: at });
};

/** A use by an order is final. */
export const cancelUse = (entry: Entry, { couponId, commandId, at }: DataOf<'CouponUseCancelled'>): void => {
  entry.once('I4', 'coupon command', commandId);
  const coupon = changed(entry, couponId, { change: 'use-cancelled', at });
  if (!coupon) return;
  inTime(entry, coupon, at);
  if (coupon.status !== 'used' || coupon.orderId !== null) entry.breaks('I7', couponId, 'used outside orders', statusText(coupon));
  Object.assign(coupon, UNTOUCHED);
};

export const deleteCoupon = (entry: Entry, { couponId, commandId, at }: DataOf<'CouponDeleted'>): void => {
  entry.once('I4', 'coupon command', commandId);
  const coupon = changed(entry, couponId, { change: 'deleted', at });
  if (!coupon) return;
  if (coupon.status === 'held') entry.breaks('I7', couponId, 'not held', statusText(coupon));
  Object.assign(coupon, { status: 'deleted', deletedAt: at });
};

const statusText = ({ status, orderId }: Coupon): string => (orderId === null ? status : `${status} by ${orderId}`);
