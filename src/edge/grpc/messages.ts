import type { CouponAfter } from '../../commands/dialects/seed004Coupons.ts';
import type { PolicyNow } from '../../domain/couponPolicy.ts';
import type { ZonedTime } from '../../platform/zonedTime.ts';
import type { ListedCoupon, ListedPolicy } from '../../read-api/dialects/seed004.ts';

const TYPES = { limited: 1, unlimited: 2 } as const;
const DISCOUNT_TYPES = { rate: 1, amount: 2 } as const;

/** A policy after a command, as lists show it. */
export const listedPolicy = ({ opened, terms, issued, updatedAt, deletedAt }: PolicyNow): ListedPolicy => ({
  ...terms,
  number: opened.number,
  issued,
  createdAt: opened.at,
  updatedAt,
  deletedAt,
});

/** `coupon.Coupon` and `user_coupon.Coupon`, whose fields are the same but for what is left. */
export const couponOf = (policy: ListedPolicy, dates: ZonedTime) => ({
  id: policy.number,
  name: policy.name,
  type: policy.count === null ? TYPES.unlimited : TYPES.limited,
  count: policy.count ?? 0,
  startDate: dates.text(policy.startsAt),
  endDate: dates.text(policy.endsAt),
  expireMinute: policy.expireMinutes,
  discountType: DISCOUNT_TYPES[policy.discountType],
  discountAmount: policy.discountAmount,
  createdAt: dates.text(policy.createdAt),
  updatedAt: dates.text(policy.updatedAt),
  deletedAt: orEmpty(policy.deletedAt, dates),
});

/** With what is left of a limited one (R8). */
export const couponWithStock = (policy: ListedPolicy, dates: ZonedTime) => ({
  ...couponOf(policy, dates),
  ...(policy.count === null ? {} : { couponsStock: policy.count - policy.issued }),
});

/** `user_coupon.UserCouponStorage` as it is listed. */
export const storageOf = (coupon: ListedCoupon, dates: ZonedTime) => ({
  id: coupon.number,
  userId: coupon.userId,
  couponId: coupon.policy.number,
  couponNumber: coupon.serial,
  productId: coupon.productId ?? '',
  giveDate: dates.text(coupon.issuedAt),
  usedDate: orEmpty(coupon.usedAt, dates),
  expireDate: dates.text(coupon.expiresAt),
  createdAt: dates.text(coupon.issuedAt),
  updatedAt: dates.text(coupon.updatedAt),
  deletedAt: '',
  Coupons: couponOf(coupon.policy, dates),
});

/** The same after a command. */
export const storageAfter = (id: number, { issued, policyNumber, use, at }: CouponAfter, dates: ZonedTime) => ({
  id,
  userId: issued.userId,
  couponId: policyNumber,
  couponNumber: issued.serial,
  productId: use.productId ?? '',
  giveDate: dates.text(issued.issuedAt),
  usedDate: orEmpty(use.usedAt, dates),
  expireDate: dates.text(issued.expiresAt),
  createdAt: dates.text(issued.issuedAt),
  updatedAt: dates.text(use.deletedAt ?? use.usedAt ?? at),
  deletedAt: orEmpty(use.deletedAt, dates),
});

const orEmpty = (at: number | null, dates: ZonedTime): string => (at === null ? '' : dates.text(at));
