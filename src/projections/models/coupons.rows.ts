/** `bigint` columns arrive as text. Whether a coupon has expired is judged when it is read. */
export type CouponRow = Readonly<{
  coupon_id: string;
  number: string;
  policy_id: string;
  serial: number;
  user_id: string;
  status: 'available' | 'held' | 'used' | 'deleted';
  discount_type: 'rate' | 'amount';
  discount_amount: string;
  issued_at: Date;
  expires_at: Date;
  used_at: Date | null;
  product_id: string | null;
  order_id: string | null;
  deleted_at: Date | null;
}>;
