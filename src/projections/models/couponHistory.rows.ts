/** What became of a coupon after its issue, which is in `coupons`. `seq` counts from 2: the issue is 1. */
export type CouponHistoryRow = Readonly<{
  coupon_id: string;
  seq: number;
  change: 'held' | 'used' | 'released' | 'use-cancelled' | 'deleted';
  product_id: string | null;
  order_id: string | null;
  at: Date;
}>;
